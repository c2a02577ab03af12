/* Linear algebra: solve, inv, det, cholesky, qr, eigh, svd, of batches of matrices (..., m, n), with derivatives in
 * differentiable operators. Computed in double whatever the type, but for small systems (ops/matrices.c). Formulas of
 * the rules: Giles, Collected matrix derivative results for forward and reverse mode AD (2008), and for QR Seeger et
 * al., Auto-Differentiating Linear Algebra (2017). Read next: ops/linalg_more.c. */
#include "ops/linalg.h"

#include "base/alloc.h"
#include "base/parallel.h"
#include "ops/householder.h"
#include "ops/matrices.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }
static mt_tensor *mT(mt_tensor *x) { return mt_transpose(x, -2, -1); }
static mt_tensor *mH(mt_tensor *x) { return mt_adjoint(x); } /* rules of complex matrices need it */
static mt_tensor *mm(mt_tensor *x, mt_tensor *y) { return mt_matmul(x, y); }
static mt_tensor *plus(mt_tensor *x, mt_tensor *y) { return x && y ? mt_add(x, y) : x ? x : y; }
static double *data_of(mt_tensor *x) { return (double *)(void *)x->data; }

/* ==== checks and batches ================================================================================================== */

int mt_check_matrix(const char *name, const mt_tensor *a, bool square)
{
    if (a->ndim < 2)
        return mt_error(MT_RUNTIME, "%s: The input tensor %s must have at least 2 dimensions.",
                        name, "A");
    if (!mt_is_inexact(type_of(a)))
        return mt_error(MT_RUNTIME,
                        "%s: Expected a floating point or complex tensor as input. Got %s", name,
                        mt_dtype_camel(type_of(a)));
    if (square && a->size[a->ndim - 1] != a->size[a->ndim - 2])
        return mt_error(MT_RUNTIME,
                        "%s: A must be batches of square matrices, but they are %" PRId64
                        " by %" PRId64 " matrices",
                        name, a->size[a->ndim - 2], a->size[a->ndim - 1]);
    return 0;
}

static int64_t rows(const mt_tensor *a) { return a->size[a->ndim - 2]; }
static int64_t columns(const mt_tensor *a) { return a->size[a->ndim - 1]; }
static int64_t batches(const mt_tensor *a)
{
    int64_t n = 1;
    for (int d = 0; d < a->ndim - 2; d++) n *= a->size[d];
    return n;
}

/* A new contiguous tensor of doubles with the values of x. */
static mt_tensor *double_copy(const mt_tensor *x)
{
    mt_tensor *y = mt_empty(MT_FLOAT64, x->ndim, x->size);
    return y && mt_copy_raw(y, x) == 0 ? y : NULL;
}

/* Result k of the call from doubles of the same shape. */
static int deliver(mt_call *c, int k, mt_dtype d, const mt_tensor *x)
{
    mt_tensor *y = mt_result(c, k, d, x->ndim, x->size);
    return y ? mt_copy_raw(y, x) : -1;
}

/* A tensor of doubles with a's batch dimensions and (m, n) behind them; m < 0: without it, both: a number each. */
static mt_tensor *room_for(const mt_tensor *a, int64_t m, int64_t n)
{
    int64_t size[MT_MAX_DIMS];
    int ndim = a->ndim - 2;
    memcpy(size, a->size, (size_t)ndim * sizeof *size);
    if (m >= 0) size[ndim++] = m;
    if (n >= 0) size[ndim++] = n;
    return mt_empty(MT_FLOAT64, ndim, size);
}

static mt_tensor *identity(mt_dtype d, int64_t n)
{
    mt_tensor *ones = mt_ones(d, 1, &n);
    return mt_diag_embed(ones);
}

/* ==== solve =============================================================================================================== */

/* Vectors on the right where B has one dimension less and its shape says so. */
static bool is_vector(const mt_tensor *a, const mt_tensor *b)
{
    return b->ndim == 1 ||
           (b->ndim == a->ndim - 1 && mt_shape_equal(b->ndim, b->size, a->ndim - 1, a->size));
}

#define SYSTEM_WORK 32768 /* products that are worth a thread */

typedef struct systems {
    int64_t n, k;
    bool adjoint, single;
    double *a, *x;
    int64_t bad; /* the first singular one */
    bool failed;
} systems;

