/* Distributions over flat memory.
 *
 * Long samples go in chunks of words that stay in the first-level cache: words, then a kernel that
 * makes numbers of them. Where PyTorch computes in double and casts, so do we: the chunk is made as
 * doubles (or int64) and the cast kernel stores it. The C library's functions are called one by
 * one, as PyTorch does, for the sake of the same last bits. Every fma() stands where PyTorch's
 * compiler made one. Relies on base/random.h and the kernel table. Read next: ops/random.c. */
#include "tensor/sample.h"

#include "kernels/kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 512 };

#define PI 3.14159265358979323846

static inline int64_t at_most(int64_t n, int64_t limit) { return n < limit ? n : limit; }

/* ==== storing ================================================================================= */

static void store(mt_dtype from, const void *values, mt_dtype to, int64_t n, void *out)
{
    char *p[2] = {out, (char *)(uintptr_t)values};
    const int64_t stride[2] = {mt_dtype_size(to), mt_dtype_size(from)};
    mt_k->cast[from][to](n, p, stride, NULL);
}

/* Makes n doubles from two numbers. */
typedef void (*fill_doubles)(mt_generator *g, int64_t n, double *out, double a, double b);

static void in_doubles(mt_generator *g, mt_dtype d, int64_t n, void *out, fill_doubles fill,
                       double a, double b)
{
    if (d == MT_FLOAT64) {
        fill(g, n, out, a, b);
        return;
    }
    double values[CHUNK];
    for (char *to = out; n > 0; n -= CHUNK, to += CHUNK * mt_dtype_size(d)) {
        int64_t some = at_most(n, CHUNK);
        fill(g, some, values, a, b);
        store(MT_FLOAT64, values, d, some, to);
    }
}

/* ==== uniform ================================================================================= */

static void uniform_floats(mt_generator *g, int64_t n, float *out, float a, float b)
{
    while (n > 0) {
        int64_t some = n;
        const uint32_t *words = mt_random_take(g, &some);
        mt_k->uniform_f32(some, out, words, a, b);
        out += some;
        n -= some;
    }
}

static void uniform_doubles(mt_generator *g, int64_t n, double *out, double a, double b)
{
    uint32_t words[2 * CHUNK];
    for (; n > 0; n -= CHUNK, out += CHUNK) {
        int64_t some = at_most(n, CHUNK);
        mt_random_words(g, 2 * some, words);
        mt_k->uniform_f64(some, out, words, a, b);
    }
}

void mt_random_uniform(mt_generator *g, mt_dtype d, int64_t n, void *out, double a, double b)
{
    if (d == MT_FLOAT32)
        uniform_floats(g, n, out, (float)a, (float)b);
    else
        uniform_doubles(g, n, out, a, b);
}

/* ==== normal ================================================================================== */

/* Two uniforms make two normals (Box and Muller, 1958). */
double mt_random_normal53(mt_generator *g)
{
    if (g->has_normal) {
        g->has_normal = false;
        return g->normal;
    }
    double u1 = mt_random_u53(g), u2 = mt_random_u53(g);
    double r = sqrt(-2.0 * log1p(-u2)), t = 2.0 * PI * u1;
    g->normal = r * sin(t);
    g->has_normal = true;
    return r * cos(t);
}

static void scalar_normals(mt_generator *g, int64_t n, double *out, double mean, double std)
{
    for (int64_t i = 0; i < n; i++) out[i] = fma(mt_random_normal53(g), std, mean);
}

/* The block path: uniforms for all elements first, blocks of 16 of them become normals in place, j
 * paired with j + 8. If 16 does not divide n, the last 16 elements are drawn again, as one more
 * block. */
static void block_normals_f32(mt_generator *g, int64_t n, float *out, float mean, float std)
{
    int64_t whole = n / 16 * 16;
    for (int64_t i = 0; i < whole; i += 4 * CHUNK) {
        int64_t some = at_most(whole - i, 4 * CHUNK);
        uniform_floats(g, some, out + i, 0, 1);
        mt_k->normal_block_f32(some, out + i, mean, std);
    }
    if (n == whole) return;
    float *tail = out + n - 16;
    uniform_floats(g, n - whole, out + whole, 0, 1);
    uniform_floats(g, 16, tail, 0, 1);
    mt_k->normal_block_f32(16, tail, mean, std);
}

