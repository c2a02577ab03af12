/* grad_fn: remembered calls as Python objects.
 *
 * An object is made when somebody asks for it, and its node knows it meanwhile (mt_node.host), so
 * y.grad_fn is the same object as long as it is held. Every kind of node has a type of its own
 * name, made once: <AddBackward0 object at ...>; as in PyTorch those of operators say they are built in,
 * those of a Function stand in autograd.function. A leaf has no node; where a walk over the graph
 * ends in one, it is shown as AccumulateGrad. Relies on graph/node.h; read next: py_autograd.c. */
#include "python/py_function.h"

#include <structmember.h>

#define FUNCTION "minitorch.autograd.function"

typedef struct py_node {
    PyObject_HEAD;
    mt_node *node;   /* owned; NULL for AccumulateGrad */
    mt_tensor *leaf; /* owned; of AccumulateGrad */
    PyObject *metadata;
    PyObject *context; /* of a Function: its attributes are found here too */
} py_node;

static PyTypeObject node_type;
static PyObject *types;        /* name: type */
static PyObject *accumulators; /* address of a leaf: address of its living object */

static py_node *as_node(PyObject *o) { return (py_node *)o; }

static void node_dealloc(PyObject *self)
{
    py_node *n = as_node(self);
    PyTypeObject *type = Py_TYPE(self);
    if (n->node) {
        n->node->host = NULL;
        mt_node_release(n->node);
    }
    if (n->leaf) {
        PyObject *key = PyLong_FromVoidPtr(n->leaf);
        if (!key || PyDict_DelItem(accumulators, key) < 0) PyErr_Clear();
        Py_XDECREF(key);
        mt_release(n->leaf);
    }
    Py_XDECREF(n->metadata);
    Py_XDECREF(n->context);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* The type of that name in that module, made if need be; borrowed. */
static PyTypeObject *type_named(const char *module, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", module, name);
    PyObject *type = PyDict_GetItemString(types, full);
    if (type) return (PyTypeObject *)type;
    char *kept = PyMem_Malloc(strlen(full) + 1); /* for ever, as the type */
    if (!kept) return (PyTypeObject *)PyErr_NoMemory();
    strcpy(kept, full);
    PyType_Slot slots[] = {{Py_tp_dealloc, node_dealloc}, {0, NULL}};
    PyType_Spec spec = {kept, sizeof(py_node), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    type = PyType_FromSpecWithBases(&spec, (PyObject *)&node_type);
    int status = type ? PyDict_SetItemString(types, full, type) : -1;
    if (type) ((PyTypeObject *)type)->tp_name = kept + strlen(module) + 1; /* what errors say */
    Py_XDECREF(type); /* the dictionary has it */
    return status < 0 ? NULL : (PyTypeObject *)type;
}

static py_node *node_new(const char *module, const char *name)
{
    PyTypeObject *type = type_named(module, name);
    py_node *self = type ? PyObject_New(py_node, type) : NULL;
    if (!self) return NULL;
    self->node = NULL;
    self->leaf = NULL;
    self->metadata = NULL;
    self->context = NULL;
    return self;
}

static PyObject *wrap_node(mt_node *n)
{
    char name[64];
    if (n->host) return Py_NewRef((PyObject *)n->host);
    PyObject *context = py_function_context(n);
    py_node *self = node_new(context ? FUNCTION : "builtins", mt_node_name(n, name));
    if (!self) return NULL;
    self->node = mt_node_retain(n);
    self->context = Py_XNewRef(context);
    n->host = self;
    return (PyObject *)self;
}

static PyObject *wrap_leaf(mt_tensor *leaf)
{
    PyObject *key = PyLong_FromVoidPtr(leaf);
    if (!key) return NULL;
    PyObject *living = PyDict_GetItemWithError(accumulators, key), *value = NULL;
    py_node *self = NULL;
    if (living) {
        self = PyLong_AsVoidPtr(living);
        Py_INCREF(self);
    } else if (!PyErr_Occurred() && (self = node_new("builtins", "AccumulateGrad"))) {
        self->leaf = mt_retain(leaf);
        value = PyLong_FromVoidPtr(self);
        if (!value || PyDict_SetItem(accumulators, key, value) < 0) Py_CLEAR(self);
    }
    Py_XDECREF(value);
    Py_DECREF(key);
    return (PyObject *)self;
}

PyObject *py_grad_fn_of(mt_tensor *t)
{
    mt_edge e;
    mt_scope scope = mt_scope_open();
    PyObject *fn = NULL;
    if (mt_edge_of(t, &e) < 0)
        py_raise();
    else
        fn = e.node ? wrap_node(e.node) : Py_NewRef(Py_None);
    mt_scope_close(scope);
    return fn;
}

/* ---- what it tells --------------------------------------------------------------------------- */

static PyObject *node_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<%s%s object at %p>", as_node(self)->context ? FUNCTION "." : "",
                                Py_TYPE(self)->tp_name, self);
}

