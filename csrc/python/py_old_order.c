/* Arguments in the order of older programs, which PyTorch still takes: numbers in front.
 *
 *   p.data.add_(-lr, p.grad)      p.data.add_(p.grad, alpha=-lr)
 *   v.addcmul_(0.1, g, g)         v.addcmul_(g, g, value=0.1)
 *   c.addmm(2, 3, a, b)           c.addmm(a, b, beta=2, alpha=3)
 *
 * Relies on py_bind.h; read next: py_op.c. */
#include "python/py_op.h"

#include <string.h>

/* Which operators: how many tensors they take, the tensor itself included, and their numbers in order. */
static const struct {
    const char *name;
    int tensors;
    const char *number[2];
} orders[] = {
    {"add", 2, {"alpha", NULL}},      {"sub", 2, {"alpha", NULL}},
    {"addcmul", 3, {"value", NULL}},  {"addcdiv", 3, {"value", NULL}},
    {"addmm", 3, {"beta", "alpha"}},  {"addmv", 3, {"beta", "alpha"}},
    {"addr", 3, {"beta", "alpha"}},   {"baddbmm", 3, {"beta", "alpha"}},
    {"addbmm", 3, {"beta", "alpha"}},
};

int py_old_order_of(const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const size_t n = strlen(orders[i].name);
        if (!strncmp(name, orders[i].name, n) &&
            (length == n || (length == n + 1 && name[n] == '_')))
            return (int)i + 1;
    }
    return 0;
}

/* Says so once in a process, as PyTorch does. */
static int warn_once(const py_op *op, const char *number)
{
    static bool told;
    if (told) return 0;
    told = true;
    return PyErr_WarnFormat(PyExc_UserWarning, 1,
                            "This overload of %U is deprecated:\n\tnumbers before tensors\n"
                            "Consider using one of the following signatures instead:\n\t"
                            "%U(tensors, *, Number %s)",
                            op->name, op->name, number);
}

/* args: tensors first, then the numbers, then the values of the keywords that were there. */
static PyObject *call_again(py_op *op, const py_args *a, PyObject *const *args, int tensors,
                            const char *const *number, int numbers)
{
    const Py_ssize_t keywords = a->kwnames ? PyTuple_GET_SIZE(a->kwnames) : 0;
    PyObject *names = PyTuple_New(numbers + keywords);
    for (int i = 0; i < numbers && names; i++) {
        PyObject *name = PyUnicode_InternFromString(number[i]);
        if (name)
            PyTuple_SET_ITEM(names, i, name);
        else
            Py_CLEAR(names);
    }
    if (!names) return NULL;
    for (Py_ssize_t i = 0; i < keywords; i++)
        PyTuple_SET_ITEM(names, numbers + i, Py_NewRef(PyTuple_GET_ITEM(a->kwnames, i)));
    PyObject *result = op->call((PyObject *)op, args, (size_t)tensors, names);
    Py_DECREF(names);
    return result;
}

PyObject *py_old_order_call(py_op *op, const py_args *a, bool *taken)
{
    PyObject *args[16];
    const int tensors = orders[op->old_order - 1].tensors;
    const char *const *name = orders[op->old_order - 1].number, *number[2];
    const Py_ssize_t keywords = a->kwnames ? PyTuple_GET_SIZE(a->kwnames) : 0;
    int given = 0, numbers = 0;
    *taken = false;
    if (a->nargs <= tensors || a->nargs > tensors + (name[1] ? 2 : 1) || keywords > 8) return NULL;
    for (Py_ssize_t i = 0; i < a->nargs; i++) {
        if (py_tensor_check(a->args[i])) {
            if (given == tensors) return NULL;
            args[given++] = a->args[i];
        } else {
            if (numbers == 2 || !name[numbers] || i == a->nargs - 1) return NULL;
            number[numbers] = name[numbers];
            args[tensors + numbers++] = a->args[i];
        }
    }
    if (given != tensors) return NULL;
    for (Py_ssize_t i = 0; i < keywords; i++) args[tensors + numbers + i] = a->args[a->nargs + i];
    *taken = true;
    if (warn_once(op, number[0]) < 0) return NULL;
    return call_again(op, a, args, tensors, number, numbers);
}
