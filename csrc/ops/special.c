/* Special functions of one and two real numbers. They are rare, so each has one plain loop
 * in double here instead of a row in the kernels; float32 is computed in double and
 * rounded once. Relies on ops.h. */
#include "ops/ops.h"

#include <math.h>

#define PI      3.14159265358979323846
#define SQRT_PI 1.77245385090551602730

/* ==== formulas ================================================================================ */

/* Recurrence psi(x) = psi(x + 1) - 1 / x up to 10, then the asymptotic series
 * (Abramowitz & Stegun 6.3.18); below 0 by the reflection psi(x) = psi(1 - x) - pi / tan(pi x). */
static double digamma(double x)
{
    if (x == 0) return copysign(INFINITY, -x);
    if (x < 0) {
        if (x == floor(x)) return NAN;
        double whole;
        return digamma(1 - x) - PI / tan(PI * modf(x, &whole));
    }
    double sum = 0;
    for (; x < 10; x++) sum -= 1 / x;
    if (x > 1e17) return log(x);
    double z = 1 / (x * x);
    double series =
        z * (1.0 / 12 -
             z * (1.0 / 120 -
                  z * (1.0 / 252 -
                       z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z * (1.0 / 12)))))));
    return sum + log(x) - 0.5 / x - series;
}

/* The derivative of digamma, by the derivatives of what that is made of (Abramowitz & Stegun 6.4.12). x: no
 * integer below 1. */
static double trigamma(double x)
{
    if (x < 0) {
        double whole, sine = sin(PI * modf(x, &whole));
        return PI * PI / (sine * sine) - trigamma(1 - x);
    }
    double sum = 0;
    for (; x < 10; x++) sum += 1 / (x * x);
    double z = 1 / (x * x);
    double series =
        1.0 / 6 -
        z * (1.0 / 30 -
             z * (1.0 / 42 -
                  z * (1.0 / 30 -
                       z * (5.0 / 66 - z * (691.0 / 2730 - z * (7.0 / 6 - z * (3617.0 / 510)))))));
    return sum + 1 / x + z / 2 + z / x * series;
}

/* Hurwitz: sum over n >= 0 of 1 / (n + q)^s, by Euler and Maclaurin behind the first terms. */
static double zeta(double s, double q)
{
    static const double bernoulli[] = {
        1.0 / 12, /* B_2k / (2k)! */
        -1.0 / 720,
        1.0 / 30240,
        -1.0 / 1209600,
        1.0 / 47900160,
        -691.0 / 1307674368000.0,
        1.0 / 74724249600.0,
        -3617.0 / 10670622842880000.0,
    };
    if (s == 1) return INFINITY;
    if (s < 1 || isnan(q)) return NAN;
    if (q == INFINITY) return 0;
    if (q <= 0 && q == floor(q)) return INFINITY;
    if (q <= 0 && s != floor(s)) return NAN;
    if (s == 2) return trigamma(q);
    double sum = 0, a = q;
    for (int n = 0; n < 10 || a <= 10; n++, a++) {
        double term = pow(a, -s);
        sum += term;
        if (fabs(term) < 1e-17 * fabs(sum)) return sum;
    }
    double power = pow(a, -s), factor = s;
    sum += power * a / (s - 1) + 0.5 * power;
    power /= a;
    for (int k = 0; k < 8; k++) {
        sum += bernoulli[k] * factor * power;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2);
        power /= a * a;
    }
    return sum;
}

/* erf(y) = x, by Halley's steps from Winitzki's approximation; near 1 on
 * erfc, where digits are left. */
static double erfinv(double x)
{
    double rest = 1 - fabs(x);
    if (!(rest >= 0)) return NAN;
    if (rest == 0) return copysign(INFINITY, x);
    const double a = 0.147;
    double l = log1p(-x * x), m = 2 / (PI * a) + l / 2, y = sqrt(sqrt(m * m - l / a) - m);
    for (int i = 0; i < 3; i++) {
        double error = rest < 0.5 ? rest - erfc(y) : erf(y) - fabs(x);
        double step = error * SQRT_PI / 2 * exp(y * y);
        y -= step / (1 + y * step);
    }
    return copysign(y, x);
}

static double sinc(double x) { return x == 0 ? 1 : sin(PI * x) / (PI * x); }

