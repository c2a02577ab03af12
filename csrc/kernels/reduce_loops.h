/* The reductions of one element type: a template, included by reduce.c once per type.
 *
 * Expects T, S and W as kernels/math.h says, DTYPE (MT_FLOAT32, ...), IS_FLOAT for floats, and
 *     A                 the type to add up in: T for floats, else uint64_t, where overflow wraps
 *     KEY               integers that sort as T does (see key_f32)
 *     KEY_MIN, KEY_MAX  the ends of KEY
 *     BITS              for floats: KEY without a sign
 *     LOWEST, HIGHEST   the ends of T
 *     IS_BOOL           for bools, which foreign memory may hold as any byte but 0
 * and undefines them all. */
#if defined(IS_BOOL)
#define READ(x) ((T)((x) != 0))
#else
#define READ(x) (x)
#endif

#if defined(IS_FLOAT)
#define POSITIVE_ZERO(x) ((x) + 0) /* -0 counts as 0 where places are compared */
/* ---- sum of floats ---------------------------------------------------------------------------- */
#include "kernels/sum_loops.h"

/* Of a few dozen numbers, without the levels. */
MT_INLINE T MT_CAT(few, S)(int64_t n, const char *in, int64_t stride)
{
    T part[CHUNKS] = {0};
    int64_t i = 0;
    for (; i + CHUNKS <= n; i += CHUNKS, in += CHUNKS * stride)
        for (int k = 0; k < CHUNKS; k++) part[k] += *(const T *)(in + k * stride);
    for (; i < n; i++, in += stride) part[0] += *(const T *)in;
    return part[0] + part[1] + part[2] + part[3];
}
/* Of neighbours, from their whole rows on. */
MT_INLINE T MT_CAT(line, S)(int64_t n, const char *in)
{
    const int64_t rows = n / MT_CAT(WIDE, S);
    MT_CAT(vector, S) sum[VECTORS];
    MT_CAT(cascade, S)(rows, mt_sum_power(rows), 1, sum, in, MT_SUM_ROW, VECTOR_BYTES);
    return MT_CAT(close_sum, S)(n, (MT_CAT(chunk, S) *)sum, (const T *)in);
}
static void MT_CAT(sum, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    T four[CHUNKS];
    if (stride == (int64_t)sizeof(T) && n >= MT_CAT(CHUNK, S)) {
        four[0] = MT_CAT(line, S)(n, in);
    } else if (n < 16 * CHUNKS) {
        four[0] = MT_CAT(few, S)(n, in, stride);
    } else {
        MT_CAT(cascade_numbers_by_fourths, S)(n, four, in, stride);
    }
    *(T *)out = four[0];
}

/* For sums in parts: those of whole rows of neighbours, and what is left to do after all of them. */
static void MT_CAT(sum_rows, S)(int64_t rows, int power, void *sum, const char *in)
{
    MT_CAT(cascade, S)(rows, power, 1, sum, in, MT_SUM_ROW, VECTOR_BYTES);
}
static void MT_CAT(sum_close, S)(int64_t n, char *out, void *sum, const char *in)
{
    *(T *)out = MT_CAT(close_sum, S)(n, sum, (const T *)in);
}

MT_INLINE void MT_CAT(put, S)(bool add, char *out, int64_t step, int n, const T *x)
{
    if (add)
        for (int k = 0; k < n; k++) *(T *)(out + k * step) += x[k];
    else if (step == (int64_t)sizeof(T))
        memcpy(out, x, (size_t)n * sizeof(T));
    else
        for (int k = 0; k < n; k++) *(T *)(out + k * step) = x[k];
}

/* out[j] = (or += ) the sum of column j. Which order a column is added up in depends on where it
 * stands. */
