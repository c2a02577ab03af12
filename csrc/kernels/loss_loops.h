/* The sum of the elements of a loss: a template, included by loss.c once per floating type.
 * Expects T and S as kernels/math.h says. */
#include "kernels/sum_loops.h"

/* The elements are made a group of rows at a time; n is at most MT_LOSS_MOST. */
static void MT_CAT(sum, S)(void (*each)(int64_t, void *, const void *, const void *, double),
                           int64_t n, T *out, const T *x, const T *y, double number)
{
    enum { GROUP = 16, WIDE = MT_CAT(WIDE, S), BLOCK = GROUP * WIDE };
    MT_CAT(vector, S) level[MT_SUM_LEVELS - 1][VECTORS], sum[VECTORS];
    T block[BLOCK];
    int64_t at = 0;
    if (n < MT_CAT(CHUNK, S)) {
        T four[CHUNKS];
        each(n, block, x, y, number);
        MT_CAT(cascade_numbers_by_fourths, S)(n, four, (const char *)block, sizeof(T));
        *out = four[0];
        return;
    }
    if (n == MT_CAT(CHUNK, S)) { /* the batch of a first example: a short way to the same */
        T total = 0;
        each(n, block, x, y, number);
        for (int k = 0; k < MT_CAT(CHUNK, S); k++) total += block[k];
        *out = total;
        return;
    }
    const int power = mt_sum_power(n / WIDE);
    memset(level, 0, sizeof level);
    for (; n - at >= BLOCK; at += BLOCK) {
        const int up = complete_levels((at + BLOCK) / WIDE, power);
        each(BLOCK, block, x + at, y + at, number);
        MT_CAT(cascade_rows, S)
        (GROUP, sum, (const char *)block, MT_SUM_ROW, VECTOR_BYTES);
        for (int k = 0; k < VECTORS; k++) level[0][k] += sum[k];
        for (int l = 1; l < up; l++)
            for (int k = 0; k < VECTORS; k++)
                level[l][k] += level[l - 1][k], level[l - 1][k] = (MT_CAT(vector, S)){0};
    }
    each(n - at, block, x + at, y + at, number);
    MT_CAT(cascade_rows, S)
    ((n - at) / WIDE, sum, (const char *)block, MT_SUM_ROW, VECTOR_BYTES);
    for (int l = 0; l < MT_SUM_LEVELS - 1; l++)
        for (int k = 0; k < VECTORS; k++) sum[k] += level[l][k];
    *out = MT_CAT(close_sum, S)(n - at, (MT_CAT(chunk, S) *)sum, block);
}