/* What the node does not have itself it asks the context of its Function for. */
static PyObject *node_getattro(PyObject *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(self, name), *context = as_node(self)->context;
    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError)) return value;
    const mt_node *n = as_node(self)->node;
    bool gone = !context && n && py_is_function(n);
    if (gone && PyUnicode_CompareWithASCIIString(name, "saved_tensors") == 0) {
        PyErr_Clear();
        return py_function_released();
    }
    if (!context && n) {
        PyObject *type, *error, *trace;
        PyErr_Fetch(&type, &error, &trace);
        value = py_node_saved(as_node(self)->node, name);
        if (!value && !PyErr_Occurred()) {
            PyErr_Restore(type, error, trace);
            return NULL;
        }
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return value;
    }
    if (!context) return NULL;
    PyErr_Clear();
    return PyObject_GetAttr(context, name);
}

/* What there is for every node, and what this one keeps: tools that draw graphs look here. */
static PyObject *node_dir(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *list = PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__dir__", "O", self);
    if (list && py_node_list_saved(as_node(self)->node, list) < 0) Py_CLEAR(list);
    return list;
}

static PyObject *node_name(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyUnicode_FromString(as_node(self)->leaf ? "torch::autograd::AccumulateGrad"
                                                    : Py_TYPE(self)->tp_name);
}

static PyObject *edge_pair(const mt_edge *e)
{
    PyObject *fn = e->node ? wrap_node(e->node) : e->leaf ? wrap_leaf(e->leaf) : Py_NewRef(Py_None);
    return fn ? Py_BuildValue("NI", fn, e->node ? (unsigned)e->out_nr : 0u) : NULL;
}

