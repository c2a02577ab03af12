/* Optimizers from Python, a parameter group at a time: reading its options, finding the state of
 * its parameters, and one call of the core per chunk of them.
 *
 * The groups stay plain Python dicts, so that schedulers and users may change whatever they like
 * between steps; they are read anew whenever they changed (py_memo.h). Gradients are read from the
 * core's tensors: no Python object is made for them. Relies on optim/optim.h. Read next:
 * py_optim.c. */
#include "python/py_optim.h"

#include "optim/optim.h"

#include <string.h>

enum { CHUNK = 64 };     /* parameters handed to the core at once */
enum { MAX_STATES = 4 }; /* tensors of state of each */

/* clang-format off */
#define NAMES(X) \
    X(alpha) X(amsgrad) X(betas) X(capturable) X(centered) X(dampening) X(decoupled_weight_decay) \
    X(eps) X(exp_avg) X(exp_avg_sq) X(foreach) X(fused) X(grad_avg) X(lr) X(max_exp_avg_sq) \
    X(maximize) X(momentum) X(momentum_buffer) X(nesterov) X(param_names) X(params) \
    X(square_avg) X(state) X(step) X(weight_decay)
/* clang-format on */

#define DECLARE(n) static PyObject *s_##n;
NAMES(DECLARE)
#undef DECLARE

