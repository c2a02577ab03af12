/* Eigenvalues of symmetric matrices, singular values, and exponentials. The former: small ones by Jacobi's rotations (ops/matrices.c), others by
 * reflections to a few diagonals (ops/householder.c), of which ops/divide.c knows the rest. Golub & Van Loan, Matrix
 * Computations (4th ed.), 8.3 and 8.6. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/kernels.h"
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

/* ---- exp -------------------------------------------------------------------------------------------------------------- */

/* out = sum of x^i / (first + i)! for i < 4, with x^0 = 1 and powers[i] = x^(i + 1). */
static void four_terms(int64_t n, double *const *powers, int first, double *out)
{
    double factor[4];
    for (int i = 0; i < 4; i++) factor[i] = 1 / tgamma(first + i + 1);
    for (int64_t i = 0; i < n * n; i++)
        out[i] = factor[1] * powers[0][i] + factor[2] * powers[1][i] + factor[3] * powers[2][i];
    for (int64_t i = 0; i < n; i++) out[i * n + i] += factor[0];
}

static int product(int64_t n, const double *a, const double *b, double *c, int how)
{
    return mt_k->gemm_f64(n, n, n, a, n, 1, b, n, 1, c, n, how);
}

/* How often to halve a matrix for a 1-norm of at most 3/4. */
static int halvings(int64_t n, const double *a, double *sums)
{
    double most = 0;
    int times = 0;
    fill(n, sums, 0);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) sums[j] += fabs(a[i * n + j]);
    for (int64_t i = 0; i < n; i++)
        if (!(sums[i] <= most)) most = sums[i];
    for (; most > 0.75 && isfinite(most); most /= 2) times++;
    return times;
}

/* Scaling and squaring (Higham, Functions of Matrices, 10.3): of A / 2^s the Taylor polynomial of degree 16, in which what is
 * left out is below a unit of the last digit, in six products (Paterson and Stockmeyer, On the Number of Nonscalar
 * Multiplications Necessary to Evaluate Polynomials, SIAM J. Comput. 2(1), 1973), and s squares of that. */
int mt_matrix_exp(int64_t n, double *a)
{
    const int64_t square = n * n;
    const size_t bytes = (size_t)(5 * square + n + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    if (!room) return -1;
    double *x[4] = {a, room, room + square, room + 2 * square}, *y = room + 3 * square,
           *z = room + 4 * square;
    const int times = halvings(n, a, room);
    const double by = ldexp(1, -times), last = 1 / tgamma(17);
    for (int64_t i = 0; i < square; i++) a[i] *= by;
    int status = 0;
    for (int i = 1; i < 4 && status == 0; i++) status = product(n, a, x[i - 1], x[i], 0);
    four_terms(n, x, 12, y);
    for (int64_t i = 0; i < square; i++) y[i] += last * x[3][i];
    for (int first = 8; first >= 0 && status == 0; first -= 4) {
        four_terms(n, x, first, z);
        status = product(n, x[3], y, z, MT_GEMM_ADD);
        double *t = y;
        y = z, z = t;
    }
    for (int i = 0; i < times && status == 0; i++) {
        status = product(n, y, y, z, 0);
        double *t = y;
        y = z, z = t;
        if (status == 0 && n > 100) status = mt_check_interrupted();
    }
    memcpy(a, y, (size_t)square * sizeof *a);
    mt_free(room, bytes);
    return status;
}
