/* kernels/gemm.c and layer.c: every table this machine can run against three plain loops. */
#include "mtest.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <stdlib.h>

static const char *const isas[] = {"baseline", "avx2", "avx512", "neon"};
static const mt_kernels *k; /* the one under test */
static uint64_t state = 1;

/* Small integers over 8, so that float sums of a few hundred products are exact in any order. */
static double draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)((int)(state >> 59) - 16) / 8;
}

/* A matrix somewhere in a buffer: transposed, with gaps, broadcast ... */
typedef struct matrix {
    int64_t rows, columns, row, column; /* strides in elements */
    int64_t size;                       /* elements of the buffer */
    char *data;
} matrix;

enum layout {
    NORMAL,
    TRANSPOSED,
    WIDE,
    WIDE_TRANSPOSED,
    GAPS,
    SAME_ROW,
    SAME_COLUMN,
    POINT,
    NUM_LAYOUTS
};

static matrix make(int64_t rows, int64_t columns, int layout, bool wide)
{
    matrix x = {.rows = rows, .columns = columns};
    switch (layout) {
    case NORMAL:
        x.row = columns, x.column = 1;
        break;
    case TRANSPOSED:
        x.row = 1, x.column = rows;
        break;
    case WIDE:
        x.row = columns + 5, x.column = 1;
        break;
    case WIDE_TRANSPOSED:
        x.row = 1, x.column = rows + 3;
        break;
    case GAPS:
        x.row = 2 * columns + 1, x.column = 2;
        break;
    case SAME_ROW:
        x.row = 0, x.column = 1;
        break;
    case SAME_COLUMN:
        x.row = 1, x.column = 0;
        break;
    default:
        x.row = x.column = 0;
    }
    /* Exactly as long as it must be, from malloc: the sanitizer sees every read beyond. */
    bool empty = rows == 0 || columns == 0;
    x.size = empty ? 0 : (rows - 1) * x.row + (columns - 1) * x.column + 1;
    size_t item = wide ? sizeof(double) : sizeof(float);
    x.data = malloc((size_t)x.size * item + 1);
    for (int64_t i = 0; i < x.size; i++)
        if (wide)
            ((double *)(void *)x.data)[i] = draw();
        else
            ((float *)(void *)x.data)[i] = (float)draw();
    return x;
}

static double get(const matrix *x, int64_t i, int64_t j, bool wide)
{
    int64_t at = i * x->row + j * x->column;
    return wide ? ((double *)(void *)x->data)[at] : (double)((float *)(void *)x->data)[at];
}

static int call(const matrix *c, const matrix *a, const matrix *b, bool accumulate, bool wide)
{
    if (wide)
        return k->gemm_f64(a->rows, b->columns, a->columns, (const double *)(void *)a->data, a->row,
                           a->column, (const double *)(void *)b->data, b->row, b->column,
                           (double *)(void *)c->data, c->row, accumulate);
    return k->gemm_f32(a->rows, b->columns, a->columns, (const float *)(void *)a->data, a->row,
                       a->column, (const float *)(void *)b->data, b->row, b->column,
                       (float *)(void *)c->data, c->row, accumulate);
}

