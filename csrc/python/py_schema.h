/* Schemas: the one line that says how an operator is called, read once at import.
 *
 *   name.overload(Tensor self, Number other, *, Scalar alpha=1, int[1]? dim=None) -> (Tensor
 * values, Tensor indices)
 *
 * Types   Tensor, Number (a tensor, or a Python number that becomes one), Tensor[], Tensor?[],
 * Scalar, int, float, bool, str, int[], int[n] (one int stands for all n), float[], ScalarType,
 * Generator, MemoryFormat; a question mark behind means that None is allowed.
 * `*`     what follows goes by keyword only.
 * Names   are PyTorch's, but that `self` is called `input` in functions; NumPy's dim = axis,
 * keepdim = keepdims, input = x work as well.
 *
 * One record serves several Python objects that differ in their first line: function, method,
 * in-place form. Each gets a py_schema of its own. Read next: py_bind.c, then py_op.c. */
#ifndef MT_PYTHON_PY_SCHEMA_H
#define MT_PYTHON_PY_SCHEMA_H

#include "python/py.h"

#define PY_MAX_PARAMS 24 /* of one schema, the binding's own included */

/* Which Python object a schema is for: bits. */
#define PY_METHOD  1u /* the tensor comes first and has no name */
#define PY_INPLACE 2u /* writes into its first tensor and returns it */
#define PY_NN      4u /* nn.functional: takes inplace= where there is an in-place form */

typedef enum py_kind {
    PY_TENSOR,
    PY_NUMBER,
    PY_TENSORS,
    PY_SCALAR,
    PY_INT,
    PY_FLOAT,
    PY_BOOL,
    PY_STR,
    PY_INTS,
    PY_FLOATS,
    PY_DTYPE,
    PY_GENERATOR,
    PY_FORMAT,
    /* the binding's own, which no schema names */
    PY_OUT,           /* out= */
    PY_LAYOUT,        /* layout=, checked and dropped */
    PY_DEVICE,        /* device=, likewise */
    PY_PIN_MEMORY,    /* pin_memory=, likewise */
    PY_REQUIRES_GRAD, /* requires_grad= */
    PY_AS_INPLACE,    /* inplace= */
} py_kind;

typedef struct py_param {
    PyObject *name;  /* interned */
    PyObject *alias; /* NumPy's name for it, interned; NULL if none */
    py_kind kind;
    uint8_t length; /* of int[n]; 0: a list is wanted */
    bool optional;  /* None is allowed */
    bool has_default;
    bool keyword_only;
    int8_t slot;  /* which of in[] (lists counted once) or arg[] it fills; -1: the binding's own */
    mt_arg value; /* the default of an arg */
    const char *default_text; /* as written in the schema, default_length bytes of it */
    uint8_t default_length;
} py_param;

typedef struct py_schema {
    const mt_op *op;
    uint32_t form;
    int n, positional;   /* parameters; how many of them may go by position */
    int required;        /* how many have no default */
    int tensors;         /* slots in in[], lists counted once */
    int narg, nout;      /* nout -1: a list */
    bool has_list;       /* some Tensor[] */
    bool varargs;        /* the one positional parameter takes int, int, ... */
    bool keeps_gil;      /* draws random numbers */
    bool inplace;        /* writes into its first tensor and returns it */
    bool hidden;         /* another overload takes all that this one takes: errors do not list it */
    uint8_t fast_min;    /* this many positional tensors, up to fast_max, make a complete call: */
    uint8_t fast_max;    /* Note [Fast path] in py_op.c; 0: never */
    bool fast_number[4]; /* which of them may be a number */
    mt_arg *defaults;    /* narg of them */
    mt_call fast_call;   /* what such a call looks like before its tensors are known */
    PyObject *results;   /* names of a named tuple's fields, NULL if there are none */
    PyTypeObject *result_type; /* the named tuple; NULL: a plain one */
    py_param param[PY_MAX_PARAMS];
} py_schema;

/* Reads the schema of op. NULL with SystemError that quotes the place it does not understand. */
py_schema *py_schema_parse(const mt_op *op, uint32_t form);
void py_schema_free(py_schema *s);
/* Does b take every call that a takes? add(x, y) and add(x, y, *, alpha=1) */
bool py_schema_covers(const py_schema *b, const py_schema *a);
/* "max" of "max.dim(...)": into buffer of 64 bytes, with `_` behind for the in-place form. */
const char *py_schema_name(const mt_op *op, uint32_t form, char *buffer);

/* An argument as Python has it; None for what no reader asks for (generators, formats). */
PyObject *py_argument_object(const py_param *p, const mt_arg *a);

/* How errors name a type: "Tensor", "tuple of ints", "torch.dtype". */
const char *py_kind_name(const py_param *p);
/* New references to texts.
 * options    "(Tensor input, int dim, bool keepdim = False)", as PyTorch's errors list overloads
 * signature  "(input, dim, keepdim=False)", for inspect
 * stub       "(input: Tensor, dim: int, keepdim: bool = False) -> Tensor", for _C.pyi */
PyObject *py_schema_options(const py_schema *s);
PyObject *py_schema_signature(const py_schema *s);
PyObject *py_schema_stub(const py_schema *s);

#endif
