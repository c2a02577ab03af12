/* Normalisation over a batch: one primitive, channel_norm, whose rule is made of operators and whose
 * fused rule is two passes, in PyTorch's order of additions. Relies on kernels/channel_loops.h. */
#include "ops/reduce.h"
#include "ops/rules.h"

#include "base/parallel.h"

#include <math.h>

/* ==== channel_norm ============================================================================ */

enum { INPUT, WEIGHT, BIAS, MEAN, SCALE };

typedef struct channel_job {
    mt_channels p;
    mt_dtype d;
    const char *x, *g, *mean, *scale, *w, *alpha, *beta;
    char *y, *gw, *gb, *gm, *k;
} channel_job;

static mt_channels channels_of(const mt_dims *d)
{
    mt_channels p = {d->size[0], d->size[1], 1};
    for (int i = 2; i < d->ndim; i++) p.inner *= d->size[i];
    return p;
}

static mt_dims shape_of(const mt_tensor *x)
{
    return (mt_dims){x->ndim, (mt_dtype)x->dtype, x->size, x->numel};
}

static double get(const mt_tensor *t, int64_t i)
{
    return mt_scalar_to_double(mt_scalar_load((mt_dtype)t->dtype, t->data + i * mt_itemsize(t)));
}
static void put(mt_tensor *t, int64_t i, double v)
{
    mt_scalar_store(mt_scalar_float(v), (mt_dtype)t->dtype, t->data + i * mt_itemsize(t));
}

/* Channels, and images, are worth a thread from here on. */
static int64_t channel_grain(const mt_channels *p)
{
    const int64_t grain = MT_GRAIN_DEAR / (p->batch * p->inner + 1) + 1;
    return p->inner == 1 && grain < 64 ? 64 : grain; /* neighbours share lines of memory */
}
static int64_t image_grain(const mt_channels *p)
{
    return MT_GRAIN_CHEAP / (p->channels * p->inner + 1) + 1;
}

static void run_lines(int64_t begin, int64_t end, void *context)
{
    const channel_job *j = context;
    mt_k->channel_lines(j->d, &j->p, begin, end, j->y, j->x, j->alpha, j->beta);
}

static int channel_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[INPUT], *w = c->in[WEIGHT], *b = c->in[BIAS], *y;
    const mt_dims shape = shape_of(x);
    channel_job j = {.p = channels_of(&shape), .d = shape.dtype};
    mt_tensor *alpha = mt_empty(j.d, 1, &j.p.channels), *beta = mt_empty(j.d, 1, &j.p.channels);
    if (!alpha || !beta || !(y = mt_result(c, 0, j.d, x->ndim, x->size)) ||
        !(x = mt_contiguous_raw(x, j.d)) || (w && !(w = mt_contiguous_raw(w, j.d))) ||
        (b && !(b = mt_contiguous_raw(b, j.d))))
        return -1;
    for (int64_t i = 0; i < j.p.channels; i++) {
        const double scale = get(c->in[SCALE], i), mean = get(c->in[MEAN], i);
        put(alpha, i, scale * (w ? get(w, i) : 1));
        const double a = get(alpha, i), term = b ? get(b, i) : 0;
        put(beta, i, fma(-mean, a, term)); /* exact before it is rounded to float */
    }
    j.x = x->data, j.y = y->data, j.alpha = alpha->data, j.beta = beta->data;
    mt_parallel_for(j.p.batch, image_grain(&j.p), run_lines, &j);
    return 0;
}

/* All dims of t but the channels. */
static int others(const mt_tensor *t, int64_t *dims)
{
    int n = 0;
    for (int i = 0; i < t->ndim; i++)
        if (i != 1) dims[n++] = i;
    return n;
}

static mt_tensor *mean_of(mt_tensor *t)
{
    int64_t dims[MT_MAX_DIMS];
    return t ? mt_mean_dim(t, others(t, dims), dims, true) : NULL;
}

