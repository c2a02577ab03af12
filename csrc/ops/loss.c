/* Losses between two tensors of one shape: what the rows of loss.def become, and the two losses
 * that weigh them. Relies on kernels/loss.c. Read next: ops/nll.c for the losses on classes. */
#include "ops/loss.h"

#include "base/parallel.h"
#include "ops/reduce.h"

#include <string.h>

int mt_reduction_of(const char *text, mt_loss_reduction *r)
{
    if (MT_LIKELY(text[0] == 'm' && text[1] == 'e' && text[2] == 'a' && text[3] == 'n' && !text[4]))
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

/* ==== rows ==================================================================================== */
/* Arguments of a row: its number, if it has one, and the reduction. */

static inline double number_of(const mt_call *c) { return c->narg > 1 ? c->arg[0].d : 0; }

/* Two contiguous tensors of one shape and floating type: what the kernels take. */
static inline bool plain(const mt_tensor *x, const mt_tensor *y)
{
    return x->dtype == y->dtype && mt_is_float((mt_dtype)x->dtype) &&
           (x->flags & y->flags & MT_CONTIGUOUS) && mt_same_shape(x, y);
}

static const char *const kernel_name[] = {/* as error texts say */
                                          [MT_LOSS_mse_loss] = "mse",
                                          [MT_LOSS_smooth_l1_loss] = "smooth_l1",
                                          [MT_LOSS_huber_loss] = "huber",
                                          [MT_LOSS_bce] = "bce",
                                          [MT_LOSS_bce_logits] = "log_sigmoid"};

/* Makes them so: promoted, broadcast and copied. */
static __attribute__((noinline)) int make_plain(const mt_call *c, mt_tensor **x, mt_tensor **y)
{
    int64_t size[MT_MAX_DIMS];
    mt_dtype d = mt_result_type(2, c->in);
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s_cpu\" not implemented for '%s'",
                        kernel_name[c->op->row], mt_dtype_camel(d));
    int ndim = mt_shape_broadcast((*x)->ndim, (*x)->size, (*y)->ndim, (*y)->size, size);
    if (ndim < 0 || !(*x = mt_expand(*x, ndim, size)) || !(*y = mt_expand(*y, ndim, size)) ||
        !(*x = mt_contiguous_raw(*x, d)) || !(*y = mt_contiguous_raw(*y, d)))
        return -1;
    return 0;
}

static int check_number(const mt_call *c, double number)
{
    if (c->op->row == MT_LOSS_smooth_l1_loss && number < 0)
        return mt_error(MT_RUNTIME, "smooth_l1_loss does not support negative values for beta.");
    if (c->op->row == MT_LOSS_huber_loss && number <= 0)
        return mt_error(MT_RUNTIME, "huber_loss does not support non-positive values for delta.");
    return 0;
}

/* One pass over x and y: each element into out, or the slope. */
typedef struct job {
    int row;
    mt_dtype d;
    int64_t n, item;
    const char *x, *y;
    char *out;
    double number, factor;
} job;

static job job_for(int row, const mt_tensor *x, const mt_tensor *y, double number)
{
    return (job){.row = row,
                 .d = (mt_dtype)x->dtype,
                 .n = x->numel,
                 .item = mt_itemsize(x),
                 .x = x->data,
                 .y = y->data,
                 .number = number};
}

static void run_each(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    int64_t at = begin * j->item;
    mt_k->loss_each((mt_loss)j->row, j->d, end - begin, j->out + at, j->x + at, j->y + at,
                    j->number);
}

static void run_slope(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    int64_t at = begin * j->item;
    mt_k->loss_slope((mt_loss)j->row, j->d, end - begin, j->out + at, j->x + at, j->y + at,
                     j->number, j->factor);
}

/* Of many elements: they are made, then added up. -1: no memory. */
static __attribute__((noinline)) int sum_many(job *j, mt_tensor *sum)
{
    const bool all[1] = {true};
    mt_tensor *each = mt_empty(j->d, 1, &j->n);
    if (!each) return -1;
    j->out = each->data;
    mt_parallel_for(j->n, MT_LOSS_MOST, run_each, j);
    return mt_sum_raw(each, all, sum);
}

/* *sum, of n elements, divided by n. */
static inline void divide(mt_tensor *sum, int64_t n)
{
    if (sum->dtype == MT_FLOAT32)
        *(float *)(void *)sum->data /= (float)n;
    else
        *(double *)(void *)sum->data /= (double)n;
}

