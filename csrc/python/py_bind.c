/* The argument binder: checks and converts the arguments of one call by one schema.
 *
 * The rules are PyTorch's. An int is wanted where the schema says int: bool is none, a 0-d integer
 * tensor and NumPy's integers are. Lists are tuples or lists; only their first element decides
 * whether an overload fits, a wrong one later is an error at once. Relies on py_schema.h; read
 * next: py_bind_error.c. */
#include "python/py_bind.h"

#include "python/py_tensor.h"

#include <string.h>

/* ---- numbers --------------------------------------------------------------------------------- */

static int overflow(void)
{
    PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    return -1;
}

static int long_value(PyObject *o, int64_t *out)
{
    int over;
    *out = PyLong_AsLongLongAndOverflow(o, &over);
    if (over) return overflow();
    return *out == -1 && PyErr_Occurred() ? -1 : 1;
}

/* 1 and the value, 0 if o is no int, -1 with an exception. */
static int int_from(PyObject *o, int64_t *out)
{
    if (PyLong_CheckExact(o)) return long_value(o, out);
    if (PyBool_Check(o) || PyFloat_Check(o) || PyUnicode_Check(o) || o == Py_None) return 0;
    if (PyLong_Check(o)) return long_value(o, out);
    if (py_tensor_check(o)) {
        const mt_tensor *t = py_core(o);
        if (t->numel != 1 || t->ndim || !mt_is_integral((mt_dtype)t->dtype)) return 0;
        *out = mt_item_at(t, 0).v.i;
        return 1;
    }
    if (!PyIndex_Check(o) || PySequence_Check(o)) return 0;
    PyObject *i = PyNumber_Index(o);
    if (!i) return -1;
    int status = long_value(i, out);
    Py_DECREF(i);
    return status;
}

int py_bind_scalar(PyObject *o, mt_scalar *out)
{
    int status = py_scalar_from(o, out);
    if (status < 0 && PyLong_Check(o))
        PyErr_SetString(PyExc_OverflowError, "int too big to convert");
    return status;
}

static int float_from(PyObject *o, double *out)
{
    mt_scalar s;
    if (PyFloat_Check(o)) {
        *out = PyFloat_AS_DOUBLE(o);
        return 1;
    }
    if (PyUnicode_Check(o) || o == Py_None) return 0;
    int status = py_scalar_from(o, &s);
    if (status == 1 && s.kind == MT_SCALAR_COMPLEX) return 0;
    if (status == 1) *out = mt_scalar_to_double(s);
    return status;
}

static int bool_from(PyObject *o, bool *out)
{
    mt_scalar s;
    *out = o == Py_True;
    if (PyBool_Check(o)) return 1;
    if (PyLong_Check(o) || PyFloat_Check(o) || PyUnicode_Check(o) || py_tensor_check(o)) return 0;
    int status = py_scalar_from(o, &s);
    if (status != 1 || s.kind != MT_SCALAR_BOOL) return status < 0 ? -1 : 0;
    *out = s.v.b;
    return 1;
}

/* ---- memory of lists ------------------------------------------------------------------------- */

static void *list_block(py_bound *b, size_t bytes)
{
    if (b->blocks == PY_HEAP_BLOCKS) return PyErr_NoMemory();
    void *p = PyMem_Malloc(bytes ? bytes : 1);
    if (!p) return PyErr_NoMemory();
    return b->block[b->blocks++] = p;
}

