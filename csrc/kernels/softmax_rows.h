/* One row of softmax: a template, included by softmax.c for float and double; T and S as in
 * kernels/math.h. The output may be the input, or any of the inputs. */

/* lanes[l] += x[l] + x[l + 16] + ...; all in lane 0 if a row has less than 16. */
MT_INLINE void MT_CAT(add_lanes, S)(int64_t n, bool few, T *restrict lanes, const T *restrict x)
{
    int64_t j = 0;
    if (few) {
        for (; j < n; j++) lanes[0] += x[j];
        return;
    }
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[j + l];
    for (int l = 0; j + l < n; l++) lanes[l] += x[j + l];
}
MT_INLINE T MT_CAT(fold, S)(T *lanes)
{
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/* A NaN may or may not become the maximum: either way some power is NaN, and so is their sum. */
static inline T MT_CAT(row_max, S)(int64_t n, const T *x)
{
    ORDERED best = MT_CAT(ordered, S)(x[0]);
    for (int64_t j = 1; j < n; j++) {
        const ORDERED k = MT_CAT(ordered, S)(x[j]);
        best = best > k ? best : k;
    }
    return MT_CAT(from_ordered, S)(best);
}

static void MT_CAT(softmax_row, S)(int64_t n, T *out, const T *x, bool log)
{
    if (n == 0) return;
    const T m = MT_CAT(row_max, S)(n, x);
    T lanes[LANES] = {0}, piece[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t some = n - i < PIECE ? n - i : PIECE;
        T *power = log ? piece : out + i;
        MT_INDEPENDENT
        for (int64_t j = 0; j < some; j++) power[j] = EXP_NEGATIVE(x[i + j] - m);
        MT_CAT(add_lanes, S)(some, n < LANES, lanes, power);
    }
    const T sum = MT_CAT(fold, S)(lanes);
    if (log) {
        const T log_sum = MT_CAT(log_once, S)(sum);
        MT_INDEPENDENT
        for (int64_t j = 0; j < n; j++) out[j] = (x[j] - m) - log_sum;
    } else {
        const T scale = 1 / sum;
        for (int64_t j = 0; j < n; j++) out[j] *= scale;
    }
}

/* softmax: gx_j = y_j (g_j - sum_i g_i y_i); log-softmax: gx_j = g_j - e^(y_j) sum_i g_i. */
static void MT_CAT(backward_row, S)(int64_t n, T *gx, const T *g, const T *y, bool log)
{
    const int64_t whole = n < LANES ? n : n / LANES * LANES;
    T lanes[LANES] = {0}, piece[PIECE];
    if (log) {
        MT_CAT(add_lanes, S)(n, n < LANES, lanes, g);
    } else {
        for (int64_t i = 0; i < whole; i += PIECE) {
            const int64_t some = whole - i < PIECE ? whole - i : PIECE;
            for (int64_t j = 0; j < some; j++) piece[j] = g[i + j] * y[i + j];
            MT_CAT(add_lanes, S)(some, n < LANES, lanes, piece);
        }
        for (int64_t j = whole; j < n; j++) lanes[j - whole] = FMA(g[j], y[j], lanes[j - whole]);
    }
    const T sum = MT_CAT(fold, S)(lanes);
    if (log) {
        MT_INDEPENDENT
        for (int64_t j = 0; j < n; j++) gx[j] = FMA(-EXP(y[j]), sum, g[j]);
    } else {
        MT_INDEPENDENT
        for (int64_t j = 0; j < n; j++) gx[j] = y[j] * (g[j] - sum);
    }
}

#undef T
#undef S
#undef ORDERED
