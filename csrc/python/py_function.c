/* minitorch.autograd.Function: a remembered call whose rule is Python.
 *
 * How a Function is called, and what its rule may return, is policy and stands in minitorch/autograd/function.py.
 * Here the call becomes a node: its operator is `function_op`, its context the object that forward and backward get
 * as ctx. The node owns the context; the context borrows the node while that has not been released.
 *
 * Note [What a Function saves]
 * An output kept as it is would be a cycle (output, node, context, output), and so may be an input that is written to
 * later. So the context keeps shadows, as nodes do (graph/node.c), and makes aliases that have the history again when
 * saved_tensors is asked: an input's is the node's edge, an output's the node itself. What is neither input nor output
 * is kept as it is. A context that refers to its output otherwise (ctx.y = y) makes a cycle through the core; Tensor's
 * traverse comes here to show it to Python's collector. Relies on py.h; read next: minitorch/autograd/function.py. */
#include "python/py_function.h"

#include <string.h>

#define NOT_SAVED_FROM INT32_MIN

typedef struct saved {
    mt_tensor *t; /* owned */
    int from;     /* input number, or ~number of the output; NOT_SAVED_FROM: neither */
    uint32_t version;
} saved;

typedef struct context {
    PyObject_HEAD;
    mt_node *node; /* borrowed; NULL before the call is remembered and after its release */
    bool released;
    Py_ssize_t n;
    saved *saved;
} context;

static PyTypeObject context_type;
static PyObject *names; /* of Functions: each kept for ever, as nodes point to it */
static PyObject *run_name;

/* ---- context ---------------------------------------------------------------------------------- */

static void drop_saved(context *self)
{
    saved *list = self->saved;
    Py_ssize_t n = self->n;
    self->saved = NULL;
    self->n = 0;
    for (Py_ssize_t i = 0; i < n; i++) mt_release(list[i].t);
    PyMem_Free(list);
}

static void context_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    drop_saved((context *)self);
    Py_TYPE(self)->tp_free(self);
}

/* The base has nothing that Python's collector could follow; its Python subclasses have a dict. */
static int context_traverse(PyObject *self, visitproc visit, void *arg)
{
    (void)self, (void)visit, (void)arg;
    return 0;
}

static int fail_stale(const context *self, const saved *s)
{
    char shape[MT_SHAPE_TEXT], maker[64], of[96] = "";
    const mt_tensor *t = s->t;
    const mt_node *made_by = s->from >= 0 ? self->node->next[s->from].node : NULL;
    unsigned nr = made_by ? self->node->next[s->from].out_nr : 0;
    if (s->from < 0 && s->from != NOT_SAVED_FROM) {
        made_by = self->node;
        nr = (unsigned)~s->from;
    }
    if (made_by) {
        mt_node_name(made_by, maker);
        char *suffix = strstr(maker, "Backward");
        if (suffix) *suffix = '\0';
        snprintf(of, sizeof of, ", which is output %u of %s,", nr, maker);
    }
    const mt_op *writer = t->storage->writer;
    return mt_error(
        MT_RUNTIME,
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [torch.%sTensor %s]%s is at version %u; expected version %u instead. Hint: it "
        "was given to save_for_backward(); since then %s%s changed it. Use the out-of-place form "
        "of that operation, or clone() the tensor first.",
        mt_dtype_camel((mt_dtype)t->dtype), mt_shape_text(t->ndim, t->size, shape), of,
        t->storage->version, s->version, writer ? writer->name : "a write", writer ? "_()" : "");
}

/* The saved tensor with its history; owned by the scope. */
static mt_tensor *unpack(const context *self, const saved *s)
{
    mt_edge e = {NULL, NULL, 0};
    if (s->t->storage->version != s->version) {
        fail_stale(self, s);
        return NULL;
    }
    if (s->from >= 0)
        e = self->node->next[s->from];
    else if (s->from != NOT_SAVED_FROM)
        e = (mt_edge){self->node, NULL, (uint32_t)~s->from};
    else
        return s->t;
    if (e.leaf && !e.leaf->node && e.leaf->data == s->t->data && mt_same_shape(e.leaf, s->t))
        return e.leaf;
    mt_tensor *alias = mt_alias(s->t);
    if (!alias || !e.node) return alias;
    alias->node = mt_node_retain(e.node);
    alias->out_nr = (uint16_t)e.out_nr;
    alias->flags |= MT_REQUIRES_GRAD;
    return alias;
}

