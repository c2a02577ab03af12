/* What the two files of random operators share: a distribution with its parameters, checked and
 * ready. */
#ifndef MT_OPS_RANDOM_H
#define MT_OPS_RANDOM_H

#include "base/random.h"
#include "graph/op.h"

typedef struct mt_draw mt_draw;
struct mt_draw {
    /* Writes n elements of type d; row_major: they are all of a row-major tensor. */
    void (*fill)(const mt_draw *w, mt_generator *g, mt_dtype d, int64_t n, void *out,
                 bool row_major);
    double a, b;
    int64_t low; /* integers: low + v % range */
    uint64_t range;
};

/* These set w, or fail with PyTorch's text where the parameters or the type d will not do. */
int mt_draw_uniform(mt_draw *w, mt_dtype d, double from, double to);
int mt_draw_normal(mt_draw *w, mt_dtype d, double mean, double std);
int mt_draw_integers(mt_draw *w, mt_dtype d, int64_t from, int64_t to); /* to is excluded */
int mt_draw_bernoulli(mt_draw *w, double p);
int mt_draw_exponential(mt_draw *w, mt_dtype d, double rate);

/* Fills t, whose elements are drawn in the order of their addresses. */
int mt_draw_into(mt_tensor *t, mt_generator *g, const mt_draw *w);
/* 1 with the probability that the element of p (broadcast to t, float32 or float64) says. */
int mt_draw_bernoulli_each(mt_tensor *t, mt_generator *g, const mt_tensor *p);

/* The Generator argument number k of a call, or the default one. */
static inline mt_generator *mt_generator_of(const mt_call *c, int k)
{
    return c->arg[k].given && c->arg[k].generator ? c->arg[k].generator : mt_default_generator();
}
static inline mt_arg mt_arg_generator(mt_generator *g)
{
    return (mt_arg){.given = g != NULL, .generator = g};
}

/* The rule of what does not depend on the values of its inputs: gradients of zeros. */
void mt_zero_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin);

#endif
