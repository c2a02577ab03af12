/* Products of float32 matrices of which one is slim, in PyTorch's order of additions.
 *
 * A sum of floats depends on its order. PyTorch's library adds the terms of wide products one by one,
 * each rounded once with its addition, as kernels/gemm_body.h does. For a result of at most eleven
 * columns or three rows it takes another way: terms are rounded before they are added, and where both
 * factors lie along the sum they are added in lanes, 4 for groups of four columns and 8 for the rest.
 * Doing the same gives the same digits, and long chains of decisions (an argmax in reinforcement
 * learning) go the same way.
 *
 * Compiled without contraction (sources.mk). Relies on ops/gemm.h; read next: ops/matmul.c. */
#include "ops/gemm.h"

#include <string.h>

enum { COLUMNS = 11, ROWS = 3, BLOCK = 64 };
#define MOST (INT64_C(1) << 20) /* products: more are the business of all processors */

bool mt_is_slim_product(int64_t m, int64_t n, int64_t k)
{
    return (n <= COLUMNS || m <= ROWS) && m >= 2 && n >= 2 && k >= 1 && m <= MOST && n <= MOST &&
           k <= MOST && m * n <= MOST / k;
}

/* ---- both factors along the sum: lanes ------------------------------------------------------- */

static inline float dot_in_4(const float *a, const float *b, int64_t k)
{
    float s[4] = {0};
    int64_t l = 0;
    for (; l + 4 <= k; l += 4)
        for (int i = 0; i < 4; i++) s[i] += a[l + i] * b[l + i];
    float sum = (s[0] + s[2]) + (s[1] + s[3]);
    for (; l < k; l++) sum += a[l] * b[l];
    return sum;
}

static inline float dot_in_8(const float *a, const float *b, int64_t k)
{
    float s[8] = {0};
    int64_t l = 0;
    for (; l + 8 <= k; l += 8)
        for (int i = 0; i < 8; i++) s[i] += a[l + i] * b[l + i];
    for (int i = 0; i < 4; i++) s[i] += s[i + 4];
    float sum = (s[0] + s[2]) + (s[1] + s[3]);
    for (; l < k; l++) sum += a[l] * b[l];
    return sum;
}

static void product_of_rows(const mt_slim *p)
{
    const int64_t in_fours = p->n / 4 * 4;
    for (int64_t i = 0; i < p->m; i++) {
        const float *a = p->a + i * p->a_row;
        float *c = p->c + i * p->ldc;
        for (int64_t j = 0; j < p->n; j++) {
            const float *b = p->b + j * p->b_col;
            const float sum = j < in_fours ? dot_in_4(a, b, p->k) : dot_in_8(a, b, p->k);
            c[j] = p->accumulate ? c[j] + sum : sum;
        }
    }
}

/* ---- else: term by term ---------------------------------------------------------------------- */

/* Few columns: blocks of rows beside each other. c_row, c_col: the strides of the result. */
static void product_by_blocks(const mt_slim *p, int64_t c_row, int64_t c_col)
{
    float sum[COLUMNS][BLOCK];
    for (int64_t first = 0; first < p->m; first += BLOCK) {
        const int64_t rows = p->m - first < BLOCK ? p->m - first : BLOCK;
        memset(sum, 0, (size_t)p->n * sizeof *sum);
        for (int64_t l = 0; l < p->k; l++) {
            const float *a = p->a + first * p->a_row + l * p->a_col;
            for (int64_t j = 0; j < p->n; j++) {
                const float b = p->b[l * p->b_row + j * p->b_col];
                if (p->a_row == 1)
                    for (int64_t i = 0; i < rows; i++) sum[j][i] += a[i] * b;
                else
                    for (int64_t i = 0; i < rows; i++) sum[j][i] += a[i * p->a_row] * b;
            }
        }
        for (int64_t i = 0; i < rows; i++) {
            float *c = p->c + (first + i) * c_row;
            for (int64_t j = 0; j < p->n; j++, c += c_col)
                *c = p->accumulate ? *c + sum[j][i] : sum[j][i];
        }
    }
}

/* Few rows: the columns of the transposed product. */
static mt_slim transposed(const mt_slim *p)
{
    return (mt_slim){.m = p->n,
                     .n = p->m,
                     .k = p->k,
                     .a = p->b,
                     .a_row = p->b_col,
                     .a_col = p->b_row,
                     .b = p->a,
                     .b_row = p->a_col,
                     .b_col = p->a_row,
                     .c = p->c,
                     .accumulate = p->accumulate};
}

void mt_slim_product(const mt_slim *p)
{
    const mt_slim turned = transposed(p);
    if (p->a_col == 1 && p->b_row == 1)
        product_of_rows(p);
    else if (p->n <= COLUMNS)
        product_by_blocks(p, p->ldc, 1);
    else
        product_by_blocks(&turned, 1, p->ldc);
}
