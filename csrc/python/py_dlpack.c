/* DLPack: memory shared with other libraries, both ways, without copying.
 *
 * A producer hands over a capsule "dltensor" with a record of pointer, type, shape and strides, and a
 * function that gives the record up. Who consumes it renames the capsule to "used_dltensor" and calls
 * that function when done; a capsule that nobody has consumed calls it when it dies. From version 1.0
 * on the record begins with its version and can say that the memory is read-only.
 *
 * Exported: the record holds the storage. Imported: the storage holds the record.
 * https://dmlc.github.io/dlpack/latest/python_spec.html and its c_api.html. Read next: py_numpy.c. */
#include "python/py_tensor.h"

/* ---- the records, as DLPack lays them out ---------------------------------------------------- */
enum { DL_INT = 0, DL_UINT = 1, DL_FLOAT = 2, DL_BFLOAT = 4, DL_COMPLEX = 5, DL_BOOL = 6 };
enum { DL_CPU = 1 };
enum { DL_READ_ONLY = 1, DL_IS_COPIED = 2 };

typedef struct dl_tensor {
    void *data;
    int32_t device_type, device_id;
    int32_t ndim;
    uint8_t code, bits;
    uint16_t lanes;
    int64_t *shape, *strides; /* strides in elements; NULL: contiguous */
    uint64_t byte_offset;
} dl_tensor;

typedef struct dl_managed {
    dl_tensor tensor;
    void *context;
    void (*deleter)(struct dl_managed *self);
} dl_managed;

typedef struct dl_versioned {
    uint32_t major, minor;
    void *context;
    void (*deleter)(struct dl_versioned *self);
    uint64_t flags;
    dl_tensor tensor;
} dl_versioned;

#define PLAIN          "dltensor"
#define PLAIN_USED     "used_dltensor"
#define VERSIONED      "dltensor_versioned"
#define VERSIONED_USED "used_dltensor_versioned"