/* One product, compared element by element; what lies between C's rows must stay. */
static bool right(int64_t m, int64_t n, int64_t kk, int la, int lb, int lc, bool accumulate,
                  bool wide)
{
    matrix a = make(m, kk, la, wide), b = make(kk, n, lb, wide), c = make(m, n, lc, wide);
    size_t bytes = (size_t)c.size * (wide ? 8 : 4);
    matrix old = c;
    old.data = malloc(bytes + 1);
    memcpy(old.data, c.data, bytes);
    bool ok = call(&c, &a, &b, accumulate, wide) == 0;
    for (int64_t i = 0; ok && i < m; i++)
        for (int64_t j = 0; ok && j < n; j++) {
            double sum = accumulate ? get(&old, i, j, wide) : 0;
            for (int64_t p = 0; p < kk; p++) sum += get(&a, i, p, wide) * get(&b, p, j, wide);
            ok = CHECK_THAT(get(&c, i, j, wide) == sum,
                            "%s f%d %ldx%ldx%ld layouts %d %d %d acc %d: [%ld, %ld] is %g, not %g",
                            k->name, wide ? 64 : 32, (long)m, (long)n, (long)kk, la, lb, lc,
                            accumulate, (long)i, (long)j, get(&c, i, j, wide), sum);
        }
    for (int64_t i = 0; ok && i + 1 < m; i++)
        for (int64_t j = n; ok && j < c.row; j++)
            ok = CHECK_THAT(get(&c, i, j, wide) == get(&old, i, j, wide), "%s wrote beside C",
                            k->name);
    free(a.data);
    free(b.data);
    free(c.data);
    free(old.data);
    return ok;
}

static void test_small(void)
{
    for (int64_t m = 0; m <= 17; m++)
        for (int64_t n = 0; n <= 18; n++)
            for (int64_t kk = 0; kk <= 9; kk++)
                for (int variant = 0; variant < 8; variant++)
                    if (!right(m, n, kk, variant & 1, variant >> 1 & 1, NORMAL, variant >> 2,
                               (m + n + kk) % 2))
                        return;
}

static void test_layouts(void)
{
    static const int64_t shapes[][3] = {{1, 1, 1},   {1, 33, 50},  {33, 1, 50},  {2, 65, 40},
                                        {50, 3, 40}, {31, 47, 19}, {47, 40, 70}, {7, 100, 3}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int la = 0; la < NUM_LAYOUTS; la++)
            for (int lb = 0; lb < NUM_LAYOUTS; lb++)
                for (int rest = 0; rest < 8; rest++)
                    if (!right(shapes[s][0], shapes[s][1], shapes[s][2], la, lb,
                               rest & 1 ? WIDE : NORMAL, rest & 2, rest & 4))
                        return;
}

static void test_large(void)
{
    static const int64_t shapes[][3] = {
        {128, 128, 128}, {197, 129, 385}, {401, 63, 67},  {14, 3100, 5},  {300, 200, 1000},
        {3, 70, 6300},   {20, 40, 6300},  {5000, 16, 16}, {16, 5000, 16}, {1, 3000, 1500},
        {3000, 1, 1500}, {2, 700, 700},   {700, 3, 700},  {64, 10, 64}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int variant = 0; variant < 16; variant++)
            if (!right(shapes[s][0], shapes[s][1], shapes[s][2], variant & 1, variant >> 1 & 1,
                       NORMAL, variant >> 2 & 1, variant >> 3))
                return;
    right(300, 300, 300, GAPS, GAPS, WIDE, true, false);
    right(200, 300, 512, NORMAL, TRANSPOSED, NORMAL, false, false); /* strides of 2048 bytes */
}

/* The bits do not depend on the number of threads. */
static void test_threads(void)
{
    static const int64_t shapes[][3] = {
        {150, 170, 190}, {300, 310, 900}, {13, 30, 9000}, {2000, 1, 700}};
    int saved = mt_get_num_threads();
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], kk = shapes[s][2];
        matrix a = make(m, kk, NORMAL, false), b = make(kk, n, TRANSPOSED, false);
        matrix one = make(m, n, NORMAL, false), many = make(m, n, NORMAL, false);
        for (int64_t i = 0; i < a.size; i++)
            ((float *)(void *)a.data)[i] *= 1.1f; /* now sums round */
        mt_set_num_threads(1);
        CHECK_INT(call(&one, &a, &b, false, false), 0);
        for (int threads = 2; threads <= 7; threads++) {
            mt_set_num_threads(threads);
            CHECK_INT(call(&many, &a, &b, false, false), 0);
            CHECK(memcmp(one.data, many.data, (size_t)one.size * 4) == 0);
        }
        free(a.data);
        free(b.data);
        free(one.data);
        free(many.data);
    }
    mt_set_num_threads(saved);
}

