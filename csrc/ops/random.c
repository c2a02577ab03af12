/* In-place random operators: x.uniform_(), x.normal_(), x.random_(), ...
 *
 * Elements are drawn in the order of their addresses, as PyTorch does: a transposed tensor gets the
 * numbers of its base, seen through the view. Relies on tensor/sample.h for the streams; here stand
 * the checks. Read next: ops/random_create.c. */
#include "ops/random.h"

#include "ops/ops.h"
#include "tensor/sample.h"

#include <float.h>
#include <math.h>

/* The C++ names that PyTorch's messages use. */
static const char *const type_names[MT_NUM_DTYPES] = {
    [MT_UINT8] = "unsigned char", [MT_INT8] = "signed char", [MT_INT16] = "short int",
    [MT_INT32] = "int",           [MT_INT64] = "long int",   [MT_FLOAT32] = "float",
    [MT_FLOAT64] = "double",      [MT_BOOL] = "bool",
};

static int not_implemented(const char *kernel, mt_dtype d)
{
    return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                    mt_dtype_camel(d));
}

/* ==== filling ================================================================================= */

int mt_draw_into(mt_tensor *t, mt_generator *g, const mt_draw *w)
{
    mt_dtype d = (mt_dtype)t->dtype;
    if (t->numel == 0) return 0;
    if (mt_is_dense(t)) {
        w->fill(w, g, d, t->numel, t->data, mt_is_contiguous(t));
        return 0;
    }
    mt_tensor *dense = mt_empty_like(t, d); /* its dimensions lie in the order of t's strides */
    if (!dense) return -1;
    w->fill(w, g, d, t->numel, dense->data, false);
    return mt_copy_raw(t, dense);
}

int mt_draw_bernoulli_each(mt_tensor *t, mt_generator *g, const mt_tensor *p)
{
    mt_dtype d = (mt_dtype)t->dtype, pd = (mt_dtype)p->dtype;
    if (t->numel == 0) return 0;
    mt_tensor *dense = mt_is_dense(t) ? t : mt_empty_like(t, d);
    mt_tensor *chance = dense ? mt_empty_like(dense, pd) : NULL; /* p where t has its elements */
    if (!chance || mt_copy_raw(chance, p) < 0) return -1;
    for (int64_t i = 0; i < t->numel; i++) {
        double x = pd == MT_FLOAT64 ? ((double *)chance->data)[i] : ((float *)chance->data)[i];
        if (!(x >= 0 && x <= 1))
            return mt_error(
                MT_RUNTIME,
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
                "message be improved?  If so, please report an enhancement request to PyTorch.)");
    }
    mt_random_bernoulli_each(g, d, t->numel, dense->data, pd, chance->data);
    return dense == t ? 0 : mt_copy_raw(t, dense);
}

static int fill_self(mt_call *c, const mt_draw *w, mt_generator *g)
{
    mt_tensor *self = c->in[0], *out = mt_result_like(c, 0, (mt_dtype)self->dtype, self);
    return out ? mt_draw_into(out, g, w) : -1;
}

void mt_zero_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)gout;
    for (int i = 0; i < c->nin; i++) {
        const mt_dims *d = &c->in_dims[i];
        if (gin[i]) gin[i] = mt_zeros_raw(d->dtype, d->ndim, d->size);
    }
}

/* fill_uniform and so on: the streams of tensor/sample.h with the parameters of a draw. */
#define FILL(name, arguments)                                                                      \
    static void fill_##name(const mt_draw *w, mt_generator *g, mt_dtype d, int64_t n, void *out,   \
                            bool row_major)                                                        \
    {                                                                                              \
        (void)w, (void)row_major;                                                                  \
        mt_random_##name arguments;                                                                \
    }
FILL(uniform, (g, d, n, out, w->a, w->b))
FILL(normal, (g, d, n, out, w->a, w->b, row_major))
FILL(log_normal, (g, d, n, out, w->a, w->b))
FILL(range, (g, d, n, out, w->low, w->range))
FILL(any, (g, d, n, out))
FILL(bernoulli, (g, d, n, out, w->a))
FILL(exponential, (g, d, n, out, w->a))
FILL(cauchy, (g, d, n, out, w->a, w->b))
FILL(geometric, (g, d, n, out, w->a))

