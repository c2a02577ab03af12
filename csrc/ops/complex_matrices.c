/* Complex matrices: systems of equations and determinants by Gaussian elimination, Cholesky factors,
 * eigenvalues of Hermitian matrices by Jacobi's rotations. The forward functions stand in for those
 * of ops/linalg.c, whose rules serve. Golub and Van Loan, "Matrix Computations", 3.4, 4.2 and 8.5.
 * Relies on ops/complex.h. */
#include "ops/complex.h"

#include "base/alloc.h"
#include "ops/linalg.h"

#include <complex.h>
#include <float.h>
#include <math.h>

typedef double _Complex number;

static number *numbers(mt_tensor *x) { return (number *)(void *)x->data; }

static mt_tensor *wide_copy(const mt_tensor *x)
{
    mt_tensor *y = mt_empty(MT_COMPLEX128, x->ndim, x->size);
    return y && mt_copy_raw(y, x) == 0 ? y : NULL;
}

static void swap_rows(int64_t n, number *a, number *b)
{
    for (int64_t j = 0; j < n; j++) {
        number t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* Brings the n x n matrix a to upper triangular form, with the largest pivot of each column, and
 * does the same to the k columns of b. The determinant; *zero is the number of the first pivot that
 * is 0, or 0. */
static number eliminate(int64_t n, number *a, int64_t k, number *b, int64_t *zero)
{
    number det = 1;
    *zero = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t best = i;
        for (int64_t r = i + 1; r < n; r++)
            if (cabs(a[r * n + i]) > cabs(a[best * n + i])) best = r;
        if (best != i) {
            swap_rows(n, a + i * n, a + best * n);
            swap_rows(k, b + i * k, b + best * k);
            det = -det;
        }
        number pivot = a[i * n + i];
        det *= pivot;
        if (pivot == 0 && !*zero) *zero = i + 1;
        for (int64_t r = i + 1; r < n && pivot != 0; r++) {
            number factor = a[r * n + i] / pivot;
            for (int64_t j = i; j < n; j++) a[r * n + j] -= factor * a[i * n + j];
            for (int64_t j = 0; j < k; j++) b[r * k + j] -= factor * b[i * k + j];
        }
    }
    return det;
}

/* b becomes the solution of the triangular system. */
static void substitute(int64_t n, const number *a, int64_t k, number *b)
{
    for (int64_t i = n - 1; i >= 0; i--)
        for (int64_t j = 0; j < k; j++) {
            number sum = b[i * k + j];
            for (int64_t r = i + 1; r < n; r++) sum -= a[i * n + r] * b[r * k + j];
            b[i * k + j] = sum / a[i * n + i];
        }
}

/* A product of the sizes of the first dimensions. */
static int64_t batches(const mt_tensor *a)
{
    int64_t n = 1;
    for (int d = 0; d < a->ndim - 2; d++) n *= a->size[d];
    return n;
}

/* Result k, in the precision of the input. */
static int deliver(mt_call *c, int k, mt_tensor *x)
{
    mt_dtype d = (mt_dtype)c->in[0]->dtype;
    if (!mt_is_complex((mt_dtype)x->dtype)) d = x->dtype == MT_INT32 ? MT_INT32 : mt_real_dtype(d);
    mt_tensor *y = mt_result(c, k, d, x->ndim, x->size);
    return y ? mt_copy_raw(y, x) : -1;
}

int mt_complex_solve(mt_call *c)
{
    mt_tensor *a = wide_copy(c->in[0]), *x = a ? wide_copy(c->in[1]) : NULL;
    if (!x) return -1;
    int64_t n = a->size[a->ndim - 1], k = x->size[x->ndim - 1], zero;
    for (int64_t b = 0; b < batches(a); b++) {
        number *ab = numbers(a) + b * n * n, *xb = numbers(x) + b * n * k;
        eliminate(n, ab, k, xb, &zero);
        if (zero) return mt_singular(c, a->ndim > 2 ? b : -1, zero) < 0 ? -1 : 0;
        substitute(n, ab, k, xb);
    }
    return deliver(c, 0, x);
}

int mt_complex_det(mt_call *c)
{
    if (mt_check_matrix("linalg.det", c->in[0], true) < 0) return -1;
    mt_tensor *a = wide_copy(c->in[0]),
              *y = a ? mt_empty(MT_COMPLEX128, a->ndim - 2, a->size) : NULL;
    if (!y) return -1;
    int64_t n = a->size[a->ndim - 1], zero;
    for (int64_t b = 0; b < batches(a); b++)
        numbers(y)[b] = eliminate(n, numbers(a) + b * n * n, 0, NULL, &zero);
    return deliver(c, 0, y);
}

/* The sign of a complex determinant is its direction. */
int mt_complex_slogdet(mt_call *c)
{
    mt_tensor *d = mt_linalg_det(c->in[0]);
    if (mt_result_is(c, 0, d ? mt_call1(&mt_op_sgn, d) : NULL) < 0) return -1;
    return mt_result_is(c, 1, mt_log(mt_abs(d)));
}

int mt_complex_logdet(mt_call *c) { return mt_result_is(c, 0, mt_log(mt_linalg_det(c->in[0]))); }

/* ---- Cholesky -------------------------------------------------------------------------------- */

/* A = L L^H from the lower triangle, in place, zeros above. 0, or the order of the first minor that
 * is not positive. */
static int32_t cholesky(int64_t n, number *a)
{
    for (int64_t j = 0; j < n; j++) {
        double pivot = creal(a[j * n + j]);
        for (int64_t k = 0; k < j; k++) pivot -= creal(a[j * n + k] * conj(a[j * n + k]));
        a[j * n + j] = pivot;
        if (!(pivot > 0)) return (int32_t)(j + 1);
        a[j * n + j] = sqrt(pivot);
        for (int64_t i = j + 1; i < n; i++) {
            number sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++) sum -= a[i * n + k] * conj(a[j * n + k]);
            a[i * n + j] = sum / a[j * n + j];
            a[j * n + i] = 0;
        }
    }
    return 0;
}

