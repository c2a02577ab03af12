/* Square roots of many float32, as PyTorch has them: included by pointwise.c and optim.c.
 *
 * PyTorch takes them from MKL, which on AMD's processors starts from the processor's estimate of 1 / sqrt(x),
 * of 12 bits, and refines it and the root together once (Goldschmidt's iteration), then the root by what is
 * left of x: 0.75 ulp at most, where the processor's own root is exactly rounded. The same steps on the same
 * processor give the same digits, and Adam, which divides by a root in every step, the same weights. On other
 * processors, roots are exactly rounded. */
#ifndef MT_KERNELS_ROOTS_H
#define MT_KERNELS_ROOTS_H

#include "kernels/math.h"

#include <float.h>

static bool roots_by_estimate;

#if defined(__SSE2__)
#include <immintrin.h>

#if defined(__AVX__)
enum { ROOTS = 8 };
#define ROOT_ESTIMATE(x) ((roots)_mm256_rsqrt_ps((__m256)(x)))
#define ROOT_EXACT(x)    ((roots)_mm256_sqrt_ps((__m256)(x)))
#else
enum { ROOTS = 4 };
#define ROOT_ESTIMATE(x) ((roots)_mm_rsqrt_ps((__m128)(x)))
#define ROOT_EXACT(x)    ((roots)_mm_sqrt_ps((__m128)(x)))
#endif
typedef float roots __attribute__((vector_size(4 * ROOTS), aligned(4), may_alias));
typedef int32_t root_masks __attribute__((vector_size(4 * ROOTS)));

MT_INLINE void estimate_roots(float *out, const float *in)
{
    const roots x = *(const roots *)(const void *)in, y = ROOT_ESTIMATE(x);
    roots s = x * y, h = y * 0.5f;
    const roots e = 0.5f - s * h;
    s += s * e;
    h += h * e;
    s += (x - s * s) * h;
    const root_masks usual = (x >= FLT_MIN) & (x <= FLT_MAX);
    *(roots *)(void *)out = (roots)((usual & (root_masks)s) | (~usual & (root_masks)ROOT_EXACT(x)));
}

static void find_out_about_roots(void)
{
    __builtin_cpu_init();
    roots_by_estimate = __builtin_cpu_is("amd");
}
#else
enum { ROOTS = 4 };
MT_INLINE void estimate_roots(float *out, const float *in)
{
    for (int i = 0; i < ROOTS; i++) out[i] = sqrtf(in[i]);
}
static void find_out_about_roots(void) {}
#endif

/* out may be in. */
static inline void roots_f32(int64_t n, float *out, const float *in)
{
    int64_t i = 0;
    if (!roots_by_estimate) {
        MT_INDEPENDENT
        for (; i < n; i++) out[i] = sqrtf(in[i]);
        return;
    }
    for (; i + ROOTS <= n; i += ROOTS) estimate_roots(out + i, in + i);
    if (i == n) return;
    float rest[ROOTS] = {0};
    for (int64_t j = 0; j < ROOTS && i + j < n; j++) rest[j] = in[i + j];
    estimate_roots(rest, rest);
    for (int64_t j = 0; j < ROOTS && i + j < n; j++) out[i + j] = rest[j];
}

static inline void roots_f64(int64_t n, double *out, const double *in)
{
    MT_INDEPENDENT
    for (int64_t i = 0; i < n; i++) out[i] = sqrt(in[i]);
}

#endif