#define MT_IN_PLACE_DRAW                                                                           \
    .kind = MT_PRIMITIVE | MT_METHOD | MT_INPLACE_ONLY | MT_RANDOM, .backward = mt_zero_backward,  \
    .rule = "0"

/* ==== uniform_ ================================================================================ */

int mt_draw_uniform(mt_draw *w, mt_dtype d, double from, double to)
{
    if (!mt_is_float(d)) return not_implemented("check_uniform_bounds", d);
    double max = d == MT_FLOAT32 ? FLT_MAX : DBL_MAX;
    if (!(fabs(from) <= max))
        return mt_error(MT_RUNTIME, "from is out of bounds for %s", type_names[d]);
    if (!(fabs(to) <= max))
        return mt_error(MT_RUNTIME, "to is out of bounds for %s", type_names[d]);
    if (!(from <= to))
        return mt_error(MT_RUNTIME,
                        "uniform_ expects to return a [from, to) range, but found from=%g > to=%g",
                        from, to);
    if (!(to - from <= max))
        return mt_error(MT_RUNTIME,
                        "uniform_ expects to-from <= std::numeric_limits<%s>::max(), but found "
                        "to=%g and from=%g which result in to-from to exceed the limit",
                        mt_dtype_camel(d), to, from);
    *w = (mt_draw){.fill = fill_uniform, .a = from, .b = to};
    return 0;
}

static int uniform__forward(mt_call *c)
{
    mt_draw w;
    if (mt_draw_uniform(&w, (mt_dtype)c->in[0]->dtype, c->arg[0].d, c->arg[1].d) < 0) return -1;
    return fill_self(c, &w, mt_generator_of(c, 2));
}

MT_OP(uniform_, MT_IN_PLACE_DRAW, .grad_name = "UniformBackward0",
      .schema =
          "uniform_(Tensor self, float from=0, float to=1, *, Generator? generator=None) -> Tensor",
      .doc = "Fills self with numbers drawn uniformly from [from, to).\n\n"
             "Raises RuntimeError if from > to or a bound does not fit the type, "
             "NotImplementedError unless\n"
             "self is floating.\n\n"
             ">>> minitorch.empty(2, 3).uniform_(-1, 1).shape\n"
             "torch.Size([2, 3])");

static mt_tensor *draw2(const mt_op *op, mt_tensor *self, double a, double b, mt_generator *g)
{
    mt_arg arg[3] = {mt_arg_double(a), mt_arg_double(b), mt_arg_generator(g)};
    return self ? mt_call_inplace(op, 1, &self, 3, arg) : NULL;
}

static mt_tensor *draw1(const mt_op *op, mt_tensor *self, double a, mt_generator *g)
{
    mt_arg arg[2] = {mt_arg_double(a), mt_arg_generator(g)};
    return self ? mt_call_inplace(op, 1, &self, 2, arg) : NULL;
}

mt_tensor *mt_uniform_(mt_tensor *self, double from, double to, struct mt_generator *g)
{
    return draw2(&mt_op_uniform_, self, from, to, g);
}

/* ==== normal_ and log_normal_ ================================================================= */

int mt_draw_normal(mt_draw *w, mt_dtype d, double mean, double std)
{
    if (!(std >= 0))
        return mt_error(MT_RUNTIME, "normal expects std >= 0.0, but found std %g", std);
    if (!mt_is_float(d)) return not_implemented("normal_kernel_cpu", d);
    *w = (mt_draw){.fill = fill_normal, .a = mean, .b = std};
    return 0;
}

static int normal__forward(mt_call *c)
{
    mt_draw w;
    if (mt_draw_normal(&w, (mt_dtype)c->in[0]->dtype, c->arg[0].d, c->arg[1].d) < 0) return -1;
    return fill_self(c, &w, mt_generator_of(c, 2));
}

