/* softmax and log_softmax along one dimension. Relies on kernels/softmax.c,
 * which takes contiguous rows, or columns of contiguous matrices. */
#include "ops/ops.h"

#include "base/parallel.h"

/* A contiguous tensor (outer, n, inner): rows where dim is the last one, else columns. */
typedef struct softmax_job {
    const mt_tensor *x, *g; /* g: backward, x is then the output */
    mt_tensor *y;
    int64_t n, inner;
    bool log, last;
} softmax_job;

static void run_rows(int64_t begin, int64_t end, void *context)
{
    const softmax_job *j = context;
    int64_t skip = begin * j->n * mt_itemsize(j->x);
    mt_dtype d = (mt_dtype)j->x->dtype;
    if (j->g)
        mt_k->softmax_backward(d, end - begin, j->n, j->y->data + skip, j->g->data + skip,
                               j->x->data + skip, j->log);
    else
        mt_k->softmax(d, end - begin, j->n, j->y->data + skip, j->x->data + skip, j->log);
}

/* Matrices are cut into bands of so many columns, which are what threads take. */
enum { BAND = 256 };
static int64_t bands(const softmax_job *j) { return (j->inner + BAND - 1) / BAND; }

static void run_bands(int64_t begin, int64_t end, void *context)
{
    const softmax_job *j = context;
    const mt_dtype d = (mt_dtype)j->x->dtype;
    for (int64_t i = begin; i < end; i++) {
        const int64_t skip = i / bands(j) * j->n * j->inner * mt_itemsize(j->x);
        const int64_t from = i % bands(j) * BAND;
        const int64_t to = j->inner - from < BAND ? j->inner : from + BAND;
        mt_k->softmax_columns(d, j->n, j->inner, from, to, j->y->data + skip,
                              j->g ? j->g->data + skip : NULL, j->x->data + skip, j->log);
    }
}

static void softmax_run(softmax_job *j)
{
    const int64_t numel = j->x->numel, width = j->inner < BAND ? j->inner : BAND;
    if (numel == 0) return;
    if (j->last)
        mt_parallel_for(numel / j->n, 1 + MT_GRAIN_DEAR / j->n, run_rows, j);
    else
        mt_parallel_for(numel / j->n / j->inner * bands(j), 1 + MT_GRAIN_DEAR / (j->n * width),
                        run_bands, j);
}

static softmax_job job_of(const mt_tensor *x, int dim, bool log)
{
    softmax_job j = {.n = x->ndim ? x->size[dim] : 1, .inner = 1, .log = log};
    for (int i = dim + 1; i < x->ndim; i++) j.inner *= x->size[i];
    j.last = x->ndim == 0 || dim == x->ndim - 1;
    return j;
}

static int softmax_any(mt_call *c, bool log)
{
    mt_tensor *x = c->in[0];
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    mt_dtype d = c->arg[1].given ? (mt_dtype)c->arg[1].i : (mt_dtype)x->dtype;
    if (dim < 0) return -1;
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s_lastdim_kernel_impl\" not implemented for '%s'",
                        log ? "log_softmax" : "softmax", mt_dtype_camel(d));
    softmax_job j = job_of(x, dim, log);
    if (!(j.y = mt_result(c, 0, d, x->ndim, x->size)) || !(j.x = mt_contiguous_raw(x, d)))
        return -1;
    softmax_run(&j);
    return 0;
}

/* Straight through the kernel, for the usual case; -1 where it does not apply (no error). */
static int fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin, bool log)
{
    mt_tensor *g = gout[0], *y = c->out[0];
    int dim = mt_wrap_dim(c->arg[0].i, y->ndim);
    if (y->ndim == 0 || g->dtype != y->dtype) return -1;
    softmax_job j = job_of(y, dim, log);
    if (!(j.x = mt_contiguous_raw(y, (mt_dtype)y->dtype)) ||
        !(j.g = mt_contiguous_raw(g, (mt_dtype)g->dtype)) ||
        !(gin[0] = j.y = mt_empty((mt_dtype)y->dtype, y->ndim, y->size))) {
        gin[0] = NULL;
        return 0;
    }
    softmax_run(&j);
    return 0;
}

/* ==== softmax ================================================================================= */

static int softmax_forward(mt_call *c) { return softmax_any(c, false); }

/* y_i = e^x_i / sum_j e^x_j, so dx = y (g - sum_j g_j y_j). */
static void softmax_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t dim = c->arg[0].i;
    mt_tensor *gy = mt_mul(gout[0], c->out[0]);
    if (gin[0]) gin[0] = mt_sub(gy, mt_mul(c->out[0], mt_sum_dim(gy, 1, &dim, true)));
}

static void softmax_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0] && fused(c, gout, gin, false) < 0) softmax_backward(c, gout, gin);
}

MT_OP(softmax, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(0)},
      .backward = softmax_backward, .fused = softmax_fused, .rule = "g y - y sum(g y)",
      .schema = "softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
      .doc = "e ** x divided by its sum along dim: positive numbers that add up to 1.");

mt_tensor *mt_softmax(mt_tensor *self, int64_t dim)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_none()};
    return mt_call1a(&mt_op_softmax, self, 2, arg);
}

/* ==== log_softmax ============================================================================= */

static int log_softmax_forward(mt_call *c) { return softmax_any(c, true); }

/* y = x - log sum e^x, so dx = g - e^y sum(g). */
static void log_softmax_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t dim = c->arg[0].i;
    if (gin[0])
        gin[0] = mt_sub(gout[0], mt_mul(mt_exp(c->out[0]), mt_sum_dim(gout[0], 1, &dim, true)));
}

static void log_softmax_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0] && fused(c, gout, gin, true) < 0) log_softmax_backward(c, gout, gin);
}

MT_OP(
    log_softmax, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(0)},
    .backward = log_softmax_backward, .fused = log_softmax_fused, .rule = "g - exp(y) sum(g)",
    .schema = "log_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
    .doc = "The logarithm of softmax, computed without overflow: x - log(sum(e ** x)) along dim.");

mt_tensor *mt_log_softmax(mt_tensor *self, int64_t dim)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_none()};
    return mt_call1a(&mt_op_log_softmax, self, 2, arg);
}
