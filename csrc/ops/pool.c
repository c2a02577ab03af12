/* Pools in one to three dimensions, written once: the largest element or the mean of windows, which
 * slide (max_pool2d) or share out the input (adaptive_max_pool2d).
 *
 * mean_pool is linear, and its transpose mean_pool_backward is its rule and has it as its own. The
 * rule of max_pool adds the gradient where the indices say, with scatter_add, whose rule is
 * gather. Relies on kernels/windows.c. */
#include "ops/conv.h"

#include "base/parallel.h"

#include <stdio.h>
#include <string.h>

/* The arguments of the primitives. An empty kernel: adaptive. */
enum { KERNEL, STRIDE, PADDING, DILATION, OUTPUT, INCLUDE_PAD, DIVISOR, INPUT, NARG };

static bool adaptive(const mt_arg *a) { return a[KERNEL].ints.n == 0; }
static int dims_of(const mt_arg *a) { return (int)a[OUTPUT].ints.n; }

/* ---- windows --------------------------------------------------------------------------------- */

/* The tables of a pool lie in one block: for each output of a dimension two ends and a count. */
typedef struct tables {
    mt_pool p;
    int64_t *block;
    size_t bytes;
} tables;

/* The window of output o along dimension i (of n) of an input of `in`: ends,
 * and how many a mean counts. */
static void window_of(const mt_arg *a, int i, int64_t o, int64_t in, int64_t *ends, int64_t *count)
{
    if (adaptive(a)) { /* from floor(o in / out) to ceil((o + 1) in / out) */
        int64_t out = a[OUTPUT].ints.v[i];
        ends[0] = o * in / out;
        ends[1] = ((o + 1) * in + out - 1) / out;
        *count = ends[1] - ends[0];
        return;
    }
    int64_t k = mt_each(&a[KERNEL], i), pad = mt_each(&a[PADDING], i), d = mt_each(&a[DILATION], i);
    int64_t start = o * mt_each(&a[STRIDE], i) - pad, end = start + (k - 1) * d + 1;
    *count = (end < in + pad ? end : in + pad) - start;
    while (start < 0) start += d;
    ends[0] = start < in ? start : in - 1;
    ends[1] = end < in ? end : in;
    int64_t inside = start < end ? end - start : 0;
    if (start >= in) inside = 0;
    if (end > in && inside) inside = in - start;
    if (!a[INCLUDE_PAD].b) *count = inside;
    if (inside == 0) ends[1] = ends[0];
}

/* Most windows of a line have one length and one distance: the kernels take many of those at a time. */
static void find_even(mt_pool *p)
{
    const int64_t n = p->out[2], *span = p->span[2];
    const int64_t most = n > 2 ? span[n / 2 * 2 + 1] - span[n / 2 * 2] : 0;
    if (most <= 0 || p->in[0] * p->in[1] * p->in[2] > INT32_MAX) return;
    int64_t from = n / 2, to = n / 2 + 1, apart = span[2 * from] - span[2 * from - 2];
    while (from > 0 && span[2 * from - 1] - span[2 * from - 2] == most &&
           span[2 * from] - span[2 * from - 2] == apart)
        from--;
    while (to < n && span[2 * to + 1] - span[2 * to] == most &&
           span[2 * to] - span[2 * to - 2] == apart)
        to++;
    p->even[0] = from, p->even[1] = to, p->even[2] = apart;
}

static int make_tables(tables *t, const mt_arg *a, const int64_t *in)
{
    int n = dims_of(a);
    int64_t total = 0;
    *t = (tables){.p = {.divisor = a[DIVISOR].given ? a[DIVISOR].i : 0}};
    mt_last_of_three(n, in, 1, t->p.in);
    mt_last_of_three(n, a[OUTPUT].ints.v, 1, t->p.out);
    for (int i = 0; i < 3; i++) total += 3 * t->p.out[i];
    t->bytes = (size_t)(total + 1) * sizeof *t->block;
    if (!(t->block = mt_malloc(t->bytes))) return -1;
    int64_t *at = t->block;
    for (int i = 0; i < 3; i++) {
        int64_t out = t->p.out[i], *span = at, *count = at + 2 * out;
        bool real = i >= 3 - n;
        t->p.step[i] = real && !adaptive(a) ? mt_each(&a[DILATION], i - (3 - n)) : 1;
        for (int64_t o = 0; o < out; o++) {
            span[2 * o] = 0, span[2 * o + 1] = 1, count[o] = 1;
            if (real) window_of(a, i - (3 - n), o, t->p.in[i], &span[2 * o], &count[o]);
        }
        t->p.span[i] = span, t->p.count[i] = count;
        at += 3 * out;
    }
    find_even(&t->p);
    return 0;
}

