/* grad_fn._saved_self and its like: what a remembered call keeps, under the names that PyTorch gives it.
 *
 * The names are the schema's: of the tensors that some rule of the operator reads, of its results, and of the other
 * arguments. PyTorch calls the first input `self` where functions say `input`, and a lone result `result`. A node that
 * bears the name of a composite is one of its many steps: it shows what it keeps only if its operator has no name
 * of its own in Python. Relies on py_node.c; read next: py_node_look.c. */
#include "python/py_function.h"
#include "python/py_schema.h"

#include <string.h>

#define PREFIX        "_saved_"
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define PUBLIC        (MT_FUNCTION | MT_METHOD | MT_NN | MT_LINALG | MT_SPECIAL)

typedef struct entry {
    char name[64];
    int first, count; /* places among inputs and outputs */
    bool list;
    const py_param *argument; /* of what is not a tensor; NULL: a tensor */
    bool number;              /* of what may be a number: PyTorch shows that as one */
    bool turned;              /* PyTorch keeps its transpose */
} entry;

/* ---- names ----------------------------------------------------------------------------------- */

/* Where PyTorch's operator beneath is called otherwise than the schema. */
static const struct {
    const char *op, *mine, *pytorchs;
} other_names[] = {
    {"linear", "input", "mat1"},        {"linear", "weight", "mat2"},
    {"convolution", "input", "input"},  {"row_norm", "input", "input"},
    {"channel_norm", "input", "input"}, {"max_pool", "indices", "result1"},
};

static const char *pytorchs_name(const mt_node *n, const char *name, int slot)
{
    const mt_op *op = n->call.op;
    char buffer[64];
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
        if (strcmp(op->name, other_names[i].op) == 0 && strcmp(name, other_names[i].mine) == 0) {
            bool product = strcmp(mt_node_name(n, buffer), "MmBackward0") == 0;
            return slot == 0 && product ? "self" : other_names[i].pytorchs;
        }
    return slot == 0 && strcmp(name, "input") == 0 ? "self" : name;
}

/* Is n a step of a composite of another name, by an operator that programs call, too? */
static bool is_step(const mt_node *n)
{
    mt_node plain = *n;
    char name[64], own[64];
    if (strcmp(n->call.op->name, "multiply_add") == 0)
        return true; /* of addcmul, addcdiv and lerp */
    if (!(n->call.op->kind & PUBLIC) || n->call.op->release) return false;
    plain.call.context = NULL;
    return strcmp(mt_node_name(n, name), mt_node_name(&plain, own)) != 0;
}

/* What the rules for any of the inputs read. */
static uint32_t kept_by(const mt_op *op)
{
    uint32_t keeps = 0;
    for (int i = 0; i < MT_KEEP_SLOTS; i++) keeps |= op->keeps[i];
    return keeps;
}

static entry *add(entry *e, int *n, const char *name, int first, int count)
{
    entry *one = &e[(*n)++];
    *one = (entry){.first = first, .count = count};
    snprintf(one->name, sizeof one->name, "%s", name);
    return one;
}

static entry *add_tensor(const mt_node *n, const py_param *p, const char *name, int place, entry *e,
                         int *count)
{
    entry *one = add(e, count, pytorchs_name(n, name, place), place, 1);
    one->number = p->kind == PY_NUMBER && strcmp(name, "other") != 0;
    one->turned = strcmp(one->name, "mat2") == 0 && strcmp(name, "weight") == 0;
    return one;
}

/* Arguments that PyTorch's nodes have, too: not sizes and types, which are the results'. */
static bool is_shown(const mt_node *n, const py_param *p, const char *name)
{
    bool value = p->kind != PY_DTYPE && p->kind != PY_FORMAT && p->kind != PY_GENERATOR;
    return value && n->call.op->kind & PUBLIC && p->slot < n->call.narg &&
           strcmp(name, "size") != 0;
}

static int add_inputs(const mt_node *n, const py_schema *s, uint32_t keeps, entry *e)
{
    int count = 0, place = 0;
    for (int i = 0; i < s->n; i++) {
        const py_param *p = &s->param[i];
        const char *name = PyUnicode_AsUTF8(p->name);
        if (!name) return -1;
        if (p->slot < 0) continue;
        if (p->kind != PY_TENSOR && p->kind != PY_NUMBER && p->kind != PY_TENSORS) {
            if (is_shown(n, p, name)) add(e, &count, name, 0, 0)->argument = p;
            continue;
        }
        const int first = place, places = p->kind == PY_TENSORS ? n->call.nin - s->tensors + 1 : 1;
        place += places;
        if (first > 7 || !(keeps & MT_KEEP_IN(first))) continue;
        entry *one = add_tensor(n, p, name, first, e, &count);
        one->list = p->kind == PY_TENSORS;
        one->count = places;
    }
    return count;
}

