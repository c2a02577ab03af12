/* The matrix product of plain memory, for operators that are made of products. */
#ifndef MT_OPS_GEMM_H
#define MT_OPS_GEMM_H

#include "ops/ops.h"

/* c (m, n), rows ldc apart, = a (m, k) b (k, n) + c if accumulate; element strides; every
 * type but bool. -1 on failure. */
int mt_gemm(mt_dtype d, int64_t m, int64_t n, int64_t k, const char *a, int64_t a_row,
            int64_t a_col, const char *b, int64_t b_row, int64_t b_col, char *c, int64_t ldc,
            bool accumulate);

/* slim_product.c: float32 products with few columns or rows, in PyTorch's order of additions. */
typedef struct mt_slim {
    int64_t m, n, k;
    const float *a;
    int64_t a_row, a_col;
    const float *b;
    int64_t b_row, b_col;
    float *c;
    int64_t ldc;
    bool accumulate;
} mt_slim;
bool mt_is_slim_product(int64_t m, int64_t n, int64_t k);
void mt_slim_product(const mt_slim *p);

#endif
