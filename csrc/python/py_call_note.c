/* What stands below an error's own words, as a PEP 678 note: the operator that failed, with the
 * types and shapes it was given, and what to do about a type it does not take. Made only when
 * something has failed. Relies on py_schema.h; read next: py_op.c. */
#include "python/py_op.h"

#include <string.h>

#define FEW 6 /* tensors of a list that are shown */

/* "float32 [2, 3]", "2.5" */
static PyObject *tensor_text(const mt_tensor *t)
{
    char shape[MT_SHAPE_TEXT];
    if (!t) return PyUnicode_FromString("None");
    if (t->flags & MT_WRAPPED_NUMBER) {
        PyObject *value = py_scalar_object(mt_item_at(t, 0)),
                 *text = value ? PyObject_Repr(value) : NULL;
        Py_XDECREF(value);
        return text;
    }
    return PyUnicode_FromFormat("%s %s", mt_dtype_name((mt_dtype)t->dtype),
                                mt_shape_text(t->ndim, t->size, shape));
}

static PyObject *list_text(mt_tensor *const *t, int n)
{
    PyObject *text = PyUnicode_FromString("");
    for (int i = 0; i < n && i < FEW && text; i++) {
        PyObject *one = tensor_text(t[i]);
        Py_SETREF(text, one ? PyUnicode_FromFormat("%U%s%U", text, i ? ", " : "", one) : NULL);
        Py_XDECREF(one);
    }
    if (text) Py_SETREF(text, PyUnicode_FromFormat("(%U%s)", text, n > FEW ? ", ..." : ""));
    return text;
}

/* "input: float32 [2, 3], mat2: float32 [2, 3]" */
static PyObject *operands_text(const py_schema *s, const mt_call *c)
{
    PyObject *text = PyUnicode_FromString("");
    int at = 0, in_list = c->nin - (s->tensors - 1);
    for (int i = 0; i < s->n && text; i++) {
        const py_param *p = &s->param[i];
        if (p->kind != PY_TENSOR && p->kind != PY_NUMBER && p->kind != PY_TENSORS) continue;
        int n = p->kind == PY_TENSORS ? in_list : 1;
        if (n < 0 || at + n > c->nin) break;
        bool missing = p->kind != PY_TENSORS && !c->in[at];
        PyObject *one = p->kind == PY_TENSORS ? list_text(c->in + at, n) : tensor_text(c->in[at]);
        if (!missing || !one)
            Py_SETREF(text, one ? PyUnicode_FromFormat("%U%s%U: %U", text,
                                                       PyUnicode_GET_LENGTH(text) ? ", " : "",
                                                       p->name, one)
                                : NULL);
        Py_XDECREF(one);
        at += n;
    }
    return text;
}

/* What helps against "not implemented for 'Long'"; "" for other errors. */
static const char *type_hint(const py_schema *s, const char *message)
{
    const char *found = strstr(message, "not implemented for '");
    if (!found) return "";
    const char *type = strchr(found, '\'') + 1;
    if (!strncmp(type, "Float", 5) || !strncmp(type, "Double", 6))
        return ". It takes integers: convert with .long()";
    if (!strncmp(s->op->name, "rand", 4) && strncmp(s->op->name, "randint", 7))
        return ". Its numbers are floating point: take randint() for integers";
    return ". It does not take this type: convert with .float()";
}

/* A name made anew for every call would take a place in the interpreter's cache of methods each time. */
void py_add_note(PyObject *exception, PyObject *note)
{
    static PyObject *name;
    if (!name) name = PyUnicode_InternFromString("add_note");
    PyObject *done = name ? PyObject_CallMethodOneArg(exception, name, note) : NULL;
    Py_XDECREF(done);
    if (!done) PyErr_Clear();
}

PyObject *py_raise_call(const py_schema *s, const mt_call *c)
{
    char name[64];
    mt_code code = mt_error_pending();
    py_raise();
    if (code == MT_HOST || code == MT_MEMORY || code == MT_OK) return NULL;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *message = PyObject_Str(value), *operands = operands_text(s, c), *note = NULL;
    const char *text = message ? PyUnicode_AsUTF8(message) : NULL;
    if (operands && text)
        note = PyUnicode_FromFormat("in %s(%U)%s", py_schema_name(s->op, s->form, name), operands,
                                    type_hint(s, text));
    if (note && value) py_add_note(value, note);
    PyErr_Clear();
    Py_XDECREF(message);
    Py_XDECREF(operands);
    Py_XDECREF(note);
    PyErr_Restore(type, value, traceback);
    return NULL;
}
