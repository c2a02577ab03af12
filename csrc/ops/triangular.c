/* Triangles and diagonals. diagonal and diagonal_backward are each other's rules, as are unfold and
 * unfold_backward, so they differentiate any number of times. Relies on ops.h. */
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

/* ==== tril, triu ============================================================================== */

/* Keeps column j of row i where j - i <= diagonal (lower) or >= diagonal
 * (upper): a run of every row. */
static int triangle(mt_call *c, bool lower)
{
    mt_tensor *x = c->in[0], *y;
    if (x->ndim < 2)
        return mt_error(MT_RUNTIME, "%s: input tensor must have at least 2 dimensions",
                        lower ? "tril" : "triu");
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, x->size)) ||
        (y != x && mt_copy_raw(y, x) < 0))
        return -1;
    int64_t rows = x->size[x->ndim - 2], columns = x->size[x->ndim - 1], item = mt_itemsize(y);
    int64_t diagonal = c->arg[0].i, n = y->numel && columns ? y->numel / columns : 0;
    if (diagonal < -rows) diagonal = -rows;
    if (diagonal > columns) diagonal = columns;
    for (int64_t r = 0; r < n; r++) {
        int64_t edge = r % rows + diagonal + lower;
        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        char *row = y->data + r * columns * item;
        if (lower)
            memset(row + edge * item, 0, (size_t)((columns - edge) * item));
        else
            memset(row, 0, (size_t)(edge * item));
    }
    return 0;
}

