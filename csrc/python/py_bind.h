/* From a Python call to an mt_call: the argument binder, and the errors it gives. Read next:
 * py_bind.c. */
#ifndef MT_PYTHON_PY_BIND_H
#define MT_PYTHON_PY_BIND_H

#include "python/py_schema.h"

#define PY_INLINE_IN   8
#define PY_INLINE_INTS 32
#define PY_HEAP_BLOCKS 6

/* A bound call and the memory its arguments live in. Not cleared: py_bind fills what it uses.
 * Everything is borrowed from the Python arguments, or owned by the scope. */
typedef struct py_bound {
    mt_call call;
    mt_tensor *in[PY_INLINE_IN];
    mt_arg arg[PY_MAX_PARAMS];
    mt_tensor *out[MT_MAX_TARGETS], *target[MT_MAX_TARGETS];
    int64_t ints[PY_INLINE_INTS];
    int ints_used, blocks;
    void *block[PY_HEAP_BLOCKS]; /* longer lists: py_bound_clear gives them back */
    PyObject *out_object;        /* what out= was */
    bool requires_grad, inplace;
} py_bound;

/* The arguments of one call as the vectorcall protocol gives them. */
typedef struct py_args {
    PyObject *const *args; /* nargs by position, then the values of the keywords */
    Py_ssize_t nargs;
    PyObject *kwnames; /* NULL or a tuple */
} py_args;

/* 1: bound. 0: the arguments do not fit (if loud: with the TypeError that says why). -1: an
 * exception. In any case py_bound_clear is to be called. A scope must be open. */
int py_bind(const py_schema *s, const py_args *a, py_bound *b, bool loud);
static inline void py_bound_clear(py_bound *b)
{
    while (b->blocks > 0) PyMem_Free(b->block[--b->blocks]);
}

/* ---- errors: py_bind_error.c. All set TypeError with PyTorch's text and return 0. ------------ */
int py_bind_wrong_type(const py_schema *s, const py_param *p, Py_ssize_t position, PyObject *o);
int py_bind_missing(const py_schema *s, const py_args *a);
int py_bind_too_many(const py_schema *s, Py_ssize_t nargs);
int py_bind_bad_keyword(const py_schema *s, const py_args *a);
/* None of n overloads took the arguments: always NULL. */
PyObject *py_bind_no_overload(py_schema *const *s, int n, const py_args *a);
/* What errors call the type of o: "Tensor", "int", "numpy.ndarray". */
const char *py_type_name(PyObject *o);
/* The keyword argument of that parameter (borrowed), NULL if there is none. */
PyObject *py_bind_keyword(const py_param *p, const py_args *a);

/* py_scalar_from for an operator's number: an int beyond int64 is an OverflowError there. */
int py_bind_scalar(PyObject *o, mt_scalar *out);

#endif
