/* Random operators that draw by trial: poisson, binomial, and the gamma numbers behind several
 * distributions.
 *
 * Every element has its own parameters, and elements are drawn in row-major order. Relies on
 * ops/random.h and tensor/sample.h. Read next: tensor/trial.c. */
#include "ops/random.h"

#include "ops/ops.h"
#include "tensor/sample.h"

/* The values of t, broadcast to that size, as row-major doubles to write over. */
static mt_tensor *doubles_of(mt_tensor *t, int ndim, const int64_t *size)
{
    mt_tensor *x = mt_empty(MT_FLOAT64, ndim, size);
    t = mt_expand(t, ndim, size);
    return x && t && mt_copy_raw(x, t) == 0 ? x : NULL;
}

/* What was drawn becomes the result, in the type of the first input. */
static int result_of(mt_call *c, const mt_tensor *drawn)
{
    mt_tensor *out = mt_result(c, 0, (mt_dtype)c->in[0]->dtype, drawn->ndim, drawn->size);
    return out ? mt_copy_raw(out, drawn) : -1;
}

#define COUNTS                                                                                     \
    .kind = MT_PRIMITIVE | MT_FUNCTION | MT_RANDOM, .backward = mt_zero_backward, .rule = "0"

/* ==== poisson ================================================================================= */

static int poisson_forward(mt_call *c)
{
    mt_tensor *rate = c->in[0];
    if (!mt_is_float((mt_dtype)rate->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"poisson_cpu\" not implemented for '%s'",
                        mt_dtype_camel((mt_dtype)rate->dtype));
    mt_tensor *x = doubles_of(rate, rate->ndim, rate->size);
    if (!x) return -1;
    double *values = (double *)(void *)x->data;
    for (int64_t i = 0; i < x->numel; i++)
        if (!(values[i] >= 0))
            return mt_error(MT_RUNTIME, "invalid Poisson rate, expected rate to be non-negative");
    mt_random_poisson(mt_generator_of(c, 0), x->numel, values);
    return result_of(c, x);
}

MT_OP(poisson, COUNTS, .schema = "poisson(Tensor self, Generator? generator=None) -> Tensor",
      .doc = "A random count for every element, which is its rate; the gradient is 0.\n\n"
             "Raises RuntimeError if a rate is negative, NotImplementedError unless self is "
             "floating.\n\n"
             ">>> minitorch.poisson(minitorch.zeros(3))\n"
             "tensor([0., 0., 0.])");

mt_tensor *mt_poisson(mt_tensor *self, struct mt_generator *g)
{
    mt_arg arg[1] = {mt_arg_generator(g)};
    return mt_call1a(&mt_op_poisson, self, 1, arg);
}

/* ==== binomial ================================================================================ */

static int check_binomial(const mt_tensor *t, const char *name)
{
    if (mt_is_float((mt_dtype)t->dtype)) return 0;
    return mt_error(MT_VALUE, "binomial only supports floating-point dtypes for %s, got: %s", name,
                    mt_dtype_camel((mt_dtype)t->dtype));
}

static int binomial_forward(mt_call *c)
{
    mt_tensor *count = c->in[0], *p = c->in[1];
    int64_t size[MT_MAX_DIMS];
    if (check_binomial(count, "count") < 0 || check_binomial(p, "prob") < 0) return -1;
    int ndim = mt_shape_broadcast(count->ndim, count->size, p->ndim, p->size, size);
    mt_tensor *x = ndim < 0 ? NULL : doubles_of(count, ndim, size);
    if (!x || !(p = doubles_of(p, ndim, size))) return -1;
    mt_random_binomial(mt_generator_of(c, 0), x->numel, (double *)(void *)x->data,
                       (const double *)(const void *)p->data);
    return result_of(c, x);
}

MT_OP(binomial, COUNTS,
      .schema = "binomial(Tensor count, Tensor prob, Generator? generator=None) -> Tensor",
      .doc = "How often something of probability prob happens in count trials, for every element "
             "of the two;\n"
             "the gradients are 0.\n\n"
             "count and prob broadcast. Counts below 0 and probabilities outside [0, 1] count as "
             "the nearest\n"
             "that makes sense. Raises ValueError unless both are floating.\n\n"
             ">>> minitorch.binomial(minitorch.tensor([4.0, 5.0]), minitorch.tensor([0.0, 1.0]))\n"
             "tensor([0., 5.])");

mt_tensor *mt_binomial(mt_tensor *count, mt_tensor *prob, struct mt_generator *g)
{
    mt_arg arg[1] = {mt_arg_generator(g)};
    return count && prob ? mt_call2a(&mt_op_binomial, count, prob, 1, arg) : NULL;
}

/* ==== gamma numbers =========================================================================== */

static int standard_gamma_forward(mt_call *c)
{
    mt_tensor *a = c->in[0];
    mt_dtype d = (mt_dtype)a->dtype;
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"gamma_cpu\" not implemented for '%s'",
                        mt_dtype_camel(d));
    mt_tensor *x = doubles_of(a, a->ndim, a->size);
    if (!x) return -1;
    mt_random_gamma(mt_generator_of(c, 0), d, x->numel, (double *)(void *)x->data);
    return result_of(c, x);
}

MT_OP(standard_gamma, .kind = MT_NODIFF | MT_FUNCTION | MT_RANDOM,
      .schema = "_standard_gamma(Tensor self, Generator? generator=None) -> Tensor",
      .doc = "A gamma number of rate 1 for every element, which is its concentration.");

mt_tensor *mt_standard_gamma(mt_tensor *self, struct mt_generator *g)
{
    mt_arg arg[1] = {mt_arg_generator(g)};
    return mt_call1a(&mt_op_standard_gamma, self, 1, arg);
}