int mt_complex_cholesky(mt_call *c)
{
    bool upper = c->arg[0].b;
    mt_tensor *x = c->in[0], *l, *info;
    if (mt_check_matrix("linalg.cholesky", x, true) < 0 ||
        !(l = wide_copy(upper ? mt_adjoint(x) : x)) ||
        !(info = mt_empty(MT_INT32, l->ndim - 2, l->size)))
        return -1;
    int64_t n = l->size[l->ndim - 1];
    for (int64_t b = 0; b < batches(l); b++)
        ((int32_t *)(void *)info->data)[b] = cholesky(n, numbers(l) + b * n * n);
    if (upper && !(l = mt_adjoint(l))) return -1;
    return deliver(c, 0, l) < 0 ? -1 : deliver(c, 1, info);
}

/* ---- eigenvalues of Hermitian matrices ------------------------------------------------------- */

/* x and y, `step` apart from each other's successors, become (c x - s y / phase, s phase x + c y). */
static void rotate(int64_t n, number *x, number *y, int64_t step, double c, double s, number phase)
{
    for (int64_t k = 0; k < n; k++, x += step, y += step) {
        number a = *x, b = *y;
        *x = c * a - s * conj(phase) * b;
        *y = s * phase * a + c * b;
    }
}

/* The rotation of columns p and q, and of rows, that makes a[p, q] zero. */
static void annihilate(int64_t n, number *a, number *v, int64_t p, int64_t q)
{
    double r = cabs(a[p * n + q]);
    if (r == 0) return;
    number phase = a[p * n + q] / r;
    double theta = (creal(a[q * n + q]) - creal(a[p * n + p])) / (2 * r);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    rotate(n, a + p, a + q, n, c, s, phase);
    rotate(n, a + p * n, a + q * n, 1, c, s, conj(phase));
    rotate(n, v + p, v + q, n, c, s, phase);
    a[p * n + q] = a[q * n + p] = 0;
}

static double off_diagonal(int64_t n, const number *a, double *all)
{
    double off = 0;
    *all = 0;
    for (int64_t i = 0; i < n * n; i++) {
        double square = creal(a[i] * conj(a[i]));
        *all += square;
        if (i / n != i % n) off += square;
    }
    return off;
}

/* a is spoilt; w ascending, eigenvectors in the columns of v. */
static void eigh(int64_t n, number *a, double *w, number *v)
{
    enum { SWEEPS = 60 };
    double all;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            v[i * n + j] = i == j;
            if (j > i) a[i * n + j] = conj(a[j * n + i]);
            if (j == i) a[i * n + i] = creal(a[i * n + i]);
        }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = off_diagonal(n, a, &all);
        if (!(off > DBL_EPSILON * DBL_EPSILON * all)) break;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) annihilate(n, a, v, p, q);
    }
    for (int64_t i = 0; i < n; i++) w[i] = creal(a[i * n + i]);
    for (int64_t i = 0; i < n; i++) { /* the smallest of the rest comes next */
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++)
            if (w[j] < w[least]) least = j;
        double t = w[i];
        w[i] = w[least];
        w[least] = t;
        for (int64_t k = 0; k < n && least != i; k++)
            swap_rows(1, v + k * n + i, v + k * n + least);
    }
}

int mt_complex_eigh(mt_call *c)
{
    mt_tensor *x = c->in[0], *a, *v, *w;
    const char *part = c->arg[0].text;
    if (mt_check_matrix("linalg.eigh", x, true) < 0) return -1;
    bool upper = part[0] == 'U' || part[0] == 'u';
    if (!upper && part[0] != 'L' && part[0] != 'l')
        return mt_error(MT_RUNTIME, "Expected UPLO argument to be 'L' or 'U', but got %s", part);
    if (!(a = wide_copy(upper ? mt_adjoint(x) : x)) ||
        !(v = mt_empty(MT_COMPLEX128, a->ndim, a->size)) ||
        !(w = mt_empty(MT_FLOAT64, a->ndim - 1, a->size)))
        return -1;
    int64_t n = a->size[a->ndim - 1];
    for (int64_t b = 0; b < batches(a); b++)
        eigh(n, numbers(a) + b * n * n, (double *)(void *)w->data + b * n, numbers(v) + b * n * n);
    return deliver(c, 0, w) < 0 ? -1 : deliver(c, 1, v);
}
