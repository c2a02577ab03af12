/* Optimizers from Python: step() and zero_grad() as methods in C, one call of the core per
 * parameter group.
 *
 * The groups stay plain Python dicts, read anew at every step, so that schedulers and users may
 * change whatever they like in between. Gradients are read from the core's tensors: no Python
 * object is made for them. What is rare goes to Python: hooks, gradients through the step
 * (differentiable=True). Relies on optim/optim.h. Read next: minitorch/optim/optimizer.py. */
#include "python/py.h"

#include "optim/optim.h"

enum { CHUNK = 64 };     /* parameters handed to the core at once */
enum { MAX_STATES = 4 }; /* tensors of state of each */

/* ---- names ----------------------------------------------------------------------------------- */
/* clang-format off */
#define NAMES(X) \
    X(alpha) X(amsgrad) X(betas) X(capturable) X(centered) X(closure) X(dampening) \
    X(decoupled_weight_decay) X(defaults) X(differentiable) X(eps) X(exp_avg) X(exp_avg_sq) \
    X(foreach) X(fused) X(grad_avg) X(lr) X(max_exp_avg_sq) X(maximize) X(momentum) \
    X(momentum_buffer) X(nesterov) X(param_groups) X(params) X(set_to_none) X(square_avg) \
    X(state) X(step) X(weight_decay) X(_opt_called) X(_step_in_python)
/* clang-format on */

#define DECLARE(n) static PyObject *s_##n;
NAMES(DECLARE)
#undef DECLARE

static int intern_names(void)
{
#define INTERN(n)                                                                                  \
    if (!s_##n && !(s_##n = PyUnicode_InternFromString(#n))) return -1;
    NAMES(INTERN)
#undef INTERN
    return 0;
}

/* Set for good once anybody registers a step hook or makes a scheduler: until then steps need not
 * look. */
static bool hooks_exist, schedulers_exist, differentiable_exist;
static PyObject *run_with_hooks; /* minitorch.optim.optimizer._run_with_hooks */

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

/* An attribute of the optimizer that normally lies in its __dict__. New reference. */
static PyObject *attribute(PyObject *self, PyObject *dict, PyObject *name)
{
    PyObject *v = dict ? PyDict_GetItemWithError(dict, name) : NULL;
    if (MT_LIKELY(v != NULL)) return Py_NewRef(v);
    return PyErr_Occurred() ? NULL : PyObject_GetAttr(self, name);
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

/* What the state of a parameter consists of. */
typedef struct layout {
    int n;
    PyObject *key[MAX_STATES]; /* [0] is the step count */
    bool fused;
} layout;

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

/* The tensor of a parameter, or NULL with TypeError. */
static mt_tensor *param_core(PyObject *o)
{
    if (MT_LIKELY(py_tensor_check(o) && py_core(o))) return py_core(o);
    PyErr_Format(PyExc_TypeError,
                 "optimizer can only optimize Tensors, but one of the params is %s",
                 Py_TYPE(o)->tp_name);
    return NULL;
}

static int chunk_add(chunk *c, PyObject *p, mt_tensor *t, PyObject *state, const layout *l)
{
    int i = c->n++;
    c->object[i] = Py_NewRef(p);
    c->param[i] = t;
    c->states[i] = state_of(state, p);
    if (!c->states[i]) return -1;
    if (!PyDict_Check(c->states[i])) {
        PyErr_SetString(PyExc_TypeError, "an optimizer's state must be a dict for each parameter");
        return -1;
    }
    if (PyDict_GET_SIZE(c->states[i]) == 0 && make_state(l, c->states[i], t) < 0) return -1;
    for (int k = 0; k < l->n; k++) {
        c->state[k][i] = state_tensor(c->states[i], l->key[k]);
        if (c->state[k][i]) continue;
        if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, l->key[k]);
        return -1;
    }
    return 0;
}

/* Calls run(c, context) for every chunk of parameters of the group that have a gradient. */
static int in_chunks(PyObject *self, PyObject *dict, PyObject *params, const layout *l,
                     int (*run)(chunk *c, void *context), void *context)
{
    PyObject *state = attribute(self, dict, s_state);
    if (!state) return -1;
    chunk c;
    c.n = 0;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(params); i++) {
        PyObject *p = PySequence_Fast_GET_ITEM(params, i);
        mt_tensor *t = param_core(p);
        if (!t) status = -1;
        if (!t || !t->grad) continue;
        status = chunk_add(&c, p, t, state, l);
        if (status == 0 && c.n == CHUNK) {
            status = run(&c, context);
            chunk_clear(&c);
        }
    }
    if (status == 0 && c.n) status = run(&c, context);
    chunk_clear(&c);
    Py_DECREF(state);
    return status;
}

