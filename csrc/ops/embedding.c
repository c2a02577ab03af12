/* Rows of a table by number: embedding, its gradient (each other's rules), and the renorm of the
 * rows that are used. Read next: ops/gather.c for the same on any tensor. */
#include "ops/along.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { PADDING_IDX, BY_FREQ, SPARSE, NARG };

static int check_indices(const mt_tensor *index, const char *who)
{
    if (index->dtype == MT_INT64 || index->dtype == MT_INT32) return 0;
    return mt_error(
        MT_RUNTIME,
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
        "Long, Int; but got torch.%sTensor instead (while checking arguments for %s)",
        mt_dtype_camel((mt_dtype)index->dtype), who);
}

/* The indices as int64, all within [0, rows). */
static mt_tensor *read_indices(mt_tensor *index, int64_t rows, const char *who)
{
    if (check_indices(index, who) < 0 || !(index = mt_contiguous_raw(index, MT_INT64))) return NULL;
    const int64_t *at = (const int64_t *)(void *)index->data;
    if (!mt_all_within(index->numel, at, rows))
        return mt_fail(MT_INDEX, "index out of range in self");
    return index;
}

/* ==== embedding =============================================================================== */

/* y = the rows of w that index names; they have been checked. */
static void pick_rows(const mt_tensor *y, const mt_tensor *w, const mt_tensor *index)
{
    mt_along a;
    a.how = MT_PICK;
    a.dtype = (mt_dtype)w->dtype;
    a.ndim = 2;
    a.dim = 0;
    a.n = w->size[0];
    a.size[0] = index->numel;
    a.size[1] = a.near_stride[0] = w->size[1];
    a.index_stride[0] = a.near_stride[1] = 1;
    a.index_stride[1] = 0;
    mt_along_strides(w, 2, a.far_stride);
    a.index = (const int64_t *)(void *)index->data;
    a.far = w->data;
    a.near = y->data;
    mt_along_run(&a);
}

static int embedding_forward(mt_call *c)
{
    mt_tensor *w = c->in[0], *index = c->in[1], *y;
    if (w->ndim != 2) return mt_error(MT_RUNTIME, "'weight' must be 2-D");
    int64_t size[MT_MAX_DIMS];
    if (index->ndim + 1 > MT_MAX_DIMS) return mt_error(MT_RUNTIME, "too many dimensions");
    if (!(index = read_indices(index, w->size[0], "embedding"))) return -1;
    memcpy(size, index->size, (size_t)index->ndim * sizeof *size);
    size[index->ndim] = w->size[1];
    if (!(y = mt_result(c, 0, (mt_dtype)w->dtype, index->ndim + 1, size))) return -1;
    pick_rows(y, w, index);
    return 0;
}

static void embedding_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_arg arg[3] = {mt_arg_int(c->in_dims[0].size[0]), c->arg[PADDING_IDX], c->arg[BY_FREQ]};
    if (gin[0]) gin[0] = mt_call2a(&mt_op_embedding_dense_backward, gout[0], c->in[1], 3, arg);
}

MT_OP(embedding, .kind = MT_FUNCTION, .keeps = {MT_KEEP_IN(1)}, .backward = embedding_rule,
      .rule = "each row of g, added to the row it came from",
      .schema = "embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool "
                "scale_grad_by_freq=False, bool sparse=False) -> Tensor",
      .doc =
          "Rows of a table (rows, width) by number: indices (...) to (..., width).\n\n"
          "The gradient of row padding_idx is 0; with scale_grad_by_freq that of each row is "
          "divided by how often it is used.\nGradients are dense: `sparse` changes nothing.\n\n"
          "Raises IndexError if an index is not in [0, rows).\n\n"
          ">>> minitorch.embedding(minitorch.tensor([[1., 2.], [3., 4.]]), minitorch.tensor([1]))\n"
          "tensor([[3., 4.]])");

/* ==== embedding_dense_backward ================================================================ */

/* How often each row is used; the caller frees it. */
static int64_t *count_rows(const mt_tensor *index, int64_t rows)
{
    int64_t *count = mt_calloc((size_t)(rows + 1) * sizeof *count);
    for (int64_t i = 0; count && i < index->numel; i++)
        count[((const int64_t *)(void *)index->data)[i]]++;
    return count;
}

#define ADD_ROW(T, S)                                                                              \
    static void add_row_##S(int64_t n, T *to, const T *from, T scale)                              \
    {                                                                                              \
        for (int64_t j = 0; j < n; j++) to[j] += from[j] * scale;                                  \
    }
ADD_ROW(float, f32)
ADD_ROW(double, f64)

