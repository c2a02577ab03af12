/* Convolution and its transpose in one, two and three dimensions, written once.
 *
 * Note [Three products]
 * With the windows of x as columns (kernels/windows.c), convolution is a product of the
 * weight with them. Its derivatives are the two other ways to multiply, and the three
 * close under differentiation:
 *
 *     y  = conv(x, w)             y = w cols(x)             channels of x in, of y out
 *     dx = transposed(dy, w)      cols(dx) = w^T dy         then col2im
 *     dw = weight(x, dy)          dw = dy cols(x)^T         summed over the batch
 *
 * conv and transposed are one operator, `convolution`, with a flag, and each other's rule in x. The
 * columns of a few lines of the output at a time are made and used at once, so that they stay in
 * the cache.
 *
 * Note [The order of a convolution]
 * In float32 PyTorch leaves most convolutions to oneDNN, which adds up 16 channels of the image at a
 * time: place after place of the window, at each the channels, every term by a fused multiply-add;
 * the bias comes to the first sixteen, then the others. With columns and weight in that order, one
 * product for each sixteen has the same digits. A small image alone goes another way there
 * (use_mkldnn in aten/src/ATen/native/Convolution.cpp): channel after channel onto the bias, as here
 * otherwise.
 *
 * Relies on ops/gemm.h. Read next: ops/conv_nd.c. */
#include "ops/conv.h"
#include "ops/gemm.h"

#include "base/parallel.h"

#include <stdio.h>
#include <string.h>

/* As a convolution without transposition sees it: `image` is what it reads, `map` what it writes;
 * in a transposed one the roles are swapped. */
typedef struct conv {
    int n; /* spatial dimensions */
    mt_dtype d;
    bool direct; /* the columns are the image itself: kernel and stride 1, no padding */
    int64_t batch, groups;
    int64_t image_channels, map_channels; /* of one group */
    int64_t k, pixels,
        image_size; /* rows of the columns; places of the map; elements of a group's image */
    int64_t lines;  /* lines of the map whose columns are made at a time */
    bool blocked;   /* see Note [The order of a convolution] */
    int64_t weight_row, weight_column; /* strides of the weight of a group, if so */
    mt_windows w;
} conv;

/* ---- sizes ----------------------------------------------------------------------------------- */

static int64_t product(const int64_t *v) { return v[0] * v[1] * v[2]; }

/* About this many elements of columns at a time: half of a second-level cache in float32. */
#define COLUMNS 65536

static void describe(conv *v, int n, mt_dtype d, const int64_t *image, const int64_t *map,
                     const int64_t *kernel, const mt_arg *stride, const mt_arg *padding,
                     const mt_arg *dilation, int64_t groups)
{
    *v = (conv){.n = n, .d = d, .batch = image[0], .groups = groups};
    v->image_channels = image[1] / groups;
    v->map_channels = map[1] / groups;
    mt_windows *w = &v->w;
    w->channels = v->image_channels;
    w->block = 1;
    mt_last_of_three(n, image + 2, 1, w->in);
    mt_last_of_three(n, map + 2, 1, w->out);
    mt_last_of_three(n, kernel, 1, w->kernel);
    int64_t s[3], p[3], l[3];
    for (int i = 0; i < n; i++) {
        s[i] = mt_each(stride, i);
        p[i] = mt_each(padding, i);
        l[i] = mt_each(dilation, i);
    }
    mt_last_of_three(n, s, 1, w->stride);
    mt_last_of_three(n, p, 0, w->pad);
    mt_last_of_three(n, l, 1, w->dilation);
    v->k = w->channels * product(w->kernel);
    v->pixels = product(w->out);
    v->image_size = w->channels * product(w->in);
    v->direct = product(w->kernel) == 1 && product(w->stride) == 1 && !w->pad[0] && !w->pad[1] &&
                !w->pad[2];
    int64_t line = v->k * w->out[2], all = w->out[0] * w->out[1];
    v->lines = line > 0 && line < COLUMNS ? COLUMNS / line : 1;
    if (v->lines > all) v->lines = all ? all : 1;
}

static int check_list(const char *name, const mt_arg *a, int n)
{
    char text[MT_SHAPE_TEXT];
    if (a->ints.n == 1 || a->ints.n == n) return 0;
    return mt_error(MT_RUNTIME,
                    "expected %s to be a single integer value or a list of %d values to match the "
                    "convolution dimensions, but got %s=%s",
                    name, n, name, mt_shape_text((int)a->ints.n, a->ints.v, text));
}