static void free_tables(tables *t) { mt_free(t->block, t->bytes); }

typedef struct pool_job {
    const mt_pool *p;
    mt_dtype d;
    const char *in;
    char *out;
    int64_t *index;
    int64_t inputs, outputs; /* elements of a plane */
} pool_job;

static void max_planes(int64_t begin, int64_t end, void *context)
{
    const pool_job *j = context;
    int64_t item = mt_dtype_size(j->d);
    for (int64_t i = begin; i < end; i++)
        mt_k->max_windows(j->d, j->p, j->out + i * j->outputs * item,
                          j->index ? j->index + i * j->outputs : NULL,
                          j->in + i * j->inputs * item);
}

static void mean_planes(int64_t begin, int64_t end, void *context)
{
    const pool_job *j = context;
    int64_t item = mt_dtype_size(j->d);
    for (int64_t i = begin; i < end; i++)
        mt_k->mean_windows(j->d, j->p, j->out + i * j->outputs * item,
                           j->in + i * j->inputs * item);
}

/* The other way: `in` is the gradient of the outputs. */
static void back_planes(int64_t begin, int64_t end, void *context)
{
    const pool_job *j = context;
    int64_t item = mt_dtype_size(j->d);
    for (int64_t i = begin; i < end; i++)
        mt_k->mean_windows_back(j->d, j->p, j->out + i * j->inputs * item,
                                j->in + i * j->outputs * item);
}

static int64_t product(int n, const int64_t *v)
{
    int64_t p = 1;
    for (int i = 0; i < n; i++) p *= v[i];
    return p;
}

/* Runs over all planes of a tensor whose last dimensions are the pool's. */
static void run_planes(mt_range_fn fn, pool_job *j, const mt_pool *p, int64_t planes)
{
    j->p = p;
    j->inputs = product(3, p->in);
    j->outputs = product(3, p->out);
    int64_t work = j->inputs + j->outputs;
    mt_parallel_for(planes, 1 + MT_GRAIN_DEAR / (work ? work : 1), fn, j);
}

/* The size of the result: of x, but for the last dimensions. */
static void result_size(const mt_tensor *x, const mt_arg *a, int64_t *size)
{
    int n = dims_of(a);
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    memcpy(size + x->ndim - n, a[OUTPUT].ints.v, (size_t)n * sizeof *size);
}

/* ==== max_pool ================================================================================ */

/* y and, unless it is NULL, index. */
static int fill_max(mt_tensor *x, const mt_arg *a, mt_tensor *y, mt_tensor *index)
{
    int lead = x->ndim - dims_of(a);
    mt_dtype d = (mt_dtype)x->dtype, computed = mt_window_dtype(d);
    if (y->numel == 0) return 0;
    mt_tensor *to = d == computed ? y : mt_empty(computed, y->ndim, y->size);
    tables t;
    if (!to || !(x = mt_contiguous_raw(x, computed)) || make_tables(&t, a, x->size + lead) < 0)
        return -1;
    pool_job j = {.d = computed, .in = x->data, .out = to->data};
    j.index = index ? (int64_t *)(void *)index->data : NULL;
    run_planes(max_planes, &j, &t.p, product(lead, x->size));
    free_tables(&t);
    return to == y ? 0 : mt_copy_raw(y, to);
}

static int max_pool_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y, *index;
    int64_t size[MT_MAX_DIMS];
    result_size(x, c->arg, size);
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, size)) ||
        !(index = mt_result(c, 1, MT_INT64, x->ndim, size)))
        return -1;
    return fill_max(x, c->arg, y, index);
}

/* g, added into zeros of the input's shape where the indices of each plane say. */
static void max_pool_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    int n = dims_of(c->arg), lead = x->ndim - n;
    int64_t planes = product(lead, x->size), from[2] = {planes, product(n, c->arg[OUTPUT].ints.v)};
    int64_t to[2] = {planes, product(n, x->size + lead)};
    mt_tensor *zeros = mt_zeros_raw(x->dtype, 2, to);
    if (!gin[0] || !gout[0]) {
        gin[0] = NULL;
        return;
    }
    mt_tensor *placed =
        mt_scatter_add(zeros, 1, mt_reshape(c->out[1], 2, from), mt_reshape(gout[0], 2, from));
    gin[0] = placed ? mt_view(placed, x->ndim, x->size) : NULL;
}

