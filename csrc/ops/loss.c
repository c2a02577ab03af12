/* Losses between two tensors of one shape: mse, l1, smooth l1, huber, binary cross entropy.
 * Read next: ops/nll.c for the losses on classes. */
#include "ops/loss.h"

#include <string.h>

int mt_reduction_of(const char *text, mt_loss_reduction *r)
{
    if (!strcmp(text, "mean"))
        *r = MT_LOSS_MEAN;
    else if (!strcmp(text, "sum"))
        *r = MT_LOSS_SUM;
    else if (!strcmp(text, "none"))
        *r = MT_LOSS_NONE;
    else
        return mt_error(MT_VALUE, "%s is not a valid value for reduction", text);
    return 0;
}

mt_tensor *mt_reduce_loss(mt_tensor *t, mt_loss_reduction r)
{
    return !t || r == MT_LOSS_NONE ? t : r == MT_LOSS_SUM ? mt_sum(t) : mt_mean(t);
}

int mt_not_differentiable(const mt_tensor *t, const char *function, const char *argument)
{
    if (!t || !mt_grad_enabled() || !mt_requires_grad(t)) return 0;
    return mt_error(MT_RUNTIME,
                    "The function '%s' is not differentiable with respect to argument '%s'. This "
                    "input cannot have requires_grad True.",
                    function, argument);
}

/* Integers have no kernel for most losses. */
static int float_only(const char *kernel, mt_dtype d)
{
    if (mt_is_float(d)) return 0;
    return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                    mt_dtype_camel(d));
}

/* reduction is the last argument of every loss here. */
static int finish(mt_call *c, mt_tensor *t)
{
    mt_loss_reduction r = MT_LOSS_MEAN;
    if (mt_reduction_of(c->arg[c->narg - 1].text, &r) < 0) return -1;
    return mt_result_is(c, 0, mt_reduce_loss(t, r));
}

static mt_tensor *number(double v) { return mt_number(v); }

/* ==== mse_loss ================================================================================================== */

#define SQUARED_DISTANCE(T, name)                                                                  \
    static double name(int64_t n, const T *x, const T *y)                                          \
    {                                                                                              \
        double total = 0;                                                                          \
        while (n > 0) { /* blocks, so that the rounding of a long sum stays small */               \
            T lane[8] = {0};                                                                       \
            int64_t m = n < 512 ? n : 512, i = 0;                                                  \
            for (; i + 8 <= m; i += 8)                                                             \
                for (int k = 0; k < 8; k++)                                                        \
                    lane[k] += (x[i + k] - y[i + k]) * (x[i + k] - y[i + k]);                      \
            for (; i < m; i++) lane[0] += (x[i] - y[i]) * (x[i] - y[i]);                           \
            for (int k = 0; k < 8; k++) total += lane[k];                                          \
            n -= m, x += m, y += m;                                                                \
        }                                                                                          \
        return total;                                                                              \
    }
SQUARED_DISTANCE(float, squared_distance_f32)
SQUARED_DISTANCE(double, squared_distance_f64)

/* Two contiguous tensors of one shape and floating type: one pass, no temporaries. */
static bool plain(const mt_tensor *x, const mt_tensor *y)
{
    return x->dtype == y->dtype && mt_is_float((mt_dtype)x->dtype) && mt_is_contiguous(x) &&
           mt_is_contiguous(y) && mt_same_shape(x, y);
}

static int mse_loss_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *z;
    mt_loss_reduction r = MT_LOSS_MEAN;
    if (mt_reduction_of(c->arg[0].text, &r) < 0) return -1;
    if (!plain(x, y) && float_only("mse_cpu", mt_result_type(2, c->in)) < 0) return -1;
    if (r == MT_LOSS_NONE || !plain(x, y))
        return mt_result_is(c, 0, mt_reduce_loss(mt_square(mt_sub(x, y)), r));
    mt_dtype d = (mt_dtype)x->dtype;
    if (!(z = mt_result(c, 0, d, 0, NULL))) return -1;
    double sum = d == MT_FLOAT32 ? squared_distance_f32(x->numel, (const float *)(void *)x->data,
                                                        (const float *)(void *)y->data)
                                 : squared_distance_f64(x->numel, (const double *)(void *)x->data,
                                                        (const double *)(void *)y->data);
    if (r == MT_LOSS_MEAN) sum /= (double)x->numel;
    mt_scalar_store(mt_scalar_float(sum), d, z->data);
    return 0;
}

