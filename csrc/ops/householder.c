/* Householder reflections in blocks. Golub & Van Loan, Matrix Computations (4th ed.), 5.1 (reflections and their WY form,
 * after Schreiber & Van Loan, A Storage-Efficient WY Representation for Products of Householder Transformations, SIAM J.
 * Sci. Stat. Comput. 10(1), 1989), 5.2 (QR), 5.4.8 (bidiagonal form) and 8.3.1 (tridiagonal form); the blocks of the last
 * two after Dongarra, Hammarling & Sorensen, Block Reduction of Matrices to Condensed Forms for Eigenvalue Computations, J.
 * Comput. Appl. Math. 27, 1989. Relies on kernels/gemm.c. */
#include "ops/householder.h"

#include "base/alloc.h"
#include "base/error.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 32,   /* reflections that are applied together */
    PENDING = 16, /* steps whose changes to what is left of a matrix are made together */
    COLUMNS = 2 * PENDING
};

/* c (m, n) = a b, or c + a b to add; element strides. */
static int multiply(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_col,
                    const double *b, int64_t b_row, int64_t b_col, double *c, int64_t ldc, bool add)
{
    return mt_k->gemm_f64(m, n, k, a, a_row, a_col, b, b_row, b_col, c, ldc, add ? MT_GEMM_ADD : 0);
}

/* H = I - tau v v^T with H x = beta e_0; v, v_0 = 1, takes the place of x. tau is 0 where x has but its first element, as
 * in LAPACK, which leaves such a column, and its sign, alone. */
