/* Reductions made of others: prod, logsumexp; and running sums and products. Read next: ops/variance.c. */
#include "ops/reduce.h"
#include "ops/rules.h"
#include "ops/scan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static mt_dtype own_type(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* ==== prod ==================================================================================== */

static int prod_over(mt_call *c, const mt_arg *dims, bool keepdim, const mt_arg *dtype)
{
    mt_tensor *x = c->in[0], *y;
    bool mask[MT_MAX_DIMS];
    int64_t size[MT_MAX_DIMS];
    mt_dtype d = dtype->given               ? (mt_dtype)dtype->i
                 : mt_is_float(own_type(x)) ? own_type(x)
                                            : MT_INT64;
    if (mt_reduce_mask(x, dims, mask) < 0) return -1;
    if (d == MT_BOOL && !(x = mt_contiguous_raw(x, MT_BOOL))) return -1; /* 0.5 is true */
    mt_dtype compute = mt_is_float(d) ? d : MT_INT64;
    if (x->dtype != compute && !(x = mt_contiguous_raw(x, compute))) return -1;
    int ndim = mt_reduced_shape(x, mask, keepdim, size);
    if (!(y = mt_result(c, 0, d, ndim, size))) return -1;
    mt_tensor *wide = d == compute ? y : mt_empty(compute, ndim, size);
    if (!wide || mt_reduce_raw(MT_REDUCE_prod, x, mask, wide) < 0) return -1;
    return wide == y ? 0 : mt_copy_raw(y, wide);
}

/* The product of the others along dim, by halves, without a division: exact wherever zeros are, and
 * so are its derivatives. others(a b) = (others(a) prod(b), prod(a) others(b)). */
static mt_tensor *others_by_halves(mt_tensor *x, int64_t dim)
{
    int64_t n = x ? x->size[dim] : 0, half = n / 2;
    if (n == 0) return x;
    if (n == 1) return mt_fill(mt_detach(x), mt_number(1));
    mt_tensor *a = mt_narrow(x, dim, 0, half), *b = mt_narrow(x, dim, half, n - half);
    mt_tensor *pair[2] = {mt_mul(others_by_halves(a, dim), mt_prod_dim(b, dim, true)),
                          mt_mul(others_by_halves(b, dim), mt_prod_dim(a, dim, true))};
    return pair[0] && pair[1] ? mt_cat(2, pair, dim) : NULL;
}

static mt_tensor *product_of_others(mt_tensor *x, const mt_arg *dim)
{
    int64_t line[1] = {x->numel}, d = dim ? mt_wrap_dim(dim->i, x->ndim) : 0;
    if (dim && x->ndim) return others_by_halves(x, d);
    mt_tensor *others = others_by_halves(mt_reshape(x, 1, line), 0);
    return others ? mt_reshape(others, x->ndim, x->size) : NULL;
}

static bool any_true(mt_tensor *t)
{
    t = t ? mt_contiguous_raw(t, MT_BOOL) : NULL;
    return t && memchr(t->data, 1, (size_t)t->numel);
}

