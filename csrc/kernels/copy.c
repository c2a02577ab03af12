/* Copies: casts between all element types, fill, and the transposed copy.
 *
 * A cast from a float to an integer drops the fraction. What does not fit is undefined in C; here
 * it is what PyTorch gives on x86: the lowest number (NaN and infinities too), taken in int64 for
 * uint8, in int32 for int8 and int16, and then cut to the low bits. Read next: kernels/reduce.c. */
#include "kernels/kernels.h"
#include "base/narrow.h"
#include "kernels/math.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* ---- casts ----------------------------------------------------------------------------------- */
static inline int32_t int32_of_float(float x)
{
    return x >= -0x1p31f && x < 0x1p31f ? (int32_t)x : INT32_MIN;
}
static inline int32_t int32_of_double(double x)
{
    return x > -0x1p31 - 1 && x < 0x1p31 ? (int32_t)x : INT32_MIN;
}
static inline int64_t int64_of_double(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

/* How to convert x to each type: from an integer or bool (I_), a float (F_), a double (D_). */
#define I_u8(x)  (uint8_t)(x)
#define I_i8(x)  (int8_t)(x)
#define I_i16(x) (int16_t)(x)
#define I_i32(x) (int32_t)(x)
#define I_i64(x) (int64_t)(x)
#define I_f32(x) (float)(x)
#define I_f64(x) (double)(x)
#define I_b8(x)  ((x) != 0)
#define F_u8(x)  (uint8_t)int64_of_double(x)
#define F_i8(x)  (int8_t)int32_of_float(x)
#define F_i16(x) (int16_t)int32_of_float(x)
#define F_i32(x) int32_of_float(x)
#define F_i64(x) int64_of_double(x)
#define F_f32(x) (float)(x)
#define F_f64(x) (double)(x)
#define F_b8(x)  ((x) != 0)
#define D_u8(x)  (uint8_t)int64_of_double(x)
#define D_i8(x)  (int8_t)int32_of_double(x)
#define D_i16(x) (int16_t)int32_of_double(x)
#define D_i32(x) int32_of_double(x)
#define D_i64(x) int64_of_double(x)
#define D_f32(x) (float)(x)
#define D_f64(x) (double)(x)
#define D_b8(x)  ((x) != 0)
/* A bool is read as the byte it lies in: foreign memory may hold more than 0 and 1. */
#define B_u8(x)  (uint8_t)((x) != 0)
#define B_i8(x)  (int8_t)((x) != 0)
#define B_i16(x) (int16_t)((x) != 0)
#define B_i32(x) (int32_t)((x) != 0)
#define B_i64(x) (int64_t)((x) != 0)
#define B_f32(x) (float)((x) != 0)
#define B_f64(x) (double)((x) != 0)
#define B_b8(x)  ((x) != 0)

/* Contiguous to contiguous, one number to contiguous, anything. */
#define CAST_EACH(FROM, TO, how, at_o, at_a)                                                       \
    MT_INDEPENDENT                                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const FROM x = *(const FROM *)(a + at_a);                                                  \
        *(TO *)(o + at_o) = how(x);                                                                \
    }
