/* From the registry to Python: one object per name and place, their aliases, and the named tuples
 * of results.
 *
 * Places: minitorch itself, Tensor's methods, nn.functional, linalg, special. The flags of a record
 * say where its operator is found; nothing is listed here but second names. Relies on ops/ops.h;
 * read next: py_tensor.c. */
#include "python/py_op.h"

#include <string.h>

enum { FUNCTIONS, METHODS, NN, LINALG, SPECIAL, PLACES };

/* Second names, as PyTorch has them. Each exists wherever its operator does, in-place form
 * included. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"absolute", "abs"},    {"arccos", "acos"},        {"arccosh", "acosh"},
    {"arcsin", "asin"},     {"arcsinh", "asinh"},      {"arctan", "atan"},
    {"arctan2", "atan2"},   {"arctanh", "atanh"},      {"bitwise_invert", "bitwise_not"},
    {"clip", "clamp"},      {"concat", "cat"},         {"concatenate", "cat"},
    {"divide", "div"},      {"fix", "trunc"},          {"ger", "outer"},
    {"greater", "gt"},      {"greater_equal", "ge"},   {"less", "lt"},
    {"less_equal", "le"},   {"moveaxis", "movedim"},   {"multiply", "mul"},
    {"negative", "neg"},    {"not_equal", "ne"},       {"row_stack", "vstack"},
    {"subtract", "sub"},    {"swapaxes", "transpose"}, {"swapdims", "transpose"},
    {"true_divide", "div"}, {"trapz", "trapezoid"},
};

/* Names that another place has for a function. */
static const struct {
    int place;
    const char *alias, *name;
} loans[] = {
    {LINALG, "matmul", "matmul"},
    {SPECIAL, "exp2", "exp2"},
    {SPECIAL, "expit", "sigmoid"},
    {SPECIAL, "expm1", "expm1"},
    {SPECIAL, "gammaln", "lgamma"},
    {SPECIAL, "psi", "digamma"},
    {SPECIAL, "multigammaln", "mvlgamma"},
    {SPECIAL, "xlogy", "xlogy"},
    {SPECIAL, "erf", "erf"},
    {SPECIAL, "erfc", "erfc"},
    {SPECIAL, "log1p", "log1p"},
    {SPECIAL, "log_softmax", "log_softmax"},
    {SPECIAL, "logsumexp", "logsumexp"},
    {SPECIAL, "round", "round"},
    {SPECIAL, "softmax", "softmax"},
};

/* ---- places ---------------------------------------------------------------------------------- */

typedef struct place {
    uint32_t flag;      /* of a record's kind */
    uint32_t form;      /* of the schemas there */
    const char *module; /* what the objects say their module is */
    PyObject *dict;     /* borrowed */
} place;

static place places[PLACES] = {
    {MT_FUNCTION, 0, "minitorch", NULL},
    {MT_METHOD, PY_METHOD, "minitorch", NULL},
    {MT_NN, PY_NN, "minitorch._C._nn", NULL},
    {MT_LINALG, 0, "minitorch._C._linalg", NULL},
    {MT_SPECIAL, 0, "minitorch._C._special", NULL},
};

/* A module in the module, also found by `import minitorch._C._nn`. Its dictionary, borrowed. */
static PyObject *new_submodule(PyObject *module, const char *full_name)
{
    PyObject *m = PyModule_New(full_name), *modules = PyImport_GetModuleDict();
    int status = m && modules ? PyDict_SetItemString(modules, full_name, m) : -1;
    if (status == 0) status = PyModule_AddObjectRef(module, strrchr(full_name, '.') + 1, m);
    PyObject *dict = status == 0 ? PyModule_GetDict(m) : NULL;
    Py_XDECREF(m);
    return dict;
}

static PyObject *result_types; /* dictionary of minitorch._C._return_types, borrowed */

static int open_places(PyObject *module)
{
    places[FUNCTIONS].dict = PyModule_GetDict(module);
    places[METHODS].dict = py_tensor_type.tp_dict;
    for (int i = NN; i < PLACES; i++)
        if (!(places[i].dict = new_submodule(module, places[i].module))) return -1;
    result_types = new_submodule(module, "minitorch._C._return_types");
    return result_types ? 0 : -1;
}

/* ---- named tuples ---------------------------------------------------------------------------- */

static PyObject *result_repr(PyObject *self)
{
    const char *name = strrchr(Py_TYPE(self)->tp_name, '.') + 1;
    PyObject *text = PyUnicode_FromFormat("torch.return_types.%s(", name);
    PyObject *fields = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__match_args__");
    if (!fields) Py_CLEAR(text);
    for (Py_ssize_t i = 0; text && i < PyTuple_GET_SIZE(self); i++)
        Py_SETREF(text,
                  PyUnicode_FromFormat("%U%s\n%U=%R", text, i ? "," : "",
                                       PyTuple_GET_ITEM(fields, i), PyTuple_GET_ITEM(self, i)));
    if (text) Py_SETREF(text, PyUnicode_FromFormat("%U)", text));
    Py_XDECREF(fields);
    return text;
}

static PyTypeObject *new_result_type(const char *name, PyObject *fields)
{
    Py_ssize_t n = PyList_GET_SIZE(fields);
    size_t length = strlen(name) + 32;
    PyStructSequence_Field *field = PyMem_Calloc((size_t)n + 1, sizeof *field);
    char *full = PyMem_Malloc(length); /* both live as long as the type: for ever */
    if (!field || !full) return (PyTypeObject *)PyErr_NoMemory();
    snprintf(full, length, "minitorch.return_types.%s", name);
    for (Py_ssize_t i = 0; i < n; i++)
        if (!(field[i].name = PyUnicode_AsUTF8(PyList_GET_ITEM(fields, i)))) return NULL;
    PyStructSequence_Desc desc = {full, NULL, field, (int)n};
    PyTypeObject *type = PyStructSequence_NewType(&desc);
    if (type) type->tp_repr = result_repr;
    return type;
}