static int embedding_dense_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0], *index = c->in[1], *y;
    mt_dtype d = (mt_dtype)g->dtype;
    int64_t rows = c->arg[0].i, padding = c->arg[1].i, width = g->size[g->ndim - 1];
    int64_t size[2] = {rows, width}, *count = NULL;
    if (!(c->out[0] = y = mt_zeros_raw(d, 2, size)) ||
        !(index = read_indices(index, rows, "embedding")) || !(g = mt_contiguous_raw(g, d)) ||
        (c->arg[2].b && !(count = count_rows(index, rows))))
        return -1;
    const int64_t *at = (const int64_t *)(void *)index->data;
    for (int64_t i = 0; i < index->numel; i++) {
        double scale = count ? 1.0 / (double)count[at[i]] : 1;
        int64_t to = at[i] * width, from = i * width;
        if (at[i] == padding) continue;
        if (d == MT_FLOAT32)
            add_row_f32(width, (float *)(void *)y->data + to, (const float *)(void *)g->data + from,
                        (float)scale);
        else
            add_row_f64(width, (double *)(void *)y->data + to,
                        (const double *)(void *)g->data + from, scale);
    }
    if (count) mt_free(count, (size_t)(rows + 1) * sizeof *count);
    return 0;
}

/* The transpose: rows of gg by number, 0 for the padding; as in PyTorch,
 * frequencies play no part here. */
static void embedding_dense_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t padding = c->arg[1].i;
    mt_arg arg[NARG] = {mt_arg_int(-1), mt_arg_bool(false), mt_arg_bool(false)};
    if (!gin[0]) return;
    mt_tensor *rows = mt_call2a(&mt_op_embedding, gout[0], c->in[1], NARG, arg);
    if (padding < 0) {
        gin[0] = rows;
        return;
    }
    mt_tensor *is_padding = mt_eq(c->in[1], mt_number_of(mt_scalar_int(padding)));
    gin[0] = mt_where(mt_unsqueeze(is_padding, -1), mt_number(0), rows);
}

MT_OP(embedding_dense_backward, .keeps = {MT_KEEP_IN(1)}, .backward = embedding_dense_backward_rule,
      .schema = "embedding_dense_backward(Tensor g, Tensor indices, int num_weights, int "
                "padding_idx, bool scale_grad_by_freq) -> Tensor",
      .doc = "The gradient of embedding.");

/* ==== embedding_renorm_ ======================================================================= */

static double row_norm_of(const mt_tensor *w, int64_t row, double p)
{
    double sum = 0;
    for (int64_t j = 0; j < w->size[1]; j++) {
        double x = fabs(mt_scalar_to_double(mt_item_at(w, row * w->stride[0] + j * w->stride[1])));
        sum = p == INFINITY ? fmax(sum, x) : p == 2 ? sum + x * x : sum + pow(x, p);
    }
    return p == INFINITY ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
}

/* Rows that are used and longer than max_norm are shortened to it, in place. */
static int embedding_renorm__forward(mt_call *c)
{
    mt_tensor *w = c->in[0], *index = c->in[1];
    double max_norm = c->arg[0].d, p = c->arg[1].d;
    if (w->ndim != 2) return mt_error(MT_RUNTIME, "'weight' must be 2-D");
    if (!mt_is_float((mt_dtype)w->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"embedding_renorm_\" not implemented for '%s'",
                        mt_dtype_camel((mt_dtype)w->dtype));
    if (!(index = read_indices(index, w->size[0], "embedding_renorm_"))) return -1;
    const int64_t *at = (const int64_t *)(void *)index->data;
    int64_t item = mt_itemsize(w);
    for (int64_t i = 0; i < index->numel; i++) {
        double norm = row_norm_of(w, at[i], p);
        if (norm <= max_norm) continue;
        double scale = max_norm / (norm + 1e-7);
        for (int64_t j = 0; j < w->size[1]; j++) {
            int64_t place = at[i] * w->stride[0] + j * w->stride[1];
            double x = mt_scalar_to_double(mt_item_at(w, place)) * scale;
            mt_scalar_store(mt_scalar_float(x), (mt_dtype)w->dtype, w->data + place * item);
        }
    }
    c->out[0] = w;
    return 0;
}

MT_OP(
    embedding_renorm_, .kind = MT_FUNCTION | MT_INPLACE | MT_INPLACE_ONLY | MT_NODIFF,
    .schema =
        "embedding_renorm_(Tensor self, Tensor indices, float max_norm, float norm_type) -> Tensor",
    .doc = "Shortens the rows of the table that the indices name to max_norm, in place, where "
           "their norm_type-norm is larger.\n\n"
           "Raises IndexError if an index is not in [0, rows).\n\n"
           ">>> w = minitorch.tensor([[3., 4.], [3., 4.]])\n"
           ">>> minitorch.embedding_renorm_(w, minitorch.tensor([1]), 1., 2.)\n"
           "tensor([[3.0000, 4.0000],\n        [0.6000, 0.8000]])");