PyObject *py_function_released(void)
{
    PyErr_SetString(
        PyExc_RuntimeError,
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        "calling backward.");
    return NULL;
}

static PyObject *get_saved_tensors(PyObject *o, void *closure)
{
    context *self = (context *)o;
    (void)closure;
    if (self->released) return py_function_released();
    PyObject *tuple = PyTuple_New(self->n);
    mt_scope scope = mt_scope_open();
    for (Py_ssize_t i = 0; tuple && i < self->n; i++) {
        const saved *s = &self->saved[i];
        PyObject *item = s->t ? py_wrap(unpack(self, s)) : Py_NewRef(Py_None);
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    mt_scope_close(scope);
    return tuple;
}

static PyGetSetDef context_getset[] = {
    {"saved_tensors", get_saved_tensors, NULL,
     "What forward gave to save_for_backward(), as a tuple, with history.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject context_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch._C._FunctionBase",
    .tp_basicsize = sizeof(context),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "What a Function's forward leaves for its backward.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = context_dealloc,
    .tp_traverse = context_traverse,
    .tp_getset = context_getset,
};

/* ---- the operator ------------------------------------------------------------------------------ */

static const char *name_of(const mt_call *c) { return c->arg[0].text; }

static void release_context(void *o)
{
    context *self = o;
    PyGILState_STATE state = PyGILState_Ensure();
    self->node = NULL;
    self->released = true;
    drop_saved(self);
    Py_DECREF((PyObject *)self);
    PyGILState_Release(state);
}

/* Calls ctx._run(gradients of the outputs); what it returns has one gradient or None for each input. */
static PyObject *call_rule(PyObject *ctx, int nout, mt_tensor **gout)
{
    PyObject *grads = PyTuple_New(nout), *result = NULL;
    for (int k = 0; grads && k < nout; k++) {
        PyObject *item = gout[k] ? py_wrap(gout[k]) : Py_NewRef(Py_None);
        if (item)
            PyTuple_SET_ITEM(grads, k, item);
        else
            Py_CLEAR(grads);
    }
    if (grads) result = PyObject_CallMethodOneArg(ctx, run_name, grads);
    Py_XDECREF(grads);
    return result;
}

/* A walk that the rule starts may release this very node: nothing of c is read after the call, and as the node's
 * edges are gone then, the outer walk cannot go on. */
static void function_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int nin = c->nin, nout = c->nout;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *ctx = Py_NewRef((PyObject *)c->context), *result = call_rule(ctx, nout, gout);
    for (int i = 0; i < nin; i++) {
        PyObject *item = result ? PyTuple_GET_ITEM(result, i) : Py_None;
        bool wanted = gin[i] && item != Py_None;
        gin[i] = wanted ? mt_own(mt_retain(py_core(item))) : NULL;
    }
    if (result && ((context *)ctx)->released) Py_SETREF(result, py_function_released());
    if (!result) py_fail_host();
    Py_XDECREF(result);
    Py_DECREF(ctx);
    PyGILState_Release(state);
}

static const mt_op function_op = {.name = "function",
                                  .kind = MT_PRIMITIVE,
                                  .backward = function_backward,
                                  .release = release_context,
                                  .grad_name_of = name_of};

PyObject *py_function_context(const mt_node *n)
{
    return n->call.op->release == release_context ? n->call.context : NULL;
}

bool py_is_function(const mt_node *n) { return n->call.op->release == release_context; }

/* ---- remembering ------------------------------------------------------------------------------- */

/* One call of a Function while it is being remembered. Borrowed from the caller's tuples. */
typedef struct call {
    context *ctx;
    PyObject *inputs, *outputs, *save, *dirty, *plain;
    int nin, nout;
    mt_tensor **in, **out; /* out: NULL where no gradient will come */
    PyObject **result;     /* what the caller of apply gets; owned */
    bool record;
} call;

/* The place of o in a tuple, by identity; -1: not there. */
static int place_of(PyObject *tuple, PyObject *o)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (PyTuple_GET_ITEM(tuple, i) == o) return (int)i;
    return -1;
}

