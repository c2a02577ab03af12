/* Python inside the graph: what py_function.c (rules written in Python) and py_node_hook.c (hooks on nodes) offer to
 * the rest of the binding. */
#ifndef MT_PYTHON_PY_FUNCTION_H
#define MT_PYTHON_PY_FUNCTION_H

#include "python/py.h"

/* The context of a Function's node, borrowed; NULL if n is the node of an operator, or released. */
PyObject *py_function_context(const mt_node *n);
bool py_is_function(const mt_node *n);
/* Raises what asking for saved tensors of a released node raises; NULL. */
PyObject *py_function_released(void);

bool py_node_check(PyObject *o); /* is it a Node object? */
/* A Node object's node, NULL for AccumulateGrad; o must be a Node (py_node.c). */
mt_node *py_node_of(PyObject *o);
/* The Python object of a node: new reference. */
PyObject *py_node_object(mt_node *n);
/* The value of an attribute such as "_saved_self"; NULL if n has none of that name, or with an exception. */
PyObject *py_node_saved(mt_node *n, PyObject *name);
/* Appends the names of such attributes. -1 with an exception. */
int py_node_list_saved(mt_node *n, PyObject *list);
/* Did a hook of saved_tensors_hooks pack what n keeps in place i (inputs first)? */
bool py_node_has_packed(const mt_node *n, int i);
/* 1: *t is that, unpacked and owned by the scope. 0: nothing is packed there. -1 with an exception. */
int py_node_packed(mt_node *n, int i, mt_tensor **t);
/* A walk back has failed: in anomaly mode warns where the node that failed was made, then raises. Always NULL. */
PyObject *py_raise_backward(void);

#endif
