/* Batches: rows of a tensor, or single tensors, put together in new memory. Nothing is recorded. */
#ifndef MT_TENSOR_ROWS_H
#define MT_TENSOR_ROWS_H

#include "tensor/tensor.h"

/* The rows row[0 .. n) of t (N, ...), or, with row NULL, first ... first + n - 1: a contiguous
 * tensor (n, ...). All rows must lie in [0, N). t has at least one dimension. */
mt_tensor *mt_take_rows(const mt_tensor *t, int64_t n, const int64_t *row, int64_t first);

/* n tensors of one shape and type, along a new first dimension: contiguous. */
mt_tensor *mt_stack_raw(int64_t n, mt_tensor *const *t);

#endif
