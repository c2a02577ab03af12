/* Operators on the bits of integers: and, or, xor, not, shifts; gcd and lcm. On bool they are the logical ones.
 * Their loops stand here, not among the rows, because there are none for floats. */
#include "ops/ops.h"

#include <limits.h>

/* ==== loops =================================================================================== */

/* A shift beyond the width gives 0, or -1 for a negative number shifted right; C leaves it
 * undefined. */
#define AND(T, a, b)   (a & b)
#define OR(T, a, b)    (a | b)
#define XOR(T, a, b)   (a ^ b)
#define NOT(T, a, b)   (~a)
#define BITS(T)        ((int)sizeof(T) * CHAR_BIT)
#define LEFT(T, a, b)  ((uint64_t)(int64_t)b >= (uint64_t)BITS(T) ? 0 : (uint64_t)a << b)
#define LAST(T)        (BITS(T) - ((T) - 1 < (T)1))
#define RIGHT(T, a, b) (a >> ((uint64_t)(int64_t)b >= (uint64_t)LAST(T) ? LAST(T) : b))

/* Euclid, on sizes; the smallest number of T has none in T, so it is done without signs. */
static uint64_t size_of(int64_t a) { return a < 0 ? -(uint64_t)a : (uint64_t)a; }
static uint64_t common(uint64_t a, uint64_t b)
{
    while (a) {
        uint64_t rest = b % a;
        b = a, a = rest;
    }
    return b;
}
#define GCD(T, a, b) common(size_of((int64_t)a), size_of((int64_t)b))
#define LCM(T, a, b) (a && b ? size_of((int64_t)a) / GCD(T, a, b) * size_of((int64_t)b) : 0)

#define LOOP(name, T, F)                                                                           \
    static void name(int64_t n, char *const *p, const int64_t *stride, const double *param)        \
    {                                                                                              \
        char *out = p[0], *x = p[1], *y = p[2];                                                    \
        (void)param;                                                                               \
        for (int64_t i = 0; i < n; i++, out += stride[0], x += stride[1], y += stride[2]) {        \
            T a = *(const T *)x, b = *(const T *)y;                                                \
            (void)b;                                                                               \
            *(T *)out = (T)F(T, a, b);                                                             \
        }                                                                                          \
    }