int py_optim_group_init(void)
{
#define INTERN(n)                                                                                  \
    if (!s_##n && !(s_##n = PyUnicode_InternFromString(#n))) return -1;
    NAMES(INTERN)
#undef INTERN
    return 0;
}

/* ---- reading a group ------------------------------------------------------------------------- */
/* group[key], borrowed; KeyError. */
static PyObject *get(PyObject *group, PyObject *key)
{
    PyObject *v = PyDict_GetItemWithError(group, key);
    if (MT_UNLIKELY(!v) && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, key);
    return v;
}

static int number_of(PyObject *v, double *out)
{
    if (PyFloat_CheckExact(v)) {
        *out = PyFloat_AS_DOUBLE(v);
        return 0;
    }
    if (PyLong_CheckExact(v)) {
        *out = PyLong_AsDouble(v);
        return *out == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    if (py_tensor_check(v)) {
        mt_tensor *t = py_core(v);
        if (t->numel != 1) {
            PyErr_Format(PyExc_RuntimeError,
                         "a Tensor with %lld elements cannot be converted to Scalar",
                         (long long)t->numel);
            return -1;
        }
        *out = mt_scalar_to_double(mt_item_at(t, 0));
        return 0;
    }
    *out = PyFloat_AsDouble(v);
    return *out == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int get_number(PyObject *group, PyObject *key, double *out)
{
    PyObject *v = get(group, key);
    return v ? number_of(v, out) : -1;
}

static int get_flag(PyObject *group, PyObject *key, bool *out)
{
    PyObject *v = get(group, key);
    if (!v) return -1;
    int yes = v == Py_True ? 1 : v == Py_False || v == Py_None ? 0 : PyObject_IsTrue(v);
    *out = yes > 0;
    return yes < 0 ? -1 : 0;
}

PyObject *py_optim_attribute(PyObject *self, PyObject *dict, py_memo *memos, PyObject *name)
{
    PyObject *v = dict ? py_memo_get(&memos[py_memo_slot(dict)], dict, name) : NULL;
    if (MT_LIKELY(v != NULL)) return Py_NewRef(v);
    return PyErr_Occurred() ? NULL : PyObject_GetAttr(self, name);
}

/* ---- options --------------------------------------------------------------------------------- */
/* What the state of a parameter consists of. */
typedef struct layout {
    int n;
    PyObject *key[MAX_STATES]; /* [0] is the step count, but for SGD */
    bool fused;
    bool made_by_step;     /* SGD: what is missing is not made before the step */
    int momentum, average; /* RMSprop: where these stand in key, 0 if they do not */
} layout;

/* What a step needs to know of a group. */
typedef struct options {
    uint64_t version; /* of the group; 0: to be read again at the next step */
    layout l;
    union {
        mt_sgd_step sgd;
        mt_adam_step adam;
        mt_rmsprop_step rmsprop;
    };
} options;

/* Numbers cannot change without the group changing; a tensor as learning rate can. */
static bool is_fixed(PyObject *v)
{
    if (PyFloat_CheckExact(v) || PyLong_CheckExact(v) || PyBool_Check(v) || v == Py_None ||
        PyUnicode_CheckExact(v))
        return true;
    if (!PyTuple_CheckExact(v)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(v); i++)
        if (!is_fixed(PyTuple_GET_ITEM(v, i))) return false;
    return true;
}

/* The version by which the group's options may be remembered; 0: not at all. */
static uint64_t memorable(PyObject *group)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(group, &at, &key, &value))
        if (key != s_params && key != s_param_names && !is_fixed(value)) return 0;
    return py_dict_version(group);
}

/* ---- state of a parameter -------------------------------------------------------------------- */
/* self.state[p], made if it is not there. New reference. */
static PyObject *state_of(PyObject *state, PyObject *p)
{
    if (!PyDict_Check(state)) return PyObject_GetItem(state, p);
    PyObject *s = PyDict_GetItemWithError(state, p);
    if (s) return Py_NewRef(s);
    if (PyErr_Occurred() || !(s = PyDict_New())) return NULL;
    if (PyDict_SetItem(state, p, s) < 0) Py_CLEAR(s);
    return s;
}

/* The tensor at s[key], borrowed from the dict; NULL without an exception where there is none or
 * None. */
static mt_tensor *state_tensor(PyObject *s, PyObject *key)
{
    PyObject *v = PyDict_GetItemWithError(s, key);
    if (!v || v == Py_None) return NULL;
    if (py_tensor_check(v) && py_core(v)) return py_core(v);
    PyErr_Format(PyExc_TypeError, "an optimizer's state %R must be a Tensor, not %s", key,
                 Py_TYPE(v)->tp_name);
    return NULL;
}

static int store_tensor(PyObject *s, PyObject *key, mt_tensor *t)
{
    PyObject *o = py_wrap(t);
    int status = o ? PyDict_SetItem(s, key, o) : -1;
    Py_XDECREF(o);
    return status;
}

static mt_tensor *new_step_count(bool fused)
{
    return mt_zeros_raw(fused ? MT_FLOAT32 : mt_default_dtype(), 0, NULL);
}

/* First step of p: zeros everywhere. */
static int make_state(const layout *l, PyObject *s, const mt_tensor *p)
{
    for (int k = 0; k < l->n; k++)
        if (store_tensor(s, l->key[k], k ? mt_optim_state(p) : new_step_count(l->fused)) < 0)
            return -1;
    return 0;
}

/* ---- a chunk: parameters with gradients, and their state ------------------------------------- */
typedef struct chunk {
    int n;
    PyObject *object[CHUNK], *states[CHUNK];
    mt_tensor *param[CHUNK], *state[MAX_STATES][CHUNK];
} chunk;

static void chunk_clear(chunk *c)
{
    for (int i = 0; i < c->n; i++) {
        Py_DECREF(c->object[i]);
        Py_XDECREF(c->states[i]);
    }
    c->n = 0;
}

mt_tensor *py_optim_no_tensor(PyObject *o)
{
    PyErr_Format(PyExc_TypeError,
                 "optimizer can only optimize Tensors, but one of the params is %s",
                 Py_TYPE(o)->tp_name);
    return NULL;
}

/* Where the state of a parameter was found last time. Valid while neither the optimizer's state nor
 * the group nor this state has changed, as dicts; the tensors in it may change as they like. */
typedef struct state_memo {
    uint64_t all, group, own;
    PyObject *param, *dict;
    mt_tensor *state[MAX_STATES];
} state_memo;
static state_memo state_memos[CHUNK];

static state_memo *state_memo_of(PyObject *p) { return &state_memos[((uintptr_t)p >> 4) % CHUNK]; }

/* Fills in the state of parameter i from the memo; false: it has to be looked up. */
static bool chunk_recall(chunk *c, int i, PyObject *state, const options *o)
{
    const state_memo *m = state_memo_of(c->object[i]);
    if (!o->version || m->group != o->version || m->param != c->object[i]) return false;
    if (!PyDict_Check(state) || m->all != py_dict_version(state)) return false;
    if (m->own != py_dict_version(m->dict)) return false;
    c->states[i] = Py_NewRef(m->dict);
    for (int k = 0; k < o->l.n; k++) c->state[k][i] = m->state[k];
    return true;
}

static int chunk_look_up(chunk *c, int i, PyObject *state, const options *o)
{
    PyObject *s = c->states[i] = state_of(state, c->object[i]);
    if (!s) return -1;
    if (!PyDict_Check(s)) {
        PyErr_SetString(PyExc_TypeError, "an optimizer's state must be a dict for each parameter");
        return -1;
    }
    if (!o->l.made_by_step && PyDict_GET_SIZE(s) == 0 && make_state(&o->l, s, c->param[i]) < 0)
        return -1;
    state_memo m = {0, o->version, py_dict_version(s), c->object[i], s, {NULL}};
    for (int k = 0; k < o->l.n; k++) {
        m.state[k] = c->state[k][i] = state_tensor(s, o->l.key[k]);
        if (m.state[k] || (o->l.made_by_step && !PyErr_Occurred())) continue;
        if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, o->l.key[k]);
        return -1;
    }
    if (PyDict_Check(state)) m.all = py_dict_version(state);
    if (m.all) *state_memo_of(c->object[i]) = m;
    return 0;
}

