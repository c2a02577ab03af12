/* One row of softmax, or a block of columns: a template, included by softmax.c for float and double; T and S as in
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

/* statement for each of w neighbouring columns, w a multiple of 16. */
#define FOR_COLUMNS(statement)                                                                     \
    for (int64_t i = 0; i < w; i += LANES) {                                                       \
        MT_INDEPENDENT                                                                             \
        for (int64_t j = i; j < i + LANES; j++) statement;                                         \
    }

/* w <= PIECE columns of n numbers each, one below the other with a row of `inner` between. Maxima, sums and results
 * go row by row, so each column is added up from the top. */
static void MT_CAT(softmax_block, S)(int64_t n, int64_t inner, int64_t w, T *out, const T *x,
                                     bool log)
{
    T most[PIECE], sum[PIECE], power[PIECE];
    FOR_COLUMNS((most[j] = (T)-INFINITY, sum[j] = 0))
    for (int64_t k = 0; k < n; k++) {
        const T *line = x + k * inner;
        FOR_COLUMNS(most[j] = line[j] > most[j] ? line[j] : most[j])
    }
    for (int64_t k = 0; k < n; k++) {
        const T *line = x + k * inner;
        T *to = log ? power : out + k * inner;
        FOR_COLUMNS(to[j] = EXP_NEGATIVE(line[j] - most[j]))
        FOR_COLUMNS(sum[j] += to[j])
    }
    if (log) FOR_COLUMNS(sum[j] = MT_CAT(log_once, S)(sum[j]))
    for (int64_t k = 0; k < n; k++) {
        const T *line = x + k * inner;
        T *to = out + k * inner;
        if (log)
            FOR_COLUMNS(to[j] = (line[j] - most[j]) - sum[j])
        else
            FOR_COLUMNS(to[j] /= sum[j])
    }
}

static void MT_CAT(backward_block, S)(int64_t n, int64_t inner, int64_t w, T *gx, const T *g,
                                      const T *y, bool log)
{
    T sum[PIECE];
    FOR_COLUMNS(sum[j] = 0)
    for (int64_t k = 0; k < n; k++) {
        const T *gk = g + k * inner, *yk = y + k * inner;
        if (log)
            FOR_COLUMNS(sum[j] += gk[j])
        else
            FOR_COLUMNS(sum[j] = FMA(gk[j], yk[j], sum[j]))
    }
    for (int64_t k = 0; k < n; k++) {
        const T *gk = g + k * inner, *yk = y + k * inner;
        T *to = gx + k * inner;
        if (log)
            FOR_COLUMNS(to[j] = FMA(-EXP(yk[j]), sum[j], gk[j]))
        else
            FOR_COLUMNS(to[j] = yk[j] * (gk[j] - sum[j]))
    }
}

/* The same of one column; e^x is the library's. */
static void MT_CAT(softmax_column, S)(int64_t n, int64_t inner, T *out, const T *x, bool log)
{
    T most = (T)-INFINITY, sum = 0;
    for (int64_t k = 0; k < n * inner; k += inner) most = x[k] > most ? x[k] : most;
    for (int64_t k = 0; k < n * inner; k += inner) {
        const T power = LIBRARY_EXP(x[k] - most);
        if (!log) out[k] = power;
        sum += power;
    }
    if (log) sum = MT_CAT(log_once, S)(sum);
    for (int64_t k = 0; k < n * inner; k += inner)
        out[k] = log ? (x[k] - most) - sum : out[k] / sum;
}

static void MT_CAT(backward_column, S)(int64_t n, int64_t inner, T *gx, const T *g, const T *y,
                                       bool log)
{
    T sum = 0;
    for (int64_t k = 0; k < n * inner; k += inner) sum = log ? sum + g[k] : FMA(g[k], y[k], sum);
    for (int64_t k = 0; k < n * inner; k += inner)
        gx[k] = log ? FMA(-LIBRARY_EXP(y[k]), sum, g[k]) : y[k] * (g[k] - sum);
}

/* Columns [from, to), in blocks that stay in the cache from one pass to the next: at most 2^15 numbers and
 * PIECE columns. */
static void MT_CAT(columns, S)(int64_t n, int64_t inner, int64_t from, int64_t to, T *out,
                               const T *g, const T *x, bool log)
{
    const int64_t whole = inner / LANES * LANES, end = to < whole ? to : whole;
    const int64_t fits = (1 << 15) / n / LANES * LANES;
    const int64_t most = fits < LANES ? LANES : fits < PIECE ? fits : PIECE;
    int64_t c = from;
    for (int64_t w; c < end; c += w) {
        w = end - c < most ? end - c : most;
        if (g)
            MT_CAT(backward_block, S)(n, inner, w, out + c, g + c, x + c, log);
        else
            MT_CAT(softmax_block, S)(n, inner, w, out + c, x + c, log);
    }
    for (; c < to; c++)
        if (g)
            MT_CAT(backward_column, S)(n, inner, out + c, g + c, x + c, log);
        else
            MT_CAT(softmax_column, S)(n, inner, out + c, x + c, log);
}

#undef FOR_COLUMNS
#undef LIBRARY_EXP
#undef T
#undef S
#undef ORDERED
