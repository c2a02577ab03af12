/* What the files around Tensor share among themselves; the rest of the binding sees py.h only.
 * Read next: py_tensor.c. */
#ifndef MT_PYTHON_PY_TENSOR_H
#define MT_PYTHON_PY_TENSOR_H

#include "python/py.h"

/* ---- py_dtype.c, py_device.c ----------------------------------------------------------------- */
extern PyTypeObject py_dtype_type, py_device_type, py_size_type, py_layout_type,
    py_memory_format_type;
PyObject *py_device_cuda(PyObject *device); /* an error in any case */
PyObject *py_device_cpu(void);              /* new reference */
PyObject *py_layout_strided(void);          /* new reference */
/* contiguous_format, preserve_format, channels_last, channels_last_3d: 0 .. 3; -1 if o is none of
 * them, no error */
int py_memory_format_from(PyObject *o);
/* A dtype or None (which leaves *out alone): -1 with "zeros(): argument 'dtype' must be
 * torch.dtype, not str". */
int py_dtype_argument(PyObject *o, const char *function, mt_dtype *out);

/* ---- py_tensor.c ----------------------------------------------------------------------------- */
/* A new Python object of class cls (Tensor or a subclass) for t, which must have none. */
PyObject *py_wrap_as(PyTypeObject *cls, mt_tensor *t);

/* ---- py_tensor_attrs.c ----------------------------------------------------------------------- */
extern PyGetSetDef py_tensor_getset[];
extern PyMethodDef py_tensor_methods[];
const char *py_type_text(mt_dtype d, char *buffer); /* "torch.FloatTensor", buffer of 32 bytes */

/* ---- py_data.c: from Python's values to tensors ---------------------------------------------- */
/* Nested lists, numbers, arrays and tensors as a new tensor (owned by the scope) of type d;
 * MT_NO_DTYPE infers it. share: an array's memory is used if its type fits. NULL with a Python
 * exception set. */
mt_tensor *py_data_read(PyObject *data, mt_dtype d, bool share);
bool py_is_nested(
    PyObject *o); /* what counts as a list of data: a sequence, but no text, tensor or 0-d array */

/* ---- py_factory.c: tensor(), as_tensor(), the constructors ----------------------------------- */
PyObject *py_legacy_new(PyTypeObject *cls, mt_dtype d, PyObject *args, PyObject *kwargs);
/* Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS function into out[] (NULL where not
 * given). names ends with NULL; the first `positional` may be given by position, the first
 * `required` must be given. */
int py_arguments(const char *function, const char *const *names, int required, int positional,
                 PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **out);
/* None or missing: fallback. -1: "tensor(): argument 'requires_grad' must be bool, not str" */
int py_bool_argument(PyObject *o, const char *function, const char *name, bool fallback);
/* Marks a new tensor as requiring grad. -1 with PyTorch's error for integers. */
int py_require_grad(mt_tensor *t);

/* ---- py_values.c: from tensors to Python's values -------------------------------------------- */
PyObject *py_tensor_item(PyObject *self, PyObject *unused);
PyObject *py_tensor_tolist(PyObject *self, PyObject *unused);

/* ---- py_index.c ------------------------------------------------------------------------------ */
PyObject *py_tensor_getitem(PyObject *self, PyObject *key);
int py_tensor_setitem(PyObject *self, PyObject *key, PyObject *value);
PyObject *py_tensor_select(PyObject *self, Py_ssize_t i); /* x[i] */

/* ---- py_numpy.c ------------------------------------------------------------------------------ */
bool py_is_array(PyObject *o); /* a NumPy array */
/* A tensor over the array's memory (owned by the scope), NULL with an exception. */
mt_tensor *py_from_array(PyObject *array, bool warn_readonly);
/* The dtype of an array or of a NumPy scalar: 1; 0 if o is neither; -1 with an exception if it has
 * none of ours. */
int py_numpy_dtype(PyObject *o, mt_dtype *d);
/* A NumPy scalar's value: 1; 0 if o is no NumPy scalar of a type of ours. */
int py_numpy_scalar(PyObject *o, mt_scalar *out);
PyObject *py_to_array(mt_tensor *t); /* an array over t's memory, which it keeps alive */

/* ---- further inits, called by those of PY_PARTS ---------------------------------------------- */
int py_init_factory(PyObject *module); /* by py_init_data */

#endif
