/* Backward from Python: Tensor.backward, the functions under autograd.backward and autograd.grad,
 * hooks on gradients.
 *
 * Note [Hooks and the garbage collector]
 * A hook's function belongs to a py_hook, which the core's hook list and the RemovableHandle share.
 * Removing sets the function to NULL; the empty entry goes when the next hook is added. A function
 * that refers back to its tensor makes a cycle through the core, which Python's collector cannot
 * see. So Tensor's traverse and clear come here: as long as the tensor alone keeps its node (or is
 * a leaf that only Python holds), the functions count as the tensor's own.
 *
 * The walk itself keeps the GIL, as hooks are Python; py_module.c gives it away now and then.
 * Relies on autograd/engine.h; read next: py_node.c, minitorch/autograd/__init__.py. */
#include "python/py.h"

#include "python/py_bind.h"
#include "python/py_function.h"

/* ---- lists of tensors ------------------------------------------------------------------------ */

/* A tuple or list of tensors as an array; with `none`, None gives NULL.
 * Borrowed from the sequence. */
typedef struct tensor_list {
    PyObject *fast; /* owned */
    int n;
    mt_tensor **t;
    mt_tensor *few[8];
} tensor_list;

static void list_clear(tensor_list *l)
{
    if (l->t != l->few) PyMem_Free(l->t);
    Py_CLEAR(l->fast);
}

/* o: a tensor or an iterable of tensors. complaint formats the TypeError of an element with its
 * type's name. */
static int list_read(tensor_list *l, PyObject *o, bool none, const char *complaint)
{
    l->t = l->few;
    l->fast = py_tensor_check(o) ? PyTuple_Pack(1, o) : PySequence_Tuple(o);
    if (!l->fast) return -1;
    l->n = (int)PyTuple_GET_SIZE(l->fast);
    if (l->n > 8 && !(l->t = PyMem_Malloc((size_t)l->n * sizeof *l->t))) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < l->n; i++) {
        PyObject *item = PyTuple_GET_ITEM(l->fast, i);
        if (py_tensor_check(item)) {
            l->t[i] = py_core(item);
        } else if (none && item == Py_None) {
            l->t[i] = NULL;
        } else {
            PyErr_Format(PyExc_TypeError, complaint, py_type_name(item));
            return -1;
        }
    }
    return 0;
}

/* ---- backward -------------------------------------------------------------------------------- */

static const char *const NOT_A_GRADIENT = "gradients can be either Tensors or None, but got %s";
static const char *const NOT_A_TENSOR = "element of tensors must be a Tensor, but got %s";

/* y.backward(): roots, their gradients (None: ones), where to (None: every leaf). */
static PyObject *run_backward(PyObject *roots, PyObject *gradients, bool retain, bool create,
                              PyObject *inputs)
{
    tensor_list y = {0}, g = {0}, x = {0};
    int status = list_read(&y, roots, false, NOT_A_TENSOR);
    bool given = gradients != Py_None, some = inputs != Py_None;
    if (status == 0 && given) status = list_read(&g, gradients, true, NOT_A_GRADIENT);
    if (status == 0 && some) status = list_read(&x, inputs, false, NOT_A_TENSOR);
    if (status == 0 && given && g.n != y.n) {
        PyErr_Format(PyExc_RuntimeError, "got %d tensors and %d gradients", y.n, g.n);
        status = -1;
    }
    if (status == 0 && some && x.n == 0) {
        PyErr_SetString(PyExc_RuntimeError, "`inputs` argument to `backward()` cannot be empty.");
        status = -1;
    }
    if (status == 0) {
        mt_scope scope = mt_scope_open();
        if (mt_backward(y.n, y.t, given ? g.t : NULL, retain, create, x.n, some ? x.t : NULL) < 0) {
            py_raise_backward();
            status = -1;
        }
        mt_scope_close(scope);
    }
    list_clear(&y);
    list_clear(&g);
    list_clear(&x);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

enum { GRADIENT, RETAIN_GRAPH, CREATE_GRAPH, INPUTS, BACKWARD_ARGS };

/* Sorts arguments of backward into v; -1 with TypeError. */
static int backward_arguments(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                              PyObject **v)
{
    static const char *const names[] = {"gradient", "retain_graph", "create_graph", "inputs"};
    if (nargs > BACKWARD_ARGS) {
        PyErr_Format(PyExc_TypeError,
                     "Tensor.backward() takes from 1 to 5 positional arguments but %zd were given",
                     nargs + 1);
        return -1;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) v[i] = args[i];
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        int i = 0;
        while (i < BACKWARD_ARGS && PyUnicode_CompareWithASCIIString(name, names[i]) != 0) i++;
        if (i < BACKWARD_ARGS && i >= nargs) {
            v[i] = args[nargs + k];
            continue;
        }
        PyErr_Format(PyExc_TypeError,
                     i < nargs ? "Tensor.backward() got multiple values for argument '%U'"
                               : "Tensor.backward() got an unexpected keyword argument '%U'",
                     name);
        return -1;
    }
    return 0;
}

