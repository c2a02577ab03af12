/* One row of a norm: a template, included by norm.c for float and double; T
 * and S as in kernels/math.h. */

/* lane 0 = the sum of n lanes, halves added to halves. */
MT_INLINE T MT_CAT(fold, S)(int n, T *lanes)
{
    for (int width = n / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

static inline T MT_CAT(row_mean, S)(int64_t n, const T *x)
{
    T lanes[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[j + l];
    for (int l = 0; j + l < n; l++) lanes[l] += x[j + l];
    return MT_CAT(fold, S)(LANES, lanes) / (T)n;
}

/* The mean of (x - m)^2. */
static inline T MT_CAT(row_variance, S)(int64_t n, const T *x, T m)
{
    T lanes[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += (x[j + l] - m) * (x[j + l] - m);
    for (int l = 0; j + l < n; l++) lanes[l] += (x[j + l] - m) * (x[j + l] - m);
    return MT_CAT(fold, S)(LANES, lanes) / (T)n;
}

static inline void MT_CAT(row_moments, S)(const mt_norm *p, const T *x, T *m, T *scale)
{
    *m = p->centred ? MT_CAT(row_mean, S)(p->n, x) : 0;
    *scale = 1 / SQRT(MT_CAT(row_variance, S)(p->n, x, *m) + (T)p->eps);
}

/* A row falls into pieces with one weight each, or is one piece with a weight for every element. */
static inline int64_t MT_CAT(piece, S)(const mt_norm *p) { return p->inner == 1 ? p->n : p->inner; }

static void MT_CAT(norm_row, S)(const mt_norm *p, int64_t r, T *restrict out, const T *restrict x,
                                const T *restrict w, const T *restrict b)
{
    const int64_t base = r % p->period * p->n, step = MT_CAT(piece, S)(p);
    T m, scale;
    MT_CAT(row_moments, S)(p, x, &m, &scale);
    for (int64_t s = 0; s < p->n; s += step) {
        const int64_t c = (base + s) / p->inner;
        T *y = out + s;
        const T *from = x + s;
        for (int64_t j = 0; j < step; j++) y[j] = (from[j] - m) * scale;
        if (p->inner == 1) {
            if (w)
                for (int64_t j = 0; j < step; j++) y[j] *= w[c + j];
            if (b)
                for (int64_t j = 0; j < step; j++) y[j] += b[c + j];
            continue;
        }
        const T factor = w ? w[c] : 1, term = b ? b[c] : 0;
        for (int64_t j = 0; j < step; j++) y[j] = y[j] * factor + term;
    }
}

/* lanes += h and h x^ of a piece; w: a weight for every element, or NULL for the one factor. */
MT_INLINE void MT_CAT(back_sums, S)(int64_t n, const T *g, const T *x, const T *w, T factor, T m,
                                    T scale, T *h_lanes, T *hx_lanes)
{
    for (int64_t j = 0; j < n; j += LANES) {
        const int64_t some = n - j < LANES ? n - j : LANES;
        for (int64_t l = 0; l < some; l++) {
            const T h = g[j + l] * (w ? w[j + l] : factor);
            h_lanes[l] += h;
            hx_lanes[l] += h * ((x[j + l] - m) * scale);
        }
    }
}

/* gw += g x^ and gb += g of a piece: element by element, or all to one. */
MT_INLINE void MT_CAT(back_affine, S)(int64_t n, bool each, const T *g, const T *x, T m, T scale,
                                      T *gw, T *gb)
{
    if (each) {
        if (gw)
            for (int64_t j = 0; j < n; j++) gw[j] += g[j] * ((x[j] - m) * scale);
        if (gb)
            for (int64_t j = 0; j < n; j++) gb[j] += g[j];
        return;
    }
    T sum[LANES] = {0}, product[LANES] = {0};
    MT_CAT(back_sums, S)(n, g, x, NULL, 1, m, scale, sum, product);
    if (gw) *gw += MT_CAT(fold, S)(LANES, product);
    if (gb) *gb += MT_CAT(fold, S)(LANES, sum);
}

static void MT_CAT(back_row, S)(const mt_norm *p, int64_t r, T *restrict gx, T *gw, T *gb,
                                const T *restrict g, const T *restrict x, const T *restrict w)
{
    const int64_t base = r % p->period * p->n, step = MT_CAT(piece, S)(p);
    const bool each = p->inner == 1;
    T m, scale, h_lanes[LANES] = {0}, hx_lanes[LANES] = {0};
    MT_CAT(row_moments, S)(p, x, &m, &scale);
    for (int64_t s = 0; s < p->n; s += step) {
        const int64_t c = (base + s) / p->inner;
        MT_CAT(back_sums, S)
        (step, g + s, x + s, each && w ? w + c : NULL, !each && w ? w[c] : 1, m, scale, h_lanes,
         hx_lanes);
        if (gw || gb) MT_CAT(back_affine, S)
        (step, each, g + s, x + s, m, scale, gw ? gw + c : NULL, gb ? gb + c : NULL);
    }
    if (!gx) return;
    const T mean_h = p->centred ? MT_CAT(fold, S)(LANES, h_lanes) / (T)p->n : 0;
    const T mean_hx = MT_CAT(fold, S)(LANES, hx_lanes) / (T)p->n;
    for (int64_t s = 0; s < p->n; s += step) {
        const int64_t c = (base + s) / p->inner;
        const T *weight = each && w ? w + c : NULL, factor = !each && w ? w[c] : 1;
        for (int64_t j = s; j < s + step; j++) {
            const T h = g[j] * (weight ? weight[j - s] : factor);
            gx[j] = (h - mean_h - (x[j] - m) * scale * mean_hx) * scale;
        }
    }
}
