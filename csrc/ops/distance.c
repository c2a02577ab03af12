/* Distances between rows: cdist of two matrices, pdist of one. Relies on kernels/distance.c and ops/linalg.h. */
#include "ops/linalg.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }
static int64_t columns(const mt_tensor *a) { return a->size[a->ndim - 1]; }
static int64_t rows(const mt_tensor *a) { return a->size[a->ndim - 2]; }

/* ==== euclidean_dist ========================================================================== */

/* |x - y|^2 = -2 x y + |x|^2 + |y|^2 for all pairs is one product of matrices: of the rows (-2 x, |x|^2, 1) and
 * (y, 1, |y|^2). */
static mt_tensor *extended(mt_tensor *x, bool first)
{
    int64_t last = -1, size[MT_MAX_DIMS];
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[x->ndim - 1] = 1;
    mt_tensor *square = mt_sum_dim(mt_square(x), 1, &last, true);
    mt_tensor *one = mt_full(type_of(x), x->ndim, size, mt_scalar_float(1));
    mt_tensor *in[3] = {first ? mt_mul(x, mt_number(-2)) : x, first ? square : one,
                        first ? one : square};
    return in[0] && square && one ? mt_cat(3, in, -1) : NULL;
}

static int euclidean_dist_forward(mt_call *c)
{
    mt_tensor *x = extended(c->in[0], true), *y = extended(c->in[1], false);
    return mt_result_is(c, 0, y ? mt_sqrt(mt_relu(mt_matmul(x, mt_transpose(y, -1, -2)))) : NULL);
}

/* With r_ij = g_ij / d_ij (0 where d_ij is): gx_i = sum_j r_ij (x_i - y_j), and gy_j = sum_i r_ij (y_j - x_i). */
static void euclidean_dist_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *far = c->out[0];
    int64_t last = -1, above = -2;
    mt_tensor *same = mt_eq(far, mt_number(0)), *nothing = mt_number(0);
    mt_tensor *r = mt_div(gout[0], mt_masked_fill(far, same, mt_number(1)));
    r = mt_masked_fill(r, same, nothing);
    if (gin[0]) gin[0] = mt_sub(mt_mul(x, mt_sum_dim(r, 1, &last, true)), mt_matmul(r, y));
    if (gin[1])
        gin[1] = mt_sub(mt_mul(y, mt_unsqueeze(mt_sum_dim(r, 1, &above, false), -1)),
                        mt_matmul(mt_transpose(r, -1, -2), x));
}

MT_OP(euclidean_dist, .backward = euclidean_dist_backward,
      .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1) | MT_KEEP_OUT(0),
                MT_KEEP_IN(0) | MT_KEEP_IN(1) | MT_KEEP_OUT(0)},
      .rule = "gx = x sum(r) - r y and gy = y sum(r) - r^T x, r = g / distance",
      .schema = "euclidean_dist(Tensor x1, Tensor x2) -> Tensor",
      .doc = "The distances between the rows of two matrices, by one product.");

/* ==== cdist =================================================================================== */

/* By the product? As PyTorch has it, from 26 rows on unless told. 1 or 0; -1: no such mode. */
static int by_product(const mt_call *c)
{
    const char *mode = c->arg[1].given ? c->arg[1].text : "use_mm_for_euclid_dist_if_necessary";
    const mt_tensor *x = c->in[0], *y = c->in[1];
    const bool possible = c->arg[0].d == 2 && x->dtype == y->dtype && columns(x) > 0;
    if (strcmp(mode, "use_mm_for_euclid_dist_if_necessary") == 0)
        return possible && (rows(x) > 25 || rows(y) > 25);
    if (strcmp(mode, "use_mm_for_euclid_dist") == 0) return possible;
    if (strcmp(mode, "donot_use_mm_for_euclid_dist") == 0) return 0;
    return mt_error(MT_VALUE, "%s is not a valid value for compute_mode", mode);
}

