/* softmax and log_softmax along one dimension. Relies on kernels/softmax.c,
 * which takes contiguous rows. */
#include "ops/ops.h"

#include "base/parallel.h"

typedef struct rows_job {
    const mt_tensor *x, *g; /* g: backward, x is then the output */
    mt_tensor *y;
    int64_t n;
    bool log;
} rows_job;

static void run_rows(int64_t begin, int64_t end, void *context)
{
    const rows_job *j = context;
    int64_t skip = begin * j->n * mt_itemsize(j->x);
    mt_dtype d = (mt_dtype)j->x->dtype;
    if (j->g)
        mt_k->softmax_backward(d, end - begin, j->n, j->y->data + skip, j->g->data + skip,
                               j->x->data + skip, j->log);
    else
        mt_k->softmax(d, end - begin, j->n, j->y->data + skip, j->x->data + skip, j->log);
}

static void over_rows(rows_job *j)
{
    if (j->x->numel) mt_parallel_for(j->x->numel / j->n, 1 + MT_GRAIN_DEAR / j->n, run_rows, j);
}

/* x as the kernel wants it: dim last, contiguous, of type d. */
static mt_tensor *dim_last(mt_tensor *x, int dim, mt_dtype d)
{
    if (x->ndim == 0 || dim == x->ndim - 1) return mt_contiguous_raw(x, d);
    mt_tensor *moved = mt_transpose(x, dim, -1);
    return moved ? mt_contiguous_raw(moved, d) : NULL;
}

static int softmax_any(mt_call *c, bool log)
{
    mt_tensor *x = c->in[0], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    mt_dtype d = c->arg[1].given ? (mt_dtype)c->arg[1].i : (mt_dtype)x->dtype;
    if (dim < 0) return -1;
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s_lastdim_kernel_impl\" not implemented for '%s'",
                        log ? "log_softmax" : "softmax", mt_dtype_camel(d));
    if (!(y = mt_result(c, 0, d, x->ndim, x->size))) return -1;
    rows_job j = {.n = x->ndim ? x->size[dim] : 1, .log = log};
    bool last = x->ndim == 0 || dim == x->ndim - 1;
    if (!(j.x = dim_last(x, dim, d)) || !(j.y = last ? y : mt_empty(d, x->ndim, j.x->size)))
        return -1;
    over_rows(&j);
    return last ? 0 : mt_copy_raw(y, mt_transpose(j.y, dim, -1));
}

/* Straight through the kernel, for the usual case; -1 where it does not apply (no error). */
static int fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin, bool log)
{
    mt_tensor *g = gout[0], *y = c->out[0];
    int dim = mt_wrap_dim(c->arg[0].i, y->ndim);
    if (y->ndim == 0 || dim != y->ndim - 1 || g->dtype != y->dtype) return -1;
    rows_job j = {.x = y, .n = y->size[dim], .log = log};
    if (!(j.g = mt_contiguous_raw(g, (mt_dtype)g->dtype)) ||
        !(gin[0] = j.y = mt_empty((mt_dtype)y->dtype, y->ndim, y->size))) {
        gin[0] = NULL;
        return 0;
    }
    over_rows(&j);
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
