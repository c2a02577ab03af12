/* Complex numbers from and to real ones, and the operators on them that are made of others: the
 * functions of BY rows. Relies on ops/complex.h; read before: ops/complex.c. */
#include "ops/complex.h"

#include "ops/ops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* ==== from two real tensors =================================================================== */

static int check_parts(const mt_tensor *a, const mt_tensor *b)
{
    if (!mt_is_floating(type_of(a)) || !mt_is_floating(type_of(b)) || a->dtype == MT_BFLOAT16 ||
        b->dtype == MT_BFLOAT16)
        return mt_error(
            MT_RUNTIME,
            "Expected both inputs to be Half, Float or Double tensors but got %s and %s",
            mt_dtype_camel(type_of(a)), mt_dtype_camel(type_of(b)));
    if (a->dtype != b->dtype)
        return mt_error(
            MT_RUNTIME,
            "Expected object of scalar type %s but got scalar type %s for second argument",
            mt_dtype_camel(type_of(a)), mt_dtype_camel(type_of(b)));
    return 0;
}

static int complex_forward(mt_call *c)
{
    mt_tensor *re = c->in[0], *im = c->in[1];
    if (check_parts(re, im) < 0) return -1;
    mt_tensor *z = mt_result_broadcast(c, mt_complex_dtype(type_of(re)), 2, c->in);
    mt_tensor *to_re = z ? mt_part(z, 0) : NULL, *to_im = to_re ? mt_part(z, 1) : NULL;
    if (!to_im || mt_copy_raw(to_re, re) < 0) return -1;
    return mt_copy_raw(to_im, im);
}
static void complex_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = mt_real(gout[0]);
    if (gin[1]) gin[1] = mt_imag(gout[0]);
}
MT_OP(complex, .kind = MT_ANY_DTYPE | MT_FUNCTION | MT_OUT, .backward = complex_rule,
      .rule = "greal = real(g); gimag = imag(g)",
      .schema = "complex(Tensor real, Tensor imag) -> Tensor",
      .doc = "real + 1j * imag of two real tensors of one type: float32 gives complex64, float64 "
             "complex128.");
mt_tensor *mt_complex(mt_tensor *re, mt_tensor *im) { return mt_call2(&mt_op_complex, re, im); }

static int polar_forward(mt_call *c)
{
    mt_tensor *r = c->in[0], *phi = c->in[1];
    if (check_parts(r, phi) < 0) return -1;
    return mt_result_is(c, 0, mt_complex(mt_mul(r, mt_cos(phi)), mt_mul(r, mt_sin(phi))));
}
MT_OP(polar, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_OUT,
      .grad_name = "PolarBackward0", .schema = "polar(Tensor abs, Tensor angle) -> Tensor",
      .doc = "abs * (cos(angle) + 1j * sin(angle)): complex numbers from their size and angle.");

/* ==== looks at the parts ====================================================================== */

/* The memory of in[0] as another type: a view as mt_result_view makes them. */
static int view_as_type(mt_call *c, mt_dtype d, int ndim, const int64_t *size,
                        const int64_t *stride, int64_t offset)
{
    mt_tensor *v = mt_from_storage(c->in[0]->storage, d, ndim, size, stride, offset);
    return mt_result_look(c, 0, v) ? 0 : -1;
}

static int view_as_real_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t size[MT_MAX_DIMS + 1], stride[MT_MAX_DIMS + 1];
    if (!mt_is_complex(type_of(x)))
        return mt_error(MT_RUNTIME, "view_as_real is only supported for complex tensors");
    if (x->ndim == MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "tensors have at most %d dimensions, but got %d", MT_MAX_DIMS,
                        x->ndim + 1);
    for (int d = 0; d < x->ndim; d++) {
        size[d] = x->size[d];
        stride[d] = 2 * x->stride[d];
    }
    size[x->ndim] = 2;
    stride[x->ndim] = 1;
    return view_as_type(c, mt_real_dtype(type_of(x)), x->ndim + 1, size, stride, 2 * x->offset);
}
static void view_as_real_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = mt_view_as_complex(mt_contiguous(gout[0]));
}
MT_OP(view_as_real, .kind = MT_VIEW | MT_FUNCTION, .backward = view_as_real_rule,
      .rule = "view_as_complex(g)", .schema = "view_as_real(Tensor self) -> Tensor",
      .doc =
          "The same memory as real numbers, with a last dimension of size 2 for the real and the "
          "imaginary part.");
