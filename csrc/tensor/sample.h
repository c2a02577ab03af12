/* Distributions over flat memory: n elements of type d, one after the other, from a generator's
 * words.
 *
 * Each function draws exactly the words PyTorch 2.13 draws on a CPU with AVX2, in the same order,
 * and makes the same bits of them (those that need the C library's log, tan, ... are as exact as
 * that). Arguments are not checked here: ops/random.c does that. Read next: sample.c. */
#ifndef MT_TENSOR_SAMPLE_H
#define MT_TENSOR_SAMPLE_H

#include "base/dtype.h"
#include "base/random.h"

/* In [a, b). d: float32 or float64. */
void mt_random_uniform(mt_generator *g, mt_dtype d, int64_t n, void *out, double a, double b);

/* d: float32 or float64. `block`: the memory is that of a row-major tensor; from 16 elements on
 * PyTorch then has another algorithm. */
void mt_random_normal(mt_generator *g, mt_dtype d, int64_t n, void *out, double mean, double std,
                      bool block);

/* Integers, stored in any d. low + v % range, range 0 meaning 2^64; v has 64 bits from range 2^28
 * on. */
void mt_random_range(mt_generator *g, mt_dtype d, int64_t n, void *out, int64_t low,
                     uint64_t range);
/* random_() without bounds: 0 ... the largest value of the type, for floats the largest such that
 * all are exact. */
void mt_random_any(mt_generator *g, mt_dtype d, int64_t n, void *out);
/* 0 ... n-1 in random order. d must be able to hold them. */
void mt_random_permutation(mt_generator *g, mt_dtype d, int64_t n, void *out);

/* 1 with probability p, else 0, in any d. */
void mt_random_bernoulli(mt_generator *g, mt_dtype d, int64_t n, void *out, double p);
/* The same with a probability for each element; pd: float32 or float64. p may be NaN (0). */
void mt_random_bernoulli_each(mt_generator *g, mt_dtype d, int64_t n, void *out, mt_dtype pd,
                              const void *p);
/* The mask of dropout: 0 with probability p, else 1 / (1 - p), computed in d. d: float32 or
 * float64. */
void mt_random_dropout(mt_generator *g, mt_dtype d, int64_t n, void *out, double p);

/* Computed in double, then cast to d. */
void mt_random_exponential(mt_generator *g, mt_dtype d, int64_t n, void *out, double rate);
void mt_random_cauchy(mt_generator *g, mt_dtype d, int64_t n, void *out, double median,
                      double scale);
void mt_random_geometric(mt_generator *g, mt_dtype d, int64_t n, void *out, double p);
void mt_random_log_normal(mt_generator *g, mt_dtype d, int64_t n, void *out, double mean,
                          double std);

/* One of the scalar normals, which come in pairs: the second is kept for the next call. */
double mt_random_normal53(mt_generator *g);

/* Drawn by trial (trial.c), each element from the parameter that stands in its place in x: rates
 * become Poisson counts; concentrations of type d gamma numbers of rate 1, at least the smallest
 * normal number of d; numbers of trials counts of what has probability p. */
void mt_random_poisson(mt_generator *g, int64_t n, double *x);
void mt_random_gamma(mt_generator *g, mt_dtype d, int64_t n, double *x);
void mt_random_binomial(mt_generator *g, int64_t n, double *x, const double *p);

/* n indices below `categories`, drawn with replacement in proportion to the weights (of type d:
 * float32 or float64; not negative, finite, with a positive sum). `scratch` holds `categories`
 * elements of type d. */
void mt_random_choices(mt_generator *g, mt_dtype d, int64_t categories, const void *weights,
                       void *scratch, int64_t n, int64_t *out);

/* The indices of the k largest of n weights / q, largest first, equal ones in order. With q exponential these
 * are drawn without replacement in proportion to the weights (P. Efraimidis, P. Spirakis: "Weighted random
 * sampling with a reservoir", Information Processing Letters 97, 2006). d: float32 or float64; q is written
 * over; `scratch` holds k times MT_RANKED_SIZE bytes. */
#define MT_RANKED_SIZE 16
void mt_largest_quotients(mt_dtype d, int64_t n, const void *weights, void *q, int64_t k,
                          void *scratch, int64_t *out);

#endif
