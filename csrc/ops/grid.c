/* An image at places that a tensor tells: what grid_sample is made of.
 *
 *     y[c, l] = sum over t of weight[t, l] x[c, place[t, l]]        place -1: 0
 *
 * is linear in x and in the weight, and its derivatives are the two other ways to multiply:
 *
 *     gx[c, place[t, l]] += weight[t, l] g[c, l]        gw[t, l] = sum over c of g[c, l] x[c, place[t, l]]
 *
 * The three close under differentiation, as those of a convolution do. Relies on ops.h. */
#include "ops/ops.h"

#include "base/parallel.h"

#include <string.h>

typedef struct grid_job {
    int64_t channels, places, taps, l; /* elements of a channel of x; of y */
    const int64_t *at;
    void *x, *y, *weight;
    float *room; /* for many channels; or NULL */
} grid_job;

/* ---- many channels of float32 ----------------------------------------------------------------
 * The products run over copies of x and y in which the channels of a place stand side by side, MANY at a time; sums add
 * up in the same order. An image has room for places + 1 rows of its channels, for x, and l for y; what stands at place
 * -1 is the last row for x, of zeros. */
enum { MANY = 4 };
typedef float many __attribute__((vector_size(MANY * sizeof(float)), aligned(4), may_alias));
typedef int32_t four __attribute__((vector_size(16)));

static int64_t room_of(const grid_job *j) { return (j->places + 1 + j->l) * j->channels; }

static inline const float *row_at(const grid_job *j, const float *x, int64_t at)
{
    return x + (at < 0 ? j->places : at) * j->channels;
}

static inline many many_at(const float *x) { return *(const many *)x; }

/* One sum of `count` vectors of channels. */
static MT_INLINE void pick_one(const grid_job *j, int count, float *y, const float *x,
                               const float *w, const int64_t *at)
{
    const int64_t all = j->taps * j->l;
    many sum[4];
    const float *row = row_at(j, x, at[0]);
    MT_UNROLL
    for (int k = 0; k < count; k++) sum[k] = w[0] * many_at(row + k * MANY);
    for (int64_t p = j->l; p < all; p += j->l) {
        row = row_at(j, x, at[p]);
        MT_UNROLL
        for (int k = 0; k < count; k++) sum[k] += w[p] * many_at(row + k * MANY);
    }
    MT_UNROLL
    for (int k = 0; k < count; k++) *(many *)(y + k * MANY) = sum[k];
}

static __attribute__((noinline)) void pick_many(const grid_job *j, float *y, const float *x,
                                                const float *w, const int64_t *at)
{
    const int64_t n = j->channels;
    for (int64_t i = 0; i < j->l; i++, y += n) {
        int64_t c = 0;
        for (; c <= n - 4 * MANY; c += 4 * MANY) pick_one(j, 4, y + c, x + c, w + i, at + i);
        for (; c < n; c += MANY) pick_one(j, 1, y + c, x + c, w + i, at + i);
    }
}

static __attribute__((noinline)) void put_many(const grid_job *j, float *x, const float *g,
                                               const float *w, const int64_t *at)
{
    const int64_t n = j->channels, l = j->l;
    for (int64_t i = 0; i < l; i++, g += n)
        for (int64_t p = i; p < j->taps * l; p += l)
            for (int64_t c = 0; c < n && at[p] >= 0; c += MANY)
                *(many *)(x + at[p] * n + c) += w[p] * many_at(g + c);
}

/* Four sums side by side, one for each place: += the elements of a, of b, of c and of d, each in their order. */
static inline many add_in_order(many sum, many a, many b, many c, many d)
{
    const many ab = MT_SHUFFLE(four, a, b, 0, 4, 1, 5), cd = MT_SHUFFLE(four, c, d, 0, 4, 1, 5),
               ab2 = MT_SHUFFLE(four, a, b, 2, 6, 3, 7), cd2 = MT_SHUFFLE(four, c, d, 2, 6, 3, 7);
    sum += MT_SHUFFLE(four, ab, cd, 0, 1, 4, 5);
    sum += MT_SHUFFLE(four, ab, cd, 2, 3, 6, 7);
    sum += MT_SHUFFLE(four, ab2, cd2, 0, 1, 4, 5);
    return sum + MT_SHUFFLE(four, ab2, cd2, 2, 3, 6, 7);
}