MT_OP(normal_, MT_IN_PLACE_DRAW, .grad_name = "NormalBackward0",
      .schema =
          "normal_(Tensor self, float mean=0, float std=1, *, Generator? generator=None) -> Tensor",
      .doc =
          "Fills self with numbers from the normal distribution of that mean and standard "
          "deviation.\n\n"
          "Raises RuntimeError if std is negative, NotImplementedError unless self is floating.\n\n"
          ">>> minitorch.empty(2, 3).normal_(std=0.5).shape\n"
          "torch.Size([2, 3])");

mt_tensor *mt_normal_(mt_tensor *self, double mean, double std, struct mt_generator *g)
{
    return draw2(&mt_op_normal_, self, mean, std, g);
}

static int log_normal__forward(mt_call *c)
{
    mt_dtype d = (mt_dtype)c->in[0]->dtype;
    mt_draw w = {.fill = fill_log_normal, .a = c->arg[0].d, .b = c->arg[1].d};
    if (!(w.b > 0))
        return mt_error(MT_RUNTIME, "log_normal_ expects std > 0.0, but found std=%g", w.b);
    if (!mt_is_float(d)) return not_implemented("log_normal_cpu", d);
    return fill_self(c, &w, mt_generator_of(c, 2));
}

MT_OP(log_normal_, MT_IN_PLACE_DRAW, .grad_name = "LogNormalBackward0",
      .schema = "log_normal_(Tensor self, float mean=1, float std=2, *, Generator? generator=None) "
                "-> Tensor",
      .doc = "Fills self with e ** z, z normal with that mean and standard deviation.\n\n"
             "Raises RuntimeError unless std > 0, NotImplementedError unless self is floating.\n\n"
             ">>> bool((minitorch.empty(5).log_normal_() > 0).all())\n"
             "True");

mt_tensor *mt_log_normal_(mt_tensor *self, double mean, double std, struct mt_generator *g)
{
    return draw2(&mt_op_log_normal_, self, mean, std, g);
}

/* ==== random_ ================================================================================= */

static int digits(mt_dtype d) { return d == MT_FLOAT32 ? FLT_MANT_DIG : DBL_MANT_DIG; }

/* What is left of an integer that has been stored in floating type d. 2^63, which is no int64,
 * becomes what an x86 processor makes of it: that decides which bounds PyTorch moves. */
static int64_t rounded(mt_dtype d, int64_t x)
{
    double y = d == MT_FLOAT32 ? (double)(float)x : (double)x;
    return y >= 0x1p63 ? INT64_MIN : (int64_t)y;
}

/* The distance between neighbours of type d at x: 2^(floor(log2 |x|) - digits + 1). */
static int64_t spacing(mt_dtype d, int64_t x)
{
    int log2 = 0;
    for (uint64_t m = x < 0 ? -(uint64_t)x : (uint64_t)x; m > 1; m >>= 1) log2++;
    int power = log2 - digits(d) + 1;
    return power > 0 ? INT64_C(1) << power : 0;
}

/* Floating types cannot hold every integer: bounds move inwards to ones that they can. */
static int64_t lower_bound(mt_dtype d, int64_t from)
{
    int64_t above = from < INT64_MAX ? from + 1 : from, next = rounded(d, above);
    return next < from ? next + spacing(d, above) : from;
}

static int64_t upper_bound(mt_dtype d, int64_t to)
{
    int64_t last = rounded(d, to - 1);
    return last >= to ? last - spacing(d, to - 1) : to;
}

static void integer_limits(mt_dtype d, int64_t *min, int64_t *max)
{
    bool is_signed = d != MT_UINT8 && d != MT_BOOL;
    int bits = d == MT_BOOL ? 1 : 8 * (int)mt_dtype_size(d) - is_signed;
    *max = (int64_t)((UINT64_C(1) << bits) - 1);
    *min = is_signed ? -*max - 1 : 0;
}

