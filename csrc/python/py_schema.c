/* Reading schemas, and saying them again as error texts, signatures and stubs. Relies on
 * graph/op.h; grammar in py_schema.h. Read next: py_bind.c. */
#include "python/py_schema.h"

#include <ctype.h>
#include <string.h>

/* ---- words ----------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    py_kind kind;
} kinds[] = {
    {"Tensor", PY_TENSOR},       {"Number", PY_NUMBER},    {"Tensor[]", PY_TENSORS},
    {"Tensor?[]", PY_TENSORS},   {"Scalar", PY_SCALAR},    {"int", PY_INT},
    {"float", PY_FLOAT},         {"bool", PY_BOOL},        {"str", PY_STR},
    {"float[]", PY_FLOATS},      {"ScalarType", PY_DTYPE}, {"Generator", PY_GENERATOR},
    {"MemoryFormat", PY_FORMAT},
};

/* What NumPy and older programs call a parameter. */
static const struct {
    const char *name, *alias;
} aliases[] = {{"dim", "axis"},
               {"keepdim", "keepdims"},
               {"input", "x"},
               {"other", "x2"},
               {"dim0", "axis0"},
               {"dim1", "axis1"},
               {"split_size_or_sections", "split_size"}};

const char *py_schema_name(const mt_op *op, uint32_t form, char *buffer)
{
    size_t length = strcspn(op->schema, ".(");
    if (length > 60) length = 60;
    memcpy(buffer, op->schema, length);
    if (form & PY_INPLACE && !(op->kind & MT_INPLACE_ONLY)) buffer[length++] = '_';
    buffer[length] = '\0';
    return buffer;
}

static bool is_arg(py_kind kind) { return kind >= PY_SCALAR && kind <= PY_FORMAT; }

/* ---- reading --------------------------------------------------------------------------------- */

static const char *skip_blank(const char *p)
{
    while (*p == ' ') p++;
    return p;
}

static int complain(const py_schema *s, const char *at)
{
    PyErr_Format(PyExc_SystemError, "schema of %s is not understood at '%.40s'", s->op->name, at);
    return -1;
}

/* "int[2]?" at p: fills kind, length and optional; returns what follows, NULL if it is no type. */
static const char *read_type(const char *p, py_param *out)
{
    size_t length = strcspn(p, " ");
    const char *end = p + length;
    if (length && p[length - 1] == '?') {
        out->optional = true;
        length--;
    }
    if (!strncmp(p, "int[", 4)) {
        out->kind = PY_INTS;
        out->length = (uint8_t)strtol(p + 4, NULL, 10);
        return end;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].word) != length || strncmp(p, kinds[i].word, length)) continue;
        out->kind = kinds[i].kind;
        if (!strcmp(kinds[i].word, "Tensor?[]")) out->optional = false;
        return end;
    }
    return NULL;
}

/* "[0, 1]" or "1": a list that lives as long as the process. */
static int read_ints(const char *p, mt_arg *out)
{
    int64_t list[16], *kept;
    int64_t n = 0;
    for (p += *p == '['; *p && *p != ']' && n < 16; p += *p == ',' || *p == ' ') {
        char *end;
        list[n] = strtoll(p, &end, 10);
        if (end == p) break;
        n++;
        p = end;
    }
    if (!(kept = PyMem_Malloc((size_t)(n + 1) * sizeof *kept))) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(kept, list, (size_t)n * sizeof *kept);
    *out = mt_arg_ints(n, kept);
    return 0;
}

static int read_text(const char *p, size_t length, mt_arg *out)
{
    char *kept = PyMem_Malloc(length);
    if (!kept) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(kept, p + 1, length - 2); /* without the quotes */
    kept[length - 2] = '\0';
    out->given = true;
    out->text = kept;
    return 0;
}

static mt_scalar read_scalar(const char *p, size_t length)
{
    if (*p == 'T' || *p == 'F') return mt_scalar_bool(*p == 'T');
    bool is_float = memchr(p, '.', length) || memchr(p, 'e', length) || memchr(p, 'n', length);
    return is_float ? mt_scalar_float(strtod(p, NULL)) : mt_scalar_int(strtoll(p, NULL, 10));
}

