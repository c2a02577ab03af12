/* Resizing along one dimension: every output is a weighted sum of a few inputs, whose places and
 * weights stand in a table. resample_line and its transpose are each other's rules; interpolate
 * goes along the dimensions one by one, as the weights of bilinear, bicubic and trilinear
 * interpolation are products. Also unfold and fold, which are windows as columns and their transpose.
 * Relies on kernels/windows.c. */
#include "ops/conv.h"

#include "base/parallel.h"

#include <math.h>
#include <string.h>

/* ==== resample_line =========================================================================== */

enum { DIM, SIZE, MODE, ALIGN, SCALE, NARG };
enum { NEAREST, NEAREST_EXACT, LINEAR, CUBIC };
#define TAPS 4

/* The places and weights of output o: `taps` of them. */
typedef struct taps {
    int n;
    int64_t in, out, *at;
    double *weight;
    size_t bytes;
} taps;

/* Keys' cubic convolution with a = -0.75 (Keys 1981). */
static void cubic_weights(double t, double *w)
{
    const double a = -0.75;
    double x[4] = {t + 1, t, 1 - t, 2 - t};
    for (int i = 0; i < 4; i++)
        w[i] = i == 1 || i == 2 ? ((a + 2) * x[i] - (a + 3)) * x[i] * x[i] + 1
                                : ((a * x[i] - 5 * a) * x[i] + 8 * a) * x[i] - 4 * a;
}

/* Where output o lies in the input. ratio: input places for each output. */
static double source_of(int64_t o, double ratio, bool align, int mode)
{
    if (align) return ratio * (double)o;
    double x = ratio * ((double)o + 0.5) - 0.5;
    return x < 0 && mode != CUBIC ? 0 : x;
}

