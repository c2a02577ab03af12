/* The base type of nn.Module: registries that write through, attribute assignment, and what a class
 * needs so that its instances are called without a Python frame.
 *
 * nn.Module itself is a Python class over this type, so that it gets the interpreter's own instance
 * dictionary: reading an attribute costs what it costs in any class. Parameters, buffers and
 * children stand both in their ordered registry and in that dictionary.
 *
 * Read next: py_nn_call.c. */
#include "python/py_nn.h"

#include <stddef.h>

#define X(name) PyObject *py_str_##name;
PY_NN_NAMES(X)
#undef X

static PyObject *parameter_type,
    *buffer_type; /* nn.Parameter, nn.Buffer: given by nn/modules/module.py */

/* ==== registries ============================================================================== */

/* The instance attribute that goes with an entry; value NULL removes it. A name that the class
 * defines is left to the class, as in PyTorch, where class attributes are found first. */
static int mirror(py_nn *owner, PyObject *name, PyObject *value)
{
    if (!owner || !PyUnicode_Check(name) || _PyType_Lookup(Py_TYPE(owner), name)) return 0;
    if (PyObject_GenericSetAttr((PyObject *)owner, name, value) == 0) return 0;
    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    return 0;
}

static void forget_cached(py_nn *m)
{
    if (!m) return;
    m->cached = false;
    Py_CLEAR(m->weight);
    Py_CLEAR(m->bias);
    Py_CLEAR(m->children);
}

static int registry_store(PyObject *self, PyObject *key, PyObject *value)
{
    forget_cached(((py_registry *)self)->owner);
    int failed = value ? PyDict_SetItem(self, key, value) : PyDict_DelItem(self, key);
    return failed ? -1 : mirror(((py_registry *)self)->owner, key, value);
}

static int registry_clear_all(py_registry *r)
{
    PyObject *keys = PyDict_Keys((PyObject *)r);
    if (!keys) return -1;
    forget_cached(r->owner);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys); i++) {
        if (mirror(r->owner, PyList_GET_ITEM(keys, i), NULL) < 0) PyErr_Clear();
    }
    Py_DECREF(keys);
    PyDict_Clear((PyObject *)r);
    return 0;
}