/* What is not a number spreads along its row or column, and nowhere else. */
static void test_nan(void)
{
    static const int64_t shapes[][3] = {
        {5, 7, 3}, {40, 50, 30}, {1, 40, 30}, {40, 1, 60}, {2, 30, 64}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t m = shapes[s][0], n = shapes[s][1], kk = shapes[s][2];
        for (int what = 0; what < 3; what++) {
            matrix a = make(m, kk, NORMAL, false), b = make(kk, n, TRANSPOSED, false);
            matrix c = make(m, n, NORMAL, false);
            float *pa = (float *)(void *)a.data, *pb = (float *)(void *)b.data;
            for (int64_t i = 0; i < a.size; i++) pa[i] = 1;
            for (int64_t i = 0; i < b.size; i++) pb[i] = 1;
            pa[(m - 1) * kk + kk / 2] = what == 0 ? NAN : INFINITY;
            if (what == 2) pb[kk / 2] = 0; /* inf * 0 in column 0 */
            CHECK_INT(call(&c, &a, &b, false, false), 0);
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++) {
                    double expected = i < m - 1 ? (double)kk - (what == 2 && j == 0)
                                      : what == 0 || (what == 2 && j == 0) ? NAN
                                                                           : INFINITY;
                    CHECK_NEAR(get(&c, i, j, false), expected, 0);
                }
            free(a.data);
            free(b.data);
            free(c.data);
        }
    }
}

/* Without memory for its buffers a product fails, cleanly, on any number of threads. */
static void test_memory(void)
{
    static const int64_t shapes[][3] = {{60, 130, 70}, {300, 310, 900}, {13, 30, 9000}};
    int64_t live = mt_alloc_get_stats().live_blocks;
    int saved = mt_get_num_threads();
    for (int threads = 1; threads <= 3; threads++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            matrix a = make(shapes[s][0], shapes[s][2], NORMAL, false);
            matrix b = make(shapes[s][2], shapes[s][1], TRANSPOSED, false);
            matrix c = make(shapes[s][0], shapes[s][1], NORMAL, false);
            mt_set_num_threads(threads);
            for (int n = 1;; n++) {
                mt_fail_alloc_after((uint64_t)n, 0);
                int result = call(&c, &a, &b, false, false);
                uint64_t asked = mt_fail_alloc_after(0, 0);
                bool failed = asked >= (uint64_t)n;
                CHECK_INT(result, failed ? -1 : 0);
                CHECK_INT(mt_error_pending(), failed ? MT_MEMORY : MT_OK);
                mt_error_clear();
                if (!failed) break;
            }
            free(a.data);
            free(b.data);
            free(c.data);
        }
    mt_set_num_threads(saved);
    CHECK_INT(mt_alloc_get_stats().live_blocks, live);
}

/* Writes what a kernel of kernels/layer.c should give for one element: sum
 * over p of a[p] b[p] + start. */
static double dot(const matrix *a, int64_t i, const matrix *b, int64_t j, double start, bool wide)
{
    for (int64_t p = 0; p < a->columns; p++) start += get(a, i, p, wide) * get(b, p, j, wide);
    return start;
}

static matrix turned(const matrix *x)
{
    matrix t = *x;
    t.rows = x->columns, t.columns = x->rows, t.row = x->column, t.column = x->row;
    return t;
}

static bool same(const char *what, const matrix *c, const matrix *a, const matrix *b,
                 const matrix *start, bool wide)
{
    for (int64_t i = 0; i < c->rows; i++)
        for (int64_t j = 0; j < c->columns; j++) {
            double sum = dot(a, i, b, j, start ? get(start, 0, j, wide) : 0, wide);
            if (!CHECK_THAT(get(c, i, j, wide) == sum,
                            "%s f%d %s %ldx%ld: [%ld, %ld] is %g, not %g", k->name, wide ? 64 : 32,
                            what, (long)c->rows, (long)c->columns, (long)i, (long)j,
                            get(c, i, j, wide), sum))
                return false;
        }
    return true;
}