static int row_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *z;
    mt_loss_reduction r = MT_LOSS_MEAN;
    double number = number_of(c);
    int row = c->op->row;
    if (mt_reduction_of(c->arg[c->narg - 1].text, &r) < 0) return -1;
    if (c->narg > 1 && check_number(c, number) < 0) return -1;
    if (MT_UNLIKELY(!plain(x, y)) && make_plain(c, &x, &y) < 0) return -1;
    /* huber_loss answers in the input's type, as PyTorch's. */
    mt_dtype d = (mt_dtype)x->dtype, to = row == MT_LOSS_huber_loss ? (mt_dtype)c->in[0]->dtype : d;
    if (r == MT_LOSS_NONE) {
        job j = job_for(row, x, y, number);
        mt_tensor *each;
        if (!(z = mt_result(c, 0, to, x->ndim, x->size)) ||
            !(each = to == d ? z : mt_empty(d, x->ndim, x->size)))
            return -1;
        j.out = each->data;
        mt_parallel_for(j.n, MT_LOSS_MOST, run_each, &j);
        return each == z ? 0 : mt_copy_raw(z, each);
    }
    mt_tensor *sum = z = mt_result(c, 0, to, 0, NULL);
    if (!z || (MT_UNLIKELY(to != d) && !(sum = mt_empty(d, 0, NULL)))) return -1;
    if (MT_LIKELY(x->numel <= MT_LOSS_MOST)) {
        mt_k->loss_sum((mt_loss)row, d, x->numel, sum->data, x->data, y->data, number);
    } else {
        job j = job_for(row, x, y, number);
        if (sum_many(&j, sum) < 0) return -1;
    }
    if (r == MT_LOSS_MEAN) divide(sum, x->numel);
    return MT_LIKELY(sum == z) ? 0 : mt_copy_raw(z, sum);
}

/* The gradient that each element gets: that of the sum, or of the mean
 * divided by how many there are. */
static mt_tensor *shared_out(const mt_call *c, mt_tensor *g)
{
    int64_t size[MT_MAX_DIMS], n = 1;
    const mt_dims *x = &c->in_dims[0], *y = &c->in_dims[1];
    if (*c->arg[c->narg - 1].text != 'm') return g;
    int ndim = mt_shape_broadcast(x->ndim, x->size, y->ndim, y->size, size);
    for (int d = 0; d < ndim; d++) n *= size[d];
    return mt_mul(g, mt_number(1 / (double)n));
}

/* d between -beta and beta as d / beta, its sign beyond. */
static mt_tensor *smooth_sign(mt_tensor *d, double beta)
{
    if (beta == 0) return mt_sign(d);
    return mt_clamp(mt_div(d, mt_number(beta)), mt_number(-1), mt_number(1));
}

/* The slope of the kernel times the one number that arrives. */
static int row_raw(const mt_call *c, const void *g, void **gin)
{
    const mt_tensor *x = c->in[0], *y = c->in[1];
    char how = *c->arg[c->narg - 1].text;
    if (gin[1] || how == 'n' || !plain(x, y)) return 0;
    double factor = x->dtype == MT_FLOAT32 ? (double)*(const float *)g : *(const double *)g;
    if (how == 'm') factor *= 1 / (double)x->numel;
    if (MT_LIKELY(x->numel <= MT_LOSS_MOST)) {
        mt_k->loss_slope((mt_loss)c->op->row, (mt_dtype)x->dtype, x->numel, gin[0], x->data,
                         y->data, number_of(c), factor);
        return 1;
    }
    job j = job_for(c->op->row, x, y, number_of(c));
    j.factor = factor;
    j.out = gin[0];
    mt_parallel_for(j.n, MT_LOSS_MOST, run_slope, &j);
    return 1;
}

/* Losses of x - y: the gradient of y is that of x, negated. */
static inline bool of_difference(const mt_call *c)
{
    return c->op->row == MT_LOSS_mse_loss || c->op->row == MT_LOSS_smooth_l1_loss ||
           c->op->row == MT_LOSS_huber_loss;
}