static const uint8_t codes[MT_NUM_DTYPES] = {
#define CODE(E, T, name, kind, Camel)                                                              \
    [MT_##E] = (kind) == 'i'   ? DL_INT                                                            \
               : (kind) == 'u' ? DL_UINT                                                           \
               : (kind) == 'f' ? DL_FLOAT                                                          \
               : (kind) == 'B' ? DL_BFLOAT                                                         \
               : (kind) == 'c' ? DL_COMPLEX                                                        \
                               : DL_BOOL,
    MT_DTYPES(CODE)
#undef CODE
};

/* ---- exporting ------------------------------------------------------------------------------- */

typedef struct exported {
    union {
        dl_managed plain;
        dl_versioned versioned;
    };
    mt_storage *storage;
    size_t size; /* of this block */
    int64_t dims[];
} exported;

/* May be called by any thread. When the interpreter is gone, so is everything. */
static void give_up(exported *e)
{
    if (!Py_IsInitialized()) return;
    PyGILState_STATE state = PyGILState_Ensure();
    mt_storage_release(e->storage);
    mt_free(e, e->size);
    PyGILState_Release(state);
}

static void delete_plain(dl_managed *self) { give_up(self->context); }
static void delete_versioned(dl_versioned *self) { give_up(self->context); }

static void plain_dies(PyObject *capsule)
{
    if (!PyCapsule_IsValid(capsule, PLAIN)) return;
    dl_managed *m = PyCapsule_GetPointer(capsule, PLAIN);
    if (m->deleter) m->deleter(m);
}

static void versioned_dies(PyObject *capsule)
{
    if (!PyCapsule_IsValid(capsule, VERSIONED)) return;
    dl_versioned *m = PyCapsule_GetPointer(capsule, VERSIONED);
    if (m->deleter) m->deleter(m);
}

static exported *describe(const mt_tensor *t, bool versioned, bool copied)
{
    const size_t size = sizeof(exported) + 2 * (size_t)t->ndim * sizeof(int64_t);
    exported *e = mt_malloc(size);
    if (!e) {
        py_raise();
        return NULL;
    }
    e->size = size;
    e->storage = mt_storage_retain(t->storage);
    for (int d = 0; d < t->ndim; d++) {
        e->dims[d] = t->size[d];
        e->dims[t->ndim + d] = t->stride[d];
    }
    const dl_tensor look = {.data = t->data,
                            .device_type = DL_CPU,
                            .ndim = t->ndim,
                            .code = codes[t->dtype],
                            .bits = (uint8_t)(8 * mt_itemsize(t)),
                            .lanes = 1,
                            .shape = e->dims,
                            .strides = e->dims + t->ndim};
    if (versioned)
        e->versioned = (dl_versioned){.major = 1,
                                      .context = e,
                                      .deleter = delete_versioned,
                                      .flags = (t->storage->readonly ? DL_READ_ONLY : 0u) |
                                               (copied ? DL_IS_COPIED : 0u),
                                      .tensor = look};
    else
        e->plain = (dl_managed){.tensor = look, .context = e, .deleter = delete_plain};
    return e;
}

static PyObject *to_dlpack(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *tensor;
    int versioned = 0, copied = 0;
    if (!PyArg_ParseTuple(args, "O!|pp:_to_dlpack", &py_tensor_type, &tensor, &versioned, &copied))
        return NULL;
    const mt_tensor *t = py_core(tensor);
    if (mt_requires_grad(t))
        return PyErr_Format(PyExc_BufferError,
                            "Can't export tensors that require gradient, use tensor.detach()");
    if (t->storage->readonly && !versioned)
        return PyErr_Format(PyExc_BufferError,
                            "Can't export read-only memory to a consumer that does not know DLPack "
                            "1.0, use tensor.clone()");
    exported *e = describe(t, versioned, copied);
    if (!e) return NULL;
    PyObject *capsule = versioned ? PyCapsule_New(&e->versioned, VERSIONED, versioned_dies)
                                  : PyCapsule_New(&e->plain, PLAIN, plain_dies);
    if (!capsule) give_up(e);
    return capsule;
}

/* ---- importing ------------------------------------------------------------------------------- */

static void release_plain(void *owner)
{
    dl_managed *m = owner;
    if (m->deleter) m->deleter(m);
}

static void release_versioned(void *owner)
{
    dl_versioned *m = owner;
    if (m->deleter) m->deleter(m);
}

static void leave_alone(void *owner) { (void)owner; }

/* The type of ours, MT_NO_DTYPE with BufferError if there is none. */
static mt_dtype dtype_of(const dl_tensor *d)
{
    for (int i = 0; i < MT_NUM_DTYPES; i++)
        if (codes[i] == d->code && 8 * mt_dtype_size((mt_dtype)i) == d->bits && d->lanes == 1)
            return (mt_dtype)i;
    PyErr_Format(PyExc_BufferError,
                 "Unsupported DLPack type: code %d, %d bits, %d lanes; minitorch has no such dtype",
                 d->code, d->bits, d->lanes);
    return MT_NO_DTYPE;
}

/* Strides, and the bytes from the first element to the end of the last. -1 with an exception. */
static int read_layout(const dl_tensor *d, int64_t itemsize, int64_t *stride, int64_t *nbytes)
{
    int64_t numel = 1, last = 0;
    bool overflow = false, empty = false;
    for (int i = d->ndim - 1; i >= 0; i--) {
        const int64_t n = d->shape[i];
        stride[i] = d->strides ? d->strides[i] : numel;
        if (n < 0 || stride[i] < 0) {
            PyErr_Format(PyExc_ValueError,
                         "from_dlpack: tensors with negative %s are not supported; make a copy "
                         "first",
                         n < 0 ? "sizes" : "strides");
            return -1;
        }
        int64_t step;
        empty |= n == 0;
        overflow |= __builtin_mul_overflow(numel, n > 0 ? n : 1, &numel);
        overflow |= __builtin_mul_overflow(n > 0 ? n - 1 : 0, stride[i], &step);
        overflow |= __builtin_add_overflow(last, step, &last);
    }
    overflow |= __builtin_add_overflow(last, 1, &last);
    overflow |= __builtin_mul_overflow(last, itemsize, nbytes);
    if (empty) *nbytes = 0;
    if (!overflow) return 0;
    PyErr_SetString(PyExc_RuntimeError, "from_dlpack: Storage size calculation overflowed");
    return -1;
}

/* The tensor that a record describes (owned by the scope), whose storage gives it up with `release`.
 * NULL with an exception, and nothing is given up. */
static mt_tensor *tensor_over(const dl_tensor *d, bool readonly, mt_release_fn release, void *owner)
{
    int64_t stride[MT_MAX_DIMS], nbytes;
    if (d->device_type != DL_CPU) {
        PyErr_Format(PyExc_BufferError,
                     "Unsupported device_type: %d; minitorch computes on the cpu",
                     (int)d->device_type);
        return NULL;
    }
    if (d->ndim < 0 || d->ndim > MT_MAX_DIMS || (d->ndim > 0 && !d->shape)) {
        PyErr_Format(PyExc_BufferError, "from_dlpack: %d dimensions are not supported",
                     (int)d->ndim);
        return NULL;
    }
    const mt_dtype type = dtype_of(d);
    if (type == MT_NO_DTYPE || read_layout(d, mt_dtype_size(type), stride, &nbytes) < 0)
        return NULL;
    char *data = d->data ? (char *)d->data + d->byte_offset : NULL;
    if (nbytes > 0 && (!data || (uintptr_t)data % (uintptr_t)mt_dtype_size(type) != 0)) {
        PyErr_SetString(PyExc_BufferError,
                        "from_dlpack: the data is not aligned to its element size, or missing");
        return NULL;
    }
    mt_storage *storage = mt_storage_wrap(data, (size_t)nbytes, readonly, leave_alone, owner);
    mt_tensor *t = NULL;
    if (storage) {
        t = mt_from_storage(storage, type, d->ndim, d->shape, stride, 0);
        if (t)
            storage->release = release; /* only now: a failure leaves the record to the capsule */
        mt_storage_release(storage);
    }
    if (!t) py_raise();
    return t;
}

static PyObject *consume(PyObject *capsule, bool versioned)
{
    dl_versioned *v = versioned ? PyCapsule_GetPointer(capsule, VERSIONED) : NULL;
    dl_managed *p = versioned ? NULL : PyCapsule_GetPointer(capsule, PLAIN);
    if (!v && !p) return NULL;
    if (v && v->major != 1)
        return PyErr_Format(PyExc_BufferError,
                            "Unsupported DLPack version %u.%u: minitorch knows version 1", v->major,
                            v->minor);
    mt_scope scope = mt_scope_open();
    mt_tensor *t = v ? tensor_over(&v->tensor, v->flags & DL_READ_ONLY, release_versioned, v)
                     : tensor_over(&p->tensor, false, release_plain, p);
    PyObject *result = NULL;
    if (t) {
        PyCapsule_SetName(capsule, versioned ? VERSIONED_USED : PLAIN_USED);
        result = py_wrap_result(t);
    }
    mt_scope_close(scope);
    return result;
}

static PyObject *from_dlpack(PyObject *Py_UNUSED(module), PyObject *capsule)
{
    if (PyCapsule_IsValid(capsule, VERSIONED)) return consume(capsule, true);
    if (PyCapsule_IsValid(capsule, PLAIN)) return consume(capsule, false);
    return PyErr_Format(
        PyExc_RuntimeError,
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
        "once, so you might have already constructed a tensor from it once.");
}

static PyMethodDef functions[] = {
    {"_to_dlpack", to_dlpack, METH_VARARGS,
     "_to_dlpack(tensor, versioned=False, copied=False, /)\n--\n\nA capsule with the tensor's "
     "memory, which it holds."},
    {"_from_dlpack", from_dlpack, METH_O,
     "_from_dlpack(capsule, /)\n--\n\nA tensor over the memory in a capsule, which is used up."},
    {NULL, NULL, 0, NULL},
};

int py_init_dlpack(PyObject *module) { return PyModule_AddFunctions(module, functions); }
