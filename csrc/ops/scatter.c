/* Writing along a dimension by number: index_fill, index_copy, scatter with a reduction, scatter_reduce, masked_scatter,
 * take_along_dim, put. Those that only move elements are index_put and gather by other names. Relies on ops/gather.c. */
#include "ops/ops.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define EVERYWHERE (MT_FUNCTION | MT_METHOD | MT_INPLACE)

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* x with values at index along dim: x[:, :, index] = values. */
static mt_tensor *put_along(mt_tensor *x, int d, mt_tensor *index, mt_tensor *values)
{
    mt_tensor *indices[MT_MAX_DIMS] = {NULL};
    int64_t one = 1;
    bool scalar = x->ndim == 0;
    if (scalar) x = mt_reshape(x, 1, &one);
    if (!index || !x) return NULL;
    indices[d] = index->ndim ? index : mt_reshape(index, 1, &one);
    if (index->dtype != MT_INT64) indices[d] = mt_to_dtype(indices[d], MT_INT64);
    mt_tensor *y = indices[d] ? mt_index_put(x, values, d + 1, indices, false) : NULL;
    return y && scalar ? mt_reshape(y, 0, NULL) : y;
}

/* ==== index_fill ======================================================================================================== */

static int fill_along(mt_call *c, mt_tensor *value)
{
    mt_tensor *x = c->in[0], *index = c->in[1];
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (d < 0) return -1;
    if (index->dtype != MT_INT64)
        return mt_error(MT_INDEX, "index_fill_(): Expected dtype int64 for index.");
    if (index->ndim > 1) return mt_error(MT_INDEX, "Index has to be a vector/scalar");
    if (value->ndim)
        return mt_error(MT_RUNTIME,
                        "index_fill_ only supports a 0-dimensional value tensor, but got tensor "
                        "with %d dimension(s).",
                        value->ndim);
    /* By a mask: a place that is named twice is filled once, and so is the value's gradient. */
    mt_tensor *mask =
        put_along(mt_zeros(MT_BOOL, x->ndim, x->size), d, index, mt_ones(MT_BOOL, 0, NULL));
    return mt_result_is(c, 0, mt_where(mask, mt_to_dtype(value, type_of(x)), x));
}
static int index_fill_forward(mt_call *c) { return fill_along(c, c->in[2]); }
MT_OP(index_fill, .kind = MT_COMPOSITE | EVERYWHERE,
      .schema = "index_fill(Tensor self, int dim, Tensor index, Number value) -> Tensor",
      .doc = "self with one value in the slices of dim that index (a vector) names.");

/* ==== index_copy ======================================================================================================== */

static int index_copy_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *source = c->in[2];
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (d < 0) return -1;
    if (index->ndim > 1)
        return mt_error(MT_INDEX, "index_copy_(): Index should have dimension 1 or 0 (got %d)",
                        index->ndim);
    if (source->ndim == 0 && index->numel != 1)
        return mt_error(MT_INDEX,
                        "index_copy_(): When source is scalar, index should have one element (got "
                        "%" PRId64 ")",
                        index->numel);
    if (source->ndim != x->ndim && source->ndim && x->ndim)
        return mt_error(MT_INDEX,
                        "index_copy_(): When source and destination are not scalars, their "
                        "dimensionality must match. Source dimensionality (%d), destination "
                        "dimensionality (%d)",
                        source->ndim, x->ndim);
    if (index->dtype != MT_INT64)
        return mt_error(MT_INDEX, "index_copy_(): Expected a long tensor for index, but got %s",
                        mt_dtype_camel(type_of(index)));
    if (source->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "index_copy_(): self and source expected to have the same dtype, but got "
                        "(self) %s and (source) %s",
                        mt_dtype_camel(type_of(x)), mt_dtype_camel(type_of(source)));
    for (int i = 0; i < source->ndim && x->ndim; i++)
        if (i != d && source->size[i] != x->size[i])
            return mt_error(
                MT_RUNTIME,
                "index_copy_(): Source/destination tensor must have same slice shapes.");
    if (source->ndim && source->size[d] != index->numel)
        return mt_error(MT_INDEX,
                        "index_copy_(): Number of indices (%" PRId64
                        ") should be equal to source.size(dim) (%" PRId64 ")",
                        index->numel, source->size[d]);
    return mt_result_is(c, 0, put_along(x, d, index, source));
}
MT_OP(index_copy, .kind = MT_COMPOSITE | EVERYWHERE | MT_OUT,
      .schema = "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
      .doc = "self with the slices of source in the slices of dim that index names.");

