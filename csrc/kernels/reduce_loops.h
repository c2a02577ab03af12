/* The reductions of one element type: a template, included by reduce.c once per type.
 *
 * Expects T, S and W as kernels/math.h says, DTYPE (MT_FLOAT32, ...), IS_FLOAT for floats, and
 *     A                 the type to add up in: T for floats, else uint64_t, where overflow wraps
 *     KEY               integers that sort as T does (see key_f32)
 *     KEY_MIN, KEY_MAX  the ends of KEY
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
/* ---- sum and prod of floats ------------------------------------------------------------------ */

/* Lanes: 256 bytes of numbers side by side, added up element by element; a block is BLOCK_ROWS rows
 * of lanes. Blocks are joined pairwise like the carries of a binary counter (level[l] holds the sum
 * of 2^l blocks), and the lanes are folded at the very end: the rounding error grows with log n,
 * and the order depends on n alone, not on the instruction set nor on the stride. */
#define JOIN(a, b) (product ? (a) * (b) : (a) + (b))
enum { MT_CAT(LANES, S) = LANE_BYTES / sizeof(T) };
typedef T MT_CAT(vector, S)
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

MT_INLINE void MT_CAT(join, S)(bool product, T *restrict into, const T *restrict from)
{
    for (int i = 0; i < MT_CAT(LANES, S); i++) into[i] = JOIN(into[i], from[i]);
}

/* lane = the sum (or product) of `rows` rows at x. */
MT_INLINE void MT_CAT(add_block, S)(bool product, T *lane, const T *x, int64_t rows)
{
    typedef MT_CAT(vector, S) vec;
    enum { V = LANE_BYTES / VECTOR_BYTES };
    vec sum[V];
    for (int v = 0; v < V; v++) sum[v] = (vec){0} + (T)product;
    for (int64_t r = 0; r < rows; r++) {
        const vec *in = (const vec *)(x + r * MT_CAT(LANES, S));
#pragma GCC unroll 16
        for (int v = 0; v < V; v++) sum[v] = JOIN(sum[v], in[v]);
    }
    memcpy(lane, sum, sizeof sum);
}

MT_INLINE T MT_CAT(cascade, S)(bool product, int64_t n, const char *in, int64_t stride)
{
    enum { LANES = MT_CAT(LANES, S), BLOCK = BLOCK_ROWS * LANES };
    const T identity = product ? 1 : 0;
    if (n < 16) {
        T sum = identity;
        for (int64_t i = 0; i < n; i++) {
            const T x = *(const T *)(in + i * stride);
            sum = JOIN(sum, x);
        }
        return sum;
    }
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
        MT_CAT(add_block, S)(product, lane, x, some / LANES);
        x += some / LANES * LANES;
        MT_INDEPENDENT
        for (int64_t i = 0; i < some % LANES; i++) lane[i] = JOIN(lane[i], x[i]);
        if (b == blocks) break;
        int l = 0;
        for (int64_t carry = b; carry & 1; carry >>= 1) MT_CAT(join, S)(product, lane, level[l++]);
        memcpy(level[l], lane, sizeof lane);
    }
    for (int l = 0; blocks >> l; l++)
        if (blocks >> l & 1) MT_CAT(join, S)(product, lane, level[l]);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] = JOIN(lane[i], lane[i + width]);
    return lane[0];
}

static void MT_CAT(sum, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    *(T *)out = MT_CAT(cascade, S)(false, n, in, stride);
}
static void MT_CAT(prod, S)(int64_t n, char *out, const char *in, int64_t stride)
{
    *(T *)out = MT_CAT(cascade, S)(true, n, in, stride);
}

/* The sum (or product) of one column, four rows at a time. */
MT_INLINE T MT_CAT(add_column, S)(bool product, int64_t rows, const char *x, int64_t row)
{
    T sum = product ? 1 : 0;
    for (; rows >= 4; rows -= 4, x += 4 * row) {
        const T x0 = *(const T *)x, x1 = *(const T *)(x + row);
        const T x2 = *(const T *)(x + 2 * row), x3 = *(const T *)(x + 3 * row);
        sum = JOIN(sum, JOIN(JOIN(x0, x1), JOIN(x2, x3)));
    }
    for (; rows > 0; rows--, x += row) sum = JOIN(sum, *(const T *)x);
    return sum;
}