static void solve_some(int64_t begin, int64_t end, void *context)
{
    systems *s = context;
    const size_t bytes = (size_t)(s->n ? s->n : 1) * sizeof(int64_t);
    int64_t *pivot = mt_malloc(bytes), zero;
    bool failed = !pivot;
    for (int64_t b = begin; b < end && !failed; b++) {
        double *m = s->a + b * s->n * s->n, *x = s->x + b * s->n * s->k;
        failed = !mt_lu(s->n, s->n, m, pivot, &zero, s->single);
        if (zero && !failed) {
            int64_t seen = __atomic_load_n(&s->bad, __ATOMIC_RELAXED);
            while (b < seen && !__atomic_compare_exchange_n(&s->bad, &seen, b, false,
                                                            __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            }
            break;
        }
        if (!failed) failed = mt_lu_solve(s->n, m, pivot, s->k, x, s->adjoint, s->single) < 0;
    }
    if (pivot) mt_free(pivot, bytes);
    if (failed && mt_in_parallel()) mt_error_clear();
    if (failed) __atomic_store_n(&s->failed, true, __ATOMIC_RELAXED);
}

/* X = A^-1 B, or A^-T B, for A (..., n, n) and B (..., n, k) of the same batch shape. */
static int solve_square_forward(mt_call *c)
{
    const int64_t n = rows(c->in[0]), k = columns(c->in[1]);
    const bool transposed = c->arg[1].b, small = mt_lu_solve_is_small(n, k, transposed),
               single = small && type_of(c->in[0]) == MT_FLOAT32, adjoint = small && transposed;
    mt_tensor *a = transposed && !small ? mT(c->in[0]) : c->in[0], *x = double_copy(c->in[1]);
    if (!a || !x || !(a = double_copy(a))) return -1;
    systems q = {n, k, adjoint, single, data_of(a), data_of(x), batches(a), false};
    const double work = (double)n * (double)n * (double)(n + k);
    if (work <= SYSTEM_WORK)
        mt_parallel_for(batches(a), (int64_t)(SYSTEM_WORK / (work + 1)) + 1, solve_some, &q);
    else
        solve_some(0, batches(a), &q);
    if (q.failed && mt_error_pending() == MT_OK) mt_fail_memory();
    if (q.failed) return -1;
    if (q.bad < batches(a)) {
        int64_t zero = 0;
        while (q.a[(q.bad * n + zero) * n + zero] != 0) zero++;
        return mt_singular(c, a->ndim > 2 ? q.bad : -1, zero + 1);
    }
    return deliver(c, 0, type_of(c->in[0]), x);
}
int mt_singular(const mt_call *c, int64_t batch, int64_t zero)
{
    char where[48] = "";
    bool inverse = c->narg && c->arg[0].b;
    if (batch >= 0) snprintf(where, sizeof where, "(Batch element %" PRId64 "): ", batch);
    if (inverse)
        return mt_error(
            MT_LINALG_ERROR,
            "linalg.inv: %sThe diagonal element %" PRId64
            " is zero, the inversion could not be completed because the input matrix is "
            "singular.",
            where, zero);
    return mt_error(MT_LINALG_ERROR,
                    "torch.linalg.solve: %sThe solver failed because the input matrix is singular.",
                    where);
}
/* A^-1 b or A^-T b. */
static mt_tensor *solve(mt_tensor *a, mt_tensor *b, bool transposed)
{
    const bool turn =
        transposed && a && mt_is_complex(type_of(a)); /* mt_complex_solve has no choice */
    mt_arg arg[2] = {mt_arg_bool(false), mt_arg_bool(transposed && !turn)};
    if (turn) a = mT(a);
    return a && b ? mt_call2a(&mt_op_solve_square, a, b, 2, arg) : NULL;
}
/* The same of an upper triangle U. */
static mt_tensor *solve_upper(mt_tensor *u, mt_tensor *b)
{
    return u && mt_is_complex(type_of(u)) ? solve(u, b, false)
                                          : mt_solve_triangle(u, b, true, false);
}
/* A X = B, so gB = A^-T gX and gA = -gB X^T. */
static void solve_square_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const bool transposed = c->arg[1].b;
    mt_tensor *gb = solve(c->in[0], gout[0], !transposed);
    if (gin[0]) {
        mt_tensor *g = mm(gb, mT(c->out[0]));
        gin[0] = mt_neg(transposed ? mT(g) : g);
    }
    if (gin[1]) gin[1] = gb;
}
MT_OP(solve_square, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0), MT_KEEP_IN(0)},
      .grad_name = "LinalgSolveExBackward0", .backward = solve_square_backward,
      .rule = "gB = solve(A^T, g); gA = -gB X^T",
      .schema =
          "_solve_square(Tensor A, Tensor B, bool inverse=False, bool transposed=False) -> Tensor",
      .doc = "The solutions of A X = B, or of A^T X = B.");

/* Both with the same batch dimensions. */
int mt_same_batch(mt_tensor **a, mt_tensor **b)
{
    int64_t size[MT_MAX_DIMS], m = rows(*a), n = columns(*a), k = rows(*b), l = columns(*b);
    int d = mt_shape_broadcast((*a)->ndim - 2, (*a)->size, (*b)->ndim - 2, (*b)->size, size);
    if (d < 0) return -1;
    size[d] = m, size[d + 1] = n;
    *a = mt_expand(*a, d + 2, size);
    size[d] = k, size[d + 1] = l;
    *b = mt_expand(*b, d + 2, size);
    return *a && *b ? 0 : -1;
}