static void normal_block_f64(double *d, double mean, double std)
{
    for (int j = 0; j < 8; j++) {
        double r = sqrt(-2.0 * log(1.0 - d[j])), t = 2.0 * PI * d[j + 8];
        double first = r * cos(t), second = r * sin(t);
        d[j] = fma(first, std, mean);
        d[j + 8] = fma(second, std, mean);
    }
}

static void block_normals_f64(mt_generator *g, int64_t n, double *out, double mean, double std)
{
    uniform_doubles(g, n, out, 0, 1);
    for (int64_t i = 0; i + 16 <= n; i += 16) normal_block_f64(out + i, mean, std);
    if (n % 16 == 0) return;
    uniform_doubles(g, 16, out + n - 16, 0, 1);
    normal_block_f64(out + n - 16, mean, std);
}

void mt_random_normal(mt_generator *g, mt_dtype d, int64_t n, void *out, double mean, double std,
                      bool block)
{
    if (!block || n < 16)
        in_doubles(g, d, n, out, scalar_normals, mean, std);
    else if (d == MT_FLOAT32)
        block_normals_f32(g, n, out, (float)mean, (float)std);
    else
        block_normals_f64(g, n, out, mean, std);
}

/* ==== integers ================================================================================ */

/* v mod range without a division: D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct
 * computation", Software: Practice and Experience 49 (2019). inverse = ceil(2^64 / range), which is
 * 0 for range 1. */
static inline uint32_t fast_mod(uint32_t v, uint64_t inverse, uint32_t range)
{
    return (uint32_t)((unsigned __int128)(inverse * v) * range >> 64);
}

static void narrow_ints(mt_generator *g, int64_t n, int64_t *out, int64_t low, uint32_t range)
{
    uint64_t inverse = UINT64_MAX / range + 1;
    while (n > 0) {
        int64_t some = n;
        const uint32_t *words = mt_random_take(g, &some);
        for (int64_t i = 0; i < some; i++)
            out[i] = (int64_t)((uint64_t)low + fast_mod(words[i], inverse, range));
        out += some;
        n -= some;
    }
}

static void wide_ints(mt_generator *g, int64_t n, int64_t *out, int64_t low, uint64_t range)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t v = mt_random_u64(g);
        out[i] = (int64_t)((range ? v % range : v) + (uint64_t)low);
    }
}

static void ints(mt_generator *g, mt_dtype d, int64_t n, void *out, int64_t low, uint64_t range,
                 bool wide)
{
    int64_t values[CHUNK];
    for (char *to = out; n > 0; n -= CHUNK, to += CHUNK * mt_dtype_size(d)) {
        int64_t some = at_most(n, CHUNK), *v = d == MT_INT64 ? (int64_t *)to : values;
        if (wide)
            wide_ints(g, some, v, low, range);
        else
            narrow_ints(g, some, v, low, (uint32_t)range);
        if (d != MT_INT64) store(MT_INT64, v, d, some, to);
    }
}

void mt_random_range(mt_generator *g, mt_dtype d, int64_t n, void *out, int64_t low, uint64_t range)
{
    ints(g, d, n, out, low, range, range == 0 || range >= UINT64_C(1) << 28);
}

void mt_random_any(mt_generator *g, mt_dtype d, int64_t n, void *out)
{
    static const uint64_t range[MT_NUM_DTYPES] = {
        [MT_UINT8] = 1 << 8,
        [MT_INT8] = 1 << 7,
        [MT_INT16] = 1 << 15,
        [MT_INT32] = UINT64_C(1) << 31,
        [MT_INT64] = UINT64_C(1) << 63,
        [MT_FLOAT32] = (1 << 24) + 1,
        [MT_FLOAT64] = (UINT64_C(1) << 53) + 1,
        [MT_BOOL] = 2,
    };
    ints(g, d, n, out, 0, range[d], d == MT_INT64 || d == MT_FLOAT64);
}

/* ==== permutations ============================================================================ */

/* R. Durstenfeld, "Algorithm 235: random permutation", CACM 7 (1964). From 2^32 / 20 elements on 32
 * bits would favour some, and PyTorch turns to the inside-out form with 64. */
#define PERMUTE(name, T)                                                                           \
    static void name(mt_generator *g, int64_t n, T *r)                                             \
    {                                                                                              \
        if (n >= 214748364) {                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                int64_t z = (int64_t)(mt_random_u64(g) % (uint64_t)(i + 1));                       \
                r[i] = (T)i;                                                                       \
                r[i] = r[z];                                                                       \
                r[z] = (T)i;                                                                       \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++) r[i] = (T)i;                                               \
        for (int64_t i = 0; i < n - 1; i++) {                                                      \
            int64_t z = i + (int64_t)(mt_random_u32(g) % (uint32_t)(n - i));                       \
            T kept = r[i];                                                                         \
            r[i] = r[z];                                                                           \
            r[z] = kept;                                                                           \
        }                                                                                          \
    }

