/* The vectorisable parts of the random streams: blocks of the engine, uniforms, pairs of normals.
 *
 * Every instruction set gives the same bits, and they are PyTorch's: each fmaf below is one
 * rounding where PyTorch's compiler made one, all other operations round by themselves. So this
 * file is built with -ffp-contract=off; on a processor without FMA, fmaf() is a slow but exact
 * call. The loops hold no branches, so that the compiler can turn them into vectors. Relies on
 * kernels/math.h. Read next: base/random.c (the engine), tensor/sample.c (the distributions). */
#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/math.h"

#include <math.h>
#include <string.h>

enum { N = 624, M = 397, LANES = 128 };

/* ==== the engine ============================================================================== */

static inline uint32_t twist(uint32_t a, uint32_t b)
{
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return (y >> 1) ^ (-(y & 1) & 0x9908b0dfu);
}

/* Three runs without an index modulo 624; a new word is read at the earliest 227 steps after it was
 * written, so 16 lanes at once are as good as one by one. */
static void mt19937_refill(uint32_t *s)
{
    for (int i = 0; i < N - M; i++) s[i] = s[i + M] ^ twist(s[i], s[i + 1]);
    for (int i = N - M; i < N - 1; i++) s[i] = s[i + M - N] ^ twist(s[i], s[i + 1]);
    s[N - 1] = s[M - 1] ^ twist(s[N - 1], s[0]);
}

static void mt19937_temper(int64_t n, uint32_t *restrict out, const uint32_t *restrict state)
{
    for (int64_t i = 0; i < n; i++) out[i] = mt_mt19937_tempered(state[i]);
}

/* ==== uniforms ================================================================================ */

/* out = u (b - a) + a with u = 24 bits of a word * 2^-24. Rounding can reach b, which is excluded:
 * then a. */
static void uniform_f32(int64_t n, float *restrict out, const uint32_t *restrict words, float a,
                        float b)
{
    const float range = b - a;
    for (int64_t i = 0; i < n; i++) {
        float u = (float)(int32_t)(words[i] & 0xFFFFFF) * 0x1p-24f;
        float x = fmaf(u, range, a);
        out[i] = x == b ? a : x;
    }
}

/* 53 bits of two words, the first of which is the high half. */
static inline uint64_t bits53(const uint32_t *words)
{
    return (uint64_t)(words[0] & 0x1FFFFF) << 32 | words[1];
}

static void uniform_f64(int64_t n, double *restrict out, const uint32_t *restrict words, double a,
                        double b)
{
    const double range = b - a;
    for (int64_t i = 0; i < n; i++) {
        double u = (double)(int64_t)bits53(words + 2 * i) * 0x1p-53;
        double x = fma(u, range, a);
        out[i] = x == b ? a : x;
    }
}

/* u < p as u 2^53 < ceil(p 2^53), in integers. */
static void bernoulli_f32(int64_t n, float *restrict out, const uint32_t *restrict words,
                          uint64_t threshold, float one)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (int64_t)bits53(words + 2 * i) < (int64_t)threshold ? one : 0.0f;
}

/* ==== normals ================================================================================= */

/* log x for 0 < x <= 1, x normal. x = m 2^e with sqrt(1/2) <= m < sqrt(2), then a polynomial in
 * m - 1: the coefficients of S. L. Moshier's Cephes library (logf.c). */
static inline float log_cephes(float x)
{
    int32_t i = bits_f32(x);
    float m = from_bits_f32((i & 0x007fffff) | 0x3f000000); /* in [1/2, 1) */
    float e = (float)((i >> 23) - 126);
    int32_t low = -(int32_t)(m < 0.70710677f); /* all ones if m is to be doubled */
    float m1 = m - 1.0f;
    m = m1 + from_bits_f32(bits_f32(m) & low);
    e += (float)low;
    float z = m * m;
    float y = 7.0376836292E-2f;
    y = fmaf(y, m, -1.1514610310E-1f);
    y = fmaf(y, m, 1.1676998740E-1f);
    y = fmaf(y, m, -1.2420140846E-1f);
    y = fmaf(y, m, 1.4249322787E-1f);
    y = fmaf(y, m, -1.6668057665E-1f);
    y = fmaf(y, m, 2.0000714765E-1f);
    y = fmaf(y, m, -2.4999993993E-1f);
    y = fmaf(y, m, 3.3333331174E-1f);
    y = y * m;
    y = fmaf(y, z, e * -2.12194440e-4f); /* log 2 in two parts: 0.693359375 - 2.12e-4 */
    y = fmaf(-0.5f, z, y);
    return fmaf(e, 0.693359375f, m + y);
}

