/* Losses of two contiguous tensors of one shape, one function for every row of loss.def and both
 * floating types: each element, the slope of each times a factor, and the sum, which is that of the
 * elements in the order of kernels/sum_loops.h. Relies on kernels/math.h. Read next: ops/loss.c. */
#include "kernels/kernels.h"
#include "kernels/math.h"

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
#include "kernels/loss_loops.h"
#undef T
#undef S

#define LOSS(kind, name, schema, f, df, ...) LOSS_LOOPS(name, f, df)
#define T                                    double
#define S                                    f64
#include "minitorch/loss.def"
#include "kernels/loss_loops.h"
#undef T
#undef S

static const loops table[MT_NUM_LOSSES][2] = {
#define LOSS(kind, name, ...)                                                                      \
    {{name##_each_f32, name##_slope_f32}, {name##_each_f64, name##_slope_f64}},
#include "minitorch/loss.def"
};

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

static void sum(mt_loss which, mt_dtype d, int64_t n, void *out, const void *x, const void *y,
                double number)
{
    if (d == MT_FLOAT32)
        sum_f32(table[which][0].each, n, out, x, y, number);
    else
        sum_f64(table[which][1].each, n, out, x, y, number);
}

void MT_ISA_NAME(mt_fill_loss)(mt_kernels *k)
{
    k->loss_each = each;
    k->loss_slope = slope;
    k->loss_sum = sum;
}
