/* default_collate in C: samples that are tensors, numbers, strings, or tuples, lists and dicts of
 * these.
 *
 * Whatever else turns up (NumPy arrays, named tuples, tensors that require gradients, ...) goes
 * through the same function in Python (minitorch/utils/data/_utils/collate.py), with that part of
 * the samples only. Read next: py_loader.c. */
#include "python/py_loader.h"

#include "tensor/rows.h"

py_loader_classes py_loader;

/* ---- has default_collate_fn_map been changed? ------------------------------------------------ */
enum { NOTED = 5 };
static PyObject *noted_function[NOTED];
static Py_ssize_t noted_size;

static PyObject *noted_type(int i)
{
    PyTypeObject *types[NOTED] = {&py_tensor_type, &PyFloat_Type, &PyLong_Type, &PyUnicode_Type,
                                  &PyBytes_Type};
    return (PyObject *)types[i];
}

int py_collate_note_map(void)
{
    noted_size = PyDict_GET_SIZE(py_loader.collate_fn_map);
    for (int i = 0; i < NOTED; i++) {
        noted_function[i] = PyDict_GetItemWithError(py_loader.collate_fn_map, noted_type(i));
        if (!noted_function[i] && PyErr_Occurred()) return -1;
    }
    return 0;
}

static bool map_is_as_noted(void)
{
    if (PyDict_GET_SIZE(py_loader.collate_fn_map) != noted_size) return false;
    for (int i = 0; i < NOTED; i++)
        if (PyDict_GetItemWithError(py_loader.collate_fn_map, noted_type(i)) != noted_function[i])
            return false;
    return true;
}

/* ---- the kinds of samples -------------------------------------------------------------------- */
static PyObject *in_python(PyObject *batch)
{
    return PyObject_CallOneArg(py_loader.collate_in_python, batch);
}

static bool all_of_type(PyObject *const *item, Py_ssize_t n, PyTypeObject *type)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (Py_TYPE(item[i]) != type) return false;
    return true;
}

/* Can these be copied into one tensor without recording? */
static bool are_plain_tensors(PyObject *const *item, Py_ssize_t n)
{
    const mt_tensor *first = py_core(item[0]);
    for (Py_ssize_t i = 0; i < n; i++) {
        const mt_tensor *t = py_core(item[i]);
        if (t->dtype != first->dtype || !mt_same_shape(t, first)) return false;
        if (mt_requires_grad(t) && mt_grad_enabled()) return false;
    }
    return first->ndim < MT_MAX_DIMS;
}

enum { ON_STACK = 256 };

static PyObject *stack_tensors(PyObject *const *item, Py_ssize_t n)
{
    mt_tensor *few[ON_STACK], **t = few;
    size_t size = (size_t)n * sizeof *t;
    if (n > ON_STACK && !(t = mt_malloc(size))) return py_raise();
    for (Py_ssize_t i = 0; i < n; i++) t[i] = py_core(item[i]);
    mt_scope scope = mt_scope_open();
    PyObject *result = py_wrap_result(mt_stack_raw(n, t));
    mt_scope_close(scope);
    if (t != few) mt_free(t, size);
    return result;
}

/* Floats become a float64 tensor, ints an int64 one. */
static PyObject *stack_numbers(PyObject *batch, PyObject *const *item, Py_ssize_t n, mt_dtype d)
{
    mt_scope scope = mt_scope_open();
    int64_t size = n;
    mt_tensor *t = mt_empty(d, 1, &size);
    bool fits = true;
    for (Py_ssize_t i = 0; t && fits && i < n; i++) {
        if (d == MT_FLOAT64) {
            ((double *)t->data)[i] = PyFloat_AS_DOUBLE(item[i]);
            continue;
        }
        int overflow;
        ((int64_t *)t->data)[i] = PyLong_AsLongLongAndOverflow(item[i], &overflow);
        fits = !overflow;
    }
    PyObject *result = fits ? py_wrap_result(t) : in_python(batch);
    mt_scope_close(scope);
    return result;
}

