/* Picking and placing elements by number along one dimension. gather and scatter_add are each
 * other's rules, as are index_select and index_add. Every index is checked before it is used. */
#include "ops/along.h"

#include <inttypes.h>
#include <string.h>

static int check_index_type(const char *name, const mt_tensor *index)
{
    if (index->dtype == MT_INT64 || index->dtype == MT_INT32 || index->numel == 0) return 0;
    return mt_error(MT_RUNTIME, "%s(): Expected dtype int32/int64 for index", name);
}

/* index: contiguous. */
static int check_range(const mt_tensor *index, int64_t n, int dim)
{
    const int64_t *v = (const int64_t *)(void *)index->data;
    if (mt_all_within(index->numel, v, n)) return 0;
    while (*v >= 0 && *v < n) v++;
    return mt_error(MT_RUNTIME,
                    "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64, *v,
                    dim, n);
}

static bool fits_inside(const mt_tensor *t, const mt_tensor *index, int dim)
{
    for (int d = 0; d < index->ndim && t->ndim; d++)
        if (d != dim && index->size[d] > t->size[d]) return false;
    return true;
}

static int check_ndim(const char *name, const mt_tensor *t, const mt_tensor *index)
{
    if ((t->ndim ? t->ndim : 1) == (index->ndim ? index->ndim : 1)) return 0;
    return mt_error(MT_RUNTIME, "Index tensor must have the same number of dimensions as %s tensor",
                    name);
}

/* gather: index must fit inside x everywhere but along dim. */
static int check_fits(const mt_tensor *x, const mt_tensor *index, int dim)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    int d = 0;
    if (check_ndim("input", x, index) < 0) return -1;
    if (fits_inside(x, index, dim)) return 0;
    while (d == dim || index->size[d] <= x->size[d]) d++;
    return mt_error(MT_RUNTIME,
                    "Size does not match at dimension %d expected index %s to be no larger than "
                    "self %s apart from dimension %d",
                    d, mt_shape_text(index->ndim, index->size, a),
                    mt_shape_text(x->ndim, x->size, b), dim);
}

/* scatter: likewise, and in every dimension inside src, if there is one. */
static int check_fits_both(const mt_tensor *x, const mt_tensor *index, const mt_tensor *src,
                           int dim)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT], c[MT_SHAPE_TEXT];
    if (check_ndim("self", x, index) < 0 || (src && check_ndim("src", src, index) < 0)) return -1;
    bool fits = fits_inside(x, index, dim) && (!src || fits_inside(src, index, -1));
    if (fits) return 0;
    mt_shape_text(index->ndim, index->size, a);
    mt_shape_text(x->ndim, x->size, b);
    if (!src)
        return mt_error(MT_RUNTIME,
                        "Expected index %s to be no larger than self %s apart from dimension %d", a,
                        b, dim);
    return mt_error(MT_RUNTIME,
                    "Expected index %s to be no larger than self %s apart from dimension %d and to "
                    "be no larger size than src %s",
                    a, b, dim, mt_shape_text(src->ndim, src->size, c));
}

static mt_tensor *long_index(const char *name, mt_tensor *index)
{
    if (check_index_type(name, index) < 0) return NULL;
    return index->dtype == MT_INT64 ? index : mt_contiguous_raw(index, MT_INT64);
}

/* What is common to both: elements of far, in places of the shape of x, an int64 index from `index`. */
static void begin_along(mt_along *a, mt_along_how how, const mt_tensor *far, int dim,
                        const mt_tensor *x, const mt_tensor *index)
{
    a->how = how;
    a->dtype = (mt_dtype)far->dtype;
    a->ndim = x->ndim ? x->ndim : 1;
    a->dim = dim;
    a->size[0] = 1;
    for (int d = 0; d < x->ndim; d++) a->size[d] = x->size[d];
    mt_along_strides(far, a->ndim, a->far_stride);
    a->n = far->ndim ? far->size[dim] : 1;
    a->index = (const int64_t *)(void *)index->data;
    a->far = far->data;
}

