/* Linear algebra made of the factorizations in ops/linalg.c: norms, pinv, lstsq, matrix_power, rank, cond, triangular
 * and Cholesky solves. Read next: ops/products.c. */
#include "ops/linalg.h"
#include "ops/householder.h"
#include "ops/matrices.h"
#include "ops/reduce.h"
#include "ops/rules.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }
static mt_tensor *mT(mt_tensor *x) { return mt_transpose(x, -2, -1); }
static mt_tensor *mm(mt_tensor *x, mt_tensor *y) { return mt_matmul(x, y); }
static int64_t rows(const mt_tensor *a) { return a->size[a->ndim - 2]; }
static int64_t columns(const mt_tensor *a) { return a->size[a->ndim - 1]; }

/* ==== vector norms ======================================================================================================== */

/* All dims of x, as mt_sum_dim wants them, where none are given. */
static int dims_of(const mt_tensor *x, const mt_arg *dims, int64_t *out)
{
    int n = 0;
    if (dims && dims->given && dims->ints.n) {
        for (int64_t i = 0; i < dims->ints.n; i++) out[n++] = dims->ints.v[i];
    } else {
        for (int d = 0; d < x->ndim; d++) out[n++] = d;
    }
    return n;
}

/* How many are not 0, with a slope: 0. */
static mt_tensor *count(mt_tensor *x, int n, const int64_t *dims, bool keepdim)
{
    mt_tensor *each = mt_to_dtype(mt_ne(x, mt_number(0)), type_of(x));
    each = mt_where(mt_zeros(MT_BOOL, 0, NULL), x, each);
    return n ? mt_sum_dim(each, n, dims, keepdim) : each;
}

/* The norm most asked for, in one pass. */
static int euclidean_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    bool mask[MT_MAX_DIMS];
    int64_t size[MT_MAX_DIMS];
    if (mt_reduce_mask(x, &c->arg[0], mask) < 0) return -1;
    int ndim = mt_reduced_shape(x, mask, c->arg[1].b, size);
    return (y = mt_result(c, 0, type_of(x), ndim, size)) ? mt_reduce_raw(MT_REDUCE_norm, x, mask, y)
                                                         : -1;
}

/* The slope is 0 and not NaN where the norm is 0. */
static void euclidean_norm_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *zero = mt_eq(c->out[0], mt_number(0));
    mt_tensor *safe = mt_where(zero, mt_number(1), c->out[0]);
    mt_tensor *share = mt_where(zero, mt_number(0), mt_div(gout[0], safe));
    if (gin[0])
        gin[0] = mt_mul(c->in[0], mt_unreduce(share, &c->in_dims[0], &c->arg[0], c->arg[1].b));
}

MT_OP(euclidean_norm, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = euclidean_norm_backward, .rule = "x g / y, 0 where y is 0",
      .grad_name = "LinalgVectorNormBackward0",
      .schema = "euclidean_norm(Tensor self, int[1]? dim, bool keepdim=False) -> Tensor",
      .doc = "The square root of the sum of squares, of all elements or along dim.");

/* (sum |x|^p)^(1/p); the slope of the root is 0 and not NaN where the norm is 0. */
mt_tensor *mt_norm_along(mt_tensor *x, double p, int n, const int64_t *dims, bool keepdim)
{
    if (p == 2 && x && mt_is_floating(type_of(x))) {
        mt_arg arg[2] = {mt_arg_ints(n, dims), mt_arg_bool(keepdim)};
        return mt_call1a(&mt_op_euclidean_norm, x, 2, arg);
    }
    mt_tensor *size = mt_abs(x);
    if (!size) return NULL;
    if (p == 0) return count(x, n, dims, keepdim);
    if (p == INFINITY || p == -INFINITY) {
        mt_arg arg[2] = {mt_arg_ints(n, dims), mt_arg_bool(keepdim)};
        return mt_call1a(p > 0 ? &mt_op_amax : &mt_op_amin, size, 2, arg);
    }
    if (p == 1) return mt_sum_dim(size, n, dims, keepdim);
    mt_tensor *sum = mt_sum_dim(mt_pow(size, mt_number(p)), n, dims, keepdim);
    mt_tensor *zero = sum ? mt_eq(sum, mt_number(0)) : NULL;
    mt_tensor *safe = mt_where(zero, mt_number(1), sum);
    mt_tensor *root = mt_pow(safe, mt_number(1 / p));
    return p < 0 ? mt_pow(sum, mt_number(1 / p)) : mt_where(zero, mt_number(0), root);
}

