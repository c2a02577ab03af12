/* Random operators that make tensors: rand, randn, randint, randperm, normal, bernoulli,
 * multinomial, dropout.
 *
 * Relies on ops/random.h, where the distributions are checked, and tensor/sample.h.
 * Read next: tensor/sample.c. */
#include "ops/random.h"

#include "ops/ops.h"
#include "tensor/sample.h"

#include <math.h>
#include <string.h>

/* ==== factories =============================================================================== */

/* The type asked for, else that of the out= target, else the usual one. */
static mt_dtype wanted_dtype(const mt_call *c, int k, mt_dtype usual)
{
    if (c->arg[k].given) return (mt_dtype)c->arg[k].i;
    return c->target && c->target[0] ? (mt_dtype)c->target[0]->dtype : usual;
}

static int check_sizes(int64_t n, const int64_t *size)
{
    char text[MT_SHAPE_TEXT];
    for (int64_t i = 0; i < n; i++)
        if (size[i] < 0)
            return mt_error(MT_RUNTIME, "Trying to create tensor with negative dimension %lld: %s",
                            (long long)size[i], mt_shape_text((int)n, size, text));
    return 0;
}

/* A new tensor of the sizes of argument k, drawn. */
static int fill_new(mt_call *c, int k, mt_dtype d, mt_generator *g, const mt_draw *w)
{
    int64_t n = c->arg[k].ints.n;
    const int64_t *size = c->arg[k].ints.v;
    if (check_sizes(n, size) < 0) return -1;
    mt_tensor *out = mt_result(c, 0, d, (int)n, size);
    return out ? mt_draw_into(out, g, w) : -1;
}

/* memory_format is the last argument. */
static int fill_like(mt_call *c, mt_dtype d, mt_generator *g, const mt_draw *w)
{
    mt_tensor *out = c->out[0] = mt_empty_format(c->in[0], d, &c->arg[c->narg - 1]);
    return out ? mt_draw_into(out, g, w) : -1;
}

#define FACTORY .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY | MT_OUT | MT_RANDOM
#define LIKE    .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY | MT_RANDOM

/* ==== rand and randn ========================================================================== */

/* What rand and randn have in common: the distribution of two parameters is handed over. */
typedef int distribution(mt_draw *w, mt_dtype d, double a, double b);

static int draw_new(mt_call *c, distribution *of)
{
    mt_draw w;
    mt_dtype d = wanted_dtype(c, 2, mt_default_dtype());
    return of(&w, d, 0, 1) < 0 ? -1 : fill_new(c, 0, d, mt_generator_of(c, 1), &w);
}

static int draw_like(mt_call *c, distribution *of)
{
    mt_draw w;
    mt_dtype d = wanted_dtype(c, 1, (mt_dtype)c->in[0]->dtype);
    return of(&w, d, 0, 1) < 0 ? -1 : fill_like(c, d, mt_generator_of(c, 0), &w);
}

static mt_tensor *call_new(const mt_op *op, int ndim, const int64_t *size, mt_dtype d,
                           mt_generator *g)
{
    mt_arg arg[3] = {mt_arg_ints(ndim, size), mt_arg_generator(g), mt_arg_dtype(d)};
    return mt_call0(op, 3, arg);
}

static mt_tensor *call_like(const mt_op *op, mt_tensor *self, mt_generator *g)
{
    mt_arg arg[3] = {mt_arg_generator(g), mt_arg_none(), mt_arg_none()};
    return mt_call1a(op, self, 3, arg);
}

static int rand_forward(mt_call *c) { return draw_new(c, mt_draw_uniform); }

MT_OP(rand, FACTORY | MT_VARARGS,
      .schema = "rand(int[] size, *, Generator? generator=None, ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of that size with numbers drawn uniformly from [0, 1).\n\n"
             ">>> minitorch.rand(2, 3).shape\n"
             "torch.Size([2, 3])");

mt_tensor *mt_rand(int ndim, const int64_t *size, mt_dtype d, struct mt_generator *g)
{
    return call_new(&mt_op_rand, ndim, size, d, g);
}

static int randn_forward(mt_call *c) { return draw_new(c, mt_draw_normal); }

