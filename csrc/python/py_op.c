/* The Operator object: every function and method over operators is one of these.
 *
 * Note [Fast path]
 * Most calls give tensors by position and nothing else: x.sin(), a.add(b), F.linear(x, w, b). For
 * them an object keeps, by number of arguments, the overload that takes just so many leading
 * tensors and has defaults for the rest. Such a call fills in[] and runs; no parameter is looked
 * at. Everything else goes through py_bind, overload by overload.
 *
 * A call opens a scope, so temporaries die with it and the result goes over to its Python object.
 * Work over more than PY_RELEASE_GIL_ABOVE elements runs without the GIL: what the core keeps per
 * thread stays with the thread. Relies on py_bind.h; read next: py_op_doc.c, py_op_register.c. */
#include "python/py_op.h"

#include <string.h>

/* ---- running a bound call -------------------------------------------------------------------- */

static int64_t count_elements(const mt_call *c)
{
    int64_t n = 0;
    for (int i = 0; i < c->nin; i++)
        if (c->in[i]) n += c->in[i]->numel;
    return n;
}

/* Python looks for Ctrl-C between statements only: long work looks when it is done. */
static __attribute__((noinline)) mt_tensor *apply_without_gil(mt_call *c)
{
    mt_tensor *t;
    Py_BEGIN_ALLOW_THREADS t = mt_apply(c);
    Py_END_ALLOW_THREADS if (!mt_self.error && PyErr_CheckSignals() < 0)
    {
        py_fail_host();
        return NULL;
    }
    return t;
}

/* mt_apply; false: an error is pending. */
static inline bool apply(const py_schema *s, mt_call *c, int64_t numel)
{
    mt_tensor *t = MT_LIKELY(numel <= PY_RELEASE_GIL_ABOVE) || s->keeps_gil ? mt_apply(c)
                                                                            : apply_without_gil(c);
    return MT_LIKELY(t != NULL) || !mt_self.error;
}

/* Several results: a tuple, or a named one. */
static PyObject *wrap_several(const py_schema *s, const mt_call *c)
{
    PyObject *tuple = s->result_type ? PyStructSequence_New(s->result_type) : PyTuple_New(c->nout);
    for (int k = 0; k < c->nout && tuple; k++) {
        PyObject *item = c->out[k] ? py_wrap(c->out[k]) : Py_NewRef(Py_None);
        if (!item) {
            Py_CLEAR(tuple);
        } else if (s->result_type) {
            PyStructSequence_SetItem(tuple, k, item);
        } else {
            PyTuple_SET_ITEM(tuple, k, item);
        }
    }
    return tuple;
}

static int set_requires_grad(mt_tensor *t)
{
    if (!mt_is_inexact((mt_dtype)t->dtype))
        return mt_error(MT_RUNTIME,
                        "Only Tensors of floating point and complex dtype can require gradients");
    t->flags |= MT_REQUIRES_GRAD;
    return 0;
}

/* Runs b and gives its result to Python. self: the object an in-place call returns. */
static PyObject *run(const py_schema *s, py_bound *b, PyObject *self)
{
    mt_call *c = &b->call;
    bool inplace = s->inplace || b->inplace;
    if (inplace) c->flags |= MT_CALL_INPLACE;
    PyObject *result;
    if (!apply(s, c, count_elements(c)))
        result = py_raise_call(s, c);
    else if (inplace)
        result = Py_NewRef(self);
    else if (b->out_object)
        result = s->nout == 1 || PyTuple_Check(b->out_object) ? Py_NewRef(b->out_object)
                                                              : PySequence_Tuple(b->out_object);
    else if (s->nout != 1)
        result = wrap_several(s, c);
    else if (b->requires_grad && set_requires_grad(c->out[0]) < 0)
        result = py_raise();
    else
        result = py_wrap_result(c->out[0]);
    mt_call_free_list(c);
    return result;
}

/* ---- calling --------------------------------------------------------------------------------- */

static int check_self(const py_op *op, const py_args *a)
{
    if (!(op->form & PY_METHOD)) return 0;
    if (a->nargs == 0)
        PyErr_Format(PyExc_TypeError, "unbound method Tensor.%U() needs an argument", op->name);
    else if (!py_tensor_check(a->args[0]))
        PyErr_Format(PyExc_TypeError,
                     "descriptor '%U' for 'Tensor' objects doesn't apply to a '%s' object",
                     op->name, Py_TYPE(a->args[0])->tp_name);
    else
        return 0;
    return -1;
}

/* The object of the tensor an in-place call writes: its first argument,
 * by position or by keyword. */
static PyObject *target_of(const py_schema *s, const py_args *a)
{
    return a->nargs ? a->args[0] : py_bind_keyword(&s->param[0], a);
}

static PyObject *call_general(py_op *op, const py_args *a)
{
    py_bound b;
    PyObject *result = NULL;
    int status = 0;
    bool taken;
    if (check_self(op, a) < 0) return NULL;
    if (op->old_order && ((result = py_old_order_call(op, a, &taken)) || taken)) return result;
    mt_scope scope = mt_scope_open();
    for (int i = 0; i < op->n && status == 0; i++) {
        status = py_bind(op->schema[i], a, &b, op->n == 1);
        if (status == 1) result = run(op->schema[i], &b, target_of(op->schema[i], a));
        py_bound_clear(&b);
    }
    if (status == 0 && op->n > 1) result = py_bind_no_overload(op->schema, op->n, a);
    mt_scope_close(scope);
    return result;
}

/* What is no tensor, where the schema says Number: its 0-d tensor. NULL: it is no number either, or
 * an error. */
