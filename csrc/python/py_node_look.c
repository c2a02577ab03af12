/* A look into remembered calls, for minitorch.graph (minitorch/_graph.py): what a node knows of its
 * inputs, its rule run by itself, its operator run once more. None of it changes the graph or calls
 * hooks of tensors. Relies on py_node.c; read next: minitorch/_graph.py. */
#include "python/py_function.h"
#include "python/py_schema.h"

#include <string.h>

#define PLACES 32 /* inputs and outputs with room on the C stack */

static mt_node *node_argument(PyObject *o)
{
    mt_node *n = py_node_check(o) ? py_node_of(o) : NULL;
    if (!n) PyErr_SetString(PyExc_TypeError, "expected the grad_fn of a tensor");
    return n;
}

/* ---- what it knows --------------------------------------------------------------------------- */

static PyObject *int_tuple(const int64_t *v, int64_t n)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (int64_t i = 0; tuple && i < n; i++) {
        PyObject *item = PyLong_FromLongLong(v[i]);
        if (item)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

PyObject *py_argument_object(const py_param *p, const mt_arg *a)
{
    if (!a->given) Py_RETURN_NONE;
    switch (p->kind) {
    case PY_SCALAR:
        return py_scalar_object(a->s);
    case PY_INT:
        return PyLong_FromLongLong(a->i);
    case PY_FLOAT:
        return PyFloat_FromDouble(a->d);
    case PY_BOOL:
        return PyBool_FromLong(a->b);
    case PY_STR:
        return PyUnicode_FromString(a->text);
    case PY_INTS:
        return int_tuple(a->ints.v, a->ints.n);
    default:
        Py_RETURN_NONE;
    }
}

/* {name: value} of the arguments that are not tensors and not as their defaults. */
static PyObject *arguments_of(const mt_node *n)
{
    PyObject *dict = PyDict_New();
    if (!dict || !n->call.op->schema || py_is_function(n)) return dict;
    py_schema *s = py_schema_parse(n->call.op, 0);
    int status = s ? 0 : -1;
    for (int i = 0; status == 0 && i < s->n; i++) {
        const py_param *p = &s->param[i];
        bool tensor = p->kind == PY_TENSOR || p->kind == PY_NUMBER || p->kind == PY_TENSORS;
        if (tensor || p->slot < 0 || p->slot >= n->call.narg) continue;
        PyObject *value = py_argument_object(p, &n->call.arg[p->slot]);
        PyObject *usual = p->has_default ? py_argument_object(p, &p->value) : Py_NewRef(Py_None);
        int same = value && usual ? PyObject_RichCompareBool(value, usual, Py_EQ) : -1;
        status = same < 0 ? -1 : same ? 0 : PyDict_SetItem(dict, p->name, value);
        Py_XDECREF(value);
        Py_XDECREF(usual);
    }
    if (s) py_schema_free(s);
    if (status < 0) Py_CLEAR(dict);
    return dict;
}

/* What is kept in place i (inputs first), if nobody has written to it since; else None. */
static PyObject *kept_object(const mt_node *n, int i)
{
    mt_tensor *t = n->call.in[i]; /* out[] lies behind in[] */
    if (!t || mt_node_stale(n, i)) Py_RETURN_NONE;
    if (t->node || mt_requires_grad(t)) return py_wrap(t);
    mt_scope scope = mt_scope_open();
    PyObject *o = py_wrap(mt_alias(t)); /* the shadow itself is nobody's to change */
    mt_scope_close(scope);
    return o;
}

/* (shape, dtype, kept or None) per input, None where an optional one is missing */
static PyObject *inputs_of(const mt_node *n)
{
    PyObject *tuple = PyTuple_New(n->call.nin);
    for (int i = 0; tuple && i < n->call.nin; i++) {
        const mt_dims *d = &n->call.in_dims[i];
        PyObject *item = d->dtype == MT_NO_DTYPE
                             ? Py_NewRef(Py_None)
                             : Py_BuildValue("NNN", int_tuple(d->size, d->ndim),
                                             py_dtype_object(d->dtype), kept_object(n, i));
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *outputs_of(const mt_node *n)
{
    PyObject *tuple = PyTuple_New(n->call.nout);
    for (int k = 0; tuple && k < n->call.nout; k++) {
        PyObject *item = kept_object(n, n->call.nin + k);
        if (item)
            PyTuple_SET_ITEM(tuple, k, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* _node_look(node) -> (operator's name, released, arguments, inputs, kept outputs) */
static PyObject *node_look(PyObject *module, PyObject *o)
{
    (void)module;
    const mt_node *n = node_argument(o);
    if (!n) return NULL;
    const char *name = py_is_function(n) ? "" : n->call.op->name;
    return Py_BuildValue("sNNNN", name, PyBool_FromLong(n->released), arguments_of(n), inputs_of(n),
                         outputs_of(n));
}

/* ---- running it ------------------------------------------------------------------------------ */

/* The tensors of a tuple, NULL for None; -1 with an exception. */
static int tensors_from(PyObject *tuple, int n, mt_tensor **t)
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != n || n > PLACES) {
        PyErr_Format(PyExc_TypeError, "expected a tuple of %d tensors", n);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        PyObject *o = PyTuple_GET_ITEM(tuple, i);
        if (o != Py_None && !py_tensor_check(o)) {
            PyErr_SetString(PyExc_TypeError, "expected tensors or None");
            return -1;
        }
        t[i] = o == Py_None ? NULL : py_core(o);
    }
    return 0;
}

/* What arrives at an input has its shape and type; NULL where a Function's gradient cannot. */
static mt_tensor *fit(const mt_dims *d, mt_tensor *g)
{
    if (!mt_shape_equal(g->ndim, g->size, d->ndim, d->size)) {
        if (!mt_shape_expandable(d->ndim, d->size, g->ndim, g->size)) return NULL;
        g = mt_sum_to_size(g, d->ndim, d->size);
    }
    return g && g->dtype != d->dtype ? mt_to_dtype(g, d->dtype) : g;
}

/* The rule on gout, into gin; -1 with the core's error. */
static int run_rule(const mt_node *n, mt_tensor **gout, mt_tensor **gin)
{
    const mt_op *op = n->call.op;
    mt_tensor *wanted = (mt_tensor *)(uintptr_t)n; /* anything but NULL asks for a gradient */
    for (int i = 0; i < n->call.nin + n->call.nout; i++)
        if (mt_node_stale(n, i)) return mt_node_fail_stale(n, i);
    for (int i = 0; i < n->call.nin; i++)
        gin[i] = n->next[i].node || n->next[i].leaf ? wanted : NULL;
    (op->fused ? op->fused : op->backward)(&n->call, gout, gin);
    for (int i = 0; i < n->call.nin; i++)
        gin[i] = gin[i] && gin[i] != wanted ? fit(&n->call.in_dims[i], gin[i]) : NULL;
    return mt_error_pending() == MT_OK ? 0 : -1;
}

/* _node_rule(node, gradients of its outputs) -> gradients of its inputs; None if it is released */
static PyObject *node_rule(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *o, *grads, *result = NULL;
    mt_tensor *gout[PLACES], *gin[PLACES];
    if (!PyArg_ParseTuple(args, "OO:_node_rule", &o, &grads)) return NULL;
    const mt_node *n = node_argument(o);
    if (!n || tensors_from(grads, n->call.nout, gout) < 0) return NULL;
    if (n->released || n->call.nin > PLACES) Py_RETURN_NONE;
    mt_scope scope = mt_scope_open();
    bool recording = !mt_self.no_grad;
    mt_self.no_grad = true;
    result = run_rule(n, gout, gin) < 0 ? py_raise() : py_tuple_of(n->call.nin, gin);
    mt_self.no_grad = !recording;
    mt_scope_close(scope);
    return result;
}

/* Does running it again give what it gave, and change nothing? */
static bool can_replay(const mt_node *n)
{
    const mt_op *op = n->call.op;
    if (py_is_function(n) || op->release || !op->schema || n->call.nin > PLACES) return false;
    if (op->kind & (MT_RANDOM | MT_INPLACE_ONLY) || strstr(op->name, "batch_norm")) return false;
    return !strstr(op->schema, "-> Tensor[]") && n->call.nout <= PLACES;
}

/* _node_replay(node, inputs) -> its outputs, computed once more; None if that cannot be done. */
static PyObject *node_replay(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *o, *inputs, *result = NULL;
    mt_tensor *in[PLACES], *out[PLACES] = {NULL};
    if (!PyArg_ParseTuple(args, "OO:_node_replay", &o, &inputs)) return NULL;
    const mt_node *n = node_argument(o);
    if (!n) return NULL;
    if (!can_replay(n)) Py_RETURN_NONE;
    if (tensors_from(inputs, n->call.nin, in) < 0) return NULL;
    mt_call c = n->call;
    c.in = in;
    c.out = out;
    c.flags = 0;
    c.context = NULL;
    mt_scope scope = mt_scope_open();
    bool recording = !mt_self.no_grad;
    mt_self.no_grad = true;
    mt_apply(&c);
    result = mt_error_pending() == MT_OK ? py_tuple_of(n->call.nout, out) : py_raise();
    mt_self.no_grad = !recording;
    mt_scope_close(scope);
    return result;
}

static PyMethodDef functions[] = {
    {"_node_look", node_look, METH_O, NULL},
    {"_node_rule", node_rule, METH_VARARGS, NULL},
    {"_node_replay", node_replay, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int py_init_node_look(PyObject *module) { return PyModule_AddFunctions(module, functions); }