mt_tensor *mt_view_as_real(mt_tensor *self) { return mt_call1(&mt_op_view_as_real, self); }

static int check_pairs(const mt_tensor *x)
{
    int last = x->ndim - 1;
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME,
                        "view_as_complex is only supported for half, float and double tensors, but "
                        "got a tensor of scalar type: %s",
                        mt_dtype_camel(type_of(x)));
    if (last < 0) return mt_error(MT_RUNTIME, "Input tensor must have one or more dimensions");
    if (x->size[last] != 2)
        return mt_error(MT_RUNTIME, "Tensor must have a last dimension of size 2");
    if (x->stride[last] != 1)
        return mt_error(MT_RUNTIME, "Tensor must have a last dimension with stride 1");
    for (int d = 0; d < last; d++)
        if (x->stride[d] % 2)
            return mt_error(MT_RUNTIME,
                            "Tensor must have a stride divisible by 2 for all but last dimension");
    if (x->offset % 2)
        return mt_error(MT_RUNTIME, "Tensor must have a storage_offset divisible by 2");
    return 0;
}

static int view_as_complex_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t stride[MT_MAX_DIMS];
    if (check_pairs(x) < 0) return -1;
    for (int d = 0; d < x->ndim - 1; d++) stride[d] = x->stride[d] / 2;
    return view_as_type(c, mt_complex_dtype(type_of(x)), x->ndim - 1, x->size, stride,
                        x->offset / 2);
}
static void view_as_complex_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = mt_view_as_real(gout[0]);
}
MT_OP(view_as_complex, .kind = MT_VIEW | MT_FUNCTION, .backward = view_as_complex_rule,
      .rule = "view_as_real(g)", .schema = "view_as_complex(Tensor self) -> Tensor",
      .doc = "The same memory as complex numbers: the last dimension, of size 2, holds their real "
             "and imaginary parts.");
mt_tensor *mt_view_as_complex(mt_tensor *self) { return mt_call1(&mt_op_view_as_complex, self); }

/* One of both parts, for complex tensors. */
static int complex_part_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t stride[MT_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) stride[d] = 2 * x->stride[d];
    return view_as_type(c, mt_real_dtype(type_of(x)), x->ndim, x->size, stride,
                        2 * x->offset + c->arg[0].i);
}
static void complex_part_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0];
    if (!gin[0]) return;
    gin[0] = c->arg[0].i ? mt_complex(mt_mul(g, mt_number(0)), g) : g; /* g is cast to complex */
}
MT_OP(complex_part, .kind = MT_VIEW, .backward = complex_part_rule, .grad_name = "SelectBackward0",
      .rule = "g, or i g", .schema = "complex_part(Tensor self, int part) -> Tensor",
      .doc = "The real (0) or imaginary (1) parts of complex numbers, as a view.");
mt_tensor *mt_complex_part(mt_tensor *self, int64_t which)
{
    mt_arg arg[1] = {mt_arg_int(which)};
    return mt_call1a(&mt_op_complex_part, self, 1, arg);
}

static int real_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    return mt_result_is(c, 0, mt_is_complex(type_of(x)) ? mt_complex_part(x, 0) : x);
}
MT_OP(real, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION,
      .schema = "real(Tensor self) -> Tensor",
      .doc = "The real parts, as a view of the same memory; real tensors as they are.");
mt_tensor *mt_real(mt_tensor *self) { return mt_call1(&mt_op_real, self); }

static int imag_forward(mt_call *c)
{
    if (!mt_is_complex(type_of(c->in[0])))
        return mt_error(MT_RUNTIME, "imag is not implemented for tensors with non-complex dtypes.");
    return mt_result_is(c, 0, mt_complex_part(c->in[0], 1));
}
MT_OP(imag, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION,
      .schema = "imag(Tensor self) -> Tensor",
      .doc = "The imaginary parts, as a view of the same memory. RuntimeError for real tensors.");
mt_tensor *mt_imag(mt_tensor *self) { return mt_call1(&mt_op_imag, self); }

/* ==== conjugates and angles =================================================================== */