/* clang-format off */
#define PERMUTE_DTYPE(E, T, name, kind, Camel) PERMUTE(permute_##E, T)
MT_DTYPES(PERMUTE_DTYPE)
/* clang-format on */

void mt_random_permutation(mt_generator *g, mt_dtype d, int64_t n, void *out)
{
    switch (d) {
#define PERMUTE_CASE(E, T, name, kind, Camel)                                                      \
    case MT_##E:                                                                                   \
        permute_##E(g, n, out);                                                                    \
        return;
        MT_DTYPES(PERMUTE_CASE)
    default:
        return;
    }
}

/* ==== Bernoulli and dropout =================================================================== */

/* u < p for u = k 2^-53 is k < ceil(p 2^53); the product is exact. */
static uint64_t bernoulli_threshold(double p) { return (uint64_t)ceil(p * 0x1p53); }

static void coins(mt_generator *g, int64_t n, float *out, uint64_t threshold, float one)
{
    uint32_t words[2 * CHUNK];
    for (; n > 0; n -= CHUNK, out += CHUNK) {
        int64_t some = at_most(n, CHUNK);
        mt_random_words(g, 2 * some, words);
        mt_k->bernoulli_f32(some, out, words, threshold, one);
    }
}

void mt_random_bernoulli(mt_generator *g, mt_dtype d, int64_t n, void *out, double p)
{
    uint64_t threshold = bernoulli_threshold(p);
    if (d == MT_FLOAT32) {
        coins(g, n, out, threshold, 1);
        return;
    }
    float values[CHUNK];
    for (char *to = out; n > 0; n -= CHUNK, to += CHUNK * mt_dtype_size(d)) {
        int64_t some = at_most(n, CHUNK);
        coins(g, some, values, threshold, 1);
        store(MT_FLOAT32, values, d, some, to);
    }
}

void mt_random_bernoulli_each(mt_generator *g, mt_dtype d, int64_t n, void *out, mt_dtype pd,
                              const void *p)
{
    float values[CHUNK];
    char *to = out;
    for (int64_t start = 0; start < n; start += CHUNK, to += CHUNK * mt_dtype_size(d)) {
        int64_t some = at_most(n - start, CHUNK);
        if (pd == MT_FLOAT64) {
            const double *q = (const double *)p + start;
            for (int64_t i = 0; i < some; i++) values[i] = mt_random_u53(g) < q[i];
        } else {
            const float *q = (const float *)p + start;
            for (int64_t i = 0; i < some; i++) values[i] = mt_random_u24(g) < q[i];
        }
        store(MT_FLOAT32, values, d, some, to);
    }
}

void mt_random_dropout(mt_generator *g, mt_dtype d, int64_t n, void *out, double p)
{
    if (d == MT_FLOAT32) {
        coins(g, n, out, bernoulli_threshold(1 - p), 1.0f / (float)(1 - p));
        return;
    }
    double *noise = out, one = 1.0 / (1 - p);
    for (int64_t i = 0; i < n; i++) noise[i] = mt_random_u53(g) < 1 - p ? one : 0;
}

/* ==== distributions by inversion, in double =================================================== */

static void exponentials(mt_generator *g, int64_t n, double *out, double rate, double unused)
{
    (void)unused;
    for (int64_t i = 0; i < n; i++) out[i] = (-1.0 / rate) * log1p(-mt_random_u53(g));
}

static void cauchys(mt_generator *g, int64_t n, double *out, double median, double scale)
{
    for (int64_t i = 0; i < n; i++) out[i] = fma(tan(PI * (mt_random_u53(g) - 0.5)), scale, median);
}

static void geometrics(mt_generator *g, int64_t n, double *out, double p, double unused)
{
    (void)unused;
    for (int64_t i = 0; i < n; i++) out[i] = ceil(log(mt_random_u53(g)) / log1p(-p));
}

static void log_normals(mt_generator *g, int64_t n, double *out, double mean, double std)
{
    for (int64_t i = 0; i < n; i++) out[i] = exp(fma(mt_random_normal53(g), std, mean));
}

void mt_random_exponential(mt_generator *g, mt_dtype d, int64_t n, void *out, double rate)
{
    in_doubles(g, d, n, out, exponentials, rate, 0);
}