static int linalg_solve_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1];
    bool left = c->arg[0].b;
    if (mt_check_matrix("linalg.solve", a, true) < 0) return -1;
    if (b->ndim < 1)
        return mt_error(MT_RUNTIME, "linalg.solve: Expected B to have at least 1 dimension");
    if (a->dtype != b->dtype)
        return mt_error(
            MT_RUNTIME,
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            "%s and B of type %s instead",
            mt_dtype_camel(type_of(a)), mt_dtype_camel(type_of(b)));
    bool vector = is_vector(a, b);
    if (vector && !left)
        return mt_error(MT_RUNTIME,
                        "linalg.solve: Vector broadcasting of the left hand side is not "
                        "supported for left=False. In this case linalg.solve is "
                        "equivalent to B / A.squeeze(-1)");
    if (vector) b = mt_unsqueeze(b, -1);
    if (!b) return -1;
    if ((left ? rows(b) : columns(b)) != rows(a))
        return mt_error(MT_RUNTIME,
                        "linalg.solve: Incompatible shapes of A and B for the equation %s (%" PRId64
                        "x%" PRId64 " and %" PRId64 "x%" PRId64 ")",
                        left ? "AX = B" : "XA = B", rows(a), columns(a), rows(b), columns(b));
    if (!left) b = mT(b);
    if (!b || mt_same_batch(&a, &b) < 0) return -1;
    mt_tensor *x = solve(a, b, !left);
    if (!left) x = mt_contiguous(mT(x));
    return mt_result_is(c, 0, x && vector ? mt_squeeze_dim(x, -1) : x);
}
MT_OP(linalg_solve, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
      .doc =
          "The solution X of A X = B, or of X A = B with left=False, of square A (..., n, n) and B "
          "(..., n, k) or (..., n).");

/* ==== inv, det, slogdet ==================================================================================================== */

mt_tensor *mt_inverse(mt_tensor *a)
{
    mt_tensor *in[2] = {a, NULL};
    mt_arg arg[2] = {mt_arg_bool(true), mt_arg_bool(false)};
    if (!a || mt_check_matrix("linalg.inv", a, true) < 0) return NULL;
    in[1] = mt_expand(identity(type_of(a), rows(a)), a->ndim, a->size);
    return in[1] ? mt_calln(&mt_op_solve_square, 2, in, 2, arg) : NULL;
}
static int linalg_inv_forward(mt_call *c) { return mt_result_is(c, 0, mt_inverse(c->in[0])); }
MT_OP(linalg_inv, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT, .schema = "inv(Tensor A) -> Tensor",
      .doc = "The inverses of square matrices (..., n, n). RuntimeError if one is singular.");
static int inverse_forward(mt_call *c) { return mt_result_is(c, 0, mt_inverse(c->in[0])); }
MT_OP(inverse, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "inverse(Tensor self) -> Tensor",
      .doc = "The inverses of square matrices (..., n, n). RuntimeError if one is singular.");

static mt_tensor *to_matrices(mt_tensor *x) { return mt_unsqueeze(mt_unsqueeze(x, -1), -1); }
/* info: 0, or which pivot of A is 0; such an inverse is NaN. */
static int linalg_inv_ex_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *a, *pivots, *info;
    if (mt_check_matrix("linalg.inv", x, true) < 0 || !(a = double_copy(x))) return -1;
    int64_t n = rows(a), zero;
    if (!(pivots = mt_empty(MT_INT64, 1, &n)) || !(info = mt_empty(MT_INT32, a->ndim - 2, a->size)))
        return -1;
    bool any = false;
    for (int64_t b = 0; b < batches(a); b++) {
        if (!mt_lu(n, n, data_of(a) + b * n * n, (int64_t *)(void *)pivots->data, &zero, false))
            return -1;
        ((int32_t *)(void *)info->data)[b] = (int32_t)zero;
        any |= zero != 0;
    }
    if (any && c->arg[0].b) return mt_result_is(c, 0, mt_inverse(x)); /* fails with its words */
    if (any) {
        mt_tensor *bad = to_matrices(mt_ne(info, mt_number(0)));
        mt_tensor *y = mt_inverse(mt_where(bad, identity(type_of(x), n), x));
        if (mt_result_is(c, 0, mt_where(bad, mt_number(NAN), y)) < 0) return -1;
    } else if (mt_result_is(c, 0, mt_inverse(x)) < 0) {
        return -1;
    }
    return mt_result_is(c, 1, info);
}
MT_OP(linalg_inv_ex, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)",
      .doc = "inv() that does not fail: info is 0, or the number of the first zero pivot.");

