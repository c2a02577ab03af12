/* Eigenvalues of symmetric matrices, and singular values: small ones by Jacobi's rotations (ops/matrices.c), others by
 * reflections to a few diagonals (ops/householder.c), of which ops/divide.c knows the rest. Golub & Van Loan, Matrix
 * Computations (4th ed.), 8.3 and 8.6. */
#include "base/alloc.h"
#include "ops/householder.h"
#include "ops/matrices.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { JACOBI = 24 }; /* rows up to which rotations are as fast */

/* By what to divide n numbers, that the largest is about 1; NaN if one is not finite. */
static double scale_of(int64_t n, const double *x)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs(x[i]) <= DBL_MAX)) return NAN;
        largest = fmax(largest, fabs(x[i]));
    }
    return largest > 0 ? ldexp(1, ilogb(largest)) : 1;
}

static void fill(int64_t n, double *x, double value)
{
    for (int64_t i = 0; x && i < n; i++) x[i] = value;
}

static void turn_over(int64_t m, int64_t n, double *out, const double *in)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) out[j * m + i] = in[i * n + j];
}

/* Room for reflections, and for `more` numbers behind them; v is NULL without it. */
static double *make_reflections(mt_reflections *q, int64_t count, int64_t n, int64_t shift,
                                int64_t more)
{
    *q = (mt_reflections){count, n, shift, NULL, NULL};
    q->v = mt_malloc((size_t)(count * n + count + more + 1) * sizeof(double));
    q->tau = q->v ? q->v + count * n : NULL;
    return q->v ? q->tau + count : NULL;
}

static void free_reflections(const mt_reflections *q, int64_t more)
{
    if (q->v) mt_free(q->v, (size_t)(q->count * q->n + q->count + more + 1) * sizeof(double));
}

/* ---- symmetric matrices -------------------------------------------------------------------------------------------------- */

/* Of -T, T with `diagonal` and `beside`, less the lower bound of its eigenvalues, which is returned (Gershgorin), Cholesky's
 * factor R^T R: that has singular values whose squares are eigenvalues, and their vectors. */
static double factor_of_shifted(int64_t n, double *diagonal, double *beside)
{
    double low = 0;
    for (int64_t i = 0; i < n; i++) {
        const double around = (i ? fabs(beside[i - 1]) : 0) + (i < n - 1 ? fabs(beside[i]) : 0) +
                              fabs(diagonal[i]) * DBL_EPSILON;
        low = i ? fmin(low, -diagonal[i] - around) : -diagonal[i] - around;
    }
    for (int64_t i = 0; i < n; i++) {
        const double square = i ? beside[i - 1] * beside[i - 1] : 0;
        diagonal[i] = sqrt(fmax(-diagonal[i] - low - square, 0));
        if (i < n - 1) beside[i] = diagonal[i] > 0 ? -beside[i] / diagonal[i] : 0;
    }
    return low;
}

static int eigh_small(int64_t n, double *a, double *w, double *v)
{
    double columns[JACOBI * JACOBI];
    mt_eigh_jacobi(n, a, w, columns);
    if (v) turn_over(n, n, v, columns);
    return 0;
}

int mt_eigh_factor(int64_t n, double *a, double *w, double *v)
{
    if (n <= JACOBI) return eigh_small(n, a, w, v);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) a[j * n + i] = a[i * n + j];
    const double by = scale_of(n * n, a);
    if (isnan(by)) {
        fill(n, w, NAN);
        fill(n * n, v, NAN);
        return 0;
    }
    for (int64_t i = 0; i < n * n; i++) a[i] /= by;
    mt_reflections q;
    double *diagonal = make_reflections(&q, n - 1, n, 1, 2 * n), low = 0;
    int status = diagonal ? mt_tridiagonalize(n, a, diagonal, diagonal + n, &q) : -1;
    if (status == 0) {
        low = factor_of_shifted(n, diagonal, diagonal + n);
        status = mt_bidiagonal_svd(n, diagonal, diagonal + n, w, NULL, v);
    }
    for (int64_t i = 0; i < n && status == 0; i++) w[i] = -(w[i] * w[i] + low) * by;
    if (status == 0 && v) status = mt_reflect(&q, false, n, v, n);
    free_reflections(&q, 2 * n);
    return status;
}

/* ---- singular values ------------------------------------------------------------------------------------------------------ */

