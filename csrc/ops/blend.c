/* Pointwise operators made of others: addcmul, addcdiv, lerp, float_power, nan_to_num
 * and small ones; for contiguous floats some are one pass of a row of kernels/blend_rows.def. Relies on ops.h. */
#include "ops/ops.h"

#include "base/parallel.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define EVERYWHERE (MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT)

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* ==== one pass ================================================================================ */

typedef struct blend_job {
    mt_blend which;
    mt_dtype d;
    char *const *p;
    const double *param; /* NULL: of each line one of the numbers comes first */
    int64_t line, count;
    const char *numbers;
} blend_job;

static void run_blend(int64_t begin, int64_t end, void *context)
{
    const blend_job *j = context;
    const int64_t item = mt_dtype_size(j->d);
    for (int64_t some; begin < end; begin += some) {
        const int64_t nr = begin / j->line, rest = (nr + 1) * j->line - begin;
        double param[3] = {0};
        char *p[4];
        if (j->numbers)
            param[0] = mt_scalar_to_double(mt_scalar_load(j->d, j->numbers + nr % j->count * item));
        some = rest < end - begin ? rest : end - begin;
        for (int k = 0; k < 4; k++) p[k] = j->p[k] + begin * item;
        mt_k->blend(j->which, j->d, some, p, j->param ? j->param : param);
    }
}

void mt_run_blend(mt_blend which, mt_dtype d, int64_t n, char *const *p, const double *param)
{
    blend_job j = {which, d, p, param, n, 1, NULL};
    mt_parallel_for(n, MT_GRAIN_DEAR, run_blend, &j);
}

void mt_run_blend_by_lines(mt_blend which, mt_dtype d, int64_t n, char *const *p, int64_t line,
                           int64_t count, const char *numbers)
{
    blend_job j = {which, d, p, NULL, line, count, numbers};
    mt_parallel_for(n, MT_GRAIN_DEAR, run_blend, &j);
}

/* Do rows take these: contiguous floats of one type and shape? */
static bool plain(int n, mt_tensor *const *in)
{
    for (int i = 0; i < n; i++)
        if (!mt_is_contiguous(in[i]) || in[i]->dtype != in[0]->dtype ||
            in[i]->flags & MT_WRAPPED_NUMBER || !mt_same_shape(in[i], in[0]))
            return false;
    return mt_is_float(type_of(in[0]));
}

/* A row of the first n inputs, which are plain, into a result of their shape. */
static int in_one_pass(mt_call *c, mt_blend which, int n, const double *param)
{
    mt_tensor *x = c->in[0], *y = mt_result_like(c, 0, type_of(x), x);
    if (!y || (!mt_is_contiguous(y) && !(y = c->out[0] = mt_empty(type_of(x), x->ndim, x->size))))
        return -1;
    char *const p[4] = {y->data, x->data, c->in[n > 1]->data, c->in[n - 1]->data};
    mt_run_blend(which, type_of(x), x->numel, p, param);
    return 0;
}

/* The same of an operator of n inputs, with the numbers that are its arguments. */
static int row_forward(mt_call *c, mt_blend which)
{
    double param[3] = {0};
    for (int i = 0; i < c->narg && i < 3; i++) param[i] = mt_scalar_to_double(c->arg[i].s);
    return in_one_pass(c, which, c->nin, param);
}

/* Is there a place for the result, and nothing to remember? */
static bool is_given_place(const mt_call *c)
{
    bool recorded = false;
    for (int i = 0; i < c->nin; i++) recorded |= mt_requires_grad(c->in[i]);
    return c->target && !(recorded && mt_grad_enabled());
}

/* ==== addcmul, addcdiv ======================================================================== */

/* t times value, unless that is 1. */
static mt_tensor *times(mt_tensor *t, double value)
{
    return value == 1 ? t : mt_mul(t, mt_number(value));
}

static int addcmul_plain_forward(mt_call *c) { return row_forward(c, MT_BLEND_addcmul); }
static void addcmul_plain_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const double value = mt_scalar_to_double(c->arg[0].s);
    if (gin[0]) gin[0] = gout[0];
    for (int i = 1; i < 3; i++)
        if (gin[i]) gin[i] = mt_mul(gout[0], times(c->in[3 - i], value));
}
MT_OP(addcmul_plain, .keeps = {0, MT_KEEP_IN(2), MT_KEEP_IN(1)}, .backward = addcmul_plain_backward,
      .grad_name = "AddcmulBackward0", .rule = "gx = g; gy = g (z value); gz = g (y value)",
      .schema = "_addcmul(Tensor self, Tensor tensor1, Tensor tensor2, Scalar value) -> Tensor",
      .doc = "addcmul of contiguous floats of one shape.");