static int chunk_add(chunk *c, PyObject *p, mt_tensor *t, PyObject *state, const options *o)
{
    int i = c->n++;
    c->object[i] = Py_NewRef(p);
    c->param[i] = t;
    c->states[i] = NULL;
    return chunk_recall(c, i, state, o) ? 0 : chunk_look_up(c, i, state, o);
}

/* Calls run(c, o) for every chunk of parameters of the group that have a gradient. */
static int in_chunks(PyObject *self, PyObject *dict, PyObject *params, const options *given,
                     int (*run)(chunk *c, const options *o))
{
    const options kept = *given,
                  *o = &kept; /* what is called below may change what is remembered */
    static py_memo memos[PY_MEMO_SLOTS];
    PyObject *state = py_optim_attribute(self, dict, memos, s_state);
    if (!state) return -1;
    chunk c;
    c.n = 0;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(params); i++) {
        PyObject *p = PyList_GET_ITEM(params, i);
        mt_tensor *t = py_optim_tensor(p);
        if (!t) status = -1;
        if (!t || !t->grad) continue;
        status = chunk_add(&c, p, t, state, o);
        if (status == 0 && c.n == CHUNK) {
            status = run(&c, o);
            chunk_clear(&c);
        }
    }
    if (status == 0 && c.n) status = run(&c, o);
    chunk_clear(&c);
    Py_DECREF(state);
    return status;
}

/* ---- SGD ------------------------------------------------------------------------------------- */
/* With momentum the buffers may be missing: the core makes them, then
 * they are put into the state. */
static int sgd_chunk(chunk *c, const options *o)
{
    mt_tensor *before[CHUNK], **buffer = c->state[0];
    memcpy(before, buffer, (size_t)c->n * sizeof *before);
    int status = mt_sgd_step_group(c->n, c->param, buffer, &o->sgd);
    if (status < 0) py_raise();
    for (int i = 0; i < c->n && status == 0; i++)
        if (buffer[i] != before[i])
            status = store_tensor(c->states[i], s_momentum_buffer, buffer[i]);
    return status;
}

