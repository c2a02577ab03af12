/* kernels/: every row, type and table against the baseline's one element at a time, bit for bit;
 * the float functions against double ones; reductions, softmax and optimizer steps against plain
 * loops. */
#include "mtest.h"

#include "kernels/kernels.h"

#include <stdlib.h>

enum { MAX_N = 70, GAP = 3 };

static const char *const table_names[] = {"baseline", "avx2", "avx512", "neon"};
enum { NUM_TABLES = sizeof table_names / sizeof *table_names };

static const char *const unary_names[] = {
#define UNARY(kind, name, ...) #name,
#include "minitorch/unary.def"
};
static const char *const binary_names[] = {
#define BINARY(kind, name, ...) #name,
#include "minitorch/binary.def"
};

/* The result's type: bool for some kinds, else the input's. */
static const char *const unary_kinds[] = {
#define UNARY(kind, name, ...) #kind,
#include "minitorch/unary.def"
};
static const char *const binary_kinds[] = {
#define BINARY(kind, name, ...) #kind,
#include "minitorch/binary.def"
};
static mt_dtype out_dtype(const char *kind, mt_dtype d)
{
    const bool truth = !strcmp(kind, "TEST") || !strcmp(kind, "COMPARE") || !strcmp(kind, "LOGIC");
    return truth ? MT_BOOL : d;
}

/* ---- data ------------------------------------------------------------------------------------ */
static double random_double(void) { return (double)(mtest_bits() >> 11) * 0x1p-53 * 2 - 1; }

static const double special[] = {
    0.0,  -0.0, INFINITY, -INFINITY, NAN,    1.0,        -1.0,  2.0,    0.5,   -0.5,   1.5,
    2.5,  88.8, -88.0,    -104.5,    1e-40,  -1e-40,     1e-45, 1e30,   -1e30, 3.4e38, 8388609,
    1e-8, 0.1,  100.0,    -3.7,      -100.0, 16777216.0, 710.0, -745.0, 1e300, 5e-324};
enum { NUM_SPECIAL = sizeof special / sizeof *special };

static double make_double(void)
{
    uint64_t r = mtest_bits();
    if (r % 4 == 0) return special[r / 4 % NUM_SPECIAL];
    if (r % 4 == 1) return ldexp(random_double(), (int)(r / 4 % 60) - 30);
    if (r % 4 == 2) return (double)((int64_t)(r / 4 % 21) - 10);
    return random_double() * 4;
}
static uint64_t make_integer(int bits)
{
    const uint64_t r = mtest_bits(), low = (uint64_t)1 << (bits - 1);
    if (r % 4 == 0) return low - (r / 4 % 2); /* the lowest and the highest */
    if (r % 4 == 1) return (r / 4 % 7) - 3;
    return mtest_bits();
}

static void make_element(mt_dtype d, void *p)
{
    const double x = make_double();
    const uint64_t i = make_integer(8 * (int)mt_dtype_size(d));
    const float f = (float)x;
    const bool b = i & 1;
    if (d == MT_FLOAT32)
        memcpy(p, &f, 4);
    else if (d == MT_FLOAT64)
        memcpy(p, &x, 8);
    else if (d == MT_BOOL)
        memcpy(p, &b, 1);
    else
        memcpy(p, &i, (size_t)mt_dtype_size(d)); /* the low bytes */
}

static double as_double(mt_dtype d, const void *p)
{
    switch (d) {
#define CASE(E, T, name, kind, Camel)                                                              \
    case MT_##E:                                                                                   \
        return (double)*(const T *)p;
        MT_DTYPES(CASE)
#undef CASE
    default:
        return 0;
    }
}

/* The same bits, or both NaN. */
static bool same(mt_dtype d, const void *a, const void *b)
{
    if (memcmp(a, b, (size_t)mt_dtype_size(d)) == 0) return true;
    return mt_is_float(d) && isnan(as_double(d, a)) && isnan(as_double(d, b));
}

/* ---- rows ------------------------------------------------------------------------------------ */
static const double parameters[3] = {0.25, 2.0, -1.0};

/* Room for MAX_N elements GAP apart, aligned. */
typedef struct column {
    _Alignas(64) char data[MAX_N * 8 * GAP + 64];
} column;

static void make_column(mt_dtype d, column *c, int64_t stride)
{
    memset(c, 0x5a, sizeof *c);
    for (int64_t i = 0; i < MAX_N; i++) make_element(d, c->data + i * stride);
}

/* By what is left over of blocks, by a table, by one exponent: pointwise.c, by_table.h. */
static bool has_other_ways(const char *name, const mt_dtype *d)
{
    return strcmp(name, "pow") == 0 ||
           (d[1] == MT_FLOAT32 && strstr("sigmoid silu exp", name) != NULL);
}

static bool nearly_same(mt_dtype d, const void *a, const void *b)
{
    const double x = as_double(d, a), y = as_double(d, b);
    const double unit = d == MT_FLOAT64 ? 0x1p-51 : 0x1p-22;
    return same(d, a, b) || fabs(x - y) <= fabs(y) * unit || fabs(x - y) < 0x1p-126;
}

