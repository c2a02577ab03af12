/* The body of layer.c for one element type T and rows of up to LANES numbers. n outputs and k inputs
 * are constants where these are inlined, so that small arrays live in registers and loops over them
 * vanish. */

/* Before a loop over the elements of small arrays: they become registers only if it vanishes early.
 * The plain kernels are small rather than fast. */
#if defined(MT_ISA_baseline)
#define ALL
#else
#define ALL _Pragma("GCC unroll 8")
#endif

#define row NAME(row)
typedef T row __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias));

/* The first n <= LANES elements; what lies beyond them is not touched. A whole row is one access:
 * GCC copies 32 bytes in halves, and 12 in pieces, by way of the stack. */
#define LOAD(from, n)                                                                              \
    ({                                                                                             \
        row row_ = {0};                                                                            \
        if ((n) == LANES)                                                                          \
            row_ = *(const row *)(const void *)(from);                                             \
        else if ((n) == 3)                                                                         \
            row_ = (row){(from)[0], (from)[1], (from)[2]};                                         \
        else                                                                                       \
            memcpy(&row_, from, (size_t)(n) * sizeof(T));                                          \
        row_;                                                                                      \
    })
#define STORE(to, value, n)                                                                        \
    do {                                                                                           \
        if ((n) == LANES)                                                                          \
            *(row *)(void *)(to) = value;                                                          \
        else                                                                                       \
            memcpy(to, &(value), (size_t)(n) * sizeof(T));                                         \
    } while (0)

/* y = x W^T + b: a row of y is b and, for each input, that times a column of W. */
BODY(forward)(int n, int k, int64_t m, const T *x, const T *w, const T *b, T *y)
{
    if (n == 1) {
        T v[LANES], start = b ? *b : 0;
        ALL for (int q = 0; q < k; q++) v[q] = w[q];
        for (; m > 0; m--, x += k, y++) {
            T s = start;
            ALL for (int q = 0; q < k; q++) s += x[q] * v[q];
            *y = s;
            KEEP(x);
        }
        return;
    }
    row column[LANES], start = {0};
    if (b) start = LOAD(b, n);
    for (int q = 0; q < k; q++) {
        column[q] = (row){0};
        for (int j = 0; j < n; j++) column[q][j] = w[j * k + q];
    }
    for (; m > 0; m--, x += k, y += n) {
        row s = start;
        for (int q = 0; q < k; q++) s += column[q] * x[q];
        STORE(y, s, n);
        KEEP(x);
    }
}

/* gx = g W: a row of gx is the sum of the rows of W, each times its output's gradient. */
BODY(input)(int n, int k, int64_t m, const T *g, const T *w, T *gx)
{
    row line[LANES];
    ALL for (int j = 0; j < n; j++) line[j] = LOAD(w + j * k, k);
    for (; m > 0; m--, g += n, gx += k) {
        row s = line[0] * g[0];
        ALL for (int j = 1; j < n; j++) s += line[j] * g[j];
        STORE(gx, s, k);
        KEEP(g);
    }
}

/* gw = g^T x and gb = the sum of the rows of g, in one pass: by columns of gw or by rows of it,
 * whichever are fewer. */
BODY(weight)(int n, int k, int64_t m, const T *g, const T *x, T *gw, T *gb)
{
    row sum[LANES], bias = {0};
    ALL for (int i = 0; i < (n > k ? k : n); i++) sum[i] = (row){0};
    if (n > k) {
        for (; m > 0; m--, g += n, x += k) {
            row v = LOAD(g, n);
            ALL for (int q = 0; q < k; q++) sum[q] += v * x[q];
            bias += v;
            KEEP(g);
        }
        ALL for (int j = 0; j < n; j++) for (int q = 0; q < k; q++) gw[j * k + q] = sum[q][j];
        if (gb) STORE(gb, bias, n);
        return;
    }
    for (; m > 0; m--, g += n, x += k) {
        row v = LOAD(x, k);
        ALL for (int j = 0; j < n; j++) sum[j] += v * g[j];
        bias += LOAD(g, n);
        KEEP(g);
    }
    ALL for (int j = 0; j < n; j++) STORE(gw + j * k, sum[j], k);
    if (gb) STORE(gb, bias, n);
}

EACH_LAYER(LAYER)

static void NAME(fill)(mt_kernels *table) { EACH_LAYER(ENTRY) }

#undef row
#undef ALL
#undef LOAD
#undef STORE
