/* Running results along a dimension: cumprod, cummax, cummin, logcumsumexp; differences and
 * trapezoids. Relies on ops/scan.h and cumsum in ops/moments.c. */
#include "ops/scan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

static mt_tensor *flip1(mt_tensor *x, int64_t dim)
{
    return x && x->ndim ? mt_flip(x, 1, &dim) : x;
}

/* ==== cumprod ================================================================================= */

static int cumprod_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    mt_dtype d = c->arg[1].given           ? (mt_dtype)c->arg[1].i
                 : mt_is_float(type_of(x)) ? type_of(x)
                                           : MT_INT64;
    mt_dtype compute = mt_is_float(d) ? d : MT_INT64;
    if (dim < 0) return -1;
    mt_tensor *result = mt_result(c, 0, d, x->ndim, x->size);
    if (!result || !(y = d == compute ? result : mt_empty(compute, x->ndim, x->size)) ||
        mt_scan_raw(MT_SCAN_PROD, y, x, dim, false) < 0)
        return -1;
    return y == result ? 0 : mt_copy_raw(result, y);
}

static bool has_zero(mt_tensor *x)
{
    mt_tensor *zero = mt_eq(mt_detach(x), mt_number(0)), *any;
    mt_arg none[1];
    any = zero ? mt_calln(&mt_op_any, 1, &zero, 0, none) : NULL;
    return any && *(bool *)any->data;
}

/* sum over j >= k of g_j along dim, without a history. */
static mt_tensor *sums_behind(mt_tensor *g, int64_t dim)
{
    const int d = g ? mt_wrap_dim(dim, g->ndim) : -1;
    mt_tensor *y = d < 0 ? NULL : mt_empty(type_of(g), g->ndim, g->size);
    return y && mt_scan_raw(MT_SCAN_SUM, y, g, d, true) == 0 ? y : NULL;
}

/* y_j is the product of x_i, i <= j, so gx_k = sum over j >= k of g_j y_j / x_k. Where a zero is
 * about, the product without x_k is formed: x in n rows, row k with 1 in place of x_k. */
static void cumprod_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0];
    int64_t dim = c->arg[0].i;
    if (!gin[0]) return;
    if (x->numel < 2 || x->ndim == 0) {
        gin[0] = g;
        return;
    }
    if (c->in_dims[0].dtype != g->dtype) x = mt_to_dtype(x, type_of(g));
    if (!has_zero(x)) {
        mt_tensor *gy = mt_mul(g, c->out[0]);
        gin[0] = mt_div(flip1(mt_cumsum(flip1(gy, dim), dim), dim), x);
        return;
    }
    int d = mt_wrap_dim(dim, x->ndim), last = x->ndim;
    int64_t n = x->size[d], size[MT_MAX_DIMS + 1], square[2] = {n, n};
    mt_tensor *lines = mt_unsqueeze(mt_transpose(x, d, -1), -2),
              *gs = mt_unsqueeze(mt_transpose(g, d, -1), -2);
    mt_tensor *ones = mt_ones(MT_BOOL, 2, square), *upper = mt_triu(ones, 0),
              *diagonal = mt_tril(upper, 0);
    if (!lines || last + 1 > MT_MAX_DIMS) return;
    memcpy(size, lines->size, (size_t)lines->ndim * sizeof *size);
    size[last - 1] = n;
    mt_tensor *others = mt_where(diagonal, mt_number(1), mt_expand(lines, last + 1, size));
    mt_tensor *terms = mt_mul(mt_cumprod(others, -1), mt_where(upper, gs, mt_number(0)));
    int64_t over = last;
    gin[0] = mt_transpose(mt_sum_dim(terms, 1, &over, false), d, -1);
}
static void cumprod_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0];
    if (gin[0] && x->numel > 1 && x->ndim && x->dtype == g->dtype && !has_zero(x))
        gin[0] = mt_div(sums_behind(mt_mul(g, c->out[0]), c->arg[0].i), x);
    else
        cumprod_backward(c, gout, gin);
}
MT_OP(cumprod, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)}, .backward = cumprod_backward,
      .fused = cumprod_fused, .rule = "flip(cumsum(flip(g * y))) / x",
      .schema = "cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The running product along dim.");
mt_tensor *mt_cumprod(mt_tensor *x, int64_t dim)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_none()};
    return mt_call1a(&mt_op_cumprod, x, 2, arg);
}

/* ==== cummax, cummin ========================================================================== */

