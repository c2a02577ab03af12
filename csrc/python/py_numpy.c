/* NumPy and the buffer protocol, both ways without copying. The only file that includes NumPy's C
 * API.
 *
 * A tensor over an array's memory holds the array; an array over a tensor's memory holds the
 * storage (in a capsule). Memory that NumPy calls read-only stays so: the storage refuses writes.
 * Read next: py_factory.c. */
#include "python/py_tensor.h"

#include <numpy/arrayobject.h>

/* ---- types ----------------------------------------------------------------------------------- */

static const int numpy_types[MT_NUM_DTYPES] = {
    [MT_UINT8] = NPY_UINT8,     [MT_INT8] = NPY_INT8,           [MT_INT16] = NPY_INT16,
    [MT_INT32] = NPY_INT32,     [MT_INT64] = NPY_INT64,         [MT_FLOAT32] = NPY_FLOAT32,
    [MT_FLOAT64] = NPY_FLOAT64, [MT_BOOL] = NPY_BOOL,           [MT_FLOAT16] = NPY_HALF,
    [MT_BFLOAT16] = NPY_NOTYPE, [MT_COMPLEX64] = NPY_COMPLEX64, [MT_COMPLEX128] = NPY_COMPLEX128,
};

/* By kind and size, since C has several types of one size. MT_NO_DTYPE: none of ours. */
static mt_dtype dtype_of(const PyArray_Descr *descr)
{
    npy_intp size = PyDataType_ELSIZE(descr);
    switch (descr->kind) {
    case 'b':
        return MT_BOOL;
    case 'u':
        return size == 1 ? MT_UINT8 : MT_NO_DTYPE;
    case 'i':
        return size == 1 ? MT_INT8 : size == 2 ? MT_INT16 : size == 4 ? MT_INT32 : MT_INT64;
    case 'f':
        return size == 4   ? MT_FLOAT32
               : size == 8 ? MT_FLOAT64
               : size == 2 ? MT_FLOAT16
                           : MT_NO_DTYPE;
    case 'c':
        return size == 8 ? MT_COMPLEX64 : size == 16 ? MT_COMPLEX128 : MT_NO_DTYPE;
    default:
        return MT_NO_DTYPE;
    }
}

static int fail_type(const PyArray_Descr *descr)
{
    PyErr_Format(PyExc_TypeError,
                 "can't convert np.ndarray of type %s. The only supported types are: float64, "
                 "float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, "
                 "uint32, uint16, uint8, and bool.",
                 descr->typeobj->tp_name);
    return -1;
}

bool py_is_array(PyObject *o) { return PyArray_Check(o); }

int py_numpy_dtype(PyObject *o, mt_dtype *d)
{
    if (PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyBool_Check(o)) return 0;
    bool array = PyArray_Check(o);
    if (!array && !PyArray_CheckScalar(o)) return 0;
    PyArray_Descr *descr;
    if (array) {
        descr = PyArray_DESCR((PyArrayObject *)o);
        Py_INCREF(descr);
    } else if (!(descr = PyArray_DescrFromScalar(o))) {
        return -1;
    }
    *d = dtype_of(descr);
    int known = *d == MT_NO_DTYPE ? fail_type(descr) : 1;
    Py_DECREF(descr);
    return known;
}

int py_numpy_scalar(PyObject *o, mt_scalar *out)
{
    if (!PyArray_IsScalar(o, Generic)) return 0;
    if (PyArray_IsScalar(o, Bool)) {
        *out = mt_scalar_bool(PyObject_IsTrue(o) == 1);
    } else if (PyArray_IsScalar(o, Integer)) {
        PyObject *number = PyNumber_Index(o);
        int known = number ? py_scalar_from(number, out) : -1;
        Py_XDECREF(number);
        return known;
    } else if (PyArray_IsScalar(o, Floating)) {
        PyObject *number = PyNumber_Float(o);
        if (!number) return -1;
        *out = mt_scalar_float(PyFloat_AS_DOUBLE(number));
        Py_DECREF(number);
    } else if (PyArray_IsScalar(o, ComplexFloating)) {
        Py_complex z = PyComplex_AsCComplex(o);
        if (PyErr_Occurred()) return -1;
        *out = mt_scalar_complex(z.real, z.imag);
    } else {
        return 0;
    }
    return 1;
}