/* The product of the pivots of x^T, as PyTorch: y its sign or itself, l (or NULL) the logarithm of its size. */
static int determinant(mt_tensor *x, mt_tensor *y, mt_tensor *l)
{
    mt_tensor *a = double_copy(mT(x));
    if (!a) return -1;
    const bool single = type_of(x) == MT_FLOAT32 && mt_lu_is_small(rows(a), rows(a));
    int64_t n = rows(a), zero, bytes = n * (int64_t)sizeof(int64_t);
    int64_t *pivot = mt_malloc((size_t)(bytes ? bytes : 1));
    if (!pivot) return -1;
    bool failed = false;
    for (int64_t b = 0; b < batches(a) && !failed; b++) {
        double *m = data_of(a) + b * n * n, product = mt_lu(n, n, m, pivot, &zero, single), sum = 0;
        failed = product == 0;
        for (int64_t i = 0; i < n; i++) {
            double p = m[i * n + i];
            product *= l ? (double)((p > 0) - (p < 0)) : p;
            if (single) product = (float)product;
            sum += log(fabs(p));
        }
        data_of(y)[b] = product;
        if (l) data_of(l)[b] = sum;
    }
    mt_free(pivot, (size_t)(bytes ? bytes : 1));
    return failed ? -1 : 0;
}

static int linalg_det_forward(mt_call *c)
{
    if (mt_check_matrix("linalg.det", c->in[0], true) < 0) return -1;
    mt_tensor *y = room_for(c->in[0], -1, -1);
    return y && determinant(c->in[0], y, NULL) == 0 ? deliver(c, 0, type_of(c->in[0]), y) : -1;
}
/* The adjugate's transpose, which is det A^-T: A = U S V^T gives det(U) det(V) U diag(prod of the other s) V^T, which
 * holds for singular A too. */
static void linalg_det_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *a = c->in[0], *g = to_matrices(gout[0]), *u, *s, *vt;
    if (!gin[0]) return;
    if (columns(a) == 1) { /* the number itself */
        gin[0] = g;
        return;
    }
    mt_tensor *y = mt_detach(c->out[0]);
    bool singular = false;
    for (int64_t i = 0; y && i < y->numel; i++) {
        mt_scalar det = mt_item_at(y, i);
        singular |= mt_scalar_to_double(det) == 0 && det.imag == 0;
    }
    if (!singular) {
        gin[0] = mt_mul(mt_mul(g, to_matrices(c->out[0])), mT(mt_inverse(a)));
        return;
    }
    if (mt_svd(a, false, &u, &s, &vt) < 0) return;
    if (!(s = mt_unsqueeze(s, -2))) return;
    int64_t n = columns(s), size[MT_MAX_DIMS];
    memcpy(size, s->size, (size_t)s->ndim * sizeof *size);
    size[s->ndim - 2] = n;
    mt_tensor *diagonal = mt_to_dtype(identity(type_of(a), n), MT_BOOL);
    mt_tensor *others =
        mt_prod_dim(mt_where(diagonal, mt_number(1), mt_expand(s, s->ndim, size)), -1, false);
    mt_tensor *sign = mt_mul(mt_linalg_det(u), mt_linalg_det(vt));
    gin[0] = mt_mul(mt_mul(g, to_matrices(sign)), mm(mt_mul(u, mt_unsqueeze(others, -2)), vt));
}
MT_OP(linalg_det, .kind = MT_LINALG | MT_OUT, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = linalg_det_backward, .rule = "g det A^-T", .schema = "det(Tensor A) -> Tensor",
      .doc = "The determinants of square matrices (..., n, n).");
mt_tensor *mt_linalg_det(mt_tensor *a) { return mt_call1(&mt_op_linalg_det, a); }
static int det_forward(mt_call *c) { return mt_result_is(c, 0, mt_linalg_det(c->in[0])); }
MT_OP(det, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD, .schema = "det(Tensor self) -> Tensor",
      .doc = "The determinants of square matrices (..., n, n).");

static int linalg_slogdet_forward(mt_call *c)
{
    if (mt_check_matrix("linalg.slogdet", c->in[0], true) < 0) return -1;
    mt_tensor *y = room_for(c->in[0], -1, -1), *l = y ? room_for(c->in[0], -1, -1) : NULL;
    if (!l || determinant(c->in[0], y, l) < 0 || deliver(c, 0, type_of(c->in[0]), y) < 0) return -1;
    return deliver(c, 1, type_of(c->in[0]), l);
}
static void linalg_slogdet_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = gout[1] ? mt_mul(to_matrices(gout[1]), mT(mt_inverse(c->in[0]))) : NULL;
}
#define SLOGDET(id, places, self)                                                                  \
    MT_OP(                                                                                         \
        id, .kind = places, .keeps = {MT_KEEP_IN(0)}, .backward = linalg_slogdet_backward,         \
        .rule = "g A^-T", .schema = "slogdet(Tensor " self ") -> (Tensor sign, Tensor logabsdet)", \
        .doc = "The sign of the determinants of (..., n, n), and the logarithm of their sizes.");
SLOGDET(linalg_slogdet, MT_LINALG | MT_OUT, "A")
static int slogdet_forward(mt_call *c) { return linalg_slogdet_forward(c); }
SLOGDET(slogdet, MT_FUNCTION | MT_METHOD, "self")