/* The factor of the mean, 1 for the others. */
static double share(const mt_call *c)
{
    int64_t size[MT_MAX_DIMS], n = 1;
    const mt_dims *x = &c->in_dims[0], *y = &c->in_dims[1];
    if (strcmp(c->arg[c->narg - 1].text, "mean")) return 1;
    int ndim = mt_shape_broadcast(x->ndim, x->size, y->ndim, y->size, size);
    for (int d = 0; d < ndim; d++) n *= size[d];
    return 1 / (double)n;
}

/* d (x - y)^2 = 2 (x - y) (dx - dy). */
static void mse_loss_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *slope = mt_mul(mt_sub(c->in[0], c->in[1]), mt_mul(gout[0], number(2 * share(c))));
    if (gin[0]) gin[0] = slope;
    if (gin[1]) gin[1] = mt_neg(slope);
}

static void mse_loss_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *g = gout[0];
    if (gin[1] || !plain(x, y) || g->numel != 1 || g->dtype != x->dtype) {
        mse_loss_backward(c, gout, gin);
        return;
    }
    mt_tensor *gx = gin[0] = mt_empty((mt_dtype)x->dtype, x->ndim, x->size);
    if (!gx) return;
    double slope = 2 * share(c) * mt_scalar_to_double(mt_item_at(g, 0));
    if (x->dtype == MT_FLOAT32) {
        const float *a = (const float *)(void *)x->data, *b = (const float *)(void *)y->data,
                    s = (float)slope;
        for (int64_t i = 0; i < x->numel; i++) ((float *)(void *)gx->data)[i] = (a[i] - b[i]) * s;
    } else {
        const double *a = (const double *)(void *)x->data, *b = (const double *)(void *)y->data;
        for (int64_t i = 0; i < x->numel; i++)
            ((double *)(void *)gx->data)[i] = (a[i] - b[i]) * slope;
    }
}

MT_OP(mse_loss, .kind = MT_NN,
      .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1), MT_KEEP_IN(0) | MT_KEEP_IN(1)},
      .backward = mse_loss_backward, .fused = mse_loss_fused,
      .rule = "gx = 2 (x - y) g / n; gy = -gx",
      .schema = "mse_loss(Tensor input, Tensor target, str reduction=\"mean\") -> Tensor",
      .doc = "The mean (or sum, or each) of (input - target) ** 2.");

mt_tensor *mt_mse_loss(mt_tensor *input, mt_tensor *target, const char *reduction)
{
    mt_arg arg[1] = {{.given = true, .text = reduction}};
    return target ? mt_call2a(&mt_op_mse_loss, input, target, 1, arg) : NULL;
}

/* ==== l1_loss, smooth_l1_loss, huber_loss ======================================================================== */

static int l1_loss_forward(mt_call *c) { return finish(c, mt_abs(mt_sub(c->in[0], c->in[1]))); }
MT_OP(l1_loss, .kind = MT_COMPOSITE | MT_NN,
      .schema = "l1_loss(Tensor input, Tensor target, str reduction=\"mean\") -> Tensor",
      .doc = "The mean (or sum, or each) of |input - target|.");

/* 0.5 d^2 / beta where d = |x - y| < beta, else d - 0.5 beta. */
static int smooth_l1_loss_forward(mt_call *c)
{
    double beta = c->arg[0].d;
    if (beta < 0)
        return mt_error(MT_RUNTIME, "smooth_l1_loss does not support negative values for beta.");
    if (float_only("smooth_l1_cpu", mt_result_type(2, c->in)) < 0) return -1;
    mt_tensor *d = mt_abs(mt_sub(c->in[0], c->in[1]));
    if (beta == 0) return finish(c, d);
    mt_tensor *near = mt_mul(mt_square(d), number(0.5 / beta)),
              *far = mt_sub(d, number(0.5 * beta));
    return finish(c, mt_where(mt_lt(d, number(beta)), near, far));
}
MT_OP(smooth_l1_loss, .kind = MT_COMPOSITE | MT_NN, .grad_name = "SmoothL1LossBackward0",
      .schema = "smooth_l1_loss(Tensor input, Tensor target, float beta=1.0, str "
                "reduction=\"mean\") -> Tensor",
      .doc = "0.5 d ** 2 / beta where d = |input - target| is below beta, d - 0.5 beta elsewhere "
             "(Girshick 2015).");