/* The weights of four places at a time, of the last one again where there are not as many. */
static __attribute__((noinline)) void weigh_many(const grid_job *j, float *w, const float *x,
                                                 const float *g, const int64_t *at)
{
    const int64_t n = j->channels, l = j->l, last = (j->taps - 1) * l;
    for (int64_t i = 0; i < l; i++, g += n)
        for (int64_t t = 0; t <= last; t += 4 * l) {
            const float *row[4];
            many sum = {0};
            for (int k = 0; k < 4; k++)
                row[k] = row_at(j, x, at[i + (t + k * l < last ? t + k * l : last)]);
            for (int64_t c = 0; c < n; c += MANY) {
                const many by = many_at(g + c);
                sum = add_in_order(sum, by * many_at(row[0] + c), by * many_at(row[1] + c),
                                   by * many_at(row[2] + c), by * many_at(row[3] + c));
            }
            for (int64_t k = 0, p = t + i; k < 4 && p <= last + i; k++, p += l)
                w[p] = at[p] < 0 ? 0 : sum[k];
        }
}

static __attribute__((noinline)) void turn(int64_t rows, int64_t columns, float *to,
                                           const float *from)
{
    mt_k->transpose(rows, columns, (char *)to, (const char *)from, columns * (int64_t)sizeof *to,
                    sizeof *to);
}

static void pick_images(int64_t begin, int64_t end, void *context)
{
    const grid_job *j = context;
    const int64_t n = j->channels, l = j->l, all = j->taps * l, places = j->places;
    for (; begin < end; begin++) {
        float *rows = j->room + begin * room_of(j), *out = rows + (places + 1) * n;
        memset(rows + places * n, 0, (size_t)n * sizeof *rows);
        turn(n, places, rows, (const float *)j->x + begin * n * places);
        pick_many(j, out, rows, (const float *)j->weight + begin * all, j->at + begin * all);
        turn(l, n, (float *)j->y + begin * n * l, out);
    }
}

static void put_images(int64_t begin, int64_t end, void *context)
{
    const grid_job *j = context;
    const int64_t n = j->channels, l = j->l, all = j->taps * l, places = j->places;
    for (; begin < end; begin++) {
        float *rows = j->room + begin * room_of(j), *g = rows + (places + 1) * n;
        memset(rows, 0, (size_t)(places * n) * sizeof *rows);
        turn(n, l, g, (const float *)j->y + begin * n * l);
        put_many(j, rows, g, (const float *)j->weight + begin * all, j->at + begin * all);
        turn(places, n, (float *)j->x + begin * n * places, rows);
    }
}

static void weigh_images(int64_t begin, int64_t end, void *context)
{
    const grid_job *j = context;
    const int64_t n = j->channels, l = j->l, all = j->taps * l, places = j->places;
    for (; begin < end; begin++) {
        float *rows = j->room + begin * room_of(j), *g = rows + (places + 1) * n;
        memset(rows + places * n, 0, (size_t)n * sizeof *rows);
        turn(n, places, rows, (const float *)j->x + begin * n * places);
        turn(n, l, g, (const float *)j->y + begin * n * l);
        weigh_many(j, (float *)j->weight + begin * all, rows, g, j->at + begin * all);
    }
}

/* ---- any number of channels ------------------------------------------------------------------ */