/* Runs `loop` over n elements and compares with `reference` one at a time; nothing else may be
 * written. */
static bool loop_agrees(const char *name, mt_loop loop, mt_loop reference, int64_t n, int inputs,
                        const mt_dtype *d, column *in, const int64_t *stride)
{
    bool (*const agree)(mt_dtype, const void *, const void *) =
        has_other_ways(name, d) ? nearly_same : same;
    column out, expected;
    const int64_t size = mt_dtype_size(d[0]);
    memset(&out, 0x5a, sizeof out);
    memset(&expected, 0x5a, sizeof expected);
    char *p[4] = {out.data, in[0].data, in[1].data, in[2].data};
    loop(n, p, stride, parameters);
    for (int64_t i = 0; i < n; i++) {
        char *one[4] = {expected.data + i * stride[0]};
        const int64_t ones[4] = {size, mt_dtype_size(d[1]), mt_dtype_size(d[2]),
                                 mt_dtype_size(d[3])};
        for (int k = 0; k < inputs; k++) one[k + 1] = in[k].data + i * stride[k + 1];
        reference(1, one, ones, parameters);
        if (!agree(d[0], out.data + i * stride[0], one[0])) return false;
        memcpy(out.data + i * stride[0], one[0], (size_t)size);
    }
    return memcmp(&out, &expected, sizeof out) == 0;
}

/* All lengths; contiguous, a single number on either side, gaps. */
static void check_loop(const char *table, const char *name, mt_loop loop, mt_loop reference,
                       int inputs, const mt_dtype *d)
{
    if (!CHECK_THAT(!loop == !reference, "%s: %s is missing", table, name) || !loop) return;
    for (int variant = 0; variant < (inputs == 1 ? 3 : 6); variant++) {
        column in[3];
        int64_t stride[4];
        for (int k = 0; k <= inputs; k++) {
            const int64_t gap =
                variant == 4 || (variant == 2 && k == 0) || (variant == 5 && k == 1);
            stride[k] = mt_dtype_size(d[k]) * (gap ? GAP : 1);
        }
        if (variant == 1) stride[1] = 0;
        if (variant == 3) stride[2] = 0;
        for (int k = 0; k < inputs; k++)
            make_column(d[k + 1], &in[k], stride[k + 1] ? stride[k + 1] : mt_dtype_size(d[k + 1]));
        for (int64_t n = 0; n <= MAX_N; n++)
            if (!CHECK_THAT(loop_agrees(name, loop, reference, n, inputs, d, in, stride),
                            "%s: %s of %s, n %d, variant %d", table, name, mt_dtype_name(d[1]),
                            (int)n, variant))
                return;
    }
}

static void test_rows(void)
{
    const mt_kernels *base = mt_kernels_named("baseline");
    for (int t = 0; t < NUM_TABLES; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        for (mt_dtype d = 0; d < MT_COMPLEX64; d++) {
            for (int row = 0; row < MT_NUM_UNARY; row++) {
                const mt_dtype types[4] = {out_dtype(unary_kinds[row], d), d};
                check_loop(k->name, unary_names[row], k->unary[row][d], base->unary[row][d], 1,
                           types);
            }
            for (int row = 0; row < MT_NUM_BINARY; row++) {
                const mt_dtype types[4] = {out_dtype(binary_kinds[row], d), d, d};
                check_loop(k->name, binary_names[row], k->binary[row][d], base->binary[row][d], 2,
                           types);
            }
            const mt_dtype types[4] = {d, MT_BOOL, d, d};
            check_loop(k->name, "where", k->where[d], base->where[d], 3, types);
            for (mt_dtype to = 0; to < MT_COMPLEX64; to++) {
                const mt_dtype pair[4] = {to, d};
                check_loop(k->name, "cast", k->cast[d][to], base->cast[d][to], 1, pair);
            }
        }
    }
}

/* The output may be the first or second input. */
static void test_in_place(void)
{
    for (int t = 0; t < NUM_TABLES; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        float x[MAX_N], y[MAX_N], expected[MAX_N], z[MAX_N];
        for (int i = 0; i < MAX_N; i++)
            x[i] = (float)random_double(), y[i] = (float)random_double();
        const int64_t stride[] = {4, 4, 4};
        k->binary[MT_BINARY_div][MT_FLOAT32](
            MAX_N, (char *[]){(char *)expected, (char *)x, (char *)y}, stride, NULL);
        memcpy(z, x, sizeof z);
        k->binary[MT_BINARY_div][MT_FLOAT32](MAX_N, (char *[]){(char *)z, (char *)z, (char *)y},
                                             stride, NULL);
        CHECK(memcmp(z, expected, sizeof z) == 0);
        memcpy(z, y, sizeof z);
        k->binary[MT_BINARY_div][MT_FLOAT32](MAX_N, (char *[]){(char *)z, (char *)x, (char *)z},
                                             stride, NULL);
        CHECK(memcmp(z, expected, sizeof z) == 0);
        k->unary[MT_UNARY_exp][MT_FLOAT32](MAX_N, (char *[]){(char *)z, (char *)x}, stride, NULL);
        k->unary[MT_UNARY_exp][MT_FLOAT32](MAX_N, (char *[]){(char *)x, (char *)x}, stride, NULL);
        CHECK(memcmp(z, x, sizeof z) == 0);
    }
}

