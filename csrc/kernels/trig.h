/* sin and cos of float32, free of branches, for every argument. Only for pointwise.c, which makes
 * the table. Relies on kernels/math.h. */
#ifndef MT_KERNELS_TRIG_H
#define MT_KERNELS_TRIG_H

#include "kernels/math.h"

/* two_over_pi[i][e]: part i (24 bits each, the highest first) of 2^e * 2/pi mod 4.
 *
 * A float is m 2^e with m < 2^24, and an integer m if e > 0. So m times a part is exact in double,
 * and whole turns (multiples of 4 quarters) may be dropped from the product: every argument is
 * reduced as if by infinite precision. (Payne and Hanek, "Radian reduction for trigonometric
 * functions", 1983, with their shifts tabulated.) */
enum { TWO_OVER_PI_SHIFTS = 106 };
static float two_over_pi[3][TWO_OVER_PI_SHIFTS];

static void make_two_over_pi(void)
{
    /* 2/pi in binary, after a word of zeros; bit 30 has the weight 2. */
    static const uint64_t words[] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                     0xf534ddc0u, 0xdb629599u, 0x3c439041u};
    for (int e = 0; e < TWO_OVER_PI_SHIFTS; e++) {
        for (int i = 0; i < 3; i++) {
            const int bit = 30 + e + 24 * i;
            const uint64_t two = words[bit / 32] << 32 | words[bit / 32 + 1];
            const uint64_t part = two >> (40 - bit % 32) & 0xffffffu;
            two_over_pi[i][e] = ldexpf((float)part, -22 - 24 * i);
        }
    }
}

/* Quarter turns and what is left of them, |r| <= pi/4 of a positive angle; k counts modulo 4. */
typedef struct turned {
    double r;
    uint64_t k;
} turned;

/* 2^20 and more: by the table. */
MT_INLINE turned turn_far(float a)
{
    const uint32_t b = bits_f32(a);
    const int32_t high = (int32_t)(b >> 23) - 150;
    const int32_t e = high > 0 ? high : 0;
    const double m = (double)a * from_bits_f64((uint64_t)(1023 - e) << 52);
    const double m0 = m * (double)two_over_pi[0][e], t0 = m0 + MT_MAGIC_F64;
    const double m1 = (m0 - (t0 - MT_MAGIC_F64)) + m * (double)two_over_pi[1][e],
                 t1 = m1 + MT_MAGIC_F64;
    const double r =
        ((m1 - (t1 - MT_MAGIC_F64)) + m * (double)two_over_pi[2][e]) * 1.5707963267948966;
    return (turned){r, bits_f64(t0) + bits_f64(t1)};
}

/* Below: pi/2 in two parts, the first of 33 bits, so that its product with k is exact. (Cody and Waite, "Software
 * Manual for the Elementary Functions", 1980.) */
#define TRIG_FAR 0x1p20f
MT_INLINE turned turn_near(float a)
{
    const double t = (double)a * 0.63661977236758134308 + MT_MAGIC_F64, k = t - MT_MAGIC_F64;
    return (turned){((double)a - k * 0x1.921fb544p+0) - k * 0x1.0b4611a626331p-34,
                    bits_f64(t) - bits_f64(MT_MAGIC_F64)};
}
MT_INLINE turned turn_any(float a)
{
    const turned near = turn_near(a < TRIG_FAR ? a : 0.0f), far = turn_far(a);
    return a < TRIG_FAR ? near : far;
}

MT_INLINE double sin_quarter(double r, double z)
{
    double s = 2.71793973e-06;
    s = s * z - 1.98392961e-04;
    s = s * z + 8.33332927e-03;
    s = s * z - 0.16666666640611996;
    return r + r * (s * z);
}
MT_INLINE double cos_quarter(double z)
{
    double c = -2.72067854e-07;
    c = c * z + 2.47994786e-05;
    c = c * z - 1.38888836e-03;
    c = c * z + 0.04166666662104994;
    c = c * z - 0.5;
    return c * z + 1.0;
}

/* sin(x + turn pi/2), 1.0 u. k odd: cos; k mod 4 above 1: negative. sin is odd too, cos (turn 1) is not. */
MT_INLINE float sin_turned_f32(float x, turned t, uint64_t turn)
{
    const double z = t.r * t.r, s = sin_quarter(t.r, z), c = cos_quarter(z);
    const uint64_t k = t.k + turn, odd = 0 - (k & 1);
    const uint64_t chosen = (bits_f64(c) & odd) | (bits_f64(s) & ~odd);
    const uint64_t sign = (k >> 1 & 1) ^ ((uint64_t)(bits_f32(x) >> 31) & (turn ^ 1));
    return (float)from_bits_f64(chosen ^ sign << 63);
}
MT_INLINE float tan_turned_f32(float x, turned t)
{
    const double z = t.r * t.r, s = sin_quarter(t.r, z), c = cos_quarter(z);
    const float y = (float)(t.k & 1 ? -c / s : s / c);
    return x < 0.0f ? -y : x == 0.0f ? x : y;
}
MT_INLINE float sin_f32(float x) { return sin_turned_f32(x, turn_any(__builtin_fabsf(x)), 0); }
MT_INLINE float cos_f32(float x) { return sin_turned_f32(x, turn_any(__builtin_fabsf(x)), 1); }
MT_INLINE float tan_f32(float x) { return tan_turned_f32(x, turn_any(__builtin_fabsf(x))); }

/* The same of what is below; NaN for the others. */
#define NEAR_ONLY(name, ...)                                                                       \
    MT_INLINE float name##_near_f32(float x)                                                       \
    {                                                                                              \
        const float a = __builtin_fabsf(x), y = __VA_ARGS__;                                       \
        return a < TRIG_FAR ? y : __builtin_nanf("");                                              \
    }
NEAR_ONLY(sin, sin_turned_f32(x, turn_near(a), 0))
NEAR_ONLY(cos, sin_turned_f32(x, turn_near(a), 1))
NEAR_ONLY(tan, tan_turned_f32(x, turn_near(a)))
#undef NEAR_ONLY

#endif
