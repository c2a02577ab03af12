/* var and std. Like PyTorch's their sums are in double, so that the result is the exact one, rounded.
 *
 * Relies on ops/reduce.h; read before: ops/moments.c. */
#include "base/parallel.h"
#include "ops/reduce.h"

#include <math.h>

enum {
    PIECE = 8192, /* elements that are added up together */
    GRAIN = 32768 /* elements that are worth a thread */
};

typedef float singles __attribute__((vector_size(32), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(64), aligned(8), may_alias));

/* Sums of x - mean, or of its square. LOAD: eight elements as doubles. */
#define SUM_PIECE(name, T, LOAD)                                                                   \
    static double name(int64_t n, const T *x, double mean, bool squares)                           \
    {                                                                                              \
        doubles sums = {0};                                                                        \
        double sum = 0;                                                                            \
        int64_t i = 0;                                                                             \
        for (; i + 8 <= n; i += 8) {                                                               \
            const doubles far = LOAD - mean;                                                       \
            if (squares)                                                                           \
                sums += far * far;                                                                 \
            else                                                                                   \
                sums += far;                                                                       \
        }                                                                                          \
        for (; i < n; i++) sum += squares ? (x[i] - mean) * (x[i] - mean) : x[i] - mean;           \
        for (int lane = 0; lane < 8; lane++) sum += sums[lane];                                    \
        return sum;                                                                                \
    }
SUM_PIECE(sum_f32, float, __builtin_convertvector(*(const singles *)(const void *)(x + i), doubles))
SUM_PIECE(sum_f64, double, *(const doubles *)(const void *)(x + i))

/* Rows of n elements, in pieces. */
typedef struct rows {
    mt_dtype d;
    int64_t n, pieces;
    const char *x;
    const double *mean; /* of every row, or NULL */
    double *sum;        /* of every piece */
} rows;

static void sum_pieces(int64_t begin, int64_t end, void *context)
{
    const rows *r = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i / r->pieces, from = i % r->pieces * PIECE, start = row * r->n + from;
        const int64_t some = r->n - from < PIECE ? r->n - from : PIECE;
        const double mean = r->mean ? r->mean[row] : 0;
        r->sum[i] =
            r->d == MT_FLOAT32
                ? sum_f32(some, (const float *)(const void *)r->x + start, mean, r->mean != NULL)
                : sum_f64(some, (const double *)(const void *)r->x + start, mean, r->mean != NULL);
    }
}

/* The sum of every row, at the beginning of r->sum. */
static void sum_rows(rows *r, int64_t count)
{
    const int64_t size = r->n < PIECE ? r->n : PIECE;
    mt_parallel_for(count * r->pieces, GRAIN / (size + 1) + 1, sum_pieces, r);
    for (int64_t row = 0; row < count; row++) {
        double sum = 0;
        for (int64_t k = 0; k < r->pieces; k++) sum += r->sum[row * r->pieces + k];
        r->sum[row] = sum;
    }
}

/* What an overload asks for. */
typedef struct spread {
    const mt_arg *dims; /* NULL: all */
    double correction;
    bool keepdim, root;
} spread;

/* x with the dimensions in mask last; n: the elements of those. */
static mt_tensor *as_rows(mt_tensor *x, const bool *mask, int64_t *n)
{
    int64_t order[MT_MAX_DIMS];
    int k = 0;
    *n = 1;
    for (int d = 0; d < x->ndim; d++)
        if (!mask[d]) order[k++] = d;
    for (int d = 0; d < x->ndim; d++)
        if (mask[d]) order[k++] = d, *n *= x->size[d];
    mt_tensor *t = mt_permute(x, x->ndim, order);
    return t ? mt_contiguous_raw(t, (mt_dtype)x->dtype) : NULL;
}

static int warn_of_freedom(const spread *s, int64_t n)
{
    if ((double)n - s->correction > 0) return 0;
    return mt_warn("%s(): degrees of freedom is <= 0. Correction should be strictly less than the "
                   "reduction factor (input numel divided by output numel).",
                   s->root ? "std" : "var");
}

