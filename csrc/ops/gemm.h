/* The matrix product of plain memory, for operators that are made of products. */
#ifndef MT_OPS_GEMM_H
#define MT_OPS_GEMM_H

#include "ops/ops.h"

/* c (m, n), rows ldc apart, = a (m, k) b (k, n) + c if accumulate; element strides; every
 * type but bool. -1 on failure. */
int mt_gemm(mt_dtype d, int64_t m, int64_t n, int64_t k, const char *a, int64_t a_row,
            int64_t a_col, const char *b, int64_t b_row, int64_t b_col, char *c, int64_t ldc,
            bool accumulate);

/* slim_product.c: products with few columns or rows, in PyTorch's order of additions. */
typedef struct mt_product { /* as in mt_gemm, of float32 or float64 */
    int64_t m, n, k;
    const char *a;
    int64_t a_row, a_col;
    const char *b;
    int64_t b_row, b_col;
    char *c;
    int64_t ldc;
    bool accumulate;
} mt_product;
/* integer_product.c: of integers, with the low bits of results that do not fit. -1: no memory. */
int mt_integer_product(mt_dtype d, const mt_product *p);
/* slim_product.c: is the product of such matrices slim in every layout; is this one? */
bool mt_is_slim_product(int64_t m, int64_t n, int64_t k);
bool mt_adds_up_slim(const mt_product *p);
void mt_slim_product(mt_dtype d, const mt_product *p);
/* One of at most 400 terms, these one by one: how PyTorch multiplies stacks of such. */
void mt_plain_product(mt_dtype d, const mt_product *p);
/* *out = the sum of the products of k neighbours each. */
void mt_dot_product(mt_dtype d, int64_t k, const char *x, const char *y, char *out);

#endif
