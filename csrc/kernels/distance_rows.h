/* Distances of one row to others: a template, included by distance.c for float and double; T and S as in
 * kernels/math.h. */

/* sum (a_k - b_k)^2 in as many lanes as 32 bytes have, in turn where there are fewer terms. Lanes of floats meet in
 * halves, those of doubles in turn. */
MT_INLINE T MT_CAT(squares, S)(int64_t m, const T *a, const T *b)
{
    enum { L = 32 / sizeof(T) };
    T lanes[L] = {0}, sum = 0;
    int64_t k = 0;
    if (m < L) {
        for (; k < m; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
        return sum;
    }
    for (; k + L <= m; k += L)
        for (int l = 0; l < L; l++) lanes[l] += (a[k + l] - b[k + l]) * (a[k + l] - b[k + l]);
    for (int l = 0; k + l < m; l++) lanes[l] += (a[k + l] - b[k + l]) * (a[k + l] - b[k + l]);
    if (sizeof(T) == sizeof(double)) return ((lanes[0] + lanes[1]) + lanes[2]) + lanes[3];
    for (int l = 0; l < L / 2; l++) lanes[l] += lanes[l + L / 2];
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

static void MT_CAT(distances, S)(int64_t rows, int64_t m, T *restrict out, const T *restrict a,
                                 const T *restrict b)
{
    for (int64_t j = 0; j < rows; j++) out[j] = MT_CAT(squares, S)(m, a, b + j * m);
    for (int64_t j = 0; j < rows; j++) out[j] = SQRT(out[j]);
}

static void MT_CAT(distances_back, S)(int64_t rows, int64_t m, int64_t w, T *restrict ga,
                                      T *restrict gb, const T *a, const T *b, const T *g,
                                      const T *far)
{
    for (int64_t j = 0; j < rows; j++) {
        if (far[j] == 0) continue;
        for (int64_t k = 0; k < w; k++) {
            const T slope = g[j] * (a[k] - b[j * m + k]) / far[j];
            ga[k] += slope;
            gb[j * m + k] -= slope;
        }
    }
}

#undef T
#undef S
