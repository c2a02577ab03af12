/* Element types as Python objects: minitorch.float32 and its sisters, finfo, iinfo, and what can be
 * asked about them. There is one object per type, so `is` compares. Relies on base/dtype.h; read
 * next: py_device.c. */
#include "python/py_tensor.h"

#include <float.h>

typedef struct dtype_object {
    PyObject_HEAD
    mt_dtype d;
} dtype_object;

static dtype_object dtypes[MT_NUM_DTYPES];

/* ---- dtype ----------------------------------------------------------------------------------- */
PyObject *py_dtype_object(mt_dtype d) { return Py_NewRef((PyObject *)&dtypes[d]); }

static PyObject *dtype_repr(PyObject *self)
{
    return PyUnicode_FromFormat("torch.%s", mt_dtype_name(((dtype_object *)self)->d));
}

/* Pickle finds the object again under its name in minitorch. */
static PyObject *dtype_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyUnicode_FromString(mt_dtype_name(((dtype_object *)self)->d));
}

static PyObject *dtype_to_real(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return py_dtype_object(mt_real_dtype(((dtype_object *)self)->d));
}

static PyObject *dtype_to_complex(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    mt_dtype d = ((dtype_object *)self)->d;
    if (!mt_is_inexact(d) || d == MT_FLOAT16)
        return PyErr_Format(PyExc_RuntimeError, "Unknown Complex ScalarType for %s",
                            mt_dtype_camel(d));
    return py_dtype_object(mt_complex_dtype(d));
}

static PyObject *dtype_is_floating(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(mt_is_floating(((dtype_object *)self)->d));
}

static PyObject *dtype_is_complex(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(mt_is_complex(((dtype_object *)self)->d));
}

static PyObject *dtype_is_signed(PyObject *self, void *Py_UNUSED(closure))
{
    mt_dtype d = ((dtype_object *)self)->d;
    return PyBool_FromLong(d != MT_UINT8 && d != MT_BOOL);
}

static PyObject *dtype_itemsize(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(mt_dtype_size(((dtype_object *)self)->d));
}

