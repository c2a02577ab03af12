/* layer_norm, group_norm and rms_norm: one primitive, row_norm, on rows that each have a mean and a
 * variance of their own. Its rule is made of operators, its fused rule is one pass. Relies on
 * kernels/norm.c, which has the formulas. */
#include "ops/conv.h"

#include "base/parallel.h"

#include <float.h>
#include <string.h>

/* ==== row_norm ================================================================================ */

/* The arguments: elements of a row; after how many rows the weights repeat; how
 * many neighbours share one. */
enum { ROW, PERIOD, INNER, EPS, CENTRED, NARG };

static mt_norm norm_of(const mt_arg *a)
{
    return (mt_norm){.n = a[ROW].i,
                     .period = a[PERIOD].i,
                     .inner = a[INNER].i,
                     .eps = a[EPS].d,
                     .centred = a[CENTRED].b};
}

typedef struct norm_job {
    mt_norm p;
    mt_dtype d;
    int64_t rows, parts, weights;
    char *y, *gw, *gb; /* of the way back: y is gx; a part has its own sums gw, gb */
    const char *x, *g, *w, *b;
} norm_job;

static void forward_rows(int64_t begin, int64_t end, void *context)
{
    const norm_job *j = context;
    mt_k->norm_rows(j->d, &j->p, begin, end, j->y, j->x, j->w, j->b);
}

/* Rows that repeat after a period have their own weights: a part has every period-th row, in order. */
static void back_groups(int64_t begin, int64_t end, void *context)
{
    const norm_job *j = context;
    for (int64_t i = begin; i < end; i++)
        for (int64_t r = i; r < j->rows; r += j->p.period)
            mt_k->norm_rows_back(j->d, &j->p, r, r + 1, j->y, j->gw, j->gb, j->g, j->x, j->w);
}

static void back_parts(int64_t begin, int64_t end, void *context)
{
    const norm_job *j = context;
    const int64_t each = (j->rows + j->parts - 1) / j->parts;
    for (int64_t i = begin; i < end; i++) {
        const int64_t skip = i * j->weights * mt_dtype_size(j->d), to = (i + 1) * each;
        mt_k->norm_rows_back(j->d, &j->p, i * each, to < j->rows ? to : j->rows, j->y,
                             j->gw ? j->gw + skip : NULL, j->gb ? j->gb + skip : NULL, j->g, j->x,
                             j->w);
    }
}

static int row_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *w = c->in[1], *b = c->in[2], *y;
    norm_job j = {.p = norm_of(c->arg), .d = (mt_dtype)x->dtype};
    if (!(y = mt_result(c, 0, j.d, x->ndim, x->size)) || !(x = mt_contiguous_raw(x, j.d)) ||
        (w && !(w = mt_contiguous_raw(w, j.d))) || (b && !(b = mt_contiguous_raw(b, j.d))))
        return -1;
    if (x->numel == 0) return 0;
    j.x = x->data, j.y = y->data;
    j.w = w ? w->data : NULL, j.b = b ? b->data : NULL;
    mt_parallel_for(x->numel / j.p.n, 1 + MT_GRAIN_DEAR / j.p.n, forward_rows, &j);
    return 0;
}

/* Weights as a factor for rows: (period, n), each one for `inner` neighbours. */
static mt_tensor *spread(mt_tensor *w, const mt_norm *p)
{
    int64_t wide[2] = {p->period * p->n / p->inner, p->inner}, rows[2] = {p->period, p->n};
    if (!w) return NULL;
    return mt_reshape(mt_expand(mt_reshape(w, 2, (int64_t[]){wide[0], 1}), 2, wide), 2, rows);
}

/* The sum over rows of t (batch, period, n), in the shape of the weights. */
static mt_tensor *gather_up(mt_tensor *t, const mt_norm *p, const mt_dims *weight)
{
    int64_t first = 0, last = 1, wide[2] = {p->period * p->n / p->inner, p->inner};
    mt_tensor *sum = mt_reshape(mt_sum_dim(t, 1, &first, false), 2, wide);
    return mt_reshape(mt_sum_dim(sum, 1, &last, false), weight->ndim, weight->size);
}