/* ---- values ---------------------------------------------------------------------------------- */
static double unary_f64(int row, double x)
{
    double y;
    mt_kernels_named("baseline")
        ->unary[row][MT_FLOAT64](1, (char *[]){(char *)&y, (char *)&x}, (int64_t[]){8, 8},
                                 parameters);
    return y;
}

/* The error in units of 2^-24 of the result; of 2^-149 where that is denormal. */
static void check_accuracy(int row, double bound)
{
    enum { N = 1024 };
    const mt_loop loop = mt_kernels_named("baseline")->unary[row][MT_FLOAT32];
    double worst = 0;
    float x[N], y[N];
    for (uint64_t start = 0; start < (uint64_t)1 << 32; start += N * 4099) {
        for (uint64_t i = 0; i < N; i++) {
            const uint32_t bits = (uint32_t)(start + i * 4099);
            memcpy(&x[i], &bits, 4);
        }
        loop(N, (char *[]){(char *)y, (char *)x}, (int64_t[]){4, 4}, NULL);
        for (int i = 0; i < N; i++) {
            const double exact = unary_f64(row, (double)x[i]);
            if (row == MT_UNARY_sigmoid && x[i] < -88.7f) { /* e^-x is inf, as in PyTorch */
                if (!CHECK_THAT(y[i] >= 0 && y[i] < 0x1p-126f, "sigmoid(%a) = %a", x[i], y[i]))
                    return;
                continue;
            }
            if (isnan(exact) || fabs(exact) > 3.4028235e38) {
                const bool right = isnan(exact) ? isnan(y[i]) : y[i] == (float)exact;
                if (!CHECK_THAT(right, "%s(%a)", unary_names[row], x[i])) return;
                continue;
            }
            const double unit = fabs(exact) < 0x1p-126 ? 0x1p-149 : fabs(exact) * 0x1p-24;
            const double error = fabs((double)y[i] - exact) / unit;
            if (error > worst) worst = error;
            if (!CHECK_THAT(error <= bound, "%s(%a) is off by %.2f u", unary_names[row], x[i],
                            error))
                return;
        }
    }
    CHECK(worst > 0);
}

/* What blocks leave over goes by the C library's expf, to the last bit (glibc's, from 2.27 on). */
static void test_left_over(void)
{
#if defined(__GLIBC__)
    for (int t = 0; t < NUM_TABLES; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        for (uint64_t start = 0; start < (uint64_t)1 << 32; start += 8 * 65537) {
            float x[8], y[8], z[8];
            for (uint64_t i = 0; i < 8; i++) {
                const uint32_t bits = (uint32_t)(start + i * 65537);
                memcpy(&x[i], &bits, 4);
            }
            char *p[2] = {(char *)y, (char *)x};
            k->unary[MT_UNARY_sigmoid][MT_FLOAT32](8, p, (int64_t[]){4, 4}, NULL);
            p[0] = (char *)z;
            k->unary[MT_UNARY_silu][MT_FLOAT32](7, p, (int64_t[]){4, 4}, NULL);
            for (int i = 0; i < 8; i++) {
                const float e = 1.0f + expf(-x[i]), s = 1.0f / e, silu = x[i] / e;
                if (!CHECK_THAT(same(MT_FLOAT32, &y[i], &s), "%s: sigmoid(%a)", k->name, x[i]))
                    return;
                if (i < 7 &&
                    !CHECK_THAT(same(MT_FLOAT32, &z[i], &silu), "%s: silu(%a)", k->name, x[i]))
                    return;
            }
        }
    }
#endif
}

static void test_accuracy(void)
{
    check_accuracy(MT_UNARY_exp, 1.4);
    check_accuracy(MT_UNARY_log, 1.4);
    check_accuracy(MT_UNARY_tanh, 3.0);
    check_accuracy(MT_UNARY_sigmoid, 3.0);
    check_accuracy(MT_UNARY_sin, 1.1);
    check_accuracy(MT_UNARY_cos, 1.1);
    check_accuracy(MT_UNARY_expm1, 2.0);
    check_accuracy(MT_UNARY_log1p, 2.3);
    check_accuracy(MT_UNARY_erf, 1.6);
}

#define BINARY_OF(T, D, row, x, y)                                                                 \
    ({                                                                                             \
        T out_, x_ = (x), y_ = (y);                                                                \
        mt_k->binary[MT_BINARY_##row][D](1, (char *[]){(char *)&out_, (char *)&x_, (char *)&y_},   \
                                         (int64_t[]){sizeof(T), sizeof(T), sizeof(T)}, NULL);      \
        out_;                                                                                      \
    })
#define UNARY_OF(T, D, row, x)                                                                     \
    ({                                                                                             \
        T out_, x_ = (x);                                                                          \
        mt_k->unary[MT_UNARY_##row][D](1, (char *[]){(char *)&out_, (char *)&x_},                  \
                                       (int64_t[]){sizeof(T), sizeof(T)}, NULL);                   \
        out_;                                                                                      \
    })

