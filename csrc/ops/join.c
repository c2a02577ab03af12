/* Operators that cut a tensor into several and join several into one. */
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

/* ==== unbind, split, chunk: lists of views ==================================================== */

/* Marks the views of one call: PyTorch refuses in-place writes to them while recording. */
static int add_piece(mt_call *c, int k, mt_tensor *piece)
{
    if (!piece) return -1;
    piece->flags |= MT_VIEW_MULTI;
    c->out[k] = piece;
    return 0;
}

static int unbind_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (x->ndim == 0)
        return mt_error(MT_INDEX, "Dimension specified as %d but tensor has no dimensions",
                        (int)c->arg[0].i);
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (d < 0 || mt_result_list(c, (int)x->size[d]) < 0) return -1;
    for (int i = 0; i < c->nout; i++)
        if (add_piece(c, i, mt_select(x, d, i)) < 0) return -1;
    return 0;
}

MT_OP(unbind, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .grad_name = "UnbindBackward0", .schema = "unbind(Tensor self, int dim=0) -> Tensor[]",
      .doc = "The slices along dim as a tuple of views.");

static int split_into(mt_call *c, int dim, int n, const int64_t *sizes)
{
    int64_t at = 0;
    if (mt_result_list(c, n) < 0) return -1;
    for (int i = 0; i < n; at += sizes[i++])
        if (add_piece(c, i, mt_slice(c->in[0], dim, at, at + sizes[i], 1)) < 0) return -1;
    return 0;
}

/* Pieces of `size` elements, the last one what is left. */
static int split_evenly(mt_call *c, int dim, int64_t size)
{
    mt_tensor *x = c->in[0];
    int64_t n = x->size[dim], pieces = size ? (n + size - 1) / size : 1;
    if (pieces < 1) pieces = 1;
    if (mt_result_list(c, (int)pieces) < 0) return -1;
    for (int64_t i = 0; i < pieces; i++)
        if (add_piece(c, (int)i,
                      mt_slice(x, dim, i * size, i * size + size < n ? i * size + size : n, 1)) < 0)
            return -1;
    return 0;
}

static int split_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (x->ndim == 0) return mt_error(MT_RUNTIME, "split expects at least a 1-dimensional tensor");
    int d = mt_wrap_dim(c->arg[1].i, x->ndim);
    int64_t size = c->arg[0].i;
    if (d < 0) return -1;
    if (size < 0)
        return mt_error(MT_RUNTIME,
                        "split expects split_size be non-negative, but got split_size=%" PRId64,
                        size);
    if (size == 0 && x->size[d] != 0)
        return mt_error(
            MT_RUNTIME,
            "split_size can only be 0 if dimension size is 0, but got dimension size of %" PRId64,
            x->size[d]);
    return split_evenly(c, d, size);
}

MT_OP(split, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .grad_name = "SplitBackward0",
      .schema = "split(Tensor self, int split_size_or_sections, int dim=0) -> Tensor[]",
      .doc = "Views of split_size elements each along dim, the last one shorter; or of the listed "
             "sizes.");

static int split_sizes_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    char text[MT_SHAPE_TEXT];
    if (x->ndim == 0) return mt_error(MT_RUNTIME, "split expects at least a 1-dimensional tensor");
    int d = mt_wrap_dim(c->arg[1].i, x->ndim);
    int64_t total = 0;
    if (d < 0) return -1;
    for (int64_t i = 0; i < c->arg[0].ints.n; i++) {
        if (c->arg[0].ints.v[i] < 0)
            return mt_error(MT_RUNTIME,
                            "split_with_sizes expects split_sizes have only non-negative entries, "
                            "but got split_sizes=%s",
                            mt_shape_text((int)c->arg[0].ints.n, c->arg[0].ints.v, text));
        total += c->arg[0].ints.v[i];
    }
    if (total != x->size[d])
        return mt_error(MT_RUNTIME,
                        "split_with_sizes expects split_sizes to sum exactly to %" PRId64
                        " (input tensor's size at dimension %" PRId64 "), but got split_sizes=%s",
                        x->size[d], c->arg[1].i,
                        mt_shape_text((int)c->arg[0].ints.n, c->arg[0].ints.v, text));
    return split_into(c, d, (int)c->arg[0].ints.n, c->arg[0].ints.v);
}

MT_OP(split_sizes, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .grad_name = "SplitWithSizesBackward0",
      .schema = "split.sizes(Tensor self, int[] split_size_or_sections, int dim=0) -> Tensor[]",
      .doc = "");
static int split_with_sizes_forward(mt_call *c) { return split_sizes_forward(c); }
MT_OP(split_with_sizes, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .grad_name = "SplitWithSizesBackward0",
      .schema = "split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
      .doc = "Views of the listed sizes along dim.");

static int chunk_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (x->ndim == 0) return mt_error(MT_RUNTIME, "chunk expects at least a 1-dimensional tensor");
    int d = mt_wrap_dim(c->arg[1].i, x->ndim);
    int64_t chunks = c->arg[0].i;
    if (d < 0) return -1;
    if (chunks <= 0)
        return mt_error(MT_RUNTIME, "chunk expects `chunks` to be greater than 0, got: %" PRId64,
                        chunks);
    int64_t size = (x->size[d] + chunks - 1) / chunks;
    if (size) return split_evenly(c, d, size);
    if (mt_result_list(c, (int)chunks) < 0) return -1;
    for (int i = 0; i < chunks; i++)
        if (add_piece(c, i, mt_slice(x, d, 0, 0, 1)) < 0) return -1;
    return 0;
}

