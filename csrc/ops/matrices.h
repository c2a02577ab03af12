/* Factorizations of one matrix of doubles, row after row in memory; of small systems in PyTorch's steps. */
#ifndef MT_OPS_MATRICES_H
#define MT_OPS_MATRICES_H

#include <stdbool.h>
#include <stdint.h>

/* P A = L U of A (m, n) in place, min(m, n) row exchanges in pivot[]. Their sign, or 0 with an error; *zero is the first
 * zero pivot + 1, or 0. single: every step rounded to float32, for what mt_lu_is_small says yes to: see Note [Small
 * systems]. */
int mt_lu(int64_t m, int64_t n, double *a, int64_t *pivot, int64_t *zero, bool single);
bool mt_lu_is_small(int64_t m, int64_t n);
/* b (n, k) = A^-1 b, or A^-T b for the adjoint of a small system, from mt_lu's result. -1 with an error. */
int mt_lu_solve(int64_t n, const double *lu, const int64_t *pivot, int64_t k, double *b,
                bool adjoint, bool single);
bool mt_lu_solve_is_small(int64_t n, int64_t k, bool adjoint);
/* x (n, k) = T^-1 x of a triangle, with ones on its diagonal if `ones`, whose numbers are `down` and `right` apart. -1 with
 * an error. */
int mt_substitute(int64_t n, const double *t, int64_t down, int64_t right, bool upper, bool ones,
                  int64_t k, double *x);
/* A = L L^T from the lower triangle, in place, zeros above. 0, or the order of the first minor that is not positive, or -1
 * with an error. */
int64_t mt_cholesky_factor(int64_t n, double *a);
/* Of matrices of any size: -1 with an error if there is no memory, or at Ctrl-C. Vectors are ROWS of v, u and vt.
 * Symmetric A (n, n) (its lower triangle is read) = V^T diag(w) V, w ascending; v may be NULL. a is spoilt. */
int mt_eigh_factor(int64_t n, double *a, double *w, double *v);
/* A (m, n) = U^T diag(s) V^T, s descending; u (full ? m : k, m) and vt (full ? n : k, n), k = min(m, n), or NULL for both.
 * a is spoilt. */
int mt_svd_factor(int64_t m, int64_t n, double *a, double *u, double *s, double *vt, bool full);
/* The same of a bidiagonal matrix (n, n), by `diagonal` and the n - 1 numbers above it, both of which are spoilt. u may be
 * NULL, and v too. */
int mt_bidiagonal_svd(int64_t n, double *diagonal, double *above, double *s, double *u, double *v);

/* A (n, n) = exp A, the sum of A^i / i!. */
int mt_matrix_exp(int64_t n, double *a);

/* By rotations, for few rows. Symmetric A (its lower triangle is read) = V diag(w) V^T, w ascending, COLUMNS of v. */
void mt_eigh_jacobi(int64_t n, double *a, double *w, double *v);
/* As mt_svd_factor, with room for m * n doubles in work. */
void mt_svd_jacobi(int64_t m, int64_t n, const double *a, double *u, double *s, double *vt,
                   double *work, bool full);

#endif
