/* Activations that are no rows: gelu, glu, prelu, and the longer rules of those that are. Rules are composed
 * of differentiable operators; where nobody differentiates again one pass over contiguous lines does
 * (kernels/blend_rows.def). */
#include "ops/rules.h"

#include "base/parallel.h"

#include <string.h>

enum { SHORT = 16 }; /* elements: shorter lines are not worth calling a kernel for */

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

/* The halves a and b of x along dim lie one behind the other, in lines of n elements. Lines go in pieces, the first
 * of which begins with the line: what is left over of blocks is the same however many threads there are. */
enum { PIECE = 1024 };
typedef struct halves {
    mt_dtype d;
    int64_t n, pieces, item; /* pieces: of a line */
    char *x, *g, *out;       /* g: for the way back */
} halves;

/* False: lines are too short for that, or x is not contiguous. */
static bool as_halves(mt_tensor *x, int dim, halves *h)
{
    int64_t n = x->size[dim] / 2;
    for (int i = dim + 1; i < x->ndim; i++) n *= x->size[i];
    *h = (halves){.d = (mt_dtype)x->dtype,
                  .n = n,
                  .pieces = (n + PIECE - 1) / PIECE,
                  .item = mt_itemsize(x),
                  .x = x->data};
    return n >= SHORT && mt_is_contiguous(x) && mt_is_float((mt_dtype)x->dtype);
}

static void run_glu(int64_t begin, int64_t end, void *context)
{
    const halves *h = context;
    static const double none[3];
    for (; begin < end; begin++) {
        const int64_t at = begin % h->pieces * PIECE, rest = h->n - at;
        const int64_t some = rest < PIECE ? rest : PIECE, line = h->n * h->item;
        const int64_t single = begin / h->pieces * line + at * h->item; /* in y and g */
        const int64_t twice = begin / h->pieces * line + single,
                      all[3] = {h->item, h->item, h->item};
        char *a = h->x + twice, *out = h->out + (h->g ? twice : single);
        char *s = h->g ? out + line : out; /* sigmoid(b) */
        mt_k->unary[MT_UNARY_sigmoid][h->d](some, (char *[]){s, a + line}, all, none);
        mt_k->binary[MT_BINARY_mul][h->d](some, (char *[]){out, h->g ? h->g + single : a, s}, all,
                                          none);
        if (h->g) mt_k->blend(MT_BLEND_glu, h->d, some, (char *[]){s, h->g + single, s, a}, none);
    }
}

static void run_halves(halves *h, int64_t lines)
{
    const int64_t unit = h->n < PIECE ? h->n : PIECE;
    mt_parallel_for(lines * h->pieces, MT_GRAIN_DEAR / unit, run_glu, h);
}

/* The halves a and b of the input along dim: a sigmoid(b). Dauphin et al. 2017. */
static int glu_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    int64_t size[MT_MAX_DIMS];
    halves h;
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
    if (!as_halves(x, dim, &h))
        return mt_result_is(
            c, 0, mt_mul(mt_narrow(x, dim, 0, n / 2), mt_sigmoid(mt_narrow(x, dim, n / 2, n / 2))));
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[dim] = n / 2;
    if (!(y = mt_result(c, 0, h.d, x->ndim, size))) return -1;
    h.out = y->data;
    run_halves(&h, y->numel / h.n);
    return 0;
}

/* ga = g s with s = sigmoid(b), gb = (1 - s) s a g. */
static void glu_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *g = gout[0], *part[2];
    if (!gin[0]) return;
    const int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    const int64_t n = x->size[dim] / 2;
    mt_tensor *s = mt_sigmoid(mt_narrow(x, dim, n, n)), *far = mt_sub(mt_number(1), s);
    part[0] = mt_mul(g, s);
    part[1] = mt_mul(mt_mul(mt_mul(far, s), mt_narrow(x, dim, 0, n)), g);
    gin[0] = part[0] && part[1] ? mt_cat(2, part, dim) : NULL;
}

static void glu_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *g = gout[0];
    halves h;
    if (!gin[0]) return;
    if (g->dtype != x->dtype || !mt_is_contiguous(g) ||
        !as_halves(x, mt_wrap_dim(c->arg[0].i, x->ndim), &h)) {
        glu_backward(c, gout, gin);
        return;
    }
    if (!(gin[0] = mt_empty_like(x, h.d))) return;
    h.g = g->data;
    h.out = gin[0]->data;
    run_halves(&h, g->numel / h.n);
}

