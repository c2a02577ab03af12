/* Reading a schema just as far as the core needs it: which arguments
 * (tensors not counted) point to memory. */
#include "graph/op.h"

#include <string.h>

static const char *skip_blank(const char *p)
{
    while (*p == ' ' || *p == ',') p++;
    return p;
}

/* The end of the parameter that starts at p: the comma or closing parenthesis
 * outside brackets and quotes. */
static const char *parameter_end(const char *p)
{
    int depth = 0;
    bool quoted = false;
    for (; *p; p++) {
        if (*p == '"') quoted = !quoted;
        if (quoted) continue;
        if (*p == '[' || *p == '(') depth++;
        if ((*p == ',' || *p == ')') && depth == 0) break;
        if (*p == ']' || *p == ')') depth--;
    }
    return p;
}

static bool is_tensor(const char *p)
{
    return !strncmp(p, "Tensor", 6) || (!strncmp(p, "Number", 6));
}

static uint8_t kind_of(const char *p)
{
    if (!strncmp(p, "int[", 4)) return MT_ARG_INTS;
    if (!strncmp(p, "float[", 6)) return MT_ARG_DOUBLES;
    if (!strncmp(p, "str", 3)) return MT_ARG_TEXT;
    if (!strncmp(p, "ScalarType", 10)) return MT_ARG_DTYPE;
    if (!strncmp(p, "Scalar", 6)) return MT_ARG_SCALAR;
    return !strncmp(p, "Generator", 9) ? MT_ARG_GENERATOR : MT_ARG_PLAIN;
}

const mt_op_plan *mt_op_read_plan(const mt_op *op)
{
    mt_op_plan *plan = op->plan, read = {.ready = true};
    const char *p = op->schema ? strchr(op->schema, '(') : NULL;
    p = p ? skip_blank(p + 1) : "";
    for (int i = 0; *p && *p != ')' && i < MT_MAX_ARGS; p = skip_blank(parameter_end(p))) {
        if (*p == '*') p = skip_blank(p + 1);
        if (*p == ')' || is_tensor(p)) continue;
        read.kind[i] = kind_of(p);
        read.points |= read.kind[i] >= MT_ARG_INTS;
        i++;
    }
    memcpy(plan->kind, read.kind, sizeof plan->kind);
    plan->points = read.points;
    __atomic_store_n(&plan->ready, true, __ATOMIC_RELEASE);
    return plan;
}
