/* Forwards written in C: entries of module classes that call an operator, or a Python function,
 * with the inputs and some of the module's attributes.
 *
 * Most modules are as they were made, and their operator has the same defaults: then
 * it gets the inputs and nothing else (settings_are_usual). Relies on py_op.h; read
 * next: minitorch/nn/modules. */
#include "python/py_nn.h"
#include "python/py_op.h"

#include <stddef.h>
#include <structmember.h>

#define MAX_ARGUMENTS 16

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

PyObject *py_forward_bind(py_forward *f, PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
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

/* ==== settings ================================================================================ */

/* The value that a forward takes for granted, and nothing that may change by itself. */
static bool is_default(PyObject *value, PyObject *usual)
{
    if (value == usual) return true;
    if (!value || Py_TYPE(value) != Py_TYPE(usual)) return false;
    if (!PyLong_CheckExact(value) && !PyFloat_CheckExact(value) && !PyUnicode_CheckExact(value))
        return false;
    return PyObject_RichCompareBool(value, usual, Py_EQ) == 1;
}

static bool all_default(const py_forward *f, PyObject *dict)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(f->settings); i++) {
        PyObject *value = PyDict_GetItemWithError(dict, PyTuple_GET_ITEM(f->settings, i));
        if (is_default(value, PyTuple_GET_ITEM(f->usual, i))) continue;
        PyErr_Clear();
        return false;
    }
    return true;
}

bool py_forward_is_plain(PyObject *forward, PyTypeObject *type)
{
    if (!forward || Py_TYPE(forward) != &py_forward_type) return false;
    const py_forward *f = (py_forward *)forward;
    for (Py_ssize_t i = 0; f->settings && i < PyTuple_GET_SIZE(f->settings); i++)
        if (_PyType_Lookup(type, PyTuple_GET_ITEM(f->settings, i))) return false;
    return f->settings != NULL;
}

/* Do the module's attributes ask for nothing but what the operator does by itself? Looked up once
 * per state of its instance dict; a class that defines one of them is left to run_function. */
static inline bool settings_are_usual(py_forward *f, PyObject *self)
{
    py_nn *m = (py_nn *)self;
    if (!f->settings) return true;
    if (!py_nn_check(self) || m->forward != (PyObject *)f || !m->settings_plain ||
        m->version != Py_TYPE(self)->tp_version_tag)
        return false;
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (MT_UNLIKELY(!dict)) {
        PyErr_Clear();
        return false;
    }
    const uint64_t version = py_dict_version(dict);
    if (MT_UNLIKELY(!version || version != m->settings_seen)) {
        m->settings_usual = all_default(f, dict);
        m->settings_seen = version;
    }
    Py_DECREF(dict);
    return m->settings_usual;
}

/* ==== ways to run ============================================================================= */

