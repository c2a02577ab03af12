/* Systems of equations and determinants of complex matrices, by Gaussian elimination: the forward
 * functions that stand in for those of ops/linalg.c, whose rules serve. Relies on ops/complex.h. */
#include "ops/complex.h"

#include "base/alloc.h"
#include "ops/linalg.h"

#include <complex.h>
#include <string.h>

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

static int deliver(mt_call *c, mt_tensor *x)
{
    mt_tensor *y = mt_result(c, 0, (mt_dtype)c->in[0]->dtype, x->ndim, x->size);
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
    return deliver(c, x);
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
    return deliver(c, y);
}

/* The sign of a complex determinant is its direction. */
int mt_complex_slogdet(mt_call *c)
{
    mt_tensor *d = mt_linalg_det(c->in[0]);
    if (mt_result_is(c, 0, d ? mt_call1(&mt_op_sgn, d) : NULL) < 0) return -1;
    return mt_result_is(c, 1, mt_log(mt_abs(d)));
}

int mt_complex_logdet(mt_call *c) { return mt_result_is(c, 0, mt_log(mt_linalg_det(c->in[0]))); }
