/* One row of a norm: a template, included by norm.c for float and double; T
 * and S as in kernels/math.h. What is rounded when is PyTorch's choice, for the same digits. */

/* lane 0 = the sum of n lanes, halves added to halves. */
MT_INLINE T MT_CAT(fold, S)(int n, T *lanes)
{
    for (int width = n / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/* Lanes of 32 bytes, those of doubles added in turn. */
#define L ((int)(32 / sizeof(T)))
MT_INLINE T MT_CAT(fold_lanes, S)(T *lanes)
{
    if (sizeof(T) == sizeof(float)) return MT_CAT(fold, S)(L, lanes);
    return ((lanes[0] + lanes[1]) + lanes[2]) + lanes[3];
}

/* ---- mean and variance ----------------------------------------------------------------------- */

/* Of n numbers in each lane the mean and the sum of squared deviations. */
typedef struct MT_CAT(moments, S) {
    int64_t n;
    T mean[32 / sizeof(T)], squares[32 / sizeof(T)];
} MT_CAT(moments, S);

enum { MT_CAT(CHUNK, S) = 16, MT_CAT(LEVELS, S) = 64, MT_CAT(ABREAST, S) = 4 };
#define CHUNK   MT_CAT(CHUNK, S)
#define ABREAST MT_CAT(ABREAST, S)

/* Joins the moments of two sets of numbers (Chan, Golub and LeVeque 1979). */
MT_CALLED void MT_CAT(join, S)(const MT_CAT(moments, S) * from, MT_CAT(moments, S) * to)
{
    const int64_t n = from->n + to->n;
    const T share = n ? (T)from->n / (T)n : 0, before = (T)to->n;
    for (int l = 0; l < L; l++) {
        const T d = from->mean[l] - to->mean[l], step = share * d;
        to->squares[l] = FMA(d * before, step, to->squares[l] + from->squares[l]);
        to->mean[l] += step;
    }
    to->n = n;
}

/* Of `chunks` chunks of n times L numbers, abreast: each is a chain of additions (Welford 1962). */
MT_INLINE void MT_CAT(chunk_moments, S)(int chunks, int n, const T *x, MT_CAT(moments, S) * out)
{
    static const T part[] = {(T)1,      (T)1 / 2,  (T)1 / 3,  (T)1 / 4,  (T)1 / 5,  (T)1 / 6,
                             (T)1 / 7,  (T)1 / 8,  (T)1 / 9,  (T)1 / 10, (T)1 / 11, (T)1 / 12,
                             (T)1 / 13, (T)1 / 14, (T)1 / 15, (T)1 / 16};
    T mean[4][32 / sizeof(T)] = {{0}}, squares[4][32 / sizeof(T)] = {{0}};
    for (int j = 0; j < n; j++)
        for (int q = 0; q < chunks; q++)
            for (int l = 0; l < L; l++) {
                const T value = x[(q * CHUNK + j) * L + l], d = value - mean[q][l];
                mean[q][l] = FMA(d, part[j], mean[q][l]);
                squares[q][l] = FMA(d, value - mean[q][l], squares[q][l]);
            }
    for (int q = 0; q < chunks; q++) {
        out[q].n = n;
        for (int l = 0; l < L; l++) out[q].mean[l] = mean[q][l], out[q].squares[l] = squares[q][l];
    }
}

/* Chunk number i goes to level 0, two of a level to the next. */
MT_CALLED void MT_CAT(cascade, S)(int64_t i, int depth, const MT_CAT(moments, S) * chunk,
                                  MT_CAT(moments, S) * level)
{
    MT_CAT(join, S)(chunk, level);
    for (int j = 1; j < depth && ((i + 1) >> (j - 1) & 1) == 0; j++) {
        MT_CAT(join, S)(level + j - 1, level + j);
        level[j - 1] = (MT_CAT(moments, S)){.n = 0};
    }
}

MT_CALLED void MT_CAT(row_moments, S)(int64_t n, const T *x, T *mean, T *variance)
{
    MT_CAT(moments, S) level[MT_CAT(LEVELS, S)], chunk[ABREAST];
    const int64_t lines = n / L, chunks = (lines + CHUNK - 1) / CHUNK;
    int64_t i = 0, count = 0;
    int depth = 0;
    while (INT64_C(1) << depth < chunks) depth++;
    for (int j = 0; j < depth || j == 0; j++) level[j] = (MT_CAT(moments, S)){.n = 0};
    for (; (i + ABREAST) * CHUNK <= lines; i += ABREAST) {
        MT_CAT(chunk_moments, S)(ABREAST, CHUNK, x + i * CHUNK * L, chunk);
        for (int q = 0; q < ABREAST; q++) MT_CAT(cascade, S)(i + q, depth, chunk + q, level);
    }
    for (; i < chunks; i++) {
        const int64_t rest = lines - i * CHUNK;
        MT_CAT(chunk_moments, S)(1, rest < CHUNK ? (int)rest : CHUNK, x + i * CHUNK * L, chunk);
        MT_CAT(cascade, S)(i, depth, chunk, level);
    }
    for (int j = 1; j < depth; j++) MT_CAT(join, S)(level + j, level);
    T m = 0, squares = 0;
    for (int64_t k = lines * L; k < n; k++) {
        const T d = x[k] - m;
        m += d / (T)++count;
        squares += d * (x[k] - m);
    }
    for (int l = 0; l < L; l++, count += lines) {
        const T share = lines ? (T)lines / (T)(count + lines) : 0, d = level->mean[l] - m;
        squares += FMA(d * d * share, (T)count, level->squares[l]);
        m = FMA(share, d, m);
    }
    *mean = m;
    *variance = squares / (T)n;
}

/* ---- layer norm: a weight for every element -------------------------------------------------- */

static void MT_CAT(layer_row, S)(const mt_norm *p, int64_t c, T *restrict y, const T *restrict x,
                                 const T *restrict w, const T *restrict b)
{
    T m, v;
    MT_CAT(row_moments, S)(p->n, x, &m, &v);
    const T scale = 1 / SQRT(v + (T)p->eps);
    if (w && b)
        for (int64_t j = 0; j < p->n; j++) y[j] = FMA((x[j] - m) * scale, w[c + j], b[c + j]);
    else
        for (int64_t j = 0; j < p->n; j++) {
            const T normed = (x[j] - m) * scale;
            y[j] = w ? normed * w[c + j] : b ? normed + b[c + j] : normed;
        }
}

/* The sums of g w and of g x w (of g and of g x: plain). In turn where there are fewer than L; the last, partial piece
 * of products is added in one rounding, but of group norm's. */
MT_INLINE void MT_CAT(slope_sums, S)(int64_t n, bool plain, bool once, const T *g, const T *x,
                                     const T *w, T *sum, T *dot)
{
    T s[32 / sizeof(T)] = {0}, d[32 / sizeof(T)] = {0};
    int64_t j = 0;
    if (n < L) {
        for (; j < n; j++) {
            s[0] += plain ? g[j] : g[j] * w[j];
            d[0] += plain ? g[j] * x[j] : g[j] * x[j] * w[j];
        }
        *sum = s[0], *dot = d[0];
        return;
    }
    for (; j + L <= n; j += L)
        for (int l = 0; l < L; l++) {
            s[l] += plain ? g[j + l] : g[j + l] * w[j + l];
            d[l] += plain ? g[j + l] * x[j + l] : g[j + l] * x[j + l] * w[j + l];
        }
    for (int l = 0; j < n; j++, l++) {
        s[l] = plain ? s[l] + g[j] : FMA(g[j], w[j], s[l]);
        d[l] = plain && !once ? d[l] + g[j] * x[j]
                              : FMA(plain ? g[j] : g[j] * x[j], plain ? x[j] : w[j], d[l]);
    }
    *sum = MT_CAT(fold_lanes, S)(s);
    *dot = MT_CAT(fold_lanes, S)(d);
}
MT_CALLED void MT_CAT(plain_sums, S)(int64_t n, bool once, const T *g, const T *x, T *sum, T *dot)
{
    MT_CAT(slope_sums, S)(n, true, once, g, x, NULL, sum, dot);
}

static void MT_CAT(layer_back, S)(const mt_norm *p, int64_t c, T *restrict gx, T *restrict gw,
                                  T *restrict gb, const T *restrict g, const T *restrict x,
                                  const T *restrict w)
{
    const int64_t n = p->n;
    T m, v, sum, dot;
    MT_CAT(row_moments, S)(n, x, &m, &v);
    const T scale = 1 / SQRT(v + (T)p->eps), shift = -scale * m, share = (T)1 / (T)n;
    for (int64_t j = 0; gw && j < n; j++) gw[c + j] = FMA(g[j], FMA(scale, x[j], shift), gw[c + j]);
    for (int64_t j = 0; gb && j < n; j++) gb[c + j] += g[j];
    if (!gx) return;
    if (w)
        MT_CAT(slope_sums, S)(n, false, true, g, x, w + c, &sum, &dot);
    else
        MT_CAT(plain_sums, S)(n, true, g, x, &sum, &dot);
    const T k = FMA(sum, m, -dot) * scale * scale * scale * share;
    const T rest = FMA(-k, m, -(sum * scale * share));
    if (w)
        for (int64_t j = 0; j < n; j++) gx[j] = FMA(k, x[j], scale * g[j] * w[c + j]) + rest;
    else
        for (int64_t j = 0; j < n; j++) gx[j] = FMA(k, x[j], scale * g[j]) + rest;
}

/* ---- group norm: a weight for `inner` neighbours --------------------------------------------- */

MT_CALLED T MT_CAT(group_moments, S)(const mt_norm *p, const T *x, T *m)
{
    T v;
    MT_CAT(row_moments, S)(p->n, x, m, &v);
    return (T)(1 / sqrt((double)v + p->eps));
}

static void MT_CAT(group_row, S)(const mt_norm *p, int64_t c, T *restrict y, const T *restrict x,
                                 const T *restrict w, const T *restrict b)
{
    T m;
    const T scale = MT_CAT(group_moments, S)(p, x, &m);
    if (!w && !b) {
        for (int64_t j = 0; j < p->n; j++) y[j] = (x[j] - m) * scale;
        return;
    }
    for (int64_t s = 0; s < p->n; s += p->inner, c++) {
        const T factor = w ? scale * w[c] : scale, term = FMA(-factor, m, b ? b[c] : 0);
        for (int64_t j = s; j < s + p->inner; j++) y[j] = FMA(factor, x[j], term);
    }
}

/* A weighted sum over channels in turn: in lanes, and then in pieces of four and single ones. */
typedef struct MT_CAT(channel_sum, S) {
    T lanes[32 / sizeof(T)], sum;
} MT_CAT(channel_sum, S);
MT_CALLED void MT_CAT(add_channel, S)(MT_CAT(channel_sum, S) * s, int64_t i, int64_t n, T value,
                                      T weight)
{
    const int64_t whole = n / L * L, four = whole + (n - whole) / 4 * 4;
    if (i < whole) s->lanes[i % L] = FMA(value, weight, s->lanes[i % L]);
    if (i < whole ? i + 1 == whole : i == whole && whole == 0)
        for (int l = 0; l < L; l++) s->sum += s->lanes[l];
    if (i >= whole) s->sum = i < four ? s->sum + value * weight : FMA(value, weight, s->sum);
}

static void MT_CAT(group_back, S)(const mt_norm *p, int64_t c, T *restrict gx, T *gw, T *gb,
                                  const T *restrict g, const T *restrict x, const T *restrict w)
{
    const int64_t channels = p->n / p->inner;
    MT_CAT(channel_sum, S) sums = {.sum = 0}, dots = {.sum = 0};
    T m;
    const T scale = MT_CAT(group_moments, S)(p, x, &m), share = (T)1 / (T)p->n;
    for (int64_t i = 0; i < channels; i++) {
        T sum, dot;
        const int64_t at = i * p->inner;
        MT_CAT(plain_sums, S)(p->inner, false, g + at, x + at, &sum, &dot);
        MT_CAT(add_channel, S)(&sums, i, channels, sum, w ? w[c + i] : 1);
        MT_CAT(add_channel, S)(&dots, i, channels, dot, w ? w[c + i] : 1);
        if (gw) gw[c + i] = FMA(FMA(-sum, m, dot), scale, gw[c + i]);
        if (gb) gb[c + i] += sum;
    }
    if (!gx) return;
    const T k = FMA(sums.sum, m, -dots.sum) * scale * scale * scale * share;
    const T rest = FMA(-(sums.sum * scale), share, -k * m);
    for (int64_t s = 0; s < p->n; s += p->inner, c++) {
        const T factor = w ? scale * w[c] : scale;
        for (int64_t j = s; j < s + p->inner; j++) gx[j] = FMA(factor, g[j], k * x[j]) + rest;
    }
}

/* ---- rms norm: no mean, no bias -------------------------------------------------------------- */

MT_CALLED T MT_CAT(rms_scale, S)(const mt_norm *p, const T *x)
{
    T lanes[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= p->n; j += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[j + l] * x[j + l];
    for (int l = 0; j + l < p->n; l++) lanes[l] += x[j + l] * x[j + l];
    return 1 / SQRT(MT_CAT(fold, S)(LANES, lanes) / (T)p->n + (T)p->eps);
}

static void MT_CAT(rms_row, S)(const mt_norm *p, T *restrict y, const T *restrict x,
                               const T *restrict w)
{
    const T scale = MT_CAT(rms_scale, S)(p, x);
    for (int64_t j = 0; j < p->n; j++) y[j] = x[j] * scale;
    for (int64_t j = 0; w && j < p->n; j++) y[j] *= w[j];
}

static void MT_CAT(rms_back, S)(const mt_norm *p, T *restrict gx, T *restrict gw,
                                const T *restrict g, const T *restrict x, const T *restrict w)
{
    const T scale = MT_CAT(rms_scale, S)(p, x);
    T lanes[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= p->n; j += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += g[j + l] * (w ? w[j + l] : 1) * (x[j + l] * scale);
    for (int l = 0; j < p->n; j++, l++) lanes[l] += g[j] * (w ? w[j] : 1) * (x[j] * scale);
    for (j = 0; gw && j < p->n; j++) gw[j] += g[j] * (x[j] * scale);
    if (!gx) return;
    const T mean = MT_CAT(fold, S)(LANES, lanes) / (T)p->n;
    for (j = 0; j < p->n; j++) gx[j] = (g[j] * (w ? w[j] : 1) - x[j] * scale * mean) * scale;
}

/* ---- rows from..to --------------------------------------------------------------------------- */

static void MT_CAT(norm_row, S)(const mt_norm *p, int64_t r, T *y, const T *x, const T *w,
                                const T *b)
{
    const int64_t c = r % p->period * p->n / p->inner;
    if (!p->centred)
        MT_CAT(rms_row, S)(p, y, x, w);
    else if (p->inner == 1)
        MT_CAT(layer_row, S)(p, c, y, x, w, b);
    else
        MT_CAT(group_row, S)(p, c, y, x, w, b);
}

static void MT_CAT(back_row, S)(const mt_norm *p, int64_t r, T *gx, T *gw, T *gb, const T *g,
                                const T *x, const T *w)
{
    const int64_t c = r % p->period * p->n / p->inner;
    if (!p->centred)
        MT_CAT(rms_back, S)(p, gx, gw, g, x, w);
    else if (p->inner == 1)
        MT_CAT(layer_back, S)(p, c, gx, gw, gb, g, x, w);
    else
        MT_CAT(group_back, S)(p, c, gx, gw, gb, g, x, w);
}
#undef L
#undef CHUNK
#undef ABREAST