/* Of real numbers; complex ones have a row in complex.def, and so have those below. */
static int conj_physical_forward(mt_call *c)
{
    mt_tensor *y = mt_result_like(c, 0, type_of(c->in[0]), c->in[0]);
    return y ? mt_copy_raw(y, c->in[0]) : -1;
}
static void conj_physical_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = gout[0];
}
MT_OP(conj_physical, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .backward = conj_physical_rule, .rule = "conj(g)",
      .schema = "conj_physical(Tensor self) -> Tensor",
      .doc = "The conjugate of every element, real - 1j * imag, in new memory.");

static int conj_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    return mt_result_is(c, 0, mt_is_complex(type_of(x)) ? mt_call1(&mt_op_conj_physical, x) : x);
}
MT_OP(conj, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .grad_name = "ConjBackward0", .schema = "conj(Tensor self) -> Tensor",
      .doc = "The conjugate of every element, real - 1j * imag; real tensors as they are. It is "
             "computed at once, where PyTorch marks a view of the same memory.");
mt_tensor *mt_conj(mt_tensor *self) { return mt_call1(&mt_op_conj, self); }

#define ITSELF(id, text)                                                                           \
    static int id##_forward(mt_call *c) { return mt_result_is(c, 0, c->in[0]); }                   \
    MT_OP(id, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,                       \
          .schema = #id "(Tensor self) -> Tensor", .doc = text);
ITSELF(resolve_conj, "The tensor itself: conj() has computed its numbers already.")
ITSELF(resolve_neg, "The tensor itself: nothing is negated later.")

static int adjoint_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (x->ndim == 1)
        return mt_error(
            MT_RUNTIME,
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got "
            "1-D tensor.");
    return mt_result_is(c, 0, x->ndim ? mt_conj(mt_transpose(x, -2, -1)) : mt_conj(x));
}
MT_OP(adjoint, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "adjoint(Tensor self) -> Tensor",
      .doc = "The conjugate of a matrix (..., n, m), transposed to (..., m, n).");
mt_tensor *mt_adjoint(mt_tensor *self) { return mt_call1(&mt_op_adjoint, self); }

/* pi where x is negative; NaN stays. */
static int angle_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    mt_dtype d = mt_is_float(type_of(x)) ? type_of(x) : mt_default_dtype();
    mt_tensor *y = mt_result_like(c, 0, d, x);
    mt_tensor *negative = x->dtype == MT_BOOL ? mt_zeros_like(x) : mt_lt(x, mt_number(0));
    mt_tensor *phi =
        mt_where(negative, mt_full(d, 0, NULL, mt_scalar_float(M_PI)), mt_zeros(d, 0, NULL));
    if (y && mt_is_float(type_of(x))) phi = mt_where(mt_isnan(x), x, phi);
    return y && phi ? mt_copy_raw(y, phi) : -1;
}
static void angle_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = mt_mul(gout[0], mt_number(0));
}
MT_OP(angle, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .backward = angle_rule, .rule = "0",
      .schema = "angle(Tensor self) -> Tensor",
      .doc = "The angle of every complex number in (-pi, pi]; of a real one 0, or pi if it is "
             "negative.");

/* ==== what PyTorch says of the others ========================================================= */

#define RANDINT "!check_random_bounds handles only integral, floating-point and boolean types"
#define CONTINUOUS(name)                                                                           \
    "!" name " distribution is a continuous probability distribution. dtype must be a floating "   \
    "point"