MT_OP(randn, FACTORY | MT_VARARGS,
      .schema = "randn(int[] size, *, Generator? generator=None, ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of that size with numbers from the standard normal distribution.\n\n"
             ">>> minitorch.randn(2, 3).shape\n"
             "torch.Size([2, 3])");

mt_tensor *mt_randn(int ndim, const int64_t *size, mt_dtype d, struct mt_generator *g)
{
    return call_new(&mt_op_randn, ndim, size, d, g);
}

static int rand_like_forward(mt_call *c) { return draw_like(c, mt_draw_uniform); }

MT_OP(rand_like, LIKE,
      .schema = "rand_like(Tensor self, *, Generator? generator=None, ScalarType? dtype=None, "
                "MemoryFormat? memory_format=None) -> Tensor",
      .doc = "A tensor of the size and type of self with numbers drawn uniformly from [0, 1).");

mt_tensor *mt_rand_like(mt_tensor *self, struct mt_generator *g)
{
    return call_like(&mt_op_rand_like, self, g);
}

static int randn_like_forward(mt_call *c) { return draw_like(c, mt_draw_normal); }

MT_OP(randn_like, LIKE,
      .schema = "randn_like(Tensor self, *, Generator? generator=None, ScalarType? dtype=None, "
                "MemoryFormat? memory_format=None) -> Tensor",
      .doc = "A tensor of the size and type of self with numbers from the standard normal "
             "distribution.");

mt_tensor *mt_randn_like(mt_tensor *self, struct mt_generator *g)
{
    return call_like(&mt_op_randn_like, self, g);
}

/* ==== randint ================================================================================= */

static int randint_new(mt_call *c, int64_t low, int64_t high, int k)
{
    mt_draw w;
    mt_dtype d = wanted_dtype(c, k + 2, MT_INT64);
    if (check_sizes(c->arg[k].ints.n, c->arg[k].ints.v) < 0) return -1;
    if (mt_draw_integers(&w, d, low, high) < 0) return -1;
    return fill_new(c, k, d, mt_generator_of(c, k + 1), &w);
}

static int randint_forward(mt_call *c) { return randint_new(c, 0, c->arg[0].i, 1); }

MT_OP(randint, FACTORY,
      .schema = "randint(int high, int[] size, *, Generator? generator=None, ScalarType? "
                "dtype=None) -> Tensor",
      .doc = "A tensor of that size with integers drawn uniformly from [low, high), low 0 if not "
             "given.\n\n"
             "int64 unless dtype says otherwise. Raises RuntimeError if low >= high or a bound "
             "does not fit\n"
             "the type.\n\n"
             ">>> sorted(set(minitorch.randint(3, 6, (100,)).tolist()))\n"
             "[3, 4, 5]");

mt_tensor *mt_randint(int64_t high, int ndim, const int64_t *size, mt_dtype d,
                      struct mt_generator *g)
{
    mt_arg arg[4] = {mt_arg_int(high), mt_arg_ints(ndim, size), mt_arg_generator(g),
                     mt_arg_dtype(d)};
    return mt_call0(&mt_op_randint, 4, arg);
}

static int randint_low_forward(mt_call *c) { return randint_new(c, c->arg[0].i, c->arg[1].i, 2); }

MT_OP(randint_low, FACTORY,
      .schema = "randint.low(int low, int high, int[] size, *, Generator? generator=None, "
                "ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of that size with integers drawn uniformly from [low, high).");

mt_tensor *mt_randint_low(int64_t low, int64_t high, int ndim, const int64_t *size, mt_dtype d,
                          struct mt_generator *g)
{
    mt_arg arg[5] = {mt_arg_int(low), mt_arg_int(high), mt_arg_ints(ndim, size),
                     mt_arg_generator(g), mt_arg_dtype(d)};
    return mt_call0(&mt_op_randint_low, 5, arg);
}

static int randint_alike(mt_call *c, int64_t low, int64_t high, int k)
{
    mt_draw w;
    mt_dtype d = wanted_dtype(c, k + 1, (mt_dtype)c->in[0]->dtype);
    return mt_draw_integers(&w, d, low, high) < 0 ? -1 : fill_like(c, d, mt_generator_of(c, k), &w);
}

