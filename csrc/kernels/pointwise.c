/* Pointwise kernels: one loop for every row of unary.def and binary.def and every element type its
 * kind admits, made by including kernels/pointwise_loops.h once per type.
 *
 * A loop has a branch for elements that lie next to each other, which the compiler vectorises,
 * branches of binary rows for one operand that is a single number (stride 0), and a general one. Where the function
 * itself takes long, there is but the first, and other elements go through it by pieces.
 * The output may be an input, element for element. `make -C csrc expand OP=tanh` shows what a row
 * becomes.
 * Relies on kernels/math.h for functions of one element. Read next: kernels/pointwise_loops.h. */
#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/by_table.h"
#include "kernels/doubles.h"
#include "kernels/roots.h"
#include "kernels/trig.h"
#include "kernels/wide.h"

/* One macro for all types compares uint8_t with 0, integers with
 * themselves, and multiplies bools. */
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wtautological-compare"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"

#define LOOP_HEAD(name)                                                                            \
    static void MT_CAT(name##_loop, S)(int64_t n, char *const *p, const int64_t *stride,           \
                                       const double *param)
#define SIZE(type) ((int64_t)sizeof(type))

/* One branch: the elements i of output o and input a (and b) stand at these offsets in bytes. */
#define EACH_1(OUT, IN, f, at_o, at_a)                                                             \
    MT_INDEPENDENT                                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const IN x = (IN) * (const MEMORY *)(a + at_a);                                            \
        *(OUT *)(o + at_o) = (OUT)(f);                                                             \
    }
#define EACH_2(OUT, IN, f, at_o, at_a, at_b)                                                       \
    MT_INDEPENDENT                                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const IN x = (IN) * (const MEMORY *)(a + at_a), y = (IN) * (const MEMORY *)(b + at_b);     \
        *(OUT *)(o + at_o) = (OUT)(f);                                                             \
    }

/* Runs a loop of elements next to each other over those with gaps between them, or over a single number beside others.
 * size: the bytes of an element of the output and of each input. */
static void copy_gaps(int64_t n, char *to, int64_t to_stride, const char *from, int64_t from_stride,
                      int64_t size)
{
#define COPY_GAPS(type)                                                                            \
    if (size == SIZE(type))                                                                        \
        for (int64_t i = 0; i < n; i++)                                                            \
            *(type *)(void *)(to + i * to_stride) =                                                \
                *(const type *)(const void *)(from + i * from_stride);
    COPY_GAPS(uint8_t)
    COPY_GAPS(uint16_t)
    COPY_GAPS(uint32_t)
    COPY_GAPS(uint64_t)
#undef COPY_GAPS
}
static void in_pieces(mt_loop loop, int inputs, const int64_t *size, int64_t n, char *const *p,
                      const int64_t *stride, const double *param)
{
    enum { PIECE = 256 };
    _Alignas(64) char room[3][PIECE * 8];
    char *at[3];
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t some = n - i < PIECE ? n - i : PIECE;
        for (int k = 0; k <= inputs; k++) {
            at[k] = p[k] + i * stride[k];
            if (stride[k] == size[k] || n == 1) continue;
            if (k > 0 && (i == 0 || stride[k] != 0))
                copy_gaps(some, room[k], size[k], at[k], stride[k], size[k]);
            at[k] = room[k];
        }
        loop(some, at, size, param);
        if (at[0] == room[0])
            copy_gaps(some, p[0] + i * stride[0], stride[0], room[0], size[0], size[0]);
    }
}

