/* The two 16-bit floats as bits: IEEE 754 binary16, and bfloat16, which is the upper half of a
 * binary32. Rounding is to nearest, ties to even, as in hardware. */
#ifndef MT_BASE_NARROW_H
#define MT_BASE_NARROW_H

#include <stdint.h>
#include <string.h>

static inline uint32_t mt_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float mt_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Exponent and fraction move to their places in a binary32, and a product with 2^112 corrects the
 * bias: exactly, for subnormal numbers too. What is infinite or NaN afterwards is too small by then
 * and gets the largest exponent. */
static inline float mt_float_of_half(uint16_t h)
{
    const uint32_t rest = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t bits = mt_float_bits(mt_float_of_bits(rest) * 0x1p112f);
    if (rest >= 0x0f800000) bits = rest | 0x7f800000;
    return mt_float_of_bits(bits | sign);
}

/* Numbers below 2^-14 are rounded by an addition that moves their last place to the end of the
 * fraction, the others by the carry of an integer addition. */
static inline uint16_t mt_half_of_float(float x)
{
    const uint32_t bits = mt_float_bits(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    const uint32_t small = mt_float_bits(mt_float_of_bits(rest) + 0.5f) - 0x3f000000;
    const uint32_t usual = (rest + 0xc8000fff + (rest >> 13 & 1)) >> 13;
    uint32_t h = rest < 0x38800000 ? small : usual;
    if (rest >= 0x47800000) h = rest > 0x7f800000 ? 0x7e00 : 0x7c00;
    return (uint16_t)(h | sign);
}

static inline float mt_float_of_bfloat16(uint16_t b) { return mt_float_of_bits((uint32_t)b << 16); }

static inline uint16_t mt_bfloat16_of_float(float x)
{
    const uint32_t bits = mt_float_bits(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