/* A text without blanks is the name of a kernel; ! before it: RuntimeError. */
static const struct {
    const char *name, *text;
} refusals[] = {
    {"relu", "clamp is not supported for complex types"},
    {"relu6", "clamp is not supported for complex types"},
    {"hardtanh", "clamp is not supported for complex types"},
    {"clamp", "clamp is not supported for complex types"},
    {"clamp_min", "maximum_cpu"},
    {"clamp_max", "minimum_cpu"},
    {"floor", "floor is not supported for complex inputs"},
    {"ceil", "ceil is not supported for complex inputs"},
    {"trunc", "trunc is not supported for complex inputs"},
    {"round", "round_vml_cpu"},
    {"round_decimals", "round_cpu"},
    {"sign",
     "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn "
     "instead."},
    {"signbit", "signbit is not implemented for complex tensors."},
    {"erf", "erf_vml_cpu"},
    {"erfc", "erfc_vml_cpu"},
    {"erfinv", "erfinv_vml_cpu"},
    {"lgamma", "lgamma_vml_cpu"},
    {"floor_divide", "div_floor_cpu"},
    {"maximum", "!maximum not implemented for complex tensors."},
    {"minimum", "!minimum not implemented for complex tensors."},
    {"fmax", "!fmax not implemented for complex tensors."},
    {"fmin", "!fmin not implemented for complex tensors."},
    {"heaviside", "!heaviside is not yet implemented for complex tensors."},
    {"deg2rad", "!deg2rad is not supported for complex tensors."},
    {"rad2deg", "!rad2deg is not supported for complex tensors."},
    {"isposinf", "!isposinf does not support complex inputs."},
    {"isneginf", "!isneginf does not support complex inputs."},
    {"frexp", "!torch.frexp() only supports floating-point dtypes"},
    {"max", "max_all"},
    {"min", "min_all"},
    {"amax", "max_values_cpu"},
    {"amin", "min_values_cpu"},
    {"max_dim", "!max(): does not support complex input"},
    {"min_dim", "!min(): does not support complex input"},
    {"argmax", "!argmax(): does not support complex input"},
    {"argmin", "!argmin(): does not support complex input"},
    {"sort", "! Sort does not support complex dtypes on CPU"},
    {"sort_stable", "! Sort does not support complex dtypes on CPU"},
    {"argsort", "! Sort does not support complex dtypes on CPU"},
    {"msort", "! Sort does not support complex dtypes on CPU"},
    {"argsort_stable", "unique"},
    {"topk", "! topk does not support complex dtypes on CPU"},
    {"median_dim", "median_out"},
    {"nanmedian", "median_cpu"},
    {"quantile", "!quantile() input tensor must be either float or double dtype"},
    {"quantile_scalar", "!quantile() input tensor must be either float or double dtype"},
    {"nanquantile", "!quantile() input tensor must be either float or double dtype"},
    {"nanquantile_scalar", "!quantile() input tensor must be either float or double dtype"},
    {"nansum", "!nansum on CPU does not support complex inputs"},
    {"nanmean", "!nansum on CPU does not support complex inputs"},
    {"histc", "histogram_cpu"},
    {"histogram_count", "histogramdd"},
    {"bucketize", "searchsorted_out_cpu"},
    {"isin", "!Unsupported input type encountered for isin()"},
    {"cdist", "!cdist only supports floating-point dtypes"},
    {"softmax", "softmax_lastdim_kernel_impl"},
    {"log_softmax", "log_softmax_lastdim_kernel_impl"},
    {"cross_entropy", "log_softmax_lastdim_kernel_impl"},
    {"gelu", "GeluKernelImpl"},
    {"selu", "elu_cpu"},
    {"celu", "elu_cpu"},
    {"mse_loss", "mse_cpu"},
    {"smooth_l1_loss", "smooth_l1_cpu"},
    {"huber_loss", "huber_cpu"},
    {"binary_cross_entropy_with_logits", "log_sigmoid_cpu"},
    {"nll_loss", "nll_loss_out_frame"},
    {"layer_norm", "LayerNormKernelImpl"},
    {"group_norm", "GroupNormKernelImpl"},
    {"batch_norm", "batch_norm"},
    {"max_pool1d", "max_pool1d_impl"},
    {"max_pool2d", "max_pool2d"},
    {"max_pool3d", "max_pool3d"},
    {"avg_pool1d", "avg_pool2d"},
    {"avg_pool2d", "avg_pool2d"},
    {"bernoulli_", "bernoulli_scalar_cpu_"},
    {"bernoulli_p", "bernoulli_scalar_cpu_"},
    {"bernoulli", "bernoulli_tensor_cpu_self_"},
    {"dropout", "bernoulli_scalar_cpu_"},
    {"random_", "random_kernel_cpu"},
    {"random_to", RANDINT},
    {"random_from", RANDINT},
    {"randint", RANDINT},
    {"randint_low", RANDINT},
    {"randint_like", RANDINT},
    {"normal", "!normal expects standard deviation to be non-complex"},
    {"multinomial", "!multinomial only supports floating-point dtypes for input"},
    {"exponential_", CONTINUOUS("Exponential")},
    {"cauchy_", CONTINUOUS("Cauchy")},
    {"log_normal_", "log_normal_cpu"},
    {"geometric_", "geometric_cpu"},
    {"arange_start", "arange_cpu"},
};