/* log det: NaN where the determinant is negative. */
static int logdet_forward(mt_call *c)
{
    mt_tensor *in[1] = {c->in[0]}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call inner = {.op = &mt_op_linalg_slogdet, .nin = 1, .nout = 2, .in = in, .out = out};
    if (!mt_apply(&inner)) return -1;
    mt_tensor *bad = mt_lt(out[0], mt_number(0));
    return mt_result_is(c, 0, mt_where(bad, mt_number(NAN), out[1]));
}
MT_OP(logdet, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "logdet(Tensor self) -> Tensor",
      .doc = "The logarithm of the determinants of (..., n, n), NaN where they are negative.");

/* ==== cholesky ============================================================================================================ */

/* info: 0, or the order of the first minor that is not positive. */
static int linalg_cholesky_ex_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *info;
    if (mt_check_matrix("linalg.cholesky", x, true) < 0) return -1;
    mt_tensor *a = double_copy(c->arg[0].b ? mT(x) : x);
    if (!a || !(info = mt_empty(MT_INT32, a->ndim - 2, a->size))) return -1;
    int64_t n = rows(a);
    for (int64_t b = 0; b < batches(a); b++) {
        int64_t bad = mt_cholesky_factor(n, data_of(a) + b * n * n);
        if (bad < 0) return -1;
        ((int32_t *)(void *)info->data)[b] = (int32_t)bad;
    }
    mt_tensor *l = c->arg[0].b ? mT(a) : a;
    return l && deliver(c, 0, type_of(x), l) == 0 ? deliver(c, 1, MT_INT32, info) : -1;
}
/* With P = L^H gL and Phi the lower triangle with half the diagonal: gA = L^-H (Phi(P) + Phi(P)^H) / 2 L^-1. */
static void linalg_cholesky_ex_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *l = c->out[0], *g = gout[0];
    if (!gin[0]) return;
    if (c->arg[0].b) l = mH(l), g = mH(g);
    mt_tensor *phi = mt_tril(mm(mH(l), g), 0), *both = mt_add(phi, mH(mt_tril(phi, -1)));
    mt_tensor *right = mT(solve_upper(mT(l), mT(mt_mul(both, mt_number(0.5)))));
    gin[0] = solve_upper(mH(l), right);
}
MT_OP(linalg_cholesky_ex, .kind = MT_LINALG | MT_OUT, .keeps = {MT_KEEP_OUT(0)},
      .backward = linalg_cholesky_ex_backward,
      .schema = "cholesky_ex(Tensor A, *, bool upper=False, bool check_errors=False) -> (Tensor L, "
                "Tensor info)",
      .doc =
          "cholesky() that does not fail: info is 0, or the order of the first leading minor that "
          "is not positive.");
static int linalg_cholesky_forward(mt_call *c)
{
    mt_arg arg[2] = {c->arg[0], mt_arg_bool(false)};
    mt_tensor *in[1] = {c->in[0]}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call inner = {.op = &mt_op_linalg_cholesky_ex,
                     .nin = 1,
                     .narg = 2,
                     .nout = 2,
                     .in = in,
                     .out = out,
                     .arg = arg};
    if (!mt_apply(&inner)) return -1;
    for (int64_t b = 0; b < out[1]->numel; b++) {
        int64_t bad = mt_scalar_to_int(mt_item_at(out[1], b));
        char where[48] = "";
        if (out[1]->ndim) snprintf(where, sizeof where, "(Batch element %" PRId64 "): ", b);
        if (bad)
            return mt_error(
                MT_LINALG_ERROR,
                "linalg.cholesky: %sThe factorization could not be completed because the "
                "input is not positive-definite (the leading minor of order %" PRId64
                " is not positive-definite).",
                where, bad);
    }
    return mt_result_is(c, 0, out[0]);
}
MT_OP(linalg_cholesky, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "cholesky(Tensor A, *, bool upper=False) -> Tensor",
      .doc = "The lower triangular L with A = L L^T of positive definite A (..., n, n), or L^T.");
static int cholesky_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_call1a(&mt_op_linalg_cholesky, c->in[0], 1, c->arg));
}
MT_OP(cholesky, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "cholesky(Tensor self, bool upper=False) -> Tensor", .doc = "As linalg.cholesky.");

/* ==== qr ================================================================================================================== */

/* Rows of x (k, q->n): the first columns of Q. */
static int columns_of(const mt_reflections *q, int64_t k, double *x)
{
    memset(x, 0, (size_t)(k * q->n) * sizeof *x);
    for (int64_t i = 0; i < k; i++) x[i * q->n + i] = 1;
    return mt_reflect(q, false, k, x, q->n);
}

