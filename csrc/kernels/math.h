/* The functions of one element that rows are written with, for every element type.
 *
 * Who includes this file defines, for the type at hand (see kernels/pointwise_loops.h):
 *     T  the element type          float, int8_t, bool, ...
 *     S  its suffix                f32, i8, b8, ...
 *     W  the type to compute in    T for floats, an unsigned type for integers: overflow wraps
 * and EXP(x) then means exp_f32(x) or exp_f64(x), MAXIMUM(x, y) suits every T, and so on.
 *
 * The float32 functions used most (exp, log, tanh, sigmoid, sin, ...) are free of branches and
 * calls, so that the compiler turns a loop over them into vector code; it does so differently for
 * each instruction set, but as a multiply-add is contracted where it says so (fma_f32) and nowhere else,
 * all of them give the same bits. Others go by way of double (kernels/wide.h), and the most used of float64 stand in
 * kernels/doubles.h; everything else goes through the C library. Errors below are in u = 2^-24
 * relative, the largest over all floats. Polynomials are least-maximum fits made for these forms.
 * Read next: kernels/pointwise.c. */
#ifndef MT_KERNELS_MATH_H
#define MT_KERNELS_MATH_H

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Before a loop: its iterations are independent, though the output may BE an input (in place).
 * Clang finds out as the loop starts, and then goes one by one if they overlap. */
#if defined(__clang__)
#define MT_INDEPENDENT
#else
#define MT_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* A function that is not inlined keeps its loop from being vectorised. */
#define MT_INLINE static inline __attribute__((always_inline))

/* ---- bits ------------------------------------------------------------------------------------ */
static inline uint32_t bits_f32(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}
static inline float from_bits_f32(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}
static inline uint64_t bits_f64(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}
static inline double from_bits_f64(uint64_t b)
{
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}
/* The bits of a float are ordered as sign and magnitude; with the magnitude of the negative ones
 * flipped they are ordered as integers (NaNs at both ends), whose extrema vectorise everywhere and
 * do not depend on the order of comparisons. The same map leads back. */
MT_INLINE int32_t ordered_f32(float x)
{
    const uint32_t b = bits_f32(x);
    return (int32_t)(b ^ ((0 - (b >> 31)) >> 1));
}
MT_INLINE float from_ordered_f32(int32_t k)
{
    return from_bits_f32((uint32_t)ordered_f32(from_bits_f32((uint32_t)k)));
}
MT_INLINE int64_t ordered_f64(double x)
{
    const uint64_t b = bits_f64(x);
    return (int64_t)(b ^ ((0 - (b >> 63)) >> 1));
}
MT_INLINE double from_ordered_f64(int64_t k)
{
    return from_bits_f64((uint64_t)ordered_f64(from_bits_f64((uint64_t)k)));
}
MT_INLINE float fma_f32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
MT_INLINE double fma_f64(double a, double b, double c) { return __builtin_fma(a, b, c); }
/* 2^k, k as a signed number from -1022 to 1023; and for -126 <= k <= 127. */
MT_INLINE double two_to_f64(uint64_t k) { return from_bits_f64((k + 1023) << 52); }
MT_INLINE float two_to_f32(int32_t k) { return from_bits_f32((uint32_t)(k + 127) << 23); }

/* ---- exp and its family, float32 ------------------------------------------------------------- */

/* Writes x = n ln 2 + r with an integer n and |r| <= ln 2 / 2, and returns e^r - 1; |x| < 2^21.
 * Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits: *shifted is n there. Constants and
 * order are those of Sleef's expf with an error below 1 (Shibata and Petrogalli, "SLEEF: A Portable
 * Vectorized Library of C Standard Mathematical Functions", IEEE TPDS 31(6), 2020), by which PyTorch
 * computes sigmoid, silu and softmax: so the digits are the same. */
