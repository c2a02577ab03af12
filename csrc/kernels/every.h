/* Every first, second or n-th of many float32 as a vector. Not for the plain instruction set. */
#ifndef MT_KERNELS_EVERY_H
#define MT_KERNELS_EVERY_H

#include "kernels/math.h"

#if defined(MT_ISA_avx512) || defined(MT_ISA_avx2) || defined(MT_ISA_neon)
#ifdef MT_ISA_avx512
enum { LANES = 16 };
#define TURN 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31
#else
enum { LANES = 8 };
#define TURN 0, 1, 2, 3, 4, 5, 6, 7
#define EVEN 0, 2, 4, 6, 9, 11, 13, 15
#endif
typedef float many __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t many_ints __attribute__((vector_size(4 * LANES)));

/* x[0], x[apart], ...; reads nothing beyond the last. */
MT_INLINE many every(const float *x, int64_t apart)
{
    many v;
    if (apart == 1) return *(const many *)x;
    if (apart == 2) {
        const many a = *(const many *)x, b = *(const many *)(x + LANES - 1);
#ifdef __clang__
        return __builtin_shufflevector(a, b, EVEN);
#else
        return __builtin_shuffle(a, b, (many_ints){EVEN});
#endif
    }
    for (int i = 0; i < LANES; i++) v[i] = x[i * apart];
    return v;
}
#endif

#endif
