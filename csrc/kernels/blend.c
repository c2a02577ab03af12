/* Loops over contiguous floats that are no operators: gradients of activations in one pass, and
 * blends of up to three inputs, made of the rows of kernels/blend_rows.def. Every loop takes whole
 * blocks, and what is left over in a block of its own: of three instruction sets this is the smallest.
 * Relies on kernels/math.h. Read next: ops/pointwise.c (slope_fused), ops/blend.c. */
#include "kernels/kernels.h"
#include "kernels/math.h"

enum { BLOCK = 16 };

/* Where loops are no vectors all call the same, in place of copies of it. */
#if defined(__OPTIMIZE_SIZE__)
static __attribute__((noinline)) float called_exp(float x) { return exp_f32(x); }
static float called_sigmoid(float x) { return 1.0f / (1.0f + called_exp(-x)); }
#define exp_f32          called_exp
#define exp_negative_f32 called_exp
#define sigmoid_f32      called_sigmoid
#endif

/* t + x sigmoid(x) (1 - t^2) with t = tanh(softplus(x)) = n / (n + 2), n = e^x (e^x + 2); from e^20 on t is 1. */
MT_INLINE float mish_slope_f32(float x)
{
    const float e = exp_f32(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f), t = n / (n + 2.0f);
    return fma_f32(x * (e / (1.0f + e)), fma_f32(-t, t, 1.0f), t);
}
static double mish_slope_f64(double x)
{
    const double t = tanh(log1p(exp(x)));
    return t + x * sigmoid_f64(x) * (1 - t * t);
}
#define MISH_SLOPE(x) MT_CAT(mish_slope, S)(x)

/* Phi(x) + x phi(x), Phi the cdf of the normal distribution and phi its density. */
MT_INLINE float gelu_slope_f32(float x)
{
    float e;
    const float tail = normal_tail_f32(x, &e);
    return (x < 0.0f ? tail : 1.0f - tail) + x * (e * 0.39894228f);
}
static double gelu_slope_f64(double x)
{
    return normal_cdf_f64(x) + x * (exp(x * x * -0.5) * 0.39894228040143267794);
}
#define GELU_SLOPE(x) MT_CAT(gelu_slope, S)(x)

/* With t = tanh(u):  (1 + t) / 2 + x / 2 (1 - t^2) u'. */
#define GELU_TANH(S, T)                                                                            \
    MT_INLINE T gelu_tanh_slope_##S(T x)                                                           \
    {                                                                                              \
        const T s = (T)0.79788456080286535588, cubic = (T)0.044715, square = x * x;                \
        const T t = tanh_##S(s * fma_##S(cubic, square * x, x));                                   \
        const T bend = s * fma_##S(3 * cubic, square, 1);                                          \
        return (T)0.5 * (1 + t) + (T)0.5 * x * fma_##S(-t, t, 1) * bend;                           \
    }
GELU_TANH(f32, float)
GELU_TANH(f64, double)
#define GELU_TANH_SLOPE(x) MT_CAT(gelu_tanh_slope, S)(x)

/* n is a multiple of BLOCK. p: out and the inputs; a row of fewer than three does not read the others. */
typedef void (*block_loop)(int64_t n, char *const *p, const double *param);

#define LOOP(name, x, y, f)                                                                        \
    static void MT_CAT(name##_blend, S)(int64_t n, char *const *p, const double *param)            \
    {                                                                                              \
        const T P0 = (T)param[0], P1 = (T)param[1], P2 = (T)param[2];                              \
        T *const out = (T *)(void *)p[0];                                                          \
        const T *const in = (const T *)(const void *)p[1],                                         \
                       *const second = (const T *)(void *)p[2],                                    \
                       *const third = (const T *)(void *)p[3];                                     \
        MT_INDEPENDENT                                                                             \
        for (int64_t i = 0; i < (n & -BLOCK); i++) {                                               \
            const T x = in[i], y = second[i], z = third[i];                                        \
            (void)y, (void)z, (void)P0, (void)P1, (void)P2;                                        \
            out[i] = (T)(f);                                                                       \
        }                                                                                          \
    }

#define SLOPE(name, f) LOOP(name, g, x, f)
#define BLEND(name, f) LOOP(name, x, y, f)
#define T              float
#define S              f32
#include "kernels/blend_rows.def"
#undef T
#undef S

#define SLOPE(name, f) LOOP(name, g, x, f)
#define BLEND(name, f) LOOP(name, x, y, f)
#define T              double
#define S              f64
#include "kernels/blend_rows.def"
#undef T
#undef S

static const block_loop loops[MT_NUM_BLENDS][2] = {
#define SLOPE(name, ...) {name##_blend_f32, name##_blend_f64},
#define BLEND(name, ...) SLOPE(name)
#include "kernels/blend_rows.def"
};

static void blend(mt_blend which, mt_dtype d, int64_t n, char *const *p, const double *param)
{
    const block_loop loop = loops[which][d == MT_FLOAT64];
    const int64_t item = mt_dtype_size(d), whole = n & -BLOCK;
    const size_t rest = (size_t)((n - whole) * item);
    char block[4][BLOCK * sizeof(double)] = {{0}},
                          *last[4] = {block[0], block[1], block[2], block[3]};
    if (whole) loop(whole, p, param);
    if (!rest) return;
    for (int k = 1; k < 4; k++) memcpy(block[k], p[k] + whole * item, rest);
    loop(BLOCK, last, param);
    memcpy(p[0] + whole * item, block[0], rest);
}

void MT_ISA_NAME(mt_fill_blend)(mt_kernels *k) { k->blend = blend; }