/* The product of the others: y / x, or where zeros are about, the product of what is not zero. */
static mt_tensor *prod_gradient(const mt_call *c, mt_tensor *g, const mt_arg *dims, bool keepdim)
{
    const mt_dims *d = &c->in_dims[0];
    mt_tensor *x = c->in[0], *zero = mt_eq(x, mt_number(0));
    const bool zeros_about = any_true(zero);
    if (zero && !zeros_about && c->in_dims[0].dtype == g->dtype) {
        mt_arg one = {.given = true, .ints = {dims ? &dims->i : NULL, 1}};
        const mt_arg *along = dims ? &one : NULL;
        mt_tensor *all = mt_unreduce(c->out[0], d, along, keepdim);
        return mt_mul(mt_unreduce(g, d, along, keepdim), mt_div(all, x));
    }
    if (mt_grad_enabled() && zeros_about) {
        mt_arg list = {.given = true, .ints = {dims ? &dims->i : NULL, 1}};
        return mt_mul(mt_unreduce(g, d, dims ? &list : NULL, keepdim), product_of_others(x, dims));
    }
    mt_tensor *safe = mt_where(zero, mt_number(1), x), *rest, *zeros;
    if (dims) {
        rest = mt_prod_dim(safe, dims->i, keepdim);
        zeros = mt_sum_dim(zero, 1, &dims->i, keepdim);
    } else {
        rest = mt_prod(safe);
        zeros = mt_sum(zero);
    }
    mt_arg list = {.given = true, .ints = {dims ? &dims->i : NULL, 1}};
    const mt_arg *over = dims ? &list : NULL;
    rest = mt_unreduce(rest, d, over, keepdim);
    zeros = mt_unreduce(zeros, d, over, keepdim);
    g = mt_unreduce(g, d, over, keepdim);
    mt_tensor *one_zero = mt_logical_and(zero, mt_eq(zeros, mt_number_of(mt_scalar_int(1))));
    mt_tensor *no_zero = mt_eq(zeros, mt_number_of(mt_scalar_int(0)));
    mt_tensor *others =
        mt_where(no_zero, mt_div(rest, safe), mt_where(one_zero, rest, mt_number(0)));
    return mt_mul(g, others);
}

static int prod_forward(mt_call *c) { return prod_over(c, NULL, false, &c->arg[0]); }
static void prod_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = prod_gradient(c, gout[0], NULL, false);
}
MT_OP(prod, .kind = MT_FUNCTION | MT_METHOD, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = prod_backward, .rule = "g times the product of the others",
      .schema = "prod(Tensor self, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The product of all elements, or along dim.");
mt_tensor *mt_prod(mt_tensor *self)
{
    mt_arg arg[1] = {mt_arg_none()};
    return mt_call1a(&mt_op_prod, self, 1, arg);
}

static int prod_dim_forward(mt_call *c)
{
    mt_arg dims = mt_arg_ints(1, &c->arg[0].i);
    return prod_over(c, &dims, c->arg[1].b, &c->arg[2]);
}
static void prod_dim_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = prod_gradient(c, gout[0], &c->arg[0], c->arg[1].b);
}
MT_OP(prod_dim, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = prod_dim_backward, .grad_name = "ProdBackward1",
      .schema =
          "prod.dim(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      .doc = "");
mt_tensor *mt_prod_dim(mt_tensor *self, int64_t dim, bool keepdim)
{
    mt_arg arg[3] = {mt_arg_int(dim), mt_arg_bool(keepdim), mt_arg_none()};
    return mt_call1a(&mt_op_prod_dim, self, 3, arg);
}

/* ==== logsumexp =============================================================================== */

/* log sum e^x = m + log sum e^(x - m) for any m; the largest finite one avoids overflow. */
static int logsumexp_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int n = (int)c->arg[0].ints.n;
    const int64_t *dims = c->arg[0].ints.v;
    bool keepdim = c->arg[1].b;
    if (!mt_is_float(own_type(x))) x = mt_to_dtype(x, mt_default_dtype());
    if (!x) return -1;
    if (x->numel == 0) { /* -inf, with no gradient to divide by */
        mt_tensor *sum = mt_sum_dim(x, n, dims, keepdim);
        return mt_result_is(c, 0, mt_sub(sum, mt_number(INFINITY)));
    }
    mt_tensor *m = mt_amax(mt_detach(x), n, dims, true);
    m = mt_where(mt_isfinite(m), m, mt_number(0));
    mt_tensor *sum = mt_log(mt_sum_dim(mt_exp(mt_sub(x, m)), n, dims, keepdim));
    if (!sum) return -1;
    return mt_result_is(c, 0, mt_add(sum, mt_reshape(m, sum->ndim, sum->size)));
}
MT_OP(logsumexp, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .grad_name = "LogsumexpBackward0",
      .schema = "logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
      .doc = "log(sum(e ** x)) along dim, computed without overflow.");

