/* What an Operator says about itself: name, signature, documentation, typed stubs; all from its
 * schemas and records. Read next: py_op_register.c. */
#include "python/py_op.h"

#include <string.h>

static py_op *as_op(PyObject *self) { return (py_op *)self; }

PyObject *py_op_repr(PyObject *self)
{
    const py_op *op = as_op(self);
    if (op->form & PY_METHOD)
        return PyUnicode_FromFormat("<method '%U' of 'minitorch.Tensor' objects>", op->name);
    if (op->form & PY_NN) return PyUnicode_FromFormat("<built-in function %U>", op->name);
    return PyUnicode_FromFormat("<built-in method %U of type object>", op->name);
}

static PyObject *get_name(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(as_op(self)->name);
}

static PyObject *get_qualname(PyObject *self, void *closure)
{
    (void)closure;
    const py_op *op = as_op(self);
    return op->form & PY_METHOD ? PyUnicode_FromFormat("Tensor.%U", op->name) : Py_NewRef(op->name);
}

static PyObject *get_module(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(as_op(self)->module);
}

/* The overload that stands for all in inspect.signature: the one with the most parameters. */
static const py_schema *fullest(const py_op *op)
{
    const py_schema *s = op->schema[0];
    for (int i = 1; i < op->n; i++)
        if (op->schema[i]->n > s->n) s = op->schema[i];
    return s;
}

static PyObject *get_text_signature(PyObject *self, void *closure)
{
    (void)closure;
    return py_schema_signature(fullest(as_op(self)));
}

/* inspect.signature(lambda input, *, out=None: None) */
static PyObject *get_signature(PyObject *self, void *closure)
{
    (void)closure;
    PyObject *text = py_schema_signature(fullest(as_op(self))), *source = NULL, *names = NULL,
             *lambda = NULL;
    PyObject *inspect = PyImport_ImportModule("inspect"), *signature = NULL;
    if (text && inspect) {
        PyObject *inside = PyUnicode_Substring(text, 1, PyUnicode_GET_LENGTH(text) - 1);
        source = inside ? PyUnicode_FromFormat("lambda %U: None", inside) : NULL;
        Py_XDECREF(inside);
        names = Py_BuildValue("{s:d,s:d}", "inf", Py_HUGE_VAL, "nan", Py_NAN);
    }
    const char *code = source ? PyUnicode_AsUTF8(source) : NULL;
    if (code && names) lambda = PyRun_String(code, Py_eval_input, names, names);
    if (lambda) signature = PyObject_CallMethod(inspect, "signature", "O", lambda);
    Py_XDECREF(text);
    Py_XDECREF(source);
    Py_XDECREF(names);
    Py_XDECREF(lambda);
    Py_XDECREF(inspect);
    return signature;
}

/* "max(input, dim, keepdim=False, *, out=None) -> (values, indices)" for every overload, then the
 * operator's own text: its first line, the rule, and the rest. */
static PyObject *head_line(const py_op *op, const py_schema *s)
{
    PyObject *signature = py_schema_signature(s), *fields = NULL, *line = NULL;
    if (!signature) return NULL;
    if (s->results) {
        PyObject *comma = PyUnicode_FromString(", "),
                 *names = comma ? PyUnicode_Join(comma, s->results) : NULL;
        fields = names ? PyUnicode_FromFormat("(%U)", names) : NULL;
        Py_XDECREF(comma);
        Py_XDECREF(names);
    } else {
        fields = PyUnicode_FromString(s->nout == 1 ? "Tensor" : "tuple of Tensors");
    }
    if (fields) line = PyUnicode_FromFormat("%U%U -> %U\n", op->name, signature, fields);
    Py_DECREF(signature);
    Py_XDECREF(fields);
    return line;
}

/* The text (taken over) with what minitorch/_op_docs.py adds: shapes, types, errors, an example. */
static PyObject *finished(const py_op *op, PyObject *text)
{
    const mt_op *record = op->schema[0]->op;
    PyObject *module = text ? PyImport_ImportModule("minitorch._op_docs") : NULL, *whole = NULL;
    if (module)
        whole =
            PyObject_CallMethod(module, "finish", "OOsO", op->module, op->name, record->name, text);
    Py_XDECREF(module);
    Py_XDECREF(text);
    return whole;
}

static PyObject *get_doc(PyObject *self, void *closure)
{
    (void)closure;
    const py_op *op = as_op(self);
    PyObject *text = PyUnicode_FromString("");
    for (int i = 0; i < op->n && text; i++) {
        if (op->schema[i]->hidden) continue;
        PyObject *line = head_line(op, op->schema[i]);
        Py_SETREF(text, line ? PyUnicode_FromFormat("%U%U", text, line) : NULL);
        Py_XDECREF(line);
    }
    const mt_op *record = op->schema[0]->op;
    const char *doc = record->doc ? record->doc : "", *rest = strchr(doc, '\n');
    PyObject *first = PyUnicode_FromStringAndSize(doc, rest ? rest - doc : (Py_ssize_t)strlen(doc));
    if (text && first) Py_SETREF(text, PyUnicode_FromFormat("%U\n%U\n", text, first));
    if (text && op->form & PY_INPLACE)
        Py_SETREF(text,
                  PyUnicode_FromFormat("%UWrites into the tensor itself and returns it.\n", text));
    if (text && record->rule)
        Py_SETREF(text, PyUnicode_FromFormat("%U\nGradient: %s\n", text, record->rule));
    if (text && rest) Py_SETREF(text, PyUnicode_FromFormat("%U%s", text, rest));
    Py_XDECREF(first);
    return finished(op, text);
}

/* One text per overload that is shown. */
static PyObject *for_each_overload(const py_op *op, PyObject *(*text)(const py_schema *))
{
    PyObject *list = PyList_New(0), *tuple = NULL;
    int status = list ? 0 : -1;
    for (int i = 0; i < op->n && status == 0; i++) {
        if (op->schema[i]->hidden) continue;
        PyObject *line = text(op->schema[i]);
        status = line ? PyList_Append(list, line) : -1;
        Py_XDECREF(line);
    }
    if (status == 0) tuple = PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

/* For _C.pyi: "(input: Tensor, *, out: Tensor | None = None) -> Tensor". */
static PyObject *get_stubs(PyObject *self, void *closure)
{
    (void)closure;
    return for_each_overload(as_op(self), py_schema_stub);
}

static PyObject *schema_text(const py_schema *s) { return PyUnicode_FromString(s->op->schema); }

static PyObject *get_schemas(PyObject *self, void *closure)
{
    (void)closure;
    return for_each_overload(as_op(self), schema_text);
}

/* A name stands for the object: pickle and copy find it again in its module. */
static PyObject *reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return get_qualname(self, NULL);
}

PyGetSetDef py_op_getset[] = {
    {"__name__", get_name, NULL, NULL, NULL},
    {"__qualname__", get_qualname, NULL, NULL, NULL},
    {"__module__", get_module, NULL, NULL, NULL},
    {"__doc__", get_doc, NULL, NULL, NULL},
    {"__text_signature__", get_text_signature, NULL, NULL, NULL},
    {"__signature__", get_signature, NULL, NULL, NULL},
    {"schemas", get_schemas, NULL, "The operator's schemas, one per overload.", NULL},
    {"stubs", get_stubs, NULL, "Typed signatures for stub files, one per overload.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyMethodDef py_op_methods[] = {
    {"__reduce__", reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
