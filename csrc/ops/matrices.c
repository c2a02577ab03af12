/* Factorizations of one matrix. Golub & Van Loan, Matrix Computations (4th ed.): LU 3.4, Cholesky 4.2, Jacobi's method for
 * eigenvalues 8.5, one-sided Jacobi for singular values 8.6. Larger matrices are cut into two halves of their columns, and
 * these again, so that nearly all of the work is in products of matrices: Toledo, Locality of Reference in LU Decomposition
 * with Partial Pivoting, SIAM J. Matrix Anal. Appl. 18(4), 1997; Gustavson, Recursion Leads to Automatic Variable Blocking
 * for Dense Linear-Algebra Algorithms, IBM J. Res. Dev. 41(6), 1997.
 * Relies on kernels/gemm.c. Read next: ops/spectral.c. */
#include "ops/matrices.h"

#include "base/alloc.h"
#include "base/error.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define EPS 2.220446049250313e-16

/* ==== LU ================================================================================================================== */

/* Note [Small systems]
 * MKL, PyTorch's LAPACK, has kernels of their own for small matrices, whose steps its results tell; these take the same
 * for the same digits. Up to 16 x 16 nothing is fused, and multipliers are products with the pivot's reciprocal, but for
 * a quotient where a single number is left of a matrix smaller than 5 x 5. Up to 7 x 7 and 8 columns, rows are
 * substituted by dot products, and multiplied by the diagonal's reciprocal; the adjoint's up to 3 x 3 and 7 columns, and
 * 4 x 4 and 3.
 * `single` rounds every step to float32. Taken in double first that is the rounding of float32 itself (Figueroa, When is
 * double rounding innocuous?, ACM SIGNUM 30(3), 1995). Larger matrices stay in double, which is more exact. */
enum { SMALL = 16, DOTS = 7, DOT_COLUMNS = 8 };

enum { NARROW = 8 }; /* columns of a matrix that are not cut any further */

static double rounded(double x, bool single) { return single ? (float)x : x; }

static void swap_numbers(int64_t n, double *x, double *y)
{
    for (int64_t i = 0; i < n && x != y; i++) {
        double t = x[i];
        x[i] = y[i];
        y[i] = t;
    }
}

static void swap_rows(int64_t n, double *a, int64_t p, int64_t q)
{
    swap_numbers(n, a + p * n, a + q * n);
}

/* y = y - f x */
static __attribute__((optimize("O2"))) void subtract(int64_t k, double *y, double f,
                                                     const double *x, bool single)
{
    if (single)
        for (int64_t c = 0; c < k; c++) y[c] = (float)(y[c] - (float)(f * x[c]));
    else
        for (int64_t c = 0; c < k; c++) y[c] -= f * x[c];
}

bool mt_lu_is_small(int64_t m, int64_t n) { return m <= SMALL && n <= SMALL; }

static int lu_small(int64_t m, int64_t n, double *a, int64_t *pivot, int64_t *zero, bool single)
{
    int sign = 1;
    for (int64_t k = 0; k < m && k < n; k++) {
        int64_t p = k;
        for (int64_t i = k + 1; i < m; i++)
            if (fabs(a[i * n + k]) > fabs(a[p * n + k])) p = i;
        pivot[k] = p;
        const double top = a[p * n + k];
        if (top == 0) {
            if (!*zero) *zero = k + 1;
            continue;
        }
        if (p != k) sign = -sign;
        swap_rows(n, a, k, p);
        const bool divides = m == n && n < 5 && k == n - 2;
        const double scale = rounded(1 / top, single);
        for (int64_t i = k + 1; i < m; i++) {
            double *row = a + i * n, f = row[k] / top;
            row[k] = f = rounded(divides ? f : row[k] * scale, single);
            if (single)
                for (int64_t j = k + 1; j < n; j++)
                    row[j] = (float)(row[j] - (float)(f * a[k * n + j]));
            else
                for (int64_t j = k + 1; j < n; j++) row[j] -= f * a[k * n + j];
        }
    }
    return sign;
}

