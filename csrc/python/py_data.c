/* From Python's values to elements: numbers, nested lists, arrays.
 *
 * Nested data is read in three passes: its shape along the first element of each list, its dtype
 * and regularity over all elements, then the values. Any element may be an object whose methods
 * change the lists while they are read: every pass counts again and holds what it looks at. Read
 * next: py_factory.c. */
#include "python/py_tensor.h"

/* ---- single numbers -------------------------------------------------------------------------- */

static int int_value(PyObject *o, int64_t *out)
{
    int overflow;
    *out = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow) return *out == -1 && PyErr_Occurred() ? -1 : 0;
    PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    return -1;
}

int py_scalar_from(PyObject *o, mt_scalar *out)
{
    if (PyFloat_Check(o)) {
        *out = mt_scalar_float(PyFloat_AS_DOUBLE(o));
        return 1;
    }
    if (PyBool_Check(o)) {
        *out = mt_scalar_bool(o == Py_True);
        return 1;
    }
    if (PyLong_Check(o)) {
        int64_t i;
        if (int_value(o, &i) < 0) return -1;
        *out = mt_scalar_int(i);
        return 1;
    }
    if (PyComplex_Check(o)) {
        *out = mt_scalar_complex(PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o));
        return 1;
    }
    if (py_tensor_check(o)) {
        if (py_core(o)->ndim != 0) return 0;
        *out = mt_item_at(py_core(o), 0);
        return 1;
    }
    return py_numpy_scalar(o, out);
}

PyObject *py_scalar_object(mt_scalar s)
{
    switch (s.kind) {
    case MT_SCALAR_BOOL:
        return PyBool_FromLong(s.v.b);
    case MT_SCALAR_INT:
        return PyLong_FromLongLong(s.v.i);
    case MT_SCALAR_COMPLEX:
        return PyComplex_FromDoubles(s.v.d, s.imag);
    default:
        return PyFloat_FromDouble(s.v.d);
    }
}

/* ---- what is nested -------------------------------------------------------------------------- */

static bool is_text(PyObject *o) { return PyUnicode_Check(o) || PyBytes_Check(o); }

bool py_is_nested(PyObject *o)
{
    if (PyList_Check(o) || PyTuple_Check(o)) return true;
    if (is_text(o) || PyDict_Check(o) || py_tensor_check(o) || !PySequence_Check(o)) return false;
    mt_scalar s;
    if (py_numpy_scalar(o, &s)) return false;
    if (!py_is_array(o)) return true;
    Py_ssize_t n = PySequence_Size(o);
    if (n < 0) PyErr_Clear(); /* an array without dimensions */
    return n >= 0;
}

/* Where the reading stands: the shape found, and the dtype. */
typedef struct reader {
    mt_dtype d;
    int ndim;
    int64_t size[MT_MAX_DIMS];
    bool arrays; /* some list holds arrays: slow, and said once */
} reader;

static int fail_text(PyObject *o)
{
    PyErr_Format(PyExc_TypeError, "new(): invalid data type '%s'", Py_TYPE(o)->tp_name);
    return -1;
}

static int fail_length(int64_t expected, int dim, int64_t got)
{
    PyErr_Format(PyExc_ValueError, "expected sequence of length %lld at dim %d (got %lld)",
                 (long long)expected, dim, (long long)got);
    return -1;
}

/* A sequence where a number is due. */
static int fail_nested(const reader *r, PyObject *o)
{
    if (is_text(o))
        PyErr_Format(PyExc_ValueError, "too many dimensions '%s'", Py_TYPE(o)->tp_name);
    else if (r->d == MT_NO_DTYPE || mt_is_floating(r->d))
        PyErr_Format(PyExc_TypeError, "must be real number, not %s", Py_TYPE(o)->tp_name);
    else
        PyErr_Format(PyExc_TypeError, "'%s' object cannot be interpreted as an integer",
                     Py_TYPE(o)->tp_name);
    return -1;
}

