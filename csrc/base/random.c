/* The random engine: seeding, blocks of 624 words, the saved state.
 *
 * M. Matsumoto, T. Nishimura: "Mersenne Twister: a 623-dimensionally equidistributed uniform
 * pseudo-random number generator", ACM TOMACS 8 (1998). The recurrence is theirs (p. 10), the
 * seeding that of their 2002 revision. Relies on base/alloc.h and base/error.h. Read next:
 * tensor/sample.c. */
#include "base/random.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

enum { N = MT_MT19937_WORDS, M = 397 };

/* ==== the recurrence ========================================================================== */

/* x[k+n] = x[k+m] ^ (upper bit of x[k] | lower 31 bits of x[k+1]) A; kernels/random.c has the fast
 * twin. */
static void refill_plain(uint32_t *s)
{
    for (int i = 0; i < N; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % N] & 0x7fffffffu);
        s[i] = s[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
}

static void temper_plain(int64_t n, uint32_t *out, const uint32_t *state)
{
    for (int64_t i = 0; i < n; i++) out[i] = mt_mt19937_tempered(state[i]);
}

void (*mt_mt19937_refill)(uint32_t *state) = refill_plain;
void (*mt_mt19937_temper)(int64_t n, uint32_t *out, const uint32_t *state) = temper_plain;

void mt_generator_refill(mt_generator *g)
{
    mt_mt19937_refill(g->state);
    mt_mt19937_temper(N, g->words, g->state);
    g->next = 0;
    g->end = N;
    g->turn = N + 1;
}

const uint32_t *mt_random_take(mt_generator *g, int64_t *n)
{
    if (*n > 0 && g->next >= g->end) mt_generator_refill(g);
    int32_t first = g->next, left = g->end - first;
    if (*n > left) *n = left;
    g->next = first + (int32_t)*n;
    return g->words + first;
}

void mt_random_words(mt_generator *g, int64_t n, uint32_t *out)
{
    while (n > 0) {
        int64_t some = n;
        const uint32_t *words = mt_random_take(g, &some);
        memcpy(out, words, (size_t)some * sizeof *out);
        out += some;
        n -= some;
    }
}

/* ==== life ==================================================================================== */

mt_generator *mt_generator_new(void)
{
    mt_generator *g = mt_malloc(sizeof *g);
    if (!g) return NULL;
    mt_generator_seed(g, MT_GENERATOR_SEED);
    atomic_init(&g->count, 1);
    g->host = NULL;
    return g;
}

mt_generator *mt_generator_clone(const mt_generator *g)
{
    mt_generator *copy = mt_malloc(sizeof *copy);
    if (!copy) return NULL;
    memcpy(copy, g, offsetof(mt_generator, count));
    atomic_init(&copy->count, 1);
    copy->host = NULL;
    return copy;
}

mt_generator *mt_generator_retain(mt_generator *g)
{
    atomic_fetch_add_explicit(&g->count, 1, memory_order_relaxed);
    return g;
}

void mt_generator_release(mt_generator *g)
{
    if (g && atomic_fetch_sub_explicit(&g->count, 1, memory_order_acq_rel) == 1)
        mt_free(g, sizeof *g);
}

mt_generator *mt_default_generator(void)
{
    static mt_generator generator = {.count = 1}; /* the count that is never given back */
    static bool seeded;
    if (!seeded) {
        mt_generator_seed_unpredictably(&generator);
        seeded = true;
    }
    return &generator;
}

/* ==== seeding ================================================================================= */

void mt_generator_seed(mt_generator *g, uint64_t seed)
{
    uint32_t s = (uint32_t)seed;
    for (uint32_t j = 0; j < N; j++) {
        g->state[j] = s;
        s = 1812433253u * (s ^ (s >> 30)) + j + 1;
    }
    g->next = g->end = 0; /* the first draw makes a block */
    g->turn = 1;
    g->has_normal = false;
    g->normal = 0;
    g->seed = seed;
}

uint64_t mt_generator_seed_unpredictably(mt_generator *g)
{
    uint64_t seed = 0;
    if (getentropy(&seed, sizeof seed) != 0) {
        struct timespec t = {0, 0};
        clock_gettime(CLOCK_REALTIME, &t);
        seed = ((uint64_t)t.tv_sec << 30 ^ (uint64_t)t.tv_nsec) + ((uint64_t)getpid() << 40);
    }
    mt_generator_seed(g, seed);
    return seed;
}

/* ==== the saved state ========================================================================= */

/* What PyTorch writes, on the little-endian machines both run on. */
typedef struct saved_state {
    uint64_t seed;
    int32_t left; /* draws until the next block, plus 1: from 1 to 624 */
    int32_t seeded;
    uint64_t next;
    uint64_t state[N]; /* 32 bits of each are used */
    double normal_x;   /* 0: of an older form */
    double normal;
    double normal_rho; /* 0 */
    int32_t has_normal;
    int32_t padding;
    float normal_float; /* 0: the cache of float normals, which a CPU never uses */
    uint8_t has_normal_float;
    uint8_t padding2[3];
} saved_state;

static_assert(sizeof(saved_state) == MT_GENERATOR_STATE_SIZE, "the size is part of the format");

void mt_generator_get_state(const mt_generator *g, uint8_t *state)
{
    saved_state s;
    memset(&s, 0, sizeof s);
    s.seed = g->seed;
    s.left = g->turn - g->next;
    s.seeded = 1;
    s.next = (uint64_t)g->next;
    for (int i = 0; i < N; i++) s.state[i] = g->state[i];
    s.normal = g->has_normal ? g->normal : 0;
    s.has_normal = g->has_normal;
    memcpy(state, &s, sizeof s);
}

int mt_generator_set_state(mt_generator *g, const uint8_t *state, int64_t size)
{
    if (size != MT_GENERATOR_STATE_SIZE)
        return mt_error(MT_RUNTIME,
                        "Expected a CPUGeneratorImplState of size %d but found the input RNG state "
                        "size to be %lld",
                        MT_GENERATOR_STATE_SIZE, (long long)size);
    saved_state s;
    memcpy(&s, state, sizeof s);
    if (s.seeded == 0 || s.left < 1 || s.left > N || s.next > N)
        return mt_error(MT_RUNTIME, "Invalid mt19937 state");
    for (int i = 0; i < N; i++) g->state[i] = (uint32_t)s.state[i];
    mt_mt19937_temper(N, g->words, g->state);
    g->seed = s.seed;
    g->next = (int32_t)s.next;
    g->turn = s.left + g->next;
    /* A state made by hand may promise more words than a block has: it ends with the block. */
    g->end = g->turn - 1 < N ? g->turn - 1 : N;
    g->has_normal = s.has_normal != 0;
    g->normal = g->has_normal ? s.normal : 0;
    return 0;
}