/* c (m, n) -= a b, rows of c ldc apart; element strides. room: k * n doubles, for -b. -1 with an error. */
static int subtract_product(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row,
                            int64_t a_col, const double *b, int64_t b_row, int64_t b_col, double *c,
                            int64_t ldc, double *room)
{
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < n; j++) room[i * n + j] = -b[i * b_row + j * b_col];
    if (mt_k->gemm_f64(m, n, k, a, a_row, a_col, room, n, 1, c, ldc, MT_GEMM_ADD) < 0) return -1;
    return (double)m * (double)n * (double)k > 1e7 ? mt_check_interrupted() : 0;
}

/* The larger half of n columns, of which one part is whole blocks. */
static int64_t half(int64_t n) { return (n / 2 + NARROW - 1) / NARROW * NARROW; }

/* Some columns of P A = L U, one after the other; rows of a are `width` apart. */
static int lu_narrow(int64_t m, int64_t n, double *a, int64_t width, int64_t *pivot, int64_t *zero)
{
    int sign = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t p = k;
        for (int64_t i = k + 1; i < m; i++)
            if (fabs(a[i * width + k]) > fabs(a[p * width + k])) p = i;
        pivot[k] = p;
        double *row = a + k * width;
        const double top = a[p * width + k];
        if (top == 0) {
            if (!*zero) *zero = k + 1;
            continue;
        }
        if (p != k) {
            sign = -sign;
            swap_numbers(n, row, a + p * width);
        }
        for (int64_t i = k + 1; i < m; i++) {
            double *other = a + i * width;
            const double f = other[k] /= top;
            for (int64_t j = k + 1; j < n; j++) other[j] -= f * row[j];
        }
    }
    return sign;
}

/* X = T^-1 X of a triangle T (n, n), whose numbers are `down` and `right` apart, and k columns: half of the unknowns, and
 * then the others, without them. room: n * k doubles. */
static int substitute(int64_t n, const double *t, int64_t down, int64_t right, bool upper,
                      bool ones, int64_t k, double *x, int64_t width, double *room)
{
    for (int64_t step = 0; n <= NARROW && step < n; step++) {
        const int64_t i = upper ? n - 1 - step : step, from = upper ? i + 1 : 0, to = upper ? n : i;
        for (int64_t j = from; j < to; j++)
            subtract(k, x + i * width, t[i * down + j * right], x + j * width, false);
        for (int64_t c = 0; c < k && !ones; c++) x[i * width + c] /= t[i * (down + right)];
    }
    if (n <= NARROW) return 0;
    const int64_t h = half(n), first = upper ? h : 0, other = h - first;
    const int64_t some = upper ? n - h : h;
    if (substitute(some, t + first * (down + right), down, right, upper, ones, k, x + first * width,
                   width, room) < 0 ||
        subtract_product(n - some, k, some, t + other * down + first * right, down, right,
                         x + first * width, width, 1, x + other * width, width, room) < 0)
        return -1;
    return substitute(n - some, t + other * (down + right), down, right, upper, ones, k,
                      x + other * width, width, room);
}

int mt_substitute(int64_t n, const double *t, int64_t down, int64_t right, bool upper, bool ones,
                  int64_t k, double *x)
{
    const size_t bytes = (size_t)(n > NARROW ? n * k : 0) * sizeof(double);
    double *room = bytes ? mt_malloc(bytes) : NULL;
    if (bytes && !room) return -1;
    const int status = substitute(n, t, down, right, upper, ones, k, x, k, room);
    if (room) mt_free(room, bytes);
    return status;
}

