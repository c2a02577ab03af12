/* Functions of float32 by way of double, free of branches and calls: the loops over them become vector code, and
 * their errors are those of the last rounding, a little above 1 u (= 2^-24 relative). Double also has room for what
 * float32 would overflow or lose, so that few cases are special. Polynomials are least-maximum fits of relative
 * errors below 2^-31. Relies on kernels/math.h, whose names for float32 these are. */
#ifndef MT_KERNELS_WIDE_H
#define MT_KERNELS_WIDE_H

#include "kernels/math.h"

MT_INLINE double clamp_wide(double x, double most)
{
    x = x > most ? most : x;
    return x < -most ? -most : x;
}

/* 2^x, for |x| < 1000. */
MT_INLINE double exp2_wide(double x)
{
    const double t = x + MT_MAGIC_F64, f = x - (t - MT_MAGIC_F64);
    double p = 1.3359477501913112e-05;
    p = p * f + 0.00015461368094950856;
    p = p * f + 0.001334195257152524;
    p = p * f + 0.009618056918125614;
    p = p * f + 0.055504003734354664;
    p = p * f + 0.2402265092079039;
    p = p * f + 0.6931471838173017;
    return (p * f + 1.0) * two_to_f64(bits_f64(t) - bits_f64(MT_MAGIC_F64));
}

/* log(a / b) = k ln 2 + 2 artanh((m - b) / (m + b)) with m = 2^-k a near b; a and b positive and normal. Bits of a
 * double are nearly its logarithm to base 2, so their difference tells k. Relative error 2^-41: where a is nearly b, so
 * is their difference exact. */
typedef struct log_parts {
    double k, r;
} log_parts;
MT_INLINE log_parts log_ratio(double a, double b)
{
    const uint64_t apart = bits_f64(a) - bits_f64(b) + (1ull << 51);
    const uint64_t k = (uint64_t)((int64_t)apart >> 52);
    const double m = from_bits_f64(bits_f64(a) - (k << 52));
    const double s = (m - b) / (m + b), z = s * s;
    double p = 0.1006806150599298;
    p = p * z + 0.11066963995115109;
    p = p * z + 0.1428660978400302;
    p = p * z + 0.19999992107690764;
    p = p * z + 0.3333333335587155;
    return (log_parts){from_bits_f64(k + bits_f64(MT_MAGIC_F64)) - MT_MAGIC_F64,
                       2.0 * (s + s * (z * p))};
}
#define LN_2 0.69314718055994530942
MT_INLINE double log_wide(double a, double b)
{
    const log_parts l = log_ratio(a, b);
    return l.k * LN_2 + l.r;
}

/* log x times 1 / log base, of a float: what is no positive number. */
MT_INLINE float log_based(float x, double whole, double part)
{
    const log_parts l = log_ratio((double)x, 1.0);
    float y = (float)(l.k * whole + l.r * part);
    y = x == 0.0f ? -__builtin_inff() : y;
    y = x > 3.4028235e38f ? x : y;
    return x >= 0.0f ? y : __builtin_nanf("");
}
MT_INLINE float log2_f32(float x) { return log_based(x, 1.0, 1.44269504088896340736); }
MT_INLINE float log10_f32(float x)
{
    return log_based(x, 0.30102999566398119521, 0.43429448190325182765);
}

/* 1.7 u, in float32 alone: 2^n in two halves as in exp_f32. */
MT_INLINE float exp2_f32(float x)
{
    x = x < -151.0f ? -151.0f : x;
    x = x > 129.0f ? 129.0f : x;
    const float t = x + MT_MAGIC, f = x - (t - MT_MAGIC);
    float p = 0.00015326471f;
    p = fma_f32(p, f, 0.0013390806f);
    p = fma_f32(p, f, 0.009618506f);
    p = fma_f32(p, f, 0.0555036f);
    p = fma_f32(p, f, 0.24022648f);
    p = fma_f32(p, f, 0.6931472f);
    p = fma_f32(p, f, 1.0f);
    const int32_t n = shifted_to_int_f32(t), half = n >> 1;
    return p * two_to_f32(half) * two_to_f32(n - half);
}