/* The text behind `=`, up to a comma or parenthesis outside brackets and quotes. */
static const char *read_default(const char *p, py_param *out)
{
    size_t length = 0;
    int depth = 0;
    for (bool quoted = false; p[length]; length++) {
        char ch = p[length];
        if (ch == '"') quoted = !quoted;
        if (quoted) continue;
        if (depth == 0 && (ch == ',' || ch == ')')) break;
        depth += (ch == '[') - (ch == ']');
    }
    out->has_default = true;
    out->default_text = p;
    out->default_length = (uint8_t)length;
    out->value = mt_arg_none();
    if (!strncmp(p, "None", 4)) return p + length;
    int status = 0;
    switch (out->kind) {
    case PY_SCALAR:
        out->value = mt_arg_scalar(read_scalar(p, length));
        break;
    case PY_INT:
        out->value = mt_arg_int(strtoll(p, NULL, 10));
        break;
    case PY_FLOAT:
        out->value = mt_arg_double(strtod(p, NULL));
        break;
    case PY_BOOL:
        out->value = mt_arg_bool(*p == 'T');
        break;
    case PY_INTS:
        status = read_ints(p, &out->value);
        break;
    case PY_STR:
        status = read_text(p, length, &out->value);
        break;
    default:
        return NULL;
    }
    return status < 0 ? NULL : p + length;
}

static int set_name(py_param *p, const char *name, size_t length)
{
    p->name = PyUnicode_FromStringAndSize(name, (Py_ssize_t)length);
    if (!p->name) return -1;
    PyUnicode_InternInPlace(&p->name);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strlen(aliases[i].name) == length && !strncmp(aliases[i].name, name, length) &&
            !(p->alias = PyUnicode_InternFromString(aliases[i].alias)))
            return -1;
    return 0;
}

static py_param *new_param(py_schema *s)
{
    if (s->n == PY_MAX_PARAMS) {
        PyErr_Format(PyExc_SystemError, "schema of %s has too many parameters", s->op->name);
        return NULL;
    }
    py_param *p = &s->param[s->n++];
    p->slot = -1;
    return p;
}

/* One parameter: "int[1]? dim=None". Returns what follows. */
static const char *read_param(py_schema *s, const char *at, bool keyword_only)
{
    py_param *p = new_param(s);
    if (!p) return NULL;
    const char *name = read_type(at, p);
    if (!name) return complain(s, at), NULL;
    name = skip_blank(name);
    size_t length = strcspn(name, "=,)");
    bool self = length == 4 && !strncmp(name, "self", 4);
    if (self && s->form & (PY_METHOD | PY_INPLACE)) p->kind = PY_TENSOR;
    p->keyword_only = keyword_only;
    p->slot = (int8_t)(is_arg(p->kind) ? s->narg++ : s->tensors++);
    if (p->kind == PY_TENSORS) s->has_list = true;
    if (p->kind == PY_GENERATOR) s->keeps_gil = true;
    bool renamed = self && !(s->form & PY_METHOD) && p->kind != PY_SCALAR;
    if (set_name(p, renamed ? "input" : name, renamed ? 5 : length) < 0) return NULL;
    at = name + length;
    if (*at != '=') return at;
    const char *value = at + 1;
    if (!(at = read_default(value, p))) {
        if (!PyErr_Occurred()) complain(s, value);
        return NULL;
    }
    return at;
}

static const char *read_params(py_schema *s, const char *at)
{
    bool keyword_only = false;
    for (at = skip_blank(at); *at && *at != ')'; at = skip_blank(at + (*at == ','))) {
        if (*at == '*') {
            keyword_only = true;
            at = skip_blank(at + 1);
        } else if (!(at = read_param(s, at, keyword_only))) {
            return NULL;
        }
    }
    return *at == ')' ? at + 1 : (complain(s, at), NULL);
}

/* "-> (Tensor values, Tensor indices)", "-> Tensor[]", "-> Tensor" */
static int read_results(py_schema *s, const char *at)
{
    at = strstr(at, "->");
    if (!at) return complain(s, s->op->schema);
    at = skip_blank(at + 2);
    s->nout = 1;
    if (!strncmp(at, "Tensor[]", 8)) s->nout = -1;
    if (*at != '(') return 0;
    if (!(s->results = PyList_New(0))) return -1;
    s->nout = 0;
    for (at++; *at && *at != ')'; at += *at == ',', at = skip_blank(at)) {
        at = skip_blank(at + strcspn(at, " ,)"));
        size_t length = strcspn(at, ",)");
        PyObject *name = length ? PyUnicode_FromStringAndSize(at, (Py_ssize_t)length) : NULL;
        if (length && (!name || PyList_Append(s->results, name) < 0)) return -1;
        Py_XDECREF(name);
        at += length;
        s->nout++;
    }
    if (PyList_GET_SIZE(s->results) != s->nout) Py_CLEAR(s->results);
    return 0;
}

