/* Running an operator and remembering the call: autograd exists in this one function. */
#ifndef MT_GRAPH_APPLY_H
#define MT_GRAPH_APPLY_H

#include "graph/op.h"

/* Runs c->op. On entry out[] (nout of them) is NULL; with MT_CALL_OUT target[k] is a tensor to
 * write to or NULL, with MT_CALL_INPLACE in[0] is written to. Returns out[0] (all results owned by
 * the innermost scope, except that a given target stays owned as it was) or NULL. A pending error
 * makes it return NULL at once. For operators that return a list, nout is 0 on entry and out[] is
 * made by mt_result_list; free it with mt_call_free_list. */
mt_tensor *mt_apply(mt_call *c);

/* ---- for typed wrappers ------------------------------------------------------------------------
 * mt_tensor *mt_mm(mt_tensor *a, mt_tensor *b) { return mt_call2(&mt_op_mm, a, b); } */
mt_tensor *mt_call0(const mt_op *op, int narg, mt_arg *arg);
mt_tensor *mt_call1(const mt_op *op, mt_tensor *a);
mt_tensor *mt_call2(const mt_op *op, mt_tensor *a, mt_tensor *b);
mt_tensor *mt_call3(const mt_op *op, mt_tensor *a, mt_tensor *b, mt_tensor *c);
mt_tensor *mt_call1a(const mt_op *op, mt_tensor *a, int narg, mt_arg *arg);
mt_tensor *mt_call2a(const mt_op *op, mt_tensor *a, mt_tensor *b, int narg, mt_arg *arg);
mt_tensor *mt_call3a(const mt_op *op, mt_tensor *a, mt_tensor *b, mt_tensor *c, int narg,
                     mt_arg *arg);
mt_tensor *mt_calln(const mt_op *op, int nin, mt_tensor **in, int narg, mt_arg *arg);
mt_tensor *mt_call_inplace(const mt_op *op, int nin, mt_tensor **in, int narg, mt_arg *arg);

static inline mt_arg mt_arg_int(int64_t i) { return (mt_arg){.given = true, .i = i}; }
static inline mt_arg mt_arg_bool(bool b) { return (mt_arg){.given = true, .b = b}; }
static inline mt_arg mt_arg_double(double d) { return (mt_arg){.given = true, .d = d}; }
static inline mt_arg mt_arg_scalar(mt_scalar s) { return (mt_arg){.given = true, .s = s}; }
static inline mt_arg mt_arg_dtype(mt_dtype d)
{
    return (mt_arg){.given = d != MT_NO_DTYPE, .i = d};
}
static inline mt_arg mt_arg_none(void) { return (mt_arg){.given = false}; }
static inline mt_arg mt_arg_ints(int64_t n, const int64_t *v)
{
    return (mt_arg){.given = true, .ints = {v, n}};
}

/* ---- for forward functions: the only way to get an output ---------------------------------------
 * Result k of the call: newly allocated, contiguous; or the out= / in-place target if it has
 * the dtype and does not clash with the inputs' memory; or a temporary that mt_apply copies
 * into the target afterwards. The returned tensor is also stored in c->out[k]. Checks that the
 * target can take the dtype ("result type Float can't be cast to the desired output type
 * Long"), the shape ("output with shape [1] doesn't match the broadcast shape [3]"; out= is
 * resized instead), and is writable. NULL on failure. */
mt_tensor *mt_result(mt_call *c, int k, mt_dtype d, int ndim, const int64_t *size);
/* The same with the strides of `like` where that is dense (pointwise operators). */
mt_tensor *mt_result_like(mt_call *c, int k, mt_dtype d, const mt_tensor *like);
/* View operators: the result shows in[0]'s memory. */
mt_tensor *mt_result_view(mt_call *c, int k, int ndim, const int64_t *size, const int64_t *stride,
                          int64_t offset);
/* The same, v being that look already: of another type, too. NULL if v is. */
mt_tensor *mt_result_look(mt_call *c, int k, mt_tensor *v);
/* Composites and operators that return an input or somebody's result as it is: sets
 * c->out[k]. -1 if t is NULL. */
int mt_result_is(mt_call *c, int k, mt_tensor *t);
/* Operators that return a list: makes room for n results in c->out. -1: no memory. */
int mt_result_list(mt_call *c, int n);
void mt_call_free_list(mt_call *c);

static inline bool mt_grad_enabled(void) { return !mt_self.no_grad; }

#endif
