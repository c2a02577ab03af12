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
/* Before a loop over what fours leave over: it stays a loop. */
#define ONCE _Pragma("GCC unroll 1")

#define row  NAME(row)
#define quad NAME(quad)
typedef T row __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef T quad __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef INT NAME(picks) __attribute__((vector_size(4 * sizeof(INT))));
typedef INT NAME(picks_8) __attribute__((vector_size(8 * sizeof(INT))));
#define QUAD(from)  (*(const quad *)(const void *)(from))
#define QUAD_AT(to) (*(quad *)(void *)(to))

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

/* The sum of terms t[0] to t[k - 1] of a product whose factors both lie along the sum, in PyTorch's
 * order (ops/slim_product.c, Note [Slim orders]) for aligned rows. n: columns of the result. */
#define SUM_ALONG(n, k, t)                                                                         \
    ({                                                                                             \
        row sum_ = t[0];                                                                           \
        if ((k) == 4 && (n) >= 4) {                                                                \
            sum_ = (t[0] + t[2]) + (t[1] + t[3]);                                                  \
        } else if ((k) == 8 && sizeof(T) == 4) {                                                   \
            sum_ = ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));              \
        } else if ((k) == 8 && (n) >= 4) {                                                         \
            sum_ = (((t[0] + t[2]) + t[4]) + t[6]) + (((t[1] + t[3]) + t[5]) + t[7]);              \
        } else if ((k) == 8) {                                                                     \
            sum_ = ((t[0] + t[2]) + (t[4] + t[6])) + ((t[1] + t[3]) + (t[5] + t[7]));              \
        } else {                                                                                   \
            ALL for (int q_ = 1; q_ < (k); q_++) sum_ += t[q_];                                    \
        }                                                                                          \
        sum_;                                                                                      \
    })

/* Columns of four lines of four numbers. */
static inline __attribute__((always_inline)) void NAME(turn)(quad *to, quad a, quad b, quad c,
                                                             quad d)
{
    const quad ab = SHUFFLE4(a, b, 0, 4, 1, 5), ab2 = SHUFFLE4(a, b, 2, 6, 3, 7);
    const quad cd = SHUFFLE4(c, d, 0, 4, 1, 5), cd2 = SHUFFLE4(c, d, 2, 6, 3, 7);
    to[0] = SHUFFLE4(ab, cd, 0, 1, 4, 5);
    to[1] = SHUFFLE4(ab, cd, 2, 3, 6, 7);
    to[2] = SHUFFLE4(ab2, cd2, 0, 1, 4, 5);
    to[3] = SHUFFLE4(ab2, cd2, 2, 3, 6, 7);
}

/* The products of m lines of k numbers, which follow one another, with the vector v, and start added. Fours
 * of lines are turned and go through together; the sums of their products with eight numbers have an order
 * of their own. */
BODY(by_vector)(int k, int64_t m, const T *x, const T *v, T start, T *y)
{
    T factor[LANES];
    ALL for (int q = 0; q < k; q++) factor[q] = v[q];
    for (; k % 4 == 0 && m >= 4; m -= 4, x += 4 * k, y += 4) {
        quad t[8], s;
        for (int q = 0; q < k; q += 4) {
            const quad f = QUAD(factor + q);
            NAME(turn)(t + q, QUAD(x + q) * f, QUAD(x + k + q) * f, QUAD(x + 2 * k + q) * f,
                       QUAD(x + 3 * k + q) * f);
        }
        if (k == 4)
            s = ((t[0] + t[1]) + t[2]) + t[3];
        else if (sizeof(T) == 4)
            s = (((((t[0] + t[1]) + t[2]) + t[3]) + t[4]) + t[6]) + (t[5] + t[7]);
        else
            s = ((((t[0] + t[1]) + t[2]) + t[4]) + t[6]) + ((t[3] + t[5]) + t[7]);
        QUAD_AT(y) = s + start;
        KEEP(x);
    }
    ONCE for (; m > 0; m--, x += k, y++)
    {
        T s = x[0] * factor[0];
        ALL for (int q = 1; q < k; q++) s += x[q] * factor[q];
        *y = s + start;
        KEEP(x);
    }
}

