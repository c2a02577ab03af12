/* x[key] and x[key] = value.
 *
 * A key is read from left to right. Numbers, slices, None and ... become views (select, slice,
 * unsqueeze), so reading them copies nothing and writing through them is recorded like any write to
 * a view. Tensors, lists and masks are gathered; if there are any, one `index` or `index_put` on
 * that view does the rest. Read next: csrc/ops/index.c. */
#include "python/py_tensor.h"

#include <string.h>

/* What a key has become. */
typedef struct selection {
    mt_tensor *view;               /* owned by the scope, or the tensor itself */
    int n;                         /* index tensors: entries up to the last one */
    mt_tensor *index[MT_MAX_DIMS]; /* by dimension of the view; NULL: the whole dimension */
    int dim;                       /* of the view: the next one to be indexed */
} selection;

static int fail_key(PyObject *o)
{
    PyErr_Format(PyExc_IndexError,
                 "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables "
                 "are valid indices (got %s)",
                 Py_TYPE(o)->tp_name);
    return -1;
}

static int set_view(selection *s, mt_tensor *view)
{
    s->view = view;
    return view ? 0 : py_raise_int();
}

/* ---- numbers and slices ---------------------------------------------------------------------- */

/* place: of the number within the key, which is what messages call the dimension. */
static int apply_int(selection *s, int64_t i, int place)
{
    const mt_tensor *t = s->view;
    if (MT_UNLIKELY(t->ndim == 0 && i == 0)) {
        PyErr_SetString(PyExc_IndexError,
                        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                        "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number");
        return -1;
    }
    if (MT_UNLIKELY(s->dim >= t->ndim && t->ndim > 0)) {
        PyErr_Format(PyExc_IndexError, "too many indices for tensor of dimension %d", t->ndim);
        return -1;
    }
    int64_t n = t->ndim > 0 ? t->size[s->dim] : 0;
    if (MT_UNLIKELY(i < -n || i >= n)) {
        PyErr_Format(PyExc_IndexError,
                     "index %lld is out of bounds for dimension %d with size %lld", (long long)i,
                     place, (long long)n);
        return -1;
    }
    return set_view(s, mt_select(s->view, s->dim, i));
}

static int int_of(PyObject *o, int64_t *i)
{
    int overflow;
    PyObject *number = PyNumber_Index(o);
    if (!number) return -1;
    *i = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (!overflow) return 0;
    PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    return -1;
}

/* always: also where the slice takes everything. */
static int apply_slice(selection *s, PyObject *slice, bool always)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0) return -1;
    if (step <= 0) {
        PyErr_SetString(PyExc_ValueError, "step must be greater than zero");
        return -1;
    }
    if (s->view->ndim == 0 || s->dim >= s->view->ndim) {
        PyErr_SetString(PyExc_IndexError, "slice() cannot be applied to a 0-dim tensor.");
        return -1;
    }
    int64_t n = s->view->size[s->dim];
    if (!always && start == 0 && stop >= n && step == 1) return 0;
    return set_view(s, mt_slice(s->view, s->dim, start, stop, step));
}

/* ---- tensors --------------------------------------------------------------------------------- */

static int add_index(selection *s, mt_tensor *index, int takes)
{
    if (!index) return py_raise_int();
    if (s->dim + (takes > 0 ? takes : 1) > MT_MAX_DIMS || s->dim >= MT_MAX_DIMS) {
        PyErr_Format(PyExc_IndexError, "too many indices for tensor of dimension %d",
                     s->view->ndim);
        return -1;
    }
    /* A mask stands for several dimensions but is one entry: what follows it is placed behind them
     * by `index`, which counts the same way. */
    s->index[s->n++] = index;
    s->dim += takes;
    return 0;
}

/* Entries for the dimensions up to here that are taken whole. */
static void fill_whole(selection *s, int *counted)
{
    for (; *counted < s->dim && s->n < MT_MAX_DIMS; ++*counted) s->index[s->n++] = NULL;
}

/* True adds a dimension of one element, False one of none. */
static int apply_bool(selection *s, bool truth, int *counted)
{
    const int64_t size[1] = {truth};
    if (set_view(s, mt_unsqueeze(s->view, s->dim)) < 0) return -1;
    fill_whole(s, counted);
    int failed = add_index(s, mt_zeros_raw(MT_INT64, 1, size), 1);
    *counted = s->dim;
    return failed;
}