static int addcdiv_plain_forward(mt_call *c) { return row_forward(c, MT_BLEND_addcdiv); }
static void addcdiv_plain_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *y = c->in[1], *z = c->in[2];
    const double value = mt_scalar_to_double(c->arg[0].s);
    if (gin[0]) gin[0] = g;
    if (gin[1]) gin[1] = mt_mul(g, mt_div(mt_number(value), z));
    if (gin[2]) gin[2] = mt_mul(mt_neg(g), mt_div(times(y, value), mt_mul(z, z)));
}
MT_OP(addcdiv_plain, .keeps = {0, MT_KEEP_IN(2), MT_KEEP_IN(1) | MT_KEEP_IN(2)},
      .backward = addcdiv_plain_backward, .grad_name = "AddcdivBackward0",
      .rule = "gx = g; gy = g (value / z); gz = -g (value y / (z z))",
      .schema = "_addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, Scalar value) -> Tensor",
      .doc = "addcdiv of contiguous floats of one shape.");

static bool is_plain(const mt_call *c)
{
    return plain(3, c->in) && c->arg[0].s.kind <= MT_SCALAR_FLOAT;
}

/* The same call by another operator, or by its row. */
static int done_by(mt_call *c, const mt_op *op, mt_blend which)
{
    if (is_given_place(c)) {
        const double param[3] = {mt_scalar_to_double(c->arg[0].s)};
        return in_one_pass(c, which, 3, param);
    }
    mt_tensor *in[3] = {c->in[0], c->in[1], c->in[2]};
    return mt_result_is(c, 0, mt_calln(op, 3, in, 1, c->arg));
}

/* in[1] times value, unless that is 1. NULL: it is no number of the result's type. */
static mt_tensor *scaled(const mt_call *c)
{
    mt_scalar value = c->arg[0].s;
    if (value.kind == MT_SCALAR_FLOAT && !mt_is_inexact(mt_result_type(3, c->in)))
        return mt_fail(MT_RUNTIME, "value cannot be converted to type int64_t without overflow");
    return mt_scalar_to_double(value) == 1 ? c->in[1] : mt_mul(c->in[1], mt_number_of(value));
}

static int addcmul_forward(mt_call *c)
{
    if (is_plain(c)) return done_by(c, &mt_op_addcmul_plain, MT_BLEND_addcmul);
    return mt_result_is(c, 0, mt_multiply_add(scaled(c), c->in[2], c->in[0]));
}
MT_OP(addcmul, .kind = MT_COMPOSITE | EVERYWHERE, .grad_name = "AddcmulBackward0",
      .schema = "addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
      .doc = "self + value * tensor1 * tensor2, element by element.");

static int addcdiv_forward(mt_call *c)
{
    if (!mt_is_inexact(type_of(c->in[1])) && !mt_is_inexact(type_of(c->in[2])))
        return mt_error(MT_RUNTIME,
                        "Integer division with addcdiv is no longer supported, and in a future  "
                        "release addcdiv will perform a true division of tensor1 and tensor2. The "
                        "historic addcdiv behavior can be implemented as (input + value * "
                        "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as "
                        "(input + value * tensor1 / tensor2) for float inputs.");
    if (is_plain(c)) return done_by(c, &mt_op_addcdiv_plain, MT_BLEND_addcdiv);
    mt_tensor *product = scaled(c);
    return mt_result_is(c, 0, product ? mt_add(c->in[0], mt_div(product, c->in[2])) : NULL);
}
MT_OP(addcdiv, .kind = MT_COMPOSITE | EVERYWHERE, .grad_name = "AddcdivBackward0",
      .schema = "addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
      .doc = "self + value * tensor1 / tensor2, element by element.");

/* ==== lerp ==================================================================================== */