#define MT_MAGIC     12582912.0f
#define MT_MAGIC_F64 6755399441055744.0 /* the same of double, 1.5 * 2^52 */
MT_INLINE float exp_reduced_f32(float x, float *shifted)
{
    const float t = x * 1.44269504f + MT_MAGIC;
    const float k = t - MT_MAGIC;
    const float r = fma_f32(k, -1.42860677e-6f, fma_f32(k, -0.693145752f, x));
    float q = 0.00019852762f;
    q = fma_f32(q, r, 0.00139304355f);
    q = fma_f32(q, r, 0.00833336077f);
    q = fma_f32(q, r, 0.0416664854f);
    q = fma_f32(q, r, 0.166666672f);
    q = fma_f32(q, r, 0.5f);
    *shifted = t;
    return fma_f32(r * r, q, r);
}
MT_INLINE int32_t shifted_to_int_f32(float t)
{
    return (int32_t)(bits_f32(t) - bits_f32(MT_MAGIC));
}

/* 1.4 u. The clamp keeps n small (a NaN passes it); 2^n comes in two halves, so that overflow gives
 * inf and results below 2^-126 are rounded once. */
MT_INLINE float exp_f32(float x)
{
    x = x < -105.0f ? -105.0f : x;
    x = x > 90.0f ? 90.0f : x;
    float t;
    const float p = exp_reduced_f32(x, &t) + 1.0f;
    const int32_t n = shifted_to_int_f32(t), half = n >> 1;
    return p * two_to_f32(half) * two_to_f32(n - half);
}

/* The same, bit for bit, of what is not positive, in fewer steps: 2^(n + 64) and 2^-64 are the two
 * parts of 2^n. The low bits of t, with all above shifted out, are n. */
MT_INLINE float exp_negative_f32(float x)
{
    x = x < -105.0f ? -105.0f : x;
    float t;
    const float p = exp_reduced_f32(x, &t) + 1.0f;
    return p * from_bits_f32((bits_f32(t) << 23) + ((uint32_t)(127 + 64) << 23)) * 0x1p-64f;
}

/* 2.0 u. e^x - 1 = 2^n p + (2^n - 1); with half the powers of two nothing overflows too early. */
MT_INLINE float expm1_f32(float x)
{
    x = x < -30.0f ? -30.0f : x;
    x = x > 89.0f ? 89.0f : x;
    float t;
    const float p = exp_reduced_f32(x, &t);
    const float half = two_to_f32(shifted_to_int_f32(t) - 1);
    const float y = (half * p + (half - 0.5f)) * 2.0f;
    return __builtin_fabsf(x) < 0x1p-25f ? x : y;
}

/* 3.0 u. tanh |x| = m / (m + 2) with m = e^(2|x|) - 1 = 2^n p + (2^n - 1), good near 0 too. */
MT_INLINE float tanh_f32(float x)
{
    float a = __builtin_fabsf(x) * 2.0f;
    a = a > 20.0f ? 20.0f : a;
    float t;
    const float p = exp_reduced_f32(a, &t);
    const float s = two_to_f32(shifted_to_int_f32(t));
    const float m = s * p + (s - 1.0f);
    return __builtin_copysignf(m / (m + 2.0f), x);
}

/* 2.6 u, and 0 below -88.7: e^-x is inf there. */
MT_INLINE float sigmoid_f32(float x) { return 1.0f / (1.0f + exp_f32(-x)); }
static inline double sigmoid_f64(double x) { return 1.0 / (1.0 + exp(-x)); }

/* ---- log, float32 ---------------------------------------------------------------------------- */

/* 1.4 u. x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); log x = k ln 2 + f - f^2/2 + f^3 Q(f). */
MT_INLINE float log_f32(float x)
{
    const bool small = x < 1.17549435e-38f; /* denormal: scale it up first */
    const float y = small ? x * 8388608.0f : x;
    const uint32_t sqrt_half = 0x3f3504f3u;
    const uint32_t b = bits_f32(y) - sqrt_half;
    const int32_t k = ((int32_t)b >> 23) - (small ? 23 : 0);
    const float f = from_bits_f32((b & 0x7fffffu) + sqrt_half) - 1.0f;
    float q = 0.069157764f;
    q = q * f - 0.117912956f;
    q = q * f + 0.11873592f;
    q = q * f - 0.12384158f;
    q = q * f + 0.14218555f;
    q = q * f - 0.16669257f;
    q = q * f + 0.20002231f;
    q = q * f - 0.24999987f;
    q = q * f + 0.3333331f;
    const float n = (float)k, ff = f * f;
    float r = n * 0.693359375f + (f - (0.5f * ff - (f * ff * q - n * 2.12194440e-4f)));
    r = x > 3.4028235e38f ? x : r;
    r = x == 0.0f ? -__builtin_inff() : r;
    return x >= 0.0f ? r : __builtin_nanf("");
}