/* ---- SGD ------------------------------------------------------------------------------------- */
/* With momentum the buffers may be missing: the core makes them, then they are put into the state.
 */
static int sgd_chunk(chunk *c, void *context)
{
    mt_tensor *buffer[CHUNK], *before[CHUNK];
    for (int i = 0; i < c->n; i++) {
        buffer[i] = before[i] = state_tensor(c->states[i], s_momentum_buffer);
        if (!buffer[i] && PyErr_Occurred()) return -1;
    }
    int status = mt_sgd_step_group(c->n, c->param, buffer, context);
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
    Py_ssize_t total = PySequence_Fast_GET_SIZE(params);
    PyObject **item = PySequence_Fast_ITEMS(params);
    for (Py_ssize_t i = 0; i < total; i++) {
        mt_tensor *t = param_core(item[i]);
        if (!t) return -1;
        if (t->grad) param[n++] = t;
        if (n < CHUNK) continue;
        if (mt_sgd_step_group(n, param, NULL, s) < 0) return py_raise_int();
        n = 0;
    }
    return mt_sgd_step_group(n, param, NULL, s) < 0 ? py_raise_int() : 0;
}

static int sgd_group(PyObject *self, PyObject *dict, PyObject *group, PyObject *params)
{
    mt_sgd_step s = {0};
    if (get_number(group, s_lr, &s.lr) < 0 || get_number(group, s_momentum, &s.momentum) < 0 ||
        get_number(group, s_weight_decay, &s.weight_decay) < 0 ||
        get_flag(group, s_maximize, &s.maximize) < 0)
        return -1;
    if (s.momentum == 0) return sgd_plain(params, &s);
    if (get_number(group, s_dampening, &s.dampening) < 0 ||
        get_flag(group, s_nesterov, &s.nesterov) < 0)
        return -1;
    const layout none = {.n = 0};
    return in_chunks(self, dict, params, &none, sgd_chunk, &s);
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
        PyErr_SetString(PyExc_RuntimeError, "lr as a Tensor is not supported for capturable=False "
                                            "and foreach=True");
        return -1;
    }
    return 0;
}