/* ---- what the binding adds ------------------------------------------------------------------- */

static int add_param(py_schema *s, py_kind kind, const char *name, const char *default_text,
                     bool keyword_only)
{
    py_param *p = new_param(s);
    if (!p) return -1;
    p->kind = kind;
    p->has_default = true;
    p->optional = *default_text == 'N' || kind == PY_PIN_MEMORY || kind == PY_REQUIRES_GRAD;
    p->keyword_only = keyword_only;
    p->default_text = default_text;
    p->default_length = (uint8_t)strlen(default_text);
    return set_name(p, name, strlen(name));
}

static bool has_param(const py_schema *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (PyUnicode_CompareWithASCIIString(s->param[i].name, name) == 0) return true;
    return false;
}

/* PyTorch's factories have out= before dtype=. */
static void put_out_before_dtype(py_schema *s)
{
    for (int i = s->n - 1; i > 0 && s->param[i].kind == PY_OUT; i--) {
        py_param *before = &s->param[i - 1];
        if (!before->keyword_only || before->kind != PY_DTYPE) return;
        py_param out = s->param[i];
        s->param[i] = *before;
        *before = out;
    }
}

static int add_own_params(py_schema *s)
{
    uint32_t kind = s->op->kind;
    bool takes_tensor = s->n && s->param[0].kind == PY_TENSOR;
    if (s->form & PY_NN && kind & MT_INPLACE && !has_param(s, "inplace") &&
        add_param(s, PY_AS_INPLACE, "inplace", "False", false) < 0)
        return -1;
    if (kind & MT_OUT && !(s->form & (PY_METHOD | PY_INPLACE)) &&
        add_param(s, PY_OUT, "out", "None", true) < 0)
        return -1;
    if (!(kind & MT_FACTORY)) return 0;
    put_out_before_dtype(s);
    if (add_param(s, PY_LAYOUT, "layout", "None", true) < 0 ||
        add_param(s, PY_DEVICE, "device", "None", true) < 0 ||
        add_param(s, PY_PIN_MEMORY, "pin_memory", "False", true) < 0 ||
        add_param(s, PY_REQUIRES_GRAD, "requires_grad", "False", true) < 0)
        return -1;
    if (takes_tensor && !has_param(s, "memory_format"))
        return add_param(s, PY_FORMAT, "memory_format", "None", true);
    return 0;
}

/* A method's tensor comes first, wherever the schema has it (where(condition, self, other)). */
static void put_self_first(py_schema *s)
{
    for (int i = 1; i < s->n; i++) {
        if (PyUnicode_CompareWithASCIIString(s->param[i].name, "self") != 0) continue;
        py_param self = s->param[i];
        memmove(&s->param[1], &s->param[0], (size_t)i * sizeof self);
        s->param[0] = self;
        return;
    }
}

/* How many leading tensors make a complete call. */
static void find_fast_path(py_schema *s)
{
    int leading = 0;
    if (s->has_list || s->nout != 1) return;
    while (leading < s->positional && leading < 4 && s->param[leading].kind <= PY_NUMBER) leading++;
    for (int i = 0; i < s->n; i++) {
        const py_param *p = &s->param[i];
        if (!p->has_default && i >= leading) return;
        if (i >= leading) continue;
        if (p->slot != i) return;
        s->fast_number[i] = p->kind == PY_NUMBER;
        if (!p->has_default) s->fast_min++;
    }
    s->fast_max = (uint8_t)leading;
}

static int finish(py_schema *s)
{
    if (s->op->kind & MT_RANDOM) s->keeps_gil = true;
    if (s->form & PY_METHOD) put_self_first(s);
    if (add_own_params(s) < 0) return -1;
    size_t bytes = (size_t)(s->narg + 1) * sizeof *s->defaults;
    if (!(s->defaults = PyMem_Calloc(1, bytes))) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < s->n; i++) {
        const py_param *p = &s->param[i];
        if (!p->keyword_only) s->positional++;
        if (!p->has_default) s->required++;
        if (p->slot < 0 || !is_arg(p->kind)) continue;
        s->defaults[p->slot] = p->value;
        s->defaults[p->slot].constant = true;
    }
    int first = s->form & PY_METHOD ? 1 : 0;
    s->varargs =
        s->op->kind & MT_VARARGS && s->positional == first + 1 && s->param[first].kind == PY_INTS;
    find_fast_path(s);
    s->fast_call = (mt_call){.op = s->op,
                             .nin = s->tensors,
                             .nout = 1,
                             .narg = (int16_t)s->narg,
                             .flags = s->inplace ? MT_CALL_INPLACE : 0,
                             .arg = s->defaults};
    return 0;
}

