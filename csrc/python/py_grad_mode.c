/* no_grad, enable_grad, set_grad_enabled, inference_mode: context managers and decorators that
 * switch recording.
 *
 * A mode is two flags of the thread (base/thread.h). `with no_grad():` makes one small object,
 * notes the flags, sets them, and puts them back. What the decorators wrap is policy and stands in
 * minitorch/autograd/grad_mode.py. Read next: py_autograd.c. */
#include "python/py.h"

typedef enum mode_kind { NO_GRAD, ENABLE_GRAD, SET_GRAD, INFERENCE } mode_kind;

typedef struct grad_mode {
    PyObject_HEAD;
    mode_kind kind;
    bool on;    /* the argument of set_grad_enabled and inference_mode */
    bool saved; /* the flags below hold what was there before */
    bool was_no_grad, was_inference;
} grad_mode;

static PyTypeObject mode_types[4];

static void set_flags(grad_mode *m)
{
    if (!m->saved) {
        m->was_no_grad = mt_self.no_grad;
        m->was_inference = mt_self.inference;
        m->saved = true;
    }
    switch (m->kind) {
    case NO_GRAD:
        mt_self.no_grad = true;
        break;
    case ENABLE_GRAD:
        mt_self.no_grad = mt_self.inference;
        break;
    case SET_GRAD:
        mt_self.no_grad = !m->on || mt_self.inference;
        break;
    case INFERENCE:
        mt_self.no_grad = mt_self.inference = m->on;
        break;
    }
}

static void restore_flags(grad_mode *m)
{
    if (!m->saved) return;
    mt_self.no_grad = m->was_no_grad;
    mt_self.inference = m->was_inference;
    m->saved = false;
}

static grad_mode *mode_new(mode_kind kind, bool on)
{
    grad_mode *m = PyObject_New(grad_mode, &mode_types[kind]);
    if (!m) return NULL;
    m->kind = kind;
    m->on = on;
    m->saved = false;
    return m;
}

static void mode_dealloc(PyObject *self) { PyObject_Free(self); }

/* ---- making ---------------------------------------------------------------------------------- */

/* minitorch.autograd.grad_mode._decorate(mode, function) */
static PyObject *decorate(PyObject *self, PyObject *function)
{
    static PyObject *decorator;
    if (!decorator) {
        PyObject *module = PyImport_ImportModule("minitorch.autograd.grad_mode");
        decorator = module ? PyObject_GetAttrString(module, "_decorate") : NULL;
        Py_XDECREF(module);
        if (!decorator) return NULL;
    }
    return PyObject_CallFunctionObjArgs(decorator, self, function, NULL);
}

/* The one argument a type takes, by position or keyword; NULL if there is none. -1: TypeError. */
static int one_argument(const char *name, const char *keyword, PyObject *const *args, size_t nargsf,
                        PyObject *kwnames, PyObject **out)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf), named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    *out = nargs + named ? args[0] : NULL;
    if (nargs + named > 1) {
        PyErr_Format(PyExc_TypeError,
                     "%s.__init__() takes from 1 to 2 positional arguments but %zd were given",
                     name, nargs + named + 1);
        return -1;
    }
    if (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), keyword) != 0) {
        PyErr_Format(PyExc_TypeError, "%s.__init__() got an unexpected keyword argument '%U'", name,
                     PyTuple_GET_ITEM(kwnames, 0));
        return -1;
    }
    return 0;
}

/* no_grad() and enable_grad(); no_grad(function) is a decorator without parentheses. */
static PyObject *new_plain(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    mode_kind kind = (PyTypeObject *)type == &mode_types[NO_GRAD] ? NO_GRAD : ENABLE_GRAD;
    PyObject *function = NULL;
    if (MT_UNLIKELY(PyVectorcall_NARGS(nargsf) || kwnames) &&
        one_argument(kind == NO_GRAD ? "no_grad" : "enable_grad", "orig_func", args, nargsf,
                     kwnames, &function) < 0)
        return NULL;
    PyObject *m = (PyObject *)mode_new(kind, false);
    if (!m || !function || function == Py_None) return m;
    PyObject *wrapped = decorate(m, function);
    Py_DECREF(m);
    return wrapped;
}

/* set_grad_enabled(mode) switches at once; it is a function and a context manager. */
static PyObject *new_set(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyObject *on;
    (void)type;
    if (one_argument("set_grad_enabled", "mode", args, nargsf, kwnames, &on) < 0) return NULL;
    if (!on) {
        PyErr_SetString(
            PyExc_TypeError,
            "set_grad_enabled.__init__() missing 1 required positional argument: 'mode'");
        return NULL;
    }
    if (!PyBool_Check(on))
        return PyErr_Format(
            PyExc_TypeError,
            "set_grad_enabled(): argument 'enabled' (position 1) must be bool, not %s",
            Py_TYPE(on)->tp_name);
    grad_mode *m = mode_new(SET_GRAD, on == Py_True);
    if (m) set_flags(m);
    return (PyObject *)m;
}

static PyObject *new_inference(PyObject *type, PyObject *const *args, size_t nargsf,
                               PyObject *kwnames)
{
    PyObject *on;
    (void)type;
    if (one_argument("inference_mode", "mode", args, nargsf, kwnames, &on) < 0) return NULL;
    bool is_flag = !on || PyBool_Check(on);
    PyObject *m = (PyObject *)mode_new(INFERENCE, !on || !is_flag || on == Py_True);
    if (!m || is_flag) return m;
    PyObject *wrapped = decorate(m, on);
    Py_DECREF(m);
    return wrapped;
}

