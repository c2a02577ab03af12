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

/* ---- complex numbers: pairs of floats, real part first ---------------------------------------- */

/* A part as a record on the stack, which borrows memory and sizes; the strides go to `stride`. */
static mt_tensor part_of(const mt_tensor *t, int which, int64_t *stride)
{
    mt_tensor part = {.numel = t->numel, .ndim = t->ndim, .size = t->size, .stride = stride};
    part.dtype = (uint8_t)mt_real_dtype((mt_dtype)t->dtype);
    part.data = t->data + which * mt_itemsize(&part);
    for (int d = 0; d < t->ndim; d++) stride[d] = 2 * t->stride[d];
    return part;
}

mt_tensor *mt_part(const mt_tensor *t, int which)
{
    int64_t stride[MT_MAX_DIMS];
    part_of(t, which, stride);
    return mt_from_storage(t->storage, mt_real_dtype((mt_dtype)t->dtype), t->ndim, t->size, stride,
                           2 * t->offset + which);
}

/* True where either part is not zero. */
static int copy_truth(mt_tensor *dst, const mt_tensor *re, const mt_tensor *im)
{
    mt_tensor *other = mt_empty(MT_BOOL, dst->ndim, dst->size);
    if (!other || mt_copy_raw(dst, re) < 0 || mt_copy_raw(other, im) < 0) return -1;
    mt_iter it;
    mt_iter_begin(&it, dst->ndim, dst->size);
    mt_iter_add(&it, dst);
    mt_iter_add(&it, dst);
    mt_iter_add(&it, other);
    mt_iter_run(&it, mt_k->binary[MT_BINARY_logical_or][MT_BOOL], NULL, MT_GRAIN_CHEAP);
    return 0;
}

/* At least one of the types is complex. A real number has no imaginary part; a complex one loses it
 * when it becomes a real one. */
static int copy_complex(mt_tensor *dst, const mt_tensor *src)
{
    int64_t stride[4][MT_MAX_DIMS];
    bool from = mt_is_complex((mt_dtype)src->dtype);
    mt_tensor in[2] = {*src, *src}, out[2];
    for (int k = 0; k < 2 && from; k++) in[k] = part_of(src, k, stride[k]);
    if (dst->dtype == MT_BOOL) return copy_truth(dst, &in[0], &in[1]);
    if (!mt_is_complex((mt_dtype)dst->dtype)) return mt_copy_raw(dst, &in[0]);
    for (int k = 0; k < 2; k++) out[k] = part_of(dst, k, stride[2 + k]);
    if (mt_copy_raw(&out[0], &in[0]) < 0) return -1;
    return from ? mt_copy_raw(&out[1], &in[1]) : mt_fill_raw(&out[1], mt_scalar_int(0));
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
    if (mt_is_complex((mt_dtype)dst->dtype) || mt_is_complex((mt_dtype)src->dtype))
        return copy_complex(dst, src);
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
    mt_iter_copy(&it, mt_k->cast[src->dtype][dst->dtype],
                 src->dtype == dst->dtype ? mt_itemsize(dst) : 0);
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

static int fill_complex(mt_tensor *dst, mt_scalar value)
{
    int64_t stride[2][MT_MAX_DIMS];
    mt_tensor re = part_of(dst, 0, stride[0]), im = part_of(dst, 1, stride[1]);
    return mt_fill_raw(&re, mt_scalar_float(mt_scalar_to_double(value))) < 0
               ? -1
               : mt_fill_raw(&im, mt_scalar_float(value.imag));
}

int mt_fill_raw(mt_tensor *dst, mt_scalar value)
{
    if (mt_is_complex((mt_dtype)dst->dtype)) return fill_complex(dst, value);
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
