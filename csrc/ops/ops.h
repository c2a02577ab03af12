/* What operator files share: the C functions of all operators
 * (from the rows), and small helpers. */
#ifndef MT_OPS_OPS_H
#define MT_OPS_OPS_H

#include "graph/apply.h"
#include "graph/inplace.h"
#include "graph/node.h"
#include "kernels/kernels.h"
#include "tensor/iter.h"

/* Every row is also a C function: mt_tensor *mt_exp(mt_tensor *x), mt_tensor
 * *mt_add(mt_tensor *x, mt_tensor *y). */
#define UNARY(kind, name, ...)                                                                     \
    mt_tensor *mt_##name(mt_tensor *x);                                                            \
    extern const mt_op mt_op_##name;
#include "minitorch/unary.def"
#define BINARY(kind, name, ...)                                                                    \
    mt_tensor *mt_##name(mt_tensor *x, mt_tensor *y);                                              \
    extern const mt_op mt_op_##name;
#include "minitorch/binary.def"
/* OP(name, C parameters): prototype and record of everything else. */
#define OP(name, ...)                                                                              \
    mt_tensor *mt_##name(__VA_ARGS__);                                                             \
    extern const mt_op mt_op_##name;
#define RECORD(name) extern const mt_op mt_op_##name;
#include "minitorch/ops.def"

/* All operators in order: rows, then ops.def. */
extern const mt_op *const mt_ops[];
extern const int mt_num_ops;

/* The type that n inputs are computed in (NULL entries are skipped). */
mt_dtype mt_result_type(int n, mt_tensor *const *t);
/* -1 with TypeError if both inputs, or the first one, are Python numbers and must not be. */
int mt_need_tensor(const mt_call *c, bool first);
/* Result 0 of a call in the common shape of n inputs. */
mt_tensor *mt_result_broadcast(mt_call *c, mt_dtype d, int n, mt_tensor *const *in);
/* One pass of a kernel over out and n inputs that broadcast to it, all of the right types. */
void mt_run_loop(mt_loop loop, mt_tensor *out, int n, mt_tensor *const *in, const double *param,
                 int64_t grain);
/* A row of kernels/blend_rows.def over plain memory; as mt_k->blend, on several processors if large. */
void mt_run_blend(mt_blend which, mt_dtype d, int64_t n, char *const *p, const double *param);
/* The same with P0 from `count` numbers of type d, one for each `line` elements, over and over. */
void mt_run_blend_by_lines(mt_blend which, mt_dtype d, int64_t n, char *const *p, int64_t line,
                           int64_t count, const char *numbers);
/* Sums g down to a shape that broadcasts to its own (differentiable). */
mt_tensor *mt_sum_to_size(mt_tensor *g, int ndim, const int64_t *size);
mt_tensor *mt_zeros_of(const mt_dims *d);
/* What select or slice, called like c, shows of `whole`: without a record. */
mt_tensor *mt_part_shown(const mt_call *c, const mt_tensor *whole);
/* Copies elements of type d, backwards where the strides say so: p: out, in (ops/roll.c). */
mt_loop mt_flip_loop(mt_dtype d);
/* Was this input of a node a Python number, as far as its shape and type tell? For names. */
static inline bool mt_like_number(const mt_dims *d)
{
    return d->ndim == 0 && (d->dtype == MT_FLOAT64 || d->dtype == MT_INT64 || d->dtype == MT_BOOL);
}
/* memory_format= by number: MT_FORMAT_*. An empty tensor of like's shape in that order. */
enum { MT_FORMAT_CONTIGUOUS, MT_FORMAT_PRESERVE, MT_FORMAT_LAST, MT_FORMAT_LAST_3D };
mt_tensor *mt_empty_format(const mt_tensor *like, mt_dtype d, const mt_arg *format);
/* The type asked for, else that of the out= target, else the usual one. */
mt_dtype mt_wanted_dtype(const mt_call *c, const mt_arg *dtype, mt_dtype usual);

#endif