/* far[..index..] from or to near (contiguous; NULL: one value for all places). */
static int along_index(mt_along_how how, mt_tensor *far, int dim, mt_tensor *index,
                       const mt_tensor *near, char *value)
{
    mt_along a;
    begin_along(&a, how, far, dim, index, index);
    mt_along_strides(index, a.ndim, a.index_stride);
    if (near)
        mt_along_strides(near, a.ndim, a.near_stride);
    else
        memset(a.near_stride, 0, (size_t)a.ndim * sizeof *a.near_stride);
    a.near = near ? near->data : value;
    if (mt_along_run(&a)) return 0;
    index = mt_contiguous_raw(index, MT_INT64);
    return index ? check_range(index, a.n, dim) : -1;
}

/* ==== gather ================================================================================== */

static int gather_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (dim < 0) return -1;
    if (!(index = long_index("gather", index))) return -1;
    if (index->numel && check_fits(x, index, dim) < 0) return -1;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, index->ndim, index->size))) return -1;
    return along_index(MT_PICK, x, dim, index, y, NULL);
}

/* The gradient of input 0 if it is wanted: zeros, to which op adds g in place. narg: of op. */
static mt_tensor *added_to_zeros(const mt_call *c, const mt_op *op, int narg,
                                 const mt_tensor *wanted, mt_tensor *g)
{
    mt_tensor *in[3] = {wanted ? mt_zeros_of(&c->in_dims[0]) : NULL, c->in[1], g};
    mt_arg arg[2] = {c->arg[0], mt_arg_scalar(mt_scalar_int(1))};
    return in[0] ? mt_call_inplace(op, 3, in, narg, arg) : NULL;
}

static void gather_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    gin[0] = added_to_zeros(c, &mt_op_scatter_add, 1, gin[0], gout[0]);
}

MT_OP(gather, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(1)},
      .backward = gather_backward, .rule = "zeros.scatter_add(dim, index, g)",
      .schema = "gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
      .doc = "out[i][j] = input[index[i][j]][j] for dim 0, and so on: one element for each place "
             "of index.");

mt_tensor *mt_gather(mt_tensor *self, int64_t dim, mt_tensor *index)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_bool(false)};
    return index ? mt_call2a(&mt_op_gather, self, index, 2, arg) : NULL;
}

/* ==== scatter, scatter_add ==================================================================== */

/* y = x, then y[..index..] = (or +=) src's elements; src NULL: value everywhere. */
static int place(mt_call *c, mt_along_how how, mt_tensor *index, mt_tensor *src, char *value)
{
    mt_tensor *x = c->in[0], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (dim < 0 || !(index = long_index("scatter", index))) return -1;
    if (index->numel && check_fits_both(x, index, src, dim) < 0) return -1;
    if (src && src->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "scatter(): Expected self.dtype to be equal to src.dtype");
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, x->size)) ||
        (y != x && mt_copy_raw(y, x) < 0))
        return -1;
    if (y == x) { /* in place nothing is written before all is checked */
        mt_tensor *all = mt_contiguous_raw(index, MT_INT64);
        if (!all || check_range(all, x->ndim ? x->size[dim] : 1, dim) < 0) return -1;
    }
    return along_index(how, y, dim, index, src, value);
}

static int scatter_add_forward(mt_call *c) { return place(c, MT_ADD, c->in[1], c->in[2], NULL); }

/* src may be larger than index: its gradient is 0 outside. */
static mt_tensor *from_places(const mt_call *c, mt_tensor *g)
{
    const mt_dims *src = &c->in_dims[2];
    mt_tensor *picked = mt_gather(g, c->arg[0].i, c->in[1]);
    for (int d = 0; picked && d < src->ndim; d++)
        if (picked->size[d] != src->size[d]) {
            int64_t size[MT_MAX_DIMS];
            memcpy(size, picked->size, (size_t)picked->ndim * sizeof *size);
            size[d] = src->size[d];
            picked = mt_slice_backward(picked, picked->ndim, size, d, 0, picked->size[d], 1);
        }
    return picked;
}

static void scatter_add_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = gout[0];
    if (gin[2]) gin[2] = from_places(c, gout[0]);
}

MT_OP(scatter_add, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .keeps = {0, 0, MT_KEEP_IN(1)}, .backward = scatter_add_backward,
      .rule = "gx = g; gsrc = g.gather(dim, index)",
      .schema = "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
      .doc = "self with src[i][j] added at [index[i][j]][j] for dim 0, and so on.");

