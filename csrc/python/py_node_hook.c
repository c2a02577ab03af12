/* Hooks on nodes, saved-tensor hooks and anomaly mode: what looks at a single step of the way back.
 *
 * Note [Hooked nodes]
 * The engine knows nothing of this. A node that somebody wants to look at gets a copy of its operator whose rule calls
 * the hooks around the real one; the copy belongs to an entry among the node's tensor hooks and goes with them. That
 * entry is also told when the node's turn comes, which is how anomaly mode knows where an error came from.
 *
 * While saved-tensor hooks or anomaly mode are on, mt_node_made brings every new node here: what it keeps is packed,
 * and the lines of Python that made it are noted. Relies on graph/node.h; read next: minitorch/autograd/graph.py. */
#include "python/py_function.h"

#include <math.h>

#define PLACES 8 /* inputs and outputs with room on the C stack */

typedef struct hooked {
    mt_op op; /* first: the operator that the node has now */
    const mt_op *original;
    int refs;
    mt_node *node;        /* borrowed; alive while its rule runs */
    char name[64];        /* of the node, when its turn came */
    PyObject *pre, *post; /* dicts of functions, NULL if none */
    PyObject *trace;      /* where it was made; NULL: not noted */
    PyObject *unpack;     /* NULL: nothing is packed */
    int packed_count;
    PyObject **packed; /* what pack returned for inputs and outputs that are kept, NULL elsewhere */
} hooked;

static PyObject *packers; /* list of (pack, unpack) in force */
static bool anomaly, check_nan = true;
static hooked *running; /* in anomaly mode: whose turn it is */

static void hooked_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin);

static void hooked_release(void *context)
{
    hooked *h = context;
    if (!h || --h->refs) return;
    PyGILState_STATE state = PyGILState_Ensure();
    Py_XDECREF(h->pre);
    Py_XDECREF(h->post);
    Py_XDECREF(h->trace);
    Py_XDECREF(h->unpack);
    for (int i = 0; i < h->packed_count; i++) Py_XDECREF(h->packed[i]);
    PyMem_Free(h->packed);
    PyMem_Free(h);
    PyGILState_Release(state);
}

static void set_running(hooked *h)
{
    hooked *old = running;
    if (h) h->refs++;
    running = h;
    if (old) hooked_release(old);
}

/* A gradient has arrived: the node's turn. */
static mt_tensor *enter(void *context, mt_tensor *grad)
{
    hooked *h = context;
    if (!anomaly) return grad;
    mt_node_name(h->node, h->name);
    set_running(h);
    return grad;
}

/* See Note [Hooked nodes]. NULL: no memory, with a pending error. */
static hooked *hook_up(mt_node *n)
{
    if (n->call.op->backward == hooked_backward) return (hooked *)(uintptr_t)n->call.op;
    hooked *h = PyMem_Calloc(1, sizeof *h);
    if (!h) return mt_fail_memory();
    h->op = *n->call.op;
    h->op.backward = hooked_backward;
    h->op.fused = NULL;
    h->op.raw = NULL;
    h->original = n->call.op;
    h->refs = 1;
    h->node = n;
    for (int k = 0; k < n->call.nout; k++) {
        if (mt_hook_add_to_node(n, (uint32_t)k, enter, k ? NULL : hooked_release, h)) continue;
        if (k == 0) hooked_release(h);
        return NULL;
    }
    n->call.op = &h->op;
    return h;
}

/* ---- around the rule --------------------------------------------------------------------------- */

