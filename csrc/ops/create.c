/* Operators that make tensors from nothing: zeros, full, eye ... and their
 * *_like and new_* forms. The binding adds device, layout, pin_memory and requires_grad
 * to what is marked MT_FACTORY. */
#include "ops/ops.h"

#include <inttypes.h>

#define FACTORY .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY | MT_OUT
#define LIKE    .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY
#define NEW     .kind = MT_NODIFF | MT_METHOD | MT_FACTORY

mt_dtype mt_wanted_dtype(const mt_call *c, const mt_arg *dtype, mt_dtype usual)
{
    if (dtype->given) return (mt_dtype)dtype->i;
    return c->target && c->target[0] ? (mt_dtype)c->target[0]->dtype : usual;
}

static int sized(mt_call *c, const char *name, const mt_arg *size, mt_dtype d)
{
    char text[MT_SHAPE_TEXT];
    if (size->ints.n > MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "tensors have at most %d dimensions, but got %" PRId64,
                        MT_MAX_DIMS, size->ints.n);
    for (int64_t i = 0; i < size->ints.n; i++)
        if (size->ints.v[i] < 0)
            return name
                       ? mt_error(MT_RUNTIME, "%s: Dimension size must be non-negative.", name)
                       : mt_error(MT_RUNTIME,
                                  "Trying to create tensor with negative dimension %" PRId64 ": %s",
                                  size->ints.v[i],
                                  mt_shape_text((int)size->ints.n, size->ints.v, text));
    return mt_result(c, 0, d, (int)size->ints.n, size->ints.v) ? 0 : -1;
}

static int filled(mt_call *c, int status, mt_scalar value)
{
    return status < 0 ? -1 : mt_fill_raw(c->out[0], value);
}

/* ==== empty, zeros, ones, full ================================================================ */

static int empty_forward(mt_call *c)
{
    const mt_arg *format = &c->arg[2];
    if (format->given && format->i == MT_FORMAT_PRESERVE)
        return mt_error(MT_RUNTIME, "unsupported memory format Preserve");
    if (format->given && c->flags & MT_CALL_OUT)
        return mt_error(MT_RUNTIME,
                        "'memory_format' argument is incompatible with 'out' tensor argument");
    if (sized(c, NULL, &c->arg[0], mt_wanted_dtype(c, &c->arg[1], mt_default_dtype())) < 0)
        return -1;
    if (!format->given || format->i == MT_FORMAT_CONTIGUOUS) return 0;
    return (c->out[0] = mt_empty_format(c->out[0], (mt_dtype)c->out[0]->dtype, format)) ? 0 : -1;
}
MT_OP(empty, FACTORY | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "empty(int[] size, *, ScalarType? dtype=None, MemoryFormat? memory_format=None) "
                "-> Tensor",
      .doc = "A tensor whose values are whatever was in memory.");

static int zeros_forward(mt_call *c)
{
    return filled(c,
                  sized(c, "zeros", &c->arg[0], mt_wanted_dtype(c, &c->arg[1], mt_default_dtype())),
                  mt_scalar_int(0));
}
MT_OP(zeros, FACTORY | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "zeros(int[] size, *, ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of zeros.");
mt_tensor *mt_zeros(mt_dtype d, int ndim, const int64_t *size)
{
    mt_arg arg[2] = {mt_arg_ints(ndim, size), mt_arg_dtype(d)};
    return mt_call0(&mt_op_zeros, 2, arg);
}

static int ones_forward(mt_call *c)
{
    return filled(c,
                  sized(c, "ones", &c->arg[0], mt_wanted_dtype(c, &c->arg[1], mt_default_dtype())),
                  mt_scalar_int(1));
}
MT_OP(ones, FACTORY | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "ones(int[] size, *, ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of ones.");
mt_tensor *mt_ones(mt_dtype d, int ndim, const int64_t *size)
{
    mt_arg arg[2] = {mt_arg_ints(ndim, size), mt_arg_dtype(d)};
    return mt_call0(&mt_op_ones, 2, arg);
}

static int full_forward(mt_call *c)
{
    mt_scalar v = c->arg[1].s;
    mt_dtype d = mt_wanted_dtype(c, &c->arg[2], mt_scalar_dtype(v));
    if (mt_scalar_check_fill(v, d) < 0) return -1;
    return filled(c, sized(c, "full", &c->arg[0], d), v);
}
MT_OP(full, FACTORY | MT_ANY_DTYPE,
      .schema = "full(int[] size, Scalar fill_value, *, ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of fill_value, of the type that the value has unless dtype says otherwise.");
mt_tensor *mt_full(mt_dtype d, int ndim, const int64_t *size, mt_scalar value)
{
    mt_arg arg[3] = {mt_arg_ints(ndim, size), mt_arg_scalar(value), mt_arg_dtype(d)};
    return mt_call0(&mt_op_full, 3, arg);
}

