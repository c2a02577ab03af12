/* Derivative rules too long for a row, and shape helpers that rules share. All are made of
 * differentiable operators. No operators themselves: they have no name in Python. */
#ifndef MT_OPS_RULES_H
#define MT_OPS_RULES_H

#include "ops/ops.h"

mt_tensor *mt_pow_backward_self(mt_tensor *g, mt_tensor *x, mt_tensor *y);
mt_tensor *mt_pow_backward_exponent(mt_tensor *g, mt_tensor *x, mt_tensor *y, mt_tensor *z);
/* d x log y / dx = log y, and 0 where x is 0 and y is not positive. */
mt_tensor *mt_xlogy_backward_self(mt_tensor *g, mt_tensor *x, mt_tensor *y);
/* 1 or -1 as x kept or changed its sign, 0 at 0. */
mt_tensor *mt_copysign_backward(mt_tensor *g, mt_tensor *x, mt_tensor *z);
/* g where x is the extremum, half of it where x equals y; swap x and y for the minimum. */
mt_tensor *mt_extremum_backward(mt_tensor *g, mt_tensor *x, mt_tensor *y);

/* What PyTorch says where floor_divide is to be differentiated. */
mt_tensor *mt_no_floor_divide(const mt_call *c);

/* The gradients of the elu family, scale (x > 0 ? x : alpha
 * (exp(x / divisor) - 1)), and of mish. */
mt_tensor *mt_elu_rule(mt_tensor *g, mt_tensor *x, double alpha, double scale, double divisor);
mt_tensor *mt_mish_rule(mt_tensor *g, mt_tensor *x);
mt_tensor *mt_gelu_erf_rule(mt_tensor *g, mt_tensor *x);
mt_tensor *mt_gelu_tanh_rule(mt_tensor *g, mt_tensor *x);

/* g in the shape of an input that was reduced along dims: what keepdim took
 * away is put back and expanded. */
mt_tensor *mt_unreduce(mt_tensor *g, const mt_dims *input, const mt_arg *dims, bool keepdim);

/* Sums g down to a shape that broadcasts to its own. */

#endif
