/* Recurrent layers: RNN, LSTM (Hochreiter and Schmidhuber 1997; with a projection, Sak et al. 2014)
 * and GRU (Cho et al. 2014), one direction of one layer over a whole sequence as one operator.
 *
 * Note [Whole sequences]
 * What the input contributes to the gates is one matrix product for all steps. Then the batch is cut
 * into slices, and each thread walks through all steps of its slice: a product with the weights of
 * the state, and a loop for the gates (recurrent_loops.h). The way back walks in the other
 * direction, leaves the gradient before the gates in a matrix of all rows, and ends with one
 * product each for the gradients of the input and of its weights.
 *
 * Note [PyTorch's order]
 * Every product and sum adds up as in PyTorch, whose RNN and GRU are made of operators: per step
 * linear(h, w_hh, b_hh), to which the input's part is added; on the way back gradients that meet are
 * added in the order in which its engine gets there, those of the state's weights step by step, last
 * step first. So float32 has its digits. Its LSTM layers are another library's, where gradients of
 * weights are one product; a cell is one step.
 *
 * Note [States]
 * The state of a batch is one matrix; step t reads and writes its first n(t) rows. So a sequence
 * that is over keeps its last state, one that has not begun (in reverse) its first, and h_n is the
 * matrix itself.
 *
 * Read next: ops/recurrent_rule.c, the same in operators. */
#include "ops/recurrent.h"

#include "base/parallel.h"
#include "ops/gemm.h"
#include "ops/reduce.h"

#include <inttypes.h>
#include <string.h>

#define PANEL      32     /* columns of packed weights that lie together */
#define SUM_ROWS   128    /* of a product's terms that are surely added up before others */
#define SLICE_WORK 200000 /* multiplications below which one thread does better */

/* ---- sizes ----------------------------------------------------------------------------------- */

static int64_t gates_of(int mode) { return mode == MT_RNN_LSTM ? 4 : mode == MT_RNN_GRU ? 3 : 1; }

static int check_weights(const mt_recurrence *r, const mt_dims *in)
{
    const mt_dims *w = &in[REC_W_IH], *v = &in[REC_W_HH], *p = &in[REC_W_HR], *h = &in[REC_H0];
    bool projects = p->dtype != MT_NO_DTYPE;
    if (w->ndim != 2 || v->ndim != 2 || w->size[0] != r->gates || v->size[0] != r->gates ||
        v->size[1] != r->out || w->size[1] != r->inputs || h->ndim != 2 || h->size[1] != r->out ||
        (projects ? p->ndim != 2 || p->size[0] != r->out || p->size[1] != r->hidden
                  : r->out != r->hidden))
        return mt_error(MT_RUNTIME,
                        "recurrent: the weights do not fit an input of %" PRId64
                        " features and a state of %" PRId64,
                        r->inputs, r->out);
    for (int i = REC_B_IH; i <= REC_B_HH; i++)
        if (in[i].dtype != MT_NO_DTYPE && (in[i].ndim != 1 || in[i].size[0] != r->gates))
            return mt_error(MT_RUNTIME, "recurrent: a bias has one number for each gate and unit");
    for (int i = 0; i < REC_NIN; i++)
        if (in[i].dtype != MT_NO_DTYPE && in[i].dtype != r->d)
            return mt_error(MT_RUNTIME, "mat1 and mat2 must have the same dtype, but got %s and %s",
                            mt_dtype_camel(r->d), mt_dtype_camel(in[i].dtype));
    return 0;
}

static int check_steps(const mt_recurrence *r)
{
    int64_t sum = 0, last = r->batch;
    if (r->steps == 0)
        return mt_error(MT_RUNTIME, "Expected sequence length to be larger than 0 in RNN");
    if (!r->batch_sizes) return 0;
    for (int64_t t = 0; t < r->steps; t++) {
        int64_t n = r->batch_sizes[t];
        if (n <= 0 || n > last)
            return mt_error(MT_RUNTIME,
                            "recurrent: batch_sizes must be positive and must not grow");
        sum += last = n;
    }
    if (sum != r->rows || (r->steps && r->batch_sizes[0] != r->batch))
        return mt_error(MT_RUNTIME, "recurrent: batch_sizes do not fit the input and the state");
    return 0;
}