static int64_t limit(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

static void fill_taps(taps *t, int64_t o, int mode, bool align, double ratio)
{
    int64_t *at = t->at + o * t->n;
    double *w = t->weight + o * t->n;
    if (mode == NEAREST || mode == NEAREST_EXACT) {
        float place = ((float)o + (mode == NEAREST ? 0.0f : 0.5f)) * (float)ratio;
        at[0] = limit((int64_t)floorf(place), t->in);
        w[0] = 1;
        return;
    }
    double x = source_of(o, ratio, align, mode), floor_x = floor(x), f = x - floor_x;
    int64_t i = (int64_t)floor_x;
    if (mode == LINEAR) {
        i = limit(i, t->in);
        at[0] = i, at[1] = i + (i < t->in - 1);
        w[0] = 1 - f, w[1] = f;
        return;
    }
    cubic_weights(f, w);
    for (int k = 0; k < 4; k++) at[k] = limit(i - 1 + k, t->in);
}

static int make_taps(taps *t, const mt_arg *a, int64_t in, int64_t out)
{
    int mode = (int)a[MODE].i;
    bool align = a[ALIGN].b;
    *t = (taps){.n = mode == CUBIC ? 4 : mode == LINEAR ? 2 : 1, .in = in, .out = out};
    t->bytes = (size_t)(out * t->n + 1) * (sizeof *t->at + sizeof *t->weight);
    if (!(t->at = mt_malloc(t->bytes))) return -1;
    t->weight = (double *)(void *)(t->at + out * t->n + 1);
    double ratio = align ? (out > 1 ? (double)(in - 1) / (double)(out - 1) : 0)
                   : a[SCALE].given && a[SCALE].d > 0 ? 1 / a[SCALE].d
                                                      : (double)in / (double)out;
    for (int64_t o = 0; o < out; o++) fill_taps(t, o, mode, align, ratio);
    return 0;
}

typedef struct line_job {
    const taps *t;
    char *y;
    const char *x;
    int64_t inner; /* elements from one place to the next */
} line_job;

/* Units: everything before the dimension. y[o] = sum of weight x[at]; back: gx[at] += weight g. A line whose places are
 * single elements goes element by element, others place by place. */
#define LINES(T, S)                                                                                \
    static void line_##S(const taps *t, T *restrict y, const T *restrict x)                        \
    {                                                                                              \
        const int64_t *at = t->at, out = t->out;                                                   \
        const double *w = t->weight;                                                               \
        if (t->n == 1)                                                                             \
            for (int64_t o = 0; o < out; o++) y[o] = x[at[o]];                                     \
        else if (t->n == 2)                                                                        \
            for (int64_t o = 0; o < out; o++, at += 2, w += 2)                                     \
                y[o] = (T)w[0] * x[at[0]] + (T)w[1] * x[at[1]];                                    \
        else                                                                                       \
            for (int64_t o = 0; o < out; o++, at += 4, w += 4)                                     \
                y[o] = (T)w[0] * x[at[0]] + (T)w[1] * x[at[1]] + (T)w[2] * x[at[2]] +              \
                       (T)w[3] * x[at[3]];                                                         \
    }                                                                                              \
    static void place_##S(int count, const int64_t *at, const double *w, int64_t n, T *restrict y, \
                          const T *restrict x)                                                     \
    {                                                                                              \
        const T *a = x + at[0] * n, *b = x + at[count > 1] * n;                                    \
        const T v0 = (T)w[0], v1 = (T)w[count > 1];                                                \
        if (count == 1)                                                                            \
            memcpy(y, a, (size_t)n * sizeof(T));                                                   \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++) y[i] = v0 * a[i] + v1 * b[i];                          \
        for (int k = 2; k < count; k++) {                                                          \
            const T *c = x + at[k] * n, v = (T)w[k];                                               \
            for (int64_t i = 0; i < n; i++) y[i] += v * c[i];                                      \
        }                                                                                          \
    }                                                                                              \
    static void forward_##S(int64_t begin, int64_t end, void *context)                             \
    {                                                                                              \
        const line_job *j = context;                                                               \
        const taps *t = j->t;                                                                      \
        for (int64_t k = begin; k < end; k++) {                                                    \
            T *y = (T *)(void *)j->y + k * t->out * j->inner;                                      \
            const T *x = (const T *)(const void *)j->x + k * t->in * j->inner;                     \
            if (j->inner == 1)                                                                     \
                line_##S(t, y, x);                                                                 \
            else                                                                                   \
                for (int64_t o = 0; o < t->out; o++)                                               \
                    place_##S(t->n, t->at + o * t->n, t->weight + o * t->n, j->inner,              \
                              y + o * j->inner, x);                                                \
        }                                                                                          \
    }                                                                                              \
    static void back_line_##S(const taps *t, T *restrict gx, const T *restrict g)                  \
    {                                                                                              \
        if (t->n == 1)                                                                             \
            for (int64_t o = 0; o < t->out; o++) gx[t->at[o]] += g[o];                             \
        else                                                                                       \
            for (int64_t k = 0; k < t->out * t->n; k++)                                            \
                gx[t->at[k]] += (T)t->weight[k] * g[k / t->n];                                     \
    }                                                                                              \
    static void back_##S(int64_t begin, int64_t end, void *context)                                \
    {                                                                                              \
        const line_job *j = context;                                                               \
        const taps *t = j->t;                                                                      \
        const int64_t n = j->inner;                                                                \
        for (int64_t u = begin; u < end; u++) {                                                    \
            T *gx = (T *)(void *)j->y + u * t->in * n;                                             \
            const T *g = (const T *)(const void *)j->x + u * t->out * n;                           \
            if (n == 1)                                                                            \
                back_line_##S(t, gx, g);                                                           \
            else                                                                                   \
                for (int64_t k = 0; k < t->out * t->n; k++) {                                      \
                    T *restrict to = gx + t->at[k] * n;                                            \
                    const T *restrict from = g + k / t->n * n, w = (T)t->weight[k];                \
                    for (int64_t i = 0; i < n; i++) to[i] += w * from[i];                          \
                }                                                                                  \
        }                                                                                          \
    }
LINES(float, f32)
LINES(double, f64)

/* dim of `from` (in or out places) becomes `to` places, forwards or back. */
static int run_lines(mt_call *c, int64_t in, int64_t out, bool back)
{
    mt_tensor *x = c->in[0], *y;
    const mt_arg *a = c->arg;
    int64_t size[MT_MAX_DIMS], outer = 1;
    int dim = (int)a[DIM].i;
    mt_dtype d = (mt_dtype)x->dtype;
    taps t;
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[dim] = back ? in : out;
    line_job j = {.t = &t, .inner = 1};
    for (int i = 0; i < dim; i++) outer *= size[i];
    for (int i = dim + 1; i < x->ndim; i++) j.inner *= size[i];
    if (!(y = c->out[0] = back ? mt_zeros_raw(d, x->ndim, size) : mt_empty(d, x->ndim, size)) ||
        !(x = mt_contiguous_raw(x, d)) || make_taps(&t, a, in, out) < 0)
        return -1;
    j.x = x->data, j.y = y->data;
    int64_t grain = 1 + MT_GRAIN_DEAR / (j.inner * out + 1);
    if (x->numel && y->numel)
        mt_parallel_for(outer, grain,
                        d == MT_FLOAT32 ? back ? back_f32 : forward_f32
                        : back          ? back_f64
                                        : forward_f64,
                        &j);
    mt_free(t.at, t.bytes);
    return 0;
}

