/* Operators that look at the same memory in another shape. Their gradients are looks at the
 * gradient. Relies on tensor/shape.h; read next: ops/slice.c. */
#include "ops/ops.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The gradient of everything that only renames positions in order: view, squeeze, unsqueeze. */
static void reshape_gradient(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_reshape(gout[0], c->in_dims[0].ndim, c->in_dims[0].size);
}

/* ==== view, reshape =========================================================================== */

static int too_many_dims(int64_t n)
{
    return n <= MT_MAX_DIMS
               ? 0
               : mt_error(MT_RUNTIME, "tensors have at most %d dimensions, but got %" PRId64,
                          MT_MAX_DIMS, n);
}

/* The shape that argument 0 of a call asks for, -1 worked out. The number of dimensions, or -1. */
static int wanted_shape(const mt_call *c, int64_t *size)
{
    int n = (int)c->arg[0].ints.n;
    if (too_many_dims(c->arg[0].ints.n) < 0) return -1;
    if (n) memcpy(size, c->arg[0].ints.v, (size_t)n * sizeof *size);
    return mt_shape_infer(c->in[0]->numel, n, size) < 0 ? -1 : n;
}

static int view_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int n = wanted_shape(c, size);
    if (n < 0) return -1;
    if (!mt_shape_view_strides(x->ndim, x->size, x->stride, n, size, stride))
        return mt_error(
            MT_RUNTIME,
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead.");
    return mt_result_view(c, 0, n, size, stride, x->offset) ? 0 : -1;
}

MT_OP(view, .kind = MT_VIEW | MT_METHOD | MT_VARARGS, .backward = reshape_gradient,
      .rule = "reshape(g, x.shape)", .schema = "view(Tensor self, int[] size) -> Tensor",
      .doc = "The same memory in another shape with the same number of elements; one size may be "
             "-1. RuntimeError where the strides do not allow it: use reshape().");

/* The last dimension must hold whole elements of the other type, and no two
 * halves of different ones. */
static int check_view_dtype(const mt_tensor *x, mt_dtype d)
{
    int64_t from = mt_itemsize(x), to = mt_dtype_size(d), ratio = to / from;
    int last = x->ndim - 1;
    char what[64];
    snprintf(what, sizeof what, "to view %s as %s (different element sizes)",
             mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel(d));
    if (last < 0) return mt_error(MT_RUNTIME, "self.dim() cannot be 0 %s", what);
    if (x->stride[last] != 1)
        return mt_error(MT_RUNTIME, "self.stride(-1) must be 1 %s, but got %" PRId64, what,
                        x->stride[last]);
    if (ratio <= 1) return 0;
    if (x->size[last] % ratio)
        return mt_error(MT_RUNTIME,
                        "self.size(-1) must be divisible by %" PRId64 " %s, but got %" PRId64,
                        ratio, what, x->size[last]);
    if (x->offset % ratio)
        return mt_error(MT_RUNTIME,
                        "self.storage_offset() must be divisible by %" PRId64
                        " %s, but got %" PRId64,
                        ratio, what, x->offset);
    for (int i = 0; i < last; i++)
        if (x->stride[i] % ratio)
            return mt_error(MT_RUNTIME,
                            "self.stride(%d) must be divisible by %" PRId64 " %s, but got %" PRId64,
                            i, ratio, what, x->stride[i]);
    return 0;
}

mt_tensor *mt_view(mt_tensor *self, int ndim, const int64_t *size)
{
    mt_arg arg[1] = {mt_arg_ints(ndim, size)};
    return mt_call1a(&mt_op_view, self, 1, arg);
}

/* The same bytes as another type. As in PyTorch no gradient flows through it. */
static int view_dtype_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    mt_dtype d = (mt_dtype)c->arg[0].i;
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS], from = mt_itemsize(x), to = mt_dtype_size(d);
    int last = x->ndim - 1;
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    memcpy(stride, x->stride, (size_t)x->ndim * sizeof *stride);
    int64_t offset = x->offset;
    if (from != to) {
        if (check_view_dtype(x, d) < 0) return -1;
        for (int i = 0; i < last; i++) stride[i] = stride[i] * from / to;
        size[last] = size[last] * from / to;
        offset = offset * from / to;
    }
    c->out[0] = mt_from_storage(x->storage, d, x->ndim, size, stride, offset);
    if (!c->out[0]) return -1;
    c->out[0]->flags |= x->flags & MT_INFERENCE;
    return 0;
}

