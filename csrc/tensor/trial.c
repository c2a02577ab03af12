/* Numbers that are drawn by trial: Poisson, gamma and binomial ones, in double.
 *
 * They take PyTorch's words in PyTorch's order, one element after the other: uniforms of 53 bits and
 * the scalar normals. Where a formula has a constant that PyTorch writes as a float, it is one here,
 * and parameters for which the trials would never end give what their limit gives. Relies on
 * base/random.h. Read next: ops/random_trial.c. */
#include "tensor/sample.h"

#include <float.h>
#include <math.h>

#define HALF_LOG_TAU 0.91893853320467274178 /* log(2 pi) / 2 */

/* ==== Poisson ================================================================================= */

/* Below 10: factors until their product falls under e^-rate. */
static double few(mt_generator *g, double rate)
{
    double limit = exp(-rate), product = 1, k = 0;
    while ((product *= mt_random_u53(g)) > limit) k++;
    return k;
}

/* From 10 on: W. Hörmann, "The transformed rejection method for generating Poisson random
 * variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS. */
static double many(mt_generator *g, double rate)
{
    double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), ratio = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double u = mt_random_u53(g) - 0.5, v = mt_random_u53(g), us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + rate + 0.43);
        if (us >= 0.07 && v <= ratio) return k;
        if (k < 0 || (us < 0.013 && v > us)) continue;
        if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <=
            -rate + k * log(rate) - lgamma(k + 1))
            return k;
    }
}

void mt_random_poisson(mt_generator *g, int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] > 0 && x[i] < INFINITY) x[i] = x[i] < 10 ? few(g, x[i]) : many(g, x[i]);
}

/* ==== gamma =================================================================================== */

static double rounded(double x, bool single) { return single ? (double)(float)x : x; }

/* G. Marsaglia, W. Tsang: "A simple method for generating gamma variables", ACM TOMS 26 (2000).
 * single: what is made of the concentration alone is rounded to float32. */
static double gamma_number(mt_generator *g, double a, bool single)
{
    double scale = 1;
    if (a == 0) return 0;
    if (a < 1) {
        scale = pow(1 - mt_random_u53(g), rounded(1 / a, single));
        a = rounded(a + 1, single);
    }
    double d = rounded(a - 1.0f / 3.0f, single), c = 1 / sqrt(9 * d);
    if (!(d > 0)) return NAN;
    for (;;) {
        double x, y;
        do {
            x = mt_random_normal53(g);
            y = 1 + c * x;
        } while (y <= 0);
        double v = y * y * y, u = 1 - mt_random_u53(g), square = x * x;
        if (u < 1 - 0.0331f * square * square || log(u) < 0.5 * square + d * (1 - v + log(v)))
            return scale * d * v;
    }
}

void mt_random_gamma(mt_generator *g, mt_dtype d, int64_t n, double *x)
{
    const bool single = d == MT_FLOAT32;
    const double smallest = single ? FLT_MIN : DBL_MIN;
    for (int64_t i = 0; i < n; i++) {
        double drawn = gamma_number(g, x[i], single);
        x[i] = drawn < smallest ? smallest : drawn;
    }
}

/* ==== binomial ================================================================================ */

/* For n p < 10: the gaps between hits are geometric. */
static double few_hits(mt_generator *g, double n, double p)
{
    double total = 0, k = 0, slope = log1p(-p);
    while ((total += ceil(log(mt_random_u53(g)) / slope)) <= n) k++;
    return k;
}

/* log k! without Stirling's formula up to log k. */
static double stirling_tail(double k)
{
    return lgamma(k + 1) - ((k + 0.5) * log(k + 1) - (k + 1) + HALF_LOG_TAU);
}

/* W. Hörmann, "The generation of binomial random variates", J. of Statistical Computation and
 * Simulation 46 (1993), algorithm BTRS. */
static double many_hits(mt_generator *g, double n, double p)
{
    double deviation = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * deviation;
    double a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, ratio = 0.92 - 4.2 / b;
    double odds = p / (1 - p), alpha = (2.83 + 5.1 / b) * deviation, m = floor((n + 1) * p);
    for (;;) {
        double u = mt_random_u53(g) - 0.5, v = mt_random_u53(g), us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + c);
        if (us >= 0.07 && v <= ratio) return k;
        if (k < 0 || k > n) continue;
        double bound = (m + 0.5) * log((m + 1) / (odds * (n - m + 1))) +
                       (n + 1) * log((n - m + 1) / (n - k + 1)) +
                       (k + 0.5) * log(odds * (n - k + 1) / (k + 1)) + stirling_tail(m) +
                       stirling_tail(n - m) - stirling_tail(k) - stirling_tail(n - k);
        if (log(v * alpha / (a / (us * us) + b)) <= bound) return k;
    }
}

static double binomial_number(mt_generator *g, double n, double p)
{
    if (n <= 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (!(n < INFINITY && p < 1)) return n * p;
    if (p > 0.5) return n - binomial_number(g, n, 1 - p);
    return n * p < 10 ? few_hits(g, n, p) : many_hits(g, n, p);
}

void mt_random_binomial(mt_generator *g, int64_t n, double *x, const double *p)
{
    for (int64_t i = 0; i < n; i++) x[i] = binomial_number(g, x[i], p[i]);
}
