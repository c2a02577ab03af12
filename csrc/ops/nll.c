/* Losses on classes: negative log likelihood and cross entropy. Shapes (C) with a 0-d target,
 * (N, C) with (N), or (N, C, d1, ...) with (N, d1, ...). Relies on ops/softmax.c. */
#include "ops/loss.h"

#include <inttypes.h>
#include <string.h>

/* ==== nll_loss ================================================================================ */

typedef struct classes {
    int64_t n, c, inner, ignore;
    mt_loss_reduction reduction;
    mt_dtype d;
    const int64_t *target; /* n x inner */
    mt_tensor *weight;     /* contiguous, in the input's type, or NULL */
    int loss_ndim;
    int64_t loss_size[MT_MAX_DIMS];
} classes;

/* An input of three dimensions, or of more than four, is one of four to PyTorch: it
 * says which target it expected. */
static int wrong_size(int ndim, const int64_t *size, const mt_tensor *target)
{
    int64_t expected[MT_MAX_DIMS] = {size[0]};
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    for (int i = 2; i < ndim; i++) expected[i - 1] = size[i];
    mt_shape_text(target->ndim, target->size, b);
    if (ndim == 4)
        return mt_error(MT_RUNTIME, "size mismatch (got input: %s , target: %s)",
                        mt_shape_text(ndim, size, a), b);
    return mt_error(MT_RUNTIME, "Expected target size %s, got %s",
                    mt_shape_text(ndim - 1, expected, a), b);
}

/* Does the target have the input's shape without the classes? */
static int check_target(int ndim, const int64_t *size, const mt_tensor *target)
{
    int64_t rows = target->ndim ? target->size[0] : 0;
    if (ndim == 0) return mt_error(MT_VALUE, "Expected 1 or more dimensions (got 0)");
    if (ndim == 1) {
        if (target->ndim == 1 && target->numel != 1)
            return mt_error(MT_VALUE,
                            "For 1D input, 1D target must have size 1, but got target size: %lld",
                            (long long)target->numel);
        if (target->ndim > 1 && target->numel != 1)
            return mt_error(MT_RUNTIME,
                            "0D or 1D target tensor expected, multi-target not supported");
        return 0;
    }
    if (size[0] != rows)
        return mt_error(MT_VALUE,
                        "Expected input batch_size (%" PRId64
                        ") to match target batch_size (%" PRId64 ").",
                        size[0], rows);
    if (ndim == 2 && target->ndim > 1)
        return mt_error(MT_RUNTIME, "0D or 1D target tensor expected, multi-target not supported");
    if (ndim == 4 && target->ndim != 3)
        return mt_error(MT_RUNTIME,
                        "only batches of spatial targets supported (3D tensors) but got targets of "
                        "dimension: %d",
                        target->ndim);
    if (target->ndim != ndim - 1) return wrong_size(ndim, size, target);
    for (int i = 2; i < ndim; i++)
        if (size[i] != target->size[i - 1]) return wrong_size(ndim, size, target);
    return 0;
}

