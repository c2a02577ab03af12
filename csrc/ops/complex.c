/* Operators on complex numbers: what include/minitorch/complex.def says becomes, for each of its
 * rows, a twin of the real operator, which takes its place when an input is complex.
 *
 * No kernel knows complex numbers. Element by element one loop here does them all, in double; a
 * linear operator runs on the real and the imaginary parts, which are real tensors in the same
 * memory, and a product runs on the four pairs of parts.
 *
 * Note [Gradients]
 * The gradient of a real L with respect to z = x + iy is dL/dx + i dL/dy, PyTorch's convention. For a
 * holomorphic y = f(x) the rule of the real operator gives r(g) = g f'(x), and what is asked for is
 * g conj(f'(x)) = conj(r(conj(g))): so the rule is used between two conjugations, with any number of
 * inputs. A linear operator with real coefficients needs none of them. All others have their own
 * rule. (Kreutz-Delgado 2009, "The complex gradient operator and the CR-calculus", section 4.)
 *
 * Relies on graph/narrow.h, ops/ops.h; read next: ops/complex_parts.c. */
#include "ops/complex.h"

#include "base/alloc.h"
#include "graph/narrow.h"
#include "ops/ops.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef double _Complex number;

/* ---- functions of one element ---------------------------------------------------------------- */

static number number_of(double re, double im) { return CMPLX(re, im); }

/* As the school has it; C's own product looks after infinities, PyTorch's does not. */
static number times(number x, number y)
{
    double a = creal(x), b = cimag(x), c = creal(y), d = cimag(y);
    return number_of(a * c - b * d, a * d + b * c);
}

/* Without overflow on the way: Smith, "Algorithm 116: complex division", 1962. */
static number divided(number x, number y)
{
    double a = creal(x), b = cimag(x), c = creal(y), d = cimag(y);
    if (fabs(c) >= fabs(d)) {
        if (c == 0 && d == 0) return number_of(a / fabs(c), b / fabs(c));
        double ratio = d / c, scale = 1 / (c + d * ratio);
        return number_of((a + b * ratio) * scale, (b - a * ratio) * scale);
    }
    double ratio = c / d, scale = 1 / (c * ratio + d);
    return number_of((a * ratio + b) * scale, (b * ratio - a) * scale);
}

static number power(number x, number y)
{
    if (y == 0) return 1;
    if (y == 1) return x;
    if (y == 2) return times(x, x);
    if (y == 0.5) return csqrt(x);
    if (x == 0 && creal(y) > 0) return 0;
    return cpow(x, y);
}

/* e^x - 1 = (e^a - 1) cos b - 2 sin(b/2)^2 + i e^a sin b, without cancellation near 0. */
static number exp_minus_1(number x)
{
    double a = creal(x), b = cimag(x), half = sin(b / 2);
    return number_of(expm1(a) * cos(b) - 2 * half * half, exp(a) * sin(b));
}

/* log|1 + x|^2 = log1p(2a + a^2 + b^2) */
static number log_1_plus(number x)
{
    double a = creal(x), b = cimag(x);
    if (fabs(a) > 0.5 || fabs(b) > 0.5) return clog(1 + x);
    return number_of(log1p(a * (2 + a) + b * b) / 2, atan2(b, 1 + a));
}

/* From the larger real part. */
static number log_of_sum(number x, number y)
{
    if (creal(x) < creal(y)) return log_of_sum(y, x);
    return isinf(creal(x)) && creal(x) < 0 ? x : x + log_1_plus(cexp(y - x));
}

/* ---- rules of what is not holomorphic -------------------------------------------------------- */

static mt_tensor *sign_of(mt_tensor *x) { return mt_call1(&mt_op_sgn, x); }
static mt_tensor *conj_of(mt_tensor *x)
{
    return x && mt_is_complex((mt_dtype)x->dtype) ? mt_call1(&mt_op_conj_physical, x) : x;
}
static mt_tensor *times_i(mt_tensor *x) { return mt_mul(x, mt_number_of(mt_scalar_complex(0, 1))); }

