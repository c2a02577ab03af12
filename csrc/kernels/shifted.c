/* Convolutions without columns. If an image stands in a frame of zeros, with the places of a window as many
 * positions apart at every position, then row (c, place) of its columns is the framed image itself from another
 * element on:
 *
 *     out[i, p] = bias[i] + sum over t of weight[i, t] image[p + shift[t]]
 *
 * Positions run through the frame, too: what comes out there is left away. So no columns are made or packed, and
 * what a tile reads stays in the first cache (Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead
 * Direct Convolutions", ICML 2018). A window that moves by s reads s^n images, each of every s-th place.
 *
 * float32 only; not for the plain instruction set. Compiled once for each other one.
 * Read next: ops/shifted.c, which makes the tables. */
#include "kernels/every.h"
#include "kernels/kernels.h"
#include "kernels/math.h"

#ifdef MT_ISA_baseline
void MT_ISA_NAME(mt_fill_shifted)(mt_kernels *k) { k->shifted_rows = 0; }
#else
#if defined(MT_ISA_avx512)
#define VECTOR_BYTES   64
#define EACH_HEIGHT(X) X(1) X(2) X(4) X(8)
enum { TALLEST = 8 };
#else
#define VECTOR_BYTES   32
#define EACH_HEIGHT(X) X(1) X(2) X(4)
enum { TALLEST = 4 };
#endif

typedef many vec;
enum { MOST_VECTORS = 4 };

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* What the sums of a tile begin with, and what comes to them. */
enum { ALONE, ADD, FROM_BIAS };

/* out (rows x vectors) = sum over the terms [+ out] [+ bias]. rows and vectors are constants where this is
 * inlined, so that acc lives in registers. */
MT_INLINE void tile(int rows, int vectors, int64_t terms, const int64_t *shift, const float *weight,
                    const float *image, const float *bias, float *out, int64_t row, int how)
{
    vec acc[TALLEST][MOST_VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            acc[i][v] = (vec){0} + (rows == 1 && how == FROM_BIAS ? bias[0] : 0);
    for (int64_t t = 0; t < terms; t++, weight += rows) {
        const float *at = image + shift[t];
        vec x[MOST_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) x[v] = *(const vec *)(at + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) acc[i][v] += x[v] * weight[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vec *to = (vec *)(out + i * row + v * LANES);
            if (how == ADD) acc[i][v] += *to;
            if (bias && how != FROM_BIAS) acc[i][v] += bias[i];
            *to = acc[i][v];
        }
}

#define TILE(rows)                                                                                 \
    static void tile_##rows(int64_t terms, const int64_t *shift, const float *weight,              \
                            const float *image, const float *bias, float *out, int64_t row,        \
                            int how)                                                               \
    {                                                                                              \
        tile(rows, 2, terms, shift, weight, image, bias, out, row, how);                           \
    }
#define NAME(rows) tile_##rows,
EACH_HEIGHT(TILE)
static void (*const tiles[])(int64_t, const int64_t *, const float *, const float *, const float *,
                             float *, int64_t, int) = {EACH_HEIGHT(NAME)};

/* One row alone is wider: a sum would wait for each of its products. */
static void tile_alone(int64_t terms, const int64_t *shift, const float *weight, const float *image,
                       const float *bias, float *out, int64_t row, int how)
{
    tile(1, MOST_VECTORS, terms, shift, weight, image, bias, out, row, how);
}

/* Of how many rows the next tile is: of 8, 4, 2 or 1; and where it stands in the tables. */
static inline int64_t height_of(int64_t left)
{
    int64_t height = TALLEST;
    while (height > left) height /= 2;
    return height;
}

static inline int tile_number(int64_t height) { return __builtin_ctz((unsigned)height); }

/* How cut c of the sums goes to the result; a depthwise convolution's begin with the bias (bias_cut < 0). */
static int way_of(const mt_shifted *s, int64_t c, const float *bias)
{
    return c > 0 ? ADD : s->bias_cut < 0 && bias ? FROM_BIAS : ALONE;
}

static const float *bias_of(const mt_shifted *s, int64_t c, const float *bias, int64_t i)
{
    return bias && (c == s->bias_cut || s->bias_cut < 0) ? bias + i : NULL;
}

static void shifted_sums(const mt_shifted *s, int64_t n, const float *image, const float *bias,
                         float *out, int64_t row)
{
    const int64_t width = (s->rows == 1 ? MOST_VECTORS : 2) * LANES;
    for (int64_t c = 0, from = 0; c < s->cuts; from = s->cut[c++])
        for (int64_t p = 0; p < n; p += width)
            for (int64_t i = 0, rows; i < s->rows; i += rows) {
                rows = height_of(s->rows - i);
                (s->rows == 1 ? tile_alone : tiles[tile_number(rows)])(
                    s->cut[c] - from, s->shift + from, s->weight + i * s->terms + from * rows,
                    image + p, bias_of(s, c, bias, i), out + i * row + p, row, way_of(s, c, bias));
            }
}

/* ---- channels last --------------------------------------------------------------------------- */

/* acc (rows x vectors) += element[i] vector[v], over the terms: for results with their channels last, where the
 * vector is the weight's and the elements stand at any positions of the image, */
MT_INLINE void channel_tile(int rows, int vectors, int64_t terms, const int64_t *shift,
                            const float *weight, int64_t weight_row, const float *image,
                            const int64_t *position, const float *bias, float *out, int64_t row,
                            bool add)
{
    vec acc[TALLEST][2];
    const float *at[TALLEST];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        at[i] = image + position[i];
        acc[i][0] = acc[i][1] = (vec){0};
    }
    for (int64_t t = 0; t < terms; t++, weight += weight_row) {
        const int64_t s = shift[t];
        const vec w0 = *(const vec *)weight, w1 = vectors > 1 ? *(const vec *)(weight + LANES) : w0;
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            const float x = at[i][s];
            acc[i][0] += w0 * x;
            if (vectors > 1) acc[i][1] += w1 * x;
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            vec *to = (vec *)(out + i * row + v * LANES);
            if (add) acc[i][v] += *to;
            if (bias) acc[i][v] += *(const vec *)(bias + v * LANES);
            *to = acc[i][v];
        }
}