/* ==== like another tensor ===================================================================== */

/* dtype, and memory_format behind it. */
static int like(mt_call *c, const mt_arg *dtype)
{
    mt_dtype d = dtype->given ? (mt_dtype)dtype->i : (mt_dtype)c->in[0]->dtype;
    return (c->out[0] = mt_empty_format(c->in[0], d, dtype + 1)) ? 0 : -1;
}

static int empty_like_forward(mt_call *c) { return like(c, &c->arg[0]); }
MT_OP(empty_like, LIKE | MT_ANY_DTYPE,
      .schema = "empty_like(Tensor self, *, ScalarType? dtype=None, MemoryFormat? "
                "memory_format=None) -> Tensor",
      .doc = "empty() in the shape, type and memory order of the input.");
static int zeros_like_forward(mt_call *c)
{
    return filled(c, like(c, &c->arg[0]), mt_scalar_int(0));
}
MT_OP(zeros_like, LIKE | MT_ANY_DTYPE,
      .schema = "zeros_like(Tensor self, *, ScalarType? dtype=None, MemoryFormat? "
                "memory_format=None) -> Tensor",
      .doc = "zeros() in the shape, type and memory order of the input.");
mt_tensor *mt_zeros_like(mt_tensor *self)
{
    mt_arg arg[2] = {mt_arg_none(), mt_arg_none()};
    return mt_call1a(&mt_op_zeros_like, self, 2, arg);
}
static int ones_like_forward(mt_call *c)
{
    return filled(c, like(c, &c->arg[0]), mt_scalar_int(1));
}
MT_OP(ones_like, LIKE | MT_ANY_DTYPE,
      .schema = "ones_like(Tensor self, *, ScalarType? dtype=None, MemoryFormat? "
                "memory_format=None) -> Tensor",
      .doc = "ones() in the shape, type and memory order of the input.");
static int full_like_forward(mt_call *c)
{
    mt_dtype d = c->arg[1].given ? (mt_dtype)c->arg[1].i : (mt_dtype)c->in[0]->dtype;
    if (mt_scalar_check_fill(c->arg[0].s, d) < 0) return -1;
    return filled(c, like(c, &c->arg[1]), c->arg[0].s);
}
MT_OP(full_like, LIKE | MT_ANY_DTYPE,
      .schema = "full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, "
                "MemoryFormat? memory_format=None) -> Tensor",
      .doc = "full() in the shape, type and memory order of the input.");

#define NEW_TYPE(k) (c->arg[k].given ? (mt_dtype)c->arg[k].i : (mt_dtype)c->in[0]->dtype)
static int new_empty_forward(mt_call *c) { return sized(c, NULL, &c->arg[0], NEW_TYPE(1)); }
MT_OP(new_empty, NEW | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "new_empty(Tensor self, int[] size, *, ScalarType? dtype=None) -> Tensor",
      .doc = "empty(size) in this tensor's type.");
static int new_zeros_forward(mt_call *c)
{
    return filled(c, sized(c, NULL, &c->arg[0], NEW_TYPE(1)), mt_scalar_int(0));
}
MT_OP(new_zeros, NEW | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "new_zeros(Tensor self, int[] size, *, ScalarType? dtype=None) -> Tensor",
      .doc = "zeros(size) in this tensor's type.");
static int new_ones_forward(mt_call *c)
{
    return filled(c, sized(c, NULL, &c->arg[0], NEW_TYPE(1)), mt_scalar_int(1));
}
MT_OP(new_ones, NEW | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "new_ones(Tensor self, int[] size, *, ScalarType? dtype=None) -> Tensor",
      .doc = "ones(size) in this tensor's type.");
static int new_full_forward(mt_call *c)
{
    if (mt_scalar_check_fill(c->arg[1].s, NEW_TYPE(2)) < 0) return -1;
    return filled(c, sized(c, NULL, &c->arg[0], NEW_TYPE(2)), c->arg[1].s);
}
MT_OP(
    new_full, NEW | MT_ANY_DTYPE,
    .schema =
        "new_full(Tensor self, int[] size, Scalar fill_value, *, ScalarType? dtype=None) -> Tensor",
    .doc = "full(size, fill_value) in this tensor's type.");

/* ---- in memory of a given layout ---- */

