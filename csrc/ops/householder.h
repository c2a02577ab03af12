/* Householder reflections, and matrices condensed by them to a few diagonals. Doubles, row after row. */
#ifndef MT_OPS_HOUSEHOLDER_H
#define MT_OPS_HOUSEHOLDER_H

#include <stdbool.h>
#include <stdint.h>

/* H_0 H_1 ... H_(count - 1), H_i = I - tau_i v_i v_i^T of (n, n): row i of v (rows n apart) is v_i, which begins with a 1
 * at i + shift, after zeros. */
typedef struct mt_reflections {
    int64_t count, n, shift;
    double *v, *tau;
} mt_reflections;

/* Each of the rows of x (rows, q->n), `width` apart, multiplied by all of them: x <- Q x, or Q^T x. -1: no memory. */
int mt_reflect(const mt_reflections *q, bool transposed, int64_t rows, double *x, int64_t width);

/* A = Q R of A (m, n); at is A^T (n, m), and becomes R^T. q: min(m, n) reflections of m, with room for them. */
int mt_qr_factor(int64_t m, int64_t n, double *at, const mt_reflections *q);
/* Symmetric A (n, n) = Q T Q^T: diagonal (n) and the n - 1 numbers beside it. a, both halves of it, is spoilt. q: n - 1
 * reflections of n, shifted by 1. */
int mt_tridiagonalize(int64_t n, double *a, double *diagonal, double *beside,
                      const mt_reflections *q);
/* A (m, n), m >= n, = P B Q^T, B the diagonal (n) and the n - 1 numbers above it. a is spoilt. p: n reflections of m; q: n
 * - 1 of n, shifted by 1. */
int mt_bidiagonalize(int64_t m, int64_t n, double *a, double *diagonal, double *above,
                     const mt_reflections *p, const mt_reflections *q);

#endif