/* sin x and cos x for x >= 0: x less a multiple j of pi/4 (j even; pi/4 in three parts), then the
 * two polynomials of Cephes (sinf.c), exchanged and negated as the octant j asks. */
static inline void sincos_cephes(float x, float *sine, float *cosine)
{
    int32_t j = ((int32_t)(x * 1.27323954473516f) + 1) & ~1;
    float k = (float)j;
    x = fmaf(k, -0.78515625f, x);
    x = fmaf(k, -2.4187564849853515625e-4f, x);
    x = fmaf(k, -3.77489497744594108e-8f, x);
    float z = x * x;
    float pc = fmaf(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    pc = fmaf(pc, z, 4.166664568298827e-2f);
    pc = pc * z;
    pc = fmaf(pc, z, -(0.5f * z)) + 1.0f;
    float ps = fmaf(-1.9515295891e-4f, z, 8.3321608736e-3f);
    ps = fmaf(ps, z, -1.6666654611e-1f);
    ps = ps * z;
    ps = fmaf(ps, x, x);
    int32_t swap = -((j >> 1) & 1);
    int32_t is = bits_f32(ps), ic = bits_f32(pc), both = (is ^ ic) & swap;
    *sine = from_bits_f32((is ^ both) ^ (int32_t)((uint32_t)(j & 4) << 29));
    *cosine = from_bits_f32((ic ^ both) ^ (int32_t)((uint32_t)(~(j - 2) & 4) << 29));
}

/* G. E. P. Box, M. E. Muller: "A note on the generation of random normal deviates" (1958). In each
 * block of 16 uniforms, numbers j and j + 8 make the normals j and j + 8:
 *   r cos t and r sin t  with  r = sqrt(-2 log(1 - u_j)),  t = 2 pi u_{j+8}.
 * Blocks are first sorted into an array of firsts and one of seconds: long loops of plain steps. */
static void normal_lanes(int64_t lanes, float *restrict u, float *restrict v, float mean, float std)
{
    for (int64_t i = 0; i < lanes; i++) {
        float r = sqrtf(-2.0f * log_cephes(1.0f - u[i]));
        float s, c;
        sincos_cephes(6.2831855f * v[i], &s, &c);
        u[i] = fmaf(r * c, std, mean);
        v[i] = fmaf(r * s, std, mean);
    }
}

static void normal_block_f32(int64_t n, float *data, float mean, float std)
{
    float u[LANES], v[LANES];
    while (n > 0) {
        int64_t blocks = n / 16 < LANES / 8 ? n / 16 : LANES / 8;
        for (int64_t b = 0; b < blocks; b++) {
            memcpy(u + 8 * b, data + 16 * b, 8 * sizeof *u);
            memcpy(v + 8 * b, data + 16 * b + 8, 8 * sizeof *v);
        }
        normal_lanes(8 * blocks, u, v, mean, std);
        for (int64_t b = 0; b < blocks; b++) {
            memcpy(data + 16 * b, u + 8 * b, 8 * sizeof *u);
            memcpy(data + 16 * b + 8, v + 8 * b, 8 * sizeof *v);
        }
        data += 16 * blocks;
        n -= 16 * blocks;
    }
}

void MT_ISA_NAME(mt_fill_random)(mt_kernels *k)
{
    k->mt19937_refill = mt19937_refill;
    k->mt19937_temper = mt19937_temper;
    k->uniform_f32 = uniform_f32;
    k->uniform_f64 = uniform_f64;
    k->bernoulli_f32 = bernoulli_f32;
    k->normal_block_f32 = normal_block_f32;
}