static int linalg_qr_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const char *mode = c->arg[0].text;
    if (mt_check_matrix("linalg.qr", x, false) < 0) return -1;
    bool full = !strcmp(mode, "complete"), only_r = !strcmp(mode, "r");
    if (!full && !only_r && strcmp(mode, "reduced"))
        return mt_error(
            MT_RUNTIME,
            "qr received unrecognized mode '%s' but expected one of 'reduced' (default), "
            "'r', or 'complete'",
            mode);
    mt_tensor *r = double_copy(mT(x)), *none; /* columns as rows, and q too */
    int64_t m = rows(x), n = columns(x), least = m < n ? m : n, k = full ? m : least, zero = 0;
    mt_tensor *q = r ? room_for(r, only_r ? 0 : k, m) : NULL;
    mt_tensor *room = r ? mt_empty(MT_FLOAT64, 1, (int64_t[]){least * m + least}) : NULL;
    if (!q || !room) return -1;
    const mt_reflections h = {least, m, 0, data_of(room), data_of(room) + least * m};
    for (int64_t b = 0; b < batches(r); b++)
        if (mt_qr_factor(m, n, data_of(r) + b * n * m, &h) < 0 ||
            (!only_r && columns_of(&h, k, data_of(q) + b * k * m) < 0))
            return -1;
    if (!(q = mT(q)) || !(r = mt_slice(mT(r), -2, 0, k, 1))) return -1;
    if (only_r && !(none = mt_empty(MT_FLOAT64, 1, &zero))) return -1;
    return deliver(c, 0, type_of(x), only_r ? none : q) < 0 ? -1 : deliver(c, 1, type_of(x), r);
}
/* Square R: M = R gR^T - gQ^T Q, gA = (gQ + Q (its lower triangle and that mirrored)) R^-T. */
static mt_tensor *qr_rule(mt_tensor *q, mt_tensor *r, mt_tensor *gq, mt_tensor *gr)
{
    mt_tensor *m = plus(gr ? mm(r, mT(gr)) : NULL, gq ? mt_neg(mm(mT(gq), q)) : NULL);
    mt_tensor *lower = mt_tril(m, 0), *both = mt_add(lower, mT(mt_tril(m, -1)));
    mt_tensor *x = plus(gq, mm(q, both));
    return mT(solve_upper(r, mT(x)));
}
static void linalg_qr_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *a = c->in[0], *q = c->out[0], *r = c->out[1], *gq = gout[0], *gr = gout[1];
    int64_t m = rows(a), n = columns(a);
    if (!gin[0]) return;
    if (!strcmp(c->arg[0].text, "r")) {
        gin[0] =
            mt_fail(MT_RUNTIME, "The derivative of linalg.qr depends on Q, which is not computed "
                                "when mode='r'. Please use linalg.qr(A, mode='reduced') if you "
                                "are going to differentiate through linalg.qr.");
        return;
    }
    if (!strcmp(c->arg[0].text, "complete") && m > n) {
        gin[0] =
            mt_fail(MT_RUNTIME, "The QR decomposition is not differentiable when mode='complete' "
                                "and nrows > ncols");
        return;
    }
    if (!gq && !gr) {
        gin[0] = NULL;
        return;
    }
    if (m >= n) {
        gin[0] = qr_rule(q, r, gq, gr);
        return;
    }
    /* A = [X Y], R = [U V]: X = Q U, Y = Q V. */
    mt_tensor *y = mt_slice(a, -1, m, n, 1), *gv = gr ? mt_slice(gr, -1, m, n, 1) : NULL;
    mt_tensor *gx = qr_rule(q, mt_slice(r, -1, 0, m, 1), plus(gq, gv ? mm(y, mT(gv)) : NULL),
                            gr ? mt_slice(gr, -1, 0, m, 1) : NULL);
    mt_tensor *parts[2] = {gx, gv ? mm(q, gv) : mt_mul(y, mt_number(0))};
    gin[0] = parts[0] && parts[1] ? mt_cat(2, parts, -1) : NULL;
}
MT_OP(
    linalg_qr, .kind = MT_LINALG | MT_OUT,
    .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0) | MT_KEEP_OUT(1)}, .backward = linalg_qr_backward,
    .schema = "qr(Tensor A, str mode=\"reduced\") -> (Tensor Q, Tensor R)",
    .doc =
        "A = Q R with orthonormal columns Q and upper triangular R of A (..., m, n): Q is (m, k), "
        "k the smaller of m and n, or (m, m) with mode 'complete'; 'r' leaves Q out.");
static int qr_forward(mt_call *c)
{
    mt_arg arg[1] = {
        {.given = true, .constant = true, .text = c->arg[0].b ? "reduced" : "complete"}};
    mt_tensor *in[1] = {c->in[0]}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call inner = {
        .op = &mt_op_linalg_qr, .nin = 1, .narg = 1, .nout = 2, .in = in, .out = out, .arg = arg};
    if (!mt_apply(&inner)) return -1;
    return mt_result_is(c, 0, out[0]) < 0 ? -1 : mt_result_is(c, 1, out[1]);
}
MT_OP(qr, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "qr(Tensor self, bool some=True) -> (Tensor Q, Tensor R)",
      .doc = "As linalg.qr, with mode 'complete' if some is False.");