#define CHANNEL_TILE(rows)                                                                         \
    static void channels_##rows(int vectors, int64_t terms, const int64_t *shift,                  \
                                const float *weight, int64_t weight_row, const float *image,       \
                                const int64_t *position, const float *bias, float *out,            \
                                int64_t row, bool add)                                             \
    {                                                                                              \
        if (vectors > 1)                                                                           \
            channel_tile(rows, 2, terms, shift, weight, weight_row, image, position, bias, out,    \
                         row, add);                                                                \
        else                                                                                       \
            channel_tile(rows, 1, terms, shift, weight, weight_row, image, position, bias, out,    \
                         row, add);                                                                \
    }
#define CHANNEL_NAME(rows) channels_##rows,
EACH_HEIGHT(CHANNEL_TILE)
static void (*const channel_tiles[])(int, int64_t, const int64_t *, const float *, int64_t,
                                     const float *, const int64_t *, const float *, float *,
                                     int64_t, bool) = {EACH_HEIGHT(CHANNEL_NAME)};

static void shifted_channels(const mt_shifted *s, int64_t n, const int64_t *position,
                             const float *image, const float *bias, float *out)
{
    const int64_t row = (s->rows + LANES - 1) / LANES * LANES;
    for (int64_t c = 0, from = 0; c < s->cuts; from = s->cut[c++])
        for (int64_t i = 0; i < row; i += 2 * LANES)
            for (int64_t p = 0, rows; p < n; p += rows) {
                rows = height_of(n - p);
                channel_tiles[tile_number(rows)](
                    i + LANES < row ? 2 : 1, s->cut[c] - from, s->shift + from,
                    s->weight + from * row + i, row, image, position + p,
                    bias && c == s->bias_cut ? bias + i : NULL, out + p * row + i, row, c > 0);
            }
}

/* and for a weight's gradient, where the vectors are the image's with its channels last, the elements g's. */
MT_INLINE void product_tile(int rows, const mt_products *s, const float *g, const float *image,
                            int64_t shift0, int64_t shift1, float *out, int64_t row)
{
    vec acc[TALLEST][2];
    const float *at[TALLEST];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        at[i] = g + i * s->row;
        acc[i][0] = acc[i][1] = (vec){0};
    }
    const int64_t next = shift1 - shift0;
    for (int64_t l = 0; l < s->images * s->lines; l++) {
        const int64_t k = l / s->lines, line = l % s->lines;
        const float *x = image + k * s->image + s->line[line] + shift0;
        int64_t p = k * s->g_image + line * s->places;
        for (const int64_t end = p + s->places; p < end; p++, x += s->step) {
            const vec x0 = *(const vec *)x, x1 = *(const vec *)(x + next);
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                const float y = at[i][p];
                acc[i][0] += x0 * y;
                acc[i][1] += x1 * y;
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        *(vec *)(out + i * row) += acc[i][0];
        if (next) *(vec *)(out + i * row + LANES) += acc[i][1];
    }
}

#define PRODUCT_TILE(rows)                                                                         \
    static void products_##rows(const mt_products *s, const float *g, const float *image,          \
                                int64_t shift0, int64_t shift1, float *out, int64_t row)           \
    {                                                                                              \
        product_tile(rows, s, g, image, shift0, shift1, out, row);                                 \
    }
#define PRODUCT_NAME(rows) products_##rows,
EACH_HEIGHT(PRODUCT_TILE)
static void (*const product_tiles[])(const mt_products *, const float *, const float *, int64_t,
                                     int64_t, float *, int64_t) = {EACH_HEIGHT(PRODUCT_NAME)};