static bool any_below(const mt_arg *a, int64_t least)
{
    for (int64_t i = 0; i < a->ints.n; i++)
        if (a->ints.v[i] < least) return true;
    return false;
}

enum { STRIDE, PADDING, DILATION, TRANSPOSED, OUTPUT_PADDING, GROUPS, NARG };

static int check_numbers(const mt_call *c, int n)
{
    const mt_arg *a = c->arg;
    if (a[GROUPS].i <= 0) return mt_error(MT_RUNTIME, "non-positive groups is not supported");
    if (check_list("stride", &a[STRIDE], n) < 0 || check_list("padding", &a[PADDING], n) < 0 ||
        check_list("dilation", &a[DILATION], n) < 0 ||
        check_list("output_padding", &a[OUTPUT_PADDING], n) < 0)
        return -1;
    if (any_below(&a[PADDING], 0)) return mt_error(MT_RUNTIME, "negative padding is not supported");
    if (any_below(&a[OUTPUT_PADDING], 0))
        return mt_error(MT_RUNTIME, "negative output_padding is not supported");
    if (any_below(&a[STRIDE], 1))
        return mt_error(MT_RUNTIME, "non-positive stride is not supported");
    if (any_below(&a[DILATION], 1))
        return mt_error(MT_RUNTIME, "dilation should be greater than zero");
    return 0;
}

static int check_channels(const mt_tensor *x, const mt_tensor *w, const mt_tensor *bias,
                          bool transposed, int64_t groups)
{
    char tw[MT_SHAPE_TEXT], tx[MT_SHAPE_TEXT];
    mt_shape_text(w->ndim, w->size, tw);
    mt_shape_text(x->ndim, x->size, tx);
    if (x->ndim != w->ndim)
        return mt_error(MT_RUNTIME,
                        "Expected %d-dimensional input for %d-dimensional weight %s, but got "
                        "%d-dimensional input of size %s instead",
                        w->ndim, w->ndim, tw, x->ndim, tx);
    if (w->size[0] < groups)
        return mt_error(MT_RUNTIME,
                        "Given groups=%lld, expected weight to be at least %lld at dimension 0, "
                        "but got weight of size %s instead",
                        (long long)groups, (long long)groups, tw);
    if (w->size[0] % groups)
        return mt_error(MT_RUNTIME,
                        "Given groups=%lld, expected weight to be divisible by %lld at dimension "
                        "0, but got weight of size [%s] instead",
                        (long long)groups, (long long)groups, tw);
    int64_t in = transposed ? w->size[0] : w->size[1] * groups;
    int64_t out = transposed ? w->size[1] * groups : w->size[0];
    char given[64];
    if (transposed)
        snprintf(given, sizeof given, "transposed=1");
    else
        snprintf(given, sizeof given, "groups=%lld", (long long)groups);
    if (x->size[1] != in)
        return mt_error(MT_RUNTIME,
                        "Given %s, weight of size %s, expected input%s to have %lld channels, but "
                        "got %lld channels instead",
                        given, tw, tx, (long long)in, (long long)x->size[1]);
    if (bias && (bias->ndim != 1 || bias->numel != out))
        return mt_error(MT_RUNTIME,
                        "Given %s%sweight of size %s, expected bias to be 1-dimensional with %lld "
                        "elements, but got bias of size %s instead",
                        transposed ? given : "", transposed ? ", " : "", tw, (long long)out,
                        mt_shape_text(bias->ndim, bias->size, tx));
    return 0;
}

static int check_types(const mt_tensor *x, const mt_tensor *w, const mt_tensor *bias)
{
    static const char *const names[MT_NUM_DTYPES] = {
        [MT_UINT8] = "unsigned char", [MT_INT8] = "signed char", [MT_INT16] = "short",
        [MT_INT32] = "int",           [MT_INT64] = "long int",   [MT_FLOAT32] = "float",
        [MT_FLOAT64] = "double",      [MT_BOOL] = "bool"};
    if (bias && bias->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "Input type (%s) and bias type (%s) should be the same",
                        names[x->dtype], names[bias->dtype]);
    if (w->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "expected scalar type %s but found %s",
                        mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel((mt_dtype)w->dtype));
    if (x->dtype == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"slow_conv2d_cpu\" not implemented for 'Bool'");
    return 0;
}

