/* Functions of float64, free of branches and calls, so that loops over them become vector code. 0.51 ulp (exp) to 2.3
 * (tanh); polynomials are least-maximum fits. Relies on kernels/math.h. */
#ifndef MT_KERNELS_DOUBLES_H
#define MT_KERNELS_DOUBLES_H

#include "kernels/math.h"

/* x^2 and what rounding took from it: the square of the high half of x is exact. */
typedef struct square_f64_parts {
    double high, low;
} square_f64_parts;
MT_INLINE square_f64_parts square_split_f64(double x)
{
    const double head = from_bits_f64(bits_f64(x) & ~(uint64_t)0x7ffffff);
    return (square_f64_parts){head * head, (x - head) * (x + head)};
}

/* (e^r - 1 - r - r^2/2) / r^3 for |r| <= ln 2 / 2. */
MT_INLINE double exp_tail_f64(double r)
{
    double q = 2.091813816945801e-09;
    q = q * r + 2.510038687728531e-08;
    q = q * r + 2.755726431433642e-07;
    q = q * r + 2.7557268456677055e-06;
    q = q * r + 2.4801587333953088e-05;
    q = q * r + 0.0001984126986305611;
    q = q * r + 0.0013888888888880944;
    q = q * r + 0.008333333333330062;
    q = q * r + 0.04166666666666667;
    return q * r + 0.16666666666666669;
}

/* e^x = 2^k (sum + rest): what rounding takes from x - k ln 2, from 1 + r and from r^2 is in the rest. */
typedef struct exp_f64_parts {
    double sum, rest;
    uint64_t k;
} exp_f64_parts;
MT_INLINE exp_f64_parts exp_split_f64(double x)
{
    const double t = x * 1.44269504088896340736 + MT_MAGIC_F64, k = t - MT_MAGIC_F64;
    const double whole = x - k * 0x1.62e42fefa38p-1, part = k * 0x1.ef35793c7673p-45;
    const double r = whole - part, left = (whole - r) - part;
    const square_f64_parts square = square_split_f64(r);
    const double q = exp_tail_f64(r);
    const double one = 1.0 + r, sum = one + 0.5 * square.high;
    const double cut = ((1.0 - one) + r) + ((one - sum) + 0.5 * square.high);
    return (exp_f64_parts){sum, (left * one + cut) + (0.5 * square.low + r * r * (r * q)),
                           bits_f64(t) - bits_f64(MT_MAGIC_F64)};
}

/* 2^k in two halves: overflow gives inf, and what is below 2^-1022 is rounded again there only. */
MT_INLINE double exp_near_f64(double x)
{
    x = x < -746.0 ? -746.0 : x;
    x = x > 710.0 ? 710.0 : x;
    const exp_f64_parts e = exp_split_f64(x);
    const uint64_t half = ((e.k + 4096) >> 1) - 2048;
    return (e.sum + e.rest) * two_to_f64(half) * two_to_f64(e.k - half);
}

/* 1 / (1 + 2^k e^r): the last bits of e^r hardly count. 1 from 100 on, and 0 where e^-x overflows. */
MT_INLINE double sigmoid_near_f64(double x)
{
    const double most = x > 100.0 ? 100.0 : x, y = most < -709.782712893384 ? 710.0 : -most;
    const double t = y * 1.44269504088896340736 + MT_MAGIC_F64, k = t - MT_MAGIC_F64;
    const double r = (y - k * 0x1.62e42fefa38p-1) - k * 0x1.ef35793c7673p-45, one = 1.0 + r;
    const double e = one + (((1.0 - one) + r) + r * r * (0.5 + r * exp_tail_f64(r)));
    return 1.0 / (1.0 + 2.0 * e * two_to_f64(bits_f64(t) - bits_f64(MT_MAGIC_F64) - 1));
}

/* tanh |x| = m / (m + 2) with m = e^(2|x|) - 1. */
MT_INLINE double tanh_near_f64(double x)
{
    const double a = __builtin_fabs(x), b = a + a;
    const exp_f64_parts e = exp_split_f64(b > 44.0 ? 44.0 : b);
    const double scale = two_to_f64(e.k), power = e.sum * scale, less = power - 1.0;
    const double m = less + (((power - less) - 1.0) + e.rest * scale);
    return __builtin_copysign(a < 0x1p-28 ? a : m / (m + 2.0), x);
}