/* The same into a new tensor. False: not that simple. */
static bool row_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *g = gout[0];
    if ((gin[1] && !of_difference(c)) || *c->arg[c->narg - 1].text == 'n' || g->dtype != x->dtype ||
        !plain(x, c->in[1]))
        return false;
    mt_tensor *gx = mt_empty_like(x, (mt_dtype)x->dtype);
    void *place[2] = {gx ? gx->data : NULL, NULL};
    if (gx) row_raw(c, g->data, place);
    if (gin[1]) gin[1] = mt_neg(gx);
    if (gin[0]) gin[0] = gx;
    return true;
}

#define PYTORCH_mse_loss       "MseLossBackward0" /* what grad_fn calls itself */
#define PYTORCH_smooth_l1_loss "SmoothL1LossBackward0"
#define PYTORCH_huber_loss     "HuberLossBackward0"
#define PYTORCH_bce            "BinaryCrossEntropyBackward0"
#define PYTORCH_bce_logits     "BinaryCrossEntropyWithLogitsBackward0"
#define KIND_NN                MT_NN
#define KIND_PART              0u
#define LOSS(row_kind, id, number, f, slope, gx, gy, text)                                         \
    static void id##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                 \
    {                                                                                              \
        mt_tensor *x = c->in[0], *y = c->in[1], *s = shared_out(c, gout[0]);                       \
        const double p = number_of(c);                                                             \
        (void)y, (void)p;                                                                          \
        if (gin[0]) gin[0] = gx;                                                                   \
        if (gin[1]) gin[1] = gy;                                                                   \
    }                                                                                              \
    static void id##_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                    \
    {                                                                                              \
        if (!row_fused(c, gout, gin)) id##_backward(c, gout, gin);                                 \
    }                                                                                              \
    static mt_op_plan id##_plan;                                                                   \
    const mt_op mt_op_##id = {                                                                     \
        .name = #id,                                                                               \
        .row = MT_LOSS_##id,                                                                       \
        .kind = KIND_##row_kind,                                                                   \
        .schema = #id "(Tensor input, Tensor target, " number "str reduction=\"mean\") -> Tensor", \
        .doc = text,                                                                               \
        .formula = #f,                                                                             \
        .rule = "gx = " #gx "; gy = " #gy,                                                         \
        .plan = &id##_plan,                                                                        \
        .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1), MT_KEEP_IN(0) | MT_KEEP_IN(1)},                   \
        .forward = row_forward,                                                                    \
        .backward = id##_backward,                                                                 \
        .fused = id##_fused,                                                                       \
        .raw = row_raw,                                                                            \
        .grad_name = PYTORCH_##id};
#include "minitorch/loss.def"

static mt_tensor *run_row(const mt_op *op, mt_tensor *x, mt_tensor *y, const char *reduction)
{
    mt_arg arg[1] = {{.given = true, .text = reduction}};
    return y ? mt_call2a(op, x, y, 1, arg) : NULL;
}

mt_tensor *mt_mse_loss(mt_tensor *input, mt_tensor *target, const char *reduction)
{
    return run_row(&mt_op_mse_loss, input, target, reduction);
}

static int l1_loss_forward(mt_call *c)
{
    mt_loss_reduction r = MT_LOSS_MEAN;
    if (mt_reduction_of(c->arg[0].text, &r) < 0) return -1;
    return mt_result_is(c, 0, mt_reduce_loss(mt_abs(mt_sub(c->in[0], c->in[1])), r));
}
MT_OP(l1_loss, .kind = MT_COMPOSITE | MT_NN,
      .schema = "l1_loss(Tensor input, Tensor target, str reduction=\"mean\") -> Tensor",
      .doc = "The mean (or sum, or each) of |input - target|.");

/* A row, or where there are weights the reduction of its weighted elements; of type d. */
static int weighted(mt_call *c, const mt_op *op, mt_tensor *w, mt_dtype d)
{
    const char *reduction = c->arg[0].text;
    mt_loss_reduction r = MT_LOSS_MEAN;
    if (mt_reduction_of(reduction, &r) < 0) return -1;
    mt_tensor *z = run_row(op, c->in[0], c->in[1], w ? "none" : reduction);
    if (w) z = mt_mul(z, w);
    if (z && z->dtype != d) z = mt_to_dtype(z, d);
    return mt_result_is(c, 0, w ? mt_reduce_loss(z, r) : z);
}

/* ==== binary_cross_entropy ==================================================================== */

