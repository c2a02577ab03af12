/* What the binder says when arguments do not fit: PyTorch's sentences. Relies on py_schema.h; read
 * next: py_op.c. */
#include "python/py_bind.h"

#include <string.h>

static bool is_method(const py_schema *s) { return s->form & PY_METHOD; }

const char *py_type_name(PyObject *o)
{
    const char *name = Py_TYPE(o)->tp_name;
    if (!py_tensor_check(o)) return name;
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

int py_bind_wrong_type(const py_schema *s, const py_param *p, Py_ssize_t position, PyObject *o)
{
    char name[64];
    py_schema_name(s->op, s->form, name);
    const char *wanted = p->kind == PY_OUT && s->nout != 1 ? "tuple of Tensors" : py_kind_name(p);
    bool list = p->kind == PY_INTS && position >= 0 && (PyTuple_Check(o) || PyList_Check(o));
    Py_ssize_t nr = position + (is_method(s) ? 0 : 1);
    if (list && PySequence_Fast_GET_SIZE(o))
        PyErr_Format(
            PyExc_TypeError,
            "%s(): argument '%U' (position %zd) must be %s, but found element of type %s at pos 0",
            name, p->name, nr, wanted, py_type_name(PySequence_Fast_GET_ITEM(o, 0)));
    else if (position >= 0)
        PyErr_Format(PyExc_TypeError, "%s(): argument '%U' (position %zd) must be %s, not %s", name,
                     p->name, nr, wanted, py_type_name(o));
    else
        PyErr_Format(PyExc_TypeError, "%s(): argument '%U' must be %s, not %s", name, p->name,
                     wanted, py_type_name(o));
    return 0;
}

int py_bind_missing(const py_schema *s, const py_args *a)
{
    char name[64];
    py_schema_name(s->op, s->form, name);
    PyObject *list = PyUnicode_FromString("");
    int missing = 0;
    for (int i = 0; i < s->n && list; i++) {
        const py_param *p = &s->param[i];
        if (i < a->nargs || p->has_default || py_bind_keyword(p, a)) continue;
        PyObject *longer = PyUnicode_FromFormat("%U%s\"%U\"", list, missing++ ? ", " : "", p->name);
        Py_SETREF(list, longer);
    }
    if (list)
        PyErr_Format(PyExc_TypeError, "%s() missing %d required positional argument%s: %U", name,
                     missing, missing == 1 ? "s" : "", list); /* sic: the plural is PyTorch's */
    Py_XDECREF(list);
    return 0;
}

int py_bind_too_many(const py_schema *s, Py_ssize_t nargs)
{
    char name[64];
    py_schema_name(s->op, s->form, name);
    int self = is_method(s) ? 1 : 0, most = s->positional - self, least = -self;
    for (int i = 0; i < s->positional; i++) least += !s->param[i].has_default;
    if (self && most == 0)
        PyErr_Format(PyExc_TypeError, "Tensor.%s() takes no arguments (%zd given)", name,
                     nargs - 1);
    else if (least < most)
        PyErr_Format(PyExc_TypeError,
                     "%s() takes from %d to %d positional arguments but %zd were given", name,
                     least, most, nargs - self);
    else
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional argument%s but %zd were given",
                     name, most, most == 1 ? "" : "s", nargs - self);
    return 0;
}

/* Some keyword found no parameter, or one that has its value already. */
int py_bind_bad_keyword(const py_schema *s, const py_args *a)
{
    char name[64];
    py_schema_name(s->op, s->form, name);
    if (is_method(s) && s->n == 1) {
        PyErr_Format(PyExc_TypeError, "Tensor.%s() takes no keyword arguments", name);
        return 0;
    }
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(a->kwnames); k++) {
        PyObject *keyword = PyTuple_GET_ITEM(a->kwnames, k);
        int i = 0;
        while (i < s->n && PyUnicode_Compare(s->param[i].name, keyword) != 0) i++;
        if (i < s->n && i >= a->nargs) continue;
        if (i == s->n)
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", name,
                         keyword);
        else
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", name,
                         keyword);
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "%s() got a keyword argument twice", name);
    return 0;
}

/* ---- overloads ------------------------------------------------------------------------------- */

/* "Tensor, str, dim=float": what was given. options NULL, or the overload that is compared with:
 * then types that differ from its own stand between exclamation marks. */
