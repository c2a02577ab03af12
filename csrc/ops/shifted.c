/* Convolution and its transpose by sums over a framed image, in float32: which element each term of a sum begins
 * at, the weight in tiles, and the work in bands that fit the second cache.
 *
 * Both are the same sums. A convolution that moves by s reads s images of every s-th place; its transpose writes s
 * images of every s-th place, each a sum of its own over some places of the window (Shi et al., "Is the
 * deconvolution layer the same as a convolutional layer?", 2016): image place i of the window's place k comes from
 * place t - (k dilation) / s of the map, where i + pad = t s + r and k dilation leaves r, too.
 *
 * Relies on kernels/shifted.c, ops/conv.h. Read next: ops/conv.c. */
#include "ops/conv.h"

#include "base/parallel.h"

#include <math.h>
#include <string.h>

enum {
    MOST_IMAGES = 16, /* that one is taken apart into */
    BLOCK =
        16, /* channels that are added up at a time: ops/conv.c, Note [The order of a convolution] */
    BAND = 131072 /* elements of framed image and result: half of a second cache */
};

/* One image of the result: positions [from, to) of each dimension are places `first`, + step, ... of it. */
typedef struct pass {
    mt_shifted sums;
    int64_t from[3], to[3], first[3];
} pass;

typedef struct plan {
    const mt_windows *w;
    bool back, depthwise;
    int64_t channels, rows;                      /* read and written, of one group */
    int64_t groups, size[3], most[3], origin[3]; /* positions; the largest shift; t of position 0 */
    int64_t out[3];
    mt_frame frame;
    bool last;            /* channels last: the vectors are the weight's */
    int64_t row, span[3]; /* elements of a term's weight; positions of a band */
    const int64_t *position;
    int dim;                  /* the bands go along this one, */
    int64_t band, bands;      /* so many positions each */
    int64_t n, passes, plane; /* positions with frame of a band; elements of a channel */
    int64_t weights;          /* elements of a group's weight */
    pass pass[MOST_IMAGES];
    const char *image, *bias;
    char *result;
    int failed;
} plan;

