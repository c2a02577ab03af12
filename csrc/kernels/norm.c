/* Rows brought to mean 0 and variance 1, and what comes after: layer,
 * group, instance and rms norms.
 *
 *     x^_j = (x_j - m) / sqrt(v + eps)    m the mean, v the variance of a row of n (or m = 0)
 *     y_j  = x^_j w_c + b_c                 c = ((row mod period) n + j) / inner
 *
 * The derivative of a row, with h_j = g_j w_c, is gx_j = (h_j - mean(h) - x^_j mean(h x^)) /
 * sqrt(v + eps) (uncentred: without mean(h)). Sums run in as many lanes on every instruction set, so all
 * give the same bits. Batch norm is by channels: kernels/channel_loops.h. Compiled once per
 * instruction set. Relies on kernels/norm_rows.h. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors wherever they pay, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "kernels/kernels.h"
#include "kernels/math.h"

enum { LANES = 16 };
/* Of several rows the same code: called, not repeated. */
#define MT_CALLED static __attribute__((noinline, unused))

#define T float
#define S f32
#include "kernels/norm_rows.h"
#include "kernels/channel_loops.h"

#define T double
#define S f64
#if defined(__GNUC__) && !defined(__clang__) /* of doubles only whole pieces: half the code */
#pragma GCC push_options
#pragma GCC optimize("vect-cost-model=very-cheap")
#endif
#include "kernels/norm_rows.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif
#include "kernels/channel_loops.h"

static void norm_rows(mt_dtype d, const mt_norm *p, int64_t from, int64_t to, void *out,
                      const void *x, const void *w, const void *b)
{
    for (int64_t r = from; r < to; r++) {
        if (d == MT_FLOAT32)
            norm_row_f32(p, r, (float *)out + r * p->n, (const float *)x + r * p->n, w, b);
        else
            norm_row_f64(p, r, (double *)out + r * p->n, (const double *)x + r * p->n, w, b);
    }
}

static void norm_rows_back(mt_dtype d, const mt_norm *p, int64_t from, int64_t to, void *gx,
                           void *gw, void *gb, const void *g, const void *x, const void *w)
{
    for (int64_t r = from; r < to; r++) {
        const int64_t at = r * p->n;
        if (d == MT_FLOAT32)
            back_row_f32(p, r, gx ? (float *)gx + at : NULL, gw, gb, (const float *)g + at,
                         (const float *)x + at, w);
        else
            back_row_f64(p, r, gx ? (double *)gx + at : NULL, gw, gb, (const double *)g + at,
                         (const double *)x + at, w);
    }
}

static void channel_moments(mt_dtype d, const mt_channels *p, int64_t from, int64_t to,
                            const void *x, void *mean, void *squares)
{
    if (d == MT_FLOAT32)
        channel_moments_f32(p, from, to, x, mean, squares);
    else
        channel_moments_f64(p, from, to, x, mean, squares);
}

static void channel_lines(mt_dtype d, const mt_channels *p, int64_t from, int64_t to, void *y,
                          const void *x, const void *alpha, const void *beta)
{
    if (d == MT_FLOAT32)
        channel_lines_f32(p, from, to, y, x, alpha, beta);
    else
        channel_lines_f64(p, from, to, y, x, alpha, beta);
}

static void channel_slopes(mt_dtype d, const mt_channels *p, int64_t from, int64_t to,
                           const void *g, const void *x, const void *mean, const void *scale,
                           void *gw, void *gb, void *gm, void *k)
{
    if (d == MT_FLOAT32)
        channel_slopes_f32(p, from, to, g, x, mean, scale, gw, gb, gm, k);
    else
        channel_slopes_f64(p, from, to, g, x, mean, scale, gw, gb, gm, k);
}

static void channel_back(mt_dtype d, const mt_channels *p, int64_t from, int64_t to, void *gx,
                         const void *g, const void *x, const void *mean, const void *scale,
                         const void *w, const void *gm, const void *k)
{
    if (d == MT_FLOAT32)
        channel_back_f32(p, from, to, gx, g, x, mean, scale, w, gm, k);
    else
        channel_back_f64(p, from, to, gx, g, x, mean, scale, w, gm, k);
}

void MT_ISA_NAME(mt_fill_norm)(mt_kernels *k)
{
    k->channel_moments = channel_moments;
    k->channel_lines = channel_lines;
    k->channel_slopes = channel_slopes;
    k->channel_back = channel_back;
    k->norm_rows = norm_rows;
    k->norm_rows_back = norm_rows_back;
}
