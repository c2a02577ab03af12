/* Reading a schema just as far as the core needs it: which type argument number i (tensors not counted) has. */
#include "graph/op.h"

#include <string.h>

static const char *skip_blank(const char *p)
{
    while (*p == ' ' || *p == ',') p++;
    return p;
}

/* The end of the parameter that starts at p: the comma or closing parenthesis outside brackets and quotes. */
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

const char *mt_op_arg_type(const mt_op *op, int i)
{
    const char *p = op->schema ? strchr(op->schema, '(') : NULL;
    if (!p) return "";
    p = skip_blank(p + 1);
    while (*p && *p != ')') {
        if (*p == '*') {
            p = skip_blank(p + 1);
            continue;
        }
        if (!is_tensor(p) && i-- == 0) return !strncmp(p, "str", 3) ? "str" : !strncmp(p, "Generator", 9) ? "Generator" : p;
        p = skip_blank(parameter_end(p));
    }
    return "";
}