py_schema *py_schema_parse(const mt_op *op, uint32_t form)
{
    py_schema *s = PyMem_Calloc(1, sizeof *s);
    if (!s) return (py_schema *)PyErr_NoMemory();
    s->op = op;
    s->form = form;
    s->inplace = form & PY_INPLACE || op->kind & MT_INPLACE_ONLY;
    const char *at = strchr(op->schema, '(');
    if (!at) complain(s, op->schema);
    if (at && (at = read_params(s, at + 1)) && read_results(s, at) == 0 && finish(s) == 0) return s;
    py_schema_free(s);
    return NULL;
}

void py_schema_free(py_schema *s)
{
    for (int i = 0; i < s->n; i++) {
        py_param *p = &s->param[i];
        Py_XDECREF(p->name);
        Py_XDECREF(p->alias);
        if (p->kind == PY_INTS && p->value.given) PyMem_Free((void *)p->value.ints.v);
        if (p->kind == PY_STR && p->value.given) PyMem_Free((void *)p->value.text);
    }
    Py_XDECREF(s->results);
    PyMem_Free(s->defaults);
    PyMem_Free(s);
}

bool py_schema_covers(const py_schema *b, const py_schema *a)
{
    if (a->positional != b->positional || a->n >= b->n || a->nout != b->nout) return false;
    for (int i = 0; i < a->positional; i++)
        if (a->param[i].kind != b->param[i].kind || a->param[i].name != b->param[i].name)
            return false;
    for (int i = a->positional; i < a->n; i++)
        if (!has_param(b, PyUnicode_AsUTF8(a->param[i].name))) return false;
    return b->required == a->required;
}

/* ---- saying it again ------------------------------------------------------------------------- */

const char *py_kind_name(const py_param *p)
{
    static const char *const names[] = {
        [PY_TENSOR] = "Tensor",
        [PY_NUMBER] = "Tensor",
        [PY_TENSORS] = "tuple of Tensors",
        [PY_SCALAR] = "Number",
        [PY_INT] = "int",
        [PY_FLOAT] = "float",
        [PY_BOOL] = "bool",
        [PY_STR] = "str",
        [PY_INTS] = "tuple of ints",
        [PY_FLOATS] = "tuple of floats",
        [PY_DTYPE] = "torch.dtype",
        [PY_GENERATOR] = "torch.Generator",
        [PY_FORMAT] = "torch.memory_format",
        [PY_OUT] = "Tensor",
        [PY_LAYOUT] = "torch.layout",
        [PY_DEVICE] = "torch.device",
        [PY_PIN_MEMORY] = "bool",
        [PY_REQUIRES_GRAD] = "bool",
        [PY_AS_INPLACE] = "bool",
    };
    return names[p->kind];
}

static const char *stub_name(const py_param *p)
{
    static const char *const names[] = {
        [PY_TENSOR] = "Tensor",
        [PY_NUMBER] = "Tensor | Number",
        [PY_TENSORS] = "Sequence[Tensor]",
        [PY_SCALAR] = "Number",
        [PY_INT] = "int",
        [PY_FLOAT] = "float",
        [PY_BOOL] = "bool",
        [PY_STR] = "str",
        [PY_INTS] = "Sequence[int]",
        [PY_FLOATS] = "Sequence[float]",
        [PY_DTYPE] = "dtype",
        [PY_GENERATOR] = "Generator",
        [PY_FORMAT] = "memory_format",
        [PY_OUT] = "Tensor",
        [PY_LAYOUT] = "layout",
        [PY_DEVICE] = "device | str",
        [PY_PIN_MEMORY] = "bool",
        [PY_REQUIRES_GRAD] = "bool",
        [PY_AS_INPLACE] = "bool",
    };
    return p->length ? "int | Sequence[int]" : names[p->kind];
}

