/* Sums and means. Relies on ops/reduce.h; read next: ops/extrema.c. */
#include "ops/reduce.h"
#include "ops/rules.h"

/* ==== sum ===================================================================================== */

/* Integers and bool add up to int64, unless a type is asked for. */
static mt_dtype sum_type(const mt_tensor *x, const mt_arg *dtype)
{
    if (dtype->given) return (mt_dtype)dtype->i;
    return mt_is_float((mt_dtype)x->dtype) ? (mt_dtype)x->dtype : MT_INT64;
}

static int reduce_to(mt_call *c, mt_reduction how, const mt_arg *dims, bool keepdim, mt_dtype d)
{
    mt_tensor *x = c->in[0];
    bool mask[MT_MAX_DIMS];
    int64_t size[MT_MAX_DIMS];
    if (mt_reduce_mask(x, dims, mask) < 0) return -1;
    if (d == MT_BOOL && !(x = mt_contiguous_raw(x, MT_BOOL))) return -1; /* 0.5 is true */
    /* The kernels add integers into int64: other types are cast first. */
    mt_dtype compute = mt_is_float(d) ? d : MT_INT64;
    if (x->dtype != compute && (mt_is_float(compute) || mt_is_float((mt_dtype)x->dtype)) &&
        !(x = mt_contiguous_raw(x, compute)))
        return -1;
    int ndim = mt_reduced_shape(x, mask, keepdim, size);
    if (d != compute) {
        mt_tensor *wide = mt_empty(compute, ndim, size),
                  *y = wide ? mt_result(c, 0, d, ndim, size) : NULL;
        return y && mt_reduce_raw(how, x, mask, wide) == 0 ? mt_copy_raw(y, wide) : -1;
    }
    mt_tensor *y = mt_result(c, 0, d, ndim, size);
    return y ? mt_reduce_raw(how, x, mask, y) : -1;
}

static int sum_forward(mt_call *c)
{
    return reduce_to(c, MT_REDUCE_sum, NULL, false, sum_type(c->in[0], &c->arg[0]));
}

static void sum_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_expand(gout[0], c->in_dims[0].ndim, c->in_dims[0].size);
}

MT_OP(sum, .kind = MT_FUNCTION | MT_METHOD, .backward = sum_backward,
      .rule = "g expanded to x.shape",
      .schema = "sum(Tensor self, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The sum of all elements, or along dim. Integers and bool add up to int64.");

mt_tensor *mt_sum(mt_tensor *self)
{
    mt_arg arg[1] = {mt_arg_none()};
    return mt_call1a(&mt_op_sum, self, 1, arg);
}

static int sum_dim_forward(mt_call *c)
{
    return reduce_to(c, MT_REDUCE_sum, &c->arg[0], c->arg[1].b, sum_type(c->in[0], &c->arg[2]));
}

static void sum_dim_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_unreduce(gout[0], &c->in_dims[0], &c->arg[0], c->arg[1].b);
}

MT_OP(sum_dim, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .grad_name = "SumBackward1",
      .backward = sum_dim_backward, .rule = "g expanded to x.shape",
      .schema = "sum.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) "
                "-> Tensor",
      .doc = "");

mt_tensor *mt_sum_dim(mt_tensor *self, int n, const int64_t *dims, bool keepdim)
{
    mt_arg arg[3] = {mt_arg_ints(n, dims), mt_arg_bool(keepdim), mt_arg_none()};
    return mt_call1a(&mt_op_sum_dim, self, 3, arg);
}

/* ==== mean ==================================================================================== */

static int64_t count_reduced(const mt_dims *x, const mt_arg *dims)
{
    bool mask[MT_MAX_DIMS];
    bool some = dims && dims->given;
    int64_t n = 1;
    if (mt_wrap_dims(some ? dims->ints.n : -1, some ? dims->ints.v : NULL, x->ndim, mask) < 0)
        return -1;
    for (int d = 0; d < x->ndim; d++) n *= mask[d] ? x->size[d] : 1;
    return n;
}