/* Without momentum there is no state, and nothing below can run Python code. */
static int sgd_plain(PyObject *params, const mt_sgd_step *s)
{
    mt_tensor *param[CHUNK];
    int n = 0;
    Py_ssize_t total = PyList_GET_SIZE(params);
    PyObject **item = ((PyListObject *)params)->ob_item;
    for (Py_ssize_t i = 0; i < total; i++) {
        mt_tensor *t = py_optim_tensor(item[i]);
        if (!t) return -1;
        if (t->grad) param[n++] = t;
        if (n < CHUNK) continue;
        if (mt_sgd_step_group(n, param, NULL, s) < 0) return py_raise_int();
        n = 0;
    }
    return mt_sgd_step_group(n, param, NULL, s) < 0 ? py_raise_int() : 0;
}

static int sgd_read(PyObject *group, options *o)
{
    mt_sgd_step *s = &o->sgd;
    if (get_number(group, s_lr, &s->lr) < 0 || get_number(group, s_momentum, &s->momentum) < 0 ||
        get_number(group, s_weight_decay, &s->weight_decay) < 0 ||
        get_flag(group, s_maximize, &s->maximize) < 0)
        return -1;
    if (s->momentum == 0) return 0;
    o->l = (layout){.n = 1, .key = {s_momentum_buffer}, .made_by_step = true};
    return get_number(group, s_dampening, &s->dampening) < 0 ||
                   get_flag(group, s_nesterov, &s->nesterov) < 0
               ? -1
               : 0;
}

static int sgd_run(PyObject *self, PyObject *dict, PyObject *params, const options *o)
{
    return o->sgd.momentum == 0 ? sgd_plain(params, &o->sgd)
                                : in_chunks(self, dict, params, o, sgd_chunk);
}

/* ---- Adam ------------------------------------------------------------------------------------ */
/* Flags that only have a meaning on other devices, or together with a tensor as learning rate. */
static int check_flags(PyObject *group)
{
    bool capturable, foreach;
    PyObject *lr = get(group, s_lr);
    if (!lr || get_flag(group, s_capturable, &capturable) < 0 ||
        get_flag(group, s_foreach, &foreach) < 0)
        return -1;
    if (capturable) {
        PyErr_SetString(PyExc_AssertionError,
                        "If capturable=True, params and state_steps must be on supported devices: "
                        "['cuda', 'xpu', 'hpu', 'privateuseone', 'xla'].");
        return -1;
    }
    if (foreach && py_tensor_check(lr)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "lr as a Tensor is not supported for capturable=False and foreach=True");
        return -1;
    }
    return 0;
}

static int adam_chunk(chunk *c, const options *o)
{
    const mt_adam_step *s = &o->adam;
    if (mt_adam_step_group(c->n, c->param, c->state[1], c->state[2],
                           s->amsgrad ? c->state[3] : NULL, c->state[0], s) < 0)
        return py_raise_int();
    return 0;
}

static int read_betas(PyObject *group, mt_adam_step *s)
{
    PyObject *betas = get(group, s_betas);
    if (!betas || !(betas = PySequence_Fast(betas, "betas must be a sequence"))) return -1;
    int status = -1;
    if (PySequence_Fast_GET_SIZE(betas) != 2)
        PyErr_SetString(PyExc_ValueError, "betas must have two elements");
    else if (number_of(PySequence_Fast_GET_ITEM(betas, 0), &s->beta1) == 0)
        status = number_of(PySequence_Fast_GET_ITEM(betas, 1), &s->beta2);
    Py_DECREF(betas);
    return status;
}

static int adam_read(PyObject *group, options *o)
{
    mt_adam_step *s = &o->adam;
    o->l = (layout){.n = 3, .key = {s_step, s_exp_avg, s_exp_avg_sq, s_max_exp_avg_sq}};
    if (check_flags(group) < 0 || read_betas(group, s) < 0 || get_number(group, s_lr, &s->lr) < 0 ||
        get_number(group, s_eps, &s->eps) < 0 ||
        get_number(group, s_weight_decay, &s->weight_decay) < 0 ||
        get_flag(group, s_amsgrad, &s->amsgrad) < 0 ||
        get_flag(group, s_maximize, &s->maximize) < 0 ||
        get_flag(group, s_decoupled_weight_decay, &s->decoupled) < 0 ||
        get_flag(group, s_fused, &o->l.fused) < 0)
        return -1;
    o->l.n += s->amsgrad;
    return 0;
}