void mt_random_cauchy(mt_generator *g, mt_dtype d, int64_t n, void *out, double median,
                      double scale)
{
    in_doubles(g, d, n, out, cauchys, median, scale);
}

void mt_random_geometric(mt_generator *g, mt_dtype d, int64_t n, void *out, double p)
{
    in_doubles(g, d, n, out, geometrics, p, 0);
}

void mt_random_log_normal(mt_generator *g, mt_dtype d, int64_t n, void *out, double mean,
                          double std)
{
    in_doubles(g, d, n, out, log_normals, mean, std);
}

/* ==== choices ================================================================================= */

/* The first index whose cumulative weight is not below a uniform number: compared as doubles,
 * cumulated in the weights' type. */
#define CHOICES(name, T)                                                                           \
    static void name(mt_generator *g, int64_t m, const T *weights, T *sums, int64_t n,             \
                     int64_t *out)                                                                 \
    {                                                                                              \
        T sum = 0;                                                                                 \
        for (int64_t i = 0; i < m; i++) sums[i] = sum += weights[i];                               \
        for (int64_t i = 0; i < m; i++) sums[i] /= sum;                                            \
        sums[m - 1] = 1;                                                                           \
        for (int64_t k = 0; k < n; k++) {                                                          \
            double u = mt_random_u53(g);                                                           \
            int64_t low = 0, high = m - 1;                                                         \
            while (low < high) {                                                                   \
                int64_t middle = low + (high - low) / 2;                                           \
                if ((double)sums[middle] < u)                                                      \
                    low = middle + 1;                                                              \
                else                                                                               \
                    high = middle;                                                                 \
            }                                                                                      \
            out[k] = low;                                                                          \
        }                                                                                          \
    }
CHOICES(choices_f32, float)
CHOICES(choices_f64, double)

void mt_random_choices(mt_generator *g, mt_dtype d, int64_t categories, const void *weights,
                       void *scratch, int64_t n, int64_t *out)
{
    if (d == MT_FLOAT32)
        choices_f32(g, categories, weights, scratch, n, out);
    else
        choices_f64(g, categories, weights, scratch, n, out);
}

/* ==== the largest quotients =================================================================== */

/* Larger scores come first, of equal ones the first. */
typedef struct ranked {
    double score;
    int64_t index;
} ranked;
static_assert(sizeof(ranked) == MT_RANKED_SIZE, "callers give the room");

static bool worse(ranked a, ranked b)
{
    return a.score < b.score || (a.score == b.score && a.index > b.index);
}

static void sift_down(ranked *heap, int64_t n, int64_t i)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && worse(heap[child + 1], heap[child])) child++;
        if (!worse(heap[child], heap[i])) return;
        ranked kept = heap[i];
        heap[i] = heap[child];
        heap[child] = kept;
    }
}

/* The heap holds the k best so far, the worst of them on top. 0 / 0 counts as the largest, as a maximum has
 * it. */
#define QUOTIENTS(name, T)                                                                         \
    static void name(int64_t n, const T *weights, T *q, int64_t k, ranked *heap, int64_t *out)     \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) q[i] = weights[i] / q[i];                                  \
        for (int64_t i = 0; i < k; i++) heap[i] = (ranked){q[i] == q[i] ? q[i] : INFINITY, i};     \
        for (int64_t i = k / 2 - 1; i >= 0; i--) sift_down(heap, k, i);                            \
        for (int64_t i = k; i < n; i++) {                                                          \
            if (q[i] <= heap[0].score) continue;                                                   \
            ranked item = {q[i] == q[i] ? q[i] : INFINITY, i};                                     \
            if (!worse(heap[0], item)) continue;                                                   \
            heap[0] = item;                                                                        \
            sift_down(heap, k, 0);                                                                 \
        }                                                                                          \
        for (int64_t left = k; left > 0; left--) {                                                 \
            out[left - 1] = heap[0].index;                                                         \
            heap[0] = heap[left - 1];                                                              \
            sift_down(heap, left - 1, 0);                                                          \
        }                                                                                          \
    }
QUOTIENTS(quotients_f32, float)
QUOTIENTS(quotients_f64, double)

void mt_largest_quotients(mt_dtype d, int64_t n, const void *weights, void *q, int64_t k,
                          void *scratch, int64_t *out)
{
    if (d == MT_FLOAT32)
        quotients_f32(n, weights, q, k, scratch, out);
    else
        quotients_f64(n, weights, q, k, scratch, out);
}