/* ---- arrays as tensors ----------------------------------------------------------------------- */

/* The core gives up memory wherever the last view of it goes, perhaps without the GIL. */
static void release_object(void *owner)
{
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)owner);
    PyGILState_Release(state);
}

/* Reads shape and strides. -1 with PyTorch's texts for what tensors cannot show. */
static int read_shape(PyArrayObject *a, mt_dtype d, int64_t *size, int64_t *stride)
{
    for (int i = 0; i < PyArray_NDIM(a); i++) {
        size[i] = PyArray_DIM(a, i);
        stride[i] = PyArray_STRIDE(a, i);
        if (stride[i] < 0) {
            PyErr_SetString(
                PyExc_ValueError,
                "At least one stride in the given numpy array is negative, and tensors with "
                "negative strides are not currently supported. (You can probably work around this "
                "by making a copy of your array  with array.copy().) ");
            return -1;
        }
        if (stride[i] % mt_dtype_size(d) != 0) {
            PyErr_SetString(PyExc_ValueError,
                            "given numpy array strides not a multiple of the element byte size. "
                            "Copy the numpy array to reallocate the memory.");
            return -1;
        }
        stride[i] /= mt_dtype_size(d);
    }
    return 0;
}

static int warn_readonly(void)
{
    static bool said;
    if (said) return 0;
    said = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. "
        "This means writing to this tensor will result in undefined behavior. You may want to copy "
        "the array to protect its data or make it writable before converting it to a tensor. This "
        "type of warning will be suppressed for the rest of this program. (Here writing to it "
        "raises an error.)",
        1);
}

/* The bytes from the first element to the end of the last one. */
static size_t extent(mt_dtype d, int ndim, const int64_t *size, const int64_t *stride)
{
    int64_t last = 0;
    for (int i = 0; i < ndim; i++) {
        if (size[i] == 0) return 0;
        last += (size[i] - 1) * stride[i];
    }
    return (size_t)((last + 1) * mt_dtype_size(d));
}

/* A tensor over memory that `owner` keeps alive; takes the reference to owner over, also on
 * failure. */
static mt_tensor *tensor_over(void *data, mt_dtype d, int ndim, const int64_t *size,
                              const int64_t *stride, bool readonly, PyObject *owner)
{
    mt_storage *storage =
        mt_storage_wrap(data, extent(d, ndim, size, stride), readonly, release_object, owner);
    if (!storage) {
        Py_DECREF(owner);
        py_raise();
        return NULL;
    }
    mt_tensor *t = mt_from_storage(storage, d, ndim, size, stride, 0);
    mt_storage_release(storage);
    if (!t) py_raise();
    return t;
}

mt_tensor *py_from_array(PyObject *array, bool warn)
{
    PyArrayObject *a = (PyArrayObject *)array;
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS]; /* NumPy has at most as many */
    mt_dtype d = dtype_of(PyArray_DESCR(a));
    if (d == MT_NO_DTYPE) {
        fail_type(PyArray_DESCR(a));
        return NULL;
    }
    if (PyArray_ISBYTESWAPPED(a)) {
        PyErr_SetString(PyExc_ValueError,
                        "given numpy array has byte order different from the native byte order. "
                        "Conversion between byte orders is currently not supported.");
        return NULL;
    }
    if (read_shape(a, d, size, stride) < 0) return NULL;
    if (!PyArray_ISALIGNED(a)) { /* our loops read whole elements: they see a copy */
        PyObject *copy = PyArray_NewCopy(a, NPY_CORDER);
        mt_tensor *t = copy ? py_from_array(copy, warn) : NULL;
        Py_XDECREF(copy);
        return t;
    }
    if (warn && !PyArray_ISWRITEABLE(a) && warn_readonly() < 0) return NULL;
    return tensor_over(PyArray_DATA(a), d, PyArray_NDIM(a), size, stride, !PyArray_ISWRITEABLE(a),
                       Py_NewRef(array));
}

