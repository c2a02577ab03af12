/* Generator, the default one, and the functions that seed it. The streams are base/random.c's.
 * Read next: ops/random.c. */
#include "python/py_tensor.h"

typedef struct generator_object {
    PyObject_HEAD
    mt_generator *g; /* counted */
} generator_object;

static PyTypeObject generator_type;
static generator_object *default_object; /* counted; lives as long as the process */

static mt_generator *core(PyObject *self) { return ((generator_object *)self)->g; }

/* Takes one count of g over. */
static PyObject *wrap(mt_generator *g)
{
    if (!g) return py_raise();
    generator_object *self = PyObject_New(generator_object, &generator_type);
    if (!self) {
        mt_generator_release(g);
        return NULL;
    }
    self->g = g;
    return (PyObject *)self;
}

struct mt_generator *py_generator_from(PyObject *o)
{
    if (PyObject_TypeCheck(o, &generator_type)) return core(o);
    PyErr_Format(PyExc_TypeError, "expected a torch.Generator, but got %s", Py_TYPE(o)->tp_name);
    return NULL;
}

/* ---- seeds: -2^63 .. 2^64 - 1, negative ones wrap -------------------------------------------- */

static int read_seed(PyObject *o, uint64_t *seed)
{
    int overflow;
    int64_t i = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow) {
        *seed = (uint64_t)i;
        return i == -1 && PyErr_Occurred() ? -1 : 0;
    }
    if (overflow > 0) {
        *seed = PyLong_AsUnsignedLongLong(o);
        if (!PyErr_Occurred()) return 0;
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    return -1;
}

/* ---- the state as a tensor of bytes ---------------------------------------------------------- */

static PyObject *get_state(const mt_generator *g)
{
    const int64_t size[1] = {MT_GENERATOR_STATE_SIZE};
    mt_scope scope = mt_scope_open();
    mt_tensor *t = mt_empty(MT_UINT8, 1, size);
    if (t) mt_generator_get_state(g, (uint8_t *)t->data);
    PyObject *state = py_wrap_result(t);
    mt_scope_close(scope);
    return state;
}

static int set_state(mt_generator *g, PyObject *state)
{
    if (!py_tensor_check(state)) {
        PyErr_Format(PyExc_TypeError, "expected a torch.ByteTensor, but got %s",
                     Py_TYPE(state)->tp_name);
        return -1;
    }
    if (py_core(state)->dtype != MT_UINT8) {
        PyErr_SetString(PyExc_TypeError, "RNG state must be a torch.ByteTensor");
        return -1;
    }
    mt_scope scope = mt_scope_open();
    mt_tensor *t = mt_contiguous_raw(py_core(state), MT_UINT8);
    int failed = t && mt_generator_set_state(g, (const uint8_t *)t->data, t->numel) == 0
                     ? 0
                     : py_raise_int();
    mt_scope_close(scope);
    return failed;
}

/* ---- Generator ------------------------------------------------------------------------------- */

static PyObject *generator_new(PyTypeObject *Py_UNUSED(cls), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"device", NULL};
    PyObject *device = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Generator", names, &device)) return NULL;
    return py_device_check(device) < 0 ? NULL : wrap(mt_generator_new());
}

static void generator_dealloc(PyObject *self)
{
    mt_generator_release(core(self));
    Py_TYPE(self)->tp_free(self);
}

static PyObject *generator_manual_seed(PyObject *self, PyObject *o)
{
    uint64_t seed;
    if (!PyLong_Check(o) || PyBool_Check(o))
        return PyErr_Format(PyExc_RuntimeError, "manual_seed expected a long, but got %s",
                            Py_TYPE(o)->tp_name);
    if (read_seed(o, &seed) < 0) return NULL;
    mt_generator_seed(core(self), seed);
    return Py_NewRef(self);
}

static PyObject *generator_seed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromUnsignedLongLong(mt_generator_seed_unpredictably(core(self)));
}

static PyObject *generator_initial_seed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromUnsignedLongLong(mt_generator_initial_seed(core(self)));
}

static PyObject *generator_get_state(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return get_state(core(self));
}

static PyObject *generator_set_state(PyObject *self, PyObject *state)
{
    return set_state(core(self), state) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *generator_clone_state(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return wrap(mt_generator_clone(core(self)));
}

/* Rebuilt as a new generator in the same state. */
static PyObject *generator_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *state = get_state(core(self));
    return state ? Py_BuildValue("O()N", &generator_type, state) : NULL;
}

