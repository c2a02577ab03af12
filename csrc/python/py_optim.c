/* Optimizers from Python: step() and zero_grad() as methods in C.
 *
 * What is rare goes to Python: hooks, gradients through the step (differentiable=True). Relies on
 * py_optim_group.c. Read next: minitorch/optim/optimizer.py. */
#include "python/py_optim.h"

#include "optim/optim.h"

/* clang-format off */
#define NAMES(X) \
    X(closure) X(defaults) X(differentiable) X(param_groups) X(set_to_none) X(_opt_called) \
    X(_step_in_python)
/* clang-format on */

#define DECLARE(n) static PyObject *s_##n;
NAMES(DECLARE)
#undef DECLARE

static int intern_names(void)
{
#define INTERN(n)                                                                                  \
    if (!s_##n && !(s_##n = PyUnicode_InternFromString(#n))) return -1;
    NAMES(INTERN)
#undef INTERN
    return py_optim_group_init();
}

/* Set for good once anybody registers a step hook or makes a scheduler: until then steps need not
 * look. */
static bool hooks_exist, schedulers_exist, differentiable_exist;
static PyObject *run_with_hooks; /* minitorch.optim.optimizer._run_with_hooks */

/* ---- step() ---------------------------------------------------------------------------------- */
/* The optimizer's groups as a list. New reference. */
static PyObject *groups_of(PyObject *self, PyObject *dict)
{
    static py_memo memos[PY_MEMO_SLOTS];
    PyObject *groups = py_optim_attribute(self, dict, memos, s_param_groups);
    PyObject *list = groups ? py_optim_list(groups, "param_groups must be a list") : NULL;
    Py_XDECREF(groups);
    return list;
}

static int step_groups(PyObject *self, PyObject *dict, py_optim_kind *k)
{
    PyObject *list = groups_of(self, dict);
    if (!list) return -1;
    int status = 0;
    mt_scope scope = mt_scope_open();
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *group = Py_NewRef(PyList_GET_ITEM(list, i));
        status = py_optim_step_group(self, dict, group, k);
        Py_DECREF(group);
    }
    mt_scope_close(scope);
    Py_DECREF(list);
    return status;
}

/* The closure runs with recording on, whatever it was outside. */
static PyObject *call_closure(PyObject *closure)
{
    bool before = mt_self.no_grad;
    mt_self.no_grad = false;
    PyObject *loss = PyObject_CallNoArgs(closure);
    mt_self.no_grad = before;
    return loss;
}

/* Gradients through the step were asked for: the same formulas in Python, over operators that
 * record. 1 done, 0 not asked for, -1 error. */
static int step_in_python(PyObject *self, PyObject *dict)
{
    static py_memo memos[PY_MEMO_SLOTS];
    PyObject *defaults = py_optim_attribute(self, dict, memos, s_defaults);
    if (!defaults) return -1;
    PyObject *asked =
        PyDict_Check(defaults) ? PyDict_GetItemWithError(defaults, s_differentiable) : NULL;
    int yes = asked ? PyObject_IsTrue(asked) : PyErr_Occurred() ? -1 : 0;
    Py_DECREF(defaults);
    if (yes <= 0) return yes;
    PyObject *done = PyObject_CallMethodNoArgs(self, s__step_in_python);
    Py_XDECREF(done);
    return done ? 1 : -1;
}

/* One step without hooks. */
static PyObject *step_now(PyObject *self, PyObject *closure, py_optim_kind *k)
{
    PyObject *loss = closure == Py_None ? Py_NewRef(Py_None) : call_closure(closure);
    if (!loss) return NULL;
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (!dict) PyErr_Clear();
    int done = MT_UNLIKELY(differentiable_exist) ? step_in_python(self, dict) : 0;
    if (done == 0) done = step_groups(self, dict, k);
    if (done >= 0 && MT_UNLIKELY(schedulers_exist))
        done = PyObject_SetAttr(self, s__opt_called, Py_True);
    Py_XDECREF(dict);
    if (done < 0) Py_CLEAR(loss);
    return loss;
}

/* Takes the closure out of a call's arguments (borrowed); NULL with TypeError. */
static PyObject *closure_of(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (nargs + named > 1) {
        PyErr_Format(PyExc_TypeError,
                     "step() takes from 1 to 2 positional arguments but %zd were given",
                     nargs + named + 1);
        return NULL;
    }
    if (nargs) return args[0];
    if (!named) return Py_None;
    int same = PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, 0), s_closure);
    if (same == 0) return args[0];
    PyErr_Format(PyExc_TypeError, "step() got an unexpected keyword argument '%U'",
                 PyTuple_GET_ITEM(kwnames, 0));
    return NULL;
}