static int resample_line_forward(mt_call *c)
{
    return run_lines(c, c->in[0]->size[c->arg[DIM].i], c->arg[SIZE].i, false);
}

static mt_tensor *resample(const mt_op *op, mt_tensor *x, const mt_arg *a, int64_t size)
{
    mt_arg arg[NARG];
    memcpy(arg, a, sizeof arg);
    arg[SIZE] = mt_arg_int(size);
    return mt_call1a(op, x, NARG, arg);
}

static void resample_line_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0])
        gin[0] =
            resample(&mt_op_resample_line_back, gout[0], c->arg, c->in_dims[0].size[c->arg[DIM].i]);
}

MT_OP(resample_line, .backward = resample_line_rule, .grad_name = "UpsampleBackward0",
      .schema = "resample_line(Tensor self, int dim, int size, int mode, bool align, float? scale) "
                "-> Tensor",
      .doc = "One dimension with another number of places.");

static int resample_line_back_forward(mt_call *c)
{
    return run_lines(c, c->arg[SIZE].i, c->in[0]->size[c->arg[DIM].i], true);
}

static void resample_line_back_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0])
        gin[0] = resample(&mt_op_resample_line, gout[0], c->arg, c->in_dims[0].size[c->arg[DIM].i]);
}

MT_OP(resample_line_back, .backward = resample_line_back_rule,
      .schema = "resample_line_back(Tensor self, int dim, int size, int mode, bool align, float? "
                "scale) -> Tensor",
      .doc = "The transpose of resample_line.");

/* ==== _interpolate ============================================================================ */

static int interpolate_forward(mt_call *c)
{
    static const char *const words[] = {"nearest", "nearest-exact", "linear", "cubic"};
    mt_tensor *x = c->in[0];
    const mt_arg *size = &c->arg[0], *scale = &c->arg[3];
    int n = (int)size->ints.n, mode = 0;
    while (mode < CUBIC && strcmp(c->arg[1].text, words[mode])) mode++;
    if (x->ndim != n + 2)
        return mt_error(MT_RUNTIME, "_interpolate: expected %d dimensions, got %d", n + 2, x->ndim);
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED,
                        "\"compute_indices_weights_%s\" not implemented for '%s'", words[mode],
                        mt_dtype_camel((mt_dtype)x->dtype));
    for (int i = 0; i < n; i++)
        if (size->ints.v[i] <= 0 || x->size[i + 2] <= 0)
            return mt_error(MT_RUNTIME,
                            "Input and output sizes should be greater than 0, but got input (%lld) "
                            "output (%lld)",
                            (long long)x->size[i + 2], (long long)size->ints.v[i]);
    for (int i = n - 1; x && i >= 0; i--) {
        bool own = scale->given && scale->doubles.n == n && scale->doubles.v[i] > 0;
        mt_arg arg[NARG] = {mt_arg_int(i + 2), mt_arg_int(size->ints.v[i]), mt_arg_int(mode),
                            c->arg[2], own ? mt_arg_double(scale->doubles.v[i]) : mt_arg_none()};
        arg[ALIGN].constant = false;
        x = mt_call1a(&mt_op_resample_line, x, NARG, arg);
    }
    return mt_result_is(c, 0, x);
}

MT_OP(interpolate, .kind = MT_COMPOSITE | MT_NN,
      .schema = "_interpolate(Tensor input, int[] size, str mode, bool align_corners=False, "
                "float[]? scale=None) -> Tensor",
      .doc =
          "An image (N, C, ...) with other sizes: each dimension resampled, the last first, by "
          "\"nearest\", \"nearest-exact\",\n\"linear\" or \"cubic\" weights.\n\n"
          "scale: output places for each input place, where they are not the ratio of the sizes.");

/* ==== im2col, col2im ========================================================================== */

enum { OUTPUT, KERNEL, DILATION, PADDING, STRIDE, F_NARG };

