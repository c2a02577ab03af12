/* kernels/wide.h, doubles.h, trig.h: errors of functions over all exponents, against the C library's in double and long
 * double; and long loops: blocks, pieces of elements with gaps, in place. */
#include "mtest.h"

#include "kernels/kernels.h"

#include <stdlib.h>

static const mt_kernels *base;

/* ---- float32 --------------------------------------------------------------------------------- */

/* As good as rounding twice, or as `bound` allows (in units of 2^-24 of the result, 2^-149 where that is denormal). */
static bool near_f32(float y, double exact, double bound)
{
    if (isnan(exact)) return isnan(y);
    const double unit = fabs(exact) < 0x1p-126 ? 0x1p-149 : fabs(exact) * 0x1p-24;
    const bool as_zero = exact != 0 || !signbit(exact) == !signbit(y);
    return as_zero && (y == (float)exact || fabs((double)y - exact) <= bound * unit);
}

static void check_unary(const char *name, mt_loop loop, double (*exact)(double), double bound)
{
    enum { N = 1024, STEP = 8191 };
    float x[N], y[N];
    for (uint64_t start = 0; start < (uint64_t)1 << 32; start += N * STEP) {
        for (uint64_t i = 0; i < N; i++) {
            const uint32_t bits = (uint32_t)(start + i * STEP);
            memcpy(&x[i], &bits, 4);
        }
        loop(N, (char *[]){(char *)y, (char *)x}, (int64_t[]){4, 4}, NULL);
        for (int i = 0; i < N; i++)
            if (!CHECK_THAT(near_f32(y[i], exact((double)x[i]), bound), "%s(%a) = %a", name, x[i],
                            y[i]))
                return;
    }
}