static PyMethodDef dtype_methods[] = {
    {"__reduce__", dtype_reduce, METH_NOARGS, NULL},
    {"to_real", dtype_to_real, METH_NOARGS,
     "to_real($self, /)\n--\n\nThe real type of the same precision."},
    {"to_complex", dtype_to_complex, METH_NOARGS,
     "to_complex($self, /)\n--\n\nThe complex type of the same precision; RuntimeError if there "
     "is none."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef dtype_getset[] = {
    {"is_floating_point", dtype_is_floating, NULL,
     "True for float16, bfloat16, float32 and float64.", NULL},
    {"is_complex", dtype_is_complex, NULL, "True for complex64 and complex128.", NULL},
    {"is_signed", dtype_is_signed, NULL, "True if the type has negative values.", NULL},
    {"itemsize", dtype_itemsize, NULL, "Bytes per element.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject py_dtype_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.dtype",
    .tp_basicsize = sizeof(dtype_object),
    .tp_repr = dtype_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The type of a tensor's elements, such as minitorch.float32.",
    .tp_methods = dtype_methods,
    .tp_getset = dtype_getset,
};

int py_dtype_from(PyObject *o, mt_dtype *out)
{
    if (Py_IS_TYPE(o, &py_dtype_type))
        *out = ((dtype_object *)o)->d;
    else if (o == (PyObject *)&PyFloat_Type)
        *out = MT_FLOAT64;
    else if (o == (PyObject *)&PyLong_Type)
        *out = MT_INT64;
    else if (o == (PyObject *)&PyBool_Type)
        *out = MT_BOOL;
    else if (o == (PyObject *)&PyComplex_Type)
        *out = MT_COMPLEX128;
    else
        return 0;
    return 1;
}

int py_dtype_argument(PyObject *o, const char *function, mt_dtype *out)
{
    if (!o || o == Py_None) return 0;
    if (py_dtype_from(o, out) == 1) return 0;
    PyErr_Format(PyExc_TypeError, "%s(): argument 'dtype' must be torch.dtype, not %s", function,
                 Py_TYPE(o)->tp_name);
    return -1;
}

/* ---- finfo and iinfo ------------------------------------------------------------------------- */
typedef struct info_object {
    PyObject_HEAD
    mt_dtype d;
} info_object;

static PyTypeObject finfo_type, iinfo_type;

static mt_dtype info_dtype(PyObject *self) { return ((info_object *)self)->d; }

static PyObject *info_bits(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(mt_dtype_size(info_dtype(self)) * 8);
}

static PyObject *info_name(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(mt_dtype_name(info_dtype(self)));
}

/* The limits of the float types in one table: finfo's attributes point into it. */
typedef struct limits {
    double min, max, eps, smallest_normal, resolution;
} limits;
static const limits float_limits[MT_NUM_DTYPES] = {
    [MT_FLOAT16] = {-65504, 65504, 0x1p-10, 0x1p-14, 1e-3},
    [MT_BFLOAT16] = {-0x1.fep127, 0x1.fep127, 0x1p-7, 0x1p-126, 1e-2},
    [MT_FLOAT32] = {-(double)FLT_MAX, FLT_MAX, FLT_EPSILON, FLT_MIN, 1e-6},
    [MT_FLOAT64] = {-DBL_MAX, DBL_MAX, DBL_EPSILON, DBL_MIN, 1e-15},
};

static PyObject *finfo_value(PyObject *self, void *closure)
{
    const char *row = (const char *)&float_limits[info_dtype(self)];
    return PyFloat_FromDouble(*(const double *)(row + (size_t)closure));
}

static int64_t integer_min(mt_dtype d)
{
    return d == MT_UINT8 ? 0 : (int64_t)(UINT64_MAX << (mt_dtype_size(d) * 8 - 1));
}

static int64_t integer_max(mt_dtype d) { return d == MT_UINT8 ? UINT8_MAX : ~integer_min(d); }

static PyObject *iinfo_min(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(integer_min(info_dtype(self)));
}

static PyObject *iinfo_max(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(integer_max(info_dtype(self)));
}

static PyObject *finfo_repr(PyObject *self)
{
    const limits *l = &float_limits[info_dtype(self)];
    char text[300];
    PyOS_snprintf(
        text, sizeof text,
        "finfo(resolution=%g, min=%g, max=%g, eps=%g, smallest_normal=%g, tiny=%g, dtype=%s)",
        l->resolution, l->min, l->max, l->eps, l->smallest_normal, l->smallest_normal,
        mt_dtype_name(info_dtype(self)));
    return PyUnicode_FromString(text);
}

static PyObject *iinfo_repr(PyObject *self)
{
    mt_dtype d = info_dtype(self);
    return PyUnicode_FromFormat("iinfo(min=%lld, max=%lld, dtype=%s)", (long long)integer_min(d),
                                (long long)integer_max(d), mt_dtype_name(d));
}

static PyObject *info_compare(PyObject *a, PyObject *b, int op)
{
    if (Py_TYPE(a) != Py_TYPE(b) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((info_dtype(a) == info_dtype(b)) == (op == Py_EQ));
}

static PyObject *info_make(PyTypeObject *cls, mt_dtype d)
{
    info_object *self = PyObject_New(info_object, cls);
    if (self) self->d = d;
    return (PyObject *)self;
}

/* The argument of finfo() and iinfo(): 1 given, 0 not, -1 error. */
static int info_argument(PyObject *args, PyObject *kwargs, const char *name, mt_dtype *d)
{
    static char *names[] = {"type", NULL};
    PyObject *type = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &type)) return -1;
    if (!type) return 0;
    if (Py_IS_TYPE(type, &py_dtype_type)) {
        *d = ((dtype_object *)type)->d;
        return 1;
    }
    PyErr_Format(PyExc_TypeError, "%s(): argument 'type' (position 1) must be torch.dtype, not %s",
                 name, Py_TYPE(type)->tp_name);
    return -1;
}

static PyObject *finfo_new(PyTypeObject *cls, PyObject *args, PyObject *kwargs)
{
    mt_dtype d = mt_default_dtype();
    if (info_argument(args, kwargs, "finfo", &d) < 0) return NULL;
    d = mt_real_dtype(d); /* the limits of complex numbers are those of their parts */
    if (!mt_is_floating(d)) {
        PyErr_SetString(PyExc_TypeError, "torch.finfo() requires a floating point input type. Use "
                                         "torch.iinfo to handle 'torch.finfo'");
        return NULL;
    }
    return info_make(cls, d);
}

static PyObject *iinfo_new(PyTypeObject *cls, PyObject *args, PyObject *kwargs)
{
    mt_dtype d = MT_NO_DTYPE;
    int given = info_argument(args, kwargs, "iinfo", &d);
    if (given < 0) return NULL;
    if (given == 0)
        PyErr_SetString(PyExc_TypeError,
                        "iinfo() missing 1 required positional arguments: \"type\"");
    else if (mt_is_inexact(d))
        PyErr_SetString(PyExc_TypeError, "torch.iinfo() requires an integer input type. Use "
                                         "torch.finfo to handle 'torch.iinfo'");
    else if (d == MT_BOOL)
        PyErr_SetString(PyExc_TypeError, "torch.bool is not supported by torch.iinfo");
    else
        return info_make(cls, d);
    return NULL;
}

#define LIMIT(field) (void *)offsetof(limits, field)
static PyGetSetDef finfo_getset[] = {
    {"bits", info_bits, NULL, "Bits per number.", NULL},
    {"dtype", info_name, NULL, "The name of the type.", NULL},
    {"eps", finfo_value, NULL, "The smallest number with 1 + eps != 1.", LIMIT(eps)},
    {"max", finfo_value, NULL, "The largest finite number.", LIMIT(max)},
    {"min", finfo_value, NULL, "The most negative finite number.", LIMIT(min)},
    {"tiny", finfo_value, NULL, "The smallest positive normal number.", LIMIT(smallest_normal)},
    {"smallest_normal", finfo_value, NULL, "The smallest positive normal number.",
     LIMIT(smallest_normal)},
    {"resolution", finfo_value, NULL, "The decimal resolution.", LIMIT(resolution)},
    {NULL, NULL, NULL, NULL, NULL},
};
#undef LIMIT

static PyGetSetDef iinfo_getset[] = {
    {"bits", info_bits, NULL, "Bits per number.", NULL},
    {"dtype", info_name, NULL, "The name of the type.", NULL},
    {"min", iinfo_min, NULL, "The smallest number.", NULL},
    {"max", iinfo_max, NULL, "The largest number.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static Py_hash_t info_hash(PyObject *self) { return info_dtype(self); }

static PyTypeObject finfo_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.finfo",
    .tp_basicsize = sizeof(info_object),
    .tp_repr = finfo_repr,
    .tp_hash = info_hash,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "finfo(type=None)\n--\n\nThe limits of a floating-point dtype (the default one if "
              "not given).",
    .tp_richcompare = info_compare,
    .tp_getset = finfo_getset,
    .tp_new = finfo_new,
};

static PyTypeObject iinfo_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.iinfo",
    .tp_basicsize = sizeof(info_object),
    .tp_repr = iinfo_repr,
    .tp_hash = info_hash,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "iinfo(type)\n--\n\nThe limits of an integer dtype.",
    .tp_richcompare = info_compare,
    .tp_getset = iinfo_getset,
    .tp_new = iinfo_new,
};

/* ---- functions ------------------------------------------------------------------------------- */
static PyObject *get_default_dtype(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return py_dtype_object(mt_default_dtype());
}

static PyObject *set_default_dtype(PyObject *Py_UNUSED(module), PyObject *o)
{
    if (!Py_IS_TYPE(o, &py_dtype_type)) {
        PyErr_SetString(
            PyExc_TypeError,
            "invalid dtype object: only floating-point types are supported as the default type");
        return NULL;
    }
    mt_dtype d = ((dtype_object *)o)->d;
    if (!mt_is_floating(d)) {
        PyErr_SetString(PyExc_TypeError,
                        "only floating-point types are supported as the default type");
        return NULL;
    }
    if (mt_is_narrow(d)) {
        PyErr_Format(PyExc_NotImplementedError,
                     "torch.%s cannot be the default dtype here. Hint: cast what you need with "
                     "to(), or use a dtype= argument.",
                     mt_dtype_name(d));
        return NULL;
    }
    mt_set_default_dtype(d);
    Py_RETURN_NONE;
}

/* Two required dtypes of a function, by position or name. */
static int two_dtypes(PyObject *args, PyObject *kwargs, const char *function, char **names,
                      mt_dtype *d)
{
    PyObject *o[2] = {NULL, NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", names, &o[0], &o[1])) return -1;
    for (int i = 0; i < 2; i++) {
        if (py_dtype_from(o[i], &d[i]) == 1) continue;
        PyErr_Format(PyExc_TypeError,
                     "%s(): argument '%s' (position %d) must be torch.dtype, not %s", function,
                     names[i], i + 1, Py_TYPE(o[i])->tp_name);
        return -1;
    }
    return 0;
}

static PyObject *promote_types(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"type1", "type2", NULL};
    mt_dtype d[2];
    if (two_dtypes(args, kwargs, "promote_types", names, d) < 0) return NULL;
    return py_dtype_object(mt_promote(d[0], d[1]));
}

static PyObject *can_cast(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"from_", "to", NULL};
    mt_dtype d[2];
    if (two_dtypes(args, kwargs, "can_cast", names, d) < 0) return NULL;
    return PyBool_FromLong(mt_can_cast(d[0], d[1]));
}

/* The dtype of an operand and its rank in promotion: 2 tensor with dimensions, 1 tensor without, 0
 * number. */
static int operand(PyObject *o, mt_dtype *d)
{
    mt_scalar s;
    if (py_tensor_check(o)) {
        *d = (mt_dtype)py_core(o)->dtype;
        return py_core(o)->ndim > 0 ? 2 : 1;
    }
    int number = py_scalar_from(o, &s);
    if (number == 1) {
        *d = mt_scalar_dtype(s);
        return 0;
    }
    if (number == 0)
        PyErr_Format(PyExc_TypeError,
                     "result_type() received an invalid combination of arguments - got %s",
                     Py_TYPE(o)->tp_name);
    return -1;
}

/* A higher rank wins unless the lower one is of a higher category (an int tensor and a float number
 * give the default float); among equal ranks the types are promoted. */
static PyObject *result_type(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"tensor", "other", NULL};
    PyObject *a, *b;
    mt_dtype da, db;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:result_type", names, &a, &b)) return NULL;
    int ra = operand(a, &da), rb = ra < 0 ? -1 : operand(b, &db);
    if (ra < 0 || rb < 0) return NULL;
    if (ra == rb) return py_dtype_object(mt_promote(da, db));
    mt_dtype high = ra > rb ? da : db, low = ra > rb ? db : da;
    return py_dtype_object(mt_dtype_category(low) > mt_dtype_category(high) ? mt_promote(da, db)
                                                                            : high);
}

