/* Functions that make tensors from Python's data: tensor(), as_tensor(), asarray(),
 * scalar_tensor(), and PyTorch's old constructors Tensor(2, 3), FloatTensor([1, 2]). Creation from
 * sizes (zeros, ones, ...) are operators: ops/create.c. Read next: py_numpy.c. */
#include "python/py_tensor.h"

#include <string.h>

/* ---- arguments ------------------------------------------------------------------------------- */

int py_arguments(const char *function, const char *const *names, int required, int positional,
                 PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **out)
{
    int n = 0;
    while (names[n]) out[n++] = NULL;
    if (nargs > positional) {
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional argument%s but %zd %s given",
                     function, positional, positional == 1 ? "" : "s", nargs,
                     nargs == 1 ? "was" : "were");
        return -1;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) out[i] = args[i];
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        int i = 0;
        while (i < n && PyUnicode_CompareWithASCIIString(name, names[i]) != 0) i++;
        if (i == n) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function,
                         name);
            return -1;
        }
        if (out[i]) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'", function,
                         names[i]);
            return -1;
        }
        out[i] = args[nargs + k];
    }
    for (int i = 0; i < required; i++) {
        if (out[i]) continue;
        PyErr_Format(PyExc_TypeError, "%s() missing %d required positional arguments: \"%s\"",
                     function, required - i, names[i]);
        return -1;
    }
    return 0;
}

int py_bool_argument(PyObject *o, const char *function, const char *name, bool fallback)
{
    if (!o || o == Py_None) return fallback;
    if (PyBool_Check(o)) return o == Py_True;
    PyErr_Format(PyExc_TypeError, "%s(): argument '%s' must be bool, not %s", function, name,
                 Py_TYPE(o)->tp_name);
    return -1;
}

int py_require_grad(mt_tensor *t)
{
    if (mt_is_inexact((mt_dtype)t->dtype)) {
        t->flags |= MT_REQUIRES_GRAD;
        return 0;
    }
    PyErr_SetString(PyExc_RuntimeError,
                    "Only Tensors of floating point and complex dtype can require gradients");
    return -1;
}

/* What every function here takes after the data. */
typedef struct options {
    mt_dtype d;
    int requires_grad;
} options;

static int read_options(const char *function, PyObject *dtype, PyObject *device,
                        PyObject *requires_grad, options *o)
{
    o->d = MT_NO_DTYPE;
    o->requires_grad = 0;
    if (dtype && py_dtype_argument(dtype, function, &o->d) < 0) return -1;
    if (device && py_device_check(device) < 0) return -1;
    if (requires_grad)
        o->requires_grad = py_bool_argument(requires_grad, function, "requires_grad", false);
    return o->requires_grad < 0 ? -1 : 0;
}

/* ---- tensor() and its sisters ---------------------------------------------------------------- */

/* A new tensor of the data; share: of the data's memory where possible. */
static PyObject *make(PyObject *data, const options *o, bool share)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *t = py_data_read(data, o->d, share);
    PyObject *result = NULL;
    if (t && (!o->requires_grad || py_require_grad(t) == 0)) result = py_wrap_result(t);
    mt_scope_close(scope);
    return result;
}

/* The common call: tensor(number or list), nothing else. */
static PyObject *tensor(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames)
{
    static const char *const names[] = {"data",          "dtype",      "device",
                                        "requires_grad", "pin_memory", NULL};
    PyObject *a[5];
    options o;
    if (py_arguments("tensor", names, 1, 1, args, nargs, kwnames, a) < 0) return NULL;
    if (read_options("tensor", a[1], a[2], a[3], &o) < 0) return NULL;
    if (py_bool_argument(a[4], "tensor", "pin_memory", false) < 0) return NULL;
    if (py_tensor_check(a[0]) &&
        PyErr_WarnEx(
            PyExc_UserWarning,
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
            "rather than torch.tensor(sourceTensor).",
            1) < 0)
        return NULL;
    return make(a[0], &o, false);
}

/* A tensor as it is, or in another dtype, with its history. */
static PyObject *converted(PyObject *t, mt_dtype d)
{
    if (d == MT_NO_DTYPE || d == py_core(t)->dtype) return Py_NewRef(t);
    PyObject *dtype = py_dtype_object(d);
    PyObject *result = PyObject_CallMethod(t, "to", "O", dtype);
    Py_DECREF(dtype);
    return result;
}

static PyObject *as_tensor(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const char *const names[] = {"data", "dtype", "device", NULL};
    PyObject *a[3];
    options o;
    if (py_arguments("as_tensor", names, 1, 3, args, nargs, kwnames, a) < 0) return NULL;
    if (read_options("as_tensor", a[1], a[2], NULL, &o) < 0) return NULL;
    return py_tensor_check(a[0]) ? converted(a[0], o.d) : make(a[0], &o, true);
}