MT_OP(chunk, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .grad_name = "SplitBackward0",
      .schema = "chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
      .doc = "At most `chunks` views of equal size along dim, the last one shorter.");

/* ==== cat, stack ============================================================================== */

/* A 1-d tensor of no elements joins anything: PyTorch's old rule. */
static bool skipped(const mt_tensor *t) { return t->ndim == 1 && t->size[0] == 0; }

static int cat_shape(const mt_call *c, int *dim, int *ndim, int64_t *size)
{
    const mt_tensor *like = NULL;
    for (int i = 0; i < c->nin; i++) {
        if (c->in[i]->ndim == 0)
            return mt_error(MT_RUNTIME,
                            "zero-dimensional tensor (at position %d) cannot be concatenated", i);
        if (!like || skipped(like)) like = c->in[i];
    }
    if (!like) return mt_error(MT_VALUE, "torch.cat(): expected a non-empty list of Tensors");
    if ((*dim = mt_wrap_dim(c->arg[0].i, like->ndim)) < 0) return -1;
    *ndim = like->ndim;
    memcpy(size, like->size, (size_t)like->ndim * sizeof *size);
    size[*dim] = 0;
    for (int i = 0; i < c->nin; i++) {
        const mt_tensor *t = c->in[i];
        if (skipped(t) && t != like) continue;
        if (t->ndim != like->ndim)
            return mt_error(MT_RUNTIME,
                            "Tensors must have same number of dimensions: got %d and %d",
                            like->ndim, t->ndim);
        for (int d = 0; d < t->ndim; d++)
            if (d != *dim && t->size[d] != like->size[d])
                return mt_error(
                    MT_RUNTIME,
                    "Sizes of tensors must match except in dimension %d. Expected size %" PRId64
                    " but got size %" PRId64 " for tensor number %d in the list.",
                    *dim, like->size[d], t->size[d], i);
        if (__builtin_add_overflow(size[*dim], t->size[*dim], &size[*dim]))
            return mt_error(MT_RUNTIME, "cat: sizes overflow");
    }
    return 0;
}

static int cat_forward(mt_call *c)
{
    int64_t size[MT_MAX_DIMS], part[MT_MAX_DIMS], at = 0;
    int dim = 0, ndim = 0;
    if (cat_shape(c, &dim, &ndim, size) < 0) return -1;
    mt_tensor *y = mt_result(c, 0, mt_result_type(c->nin, c->in), ndim, size);
    if (!y) return -1;
    memcpy(part, size, (size_t)ndim * sizeof *part);
    for (int i = 0; i < c->nin; i++) {
        mt_tensor *t = c->in[i];
        if (t->ndim != ndim || t->numel == 0) continue;
        part[dim] = t->size[dim];
        mt_tensor *room = mt_alias_as(y, ndim, part, y->stride, y->offset + at * y->stride[dim]);
        if (!room || mt_copy_raw(room, t) < 0) return -1;
        at += t->size[dim];
    }
    return 0;
}

static void cat_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int ndim = gout[0]->ndim, dim = mt_wrap_dim(c->arg[0].i, ndim);
    int64_t at = 0;
    for (int i = 0; i < c->nin; i++) {
        const mt_dims *d = &c->in_dims[i];
        int64_t length = d->ndim == ndim ? d->size[dim] : 0;
        if (gin[i])
            gin[i] = d->ndim == ndim ? mt_slice(gout[0], dim, at, at + length, 1) : mt_zeros_of(d);
        at += length;
    }
}

MT_OP(cat, .kind = MT_FUNCTION | MT_OUT, .backward = cat_backward, .rule = "the slices of g",
      .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor",
      .doc = "The tensors one behind the other along dim; their other sizes must agree, their "
             "types are promoted.");

mt_tensor *mt_cat(int n, mt_tensor **tensors, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_calln(&mt_op_cat, n, tensors, 1, arg);
}

static int stack_forward(mt_call *c)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (c->nin == 0) return mt_error(MT_RUNTIME, "stack expects a non-empty TensorList");
    int dim = mt_wrap_dim(c->arg[0].i, c->in[0]->ndim + 1);
    if (dim < 0) return -1;
    size_t bytes = (size_t)c->nin * sizeof(mt_tensor *);
    for (int i = 1; i < c->nin; i++)
        if (!mt_same_shape(c->in[0], c->in[i]))
            return mt_error(MT_RUNTIME,
                            "stack expects each tensor to be equal size, but got %s at entry 0 and "
                            "%s at entry %d",
                            mt_shape_text(c->in[0]->ndim, c->in[0]->size, a),
                            mt_shape_text(c->in[i]->ndim, c->in[i]->size, b), i);
    mt_tensor **in = mt_malloc(bytes);
    bool ok = in != NULL;
    for (int i = 0; ok && i < c->nin; i++) ok = (in[i] = mt_unsqueeze(c->in[i], dim)) != NULL;
    int status = ok ? mt_result_is(c, 0, mt_cat(c->nin, in, dim)) : -1;
    mt_free(in, bytes);
    return status;
}

MT_OP(stack, .kind = MT_COMPOSITE | MT_FUNCTION | MT_OUT, .grad_name = "StackBackward0",
      .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor",
      .doc = "The tensors, all of one shape, side by side along a new dimension dim.");

mt_tensor *mt_stack(int n, mt_tensor **tensors, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_calln(&mt_op_stack, n, tensors, 1, arg);
}
