/* Shapes and strides. Relies on base/ only; read next: tensor/tensor.c. */
#include "tensor/shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *mt_shape_text(int ndim, const int64_t *size, char *buffer)
{
    size_t used = 0;
    buffer[used++] = '[';
    for (int d = 0; d < ndim; d++) {
        if (used > MT_SHAPE_TEXT - 32) {
            used += (size_t)snprintf(buffer + used, MT_SHAPE_TEXT - used, "...");
            break;
        }
        used += (size_t)snprintf(buffer + used, MT_SHAPE_TEXT - used, d ? ", %" PRId64 : "%" PRId64,
                                 size[d]);
    }
    buffer[used++] = ']';
    buffer[used] = 0;
    return buffer;
}

int64_t mt_shape_numel(int ndim, const int64_t *size, int64_t itemsize)
{
    int64_t n = 1, span = 1,
            bytes; /* span: what the strides reach, which a size of 0 does not hide */
    bool overflow = false, empty = false;
    char text[MT_SHAPE_TEXT];
    for (int d = 0; d < ndim; d++) {
        if (size[d] < 0)
            return mt_error(MT_RUNTIME,
                            "Trying to create tensor with negative dimension %" PRId64 ": %s",
                            size[d], mt_shape_text(ndim, size, text));
        empty |= size[d] == 0;
        overflow |= __builtin_mul_overflow(n, size[d], &n);
        overflow |= __builtin_mul_overflow(span, size[d] > 1 ? size[d] : 1, &span);
    }
    overflow |= __builtin_mul_overflow(n, itemsize, &bytes);
    if (overflow && !empty)
        return mt_error(MT_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                        mt_shape_text(ndim, size, text));
    if (overflow) return mt_error(MT_RUNTIME, "Stride calculation overflowed");
    return n;
}

void mt_shape_contiguous_strides(int ndim, const int64_t *size, int64_t *stride)
{
    int64_t step = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        stride[d] = step; /* may wrap where a size is 0: nothing is reached then */
        step = (int64_t)((uint64_t)step * (uint64_t)(size[d] > 1 ? size[d] : 1));
    }
}

bool mt_shape_is_contiguous(int ndim, const int64_t *size, const int64_t *stride)
{
    int64_t step = 1;
    bool contiguous = true;
    for (int d = ndim - 1; d >= 0; d--) {
        if (size[d] == 0) return true;
        if (size[d] == 1) continue;
        contiguous &= stride[d] == step;
        step *= size[d];
    }
    return contiguous;
}

bool mt_shape_is_dense(int ndim, const int64_t *size, const int64_t *stride)
{
    int order[MT_MAX_DIMS], n = 0;
    for (int d = 0; d < ndim; d++) {
        if (size[d] == 0) return true;
        if (size[d] == 1) continue;
        int at = n++;
        for (; at > 0 && stride[order[at - 1]] > stride[d]; at--) order[at] = order[at - 1];
        order[at] = d;
    }
    int64_t step = 1;
    for (int i = 0; i < n; i++) {
        if (stride[order[i]] != step) return false;
        step *= size[order[i]];
    }
    return true;
}

int mt_shape_broadcast(int na, const int64_t *a, int nb, const int64_t *b, int64_t *out)
{
    int n = na > nb ? na : nb;
    for (int d = n - 1, i = na - 1, j = nb - 1; d >= 0; d--, i--, j--) {
        int64_t x = i >= 0 ? a[i] : 1, y = j >= 0 ? b[j] : 1;
        if (x != y && x != 1 && y != 1)
            return mt_error(MT_RUNTIME,
                            "The size of tensor a (%" PRId64
                            ") must match the size of tensor b (%" PRId64
                            ") at non-singleton dimension %d",
                            x, y, d);
        out[d] = x == 1 ? y : x;
    }
    return n;
}

bool mt_shape_expandable(int na, const int64_t *a, int nb, const int64_t *b)
{
    if (na > nb) return false;
    for (int i = na - 1, j = nb - 1; i >= 0; i--, j--)
        if (a[i] != b[j] && a[i] != 1) return false;
    return true;
}

int mt_wrap_dim(int64_t dim, int ndim)
{
    int64_t n = ndim ? ndim : 1;
    if (dim < -n || dim >= n)
        return mt_error(MT_INDEX,
                        "Dimension out of range (expected to be in range of [%" PRId64 ", %" PRId64
                        "], but got %" PRId64 ")",
                        -n, n - 1, dim);
    return (int)(dim < 0 ? dim + n : dim);
}

int mt_wrap_dims(int64_t n, const int64_t *dims, int ndim, bool *mask)
{
    for (int d = 0; d < ndim || d < 1; d++) mask[d] = n <= 0;
    for (int64_t i = 0; i < n; i++) {
        int d = mt_wrap_dim(dims[i], ndim);
        if (d < 0) return -1;
        if (mask[d])
            return mt_error(MT_RUNTIME, "dim %d appears multiple times in the list of dims", d);
        mask[d] = true;
    }
    return 0;
}

int mt_shape_infer(int64_t numel, int ndim, int64_t *size)
{
    int inferred = -1;
    int64_t known = 1;
    bool overflow = false;
    char text[MT_SHAPE_TEXT];
    for (int d = 0; d < ndim; d++) {
        if (size[d] == -1) {
            if (inferred >= 0) return mt_error(MT_RUNTIME, "only one dimension can be inferred");
            inferred = d;
        } else if (size[d] < 0) {
            return mt_error(MT_RUNTIME, "invalid shape dimension %" PRId64, size[d]);
        } else {
            overflow |= __builtin_mul_overflow(known, size[d], &known);
        }
    }
    if (!overflow && inferred < 0 && known == numel) return 0;
    if (!overflow && inferred >= 0 && known > 0 && numel % known == 0) {
        size[inferred] = numel / known;
        return 0;
    }
    if (inferred >= 0 && known == 0 && numel == 0)
        return mt_error(MT_RUNTIME,
                        "cannot reshape tensor of 0 elements into shape %s because the unspecified "
                        "dimension size -1 can be any value and is ambiguous",
                        mt_shape_text(ndim, size, text));
    return mt_error(MT_RUNTIME, "shape '%s' is invalid for input of size %" PRId64,
                    mt_shape_text(ndim, size, text), numel);
}

/* Old and new dimensions are matched from the right in groups of equal products; inside a group the
 * old strides must be those of one contiguous run. */
bool mt_shape_view_strides(int ndim, const int64_t *size, const int64_t *stride, int out_ndim,
                           const int64_t *out_size, int64_t *out_stride)
{
    int64_t numel = 1;
    for (int d = 0; d < ndim; d++) numel *= size[d];
    if (numel == 0 || ndim == 0) {
        if (mt_shape_equal(ndim, size, out_ndim, out_size) && ndim)
            memcpy(out_stride, stride, (size_t)ndim * sizeof *stride);
        else
            mt_shape_contiguous_strides(out_ndim, out_size, out_stride);
        return true;
    }
    int out = out_ndim - 1;
    int64_t base = stride[ndim - 1], run = 1, made = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        run *= size[d];
        bool group_ends = d == 0 || (size[d - 1] != 1 && stride[d - 1] != run * base);
        if (!group_ends) continue;
        while (out >= 0 && (made < run || out_size[out] == 1)) {
            out_stride[out] = made * base;
            made *= out_size[out--];
        }
        if (made != run) return false;
        if (d > 0) {
            base = stride[d - 1];
            run = made = 1;
        }
    }
    return out < 0;
}