/* 0.5 d^2 where d <= delta, else delta (d - 0.5 delta). */
static int huber_loss_forward(mt_call *c)
{
    double delta = c->arg[0].d;
    if (delta <= 0)
        return mt_error(MT_RUNTIME, "huber_loss does not support non-positive values for delta.");
    if (float_only("huber_cpu", mt_result_type(2, c->in)) < 0) return -1;
    mt_tensor *d = mt_abs(mt_sub(c->in[0], c->in[1]));
    mt_tensor *near = mt_mul(mt_square(d), number(0.5)),
              *far = mt_mul(mt_sub(d, number(0.5 * delta)), number(delta));
    mt_tensor *each = mt_where(mt_lt(d, number(delta)), near, far);
    return finish(c, mt_to_dtype(each, (mt_dtype)c->in[0]->dtype));
}
MT_OP(huber_loss, .kind = MT_COMPOSITE | MT_NN, .grad_name = "HuberLossBackward0",
      .schema = "huber_loss(Tensor input, Tensor target, float delta=1.0, str reduction=\"mean\") "
                "-> Tensor",
      .doc = "0.5 d ** 2 where d = |input - target| is at most delta, delta (d - 0.5 delta) "
             "elsewhere (Huber 1964).");

/* ==== binary_cross_entropy ======================================================================================== */

static int bce_each_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *one = number(1), *least = number(-100);
    mt_tensor *yes = mt_clamp(mt_log(x), least, NULL),
              *no = mt_clamp(mt_log(mt_sub(one, x)), least, NULL);
    return mt_result_is(c, 0, mt_neg(mt_add(mt_mul(y, yes), mt_mul(mt_sub(one, y), no))));
}

/* dx = g (x - y) / (x (1 - x)), the divisor at least 1e-12; dy = g (log(1 - x) - log x). */
static void bce_each_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *y = c->in[1], *one = number(1), *least = number(-100);
    if (gin[0])
        gin[0] = mt_mul(
            g, mt_div(mt_sub(x, y), mt_clamp(mt_mul(mt_sub(one, x), x), number(1e-12), NULL)));
    if (gin[1])
        gin[1] = mt_mul(g, mt_sub(mt_clamp(mt_log(mt_sub(one, x)), least, NULL),
                                  mt_clamp(mt_log(x), least, NULL)));
}

static const mt_op mt_op_bce_each = {.name = "bce_each",
                                     .grad_name = "BinaryCrossEntropyBackward0",
                                     .schema = "bce_each(Tensor input, Tensor target) -> Tensor",
                                     .forward = bce_each_forward,
                                     .backward = bce_each_backward,
                                     .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1), MT_KEEP_IN(0)}};

static int check_probabilities(mt_tensor *x)
{
    mt_tensor *flat = mt_contiguous_raw(x, MT_FLOAT64);
    for (int64_t i = 0; flat && i < flat->numel; i++) {
        double v = ((double *)(void *)flat->data)[i];
        if (!(v >= 0 && v <= 1))
            return mt_error(MT_RUNTIME, "all elements of input should be between 0 and 1");
    }
    return flat ? 0 : -1;
}

static int binary_cross_entropy_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *w = c->in[2];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!mt_same_shape(x, y))
        return mt_error(MT_VALUE,
                        "Using a target size (torch.Size(%s)) that is different to the input size "
                        "(torch.Size(%s)) is deprecated. "
                        "Please ensure they have the same size.",
                        mt_shape_text(y->ndim, y->size, a), mt_shape_text(x->ndim, x->size, b));
    if (x->dtype != y->dtype)
        return mt_error(MT_RUNTIME, "Found dtype %s but expected %s",
                        mt_dtype_camel((mt_dtype)y->dtype), mt_dtype_camel((mt_dtype)x->dtype));
    if (float_only("binary_cross_entropy", (mt_dtype)x->dtype) < 0) return -1;
    if (mt_not_differentiable(w, "binary_cross_entropy", "weight") < 0) return -1;
    if (check_probabilities(x) < 0) return -1;
    mt_tensor *each = mt_call2(&mt_op_bce_each, x, y);
    return finish(c, w ? mt_mul(each, w) : each);
}
MT_OP(binary_cross_entropy, .kind = MT_COMPOSITE | MT_NN,
      .grad_name = "BinaryCrossEntropyBackward0",
      .schema = "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, str "
                "reduction=\"mean\") -> Tensor",
      .doc = "-(y log x + (1 - y) log(1 - x)) of probabilities x and targets y; logarithms are at "
             "least -100. RuntimeError where x is "
             "outside [0, 1].");

