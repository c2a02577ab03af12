/* Activations that are no rows: gelu, glu, prelu, and the longer rules of those that are. All
 * composed of differentiable operators. */
#include "ops/rules.h"

#include <string.h>

static int float_only(const char *kernel, const mt_tensor *x)
{
    mt_dtype d = (mt_dtype)x->dtype;
    if (mt_is_float(d)) return 0;
    return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                    mt_dtype_camel(d));
}

/* exp(min(x, 0)) rather than exp(x): what is not chosen must not be infinite, or its second
 * derivative is NaN. */
mt_tensor *mt_elu_rule(mt_tensor *g, mt_tensor *x, double alpha, double scale, double divisor)
{
    mt_tensor *below = mt_minimum(x, mt_number(0));
    mt_tensor *e = mt_exp(divisor == 1 ? below : mt_div(below, mt_number(divisor)));
    mt_tensor *slope = mt_mul(e, mt_number(scale * alpha / divisor));
    return mt_mul(g, mt_where(mt_le(x, mt_number(0)), slope, mt_number(scale)));
}

/* t = tanh(softplus(x)):  y = x t,  y' = t + x sigmoid(x) (1 - t^2). */
mt_tensor *mt_mish_rule(mt_tensor *g, mt_tensor *x)
{
    mt_tensor *t = mt_tanh(mt_neg(mt_log_sigmoid(mt_neg(x))));
    mt_tensor *bend = mt_mul(mt_mul(x, mt_sigmoid(x)), mt_sub(mt_number(1), mt_square(t)));
    return mt_mul(g, mt_add(t, bend));
}

/* ==== gelu ==================================================================================== */

/* x Phi(x), Phi the cdf of the normal distribution: x / 2 erfc(-x / sqrt 2), which keeps its digits
 * where Phi is small, or close to it x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Hendrycks
 * and Gimpel 2016. */
static int gelu_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const char *how = c->arg[0].given ? c->arg[0].text : "none";
    if (float_only("GeluKernelImpl", x) < 0) return -1;
    if (strcmp(how, "none") == 0) return mt_result_is(c, 0, mt_gelu_erf(x));
    if (strcmp(how, "tanh") == 0) return mt_result_is(c, 0, mt_gelu_tanh(x));
    return mt_error(MT_RUNTIME, "approximate argument must be either none or tanh.");
}

/* Phi(x) + x phi(x), phi the density. */
mt_tensor *mt_gelu_erf_rule(mt_tensor *g, mt_tensor *x)
{
    mt_tensor *cdf = mt_mul(mt_erfc(mt_mul(x, mt_number(-0.70710678118654752440))), mt_number(0.5));
    mt_tensor *density = mt_exp(mt_mul(mt_square(x), mt_number(-0.5)));
    mt_tensor *slope = mt_mul(mt_mul(x, density), mt_number(0.39894228040143267794));
    return mt_mul(g, mt_add(cdf, slope));
}

/* With t = tanh(u):  (1 + t) / 2 + x / 2 (1 - t^2) u'. */
mt_tensor *mt_gelu_tanh_rule(mt_tensor *g, mt_tensor *x)
{
    const double s = 0.79788456080286535588, cubic = 0.044715;
    mt_tensor *square = mt_square(x), *one = mt_number(1);
    mt_tensor *u = mt_mul(mt_add(x, mt_mul(mt_mul(square, x), mt_number(cubic))), mt_number(s));
    mt_tensor *t = mt_tanh(u);
    mt_tensor *bend = mt_add(mt_mul(square, mt_number(3 * cubic * s)), mt_number(s));
    mt_tensor *far = mt_mul(mt_mul(x, mt_sub(one, mt_square(t))), bend);
    return mt_mul(g, mt_mul(mt_add(mt_add(t, one), far), mt_number(0.5)));
}

MT_OP(gelu, .kind = MT_COMPOSITE | MT_NN | MT_OUT, .grad_name = "GeluBackward0",
      .schema = "gelu(Tensor self, *, str approximate=\"none\") -> Tensor",
      .doc = "x times the normal distribution's cdf of x, of every element; approximate=\"tanh\" "
             "is a formula close to it.");

mt_tensor *mt_gelu(mt_tensor *self, const char *approximate)
{
    mt_arg arg[1] = {{.given = true, .text = approximate}};
    return mt_call1a(&mt_op_gelu, self, 1, arg);
}

/* ==== glu ===================================================================================== */

/* The halves a and b of the input along dim: a sigmoid(b). Dauphin et al. 2017. */
static int glu_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (x->ndim == 0)
        return mt_error(MT_RUNTIME,
                        "glu does not support scalars because halving size must be even");
    if (float_only("glu_cpu", x) < 0) return -1;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (dim < 0) return -1;
    int64_t n = x->size[dim];
    if (n % 2)
        return mt_error(MT_RUNTIME, "Halving dimension must be even, but dimension %d is size %lld",
                        dim, (long long)n);
    return mt_result_is(
        c, 0, mt_mul(mt_narrow(x, dim, 0, n / 2), mt_sigmoid(mt_narrow(x, dim, n / 2, n / 2))));
}

MT_OP(glu, .kind = MT_COMPOSITE | MT_NN, .grad_name = "GluBackward0",
      .schema = "glu(Tensor self, int dim=-1) -> Tensor",
      .doc = "a * sigmoid(b), a and b the halves of the input along dim.");

mt_tensor *mt_glu(mt_tensor *self, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_call1a(&mt_op_glu, self, 1, arg);
}

/* ==== prelu =================================================================================== */

/* x where positive, else w x; w is one number or one a channel (dimension 1). He et al. 2015. */
static int prelu_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *w = c->in[1];
    if (w->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "prelu: Type promoting not supported. Got %s and %s",
                        mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel((mt_dtype)w->dtype));
    if (w->ndim > 1)
        return mt_error(MT_RUNTIME,
                        "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = %d",
                        w->ndim);
    if (float_only("prelu_cpu", x) < 0) return -1;
    if (w->numel != 1) {
        int64_t channels = x->ndim > 1 ? x->size[1] : 1, shape[MT_MAX_DIMS];
        if (x->ndim == 0) return mt_error(MT_RUNTIME, "Not allow zero-dim input tensor.");
        if (channels != w->numel)
            return mt_error(MT_RUNTIME,
                            "Mismatch of parameter numbers and input channel size. Found parameter "
                            "numbers = %lld and channel size = %lld.",
                            (long long)w->numel, (long long)channels);
        for (int i = 0; i < x->ndim; i++) shape[i] = i == 1 ? channels : 1;
        w = mt_view(w, x->ndim, shape);
    } else if (w->ndim == 1 && x->ndim == 0) {
        w = mt_view(w, 0, NULL);
    }
    return mt_result_is(c, 0, mt_where(mt_gt(x, mt_number(0)), x, mt_mul(w, x)));
}

MT_OP(prelu, .kind = MT_COMPOSITE | MT_NN | MT_FUNCTION | MT_METHOD,
      .grad_name = "PreluKernelBackward0", .schema = "prelu(Tensor self, Tensor weight) -> Tensor",
      .doc = "x where it is positive, else weight * x, with one weight or one for each channel "
             "(dimension 1).");

mt_tensor *mt_prelu(mt_tensor *self, mt_tensor *weight)
{
    return mt_call2(&mt_op_prelu, self, weight);
}
