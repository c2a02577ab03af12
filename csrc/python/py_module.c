/* The module minitorch._C: starts the core, then lets every part add its types and functions.
 *
 * Types are static and the core has one default generator and one kernel table, so there is one
 * module per process: a second import gets the first one again, subinterpreters are refused. Read
 * next: py_op.c. */
#include "python/py.h"

#include "minitorch.h"

#include <stdlib.h>
#include <time.h>

/* Nanoseconds for which a long call keeps the interpreter from other threads. More than twice the
 * interpreter's own switch interval (5 ms): a thread that waits asks for the lock only when it has
 * seen no release for an interval, and only then is it sure to get it at the next one. */
#define HOLD_FOR 12000000

static PyObject *the_module; /* counted; set once the first import has succeeded */

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The core asks between two pieces of work whether to go on. Ctrl-C's handler runs here, in the
 * main thread; other threads get their turn. */
static int interrupted(void)
{
    static MT_TLS int64_t last;
    int64_t time = now();
    PyGILState_STATE state = PyGILState_Ensure();
    if (time - last > HOLD_FOR) {
        last = time;
        Py_BEGIN_ALLOW_THREADS Py_END_ALLOW_THREADS
    }
    int stop = PyErr_CheckSignals() < 0;
    if (stop) py_fail_host();
    PyGILState_Release(state);
    return stop;
}

/* In the order of PY_PARTS. */
static const struct {
    const char *name;
    int (*init)(PyObject *module);
} parts[] = {
#define PY_PART(part) {#part, py_init_##part},
    PY_PARTS(PY_PART)
#undef PY_PART
};

/* ---- threads --------------------------------------------------------------------------------- */

static PyObject *get_num_threads(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromLong(mt_get_num_threads());
}

static PyObject *set_num_threads(PyObject *module, PyObject *o)
{
    (void)module;
    if (!PyLong_Check(o) || PyBool_Check(o))
        return PyErr_Format(PyExc_RuntimeError, "set_num_threads expects an int, but got %s",
                            Py_TYPE(o)->tp_name);
    int overflow;
    long n = PyLong_AsLongAndOverflow(o, &overflow);
    if (overflow || n > INT_MAX) {
        PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long");
        return NULL;
    }
    if (n <= 0) {
        PyErr_SetString(PyExc_RuntimeError, "expected positive integer");
        return NULL;
    }
    mt_set_num_threads((int)n);
    Py_RETURN_NONE;
}

/* The kernels in use: "baseline", "avx2", "avx512", "neon". */
static PyObject *cpu_capability(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyUnicode_FromString(mt_k->name);
}

static PyMethodDef functions[] = {
    {"get_num_threads", get_num_threads, METH_NOARGS,
     "get_num_threads()\n--\n\nHow many threads large operations are shared among."
     "\n\n>>> minitorch.get_num_threads() >= 1\nTrue"},
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(n, /)\n--\n\nShares large operations among n threads from now on.\n\nRaises "
     "RuntimeError unless n is positive."
     "\n\n>>> minitorch.set_num_threads(minitorch.get_num_threads())"},
    {"_cpu_capability", cpu_capability, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---- starting -------------------------------------------------------------------------------- */

/* MINITORCH_CPU names no instruction set of this processor: the best one is in use instead. */
static int check_cpu_choice(void)
{
    const char *wanted = getenv("MINITORCH_CPU");
    if (!wanted || !*wanted || mt_kernels_named(wanted)) return 0;
    return PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                            "MINITORCH_CPU=%.40s is unknown here or this processor lacks it; "
                            "minitorch uses %s",
                            wanted, mt_k->name);
}

static int module_exec(PyObject *module)
{
    if (module == the_module) return 0;
    if (the_module) {
        PyErr_SetString(PyExc_ImportError, "minitorch._C can be loaded once in a process");
        return -1;
    }
    if (mt_init() < 0) return py_raise_int();
    mt_interrupted = interrupted;
    if (check_cpu_choice() < 0) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].init(module) < 0) return -1;
    the_module = Py_NewRef(module);
    return 0;
}

/* Gives the one module there is, else NULL without an exception: the import system then makes a new
 * one. */
static PyObject *module_create(PyObject *spec, PyModuleDef *def)
{
    (void)def;
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "minitorch does not support subinterpreters");
        return NULL;
    }
    if (the_module) return Py_NewRef(the_module);
    PyObject *name = PyObject_GetAttrString(spec, "name");
    PyObject *module = name ? PyModule_NewObject(name) : NULL;
    Py_XDECREF(name);
    return module;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_create, module_create},
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "minitorch._C",
    .m_doc = "The C core of minitorch: tensors, operators, autograd, modules' call paths, "
             "optimizer steps.",
    .m_size = 0,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__C(void); /* the only name this library exports */

PyMODINIT_FUNC PyInit__C(void) { return PyModuleDef_Init(&module_def); }
