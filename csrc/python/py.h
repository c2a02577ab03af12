/* The binding: what its files share. One generic operator object, a Tensor, and a few small types
 * over the core. In the order to read them:
 *
 * py_module.c      starts the core, lets every part add its types and functions
 * py_error.c       errors of the core as Python exceptions
 * py_schema.c      schemas: parsed at import, said again as error texts, signatures, stubs
 * py_bind.c        from Python's arguments to an mt_call; py_bind_error.c: why that fails
 * py_op.c          the Operator object and its fast path; py_op_doc.c, py_op_register.c,
 *                  py_call_note.c: what an error says beside its text; py_old_order.c
 * py_tensor.c      Tensor: life and slots; py_tensor_attrs.c, py_index.c
 * py_dtype.c       dtype, Size; py_device.c: device, layout, memory format
 * py_data.c        from Python's values to tensors; py_factory.c, py_values.c the way back
 * py_numpy.c       the only NumPy C API; py_dlpack.c; py_random.c: Generator
 * py_autograd.c    backward, grad, hooks; py_grad_mode.c: no_grad; py_node.c: grad_fn
 * py_function.c    nodes whose rule is Python; py_node_hook.c: hooks on nodes, anomaly mode;
 *                  py_node_look.c: what minitorch.graph shows
 * py_nn.c          the call path of modules; py_optim.c: optimizers' steps; py_loader.c: batches
 * py_watch.c       what ran, for profilers */
#ifndef MT_PYTHON_PY_H
#define MT_PYTHON_PY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "autograd/engine.h"
#include "base/random.h"
#include "graph/apply.h"
#include "graph/hooks.h"
#include "graph/inplace.h"
#include "graph/node.h"
#include "ops/ops.h"

/* ---- the module: py_module.c -------------------------------------------------------------------
 * Every py_X.c adds its types and functions to minitorch._C in `int py_init_X(PyObject *module)`,
 * -1 with an exception; they run in this order. From `op` on, the operators exist and py_op_find
 * works; Tensor's dict is complete but for what later parts put there themselves. A function that
 * is no operator is a PyMethodDef of its file (PyModule_AddFunctions), or an entry of Tensor's
 * tp_methods. */
/* clang-format off */
#define PY_PARTS(X)                                                                                \
    X(error) X(dtype) X(device) X(random) X(tensor) X(op) X(index) X(numpy) X(dlpack) X(data)      \
    X(grad_mode) X(node) X(autograd) X(function) X(node_hook) X(node_look) X(nn) X(optim) X(loader) \
    X(watch)
/* clang-format on */
#define PY_PART(part) int py_init_##part(PyObject *module);
PY_PARTS(PY_PART)
#undef PY_PART

/* ---- Tensor: py_tensor.c -----------------------------------------------------------------------
 * A GC object that stays untracked until it gets a __dict__ or is of a Python subclass. Made from a
 * free list. */
typedef struct py_tensor {
    PyObject_HEAD;
    mt_tensor *t;   /* owned; NULL only inside tp_new of a subclass */
    PyObject *dict; /* NULL until needed */
    PyObject *weakrefs;
} py_tensor;

extern PyTypeObject py_tensor_type; /* static: allocations need not count the type */

static inline bool py_tensor_check(PyObject *o)
{ /* itself, its child (Parameter), or anything below */
    PyTypeObject *type = Py_TYPE(o);
    return type == &py_tensor_type || type->tp_base == &py_tensor_type ||
           PyType_IsSubtype(type, &py_tensor_type);
}
static inline mt_tensor *py_core(PyObject *o) { return ((py_tensor *)o)->t; } /* borrowed */

/* The Python object of t: the living one (t->host) if there is one, else a new Tensor. New
 * reference. NULL t: raises the pending core error (py_raise). t stays owned as it was. */
PyObject *py_wrap(mt_tensor *t);
/* The same where the innermost scope owns t and will close now: takes t over when it is on top. */
PyObject *py_wrap_result(mt_tensor *t);
PyObject *py_wrap_list(int n, mt_tensor **t, bool tuple);
/* A tuple of n objects, None for NULL: py_node_hook.c. */
PyObject *py_tuple_of(int n, mt_tensor **t);

