/* The random engine: MT19937 with PyTorch's seeding, word order and saved state.
 *
 * A generator hands out 32-bit words; everything else (uniforms, normals, permutations) is
 * arithmetic on them: see tensor/sample.h. The same seed gives the same words, and so the same
 * numbers, as PyTorch 2.13 on a CPU. A generator has no lock of its own: two threads that share one
 * must take turns, as the host's lock makes them do (the numbers are wrong if they do not; memory
 * is safe either way). Read next: random.c. */
#ifndef MT_BASE_RANDOM_H
#define MT_BASE_RANDOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MT_MT19937_WORDS        624
#define MT_GENERATOR_STATE_SIZE 5056                     /* bytes of a saved state */
#define MT_GENERATOR_SEED       UINT64_C(67280421310721) /* of a generator nobody seeded */

/* Invariants: next <= end <= 624; words[next .. end) are the next outputs; words[i] is state[i]
 * tempered wherever next <= i < end. `turn` is left + next of the saved form, which no draw changes
 * (a draw moves one from left to next): 625, but 1 after seeding. */
typedef struct mt_generator {
    uint32_t state[MT_MT19937_WORDS];
    uint32_t words[MT_MT19937_WORDS];
    int32_t next, end, turn;
    bool has_normal; /* the scalar path of normal() makes two values and keeps one */
    double normal;
    uint64_t seed; /* all 64 bits as given; the engine uses the low 32 */
    _Atomic int32_t count;
    void *host; /* the host language's object, if any: not counted, not touched here */
} mt_generator;

/* Seeded with MT_GENERATOR_SEED and counted once. NULL: out of memory. */
mt_generator *mt_generator_new(void);
mt_generator *mt_generator_clone(const mt_generator *g);
mt_generator *mt_generator_retain(mt_generator *g);
void mt_generator_release(mt_generator *g); /* NULL is allowed */

/* The one that operators use when none is given: lives for ever, first seeded unpredictably. */
mt_generator *mt_default_generator(void);

void mt_generator_seed(mt_generator *g, uint64_t seed);
uint64_t mt_generator_seed_unpredictably(mt_generator *g); /* returns the seed */
static inline uint64_t mt_generator_initial_seed(const mt_generator *g) { return g->seed; }

/* The saved form is PyTorch's, byte for byte, so states can be exchanged. set_state fails with
 * PyTorch's texts (MT_RUNTIME) and then leaves the generator as it was. */
void mt_generator_get_state(const mt_generator *g, uint8_t *state);
int mt_generator_set_state(mt_generator *g, const uint8_t *state, int64_t size);

/* The output that a word of the state makes. */
static inline uint32_t mt_mt19937_tempered(uint32_t y)
{
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* The two vectorisable halves of a new block of 624 words: plain C here until mt_kernels_init()
 * puts the kernels of this processor in their place. Both give the same words. */
extern void (*mt_mt19937_refill)(uint32_t *state);
extern void (*mt_mt19937_temper)(int64_t n, uint32_t *out, const uint32_t *state);

void mt_generator_refill(mt_generator *g);

/* ---- drawing --------------------------------------------------------------------------------- */
static inline uint32_t mt_random_u32(mt_generator *g)
{
    int32_t i = g->next;
    if (i >= g->end) {
        mt_generator_refill(g);
        i = 0;
    }
    g->next = i + 1;
    return g->words[i];
}

/* The first word is the high half. */
static inline uint64_t mt_random_u64(mt_generator *g)
{
    uint64_t high = mt_random_u32(g);
    return high << 32 | mt_random_u32(g);
}

/* In [0, 1): 24 bits from one word, 53 bits from two. Both products are exact. */
static inline float mt_random_u24(mt_generator *g)
{
    return (float)(int32_t)(mt_random_u32(g) & 0xFFFFFF) * 0x1p-24f;
}
static inline double mt_random_u53(mt_generator *g)
{
    return (double)(int64_t)(mt_random_u64(g) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

/* Up to n words at once, where they lie: *n is lowered to what the present block still holds (at
 * least 1 if n was). They count as drawn and stay valid until the next draw. */
const uint32_t *mt_random_take(mt_generator *g, int64_t *n);
/* Exactly n words, copied. */
void mt_random_words(mt_generator *g, int64_t n, uint32_t *out);

#endif
