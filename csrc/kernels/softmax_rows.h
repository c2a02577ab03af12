/* One row of softmax: a template, included by softmax.c for float and double; T and S as in
 * kernels/math.h. The output may be the input, or any of the inputs. */

static inline T MT_CAT(row_max, S)(int64_t n, const T *x)
{
    T best[LANES];
    for (int l = 0; l < LANES; l++) best[l] = -(T)INFINITY;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; l++) best[l] = MAXIMUM(x[j + l], best[l]);
    for (int l = 0; j + l < n; l++) best[l] = MAXIMUM(x[j + l], best[l]);
    for (int l = 1; l < LANES; l++) best[0] = MAXIMUM(best[l], best[0]);
    return best[0];
}

static void MT_CAT(softmax_row, S)(int64_t n, T *out, const T *x, bool log)
{
    const T m = MT_CAT(row_max, S)(n, x);
    if (log) {
#define POWER(j) EXP(x[j] - m)
        SUM_LANES(sum, POWER)
#undef POWER
        const T log_sum = LOG(sum[0]);
        MT_INDEPENDENT
        for (int64_t j = 0; j < n; j++) out[j] = (x[j] - m) - log_sum;
        return;
    }
    MT_INDEPENDENT
    for (int64_t j = 0; j < n; j++) out[j] = EXP(x[j] - m);
#define POWER(j) out[j]
    SUM_LANES(sum, POWER)
#undef POWER
    const T scale = 1 / sum[0];
    for (int64_t j = 0; j < n; j++) out[j] *= scale;
}

/* softmax: gx_j = y_j (g_j - sum_i g_i y_i); log-softmax: gx_j = g_j - e^(y_j) sum_i g_i. */
static void MT_CAT(backward_row, S)(int64_t n, T *gx, const T *g, const T *y, bool log)
{
    if (log) {
#define TERM(j) g[j]
        SUM_LANES(sum, TERM)
#undef TERM
        const T s = sum[0];
        MT_INDEPENDENT
        for (int64_t j = 0; j < n; j++) gx[j] = g[j] - EXP(y[j]) * s;
    } else {
#define TERM(j) g[j] * y[j]
        SUM_LANES(sum, TERM)
#undef TERM
        const T s = sum[0];
        MT_INDEPENDENT
        for (int64_t j = 0; j < n; j++) gx[j] = y[j] * (g[j] - s);
    }
}

#undef T
#undef S