static int lerp_plain_forward(mt_call *c) { return row_forward(c, MT_BLEND_lerp); }
static void lerp_plain_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const double w = mt_scalar_to_double(c->arg[0].s);
    if (gin[0]) gin[0] = mt_mul(gout[0], mt_number(1 - w));
    if (gin[1]) gin[1] = mt_mul(gout[0], mt_number(w));
}
MT_OP(lerp_plain, .backward = lerp_plain_backward, .grad_name = "LerpBackward0",
      .rule = "gx = g (1 - weight); gy = g weight",
      .schema = "_lerp(Tensor self, Tensor end, Scalar weight) -> Tensor",
      .doc = "lerp of contiguous floats of one shape by a number.");

/* From the nearer end, so that weight 1 gives end exactly. */
static int lerp_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *end = c->in[1], *w = c->in[2];
    if (x->dtype != end->dtype)
        return mt_error(MT_RUNTIME, "expected dtype %s for `end` but got dtype %s",
                        mt_dtype_name(type_of(x)), mt_dtype_name(type_of(end)));
    if (!(w->flags & MT_WRAPPED_NUMBER) && w->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "expected dtype %s for `weight` but got dtype %s",
                        mt_dtype_name(type_of(x)), mt_dtype_name(type_of(w)));
    if (!mt_is_inexact(type_of(x)))
        return mt_error(MT_NOT_IMPLEMENTED, "\"lerp_kernel_%s\" not implemented for '%s'",
                        w->flags & MT_WRAPPED_NUMBER ? "scalar" : "tensor",
                        mt_dtype_camel(type_of(x)));
    if (w->flags & MT_WRAPPED_NUMBER && plain(2, c->in)) {
        mt_arg arg[1] = {mt_arg_scalar(mt_item_at(w, 0))};
        const double param[3] = {mt_scalar_to_double(arg[0].s)};
        if (is_given_place(c)) return in_one_pass(c, MT_BLEND_lerp, 2, param);
        return mt_result_is(c, 0, mt_call2a(&mt_op_lerp_plain, x, end, 1, arg));
    }
    mt_tensor *way = mt_sub(end, x), *back = mt_sub(w, mt_number(1));
    mt_tensor *from_x = mt_multiply_add(w, way, x), *from_end = mt_multiply_add(back, way, end);
    if (!from_x || !from_end) return -1;
    if (w->flags & MT_WRAPPED_NUMBER) {
        bool near_x = fabs(mt_scalar_to_double(mt_item_at(w, 0))) < 0.5;
        return mt_result_is(c, 0, near_x ? from_x : from_end);
    }
    return mt_result_is(c, 0, mt_where(mt_lt(mt_abs(w), mt_number(0.5)), from_x, from_end));
}
static const char *lerp_grad_name(const mt_call *c)
{
    return c->in[2]->flags & MT_WRAPPED_NUMBER ? "LerpBackward0" : "LerpBackward1";
}
MT_OP(lerp, .kind = MT_COMPOSITE | EVERYWHERE, .grad_name_of = lerp_grad_name,
      .schema = "lerp(Tensor self, Tensor end, Number weight) -> Tensor",
      .doc = "self + weight * (end - self), element by element.");

/* ==== float_power ============================================================================= */

static int float_power_forward(mt_call *c)
{
    mt_tensor *target = c->flags & MT_CALL_INPLACE ? c->target[0] : NULL;
    if (target && target->dtype != MT_FLOAT64)
        return mt_error(MT_RUNTIME,
                        "the base given to float_power_ has dtype %s but the operation's result "
                        "requires dtype Double",
                        mt_dtype_camel(type_of(target)));
    if (mt_need_tensor(c, false) < 0) return -1;
    mt_tensor *x = mt_to_dtype(c->in[0], MT_FLOAT64), *y = mt_to_dtype(c->in[1], MT_FLOAT64);
    return mt_result_is(c, 0, mt_pow(x, y));
}
MT_OP(float_power, .kind = MT_COMPOSITE | EVERYWHERE,
      .schema = "float_power(Number self, Number exponent) -> Tensor",
      .doc = "self ** exponent computed in float64.");

/* ==== nan_to_num, frac, positive, sgn ========================================================= */