static int randint_like_forward(mt_call *c) { return randint_alike(c, 0, c->arg[0].i, 1); }

MT_OP(randint_like, LIKE,
      .schema = "randint_like(Tensor self, int high, *, Generator? generator=None, ScalarType? "
                "dtype=None, MemoryFormat? memory_format=None) -> Tensor",
      .doc = "A tensor of the size and type of self with integers drawn uniformly from [low, "
             "high), low 0 if not given.");

mt_tensor *mt_randint_like(mt_tensor *self, int64_t high, struct mt_generator *g)
{
    mt_arg arg[4] = {mt_arg_int(high), mt_arg_generator(g), mt_arg_none(), mt_arg_none()};
    return mt_call1a(&mt_op_randint_like, self, 4, arg);
}

static int randint_like_low_forward(mt_call *c)
{
    return randint_alike(c, c->arg[0].i, c->arg[1].i, 2);
}

MT_OP(
    randint_like_low, LIKE,
    .schema = "randint_like.low_dtype(Tensor self, int low, int high, *, Generator? "
              "generator=None, ScalarType? dtype=None, MemoryFormat? memory_format=None) -> Tensor",
    .doc = "A tensor of the size and type of self with integers drawn uniformly from [low, high).");

mt_tensor *mt_randint_like_low(mt_tensor *self, int64_t low, int64_t high, struct mt_generator *g)
{
    mt_arg arg[5] = {mt_arg_int(low), mt_arg_int(high), mt_arg_generator(g), mt_arg_none(),
                     mt_arg_none()};
    return mt_call1a(&mt_op_randint_like_low, self, 5, arg);
}

/* ==== randperm ================================================================================ */

/* Can type d hold 0 ... n-1? */
static int check_permutation(int64_t n, mt_dtype d)
{
    static const char *const names[MT_NUM_DTYPES] = {
        [MT_UINT8] = "uint8_t", [MT_INT8] = "int8_t", [MT_INT16] = "int16_t", [MT_INT32] = "int"};
    if (check_sizes(1, &n) < 0) return -1;
    if (d == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"randperm\" not implemented for 'Bool'");
    if (mt_is_float(d)) {
        int digits = d == MT_FLOAT32 ? 24 : 53;
        if (n <= (INT64_C(1) << digits) + 1) return 0;
        return mt_error(MT_RUNTIME, "n cannot be greater than 2^%d+1 for %s type.", digits,
                        mt_dtype_camel(d));
    }
    int bits = 8 * (int)mt_dtype_size(d) - (d != MT_UINT8);
    if (n <= 1 || (n - 1) >> bits == 0) return 0;
    return mt_error(MT_RUNTIME, "value cannot be converted to type %s without overflow", names[d]);
}

static int randperm_forward(mt_call *c)
{
    int64_t n = c->arg[0].i;
    mt_dtype d = wanted_dtype(c, 2, MT_INT64);
    if (check_permutation(n, d) < 0) return -1;
    mt_tensor *out = mt_result(c, 0, d, 1, &n);
    if (!out) return -1;
    mt_random_permutation(mt_generator_of(c, 1), d, n, out->data);
    return 0;
}

MT_OP(randperm, FACTORY,
      .schema = "randperm(int n, *, Generator? generator=None, ScalarType? dtype=None) -> Tensor",
      .doc = "The integers 0 ... n-1 in random order, (n,), int64 unless dtype says otherwise.\n\n"
             "Raises RuntimeError if n is negative or the type cannot hold n-1.\n\n"
             ">>> sorted(minitorch.randperm(4).tolist())\n"
             "[0, 1, 2, 3]");

mt_tensor *mt_randperm(int64_t n, struct mt_generator *g)
{
    mt_arg arg[3] = {mt_arg_int(n), mt_arg_generator(g), mt_arg_none()};
    return mt_call0(&mt_op_randperm, 3, arg);
}

/* ==== normal ================================================================================== */

static int check_deviations(mt_tensor *std)
{
    mt_tensor *s = mt_contiguous_raw(std, MT_FLOAT64);
    if (!s) return -1;
    const double *v = (const double *)s->data;
    for (int64_t i = 0; i < s->numel; i++)
        if (!(v[i] >= 0)) return mt_error(MT_RUNTIME, "normal expects all elements of std >= 0.0");
    return 0;
}

