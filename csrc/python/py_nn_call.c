/* Calling modules: m(x) without a Python frame of our own.
 *
 * m(x) tests one set of flags, finds `forward` on the type (once per version of the type), and
 * calls it with the module in front: directly when it is one of the forwards of py_nn_forward.c, by
 * vectorcall when it is a Python function. Hooks and the like go by Module._call_impl, in Python.
 *
 * When a call fails, the exception on its way out gets a PEP 678 note that names the layer, as in
 * "in Sequential[2].linear: Linear(in_features=30, out_features=64, bias=True)". The good path pays
 * nothing for it. */
#include "python/py_nn.h"

#define MAX_ARGUMENTS 16

static int global_hooks; /* hooks for all modules exist */

/* ==== the note ================================================================================ */

/* Where the exception on its way out came from: the module that passed it on last, and the path
 * from there. Addresses are only compared. */
static struct {
    PyObject *exception, *module;
    PyObject *path; /* "[2].linear: Linear(...)", owned */
} trail;

/* "Linear(in_features=3, ...)", or only the name where that would not fit a line. */
static PyObject *describe(PyObject *module)
{
    PyObject *text = PyObject_Repr(module);
    if (text && PyUnicode_GET_LENGTH(text) <= 160 &&
        PyUnicode_FindChar(text, '\n', 0, PY_SSIZE_T_MAX, 1) < 0) {
        return text;
    }
    PyErr_Clear();
    Py_XDECREF(text);
    const char *name = strrchr(Py_TYPE(module)->tp_name, '.');
    return PyUnicode_FromString(name ? name + 1 : Py_TYPE(module)->tp_name);
}

/* Under which name `child` stands in m, as it is written after m: "[2]" or ".linear". NULL if it
 * does not. */
static PyObject *step_to(py_nn *m, PyObject *child)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (m->registry[PY_NN_MODULES] &&
           PyDict_Next((PyObject *)m->registry[PY_NN_MODULES], &at, &key, &value)) {
        if (value != child || !PyUnicode_Check(key) || !PyUnicode_GET_LENGTH(key)) continue;
        bool number = Py_UNICODE_ISDIGIT(PyUnicode_READ_CHAR(key, 0));
        return PyUnicode_FromFormat(number ? "[%U]" : ".%U", key);
    }
    return NULL;
}

static void trail_set(PyObject *exception, PyObject *module, PyObject *path)
{
    trail.exception = exception;
    trail.module = module;
    Py_XSETREF(trail.path, path);
}

/* Puts the note in: the last one if it is the one of the shorter path, else a new one. */
static void write_note(PyObject *exception, PyObject *note, bool replace)
{
    PyObject *notes = replace ? PyObject_GetAttrString(exception, "__notes__") : NULL;
    if (notes && PyList_Check(notes) && PyList_GET_SIZE(notes) > 0) {
        PyList_SetItem(notes, PyList_GET_SIZE(notes) - 1, Py_NewRef(note));
    } else {
        PyErr_Clear();
        py_add_note(exception, note);
    }
    Py_XDECREF(notes);
    PyErr_Clear();
}

/* An exception leaves m. If it came from a child of m, m is put before the path; else m, if it has
 * no Python frame that would say so (`leaf`), begins one. */
static void explain_exception(py_nn *m, PyObject *exception, bool leaf)
{
    bool known = trail.exception == exception && trail.path;
    if (known && trail.module == (PyObject *)m) return;
    PyObject *step = known ? step_to(m, trail.module) : NULL;
    if (!step && !leaf) return;
    bool noted = step && PyUnicode_READ_CHAR(trail.path, 0) != '?';
    PyObject *description = step ? NULL : describe((PyObject *)m), *path = NULL, *note = NULL;
    if (step) {
        const char *name = strrchr(Py_TYPE(m)->tp_name, '.');
        PyObject *rest =
            noted ? Py_NewRef(trail.path) : PyUnicode_Substring(trail.path, 1, PY_SSIZE_T_MAX);
        path = rest ? PyUnicode_FromFormat("%U%U", step, rest) : NULL;
        note = path ? PyUnicode_FromFormat("in %s%U", name ? name + 1 : Py_TYPE(m)->tp_name, path)
                    : NULL;
        Py_XDECREF(rest);
    } else if (description) {
        path = PyUnicode_FromFormat(": %U", description);
        note = PyUnicode_FromFormat("in %U", description);
    }
    if (note && path) {
        write_note(exception, note, noted);
        trail_set(exception, (PyObject *)m, Py_NewRef(path));
    }
    Py_XDECREF(step);
    Py_XDECREF(description);
    Py_XDECREF(path);
    Py_XDECREF(note);
    PyErr_Clear();
}