/* |x|^y = 2^(y log2 |x|). A negative x takes its sign from a whole y, and has no power of another. */
MT_INLINE float pow_f32(float x, float y)
{
    const float a = __builtin_fabsf(x);
    const log_parts l = log_ratio((double)a, 1.0);
    double log = l.k + l.r * 1.44269504088896340736;
    log = a == 0.0f ? -__builtin_inf() : log;
    log = a < __builtin_inff() ? log : (double)a;
    float p = (float)exp2_wide(clamp_wide(clamp_wide((double)y, 0x1p100) * log, 200.0));
    const bool whole = __builtin_floorf(y) == y;
    const bool odd = whole & (__builtin_floorf(0.5f * y) != 0.5f * y);
    p = odd ? __builtin_copysignf(p, x) : p;
    p = (x < 0.0f) & (x >= -3.4028235e38f) & !whole ? __builtin_nanf("") : p;
    return (y == 0.0f) | (x == 1.0f) ? 1.0f : p;
}

/* ---- hyperbolic functions -------------------------------------------------------------------- */

/* With |x| = n ln 2 + r: sinh x = S (2^n + 2^-n) / 2 + C (2^n - 2^-n) / 2 where S = sinh r, C = cosh r, and cosh x has
 * S and C exchanged. Near 0, where n is 0, nothing cancels. */
MT_INLINE double hyperbolic(double a, bool cosine)
{
    const double t = a * 1.44269504088896340736 + MT_MAGIC_F64;
    const double r = a - (t - MT_MAGIC_F64) * LN_2, z = r * r;
    const double s =
        r + r * z * ((0.0001990494951594035 * z + 0.008333288971535294) * z + 0.16666666754488813);
    const double c =
        1.0 + z * ((0.0013946220086172478 * z + 0.04166626722647895) * z + 0.5000000079081891);
    const uint64_t n = bits_f64(t) - bits_f64(MT_MAGIC_F64);
    const double up = 0.5 * two_to_f64(n), down = 0.5 * two_to_f64(0 - n);
    return cosine ? c * (up + down) + s * (up - down) : s * (up + down) + c * (up - down);
}
MT_INLINE double abs_clamped(float x, float most)
{
    const float a = __builtin_fabsf(x);
    return (double)(a > most ? most : a);
}
MT_INLINE float sinh_f32(float x)
{
    return __builtin_copysignf((float)hyperbolic(abs_clamped(x, 100.0f), false), x);
}
MT_INLINE float cosh_f32(float x) { return (float)hyperbolic(abs_clamped(x, 100.0f), true); }

MT_INLINE float atanh_f32(float x)
{
    const float a = __builtin_fabsf(x);
    float y = (float)(0.5 * log_wide(1.0 + (double)a, 1.0 - (double)a));
    y = a == 1.0f ? __builtin_inff() : y;
    y = a <= 1.0f ? y : __builtin_nanf("");
    return __builtin_copysignf(a < 0x1p-13f ? a : y, x);
}

MT_INLINE float asinh_f32(float x)
{
    const double a = (double)__builtin_fabsf(x), root = __builtin_sqrt(1.0 + a * a);
    const float y = (float)log_wide(root + a, 1.0);
    const float far = a <= 3.4028234663852886e38 ? y : (float)a;
    return __builtin_copysignf(a < 0x1p-13 ? (float)a : far, x);
}
MT_INLINE float acosh_f32(float x)
{
    const double a = (double)x;
    const float y = (float)log_wide(a + __builtin_sqrt((a - 1.0) * (a + 1.0)), 1.0);
    const float far = x <= 3.4028235e38f ? y : x;
    return x >= 1.0f ? far : __builtin_nanf("");
}

/* ---- angles ---------------------------------------------------------------------------------- */
#define HALF_PI 1.57079632679489661923

/* arctan t, 0 <= t <= 1. */
MT_INLINE double atan_wide(double t)
{
    const double z = t * t;
    double p = -0.0006979415933723817;
    p = p * z + 0.0049262703827875395;
    p = p * z - 0.016299245269514522;
    p = p * z + 0.03447560079922945;
    p = p * z - 0.05451574098765248;
    p = p * z + 0.07259426433127483;
    p = p * z - 0.08985435336254197;
    p = p * z + 0.11094502957830668;
    p = p * z - 0.14284167159775127;
    p = p * z + 0.19999927240420892;
    p = p * z - 0.33333332133699134;
    return t + t * (z * p);
}