/* Checks shapes and targets against an input of (ndim, size, d). */
static int read_classes(classes *k, int ndim, const int64_t *size, mt_dtype d, mt_tensor *target,
                        mt_tensor *weight, const mt_arg *arg)
{
    char a[MT_SHAPE_TEXT];
    if (check_target(ndim, size, target) < 0) return -1;
    if (target->dtype != MT_INT64 && target->dtype != MT_UINT8)
        return mt_error(MT_RUNTIME, "expected target dtype to be Long or Byte, but got %s",
                        mt_dtype_camel((mt_dtype)target->dtype));
    k->n = ndim > 1 ? size[0] : 1;
    k->c = ndim > 1 ? size[1] : size[0];
    k->inner = 1;
    for (int i = 2; i < ndim; i++) k->inner *= size[i];
    k->loss_ndim = ndim > 1 ? ndim - 1 : 0;
    memcpy(k->loss_size, target->size, (size_t)k->loss_ndim * sizeof *k->loss_size);
    if (weight && (weight->ndim != 1 || weight->numel != k->c))
        return mt_error(MT_RUNTIME,
                        "weight tensor should be defined either for all %" PRId64
                        " classes or no classes but got weight tensor of shape: %s",
                        k->c, mt_shape_text(weight->ndim, weight->size, a));
    if (weight && weight->dtype != d)
        return mt_error(MT_RUNTIME, "expected scalar type %s but found %s", mt_dtype_camel(d),
                        mt_dtype_camel((mt_dtype)weight->dtype));
    k->d = d;
    k->ignore = arg[0].i;
    if (mt_reduction_of(arg[1].text, &k->reduction) < 0) return -1;
    if (!(target = mt_contiguous_raw(target, MT_INT64))) return -1;
    k->target = (const int64_t *)(void *)target->data;
    k->weight = weight ? mt_contiguous_raw(weight, d) : NULL;
    if (weight && !k->weight) return -1;
    for (int64_t i = 0; i < k->n * k->inner; i++)
        if ((uint64_t)k->target[i] >= (uint64_t)k->c && k->target[i] != k->ignore)
            return mt_error(MT_INDEX, "Target %" PRId64 " is out of bounds.", k->target[i]);
    return 0;
}

/* Number i of contiguous floats of the loss's type. */
static double number_at(const classes *k, const mt_tensor *t, int64_t i)
{
    const void *data = t->data;
    return k->d == MT_FLOAT32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}
static void put_at(const classes *k, mt_tensor *t, int64_t i, double v)
{
    void *data = t->data;
    if (k->d == MT_FLOAT32)
        ((float *)data)[i] = (float)v;
    else
        ((double *)data)[i] = v;
}

static double weight_of(const classes *k, int64_t i)
{
    if (k->target[i] == k->ignore) return 0;
    return k->weight ? number_at(k, k->weight, k->target[i]) : 1;
}

/* A number as the type of the loss has it: what is added up is rounded at every step. */
static double rounded(const classes *k, double x)
{
    return k->d == MT_FLOAT32 ? (double)(float)x : x;
}

/* Sums of up to 2^power terms, of as many such sums, and so on: PyTorch's order, in which the first term
 * goes up to the top at once. Add a term to level[0], then call class_sum_up with its number. */
enum { SUM_LEVELS = 8 };
typedef struct class_sum {
    double level[SUM_LEVELS];
    int power;
} class_sum;

static class_sum class_sum_of(int64_t terms)
{
    class_sum s = {.power = 0};
    while (INT64_C(1) << s.power < terms) s.power++;
    s.power = s.power / SUM_LEVELS < 4 ? 4 : s.power / SUM_LEVELS;
    return s;
}

static void class_sum_up(const classes *k, class_sum *s, int64_t i)
{
    const int64_t mask = (INT64_C(1) << s->power) - 1;
    for (int j = 0; j + 1 < SUM_LEVELS && (i >> (j * s->power) & mask) == 0; j++) {
        s->level[j + 1] = rounded(k, s->level[j + 1] + s->level[j]);
        s->level[j] = 0;
    }
}

static double class_sum_total(const classes *k, const class_sum *s)
{
    double total = 0;
    for (int j = 0; j < SUM_LEVELS; j++) total = rounded(k, total + s->level[j]);
    return total;
}

/* The terms of the loss, added up in the type at hand. */
#define ADD_UP(T, name)                                                                            \
    static void name(const classes *k, const T *x, const T *weight, class_sum *s)                  \
    {                                                                                              \
        const int64_t mask = (INT64_C(1) << s->power) - 1;                                         \
        T low = 0;                                                                                 \
        for (int64_t i = 0, row = 0, column = 0; i < k->n * k->inner; i++) {                       \
            const int64_t class = k->target[i], first = row + column;                              \
            if (++column == k->inner) column = 0, row += k->c * k->inner;                          \
            if (class == k->ignore) continue;                                                      \
            low -= (weight ? weight[class] : 1) * x[first + class * k->inner];                     \
            if (i & mask) continue;                                                                \
            s->level[0] = low;                                                                     \
            class_sum_up(k, s, i);                                                                 \
            low = 0;                                                                               \
        }                                                                                          \
        s->level[0] = low;                                                                         \
    }