#define SCATTER(T, S)                                                                              \
    static void scatter_##S(int64_t n, T *to, const T *from, const int64_t *index)                 \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) to[index[i]] += from[i];                                   \
    }
SCATTER(float, f32)
SCATTER(double, f64)

static void scatter_planes(int64_t begin, int64_t end, void *context)
{
    const pool_job *j = context;
    int64_t item = mt_dtype_size(j->d), n = j->outputs;
    for (int64_t i = begin; i < end; i++) {
        char *to = j->out + i * j->inputs * item;
        const char *from = j->in + i * n * item;
        if (j->d == MT_FLOAT32)
            scatter_f32(n, (float *)(void *)to, (const float *)(const void *)from,
                        j->index + i * n);
        else
            scatter_f64(n, (double *)(void *)to, (const double *)(const void *)from,
                        j->index + i * n);
    }
}

static void max_pool_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    int n = dims_of(c->arg), lead = x->ndim - n;
    if (!gin[0] || !gout[0] || gout[0]->dtype != x->dtype) {
        max_pool_backward(c, gout, gin);
        return;
    }
    mt_tensor *g = mt_contiguous_raw(gout[0], x->dtype), *to = mt_zeros_of(x);
    mt_tensor *index = mt_contiguous_raw(c->out[1], MT_INT64);
    gin[0] = NULL;
    if (!g || !to || !index) return;
    pool_job j = {.d = x->dtype, .in = g->data, .out = to->data};
    j.index = (int64_t *)(void *)index->data;
    mt_pool p = {.divisor = 0};
    mt_last_of_three(n, x->size + lead, 1, p.in);
    mt_last_of_three(n, c->arg[OUTPUT].ints.v, 1, p.out);
    if (g->numel) run_planes(scatter_planes, &j, &p, product(lead, x->size));
    gin[0] = to;
}

static const char *max_pool_name(const mt_call *c)
{
    static const char *const names[2][3] = {
        {"MaxPool2DWithIndicesBackward0", "MaxPool2DWithIndicesBackward0",
         "MaxPool3DWithIndicesBackward0"},
        {"AdaptiveMaxPool2DBackward0", "AdaptiveMaxPool2DBackward0", "AdaptiveMaxPool3DBackward0"}};
    return names[adaptive(c->arg)][dims_of(c->arg) - 1];
}

MT_OP(max_pool, .keeps = {MT_KEEP_OUT(1)}, .backward = max_pool_backward, .fused = max_pool_fused,
      .grad_name_of = max_pool_name, .rule = "zeros.scatter_add(indices, g)",
      .schema = "max_pool(Tensor self, int[] kernel, int[] stride, int[] padding, int[] dilation, "
                "int[] output, bool include_pad, int? divisor) -> (Tensor, Tensor)",
      .doc = "The largest element of every window, and its place in the plane.");

/* ==== mean_pool, mean_pool_backward =========================================================== */

static int mean_pool_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    int64_t size[MT_MAX_DIMS];
    int lead = x->ndim - dims_of(c->arg);
    mt_dtype d = (mt_dtype)x->dtype;
    tables t;
    result_size(x, c->arg, size);
    if (!(y = mt_result(c, 0, d, x->ndim, size))) return -1;
    if (y->numel == 0) return 0;
    if (!(x = mt_contiguous_raw(x, d)) || make_tables(&t, c->arg, x->size + lead) < 0) return -1;
    pool_job j = {.d = d, .in = x->data, .out = y->data};
    run_planes(mean_planes, &j, &t.p, product(lead, x->size));
    free_tables(&t);
    return 0;
}

static mt_tensor *mean_back(mt_tensor *g, const mt_arg *a, int ndim, const int64_t *size)
{
    mt_arg arg[NARG];
    memcpy(arg, a, INPUT * sizeof *arg);
    arg[INPUT] = mt_arg_ints(ndim, size);
    for (int i = 0; i < NARG; i++) arg[i].constant = false;
    return mt_call1a(&mt_op_mean_pool_backward, g, NARG, arg);
}

static void mean_pool_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    if (gin[0]) gin[0] = mean_back(gout[0], c->arg, x->ndim, x->size);
}

