/* Softmax and log-softmax over rows, and their derivatives.
 *
 *     softmax      y_j = e^(x_j - m) / s,        m = max_i x_i,  s = sum_i e^(x_i - m)
 *     log-softmax  y_j = x_j - m - log s
 *
 * Subtracting the maximum keeps every power at most 1. A row of -inf alone gives NaN, as any row
 * with a NaN or with inf. Sums run in 16 lanes on every instruction set, so all give the same bits.
 * Read next: kernels/optim.c. */
#include "kernels/kernels.h"
#include "kernels/math.h"

enum { LANES = 16, PIECE = 256 };

#define T       float
#define S       f32
#define ORDERED int32_t
#include "kernels/softmax_rows.h"

#define T       double
#define S       f64
#define ORDERED int64_t
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

void MT_ISA_NAME(mt_fill_softmax)(mt_kernels *k)
{
    k->softmax = softmax;
    k->softmax_backward = softmax_backward;
}
