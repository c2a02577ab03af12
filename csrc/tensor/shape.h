/* Shapes and strides: checked products, broadcasting, dim wrapping, views. All
 * strides here are in elements. */
#ifndef MT_TENSOR_SHAPE_H
#define MT_TENSOR_SHAPE_H

#include "base/error.h"

#include <stdint.h>

#define MT_MAX_DIMS 64

/* The number of elements; -1 with an error on overflow or a negative size.
 * "Storage size calculation overflowed with sizes=[...]" counts bytes too (itemsize). */
int64_t mt_shape_numel(int ndim, const int64_t *size, int64_t itemsize);
void mt_shape_contiguous_strides(int ndim, const int64_t *size, int64_t *stride);
bool mt_shape_is_contiguous(int ndim, const int64_t *size, const int64_t *stride);
/* Every element of a block of memory exactly once, in some order of the dimensions. */
bool mt_shape_is_dense(int ndim, const int64_t *size, const int64_t *stride);
static inline bool mt_shape_equal(int na, const int64_t *a, int nb, const int64_t *b)
{
    if (na != nb) return false;
    if (na == 2) return a[0] == b[0] && a[1] == b[1];
    if (na == 1) return a[0] == b[0];
    for (int d = 0; d < na; d++)
        if (a[d] != b[d]) return false;
    return true;
}

/* out (MT_MAX_DIMS long) gets the common shape; its ndim is returned, or -1:
 * "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1". */
int mt_shape_broadcast(int na, const int64_t *a, int nb, const int64_t *b, int64_t *out);
/* Can (na, a) be expanded to (nb, b)? */
bool mt_shape_expandable(int na, const int64_t *a, int nb, const int64_t *b);

/* dim in [-ndim, ndim) to [0, ndim); a 0-d tensor takes -1 and 0. -1 with IndexError
 * "Dimension out of range (expected to be in range of [-2, 1], but got 2)". */
int mt_wrap_dim(int64_t dim, int ndim);
/* Sets mask[d] for every dim of the list (all of them if n < 0 or n == 0); -1
 * on a bad or repeated dim. */
int mt_wrap_dims(int64_t n, const int64_t *dims, int ndim, bool *mask);

/* Replaces one -1 in `size` by what numel leaves. -1: "shape '[4]' is
 * invalid for input of size 6". */
int mt_shape_infer(int64_t numel, int ndim, int64_t *size);
/* The strides that show memory of (ndim, size, stride) as
 * (out_ndim, out_size) without a copy, if any. */
bool mt_shape_view_strides(int ndim, const int64_t *size, const int64_t *stride, int out_ndim,
                           const int64_t *out_size, int64_t *out_stride);

/* "[2, 3]" into a buffer of MT_SHAPE_TEXT bytes (cut with ... when longer); returns the buffer. */
#define MT_SHAPE_TEXT 256
char *mt_shape_text(int ndim, const int64_t *size, char *buffer);

#endif