MT_OP(view_dtype, .kind = MT_ANY_DTYPE | MT_NODIFF | MT_METHOD,
      .schema = "view.dtype(Tensor self, ScalarType dtype) -> Tensor", .doc = "");

static int reshape_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int n = wanted_shape(c, size);
    if (n < 0) return -1;
    if (!mt_shape_view_strides(x->ndim, x->size, x->stride, n, size, stride)) x = mt_contiguous(x);
    return mt_result_is(c, 0, mt_view(x, n, size));
}

MT_OP(reshape, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_VARARGS,
      .schema = "reshape(Tensor self, int[] shape) -> Tensor",
      .doc =
          "The elements in another shape, a view where possible, else a copy; one size may be -1.");

mt_tensor *mt_reshape(mt_tensor *self, int ndim, const int64_t *size)
{
    if (self && mt_shape_equal(self->ndim, self->size, ndim, size)) return self;
    mt_arg arg[1] = {mt_arg_ints(ndim, size)};
    return mt_call1a(&mt_op_reshape, self, 1, arg);
}

static int view_as_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_view(c->in[0], c->in[1]->ndim, c->in[1]->size));
}
MT_OP(view_as, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD,
      .schema = "view_as(Tensor self, Tensor other) -> Tensor",
      .doc = "view() in the shape of other.");
mt_tensor *mt_view_as(mt_tensor *self, mt_tensor *other)
{
    return mt_call2(&mt_op_view_as, self, other);
}

static int reshape_as_forward(mt_call *c)
{
    mt_arg size[1] = {mt_arg_ints(c->in[1]->ndim, c->in[1]->size)};
    return mt_result_is(c, 0, mt_call1a(&mt_op_reshape, c->in[0], 1, size));
}
MT_OP(reshape_as, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD,
      .schema = "reshape_as(Tensor self, Tensor other) -> Tensor",
      .doc = "reshape() in the shape of other.");
mt_tensor *mt_reshape_as(mt_tensor *self, mt_tensor *other)
{
    return mt_call2(&mt_op_reshape_as, self, other);
}

static int flatten_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int first = mt_wrap_dim(c->arg[0].i, x->ndim),
        last = first < 0 ? -1 : mt_wrap_dim(c->arg[1].i, x->ndim), n = 0;
    int64_t size[MT_MAX_DIMS], product = 1, one[1] = {1};
    if (last < 0) return -1;
    if (first > last)
        return mt_error(MT_RUNTIME,
                        "flatten() has invalid args: start_dim cannot come after end_dim");
    if (x->ndim == 0) return mt_result_is(c, 0, mt_reshape(x, 1, one));
    if (first == last) return mt_result_is(c, 0, x);
    for (int d = 0; d < x->ndim; d++) {
        if (d >= first && d <= last) product *= x->size[d];
        if (d < first || d > last) size[n++] = x->size[d];
        if (d == last) size[n++] = product;
    }
    return mt_result_is(c, 0, mt_reshape(x, n, size));
}

MT_OP(flatten, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
      .doc = "The dimensions from start_dim to end_dim as one.");

mt_tensor *mt_flatten(mt_tensor *self, int64_t start_dim, int64_t end_dim)
{
    mt_arg arg[2] = {mt_arg_int(start_dim), mt_arg_int(end_dim)};
    return mt_call1a(&mt_op_flatten, self, 2, arg);
}

static int unflatten_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], inner[MT_MAX_DIMS];
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim), n = (int)c->arg[1].ints.n, m = 0;
    char text[MT_SHAPE_TEXT];
    if (dim < 0 || too_many_dims(x->ndim + c->arg[1].ints.n) < 0) return -1;
    if (n == 0) return mt_error(MT_RUNTIME, "unflatten: sizes must be non-empty");
    memcpy(inner, c->arg[1].ints.v, (size_t)n * sizeof *inner);
    int64_t product = 1;
    bool wrong = false; /* the product does not fit in 64 bits */
    for (int i = 0; i < n; i++) wrong |= __builtin_mul_overflow(product, inner[i], &product);
    if (wrong ||
        (product >= 0 ? product != x->size[dim] : mt_shape_infer(x->size[dim], n, inner) < 0)) {
        mt_error_clear();
        return mt_error(
            MT_RUNTIME,
            "unflatten: Provided sizes %s don't multiply up to the size of dim %d (%" PRId64
            ") in the input tensor",
            mt_shape_text(n, c->arg[1].ints.v, text), dim, x->size[dim]);
    }
    for (int d = 0; d < x->ndim; d++) {
        if (d != dim) size[m++] = x->size[d];
        for (int i = 0; d == dim && i < n; i++) size[m++] = inner[i];
    }
    return mt_result_is(c, 0, mt_view(x, m, size));
}