#define LOOPS(name, F)                                                                             \
    LOOP(name##_u8, uint8_t, F)                                                                    \
    LOOP(name##_i8, int8_t, F)                                                                     \
    LOOP(name##_i16, int16_t, F)                                                                   \
    LOOP(name##_i32, int32_t, F)                                                                   \
    LOOP(name##_i64, int64_t, F)                                                                   \
    static const mt_loop name##_loops[] = {[MT_UINT8] = name##_u8,                                 \
                                           [MT_INT8] = name##_i8,                                  \
                                           [MT_INT16] = name##_i16,                                \
                                           [MT_INT32] = name##_i32,                                \
                                           [MT_INT64] = name##_i64};
LOOPS(and, AND)
LOOPS(or, OR)
LOOPS(xor, XOR)
LOOPS(not, NOT)
LOOPS(left, LEFT)
LOOPS(right, RIGHT)
LOOPS(gcd, GCD)
LOOPS(lcm, LCM)

/* And, or, xor and not are the same of words, whatever the type: those of neighbours, and of neighbours and one number,
 * go by words, the rest by the loop of the type. The output may be an input. param: which of by_word, and the type. */
static const mt_loop *const by_word[] = {and_loops, or_loops, xor_loops, not_loops};
typedef uint64_t word __attribute__((vector_size(64), aligned(1), may_alias));
#define EACH_WORD(f)                                                                               \
    for (; i + size <= bytes; i += size)                                                           \
        *(word *)(p[0] + i) = *(const word *)(x + i) f * (const word *)(y + (i & neighbours));
static void in_words(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    const int which = (int)param[0], d = (int)param[1];
    const bool swapped = stride[1] == 0; /* the number comes first */
    const char *x = p[1 + swapped], *y = p[2 - swapped];
    const int64_t item = mt_dtype_size((mt_dtype)d), step = stride[2 - swapped];
    const bool turn = by_word[which] == not_loops;
    const int64_t size = sizeof(word), bytes = n * item, neighbours = step == 0 || turn ? 0 : -1;
    char number[sizeof(word)], *rest[3];
    int64_t i = 0;
    if (stride[0] == item && stride[1 + swapped] == item && (step == item || step == 0)) {
        for (int64_t k = 0; !neighbours && k < size; k++) number[k] = turn ? -1 : y[k % item];
        if (!neighbours) y = number;
        if (by_word[which] == and_loops)
            EACH_WORD(&)
        else if (by_word[which] == or_loops)
            EACH_WORD(|)
        else
            EACH_WORD(^)
    }
    for (int k = 0; k < 3; k++) rest[k] = p[k] + i / item * stride[k];
    by_word[which][d](n - i / item, rest, stride, NULL);
}

/* ==== operators =============================================================================== */

static mt_tensor *as(mt_tensor *t, mt_dtype d)
{
    if (t->dtype == d) return t;
    mt_tensor *y = mt_empty_like(t, d);
    return y && mt_copy_raw(y, t) == 0 ? y : NULL;
}

static void run_bits(const mt_loop *loops, mt_dtype d, mt_tensor *y, mt_tensor *const *in)
{
    double param[2] = {0, d};
    while (param[0] < 4 && by_word[(int)param[0]] != loops) param[0]++;
    mt_run_loop(param[0] < 4 ? in_words : loops[d], y, 2, in, param, MT_GRAIN_CHEAP);
}

/* on_bool: the row that does it for bool, -1 if none does. kernel: what PyTorch's message calls the
 * loop. */
static int run(mt_call *c, const mt_loop *loops, int on_bool, const char *kernel)
{
    mt_dtype d = mt_result_type(2, c->in);
    if (mt_need_tensor(c, false) < 0) return -1;
    if (mt_is_float(d) || (d == MT_BOOL && on_bool < 0))
        return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                        mt_dtype_camel(d));
    mt_tensor *in[2] = {as(c->in[0], d), as(c->in[1], d)};
    mt_tensor *y = in[0] && in[1] ? mt_result_broadcast(c, d, 2, c->in) : NULL;
    if (!y) return -1;
    if (d == MT_BOOL)
        mt_run_loop(mt_k->binary[on_bool][MT_BOOL], y, 2, in, NULL, MT_GRAIN_CHEAP);
    else
        run_bits(loops, d, y, in);
    return 0;
}

#define BITWISE(id, loops, on_bool, kernel, text)                                                  \
    BITWISE_OF("Number", id, loops, on_bool, kernel, text)
#define BITWISE_OF(self_type, id, loops, on_bool, kernel, text)                                    \
    static int id##_forward(mt_call *c) { return run(c, loops, on_bool, kernel); }                 \
    MT_OP(id, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,                   \
          .schema = #id "(" self_type " self, " self_type " other) -> Tensor", .doc = text);       \
    mt_tensor *mt_##id(mt_tensor *self, mt_tensor *other)                                          \
    {                                                                                              \
        return mt_call2(&mt_op_##id, self, other);                                                 \
    }
BITWISE(bitwise_and, and_loops, MT_BINARY_logical_and, "bitwise_and_cpu",
        "The bits that are set in both integers; on bool, where both are true.")
BITWISE(bitwise_or, or_loops, MT_BINARY_logical_or, "bitwise_or_cpu",
        "The bits that are set in one integer or the other; on bool, where one is true.")
BITWISE(bitwise_xor, xor_loops, MT_BINARY_logical_xor, "bitwise_xor_cpu",
        "The bits that differ; on bool, where just one is true.")
BITWISE(bitwise_left_shift, left_loops, -1, "lshift_cpu",
        "The bits of self moved left by other places: self * 2 ** other.")
BITWISE(bitwise_right_shift, right_loops, -1, "rshift_cpu",
        "The bits of self moved right by other places, the sign kept.")
BITWISE_OF("Tensor", gcd, gcd_loops, -1, "gcd_cpu",
           "The greatest number that divides both integers; gcd(0, 0) is 0.")
BITWISE_OF("Tensor", lcm, lcm_loops, -1, "lcm_cpu",
           "The smallest number that both integers divide; 0 if one is 0.")

static int bitwise_not_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *in[2] = {x, x};
    mt_dtype d = (mt_dtype)x->dtype;
    if (mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"bitwise_not_cpu\" not implemented for '%s'",
                        mt_dtype_camel(d));
    mt_tensor *y = mt_result_like(c, 0, d, x);
    if (!y) return -1;
    if (d == MT_BOOL)
        mt_run_loop(mt_k->unary[MT_UNARY_logical_not][MT_BOOL], y, 1, in, NULL, MT_GRAIN_CHEAP);
    else
        run_bits(not_loops, d, y, in);
    return 0;
}

MT_OP(bitwise_not, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .schema = "bitwise_not(Tensor self) -> Tensor",
      .doc = "Every bit turned round: -1 - x; on bool, where x is false.");

mt_tensor *mt_bitwise_not(mt_tensor *self) { return mt_call1(&mt_op_bitwise_not, self); }