/* ---- errors: py_error.c ---------------------------------------------------------------------- */
PyObject *py_raise(void); /* raises and clears the pending core error; always NULL */
void py_add_note(PyObject *exception, PyObject *note); /* PEP 678; leaves no exception behind */
int py_raise_int(void);                                /* -1 */
/* A Python exception is set: tells the core (MT_HOST), which hands it up. -1 */
int py_fail_host(void);
extern PyObject *py_OutOfMemoryError;

/* ---- functions of one argument -----------------------------------------------------------------
 * PyTorch's have a name for it, and programs use it: manual_seed(seed=0). The argument (borrowed), by
 * position or under that name; NULL with TypeError. py_error.c */
PyObject *py_only_argument(const char *function, const char *name, PyObject *const *args,
                           Py_ssize_t nargs, PyObject *kwnames);
/* PY_NAMED(manual_seed, "manual_seed", "seed") makes manual_seed_named of the METH_O manual_seed, to
 * be listed as PY_NAMED_METHOD(manual_seed). */
#define PY_NAMED(function, text, parameter)                                                        \
    static PyObject *function##_named(PyObject *self, PyObject *const *args, Py_ssize_t nargs,     \
                                      PyObject *kwnames)                                           \
    {                                                                                              \
        PyObject *o = py_only_argument(text, parameter, args, nargs, kwnames);                     \
        return o ? function(self, o) : NULL;                                                       \
    }
#define PY_NAMED_METHOD(function)                                                                  \
    (PyCFunction)(void (*)(void)) function##_named, METH_FASTCALL | METH_KEYWORDS

/* ---- small types: py_dtype.c ----------------------------------------------------------------- */
PyObject *py_dtype_object(mt_dtype d);         /* new reference to the one minitorch.float32 ... */
int py_dtype_from(PyObject *o, mt_dtype *out); /* 1 yes, 0 not a dtype (no error set), -1 error */
PyObject *py_size_new(int ndim, const int64_t *size); /* minitorch.Size */
int py_device_check(PyObject *o); /* cpu, "cpu", None pass; "cuda" raises PyTorch's error; -1 */

/* ---- Generator: py_random.c ------------------------------------------------------------------ */
struct mt_generator *py_generator_from(PyObject *o); /* borrowed; NULL with TypeError */

/* ---- autograd: py_autograd.c -------------------------------------------------------------------
 * Methods and properties of Tensor that live there: backward, register_hook,
 * register_post_accumulate_grad_hook, retain_grad (added to Tensor's dict by py_init_autograd). */
/* t.grad_fn: new reference, None for a leaf, NULL with an exception. */
PyObject *py_grad_fn_of(mt_tensor *t);
/* For Tensor's tp_traverse and tp_clear: functions of hooks that nothing but this tensor keeps. */
int py_hooks_traverse(mt_tensor *t, visitproc visit, void *arg);
void py_hooks_clear(mt_tensor *t);

/* ---- numbers: py_data.c ---------------------------------------------------------------------- */
/* Python bool, int, float, NumPy scalars, 0-d tensors: 1 yes, 0 no (no error), -1 error */
int py_scalar_from(PyObject *o, mt_scalar *out);
PyObject *py_scalar_object(mt_scalar s);
/* t becomes a number that has no history: told once, if there is one. -1: the warning is an error. */
int py_warn_of_history(const mt_tensor *t);

/* ---- operators: py_op.c ---------------------------------------------------------------------- */
/* py_init_op makes one object per Python name: functions in the module itself (minitorch.sin), in
 * its _nn (nn.functional.relu), _linalg and _special, and methods in Tensor's dict. */
/* Borrowed, but it lives as long as the module: keep it. NULL with AttributeError. */
PyObject *py_op_find(const char *python_name, bool method);
/* Calls such an object by position (for slots): new reference. */
PyObject *py_op_call(PyObject *op, PyObject *const *args, Py_ssize_t nargs);

/* Big work runs without the GIL: forward of ops over more than this many elements */
#define PY_RELEASE_GIL_ABOVE 100000

#endif