/* A = U diag(s) V^T of A (m, n), m >= n, by rotations: with room for all vectors, wanted or not. */
static int svd_small(int64_t m, int64_t n, const double *a, double *u, double *s, double *vt,
                     bool full)
{
    const int64_t rows = full ? m : n;
    const size_t bytes = (size_t)(m * n + rows * m + n * n + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    if (!room) return -1;
    mt_svd_jacobi(m, n, a, u ? u : room + m * n, s, vt ? vt : room + m * n + rows * m, room, full);
    mt_free(room, bytes);
    return 0;
}

/* The rows of x (rows, m) become those of y (n, n) with zeros behind, and then unit vectors, all reflected. */
static int widen(int64_t rows, int64_t n, const double *y, double *x, const mt_reflections *q)
{
    const int64_t m = q->n;
    memset(x, 0, (size_t)(rows * m) * sizeof *x);
    for (int64_t i = 0; i < rows; i++)
        if (i < n)
            memcpy(x + i * m, y + i * n, (size_t)n * sizeof *x);
        else
            x[i * m + i] = 1;
    return mt_reflect(q, false, rows, x, m);
}

/* Of A (m, n), m >= n, which is spoilt: rows of u (full ? m : n) and vt, both or neither. */
static int svd_bidiagonal(int64_t m, int64_t n, double *a, double *u, double *s, double *vt,
                          bool full)
{
    const int64_t more = 2 * n + (u ? n * n : 0);
    mt_reflections p, q = {0};
    double *diagonal = make_reflections(&p, n, m, 0, more), *left = u ? diagonal + 2 * n : NULL;
    int status = diagonal && make_reflections(&q, n - 1, n, 1, 0) ? 0 : -1;
    if (status == 0) status = mt_bidiagonalize(m, n, a, diagonal, diagonal + n, &p, &q);
    if (status == 0) status = mt_bidiagonal_svd(n, diagonal, diagonal + n, s, left, vt);
    if (status == 0 && u) status = widen(full ? m : n, n, left, u, &p);
    if (status == 0 && vt) status = mt_reflect(&q, false, n, vt, n);
    free_reflections(&q, 0);
    free_reflections(&p, more);
    return status;
}

/* A = Q R first, of A^T (n, m): R is smaller than A (Chan, An Improved Algorithm for Computing the Singular Value
 * Decomposition, ACM TOMS 8(1), 1982). */
static int svd_by_qr(int64_t m, int64_t n, double *at, double *u, double *s, double *vt, bool full)
{
    const int64_t more = 2 * n * n;
    mt_reflections q;
    double *r = make_reflections(&q, n, m, 0, more), *left = u ? r + n * n : NULL;
    int status = r ? mt_qr_factor(m, n, at, &q) : -1;
    for (int64_t i = 0; i < n && status == 0; i++)
        for (int64_t j = 0; j < n; j++) r[i * n + j] = j < i ? 0 : at[j * m + i];
    if (status == 0)
        status = n <= JACOBI ? svd_small(n, n, r, left, s, vt, false)
                             : svd_bidiagonal(n, n, r, left, s, vt, false);
    if (status == 0 && u) status = widen(full ? m : n, n, left, u, &q);
    free_reflections(&q, more);
    return status;
}

int mt_svd_factor(int64_t m, int64_t n, double *a, double *u, double *s, double *vt, bool full)
{
    const bool tall = m >= n;
    const int64_t k = tall ? n : m, l = tall ? m : n, numbers = m * n;
    const double by = scale_of(numbers, a);
    if (isnan(by)) {
        fill(k, s, NAN);
        fill((full ? m : k) * m, u, NAN);
        fill((full ? n : k) * n, vt, NAN);
        return 0;
    }
    for (int64_t i = 0; i < numbers; i++) a[i] /= by;
    double *turned = mt_malloc((size_t)(numbers + 1) * sizeof(double));
    if (!turned) return -1;
    turn_over(m, n, turned, a);
    double *x = tall ? a : turned, *xt = tall ? turned : a, *left = tall ? u : vt,
           *right = tall ? vt : u;
    const int status = 2 * l > 3 * k + JACOBI ? svd_by_qr(l, k, xt, left, s, right, full)
                       : k <= JACOBI          ? svd_small(l, k, x, left, s, right, full)
                                              : svd_bidiagonal(l, k, x, left, s, right, full);
    for (int64_t i = 0; i < k; i++) s[i] *= by;
    mt_free(turned, (size_t)(numbers + 1) * sizeof(double));
    return status;
}