static mt_tensor *sum_of(mt_tensor *t, const mt_dims *like)
{
    int64_t dims[MT_MAX_DIMS];
    return t ? mt_reshape(mt_sum_dim(t, others(t, dims), dims, false), like->ndim, like->size)
             : NULL;
}

/* A number for every channel, to go with x. */
static mt_tensor *along(mt_tensor *t, const mt_dims *x)
{
    int64_t size[MT_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) size[i] = i == 1 ? x->size[1] : 1;
    return mt_reshape(t, x->ndim, size);
}

static void channel_norm_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[INPUT];
    const bool training = c->arg[0].b;
    mt_tensor *g = gout[0], *h = g, *x = c->in[INPUT], *normed = NULL, *scale = NULL;
    if (training && x) {
        mt_tensor *centred = mt_sub(x, mean_of(x));
        scale = mt_rsqrt(mt_add(mean_of(mt_square(centred)), mt_number(c->arg[1].d)));
        normed = mt_mul(centred, scale);
    } else if (x) {
        scale = along(c->in[SCALE], d);
        normed = mt_mul(mt_sub(x, along(c->in[MEAN], d)), scale);
    }
    if (gin[WEIGHT]) gin[WEIGHT] = sum_of(mt_mul(g, normed), &c->in_dims[WEIGHT]);
    if (gin[BIAS]) gin[BIAS] = sum_of(g, &c->in_dims[BIAS]);
    if (!gin[INPUT]) return;
    if (c->in[WEIGHT]) h = mt_mul(g, along(c->in[WEIGHT], d));
    if (training) {
        mt_tensor *inner = mt_mul(normed, mean_of(mt_mul(h, normed)));
        h = mt_sub(mt_sub(h, mean_of(h)), inner);
    }
    gin[INPUT] = mt_mul(scale, h);
}

static void run_slopes(int64_t begin, int64_t end, void *context)
{
    const channel_job *j = context;
    mt_k->channel_slopes(j->d, &j->p, begin, end, j->g, j->x, j->mean, j->scale, j->gw, j->gb,
                         j->gm, j->k);
}

static void run_back(int64_t begin, int64_t end, void *context)
{
    const channel_job *j = context;
    mt_k->channel_back(j->d, &j->p, begin, end, j->y, j->g, j->x, j->mean, j->scale, j->w, j->gm,
                       j->k);
}

static void channel_norm_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[INPUT];
    mt_tensor *g = gout[0], *x = c->in[INPUT], *w = c->in[WEIGHT], *gx = NULL;
    channel_job j = {.p = channels_of(d), .d = d->dtype};
    const int64_t shape[2] = {4, j.p.channels};
    if (!x || g->dtype != d->dtype) {
        channel_norm_backward(c, gout, gin);
        return;
    }
    const bool wanted[3] = {gin[INPUT], gin[WEIGHT], gin[BIAS]};
    gin[INPUT] = gin[WEIGHT] = gin[BIAS] = NULL;
    mt_tensor *sums = mt_empty(j.d, 2, shape),
              *gw = wanted[WEIGHT] ? mt_empty(j.d, 1, &j.p.channels) : NULL,
              *gb = wanted[BIAS] ? mt_empty(j.d, 1, &j.p.channels) : NULL;
    if (!w && (w = mt_empty(j.d, 1, &j.p.channels)))
        for (int64_t i = 0; i < j.p.channels; i++) put(w, i, 1);
    if (!sums || !w || (wanted[WEIGHT] && !gw) || (wanted[BIAS] && !gb) ||
        !(g = mt_contiguous_raw(g, j.d)) || !(x = mt_contiguous_raw(x, j.d)) ||
        !(w = mt_contiguous_raw(w, j.d)) ||
        (wanted[INPUT] && !(gx = mt_empty(j.d, d->ndim, d->size))))
        return;
    const int64_t skip = j.p.channels * mt_dtype_size(j.d);
    j.x = x->data, j.g = g->data, j.w = w->data;
    j.mean = c->in[MEAN]->data, j.scale = c->in[SCALE]->data;
    j.gm = sums->data, j.k = sums->data + skip;
    j.gw = gw ? gw->data : sums->data + 2 * skip, j.gb = gb ? gb->data : sums->data + 3 * skip;
    const bool training = c->arg[0].b;
    if (training || gw || gb) mt_parallel_for(j.p.channels, channel_grain(&j.p), run_slopes, &j);
    if (!training) j.gm = j.k = NULL;
    if (gx) {
        j.y = gx->data;
        mt_parallel_for(j.p.batch, image_grain(&j.p), run_back, &j);
    }
    gin[INPUT] = gx;
    gin[WEIGHT] = gw;
    gin[BIAS] = gb;
}

