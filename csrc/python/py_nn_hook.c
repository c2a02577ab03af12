/* The gradients that pass a module's border, shown to Python: what full backward hooks are made of.
 *
 * _nn_pass(tensors, hook) returns the tensors again, as results of one node. When gradients arrive
 * there, hook(grads) sees all of them at once and may return others. Relies on graph/node.h. */
#include "python/py_nn.h"

#include "base/alloc.h"

static int pass_forward(mt_call *c)
{
    for (int k = 0; k < c->nout; k++) {
        if (!(c->out[k] = mt_alias(c->in[k]))) return -1;
    }
    c->context = Py_NewRef((PyObject *)(intptr_t)c->arg[0].i);
    return 0;
}

/* What the hook returned, for the engine: tensors or None, as many as there are inputs. */
static int take_results(const mt_call *c, PyObject *result, mt_tensor **gin)
{
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != c->nin) {
        PyErr_SetString(PyExc_RuntimeError,
                        "a backward hook must return None or one gradient for each tensor");
        return -1;
    }
    for (int i = 0; i < c->nin; i++) {
        PyObject *g = PyTuple_GET_ITEM(result, i);
        if (g != Py_None && !py_tensor_check(g)) {
            PyErr_Format(PyExc_TypeError, "expected Variable, but hook returned '%s'",
                         Py_TYPE(g)->tp_name);
            return -1;
        }
        if (gin[i]) gin[i] = g == Py_None ? NULL : mt_own(mt_retain(py_core(g)));
    }
    return 0;
}

static void pass_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *grads = PyTuple_New(c->nout), *result = NULL;
    for (int k = 0; grads && k < c->nout; k++) {
        PyObject *g = gout[k] ? py_wrap(gout[k]) : Py_NewRef(Py_None);
        if (!g)
            Py_CLEAR(grads);
        else
            PyTuple_SET_ITEM(grads, k, g);
    }
    if (grads) result = PyObject_CallOneArg(c->context, grads);
    if (result == Py_None) {
        for (int i = 0; i < c->nin; i++)
            if (gin[i]) gin[i] = gout[i];
    } else if (!result || take_results(c, result, gin) < 0) {
        for (int i = 0; i < c->nin; i++) gin[i] = NULL;
        py_fail_host();
    }
    Py_XDECREF(grads);
    Py_XDECREF(result);
    PyGILState_Release(state);
}

static void pass_release(void *hook)
{
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)hook);
    PyGILState_Release(state);
}

static const mt_op pass = {.name = "backward_hook",
                           .schema = "backward_hook(Tensor[] tensors, int hook) -> Tensor[]",
                           .grad_name = "BackwardHookFunctionBackward",
                           .forward = pass_forward,
                           .backward = pass_backward,
                           .release = pass_release};

static PyObject *nn_pass(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *tensors, *hook, *result = NULL;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &tensors, &hook)) return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(tensors);
    if (n > INT16_MAX) return PyErr_Format(PyExc_ValueError, "too many tensors");
    size_t bytes = (size_t)(2 * n + 1) * sizeof(mt_tensor *);
    mt_tensor **in = mt_malloc(bytes), **out = in + n;
    if (!in) return py_raise();
    mt_scope scope = mt_scope_open();
    bool ok = true;
    for (Py_ssize_t i = 0; i < n; i++) {
        ok = ok && py_tensor_check(PyTuple_GET_ITEM(tensors, i));
        in[i] = ok ? py_core(PyTuple_GET_ITEM(tensors, i)) : NULL;
        out[i] = NULL;
    }
    mt_arg arg[1] = {mt_arg_int((int64_t)(intptr_t)hook)};
    mt_call c = {.op = &pass,
                 .nin = (int16_t)n,
                 .narg = 1,
                 .nout = (int16_t)n,
                 .in = in,
                 .out = out,
                 .arg = arg};
    if (!ok)
        PyErr_SetString(PyExc_TypeError, "expected tensors");
    else if (!mt_apply(&c))
        py_raise();
    else
        result = py_wrap_list((int)n, out, true);
    mt_scope_close(scope);
    mt_free(in, bytes);
    return result;
}

static PyMethodDef functions[] = {
    {"_nn_pass", nn_pass, METH_VARARGS, "The tensors again; hook(grads) sees their gradients."},
    {NULL, NULL, 0, NULL},
};

int py_nn_hook_init(PyObject *module) { return PyModule_AddFunctions(module, functions); }