/* ==== masked_scatter, take_along_dim, put ================================================================================== */

static int masked_scatter_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *mask = c->in[1], *source = c->in[2];
    int64_t size[MT_MAX_DIMS], all = source->numel;
    if (mask->dtype != MT_BOOL)
        return mt_error(MT_RUNTIME,
                        "masked_scatter_ only supports boolean masks, but got mask with dtype %s",
                        mt_dtype_name(type_of(mask)));
    if (source->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "masked_scatter: expected self and source to have same dtypes but got %s "
                        "and %s",
                        mt_dtype_camel(type_of(x)), mt_dtype_camel(type_of(source)));
    int n = mt_shape_broadcast(x->ndim, x->size, mask->ndim, mask->size, size);
    if (n < 0) return -1;
    bool scalar = n == 0;
    if (scalar) n = (int)(size[0] = 1);
    mt_tensor *where = mt_nonzero(mask = mt_expand(mask, n, size));
    if (!where) return -1;
    if (where->size[0] > all)
        return mt_error(MT_RUNTIME, "Number of elements of source < number of ones in mask");
    mt_tensor *values = mt_slice(mt_reshape(source, 1, &all), 0, 0, where->size[0], 1);
    mt_tensor *y = mt_index_put(mt_expand(x, n, size), values, 1, &mask, false);
    return mt_result_is(c, 0, y && scalar ? mt_reshape(y, 0, NULL) : y);
}
MT_OP(masked_scatter, .kind = MT_COMPOSITE | EVERYWHERE,
      .schema = "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
      .doc = "self with the elements of source, in order, where mask is true.");

static int take_along_dim_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1];
    int64_t all = x->numel, count = index->numel, size[MT_MAX_DIMS], own[MT_MAX_DIMS];
    if (index->dtype != MT_INT64)
        return mt_error(MT_RUNTIME,
                        "torch.take_along_dim(): dtype of indices should be Long but got %s",
                        mt_dtype_camel(type_of(index)));
    if (!c->arg[0].given)
        return mt_result_is(c, 0,
                            mt_gather(mt_reshape(x, 1, &all), 0, mt_reshape(index, 1, &count)));
    if (x->ndim != index->ndim)
        return mt_error(
            MT_RUNTIME,
            "torch.take_along_dim(): input and indices should have the same number of "
            "dimensions, but got %d dimensions for input, and %d dimensions for indices",
            x->ndim, index->ndim);
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (d < 0) return -1;
    memcpy(own, x->size, (size_t)x->ndim * sizeof *own);
    if (x->ndim) own[d] = index->size[d];
    int n = mt_shape_broadcast(x->ndim, own, index->ndim, index->size, size);
    if (n < 0 || !(index = mt_expand(index, n, size))) return -1;
    if (n) size[d] = x->size[d];
    mt_tensor *length = mt_number_of(mt_scalar_int(n ? x->size[d] : 1));
    index = mt_where(mt_lt(index, mt_number_of(mt_scalar_int(0))), mt_add(index, length), index);
    return mt_result_is(c, 0, mt_gather(mt_expand(x, n, size), d, index));
}
MT_OP(take_along_dim, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
      .doc = "gather() in which self and indices broadcast to each other; without dim, of all "
             "elements in order.");