MT_OP(unflatten, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "unflatten(Tensor self, int dim, int[] sizes) -> Tensor",
      .doc = "Dimension dim as several; one size may be -1.");

mt_tensor *mt_unflatten(mt_tensor *self, int64_t dim, int n, const int64_t *sizes)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_ints(n, sizes)};
    return mt_call1a(&mt_op_unflatten, self, 2, arg);
}

/* ==== transpose, permute ====================================================================== */

static int transpose_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int a = mt_wrap_dim(c->arg[0].i, x->ndim), b = a < 0 ? -1 : mt_wrap_dim(c->arg[1].i, x->ndim);
    if (b < 0) return -1;
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    memcpy(stride, x->stride, (size_t)x->ndim * sizeof *stride);
    if (x->ndim) {
        size[a] = x->size[b], size[b] = x->size[a];
        stride[a] = x->stride[b], stride[b] = x->stride[a];
    }
    return mt_result_view(c, 0, x->ndim, size, stride, x->offset) ? 0 : -1;
}

static void transpose_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_transpose(gout[0], c->arg[0].i, c->arg[1].i);
}

MT_OP(transpose, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = transpose_backward,
      .rule = "transpose(g, dim0, dim1)",
      .schema = "transpose(Tensor self, int dim0, int dim1) -> Tensor",
      .doc = "A view with dimensions dim0 and dim1 swapped.");

mt_tensor *mt_transpose(mt_tensor *self, int64_t dim0, int64_t dim1)
{
    mt_arg arg[2] = {mt_arg_int(dim0), mt_arg_int(dim1)};
    return mt_call1a(&mt_op_transpose, self, 2, arg);
}

static int t_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[2], stride[2];
    if (x->ndim > 2)
        return mt_error(MT_RUNTIME, "t() expects a tensor with <= 2 dimensions, but self is %dD",
                        x->ndim);
    for (int d = 0; d < x->ndim; d++) {
        size[d] = x->size[x->ndim - 1 - d];
        stride[d] = x->stride[x->ndim - 1 - d];
    }
    return mt_result_view(c, 0, x->ndim, size, stride, x->offset) ? 0 : -1;
}

static void t_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = mt_t(gout[0]);
}

MT_OP(t, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = t_backward, .rule = "t(g)",
      .schema = "t(Tensor self) -> Tensor",
      .doc = "The transpose of a matrix as a view; tensors of fewer dimensions stay as they are.");

mt_tensor *mt_t(mt_tensor *self) { return mt_call1(&mt_op_t, self); }

static int permute_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    bool seen[MT_MAX_DIMS] = {false};
    int n = (int)c->arg[0].ints.n;
    if (n != x->ndim)
        return mt_error(MT_RUNTIME,
                        "permute(sparse_coo): number of dimensions in the tensor input does not "
                        "match the length of the desired ordering of dimensions i.e. input.dim() = "
                        "%d is not equal to len(dims) = %d",
                        x->ndim, n);
    for (int i = 0; i < n; i++) {
        int d = mt_wrap_dim(c->arg[0].ints.v[i], n);
        if (d < 0) return -1;
        if (seen[d]) return mt_error(MT_RUNTIME, "permute(): duplicate dims are not allowed.");
        seen[d] = true;
        size[i] = x->size[d];
        stride[i] = x->stride[d];
    }
    return mt_result_view(c, 0, n, size, stride, x->offset) ? 0 : -1;
}

static void permute_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t inverse[MT_MAX_DIMS];
    int n = (int)c->arg[0].ints.n;
    for (int i = 0; i < n; i++) inverse[mt_wrap_dim(c->arg[0].ints.v[i], n)] = i;
    if (gin[0]) gin[0] = mt_permute(gout[0], n, inverse);
}

MT_OP(permute, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD | MT_VARARGS, .backward = permute_backward,
      .rule = "permute(g, inverse of dims)", .schema = "permute(Tensor self, int[] dims) -> Tensor",
      .doc = "A view with the dimensions in the order of dims.");

mt_tensor *mt_permute(mt_tensor *self, int n, const int64_t *dims)
{
    mt_arg arg[1] = {mt_arg_ints(n, dims)};
    return mt_call1a(&mt_op_permute, self, 1, arg);
}