static const char *mean_pool_name(const mt_call *c)
{
    static const char *const names[2][3] = {
        {"AvgPool2DBackward0", "AvgPool2DBackward0", "AvgPool3DBackward0"},
        {"AdaptiveAvgPool2DBackward0", "AdaptiveAvgPool2DBackward0", "AdaptiveAvgPool3DBackward0"}};
    return names[adaptive(c->arg)][dims_of(c->arg) - 1];
}

MT_OP(mean_pool, .backward = mean_pool_rule, .grad_name_of = mean_pool_name,
      .rule = "g / n, added to every element of its window",
      .schema = "mean_pool(Tensor self, int[] kernel, int[] stride, int[] padding, int[] dilation, "
                "int[] output, bool include_pad, int? divisor) -> Tensor",
      .doc = "The mean of every window.");

static int mean_pool_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0], *x;
    const mt_arg *size = &c->arg[INPUT];
    int n = dims_of(c->arg), ndim = (int)size->ints.n;
    mt_dtype d = (mt_dtype)g->dtype;
    tables t;
    if (!(c->out[0] = x = mt_zeros_raw(d, ndim, size->ints.v))) return -1;
    if (x->numel == 0 || g->numel == 0) return 0;
    if (!(g = mt_contiguous_raw(g, d)) || make_tables(&t, c->arg, size->ints.v + ndim - n) < 0)
        return -1;
    pool_job j = {.d = d, .in = g->data, .out = x->data};
    run_planes(back_planes, &j, &t.p, product(ndim - n, size->ints.v));
    free_tables(&t);
    return 0;
}

static void mean_pool_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_call1a(&mt_op_mean_pool, gout[0], INPUT, c->arg);
}

MT_OP(mean_pool_backward, .backward = mean_pool_backward_rule,
      .schema = "mean_pool_backward(Tensor g, int[] kernel, int[] stride, int[] padding, int[] "
                "dilation, int[] output, bool include_pad, int? divisor, int[] input) -> Tensor",
      .doc = "The transpose of mean_pool.");

/* ==== max_unpool ============================================================================== */

static int max_unpool_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *y;
    const mt_arg *out = &c->arg[0];
    char tx[MT_SHAPE_TEXT], ti[MT_SHAPE_TEXT];
    int n = (int)out->ints.n, lead = x->ndim - n;
    int64_t size[MT_MAX_DIMS];
    if (index->dtype != MT_INT64)
        return mt_error(MT_RUNTIME, "elements in indices should be type int64 but got: %s",
                        mt_dtype_camel((mt_dtype)index->dtype));
    if (n < 1 || n > 3 || (lead != 1 && lead != 2))
        return mt_error(MT_RUNTIME,
                        "Input to max_unpooling%dd should be a %dd or %dd Tensor, but got a tensor "
                        "with %d dimensions.",
                        n, n + 1, n + 2, x->ndim);
    if (!mt_same_shape(x, index))
        return mt_error(MT_RUNTIME,
                        "Expected shape of indices to be same as that of the input tensor (%s) but "
                        "got indices tensor with shape: %s",
                        mt_shape_text(x->ndim, x->size, tx),
                        mt_shape_text(index->ndim, index->size, ti));
    memcpy(size, x->size, (size_t)lead * sizeof *size);
    memcpy(size + lead, out->ints.v, (size_t)n * sizeof *size);
    mt_dtype d = (mt_dtype)x->dtype;
    if (!(y = mt_result(c, 0, d, x->ndim, size)) || mt_fill_raw(y, mt_scalar_int(0)) < 0 ||
        !(x = mt_contiguous_raw(x, d)) || !(index = mt_contiguous_raw(index, MT_INT64)))
        return -1;
    int64_t inputs = product(n, x->size + lead), outputs = product(n, out->ints.v);
    int64_t item = mt_dtype_size(d);
    for (int64_t i = 0; i < x->numel; i++) {
        int64_t at = ((const int64_t *)(void *)index->data)[i];
        if (at < 0 || at >= outputs)
            return mt_error(MT_RUNTIME,
                            "Found an invalid max index: %lld (output volumes are of size %s",
                            (long long)at, mt_shape_text(n, out->ints.v, tx));
        memcpy(y->data + (i / inputs * outputs + at) * item, x->data + i * item, (size_t)item);
    }
    return 0;
}

static void max_unpool_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    int n = (int)c->arg[0].ints.n;
    int64_t planes = product(x->ndim - n, x->size);
    int64_t from[2] = {planes, product(n, c->arg[0].ints.v)};
    int64_t to[2] = {planes, product(n, x->size + x->ndim - n)};
    if (!gin[0]) return;
    mt_tensor *picked = mt_gather(mt_reshape(gout[0], 2, from), 1, mt_reshape(c->in[1], 2, to));
    gin[0] = picked ? mt_view(picked, x->ndim, x->size) : NULL;
}