static mt_tensor *vector_norm(mt_tensor *x, double p, const mt_arg *dims, bool keepdim,
                              const mt_arg *dtype)
{
    int64_t over[MT_MAX_DIMS];
    if (x && dtype && dtype->given) x = mt_to_dtype(x, (mt_dtype)dtype->i);
    if (!x) return NULL;
    int n = dims_of(x, dims, over);
    if (!mt_is_float(type_of(x)))
        return mt_fail(
            MT_RUNTIME,
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            "%s",
            mt_dtype_camel(type_of(x)));
    if (x->numel == 0 && (p < 0 || p == INFINITY) && n == x->ndim)
        return mt_fail(
            MT_RUNTIME,
            "linalg.vector_norm cannot compute the %g norm on an empty tensor because the "
            "operation does not have an identity",
            p);
    if (n == 0) return p == 0 ? count(x, 0, NULL, false) : mt_abs(x);
    return mt_norm_along(x, p, n, over, keepdim);
}
static int linalg_vector_norm_forward(mt_call *c)
{
    return mt_result_is(c, 0,
                        vector_norm(c->in[0], mt_scalar_to_double(c->arg[0].s), &c->arg[1],
                                    c->arg[2].b, &c->arg[3]));
}
MT_OP(
    linalg_vector_norm, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
    .grad_name = "LinalgVectorNormBackward0",
    .schema = "vector_norm(Tensor x, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, "
              "ScalarType? dtype=None) -> Tensor",
    .doc =
        "(sum(|x| ** ord)) ** (1 / ord) of all elements or along dim; the largest or smallest size "
        "for inf and -inf, the number of nonzeros for 0.");

/* x with the slices along dim that are longer than maxnorm shortened to it. */
static int renorm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    double p = mt_scalar_to_double(c->arg[0].s), most = mt_scalar_to_double(c->arg[2].s);
    int64_t over[MT_MAX_DIMS];
    int n = 0, dim = mt_wrap_dim(c->arg[1].i, x->ndim);
    if (dim < 0) return -1;
    if (!(p > 0)) return mt_error(MT_RUNTIME, "renorm: non-positive-norm not supported");
    if (most < 0)
        return mt_error(MT_RUNTIME, "renorm: expected maxnorm to be >= 0 but got %g", most);
    if (x->ndim < 2)
        return mt_error(MT_RUNTIME, "renorm: input needs at least 2 dimensions, got %d dimensions",
                        x->ndim);
    for (int d = 0; d < x->ndim; d++)
        if (d != dim) over[n++] = d;
    mt_tensor *size = mt_norm_along(x, p, n, over, true);
    mt_tensor *factor = mt_div(mt_number(most), mt_add(size, mt_number(1e-7)));
    factor = mt_where(mt_gt(size, mt_number(most)), factor, mt_number(1));
    return mt_result_is(c, 0, mt_mul(x, factor));
}
MT_OP(renorm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "RenormBackward0",
      .schema = "renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor",
      .doc = "self with every slice along dim whose p-norm is larger than maxnorm scaled down to "
             "it.");

/* ==== matrix norms ======================================================================================================== */

