/* Optimizers from Python: what py_optim_group.c (options, state, the steps themselves) offers to
 * py_optim.c (step() and zero_grad()). */
#ifndef MT_PYTHON_PY_OPTIM_H
#define MT_PYTHON_PY_OPTIM_H

#include "python/py_memo.h"

/* One kind of optimizer: how to read a group and how to step. */
typedef struct py_optim_kind py_optim_kind;
extern py_optim_kind py_optim_sgd, py_optim_adam, py_optim_rmsprop;

/* One step of one group of the optimizer `self`, whose instance dict is `dict` or NULL. Needs an
 * open scope. -1 with an exception. */
int py_optim_step_group(PyObject *self, PyObject *dict, PyObject *group, py_optim_kind *k);

/* group["params"] as a list. New reference. */
PyObject *py_optim_params(PyObject *group);
/* The tensor of a parameter, or NULL with TypeError. */
mt_tensor *py_optim_no_tensor(PyObject *o);
static inline mt_tensor *py_optim_tensor(PyObject *param)
{
    mt_tensor *t = MT_LIKELY(py_tensor_check(param)) ? py_core(param) : NULL;
    return MT_LIKELY(t != NULL) ? t : py_optim_no_tensor(param);
}
/* An attribute of the optimizer that normally lies in its dict; the PY_MEMO_SLOTS memos serve that
 * name alone. New reference. */
PyObject *py_optim_attribute(PyObject *self, PyObject *dict, py_memo *memos, PyObject *name);
/* o itself if it is a list, else a new list of its items, or TypeError with the complaint. New
 * reference. */
static inline PyObject *py_optim_list(PyObject *o, const char *complaint)
{
    if (MT_LIKELY(PyList_Check(o))) return Py_NewRef(o);
    PyObject *items = PySequence_Fast(o, complaint), *list = items ? PySequence_List(items) : NULL;
    Py_XDECREF(items);
    return list;
}

int py_optim_group_init(void);

#endif