#define TRIANGLE(id, lower, text)                                                                  \
    static int id##_forward(mt_call *c) { return triangle(c, lower); }                             \
    static void id##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                 \
    {                                                                                              \
        if (gin[0]) gin[0] = mt_##id(gout[0], c->arg[0].i);                                        \
    }                                                                                              \
    MT_OP(id, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT, .backward = id##_backward,    \
          .rule = #id "(g, diagonal)", .schema = #id "(Tensor self, int diagonal=0) -> Tensor",    \
          .doc = text);                                                                            \
    mt_tensor *mt_##id(mt_tensor *x, int64_t diagonal)                                             \
    {                                                                                              \
        mt_arg arg[1] = {mt_arg_int(diagonal)};                                                    \
        return mt_call1a(&mt_op_##id, x, 1, arg);                                                  \
    }
TRIANGLE(tril, true,
         "The lower triangles of matrices (..., m, n): what lies on or below the diagonal (0 the "
         "main one, 1 the one above it), zeros elsewhere.")
TRIANGLE(triu, false,
         "The upper triangles of matrices (..., m, n): what lies on or above the diagonal (0 the "
         "main one, 1 the one above it), zeros elsewhere.")

/* The columns [begin, end) of a triangle in a row whose diagonal lies at column `at`; how many. */
static int64_t triangle_run(bool lower, int64_t at, int64_t columns, int64_t *begin, int64_t *end)
{
    const int64_t edge = at + lower < 0 ? 0 : at + lower > columns ? columns : at + lower;
    *begin = lower ? 0 : edge;
    *end = lower ? edge : columns;
    return *end - *begin;
}

/* The places of a triangle: two rows, of row and of column numbers. */
static int triangle_indices(mt_call *c, bool lower)
{
    int64_t rows = c->arg[0].i, columns = c->arg[1].i, offset = c->arg[2].i, n = 0;
    mt_dtype d = c->arg[3].given ? (mt_dtype)c->arg[3].i : MT_INT64;
    if (rows < 0 || columns < 0)
        return mt_error(MT_RUNTIME, "%s must be non-negative, got %" PRId64,
                        rows < 0 ? "row" : "col", rows < 0 ? rows : columns);
    if (d != MT_INT64 && d != MT_INT32)
        return mt_error(MT_RUNTIME, "\"%s\" not implemented for '%s'",
                        lower ? "tril_indices" : "triu_indices", mt_dtype_camel(d));
    int64_t begin, end;
    for (int64_t i = 0; i < rows; i++) n += triangle_run(lower, i + offset, columns, &begin, &end);
    const int64_t size[2] = {2, n};
    mt_tensor *y = mt_result(c, 0, d, 2, size),
              *wide = d == MT_INT64 ? y : mt_empty(MT_INT64, 2, size);
    if (!y || !wide) return -1;
    int64_t *row = (int64_t *)(void *)wide->data, *column = row + n;
    for (int64_t i = 0; i < rows; i++) {
        n = triangle_run(lower, i + offset, columns, &begin, &end);
        for (int64_t j = begin; j < end; j++) *row++ = i, *column++ = j;
    }
    return wide == y ? 0 : mt_copy_raw(y, wide);
}
static int tril_indices_forward(mt_call *c) { return triangle_indices(c, true); }
MT_OP(tril_indices, .kind = MT_FUNCTION | MT_FACTORY | MT_NODIFF,
      .schema = "tril_indices(int row, int col, int offset=0, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The row and column numbers (2, n) of the lower triangle of a matrix (row, col).");
static int triu_indices_forward(mt_call *c) { return triangle_indices(c, false); }
MT_OP(triu_indices, .kind = MT_FUNCTION | MT_FACTORY | MT_NODIFF,
      .schema = "triu_indices(int row, int col, int offset=0, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The row and column numbers (2, n) of the upper triangle of a matrix (row, col).");

/* ==== diagonal ================================================================================ */

/* The view of a diagonal: its dimension comes last. a: offset, dim1, dim2. */
static int diagonal_geometry(const mt_tensor *x, const mt_arg *a, int64_t *size, int64_t *stride,
                             int64_t *offset)
{
    int d1 = mt_wrap_dim(a[1].i, x->ndim), d2 = d1 < 0 ? -1 : mt_wrap_dim(a[2].i, x->ndim), n = 0;
    int64_t at = a[0].i;
    if (d2 < 0) return -1;
    if (d1 == d2)
        return mt_error(MT_RUNTIME, "diagonal dimensions cannot be identical %" PRId64 ", %" PRId64,
                        a[1].i, a[2].i);
    for (int d = 0; d < x->ndim; d++)
        if (d != d1 && d != d2) size[n] = x->size[d], stride[n++] = x->stride[d];
    int64_t rows = x->size[d1] + (at < 0 ? at : 0), columns = x->size[d2] - (at > 0 ? at : 0);
    size[n] = rows < columns ? rows : columns;
    if (size[n] < 0) size[n] = 0;
    stride[n] = x->stride[d1] + x->stride[d2];
    *offset = size[n] == 0 ? 0 : at < 0 ? -at * x->stride[d1] : at * x->stride[d2];
    return n + 1;
}

static int diagonal_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS], offset = 0;
    int n = diagonal_geometry(x, c->arg, size, stride, &offset);
    return n > 0 && mt_result_view(c, 0, n, size, stride, x->offset + offset) ? 0 : -1;
}
static void diagonal_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    if (gin[0])
        gin[0] =
            mt_diagonal_backward(gout[0], d->ndim, d->size, c->arg[0].i, c->arg[1].i, c->arg[2].i);
}
MT_OP(diagonal, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = diagonal_rule,
      .rule = "g on the diagonal, 0 elsewhere",
      .schema = "diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
      .doc = "A view of a diagonal of dimensions dim1 and dim2, as the last dimension.");
mt_tensor *mt_diagonal(mt_tensor *x, int64_t offset, int64_t dim1, int64_t dim2)
{
    mt_arg arg[3] = {mt_arg_int(offset), mt_arg_int(dim1), mt_arg_int(dim2)};
    return mt_call1a(&mt_op_diagonal, x, 3, arg);
}

static int diagonal_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0], *part,
              *whole = mt_zeros_raw((mt_dtype)g->dtype, (int)c->arg[0].ints.n, c->arg[0].ints.v);
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS], offset = 0;
    if (!(c->out[0] = whole)) return -1;
    int n = diagonal_geometry(whole, c->arg + 1, size, stride, &offset);
    if (n < 0 || !(part = mt_alias_as(whole, n, size, stride, offset))) return -1;
    return mt_copy_raw(part, g);
}
static void diagonal_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_diagonal(gout[0], c->arg[1].i, c->arg[2].i, c->arg[3].i);
}
MT_OP(
    diagonal_backward, .backward = diagonal_backward_rule, .rule = "diagonal(g)",
    .schema = "diagonal_backward(Tensor g, int[] sizes, int offset, int dim1, int dim2) -> Tensor",
    .doc = "Zeros of the given sizes with g on a diagonal.");