static int put_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *source = c->in[2], *in[3];
    int64_t all = x->numel, n = index->numel;
    if (index->dtype != MT_INT64)
        return mt_error(MT_RUNTIME, "put_(): Expected a long tensor for index, but got %s",
                        mt_dtype_camel(type_of(index)));
    if (n != source->numel)
        return mt_error(
            MT_INDEX,
            "put_(): Expected source and index to have the same number of elements, but "
            "got source.numel() = %" PRId64 ", index.numel() = %" PRId64,
            source->numel, n);
    in[0] = mt_reshape(x, 1, &all);
    in[1] = mt_reshape(source, 1, &n);
    in[2] = mt_reshape(index, 1, &n);
    if (!in[0] || !in[1] || !in[2]) return -1;
    mt_tensor *y = mt_index_put(in[0], in[1], 1, in + 2, c->arg[0].b);
    return mt_result_is(c, 0, y ? mt_reshape(y, x->ndim, x->size) : NULL);
}
MT_OP(put, .kind = MT_COMPOSITE | EVERYWHERE,
      .schema = "put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
      .doc = "self with the elements of source at these positions, counted in row-major order, "
             "or added there.");

/* ==== scatter_reduce ====================================================================================================== */

typedef enum reduction { SUM, PROD, MEAN, AMAX, AMIN } reduction;

static int reduction_of(const char *name)
{
    static const char *const names[] = {"sum", "prod", "mean", "amax", "amin"};
    for (int i = 0; i < 5; i++)
        if (!strcmp(name, names[i])) return i;
    return mt_error(MT_RUNTIME,
                    "reduce argument must be either sum, prod, mean, amax or amin, got %s", name);
}

#define COMBINE(name, T, W)                                                                        \
    static void name(reduction how, T *to, T v)                                                    \
    {                                                                                              \
        if (how == SUM || how == MEAN)                                                             \
            *to = (T)((W) * to + (W)v);                                                            \
        else if (how == PROD)                                                                      \
            *to = (T)((W) * to * (W)v);                                                            \
        else if (v != v || (how == AMAX ? v > *to : v < *to))                                      \
            *to = v;                                                                               \
    }
COMBINE(combine_f32, float, float)
COMBINE(combine_f64, double, double)
COMBINE(combine_i64, int64_t, uint64_t)

/* The value that changes nothing. */
static mt_scalar neutral(reduction how, mt_dtype d)
{
    if (how == SUM || how == MEAN) return mt_scalar_int(0);
    if (how == PROD) return mt_scalar_int(1);
    if (mt_is_float(d)) return mt_scalar_float(how == AMAX ? -INFINITY : INFINITY);
    return mt_scalar_int(how == AMAX ? INT64_MIN : INT64_MAX);
}

/* How often each place of self is written to, as tensors of self's type; where it starts with include_self at 1. */
static mt_tensor *counts(mt_tensor *like, int64_t dim, mt_tensor *index, bool include_self)
{
    mt_tensor *start = include_self
                           ? mt_full(type_of(like), like->ndim, like->size, mt_scalar_int(1))
                           : mt_zeros(type_of(like), like->ndim, like->size);
    mt_tensor *ones = index ? mt_ones(type_of(like), index->ndim, index->size) : NULL;
    return mt_scatter_add(start, dim, index, ones);
}