static int check_in_range(mt_dtype d, int64_t from, int64_t last)
{
    int64_t min, max;
    if (mt_is_float(d)) { /* every int64 is within a float's limits, but not every one is a float */
        int64_t exact = INT64_C(1) << digits(d);
        bool low = from < -exact || from > exact;
        if (!low && last >= -exact && last <= exact) return 0;
        return mt_warn(
            "%s is out of bounds [-(2^%d), 2^%d]. Due to precision limitations %s can support "
            "discrete uniform distribution only within this range. This warning will become an "
            "error in version 1.7 release, please fix the code in advance",
            low ? "from" : "to - 1", digits(d), digits(d), type_names[d]);
    }
    integer_limits(d, &min, &max);
    if (from < min || from > max)
        return mt_error(MT_RUNTIME, "from is out of bounds for %s", type_names[d]);
    if (last < min || last > max)
        return mt_error(MT_RUNTIME, "to - 1 is out of bounds for %s", type_names[d]);
    return 0;
}

int mt_draw_integers(mt_draw *w, mt_dtype d, int64_t from, int64_t to)
{
    if (from >= to)
        return mt_error(MT_RUNTIME,
                        "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld",
                        (long long)from, (long long)to);
    if (mt_is_float(d)) {
        int64_t low = lower_bound(d, from), high = upper_bound(d, to);
        if (low >= high)
            return mt_error(MT_RUNTIME,
                            "random_ expects 'from' casted to dtype to be less than 'to' casted to "
                            "dtype, but got from=%lld >= to=%lld",
                            (long long)low, (long long)high);
        from = low;
        to = high;
    }
    if (check_in_range(d, from, to - 1) < 0) return -1;
    *w = (mt_draw){.fill = fill_range, .low = from, .range = (uint64_t)to - (uint64_t)from};
    return 0;
}

/* random_(from, None): up to the largest value of the type, for floats 2^digits; both ends
 * included. */
static int draw_from(mt_draw *w, mt_dtype d, int64_t from)
{
    int64_t min, last;
    if (from == INT64_MIN && d != MT_INT64 && !mt_is_float(d))
        return mt_error(
            MT_RUNTIME,
            "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16");
    if (from == INT64_MIN) {
        *w = (mt_draw){.fill = fill_range}; /* all 2^64, as they come */
        return 0;
    }
    if (mt_is_float(d)) {
        last = INT64_C(1) << digits(d);
        from = lower_bound(d, from);
        if (from >= last)
            return mt_error(MT_RUNTIME,
                            "random_ expects 'from' casted to dtype to be less than or equal to "
                            "'to_inc' casted to dtype, but got from=%lld > to_inc=%lld",
                            (long long)from, (long long)last);
    } else {
        integer_limits(d, &min, &last);
        if (check_in_range(d, from, last) < 0) return -1;
    }
    *w = (mt_draw){.fill = fill_range, .low = from, .range = (uint64_t)last - (uint64_t)from + 1};
    return 0;
}

static int random_from_forward(mt_call *c)
{
    mt_draw w;
    mt_dtype d = (mt_dtype)c->in[0]->dtype;
    int bad = c->arg[1].given ? mt_draw_integers(&w, d, c->arg[0].i, c->arg[1].i)
                              : draw_from(&w, d, c->arg[0].i);
    return bad < 0 ? -1 : fill_self(c, &w, mt_generator_of(c, 2));
}

MT_OP(
    random_from, MT_IN_PLACE_DRAW, .grad_name = "RandomBackward0",
    .schema =
        "random_.from(Tensor self, int from, int? to, *, Generator? generator=None) -> Tensor",
    .doc =
        "Fills self with integers drawn uniformly from [from, to).\n\n"
        "With one number: from [0, to); with none: from 0 to the largest value of the type, or to\n"
        "2 ** 24 (float32), 2 ** 53 (float64).\n"
        "Raises RuntimeError if from >= to or a bound does not fit the type.\n\n"
        ">>> sorted(set(minitorch.zeros(1000).random_(3).tolist()))\n"
        "[0.0, 1.0, 2.0]");

static int random_to_forward(mt_call *c)
{
    mt_draw w;
    if (mt_draw_integers(&w, (mt_dtype)c->in[0]->dtype, 0, c->arg[0].i) < 0) return -1;
    return fill_self(c, &w, mt_generator_of(c, 1));
}

MT_OP(random_to, MT_IN_PLACE_DRAW, .grad_name = "RandomBackward1",
      .schema = "random_.to(Tensor self, int to, *, Generator? generator=None) -> Tensor",
      .doc = "Fills self with integers drawn uniformly from [0, to).");

