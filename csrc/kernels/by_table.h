/* tanh and exp of many float32 by tables, with PyTorch's digits: included by pointwise.c.
 *
 * PyTorch takes both from MKL. They were found out from its results: where these are not the exact value
 * correctly rounded tells how a polynomial errs, and so its degree and where it begins and ends.
 *   - tanh |x|: polynomials of degree 6 in the distance from the middle of a quarter of an octave, in double,
 *     rounded once: 0.512 ulp. tanh_rows.def has them, least relative error (Remez) but for the last few of 53
 *     bits, which are such that all float32 of [2^-12, 10) come out as there. From 10 on tanh is 1.
 *   - e^x on AMD's processors with AVX-512: x = (128 n + i) ln 2 / 128 + r, e^x = 2^n 2^(i/128) (1 + r + r^2 / 2), all in
 *     float32 with 2^(i/128) and ln 2 / 128 in two parts: 0.56 ulp; next to overflow and underflow correctly
 *     rounded. On other processors exp is math.h's.
 * (Tang, "Table-Driven Implementation of the Exponential Function in IEEE Floating-Point Arithmetic", ACM TOMS
 * 15(2), 1989.) AVX-512 finds sixteen entries of a table at once by permutations; gathers take four times as
 * long. */
#ifndef MT_KERNELS_BY_TABLE_H
#define MT_KERNELS_BY_TABLE_H

#include "kernels/kernels.h"
#include "kernels/math.h"

#include <math.h>

enum {
    TANH_DEGREE = 6,
    TANH_FROM = 0x3e000000 /* the bits of 1/8 */,
    TANH_LAST = 26,
    SIXTEEN = 16
};

#if defined(__AVX512F__)
#include <immintrin.h>

/* Entries row[0] to row[7] of a column of the table. */
MT_INLINE __m512d tanh_coefficient(int power, __m512i row)
{
    const double *t = mt_tanh_rows[power];
    const __m512d low = _mm512_permutex2var_pd(_mm512_loadu_pd(t), row, _mm512_loadu_pd(t + 8));
    const __m512d high =
        _mm512_permutex2var_pd(_mm512_loadu_pd(t + 16), row, _mm512_loadu_pd(t + 24));
    return _mm512_mask_mov_pd(low, _mm512_test_epi64_mask(row, _mm512_set1_epi64(16)), high);
}

MT_INLINE __m256 tanh_polynomial(__m256i row, __m256 y)
{
    const __m512i wide = _mm512_cvtepi32_epi64(row);
    const __m512d z = _mm512_cvtps_pd(y);
    __m512d sum = tanh_coefficient(TANH_DEGREE, wide);
    for (int k = TANH_DEGREE - 1; k >= 0; k--)
        sum = _mm512_fmadd_pd(sum, z, tanh_coefficient(k, wide));
    return _mm512_cvtpd_ps(sum);
}

/* out may be in. */
MT_INLINE void tanh_sixteen(float *out, const float *in)
{
    const __m512 x = _mm512_loadu_ps(in), most = _mm512_set1_ps(16);
    /* The second operand comes through where one is a NaN. */
    const __m512 a = _mm512_min_ps(most, _mm512_abs_ps(x));
    const __m512i bits = _mm512_castps_si512(a), zero = _mm512_setzero_si512();
    __m512i row =
        _mm512_sub_epi32(_mm512_srli_epi32(bits, 21), _mm512_set1_epi32((TANH_FROM >> 21) - 1));
    row = _mm512_min_epi32(_mm512_max_epi32(row, zero), _mm512_set1_epi32(TANH_LAST));
    const __m512i middle = _mm512_or_epi32(_mm512_andnot_epi32(_mm512_set1_epi32(0x1fffff), bits),
                                           _mm512_set1_epi32(0x100000));
    const __m512 y = _mm512_sub_ps(
        a, _mm512_castsi512_ps(_mm512_maskz_mov_epi32(_mm512_test_epi32_mask(row, row), middle)));
    const __m256 low = tanh_polynomial(_mm512_castsi512_si256(row), _mm512_castps512_ps256(y));
    const __m256 high =
        tanh_polynomial(_mm512_extracti64x4_epi64(row, 1), _mm512_extractf32x8_ps(y, 1));
    const __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.0f));
    const __m512 t = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    _mm512_storeu_ps(out, _mm512_or_ps(t, sign));
}