static int adam_chunk(chunk *c, void *context)
{
    const mt_adam_step *s = context;
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

static int adam_group(PyObject *self, PyObject *dict, PyObject *group, PyObject *params)
{
    mt_adam_step s = {0};
    layout l = {.n = 3, .key = {s_step, s_exp_avg, s_exp_avg_sq, s_max_exp_avg_sq}};
    if (check_flags(group) < 0 || read_betas(group, &s) < 0 || get_number(group, s_lr, &s.lr) < 0 ||
        get_number(group, s_eps, &s.eps) < 0 ||
        get_number(group, s_weight_decay, &s.weight_decay) < 0 ||
        get_flag(group, s_amsgrad, &s.amsgrad) < 0 ||
        get_flag(group, s_maximize, &s.maximize) < 0 ||
        get_flag(group, s_decoupled_weight_decay, &s.decoupled) < 0 ||
        get_flag(group, s_fused, &l.fused) < 0)
        return -1;
    l.n += s.amsgrad;
    return in_chunks(self, dict, params, &l, adam_chunk, &s);
}

/* ---- RMSprop --------------------------------------------------------------------------------- */
typedef struct rmsprop_context {
    mt_rmsprop_step s;
    int momentum, average; /* where these stand in the layout, 0 if they do not */
} rmsprop_context;

static int rmsprop_chunk(chunk *c, void *context)
{
    const rmsprop_context *r = context;
    if (mt_rmsprop_step_group(c->n, c->param, c->state[1],
                              r->momentum ? c->state[r->momentum] : NULL,
                              r->average ? c->state[r->average] : NULL, c->state[0], &r->s) < 0)
        return py_raise_int();
    return 0;
}

static int rmsprop_group(PyObject *self, PyObject *dict, PyObject *group, PyObject *params)
{
    rmsprop_context r = {.momentum = 0};
    layout l = {.n = 2, .key = {s_step, s_square_avg}};
    if (check_flags(group) < 0 || get_number(group, s_lr, &r.s.lr) < 0 ||
        get_number(group, s_alpha, &r.s.alpha) < 0 || get_number(group, s_eps, &r.s.eps) < 0 ||
        get_number(group, s_weight_decay, &r.s.weight_decay) < 0 ||
        get_number(group, s_momentum, &r.s.momentum) < 0 ||
        get_flag(group, s_centered, &r.s.centered) < 0 ||
        get_flag(group, s_maximize, &r.s.maximize) < 0)
        return -1;
    if (r.s.momentum > 0) l.key[r.momentum = l.n++] = s_momentum_buffer;
    if (r.s.centered) l.key[r.average = l.n++] = s_grad_avg;
    return in_chunks(self, dict, params, &l, rmsprop_chunk, &r);
}

/* ---- step() ---------------------------------------------------------------------------------- */
typedef int (*group_step)(PyObject *self, PyObject *dict, PyObject *group, PyObject *params);

static int step_one_group(PyObject *self, PyObject *dict, PyObject *group, group_step fn)
{
    if (!PyDict_Check(group)) {
        PyErr_Format(PyExc_TypeError, "param_group must be a dict, but got %R", Py_TYPE(group));
        return -1;
    }
    PyObject *params = get(group, s_params);
    if (!params || !(params = PySequence_Fast(params, "a group's params must be a list")))
        return -1;
    int status = fn(self, dict, group, params);
    Py_DECREF(params);
    return status;
}

static int step_groups(PyObject *self, PyObject *dict, group_step fn)
{
    PyObject *groups = attribute(self, dict, s_param_groups);
    PyObject *list = groups ? PySequence_Fast(groups, "param_groups must be a list") : NULL;
    Py_XDECREF(groups);
    if (!list) return -1;
    int status = 0;
    mt_scope scope = mt_scope_open();
    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(list); i++) {
        PyObject *group = Py_NewRef(PySequence_Fast_GET_ITEM(list, i));
        status = step_one_group(self, dict, group, fn);
        Py_DECREF(group);
    }
    mt_scope_close(scope);
    Py_DECREF(list);
    return status;
}

/* The closure runs with recording on, whatever it was outside. */
static PyObject *call_closure(PyObject *closure)
{
    bool before = mt_self.no_grad;
    mt_self.no_grad = false;
    PyObject *loss = PyObject_CallNoArgs(closure);
    mt_self.no_grad = before;
    return loss;
}

/* Gradients through the step were asked for: the same formulas in Python, over operators that
 * record. 1 done, 0 not asked for, -1 error. */
static int step_in_python(PyObject *self, PyObject *dict)
{
    PyObject *defaults = attribute(self, dict, s_defaults);
    if (!defaults) return -1;
    PyObject *asked =
        PyDict_Check(defaults) ? PyDict_GetItemWithError(defaults, s_differentiable) : NULL;
    int yes = asked ? PyObject_IsTrue(asked) : PyErr_Occurred() ? -1 : 0;
    Py_DECREF(defaults);
    if (yes <= 0) return yes;
    PyObject *done = PyObject_CallMethodNoArgs(self, s__step_in_python);
    Py_XDECREF(done);
    return done ? 1 : -1;
}

/* One step without hooks. */
static PyObject *step_now(PyObject *self, PyObject *closure, group_step fn)
{
    PyObject *loss = closure == Py_None ? Py_NewRef(Py_None) : call_closure(closure);
    if (!loss) return NULL;
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (!dict) PyErr_Clear();
    int done = MT_UNLIKELY(differentiable_exist) ? step_in_python(self, dict) : 0;
    if (done == 0) done = step_groups(self, dict, fn);
    if (done >= 0 && MT_UNLIKELY(schedulers_exist))
        done = PyObject_SetAttr(self, s__opt_called, Py_True);
    Py_XDECREF(dict);
    if (done < 0) Py_CLEAR(loss);
    return loss;
}

/* Takes the closure out of a call's arguments (borrowed); NULL with TypeError. */
static PyObject *closure_of(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (nargs + named > 1) {
        PyErr_Format(PyExc_TypeError,
                     "step() takes from 1 to 2 positional arguments but %zd were given",
                     nargs + named + 1);
        return NULL;
    }
    if (nargs) return args[0];
    if (!named) return Py_None;
    int same = PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, 0), s_closure);
    if (same == 0) return args[0];
    PyErr_Format(PyExc_TypeError, "step() got an unexpected keyword argument '%U'",
                 PyTuple_GET_ITEM(kwnames, 0));
    return NULL;
}