PyObject *py_tuple_of(int n, mt_tensor **t)
{
    PyObject *tuple = PyTuple_New(n);
    for (int i = 0; tuple && i < n; i++) {
        PyObject *item = t[i] ? py_wrap(t[i]) : Py_NewRef(Py_None);
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* What a hook returned, into t[]; -1 with an exception. */
static int take_returned(PyObject *fn, PyObject *returned, int n, mt_tensor **t)
{
    if (!PyTuple_Check(returned)) {
        PyErr_Format(PyExc_TypeError, "expected tuple, but hook returned '%s'",
                     Py_TYPE(returned)->tp_name);
        return -1;
    }
    if (PyTuple_GET_SIZE(returned) != n) {
        PyObject *name = PyObject_GetAttrString(fn, "__name__");
        if (!name) PyErr_Clear();
        PyErr_Format(PyExc_RuntimeError,
                     "hook '%S' has returned an incorrect number of values (got %zd, but expected "
                     "%d)",
                     name ? name : fn, PyTuple_GET_SIZE(returned), n);
        Py_XDECREF(name);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        PyObject *item = PyTuple_GET_ITEM(returned, i);
        if (item == Py_None) {
            t[i] = NULL;
        } else if (py_tensor_check(item)) {
            t[i] = mt_own(mt_retain(py_core(item)));
        } else {
            PyErr_Format(PyExc_TypeError, "expected Variable, but hook returned '%s'",
                         Py_TYPE(item)->tp_name);
            return -1;
        }
    }
    return 0;
}

/* Calls every function with the gradients t (and `more`, for those after the rule). -1 with an exception. */
static int call_hooks(PyObject *functions, int n, mt_tensor **t, PyObject *more)
{
    PyObject *list = PyDict_Values(functions);
    int status = list ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *fn = PyList_GET_ITEM(list, i), *tuple = py_tuple_of(n, t);
        PyObject *returned = tuple ? PyObject_CallFunctionObjArgs(fn, tuple, more, NULL) : NULL;
        status = returned ? 0 : -1;
        if (returned && returned != Py_None) status = take_returned(fn, returned, n, t);
        Py_XDECREF(returned);
        Py_XDECREF(tuple);
    }
    Py_XDECREF(list);
    return status;
}

/* Kept value i (inputs first) as it was packed, with history if the rule is recorded. NULL with an exception. */
static mt_tensor *unpack_one(const hooked *h, int i, int nin)
{
    PyObject *o = PyObject_CallOneArg(h->unpack, h->packed[i]);
    if (!o) return NULL;
    mt_tensor *t = NULL;
    if (py_tensor_check(o))
        t = mt_own(mt_retain(py_core(o)));
    else
        PyErr_Format(PyExc_TypeError,
                     "Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                     "type %s",
                     Py_TYPE(o)->tp_name);
    Py_DECREF(o);
    if (!t || mt_self.no_grad) return t;
    mt_edge e = {h->node, NULL, (uint32_t)(i - nin)};
    if (i < nin) e = h->node->next[i];
    if (e.leaf) return e.leaf;
    mt_tensor *alias = mt_alias(t);
    if (!alias || !e.node) return alias;
    alias->node = mt_node_retain(e.node);
    alias->out_nr = (uint16_t)e.out_nr;
    alias->flags |= MT_REQUIRES_GRAD;
    return alias;
}

bool py_node_has_packed(const mt_node *n, int i)
{
    if (n->call.op->backward != hooked_backward) return false;
    const hooked *h = (const hooked *)(uintptr_t)n->call.op;
    return h->packed && i < h->packed_count && h->packed[i];
}

int py_node_packed(mt_node *n, int i, mt_tensor **t)
{
    if (!py_node_has_packed(n, i)) return 0;
    *t = unpack_one((hooked *)(uintptr_t)n->call.op, i, n->call.nin);
    if (!*t && !PyErr_Occurred()) py_raise();
    return *t ? 1 : -1;
}

/* c with what was packed; room for its inputs and outputs. -1 with an exception. */
static int unpack_all(const hooked *h, mt_call *c, mt_tensor **room)
{
    int nin = c->nin, n = nin + c->nout;
    for (int i = 0; i < n; i++) {
        room[i] = i < nin ? c->in[i] : c->out[i - nin];
        if (h->packed && i < h->packed_count && h->packed[i] && !(room[i] = unpack_one(h, i, nin)))
            return -1;
    }
    c->in = room;
    c->out = room + nin;
    return 0;
}

/* Gradients as the inputs are shaped, which is what hooks expect to see. */
static int fit(const mt_call *c, mt_tensor **gin)
{
    for (int i = 0; i < c->nin; i++) {
        const mt_dims *d = &c->in_dims[i];
        mt_tensor *g = gin[i];
        if (!g || mt_shape_equal(g->ndim, g->size, d->ndim, d->size)) continue;
        if (!mt_shape_expandable(d->ndim, d->size, g->ndim, g->size)) continue;
        if (!(gin[i] = mt_sum_to_size(g, d->ndim, d->size))) return -1;
    }
    return 0;
}

static bool has_nan(mt_tensor *g)
{
    if (!mt_is_inexact((mt_dtype)g->dtype)) return false;
    const mt_tensor *t = mt_contiguous_raw(g, MT_FLOAT64);
    const double *v = t ? (const double *)(void *)t->data : NULL;
    for (int64_t i = 0; v && i < t->numel; i++)
        if (isnan(v[i])) return true;
    return false;
}

static int look_for_nan(const hooked *h, int nin, mt_tensor **gin)
{
    for (int i = 0; i < nin; i++)
        if (gin[i] && has_nan(gin[i]))
            return mt_error(MT_RUNTIME, "Function '%s' returned nan values in its %dth output.",
                            h->name, i);
    return 0;
}

/* room: for inputs and outputs, the outputs' gradients, and the marks of inputs. -1: an error is pending. */
static int run_hooked(hooked *h, mt_call *c, mt_tensor **gout, mt_tensor **gin, mt_tensor **room)
{
    int nin = c->nin, nout = c->nout;
    mt_tensor **given = room + nin + nout, **mark = given + nout;
    for (int k = 0; k < nout; k++) given[k] = gout[k];
    for (int i = 0; i < nin; i++) mark[i] = gin[i];
    if (h->pre && call_hooks(h->pre, nout, given, NULL) < 0) return py_fail_host();
    if (unpack_all(h, c, room) < 0) return py_fail_host();
    const mt_op *op = h->original;
    (mt_self.no_grad && op->fused ? op->fused : op->backward)(c, given, gin);
    for (int i = 0; i < nin; i++)
        if (gin[i] == mark[i]) gin[i] = NULL;
    if (mt_self.error || (h->post && fit(c, gin) < 0)) return -1;
    if (anomaly && check_nan && look_for_nan(h, nin, gin) < 0) return -1;
    if (!h->post) return 0;
    PyObject *outputs = py_tuple_of(nout, given);
    int status = outputs ? call_hooks(h->post, nin, gin, outputs) : -1;
    Py_XDECREF(outputs);
    return status < 0 ? py_fail_host() : 0;
}

static void hooked_backward(const mt_call *call, mt_tensor **gout, mt_tensor **gin)
{
    hooked *h = (hooked *)(uintptr_t)call->op;
    mt_call c = *call;
    mt_tensor *few[4 * PLACES], **room = few;
    int nin = c.nin, places = 2 * (nin + c.nout);
    PyGILState_STATE state = PyGILState_Ensure();
    h->refs++;
    if (places > 4 * PLACES && !(room = PyMem_Malloc((size_t)places * sizeof *room))) {
        mt_fail_memory();
    } else if (run_hooked(h, &c, gout, gin, room) < 0) {
        for (int i = 0; i < nin; i++) gin[i] = NULL;
    }
    if (room != few) PyMem_Free(room);
    hooked_release(h);
    PyGILState_Release(state);
}

/* ---- new nodes --------------------------------------------------------------------------------- */

/* What n keeps goes through pack; the node forgets it. -1 with an exception. */
static int pack_kept(hooked *h, mt_node *n)
{
    PyObject *pair = PyList_GET_ITEM(packers, PyList_GET_SIZE(packers) - 1);
    PyObject *pack = PyTuple_GET_ITEM(pair, 0);
    int nin = n->call.nin, count = nin + n->call.nout;
    if (!(h->packed = PyMem_Calloc((size_t)count, sizeof *h->packed))) return -1;
    h->packed_count = count;
    h->unpack = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
    Py_INCREF(pack);
    int status = 0;
    for (int i = 0; status == 0 && i < count; i++) {
        mt_tensor **slot = &n->call.in[i], *t = *slot; /* out[] lies behind in[] */
        if (!t || t->flags & MT_WRAPPED_NUMBER) continue;
        mt_tensor *shown = i < nin && n->next[i].leaf == t ? t : mt_alias(t);
        PyObject *o = py_wrap(shown);
        h->packed[i] = o ? PyObject_CallOneArg(pack, o) : NULL;
        Py_XDECREF(o);
        if (!h->packed[i]) {
            status = -1;
        } else {
            h->op.kind |= MT_PACKED;
            *slot = NULL;
            mt_release(t);
        }
    }
    Py_DECREF(pack);
    return status;
}

/* The stack of Python calls as text. New reference. */
static PyObject *where_made(void)
{
    PyObject *module = PyImport_ImportModule("minitorch.autograd.anomaly_mode");
    PyObject *text = module ? PyObject_CallMethod(module, "_where", NULL) : NULL;
    Py_XDECREF(module);
    return text;
}

static int node_made(mt_node *n)
{
    int (*hook)(mt_node *) = mt_node_made;
    PyGILState_STATE state = PyGILState_Ensure();
    mt_node_made = NULL; /* what the functions called below compute is their own affair */
    mt_scope scope = mt_scope_open();
    bool no_grad = mt_self.no_grad;
    hooked *h = hook_up(n);
    int status = h ? 0 : -1;
    if (h && anomaly && !h->trace && !(h->trace = where_made())) status = py_fail_host();
    if (status == 0 && PyList_GET_SIZE(packers) && pack_kept(h, n) < 0) status = py_fail_host();
    mt_self.no_grad = no_grad;
    mt_scope_close(scope);
    mt_node_made = hook;
    PyGILState_Release(state);
    return status;
}

static void listen(void) { mt_node_made = anomaly || PyList_GET_SIZE(packers) ? node_made : NULL; }

PyObject *py_raise_backward(void)
{
    hooked *h = running;
    py_raise();
    running = NULL;
    if (!h) return NULL;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    int status = h->trace
                     ? PyErr_WarnFormat(PyExc_UserWarning, 1,
                                        "Error detected in %s. Traceback of forward call that "
                                        "caused the error:\n%U",
                                        h->name, h->trace)
                     : PyErr_WarnFormat(PyExc_UserWarning, 1,
                                        "Error detected in %s. No forward pass information "
                                        "available. Enable detect anomaly during forward pass for "
                                        "more information.",
                                        h->name);
    if (status < 0) PyErr_Clear();
    PyErr_Restore(type, value, trace);
    hooked_release(h);
    return NULL;
}

/* ---- functions --------------------------------------------------------------------------------- */

/* _node_hooks(node, post) -> the dict of its functions, None for AccumulateGrad */
static PyObject *node_hooks(PyObject *module, PyObject *args)
{
    PyObject *o;
    int post;
    (void)module;
    if (!PyArg_ParseTuple(args, "Op", &o, &post)) return NULL;
    mt_node *n = py_node_of(o);
    if (!n) Py_RETURN_NONE;
    hooked *h = hook_up(n);
    if (!h) return py_raise();
    PyObject **functions = post ? &h->post : &h->pre;
    if (!*functions && !(*functions = PyDict_New())) return NULL;
    return Py_NewRef(*functions);
}

/* _set_anomaly(mode, check_nan) */
static PyObject *set_anomaly(PyObject *module, PyObject *args)
{
    int on, nan_too;
    (void)module;
    if (!PyArg_ParseTuple(args, "pp", &on, &nan_too)) return NULL;
    anomaly = on;
    check_nan = nan_too;
    if (!anomaly) set_running(NULL);
    listen();
    Py_RETURN_NONE;
}

static PyObject *is_anomaly_enabled(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(anomaly);
}

static PyObject *is_check_nan_enabled(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(check_nan);
}

/* _push_saved_hooks(pack, unpack) */
static PyObject *push_packer(PyObject *module, PyObject *args)
{
    PyObject *pack, *unpack;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &pack, &unpack)) return NULL;
    if (PyList_Append(packers, args) < 0) return NULL;
    listen();
    Py_RETURN_NONE;
}

static PyObject *pop_packer(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_ssize_t n = PyList_GET_SIZE(packers);
    if (n && PyList_SetSlice(packers, n - 1, n, NULL) < 0) return NULL;
    listen();
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_node_hooks", node_hooks, METH_VARARGS, NULL},
    {"_set_anomaly", set_anomaly, METH_VARARGS, NULL},
    {"is_anomaly_enabled", is_anomaly_enabled, METH_NOARGS,
     "is_anomaly_enabled()\n--\n\nTrue in anomaly mode."
     "\n\n>>> minitorch.is_anomaly_enabled()\nFalse"},
    {"is_anomaly_check_nan_enabled", is_check_nan_enabled, METH_NOARGS,
     "is_anomaly_check_nan_enabled()\n--\n\nTrue if anomaly mode looks for nan."
     "\n\n>>> minitorch.is_anomaly_check_nan_enabled()\nTrue"},
    {"_push_saved_hooks", push_packer, METH_VARARGS, NULL},
    {"_pop_saved_hooks", pop_packer, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int py_init_node_hook(PyObject *module)
{
    if (!(packers = PyList_New(0))) return -1;
    return PyModule_AddFunctions(module, functions);
}