/* The p-norms of x_i - y_j: rows of x (..., m, n) and of y (..., r, n). */
static int cdist_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    int64_t last = -1;
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME, "cdist only supports floating-point dtypes, X1 got: %s",
                        mt_dtype_camel(type_of(x)));
    if (x->ndim < 2 || y->ndim < 2)
        return mt_error(MT_RUNTIME, "cdist only supports at least 2D tensors, X%d got: %dD",
                        x->ndim < 2 ? 1 : 2, x->ndim < 2 ? x->ndim : y->ndim);
    if (columns(x) != columns(y))
        return mt_error(MT_RUNTIME,
                        "X1 and X2 must have the same number of columns. X1: %" PRId64
                        " X2: %" PRId64,
                        columns(x), columns(y));
    if (!(c->arg[0].d >= 0))
        return mt_error(MT_RUNTIME, "cdist only supports non-negative p values");
    const int product = by_product(c);
    if (product < 0) return -1;
    if (product) {
        if (mt_same_batch(&x, &y) < 0) return -1;
        return mt_result_is(c, 0, mt_call2(&mt_op_euclidean_dist, x, y));
    }
    mt_tensor *way = mt_sub(mt_unsqueeze(x, -2), mt_unsqueeze(y, -3));
    if (way && columns(way) == 0) return mt_result_is(c, 0, mt_sum_dim(way, 1, &last, false));
    return mt_result_is(c, 0, mt_norm_along(way, c->arg[0].d, 1, &last, false));
}
MT_OP(
    cdist, .kind = MT_COMPOSITE | MT_FUNCTION, .grad_name = "CdistBackward0",
    .schema = "cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode=None) -> Tensor",
    .doc =
        "The p-norm distances (..., m, r) between the rows of x1 (..., m, n) and x2 (..., r, n).");

/* ==== pdist =================================================================================== */

/* Pairs (i, j) of n rows with i < j, in order: those of i begin here. */
static int64_t first_pair(int64_t n, int64_t i) { return i * n - i * (i + 1) / 2; }

typedef struct pair_job {
    const mt_tensor *x, *g, *far;
    mt_tensor *out;
    int64_t n, m;
} pair_job;

static char *place(const mt_tensor *t, int64_t i) { return t->data + i * mt_itemsize(t); }

static void run_pairs(int64_t begin, int64_t end, void *context)
{
    const pair_job *j = context;
    for (int64_t i = begin; i < end; i++)
        mt_k->distances(type_of(j->x), j->n - 1 - i, j->m, place(j->out, first_pair(j->n, i)),
                        place(j->x, i * j->m), place(j->x, (i + 1) * j->m));
}

/* Threads share the columns: every sum is a thread's own. */
enum { BAND = 64 };
static void run_back(int64_t begin, int64_t end, void *context)
{
    const pair_job *j = context;
    for (int64_t band = begin; band < end; band++) {
        const int64_t c = band * BAND, w = j->m - c < BAND ? j->m - c : BAND;
        for (int64_t i = 0; i + 1 < j->n; i++) {
            const int64_t at = i * j->m + c, next = at + j->m, pair = first_pair(j->n, i);
            mt_k->distances_back(type_of(j->x), j->n - 1 - i, j->m, w, place(j->out, at),
                                 place(j->out, next), place(j->x, at), place(j->x, next),
                                 place(j->g, pair), place(j->far, pair));
        }
    }
}

static int pdist_two_forward(mt_call *c)
{
    pair_job j = {.n = c->in[0]->size[0], .m = c->in[0]->size[1]};
    const int64_t pairs = j.n < 2 ? 0 : first_pair(j.n, j.n - 1);
    if (!(j.out = mt_result(c, 0, type_of(c->in[0]), 1, &pairs)) ||
        !(j.x = mt_contiguous_raw(c->in[0], type_of(c->in[0]))))
        return -1;
    mt_parallel_for(j.n - 1, 1 + MT_GRAIN_CHEAP / (j.n * j.m + 1), run_pairs, &j);
    return 0;
}