/* x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); log (1 + f) = f - (f^2/2 - s (f^2/2 + R)) with s = f / (2 + f) and
 * 2 artanh s = 2 s + s R. What rounding takes from
 * n ln 2 + f and from f^2 is put back. */
MT_INLINE double log_near_f64(double x)
{
    const bool small = x < 0x1p-1022;
    const double y = small ? x * 0x1p54 : x;
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu, b = bits_f64(y) - sqrt_half;
    const double f = from_bits_f64((b & 0xfffffffffffffu) + sqrt_half) - 1.0;
    const double k = from_bits_f64(((b + (1ull << 63)) >> 52) + bits_f64(MT_MAGIC_F64));
    const double n = (k - (MT_MAGIC_F64 + 2048.0)) - (small ? 54.0 : 0.0);
    const double s = f / (2.0 + f), z = s * s;
    const square_f64_parts ff = square_split_f64(f);
    double p = 0.06625646147891558;
    p = p * z + 0.06625061053128346;
    p = p * z + 0.07693545292553225;
    p = p * z + 0.09090887834676833;
    p = p * z + 0.11111111323375088;
    p = p * z + 0.1428571428454309;
    p = p * z + 0.20000000000003124;
    p = p * z + 0.3333333333333333;
    const double rest = s * (0.5 * f * f + 2.0 * z * p) + (n * 0x1.ef35793c7673p-45 - 0.5 * ff.low);
    const double whole = n * 0x1.62e42fefa38p-1, sum = whole + f, high = sum - 0.5 * ff.high;
    const double cut = ((whole - sum) + f) + ((sum - high) - 0.5 * ff.high);
    double r = high + (cut + rest);
    r = x > 0x1.fffffffffffffp1023 ? x : r;
    r = x == 0.0 ? -__builtin_inf() : r;
    return x >= 0.0 ? r : __builtin_nan("");
}

/* sin(x + turn pi/2) for |x| < 2^20, NaN for others. pi/2 in parts of 33, 33 and 53 bits: products of the first two
 * with a number of quarter turns are exact. (Cody and Waite, "Software Manual for the Elementary Functions", 1980.) */
MT_INLINE double sin_turned_f64(double x, uint64_t turn)
{
    const double t = x * 0.63661977236758134308 + MT_MAGIC_F64, k = t - MT_MAGIC_F64;
    const double a = x - k * 0x1.921fb544p+0, b = k * 0x1.0b4611a6p-34, d = a - b, back = d - a;
    const double left = ((a - (d - back)) - (b + back)) - k * 0x1.3198a2e037073p-69;
    const double r = d + left, l = (d - r) + left, z = r * r;
    double s = 1.589680600526111e-10;
    s = s * z - 2.5050758366883983e-08;
    s = s * z + 2.755731369409353e-06;
    s = s * z - 0.00019841269829816012;
    s = s * z + 0.008333333333322427;
    s = s * z - 0.16666666666666632;
    double c = -1.1359650110471858e-11;
    c = c * z + 2.087572332987347e-09;
    c = c * z - 2.7557314352864157e-07;
    c = c * z + 2.4801587289484542e-05;
    c = c * z - 0.001388888888887413;
    c = c * z + 0.0416666666666666;
    const square_f64_parts rr = square_split_f64(r);
    const double near = 1.0 - 0.5 * rr.high, cut = ((1.0 - near) - 0.5 * rr.high) - 0.5 * rr.low;
    const double sine = r + (r * z * s + l * near), cosine = near + (cut + (z * z * c - r * l));
    const uint64_t q = bits_f64(t) - bits_f64(MT_MAGIC_F64) + turn, odd = 0 - (q & 1);
    const uint64_t chosen = (bits_f64(cosine) & odd) | (bits_f64(sine) & ~odd);
    const double y = from_bits_f64(chosen ^ (q >> 1 & 1) << 63);
    return (turn == 0) & (x == 0.0) ? x : __builtin_fabs(x) < 0x1p20 ? y : __builtin_nan("");
}
MT_INLINE double sin_near_f64(double x) { return sin_turned_f64(x, 0); }
MT_INLINE double cos_near_f64(double x) { return sin_turned_f64(x, 1); }

#endif