static int check_probabilities(mt_tensor *x)
{
    bool outside = false;
    if (x->dtype == MT_FLOAT32 && mt_is_contiguous(x)) {
        const float *v = (const float *)(const void *)x->data;
        for (int64_t i = 0; i < x->numel; i++) outside |= !(v[i] >= 0 && v[i] <= 1);
    } else {
        mt_tensor *flat = mt_contiguous_raw(x, MT_FLOAT64);
        if (!flat) return -1;
        const double *v = (const double *)(const void *)flat->data;
        for (int64_t i = 0; i < flat->numel; i++) outside |= !(v[i] >= 0 && v[i] <= 1);
    }
    if (!outside) return 0;
    return mt_error(MT_RUNTIME, "all elements of input should be between 0 and 1");
}

static int binary_cross_entropy_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *w = c->in[2];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!mt_same_shape(x, y))
        return mt_error(MT_VALUE,
                        "Using a target size (torch.Size(%s)) that is different to the input size "
                        "(torch.Size(%s)) is deprecated. Please ensure they have the same size.",
                        mt_shape_text(y->ndim, y->size, a), mt_shape_text(x->ndim, x->size, b));
    if (x->dtype != y->dtype)
        return mt_error(MT_RUNTIME, "Found dtype %s but expected %s",
                        mt_dtype_camel((mt_dtype)y->dtype), mt_dtype_camel((mt_dtype)x->dtype));
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"binary_cross_entropy\" not implemented for '%s'",
                        mt_dtype_camel((mt_dtype)x->dtype));
    if (mt_not_differentiable(w, "binary_cross_entropy", "weight") < 0) return -1;
    if (check_probabilities(x) < 0) return -1;
    return weighted(c, &mt_op_bce, w, (mt_dtype)x->dtype);
}
MT_OP(binary_cross_entropy, .kind = MT_COMPOSITE | MT_NN,
      .grad_name = "BinaryCrossEntropyBackward0",
      .schema = "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, str "
                "reduction=\"mean\") -> Tensor",
      .doc = "-(y log x + (1 - y) log(1 - x)) of probabilities x and targets y; logarithms are at "
             "least -100. RuntimeError where x is outside [0, 1].");

/* Positive targets weighed: (1 - y) x + (1 + (p - 1) y) log(1 + e^-x). */
static mt_tensor *weighed_logits(mt_tensor *x, mt_tensor *y, mt_tensor *p)
{
    mt_tensor *one = mt_number(1), *factor = mt_add(one, mt_mul(mt_sub(p, one), y));
    return mt_sub(mt_mul(mt_sub(one, y), x), mt_mul(factor, mt_log_sigmoid(x)));
}

static int binary_cross_entropy_with_logits_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *w = c->in[2], *p = c->in[3];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    mt_loss_reduction r = MT_LOSS_MEAN;
    if (!mt_same_shape(x, y))
        return mt_error(
            MT_VALUE,
            "Target size (torch.Size(%s)) must be the same as input size (torch.Size(%s))",
            mt_shape_text(y->ndim, y->size, a), mt_shape_text(x->ndim, x->size, b));
    if (mt_not_differentiable(w, "binary_cross_entropy_with_logits", "weight") < 0 ||
        mt_not_differentiable(p, "binary_cross_entropy_with_logits", "pos_weight") < 0)
        return -1;
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"log_sigmoid_cpu\" not implemented for '%s'",
                        mt_dtype_camel((mt_dtype)x->dtype));
    mt_dtype d = (mt_dtype)y->dtype; /* as PyTorch, which works in the memory of 1 - y */
    if (!mt_is_float(d))
        return mt_error(MT_RUNTIME, "result type %s can't be cast to the desired output type %s",
                        mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel(d));
    if (!p) return weighted(c, &mt_op_bce_logits, w, d);
    if (mt_reduction_of(c->arg[0].text, &r) < 0) return -1;
    mt_tensor *each = mt_to_dtype(weighed_logits(x, y, p), d);
    return mt_result_is(c, 0, mt_reduce_loss(w ? mt_to_dtype(mt_mul(each, w), d) : each, r));
}
MT_OP(binary_cross_entropy_with_logits, .kind = MT_COMPOSITE | MT_NN,
      .grad_name = "BinaryCrossEntropyWithLogitsBackward0",
      .schema = "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? "
                "weight=None, Tensor? pos_weight=None, str reduction=\"mean\") -> Tensor",
      .doc = "binary_cross_entropy of sigmoid(input), computed without overflow.");