static PyObject *tensor_backward(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames)
{
    PyObject *v[BACKWARD_ARGS] = {Py_None, Py_None, Py_False, Py_None};
    if (MT_LIKELY(nargs == 0 && !kwnames)) {
        mt_tensor *y = py_core(self);
        mt_scope scope = mt_scope_open();
        int status = mt_backward(1, &y, NULL, false, false, 0, NULL);
        if (MT_UNLIKELY(status < 0)) py_raise_backward();
        mt_scope_close(scope);
        if (MT_UNLIKELY(status < 0)) return NULL;
        Py_RETURN_NONE;
    }
    if (backward_arguments(args, nargs, kwnames, v) < 0) return NULL;
    int create = PyObject_IsTrue(v[CREATE_GRAPH]);
    int retain = v[RETAIN_GRAPH] == Py_None ? create : PyObject_IsTrue(v[RETAIN_GRAPH]);
    if (create < 0 || retain < 0) return NULL;
    return run_backward(self, v[GRADIENT], retain, create, v[INPUTS]);
}

/* _backward(tensors, gradients, retain_graph, create_graph, inputs) */
static PyObject *backward(PyObject *module, PyObject *args)
{
    PyObject *roots, *gradients, *inputs;
    int retain, create;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOppO", &roots, &gradients, &retain, &create, &inputs))
        return NULL;
    return run_backward(roots, gradients, retain, create, inputs);
}

/* ---- grad ------------------------------------------------------------------------------------ */

static PyObject *run_grad(tensor_list *y, tensor_list *g, tensor_list *x, bool retain, bool create,
                          bool allow_unused)
{
    mt_tensor **gx = PyMem_Calloc((size_t)x->n + 1, sizeof *gx);
    if (!gx) return PyErr_NoMemory();
    mt_scope scope = mt_scope_open();
    PyObject *tuple = NULL;
    if (mt_grad(y->n, y->t, g->fast ? g->t : NULL, x->n, x->t, gx, retain, create, allow_unused) <
        0)
        py_raise_backward();
    else
        tuple = PyTuple_New(x->n);
    for (int i = 0; tuple && i < x->n; i++) {
        PyObject *item = gx[i] ? py_wrap(gx[i]) : Py_NewRef(Py_None);
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    mt_scope_close(scope);
    PyMem_Free(gx);
    return tuple;
}

/* _grad(outputs, inputs, gradients, retain_graph, create_graph, allow_unused) -> tuple with None
 * where unused */
static PyObject *grad(PyObject *module, PyObject *args)
{
    PyObject *outputs, *inputs, *gradients, *result = NULL;
    int retain, create, allow_unused;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOppp", &outputs, &inputs, &gradients, &retain, &create,
                          &allow_unused))
        return NULL;
    tensor_list y = {0}, g = {0}, x = {0};
    if (list_read(&y, outputs, false, NOT_A_TENSOR) < 0 ||
        list_read(&x, inputs, false, NOT_A_TENSOR) < 0)
        goto done;
    if (gradients != Py_None && list_read(&g, gradients, true, NOT_A_GRADIENT) < 0) goto done;
    if (g.fast && g.n != y.n)
        PyErr_Format(PyExc_RuntimeError, "got %d tensors and %d gradients", y.n, g.n);
    else if (x.n == 0)
        PyErr_SetString(PyExc_RuntimeError, "`inputs` argument to `grad()` cannot be empty.");
    else
        result = run_grad(&y, &g, &x, retain, create, allow_unused);