/* The result, contiguous, drawn from a normal distribution around 0. */
static mt_tensor *centred(mt_call *c, mt_dtype d, int ndim, const int64_t *size, double std,
                          mt_generator *g)
{
    mt_draw w;
    if (mt_draw_normal(&w, d, 0, std) < 0) return NULL;
    mt_tensor *out = mt_result(c, 0, d, ndim, size);
    return out && mt_draw_into(out, g, &w) == 0 ? out : NULL;
}

/* x *= y and x += y: each rounds to x's type. */
static mt_tensor *scale(mt_tensor *x, mt_tensor *y)
{
    mt_tensor *in[2] = {x, y};
    return x && y ? mt_call_inplace(&mt_op_mul, 2, in, 0, NULL) : NULL;
}

static mt_tensor *shift(mt_tensor *x, mt_tensor *y)
{
    mt_tensor *in[2] = {x, y};
    return x && y ? mt_call_inplace(&mt_op_add, 2, in, 0, NULL) : NULL;
}

#define NORMAL                                                                                     \
    .kind = MT_PRIMITIVE | MT_FUNCTION | MT_OUT | MT_RANDOM, .backward = mt_zero_backward,         \
    .rule = "0"

static int normal_forward(mt_call *c)
{
    mt_tensor *mean = c->in[0], *std = c->in[1];
    int64_t size[MT_MAX_DIMS];
    if (check_deviations(std) < 0) return -1;
    int ndim = mt_shape_broadcast(mean->ndim, mean->size, std->ndim, std->size, size);
    if (ndim < 0) return -1;
    mt_tensor *z = centred(c, (mt_dtype)mean->dtype, ndim, size, 1, mt_generator_of(c, 0));
    return shift(scale(z, std), mean) ? 0 : -1;
}

MT_OP(normal, NORMAL, .grad_name = "NormalBackward3",
      .schema = "normal(Tensor mean, Tensor std, *, Generator? generator=None) -> Tensor",
      .doc = "Numbers from normal distributions with the means and standard deviations given.\n\n"
             "Either may be a number; mean and std broadcast. With two numbers a size is needed.\n"
             "Raises RuntimeError if a standard deviation is negative.\n\n"
             ">>> minitorch.normal(0, 1, (2, 3)).shape\n"
             "torch.Size([2, 3])");

mt_tensor *mt_normal(mt_tensor *mean, mt_tensor *std, struct mt_generator *g)
{
    mt_arg arg[1] = {mt_arg_generator(g)};
    return mean && std ? mt_call2a(&mt_op_normal, mean, std, 1, arg) : NULL;
}

static int normal_tensor_float_forward(mt_call *c)
{
    mt_tensor *mean = c->in[0];
    mt_tensor *z = centred(c, (mt_dtype)mean->dtype, mean->ndim, mean->size, c->arg[0].d,
                           mt_generator_of(c, 1));
    return shift(z, mean) ? 0 : -1;
}

MT_OP(normal_tensor_float, NORMAL, .grad_name = "NormalBackward1",
      .schema =
          "normal.Tensor_float(Tensor mean, float std=1, *, Generator? generator=None) -> Tensor",
      .doc = "Numbers from normal distributions with the means given and one standard deviation.");

mt_tensor *mt_normal_tensor_float(mt_tensor *mean, double std, struct mt_generator *g)
{
    mt_arg arg[2] = {mt_arg_double(std), mt_arg_generator(g)};
    return mt_call1a(&mt_op_normal_tensor_float, mean, 2, arg);
}

static int normal_float_tensor_forward(mt_call *c)
{
    mt_tensor *std = c->in[0];
    if (check_deviations(std) < 0) return -1;
    mt_tensor *z = centred(c, (mt_dtype)std->dtype, std->ndim, std->size, 1, mt_generator_of(c, 1));
    return shift(scale(z, std), mt_number(c->arg[0].d)) ? 0 : -1;
}

MT_OP(
    normal_float_tensor, NORMAL, .grad_name = "NormalBackward2",
    .schema = "normal.float_Tensor(float mean, Tensor std, *, Generator? generator=None) -> Tensor",
    .doc = "Numbers from normal distributions with one mean and the standard deviations given.");