static void test_integers(void)
{
    CHECK_INT(BINARY_OF(int32_t, MT_INT32, add, INT32_MAX, 1), INT32_MIN);
    CHECK_INT(BINARY_OF(int64_t, MT_INT64, sub, INT64_MIN, 1), INT64_MAX);
    CHECK_INT(BINARY_OF(int16_t, MT_INT16, mul, -1, INT16_MIN), INT16_MIN);
    CHECK_INT(BINARY_OF(uint8_t, MT_UINT8, sub, 3, 5), 254);
    CHECK_INT(BINARY_OF(int32_t, MT_INT32, floor_divide, INT32_MIN, -1), INT32_MIN);
    CHECK_INT(BINARY_OF(int64_t, MT_INT64, remainder, INT64_MIN, -1), 0);
    CHECK_INT(BINARY_OF(int8_t, MT_INT8, floor_divide, -7, 2), -4);
    CHECK_INT(BINARY_OF(int8_t, MT_INT8, remainder, -7, 2), 1);
    CHECK_INT(BINARY_OF(int8_t, MT_INT8, remainder, 7, -2), -1);
    CHECK_INT(BINARY_OF(uint8_t, MT_UINT8, remainder, 200, 255), 200);
    CHECK_INT(BINARY_OF(int64_t, MT_INT64, floor_divide, 5, 0), 0);
    CHECK_INT(BINARY_OF(int64_t, MT_INT64, pow, -3, 5), -243);
    CHECK_INT(BINARY_OF(int64_t, MT_INT64, pow, 7, 0), 1);
    CHECK_INT(BINARY_OF(bool, MT_BOOL, add, true, true), 1);
    CHECK_INT(BINARY_OF(bool, MT_BOOL, mul, true, false), 0);
    CHECK_INT(UNARY_OF(int32_t, MT_INT32, neg, INT32_MIN), INT32_MIN);
    CHECK_INT(UNARY_OF(int64_t, MT_INT64, abs, INT64_MIN), INT64_MIN);
    CHECK_INT(UNARY_OF(int8_t, MT_INT8, sign, -128), -1);
    CHECK(!mt_k->binary[MT_BINARY_sub][MT_BOOL] && !mt_k->unary[MT_UNARY_neg][MT_BOOL]);
    CHECK(!mt_k->unary[MT_UNARY_exp][MT_INT64] && !mt_k->binary[MT_BINARY_div][MT_INT32]);
}

static void test_floats(void)
{
    CHECK_NEAR(BINARY_OF(double, MT_FLOAT64, floor_divide, 1.0, 0.1), 9, 0); /* as Python */
    CHECK_NEAR(BINARY_OF(double, MT_FLOAT64, remainder, -5.5, 2.0), 0.5, 0);
    CHECK_NEAR(BINARY_OF(double, MT_FLOAT64, remainder, 5.5, -2.0), -0.5, 0);
    CHECK_NEAR(BINARY_OF(float, MT_FLOAT32, floor_divide, -1, 0), -INFINITY, 0);
    CHECK(isnan(BINARY_OF(float, MT_FLOAT32, remainder, 1, 0)));
    CHECK_NEAR(BINARY_OF(float, MT_FLOAT32, remainder, 5, INFINITY), 5, 0);
    CHECK_NEAR(BINARY_OF(float, MT_FLOAT32, floor_divide, -5, INFINITY), -1, 0);
    CHECK(isnan(BINARY_OF(float, MT_FLOAT32, remainder, INFINITY, 2)));
    CHECK(isnan(BINARY_OF(float, MT_FLOAT32, maximum, 1, NAN)));
    CHECK(isnan(BINARY_OF(float, MT_FLOAT32, minimum, NAN, 1)));
    CHECK_NEAR(BINARY_OF(float, MT_FLOAT32, pow, -3, 2), 9, 0);
    CHECK_NEAR(BINARY_OF(float, MT_FLOAT32, pow, 2, -1), 0.5, 0);
    CHECK(isnan(UNARY_OF(float, MT_FLOAT32, relu, NAN)));
    for (int i = 0; i < 20000; i++) { /* the remainder by way of double is that of the library */
        const float x = (float)ldexp(random_double(), i % 60),
                    y = (float)ldexp(random_double(), i % 13);
        const float r = fmodf(x, y), expected = r != 0 && (r < 0) != (y < 0) ? r + y : r;
        if (!CHECK_NEAR(BINARY_OF(float, MT_FLOAT32, remainder, x, y), expected, 0)) break;
    }
    float cubes[2] = {3, -2}, powers[2], three = 3, two = 2;
    const int64_t by_number[] = {4, 4, 0};
    char *p[] = {(char *)powers, (char *)cubes, (char *)&three};
    mt_k->binary[MT_BINARY_pow][MT_FLOAT32](2, p, by_number, NULL);
    CHECK(powers[0] == 27 && powers[1] == -8);
    p[2] = (char *)&two;
    mt_k->binary[MT_BINARY_pow][MT_FLOAT32](2, p, by_number, NULL);
    CHECK(powers[0] == 9 && powers[1] == 4);
    CHECK_NEAR(UNARY_OF(float, MT_FLOAT32, relu, -2), 0, 0);
    CHECK_NEAR(UNARY_OF(double, MT_FLOAT64, round, 2.5), 2, 0);
    CHECK_NEAR(UNARY_OF(float, MT_FLOAT32, round, -1.5f), -2, 0);
    CHECK(signbit(UNARY_OF(float, MT_FLOAT32, neg, 0.0f)));
}