/* Which of an activation's two functions: the module's attribute `inplace` says. Borrowed. */
static PyObject *choose_function(py_forward *f, PyObject *self)
{
    if (!f->inplace) return f->function;
    PyObject *inplace = PyObject_GetAttr(self, py_str_inplace);
    int truth = inplace ? PyObject_IsTrue(inplace) : -1;
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

/* The operator of the inputs alone, where the settings allow it. */
static PyObject *run_operator(py_forward *f, PyObject *self, PyObject *const *args)
{
    return MT_LIKELY(settings_are_usual(f, self))
               ? py_op_call(f->shortcut, args, PyTuple_GET_SIZE(f->inputs))
               : run_function(f, self, args);
}

/* The same of two tensors of one shape: of others the function has something to say. */
static PyObject *run_elementwise(py_forward *f, PyObject *self, PyObject *const *args)
{
    PyObject *a = args[0], *b = args[1];
    bool fits = py_tensor_check(a) && py_tensor_check(b) && mt_same_shape(py_core(a), py_core(b));
    return MT_LIKELY(fits) ? run_operator(f, self, args) : run_function(f, self, args);
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
        if (MT_UNLIKELY(!value && py_nn_check(child))) py_nn_explain(child, false, true);
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

/* ==== the type of forwards ==================================================================== */

/* Linear.forward(m, x), and m.forward(x), which the interpreter turns into that. */
static PyObject *forward_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf,
                                    PyObject *kwnames)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    py_forward *f = (py_forward *)self;
    if (nargs < 1)
        return PyErr_Format(PyExc_TypeError, "%U() missing 1 required positional argument: 'self'",
                            f->qualname);
    return py_forward_call(f, args[0], args + 1, nargs - 1, kwnames);
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
static void choose_run(py_forward *f, bool same_shape)
{
    Py_ssize_t inputs = PyTuple_GET_SIZE(f->inputs), attributes = PyTuple_GET_SIZE(f->attributes);
    PyObject *op = f->shortcut ? f->shortcut : f->function;
    f->run = run_function;
    if (f->weighted && inputs == 1 && is_operator(f->function)) {
        f->run = run_weighted;
    } else if (is_operator(op) && inputs < PY_FAST_ARGS && (f->usual || !attributes)) {
        f->run = same_shape && inputs == 2 ? run_elementwise : run_operator;
        if (!f->shortcut) f->shortcut = Py_NewRef(op);
    }
}

/* What the shortcut depends on: the attributes, and `inplace`, which is False. -1 on failure. */
static int set_usual(py_forward *f, PyObject *usual)
{
    if (usual && !(f->usual = PySequence_Tuple(usual))) return -1;
    if (f->usual && PyTuple_GET_SIZE(f->usual) != PyTuple_GET_SIZE(f->attributes)) {
        PyErr_SetString(PyExc_ValueError, "usual: one value for each attribute");
        return -1;
    }
    if (f->usual) f->settings = Py_NewRef(f->attributes);
    if (!f->inplace || (PyTuple_GET_SIZE(f->attributes) && !f->usual)) return 0;
    PyObject *name = PyTuple_Pack(1, py_str_inplace), *value = PyTuple_Pack(1, Py_False);
    if (name && value) {
        Py_XSETREF(f->settings, PySequence_Concat(f->attributes, name));
        Py_XSETREF(f->usual, f->usual ? PySequence_Concat(f->usual, value) : Py_NewRef(value));
    }
    Py_XDECREF(name);
    Py_XDECREF(value);
    return f->settings && f->usual ? 0 : -1;
}

/* forward by name: "sequential", "identity". -1: there is none of that name. */
static int choose_by_name(py_forward *f)
{
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (PyUnicode_CompareWithASCIIString(f->function, runs[i].name) != 0) continue;
        f->run = runs[i].run;
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "no forward is called %R", f->function);
    return -1;
}

static int check_length(const py_forward *f)
{
    if (PyTuple_GET_SIZE(f->inputs) + PyTuple_GET_SIZE(f->attributes) <= MAX_ARGUMENTS) return 0;
    PyErr_SetString(PyExc_ValueError, "too many arguments");
    return -1;
}

/* Forward(function, attributes=(), inputs=("input",), keywords=(), inplace=None, shortcut=None,
 * usual=None, same_shape=False): see py_forward. */
static PyObject *forward_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"function", "attributes", "inputs",     "keywords", "inplace",
                            "shortcut", "usual",      "same_shape", NULL};
    PyObject *function, *attributes = NULL, *inputs = NULL, *keywords = NULL, *inplace = NULL;
    PyObject *shortcut = NULL, *usual = NULL;
    int same_shape = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOOOOOp:Forward", names, &function,
                                     &attributes, &inputs, &keywords, &inplace, &shortcut, &usual,
                                     &same_shape))
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
    ok = ok && check_length(f) == 0 && set_usual(f, usual) == 0;
    f->weighted = ok && PyTuple_GET_SIZE(f->attributes) == 2 &&
                  PyTuple_GET_ITEM(f->attributes, 0) == py_str_weight &&
                  PyTuple_GET_ITEM(f->attributes, 1) == py_str_bias;
    if (ok) choose_run(f, same_shape);
    if (ok && PyUnicode_Check(function)) ok = choose_by_name(f) == 0;
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
    Py_XDECREF(f->settings);
    Py_XDECREF(f->usual);
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

int py_nn_forward_init(PyObject *module)
{
    if (PyType_Ready(&py_forward_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "_Forward", (PyObject *)&py_forward_type);
}