/* Calls minitorch.optim.optimizer._run_with_hooks(self, step without hooks, args, kwargs). */
static PyObject *hooked_step(PyObject *self, PyMethodDef *bare, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *result = NULL, *kwargs = PyDict_New(), *positional = PyTuple_New(nargs + 1);
    PyObject *fn = PyCFunction_New(bare, NULL);
    if (!kwargs || !positional || !fn) goto done;
    PyTuple_SET_ITEM(positional, 0, Py_NewRef(self));
    for (Py_ssize_t i = 0; i < nargs; i++) PyTuple_SET_ITEM(positional, i + 1, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++)
        if (PyDict_SetItem(kwargs, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0) goto done;
    result = PyObject_CallFunctionObjArgs(run_with_hooks, self, fn, positional, kwargs, NULL);
done:
    Py_XDECREF(kwargs);
    Py_XDECREF(positional);
    Py_XDECREF(fn);
    return result;
}

/* STEP(name): the method, and the function the hooks are run around, which takes the optimizer
 * first. */
#define STEP(name, group)                                                                          \
    static PyObject *name##_bare(PyObject *module, PyObject *const *args, Py_ssize_t nargs,        \
                                 PyObject *kwnames)                                                \
    {                                                                                              \
        (void)module;                                                                              \
        if (nargs < 1) {                                                                           \
            PyErr_SetString(PyExc_TypeError,                                                       \
                            "step() missing 1 required positional argument: 'self'");              \
            return NULL;                                                                           \
        }                                                                                          \
        PyObject *closure = closure_of(args + 1, nargs - 1, kwnames);                              \
        return closure ? step_now(args[0], closure, group) : NULL;                                 \
    }                                                                                              \
    static PyMethodDef name##_bare_def = {"step", (PyCFunction)(void (*)(void))name##_bare,        \
                                          METH_FASTCALL | METH_KEYWORDS, NULL};                    \
    static PyObject *name##_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs,          \
                                 PyObject *kwnames)                                                \
    {                                                                                              \
        if (MT_UNLIKELY(hooks_exist))                                                              \
            return hooked_step(self, &name##_bare_def, args, nargs, kwnames);                      \
        PyObject *closure = closure_of(args, nargs, kwnames);                                      \
        return closure ? step_now(self, closure, group) : NULL;                                    \
    }

STEP(sgd, sgd_group)
STEP(adam, adam_group)
STEP(rmsprop, rmsprop_group)

/* ---- zero_grad() ----------------------------------------------------------------------------- */
/* Fills a gradient with zeros; one that has a history is cut off from it first. */
static int zero_gradient(mt_tensor *grad)
{
    if (!grad->node && !mt_requires_grad(grad)) {
        if (mt_fill_raw(grad, mt_scalar_int(0)) < 0) return py_raise_int();
        mt_bump_version(grad, NULL);
        return 0;
    }
    PyObject *g = py_wrap(grad), *done = NULL;
    if (g)
        done = grad->node ? PyObject_CallMethod(g, "detach_", NULL)
                          : PyObject_CallMethod(g, "requires_grad_", "O", Py_False);
    Py_XDECREF(done);
    if (done) done = PyObject_CallMethod(g, "zero_", NULL);
    int status = done ? 0 : -1;
    if (status == 0) Py_DECREF(done);
    Py_XDECREF(g);
    return status;
}

static int zero_group(PyObject *group, bool set_to_none)
{
    PyObject *params = PyDict_Check(group) ? get(group, s_params) : NULL;
    if (!params) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "param_group must be a dict");
        return -1;
    }
    if (!(params = PySequence_Fast(params, "a group's params must be a list"))) return -1;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(params); i++) {
        mt_tensor *t = param_core(PySequence_Fast_GET_ITEM(params, i));
        if (!t)
            status = -1;
        else if (t->grad && set_to_none)
            mt_zero_grad_group(1, &t);
        else if (t->grad)
            status = zero_gradient(t->grad);
    }
    Py_DECREF(params);
    return status;
}