/* "(5 x 5)" */
static const char *times_text(int n, const int64_t *v, char *buffer)
{
    size_t at = 0;
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(buffer + at, MT_SHAPE_TEXT - at, "%s%lld", i ? " x " : "",
                               (long long)v[i]);
    return buffer;
}

/* out = floor((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1 */
static int map_size(const mt_call *c, const mt_tensor *x, const mt_tensor *w, int64_t *out)
{
    const mt_arg *a = c->arg;
    int64_t padded[MT_SPATIAL_MAX], window[MT_SPATIAL_MAX];
    char tx[MT_SHAPE_TEXT], tk[MT_SHAPE_TEXT];
    bool fits = true;
    int n = w->ndim - 2;
    for (int i = 0; i < n; i++) {
        padded[i] = x->size[i + 2] + 2 * mt_each(&a[PADDING], i);
        window[i] = mt_each(&a[DILATION], i) * (w->size[i + 2] - 1) + 1;
        fits = fits && padded[i] >= window[i];
        out[i] = (padded[i] - window[i]) / mt_each(&a[STRIDE], i) + 1;
    }
    if (fits) return 0;
    return mt_error(MT_RUNTIME,
                    "Calculated padded input size per channel: (%s). Kernel size: (%s). Kernel "
                    "size can't be greater than actual input size",
                    times_text(n, padded, tx), times_text(n, window, tk));
}

static int check_output_padding(const mt_call *c, int n)
{
    static const char *const axes[3] = {"depth", "height", "width"};
    const mt_arg *a = c->arg;
    char text[3][MT_SHAPE_TEXT];
    bool bad = false;
    for (int k = 0; k < 3; k++) {
        static const char *const names[3] = {"output_padding", "stride", "dilation"};
        const mt_arg *of = &a[k == 0 ? OUTPUT_PADDING : k == 1 ? STRIDE : DILATION];
        size_t at = 0;
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(text[k] + at, MT_SHAPE_TEXT - at, "%s%s_%s: %lld", i ? " " : "",
                                   names[k], axes[3 - n + i], (long long)mt_each(of, i));
    }
    for (int i = 0; i < n; i++) {
        int64_t o = mt_each(&a[OUTPUT_PADDING], i);
        bad |= o >= mt_each(&a[STRIDE], i) && o >= mt_each(&a[DILATION], i);
    }
    if (!bad) return 0;
    return mt_error(
        MT_RUNTIME,
        "output padding must be smaller than either stride or dilation, but got %s %s %s", text[0],
        text[1], text[2]);
}

/* out = (in - 1) stride - 2 pad + dilation (kernel - 1) + output_padding + 1 */
static int image_size(const mt_call *c, const mt_tensor *x, const mt_tensor *w, int64_t *out)
{
    const mt_arg *a = c->arg;
    char ti[MT_SHAPE_TEXT], to[MT_SHAPE_TEXT];
    int n = w->ndim - 2;
    bool positive = true;
    for (int i = 0; i < n; i++) {
        out[i] = (x->size[i + 2] - 1) * mt_each(&a[STRIDE], i) - 2 * mt_each(&a[PADDING], i) +
                 mt_each(&a[DILATION], i) * (w->size[i + 2] - 1) + mt_each(&a[OUTPUT_PADDING], i) +
                 1;
        positive = positive && out[i] > 0;
    }
    if (positive) return check_output_padding(c, n);
    return mt_error(MT_RUNTIME,
                    "Given input size per channel: (%s). Calculated output size per channel: (%s). "
                    "Output size is too small",
                    times_text(n, x->size + 2, ti), times_text(n, out, to));
}

/* ---- the three products ---------------------------------------------------------------------- */

typedef struct conv_job {
    const conv *v;
    char *image, *map;
    const char *weight; /* (groups, map channels, k) */
    const char *bias;   /* one number a channel of the result, or NULL */
    char *partial;      /* sums of weight gradients: `parts` of each group */
    int64_t parts, steps;
    int failed;
} conv_job;

static int64_t item(const conv_job *j) { return mt_dtype_size(j->v->d); }

static void fail_in_thread(conv_job *j)
{
    mt_error_clear(); /* it belongs to this thread: the caller says it again in its own */
    __atomic_store_n(&j->failed, 1, __ATOMIC_RELAXED);
}

static int finish_job(const conv_job *j) { return j->failed ? (mt_fail_memory(), -1) : 0; }