/* Per type: coordinates to places; and for images from..to the three products. */
#define GRID(T, S)                                                                                 \
    static void places_##S(int64_t l, int64_t size, int64_t *to, const void *coordinates)          \
    {                                                                                              \
        const T *at = coordinates;                                                                 \
        const T last = (T)(size - 1);                                                              \
        for (int64_t i = 0; i < l; i++)                                                            \
            to[i] =                                                                                \
                to[i] >= 0 && at[i] >= 0 && at[i] <= last ? to[i] * size + (int64_t)at[i] : -1;    \
    }                                                                                              \
    static void pick_##S(int64_t begin, int64_t end, void *context)                                \
    {                                                                                              \
        const grid_job *j = context;                                                               \
        const int64_t l = j->l;                                                                    \
        for (int64_t k = begin * j->channels; k < end * j->channels; k++) {                        \
            const T *x = (const T *)j->x + k * j->places;                                          \
            const T *w = (const T *)j->weight + k / j->channels * j->taps * l;                     \
            const int64_t *at = j->at + k / j->channels * j->taps * l;                             \
            T *y = (T *)j->y + k * l;                                                              \
            for (int64_t i = 0; i < l; i++) {                                                      \
                T sum = w[i] * (at[i] < 0 ? 0 : x[at[i]]);                                         \
                for (int64_t p = i + l; p < j->taps * l; p += l)                                   \
                    sum += w[p] * (at[p] < 0 ? 0 : x[at[p]]);                                      \
                y[i] = sum;                                                                        \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void put_##S(int64_t begin, int64_t end, void *context)                                 \
    {                                                                                              \
        const grid_job *j = context;                                                               \
        const int64_t l = j->l;                                                                    \
        for (int64_t k = begin * j->channels; k < end * j->channels; k++) {                        \
            const T *g = (const T *)j->y + k * l;                                                  \
            const T *w = (const T *)j->weight + k / j->channels * j->taps * l;                     \
            const int64_t *at = j->at + k / j->channels * j->taps * l;                             \
            T *x = (T *)j->x + k * j->places;                                                      \
            for (int64_t i = 0; i < l; i++)                                                        \
                for (int64_t p = i; p < j->taps * l; p += l)                                       \
                    if (at[p] >= 0) x[at[p]] += w[p] * g[i];                                       \
        }                                                                                          \
    }                                                                                              \
    static void weigh_##S(int64_t begin, int64_t end, void *context)                               \
    {                                                                                              \
        const grid_job *j = context;                                                               \
        const int64_t l = j->l, all = j->taps * l;                                                 \
        for (int64_t n = begin; n < end; n++) {                                                    \
            const int64_t *at = j->at + n * all;                                                   \
            T *w = (T *)j->weight + n * all;                                                       \
            memset(w, 0, (size_t)all * sizeof(T));                                                 \
            for (int64_t c = 0; c < j->channels; c++) {                                            \
                const T *x = (const T *)j->x + (n * j->channels + c) * j->places;                  \
                const T *g = (const T *)j->y + (n * j->channels + c) * l;                          \
                for (int64_t t = 0, p = 0; t < j->taps; t++)                                       \
                    for (int64_t i = 0; i < l; i++, p++) w[p] += at[p] < 0 ? 0 : g[i] * x[at[p]];  \
            }                                                                                      \
        }                                                                                          \
    }
GRID(float, f32)
GRID(double, f64)

/* ==== _grid_places ============================================================================ */

typedef struct places_job {
    const mt_tensor *x;
    int64_t *to, rows; /* rows: of an image, k^n */
    const int64_t *of;
} places_job;

static void places_of_rows(int64_t begin, int64_t end, void *context)
{
    const places_job *j = context;
    const int64_t n = j->x->size[0], k = j->x->size[1], images = j->x->size[2], l = j->x->size[3];
    for (int64_t row = begin; row < end; row++) {
        const int64_t b = row / j->rows, t = row % j->rows;
        int64_t *to = j->to + row * l;
        memset(to, 0, (size_t)l * sizeof *to);
        for (int64_t i = 0, turns = j->rows / k; i < n; i++, turns /= k)
            (j->x->dtype == MT_FLOAT32 ? places_f32 : places_f64)(
                l, j->of[i], to,
                j->x->data + ((i * k + t / turns % k) * images + b) * l * mt_itemsize(j->x));
    }
}

/* Of k coordinates in each of n dimensions (n, k, N, L) the places of all their combinations, (N, k^n, L); -1 where
 * one lies outside. The last dimension turns fastest. */
static int grid_places_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    const int64_t *of = c->arg[0].ints.v, n = c->arg[0].ints.n;
    const mt_dtype d = (mt_dtype)x->dtype;
    if (x->ndim != 4 || x->size[0] != n || (d != MT_FLOAT32 && d != MT_FLOAT64))
        return mt_error(MT_RUNTIME, "_grid_places: expected coordinates in %d dimensions", (int)n);
    int64_t size[3] = {x->size[2], 1, x->size[3]};
    for (int64_t i = 0; i < n; i++) size[1] *= x->size[1];
    if (mt_shape_numel(3, size, 8) < 0 || !(y = mt_result(c, 0, MT_INT64, 3, size)) ||
        !(x = mt_contiguous_raw(x, d)))
        return -1;
    if (y->numel == 0) return 0;
    places_job j = {x, (int64_t *)(void *)y->data, size[1], of};
    mt_parallel_for(size[0] * size[1], 1 + MT_GRAIN_DEAR / (n * size[2] + 1), places_of_rows, &j);
    return 0;
}

MT_OP(grid_places, .kind = MT_NN, .schema = "_grid_places(Tensor self, int[] size) -> Tensor",
      .doc = "The places in an image of that size of all combinations of whole coordinates, of "
             "which there are k "
             "in each of\nn dimensions: (n, k, N, L) to (N, k ** n, L). -1: outside.");

/* ==== _grid_pick and its derivatives ========================================================== */

static const char *type_text(const mt_tensor *t)
{
    return t->dtype == MT_FLOAT32   ? "float"
           : t->dtype == MT_FLOAT64 ? "double"
                                    : mt_dtype_name((mt_dtype)t->dtype);
}

static int check_types(const mt_tensor *x, const mt_tensor *at, const mt_tensor *w)
{
    if (x->dtype != w->dtype || (x->dtype != MT_FLOAT32 && x->dtype != MT_FLOAT64) ||
        at->dtype != MT_INT64)
        return mt_error(MT_RUNTIME,
                        "grid_sampler(): expected input and grid to have same dtype, but "
                        "input has %s and grid has %s",
                        type_text(x), type_text(w));
    return 0;
}

/* Runs one of the products over all images. */
static int run_grid(mt_range_fn f32, mt_range_fn f64, mt_tensor *x, mt_tensor *at, mt_tensor *w,
                    mt_tensor *y)
{
    const mt_dtype d = (mt_dtype)x->dtype;
    /* x and y: (N, C, ...), places and weights (N, T, L) */
    if (!at || !w || !y || !(at = mt_contiguous_raw(at, MT_INT64))) return -1;
    const int64_t lines = x->size[0] * x->size[1];
    grid_job j = {.channels = x->size[1],
                  .places = lines ? x->numel / lines : 0,
                  .taps = at->size[1],
                  .l = at->size[2],
                  .at = (const int64_t *)(void *)at->data,
                  .x = x->data,
                  .y = y->data,
                  .weight = w->data};
    const int64_t work = j.channels * j.taps * j.l;
    mt_range_fn run = d == MT_FLOAT32 ? f32 : f64;
    if (run != f64 && j.channels % MANY == 0 && j.places <= j.taps * j.l) {
        const int64_t size = room_of(&j) * x->size[0];
        mt_tensor *room = mt_empty(d, 1, &size);
        if (!room) return -1;
        j.room = (float *)(void *)room->data;
        run = f32 == pick_f32 ? pick_images : f32 == put_f32 ? put_images : weigh_images;
    }
    if (work && x->size[0]) mt_parallel_for(x->size[0], 1 + MT_GRAIN_DEAR / work, run, &j);
    return 0;
}

/* N, C and then what the list says. */
static int size_of(const mt_tensor *x, const mt_arg *list, int64_t *size)
{
    size[0] = x->size[0], size[1] = x->size[1];
    memcpy(size + 2, list->ints.v, (size_t)list->ints.n * sizeof *size);
    return 2 + (int)list->ints.n;
}

static int grid_pick_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *at = c->in[1], *w = c->in[2], *y;
    const mt_dtype d = (mt_dtype)x->dtype;
    int64_t size[MT_MAX_DIMS];
    if (check_types(x, at, w) < 0) return -1;
    if (!(y = mt_result(c, 0, d, size_of(x, &c->arg[0], size), size)) ||
        !(x = mt_contiguous_raw(x, d)))
        return -1;
    return run_grid(pick_f32, pick_f64, x, at, mt_contiguous_raw(w, d), y);
}

static mt_tensor *call3(const mt_op *op, mt_tensor *a, mt_tensor *at, mt_tensor *b, int n,
                        const int64_t *size)
{
    mt_tensor *in[3] = {a, at, b};
    mt_arg arg = mt_arg_ints(n, size);
    arg.constant = false;
    return a && b ? mt_calln(op, 3, in, size ? 1 : 0, &arg) : NULL;
}

static mt_tensor *put_back(mt_tensor *g, mt_tensor *at, mt_tensor *w, const mt_dims *x)
{
    return call3(&mt_op_grid_pick_back, g, at, w, x->ndim - 2, x->size + 2);
}

static mt_tensor *pick(mt_tensor *x, mt_tensor *at, mt_tensor *w, const mt_dims *y)
{
    return call3(&mt_op_grid_pick, x, at, w, y->ndim - 2, y->size + 2);
}

static mt_tensor *of_weights(mt_tensor *x, mt_tensor *at, mt_tensor *g)
{
    return call3(&mt_op_grid_pick_weight, x, at, g, 0, NULL);
}

static void grid_pick_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *at = c->in[1], *w = c->in[2];
    if (gin[0]) gin[0] = put_back(g, at, w, &c->in_dims[0]);
    if (gin[2]) gin[2] = of_weights(x, at, g);
}

