/* From tensors to Python's values: item() and tolist(). Read next: py_data.c, the other way. */
#include "python/py_tensor.h"

PyObject *py_tensor_item(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const mt_tensor *t = py_core(self);
    if (t->numel == 1) return py_scalar_object(mt_item_at(t, 0));
    return PyErr_Format(PyExc_RuntimeError,
                        "a Tensor with %lld elements cannot be converted to Scalar",
                        (long long)t->numel);
}

static PyObject *element(mt_dtype d, const char *p)
{
    if (d == MT_FLOAT32) return PyFloat_FromDouble(*(const float *)p);
    return py_scalar_object(mt_scalar_load(d, p));
}

static PyObject *nested(const mt_tensor *t, int dim, const char *p)
{
    if (dim == t->ndim) return element((mt_dtype)t->dtype, p);
    Py_ssize_t n = (Py_ssize_t)t->size[dim];
    int64_t step = t->stride[dim] * mt_itemsize(t);
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++, p += step) {
        PyObject *item = nested(t, dim + 1, p);
        if (item)
            PyList_SET_ITEM(list, i, item);
        else
            Py_CLEAR(list);
    }
    return list;
}

PyObject *py_tensor_tolist(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const mt_tensor *t = py_core(self);
    /* Making objects may start the garbage collector, which may run anything: hold the memory. */
    mt_storage *storage = mt_storage_retain(t->storage);
    PyObject *list = nested(t, 0, t->data);
    mt_storage_release(storage);
    return list;
}
