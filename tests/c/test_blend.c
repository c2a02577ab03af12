/* kernels/blend.c: every row in every instruction set against the plain one, bit for bit; whole blocks, what
 * is left over, and the output in the place of an input. */
#include "mtest.h"

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { MOST = 70 };

static const char *const table_names[] = {"avx2", "avx512", "neon"};
static const char *const row_names[] = {
#define SLOPE(name, ...) #name,
#define BLEND(name, ...) #name,
#include "kernels/blend_rows.def"
};
static const double special[] = {0.0,  -0.0, INFINITY, -INFINITY, NAN,  3,    -3,    6,     0.5,
                                 -0.5, 1,    -1,       20,        -20,  88.8, -104,  1e-30, -1e-30,
                                 1e30, 2.5,  -0.75,    10,        1e-9, 1e9,  0.125, 7,     -5};
static const double parameters[3] = {0.25, 2.0, 0.5};

/* Arrays of both types with the same values, in another order for each k. */
typedef union numbers {
    float f[MOST + 1];
    double d[MOST + 1];
} numbers;

static void fill(numbers *t, mt_dtype d, int k)
{
    for (int i = 0; i <= MOST; i++) {
        const double x = i % 3 == k
                             ? special[(i / 3 + 5 * k) % (int)(sizeof special / sizeof *special)]
                             : sin(i * 1.7 + k) * 4;
        if (d == MT_FLOAT32)
            t->f[i] = (float)x;
        else
            t->d[i] = x;
    }
}

/* The first n elements are the same bits, or both NaN, and what follows is untouched. */
static bool same(const numbers *a, const numbers *b, const numbers *before, mt_dtype d, int n)
{
    for (int i = 0; i <= MOST; i++) {
        const double x = d == MT_FLOAT32 ? a->f[i] : a->d[i],
                     y = d == MT_FLOAT32 ? b->f[i] : b->d[i];
        const numbers *want = i < n ? b : before;
        if (i < n && isnan(x) && isnan(y)) continue;
        if (d == MT_FLOAT32 ? memcmp(&a->f[i], &want->f[i], 4) : memcmp(&a->d[i], &want->d[i], 8))
            return false;
    }
    return true;
}

/* One length; place: which input the output lies on, 3: on none. */
static bool agrees(const mt_kernels *k, mt_blend row, mt_dtype d, int n, int place)
{
    const mt_kernels *base = mt_kernels_named("baseline");
    numbers in[3], out, expected, before;
    memset(&before, 0x5a, sizeof before);
    for (int i = 0; i < 3; i++) fill(&in[i], d, i);
    out = expected = before;
    const int64_t item = mt_dtype_size(d);
    for (int i = 0; i < n; i++) { /* one by one */
        char *const p[4] = {(char *)&expected + i * item, (char *)&in[0] + i * item,
                            (char *)&in[1] + i * item, (char *)&in[2] + i * item};
        base->blend(row, d, 1, p, parameters);
    }
    if (place < 3) before = in[place];
    char *const p[4] = {place < 3 ? (char *)&in[place] : (char *)&out, (char *)&in[0],
                        (char *)&in[1], (char *)&in[2]};
    k->blend(row, d, n, p, parameters);
    return same(place < 3 ? &in[place] : &out, &expected, &before, d, n);
}

static void check_row(const mt_kernels *k, mt_blend row, mt_dtype d)
{
    for (int n = 0; n <= MOST; n++)
        for (int place = 0; place < 4; place++)
            if (!CHECK_THAT(agrees(k, row, d, n, place), "%s: %s of %s, n %d, out on %d", k->name,
                            row_names[row], mt_dtype_name(d), n, place))
                return;
}

static void test_blends(void)
{
    for (size_t t = 0; t < sizeof table_names / sizeof *table_names; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        for (int row = 0; k && row < MT_NUM_BLENDS; row++) {
            check_row(k, (mt_blend)row, MT_FLOAT32);
            check_row(k, (mt_blend)row, MT_FLOAT64);
        }
    }
}

/* f(x) of one float in gelu's row, against double. */
static void test_gelu(void)
{
    const mt_kernels *k = mt_kernels_named("baseline");
    for (int i = -1300; i <= 1300; i++) {
        float x = (float)i / 100, one = 1, y;
        char *const p[4] = {(char *)&y, (char *)&one, (char *)&x, (char *)&x};
        k->blend(MT_BLEND_gelu_erf, MT_FLOAT32, 1, p, parameters);
        const double cdf = 0.5 * erfc(-x * sqrt(0.5)), far = x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
        CHECK_THAT(fabs(y - (cdf + far)) <= 1e-5 * fabs(cdf + far) + 3e-7 * (x > -3), "gelu' %g",
                   x);
    }
}

int main(void)
{
    mt_kernels_init();
    RUN(test_blends);
    RUN(test_gelu);
    return mtest_done();
}