static int random__forward(mt_call *c)
{
    mt_draw w = {.fill = fill_any};
    return fill_self(c, &w, mt_generator_of(c, 0));
}

MT_OP(random_, MT_IN_PLACE_DRAW, .grad_name = "RandomBackward2",
      .schema = "random_(Tensor self, *, Generator? generator=None) -> Tensor",
      .doc = "Fills self with integers from 0 to the largest value of its type.");

mt_tensor *mt_random_(mt_tensor *self, struct mt_generator *g)
{
    mt_arg arg[1] = {mt_arg_generator(g)};
    return self ? mt_call_inplace(&mt_op_random_, 1, &self, 1, arg) : NULL;
}

mt_tensor *mt_random_to(mt_tensor *self, int64_t to, struct mt_generator *g)
{
    mt_arg arg[2] = {mt_arg_int(to), mt_arg_generator(g)};
    return self ? mt_call_inplace(&mt_op_random_to, 1, &self, 2, arg) : NULL;
}

mt_tensor *mt_random_from(mt_tensor *self, int64_t from, int64_t to, struct mt_generator *g)
{
    mt_arg arg[3] = {mt_arg_int(from), mt_arg_int(to), mt_arg_generator(g)};
    return self ? mt_call_inplace(&mt_op_random_from, 1, &self, 3, arg) : NULL;
}

/* ==== bernoulli_ ============================================================================== */

int mt_draw_bernoulli(mt_draw *w, double p)
{
    if (!(p >= 0 && p <= 1))
        return mt_error(MT_RUNTIME, "bernoulli_ expects p to be in [0, 1], but got p=%g", p);
    *w = (mt_draw){.fill = fill_bernoulli, .a = p};
    return 0;
}

static int bernoulli__forward(mt_call *c)
{
    mt_draw w;
    if (mt_draw_bernoulli(&w, c->arg[0].d) < 0) return -1;
    return fill_self(c, &w, mt_generator_of(c, 1));
}

MT_OP(bernoulli_, MT_IN_PLACE_DRAW, .grad_name = "BernoulliBackward2",
      .schema = "bernoulli_(Tensor self, float p=0.5, *, Generator? generator=None) -> Tensor",
      .doc = "Fills self with 1 with probability p, else 0.");

mt_tensor *mt_bernoulli_(mt_tensor *self, double p, struct mt_generator *g)
{
    return draw1(&mt_op_bernoulli_, self, p, g);
}

static int bernoulli_tensor_forward(mt_call *c)
{
    mt_tensor *self = c->in[0], *p = c->in[1];
    if (!mt_is_float((mt_dtype)p->dtype))
        return not_implemented("bernoulli_tensor_cpu_p_", (mt_dtype)p->dtype);
    p = mt_expand(p, self->ndim, self->size);
    mt_tensor *out = p ? mt_result_like(c, 0, (mt_dtype)self->dtype, self) : NULL;
    return out ? mt_draw_bernoulli_each(out, mt_generator_of(c, 0), p) : -1;
}

MT_OP(bernoulli_tensor, MT_IN_PLACE_DRAW, .grad_name = "BernoulliBackward1",
      .schema = "bernoulli_.Tensor(Tensor self, Tensor p, *, Generator? generator=None) -> Tensor",
      .doc = "Fills self with 1 with the probability that p has there, else 0.\n\n"
             "p may be a number, one for all, or a floating tensor that broadcasts to self.\n"
             "Raises RuntimeError if a probability is not in [0, 1].\n\n"
             ">>> minitorch.empty(3).bernoulli_(minitorch.tensor([0., 1., 1.]))\n"
             "tensor([0., 1., 1.])");

mt_tensor *mt_bernoulli_tensor(mt_tensor *self, mt_tensor *p, struct mt_generator *g)
{
    mt_tensor *in[2] = {self, p};
    mt_arg arg[1] = {mt_arg_generator(g)};
    return self && p ? mt_call_inplace(&mt_op_bernoulli_tensor, 2, in, 1, arg) : NULL;
}

/* ==== exponential_, cauchy_, geometric_ ======================================================= */

