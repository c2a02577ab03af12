/* Operators that look at a part of a tensor, and what puts a part's gradient back. select /
 * select_backward and slice / slice_backward are each other's rules, so they differentiate any
 * number of times. */
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

/* ==== select ================================================================================== */

/* The position of element `index` of dimension d, or -1 with IndexError. */
static int64_t wrap_index(const mt_tensor *x, int d, int64_t index)
{
    int64_t n = x->size[d];
    if (index >= -n && index < n) return index < 0 ? index + n : index;
    return mt_error(MT_INDEX,
                    "select(): index %" PRId64 " out of range for tensor of size [%" PRId64
                    "] at dimension %d",
                    index, n, d);
}

static void without_dim(const mt_tensor *x, int dim, int64_t *size, int64_t *stride)
{
    for (int d = 0, k = 0; d < x->ndim; d++) {
        if (d == dim) continue;
        size[k] = x->size[d];
        stride[k++] = x->stride[d];
    }
}

static int select_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    if (x->ndim == 0) return mt_error(MT_INDEX, "select() cannot be applied to a 0-dim tensor.");
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    int64_t index = d < 0 ? -1 : wrap_index(x, d, c->arg[1].i);
    if (index < 0) return -1;
    without_dim(x, d, size, stride);
    return mt_result_view(c, 0, x->ndim - 1, size, stride, x->offset + index * x->stride[d]) ? 0
                                                                                             : -1;
}

static void select_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    if (gin[0]) gin[0] = mt_select_backward(gout[0], d->ndim, d->size, c->arg[0].i, c->arg[1].i);
}

MT_OP(select, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = select_rule,
      .rule = "g at that place, 0 elsewhere",
      .schema = "select(Tensor self, int dim, int index) -> Tensor",
      .doc = "A view of one slice, without dimension dim.");

mt_tensor *mt_select(mt_tensor *self, int64_t dim, int64_t index)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_int(index)};
    return mt_call1a(&mt_op_select, self, 2, arg);
}

/* What a call of select with these arguments shows of a tensor. */
static mt_tensor *selected(const mt_tensor *whole, const mt_arg *a)
{
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS];
    int d = mt_wrap_dim(a[0].i, whole->ndim);
    int64_t index = d < 0 ? -1 : wrap_index(whole, d, a[1].i);
    if (index < 0) return NULL;
    without_dim(whole, d, size, stride);
    return mt_alias_as(whole, whole->ndim - 1, size, stride,
                       whole->offset + index * whole->stride[d]);
}

static int select_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0],
              *whole = mt_zeros_raw((mt_dtype)g->dtype, (int)c->arg[0].ints.n, c->arg[0].ints.v),
              *part;
    if (!(c->out[0] = whole)) return -1;
    part = selected(whole, c->arg + 1);
    return part ? mt_copy_raw(part, g) : -1;
}

static void select_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_select(gout[0], c->arg[1].i, c->arg[2].i);
}

MT_OP(select_backward, .backward = select_backward_rule,
      .schema = "select_backward(Tensor g, int[] input_sizes, int dim, int index) -> Tensor",
      .doc = "Zeros of input_sizes with g at one place of dimension dim.");

mt_tensor *mt_select_backward(mt_tensor *g, int ndim, const int64_t *size, int64_t dim,
                              int64_t index)
{
    mt_arg arg[3] = {mt_arg_ints(ndim, size), mt_arg_int(dim), mt_arg_int(index)};
    return mt_call1a(&mt_op_select_backward, g, 3, arg);
}

/* ==== slice =================================================================================== */

/* Python's rules for start:end; the length is returned. */
static int64_t clip_range(int64_t n, int64_t *start, int64_t *end, int64_t step)
{
    if (*start < 0) *start += n;
    if (*end < 0) *end += n;
    *start = *start < 0 ? 0 : *start > n ? n : *start;
    *end = *end < *start ? *start : *end > n ? n : *end;
    return (*end - *start + step - 1) / step;
}

static int slice_geometry(const mt_tensor *x, const mt_arg *a, int64_t *size, int64_t *stride,
                          int64_t *offset)
{
    if (x->ndim == 0) return mt_error(MT_RUNTIME, "slice() cannot be applied to a 0-dim tensor.");
    int d = mt_wrap_dim(a[0].i, x->ndim);
    if (d < 0) return -1;
    int64_t start = a[1].given ? a[1].i : 0, end = a[2].given ? a[2].i : INT64_MAX, step = a[3].i;
    if (step <= 0) return mt_error(MT_RUNTIME, "slice step must be positive");
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    memcpy(stride, x->stride, (size_t)x->ndim * sizeof *stride);
    size[d] = clip_range(x->size[d], &start, &end, step);
    *offset = start * x->stride[d];
    if (__builtin_mul_overflow(x->stride[d], step, &stride[d]))
        stride[d] = x->stride[d]; /* one element at most */
    return 0;
}

