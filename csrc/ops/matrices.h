/* Factorizations of one matrix of doubles, row after row in memory: plain textbook algorithms, chosen for accuracy; of
 * small systems PyTorch's. */
#ifndef MT_OPS_MATRICES_H
#define MT_OPS_MATRICES_H

#include <stdbool.h>
#include <stdint.h>

/* P A = L U of A (m, n) in place, min(m, n) row exchanges in pivot[]. Their sign; *zero is the first zero pivot + 1, or
 * 0. single: every step rounded to float32, for what mt_lu_is_small says yes to: see Note [Small systems]. */
int mt_lu(int64_t m, int64_t n, double *a, int64_t *pivot, int64_t *zero, bool single);
bool mt_lu_is_small(int64_t m, int64_t n);
/* b (n, k) = A^-1 b, or A^-T b for the adjoint, from mt_lu's result. */
void mt_lu_solve(int64_t n, const double *lu, const int64_t *pivot, int64_t k, double *b,
                 bool adjoint, bool single);
bool mt_lu_solve_is_small(int64_t n, int64_t k, bool adjoint);
/* v[i] (k numbers) = (v[i] - sum over from <= j < to of row[j] v[j]) / diagonal: a step of substitution. */
void mt_substitute(int64_t i, int64_t from, int64_t to, int64_t k, const double *row,
                   double diagonal, double *v);
/* A = L L^T from the lower triangle, in place, zeros above. 0, or the order of the first minor that is not positive. */
int64_t mt_cholesky_factor(int64_t n, double *a);
/* A (m, n) = Q R by Householder reflections: a becomes R (m, n), q is (m, m), signs as LAPACK has them. room: n doubles. */
void mt_qr_factor(int64_t m, int64_t n, double *a, double *q, double *room);
/* Symmetric A (its lower triangle is read) = V diag(w) V^T, w ascending, columns of v; a is spoilt. */
void mt_eigh_jacobi(int64_t n, double *a, double *w, double *v);
/* A (m, n) = U diag(s) V^T, s descending. u is (full ? m : k, m) and vt (full ? n : k, n), k = min(m, n), BOTH with the
 * singular vectors as rows. work: m * n doubles. */
void mt_svd_jacobi(int64_t m, int64_t n, const double *a, double *u, double *s, double *vt,
                   double *work, bool full);

#endif