mt_tensor *mt_normal_float_tensor(double mean, mt_tensor *std, struct mt_generator *g)
{
    mt_arg arg[2] = {mt_arg_double(mean), mt_arg_generator(g)};
    return mt_call1a(&mt_op_normal_float_tensor, std, 2, arg);
}

static int normal_float_float_forward(mt_call *c)
{
    mt_draw w;
    mt_dtype d = wanted_dtype(c, 4, mt_default_dtype());
    if (mt_draw_normal(&w, d, c->arg[0].d, c->arg[1].d) < 0) return -1;
    return fill_new(c, 2, d, mt_generator_of(c, 3), &w);
}

MT_OP(normal_float_float, FACTORY,
      .schema = "normal.float_float(float mean, float std, int[] size, *, Generator? "
                "generator=None, ScalarType? dtype=None) -> Tensor",
      .doc = "A tensor of that size with numbers from one normal distribution.");

mt_tensor *mt_normal_float_float(double mean, double std, int ndim, const int64_t *size, mt_dtype d,
                                 struct mt_generator *g)
{
    mt_arg arg[5] = {mt_arg_double(mean), mt_arg_double(std), mt_arg_ints(ndim, size),
                     mt_arg_generator(g), mt_arg_dtype(d)};
    return mt_call0(&mt_op_normal_float_float, 5, arg);
}

/* ==== bernoulli =============================================================================== */

static int bernoulli_forward(mt_call *c)
{
    mt_tensor *p = c->in[0];
    mt_dtype d = (mt_dtype)p->dtype;
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"bernoulli_tensor_cpu_p_\" not implemented for '%s'",
                        mt_dtype_camel(d));
    mt_tensor *target = c->target ? c->target[0] : NULL;
    mt_tensor *out = mt_result(c, 0, target ? (mt_dtype)target->dtype : d, p->ndim, p->size);
    return out ? mt_draw_bernoulli_each(out, mt_generator_of(c, 0), p) : -1;
}

MT_OP(bernoulli, .kind = MT_PRIMITIVE | MT_FUNCTION | MT_METHOD | MT_OUT | MT_RANDOM,
      .backward = mt_zero_backward, .rule = "0",
      .schema = "bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
      .doc = "1 with the probability that self has there, else 0; the gradient is 0.\n\n"
             "Raises RuntimeError if a probability is not in [0, 1], NotImplementedError unless "
             "self is\n"
             "floating. With p, a number: 1 with probability p everywhere.\n\n"
             ">>> minitorch.bernoulli(minitorch.tensor([0., 1.]))\n"
             "tensor([0., 1.])");

mt_tensor *mt_bernoulli(mt_tensor *p, struct mt_generator *g)
{
    mt_arg arg[1] = {mt_arg_generator(g)};
    return mt_call1a(&mt_op_bernoulli, p, 1, arg);
}

static int bernoulli_p_forward(mt_call *c)
{
    mt_draw w;
    mt_tensor *self = c->in[0], *out;
    if (mt_draw_bernoulli(&w, c->arg[0].d) < 0) return -1;
    out = mt_result(c, 0, (mt_dtype)self->dtype, self->ndim,
                    self->size); /* row-major, as PyTorch's is */
    return out ? mt_draw_into(out, mt_generator_of(c, 1), &w) : -1;
}

MT_OP(bernoulli_p, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_RANDOM,
      .schema = "bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
      .doc = "A tensor like self: 1 with probability p, else 0.");

mt_tensor *mt_bernoulli_p(mt_tensor *self, double p, struct mt_generator *g)
{
    mt_arg arg[2] = {mt_arg_double(p), mt_arg_generator(g)};
    return mt_call1a(&mt_op_bernoulli_p, self, 2, arg);
}

/* ==== multinomial ============================================================================= */