MT_OP(
    channel_norm,
    .keeps = {MT_KEEP_IN(INPUT) | MT_KEEP_IN(WEIGHT) | MT_KEEP_IN(MEAN) | MT_KEEP_IN(SCALE),
              MT_KEEP_IN(INPUT) | MT_KEEP_IN(MEAN) | MT_KEEP_IN(SCALE), MT_KEEP_NONE, MT_KEEP_NONE},
    .backward = channel_norm_backward, .fused = channel_norm_fused,
    .rule = "gx = (h - mean(h) - x^ mean(h x^)) scale, h = g w (not training: h scale); gw = sum(g "
            "x^); gb = sum(g)",
    .schema = "channel_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor mean, Tensor scale, "
              "bool training, float eps) -> Tensor",
    .doc = "(input - mean) scale weight + bias for every channel; training: mean and scale are "
           "those of input.");

/* ==== batch_norm ============================================================================== */

/* running moves towards values, which are at most n / (n - 1) times as large; in the type's own
 * arithmetic, as PyTorch's. */
#define MOVE(T, FMA)                                                                               \
    for (int64_t i = 0; i < running->numel; i++) {                                                 \
        T *to = (T *)(void *)running->data + i * running->stride[0];                               \
        const T value = ((const T *)(const void *)values->data)[i], rate = (T)momentum;            \
        *to = squares ? FMA(rate, value / (T)(n - 1), (1 - rate) * *to)                            \
                      : rate * value + (1 - rate) * *to;                                           \
    }
static void move_running(mt_tensor *running, const mt_tensor *values, bool squares, int64_t n,
                         double momentum)
{
    if (!running || running->numel == 0) return;
    if (running->dtype == MT_FLOAT32)
        MOVE(float, fmaf)
    else
        MOVE(double, fma)
    mt_bump_version(running, &mt_op_batch_norm);
}

static void run_moments(int64_t begin, int64_t end, void *context)
{
    const channel_job *j = context;
    mt_k->channel_moments(j->d, &j->p, begin, end, j->x, j->gm, j->k);
}

/* mean and scale = 1 / sqrt(var + eps) of the batch, towards which the running ones move. */
static int learn(const mt_call *c, mt_tensor *mean, mt_tensor *scale)
{
    const mt_dims shape = shape_of(c->in[0]);
    channel_job j = {.p = channels_of(&shape), .d = shape.dtype};
    const int64_t n = j.p.batch * j.p.inner;
    mt_tensor *x = mt_contiguous_raw(c->in[0], j.d);
    if (!x) return -1;
    j.x = x->data, j.gm = mean->data, j.k = scale->data;
    mt_parallel_for(j.p.channels, channel_grain(&j.p), run_moments, &j);
    move_running(c->in[1], mean, false, n, c->arg[1].d);
    move_running(c->in[2], scale, true, n, c->arg[1].d);
    for (int64_t i = 0; i < j.p.channels; i++) {
        const double squares = get(scale, i), var = j.d == MT_FLOAT32
                                                        ? (double)((float)squares / (float)n)
                                                        : squares / (double)n;
        put(scale, i, 1 / sqrt(var + c->arg[2].d));
    }
    return 0;
}