ADD_UP(float, add_up_f32)
ADD_UP(double, add_up_f64)

static double total_loss(const classes *k, const mt_tensor *x)
{
    class_sum sum = class_sum_of(k->n * k->inner);
    const void *data = x->data, *weight = k->weight ? k->weight->data : NULL;
    if (k->d == MT_FLOAT32)
        add_up_f32(k, data, weight, &sum);
    else
        add_up_f64(k, data, weight, &sum);
    return class_sum_total(k, &sum);
}

static double total_weight(const classes *k)
{
    const int64_t n = k->n * k->inner;
    class_sum sum = class_sum_of(n);
    int64_t count = 0;
    if (!k->weight) {
        for (int64_t i = 0; i < n; i++) count += k->target[i] != k->ignore;
        return (double)count;
    }
    for (int64_t i = 0; i < n; i++) {
        if (k->target[i] == k->ignore) continue;
        sum.level[0] = rounded(k, sum.level[0] + weight_of(k, i));
        class_sum_up(k, &sum, i);
    }
    return class_sum_total(k, &sum);
}

static int class_loss_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    classes k;
    mt_dtype d = (mt_dtype)x->dtype;
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"nll_loss_out_frame\" not implemented for '%s'",
                        mt_dtype_camel(d));
    if (read_classes(&k, x->ndim, x->size, d, c->in[1], c->in[2], c->arg) < 0 ||
        !(x = mt_contiguous_raw(x, d)))
        return -1;
    bool each = k.reduction == MT_LOSS_NONE;
    if (!(y = mt_result(c, 0, d, each ? k.loss_ndim : 0, k.loss_size))) return -1;
    for (int64_t i = 0, row = 0, column = 0; each && i < k.n * k.inner; i++) {
        const int64_t first = row + column;
        const bool ignored = k.target[i] == k.ignore;
        if (++column == k.inner) column = 0, row += k.c * k.inner;
        const int64_t at = ignored ? 0 : first + k.target[i] * k.inner;
        put_at(&k, y, i, ignored ? 0 : -weight_of(&k, i) * number_at(&k, x, at));
    }
    if (!each) {
        const double total = total_loss(&k, x);
        const double loss = k.reduction == MT_LOSS_MEAN ? total / total_weight(&k) : total;
        mt_scalar_store(mt_scalar_float(loss), d, y->data);
    }
    return 0;
}

static void nll_loss_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    if (gin[0])
        gin[0] = mt_nll_loss_backward(gout[0], c->in[1], c->in[2], x->ndim, x->size, c->arg[0].i,
                                      c->arg[1].text);
}

static const char *class_loss_grad_name(const mt_call *c)
{
    return c->in_dims[0].ndim > 2 ? "NllLoss2DBackward0" : "NllLossBackward0";
}

static mt_op_plan class_loss_plan;
static const mt_op mt_op_class_loss = {.name = "class_loss",
                                       .schema =
                                           "class_loss(Tensor input, Tensor target, Tensor? "
                                           "weight, int ignore_index, str reduction) -> Tensor",
                                       .plan = &class_loss_plan,
                                       .forward = class_loss_forward,
                                       .backward = nll_loss_rule,
                                       .keeps = {MT_KEEP_IN(1) | MT_KEEP_IN(2)},
                                       .grad_name_of = class_loss_grad_name,
                                       .rule = "-weight[target] g / n at each target, 0 elsewhere"};

/* The mode of recording is the caller's only in a composite, and the weights
 * must not want a gradient. */
static int nll_loss_forward(mt_call *c)
{
    const char *function = c->in[0]->ndim > 2 ? "nll_loss2d_forward" : "nll_loss_forward";
    if (mt_not_differentiable(c->in[2], function, "weight") < 0) return -1;
    return mt_result_is(c, 0, mt_calln(&mt_op_class_loss, 3, c->in, 2, c->arg));
}