static int warn_byte(void)
{
    static bool said;
    if (said) return 0;
    said = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
        1);
}

static int apply_tensor(selection *s, mt_tensor *t, int place, int *counted)
{
    bool mask = t->dtype == MT_BOOL || t->dtype == MT_UINT8;
    if (t->ndim == 0 && mask)
        return apply_bool(s, mt_scalar_to_int(mt_item_at(t, 0)) != 0, counted);
    if (t->ndim == 0 && !mt_is_inexact((mt_dtype)t->dtype))
        return apply_int(s, mt_scalar_to_int(mt_item_at(t, 0)), place);
    if (t->dtype == MT_UINT8 && warn_byte() < 0) return -1;
    fill_whole(s, counted);
    int failed = add_index(s, t, mask ? t->ndim : 1);
    *counted = s->dim;
    return failed;
}

/* A list or array of indices. What is neither a mask nor whole numbers is cut to whole numbers, as
 * PyTorch does. */
static mt_tensor *index_from(PyObject *o)
{
    mt_tensor *t = py_data_read(o, MT_NO_DTYPE, py_is_array(o));
    if (!t || t->dtype == MT_BOOL || t->dtype == MT_UINT8 || t->dtype == MT_INT64) return t;
    t = mt_contiguous_raw(t, MT_INT64);
    if (!t) py_raise();
    return t;
}

/* ---- the key --------------------------------------------------------------------------------- */

static bool is_int(PyObject *o)
{
    return PyLong_Check(o) ? !PyBool_Check(o) : PyIndex_Check(o) && !py_is_array(o);
}

static bool is_list(PyObject *o)
{
    return py_is_nested(o) || py_is_array(o) || PyUnicode_Check(o) || PyBytes_Check(o);
}

/* How many dimensions the key speaks of. */
static int count_dims(PyObject *const *item, Py_ssize_t n)
{
    int dims = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *o = item[i];
        if (o == Py_None || o == Py_Ellipsis || PyBool_Check(o)) continue;
        const mt_tensor *t = py_tensor_check(o) ? py_core(o) : NULL;
        dims += t && (t->dtype == MT_BOOL || t->dtype == MT_UINT8) ? t->ndim : 1;
    }
    return dims;
}

static int apply_item(selection *s, PyObject *o, int place, int skipped, int *counted)
{
    int64_t i;
    if (PyLong_CheckExact(o)) return int_of(o, &i) < 0 ? -1 : apply_int(s, i, place);
    if (PySlice_Check(o)) {
        if (apply_slice(s, o, false) < 0) return -1;
        s->dim++;
        return 0;
    }
    if (o == Py_Ellipsis) {
        s->dim += skipped;
        return 0;
    }
    if (o == Py_None) {
        if (set_view(s, mt_unsqueeze(s->view, s->dim)) < 0) return -1;
        s->dim++;
        return 0;
    }
    if (PyBool_Check(o)) return apply_bool(s, o == Py_True, counted);
    if (py_tensor_check(o)) return apply_tensor(s, py_core(o), place, counted);
    if (is_list(o)) {
        mt_tensor *t = index_from(o);
        return t ? apply_tensor(s, t, place, counted) : -1;
    }
    if (is_int(o)) return int_of(o, &i) < 0 ? -1 : apply_int(s, i, place);
    return fail_key(o);
}

static int apply_items(selection *s, PyObject *const *item, Py_ssize_t n)
{
    int named = count_dims(item, n), ndim = s->view->ndim, counted = 0;
    if (named > ndim) {
        PyErr_Format(PyExc_IndexError, "too many indices for tensor of dimension %d", ndim);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        if (apply_item(s, item[i], (int)i, ndim - named, &counted) < 0) return -1;
    return 0;
}

/* PyTorch's rule for lists as keys: one that holds slices, tensors or lists means a tuple. 1, 0, -1
 * on an error. */
static int list_means_tuple(PyObject *key)
{
    Py_ssize_t n = PySequence_Size(key);
    if (n < 0) PyErr_Clear();
    if (n < 0 || n >= 32) return 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *o = PySequence_GetItem(key, i);
        if (!o) {
            PyErr_Clear();
            return 0;
        }
        bool means = py_tensor_check(o) || PySlice_Check(o) || o == Py_None || o == Py_Ellipsis ||
                     is_list(o);
        Py_DECREF(o);
        if (means) return 1;
    }
    return 0;
}

