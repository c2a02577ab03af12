/* Calling modules: m(x) without a Python frame of our own.
 *
 * m(x) tests one set of flags, finds `forward` on the type (once per version of the type), and
 * calls it with the module in front: directly when it is one of the forwards of this file, by
 * vectorcall when it is a Python function. Hooks and the like go by Module._call_impl, in Python.
 *
 * When a call fails, the exception on its way out gets a PEP 678 note that names the layer, as in
 * "in Sequential[2].linear: Linear(in_features=30, out_features=64, bias=True)". The good path pays
 * nothing for it. */
#include "python/py_nn.h"
#include "python/py_op.h"

#include <stddef.h>
#include <structmember.h>

#define MAX_ARGUMENTS 16

static int global_hooks; /* hooks for all modules exist */

/* ==== the note ============================================================================== */

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
        Py_XDECREF(PyObject_CallMethod(exception, "add_note", "O", note));
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
static __attribute__((noinline, cold)) void explain(PyObject *m, bool leaf, bool begin)
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

/* ==== forwards in C ========================================================================= */

static PyObject *wrong_arguments(py_forward *f, Py_ssize_t given, PyObject *unexpected,
                                 PyObject *twice, PyObject *missing)
{
    Py_ssize_t n = PyTuple_GET_SIZE(f->inputs);
    if (twice)
        return PyErr_Format(PyExc_TypeError, "%U() got multiple values for argument '%U'",
                            f->qualname, twice);
    if (unexpected)
        return PyErr_Format(PyExc_TypeError, "%U() got an unexpected keyword argument '%U'",
                            f->qualname, unexpected);
    if (missing)
        return PyErr_Format(PyExc_TypeError, "%U() missing 1 required positional argument: '%U'",
                            f->qualname, missing);
    return PyErr_Format(PyExc_TypeError, "%U() takes %zd positional arguments but %zd were given",
                        f->qualname, n + 1, given + 1);
}

/* Arguments by keyword, and all the ways to get them wrong. */
static PyObject *bind_and_run(py_forward *f, PyObject *self, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *bound[MAX_ARGUMENTS] = {NULL};
    Py_ssize_t n = PyTuple_GET_SIZE(f->inputs), nkw = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (nargs > n) return wrong_arguments(f, nargs, NULL, NULL, NULL);
    for (Py_ssize_t i = 0; i < nargs; i++) bound[i] = args[i];
    for (Py_ssize_t k = 0; k < nkw; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        Py_ssize_t i = 0;
        while (i < n && PyUnicode_Compare(name, PyTuple_GET_ITEM(f->inputs, i)) != 0) i++;
        if (i == n) return wrong_arguments(f, nargs, name, NULL, NULL);
        if (bound[i]) return wrong_arguments(f, nargs, NULL, name, NULL);
        bound[i] = args[nargs + k];
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!bound[i]) return wrong_arguments(f, nargs, NULL, NULL, PyTuple_GET_ITEM(f->inputs, i));
    }
    return f->run(f, self, bound);
}

static inline PyObject *run_forward(py_forward *f, PyObject *self, PyObject *const *args,
                                    Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *result;
    if (MT_LIKELY(!kwnames && nargs == PyTuple_GET_SIZE(f->inputs)))
        result = f->run(f, self, args);
    else
        result = bind_and_run(f, self, args, nargs, kwnames);
    if (MT_UNLIKELY(!result) && py_nn_check(self)) explain(self, true, false);
    return result;
}

/* The module's attribute that f->option names. New reference. */
static PyObject *option_of(py_forward *f, PyObject *self)
{
    py_nn *m = (py_nn *)self;
    if (!py_nn_check(self) || m->forward != (PyObject *)f || !m->plain_option ||
        m->version != Py_TYPE(self)->tp_version_tag)
        return PyObject_GetAttr(self, f->option);
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (!dict) return NULL;
    PyObject *value = Py_XNewRef(py_memo_get(&m->option, dict, f->option));
    Py_DECREF(dict);
    return value || PyErr_Occurred() ? value : PyObject_GetAttr(self, f->option);
}

/* Which of an activation's two functions: the module's attribute `inplace` says. Borrowed. */
static PyObject *choose_function(py_forward *f, PyObject *self)
{
    if (!f->inplace) return f->function;
    PyObject *inplace = option_of(f, self);
    int truth = inplace == Py_False ? 0 : inplace ? PyObject_IsTrue(inplace) : -1;
    Py_XDECREF(inplace);
    return truth < 0 ? NULL : truth ? f->inplace : f->function;
}