int mt_recurrence_of(mt_recurrence *r, const mt_dims *in, const mt_arg *arg)
{
    const mt_dims *x = &in[REC_X];
    bool packed = arg[REC_BATCH_SIZES].given;
    int mode = (int)arg[REC_MODE].i & 3;
    if (arg[REC_MODE].i < 0 || arg[REC_MODE].i > (MT_RNN_GRU | MT_RNN_CELL) ||
        x->ndim != (packed ? 2 : 3) || !mt_is_float(x->dtype) || in[REC_H0].ndim != 2 ||
        in[REC_W_HH].ndim != 2 || (mode == MT_RNN_LSTM) != (in[REC_C0].dtype != MT_NO_DTYPE))
        return mt_error(MT_RUNTIME, "recurrent: expected a sequence, its first state and weights");
    int64_t width = x->size[x->ndim - 1], of_kind = gates_of(mode);
    *r = (mt_recurrence){.d = x->dtype,
                         .mode = mode,
                         .reverse = arg[REC_REVERSE].b,
                         .steps = packed ? arg[REC_BATCH_SIZES].ints.n : x->size[0],
                         .batch = in[REC_H0].size[0],
                         .rows = packed ? x->size[0] : x->size[0] * x->size[1],
                         .inputs = width,
                         .gates = in[REC_W_HH].size[0],
                         .hidden = in[REC_W_HH].size[0] / of_kind,
                         .out = in[REC_W_HH].size[1],
                         .batch_sizes = packed ? arg[REC_BATCH_SIZES].ints.v : NULL};
    r->kept = (of_kind == 1 ? 1 : 4) * r->hidden;
    if (!packed && x->size[1] != r->batch)
        return mt_error(MT_RUNTIME,
                        "recurrent: the state is for a batch of %" PRId64 ", not %" PRId64,
                        r->batch, x->size[1]);
    if (mode == MT_RNN_LSTM &&
        (in[REC_C0].ndim != 2 || in[REC_C0].size[0] != r->batch || in[REC_C0].size[1] != r->hidden))
        return mt_error(MT_RUNTIME, "recurrent: the cell state has the wrong shape");
    return check_weights(r, in) < 0 ? -1 : check_steps(r);
}

/* Where the parts of what is saved begin, in elements: rows of each, in this order. */
typedef struct parts {
    int64_t before, cell, bent, full, total; /* h, c before a step; tanh(c'); o tanh(c') */
} parts;

static parts parts_of(const mt_recurrence *r)
{
    bool lstm = r->mode == MT_RNN_LSTM;
    parts p = {.before = r->rows * r->kept};
    p.cell = p.before + r->rows * r->out;
    p.bent = p.cell + (lstm ? r->rows * r->hidden : 0);
    p.full = p.bent + (lstm ? r->rows * r->hidden : 0);
    p.total = p.full + (r->out != r->hidden ? r->rows * r->hidden : 0);
    return p;
}

/* ---- products with weights that are used at every step --------------------------------------- */

/* c (m, n) = a (m, k) b (k, n) + c if add, in the order of the wide products: m may be a slice's few rows. */
static int wide_product(mt_dtype d, int64_t m, int64_t n, int64_t k, const char *a, int64_t a_row,
                        int64_t a_col, const char *b, int64_t b_row, char *c, int64_t ldc, bool add)
{
    int how = MT_GEMM_SLICE | (add ? MT_GEMM_ADD : 0);
    if (d == MT_FLOAT32)
        return mt_k->gemm_f32(m, n, k, (const float *)(const void *)a, a_row, a_col,
                              (const float *)(const void *)b, b_row, 1, (float *)(void *)c, ldc,
                              how);
    return mt_k->gemm_f64(m, n, k, (const double *)(const void *)a, a_row, a_col,
                          (const double *)(const void *)b, b_row, 1, (double *)(void *)c, ldc, how);
}

/* A matrix (k, n) where it lies, and as columns of PANEL, each contiguous, unless no step needs them. */
typedef struct weights {
    mt_dtype d;
    int64_t k, n;
    const char *from;
    int64_t row, col;
    char *data;
} weights;

/* w (k, n) with these strides, for products of up to so many rows. -1: no memory. */
static int pack_weights(weights *to, const mt_tensor *w, int64_t rows, int64_t k, int64_t n,
                        int64_t row, int64_t col)
{
    int64_t panels = (n + PANEL - 1) / PANEL, size[1] = {k * panels * PANEL}, item = mt_itemsize(w);
    *to = (weights){(mt_dtype)w->dtype, k, n, w->data, row, col, NULL};
    if (mt_is_slim_product(rows, n, k)) return 0;
    mt_tensor *t = mt_empty((mt_dtype)w->dtype, 1, size);
    if (!t) return -1;
    to->data = t->data;
    for (int64_t q = 0; q < panels; q++) {
        int64_t width = n - q * PANEL < PANEL ? n - q * PANEL : PANEL;
        for (int64_t i = 0; i < k; i++) {
            char *line = to->data + (q * k + i) * PANEL * item;
            const char *from = w->data + (i * row + q * PANEL * col) * item;
            if (col == 1)
                memcpy(line, from, (size_t)(width * item));
            else if (item == 4)
                for (int64_t j = 0; j < width; j++)
                    ((float *)(void *)line)[j] = ((const float *)(const void *)from)[j * col];
            else
                for (int64_t j = 0; j < width; j++)
                    ((double *)(void *)line)[j] = ((const double *)(const void *)from)[j * col];
        }
    }
    return 0;
}