static int apply_list(selection *s, PyObject *key)
{
    int means = list_means_tuple(key);
    if (means == 0) return apply_items(s, &key, 1);
    if (PyErr_WarnEx(PyExc_UserWarning,
                     "Using a non-tuple sequence for multidimensional indexing is deprecated and "
                     "will be changed in pytorch 2.9; use x[tuple(seq)] instead of x[seq]. In "
                     "pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], "
                     "which will result either in an error or a different result",
                     1) < 0)
        return -1;
    PyObject *tuple = PySequence_Tuple(key);
    if (!tuple) return -1;
    int failed = apply_items(s, &PyTuple_GET_ITEM(tuple, 0), PyTuple_GET_SIZE(tuple));
    Py_DECREF(tuple);
    return failed;
}

static int apply_key(selection *s, PyObject *key)
{
    if (PyTuple_Check(key)) return apply_items(s, &PyTuple_GET_ITEM(key, 0), PyTuple_GET_SIZE(key));
    if (PySlice_Check(key)) return apply_slice(s, key, true);
    if (py_tensor_check(key) || py_is_array(key) || !is_list(key)) {
        int64_t i;
        if (is_int(key) && !py_tensor_check(key))
            return int_of(key, &i) < 0 ? -1 : apply_int(s, i, 0);
        return apply_items(s, &key, 1);
    }
    return apply_list(s, key);
}

/* ---- reading --------------------------------------------------------------------------------- */

static mt_tensor *read_key(mt_tensor *t, PyObject *key)
{
    selection s = {.view = t};
    if (apply_key(&s, key) < 0) return NULL;
    if (s.n > 0) return mt_index(s.view, s.n, s.index);
    return s.view == t ? mt_call1(&mt_op_alias, t) : s.view;
}

PyObject *py_tensor_getitem(PyObject *self, PyObject *key)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *t = read_key(py_core(self), key);
    PyObject *result = t || !PyErr_Occurred() ? py_wrap_result(t) : NULL;
    mt_scope_close(scope);
    return result;
}

