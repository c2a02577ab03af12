/* Reductions: along a line of elements, and down the columns of a matrix.
 *
 * Their results depend on the numbers, and sums of floats also on whether these are neighbours: not
 * on the instruction set nor the threads (who splits one reduction must do it at fixed places). Made
 * by including kernels/reduce_loops.h once per element type. Read next: kernels/sum_loops.h, which
 * tells the order of sums, then kernels/reduce_loops.h. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors wherever they pay, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "kernels/kernels.h"
#include "kernels/math.h"

/* MAXIMUM compares integers with themselves. */
#pragma GCC diagnostic ignored "-Wtautological-compare"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"

enum {
    LANE_BYTES = 256, /* one row of lanes: 64 floats, on every instruction set */
    BLOCK_ROWS = 32,  /* rows multiplied one after the other */
    MAX_LEVELS = 50,  /* as many as any n needs */
    FIND_BLOCK = 1024,
    FOLD_WIDTH = 1024
};

/* ---- keys: integers that sort as the numbers do, with `nan` for NaN -------------------------- */
MT_INLINE int32_t key_f32(float x, int32_t nan)
{
    const int32_t is_nan = -(int32_t)(x != x);
    return (ordered_f32(x) & ~is_nan) | (nan & is_nan);
}
MT_INLINE int64_t key_f64(double x, int64_t nan)
{
    const int64_t is_nan = -(int64_t)(x != x);
    return (ordered_f64(x) & ~is_nan) | (nan & is_nan);
}
MT_INLINE float from_key_f32(int32_t key) { return from_ordered_f32(key); }
MT_INLINE double from_key_f64(int64_t key) { return from_ordered_f64(key); }
#define INTEGER_KEY(S, T, KEY)                                                                     \
    static inline KEY key_##S(T x, KEY nan) { return (void)nan, x; }                               \
    static inline T from_key_##S(KEY key) { return (T)key; }
INTEGER_KEY(u8, uint8_t, uint8_t)
INTEGER_KEY(i8, int8_t, int8_t)
INTEGER_KEY(i16, int16_t, int16_t)
INTEGER_KEY(i32, int32_t, int32_t)
INTEGER_KEY(i64, int64_t, int64_t)
static inline uint8_t key_b8(uint8_t x, uint8_t nan) { return (void)nan, x != 0; }
static inline uint8_t from_key_b8(uint8_t key) { return key; }

/* ---- the simple loops ------------------------------------------------------------------------ */

/* a = f(a, x) over all elements x, then *out = result(a). */
#define REDUCE_EACH(f, at)                                                                         \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const T x = READ(*(const T *)(in + at));                                                   \
        a = f;                                                                                     \
    }
#define REDUCE_LOOP(name, TO, STATE, identity, f, result)                                          \
    static void MT_CAT(name, S)(int64_t n, char *out, const char *in, int64_t stride)              \
    {                                                                                              \
        STATE a = identity;                                                                        \
        if (stride == (int64_t)sizeof(T))                                                          \
            REDUCE_EACH(f, i * (int64_t)sizeof(T))                                                 \
        else                                                                                       \
            REDUCE_EACH(f, i * stride)                                                             \
        *(TO *)out = (TO)(result);                                                                 \
    }