/* Keeps hold of the parameters weight and bias, if both are registered. */
static void cache_weights(py_nn *m)
{
    PyObject *parameters = (PyObject *)m->registry[PY_NN_PARAMETERS];
    PyObject *weight = parameters ? PyDict_GetItemWithError(parameters, py_str_weight) : NULL;
    PyObject *bias = weight ? PyDict_GetItemWithError(parameters, py_str_bias) : NULL;
    if (!bias) {
        PyErr_Clear();
        return;
    }
    Py_XSETREF(m->weight, Py_NewRef(weight));
    Py_XSETREF(m->bias, Py_NewRef(bias));
    m->cached = true;
}

/* Attribute number i for the call: a new reference. */
static PyObject *attribute(py_forward *f, PyObject *self, Py_ssize_t i)
{
    if (f->weighted && py_nn_check(self)) {
        py_nn *m = (py_nn *)self;
        if (MT_UNLIKELY(!m->cached)) cache_weights(m);
        if (MT_LIKELY(m->cached)) return Py_NewRef(i == 0 ? m->weight : m->bias);
    }
    return PyObject_GetAttr(self, PyTuple_GET_ITEM(f->attributes, i));
}

/* An operator of the input and nothing else. */
static PyObject *run_operator(py_forward *f, PyObject *self, PyObject *const *args)
{
    PyObject *function = choose_function(f, self);
    return MT_LIKELY(function != NULL) ? py_op_call(function, args, 1) : NULL;
}

static PyObject *run_function(py_forward *f, PyObject *self, PyObject *const *args);

/* An operator of the input, weight and bias. */
static PyObject *run_weighted(py_forward *f, PyObject *self, PyObject *const *args)
{
    py_nn *m = (py_nn *)self;
    if (MT_UNLIKELY(!py_nn_check(self))) return run_function(f, self, args);
    if (MT_UNLIKELY(!m->cached)) cache_weights(m);
    if (MT_UNLIKELY(!m->cached)) return run_function(f, self, args);
    PyObject *call[3] = {args[0], Py_NewRef(m->weight), Py_NewRef(m->bias)};
    PyObject *result = py_op_call(f->function, call, call[2] == Py_None ? 2 : 3);
    Py_DECREF(call[1]);
    Py_DECREF(call[2]);
    return result;
}

/* Any other forward: function(inputs..., attributes of the module...). */
static PyObject *run_function(py_forward *f, PyObject *self, PyObject *const *args)
{
    PyObject *stack[MAX_ARGUMENTS + 1];
    Py_ssize_t n = PyTuple_GET_SIZE(f->inputs), nattr = PyTuple_GET_SIZE(f->attributes), have = 0;
    Py_ssize_t nkw = f->keywords ? PyTuple_GET_SIZE(f->keywords) : 0;
    PyObject **call = stack + 1, *result = NULL, *function = choose_function(f, self);
    if (!function) return NULL;
    for (Py_ssize_t i = 0; i < n; i++) call[i] = args[i];
    for (; have < nattr; have++) {
        call[n + have] = attribute(f, self, have);
        if (!call[n + have]) break;
    }
    if (have == nattr && have && !nkw && call[n + have - 1] == Py_None)
        nattr = --have; /* not given: the fast path */
    if (have == nattr) {
        size_t nargsf = (size_t)(n + nattr - nkw) | PY_VECTORCALL_ARGUMENTS_OFFSET;
        result = PyObject_Vectorcall(function, call, nargsf, f->keywords);
    }
    while (have-- > 0) Py_DECREF(call[n + have]);
    return result;
}

/* Whether nothing has to be said about the shapes of a loss's two tensors. */
static inline bool same_shape(PyObject *a, PyObject *b)
{
    return py_tensor_check(a) && py_tensor_check(b) && mt_same_shape(py_core(a), py_core(b));
}

/* A loss of each element: the operator itself where shapes agree, else the function that warns. */
static PyObject *run_loss(py_forward *f, PyObject *self, PyObject *const *args)
{
    if (MT_UNLIKELY(!same_shape(args[0], args[1]))) return run_function(f, self, args);
    PyObject *reduction = option_of(f, self), *result;
    if (!reduction) return NULL;
    if (MT_LIKELY(reduction == py_str_mean))
        result = py_op_call(f->shortcut, args, 2);
    else
        result = run_function(f, self, args);
    Py_DECREF(reduction);
    return result;
}

static PyObject *run_identity(py_forward *Py_UNUSED(f), PyObject *Py_UNUSED(self),
                              PyObject *const *args)
{
    return Py_NewRef(args[0]);
}