/* Rows of two inputs that take long. */
#define TAKES_LONG(name)                                                                           \
    (MT_BINARY_##name == MT_BINARY_pow || MT_BINARY_##name == MT_BINARY_remainder ||               \
     MT_BINARY_##name == MT_BINARY_floor_divide || MT_BINARY_##name == MT_BINARY_fmod ||           \
     MT_BINARY_##name == MT_BINARY_xlogy || MT_BINARY_##name == MT_BINARY_nextafter ||             \
     MT_BINARY_##name == MT_BINARY_atan2 || MT_BINARY_##name == MT_BINARY_hypot ||                 \
     MT_BINARY_##name == MT_BINARY_logaddexp)

/* x > y is y < x. */
#define IS_SWAPPED(name) (MT_BINARY_##name == MT_BINARY_gt || MT_BINARY_##name == MT_BINARY_ge)

/* All branches of a row of one input, and of a row of two. */
#define BRANCHES_1(name, OUT, IN, f)                                                               \
    char *const o = p[0];                                                                          \
    const char *const a = p[1];                                                                    \
    const int64_t so = stride[0], sa = stride[1];                                                  \
    if (so == SIZE(OUT) && sa == SIZE(T))                                                          \
        EACH_1(OUT, IN, f, SIZE(OUT) * i, SIZE(T) * i)                                             \
    else                                                                                           \
        WITH_GAPS_1(name, OUT, IN, f)
#define BRANCHES_2(name, OUT, IN, f)                                                               \
    if (so == SIZE(OUT) && sa == SIZE(T) && sb == SIZE(T))                                         \
        EACH_2(OUT, IN, f, SIZE(OUT) * i, SIZE(T) * i, SIZE(T) * i)                                \
    else if (TAKES_LONG(name))                                                                     \
        in_pieces(MT_CAT(name##_loop, S), 2, (const int64_t[]){SIZE(OUT), SIZE(T), SIZE(T)}, n, p, \
                  stride, param);                                                                  \
    else if (so == SIZE(OUT) && sa == SIZE(T) && sb == 0)                                          \
        EACH_2(OUT, IN, f, SIZE(OUT) * i, SIZE(T) * i, 0)                                          \
    else if (so == SIZE(OUT) && sa == 0 && sb == SIZE(T))                                          \
        EACH_2(OUT, IN, f, SIZE(OUT) * i, 0, SIZE(T) * i)                                          \
    else                                                                                           \
        EACH_2(OUT, IN, f, so *i, sa *i, sb *i)

#define UNARY_LOOP(name, OUT, IN, f)                                                               \
    LOOP_HEAD(name)                                                                                \
    {                                                                                              \
        (void)param;                                                                               \
        BRANCHES_1(name, OUT, IN, f)                                                               \
    }
#define UNARY_P_LOOP(name, OUT, IN, f)                                                             \
    LOOP_HEAD(name)                                                                                \
    {                                                                                              \
        const T P0 = PARAMETER(0), P1 = PARAMETER(1), P2 = PARAMETER(2);                           \
        (void)P0, (void)P1, (void)P2;                                                              \
        BRANCHES_1(name, OUT, IN, f)                                                               \
    }
#define BINARY_LOOP(name, OUT, IN, f)                                                              \
    LOOP_HEAD(name)                                                                                \
    {                                                                                              \
        (void)param;                                                                               \
        char *const o = p[0];                                                                      \
        const char *const a = p[1], *const b = p[2];                                               \
        const int64_t so = stride[0], sa = stride[1], sb = stride[2];                              \
        if (IS_SWAPPED(name)) {                                                                    \
            char *const swapped[] = {p[0], p[2], p[1]};                                            \
            const int64_t strides[] = {stride[0], stride[2], stride[1]};                           \
            (MT_BINARY_##name == MT_BINARY_gt ? MT_CAT(lt_loop, S)                                 \
                                              : MT_CAT(le_loop, S))(n, swapped, strides, param);   \
            return;                                                                                \
        }                                                                                          \
        BRANCHES_2(name, OUT, IN, f)                                                               \
    }

/* ---- one inclusion per type ------------------------------------------------------------------ */
#if !defined(MT_ISA_BELOW) /* Note [What AVX-512 leaves to AVX2] */
#define T     uint8_t
#define S     u8
#define W     uint32_t
#define DTYPE MT_UINT8
#define IS_INTEGER
#include "kernels/pointwise_loops.h"

#define T     int8_t
#define S     i8
#define W     uint32_t
#define DTYPE MT_INT8
#define IS_INTEGER
#include "kernels/pointwise_loops.h"

#define T     int16_t
#define S     i16
#define W     uint32_t
#define DTYPE MT_INT16
#define IS_INTEGER
#include "kernels/pointwise_loops.h"

#define T     int32_t
#define S     i32
#define W     uint32_t
#define DTYPE MT_INT32
#define IS_INTEGER
#include "kernels/pointwise_loops.h"

#define T     bool
#define S     b8
#define W     uint32_t
#define DTYPE MT_BOOL
#define IS_BOOL
#include "kernels/pointwise_loops.h"
#endif

#define T     int64_t
#define S     i64
#define W     uint64_t
#define DTYPE MT_INT64
#define IS_INTEGER
#include "kernels/pointwise_loops.h"

#define T     float
#define S     f32
#define W     float
#define DTYPE MT_FLOAT32
#define IS_FLOAT
#include "kernels/pointwise_loops.h"

#define T     double
#define S     f64
#define W     double
#define DTYPE MT_FLOAT64
#define IS_FLOAT
#include "kernels/pointwise_loops.h"

/* Note [Blocks and what is left over]
 * PyTorch computes sigmoid and silu of neighbours in blocks of two vectors, and what is left over, like
 * elements with gaps between them, one by one with the C library's expf. So do these, that the digits are
 * the same. */
#if defined(__AVX512F__)
#define BLOCK 32
#elif defined(__AVX2__)
#define BLOCK 16
#else
#define BLOCK INT64_MAX /* its plain kernels take no blocks */
#endif

typedef float floats __attribute__((vector_size(32)));
typedef int32_t ints __attribute__((vector_size(32)));
typedef double doubles __attribute__((vector_size(64)));
typedef int64_t longs __attribute__((vector_size(64)));

/* No more than `most` in any lane; a NaN stays. (Vectors go by address: no call is left of these.) */
MT_INLINE void limit(floats *x, float most)
{
    const ints over = *x > most;
    const floats limits = {most, most, most, most, most, most, most, most};
    *x = (floats)((over & (ints)limits) | (~over & (ints)*x));
}

/* y = 2^(i/32) for the low five bits of every i. */
MT_INLINE void two_to_32nds(doubles *y, const longs *i)
{
    static const doubles fine = {0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0,
                                 0x1.11301d0125b51p+0, 0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0,
                                 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0};
    static const doubles coarse = {0x1.0000000000000p+0, 0x1.306fe0a31b715p+0, 0x1.6a09e667f3bcdp+0,
                                   0x1.ae89f995ad3adp+0, 0x1.0000000000000p+0, 0x1.306fe0a31b715p+0,
                                   0x1.6a09e667f3bcdp+0, 0x1.ae89f995ad3adp+0};
#if defined(__clang__)
    for (int k = 0; k < 8; k++) (*y)[k] = fine[(*i)[k] & 7] * coarse[(*i)[k] >> 3 & 3];
#else
    *y = __builtin_shuffle(fine, *i & 7) * __builtin_shuffle(coarse, *i >> 3 & 3);
#endif
}

/* 1.003 u: e^x of eight, in their place, as the C library's expf has it, in double. x = (32 n + i + r) ln 2 / 32 and
 * e^x = 2^n 2^(i/32) P(r), with the P of glibc (Tang, "Table-Driven Implementation of the Exponential
 * Function", ACM TOMS 15(2), 1989). Adding 1.5 * 2^52 rounds, and leaves 32 n + i in the low bits. */
MT_INLINE void exp_library(floats *x)
{
    limit(x, 150);
    *x = -*x;
    limit(x, 150);
    const doubles z = __builtin_convertvector(-*x, doubles) * 46.166241308446828;
    const doubles t = z + 0x1.8p52, r = z - (t - 0x1.8p52);
    const longs bits = (longs)t;
    doubles root;
    two_to_32nds(&root, &bits);
    const doubles scale = (doubles)((longs)root + (bits >> 5 << 52));
    const doubles high = r * 0x1.c6af84b912394p-20 + 0x1.ebfce50fac4f3p-13;
    const doubles y = (high * (r * r) + (r * 0x1.62e42ff0c52d6p-6 + 1.0)) * scale;
    *x = __builtin_convertvector(y, floats);
}

/* f: of the elements x and e = e^-x. */
#define IN_BLOCKS(name, f)                                                                         \
    /* The elements of o and a are so and sa bytes apart. */                                       \
    static void name##_few(int64_t n, char *o, int64_t so, const char *a, int64_t sa)              \
    {                                                                                              \
        for (; n > 0; n -= 8, o += 8 * so, a += 8 * sa) {                                          \
            floats x = {0};                                                                        \
            if (n >= 8 && sa == 4)                                                                 \
                memcpy(&x, a, sizeof x);                                                           \
            else                                                                                   \
                for (int i = 0; i < 8 && i < n; i++)                                               \
                    x[i] = *(const float *)(const void *)(a + i * sa);                             \
            floats e = -x;                                                                         \
            exp_library(&e);                                                                       \
            const floats y = f;                                                                    \
            if (n >= 8 && so == 4)                                                                 \
                memcpy(o, &y, sizeof y);                                                           \
            else                                                                                   \
                for (int i = 0; i < 8 && i < n; i++) *(float *)(void *)(o + i * so) = y[i];        \
        }                                                                                          \
    }                                                                                              \
    static void name##_blocks(int64_t n, char *const *p, const int64_t *stride,                    \
                              const double *param)                                                 \
    {                                                                                              \
        const bool plain = stride[0] == 4 && stride[1] == 4;                                       \
        const int64_t whole = plain ? n / BLOCK * BLOCK : 0;                                       \
        if (whole) name##_loop_f32(whole, p, stride, param);                                       \
        name##_few(n - whole, p[0] + whole * stride[0], stride[0], p[1] + whole * stride[1],       \
                   stride[1]);                                                                     \
    }