/* Several results go into a tuple. */
static bool out_is_tuple(const py_schema *s, const py_param *p)
{
    return p->kind == PY_OUT && s->nout != 1;
}

/* One parameter of each form of text: options "int dim = 0", signature "dim=0", stub "dim: int =
 * 0". A list as a default is a tuple in Python. */
static PyObject *param_text(const py_schema *s, const py_param *p, char form)
{
    char value[64] = "";
    if (p->has_default) {
        size_t length = p->default_length < 60 ? p->default_length : 60;
        memcpy(value, p->default_text, length);
        value[length] = '\0';
        if (form != 'o' && !strcmp(value, "[]")) strcpy(value, "()");
    }
    const char *equals = !p->has_default ? "" : form == 's' ? "=" : " = ";
    /* uniform_(from=0): a word that Python code can pass only as **{"from": 0}, and no signature
     * may hold */
    const char *mark =
        form != 'o' && PyUnicode_CompareWithASCIIString(p->name, "from") == 0 ? "_" : "";
    if (form == 's') return PyUnicode_FromFormat("%U%s%s%s", p->name, mark, equals, value);
    if (form == 'o') {
        const char *type = out_is_tuple(s, p) ? "tuple of Tensors" : py_kind_name(p);
        return PyUnicode_FromFormat("%s %U%s%s", type, p->name, equals, value);
    }
    const char *type = out_is_tuple(s, p) ? "tuple[Tensor, ...]" : stub_name(p);
    return PyUnicode_FromFormat("%U%s: %s%s%s%s", p->name, mark, type, p->optional ? " | None" : "",
                                equals, value);
}

/* Parameters from number `first`, separated by commas, with the star where keywords begin. */
static PyObject *params_text(const py_schema *s, int first, char form)
{
    PyObject *list = PyList_New(0), *comma = PyUnicode_FromString(", "), *text = NULL;
    int status = list && comma ? 0 : -1;
    bool starred = false;
    if (s->varargs && form == 't') starred = true; /* "*size: int" is a star of its own */
    for (int i = first; i < s->n && status == 0; i++) {
        const py_param *p = &s->param[i];
        PyObject *item = NULL;
        if (p->keyword_only && !starred) {
            starred = true;
            item = PyUnicode_FromString("*");
            status = item ? PyList_Append(list, item) : -1;
            Py_XDECREF(item);
        }
        if (status == 0 && (item = param_text(s, p, form))) status = PyList_Append(list, item);
        if (!item) status = -1;
        Py_XDECREF(item);
    }
    if (status == 0) text = PyUnicode_Join(comma, list);
    Py_XDECREF(list);
    Py_XDECREF(comma);
    return text;
}

static PyObject *in_parentheses(PyObject *text, const char *before, const char *behind)
{
    if (!text) return NULL;
    const char *join = *before && PyUnicode_GET_LENGTH(text) ? ", " : "";
    PyObject *whole = PyUnicode_FromFormat("(%s%s%U)%s", before, join, text, behind);
    Py_DECREF(text);
    return whole;
}

PyObject *py_schema_options(const py_schema *s)
{
    return in_parentheses(params_text(s, s->form & PY_METHOD ? 1 : 0, 'o'), "", "");
}

PyObject *py_schema_signature(const py_schema *s)
{
    return in_parentheses(params_text(s, 0, 's'), "", "");
}

PyObject *py_schema_stub(const py_schema *s)
{
    int first = s->form & PY_METHOD ? 1 : 0;
    const char *result = " -> Tensor";
    char named[96];
    if (s->nout < 0) result = " -> tuple[Tensor, ...]";
    if (s->nout > 1) result = s->nout == 2 ? " -> tuple[Tensor, Tensor]" : " -> tuple[Tensor, ...]";
    if (s->results) {
        snprintf(named, sizeof named, " -> _return_types.");
        py_schema_name(s->op, 0, named + strlen(named));
        result = named;
    }
    if (!s->varargs) return in_parentheses(params_text(s, first, 't'), first ? "self" : "", result);
    PyObject *rest = params_text(s, first + 1, 't');
    if (!rest) return NULL;
    PyObject *text = PyUnicode_FromFormat("*%U: int | Sequence[int]%s%U", s->param[first].name,
                                          PyUnicode_GET_LENGTH(rest) ? ", " : "", rest);
    Py_DECREF(rest);
    return in_parentheses(text, first ? "self" : "", result);
}
