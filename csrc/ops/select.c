/* Pointwise operators that are no rows: where, clamp, add and sub with alpha. */
#include "ops/ops.h"

#include <math.h>
#include <string.h>

/* ==== where =================================================================================== */

static mt_tensor *cast_to(mt_tensor *t, mt_dtype d)
{
    if (t->dtype == d) return t;
    mt_tensor *y = mt_empty_like(t, d);
    return y && mt_copy_raw(y, t) == 0 ? y : NULL;
}

static int where_forward(mt_call *c)
{
    mt_dtype d = mt_result_type(2, c->in + 1);
    mt_tensor *in[3] = {c->in[0], c->in[1], c->in[2]};
    if (in[0]->dtype != MT_BOOL && in[0]->dtype != MT_UINT8)
        return mt_error(
            MT_RUNTIME,
            "where expected condition to be a boolean tensor, but got a tensor with dtype %s",
            mt_dtype_camel((mt_dtype)in[0]->dtype));
    mt_tensor *y = mt_result_broadcast(c, d, 3, in);
    if (!y || !(in[0] = cast_to(in[0], MT_BOOL)) || !(in[1] = cast_to(in[1], d)) ||
        !(in[2] = cast_to(in[2], d)))
        return -1;
    mt_run_loop(mt_k->where[d], y, 3, in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

static void where_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[1]) gin[1] = mt_where(c->in[0], gout[0], mt_number(0));
    if (gin[2]) gin[2] = mt_where(c->in[0], mt_number(0), gout[0]);
}

MT_OP(where, .kind = MT_FUNCTION | MT_OUT, .keeps = {0, MT_KEEP_IN(0), MT_KEEP_IN(0)},
      .backward = where_backward,
      .rule = "gx = where(condition, g, 0); gy = where(condition, 0, g)",
      .schema = "where(Tensor condition, Number input, Number other) -> Tensor",
      .doc = "input where condition is true, other elsewhere; the three broadcast.");

mt_tensor *mt_where(mt_tensor *condition, mt_tensor *self, mt_tensor *other)
{
    mt_tensor *in[3] = {condition, self, other};
    return condition && self && other ? mt_calln(&mt_op_where, 3, in, 0, NULL) : NULL;
}

/* where(condition): the places where it holds. */
static int where_places_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t one[1] = {1};
    mt_tensor *places = mt_nonzero(x->ndim ? x : mt_reshape(x, 1, one));
    if (!places || mt_result_list(c, (int)places->size[1]) < 0) return -1;
    for (int d = 0; d < c->nout; d++)
        if (!(c->out[d] = mt_select(places, 1, d))) return -1;
    return 0;
}
MT_OP(where_places, .kind = MT_NODIFF | MT_COMPOSITE | MT_FUNCTION,
      .schema = "where.places(Tensor condition) -> Tensor[]", .doc = "");

/* x.where(condition, y): the method has another order. */
static int where_method_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_where(c->in[1], c->in[0], c->in[2]));
}
MT_OP(where_method, .kind = MT_COMPOSITE | MT_METHOD,
      .schema = "where(Tensor self, Tensor condition, Number other) -> Tensor",
      .doc = "This tensor where condition is true, other elsewhere; the three broadcast.");

/* ==== clamp =================================================================================== */

static bool is_number(const mt_tensor *t) { return t && t->flags & MT_WRAPPED_NUMBER; }

/* A number must fit the type: 300 is no bound of a uint8. */
static int check_bound(const mt_tensor *bound, mt_dtype d)
{
    if (!bound || !(bound->flags & MT_WRAPPED_NUMBER) || !mt_is_integral(d)) return 0;
    return mt_scalar_check_fill(mt_item_at(bound, 0), d);
}

/* ClampBackward1 has numbers for bounds, ClampBackward0 tensors. */
static const char *clamp_grad_name(const mt_call *c)
{
    const mt_tensor *bound = c->in[1] ? c->in[1] : c->in[2];
    return bound && bound->flags & MT_WRAPPED_NUMBER ? "ClampBackward1" : "ClampBackward0";
}