IN_BLOCKS(sigmoid, 1.0f / (1.0f + e))
IN_BLOCKS(silu, x / (1.0f + e))

/* f of sixteen at a time; elements with gaps and what is left over by way of a piece of so many. */
MT_INLINE void in_sixteens(void (*f)(float *, const float *), int64_t n, char *const *p,
                           const int64_t *stride)
{
    const bool plain = stride[0] == 4 && stride[1] == 4;
    for (int64_t i = 0; i < n; i += SIXTEEN) {
        const int64_t some = n - i < SIXTEEN ? n - i : SIXTEEN;
        const char *a = p[1] + i * stride[1];
        char *o = p[0] + i * stride[0];
        if (plain && some == SIXTEEN) {
            f((float *)(void *)o, (const float *)(const void *)a);
            continue;
        }
        float piece[SIXTEEN] = {0};
        for (int64_t j = 0; j < some; j++)
            piece[j] = *(const float *)(const void *)(a + j * stride[1]);
        f(piece, piece);
        for (int64_t j = 0; j < some; j++) *(float *)(void *)(o + j * stride[0]) = piece[j];
    }
}

static void sqrt_by_pieces(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    static const int64_t size[] = {4, 4};
    if (stride[0] == 4 && stride[1] == 4)
        roots_f32(n, (float *)(void *)p[0], (const float *)(const void *)p[1]);
    else
        in_pieces(sqrt_by_pieces, 1, size, n, p, stride, param);
}