/* Half of the columns; U's rows of the others; what is left of these. The sign, 0 with an error. */
static int lu_columns(int64_t m, int64_t n, double *a, int64_t width, int64_t *pivot, int64_t *zero,
                      double *room)
{
    if (n <= NARROW) return lu_narrow(m, n, a, width, pivot, zero);
    const int64_t h = half(n);
    double *right = a + h, *below = a + h * width;
    const int first = lu_columns(m, h, a, width, pivot, zero, room);
    for (int64_t i = 0; i < h; i++)
        swap_numbers(n - h, right + i * width, right + pivot[i] * width);
    if (!first || substitute(h, a, width, 1, false, true, n - h, right, width, room) < 0 ||
        subtract_product(m - h, n - h, h, below, width, 1, right, width, 1, below + h, width,
                         room) < 0)
        return 0;
    int64_t later = 0;
    const int second = lu_columns(m - h, n - h, below + h, width, pivot + h, &later, room);
    if (later && !*zero) *zero = h + later;
    for (int64_t i = h; i < n; i++) {
        pivot[i] += h;
        swap_numbers(h, a + i * width, a + pivot[i] * width);
    }
    return first * second;
}

int mt_lu(int64_t m, int64_t n, double *a, int64_t *pivot, int64_t *zero, bool single)
{
    *zero = 0;
    if (mt_lu_is_small(m, n)) return lu_small(m, n, a, pivot, zero, single);
    const int64_t k = m < n ? m : n;
    const size_t bytes = (size_t)(k * n + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    if (!room) return 0;
    int sign = lu_columns(m, k, a, n, pivot, zero, room);
    for (int64_t i = 0; i < k && n > k; i++)
        swap_numbers(n - k, a + i * n + k, a + pivot[i] * n + k);
    if (sign && n > k && substitute(k, a, n, 1, false, true, n - k, a + k, n, room) < 0) sign = 0;
    mt_free(room, bytes);
    return sign;
}

bool mt_lu_solve_is_small(int64_t n, int64_t k, bool adjoint)
{
    if (adjoint) return n <= 4 && k < (n < 4 ? 8 : 4);
    return (n <= DOTS + 1 && k <= DOT_COLUMNS) || (n <= SMALL && k == 1);
}

/* b (n, k) = T^-1 b of a triangle T whose numbers are `down` and `right` apart, upwards from the last row if it is the
 * upper one. */
static void by_dots(int64_t n, const double *t, int64_t down, int64_t right, int64_t k, double *b,
                    bool upper, bool ones, bool single)
{
    for (int64_t step = 0; step < n; step++)
        for (int64_t c = 0; c < k; c++) {
            const int64_t i = upper ? n - 1 - step : step;
            double sum = 0;
            for (int64_t before = 0; before < step; before++) {
                const int64_t j = upper ? n - 1 - before : before;
                sum =
                    rounded(sum + rounded(t[i * down + j * right] * b[j * k + c], single), single);
            }
            sum = rounded(b[i * k + c] - sum, single);
            if (!ones) sum *= rounded(1 / t[i * (down + right)], single);
            b[i * k + c] = rounded(sum, single);
        }
}

static void by_rows(int64_t n, const double *lu, int64_t k, double *b, bool single)
{
    for (int64_t i = 1; i < n; i++)
        for (int64_t j = 0; j < i; j++) subtract(k, b + i * k, lu[i * n + j], b + j * k, single);
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t j = n - 1; j > i; j--)
            subtract(k, b + i * k, lu[i * n + j], b + j * k, single);
        for (int64_t c = 0; c < k; c++)
            b[i * k + c] = rounded(b[i * k + c] / lu[i * n + i], single);
    }
}

int mt_lu_solve(int64_t n, const double *lu, const int64_t *pivot, int64_t k, double *b,
                bool adjoint, bool single)
{
    for (int64_t i = 0; i < n && !adjoint; i++) swap_rows(k, b, i, pivot[i]);
    if (adjoint) {
        by_dots(n, lu, 1, n, k, b, false, false, single);
        by_dots(n, lu, 1, n, k, b, true, true, single);
    } else if (n <= DOTS && k <= DOT_COLUMNS) {
        by_dots(n, lu, n, 1, k, b, false, true, single);
        by_dots(n, lu, n, 1, k, b, true, false, single);
    } else if (mt_lu_solve_is_small(n, k, false)) {
        by_rows(n, lu, k, b, single);
    } else if (mt_substitute(n, lu, n, 1, false, true, k, b) < 0 ||
               mt_substitute(n, lu, n, 1, true, false, k, b) < 0) {
        return -1;
    }
    for (int64_t i = n - 1; i >= 0 && adjoint; i--) swap_rows(k, b, i, pivot[i]);
    return 0;
}