/* Two numbers in order, which a double holds and bytes have too: hardtanh's loop clamps in one pass. */
static bool limits(mt_dtype d, double *param, const mt_tensor *lo, const mt_tensor *hi)
{
    if (!is_number(lo) || !is_number(hi)) return false;
    param[0] = mt_scalar_to_double(mt_item_at(lo, 0));
    param[1] = mt_scalar_to_double(mt_item_at(hi, 0));
    const bool whole = fabs(param[0]) < 0x1p53 && fabs(param[1]) < 0x1p53;
    return param[0] <= param[1] && (mt_is_float(d) || (whole && (d != MT_UINT8 || param[0] >= 0)));
}

/* Bounds are numbers or tensors, either may be missing. min(max(x, lo), hi): NaN stays NaN. */
static int clamp_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *lo = c->in[1], *hi = c->in[2], *in[2];
    mt_dtype d = mt_result_type(3, c->in);
    if (!lo && !hi)
        return mt_error(MT_RUNTIME, "torch.clamp: At least one of 'min' or 'max' must not be None");
    if (d == MT_BOOL && (is_number(lo) || is_number(hi) || (lo && hi)))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for 'Bool'",
                        is_number(lo) || is_number(hi) ? "clamp_scalar_cpu" : "clamp_cpu");
    if (check_bound(lo, d) < 0 || check_bound(hi, d) < 0) return -1;
    if (!(in[0] = cast_to(x, d))) return -1;
    mt_tensor *y = mt_result_broadcast(c, d, 3, c->in);
    if (!y) return -1;
    double param[3] = {0};
    if (limits(d, param, lo, hi)) {
        mt_run_loop(mt_k->unary[MT_UNARY_hardtanh][d], y, 1, in, param, MT_GRAIN_CHEAP);
        return 0;
    }
    if (lo) {
        if (!(in[1] = cast_to(lo, d))) return -1;
        mt_run_loop(mt_k->binary[MT_BINARY_maximum][d], y, 2, in, NULL, MT_GRAIN_CHEAP);
        in[0] = y;
    }
    if (hi) {
        if (!(in[1] = cast_to(hi, d))) return -1;
        mt_run_loop(mt_k->binary[MT_BINARY_minimum][d], y, 2, in, NULL, MT_GRAIN_CHEAP);
    }
    return 0;
}

/* The gradient goes to what was chosen; x is chosen on the bounds too. */
static void clamp_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *lo = c->in[1], *hi = c->in[2], *zero = mt_number(0);
    mt_tensor *above = lo ? mt_ge(x, lo) : NULL, *below = hi ? mt_le(x, hi) : NULL;
    mt_tensor *inside = above && below ? mt_logical_and(above, below) : above ? above : below;
    if (gin[0]) gin[0] = mt_where(inside, g, zero);
    if (gin[1])
        gin[1] = mt_where(hi ? mt_logical_and(mt_lt(x, lo), mt_lt(lo, hi)) : mt_lt(x, lo), g, zero);
    if (gin[2])
        gin[2] = mt_where(lo ? mt_logical_or(mt_gt(x, hi), mt_gt(lo, hi)) : mt_gt(x, hi), g, zero);
}

MT_OP(clamp, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT, .backward = clamp_backward,
      .keeps = {MT_KEEP_ALL_IN, MT_KEEP_ALL_IN, MT_KEEP_ALL_IN}, .grad_name_of = clamp_grad_name,
      .rule = "where(lo <= x <= hi, g, 0)",
      .schema = "clamp(Tensor self, Number? min=None, Number? max=None) -> Tensor",
      .doc = "The elements, those below min set to min, those above max set to max.");

mt_tensor *mt_clamp(mt_tensor *self, mt_tensor *lo, mt_tensor *hi)
{
    mt_tensor *in[3] = {self, lo, hi};
    return self && (lo || hi) ? mt_calln(&mt_op_clamp, 3, in, 0, NULL) : NULL;
}

static const char *clamp_min_grad_name(const mt_call *c)
{
    return is_number(c->in[1]) ? "ClampMinBackward0" : "ClampMinBackward1";
}

static const char *clamp_max_grad_name(const mt_call *c)
{
    return is_number(c->in[1]) ? "ClampMaxBackward0" : "ClampMaxBackward1";
}

static const char *rsub_grad_name(const mt_call *c)
{
    return is_number(c->in[1]) ? "RsubBackward1" : "RsubBackward0";
}