static void tanh_by_table(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    (void)param;
    in_sixteens(tanh_sixteen, n, p, stride);
}

/* What is no row, or by other means than the row. */
#define LOOP_OF(name, T, f)                                                                        \
    static void name(int64_t n, char *const *p, const int64_t *stride, const double *param)        \
    {                                                                                              \
        static const int64_t size[] = {SIZE(T), SIZE(T)};                                          \
        if (stride[0] != SIZE(T) || stride[1] != SIZE(T)) {                                        \
            in_pieces(name, 1, size, n, p, stride, param);                                         \
            return;                                                                                \
        }                                                                                          \
        T *const y = (void *)p[0];                                                                 \
        const T *const x = (const void *)p[1];                                                     \
        MT_INDEPENDENT                                                                             \
        for (int64_t i = 0; i < n; i++) y[i] = f(x[i]);                                            \
    }
LOOP_OF(erfinv_floats, float, erfinv_f32)
LOOP_OF(exp_doubles, double, exp_near_f64)
LOOP_OF(log_doubles, double, log_near_f64)
LOOP_OF(tanh_doubles, double, tanh_near_f64)
LOOP_OF(sigmoid_doubles, double, sigmoid_near_f64)

#if defined(__AVX512F__)
static void exp_by_table(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    (void)param;
    in_sixteens(exp_sixteen, n, p, stride);
}
#endif