MT_OP(max_unpool, .kind = MT_NN, .keeps = {MT_KEEP_IN(1)}, .backward = max_unpool_backward,
      .grad_name = "MaxUnpool2DBackward0", .rule = "g at the indices",
      .schema = "_max_unpool(Tensor self, Tensor indices, int[] output_size) -> Tensor",
      .doc =
          "Zeros of the output size, with each element put where its index in the plane says.\n\n"
          "Raises RuntimeError if an index lies outside the plane.");

/* ==== sliding pools =========================================================================== */

static const char *const number_words[] = {"", "one", "two", "three"};

/* Fills the primitive's arguments from those of the call: kernel, stride,
 * padding and, for max, dilation. */
typedef struct sliding {
    mt_arg arg[NARG];
    int64_t size[MT_SPATIAL_MAX], one;
} sliding;

static int check_count(const mt_call *c, int n, const char *what, const mt_arg *a, bool omitted)
{
    if (a->ints.n == 1 || a->ints.n == n || (omitted && (!a->given || a->ints.n == 0))) return 0;
    return mt_error(MT_RUNTIME, "%s: %s must either be %sa single int, or a tuple of %s ints",
                    c->op->name, what, omitted ? "omitted, " : "", number_words[n]);
}

static int check_input(const mt_tensor *x, const char *name, int n)
{
    char text[MT_SHAPE_TEXT];
    if (x->ndim != n + 1 && x->ndim != n + 2) {
        if (n == 1)
            return mt_error(MT_RUNTIME,
                            "%s: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch "
                            "size for input, but got:%s",
                            name, mt_shape_text(x->ndim, x->size, text));
        return mt_error(MT_RUNTIME, "non-empty %dD or %dD (batch mode) tensor expected for input",
                        n + 1, n + 2);
    }
    return 0;
}

static int check_not_empty(const mt_tensor *x, int n)
{
    char text[MT_SHAPE_TEXT];
    for (int d = x->ndim - n - 1; d < x->ndim; d++)
        if (x->size[d] == 0)
            return mt_error(MT_RUNTIME,
                            "Expected %dD or %dD (batch mode) tensor with optional 0 dim batch "
                            "size for input, but got:%s",
                            n + 1, n + 2, mt_shape_text(x->ndim, x->size, text));
    return 0;
}

/* floor or ceil((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1; with ceil
 * the last window starts inside. */
static int64_t pooled_size(int64_t in, int64_t k, int64_t s, int64_t pad, int64_t d, bool ceil_mode)
{
    int64_t room = in + 2 * pad - d * (k - 1) - 1 + (ceil_mode ? s - 1 : 0);
    int64_t out = (room >= 0 ? room / s : -((-room + s - 1) / s)) + 1;
    return ceil_mode && (out - 1) * s >= in + pad ? out - 1 : out;
}

/* The numbers of one dimension. max_pool1d has words of its own. */
static int check_dimension(int64_t k, int64_t stride, int64_t pad, int64_t d, bool line)
{
    struct {
        const char *name, *text;
        int64_t value, least;
    } each[4] = {{"kernel_size", "kernel size should be greater than zero", k, 1},
                 {"stride", "stride should not be zero", stride, 1},
                 {"dilation", "dilation should be greater than zero", d, 1},
                 {"padding", "pad must be non-negative", pad, 0}};
    for (int i = 0; i < 4; i++) {
        if (each[i].value >= each[i].least) continue;
        if (line)
            return mt_error(MT_RUNTIME, "max_pool1d() %s must be %s, but got %lld", each[i].name,
                            each[i].least ? "greater than zero" : "non-negative",
                            (long long)each[i].value);
        if (i == 3)
            return mt_error(MT_RUNTIME, "%s, but got pad: %lld", each[i].text, (long long)pad);
        return mt_error(MT_RUNTIME, "%s", each[i].text);
    }
    if (pad <= ((k - 1) * d + 1) / 2) return 0;
    if (line)
        return mt_error(MT_RUNTIME,
                        "max_pool1d() padding should be at most half of kernel size, but got "
                        "padding=%lld and kernel_size=%lld",
                        (long long)pad, (long long)k);
    return mt_error(MT_RUNTIME,
                    "pad should be at most half of effective kernel size, but got pad=%lld, "
                    "kernel_size=%lld and dilation=%lld",
                    (long long)pad, (long long)k, (long long)d);
}

