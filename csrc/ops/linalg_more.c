/* Linear algebra made of the factorizations in ops/linalg.c: norms, pinv, lstsq, matrix_power, rank, cond, triangular
 * and Cholesky solves; and products: kron, inner, cross, tensordot's kin, cdist. */
#include "ops/linalg.h"

#include <inttypes.h>
#include <math.h>
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

/* (sum |x|^p)^(1/p); the slope of the root is 0 and not NaN where the norm is 0. */
mt_tensor *mt_norm_along(mt_tensor *x, double p, int n, const int64_t *dims, bool keepdim)
{
    mt_tensor *size = mt_abs(x);
    if (!size) return NULL;
    if (p == 0)
        return mt_sum_dim(mt_to_dtype(mt_ne(x, mt_number(0)), type_of(x)), n, dims, keepdim);
    if (p == INFINITY || p == -INFINITY) {
        mt_arg arg[2] = {mt_arg_ints(n, dims), mt_arg_bool(keepdim)};
        return mt_call1a(p > 0 ? &mt_op_amax : &mt_op_amin, size, 2, arg);
    }
    if (p == 1) return mt_sum_dim(size, n, dims, keepdim);
    mt_tensor *sum =
        mt_sum_dim(p == 2 ? mt_square(x) : mt_pow(size, mt_number(p)), n, dims, keepdim);
    mt_tensor *zero = sum ? mt_eq(sum, mt_number(0)) : NULL;
    mt_tensor *safe = mt_where(zero, mt_number(1), sum);
    mt_tensor *root = p == 2 ? mt_sqrt(safe) : mt_pow(safe, mt_number(1 / p));
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
    if (n == 0) return p == 0 ? mt_to_dtype(mt_ne(x, mt_number(0)), type_of(x)) : mt_abs(x);
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
    .schema = "vector_norm(Tensor x, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, "
              "ScalarType? dtype=None) -> Tensor",
    .doc =
        "(sum(|x| ** ord)) ** (1 / ord) of all elements or along dim; the largest or smallest size "
        "for inf and -inf, the number of nonzeros for 0.");

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
    mt_tensor *u, *s, *vt;
    const int64_t last[2] = {-2, -1};
    mt_tensor *moved = mt_movedim(x, 2, d, last);
    if (!moved || mt_svd(moved, false, &u, &s, &vt) < 0) return NULL;
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
MT_OP(dist, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "dist(Tensor self, Tensor other, Scalar p=2) -> Tensor",
      .doc = "The p-norm of self - other.");

/* ==== pinv, lstsq, rank, cond ============================================================================================== */

/* The tolerance below which a singular value counts as 0: max(atol, rtol * the largest one). */
static mt_tensor *tolerance(const mt_tensor *a, mt_tensor *s, const mt_arg *atol,
                            const mt_arg *rtol)
{
    int64_t last = -1;
    double eps = type_of(a) == MT_FLOAT32 ? 1.1920928955078125e-07 : 2.220446049250313e-16;
    int64_t most = rows(a) > columns(a) ? rows(a) : columns(a);
    double r = rtol->given ? rtol->d : atol->given && atol->d > 0 ? 0 : eps * (double)most;
    mt_tensor *top =
        s->numel ? mt_amax(mt_detach(s), 1, &last, true) : mt_sum_dim(mt_detach(s), 1, &last, true);
    return mt_clamp(mt_mul(top, mt_number(r)), mt_number(atol->given ? atol->d : 0), NULL);
}
static int linalg_pinv_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *u, *s, *vt;
    if (mt_check_matrix("linalg.pinv", a, false) < 0 || mt_svd(a, false, &u, &s, &vt) < 0)
        return -1;
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

static int linalg_matrix_rank_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *u, *s, *vt;
    int64_t last = -1;
    if (mt_check_matrix("linalg.matrix_rank", a, false) < 0 || mt_svd(a, false, &u, &s, &vt) < 0)
        return -1;
    return mt_result_is(
        c, 0, mt_sum_dim(mt_gt(s, tolerance(a, s, &c->arg[0], &c->arg[1])), 1, &last, false));
}
MT_OP(linalg_matrix_rank, .kind = MT_NODIFF | MT_LINALG | MT_OUT,
      .schema =
          "matrix_rank(Tensor A, *, float? atol=None, float? rtol=None, bool hermitian=False) -> "
          "Tensor",
      .doc = "The number of singular values above max(atol, rtol * the largest).");