/* Of every angle; turn: 0 sin, 1 cos, 2 tan. One loop for all three, as it is long and seldom needed. */
static void angles_far(int64_t n, char *const *p, uint64_t turn)
{
    const float *const x = (const float *)(const void *)p[1];
    float *const y = (float *)(void *)p[0];
    MT_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const turned t = turn_any(__builtin_fabsf(x[i]));
        const float tangent = tan_turned_f32(x[i], t), sine = sin_turned_f32(x[i], t, turn & 1);
        y[i] = turn == 2 ? tangent : sine;
    }
}
#define ANGLES_FAR(name, turn)                                                                     \
    static void name##_far(int64_t n, char *const *p, const int64_t *stride, const double *param)  \
    {                                                                                              \
        (void)stride, (void)param;                                                                 \
        angles_far(n, p, turn);                                                                    \
    }
ANGLES_FAR(sin, 0)
ANGLES_FAR(cos, 1)
ANGLES_FAR(tan, 2)

/* Functions with a quick form y for nearly all numbers: a block in which there is one `beyond` it goes
 * through the row's own loop, which agrees with it where it holds. */
enum { MOSTLY = 256 };
#define MOSTLY_NEAR(id, T, I, inputs, rest, f) MOSTLY_WITHIN(id, T, I, inputs, rest, f, y != y)
#define MOSTLY_WITHIN(id, T, I, inputs, rest, f, beyond)                                           \
    static void id(int64_t n, char *const *p, const int64_t *stride, const double *param)          \
    {                                                                                              \
        static const int64_t size[] = {SIZE(T), SIZE(T), SIZE(T)};                                 \
        if (memcmp(stride, size, ((inputs) + 1) * sizeof *size) != 0) {                            \
            in_pieces(id, inputs, size, n, p, stride, param);                                      \
            return;                                                                                \
        }                                                                                          \
        T room[MOSTLY]; /* the inputs are wanted again where the output is one */                  \
        const bool in_place = p[0] == p[1] || p[0] == p[inputs];                                   \
        for (int64_t start = 0; start < n; start += MOSTLY) {                                      \
            const int64_t some = n - start < MOSTLY ? n - start : MOSTLY, at = start * SIZE(T);    \
            char *const part[] = {p[0] + at, p[1] + at, p[inputs] + at};                           \
            const T *const a = (const void *)part[1], *const b = (const void *)part[2];            \
            T *const z = in_place ? room : (void *)part[0];                                        \
            I far = 0;                                                                             \
            (void)b;                                                                               \
            MT_INDEPENDENT                                                                         \
            for (int64_t i = 0; i < some; i++) {                                                   \
                const T y = f;                                                                     \
                far |= beyond;                                                                     \
                z[i] = y;                                                                          \
            }                                                                                      \
            if (far)                                                                               \
                rest(some, part, size, param);                                                     \
            else if (in_place)                                                                     \
                memcpy(part[0], z, (size_t)(some * SIZE(T)));                                      \
        }                                                                                          \
    }
MOSTLY_NEAR(sin_mostly, float, int32_t, 1, sin_far, sin_near_f32(a[i]))
MOSTLY_NEAR(cos_mostly, float, int32_t, 1, cos_far, cos_near_f32(a[i]))
MOSTLY_NEAR(tan_mostly, float, int32_t, 1, tan_far, tan_near_f32(a[i]))
MOSTLY_NEAR(fmod_mostly, float, int32_t, 2, fmod_loop_f32, fmod_near_f32(a[i], b[i]))
MOSTLY_NEAR(remainder_mostly, float, int32_t, 2, remainder_loop_f32,
            remainder_of_f32(fmod_near_f32(a[i], b[i]), b[i]))
MOSTLY_NEAR(floor_divide_mostly, float, int32_t, 2, floor_divide_loop_f32,
            quotient_of_f32(a[i], b[i], fmod_near_f32(a[i], b[i])))

#if !defined(MT_ISA_baseline) && !defined(MT_ISA_BELOW) /* no vectors; as fast as what is below */
/* Whole numbers below 2^51 divide as double: what is not whole is 1 / y at least away from what is, further than rounding
 * goes, and the product that leaves the remainder is exact. */