/* The numbers of the rows of all pairs: the first ones, or the second. */
static mt_tensor *numbers(int64_t n, bool second)
{
    const int64_t pairs = n < 2 ? 0 : first_pair(n, n - 1);
    mt_tensor *t = mt_empty(MT_INT64, 1, &pairs);
    int64_t *to = t ? (int64_t *)(void *)t->data : NULL;
    for (int64_t i = 0; t && i < n; i++)
        for (int64_t j = i + 1; j < n; j++) *to++ = second ? j : i;
    return t;
}

/* x_i - x_j for all pairs. */
static mt_tensor *ways(mt_tensor *x, mt_tensor *first, mt_tensor *second)
{
    if (!first || !second) return NULL;
    return mt_sub(mt_index_select(x, 0, first), mt_index_select(x, 0, second));
}

/* gx_i = sum_j s_ij - sum_j s_ji with s_ij = g_ij (x_i - x_j) / d_ij, and 0 where d_ij is. */
static void pdist_two_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *far = c->out[0];
    mt_tensor *first = numbers(x->size[0], false), *second = numbers(x->size[0], true);
    mt_tensor *way = ways(x, first, second), *same = mt_eq(far, mt_number(0));
    mt_tensor *r = mt_div(gout[0], mt_masked_fill(far, same, mt_number(1)));
    mt_tensor *slope = mt_mul(way, mt_unsqueeze(mt_masked_fill(r, same, mt_number(0)), -1));
    if (gin[0] && way)
        gin[0] =
            mt_index_add(mt_index_add(mt_zeros_like(x), 0, first, slope), 0, second, mt_neg(slope));
}

static void pdist_two_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *far = c->out[0];
    pair_job j = {.n = x->size[0], .m = x->size[1]};
    if (gout[0]->dtype != x->dtype) {
        pdist_two_backward(c, gout, gin);
        return;
    }
    gin[0] = NULL;
    if (!(j.x = mt_contiguous_raw(x, type_of(x))) ||
        !(j.far = mt_contiguous_raw(far, type_of(x))) ||
        !(j.g = mt_contiguous_raw(gout[0], type_of(x))) ||
        !(j.out = mt_zeros_raw(type_of(x), 2, x->size)))
        return;
    mt_parallel_for((j.m + BAND - 1) / BAND, 1 + MT_GRAIN_CHEAP / (BAND * (j.n * j.n / 2 + 1)),
                    run_back, &j);
    gin[0] = j.out;
}

MT_OP(pdist_two, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)}, .backward = pdist_two_backward,
      .fused = pdist_two_fused, .rule = "gx_i = sum_j g_ij (x_i - x_j) / distance_ij",
      .schema = "pdist_two(Tensor self) -> Tensor", .doc = "The distances of all pairs of rows.");

static int pdist_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const double p = c->arg[0].d;
    const int64_t last = -1;
    if (x->ndim != 2)
        return mt_error(MT_RUNTIME, "pdist only supports 2D tensors, got: %dD", x->ndim);
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME, "pdist only supports floating-point dtypes");
    if (!(p >= 0)) return mt_error(MT_RUNTIME, "pdist only supports non-negative p values");
    if (x->size[0] > INT32_MAX) return mt_error(MT_RUNTIME, "pdist: too many rows");
    if (p == 2) return mt_result_is(c, 0, mt_call1(&mt_op_pdist_two, x));
    mt_tensor *way = ways(x, numbers(x->size[0], false), numbers(x->size[0], true));
    if (way && columns(way) == 0) return mt_result_is(c, 0, mt_sum_dim(way, 1, &last, false));
    return mt_result_is(c, 0, mt_norm_along(way, p, 1, &last, false));
}

MT_OP(pdist, .kind = MT_COMPOSITE | MT_NN, .grad_name = "PdistBackward0",
      .schema = "pdist(Tensor input, float p=2.0) -> Tensor",
      .doc = "The p-norm distances between all pairs of rows: (0, 1), (0, 2), ..., (1, 2), "
             "...\n\nShapes: (N, M) to (N (N - 1) / 2).");
