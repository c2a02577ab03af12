/* The channels of a contiguous batch (batch, channels, inner): a template, included by norm.c for
 * float and double after norm_rows.h; T and S as in kernels/math.h.
 *
 * Everything is added up and rounded as PyTorch does it (batch_norm_kernel.cpp), for the same digits:
 * moments in double, except where a channel is one number a row, and what goes with the gradient in
 * lanes of 32 bytes whose last, partial piece is added by fused multiply-adds. */
/* The sum in double of x, or of (x - m)^2. */
MT_INLINE double MT_CAT(plane_sum, S)(int64_t n, const T *x, bool square, T m)
{
    double lanes[LANES] = {0}, sum = 0;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += square ? (x[j + l] - m) * (x[j + l] - m) : x[j + l];
    for (; j < n; j++) lanes[0] += square ? (x[j] - m) * (x[j] - m) : x[j];
    for (int l = 0; l < LANES; l++) sum += lanes[l];
    return sum;
}

static void MT_CAT(channel_moments, S)(const mt_channels *p, int64_t from, int64_t to, const T *x,
                                       T *mean, T *squares)
{
    const int64_t row = p->channels * p->inner, count = p->batch * p->inner;
    if (p->inner == 1) {
        for (int64_t c = from; c < to; c++) mean[c] = squares[c] = 0;
        for (int64_t n = 0; n < p->batch; n++)
            for (int64_t c = from; c < to; c++) mean[c] += x[n * row + c];
        for (int64_t c = from; c < to; c++) mean[c] = (T)((double)mean[c] / (double)count);
        for (int64_t n = 0; n < p->batch; n++)
            for (int64_t c = from; c < to; c++) {
                const T d = x[n * row + c] - mean[c];
                squares[c] = FMA(d, d, squares[c]);
            }
        return;
    }
    for (int64_t c = from; c < to; c++) {
        double sum = 0, square = 0;
        for (int64_t n = 0; n < p->batch; n++)
            sum += MT_CAT(plane_sum, S)(p->inner, x + n * row + c * p->inner, false, 0);
        mean[c] = (T)(sum / (double)count);
        for (int64_t n = 0; n < p->batch; n++)
            square += MT_CAT(plane_sum, S)(p->inner, x + n * row + c * p->inner, true, mean[c]);
        squares[c] = (T)square;
    }
}

/* y = x alpha + beta, for images from..to of the batch. */
static void MT_CAT(channel_lines, S)(const mt_channels *p, int64_t from, int64_t to, T *restrict y,
                                     const T *restrict x, const T *restrict alpha,
                                     const T *restrict beta)
{
    for (int64_t n = from; n < to; n++) {
        T *out = y + n * p->channels * p->inner;
        const T *in = x + n * p->channels * p->inner;
        if (p->inner == 1) {
            for (int64_t c = 0; c < p->channels; c++) out[c] = FMA(in[c], alpha[c], beta[c]);
            continue;
        }
        for (int64_t c = 0; c < p->channels; c++, out += p->inner, in += p->inner)
            for (int64_t j = 0; j < p->inner; j++) out[j] = FMA(in[j], alpha[c], beta[c]);
    }
}

/* The sums of g and of (x - m) g over a plane. */
MT_INLINE void MT_CAT(plane_sums, S)(int64_t n, const T *g, const T *x, T m, T *sum, T *dot)
{
    enum { L = 32 / sizeof(T) };
    T s[L], d[L];
    int64_t j = L;
    if (n < L) {
        s[0] = g[0], d[0] = (x[0] - m) * g[0];
        for (j = 1; j < n; j++) s[0] += g[j], d[0] += (x[j] - m) * g[j];
        *sum = s[0], *dot = d[0];
        return;
    }
    for (int l = 0; l < L; l++) s[l] = g[l], d[l] = (x[l] - m) * g[l];
    for (; j + L <= n; j += L)
        for (int l = 0; l < L; l++) s[l] += g[j + l], d[l] += (x[j + l] - m) * g[j + l];
    for (int l = 0; j + l < n; l++) s[l] += g[j + l], d[l] = FMA(x[j + l] - m, g[j + l], d[l]);
    *sum = MT_CAT(fold, S)(L, s);
    *dot = MT_CAT(fold, S)(L, d);
}

/* For channels from..to: gb = sum(g), gw = sum((x - mean) g) scale, and what the way back to x needs,
 * gm = mean(g) and k = mean((x - mean) g) scale^2. */
static void MT_CAT(channel_slopes, S)(const mt_channels *p, int64_t from, int64_t to, const T *g,
                                      const T *x, const T *mean, const T *scale, T *gw, T *gb,
                                      T *gm, T *k)
{
    const int64_t row = p->channels * p->inner, count = p->batch * p->inner;
    for (int64_t c = from; c < to; c++) gb[c] = gw[c] = 0;
    for (int64_t n = 0; p->inner == 1 && n < p->batch; n++)
        for (int64_t c = from; c < to; c++) {
            gb[c] += g[n * row + c];
            gw[c] = FMA(x[n * row + c] - mean[c], g[n * row + c], gw[c]);
        }
    for (int64_t c = from; c < to; c++) {
        double sum = gb[c], dot = gw[c];
        for (int64_t n = 0; p->inner != 1 && n < p->batch; n++) {
            const int64_t at = n * row + c * p->inner;
            T s, d;
            MT_CAT(plane_sums, S)(p->inner, g + at, x + at, mean[c], &s, &d);
            sum += s, dot += d;
        }
        gb[c] = (T)sum;
        gw[c] = (T)(dot * (double)scale[c]);
        gm[c] = (T)(sum / (double)count);
        k[c] = (T)dot * scale[c] * scale[c] / (T)count;
    }
}

/* gx for images from..to of the batch; k NULL: mean and scale do not depend on x. */
static void MT_CAT(channel_back, S)(const mt_channels *p, int64_t from, int64_t to, T *restrict gx,
                                    const T *restrict g, const T *restrict x,
                                    const T *restrict mean, const T *restrict scale,
                                    const T *restrict w, const T *restrict gm, const T *restrict k)
{
    const int64_t images = p->inner == 1 ? to - from : (to - from) * p->channels;
    const int64_t run = p->inner == 1 ? p->channels : p->inner, at = from * p->channels * p->inner;
    for (int64_t i = 0; i < images; i++) {
        T *out = gx + at + i * run;
        const T *in = g + at + i * run, *value = x + at + i * run;
        const int64_t c = p->inner == 1 ? 0 : i % p->channels, each = p->inner == 1;
        if (!k)
            for (int64_t j = 0; j < run; j++)
                out[j] = in[j] * scale[c + j * each] * w[c + j * each];
        else if (each)
            for (int64_t j = 0; j < run; j++)
                out[j] = FMA(mean[j] - value[j], k[j], in[j] - gm[j]) * scale[j] * w[j];
        else
            for (int64_t j = 0; j < run; j++)
                out[j] = FMA(mean[c] - value[j], k[c], in[j] - gm[c]) * scale[c] * w[c];
    }
}

#undef T
#undef S