static PyObject *collate(PyObject *batch);

/* The jth element of every sample, as a tuple; NULL without an exception if a list has become
 * shorter. */
static PyObject *column(PyObject *const *item, Py_ssize_t n, Py_ssize_t j)
{
    PyObject *c = PyTuple_New(n);
    for (Py_ssize_t i = 0; c && i < n; i++) {
        if (j >= PySequence_Fast_GET_SIZE(item[i]))
            Py_CLEAR(c);
        else
            PyTuple_SET_ITEM(c, i, Py_NewRef(PySequence_Fast_GET_ITEM(item[i], j)));
    }
    return c;
}

/* Samples that are tuples, or lists, of the same length: a list with a batch of each of their
 * elements. */
static PyObject *collate_sequences(PyObject *batch, PyObject *const *item, Py_ssize_t n)
{
    Py_ssize_t width = PySequence_Fast_GET_SIZE(item[0]);
    for (Py_ssize_t i = 1; i < n; i++)
        if (PySequence_Fast_GET_SIZE(item[i]) != width) return in_python(batch);
    PyObject *result = PyList_New(width);
    for (Py_ssize_t j = 0; result && j < width; j++) {
        PyObject *c = column(item, n, j), *v = c ? collate(c) : NULL;
        if (!c && !PyErr_Occurred())
            PyErr_SetString(PyExc_RuntimeError,
                            "each element in list of batch should be of equal size");
        Py_XDECREF(c);
        if (v)
            PyList_SET_ITEM(result, j, v);
        else
            Py_CLEAR(result);
    }
    return result;
}

/* Samples that are dicts: a dict with a batch for each key of the first. */
static PyObject *collate_dicts(PyObject *const *item, Py_ssize_t n)
{
    PyObject *result = PyDict_New(), *keys = PyDict_Keys(item[0]);
    for (Py_ssize_t k = 0; result && keys && k < PyList_GET_SIZE(keys); k++) {
        PyObject *key = PyList_GET_ITEM(keys, k), *c = PyList_New(n), *v = NULL;
        for (Py_ssize_t i = 0; c && i < n; i++) {
            v = PyObject_GetItem(item[i], key);
            if (v)
                PyList_SET_ITEM(c, i, v);
            else
                Py_CLEAR(c);
        }
        v = c ? collate(c) : NULL;
        Py_XDECREF(c);
        if (!v || PyDict_SetItem(result, key, v) < 0) Py_CLEAR(result);
        Py_XDECREF(v);
    }
    if (!keys) Py_CLEAR(result);
    Py_XDECREF(keys);
    return result;
}

static PyObject *collate_known(PyObject *batch)
{
    PyObject *const *item = PySequence_Fast_ITEMS(batch);
    Py_ssize_t n = PySequence_Fast_GET_SIZE(batch);
    PyTypeObject *type = n ? Py_TYPE(item[0]) : NULL;
    if (!n || !all_of_type(item, n, type)) return in_python(batch);
    if (type == &py_tensor_type && are_plain_tensors(item, n)) return stack_tensors(item, n);
    if (type == &PyTuple_Type || type == &PyList_Type) return collate_sequences(batch, item, n);
    if (type == &PyDict_Type) return collate_dicts(item, n);
    if (type == &PyFloat_Type) return stack_numbers(batch, item, n, MT_FLOAT64);
    if (type == &PyLong_Type) return stack_numbers(batch, item, n, MT_INT64);
    if (type == &PyUnicode_Type || type == &PyBytes_Type) return Py_NewRef(batch);
    return in_python(batch);
}

static PyObject *collate(PyObject *batch)
{
    if (Py_EnterRecursiveCall(" while collating a batch")) return NULL;
    PyObject *result = collate_known(batch);
    Py_LeaveRecursiveCall();
    return result;
}

PyObject *py_collate(PyObject *batch)
{
    if (!PyList_CheckExact(batch) && !PyTuple_CheckExact(batch)) return in_python(batch);
    return map_is_as_noted() ? collate(batch) : in_python(batch);
}