/* The windows of an image (channels, h, w); output sizes checked. */
static int windows_of(const mt_arg *a, int64_t channels, const int64_t *image, mt_windows *w)
{
    *w = (mt_windows){.channels = channels, .block = 1};
    for (int i = 0; i < 3; i++) {
        bool real = i > 0;
        w->in[i] = real ? image[i - 1] : 1;
        w->kernel[i] = real ? mt_each(&a[KERNEL], i - 1) : 1;
        w->stride[i] = real ? mt_each(&a[STRIDE], i - 1) : 1;
        w->dilation[i] = real ? mt_each(&a[DILATION], i - 1) : 1;
        w->pad[i] = real ? mt_each(&a[PADDING], i - 1) : 0;
        if (w->kernel[i] <= 0)
            return mt_error(MT_RUNTIME,
                            "kernel size should be greater than zero, but got kernel_height: %lld "
                            "kernel_width: %lld",
                            (long long)mt_each(&a[KERNEL], 0), (long long)mt_each(&a[KERNEL], 1));
        if (w->dilation[i] <= 0)
            return mt_error(MT_RUNTIME,
                            "dilation should be greater than zero, but got dilation_height: %lld "
                            "dilation_width: %lld",
                            (long long)mt_each(&a[DILATION], 0),
                            (long long)mt_each(&a[DILATION], 1));
        if (w->pad[i] < 0)
            return mt_error(
                MT_RUNTIME,
                "padding should be non-negative, but got pad_height: %lld pad_width: %lld",
                (long long)mt_each(&a[PADDING], 0), (long long)mt_each(&a[PADDING], 1));
        if (w->stride[i] <= 0)
            return mt_error(MT_RUNTIME,
                            "stride should be greater than zero, but got stride_height: %lld "
                            "stride_width: %lld",
                            (long long)mt_each(&a[STRIDE], 0), (long long)mt_each(&a[STRIDE], 1));
        int64_t room = w->in[i] + 2 * w->pad[i] - w->dilation[i] * (w->kernel[i] - 1) - 1;
        w->out[i] = room < 0 ? 0 : room / w->stride[i] + 1;
    }
    if (w->out[1] > 0 && w->out[2] > 0) return 0;
    return mt_error(MT_RUNTIME,
                    "Given input with spatial size (%lld, %lld), kernel_size=(%lld, %lld), "
                    "dilation=(%lld, %lld), padding=(%lld, %lld), calculated shape of the array of "
                    "sliding blocks as (%lld, %lld), but its components must be at least one.",
                    (long long)w->in[1], (long long)w->in[2], (long long)w->kernel[1],
                    (long long)w->kernel[2], (long long)w->dilation[1], (long long)w->dilation[2],
                    (long long)w->pad[1], (long long)w->pad[2], (long long)w->out[1],
                    (long long)w->out[2]);
}

/* x (N, C, H, W) to (N, C kh kw, L), or without N. */
static int im2col_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    char text[MT_SHAPE_TEXT];
    mt_windows w;
    int lead = x->ndim - 3;
    mt_dtype d = (mt_dtype)x->dtype, computed = mt_window_dtype(d);
    if (lead < 0 || lead > 1 || x->size[lead] == 0 || x->size[lead + 1] == 0 ||
        x->size[lead + 2] == 0)
        return mt_error(
            MT_RUNTIME,
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other "
            "non-zero dimensions for input, but got: %s",
            mt_shape_text(x->ndim, x->size, text));
    if (windows_of(c->arg, x->size[lead], x->size + lead + 1, &w) < 0) return -1;
    int64_t rows = w.channels * w.kernel[1] * w.kernel[2], places = w.out[1] * w.out[2];
    int64_t size[3] = {x->size[0], rows, places}, n = lead ? x->size[0] : 1;
    int64_t item = mt_dtype_size(computed), image = w.channels * w.in[1] * w.in[2];
    if (!(y = mt_result(c, 0, d, 2 + lead, lead ? size : size + 1))) return -1;
    mt_tensor *to = d == computed ? y : mt_empty(computed, 2 + lead, lead ? size : size + 1);
    if (!to || !(x = mt_contiguous_raw(x, computed))) return -1;
    for (int64_t i = 0; i < n; i++)
        mt_k->im2col(computed, &w, 0, w.out[1], to->data + i * rows * places * item,
                     x->data + i * image * item);
    return to == y ? 0 : mt_copy_raw(y, to);
}

