/* Windows that slide over an image: what convolutions and pools are made of.
 *
 * An image is (channels, d, h, w), contiguous; one- and two-dimensional images have
 * leading sizes of 1. The window at output place (od, oh, ow) covers the input places
 * o * stride - pad + k * dilation, k = 0 .. kernel - 1, in each dimension; those
 * outside the image are the padding.
 *
 *     im2col   columns[(c, kd, kh, kw), o] = image[c, place of o and k], 0 in the padding
 *     col2im   the transpose: image[c, place] += columns[(c, kd, kh, kw), o]
 *
 * so that a convolution is a matrix product with the columns, and its gradients are two more
 * (Chellapilla, Puri and Simard 2006). Pools take the largest or the sum of a window, whose ends
 * along each dimension stand in tables. Compiled once per instruction set. Relies on
 * kernels/windows_loops.h. Read next: ops/conv.c. */
#include "kernels/every.h"
#include "kernels/kernels.h"
#include "kernels/math.h"

#include <math.h>
#include <string.h>

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Places [*lo, *hi) of a line of n outputs fall inside the input:
 * 0 <= o * stride + start < size. */
static inline void inside(int64_t n, int64_t start, int64_t stride, int64_t size, int64_t *lo,
                          int64_t *hi)
{
    *lo = start >= 0 ? 0 : min64(n, (-start + stride - 1) / stride);
    *hi = start >= size ? 0 : min64(n, (size - 1 - start) / stride + 1);
    *hi = max64(*lo, *hi);
}

#define T         float
#define S         f32
#define W         float
#define IS_NAN(x) ((x) != (x))
#define LOWEST    (-INFINITY)
#include "kernels/windows_loops.h"

#define T         double
#define S         f64
#define W         double
#define IS_NAN(x) ((x) != (x))
#define LOWEST    (-INFINITY)
#include "kernels/windows_loops.h"

#ifndef MT_ISA_BELOW /* Note [What AVX-512 leaves to AVX2] */
#define T         int64_t
#define S         i64
#define W         uint64_t
#define IS_NAN(x) false
#define LOWEST    INT64_MIN
#include "kernels/windows_loops.h"
#endif

#ifndef MT_ISA_baseline
/* As many even windows of a line in float32 at a time as a vector has lanes. */
MT_INLINE void largest_many(const mt_pool *p, const float *in, const int64_t *s0, const int64_t *s1,
                            const int64_t *s2, int64_t apart, float *out, int64_t *index)
{
    const many_ints turn = {TURN};
    const many_ints from = turn * (int32_t)apart;
    many y = (many){0} - INFINITY;
    many_ints best = from + (int32_t)((s0[0] * p->in[1] + s1[0]) * p->in[2] + s2[0]);
    for (int64_t i0 = s0[0]; i0 < s0[1]; i0 += p->step[0])
        for (int64_t i1 = s1[0]; i1 < s1[1]; i1 += p->step[1])
            for (int64_t i2 = s2[0]; i2 < s2[1]; i2 += p->step[2]) {
                const int64_t at = (i0 * p->in[1] + i1) * p->in[2] + i2;
                const many v = every(in + at, apart);
                const many_ints better = (v > y) | (v != v);
                y = (many)((better & (many_ints)v) | (~better & (many_ints)y));
                best = (better & (from + (int32_t)at)) | (~better & best);
            }
    *(many *)out = y;
    for (int i = 0; i < LANES && index; i++) index[i] = best[i];
}

static void largest_line(const mt_pool *p, const float *in, const int64_t *s0, const int64_t *s1,
                         float *out, int64_t *index)
{
    for (int64_t o = p->even[0]; o < p->even[1]; o += LANES) {
        o = min64(o, p->even[1] - LANES); /* some of them twice */
        const int64_t *s2 = &p->span[2][2 * o], apart = p->even[2];
        int64_t *to = index ? index + o : NULL;
        if (apart == 2)
            largest_many(p, in, s0, s1, s2, 2, out + o, to);
        else if (apart == 1)
            largest_many(p, in, s0, s1, s2, 1, out + o, to);
        else
            largest_many(p, in, s0, s1, s2, apart, out + o, to);
    }
}

#ifdef MT_ISA_BELOW /* has shorter vectors, for shorter lines */
enum { FEWEST = LANES };
#define short_line(...) false
#else
enum { FEWEST = 3 };
/* A line of fewer even outputs than lanes. False, and nothing is done, if they are not two elements apart, or too few
 * stand behind them for the other lanes. */