/* The angle of the point (y, x): of the smaller over the larger, and turned to where the point is. */
MT_INLINE float atan2_f32(float y, float x)
{
    const float ax = __builtin_fabsf(x), ay = __builtin_fabsf(y);
    const bool steep = ay > ax;
    const double least = (double)(steep ? ax : ay), most = (double)(steep ? ay : ax);
    double t = least / most;
    t = most == 0.0 ? 0.0 : t;
    t = least == __builtin_inf() ? 1.0 : t;
    double angle = atan_wide(t);
    angle = steep ? HALF_PI - angle : angle;
    angle = __builtin_copysignf(1.0f, x) < 0.0f ? 2.0 * HALF_PI - angle : angle;
    return (x != x) | (y != y) ? x + y : __builtin_copysignf((float)angle, y);
}
MT_INLINE float atan_f32(float x)
{
    const double a = (double)__builtin_fabsf(x);
    const bool steep = a > 1.0;
    const double angle = atan_wide(steep ? 1.0 / a : a);
    return __builtin_copysignf((float)(steep ? HALF_PI - angle : angle), x);
}

/* arcsin a = a P(a^2) up to 1/2 and pi/2 - 2 arcsin sqrt((1 - a) / 2) beyond; arccos x = pi/2 - arcsin x. */
MT_INLINE double asin_wide(double t, double z)
{
    double p = 0.03289654762583533;
    p = p * z + 0.0019932840062263;
    p = p * z + 0.020641029894593346;
    p = p * z + 0.02186675849275721;
    p = p * z + 0.030426412596717797;
    p = p * z + 0.044640714052636206;
    p = p * z + 0.07500004965509878;
    p = p * z + 0.16666666627478305;
    return t + t * (z * p);
}
MT_INLINE float asin_f32(float x)
{
    const double a = (double)__builtin_fabsf(x);
    const bool far = a > 0.5;
    const double z = far ? 0.5 - 0.5 * a : a * a, t = far ? __builtin_sqrt(z) : a;
    const double angle = asin_wide(t, z);
    return __builtin_copysignf((float)(far ? HALF_PI - 2.0 * angle : angle), x);
}
MT_INLINE float acos_f32(float x)
{
    const double a = (double)__builtin_fabsf(x);
    const bool far = a > 0.5;
    const double z = far ? 0.5 - 0.5 * a : a * a, t = far ? __builtin_sqrt(z) : a;
    const double angle = asin_wide(t, z), near = HALF_PI - (x < 0.0f ? -angle : angle);
    const double beyond = x < 0.0f ? 2.0 * (HALF_PI - angle) : 2.0 * angle;
    return (float)(far ? beyond : near);
}

MT_INLINE float hypot_f32(float x, float y)
{
    const double a = (double)x, b = (double)y;
    const float z = (float)__builtin_sqrt(a * a + b * b);
    return (__builtin_fabsf(x) > 3.4028235e38f) | (__builtin_fabsf(y) > 3.4028235e38f)
               ? __builtin_inff()
               : z;
}

/* ---- the inverse of erf ---------------------------------------------------------------------- */

/* x P(w) with w = -log(1 - x^2); one polynomial up to 5 and one in sqrt(w) beyond (Giles, "Approximating the erfinv
 * function", GPU Computing Gems, 2011). */
MT_INLINE float erfinv_f32(float x)
{
    const double a = (double)x, w = log_wide(1.0, 1.0 - a * a);
    const bool far = w > 5.0;
    const double v = far ? __builtin_sqrt(w) - 3.0 : w - 2.5;
    double p = far ? -1.3252079117729544e-05 : 1.3285723867694382e-10;
    p = p * v + (far ? -1.3120812763362048e-05 : 4.370283306378781e-10);
    p = p * v + (far ? 0.00018112520106968062 : -1.1023209275155529e-08);
    p = p * v + (far ? -0.00030375425644846613 : 1.645721309200204e-08);
    p = p * v + (far ? -0.0001322782529950966 : 4.796989852503563e-07);
    p = p * v + (far ? 0.0014899831122607756 : -3.426011685740727e-06);
    p = p * v + (far ? -0.0035635323484772942 : -4.998760425401999e-06);
    p = p * v + (far ? 0.005684252708935311 : 0.0002182635554240114);
    p = p * v + (far ? -0.007643262994932083 : -0.001252704876654336);
    p = p * v + (far ? 0.009445578807027382 : -0.004177324633483344);
    p = p * v + (far ? 1.0016752595889273 : 0.24664027578694667);
    p = p * v + (far ? 2.8329767980940286 : 1.5014093516916105);
    const float most = __builtin_fabsf(x), y = most == 1.0f ? x * __builtin_inff() : (float)(p * a);
    return most <= 1.0f ? y : __builtin_nanf("");
}

#endif