static int movedim_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int n = (int)c->arg[0].ints.n, at = 0;
    int64_t order[MT_MAX_DIMS];
    bool from[MT_MAX_DIMS] = {false};
    if (c->arg[0].ints.n != c->arg[1].ints.n)
        return mt_error(MT_RUNTIME,
                        "movedim: Invalid source or destination dims: source (%" PRId64
                        " dims) should contain the same number of dims as destination (%" PRId64
                        " dims)",
                        c->arg[0].ints.n, c->arg[1].ints.n);
    for (int d = 0; d < x->ndim; d++) order[d] = -1;
    for (int i = 0; i < n; i++) {
        int s = mt_wrap_dim(c->arg[0].ints.v[i], x->ndim),
            d = s < 0 ? -1 : mt_wrap_dim(c->arg[1].ints.v[i], x->ndim);
        if (d < 0) return -1;
        if (from[s] || (x->ndim && order[d] >= 0))
            return mt_error(MT_RUNTIME, "movedim: repeated dim in `%s`",
                            from[s] ? "source" : "destination");
        from[s] = true;
        order[d] = s;
    }
    for (int d = 0; d < x->ndim; d++) {
        if (order[d] >= 0) continue;
        while (from[at]) at++;
        order[d] = at++;
    }
    return mt_result_is(c, 0, mt_permute(x, x->ndim, order));
}

MT_OP(
    movedim, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
    .schema = "movedim(Tensor self, int[1] source, int[1] destination) -> Tensor",
    .doc =
        "A view with the dimensions source at the places destination, the others in their order.");

mt_tensor *mt_movedim(mt_tensor *self, int n, const int64_t *source, const int64_t *destination)
{
    mt_arg arg[2] = {mt_arg_ints(n, source), mt_arg_ints(n, destination)};
    return mt_call1a(&mt_op_movedim, self, 2, arg);
}

/* ==== squeeze, unsqueeze ====================================================================== */

/* x without the dimensions of size 1 in mask. */
static int squeeze_masked(mt_call *c, const bool *mask)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (mask[d] && x->size[d] == 1) continue;
        size[n] = x->size[d];
        stride[n++] = x->stride[d];
    }
    return mt_result_view(c, 0, n, size, stride, x->offset) ? 0 : -1;
}

static int squeeze_forward(mt_call *c)
{
    bool mask[MT_MAX_DIMS];
    memset(mask, true, sizeof mask);
    return squeeze_masked(c, mask);
}

MT_OP(squeeze, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = reshape_gradient,
      .rule = "reshape(g, x.shape)", .schema = "squeeze(Tensor self) -> Tensor",
      .doc = "A view without the dimensions of size 1, or without dim if its size is 1.");

mt_tensor *mt_squeeze(mt_tensor *self) { return mt_call1(&mt_op_squeeze, self); }

static int squeeze_dim_forward(mt_call *c)
{
    bool mask[MT_MAX_DIMS] = {false};
    int d = mt_wrap_dim(c->arg[0].i, c->in[0]->ndim);
    if (d < 0) return -1;
    mask[d] = true;
    return squeeze_masked(c, mask);
}

MT_OP(squeeze_dim, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .grad_name = "SqueezeBackward1",
      .backward = reshape_gradient, .schema = "squeeze.dim(Tensor self, int dim) -> Tensor",
      .doc = "");

mt_tensor *mt_squeeze_dim(mt_tensor *self, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_call1a(&mt_op_squeeze_dim, self, 1, arg);
}

static int squeeze_dims_forward(mt_call *c)
{
    bool mask[MT_MAX_DIMS] = {false};
    const int64_t *dims = c->arg[0].ints.v;
    for (int64_t i = 0; i < c->arg[0].ints.n; i++) {
        int d = mt_wrap_dim(dims[i], c->in[0]->ndim);
        if (d < 0) return -1;
        if (mask[d])
            return mt_error(MT_RUNTIME, "dim %d appears multiple times in the list of dims", d);
        mask[d] = true;
    }
    return squeeze_masked(c, mask);
}

MT_OP(squeeze_dims, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .grad_name = "SqueezeBackward2",
      .backward = reshape_gradient, .schema = "squeeze.dims(Tensor self, int[] dim) -> Tensor",
      .doc = "");

mt_tensor *mt_squeeze_dims(mt_tensor *self, int n, const int64_t *dims)
{
    mt_arg arg[1] = {mt_arg_ints(n, dims)};
    return mt_call1a(&mt_op_squeeze_dims, self, 1, arg);
}