static void row_norm_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_norm p = norm_of(c->arg);
    const mt_dims *d = &c->in_dims[0];
    int64_t size[3] = {0, p.period, p.n}, last = 2, numel = 1;
    for (int i = 0; i < d->ndim; i++) numel *= d->size[i];
    int64_t cycle = p.period * p.n;
    size[0] = cycle ? numel / cycle : 0;
    mt_tensor *g = mt_reshape(gout[0], 3, size), *h = g, *normed = NULL, *scale = NULL;
    if (gin[0] || gin[1]) {
        mt_tensor *x = mt_reshape(c->in[0], 3, size);
        if (p.centred) x = mt_sub(x, mt_mean_dim(x, 1, &last, true));
        scale = mt_rsqrt(mt_add(mt_mean_dim(mt_square(x), 1, &last, true), mt_number(p.eps)));
        normed = mt_mul(x, scale);
    }
    if (gin[1]) gin[1] = gather_up(mt_mul(g, normed), &p, &c->in_dims[1]);
    if (gin[2]) gin[2] = gather_up(g, &p, &c->in_dims[2]);
    if (!gin[0]) return;
    if (c->in[1]) h = mt_mul(g, spread(c->in[1], &p));
    mt_tensor *inner = mt_mul(normed, mt_mean_dim(mt_mul(h, normed), 1, &last, true));
    if (p.centred) h = mt_sub(h, mt_mean_dim(h, 1, &last, true));
    gin[0] = mt_reshape(mt_mul(scale, mt_sub(h, inner)), d->ndim, d->size);
}

/* The sums of `parts` rows of partial sums, in order. */
static mt_tensor *total(mt_tensor *partial, const mt_dims *d)
{
    mt_tensor *sum = partial ? mt_empty(d->dtype, d->ndim, d->size) : NULL;
    if (sum && sum->numel)
        mt_k->reduce_columns[MT_REDUCE_sum][d->dtype](partial->size[0], sum->numel, sum->data,
                                                      partial->data,
                                                      sum->numel * mt_dtype_size(d->dtype));
    return sum;
}

static void row_norm_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    mt_tensor *g = gout[0], *x = c->in[0], *w = c->in[1], *gw = NULL, *gb = NULL, *gx = NULL;
    norm_job j = {.p = norm_of(c->arg), .d = d->dtype, .parts = 1};
    int64_t numel = g->numel, needed = j.p.period * j.p.n / j.p.inner;
    if (numel == 0 || g->dtype != d->dtype || !x) {
        row_norm_backward(c, gout, gin);
        return;
    }
    j.rows = numel / j.p.n;
    j.weights = needed;
    const bool groups = j.p.period > 1, large = numel >= MT_GRAIN_DEAR;
    j.parts = groups || !large ? 1 : j.rows < 8 ? j.rows : 8;
    int64_t sums[2] = {j.parts, needed};
    bool wanted[3] = {gin[0], gin[1], gin[2]};
    gin[0] = gin[1] = gin[2] = NULL;
    if (!(g = mt_contiguous_raw(g, j.d)) || !(x = mt_contiguous_raw(x, j.d)) ||
        (w && !(w = mt_contiguous_raw(w, j.d))) ||
        (wanted[0] && !(gx = mt_empty(j.d, d->ndim, d->size))) ||
        (wanted[1] && !(gw = mt_zeros_raw(j.d, 2, sums))) ||
        (wanted[2] && !(gb = mt_zeros_raw(j.d, 2, sums))))
        return;
    j.x = x->data, j.g = g->data, j.w = w ? w->data : NULL;
    j.y = gx ? gx->data : NULL, j.gw = gw ? gw->data : NULL, j.gb = gb ? gb->data : NULL;
    if (groups)
        mt_parallel_for(j.p.period, large ? 1 : j.p.period, back_groups, &j);
    else
        mt_parallel_for(j.parts, 1, back_parts, &j);
    gin[0] = gx;
    gin[1] = gw ? total(gw, &c->in_dims[1]) : NULL;
    gin[2] = gb ? total(gb, &c->in_dims[2]) : NULL;
}