/* name: fro or nuc, else NULL and ord counts. d[2]: the rows' and the columns' dimension. */
static mt_tensor *matrix_norm(mt_tensor *x, const char *name, double ord, const int64_t *dims,
                              bool keepdim)
{
    int64_t d[2];
    if (!x) return NULL;
    if (x->ndim < 2)
        return mt_fail(MT_RUNTIME,
                       "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
    if (!mt_is_float(type_of(x)))
        return mt_fail(
            MT_RUNTIME,
            "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got "
            "%s",
            mt_dtype_camel(type_of(x)));
    for (int i = 0; i < 2; i++)
        if ((d[i] = mt_wrap_dim(dims[i], x->ndim)) < 0) return NULL;
    if (d[0] == d[1])
        return mt_fail(MT_RUNTIME,
                       "linalg.matrix_norm: dims must be different. Got (%" PRId64 ", %" PRId64 ")",
                       dims[0], dims[1]);
    bool nuclear = name && !strcmp(name, "nuc");
    if (name && !nuclear && strcmp(name, "fro"))
        return mt_fail(MT_RUNTIME, "linalg.matrix_norm: Order %s not supported.", name);
    if (name && !nuclear) return mt_norm_along(x, 2, 2, d, keepdim);
    double size = fabs(ord);
    if (!name && size != 1 && size != 2 && size != INFINITY)
        return mt_fail(MT_RUNTIME, "linalg.matrix_norm: Order %g not supported.", ord);
    mt_tensor *y;
    mt_arg one[2] = {mt_arg_ints(1, NULL), mt_arg_bool(keepdim)};
    if (!nuclear && size != 2) { /* the largest sum of a column (1) or row (inf) */
        int64_t sum = size == 1 ? d[0] : d[1], best = size == 1 ? d[1] : d[0];
        y = mt_sum_dim(mt_abs(x), 1, &sum, true);
        one[0] = mt_arg_ints(1, &best);
        one[1] = mt_arg_bool(true);
        y = y ? mt_call1a(ord > 0 ? &mt_op_amax : &mt_op_amin, y, 2, one) : NULL;
        return keepdim ? y : mt_squeeze_dims(y, 2, d);
    }
    const int64_t last[2] = {-2, -1};
    mt_tensor *moved = mt_movedim(x, 2, d, last), *s = moved ? mt_singular_values(moved) : NULL;
    if (!s) return NULL;
    int64_t along = -1;
    one[0] = mt_arg_ints(1, &along);
    one[1] = mt_arg_bool(false);
    y = nuclear ? mt_sum_dim(s, 1, &along, false)
                : mt_call1a(ord > 0 ? &mt_op_amax : &mt_op_amin, s, 2, one);
    if (!keepdim || !y) return y;
    return mt_unsqueeze(mt_unsqueeze(y, d[0] < d[1] ? d[0] : d[1]), d[0] < d[1] ? d[1] : d[0]);
}
static int matrix_norm_of(mt_call *c, const char *name, double ord)
{
    mt_tensor *x = c->in[0];
    if (c->arg[3].given) x = mt_to_dtype(x, (mt_dtype)c->arg[3].i);
    if (c->arg[1].ints.n != 2)
        return mt_error(MT_RUNTIME,
                        "linalg.matrix_norm: dim must be a 2-tuple. Got %" PRId64 " dims",
                        c->arg[1].ints.n);
    return x ? mt_result_is(c, 0, matrix_norm(x, name, ord, c->arg[1].ints.v, c->arg[2].b)) : -1;
}
static int linalg_matrix_norm_forward(mt_call *c)
{
    return matrix_norm_of(c, NULL, mt_scalar_to_double(c->arg[0].s));
}
MT_OP(linalg_matrix_norm, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "matrix_norm(Tensor A, Scalar ord, int[] dim=[-2, -1], bool keepdim=False, *, "
                "ScalarType? dtype=None) -> Tensor",
      .doc =
          "Norms of matrices in dim: 'fro' (the root of the sum of squares), 'nuc' (the sum of "
          "singular values), 2 and -2 (the largest and smallest), 1 and inf (the largest sum of a "
          "column, of a row), -1 and -inf (the smallest).");
static int linalg_matrix_norm_name_forward(mt_call *c)
{
    return matrix_norm_of(c, c->arg[0].text, 0);
}
MT_OP(linalg_matrix_norm_name, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "matrix_norm.str_ord(Tensor A, str ord=\"fro\", int[] dim=[-2, -1], bool "
                "keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      .doc = "");

/* linalg.norm: a vector's or a matrix's norm, as dims and order say. */
static int linalg_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const mt_arg *ord = &c->arg[0], *dims = &c->arg[1];
    if (c->arg[3].given) x = mt_to_dtype(x, (mt_dtype)c->arg[3].i);
    if (!x) return -1;
    int64_t n = dims->given ? dims->ints.n : x->ndim, both[2] = {0, 1};
    if (ord->given && n != 1 && n != 2)
        return mt_error(
            MT_RUNTIME,
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            "Got %" PRId64 "D.",
            n);
    if (!ord->given || n != 2)
        return mt_result_is(
            c, 0,
            vector_norm(x, ord->given ? mt_scalar_to_double(ord->s) : 2, dims, c->arg[2].b, NULL));
    return mt_result_is(c, 0,
                        matrix_norm(x, NULL, mt_scalar_to_double(ord->s),
                                    dims->given ? dims->ints.v : both, c->arg[2].b));
}
MT_OP(linalg_norm, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema =
          "norm(Tensor A, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? "
          "dtype=None) -> Tensor",
      .doc = "vector_norm, or matrix_norm where there are two dims and ord is given.");
static int linalg_norm_name_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const mt_arg *dims = &c->arg[1];
    int64_t both[2] = {0, 1}, n = dims->given ? dims->ints.n : x->ndim;
    if (c->arg[3].given) x = mt_to_dtype(x, (mt_dtype)c->arg[3].i);
    if (!x) return -1;
    if (n != 2)
        return mt_error(MT_RUNTIME,
                        "linalg.norm: If ord is a string, the input must be 2D. Got %" PRId64 "D",
                        n);
    return mt_result_is(
        c, 0, matrix_norm(x, c->arg[0].text, 0, dims->given ? dims->ints.v : both, c->arg[2].b));
}
MT_OP(linalg_norm_name, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema =
          "norm.ord_str(Tensor A, str ord, int[1]? dim=None, bool keepdim=False, *, ScalarType? "
          "dtype=None) -> Tensor",
      .doc = "");

static int dist_forward(mt_call *c)
{
    return mt_result_is(c, 0,
                        vector_norm(mt_sub(c->in[0], c->in[1]), mt_scalar_to_double(c->arg[0].s),
                                    NULL, false, NULL));
}
MT_OP(dist, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD, .grad_name = "DistBackward0",
      .schema = "dist(Tensor self, Tensor other, Scalar p=2) -> Tensor",
      .doc = "The p-norm of self - other.");

/* ==== pinv, lstsq, rank, cond ============================================================================================== */

/* The tolerance below which a singular value counts as 0: max(atol, rtol * the largest one). Both broadcast to the
 * batch and may be NULL; rtol is 0 where atol is positive, else eps max(m, n). */