static PyObject *get_next_functions(PyObject *self, void *closure)
{
    const mt_node *n = as_node(self)->node;
    const char *order = n && !closure ? n->call.op->edges : NULL;
    PyObject *list = PyList_New(0), *tuple;
    for (int k = 0; list && n && k < n->call.nin; k++) {
        const int i = order ? order[k] - '0' : k;
        if (order && n->call.in_dims[i].dtype == MT_NO_DTYPE) continue;
        PyObject *pair = edge_pair(&n->next[i]);
        if (!pair || PyList_Append(list, pair) < 0) Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

static PyObject *get_metadata(PyObject *self, void *closure)
{
    (void)closure;
    py_node *n = as_node(self);
    if (!n->metadata && !(n->metadata = PyDict_New())) return NULL;
    return Py_NewRef(n->metadata);
}

static PyObject *get_variable(PyObject *self, void *closure)
{
    (void)closure;
    if (as_node(self)->leaf) return py_wrap(as_node(self)->leaf);
    return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                        Py_TYPE(self)->tp_name);
}

bool py_node_check(PyObject *o) { return PyObject_TypeCheck(o, &node_type); }

mt_node *py_node_of(PyObject *o) { return as_node(o)->node; }

PyObject *py_node_object(mt_node *n) { return wrap_node(n); }

/* minitorch.autograd.graph._register(node, function, post) */
static PyObject *register_on(PyObject *self, PyObject *fn, PyObject *post)
{
    PyObject *module = PyImport_ImportModule("minitorch.autograd.graph");
    PyObject *handle =
        module ? PyObject_CallMethod(module, "_register", "OOO", self, fn, post) : NULL;
    Py_XDECREF(module);
    return handle;
}

static PyObject *register_hook(PyObject *self, PyObject *fn)
{
    return register_on(self, fn, Py_True);
}

static PyObject *register_prehook(PyObject *self, PyObject *fn)
{
    return register_on(self, fn, Py_False);
}

static PyObject *text_or_none(const char *text)
{
    if (!text) Py_RETURN_NONE;
    return PyUnicode_FromString(text);
}

static PyObject *get_rule(PyObject *self, void *closure)
{
    (void)closure;
    return text_or_none(as_node(self)->node ? as_node(self)->node->call.op->rule : NULL);
}

static PyObject *sequence_nr(PyObject *self, PyObject *unused)
{
    (void)unused;
    const mt_node *n = as_node(self)->node;
    return PyLong_FromUnsignedLongLong(n ? n->sequence : UINT64_MAX);
}

static PyGetSetDef node_getset[] = {
    {"next_functions", get_next_functions, NULL,
     "Pairs (grad_fn, number of its output), one per input; (None, 0) where no gradient goes.",
     NULL},
    {"metadata", get_metadata, NULL, "A dict for whatever you like.", NULL},
    {"_edges", get_next_functions, NULL, "next_functions in the order of the inputs.", "all"},
    {"variable", get_variable, NULL, "The leaf whose .grad is added to; of AccumulateGrad.", NULL},
    {"rule", get_rule, NULL,
     "The derivative as the source states it: g is the gradient that arrives.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PY_NAMED(register_hook, "register_hook", "fn")
PY_NAMED(register_prehook, "register_prehook", "fn")
static PyMethodDef node_methods[] = {
    {"name", node_name, METH_NOARGS, "name($self, /)\n--\n\nThe name of this kind of node."},
    {"register_hook", PY_NAMED_METHOD(register_hook),
     "register_hook($self, /, fn)\n--\n\nCalls fn(grad_inputs, grad_outputs), two tuples, after "
     "the rule of this node; what it\nreturns, unless None, takes the place of grad_inputs. "
     "Returns a handle with remove()."
     "\n\n>>> x = minitorch.ones(1, requires_grad=True)\n>>> handle = x.register_hook(lambda grad: "
     "grad * 10)\n>>> (x * 2).sum().backward()\n>>> x.grad\ntensor([20.])"},
    {"register_prehook", PY_NAMED_METHOD(register_prehook),
     "register_prehook($self, /, fn)\n--\n\nCalls fn(grad_outputs), a tuple, before the rule of "
     "this node; what it returns, unless None,\ntakes the place of grad_outputs. Returns a handle "
     "with remove()."},
    {"__dir__", node_dir, METH_NOARGS, NULL},
    {"_sequence_nr", sequence_nr, METH_NOARGS, "_sequence_nr($self, /)\n--\n\nGrows with time."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject node_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.autograd.graph.Node",
    .tp_basicsize = sizeof(py_node),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A remembered call: one step of the way back through the graph.",
    .tp_repr = node_repr,
    .tp_getattro = node_getattro,
    .tp_methods = node_methods,
    .tp_getset = node_getset,
};

int py_init_node(PyObject *module)
{
    if (PyType_Ready(&node_type) < 0 || !(types = PyDict_New()) || !(accumulators = PyDict_New()))
        return -1;
    return PyModule_AddObjectRef(module, "_Node", (PyObject *)&node_type);
}
