/* The module minitorch._C: starts the core, then lets every part add its types and functions.
 *
 * Types are static and the core has one default generator and one kernel table, so there is one module per process:
 * a second import gets the first one again, subinterpreters are refused. Read next: py_op.c. */
#include "python/py.h"

#include "minitorch.h"

#include <time.h>

/* How long the engine may keep the GIL while other threads wait, in nanoseconds: Python's own switch interval. */
#define HOLD_FOR 5000000

static PyObject *the_module; /* counted; set once the first import has succeeded */

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The core asks between two pieces of work whether to go on. Ctrl-C's handler runs here, in the main thread; other
 * threads get their turn. */
static int interrupted(void)
{
    static MT_TLS int64_t last;
    int64_t time = now();
    PyGILState_STATE state = PyGILState_Ensure();
    if (time - last > HOLD_FOR) {
        last = time;
        Py_BEGIN_ALLOW_THREADS
        Py_END_ALLOW_THREADS
    }
    int stop = PyErr_CheckSignals() < 0;
    if (stop) py_fail_host();
    PyGILState_Release(state);
    return stop;
}

/* One entry per file of this folder, in the order of PY_PARTS. */
#define PY_PART(part) int py_init_##part(PyObject *module) __attribute__((weak));
PY_PARTS(PY_PART)
#undef PY_PART

static const struct {
    const char *name;
    int (*init)(PyObject *module);
} parts[] = {
#define PY_PART(part) {#part, py_init_##part},
    PY_PARTS(PY_PART)
#undef PY_PART
};

static int module_exec(PyObject *module)
{
    if (module == the_module) return 0;
    if (the_module) {
        PyErr_SetString(PyExc_ImportError, "minitorch._C can be loaded once in a process");
        return -1;
    }
    if (mt_init() < 0) return py_raise_int();
    mt_interrupted = interrupted;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].init && parts[i].init(module) < 0) return -1;
    the_module = Py_NewRef(module);
    return 0;
}

/* Gives the one module there is, else NULL without an exception: the import system then makes a new one. */
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
    .m_doc = "The C core of minitorch: tensors, operators, autograd, modules' call paths, optimizer steps.",
    .m_size = 0,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__C(void); /* the only name this library exports */

PyMODINIT_FUNC PyInit__C(void) { return PyModuleDef_Init(&module_def); }