/* c (m, n) = a (m, k) w + c if add. The m rows are some of the `all` of a step, which decide on the
 * order of additions: of a slim product they are all. */
static int times(int64_t all, int64_t m, const char *a, int64_t lda, const weights *w, char *c,
                 int64_t ldc, bool add)
{
    int64_t item = mt_dtype_size(w->d);
    if (mt_is_slim_product(all, w->n, w->k))
        return mt_gemm(w->d, m, w->n, w->k, a, lda, 1, w->from, w->row, w->col, c, ldc, add);
    for (int64_t j = 0; j < w->n; j += PANEL)
        if (wide_product(w->d, m, w->n - j < PANEL ? w->n - j : PANEL, w->k, a, lda, 1,
                         w->data + j * w->k * item, PANEL, c + j * item, ldc, add) < 0)
            return -1;
    return 0;
}

/* Before a loop whose arrays do not overlap; clang finds out as the loop starts. */
#if defined(__clang__)
#define INDEPENDENT
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* ---- loops, for both types ------------------------------------------------------------------- */

static void run_unary(int which, mt_dtype d, int64_t n, void *x)
{
    char *p[2] = {x, x};
    int64_t stride[2] = {mt_dtype_size(d), mt_dtype_size(d)};
    mt_k->unary[which][d](n, p, stride, NULL);
}

/* g becomes the gradient before tanh, whose values are y. */
static void run_tanh_backward(mt_dtype d, int64_t n, void *g, const void *y)
{
    char *p[3] = {g, g, (char *)(uintptr_t)y};
    int64_t item = mt_dtype_size(d), stride[3] = {item, item, item};
    mt_k->binary[MT_BINARY_tanh_backward][d](n, p, stride, NULL);
}

#define T       float
#define DTYPE   MT_FLOAT32
#define NAME(f) f##_f32
static void sigmoid_f32(int64_t n, float *x) { run_unary(MT_UNARY_sigmoid, MT_FLOAT32, n, x); }
static void tanh_f32(int64_t n, float *x) { run_unary(MT_UNARY_tanh, MT_FLOAT32, n, x); }
#include "ops/recurrent_loops.h"
#undef T
#undef DTYPE
#undef NAME
#define T       double
#define DTYPE   MT_FLOAT64
#define NAME(f) f##_f64
static void sigmoid_f64(int64_t n, double *x) { run_unary(MT_UNARY_sigmoid, MT_FLOAT64, n, x); }
static void tanh_f64(int64_t n, double *x) { run_unary(MT_UNARY_tanh, MT_FLOAT64, n, x); }
#include "ops/recurrent_loops.h"
#undef T
#undef DTYPE
#undef NAME

/* f(...) for the type d; arguments are void pointers. */
#define FOR_TYPE(d, f, ...)                                                                        \
    do {                                                                                           \
        if ((d) == MT_FLOAT32)                                                                     \
            f##_f32(__VA_ARGS__);                                                                  \
        else                                                                                       \
            f##_f64(__VA_ARGS__);                                                                  \
    } while (0)

/* ---- forward --------------------------------------------------------------------------------- */

typedef struct walk {
    const mt_recurrence *r;
    parts p;
    weights w_hh, w_hr;      /* as they are multiplied by from the left */
    char *saved, *y, *h, *c; /* h, c: the states (batch, .), of the way back their gradients */
    char *scratch;           /* (batch, gates); of the way back (batch, hidden) */
    const char *bias;        /* of the state, or NULL */
    const char *gy;          /* of the way back */
    char *da, *ds, *dh;      /* gradients of all rows: both contributions; of y where projected */
    int64_t *first;          /* the first row of each step */
    int bad;                 /* a thread found no memory */
} walk;

static char *at(const walk *k, char *base, int64_t row, int64_t width)
{
    return base + row * width * mt_dtype_size(k->r->d);
}
static char *saved_at(const walk *k, int64_t part, int64_t row, int64_t width)
{
    return k->saved + (part + row * width) * mt_dtype_size(k->r->d);
}
static size_t bytes_of(const walk *k, int64_t rows, int64_t width)
{
    return (size_t)(rows * width * mt_dtype_size(k->r->d));
}