static int check_multinomial(const mt_call *c)
{
    const mt_tensor *w = c->in[0];
    int64_t k = c->arg[0].i;
    if (!mt_is_float((mt_dtype)w->dtype))
        return mt_error(MT_RUNTIME,
                        "multinomial only supports floating-point dtypes for input, got: %s",
                        mt_dtype_camel((mt_dtype)w->dtype));
    if (c->target && c->target[0] && c->target[0]->dtype != MT_INT64)
        return mt_error(MT_RUNTIME, "multinomial expects Long tensor out, got: %s",
                        mt_dtype_camel((mt_dtype)c->target[0]->dtype));
    if (w->ndim < 1 || w->ndim > 2) return mt_error(MT_RUNTIME, "prob_dist must be 1 or 2 dim");
    int64_t categories = w->size[w->ndim - 1];
    if (k <= 0) return mt_error(MT_RUNTIME, "cannot sample n_sample <= 0 samples");
    if (!c->arg[1].b && k > categories)
        return mt_error(MT_RUNTIME,
                        "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    if (categories > (1 << 24))
        return mt_error(MT_RUNTIME, "number of categories cannot exceed 2^24");
    return 0;
}

/* The first of n weights that is negative or not finite, n if none is; *some: one is positive. */
#define FLAW(name, T)                                                                              \
    static int64_t name(int64_t n, const T *w, bool *some)                                         \
    {                                                                                              \
        int64_t i = 0;                                                                             \
        for (*some = false; i < n && w[i] >= 0 && w[i] < (T)INFINITY; i++) *some |= w[i] > 0;      \
        return i;                                                                                  \
    }
FLAW(flaw_f32, float)
FLAW(flaw_f64, double)

/* Every row needs a positive sum of finite weights; the two algorithms word it differently. */
static int check_weights(const mt_tensor *w, int64_t rows, int64_t n, bool repeated)
{
    bool some, all = true;
    for (int64_t r = 0; r < rows; r++, all &= some) {
        const char *row = w->data + r * n * mt_itemsize(w);
        int64_t i = w->dtype == MT_FLOAT32 ? flaw_f32(n, (const float *)(const void *)row, &some)
                                           : flaw_f64(n, (const double *)(const void *)row, &some);
        if (i == n) continue;
        if (!repeated)
            return mt_error(MT_RUNTIME,
                            "probability tensor contains either `inf`, `nan` or element < 0");
        double x =
            mt_scalar_to_double(mt_scalar_load((mt_dtype)w->dtype, row + i * mt_itemsize(w)));
        return mt_error(MT_RUNTIME,
                        "invalid multinomial distribution (encountering probability entry %s)",
                        x >= 0 ? "= infinity or NaN" : "< 0");
    }
    if (all) return 0;
    return mt_error(MT_RUNTIME, "invalid multinomial distribution (sum of probabilities <= 0)");
}

/* Without replacement; flat: w row by row. */
static int sample_distinct(mt_tensor *w, const mt_tensor *flat, mt_tensor *out, int64_t rows,
                           int64_t n, int64_t k, mt_generator *g)
{
    mt_draw exponential;
    mt_dtype d = (mt_dtype)w->dtype;
    mt_tensor *q = mt_empty_like(w, d);
    if (!q || mt_draw_exponential(&exponential, d, 1) < 0 || mt_draw_into(q, g, &exponential) < 0)
        return -1;
    q = mt_contiguous_raw(q, d);
    void *heap = q ? mt_malloc((size_t)k * MT_RANKED_SIZE) : NULL;
    if (!heap) return -1;
    for (int64_t r = 0, row = n * mt_itemsize(w); r < rows; r++)
        mt_largest_quotients(d, n, flat->data + r * row, q->data + r * row, k, heap,
                             (int64_t *)(void *)out->data + r * k);
    mt_free(heap, (size_t)k * MT_RANKED_SIZE);
    return 0;
}

static int multinomial_forward(mt_call *c)
{
    mt_tensor *w = c->in[0];
    mt_generator *g = mt_generator_of(c, 2);
    if (check_multinomial(c) < 0) return -1;
    mt_dtype d = (mt_dtype)w->dtype;
    int64_t k = c->arg[0].i, n = w->size[w->ndim - 1], rows = w->ndim == 2 ? w->size[0] : 1;
    bool repeated = c->arg[1].b && k > 1;
    mt_tensor *flat = mt_contiguous_raw(w, d);
    mt_tensor *out = mt_result(c, 0, MT_INT64, w->ndim, w->ndim == 2 ? (int64_t[]){rows, k} : &k);
    if (!flat || !out || check_weights(flat, rows, n, repeated) < 0) return -1;
    if (!repeated) return sample_distinct(w, flat, out, rows, n, k, g);
    size_t row = (size_t)(n * mt_dtype_size(d));
    void *sums = mt_malloc(row);
    if (!sums) return -1;
    for (int64_t r = 0; r < rows; r++)
        mt_random_choices(g, d, n, flat->data + (size_t)r * row, sums, k,
                          (int64_t *)out->data + r * k);
    mt_free(sums, row);
    return 0;
}

MT_OP(multinomial, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT | MT_RANDOM,
      .schema = "multinomial(Tensor self, int num_samples, bool replacement=False, *, Generator? "
                "generator=None) -> Tensor",
      .doc =
          "Indices drawn in proportion to the weights in self, (n,) or (m, n): (num_samples,) or\n"
          "(m, num_samples), int64.\n\n"
          "Without replacement no index comes twice in a row. Raises RuntimeError if a weight is "
          "negative\n"
          "or not finite, if all are 0, or if there are too few to draw from.\n\n"
          ">>> minitorch.multinomial(minitorch.tensor([0., 1., 0.]), 3, replacement=True)\n"
          "tensor([1, 1, 1])");

mt_tensor *mt_multinomial(mt_tensor *self, int64_t num_samples, bool replacement,
                          struct mt_generator *g)
{
    mt_arg arg[3] = {mt_arg_int(num_samples), mt_arg_bool(replacement), mt_arg_generator(g)};
    return mt_call1a(&mt_op_multinomial, self, 3, arg);
}

/* ==== dropout ================================================================================= */

/* 0 with probability p, else 1 / (1 - p), where x has its elements. */
static void fill_noise(const mt_draw *w, mt_generator *g, mt_dtype d, int64_t n, void *out,
                       bool row_major)
{
    (void)row_major;
    mt_random_dropout(g, d, n, out, w->a);
}

/* y = x * noise: composed, so that the derivatives of every order are those of the product, g *
 * noise. */
static int dropout_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *noise;
    double p = c->arg[0].d;
    bool training = c->arg[1].b, inplace = c->arg[2].b;
    if (p < 0 || p > 1)
        return mt_error(MT_VALUE, "dropout probability has to be between 0 and 1, but got %.15g",
                        p);
    if (p != p)
        return mt_error(MT_RUNTIME, "dropout probability has to be between 0 and 1, but got nan");
    if (p == 0 || !training || x->numel == 0) return mt_result_is(c, 0, x);
    if (p == 1) {
        noise = mt_number_of(mt_scalar_int(0));
    } else if (!mt_is_float((mt_dtype)x->dtype)) {
        return mt_error(MT_RUNTIME, "result type Float can't be cast to the desired output type %s",
                        mt_dtype_camel((mt_dtype)x->dtype));
    } else {
        const mt_draw w = {.fill = fill_noise, .a = p};
        noise = mt_empty_like(x, (mt_dtype)x->dtype);
        if (!noise || mt_draw_into(noise, mt_default_generator(), &w) < 0) return -1;
    }
    return mt_result_is(c, 0, inplace ? scale(x, noise) : mt_mul(x, noise));
}

MT_OP(dropout, .kind = MT_COMPOSITE | MT_NN | MT_RANDOM,
      .schema =
          "dropout(Tensor input, float p=0.5, bool training=True, bool inplace=False) -> Tensor",
      .doc = "While training: zeroes each element with probability p and divides the others by 1 - "
             "p.\n\n"
             "The result has the shape of input; its gradient passes where the element did. Raises "
             "ValueError\n"
             "unless 0 <= p <= 1.\n\n"
             ">>> minitorch.nn.functional.dropout(minitorch.ones(3), 0.5, training=False)\n"
             "tensor([1., 1., 1.])");

mt_tensor *mt_dropout(mt_tensor *input, double p, bool training, bool inplace)
{
    mt_arg arg[3] = {mt_arg_double(p), mt_arg_bool(training), mt_arg_bool(inplace)};
    return mt_call1a(&mt_op_dropout, input, 3, arg);
}