/* ---- methods --------------------------------------------------------------------------------- */

static PyObject *mode_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    set_flags((grad_mode *)self);
    Py_RETURN_NONE;
}

static PyObject *mode_exit(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    (void)args, (void)nargs;
    restore_flags((grad_mode *)self);
    Py_RETURN_NONE;
}

static PyObject *mode_clone(PyObject *self, PyObject *unused)
{
    (void)unused;
    return (PyObject *)mode_new(((grad_mode *)self)->kind, ((grad_mode *)self)->on);
}

static PyObject *mode_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *function;
    static char *names[] = {"func", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &function)) return NULL;
    restore_flags(
        (grad_mode *)self); /* set_grad_enabled(False) as a decorator leaves the mode alone */
    return decorate(self, function);
}

static PyObject *mode_repr(PyObject *self)
{
    const grad_mode *m = (const grad_mode *)self;
    const char *name = strrchr(Py_TYPE(self)->tp_name, '.') + 1;
    if (m->kind < SET_GRAD)
        return PyUnicode_FromFormat("<minitorch.autograd.grad_mode.%s object at %p>", name, self);
    return PyUnicode_FromFormat("minitorch.autograd.grad_mode.%s(mode=%s)", name,
                                m->on ? "True" : "False");
}

static PyMethodDef mode_methods[] = {
    {"__enter__", mode_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))mode_exit, METH_FASTCALL, NULL},
    {"clone", mode_clone, METH_NOARGS,
     "clone($self, /)\n--\n\nAnother object that sets the same mode."},
    {NULL, NULL, 0, NULL},
};

#define MODE_TYPE(name, make, text)                                                                \
    {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.autograd.grad_mode." name,                \
     .tp_basicsize = sizeof(grad_mode),                                                            \
     .tp_flags = Py_TPFLAGS_DEFAULT,                                                               \
     .tp_doc = text,                                                                               \
     .tp_dealloc = mode_dealloc,                                                                   \
     .tp_vectorcall = make,                                                                        \
     .tp_call = mode_call,                                                                         \
     .tp_repr = mode_repr,                                                                         \
     .tp_methods = mode_methods}

static PyTypeObject mode_types[4] = {
    MODE_TYPE("no_grad", new_plain,
              "no_grad(orig_func=None)\n--\n\n"
              "Context manager and decorator: nothing is recorded for gradients.\n\n"
              ">>> x = minitorch.ones(2, requires_grad=True)\n"
              ">>> with minitorch.no_grad():\n"
              "...     y = x * 2\n"
              ">>> y.requires_grad\n"
              "False\n\n"
              "https://docs.pytorch.org/docs/2.13/generated/torch.no_grad.html"),
    MODE_TYPE("enable_grad", new_plain,
              "enable_grad(orig_func=None)\n--\n\n"
              "Context manager and decorator: recording is on, inside no_grad too.\n\n"
              ">>> x = minitorch.ones(2, requires_grad=True)\n"
              ">>> with minitorch.no_grad(), minitorch.enable_grad():\n"
              "...     y = x * 2\n"
              ">>> y.requires_grad\n"
              "True\n\n"
              "https://docs.pytorch.org/docs/2.13/generated/torch.enable_grad.html"),
    MODE_TYPE("set_grad_enabled", new_set,
              "set_grad_enabled(mode)\n--\n\n"
              "Switches recording on or off, at once, and as a context manager for a while.\n\n"
              ">>> with minitorch.set_grad_enabled(False):\n"
              "...     minitorch.is_grad_enabled()\n"
              "False\n\n"
              "https://docs.pytorch.org/docs/2.13/generated/torch.set_grad_enabled.html"),
    MODE_TYPE("inference_mode", new_inference,
              "inference_mode(mode=True)\n--\n\n"
              "Context manager and decorator: nothing is recorded, as with no_grad(). PyTorch\n"
              "also forbids what was made inside to take part in training later; here it may.\n\n"
              ">>> x = minitorch.ones(2, requires_grad=True)\n"
              ">>> with minitorch.inference_mode():\n"
              "...     y = x * 2\n"
              ">>> y.requires_grad\n"
              "False\n\n"
              "https://docs.pytorch.org/docs/2.13/generated/"
              "torch.autograd.grad_mode.inference_mode.html"),
};

static PyObject *is_grad_enabled(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(!mt_self.no_grad);
}

static PyObject *is_inference_mode_enabled(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyBool_FromLong(mt_self.inference);
}

static PyMethodDef functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS,
     "is_grad_enabled()\n--\n\nTrue if operations on tensors that require grad are recorded."
     "\n\n>>> with minitorch.no_grad():\n...     minitorch.is_grad_enabled()\nFalse"},
    {"is_inference_mode_enabled", is_inference_mode_enabled, METH_NOARGS,
     "is_inference_mode_enabled()\n--\n\nTrue inside inference_mode."
     "\n\n>>> minitorch.is_inference_mode_enabled()\nFalse"},
    {NULL, NULL, 0, NULL},
};

int py_init_grad_mode(PyObject *module)
{
    for (int i = 0; i < 4; i++)
        if (PyModule_AddType(module, &mode_types[i]) < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