MT_OP(nll_loss, .kind = MT_COMPOSITE | MT_NN,
      .schema = "nll_loss(Tensor input, Tensor target, Tensor? weight=None, int ignore_index=-100, "
                "str reduction=\"mean\") -> Tensor",
      .doc = "Minus the log-probability of each target class, weighted; the mean divides by the "
             "sum of the weights. input (N, C, ...), target (N, ...) of class numbers.");

mt_tensor *mt_nll_loss(mt_tensor *input, mt_tensor *target, mt_tensor *weight, int64_t ignore_index,
                       const char *reduction)
{
    mt_arg arg[2] = {mt_arg_int(ignore_index), {.given = true, .text = reduction}};
    return target ? mt_call3a(&mt_op_nll_loss, input, target, weight, 2, arg) : NULL;
}

/* The linear map that is nll_loss's gradient; its own gradient is nll_loss again. */
static int nll_loss_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0], *y;
    classes k;
    mt_dtype d = (mt_dtype)g->dtype;
    int ndim = (int)c->arg[2].ints.n;
    if (read_classes(&k, ndim, c->arg[2].ints.v, d, c->in[1], c->in[2], c->arg) < 0) return -1;
    if (!(g = mt_contiguous_raw(g, d)) ||
        !(c->out[0] = y = mt_zeros_raw(d, ndim, c->arg[2].ints.v)))
        return -1;
    const double total = k.reduction == MT_LOSS_MEAN ? total_weight(&k) : 1;
    const bool each = k.reduction == MT_LOSS_NONE;
    const double mean = each || !k.n || !k.inner ? 0 : rounded(&k, number_at(&k, g, 0) / total);
    for (int64_t i = 0, row = 0, column = 0; i < k.n * k.inner; i++) {
        const int64_t first = row + column;
        if (++column == k.inner) column = 0, row += k.c * k.inner;
        if (k.target[i] == k.ignore) continue;
        put_at(&k, y, first + k.target[i] * k.inner,
               -weight_of(&k, i) * (each ? number_at(&k, g, i) : mean));
    }
    return 0;
}

static void nll_loss_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_nll_loss(gout[0], c->in[1], c->in[2], c->arg[0].i, c->arg[1].text);
}

MT_OP(nll_loss_backward, .keeps = {MT_KEEP_IN(1) | MT_KEEP_IN(2)},
      .backward = nll_loss_backward_rule,
      .schema = "nll_loss_backward(Tensor g, Tensor target, Tensor? weight, int ignore_index, str "
                "reduction, int[] input_size) -> Tensor",
      .doc = "The gradient of nll_loss.");

mt_tensor *mt_nll_loss_backward(mt_tensor *g, mt_tensor *target, mt_tensor *weight, int ndim,
                                const int64_t *size, int64_t ignore_index, const char *reduction)
{
    mt_arg arg[3] = {
        mt_arg_int(ignore_index), {.given = true, .text = reduction}, mt_arg_ints(ndim, size)};
    return mt_call3a(&mt_op_nll_loss_backward, g, target, weight, 3, arg);
}

/* ==== cross_entropy =========================================================================== */

/* -sum_c w_c t_c log p_c for targets t that are probabilities. */
static int probability_targets(mt_call *c, mt_tensor *logp, int64_t dim, double smoothing,
                               mt_loss_reduction r)
{
    mt_tensor *target = c->in[1], *w = c->in[2];
    int64_t classes_n = logp->size[dim], shape[MT_MAX_DIMS];
    if (c->arg[0].i >= 0)
        return mt_error(MT_RUNTIME, "ignore_index is not supported for floating point target");
    if (smoothing > 0)
        target = mt_add(mt_mul(target, mt_number(1 - smoothing)),
                        mt_number(smoothing / (double)classes_n));
    for (int d = 0; d < logp->ndim; d++) shape[d] = d == dim ? classes_n : 1;
    if (w && (w->ndim != 1 || w->numel != classes_n)) {
        char text[MT_SHAPE_TEXT];
        return mt_error(MT_RUNTIME,
                        "cross_entropy: weight tensor should be defined either for all %" PRId64
                        " classes or no classes but got weight tensor of shape: %s",
                        classes_n, mt_shape_text(w->ndim, w->size, text));
    }
    mt_tensor *terms = mt_mul(logp, target);
    if (w) terms = mt_mul(terms, mt_reshape(w, logp->ndim, shape));
    mt_tensor *each = mt_neg(mt_sum_dim(terms, 1, &dim, false));
    if (r != MT_LOSS_MEAN || !each) return mt_result_is(c, 0, mt_reduce_loss(each, r));
    double n = logp->ndim > 1 ? (double)logp->numel / (double)classes_n : 1;
    return mt_result_is(c, 0, mt_div(mt_sum(each), mt_number(n)));
}