/* The lines of step s of a map, and how many places of it they are. */
static int64_t step_lines(const conv *v, int64_t s, int64_t *from, int64_t *to)
{
    int64_t all = v->w.out[0] * v->w.out[1];
    *from = s * v->lines;
    *to = *from + v->lines < all ? *from + v->lines : all;
    return (*to - *from) * v->w.out[2];
}

static size_t columns_bytes(const conv_job *j)
{
    return (size_t)(j->v->k * j->v->lines * j->v->w.out[2] * item(j));
}

enum { SIXTEEN = 16, SMALL_IMAGE = 20480, FEW_PLACES = 3 };

/* Does PyTorch leave this one to oneDNN? */
static bool goes_blocked(const conv *v)
{
    const int64_t *k = v->w.kernel;
    return v->d == MT_FLOAT32 &&
           (v->groups > 1 || v->batch > 1 || (v->n > 1 && k[1] > 3 && k[2] > 3) ||
            v->batch * v->groups * v->image_size > SMALL_IMAGE);
}

/* The weight (map channels, channels, places) of each group with its columns in the order of the
 * blocks; transposed for a map of a few places, where the product would else go by dot products. */
static mt_tensor *weight_by_blocks(conv *v, const mt_tensor *weight)
{
    const int64_t channels = v->image_channels, block = v->w.block, rows = v->map_channels;
    const int64_t places = product(v->w.kernel), size[3] = {v->groups, rows, v->k};
    mt_tensor *out = mt_empty(MT_FLOAT32, 3, size);
    if (!out) return NULL;
    float *to = (float *)(void *)out->data;
    const float *from = (const float *)(const void *)weight->data;
    if (v->pixels <= FEW_PLACES) v->weight_row = 1, v->weight_column = rows;
    for (int64_t m = 0; m < v->groups * rows; m++, from += v->k) {
        float *x = to + m / rows * rows * v->k + m % rows * v->weight_row;
        for (int64_t first = 0; first < channels; first += block)
            for (int64_t p = 0; p < places; p++)
                for (int64_t c = first; c < channels && c < first + block; c++) {
                    *x = from[c * places + p];
                    x += v->weight_column;
                }
    }
    return out;
}

/* map += the bias of its channel. */
static void add_bias(const conv_job *j, int64_t channels, int64_t n, int64_t skip, int64_t first,
                     char *to)
{
    const int64_t stride[3] = {item(j), item(j), 0};
    for (int64_t m = 0; m < channels; m++) {
        char *row = to + m * skip * item(j);
        mt_k->binary[MT_BINARY_add][j->v->d](
            n, (char *[]){row, row, (char *)j->bias + (first + m) * item(j)}, stride, NULL);
    }
}

/* map = weight columns + bias, a block of channels at a time; by the kernel itself, for mt_gemm has
 * an order of its own for slim products. */
static int multiply_blocks(const conv_job *j, int64_t g, int64_t n, const char *weight,
                           const char *b, char *map)
{
    const conv *v = j->v;
    const int64_t places = product(v->w.kernel), row = v->direct ? v->pixels : n;
    for (int64_t c = 0; c < v->image_channels; c += v->w.block) {
        const int64_t left = v->image_channels - c, some = left < v->w.block ? left : v->w.block;
        if (mt_k->gemm_f32(
                v->map_channels, n, some * places,
                (const float *)(const void *)weight + c * places * v->weight_column, v->weight_row,
                v->weight_column, (const float *)(const void *)b + c * places * row, row, 1,
                (float *)(void *)map, v->pixels, MT_GEMM_ONE_SUM | (c > 0 ? MT_GEMM_ADD : 0)) < 0)
            return -1;
        if (c == 0 && j->bias) add_bias(j, v->map_channels, n, v->pixels, g * v->map_channels, map);
    }
    return 0;
}

static void fill_bias(const conv_job *j, int64_t channels, int64_t n, int64_t skip, int64_t first,
                      char *to)
{
    for (int64_t m = 0; m < channels; m++) {
        char *row = to + m * skip * item(j);
        int64_t stride[2] = {item(j), 0};
        mt_k->fill[j->v->d](n, (char *[]){row, (char *)j->bias + (first + m) * item(j)}, stride,
                            NULL);
    }
}

