/* Modules: what py_nn.c (the base type, its registries) and py_nn_call.c (calls) share.
 *
 * Invariants of a module whose Module.__init__ has run:
 *   registry[k]  the dict that Python sees as _parameters, _buffers, _modules; the module owns it
 *   mirror       every entry of a registry whose name the class does not define is an entry of
 *                the instance's __dict__ as well, so that `self.linear` is an ordinary attribute
 *   flags        PY_NN_HOOKED is set before anything can be hooked to a call */
#ifndef MT_PYTHON_PY_NN_H
#define MT_PYTHON_PY_NN_H

#include "python/py_memo.h"

enum { PY_NN_PARAMETERS, PY_NN_BUFFERS, PY_NN_MODULES, PY_NN_REGISTRIES };

#define PY_NN_HOOKED      1u /* somebody holds a table of hooks: calls go by Module._call_impl */
#define PY_NN_OWN_FORWARD 2u /* m.forward = f */

typedef struct py_registry py_registry;

typedef struct py_nn {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    py_registry *registry[PY_NN_REGISTRIES]; /* NULL before Module.__init__ */
    PyObject *forward;    /* what the type has under that name; borrowed from it ... */
    unsigned int version; /* ... while this is the type's version; 0: look it up */
    unsigned int flags;
    uint64_t walk;           /* the last walk over a network that came by */
    PyObject *weight, *bias; /* owned: what the registry has under these names, while `cached` */
    PyObject *children;      /* Sequential: a tuple of what registry[PY_NN_MODULES] has; or NULL */
    bool cached;             /* the last three are forgotten by every change of a registry */
    bool plain_option;       /* `forward` reads one more attribute, unknown to the class ... */
    py_memo option;          /* ... so it stands in the instance's dict */
} py_nn;

struct py_registry {
    PyDictObject dict;
    py_nn *owner; /* borrowed; NULL once the owner is gone or has another registry */
};

/* A forward written in C: an entry of the class, called with the module in front. */
typedef struct py_forward py_forward;
typedef PyObject *(*py_forward_run)(py_forward *f, PyObject *self, PyObject *const *args);
struct py_forward {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    py_forward_run run;   /* gets exactly the inputs */
    PyObject *function;   /* the operator or Python function that computes */
    PyObject *inputs;     /* names of the inputs: tuple of str */
    PyObject *attributes; /* names of the module's attributes passed after them */
    bool weighted; /* the first attribute is a parameter: look for it and the rest there first */
    /* NULL where there is none: */
    PyObject *option;   /* the attribute that says what to do: `inplace`, `reduction` */
    PyObject *keywords; /* keyword names of the last of these */
    PyObject *shortcut; /* what computes a loss of two tensors of one shape */
    PyObject *inplace;  /* what computes where the module's attribute `inplace` is true */
    PyObject *qualname, *module, *doc;
};

extern PyTypeObject py_nn_type, py_registry_type, py_forward_type;

/* Makes sure that the registries are there, taking over what a __setstate__ put into __dict__. 1
 * they are, 0 Module.__init__ has not run, -1 error. */
int py_nn_ready(py_nn *m);

/* py_nn_call.c */
PyObject *py_nn_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);
PyObject *py_nn_tp_call(PyObject *self, PyObject *args, PyObject *kwargs);

static inline bool py_nn_check(PyObject *o)
{
    return Py_TYPE(o)->tp_call == py_nn_tp_call || PyType_IsSubtype(Py_TYPE(o), &py_nn_type);
}
int py_nn_call_init(PyObject *module);
int py_nn_hook_init(PyObject *module);

/* Names used on every call, made once. */
#define PY_NN_NAMES(X)                                                                             \
    X(forward)                                                                                     \
    X(training)                                                                                    \
    X(weight)                                                                                      \
    X(bias)                                                                                        \
    X(__getattr__)                                                                                 \
    X(__getattribute__)                                                                            \
    X(_parameters)                                                                                 \
    X(_buffers)                                                                                    \
    X(_modules)                                                                                    \
    X(_non_persistent_buffers_set) X(_call_impl) X(_assign) X(inplace) X(reduction) X(mean)
#define X(name) extern PyObject *py_str_##name;
PY_NN_NAMES(X)
#undef X

#endif