MT_OP(grid_pick, .kind = MT_NN,
      .keeps = {MT_KEEP_IN(1) | MT_KEEP_IN(2), 0, MT_KEEP_IN(0) | MT_KEEP_IN(1)},
      .backward = grid_pick_rule, .grad_name = "GridSampler2DBackward0",
      .rule = "g, times the weights, added to the places",
      .schema = "_grid_pick(Tensor image, Tensor places, Tensor weights, int[] size) -> Tensor",
      .doc =
          "The weighted sum of the elements of each channel that stand at T places, for each of L "
          "sums: image "
          "(N, C, P),\nplaces and weights (N, T, L), to (N, C, L). Nothing stands at place -1.\n\n"
          "Raises RuntimeError for other types than float32 and float64.");

static int grid_pick_back_forward(mt_call *c)
{
    mt_tensor *g = c->in[0], *at = c->in[1], *w = c->in[2], *x;
    const mt_dtype d = (mt_dtype)g->dtype;
    int64_t size[MT_MAX_DIMS];
    const int n = size_of(g, &c->arg[0], size);
    if (!(c->out[0] = x = mt_zeros_raw(d, n, size)) || !(g = mt_contiguous_raw(g, d))) return -1;
    return run_grid(put_f32, put_f64, x, at, mt_contiguous_raw(w, d), g);
}