static int check_dirty(const call *c)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(c->dirty); i++) {
        PyObject *o = PyTuple_GET_ITEM(c->dirty, i);
        if (place_of(c->outputs, o) < 0) {
            PyErr_SetString(PyExc_RuntimeError,
                            "Some elements marked as dirty during the forward method were not "
                            "returned as output. The inputs that are modified inplace must all be "
                            "outputs of the Function.");
            return -1;
        }
        const mt_tensor *t = py_core(o);
        if (c->record && mt_requires_grad(t) && mt_is_leaf(t)) {
            PyErr_SetString(
                PyExc_RuntimeError,
                "a leaf Variable that requires grad has been used in an in-place operation.");
            return -1;
        }
    }
    return 0;
}

/* Output k of forward as apply returns it. What has a history of its own, or is somebody else's tensor, is returned as
 * another look at the same memory. */
static int take_output(call *c, int k)
{
    PyObject *o = PyTuple_GET_ITEM(c->outputs, k);
    c->out[k] = NULL;
    if (!py_tensor_check(o)) {
        c->result[k] = Py_NewRef(o);
        return 0;
    }
    mt_tensor *t = py_core(o);
    bool written = place_of(c->dirty, o) >= 0, given = place_of(c->inputs, o) >= 0;
    bool differentiable =
        c->record && mt_is_inexact((mt_dtype)t->dtype) && place_of(c->plain, o) < 0;
    bool bound = t->node || t->base || mt_requires_grad(t);
    for (int i = 0; i < k; i++) bound |= c->out[i] == t;
    mt_tensor *shown = t;
    if (!written && (given || (differentiable && bound)) && !(shown = mt_alias(t))) {
        py_raise();
        return -1;
    }
    if (differentiable) c->out[k] = shown;
    if (shown != t && (given || t->base)) shown->flags |= MT_FUNCTION_VIEW;
    c->result[k] = py_wrap(shown);
    return c->result[k] ? 0 : -1;
}

/* The name as C text that lives as long as the process. */
static const char *keep_name(PyObject *name)
{
    PyObject *kept = PyDict_SetDefault(names, name, name);
    return kept ? PyUnicode_AsUTF8(kept) : NULL;
}

/* Makes the node; the results that were written in place bring their base along. */
static int remember(call *c, PyObject *name)
{
    mt_arg arg = {.given = true, .constant = true, .text = keep_name(name)};
    if (!arg.text) return -1;
    mt_call m = {.op = &function_op,
                 .nin = c->nin,
                 .nout = c->nout,
                 .narg = 1,
                 .in = c->in,
                 .out = c->out,
                 .arg = &arg,
                 .context = Py_NewRef((PyObject *)c->ctx)};
    if (mt_node_remember(&m, NULL) < 0) return py_raise_int();
    for (int k = 0; k < c->nout; k++) {
        mt_tensor *t = c->out[k];
        if (!t) continue;
        c->ctx->node = t->node;
        if (place_of(c->dirty, PyTuple_GET_ITEM(c->outputs, k)) < 0) continue;
        if (!t->base)
            t->generation++;
        else if (mt_rebase_history(t) < 0)
            return py_raise_int();
    }
    return 0;
}

