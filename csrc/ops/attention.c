/* Attention: y = softmax(q k^T scale + mask) v (Vaswani et al. 2017), one operator over all heads of a
 * batch. Its second result, the softmax, is what the rule reads; as it is a result like any other, the
 * rule has derivatives itself. Relies on kernels/softmax.c and the matrix product.
 *
 * Each head is one piece of work: two products and the rows of a softmax, of which a causal head
 * only looks at those below the diagonal. A query that sees no key gets zeros. */
#include "base/parallel.h"
#include "ops/gemm.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, MASK, NIN };
enum { Y, WEIGHTS };
enum { CAUSAL, SCALE, NARG };

#define GRAIN_FLOPS 200000 /* of a piece of work */

typedef struct heads {
    mt_dtype d;
    int nbatch;
    const int64_t *batch;
    int64_t n, l, s, e, ev; /* heads; queries, keys; elements of a query and of a value */
    bool causal;
    double scale;
    const mt_tensor *in[NIN];
    char *y, *p;            /* y, or its gradient; the softmax */
    char *grad[NIN], *work; /* of the way back; work: the gradient of the scores */
    int bad;                /* a thread found no memory */
} heads;

static int64_t item(const heads *h) { return mt_dtype_size(h->d); }

/* Where head i of t begins; batch dimensions may have stride 0. */
static const char *head_of(const heads *h, const mt_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int d = h->nbatch - 1; d >= 0; d--) {
        offset += i % h->batch[d] * t->stride[d];
        i /= h->batch[d];
    }
    return t->data + offset * mt_itemsize(t);
}
static int64_t row_of(const mt_tensor *t) { return t->stride[t->ndim - 2]; }
static int64_t column_of(const mt_tensor *t) { return t->stride[t->ndim - 1]; }

/* ---- forward --------------------------------------------------------------------------------- */

/* x = x scale + mask for one row of n scores; whether there is one that is not -infinity. */
#define SCORE_ROW(T, NAME)                                                                         \
    static bool NAME(int64_t n, T *x, T scale, const char *mask, int64_t step, bool logical)       \
    {                                                                                              \
        bool seen = false;                                                                         \
        for (int64_t j = 0; j < n; j++) x[j] *= scale;                                             \
        for (int64_t j = 0; mask && j < n; j++)                                                    \
            if (!logical)                                                                          \
                x[j] += ((const T *)(const void *)mask)[j * step];                                 \
            else if (!mask[j * step])                                                              \
                x[j] = -(T)INFINITY;                                                               \
        for (int64_t j = 0; j < n && !seen; j++) seen = !(x[j] == -(T)INFINITY);                   \
        return seen;                                                                               \
    }
SCORE_ROW(float, score_row_f32)
SCORE_ROW(double, score_row_f64)

/* The scores of head i, at p, become their softmax. */
static void softmax_of(const heads *h, int64_t i, char *p)
{
    const mt_tensor *m = h->in[MASK];
    const char *mask = m ? head_of(h, m, i) : NULL;
    bool logical = m && m->dtype == MT_BOOL;
    for (int64_t r = 0; r < h->l; r++, p += h->s * item(h)) {
        int64_t n = h->causal && r + 1 < h->s ? r + 1 : h->s;
        const char *row = mask ? mask + r * row_of(m) * mt_itemsize(m) : NULL;
        int64_t step = m ? column_of(m) : 0;
        void *x = p;
        bool seen = h->d == MT_FLOAT32 ? score_row_f32(n, x, (float)h->scale, row, step, logical)
                                       : score_row_f64(n, x, h->scale, row, step, logical);
        if (seen)
            mt_k->softmax(h->d, 1, n, p, p, false);
        else
            n = 0;
        memset(p + n * item(h), 0, (size_t)((h->s - n) * item(h)));
    }
}

static void attend(int64_t begin, int64_t end, void *context)
{
    heads *h = context;
    const mt_tensor *q = h->in[Q], *k = h->in[K], *v = h->in[V];
    for (int64_t i = begin; i < end; i++) {
        char *p = h->p + i * h->l * h->s * item(h);
        if (mt_gemm(h->d, h->l, h->s, h->e, head_of(h, q, i), row_of(q), column_of(q),
                    head_of(h, k, i), column_of(k), row_of(k), p, h->s, false) < 0)
            __atomic_store_n(&h->bad, 1, __ATOMIC_RELAXED);
        softmax_of(h, i, p);
        if (mt_gemm(h->d, h->l, h->ev, h->s, p, h->s, 1, head_of(h, v, i), row_of(v), column_of(v),
                    h->y + i * h->l * h->ev * item(h), h->ev, false) < 0)
            __atomic_store_n(&h->bad, 1, __ATOMIC_RELAXED);
    }
}

static int run_heads(heads *h, mt_range_fn fn)
{
    int64_t flops = 2 * h->l * h->s * (h->e + h->ev);
    mt_parallel_for(h->n, 1 + GRAIN_FLOPS / (flops + 1), fn, h);
    if (h->bad) mt_fail_memory();
    return h->bad ? -1 : 0;
}