static mt_tensor *tolerance_of(const mt_tensor *a, mt_tensor *s, mt_tensor *atol, mt_tensor *rtol)
{
    int64_t last = -1;
    double eps = type_of(a) == MT_FLOAT32 ? 1.1920928955078125e-07 : 2.220446049250313e-16;
    int64_t most = rows(a) > columns(a) ? rows(a) : columns(a);
    if (!atol) atol = mt_number(0);
    if (!rtol)
        rtol = mt_where(mt_gt(atol, mt_number(0)), mt_number(0), mt_number(eps * (double)most));
    mt_tensor *top =
        s->numel ? mt_amax(mt_detach(s), 1, &last, true) : mt_sum_dim(mt_detach(s), 1, &last, true);
    if (atol && atol->ndim) atol = mt_unsqueeze(atol, -1);
    if (rtol && rtol->ndim) rtol = mt_unsqueeze(rtol, -1);
    return mt_maximum(mt_mul(top, rtol), atol);
}
static mt_tensor *tolerance(const mt_tensor *a, mt_tensor *s, const mt_arg *atol,
                            const mt_arg *rtol)
{
    return tolerance_of(a, s, atol->given ? mt_number(atol->d) : NULL,
                        rtol->given ? mt_number(rtol->d) : NULL);
}
/* A matrix (m, n), m >= n, has full rank for certain if the smallest singular value, of which 1 / |A^+| is a bound from below
 * (Frobenius' norm), is above the tolerance: A^+ = R^-1 Q^T from at = A^T, into p (n, m). -1 with an error, 0: not certain. */
static int inverse_of_full_rank(int64_t m, int64_t n, double *at, double *p,
                                const mt_reflections *q, double atol, double rtol)
{
    double size = 0, inverse = 0;
    for (int64_t i = 0; i < m * n; i++) size += at[i] * at[i];
    memset(p, 0, (size_t)(m * n) * sizeof *p);
    for (int64_t i = 0; i < n; i++) p[i * m + i] = 1;
    if (mt_qr_factor(m, n, at, q) < 0 || mt_reflect(q, false, n, p, m) < 0 ||
        mt_substitute(n, at, 1, m, true, false, m, p) < 0)
        return -1;
    for (int64_t i = 0; i < m * n; i++) inverse += p[i] * p[i];
    return sqrt(inverse) * fmax(atol, rtol * sqrt(size)) < 1 && isfinite(inverse);
}
/* The pseudoinverses, if all matrices have full rank for certain: 1; 0 if not; -1 with an error. */
static int inverse_by_qr(mt_tensor *x, const mt_arg *atol, const mt_arg *rtol, mt_tensor **y)
{
    int64_t m = rows(x), n = columns(x);
    const bool tall = m >= n;
    mt_tensor *turned = tall ? mT(x) : x, *a, *p, *room;
    if (!tall) m = n, n = rows(x);
    int64_t numbers = m * n, some = numbers + n;
    if (numbers == 0) return 0;
    if (!turned || !(a = mt_empty(MT_FLOAT64, x->ndim, turned->size)) ||
        mt_copy_raw(a, turned) < 0 || !(p = mt_empty(MT_FLOAT64, x->ndim, turned->size)) ||
        !(room = mt_empty(MT_FLOAT64, 1, &some)))
        return -1;
    double *at = (double *)(void *)a->data, *to = (double *)(void *)p->data,
           *v = (double *)(void *)room->data;
    const mt_reflections q = {n, m, 0, v, v + numbers};
    const double above = atol->given ? atol->d : 0;
    const double eps = type_of(x) == MT_FLOAT32 ? 1.1920928955078125e-07 : 2.220446049250313e-16;
    const double share = rtol->given ? rtol->d : above > 0 ? 0 : eps * (double)m;
    int known = 1;
    for (int64_t i = 0; i < a->numel && known == 1; i += numbers)
        known = inverse_of_full_rank(m, n, at + i, to + i, &q, above, share);
    if (known == 1 && !(*y = mt_contiguous_raw(tall ? p : mT(p), type_of(x)))) return -1;
    return known;
}
static int linalg_pinv_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *u, *s, *vt, *y = NULL;
    if (mt_check_matrix("linalg.pinv", a, false) < 0) return -1;
    const int known = inverse_by_qr(a, &c->arg[0], &c->arg[1], &y);
    if (known) return known < 0 ? -1 : mt_result_is(c, 0, y);
    if (mt_svd(a, false, &u, &s, &vt) < 0) return -1;
    mt_tensor *kept = mt_gt(s, tolerance(a, s, &c->arg[0], &c->arg[1]));
    mt_tensor *inverse = mt_where(kept, mt_reciprocal(s), mt_number(0));
    return mt_result_is(c, 0, mm(mT(vt), mt_mul(mt_unsqueeze(inverse, -1), mT(u))));
}
/* Golub & Pereyra (1973): with P = A^+ and K = g^T P,
 * gA = -(P K)^T + K P^T - A P K P^T + P^T P (g^T - K A). */
