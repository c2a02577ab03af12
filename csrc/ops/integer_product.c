/* Products of matrices of integers, all of them in 64 bits, of which narrower types keep the low ones. Relies on
 * kernels/gemm.c; read next: ops/matmul.c. */
#include "ops/gemm.h"

#include "base/alloc.h"
#include "base/parallel.h"

#include <string.h>

enum {
    BLOCK = 256
}; /* rows of the right factor, and elements of a row of the left one, in one type */

typedef struct job {
    mt_dtype d;
    const mt_product *p;
    int64_t from, k;   /* the part of the sums that is added now */
    const uint64_t *b; /* (k, n) */
    int64_t b_row;
    uint64_t *c; /* (m, n) */
    int64_t ldc;
    uint64_t *alone; /* n numbers nobody reads, for the last of an odd number of rows */
} job;

static void cast(mt_dtype from, mt_dtype to, int64_t n, void *out, const char *in, int64_t step)
{
    char *p[2] = {out, (char *)(uintptr_t)in};
    const int64_t stride[2] = {mt_dtype_size(to), step * mt_dtype_size(from)};
    mt_k->cast[from][to](n, p, stride, NULL);
}

/* Rows 2 begin to 2 end - 1 of C. */
static void add_rows(int64_t begin, int64_t end, void *context)
{
    const job *q = context;
    const mt_product *p = q->p;
    uint64_t a[2][BLOCK], *c = q->c + 2 * begin * q->ldc;
    for (int64_t i = 2 * begin; i < 2 * end && i < p->m; i += 2, c += 2 * q->ldc) {
        const bool pair = i + 1 < p->m;
        for (int64_t r = 0; r < 1 + pair; r++)
            cast(q->d, MT_INT64, q->k, a[r],
                 p->a + ((i + r) * p->a_row + q->from * p->a_col) * mt_dtype_size(q->d), p->a_col);
        mt_k->add_products_i64(p->n, q->k, c, pair ? c + q->ldc : q->alone, a[0], a[pair], q->b,
                               q->b_row);
    }
}

/* C in 64 bits: zeros, or what is added to. */
static void start(const job *q)
{
    const mt_product *p = q->p;
    for (int64_t i = 0; i < p->m; i++)
        if (!p->accumulate)
            memset(q->c + i * q->ldc, 0, (size_t)p->n * sizeof *q->c);
        else if (q->d != MT_INT64)
            cast(q->d, MT_INT64, p->n, q->c + i * q->ldc, p->c + i * p->ldc * mt_dtype_size(q->d),
                 1);
}

int mt_integer_product(mt_dtype d, const mt_product *p)
{
    enum { GRAIN = 1 << 16 }; /* products */
    const bool wide = d == MT_INT64, in_place = wide && p->b_col == 1;
    const int64_t item = mt_dtype_size(d), block = p->k < BLOCK ? p->k : BLOCK;
    const size_t alone = p->m % 2 ? (size_t)p->n : 0;
    const size_t c_size = wide ? 0 : (size_t)(p->m * p->n),
                 b_size = in_place ? 0 : (size_t)(block * p->n),
                 bytes = (c_size + b_size + alone) * sizeof(uint64_t);
    uint64_t *room = bytes ? mt_malloc(bytes) : NULL;
    if (bytes && !room) return -1;
    job q = {d, p, 0, 0, room ? room + c_size : NULL, p->n, room, p->n, NULL};
    if (alone) q.alone = memset(room + c_size + b_size, 0, alone * sizeof *room);
    if (wide) q.c = (uint64_t *)(void *)p->c, q.ldc = p->ldc;
    start(&q);
    for (; q.from < p->k; q.from += q.k) {
        const char *b = p->b + q.from * p->b_row * item;
        q.k = p->k - q.from < BLOCK ? p->k - q.from : BLOCK;
        if (in_place) q.b = (const uint64_t *)(const void *)b, q.b_row = p->b_row;
        for (int64_t l = 0; l < q.k && !in_place; l++)
            cast(d, MT_INT64, p->n, room + c_size + l * p->n, b + l * p->b_row * item, p->b_col);
        mt_parallel_for((p->m + 1) / 2, GRAIN / (p->n * q.k + 1) + 1, add_rows, &q);
    }
    for (int64_t i = 0; i < p->m && !wide; i++)
        cast(MT_INT64, d, p->n, p->c + i * p->ldc * item, (const char *)(q.c + i * q.ldc), 1);
    if (room) mt_free(room, bytes);
    return 0;
}