MT_OP(glu, .kind = MT_NN, .keeps = {MT_KEEP_IN(0)}, .backward = glu_backward, .fused = glu_fused,
      .rule = "ga = g s with s = sigmoid(b); gb = (1 - s) s a g",
      .schema = "glu(Tensor self, int dim=-1) -> Tensor",
      .doc = "a * sigmoid(b), a and b the halves of the input along dim.");

mt_tensor *mt_glu(mt_tensor *self, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_call1a(&mt_op_glu, self, 1, arg);
}

/* ==== prelu =================================================================================== */

/* How many neighbours in x have the same weight; 0: too few, or the tensors are not contiguous and of one type. */
static int64_t weighted_alike(const mt_tensor *x, const mt_tensor *w)
{
    int64_t n = x->numel;
    if (w->numel != 1)
        for (int i = 0; i < 2; i++) n /= x->size[i] ? x->size[i] : 1;
    const bool plain = x->dtype == w->dtype && mt_is_float((mt_dtype)x->dtype) &&
                       mt_is_contiguous(x) && mt_is_contiguous(w);
    return plain && n >= SHORT ? n : 0;
}

/* A pass over tensors of x's shape. */
static void run_weighted(mt_blend which, mt_tensor *out, mt_tensor *first, mt_tensor *x,
                         mt_tensor *w)
{
    char *const p[4] = {out->data, first->data, x->data, x->data};
    mt_run_blend_by_lines(which, (mt_dtype)x->dtype, x->numel, p, weighted_alike(x, w), w->numel,
                          w->data);
}

/* w is one number, or has dimensions like x, with one number a channel (dimension 1). */
static int prelu_kernel_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *w = c->in[1];
    if (!weighted_alike(x, w))
        return mt_result_is(c, 0, mt_where(mt_gt(x, mt_number(0)), x, mt_mul(w, x)));
    mt_tensor *y = mt_result_like(c, 0, (mt_dtype)x->dtype, x);
    if (!y) return -1;
    run_weighted(MT_BLEND_prelu, y, x, x, w);
    return 0;
}

static void prelu_kernel_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *w = c->in[1], *g = gout[0], *above = mt_gt(x, mt_number(0));
    if (gin[0]) gin[0] = mt_where(above, g, mt_mul(w, g));
    if (gin[1]) gin[1] = mt_where(above, mt_number(0), mt_mul(x, g));
}

static void prelu_kernel_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    static const mt_blend row[2] = {MT_BLEND_leaky_relu, MT_BLEND_prelu_weight};
    mt_tensor *x = c->in[0], *w = c->in[1], *g = gout[0];
    if (g->dtype != x->dtype || !mt_is_contiguous(g) || !weighted_alike(x, w)) {
        prelu_kernel_backward(c, gout, gin);
        return;
    }
    for (int i = 0; i < 2; i++)
        if (gin[i] && (gin[i] = mt_empty_like(x, (mt_dtype)x->dtype)))
            run_weighted(row[i], gin[i], g, x, w);
}

MT_OP(prelu_kernel, .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1), MT_KEEP_IN(0)},
      .backward = prelu_kernel_backward, .fused = prelu_kernel_fused,
      .rule = "gx = where(x > 0, g, w g); gw = where(x > 0, 0, x g)",
      .schema = "_prelu_kernel(Tensor self, Tensor weight) -> Tensor",
      .doc = "prelu with a weight that broadcasts to its input.");

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
    return mt_result_is(c, 0, mt_call2(&mt_op_prelu_kernel, x, w));
}

MT_OP(prelu, .kind = MT_COMPOSITE | MT_NN | MT_FUNCTION | MT_METHOD,
      .grad_name = "PreluKernelBackward0", .schema = "prelu(Tensor self, Tensor weight) -> Tensor",
      .doc = "x where it is positive, else weight * x, with one weight or one for each channel "
             "(dimension 1).");

mt_tensor *mt_prelu(mt_tensor *self, mt_tensor *weight)
{
    return mt_call2(&mt_op_prelu, self, weight);
}