static void MT_CAT(sum_tile, S)(int64_t n, int64_t columns, bool add, char *out, int64_t step,
                                const char *in, int64_t row, int64_t column)
{
    enum { CHUNK = MT_CAT(CHUNK, S), WIDE = MT_CAT(WIDE, S) };
    const int64_t item = sizeof(T);
    const bool lines = row == item && n >= CHUNK, neighbours = column == item && columns >= CHUNK;
    const int power = mt_sum_power(n);
    int64_t j = 0;
    while (neighbours && !lines && columns - j >= WIDE) {
        const int64_t left = (columns - j) / WIDE;
        const int groups = left < SUM_GROUPS ? (int)left : SUM_GROUPS;
        MT_CAT(vector, S) sum[SUM_GROUPS * VECTORS];
        MT_CAT(cascade, S)(n, power, groups, sum, in + j * item, row, VECTOR_BYTES);
        MT_CAT(put, S)(add, out + j * step, step, groups * WIDE, (const T *)sum);
        j += groups * WIDE;
    }
    for (; neighbours && !lines && j + CHUNK <= columns; j += CHUNK) {
        MT_CAT(chunk, S) sum[CHUNKS];
        MT_CAT(cascade_chunks_by_fourths, S)(n, sum, in + j * item, row);
        MT_CAT(put, S)(add, out + j * step, step, CHUNK, (const T *)sum);
    }
    for (; !neighbours && !lines && row >= column && j + CHUNKS <= columns; j += CHUNKS) {
        T sum[CHUNKS];
        MT_CAT(cascade_numbers, S)(n, power, 1, sum, in + j * column, row, column);
        MT_CAT(put, S)(add, out + j * step, step, CHUNKS, sum);
    }
    for (; j < columns; j++) {
        T sum;
        MT_CAT(sum, S)(n, (char *)&sum, in + j * column, row);
        MT_CAT(put, S)(add, out + j * step, step, 1, &sum);
    }
}
static void MT_CAT(sum_columns, S)(int64_t rows, int64_t columns, char *out, const char *in,
                                   int64_t row)
{
    MT_CAT(sum_tile, S)(rows, columns, false, out, sizeof(T), in, row, sizeof(T));
}

/* ---- prod of floats --------------------------------------------------------------------------- */

/* Lanes: 256 bytes of numbers side by side, multiplied element by element; a block is BLOCK_ROWS
 * rows of lanes. Blocks are joined pairwise like the carries of a binary counter (level[l] holds the
 * product of 2^l blocks), and the lanes are folded at the very end: the order depends on n alone. */
enum { MT_CAT(LANES, S) = LANE_BYTES / sizeof(T) };

MT_INLINE void MT_CAT(join, S)(T *restrict into, const T *restrict from)
{
    for (int i = 0; i < MT_CAT(LANES, S); i++) into[i] *= from[i];
}

/* lane = the product of `rows` rows at x. */
MT_INLINE void MT_CAT(multiply_block, S)(T *lane, const T *x, int64_t rows)
{
    typedef MT_CAT(vector, S) vec;
    enum { V = LANE_BYTES / VECTOR_BYTES };
    vec product[V];
    for (int v = 0; v < V; v++) product[v] = (vec){0} + 1;
    for (int64_t r = 0; r < rows; r++) {
        const vec *in = (const vec *)(x + r * MT_CAT(LANES, S));
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) product[v] *= in[v];
    }
    memcpy(lane, product, sizeof product);
}

MT_INLINE T MT_CAT(long_product, S)(int64_t n, const char *in, int64_t stride)
{
    enum { LANES = MT_CAT(LANES, S), BLOCK = BLOCK_ROWS * LANES };
    T level[MAX_LEVELS][LANES], lane[LANES], gathered[BLOCK];
    const int64_t blocks = n / BLOCK;
    for (int64_t b = 0; b <= blocks; b++) {
        const int64_t some = b < blocks ? BLOCK : n - blocks * BLOCK;
        const T *x = (const T *)(in + b * BLOCK * stride);
        if (stride != sizeof(T)) {
            for (int64_t i = 0; i < some; i++)
                gathered[i] = *(const T *)(in + (b * BLOCK + i) * stride);
            x = gathered;
        }
        MT_CAT(multiply_block, S)(lane, x, some / LANES);
        x += some / LANES * LANES;
        MT_INDEPENDENT
        for (int64_t i = 0; i < some % LANES; i++) lane[i] *= x[i];
        if (b == blocks) break;
        int l = 0;
        for (int64_t carry = b; carry & 1; carry >>= 1) MT_CAT(join, S)(lane, level[l++]);
        memcpy(level[l], lane, sizeof lane);
    }
    for (int l = 0; blocks >> l; l++)
        if (blocks >> l & 1) MT_CAT(join, S)(lane, level[l]);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] *= lane[i + width];
    return lane[0];
}
static void MT_CAT(prod, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    T product = 1;
    if (n < 16)
        for (int64_t i = 0; i < n; i++) product *= *(const T *)(in + i * stride);
    else
        product = MT_CAT(long_product, S)(n, in, stride);
    *(T *)out = product;
}
REDUCE_COLUMNS(prod_columns, T, 1, a *x)