/* A result that only some calls keep is not shown where it is not. */
static int add_outputs(const mt_node *node, const py_schema *s, uint32_t keeps, entry *e, int n)
{
    for (int k = 0; k < node->call.nout && k < 8; k++) {
        char number[16];
        const char *name = number;
        snprintf(number, sizeof number, node->call.nout == 1 ? "result" : "result%d", k);
        if (!(keeps & MT_KEEP_OUT(k))) continue;
        if (!node->released && !node->call.out[k] && !py_node_has_packed(node, node->call.nin + k))
            continue;
        if (s->results && !(name = PyUnicode_AsUTF8(PyList_GET_ITEM(s->results, k)))) return -1;
        add(e, &n, pytorchs_name(node, name, -1), node->call.nin + k, 1);
    }
    return n;
}

/* All that n may show; -1 with an exception. e: room for PY_MAX_PARAMS + 8 */
static int entries_of(const mt_node *n, const py_schema *s, entry *e)
{
    uint32_t keeps = kept_by(n->call.op);
    int count = add_inputs(n, s, keeps, e);
    return count < 0 ? -1 : add_outputs(n, s, keeps, e, count);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* What is kept in place i with its history, NULL if nothing is; owned by the scope. -1 with an exception. */
static int unpacked(mt_node *n, int i, mt_tensor **all, mt_tensor **t)
{
    int packed = py_node_packed(n, i, t);
    if (packed) return packed;
    mt_call c;
    if (mt_node_stale(n, i) ? mt_node_fail_stale(n, i) < 0
                            : mt_node_unpack(n, &c, all, all + n->call.nin) < 0) {
        py_raise();
        return -1;
    }
    *t = all[i];
    if (*t == n->call.in[i] && !mt_requires_grad(*t)) *t = *t ? mt_alias(*t) : NULL;
    return 0;
}

static PyObject *kept_value(mt_node *n, const entry *e, int i, mt_tensor **all)
{
    mt_tensor *t = NULL;
    bool number = e->number && n->call.in[i] && n->call.in[i]->flags & MT_WRAPPED_NUMBER;
    if (!n->call.in[i] && !py_node_has_packed(n, i)) Py_RETURN_NONE;
    if (unpacked(n, i, all, &t) < 0) return NULL;
    if (t && number) return py_scalar_object(mt_item_at(t, 0));
    if (t && e->turned && t->ndim == 2) t = mt_t(t);
    return t ? py_wrap(t) : py_raise();
}

static PyObject *kept_list(mt_node *n, const entry *e, mt_tensor **all)
{
    PyObject *tuple = PyTuple_New(e->count);
    for (int i = 0; tuple && i < e->count; i++) {
        PyObject *item = kept_value(n, e, e->first + i, all);
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* PyTorch's operators know reductions by number. */
static PyObject *argument_value(const py_param *p, const mt_arg *a)
{
    if (a->given && p->kind == PY_STR &&
        PyUnicode_CompareWithASCIIString(p->name, "reduction") == 0)
        return PyLong_FromLong(strcmp(a->text, "none") == 0   ? 0
                               : strcmp(a->text, "mean") == 0 ? 1
                                                              : 2);
    return py_argument_object(p, a);
}

static PyObject *value_of(mt_node *n, const entry *e)
{
    if (e->argument) return argument_value(e->argument, &n->call.arg[e->argument->slot]);
    if (n->released) return py_function_released();
    size_t places = (size_t)(n->call.nin + n->call.nout);
    mt_tensor **all = PyMem_Calloc(places, sizeof *all);
    if (!all) return PyErr_NoMemory();
    mt_scope scope = mt_scope_open();
    PyObject *value = e->list ? kept_list(n, e, all) : kept_value(n, e, e->first, all);
    mt_scope_close(scope);
    PyMem_Free(all);
    return value;
}

/* ---- for py_node.c --------------------------------------------------------------------------- */

/* The entries and the schema they point into, which the caller frees; NULL: there are none, perhaps with an exception. */
static py_schema *look(const mt_node *n, entry *e, int *count)
{
    *count = 0;
    if (!n || py_is_function(n) || !n->call.op->schema || is_step(n)) return NULL;
    py_schema *s = py_schema_parse(n->call.op, 0);
    if (s && (*count = entries_of(n, s, e)) >= 0) return s;
    if (s) py_schema_free(s);
    return NULL;
}

PyObject *py_node_saved(mt_node *n, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    entry e[PY_MAX_PARAMS + 8];
    int count;
    if (!text || strncmp(text, PREFIX, PREFIX_LENGTH) != 0) return NULL;
    py_schema *s = look(n, e, &count);
    if (!s) return NULL;
    PyObject *value = NULL;
    for (int i = 0; i < count; i++)
        if (strcmp(e[i].name, text + PREFIX_LENGTH) == 0) {
            value = value_of(n, &e[i]);
            break;
        }
    py_schema_free(s);
    return value;
}

int py_node_list_saved(mt_node *n, PyObject *list)
{
    entry e[PY_MAX_PARAMS + 8];
    int count, status = 0;
    py_schema *s = look(n, e, &count);
    if (!s) return PyErr_Occurred() ? -1 : 0;
    for (int i = 0; i < count && status == 0; i++) {
        PyObject *name = PyUnicode_FromFormat(PREFIX "%s", e[i].name);
        status = name ? PyList_Append(list, name) : -1;
        Py_XDECREF(name);
    }
    py_schema_free(s);
    return status;
}