/* The three functions of a layer of n outputs and kk inputs on m rows; every
 * buffer ends where it must. */
static void check_layer(int64_t m, int64_t n, int64_t kk, bool biased, bool wide)
{
    const mt_layer *l = &k->layer[n - 1][kk - 1][wide];
    matrix x = make(m, kk, NORMAL, wide), w = make(n, kk, NORMAL, wide);
    matrix b = make(1, n, NORMAL, wide), y = make(m, n, NORMAL, wide);
    matrix g = make(m, n, NORMAL, wide), gx = make(m, kk, NORMAL, wide);
    matrix gw = make(n, kk, NORMAL, wide), gb = make(1, n, NORMAL, wide);
    matrix wt = turned(&w), gt = turned(&g), ones = {.rows = 1, .columns = m};
    double one = 1;
    float one_f32 = 1;
    ones.data = wide ? (char *)&one : (char *)&one_f32;
    l->forward(m, x.data, w.data, biased ? b.data : NULL, y.data);
    l->input(m, g.data, w.data, gx.data);
    l->weight(m, g.data, x.data, gw.data, biased ? gb.data : NULL);
    same("forward", &y, &x, &wt, biased ? &b : NULL, wide);
    same("input", &gx, &g, &w, NULL, wide);
    same("weight", &gw, &gt, &x, NULL, wide);
    if (biased) same("bias", &gb, &ones, &g, NULL, wide);
    free(x.data), free(w.data), free(b.data), free(y.data);
    free(g.data), free(gx.data), free(gw.data), free(gb.data);
}

static void test_layers(void)
{
    int kernels = 0;
    for (int64_t n = 1; n <= MT_LAYER_MAX; n++)
        for (int64_t kk = 1; kk <= MT_LAYER_MAX; kk++) {
            if (!k->layer[n - 1][kk - 1][0].forward) continue;
            kernels++;
            for (int64_t m = 0; m <= 9; m++)
                for (int variant = 0; variant < 4; variant++)
                    check_layer(m, n, kk, variant & 1, variant >> 1);
        }
    CHECK(kernels == 24 || (kernels == 0 && strcmp(k->name, "baseline") == 0));
}

/* Sums modulo 2^64 of n columns and k terms, for two rows. */
static void test_integers(void)
{
    enum { N = 37, K = 9, WIDTH = 40 };
    uint64_t a[2][K], b[K * WIDTH], c[2][N], want[2][N];
    for (int64_t n = 0; n <= N; n++)
        for (int64_t terms = 0; terms <= K; terms++) {
            for (int64_t i = 0; i < K * WIDTH; i++)
                b[i] = state += (uint64_t)(int64_t)(draw() * 1e18) * 77;
            for (int64_t i = 0; i < 2 * K; i++) a[i / K][i % K] = state * (uint64_t)(2 * i + 1);
            for (int64_t i = 0; i < 2 * N; i++) c[i / N][i % N] = (uint64_t)i;
            memcpy(want, c, sizeof c);
            for (int64_t i = 0; i < 2 * n; i++)
                for (int64_t l = 0; l < terms; l++)
                    want[i / n][i % n] += a[i / n][l] * b[l * WIDTH + i % n];
            k->add_products_i64(n, terms, c[0], c[1], a[0], a[1], b, WIDTH);
            CHECK(memcmp(c, want, sizeof c) == 0);
        }
}

int main(void)
{
    mt_parallel_init();
    if (mt_get_num_threads() < 2) mt_set_num_threads(2);
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        k = mt_kernels_named(isas[i]);
        if (!k) continue;
        RUN(test_small);
        RUN(test_layers);
        RUN(test_layouts);
        RUN(test_large);
        RUN(test_threads);
        RUN(test_nan);
        RUN(test_memory);
        RUN(test_integers);
    }
    CHECK(mt_kernels_named("no such") == NULL);
    return mtest_done();
}
