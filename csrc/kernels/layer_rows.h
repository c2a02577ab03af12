/* One row of a layer norm in PyTorch's order of operations, for its digits: a template, included by norm.c for float and
 * double; T, S, FMA as in kernels/math.h.
 *
 * Mean and variance of eight (four) lanes run along by Welford's recurrence for at most CHUNK vectors; what chunks give is
 * merged in pairs, pairs of pairs, ... (Welford, Technometrics 4(3), 1962; Chan, Golub & LeVeque, Am. Stat. 37(3), 1983),
 * then lanes after the elements that fill no vector. The way back is the line gx = a g w + b x + c, whose b and c come from
 * the sums of g w and g w x. Where a product and a sum are rounded once and where twice was found out from its results. */

#define L        (32 / (int64_t)sizeof(T))
#define lanes    MT_CAT(lanes, S)
#define FOR_L(i) for (int64_t i = 0; i < L; i++)

typedef T lanes __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));

/* c += a b, rounded once. (Vectors go by address: no call is left of these.) */
MT_INLINE void MT_CAT(add_product, S)(lanes *c, const lanes *a, const lanes *b)
{
    FOR_L(l)(*c)[l] = FMA((*a)[l], (*b)[l], (*c)[l]);
}

typedef struct MT_CAT(welford, S) {
    int64_t n; /* of every lane */
    lanes mean, squares;
} MT_CAT(welford, S);

static void MT_CAT(merge, S)(MT_CAT(welford, S) * to, const MT_CAT(welford, S) * from)
{
    const int64_t n = to->n + from->n;
    const T share = n ? (T)from->n / (T)n : 0;
    const lanes far = from->mean - to->mean, part = far * share, whole = far * (T)to->n;
    to->mean += part;
    to->squares += from->squares;
    MT_CAT(add_product, S)(&to->squares, &part, &whole);
    to->n = n;
}

/* `side` chunks of n vectors next to each other, which do not wait for each other. */
MT_INLINE void MT_CAT(chunks, S)(int side, int64_t n, const T *x, MT_CAT(welford, S) * to)
{
    lanes mean[SIDE] = {0}, squares[SIDE] = {0};
    for (int64_t j = 0; j < n; j++) {
        const lanes share = 1 / (T)(j + 1) + (lanes){0};
        _Pragma("GCC unroll 4") for (int s = 0; s < side; s++)
        {
            const T *at = x + (s * CHUNK + j) * L;
            const lanes in = *(const lanes *)(const void *)at;
            __builtin_prefetch(at + 2 * SIDE * CHUNK * L);
            const lanes far = in - mean[s];
            MT_CAT(add_product, S)(mean + s, &far, &share);
            const lanes rest = in - mean[s];
            MT_CAT(add_product, S)(squares + s, &far, &rest);
        }
    }
    _Pragma("GCC unroll 4") for (int s = 0; s < side; s++) to[s] =
        (MT_CAT(welford, S)){n, mean[s], squares[s]};
}

/* Adds chunk i to a stack of sums of 1, 2, 4, ... chunks. */
static void MT_CAT(push, S)(int64_t i, int depth, MT_CAT(welford, S) * stack,
                            const MT_CAT(welford, S) * chunk)
{
    MT_CAT(merge, S)(stack, chunk);
    int64_t mask = i + 1;
    for (int j = 1; j < depth && !(mask & 1); j++, mask >>= 1) {
        MT_CAT(merge, S)(stack + j, stack + j - 1);
        stack[j - 1] = (MT_CAT(welford, S)){0};
    }
}