/* Units: (image, group, step of lines). map = weight cols(image) + bias. */
static void forward_units(int64_t begin, int64_t end, void *context)
{
    conv_job *j = context;
    const conv *v = j->v;
    char *columns = v->direct ? NULL : mt_malloc(columns_bytes(j));
    int failed = !v->direct && !columns;
    for (int64_t u = begin; u < end && !failed; u++) {
        int64_t from, to, part = u / j->steps, g = part % v->groups;
        int64_t n = step_lines(v, u % j->steps, &from, &to);
        const char *image = j->image + part * v->image_size * item(j), *b = columns;
        char *map = j->map + (part * v->map_channels * v->pixels + from * v->w.out[2]) * item(j);
        if (v->direct)
            b = image + from * v->w.out[2] * item(j);
        else
            mt_k->im2col(v->d, &v->w, from, to, columns, image);
        const char *weight = j->weight + g * v->map_channels * v->k * item(j);
        if (v->blocked) {
            failed = multiply_blocks(j, g, n, weight, b, map) < 0;
            continue;
        }
        if (j->bias) fill_bias(j, v->map_channels, n, v->pixels, g * v->map_channels, map);
        failed = mt_gemm(v->d, v->map_channels, n, v->k, weight, v->k, 1, b,
                         v->direct ? v->pixels : n, 1, map, v->pixels, j->bias != NULL) < 0;
    }
    if (failed) fail_in_thread(j);
    mt_free(columns, columns_bytes(j));
}

/* Units: (image, group). cols(image) = weight^T map, then col2im. */
static void transposed_units(int64_t begin, int64_t end, void *context)
{
    conv_job *j = context;
    const conv *v = j->v;
    char *columns = v->direct ? NULL : mt_malloc(columns_bytes(j));
    int failed = !v->direct && !columns;
    for (int64_t u = begin; u < end && !failed; u++) {
        int64_t g = u % v->groups,
                plane = v->image_size / (v->image_channels ? v->image_channels : 1);
        char *image = j->image + u * v->image_size * item(j);
        const char *weight = j->weight + g * v->map_channels * v->k * item(j);
        if (j->bias)
            fill_bias(j, v->image_channels, plane, plane, g * v->image_channels, image);
        else if (!v->direct)
            memset(image, 0, (size_t)(v->image_size * item(j)));
        for (int64_t s = 0; s < j->steps && !failed; s++) {
            int64_t from, to, n = step_lines(v, s, &from, &to), at = from * v->w.out[2] * item(j);
            const char *map = j->map + u * v->map_channels * v->pixels * item(j) + at;
            failed = mt_gemm(v->d, v->k, n, v->map_channels, weight, 1, v->k, map, v->pixels, 1,
                             v->direct ? image + at : columns, v->direct ? v->pixels : n,
                             v->direct && j->bias) < 0;
            if (!v->direct && !failed) mt_k->col2im(v->d, &v->w, from, to, image, columns);
        }
    }
    if (failed) fail_in_thread(j);
    mt_free(columns, columns_bytes(j));
}

/* Units: (group, part of the batch), each with a sum of its own. weight = map cols(image)^T. */
static void weight_units(int64_t begin, int64_t end, void *context)
{
    conv_job *j = context;
    const conv *v = j->v;
    char *columns = v->direct ? NULL : mt_malloc(columns_bytes(j));
    int failed = !v->direct && !columns;
    int64_t size = v->map_channels * v->k;
    for (int64_t u = begin; u < end && !failed; u++) {
        int64_t g = u / j->parts, part = u % j->parts;
        char *sum = j->partial + u * size * item(j);
        memset(sum, 0, (size_t)(size * item(j)));
        for (int64_t i = part * v->batch / j->parts * j->steps;
             i < (part + 1) * v->batch / j->parts * j->steps && !failed; i++) {
            int64_t from, to, at = i / j->steps * v->groups + g;
            int64_t n = step_lines(v, i % j->steps, &from, &to), skip = from * v->w.out[2];
            const char *image = j->image + at * v->image_size * item(j), *b = columns;
            const char *map = j->map + (at * v->map_channels * v->pixels + skip) * item(j);
            if (v->direct)
                b = image + skip * item(j);
            else
                mt_k->im2col(v->d, &v->w, from, to, columns, image);
            failed = mt_gemm(v->d, v->map_channels, v->k, n, map, v->pixels, 1, b, 1,
                             v->direct ? v->pixels : n, sum, v->k, true) < 0;
        }
    }
    if (failed) fail_in_thread(j);
    mt_free(columns, columns_bytes(j));
}