/* ==== cumsum, flip ============================================================================ */

static int cumsum_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    mt_dtype d = c->arg[1].given            ? (mt_dtype)c->arg[1].i
                 : mt_is_float(own_type(x)) ? own_type(x)
                                            : MT_INT64;
    mt_dtype compute = mt_is_float(d) ? d : MT_INT64;
    if (dim < 0) return -1;
    if (d == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"cumsum_out_cpu\" not implemented for 'Bool'");
    mt_tensor *result = mt_result(c, 0, d, x->ndim, x->size);
    if (!result || !(y = d == compute ? result : mt_empty(compute, x->ndim, x->size)) ||
        mt_scan_raw(MT_SCAN_SUM, y, x, dim, false) < 0)
        return -1;
    return y == result ? 0 : mt_copy_raw(result, y);
}

/* Element i went into sums i, i+1, ...: the running sum from the other end. */
static void cumsum_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t dim = c->arg[0].i;
    if (!gin[0]) return;
    if (gout[0]->ndim == 0) {
        gin[0] = gout[0];
        return;
    }
    gin[0] = mt_flip(mt_cumsum(mt_flip(gout[0], 1, &dim), dim), 1, &dim);
}
static void cumsum_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *gx;
    if (!gin[0]) return;
    gx = mt_is_float(own_type(g)) ? mt_empty(own_type(g), g->ndim, g->size) : NULL;
    const int dim = gx ? mt_wrap_dim(c->arg[0].i, g->ndim) : -1;
    gin[0] = dim >= 0 && mt_scan_raw(MT_SCAN_SUM, gx, g, dim, true) == 0 ? gx : NULL;
}
MT_OP(cumsum, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT, .backward = cumsum_backward,
      .fused = cumsum_fused, .rule = "flip(cumsum(flip(g)))",
      .schema = "cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The running sum along dim.");
mt_tensor *mt_cumsum(mt_tensor *self, int64_t dim)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_none()};
    return mt_call1a(&mt_op_cumsum, self, 2, arg);
}

static int flip_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = mt_result(c, 0, own_type(x), x->ndim, x->size), from;
    int64_t stride[MT_MAX_DIMS];
    bool mask[MT_MAX_DIMS] = {false};
    if (!y ||
        (c->arg[0].ints.n && mt_wrap_dims(c->arg[0].ints.n, c->arg[0].ints.v, x->ndim, mask) < 0))
        return -1;
    if (x->numel == 0) return 0;
    from = *x; /* a shell that walks backwards, for the copy alone */
    from.stride = stride;
    from.flags = 0;
    for (int d = 0; d < x->ndim; d++) {
        stride[d] = mask[d] ? -x->stride[d] : x->stride[d];
        if (mask[d]) from.data += (x->size[d] - 1) * x->stride[d] * mt_itemsize(x);
    }
    mt_iter it;
    mt_iter_begin(&it, y->ndim, y->size);
    mt_iter_add(&it, y);
    mt_iter_add(&it, &from);
    mt_iter_run(&it, mt_flip_loop(own_type(x)), NULL, MT_GRAIN_CHEAP);
    return 0;
}
static void flip_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_flip(gout[0], (int)c->arg[0].ints.n, c->arg[0].ints.v);
}
MT_OP(flip, .kind = MT_FUNCTION | MT_METHOD | MT_VARARGS, .backward = flip_backward,
      .rule = "flip(g, dims)", .schema = "flip(Tensor self, int[] dims) -> Tensor",
      .doc = "A copy with the order of elements along dims reversed.");
mt_tensor *mt_flip(mt_tensor *self, int n, const int64_t *dims)
{
    mt_arg arg[1] = {mt_arg_ints(n, dims)};
    return mt_call1a(&mt_op_flip, self, 1, arg);
}