/* begin: m is a container's child without a note of its own; it begins the path silently ('?'). */
void py_nn_explain(PyObject *m, bool leaf, bool begin)
{
    PyObject *type, *value, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_RecursionError) ||
        PyErr_ExceptionMatches(PyExc_MemoryError))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (value && begin) {
        PyObject *text = trail.exception == value && trail.module == m ? NULL : describe(m);
        if (text) trail_set(value, m, PyUnicode_FromFormat("?: %U", text));
        Py_XDECREF(text);
        PyErr_Clear();
    } else if (value) {
        explain_exception((py_nn *)m, value, leaf);
    }
    PyErr_Restore(type, value, traceback);
}

/* ==== calling a module ======================================================================== */

/* Finds forward anew: at the first call and after a change of the class. */
static void look_up(py_nn *m)
{
    if (!m->registry[PY_NN_MODULES] && py_nn_ready(m) < 0) PyErr_Clear();
    m->forward = _PyType_Lookup(Py_TYPE(m), py_str_forward);
    m->settings_plain = py_forward_is_plain(m->forward, Py_TYPE(m));
    m->settings_seen = 0;
    m->version = Py_TYPE(m)->tp_version_tag; /* 0: the type has none, so we look again next time */
}

static PyObject *call_attribute(PyObject *self, PyObject *name, PyObject *const *args,
                                size_t nargsf, PyObject *kwnames)
{
    PyObject *function = PyObject_GetAttr(self, name);
    if (!function) return NULL;
    PyObject *result = PyObject_Vectorcall(function, args, nargsf, kwnames);
    Py_DECREF(function);
    return result;
}

/* Any callable; functions written in Python are met most and called straight. */
static inline PyObject *call_any(PyObject *function, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames)
{
    return MT_LIKELY(PyFunction_Check(function))
               ? ((PyFunctionObject *)function)->vectorcall(function, args, (size_t)nargs, kwnames)
               : PyObject_Vectorcall(function, args, (size_t)nargs, kwnames);
}

/* A Python function with the module put in front; the caller lends args[-1] for it if it can. */
static PyObject *call_function(PyObject *function, PyObject *self, PyObject *const *args,
                               size_t nargsf, PyObject *kwnames)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf),
               all = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
        PyObject **front = (PyObject **)args - 1, *saved = *front;
        *front = self;
        PyObject *result = call_any(function, front, nargs + 1, kwnames);
        *front = saved;
        return result;
    }
    PyObject *few[MAX_ARGUMENTS], **stack = few;
    if (all >= MAX_ARGUMENTS && !(stack = PyMem_Malloc(((size_t)all + 1) * sizeof *stack)))
        return PyErr_NoMemory();
    stack[0] = self;
    for (Py_ssize_t i = 0; i < all; i++) stack[i + 1] = args[i];
    PyObject *result = call_any(function, stack, nargs + 1, kwnames);
    if (stack != few) PyMem_Free(stack);
    return result;
}