/* s = x / |x|: (g - s Re(conj(g) s)) / |x|, and 0 where x is 0. */
static mt_tensor *turn_only(mt_tensor *g, mt_tensor *x)
{
    mt_tensor *s = sign_of(x), *along = mt_real(mt_mul(conj_of(g), s));
    mt_tensor *slope = mt_div(mt_sub(g, mt_mul(s, along)), mt_abs(x));
    return mt_where(mt_eq(x, mt_number(0)), mt_number(0), slope);
}

/* ---- the rows -------------------------------------------------------------------------------- */

enum { OF_SELF = 16 };   /* in `others` of LINEAR rows */
enum { BOOLEAN, WHOLE }; /* results of COMPLEX rows */
#define RESULT_B BOOLEAN
#define RESULT_C WHOLE

#define COMPLEX(result, id, f)                                                                     \
    static number id##_of(number x, number y)                                                      \
    {                                                                                              \
        (void)x, (void)y;                                                                          \
        return f;                                                                                  \
    }
#define COMPLEX_RULE(result, id, f, keep, rule)                                                    \
    COMPLEX(result, id, f)                                                                         \
    OF_PARTS(id, , , keep, rule)
#define OF_PARTS(id, row, first, keep, rule)                                                       \
    static void id##_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                     \
    {                                                                                              \
        mt_tensor *g = gout[0], *x = c->in[0];                                                     \
        (void)x;                                                                                   \
        if (gin[0]) gin[0] = rule;                                                                 \
    }
#define LINEAR(id, others)
#define LINEAR_VALUE(id, others)
#define SAME(id)
#define HOLOMORPHIC(id, function)
#define OWN(id, function)
#define BILINEAR(id)
#define COMPOSED(id)
#define BY(id, function)
#include "minitorch/complex.def"

typedef struct form {
    const mt_op *op;
    number (*map)(number x, number y);
    int (*forward)(mt_call *c); /* NULL: that of op */
    void (*rule)(const mt_call *c, mt_tensor **gout, mt_tensor **gin);
    uint16_t keeps;
    uint8_t result, others;
    uint8_t row, first; /* OF_PARTS */
    bool values;        /* LINEAR_VALUE */
    bool compose;       /* COMPOSED, BY */
} form;

static int map_forward(mt_call *c);
static int parts_forward(mt_call *c);
static int linear_form_forward(mt_call *c);
static int bilinear_form_forward(mt_call *c);
static void conjugated_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin);
static void same_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin);