/* Sizes and kind of the heads; the tensors of the call come later. */
static heads heads_of(const mt_dims *q, const mt_dims *k, const mt_dims *v, const mt_arg *arg)
{
    heads h = {.d = q->dtype,
               .nbatch = q->ndim - 2,
               .batch = q->size,
               .n = 1,
               .l = q->size[q->ndim - 2],
               .s = k->size[k->ndim - 2],
               .e = q->size[q->ndim - 1],
               .ev = v->size[v->ndim - 1],
               .causal = arg[CAUSAL].b,
               .scale = arg[SCALE].d};
    for (int d = 0; d < h.nbatch; d++) h.n *= h.batch[d];
    return h;
}

static mt_dims dims(const mt_tensor *t)
{
    return (mt_dims){t->ndim, (mt_dtype)t->dtype, t->size, t->numel};
}

static int attend_heads_forward(mt_call *c)
{
    mt_dims q = dims(c->in[Q]), k = dims(c->in[K]), v = dims(c->in[V]);
    heads h = heads_of(&q, &k, &v, c->arg);
    int64_t size[MT_MAX_DIMS];
    mt_tensor *y, *p;
    memcpy(size, q.size, (size_t)q.ndim * sizeof *size);
    size[q.ndim - 1] = h.ev;
    if (!(y = mt_result(c, Y, h.d, q.ndim, size))) return -1;
    size[q.ndim - 1] = h.s;
    if (!(p = mt_result(c, WEIGHTS, h.d, q.ndim, size))) return -1;
    for (int i = 0; i < NIN; i++) h.in[i] = c->in[i];
    h.y = y->data, h.p = p->data;
    return run_heads(&h, attend);
}

/* ---- the way back ---------------------------------------------------------------------------- */

/* With P the softmax, S the scores: gV = P^T g; gP = g V^T; gS = P (gP - sum(P gP)) by rows;
 * gQ = gS K scale; gK = gS^T Q scale. */
static void attend_heads_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[Y], *p = c->out[WEIGHTS], *gp = gout[WEIGHTS], *gs;
    mt_tensor *scale = mt_number(c->arg[SCALE].d);
    int64_t last = -1;
    if (g) {
        mt_tensor *mine = mt_matmul(g, mt_transpose(c->in[V], -2, -1));
        gp = gp ? mt_add(gp, mine) : mine;
    }
    gs = mt_mul(p, mt_sub(gp, mt_sum_dim(mt_mul(p, gp), 1, &last, true)));
    if (gin[Q]) gin[Q] = mt_mul(mt_matmul(gs, c->in[K]), scale);
    if (gin[K]) gin[K] = mt_mul(mt_matmul(mt_transpose(gs, -2, -1), c->in[Q]), scale);
    if (gin[V]) gin[V] = g ? mt_matmul(mt_transpose(p, -2, -1), g) : NULL;
    if (gin[MASK]) gin[MASK] = gs;
}

/* a (m, k) b (k, n), both of this head, into the gradient `to` of all heads. */
static int product(const heads *h, int which, int64_t i, int64_t m, int64_t n, int64_t k,
                   const char *a, int64_t a_row, int64_t a_col, const char *b, int64_t b_row,
                   int64_t b_col)
{
    if (!h->grad[which]) return 0;
    return mt_gemm(h->d, m, n, k, a, a_row, a_col, b, b_row, b_col,
                   h->grad[which] + i * m * n * item(h), n, false);
}

static void scale_scores(const heads *h, char *gs)
{
    if (h->d == MT_FLOAT32)
        for (int64_t j = 0; j < h->l * h->s; j++) ((float *)(void *)gs)[j] *= (float)h->scale;
    else
        for (int64_t j = 0; j < h->l * h->s; j++) ((double *)(void *)gs)[j] *= h->scale;
}

static void attend_back(int64_t begin, int64_t end, void *context)
{
    heads *h = context;
    const mt_tensor *q = h->in[Q], *k = h->in[K], *v = h->in[V];
    int64_t l = h->l, s = h->s, e = h->e, ev = h->ev;
    for (int64_t i = begin; i < end; i++) {
        char *p = h->p + i * l * s * item(h), *g = h->y + i * l * ev * item(h);
        char *gs = h->work + i * l * s * item(h);
        int bad = product(h, V, i, s, ev, l, p, 1, s, g, ev, 1);
        bad |= mt_gemm(h->d, l, s, ev, g, ev, 1, head_of(h, v, i), column_of(v), row_of(v), gs, s,
                       false);
        mt_k->softmax_backward(h->d, l, s, gs, gs, p, false);
        if (h->grad[MASK])
            memcpy(h->grad[MASK] + i * l * s * item(h), gs, (size_t)(l * s * item(h)));
        scale_scores(h, gs);
        bad |= product(h, Q, i, l, e, s, gs, s, 1, head_of(h, k, i), row_of(k), column_of(k));
        bad |= product(h, K, i, s, e, l, gs, 1, s, head_of(h, q, i), row_of(q), column_of(q));
        if (bad) __atomic_store_n(&h->bad, 1, __ATOMIC_RELAXED);
    }
}