mt_tensor *mt_diagonal_backward(mt_tensor *g, int ndim, const int64_t *size, int64_t offset,
                                int64_t dim1, int64_t dim2)
{
    mt_arg arg[4] = {mt_arg_ints(ndim, size), mt_arg_int(offset), mt_arg_int(dim1),
                     mt_arg_int(dim2)};
    return mt_call1a(&mt_op_diagonal_backward, g, 4, arg);
}

static int diag_embed_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], offset = c->arg[0].i;
    int d1 = mt_wrap_dim(c->arg[1].i, x->ndim + 1), d2 = mt_wrap_dim(c->arg[2].i, x->ndim + 1);
    if (d1 < 0 || d2 < 0) return -1;
    if (d1 == d2)
        return mt_error(MT_RUNTIME, "diagonal dimensions cannot be identical %" PRId64 ", %" PRId64,
                        c->arg[1].i, c->arg[2].i);
    if (x->ndim == 0)
        return mt_error(MT_INDEX, "Dimension specified as -1 but tensor has no dimensions");
    for (int d = 0, k = 0; d < x->ndim + 1; d++)
        size[d] = d == d1 || d == d2 ? x->size[x->ndim - 1] + (offset < 0 ? -offset : offset)
                                     : x->size[k++];
    return mt_result_is(c, 0, mt_diagonal_backward(x, x->ndim + 1, size, offset, d1, d2));
}
MT_OP(diag_embed, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
      .doc = "Matrices of zeros in dimensions dim1 and dim2 with the last dimension of self on a "
             "diagonal.");
mt_tensor *mt_diag_embed(mt_tensor *x)
{
    mt_arg arg[3] = {mt_arg_int(0), mt_arg_int(-2), mt_arg_int(-1)};
    return mt_call1a(&mt_op_diag_embed, x, 3, arg);
}

static int diag_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t k = c->arg[0].i, n;
    if (x->ndim == 1) {
        if (k == INT64_MIN || __builtin_add_overflow(x->size[0], k < 0 ? -k : k, &n))
            return mt_error(MT_RUNTIME, "diag(): diagonal is too far away");
        int64_t size[2] = {n, n};
        return mt_result_is(c, 0, mt_diagonal_backward(x, 2, size, k, 0, 1));
    }
    if (x->ndim != 2)
        return mt_error(MT_RUNTIME, "diag(): Supports 1D or 2D tensors. Got %dD", x->ndim);
    return mt_result_is(c, 0, mt_clone(mt_diagonal(x, k, 0, 1)));
}
MT_OP(diag, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "diag(Tensor self, int diagonal=0) -> Tensor",
      .doc = "Of a vector, the matrix with it on a diagonal; of a matrix, a diagonal as a vector.");

static int diagflat_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t k = c->arg[0].i, n = x->numel, size[2] = {n + (k < 0 ? -k : k), n + (k < 0 ? -k : k)};
    return mt_result_is(c, 0, mt_diagonal_backward(mt_reshape(x, 1, &n), 2, size, k, 0, 1));
}
MT_OP(diagflat, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "diagflat(Tensor self, int offset=0) -> Tensor",
      .doc = "The matrix with all elements of self on a diagonal.");

static int trace_forward(mt_call *c)
{
    if (c->in[0]->ndim != 2)
        return mt_error(MT_RUNTIME, "trace: expected a matrix, but got tensor with dim %d",
                        c->in[0]->ndim);
    return mt_result_is(c, 0, mt_sum(mt_diagonal(c->in[0], 0, 0, 1)));
}
MT_OP(trace, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD, .grad_name = "TraceBackward0",
      .schema = "trace(Tensor self) -> Tensor", .doc = "The sum of the main diagonal of a matrix.");