/* out[j] = f(out[j], x) for all rows, a piece of the columns at a time. */
#define REDUCE_COLUMNS(name, TO, identity, f)                                                      \
    static inline void MT_CAT(name##_piece, S)(int64_t rows, int64_t columns, TO *restrict out,    \
                                               const char *restrict in, int64_t row)               \
    {                                                                                              \
        for (int64_t j = 0; j < columns; j++) out[j] = identity;                                   \
        for (int64_t i = 0; i < rows; i++, in += row) {                                            \
            for (int64_t j = 0; j < columns; j++) {                                                \
                const T x = READ(((const T *)in)[j]);                                              \
                const TO a = out[j];                                                               \
                out[j] = f;                                                                        \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void MT_CAT(name, S)(int64_t rows, int64_t columns, char *out, const char *in,          \
                                int64_t row)                                                       \
    {                                                                                              \
        for (int64_t j = 0; j < columns; j += FOLD_WIDTH) MT_CAT(name##_piece, S)                  \
        (rows, columns - j < FOLD_WIDTH ? columns - j : FOLD_WIDTH, (TO *)out + j,                 \
         in + j * (int64_t)sizeof(T), row);                                                        \
    }

/* ---- one inclusion per type ------------------------------------------------------------------ */
#if !defined(MT_ISA_BELOW) /* Note [What AVX-512 leaves to AVX2] */
#define T       uint8_t
#define S       u8
#define W       uint32_t
#define A       uint64_t
#define DTYPE   MT_UINT8
#define KEY     uint8_t
#define KEY_MIN 0
#define KEY_MAX UINT8_MAX
#define LOWEST  0
#define HIGHEST UINT8_MAX
#include "kernels/reduce_loops.h"

#define T       int8_t
#define S       i8
#define W       uint32_t
#define A       uint64_t
#define DTYPE   MT_INT8
#define KEY     int8_t
#define KEY_MIN INT8_MIN
#define KEY_MAX INT8_MAX
#define LOWEST  INT8_MIN
#define HIGHEST INT8_MAX
#include "kernels/reduce_loops.h"

#define T       int16_t
#define S       i16
#define W       uint32_t
#define A       uint64_t
#define DTYPE   MT_INT16
#define KEY     int16_t
#define KEY_MIN INT16_MIN
#define KEY_MAX INT16_MAX
#define LOWEST  INT16_MIN
#define HIGHEST INT16_MAX
#include "kernels/reduce_loops.h"

#define T       int32_t
#define S       i32
#define W       uint32_t
#define A       uint64_t
#define DTYPE   MT_INT32
#define KEY     int32_t
#define KEY_MIN INT32_MIN
#define KEY_MAX INT32_MAX
#define LOWEST  INT32_MIN
#define HIGHEST INT32_MAX
#include "kernels/reduce_loops.h"

/* bools as they lie in memory: loads of bool do not vectorise */
#define T     uint8_t
#define S     b8
#define W     uint32_t
#define A     uint64_t
#define DTYPE MT_BOOL
#define IS_BOOL
#define KEY     uint8_t
#define KEY_MIN 0
#define KEY_MAX 1
#define LOWEST  0
#define HIGHEST 1
#include "kernels/reduce_loops.h"
#endif

#define T       int64_t
#define S       i64
#define W       uint64_t
#define A       uint64_t
#define DTYPE   MT_INT64
#define KEY     int64_t
#define KEY_MIN INT64_MIN
#define KEY_MAX INT64_MAX
#define LOWEST  INT64_MIN
#define HIGHEST INT64_MAX
#include "kernels/reduce_loops.h"

#define T       float
#define S       f32
#define W       float
#define A       float
#define DTYPE   MT_FLOAT32
#define KEY     int32_t
#define BITS    uint32_t
#define KEY_MIN INT32_MIN
#define KEY_MAX INT32_MAX
#define LOWEST  -INFINITY
#define HIGHEST INFINITY
#define IS_FLOAT
#include "kernels/reduce_loops.h"

#define T       double
#define S       f64
#define W       double
#define A       double
#define DTYPE   MT_FLOAT64
#define KEY     int64_t
#define BITS    uint64_t
#define KEY_MIN INT64_MIN
#define KEY_MAX INT64_MAX
#define LOWEST  -INFINITY
#define HIGHEST INFINITY
#define IS_FLOAT
#include "kernels/reduce_loops.h"

void MT_ISA_NAME(mt_fill_reduce)(mt_kernels *k)
{
#if !defined(MT_ISA_BELOW)
    fill_reductions_u8(k);
    fill_reductions_i8(k);
    fill_reductions_i16(k);
    fill_reductions_i32(k);
    fill_reductions_b8(k);
#endif
    fill_reductions_i64(k);
    fill_reductions_f32(k);
    fill_reductions_f64(k);
}