/* Some lines at a time, so that what is read stays in the first cache. */
static void shifted_products(const mt_products *all, const float *g, const float *image, float *out)
{
    enum { PLACES = 256 };
    const int64_t row = all->vectors * LANES;
    const int64_t band = all->places < PLACES ? PLACES / all->places : 1;
    mt_products s = *all;
    for (int64_t l = 0; l < all->lines; l += band, g += band * s.places) {
        s.line = all->line + l, s.lines = min64(band, all->lines - l);
        for (int64_t v = 0; v < s.vectors; v += 2)
            for (int64_t i = 0, rows; i < s.rows; i += rows) {
                rows = height_of(s.rows - i);
                product_tiles[tile_number(rows)](&s, g + i * s.row, image, s.shift[v],
                                                 s.shift[v + 1 < s.vectors ? v + 1 : v],
                                                 out + i * row + v * LANES, row);
            }
    }
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* to[i] = from[start + i step], i < n; 0 where that lies outside of [0, size). */
static void take_line(int64_t n, float *restrict to, const float *restrict from, int64_t start,
                      int64_t step, int64_t size)
{
    const int64_t lo = start >= 0 ? 0 : min64(n, (step - 1 - start) / step);
    const int64_t hi = start >= size ? lo : max64(lo, min64(n, (size - 1 - start) / step + 1));
    for (int64_t i = 0; i < lo; i++) to[i] = 0;
    from += start + lo * step;
    int64_t i = lo;
    if (step <= 2)
        for (; i + LANES <= hi; i += LANES, from += LANES * step)
            *(many *)(to + i) = every(from, step == 1 ? 1 : 2);
    for (; i < hi; i++, from += step) to[i] = *from;
    for (i = hi; i < n; i++) to[i] = 0;
}

static void frame_image(const mt_frame *f, float *to, const float *image)
{
    const int64_t area = f->in[1] * f->in[2], phases = f->step[0] * f->step[1] * f->step[2];
    for (int64_t k = 0; k < f->channels * phases; k++) {
        const int64_t r = k % phases, r2 = r % f->step[2], r1 = r / f->step[2] % f->step[1];
        const float *plane = image + k / phases * f->in[0] * area;
        for (int64_t d = 0; d < f->size[0]; d++) {
            const int64_t z = d * f->step[0] + r / (f->step[1] * f->step[2]) + f->start[0];
            for (int64_t h = 0; h < f->size[1]; h++, to += f->size[2]) {
                const int64_t y = h * f->step[1] + r1 + f->start[1];
                const bool inside = z >= 0 && z < f->in[0] && y >= 0 && y < f->in[1];
                take_line(f->size[2], to, plane + (inside ? z * area + y * f->in[2] : 0),
                          f->start[2] + r2, f->step[2], inside ? f->in[2] : 0);
            }
        }
    }
}

/* Channels last: place by place of the frame, of each all channels. */
static void frame_channels(const mt_frame *f, float *to, const float *image)
{
    const int64_t plane = f->in[0] * f->in[1] * f->in[2], channels = f->channels;
    for (int64_t d = 0; d < f->size[0]; d++)
        for (int64_t h = 0; h < f->size[1]; h++) {
            const int64_t z = d + f->start[0], y = h + f->start[1], start = f->start[2];
            const bool inside = z >= 0 && z < f->in[0] && y >= 0 && y < f->in[1];
            const float *line = image + (inside ? (z * f->in[1] + y) * f->in[2] : 0);
            const int64_t n = f->size[2], lo = inside ? min64(n, max64(0, -start)) : n;
            const int64_t hi = inside ? max64(lo, min64(n, f->in[2] - start)) : n;
            for (int64_t i = 0; i < lo * channels; i++) to[i] = 0;
            for (int64_t c = 0; c < channels; c++) {
                const float *x = line + c * plane + start;
                for (int64_t w = lo; w < hi; w++) to[w * channels + c] = x[w];
            }
            for (int64_t i = hi * channels; i < n * channels; i++) to[i] = 0;
            to += n * channels;
        }
}

/* The positions of each row that are wanted go where they belong. */
static void crop_image(const mt_crop *c, int64_t rows, float *image, const float *from, int64_t row)
{
    const int64_t n = c->size[2], step = c->step[2];
    for (int64_t i = 0; i < rows; i++, image += c->out[0] * c->out[1] * c->out[2])
        for (int64_t d = 0; d < c->size[0]; d++)
            for (int64_t h = 0; h < c->size[1]; h++) {
                const int64_t z = c->first[0] + d * c->step[0], y = c->first[1] + h * c->step[1];
                const float *restrict x = from + i * row + d * c->apart[0] + h * c->apart[1];
                float *restrict to = image + (z * c->out[1] + y) * c->out[2] + c->first[2];
                if (step == 1 && c->apart[2] == 1)
                    for (int64_t w = 0; w < n; w++) to[w] = x[w];
                else
                    for (int64_t w = 0; w < n; w++) to[w * step] = x[w * c->apart[2]];
            }
}

void MT_ISA_NAME(mt_fill_shifted)(mt_kernels *k)
{
    k->shifted_rows = TALLEST;
    k->shifted_sums = shifted_sums;
    k->shifted_lanes = LANES;
    k->shifted_channels = shifted_channels;
    k->shifted_products = shifted_products;
    k->frame_channels = frame_channels;
    k->frame_image = frame_image;
    k->crop_image = crop_image;
}
#endif