MT_OP(
    row_norm, .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1), MT_KEEP_IN(0), 0},
    .backward = row_norm_backward, .fused = row_norm_fused,
    .rule =
        "gx = (h - mean(h) - x^ mean(h x^)) / sqrt(v + eps), h = g w; gw = sum(g x^); gb = sum(g)",
    .schema = "row_norm(Tensor input, Tensor? weight, Tensor? bias, int row, int period, int "
              "inner, float eps, bool centred) -> Tensor",
    .doc = "Rows brought to mean 0 and variance 1, times weight, plus bias.");

static mt_tensor *row_norm(mt_tensor *x, mt_tensor *w, mt_tensor *b, int64_t row, int64_t period,
                           int64_t inner, double eps, bool centred)
{
    mt_arg arg[NARG] = {mt_arg_int(row), mt_arg_int(period), mt_arg_int(inner), mt_arg_double(eps),
                        mt_arg_bool(centred)};
    return mt_call3a(&mt_op_row_norm, x, w, b, NARG, arg);
}

/* ==== layer_norm, rms_norm ==================================================================== */

static int check_parameter(const char *name, const mt_tensor *t, const mt_tensor *x,
                           const mt_arg *shape)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!t) return 0;
    if (!mt_shape_equal(t->ndim, t->size, (int)shape->ints.n, shape->ints.v))
        return mt_error(MT_RUNTIME,
                        "Expected %s to be of same shape as normalized_shape, but got %s of shape "
                        "%s and normalized_shape = %s",
                        name, name, mt_shape_text(t->ndim, t->size, a),
                        mt_shape_text((int)shape->ints.n, shape->ints.v, b));
    if (t->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "mixed dtype (CPU): expect parameter to have scalar type of Float");
    return 0;
}

/* The elements of a row, or -1. */
static int64_t normalized_row(const mt_tensor *x, const mt_arg *shape, const char *star)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    int n = (int)shape->ints.n, lead = x->ndim - n;
    int64_t row = 1;
    if (n < 1)
        return mt_error(MT_RUNTIME,
                        "Expected normalized_shape to be at least 1-dimensional, i.e., containing "
                        "at least one element, but got normalized_shape = []");
    if (lead < 0 || !mt_shape_equal(n, shape->ints.v, n, x->size + lead)) {
        mt_shape_text(n, shape->ints.v, a);
        return mt_error(
            MT_RUNTIME,
            "Given normalized_shape=%s, expected input with shape [*%s%s, but got input of size%s",
            a, star, a + 1, mt_shape_text(x->ndim, x->size, b));
    }
    for (int i = 0; i < n; i++) row *= shape->ints.v[i];
    return row;
}

static int check_floating(const mt_tensor *x, const char *what)
{
    if (mt_is_float((mt_dtype)x->dtype)) return 0;
    return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", what,
                    mt_dtype_camel((mt_dtype)x->dtype));
}

static int layer_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t row = normalized_row(x, &c->arg[0], ", ");
    if (row < 0 || check_parameter("weight", c->in[1], x, &c->arg[0]) < 0 ||
        check_parameter("bias", c->in[2], x, &c->arg[0]) < 0 ||
        check_floating(x, "LayerNormKernelImpl") < 0)
        return -1;
    return mt_result_is(c, 0, row_norm(x, c->in[1], c->in[2], row, 1, 1, c->arg[1].d, true));
}

MT_OP(layer_norm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_NN,
      .grad_name = "NativeLayerNormBackward0",
      .schema = "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? "
                "bias=None, float eps=1e-05) -> Tensor",
      .doc = "(x - mean) / sqrt(var + eps) * weight + bias, mean and variance over the last "
             "dimensions, whose sizes normalized_shape\ngives; weight and bias have that shape. "
             "Ba, Kiros and Hinton 2016.\n\nRaises RuntimeError if the shapes do not fit.\n\n"
             ">>> minitorch.layer_norm(minitorch.tensor([1., 3.]), (2,))\n"
             "tensor([-1.0000,  1.0000])");

