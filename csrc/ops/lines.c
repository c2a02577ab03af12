/* Ordering a line: every type becomes an unsigned key, then sorts of words serve all, each word made of 32 bits of the
 * key and the number of the element, so that equal ones keep their order. Relies on lines.h; read next: ops/sort.c. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors where keys are made, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "ops/lines.h"

#include "base/alloc.h"

#include <string.h>

enum {
    RANKED = 20,   /* elements whose ranks are counted, each against each */
    INSERTED = 80, /* elements that insertion orders faster than counting of digits */
    FEW = 16,      /* first ones that are found in one walk */
    SMALL = 16384, /* elements for which a digit has 8 bits, else 11 */
    DIGITS = 4,
    MOST_VALUES = 1 << 11
};

mt_lines mt_lines_of(int ndim, const int64_t *size, int dim)
{
    mt_lines l = {1, 1, 1};
    for (int d = 0; d < ndim; d++) *(d < dim ? &l.outer : d > dim ? &l.inner : &l.n) *= size[d];
    return l;
}

int mt_order_begin(mt_order *o, int64_t n)
{
    int64_t bytes;
    *o = (mt_order){.n = n};
    if (n > UINT32_MAX || __builtin_mul_overflow(n ? n : 1, (int64_t)(4 * sizeof(int64_t)), &bytes))
        return mt_error(MT_RUNTIME, "sort: too many elements");
    o->bytes = (size_t)bytes;
    if (!(o->block = mt_malloc(o->bytes))) return -1;
    o->key = o->block;
    o->word = o->key + n;
    o->other = o->word + n;
    o->place = (int64_t *)o->other + n;
    return 0;
}

void mt_order_end(mt_order *o) { mt_free(o->block, o->bytes); }

/* ---- keys ------------------------------------------------------------------------------------ */

/* Floats compare like their bits if negative ones are turned round; -0.0 is 0.0, any NaN comes last. */
static inline uint64_t key_f32(float x)
{
    uint32_t bits;
    x = x + 0;
    memcpy(&bits, &x, sizeof bits);
    bits ^= (0 - (bits >> 31)) | (uint32_t)1 << 31;
    return x != x ? UINT32_MAX : bits;
}
static inline uint64_t key_f64(double x)
{
    uint64_t bits;
    x = x + 0;
    memcpy(&bits, &x, sizeof bits);
    bits ^= (0 - (bits >> 63)) | (uint64_t)1 << 63;
    return x != x ? UINT64_MAX : bits;
}

/* All ones above the key turn the order round, and stay within as many bits. */
#define READ(T, most, value)                                                                       \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const T x = ((const T *)(const void *)data)[i * step];                                     \
        key[i] = (value) ^ (descending ? (most) : 0);                                              \
    }                                                                                              \
    o->nan = (most) ^ (descending ? (most) : 0);                                                   \
    break;

void mt_order_read(mt_order *o, mt_dtype d, const char *data, int64_t step, bool descending)
{
    const int64_t n = o->n;
    uint64_t *restrict key = o->key;
    switch (d) {
    case MT_FLOAT32:
        READ(float, UINT32_MAX, key_f32(x))
    case MT_FLOAT64:
        READ(double, UINT64_MAX, key_f64(x))
    case MT_INT64:
        READ(int64_t, UINT64_MAX, (uint64_t)x ^ (uint64_t)1 << 63)
    case MT_INT32:
        READ(int32_t, UINT32_MAX, (uint32_t)x ^ (uint32_t)1 << 31)
    case MT_INT16:
        READ(int16_t, UINT16_MAX, (uint16_t)(x ^ INT16_MIN))
    case MT_INT8:
        READ(int8_t, UINT8_MAX, (uint8_t)(x ^ INT8_MIN))
    case MT_BOOL:
        READ(uint8_t, 1u, (x != 0))
    default:
        READ(uint8_t, UINT8_MAX, x)
    }
}
#undef READ

/* ---- words ----------------------------------------------------------------------------------- */

/* Into order by the number of those below each: no branch, as words differ. */
static void rank_words(int64_t n, uint64_t *word)
{
    uint64_t old[RANKED];
    memcpy(old, word, (size_t)n * sizeof *word);
    for (int64_t i = 0; i < n; i++) {
        int64_t below = 0;
        for (int64_t k = 0; k < n; k++) below += old[k] < old[i];
        word[below] = old[i];
    }
}

static void insert_words(int64_t n, uint64_t *word)
{
    for (int64_t i = 1; i < n; i++) {
        const uint64_t w = word[i];
        int64_t j = i;
        for (; j > 0 && word[j - 1] > w; j--) word[j] = word[j - 1];
        word[j] = w;
    }
}

static int bits_of(uint64_t x) { return x ? 64 - __builtin_clzll(x) : 0; }

/* The words, of which `bits` above the lowest 32 differ, in order; in `word` or in `other`: which of them is returned.
 * Digit after digit from the lowest, each pass keeping the order of the one before (LSD radix sort). */