/* The running mean, and the scale that comes of the running variance. */
static int recall(const mt_call *c, mt_tensor *mean, mt_tensor *scale)
{
    const mt_dtype d = (mt_dtype)mean->dtype;
    if (mt_copy_raw(mean, c->in[1]) < 0 || mt_copy_raw(scale, c->in[2]) < 0) return -1;
    for (int64_t i = 0; i < scale->numel; i++)
        if (d == MT_FLOAT32) {
            float *v = (float *)(void *)scale->data + i;
            *v = 1 / sqrtf(*v + (float)c->arg[2].d);
        } else {
            put(scale, i, 1 / sqrt(get(scale, i) + c->arg[2].d));
        }
    return 0;
}

static const char *camel(const mt_tensor *t) { return mt_dtype_camel((mt_dtype)t->dtype); }

/* All of one floating type. */
static int check_types(const mt_call *c)
{
    const mt_tensor *x = c->in[0], *first = NULL;
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"batch_norm\" not implemented for '%s'", camel(x));
    static const int order[] = {3, 4, 1, 2}; /* as PyTorch looks for the parameters' type */
    for (int i = 0; i < 4; i++) {
        const mt_tensor *p = c->in[order[i]];
        if (!p) continue;
        if (!first) first = p;
        if (p->dtype == x->dtype) continue;
        if (p != first)
            return mt_error(MT_RUNTIME, "expected scalar type %s but found %s", camel(x), camel(p));
        return x->dtype == MT_FLOAT32
                   ? mt_error(MT_RUNTIME,
                              "mixed dtype (CPU): expect parameter to have scalar type of Float")
                   : mt_error(MT_RUNTIME,
                              "mixed dtype (CPU): all inputs must share same datatype.");
    }
    for (int i = 1; i < 3; i++)
        if (c->in[i] && c->in[i]->ndim != 1)
            return mt_error(MT_RUNTIME, "TensorAccessor expected 1 dims but tensor has %d",
                            c->in[i]->ndim);
    return 0;
}

static int check_batch_norm(const mt_call *c, bool training, double eps)
{
    static const char *const names[] = {"input", "running_mean", "running_var", "weight", "bias"};
    mt_tensor *x = c->in[0];
    char shape[MT_SHAPE_TEXT];
    if (training) {
        if (x->ndim == 0) return mt_error(MT_INDEX, "tuple index out of range");
        int64_t values = x->size[0];
        for (int i = 2; i < x->ndim; i++) values *= x->size[i];
        if (values == 1) {
            mt_shape_text(x->ndim, x->size, shape);
            return mt_error(MT_VALUE,
                            "Expected more than 1 value per channel when training, got input size "
                            "torch.Size(%s)",
                            shape);
        }
        if (eps <= 0)
            return mt_error(MT_VALUE, "batch_norm eps must be positive during training, but got %g",
                            eps);
    }
    if (eps < 0) return mt_error(MT_VALUE, "batch_norm eps must be non-negative, but got %g", eps);
    if (training && !c->in[1] != !c->in[2])
        return mt_error(MT_VALUE,
                        "running_mean and running_var must either both be None or neither be None");
    for (int i = 1; i < 3 && !training; i++)
        if (!c->in[i])
            return mt_error(MT_RUNTIME, "%s must be defined in evaluation mode", names[i]);
    int64_t channels = x->ndim > 1 ? x->size[1] : 0;
    for (int i = 1; i < 5; i++)
        if (c->in[i] && c->in[i]->numel != channels)
            return mt_error(MT_RUNTIME, "%s should contain %lld elements not %lld", names[i],
                            (long long)channels, (long long)c->in[i]->numel);
    if (x->numel && x->ndim < 2)
        return mt_error(MT_INDEX,
                        "Dimension out of range (expected to be in range of [-1, 0], but got 1)");
    return x->numel ? check_types(c) : 0;
}