/* ==== eigh ================================================================================================================ */

/* A copy whose lower triangle counts. */
static mt_tensor *double_symmetric(mt_tensor *x, const char *part)
{
    bool upper = part[0] == 'U' || part[0] == 'u';
    if (!upper && part[0] != 'L' && part[0] != 'l')
        return mt_fail(MT_RUNTIME, "Expected UPLO argument to be 'L' or 'U', but got %s", part);
    if (upper) x = mT(x);
    return x ? double_copy(x) : NULL;
}
/* Eigenvalues, and unless v is NULL eigenvectors as its rows. */
static int spectra(mt_tensor *a, mt_tensor *w, mt_tensor *v)
{
    int64_t n = rows(a);
    for (int64_t b = 0; b < batches(a); b++)
        if (mt_eigh_factor(n, data_of(a) + b * n * n, data_of(w) + b * n,
                           v ? data_of(v) + b * n * n : NULL) < 0)
            return -1;
    return 0;
}
static mt_tensor *eigenvalues(mt_tensor *x, const char *part)
{
    mt_tensor *a = double_symmetric(x, part), *w = a ? room_for(a, -1, rows(a)) : NULL;
    return w && spectra(a, w, NULL) == 0 ? mt_to_dtype(w, type_of(x)) : NULL;
}

static int linalg_eigh_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (mt_check_matrix("linalg.eigh", x, true) < 0) return -1;
    mt_tensor *a = double_symmetric(x, c->arg[0].text);
    mt_tensor *w = a ? room_for(a, -1, rows(a)) : NULL,
              *v = a ? room_for(a, rows(a), rows(a)) : NULL;
    if (!w || !v || spectra(a, w, v) < 0) return -1;
    if (!(v = mT(v)) || deliver(c, 0, type_of(x), w) < 0) return -1;
    return deliver(c, 1, type_of(x), v);
}
/* x_j - x_i, with 1 on the diagonal where `one`, for dividing by. */
static mt_tensor *gaps(mt_tensor *x)
{
    mt_tensor *e = mt_sub(mt_unsqueeze(x, -2), mt_unsqueeze(x, -1));
    return e ? mt_add(e, identity(type_of(x), columns(e))) : NULL;
}
/* gA = V (diag(gw) + (X - X^H) / (2 E)) V^H with X = V^H gV and E_ij = w_j - w_i. */
static void linalg_eigh_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *w = c->out[0], *v = c->out[1], *inner = NULL;
    if (!gin[0]) return;
    if (gout[1]) {
        mt_tensor *x = mm(mH(v), gout[1]);
        inner = mt_div(mt_mul(mt_sub(x, mH(x)), mt_number(0.5)), gaps(w));
    }
    inner = plus(inner, gout[0] ? mt_diag_embed(gout[0]) : NULL);
    if (inner) inner = mt_to_dtype(inner, type_of(v));
    gin[0] = inner ? mm(mm(v, inner), mH(v)) : NULL;
}
MT_OP(
    linalg_eigh, .kind = MT_LINALG | MT_OUT, .keeps = {MT_KEEP_OUT(0) | MT_KEEP_OUT(1)},
    .backward = linalg_eigh_backward,
    .schema = "eigh(Tensor A, str UPLO=\"L\") -> (Tensor eigenvalues, Tensor eigenvectors)",
    .doc =
        "Eigenvalues in ascending order and eigenvectors (columns) of symmetric A (..., n, n), of "
        "which the lower (L) or upper (U) triangle is read.");
static int linalg_eigvalsh_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (mt_check_matrix("linalg.eigvalsh", x, true) < 0) return -1;
    if (mt_is_float(type_of(x)) && !(mt_grad_enabled() && mt_requires_grad(x)))
        return mt_result_is(c, 0, eigenvalues(x, c->arg[0].text));
    mt_tensor *in[1] = {c->in[0]}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call inner = {.op = &mt_op_linalg_eigh,
                     .nin = 1,
                     .narg = 1,
                     .nout = 2,
                     .in = in,
                     .out = out,
                     .arg = c->arg};
    return mt_apply(&inner) ? mt_result_is(c, 0, out[0]) : -1;
}
MT_OP(linalg_eigvalsh, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "eigvalsh(Tensor A, str UPLO=\"L\") -> Tensor",
      .doc = "The eigenvalues of symmetric matrices (..., n, n) in ascending order.");

/* ==== svd ================================================================================================================= */

