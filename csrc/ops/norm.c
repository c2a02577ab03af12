/* Normalisation over a batch, composed of differentiable operators. */
#include "ops/rules.h"

/* ==== batch_norm ============================================================================== */

/* running = (1 - momentum) running + momentum value, without recording. */
static int update_running(mt_tensor *running, mt_tensor *value, double momentum)
{
    if (!running || running->numel == 0) return 0;
    mt_tensor *now = value ? mt_view(mt_alias(value), running->ndim, running->size) : NULL;
    mt_tensor *sum = mt_add(mt_mul(mt_alias(running), mt_number(1 - momentum)),
                            mt_mul(now, mt_number(momentum)));
    if (!sum || mt_copy_raw(running, sum) < 0) return -1;
    mt_bump_version(running, &mt_op_batch_norm);
    return 0;
}

static const char *camel(const mt_tensor *t) { return mt_dtype_camel((mt_dtype)t->dtype); }

/* All of one floating type; float32 parameters with inputs of a shorter one are not there yet. */
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

static int batch_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *mean, *var, *centred, *y;
    bool training = c->arg[0].b;
    double momentum = c->arg[1].d, eps = c->arg[2].d;
    if (check_batch_norm(c, training, eps) < 0) return -1;
    if (x->numel == 0) return mt_result_is(c, 0, mt_clone(x)); /* nothing to learn from */
    int64_t channels[MT_MAX_DIMS], dims[MT_MAX_DIMS], n = 0;
    for (int i = 0; i < x->ndim; i++) {
        channels[i] = i == 1 ? x->size[1] : 1;
        if (i != 1) dims[n++] = i;
    }
    if (training) {
        mean = mt_mean_dim(x, (int)n, dims, true);
        centred = mt_sub(x, mean);
        var = mt_mean_dim(mt_square(centred), (int)n, dims, true);
        double values = x->size[1] ? (double)(x->numel / x->size[1]) : 0;
        mt_tensor *unbiased = var ? mt_mul(mt_alias(var), mt_number(values / (values - 1))) : NULL;
        if (!unbiased || update_running(c->in[1], mean, momentum) < 0 ||
            update_running(c->in[2], unbiased, momentum) < 0)
            return -1;
    } else {
        mean = mt_view(c->in[1], x->ndim, channels);
        var = mt_view(c->in[2], x->ndim, channels);
        centred = mt_sub(x, mean);
    }
    y = mt_mul(centred, mt_rsqrt(mt_add(var, mt_number(eps))));
    if (c->in[3]) y = mt_mul(y, mt_view(c->in[3], x->ndim, channels));
    if (c->in[4]) y = mt_add(y, mt_view(c->in[4], x->ndim, channels));
    return mt_result_is(c, 0, y);
}

MT_OP(
    batch_norm, .kind = MT_COMPOSITE | MT_NN, .grad_name_of = batch_norm_grad_name,
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