static PyObject *asarray_tensor(PyObject *t, const options *o, int copy)
{
    PyObject *same = converted(t, o->d);
    if (same && same == t && copy > 0) Py_SETREF(same, PyObject_CallMethod(t, "clone", NULL));
    if (!same) return NULL;
    bool requires_grad = mt_requires_grad(py_core(same));
    if (requires_grad && !o->requires_grad)
        Py_SETREF(same, PyObject_CallMethod(same, "detach", NULL));
    if (same && !requires_grad && o->requires_grad)
        Py_SETREF(same, PyObject_CallMethod(same, "requires_grad_", NULL));
    return same;
}

static PyObject *asarray(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    static const char *const names[] = {"obj", "dtype", "device", "copy", "requires_grad", NULL};
    PyObject *a[5];
    options o;
    if (py_arguments("asarray", names, 1, 1, args, nargs, kwnames, a) < 0) return NULL;
    if (read_options("asarray", a[1], a[2], a[4], &o) < 0) return NULL;
    int copy = py_bool_argument(a[3], "asarray", "copy", false);
    if (copy < 0) return NULL;
    if (py_tensor_check(a[0])) return asarray_tensor(a[0], &o, copy);
    if (PyObject_CheckBuffer(a[0]) && !py_is_array(a[0])) {
        PyObject *dtype =
            o.d == MT_NO_DTYPE ? py_dtype_object(mt_default_dtype()) : py_dtype_object(o.d);
        PyObject *t = PyObject_CallMethod(module, "frombuffer", "OO", a[0], dtype);
        Py_DECREF(dtype);
        if (t) Py_SETREF(t, asarray_tensor(t, &o, copy));
        return t;
    }
    return make(a[0], &o, !copy);
}

static PyObject *scalar_tensor(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames)
{
    static const char *const names[] = {"s",          "dtype",         "layout", "device",
                                        "pin_memory", "requires_grad", NULL};
    PyObject *a[6];
    options o;
    mt_scalar s;
    if (py_arguments("scalar_tensor", names, 1, 1, args, nargs, kwnames, a) < 0) return NULL;
    if (read_options("scalar_tensor", a[1], a[3], a[5], &o) < 0) return NULL;
    int number = py_scalar_from(a[0], &s);
    if (number == 0)
        PyErr_Format(PyExc_TypeError,
                     "scalar_tensor(): argument 's' (position 1) must be Number, not %s",
                     Py_TYPE(a[0])->tp_name);
    if (number < 1) return NULL;
    if (o.d == MT_NO_DTYPE) o.d = mt_default_dtype();
    return make(a[0], &o, false);
}

static PyObject *is_tensor(PyObject *Py_UNUSED(module), PyObject *o)
{
    return PyBool_FromLong(py_tensor_check(o));
}

