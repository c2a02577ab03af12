/* Padding with a tensor's own elements: what ops/pad.c asks of ops/border.c. */
#ifndef MT_OPS_BORDER_H
#define MT_OPS_BORDER_H

#include "ops/ops.h"

typedef enum mt_border_mode { MT_REFLECT, MT_REPLICATE } mt_border_mode;

/* pad: two numbers for each of the last n / 2 (one to three) dimensions, the last one first; they fit. */
mt_tensor *mt_border(mt_tensor *self, mt_border_mode mode, int n, const int64_t *pad);

#endif
