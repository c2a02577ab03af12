/* Softmax and log-softmax over rows and over columns, and their derivatives.
 *
 *     softmax      y_j = e^(x_j - m) / s,        m = max_i x_i,  s = sum_i e^(x_i - m)
 *     log-softmax  y_j = x_j - m - log s
 *
 * Subtracting the maximum keeps every power at most 1. A row of -inf alone gives NaN, as any row
 * with a NaN or with inf. Sums run in 16 lanes (shorter rows in turn) on every instruction set, so all give
 * the same bits, and with the rounding of e^x, log and the derivatives those of PyTorch on AVX-512. Columns are
 * summed from the top, 16 neighbours at once; what is left of a row has the library's e^x there, and here.
 * Read next: kernels/optim.c. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors wherever they pay, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "kernels/kernels.h"
#include "kernels/math.h"

enum { LANES = 16, PIECE = 256 };

typedef struct two {
    float x, y; /* the number is x + y, y being small */
} two;
static inline two add_two(float a, float b)
{
    const float s = a + b, v = s - a;
    return (two){s, (a - (s - v)) + (b - v)};
}

/* The logarithm of a sum of powers, at least 1 or NaN; 0.51 ulp. Arithmetic and constants of Sleef's logf with an
 * error below 1, which PyTorch takes here: log d = e ln 2 + 2 artanh z for z = (m - 1) / (m + 1) and d = 2^e m with
 * m in [3/4, 3/2), in floats of two parts. */
MT_INLINE float log_once_f32(float d)
{
    const uint32_t b = bits_f32(d * 1.33333337f) >> 23;
    const float e = (float)((int32_t)b - 127), m = d * from_bits_f32((254 - b) << 23);
    const two above = add_two(-1.0f, m), below = add_two(1.0f, m);
    const float t = 1.0f / below.x, q = above.x * t;
    const float rest = fma_f32(-below.y, t, fma_f32(-below.x, t, 1.0f));
    const two z = {q, fma_f32(q, rest, fma_f32(above.y, t, fma_f32(t, above.x, -q)))};
    const float zz = z.x * z.x;
    const float p = fma_f32(fma_f32(0.302729487f, zz, 0.399610817f), zz, 0.666669488f);
    const float ln2 = 0.693147182f, low = e * ln2;
    const two start = {low, fma_f32(-1.90465421e-9f, e, fma_f32(ln2, e, -low))};
    const float twice = z.x * 2.0f, sum = start.x + twice;
    const float carry = (((start.x - sum) + twice) + start.y) + z.y * 2.0f;
    const float cubic = zz * z.x * p, all = sum + cubic;
    const float y = all + (((sum - all) + cubic) + carry);
    return b >= 255 ? d : y; /* inf, NaN */
}
static double log_once_f64(double d) { return log(d); }

#define T           float
#define S           f32
#define ORDERED     int32_t
#define LIBRARY_EXP expf
#include "kernels/softmax_rows.h"

#define T           double
#define S           f64
#define ORDERED     int64_t
#define LIBRARY_EXP exp
#include "kernels/softmax_rows.h"

static void softmax(mt_dtype d, int64_t rows, int64_t n, void *out, const void *in, bool log)
{
    for (int64_t i = 0; i < rows; i++) {
        if (d == MT_FLOAT32)
            softmax_row_f32(n, (float *)out + i * n, (const float *)in + i * n, log);
        else
            softmax_row_f64(n, (double *)out + i * n, (const double *)in + i * n, log);
    }
}

static void softmax_backward(mt_dtype d, int64_t rows, int64_t n, void *gx, const void *g,
                             const void *y, bool log)
{
    for (int64_t i = 0; i < rows; i++) {
        const int64_t at = i * n;
        if (d == MT_FLOAT32)
            backward_row_f32(n, (float *)gx + at, (const float *)g + at, (const float *)y + at,
                             log);
        else
            backward_row_f64(n, (double *)gx + at, (const double *)g + at, (const double *)y + at,
                             log);
    }
}

static void softmax_columns(mt_dtype d, int64_t n, int64_t inner, int64_t from, int64_t to,
                            void *out, const void *g, const void *x, bool log)
{
    if (d == MT_FLOAT32)
        columns_f32(n, inner, from, to, out, g, x, log);
    else
        columns_f64(n, inner, from, to, out, g, x, log);
}

void MT_ISA_NAME(mt_fill_softmax)(mt_kernels *k)
{
    k->softmax_columns = softmax_columns;
    k->softmax = softmax;
    k->softmax_backward = softmax_backward;
}