static int running_best(mt_call *c, bool largest)
{
    mt_tensor *x = mt_contiguous_raw(c->in[0], type_of(c->in[0])), *y, *places;
    int dim = x ? mt_wrap_dim(c->arg[0].i, x->ndim) : -1;
    if (dim < 0 || !(y = mt_result(c, 0, type_of(x), x->ndim, x->size)) ||
        !(places = mt_result(c, 1, MT_INT64, x->ndim, x->size)))
        return -1;
    mt_scan_extremum(largest, y, places, x, dim);
    return 0;
}
static void running_best_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0] && gout[0])
        gin[0] = mt_scatter_add(mt_zeros_of(&c->in_dims[0]), c->arg[0].i, c->out[1], gout[0]);
    else
        gin[0] = NULL;
}
#define RUNNING_BEST(id, largest, word)                                                            \
    static int id##_forward(mt_call *c) { return running_best(c, largest); }                       \
    MT_OP(id, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},                 \
          .backward = running_best_rule, .rule = "zeros.scatter_add(dim, indices, g)",             \
          .schema = #id "(Tensor self, int dim) -> (Tensor values, Tensor indices)",               \
          .doc = "The running " word " along dim, and the place of each, of equals the last.");
RUNNING_BEST(cummax, true, "maximum")
RUNNING_BEST(cummin, false, "minimum")

/* ==== logcumsumexp ============================================================================ */

static int logcumsumexp_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (dim < 0) return -1;
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_NOT_IMPLEMENTED, "\"logcumsumexp_out_cpu\" not implemented for '%s'",
                        mt_dtype_camel(type_of(x)));
    y = mt_result(c, 0, type_of(x), x->ndim, x->size);
    return y ? mt_scan_raw(MT_SCAN_LOGSUM, y, x, dim, false) : -1;
}
/* gx_i = sum over j >= i of g_j e^(x_i - y_j), in logarithms: the positive g
 * apart from the negative ones. */
static mt_tensor *one_sign(mt_tensor *g, mt_tensor *x, mt_tensor *y, int64_t dim)
{
    mt_tensor *wanted = mt_gt(g, mt_number(0)), *lowest;
    lowest = mt_number(type_of(x) == MT_FLOAT32 ? -3.4028234663852886e38 : -1.7976931348623157e308);
    mt_tensor *log_g = mt_where(wanted, mt_log(mt_where(wanted, g, mt_number(1))), lowest);
    mt_tensor *sums = flip1(mt_logcumsumexp(flip1(mt_sub(log_g, y), dim), dim), dim);
    return mt_exp(mt_add(sums, x));
}
static void logcumsumexp_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *y = c->out[0];
    int64_t dim = c->arg[0].i;
    if (gin[0])
        gin[0] = x->numel < 2 ? g : mt_sub(one_sign(g, x, y, dim), one_sign(mt_neg(g), x, y, dim));
}
MT_OP(logcumsumexp, .kind = MT_FUNCTION | MT_METHOD | MT_OUT,
      .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)}, .backward = logcumsumexp_backward,
      .schema = "logcumsumexp(Tensor self, int dim) -> Tensor",
      .doc = "The logarithm of the running sum of e ** x along dim, without overflow.");
mt_tensor *mt_logcumsumexp(mt_tensor *x, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_call1a(&mt_op_logcumsumexp, x, 1, arg);
}

/* ==== diff ==================================================================================== */

static int diff_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *list[3];
    int d = mt_wrap_dim(c->arg[1].i, x->ndim), n = 0;
    if (x->ndim == 0)
        return mt_error(MT_RUNTIME, "diff expects input to be at least one-dimensional");
    if (d < 0) return -1;
    if (c->arg[0].i < 0)
        return mt_error(MT_RUNTIME, "order must be non-negative but got %" PRId64, c->arg[0].i);
    for (int i = 1; i < 3; i++)
        if (c->in[i] && c->in[i]->ndim != x->ndim)
            return mt_error(MT_RUNTIME,
                            "diff expects prepend or append to be the same dimension as input");
    if (c->arg[0].i == 0) return mt_result_is(c, 0, mt_clone(x));
    if (c->in[1]) list[n++] = c->in[1];
    list[n++] = x;
    if (c->in[2]) list[n++] = c->in[2];
    if (n > 1) x = mt_cat(n, list, d);
    if (!x) return -1;
    int64_t order = c->arg[0].i < x->size[d] ? c->arg[0].i : x->size[d];
    for (int64_t k = 0; x && k < order; k++) {
        mt_tensor *a = mt_slice(x, d, 1, INT64_MAX, 1),
                  *b = mt_slice(x, d, 0, x->size[d] ? x->size[d] - 1 : 0, 1);
        x = x->dtype == MT_BOOL ? mt_logical_xor(a, b) : mt_sub(a, b);
    }
    return mt_result_is(c, 0, x);
}
MT_OP(diff, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) "
                "-> Tensor",
      .doc = "The differences of neighbours along dim, taken n times; prepend and append are "
             "joined to the ends before.");