static int64_t *ints_block(py_bound *b, Py_ssize_t n)
{
    if (n > PY_INLINE_INTS - b->ints_used) return list_block(b, (size_t)n * sizeof(int64_t));
    int64_t *p = b->ints + b->ints_used;
    b->ints_used += (int)n;
    return p;
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Element i of a list could not be read: says where. */
static int bad_element(const py_schema *s, const py_param *p, Py_ssize_t i, PyObject *element)
{
    char name[64];
    py_schema_name(s->op, s->form, name);
    if (PyErr_Occurred())
        PyErr_Format(PyExc_TypeError,
                     "%s(): argument '%U' failed to unpack the object at pos %zd with error "
                     "\"Overflow when unpacking long long",
                     name, p->name, i + 1);
    else
        PyErr_Format(PyExc_TypeError,
                     "%s(): argument '%U' failed to unpack the object at pos %zd with error \"type "
                     "must be %s,but got %s\"",
                     name, p->name, i + 1, py_kind_name(p), py_type_name(element));
    return -1;
}

/* n elements at `items` as int[]. first_decides: a first element that is no int makes the overload
 * not fit. */
static int ints_from(const py_schema *s, const py_param *p, PyObject *const *items, Py_ssize_t n,
                     py_bound *b)
{
    int64_t *v = ints_block(b, n);
    if (!v) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (MT_LIKELY(PyLong_CheckExact(items[i])) && long_value(items[i], &v[i]) == 1) continue;
        if (i > 0 && PyBool_Check(items[i])) {
            v[i] = items[i] == Py_True;
            continue;
        }
        int status = PyErr_Occurred() ? -1 : int_from(items[i], &v[i]);
        if (status == 1) continue;
        if (i == 0 && status == 0) return 0;
        return bad_element(s, p, i, items[i]);
    }
    b->arg[p->slot] = mt_arg_ints(n, v);
    return 1;
}

static int ints_argument(const py_schema *s, const py_param *p, PyObject *o, py_bound *b)
{
    if (PyTuple_Check(o)) return ints_from(s, p, &PyTuple_GET_ITEM(o, 0), PyTuple_GET_SIZE(o), b);
    if (PyList_Check(o)) return ints_from(s, p, &PyList_GET_ITEM(o, 0), PyList_GET_SIZE(o), b);
    if (!p->length) return 0;
    int64_t value;
    int status = int_from(o, &value);
    if (status != 1) return status;
    int64_t *v = ints_block(b, p->length);
    if (!v) return -1;
    for (int i = 0; i < p->length; i++) v[i] = value;
    b->arg[p->slot] = mt_arg_ints(p->length, v);
    return 1;
}

static int floats_argument(const py_schema *s, const py_param *p, PyObject *o, py_bound *b)
{
    if (!PyTuple_Check(o) && !PyList_Check(o)) return 0;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    double *v = list_block(b, (size_t)n * sizeof *v);
    if (!v) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        int status = float_from(PySequence_Fast_GET_ITEM(o, i), &v[i]);
        if (status == 0 && i > 0) return bad_element(s, p, i, PySequence_Fast_GET_ITEM(o, i));
        if (status != 1) return status;
    }
    b->arg[p->slot].given = true;
    b->arg[p->slot].doubles.v = v;
    b->arg[p->slot].doubles.n = n;
    return 1;
}

/* A list of tensors is spread out in in[]. The scope holds them: another thread may change the
 * list. */
static int tensors_argument(const py_schema *s, const py_param *p, PyObject *o, py_bound *b)
{
    if (!PyTuple_Check(o) && !PyList_Check(o)) return 0;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    if (n > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "too many tensors in one list");
        return -1;
    }
    mt_tensor **in = b->call.in;
    int used = b->call.nin;
    if (used + n + s->tensors > PY_INLINE_IN) {
        if (!(in = list_block(b, (size_t)(used + n + s->tensors) * sizeof *in))) return -1;
        memcpy(in, b->call.in, (size_t)used * sizeof *in);
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(o, i);
        bool none = item == Py_None && strstr(s->op->schema, "Tensor?[]");
        if (!none && !py_tensor_check(item)) {
            PyErr_Format(PyExc_TypeError,
                         "expected Tensor as element %zd in argument %d, but got %s", i,
                         (int)(p - s->param), py_type_name(item));
            return -1;
        }
        in[used + i] = none ? NULL : mt_own(mt_retain(py_core(item)));
        if (!none && !in[used + i]) return py_raise_int();
    }
    b->call.in = in;
    b->call.nin = (int32_t)(used + n);
    return 1;
}

/* ---- one argument ---------------------------------------------------------------------------- */

static void give_tensor(const py_schema *s, const py_param *p, mt_tensor *t, py_bound *b)
{
    if (s->has_list)
        b->call.in[b->call.nin++] = t;
    else
        b->call.in[p->slot] = t;
}

static int number_argument(const py_schema *s, const py_param *p, PyObject *o, py_bound *b)
{
    mt_scalar value;
    int status = py_bind_scalar(o, &value);
    if (status != 1) return status;
    mt_tensor *t = mt_number_of(value);
    if (!t) return py_raise_int();
    give_tensor(s, p, t, b);
    return 1;
}