static PyObject *registry_clear(PyObject *self, PyObject *Py_UNUSED(none))
{
    if (registry_clear_all((py_registry *)self) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *registry_pop(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    if (n < 1 || n > 2)
        return PyErr_Format(PyExc_TypeError, "pop expected 1 or 2 arguments, got %zd", n);
    PyObject *value = PyDict_GetItemWithError(self, args[0]);
    if (!value && !PyErr_Occurred()) {
        if (n == 2) return Py_NewRef(args[1]);
        PyErr_SetObject(PyExc_KeyError, args[0]);
    }
    if (!value) return NULL;
    Py_INCREF(value);
    if (registry_store(self, args[0], NULL) < 0) Py_CLEAR(value);
    return value;
}

static PyObject *registry_popitem(PyObject *self, PyObject *Py_UNUSED(none))
{
    forget_cached(((py_registry *)self)->owner);
    PyObject *pair = PyObject_CallMethod((PyObject *)&PyDict_Type, "popitem", "O", self);
    if (pair && mirror(((py_registry *)self)->owner, PyTuple_GET_ITEM(pair, 0), NULL) < 0)
        Py_CLEAR(pair);
    return pair;
}

static PyObject *registry_setdefault(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    if (n < 1 || n > 2)
        return PyErr_Format(PyExc_TypeError, "setdefault expected 1 or 2 arguments, got %zd", n);
    PyObject *value = PyDict_GetItemWithError(self, args[0]);
    if (value || PyErr_Occurred()) return Py_XNewRef(value);
    value = n == 2 ? args[1] : Py_None;
    return registry_store(self, args[0], value) < 0 ? NULL : Py_NewRef(value);
}

/* Stores all of `source`, a mapping or pairs: dict() knows how to read it. */
static int registry_update_from(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *all = PyObject_Call((PyObject *)&PyDict_Type, args, kwargs), *key, *value;
    Py_ssize_t at = 0;
    int failed = !all;
    while (!failed && PyDict_Next(all, &at, &key, &value))
        failed = registry_store(self, key, value) < 0;
    Py_XDECREF(all);
    return failed ? -1 : 0;
}

static PyObject *registry_update(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (registry_update_from(self, args, kwargs) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *registry_ior(PyObject *self, PyObject *other)
{
    PyObject *args = PyTuple_Pack(1, other);
    int failed = !args || registry_update_from(self, args, NULL) < 0;
    Py_XDECREF(args);
    return failed ? NULL : Py_NewRef(self);
}

/* A registry belongs to one module: what is copied or pickled is a plain dict. */
static PyObject *registry_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    PyObject *copy = PyDict_Copy(self);
    return copy ? Py_BuildValue("O(N)", &PyDict_Type, copy) : NULL;
}

static PyMethodDef registry_methods[] = {
    {"clear", registry_clear, METH_NOARGS, "Removes all entries."},
    {"pop", (PyCFunction)(void (*)(void))registry_pop, METH_FASTCALL,
     "Removes a key and returns its value."},
    {"popitem", registry_popitem, METH_NOARGS, "Removes and returns the last pair."},
    {"setdefault", (PyCFunction)(void (*)(void))registry_setdefault, METH_FASTCALL,
     "As dict.setdefault."},
    {"update", (PyCFunction)(void (*)(void))registry_update, METH_VARARGS | METH_KEYWORDS,
     "As dict.update."},
    {"__reduce_ex__", registry_reduce, METH_O, "Pickled as a plain dict."},
    {NULL, NULL, 0, NULL},
};

static PyMappingMethods registry_mapping = {.mp_ass_subscript = registry_store};
static PyNumberMethods registry_number = {.nb_inplace_or = registry_ior};

PyTypeObject py_registry_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch._C.Registry",
    .tp_basicsize = sizeof(py_registry),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The parameters, buffers or children of a module: a dict that also sets the module's "
              "attributes.",
    .tp_methods = registry_methods,
    .tp_as_mapping = &registry_mapping,
    .tp_as_number = &registry_number,
};

/* Gives m the registry `kind` with the entries of `from` (NULL: none). The old one is let go, with
 * its attributes. */
static int registry_install(py_nn *m, int kind, PyObject *from)
{
    PyObject *const names[] = {py_str__parameters, py_str__buffers, py_str__modules};
    py_registry *old = m->registry[kind];
    if (from == (PyObject *)old && old) return 0;
    forget_cached(m);
    PyObject *made = PyDict_Type.tp_new(&py_registry_type, NULL, NULL);
    if (!made) return -1;
    py_registry *r = (py_registry *)made;
    if (old) {
        PyObject *key, *value;
        Py_ssize_t at = 0;
        while (PyDict_Next((PyObject *)old, &at, &key, &value)) {
            if (mirror(m, key, NULL) < 0) PyErr_Clear();
        }
        old->owner = NULL;
    }
    r->owner = m;
    m->registry[kind] = (py_registry *)Py_NewRef(made);
    Py_XDECREF((PyObject *)old);
    int failed = PyObject_GenericSetAttr((PyObject *)m, names[kind], made) < 0;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (!failed && from && PyDict_Next(from, &at, &key, &value))
        failed = registry_store(made, key, value) < 0;
    Py_DECREF(made);
    return failed ? -1 : 0;
}

/* ==== attributes ============================================================================== */

static bool is_hook_table(
    PyObject *name) /* _forward_hooks and the like: _..._hooks..., or _is_full_backward_hook */
{
    const char *s = PyUnicode_AsUTF8(name);
    if (!s) PyErr_Clear();
    return s && s[0] == '_' && (s[1] == 'f' || s[1] == 'b') && strstr(s, "_hooks");
}

/* After an assignment past the C code (a __setstate__ that fills
 * __dict__): what do we find there? */
static int note_attributes(py_nn *m, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (!PyUnicode_Check(key)) continue;
        if (PyUnicode_Compare(key, py_str_forward) == 0) m->flags |= PY_NN_OWN_FORWARD;
        if (is_hook_table(key)) m->flags |= PY_NN_HOOKED;
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int adopt(py_nn *m)
{
    PyObject *dict = PyObject_GenericGetDict((PyObject *)m, NULL);
    if (!dict) {
        PyErr_Clear();
        return 0;
    }
    PyObject *found[PY_NN_REGISTRIES] = {
        PyDict_GetItemWithError(dict, py_str__parameters),
        PyDict_GetItemWithError(dict, py_str__buffers),
        PyDict_GetItemWithError(dict, py_str__modules),
    };
    int ready = 1;
    for (int k = 0; k < PY_NN_REGISTRIES; k++) ready = ready && found[k] && PyDict_Check(found[k]);
    if (ready) ready = note_attributes(m, dict) < 0 ? -1 : 1;
    for (int k = 0; ready > 0 && k < PY_NN_REGISTRIES; k++) Py_INCREF(found[k]);
    for (int k = 0, ok = ready; ok > 0 && k < PY_NN_REGISTRIES; k++) {
        if (ready > 0 && registry_install(m, k, found[k]) < 0) ready = -1;
        Py_DECREF(found[k]);
    }
    Py_DECREF(dict);
    return ready;
}

int py_nn_ready(py_nn *m) { return m->registry[PY_NN_MODULES] ? 1 : adopt(m); }

static int in_registries(py_nn *m, PyObject *name)
{
    for (int k = 0; k < PY_NN_REGISTRIES; k++) {
        PyObject *dict = (PyObject *)m->registry[k];
        int found = dict && PyDict_GET_SIZE(dict) ? PyDict_Contains(dict, name) : 0;
        if (found) return found;
    }
    return 0;
}

/* Names whose assignment this file must know about. */
static int special_name(py_nn *m, PyObject *name, PyObject *value)
{
    PyObject *const names[] = {py_str__parameters, py_str__buffers, py_str__modules};
    for (int k = 0; k < PY_NN_REGISTRIES; k++) {
        if (PyUnicode_Compare(name, names[k]) != 0 || !value || !PyDict_Check(value)) continue;
        return registry_install(m, k, value) < 0 ? -1 : 1;
    }
    if (is_hook_table(name)) m->flags |= PY_NN_HOOKED;
    return 0;
}

/* m.name = value. What needs a registry is decided in Python (Module._assign); all else is an
 * ordinary attribute. */
static PyObject *module_setattr(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    py_nn *m = (py_nn *)self;
    if (n != 2) return PyErr_Format(PyExc_TypeError, "expected 2 arguments, got %zd", n);
    PyObject *name = args[0], *value = args[1];
    if (!PyUnicode_Check(name)) {
        return PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%.200s'",
                            Py_TYPE(name)->tp_name);
    }
    int registered = py_nn_ready(m) < 0 ? -1 : in_registries(m, name);
    if (!registered) registered = py_nn_check(value);
    if (!registered && parameter_type && py_tensor_check(value)) {
        registered = PyObject_IsInstance(value, parameter_type);
        if (!registered) registered = PyObject_IsInstance(value, buffer_type);
    }
    if (registered < 0) return NULL;
    if (registered) return PyObject_CallMethodObjArgs(self, py_str__assign, name, value, NULL);
    if (PyUnicode_READ_CHAR(name, 0) == '_') {
        int done = special_name(m, name, value);
        if (done < 0) return NULL;
        if (done) Py_RETURN_NONE;
    }
    if (PyObject_GenericSetAttr(self, name, value) < 0) return NULL;
    if (PyUnicode_Compare(name, py_str_forward) == 0) m->flags |= PY_NN_OWN_FORWARD;
    Py_RETURN_NONE;
}

static PyObject *module_delattr(PyObject *self, PyObject *name)
{
    py_nn *m = (py_nn *)self;
    if (!PyUnicode_Check(name)) {
        return PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%.200s'",
                            Py_TYPE(name)->tp_name);
    }
    if (py_nn_ready(m) < 0) return NULL;
    for (int k = 0; k < PY_NN_REGISTRIES; k++) {
        PyObject *dict = (PyObject *)m->registry[k];
        int found = dict ? PyDict_Contains(dict, name) : 0;
        if (found < 0) return NULL;
        if (!found) continue;
        if (registry_store(dict, name, NULL) < 0) return NULL;
        PyObject *set =
            k == PY_NN_BUFFERS ? PyObject_GetAttr(self, py_str__non_persistent_buffers_set) : NULL;
        if (set && PySet_Check(set)) PySet_Discard(set, name);
        Py_XDECREF(set);
        if (PyErr_Occurred()) return NULL;
        Py_RETURN_NONE;
    }
    if (PyObject_GenericSetAttr(self, name, NULL) < 0) return NULL;
    if (PyUnicode_Compare(name, py_str_forward) == 0) m->flags &= ~PY_NN_OWN_FORWARD;
    Py_RETURN_NONE;
}

/* There for super().__getattr__(name) in a subclass; never called for a plain class, see
 * init_subclass. */
static PyObject *module_getattr(PyObject *self, PyObject *name)
{
    py_nn *m = (py_nn *)self;
    if (py_nn_ready(m) < 0) return NULL;
    for (int k = 0; k < PY_NN_REGISTRIES; k++) {
        PyObject *value =
            m->registry[k] ? PyDict_GetItemWithError((PyObject *)m->registry[k], name) : NULL;
        if (value || PyErr_Occurred()) return Py_XNewRef(value);
    }
    return PyObject_GenericGetAttr(self, name); /* sets the usual error, with name and obj */
}

/* ==== gradients =============================================================================== */

/* p.grad = None for every parameter. Modules met before in this walk are
 * left out: networks share. */
static int drop_grads(py_nn *m, uint64_t walk)
{
    PyObject *name, *entry;
    Py_ssize_t at = 0;
    int failed = py_nn_ready(m) < 0;
    if (failed || m->walk == walk || !m->registry[PY_NN_MODULES]) return failed ? -1 : 0;
    m->walk = walk;
    while (PyDict_Next((PyObject *)m->registry[PY_NN_PARAMETERS], &at, &name, &entry)) {
        if (py_tensor_check(entry)) mt_drop_grad(py_core(entry));
    }
    at = 0;
    if (Py_EnterRecursiveCall(" in Module.zero_grad")) return -1;
    while (!failed && PyDict_Next((PyObject *)m->registry[PY_NN_MODULES], &at, &name, &entry)) {
        if (!py_nn_check(entry)) continue;
        Py_INCREF(entry);
        failed = drop_grads((py_nn *)entry, walk) < 0;
        Py_DECREF(entry);
    }
    Py_LeaveRecursiveCall();
    return failed ? -1 : 0;
}

/* Are `parameters` and what it is made of those of nn.Module? Looked up once per version of the
 * type. */
static bool walks_are_plain(py_nn *m)
{
    PyObject *const names[] = {py_str_parameters, py_str_named_parameters, py_str_named_modules};
    PyTypeObject *type = Py_TYPE(m), *base = type;
    if (MT_LIKELY(m->walks_version && m->walks_version == type->tp_version_tag))
        return m->walks_plain;
    while (base->tp_base && base->tp_base != &py_nn_type) base = base->tp_base;
    m->walks_plain = true;
    for (int i = 0; i < 3; i++)
        m->walks_plain &= _PyType_Lookup(type, names[i]) == _PyType_Lookup(base, names[i]);
    m->walks_version = type->tp_version_tag;
    return m->walks_plain;
}

static PyObject *module_drop_grads(PyObject *self, PyObject *Py_UNUSED(none))
{
    static uint64_t walk;
    if (!walks_are_plain((py_nn *)self)) Py_RETURN_FALSE;
    if (drop_grads((py_nn *)self, ++walk) < 0) return NULL;
    Py_RETURN_TRUE;
}

/* ==== life ==================================================================================== */

static PyObject *module_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(kwargs))
{
    /* object.__new__ alone prepares the fast form of the instance dictionary; the constructor's
     * arguments are __init__'s business. */
    PyObject *none = PyTuple_New(0);
    PyObject *self = none ? PyBaseObject_Type.tp_new(type, none, NULL) : NULL;
    Py_XDECREF(none);
    if (self) ((py_nn *)self)->vectorcall = py_nn_vectorcall;
    return self;
}