/* child(args[0]), where args[-1] may be overwritten. */
static inline PyObject *call_child(PyObject *child, PyObject **args)
{
    const size_t nargsf = 1 | PY_VECTORCALL_ARGUMENTS_OFFSET;
    return MT_LIKELY(Py_TYPE(child)->tp_call == py_nn_tp_call)
               ? py_nn_vectorcall(child, args, nargsf, NULL)
               : PyObject_Vectorcall(child, args, nargsf, NULL);
}

/* The modules of a Sequential as a tuple. New reference. */
static PyObject *children_of(py_nn *m)
{
    if (MT_UNLIKELY(!m->children)) {
        PyObject *list = PyDict_Values((PyObject *)m->registry[PY_NN_MODULES]);
        if (!list) return NULL;
        m->children = PyList_AsTuple(list);
        Py_DECREF(list);
    }
    return Py_XNewRef(m->children);
}

/* The modules changed while they were being called: the rest of them are the new ones, as in a loop
 * over a dict. Takes over the old ones. */
static PyObject *changed_children(py_nn *m, PyObject *before)
{
    PyObject *now = children_of(m);
    if (now && PyTuple_GET_SIZE(now) != PyTuple_GET_SIZE(before)) {
        PyErr_SetString(PyExc_RuntimeError, "dictionary changed size during iteration");
        Py_CLEAR(now);
    }
    Py_DECREF(before);
    return now;
}

/* Sequential: each child gets what the one before it returned. */
static PyObject *run_children(py_nn *m, PyObject *input)
{
    PyObject *children = children_of(m), *value = Py_NewRef(input);
    for (Py_ssize_t i = 0; value && children && i < PyTuple_GET_SIZE(children); i++) {
        PyObject *child = PyTuple_GET_ITEM(children, i), *stack[2] = {NULL, value};
        value = call_child(child, stack + 1);
        Py_DECREF(stack[1]);
        if (MT_UNLIKELY(!value && py_nn_check(child))) explain(child, false, true);
        if (MT_UNLIKELY(value && m->children != children)) children = changed_children(m, children);
    }
    if (MT_UNLIKELY(!children)) Py_CLEAR(value);
    Py_XDECREF(children);
    return value;
}

static PyObject *run_sequential(py_forward *Py_UNUSED(f), PyObject *self, PyObject *const *args)
{
    int ready = py_nn_check(self) ? py_nn_ready((py_nn *)self) : 0;
    if (MT_UNLIKELY(ready <= 0)) {
        if (!ready)
            PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '_modules'",
                         Py_TYPE(self)->tp_name);
        return NULL;
    }
    if (Py_EnterRecursiveCall(" in Sequential.forward")) return NULL;
    PyObject *value = run_children((py_nn *)self, args[0]);
    Py_LeaveRecursiveCall();
    return value;
}

/* ==== calling a module ====================================================================== */

/* Finds forward anew: at the first call and after a change of the class. */
static void look_up(py_nn *m)
{
    if (!m->registry[PY_NN_MODULES] && py_nn_ready(m) < 0) PyErr_Clear();
    m->forward = _PyType_Lookup(Py_TYPE(m), py_str_forward);
    py_forward *f =
        m->forward && Py_TYPE(m->forward) == &py_forward_type ? (py_forward *)m->forward : NULL;
    m->plain_option = f && f->option && !_PyType_Lookup(Py_TYPE(m), f->option);
    m->option = (py_memo){0, NULL};
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

static inline PyObject *call_module(py_nn *m, PyObject *const *args, size_t nargsf,
                                    PyObject *kwnames)
{
    PyObject *self = (PyObject *)m, *forward = m->forward, *result;
    if (MT_UNLIKELY(m->flags | (unsigned)global_hooks)) {
        bool plain = m->flags == PY_NN_OWN_FORWARD && !global_hooks;
        result =
            call_attribute(self, plain ? py_str_forward : py_str__call_impl, args, nargsf, kwnames);
    } else if (MT_LIKELY(forward != NULL)) {
        Py_INCREF(forward);
        if (Py_TYPE(forward) == &py_forward_type)
            result =
                run_forward((py_forward *)forward, self, args, PyVectorcall_NARGS(nargsf), kwnames);
        else if (PyType_HasFeature(Py_TYPE(forward), Py_TPFLAGS_METHOD_DESCRIPTOR))
            result = call_function(forward, self, args, nargsf, kwnames);
        else
            result = call_attribute(self, py_str_forward, args, nargsf, kwnames);
        Py_DECREF(forward);
    } else {
        result = call_attribute(self, py_str_forward, args, nargsf, kwnames);
    }
    if (MT_UNLIKELY(!result)) explain(self, false, false);
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

/* ==== the type of forwards ================================================================== */

/* Linear.forward(m, x), and m.forward(x), which the interpreter turns into that. */
static PyObject *forward_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf,
                                    PyObject *kwnames)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    py_forward *f = (py_forward *)self;
    if (nargs < 1)
        return PyErr_Format(PyExc_TypeError, "%U() missing 1 required positional argument: 'self'",
                            f->qualname);
    return run_forward(f, args[0], args + 1, nargs - 1, kwnames);
}