static int clamp_min_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *lo = c->in[1];
    return mt_result_is(
        c, 0, mt_result_type(2, c->in) == MT_BOOL ? mt_logical_or(x, lo) : mt_clamp(x, lo, NULL));
}
MT_OP(clamp_min, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name_of = clamp_min_grad_name, .schema = "clamp_min(Tensor self, Number min) -> Tensor",
      .doc = "The elements, those below min set to min.");
static int clamp_max_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *hi = c->in[1];
    return mt_result_is(
        c, 0, mt_result_type(2, c->in) == MT_BOOL ? mt_logical_and(x, hi) : mt_clamp(x, NULL, hi));
}
MT_OP(clamp_max, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name_of = clamp_max_grad_name, .schema = "clamp_max(Tensor self, Number max) -> Tensor",
      .doc = "The elements, those above max set to max.");

/* ==== x y + z, rounded once =================================================================== */

static int multiply_add_forward(mt_call *c)
{
    const mt_dtype d = mt_result_type(3, c->in);
    mt_tensor *in[3], *y = mt_result_broadcast(c, d, 3, c->in);
    for (int i = 0; i < 3; i++)
        if (!y || !(in[i] = cast_to(c->in[i], d))) return -1;
    mt_run_loop(mt_k->fma[d], y, 3, in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

static void multiply_add_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    for (int i = 0; i < 2; i++)
        if (gin[i]) gin[i] = mt_mul(gout[0], c->in[1 - i]);
    if (gin[2]) gin[2] = gout[0];
}

MT_OP(multiply_add, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0), 0}, .backward = multiply_add_backward,
      .grad_name = "AddBackward0", .rule = "gx = g y; gy = g x; gz = g",
      .schema = "_multiply_add(Number x, Number y, Number z) -> Tensor",
      .doc = "x * y + z of float32 or float64, rounded once.");

/* Where PyTorch rounds once; integers and complex numbers take the two steps. */
mt_tensor *mt_multiply_add(mt_tensor *x, mt_tensor *y, mt_tensor *z)
{
    mt_tensor *in[3] = {x, y, z};
    if (!x || !y || !z) return NULL;
    if (!mt_is_float(mt_result_type(3, in))) return mt_add(z, mt_mul(x, y));
    return mt_calln(&mt_op_multiply_add, 3, in, 0, NULL);
}

/* ==== add, sub with alpha ===================================================================== */

/* x + alpha y; sign: 1 or -1. */
static int add_scaled(mt_call *c, mt_tensor *x, mt_tensor *y, int sign)
{
    mt_scalar alpha = c->arg[0].s;
    mt_dtype d = mt_result_type(2, c->in);
    if (alpha.kind == MT_SCALAR_FLOAT && !mt_is_inexact(d))
        return mt_error(
            MT_RUNTIME,
            "For integral input tensors, argument alpha must not be a floating point number.");
    if (alpha.kind == MT_SCALAR_BOOL && d != MT_BOOL)
        return mt_error(MT_RUNTIME, "Boolean alpha only supported for Boolean results.");
    if (mt_is_float(d)) {
        const double factor = sign * mt_scalar_to_double(alpha);
        return mt_result_is(c, 0, mt_multiply_add(mt_number(factor), mt_to_dtype(y, d), x));
    }
    mt_tensor *scaled =
        mt_mul(mt_to_dtype(y, d), mt_number_of(alpha)); /* uint8 times -1 would wrap around */
    return mt_result_is(c, 0, sign > 0 ? mt_add(x, scaled) : mt_sub(x, scaled));
}

static int add_alpha_forward(mt_call *c) { return add_scaled(c, c->in[0], c->in[1], 1); }
MT_OP(add_alpha, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "AddBackward0",
      .schema = "add.alpha(Number self, Number other, *, Scalar alpha=1) -> Tensor",
      .doc = "x + alpha * y.");

static int sub_alpha_forward(mt_call *c) { return add_scaled(c, c->in[0], c->in[1], -1); }
MT_OP(sub_alpha, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "SubBackward0",
      .schema = "sub.alpha(Number self, Number other, *, Scalar alpha=1) -> Tensor",
      .doc = "x - alpha * y.");