/* y = (x - mean) / sqrt(var + eps) w + b. In training mean and variance are those of every channel
 * over the batch and the later dimensions, and the running ones move towards them (the variance by
 * its unbiased estimate). Ioffe and Szegedy 2015. */
static const char *batch_norm_grad_name(const mt_call *c)
{
    return c->in[0]->numel ? "NativeBatchNormBackward0" : "CloneBackward0";
}

/* An input of a narrow type: in float32, and the running ones brought back. */
static int batch_norm_narrow(mt_call *c)
{
    mt_tensor *in[5] = {NULL}, *x = c->in[0];
    for (int i = 0; i < 5; i++) {
        mt_tensor *t = c->in[i];
        if (t && t->dtype != x->dtype && t->dtype != MT_FLOAT32)
            return mt_error(MT_RUNTIME,
                            "mixed dtype (CPU): expect parameter to have scalar type of Float");
        if (t && !(in[i] = i == 1 || i == 2 ? mt_contiguous_raw(t, MT_FLOAT32)
                                            : mt_to_dtype(t, MT_FLOAT32)))
            return -1;
    }
    mt_tensor *y =
        mt_batch_norm(in[0], in[1], in[2], in[3], in[4], c->arg[0].b, c->arg[1].d, c->arg[2].d);
    for (int i = 1; y && i < 3 && c->arg[0].b; i++)
        if (c->in[i] && c->in[i] != in[i]) {
            if (mt_copy_raw(c->in[i], in[i]) < 0) return -1;
            mt_bump_version(c->in[i], &mt_op_batch_norm);
        }
    return mt_result_is(c, 0, mt_to_dtype(y, (mt_dtype)x->dtype));
}

static int batch_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (mt_is_narrow((mt_dtype)x->dtype)) return batch_norm_narrow(c);
    const bool training = c->arg[0].b;
    const double eps = c->arg[2].d;
    if (check_batch_norm(c, training, eps) < 0) return -1;
    if (x->numel == 0) return mt_result_is(c, 0, mt_clone(x)); /* nothing to learn from */
    mt_tensor *mean = mt_empty((mt_dtype)x->dtype, 1, &x->size[1]),
              *scale = mt_empty((mt_dtype)x->dtype, 1, &x->size[1]);
    if (!mean || !scale || (training ? learn : recall)(c, mean, scale) < 0) return -1;
    mt_tensor *in[5] = {x, c->in[3], c->in[4], mean, scale};
    mt_arg arg[2] = {mt_arg_bool(training), mt_arg_double(eps)};
    return mt_result_is(c, 0, mt_calln(&mt_op_channel_norm, 5, in, 2, arg));
}

MT_OP(
    batch_norm, .kind = MT_COMPOSITE | MT_NN | MT_ANY_DTYPE, .grad_name_of = batch_norm_grad_name,
    .schema =
        "batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, "
        "Tensor? bias=None, bool training=False, float momentum=0.1, float eps=1e-05) -> Tensor",
    .doc = "(input - mean) / sqrt(var + eps) * weight + bias for every channel (dimension 1). In "
           "training mean and variance are those of\nthe batch, and running_mean and running_var "
           "move towards them; else they are the running ones.");

mt_tensor *mt_batch_norm(mt_tensor *input, mt_tensor *running_mean, mt_tensor *running_var,
                         mt_tensor *weight, mt_tensor *bias, bool training, double momentum,
                         double eps)
{
    mt_tensor *in[5] = {input, running_mean, running_var, weight, bias};
    mt_arg arg[3] = {mt_arg_bool(training), mt_arg_double(momentum), mt_arg_double(eps)};
    return input ? mt_calln(&mt_op_batch_norm, 5, in, 3, arg) : NULL;
}