/* ==== Cholesky ============================================================================================================ */

static int64_t cholesky_narrow(int64_t n, double *a, int64_t width)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = a[i * width + j];
            for (int64_t k = 0; k < j; k++) sum -= a[i * width + k] * a[j * width + k];
            if (i == j && !(sum > 0)) return i + 1;
            a[i * width + j] = i == j ? sqrt(sum) : sum / a[j * width + j];
        }
    return 0;
}

/* X = X L^-T of X (m, n). */
static int divide_by_factor(int64_t m, int64_t n, const double *l, double *x, int64_t width,
                            double *room)
{
    for (int64_t i = 0; n <= NARROW && i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = x[i * width + j];
            for (int64_t k = 0; k < j; k++) sum -= x[i * width + k] * l[j * width + k];
            x[i * width + j] = sum / l[j * width + j];
        }
    if (n <= NARROW) return 0;
    const int64_t h = half(n);
    const double *below = l + h * width;
    if (divide_by_factor(m, h, l, x, width, room) < 0 ||
        subtract_product(m, n - h, h, x, width, 1, below, 1, width, x + h, width, room) < 0)
        return -1;
    return divide_by_factor(m, n - h, below + h, x + h, width, room);
}

static int64_t cholesky(int64_t n, double *a, int64_t width, double *room)
{
    if (n <= NARROW) return cholesky_narrow(n, a, width);
    const int64_t h = half(n);
    double *below = a + h * width;
    const int64_t bad = cholesky(h, a, width, room);
    if (bad) return bad;
    if (divide_by_factor(n - h, h, a, below, width, room) < 0 ||
        subtract_product(n - h, n - h, h, below, width, 1, below, 1, width, below + h, width,
                         room) < 0)
        return -1;
    const int64_t later = cholesky(n - h, below + h, width, room);
    return later > 0 ? h + later : later;
}

int64_t mt_cholesky_factor(int64_t n, double *a)
{
    const size_t bytes = (size_t)(n * n + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    if (!room) return -1;
    const int64_t bad = cholesky(n, a, n, room);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
    mt_free(room, bytes);
    return bad;
}

/* ==== eigenvalues of symmetric matrices ==================================================================================== */

/* The rotation (c, s) that makes the off-diagonal element b of [[a, b], [b, d]] zero. */
static void rotation(double a, double b, double d, double *c, double *s)
{
    double theta = (d - a) / (2 * b);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + hypot(theta, 1));
    *c = 1 / hypot(t, 1);
    *s = t * *c;
}

/* Rows p and q of (rows, n) turned. */
static void turn(int64_t n, double *p, double *q, double c, double s)
{
    for (int64_t i = 0; i < n; i++) {
        double x = p[i], y = q[i];
        p[i] = c * x - s * y;
        q[i] = s * x + c * y;
    }
}

static void turn_columns(int64_t n, double *a, int64_t p, int64_t q, double c, double s)
{
    for (int64_t i = 0; i < n; i++) {
        double x = a[i * n + p], y = a[i * n + q];
        a[i * n + p] = c * x - s * y;
        a[i * n + q] = s * x + c * y;
    }
}

