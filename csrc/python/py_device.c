/* Small types that programs written for PyTorch expect: device, Size, layout and memory_format.
 * Everything computes on the CPU; another device can be named, but not used. Read next:
 * py_tensor.c. */
#include "python/py_tensor.h"

#include <stdlib.h>
#include <string.h>

/* ---- device ---------------------------------------------------------------------------------- */
typedef struct device_object {
    PyObject_HEAD
    int kind;  /* index into kinds */
    int index; /* -1: none */
} device_object;

static const char *const kinds[] = {
    "cpu",  "cuda", "ipu", "xpu",  "mkldnn", "opengl", "opencl", "ideep", "hip",  "ve",
    "fpga", "maia", "xla", "lazy", "vulkan", "mps",    "meta",   "hpu",   "mtia", "privateuseone"};
enum { CPU = 0, CUDA = 1 };

static PyObject *device_make(int kind, int index)
{
    device_object *self = PyObject_New(device_object, &py_device_type);
    if (!self) return NULL;
    self->kind = kind;
    self->index = index;
    return (PyObject *)self;
}

PyObject *py_device_cpu(void) { return device_make(CPU, -1); }

static int kind_of(const char *text, size_t length)
{
    for (size_t k = 0; k < Py_ARRAY_LENGTH(kinds); k++)
        if (strlen(kinds[k]) == length && memcmp(kinds[k], text, length) == 0) return (int)k;
    return -1;
}

/* "cpu", "cuda:1". -1 with PyTorch's RuntimeError. */
static int device_parse(const char *text, int *kind, int *index)
{
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    *index = -1;
    *kind = kind_of(text, length);
    bool word = length > 0;
    for (size_t i = 0; i < length; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || text[i] == '_')) word = false;
    if (colon && word) {
        char *end;
        long n = strtol(colon + 1, &end, 10);
        bool digits = colon[1] >= '0' && colon[1] <= '9' && *end == '\0';
        if (!digits || (colon[1] == '0' && colon[2] != '\0') || n > 127) word = false;
        *index = (int)n;
    }
    if (!word) {
        PyErr_Format(PyExc_RuntimeError, "Invalid device string: '%s'", text);
        return -1;
    }
    if (*kind >= 0) return 0;
    char name[32];
    PyOS_snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
                  text);
    PyErr_Format(PyExc_RuntimeError,
                 "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, "
                 "fpga, maia, xla, lazy, vulkan, mps, meta, hpu, mtia, privateuseone device type "
                 "at start of device string: %s",
                 name);
    return -1;
}

/* Any way to name a device. -1 error. */
static int device_from(PyObject *o, int *kind, int *index)
{
    if (Py_IS_TYPE(o, &py_device_type)) {
        *kind = ((device_object *)o)->kind;
        *index = ((device_object *)o)->index;
        return 0;
    }
    if (PyUnicode_Check(o)) {
        const char *text = PyUnicode_AsUTF8(o);
        return text ? device_parse(text, kind, index) : -1;
    }
    if (PyLong_Check(o)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Cannot access accelerator device when none is available.");
        return -1;
    }
    PyErr_Format(PyExc_TypeError, "device(): argument 'type' (position 1) must be str, not %s",
                 Py_TYPE(o)->tp_name);
    return -1;
}

static int device_usable(int kind)
{
    if (kind == CPU) return 0;
    const char *name = kinds[kind];
    if (kind == CUDA || strcmp(name, "xpu") == 0)
        PyErr_Format(PyExc_AssertionError, "Torch not compiled with %s enabled",
                     kind == CUDA ? "CUDA" : "XPU");
    else if (strcmp(name, "mps") == 0)
        PyErr_SetString(PyExc_RuntimeError, "PyTorch is not linked with support for mps devices");
    else
        PyErr_Format(PyExc_RuntimeError,
                     "minitorch computes on the cpu; there is no device of type %s", name);
    return -1;
}

/* Tensor.cuda(device): an error in any case, PyTorch's for this argument. */
PyObject *py_device_cuda(PyObject *device)
{
    int kind = CUDA, index;
    if (device && device != Py_None && device_from(device, &kind, &index) < 0) return NULL;
    if (kind == CUDA)
        device_usable(CUDA);
    else
        PyErr_SetString(PyExc_RuntimeError, "Invalid device, must be cuda device");
    return NULL;
}