/* sum[j] = that of column j, in the same order. */
MT_INLINE void MT_CAT(add_rows, S)(bool product, int64_t rows, int64_t columns, T *restrict sum,
                                   const char *restrict x, int64_t row)
{
    if (columns < FEW_COLUMNS) {
        for (int64_t j = 0; j < columns; j++)
            sum[j] = MT_CAT(add_column, S)(product, rows, x + j * (int64_t)sizeof(T), row);
        return;
    }
    for (int64_t j = 0; j < columns; j++) sum[j] = product ? 1 : 0;
    for (; rows >= 4; rows -= 4, x += 4 * row) {
        const T *r0 = (const T *)x, *r1 = (const T *)(x + row);
        const T *r2 = (const T *)(x + 2 * row), *r3 = (const T *)(x + 3 * row);
        for (int64_t j = 0; j < columns; j++)
            sum[j] = JOIN(sum[j], JOIN(JOIN(r0[j], r1[j]), JOIN(r2[j], r3[j])));
    }
    for (; rows > 0; rows--, x += row)
        for (int64_t j = 0; j < columns; j++) sum[j] = JOIN(sum[j], ((const T *)x)[j]);
}

/* Down the columns, at most COLUMN_BYTES at a time: blocks of rows, joined in pairs as above. */
MT_INLINE void MT_CAT(cascade_columns, S)(bool product, int64_t rows, int64_t columns, T *out,
                                          const char *in, int64_t row)
{
    T level[COLUMN_LEVELS][COLUMN_BYTES / sizeof(T)], sum[COLUMN_BYTES / sizeof(T)];
    int64_t block = BLOCK_ROWS; /* longer for very many rows, so that there are few levels */
    while (rows / block >> COLUMN_LEVELS) block *= 2;
    const int64_t blocks = rows / block;
    for (int64_t b = 0; b < blocks; b++) {
        int l = 0;
        MT_CAT(add_rows, S)(product, block, columns, sum, in + b * block * row, row);
        for (int64_t carry = b; carry & 1; carry >>= 1, l++)
            for (int64_t j = 0; j < columns; j++) sum[j] = JOIN(sum[j], level[l][j]);
        memcpy(level[l], sum, (size_t)columns * sizeof(T));
    }
    MT_CAT(add_rows, S)
    (product, rows - blocks * block, columns, out, in + blocks * block * row, row);
    for (int l = 0; blocks >> l; l++)
        for (int64_t j = 0; blocks >> l & 1 && j < columns; j++) out[j] = JOIN(out[j], level[l][j]);
}

MT_INLINE void MT_CAT(columns_by_pieces, S)(bool product, int64_t rows, int64_t columns, T *out,
                                            const char *in, int64_t row)
{
    const int64_t width = COLUMN_BYTES / sizeof(T);
    for (int64_t j = 0; j < columns; j += width) {
        const int64_t some = columns - j < width ? columns - j : width;
        MT_CAT(cascade_columns, S)
        (product, rows, some, out + j, in + j * (int64_t)sizeof(T), row);
    }
}
static void MT_CAT(sum_columns, S)(int64_t rows, int64_t columns, char *out, const char *in,
                                   int64_t row)
{
    MT_CAT(columns_by_pieces, S)(false, rows, columns, (T *)out, in, row);
}
static void MT_CAT(prod_columns, S)(int64_t rows, int64_t columns, char *out, const char *in,
                                    int64_t row)
{
    MT_CAT(columns_by_pieces, S)(true, rows, columns, (T *)out, in, row);
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
REDUCE_LOOP(max, T, KEY, KEY_MIN, MT_CAT(larger, S)(a, MT_CAT(key, S)(x, KEY_MAX)),
            MT_CAT(from_key, S)(a))
REDUCE_LOOP(min, T, KEY, KEY_MAX, MT_CAT(smaller, S)(a, MT_CAT(key, S)(x, KEY_MIN)),
            MT_CAT(from_key, S)(a))
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
#undef ENTRY
#undef COLUMNS_ENTRY
}

#undef T
#undef S
#undef W
#undef A
#undef DTYPE
#undef KEY
#undef KEY_MIN
#undef KEY_MAX
#undef LOWEST
#undef HIGHEST
#undef IS_FLOAT
#undef IS_BOOL
#undef READ
#undef POSITIVE_ZERO
#undef JOIN
