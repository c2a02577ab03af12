/* The random streams: golden values and hashes of PyTorch 2.13, with every table of kernels this
 * processor can run; the saved state; seeds; memory. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "mtest.h"
#include "tensor/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ==== SHA-256 (FIPS 180-4), of one block of memory ============================================ */

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* The constants are the first 32 bits of the fractions of cube roots of the first 64 primes. */
static void sha_constants(uint32_t *k)
{
    int count = 0;
    for (int p = 2; count < 64; p++) {
        int prime = 1;
        for (int d = 2; d * d <= p; d++) prime &= p % d != 0;
        long double root = cbrtl(p);
        if (prime) k[count++] = (uint32_t)((root - floorl(root)) * 0x1p32L);
    }
}

static void sha_block(uint32_t *h, const uint8_t *block, const uint32_t *k)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[0], e = v[4];
        uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                      ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
        uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

/* The first 16 hexadecimal digits, as a number. */
static uint64_t sha256(const void *data, size_t size)
{
    static uint32_t k[64];
    if (!k[0]) sha_constants(k);
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const uint8_t *p = data;
    size_t whole = size / 64 * 64;
    for (size_t i = 0; i < whole; i += 64) sha_block(h, p + i, k);
    uint8_t last[128] = {0};
    memcpy(last, p + whole, size - whole);
    last[size - whole] = 0x80;
    size_t end = size - whole < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++) last[end - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> 8 * i);
    for (size_t i = 0; i < end; i += 64) sha_block(h, last + i, k);
    return (uint64_t)h[0] << 32 | h[1];
}

/* ==== helpers ================================================================================= */

static mt_generator *gen; /* seeded with 0 by FRESH */
static union {
    float f[1000000];
    double d[1000];
    int64_t i[1000];
    int32_t i32[1000];
} out;

#define FRESH    mt_generator_seed(gen, 0)
#define COUNT(x) ((int64_t)(sizeof(x) / sizeof *(x)))
#define SAME(got, ...)                                                                             \
    do {                                                                                           \
        __typeof__((got)[0]) want_[] = {__VA_ARGS__};                                              \
        CHECK(memcmp(got, want_, sizeof want_) == 0);                                              \
    } while (0)
#define HASH(data, size, want) CHECK(sha256(data, size) == UINT64_C(want))

static void seed_uniform(mt_dtype d, int64_t n, double a, double b)
{
    FRESH;
    mt_random_uniform(gen, d, n, &out, a, b);
}

static void seed_normal(mt_dtype d, int64_t n, double mean, double std, bool block)
{
    FRESH;
    mt_random_normal(gen, d, n, &out, mean, std, block);
}

/* ==== the engine ============================================================================== */