/* ==== trapezoid =============================================================================== */

/* The areas below the neighbours of y along dim: (y_i + y_i+1) / 2 times dx
 * or the differences of x. */
static mt_tensor *areas(mt_tensor *y, mt_tensor *x, double dx, int64_t dim)
{
    int d = mt_wrap_dim(dim, y->ndim);
    if (d < 0) return NULL;
    int64_t n = y->size[d];
    mt_tensor *sum = mt_add(mt_slice(y, d, 1, INT64_MAX, 1), mt_slice(y, d, 0, n ? n - 1 : 0, 1));
    if (!x) return mt_mul(sum, mt_number(dx / 2));
    int64_t m = x->ndim == 1 ? x->size[0]
                : x->ndim ? x->size[mt_wrap_dim(dim, x->ndim) < 0 ? 0 : mt_wrap_dim(dim, x->ndim)]
                          : 0;
    if (x->ndim == 0 || (x->ndim == 1 && m != n))
        return mt_fail(MT_RUNTIME, "trapezoid: There must be one `x` value for each sample point");
    if (x->ndim == 1) {
        int64_t shape[MT_MAX_DIMS];
        for (int i = 0; i < y->ndim; i++) shape[i] = i == d ? m : 1;
        x = mt_reshape(x, y->ndim, shape);
    }
    int e = x ? mt_wrap_dim(dim, x->ndim) : -1;
    if (e < 0) return NULL;
    int64_t w = x->size[e];
    mt_tensor *step = mt_sub(mt_slice(x, e, 1, INT64_MAX, 1), mt_slice(x, e, 0, w ? w - 1 : 0, 1));
    return mt_div(mt_mul(sum, step), mt_number(2));
}
static int trapezoid(mt_call *c, mt_tensor *x, double dx, int64_t dim, bool running)
{
    mt_tensor *y = c->in[0];
    int64_t size[MT_MAX_DIMS];
    int d = mt_wrap_dim(dim, y->ndim), n = 0;
    if (d < 0) return -1;
    if (y->ndim && y->size[d] == 0 && !running) {
        for (int i = 0; i < y->ndim; i++)
            if (i != d) size[n++] = y->size[i];
        mt_dtype t = mt_is_inexact(type_of(y)) ? type_of(y) : MT_INT64;
        return mt_result_is(c, 0, mt_zeros(t, n, size));
    }
    if (y->ndim == 0)
        return mt_error(MT_INDEX, "Dimension specified as %" PRId64 " but tensor has no dimensions",
                        dim);
    mt_tensor *a = areas(y, x, dx, dim);
    return mt_result_is(c, 0, running ? mt_cumsum(a, dim) : mt_sum_dim(a, 1, &dim, false));
}
#define TRAPEZOID(id, schema_name, running, text)                                                  \
    static int id##_forward(mt_call *c)                                                            \
    {                                                                                              \
        return trapezoid(c, NULL, mt_scalar_to_double(c->arg[0].s), c->arg[1].i, running);         \
    }                                                                                              \
    MT_OP(id, .kind = MT_COMPOSITE | MT_FUNCTION,                                                  \
          .schema = schema_name ".dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor",             \
          .doc = text);                                                                            \
    static int id##_x_forward(mt_call *c)                                                          \
    {                                                                                              \
        return trapezoid(c, c->in[1], 0, c->arg[0].i, running);                                    \
    }                                                                                              \
    MT_OP(id##_x, .kind = MT_COMPOSITE | MT_FUNCTION,                                              \
          .schema = schema_name ".x(Tensor y, Tensor x, *, int dim=-1) -> Tensor", .doc = "");
TRAPEZOID(trapezoid, "trapezoid", false,
          "The area below y along dim by the trapezoidal rule, at the places x or dx apart.")
TRAPEZOID(cumulative_trapezoid, "cumulative_trapezoid", true,
          "The running area below y along dim by the trapezoidal rule.")