static int linalg_svdvals_forward(mt_call *c)
{
    mt_tensor *u, *s, *vt;
    if (mt_check_matrix("linalg.svd", c->in[0], false) < 0) return -1;
    return mt_svd(c->in[0], false, &u, &s, &vt) < 0 ? -1 : mt_result_is(c, 0, s);
}
MT_OP(linalg_svdvals, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "svdvals(Tensor A) -> Tensor", .doc = "The singular values in descending order.");

static int condition(mt_call *c, const char *name, double p)
{
    mt_tensor *a = c->in[0], *u, *s, *vt;
    if (mt_check_matrix("linalg.cond", a, false) < 0) return -1;
    if (!name && fabs(p) == 2) {
        if (mt_svd(a, false, &u, &s, &vt) < 0) return -1;
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

/* X minimizes |A X - B|: A^+ B. The residuals are those of full-rank problems with more rows than columns. */
static int linalg_lstsq_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1], *u, *s, *vt, *none;
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
    mt_tensor *x = mm(pinv(a, c->arg[0].given ? c->arg[0].d : -1), b);
    if (!x || mt_svd(a, false, &u, &s, &vt) < 0 || !(none = mt_zeros(type_of(a), 1, &zero)))
        return -1;
    int64_t all = x->numel; /* no residuals: none of the solution */
    mt_tensor *residuals = mt_slice(mt_reshape(x, 1, &all), 0, 0, 0, 1);
    bool least_squares_only = c->arg[1].given && !strcmp(c->arg[1].text, "gels");
    mt_tensor *rank =
        mt_sum_dim(mt_gt(mt_detach(s), tolerance(a, s, &(mt_arg){0}, &c->arg[0])), 1, &last, false);
    if (!rank) return -1;
    bool full = true;
    for (int64_t i = 0; i < rank->numel; i++)
        full &= ((const int64_t *)(const void *)rank->data)[i] == columns(a);
    bool wanted = c->arg[1].given && strcmp(c->arg[1].text, "gelsy");
    if (wanted && rows(a) > columns(a) && full)
        residuals = mt_sum_dim(mt_square(mt_sub(mm(a, x), b)), 1, &down, false);
    bool knows_rank = c->arg[1].given && !least_squares_only;
    bool knows_values = knows_rank && strcmp(c->arg[1].text, "gelsy");
    mt_tensor *no_rank = mt_zeros(MT_INT64, 1, &zero);
    knows_rank |= !c->arg[1].given; /* gelsy is the default */
    if (mt_result_is(c, 0, vector ? mt_squeeze_dim(x, -1) : x) < 0 ||
        mt_result_is(c, 1, residuals) < 0 || mt_result_is(c, 2, knows_rank ? rank : no_rank) < 0)
        return -1;
    return mt_result_is(c, 3, knows_values ? mt_detach(s) : none);
}
MT_OP(linalg_lstsq, .kind = MT_COMPOSITE | MT_LINALG,
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

/* A's triangle with its diagonal, or with ones there. */
static mt_tensor *solve_triangle(mt_tensor *a, mt_tensor *b, bool upper, bool ones)
{
    int64_t side = ones ? 1 : 0;
    mt_tensor *t = upper ? mt_triu(a, side) : mt_tril(a, -side);
    if (ones) t = t ? mt_add(t, eye_like(t)) : NULL;
    return t && b && mt_same_batch(&t, &b) == 0 ? mt_solve_square(t, b) : NULL;
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
static int cholesky_solve_forward(mt_call *c)
{
    mt_tensor *b = c->in[0], *l = c->in[1];
    if (b->ndim < 2)
        return mt_error(MT_RUNTIME,
                        "b should have at least 2 dimensions, but has %d dimensions instead",
                        b->ndim);
    if (mt_check_matrix("cholesky_solve", l, true) < 0) return -1;
    if (c->arg[0].b) l = mT(l);
    mt_tensor *y = solve_triangle(l, b, false, false);
    return mt_result_is(c, 0, y ? solve_triangle(mT(l), y, true, false) : NULL);
}
MT_OP(cholesky_solve, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor",
      .doc = "The solution X of A X = self from A's Cholesky factor.");

/* ==== products ============================================================================================================ */

static int inner_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (x->ndim == 0 || y->ndim == 0) return mt_result_is(c, 0, mt_mul(x, y));
    if (columns(x) != columns(y))
        return mt_error(
            MT_RUNTIME,
            "inner() the last dimension must match on both input tensors but got shapes %s "
            "and %s",
            mt_shape_text(x->ndim, x->size, a), mt_shape_text(y->ndim, y->size, b));
    int64_t flat[2] = {columns(y) ? y->numel / columns(y) : 0, columns(y)}, size[MT_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < x->ndim - 1; d++) size[n++] = x->size[d];
    for (int d = 0; d < y->ndim - 1; d++) size[n++] = y->size[d];
    int64_t left[2] = {columns(x) ? x->numel / columns(x) : 0, columns(x)};
    mt_tensor *z = mt_mm(mt_reshape(x, 2, left), mt_t(mt_reshape(y, 2, flat)));
    return mt_result_is(c, 0, z ? mt_reshape(z, n, size) : NULL);
}
MT_OP(inner, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "inner(Tensor self, Tensor other) -> Tensor",
      .doc = "The sums of products over the last dimensions of both.");

static int vdot_forward(mt_call *c) { return mt_result_is(c, 0, mt_dot(c->in[0], c->in[1])); }
MT_OP(vdot, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "vdot(Tensor self, Tensor other) -> Tensor",
      .doc = "The sum of products of two vectors.");
static int linalg_vecdot_forward(mt_call *c)
{
    int64_t dim = c->arg[0].i;
    return mt_result_is(c, 0, mt_sum_dim(mt_mul(c->in[0], c->in[1]), 1, &dim, false));
}
MT_OP(linalg_vecdot, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
      .doc = "The sums of products along dim.");

/* Each element of self times all of other, in its place: (a0, b0, a1, b1, ...) merged. */
static int kron_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    int n = x->ndim > y->ndim ? x->ndim : y->ndim;
    int64_t a[MT_MAX_DIMS], b[MT_MAX_DIMS], size[MT_MAX_DIMS];
    if (2 * n > MT_MAX_DIMS) return mt_error(MT_RUNTIME, "kron: too many dimensions");
    for (int d = 0; d < n; d++) {
        int i = d - (n - x->ndim), j = d - (n - y->ndim);
        a[2 * d] = i < 0 ? 1 : x->size[i];
        b[2 * d + 1] = j < 0 ? 1 : y->size[j];
        a[2 * d + 1] = b[2 * d] = 1;
        size[d] = a[2 * d] * b[2 * d + 1];
    }
    mt_tensor *z = mt_mul(mt_reshape(x, 2 * n, a), mt_reshape(y, 2 * n, b));
    return mt_result_is(c, 0, z ? mt_reshape(mt_contiguous(z), n, size) : NULL);
}
MT_OP(kron, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "kron(Tensor self, Tensor other) -> Tensor",
      .doc = "The Kronecker product: every element of self times all of other.");