/* Units worth about 2e5 multiplications a piece. */
static int64_t grain(const conv *v, int64_t units)
{
    double work = (double)v->batch * (double)v->groups * (double)v->map_channels * (double)v->k *
                  (double)v->pixels / (double)(units ? units : 1);
    return work >= 2e5 ? 1 : (int64_t)(2e5 / (work + 1)) + 1;
}

static int64_t steps_of(const conv *v)
{
    int64_t all = v->w.out[0] * v->w.out[1];
    return (all + v->lines - 1) / v->lines;
}

static int run_forward(conv *v, mt_tensor *image, mt_tensor *weight, mt_tensor *bias,
                       mt_tensor *map)
{
    conv_job j = {.v = v, .steps = steps_of(v)};
    if (map->numel == 0) return 0;
    if ((v->blocked = v->image_channels > 0 && goes_blocked(v))) {
        const int done = v->direct ? 0
                                   : mt_convolve_shifted(false, &v->w, v->batch, v->groups,
                                                         v->map_channels, image, weight, bias, map);
        if (done) return done < 0 ? -1 : 0;
        v->w.block = product(v->w.kernel) == 1 ? v->image_channels : SIXTEEN;
        v->weight_row = v->k, v->weight_column = 1;
        if (v->image_channels > 1 && product(v->w.kernel) > 1 &&
            !(weight = weight_by_blocks(v, weight)))
            return -1;
    }
    j.image = image->data, j.map = map->data, j.weight = weight->data;
    j.bias = bias ? bias->data : NULL;
    int64_t units = v->batch * v->groups * j.steps;
    mt_parallel_for(units, grain(v, units), forward_units, &j);
    return finish_job(&j);
}

static int run_transposed(conv *v, mt_tensor *map, mt_tensor *weight, mt_tensor *bias,
                          mt_tensor *image)
{
    conv_job j = {.v = v, .steps = steps_of(v)};
    if (image->numel == 0) return 0;
    int done = 0;
    if (v->d == MT_FLOAT32 && !v->direct &&
        !(done = mt_convolve_point(&v->w, v->batch, v->groups, v->map_channels, map, weight, bias,
                                   image)))
        done = mt_convolve_shifted(true, &v->w, v->batch, v->groups, v->map_channels, map, weight,
                                   bias, image);
    if (done) return done < 0 ? -1 : 0;
    j.image = image->data, j.map = map->data, j.weight = weight->data;
    j.bias = bias ? bias->data : NULL;
    int64_t units = v->batch * v->groups;
    mt_parallel_for(units, grain(v, units), transposed_units, &j);
    return finish_job(&j);
}

/* The batch is cut into the same parts whatever the number of threads, and
 * these are added in order. */
static int run_weight(const conv *v, mt_tensor *image, mt_tensor *map, mt_tensor *weight)
{
    conv_job j = {.v = v, .steps = steps_of(v)};
    int64_t all = weight->numel, size = v->map_channels * v->k;
    if (all == 0) return 0;
    const int point = v->d == MT_FLOAT32 && v->pixels
                          ? mt_convolve_weight_point(&v->w, v->batch, v->groups, v->map_channels,
                                                     image, map, weight)
                          : 0;
    if (point) return point < 0 ? -1 : 0;
    j.image = image->data, j.map = map->data;
    j.parts = v->batch < 8 ? v->batch : 8;
    /* A part of few places costs more to add up than it saves. */
    while (j.parts > 2 && v->batch * v->pixels < 128 * j.parts) j.parts /= 2;
    if (j.parts * all > 4 << 20) j.parts = (4 << 20) / all;
    if (j.parts < 1 || v->pixels == 0) j.parts = 1;
    size_t bytes = (size_t)(j.parts * all * mt_dtype_size(v->d));
    j.partial = j.parts == 1 ? weight->data : mt_malloc(bytes);
    if (!j.partial) return -1;
    const int done = v->d == MT_FLOAT32 && !v->direct
                         ? mt_convolve_weight_shifted(&v->w, v->batch, v->groups, j.parts,
                                                      v->map_channels, image, map, j.partial)
                         : 0;
    if (done < 0) j.failed = 1;
    if (!done)
        mt_parallel_for(v->groups * j.parts, grain(v, v->groups * j.parts), weight_units, &j);
    if (j.parts > 1) {
        for (int64_t g = 0; g < v->groups; g++)
            mt_k->reduce_columns[MT_REDUCE_sum][v->d](
                j.parts, size, weight->data + g * size * item(&j),
                j.partial + g * j.parts * size * item(&j), size * item(&j));
        mt_free(j.partial, bytes);
    }
    return finish_job(&j);
}