MT_INLINE double near_whole(int64_t x)
{
    return from_bits_f64((uint64_t)x + bits_f64(MT_MAGIC_F64)) - MT_MAGIC_F64;
}
MT_INLINE int64_t whole_near(double x)
{
    return (int64_t)(bits_f64(x + MT_MAGIC_F64) - bits_f64(MT_MAGIC_F64));
}
MT_INLINE uint64_t is_far_whole(int64_t x, int64_t y)
{
    const uint64_t half = 1ull << 51;
    return (((uint64_t)x + half) | ((uint64_t)y + half)) >> 52 | (y == 0);
}
/* One loop for both: param is {1, 0} for the remainder, {0, 1} for the quotient. */
MT_INLINE int64_t divide_near_i64(int64_t x, int64_t y, const double *param)
{
    const double a = near_whole(x), b = near_whole(y), q = __builtin_floor(a / b);
    return whole_near(a * param[0] - q * (b * param[0] - param[1]));
}
static void divide_rest(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    (param[0] == 1 ? remainder_loop_i64 : floor_divide_loop_i64)(n, p, stride, param);
}
MOSTLY_WITHIN(divide_wholes, int64_t, uint64_t, 2, divide_rest, divide_near_i64(a[i], b[i], param),
              is_far_whole(a[i], b[i]))
/* Those of 32 bits by way of 64. */
static void divide_ints(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    static const int64_t size[] = {SIZE(int64_t), SIZE(int64_t), SIZE(int64_t)};
    int64_t room[3][MOSTLY];
    char *const at[] = {(char *)room[0], (char *)room[1], (char *)room[2]};
    for (int64_t start = 0; start < n; start += MOSTLY) {
        const int64_t some = n - start < MOSTLY ? n - start : MOSTLY;
        for (int k = 1; k < 3; k++) {
            const char *const in = p[k] + start * stride[k];
            for (int64_t i = 0; i < some; i++)
                room[k][i] = *(const int32_t *)(const void *)(in + i * stride[k]);
        }
        divide_wholes(some, at, size, param);
        char *const out = p[0] + start * stride[0];
        for (int64_t i = 0; i < some; i++)
            *(int32_t *)(void *)(out + i * stride[0]) = (int32_t)room[0][i];
    }
}
#define DIVISION(name, divide, ...)                                                                \
    static void name(int64_t n, char *const *p, const int64_t *stride, const double *param)        \
    {                                                                                              \
        (void)param;                                                                               \
        divide(n, p, stride, (const double[]){__VA_ARGS__});                                       \
    }
DIVISION(remainder_wholes, divide_wholes, 1, 0)
DIVISION(floor_divide_wholes, divide_wholes, 0, 1)
DIVISION(remainder_ints, divide_ints, 1, 0)
DIVISION(floor_divide_ints, divide_ints, 0, 1)
#endif