/* First pass: the length of the data, of its first element, of that one's first element ... */
static int measure(reader *r, PyObject *data)
{
    PyObject *o = Py_NewRef(data);
    while (py_is_nested(o)) {
        Py_ssize_t n = PySequence_Size(o);
        if (n >= 0 && r->ndim == MT_MAX_DIMS) {
            PyErr_Format(PyExc_ValueError, "too many dimensions '%s'", Py_TYPE(o)->tp_name);
            n = -1;
        }
        if (n >= 0) r->size[r->ndim++] = n;
        PyObject *first = n > 0 ? PySequence_GetItem(o, 0) : NULL;
        Py_DECREF(o);
        if (n == 0) return 0;
        if (!first) return -1;
        o = first;
    }
    if (r->ndim > 0 && is_text(o)) {
        fail_nested(r, o);
        Py_DECREF(o);
        return -1;
    }
    Py_DECREF(o);
    return 0;
}

/* The items of a sequence as a list or tuple that can be counted; its length must be size[dim]. New
 * reference. */
static PyObject *items_of(const reader *r, PyObject *o, int dim)
{
    if (!py_is_nested(o)) {
        if (is_text(o))
            fail_text(o);
        else
            PyErr_SetString(PyExc_TypeError, "not a sequence");
        return NULL;
    }
    PyObject *items = PySequence_Fast(o, "not a sequence");
    if (!items) return NULL;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(items);
    if (n == r->size[dim]) return items;
    fail_length(r->size[dim], dim, n);
    Py_DECREF(items);
    return NULL;
}

/* ---- second pass: the dtype ------------------------------------------------------------------ */

static void promote(reader *r, mt_dtype d) { r->d = r->d == MT_NO_DTYPE ? d : mt_promote(r->d, d); }

static int infer_number(reader *r, PyObject *o)
{
    mt_dtype d;
    int known =
        py_numpy_dtype(o, &d); /* first: numpy.float64 is a Python float too, but stays float64 */
    if (known < 0) return -1;
    if (known)
        promote(r, d);
    else if (PyFloat_Check(o))
        promote(r, mt_default_dtype());
    else if (PyComplex_Check(o))
        promote(r, mt_complex_dtype(mt_default_dtype()));
    else if (PyBool_Check(o))
        promote(r, MT_BOOL);
    else if (PyLong_Check(o))
        promote(r, MT_INT64);
    else if (py_tensor_check(o))
        promote(r, (mt_dtype)py_core(o)->dtype);
    else if (is_text(o))
        return fail_text(o);
    else if (py_is_nested(o))
        return fail_nested(r, o);
    else {
        PyErr_Format(PyExc_RuntimeError, "Could not infer dtype of %s", Py_TYPE(o)->tp_name);
        return -1;
    }
    return 0;
}

static int infer(reader *r, PyObject *o, int dim)
{
    if (dim == r->ndim) return infer_number(r, o);
    if (r->size[dim] == 0) {
        promote(r, mt_default_dtype());
        return 0;
    }
    mt_dtype d;
    if (py_is_array(o) && py_numpy_dtype(o, &d) == 1) {
        r->arrays = true;
        promote(r, d);
        return 0;
    }
    PyObject *items = items_of(r, o, dim);
    if (!items) return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);
        if (PyFloat_CheckExact(item) && dim + 1 == r->ndim) {
            if (r->d != MT_FLOAT32 && r->d != MT_FLOAT64) promote(r, mt_default_dtype());
        } else if (PyLong_CheckExact(item) && dim + 1 == r->ndim) {
            if (r->d != MT_INT64 && r->d != MT_FLOAT32 && r->d != MT_FLOAT64) promote(r, MT_INT64);
        } else {
            Py_INCREF(item);
            failed = infer(r, item, dim + 1);
            Py_DECREF(item);
        }
    }
    Py_DECREF(items);
    return failed;
}

/* ---- third pass: the values ------------------------------------------------------------------ */

static int store_scalar(mt_scalar s, mt_dtype d, char *p)
{
    if (mt_scalar_check_fits(s, d) < 0) return py_raise_int();
    mt_scalar_store(s, d, p);
    return 0;
}

/* Objects that are no numbers, but can be made one. */
static int store_convertible(const reader *r, PyObject *o, char *p)
{
    if (py_is_nested(o) || is_text(o)) return fail_nested(r, o);
    PyObject *number =
        !mt_is_inexact(r->d) && PyIndex_Check(o) ? PyNumber_Index(o) : PyNumber_Float(o);
    mt_scalar s;
    if (!number) return -1;
    int failed = py_scalar_from(number, &s) == 1 ? store_scalar(s, r->d, p) : -1;
    Py_DECREF(number);
    return failed;
}