/* minitorch.numel(x) and its like: the method of that name. */
static PyObject *by_method(PyObject *o, const char *name)
{
    if (py_tensor_check(o)) return PyObject_CallMethod(o, name, NULL);
    return PyErr_Format(PyExc_TypeError,
                        "%s(): argument 'input' (position 1) must be Tensor, not %s", name,
                        Py_TYPE(o)->tp_name);
}
#define BY_METHOD(name)                                                                            \
    static PyObject *function_##name(PyObject *Py_UNUSED(module), PyObject *o)                     \
    {                                                                                              \
        return by_method(o, #name);                                                                \
    }
BY_METHOD(numel)
BY_METHOD(is_floating_point)
BY_METHOD(is_complex)
BY_METHOD(is_signed)
BY_METHOD(is_nonzero)

/* ---- the old constructors -------------------------------------------------------------------- */

static mt_tensor *uninitialised(mt_dtype d, Py_ssize_t n, PyObject *const *sizes)
{
    int64_t size[MT_MAX_DIMS];
    char text[MT_SHAPE_TEXT];
    if (n > MT_MAX_DIMS)
        return mt_fail(MT_RUNTIME, "tensors have at most %d dimensions, but got %zd", MT_MAX_DIMS,
                       n);
    for (Py_ssize_t i = 0; i < n; i++) {
        size[i] = PyLong_AsLongLong(sizes[i]);
        if (size[i] == -1 && PyErr_Occurred()) return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        if (size[i] < 0)
            return mt_fail(MT_RUNTIME, "Trying to create tensor with negative dimension %lld: %s",
                           (long long)size[i], mt_shape_text((int)n, size, text));
    return mt_empty(d, (int)n, size);
}

static bool all_ints(PyObject *const *o, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (!PyLong_Check(o[i]) || PyBool_Check(o[i])) return false;
    return true;
}

static mt_tensor *legacy_from_tensor(const mt_tensor *t, mt_dtype d, bool any)
{
    if (any || t->dtype == d) return mt_alias(t);
    return mt_fail(MT_TYPE,
                   "expected TensorOptions(dtype=%s, device=cpu, layout=Strided) (got dtype=%s)",
                   mt_dtype_name(d), mt_dtype_name((mt_dtype)t->dtype));
}

/* any: Tensor() takes over whatever dtype a tensor has. */
static mt_tensor *legacy_make(mt_dtype d, bool any, PyObject *const *args, Py_ssize_t n)
{
    static const int64_t nothing[] = {0};
    if (n == 0) return mt_empty(d, 1, nothing);
    if (all_ints(args, n)) return uninitialised(d, n, args);
    PyObject *o = args[0];
    if (n == 1 && Py_IS_TYPE(o, &py_size_type))
        return uninitialised(d, PyTuple_GET_SIZE(o), &PyTuple_GET_ITEM(o, 0));
    if (n == 1 && py_tensor_check(o)) return legacy_from_tensor(py_core(o), d, any);
    if (n == 1 && (py_is_nested(o) || py_is_array(o) || PyUnicode_Check(o)))
        return py_data_read(o, d, false);
    if (n == 1)
        return mt_fail(MT_TYPE, "new(): data must be a sequence (got %s)", Py_TYPE(o)->tp_name);
    return mt_fail(MT_TYPE,
                   "new() received an invalid combination of arguments - got (%s, ...), but "
                   "expected sizes or one object with data",
                   Py_TYPE(o)->tp_name);
}

static int legacy_keywords(PyObject *kwargs)
{
    PyObject *name, *value;
    Py_ssize_t position = 0;
    while (kwargs && PyDict_Next(kwargs, &position, &name, &value)) {
        if (PyUnicode_CompareWithASCIIString(name, "device") == 0) {
            if (py_device_check(value) < 0) return -1;
        } else {
            PyErr_Format(
                PyExc_TypeError,
                "new() received an invalid combination of arguments: the keyword '%U' is not known",
                name);
            return -1;
        }
    }
    return 0;
}

PyObject *py_legacy_new(PyTypeObject *cls, mt_dtype d, PyObject *args, PyObject *kwargs)
{
    if (legacy_keywords(kwargs) < 0) return NULL;
    mt_scope scope = mt_scope_open();
    mt_tensor *t = legacy_make(d, true, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args));
    PyObject *result = NULL;
    if (t || !PyErr_Occurred()) result = py_wrap_as(cls, t);
    mt_scope_close(scope);
    return result;
}

/* minitorch.FloatTensor and so on: objects that make tensors and answer isinstance(). */
typedef struct tensortype_object {
    PyObject_HEAD
    mt_dtype d;
} tensortype_object;

static tensortype_object tensortypes[MT_NUM_DTYPES];

static mt_dtype tensortype_dtype(PyObject *self) { return ((tensortype_object *)self)->d; }

static PyObject *tensortype_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (legacy_keywords(kwargs) < 0) return NULL;
    mt_scope scope = mt_scope_open();
    mt_tensor *t = legacy_make(tensortype_dtype(self), false, &PyTuple_GET_ITEM(args, 0),
                               PyTuple_GET_SIZE(args));
    PyObject *result = NULL;
    if (t || !PyErr_Occurred()) result = py_wrap_result(t);
    mt_scope_close(scope);
    return result;
}

static PyObject *tensortype_instancecheck(PyObject *self, PyObject *o)
{
    return PyBool_FromLong(py_tensor_check(o) && py_core(o)->dtype == tensortype_dtype(self));
}

static PyObject *tensortype_name(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromFormat("%sTensor", mt_dtype_camel(tensortype_dtype(self)));
}

static PyObject *tensortype_get_dtype(PyObject *self, void *Py_UNUSED(closure))
{
    return py_dtype_object(tensortype_dtype(self));
}

static PyObject *tensortype_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<class 'torch.%sTensor'>", mt_dtype_camel(tensortype_dtype(self)));
}

static PyObject *tensortype_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return tensortype_name(self, NULL);
}