#define CAST_OF(F, DF, T, DT, x)                                                                   \
    ({                                                                                             \
        T out_;                                                                                    \
        F x_ = (F)(x);                                                                             \
        mt_k->cast[DF][DT](1, (char *[]){(char *)&out_, (char *)&x_},                              \
                           (int64_t[]){sizeof(T), sizeof(F)}, NULL);                               \
        (int64_t)out_;                                                                             \
    })

/* What does not fit: as PyTorch on x86. */
static void test_casts(void)
{
    CHECK_INT(CAST_OF(float, MT_FLOAT32, int32_t, MT_INT32, NAN), INT32_MIN);
    CHECK_INT(CAST_OF(float, MT_FLOAT32, int64_t, MT_INT64, INFINITY), INT64_MIN);
    CHECK_INT(CAST_OF(double, MT_FLOAT64, int32_t, MT_INT32, -2147483648.5), INT32_MIN);
    CHECK_INT(CAST_OF(double, MT_FLOAT64, int32_t, MT_INT32, 2147483647.9), INT32_MAX);
    CHECK_INT(CAST_OF(double, MT_FLOAT64, uint8_t, MT_UINT8, -1.0), 255);
    CHECK_INT(CAST_OF(double, MT_FLOAT64, uint8_t, MT_UINT8, 4294967295.0), 255);
    CHECK_INT(CAST_OF(double, MT_FLOAT64, int8_t, MT_INT8, 4294967295.0), 0);
    CHECK_INT(CAST_OF(float, MT_FLOAT32, int8_t, MT_INT8, 300), 44);
    CHECK_INT(CAST_OF(float, MT_FLOAT32, int16_t, MT_INT16, 70000), 4464);
    CHECK_INT(CAST_OF(float, MT_FLOAT32, int64_t, MT_INT64, -3.99f), -3);
    CHECK_INT(CAST_OF(float, MT_FLOAT32, bool, MT_BOOL, NAN), 1);
    CHECK_INT(CAST_OF(float, MT_FLOAT32, bool, MT_BOOL, -0.0), 0);
    CHECK_INT(CAST_OF(int64_t, MT_INT64, int8_t, MT_INT8, 257), 1);
    CHECK_INT(CAST_OF(int64_t, MT_INT64, bool, MT_BOOL, 256), 1);
}

/* ---- fill, transpose ------------------------------------------------------------------------- */
static void test_fill(void)
{
    for (mt_dtype d = 0; d < MT_COMPLEX64; d++) {
        const size_t size = (size_t)mt_dtype_size(d);
        column out, value;
        make_column(d, &value, 8);
        for (int64_t gap = 1; gap <= GAP; gap += GAP - 1) {
            memset(&out, 0x5a, sizeof out);
            const int64_t stride[] = {(int64_t)size * gap, 0};
            mt_k->fill[d](MAX_N, (char *[]){out.data, value.data}, stride, NULL);
            for (int64_t i = 0; i < MAX_N; i++)
                CHECK(memcmp(out.data + i * stride[0], value.data, size) == 0);
            CHECK_INT(out.data[MAX_N * stride[0]], 0x5a);
        }
    }
}

static void check_transpose(const mt_kernels *k, int64_t r, int64_t c, int64_t extra, int64_t size)
{
    const int64_t row = (c + extra) * size;
    char *in = malloc((size_t)(r * row + 1)), *out = malloc((size_t)(c * r * size + 1));
    for (int64_t i = 0; i < r * row; i++) in[i] = (char)mtest_bits();
    out[c * r * size] = 0x5a;
    k->transpose(r, c, out, in, row, size);
    bool right = out[c * r * size] == 0x5a;
    for (int64_t i = 0; i < r && right; i++)
        for (int64_t j = 0; j < c && right; j++)
            right = memcmp(out + (j * r + i) * size, in + i * row + j * size, (size_t)size) == 0;
    CHECK_THAT(right, "%s: transpose %d x %d of %d bytes", k->name, (int)r, (int)c, (int)size);
    free(in);
    free(out);
}

static void test_transpose(void)
{
    for (int t = 0; t < NUM_TABLES; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        for (int64_t size = 1; size <= 8; size *= 2) {
            check_transpose(k, 1, 1, 0, size);
            check_transpose(k, 3, 70, 5, size);
            check_transpose(k, 16, 16, 0, size);
            check_transpose(k, 65, 129, 1, size);
            check_transpose(k, 300, 200, 0, size);
        }
        check_transpose(k, 2048, 2100, 0, 4); /* large enough to be streamed */
    }
}