mt_tensor *mt_scatter_add(mt_tensor *self, int64_t dim, mt_tensor *index, mt_tensor *src)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return index && src ? mt_call3a(&mt_op_scatter_add, self, index, src, 1, arg) : NULL;
}

static int scatter_forward(mt_call *c) { return place(c, MT_PLACE, c->in[1], c->in[2], NULL); }
static void scatter_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_scatter_value(gout[0], c->arg[0].i, c->in[1], mt_scalar_int(0));
    if (gin[2]) gin[2] = from_places(c, gout[0]);
}
MT_OP(scatter, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .keeps = {MT_KEEP_IN(1), 0, MT_KEEP_IN(1)}, .backward = scatter_backward,
      .schema = "scatter(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
      .doc = "self with src[i][j], or a value, written at [index[i][j]][j] for dim 0, and so on.");

static int scatter_value_forward(mt_call *c)
{
    char value[8] __attribute__((aligned(8)));
    if (mt_scalar_check_fits(c->arg[1].s, (mt_dtype)c->in[0]->dtype) < 0) return -1;
    mt_scalar_store(c->arg[1].s, (mt_dtype)c->in[0]->dtype, value);
    return place(c, MT_PLACE, c->in[1], NULL, value);
}
static void scatter_value_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_scatter_value(gout[0], c->arg[0].i, c->in[1], mt_scalar_int(0));
}
MT_OP(scatter_value, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .keeps = {MT_KEEP_IN(1)}, .backward = scatter_value_backward, .grad_name = "ScatterBackward1",
      .schema = "scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      .doc = "");
mt_tensor *mt_scatter_value(mt_tensor *self, int64_t dim, mt_tensor *index, mt_scalar value)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_scalar(value)};
    return index ? mt_call2a(&mt_op_scatter_value, self, index, 2, arg) : NULL;
}

/* ==== index_select, index_add ================================================================= */

/* Slices of far along dim, each named once for all its elements, from or to those of near. */
static int along_slices(mt_along_how how, const mt_tensor *far, int dim, const mt_tensor *index,
                        const mt_tensor *near)
{
    mt_along a;
    begin_along(&a, how, far, dim, far, index);
    a.size[dim] = index->numel;
    memset(a.index_stride, 0, (size_t)a.ndim * sizeof *a.index_stride);
    a.index_stride[dim] = 1;
    mt_along_strides(near, a.ndim, a.near_stride);
    a.near = near->data;
    return mt_along_run(&a) ? 0 : mt_error(MT_INDEX, "index out of range in self");
}

static int check_vector(const char *name, const mt_tensor *index)
{
    bool brief = !strcmp(name, "index_select");
    char size[MT_SHAPE_TEXT];
    if (index->ndim > 1 && brief)
        return mt_error(MT_INDEX, "%s(): Index is supposed to be a vector", name);
    if (index->ndim > 1)
        return mt_error(
            MT_INDEX,
            "%s(): Index is supposed to be a vector, but got dim: %d with type: %s and size: %s",
            name, index->ndim, mt_dtype_camel((mt_dtype)index->dtype),
            mt_shape_text(index->ndim, index->size, size));
    if (index->dtype != MT_INT64 && index->dtype != MT_INT32)
        return brief
                   ? mt_error(MT_RUNTIME, "%s(): Expected dtype int32 or int64 for index", name)
                   : mt_error(MT_RUNTIME, "%s(): Expected dtype int32/int64 for index but got: %s",
                              name, mt_dtype_camel((mt_dtype)index->dtype));
    return 0;
}

static int check_entries(const mt_tensor *index, int64_t n)
{
    if (check_range(index, n, 0) == 0) return 0;
    mt_error_clear();
    return mt_error(MT_INDEX, "index out of range in self");
}

static int index_select_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *y;
    int64_t size[MT_MAX_DIMS];
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (dim < 0 || check_vector("index_select", index) < 0 ||
        !(index = mt_contiguous_raw(index, MT_INT64)))
        return -1;
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    if (x->ndim == 0 && index->numel != 1)
        return mt_error(MT_RUNTIME,
                        "index_select(): Index to scalar can have only 1 value, got %" PRId64
                        " value(s)",
                        index->numel);
    size[dim] = index->numel;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, size)) ||
        check_entries(index, x->ndim ? x->size[dim] : 1) < 0)
        return -1;
    return along_slices(MT_PICK, x, dim, index, y);
}