static int check_continuous(mt_dtype d, const char *name, const char *type)
{
    if (mt_is_float(d)) return 0;
    return mt_error(MT_RUNTIME,
                    "%s distribution is a continuous probability distribution. dtype must be a "
                    "floating point but you specified %s",
                    name, type);
}

int mt_draw_exponential(mt_draw *w, mt_dtype d, double rate)
{
    if (!(rate > 0))
        return mt_error(MT_RUNTIME, "exponential_ expects lambda > 0.0, but found lambda=%g", rate);
    if (check_continuous(d, "Exponential", mt_dtype_camel(d)) < 0) return -1;
    *w = (mt_draw){.fill = fill_exponential, .a = rate};
    return 0;
}

static int exponential__forward(mt_call *c)
{
    mt_draw w;
    if (mt_draw_exponential(&w, (mt_dtype)c->in[0]->dtype, c->arg[0].d) < 0) return -1;
    return fill_self(c, &w, mt_generator_of(c, 1));
}

MT_OP(exponential_, MT_IN_PLACE_DRAW, .grad_name = "ExponentialBackward0",
      .schema = "exponential_(Tensor self, float lambd=1, *, Generator? generator=None) -> Tensor",
      .doc = "Fills self with numbers of density lambd e ** (-lambd x), x >= 0.\n\n"
             "Raises RuntimeError unless lambd > 0 and self is floating.\n\n"
             ">>> bool((minitorch.empty(5).exponential_() >= 0).all())\n"
             "True");

mt_tensor *mt_exponential_(mt_tensor *self, double rate, struct mt_generator *g)
{
    return draw1(&mt_op_exponential_, self, rate, g);
}

static int cauchy__forward(mt_call *c)
{
    mt_dtype d = (mt_dtype)c->in[0]->dtype;
    mt_draw w = {.fill = fill_cauchy, .a = c->arg[0].d, .b = c->arg[1].d};
    if (!(w.b > 0))
        return mt_error(MT_RUNTIME, "cauchy_ expects sigma > 0.0, but found sigma=%g", w.b);
    if (check_continuous(d, "Cauchy", type_names[d]) < 0) return -1;
    return fill_self(c, &w, mt_generator_of(c, 2));
}

MT_OP(cauchy_, MT_IN_PLACE_DRAW, .grad_name = "CauchyBackward0",
      .schema = "cauchy_(Tensor self, float median=0, float sigma=1, *, Generator? generator=None) "
                "-> Tensor",
      .doc = "Fills self with numbers of density sigma / (pi ((x - median) ** 2 + sigma ** 2)).\n\n"
             "Raises RuntimeError unless sigma > 0 and self is floating.\n\n"
             ">>> minitorch.empty(2).cauchy_(0, 0.1).shape\n"
             "torch.Size([2])");

mt_tensor *mt_cauchy_(mt_tensor *self, double median, double sigma, struct mt_generator *g)
{
    return draw2(&mt_op_cauchy_, self, median, sigma, g);
}

static int geometric__forward(mt_call *c)
{
    mt_dtype d = (mt_dtype)c->in[0]->dtype;
    mt_draw w = {.fill = fill_geometric, .a = c->arg[0].d};
    if (!(w.a > 0 && w.a < 1))
        return mt_error(MT_RUNTIME, "geometric_ expects p to be in (0, 1), but got p=%g", w.a);
    if (d == MT_BOOL) return not_implemented("geometric_cpu", d);
    return fill_self(c, &w, mt_generator_of(c, 1));
}

MT_OP(geometric_, MT_IN_PLACE_DRAW, .grad_name = "GeometricBackward0",
      .schema = "geometric_(Tensor self, float p, *, Generator? generator=None) -> Tensor",
      .doc =
          "Fills self with the number of trials up to the first success, each of probability p.\n\n"
          "Raises RuntimeError unless 0 < p < 1, NotImplementedError if self is bool.\n\n"
          ">>> bool((minitorch.empty(5).geometric_(0.3) >= 1).all())\n"
          "True");

mt_tensor *mt_geometric_(mt_tensor *self, double p, struct mt_generator *g)
{
    return draw1(&mt_op_geometric_, self, p, g);
}