static PyObject *forward_get(PyObject *self, PyObject *object, PyObject *Py_UNUSED(type))
{
    return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

static const struct {
    const char *name;
    py_forward_run run;
} runs[] = {{"sequential", run_sequential}, {"identity", run_identity}};

/* Names are looked up on every call: interned. */
static PyObject *interned(PyObject *names)
{
    PyObject *made = names ? PySequence_Tuple(names) : PyTuple_New(0);
    for (Py_ssize_t i = 0; made && i < PyTuple_GET_SIZE(made); i++) {
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(made, i))) {
            Py_CLEAR(made);
            return PyErr_Format(PyExc_TypeError, "names must be str");
        }
        PyUnicode_InternInPlace(&((PyTupleObject *)made)->ob_item[i]);
    }
    return made;
}

static bool is_operator(PyObject *o) { return Py_TYPE(o) == &py_op_type; }

/* The shortest way for what f is made of. */
static void choose_run(py_forward *f)
{
    bool one_input = PyTuple_GET_SIZE(f->inputs) == 1 && !f->keywords;
    bool is_op = is_operator(f->function) && (!f->inplace || is_operator(f->inplace));
    f->run = run_function;
    f->option = f->shortcut ? py_str_reduction : f->inplace ? py_str_inplace : NULL;
    if (f->shortcut && is_operator(f->shortcut))
        f->run = run_loss;
    else if (is_op && one_input && f->weighted && !f->inplace)
        f->run = run_weighted;
    else if (is_op && one_input && PyTuple_GET_SIZE(f->attributes) == 0)
        f->run = run_operator;
}

/* Forward(function, attributes=(), inputs=("input",), keywords=(), inplace=None, shortcut=None) */
static PyObject *forward_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"function", "attributes", "inputs", "keywords",
                            "inplace",  "shortcut",   NULL};
    PyObject *function, *attributes = NULL, *inputs = NULL, *keywords = NULL, *inplace = NULL,
                        *shortcut = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOOOO:Forward", names, &function, &attributes,
                                     &inputs, &keywords, &inplace, &shortcut))
        return NULL;
    py_forward *f = (py_forward *)type->tp_alloc(type, 0);
    if (!f) return NULL;
    f->vectorcall = forward_vectorcall;
    f->shortcut = Py_XNewRef(shortcut);
    f->inplace = Py_XNewRef(inplace);
    f->function = Py_NewRef(function);
    f->attributes = interned(attributes);
    f->inputs = inputs ? interned(inputs) : Py_BuildValue("(s)", "input");
    f->keywords = keywords ? interned(keywords) : NULL;
    f->qualname = PyUnicode_FromString("forward");
    bool ok = f->attributes && f->inputs && f->qualname && (f->keywords || !keywords);
    f->weighted = ok && PyTuple_GET_SIZE(f->attributes) == 2 &&
                  PyTuple_GET_ITEM(f->attributes, 0) == py_str_weight &&
                  PyTuple_GET_ITEM(f->attributes, 1) == py_str_bias;
    if (ok) choose_run(f);
    if (ok && PyUnicode_Check(function)) {
        size_t i = 0, n = sizeof runs / sizeof *runs;
        while (i < n && PyUnicode_CompareWithASCIIString(function, runs[i].name) != 0) i++;
        ok = i < n;
        if (ok)
            f->run = runs[i].run;
        else
            PyErr_Format(PyExc_ValueError, "no forward is called %R", function);
    }
    if (ok && PyTuple_GET_SIZE(f->inputs) + PyTuple_GET_SIZE(f->attributes) > MAX_ARGUMENTS) {
        PyErr_SetString(PyExc_ValueError, "too many arguments");
        ok = false;
    }
    if (!ok) Py_CLEAR(f);
    return (PyObject *)f;
}