/* ---- reductions ------------------------------------------------------------------------------ */
static const char *const reduction_names[MT_NUM_REDUCTIONS] = {
    "sum", "prod", "max", "min", "any", "all", "argmax", "argmin", "norm"};

/* The size of what a reduction of type d writes. */
static mt_dtype reduced_dtype(int op, mt_dtype d)
{
    if (op == MT_REDUCE_any || op == MT_REDUCE_all) return MT_BOOL;
    if (op == MT_REDUCE_argmax || op == MT_REDUCE_argmin) return MT_INT64;
    if (op == MT_REDUCE_max || op == MT_REDUCE_min) return d;
    return mt_is_float(d) ? d : MT_INT64;
}

static int64_t as_int(mt_dtype d, const void *p)
{
    switch (d) {
    case MT_UINT8:
        return *(const uint8_t *)p;
    case MT_INT8:
        return *(const int8_t *)p;
    case MT_INT16:
        return *(const int16_t *)p;
    case MT_INT32:
        return *(const int32_t *)p;
    case MT_INT64:
        return *(const int64_t *)p;
    default:
        return *(const bool *)p;
    }
}

/* x is better than the best so far: NaN first, then by size. */
static bool better(bool largest, double x, double best)
{
    if (isnan(best)) return false;
    return isnan(x) || (largest ? x > best : x < best);
}

/* By the definition, whatever the type, in long double or modulo 2^64; NaN for the unknowable. */
static bool check_reduced(int op, mt_dtype d, int64_t n, const char *in, int64_t stride,
                          const void *out)
{
    const mt_dtype to = reduced_dtype(op, d);
    const bool largest = op == MT_REDUCE_max || op == MT_REDUCE_argmax;
    long double sum = 0, prod = 1, magnitude = 0, squares = 0;
    uint64_t isum = 0, iprod = 1;
    int64_t place = 0;
    bool any = false, all = true;
    for (int64_t i = 0; i < n; i++) {
        const double x = as_double(d, in + i * stride);
        sum += x, prod *= x, magnitude += fabsl(x), squares += (long double)x * x;
        if (!mt_is_float(d)) isum += (uint64_t)as_int(d, in + i * stride);
        if (!mt_is_float(d)) iprod *= (uint64_t)as_int(d, in + i * stride);
        any |= x != 0, all &= x != 0;
        if (d == MT_INT64) { /* too large for double */
            const int64_t a = as_int(d, in + i * stride), b = as_int(d, in + place * stride);
            if (largest ? a > b : a < b) place = i;
        } else if (better(largest, x, as_double(d, in + place * stride))) {
            place = i;
        }
    }
    const double unit = d == MT_FLOAT32 ? 0x1p-24 : 0x1p-53;
    switch (op) {
    case MT_REDUCE_sum:
        if (!mt_is_float(d)) return as_int(to, out) == (int64_t)isum;
        if (isnan((double)sum)) return isnan(as_double(to, out));
        return fabsl(as_double(to, out) - sum) <= (40 + log2((double)n + 1)) * unit * magnitude ||
               as_double(to, out) == (double)sum;
    case MT_REDUCE_prod:
        if (!mt_is_float(d)) return as_int(to, out) == (int64_t)iprod;
        return fabsl(as_double(to, out) - prod) <= (long double)n * unit * fabsl(prod);
    case MT_REDUCE_norm:
        if (isnan((double)squares)) return isnan(as_double(to, out));
        return fabsl(as_double(to, out) - sqrtl(squares)) <=
               (40 + (long double)n) * unit * sqrtl(squares);
    case MT_REDUCE_any:
        return as_int(to, out) == any;
    case MT_REDUCE_all:
        return as_int(to, out) == all;
    case MT_REDUCE_max:
    case MT_REDUCE_min:
        return as_double(to, out) == as_double(d, in + place * stride) ||
               (isnan(as_double(to, out)) && isnan(as_double(d, in + place * stride)));
    default:
        return as_int(to, out) == place;
    }
}

static void make_line(int op, mt_dtype d, int64_t n, char *in, int64_t stride)
{
    for (int64_t i = 0; i < n; i++) {
        make_element(d, in + i * stride);
        if (!mt_is_float(d) ||
            (op != MT_REDUCE_sum && op != MT_REDUCE_prod && op != MT_REDUCE_norm))
            continue;
        const double x = op != MT_REDUCE_prod ? random_double() * 100 : 1 + random_double() * 0.01;
        if (d == MT_FLOAT32)
            *(float *)(in + i * stride) = (float)x;
        else
            *(double *)(in + i * stride) = x;
    }
}

/* One line: right, and the same for every table. Floats that are not neighbours may be added up in
 * another order. */