static int slice_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS], offset = 0;
    if (slice_geometry(x, c->arg, size, stride, &offset) < 0) return -1;
    return mt_result_view(c, 0, x->ndim, size, stride, x->offset + offset) ? 0 : -1;
}

static void slice_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    int64_t start = c->arg[1].given ? c->arg[1].i : 0,
            end = c->arg[2].given ? c->arg[2].i : INT64_MAX;
    if (gin[0])
        gin[0] = mt_slice_backward(gout[0], d->ndim, d->size, c->arg[0].i, start, end, c->arg[3].i);
}

MT_OP(
    slice, .kind = MT_VIEW, .backward = slice_rule, .rule = "g at those places, 0 elsewhere",
    .schema = "slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    .doc = "x[start:end:step] along dim, as a view.");

mt_tensor *mt_slice(mt_tensor *self, int64_t dim, int64_t start, int64_t end, int64_t step)
{
    mt_arg arg[4] = {mt_arg_int(dim), mt_arg_int(start), mt_arg_int(end), mt_arg_int(step)};
    return mt_call1a(&mt_op_slice, self, 4, arg);
}

/* What a call of slice with these arguments shows of a tensor. */
static mt_tensor *sliced(const mt_tensor *whole, const mt_arg *a)
{
    int64_t size[MT_MAX_DIMS], stride[MT_MAX_DIMS], offset = 0;
    if (slice_geometry(whole, a, size, stride, &offset) < 0) return NULL;
    return mt_alias_as(whole, whole->ndim, size, stride, whole->offset + offset);
}

static int slice_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0],
              *whole = mt_zeros_raw((mt_dtype)g->dtype, (int)c->arg[0].ints.n, c->arg[0].ints.v),
              *part;
    if (!(c->out[0] = whole)) return -1;
    part = sliced(whole, c->arg + 1);
    return part ? mt_copy_raw(part, g) : -1;
}

static void slice_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_arg *a = c->arg + 1;
    if (gin[0]) gin[0] = mt_slice(gout[0], a[0].i, a[1].i, a[2].i, a[3].i);
}

MT_OP(slice_backward, .backward = slice_backward_rule,
      .schema = "slice_backward(Tensor g, int[] input_sizes, int dim, int start, int end, int "
                "step) -> Tensor",
      .doc = "Zeros of input_sizes with g at start:end:step of dimension dim.");

mt_tensor *mt_slice_backward(mt_tensor *g, int ndim, const int64_t *size, int64_t dim,
                             int64_t start, int64_t end, int64_t step)
{
    mt_arg arg[5] = {mt_arg_ints(ndim, size), mt_arg_int(dim), mt_arg_int(start), mt_arg_int(end),
                     mt_arg_int(step)};
    return mt_call1a(&mt_op_slice_backward, g, 5, arg);
}

static int narrow_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (x->ndim == 0) return mt_error(MT_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (d < 0) return -1;
    int64_t n = x->size[d], start = c->arg[1].i, length = c->arg[2].i;
    if (length < 0) return mt_error(MT_RUNTIME, "narrow(): length must be non-negative.");
    if (start < -n || start > n)
        return mt_error(MT_INDEX,
                        "Dimension out of range (expected to be in range of [%" PRId64 ", %" PRId64
                        "], but got %" PRId64 ")",
                        -n, n, start);
    if (start < 0) start += n;
    if (length > n - start)
        return mt_error(MT_RUNTIME,
                        "start (%" PRId64 ") + length (%" PRId64
                        ") exceeds dimension size (%" PRId64 ").",
                        start, length, n);
    return mt_result_is(c, 0, mt_slice(x, d, start, start + length, 1));
}

MT_OP(narrow, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "narrow(Tensor self, int dim, int start, int length) -> Tensor",
      .doc = "A view of length elements of dimension dim from start on.");

