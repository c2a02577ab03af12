/* Losses of two contiguous tensors of one shape, one function for every row of loss.def and both
 * floating types: each element, the slope of each times a factor, and the sum.
 * Relies on kernels/math.h. Read next: ops/loss.c. */
#include "kernels/kernels.h"
#include "kernels/math.h"

/* The sum of a block is made in lanes of the element type, blocks are added in double: the rounding
 * of a long sum stays small. */
enum { BLOCK = 512, LANES = 8 };

/* x, but not less than this; NaN stays. */
MT_INLINE float at_least_f32(float least, float x) { return x < least ? least : x; }
MT_INLINE double at_least_f64(double least, double x) { return x < least ? least : x; }
#define AT_LEAST(least, x) MT_CAT(at_least, S)(least, x)

typedef struct loops {
    void (*each)(int64_t n, void *out, const void *x, const void *y, double number);
    void (*slope)(int64_t n, void *out, const void *x, const void *y, double number, double factor);
} loops;

#define EACH(f)                                                                                    \
    const T *const px = vx, *const py = vy, P0 = (T)number;                                        \
    T *const out = vout;                                                                           \
    (void)P0;                                                                                      \
    MT_INDEPENDENT                                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const T x = px[i], y = py[i];                                                              \
        out[i] = (T)(f);                                                                           \
    }
#define LOSS_LOOPS(name, f, df)                                                                    \
    static void MT_CAT(name##_each, S)(int64_t n, void *vout, const void *vx, const void *vy,      \
                                       double number)                                              \
    {                                                                                              \
        EACH(f)                                                                                    \
    }                                                                                              \
    static void MT_CAT(name##_slope, S)(int64_t n, void *vout, const void *vx, const void *vy,     \
                                        double number, double factor)                              \
    {                                                                                              \
        const T scale = (T)factor;                                                                 \
        EACH((df) * scale)                                                                         \
    }

/* ---- float32 and float64 --------------------------------------------------------------------- */
#define LOSS(kind, name, schema, f, df, ...) LOSS_LOOPS(name, f, df)
#define T                                    float
#define S                                    f32
#include "minitorch/loss.def"
#undef T
#undef S

#define LOSS(kind, name, schema, f, df, ...) LOSS_LOOPS(name, f, df)
#define T                                    double
#define S                                    f64
#include "minitorch/loss.def"
#undef T
#undef S

static const loops table[MT_NUM_LOSSES][2] = {
#define LOSS(kind, name, ...)                                                                      \
    {{name##_each_f32, name##_slope_f32}, {name##_each_f64, name##_slope_f64}},
#include "minitorch/loss.def"
};

#define SUM(S, T)                                                                                  \
    static double sum_##S(void (*each)(int64_t, void *, const void *, const void *, double),       \
                          int64_t n, const T *x, const T *y, double number)                        \
    {                                                                                              \
        double total = 0;                                                                          \
        for (int64_t at = 0; at < n; at += BLOCK) {                                                \
            T block[BLOCK], lane[LANES] = {0};                                                     \
            const int64_t m = n - at < BLOCK ? n - at : BLOCK;                                     \
            int64_t i = 0;                                                                         \
            each(m, block, x + at, y + at, number);                                                \
            for (; i + LANES <= m; i += LANES)                                                     \
                for (int k = 0; k < LANES; k++) lane[k] += block[i + k];                           \
            for (; i < m; i++) lane[0] += block[i];                                                \
            for (int k = 0; k < LANES; k++) total += lane[k];                                      \
        }                                                                                          \
        return total;                                                                              \
    }
SUM(f32, float)
SUM(f64, double)

static void each(mt_loss which, mt_dtype d, int64_t n, void *out, const void *x, const void *y,
                 double number)
{
    table[which][d == MT_FLOAT64].each(n, out, x, y, number);
}

static void slope(mt_loss which, mt_dtype d, int64_t n, void *out, const void *x, const void *y,
                  double number, double factor)
{
    table[which][d == MT_FLOAT64].slope(n, out, x, y, number, factor);
}

static double sum(mt_loss which, mt_dtype d, int64_t n, const void *x, const void *y, double number)
{
    return d == MT_FLOAT32 ? sum_f32(table[which][0].each, n, x, y, number)
                           : sum_f64(table[which][1].each, n, x, y, number);
}

void MT_ISA_NAME(mt_fill_loss)(mt_kernels *k)
{
    k->loss_each = each;
    k->loss_slope = slope;
    k->loss_sum = sum;
}