/* (1 - s) nll + s / C times the mean over classes of -log p (weighted alike). */
static mt_tensor *smoothed(mt_call *c, mt_tensor *logp, int64_t dim, double smoothing,
                           mt_loss_reduction r)
{
    mt_tensor *target = c->in[1], *w = c->in[2];
    const char *text = c->arg[1].text;
    int64_t classes_n = logp->size[dim], shape[MT_MAX_DIMS];
    for (int d = 0; d < logp->ndim; d++) shape[d] = d == dim ? classes_n : 1;
    mt_tensor *nll = mt_nll_loss(logp, target, w, c->arg[0].i, text);
    mt_tensor *weighted = w ? mt_mul(logp, mt_reshape(w, logp->ndim, shape)) : logp;
    mt_tensor *ignored = mt_eq(target, mt_number_of(mt_scalar_int(c->arg[0].i)));
    mt_tensor *each = mt_where(ignored, mt_number(0), mt_neg(mt_sum_dim(weighted, 1, &dim, false)));
    mt_tensor *smooth = mt_reduce_loss(each, r);
    if (r ==
        MT_LOSS_MEAN) { /* divided by the same sum of weights as nll: -nll_loss of ones, summed */
        mt_tensor *ones = mt_empty((mt_dtype)logp->dtype, logp->ndim, logp->size);
        if (!ones || mt_fill_raw(ones, mt_scalar_float(-1)) < 0) return NULL;
        smooth = mt_div(mt_sum(each), mt_nll_loss(ones, target, w, c->arg[0].i, "sum"));
    }
    return mt_add(mt_mul(nll, mt_number(1 - smoothing)),
                  mt_mul(smooth, mt_number(smoothing / (double)classes_n)));
}

static int cross_entropy_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *target = c->in[1];
    double smoothing = c->arg[2].d;
    mt_loss_reduction r = MT_LOSS_MEAN;
    if (mt_reduction_of(c->arg[1].text, &r) < 0) return -1;
    if (smoothing > 1)
        return mt_error(MT_RUNTIME, "label_smoothing must be between 0.0 and 1.0. Got: %g",
                        smoothing);
    if (mt_same_shape(x, target) && !mt_is_float((mt_dtype)target->dtype))
        return mt_error(MT_RUNTIME,
                        "Expected floating point type for target with class probabilities, got %s",
                        mt_dtype_camel((mt_dtype)target->dtype));
    if (x->ndim == 0)
        return mt_error(MT_RUNTIME,
                        "cross_entropy: expected an input with classes, got a 0-d tensor");
    int64_t dim = x->ndim > 1 ? 1 : 0;
    mt_tensor *logp = mt_log_softmax(x, dim);
    if (!logp) return -1;
    if (mt_is_float((mt_dtype)target->dtype) && mt_same_shape(x, target))
        return probability_targets(c, logp, dim, smoothing, r);
    if (smoothing > 0) return mt_result_is(c, 0, smoothed(c, logp, dim, smoothing, r));
    return mt_result_is(c, 0, mt_nll_loss(logp, target, c->in[2], c->arg[0].i, c->arg[1].text));
}

MT_OP(cross_entropy, .kind = MT_COMPOSITE | MT_NN,
      .schema = "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, int "
                "ignore_index=-100, str reduction=\"mean\", float label_smoothing=0.0) -> Tensor",
      .doc = "nll_loss of log_softmax(input): input (N, C, ...) unnormalised, target (N, ...) of "
             "class numbers or (N, C, ...) of probabilities.");