static int unsqueeze_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS + 1], stride[MT_MAX_DIMS + 1];
    int at = mt_wrap_dim(c->arg[0].i, x->ndim + 1);
    if (at < 0) return -1;
    for (int d = 0, k = 0; d <= x->ndim; d++) {
        if (d == at) {
            size[d] = 1;
            stride[d] = d < x->ndim ? x->size[d] * x->stride[d] : 1;
        } else {
            size[d] = x->size[k];
            stride[d] = x->stride[k++];
        }
    }
    return mt_result_view(c, 0, x->ndim + 1, size, stride, x->offset) ? 0 : -1;
}

MT_OP(unsqueeze, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = reshape_gradient,
      .rule = "reshape(g, x.shape)", .schema = "unsqueeze(Tensor self, int dim) -> Tensor",
      .doc = "A view with a new dimension of size 1 at dim.");

mt_tensor *mt_unsqueeze(mt_tensor *self, int64_t dim)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return mt_call1a(&mt_op_unsqueeze, self, 1, arg);
}

/* ==== expand ================================================================================== */

static int expand_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int n = (int)c->arg[0].ints.n, extra = n - x->ndim;
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (too_many_dims(c->arg[0].ints.n) < 0) return -1;
    mt_shape_text(n, c->arg[0].ints.v, a);
    mt_shape_text(x->ndim, x->size, b);
    if (extra < 0)
        return mt_error(MT_RUNTIME,
                        "expand(torch.%sTensor{%s}, size=%s): the number of sizes provided (%d) "
                        "must be greater or equal to the number of dimensions in the tensor (%d)",
                        mt_dtype_camel((mt_dtype)x->dtype), b, a, n, x->ndim);
    for (int d = n - 1; d >= 0; d--) {
        int k = d - extra;
        int64_t want = c->arg[0].ints.v[d], have = k >= 0 ? x->size[k] : 1;
        if (want == -1 && k < 0)
            return mt_error(MT_RUNTIME,
                            "expand(torch.%sTensor{%s}, size=%s): The expanded size of the tensor "
                            "(-1) isn't allowed in a leading, non-existing dimension %d",
                            mt_dtype_camel((mt_dtype)x->dtype), b, a, d);
        if (want == -1) want = have;
        if (want < 0 || (want != have && have != 1))
            return mt_error(MT_RUNTIME,
                            "The expanded size of the tensor (%" PRId64
                            ") must match the existing size (%" PRId64
                            ") at non-singleton dimension %d.  Target sizes: %s.  Tensor sizes: %s",
                            want, have, d, a, b);
        size[d] = want;
        stride[d] = k < 0 || want != have ? 0 : x->stride[k];
    }
    if (mt_shape_numel(n, size, 1) < 0) return -1;
    return mt_result_view(c, 0, n, size, stride, x->offset) ? 0 : -1;
}

static void expand_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_sum_to_size(gout[0], c->in_dims[0].ndim, c->in_dims[0].size);
}

MT_OP(expand, .kind = MT_VIEW | MT_METHOD | MT_VARARGS, .backward = expand_backward,
      .rule = "g summed to x.shape",
      .schema = "expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor",
      .doc = "A view in which dimensions of size 1 are repeated without copying; -1 keeps a size.");

mt_tensor *mt_expand(mt_tensor *self, int ndim, const int64_t *size)
{
    if (self && mt_shape_equal(self->ndim, self->size, ndim, size)) return self;
    mt_arg arg[2] = {mt_arg_ints(ndim, size), mt_arg_bool(false)};
    return mt_call1a(&mt_op_expand, self, 2, arg);
}

static int expand_as_forward(mt_call *c)
{
    mt_arg arg[2] = {mt_arg_ints(c->in[1]->ndim, c->in[1]->size), mt_arg_bool(false)};
    return mt_result_is(c, 0, mt_call1a(&mt_op_expand, c->in[0], 2, arg));
}
MT_OP(expand_as, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD,
      .schema = "expand_as(Tensor self, Tensor other) -> Tensor",
      .doc = "expand() to the shape of other.");
mt_tensor *mt_expand_as(mt_tensor *self, mt_tensor *other)
{
    return mt_call2(&mt_op_expand_as, self, other);
}

static int broadcast_to_forward(mt_call *c)
{
    mt_arg arg[2] = {c->arg[0], mt_arg_bool(false)};
    return mt_result_is(c, 0, mt_call1a(&mt_op_expand, c->in[0], 2, arg));
}
MT_OP(broadcast_to, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "broadcast_to(Tensor self, int[] size) -> Tensor",
      .doc = "expand() under NumPy's name.");
mt_tensor *mt_broadcast_to(mt_tensor *self, int ndim, const int64_t *size)
{
    return mt_expand(self, ndim, size);
}