static int narrow_at_forward(mt_call *c)
{
    mt_tensor *start = c->in[1];
    if (start->ndim || !mt_is_integral((mt_dtype)start->dtype))
        return mt_error(MT_RUNTIME, "start must be an 0-dim integral Tensor.");
    int64_t from = mt_scalar_to_int(mt_item_at(start, 0));
    return mt_result_is(c, 0, mt_narrow(c->in[0], c->arg[0].i, from, c->arg[1].i));
}
MT_OP(narrow_at, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "narrow.Tensor(Tensor self, int dim, Tensor start, int length) -> Tensor",
      .doc = "");

mt_tensor *mt_narrow(mt_tensor *self, int64_t dim, int64_t start, int64_t length)
{
    mt_arg arg[3] = {mt_arg_int(dim), mt_arg_int(start), mt_arg_int(length)};
    return mt_call1a(&mt_op_narrow, self, 3, arg);
}

/* ==== the part that a call shows ============================================================== */

mt_tensor *mt_part_shown(const mt_call *c, const mt_tensor *whole)
{
    return c->op == &mt_op_select ? selected(whole, c->arg) : sliced(whole, c->arg);
}

/* ==== as_strided ============================================================================== */

/* Arguments 3 and 4 are the input's own geometry: its gradient is laid out like it, so that (size,
 * stride, offset) mean the same elements there. Forward fills them in. */
static int as_strided_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int n = (int)c->arg[0].ints.n;
    int64_t offset = c->arg[2].given ? c->arg[2].i : x->offset;
    const int64_t *size = c->arg[0].ints.v, *stride = c->arg[1].ints.v;
    if (c->arg[1].ints.n != n)
        return mt_error(MT_RUNTIME, "mismatch in length of strides and shape");
    for (int d = 0; d < n; d++)
        if (stride[d] < 0)
            return mt_error(MT_RUNTIME,
                            "as_strided: Negative strides are not supported at the moment, got "
                            "strides: [%" PRId64 "]",
                            stride[d]);
    if (!mt_from_storage(x->storage, (mt_dtype)x->dtype, n, size, stride, offset))
        return -1; /* checks the bounds */
    c->arg[2] = mt_arg_int(offset);
    c->arg[3] = mt_arg_ints(x->ndim, x->stride);
    c->arg[4] = mt_arg_int(x->offset);
    return mt_result_view(c, 0, n, size, stride, offset) ? 0 : -1;
}

static bool overlaps(int ndim, const int64_t *size, const int64_t *stride)
{
    return !mt_shape_is_dense(ndim, size, stride) && ndim > 0;
}

/* Of the part of a storage that a shape shows, the offset of the element behind its last one. */
static int64_t end_of(int ndim, const int64_t *size, const int64_t *stride, int64_t offset)
{
    for (int d = 0; d < ndim; d++) {
        if (size[d] == 0) return offset;
        offset += (size[d] - 1) * stride[d];
    }
    return offset + 1;
}
static int64_t end_of_input(const mt_call *c)
{
    const mt_dims *d = &c->in_dims[0];
    return end_of(d->ndim, d->size, c->arg[3].ints.v, c->arg[4].i);
}
static int64_t end_of_output(const mt_call *c)
{
    return end_of((int)c->arg[0].ints.n, c->arg[0].ints.v, c->arg[1].ints.v, c->arg[2].i);
}
/* Does the result show elements of the storage that the input does not reach to? */
static bool outside(const mt_call *c)
{
    return c->arg[2].i < c->arg[4].i || end_of_output(c) > end_of_input(c);
}

/* Then the gradient is laid into a piece of storage that has room for both, and the input's part taken out of it. */
static mt_tensor *as_strided_rule_beyond(const mt_call *c, mt_tensor *g)
{
    const mt_dims *d = &c->in_dims[0];
    int64_t from = c->arg[2].i < c->arg[4].i ? c->arg[2].i : c->arg[4].i,
            end = end_of_input(c) > end_of_output(c) ? end_of_input(c) : end_of_output(c),
            room = end - from;
    mt_tensor *flat = g ? mt_zeros((mt_dtype)g->dtype, 1, &room) : NULL;
    flat =
        mt_as_strided_scatter(flat, g, c->arg[1].ints.v, c->arg[2].i - from,
                              overlaps((int)c->arg[0].ints.n, c->arg[0].ints.v, c->arg[1].ints.v));
    if (!flat) return NULL;
    return mt_as_strided(flat, d->ndim, d->size, c->arg[3].ints.v,
                         flat->offset + c->arg[4].i - from);
}