static void linalg_pinv_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *a = c->in[0], *p = c->out[0], *pt = mT(p), *gt = mT(gout[0]);
    if (!gin[0]) return;
    mt_tensor *k = mm(gt, p), *kpt = mm(k, pt);
    mt_tensor *y = mt_sub(kpt, mT(mm(p, k)));
    y = mt_sub(y, mm(mm(a, p), kpt));
    gin[0] = mt_add(y, mm(mm(pt, p), mt_sub(gt, mm(k, a))));
}
MT_OP(linalg_pinv, .kind = MT_LINALG | MT_OUT, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = linalg_pinv_backward,
      .schema =
          "pinv(Tensor A, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor",
      .doc =
          "The pseudoinverses (..., n, m) of A (..., m, n); singular values up to max(atol, rtol * "
          "the largest) count as 0.");
static int linalg_pinv_rcond_forward(mt_call *c)
{
    mt_arg arg[3] = {mt_arg_none(), mt_arg_double(c->arg[0].d), mt_arg_bool(false)};
    return mt_result_is(c, 0, mt_call1a(&mt_op_linalg_pinv, c->in[0], 3, arg));
}
MT_OP(linalg_pinv_rcond, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "pinv.rcond(Tensor A, float rcond, bool hermitian=False) -> Tensor", .doc = "");
static mt_tensor *pinv(mt_tensor *a, double rcond)
{
    mt_arg arg[3] = {mt_arg_none(), rcond >= 0 ? mt_arg_double(rcond) : mt_arg_none(),
                     mt_arg_bool(false)};
    return mt_call1a(&mt_op_linalg_pinv, a, 3, arg);
}
static int pinverse_forward(mt_call *c) { return mt_result_is(c, 0, pinv(c->in[0], c->arg[0].d)); }
MT_OP(pinverse, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "pinverse(Tensor self, float rcond=1e-15) -> Tensor", .doc = "As linalg.pinv.");

static int rank(mt_call *c, mt_tensor *atol, mt_tensor *rtol)
{
    mt_tensor *a = c->in[0], *s;
    int64_t last = -1;
    if (mt_check_matrix("linalg.matrix_rank", a, false) < 0 || !(s = mt_singular_values(a)))
        return -1;
    return mt_result_is(c, 0,
                        mt_sum_dim(mt_gt(s, tolerance_of(a, s, atol, rtol)), 1, &last, false));
}
static int linalg_matrix_rank_forward(mt_call *c)
{
    return rank(c, c->arg[0].given ? mt_number(c->arg[0].d) : NULL,
                c->arg[1].given ? mt_number(c->arg[1].d) : NULL);
}
static int linalg_matrix_rank_tensor_forward(mt_call *c) { return rank(c, c->in[1], c->in[2]); }
MT_OP(linalg_matrix_rank, .kind = MT_NODIFF | MT_LINALG | MT_OUT,
      .schema =
          "matrix_rank(Tensor A, *, float? atol=None, float? rtol=None, bool hermitian=False) -> "
          "Tensor",
      .doc = "The number of singular values above max(atol, rtol * the largest).");
MT_OP(linalg_matrix_rank_tensor, .kind = MT_NODIFF | MT_LINALG | MT_OUT,
      .schema = "matrix_rank.atol_rtol_tensor(Tensor A, *, Tensor? atol=None, Tensor? rtol=None, "
                "bool hermitian=False) -> Tensor",
      .doc = "");

static int linalg_svdvals_forward(mt_call *c)
{
    if (mt_check_matrix("linalg.svd", c->in[0], false) < 0) return -1;
    return mt_result_is(c, 0, mt_singular_values(c->in[0]));
}
MT_OP(linalg_svdvals, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "svdvals(Tensor A) -> Tensor", .doc = "The singular values in descending order.");

static int condition(mt_call *c, const char *name, double p)
{
    mt_tensor *a = c->in[0], *s;
    if (mt_check_matrix("linalg.cond", a, false) < 0) return -1;
    if (!name && fabs(p) == 2) {
        if (!(s = mt_singular_values(a))) return -1;
        mt_tensor *most = mt_select(s, -1, 0), *least = mt_select(s, -1, -1);
        return mt_result_is(c, 0, p > 0 ? mt_div(most, least) : mt_div(least, most));
    }
    if (mt_check_matrix("linalg.cond", a, true) < 0) return -1;
    const int64_t last[2] = {-2, -1};
    return mt_result_is(c, 0,
                        mt_mul(matrix_norm(a, name, p, last, false),
                               matrix_norm(mt_inverse(a), name, p, last, false)));
}
static int linalg_cond_forward(mt_call *c)
{
    return condition(c, NULL, c->arg[0].given ? mt_scalar_to_double(c->arg[0].s) : 2);
}
MT_OP(
    linalg_cond, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
    .schema = "cond(Tensor A, Scalar? p=None) -> Tensor",
    .doc =
        "The condition numbers: the norm p times that of the inverse; by default the largest over "
        "the smallest singular value.");