PyTypeObject *py_op_result_type(const char *name, PyObject *fields)
{
    PyObject *known = PyDict_GetItemString(result_types, name);
    if (known) return (PyTypeObject *)known;
    PyTypeObject *type = new_result_type(name, fields);
    int status = type ? PyDict_SetItemString(result_types, name, (PyObject *)type) : -1;
    Py_XDECREF((PyObject *)type); /* the dictionary has it */
    return status < 0 ? NULL : type;
}

/* ---- objects --------------------------------------------------------------------------------- */

static bool is_op(PyObject *o)
{
    return Py_IS_TYPE(o, &py_op_type) || Py_IS_TYPE(o, &py_op_method_type);
}

/* The object of that name in a place (borrowed), made if need be. NULL without an exception:
 * something written by hand has the name, and keeps it. */
static py_op *op_in(const place *p, const char *name, uint32_t form)
{
    PyObject *there = PyDict_GetItemString(p->dict, name);
    if (there) return is_op(there) ? (py_op *)there : NULL;
    py_op *op = py_op_new(name, p->module, form);
    int status = op ? PyDict_SetItemString(p->dict, name, (PyObject *)op) : -1;
    Py_XDECREF((PyObject *)op);
    return status < 0 ? NULL : op;
}

static int add_to(const place *p, const mt_op *record, uint32_t form)
{
    char name[64];
    py_op *op = op_in(p, py_schema_name(record, form, name), form);
    if (!op) return PyErr_Occurred() ? -1 : 0;
    py_schema *s = py_schema_parse(record, form);
    if (!s) return -1;
    char full[80]; /* linalg.svd and svd have fields of their own */
    snprintf(full, sizeof full, "%s%s", p->flag == MT_LINALG ? "linalg_" : "",
             py_schema_name(record, 0, name));
    if (s->results && !(s->result_type = py_op_result_type(full, s->results))) return -1;
    return py_op_add(op, s);
}

/* Every operator with an in-place form has Tensor.name_, unless it is a function of nn.functional
 * alone; minitorch.name_ exists for those of one tensor. */
static int add_inplace(const mt_op *record)
{
    bool method = record->kind & MT_METHOD || !(record->kind & MT_NN);
    if (method && add_to(&places[METHODS], record, PY_METHOD | PY_INPLACE) < 0) return -1;
    const char *second = strchr(record->schema, ',');
    bool one_tensor = !second || (strncmp(second, ", Tensor", 8) && strncmp(second, ", Number", 8));
    for (int i = 0; i < PLACES; i++)
        if (i != METHODS && record->kind & places[i].flag && one_tensor &&
            add_to(&places[i], record, places[i].form | PY_INPLACE) < 0)
            return -1;
    return 0;
}

static int add_record(const mt_op *record)
{
    for (int i = 0; i < PLACES; i++)
        if (record->kind & places[i].flag && add_to(&places[i], record, places[i].form) < 0)
            return -1;
    return record->kind & MT_INPLACE ? add_inplace(record) : 0;
}

/* ---- aliases --------------------------------------------------------------------------------- */

static int add_alias(const place *from, const place *p, const char *alias, const char *name)
{
    PyObject *target = PyDict_GetItemString(from->dict, name);
    if (!target || !is_op(target) || PyDict_GetItemString(p->dict, alias)) return 0;
    const py_op *op = (const py_op *)target;
    py_op *copy = op_in(p, alias, op->form);
    if (!copy) return -1;
    for (int i = 0; i < op->n; i++)
        if (py_op_add(copy, op->schema[i]) < 0) return -1;
    return 0;
}

static int add_aliases(void)
{
    char alias[64], name[64];
    for (size_t k = 0; k < sizeof aliases / sizeof *aliases; k++) {
        snprintf(alias, sizeof alias, "%s_", aliases[k].alias);
        snprintf(name, sizeof name, "%s_", aliases[k].name);
        for (int i = 0; i < PLACES; i++)
            if (add_alias(&places[i], &places[i], aliases[k].alias, aliases[k].name) < 0 ||
                add_alias(&places[i], &places[i], alias, name) < 0)
                return -1;
    }
    for (size_t k = 0; k < sizeof loans / sizeof *loans; k++)
        if (add_alias(&places[FUNCTIONS], &places[loans[k].place], loans[k].alias, loans[k].name) <
            0)
            return -1;
    return 0;
}

/* ---- for the rest of the binding ------------------------------------------------------------- */

PyObject *py_op_find(const char *python_name, bool method)
{
    for (int i = 0; i < PLACES; i++) {
        if (method != (i == METHODS) || !places[i].dict) continue;
        PyObject *op = PyDict_GetItemString(places[i].dict, python_name);
        if (op && is_op(op)) return op;
    }
    PyErr_Format(PyExc_AttributeError, "minitorch has no operator '%s'", python_name);
    return NULL;
}

int py_init_op(PyObject *module)
{
    if (PyType_Ready(&py_op_type) < 0 || PyType_Ready(&py_op_method_type) < 0 ||
        open_places(module) < 0)
        return -1;
    for (int i = 0; i < mt_num_ops; i++)
        if (add_record(mt_ops[i]) < 0) return -1;
    if (add_aliases() < 0) return -1;
    PyType_Modified(&py_tensor_type);
    return PyModule_AddObjectRef(module, "Operator", (PyObject *)&py_op_type);
}
