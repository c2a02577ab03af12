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
#include "kernels/kernels.h"
#include "kernels/math.h"

#include <math.h>
#include <string.h>

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
enum { FEW = 32 }; /* windows of a pool at a time */

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

#define T         int64_t
#define S         i64
#define W         uint64_t
#define IS_NAN(x) false
#define LOWEST    INT64_MIN
#include "kernels/windows_loops.h"

#define BY_TYPE(d, name, ...)                                                                      \
    switch (d) {                                                                                   \
    case MT_FLOAT32:                                                                               \
        name##_f32(__VA_ARGS__);                                                                   \
        break;                                                                                     \
    case MT_FLOAT64:                                                                               \
        name##_f64(__VA_ARGS__);                                                                   \
        break;                                                                                     \
    default:                                                                                       \
        name##_i64(__VA_ARGS__);                                                                   \
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
    BY_TYPE(d, max_windows, p, out, index, in)
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
