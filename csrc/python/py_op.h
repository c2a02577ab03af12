/* The Operator object: what its two files share. Read next: py_op.c. */
#ifndef MT_PYTHON_PY_OP_H
#define MT_PYTHON_PY_OP_H

#include "python/py_bind.h"

#define PY_FAST_ARGS 4 /* calls with fewer arguments than that may have a fast path */

/* One Python name: minitorch.max, or Tensor.max. Never dies: the module's dictionaries and slots
 * borrow it. */
typedef struct py_op {
    PyObject_HEAD;
    vectorcallfunc call;
    uint32_t form;     /* PY_METHOD | PY_INPLACE | PY_NN */
    uint8_t old_order; /* of arguments: py_old_order.c; 0: there is none */
    int n;             /* overloads, tried in order */
    py_schema **schema;
    py_schema *fast[PY_FAST_ARGS]; /* by number of arguments: the overload that takes just that many
                                      tensors; NULL: none */
    PyObject *name;                /* "max" */
    PyObject *module;              /* what __module__ says */
} py_op;

extern PyTypeObject py_op_type;        /* functions */
extern PyTypeObject py_op_method_type; /* methods: binds like a Python function */

/* A new object without overloads; name is borrowed. */
py_op *py_op_new(const char *name, const char *module, uint32_t form);
int py_op_add(py_op *op, py_schema *s); /* takes s over; -1 */
/* The named tuple of those fields, "max": made once per name. Borrowed. */
PyTypeObject *py_op_result_type(const char *name, PyObject *fields);

/* py_call_note.c: py_raise with a note that names the operator and what it was given. NULL */
PyObject *py_raise_call(const py_schema *s, const mt_call *c);

/* py_old_order.c: add(x, 2, y) for add(x, y, alpha=2). */
int py_old_order_of(const char *name); /* a py_op's old_order */
/* Calls op with the arguments in today's order. taken: they were in the old one. */
PyObject *py_old_order_call(py_op *op, const py_args *a, bool *taken);

/* py_op_doc.c: what help() and inspect show. */
extern PyGetSetDef py_op_getset[];
extern PyMethodDef py_op_methods[];
PyObject *py_op_repr(PyObject *self);

#endif
