/* Triangular solves, and the LU decomposition of batches of matrices (..., m, n) of any shape: A = P L U, with
 * k = min(m, n), L (..., m, k) with ones on its diagonal and U (..., k, n). Relies on ops/linalg.h and ops/matrices.h. */
#include "ops/linalg.h"

#include "ops/matrices.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }
static mt_tensor *mT(mt_tensor *x) { return mt_transpose(x, -2, -1); }
static mt_tensor *mm(mt_tensor *x, mt_tensor *y) { return mt_matmul(x, y); }
static int64_t rows(const mt_tensor *a) { return a->size[a->ndim - 2]; }
static int64_t columns(const mt_tensor *a) { return a->size[a->ndim - 1]; }
static int64_t smaller(const mt_tensor *a) { return rows(a) < columns(a) ? rows(a) : columns(a); }

/* ==== one triangle ======================================================================================================== */

/* X = A^-1 B of A (..., n, n) and B (..., n, k) of the same batch shape, by substitution; only A's upper or lower
 * triangle is read, with ones for its diagonal if `ones`. A zero on the diagonal gives inf or NaN. */
static int solve_triangle_forward(mt_call *c)
{
    mt_tensor *a = mt_contiguous_raw(c->in[0], MT_FLOAT64),
              *x = mt_empty(MT_FLOAT64, c->in[1]->ndim, c->in[1]->size), *y;
    bool up = c->arg[0].b, ones = c->arg[1].b;
    if (!a || !x || mt_copy_raw(x, c->in[1]) < 0) return -1;
    int64_t n = rows(a), k = columns(x), matrices = n ? a->numel / (n * n) : 0;
    for (int64_t b = 0; b < matrices; b++) {
        const double *t = (const double *)(const void *)a->data + b * n * n;
        if (mt_substitute(n, t, n, 1, up, ones, k, (double *)(void *)x->data + b * n * k) < 0)
            return -1;
    }
    y = mt_result(c, 0, type_of(c->in[1]), x->ndim, x->size);
    return y ? mt_copy_raw(y, x) : -1;
}
static void solve_triangle_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    bool up = c->arg[0].b, ones = c->arg[1].b;
    mt_tensor *gb = mt_solve_triangle(mT(c->in[0]), gout[0], !up, ones);
    if (gin[0]) {
        mt_tensor *ga = mt_neg(mm(gb, mT(c->out[0])));
        gin[0] = up ? mt_triu(ga, ones) : mt_tril(ga, -(int64_t)ones);
    }
    if (gin[1]) gin[1] = gb;
}
MT_OP(solve_triangle, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0), MT_KEEP_IN(0)},
      .grad_name = "LinalgSolveTriangularBackward0", .backward = solve_triangle_backward,
      .rule = "gB = solve(A^T, g); gA = -gB X^T in the triangle",
      .schema = "_solve_triangle(Tensor A, Tensor B, bool upper, bool unitriangular) -> Tensor",
      .doc = "The solutions of A X = B for a triangle.");
mt_tensor *mt_solve_triangle(mt_tensor *a, mt_tensor *b, bool upper, bool ones)
{
    mt_arg arg[2] = {mt_arg_bool(upper), mt_arg_bool(ones)};
    return a && b ? mt_call2a(&mt_op_solve_triangle, a, b, 2, arg) : NULL;
}

/* ==== both triangles in one matrix ======================================================================================== */

static int check_pivot(const char *name, const mt_arg *pivot)
{
    if (pivot->b) return 0;
    return mt_error(MT_RUNTIME, "%s: LU without pivoting is not implemented on the CPU", name);
}