static int rms_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t row = normalized_row(x, &c->arg[0], "");
    if (row < 0 || check_parameter("weight", c->in[1], x, &c->arg[0]) < 0 ||
        check_floating(x, "rms_norm") < 0)
        return -1;
    double eps = c->arg[1].given ? c->arg[1].d : x->dtype == MT_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
    return mt_result_is(c, 0, row_norm(x, c->in[1], NULL, row, 1, 1, eps, false));
}

MT_OP(rms_norm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_NN, .grad_name = "MulBackward0",
      .schema = "rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? "
                "eps=None) -> Tensor",
      .doc = "x / sqrt(mean(x ** 2) + eps) * weight, the mean over the last dimensions, whose "
             "sizes normalized_shape gives; eps is\nthe type's unless given. Zhang and Sennrich "
             "2019.\n\nRaises RuntimeError if the shapes do not fit.\n\n"
             ">>> minitorch.rms_norm(minitorch.tensor([3., 3.]), (2,))\n"
             "tensor([1., 1.])");

/* ==== group_norm ============================================================================== */

static int check_channels(const char *name, const mt_tensor *t, const mt_tensor *x)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!t || (t->ndim == 1 && t->numel == x->size[1])) return 0;
    return mt_error(MT_RUNTIME,
                    "Expected %s to be a vector of size equal to the number of channels in input, "
                    "but got %s of shape %s and input of shape %s",
                    name, name, mt_shape_text(t->ndim, t->size, a),
                    mt_shape_text(x->ndim, x->size, b));
}

static int group_norm_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t groups = c->arg[0].i, inner = 1;
    char text[MT_SHAPE_TEXT];
    if (x->ndim < 2)
        return mt_error(MT_RUNTIME,
                        "Expected at least 2 dimensions for input tensor but received %d", x->ndim);
    if (groups <= 0)
        return mt_error(MT_RUNTIME, "Expected num groups to be greater than 0, got %lld",
                        (long long)groups);
    mt_shape_text(x->ndim, x->size, text);
    for (int i = 2; i < x->ndim; i++) inner *= x->size[i];
    if (x->size[0] * (x->size[1] / groups) * inner == 1)
        return mt_error(MT_VALUE,
                        "Expected more than 1 value per channel when training, got input size %s",
                        text);
    if (x->size[1] % groups)
        return mt_error(MT_RUNTIME,
                        "Expected number of channels in input to be divisible by num_groups, but "
                        "got input of shape %s and num_groups=%lld",
                        text, (long long)groups);
    if (check_channels("weight", c->in[1], x) < 0 || check_channels("bias", c->in[2], x) < 0 ||
        check_floating(x, "GroupNormKernelImpl") < 0)
        return -1;
    if (x->size[1] * inner == 0) return mt_result_is(c, 0, mt_clone(x));
    return mt_result_is(c, 0,
                        row_norm(x, c->in[1], c->in[2], x->size[1] / groups * inner, groups, inner,
                                 c->arg[1].d, true));
}

MT_OP(group_norm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_NN,
      .grad_name = "NativeGroupNormBackward0",
      .schema = "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, "
                "float eps=1e-05) -> Tensor",
      .doc = "(x - mean) / sqrt(var + eps) * weight + bias, mean and variance of each sample over "
             "each of num_groups groups of\nchannels; weight and bias have one number a "
             "channel.\n\nShapes: (N, C, ...). Wu and He 2018.\n\nRaises RuntimeError if the "
             "shapes do not fit, ValueError for one value a group.\n\n"
             ">>> minitorch.group_norm(minitorch.tensor([[1., 3., 5., 5.]]), 2)\n"
             "tensor([[-1.0000,  1.0000,  0.0000,  0.0000]])");
