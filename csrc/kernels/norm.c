/* Rows brought to mean 0 and variance 1, and what comes after: layer,
 * group, instance and rms norms.
 *
 *     x^_j = (x_j - m) / sqrt(v + eps)    m the mean, v the variance of a row of n (or m = 0)
 *     y_j  = x^_j w_c + b_c                 c = ((row mod period) n + j) / inner
 *
 * The derivative of a row, with h_j = g_j w_c, is gx_j = (h_j - mean(h) - x^_j mean(h x^)) /
 * sqrt(v + eps) (uncentred: without mean(h)). Sums run in 16 lanes on every instruction set, so all
 * give the same bits. Compiled once per instruction set. Relies on kernels/norm_rows.h. */
#include "kernels/kernels.h"
#include "kernels/math.h"

enum { LANES = 16 };

#define T float
#define S f32
#include "kernels/norm_rows.h"

#define T double
#define S f64
#include "kernels/norm_rows.h"

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

void MT_ISA_NAME(mt_fill_norm)(mt_kernels *k)
{
    k->norm_rows = norm_rows;
    k->norm_rows_back = norm_rows_back;
}