static int linalg_lu_factor_ex_forward(mt_call *c)
{
    mt_tensor *a = c->in[0];
    if (mt_check_matrix("torch.lu_factor", a, false) < 0 ||
        check_pivot("linalg.lu_factor", &c->arg[0]) < 0)
        return -1;
    int64_t m = rows(a), n = columns(a), k = smaller(a), size[MT_MAX_DIMS], zero;
    int batch = a->ndim - 2;
    memcpy(size, a->size, (size_t)batch * sizeof *size);
    size[batch] = k;
    mt_tensor *lu = mt_empty(MT_FLOAT64, a->ndim, a->size),
              *pivots = mt_empty(MT_INT64, batch + 1, size),
              *info = mt_empty(MT_INT64, batch, size), *y[3];
    if (!lu || !pivots || !info || mt_copy_raw(lu, a) < 0) return -1;
    int64_t *place = (int64_t *)(void *)pivots->data;
    const bool single = type_of(a) == MT_FLOAT32 && mt_lu_is_small(m, n);
    for (int64_t b = 0; b < info->numel; b++) {
        double *one = (double *)(void *)lu->data + b * m * n;
        if (!mt_lu(m, n, one, place + b * k, &zero, single)) return -1;
        ((int64_t *)(void *)info->data)[b] = zero;
    }
    for (int64_t i = 0; i < pivots->numel; i++) place[i]++; /* LAPACK counts from 1 */
    if (!(y[0] = mt_result(c, 0, type_of(a), a->ndim, a->size)) ||
        !(y[1] = mt_result(c, 1, MT_INT32, batch + 1, size)) ||
        !(y[2] = mt_result(c, 2, MT_INT32, batch, size)))
        return -1;
    if (mt_copy_raw(y[0], lu) < 0 || mt_copy_raw(y[1], pivots) < 0) return -1;
    return mt_copy_raw(y[2], info);
}

/* The matrices P (..., m, m) of A = P L U from the rows that were exchanged, one after the other. */
static mt_tensor *permutation(mt_dtype d, int64_t m, mt_tensor *pivots)
{
    int64_t size[MT_MAX_DIMS], k = pivots->size[pivots->ndim - 1];
    int batch = pivots->ndim - 1;
    memcpy(size, pivots->size, (size_t)batch * sizeof *size);
    size[batch] = size[batch + 1] = m;
    mt_tensor *y = mt_zeros_raw(MT_FLOAT64, batch + 2, size), *order = mt_empty(MT_INT64, 1, &m);
    pivots = mt_contiguous_raw(pivots, MT_INT64);
    if (!y || !order || !pivots) return NULL;
    int64_t *row = (int64_t *)(void *)order->data, matrices = m ? y->numel / (m * m) : 0;
    for (int64_t b = 0; b < matrices; b++) {
        const int64_t *place = (const int64_t *)(const void *)pivots->data + b * k;
        double *p = (double *)(void *)y->data + b * m * m;
        for (int64_t i = 0; i < m; i++) row[i] = i;
        for (int64_t i = 0; i < k; i++) {
            int64_t other = place[i] - 1, t = row[i];
            if (other < 0 || other >= m)
                return mt_fail(MT_RUNTIME, "pivots passed to lu_unpack must be between 1 and "
                                           "LU.size(-2) inclusive");
            row[i] = row[other], row[other] = t;
        }
        for (int64_t i = 0; i < m; i++) p[row[i] * m + i] = 1;
    }
    return mt_to_dtype(y, d);
}

static mt_tensor *lower(mt_tensor *lu)
{
    int64_t m = rows(lu), k = smaller(lu);
    mt_tensor *eye = mt_diag_embed(mt_ones(type_of(lu), 1, &m));
    return mt_add(mt_tril(mt_slice(lu, -1, 0, k, 1), -1), mt_slice(eye, -1, 0, k, 1));
}
static mt_tensor *upper(mt_tensor *lu) { return mt_triu(mt_slice(lu, -2, 0, smaller(lu), 1), 0); }

/* L^-T y and y U^-T. */
static mt_tensor *solve_left(mt_tensor *l, mt_tensor *y)
{
    return mt_solve_triangle(mT(l), y, true, true);
}
static mt_tensor *solve_right(mt_tensor *y, mt_tensor *u)
{
    return mT(mt_solve_triangle(u, mT(y), true, false));
}