static bool check_line(int op, mt_dtype d, int64_t n)
{
    const int64_t size = mt_dtype_size(d);
    char *gaps = malloc((size_t)(n * size * GAP + 1)), *close = malloc((size_t)(n * size + 1));
    make_line(op, d, n, gaps, size * GAP);
    for (int64_t i = 0; i < n; i++) memcpy(close + i * size, gaps + i * size * GAP, (size_t)size);
    int64_t first = 0, far = 0;
    const bool ordered = op == MT_REDUCE_sum && mt_is_float(d);
    bool right = true;
    mt_kernels_named("baseline")->reduce[op][d](n, (char *)&first, close, size);
    mt_kernels_named("baseline")->reduce[op][d](n, (char *)&far, gaps, size * GAP);
    right = CHECK_THAT(check_reduced(op, d, n, close, size, &first) &&
                           check_reduced(op, d, n, gaps, size * GAP, &far) &&
                           (ordered || same(reduced_dtype(op, d), &far, &first)),
                       "%s of %d %s", reduction_names[op], (int)n, mt_dtype_name(d));
    for (int t = 0; t < NUM_TABLES && right; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        int64_t a = 0, b = 0;
        k->reduce[op][d](n, (char *)&a, close, size);
        k->reduce[op][d](n, (char *)&b, gaps, size * GAP);
        right = CHECK_THAT(
            same(reduced_dtype(op, d), &a, &first) && same(reduced_dtype(op, d), &b, &far),
            "%s: %s of %d %s differs", k->name, reduction_names[op], (int)n, mt_dtype_name(d));
    }
    free(gaps);
    free(close);
    return right;
}

static void test_reduce(void)
{
    static const int64_t long_lines[] = {100, 127, 1000, 1024, 1025, 2048, 5000, 16384, 100003};
    for (int op = 0; op < MT_NUM_REDUCTIONS; op++) {
        for (mt_dtype d = 0; d <= MT_BOOL; d++) {
            if (!mt_k->reduce[op][d]) continue;
            for (int64_t n = op == MT_REDUCE_argmax || op == MT_REDUCE_argmin ||
                             op == MT_REDUCE_max || op == MT_REDUCE_min;
                 n <= MAX_N; n++)
                if (!check_line(op, d, n)) break;
            for (size_t i = 0; i < sizeof long_lines / sizeof *long_lines; i++)
                if (!check_line(op, d, long_lines[i])) break;
        }
    }
}

static void check_columns(int op, mt_dtype d, int64_t rows, int64_t columns)
{
    const int64_t size = mt_dtype_size(d), row = (columns + 1) * size;
    const mt_dtype to = reduced_dtype(op, d);
    const int64_t out_size = mt_dtype_size(to);
    char *in = malloc((size_t)(rows * row + 1)), *first = malloc((size_t)(columns * 8));
    char *out = malloc((size_t)(columns * 8));
    for (int64_t i = 0; i < rows; i++) make_line(op, d, columns, in + i * row, size);
    bool right = true;
    for (int t = 0; t < NUM_TABLES && right; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        k->reduce_columns[op][d](rows, columns, t ? out : first, in, row);
        for (int64_t j = 0; j < columns && right; j++)
            right = t ? same(to, out + j * out_size, first + j * out_size)
                      : check_reduced(op, d, rows, in + j * size, row, first + j * out_size);
        CHECK_THAT(right, "%s: %s of the columns of %d x %d %s", k->name, reduction_names[op],
                   (int)rows, (int)columns, mt_dtype_name(d));
    }
    free(in);
    free(first);
    free(out);
}

static void test_reduce_columns(void)
{
    for (int op = MT_REDUCE_sum; op <= MT_REDUCE_all; op++) {
        for (mt_dtype d = 0; d <= MT_BOOL; d++) {
            check_columns(op, d, 1, 1);
            check_columns(op, d, 5, 3);
            check_columns(op, d, 17, 70);
            check_columns(op, d, 67, 16);
            check_columns(op, d, 300, 1100);
            check_columns(op, d, 20000, 2);
        }
    }
    int64_t out[2] = {7, 7};
    mt_k->reduce_columns[MT_REDUCE_sum][MT_INT32](0, 2, (char *)out, NULL, 8);
    CHECK(out[0] == 0 && out[1] == 0);
    float f[2] = {7, 7};
    mt_k->reduce_columns[MT_REDUCE_prod][MT_FLOAT32](0, 2, (char *)f, NULL, 8);
    CHECK(f[0] == 1 && f[1] == 1);
}

/* ---- softmax --------------------------------------------------------------------------------- */
static void check_softmax(const mt_kernels *k, int64_t n, bool log)
{
    double x[MAX_N], y[MAX_N], g[MAX_N], gx[MAX_N], yf64[MAX_N];
    float xf[MAX_N], yf[MAX_N], gf[MAX_N], gxf[MAX_N];
    double m = -INFINITY, s = 0, dot = 0;
    for (int64_t j = 0; j < n; j++) {
        x[j] = xf[j] = (float)(random_double() * 20), g[j] = gf[j] = (float)random_double();
        m = fmax(m, x[j]);
    }
    for (int64_t j = 0; j < n; j++) s += exp(x[j] - m);
    for (int64_t j = 0; j < n; j++) y[j] = log ? x[j] - m - logl(s) : exp(x[j] - m) / s;
    for (int64_t j = 0; j < n; j++) dot += log ? g[j] : g[j] * y[j];
    k->softmax(MT_FLOAT32, 1, n, yf, xf, log);
    k->softmax(MT_FLOAT64, 1, n, yf64, x, log);
    k->softmax_backward(MT_FLOAT32, 1, n, gxf, gf, yf, log);
    k->softmax_backward(MT_FLOAT64, 1, n, gx, g, yf64, log);
    for (int64_t j = 0; j < n; j++) {
        const double expected = log ? g[j] - exp(y[j]) * dot : y[j] * (g[j] - dot);
        CHECK_NEAR(yf[j], y[j], log ? 6e-6 : 4e-6 * y[j]);
        CHECK_NEAR(yf64[j], y[j], log ? 1e-14 : 1e-14 * y[j]);
        CHECK_NEAR(gxf[j], expected, 2e-6);
        CHECK_NEAR(gx[j], expected, 1e-14);
    }
}