static int nan_to_num_plain_forward(mt_call *c) { return row_forward(c, MT_BLEND_nan_to_num); }
static void nan_to_num_plain_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_mul(gout[0], mt_isfinite(c->in[0]));
}
MT_OP(nan_to_num_plain, .keeps = {MT_KEEP_IN(0)}, .backward = nan_to_num_plain_backward,
      .grad_name = "NanToNumBackward0", .rule = "g isfinite(x)",
      .schema = "_nan_to_num(Tensor self, Scalar nan, Scalar posinf, Scalar neginf) -> Tensor",
      .doc = "nan_to_num of contiguous floats.");

static int nan_to_num_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    mt_dtype d = type_of(x);
    if (!mt_is_float(d)) return mt_result_is(c, 0, mt_clone(x));
    double most = d == MT_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
    double nan = c->arg[0].given ? c->arg[0].d : 0, high = c->arg[1].given ? c->arg[1].d : most,
           low = c->arg[2].given ? c->arg[2].d : -most;
    if (plain(1, c->in)) {
        mt_arg arg[3] = {mt_arg_scalar(mt_scalar_float(nan)), mt_arg_scalar(mt_scalar_float(high)),
                         mt_arg_scalar(mt_scalar_float(low))};
        return mt_result_is(c, 0, mt_call1a(&mt_op_nan_to_num_plain, x, 3, arg));
    }
    mt_tensor *y = mt_where(mt_isnan(x), mt_number(nan), x);
    y = mt_where(mt_eq(x, mt_number(INFINITY)), mt_number(high), y);
    return mt_result_is(c, 0, mt_where(mt_eq(x, mt_number(-INFINITY)), mt_number(low), y));
}
MT_OP(
    nan_to_num, .kind = MT_COMPOSITE | EVERYWHERE, .grad_name = "NanToNumBackward0",
    .schema = "nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> "
              "Tensor",
    .doc =
        "NaN replaced by nan (0), inf by posinf and -inf by neginf (the largest finite numbers).");

static int frac_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_NOT_IMPLEMENTED, "\"frac_cpu\" not implemented for '%s'",
                        mt_dtype_camel(type_of(x)));
    if (plain(1, c->in)) return row_forward(c, MT_BLEND_frac);
    return mt_result_is(c, 0, mt_sub(x, mt_trunc(x)));
}
static void frac_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = gout[0];
}
MT_OP(frac, .kind = EVERYWHERE, .backward = frac_backward, .rule = "g",
      .schema = "frac(Tensor self) -> Tensor",
      .doc = "x - trunc(x): the part behind the point, with the sign of x.");

static int positive_forward(mt_call *c)
{
    if (c->in[0]->dtype == MT_BOOL)
        return mt_error(MT_RUNTIME, "The `+` operator, on a bool tensor is not supported.");
    return mt_result_is(c, 0, c->in[0]);
}
MT_OP(positive, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "positive(Tensor self) -> Tensor", .doc = "The tensor itself, as +x.");

static int sgn_forward(mt_call *c) { return mt_result_is(c, 0, mt_sign(c->in[0])); }
MT_OP(sgn, .kind = MT_COMPOSITE | EVERYWHERE, .schema = "sgn(Tensor self) -> Tensor",
      .doc = "-1, 0 or 1: the sign of every element.");

static int signbit_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    mt_tensor *y = mt_lt(mt_is_float(type_of(x)) ? mt_copysign(mt_ones(type_of(x), 0, NULL), x) : x,
                         mt_number(0));
    return mt_result_is(c, 0, y);
}
MT_OP(signbit, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "signbit(Tensor self) -> Tensor",
      .doc = "True where x has a minus sign, -0.0 included.");

/* ==== ldexp, logaddexp2, heaviside ============================================================ */

static int ldexp_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_mul(c->in[0], mt_pow(mt_number(2), c->in[1])));
}
MT_OP(ldexp, .kind = MT_COMPOSITE | EVERYWHERE, .grad_name = "LdexpBackward0",
      .schema = "ldexp(Tensor self, Tensor other) -> Tensor", .doc = "self * 2 ** other.");

/* log2(2^x + 2^y) = logaddexp(x log 2, y log 2) / log 2. */
static int logaddexp2_forward(mt_call *c)
{
    mt_tensor *ln2 = mt_number(0.69314718055994530942);
    mt_tensor *y = mt_logaddexp(mt_mul(c->in[0], ln2), mt_mul(c->in[1], ln2));
    return mt_result_is(c, 0, mt_div(y, ln2));
}
MT_OP(logaddexp2, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .grad_name = "Logaddexp2Backward0",
      .schema = "logaddexp2(Tensor self, Tensor other) -> Tensor",
      .doc = "log2(2 ** x + 2 ** y), without overflow.");