static const form forms[] = {
#define COMPLEX(kind, id, f)                                                                       \
    {.op = &mt_op_##id,                                                                            \
     .map = id##_of,                                                                               \
     .forward = map_forward,                                                                       \
     .rule = conjugated_rule,                                                                      \
     .result = RESULT_##kind},
#define COMPLEX_RULE(kind, id, f, keep, r)                                                         \
    {.op = &mt_op_##id,                                                                            \
     .map = id##_of,                                                                               \
     .forward = map_forward,                                                                       \
     .rule = id##_rule,                                                                            \
     .keeps = keep,                                                                                \
     .result = RESULT_##kind},
#define OF_PARTS(id, which, at, keep, r)                                                           \
    {.op = &mt_op_##id,                                                                            \
     .forward = parts_forward,                                                                     \
     .rule = id##_rule,                                                                            \
     .keeps = keep,                                                                                \
     .row = MT_BINARY_##which,                                                                     \
     .first = at},
#define LINEAR(id, rest)                                                                           \
    {.op = &mt_op_##id, .forward = linear_form_forward, .rule = same_rule, .others = rest},
#define LINEAR_VALUE(id, rest)                                                                     \
    {.op = &mt_op_##id,                                                                            \
     .forward = linear_form_forward,                                                               \
     .rule = same_rule,                                                                            \
     .others = rest,                                                                               \
     .values = true},
#define HOLOMORPHIC(id, function)                                                                  \
    {.op = &mt_op_##id, .forward = mt_complex_##function, .rule = conjugated_rule},
#define OWN(id, function) {.op = &mt_op_##id, .forward = mt_complex_##function, .rule = same_rule},
#define SAME(id)          {.op = &mt_op_##id, .rule = same_rule},
#define BILINEAR(id) {.op = &mt_op_##id, .forward = bilinear_form_forward, .rule = conjugated_rule},
#define COMPOSED(id) {.op = &mt_op_##id, .compose = true},
#define BY(id, function) {.op = &mt_op_##id, .forward = mt_complex_##function, .compose = true},
#include "minitorch/complex.def"
};

/* ---- twins ----------------------------------------------------------------------------------- */

#define FEW       16 /* inputs that need no memory of their own */
#define NUM_FORMS ((int)(sizeof forms / sizeof *forms))

/* Made from the real operators at first use; threads that meet there write the same. */
static mt_op twins[NUM_FORMS];
static bool ready[NUM_FORMS];

static const form *form_of(const mt_call *c) { return &forms[c->op - twins]; }

const mt_op *mt_real_op(const mt_call *c) { return form_of(c)->op; }

static void make_twin(mt_op *twin, const form *f)
{
    bool was_composite = f->op->kind & MT_COMPOSITE;
    mt_op made = *f->op;
    made.kind = (made.kind & ~MT_COMPOSITE) | MT_ANY_DTYPE | (f->compose ? MT_COMPOSITE : 0);
    made.fused = NULL;
    if (f->forward) made.forward = f->forward;
    if (f->compose)
        made.backward = NULL;
    else if (f->op->backward || was_composite)
        made.backward = f->rule;
    if (f->keeps) made.keeps[0] = f->keeps;
    if (f->compose && !was_composite) made.grad_name_of = NULL; /* which would ask a node */
    *twin = made;
}

static const mt_op *twin_of(const mt_op *op)
{
    for (int i = 0; i < NUM_FORMS; i++) {
        if (forms[i].op != op) continue;
        if (!__atomic_load_n(&ready[i], __ATOMIC_ACQUIRE)) {
            make_twin(&twins[i], &forms[i]);
            __atomic_store_n(&ready[i], true, __ATOMIC_RELEASE);
        }
        return &twins[i];
    }
    return NULL;
}

/* A real dtype among the arguments: the operator runs on numbers of that type. */
static bool wants_real(const mt_call *c, mt_dtype *d)
{
    const mt_op_plan *plan = c->narg && c->op->plan ? mt_op_get_plan(c->op) : NULL;
    for (int i = 0; plan && i < c->narg && i < MT_MAX_ARGS; i++) {
        *d = (mt_dtype)c->arg[i].i;
        if (plan->kind[i] == MT_ARG_DTYPE && c->arg[i].given && !mt_is_complex(*d)) return true;
    }
    return false;
}

static mt_tensor *apply_real(mt_call *c, mt_dtype d)
{
    mt_tensor *in[FEW], **given = c->in;
    if (c->nin > FEW || c->flags & (MT_CALL_INPLACE | MT_CALL_OUT)) return mt_no_complex(c);
    for (int i = 0; i < c->nin; i++) {
        mt_tensor *t = in[i] = c->in[i];
        if (!t || !mt_is_complex((mt_dtype)t->dtype)) continue;
        if (c->op->kind & MT_FACTORY) t = mt_real(t); /* of which only the shape is read */
        if (!(in[i] = mt_to_dtype(t, d))) return NULL;
    }
    c->in = in;
    mt_tensor *y = mt_apply(c);
    c->in = given;
    return y;
}

mt_tensor *mt_apply_complex(mt_call *c)
{
    mt_dtype d;
    if (c->nin && wants_real(c, &d)) return apply_real(c, d);
    const mt_op *op = c->op, *twin = twin_of(op);
    if (!twin) return mt_no_complex(c);
    c->op = twin;
    mt_tensor *y = mt_apply(c);
    c->op = op;
    return y;
}

/* See Note [Gradients]. */
static void conjugated_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g[MT_MAX_TARGETS] = {NULL};
    for (int k = 0; k < c->nout && k < MT_MAX_TARGETS; k++) g[k] = conj_of(gout[k]);
    form_of(c)->op->backward(c, g, gin);
    for (int i = 0; i < c->nin; i++)
        if (gin[i]) gin[i] = conj_of(gin[i]);
}

static void same_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    form_of(c)->op->backward(c, gout, gin);
}

/* ---- element by element ---------------------------------------------------------------------- */

typedef struct map_job {
    number (*map)(number x, number y);
    mt_dtype in, out;
} map_job;

static number load(mt_dtype d, const char *p)
{
    float narrow[2];
    double wide[2];
    if (d == MT_COMPLEX128) {
        memcpy(wide, p, sizeof wide);
        return number_of(wide[0], wide[1]);
    }
    memcpy(narrow, p, sizeof narrow);
    return number_of((double)narrow[0], (double)narrow[1]);
}

static void store(mt_dtype d, char *p, number z)
{
    if (d == MT_COMPLEX128)
        memcpy(p, (double[]){creal(z), cimag(z)}, 2 * sizeof(double));
    else if (d == MT_COMPLEX64)
        memcpy(p, (float[]){(float)creal(z), (float)cimag(z)}, 2 * sizeof(float));
    else if (d == MT_FLOAT64)
        memcpy(p, (double[]){creal(z)}, sizeof(double));
    else if (d == MT_FLOAT32)
        memcpy(p, (float[]){(float)creal(z)}, sizeof(float));
    else
        *(bool *)p = creal(z) != 0;
}

/* mt_run_loop hands param on as it is: here the job. */
static void map_one(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    const map_job *j = (const map_job *)(const void *)param;
    for (int64_t i = 0; i < n; i++)
        store(j->out, p[0] + i * stride[0], j->map(load(j->in, p[1] + i * stride[1]), 0));
}

static void map_two(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    const map_job *j = (const map_job *)(const void *)param;
    for (int64_t i = 0; i < n; i++) {
        number x = load(j->in, p[1] + i * stride[1]), y = load(j->in, p[2] + i * stride[2]);
        store(j->out, p[0] + i * stride[0], j->map(x, y));
    }
}

static int map_forward(mt_call *c)
{
    const form *f = form_of(c);
    mt_dtype d = mt_complex_dtype(mt_result_type(c->nin, c->in));
    map_job j = {f->map, d, f->result == WHOLE ? d : MT_BOOL};
    mt_tensor *in[2] = {c->in[0], c->nin > 1 ? c->in[1] : NULL};
    for (int i = 0; i < c->nin; i++) {
        if (in[i]->dtype == d) continue;
        mt_tensor *cast = mt_empty_like(in[i], d);
        if (!cast || mt_copy_raw(cast, in[i]) < 0) return -1;
        in[i] = cast;
    }
    mt_tensor *z = mt_result_broadcast(c, j.out, c->nin, in);
    if (z)
        mt_run_loop(c->nin > 1 ? map_two : map_one, z, c->nin, in, (const double *)(const void *)&j,
                    MT_GRAIN_DEAR);
    return z ? 0 : -1;
}

/* ---- by parts -------------------------------------------------------------------------------- */

/* Part k of t in the real type d. A real number has no imaginary part: NULL with k 1. */
static mt_tensor *part(mt_tensor *t, mt_dtype d, int k)
{
    if (mt_is_complex((mt_dtype)t->dtype)) return mt_to_dtype(mt_part(t, k), d);
    return k ? NULL : mt_to_dtype(t, d);
}

static int parts_forward(mt_call *c)
{
    const form *f = form_of(c);
    if (c->flags & MT_CALL_INPLACE)
        return mt_error(MT_RUNTIME, "In-place %s is not supported for complex tensors.",
                        f->op->name);
    mt_dtype d = mt_real_dtype((mt_dtype)c->in[0]->dtype);
    mt_tensor *in[2] = {part(c->in[0], d, f->first), part(c->in[0], d, !f->first)}, *z;
    if (!in[0] || !in[1] || !(z = mt_result_broadcast(c, d, 2, in))) return -1;
    mt_run_loop(mt_k->binary[f->row][d], z, 2, in, NULL, MT_GRAIN_DEAR);
    return 0;
}

/* Part k, with zeros in the shape of t for what is not there. */
static mt_tensor *part_or_zeros(mt_tensor *t, mt_dtype d, int k)
{
    if (!k || mt_is_complex((mt_dtype)t->dtype)) return part(t, d, k);
    mt_tensor *zero = mt_zeros(d, 0, NULL);
    return t->ndim ? mt_expand(zero, t->ndim, t->size) : zero;
}

/* Result k of c from its parts, of which the imaginary one may be NULL: zeros. */
static int join(mt_call *c, int k, mt_dtype d, mt_tensor *re, mt_tensor *im)
{
    if (!re) return -1;
    mt_tensor *z = mt_result(c, k, d, re->ndim, re->size);
    if (!z) return -1;
    mt_tensor *to_re = mt_part(z, 0), *to_im = mt_part(z, 1);
    if (!to_re || !to_im || mt_copy_raw(to_re, re) < 0) return -1;
    return im ? mt_copy_raw(to_im, im) : mt_fill_raw(to_im, mt_scalar_int(0));
}

static bool is_value(const form *f, int i) { return !(f->others >> (i < 3 ? i : 3) & 1); }

/* The complex type of the result: that of a dtype argument, else that of the values. */
static mt_dtype type_of_call(const mt_call *c, const form *f)
{
    const mt_op_plan *plan = c->narg && c->op->plan ? mt_op_get_plan(c->op) : NULL;
    mt_tensor *value[FEW];
    mt_dtype d = MT_NO_DTYPE;
    for (int i = 0; plan && i < c->narg && i < MT_MAX_ARGS; i++)
        if (plan->kind[i] == MT_ARG_DTYPE && c->arg[i].given) return (mt_dtype)c->arg[i].i;
    for (int i = 0, n = 0; i < c->nin; i++) {
        if (c->in[i] && is_value(f, i)) value[n++] = c->in[i];
        if (n == FEW ||
            (n && i == c->nin - 1)) { /* so many at once, and their type with the rest */
            mt_dtype these = mt_result_type(n, value);
            d = d == MT_NO_DTYPE ? these : mt_promote(d, these);
            n = 0;
        }
    }
    return mt_complex_dtype(d == MT_NO_DTYPE ? mt_default_dtype() : d);
}

/* The arguments of the call for part k: the real type for the complex one, a number's part. */
static int arguments(const mt_call *c, const form *f, int k, mt_arg *arg)
{
    const mt_op_plan *plan = c->narg && c->op->plan ? mt_op_get_plan(c->op) : NULL;
    for (int i = 0; i < c->narg && i < MT_MAX_ARGS; i++) {
        arg[i] = c->arg[i];
        if (!plan || !arg[i].given) continue;
        if (plan->kind[i] == MT_ARG_DTYPE) arg[i].i = mt_real_dtype((mt_dtype)arg[i].i);
        if (plan->kind[i] != MT_ARG_SCALAR) continue;
        mt_scalar s = arg[i].s;
        if (!f->values && s.kind == MT_SCALAR_COMPLEX && s.imag != 0)
            return mt_error(MT_NOT_IMPLEMENTED,
                            "%s(): a complex number as argument is not supported", c->op->name);
        if (f->values)
            arg[i].s = mt_scalar_float(k ? s.imag : mt_scalar_to_double(s));
        else if (s.kind == MT_SCALAR_COMPLEX)
            arg[i].s = mt_scalar_float(s.v.d);
    }
    return 0;
}

/* Input i for part k. A complex index or condition is wrong: the real operator says so of a float. */
static mt_tensor *input_part(const mt_call *c, const form *f, int i, mt_dtype d, int k)
{
    if (is_value(f, i)) return part_or_zeros(c->in[i], d, k);
    return mt_is_complex((mt_dtype)c->in[i]->dtype) ? mt_part(c->in[i], 0) : c->in[i];
}

/* The real operator on part k of all values. */
static mt_tensor *run_part(const mt_call *c, const form *f, mt_dtype d, int k, mt_tensor **in)
{
    mt_arg arg[MT_MAX_ARGS];
    for (int i = 0; i < c->nin; i++) {
        in[i] = NULL;
        if (c->in[i] && !(in[i] = input_part(c, f, i, d, k))) return NULL;
    }
    if (arguments(c, f, k, arg) < 0) return NULL;
    return mt_calln(f->op, c->nin, in, c->narg, arg);
}

static int linear_form_forward(mt_call *c)
{
    const form *f = form_of(c);
    mt_dtype d = type_of_call(c, f);
    size_t bytes = (size_t)(c->nin + 1) * sizeof(mt_tensor *);
    if (f->others & OF_SELF && !mt_is_complex((mt_dtype)c->in[0]->dtype)) /* which says why */
        return mt_scalar_check_fill(mt_scalar_complex(0, 1), (mt_dtype)c->in[0]->dtype);
    if (!mt_is_complex(d))
        return mt_error(MT_NOT_IMPLEMENTED,
                        "%s(): complex numbers with dtype=torch.%s. Hint: take real() first.",
                        f->op->name, mt_dtype_name(d));
    mt_tensor **in = mt_malloc(bytes), *re = NULL, *im = NULL;
    if (!in) return -1;
    if ((re = run_part(c, f, mt_real_dtype(d), 0, in)))
        im = c->nin ? run_part(c, f, mt_real_dtype(d), 1, in) : NULL;
    mt_free(in, bytes);
    return re && (im || !c->nin) ? join(c, 0, d, re, im) : -1;
}

/* The real product of part i of the first and part k of the second input, with the part `add` of
 * input 2 (-1: without it). NULL without an error where a part is missing. */
static mt_tensor *product(const mt_call *c, mt_dtype d, int i, int k, int add)
{
    mt_tensor *in[3] = {part(c->in[0], d, i), part(c->in[1], d, k), NULL};
    if (!in[0] || !in[1]) return NULL;
    if (c->nin > 2 && c->in[2] && add >= 0 && !(in[2] = part_or_zeros(c->in[2], d, add)))
        return NULL;
    return mt_calln(form_of(c)->op, c->nin, in, c->narg, c->arg);
}

static int bilinear_form_forward(mt_call *c)
{
    mt_dtype d = (mt_dtype)c->in[0]->dtype, other = (mt_dtype)c->in[1]->dtype;
    if (d != other)
        return mt_error(MT_RUNTIME, "expected m1 and m2 to have the same dtype, but got: %s != %s",
                        mt_dtype_c(d), mt_dtype_c(other));
    if (c->nin > 2 && c->in[2] && c->in[2]->dtype != d)
        return mt_error(MT_RUNTIME,
                        "expected self and mat2 to have the same dtype, but got %s and %s",
                        mt_dtype_camel((mt_dtype)c->in[2]->dtype), mt_dtype_camel(d));
    mt_dtype r = mt_real_dtype(d);
    mt_tensor *ac = product(c, r, 0, 0, 0), *bd = ac ? product(c, r, 1, 1, -1) : NULL;
    mt_tensor *ad = bd ? product(c, r, 0, 1, 1) : NULL, *bc = ad ? product(c, r, 1, 0, -1) : NULL;
    return bc ? join(c, 0, d, mt_sub(ac, bd), mt_add(ad, bc)) : -1;
}