static int out_argument(const py_schema *s, PyObject *o, py_bound *b)
{
    b->out_object = o;
    b->call.target = b->target;
    b->call.flags |= MT_CALL_OUT;
    if (s->nout == 1) {
        if (!py_tensor_check(o)) return 0;
        b->target[0] = py_core(o);
        return 1;
    }
    if (!PyTuple_Check(o) && !PyList_Check(o)) return 0;
    if (PySequence_Fast_GET_SIZE(o) != s->nout || s->nout > MT_MAX_TARGETS) {
        PyErr_Format(PyExc_TypeError, "expected tuple of %d elements but got %zd", s->nout,
                     PySequence_Fast_GET_SIZE(o));
        return -1;
    }
    for (int k = 0; k < s->nout; k++) {
        PyObject *item = PySequence_Fast_GET_ITEM(o, k);
        if (!py_tensor_check(item)) return 0;
        b->target[k] = py_core(item);
    }
    return 1;
}

/* The binding's own parameters: what has no place in the core is checked here and dropped. */
static int own_argument(const py_schema *s, const py_param *p, PyObject *o, py_bound *b)
{
    bool on;
    switch (p->kind) {
    case PY_OUT:
        return out_argument(s, o, b);
    case PY_LAYOUT:
        return Py_IS_TYPE(o, &py_layout_type);
    case PY_DEVICE:
        return py_device_check(o) < 0 ? -1 : 1;
    case PY_FORMAT:
        return py_memory_format_from(o) >= 0;
    case PY_REQUIRES_GRAD:
        return bool_from(o, &b->requires_grad);
    case PY_AS_INPLACE:
        on = PyObject_IsTrue(o) == 1;
        b->inplace = on;
        return PyErr_Occurred() ? -1 : 1;
    default: /* PY_PIN_MEMORY */
        if (bool_from(o, &on) != 1) return PyErr_Occurred() ? -1 : 0;
        if (!on) return 1;
        PyErr_SetString(PyExc_RuntimeError,
                        "Cannot access accelerator device when none is available.");
        return -1;
    }
}

/* usual: the default, which need not be copied when a graph keeps it. */
static int text_argument(PyObject *o, mt_arg *arg, const mt_arg *usual)
{
    if (!PyUnicode_Check(o)) return 0;
    arg->text = PyUnicode_AsUTF8(o);
    if (!arg->text) return -1;
    if (usual->given && strcmp(arg->text, usual->text) == 0) *arg = *usual;
    return 1;
}

static int generator_argument(PyObject *o, mt_arg *arg)
{
    arg->generator = py_generator_from(o);
    if (arg->generator) return 1;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
    PyErr_Clear();
    return 0;
}

static int dtype_argument(PyObject *o, mt_arg *arg, py_bound *b)
{
    mt_dtype d;
    int status = py_dtype_from(o, &d);
    if (status != 1) return status;
    *arg = mt_arg_dtype(d);
    if (d >= MT_FLOAT16) b->call.flags |= MT_CALL_NARROW;
    return 1;
}

static int scalar_argument(PyObject *o, mt_arg *arg, py_bound *b)
{
    int status = py_bind_scalar(o, &arg->s);
    if (status == 1 && arg->s.kind == MT_SCALAR_COMPLEX) b->call.flags |= MT_CALL_NARROW;
    return status;
}

/* o into its place: 1 done, 0 does not fit, -1 exception. */
static int convert(const py_schema *s, const py_param *p, PyObject *o, py_bound *b)
{
    if (p->kind <= PY_NUMBER) {
        if (MT_LIKELY(py_tensor_check(o))) {
            give_tensor(s, p, py_core(o), b);
            return 1;
        }
        return p->kind == PY_NUMBER ? number_argument(s, p, o, b) : 0;
    }
    if (p->kind == PY_TENSORS) return tensors_argument(s, p, o, b);
    if (p->slot < 0) return own_argument(s, p, o, b);
    mt_arg *arg = &b->arg[p->slot];
    arg->given = true;
    arg->constant = false;
    switch (p->kind) {
    case PY_SCALAR:
        return scalar_argument(o, arg, b);
    case PY_INT:
        return int_from(o, &arg->i);
    case PY_FLOAT:
        return float_from(o, &arg->d);
    case PY_BOOL:
        return bool_from(o, &arg->b);
    case PY_STR:
        return text_argument(o, arg, &s->defaults[p->slot]);
    case PY_INTS:
        return ints_argument(s, p, o, b);
    case PY_FLOATS:
        return floats_argument(s, p, o, b);
    case PY_DTYPE:
        return dtype_argument(o, arg, b);
    case PY_GENERATOR:
        return generator_argument(o, arg);
    default:
        arg->i = py_memory_format_from(o);
        return arg->i >= 0;
    }
}