static float power_high[128], power_low[128]; /* 2^(i/128) in two parts */

static void make_power_table(void)
{
    for (int i = 0; i < 128; i++) {
        const double power = exp2(i / 128.0);
        power_high[i] = (float)power;
        power_low[i] = (float)(power - (double)power_high[i]);
    }
}

/* Entries i[0] to i[15], each below 128, of a table. */
MT_INLINE __m512 find_in_128(const float *table, __m512i i)
{
    __m512 found[4];
    for (int k = 0; k < 4; k++)
        found[k] = _mm512_permutex2var_ps(_mm512_loadu_ps(table + 32 * k), i,
                                          _mm512_loadu_ps(table + 32 * k + 16));
    const __mmask16 odd = _mm512_test_epi32_mask(i, _mm512_set1_epi32(32)),
                    upper = _mm512_test_epi32_mask(i, _mm512_set1_epi32(64));
    return _mm512_mask_mov_ps(_mm512_mask_mov_ps(found[0], odd, found[1]), upper,
                              _mm512_mask_mov_ps(found[2], odd, found[3]));
}

/* out may be in. Rounded as written: no product is contracted with its sum. */
MT_INLINE void exp_sixteen(float *out, const float *in)
{
    typedef float vec __attribute__((vector_size(64)));
    typedef uint32_t uvec __attribute__((vector_size(64)));
    const vec x = (vec)_mm512_loadu_ps(in);
    const __m512 far = _mm512_set1_ps(87.336544f); /* 126 ln 2: 2^n is not one power from here on */
    const __mmask16 few = _mm512_cmp_ps_mask(_mm512_abs_ps((__m512)x), far, _CMP_GT_OQ);
    const vec t = x * 184.664965f + MT_MAGIC, k = t - MT_MAGIC;
    const vec r = (x - k * 0x1.63p-8f) - k * -0x1.bd0106p-20f, q = r + r * r * 0.5f;
    const uvec j = (uvec)t - bits_f32(MT_MAGIC);
    const __m512i i = (__m512i)(j & 127);
    const vec high = (vec)find_in_128(power_high, i), low = (vec)find_in_128(power_low, i);
    const vec y = (high + (low + high * q)) * (vec)(((j >> 7) + 127) << 23);
    _mm512_storeu_ps(out, (__m512)y);
    for (__mmask16 left = few; left; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        out[lane] = (float)exp((double)x[lane]);
    }
}
#else
/* Which polynomial: 0 below 1/8, then four to an octave. bits: of |x|. */
MT_INLINE int32_t tanh_row(int32_t bits)
{
    const int32_t row = (bits >> 21) - (TANH_FROM >> 21) + 1;
    return row < 0 ? 0 : row > TANH_LAST ? TANH_LAST : row;
}

/* The middle of its interval: half a quarter of an octave above its begin. */
MT_INLINE int32_t tanh_middle(int32_t bits) { return (bits & ~0x1fffff) | 0x100000; }

MT_INLINE void tanh_sixteen(float *out, const float *in)
{
    for (int i = 0; i < SIXTEEN; i++) {
        const float a = __builtin_fabsf(in[i]) < 16.0f ? __builtin_fabsf(in[i]) : 16.0f;
        const int32_t bits = (int32_t)bits_f32(a), row = tanh_row(bits);
        const double y = row ? a - from_bits_f32((uint32_t)tanh_middle(bits)) : a;
        double sum = mt_tanh_rows[TANH_DEGREE][row];
        for (int k = TANH_DEGREE - 1; k >= 0; k--) sum = sum * y + mt_tanh_rows[k][row];
        out[i] = in[i] != in[i] ? in[i] : __builtin_copysignf((float)sum, in[i]);
    }
}
#endif

#endif