/* y (int64 or floating, contiguous) combined with src at the places of index. Both have been checked. */
static int combine_all(reduction how, mt_tensor *y, int d, mt_tensor *index, mt_tensor *src)
{
    int64_t at[MT_MAX_DIMS] = {0}, item = mt_itemsize(y);
    for (int64_t i = 0; i < index->numel; i++) {
        int64_t to = 0, from = 0, k = ((const int64_t *)(const void *)index->data)[i];
        for (int a = 0; a < index->ndim && y->ndim; a++) {
            to += (a == d ? k : at[a]) * y->stride[a];
            from += src->ndim ? at[a] * src->stride[a] : 0;
        }
        char *cell = y->data + to * item, *value = src->data + from * item;
        if (type_of(y) == MT_FLOAT32)
            combine_f32(how, (float *)(void *)cell, *(float *)(void *)value);
        else if (type_of(y) == MT_FLOAT64)
            combine_f64(how, (double *)(void *)cell, *(double *)(void *)value);
        else
            combine_i64(how, (int64_t *)(void *)cell, *(int64_t *)(void *)value);
        for (int a = index->ndim - 1; a >= 0 && ++at[a] == index->size[a]; a--) at[a] = 0;
    }
    return 0;
}

/* Runs scatter_add's checks of index and src, for nothing but their errors. */
static int check(mt_tensor *x, int64_t dim, mt_tensor *index, mt_tensor *src)
{
    if (src->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "scatter(): Expected self.dtype to be equal to src.dtype");
    return mt_scatter_add(x, dim, index, src) ? 0 : -1;
}

/* arg: dim, reduce, include_self. */
static mt_tensor *reduce_into(mt_tensor *x, int64_t dim, mt_tensor *index, mt_tensor *src,
                              reduction how, bool include_self)
{
    int d = mt_wrap_dim(dim, x->ndim);
    if (d < 0 || check(x, dim, index, src) < 0) return NULL;
    mt_dtype own = type_of(x), wide = mt_is_float(own) ? own : MT_INT64;
    mt_tensor *places = mt_contiguous_raw(index, MT_INT64), *y = mt_empty(wide, x->ndim, x->size);
    mt_tensor *values = src->dtype == wide ? src : mt_contiguous_raw(src, wide);
    if (!places || !y || !values || mt_copy_raw(y, x) < 0) return NULL;
    if (!include_self) {
        mt_tensor *cleared = mt_scatter_value(y, dim, places, neutral(how, wide));
        if (!cleared || mt_copy_raw(y, cleared) < 0) return NULL;
    }
    if (combine_all(how, y, d, places, values) < 0) return NULL;
    if (how == MEAN) {
        mt_tensor *n =
            mt_clamp(counts(y, dim, places, include_self), mt_number_of(mt_scalar_int(1)), NULL);
        y = mt_is_float(wide) ? mt_div(y, n) : mt_floor_divide(y, n);
    }
    return wide == own ? y : mt_to_dtype(y, own);
}

static int scatter_reduce_forward(mt_call *c)
{
    int how = reduction_of(c->arg[1].text);
    if (how < 0) return -1;
    return mt_result_is(
        c, 0, reduce_into(c->in[0], c->arg[0].i, c->in[1], c->in[2], (reduction)how, c->arg[2].b));
}

/* The product of the others, as in prod: where src has the one zero of its place, the product without it. */
static void product_rule(const mt_call *c, mt_tensor *g, mt_tensor **gx, mt_tensor **gsrc)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *src = c->in[2], *y = c->out[0],
              *one = mt_number(1);
    int64_t dim = c->arg[0].i;
    bool self = c->arg[2].b;
    if (*gx) {
        mt_tensor *safe = mt_where(mt_eq(x, mt_number(0)), one, x);
        mt_tensor *rest = mt_scatter_reduce(safe, dim, index, src, "prod", self);
        *gx = mt_div(mt_mul(g, rest), safe);
    }
    if (*gsrc) {
        mt_tensor *zero = mt_eq(src, mt_number(0)), *none = mt_zeros_of(&c->in_dims[0]);
        mt_tensor *zeros = mt_gather(
            mt_scatter_add(none, dim, index, mt_to_dtype(zero, type_of(src))), dim, index);
        mt_tensor *single = mt_logical_and(zero, mt_eq(zeros, one));
        mt_tensor *rest =
            mt_scatter_reduce(x, dim, index, mt_where(single, one, src), "prod", self);
        mt_tensor *plain = mt_div(mt_gather(mt_mul(g, y), dim, index), mt_where(zero, one, src));
        *gsrc = mt_where(single, mt_gather(mt_mul(g, rest), dim, index), plain);
    }
}