static int zero_groups(PyObject *self, bool set_to_none)
{
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (!dict) PyErr_Clear();
    PyObject *groups = attribute(self, dict, s_param_groups);
    Py_XDECREF(dict);
    PyObject *list = groups ? PySequence_Fast(groups, "param_groups must be a list") : NULL;
    Py_XDECREF(groups);
    if (!list) return -1;
    int status = 0;
    mt_scope scope = mt_scope_open();
    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(list); i++)
        status = zero_group(PySequence_Fast_GET_ITEM(list, i), set_to_none);
    mt_scope_close(scope);
    Py_DECREF(list);
    return status;
}

static PyObject *zero_grad(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    int set_to_none = 1;
    if (MT_UNLIKELY(nargs + named > 0)) {
        if (nargs + named > 1)
            return PyErr_Format(PyExc_TypeError,
                                "Optimizer.zero_grad() takes from 1 to 2 positional arguments but "
                                "%zd were given",
                                nargs + named + 1);
        if (named && PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, 0), s_set_to_none) != 0)
            return PyErr_Format(PyExc_TypeError,
                                "Optimizer.zero_grad() got an unexpected keyword argument '%U'",
                                PyTuple_GET_ITEM(kwnames, 0));
        if ((set_to_none = PyObject_IsTrue(args[0])) < 0) return NULL;
    }
    if (zero_groups(self, set_to_none) < 0) return NULL;
    Py_RETURN_NONE;
}

/* ---- registration ---------------------------------------------------------------------------- */
static PyObject *watch_hooks(PyObject *module, PyObject *run)
{
    (void)module;
    Py_XSETREF(run_with_hooks, Py_NewRef(run));
    hooks_exist = true;
    Py_RETURN_NONE;
}

static PyObject *watch_schedulers(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    schedulers_exist = true;
    Py_RETURN_NONE;
}

static PyObject *watch_differentiable(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    differentiable_exist = true;
    Py_RETURN_NONE;
}

#define STEP_DOC(text)                                                                             \
    "step($self, /, closure=None)\n--\n\n" text                                                    \
    "\n\nclosure: a function that evaluates the model anew and returns the loss, which step() "    \
    "then\n"                                                                                       \
    "returns as well. The gradients are read from the parameters' .grad; parameters without one\n" \
    "stay as they are."

static PyMethodDef methods[] = {
    {"step", (PyCFunction)(void (*)(void))sgd_step, METH_FASTCALL | METH_KEYWORDS,
     STEP_DOC("Performs one step of gradient descent.")},
    {"step", (PyCFunction)(void (*)(void))adam_step, METH_FASTCALL | METH_KEYWORDS,
     STEP_DOC("Performs one step of Adam.")},
    {"step", (PyCFunction)(void (*)(void))rmsprop_step, METH_FASTCALL | METH_KEYWORDS,
     STEP_DOC("Performs one step of RMSprop.")},
    {"zero_grad", (PyCFunction)(void (*)(void))zero_grad, METH_FASTCALL | METH_KEYWORDS,
     "zero_grad($self, /, set_to_none=True)\n--\n\n"
     "Resets the gradients of all parameters: to None, or, with set_to_none=False, to zeros."},
};
static const char *const method_names[] = {"_sgd_step", "_adam_step", "_rmsprop_step",
                                           "_zero_grad"};

static PyMethodDef functions[] = {
    {"_watch_step_hooks", watch_hooks, METH_O,
     "_watch_step_hooks(run, /)\n--\n\nFrom now on steps go through run(optimizer, step, args, "
     "kwargs)."},
    {"_watch_schedulers", watch_schedulers, METH_NOARGS,
     "_watch_schedulers()\n--\n\nFrom now on steps set the optimizer's _opt_called."},
    {"_watch_differentiable", watch_differentiable, METH_NOARGS,
     "_watch_differentiable()\n--\n\nFrom now on steps look for differentiable=True."},
    {NULL, NULL, 0, NULL},
};

int py_init_optim(PyObject *module)
{
    if (intern_names() < 0 || PyModule_AddFunctions(module, functions) < 0) return -1;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        PyObject *method = PyDescr_NewMethod(&PyBaseObject_Type, &methods[i]);
        if (!method) return -1;
        int status = PyModule_AddObjectRef(module, method_names[i], method);
        Py_DECREF(method);
        if (status < 0) return -1;
    }
    return 0;
}