/* 0 below 0 and for NaN, 1 above, y at 0. */
static int heaviside_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    if (x->dtype != y->dtype)
        return mt_error(MT_RUNTIME,
                        "heaviside is not yet implemented for tensors with different dtypes.");
    mt_tensor *step = mt_to_dtype(mt_gt(x, mt_number_of(mt_scalar_int(0))), type_of(x));
    return mt_result_is(c, 0, mt_where(mt_eq(x, mt_number_of(mt_scalar_int(0))), y, step));
}
MT_OP(heaviside, .kind = MT_COMPOSITE | EVERYWHERE,
      .schema = "heaviside(Tensor self, Tensor values) -> Tensor",
      .doc = "0 where self is negative, 1 where it is positive, values where it is 0.");

/* ==== fmax, fmin ============================================================================== */

/* The other one where one is NaN. Equal ones count as the first. */
static int not_nan(mt_call *c, mt_tensor *first)
{
    return mt_result_is(c, 0,
                        mt_where(mt_logical_or(first, mt_isnan(c->in[1])), c->in[0], c->in[1]));
}
static int fmax_forward(mt_call *c) { return not_nan(c, mt_ge(c->in[0], c->in[1])); }
MT_OP(fmax, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT, .grad_name = "FmaxBackward0",
      .schema = "fmax(Tensor self, Tensor other) -> Tensor",
      .doc = "The larger of two elements, or the other one where one is NaN.");
static int fmin_forward(mt_call *c) { return not_nan(c, mt_le(c->in[0], c->in[1])); }
MT_OP(fmin, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT, .grad_name = "FminBackward0",
      .schema = "fmin(Tensor self, Tensor other) -> Tensor",
      .doc = "The smaller of two elements, or the other one where one is NaN.");

/* ==== isposinf, isneginf, isreal, frexp ======================================================= */

static int isposinf_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_eq(c->in[0], mt_number(INFINITY)));
}
MT_OP(isposinf, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "isposinf(Tensor self) -> Tensor", .doc = "True where x is inf.");
static int isneginf_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_eq(c->in[0], mt_number(-INFINITY)));
}
MT_OP(isneginf, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "isneginf(Tensor self) -> Tensor", .doc = "True where x is -inf.");
static int isreal_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_ones(MT_BOOL, c->in[0]->ndim, c->in[0]->size));
}
MT_OP(isreal, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD,
      .schema = "isreal(Tensor self) -> Tensor", .doc = "True: no element has an imaginary part.");

/* x = mantissa * 2^exponent with 1/2 <= |mantissa| < 1. */
static int frexp_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME, "torch.frexp() only supports floating-point dtypes");
    mt_tensor *y = mt_result(c, 0, type_of(x), x->ndim, x->size),
              *e = mt_result(c, 1, MT_INT32, x->ndim, x->size);
    mt_tensor *mantissa = mt_empty(MT_FLOAT64, x->ndim, x->size),
              *exponent = mt_empty(MT_INT32, x->ndim, x->size);
    if (!y || !e || !mantissa || !exponent || mt_copy_raw(mantissa, x) < 0) return -1;
    double *m = (double *)(void *)mantissa->data;
    for (int64_t i = 0; i < x->numel; i++) {
        int power = 0;
        if (isfinite(m[i])) m[i] = frexp(m[i], &power);
        ((int32_t *)(void *)exponent->data)[i] = power;
    }
    return mt_copy_raw(y, mantissa) < 0 ? -1 : mt_copy_raw(e, exponent);
}
static void frexp_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0];
    if (gin[0]) gin[0] = g ? mt_div(g, mt_exp2(mt_to_dtype(c->out[1], type_of(g)))) : NULL;
}
MT_OP(frexp, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},
      .backward = frexp_backward, .rule = "g / 2 ** exponent",
      .schema = "frexp(Tensor self) -> (Tensor mantissa, Tensor exponent)",
      .doc = "mantissa * 2 ** exponent of every element, the mantissa's size in [1/2, 1), the "
             "exponent an int32.");