static void attend_heads_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *in = c->in_dims;
    mt_tensor *g = gout[Y], *grad[NIN] = {NULL}, *work;
    if (!g || gout[WEIGHTS]) {
        attend_heads_backward(c, gout, gin);
        return;
    }
    heads h = heads_of(&in[Q], &in[K], &in[V], c->arg);
    int64_t size[2] = {h.n, h.l * h.s};
    if (!(g = mt_contiguous_raw(g, h.d)) || !(work = mt_empty(h.d, 2, size))) return;
    for (int i = 0; i < NIN; i++) {
        h.in[i] = c->in[i];
        if (gin[i] && !(grad[i] = mt_empty(h.d, in[i].ndim, in[i].size))) return;
        h.grad[i] = grad[i] ? grad[i]->data : NULL;
    }
    h.y = g->data, h.p = c->out[WEIGHTS]->data, h.work = work->data;
    if (run_heads(&h, attend_back) < 0) return;
    for (int i = 0; i < NIN; i++) gin[i] = grad[i];
}

#define KEEPS (MT_KEEP_IN(Q) | MT_KEEP_IN(K) | MT_KEEP_IN(V) | MT_KEEP_OUT(WEIGHTS))
MT_OP(attend_heads, .keeps = {KEEPS, KEEPS, KEEPS, KEEPS}, .backward = attend_heads_backward,
      .fused = attend_heads_fused, .grad_name = "ScaledDotProductFlashAttentionForCpuBackward0",
      .rule = "gS = P (gP - sum(P gP)), gP = g V^T; gQ = gS K scale; gK = gS^T Q scale; gV = P^T g",
      .schema = "attend_heads(Tensor query, Tensor key, Tensor value, Tensor? mask, bool causal, "
                "float scale) -> (Tensor y, Tensor weights)",
      .doc = "attention of heads that all have the same batch dimensions.");

/* ==== attention =============================================================================== */

/* t with these batch dimensions, and of the last two dimensions those given, if they are. */
static mt_tensor *to_batch(mt_tensor *t, int nbatch, const int64_t *batch, const int64_t *matrix)
{
    int64_t size[MT_MAX_DIMS + 2];
    memcpy(size, batch, (size_t)nbatch * sizeof *size);
    for (int d = 0; d < 2; d++) size[nbatch + d] = matrix ? matrix[d] : t->size[t->ndim - 2 + d];
    return mt_shape_equal(t->ndim, t->size, nbatch + 2, size) ? t : mt_expand(t, nbatch + 2, size);
}

static int attention_forward(mt_call *c)
{
    mt_tensor *in[NIN], *out[2] = {NULL};
    int64_t batch[MT_MAX_DIMS], matrix[2];
    int nbatch = 0;
    for (int i = 0; i < NIN; i++) {
        mt_tensor *t = in[i] = c->in[i];
        int lead = !t ? 0 : t->ndim < 2 && i == MASK ? 0 : t->ndim - 2;
        if (lead < 0) return mt_error(MT_RUNTIME, "attention: expected matrices");
        if (t && (nbatch = mt_shape_broadcast(nbatch, batch, lead, t->size, batch)) < 0) return -1;
        if (t && t->dtype != in[Q]->dtype && !(i == MASK && t->dtype == MT_BOOL))
            return mt_error(MT_RUNTIME, "attention: expected tensors of one type");
    }
    if (nbatch + 2 > MT_MAX_DIMS) return mt_error(MT_RUNTIME, "too many dimensions");
    const int64_t *q = in[Q]->size + in[Q]->ndim - 2, *k = in[K]->size + in[K]->ndim - 2;
    if (q[1] != k[1] || in[V]->size[in[V]->ndim - 2] != k[0] ||
        !mt_is_float((mt_dtype)in[Q]->dtype))
        return mt_error(MT_RUNTIME, "attention: query, key and value do not fit");
    matrix[0] = q[0], matrix[1] = k[0];
    for (int i = 0; i < NIN; i++)
        if (in[i] && !(in[i] = to_batch(in[i], nbatch, batch, i == MASK ? matrix : NULL)))
            return -1;
    mt_call all = {.op = &mt_op_attend_heads,
                   .nin = NIN,
                   .nout = 2,
                   .narg = NARG,
                   .in = in,
                   .out = out,
                   .arg = c->arg};
    return mt_apply(&all) ? mt_result_is(c, 0, out[Y]) : -1;
}

MT_OP(
    attention, .kind = MT_COMPOSITE | MT_NN,
    .schema = "_attention(Tensor query, Tensor key, Tensor value, Tensor? mask, bool causal, float "
              "scale) -> Tensor",
    .doc =
        "softmax(query key^T scale + mask) value; a mask of bools hides where it is False, causal "
        "hides keys behind the query's place.\n\nShapes: query (..., L, E), key (..., S, E), "
        "value (..., S, Ev), mask (..., L, S) to (..., L, Ev). Raises RuntimeError if they\ndo "
        "not fit.");