#if LANES == 8 && !defined(MT_ISA_baseline)
/* The columns of eight lines of eight numbers. */
static inline __attribute__((always_inline)) void NAME(turn_eight)(row *t)
{
    row a[8], b[8];
    ALL for (int i = 0; i < 8; i += 2)
    {
        a[i] = SHUFFLE8(t[i], t[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = SHUFFLE8(t[i], t[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    ALL for (int i = 0; i < 8; i++)
    {
        if (i % 4 > 1) continue;
        b[i + i % 4] = SHUFFLE8(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + i % 4 + 1] = SHUFFLE8(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    ALL for (int i = 0; i < 4; i++)
    {
        t[i] = SHUFFLE8(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        t[i + 4] = SHUFFLE8(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#endif

/* The columns of W, n lines of k numbers. */
BODY(turn_weights)(int n, int k, const T *w, row *column)
{
#if LANES == 8 && !defined(MT_ISA_baseline)
    if (k == 8 && n >= 4 && sizeof(T) == 4) {
        ALL for (int j = 0; j < 8; j++) column[j] = j < n ? LOAD(w + j * k, k) : (row){0};
        NAME(turn_eight)(column);
        return;
    }
#endif
    for (int q = 0; q < k; q++) {
        column[q] = (row){0};
        for (int j = 0; j < n; j++) column[q][j] = w[j * k + q];
    }
}

/* y = x W^T + b: a row of y is, for each input, that times a column of W, and b. */
BODY(forward)(int n, int k, int64_t m, const T *x, const T *w, const T *b, T *y)
{
    if (n == 1) {
        NAME(by_vector)(k, m, x, w, b ? *b : -(T)0, y);
        return;
    }
    row column[LANES], bias = -(row){0};
    if (b) bias = LOAD(b, n);
    NAME(turn_weights)(n, k, w, column);
    for (; m > 0; m--, x += k, y += n) {
        row term[LANES], s;
        ALL for (int q = 0; q < k; q++) term[q] = column[q] * x[q];
        s = SUM_ALONG(n, k, term) + bias;
        STORE(y, s, n);
        KEEP(x);
    }
}

/* gx = g W: a row of gx is the sum of the rows of W, each times its output's gradient. */
BODY(input)(int n, int k, int64_t m, const T *g, const T *w, T *gx)
{
    if (k == 1) {
        NAME(by_vector)(n, m, g, w, -(T)0, gx);
        return;
    }
    row line[LANES];
    ALL for (int j = 0; j < n; j++) line[j] = LOAD(w + j * k, k);
    for (; m > 0; m--, g += n, gx += k) {
        row s = line[0] * g[0];
        ALL for (int j = 1; j < n; j++) s += line[j] * g[j];
        STORE(gx, s, k);
        KEEP(g);
    }
}

/* The sum of the rows of g: in four parts, as sums of columns are (kernels/sum_loops.h), unless a 16-byte
 * vector of columns or a single one is added up in turn. */
BODY(bias)(int n, int64_t m, const T *g, T *gb)
{
    const int parts = n == 1 || (n == 4 && sizeof(T) == 4) ? 1 : 4;
    row part[4];
    for (int r = 0; r < parts; r++) part[r] = (row){0};
    for (; m >= parts && parts > 1; m -= parts)
        ALL for (int r = 0; r < parts; r++, g += n) part[r] += LOAD(g, n);
    for (; m > 0; m--, g += n) {
        part[0] += LOAD(g, n);
        KEEP(g);
    }
    ALL for (int r = 1; r < parts; r++) part[0] += part[r];
    STORE(gb, part[0], n);
}

/* gw = g^T x, by columns of gw or by rows of it, whichever are fewer, and gb. */
BODY(weight)(int n, int k, int64_t m, const T *g, const T *x, T *gw, T *gb)
{
    row sum[LANES];
    const int few = n > k ? k : n;
    if (gb) NAME(bias)(n, m, g, gb);
    ALL for (int i = 0; i < few; i++) sum[i] = (row){0};
    for (; m > 0; m--, g += n, x += k) {
        const row v = n > k ? LOAD(g, n) : LOAD(x, k);
        ALL for (int i = 0; i < few; i++) sum[i] += v * (n > k ? x[i] : g[i]);
        KEEP(g);
    }
    if (n > k) {
        ALL for (int j = 0; j < n; j++) for (int q = 0; q < k; q++) gw[j * k + q] = sum[q][j];
    } else {
        ALL for (int j = 0; j < n; j++) STORE(gw + j * k, sum[j], k);
    }
}

EACH_LAYER(LAYER)

static void NAME(fill)(mt_kernels *table) { EACH_LAYER(ENTRY) }

#undef row
#undef quad
#undef QUAD
#undef QUAD_AT
#undef ALL
#undef ONCE
#undef LOAD
#undef SUM_ALONG
#undef STORE
