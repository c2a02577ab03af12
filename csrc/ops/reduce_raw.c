/* Reductions over strided tensors, brought to the form (outer, reduced, inner) that the kernels
 * take. Relies on kernels/reduce.c and, for sums of floats, ops/sum_raw.c; read next: ops/reduce.c. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors of columns, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "ops/reduce.h"

#include "base/parallel.h"

#include <string.h>

/* Elements behind one partial result: fixed, so that threads do not change sums. */
#define CHUNK ((int64_t)65536)

int mt_reduced_shape(const mt_tensor *x, const bool *mask, bool keepdim, int64_t *size)
{
    int n = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (!mask[d])
            size[n++] = x->size[d];
        else if (keepdim)
            size[n++] = 1;
    }
    return n;
}

int mt_reduce_mask(const mt_tensor *x, const mt_arg *dim_arg, bool *mask)
{
    bool some = dim_arg && dim_arg->given;
    return mt_wrap_dims(some ? dim_arg->ints.n : -1, some ? dim_arg->ints.v : NULL, x->ndim, mask);
}

typedef struct job {
    mt_reduce_loop loop;
    mt_reduce_columns columns;
    int64_t outer, n, inner, item, out_item;
    const char *in;
    char *out;
} job;

/* ---- places down columns --------------------------------------------------------------------- */

enum { PLACES = 256 }; /* columns that go together */

/* The first place of the extremum of each column, NaN before all, without a branch: for vectors. PLACE is as wide as T. */
#define PLACES_OF(name, T, PLACE, better)                                                          \
    static void name(int64_t rows, int64_t columns, char *out, const char *in, int64_t row)        \
    {                                                                                              \
        T best[PLACES];                                                                            \
        PLACE at[PLACES];                                                                          \
        int64_t *place = (int64_t *)(void *)out;                                                   \
        for (int64_t j = 0; j < columns; j += PLACES, place += PLACES) {                           \
            const int64_t m = columns - j < PLACES ? columns - j : PLACES;                         \
            const char *x = in + j * (int64_t)sizeof(T);                                           \
            for (int64_t k = 0; k < m; k++) best[k] = ((const T *)(const void *)x)[k], at[k] = 0;  \
            for (int64_t i = 1; i < rows; i++)                                                     \
                for (int64_t k = 0; k < m; k++) {                                                  \
                    const T now = ((const T *)(const void *)(x + i * row))[k], old = best[k];      \
                    const bool over = (now better old) | ((now != now) & (old == old));            \
                    best[k] = over ? now : old;                                                    \
                    at[k] = over ? (PLACE)i : at[k];                                               \
                }                                                                                  \
            for (int64_t k = 0; k < m; k++) place[k] = at[k];                                      \
        }                                                                                          \
    }
PLACES_OF(argmax_f32, float, int32_t, >)
PLACES_OF(argmin_f32, float, int32_t, <)
PLACES_OF(argmax_f64, double, int64_t, >)
PLACES_OF(argmin_f64, double, int64_t, <)
PLACES_OF(argmax_i64, int64_t, int64_t, >)
PLACES_OF(argmin_i64, int64_t, int64_t, <)