#define CAST_LOOP(K, FROM, S_FROM, TO, S_TO)                                                       \
    static void cast_##S_FROM##_##S_TO(int64_t n, char *const *p, const int64_t *stride,           \
                                       const double *param)                                        \
    {                                                                                              \
        (void)param;                                                                               \
        char *const o = p[0];                                                                      \
        const char *const a = p[1];                                                                \
        const int64_t so = stride[0], sa = stride[1];                                              \
        if (so == (int64_t)sizeof(TO) && sa == (int64_t)sizeof(FROM))                              \
            CAST_EACH(FROM, TO, K##S_TO, i * (int64_t)sizeof(TO), i * (int64_t)sizeof(FROM))       \
        else                                                                                       \
            CAST_EACH(FROM, TO, K##S_TO, i * so, i * sa)                                           \
    }

/* All pairs: DO(K, FROM, S_FROM, FROM_DTYPE, TO, S_TO, TO_DTYPE). */
#define TO_ALL(DO, K, FROM, S_FROM, D_FROM)                                                        \
    DO(K, FROM, S_FROM, D_FROM, uint8_t, u8, MT_UINT8)                                             \
    DO(K, FROM, S_FROM, D_FROM, int8_t, i8, MT_INT8)                                               \
    DO(K, FROM, S_FROM, D_FROM, int16_t, i16, MT_INT16)                                            \
    DO(K, FROM, S_FROM, D_FROM, int32_t, i32, MT_INT32)                                            \
    DO(K, FROM, S_FROM, D_FROM, int64_t, i64, MT_INT64)                                            \
    DO(K, FROM, S_FROM, D_FROM, float, f32, MT_FLOAT32)                                            \
    DO(K, FROM, S_FROM, D_FROM, double, f64, MT_FLOAT64)                                           \
    DO(K, FROM, S_FROM, D_FROM, bool, b8, MT_BOOL)
#define WIDE_TO_ALL(DO)                                                                            \
    TO_ALL(DO, I_, int64_t, i64, MT_INT64)                                                         \
    TO_ALL(DO, F_, float, f32, MT_FLOAT32)                                                         \
    TO_ALL(DO, D_, double, f64, MT_FLOAT64)
#if defined(MT_ISA_BELOW) /* Note [What AVX-512 leaves to AVX2] */
#define ALL_TO_ALL(DO) WIDE_TO_ALL(DO)
#else
#define ALL_TO_ALL(DO)                                                                             \
    WIDE_TO_ALL(DO)                                                                                \
    TO_ALL(DO, I_, uint8_t, u8, MT_UINT8)                                                          \
    TO_ALL(DO, I_, int8_t, i8, MT_INT8)                                                            \
    TO_ALL(DO, I_, int16_t, i16, MT_INT16)                                                         \
    TO_ALL(DO, I_, int32_t, i32, MT_INT32)                                                         \
    TO_ALL(DO, B_, uint8_t, b8, MT_BOOL)
#endif
#define CAST_FUNCTION(K, FROM, S_FROM, D_FROM, TO, S_TO, D_TO) CAST_LOOP(K, FROM, S_FROM, TO, S_TO)
#define CAST_ENTRY(K, FROM, S_FROM, D_FROM, TO, S_TO, D_TO)                                        \
    k->cast[D_FROM][D_TO] = cast_##S_FROM##_##S_TO;
ALL_TO_ALL(CAST_FUNCTION)

/* ---- narrow floats ---------------------------------------------------------------------------
 * To and from float32 directly, to and from all others through it, as PyTorch does. */
#if !defined(MT_ISA_BELOW)
#define H_f32(x) mt_float_of_half(x)
#define G_f32(x) mt_float_of_bfloat16(x)
#define F_f16(x) mt_half_of_float(x)
#define F_b16(x) mt_bfloat16_of_float(x)
CAST_LOOP(H_, uint16_t, f16, float, f32)
CAST_LOOP(G_, uint16_t, b16, float, f32)
CAST_LOOP(F_, float, f32, uint16_t, f16)
CAST_LOOP(F_, float, f32, uint16_t, b16)

static void in_two_steps(int64_t n, char *const *p, const int64_t *stride, mt_loop first,
                         mt_loop second)
{
    enum { CHUNK = 256 };
    float between[CHUNK];
    for (int64_t done = 0; done < n; done += CHUNK) {
        const int64_t part = n - done < CHUNK ? n - done : CHUNK, size = sizeof *between;
        char *const from[2] = {(char *)between, p[1] + done * stride[1]};
        char *const to[2] = {p[0] + done * stride[0], (char *)between};
        first(part, from, (int64_t[]){size, stride[1]}, NULL);
        second(part, to, (int64_t[]){stride[0], size}, NULL);
    }
}
#define TWO_STEPS(S_FROM, S_TO)                                                                    \
    static void cast_##S_FROM##_##S_TO(int64_t n, char *const *p, const int64_t *stride,           \
                                       const double *param)                                        \
    {                                                                                              \
        (void)param;                                                                               \
        in_two_steps(n, p, stride, cast_##S_FROM##_f32, cast_f32_##S_TO);                          \
    }
#define WIDE(DO, S, D)                                                                             \
    DO(S, D, u8, MT_UINT8)                                                                         \
    DO(S, D, i8, MT_INT8)                                                                          \
    DO(S, D, i16, MT_INT16)                                                                        \
    DO(S, D, i32, MT_INT32)                                                                        \
    DO(S, D, i64, MT_INT64)                                                                        \
    DO(S, D, f64, MT_FLOAT64)                                                                      \
    DO(S, D, b8, MT_BOOL)
#define BOTH_WAYS(S, D, S_2, D_2) TWO_STEPS(S, S_2) TWO_STEPS(S_2, S)
#define BOTH_ENTRIES(S, D, S_2, D_2)                                                               \
    k->cast[D][D_2] = cast_##S##_##S_2;                                                            \
    k->cast[D_2][D] = cast_##S_2##_##S;
WIDE(BOTH_WAYS, f16, MT_FLOAT16)
WIDE(BOTH_WAYS, b16, MT_BFLOAT16)
BOTH_WAYS(f16, MT_FLOAT16, b16, MT_BFLOAT16)
#endif

/* ---- same type, fill: by size alone ---------------------------------------------------------- */
typedef uint8_t __attribute__((may_alias)) word_1;
typedef uint16_t __attribute__((may_alias)) word_2;
typedef uint32_t __attribute__((may_alias)) word_4;
typedef uint64_t __attribute__((may_alias)) word_8;

#define FILL_LOOP(bytes)                                                                           \
    static void fill_##bytes(int64_t n, char *const *p, const int64_t *stride,                     \
                             const double *param)                                                  \
    {                                                                                              \
        (void)param;                                                                               \
        const word_##bytes x = *(const word_##bytes *)p[1];                                        \
        if (stride[0] == bytes)                                                                    \
            for (word_##bytes *o = (word_##bytes *)p[0]; n > 0; n--) *o++ = x;                     \
        else                                                                                       \
            for (int64_t i = 0, so = stride[0]; i < n; i++) *(word_##bytes *)(p[0] + i * so) = x;  \
    }
#define COPY_LOOP(bytes)                                                                           \
    static void copy_##bytes(int64_t n, char *const *p, const int64_t *stride,                     \
                             const double *param)                                                  \
    {                                                                                              \
        (void)param;                                                                               \
        const int64_t so = stride[0], sa = stride[1];                                              \
        if (so == bytes && sa == bytes)                                                            \
            memmove(p[0], p[1], (size_t)(n * bytes));                                              \
        else if (sa == 0)                                                                          \
            fill_##bytes(n, p, stride, NULL);                                                      \
        else                                                                                       \
            for (char *o = p[0], *a = p[1]; n > 0; n--, o += so, a += sa)                          \
                *(word_##bytes *)o = *(const word_##bytes *)a;                                     \
    }
FILL_LOOP(1)
FILL_LOOP(2)
FILL_LOOP(4)
FILL_LOOP(8)
COPY_LOOP(1)
COPY_LOOP(2)
COPY_LOOP(4)
COPY_LOOP(8)

/* ---- transpose ------------------------------------------------------------------------------- */

/* The unit is a square whose edge is one cache line: it is read by lines, turned in a buffer in the
 * first level cache, and written by lines. Squares are visited in larger squares of TILE bytes, so
 * that the pages and cache sets of both matrices are used up before they are left. */
enum { LINE = 64, TILE = 256, STREAM_FROM = 16 << 20 };

static inline void write_line(char *out, const char *line, bool stream)
{
#if defined(__SSE2__)
    /* Past the caches: a large result would not stay there, and its lines
     * need not be read first. */
    if (stream) {
        const __m128i *v = (const __m128i *)line;
        for (int i = 0; i < 4; i++) _mm_stream_si128((__m128i *)out + i, v[i]);
        return;
    }
#endif
    (void)stream;
    memcpy(out, line, LINE);
}

/* line[j] = column j of the square at in: scalar for all sizes but 4. */
#define TURN_LINES(bytes)                                                                          \
    static inline void turn_##bytes(char (*line)[LINE], const char *in, int64_t row)               \
    {                                                                                              \
        enum { EDGE = LINE / bytes };                                                              \
        for (int i = 0; i < EDGE; i++)                                                             \
            for (int j = 0; j < EDGE; j++)                                                         \
                ((word_##bytes *)line[j])[i] = ((const word_##bytes *)(in + i * row))[j];          \
    }
TURN_LINES(1)
TURN_LINES(2)
TURN_LINES(8)

typedef uint32_t quad __attribute__((vector_size(16), aligned(4), may_alias));
/* By 4 x 4 in registers: pairs of rows are interleaved, then pairs of pairs. */
static inline void turn_4(char (*line)[LINE], const char *in, int64_t row)
{
    for (int i = 0; i < 16; i += 4) {
        for (int j = 0; j < LINE; j += 16) {
            const char *p = in + i * row + j;
            const quad a = *(const quad *)p, b = *(const quad *)(p + row);
            const quad c = *(const quad *)(p + 2 * row), d = *(const quad *)(p + 3 * row);
            const quad ab01 = MT_SHUFFLE(quad, a, b, 0, 4, 1, 5);
            const quad ab23 = MT_SHUFFLE(quad, a, b, 2, 6, 3, 7);
            const quad cd01 = MT_SHUFFLE(quad, c, d, 0, 4, 1, 5);
            const quad cd23 = MT_SHUFFLE(quad, c, d, 2, 6, 3, 7);
            *(quad *)(line[j / 4 + 0] + 4 * i) = MT_SHUFFLE(quad, ab01, cd01, 0, 1, 4, 5);
            *(quad *)(line[j / 4 + 1] + 4 * i) = MT_SHUFFLE(quad, ab01, cd01, 2, 3, 6, 7);
            *(quad *)(line[j / 4 + 2] + 4 * i) = MT_SHUFFLE(quad, ab23, cd23, 0, 1, 4, 5);
            *(quad *)(line[j / 4 + 3] + 4 * i) = MT_SHUFFLE(quad, ab23, cd23, 2, 3, 6, 7);
        }
    }
}

/* One tile: h rows of w columns of `in`, while those of the next tile to the right are fetched.
 * What does not fill a square is copied one by one. */
#define TRANSPOSE_TILE(bytes)                                                                      \
    static void tile_##bytes(int64_t h, int64_t w, char *out, int64_t out_row, const char *in,     \
                             int64_t row, bool stream)                                             \
    {                                                                                              \
        enum { EDGE = LINE / bytes };                                                              \
        _Alignas(LINE) char line[EDGE][LINE];                                                      \
        const int64_t hs = h / EDGE * EDGE, ws = w / EDGE * EDGE;                                  \
        for (int64_t i = 0; i < hs; i += EDGE) {                                                   \
            for (int64_t j = 0; j < ws; j += EDGE) {                                               \
                const char *square = in + i * row + j * bytes;                                     \
                for (int l = 0; l < EDGE; l++) __builtin_prefetch(square + l * row + TILE);        \
                turn_##bytes(line, square, row);                                                   \
                for (int l = 0; l < EDGE; l++)                                                     \
                    write_line(out + (j + l) * out_row + i * bytes, line[l], stream);              \
            }                                                                                      \
        }                                                                                          \
        for (int64_t j = 0; j < w; j++)                                                            \
            for (int64_t i = j < ws ? hs : 0; i < h; i++)                                          \
                *(word_##bytes *)(out + j * out_row + i * bytes) =                                 \
                    *(const word_##bytes *)(in + i * row + j * bytes);                             \
    }
TRANSPOSE_TILE(1)
TRANSPOSE_TILE(2)
TRANSPOSE_TILE(4)
TRANSPOSE_TILE(8)

static void transpose(int64_t r, int64_t c, char *out, const char *in, int64_t row,
                      int64_t itemsize)
{
    static void (*const tiles[9])(int64_t, int64_t, char *, int64_t, const char *, int64_t,
                                  bool) = {[1] = tile_1, [2] = tile_2, [4] = tile_4, [8] = tile_8};
    const int64_t edge = TILE / itemsize, out_row = r * itemsize;
    /* The extent of the input, as the caller may split the columns among threads. */
    const bool stream = r * row >= STREAM_FROM && out_row % LINE == 0 && (uintptr_t)out % LINE == 0;
    for (int64_t i = 0; i < r; i += edge) {
        for (int64_t j = 0; j < c; j += edge) {
            const int64_t h = r - i < edge ? r - i : edge, w = c - j < edge ? c - j : edge;
            tiles[itemsize](h, w, out + j * out_row + i * itemsize, out_row,
                            in + i * row + j * itemsize, row, stream);
        }
    }
#if defined(__SSE2__)
    if (stream) _mm_sfence();
#endif
}

void MT_ISA_NAME(mt_fill_copy)(mt_kernels *k)
{
    static const mt_loop copies[9] = {[1] = copy_1, [2] = copy_2, [4] = copy_4, [8] = copy_8};
    static const mt_loop fills[9] = {[1] = fill_1, [2] = fill_2, [4] = fill_4, [8] = fill_8};
    ALL_TO_ALL(CAST_ENTRY)
#if !defined(MT_ISA_BELOW)
    WIDE(BOTH_ENTRIES, f16, MT_FLOAT16)
    WIDE(BOTH_ENTRIES, b16, MT_BFLOAT16)
    BOTH_ENTRIES(f16, MT_FLOAT16, f32, MT_FLOAT32)
    BOTH_ENTRIES(b16, MT_BFLOAT16, f32, MT_FLOAT32)
    BOTH_ENTRIES(f16, MT_FLOAT16, b16, MT_BFLOAT16)
#endif
    for (int d = 0; d < MT_COMPLEX64;
         d++) { /* complex numbers are copied by parts: tensor/copy.c */
        k->cast[d][d] = copies[mt_dtype_size(d)];
        k->fill[d] = fills[mt_dtype_size(d)];
    }
    k->transpose = transpose;
}