static mt_tensor *windows_call(const mt_op *op, mt_tensor *x, const mt_arg *a,
                               const int64_t *output)
{
    mt_arg arg[F_NARG];
    memcpy(arg, a, sizeof arg);
    for (int i = 0; i < F_NARG; i++) arg[i].constant = false;
    if (output) arg[OUTPUT] = mt_arg_ints(2, output);
    return mt_call1a(op, x, F_NARG, arg);
}

static void im2col_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    if (gin[0]) gin[0] = windows_call(&mt_op_col2im, gout[0], c->arg, x->size + x->ndim - 2);
}

MT_OP(im2col, .kind = MT_NN, .backward = im2col_rule, .grad_name = "Im2ColBackward0",
      .rule = "fold(g)",
      .schema = "_im2col(Tensor self, int[2] output_size, int[2] kernel_size, int[2] dilation, "
                "int[2] padding, int[2] stride) -> Tensor",
      .doc = "The windows of an image as columns: (N, C, H, W) to (N, C kh kw, windows).\n\n"
             "output_size is not read. Raises RuntimeError if the sizes do not fit.");

/* x (N, C kh kw, L) to (N, C, H, W): overlapping windows add up. */
static int col2im_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    char text[MT_SHAPE_TEXT];
    mt_windows w;
    int lead = x->ndim - 2;
    const int64_t *image = c->arg[OUTPUT].ints.v;
    mt_dtype d = (mt_dtype)x->dtype, computed = mt_window_dtype(d);
    if (lead < 0 || lead > 1 || x->size[lead] == 0 || x->size[lead + 1] == 0)
        return mt_error(
            MT_RUNTIME,
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size "
            "and non-zero dimensions for input, but got: %s",
            mt_shape_text(x->ndim, x->size, text));
    int64_t area = mt_each(&c->arg[KERNEL], 0) * mt_each(&c->arg[KERNEL], 1);
    if (area > 0 && x->size[lead] % area)
        return mt_error(MT_RUNTIME,
                        "Expected size of input's dimension 1 to be divisible by the product of "
                        "kernel_size, but got input.size(1)=%lld and kernel_size=(%lld, %lld).",
                        (long long)x->size[lead], (long long)mt_each(&c->arg[KERNEL], 0),
                        (long long)mt_each(&c->arg[KERNEL], 1));
    if (windows_of(c->arg, area > 0 ? x->size[lead] / area : 0, image, &w) < 0) return -1;
    int64_t places = w.out[1] * w.out[2], rows = x->size[lead], n = lead ? x->size[0] : 1;
    if (x->size[lead + 1] != places)
        return mt_error(MT_RUNTIME,
                        "Given output_size=(%lld, %lld), expected size of input's dimension 2 to "
                        "match the calculated number of sliding blocks %lld * %lld = %lld, but got "
                        "input.size(2)=%lld.",
                        (long long)image[0], (long long)image[1], (long long)w.out[1],
                        (long long)w.out[2], (long long)places, (long long)x->size[lead + 1]);
    int64_t size[4] = {n, w.channels, image[0], image[1]}, item = mt_dtype_size(computed);
    if (!(y = c->out[0] = mt_zeros_raw(computed, 3 + lead, lead ? size : size + 1)) ||
        !(x = mt_contiguous_raw(x, computed)))
        return -1;
    for (int64_t i = 0; i < n; i++)
        mt_k->col2im(computed, &w, 0, w.out[1],
                     y->data + i * w.channels * image[0] * image[1] * item,
                     x->data + i * rows * places * item);
    if (d == computed) return 0;
    mt_tensor *cast = c->out[0] = mt_empty(d, 3 + lead, y->size);
    return cast ? mt_copy_raw(cast, y) : -1;
}

static void col2im_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = windows_call(&mt_op_im2col, gout[0], c->arg, NULL);
}

MT_OP(col2im, .kind = MT_NN, .backward = col2im_rule, .grad_name = "Col2ImBackward0",
      .rule = "unfold(g)",
      .schema = "_col2im(Tensor self, int[2] output_size, int[2] kernel_size, int[2] dilation, "
                "int[2] padding, int[2] stride) -> Tensor",
      .doc = "Columns put back as windows of an image, where they overlap added: (N, C kh kw, "
             "windows) to (N, C, *output_size).\n\nRaises RuntimeError if the sizes do not fit.");