static mt_reduce_columns columns_of(mt_reduction how, mt_dtype d, int64_t rows)
{
    if (how != MT_REDUCE_argmax && how != MT_REDUCE_argmin) return mt_k->reduce_columns[how][d];
    if (rows > INT32_MAX) return NULL;
    if (d == MT_FLOAT32) return how == MT_REDUCE_argmax ? argmax_f32 : argmin_f32;
    if (d == MT_FLOAT64) return how == MT_REDUCE_argmax ? argmax_f64 : argmin_f64;
    if (d == MT_INT64) return how == MT_REDUCE_argmax ? argmax_i64 : argmin_i64;
    return NULL;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Rows of one outer index after the other: out[a, b] = reduce over i of in[a, i, b]. */
static void run_outer(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    for (int64_t a = begin; a < end; a++) {
        const char *in = j->in + a * j->n * j->inner * j->item;
        char *out = j->out + a * j->inner * j->out_item;
        if (j->inner == 1)
            j->loop(j->n, out, in, j->item);
        else if (j->columns)
            j->columns(j->n, j->inner, out, in, j->inner * j->item);
        else
            for (int64_t b = 0; b < j->inner; b++)
                j->loop(j->n, out + b * j->out_item, in + b * j->item, j->inner * j->item);
    }
}

/* Groups of columns: threads that store into one cache line row after row wait for each other, and what does not fill
 * a vector goes one by one. */
enum { TOGETHER = 64 };
static void run_columns(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    const int64_t first = begin * TOGETHER;
    const int64_t last = end * TOGETHER < j->inner ? end * TOGETHER : j->inner;
    j->columns(j->n, last - first, j->out + first * j->out_item, j->in + first * j->item,
               j->inner * j->item);
}

static void run_chunks(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    for (int64_t k = begin; k < end; k++) {
        int64_t first = k * CHUNK, n = j->n - first < CHUNK ? j->n - first : CHUNK;
        j->loop(n, j->out + k * j->out_item, j->in + first * j->item, j->item);
    }
}

/* A long run to one number: partial results of fixed chunks, then those. */
static int run_long(job *j, mt_reduce_loop again)
{
    int64_t chunks = (j->n + CHUNK - 1) / CHUNK;
    char *result = j->out;
    size_t bytes = (size_t)(chunks * j->out_item);
    if (!(j->out = mt_malloc(bytes))) return -1;
    mt_parallel_for(chunks, 4, run_chunks, j);
    again(chunks, result, j->out, j->out_item);
    mt_free(j->out, bytes);
    return 0;
}

/* Are the reduced dims neighbours? Then a contiguous x is (outer, n, inner) as it stands. */
static bool one_block(const mt_tensor *x, const bool *mask)
{
    int d = 0;
    while (d < x->ndim && !mask[d]) d++;
    while (d < x->ndim && mask[d]) d++;
    while (d < x->ndim && !mask[d]) d++;
    return d == x->ndim;
}

/* x with the reduced dims moved to the end, contiguous. */
static const mt_tensor *reduced_last(const mt_tensor *x, const bool *mask)
{
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int d = 0; d < x->ndim; d++) {
            if (mask[d] != (pass == 1)) continue;
            size[n] = x->size[d];
            stride[n++] = x->stride[d];
        }
    mt_tensor *moved = mt_alias_as(x, n, size, stride, x->offset);
    return moved ? mt_contiguous_raw(moved, (mt_dtype)x->dtype) : NULL;
}

int mt_reduce_raw(mt_reduction how, const mt_tensor *x, const bool *mask, mt_tensor *out)
{
    job j = {.loop = mt_k->reduce[how][x->dtype],
             .outer = 1,
             .n = 1,
             .inner = 1,
             .item = mt_itemsize(x),
             .out_item = mt_itemsize(out),
             .out = out->data};
    bool block = mt_is_contiguous(x) && one_block(x, mask), behind = false;
    if (!j.loop)
        return mt_error(MT_NOT_IMPLEMENTED, "reduction not implemented for '%s'",
                        mt_dtype_camel((mt_dtype)x->dtype));
    if (how == MT_REDUCE_sum && mt_is_float((mt_dtype)x->dtype)) return mt_sum_raw(x, mask, out);
    for (int d = 0; d < x->ndim; d++) {
        if (mask[d])
            j.n *= x->size[d], behind = true;
        else if (block && behind)
            j.inner *= x->size[d];
        else
            j.outer *= x->size[d];
    }
    if (out->numel == 0) return 0;
    j.columns = columns_of(how, (mt_dtype)x->dtype, j.n);
    const mt_tensor *ordered = block ? x : reduced_last(x, mask);
    if (!ordered) return -1;
    j.in = ordered->data;
    bool foldable = how == MT_REDUCE_sum || how == MT_REDUCE_prod || how == MT_REDUCE_max ||
                    how == MT_REDUCE_min || how == MT_REDUCE_any || how == MT_REDUCE_all;
    if (j.outer == 1 && j.inner == 1 && j.n > 2 * CHUNK && foldable)
        return run_long(&j, mt_k->reduce[how][out->dtype]);
    int64_t work = j.n * j.inner;
    if (j.outer == 1 && j.inner > 1 && j.columns)
        mt_parallel_for((j.inner + TOGETHER - 1) / TOGETHER, CHUNK / (j.n * TOGETHER + 1) + 1,
                        run_columns, &j);
    else
        mt_parallel_for(j.outer, CHUNK / (work + 1) + 1, run_outer, &j);
    return 0;
}