/* With gL and gU the strictly lower and the upper part of g, square:
 *     gA = P L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T.
 * Wide, A = P L [U V]: - gV V^T beside L^T gL, and P L^-T gV on the right. Tall, A = P [L; M] U: - M^T gM beside
 * gU U^T, and gM U^-T below. */
static void linalg_lu_factor_ex_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *lu = c->out[0], *g = gout[0], *y;
    if (!gin[0]) return;
    if (!g) {
        gin[0] = NULL;
        return;
    }
    int64_t m = rows(lu), n = columns(lu), k = smaller(lu);
    mt_tensor *p = permutation(type_of(lu), m, c->out[1]), *l = lower(lu), *u = upper(lu),
              *gl = mt_tril(mt_slice(g, -1, 0, k, 1), -1),
              *gu = mt_triu(mt_slice(g, -2, 0, k, 1), 0);
    mt_tensor *l1 = mt_slice(l, -2, 0, k, 1), *u1 = mt_slice(u, -1, 0, k, 1),
              *gl1 = mt_slice(gl, -2, 0, k, 1), *gu1 = mt_slice(gu, -1, 0, k, 1);
    mt_tensor *low = mm(mT(l1), gl1), *high = mm(gu1, mT(u1)), *more[2] = {NULL, NULL};
    if (n > k) {
        more[1] = mt_slice(gu, -1, k, n, 1);
        low = mt_sub(low, mm(more[1], mT(mt_slice(u, -1, k, n, 1))));
        more[1] = solve_left(l1, more[1]);
    } else if (m > k) {
        more[1] = mt_slice(gl, -2, k, m, 1);
        high = mt_sub(high, mm(mT(mt_slice(l, -2, k, m, 1)), more[1]));
        more[1] = solve_right(more[1], u1);
    }
    more[0] = solve_right(solve_left(l1, mt_add(mt_tril(low, -1), mt_triu(high, 0))), u1);
    y = m == n ? more[0] : more[0] && more[1] ? mt_cat(2, more, n > k ? -1 : -2) : NULL;
    gin[0] = mm(p, y);
}
MT_OP(linalg_lu_factor_ex, .kind = MT_LINALG | MT_OUT, .keeps = {MT_KEEP_OUT(0) | MT_KEEP_OUT(1)},
      .backward = linalg_lu_factor_ex_backward,
      .schema =
          "lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor LU, "
          "Tensor pivots, Tensor info)",
      .doc = "lu_factor() that does not fail: info is 0, or the number of the first zero on the "
             "diagonal of U.");

/* Runs lu_factor_ex on c's matrix. */
static int factors(mt_call *c, mt_tensor **out)
{
    mt_arg arg[2] = {c->arg[0], mt_arg_bool(false)};
    mt_tensor *in[1] = {c->in[0]};
    mt_call inner = {.op = &mt_op_linalg_lu_factor_ex,
                     .nin = 1,
                     .narg = 2,
                     .nout = 3,
                     .in = in,
                     .out = out,
                     .arg = arg};
    return mt_apply(&inner) ? 0 : -1;
}
static int linalg_lu_factor_forward(mt_call *c)
{
    mt_tensor *out[MT_MAX_TARGETS] = {NULL};
    if (factors(c, out) < 0) return -1;
    const int32_t *info = (const int32_t *)(const void *)out[2]->data;
    for (int64_t b = 0; b < out[2]->numel; b++) {
        char where[48] = "";
        if (out[2]->ndim) snprintf(where, sizeof where, "(Batch element %" PRId64 "): ", b);
        if (info[b])
            return mt_error(
                MT_RUNTIME,
                "torch.linalg.lu_factor: %sU[%d,%d] is zero and using it on lu_solve would result "
                "in a division by zero. If you still want to perform the factorization, consider "
                "calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)",
                where, info[b], info[b]);
    }
    return mt_result_is(c, 0, out[0]) < 0 ? -1 : mt_result_is(c, 1, out[1]);
}
MT_OP(linalg_lu_factor, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "lu_factor(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots)",
      .doc = "A = P L U in short: L below the diagonal of LU, U on and above it, and pivots: row i "
             "was exchanged with row pivots[i] - 1.");