/* Step t of the sequences [from, to) of the batch. */
static int step(const walk *k, int64_t t, int64_t from, int64_t to)
{
    const mt_recurrence *r = k->r;
    int64_t n = (to < mt_step_rows(r, t) ? to : mt_step_rows(r, t)) - from;
    int64_t row = k->first[t] + from, H = r->hidden, P = r->out;
    if (n <= 0) return 0;
    int64_t all = mt_step_rows(r, t), G = r->gates;
    char *a = saved_at(k, 0, row, r->kept), *h = at(k, k->h, from, P);
    char *s = at(k, k->scratch, from, G);
    memcpy(saved_at(k, k->p.before, row, P), h, bytes_of(k, n, P));
    for (int64_t i = 0; k->bias && i < n; i++) memcpy(at(k, s, i, G), k->bias, bytes_of(k, 1, G));
    if (times(all, n, h, P, &k->w_hh, s, G, k->bias) < 0) return -1;
    if (r->mode == MT_RNN_GRU) {
        FOR_TYPE(r->d, gru_step, r, n, (void *)a, (void *)s, (void *)h);
    } else if (r->mode == MT_RNN_LSTM) {
        bool projects = P != H;
        void *full = projects ? saved_at(k, k->p.full, row, H) : h;
        void *c = at(k, k->c, from, H), *cell = saved_at(k, k->p.cell, row, H);
        void *bent = saved_at(k, k->p.bent, row, H);
        FOR_TYPE(r->d, add_to, n * G, (void *)a, (void *)s);
        FOR_TYPE(r->d, lstm_step, r, n, (void *)a, c, cell, bent, full);
        if (projects && times(all, n, full, H, &k->w_hr, h, P, false) < 0) return -1;
    } else {
        FOR_TYPE(r->d, add_to, n * G, (void *)a, (void *)s);
        FOR_TYPE(r->d, rnn_step, r, n, (void *)a, (void *)h);
    }
    memcpy(at(k, k->y, row, P), h, bytes_of(k, n, P));
    return 0;
}

static void walk_forward(int64_t begin, int64_t end, void *context)
{
    walk *k = context;
    for (int64_t i = 0; i < k->r->steps; i++)
        if (step(k, k->r->reverse ? k->r->steps - 1 - i : i, begin, end) < 0)
            __atomic_store_n(&k->bad, 1, __ATOMIC_RELAXED);
}

/* Whether a step of so many rows has slim products, whose order needs all of them. */
static bool is_slim_step(const mt_recurrence *r, int64_t rows)
{
    return mt_is_slim_product(rows, r->gates, r->out) ||
           mt_is_slim_product(rows, r->out, r->gates) ||
           mt_is_slim_product(rows, r->out, r->hidden);
}

/* Runs fn over slices of the batch. The first one has all of every slim step. */
static int run_slices(walk *k, mt_range_fn fn)
{
    const mt_recurrence *r = k->r;
    int64_t threads = mt_get_num_threads(), grain = (r->batch + threads - 1) / threads, t = 0;
    while (t < r->steps && !is_slim_step(r, mt_step_rows(r, t))) t++;
    if (t < r->steps && grain < mt_step_rows(r, t)) grain = mt_step_rows(r, t);
    if (r->rows * r->gates * r->out < SLICE_WORK) grain = r->batch;
    mt_parallel_for(r->batch, grain < 1 ? 1 : grain, fn, k);
    if (k->bad) mt_fail_memory();
    return k->bad ? -1 : 0;
}

/* The first row of each step, as a tensor that the scope owns. */
static int64_t *first_rows(const mt_recurrence *r)
{
    int64_t size[1] = {r->steps + 1}, sum = 0;
    mt_tensor *t = mt_empty(MT_INT64, 1, size);
    if (!t) return NULL;
    int64_t *first = (int64_t *)(void *)t->data;
    for (int64_t i = 0; i < r->steps; i++) {
        first[i] = sum;
        sum += mt_step_rows(r, i);
    }
    return first;
}

/* What the input contributes, with its bias, into the activations. */
static int input_part(const walk *k, mt_tensor *x, mt_tensor *w, mt_tensor *bias)
{
    const mt_recurrence *r = k->r;
    if (bias && !(bias = mt_contiguous_raw(bias, r->d))) return -1;
    for (int64_t i = 0; bias && i < r->rows; i++)
        memcpy(saved_at(k, 0, i, r->kept), bias->data, bytes_of(k, 1, r->gates));
    return mt_gemm(r->d, r->rows, r->gates, r->inputs, x->data, r->inputs, 1, w->data, w->stride[1],
                   w->stride[0], k->saved, r->kept, bias);
}