static int spread_forward(mt_call *c, const spread *s)
{
    mt_tensor *x = c->in[0], *y, *sums, *means;
    bool mask[MT_MAX_DIMS];
    int64_t size[MT_MAX_DIMS], n;
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_RUNTIME, "std and var only support floating point and complex dtypes");
    if (mt_reduce_mask(x, s->dims, mask) < 0) return -1;
    const int ndim = mt_reduced_shape(x, mask, s->keepdim, size);
    if (!(x = as_rows(x, mask, &n)) || warn_of_freedom(s, n) < 0) return -1;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, ndim, size))) return -1;
    rows r = {(mt_dtype)x->dtype, n, n ? (n - 1) / PIECE + 1 : 0, x->data, NULL, NULL};
    const int64_t count = y->numel, room = count * (r.pieces ? r.pieces : 1);
    if (!(sums = mt_empty(MT_FLOAT64, 1, &room)) || !(means = mt_empty(MT_FLOAT64, 1, &count)))
        return -1;
    double *mean = (double *)(void *)means->data;
    r.sum = (double *)(void *)sums->data;
    sum_rows(&r, count);
    for (int64_t row = 0; row < count; row++) mean[row] = r.sum[row] / (double)n;
    r.mean = mean;
    sum_rows(&r, count);
    for (int64_t row = 0; row < count; row++) {
        const double v = r.sum[row] / fmax(0, (double)n - s->correction);
        mt_scalar_store(mt_scalar_float(s->root ? sqrt(v) : v), (mt_dtype)y->dtype,
                        y->data + row * mt_itemsize(y));
    }
    return 0;
}

/* d var = 2 / (n - correction) (x - mean); d std = d var / (2 std), and 0 where all elements are equal. */
static void spread_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin, const spread *s)
{
    mt_tensor *x = c->in[0], *y = c->out[0], *g = gout[0], *mean = x;
    bool mask[MT_MAX_DIMS];
    int64_t over[MT_MAX_DIMS], n = 1;
    int m = 0;
    if (!x || mt_reduce_mask(x, s->dims, mask) < 0) return;
    if (s->root)
        g = mt_where(mt_eq(y, mt_number(0)), mt_number(0), mt_div(g, mt_mul(y, mt_number(2))));
    for (int d = 0; d < x->ndim; d++) {
        if (!mask[d]) continue;
        n *= x->size[d], over[m++] = d;
        if (!s->keepdim && g) g = mt_unsqueeze(g, d);
    }
    if (m) mean = mt_mean_dim(x, m, over, true);
    const double freedom = (double)n - s->correction;
    gin[0] = mt_mul(mt_mul(mt_number(2 / freedom), g), mt_sub(x, mean));
}

static double correction_of(const mt_arg *a) { return a->given ? mt_scalar_to_double(a->s) : 1; }

#define OVERLOAD(id, suffix, Name, kept, extra, ...)                                               \
    static int id##suffix##_forward(mt_call *c)                                                    \
    {                                                                                              \
        return spread_forward(c, &(spread){__VA_ARGS__});                                          \
    }                                                                                              \
    static void id##suffix##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)         \
    {                                                                                              \
        spread_backward(c, gout, gin, &(spread){__VA_ARGS__});                                     \
    }                                                                                              \
    MT_OP(id##suffix, .grad_name = Name, .kind = MT_FUNCTION | MT_METHOD | extra, .keeps = {kept}, \
          .backward = id##suffix##_backward,

#define SPREAD(id, Name, kept, root, text)                                                         \
    OVERLOAD(id, , Name, kept, MT_OUT, &c->arg[0], correction_of(&c->arg[1]), c->arg[2].b, root)   \
    .schema = #id "(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "              \
                  "keepdim=False) -> Tensor",                                                      \
    .doc = text);                                                                                  \
    OVERLOAD(id, _unbiased, Name, kept, 0, NULL, c->arg[0].b, false, root)                         \
    .schema = #id ".unbiased(Tensor self, bool unbiased=True) -> Tensor", .doc = "");              \
    OVERLOAD(id, _dim, Name, kept, MT_OUT, &c->arg[0], c->arg[1].b, c->arg[2].b, root)             \
    .schema = #id                                                                                  \
        ".dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",        \
    .doc = "");

/* clang-format off */
SPREAD(var, "VarBackward0", MT_KEEP_IN(0), false,
       "The variance of all elements, or along dim: the sum of squared distances from the mean "
       "divided by n - correction (1).")
SPREAD(std, "StdBackward0", MT_KEEP_IN(0) | MT_KEEP_OUT(0), true,
       "The standard deviation, the root of var().")
/* clang-format on */
