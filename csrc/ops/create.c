/* Operators that make tensors from nothing: zeros, full, arange, eye ... and their
 * *_like and new_* forms. The binding adds device, layout, pin_memory and requires_grad
 * to what is marked MT_FACTORY. */
#include "ops/ops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define FACTORY .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY | MT_OUT
#define LIKE    .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY
#define NEW     .kind = MT_NODIFF | MT_METHOD | MT_FACTORY

/* The type asked for, else that of the out= target, else the usual one. */
static mt_dtype wanted(const mt_call *c, const mt_arg *dtype, mt_dtype usual)
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
    if (sized(c, NULL, &c->arg[0], wanted(c, &c->arg[1], mt_default_dtype())) < 0) return -1;
    if (!format->given || format->i == MT_FORMAT_CONTIGUOUS) return 0;
    return (c->out[0] = mt_empty_format(c->out[0], (mt_dtype)c->out[0]->dtype, format)) ? 0 : -1;
}
MT_OP(empty, FACTORY | MT_ANY_DTYPE | MT_VARARGS,
      .schema = "empty(int[] size, *, ScalarType? dtype=None, MemoryFormat? memory_format=None) "
                "-> Tensor",
      .doc = "A tensor whose values are whatever was in memory.");

static int zeros_forward(mt_call *c)
{
    return filled(c, sized(c, "zeros", &c->arg[0], wanted(c, &c->arg[1], mt_default_dtype())),
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
    return filled(c, sized(c, "ones", &c->arg[0], wanted(c, &c->arg[1], mt_default_dtype())),
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
    mt_dtype d = wanted(c, &c->arg[2], mt_scalar_dtype(v));
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

/* ==== ranges ================================================================================== */

/* The type of a range made from numbers: int64 unless one of them is a float. */
static mt_dtype range_type(const mt_call *c, int numbers)
{
    for (int i = 0; i < numbers; i++)
        if (c->arg[i].given && c->arg[i].s.kind == MT_SCALAR_FLOAT) return mt_default_dtype();
    return MT_INT64;
}

/* start + i step as PyTorch rounds it: two vectors of 32 bytes at a time, of each of which the first element
 * is rounded to its type before the steps to the others are added; what is left over one by one. (NEXT: in
 * float32 the sum in double is rounded to the same number without fma, but once in a million.) */
#define FILL_RANGE(name, T, NEXT)                                                                  \
    static void name(int64_t n, T *y, double start, double step)                                   \
    {                                                                                              \
        enum { LANES = 32 / sizeof(T) };                                                           \
        const int64_t whole = n - n % (2 * LANES);                                                 \
        for (int64_t i = 0; i < whole; i += LANES) {                                               \
            const double base = (T)fma(step, (double)i, start);                                    \
            for (int lane = 0; lane < LANES; lane++) y[i + lane] = (T)(NEXT);                      \
        }                                                                                          \
        for (int64_t i = whole; i < n; i++) y[i] = (T)fma(step, (double)i, start);                 \
    }
FILL_RANGE(fill_range_f32, float, base + step * lane)
FILL_RANGE(fill_range_f64, double, fma(step, lane, base))

static int arange_between(mt_call *c, mt_scalar start, mt_scalar end, mt_scalar step, mt_dtype d)
{
    if (d ==
        MT_INT64) { /* PyTorch cuts the fractions off first; for other integers after counting */
        start = mt_scalar_int(mt_scalar_to_int(start));
        end = mt_scalar_int(mt_scalar_to_int(end));
        step = mt_scalar_int(mt_scalar_to_int(step));
    }
    double a = mt_scalar_to_double(start), b = mt_scalar_to_double(end),
           s = mt_scalar_to_double(step), n;
    if (!(s > 0 || s < 0)) return mt_error(MT_RUNTIME, "step must be nonzero");
    if (d == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"arange_cpu\" not implemented for 'Bool'");
    if (!isfinite(a) || !isfinite(b))
        return mt_error(MT_RUNTIME, "unsupported range: %g -> %g", a, b);
    if ((s > 0 && a > b) || (s < 0 && a < b))
        return mt_error(MT_RUNTIME, "upper bound and lower bound inconsistent with step sign");
    bool whole = mt_is_integral(d) && start.kind != MT_SCALAR_FLOAT &&
                 end.kind != MT_SCALAR_FLOAT && step.kind != MT_SCALAR_FLOAT;
    int64_t a_int = mt_scalar_to_int(start), s_int = mt_scalar_to_int(step);
    if (whole) {
        uint64_t gap = s_int > 0 ? (uint64_t)mt_scalar_to_int(end) - (uint64_t)a_int
                                 : (uint64_t)a_int - (uint64_t)mt_scalar_to_int(end);
        uint64_t width = s_int > 0 ? (uint64_t)s_int : -(uint64_t)s_int;
        n = (double)(gap / width + (gap % width != 0));
    } else {
        n = ceil((b - a) / s);
    }
    if (n > 9e15) return mt_error(MT_RUNTIME, "invalid size, possible overflow?");
    int64_t count = (int64_t)n;
    mt_tensor *y = mt_result(c, 0, d, 1, &count);
    if (!y) return -1;
    if (mt_is_float(d)) {
        if (d == MT_FLOAT32)
            fill_range_f32(count, (float *)(void *)y->data, a, s);
        else
            fill_range_f64(count, (double *)(void *)y->data, a, s);
        return 0;
    }
    for (int64_t i = 0; i < count; i++) {
        mt_scalar v = mt_scalar_int(whole || mt_is_integral(d)
                                        ? (int64_t)((uint64_t)a_int + (uint64_t)i * (uint64_t)s_int)
                                        : i);
        mt_scalar_store(v, d, y->data + i * mt_itemsize(y));
    }
    return 0;
}

static int arange_forward(mt_call *c)
{
    return arange_between(c, mt_scalar_int(0), c->arg[0].s, mt_scalar_int(1),
                          wanted(c, &c->arg[1], range_type(c, 1)));
}
MT_OP(arange, FACTORY, .schema = "arange(Scalar end, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The numbers from start (0) to end, which is left out, in steps of step (1). int64 "
             "unless a float is given.");
static int arange_start_forward(mt_call *c)
{
    mt_scalar step = c->arg[2].s;
    return arange_between(c, c->arg[0].s, c->arg[1].s, step,
                          wanted(c, &c->arg[3], range_type(c, 3)));
}
MT_OP(arange_start, FACTORY,
      .schema = "arange.start(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None) "
                "-> Tensor",
      .doc = "");

/* The older range, which includes its end. */
static int range_forward(mt_call *c)
{
    double a = mt_scalar_to_double(c->arg[0].s), b = mt_scalar_to_double(c->arg[1].s),
           step = mt_scalar_to_double(c->arg[2].s);
    if (mt_warn("torch.range is deprecated and will be removed in a future release because its "
                "behavior is inconsistent with Python's range builtin. Instead, use torch.arange, "
                "which produces values in [start, end).") < 0)
        return -1;
    if (step == 0) return mt_error(MT_RUNTIME, "step must be nonzero");
    if (!isfinite(a) || !isfinite(b))
        return mt_error(MT_RUNTIME, "unsupported range: %g -> %g", a, b);
    if ((b - a) * step < 0)
        return mt_error(MT_RUNTIME, "upper bound and lower bound inconsistent with step sign");
    double n = floor((b - a) / step) + 1;
    if (!(n < 9e15)) return mt_error(MT_RUNTIME, "invalid size, possible overflow?");
    int64_t count = (int64_t)n;
    mt_tensor *y = mt_result(c, 0, wanted(c, &c->arg[3], mt_default_dtype()), 1, &count);
    for (int64_t i = 0; y && i < count; i++)
        mt_scalar_store(mt_scalar_float(a + (double)i * step), (mt_dtype)y->dtype,
                        y->data + i * mt_itemsize(y));
    return y ? 0 : -1;
}
MT_OP(
    range, FACTORY | MT_RANDOM,
    .schema = "range(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None) -> Tensor",
    .doc = "The numbers from start to end, which is included, in steps of step. Older than "
           "arange, with a warning.");

/* start and end are 0-d tensors, or numbers. */
static int check_ends(const mt_call *c, const char *name)
{
    int a = c->in[0]->ndim, b = c->in[1]->ndim;
    char text[2][40] = {"", ""};
    if (a == 0 && b == 0) return 0;
    if (a) snprintf(text[0], sizeof text[0], "start with %d dimension(s)", a);
    if (b) snprintf(text[1], sizeof text[1], "%send with %d dimension(s)", a ? " and " : "", b);
    return mt_error(MT_RUNTIME,
                    "%s only supports 0-dimensional start and end tensors, but got %s%s.", name,
                    text[0], text[1]);
}

/* An integral range runs between integers. */
static double end_at(const mt_call *c, int i, mt_dtype d)
{
    mt_scalar end = mt_item_at(c->in[i], 0);
    return mt_is_float(d) ? mt_scalar_to_double(end) : (double)mt_scalar_to_int(end);
}

/* From both ends towards the middle, as PyTorch does it, so that the last
 * value is exactly `end`. */
static int linspace_forward(mt_call *c)
{
    if (check_ends(c, "linspace") < 0) return -1;
    int64_t n = c->arg[0].i;
    mt_dtype d = wanted(c, &c->arg[1], mt_default_dtype());
    if (n < 0) return mt_error(MT_RUNTIME, "number of steps must be non-negative");
    double a = end_at(c, 0, d), b = end_at(c, 1, d);
    mt_tensor *y = mt_result(c, 0, d, 1, &n);
    if (!y) return -1;
    if (d == MT_FLOAT32) {
        float *p = (float *)(void *)y->data, fa = (float)a, fb = (float)b,
              step = n > 1 ? (fb - fa) / (float)(n - 1) : 0;
        for (int64_t i = 0; i < n; i++)
            p[i] = i < n / 2 || n == 1 ? fmaf((float)i, step, fa)
                                       : fmaf(-(float)(n - 1 - i), step, fb);
        return 0;
    }
    double step = n > 1 ? (b - a) / (double)(n - 1) : 0;
    for (int64_t i = 0; i < n; i++) {
        double v =
            i < n / 2 || n == 1 ? fma((double)i, step, a) : fma(-(double)(n - 1 - i), step, b);
        mt_scalar_store(mt_scalar_float(v), d, y->data + i * mt_itemsize(y));
    }
    return 0;
}
MT_OP(
    linspace, FACTORY,
    .schema = "linspace(Number start, Number end, int steps, *, ScalarType? dtype=None) -> Tensor",
    .doc = "`steps` numbers at equal distances from start to end, both included.");

static int logspace_forward(mt_call *c)
{
    if (check_ends(c, "logspace") < 0) return -1;
    int64_t n = c->arg[0].i;
    mt_dtype d = wanted(c, &c->arg[2], mt_default_dtype());
    if (n < 0) return mt_error(MT_RUNTIME, "number of steps must be non-negative");
    double a = end_at(c, 0, d), b = end_at(c, 1, d), step = n > 1 ? (b - a) / (double)(n - 1) : 0;
    mt_tensor *y = mt_result(c, 0, d, 1, &n);
    for (int64_t i = 0; y && i < n; i++) {
        double v = i < n / 2 || n == 1 ? a + (double)i * step : b - (double)(n - 1 - i) * step;
        mt_scalar_store(mt_scalar_float(pow(c->arg[1].d, v)), d, y->data + i * mt_itemsize(y));
    }
    return y ? 0 : -1;
}
MT_OP(logspace, FACTORY,
      .schema = "logspace(Number start, Number end, int steps, float base=10.0, *, ScalarType? "
                "dtype=None) -> Tensor",
      .doc = "base ** x for the x of linspace(start, end, steps).");

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
    return eye_of(c, c->arg[0].i, c->arg[0].i, wanted(c, &c->arg[1], mt_default_dtype()));
}
MT_OP(eye, FACTORY, .schema = "eye(int n, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The n by m (n) matrix with ones on the diagonal.");
static int eye_m_forward(mt_call *c)
{
    return eye_of(c, c->arg[0].i, c->arg[1].i, wanted(c, &c->arg[2], mt_default_dtype()));
}
MT_OP(eye_m, FACTORY, .schema = "eye.m(int n, int m, *, ScalarType? dtype=None) -> Tensor",
      .doc = "");
