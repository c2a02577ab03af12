/* Tensor's attributes, and those of its methods that are no operators. Read next:
 * minitorch/_tensor.py. */
#include "python/py_tensor.h"

/* A result of the core that the current scope owns, as an object; closes the scope. */
static PyObject *finish(mt_scope scope, mt_tensor *t)
{
    PyObject *result = py_wrap_result(t);
    mt_scope_close(scope);
    return result;
}

/* A view whose base has been written to finds its history anew before anybody looks at it. -1 with
 * an exception. */
static int refresh(PyObject *self)
{
    mt_edge edge;
    const mt_tensor *t = py_core(self);
    if (MT_LIKELY(!t->base || t->base_generation == t->base->generation)) return 0;
    return mt_edge_of(py_core(self), &edge) < 0 ? py_raise_int() : 0;
}

/* ---- memory and shape ------------------------------------------------------------------------ */

static PyObject *get_dtype(PyObject *self, void *Py_UNUSED(closure))
{
    return py_dtype_object((mt_dtype)py_core(self)->dtype);
}
static PyObject *get_device(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return py_device_cpu();
}
static PyObject *get_layout(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return py_layout_strided();
}
static PyObject *get_shape(PyObject *self, void *Py_UNUSED(closure))
{
    return py_size_new(py_core(self)->ndim, py_core(self)->size);
}
static PyObject *get_ndim(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLong(py_core(self)->ndim);
}
static PyObject *get_itemsize(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(mt_itemsize(py_core(self)));
}
static PyObject *get_nbytes(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(py_core(self)->numel * mt_itemsize(py_core(self)));
}
static PyObject *get_version(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(py_core(self)->storage->version);
}
static PyObject *get_true(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure)) { Py_RETURN_TRUE; }
static PyObject *get_false(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure)) { Py_RETURN_FALSE; }

/* The dimensions in reverse order. */
static PyObject *get_T(PyObject *self, void *Py_UNUSED(closure))
{
    mt_tensor *t = py_core(self);
    int64_t dims[MT_MAX_DIMS];
    if (t->ndim != 2 &&
        PyErr_WarnEx(
            PyExc_UserWarning,
            t->ndim == 0
                ? "Tensor.T is deprecated on 0-D tensors. This function is the identity in these "
                  "cases."
                : "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
                  "deprecated and it will throw an error in a future release. Consider `x.mT` to "
                  "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` "
                  "to reverse the dimensions of a tensor.",
            1) < 0)
        return NULL;
    for (int d = 0; d < t->ndim; d++) dims[d] = t->ndim - 1 - d;
    mt_scope scope = mt_scope_open();
    return finish(scope, t->ndim == 2 ? mt_transpose(t, 0, 1) : mt_permute(t, t->ndim, dims));
}

/* closure: the attribute's name, "H" only for matrices. */
static PyObject *get_mT(PyObject *self, void *closure)
{
    mt_tensor *t = py_core(self);
    const char *name = closure;
    if (t->ndim == 0) {
        if (PyErr_WarnFormat(PyExc_UserWarning, 1,
                             "Tensor.%s is deprecated on 0-D tensors. This function is the "
                             "identity in these cases.",
                             name) < 0)
            return NULL;
        return Py_NewRef(self);
    }
    if (name[0] == 'H' && t->ndim != 2)
        return PyErr_Format(
            PyExc_RuntimeError,
            "tensor.H is only supported on matrices (2-D tensors). Got %d-D tensor.%s", t->ndim,
            t->ndim > 2 ? " For batches of matrices, consider using tensor.mH" : "");
    if (t->ndim == 1)
        return PyErr_Format(
            PyExc_RuntimeError,
            "tensor.%s is only supported on matrices or batches of matrices. Got 1-D tensor.",
            name);
    mt_scope scope = mt_scope_open();
    mt_tensor *turned = mt_transpose(t, -2, -1);
    return finish(scope, name[strlen(name) - 1] == 'H' ? mt_conj(turned) : turned);
}

/* closure: "real" or "imag". */
static PyObject *get_part(PyObject *self, void *closure)
{
    mt_scope scope = mt_scope_open();
    return finish(scope,
                  *(const char *)closure == 'r' ? mt_real(py_core(self)) : mt_imag(py_core(self)));
}