static double reflector(int64_t n, double *x, double *beta)
{
    double largest = 0, squares = 0;
    const double first = n ? x[0] : 0;
    for (int64_t i = 1; i < n; i++)
        if (!(fabs(x[i]) <= largest) && largest == largest) largest = fabs(x[i]);
    *beta = first;
    if (n) x[0] = 1;
    if (largest == 0) return 0;
    largest = fmax(largest, fabs(first)); /* what divides: x may be denormal, v is not */
    const double top = first / largest;
    for (int64_t i = 1; i < n; i++) {
        x[i] /= largest;
        squares += x[i] * x[i];
    }
    const double norm = sqrt(top * top + squares), end = top < 0 ? norm : -norm;
    for (int64_t i = 1; i < n; i++) x[i] /= top - end;
    *beta = end * largest;
    return (end - top) / end;
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* ---- products of reflections -------------------------------------------------------------------------------------------- */

/* T, upper triangular, of H_0 H_1 ... = I - V^T T V, times -1; rows of V are the v. */
static int wy_factor(int64_t count, int64_t n, const double *v, int64_t width, const double *tau,
                     double *t)
{
    double products[BLOCK * BLOCK];
    if (multiply(count, count, n, v, width, 1, v, 1, width, products, BLOCK, false) < 0) return -1;
    memset(t, 0, sizeof products);
    for (int64_t j = 0; j < count; j++) {
        for (int64_t i = 0; i < j; i++) {
            double sum = 0;
            for (int64_t l = i; l < j; l++) sum += t[i * BLOCK + l] * products[l * BLOCK + j];
            t[i * BLOCK + j] = -tau[j] * sum;
        }
        t[j * BLOCK + j] = -tau[j];
    }
    return 0;
}

/* Rows x <- x + ((x V^T) T') V: `rows` of them with `count` reflections, room for 2 * rows * BLOCK numbers. */
static int apply_block(int64_t count, int64_t n, const double *v, int64_t v_width,
                       const double *tau, bool transposed, int64_t rows, double *x, int64_t width,
                       double *room)
{
    double t[BLOCK * BLOCK], *by_v = room, *by_t = room + rows * BLOCK;
    const int64_t down = transposed ? BLOCK : 1, right = transposed ? 1 : BLOCK;
    if (wy_factor(count, n, v, v_width, tau, t) < 0) return -1;
    if (multiply(rows, count, n, x, width, 1, v, 1, v_width, by_v, BLOCK, false) < 0 ||
        multiply(rows, count, count, by_v, BLOCK, 1, t, down, right, by_t, BLOCK, false) < 0)
        return -1;
    return multiply(rows, n, count, by_t, BLOCK, 1, v, v_width, 1, x, width, true);
}

int mt_reflect(const mt_reflections *q, bool transposed, int64_t rows, double *x, int64_t width)
{
    const size_t bytes = (size_t)(2 * rows * BLOCK + 1) * sizeof(double);
    const int64_t blocks = (q->count + BLOCK - 1) / BLOCK;
    double *room = mt_malloc(bytes);
    int status = room ? 0 : -1;
    for (int64_t b = 0; b < blocks && status == 0; b++) {
        const int64_t i = (transposed ? b : blocks - 1 - b) * BLOCK, from = i + q->shift;
        const int64_t count = q->count - i < BLOCK ? q->count - i : BLOCK;
        status = apply_block(count, q->n - from, q->v + i * q->n + from, q->n, q->tau + i,
                             transposed, rows, x + from, width, room);
        if (status == 0 && (double)rows * (double)q->n > 1e5) status = mt_check_interrupted();
    }
    if (room) mt_free(room, bytes);
    return status;
}

/* ---- QR ------------------------------------------------------------------------------------------------------------------ */

/* The vector in row i of q, from x (what of the row belongs to it), which keeps beta and zeros. */
static void keep_reflector(const mt_reflections *q, int64_t i, double *x)
{
    const int64_t from = i + q->shift, n = q->n - from;
    double *v = q->v + i * q->n, beta;
    memset(v, 0, (size_t)from * sizeof *v);
    memcpy(v + from, x, (size_t)n * sizeof *v);
    q->tau[i] = reflector(n, v + from, &beta);
    memset(x, 0, (size_t)n * sizeof *x);
    if (n) x[0] = beta;
}

int mt_qr_factor(int64_t m, int64_t n, double *at, const mt_reflections *q)
{
    double products[BLOCK];
    const int64_t k = q->count;
    const size_t bytes = (size_t)(2 * n * BLOCK + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    int status = room ? 0 : -1;
    for (int64_t first = 0; first < k && status == 0; first += BLOCK) {
        const int64_t end = first + BLOCK < k ? first + BLOCK : k;
        for (int64_t i = first; i < end && status == 0; i++) {
            const double *v = q->v + i * m + i;
            keep_reflector(q, i, at + i * m + i);
            const int64_t rest = end - i - 1;
            double *x = at + (i + 1) * m + i;
            status = multiply(rest, 1, m - i, x, m, 1, v, 1, 1, products, 1, false);
            for (int64_t r = 0; r < rest; r++) products[r] *= -q->tau[i];
            if (status == 0) status = multiply(rest, m - i, 1, products, 1, 1, v, 1, 1, x, m, true);
        }
        if (status == 0 && end < n)
            status = apply_block(end - first, m - first, q->v + first * m + first, m,
                                 q->tau + first, true, n - end, at + end * m + first, m, room);
        if (status == 0 && (double)m * (double)n > 1e5) status = mt_check_interrupted();
    }
    if (room) mt_free(room, bytes);
    return status;
}

/* ---- condensed forms ------------------------------------------------------------------------------------------------------- */

/* Changes that a matrix still waits for: it is to be a + left right^T, (m, used) and (n, used), rows COLUMNS apart. */
typedef struct pending {
    int64_t used;
    double *left, *right;
} pending;

/* y = (a + left right^T) x of the rows from `row` and the columns from `column` on, or with `turned` y = (...)^T x. */
static int times_vector(const pending *p, const double *a, int64_t width, int64_t row, int64_t m,
                        int64_t column, int64_t n, const double *x, bool turned, double *y)
{
    double product[COLUMNS];
    const int64_t rows = m - row, columns = n - column;
    const double *l = p->left + row * COLUMNS, *r = p->right + column * COLUMNS;
    a += row * width + column;
    if (turned)
        return multiply(columns, 1, rows, a, 1, width, x, 1, 1, y, 1, false) < 0 ||
                       multiply(p->used, 1, rows, l, 1, COLUMNS, x, 1, 1, product, 1, false) < 0
                   ? -1
                   : multiply(columns, 1, p->used, r, COLUMNS, 1, product, 1, 1, y, 1, true);
    return multiply(rows, 1, columns, a, width, 1, x, 1, 1, y, 1, false) < 0 ||
                   multiply(p->used, 1, columns, r, 1, COLUMNS, x, 1, 1, product, 1, false) < 0
               ? -1
               : multiply(rows, 1, p->used, l, COLUMNS, 1, product, 1, 1, y, 1, true);
}

/* Column `used` of a side of the pending changes: by * x. */
static void put_column(double *side, int64_t used, int64_t n, const double *x, double by)
{
    for (int64_t i = 0; i < n; i++) side[i * COLUMNS + used] = by * x[i];
}

/* Makes the changes from row and column `from` on. */
static int settle(pending *p, int64_t from, int64_t m, int64_t n, double *a)
{
    const int64_t used = p->used;
    p->used = 0;
    if (multiply(m - from, n - from, used, p->left + from * COLUMNS, COLUMNS, 1,
                 p->right + from * COLUMNS, 1, COLUMNS, a + from * n + from, n, true) < 0)
        return -1;
    return n > 256 ? mt_check_interrupted() : 0;
}

/* H A H = A - v w^T - w v^T, with w = y - (tau / 2) (y . v) v and y = tau A v. */
static int tridiagonal_step(pending *p, int64_t k, int64_t n, const double *a, double *diagonal,
                            double *beside, const mt_reflections *q, double *y)
{
    const double *v = q->v + k * n + k + 1;
    const int64_t left = n - k - 1, used = p->used;
    memcpy(y, a + k * n + k, (size_t)(n - k) * sizeof *y);
    if (multiply(n - k, 1, used, p->left + k * COLUMNS, COLUMNS, 1, p->right + k * COLUMNS, 1, 1, y,
                 1, true) < 0)
        return -1;
    diagonal[k] = y[0];
    if (left == 0) return 0;
    keep_reflector(q, k, y + 1);
    beside[k] = y[1];
    if (times_vector(p, a, n, k + 1, n, k + 1, n, v, false, y) < 0) return -1;
    const double tau = q->tau[k], half = tau * tau / 2 * dot(left, y, v);
    for (int64_t i = 0; i < left; i++) y[i] = tau * y[i] - half * v[i];
    double *l = p->left + (k + 1) * COLUMNS, *r = p->right + (k + 1) * COLUMNS;
    put_column(l, used, left, v, 1);
    put_column(r, used, left, y, -1);
    put_column(l, used + 1, left, y, 1);
    put_column(r, used + 1, left, v, -1);
    p->used += 2;
    return 0;
}

int mt_tridiagonalize(int64_t n, double *a, double *diagonal, double *beside,
                      const mt_reflections *q)
{
    const size_t bytes = (size_t)(n * (2 * COLUMNS + 1) + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    if (!room) return -1;
    pending p = {0, room, room + n * COLUMNS};
    int status = 0;
    for (int64_t k = 0; k < n && status == 0; k++) {
        status = tridiagonal_step(&p, k, n, a, diagonal, beside, q, room + 2 * n * COLUMNS);
        if (status == 0 && p.used == COLUMNS) status = settle(&p, k + 1, n, n, a);
    }
    mt_free(room, bytes);
    return status;
}

/* Column k and then row k: A <- H A = A - v y^T with y = tau A^T v, A <- A G = A - x u^T with x = tau A u. */
static int bidiagonal_step(pending *w, int64_t k, int64_t m, int64_t n, const double *a,
                           double *diagonal, double *above, const mt_reflections *p,
                           const mt_reflections *q, double *x)
{
    double *l = w->left, *r = w->right;
    const double *v = p->v + k * m + k, *u = q->v + k * n + k + 1;
    const int64_t left = n - k - 1;
    for (int64_t i = k; i < m; i++) x[i - k] = a[i * n + k];
    if (multiply(m - k, 1, w->used, l + k * COLUMNS, COLUMNS, 1, r + k * COLUMNS, 1, 1, x, 1,
                 true) < 0)
        return -1;
    keep_reflector(p, k, x);
    diagonal[k] = x[0];
    if (left == 0) return 0;
    if (times_vector(w, a, n, k, m, k + 1, n, v, true, x) < 0) return -1;
    put_column(l + k * COLUMNS, w->used, m - k, v, 1);
    put_column(r + (k + 1) * COLUMNS, w->used++, left, x, -p->tau[k]);
    memcpy(x, a + k * n + k + 1, (size_t)left * sizeof *x);
    if (multiply(left, 1, w->used, r + (k + 1) * COLUMNS, COLUMNS, 1, l + k * COLUMNS, 1, 1, x, 1,
                 true) < 0)
        return -1;
    keep_reflector(q, k, x);
    above[k] = x[0];
    if (times_vector(w, a, n, k + 1, m, k + 1, n, u, false, x) < 0) return -1;
    put_column(l + (k + 1) * COLUMNS, w->used, m - k - 1, x, q->tau[k]);
    put_column(r + (k + 1) * COLUMNS, w->used++, left, u, -1);
    return 0;
}

int mt_bidiagonalize(int64_t m, int64_t n, double *a, double *diagonal, double *above,
                     const mt_reflections *p, const mt_reflections *q)
{
    const size_t bytes = (size_t)((m + n) * COLUMNS + m + 1) * sizeof(double);
    double *room = mt_malloc(bytes);
    if (!room) return -1;
    pending w = {0, room, room + m * COLUMNS};
    int status = 0;
    for (int64_t k = 0; k < n && status == 0; k++) {
        status = bidiagonal_step(&w, k, m, n, a, diagonal, above, p, q, room + (m + n) * COLUMNS);
        if (status == 0 && w.used == COLUMNS) status = settle(&w, k + 1, m, n, a);
    }
    mt_free(room, bytes);
    return status;
}