static __attribute__((noinline)) bool short_line(const mt_pool *p, const float *in,
                                                 const int64_t *s0, const int64_t *s1, float *out,
                                                 int64_t *index)
{
    const int64_t from = p->even[0], n = p->even[1] - from, apart = p->even[2];
    const int64_t last = ((s0[1] - 1) * p->in[1] + s1[1] - 1) * p->in[2] +
                         p->span[2][2 * from + 1] - 1 + (LANES - 1) * apart;
    float y[LANES];
    int64_t at[LANES];
    if (apart != 2 || last >= p->in[0] * p->in[1] * p->in[2]) return false;
    largest_many(p, in, s0, s1, &p->span[2][2 * from], 2, y, index ? at : NULL);
    memcpy(out + from, y, (size_t)n * sizeof *y);
    if (index) memcpy(index + from, at, (size_t)n * sizeof *at);
    return true;
}
#endif

static void max_windows_even(const mt_pool *p, float *out, int64_t *index, const float *in)
{
    const int64_t n = p->out[2];
    const bool few = p->even[1] - p->even[0] < LANES;
    for (int64_t l = 0; l < p->out[0] * p->out[1]; l++, out += n) {
        const int64_t *s0 = &p->span[0][2 * (l / p->out[1])],
                      *s1 = &p->span[1][2 * (l % p->out[1])];
        int64_t from = p->even[0], to = p->even[1];
        if (!few)
            largest_line(p, in, s0, s1, out, index);
        else if (!short_line(p, in, s0, s1, out, index))
            from = to = 0;
        for (int64_t o = from ? 0 : to; o < n; o = o + 1 == from ? to : o + 1) {
            const int64_t at = largest_at_f32(p, in, s0, s1, &p->span[2][2 * o]);
            out[o] = in[at];
            if (index) index[o] = at;
        }
        if (index) index += n;
    }
}
#endif

#ifdef MT_ISA_BELOW
#define BELOW                  MT_CAT(mt_kernels_table, MT_ISA_BELOW)()
#define INTEGERS(d, name, ...) BELOW->name(d, __VA_ARGS__)
#else
#define INTEGERS(d, name, ...) name##_i64(__VA_ARGS__)
#endif
#define BY_TYPE(d, name, ...)                                                                      \
    switch (d) {                                                                                   \
    case MT_FLOAT32:                                                                               \
        name##_f32(__VA_ARGS__);                                                                   \
        break;                                                                                     \
    case MT_FLOAT64:                                                                               \
        name##_f64(__VA_ARGS__);                                                                   \
        break;                                                                                     \
    default:                                                                                       \
        INTEGERS(d, name, __VA_ARGS__);                                                            \
        break;                                                                                     \
    }

static void im2col(mt_dtype d, const mt_windows *w, int64_t from, int64_t to, void *columns,
                   const void *image)
{
    BY_TYPE(d, im2col, w, from, to, columns, image)
}

static void col2im(mt_dtype d, const mt_windows *w, int64_t from, int64_t to, void *image,
                   const void *columns)
{
    BY_TYPE(d, col2im, w, from, to, image, columns)
}

static void max_windows(mt_dtype d, const mt_pool *p, void *out, int64_t *index, const void *in)
{
#ifndef MT_ISA_baseline
    if (d == MT_FLOAT32 && p->even[1] - p->even[0] >= FEWEST) {
        max_windows_even(p, out, index, in);
        return;
    }
#endif
#ifdef MT_ISA_BELOW
    BELOW->max_windows(d, p, out, index, in);
#else
    BY_TYPE(d, max_windows, p, out, index, in)
#endif
}

static void mean_windows(mt_dtype d, const mt_pool *p, void *out, const void *in)
{
    BY_TYPE(d, mean_windows, p, out, in)
}

static void mean_windows_back(mt_dtype d, const mt_pool *p, void *in, const void *out)
{
    BY_TYPE(d, mean_windows_back, p, in, out)
}

void MT_ISA_NAME(mt_fill_windows)(mt_kernels *k)
{
    k->im2col = im2col;
    k->col2im = col2im;
    k->max_windows = max_windows;
    k->mean_windows = mean_windows;
    k->mean_windows_back = mean_windows_back;
}