/* No value: None, or left out. */
static void leave_out(const py_schema *s, const py_param *p, bool is_none, py_bound *b)
{
    if (p->slot < 0) return;
    if (p->kind <= PY_NUMBER)
        give_tensor(s, p, NULL, b);
    else if (p->kind != PY_TENSORS && is_none)
        b->arg[p->slot] = mt_arg_none();
}

/* ---- the call -------------------------------------------------------------------------------- */

PyObject *py_bind_keyword(const py_param *p, const py_args *a)
{
    if (!a->kwnames) return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(a->kwnames);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *name = PyTuple_GET_ITEM(a->kwnames, i);
        if (name == p->name || (p->alias && name == p->alias)) return a->args[a->nargs + i];
    }
    for (Py_ssize_t i = 0; i < n; i++) { /* names made at run time are not interned */
        PyObject *name = PyTuple_GET_ITEM(a->kwnames, i);
        if (PyUnicode_CHECK_INTERNED(name)) continue;
        if (PyUnicode_Compare(name, p->name) == 0 ||
            (p->alias && PyUnicode_Compare(name, p->alias) == 0))
            return a->args[a->nargs + i];
    }
    return NULL;
}

static void prepare(const py_schema *s, py_bound *b)
{
    b->ints_used = b->blocks = 0;
    b->out_object = NULL;
    b->requires_grad = b->inplace = false;
    b->call = (mt_call){.op = s->op,
                        .nin = s->has_list ? 0 : s->tensors,
                        .narg = (int16_t)s->narg,
                        .nout = s->nout < 0 ? 0 : s->nout,
                        .in = b->in,
                        .out = b->out,
                        .arg = b->arg};
    memset(b->out, 0, sizeof b->out);
    for (int i = 0; i < s->narg; i++) b->arg[i] = s->defaults[i];
}

/* `view(2, 3)`: does the parameter take all positional arguments from `at` on? */
static bool takes_all(const py_schema *s, const py_param *p, const py_args *a, Py_ssize_t at)
{
    if (!s->varargs || p->kind != PY_INTS || at >= a->nargs) return false;
    PyObject *first = a->args[at];
    if (PyTuple_Check(first) || PyList_Check(first)) return false;
    int64_t value;
    int status = int_from(first, &value);
    if (status < 0) PyErr_Clear(); /* too large: ints_from says so */
    return status != 0;
}

int py_bind(const py_schema *s, const py_args *a, py_bound *b, bool loud)
{
    Py_ssize_t at = 0, keywords = a->kwnames ? PyTuple_GET_SIZE(a->kwnames) : 0;
    prepare(s, b);
    if (a->nargs > s->positional && !s->varargs) return loud ? py_bind_too_many(s, a->nargs) : 0;
    for (int i = 0; i < s->n; i++) {
        const py_param *p = &s->param[i];
        bool by_position = at < a->nargs;
        if (by_position && p->keyword_only) return loud ? py_bind_too_many(s, a->nargs) : 0;
        if (takes_all(s, p, a, at)) {
            int status = ints_from(s, p, a->args + at, a->nargs - at, b);
            if (status != 1) return status;
            at = a->nargs;
            continue;
        }
        PyObject *o = by_position ? a->args[at] : keywords ? py_bind_keyword(p, a) : NULL;
        if (!o && !p->has_default) return loud ? py_bind_missing(s, a) : 0;
        if (!o || (o == Py_None && p->optional)) {
            leave_out(s, p, o != NULL, b);
        } else {
            int status = convert(s, p, o, b);
            if (status < 0) return -1;
            if (status == 0) return loud ? py_bind_wrong_type(s, p, by_position ? at : -1, o) : 0;
        }
        if (by_position)
            at++;
        else if (o)
            keywords--;
    }
    if (at < a->nargs) return loud ? py_bind_too_many(s, a->nargs) : 0;
    if (keywords > 0) return loud ? py_bind_bad_keyword(s, a) : 0;
    return 1;
}