static int mean_over(mt_call *c, const mt_arg *dims, bool keepdim, const mt_arg *dtype)
{
    mt_tensor *x = c->in[0];
    mt_dims shape = {x->ndim, (mt_dtype)x->dtype, x->size, x->numel};
    mt_dtype d = dtype->given ? (mt_dtype)dtype->i : (mt_dtype)x->dtype;
    if (!mt_is_float(d))
        return mt_error(MT_RUNTIME,
                        "mean(): could not infer output dtype. %s dtype must be either a floating "
                        "point or complex dtype. Got: %s",
                        dtype->given ? "Optional" : "Input", mt_dtype_camel(d));
    int64_t n = count_reduced(&shape, dims);
    if (n < 0 || reduce_to(c, MT_REDUCE_sum, dims, keepdim, d) < 0) return -1;
    mt_tensor *y = c->out[0];
    double room = 0, count = (double)n;
    mt_scalar_store(mt_scalar_float(count), d, &room);
    mt_tensor number = {.dtype = (uint8_t)d,
                        .numel = 1,
                        .flags = MT_CONTIGUOUS,
                        .data = (char *)&room,
                        .size = number.dims};
    mt_tensor *in[2] = {y, &number};
    mt_run_loop(mt_k->binary[MT_BINARY_div][d], y, 2, in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

static int mean_forward(mt_call *c) { return mean_over(c, NULL, false, &c->arg[0]); }

static void mean_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    if (gin[0])
        gin[0] =
            mt_expand(mt_div(gout[0], mt_number((double)count_reduced(x, NULL))), x->ndim, x->size);
}

MT_OP(mean, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .backward = mean_backward,
      .rule = "g / n expanded to x.shape",
      .schema = "mean(Tensor self, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The mean of all elements, or along dim. Floating types only.");

mt_tensor *mt_mean(mt_tensor *self)
{
    mt_arg arg[1] = {mt_arg_none()};
    return mt_call1a(&mt_op_mean, self, 1, arg);
}

static int mean_dim_forward(mt_call *c)
{
    return mean_over(c, &c->arg[0], c->arg[1].b, &c->arg[2]);
}

static void mean_dim_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *x = &c->in_dims[0];
    if (!gin[0]) return;
    mt_tensor *share = mt_div(gout[0], mt_number((double)count_reduced(x, &c->arg[0])));
    gin[0] = mt_unreduce(share, x, &c->arg[0], c->arg[1].b);
}

MT_OP(mean_dim, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .grad_name = "MeanBackward1",
      .backward = mean_dim_backward, .rule = "g / n expanded to x.shape",
      .schema = "mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) "
                "-> Tensor",
      .doc = "");

mt_tensor *mt_mean_dim(mt_tensor *self, int n, const int64_t *dims, bool keepdim)
{
    mt_arg arg[3] = {mt_arg_ints(n, dims), mt_arg_bool(keepdim), mt_arg_none()};
    return mt_call1a(&mt_op_mean_dim, self, 3, arg);
}

static int sum_to_size_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int n = (int)c->arg[0].ints.n, extra = x->ndim - n;
    const int64_t *size = c->arg[0].ints.v;
    char want[MT_SHAPE_TEXT], have[MT_SHAPE_TEXT];
    bool fits = extra >= 0;
    for (int d = 0; fits && d < n; d++) fits = size[d] == 1 || size[d] == x->size[d + extra];
    if (!fits)
        return mt_error(MT_RUNTIME, "size {%s} is not expandable to size {%s}.",
                        mt_shape_text(n, size, want), mt_shape_text(x->ndim, x->size, have));
    if (mt_shape_equal(n, size, x->ndim, x->size) && n) return mt_result_is(c, 0, x);
    if (!mt_is_inexact((mt_dtype)x->dtype)) x = mt_to_dtype(x, MT_INT64); /* as sum() */
    return x ? mt_result_is(c, 0, mt_sum_to_size(x, n, size)) : -1;
}
MT_OP(sum_to_size, .kind = MT_COMPOSITE | MT_METHOD | MT_VARARGS,
      .schema = "sum_to_size(Tensor self, int[] size) -> Tensor",
      .doc = "The sums that give a tensor of this size, which broadcasts to that of self.");