static PyObject *from_numpy(PyObject *Py_UNUSED(module), PyObject *array)
{
    if (!PyArray_Check(array))
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)",
                            Py_TYPE(array)->tp_name);
    mt_scope scope = mt_scope_open();
    mt_tensor *t = py_from_array(array, true);
    PyObject *result = t ? py_wrap_result(t) : NULL;
    mt_scope_close(scope);
    return result;
}

/* ---- tensors as arrays ----------------------------------------------------------------------- */

#define CAPSULE "minitorch.storage"

static void release_storage(PyObject *capsule)
{
    mt_storage_release(PyCapsule_GetPointer(capsule, CAPSULE));
}

PyObject *py_to_array(mt_tensor *t)
{
    npy_intp size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    if (t->ndim > NPY_MAXDIMS)
        return PyErr_Format(PyExc_RuntimeError,
                            "NumPy arrays have at most %d dimensions, but got %d", NPY_MAXDIMS,
                            t->ndim);
    if (numpy_types[t->dtype] == NPY_NOTYPE)
        return PyErr_Format(PyExc_TypeError,
                            "Got unsupported ScalarType %s. Hint: NumPy has no such type; convert "
                            "with float() first.",
                            mt_dtype_camel((mt_dtype)t->dtype));
    for (int i = 0; i < t->ndim; i++) {
        size[i] = (npy_intp)t->size[i];
        stride[i] = (npy_intp)(t->stride[i] * mt_itemsize(t));
    }
    PyObject *owner = PyCapsule_New(mt_storage_retain(t->storage), CAPSULE, release_storage);
    if (!owner) {
        mt_storage_release(t->storage);
        return NULL;
    }
    int flags = NPY_ARRAY_ALIGNED | (t->storage->readonly ? 0 : NPY_ARRAY_WRITEABLE);
    PyObject *array = PyArray_New(&PyArray_Type, t->ndim, size, numpy_types[t->dtype], stride,
                                  t->data, 0, flags, NULL);
    if (!array)
        Py_DECREF(owner);
    else if (PyArray_SetBaseObject((PyArrayObject *)array, owner) <
             0) /* takes owner over, always */
        Py_CLEAR(array);
    return array;
}

/* ---- buffers --------------------------------------------------------------------------------- */

static int warn_buffer(void)
{
    static bool said;
    if (said) return 0;
    said = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "The given buffer is not writable, and PyTorch does not support non-writable tensors. This "
        "means you can write to the underlying (supposedly non-writable) buffer using the tensor. "
        "You may want to copy the buffer to protect its data or make it writable before converting "
        "it to a tensor. This type of warning will be suppressed for the rest of this program. "
        "(Here writing to it raises an error.)",
        1);
}

/* How many elements the call means; -1 with PyTorch's ValueError. */
static Py_ssize_t buffer_count(Py_ssize_t length, Py_ssize_t count, Py_ssize_t offset,
                               Py_ssize_t itemsize)
{
    if (length <= 0 || count == 0) {
        PyErr_Format(PyExc_ValueError, "both buffer length (%zd) and count (%zd) must not be 0",
                     length, count);
    } else if (offset < 0 || offset >= length) {
        PyErr_Format(PyExc_ValueError,
                     "offset (%zd bytes) must be non-negative and no greater than buffer length "
                     "(%zd bytes) minus 1",
                     offset, length);
    } else if (count < 0) {
        if ((length - offset) % itemsize == 0) return (length - offset) / itemsize;
        PyErr_Format(PyExc_ValueError,
                     "buffer length (%zd bytes) after offset (%zd bytes) must be a multiple of "
                     "element size (%zd)",
                     length, offset, itemsize);
    } else if (count > (length - offset) / itemsize) {
        PyErr_Format(PyExc_ValueError,
                     "requested buffer length (%zd * %zd bytes) after offset (%zd bytes) must not "
                     "be greater than actual buffer length (%zd bytes)",
                     count, itemsize, offset, length);
    } else {
        return count;
    }
    return -1;
}