static void extremum_rule(const mt_call *c, mt_tensor *g, mt_tensor **gx, mt_tensor **gsrc)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *src = c->in[2], *y = c->out[0];
    int64_t dim = c->arg[0].i;
    mt_tensor *mine = mt_to_dtype(mt_eq(x, y), type_of(g)),
              *theirs = mt_to_dtype(mt_eq(src, mt_gather(y, dim, index)), type_of(g));
    mt_tensor *share = mt_div(g, mt_scatter_add(mine, dim, index, theirs));
    if (*gx) *gx = mt_mul(mine, share);
    if (*gsrc) *gsrc = mt_mul(theirs, mt_gather(share, dim, index));
}

/* Rules for src larger than index look at the part that was read. */
static void scatter_reduce_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *index = c->in[1], *src = c->in[2];
    int64_t dim = c->arg[0].i;
    int how = reduction_of(c->arg[1].text);
    mt_call part = *c;
    mt_tensor *in[3] = {c->in[0], index, src};
    part.in = in;
    for (int d = 0; in[2] && d < in[2]->ndim; d++)
        if (in[2]->size[d] != index->size[d]) in[2] = mt_slice(in[2], d, 0, index->size[d], 1);
    if (!in[2]) return;
    if (how == SUM) {
        if (gin[2]) gin[2] = mt_gather(g, dim, index);
        if (gin[0]) gin[0] = g;
    } else if (how == MEAN) {
        mt_tensor *n = mt_clamp(counts(g, dim, index, c->arg[2].b), mt_number(1), NULL);
        mt_tensor *share = mt_div(g, n);
        if (gin[2]) gin[2] = mt_gather(share, dim, index);
        if (gin[0]) gin[0] = share;
    } else if (how == PROD) {
        product_rule(&part, g, &gin[0], &gin[2]);
    } else {
        extremum_rule(&part, g, &gin[0], &gin[2]);
    }
    if (gin[0] && !c->arg[2].b) gin[0] = mt_scatter_value(gin[0], dim, index, mt_scalar_int(0));
    for (int d = 0; gin[2] && d < src->ndim; d++)
        if (gin[2]->size[d] != src->size[d]) {
            int64_t size[MT_MAX_DIMS];
            memcpy(size, gin[2]->size, (size_t)src->ndim * sizeof *size);
            size[d] = src->size[d];
            gin[2] = mt_slice_backward(gin[2], src->ndim, size, d, 0, gin[2]->size[d], 1);
        }
}
MT_OP(
    scatter_reduce, .kind = EVERYWHERE | MT_OUT,
    .keeps = {MT_KEEP_ALL_IN | MT_KEEP_OUT(0), 0, MT_KEEP_ALL_IN | MT_KEEP_OUT(0)},
    .backward = scatter_reduce_backward,
    .schema = "scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool "
              "include_self=True) -> Tensor",
    .doc = "self with the sum, prod, mean, amax or amin of all elements of src that index sends to "
           "one place of dim; include_self says whether self's element counts.");
mt_tensor *mt_scatter_reduce(mt_tensor *x, int64_t dim, mt_tensor *index, mt_tensor *src,
                             const char *reduce, bool include_self)
{
    mt_arg arg[3] = {mt_arg_int(dim), {.given = true, .text = reduce}, mt_arg_bool(include_self)};
    return index && src ? mt_call3a(&mt_op_scatter_reduce, x, index, src, 3, arg) : NULL;
}

/* ---- index_reduce: one index for whole slices ----------------------------------------------------------------------------- */