static int linalg_cond_name_forward(mt_call *c) { return condition(c, c->arg[0].text, 0); }
MT_OP(linalg_cond_name, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "cond.p_str(Tensor A, str p) -> Tensor", .doc = "");

static mt_tensor *full_rank(const mt_tensor *a)
{
    mt_tensor *y = mt_empty(MT_INT64, a->ndim - 2, a->size);
    for (int64_t i = 0; y && i < y->numel; i++)
        ((int64_t *)(void *)y->data)[i] = rows(a) < columns(a) ? rows(a) : columns(a);
    return y;
}
/* X minimizes |A X - B|: A^+ B. The residuals are those of full-rank problems with more rows than columns. */
static int linalg_lstsq_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1], *s = NULL, *none;
    int64_t zero = 0, down = -2, last = -1;
    if (mt_check_matrix("torch.linalg.lstsq", a, false) < 0) return -1;
    if (b->ndim < 1)
        return mt_error(MT_RUNTIME,
                        "torch.linalg.lstsq: input other must have at least 1 dimension");
    if (a->dtype != b->dtype)
        return mt_error(
            MT_RUNTIME,
            "torch.linalg.lstsq: Expected input and other to have the same dtype, but got "
            "input's dtype %s and other's dtype %s",
            mt_dtype_camel(type_of(a)), mt_dtype_camel(type_of(b)));
    bool vector = b->ndim == a->ndim - 1 && mt_shape_equal(b->ndim, b->size, a->ndim - 1, a->size);
    if (vector) b = mt_unsqueeze(b, -1);
    if (!b || b->ndim < 2 || rows(b) != rows(a))
        return mt_error(MT_RUNTIME,
                        "torch.linalg.lstsq: input.size(-2) should match other.size(-2)");
    const char *driver = c->arg[1].given ? c->arg[1].text : "gelsy";
    const bool knows_values = strcmp(driver, "gelsy") && strcmp(driver, "gels"),
               recorded = mt_grad_enabled() && (mt_requires_grad(a) || mt_requires_grad(b));
    mt_tensor *p = NULL, *rank = full_rank(a);
    const int known = inverse_by_qr(a, &(mt_arg){0}, &c->arg[0], &p);
    if (known < 0 || !rank || !(none = mt_zeros(type_of(a), 1, &zero))) return -1;
    if (!p || recorded) p = pinv(a, c->arg[0].given ? c->arg[0].d : -1);
    mt_tensor *x = mm(p, b);
    if (!x) return -1;
    if (knows_values || !known) {
        if (!(s = mt_singular_values(mt_detach(a)))) return -1;
        rank = mt_sum_dim(mt_gt(s, tolerance(a, s, &(mt_arg){0}, &c->arg[0])), 1, &last, false);
        if (!rank) return -1;
    }
    int64_t all = x->numel; /* no residuals: none of the solution */
    mt_tensor *residuals = mt_slice(mt_reshape(x, 1, &all), 0, 0, 0, 1);
    bool full = true;
    for (int64_t i = 0; i < rank->numel; i++)
        full &= ((const int64_t *)(const void *)rank->data)[i] == columns(a);
    if (strcmp(driver, "gelsy") && rows(a) > columns(a) && full)
        residuals = mt_sum_dim(mt_square(mt_sub(mm(a, x), b)), 1, &down, false);
    if (!strcmp(driver, "gels")) rank = mt_zeros(MT_INT64, 1, &zero);
    if (mt_result_is(c, 0, vector ? mt_squeeze_dim(x, -1) : x) < 0 ||
        mt_result_is(c, 1, residuals) < 0 || mt_result_is(c, 2, rank) < 0)
        return -1;
    return mt_result_is(c, 3, knows_values ? s : none);
}
MT_OP(linalg_lstsq, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema =
          "lstsq(Tensor A, Tensor B, float? rcond=None, *, str? driver=None) -> (Tensor solution, "
          "Tensor residuals, Tensor rank, Tensor singular_values)",
      .doc = "The X of least |A X - B|, of least size where there are several; the sums of squares "
             "left, "
             "the rank and the singular values.");

/* ==== powers, triangular and Cholesky solves ================================================================================ */

static mt_tensor *eye_like(mt_tensor *a)
{
    int64_t n = rows(a);
    mt_tensor *eye = mt_diag_embed(mt_ones(type_of(a), 1, &n));
    return eye ? mt_expand(eye, a->ndim, a->size) : NULL;
}
/* By squaring. */
static mt_tensor *matrix_power(mt_tensor *a, int64_t n)
{
    mt_tensor *y = NULL;
    if (a->ndim < 2 || rows(a) != columns(a))
        return mt_check_matrix("linalg.matrix_power", a, true) < 0
                   ? NULL
                   : mt_fail(MT_RUNTIME,
                             "linalg.matrix_power: A must be batches of square matrices");
    if (n == 0)
        return mt_where(mt_zeros(MT_BOOL, 0, NULL), a, eye_like(a)); /* with a gradient: 0 */
    if (n < 0) a = mt_inverse(a), n = -n;
    for (; a && n; n >>= 1) {
        if (n & 1) y = y ? mm(y, a) : a;
        if (n > 1) a = mm(a, a);
    }
    return a ? y : NULL;
}
static int linalg_matrix_power_forward(mt_call *c)
{
    return mt_result_is(c, 0, matrix_power(c->in[0], c->arg[0].i));
}
MT_OP(linalg_matrix_power, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "matrix_power(Tensor A, int n) -> Tensor",
      .doc = "A @ A @ ... (n times) of square A; of the inverse where n is negative.");