static void MT_CAT(layer_moments, S)(const mt_norm *p, const T *x, T *mean, T *scale)
{
    const int64_t n = p->n / L, pieces = (n + CHUNK - 1) / CHUNK;
    int depth = 0;
    while ((int64_t)1 << depth < pieces) depth++;
    MT_CAT(welford, S) stack[DEPTH], side[SIDE];
    for (int j = 0; j <= depth; j++) stack[j] = (MT_CAT(welford, S)){0};
    for (int64_t i = 0; i < pieces;) {
        const bool whole = (i + SIDE) * CHUNK <= n;
        const int64_t left = n - i * CHUNK, length = whole || left > CHUNK ? CHUNK : left;
        if (whole)
            MT_CAT(chunks, S)(SIDE, CHUNK, x + i * CHUNK * L, side);
        else
            MT_CAT(chunks, S)(1, length, x + i * CHUNK * L, side);
        for (int s = 0; s < (whole ? SIDE : 1); s++, i++)
            MT_CAT(push, S)(i, depth, stack, side + s);
    }
    for (int j = 1; j < depth; j++) MT_CAT(merge, S)(stack, stack + j);
    T m = 0, squares = 0;
    int64_t count = 0;
    for (int64_t j = n * L; j < p->n; j++) {
        const T far = x[j] - m;
        m += far / (T)++count;
        squares += far * (x[j] - m);
    }
    for (int64_t l = 0; n && l < L; l++) {
        const T far = stack->mean[l] - m, share = (T)n / (T)(count + n);
        m = FMA(share, far, m);
        squares += FMA(far * far * share, (T)count, stack->squares[l]);
        count += n;
    }
    *mean = m;
    *scale = 1 / SQRT(squares / (T)p->n + (T)p->eps);
}

static void MT_CAT(layer_row, S)(const mt_norm *p, T *restrict out, const T *restrict x,
                                 const T *restrict w, const T *restrict b)
{
    T m, scale;
    MT_CAT(layer_moments, S)(p, x, &m, &scale);
    if (w && b)
        for (int64_t j = 0; j < p->n; j++) out[j] = FMA((x[j] - m) * scale, w[j], b[j]);
    else
        for (int64_t j = 0; j < p->n; j++)
            out[j] = (x[j] - m) * scale * (w ? w[j] : 1) + (b ? b[j] : 0);
}

/* Halves to halves of a full vector of floats; one after the other of less and of doubles. */
static T MT_CAT(add_lanes, S)(int64_t n, T *v)
{
    if (n == 8) return MT_CAT(fold, S)(8, v);
    for (int64_t l = 1; l < n; l++) v[0] += v[l];
    return v[0];
}

/* The sums of g w and g x w, and where there is no w of g and g x. What fills no vector is added rounded once. */
static void MT_CAT(layer_sums, S)(int64_t n, const T *g, const T *x, const T *w, T *gw, T *gxw)
{
    lanes sum = {0}, product = {0};
    int64_t j = 0;
    for (; j + L <= n; j += L) {
        const lanes gs = *(const lanes *)(const void *)(g + j);
        const lanes xs = *(const lanes *)(const void *)(x + j);
        lanes ws = 1 + (lanes){0};
        if (w) ws = *(const lanes *)(const void *)(w + j);
        sum += gs * ws;
        product += gs * xs * ws;
    }
    const int64_t few = n < L ? n : L;
    for (int64_t l = 0; j < n; j++, l++) {
        sum[l] = w ? FMA(g[j], w[j], sum[l]) : sum[l] + g[j];
        product[l] = w ? FMA(g[j] * x[j], w[j], product[l]) : FMA(g[j], x[j], product[l]);
    }
    *gw = MT_CAT(add_lanes, S)(few, (T *)&sum);
    *gxw = MT_CAT(add_lanes, S)(few, (T *)&product);
}

static void MT_CAT(layer_back, S)(const mt_norm *p, T *restrict gx, T *restrict gw, T *restrict gb,
                                  const T *restrict g, const T *restrict x, const T *restrict w)
{
    T m, a, sum, product;
    MT_CAT(layer_moments, S)(p, x, &m, &a);
    const T shift = -a * m;
    if (gw)
        for (int64_t j = 0; j < p->n; j++) gw[j] = FMA(g[j], FMA(a, x[j], shift), gw[j]);
    if (gb)
        for (int64_t j = 0; j < p->n; j++) gb[j] += g[j];
    if (!gx) return;
    MT_CAT(layer_sums, S)(p->n, g, x, w, &sum, &product);
    const T share = 1 / (T)p->n;
    const T b = FMA(sum, m, -product) * a * a * a * share, c = FMA(-b, m, -(sum * a * share));
    if (w)
        for (int64_t j = 0; j < p->n; j++) gx[j] = FMA(b, x[j], a * g[j] * w[j]) + c;
    else
        for (int64_t j = 0; j < p->n; j++) gx[j] = FMA(b, x[j], a * g[j]) + c;
}

#undef L
#undef lanes
#undef FOR_L