static void test_sha256(void)
{
    HASH("abc", 3, 0xba7816bf8f01cfea);
    HASH("", 0, 0xe3b0c44298fc1c14);
    HASH("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, 0x248d6a61d20638b8);
}

static void test_words(void)
{
    FRESH;
    uint32_t w[5];
    for (int i = 0; i < 5; i++) w[i] = mt_random_u32(gen);
    SAME(w, 2357136044u, 2546248239u, 3071714933u, 3626093760u, 2588848963u);
    FRESH;
    uint64_t u = mt_random_u64(gen);
    CHECK(u == ((uint64_t)2357136044u << 32 | 2546248239u));

    /* All three ways of drawing give one stream. */
    static uint32_t one[3000], many[3000];
    FRESH;
    for (int i = 0; i < 3000; i++) one[i] = mt_random_u32(gen);
    FRESH;
    mt_random_words(gen, 1000, many);
    for (int64_t i = 1000; i < 3000;) {
        int64_t n = 3000 - i;
        const uint32_t *words = mt_random_take(gen, &n);
        memcpy(many + i, words, (size_t)n * sizeof *words);
        i += n;
    }
    CHECK(memcmp(one, many, sizeof one) == 0);
}

static void test_seeds(void)
{
    mt_generator *g = mt_generator_new(), *h = mt_generator_new();
    CHECK(g && h && g->seed == 67280421310721);
    mt_generator_seed(g, 5);
    mt_generator_seed(h, 5 + (UINT64_C(7) << 32)); /* the engine sees the low half only */
    CHECK(mt_generator_initial_seed(h) == 5 + (UINT64_C(7) << 32));
    for (int i = 0; i < 2000; i++) CHECK(mt_random_u32(g) == mt_random_u32(h));
    mt_generator_seed(g, 0);
    uint32_t first = mt_random_u32(g);
    mt_generator_seed(g, UINT64_MAX); /* what seed -1 wraps to */
    CHECK(mt_random_u32(g) != first);
    CHECK(mt_generator_seed_unpredictably(g) != mt_generator_seed_unpredictably(h));
    mt_generator_release(g);
    mt_generator_release(h);
    mt_generator_release(NULL);
    CHECK(mt_default_generator() == mt_default_generator());
}

static void test_saved_state(void)
{
    static uint8_t state[MT_GENERATOR_STATE_SIZE], again[MT_GENERATOR_STATE_SIZE];
    float three[3], a[700], b[700];
    FRESH;
    mt_generator_get_state(gen, state);
    HASH(state, sizeof state, 0x1ccf17250133dec5);
    mt_random_normal(gen, MT_FLOAT32, 3, three, 0, 1, true); /* leaves a cached normal */
    mt_generator_get_state(gen, state);
    HASH(state, sizeof state, 0x5f273c33f4160de6);
    FRESH;
    mt_random_uniform(gen, MT_FLOAT32, 700, a, 0, 1);
    mt_generator_get_state(gen, again);
    HASH(again, sizeof again, 0xf912cc5bd4fc9a7d);

    mt_generator *g = mt_generator_new(), *h;
    CHECK(mt_generator_set_state(g, state, sizeof state) == 0);
    mt_generator_get_state(g, again);
    CHECK(memcmp(state, again, sizeof state) == 0);
    h = mt_generator_clone(g);
    mt_random_normal(g, MT_FLOAT32, 700, a, 0, 1, false);
    mt_random_normal(h, MT_FLOAT32, 700, b, 0, 1, false);
    CHECK(memcmp(a, b, sizeof a) == 0);
    mt_generator_release(h);
    mt_generator_release(g);
}

static void refused(const uint8_t *state, int64_t size, const char *text)
{
    static uint8_t before[MT_GENERATOR_STATE_SIZE], after[MT_GENERATOR_STATE_SIZE];
    mt_generator_get_state(gen, before);
    CHECK(mt_generator_set_state(gen, state, size) == -1);
    CHECK(mt_error_pending() == MT_RUNTIME && strcmp(mt_error_message(), text) == 0);
    mt_error_clear();
    mt_generator_get_state(gen, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
}

static void set_field(uint8_t *state, int offset, int32_t value)
{
    memcpy(state + offset, &value, sizeof value);
}

static void test_bad_states(void)
{
    static uint8_t state[MT_GENERATOR_STATE_SIZE], good[MT_GENERATOR_STATE_SIZE];
    refused(state, 17,
            "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to "
            "be 17");
    memset(state, 0, sizeof state);
    refused(state, sizeof state, "Invalid mt19937 state");
    FRESH;
    mt_generator_get_state(gen, good);
    static const struct {
        int offset;
        int32_t value;
    } bad[] = {{8, 0}, {8, 625}, {8, -1}, {12, 0}, {16, 625}, {16, -1}, {20, 1}};
    for (int i = 0; i < (int)COUNT(bad); i++) {
        memcpy(state, good, sizeof state);
        set_field(state, bad[i].offset, bad[i].value);
        refused(state, sizeof state, "Invalid mt19937 state");
    }
    /* left and next that contradict each other: any numbers will do, but no memory beyond the
     * block. */
    memcpy(state, good, sizeof state);
    set_field(state, 8, 624);
    set_field(state, 16, 600);
    CHECK(mt_generator_set_state(gen, state, sizeof state) == 0);
    for (int i = 0; i < 5000; i++) mt_random_u32(gen);
}

/* ==== distributions =========================================================================== */

static void test_uniform(void)
{
    seed_uniform(MT_FLOAT32, 5, 0, 1);
    SAME(out.f, 0.4962566f, 0.7682218f, 0.08847743f, 0.13203049f, 0.30742282f);
    seed_uniform(MT_FLOAT64, 5, 0, 1);
    SAME(out.d, 0.9700530018065531, 0.707819864399788, 0.45938294312745087, 0.9207476841219603,
         0.6450241201227648);
    seed_uniform(MT_FLOAT32, 5, -0.037, 0.051);
    SAME(out.f, 0.0066705793f, 0.030603517f, -0.029213987f, -0.025381317f, -0.009946792f);
    seed_uniform(MT_FLOAT64, 5, -0.037, 0.051);
    SAME(out.d, 0.04836466415897667, 0.025288148067181337, 0.003425698995215676, 0.0440257962027325,
         0.0197621225708033);
    seed_uniform(MT_FLOAT32, 1000, 0, 1);
    HASH(&out, 4000, 0x20221bec9830215c);
    seed_uniform(MT_FLOAT64, 1000, 0, 1);
    HASH(&out, 8000, 0xc59b53ef72076721);
    seed_uniform(MT_FLOAT32, 1000, -0.037, 0.051);
    HASH(&out, 4000, 0x5305295c87d3bfa0);
    /* The weight of a Linear(100, 50): kaiming_uniform_ with a = sqrt(5). */
    double bound = sqrt(3.0) * (sqrt(2.0 / (1 + pow(sqrt(5.0), 2.0))) / sqrt(100.0));
    seed_uniform(MT_FLOAT32, 5000, -bound, bound);
    HASH(&out, 20000, 0x8cc5370dd141ea20);
    /* A range so narrow that rounding reaches its end: the end is excluded. */
    seed_uniform(MT_FLOAT32, 1000, 1, 1 + 0x1p-23);
    for (int i = 0; i < 1000; i++) CHECK(out.f[i] == 1);
}

static void test_normal_goldens(void)
{
    seed_normal(MT_FLOAT32, 5, 0, 1, true);
    SAME(out.f, 1.5409961f, -0.2934289f, -2.1787894f, 0.56843126f, -1.0845224f);
    seed_normal(MT_FLOAT32, 16, 0, 1, true);
    SAME(out.f, -1.1258398f, -1.1523602f, -0.25057858f, -0.4338788f, 0.84871036f);
    SAME(out.f + 8, 0.32227492f, -1.2633348f, 0.3499832f, 0.30813393f, 0.11984151f);
    seed_normal(MT_FLOAT32, 17, 0, 1, true);
    SAME(out.f, -1.1258398f, -1.6959312f, 0.5666506f, 0.79350835f, 0.59883946f);
    SAME(out.f + 12, 1.3893661f, 1.5863342f, 0.94629836f, -0.84367675f, 0.9318266f);
    seed_normal(MT_FLOAT32, 20, 0.3, 1.7, true);
    SAME(out.f, -1.6139277f, -1.6590124f, -0.1259836f, -0.437594f, 1.3180271f);
    /* Memory that is not row-major takes the scalar path whatever its size. */
    seed_normal(MT_FLOAT32, 100, 0, 1, false);
    SAME(out.f, 1.5409961f, -0.2934289f, -2.1787894f, 0.56843126f, -1.0845224f);
#ifdef __GLIBC__ /* the C library's logarithm and sine decide the last bit */
    seed_normal(MT_FLOAT64, 5, 0, 1, true);
    SAME(out.d, 1.5409961082440433, -0.2934289057609464, -2.1787893820745574, 0.5684312772806678,
         -1.084522342424021);
    seed_normal(MT_FLOAT64, 5, 0.3, 1.7, true);
    SAME(out.d, 2.9196933840148738, -0.19882913979360883, -3.4039419495267476, 1.266333171377135,
         -1.5436879821208356);
    seed_normal(MT_FLOAT64, 16, 0, 1, true);
    SAME(out.d, -2.310411800234176, -0.3732508612577643, -1.0608166785462863, 0.9995093547811761,
         -0.8840250045832653);
    seed_normal(MT_FLOAT64, 1000, 0, 1, true);
    HASH(&out, 8000, 0xe9aadb4005f415af);
#endif
}

static void test_normal_hashes(void)
{
    static const struct {
        int64_t n;
        double mean, std;
        uint64_t hash;
    } cases[] = {
        {15, 0, 1, UINT64_C(0xfeb39d97c8afee24)},
        {16, 0, 1, UINT64_C(0x7648137a31024642)},
        {17, 0, 1, UINT64_C(0x6d2169852e19b6d1)},
        {31, 0, 1, UINT64_C(0xcc1d58695e923901)},
        {32, 0, 1, UINT64_C(0x7e488a9f00762edc)},
        {33, 0, 1, UINT64_C(0x889b8aa5f10412de)},
        {1000, 0, 1, UINT64_C(0x43678415636bbad8)},
        {1000, 0.3, 1.7, UINT64_C(0xdd46283c81d98cfc)},
        {5000, 0, 1, UINT64_C(0x0371c3f800bb81a4)}, /* Embedding(100, 50) */
        {1000000, 0, 1, UINT64_C(0x46aae2c14787e572)},
    };
    for (int i = 0; i < (int)COUNT(cases); i++) {
        seed_normal(MT_FLOAT32, cases[i].n, cases[i].mean, cases[i].std, true);
        CHECK(sha256(&out, (size_t)cases[i].n * 4) == cases[i].hash);
    }
}

static void test_integers(void)
{
    FRESH;
    mt_random_range(gen, MT_INT64, 5, &out, 0, 10);
    SAME(out.i, 4, 9, 3, 0, 3);
    FRESH;
    mt_random_range(gen, MT_INT64, 5, &out, -5, (1 << 28) + 5);
    SAME(out.i, 1139187, 17684937, 51010772, 28339662, 187606631);
    FRESH;
    mt_random_range(gen, MT_INT64, 1000, &out, 0, 1000);
    HASH(&out, 8000, 0x0d830c8245bf33e5);
    FRESH;
    mt_random_any(gen, MT_INT64, 5, &out);
    SAME(out.i, 900450186894289455, 3969543146641149120, 1895649597198586619, 827948490035658087,
         7815051614634499795);
    FRESH;
    mt_random_any(gen, MT_INT32, 5, &out);
    SAME(out.i32, 209652396, 398764591, 924231285, 1478610112, 441365315);
    FRESH;
    mt_random_any(gen, MT_FLOAT32, 5, &out);
    SAME(out.f, 8.325664e+06f, 1.2888472e+07f, 1.484222e+06f, 2.214888e+06f, 5.157545e+06f);
    FRESH;
    mt_random_range(gen, MT_INT64, 2, &out, INT64_MIN, 0); /* range 2^64 */
    CHECK(out.i[0] == (int64_t)((UINT64_C(2357136044) << 32 | 2546248239) + (UINT64_C(1) << 63)));
    /* One remainder by multiplication against one by division, at the ends of the narrow ranges. */
    static const uint32_t range[] = {1, 2, 3, 7, 255, 65536, 99999, (1 << 28) - 1};
    for (int r = 0; r < (int)COUNT(range); r++) {
        FRESH;
        mt_random_range(gen, MT_INT64, 1000, &out, -3, range[r]);
        FRESH;
        for (int i = 0; i < 1000; i++)
            CHECK(out.i[i] == (int64_t)(mt_random_u32(gen) % range[r]) - 3);
    }
}

static void test_permutations(void)
{
    FRESH;
    mt_random_permutation(gen, MT_INT64, 10, &out);
    SAME(out.i, 4, 1, 7, 5, 3, 9, 0, 8, 6, 2);
    FRESH;
    mt_random_permutation(gen, MT_INT32, 10, &out);
    SAME(out.i32, 4, 1, 7, 5, 3, 9, 0, 8, 6, 2);
    FRESH;
    mt_random_permutation(gen, MT_INT64, 1000, &out);
    HASH(&out, 8000, 0xcee4a88ef6120e8e);
    mt_random_permutation(gen, MT_INT64, 1, &out);
    CHECK(out.i[0] == 0);
    uint32_t next = mt_random_u32(gen);
    FRESH;
    for (int i = 0; i < 999; i++) mt_random_u32(gen); /* n - 1 words, and none for one element */
    CHECK(mt_random_u32(gen) == next);
}

static void test_bernoulli(void)
{
    float p[20];
    for (int i = 0; i < 20; i++) p[i] = 0.5f;
    FRESH;
    mt_random_bernoulli(gen, MT_FLOAT32, 20, &out, 0.5);
    SAME(out.f, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0);
    FRESH;
    mt_random_bernoulli_each(gen, MT_FLOAT32, 20, &out, MT_FLOAT32, p);
    SAME(out.f, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1);
    FRESH;
    mt_random_bernoulli(gen, MT_INT64, 6, &out, 0.5);
    SAME(out.i, 0, 0, 1, 0, 0, 0);
    FRESH;
    mt_random_bernoulli(gen, MT_FLOAT32, 1000, &out, 0.3);
    HASH(&out, 4000, 0x23f60bc641a0332d);
    FRESH;
    mt_random_dropout(gen, MT_FLOAT32, 20, &out, 0.1);
    static const int kept[] = {0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 20; i++) CHECK(out.f[i] == (kept[i] ? 1.0f / (float)(1 - 0.1) : 0));
    mt_random_bernoulli(gen, MT_FLOAT32, 1000, &out, 1);
    for (int i = 0; i < 1000; i++) CHECK(out.f[i] == 1);
    mt_random_bernoulli(gen, MT_FLOAT64, 1000, &out, 0);
    for (int i = 0; i < 1000; i++) CHECK(out.d[i] == 0);
}

static void test_others(void)
{
    FRESH;
    mt_random_exponential(gen, MT_FLOAT32, 5, &out, 1.3);
    SAME(out.f, 2.6987123f, 0.9464498f, 0.47311085f, 1.9500912f, 0.7966965f);
    FRESH;
    mt_random_exponential(gen, MT_FLOAT32, 1000, &out, 1);
    HASH(&out, 4000, 0x4df57e50cde188d7);
    FRESH;
    mt_random_cauchy(gen, MT_FLOAT32, 5, &out, 0.2, 1.3);
    SAME(out.f, 13.977048f, 1.1941974f, 0.033210855f, 5.3129954f, 0.8369856f);
    FRESH;
    mt_random_geometric(gen, MT_FLOAT32, 5, &out, 0.3);
    SAME(out.f, 1, 1, 3, 1, 2);
    FRESH;
    mt_random_log_normal(gen, MT_FLOAT32, 5, &out, 0.4, 1.1);
    SAME(out.f, 8.126219f, 1.0802885f, 0.13578694f, 2.7878604f, 0.4524968f);
#ifdef __GLIBC__
    FRESH;
    mt_random_exponential(gen, MT_FLOAT64, 5, &out, 1.3);
    SAME(out.d, 2.6987124513135705, 0.9464498185997513, 0.4731108414569319, 1.9500912647814472,
         0.7966964890944676);
    FRESH;
    mt_random_log_normal(gen, MT_FLOAT64, 5, &out, 0.4, 1.1);
    SAME(out.d, 8.126218767077424, 1.0802885740753503, 0.13578692900665035, 2.7878603584611588,
         0.45249680498829903);
#endif
    float weights[6] = {.1f, .9f, .4f, .7f, 3, .6f}, sums[6];
    FRESH;
    mt_random_choices(gen, MT_FLOAT32, 6, weights, sums, 10, out.i);
    SAME(out.i, 5, 4, 4, 5, 4, 4, 2, 3, 4, 3);
    double weights64[6] = {.1, .9, .4, .7, 3, .6}, sums64[6];
    FRESH;
    mt_random_choices(gen, MT_FLOAT64, 6, weights64, sums64, 10, out.i);
    SAME(out.i, 5, 4, 4, 5, 4, 4, 2, 3, 4, 3);
}

/* Nothing is drawn for nothing. */
static void test_empty(void)
{
    FRESH;
    mt_random_uniform(gen, MT_FLOAT64, 0, &out, 0, 1);
    mt_random_normal(gen, MT_FLOAT32, 0, &out, 0, 1, true);
    mt_random_range(gen, MT_INT8, 0, &out, 0, 3);
    mt_random_permutation(gen, MT_INT64, 0, &out);
    mt_random_bernoulli(gen, MT_BOOL, 0, &out, 0.5);
    mt_random_exponential(gen, MT_FLOAT32, 0, &out, 1);
    CHECK(mt_random_u32(gen) == 2357136044u);
}

/* The second half of a block stays beyond a chunk's end: what each table
 * writes must stay inside n. */
static void test_bounds(void)
{
    for (int n = 0; n < 70; n++) {
        float *f = malloc((size_t)n * sizeof *f + !n);
        double *d = malloc((size_t)n * sizeof *d + !n);
        if (!f || !d) abort();
        mt_random_uniform(gen, MT_FLOAT32, n, f, 0, 1);
        mt_random_normal(gen, MT_FLOAT32, n, f, 0, 1, true);
        mt_random_bernoulli(gen, MT_FLOAT32, n, f, 0.5);
        mt_random_uniform(gen, MT_FLOAT64, n, d, 0, 1);
        mt_random_normal(gen, MT_FLOAT64, n, d, 0, 1, true);
        free(f);
        free(d);
    }
}

/* The engine without any kernels is the one of the kernels. */
static void test_plain_engine(void (*plain_refill)(uint32_t *),
                              void (*plain_temper)(int64_t, uint32_t *, const uint32_t *))
{
    static uint32_t a[MT_MT19937_WORDS], b[MT_MT19937_WORDS], c[MT_MT19937_WORDS],
        d[MT_MT19937_WORDS];
    mt_generator_seed(gen, 20);
    memcpy(a, gen->state, sizeof a);
    memcpy(b, gen->state, sizeof b);
    for (int round = 0; round < 5; round++) {
        plain_refill(a);
        mt_k->mt19937_refill(b);
        CHECK(memcmp(a, b, sizeof a) == 0);
        plain_temper(MT_MT19937_WORDS, c, a);
        mt_k->mt19937_temper(MT_MT19937_WORDS, d, b);
        CHECK(memcmp(c, d, sizeof c) == 0);
    }
}

int main(void)
{
    void (*refill)(uint32_t *) = mt_mt19937_refill;
    void (*temper)(int64_t, uint32_t *, const uint32_t *) = mt_mt19937_temper;
    mt_kernels_init();
    gen = mt_generator_new();
    if (!CHECK(gen != NULL)) return mtest_done();
    RUN(test_sha256);
    static const char *const tables[] = {"baseline", "avx2", "avx512", "neon"};
    for (int i = 0; i < (int)COUNT(tables); i++) {
        const mt_kernels *k = mt_kernels_named(tables[i]);
        if (!k) continue;
        mt_k = k;
        mt_mt19937_refill = k->mt19937_refill;
        mt_mt19937_temper = k->mt19937_temper;
        RUN(test_words);
        RUN(test_seeds);
        RUN(test_saved_state);
        RUN(test_bad_states);
        RUN(test_uniform);
        RUN(test_normal_goldens);
        RUN(test_normal_hashes);
        RUN(test_integers);
        RUN(test_permutations);
        RUN(test_bernoulli);
        RUN(test_others);
        RUN(test_empty);
        RUN(test_bounds);
        mtest_name = "test_plain_engine";
        test_plain_engine(refill, temper);
    }
    mt_generator_release(gen);
    return mtest_done();
}