static int linalg_svd_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    bool full = c->arg[0].b;
    if (mt_check_matrix("linalg.svd", x, false) < 0) return -1;
    mt_tensor *a = double_copy(x);
    if (!a) return -1;
    int64_t m = rows(a), n = columns(a), k = m < n ? m : n, p = full ? m : k, q = full ? n : k;
    mt_tensor *u = room_for(a, p, m), *s = room_for(a, -1, k), *vt = room_for(a, q, n);
    if (!u || !s || !vt) return -1;
    for (int64_t b = 0; b < batches(a); b++)
        if (mt_svd_factor(m, n, data_of(a) + b * m * n, data_of(u) + b * p * m, data_of(s) + b * k,
                          data_of(vt) + b * q * n, full) < 0)
            return -1;
    if (!(u = mT(u)) || deliver(c, 0, type_of(x), u) < 0) return -1;
    return deliver(c, 1, type_of(x), s) < 0 ? -1 : deliver(c, 2, type_of(x), vt);
}
/* With E_ij = s_j^2 - s_i^2 and skew(X) = X - X^T,
 * gA = U (skew(U^T gU) / E diag(s) + diag(s) skew(V^T gV) / E + diag(gs)) V^T
 *      + (I - U U^T) gU diag(1/s) V^T + U diag(1/s) gV^T (I - V V^T). */
static void linalg_svd_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *s = c->out[1], *gu = gout[0], *gs = gout[1], *gvt = gout[2];
    if (!gin[0]) return;
    if (!(s = mt_unsqueeze(s, -2))) return; /* (..., 1, k) */
    int64_t k = columns(s);
    mt_tensor *u = mt_slice(c->out[0], -1, 0, k, 1), *vt = mt_slice(c->out[2], -2, 0, k, 1), *x;
    /* Of more vectors than values the rest counts for nothing. */
    gu = gu ? mt_slice(gu, -1, 0, k, 1) : NULL;
    gvt = gvt ? mt_slice(gvt, -2, 0, k, 1) : NULL;
    mt_tensor *inner = gs ? mt_diag_embed(gs) : NULL, *e = gaps(mt_squeeze_dim(mt_square(s), -2));
    mt_tensor *outer = NULL;
    if (gu) {
        x = mm(mT(u), gu);
        inner = plus(inner, mt_mul(mt_div(mt_sub(x, mT(x)), e), s));
        mt_tensor *rest = mt_div(mt_sub(gu, mm(u, x)), s);
        if (rows(u) > k) outer = mm(rest, vt);
    }
    if (gvt) {
        x = mm(vt, mT(gvt));
        inner = plus(inner, mt_mul(mT(s), mt_div(mt_sub(x, mT(x)), e)));
        mt_tensor *rest = mt_div(mt_sub(gvt, mm(mT(x), vt)), mT(s));
        if (columns(vt) > k) outer = plus(outer, mm(u, rest));
    }
    gin[0] = inner ? plus(outer, mm(mm(u, inner), vt)) : NULL;
}
MT_OP(
    linalg_svd, .kind = MT_LINALG | MT_OUT,
    .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0) | MT_KEEP_OUT(1) | MT_KEEP_OUT(2)},
    .backward = linalg_svd_backward,
    .schema = "svd(Tensor A, bool full_matrices=True) -> (Tensor U, Tensor S, Tensor Vh)",
    .doc =
        "A = U diag(S) Vh of A (..., m, n): singular values S in descending order, U with left and "
        "Vh with right singular vectors, square or (full_matrices=False) as few as there are "
        "values.");
int mt_svd(mt_tensor *a, bool full, mt_tensor **u, mt_tensor **s, mt_tensor **vt)
{
    mt_arg arg[1] = {mt_arg_bool(full)};
    mt_tensor *in[1] = {a}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call c = {
        .op = &mt_op_linalg_svd, .nin = 1, .narg = 1, .nout = 3, .in = in, .out = out, .arg = arg};
    if (!a || !mt_apply(&c)) return -1;
    *u = out[0];
    *s = out[1];
    *vt = out[2];
    return 0;
}
mt_tensor *mt_singular_values(mt_tensor *x)
{
    mt_tensor *u, *s, *vt, *a;
    if (mt_grad_enabled() && mt_requires_grad(x))
        return mt_svd(x, false, &u, &s, &vt) < 0 ? NULL : s;
    int64_t m = rows(x), n = columns(x), k = m < n ? m : n;
    if (mt_check_matrix("linalg.svd", x, false) < 0 || !(a = double_copy(x)) ||
        !(s = room_for(a, -1, k)))
        return NULL;
    for (int64_t b = 0; b < batches(a); b++)
        if (mt_svd_factor(m, n, data_of(a) + b * m * n, NULL, data_of(s) + b * k, NULL, false) < 0)
            return NULL;
    return mt_to_dtype(s, type_of(x));
}
static int svd_forward(mt_call *c)
{
    mt_tensor *u, *s, *vt;
    if (mt_svd(c->in[0], !c->arg[0].b, &u, &s, &vt) < 0) return -1;
    if (mt_result_is(c, 0, u) < 0 || mt_result_is(c, 1, s) < 0) return -1;
    return mt_result_is(c, 2, mT(vt));
}
MT_OP(svd, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema =
          "svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor "
          "V)",
      .doc = "As linalg.svd, but with V in place of its transpose.");