static int pool_sizes(const mt_tensor *x, sliding *s, int n, bool max, bool ceil_mode)
{
    char in[MT_SHAPE_TEXT] = "", out[MT_SHAPE_TEXT] = "";
    size_t at = 0, to = 0;
    bool small = false;
    const mt_arg *a = s->arg;
    for (int i = 0; i < n; i++) {
        int64_t k = mt_each(&a[KERNEL], i), pad = mt_each(&a[PADDING], i);
        int64_t d = mt_each(&a[DILATION], i), stride = mt_each(&a[STRIDE], i);
        if (check_dimension(k, stride, pad, d, max && n == 1) < 0) return -1;
        if (check_not_empty(x, n) < 0) return -1;
        s->size[i] = pooled_size(x->size[x->ndim - n + i], k, stride, pad, d, ceil_mode);
        small = small || s->size[i] < 1;
        at += (size_t)snprintf(in + at, sizeof in - at, "%sx%lld", n == 1 ? "x1" : "",
                               (long long)x->size[x->ndim - n + i]);
        to += (size_t)snprintf(out + to, sizeof out - to, "%sx%lld", n == 1 ? "x1" : "",
                               (long long)s->size[i]);
    }
    if (!small) return 0;
    if (max && n == 1)
        return mt_error(MT_RUNTIME, "max_pool1d() Invalid computed output size: %lld",
                        (long long)s->size[0]);
    long long channels = (long long)x->size[x->ndim - n - 1];
    return mt_error(
        MT_RUNTIME,
        "Given input size: (%lld%s). Calculated output size: (%lld%s). Output size is too small",
        channels, in, channels, out);
}

static int read_sliding(mt_call *c, sliding *s, int n, bool has_dilation, bool ceil_mode)
{
    const mt_arg *a = c->arg;
    if (check_count(c, n, "kernel_size", &a[0], false) < 0 ||
        check_count(c, n, "stride", &a[1], true) < 0 ||
        check_count(c, n, "padding", &a[2], false) < 0 ||
        (has_dilation && check_count(c, n, "dilation", &a[3], false) < 0))
        return -1;
    s->one = 1;
    s->arg[KERNEL] = a[0];
    s->arg[STRIDE] = a[1].given && a[1].ints.n ? a[1] : a[0];
    s->arg[PADDING] = a[2];
    s->arg[DILATION] = has_dilation ? a[3] : mt_arg_ints(1, &s->one);
    s->arg[OUTPUT] = mt_arg_ints(n, s->size);
    s->arg[INCLUDE_PAD] = mt_arg_bool(true);
    s->arg[DIVISOR] = mt_arg_none();
    for (int i = 0; i < INPUT; i++) s->arg[i].constant = false;
    if (check_input(c->in[0], c->op->name, n) < 0) return -1;
    return pool_sizes(c->in[0], s, n, has_dilation, ceil_mode);
}

/* max_pool of x with these arguments, both results. */
static int run_max(mt_tensor *x, mt_arg *arg, mt_tensor **out)
{
    mt_call p = {.op = &mt_op_max_pool, .nin = 1, .narg = INPUT, .nout = 2};
    p.in = &x, p.out = out, p.arg = arg;
    if (x->dtype == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"max_pool2d\" not implemented for 'Bool'");
    return mt_apply(&p) ? 0 : -1;
}

static int max_sliding(mt_call *c, int n)
{
    sliding s;
    mt_tensor *out[MT_MAX_TARGETS] = {NULL};
    mt_tensor *x = c->in[0];
    if (read_sliding(c, &s, n, true, c->arg[4].b) < 0) return -1;
    if (c->nout == 1 && x->dtype != MT_BOOL && !(mt_grad_enabled() && mt_requires_grad(x))) {
        int64_t size[MT_MAX_DIMS]; /* nobody will ask where they stood */
        result_size(x, s.arg, size);
        mt_tensor *y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, size);
        return y ? fill_max(x, s.arg, y, NULL) : -1;
    }
    if (run_max(x, s.arg, out) < 0) return -1;
    return mt_result_is(c, 0, out[0]) < 0 || (c->nout > 1 && mt_result_is(c, 1, out[1]) < 0) ? -1
                                                                                             : 0;
}