done:
    list_clear(&y);
    list_clear(&g);
    list_clear(&x);
    return result;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

typedef struct py_hook {
    int refs;
    uint64_t id;
    PyObject *fn; /* owned; NULL once removed */
} py_hook;

static void hook_release(void *context)
{
    py_hook *h = context;
    PyGILState_STATE state = PyGILState_Ensure();
    if (--h->refs == 0) {
        Py_XDECREF(h->fn);
        PyMem_Free(h);
    }
    PyGILState_Release(state);
}

static mt_tensor *fail_in_hook(void)
{
    py_fail_host();
    return NULL;
}

/* What a hook returned, as a gradient: None leaves it as it is. */
static mt_tensor *replacement(PyObject *fn, PyObject *result, mt_tensor *grad)
{
    if (result == Py_None) return grad;
    if (!py_tensor_check(result)) {
        PyErr_Format(PyExc_TypeError, "expected Variable, but hook returned '%s'",
                     Py_TYPE(result)->tp_name);
        return fail_in_hook();
    }
    mt_tensor *t = py_core(result);
    if (!mt_same_shape(t, grad)) {
        PyObject *name = PyObject_GetAttrString(fn, "__name__");
        if (!name) PyErr_Clear();
        PyErr_Format(PyExc_RuntimeError, "hook '%S' has changed the size of value",
                     name ? name : fn);
        Py_XDECREF(name);
        return fail_in_hook();
    }
    if (t->dtype != grad->dtype) {
        PyErr_Format(PyExc_RuntimeError,
                     "hook has changed the type of value (was torch.%sTensor got torch.%sTensor)",
                     mt_dtype_camel((mt_dtype)grad->dtype), mt_dtype_camel((mt_dtype)t->dtype));
        return fail_in_hook();
    }
    return mt_own(mt_retain(t));
}

/* Runs fn(tensor). A hook may remove itself meanwhile, so nothing of it
 * is used afterwards but fn. */
static mt_tensor *call_hook(void *context, mt_tensor *t, bool post)
{
    PyObject *fn = ((py_hook *)context)->fn;
    if (!fn) return t;
    PyGILState_STATE state = PyGILState_Ensure();
    Py_INCREF(fn);
    PyObject *argument = py_wrap(t), *result = argument ? PyObject_CallOneArg(fn, argument) : NULL;
    mt_tensor *next = t;
    if (!result) {
        next = fail_in_hook();
    } else if (result != argument) { /* one that changes its tensor in place may return it */
        next = replacement(fn, result, t);
        if (post && result != Py_None && next) {
            PyErr_SetString(PyExc_RuntimeError,
                            "Tensor post accumulate grad hooks should return None.");
            next = fail_in_hook();
        }
    }
    Py_XDECREF(argument);
    Py_XDECREF(result);
    Py_DECREF(fn);
    PyGILState_Release(state);
    return next;
}

static mt_tensor *call_tensor_hook(void *context, mt_tensor *grad)
{
    return call_hook(context, grad, false);
}

static mt_tensor *call_post_hook(void *context, mt_tensor *leaf)
{
    return call_hook(context, leaf, true);
}

static bool is_ours(const mt_hook *h)
{
    return h->fn == call_tensor_hook || h->fn == call_post_hook;
}

/* The hooks that lie at t, if nothing but its Python object keeps them; NULL otherwise. */
static mt_hooks **hooks_at(mt_tensor *t) { return t->node ? &t->node->hooks : &t->hooks; }

static bool is_alone(const mt_tensor *t)
{
    return t->refs == 1 && (!t->node || t->node->refs == 1);
}

int py_hooks_traverse(mt_tensor *t, visitproc visit, void *arg)
{
    if (!t || !is_alone(t)) return 0;
    if (t->node) Py_VISIT(py_function_context(t->node));
    const mt_hooks *hooks = *hooks_at(t);
    for (int i = 0; hooks && i < hooks->n; i++) {
        if (!is_ours(&hooks->hook[i])) continue;
        const py_hook *h = hooks->hook[i].context;
        Py_VISIT(h->fn);
    }
    return 0;
}