static int store_number(const reader *r, PyObject *o, char *p)
{
    mt_scalar s;
    if (PyLong_Check(o) && !PyBool_Check(o) &&
        mt_is_inexact(r->d)) { /* any size of int fits a float */
        double value = PyLong_AsDouble(o);
        if (value == -1.0 && PyErr_Occurred()) return -1;
        return store_scalar(mt_scalar_float(value), r->d, p);
    }
    if (py_tensor_check(o)) {
        if (py_core(o)->numel == 1)
            return py_warn_of_history(py_core(o)) < 0
                       ? -1
                       : store_scalar(mt_item_at(py_core(o), 0), r->d, p);
        PyErr_SetString(PyExc_ValueError,
                        "only one element tensors can be converted to Python scalars");
        return -1;
    }
    int number = py_scalar_from(o, &s);
    if (number == 1 && s.kind == MT_SCALAR_COMPLEX && !mt_is_complex(r->d) && PyComplex_Check(o))
        return fail_nested(r, o);
    if (number == 0 && py_is_array(o)) { /* without dimensions */
        PyObject *value = PyObject_CallMethod(o, "item", NULL);
        number = value ? py_scalar_from(value, &s) : -1;
        Py_XDECREF(value);
    }
    if (number < 0) return -1;
    return number ? store_scalar(s, r->d, p) : store_convertible(r, o, p);
}

static int store(const reader *r, PyObject *o, int dim, char **p)
{
    if (dim == r->ndim) {
        int failed = store_number(r, o, *p);
        *p += mt_dtype_size(r->d);
        return failed;
    }
    PyObject *items = items_of(r, o, dim);
    if (!items) return -1;
    int failed = 0;
    Py_ssize_t i = 0;
    for (; !failed && i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);
        if (i >= r->size[dim]) break; /* the list has grown */
        if (PyFloat_CheckExact(item) && r->d == MT_FLOAT32 && dim + 1 == r->ndim) {
            *(float *)*p = (float)PyFloat_AS_DOUBLE(item);
            *p += sizeof(float);
        } else {
            Py_INCREF(item);
            failed = store(r, item, dim + 1, p);
            Py_DECREF(item);
        }
    }
    if (!failed && i != r->size[dim]) failed = fail_length(r->size[dim], dim, i);
    Py_DECREF(items);
    return failed;
}

static mt_tensor *read_nested(PyObject *data, mt_dtype d)
{
    reader r = {.d = d};
    if (measure(&r, data) < 0) return NULL;
    if (d == MT_NO_DTYPE && infer(&r, data, 0) < 0) return NULL;
    if (r.arrays && PyErr_WarnEx(PyExc_UserWarning,
                                 "Creating a tensor from a list of numpy.ndarrays is extremely "
                                 "slow. Please consider converting the list to a single "
                                 "numpy.ndarray with numpy.array() before converting to a tensor.",
                                 1) < 0)
        return NULL;
    mt_tensor *t = mt_empty(r.d, r.ndim, r.size);
    if (!t) {
        py_raise();
        return NULL;
    }
    char *p = t->data;
    return t->numel > 0 && store(&r, data, 0, &p) < 0 ? NULL : t;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static mt_tensor *copy_as(const mt_tensor *t, mt_dtype d)
{
    mt_tensor *copy = mt_empty_like(t, d);
    if (copy && mt_copy_raw(copy, t) == 0) return copy;
    py_raise();
    return NULL;
}

mt_tensor *py_data_read(PyObject *data, mt_dtype d, bool share)
{
    if (is_text(data)) {
        fail_text(data);
        return NULL;
    }
    if (py_tensor_check(data)) {
        const mt_tensor *t = py_core(data);
        return copy_as(t, d == MT_NO_DTYPE ? (mt_dtype)t->dtype : d);
    }
    if (py_is_array(data)) {
        mt_tensor *t = py_from_array(data, share);
        if (!t) return NULL;
        if (share && (d == MT_NO_DTYPE || d == t->dtype)) return t;
        return copy_as(t, d == MT_NO_DTYPE ? (mt_dtype)t->dtype : d);
    }
    return read_nested(data, d);
}

int py_init_data(PyObject *module) { return py_init_factory(module); }