/* 2.3 u. With u = 1 + x rounded, log u and a correction for what was cut off: (x - (u - 1)) / u. */
MT_INLINE float log1p_f32(float x)
{
    const float u = 1.0f + x;
    const float r = log_f32(u) + (x - (u - 1.0f)) / u;
    const float y = ((x > -1.0f) & (x <= 3.4028235e38f)) ? r : log_f32(u);
    return __builtin_fabsf(x) < 0x1p-25f ? x : y;
}

MT_INLINE float tanh_softplus_f32(float x) { return tanh_f32(log1p_f32(exp_f32(x))); }
static inline double tanh_softplus_f64(double x) { return tanh(log1p(exp(x))); }

/* log(e^x + e^y). Two equal infinities have no difference. */
MT_INLINE float logaddexp_f32(float x, float y)
{
    const float most = ((x > y) | (x != x)) ? x : y;
    const float sum = most + log1p_f32(exp_f32(-__builtin_fabsf(x - y)));
    return (x == y) & (__builtin_fabsf(x) > 3.4028235e38f) ? x : sum;
}
static inline double logaddexp_f64(double x, double y)
{
    if (__builtin_isinf(x) && x == y) return x;
    return (x > y || x != x ? x : y) + log1p(exp(-fabs(x - y)));
}

/* ---- erf, float32 ---------------------------------------------------------------------------- */

/* erf(x) - x over x, for |x| < 1: a polynomial in x^2 */
MT_INLINE float erf_near_f32(float x)
{
    const float z = x * x;
    float p = 7.856468e-05f;
    p = p * z - 0.000801184f;
    p = p * z + 0.0051886127f;
    p = p * z - 0.026854014f;
    p = p * z + 0.112835914f;
    p = p * z - 0.37612626f;
    return p * z + 0.12837917f;
}

/* 1.6 u. Below 1 the polynomial; above, 1 - e^Q(|x|), where e^Q fits erfc. From 4 on, 1. */
MT_INLINE float erf_f32(float x)
{
    const float a = __builtin_fabsf(x), t = a > 4.0f ? 4.0f : a;
    float q = -2.1696995e-05f;
    q = q * t + 0.00044146113f;
    q = q * t - 0.0042052055f;
    q = q * t + 0.025210062f;
    q = q * t - 0.10842156f;
    q = q * t - 0.633217f;
    q = q * t - 1.1295799f;
    q = q * t + 0.00018837834f;
    float shifted;
    const float e = exp_reduced_f32(q, &shifted);
    const float far = 1.0f - two_to_f32(shifted_to_int_f32(shifted)) * (1.0f + e);
    return a < 1.0f ? x + x * erf_near_f32(x) : __builtin_copysignf(far, x);
}

/* log(erfc(a) e^(a^2) / t) for t = 2 / (2 + a), a >= 0: to where erfc underflows. */
MT_INLINE float erfc_tail_f32(float t)
{
    float p = 0.14653717f;
    p = p * t - 0.6895892f;
    p = p * t + 1.1773763f;
    p = p * t - 0.7237541f;
    p = p * t - 0.057514884f;
    p = p * t - 0.010834079f;
    p = p * t + 0.038719513f;
    p = p * t + 0.38577926f;
    p = p * t + 0.998733f;
    return p * t - 1.265453f;
}

/* Below 1/2, 1 - erf. Above, t e^(P(t) - x^2) with P as above. What rounding takes from x^2 and from the sum is put
 * back to first order, so that the relative error stays small however small erfc is: 7 u. */