static int laid_out(mt_call *c, const mt_arg *size, const mt_arg *stride, mt_dtype d)
{
    if (size->ints.n != stride->ints.n)
        return mt_error(MT_RUNTIME,
                        "dimensionality of sizes (%" PRId64
                        ") must match dimensionality of strides (%" PRId64 ")",
                        size->ints.n, stride->ints.n);
    for (int64_t i = 0; i < size->ints.n; i++)
        if (size->ints.v[i] < 0 || stride->ints.v[i] < 0)
            return mt_error(MT_RUNTIME,
                            "Trying to create tensor with negative dimension or stride at %" PRId64,
                            i);
    c->out[0] = mt_empty_strided(d, (int)size->ints.n, size->ints.v, stride->ints.v);
    return c->out[0] ? 0 : -1;
}
static int empty_strided_forward(mt_call *c)
{
    mt_dtype d = c->arg[2].given ? (mt_dtype)c->arg[2].i : mt_default_dtype();
    return laid_out(c, &c->arg[0], &c->arg[1], d);
}
MT_OP(empty_strided, LIKE | MT_ANY_DTYPE,
      .schema = "empty_strided(int[] size, int[] stride, *, ScalarType? dtype=None) -> Tensor",
      .doc = "empty() with these strides, in elements.");
static int new_empty_strided_forward(mt_call *c)
{
    return laid_out(c, &c->arg[0], &c->arg[1], NEW_TYPE(2));
}
MT_OP(new_empty_strided, NEW | MT_ANY_DTYPE,
      .schema = "new_empty_strided(Tensor self, int[] size, int[] stride, *, ScalarType? "
                "dtype=None) -> Tensor",
      .doc = "empty_strided(size, stride) in this tensor's type.");

/* physical_layout: the dimensions from the one that moves slowest in memory to the fastest. */
static int empty_permuted_forward(mt_call *c)
{
    const mt_arg *size = &c->arg[0], *order = &c->arg[1];
    int64_t stride[MT_MAX_DIMS] = {0}, step = 1, n = size->ints.n;
    bool seen[MT_MAX_DIMS] = {false};
    if (order->ints.n != n || n > MT_MAX_DIMS)
        return mt_error(MT_RUNTIME,
                        "Number of dimensions in size does not match the length of the "
                        "physical_layout; i.e. len(size) = %" PRId64
                        " is not equal to len(physical_layout) = %" PRId64,
                        n, order->ints.n);
    for (int64_t i = n - 1; i >= 0; i--) {
        int64_t d = order->ints.v[i];
        if (d < 0 || d >= n)
            return mt_error(MT_RUNTIME,
                            "Dimension out of range (expected to be between 0 and %" PRId64
                            ", but got %" PRId64 " at index %" PRId64
                            ").  NB: negative dims not currently supported; file an issue if you "
                            "want it.",
                            n - 1, d, i);
        if (seen[d]) return mt_error(MT_RUNTIME, "Duplicate dim not allowed");
        seen[d] = true;
        stride[d] = step;
        if (__builtin_mul_overflow(step, size->ints.v[d] > 1 ? size->ints.v[d] : 1, &step))
            return mt_error(MT_RUNTIME, "empty_permuted: sizes overflow");
    }
    mt_arg strides = mt_arg_ints(n, stride);
    mt_dtype d = c->arg[2].given ? (mt_dtype)c->arg[2].i : mt_default_dtype();
    return laid_out(c, size, &strides, d);
}
MT_OP(empty_permuted, LIKE | MT_ANY_DTYPE,
      .schema = "empty_permuted(int[] size, int[] physical_layout, *, ScalarType? dtype=None) -> "
                "Tensor",
      .doc = "empty() with the dimensions in this order in memory, the slowest first.");

/* ==== eye ===================================================================================== */

static int eye_of(mt_call *c, int64_t n, int64_t m, mt_dtype d)
{
    int64_t size[2] = {n, m};
    if (n < 0) return mt_error(MT_RUNTIME, "n must be greater or equal to 0, got %" PRId64, n);
    if (m < 0) return mt_error(MT_RUNTIME, "m must be greater or equal to 0, got %" PRId64, m);
    mt_tensor *y = mt_result(c, 0, d, 2, size);
    if (!y || mt_fill_raw(y, mt_scalar_int(0)) < 0) return -1;
    for (int64_t i = 0; i < n && i < m; i++)
        mt_scalar_store(mt_scalar_int(1), d, y->data + i * (m + 1) * mt_itemsize(y));
    return 0;
}

static int eye_forward(mt_call *c)
{
    return eye_of(c, c->arg[0].i, c->arg[0].i, mt_wanted_dtype(c, &c->arg[1], mt_default_dtype()));
}
MT_OP(eye, FACTORY, .schema = "eye(int n, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The n by m (n) matrix with ones on the diagonal.");
static int eye_m_forward(mt_call *c)
{
    return eye_of(c, c->arg[0].i, c->arg[1].i, mt_wanted_dtype(c, &c->arg[2], mt_default_dtype()));
}
MT_OP(eye_m, FACTORY, .schema = "eye.m(int n, int m, *, ScalarType? dtype=None) -> Tensor",
      .doc = "");