/* (1 - y) x + (1 + (p - 1) y) log(1 + e^-x), with log(1 + e^-x) = max(-x, 0) + log(1 + e^-|x|). */
static int bce_logits_each_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *p = c->in[2], *one = number(1);
    mt_tensor *soft =
        mt_add(mt_clamp(mt_neg(x), number(0), NULL), mt_log1p(mt_exp(mt_neg(mt_abs(x)))));
    if (p) soft = mt_mul(soft, mt_add(one, mt_mul(mt_sub(p, one), y)));
    return mt_result_is(c, 0, mt_add(mt_mul(mt_sub(one, y), x), soft));
}

/* dx = g ((1 - y) - l (1 - s)), s = sigmoid(x), l = 1 + (p - 1) y; dy = g ((p - 1) log(1 + e^-x) - x). */
static void bce_logits_each_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *y = c->in[1], *p = c->in[2], *one = number(1),
              *s = mt_sigmoid(x);
    mt_tensor *factor = p ? mt_add(one, mt_mul(mt_sub(p, one), y)) : one;
    if (gin[0]) gin[0] = mt_mul(g, mt_sub(mt_sub(one, y), mt_mul(factor, mt_sub(one, s))));
    mt_tensor *soft = gin[1] || gin[2] ? mt_neg(mt_log_sigmoid(x)) : NULL;
    if (gin[1]) gin[1] = mt_mul(g, p ? mt_sub(mt_mul(mt_sub(p, one), soft), x) : mt_neg(x));
    if (gin[2]) gin[2] = mt_mul(g, mt_mul(y, soft));
}

static const mt_op mt_op_bce_logits_each = {
    .name = "bce_logits_each",
    .grad_name = "BinaryCrossEntropyWithLogitsBackward0",
    .schema = "bce_logits_each(Tensor input, Tensor target, Tensor? pos_weight=None) -> Tensor",
    .forward = bce_logits_each_forward,
    .backward = bce_logits_each_backward,
    .keeps = {MT_KEEP_ALL_IN, MT_KEEP_ALL_IN, MT_KEEP_ALL_IN}};

static int binary_cross_entropy_with_logits_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *w = c->in[2];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!mt_same_shape(x, y))
        return mt_error(
            MT_VALUE,
            "Target size (torch.Size(%s)) must be the same as input size (torch.Size(%s))",
            mt_shape_text(y->ndim, y->size, a), mt_shape_text(x->ndim, x->size, b));
    if (mt_not_differentiable(w, "binary_cross_entropy_with_logits", "weight") < 0 ||
        mt_not_differentiable(c->in[3], "binary_cross_entropy_with_logits", "pos_weight") < 0 ||
        float_only("log_sigmoid_cpu", (mt_dtype)x->dtype) < 0)
        return -1;
    mt_dtype d = (mt_dtype)y->dtype; /* as PyTorch, which works in the memory of 1 - y */
    if (!mt_is_float(d))
        return mt_error(MT_RUNTIME, "result type %s can't be cast to the desired output type %s",
                        mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel(d));
    mt_tensor *each = mt_to_dtype(mt_call3(&mt_op_bce_logits_each, x, y, c->in[3]), d);
    return finish(c, w ? mt_to_dtype(mt_mul(each, w), d) : each);
}
MT_OP(binary_cross_entropy_with_logits, .kind = MT_COMPOSITE | MT_NN,
      .grad_name = "BinaryCrossEntropyWithLogitsBackward0",
      .schema = "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? "
                "weight=None, Tensor? pos_weight=None, str "
                "reduction=\"mean\") -> Tensor",
      .doc = "binary_cross_entropy of sigmoid(input), computed without overflow.");