/* A memoryview holds the buffer for as long as the storage lives, so it can be neither resized nor
 * freed. */
static PyObject *frombuffer_over(PyObject *view, mt_dtype d, Py_ssize_t count, Py_ssize_t offset,
                                 int requires_grad)
{
    const Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    Py_ssize_t n = buffer_count(buffer->len, count, offset, (Py_ssize_t)mt_dtype_size(d));
    if (n < 0) return NULL;
    if (!PyBuffer_IsContiguous(buffer, 'C'))
        return PyErr_Format(PyExc_BufferError, "frombuffer: the buffer must be contiguous");
    char *data = (char *)buffer->buf + offset;
    if ((uintptr_t)data % (uintptr_t)mt_dtype_size(d) != 0)
        return PyErr_Format(
            PyExc_ValueError,
            "frombuffer: the data at this offset is not aligned to its element size");
    if (buffer->readonly && warn_buffer() < 0) return NULL;
    const int64_t size[1] = {n}, stride[1] = {1};
    mt_scope scope = mt_scope_open();
    mt_tensor *t = tensor_over(data, d, 1, size, stride, buffer->readonly, Py_NewRef(view));
    PyObject *result = NULL;
    if (t && (!requires_grad || py_require_grad(t) == 0)) result = py_wrap_result(t);
    mt_scope_close(scope);
    return result;
}

static PyObject *frombuffer(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"buffer", "dtype", "count", "offset", "requires_grad", NULL};
    PyObject *buffer, *dtype = NULL;
    Py_ssize_t count = -1, offset = 0;
    int requires_grad = 0;
    mt_dtype d = MT_NO_DTYPE;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|Onnp:frombuffer", names, &buffer, &dtype,
                                     &count, &offset, &requires_grad))
        return NULL;
    if (!dtype || dtype == Py_None)
        return PyErr_Format(PyExc_TypeError,
                            "frombuffer() missing 1 required keyword-only argument: 'dtype'");
    if (py_dtype_argument(dtype, "frombuffer", &d) < 0) return NULL;
    if (!PyObject_CheckBuffer(buffer))
        return PyErr_Format(PyExc_ValueError, "object does not implement Python buffer protocol.");
    PyObject *view = PyMemoryView_FromObject(buffer);
    if (!view) return NULL;
    PyObject *result = frombuffer_over(view, d, count, offset, requires_grad);
    Py_DECREF(view);
    return result;
}

static PyMethodDef functions[] = {
    {"from_numpy", from_numpy, METH_O,
     "from_numpy(ndarray, /)\n--\n\nA tensor over the array's memory: what is written to one is "
     "seen in the other.\n\n"
     "Source: https://docs.pytorch.org/docs/stable/generated/torch.from_numpy.html"
     "\n\n>>> import numpy\n>>> a = numpy.zeros(2)\n>>> "
     "minitorch.from_numpy(a).add_(1)\ntensor([1., 1.], dtype=torch.float64)\n>>> print(a)\n[1. "
     "1.]"},
    {"frombuffer", (PyCFunction)(void (*)(void))frombuffer, METH_VARARGS | METH_KEYWORDS,
     "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False)\n--\n\n"
     "A tensor of one dimension over the memory of a bytes-like object, which is held.\n\n"
     "Source: https://docs.pytorch.org/docs/stable/generated/torch.frombuffer.html"
     "\n\n>>> minitorch.frombuffer(bytearray(b\"ab\"), dtype=minitorch.uint8)\ntensor([97, 98], "
     "dtype=torch.uint8)"},
    {NULL, NULL, 0, NULL},
};

int py_init_numpy(PyObject *module)
{
    import_array1(-1);
    return PyModule_AddFunctions(module, functions);
}