static void test_softmax(void)
{
    for (int t = 0; t < NUM_TABLES; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        if (!k) continue;
        for (int64_t n = 1; n <= MAX_N; n++)
            check_softmax(k, n, n % 2), check_softmax(k, n, n % 2 == 0);
        float x[4] = {-INFINITY, -INFINITY, -INFINITY, 0}, y[4];
        k->softmax(MT_FLOAT32, 2, 2, y, x, false); /* two rows */
        CHECK(isnan(y[0]) && isnan(y[1]) && y[2] == 0 && y[3] == 1);
        float z[40], first[40];
        for (int i = 0; i < 40; i++) z[i] = (float)random_double() * 9;
        mt_kernels_named("baseline")->softmax(MT_FLOAT32, 2, 20, first, z, t % 2);
        k->softmax(MT_FLOAT32, 2, 20, z, z, t % 2); /* in place, and the same bits */
        CHECK(memcmp(z, first, sizeof z) == 0);
    }
}

/* ---- optimizers ------------------------------------------------------------------------------ */
enum { PARAMS = 37, STEPS = 5 };
typedef struct state {
    float p[PARAMS], g[PARAMS], a[PARAMS], b[PARAMS], c[PARAMS];
} state;

static void run_optimizer(const mt_kernels *k, int which, state *s)
{
    const mt_sgd_step sgd = {
        .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true, .first = true};
    const mt_rmsprop_step rms = {
        .lr = 0.01, .alpha = 0.99, .eps = 1e-8, .momentum = 0.5, .centered = true};
    mt_adam_step adam = {.lr = 0.01,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .eps = 1e-8,
                         .weight_decay = 0.1,
                         .amsgrad = which == 1,
                         .decoupled = which == 2};
    for (int step = 1; step <= STEPS; step++) {
        mt_sgd_step now = sgd;
        now.first = step == 1;
        adam.correction1 = 1 - pow(adam.beta1, step);
        adam.correction2 = 1 - pow(adam.beta2, step);
        if (which == 0)
            k->sgd(MT_FLOAT32, PARAMS, s->p, s->g, s->a, &now);
        else if (which < 3)
            k->adam(MT_FLOAT32, PARAMS, s->p, s->g, s->a, s->b, s->c, &adam);
        else
            k->rmsprop(MT_FLOAT32, PARAMS, s->p, s->g, s->a, s->b, s->c, &rms);
    }
}

/* The same bits from every table; the first element also by hand. */
static void test_optimizers(void)
{
    for (int which = 0; which < 4; which++) {
        state start = {0}, first;
        for (int i = 0; i < PARAMS; i++)
            start.p[i] = (float)random_double(), start.g[i] = (float)random_double();
        for (int t = 0; t < NUM_TABLES; t++) {
            const mt_kernels *k = mt_kernels_named(table_names[t]);
            if (!k) continue;
            state s = start;
            run_optimizer(k, which, &s);
            if (t == 0) first = s;
            CHECK_THAT(memcmp(&s, &first, sizeof s) == 0, "%s: optimizer %d", k->name, which);
        }
        if (which != 2) continue;
        double p = start.p[0], g = start.g[0], m = 0, v = 0;
        for (int step = 1; step <= STEPS; step++) {
            p *= 1 - 0.01 * 0.1;
            m = 0.9 * m + 0.1 * g, v = 0.999 * v + 0.001 * g * g;
            p -= 0.01 * (m / (1 - pow(0.9, step))) / (sqrt(v / (1 - pow(0.999, step))) + 1e-8);
        }
        CHECK_NEAR(first.p[0], p, 1e-6);
    }
    float p = 1, g = 0.5f, b = 0;
    const mt_sgd_step s = {.lr = 0.1, .momentum = 0.9, .maximize = true};
    mt_k->sgd(MT_FLOAT32, 1, &p, &g, &b, &s);
    CHECK_NEAR(p, 1.05, 1e-7);
    CHECK_NEAR(b, -0.5, 0);
}

int main(void)
{
    mt_kernels_init();
    RUN(test_rows);
    RUN(test_in_place);
    RUN(test_accuracy);
    RUN(test_left_over);
    RUN(test_integers);
    RUN(test_floats);
    RUN(test_casts);
    RUN(test_fill);
    RUN(test_transpose);
    RUN(test_reduce);
    RUN(test_reduce_columns);
    RUN(test_softmax);
    RUN(test_optimizers);
    return mtest_done();
}