PY_NAMED(set_default_dtype, "set_default_dtype", "d")
static PyMethodDef functions[] = {
    {"get_default_dtype", get_default_dtype, METH_NOARGS,
     "get_default_dtype()\n--\n\nThe dtype of floating tensors that are made without one."
     "\n\n>>> minitorch.get_default_dtype()\ntorch.float32"},
    {"set_default_dtype", PY_NAMED_METHOD(set_default_dtype),
     "set_default_dtype(d)\n--\n\nMakes d (float32 or float64) the default dtype."
     "\n\n>>> minitorch.set_default_dtype(minitorch.float64)\n>>> "
     "minitorch.ones(1).dtype\ntorch.float64\n>>> minitorch.set_default_dtype(minitorch.float32)"},
    {"promote_types", (PyCFunction)(void (*)(void))promote_types, METH_VARARGS | METH_KEYWORDS,
     "promote_types(type1, type2)\n--\n\nThe dtype that holds values of both."
     "\n\n>>> minitorch.promote_types(minitorch.int64, minitorch.float32)\ntorch.float32"},
    {"can_cast", (PyCFunction)(void (*)(void))can_cast, METH_VARARGS | METH_KEYWORDS,
     "can_cast(from_, to)\n--\n\nMay a result of the first dtype be stored in the second?"
     "\n\n>>> minitorch.can_cast(minitorch.float32, minitorch.int64)\nFalse"},
    {"result_type", (PyCFunction)(void (*)(void))result_type, METH_VARARGS | METH_KEYWORDS,
     "result_type(tensor, other)\n--\n\nThe dtype of an operation on the two tensors or "
     "numbers."
     "\n\n>>> minitorch.result_type(minitorch.tensor([1, 2]), 0.5)\ntorch.float32"},
    {NULL, NULL, 0, NULL},
};

int py_init_dtype(PyObject *module)
{
    static const struct {
        const char *name;
        mt_dtype d;
    } names[] = {{"float", MT_FLOAT32},    {"half", MT_FLOAT16},      {"double", MT_FLOAT64},
                 {"long", MT_INT64},       {"int", MT_INT32},         {"short", MT_INT16},
                 {"cfloat", MT_COMPLEX64}, {"cdouble", MT_COMPLEX128}};
    if (PyType_Ready(&py_dtype_type) < 0) return -1;
    for (int d = 0; d < MT_NUM_DTYPES; d++) {
        PyObject_Init((PyObject *)&dtypes[d], &py_dtype_type);
        dtypes[d].d = (mt_dtype)d;
        if (PyModule_AddObjectRef(module, mt_dtype_name((mt_dtype)d), (PyObject *)&dtypes[d]) < 0)
            return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++)
        if (PyModule_AddObjectRef(module, names[i].name, (PyObject *)&dtypes[names[i].d]) < 0)
            return -1;
    if (PyModule_AddType(module, &py_dtype_type) < 0 || PyModule_AddType(module, &finfo_type) < 0 ||
        PyModule_AddType(module, &iinfo_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