/* x_1 y_2 - x_2 y_1 and so on: rolled by one and by two. */
static mt_tensor *rolled(mt_tensor *x, int64_t by, int64_t dim)
{
    mt_arg arg[2] = {mt_arg_ints(1, &by), mt_arg_ints(1, &dim)};
    return mt_call1a(&mt_op_roll, x, 2, arg);
}
static mt_tensor *cross(mt_tensor *x, mt_tensor *y, int64_t dim, const char *name)
{
    int64_t size[MT_MAX_DIMS];
    if (x->ndim != y->ndim)
        return mt_fail(MT_RUNTIME, "%s: inputs must have the same number of dimensions.", name);
    int d = mt_wrap_dim(dim, x->ndim);
    if (d < 0) return NULL;
    if (x->ndim == 0 || x->size[d] != 3 || y->size[d] != 3)
        return mt_fail(MT_RUNTIME,
                       "%s: inputs dimension %" PRId64 " must have length 3. Got %" PRId64
                       " and %" PRId64,
                       name, dim, x->ndim ? x->size[d] : 1, y->ndim ? y->size[d] : 1);
    int n = mt_shape_broadcast(x->ndim, x->size, y->ndim, y->size, size);
    if (n < 0 || !(x = mt_expand(x, n, size)) || !(y = mt_expand(y, n, size))) return NULL;
    return mt_sub(mt_mul(rolled(x, 2, d), rolled(y, 1, d)),
                  mt_mul(rolled(x, 1, d), rolled(y, 2, d)));
}
static int linalg_cross_forward(mt_call *c)
{
    return mt_result_is(c, 0, cross(c->in[0], c->in[1], c->arg[0].i, "linalg.cross"));
}
MT_OP(linalg_cross, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor",
      .doc = "The vector products of the vectors of three along dim.");