static void dims_of(mt_tensor *const *in, mt_dims *dims)
{
    for (int i = 0; i < REC_NIN; i++)
        dims[i] = in[i] ? (mt_dims){in[i]->ndim, (mt_dtype)in[i]->dtype, in[i]->size, in[i]->numel}
                        : (mt_dims){0, MT_NO_DTYPE, NULL, 0};
}

static int recurrent_layer_forward(mt_call *c)
{
    mt_recurrence r;
    mt_dims dims[REC_NIN];
    dims_of(c->in, dims);
    if (mt_recurrence_of(&r, dims, c->arg) < 0) return -1;
    mt_tensor *x = c->in[REC_X], *v = c->in[REC_W_HH], *p = c->in[REC_W_HR], *out[REC_NOUT], *s;
    mt_tensor *b = c->in[REC_B_HH];
    walk k = {.r = &r, .p = parts_of(&r)};
    bool lstm = r.mode == MT_RNN_LSTM;
    int64_t size[MT_MAX_DIMS], none[1] = {0}, state[2] = {r.batch, r.out},
                               cell[2] = {r.batch, r.hidden};
    int64_t wide[2] = {r.batch, r.gates};
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[x->ndim - 1] = r.out;
    if (!(out[REC_Y] = mt_result(c, REC_Y, r.d, x->ndim, size)) ||
        !(out[REC_HN] = mt_result(c, REC_HN, r.d, 2, state)) ||
        !(out[REC_CN] = mt_result(c, REC_CN, r.d, lstm ? 2 : 1, lstm ? cell : none)) ||
        !(out[REC_SAVED] = mt_result(c, REC_SAVED, r.d, 1, &k.p.total)) ||
        !(x = mt_contiguous_raw(x, r.d)) || !(s = mt_empty(r.d, 2, wide)) ||
        !(k.first = first_rows(&r)) || mt_copy_raw(out[REC_HN], c->in[REC_H0]) < 0 ||
        (lstm && mt_copy_raw(out[REC_CN], c->in[REC_C0]) < 0) ||
        (b && !(b = mt_contiguous_raw(b, r.d))) ||
        pack_weights(&k.w_hh, v, r.batch, r.out, r.gates, v->stride[1], v->stride[0]) < 0 ||
        (p && pack_weights(&k.w_hr, p, r.batch, r.hidden, r.out, p->stride[1], p->stride[0]) < 0))
        return -1;
    k.y = out[REC_Y]->data, k.h = out[REC_HN]->data, k.c = out[REC_CN]->data;
    k.saved = out[REC_SAVED]->data, k.scratch = s->data, k.bias = b ? b->data : NULL;
    if (input_part(&k, x, c->in[REC_W_IH], c->in[REC_B_IH]) < 0) return -1;
    return run_slices(&k, walk_forward);
}

/* ---- the way back ---------------------------------------------------------------------------- */

/* The step that comes `later` steps after step t on the way forward: of as many rows, or -1. */
static int64_t neighbour(const mt_recurrence *r, int64_t t, int later)
{
    int64_t other = r->reverse ? t - later : t + later;
    bool fits = other >= 0 && other < r->steps && mt_step_rows(r, other) == mt_step_rows(r, t);
    return fits ? other : -1;
}

/* Adds what came for the results of n rows from `row` on to the gradient of a state. */
static void add_gy(const walk *k, int64_t row, int64_t n, void *dh)
{
    if (k->gy)
        FOR_TYPE(k->r->d, add_to, n * k->r->out, dh,
                 (const void *)(k->gy + bytes_of(k, row, k->r->out)));
}

/* dh is what reaches the state past the weights. PyTorch adds to what came for the result: first that, then
 * what comes through the weights. */
static int gru_state_back(const walk *k, int64_t t, int64_t from, int64_t n, const char *ds,
                          char *dh)
{
    const mt_recurrence *r = k->r;
    int64_t all = mt_step_rows(r, t), before = neighbour(r, t, -1), P = r->out, G = r->gates;
    char *sum = at(k, k->scratch, from, P);
    if (before >= 0) add_gy(k, k->first[before] + from, n, dh);
    if (times(all, n, ds, G, &k->w_hh, sum, P, false) < 0) return -1;
    FOR_TYPE(r->d, add_to, n * P, (void *)dh, (const void *)sum);
    return 0;
}