mt_tensor *mt_no_complex(const mt_call *c)
{
    mt_dtype d = mt_complex_dtype(mt_default_dtype());
    const char *text = NULL;
    for (int i = c->nin - 1; i >= 0; i--)
        if (c->in[i] && mt_is_complex(type_of(c->in[i]))) d = type_of(c->in[i]);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals && !text; i++)
        if (!strcmp(refusals[i].name, c->op->name)) text = refusals[i].text;
    if (text && *text == '!') return mt_fail(MT_RUNTIME, "%s", text + 1);
    if (text && strchr(text, ' ')) return mt_fail(MT_NOT_IMPLEMENTED, "%s", text);
    return mt_fail(MT_NOT_IMPLEMENTED, "\"%s%s\" not implemented for '%s'",
                   text ? text : c->op->name, text ? "" : "_cpu", mt_dtype_camel(d));
}

/* ==== products ================================================================================ */

/* The product along dim by halves, which keeps it finite where the result is, and short to
 * differentiate. dim stays, with size 1. */
static mt_tensor *product_along(mt_tensor *x, int dim)
{
    while (x && x->size[dim] > 1) {
        int64_t n = x->size[dim], half = n / 2;
        mt_tensor *y = mt_mul(mt_slice(x, dim, 0, half, 1), mt_slice(x, dim, half, 2 * half, 1));
        mt_tensor *parts[2] = {y, n % 2 ? mt_slice(x, dim, n - 1, n, 1) : NULL};
        x = n % 2 && parts[0] && parts[1] ? mt_cat(2, parts, dim) : y;
    }
    if (!x || x->size[dim] == 1) return x;
    int64_t size[MT_MAX_DIMS];
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[dim] = 1;
    return mt_ones(type_of(x), x->ndim, size);
}

static mt_tensor *in_type(mt_tensor *x, const mt_arg *dtype)
{
    return dtype->given ? mt_to_dtype(x, (mt_dtype)dtype->i) : x;
}

int mt_complex_prod_all(mt_call *c)
{
    mt_tensor *x = in_type(c->in[0], &c->arg[0]);
    int64_t n = x ? x->numel : 0;
    mt_tensor *flat = x ? product_along(mt_reshape(x, 1, &n), 0) : NULL;
    return mt_result_is(c, 0, flat ? mt_reshape(flat, 0, NULL) : NULL);
}

int mt_complex_prod_dim(mt_call *c)
{
    mt_tensor *x = in_type(c->in[0], &c->arg[2]);
    int dim = x ? mt_wrap_dim(c->arg[0].i, x->ndim) : -1;
    if (dim < 0) return -1;
    if (x->ndim == 0) return mt_result_is(c, 0, mt_clone(x));
    x = product_along(x, dim);
    return mt_result_is(c, 0, x && !c->arg[1].b ? mt_squeeze_dim(x, dim) : x);
}

/* Hillis and Steele's scan: after step s every place holds the product of the last 2s. */
int mt_complex_running_product(mt_call *c)
{
    mt_tensor *x = in_type(c->in[0], &c->arg[1]);
    int dim = x ? mt_wrap_dim(c->arg[0].i, x->ndim) : -1;
    if (dim < 0) return -1;
    if (x->ndim == 0) return mt_result_is(c, 0, mt_clone(x));
    int64_t n = x->size[dim];
    for (int64_t step = 1; step < n && x; step *= 2) {
        mt_tensor *parts[2] = {
            mt_slice(x, dim, 0, step, 1),
            mt_mul(mt_slice(x, dim, step, n, 1), mt_slice(x, dim, 0, n - step, 1))};
        x = parts[0] && parts[1] ? mt_cat(2, parts, dim) : NULL;
    }
    return mt_result_is(c, 0, x == c->in[0] ? mt_clone(x) : x);
}

/* ==== by the truth, the size, or the parts ==================================================== */

/* The real operator on another first input; a dtype argument becomes its real type. */
static mt_tensor *on(const mt_call *c, mt_tensor *x)
{
    const mt_op *op = mt_real_op(c);
    const mt_op_plan *plan = c->narg && op->plan ? mt_op_get_plan(op) : NULL;
    mt_arg arg[MT_MAX_ARGS];
    for (int i = 0; i < c->narg && i < MT_MAX_ARGS; i++) {
        arg[i] = c->arg[i];
        if (plan && plan->kind[i] == MT_ARG_DTYPE && arg[i].given)
            arg[i].i = mt_real_dtype((mt_dtype)arg[i].i);
    }
    return x ? mt_calln(op, 1, &x, c->narg, arg) : NULL;
}