static int check_index_reduce(const mt_tensor *x, int d, const mt_tensor *index,
                              const mt_tensor *source)
{
    if (index->ndim > 1)
        return mt_error(MT_INDEX, "index_reduce_(): Index is supposed to be a vector");
    if (index->dtype != MT_INT64 && index->dtype != MT_INT32)
        return mt_error(MT_INDEX, "index_reduce_(): Expected dtype int32/int64 for index");
    if (source->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "index_reduce_(): self and source must have the same scalar type");
    if (source->ndim && d >= source->ndim)
        return mt_error(
            MT_INDEX, "index_reduce_(): Indexing dim %d is out of bounds of the source tensor", d);
    if (index->numel != (source->ndim ? source->size[d] : 1))
        return mt_error(MT_INDEX,
                        "index_reduce_(): Number of indices should be equal to source.size(dim)");
    for (int i = 0; i < source->ndim && i < x->ndim; i++)
        if (i != d && source->size[i] != x->size[i])
            return mt_error(MT_RUNTIME,
                            "source tensor shape must match self tensor shape, excluding the "
                            "specified dimension.");
    return 0;
}
static int index_reduce_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1], *source = c->in[2];
    int64_t size[MT_MAX_DIMS];
    const char *how = c->arg[1].text;
    if (strcmp(how, "prod") && strcmp(how, "mean") && strcmp(how, "amax") && strcmp(how, "amin"))
        return mt_error(MT_RUNTIME,
                        "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but "
                        "got %s.",
                        how);
    int d = mt_wrap_dim(c->arg[0].i, x->ndim);
    if (d < 0 || check_index_reduce(x, d, index, source) < 0) return -1;
    for (int i = 0; i < source->ndim; i++) size[i] = i == d ? index->numel : 1;
    index = mt_reshape(mt_to_dtype(index, MT_INT64), source->ndim, size);
    index = index ? mt_expand(index, source->ndim, source->size) : NULL;
    if (index && x->ndim && !source->ndim)
        index = mt_reshape(index, 1, &index->numel), source = mt_reshape(source, 1, &source->numel);
    return mt_result_is(c, 0, mt_scatter_reduce(x, d, index, source, how, c->arg[2].b));
}
MT_OP(index_reduce, .kind = MT_COMPOSITE | EVERYWHERE | MT_OUT, .grad_name = "IndexReduceBackward0",
      .schema =
          "index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool "
          "include_self=True) -> Tensor",
      .doc = "self with the prod, mean, amax or amin of all slices of source that index (a vector) "
             "sends to one place of dim; include_self says whether self's slice counts.");

/* ---- scatter(reduce=...), the older form: no gradient --------------------------------------------------------------------- */

static int older(mt_call *c, mt_tensor *src, const char *name)
{
    bool add = !strcmp(name, "add");
    if (!add && strcmp(name, "multiply"))
        return mt_error(MT_RUNTIME, "reduce argument must be either add or multiply.");
    return mt_result_is(c, 0,
                        reduce_into(c->in[0], c->arg[0].i, c->in[1], src, add ? SUM : PROD, true));
}
static int scatter_older_forward(mt_call *c) { return older(c, c->in[2], c->arg[1].text); }
static void no_derivative(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c, (void)gout;
    gin[0] = mt_fail(MT_RUNTIME, "derivative for aten::scatter is not implemented");
}
MT_OP(scatter_older, .kind = EVERYWHERE | MT_OUT, .backward = no_derivative,
      .schema = "scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> "
                "Tensor",
      .doc = "");
static int scatter_older_value_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1];
    mt_tensor *src = mt_full(type_of(x), index->ndim, index->size, c->arg[1].s);
    return src ? older(c, src, c->arg[2].text) : -1;
}
MT_OP(scatter_older_value, .kind = EVERYWHERE | MT_OUT, .backward = no_derivative,
      .schema = "scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str "
                "reduce) -> Tensor",
      .doc = "");