static int rsub_forward(mt_call *c)
{
    mt_scalar alpha = c->arg[0].s;
    mt_tensor *x = c->in[0];
    if (mt_scalar_to_double(alpha) == 1) return mt_result_is(c, 0, mt_sub(c->in[1], x));
    if (mt_is_float(mt_result_type(2, c->in))) return add_scaled(c, c->in[1], x, -1);
    return mt_result_is(c, 0, mt_sub(c->in[1], mt_mul(x, mt_number_of(alpha))));
}
MT_OP(rsub, .kind = MT_COMPOSITE | MT_FUNCTION, .grad_name_of = rsub_grad_name,
      .schema = "rsub(Tensor self, Number other, *, Scalar alpha=1) -> Tensor",
      .doc = "other - alpha * self.");

/* ==== division with rounding ================================================================== */

static int div_rounded_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    if (c->arg[0].text[0] == 'f') return mt_result_is(c, 0, mt_floor_divide(x, y));
    return mt_result_is(c, 0, mt_to_dtype(mt_trunc(mt_div(x, y)), mt_result_type(2, c->in)));
}

/* A step function: flat wherever it has a derivative. */
static void div_rounded_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    for (int i = 0; i < 2; i++)
        if (gin[i]) gin[i] = mt_mul(gout[0], mt_number(0));
}

MT_OP(div_rounded, .backward = div_rounded_backward, .grad_name = "DivBackward2", .rule = "0",
      .schema = "div_rounded(Tensor self, Tensor other, str mode) -> Tensor",
      .doc = "x / y rounded down (floor) or towards zero (trunc).");

mt_tensor *mt_div_rounded(mt_tensor *self, mt_tensor *other, const char *mode)
{
    mt_arg arg[1] = {{.given = true, .text = mode}};
    return other ? mt_call2a(&mt_op_div_rounded, self, other, 1, arg) : NULL;
}

static int div_mode_forward(mt_call *c)
{
    const char *mode = c->arg[0].given ? c->arg[0].text : NULL;
    if (!mode) return mt_result_is(c, 0, mt_div(c->in[0], c->in[1]));
    if (strcmp(mode, "floor") && strcmp(mode, "trunc"))
        return mt_error(
            MT_RUNTIME,
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '%s'",
            mode);
    return mt_result_is(c, 0, mt_div_rounded(c->in[0], c->in[1], mode));
}
MT_OP(div_mode, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "DivBackward2",
      .schema = "div.mode(Number self, Number other, *, str? rounding_mode=None) -> Tensor",
      .doc = "x / y, rounded down (floor) or towards zero (trunc) if rounding_mode says so.");

/* ==== rows with a number on the left, which need a tensor on the right ======================== */

static int pow_number_forward(mt_call *c) { return mt_result_is(c, 0, mt_pow(c->in[0], c->in[1])); }
MT_OP(pow_number, .kind = MT_COMPOSITE | MT_FUNCTION | MT_OUT, .grad_name = "PowBackward2",
      .schema = "pow.number(Number self, Tensor exponent) -> Tensor", .doc = "");

static int remainder_number_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_remainder(c->in[0], c->in[1]));
}
MT_OP(remainder_number, .kind = MT_COMPOSITE | MT_FUNCTION,
      .schema = "remainder.number(Number self, Tensor other) -> Tensor", .doc = "");

/* ==== round to decimals ======================================================================= */

/* round(x 10^d) / 10^d; for a negative d round(x / 10^-d) 10^-d, as 10^d would not be exact. */
static int round_decimals_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t decimals = c->arg[0].i;
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'",
                        decimals ? "round_cpu" : "round_vml_cpu",
                        mt_dtype_camel((mt_dtype)x->dtype));
    if (decimals == 0) return mt_result_is(c, 0, mt_round(x));
    mt_tensor *power = mt_number(pow(10, fabs((double)decimals)));
    return mt_result_is(c, 0,
                        decimals > 0 ? mt_div(mt_round(mt_mul(x, power)), power)
                                     : mt_mul(mt_round(mt_div(x, power)), power));
}

static void round_decimals_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = mt_mul(gout[0], mt_number(0));
}

MT_OP(round_decimals, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .backward = round_decimals_backward, .grad_name = "RoundBackward1", .rule = "0",
      .schema = "round.decimals(Tensor self, *, int decimals) -> Tensor", .doc = "");