int mt_complex_of_truth(mt_call *c)
{
    return mt_result_is(c, 0, on(c, mt_ne(c->in[0], mt_number(0))));
}

int mt_complex_all_equal(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    if (x->dtype != y->dtype)
        return mt_error(MT_RUNTIME,
                        "Expected object of data type %s but got data type %s for argument 'other'",
                        mt_dtype_name(type_of(x)), mt_dtype_name(type_of(y)));
    if (!mt_same_shape(x, y)) return mt_result_is(c, 0, mt_zeros(MT_BOOL, 0, NULL));
    mt_tensor *parts[2][2] = {{mt_real(x), mt_real(y)}, {mt_imag(x), mt_imag(y)}};
    mt_tensor *same[2];
    for (int k = 0; k < 2; k++)
        same[k] = parts[k][0] && parts[k][1] ? mt_calln(mt_real_op(c), 2, parts[k], 0, NULL) : NULL;
    return mt_result_is(c, 0, mt_logical_and(same[0], same[1]));
}

int mt_complex_is_real(mt_call *c)
{
    return mt_result_is(c, 0, mt_eq(mt_imag(c->in[0]), mt_number(0)));
}

int mt_complex_of_size(mt_call *c)
{
    const mt_tensor *x = c->in[0];
    const mt_arg *order = &c->arg[0], *dims = &c->arg[1];
    const mt_op *op = mt_real_op(c);
    bool matrix =
        op == &mt_op_linalg_matrix_norm || (dims->given ? dims->ints.n == 2 : x->ndim == 2);
    bool named = op == &mt_op_linalg_matrix_norm_name || op == &mt_op_linalg_norm_name;
    if (named ? order->given && strcmp(order->text, "fro") != 0
              : op != &mt_op_linalg_vector_norm && order->given && matrix &&
                    fabs(mt_scalar_to_double(order->s)) == 2)
        return mt_error(MT_NOT_IMPLEMENTED, "\"svd_cpu\" not implemented for '%s'",
                        mt_dtype_camel(type_of(x)));
    return mt_result_is(c, 0, on(c, mt_abs(c->in[0])));
}

/* log sum e^(x - m) + m, m the largest real part, where that is finite. */
int mt_complex_logsumexp(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int n = (int)c->arg[0].ints.n;
    mt_tensor *m = mt_amax(mt_detach(mt_real(x)), n, c->arg[0].ints.v, true);
    m = mt_where(mt_isfinite(m), m, mt_number(0));
    mt_tensor *y = mt_log(mt_sum_dim(mt_exp(mt_sub(x, m)), n, c->arg[0].ints.v, true));
    y = mt_add(y, m);
    return mt_result_is(c, 0,
                        y && !c->arg[1].b && x->ndim
                            ? n ? mt_squeeze_dims(y, n, c->arg[0].ints.v) : mt_reshape(y, 0, NULL)
                            : y);
}

int mt_complex_float_power(mt_call *c)
{
    if (c->flags & MT_CALL_INPLACE && c->in[0]->dtype != MT_COMPLEX128)
        return mt_error(MT_RUNTIME,
                        "the base given to float_power_ has dtype %s but the operation's result "
                        "requires dtype ComplexDouble",
                        mt_dtype_camel(type_of(c->in[0])));
    mt_tensor *x = mt_to_dtype(c->in[0], MT_COMPLEX128), *y = mt_to_dtype(c->in[1], MT_COMPLEX128);
    return mt_result_is(c, 0, mt_pow(x, y));
}

int mt_complex_each_part(mt_call *c)
{
    mt_tensor *x = c->in[0];
    return mt_result_is(c, 0, mt_complex(on(c, mt_real(x)), on(c, mt_imag(x))));
}

/* The real operator of the distances |x - y| and 0. */
int mt_complex_of_distance(mt_call *c)
{
    mt_tensor *d = mt_abs(mt_sub(c->in[0], c->in[1])), *in[2] = {d, d ? mt_zeros_like(d) : NULL};
    return mt_result_is(c, 0, d ? mt_calln(mt_real_op(c), 2, in, c->narg, c->arg) : NULL);
}

int mt_complex_softsign(mt_call *c)
{
    return mt_result_is(c, 0, mt_div(c->in[0], mt_add(mt_abs(c->in[0]), mt_number(1))));
}