static void as_strided_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    if (!gin[0]) return;
    if (outside(c)) {
        gin[0] = as_strided_rule_beyond(c, gout[0]);
        return;
    }
    mt_tensor *zeros = mt_restride(mt_zeros_of(d), c->arg[3].ints.v);
    gin[0] =
        mt_as_strided_scatter(zeros, gout[0], c->arg[1].ints.v, c->arg[2].i - c->arg[4].i,
                              overlaps((int)c->arg[0].ints.n, c->arg[0].ints.v, c->arg[1].ints.v));
}

MT_OP(as_strided, .kind = MT_VIEW | MT_FUNCTION | MT_METHOD, .backward = as_strided_rule,
      .schema = "as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None, "
                "int[]? input_stride=None, int? input_offset=None) -> Tensor",
      .doc = "A view of this tensor's storage with any sizes, strides and offset, in elements, "
             "that stay inside it.");

mt_tensor *mt_as_strided(mt_tensor *self, int ndim, const int64_t *size, const int64_t *stride,
                         int64_t offset)
{
    mt_arg arg[5] = {mt_arg_ints(ndim, size), mt_arg_ints(ndim, stride), mt_arg_int(offset)};
    return mt_call1a(&mt_op_as_strided, self, 5, arg);
}

typedef struct adding {
    int dim;
    const mt_tensor *to, *from;
} adding;

/* to += from, element after element: places may coincide. */
static void add_elements(const adding *a, int dim, char *to, const char *from)
{
    int64_t to_step = a->to->stride[dim] * mt_itemsize(a->to),
            from_step = a->from->stride[dim] * mt_itemsize(a->from);
    for (int64_t i = 0; i < a->to->size[dim]; i++, to += to_step, from += from_step) {
        if (dim + 1 < a->to->ndim)
            add_elements(a, dim + 1, to, from);
        else if (a->to->dtype == MT_FLOAT32)
            *(float *)to += *(const float *)from;
        else if (a->to->dtype == MT_COMPLEX64)
            *(float _Complex *)to += *(const float _Complex *)from;
        else if (a->to->dtype == MT_COMPLEX128)
            *(double _Complex *)to += *(const double _Complex *)from;
        else
            *(double *)to += *(const double *)from;
    }
}

static int as_strided_scatter_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *src = c->in[1], *y = mt_empty_like(x, (mt_dtype)x->dtype), *part;
    if (!(c->out[0] = y) || mt_copy_raw(y, x) < 0) return -1;
    c->arg[3] = mt_arg_ints(y->ndim, y->stride);
    part = mt_from_storage(y->storage, (mt_dtype)y->dtype, src->ndim, src->size, c->arg[0].ints.v,
                           c->arg[1].i);
    if (!part) return -1;
    if (!c->arg[2].b || src->ndim == 0) return mt_copy_raw(part, src);
    if (!(src = mt_contiguous_raw(src, (mt_dtype)y->dtype))) return -1;
    adding a = {0, part, src};
    add_elements(&a, 0, part->data, src->data);
    return 0;
}

/* y = x with src written over (or added to) some elements. */
static void as_strided_scatter_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *src = &c->in_dims[1];
    mt_tensor *g = mt_restride(gout[0], c->arg[3].ints.v);
    if (gin[0])
        gin[0] = c->arg[2].b ? g
                             : mt_as_strided_scatter(g, mt_zeros_of(src), c->arg[0].ints.v,
                                                     c->arg[1].i, false);
    if (gin[1] && g)
        gin[1] = mt_as_strided(g, src->ndim, src->size, c->arg[0].ints.v, g->offset + c->arg[1].i);
}

MT_OP(as_strided_scatter, .grad_name = "CopySlices", .backward = as_strided_scatter_rule,
      .schema = "as_strided_scatter(Tensor self, Tensor src, int[] stride, int offset, bool "
                "accumulate, int[]? input_stride=None) -> Tensor",
      .doc = "A copy of self in which the elements that as_strided would show are replaced by src, "
             "or have it added.");

mt_tensor *mt_as_strided_scatter(mt_tensor *self, mt_tensor *src, const int64_t *stride,
                                 int64_t offset, bool accumulate)
{
    if (!self || !src) return NULL;
    mt_arg arg[4] = {mt_arg_ints(src->ndim, stride), mt_arg_int(offset), mt_arg_bool(accumulate)};
    return mt_call2a(&mt_op_as_strided_scatter, self, src, 4, arg);
}