PyObject *py_tensor_select(PyObject *self, Py_ssize_t i)
{
    selection s = {.view = py_core(self)};
    mt_scope scope = mt_scope_open();
    PyObject *result = apply_int(&s, i, 0) == 0 ? py_wrap_result(s.view) : NULL;
    mt_scope_close(scope);
    return result;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The value as a tensor (owned by the scope); *number where it was a number. NULL with an
 * exception. */
static mt_tensor *value_from(PyObject *value, mt_dtype d, bool *number)
{
    mt_scalar s;
    char text[32];
    *number = false;
    if (py_tensor_check(value)) return py_core(value);
    int known = py_is_array(value) ? 0 : py_scalar_from(value, &s);
    if (known == 0)
        PyErr_Format(PyExc_TypeError, "can't assign a %s to a %s", Py_TYPE(value)->tp_name,
                     py_type_text(d, text));
    if (known < 1) return NULL;
    *number = true;
    mt_tensor *t = mt_scalar_check_fill(s, d) < 0 ? NULL : mt_empty(d, 0, NULL);
    if (t)
        mt_scalar_store(s, d, t->data);
    else
        py_raise();
    return t;
}

/* Leading dimensions of one element do no harm, even if the target has fewer. */
static mt_tensor *without_leading_ones(mt_tensor *value)
{
    int skip = 0;
    while (skip < value->ndim && value->size[skip] == 1) skip++;
    return skip ? mt_view(value, value->ndim - skip, value->size + skip) : value;
}

static mt_tensor *write_view(mt_tensor *view, mt_tensor *value, bool number)
{
    if (number) {
        mt_tensor *in[2] = {view, value};
        return mt_call_inplace(&mt_op_fill, 2, in, 0, NULL);
    }
    if (!mt_same_shape(value, view)) {
        value = without_leading_ones(value);
        if (value) value = mt_expand(value, view->ndim, view->size);
        if (!value) return NULL;
    }
    return mt_copy(view, value);
}

static mt_tensor *write_index(const selection *s, mt_tensor *value)
{
    mt_tensor *in[MT_MAX_DIMS + 2] = {s->view, without_leading_ones(value)};
    mt_arg arg[1] = {mt_arg_bool(false)};
    int masks = 0, others = 0;
    for (int i = 0; i < s->n; i++)
        if (s->index[i]) s->index[i]->dtype == MT_BOOL ? masks++ : others++;
    /* x[mask] = one value fills, whatever its type */
    if (in[1] && masks == 1 && !others && value->numel == 1)
        in[1] = mt_to_dtype(in[1], (mt_dtype)s->view->dtype);
    if (!in[1]) return NULL;
    memcpy(in + 2, s->index, (size_t)s->n * sizeof *in);
    return mt_call_inplace(&mt_op_index_put, s->n + 2, in, 1, arg);
}

static int write_key(mt_tensor *t, PyObject *key, PyObject *value)
{
    selection s = {.view = t};
    bool number;
    if (key == Py_False) return 0;
    if (key == Py_True) key = Py_Ellipsis;
    mt_tensor *from = value_from(value, (mt_dtype)t->dtype, &number);
    if (!from || apply_key(&s, key) < 0) return -1;
    mt_tensor *done = s.n > 0 ? write_index(&s, from) : write_view(s.view, from, number);
    return done ? 0 : PyErr_Occurred() ? -1 : py_raise_int();
}

int py_tensor_setitem(PyObject *self, PyObject *key, PyObject *value)
{
    mt_scope scope = mt_scope_open();
    int failed = write_key(py_core(self), key, value);
    mt_scope_close(scope);
    return failed;
}

/* ---- index_put_ ------------------------------------------------------------------------------ */

/* The tuple of index tensors, None for whole dimensions. -1 with an exception. */
static int read_indices(PyObject *indices, mt_tensor **index)
{
    if (!PyTuple_Check(indices) && !PyList_Check(indices)) {
        PyErr_Format(
            PyExc_TypeError,
            "index_put_(): argument 'indices' (position 1) must be tuple of Tensors, not %s",
            Py_TYPE(indices)->tp_name);
        return -1;
    }
    Py_ssize_t n = PySequence_Fast_GET_SIZE(indices);
    for (Py_ssize_t i = 0; i < n && i < MT_MAX_DIMS; i++) {
        PyObject *o = PySequence_Fast_GET_ITEM(indices, i);
        if (o != Py_None && !py_tensor_check(o)) return fail_key(o);
        index[i] = o == Py_None ? NULL : py_core(o);
    }
    return n <= MT_MAX_DIMS ? (int)n : MT_MAX_DIMS;
}

/* _index_put(self, indices, values, accumulate, inplace) */
static PyObject *index_put(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *self, *indices, *values;
    int accumulate, inplace;
    mt_tensor *in[MT_MAX_DIMS + 2];
    if (!PyArg_ParseTuple(args, "O!OO!pp:index_put_", &py_tensor_type, &self, &indices,
                          &py_tensor_type, &values, &accumulate, &inplace))
        return NULL;
    int n = read_indices(indices, in + 2);
    if (n < 0) return NULL;
    in[0] = py_core(self);
    in[1] = py_core(values);
    mt_arg arg[1] = {mt_arg_bool(accumulate)};
    mt_scope scope = mt_scope_open();
    mt_tensor *t = (inplace ? mt_call_inplace : mt_calln)(&mt_op_index_put, n + 2, in, 1, arg);
    PyObject *result = py_wrap_result(t);
    mt_scope_close(scope);
    return result;
}

static PyMethodDef functions[] = {
    {"_index_put", index_put, METH_VARARGS,
     "_index_put(self, indices, values, accumulate, inplace)\n--\n\nindex_put and index_put_ of "
     "minitorch/_tensor.py."},
    {NULL, NULL, 0, NULL},
};

int py_init_index(PyObject *module) { return PyModule_AddFunctions(module, functions); }