/* var_mean and its kin: the first result is the operator of the same arguments without a mean. */
int mt_complex_with_mean(mt_call *c)
{
    static const mt_op *const first[][2] = {{&mt_op_var_mean, &mt_op_var},
                                            {&mt_op_var_mean_unbiased, &mt_op_var_unbiased},
                                            {&mt_op_var_mean_dim, &mt_op_var_dim},
                                            {&mt_op_std_mean, &mt_op_std},
                                            {&mt_op_std_mean_unbiased, &mt_op_std_unbiased},
                                            {&mt_op_std_mean_dim, &mt_op_std_dim}};
    const mt_op *op = mt_real_op(c);
    mt_tensor *x = c->in[0];
    int k = 0;
    while (first[k][0] != op) k++;
    if (mt_result_is(c, 0, mt_calln(first[k][1], 1, &x, c->narg, c->arg)) < 0) return -1;
    bool all = k % 3 == 1 || !c->arg[0].given || c->arg[0].ints.n == 0;
    if (all && (k % 3 == 1 || !c->arg[2].b)) return mt_result_is(c, 1, mt_mean(x));
    mt_arg arg[3] = {c->arg[0], c->arg[2], mt_arg_none()};
    return mt_result_is(c, 1, mt_calln(&mt_op_mean_dim, 1, &x, 3, arg));
}

/* Not while training, as in PyTorch. */
int mt_complex_dropped(mt_call *c)
{
    if (!c->arg[1].b) return mt_result_is(c, 0, c->in[0]);
    return mt_no_complex(c) ? 0 : -1;
}

/* E|z - Ez|^2 is the sum of the variances of both parts. */
int mt_complex_var_of_parts(mt_call *c)
{
    return mt_result_is(c, 0, mt_add(on(c, mt_real(c->in[0])), on(c, mt_imag(c->in[0]))));
}

int mt_complex_std_of_parts(mt_call *c)
{
    mt_tensor *re = on(c, mt_real(c->in[0])), *im = on(c, mt_imag(c->in[0]));
    return mt_result_is(c, 0, mt_sqrt(mt_add(mt_square(re), mt_square(im))));
}

int mt_complex_div_plain(mt_call *c)
{
    if (!c->arg[0].given) return mt_result_is(c, 0, mt_div(c->in[0], c->in[1]));
    return mt_error(MT_NOT_IMPLEMENTED, "\"div_%s_cpu\" not implemented for '%s'", c->arg[0].text,
                    mt_dtype_camel(mt_complex_dtype(mt_result_type(2, c->in))));
}

/* ==== random numbers ========================================================================== */

/* rand, randn and the forms like another tensor: both parts are drawn as a real tensor with one more
 * dimension. Normal ones share the variance of 1. */
int mt_complex_random_parts(mt_call *c)
{
    const mt_op *op = mt_real_op(c);
    const mt_tensor *like = c->nin ? c->in[0] : NULL;
    bool normal = op == &mt_op_randn || op == &mt_op_randn_like;
    const mt_arg *rest = like ? c->arg : c->arg + 1; /* generator, dtype */
    int64_t size[MT_MAX_DIMS + 1], n = like ? like->ndim : c->arg[0].ints.n;
    mt_dtype d = rest[1].given ? (mt_dtype)rest[1].i : type_of(like);
    if (n >= MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "tensors have at most %d dimensions, but got %" PRId64,
                        MT_MAX_DIMS, n + 1);
    memcpy(size, like ? like->size : c->arg[0].ints.v, (size_t)n * sizeof *size);
    size[n] = 2;
    mt_arg arg[3] = {mt_arg_ints(n + 1, size), rest[0], mt_arg_dtype(mt_real_dtype(d))};
    mt_tensor *x = mt_call0(normal ? &mt_op_randn : &mt_op_rand, 3, arg);
    if (normal) x = mt_mul(x, mt_number(M_SQRT1_2));
    x = mt_view_as_complex(x);
    return mt_result_is(c, 0, x ? mt_detach(x) : NULL);
}

/* normal_ and uniform_. */
int mt_complex_random_into(mt_call *c)
{
    const mt_op *op = mt_real_op(c);
    mt_tensor *parts = mt_view_as_real(c->in[0]);
    mt_arg arg[3] = {c->arg[0], c->arg[1], c->arg[2]};
    if (op == &mt_op_normal_) arg[1].d *= M_SQRT1_2;
    if (!parts || !mt_call_inplace(op, 1, &parts, 3, arg)) return -1;
    return mt_result_is(c, 0, c->in[0]);
}