/* Of float64 the rest is the C library's. */
#define MOSTLY_F64(name)                                                                           \
    static void name##_rest(int64_t n, char *const *p, const int64_t *stride, const double *param) \
    {                                                                                              \
        (void)stride, (void)param;                                                                 \
        const double *const x = (const void *)p[1];                                                \
        double *const y = (void *)p[0];                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const double z = name##_near_f64(x[i]);                                                \
            y[i] = z == z ? z : name(x[i]);                                                        \
        }                                                                                          \
    }                                                                                              \
    MOSTLY_NEAR(name##_doubles, double, int64_t, 1, name##_rest, name##_near_f64(a[i]))
MOSTLY_F64(sin)
MOSTLY_F64(cos)

/* x ** y with a number as exponent: those of which PyTorch makes products, quotients and roots. */
#define POWER_BY_NUMBER(S, T, roots)                                                               \
    static void power_##S(int64_t n, char *const *p, const int64_t *stride, const double *param)   \
    {                                                                                              \
        const T y = n > 0 && stride[2] == 0 ? *(const T *)(const void *)p[2] : 0;                  \
        if (y == 2)                                                                                \
            square_loop_##S(n, p, stride, param);                                                  \
        else if (y == 3)                                                                           \
            cube_loop_##S(n, p, stride, param);                                                    \
        else if (y == -1)                                                                          \
            reciprocal_loop_##S(n, p, stride, param);                                              \
        else if (y == -2)                                                                          \
            inverse_square_loop_##S(n, p, stride, param);                                          \
        else if (y == (T)0.5)                                                                      \
            roots(n, p, stride, param);                                                            \
        else if (y == (T) - 0.5)                                                                   \
            rsqrt_loop_##S(n, p, stride, param);                                                   \
        else                                                                                       \
            pow_loop_##S(n, p, stride, param);                                                     \
    }
POWER_BY_NUMBER(f32, float, sqrt_by_pieces)
POWER_BY_NUMBER(f64, double, sqrt_loop_f64)

void MT_ISA_NAME(mt_fill_pointwise)(mt_kernels *k)
{
    find_out_about_roots();
    make_two_over_pi();
#if !defined(MT_ISA_BELOW)
    fill_rows_u8(k);
    fill_rows_i8(k);
    fill_rows_i16(k);
    fill_rows_i32(k);
    fill_rows_b8(k);
#endif
#if defined(MT_ISA_BELOW)
    const mt_loop remainder_wholes = k->binary[MT_BINARY_remainder][MT_INT64];
    const mt_loop floor_divide_wholes = k->binary[MT_BINARY_floor_divide][MT_INT64];
#endif
    fill_rows_i64(k);
    fill_rows_f32(k);
    fill_rows_f64(k);
    k->unary[MT_UNARY_sigmoid][MT_FLOAT32] = sigmoid_blocks;
    k->unary[MT_UNARY_silu][MT_FLOAT32] = silu_blocks;
    k->unary[MT_UNARY_sqrt][MT_FLOAT32] = sqrt_by_pieces;
    k->unary[MT_UNARY_tanh][MT_FLOAT32] = tanh_by_table;
    k->erfinv = erfinv_floats;
    k->unary[MT_UNARY_sin][MT_FLOAT32] = sin_mostly;
    k->unary[MT_UNARY_cos][MT_FLOAT32] = cos_mostly;
    k->unary[MT_UNARY_tan][MT_FLOAT32] = tan_mostly;
    k->unary[MT_UNARY_exp][MT_FLOAT64] = exp_doubles;
    k->unary[MT_UNARY_log][MT_FLOAT64] = log_doubles;
    k->unary[MT_UNARY_tanh][MT_FLOAT64] = tanh_doubles;
    k->unary[MT_UNARY_sigmoid][MT_FLOAT64] = sigmoid_doubles;
    k->unary[MT_UNARY_sin][MT_FLOAT64] = sin_doubles;
    k->unary[MT_UNARY_cos][MT_FLOAT64] = cos_doubles;
    k->binary[MT_BINARY_fmod][MT_FLOAT32] = fmod_mostly;
    k->binary[MT_BINARY_remainder][MT_FLOAT32] = remainder_mostly;
    k->binary[MT_BINARY_floor_divide][MT_FLOAT32] = floor_divide_mostly;
#if !defined(MT_ISA_baseline)
    k->binary[MT_BINARY_remainder][MT_INT64] = remainder_wholes;
    k->binary[MT_BINARY_floor_divide][MT_INT64] = floor_divide_wholes;
#if !defined(MT_ISA_BELOW)
    k->binary[MT_BINARY_remainder][MT_INT32] = remainder_ints;
    k->binary[MT_BINARY_floor_divide][MT_INT32] = floor_divide_ints;
#endif
#endif
#if defined(__AVX512F__)
    if (roots_by_estimate) {
        make_power_table();
        k->unary[MT_UNARY_exp][MT_FLOAT32] = exp_by_table;
    }
#endif
    k->binary[MT_BINARY_pow][MT_FLOAT32] = power_f32;
    k->binary[MT_BINARY_pow][MT_FLOAT64] = power_f64;

    /* What PyTorch does not define for bool. */
    k->binary[MT_BINARY_sub][MT_BOOL] = NULL;
    k->binary[MT_BINARY_pow][MT_BOOL] = NULL;
    k->binary[MT_BINARY_remainder][MT_BOOL] = NULL;
    k->binary[MT_BINARY_fmod][MT_BOOL] = NULL;
    k->binary[MT_BINARY_floor_divide][MT_BOOL] = NULL;
}
