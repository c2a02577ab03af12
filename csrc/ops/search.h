/* How often numbers occur, for bincount. */
#ifndef MT_OPS_SEARCH_H
#define MT_OPS_SEARCH_H

#include "ops/ops.h"

/* count[v] += how often v occurs in x[0 .. n), for v in [0, most). */
void mt_count_raw(int64_t n, const int64_t *x, int64_t most, int64_t *count);

#endif
