/* Strided iteration: any broadcast, permuted problem becomes calls of a one-dimensional loop.
 *
 *   mt_iter it;
 *   mt_iter_begin(&it, out->ndim, out->size);
 *   mt_iter_add(&it, out); mt_iter_add(&it, a); ...     operands broadcast to the shape
 *   mt_iter_run(&it, loop, param, MT_GRAIN_CHEAP);
 *
 * Dimensions are reordered by the first operand's strides and merged where they can be, then cut
 * into ranges for mt_parallel_for. NumPy's nditer and PyTorch's TensorIterator in small. */
#ifndef MT_TENSOR_ITER_H
#define MT_TENSOR_ITER_H

#include "kernels/kernels.h"
#include "tensor/tensor.h"

#define MT_ITER_OPERANDS 4
/* Elements per chunk below which a second thread costs more than it gives. */
#define MT_GRAIN_CHEAP 65536 /* add, mul, copy */
#define MT_GRAIN_DEAR  16384 /* exp, tanh */

typedef struct mt_iter {
    int ndim, nops;
    int64_t numel;
    int64_t size[MT_MAX_DIMS];
    int64_t stride[MT_ITER_OPERANDS][MT_MAX_DIMS]; /* bytes; 0 where an operand is broadcast */
    char *data[MT_ITER_OPERANDS];
} mt_iter;

void mt_iter_begin(mt_iter *it, int ndim, const int64_t *size);
/* t must be expandable to the iterator's shape (the caller has checked). */
void mt_iter_add(mt_iter *it, const mt_tensor *t);
void mt_iter_run(mt_iter *it, mt_loop loop, const double *param, int64_t grain);
/* The same for a loop that copies or casts one element at a time, in any order. item: its bytes where they are copied
 * as they are, else 0: then short rows that lie in one piece on either side go whole. */
void mt_iter_copy(mt_iter *it, mt_loop loop, int64_t item);

#endif