static void grid_pick_back_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *h = gout[0], *g = c->in[0], *at = c->in[1], *w = c->in[2];
    if (gin[0]) gin[0] = pick(h, at, w, &c->in_dims[0]);
    if (gin[2]) gin[2] = of_weights(h, at, g);
}

MT_OP(grid_pick_back, .keeps = {MT_KEEP_IN(1) | MT_KEEP_IN(2), 0, MT_KEEP_IN(0) | MT_KEEP_IN(1)},
      .backward = grid_pick_back_rule, .grad_name = "GridSampler2DBackwardBackward0",
      .schema = "grid_pick_back(Tensor g, Tensor places, Tensor weights, int[] size) -> Tensor",
      .doc = "The gradient of an image of which was picked.");

static int grid_pick_weight_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *at = c->in[1], *g = c->in[2], *w;
    const mt_dtype d = (mt_dtype)x->dtype;
    if (!(w = mt_result(c, 0, d, 3, at->size)) || !(x = mt_contiguous_raw(x, d))) return -1;
    return run_grid(weigh_f32, weigh_f64, x, at, w, mt_contiguous_raw(g, d));
}

static void grid_pick_weight_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *h = gout[0], *x = c->in[0], *at = c->in[1], *g = c->in[2];
    if (gin[0]) gin[0] = put_back(g, at, h, &c->in_dims[0]);
    if (gin[2]) gin[2] = pick(x, at, h, &c->in_dims[2]);
}

MT_OP(grid_pick_weight, .keeps = {MT_KEEP_IN(1) | MT_KEEP_IN(2), 0, MT_KEEP_IN(0) | MT_KEEP_IN(1)},
      .backward = grid_pick_weight_rule, .grad_name = "GridSampler2DBackwardBackward0",
      .schema = "grid_pick_weight(Tensor image, Tensor places, Tensor g) -> Tensor",
      .doc = "The gradient of the weights by which was picked.");
