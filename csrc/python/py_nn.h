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
    uint64_t walk;              /* the last walk over a network that came by */
    unsigned int walks_version; /* the type's version that walks_plain is for; 0: none */
    bool walks_plain;           /* the class does not say itself what its parameters are */
    PyObject *weight, *bias;    /* owned: what the registry has under these names, while `cached` */
    PyObject *children; /* Sequential: a tuple of what registry[PY_NN_MODULES] has; or NULL */
    bool cached;        /* the last three are forgotten by every change of a registry */
    /* of `forward`, where it is one of ours: see settings_are_usual */
    bool settings_plain, settings_usual;
    uint64_t settings_seen; /* the version of the instance's dict that settings_usual is for */
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
    PyObject *keywords; /* keyword names of the last of these */
    PyObject *inplace;  /* what computes where the module's attribute `inplace` is true */
    PyObject *shortcut; /* the operator that computes, from the inputs alone, if ... */
    PyObject *settings; /* ... these attributes of the module ... */
    PyObject *usual;    /* ... have these values */
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
/* An exception leaves m: says so in a note. leaf: m has no Python frame of its own; begin: m is a
 * container's child without a note, and begins the path silently. */
void py_nn_explain(PyObject *m, bool leaf, bool begin);

/* py_nn_forward.c */
int py_nn_forward_init(PyObject *module);
/* Is `forward` one of ours whose settings the class knows nothing of, so that they stand in the
 * instance's dict? */
bool py_forward_is_plain(PyObject *forward, PyTypeObject *type);
/* Arguments by keyword, and all the ways to get them wrong. */
PyObject *py_forward_bind(py_forward *f, PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames);

static inline PyObject *py_forward_call(py_forward *f, PyObject *self, PyObject *const *args,
                                        Py_ssize_t nargs, PyObject *kwnames)
{
    bool simple = !kwnames && nargs == PyTuple_GET_SIZE(f->inputs);
    PyObject *result =
        MT_LIKELY(simple) ? f->run(f, self, args) : py_forward_bind(f, self, args, nargs, kwnames);
    if (MT_UNLIKELY(!result) && py_nn_check(self)) py_nn_explain(self, true, false);
    return result;
}

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
    X(_non_persistent_buffers_set)                                                                 \
    X(_call_impl) X(_assign) X(inplace) X(parameters) X(named_parameters) X(named_modules)
#define X(name) extern PyObject *py_str_##name;
PY_NN_NAMES(X)
#undef X

#endif
