/* Errors of the core as Python exceptions: one code, one type.
 *
 * The core keeps one pending error per thread (base/error.h). What calls into it and gets NULL or
 * -1 returns py_raise() or py_raise_int(). The other way round, a Python callback that fails inside
 * the core leaves its exception set and marks it with MT_HOST, so that it passes through the core
 * unchanged. Read next: py_op.c. */
#include "python/py.h"

PyObject *py_OutOfMemoryError;
static PyObject *linalg_error;

static PyObject *type_of(mt_code code)
{
    switch (code) {
    case MT_VALUE:
        return PyExc_ValueError;
    case MT_TYPE:
        return PyExc_TypeError;
    case MT_INDEX:
        return PyExc_IndexError;
    case MT_NOT_IMPLEMENTED:
        return PyExc_NotImplementedError;
    case MT_MEMORY:
        return py_OutOfMemoryError;
    case MT_OVERFLOW:
        return PyExc_OverflowError;
    case MT_LINALG_ERROR:
        return linalg_error;
    default:
        return PyExc_RuntimeError;
    }
}

PyObject *py_raise(void)
{
    mt_code code = mt_error_pending();
    if (code == MT_OK) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_SystemError, "minitorch failed without saying why");
        return NULL;
    }
    if (code != MT_HOST || !PyErr_Occurred()) PyErr_SetString(type_of(code), mt_error_message());
    mt_error_clear();
    return NULL;
}

int py_raise_int(void)
{
    py_raise();
    return -1;
}

int py_fail_host(void) { return mt_error(MT_HOST, "an exception of Python is pending"); }

/* ---- functions of one argument --------------------------------------------------------------- */

PyObject *py_only_argument(const char *function, const char *name, PyObject *const *args,
                           Py_ssize_t nargs, PyObject *kwnames)
{
    const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (nargs + keywords == 1 && !keywords) return args[0];
    if (keywords && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), name))
        PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function,
                     PyTuple_GET_ITEM(kwnames, 0));
    else if (nargs + keywords == 1)
        return args[0];
    else if (nargs + keywords == 0)
        PyErr_Format(PyExc_TypeError, "%s() missing 1 required positional argument: '%s'", function,
                     name);
    else
        PyErr_Format(PyExc_TypeError, "%s() takes 1 positional argument but %zd were given",
                     function, nargs + keywords);
    return NULL;
}

/* ---- exceptions and warnings ----------------------------------------------------------------- */

/* Big work runs without the lock: it goes unwarned. */
static int warn(const char *text)
{
    if (!PyGILState_Check()) return 0;
    return PyErr_WarnEx(PyExc_UserWarning, text, 1) < 0 ? py_fail_host() : 0;
}

/* RuntimeError, as PyTorch's type of that name is, and MemoryError, as Python's and NumPy's
 * programs expect. */
int py_init_error(PyObject *module)
{
    mt_warn_host = warn;
    linalg_error = PyErr_NewExceptionWithDoc(
        "minitorch.linalg._LinAlgError",
        "A matrix has no inverse, no decomposition or no solution: a RuntimeError.",
        PyExc_RuntimeError, NULL);
    if (!linalg_error || PyModule_AddObjectRef(module, "_LinAlgError", linalg_error) < 0) return -1;
    PyObject *bases = PyTuple_Pack(2, PyExc_RuntimeError, PyExc_MemoryError);
    if (!bases) return -1;
    py_OutOfMemoryError = PyErr_NewExceptionWithDoc(
        "minitorch.OutOfMemoryError", "There is not enough memory for a result.", bases, NULL);
    Py_DECREF(bases);
    return py_OutOfMemoryError
               ? PyModule_AddObjectRef(module, "OutOfMemoryError", py_OutOfMemoryError)
               : -1;
}
