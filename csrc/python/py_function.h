/* Functions whose rule is written in Python: what py_function.c offers to the rest of the binding. */
#ifndef MT_PYTHON_PY_FUNCTION_H
#define MT_PYTHON_PY_FUNCTION_H

#include "python/py.h"

/* The context of a Function's node, borrowed; NULL if n is the node of an operator, or released. */
PyObject *py_function_context(const mt_node *n);
bool py_is_function(const mt_node *n);
/* Raises what asking for saved tensors of a released node raises; NULL. */
PyObject *py_function_released(void);

#endif
