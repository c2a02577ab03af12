/* kernels/windows.c: the largest of even windows, on planes whose memory ends with them (for the sanitizers); windows
 * of integers. Each table against the baseline's, bit for bit. */
#include "mtest.h"

#include "kernels/kernels.h"

#include <stdlib.h>

static const char *const table_names[] = {"avx2", "avx512", "neon"};
enum { NUM_TABLES = sizeof table_names / sizeof *table_names, MOST = 48 };

/* Windows of `size` elements, `apart` from each other, of a plane of h lines of w. */
typedef struct pool_case {
    mt_pool p;
    int64_t span[3][2 * MOST];
    int64_t outputs;
} pool_case;

static void make_case(pool_case *c, int64_t h, int64_t w, int64_t size, int64_t apart)
{
    const int64_t in[3] = {1, h, w};
    *c = (pool_case){.outputs = 1};
    for (int d = 0; d < 3; d++) {
        const int64_t n = d ? (in[d] - size) / apart + 1 : 1, length = d ? size : 1;
        c->p.in[d] = in[d], c->p.out[d] = n, c->p.step[d] = 1, c->p.span[d] = c->span[d];
        for (int64_t o = 0; o < n; o++)
            c->span[d][2 * o] = o * apart, c->span[d][2 * o + 1] = o * apart + length;
        c->outputs *= n;
    }
    c->p.even[1] = c->p.out[2], c->p.even[2] = apart;
}

static void check_pool(const mt_kernels *k, const pool_case *c, const float *x)
{
    const size_t n = (size_t)c->outputs;
    float *y = malloc(2 * n * sizeof *y);
    int64_t *at = malloc(2 * n * sizeof *at);
    mt_kernels_named("baseline")->max_windows(MT_FLOAT32, &c->p, y, at, x);
    k->max_windows(MT_FLOAT32, &c->p, y + n, at + n, x);
    CHECK_THAT(memcmp(y, y + n, n * sizeof *y) == 0, "%s: values, %d wide", k->name,
               (int)c->p.in[2]);
    CHECK_THAT(memcmp(at, at + n, n * sizeof *at) == 0, "%s: places, %d wide", k->name,
               (int)c->p.in[2]);
    k->max_windows(MT_FLOAT32, &c->p, y + n, NULL, x);
    CHECK_THAT(memcmp(y, y + n, n * sizeof *y) == 0, "%s: no places, %d wide", k->name,
               (int)c->p.in[2]);
    free(y);
    free(at);
}

static void test_pools(void)
{
    pool_case c;
    for (int64_t h = 2; h < 12; h += 3)
        for (int64_t w = 4; w < MOST; w++) {
            float *x = malloc((size_t)(h * w) * sizeof *x);
            for (int64_t i = 0; i < h * w; i++)
                x[i] = i * 7 % 31 == 3 ? NAN : i % 5 == 0 ? -INFINITY : (float)(i * 37 % 11) - 5;
            for (int t = 0; t < NUM_TABLES; t++) {
                const mt_kernels *k = mt_kernels_named(table_names[t]);
                for (int which = 0; k && which < 4; which++) {
                    make_case(&c, h, w, which == 3 ? 1 : 2, which == 3 ? 3 : which ? which : 2);
                    check_pool(k, &c, x);
                }
            }
            free(x);
        }
}

static void test_integers(void)
{
    enum { H = 7, W = 9, TAPS = 9 };
    const mt_windows w = {.channels = 2,
                          .block = 1,
                          .in = {1, H, W},
                          .kernel = {1, 3, 3},
                          .out = {1, H, W},
                          .stride = {1, 1, 1},
                          .pad = {0, 1, 1},
                          .dilation = {1, 1, 1}};
    int64_t image[2][2 * H * W] = {{0}}, columns[2][2 * TAPS * H * W];
    for (int i = 0; i < 2 * H * W; i++) image[0][i] = (int64_t)i * i - INT64_MAX / 3;
    const mt_kernels *base = mt_kernels_named("baseline");
    for (int t = 0; t < NUM_TABLES; t++) {
        const mt_kernels *k = mt_kernels_named(table_names[t]);
        int64_t back[2][2 * H * W] = {{0}};
        if (!k) continue;
        base->im2col(MT_INT64, &w, 0, H, columns[0], image[0]);
        k->im2col(MT_INT64, &w, 0, H, columns[1], image[0]);
        CHECK_THAT(memcmp(columns[0], columns[1], sizeof columns[0]) == 0, "%s: im2col", k->name);
        base->col2im(MT_INT64, &w, 0, H, back[0], columns[0]);
        k->col2im(MT_INT64, &w, 0, H, back[1], columns[0]);
        CHECK_THAT(memcmp(back[0], back[1], sizeof back[0]) == 0, "%s: col2im", k->name);
    }
}

int main(void)
{
    mt_kernels_init();
    RUN(test_pools);
    RUN(test_integers);
    return mtest_done();
}
