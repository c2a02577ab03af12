/* Operators on narrow floats. No kernel knows float16 or bfloat16: inputs of these types are cast to
 * float32, the operator runs, and its results are cast back, each rounded once, as PyTorch's own
 * kernels do on a CPU. Casts are operators with a derivative, so gradients arrive narrow.
 *
 * Views and operators that only move bits (MT_ANY_DTYPE) never come here.
 * Relies on graph/apply.h and inplace.h; read before: base/narrow.h. */
#include "graph/narrow.h"

#include "base/alloc.h"
#include "graph/apply.h"
#include "graph/inplace.h"

#include <string.h>

#define FEW 16

extern const mt_op mt_op_to_dtype;

static mt_tensor *to(mt_tensor *t, mt_dtype d)
{
    mt_arg arg = mt_arg_dtype(d);
    return t->dtype == d ? t : mt_calln(&mt_op_to_dtype, 1, &t, 1, &arg);
}

/* The type of a result that follows the inputs, if it is narrow, else MT_NO_DTYPE. Tensors with
 * dimensions count before those without; numbers are no part of it. */
static mt_dtype type_of_result(const mt_call *c)
{
    mt_dtype kind[2] = {MT_NO_DTYPE, MT_NO_DTYPE};
    for (int i = 0; i < c->nin; i++) {
        const mt_tensor *t = c->in[i];
        if (!t || !mt_is_floating((mt_dtype)t->dtype) || t->flags & MT_WRAPPED_NUMBER) continue;
        mt_dtype *k = &kind[t->ndim == 0];
        *k = *k == MT_NO_DTYPE ? (mt_dtype)t->dtype : mt_promote(*k, (mt_dtype)t->dtype);
    }
    mt_dtype d = kind[0] != MT_NO_DTYPE ? kind[0] : kind[1];
    return mt_is_narrow(d) ? d : MT_NO_DTYPE;
}

/* Copies the arguments, with float32 in place of a narrow dtype, which is what the results become:
 * an operator that is told the type follows no input. */
static mt_dtype replace_dtype(mt_call *c, mt_arg *arg, mt_dtype usual)
{
    const mt_op_plan *plan = c->narg && c->op->plan ? mt_op_get_plan(c->op) : NULL;
    if (!plan || c->narg > MT_MAX_ARGS) return usual;
    for (int i = 0; i < c->narg; i++) {
        arg[i] = c->arg[i];
        if (plan->kind[i] != MT_ARG_DTYPE || !arg[i].given) continue;
        usual = mt_is_narrow((mt_dtype)arg[i].i) ? (mt_dtype)arg[i].i : MT_NO_DTYPE;
        if (usual != MT_NO_DTYPE) arg[i].i = MT_FLOAT32;
    }
    c->arg = arg;
    return usual;
}

static int widen(const mt_call *c, mt_tensor **wide)
{
    for (int i = 0; i < c->nin; i++) {
        mt_tensor *t = wide[i] = c->in[i];
        if (t && mt_is_narrow((mt_dtype)t->dtype) && !(wide[i] = to(t, MT_FLOAT32))) return -1;
    }
    return 0;
}

static int check_targets(const mt_call *c)
{
    for (int k = 0; c->flags & MT_CALL_OUT && k < c->nout; k++)
        if (c->target[k] && mt_is_narrow((mt_dtype)c->target[k]->dtype))
            return mt_error(MT_NOT_IMPLEMENTED,
                            "%s(): out= of type %s. Hint: leave out= away, or copy_() the result.",
                            c->op->name, mt_dtype_camel((mt_dtype)c->target[k]->dtype));
    return 0;
}

static mt_tensor *run(mt_call *c, mt_tensor **wide, mt_dtype back)
{
    mt_tensor *target = c->flags & MT_CALL_INPLACE ? c->in[0] : NULL;
    if (check_targets(c) < 0 || widen(c, wide) < 0) return NULL;
    c->in = wide;
    mt_tensor *first = mt_apply(c);
    if (!first) return NULL;
    if (target) {
        if (wide[0] == target) return first;
        return c->out[0] = mt_copy_recorded(target, first);
    }
    for (int k = 0; back != MT_NO_DTYPE && k < c->nout; k++)
        if (c->out[k] && c->out[k]->dtype == MT_FLOAT32 && !(c->out[k] = to(c->out[k], back)))
            return NULL;
    return c->out[0];
}

/* Is an input complex, or an argument a complex type or number? */
static bool is_complex_call(const mt_call *c)
{
    const mt_op_plan *plan = c->narg && c->op->plan ? mt_op_get_plan(c->op) : NULL;
    bool found = false;
    for (int i = 0; i < c->nin; i++) found |= c->in[i] && mt_is_complex((mt_dtype)c->in[i]->dtype);
    for (int i = 0; plan && i < c->narg && i < MT_MAX_ARGS; i++) {
        const mt_arg *a = &c->arg[i];
        if (!a->given) continue;
        found |= plan->kind[i] == MT_ARG_DTYPE && mt_is_complex((mt_dtype)a->i);
        found |= plan->kind[i] == MT_ARG_SCALAR && a->s.kind == MT_SCALAR_COMPLEX;
    }
    return found;
}

mt_tensor *(*mt_run_complex)(mt_call *c);

mt_tensor *mt_apply_narrow(mt_call *c)
{
    if (is_complex_call(c)) return mt_run_complex(c);
    mt_tensor *few[FEW], **wide = few, **in = c->in;
    mt_arg replaced[MT_MAX_ARGS], *arg = c->arg;
    size_t bytes = (size_t)c->nin * sizeof *wide;
    uint16_t flags = c->flags;
    if (c->nin > FEW && !(wide = mt_malloc(bytes))) return NULL;
    mt_dtype back = replace_dtype(c, replaced, type_of_result(c));
    c->flags &= (uint16_t)~MT_CALL_NARROW;
    mt_tensor *result = run(c, wide, back);
    c->flags |= flags & MT_CALL_NARROW;
    c->in = in;
    c->arg = arg;
    if (wide != few) mt_free(wide, bytes);
    return result;
}
