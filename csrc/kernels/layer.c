/* The layers of very small nets: y = x W^T + b and its derivatives with at most four inputs
 * and outputs, or eight of the one and some or eight of the other. There W fits into registers, and packing, blocks and calls would cost many times the
 * arithmetic. For every number of outputs n and of inputs k there are three functions, in which
 * both are constants; the body stands in kernels/layer_body.h.
 *
 * Terms are rounded before they are added, and added in the order in which PyTorch adds them: see
 * ops/slim_product.c, of which these are the cases where nothing is left to find out. They expect rows of
 * four or more numbers to begin at multiples of 16 bytes.
 * Relies on: kernels/kernels.h. Read next: kernels/gemm.c, for everything larger. */
#include "kernels/kernels.h"

#include <string.h>

/* Not for x86-64 processors of before 2013: their products are gemm.c's, and the wheel is a thirtieth smaller. */
#if defined(__x86_64__) && defined(MT_ISA_baseline)
void MT_ISA_NAME(mt_fill_layer)(mt_kernels *k) { (void)k; }
#else
/* Keeps a loop over rows as it is written: vectorised a second time, across rows, it would need
 * more instructions for its ends than for its work. */
#define KEEP(pointer) __asm__("" : "+r"(pointer))

/* Some of the lanes of two vectors, as many as one has. */
#if defined(__clang__)
#define SHUFFLE4(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define SHUFFLE8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE4(a, b, ...) __builtin_shuffle(a, b, (NAME(picks)){__VA_ARGS__})
#define SHUFFLE8(a, b, ...) __builtin_shuffle(a, b, (NAME(picks_8)){__VA_ARGS__})
#endif

#define NAME(x)    MT_CAT(x, SUFFIX) /* forward -> forward_f32 */
#define BODY(name) static inline __attribute__((always_inline)) void NAME(name)

/* The functions for n outputs and k inputs, and their entry in the table. */
#define LAYER(n, k)                                                                                \
    static void NAME(forward_##n##_##k)(int64_t m, const void *x, const void *w, const void *b,    \
                                        void *y)                                                   \
    {                                                                                              \
        NAME(forward)(n, k, m, x, w, b, y);                                                        \
    }                                                                                              \
    static void NAME(input_##n##_##k)(int64_t m, const void *g, const void *w, void *gx)           \
    {                                                                                              \
        NAME(input)(n, k, m, g, w, gx);                                                            \
    }                                                                                              \
    static void NAME(weight_##n##_##k)(int64_t m, const void *g, const void *x, void *gw,          \
                                       void *gb)                                                   \
    {                                                                                              \
        NAME(weight)(n, k, m, g, x, gw, gb);                                                       \
    }
#define ENTRY(n, k)                                                                                \
    table->layer[n - 1][k - 1][sizeof(T) / 8] =                                                    \
        (mt_layer){NAME(forward_##n##_##k), NAME(input_##n##_##k), NAME(weight_##n##_##k)};
#define EACH_INPUT(X, n) X(n, 1) X(n, 2) X(n, 3) X(n, 4)
#define NARROW(X)        EACH_INPUT(X, 1) EACH_INPUT(X, 2) EACH_INPUT(X, 3) EACH_INPUT(X, 4)
#define WIDE(X)          EACH_INPUT(X, 8) X(1, 8) X(2, 8) X(4, 8) X(8, 8)

#define T          float
#define INT        int32_t
#define LANES      4
#define SUFFIX     f32x4
#define EACH_LAYER NARROW
#include "kernels/layer_body.h"
#undef LANES
#undef SUFFIX
#undef EACH_LAYER
#define LANES      8
#define SUFFIX     f32x8
#define EACH_LAYER WIDE
#include "kernels/layer_body.h"
#undef T
#undef INT
#undef LANES
#undef SUFFIX
#undef EACH_LAYER

#define T          double
#define INT        int64_t
#define LANES      4
#define SUFFIX     f64x4
#define EACH_LAYER NARROW
#include "kernels/layer_body.h"
#undef LANES
#undef SUFFIX
#undef EACH_LAYER
#define LANES      8
#define SUFFIX     f64x8
#define EACH_LAYER WIDE
#include "kernels/layer_body.h"

void MT_ISA_NAME(mt_fill_layer)(mt_kernels *k)
{
    fill_f32x4(k);
    fill_f32x8(k);
    fill_f64x4(k);
    fill_f64x8(k);
}
#endif