/* ---- norm of floats --------------------------------------------------------------------------- */

/* In PyTorch's order (ReduceOpsKernel.cpp): a chunk of sums, added up one by one; then what is left,
 * the last three at most by fused multiply-adds. */
static void MT_CAT(norm, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    enum { CHUNK = MT_CAT(CHUNK, S) };
    MT_CAT(chunk, S) part = {0};
    T sum = 0;
    int64_t i = 0;
#define X(i) (*(const T *)(in + (i) * stride))
    if (stride == (int64_t)sizeof(T)) {
        for (; i + CHUNK <= n; i += CHUNK) {
            const MT_CAT(chunk, S) x = *(const MT_CAT(chunk, S) *)((const T *)in + i);
            part += x * x;
        }
    } else {
        for (; i + CHUNK <= n; i += CHUNK)
            for (int k = 0; k < CHUNK; k++) part[k] += X(i + k) * X(i + k);
    }
    for (int k = 0; k < CHUNK; k++) sum += part[k];
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sum += X(i + k) * X(i + k);
    for (; i < n; i++) sum = FMA(X(i), X(i), sum);
#undef X
    *(T *)out = SQRT(sum);
}

#else
/* ---- sum and prod of integers: any order gives the same -------------------------------------- */
#define POSITIVE_ZERO(x) (x)
REDUCE_LOOP(sum, int64_t, A, 0, a + (A)x, (int64_t)a)
REDUCE_LOOP(prod, int64_t, A, 1, a *(A)x, (int64_t)a)
REDUCE_COLUMNS(sum_columns, int64_t, 0, (int64_t)((A)a + (A)x))
REDUCE_COLUMNS(prod_columns, int64_t, 1, (int64_t)((A)a * (A)x))
#endif

/* In this form the compiler sees an extremum of integers, which vectorises. */
MT_INLINE KEY MT_CAT(larger, S)(KEY a, KEY b) { return a > b ? a : b; }
MT_INLINE KEY MT_CAT(smaller, S)(KEY a, KEY b) { return a < b ? a : b; }

/* ---- extrema, any, all ----------------------------------------------------------------------- */
#if defined(IS_FLOAT)
/* The largest of neighbours by their bits alone, the sign turned round first where the smallest is asked for: that of
 * the positive ones compares as a signed integer, that of negative ones as the smallest unsigned. False where
 * a NaN is about. */
static bool MT_CAT(by_bits, S)(int64_t n, T *out, const T *x, BITS turn)
{
    KEY top = KEY_MIN;
    BITS most = 0, least = ~(BITS)0;
    for (int64_t i = 0; i < n; i++) {
        const BITS b = MT_CAT(bits, S)(x[i]) ^ turn;
        top = top > (KEY)b ? top : (KEY)b;
        most = most > b ? most : b;
        least = least < b ? least : b;
    }
    const KEY infinite = (KEY)MT_CAT(bits, S)((T)INFINITY);
    if (n == 0 || top > infinite || most > ((BITS)infinite | (BITS)KEY_MIN)) return false;
    *out = MT_CAT(from_bits, S)((top >= 0 ? (BITS)top : least) ^ turn);
    return true;
}
#define KEYED(name) name##_keyed
#else
#define KEYED(name) name
#endif
REDUCE_LOOP(KEYED(max), T, KEY, KEY_MIN, MT_CAT(larger, S)(a, MT_CAT(key, S)(x, KEY_MAX)),
            MT_CAT(from_key, S)(a))
REDUCE_LOOP(KEYED(min), T, KEY, KEY_MAX, MT_CAT(smaller, S)(a, MT_CAT(key, S)(x, KEY_MIN)),
            MT_CAT(from_key, S)(a))
