/* Sums of one floating type in PyTorch's order: a template, included once per type.
 *
 * A sum of floats depends on its order, and PyTorch's CPU order is the same on every x86 machine
 * (aten/src/ATen/native/cpu/SumKernel.cpp): rows of numbers are added one by one in groups of 16, the
 * sums of groups likewise, and so on for four levels, so that the rounding error grows with the
 * fourth root of the count (Higham, The accuracy of floating point summation, SIAM J. Sci. Comput.
 * 14(4), 1993). A row is four CHUNKs; a chunk is 32 bytes of neighbours, or one number. The same
 * order gives the same digits, where a sum that ought to be 0 is printed too.
 *
 * Expects T and S as kernels/math.h says. */
#ifndef MT_SUM_LOOPS_H
#define MT_SUM_LOOPS_H

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

enum {
    CHUNK_BYTES = 32,
    CHUNKS = 4,                          /* of a row: independent sums keep the adders busy */
    VECTORS = MT_SUM_ROW / VECTOR_BYTES, /* of a row, where chunks are neighbours too */
    SUM_GROUPS = 8 /* rows' worth of columns that go through the levels together */
};

/* The level up to which sums are complete after `rows` rows, a whole number of groups. */
static inline int complete_levels(int64_t rows, int power)
{
    int level = 1;
    while (level < MT_SUM_LEVELS - 1 && !(rows & (((INT64_C(1) << power) - 1) << level * power)))
        level++;
    return level;
}
#endif

enum { MT_CAT(CHUNK, S) = CHUNK_BYTES / sizeof(T), MT_CAT(WIDE, S) = MT_SUM_ROW / sizeof(T) };
typedef T MT_CAT(chunk, S) __attribute__((vector_size(CHUNK_BYTES), aligned(sizeof(T)), may_alias));
typedef T MT_CAT(vector, S)
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* The sums of `groups` (at most SUM_GROUPS) groups of N columns: sum[g N + k] is that over r of the V
 * at x + (g N + k) next + r row. V is a vector or a number. */
#define CASCADE(name, V, N)                                                                        \
    MT_INLINE void MT_CAT(name##_rows, S)(int64_t rows, V *sum, const char *x, int64_t row,        \
                                          int64_t next)                                            \
    {                                                                                              \
        V part[N];                                                                                 \
        for (int k = 0; k < N; k++) part[k] = (V){0};                                              \
        for (; rows > 0; rows--, x += row) {                                                       \
            for (int k = 0; k < N; k++) part[k] += *(const V *)(x + k * next);                     \
        }                                                                                          \
        for (int k = 0; k < N; k++) sum[k] = part[k];                                              \
    }                                                                                              \
    MT_INLINE void MT_CAT(name, S)(int64_t rows, int power, int groups, V *sum, const char *x,     \
                                   int64_t row, int64_t next)                                      \
    {                                                                                              \
        V level[MT_SUM_LEVELS - 1][SUM_GROUPS * N];                                                \
        const int64_t some = INT64_C(1) << power, whole = rows >> power << power;                  \
        const int all = groups * N;                                                                \
        if (whole)                                                                                 \
            for (int l = 0; l < MT_SUM_LEVELS - 1; l++)                                            \
                for (int k = 0; k < all; k++) level[l][k] = (V){0};                                \
        for (int64_t i = 0; i < whole; i += some, x += some * row) {                               \
            const int up = complete_levels(i + some, power);                                       \
            for (int k = 0; k < all; k += N) {                                                     \
                V part[N];                                                                         \
                MT_CAT(name##_rows, S)(some, part, x + k * next, row, next);                       \
                for (int c = 0; c < N; c++) level[0][k + c] += part[c];                            \
            }                                                                                      \
            for (int l = 1; l < up; l++)                                                           \
                for (int k = 0; k < all; k++)                                                      \
                    level[l][k] += level[l - 1][k], level[l - 1][k] = (V){0};                      \
        }                                                                                          \
        for (int k = 0; k < all; k += N)                                                           \
            MT_CAT(name##_rows, S)(rows - whole, sum + k, x + k * next, row, next);                \
        if (whole)                                                                                 \
            for (int l = 0; l < MT_SUM_LEVELS - 1; l++)                                            \
                for (int k = 0; k < all; k++) sum[k] += level[l][k];                               \
    }

/* sum[0] = the sum of n Vs, `row` bytes apart: every fourth by itself, then the four. */
#define BY_FOURTHS(name, V)                                                                        \
    CASCADE(name, V, CHUNKS)                                                                       \
    MT_INLINE void MT_CAT(name##_by_fourths, S)(int64_t n, V *sum, const char *x, int64_t row)     \
    {                                                                                              \
        MT_CAT(name, S)(n / CHUNKS, mt_sum_power(n / CHUNKS), 1, sum, x, CHUNKS * row, row);       \
        for (int64_t i = n / CHUNKS * CHUNKS; i < n; i++) sum[0] += *(const V *)(x + i * row);     \
        for (int k = 1; k < CHUNKS; k++) sum[0] += sum[k];                                         \
    }

CASCADE(cascade, MT_CAT(vector, S), VECTORS)
BY_FOURTHS(cascade_chunks, MT_CAT(chunk, S))
BY_FOURTHS(cascade_numbers, T)
#undef CASCADE
#undef BY_FOURTHS

/* The sum of n neighbours, sum[] being that of their whole rows. */
MT_INLINE T MT_CAT(close_sum, S)(int64_t n, MT_CAT(chunk, S) * sum, const T *x)
{
    const int64_t chunk = MT_CAT(CHUNK, S), whole = n / chunk * chunk;
    T total = 0;
    for (int64_t i = n / MT_CAT(WIDE, S) * MT_CAT(WIDE, S); i < whole; i += chunk)
        sum[0] += *(const MT_CAT(chunk, S) *)(x + i);
    for (int k = 1; k < CHUNKS; k++) sum[0] += sum[k];
    for (int64_t i = whole; i < n; i++) total += x[i];
    for (int k = 0; k < chunk; k++) total += sum[0][k];
    return total;
}