static int matrix_power_forward(mt_call *c) { return linalg_matrix_power_forward(c); }
MT_OP(matrix_power, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "matrix_power(Tensor self, int n) -> Tensor", .doc = "As linalg.matrix_power.");

static mt_tensor *solve_triangle(mt_tensor *a, mt_tensor *b, bool upper, bool ones)
{
    return a && b && mt_same_batch(&a, &b) == 0 ? mt_solve_triangle(a, b, upper, ones) : NULL;
}
static int linalg_solve_triangular_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1];
    bool upper = c->arg[0].b, left = c->arg[1].b;
    if (mt_check_matrix("linalg.solve_triangular", a, true) < 0) return -1;
    if (b->ndim < 2)
        return mt_error(
            MT_RUNTIME,
            "linalg.solve_triangular: The input tensor B must have at least 2 dimensions.");
    if ((left ? rows(b) : columns(b)) != rows(a))
        return mt_error(
            MT_RUNTIME,
            "linalg.solve_triangular: Incompatible shapes of A and B for the equation %s (%" PRId64
            "x%" PRId64 " and %" PRId64 "x%" PRId64 ")",
            left ? "AX = B" : "XA = B", rows(a), columns(a), rows(b), columns(b));
    mt_tensor *x = left ? solve_triangle(a, b, upper, c->arg[2].b)
                        : mT(solve_triangle(mT(a), mT(b), !upper, c->arg[2].b));
    return mt_result_is(c, 0, x);
}
MT_OP(
    linalg_solve_triangular, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
    .schema = "solve_triangular(Tensor A, Tensor B, *, bool upper, bool left=True, bool "
              "unitriangular=False) -> Tensor",
    .doc =
        "The solution of A X = B (or X A = B) where only A's upper or lower triangle counts, with "
        "ones on its diagonal if unitriangular.");
/* From a factor L, A = L L^T (upper: U, A = U^T U): a rule made as if all of L counted, as PyTorch's are. g: the
 * gradient of A. */
static mt_tensor *factor_rule(mt_tensor *l, mt_tensor *ga, bool upper)
{
    mt_tensor *both = mt_add(ga, mT(ga));
    return upper ? mm(l, both) : mm(both, l);
}
static mt_tensor *solve_factor(mt_tensor *b, mt_tensor *l, bool upper)
{
    if (upper) l = mT(l);
    mt_tensor *y = solve_triangle(l, b, false, false);
    return y ? solve_triangle(mT(l), y, true, false) : NULL;
}
static int cholesky_solve_forward(mt_call *c)
{
    mt_tensor *b = c->in[0], *l = c->in[1];
    if (b->ndim < 2)
        return mt_error(MT_RUNTIME,
                        "b should have at least 2 dimensions, but has %d dimensions instead",
                        b->ndim);
    if (mt_check_matrix("cholesky_solve", l, true) < 0) return -1;
    if (rows(b) != rows(l))
        return mt_error(MT_RUNTIME,
                        "Incompatible matrix sizes for cholesky_solve: each A matrix is %" PRId64
                        " by %" PRId64 " but each b matrix is %" PRId64 " by %" PRId64,
                        rows(l), rows(l), rows(b), columns(b));
    return mt_result_is(c, 0, solve_factor(b, l, c->arg[0].b));
}
/* X = A^-1 B: gB = A^-1 gX, gA = -gB X^T. */
static void cholesky_solve_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *l = c->in[1];
    mt_tensor *gb = mt_call2a(&mt_op_cholesky_solve, gout[0], l, 1, c->arg);
    if (gin[1]) gin[1] = gb ? factor_rule(l, mt_neg(mm(gb, mT(c->out[0]))), c->arg[0].b) : NULL;
    if (gin[0]) gin[0] = gb;
}
MT_OP(cholesky_solve, .kind = MT_FUNCTION | MT_METHOD | MT_OUT,
      .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(1) | MT_KEEP_OUT(0)}, .backward = cholesky_solve_backward,
      .rule = "gB = A^-1 g; gA = -gB X^T",
      .schema = "cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor",
      .doc = "The solution X of A X = self from A's Cholesky factor.");