static int64_t product(const int64_t *v) { return v[0] * v[1] * v[2]; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

/* Wide gaps and paddings make frames far larger than what stands in them. */
static bool fits_frame(const mt_windows *w, int64_t channels, const mt_tensor *x,
                       const mt_tensor *y)
{
    double frame = (double)channels;
    for (int i = 0; i < 3; i++)
        frame *= (double)w->in[i] + 2.0 * (double)w->pad[i] +
                 (double)w->kernel[i] * (double)w->dilation[i];
    return frame <= 1e7 + 64 * ((double)x->numel + (double)y->numel);
}

/* ---- the plan -------------------------------------------------------------------------------- */

static void measure(plan *p)
{
    const mt_windows *w = p->w;
    for (int i = 0; i < 3; i++) {
        const int64_t reach = (w->kernel[i] - 1) * w->dilation[i], s = w->stride[i];
        p->most[i] = reach / s;
        p->origin[i] = p->back ? w->pad[i] / s : 0;
        p->size[i] = p->back ? (w->in[i] - 1 + w->pad[i]) / s - p->origin[i] + 1 : w->out[i];
        p->out[i] = p->back ? w->in[i] : w->out[i];
        p->frame.in[i] = p->back ? w->out[i] : w->in[i];
        p->frame.step[i] = p->back ? 1 : s;
        p->frame.start[i] = p->back ? p->origin[i] - p->most[i] : -w->pad[i];
    }
    p->frame.channels = p->channels;
}

/* The bands: along the first dimension there is, of a length that keeps them in the cache; several of one image. */
static void cut_in_bands(plan *p, int64_t units)
{
    const int64_t images = product(p->frame.step);
    p->dim = p->size[0] > 1 ? 0 : 1;
    const int64_t all = p->size[p->dim], halo = p->most[p->dim];
    int64_t line = p->dim == 0 ? (p->size[1] + p->most[1]) * (p->size[2] + p->most[2])
                               : p->size[2] + p->most[2];
    line *= p->channels * images + p->rows;
    int64_t bands = 1 + all * line / BAND;
    if (units * bands < 4) bands = 4;
    p->band = ceil_div(all, bands);
    if (p->band < 2 * halo + 1) p->band = least(all, 2 * halo + 1);
    p->bands = ceil_div(all, p->band);
    memcpy(p->span, p->size, sizeof p->size);
    p->span[p->dim] = p->band;
    p->n = 0;
    for (int i = 0; i < 3; i++) {
        p->frame.size[i] = p->span[i] + p->most[i];
        p->n = p->n * p->frame.size[i] + p->span[i] - 1;
    }
    p->n += 1;
    p->plane = product(p->frame.size);
}

/* Does the place k of the window take part in pass r; and which element of a channel does it begin at? */
static bool place_shift(const plan *p, const int64_t *r, const int64_t *k, int64_t *shift)
{
    int64_t image = 0, at = 0;
    for (int i = 0; i < 3; i++) {
        const int64_t s = p->w->stride[i], reach = k[i] * p->w->dilation[i];
        if (p->back && reach % s != r[i]) return false;
        image = image * p->frame.step[i] + (p->back ? 0 : reach % s);
        at = at * p->frame.size[i] + (p->back ? p->most[i] - reach / s : reach / s);
    }
    *shift = image * p->plane + at;
    return true;
}

static int64_t whole_vectors(int64_t n)
{
    return ceil_div(n, mt_k->shifted_lanes) * mt_k->shifted_lanes;
}

/* The weight of one term into its tiles; or into a row, the channels last. */
static void place_weight(const plan *p, const mt_shifted *s, int64_t term, const float *from,
                         int64_t row, float *to)
{
    if (p->last) {
        to += term * p->row;
        for (int64_t i = 0; i < s->rows; i++) to[i] = from[i * row];
        for (int64_t i = s->rows; i < p->row; i++) to[i] = 0;
        return;
    }
    for (int64_t i = 0, height = mt_k->shifted_rows; i < s->rows; i += height) {
        while (height > s->rows - i) height /= 2;
        for (int64_t j = 0; j < height; j++)
            to[i * s->terms + term * height + j] = from[(i + j) * row];
    }
}

/* The order in which PyTorch adds up: 16 channels at a time, in them place by place of the window. The transpose of
 * a convolution that moves by more than one takes all channels at once; and where its lines are a multiple of that
 * long, column by column of the window, or place by place. */
enum { BLOCKS, AT_ONCE, BY_COLUMN, BY_PLACE };

static int order_of(const plan *p)
{
    const mt_windows *w = p->w;
    if (!p->back || product(w->stride) == 1) return BLOCKS;
    if (product(w->dilation) > 1) return BY_PLACE;
    return w->in[2] % w->stride[2] ? AT_ONCE : w->kernel[2] > 3 ? BY_COLUMN : BY_PLACE;
}

/* Place number k of the window, which come line by line or column by column. */
static void place_of(const plan *p, int64_t k, bool columns, int64_t *of)
{
    const int64_t *n = p->w->kernel;
    const int64_t line = columns ? k % (n[0] * n[1]) : k / n[2];
    of[0] = line / n[1], of[1] = line % n[1], of[2] = columns ? k / (n[0] * n[1]) : k % n[2];
}

/* The tables of a pass, of which the number of terms is known. */
static void fill_terms(plan *p, pass *q, const int64_t *r, int64_t *shift, int64_t *cut,
                       float *tiles, const float *weight)
{
    const int64_t *n = p->w->kernel, places = product(n), images = product(p->frame.step);
    const int64_t row = p->back ? places : p->channels * places;
    const int64_t channel = p->back ? p->rows * places : places;
    const int order = order_of(p);
    const bool columns = order == BY_COLUMN || (order == BY_PLACE && product(p->w->dilation) == 1);
    const int64_t block = order == BLOCKS ? BLOCK : p->channels;
    mt_shifted *s = &q->sums;
    int64_t terms = 0, cuts = 0, begin = 0;
    for (int64_t c0 = 0; c0 < p->channels; c0 += block) {
        for (int64_t k = 0, last = -1; k < places; k++) {
            int64_t at, of[3];
            place_of(p, k, columns, of);
            if (!place_shift(p, r, of, &at)) continue;
            if (terms > begin && (order == BY_PLACE || (order == BY_COLUMN && of[2] != last)))
                cut[cuts++] = begin = terms;
            last = of[2];
            const float *from = weight + c0 * channel + (of[0] * n[1] + of[1]) * n[2] + of[2];
            for (int64_t c = c0; c < least(c0 + block, p->channels); c++, from += channel) {
                if (order == BLOCKS && terms == begin + MT_GEMM_MOST) cut[cuts++] = begin = terms;
                for (int64_t g = 0; g < p->groups; g++)
                    place_weight(p, s, terms, from + g * p->rows * p->channels * places, row,
                                 tiles + g * p->weights);
                shift[terms++] = c * images * p->plane + at;
            }
        }
        cut[cuts++] = begin = terms;
        if (c0 == 0) s->bias_cut = cuts - 1;
    }
    s->terms = terms, s->cuts = cuts;
    if (p->depthwise) s->bias_cut = -1;
}

static bool takes_part(const plan *p, const int64_t *r, int64_t k)
{
    int64_t of[3], at;
    place_of(p, k, false, of);
    return place_shift(p, r, of, &at);
}

/* Which positions of a pass are places of the result. */
static void find_positions(const plan *p, pass *q, const int64_t *r)
{
    for (int i = 0; i < 3; i++) {
        const int64_t s = p->w->stride[i], past = p->w->pad[i] - r[i] - p->origin[i] * s;
        q->from[i] = p->back && past > 0 ? ceil_div(past, s) : 0;
        q->first[i] = p->back ? q->from[i] * s - past : 0;
        q->to[i] = p->back ? q->from[i] + ceil_div(p->out[i] - q->first[i], s) : p->size[i];
        if (q->to[i] < q->from[i]) q->to[i] = q->from[i];
    }
}

/* Where each position of a band stands in the frame. */
static void fill_positions(const plan *p, int64_t *to)
{
    for (int64_t d = 0; d < p->span[0]; d++)
        for (int64_t h = 0; h < p->span[1]; h++)
            for (int64_t w = 0; w < p->span[2]; w++)
                *to++ = (d * p->frame.size[1] + h) * p->frame.size[2] + w;
}

static int fill_plan(plan *p, const float *weight)
{
    const mt_windows *w = p->w;
    const int64_t places = product(w->kernel), all = p->channels * places;
    const int64_t blocks = ceil_div(p->channels, BLOCK);
    p->passes = p->back ? product(w->stride) : 1;
    p->row = p->last ? whole_vectors(p->rows) : p->rows;
    p->weights = all * p->row;
    const int64_t positions = p->last ? product(p->size) : 0;
    const int64_t numbers =
        all + p->passes * (places + blocks * (1 + BLOCK * places / MT_GEMM_MOST)) + positions;
    const int64_t floats = p->weights * p->groups;
    mt_tensor *tables = mt_empty(MT_INT64, 1, &numbers), *tiles = mt_empty(MT_FLOAT32, 1, &floats);
    if (!tables || !tiles) return -1;
    int64_t *shift = (int64_t *)(void *)tables->data, *cut = shift + all;
    float *to = (float *)(void *)tiles->data;
    p->position = shift + numbers - positions;
    if (p->last) fill_positions(p, shift + numbers - positions);
    for (int64_t i = 0; i < p->passes; i++) {
        const int64_t r[3] = {i / w->stride[1] / w->stride[2], i / w->stride[2] % w->stride[1],
                              i % w->stride[2]};
        pass *q = &p->pass[i];
        find_positions(p, q, r);
        q->sums = (mt_shifted){.rows = p->rows, .shift = shift, .cut = cut, .weight = to};
        for (int64_t k = 0; k < all; k++) q->sums.terms += takes_part(p, r, k / p->channels);
        fill_terms(p, q, r, shift, cut, to, weight);
        shift += q->sums.terms, cut += q->sums.cuts;
        to += q->sums.terms * p->row;
    }
    return 0;
}

/* ---- the work -------------------------------------------------------------------------------- */

/* Positions [begin, end) of the band of what pass q has in `sums` go to the image. */
static void crop_pass(const plan *p, const pass *q, int64_t begin, float *image, const float *sums,
                      int64_t row)
{
    mt_crop c;
    int64_t skip = 0;
    const int64_t *size = p->last ? p->span : p->frame.size;
    for (int i = 0; i < 3; i++) {
        const bool cut = i == p->dim;
        const int64_t zero = cut ? begin : 0, end = zero + (cut ? p->band : p->size[i]);
        const int64_t from = q->from[i] > zero ? q->from[i] : zero, to = least(q->to[i], end);
        if (to <= from) return;
        c.step[i] = p->back ? p->w->stride[i] : 1;
        c.size[i] = to - from;
        c.out[i] = p->out[i];
        c.first[i] = q->first[i] + (from - q->from[i]) * c.step[i];
        skip = skip * size[i] + from - zero;
    }
    c.apart[2] = p->last ? p->row : 1;
    c.apart[1] = c.apart[2] * size[2], c.apart[0] = c.apart[1] * size[1];
    mt_k->crop_image(&c, p->rows, image, sums + skip * c.apart[2], p->last ? 1 : row);
}

/* The bias as whole vectors. */
static const float *padded_bias(const plan *p, const float *bias, float *to)
{
    if (!bias) return NULL;
    for (int64_t i = 0; i < p->row; i++) to[i] = i < p->rows ? bias[i] : 0;
    return to;
}

/* Units: (image, group, band). */
static void band_units(int64_t begin, int64_t end, void *context)
{
    plan *p = context;
    const int64_t framed = p->channels * product(p->frame.step) * p->plane;
    const int64_t row = p->n + MT_SHIFTED_SLACK;
    const int64_t source = p->channels * product(p->frame.in), result = p->rows * product(p->out);
    const int64_t out = p->last ? product(p->span) * p->row + p->row : p->rows * row;
    const size_t bytes = (size_t)(framed + MT_SHIFTED_SLACK + out) * sizeof(float);
    float *image = mt_malloc(bytes), *sums = image ? image + framed + MT_SHIFTED_SLACK : NULL;
    if (!image) {
        mt_error_clear(); /* it belongs to this thread: the caller says it again in its own */
        __atomic_store_n(&p->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    memset(image + framed, 0, MT_SHIFTED_SLACK * sizeof(float));
    for (int64_t u = begin; u < end; u++) {
        const int64_t part = u / p->bands, first = u % p->bands * p->band, g = part % p->groups;
        mt_frame f = p->frame;
        f.start[p->dim] += first * f.step[p->dim];
        mt_k->frame_image(&f, image, (const float *)(const void *)p->image + part * source);
        for (int64_t i = 0; i < p->passes; i++) {
            mt_shifted s = p->pass[i].sums;
            s.weight += g * p->weights;
            const float *bias = p->bias ? (const float *)(const void *)p->bias + g * p->rows : NULL;
            if (p->last)
                mt_k->shifted_channels(&s, product(p->span), p->position, image,
                                       padded_bias(p, bias, sums + product(p->span) * p->row),
                                       sums);
            else
                mt_k->shifted_sums(&s, p->n, image, bias, sums, row);
            crop_pass(p, &p->pass[i], first, (float *)(void *)p->result + part * result, sums, row);
        }
    }
    mt_free(image, bytes);
}

/* Is it worth while, and with the channels last? Not where most of what comes out is frame, or no channel. */
static bool pays(plan *p)
{
    if (product(p->w->stride) > MOST_IMAGES) return false;
    if (p->depthwise) return true; /* it has an order of its own */
    const double lanes = MT_SHIFTED_SLACK / 2, positions = (double)product(p->size);
    const double along = positions / ((double)p->bands * ceil((double)p->n / lanes) * lanes);
    const double across = (double)p->rows / (double)whole_vectors(p->rows);
    p->last = across > 1.1 * along;
    return along >= 0.5 || across >= 0.5;
}

int mt_convolve_shifted(bool back, const mt_windows *w, int64_t batch, int64_t groups, int64_t rows,
                        mt_tensor *image, mt_tensor *weight, mt_tensor *bias, mt_tensor *result)
{
    plan p = {.w = w, .back = back, .groups = groups, .rows = rows, .channels = w->channels};
    if (!mt_k->shifted_rows || !w->channels || !rows || !image->numel) return 0;
    if (back) p.rows = w->channels, p.channels = rows;
    if (!fits_frame(w, p.channels, image, result)) return 0;
    p.depthwise = !back && groups > 1 && rows == 1 && w->channels == 1;
    measure(&p);
    cut_in_bands(&p, batch * groups);
    if (!pays(&p)) return 0;
    if (fill_plan(&p, (const float *)(const void *)weight->data) < 0) return -1;
    p.image = image->data, p.result = result->data, p.bias = bias ? bias->data : NULL;
    const int64_t units = batch * groups * p.bands;
    const double work = (double)p.weights * (double)p.n;
    mt_parallel_for(units, work >= 2e5 ? 1 : (int64_t)(2e5 / (work + 1)) + 1, band_units, &p);
    return p.failed ? (mt_fail_memory(), -1) : 1;
}

/* ---- the gradient of the weight -------------------------------------------------------------- */

/* A vector holds adjacent places of a line of the window, of each all channels: they lie together in an image with
 * its channels last, unless the window has gaps. */
typedef struct weight_plan {
    const mt_windows *w;
    mt_products products;
    mt_frame frame;
    int64_t runs, run,
        run_vectors; /* lines (or places) of the window; elements and vectors of each */
    int64_t batch, groups, parts, at_once, frame_size;
    const char *image, *g;
    float *shares;
    int failed;
} weight_plan;

enum { PLACES_AT_ONCE = 256 };

static void plan_weight(weight_plan *p, int64_t rows)
{
    const mt_windows *w = p->w;
    const bool gaps = w->dilation[2] > 1 && w->kernel[2] > 1;
    p->runs = product(w->kernel) / (gaps ? 1 : w->kernel[2]);
    p->run = (gaps ? 1 : w->kernel[2]) * w->channels;
    p->run_vectors = ceil_div(p->run, mt_k->shifted_lanes);
    p->frame = (mt_frame){.channels = w->channels};
    for (int i = 0; i < 3; i++) {
        p->frame.in[i] = w->in[i], p->frame.start[i] = -w->pad[i];
        p->frame.size[i] = (w->out[i] - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1;
    }
    p->frame_size = product(p->frame.size) * w->channels;
    const int64_t pixels = product(w->out);
    p->at_once = ceil_div(PLACES_AT_ONCE, pixels);
    if (p->at_once > 1 && p->at_once * p->frame_size > BAND)
        p->at_once = p->frame_size < BAND ? BAND / p->frame_size : 1;
    p->products = (mt_products){.rows = rows,
                                .row = pixels,
                                .vectors = p->runs * p->run_vectors,
                                .lines = w->out[0] * w->out[1],
                                .places = w->out[2],
                                .step = w->stride[2] * w->channels,
                                .g_image = p->groups * rows * pixels,
                                .image = p->frame_size};
}

/* Where each vector and each line begins. */
static void fill_products(weight_plan *p, int64_t *shift, int64_t *line)
{
    const mt_windows *w = p->w;
    const int64_t *size = p->frame.size, across = p->run / w->channels;
    p->products.shift = shift, p->products.line = line;
    for (int64_t k = 0; k < product(w->kernel); k += across) {
        const int64_t d = k / w->kernel[2] / w->kernel[1] * w->dilation[0];
        const int64_t h = k / w->kernel[2] % w->kernel[1] * w->dilation[1];
        const int64_t x = k % w->kernel[2] * w->dilation[2];
        for (int64_t v = 0; v < p->run_vectors; v++)
            *shift++ = ((d * size[1] + h) * size[2] + x) * w->channels + v * mt_k->shifted_lanes;
    }
    for (int64_t l = 0; l < p->products.lines; l++)
        *line++ = (l / w->out[1] * w->stride[0] * size[1] + l % w->out[1] * w->stride[1]) *
                  size[2] * w->channels;
}

/* From runs of places, channels last, to channels of places. */
static void order_weight(const weight_plan *p, const float *sums, float *to)
{
    const int64_t channels = p->w->channels, across = p->run / channels;
    const int64_t places = p->runs * across, row = p->products.vectors * mt_k->shifted_lanes;
    for (int64_t i = 0; i < p->products.rows; i++, to += channels * places)
        for (int64_t k = 0; k < places; k++) {
            const float *from = sums + i * row + k / across * p->run_vectors * mt_k->shifted_lanes +
                                k % across * channels;
            for (int64_t c = 0; c < channels; c++) to[c * places + k] = from[c];
        }
}

/* Units: (group, part of the batch), each with a sum of its own. */
static void weight_parts(int64_t begin, int64_t end, void *context)
{
    weight_plan *p = context;
    const int64_t item = sizeof(float), image = p->w->channels * product(p->w->in);
    const int64_t size = p->products.rows * p->products.vectors * mt_k->shifted_lanes;
    const int64_t weight = p->products.rows * p->w->channels * product(p->w->kernel);
    const size_t frames = (size_t)(p->at_once * p->frame_size + MT_SHIFTED_SLACK) * item;
    float *framed = mt_malloc(frames), *sums = framed ? mt_malloc((size_t)(size * item)) : NULL;
    if (!sums) {
        mt_error_clear(); /* it belongs to this thread: the caller says it again in its own */
        __atomic_store_n(&p->failed, 1, __ATOMIC_RELAXED);
    }
    for (int64_t u = begin; u < end && sums; u++) {
        const int64_t group = u / p->parts, part = u % p->parts;
        const int64_t stop = (part + 1) * p->batch / p->parts;
        memset(sums, 0, (size_t)(size * item));
        memset(framed + p->at_once * p->frame_size, 0, MT_SHIFTED_SLACK * item);
        for (int64_t i = part * p->batch / p->parts; i < stop; i += p->at_once) {
            mt_products s = p->products;
            s.images = least(p->at_once, stop - i);
            for (int64_t k = 0; k < s.images; k++)
                mt_k->frame_channels(&p->frame, framed + k * p->frame_size,
                                     (const float *)(const void *)p->image +
                                         ((i + k) * p->groups + group) * image);
            mt_k->shifted_products(
                &s, (const float *)(const void *)p->g + (i * p->groups + group) * s.rows * s.row,
                framed, sums);
        }
        order_weight(p, sums, p->shares + u * weight);
    }
    if (sums) mt_free(sums, (size_t)(size * item));
    mt_free(framed, frames);
}

int mt_convolve_weight_shifted(const mt_windows *w, int64_t batch, int64_t groups, int64_t parts,
                               int64_t rows, mt_tensor *image, mt_tensor *g, char *shares)
{
    weight_plan p = {.w = w, .batch = batch, .groups = groups, .parts = parts};
    if (!mt_k->shifted_rows || !image->numel || !g->numel || !fits_frame(w, w->channels, image, g))
        return 0;
    plan_weight(&p, rows);
    const int64_t lanes = p.products.vectors * mt_k->shifted_lanes;
    if (2 * p.runs * p.run < lanes || rows < 4) return 0;
    const int64_t numbers = p.products.vectors + p.products.lines;
    mt_tensor *tables = mt_empty(MT_INT64, 1, &numbers);
    if (!tables) return -1;
    int64_t *shift = (int64_t *)(void *)tables->data;
    fill_products(&p, shift, shift + p.products.vectors);
    p.image = image->data, p.g = g->data, p.shares = (float *)(void *)shares;
    const double work =
        (double)(rows * lanes) * (double)product(w->out) * (double)batch / (double)parts;
    mt_parallel_for(groups * parts, work >= 2e5 ? 1 : (int64_t)(2e5 / (work + 1)) + 1, weight_parts,
                    &p);
    return p.failed ? (mt_fail_memory(), -1) : 1;
}

/* ---- maps of one place ----------------------------------------------------------------------- */

/* The window covers the whole image, once: the columns of all images are the images themselves. */
static bool covers_once(const mt_windows *w)
{
    for (int i = 0; i < 3; i++)
        if (w->out[i] != 1 || w->pad[i] || w->in[i] != w->kernel[i] ||
            (w->dilation[i] > 1 && w->kernel[i] > 1))
            return false;
    return product(w->kernel) > 1;
}

static void add_channel_bias(const mt_windows *w, int64_t lines, int64_t channels, float *image,
                             const float *bias)
{
    const int64_t places = product(w->kernel);
    for (int64_t i = 0; i < lines; i++)
        for (int64_t p = 0; p < places; p++) image[i * places + p] += bias[i % channels];
}

int mt_convolve_point(const mt_windows *w, int64_t batch, int64_t groups, int64_t rows,
                      mt_tensor *map, mt_tensor *weight, mt_tensor *bias, mt_tensor *image)
{
    const int64_t size = w->channels * product(w->kernel);
    const float *m = (const float *)(const void *)map->data;
    const float *v = (const float *)(const void *)weight->data;
    float *x = (float *)(void *)image->data;
    if (batch < 2 || !covers_once(w)) return 0;
    for (int64_t k = 0; k < rows * groups; k++) {
        const int64_t g = k / rows, first = k % rows;
        if (first % BLOCK) continue;
        if (mt_k->gemm_f32(batch, size, least(BLOCK, rows - first), m + k, rows * groups, 1,
                           v + k * size, size, 1, x + g * size, size * groups,
                           MT_GEMM_ONE_SUM | (first ? MT_GEMM_ADD : 0)) < 0)
            return -1;
    }
    if (bias)
        add_channel_bias(w, batch * groups * w->channels, groups * w->channels, x,
                         (const float *)(const void *)bias->data);
    return 1;
}

int mt_convolve_weight_point(const mt_windows *w, int64_t batch, int64_t groups, int64_t rows,
                             mt_tensor *image, mt_tensor *g, mt_tensor *weight)
{
    const int64_t size = w->channels * product(w->kernel);
    if (batch < 2 || !covers_once(w)) return 0;
    for (int64_t k = 0; k < groups; k++)
        if (mt_k->gemm_f32(rows, size, batch, (const float *)(const void *)g->data + k * rows, 1,
                           rows * groups, (const float *)(const void *)image->data + k * size,
                           size * groups, 1, (float *)(void *)weight->data + k * rows * size, size,
                           0) < 0)
            return -1;
    return 1;
}
