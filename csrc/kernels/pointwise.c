/* Pointwise kernels: one loop for every row of unary.def and binary.def and every element type its
 * kind admits, made by including kernels/pointwise_loops.h once per type.
 *
 * A loop has a branch for elements that lie next to each other, which the compiler vectorises,
 * branches of binary rows for one operand that is a single number (stride 0), and a general one.
 * The output may be an input, element for element. `make -C csrc expand OP=tanh` shows what a row
 * becomes.
 * Relies on kernels/math.h for functions of one element. Read next: kernels/pointwise_loops.h. */
#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/trig.h"

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

/* All branches of a row of one input, and of a row of two. */
#define BRANCHES_1(OUT, IN, f)                                                                     \
    char *const o = p[0];                                                                          \
    const char *const a = p[1];                                                                    \
    const int64_t so = stride[0], sa = stride[1];                                                  \
    if (so == SIZE(OUT) && sa == SIZE(T))                                                          \
        EACH_1(OUT, IN, f, SIZE(OUT) * i, SIZE(T) * i)                                             \
    else                                                                                           \
        EACH_1(OUT, IN, f, so *i, sa *i)
#define BRANCHES_2(OUT, IN, f)                                                                     \
    if (so == SIZE(OUT) && sa == SIZE(T) && sb == SIZE(T))                                         \
        EACH_2(OUT, IN, f, SIZE(OUT) * i, SIZE(T) * i, SIZE(T) * i)                                \
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
        BRANCHES_1(OUT, IN, f)                                                                     \
    }
#define UNARY_P_LOOP(name, OUT, IN, f)                                                             \
    LOOP_HEAD(name)                                                                                \
    {                                                                                              \
        const T P0 = PARAMETER(0), P1 = PARAMETER(1), P2 = PARAMETER(2);                           \
        (void)P0, (void)P1, (void)P2;                                                              \
        BRANCHES_1(OUT, IN, f)                                                                     \
    }
#define BINARY_LOOP(name, OUT, IN, f)                                                              \
    LOOP_HEAD(name)                                                                                \
    {                                                                                              \
        (void)param;                                                                               \
        char *const o = p[0];                                                                      \
        const char *const a = p[1], *const b = p[2];                                               \
        const int64_t so = stride[0], sa = stride[1], sb = stride[2];                              \
        BRANCHES_2(OUT, IN, f)                                                                     \
    }

/* ---- one inclusion per type ------------------------------------------------------------------ */
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

#define T     bool
#define S     b8
#define W     uint32_t
#define DTYPE MT_BOOL
#define IS_BOOL
#include "kernels/pointwise_loops.h"

/* x ** 2 with a number as exponent: without the call of pow() the loop is vector code. */
#define POWER_BY_NUMBER(S, T)                                                                      \
    static void power_##S(int64_t n, char *const *p, const int64_t *stride, const double *param)   \
    {                                                                                              \
        if (n > 0 && stride[2] == 0 && *(const T *)p[2] == 2)                                      \
            square_loop_##S(n, p, stride, param);                                                  \
        else                                                                                       \
            pow_loop_##S(n, p, stride, param);                                                     \
    }
POWER_BY_NUMBER(f32, float)
POWER_BY_NUMBER(f64, double)

void MT_ISA_NAME(mt_fill_pointwise)(mt_kernels *k)
{
    make_two_over_pi();
    fill_rows_u8(k);
    fill_rows_i8(k);
    fill_rows_i16(k);
    fill_rows_i32(k);
    fill_rows_i64(k);
    fill_rows_f32(k);
    fill_rows_f64(k);
    fill_rows_b8(k);
    k->binary[MT_BINARY_pow][MT_FLOAT32] = power_f32;
    k->binary[MT_BINARY_pow][MT_FLOAT64] = power_f64;

    /* What PyTorch does not define for bool. */
    k->binary[MT_BINARY_sub][MT_BOOL] = NULL;
    k->binary[MT_BINARY_pow][MT_BOOL] = NULL;
    k->binary[MT_BINARY_remainder][MT_BOOL] = NULL;
    k->binary[MT_BINARY_fmod][MT_BOOL] = NULL;
    k->binary[MT_BINARY_floor_divide][MT_BOOL] = NULL;
}