void py_hooks_clear(mt_tensor *t)
{
    if (!t || !is_alone(t)) return;
    mt_hooks **hooks = hooks_at(t);
    for (int i = *hooks ? (*hooks)->n - 1 : -1; i >= 0; i--) {
        if (!is_ours(&(*hooks)->hook[i])) continue;
        py_hook *h = (*hooks)->hook[i].context;
        Py_CLEAR(h->fn);
    }
}

/* Entries whose function has been taken back. */
static void drop_removed(mt_tensor *t)
{
    mt_hooks **hooks = hooks_at(t);
    for (int i = *hooks ? (*hooks)->n - 1 : -1; i >= 0; i--) {
        const mt_hook *h = &(*hooks)->hook[i];
        if (is_ours(h) && !((py_hook *)h->context)->fn) mt_hook_remove(hooks, h->id);
    }
}

/* ---- RemovableHandle ------------------------------------------------------------------------- */

typedef struct hook_handle {
    PyObject_HEAD;
    py_hook *hook;
} hook_handle;

static PyTypeObject handle_type;

static PyObject *handle_remove(PyObject *self, PyObject *unused)
{
    (void)unused;
    Py_CLEAR(((hook_handle *)self)->hook->fn);
    Py_RETURN_NONE;
}

static PyObject *handle_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *handle_exit(PyObject *self, PyObject *args)
{
    (void)args;
    return handle_remove(self, NULL);
}

static PyObject *handle_id(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((hook_handle *)self)->hook->id);
}

static void handle_dealloc(PyObject *self)
{
    hook_release(((hook_handle *)self)->hook);
    PyObject_Free(self);
}