static int cholesky_inverse_forward(mt_call *c)
{
    mt_tensor *l = c->in[0];
    if (mt_check_matrix("cholesky_inverse", l, true) < 0) return -1;
    mt_tensor *zero = mt_eq(mt_diagonal(mt_detach(l), 0, -2, -1), mt_number(0));
    zero = zero ? mt_contiguous(zero) : NULL;
    for (int64_t i = 0; zero && i < zero->numel; i++) {
        char where[48] = "";
        int64_t n = rows(l);
        if (l->ndim > 2) snprintf(where, sizeof where, "(Batch element %" PRId64 "): ", i / n);
        if (zero->data[i])
            return mt_error(MT_LINALG_ERROR,
                            "cholesky_inverse: %sThe diagonal element %" PRId64
                            " is zero, the inversion could not be completed because the input "
                            "matrix is singular.",
                            where, i % n + 1);
    }
    return mt_result_is(c, 0, solve_factor(eye_like(l), l, c->arg[0].b));
}
/* Y = A^-1: gA = -Y gY Y. */
static void cholesky_inverse_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *y = c->out[0];
    if (gin[0]) gin[0] = factor_rule(c->in[0], mt_neg(mm(mm(y, gout[0]), y)), c->arg[0].b);
}
MT_OP(cholesky_inverse, .kind = MT_FUNCTION | MT_METHOD | MT_OUT,
      .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)}, .backward = cholesky_inverse_backward,
      .rule = "gA = -Y g Y", .schema = "cholesky_inverse(Tensor self, bool upper=False) -> Tensor",
      .doc = "The inverse of A from A's Cholesky factor.");

/* ==== matrix_exp, vander, diagonal ========================================================================================= */

static int linalg_matrix_exp_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *x, *y;
    if (mt_check_matrix("linalg.matrix_exp", a, true) < 0) return -1;
    if (!(x = mt_empty(MT_FLOAT64, a->ndim, a->size)) || mt_copy_raw(x, a) < 0) return -1;
    int64_t n = rows(a), square = n * n;
    for (int64_t i = 0; i < x->numel; i += square)
        if (mt_matrix_exp(n, (double *)(void *)x->data + i) < 0) return -1;
    return (y = mt_result(c, 0, type_of(a), a->ndim, a->size)) ? mt_copy_raw(y, x) : -1;
}
/* exp of [[A^T, g], [0, A^T]] has the gradient in its upper right corner (Mathias 1996). */
static void linalg_matrix_exp_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *a = c->in[0];
    int64_t n = columns(a);
    if (!gin[0]) return;
    mt_tensor *at = mT(a), *upper[2] = {at, gout[0]}, *lower[2] = {mt_zeros_of(&c->in_dims[0]), at};
    if (!at || !lower[0]) return;
    mt_tensor *half[2] = {mt_cat(2, upper, -1), mt_cat(2, lower, -1)};
    mt_tensor *whole = half[0] && half[1] ? mt_cat(2, half, -2) : NULL;
    mt_tensor *y = whole ? mt_call1(c->op, whole) : NULL;
    gin[0] = y ? mt_slice(mt_slice(y, -2, 0, n, 1), -1, n, 2 * n, 1) : NULL;
}
MT_OP(linalg_matrix_exp, .kind = MT_LINALG, .keeps = {MT_KEEP_IN(0)},
      .backward = linalg_matrix_exp_backward, .schema = "matrix_exp(Tensor A) -> Tensor",
      .doc = "The exponential I + A + A^2 / 2 + ... of square matrices (..., n, n).");
static int matrix_exp_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_call1(&mt_op_linalg_matrix_exp, c->in[0]));
}
MT_OP(matrix_exp, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "matrix_exp(Tensor self) -> Tensor", .doc = "As linalg.matrix_exp.");

/* The powers 0 to N - 1 of every element: ones, and running products of copies of x. */
static int linalg_vander_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *parts[2];
    int64_t size[MT_MAX_DIMS];
    if (x->ndim == 0 && !(x = mt_unsqueeze(x, 0))) return -1;
    int64_t n = c->arg[0].given ? c->arg[0].i : columns(x);
    if (n <= 1) return mt_error(MT_RUNTIME, "N must be greater than 1.");
    if (!mt_is_inexact(type_of(x))) x = mt_to_dtype(x, MT_INT64);
    if (!x) return -1;
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[x->ndim] = 1;
    parts[0] = mt_ones(type_of(x), x->ndim + 1, size);
    size[x->ndim] = n - 1;
    parts[1] = mt_cumprod(mt_expand(mt_unsqueeze(x, -1), x->ndim + 1, size), -1);
    return mt_result_is(c, 0, parts[0] && parts[1] ? mt_cat(2, parts, -1) : NULL);
}
MT_OP(linalg_vander, .kind = MT_COMPOSITE | MT_LINALG,
      .schema = "vander(Tensor x, *, int? N=None) -> Tensor",
      .doc = "The matrices (..., n, N) of the powers 0, 1, ..., N - 1 of the elements of x (..., "
             "n).");

static int linalg_diagonal_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_diagonal(c->in[0], c->arg[0].i, c->arg[1].i, c->arg[2].i));
}
MT_OP(linalg_diagonal, .kind = MT_COMPOSITE | MT_LINALG,
      .schema = "diagonal(Tensor A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
      .doc = "A view of a diagonal of matrices, as the last dimension.");