static int mean_sliding(mt_call *c, int n)
{
    sliding s;
    mt_dtype d = (mt_dtype)c->in[0]->dtype;
    if (!mt_is_float(d) && d != MT_INT64)
        return mt_error(MT_NOT_IMPLEMENTED, "\"avg_pool%dd\" not implemented for '%s'",
                        n == 1 ? 2 : n, mt_dtype_camel(d));
    if (read_sliding(c, &s, n, false, c->arg[3].b) < 0) return -1;
    s.arg[INCLUDE_PAD] = c->arg[4];
    if (n > 1) s.arg[DIVISOR] = c->arg[5];
    if (s.arg[DIVISOR].given && s.arg[DIVISOR].i == 0)
        return mt_error(MT_RUNTIME, "divisor must be not zero");
    return mt_result_is(c, 0, mt_call1a(&mt_op_mean_pool, c->in[0], INPUT, s.arg));
}

#define POOL_DOC                                                                                   \
    "Windows of kernel_size places, `stride` apart (kernel_size unless given), over an input "     \
    "(N, C, ...) or (C, ...).\n"                                                                   \
    "padding adds places at both ends that never win and, unless count_include_pad is False, "     \
    "count as zeros;\nceil_mode lets windows reach beyond the end.\n\n"                            \
    "Raises RuntimeError if the sizes do not fit.\n\n"
#define MAX_ARGS(n)                                                                                \
    "(Tensor self, int[" #n "] kernel_size, int[" #n "]? stride=None, int[" #n "] padding=0, "     \
    "int[" #n "] dilation=1, bool ceil_mode=False) -> "

#define MAX_POOL(n, example)                                                                       \
    static int max_pool##n##d_forward(mt_call *c) { return max_sliding(c, n); }                    \
    MT_OP(max_pool##n##d, .kind = MT_COMPOSITE | MT_FUNCTION,                                      \
          .schema = "max_pool" #n "d" MAX_ARGS(n) "Tensor",                                        \
          .doc = "The largest element of each window.\n\n" POOL_DOC example);                      \
    static int max_pool##n##d_with_indices_forward(mt_call *c) { return max_sliding(c, n); }       \
    MT_OP(max_pool##n##d_with_indices, .kind = MT_COMPOSITE | MT_NN,                               \
          .schema = "max_pool" #n "d_with_indices" MAX_ARGS(n) "(Tensor, Tensor)",                 \
          .doc = "The largest element of each window, and its place in the plane.\n\n" POOL_DOC);

MAX_POOL(1, ">>> minitorch.max_pool1d(minitorch.tensor([[1., 2., 3., 4.]]), 2)\ntensor([[2., 4.]])")
MAX_POOL(2, ">>> minitorch.max_pool2d(minitorch.tensor([[[1., 2.], [3., 4.]]]), 2)\n"
            "tensor([[[4.]]])")
MAX_POOL(3, ">>> minitorch.max_pool3d(minitorch.ones(1, 4, 4, 4), 2).shape\n"
            "torch.Size([1, 2, 2, 2])")

#define AVG_POOL(n, more, flags, example)                                                          \
    static int avg_pool##n##d_forward(mt_call *c) { return mean_sliding(c, n); }                   \
    MT_OP(avg_pool##n##d, .kind = MT_COMPOSITE | flags,                                            \
          .schema = "avg_pool" #n "d(Tensor input, int[" #n "] kernel_size, int[" #n               \
                    "]? stride=None, int[" #n "] padding=0, bool ceil_mode=False, "                \
                    "bool count_include_pad=True" more ") -> Tensor",                              \
          .doc = "The mean of each window.\n\n" POOL_DOC example);

AVG_POOL(1, "", MT_FUNCTION | MT_NN,
         ">>> minitorch.avg_pool1d(minitorch.tensor([[1., 2., 3., 4.]]), 2)\n"
         "tensor([[1.5000, 3.5000]])")
AVG_POOL(2, ", int? divisor_override=None", MT_NN | MT_OUT,
         ">>> minitorch.nn.functional.avg_pool2d(minitorch.tensor([[[1., 2.], [3., 4.]]]), 2)\n"
         "tensor([[[2.5000]]])")
AVG_POOL(3, ", int? divisor_override=None", MT_NN | MT_OUT,
         ">>> minitorch.nn.functional.avg_pool3d(minitorch.ones(1, 4, 4, 4), 2).shape\n"
         "torch.Size([1, 2, 2, 2])")

/* ==== adaptive pools ========================================================================== */