/* Calls minitorch.optim.optimizer._run_with_hooks(self, step without hooks, args, kwargs). */
static PyObject *hooked_step(PyObject *self, PyMethodDef *bare, PyObject *const *args,
                             Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *result = NULL, *kwargs = PyDict_New(), *positional = PyTuple_New(nargs + 1);
    PyObject *fn = PyCFunction_New(bare, NULL);
    if (!kwargs || !positional || !fn) goto done;
    PyTuple_SET_ITEM(positional, 0, Py_NewRef(self));
    for (Py_ssize_t i = 0; i < nargs; i++) PyTuple_SET_ITEM(positional, i + 1, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++)
        if (PyDict_SetItem(kwargs, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0) goto done;
    result = PyObject_CallFunctionObjArgs(run_with_hooks, self, fn, positional, kwargs, NULL);
done:
    Py_XDECREF(kwargs);
    Py_XDECREF(positional);
    Py_XDECREF(fn);
    return result;
}

/* STEP(name): the method, and the function the hooks are run around, which takes the optimizer
 * first. */
#define STEP(name)                                                                                 \
    static PyObject *name##_bare(PyObject *module, PyObject *const *args, Py_ssize_t nargs,        \
                                 PyObject *kwnames)                                                \
    {                                                                                              \
        (void)module;                                                                              \
        if (nargs < 1) {                                                                           \
            PyErr_SetString(PyExc_TypeError,                                                       \
                            "step() missing 1 required positional argument: 'self'");              \
            return NULL;                                                                           \
        }                                                                                          \
        PyObject *closure = closure_of(args + 1, nargs - 1, kwnames);                              \
        return closure ? step_now(args[0], closure, &py_optim_##name) : NULL;                      \
    }                                                                                              \
    static PyMethodDef name##_bare_def = {"step", (PyCFunction)(void (*)(void))name##_bare,        \
                                          METH_FASTCALL | METH_KEYWORDS, NULL};                    \
    static PyObject *name##_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs,          \
                                 PyObject *kwnames)                                                \
    {                                                                                              \
        if (MT_UNLIKELY(hooks_exist))                                                              \
            return hooked_step(self, &name##_bare_def, args, nargs, kwnames);                      \
        PyObject *closure = closure_of(args, nargs, kwnames);                                      \
        return closure ? step_now(self, closure, &py_optim_##name) : NULL;                         \
    }

STEP(sgd)
STEP(adam)
STEP(rmsprop)

/* ---- zero_grad() ----------------------------------------------------------------------------- */
/* Fills a gradient with zeros; one that has a history is cut off from it first. */
static int zero_gradient(mt_tensor *grad)
{
    if (!grad->node && !mt_requires_grad(grad)) {
        if (mt_fill_raw(grad, mt_scalar_int(0)) < 0) return py_raise_int();
        mt_bump_version(grad, NULL);
        return 0;
    }
    PyObject *g = py_wrap(grad), *done = NULL;
    if (g)
        done = grad->node ? PyObject_CallMethod(g, "detach_", NULL)
                          : PyObject_CallMethod(g, "requires_grad_", "O", Py_False);
    Py_XDECREF(done);
    if (done) done = PyObject_CallMethod(g, "zero_", NULL);
    int status = done ? 0 : -1;
    if (status == 0) Py_DECREF(done);
    Py_XDECREF(g);
    return status;
}

static int zero_group(PyObject *group, bool set_to_none)
{
    if (!PyDict_Check(group)) {
        PyErr_SetString(PyExc_TypeError, "param_group must be a dict");
        return -1;
    }
    PyObject *params = py_optim_params(group);
    if (!params) return -1;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(params); i++) {
        mt_tensor *t = py_optim_tensor(PyList_GET_ITEM(params, i));
        if (MT_UNLIKELY(!t))
            status = -1;
        else if (MT_LIKELY(set_to_none))
            mt_drop_grad(t);
        else if (t->grad)
            status = zero_gradient(t->grad);
    }
    Py_DECREF(params);
    return status;
}

static int zero_groups(PyObject *self, bool set_to_none)
{
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (!dict) PyErr_Clear();
    PyObject *list = groups_of(self, dict);
    Py_XDECREF(dict);
    if (!list) return -1;
    int status = 0;
    mt_scope scope = mt_scope_open();
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *group = Py_NewRef(PyList_GET_ITEM(list, i));
        status = zero_group(group, set_to_none);
        Py_DECREF(group);
    }
    mt_scope_close(scope);
    Py_DECREF(list);
    return status;
}

