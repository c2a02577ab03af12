/* Matrix multiplication: C = A B, optionally added to C. BLIS in small.
 *
 * Note [Five loops]
 * The micro-kernel multiplies MR rows of A by NR columns of B and keeps that tile of C in registers
 * over up to KC steps of k. Around it (van Zee and van de Geijn, "BLIS: A Framework for Rapidly
 * Instantiating BLAS Functionality", ACM TOMS 41(3), 2015, figure 2):
 *
 *     for NC columns of B and C          a block of B that stays in L3
 *       for KC steps of k                -> pack B into panels of NR columns
 *         for MC rows of A and C         a block of A that stays in L2
 *                                        -> pack A into tiles of MR rows
 *           for NR columns               a panel of B that stays in L1
 *             for MR rows                the micro-kernel
 *
 * Packing makes what the micro-kernel reads contiguous. It is a decision, not a second kernel, for
 * the micro-kernel takes any element strides for A and any row stride for B. Rows are split evenly:
 * 64 rows are 13 + 13 + 13 + 13 + 12, as a tile of 8 would cost nearly as much as one of 14.
 *
 * The order of the additions in one element depends on k alone (see split_k for the one exception,
 * which depends on the shape), so results are the same for every number of threads.
 *
 * Compiled once per instruction set and, through gemm_body.h, once per element type.
 * Relies on: base/alloc.h, base/parallel.h. Read next: kernels/gemm_body.h. */
#include "kernels/kernels.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/parallel.h"

#include <string.h>

#if defined(MT_ISA_avx512)
#include "kernels/gemm_ukr_avx512.h"
#elif defined(MT_ISA_avx2)
#include "kernels/gemm_ukr_avx2.h"
#elif defined(MT_ISA_neon)
#include "kernels/gemm_ukr_neon.h"
#else
#include "kernels/gemm_ukr_baseline.h"
#endif

#define KC     192
#define LONG_K 1536 /* of a part, where k is cut for several threads */
#define NC     3072
#define MC     (14 * MR > 96 ? 14 * MR : 96)

#define TINY_B 1024 /* elements of B that fit the stack */

#define SERIAL_FLOPS          800000  /* below, waking threads costs more than they bring */
#define CHUNK_FLOPS           2000000 /* worth an own rectangle of C */
#define RECTANGLES_PER_THREAD 4
#define MAX_RECTANGLES        256

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Part i when n things are split into `parts` as evenly as possible: its first thing. */
static inline int64_t part_start(int64_t n, int64_t parts, int64_t i)
{
    return n / parts * i + min64(i, n % parts);
}

/* Into how many rectangles (rows x columns of them) a parallel multiplication cuts C. */
typedef struct grid {
    int64_t rows, columns;
} grid;

/* Cuts the longer side (in tiles) again and again until there are enough rectangles. */
static grid choose_grid(int64_t m, int64_t n, int64_t wanted, int64_t mr, int64_t nr)
{
    grid g = {1, 1};
    while (g.rows * g.columns < wanted) {
        int64_t height = m / g.rows, width = n / g.columns;
        bool can_rows = height >= 2 * mr, can_columns = width >= 2 * nr;
        if (!can_rows && !can_columns) break;
        if (can_rows && (height >= width || !can_columns))
            g.rows *= 2;
        else
            g.columns *= 2;
    }
    return g;
}

/* A stride at which the lines of a tile fall on few sets of the first cache. */
static inline bool aliases(int64_t stride, size_t itemsize)
{
    return stride != 0 && (stride * (int64_t)itemsize) % 2048 == 0;
}

#define NAME(x) MT_CAT(x, SUFFIX) /* gemm -> gemm_f32 */

#if defined(__clang__)
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (NAME(lanes)){i, j, k, l})
#endif
typedef int32_t lanes_f32 __attribute__((vector_size(16)));
typedef int64_t lanes_f64 __attribute__((vector_size(32)));

#define T      float
#define SUFFIX f32
#include "kernels/gemm_body.h"
#undef T
#undef SUFFIX

#define T      double
#define SUFFIX f64
#include "kernels/gemm_body.h"
#undef T
#undef SUFFIX

/* ---- integers -------------------------------------------------------------------------------- */

/* c += a b and d += a2 b, b of k rows, four of them together. */
static void add_products_i64(int64_t n, int64_t k, uint64_t *restrict c, uint64_t *restrict d,
                             const uint64_t *a, const uint64_t *a2, const uint64_t *b, int64_t row)
{
    for (int64_t l = 0; l < k; l += 4, b += 4 * row) {
        uint64_t x[4] = {0}, y[4] = {0};
        const uint64_t *line[4] = {b, b, b, b};
        for (int q = 0; q < 4 && l + q < k; q++) {
            x[q] = a[l + q];
            y[q] = a2[l + q];
            line[q] = b + q * row;
        }
        const uint64_t *b1 = line[1], *b2 = line[2], *b3 = line[3];
        for (int64_t j = 0; j < n; j++) {
            c[j] += x[0] * b[j] + x[1] * b1[j] + x[2] * b2[j] + x[3] * b3[j];
            d[j] += y[0] * b[j] + y[1] * b1[j] + y[2] * b2[j] + y[3] * b3[j];
        }
    }
}

void MT_ISA_NAME(mt_fill_gemm)(mt_kernels *k)
{
    k->add_products_i64 = add_products_i64;
    k->gemm_f32 = gemm_f32;
    k->gemm_f64 = gemm_f64;
}