/* ==== P, L and U ========================================================================================================== */

static int linalg_lu_forward(mt_call *c)
{
    mt_tensor *out[MT_MAX_TARGETS] = {NULL};
    if (check_pivot("linalg.lu", &c->arg[0]) < 0 || factors(c, out) < 0) return -1;
    if (mt_result_is(c, 0, permutation(type_of(out[0]), rows(out[0]), out[1])) < 0) return -1;
    return mt_result_is(c, 1, lower(out[0])) < 0 ? -1 : mt_result_is(c, 2, upper(out[0]));
}
MT_OP(linalg_lu, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "lu(Tensor A, *, bool pivot=True) -> (Tensor P, Tensor L, Tensor U)",
      .doc =
          "A = P L U of A (..., m, n), k = min(m, n): a permutation P (..., m, m), L (..., m, k) "
          "lower triangular with ones on the diagonal, U (..., k, n) upper triangular.");

static int lu_unpack_forward(mt_call *c)
{
    mt_tensor *lu = c->in[0], *none;
    int64_t zero = 0;
    if (c->in[1]->dtype != MT_INT32)
        return mt_error(MT_RUNTIME,
                        "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of "
                        "torch.int32 dtype.\nNote: this function is intended to be used with the "
                        "output produced by torch.linalg.lu_factor");
    if (mt_check_matrix("torch.lu_unpack", lu, false) < 0 ||
        !(none = mt_zeros(type_of(lu), 1, &zero)))
        return -1;
    bool data = c->arg[0].b, pivots = c->arg[1].b;
    if (mt_result_is(c, 0, pivots ? permutation(type_of(lu), rows(lu), c->in[1]) : none) < 0 ||
        mt_result_is(c, 1, data ? lower(lu) : none) < 0)
        return -1;
    return mt_result_is(c, 2, data ? upper(lu) : none);
}
MT_OP(lu_unpack, .kind = MT_COMPOSITE | MT_FUNCTION | MT_OUT,
      .schema = "lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool "
                "unpack_pivots=True) -> (Tensor P, Tensor L, Tensor U)",
      .doc = "P, L and U from what linalg.lu_factor returns.");

/* A X = B: U X = L^-1 P^T B. A^T X = B: X = P L^-T U^-T B. X A = B: A^T X^T = B^T. */
static int linalg_lu_solve_forward(mt_call *c)
{
    mt_tensor *lu = c->in[0], *b = c->in[2], *x;
    bool left = c->arg[0].b, transposed = c->arg[1].b;
    if (mt_check_matrix("torch.linalg.lu_solve", lu, true) < 0 ||
        mt_check_matrix("torch.linalg.lu_solve", b, false) < 0)
        return -1;
    mt_tensor *p = permutation(type_of(lu), rows(lu), c->in[1]), *l = lower(lu), *u = upper(lu);
    if (!left) b = mT(b), transposed = !transposed;
    if (transposed) {
        mt_tensor *ut = mT(u), *lt = mT(l);
        if (!ut || !lt || !b || mt_same_batch(&ut, &b) < 0) return -1;
        x = mt_solve_triangle(ut, b, false, false);
        if (!x || mt_same_batch(&lt, &x) < 0) return -1;
        x = mm(p, mt_solve_triangle(lt, x, true, true));
    } else {
        b = mm(mT(p), b);
        if (!b || mt_same_batch(&l, &b) < 0 || mt_same_batch(&u, &b) < 0) return -1;
        x = mt_solve_triangle(u, mt_solve_triangle(l, b, false, true), true, false);
    }
    return mt_result_is(c, 0, left ? x : mT(x));
}
MT_OP(linalg_lu_solve, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool "
                "adjoint=False) -> Tensor",
      .doc =
          "The solution X of A X = B from linalg.lu_factor(A); of X A = B without left, and with "
          "A's transpose if adjoint.");
