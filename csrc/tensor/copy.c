/* Moving data between tensors, without recording. Relies on tensor/iter.h and the cast kernels. */
#include "tensor/iter.h"
#include "tensor/scope.h"
#include "tensor/tensor.h"

#include "base/parallel.h"

#include <string.h>

#define BYTES_PER_CHUNK ((int64_t)1 << 18)

typedef struct block {
    char *to;
    const char *from;
} block;

static void copy_bytes(int64_t begin, int64_t end, void *context)
{
    const block *b = context;
    memcpy(b->to + begin, b->from + begin, (size_t)(end - begin));
}

/* A matrix whose rows and columns are swapped: one contiguous, the other with
 * unit stride down its columns. */
static bool is_transpose(const mt_tensor *dst, const mt_tensor *src)
{
    return dst->ndim == 2 && src->ndim == 2 && mt_is_contiguous(dst) && dst->dtype == src->dtype &&
           src->stride[0] == 1 && src->size[0] > 1 && src->size[1] > 1 &&
           src->stride[1] >= src->size[0];
}

typedef struct transpose_job {
    const mt_tensor *dst, *src;
} transpose_job;

/* Rows [begin, end) of dst, in units of 64: each is a column block of the matrix
 * that src shows transposed. */
static void transpose_rows(int64_t begin, int64_t end, void *context)
{
    const transpose_job *j = context;
    const mt_tensor *dst = j->dst, *src = j->src;
    int64_t item = mt_itemsize(dst), first = begin * 64, rows = dst->size[0], last = end * 64;
    if (last > rows) last = rows;
    /* src memory is (size[1] rows of size[0] elements); dst row i is its column i. */
    mt_k->transpose(dst->size[1], last - first, dst->data + first * dst->size[1] * item,
                    src->data + first * item, src->stride[1] * item, item);
}

int mt_copy_raw(mt_tensor *dst, const mt_tensor *src)
{
    bool same = dst->dtype == src->dtype && mt_same_shape(dst, src);
    if (dst->numel == 0) return 0;
    if (same &&
        ((mt_is_contiguous(dst) && mt_is_contiguous(src)) ||
         (mt_shape_equal(dst->ndim, dst->stride, src->ndim, src->stride) && mt_is_dense(dst)))) {
        block b = {dst->data, src->data};
        if (b.to != b.from)
            mt_parallel_for(dst->numel * mt_itemsize(dst), BYTES_PER_CHUNK, copy_bytes, &b);
        return 0;
    }
    if (same && is_transpose(dst, src)) {
        transpose_job j = {dst, src};
        mt_parallel_for((dst->size[0] + 63) / 64,
                        1 + BYTES_PER_CHUNK / (64 * dst->size[1] * mt_itemsize(dst) + 1),
                        transpose_rows, &j);
        return 0;
    }
    mt_iter it;
    mt_iter_begin(&it, dst->ndim, dst->size);
    mt_iter_add(&it, dst);
    mt_iter_add(&it, src);
    mt_iter_run(&it, mt_k->cast[src->dtype][dst->dtype], NULL, MT_GRAIN_CHEAP);
    return 0;
}

typedef struct fill_job {
    mt_loop loop;
    void *value;
} fill_job;

static void fill_loop(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    const fill_job *j = (const fill_job *)(const void *)param;
    char *pointers[2] = {p[0], j->value};
    int64_t strides[2] = {stride[0], 0};
    j->loop(n, pointers, strides, NULL);
}

int mt_fill_raw(mt_tensor *dst, mt_scalar value)
{
    double element = 0;
    mt_scalar_store(value, (mt_dtype)dst->dtype, &element);
    fill_job j = {mt_k->fill[dst->dtype], &element};
    mt_iter it;
    mt_iter_begin(&it, dst->ndim, dst->size);
    mt_iter_add(&it, dst);
    mt_iter_run(&it, fill_loop, (const double *)(const void *)&j, MT_GRAIN_CHEAP);
    return 0;
}

mt_tensor *mt_contiguous_raw(mt_tensor *t, mt_dtype d)
{
    if (t->dtype == d && mt_is_contiguous(t)) return t;
    mt_tensor *c = mt_empty(d, t->ndim, t->size);
    if (!c || mt_copy_raw(c, t) < 0) return NULL;
    return c;
}