/* e^-|x| I_n(x), n 0 or 1: the power series, whose terms are all positive, and beyond 30 the
 * asymptotic one (Abramowitz & Stegun 9.6.10, 9.7.1). */
static double bessel(int n, double x)
{
    double a = fabs(x), term, sum;
    if (isnan(x)) return x;
    if (a <= 30) {
        term = sum = n ? a / 2 : 1;
        for (int k = 1; term > 1e-17 * sum; k++) sum += term *= a * a / 4 / (k * (k + n));
        sum *= exp(-a);
    } else {
        double mu = 4.0 * n * n;
        term = sum = 1;
        for (int k = 1; k < 40 && fabs(term) > 1e-17; k++)
            sum += term *= -(mu - (2 * k - 1) * (2 * k - 1)) / (k * 8 * a);
        sum /= sqrt(2 * PI * a);
    }
    return n && x < 0 ? -sum : sum;
}
static double i0e(double x) { return bessel(0, x); }
static double i1e(double x) { return bessel(1, x); }
static double i0(double x) { return bessel(0, x) * exp(fabs(x)); }
static double i1(double x) { return bessel(1, x) * exp(fabs(x)); }

static double ndtr(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
static double ndtri(double p)
{
    return p < 0.5 ? -1.41421356237309504880 * erfinv(1 - 2 * p)
                   : 1.41421356237309504880 * erfinv(2 * p - 1);
}
/* Far below 0 by the continued fraction of the tail. */
static double log_ndtr(double x)
{
    if (x > -20) return x > 5 ? log1p(-ndtr(-x)) : log(ndtr(x));
    double f = 0;
    for (int k = 30; k > 0; k--) f = k / (f - x);
    return -0.5 * x * x - log(f - x) - 0.91893853320467274178;
}
/* e^(x^2) erfc(x), beyond 25 by the continued fraction of erfc. */
static double erfcx(double x)
{
    if (x < 25) return exp(x * x) * erfc(x);
    double f = 0;
    for (int k = 20; k > 0; k--) f = 0.5 * k / (x + f);
    return 1 / ((x + f) * SQRT_PI);
}
static double entr(double x) { return isnan(x) ? x : x > 0 ? -x * log(x) : x == 0 ? 0 : -INFINITY; }
static double xlog1py(double x, double y) { return isnan(y) ? y : x == 0 ? 0 : x * log1p(y); }

/* ==== running them ============================================================================ */

static mt_tensor *as(mt_tensor *t, mt_dtype d)
{
    if (t->dtype == d) return t;
    mt_tensor *y = mt_empty_like(t, d);
    return y && mt_copy_raw(y, t) == 0 ? y : NULL;
}

static int run(mt_call *c, mt_loop f32, mt_loop f64)
{
    mt_dtype d = mt_result_type(c->nin, c->in);
    if (!mt_is_float(d)) d = mt_default_dtype();
    mt_tensor *in[2] = {as(c->in[0], d), c->nin > 1 ? as(c->in[1], d) : NULL};
    if (!in[0] || (c->nin > 1 && !in[1])) return -1;
    mt_tensor *y =
        c->nin > 1 ? mt_result_broadcast(c, d, 2, c->in) : mt_result_like(c, 0, d, in[0]);
    if (!y) return -1;
    mt_run_loop(d == MT_FLOAT32 ? f32 : f64, y, c->nin, in, NULL, MT_GRAIN_DEAR / 8);
    return 0;
}

#define LOOP_1(name, T, f)                                                                         \
    static void name(int64_t n, char *const *p, const int64_t *stride, const double *param)        \
    {                                                                                              \
        (void)param;                                                                               \
        for (int64_t i = 0; i < n; i++)                                                            \
            *(T *)(p[0] + i * stride[0]) = (T)f((double)*(const T *)(p[1] + i * stride[1]));       \
    }
#define LOOP_2(name, T, f)                                                                         \
    static void name(int64_t n, char *const *p, const int64_t *stride, const double *param)        \
    {                                                                                              \
        (void)param;                                                                               \
        for (int64_t i = 0; i < n; i++)                                                            \
            *(T *)(p[0] + i * stride[0]) = (T)f((double)*(const T *)(p[1] + i * stride[1]),        \
                                                (double)*(const T *)(p[2] + i * stride[2]));       \
    }

/* name(x) with the gradient gx of g, x and y (the result). */
#define SPECIAL_1(id, name, where, f, keep, gx, text)                                              \
    LOOP_1(id##_f32, float, f)                                                                     \
    SPECIAL_1_BY(id, name, where, id##_f32, f, keep, gx, text)
#define SPECIAL_1_BY(id, name, where, f32, f, keep, gx, text)                                      \
    LOOP_1(id##_f64, double, f)                                                                    \
    static int id##_forward(mt_call *c) { return run(c, f32, id##_f64); }                          \
    static void id##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                 \
    {                                                                                              \
        mt_tensor *g = gout[0], *x = c->in[0], *y = c->out[0];                                     \
        (void)x, (void)y;                                                                          \
        if (gin[0]) gin[0] = mt_mul(g, gx);                                                        \
    }                                                                                              \
    MT_OP(id, .kind = where, .keeps = {keep}, .backward = id##_backward, .rule = "g * " #gx,       \
          .schema = name "(Tensor self) -> Tensor", .doc = text);                                  \
    mt_tensor *mt_##id(mt_tensor *x) { return mt_call1(&mt_op_##id, x); }
/* name(x, y) with the gradients of both. */
#define SPECIAL_2(id, name, f, gx, gy, text)                                                       \
    LOOP_2(id##_f32, float, f)                                                                     \
    LOOP_2(id##_f64, double, f)                                                                    \
    static int id##_forward(mt_call *c) { return run(c, id##_f32, id##_f64); }                     \
    static void id##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                 \
    {                                                                                              \
        mt_tensor *g = gout[0], *x = c->in[0], *y = c->in[1];                                      \
        if (gin[0]) gin[0] = gx;                                                                   \
        if (gin[1]) gin[1] = gy;                                                                   \
    }                                                                                              \
    MT_OP(id, .kind = MT_SPECIAL | MT_OUT, .keeps = {MT_KEEP_ALL_IN, MT_KEEP_ALL_IN},              \
          .backward = id##_backward, .schema = name "(Number self, Number other) -> Tensor",       \
          .doc = text);                                                                            \
    mt_tensor *mt_##id(mt_tensor *x, mt_tensor *y) { return mt_call2(&mt_op_##id, x, y); }

#define EVERYWHERE (MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT | MT_SPECIAL)
#define THERE      (MT_SPECIAL | MT_OUT)
#define ONE        mt_number(1)
#define KEEP_X     MT_KEEP_IN(0)
#define KEEP_Y     MT_KEEP_OUT(0)
#define KEEP_XY    (MT_KEEP_IN(0) | MT_KEEP_OUT(0))

/* d/dx sin(pi x) / (pi x) = (cos(pi x) - sinc(x)) / x, and 0 at 0. */
static mt_tensor *sinc_slope(mt_tensor *x)
{
    mt_tensor *zero = mt_eq(x, mt_number(0)), *safe = mt_where(zero, ONE, x);
    mt_tensor *slope = mt_div(mt_sub(mt_cos(mt_mul(x, mt_number(PI))), mt_sinc(x)), safe);
    return mt_where(zero, mt_mul(x, mt_number(-PI * PI / 3)), slope);
}

SPECIAL_1(digamma, "digamma", EVERYWHERE, digamma, KEEP_X, mt_polygamma(1, x),
          "The derivative of lgamma of every element.")
SPECIAL_1_BY(erfinv, "erfinv", EVERYWHERE, mt_k->erfinv, erfinv, KEEP_X,
             mt_mul(mt_exp(mt_square(mt_erfinv(x))), mt_number(SQRT_PI / 2)),
             "The number whose erf is x, of every element; NaN outside [-1, 1].")
SPECIAL_1(sinc, "sinc", EVERYWHERE, sinc, KEEP_X, sinc_slope(x),
          "sin(pi x) / (pi x) of every element, 1 at 0.")
SPECIAL_1(i0, "i0", EVERYWHERE, i0, KEEP_X, mt_i1(x),
          "The modified Bessel function of the first kind, order 0, of every element.")
SPECIAL_1(i0e, "i0e", THERE, i0e, KEEP_XY, mt_sub(mt_i1e(x), mt_mul(mt_sign(x), y)),
          "i0(x) * e ** -|x| of every element.")
/* I1' = I0 - I1 / x, 1/2 at 0. */
static mt_tensor *i1_slope(mt_tensor *x, mt_tensor *zeroth, mt_tensor *y)
{
    mt_tensor *zero = mt_eq(x, mt_number(0)), *safe = mt_where(zero, ONE, x);
    return mt_where(zero, mt_number(0.5), mt_sub(zeroth, mt_div(y, safe)));
}
SPECIAL_1(i1, "i1", THERE, i1, KEEP_XY, i1_slope(x, mt_i0(x), y),
          "The modified Bessel function of the first kind, order 1, of every element.")
SPECIAL_1(i1e, "i1e", THERE, i1e, KEEP_XY, mt_sub(i1_slope(x, mt_i0e(x), y), mt_mul(mt_sign(x), y)),
          "i1(x) * e ** -|x| of every element.")
SPECIAL_1(ndtr, "ndtr", THERE, ndtr, KEEP_X,
          mt_mul(mt_exp(mt_mul(mt_square(x), mt_number(-0.5))), mt_number(0.39894228040143267794)),
          "The distribution function of the normal distribution at every element.")
SPECIAL_1(ndtri, "ndtri", THERE, ndtri, KEEP_Y,
          mt_mul(mt_exp(mt_mul(mt_square(y), mt_number(0.5))), mt_number(2.50662827463100050242)),
          "The number below which a normal variable lies with probability x, of every element.")
SPECIAL_1(log_ndtr, "log_ndtr", THERE, log_ndtr, KEEP_X,
          mt_div(mt_number(0.79788456080286535588),
                 mt_erfcx(mt_mul(x, mt_number(-0.70710678118654752440)))),
          "log(ndtr(x)) of every element, exact far below 0.")
SPECIAL_1(erfcx, "erfcx", THERE, erfcx, KEEP_XY,
          mt_sub(mt_mul(mt_mul(mt_number(2), x), y), mt_number(2 / SQRT_PI)),
          "e ** (x * x) * erfc(x) of every element.")
SPECIAL_1(entr, "entr", THERE, entr, KEEP_X, mt_sub(mt_neg(mt_log(x)), ONE),
          "-x * log(x) of every element, 0 at 0 and -inf below.")
SPECIAL_2(zeta, "zeta", zeta,
          mt_fail(MT_NOT_IMPLEMENTED, "the derivative for 'self' is not implemented"),
          mt_mul(mt_neg(mt_mul(g, x)), mt_zeta(mt_add(x, ONE), y)),
          "The Hurwitz zeta function: the sum over n >= 0 of (n + other) ** -self.")
SPECIAL_2(xlog1py, "xlog1py", xlog1py,
          mt_where(mt_logical_and(mt_eq(x, mt_number(0)), mt_le(y, mt_number(-1))), mt_number(0),
                   mt_mul(g, mt_log1p(y))),
          mt_div(mt_mul(g, x), mt_add(y, ONE)),
          "self * log1p(other), and 0 where self is 0 (NaN where other is NaN).")

/* ==== polygamma, mvlgamma ===================================================================== */

/* psi_n(x) = (-1)^(n+1) n! zeta(n + 1, x) for n > 0. */
static int polygamma_forward(mt_call *c)
{
    int64_t n = c->arg[0].i;
    if (n < 0) return mt_error(MT_RUNTIME, "polygamma(n, x) does not support negative n.");
    if (n == 0) return mt_result_is(c, 0, mt_digamma(c->in[0]));
    double factor = (n % 2 ? 1 : -1) * tgamma((double)n + 1);
    mt_tensor *z = mt_zeta(mt_number((double)n + 1), c->in[0]);
    return mt_result_is(c, 0, factor == 1 ? z : mt_mul(z, mt_number(factor)));
}
MT_OP(polygamma, .kind = MT_COMPOSITE | MT_FUNCTION | MT_SPECIAL | MT_OUT,
      .schema = "polygamma(int n, Tensor self) -> Tensor",
      .doc = "The nth derivative of digamma of every element.");
mt_tensor *mt_polygamma(int64_t n, mt_tensor *x)
{
    mt_arg arg[1] = {mt_arg_int(n)};
    return mt_call1a(&mt_op_polygamma, x, 1, arg);
}

static int polygamma_method_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_polygamma(c->arg[0].i, c->in[0]));
}
MT_OP(polygamma_method, .kind = MT_COMPOSITE | MT_METHOD | MT_INPLACE,
      .schema = "polygamma(Tensor self, int n) -> Tensor",
      .doc = "The nth derivative of digamma of every element.");

/* log of the multivariate gamma function: p (p - 1) / 4 log pi + sum of
 * lgamma(x - i / 2), i < p. */
static int mvlgamma_forward(mt_call *c)
{
    int64_t p = c->arg[0].i;
    mt_tensor *x = c->in[0], *y = mt_lgamma(x);
    if (p < 1) return mt_error(MT_RUNTIME, "p has to be greater than or equal to 1");
    for (int64_t i = 1; y && i < p; i++)
        y = mt_add(y, mt_lgamma(mt_sub(x, mt_number((double)i / 2))));
    double constant = (double)(p * (p - 1)) / 4 * log(PI);
    return mt_result_is(c, 0, mt_add(y, mt_number(constant)));
}
MT_OP(mvlgamma, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "MvlgammaBackward0", .schema = "mvlgamma(Tensor self, int p) -> Tensor",
      .doc = "The logarithm of the multivariate gamma function of dimension p of every element.");

/* ==== logit =================================================================================== */

/* z clamped to [eps, 1 - eps]; without eps, the gradient outside [0, 1] is NaN like the value. */
static int logit_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    double eps = c->arg[0].d;
    if (!mt_is_float((mt_dtype)x->dtype)) x = as(x, mt_default_dtype());
    if (c->arg[0].given) x = mt_clamp(x, mt_number(eps), mt_number(1 - eps));
    return mt_result_is(c, 0, mt_log(mt_div(x, mt_sub(ONE, x))));
}
static void logit_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    double eps = c->arg[0].given ? c->arg[0].d : 0;
    mt_tensor *x = c->in[0],
              *inside = mt_logical_and(mt_ge(x, mt_number(eps)), mt_le(x, mt_number(1 - eps)));
    mt_tensor *slope = mt_div(gout[0], mt_mul(x, mt_sub(ONE, x)));
    if (gin[0]) gin[0] = mt_where(inside, slope, mt_number(c->arg[0].given ? 0 : NAN));
}

/* The same in one pass. p: the gradient of x, that of the result, x; param: eps, 1 - eps, what is outside. */
#define LOGIT_SLOPE(name, T)                                                                       \
    static __attribute__((optimize("O3"))) void name(int64_t n, char *const *p,                    \
                                                     const int64_t *stride, const double *param)   \
    {                                                                                              \
        T *restrict out = (void *)p[0];                                                            \
        const T *g = (const void *)p[1], *x = (const void *)p[2];                                  \
        const T least = (T)param[0], most = (T)param[1], outside = (T)param[2];                    \
        (void)stride;                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (x[i] >= least) & (x[i] <= most) ? g[i] / (x[i] * (1 - x[i])) : outside;      \
    }
LOGIT_SLOPE(logit_slope_f32, float)
LOGIT_SLOPE(logit_slope_f64, double)
static void logit_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *in[2] = {gout[0], x};
    const bool given = c->arg[0].given, alike = in[0]->dtype == x->dtype;
    const double eps = given ? c->arg[0].d : 0, param[3] = {eps, 1 - eps, given ? 0 : NAN};
    if (!alike || !mt_is_contiguous(x) || !mt_is_contiguous(in[0]) || !mt_same_shape(x, in[0]))
        logit_backward(c, gout, gin);
    else if (gin[0] && (gin[0] = mt_empty_like(x, (mt_dtype)x->dtype)))
        mt_run_loop(x->dtype == MT_FLOAT32 ? logit_slope_f32 : logit_slope_f64, gin[0], 2, in,
                    param, MT_GRAIN_CHEAP);
}
MT_OP(
    logit, .kind = EVERYWHERE, .keeps = {MT_KEEP_IN(0)}, .backward = logit_backward,
    .fused = logit_fused, .rule = "g / (x * (1 - x))",
    .schema = "logit(Tensor self, float? eps=None) -> Tensor",
    .doc = "log(x / (1 - x)) of every element, clamped to [eps, 1 - eps] before if eps is given.");