static PyObject *given_text(const py_schema *s, const py_args *a, bool marks)
{
    PyObject *text = PyUnicode_FromString("");
    Py_ssize_t keywords = a->kwnames ? PyTuple_GET_SIZE(a->kwnames) : 0;
    int first = is_method(s) ? 1 : 0;
    for (Py_ssize_t i = first; i < a->nargs + keywords && text; i++) {
        const char *type = py_type_name(a->args[i]), *mark = "";
        if (marks)
            mark =
                i < s->n && !s->param[i].keyword_only && !strcmp(py_kind_name(&s->param[i]), type)
                    ? ""
                    : "!";
        const char *comma = i == first ? "" : ", ";
        if (i < a->nargs)
            Py_SETREF(text, PyUnicode_FromFormat("%U%s%s%s%s", text, comma, mark, type, mark));
        else
            Py_SETREF(text, PyUnicode_FromFormat("%U%s%U=%s%s%s", text, comma,
                                                 PyTuple_GET_ITEM(a->kwnames, i - a->nargs), mark,
                                                 type, mark));
    }
    if (keywords && a->nargs == first && text)
        Py_SETREF(text, PyUnicode_FromFormat("%U, ", text)); /* sic */
    return text;
}

/* How many words between commas the text of the overload has, its star included. */
static Py_ssize_t count_words(const py_schema *s)
{
    Py_ssize_t n = s->n - (is_method(s) ? 1 : 0);
    if (s->n && s->param[s->n - 1].keyword_only) n++;
    return n ? n : 1;
}

/* The keywords the overload does not have: "foo, bar"; "" if it has all. */
static PyObject *unknown_keywords(const py_schema *s, const py_args *a)
{
    PyObject *text = PyUnicode_FromString("");
    for (Py_ssize_t k = 0; a->kwnames && k < PyTuple_GET_SIZE(a->kwnames) && text; k++) {
        PyObject *keyword = PyTuple_GET_ITEM(a->kwnames, k);
        int i = 0;
        while (i < s->n && PyUnicode_Compare(s->param[i].name, keyword) != 0) i++;
        if (i < s->n) continue;
        Py_SETREF(text, PyUnicode_FromFormat("%U%s%U", text, PyUnicode_GET_LENGTH(text) ? ", " : "",
                                             keyword));
    }
    return text;
}

/* Lines " * (...)" of one overload, and why it did not match if the
 * numbers of arguments are alike. */
static PyObject *option_text(const py_schema *s, const py_args *a)
{
    PyObject *options = py_schema_options(s), *unknown = NULL, *marked = NULL, *text = NULL;
    Py_ssize_t given =
        a->nargs - (is_method(s) ? 1 : 0) + (a->kwnames ? PyTuple_GET_SIZE(a->kwnames) : 0);
    if (!options) return NULL;
    if (given != count_words(s)) {
        text = PyUnicode_FromFormat(" * %U\n", options);
    } else if ((unknown = unknown_keywords(s, a)) && PyUnicode_GET_LENGTH(unknown)) {
        text = PyUnicode_FromFormat(
            " * %U\n      didn't match because some of the keywords were incorrect: %U\n", options,
            unknown);
    } else if (unknown && (marked = given_text(s, a, true))) {
        text = PyUnicode_FromFormat(
            " * %U\n      didn't match because some of the arguments have invalid types: (%U)\n",
            options, marked);
    }
    Py_DECREF(options);
    Py_XDECREF(unknown);
    Py_XDECREF(marked);
    return text;
}

/* The one overload that n arguments can have been meant for; NULL if none or several can. */
static const py_schema *only_plausible(py_schema *const *s, int n, Py_ssize_t given)
{
    const py_schema *found = NULL;
    for (int i = 0; i < n; i++) {
        if (s[i]->hidden || given < s[i]->required || given > s[i]->n) continue;
        if (found) return NULL;
        found = s[i];
    }
    return found;
}

/* "one of:\n * (...)\n * (...)\n", or the options of the only one that is shown. */
static PyObject *options_text(py_schema *const *s, int n, const py_args *a)
{
    PyObject *list = PyUnicode_FromString("one of:\n");
    int shown = 0;
    const py_schema *last = NULL;
    for (int i = 0; i < n && list; i++) {
        if (s[i]->hidden) continue;
        shown++;
        last = s[i];
        PyObject *option = option_text(s[i], a);
        Py_SETREF(list, option ? PyUnicode_FromFormat("%U%U", list, option) : NULL);
        Py_XDECREF(option);
    }
    if (shown == 1 && list) Py_SETREF(list, py_schema_options(last));
    return list;
}

PyObject *py_bind_no_overload(py_schema *const *s, int n, const py_args *a)
{
    char name[64];
    const py_schema *meant =
        only_plausible(s, n, a->nargs + (a->kwnames ? PyTuple_GET_SIZE(a->kwnames) : 0));
    if (meant) { /* say what is wrong with that */
        py_bound b;
        py_bind(meant, a, &b, true);
        py_bound_clear(&b);
        if (PyErr_Occurred()) return NULL;
    }
    PyObject *got = given_text(s[0], a, false), *list = options_text(s, n, a);
    if (got && list)
        PyErr_Format(
            PyExc_TypeError,
            "%s() received an invalid combination of arguments - got (%U), but expected %U",
            py_schema_name(s[0]->op, s[0]->form, name), got, list);
    Py_XDECREF(got);
    Py_XDECREF(list);
    return NULL;
}