/* The part of Module.__init__ that makes the module: empty registries, training mode. */
static PyObject *module_setup(PyObject *self, PyObject *Py_UNUSED(none))
{
    py_nn *m = (py_nn *)self;
    PyObject *set = PySet_New(NULL);
    int failed = !set || PyObject_GenericSetAttr(self, py_str_training, Py_True) < 0;
    for (int k = 0; !failed && k < PY_NN_REGISTRIES; k++) failed = registry_install(m, k, NULL) < 0;
    failed = failed || PyObject_GenericSetAttr(self, py_str__non_persistent_buffers_set, set) < 0;
    Py_XDECREF(set);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static PyObject *module_mark_hooked(PyObject *self, PyObject *Py_UNUSED(none))
{
    ((py_nn *)self)->flags |= PY_NN_HOOKED;
    Py_RETURN_NONE;
}

/* (_parameters, _buffers, _modules), or None before Module.__init__: never asks a subclass's
 * __getattr__. */
static PyObject *module_registries(PyObject *self, PyObject *Py_UNUSED(none))
{
    py_nn *m = (py_nn *)self;
    int ready = py_nn_ready(m);
    if (ready < 0) return NULL;
    if (!ready) Py_RETURN_NONE;
    return PyTuple_Pack(3, m->registry[PY_NN_PARAMETERS], m->registry[PY_NN_BUFFERS],
                        m->registry[PY_NN_MODULES]);
}

/* Removes an ordinary attribute of the instance, if there is one; properties of the class are not
 * asked. */
static PyObject *module_drop(PyObject *self, PyObject *name)
{
    if (!_PyType_Lookup(Py_TYPE(self), name)) {
        if (PyObject_GenericSetAttr(self, name, NULL) < 0) PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    if (!dict) return NULL;
    if (PyDict_DelItem(dict, name) < 0) PyErr_Clear();
    Py_DECREF(dict);
    Py_RETURN_NONE;
}

/* After __dict__ was filled by hand (__setstate__): take over the registries found there. */
static PyObject *module_adopt(PyObject *self, PyObject *Py_UNUSED(none))
{
    if (adopt((py_nn *)self) < 0) return NULL;
    Py_RETURN_NONE;
}

static int module_traverse(PyObject *self, visitproc visit, void *arg)
{
    py_nn *m = (py_nn *)self;
    for (int k = 0; k < PY_NN_REGISTRIES; k++) Py_VISIT(m->registry[k]);
    Py_VISIT(m->weight);
    Py_VISIT(m->bias);
    Py_VISIT(m->children);
    return 0;
}

static int module_clear(PyObject *self)
{
    forget_cached((py_nn *)self);
    for (int k = 0; k < PY_NN_REGISTRIES; k++) {
        py_registry *r = ((py_nn *)self)->registry[k];
        if (r) r->owner = NULL;
        Py_CLEAR(((py_nn *)self)->registry[k]);
    }
    return 0;
}

static void module_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    module_clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* A class over Module. Python 3.11 does not hand the vectorcall flag down to Python
 * classes: it is set here unless the class has a __call__ of its own. The __getattr__
 * above would make every attribute read slow: the slot goes back to the ordinary one
 * unless the class brings its own hook. */
static PyObject *init_subclass(PyObject *class, PyObject *args, PyObject *kwargs)
{
    PyTypeObject *type = (PyTypeObject *)class;
    if (type->tp_call == py_nn_tp_call) type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    if (_PyType_Lookup(type, py_str___getattr__) ==
            _PyType_Lookup(&py_nn_type, py_str___getattr__) &&
        _PyType_Lookup(type, py_str___getattribute__) ==
            _PyType_Lookup(&PyBaseObject_Type, py_str___getattribute__)) {
        type->tp_getattro = PyObject_GenericGetAttr;
    }
    PyObject *super =
        PyObject_CallFunctionObjArgs((PyObject *)&PySuper_Type, &py_nn_type, class, NULL);
    PyObject *next = super ? PyObject_GetAttrString(super, "__init_subclass__") : NULL;
    PyObject *result = next ? PyObject_Call(next, args, kwargs) : NULL;
    Py_XDECREF(super);
    Py_XDECREF(next);
    return result;
}

static PyMethodDef module_methods[] = {
    {"__setattr__", (PyCFunction)(void (*)(void))module_setattr, METH_FASTCALL,
     "Implements setattr(self, name, value)."},
    {"__delattr__", module_delattr, METH_O, "Implements delattr(self, name)."},
    {"__getattr__", module_getattr, METH_O, "The parameter, buffer or child of that name."},
    {"__init_subclass__", (PyCFunction)(void (*)(void))init_subclass,
     METH_CLASS | METH_VARARGS | METH_KEYWORDS, "Prepares a class for fast calls."},
    {"_registries", module_registries, METH_NOARGS, "(_parameters, _buffers, _modules), or None."},
    {"_drop", module_drop, METH_O, "Removes an ordinary attribute of the instance."},
    {"_drop_grads", module_drop_grads, METH_NOARGS,
     "Sets all parameters' gradients to None, unless the class has parameters() of its own."},
    {"_setup", module_setup, METH_NOARGS, "Makes the registries."},
    {"_adopt", module_adopt, METH_NOARGS, "Takes over the registries found in __dict__."},
    {"_mark_hooked", module_mark_hooked, METH_NOARGS,
     "From now on calls look at the tables of hooks."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject py_nn_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch._C._ModuleBase",
    .tp_basicsize = sizeof(py_nn),
    .tp_flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "The C half of nn.Module.",
    .tp_vectorcall_offset = offsetof(py_nn, vectorcall),
    .tp_call = py_nn_tp_call,
    .tp_new = module_new,
    .tp_dealloc = module_dealloc,
    .tp_free = PyObject_GC_Del,
    .tp_traverse = module_traverse,
    .tp_clear = module_clear,
    .tp_methods = module_methods,
};

/* _nn_types(Parameter, Buffer): the Python classes that assignment looks for. */
static PyObject *nn_types(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *parameter, *buffer;
    if (!PyArg_ParseTuple(args, "OO", &parameter, &buffer)) return NULL;
    Py_XSETREF(parameter_type, Py_NewRef(parameter));
    Py_XSETREF(buffer_type, Py_NewRef(buffer));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_nn_types", nn_types, METH_VARARGS,
     "Tells the core which classes are parameters and buffers."},
    {NULL, NULL, 0, NULL},
};

int py_init_nn(PyObject *module)
{
#define X(name)                                                                                    \
    if (!(py_str_##name = PyUnicode_InternFromString(#name))) return -1;
    PY_NN_NAMES(X)
#undef X
    py_registry_type.tp_base = &PyDict_Type;
    if (PyType_Ready(&py_registry_type) < 0 || PyType_Ready(&py_nn_type) < 0) return -1;
    if (PyModule_AddObjectRef(module, "_ModuleBase", (PyObject *)&py_nn_type) < 0) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    return py_nn_call_init(module) < 0 ? -1 : py_nn_hook_init(module);
}