static void index_select_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    gin[0] = added_to_zeros(c, &mt_op_index_add, 2, gin[0], gout[0]);
}

MT_OP(index_select, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(1)},
      .backward = index_select_backward, .rule = "zeros.index_add(dim, index, g)",
      .schema = "index_select(Tensor self, int dim, Tensor index) -> Tensor",
      .doc = "The slices of dim that index (a vector) names, in its order.");
mt_tensor *mt_index_select(mt_tensor *self, int64_t dim, mt_tensor *index)
{
    mt_arg arg[1] = {mt_arg_int(dim)};
    return index ? mt_call2a(&mt_op_index_select, self, index, 1, arg) : NULL;
}

/* source has self's shape but for the slices along dim, of which there is one for each index. */
static int check_source(const mt_tensor *x, int dim, const mt_tensor *index, const mt_tensor *src)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    int64_t slices = dim < src->ndim ? src->size[dim] : 1;
    bool alike = src->ndim == x->ndim;
    for (int d = 0; alike && d < x->ndim; d++) alike = d == dim || src->size[d] == x->size[d];
    if (src->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "index_add_(): self (%s) and source (%s) must have the same scalar type",
                        mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel((mt_dtype)src->dtype));
    if (!alike && src->ndim != x->ndim - 1)
        return mt_error(MT_RUNTIME,
                        "source tensor shape must match self tensor shape, excluding the specified "
                        "dimension. Got self.shape = %s source.shape = %s",
                        mt_shape_text(x->ndim, x->size, a), mt_shape_text(src->ndim, src->size, b));
    if (slices != index->numel)
        return mt_error(MT_RUNTIME,
                        "index_add_(): Number of indices (%" PRId64
                        ") should be equal to source.size(dim): (%" PRId64 "), for dim: %d",
                        index->numel, slices, dim);
    return alike ? 0
                 : mt_error(MT_RUNTIME,
                            "source tensor shape must match self tensor shape, excluding the "
                            "specified dimension. Got self.shape = %s source.shape = %s",
                            mt_shape_text(x->ndim, x->size, a),
                            mt_shape_text(src->ndim, src->size, b));
}

static int index_add_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *src = c->in[2], *y;
    int dim = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (dim < 0 || check_vector("index_add_", index) < 0 ||
        !(index = mt_contiguous_raw(index, MT_INT64)))
        return -1;
    if (check_source(x, dim, index, src) < 0) return -1;
    mt_scalar alpha = c->arg[1].s;
    if (!mt_is_float((mt_dtype)x->dtype)) alpha = mt_scalar_int(mt_scalar_to_int(alpha));
    if (mt_scalar_to_double(alpha) != 1 && !(src = mt_mul(src, mt_number_of(alpha)))) return -1;
    if (src->dtype != x->dtype && !(src = mt_contiguous_raw(src, (mt_dtype)x->dtype))) return -1;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, x->size)) ||
        (y != x && mt_copy_raw(y, x) < 0) || check_entries(index, x->ndim ? x->size[dim] : 1) < 0)
        return -1;
    return along_slices(MT_ADD, y, dim, index, src);
}

static void index_add_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = gout[0];
    if (gin[2])
        gin[2] = mt_mul(mt_index_select(gout[0], c->arg[0].i, c->in[1]), mt_number_of(c->arg[1].s));
}

MT_OP(
    index_add, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
    .keeps = {0, 0, MT_KEEP_IN(1)}, .backward = index_add_backward,
    .rule = "gx = g; gsource = alpha g.index_select(dim, index)",
    .schema =
        "index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
    .doc =
        "self with alpha times the slices of source added to the slices of dim that index names.");
mt_tensor *mt_index_add(mt_tensor *self, int64_t dim, mt_tensor *index, mt_tensor *source)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_scalar(mt_scalar_int(1))};
    return index && source ? mt_call3a(&mt_op_index_add, self, index, source, 2, arg) : NULL;
}
