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

/* The sum of terms t[0] to t[k - 1] of a product whose factors both lie along the sum, in PyTorch's
 * order (ops/slim_product.c, Note [Slim orders]) for aligned rows. n: columns of the result. */
#define SUM_ALONG(V, n, k, t)                                                                      \
    ({                                                                                             \
        V sum_ = t[0];                                                                             \
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

/* The products of m lines of k numbers, line_of apart by k, with the vector v, and start added. Fours of
 * lines are added up otherwise than the rest. */
BODY(by_vector)(int k, int64_t m, const T *x, const T *v, T start, T *y)
{
    int64_t i = 0;
    for (; k == 8 && i < m / 4 * 4; i++, x += 8) {
        T t[8];
        ALL for (int q = 0; q < 8; q++) t[q] = x[q] * v[q];
        y[i] =
            (sizeof(T) == 4 ? ((((t[0] + t[1]) + t[2]) + t[3] + t[4]) + t[6]) + (t[5] + t[7])
                            : ((((t[0] + t[1]) + t[2]) + t[4]) + t[6]) + ((t[3] + t[5]) + t[7])) +
            start;
        KEEP(x);
    }
    for (; i < m; i++, x += k) {
        T s = x[0] * v[0];
        ALL for (int q = 1; q < k; q++) s += x[q] * v[q];
        y[i] = s + start;
        KEEP(x);
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
    ALL for (int q = 0; q < k; q++)
    {
        column[q] = (row){0};
        for (int j = 0; j < n; j++) column[q][j] = w[j * k + q];
    }
    for (; m > 0; m--, x += k, y += n) {
        row term[LANES], s;
        ALL for (int q = 0; q < k; q++) term[q] = column[q] * x[q];
        s = SUM_ALONG(row, n, k, term) + bias;
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

/* Biases are summed in four parts, as sums of columns are (kernels/sum_loops.h), unless a 16-byte vector of
 * columns or the sum itself is added up in turn. */
#define IN_TURN(n) ((n) == 1 || ((n) == 4 && sizeof(T) == 4))
#define PARTS(n)   (IN_TURN(n) ? 1 : 4)

/* gw = g^T x and gb = the sum of the rows of g, in one pass: by columns of gw or by rows of it,
 * whichever are fewer. */
BODY(weight)(int n, int k, int64_t m, const T *g, const T *x, T *gw, T *gb)
{
    const int few = n > k ? k : n;
    row sum[LANES], part[4];
    ALL for (int i = 0; i < few; i++) sum[i] = (row){0};
    for (int r = 0; r < PARTS(n); r++) part[r] = (row){0};
#define ADD_ROW(r)                                                                                 \
    do {                                                                                           \
        row to_ = LOAD(g, n), from_ = LOAD(x, k);                                                  \
        ALL for (int i_ = 0; i_ < few; i_++) sum[i_] += n > k ? to_ * x[i_] : from_ * g[i_];       \
        part[r] += to_;                                                                            \
        g += n, x += k;                                                                            \
        KEEP(g);                                                                                   \
    } while (0)
    for (; !IN_TURN(n) && m >= 4; m -= 4) {
        ADD_ROW(0);
        ADD_ROW(1 % PARTS(n));
        ADD_ROW(2 % PARTS(n));
        ADD_ROW(3 % PARTS(n));
    }
    for (; m > 0; m--) ADD_ROW(0);
#undef ADD_ROW
    for (int r = 1; r < PARTS(n); r++) part[0] += part[r];
    if (gb) STORE(gb, part[0], n);
    if (n > k) {
        ALL for (int j = 0; j < n; j++) for (int q = 0; q < k; q++) gw[j * k + q] = sum[q][j];
    } else {
        ALL for (int j = 0; j < n; j++) STORE(gw + j * k, sum[j], k);
    }
}

EACH_LAYER(LAYER)

static void NAME(fill)(mt_kernels *table) { EACH_LAYER(ENTRY) }

#undef row
#undef ALL
#undef LOAD
#undef SUM_ALONG
#undef IN_TURN
#undef PARTS
#undef STORE