static int forward_traverse(PyObject *self, visitproc visit, void *arg)
{
    py_forward *f = (py_forward *)self;
    Py_VISIT(f->function);
    Py_VISIT(f->inplace);
    Py_VISIT(f->shortcut);
    Py_VISIT(f->doc);
    return 0;
}

static int forward_clear(PyObject *self)
{
    py_forward *f = (py_forward *)self;
    Py_CLEAR(f->function);
    Py_CLEAR(f->inplace);
    Py_CLEAR(f->shortcut);
    Py_CLEAR(f->doc);
    return 0;
}

static void forward_dealloc(PyObject *self)
{
    py_forward *f = (py_forward *)self;
    PyObject_GC_UnTrack(self);
    forward_clear(self);
    Py_XDECREF(f->attributes);
    Py_XDECREF(f->inputs);
    Py_XDECREF(f->keywords);
    Py_XDECREF(f->qualname);
    Py_XDECREF(f->module);
    Py_TYPE(self)->tp_free(self);
}

/* Linear.forward knows its name, as a function would. */
static PyObject *forward_set_name(PyObject *self, PyObject *args)
{
    PyObject *owner, *name;
    py_forward *f = (py_forward *)self;
    if (!PyArg_ParseTuple(args, "OU:__set_name__", &owner, &name)) return NULL;
    if (f->module) Py_RETURN_NONE; /* the first class that has it */
    PyObject *class = PyObject_GetAttrString(owner, "__qualname__");
    PyObject *qualname = class ? PyUnicode_FromFormat("%S.%U", class, name) : NULL;
    Py_XDECREF(class);
    if (!qualname || !(f->module = PyObject_GetAttrString(owner, "__module__"))) {
        Py_XDECREF(qualname);
        return NULL;
    }
    Py_XSETREF(f->qualname, qualname);
    Py_RETURN_NONE;
}

static PyObject *forward_name(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return Py_NewRef(py_str_forward);
}

/* inspect.signature asks for it: (self, input). */
static PyObject *forward_signature(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *inspect = PyImport_ImportModule("inspect"), *list = PyList_New(0), *result = NULL;
    PyObject *parameter = inspect ? PyObject_GetAttrString(inspect, "Parameter") : NULL;
    PyObject *kind = parameter ? PyObject_GetAttrString(parameter, "POSITIONAL_OR_KEYWORD") : NULL;
    PyObject *inputs = ((py_forward *)self)->inputs;
    bool ok = list && kind;
    for (Py_ssize_t i = -1; ok && i < PyTuple_GET_SIZE(inputs); i++) {
        PyObject *one = i < 0 ? PyObject_CallFunction(parameter, "sO", "self", kind)
                              : PyObject_CallFunctionObjArgs(parameter, PyTuple_GET_ITEM(inputs, i),
                                                             kind, NULL);
        ok = one && PyList_Append(list, one) == 0;
        Py_XDECREF(one);
    }
    if (ok) result = PyObject_CallMethod(inspect, "Signature", "O", list);
    Py_XDECREF(inspect);
    Py_XDECREF(list);
    Py_XDECREF(parameter);
    Py_XDECREF(kind);
    return result;
}

static PyObject *forward_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<function %U>", ((py_forward *)self)->qualname);
}

static PyMethodDef forward_methods[] = {
    {"__set_name__", forward_set_name, METH_VARARGS,
     "Told by the class under which name it stands there."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef forward_members[] = {
    {"__qualname__", T_OBJECT, offsetof(py_forward, qualname), READONLY, "Linear.forward"},
    {"__module__", T_OBJECT, offsetof(py_forward, module), READONLY, "where the class stands"},
    {"__doc__", T_OBJECT, offsetof(py_forward, doc), 0, "what it computes"},
    {"function", T_OBJECT, offsetof(py_forward, function), READONLY, "what it calls"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef forward_getset[] = {
    {"__name__", forward_name, NULL, "forward", NULL},
    {"__signature__", forward_signature, NULL, "for inspect.signature", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject py_forward_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch._C._Forward",
    .tp_basicsize = sizeof(py_forward),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(py_forward, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_new = forward_new,
    .tp_dealloc = forward_dealloc,
    .tp_traverse = forward_traverse,
    .tp_clear = forward_clear,
    .tp_free = PyObject_GC_Del,
    .tp_repr = forward_repr,
    .tp_descr_get = forward_get,
    .tp_methods = forward_methods,
    .tp_members = forward_members,
    .tp_getset = forward_getset,
};

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
    if (PyType_Ready(&py_forward_type) < 0) return -1;
    if (PyModule_AddObjectRef(module, "_Forward", (PyObject *)&py_forward_type) < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