static void test_unary(void)
{
#define CHECK_ROW(name, bound)                                                                     \
    check_unary(#name, base->unary[MT_UNARY_##name][MT_FLOAT32], name, bound)
    CHECK_ROW(sin, 1.01);
    CHECK_ROW(cos, 1.01);
    CHECK_ROW(tan, 1.01);
    CHECK_ROW(asin, 1.01);
    CHECK_ROW(acos, 1.01);
    CHECK_ROW(atan, 1.01);
    CHECK_ROW(sinh, 1.01);
    CHECK_ROW(cosh, 1.01);
    CHECK_ROW(asinh, 1.01);
    CHECK_ROW(acosh, 1.01);
    CHECK_ROW(atanh, 1.01);
    CHECK_ROW(log2, 1.01);
    CHECK_ROW(log10, 1.01);
    CHECK_ROW(exp2, 1.8);
#undef CHECK_ROW
}

/* erf leads back, as far as rounding of y allows. */
static void test_erfinv(void)
{
    for (int i = -4096; i <= 4096; i++) {
        const float x =
            i % 2 ? (float)i / 4096 : copysignf(1 - ldexpf(1, -1 - abs(i) % 24), (float)i);
        float y;
        base->erfinv(1, (char *[]){(char *)&y, (char *)&x}, (int64_t[]){4, 4}, NULL);
        const double slope = 1.1283791670955126 * exp(-(double)y * (double)y);
        const double room = slope * fabs((double)y) * 0x1.1p-24 + 1e-16;
        if (!CHECK_THAT(fabs(erf((double)y) - (double)x) <= room, "erfinv(%a) = %a", x, y)) return;
    }
    const float x[] = {0, -0.0f, 1, -1, 1.5f, NAN, 1e-45f};
    float y[7];
    base->erfinv(7, (char *[]){(char *)y, (char *)x}, (int64_t[]){4, 4}, NULL);
    CHECK(y[0] == 0 && !signbit(y[0]) && y[1] == 0 && signbit(y[1]));
    CHECK(y[2] == INFINITY && y[3] == -INFINITY && isnan(y[4]) && isnan(y[5]) && y[6] == 1e-45f);
}

static float make_float(void)
{
    static const float special[] = {0,        -0.0f,    INFINITY,    -INFINITY,  NAN,        1,
                                    -1,       0.5f,     2,           -3,         2.5f,       1e-45f,
                                    -1e-40f,  3.4e38f,  -3.4e38f,    4,          127.5f,     0.1f,
                                    16777215, 16777216, 33554432.0f, 1.0000001f, 0.99999994f};
    const uint64_t r = mtest_bits();
    const uint32_t bits = (uint32_t)(r >> 32);
    float any;
    memcpy(&any, &bits, 4);
    if (r % 4 == 0) return special[r / 4 % (sizeof special / sizeof *special)];
    if (r % 4 == 1) return any;
    return ldexpf((float)(int32_t)bits, r % 4 == 2 ? -31 : -28);
}

static void check_binary(const char *name, mt_loop loop, double (*exact)(double, double),
                         double bound)
{
    for (int i = 0; i < 200000; i++) {
        const float x = make_float(), y = make_float();
        float z;
        loop(1, (char *[]){(char *)&z, (char *)&x, (char *)&y}, (int64_t[]){4, 4, 4}, NULL);
        if (!CHECK_THAT(near_f32(z, exact((double)x, (double)y), bound), "%s(%a, %a) = %a", name, x,
                        y, z))
            return;
    }
}

static void test_binary(void)
{
#define CHECK_ROW(name, bound)                                                                     \
    check_binary(#name, base->binary[MT_BINARY_##name][MT_FLOAT32], name, bound)
    CHECK_ROW(pow, 1.02);
    CHECK_ROW(atan2, 1.01);
    CHECK_ROW(hypot, 1.01);
    CHECK_ROW(fmod, 0);
#undef CHECK_ROW
    for (int i = 0; i < 100000; i++) {
        const float x = make_float(), y = make_float(), next = nextafterf(x, y);
        float z;
        base->binary[MT_BINARY_nextafter][MT_FLOAT32](
            1, (char *[]){(char *)&z, (char *)&x, (char *)&y}, (int64_t[]){4, 4, 4}, NULL);
        if (!CHECK_THAT(memcmp(&z, &next, 4) == 0 || (isnan(z) && isnan(next)), "nextafter(%a, %a)",
                        x, y))
            return;
    }
}

/* ---- float64 --------------------------------------------------------------------------------- */

static long double sigmoid_exact(long double x) { return 1 / (1 + expl(-x)); }

static double make_wide(void)
{
    static const double special[] = {0,
                                     -0.0,
                                     INFINITY,
                                     -INFINITY,
                                     NAN,
                                     5e-324,
                                     1e-310,
                                     1e308,
                                     709.7,
                                     709.8,
                                     -708.5,
                                     -745.1,
                                     -746,
                                     1,
                                     0.5,
                                     3.141592653589793,
                                     1.5707963267948966,
                                     355,
                                     1e6,
                                     1048576,
                                     1e22};
    const uint64_t r = mtest_bits();
    const double one = (double)(r >> 11) * 0x1p-52 - 1;
    if (r % 4 == 0) return special[r / 4 % (sizeof special / sizeof *special)];
    return r % 4 == 1 ? one : r % 4 == 2 ? one * 750 : ldexp(one, (int)(r / 4 % 200) - 100);
}

/* In units of the last place; e^-x overflows in sigmoid's tail, which is then 0. */
static void check_f64(const char *name, int row, long double (*exact)(long double), double bound)
{
    for (int i = 0; i < 200000; i++) {
        const double x = make_wide();
        double y;
        base->unary[row][MT_FLOAT64](1, (char *[]){(char *)&y, (char *)&x}, (int64_t[]){8, 8},
                                     NULL);
        const long double z = exact((long double)x);
        if (row == MT_UNARY_sigmoid && x < -708) continue;
        const double rounded = (double)z, unit = fmax(ldexp(1, ilogb(rounded) - 52), 0x1p-1074);
        const bool right = isnan(rounded) ? isnan(y)
                           : isinf(rounded) || rounded == 0
                               ? y == rounded && !signbit(y) == !signbit(rounded)
                               : fabsl((long double)y - z) <= (long double)(bound * unit);
        if (!CHECK_THAT(right, "%s(%a) = %a", name, x, y)) return;
    }
}

static void test_f64(void)
{
    check_f64("exp", MT_UNARY_exp, expl, 1);
    check_f64("log", MT_UNARY_log, logl, 1);
    check_f64("tanh", MT_UNARY_tanh, tanhl, 3);
    check_f64("sigmoid", MT_UNARY_sigmoid, sigmoid_exact, 2);
    check_f64("sin", MT_UNARY_sin, sinl, 1);
    check_f64("cos", MT_UNARY_cos, cosl, 1);
}

/* ---- long loops ------------------------------------------------------------------------------ */
enum { LONG = 700, APART = 3 };

/* Elements next to each other, with gaps, and in place: as one by one. A few are such that a block of sin, fmod and
 * their like goes the long way. */
static void check_long(const char *table, const char *name, mt_loop loop, mt_loop one_loop,
                       int inputs, bool one_number)
{
    static float in[2][LONG * APART], out[LONG * APART], one[LONG];
    for (int i = 0; i < LONG * APART; i++) {
        in[0][i] = (float)(mtest_bits() >> 40) * 0x1p-20f - 8;
        in[1][i] = (float)(mtest_bits() >> 40) * 0x1p-22f + 0.25f;
    }
    in[0][3 * 300] = NAN, in[0][3 * 301] = 1e30f, in[0][900] = -1e9f;
    for (int gap = 1; gap <= APART; gap += 2) {
        const int step = one_number ? 0 : gap;
        for (int i = 0; i < LONG; i++)
            one_loop(1,
                     (char *[]){(char *)&one[i], (char *)&in[0][i * gap], (char *)&in[1][i * step]},
                     (int64_t[]){4, 4, 4}, NULL);
        const int64_t stride[] = {4 * gap, 4 * gap, 4 * step};
        for (int place = 0; place < 2; place++) {
            float *y = place ? in[0] : out;
            char *p[] = {(char *)y, (char *)in[0], (char *)in[1]};
            float before[LONG * APART];
            memcpy(before, in[0], sizeof before);
            loop(LONG, p, stride, NULL);
            bool right = true;
            for (int i = 0; i < LONG; i++)
                right &=
                    memcmp(&y[i * gap], &one[i], 4) == 0 || (isnan(y[i * gap]) && isnan(one[i]));
            CHECK_THAT(right, "%s: %s of %d inputs, gap %d, in place %d", table, name, inputs, gap,
                       place);
            memcpy(in[0], before, sizeof before);
        }
    }
}

static void test_long(void)
{
    static const char *const tables[] = {"baseline", "avx2", "avx512", "neon"};
    for (int t = 0; t < 4; t++) {
        const mt_kernels *k = mt_kernels_named(tables[t]);
        if (!k) continue;
#define LONG_1(name)                                                                               \
    check_long(tables[t], #name, k->unary[MT_UNARY_##name][MT_FLOAT32],                            \
               base->unary[MT_UNARY_##name][MT_FLOAT32], 1, false)
#define LONG_2(name)                                                                               \
    for (int number = 0; number < 2; number++)                                                     \
    check_long(tables[t], #name, k->binary[MT_BINARY_##name][MT_FLOAT32],                          \
               base->binary[MT_BINARY_##name][MT_FLOAT32], 2, number)
        LONG_1(sin);
        LONG_1(cos);
        LONG_1(tan);
        LONG_1(atan);
        LONG_1(relu);
        LONG_1(mish);
        LONG_2(fmod);
        LONG_2(remainder);
        LONG_2(floor_divide);
        LONG_2(pow);
        LONG_2(logaddexp);
        LONG_2(add);
        check_long(tables[t], "erfinv", k->erfinv, base->erfinv, 1, false);
    }
}

/* By a number, powers are products and quotients, to the last bit. */
static void test_powers(void)
{
    float x[40], y[40], z[40];
    for (int i = 0; i < 40; i++) x[i] = (float)(i - 20) * 0.37f;
    const float exponent = -1;
    mt_k->binary[MT_BINARY_pow][MT_FLOAT32](40, (char *[]){(char *)y, (char *)x, (char *)&exponent},
                                            (int64_t[]){4, 4, 0}, NULL);
    for (int i = 0; i < 40; i++) z[i] = 1 / x[i];
    CHECK(memcmp(y, z, sizeof y) == 0);
}

int main(void)
{
    mt_kernels_init();
    base = mt_kernels_named("baseline");
    RUN(test_unary);
    RUN(test_erfinv);
    RUN(test_binary);
    RUN(test_f64);
    RUN(test_long);
    RUN(test_powers);
    return mtest_done();
}