int py_device_check(PyObject *o)
{
    int kind, index;
    if (!o || o == Py_None) return 0;
    if (!Py_IS_TYPE(o, &py_device_type) && !PyUnicode_Check(o) && !PyLong_Check(o)) {
        PyErr_Format(PyExc_TypeError, "argument 'device' must be torch.device, not %s",
                     Py_TYPE(o)->tp_name);
        return -1;
    }
    return device_from(o, &kind, &index) < 0 ? -1 : device_usable(kind);
}

static PyObject *device_new(PyTypeObject *Py_UNUSED(cls), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"type", "index", NULL};
    PyObject *type = NULL, *number = NULL;
    int kind, index;
    if (PyTuple_GET_SIZE(args) == 0 && (!kwargs || PyDict_GET_SIZE(kwargs) == 0)) {
        PyErr_SetString(
            PyExc_TypeError,
            "device() received an invalid combination of arguments - got (), but expected one of:\n"
            " * (torch.device device)\n * (str type, int index = -1)\n");
        return NULL;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:device", names, &type, &number))
        return NULL;
    if (device_from(type, &kind, &index) < 0) return NULL;
    if (!number || number == Py_None) return device_make(kind, index);
    if (!PyLong_Check(number)) {
        PyErr_Format(PyExc_TypeError, "device(): argument 'index' (position 2) must be int, not %s",
                     Py_TYPE(number)->tp_name);
        return NULL;
    }
    if (index >= 0) {
        PyErr_Format(
            PyExc_RuntimeError,
            "type (string) must not include an index because index was passed explicitly: %S",
            type);
        return NULL;
    }
    long n = PyLong_AsLong(number);
    if (n == -1 && PyErr_Occurred()) return NULL;
    if (n < 0 || n > 127) {
        PyErr_SetString(PyExc_RuntimeError, "Device index must not be negative");
        return NULL;
    }
    return device_make(kind, (int)n);
}

static PyObject *device_repr(PyObject *self)
{
    device_object *d = (device_object *)self;
    if (d->index < 0) return PyUnicode_FromFormat("device(type='%s')", kinds[d->kind]);
    return PyUnicode_FromFormat("device(type='%s', index=%d)", kinds[d->kind], d->index);
}

static PyObject *device_str(PyObject *self)
{
    device_object *d = (device_object *)self;
    if (d->index < 0) return PyUnicode_FromString(kinds[d->kind]);
    return PyUnicode_FromFormat("%s:%d", kinds[d->kind], d->index);
}

static Py_hash_t device_hash(PyObject *self)
{
    device_object *d = (device_object *)self;
    return d->kind * 1000 + d->index + 1;
}