static PyMethodDef tensortype_methods[] = {
    {"__instancecheck__", tensortype_instancecheck, METH_O, NULL},
    {"__reduce__", tensortype_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef tensortype_getset[] = {
    {"dtype", tensortype_get_dtype, NULL, "The dtype of the tensors it makes.", NULL},
    {"__name__", tensortype_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject tensortype_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.tensortype",
    .tp_basicsize = sizeof(tensortype_object),
    .tp_repr = tensortype_repr,
    .tp_call = tensortype_call,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "An old constructor of tensors of one dtype: minitorch.FloatTensor, ...",
    .tp_methods = tensortype_methods,
    .tp_getset = tensortype_getset,
};

/* ---- the module ------------------------------------------------------------------------------ */

PY_NAMED(is_tensor, "is_tensor", "obj")
PY_NAMED(function_numel, "numel", "input")
PY_NAMED(function_is_floating_point, "is_floating_point", "input")
PY_NAMED(function_is_complex, "is_complex", "input")
PY_NAMED(function_is_signed, "is_signed", "input")
PY_NAMED(function_is_nonzero, "is_nonzero", "input")
#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS
static PyMethodDef functions[] = {
    {"tensor", FAST(tensor),
     "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)\n--\n\n"
     "A new tensor with a copy of data: a number, nested lists or tuples of numbers, an array.\n\n"
     "Without dtype: bool, int64 or the default float, whichever holds all values; an array keeps "
     "its own.\n\n"
     ">>> import minitorch\n>>> minitorch.tensor([[1, 2], [3, 4]])\ntensor([[1, 2],\n        [3, "
     "4]])\n\n"
     "Source: https://docs.pytorch.org/docs/stable/generated/torch.tensor.html"},
    {"as_tensor", FAST(as_tensor),
     "as_tensor(data, dtype=None, device=None)\n--\n\n"
     "data as a tensor: a tensor as it is, an array without copying where its type fits, anything "
     "else as tensor().\n\n"
     "Source: https://docs.pytorch.org/docs/stable/generated/torch.as_tensor.html"
     "\n\n>>> minitorch.as_tensor([1, 2])\ntensor([1, 2])"},
    {"asarray", FAST(asarray),
     "asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False)\n--\n\n"
     "obj as a tensor, which shares memory with it unless copy is true.\n\n"
     "Source: https://docs.pytorch.org/docs/stable/generated/torch.asarray.html"
     "\n\n>>> minitorch.asarray([1.0, 2.0])\ntensor([1., 2.])"},
    {"scalar_tensor", FAST(scalar_tensor),
     "scalar_tensor(s, *, dtype=None, layout=None, device=None, pin_memory=False, "
     "requires_grad=False)\n--\n\n"
     "A tensor without dimensions that holds the number s, of the default dtype unless another is "
     "given."
     "\n\n>>> minitorch.scalar_tensor(3)\ntensor(3.)"},
    {"is_tensor", PY_NAMED_METHOD(is_tensor),
     "is_tensor(obj)\n--\n\nIs obj a tensor?"
     "\n\n>>> minitorch.is_tensor([1])\nFalse"},
    {"numel", PY_NAMED_METHOD(function_numel),
     "numel(input)\n--\n\nThe number of elements."
     "\n\n>>> minitorch.numel(minitorch.zeros(2, 3))\n6"},
    {"is_floating_point", PY_NAMED_METHOD(function_is_floating_point),
     "is_floating_point(input)\n--\n\nIs the tensor of a real floating-point type?"
     "\n\n>>> minitorch.is_floating_point(minitorch.tensor([1]))\nFalse"},
    {"is_complex", PY_NAMED_METHOD(function_is_complex),
     "is_complex(input)\n--\n\nIs the tensor complex64 or complex128?"
     "\n\n>>> minitorch.is_complex(minitorch.tensor([1.0]))\nFalse"},
    {"is_signed", PY_NAMED_METHOD(function_is_signed),
     "is_signed(input)\n--\n\nHas the tensor's dtype negative values?"
     "\n\n>>> minitorch.is_signed(minitorch.tensor([1]))\nTrue"},
    {"is_nonzero", PY_NAMED_METHOD(function_is_nonzero),
     "is_nonzero(input)\n--\n\nIs the only element not zero?"
     "\n\n>>> minitorch.is_nonzero(minitorch.tensor([0.5]))\nTrue"},
    {NULL, NULL, 0, NULL},
};
#undef FAST

int py_init_factory(PyObject *module)
{
    if (PyType_Ready(&tensortype_type) < 0) return -1;
    for (int d = 0; d < MT_NUM_DTYPES; d++) {
        char name[32];
        PyObject_Init((PyObject *)&tensortypes[d], &tensortype_type);
        tensortypes[d].d = (mt_dtype)d;
        PyOS_snprintf(name, sizeof name, "%sTensor", mt_dtype_camel((mt_dtype)d));
        if (PyModule_AddObjectRef(module, name, (PyObject *)&tensortypes[d]) < 0) return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