/* ==== convolution ============================================================================= */

/* A result of c in the type that is computed in; finish_result brings it to the one wanted. */
static mt_tensor *begin_result(mt_call *c, mt_dtype d, mt_dtype computed, int ndim,
                               const int64_t *size)
{
    if (mt_shape_numel(ndim, size, 8) < 0) return NULL;
    return d == computed ? mt_result(c, 0, d, ndim, size) : mt_empty(computed, ndim, size);
}

static int finish_result(mt_call *c, mt_dtype d, mt_tensor *y)
{
    if (y->dtype == d) return 0;
    mt_tensor *cast = mt_result(c, 0, d, y->ndim, y->size);
    return cast ? mt_copy_raw(cast, y) : -1;
}

static int convolution_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *w = c->in[1], *bias = c->in[2];
    bool transposed = c->arg[TRANSPOSED].b;
    int64_t size[MT_SPATIAL_MAX + 2], groups = c->arg[GROUPS].i;
    int n = w->ndim - 2;
    if (n < 1 || n > MT_SPATIAL_MAX)
        return mt_error(MT_RUNTIME,
                        "weight should have at least three and at most five dimensions");
    if (check_numbers(c, n) < 0 || check_channels(x, w, bias, transposed, groups) < 0 ||
        check_types(x, w, bias) < 0 ||
        (transposed ? image_size(c, x, w, size + 2) : map_size(c, x, w, size + 2)) < 0)
        return -1;
    size[0] = x->size[0];
    size[1] = transposed ? w->size[1] * groups : w->size[0];
    mt_dtype d = (mt_dtype)x->dtype, computed = mt_window_dtype(d);
    conv v;
    describe(&v, n, computed, transposed ? size : x->size, transposed ? x->size : size, w->size + 2,
             &c->arg[STRIDE], &c->arg[PADDING], &c->arg[DILATION], groups);
    mt_tensor *y = begin_result(c, d, computed, w->ndim, size);
    if (!y || !(x = mt_contiguous_raw(x, computed)) || !(w = mt_contiguous_raw(w, computed)) ||
        (bias && !(bias = mt_contiguous_raw(bias, computed))))
        return -1;
    if ((transposed ? run_transposed : run_forward)(&v, x, w, bias, y) < 0) return -1;
    return finish_result(c, d, y);
}

/* t without what it has beyond `size` in its later dimensions. */
static mt_tensor *cut_to(mt_tensor *t, const int64_t *size)
{
    for (int i = 2; t && i < t->ndim; i++)
        if (t->size[i] > size[i]) t = mt_narrow(t, i, 0, size[i]);
    return t;
}

/* Of (g, w), in the shape of the input: the other of conv and its transpose. */
static mt_tensor *back_to_input(mt_tensor *g, mt_tensor *w, const int64_t *x, const mt_arg *a)
{
    int n = w->ndim - 2;
    int64_t extra[MT_SPATIAL_MAX] = {0};
    bool transposed = a[TRANSPOSED].b;
    for (int i = 0; i < n && !transposed; i++)
        extra[i] = x[i + 2] -
                   ((g->size[i + 2] - 1) * mt_each(&a[STRIDE], i) - 2 * mt_each(&a[PADDING], i) +
                    mt_each(&a[DILATION], i) * (w->size[i + 2] - 1) + 1);
    mt_tensor *gx = mt_convolution(g, w, NULL, &a[STRIDE], &a[PADDING], &a[DILATION], !transposed,
                                   n, extra, a[GROUPS].i);
    return cut_to(gx, x);
}

static void convolution_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *w = c->in[1];
    const mt_arg *a = c->arg;
    bool transposed = a[TRANSPOSED].b;
    int64_t others[MT_SPATIAL_MAX + 1] = {0, 2, 3, 4};
    if (gin[0]) gin[0] = back_to_input(g, w, c->in_dims[0].size, a);
    if (gin[1])
        gin[1] = mt_convolution_weight(transposed ? g : x, transposed ? x : g,
                                       c->in_dims[1].ndim - 2, c->in_dims[1].size + 2, &a[STRIDE],
                                       &a[PADDING], &a[DILATION], a[GROUPS].i);
    if (gin[2]) gin[2] = mt_sum_dim(g, g->ndim - 1, others, false);
}

