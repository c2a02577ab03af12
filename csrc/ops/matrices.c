/* Factorizations of one matrix. Golub & Van Loan, Matrix Computations (4th ed.): LU 3.4, Cholesky 4.2, Householder QR
 * 5.2, Jacobi's method for eigenvalues 8.5, one-sided Jacobi for singular values 8.6. Relies on libc alone. */
#include "ops/matrices.h"

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

static double rounded(double x, bool single) { return single ? (float)x : x; }

static void swap_rows(int64_t n, double *a, int64_t p, int64_t q)
{
    for (int64_t i = 0; i < n && p != q; i++) {
        double t = a[p * n + i];
        a[p * n + i] = a[q * n + i];
        a[q * n + i] = t;
    }
}

bool mt_lu_is_small(int64_t m, int64_t n) { return m <= SMALL && n <= SMALL; }

int mt_lu(int64_t m, int64_t n, double *a, int64_t *pivot, int64_t *zero, bool single)
{
    int sign = 1;
    *zero = 0;
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
        const bool divides = !mt_lu_is_small(m, n) || (m == n && n < 5 && k == n - 2);
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

/* y = y - f x */
static void subtract(int64_t k, double *y, double f, const double *x, bool single)
{
    if (single)
        for (int64_t c = 0; c < k; c++) y[c] = (float)(y[c] - (float)(f * x[c]));
    else
        for (int64_t c = 0; c < k; c++) y[c] -= f * x[c];
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

void mt_lu_solve(int64_t n, const double *lu, const int64_t *pivot, int64_t k, double *b,
                 bool adjoint, bool single)
{
    for (int64_t i = 0; i < n && !adjoint; i++) swap_rows(k, b, i, pivot[i]);
    if (adjoint) {
        by_dots(n, lu, 1, n, k, b, false, false, single);
        by_dots(n, lu, 1, n, k, b, true, true, single);
    } else if (n <= DOTS && k <= DOT_COLUMNS) {
        by_dots(n, lu, n, 1, k, b, false, true, single);
        by_dots(n, lu, n, 1, k, b, true, false, single);
    } else {
        by_rows(n, lu, k, b, single);
    }
    for (int64_t i = n - 1; i >= 0 && adjoint; i--) swap_rows(k, b, i, pivot[i]);
}

void mt_substitute(int64_t i, int64_t from, int64_t to, int64_t k, const double *row,
                   double diagonal, double *v)
{
    for (int64_t j = from; j < to; j++)
        for (int64_t c = 0; c < k; c++) v[i * k + c] -= row[j] * v[j * k + c];
    for (int64_t c = 0; c < k; c++) v[i * k + c] /= diagonal;
}

/* ==== Cholesky ============================================================================================================ */

int64_t mt_cholesky_factor(int64_t n, double *a)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0)) return i + 1;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
        for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
    }
    return 0;
}

/* ==== QR ================================================================================================================== */

/* x (rows k .. m - 1 of column c of a) reflected: x -= 2 v (v . x) / (v . v), v kept below the diagonal of column k. */
static void reflect(int64_t m, int64_t width, double *a, int64_t c, const double *v, int64_t k,
                    double scale)
{
    double dot = 0;
    for (int64_t i = k; i < m; i++) dot += v[i - k] * a[i * width + c];
    for (int64_t i = k; i < m; i++) a[i * width + c] -= scale * dot * v[i - k];
}

/* q = H_0 H_1 ... applied to I from the last; each v is made anew from a's column, so q is updated from the right:
 * q <- q H_k. */
void mt_qr_factor(int64_t m, int64_t n, double *a, double *q, double *v)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) q[i * m + j] = i == j;
    for (int64_t k = 0; k < n && k < m - 1; k++) {
        double norm = 0, tail = 0;
        for (int64_t i = k; i < m; i++) {
            v[i - k] = a[i * n + k];
            norm = hypot(norm, v[i - k]);
            if (i > k) tail = hypot(tail, v[i - k]);
        }
        if (tail == 0) continue; /* LAPACK leaves such a column, and its sign, alone */
        v[0] += v[0] < 0 ? -norm : norm;
        double square = 0;
        for (int64_t i = 0; i < m - k; i++) square += v[i] * v[i];
        for (int64_t c = k; c < n; c++) reflect(m, n, a, c, v, k, 2 / square);
        for (int64_t i = k + 1; i < m; i++) a[i * n + k] = 0;
        for (int64_t r = 0; r < m; r++) {
            double dot = 0;
            for (int64_t i = k; i < m; i++) dot += q[r * m + i] * v[i - k];
            for (int64_t i = k; i < m; i++) q[r * m + i] -= 2 / square * dot * v[i - k];
        }
    }
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