static PyObject *device_compare(PyObject *a, PyObject *b, int op)
{
    if (!Py_IS_TYPE(a, &py_device_type) || !Py_IS_TYPE(b, &py_device_type) ||
        (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    const device_object *x = (device_object *)a, *y = (device_object *)b;
    return PyBool_FromLong((x->kind == y->kind && x->index == y->index) == (op == Py_EQ));
}

static PyObject *device_type_name(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(kinds[((device_object *)self)->kind]);
}

static PyObject *device_index(PyObject *self, void *Py_UNUSED(closure))
{
    int index = ((device_object *)self)->index;
    if (index < 0) Py_RETURN_NONE;
    return PyLong_FromLong(index);
}

static PyObject *device_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    device_object *d = (device_object *)self;
    if (d->index < 0) return Py_BuildValue("O(s)", &py_device_type, kinds[d->kind]);
    return Py_BuildValue("O(si)", &py_device_type, kinds[d->kind], d->index);
}

static PyObject *device_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return device_usable(((device_object *)self)->kind) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *device_exit(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    Py_RETURN_NONE;
}

static PyMethodDef device_methods[] = {
    {"__reduce__", device_reduce, METH_NOARGS, NULL},
    {"__enter__", device_enter, METH_NOARGS, NULL},
    {"__exit__", device_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef device_getset[] = {
    {"type", device_type_name, NULL, "\"cpu\", \"cuda\", ...", NULL},
    {"index", device_index, NULL, "The number of the device, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject py_device_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.device",
    .tp_basicsize = sizeof(device_object),
    .tp_repr = device_repr,
    .tp_hash = device_hash,
    .tp_str = device_str,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "device(type, index=None)\n--\n\nWhere a tensor lives: always the CPU here. Other "
              "devices can be named, but not used.",
    .tp_richcompare = device_compare,
    .tp_methods = device_methods,
    .tp_getset = device_getset,
    .tp_new = device_new,
};

static PyObject *get_default_device(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return py_device_cpu();
}

static PyObject *set_default_device(PyObject *Py_UNUSED(module), PyObject *device)
{
    if (py_device_check(device) < 0) return NULL;
    Py_RETURN_NONE;
}

/* ---- Size ------------------------------------------------------------------------------------ */
PyObject *py_size_new(int ndim, const int64_t *size)
{
    PyObject *self = py_size_type.tp_alloc(&py_size_type, ndim);
    if (!self) return NULL;
    for (int d = 0; d < ndim; d++) {
        PyObject *n = PyLong_FromLongLong(size[d]);
        if (!n) {
            Py_DECREF(self);
            return NULL;
        }
        PyTuple_SET_ITEM(self, d, n);
    }
    return self;
}

/* A tuple's result as a Size; takes `tuple` over. */
static PyObject *size_from_tuple(PyObject *tuple)
{
    if (!tuple || !PyTuple_Check(tuple) || Py_IS_TYPE(tuple, &py_size_type)) return tuple;
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    PyObject *self = py_size_type.tp_alloc(&py_size_type, n);
    for (Py_ssize_t i = 0; self && i < n; i++)
        PyTuple_SET_ITEM(self, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    Py_DECREF(tuple);
    return self;
}

static PyObject *size_new(PyTypeObject *cls, PyObject *args, PyObject *kwargs)
{
    PyObject *self = PyTuple_Type.tp_new(cls, args, kwargs);
    if (!self) return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); i++) {
        PyObject *item = PyTuple_GET_ITEM(self, i);
        if (PyLong_Check(item)) continue;
        PyObject *number = PyIndex_Check(item) ? PyNumber_Index(item) : NULL;
        if (!number) {
            PyErr_Format(PyExc_TypeError,
                         "torch.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                         Py_TYPE(item)->tp_name);
            Py_DECREF(self);
            return NULL;
        }
        PyTuple_SET_ITEM(self, i, number);
        Py_DECREF(item);
    }
    return self;
}

static PyObject *size_repr(PyObject *self)
{
    PyObject *list = PySequence_List(self);
    if (!list) return NULL;
    PyObject *text = PyUnicode_FromFormat("torch.Size(%R)", list);
    Py_DECREF(list);
    return text;
}

/* Size + tuple and tuple + Size. */
static PyObject *size_add(PyObject *a, PyObject *b)
{
    PyObject *other = Py_IS_TYPE(a, &py_size_type) ? b : a;
    if (!PyTuple_Check(other)) {
        if (other == a) Py_RETURN_NOTIMPLEMENTED;
        return PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not %s) to torch.Size",
                            Py_TYPE(other)->tp_name);
    }
    return size_from_tuple(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}

static PyObject *size_repeat(PyObject *self, Py_ssize_t n)
{
    PyObject *tuple =
        PyTuple_GetSlice(self, 0, PyTuple_GET_SIZE(self)); /* may be self: repeat(1) returns it */
    if (!tuple) return NULL;
    PyObject *result = PyTuple_Type.tp_as_sequence->sq_repeat(tuple, n);
    Py_DECREF(tuple);
    return size_from_tuple(result);
}

static PyObject *size_subscript(PyObject *self, PyObject *key)
{
    return size_from_tuple(PyTuple_Type.tp_as_mapping->mp_subscript(self, key));
}

static PyObject *size_numel(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    long long n = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); i++) {
        long long k = PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
        if (k == -1 && PyErr_Occurred()) return NULL;
        if (__builtin_mul_overflow(n, k, &n))
            return PyErr_Format(PyExc_RuntimeError, "numel: integer multiplication overflow");
    }
    return PyLong_FromLongLong(n);
}

static PyObject *size_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PySequence_List(self);
    if (!list) return NULL;
    PyObject *items = PyList_AsTuple(list);
    Py_DECREF(list);
    return items ? Py_BuildValue("O(N)", &py_size_type, items) : NULL;
}

static PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS,
     "numel()\n--\n\nThe number of elements of a tensor of this size."
     "\n\n>>> minitorch.numel(minitorch.zeros(2, 3))\n6"},
    {"__reduce__", size_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyNumberMethods size_number = {.nb_add = size_add};
static PySequenceMethods size_sequence = {.sq_concat = size_add, .sq_repeat = size_repeat};
static PyMappingMethods size_mapping = {.mp_subscript = size_subscript};

PyTypeObject py_size_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.Size",
    .tp_repr = size_repr,
    .tp_as_number = &size_number,
    .tp_as_sequence = &size_sequence,
    .tp_as_mapping = &size_mapping,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Size(sizes=())\n--\n\nThe shape of a tensor: a tuple of ints.",
    .tp_methods = size_methods,
    .tp_base = &PyTuple_Type,
    .tp_new = size_new,
};

/* ---- layout and memory_format: names without behaviour --------------------------------------- */
typedef struct named_object {
    PyObject_HEAD
    const char *name;
} named_object;

static PyObject *named_repr(PyObject *self)
{
    return PyUnicode_FromFormat("torch.%s", ((named_object *)self)->name);
}

static PyObject *named_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyUnicode_FromString(((named_object *)self)->name);
}

static PyMethodDef named_methods[] = {
    {"__reduce__", named_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#define NAMED_TYPE(variable, text, what)                                                           \
    PyTypeObject variable = {                                                                      \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = text,                                             \
        .tp_basicsize = sizeof(named_object),                                                      \
        .tp_repr = named_repr,                                                                     \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,                        \
        .tp_doc = what,                                                                            \
        .tp_methods = named_methods,                                                               \
    }
NAMED_TYPE(py_layout_type, "minitorch.layout",
           "How the elements of a tensor lie in memory: always minitorch.strided.");
NAMED_TYPE(py_memory_format_type, "minitorch.memory_format",
           "The order in which the dimensions lie in memory.");

static named_object strided = {.name = "strided"};
static named_object formats[] = {{.name = "contiguous_format"},
                                 {.name = "preserve_format"},
                                 {.name = "channels_last"},
                                 {.name = "channels_last_3d"}};

PyObject *py_layout_strided(void) { return Py_NewRef((PyObject *)&strided); }

int py_memory_format_from(PyObject *o)
{
    for (int i = 0; i < (int)Py_ARRAY_LENGTH(formats); i++)
        if (o == (PyObject *)&formats[i]) return i;
    return -1;
}

static int add_named(PyObject *module, named_object *object, PyTypeObject *type)
{
    PyObject_Init((PyObject *)object, type);
    return PyModule_AddObjectRef(module, object->name, (PyObject *)object);
}

PY_NAMED(set_default_device, "set_default_device", "device")
static PyMethodDef functions[] = {
    {"get_default_device", get_default_device, METH_NOARGS,
     "get_default_device()\n--\n\nThe device new tensors are made on: the CPU."
     "\n\n>>> minitorch.get_default_device()\ndevice(type='cpu')"},
    {"set_default_device", PY_NAMED_METHOD(set_default_device),
     "set_default_device(device)\n--\n\nAccepts the CPU; any other device raises an error."
     "\n\n>>> minitorch.set_default_device(\"cpu\")"},
    {NULL, NULL, 0, NULL},
};

int py_init_device(PyObject *module)
{
    PyTypeObject *types[] = {&py_device_type, &py_size_type, &py_layout_type,
                             &py_memory_format_type};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(types); i++)
        if (PyModule_AddType(module, types[i]) < 0) return -1;
    if (add_named(module, &strided, &py_layout_type) < 0) return -1;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(formats); i++)
        if (add_named(module, &formats[i], &py_memory_format_type) < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