static PyObject *generator_setstate(PyObject *self, PyObject *state)
{
    if (set_state(core(self), state) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *generator_device(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return py_device_cpu();
}

static PyMethodDef generator_methods[] = {
    {"manual_seed", generator_manual_seed, METH_O,
     "manual_seed(seed, /)\n--\n\nStarts the stream of this seed; returns the generator."
     "\n\n>>> a = minitorch.manual_seed(0), minitorch.rand(2)\n>>> b = minitorch.manual_seed(0), "
     "minitorch.rand(2)\n>>> minitorch.equal(a[1], b[1])\nTrue"},
    {"seed", generator_seed, METH_NOARGS,
     "seed()\n--\n\nStarts from an unpredictable seed, which is returned."
     "\n\n>>> minitorch.seed() == minitorch.initial_seed()\nTrue"},
    {"initial_seed", generator_initial_seed, METH_NOARGS,
     "initial_seed()\n--\n\nThe seed the stream was started with."
     "\n\n>>> _ = minitorch.manual_seed(5)\n>>> minitorch.initial_seed()\n5"},
    {"get_state", generator_get_state, METH_NOARGS,
     "get_state()\n--\n\nThe state: 5056 bytes, as PyTorch lays them out."},
    {"set_state", generator_set_state, METH_O,
     "set_state(new_state, /)\n--\n\nGoes on from a state that get_state gave."},
    {"clone_state", generator_clone_state, METH_NOARGS,
     "clone_state()\n--\n\nAnother generator in the same state."},
    {"__reduce__", generator_reduce, METH_NOARGS, NULL},
    {"__setstate__", generator_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef generator_getset[] = {
    {"device", generator_device, NULL, "The CPU.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject generator_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.Generator",
    .tp_basicsize = sizeof(generator_object),
    .tp_dealloc = generator_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Generator(device='cpu')\n--\n\nA stream of random numbers (MT19937): the same seed "
              "gives PyTorch's numbers.\n\n"
              "Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html",
    .tp_methods = generator_methods,
    .tp_getset = generator_getset,
    .tp_new = generator_new,
};

/* ---- the default generator ------------------------------------------------------------------- */

static PyObject *manual_seed(PyObject *Py_UNUSED(module), PyObject *o)
{
    PyObject *number = PyObject_CallOneArg((PyObject *)&PyLong_Type, o);
    if (!number) return NULL;
    PyObject *result = generator_manual_seed((PyObject *)default_object, number);
    Py_DECREF(number);
    return result;
}

static PyObject *seed(PyObject *Py_UNUSED(module), PyObject *unused)
{
    return generator_seed((PyObject *)default_object, unused);
}

static PyObject *initial_seed(PyObject *Py_UNUSED(module), PyObject *unused)
{
    return generator_initial_seed((PyObject *)default_object, unused);
}

static PyObject *get_rng_state(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    return get_state(default_object->g);
}

static PyObject *set_rng_state(PyObject *Py_UNUSED(module), PyObject *state)
{
    if (set_state(default_object->g, state) < 0) return NULL;
    Py_RETURN_NONE;
}

PY_NAMED(manual_seed, "manual_seed", "seed")
PY_NAMED(set_rng_state, "set_rng_state", "new_state")

static PyMethodDef functions[] = {
    {"manual_seed", PY_NAMED_METHOD(manual_seed),
     "manual_seed(seed)\n--\n\nStarts the default stream from a seed between -2**63 and 2**64 - "
     "1; returns the generator.\n\n"
     "Source: https://docs.pytorch.org/docs/stable/generated/torch.manual_seed.html"
     "\n\n>>> a = minitorch.manual_seed(0), minitorch.rand(2)\n>>> b = minitorch.manual_seed(0), "
     "minitorch.rand(2)\n>>> minitorch.equal(a[1], b[1])\nTrue"},
    {"seed", seed, METH_NOARGS,
     "seed()\n--\n\nStarts the default stream from an unpredictable seed, which is returned."
     "\n\n>>> minitorch.seed() == minitorch.initial_seed()\nTrue"},
    {"initial_seed", initial_seed, METH_NOARGS,
     "initial_seed()\n--\n\nThe seed of the default stream."
     "\n\n>>> _ = minitorch.manual_seed(5)\n>>> minitorch.initial_seed()\n5"},
    {"get_rng_state", get_rng_state, METH_NOARGS,
     "get_rng_state()\n--\n\nThe default generator's state, 5056 bytes."
     "\n\n>>> minitorch.get_rng_state().dtype\ntorch.uint8"},
    {"set_rng_state", PY_NAMED_METHOD(set_rng_state),
     "set_rng_state(new_state)\n--\n\nPuts the default generator into this state."
     "\n\n>>> state = minitorch.get_rng_state()\n>>> x = minitorch.rand(3)\n>>> "
     "minitorch.set_rng_state(state)\n>>> minitorch.equal(x, minitorch.rand(3))\nTrue"},
    {NULL, NULL, 0, NULL},
};

int py_init_random(PyObject *module)
{
    if (PyModule_AddType(module, &generator_type) < 0) return -1;
    mt_generator *g = mt_default_generator();
    default_object = (generator_object *)wrap(g ? mt_generator_retain(g) : NULL);
    if (!default_object ||
        PyModule_AddObjectRef(module, "default_generator", (PyObject *)default_object) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
