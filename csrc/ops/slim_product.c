/* Products of matrices of which one is slim, and of matrices with vectors, in PyTorch's order of additions.
 *
 * A sum of floats depends on its order. PyTorch's library (MKL) adds the terms of wide products one by
 * one, each rounded once with its addition, as kernels/gemm_body.h does. For a result of at most eleven
 * columns or three rows it takes other ways, in which terms are rounded before they are added. Doing the
 * same gives the same digits, so that long chains of decisions (an argmax in reinforcement learning) go
 * the same way, and the nets of a first lecture train to the same bits.
 *
 * Note [Slim orders]
 * Where both factors lie along the sum, terms go into the lanes of a 16-byte vector. What comes before an
 * address that is a multiple of 16, the head, is added up first and starts lane 0; what does not fill a
 * vector at the end is added at the end. Lanes meet as (0 + 2) + (1 + 3). Four lines are multiplied
 * together in one vector each; lines that make no four in two vectors in turn, or more, 32 or 64 bytes at a time.
 *   - rows by rows: the head is that of the row of the left factor; the lines are columns of the result.
 *   - a matrix by a vector: fours of rows, the head being that of the fourth, and a whole vector where it
 *     is aligned; the rest by the head of the vector, and the second of it in one vector.
 *   - a vector by a vector: four vectors in turn, which meet first, 0 to 3.
 * Else terms are added one by one to what is there already, but where the rows of the result do not begin
 * at a multiple of 16: of the elements before that, four of every eight terms are added up by themselves.
 * (Found out by summing huge numbers that cancel: Xie et al., "Revealing Floating-Point Accumulation Orders
 * in Software/Hardware Implementations", USENIX ATC 2025.)
 *
 * Compiled without contraction (sources.mk). Relies on ops/gemm.h; read next: ops/matmul.c. */
#include "ops/gemm.h"

#include "base/parallel.h"

#include <string.h>

enum {
    COLUMNS = 11,
    ROWS = 3,
    SUMS = 704,   /* elements of the result that are added up together: 64 rows of 11 columns */
    VECTOR = 1024 /* elements of a vector that is copied so that they are neighbours */
};
#define MOST        (INT64_C(1) << 20) /* products in a layout other than a layer's */
#define THREAD_WORK 200000             /* products that are worth a thread */

static bool is_slim(int64_t m, int64_t n, int64_t k)
{
    return (n <= COLUMNS || m <= ROWS) && m >= 1 && n >= 1 && k >= 1;
}

bool mt_is_slim_product(int64_t m, int64_t n, int64_t k)
{
    return is_slim(m, n, k) && m <= MOST && n <= MOST && k <= MOST && m * n <= MOST / k;
}

/* The others are slow where they are large, as blocks of rows go through memory in strides. */
bool mt_adds_up_slim(const mt_product *p)
{
    const bool layer = p->a_col == 1 && p->b_row == 1, gradient = p->a_row == 1 && p->m > ROWS;
    return is_slim(p->m, p->n, p->k) && (layer || gradient || mt_is_slim_product(p->m, p->n, p->k));
}

/* Rows of the result, or columns where there are as few rows: the threads share them out, in multiples of
 * UNIT but for the last, so that none sees another four, or another head of a row. */
typedef struct range {
    int64_t begin, end;
} range;
enum { UNIT = 64 };

static mt_product transposed(const mt_product *p)
{
    mt_product q = *p;
    q.m = p->n, q.n = p->m;
    q.a = p->b, q.a_row = p->b_col, q.a_col = p->b_row;
    q.b = p->a, q.b_row = p->a_col, q.b_col = p->a_row;
    return q;
}

#define T float
#define S f32
#include "ops/slim_loops.h"
#undef T
#undef S

#define T double
#define S f64
#include "ops/slim_loops.h"

typedef struct shared {
    mt_dtype d;
    const mt_product *p;
} shared;

static void multiply_range(int64_t begin, int64_t end, void *context)
{
    const shared *s = context;
    const range r = {begin, end};
    if (s->d == MT_FLOAT32)
        slim_f32(s->p, r);
    else
        slim_f64(s->p, r);
}

void mt_slim_product(mt_dtype d, const mt_product *p)
{
    const bool by_rows = p->m > ROWS;
    const double line =
        (double)p->k * (double)(by_rows ? p->n : p->m); /* products of one row, or column */
    shared s = {d, p};
    mt_parallel_for(by_rows ? p->m : p->n, ((int64_t)(THREAD_WORK / line) / UNIT + 1) * UNIT,
                    multiply_range, &s);
}

void mt_plain_product(mt_dtype d, const mt_product *p)
{
    const range all = {0, p->m};
    if (d == MT_FLOAT32)
        by_terms_f32(p, p, all, false, false);
    else
        by_terms_f64(p, p, all, false, false);
}

void mt_dot_product(mt_dtype d, int64_t k, const char *x, const char *y, char *out)
{
    if (d == MT_FLOAT32)
        *(float *)(void *)out =
            dot_f32(k, (const float *)(const void *)x, (const float *)(const void *)y);
    else
        *(double *)(void *)out =
            dot_f64(k, (const double *)(const void *)x, (const double *)(const void *)y);
}