static PyMethodDef handle_methods[] = {
    {"remove", handle_remove, METH_NOARGS,
     "remove($self, /)\n--\n\nThe hook will not be called again."},
    {"__enter__", handle_enter, METH_NOARGS, NULL},
    {"__exit__", handle_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef handle_getset[] = {
    {"id", handle_id, NULL, "A number of its own.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject handle_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minitorch.utils.hooks.RemovableHandle",
    .tp_basicsize = sizeof(hook_handle),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "Takes a tensor's hook away again; also as a context manager.",
    .tp_dealloc = handle_dealloc,
    .tp_methods = handle_methods,
    .tp_getset = handle_getset,
};

static PyObject *add_hook(PyObject *self, PyObject *fn, bool post)
{
    mt_tensor *t = py_core(self);
    if (post && t->node) {
        PyErr_SetString(PyExc_RuntimeError,
                        "post accumulate grad hooks cannot be registered on non-leaf tensors");
        return NULL;
    }
    py_hook *h = PyMem_Malloc(sizeof *h);
    if (!h) return PyErr_NoMemory();
    h->refs = 1;
    h->fn = Py_NewRef(fn);
    mt_scope scope = mt_scope_open();
    drop_removed(t);
    h->id = mt_hook_add(t, post, post ? call_post_hook : call_tensor_hook, hook_release, h);
    if (!h->id) py_raise();
    mt_scope_close(scope);
    hook_handle *handle = h->id ? PyObject_New(hook_handle, &handle_type) : NULL;
    if (!handle) {
        if (!h->id) hook_release(h);
        return NULL;
    }
    h->refs++;
    handle->hook = h;
    if (!PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
    return (PyObject *)handle;
}

static PyObject *register_hook(PyObject *self, PyObject *fn) { return add_hook(self, fn, false); }

static PyObject *register_post_hook(PyObject *self, PyObject *fn)
{
    return add_hook(self, fn, true);
}

static PyObject *retain_grad(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (mt_retain_grad(py_core(self)) < 0) return py_raise();
    Py_RETURN_NONE;
}

/* graph_size(t) -> (nodes, bytes) */
static PyObject *graph_size(PyObject *module, PyObject *o)
{
    int64_t bytes;
    (void)module;
    if (!py_tensor_check(o))
        return PyErr_Format(PyExc_TypeError,
                            "graph_size(): argument 'input' (position 1) must be Tensor, not %s",
                            py_type_name(o));
    int64_t nodes = mt_graph_size(py_core(o), &bytes);
    if (nodes < 0) return py_raise();
    return Py_BuildValue("LL", (long long)nodes, (long long)bytes);
}

static PyMethodDef functions[] = {
    {"_backward", backward, METH_VARARGS, NULL},
    {"_grad", grad, METH_VARARGS, NULL},
    {"graph_size", graph_size, METH_O,
     "graph_size(input, /)\n--\n\nHow many remembered calls a tensor keeps alive, and how many "
     "bytes they and what they kept take."
     "\n\n>>> x = minitorch.ones(2, requires_grad=True)\n>>> minitorch.graph_size((x * "
     "2).sum())[0]\n2"},
    {NULL, NULL, 0, NULL},
};

PY_NAMED(register_hook, "register_hook", "hook")
PY_NAMED(register_post_hook, "register_post_accumulate_grad_hook", "hook")
static PyMethodDef methods[] = {
    {"backward", (PyCFunction)(void (*)(void))tensor_backward, METH_FASTCALL | METH_KEYWORDS,
     "backward($self, /, gradient=None, retain_graph=None, create_graph=False, inputs=None)\n--\n\n"
     "Computes the gradient of this tensor with respect to the leaves it was made from, and adds "
     "it to their .grad.\n\n"
     "gradient: that of something else with respect to this tensor; may be left out where it has "
     "one element.\n"
     "retain_graph: keep what was remembered, so that backward() can be called again; default: "
     "create_graph.\n"
     "create_graph: record the way back as well, for higher derivatives.\n"
     "inputs: add only to the gradients of these tensors.\n\n"
     "Raises RuntimeError if nothing here requires grad, if the shapes do not match, or on a "
     "second walk.\n\n"
     ">>> x = minitorch.tensor(3.0, requires_grad=True)\n>>> (x * x).backward()\n>>> "
     "x.grad\ntensor(6.)"},
    {"register_hook", PY_NAMED_METHOD(register_hook),
     "register_hook($self, /, hook)\n--\n\nCalls hook(grad) whenever a gradient of this tensor has "
     "been computed; what it returns, unless None,\ntakes the gradient's place. Returns a handle "
     "with remove()."
     "\n\n>>> x = minitorch.ones(1, requires_grad=True)\n>>> handle = x.register_hook(lambda grad: "
     "grad * 10)\n>>> (x * 2).sum().backward()\n>>> x.grad\ntensor([20.])"},
    {"register_post_accumulate_grad_hook", PY_NAMED_METHOD(register_post_hook),
     "register_post_accumulate_grad_hook($self, /, hook)\n--\n\nCalls hook(tensor) after a "
     "gradient has been added to this leaf's .grad. Returns a handle with remove()."
     "\n\n>>> x = minitorch.ones(1, requires_grad=True)\n>>> handle = "
     "x.register_post_accumulate_grad_hook(lambda t: print(t.grad))\n>>> (x * "
     "2).sum().backward()\ntensor([2.])"},
    {"retain_grad", retain_grad, METH_NOARGS,
     "retain_grad($self, /)\n--\n\nMakes backward() fill in .grad of this tensor although it is no "
     "leaf."
     "\n\n>>> y = minitorch.ones(1, requires_grad=True) * 2\n>>> y.retain_grad()\n>>> (y * "
     "3).sum().backward()\n>>> y.grad\ntensor([3.])"},
    {NULL, NULL, 0, NULL},
};

int py_init_autograd(PyObject *module)
{
    if (PyType_Ready(&handle_type) < 0 || PyModule_AddFunctions(module, functions) < 0) return -1;
    for (PyMethodDef *m = methods; m->ml_name; m++) {
        PyObject *descriptor = PyDescr_NewMethod(&py_tensor_type, m);
        int status =
            descriptor ? PyDict_SetItemString(py_tensor_type.tp_dict, m->ml_name, descriptor) : -1;
        Py_XDECREF(descriptor);
        if (status < 0) return -1;
    }
    PyType_Modified(&py_tensor_type);
    return PyModule_AddObjectRef(module, "_RemovableHandle", (PyObject *)&handle_type);
}