static int read_adaptive(mt_call *c, sliding *s, int n, bool max)
{
    const mt_tensor *x = c->in[0];
    const mt_arg *out = &c->arg[0];
    char text[MT_SHAPE_TEXT];
    if (x->ndim != n + 1 && x->ndim != n + 2) {
        if (n == 1)
            return mt_error(MT_RUNTIME,
                            "Expected 2 to 3 dimensions, but got %d-dimensional tensor for "
                            "argument #1 'self' (while checking arguments for %s)",
                            x->ndim, c->op->name);
        return mt_error(MT_RUNTIME, "%s(): Expected %dD or %dD tensor, but got%s %s", c->op->name,
                        n + 1, n + 2, max ? ":" : "", mt_shape_text(x->ndim, x->size, text));
    }
    if (out->ints.n != n)
        return mt_error(MT_RUNTIME,
                        max ? "%s(): internal error: output_size.size() must be %d"
                            : "%s: output_size must be %d",
                        c->op->name, n);
    for (int d = x->ndim - n; d < x->ndim; d++)
        if (x->size[d] == 0)
            return mt_error(MT_RUNTIME,
                            "%s(): Expected input to have non-zero size for non-batch dimensions, "
                            "but input has sizes %s with dimension %d being empty",
                            c->op->name, mt_shape_text(x->ndim, x->size, text), d);
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", c->op->name,
                        mt_dtype_camel((mt_dtype)x->dtype));
    for (int i = 0; i < n; i++)
        if (out->ints.v[i] < 0)
            return mt_error(
                MT_RUNTIME,
                "%s: elements of output_size must be greater than or equal to 0 but received %lld",
                c->op->name, (long long)out->ints.v[i]);
    s->one = 1;
    for (int i = 0; i < INPUT; i++) s->arg[i] = mt_arg_ints(0, &s->one);
    s->arg[OUTPUT] = mt_arg_ints(n, out->ints.v);
    s->arg[INCLUDE_PAD] = mt_arg_bool(true);
    s->arg[DIVISOR] = mt_arg_none();
    return 0;
}

static int max_adaptive(mt_call *c, int n)
{
    sliding s;
    mt_tensor *out[MT_MAX_TARGETS] = {NULL};
    if (read_adaptive(c, &s, n, true) < 0 || run_max(c->in[0], s.arg, out) < 0) return -1;
    return mt_result_is(c, 0, out[0]) < 0 || mt_result_is(c, 1, out[1]) < 0 ? -1 : 0;
}

static int mean_adaptive(mt_call *c, int n)
{
    sliding s;
    const int64_t last[MT_SPATIAL_MAX] = {-1, -2, -3};
    if (read_adaptive(c, &s, n, false) < 0) return -1;
    if (product(n, s.arg[OUTPUT].ints.v) == 1) /* the mean of all, in its order */
        return mt_result_is(c, 0, mt_mean_dim(c->in[0], n, last, true));
    return mt_result_is(c, 0, mt_call1a(&mt_op_mean_pool, c->in[0], INPUT, s.arg));
}

#define ADAPTIVE_DOC                                                                               \
    "\n\nWindow o of `out` covers the places from floor(o * in / out) to ceil((o + 1) * in / "     \
    "out).\n\nRaises RuntimeError if the sizes do not fit.\n\n"
#define ADAPTIVE(n, flags)                                                                         \
    static int adaptive_avg_pool##n##d_forward(mt_call *c) { return mean_adaptive(c, n); }         \
    MT_OP(adaptive_avg_pool##n##d, .kind = MT_COMPOSITE | flags,                                   \
          .schema = "adaptive_avg_pool" #n "d(Tensor self, int[" #n "] output_size) -> Tensor",    \
          .doc = "The means of as many windows as output_size says, which cover the input "        \
                 "evenly." ADAPTIVE_DOC);                                                          \
    static int adaptive_max_pool##n##d_forward(mt_call *c) { return max_adaptive(c, n); }          \
    MT_OP(adaptive_max_pool##n##d, .kind = MT_COMPOSITE | flags,                                   \
          .schema = "adaptive_max_pool" #n "d(Tensor self, int[" #n                                \
                    "] output_size) -> (Tensor, Tensor)",                                          \
          .doc = "The largest elements of as many windows as output_size says, which cover the "   \
                 "input evenly, and their\nplaces in the plane." ADAPTIVE_DOC);

ADAPTIVE(1, MT_FUNCTION | MT_NN)
ADAPTIVE(2, MT_NN)
ADAPTIVE(3, MT_NN)