#if defined(IS_FLOAT)
static void MT_CAT(max, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    if (stride == (int64_t)sizeof(T) && MT_CAT(by_bits, S)(n, (T *)out, (const T *)in, 0)) return;
    MT_CAT(max_keyed, S)(n, out, in, stride);
}
static void MT_CAT(min, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    if (stride == (int64_t)sizeof(T) &&
        MT_CAT(by_bits, S)(n, (T *)out, (const T *)in, (BITS)KEY_MIN))
        return;
    MT_CAT(min_keyed, S)(n, out, in, stride);
}
#endif
REDUCE_LOOP(any, bool, uint8_t, 0, (uint8_t)(a | (x != 0)), a != 0)
REDUCE_LOOP(all, bool, uint8_t, 1, (uint8_t)(a & (x != 0)), a != 0)
REDUCE_COLUMNS(max_columns, T, LOWEST, MAXIMUM(a, x))
REDUCE_COLUMNS(min_columns, T, HIGHEST, MINIMUM(a, x))
REDUCE_COLUMNS(any_columns, bool, false, a | (x != 0))
REDUCE_COLUMNS(all_columns, bool, true, a &(x != 0))

/* The first index of the largest (sign 1) or smallest (-1): the extremum of each block, which
 * vectorises, then the place within the first block that has it. */
MT_INLINE int64_t MT_CAT(find, S)(bool largest, int64_t n, const char *in, int64_t stride)
{
    const KEY nan = largest ? KEY_MAX : KEY_MIN;
    KEY best = largest ? KEY_MIN : KEY_MAX;
    int64_t place = 0;
    for (int64_t b = 0; b < n; b += FIND_BLOCK) {
        const int64_t some = n - b < FIND_BLOCK ? n - b : FIND_BLOCK;
        const char *x = in + b * stride;
        KEY here = largest ? KEY_MIN : KEY_MAX;
        if (stride == (int64_t)sizeof(T)) {
            for (int64_t i = 0; i < some; i++) {
                const KEY k = MT_CAT(key, S)(POSITIVE_ZERO(((const T *)x)[i]), nan);
                here = largest ? MT_CAT(larger, S)(here, k) : MT_CAT(smaller, S)(here, k);
            }
        } else {
            for (int64_t i = 0; i < some; i++) {
                const KEY k = MT_CAT(key, S)(POSITIVE_ZERO(*(const T *)(x + i * stride)), nan);
                here = largest ? MT_CAT(larger, S)(here, k) : MT_CAT(smaller, S)(here, k);
            }
        }
        if (largest ? here > best : here < best) best = here, place = b;
    }
    while (place < n &&
           MT_CAT(key, S)(POSITIVE_ZERO(*(const T *)(in + place * stride)), nan) != best)
        place++;
    return place;
}
static void MT_CAT(argmax, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    *(int64_t *)out = MT_CAT(find, S)(true, n, in, stride);
}
static void MT_CAT(argmin, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    *(int64_t *)out = MT_CAT(find, S)(false, n, in, stride);
}

static void MT_CAT(fill_reductions, S)(mt_kernels *k)
{
#define ENTRY(name)         k->reduce[MT_REDUCE_##name][DTYPE] = MT_CAT(name, S);
#define COLUMNS_ENTRY(name) k->reduce_columns[MT_REDUCE_##name][DTYPE] = MT_CAT(name##_columns, S);
    ENTRY(sum)
    ENTRY(prod)
    ENTRY(max)
    ENTRY(min)
    ENTRY(any)
    ENTRY(all)
    ENTRY(argmax)
    ENTRY(argmin)
    COLUMNS_ENTRY(sum)
    COLUMNS_ENTRY(prod)
    COLUMNS_ENTRY(max)
    COLUMNS_ENTRY(min)
    COLUMNS_ENTRY(any)
    COLUMNS_ENTRY(all)
#if defined(IS_FLOAT)
    ENTRY(norm)
    k->sums[DTYPE] = (mt_sums){MT_CAT(sum_rows, S), MT_CAT(sum_close, S), MT_CAT(sum_tile, S)};
#endif
#undef ENTRY
#undef COLUMNS_ENTRY
}

#undef T
#undef S
#undef W
#undef A
#undef DTYPE
#undef KEY
#undef KEYED
#undef KEY_MIN
#undef KEY_MAX
#undef LOWEST
#undef HIGHEST
#undef IS_FLOAT
#undef BITS
#undef IS_BOOL
#undef READ
#undef POSITIVE_ZERO