/* Step t of the sequences [from, to): dh and dc before it from those after it. */
static int step_back(const walk *k, int64_t t, int64_t from, int64_t to)
{
    const mt_recurrence *r = k->r;
    int64_t all = mt_step_rows(r, t), n = (to < all ? to : all) - from;
    int64_t row = k->first[t] + from, H = r->hidden, P = r->out, G = r->gates;
    if (n <= 0) return 0;
    void *a = saved_at(k, 0, row, r->kept), *before = saved_at(k, k->p.before, row, P);
    void *da = at(k, k->da, row, G), *ds = at(k, k->ds, row, G), *dh = at(k, k->h, from, P);
    if (r->mode != MT_RNN_GRU || neighbour(r, t, 1) < 0) add_gy(k, row, n, dh);
    if (r->mode == MT_RNN_GRU) {
        FOR_TYPE(r->d, gru_step_back, r, n, a, before, dh, da, ds);
        return gru_state_back(k, t, from, n, ds, dh);
    }
    if (r->mode == MT_RNN_LSTM) {
        void *cell = saved_at(k, k->p.cell, row, H), *bent = saved_at(k, k->p.bent, row, H);
        void *dc = at(k, k->c, from, H), *full = dh;
        if (P != H) {
            full = at(k, k->scratch, from, H);
            memcpy(at(k, k->dh, row, P), dh, bytes_of(k, n, P));
            if (times(all, n, dh, P, &k->w_hr, full, H, false) < 0) return -1;
        }
        FOR_TYPE(r->d, lstm_step_back, r, n, a, cell, bent, full, dc, da);
    } else {
        FOR_TYPE(r->d, rnn_step_back, r, n, a, dh, da);
    }
    return times(all, n, da, G, &k->w_hh, dh, P, false);
}

static void walk_back(int64_t begin, int64_t end, void *context)
{
    walk *k = context;
    for (int64_t i = 0; i < k->r->steps; i++)
        if (step_back(k, k->r->reverse ? i : k->r->steps - 1 - i, begin, end) < 0)
            __atomic_store_n(&k->bad, 1, __ATOMIC_RELAXED);
}

/* (rows, a)^T (rows, b), the gradient of a matrix of weights. */
static mt_tensor *weight_gradient(const mt_recurrence *r, const char *g, int64_t m, const char *x,
                                  int64_t n)
{
    int64_t size[2] = {m, n};
    mt_tensor *w = mt_empty(r->d, 2, size);
    if (!w || mt_gemm(r->d, m, n, r->rows, g, 1, m, x, n, 1, w->data, n, false) < 0) return NULL;
    return w;
}

/* The same of the state's weights as PyTorch adds them up: one product for each step, last step first. */
typedef struct step_sums {
    const walk *k;
    const char *g, *x;
    int64_t m, n;
    char *sum, *apart; /* apart: room for a product that is not added to the sum at once */
    int bad;
} step_sums;

/* The step that is the number i on the way forward. */
static int64_t step_number(const mt_recurrence *r, int64_t i)
{
    return r->reverse ? r->steps - 1 - i : i;
}

static int add_step(const step_sums *s, int64_t i, int64_t begin, int64_t end)
{
    const mt_recurrence *r = s->k->r;
    int64_t t = step_number(r, i), rows = mt_step_rows(r, t), m = s->m, n = s->n;
    const char *g = at(s->k, (char *)(uintptr_t)s->g, s->k->first[t] * m + begin, 1);
    const char *x = at(s->k, (char *)(uintptr_t)s->x, s->k->first[t], n);
    char *sum = at(s->k, s->sum, begin, n), *to = s->apart ? at(s->k, s->apart, begin, n) : sum;
    bool first = i == r->steps - 1;
    if (first) to = sum;
    if (mt_is_slim_product(m, n, rows)) {
        if (mt_gemm(r->d, end - begin, n, rows, g, 1, m, x, n, 1, to, n, false) < 0) return -1;
    } else if (wide_product(r->d, end - begin, n, rows, g, 1, m, x, n, to, n, !first && !s->apart) <
               0) {
        return -1;
    }
    if (to != sum) FOR_TYPE(r->d, add_to, (end - begin) * n, (void *)sum, (const void *)to);
    return 0;
}

static void add_steps(int64_t begin, int64_t end, void *context)
{
    step_sums *s = context;
    for (int64_t i = s->k->r->steps - 1; i >= 0; i--)
        if (add_step(s, i, begin, end) < 0) __atomic_store_n(&s->bad, 1, __ATOMIC_RELAXED);
}

