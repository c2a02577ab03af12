/* What the files of losses share. */
#ifndef MT_OPS_LOSS_H
#define MT_OPS_LOSS_H

#include "ops/ops.h"

typedef enum mt_loss_reduction { MT_LOSS_NONE, MT_LOSS_MEAN, MT_LOSS_SUM } mt_loss_reduction;

/* "none", "mean", "sum"; -1 with ValueError "... is not a valid value for reduction". */
int mt_reduction_of(const char *text, mt_loss_reduction *r);
mt_tensor *mt_reduce_loss(mt_tensor *t, mt_loss_reduction r);
/* -1 if t wants a gradient while recording: PyTorch refuses to take it as this argument. */
int mt_not_differentiable(const mt_tensor *t, const char *function, const char *argument);

#endif