/* ==== unfold ================================================================================== */

static int unfold_geometry(const mt_tensor *x, const mt_arg *a, int64_t *size, int64_t *stride)
{
    int d = mt_wrap_dim(a[0].i, x->ndim);
    int64_t window = a[1].i, step = a[2].i, have = x->ndim ? x->size[d < 0 ? 0 : d] : 1;
    if (d < 0) return -1;
    if (window < 0) return mt_error(MT_RUNTIME, "size is %" PRId64 " but must be >= 0", window);
    if (window > have)
        return mt_error(MT_RUNTIME,
                        "maximum size for tensor at dimension %d is %" PRId64
                        " but size is %" PRId64,
                        d, have, window);
    if (step <= 0) return mt_error(MT_RUNTIME, "step is %" PRId64 " but must be > 0", step);
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    memcpy(stride, x->stride, (size_t)x->ndim * sizeof *stride);
    size[x->ndim] = window;
    stride[x->ndim] = x->ndim ? x->stride[d] : 1;
    if (x->ndim) {
        size[d] = (have - window) / step + 1;
        stride[d] *= step;
    }
    return x->ndim + 1;
}
static int window_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS + 1], stride[MT_MAX_DIMS + 1];
    int n = unfold_geometry(x, c->arg, size, stride);
    return n > 0 && mt_result_view(c, 0, n, size, stride, x->offset) ? 0 : -1;
}
static void window_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    if (gin[0])
        gin[0] =
            mt_window_backward(gout[0], d->ndim, d->size, c->arg[0].i, c->arg[1].i, c->arg[2].i);
}
MT_OP(window, .kind = MT_VIEW | MT_METHOD, .backward = window_rule, .grad_name = "UnfoldBackward0",
      .rule = "the windows of g added up",
      .schema = "unfold(Tensor self, int dimension, int size, int step) -> Tensor",
      .doc = "A view of all windows of size elements of a dimension, step apart; the windows come "
             "last.");
mt_tensor *mt_window(mt_tensor *x, int64_t dim, int64_t size, int64_t step)
{
    mt_arg arg[3] = {mt_arg_int(dim), mt_arg_int(size), mt_arg_int(step)};
    return mt_call1a(&mt_op_window, x, 3, arg);
}

/* One place of all windows at a time, since windows overlap and one place of them does not. */
static int window_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0],
              *whole = mt_zeros_raw((mt_dtype)g->dtype, (int)c->arg[0].ints.n, c->arg[0].ints.v);
    int64_t size[MT_MAX_DIMS + 1], stride[MT_MAX_DIMS + 1];
    if (!(c->out[0] = whole)) return -1;
    int n = unfold_geometry(whole, c->arg + 1, size, stride);
    if (n < 0) return -1;
    for (int64_t k = 0; k < size[n - 1] && g->numel; k++) {
        mt_tensor *to = mt_alias_as(whole, n - 1, size, stride, k * stride[n - 1]),
                  *from =
                      mt_alias_as(g, n - 1, g->size, g->stride, g->offset + k * g->stride[n - 1]);
        if (!to || !from) return -1;
        mt_tensor *in[2] = {to, from};
        mt_run_loop(mt_k->binary[MT_BINARY_add][g->dtype], to, 2, in, NULL, MT_GRAIN_CHEAP);
    }
    return 0;
}
static void window_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_window(gout[0], c->arg[1].i, c->arg[2].i, c->arg[3].i);
}
MT_OP(window_backward, .backward = window_backward_rule, .rule = "unfold(g)",
      .schema = "unfold_backward(Tensor g, int[] sizes, int dim, int size, int step) -> Tensor",
      .doc = "Zeros of the given sizes with the windows g added at their places.");
mt_tensor *mt_window_backward(mt_tensor *g, int ndim, const int64_t *sizes, int64_t dim,
                              int64_t size, int64_t step)
{
    mt_arg arg[4] = {mt_arg_ints(ndim, sizes), mt_arg_int(dim), mt_arg_int(size), mt_arg_int(step)};
    return mt_call1a(&mt_op_window_backward, g, 4, arg);
}
