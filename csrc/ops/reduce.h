/* Reducing a tensor along some of its dimensions with a kernel of the table. */
#ifndef MT_OPS_REDUCE_H
#define MT_OPS_REDUCE_H

#include "ops/ops.h"

/* The shape that is left when the dims in mask go
 * (or become 1 with keepdim); its ndim is returned. */
int mt_reduced_shape(const mt_tensor *x, const bool *mask, bool keepdim, int64_t *size);
/* out (contiguous, as many elements as are left, of the type the kernel writes) = x
 * reduced over mask. -1: no memory. */
int mt_reduce_raw(mt_reduction how, const mt_tensor *x, const bool *mask, mt_tensor *out);
/* The same for sums of float32 and float64, of an x that need not be contiguous. */
int mt_sum_raw(const mt_tensor *x, const bool *mask, mt_tensor *out);
/* The arguments (int[1]? dim, bool keepdim) of a call as a mask; dim_arg NULL:
 * all dims. -1 on a bad dim. */
int mt_reduce_mask(const mt_tensor *x, const mt_arg *dim_arg, bool *mask);

#endif