static mt_tensor *state_weight_gradient(const walk *k, const char *g, int64_t m, const char *x,
                                        int64_t n)
{
    const mt_recurrence *r = k->r;
    int64_t size[2] = {m, n}, threads = mt_get_num_threads(), grain = (m + threads - 1) / threads;
    bool slim = mt_is_slim_product(m, n, mt_step_rows(r, r->steps - 1));
    bool apart = slim || r->batch > SUM_ROWS;
    mt_tensor *w = mt_empty(r->d, 2, size), *room = apart ? mt_empty(r->d, 2, size) : NULL;
    if (!w || (apart && !room)) return NULL;
    step_sums s = {k, g, x, m, n, w->data, apart ? room->data : NULL, 0};
    if (slim || r->rows * m * n < SLICE_WORK) grain = m;
    mt_parallel_for(m, grain < 1 ? 1 : grain, add_steps, &s);
    return s.bad ? mt_fail_memory(), NULL : w;
}

/* The rows [first, first + n) of g (rows, gates), added up. */
static mt_tensor *row_sum(const mt_recurrence *r, mt_tensor *g, int64_t first, int64_t n)
{
    static const bool rows[2] = {true, false};
    mt_tensor *sum = mt_empty(r->d, 1, &r->gates);
    if (n != r->rows) g = mt_narrow(g, 0, first, n);
    return sum && g && mt_sum_raw(g, rows, sum) == 0 ? sum : NULL;
}

/* The gradient of the state's bias: step by step, last step first. */
static mt_tensor *state_bias_gradient(const walk *k, mt_tensor *g)
{
    const mt_recurrence *r = k->r;
    mt_tensor *sum = NULL;
    for (int64_t i = r->steps - 1; i >= 0; i--) {
        int64_t t = step_number(r, i);
        mt_tensor *of_step = row_sum(r, g, k->first[t], mt_step_rows(r, t));
        if (!of_step) return NULL;
        if (sum)
            FOR_TYPE(r->d, add_to, r->gates, (void *)sum->data, (void *)of_step->data);
        else
            sum = of_step;
    }
    return sum;
}

/* A gradient of a state to begin with: what came for the last one, or zeros. */
static mt_tensor *state_gradient(const mt_recurrence *r, mt_tensor *g, int64_t width)
{
    int64_t size[2] = {r->batch, width};
    mt_tensor *t = g ? mt_empty(r->d, 2, size) : mt_zeros_raw(r->d, 2, size);
    return t && g && mt_copy_raw(t, g) < 0 ? NULL : t;
}

/* The products at the end: gradients of the input and of what is learned. */
static void finish(const walk *k, const mt_call *c, mt_tensor *x, mt_tensor *da, mt_tensor *ds,
                   mt_tensor **gin)
{
    const mt_recurrence *r = k->r;
    const bool at_once = r->mode == MT_RNN_LSTM; /* as the library does that PyTorch gives it to */
    mt_tensor *w = c->in[REC_W_IH], *gx;
    if (gin[REC_X]) {
        gin[REC_X] = NULL;
        if (!(gx = mt_empty(r->d, c->in_dims[REC_X].ndim, c->in_dims[REC_X].size)) ||
            mt_gemm(r->d, r->rows, r->inputs, r->gates, k->da, r->gates, 1, w->data, w->stride[0],
                    w->stride[1], gx->data, r->inputs, false) < 0)
            return;
        gin[REC_X] = gx;
    }
    const char *before = k->saved + k->p.before * mt_dtype_size(r->d);
    const char *full = k->saved + k->p.full * mt_dtype_size(r->d);
    if (gin[REC_W_IH]) gin[REC_W_IH] = weight_gradient(r, k->da, r->gates, x->data, r->inputs);
    if (gin[REC_W_HH])
        gin[REC_W_HH] = at_once ? weight_gradient(r, k->ds, r->gates, before, r->out)
                                : state_weight_gradient(k, k->ds, r->gates, before, r->out);
    if (gin[REC_W_HR]) gin[REC_W_HR] = weight_gradient(r, k->dh, r->out, full, r->hidden);
    if (gin[REC_B_IH]) gin[REC_B_IH] = row_sum(r, da, 0, r->rows);
    if (gin[REC_B_HH])
        gin[REC_B_HH] = at_once ? row_sum(r, ds, 0, r->rows) : state_bias_gradient(k, ds);
}