static mt_tensor *number_of(const py_schema *s, int i, PyObject *o)
{
    mt_scalar value;
    int overflow = 1;
    if (!s->fast_number[i]) return NULL;
    if (PyFloat_CheckExact(o)) return mt_number_of(mt_scalar_float(PyFloat_AS_DOUBLE(o)));
    const int64_t n = PyLong_CheckExact(o) ? PyLong_AsLongLongAndOverflow(o, &overflow) : 0;
    if (!overflow) return mt_number_of(mt_scalar_int(n));
    return py_bind_scalar(o, &value) == 1 ? mt_number_of(value) : NULL;
}

/* An argument did not fit the fast path: an error is told, anything else goes to the binder. */
static __attribute__((noinline)) PyObject *leave_fast_path(py_op *op, PyObject *const *args,
                                                           Py_ssize_t nargs)
{
    const py_args a = {args, nargs, NULL};
    if (mt_self.error) return py_raise();
    return PyErr_Occurred() ? NULL : call_general(op, &a);
}

/* See Note [Fast path]. */
static inline PyObject *call_fast(py_op *op, const py_schema *s, PyObject *const *args,
                                  Py_ssize_t nargs)
{
    mt_tensor *in[4] = {NULL}, *out[1] = {NULL};
    mt_call c = s->fast_call;
    int64_t numel = 0;
    Py_ssize_t i = 0;
    mt_scope scope = mt_scope_open();
    do {
        mt_tensor *t =
            MT_LIKELY(py_tensor_check(args[i])) ? py_core(args[i]) : number_of(s, (int)i, args[i]);
        if (MT_UNLIKELY(!t)) {
            mt_scope_close(scope);
            return leave_fast_path(op, args, nargs);
        }
        numel += t->numel;
        in[i] = t;
    } while (++i < nargs);
    c.in = in;
    c.out = out;
    PyObject *result;
    if (MT_UNLIKELY(!apply(s, &c, numel)))
        result = py_raise_call(s, &c);
    else
        result = MT_UNLIKELY(s->inplace) ? Py_NewRef(args[0]) : py_wrap_result(out[0]);
    mt_scope_close(scope);
    return result;
}

PyObject *py_op_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    py_op *op = (py_op *)self;
    const py_schema *s = MT_LIKELY(nargs < PY_FAST_ARGS) ? op->fast[nargs] : NULL;
    if (MT_LIKELY(s != NULL)) return call_fast(op, s, args, nargs);
    const py_args a = {args, nargs, NULL};
    return call_general(op, &a);
}

static PyObject *call_op(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    const py_args a = {args, PyVectorcall_NARGS(nargsf), kwnames};
    if (MT_LIKELY(!kwnames)) return py_op_call(self, args, a.nargs);
    return call_general((py_op *)self, &a);
}

/* ---- the objects ----------------------------------------------------------------------------- */

py_op *py_op_new(const char *name, const char *module, uint32_t form)
{
    py_op *op = PyObject_New(py_op, form & PY_METHOD ? &py_op_method_type : &py_op_type);
    if (!op) return NULL;
    op->call = call_op;
    op->form = form;
    op->old_order = (uint8_t)py_old_order_of(name);
    op->n = 0;
    op->schema = NULL;
    memset(op->fast, 0, sizeof op->fast);
    op->name = PyUnicode_InternFromString(name);
    op->module = PyUnicode_InternFromString(module);
    if (op->name && op->module) return op;
    Py_DECREF(op);
    return NULL;
}

int py_op_add(py_op *op, py_schema *s)
{
    py_schema **grown = PyMem_Realloc(op->schema, (size_t)(op->n + 1) * sizeof *grown);
    if (!grown) {
        PyErr_NoMemory();
        return -1;
    }
    op->schema = grown;
    for (int i = 0; i < op->n; i++) {
        grown[i]->hidden |= py_schema_covers(s, grown[i]);
        s->hidden |= py_schema_covers(grown[i], s);
    }
    op->schema[op->n++] = s;
    for (int n = s->fast_min > 0 ? s->fast_min : 1; n <= s->fast_max && n < PY_FAST_ARGS; n++)
        if (!op->fast[n] && s->tensors <= 4) op->fast[n] = s;
    return 0;
}

/* Only an import that failed half way gets here. Schemas may be shared with an alias and stay. */
static void op_dealloc(PyObject *self)
{
    py_op *op = (py_op *)self;
    Py_XDECREF(op->name);
    Py_XDECREF(op->module);
    PyMem_Free(op->schema);
    PyObject_Free(self);
}

/* Functions do not bind: an operator kept in a class is called with what it is given. */
static PyObject *function_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)object, (void)type;
    return Py_NewRef(self);
}

static PyObject *method_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object ? PyMethod_New(self, object) : Py_NewRef(self);
}

PyTypeObject py_op_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.Operator",
    .tp_doc = "A function over tensors, made from an operator's schema.",
    .tp_basicsize = sizeof(py_op),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = op_dealloc,
    .tp_vectorcall_offset = offsetof(py_op, call),
    .tp_call = PyVectorcall_Call,
    .tp_repr = py_op_repr,
    .tp_descr_get = function_get,
    .tp_methods = py_op_methods,
    .tp_getset = py_op_getset,
};

PyTypeObject py_op_method_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.OperatorMethod",
    .tp_doc = "A method of Tensor, made from an operator's schema.",
    .tp_basicsize = sizeof(py_op),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = op_dealloc,
    .tp_vectorcall_offset = offsetof(py_op, call),
    .tp_call = PyVectorcall_Call,
    .tp_repr = py_op_repr,
    .tp_descr_get = method_get,
    .tp_methods = py_op_methods,
    .tp_getset = py_op_getset,
};