void mt_eigh_jacobi(int64_t n, double *a, double *w, double *v)
{
    double size = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            v[i * n + j] = i == j;
            if (j > i) a[i * n + j] = a[j * n + i];
            size = fmax(size, fabs(a[i * n + j]));
        }
    for (int sweep = 0, again = 1; sweep < 60 && again; sweep++) {
        again = 0;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double c, s, b = a[p * n + q];
                if (!(fabs(b) > EPS * 1e-3 * size)) continue;
                again |= fabs(b) > EPS * size;
                rotation(a[p * n + p], b, a[q * n + q], &c, &s);
                turn(n, a + p * n, a + q * n, c, s);
                turn_columns(n, a, p, q, c, s);
                turn_columns(n, v, p, q, c, s);
            }
    }
    for (int64_t i = 0; i < n; i++) w[i] = a[i * n + i];
    for (int64_t i = 0; i < n; i++) { /* ascending */
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++)
            if (w[j] < w[least]) least = j;
        double t = w[i];
        w[i] = w[least];
        w[least] = t;
        for (int64_t r = 0; r < n && least != i; r++) {
            t = v[r * n + i];
            v[r * n + i] = v[r * n + least];
            v[r * n + least] = t;
        }
    }
}

/* ==== singular values ====================================================================================================== */

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* Rows from .. to - 1 of q (to, n) become unit vectors orthogonal to all rows before them: what is left of a coordinate
 * vector, the first one of which enough is left. */
static void complete(int64_t n, double *q, int64_t from, int64_t to)
{
    for (int64_t r = from, e = 0; r < to; r++, e++) {
        double *x = q + r * n, left = 0;
        for (int64_t tried = 0; tried <= n; tried++, e++) {
            memset(x, 0, (size_t)n * sizeof *x);
            x[e % n] = 1;
            for (int pass = 0; pass < 2; pass++)
                for (int64_t k = 0; k < r; k++) {
                    double f = dot(n, x, q + k * n);
                    for (int64_t i = 0; i < n; i++) x[i] -= f * q[k * n + i];
                }
            left = sqrt(dot(n, x, x));
            if (left * left * 2 * (double)n >= 1) break;
        }
        for (int64_t i = 0; i < n; i++) x[i] /= left;
    }
}

/* The rows of w (n, m), m >= n, turned until they are orthogonal; the same turns go to v (n, n). */
static void orthogonalize(int64_t n, int64_t m, double *w, double *v)
{
    for (int sweep = 0, again = 1; sweep < 60 && again; sweep++) {
        again = 0;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double *x = w + p * m, *y = w + q * m, c, s;
                double a = dot(m, x, x), b = dot(m, x, y), d = dot(m, y, y);
                if (!(fabs(b) > EPS * sqrt(a) * sqrt(d)) || b == 0) continue;
                again = 1;
                rotation(a, b, d, &c, &s);
                turn(m, x, y, c, s);
                turn(n, v + p * n, v + q * n, c, s);
            }
    }
}

/* For m >= n: w has the columns of A as rows. */
static void svd_tall(int64_t m, int64_t n, double *w, double *u, double *s, double *vt, bool full)
{
    int64_t rank = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) vt[i * n + j] = i == j;
    orthogonalize(n, m, w, vt);
    for (int64_t i = 0; i < n; i++) s[i] = sqrt(dot(m, w + i * m, w + i * m));
    for (int64_t i = 0; i < n; i++) { /* descending */
        int64_t most = i;
        for (int64_t j = i + 1; j < n; j++)
            if (s[j] > s[most]) most = j;
        if (most != i) {
            double t = s[i];
            s[i] = s[most];
            s[most] = t;
            swap_rows(m, w, i, most);
            swap_rows(n, vt, i, most);
        }
    }
    for (; rank < n && s[rank] > EPS * 1e-2 * s[0]; rank++)
        for (int64_t i = 0; i < m; i++) u[rank * m + i] = w[rank * m + i] / s[rank];
    complete(m, u, rank, full ? m : n);
}

void mt_svd_jacobi(int64_t m, int64_t n, const double *a, double *u, double *s, double *vt,
                   double *work, bool full)
{
    if (m >= n) {
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) work[j * m + i] = a[i * n + j];
        svd_tall(m, n, work, u, s, vt, full);
    } else {
        memcpy(work, a, (size_t)(m * n) * sizeof *work); /* A^T = V S U^T */
        svd_tall(n, m, work, vt, s, u, full);
    }
}