static __attribute__((noinline)) PyObject *call_module(py_nn *m, PyObject *const *args,
                                                       size_t nargsf, PyObject *kwnames)
{
    PyObject *self = (PyObject *)m, *forward = m->forward, *result;
    if (MT_UNLIKELY(m->flags | (unsigned)global_hooks)) {
        bool plain = m->flags == PY_NN_OWN_FORWARD && !global_hooks;
        result =
            call_attribute(self, plain ? py_str_forward : py_str__call_impl, args, nargsf, kwnames);
    } else if (MT_LIKELY(forward != NULL)) {
        Py_INCREF(forward);
        if (Py_TYPE(forward) == &py_forward_type)
            result = py_forward_call((py_forward *)forward, self, args, PyVectorcall_NARGS(nargsf),
                                     kwnames);
        else if (PyType_HasFeature(Py_TYPE(forward), Py_TPFLAGS_METHOD_DESCRIPTOR))
            result = call_function(forward, self, args, nargsf, kwnames);
        else
            result = call_attribute(self, py_str_forward, args, nargsf, kwnames);
        Py_DECREF(forward);
    } else {
        result = call_attribute(self, py_str_forward, args, nargsf, kwnames);
    }
    if (MT_UNLIKELY(!result)) py_nn_explain(self, false, false);
    return result;
}

PyObject *py_nn_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    py_nn *m = (py_nn *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (MT_UNLIKELY(m->version != type->tp_version_tag || m->version == 0)) {
        if (type->tp_call != py_nn_tp_call) { /* the class was given a __call__ after it was made */
            type->tp_flags &= ~Py_TPFLAGS_HAVE_VECTORCALL;
            return PyObject_Vectorcall(self, args, nargsf, kwnames);
        }
        look_up(m);
    }
    py_forward *f = (py_forward *)m->forward;
    if (MT_LIKELY(!m->flags && !global_hooks && f && Py_TYPE(f) == &py_forward_type && !kwnames) &&
        PyVectorcall_NARGS(nargsf) == PyTuple_GET_SIZE(f->inputs)) { /* nothing to sort out */
        Py_INCREF(f);
        PyObject *result = f->run(f, self, args);
        Py_DECREF(f);
        if (MT_LIKELY(result != NULL)) return result;
        py_nn_explain(self, true, false);
        py_nn_explain(self, false, false);
        return NULL;
    }
    return call_module(m, args, nargsf, kwnames);
}

/* Module.__call__ itself, which a subclass's __call__ reaches by super(). */
PyObject *py_nn_tp_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    py_nn *m = (py_nn *)self;
    if (m->version != Py_TYPE(self)->tp_version_tag || m->version == 0) look_up(m);
    Py_ssize_t nargs = PyTuple_GET_SIZE(args), nkw = kwargs ? PyDict_GET_SIZE(kwargs) : 0, at = 0;
    if (!nkw) return call_module(m, &PyTuple_GET_ITEM(args, 0), (size_t)nargs, NULL);
    PyObject *names = PyTuple_New(nkw), *key, *value, *result = NULL;
    PyObject **stack = PyMem_Malloc((size_t)(nargs + nkw + 1) * sizeof *stack);
    if (names && stack) {
        for (Py_ssize_t i = 0; i < nargs; i++) stack[i + 1] = PyTuple_GET_ITEM(args, i);
        for (Py_ssize_t k = 0; PyDict_Next(kwargs, &at, &key, &value); k++) {
            PyTuple_SET_ITEM(names, k, Py_NewRef(key));
            stack[nargs + k + 1] = value;
        }
        result = call_module(m, stack + 1, (size_t)nargs | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
    } else if (!stack) {
        PyErr_NoMemory();
    }
    PyMem_Free(stack);
    Py_XDECREF(names);
    return result;
}

static PyObject *nn_global_hooks(PyObject *Py_UNUSED(module), PyObject *on)
{
    int truth = PyObject_IsTrue(on);
    if (truth < 0) return NULL;
    global_hooks = truth;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_nn_global_hooks", nn_global_hooks, METH_O,
     "_nn_global_hooks(exist, /)\n--\n\nWhether hooks for all modules exist."},
    {NULL, NULL, 0, NULL},
};

int py_nn_call_init(PyObject *module)
{
    return py_nn_forward_init(module) < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
