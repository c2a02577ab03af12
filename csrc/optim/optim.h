/* Optimizers: one step over a group of parameters, in place.
 *
 * A step reads the gradient of each parameter from param[i]->grad; a parameter without one is left
 * as it is. State (momentum and averages) belongs to the caller: arrays of n tensors, each of the
 * shape and type of its parameter. Numbers of a step: mt_sgd_step and its kin in kernels/kernels.h.
 * Every step raises the versions of what it wrote and records nothing. All functions need an open
 * scope; -1 on failure, where the parameters before the failing one have moved. Read next: lanes.h,
 * then sgd.c. */
#ifndef MT_OPTIM_OPTIM_H
#define MT_OPTIM_OPTIM_H

#include "kernels/kernels.h"
#include "tensor/tensor.h"

/* p -= lr d.  momentum NULL: none. momentum[i] NULL where param[i] has a gradient: made by this
 * step (owned by the scope). */
int mt_sgd_step_group(int n, mt_tensor *const *param, mt_tensor **momentum, const mt_sgd_step *s);

/* step[i]: number of steps so far, one floating-point element, raised by one; s->correction1 and 2
 * are not read. max_exp_avg_sq: NULL unless s->amsgrad. */
int mt_adam_step_group(int n, mt_tensor *const *param, mt_tensor *const *exp_avg,
                       mt_tensor *const *exp_avg_sq, mt_tensor *const *max_exp_avg_sq,
                       mt_tensor *const *step, const mt_adam_step *s);

/* momentum: NULL unless s->momentum > 0; grad_avg: NULL unless s->centered; step as above. */
int mt_rmsprop_step_group(int n, mt_tensor *const *param, mt_tensor *const *square_avg,
                          mt_tensor *const *momentum, mt_tensor *const *grad_avg,
                          mt_tensor *const *step, const mt_rmsprop_step *s);

/* Drops the gradients. */
void mt_zero_grad_group(int n, mt_tensor *const *param);

/* A state tensor for p: zeros of its shape, type and memory order. */
mt_tensor *mt_optim_state(const mt_tensor *p);

#endif