static void recurrent_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_recurrence r;
    mt_tensor *x = c->in[REC_X], *v = c->in[REC_W_HH], *p = c->in[REC_W_HR], *gy = gout[REC_Y];
    mt_tensor *dh, *dc = NULL, *da, *ds, *scratch, *projected;
    if (mt_recurrence_of(&r, c->in_dims, c->arg) < 0) return;
    walk k = {.r = &r, .p = parts_of(&r)};
    int64_t gates[2] = {r.rows, r.gates}, wide[2] = {r.batch, r.hidden},
            narrow[2] = {r.rows, r.out};
    if ((gy && !(gy = mt_contiguous_raw(gy, r.d))) || !(x = mt_contiguous_raw(x, r.d)) ||
        !(dh = state_gradient(&r, gout[REC_HN], r.out)) ||
        (r.mode == MT_RNN_LSTM && !(dc = state_gradient(&r, gout[REC_CN], r.hidden))) ||
        !(ds = da = mt_empty(r.d, 2, gates)) ||
        (r.mode == MT_RNN_GRU && !(ds = mt_empty(r.d, 2, gates))) ||
        !(scratch = mt_empty(r.d, 2, wide)) || !(k.first = first_rows(&r)) ||
        !(projected = p ? mt_empty(r.d, 2, narrow) : scratch) ||
        pack_weights(&k.w_hh, v, r.batch, r.gates, r.out, v->stride[0], v->stride[1]) < 0 ||
        (p && pack_weights(&k.w_hr, p, r.batch, r.out, r.hidden, p->stride[0], p->stride[1]) < 0))
        return;
    k.saved = c->out[REC_SAVED]->data, k.gy = gy ? gy->data : NULL;
    k.h = dh->data, k.c = dc ? dc->data : NULL, k.da = da->data, k.ds = ds->data;
    k.scratch = scratch->data, k.dh = projected->data;
    if (run_slices(&k, walk_back) < 0) return;
    if (gin[REC_H0]) gin[REC_H0] = dh;
    if (gin[REC_C0]) gin[REC_C0] = dc;
    finish(&k, c, x, da, ds, gin);
}

/* The last step of PyTorch's way to the result. */
static const char *recurrent_grad_name(const mt_call *c)
{
    static const char *const cell[] = {"TanhBackward0", "ReluBackward0", "MulBackward0",
                                       "AddBackward0"};
    int64_t mode = c->arg[REC_MODE].i;
    if (mode & MT_RNN_CELL) return cell[mode & 3];
    if (c->arg[REC_BATCH_SIZES].given) return "CatBackward0";
    bool one_call = mode == MT_RNN_LSTM && c->in_dims[REC_X].dtype == MT_FLOAT32 &&
                    c->in_dims[REC_W_HR].dtype == MT_NO_DTYPE;
    return one_call ? "MkldnnRnnLayerBackward0" : "StackBackward0";
}

#define KEEPS (MT_KEEP_ALL_IN | MT_KEEP_OUT(REC_SAVED))
MT_OP(recurrent_layer, .keeps = {KEEPS, KEEPS, KEEPS, KEEPS}, .backward = mt_recurrent_rule,
      .fused = recurrent_fused, .grad_name_of = recurrent_grad_name,
      .rule = "backpropagation through time",
      .schema =
          "recurrent_layer(Tensor x, Tensor h0, Tensor? c0, Tensor w_ih, Tensor w_hh, Tensor? "
          "b_ih, Tensor? b_hh, Tensor? w_hr, int mode, bool reverse, int[]? batch_sizes) -> "
          "(Tensor y, Tensor h_n, Tensor c_n, Tensor saved)",
      .doc = "recurrent, with what the way back needs.");

/* ==== recurrent =============================================================================== */

static int recurrent_forward(mt_call *c)
{
    mt_tensor *out[REC_NOUT] = {NULL};
    mt_call layer = {.op = &mt_op_recurrent_layer,
                     .nin = c->nin,
                     .nout = REC_NOUT,
                     .narg = c->narg,
                     .in = c->in,
                     .out = out,
                     .arg = c->arg};
    if (!mt_apply(&layer)) return -1;
    for (int i = 0; i < REC_SAVED; i++)
        if (mt_result_is(c, i, out[i]) < 0) return -1;
    return 0;
}

MT_OP(recurrent, .kind = MT_COMPOSITE | MT_NN,
      .schema =
          "_recurrent(Tensor x, Tensor h0, Tensor? c0, Tensor w_ih, Tensor w_hh, Tensor? b_ih, "
          "Tensor? b_hh, Tensor? w_hr, int mode, bool reverse=False, int[]? batch_sizes=None) "
          "-> (Tensor y, Tensor h_n, Tensor c_n)",
      .doc =
          "One direction of one layer of an RNN (mode 0: tanh, 1: relu), LSTM (2) or GRU (3) over "
          "a sequence.\n\nShapes: x (steps, batch, inputs), states (batch, hidden), weights as in "
          "nn.LSTM; with batch_sizes x is the data of a\npacked sequence (rows, inputs). y is like "
          "x, c_n empty unless LSTM.\n\nRaises RuntimeError if the shapes do not fit.");