static PyObject *zero_grad(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    int set_to_none = 1;
    if (MT_UNLIKELY(nargs + named > 0)) {
        if (nargs + named > 1)
            return PyErr_Format(
                PyExc_TypeError,
                "Optimizer.zero_grad() takes from 1 to 2 positional arguments but %zd were given",
                nargs + named + 1);
        if (named && PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, 0), s_set_to_none) != 0)
            return PyErr_Format(PyExc_TypeError,
                                "Optimizer.zero_grad() got an unexpected keyword argument '%U'",
                                PyTuple_GET_ITEM(kwnames, 0));
        if ((set_to_none = PyObject_IsTrue(args[0])) < 0) return NULL;
    }
    if (zero_groups(self, set_to_none) < 0) return NULL;
    Py_RETURN_NONE;
}

/* ---- registration ---------------------------------------------------------------------------- */
static PyObject *watch_hooks(PyObject *module, PyObject *run)
{
    (void)module;
    Py_XSETREF(run_with_hooks, Py_NewRef(run));
    hooks_exist = true;
    Py_RETURN_NONE;
}

static PyObject *watch_schedulers(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    schedulers_exist = true;
    Py_RETURN_NONE;
}

static PyObject *watch_differentiable(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    differentiable_exist = true;
    Py_RETURN_NONE;
}

#define STEP_DOC(text)                                                                             \
    "step($self, /, closure=None)\n--\n\n" text                                                    \
    "\n\nclosure: a function that evaluates the model anew and returns the loss, which step() "    \
    "then\n"                                                                                       \
    "returns as well. The gradients are read from the parameters' .grad; parameters without one\n" \
    "stay as they are."

static PyMethodDef methods[] = {
    {"step", (PyCFunction)(void (*)(void))sgd_step, METH_FASTCALL | METH_KEYWORDS,
     STEP_DOC("Performs one step of gradient descent.")},
    {"step", (PyCFunction)(void (*)(void))adam_step, METH_FASTCALL | METH_KEYWORDS,
     STEP_DOC("Performs one step of Adam.")},
    {"step", (PyCFunction)(void (*)(void))rmsprop_step, METH_FASTCALL | METH_KEYWORDS,
     STEP_DOC("Performs one step of RMSprop.")},
    {"zero_grad", (PyCFunction)(void (*)(void))zero_grad, METH_FASTCALL | METH_KEYWORDS,
     "zero_grad($self, /, set_to_none=True)\n--\n\n"
     "Resets the gradients of all parameters: to None, or, with set_to_none=False, to zeros."},
};
static const char *const method_names[] = {"_sgd_step", "_adam_step", "_rmsprop_step",
                                           "_zero_grad"};

/* The interpreter calls a method in C without detours where it belongs to the very class of the
 * object: a decorator that gives the class methods of its own. */
static PyObject *own_methods(PyObject *module, PyObject *class)
{
    (void)module;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        PyObject *found = PyObject_GetAttrString(class, methods[i].ml_name);
        if (!found) return NULL;
        bool same = Py_IS_TYPE(found, &PyMethodDescr_Type) &&
                    ((PyMethodDescrObject *)found)->d_method == &methods[i];
        Py_DECREF(found);
        if (!same) continue;
        PyObject *own = PyDescr_NewMethod((PyTypeObject *)class, &methods[i]);
        int status = own ? PyObject_SetAttrString(class, methods[i].ml_name, own) : -1;
        Py_XDECREF(own);
        if (status < 0) return NULL;
    }
    return Py_NewRef(class);
}

static PyMethodDef functions[] = {
    {"_own_methods", own_methods, METH_O,
     "_own_methods(cls, /)\n--\n\nDecorates an optimizer's class: its methods in C become its "
     "own."},
    {"_watch_step_hooks", watch_hooks, METH_O,
     "_watch_step_hooks(run, /)\n--\n\nFrom now on steps go through run(optimizer, step, args, "
     "kwargs)."},
    {"_watch_schedulers", watch_schedulers, METH_NOARGS,
     "_watch_schedulers()\n--\n\nFrom now on steps set the optimizer's _opt_called."},
    {"_watch_differentiable", watch_differentiable, METH_NOARGS,
     "_watch_differentiable()\n--\n\nFrom now on steps look for differentiable=True."},
    {NULL, NULL, 0, NULL},
};

int py_init_optim(PyObject *module)
{
    if (intern_names() < 0 || PyModule_AddFunctions(module, functions) < 0) return -1;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        PyObject *method = PyDescr_NewMethod(&PyBaseObject_Type, &methods[i]);
        if (!method) return -1;
        int status = PyModule_AddObjectRef(module, method_names[i], method);
        Py_DECREF(method);
        if (status < 0) return -1;
    }
    return 0;
}