static int set_part(PyObject *self, PyObject *value, void *closure)
{
    PyObject *part = get_part(self, closure), *done = NULL;
    if (part) done = PyObject_CallMethod(part, "copy_", "O", value ? value : Py_None);
    Py_XDECREF(part);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* An object with a dict can be part of a cycle: the garbage collector gets to know it. */
static PyObject *get_dict(PyObject *self, void *closure)
{
    PyObject *dict = PyObject_GenericGetDict(self, closure);
    if (dict && !PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
    return dict;
}
static int set_dict(PyObject *self, PyObject *value, void *closure)
{
    int failed = PyObject_GenericSetDict(self, value, closure);
    if (!failed && !PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
    return failed;
}

/* ---- autograd -------------------------------------------------------------------------------- */

static PyObject *get_requires_grad(PyObject *self, void *Py_UNUSED(closure))
{
    return refresh(self) < 0 ? NULL : PyBool_FromLong(mt_requires_grad(py_core(self)));
}

static int fail_not_leaf(bool on)
{
    PyErr_Format(PyExc_RuntimeError, "you can only change requires_grad flags of leaf variables.%s",
                 on ? ""
                    : " If you want to use a computed variable in a subgraph that doesn't require "
                      "differentiation use var_no_grad = var.detach().");
    return -1;
}

/* kinds: the words of the caller's message. */
static int change_requires_grad(mt_tensor *t, bool on, const char *kinds)
{
    if (on && !mt_is_inexact((mt_dtype)t->dtype)) {
        PyErr_Format(PyExc_RuntimeError, "only Tensors of %s dtype can require gradients", kinds);
        return -1;
    }
    t->flags = on ? t->flags | MT_REQUIRES_GRAD : t->flags & ~MT_REQUIRES_GRAD;
    return 0;
}

static int set_requires_grad(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (!value || !PyBool_Check(value)) {
        PyErr_SetString(PyExc_RuntimeError, "requires_grad must be a bool");
        return -1;
    }
    if (refresh(self) < 0) return -1;
    if (py_core(self)->node) return fail_not_leaf(value == Py_True);
    return change_requires_grad(py_core(self), value == Py_True, "floating point and complex");
}

static PyObject *requires_grad_(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                PyObject *kwnames)
{
    static const char *const names[] = {"requires_grad", NULL};
    PyObject *a[1];
    if (py_arguments("requires_grad_", names, 0, 1, args, nargs, kwnames, a) < 0) return NULL;
    if (a[0] && !PyBool_Check(a[0]))
        return PyErr_Format(
            PyExc_TypeError,
            "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not %s",
            Py_TYPE(a[0])->tp_name);
    bool on = a[0] != Py_False;
    if (refresh(self) < 0) return NULL;
    if (py_core(self)->node && !on) fail_not_leaf(false);
    if (PyErr_Occurred() ||
        (!py_core(self)->node && change_requires_grad(py_core(self), on, "floating point") < 0))
        return NULL;
    return Py_NewRef(self);
}

static PyObject *get_is_leaf(PyObject *self, void *Py_UNUSED(closure))
{
    return refresh(self) < 0 ? NULL : PyBool_FromLong(mt_is_leaf(py_core(self)));
}
static PyObject *get_grad_fn(PyObject *self, void *Py_UNUSED(closure))
{
    return refresh(self) < 0 ? NULL : py_grad_fn_of(py_core(self));
}
static PyObject *get_output_nr(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLong(py_core(self)->out_nr);
}
static PyObject *get_retains_grad(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong((py_core(self)->flags & MT_RETAIN_GRAD) != 0 && py_core(self)->node);
}
static PyObject *get_base(PyObject *self, void *Py_UNUSED(closure))
{
    mt_tensor *base = py_core(self)->base;
    if (!base) Py_RETURN_NONE;
    return py_wrap(base);
}

static PyObject *get_grad(PyObject *self, void *Py_UNUSED(closure))
{
    mt_tensor *t = py_core(self);
    if (MT_LIKELY(t->grad != NULL)) return py_wrap(t->grad);
    if (t->node && !(t->flags & MT_RETAIN_GRAD) &&
        PyErr_WarnEx(
            PyExc_UserWarning,
            "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
            ".grad attribute won't be populated during autograd.backward(). If you indeed want the "
            ".grad field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf "
            "Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf "
            "Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information.",
            1) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int check_grad(const mt_tensor *t, PyObject *value)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!py_tensor_check(value)) {
        PyErr_Format(PyExc_TypeError,
                     "assigned grad expected to be a Tensor or None but got grad of type %s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    const mt_tensor *g = py_core(value);
    if (g == t)
        PyErr_SetString(PyExc_RuntimeError, "can't assign Variable as its own grad");
    else if (!mt_same_shape(g, t))
        PyErr_Format(PyExc_RuntimeError,
                     "attempting to assign a gradient of size '%s' to a tensor of size '%s'. "
                     "Please ensure that the gradient and the tensor are the same size",
                     mt_shape_text(g->ndim, g->size, a), mt_shape_text(t->ndim, t->size, b));
    else if (g->dtype != t->dtype)
        PyErr_Format(
            PyExc_RuntimeError,
            "attempting to assign a gradient with dtype '%s' to a tensor with grad_dtype '%s'. The "
            "gradient must match the tensor's grad_dtype (defaults to the tensor's dtype).",
            mt_dtype_name((mt_dtype)g->dtype), mt_dtype_camel((mt_dtype)t->dtype));
    else
        return 0;
    return -1;
}

static int set_grad(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    mt_tensor *t = py_core(self), *old = t->grad;
    if (!value || value == Py_None) {
        mt_drop_grad(t);
        return 0;
    }
    if (check_grad(t, value) < 0) return -1;
    t->grad = mt_retain(py_core(value));
    mt_release(old);
    return 0;
}

/* The same memory and version counter without history, so that a write through .data is noticed by
 * backward(). */
static PyObject *get_data(PyObject *self, void *Py_UNUSED(closure))
{
    mt_scope scope = mt_scope_open();
    mt_tensor *t = mt_alias(py_core(self));
    if (t && mt_requires_grad(py_core(self))) t->flags |= MT_IS_DETACHED;
    return finish(scope, t);
}

static int set_data(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    mt_tensor *t = py_core(self);
    if (!value) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Deleting tensor data is not allowed. Delete tensor instead!");
        return -1;
    }
    if (!py_tensor_check(value)) {
        PyErr_Format(PyExc_TypeError, "Variable data has to be a tensor, but got %s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    if (mt_requires_grad(t) && !mt_is_inexact((mt_dtype)py_core(value)->dtype)) {
        PyErr_SetString(
            PyExc_RuntimeError,
            "data set to a tensor that requires gradients must be floating point or complex dtype");
        return -1;
    }
    return mt_tensor_set_data(t, py_core(value)) < 0 ? py_raise_int() : 0;
}

/* Cuts this tensor itself off its history. */
static PyObject *detach_(PyObject *self, PyObject *Py_UNUSED(unused))
{
    mt_tensor *t = py_core(self);
    if (t->base)
        return PyErr_Format(
            PyExc_RuntimeError,
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as "
            "True, gradients are views of DDP buckets, and hence detach_() cannot be called on "
            "these gradients. To fix this error, please refer to the Optimizer.zero_grad() "
            "function in torch/optim/optimizer.py as the solution.");
    if (t->node) {
        mt_tensor *grad = t->grad; /* stays */
        t->grad = NULL;
        mt_tensor_drop_history(t);
        t->grad = grad;
    }
    t->out_nr = 0;
    t->flags &= ~(MT_REQUIRES_GRAD | MT_RETAIN_GRAD);
    return Py_NewRef(self);
}

PyGetSetDef py_tensor_getset[] = {
    {"__dict__", get_dict, set_dict, NULL, NULL},
    {"data", get_data, set_data, "The same memory as a tensor without history.", NULL},
    {"grad", get_grad, set_grad, "The gradient that backward() has added up here, or None.", NULL},
    {"requires_grad", get_requires_grad, set_requires_grad,
     "Is a gradient to be computed for this tensor?", NULL},
    {"is_leaf", get_is_leaf, NULL, "True unless an operation that is recorded made this tensor.",
     NULL},
    {"grad_fn", get_grad_fn, NULL, "The remembered operation that made this tensor, or None.",
     NULL},
    {"output_nr", get_output_nr, NULL, "Which of its operation's results this is.", NULL},
    {"retains_grad", get_retains_grad, NULL, "Was retain_grad() called on this non-leaf?", NULL},
    {"_version", get_version, NULL, "How often this memory has been written to in place.", NULL},
    {"_base", get_base, NULL, "The tensor this one is a view of, or None.", NULL},
    {"dtype", get_dtype, NULL, "The type of the elements.", NULL},
    {"device", get_device, NULL, "Where the tensor lives: the CPU.", NULL},
    {"layout", get_layout, NULL, "minitorch.strided.", NULL},
    {"shape", get_shape, NULL, "The size of every dimension.", NULL},
    {"ndim", get_ndim, NULL, "The number of dimensions.", NULL},
    {"itemsize", get_itemsize, NULL, "Bytes per element.", NULL},
    {"nbytes", get_nbytes, NULL, "Bytes of all elements.", NULL},
    {"T", get_T, NULL, "The dimensions in reverse order.", NULL},
    {"mT", get_mT, NULL, "The last two dimensions exchanged.", "mT"},
    {"H", get_mT, NULL, "The transposed matrix, conjugated.", "H"},
    {"mH", get_mT, NULL, "The last two dimensions exchanged, conjugated.", "mH"},
    {"real", get_part, set_part, "The real parts, as a view; a real tensor itself.", "real"},
    {"imag", get_part, set_part, "The imaginary parts, as a view. RuntimeError if real.", "imag"},
    {"is_cpu", get_true, NULL, "True.", NULL},
    {"is_cuda", get_false, NULL, "False.", NULL},
    {"is_sparse", get_false, NULL, "False.", NULL},
    {"is_sparse_csr", get_false, NULL, "False.", NULL},
    {"is_quantized", get_false, NULL, "False.", NULL},
    {"is_meta", get_false, NULL, "False.", NULL},
    {"is_mps", get_false, NULL, "False.", NULL},
    {"is_xpu", get_false, NULL, "False.", NULL},
    {"is_mkldnn", get_false, NULL, "False.", NULL},
    {"is_nested", get_false, NULL, "False.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- methods: looking ------------------------------------------------------------------------ */

/* The dim argument of size() and stride(): 1 and *dim, 0 not given, -1 error. */
static int dim_argument(const char *function, const mt_tensor *t, PyObject *const *args,
                        Py_ssize_t nargs, PyObject *kwnames, int *dim)
{
    static const char *const names[] = {"dim", NULL};
    PyObject *a[1];
    if (py_arguments(function, names, 0, 1, args, nargs, kwnames, a) < 0) return -1;
    if (!a[0] || a[0] == Py_None) return 0;
    if (!PyIndex_Check(a[0])) {
        PyErr_Format(PyExc_TypeError, "%s(): argument 'dim' (position 1) must be int, not %s",
                     function, Py_TYPE(a[0])->tp_name);
        return -1;
    }
    Py_ssize_t d = PyNumber_AsSsize_t(a[0], PyExc_IndexError);
    if (d == -1 && PyErr_Occurred()) return -1;
    if (t->ndim == 0) {
        PyErr_Format(PyExc_IndexError, "Dimension specified as %zd but tensor has no dimensions",
                     d);
        return -1;
    }
    *dim = mt_wrap_dim(d, t->ndim);
    return *dim < 0 ? py_raise_int() : 1;
}

static PyObject *size(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    const mt_tensor *t = py_core(self);
    int d, given = dim_argument("size", t, args, nargs, kwnames, &d);
    if (given < 0) return NULL;
    return given ? PyLong_FromLongLong(t->size[d]) : py_size_new(t->ndim, t->size);
}

static PyObject *stride(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    const mt_tensor *t = py_core(self);
    int d, given = dim_argument("stride", t, args, nargs, kwnames, &d);
    if (given < 0) return NULL;
    if (given) return PyLong_FromLongLong(t->stride[d]);
    PyObject *tuple = PyTuple_New(t->ndim);
    for (d = 0; tuple && d < t->ndim; d++) {
        PyObject *n = PyLong_FromLongLong(t->stride[d]);
        if (n)
            PyTuple_SET_ITEM(tuple, d, n);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *dim(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLong(py_core(self)->ndim);
}
static PyObject *numel(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLongLong(py_core(self)->numel);
}
static PyObject *storage_offset(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLongLong(py_core(self)->offset);
}
static PyObject *data_ptr(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const mt_tensor *t = py_core(self);
    return PyLong_FromVoidPtr(t->numel ? t->data : NULL);
}
static PyObject *element_size(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return get_itemsize(self, NULL);
}
static PyObject *get_device_number(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLong(-1);
}
static PyObject *is_floating_point(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(mt_is_floating((mt_dtype)py_core(self)->dtype));
}
static PyObject *is_complex(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(mt_is_complex((mt_dtype)py_core(self)->dtype));
}
static PyObject *is_signed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(py_core(self)->dtype != MT_UINT8 && py_core(self)->dtype != MT_BOOL);
}
static PyObject *is_inference(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong((py_core(self)->flags & MT_INFERENCE) != 0);
}
static PyObject *is_view(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(py_core(self)->base != NULL);
}
static PyObject *say_false(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_FALSE;
}

/* Are the dimensions (N, C, ...) in memory as (N, ..., C)? */
static bool is_channels_last(const mt_tensor *t, int ndim)
{
    int order[5], n = 0;
    if (t->ndim != ndim) return false;
    order[n++] = 1;
    for (int d = ndim - 1; d >= 2; d--) order[n++] = d;
    order[n++] = 0;
    int64_t expected = 1;
    for (int i = 0; i < n; i++) {
        if (t->size[order[i]] != 1 && t->stride[order[i]] != expected) return false;
        expected *= t->size[order[i]];
    }
    return true;
}

static PyObject *is_contiguous(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames)
{
    static const char *const names[] = {"memory_format", NULL};
    PyObject *a[1];
    if (py_arguments("is_contiguous", names, 0, 1, args, nargs, kwnames, a) < 0) return NULL;
    int format = a[0] ? py_memory_format_from(a[0]) : 0;
    if (format < 0)
        return PyErr_Format(
            PyExc_TypeError,
            "is_contiguous(): argument 'memory_format' must be torch.memory_format, not %s",
            Py_TYPE(a[0])->tp_name);
    if (format >= 2) return PyBool_FromLong(is_channels_last(py_core(self), format + 2));
    return PyBool_FromLong(mt_is_contiguous(py_core(self)));
}

static PyObject *is_set_to(PyObject *self, PyObject *other)
{
    if (!py_tensor_check(other))
        return PyErr_Format(PyExc_TypeError,
                            "is_set_to(): argument 'tensor' (position 1) must be Tensor, not %s",
                            Py_TYPE(other)->tp_name);
    const mt_tensor *a = py_core(self), *b = py_core(other);
    return PyBool_FromLong(a->storage == b->storage && a->offset == b->offset &&
                           mt_same_shape(a, b) &&
                           mt_shape_equal(a->ndim, a->stride, b->ndim, b->stride));
}

static PyObject *is_same_size(PyObject *self, PyObject *other)
{
    if (!py_tensor_check(other))
        return PyErr_Format(PyExc_TypeError,
                            "is_same_size(): argument 'other' (position 1) must be Tensor, not %s",
                            Py_TYPE(other)->tp_name);
    return PyBool_FromLong(mt_same_shape(py_core(self), py_core(other)));
}

/* (address, bytes, is it our own memory) of the storage, for minitorch/_tensor.py. */
static PyObject *storage_info(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const mt_storage *s = py_core(self)->storage;
    return Py_BuildValue("(NnO)", PyLong_FromVoidPtr(s->data), (Py_ssize_t)s->nbytes,
                         s->release ? Py_False : Py_True);
}

/* The whole storage as a tensor of this dtype and one dimension: what pickling and copying keep. */
static PyObject *storage_tensor(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const mt_tensor *t = py_core(self);
    const int64_t n = (int64_t)t->storage->nbytes / mt_itemsize(t);
    mt_scope scope = mt_scope_open();
    return finish(scope, mt_from_storage(t->storage, (mt_dtype)t->dtype, 1, &n, NULL, 0));
}

/* ---- methods: converting --------------------------------------------------------------------- */

static PyObject *numpy(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"force", NULL};
    PyObject *a[1];
    if (py_arguments("numpy", names, 0, 0, args, nargs, kwnames, a) < 0) return NULL;
    int force = py_bool_argument(a[0], "numpy", "force", false);
    if (force < 0 || refresh(self) < 0) return NULL;
    if (mt_requires_grad(py_core(self)) && !force)
        return PyErr_Format(PyExc_RuntimeError, "Can't call numpy() on Tensor that requires grad. "
                                                "Use tensor.detach().numpy() instead.");
    return py_to_array(py_core(self));
}

/* format: what memory_format= was, NULL if it was not given. */
static PyObject *converted(PyObject *self, mt_dtype d, bool copy, PyObject *format)
{
    mt_tensor *t = py_core(self);
    if (d == MT_NO_DTYPE) d = (mt_dtype)t->dtype;
    mt_arg order = mt_arg_int(format && format != Py_None ? py_memory_format_from(format)
                                                          : MT_FORMAT_PRESERVE);
    if (order.i < 0)
        return PyErr_Format(PyExc_TypeError,
                            "to(): argument 'memory_format' must be torch.memory_format, not %s",
                            Py_TYPE(format)->tp_name);
    const bool in_order =
        order.i == MT_FORMAT_PRESERVE || (order.i == MT_FORMAT_CONTIGUOUS && mt_is_contiguous(t));
    if (d == t->dtype && !copy && in_order) return Py_NewRef(self);
    mt_scope scope = mt_scope_open();
    if (d != t->dtype) t = mt_to_dtype(t, d);
    if (d == py_core(self)->dtype || order.i != MT_FORMAT_PRESERVE)
        t = mt_call1a(&mt_op_clone, t, 1, &order);
    return finish(scope, t);
}

/* to(dtype, ...), to(device, dtype, ...), to(other, ...): the first argument says which. */
static PyObject *to(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const by_dtype[] = {"dtype", "non_blocking", "copy", "memory_format", NULL};
    static const char *const by_device[] = {"device", "dtype",         "non_blocking",
                                            "copy",   "memory_format", NULL};
    static const char *const by_other[] = {"other", "non_blocking", "copy", "memory_format", NULL};
    PyObject *a[5];
    mt_dtype d = MT_NO_DTYPE;
    if (nargs > 0 && py_tensor_check(args[0])) {
        if (py_arguments("to", by_other, 1, 3, args, nargs, kwnames, a) < 0) return NULL;
        int copy = py_bool_argument(a[2], "to", "copy", false);
        return copy < 0 ? NULL : converted(self, (mt_dtype)py_core(a[0])->dtype, copy, a[3]);
    }
    if (nargs > 0 && py_dtype_from(args[0], &d) == 1) {
        if (py_arguments("to", by_dtype, 1, 3, args, nargs, kwnames, a) < 0) return NULL;
        int copy = py_bool_argument(a[2], "to", "copy", false);
        return copy < 0 ? NULL : converted(self, d, copy, a[3]);
    }
    if (py_arguments("to", by_device, 0, 4, args, nargs, kwnames, a) < 0) return NULL;
    if (py_device_check(a[0]) < 0 || py_dtype_argument(a[1], "to", &d) < 0) return NULL;
    int copy = py_bool_argument(a[3], "to", "copy", false);
    return copy < 0 ? NULL : converted(self, d, copy, a[4]);
}

static PyObject *cpu(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"memory_format", NULL};
    PyObject *a[1];
    return py_arguments("cpu", names, 0, 0, args, nargs, kwnames, a) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *cuda(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t nargs,
                      PyObject *kwnames)
{
    static const char *const names[] = {"device", "non_blocking", "memory_format", NULL};
    PyObject *a[3];
    if (py_arguments("cuda", names, 0, 2, args, nargs, kwnames, a) < 0) return NULL;
    return py_device_cuda(a[0]);
}

static PyObject *pin_memory(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(kwargs))
{
    return PyErr_Format(PyExc_RuntimeError,
                        "Cannot access accelerator device when none is available.");
}

const char *py_type_text(mt_dtype d, char *buffer)
{
    PyOS_snprintf(buffer, 32, "torch.%sTensor", mt_dtype_camel(d));
    return buffer;
}

static PyObject *type_text(PyObject *self, PyObject *Py_UNUSED(unused))
{
    char text[32];
    return PyUnicode_FromString(py_type_text((mt_dtype)py_core(self)->dtype, text));
}

/* ---- methods: subclasses --------------------------------------------------------------------- */

static PyObject *make_subclass(PyObject *Py_UNUSED(cls), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"cls", "data", "requires_grad", NULL};
    PyTypeObject *cls;
    PyObject *data;
    int requires_grad = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!|p:_make_subclass", names, &PyType_Type,
                                     &cls, &py_tensor_type, &data, &requires_grad))
        return NULL;
    if (!PyType_IsSubtype(cls, &py_tensor_type))
        return PyErr_Format(PyExc_TypeError,
                            "cls must be a type that inherits from Tensor, but got %s",
                            cls->tp_name);
    mt_scope scope = mt_scope_open();
    mt_tensor *t = mt_alias(py_core(data));
    PyObject *result = NULL;
    if (!t || !requires_grad || py_require_grad(t) == 0) result = py_wrap_as(cls, t);
    mt_scope_close(scope);
    return result;
}

static PyObject *as_subclass(PyObject *self, PyObject *cls)
{
    if (!PyType_Check(cls) || !PyType_IsSubtype((PyTypeObject *)cls, &py_tensor_type))
        return PyErr_Format(PyExc_TypeError, "cls must be a type that inherits from Tensor");
    mt_scope scope = mt_scope_open();
    PyObject *result = py_wrap_as((PyTypeObject *)cls, mt_call1(&mt_op_alias, py_core(self)));
    mt_scope_close(scope);
    return result;
}

static PyObject *is_pinned(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *device;
    static char *names[] = {"device", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:is_pinned", names, &device)) return NULL;
    return say_false(self, NULL);
}

PY_NAMED(is_set_to, "is_set_to", "tensor")
PY_NAMED(is_same_size, "is_same_size", "other")
PY_NAMED(as_subclass, "as_subclass", "cls")
#define FAST(function)     (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS
#define KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS
PyMethodDef py_tensor_methods[] = {
    {"size", FAST(size),
     "size(dim=None)\n--\n\nThe size of one dimension, or all of them."
     "\n\n>>> minitorch.zeros(2, 3).size()\ntorch.Size([2, 3])\n>>> minitorch.zeros(2, "
     "3).size(-1)\n3"},
    {"stride", FAST(stride),
     "stride(dim=None)\n--\n\nThe step in memory along one dimension, in elements, or all of "
     "them."
     "\n\n>>> minitorch.zeros(2, 3).stride()\n(3, 1)"},
    {"dim", dim, METH_NOARGS,
     "dim()\n--\n\nThe number of dimensions."
     "\n\n>>> minitorch.zeros(2, 3).dim()\n2"},
    {"ndimension", dim, METH_NOARGS,
     "ndimension()\n--\n\nThe number of dimensions."
     "\n\n>>> minitorch.zeros(2, 3).ndimension()\n2"},
    {"numel", numel, METH_NOARGS,
     "numel()\n--\n\nThe number of elements."
     "\n\n>>> minitorch.zeros(2, 3).numel()\n6"},
    {"nelement", numel, METH_NOARGS,
     "nelement()\n--\n\nThe number of elements."
     "\n\n>>> minitorch.zeros(2, 3).nelement()\n6"},
    {"storage_offset", storage_offset, METH_NOARGS,
     "storage_offset()\n--\n\nWhere in the storage the first element is."
     "\n\n>>> minitorch.zeros(2, 3)[1].storage_offset()\n3"},
    {"data_ptr", data_ptr, METH_NOARGS,
     "data_ptr()\n--\n\nThe address of the first element."
     "\n\n>>> x = minitorch.zeros(2, 3)\n>>> x[1].data_ptr() - x.data_ptr()\n12"},
    {"element_size", element_size, METH_NOARGS,
     "element_size()\n--\n\nBytes per element."
     "\n\n>>> minitorch.zeros(1).element_size()\n4"},
    {"get_device", get_device_number, METH_NOARGS,
     "get_device()\n--\n\n-1: the CPU."
     "\n\n>>> minitorch.zeros(1).get_device()\n-1"},
    {"is_contiguous", FAST(is_contiguous),
     "is_contiguous(memory_format=torch.contiguous_format)\n--\n\n"
     "Are the elements in memory in row-major order without gaps?"
     "\n\n>>> minitorch.zeros(2, 3).t().is_contiguous()\nFalse"},
    {"is_floating_point", is_floating_point, METH_NOARGS,
     "is_floating_point()\n--\n\nIs this of a real floating-point type?"
     "\n\n>>> minitorch.zeros(1).is_floating_point()\nTrue"},
    {"is_complex", is_complex, METH_NOARGS,
     "is_complex()\n--\n\nIs this complex64 or complex128?"
     "\n\n>>> minitorch.zeros(1).is_complex()\nFalse"},
    {"is_signed", is_signed, METH_NOARGS,
     "is_signed()\n--\n\nHas the dtype negative values?"
     "\n\n>>> minitorch.zeros(1).is_signed()\nTrue"},
    {"is_inference", is_inference, METH_NOARGS,
     "is_inference()\n--\n\nWas this tensor made in inference mode?"
     "\n\n>>> minitorch.zeros(1).is_inference()\nFalse"},
    {"is_conj", say_false, METH_NOARGS,
     "is_conj()\n--\n\nFalse."
     "\n\n>>> minitorch.zeros(1).is_conj()\nFalse"},
    {"is_neg", say_false, METH_NOARGS,
     "is_neg()\n--\n\nFalse."
     "\n\n>>> minitorch.zeros(1).is_neg()\nFalse"},
    {"is_pinned", KEYWORDS(is_pinned),
     "is_pinned(device=None)\n--\n\nFalse."
     "\n\n>>> minitorch.zeros(1).is_pinned()\nFalse"},
    {"is_set_to", PY_NAMED_METHOD(is_set_to),
     "is_set_to(tensor)\n--\n\nDo both show the same elements of the same memory?"
     "\n\n>>> x = minitorch.zeros(2)\n>>> x.is_set_to(x.view(2))\nTrue"},
    {"is_same_size", PY_NAMED_METHOD(is_same_size),
     "is_same_size(other)\n--\n\nHave both the same shape?"
     "\n\n>>> minitorch.zeros(2).is_same_size(minitorch.ones(2))\nTrue"},
    {"_is_view", is_view, METH_NOARGS, "_is_view()\n--\n\nIs this a view of another tensor?"},
    {"_storage_info", storage_info, METH_NOARGS,
     "_storage_info()\n--\n\nThe storage's address and bytes, and whether it can be resized."},
    {"_storage_tensor", storage_tensor, METH_NOARGS,
     "_storage_tensor()\n--\n\nThe whole storage as a tensor."},
    {"_type_text", type_text, METH_NOARGS,
     "_type_text()\n--\n\nWhat type() returns: 'torch.FloatTensor'."},
    {"item", py_tensor_item, METH_NOARGS,
     "item()\n--\n\nThe only element as a Python number."
     "\n\n>>> minitorch.tensor([2.5]).item()\n2.5"},
    {"tolist", py_tensor_tolist, METH_NOARGS,
     "tolist()\n--\n\nThe elements as nested lists of Python numbers."
     "\n\n>>> minitorch.tensor([[1, 2], [3, 4]]).tolist()\n[[1, 2], [3, 4]]"},
    {"numpy", FAST(numpy),
     "numpy(*, force=False)\n--\n\nAn array over the same memory.\n\n"
     "RuntimeError if the tensor requires grad, unless force is true."
     "\n\n>>> print(minitorch.tensor([1, 2]).numpy())\n[1 2]"},
    {"to", FAST(to),
     "to(dtype) or to(device, dtype=None) or to(other)\n--\n\n"
     "This tensor in another dtype; itself if there is nothing to convert and copy is false."
     "\n\n>>> minitorch.tensor([1, 2]).to(minitorch.float64)\ntensor([1., 2.], "
     "dtype=torch.float64)"},
    {"cpu", FAST(cpu),
     "cpu()\n--\n\nThe tensor itself: it lives on the CPU."
     "\n\n>>> minitorch.tensor([1, 2]).cpu()\ntensor([1, 2])"},
    {"cuda", FAST(cuda),
     "cuda(device=None, non_blocking=False, *, memory_format=None)\n--\n\nRaises: all is on the "
     "CPU."
     "\n\n>>> minitorch.ones(1).cuda()\nTraceback (most recent call last):\nAssertionError: Torch "
     "not compiled with CUDA enabled"},
    {"pin_memory", KEYWORDS(pin_memory),
     "pin_memory()\n--\n\nRaises: there is no other device than the CPU."
     "\n\n>>> minitorch.ones(1).pin_memory()\nTraceback (most recent call last):\nRuntimeError: "
     "Cannot access accelerator device when none is available."},
    {"detach_", detach_, METH_NOARGS,
     "detach_()\n--\n\nCuts this tensor off its history: it becomes a leaf."
     "\n\n>>> x = minitorch.ones(1, requires_grad=True) * 2\n>>> x.detach_().requires_grad\nFalse"},
    {"requires_grad_", FAST(requires_grad_),
     "requires_grad_(requires_grad=True)\n--\n\n"
     "Says whether gradients are to be computed for this leaf.\n\n>>> "
     "minitorch.ones(2).requires_grad_()\ntensor([1., 1.], requires_grad=True)"},
    {"as_subclass", PY_NAMED_METHOD(as_subclass),
     "as_subclass(cls)\n--\n\nA view of this tensor as an object of class cls."
     "\n\n>>> minitorch.ones(2).as_subclass(minitorch.Tensor)\ntensor([1., 1.])"},
    {"_make_subclass", (PyCFunction)(void (*)(void))make_subclass,
     METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     "_make_subclass(cls, data, requires_grad=False)\n--\n\ndata's memory as a leaf of class cls."},
    {NULL, NULL, 0, NULL},
};
