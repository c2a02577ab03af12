/* Euclidean distances and their slopes, with PyTorch's order of operations.
 *
 *     d_j = sqrt(sum_k (a_k - b_jk)^2)        for the rows b_j of a matrix
 *     ga_k += s_jk, gb_jk -= s_jk             s_jk = g_j (a_k - b_jk) / d_j, nothing where d_j = 0
 *
 * Compiled once per instruction set; all give the same bits. Relies on kernels/distance_rows.h. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors wherever they pay, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "kernels/kernels.h"
#include "kernels/math.h"

#define T float
#define S f32
#include "kernels/distance_rows.h"

#define T double
#define S f64
#include "kernels/distance_rows.h"

static void distances(mt_dtype d, int64_t rows, int64_t m, void *out, const void *a, const void *b)
{
    if (d == MT_FLOAT32)
        distances_f32(rows, m, out, a, b);
    else
        distances_f64(rows, m, out, a, b);
}

static void distances_back(mt_dtype d, int64_t rows, int64_t m, int64_t w, void *ga, void *gb,
                           const void *a, const void *b, const void *g, const void *far)
{
    if (d == MT_FLOAT32)
        distances_back_f32(rows, m, w, ga, gb, a, b, g, far);
    else
        distances_back_f64(rows, m, w, ga, gb, a, b, g, far);
}

void MT_ISA_NAME(mt_fill_distance)(mt_kernels *k)
{
    k->distances = distances;
    k->distances_back = distances_back;
}