MT_OP(
    convolution, .kind = MT_FUNCTION, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0), 0},
    .backward = convolution_backward,
    .rule = "gx = conv_transpose(g, w); gw = the convolution of x with g; gb = g.sum((0, 2, ...))",
    .schema = "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, "
              "int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor",
    .doc = "What conv1d to conv_transpose3d have in common: input (N, C, ...) with one to three "
           "dimensions, weight (O, C / groups, ...),\nor transposed (C, O / groups, ...). Each "
           "list has one number for each dimension, or one for all.\n\n"
           "Raises RuntimeError if the shapes or types do not fit.\n\n"
           ">>> x, w = minitorch.ones(1, 1, 4), minitorch.ones(1, 1, 2)\n"
           ">>> minitorch.convolution(x, w, None, [1], [0], [1], False, [0], 1)\n"
           "tensor([[[2., 2., 2.]]])");

mt_tensor *mt_convolution(mt_tensor *input, mt_tensor *weight, mt_tensor *bias,
                          const mt_arg *stride, const mt_arg *padding, const mt_arg *dilation,
                          bool transposed, int n, const int64_t *output_padding, int64_t groups)
{
    mt_tensor *in[3] = {input, weight, bias};
    mt_arg arg[NARG] = {*stride,
                        *padding,
                        *dilation,
                        mt_arg_bool(transposed),
                        mt_arg_ints(n, output_padding),
                        mt_arg_int(groups)};
    for (int i = 0; i < NARG; i++) arg[i].constant = false;
    return input && weight ? mt_calln(&mt_op_convolution, 3, in, NARG, arg) : NULL;
}

/* ==== convolution_weight ====================================================================== */

enum { KERNEL, W_STRIDE, W_PADDING, W_DILATION, W_GROUPS, W_NARG };

/* The gradient of the weight: of the image x and the gradient g of the
 * map. Both are known to fit. */
static int convolution_weight_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *g = c->in[1];
    const mt_arg *a = c->arg;
    mt_dtype d = (mt_dtype)x->dtype;
    int n = x->ndim - 2;
    int64_t size[MT_SPATIAL_MAX + 2] = {g->size[1], x->size[1] / a[W_GROUPS].i};
    memcpy(size + 2, a[KERNEL].ints.v, (size_t)n * sizeof *size);
    conv v;
    describe(&v, n, d, x->size, g->size, size + 2, &a[W_STRIDE], &a[W_PADDING], &a[W_DILATION],
             a[W_GROUPS].i);
    mt_tensor *w = mt_result(c, 0, d, x->ndim, size);
    if (!w || !(x = mt_contiguous_raw(x, d)) || !(g = mt_contiguous_raw(g, d))) return -1;
    return run_weight(&v, x, g, w);
}

/* It is linear in x and in g: where gw is the weight, conv of x is the gradient of g, and
 * the transpose of g that of x. */
static void convolution_weight_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *gw = gout[0], *x = c->in[0], *g = c->in[1];
    const mt_arg *a = c->arg;
    int64_t none = 0;
    mt_arg forward[NARG] = {a[W_STRIDE],        a[W_PADDING],          a[W_DILATION],
                            mt_arg_bool(false), mt_arg_ints(1, &none), mt_arg_int(a[W_GROUPS].i)};
    if (gin[0]) gin[0] = back_to_input(g, gw, c->in_dims[0].size, forward);
    if (gin[1])
        gin[1] = cut_to(mt_convolution(x, gw, NULL, &a[W_STRIDE], &a[W_PADDING], &a[W_DILATION],
                                       false, 1, &none, a[W_GROUPS].i),
                        c->in_dims[1].size);
}

MT_OP(convolution_weight, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0)},
      .backward = convolution_weight_backward, .grad_name = "ConvolutionBackwardBackward0",
      .schema = "convolution_weight(Tensor input, Tensor g, int[] kernel, int[] stride, int[] "
                "padding, int[] dilation, int groups) -> Tensor",
      .doc = "The gradient of a convolution's weight.");

mt_tensor *mt_convolution_weight(mt_tensor *input, mt_tensor *g, int n, const int64_t *kernel,
                                 const mt_arg *stride, const mt_arg *padding,
                                 const mt_arg *dilation, int64_t groups)
{
    mt_arg arg[W_NARG] = {mt_arg_ints(n, kernel), *stride, *padding, *dilation, mt_arg_int(groups)};
    for (int i = 0; i < W_NARG; i++) arg[i].constant = false;
    return input && g ? mt_call2a(&mt_op_convolution_weight, input, g, W_NARG, arg) : NULL;
}
