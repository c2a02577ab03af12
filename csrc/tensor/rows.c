/* Putting rows together: what a data loader does for every batch.
 *
 * Rows that lie without gaps are copied as bytes; small ones by loads and stores of their size,
 * since a call for four bytes costs more than the bytes. */
#include "tensor/rows.h"

#include "tensor/scope.h"

#include <string.h>

/* The shape (n, size...). -1: too many dimensions. */
static int batch_shape(int64_t n, int ndim, const int64_t *size, int64_t *shape)
{
    if (ndim + 1 > MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "a batch of %d-dimensional tensors has too many dimensions",
                        ndim);
    shape[0] = n;
    for (int d = 0; d < ndim; d++) shape[d + 1] = size[d];
    return ndim + 1;
}

/* The sizes are compile-time constants below, so that each copy becomes a load and a store. */
#define COPY_ROWS(bytes)                                                                           \
    for (int64_t i = 0; i < n; i++) memcpy(out + i * (bytes), in + row[i] * stride, (size_t)(bytes))

static void copy_rows(int64_t n, const int64_t *row, char *out, const char *in, int64_t stride,
                      int64_t bytes)
{
    if (!row && stride == bytes)
        memcpy(out, in, (size_t)(n * bytes));
    else if (!row)
        for (int64_t i = 0; i < n; i++) memcpy(out + i * bytes, in + i * stride, (size_t)bytes);
    else if (bytes == 4)
        COPY_ROWS(4);
    else if (bytes == 8)
        COPY_ROWS(8);
    else if (bytes == 16)
        COPY_ROWS(16);
    else
        COPY_ROWS(bytes);
}

/* Are the elements of one row next to each other? */
static bool rows_are_contiguous(const mt_tensor *t)
{
    return mt_is_contiguous(t) || mt_shape_is_contiguous(t->ndim - 1, t->size + 1, t->stride + 1);
}

/* out[i] = t, whatever the strides of t. */
static int copy_one(mt_tensor *out, int64_t i, int64_t numel, const mt_tensor *t)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *to =
        mt_alias_as(out, out->ndim - 1, out->size + 1, out->stride + 1, out->offset + i * numel);
    int status = to ? mt_copy_raw(to, t) : -1;
    mt_scope_close(scope);
    return status;
}

mt_tensor *mt_take_rows(const mt_tensor *t, int64_t n, const int64_t *row, int64_t first)
{
    int64_t shape[MT_MAX_DIMS];
    int ndim = batch_shape(n, t->ndim - 1, t->size + 1, shape);
    mt_tensor *out = ndim < 0 ? NULL : mt_empty((mt_dtype)t->dtype, ndim, shape);
    if (!out || out->numel == 0) return out;
    int64_t numel = 1, itemsize = mt_itemsize(t);
    for (int d = 1; d < ndim; d++) numel *= shape[d];
    if (MT_LIKELY(rows_are_contiguous(t))) {
        const char *in = t->data + (row ? 0 : first * t->stride[0] * itemsize);
        copy_rows(n, row, out->data, in, t->stride[0] * itemsize, numel * itemsize);
        return out;
    }
    for (int64_t i = 0; i < n; i++) {
        mt_scope scope = mt_scope_open();
        int64_t offset = t->offset + (row ? row[i] : first + i) * t->stride[0];
        mt_tensor *from = mt_alias_as(t, t->ndim - 1, t->size + 1, t->stride + 1, offset);
        int status = from ? copy_one(out, i, numel, from) : -1;
        mt_scope_close(scope);
        if (status < 0) return NULL;
    }
    return out;
}

mt_tensor *mt_stack_raw(int64_t n, mt_tensor *const *t)
{
    int64_t shape[MT_MAX_DIMS];
    int ndim = batch_shape(n, t[0]->ndim, t[0]->size, shape);
    mt_tensor *out = ndim < 0 ? NULL : mt_empty((mt_dtype)t[0]->dtype, ndim, shape);
    if (!out || out->numel == 0) return out;
    int64_t numel = out->numel / n, bytes = numel * mt_itemsize(out);
    for (int64_t i = 0; i < n; i++) {
        if (mt_is_contiguous(t[i]))
            memcpy(out->data + i * bytes, t[i]->data, (size_t)bytes);
        else if (copy_one(out, i, numel, t[i]) < 0)
            return NULL;
    }
    return out;
}