static int cross_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t dim = c->arg[0].given ? c->arg[0].i : -1;
    for (int d = 0; !c->arg[0].given && dim < 0; d++) {
        if (d == x->ndim) return mt_error(MT_RUNTIME, "no dimension of size 3 in input");
        if (x->size[d] == 3) dim = d;
    }
    return mt_result_is(c, 0, cross(x, c->in[1], dim, "linalg.cross"));
}
MT_OP(cross, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
      .doc = "The vector products along dim, by default the first dimension of size 3.");

static int addr_forward(mt_call *c)
{
    mt_tensor *outer = mt_mul(mt_unsqueeze(c->in[1], -1), c->in[2]);
    mt_scalar beta = c->arg[0].s, alpha = c->arg[1].s;
    if (c->in[1]->ndim != 1 || c->in[2]->ndim != 1)
        return mt_error(MT_RUNTIME, "addr: Expected 1-D argument vec%d, but got %d-D",
                        c->in[1]->ndim != 1 ? 1 : 2,
                        c->in[1]->ndim != 1 ? c->in[1]->ndim : c->in[2]->ndim);
    if (mt_scalar_to_double(alpha) != 1) outer = mt_mul(outer, mt_number_of(alpha));
    if (mt_scalar_to_double(beta) == 0) return mt_result_is(c, 0, outer);
    return mt_result_is(c, 0, mt_add(mt_mul(c->in[0], mt_number_of(beta)), outer));
}
MT_OP(addr, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .schema =
          "addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      .doc = "beta self + alpha times the matrix of products of two vectors.");
static int addbmm_forward(mt_call *c)
{
    int64_t first = 0;
    mt_scalar beta = c->arg[0].s, alpha = c->arg[1].s;
    mt_tensor *y = mt_sum_dim(mt_bmm(c->in[1], c->in[2]), 1, &first, false);
    if (mt_scalar_to_double(alpha) != 1) y = mt_mul(y, mt_number_of(alpha));
    if (mt_scalar_to_double(beta) == 0) return mt_result_is(c, 0, y);
    return mt_result_is(c, 0, mt_add(mt_mul(c->in[0], mt_number_of(beta)), y));
}
MT_OP(addbmm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .schema =
          "addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> "
          "Tensor",
      .doc = "beta self + alpha times the sum of the products of a batch.");

/* The p-norms of x_i - y_j: rows of x (..., m, n) and of y (..., r, n). */
static int cdist_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    int64_t last = -1;
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME, "cdist only supports floating-point dtypes, X1 got: %s",
                        mt_dtype_camel(type_of(x)));
    if (x->ndim < 2 || y->ndim < 2)
        return mt_error(MT_RUNTIME, "cdist only supports at least 2D tensors, X%d got: %dD",
                        x->ndim < 2 ? 1 : 2, x->ndim < 2 ? x->ndim : y->ndim);
    if (columns(x) != columns(y))
        return mt_error(MT_RUNTIME,
                        "X1 and X2 must have the same number of columns. X1: %" PRId64
                        " X2: %" PRId64,
                        columns(x), columns(y));
    if (!(c->arg[0].d >= 0))
        return mt_error(MT_RUNTIME, "cdist only supports non-negative p values");
    mt_tensor *way = mt_sub(mt_unsqueeze(x, -2), mt_unsqueeze(y, -3));
    if (way && columns(way) == 0) return mt_result_is(c, 0, mt_sum_dim(way, 1, &last, false));
    return mt_result_is(c, 0, mt_norm_along(way, c->arg[0].d, 1, &last, false));
}
MT_OP(
    cdist, .kind = MT_COMPOSITE | MT_FUNCTION,
    .schema = "cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode=None) -> Tensor",
    .doc =
        "The p-norm distances (..., m, r) between the rows of x1 (..., m, n) and x2 (..., r, n).");