/* See Note [What a Function saves]. */
static int save_one(const call *c, saved *s, PyObject *o)
{
    *s = (saved){NULL, NOT_SAVED_FROM, 0};
    if (o == Py_None) return 0;
    int output = place_of(c->outputs, o), input = place_of(c->inputs, o);
    mt_tensor *t = py_core(o);
    if (output >= 0 && c->out[output]) {
        s->t = mt_shadow(c->out[output]);
        s->from = ~output;
    } else if (input >= 0) {
        s->t = mt_is_leaf(t) && mt_requires_grad(t) && !t->base ? mt_retain(t) : mt_shadow(t);
        s->from = input;
    } else {
        s->t = mt_retain(t);
    }
    if (!s->t) return py_raise_int();
    s->version = s->t->storage->version;
    return 0;
}

static int save(call *c)
{
    Py_ssize_t n = PyTuple_GET_SIZE(c->save);
    if (n == 0) return 0;
    saved *list = PyMem_Malloc((size_t)n * sizeof *list);
    if (!list) {
        PyErr_NoMemory();
        return -1;
    }
    drop_saved(c->ctx);
    c->ctx->saved = list;
    for (Py_ssize_t i = 0; i < n; i++, c->ctx->n++)
        if (save_one(c, &list[i], PyTuple_GET_ITEM(c->save, i)) < 0) return -1;
    return 0;
}

static int run(call *c, PyObject *name)
{
    c->record = false;
    for (int i = 0; i < c->nin; i++) {
        mt_edge e;
        c->in[i] = py_core(PyTuple_GET_ITEM(c->inputs, i));
        if (mt_edge_of(c->in[i], &e) < 0) return py_raise_int(); /* views find their history */
        c->record |= mt_requires_grad(c->in[i]) && !mt_self.no_grad;
    }
    if (check_dirty(c) < 0) return -1;
    bool any = false;
    for (int k = 0; k < c->nout; k++) {
        if (take_output(c, k) < 0) return -1;
        any |= c->out[k] != NULL;
    }
    if (!any) return 0;
    if (remember(c, name) < 0 || save(c) < 0) return -1;
    for (int k = 0; k < c->nout; k++) /* Tensor's traverse must find the context */
        if (c->out[k] && !PyObject_GC_IsTracked(c->result[k])) PyObject_GC_Track(c->result[k]);
    return 0;
}

/* _function_remember(ctx, name, inputs, outputs, save, dirty, plain) -> outputs
 *
 * All tuples: the tensors given to apply; what forward returned; what save_for_backward, mark_dirty and
 * mark_non_differentiable got (tensors, the first with None too). */
static PyObject *function_remember(PyObject *module, PyObject *args)
{
    call c;
    PyObject *ctx, *name, *tuple = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!UO!O!O!O!O!", &context_type, &ctx, &name, &PyTuple_Type,
                          &c.inputs, &PyTuple_Type, &c.outputs, &PyTuple_Type, &c.save,
                          &PyTuple_Type, &c.dirty, &PyTuple_Type, &c.plain))
        return NULL;
    c.ctx = (context *)ctx;
    c.nin = (int)PyTuple_GET_SIZE(c.inputs);
    c.nout = (int)PyTuple_GET_SIZE(c.outputs);
    void **room = PyMem_Calloc((size_t)c.nin + 2 * (size_t)c.nout + 1, sizeof *room);
    if (!room) return PyErr_NoMemory();
    c.in = (mt_tensor **)room;
    c.out = c.in + c.nin;
    c.result = (PyObject **)(room + c.nin + c.nout);
    mt_scope scope = mt_scope_open();
    int status = run(&c, name);
    mt_scope_close(scope);
    if (status == 0) tuple = PyTuple_New(c.nout);
    for (int k = 0; k < c.nout; k++) {
        if (tuple)
            PyTuple_SET_ITEM(tuple, k, c.result[k]);
        else
            Py_XDECREF(c.result[k]);
    }
    PyMem_Free(room);
    return tuple;
}

static PyMethodDef functions[] = {
    {"_function_remember", function_remember, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int py_init_function(PyObject *module)
{
    if (PyType_Ready(&context_type) < 0 || !(names = PyDict_New()) ||
        !(run_name = PyUnicode_InternFromString("_run")))
        return -1;
    if (PyModule_AddObjectRef(module, "_FunctionBase", (PyObject *)&context_type) < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