MT_INLINE float erfc_f32(float x)
{
    const float b = __builtin_fabsf(x), a = b > 11.0f ? 11.0f : b, t = 2.0f / (2.0f + a);
    const float p = erfc_tail_f32(t);
    const float s = a * a, high = from_bits_f32(bits_f32(a) & 0xfffff000u), low = a - high;
    const float lost = (high * high - s) + (2.0f * high) * low + low * low;
    const float q = p - s, rest = (p - (q + s)) - lost;
    const float r = t * exp_negative_f32(q), far = r + r * rest;
    return b < 0.5f ? 1.0f - (x + x * erf_near_f32(x)) : x < 0 ? 2.0f - far : far;
}

/* What both sides of the normal distribution are made of: the smaller of Phi(x) and Phi(-x), 6 u near 0 and 9 u up to
 * |x| = 2, 26 u up to 6 (it comes from x^2, rounded), 0 from 14 on; and *e = e^(-x^2/2), as 2^k 2^r. With
 * t = 1 / (1 + 0.305 |x|) their quotient is t Q(t). NaN for inf. */
MT_INLINE float normal_tail_f32(float x, float *e)
{
    const float log2_e_half = 0.72134752f, t = 1.0f / fma_f32(0.305f, __builtin_fabsf(x), 1.0f);
    const float square = x * x, s = square > 250.0f ? 250.0f : square;
    const float k = fma_f32(s, -log2_e_half, MT_MAGIC), r = fma_f32(s, -log2_e_half, MT_MAGIC - k);
    float p = 0.0013264723f;
    p = fma_f32(p, r, 0.009671513f);
    p = fma_f32(p, r, 0.055507336f);
    p = fma_f32(p, r, 0.24022242f);
    p = fma_f32(p, r, 0.693147f);
    p = fma_f32(p, r, 1.0f);
    *e = from_bits_f32(bits_f32(p) + (bits_f32(k) << 23) + (64u << 23)) * 0x1p-64f;
    float q = 0.036639355f;
    q = fma_f32(q, t, -0.15274788f);
    q = fma_f32(q, t, 0.18531765f);
    q = fma_f32(q, t, -0.037622865f);
    q = fma_f32(q, t, 0.1208414f);
    q = fma_f32(q, t, 0.10347343f);
    q = fma_f32(q, t, 0.12245872f);
    q = fma_f32(q, t, 0.12164024f);
    return q * t * *e;
}

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|). */
MT_INLINE float gelu_f32(float x)
{
    float e;
    const float tail = normal_tail_f32(x, &e);
    return fma_f32(-__builtin_fabsf(x), tail, x >= 0.0f ? x : -0.0f);
}
static inline double normal_cdf_f64(double x) { return 0.5 * erfc(-0.70710678118654752440 * x); }
static inline double gelu_f64(double x) { return x * normal_cdf_f64(x); }

/* ---- the C library's ------------------------------------------------------------------------- */
#define LIBRARY_F64(name)                                                                          \
    static inline double name##_f64(double x) { return name(x); }
#define LIBRARY(name)                                                                              \
    LIBRARY_F64(name)                                                                              \
    static inline float name##_f32(float x) { return name##f(x); }
LIBRARY_F64(exp)
static inline double exp_negative_f64(double x) { return exp(x); }
LIBRARY_F64(log)
LIBRARY_F64(tanh)
LIBRARY_F64(sin)
LIBRARY_F64(cos)
LIBRARY_F64(log1p)
LIBRARY_F64(expm1)
LIBRARY_F64(erf)
LIBRARY(sqrt)
LIBRARY(fabs)
LIBRARY(floor)
LIBRARY(ceil)
LIBRARY(rint)
LIBRARY(trunc)
LIBRARY_F64(erfc)
LIBRARY_F64(log2)
LIBRARY_F64(log10)
LIBRARY_F64(exp2)
LIBRARY_F64(tan)
LIBRARY_F64(asin)
LIBRARY_F64(acos)
LIBRARY_F64(atan)
LIBRARY_F64(sinh)
LIBRARY_F64(cosh)
LIBRARY_F64(asinh)
LIBRARY_F64(acosh)
LIBRARY_F64(atanh)
#undef LIBRARY
#undef LIBRARY_F64