static uint64_t *sort_words(int64_t n, uint64_t *word, uint64_t *other, int bits)
{
    uint32_t count[DIGITS][MOST_VALUES];
    if (n <= INSERTED) {
        (n <= RANKED ? rank_words : insert_words)(n, word);
        return word;
    }
    const int most = n < SMALL ? 8 : 11, digits = (bits + most - 1) / most;
    const int width = digits ? (bits + digits - 1) / digits : 0;
    const uint64_t mask = ((uint64_t)1 << width) - 1;
    for (int d = 0; d < digits; d++) memset(count[d], 0, sizeof **count << width);
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < digits; d++) count[d][word[i] >> (32 + d * width) & mask]++;
    for (int d = 0; d < digits; d++) {
        const int shift = 32 + d * width;
        uint32_t sum = 0;
        for (uint64_t v = 0; v <= mask; v++) {
            const uint32_t some = count[d][v];
            count[d][v] = sum;
            sum += some;
        }
        for (int64_t i = 0; i < n; i++) other[count[d][word[i] >> shift & mask]++] = word[i];
        uint64_t *swapped = word;
        word = other;
        other = swapped;
    }
    return word;
}

/* Keys with more than 32 bits that differ: where the upper ones are equal, the lower ones decide. */
static void sort_runs(const mt_order *o, int64_t n, uint64_t *word, uint64_t *other, uint64_t low,
                      int shift)
{
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && word[end] >> 32 == word[i] >> 32;) end++;
        if (end == i + 1) continue;
        for (int64_t k = i; k < end; k++) {
            const uint64_t number = word[k] & UINT32_MAX, rest = o->key[number] - low;
            word[k] = (rest & (((uint64_t)1 << shift) - 1)) << 32 | number;
        }
        const uint64_t *sorted = sort_words(end - i, word + i, other + i, shift);
        if (sorted != word + i) memcpy(word + i, sorted, (size_t)(end - i) * sizeof *word);
    }
}

/* ---- the places asked for -------------------------------------------------------------------- */

/* The first few, by insertion into what has been found. */
static void first_few(mt_order *o, int64_t few)
{
    uint64_t best[FEW], worst = UINT64_MAX;
    int64_t found = 0;
    for (int64_t i = 0; i < o->n; i++) {
        const uint64_t key = o->key[i];
        if (found == few && key >= worst) continue;
        int64_t k = found < few ? found++ : few - 1;
        for (; k > 0 && best[k - 1] > key; k--)
            best[k] = best[k - 1], o->place[k] = o->place[k - 1];
        best[k] = key;
        o->place[k] = i;
        worst = best[found - 1];
    }
}

/* Keeps the elements whose upper bits are those of ranks [first, last); *n of them, their keys in key[] and places in
 * place[], the smallest and the largest that they may be in *low and *high. Returns how many come before. */
static int64_t keep_ranks(mt_order *o, int64_t first, int64_t last, int64_t *n, uint64_t *low,
                          uint64_t *high)
{
    const int bits = bits_of(*high - *low), shift = bits > 11 ? bits - 11 : 0;
    const uint64_t base = *low;
    uint32_t count[MOST_VALUES] = {0};
    int64_t before = 0, from = 0, to, kept = 0;
    for (int64_t i = 0; i < o->n; i++) count[(o->key[i] - base) >> shift]++;
    while (before + count[from] <= first) before += count[from++];
    int64_t sum = before + count[to = from];
    while (sum < last) sum += count[++to];
    for (int64_t i = 0; i < o->n; i++) {
        const uint64_t key = o->key[i], part = (key - base) >> shift;
        o->key[kept] = key;
        o->place[kept] = i;
        kept += part >= (uint64_t)from && part <= (uint64_t)to;
    }
    *n = kept;
    *low = base + ((uint64_t)from << shift);
    *high = base + ((uint64_t)to << shift) + (((uint64_t)1 << shift) - 1);
    return before;
}

void mt_order_sort(mt_order *o, int64_t first, int64_t last)
{
    int64_t n = o->n, before = 0;
    uint64_t low = UINT64_MAX, high = 0;
    if (first == last) return;
    if (last <= FEW && n > INSERTED) {
        first_few(o, last);
        memmove(o->place, o->place + first, (size_t)(last - first) * sizeof *o->place);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const uint64_t key = o->key[i];
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    const bool some = last - first < n / 4 && n > INSERTED;
    if (some) before = keep_ranks(o, first, last, &n, &low, &high);
    const int bits = bits_of(high - low), shift = bits > 32 ? bits - 32 : 0;
    for (int64_t i = 0; i < n; i++) o->word[i] = (o->key[i] - low) >> shift << 32 | (uint64_t)i;
    uint64_t *sorted = sort_words(n, o->word, o->other, bits - shift);
    uint64_t *free_words = sorted == o->word ? o->other : o->word;
    if (shift) sort_runs(o, n, sorted, free_words, low, shift);
    int64_t *places = some ? (int64_t *)free_words : o->place;
    for (int64_t i = first - before; i < last - before; i++) {
        const int64_t number = (int64_t)(sorted[i] & UINT32_MAX);
        places[i - (first - before)] = some ? o->place[number] : number;
    }
    if (some) memcpy(o->place, places, (size_t)(last - first) * sizeof *places);
}