static int adam_run(PyObject *self, PyObject *dict, PyObject *params, const options *o)
{
    return in_chunks(self, dict, params, o, adam_chunk);
}

/* ---- RMSprop --------------------------------------------------------------------------------- */
static int rmsprop_chunk(chunk *c, const options *o)
{
    if (mt_rmsprop_step_group(
            c->n, c->param, c->state[1], o->l.momentum ? c->state[o->l.momentum] : NULL,
            o->l.average ? c->state[o->l.average] : NULL, c->state[0], &o->rmsprop) < 0)
        return py_raise_int();
    return 0;
}

static int rmsprop_read(PyObject *group, options *o)
{
    mt_rmsprop_step *s = &o->rmsprop;
    o->l = (layout){.n = 2, .key = {s_step, s_square_avg}};
    if (check_flags(group) < 0 || get_number(group, s_lr, &s->lr) < 0 ||
        get_number(group, s_alpha, &s->alpha) < 0 || get_number(group, s_eps, &s->eps) < 0 ||
        get_number(group, s_weight_decay, &s->weight_decay) < 0 ||
        get_number(group, s_momentum, &s->momentum) < 0 ||
        get_flag(group, s_centered, &s->centered) < 0 ||
        get_flag(group, s_maximize, &s->maximize) < 0)
        return -1;
    if (s->momentum > 0) o->l.key[o->l.momentum = o->l.n++] = s_momentum_buffer;
    if (s->centered) o->l.key[o->l.average = o->l.n++] = s_grad_avg;
    return 0;
}

static int rmsprop_run(PyObject *self, PyObject *dict, PyObject *params, const options *o)
{
    return in_chunks(self, dict, params, o, rmsprop_chunk);
}

/* ---- one step of a group --------------------------------------------------------------------- */
struct py_optim_kind {
    int (*read)(PyObject *group, options *o);
    int (*run)(PyObject *self, PyObject *dict, PyObject *params, const options *o);
    options memos[PY_MEMO_SLOTS];
};

py_optim_kind py_optim_sgd = {sgd_read, sgd_run, {{0}}};
py_optim_kind py_optim_adam = {adam_read, adam_run, {{0}}};
py_optim_kind py_optim_rmsprop = {rmsprop_read, rmsprop_run, {{0}}};

PyObject *py_optim_params(PyObject *group)
{
    static py_memo memos[PY_MEMO_SLOTS];
    PyObject *params = py_memo_get(&memos[py_memo_slot(group)], group, s_params);
    if (MT_LIKELY(params != NULL)) return py_optim_list(params, "a group's params must be a list");
    if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, s_params);
    return NULL;
}

/* The group's options: remembered ones, or read into *o. NULL: error. */
static const options *read_options(py_optim_kind *k, PyObject *group, options *o)
{
    options *memo = &k->memos[py_memo_slot(group)];
    const uint64_t version = py_dict_version(group);
    if (MT_LIKELY(version && memo->version == version)) return memo;
    *o = (options){.version = memorable(group)};
    if (k->read(group, o) < 0) return NULL;
    if (o->version) *memo = *o;
    return o;
}

int py_optim_step_group(PyObject *self, PyObject *dict, PyObject *group, py_optim_kind *k)
{
    options now;
    if (!PyDict_Check(group)) {
        PyErr_Format(PyExc_TypeError, "param_group must be a dict, but got %R", Py_TYPE(group));
        return -1;
    }
    PyObject *params = py_optim_params(group);
    if (!params) return -1;
    const options *o = read_options(k, group, &now);
    int status = o ? k->run(self, dict, params, o) : -1;
    Py_DECREF(params);
    return status;
}