/* lgamma_r: plain lgamma writes the global signgam, a race between threads. */
static inline float lgamma_f32(float x)
{
    int sign;
    return lgammaf_r(x, &sign);
}
static inline double lgamma_f64(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* ---- operators of two numbers: floats -------------------------------------------------------- */

/* x - trunc(x / y) y. In double the quotient of two floats below 2^28 has the right integer part or, if it was rounded
 * up to an integer, one more; its product with y is exact. Others are NaN here: the library, which divides bit by bit,
 * has them. */
MT_INLINE float fmod_near_f32(float x, float y)
{
    const double a = (double)x, b = (double)y, q = __builtin_trunc(a / b), r = a - q * b;
    const bool beyond = (r != 0.0) & ((r < 0.0) == (a > 0.0));
    const float rest = (float)(beyond ? r + __builtin_copysign(b, a) : r);
    const float z = q == 0.0 ? x : __builtin_copysignf(rest, x); /* y may be infinite */
    return z + (__builtin_fabs(q) < 0x1p28 ? -0.0f : __builtin_nanf(""));
}
static inline float fmod_f32(float x, float y)
{
    const float r = fmod_near_f32(x, y);
    return r == r ? r : fmodf(x, y);
}
static inline double fmod_f64(double x, double y) { return fmod(x, y); }

/* Python's % and //: the remainder has the divisor's sign, and the quotient is the integer for
 * which quotient * y + remainder comes nearest to x. By 0: remainder NaN, quotient x / 0. r: fmod(x, y). */
#define FLOAT_DIVISION(S, T, f)                                                                    \
    MT_INLINE bool is_apart_##S(T r, T y) { return (r != 0) & (copysign##f(y, r) != y); }          \
    MT_INLINE T remainder_of_##S(T r, T y) { return is_apart_##S(r, y) ? r + y : r; }              \
    MT_INLINE T quotient_of_##S(T x, T y, T r)                                                     \
    {                                                                                              \
        const T q = (x - r) / y - (is_apart_##S(r, y) ? (T)1 : (T)0);                              \
        const T whole = floor##f(q), near = q - whole > (T)0.5 ? whole + 1 : whole;                \
        return q == 0 ? copysign##f(0, x / y) : near;                                              \
    }                                                                                              \
    static inline T remainder_##S(T x, T y) { return remainder_of_##S(fmod_##S(x, y), y); }        \
    static inline T floor_divide_##S(T x, T y)                                                     \
    {                                                                                              \
        return y == 0 ? x / y : quotient_of_##S(x, y, fmod_##S(x, y));                             \
    }
FLOAT_DIVISION(f32, float, f)
FLOAT_DIVISION(f64, double, )
#undef FLOAT_DIVISION

static inline double pow_f64(double x, double y) { return pow(x, y); }
static inline double atan2_f64(double y, double x) { return atan2(y, x); }
static inline float copysign_f32(float x, float y) { return copysignf(x, y); }
static inline double copysign_f64(double x, double y) { return copysign(x, y); }

/* One step of the bits, which are ordered as sign and magnitude. */
#define NEXT_AFTER(S, T, I, one)                                                                   \
    MT_INLINE T nextafter_##S(T x, T y)                                                            \
    {                                                                                              \
        const I bits = bits_##S(x), step = (x < y) == (x > 0) ? 1 : (I) - 1;                       \
        const T next = x == 0 ? copysign_##S(one, y) : from_bits_##S(bits + step);                 \
        return (x != x) | (y != y) ? x + y : x == y ? y : next;                                    \
    }
NEXT_AFTER(f32, float, uint32_t, 0x1p-149f)
NEXT_AFTER(f64, double, uint64_t, 0x1p-1074)
#undef NEXT_AFTER
static inline double hypot_f64(double x, double y) { return hypot(x, y); }

/* ---- operators of two numbers: integers ------------------------------------------------------ */

/* Division by 0 gives 0 here: the operator has refused it before. By -1 it is the negative, which
 * for the lowest integer wraps around to itself where the processor would trap. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits" /* uint8_t < 0 */
#define INTEGER_DIVISION(S, T, W)                                                                  \
    static inline T fmod_##S(T x, T y)                                                             \
    {                                                                                              \
        return y == 0 || ((T) - 1 < 0 && y == (T) - 1) ? 0 : (T)(x % y);                           \
    }                                                                                              \
    static inline T remainder_##S(T x, T y)                                                        \
    {                                                                                              \
        const T r = fmod_##S(x, y);                                                                \
        return r != 0 && (r < 0) != (y < 0) ? (T)(r + y) : r;                                      \
    }                                                                                              \
    static inline T floor_divide_##S(T x, T y)                                                     \
    {                                                                                              \
        if (y == 0) return 0;                                                                      \
        if ((T) - 1 < 0 && y == (T) - 1) return (T)(0 - (W)x);                                     \
        return (T)(x / y - (x % y != 0 && (x < 0) != (y < 0)));                                    \
    }
INTEGER_DIVISION(u8, uint8_t, uint32_t)
INTEGER_DIVISION(i8, int8_t, uint32_t)
INTEGER_DIVISION(i16, int16_t, uint32_t)
INTEGER_DIVISION(i32, int32_t, uint32_t)
INTEGER_DIVISION(i64, int64_t, uint64_t)
#undef INTEGER_DIVISION
/* By squaring, modulo 2^bits. A negative exponent leaves 1, -1 or 0: the power of a whole number,
 * cut off. */
#define INTEGER_POWER(S, T, W)                                                                     \
    static inline T pow_##S(T x, T y)                                                              \
    {                                                                                              \
        W base = (W)x, product = 1;                                                                \
        if (y < 0) return x == 1 || (x == (T) - 1 && !(y & 1)) ? 1 : x == (T) - 1 ? x : 0;         \
        for (; y > 0; y = (T)(y >> 1), base *= base)                                               \
            if (y & 1) product *= base;                                                            \
        return (T)product;                                                                         \
    }
INTEGER_POWER(u8, uint8_t, uint32_t)
INTEGER_POWER(i8, int8_t, uint32_t)
INTEGER_POWER(i16, int16_t, uint32_t)
INTEGER_POWER(i32, int32_t, uint32_t)
INTEGER_POWER(i64, int64_t, uint64_t)
#undef INTEGER_POWER

/* ---- what rows say: S, T and W are the including file's -------------------------------------- */
/* clang-format off */
#define EXP(x)     MT_CAT(exp, S)(x)
#define EXP_NEGATIVE(x) MT_CAT(exp_negative, S)(x)
#define LOG(x)     MT_CAT(log, S)(x)
#define SQRT(x)    MT_CAT(sqrt, S)(x)
#define FMA(a, b, c) MT_CAT(fma, S)(a, b, c) /* rounded once, whatever the instruction set */
#define SIN(x)     MT_CAT(sin, S)(x)
#define COS(x)     MT_CAT(cos, S)(x)
#define TAN(x)     MT_CAT(tan, S)(x)
#define TANH(x)    MT_CAT(tanh, S)(x)
#define SIGMOID(x) MT_CAT(sigmoid, S)(x)
#define LOG1P(x)   MT_CAT(log1p, S)(x)
#define TANH_SOFTPLUS(x) MT_CAT(tanh_softplus, S)(x)
#define LOGADDEXP(x, y) MT_CAT(logaddexp, S)(x, y)
#define EXPM1(x)   MT_CAT(expm1, S)(x)
#define ERF(x)     MT_CAT(erf, S)(x)
#define ERFC(x)    MT_CAT(erfc, S)(x)
#define GELU(x)    MT_CAT(gelu, S)(x)
#define LOG2(x)    MT_CAT(log2, S)(x)
#define LOG10(x)   MT_CAT(log10, S)(x)
#define EXP2(x)    MT_CAT(exp2, S)(x)
#define ASIN(x)    MT_CAT(asin, S)(x)
#define ACOS(x)    MT_CAT(acos, S)(x)
#define ATAN(x)    MT_CAT(atan, S)(x)
#define SINH(x)    MT_CAT(sinh, S)(x)
#define COSH(x)    MT_CAT(cosh, S)(x)
#define ASINH(x)   MT_CAT(asinh, S)(x)
#define ACOSH(x)   MT_CAT(acosh, S)(x)
#define ATANH(x)   MT_CAT(atanh, S)(x)
#define LGAMMA(x)  MT_CAT(lgamma, S)(x)
#define FLOOR(x)   MT_CAT(floor, S)(x) /* FLOOR to TRUNC: floats only, ROUND rows copy integers */
#define CEIL(x)    MT_CAT(ceil, S)(x)
#define RINT(x)    MT_CAT(rint, S)(x)
#define TRUNC(x)   MT_CAT(trunc, S)(x)

#define ADD(x, y)  ((T)((W)(x) + (W)(y))) /* of bools: or */
#define SUB(x, y)  ((T)((W)(x) - (W)(y)))
#define MUL(x, y)  ((T)((W)(x) * (W)(y))) /* of bools: and */
#define NEG(x)     ((T)(-(W)(x)))
#define ABS(x)     MT_CAT(abs, S)(x)
#define MAXIMUM(x, y) ((((x) > (y)) | ((x) != (x))) ? (x) : (y)) /* NaN if either is */
#define MINIMUM(x, y) ((((x) < (y)) | ((x) != (x))) ? (x) : (y))
#define ISINF(x)    (MT_CAT(isinf, S)(x))
#define ISFINITE(x) (MT_CAT(isfinite, S)(x))
#define POW(x, y)  MT_CAT(pow, S)(x, y)
#define ATAN2(y, x) MT_CAT(atan2, S)(y, x)
#define COPYSIGN(x, y)  MT_CAT(copysign, S)(x, y)
#define NEXTAFTER(x, y) MT_CAT(nextafter, S)(x, y)
#define HYPOT(x, y) MT_CAT(hypot, S)(x, y)
#define FMOD(x, y) MT_CAT(fmod, S)(x, y)
#define REMAINDER(x, y)    MT_CAT(remainder, S)(x, y)
#define FLOOR_DIVIDE(x, y) MT_CAT(floor_divide, S)(x, y)
/* clang-format on */

/* The few of these that differ between floats, integers and bool. */
#define FLOAT_TESTS(S, T)                                                                          \
    static inline T abs_##S(T x) { return fabs_##S(x); }                                           \
    static inline bool isinf_##S(T x) { return fabs_##S(x) == (T)INFINITY; }                       \
    static inline bool isfinite_##S(T x) { return fabs_##S(x) < (T)INFINITY; }
#define INTEGER_TESTS(S, T, W)                                                                     \
    static inline T abs_##S(T x) { return x < 0 ? (T)(-(W)x) : x; }                                \
    static inline bool isinf_##S(T x) { return (void)x, false; }                                   \
    static inline bool isfinite_##S(T x) { return (void)x, true; }
FLOAT_TESTS(f32, float)
FLOAT_TESTS(f64, double)
INTEGER_TESTS(u8, uint8_t, uint32_t)
INTEGER_TESTS(i8, int8_t, uint32_t)
INTEGER_TESTS(i16, int16_t, uint32_t)
INTEGER_TESTS(i32, int32_t, uint32_t)
INTEGER_TESTS(i64, int64_t, uint64_t)
static inline bool isinf_b8(bool x) { return (void)x, false; }
static inline bool isfinite_b8(bool x) { return (void)x, true; }
/* Rows of numbers are compiled for bool too, but have no kernel there (see fill_rows). */
static inline bool fmod_b8(bool x, bool y) { return x && !y; }
static inline bool remainder_b8(bool x, bool y) { return x && !y; }
static inline bool floor_divide_b8(bool x, bool y) { return x && y; }
static inline bool pow_b8(bool x, bool y) { return x || !y; }
#undef FLOAT_TESTS
#undef INTEGER_TESTS
#pragma GCC diagnostic pop

#endif
