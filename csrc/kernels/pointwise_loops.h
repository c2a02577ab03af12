/* The loops of all rows for one element type: a template, included by pointwise.c once per type.
 *
 * Expects T, S and W as kernels/math.h says, DTYPE (MT_FLOAT32, ...) and one of IS_FLOAT,
 * IS_INTEGER and IS_BOOL; undefines them all. The row exp becomes the function exp_loop_f32, and
 * fill_rows_f32 puts all loops of the type into a table. */

/* What an element is read as: a bool is a byte, and not 0 if it is true; foreign memory may hold
 * more than 0 and 1. */
#if defined(IS_BOOL)
#define MEMORY uint8_t
#else
#define MEMORY T
#endif

/* A parameter of a row in the type of its elements; one below 0 wraps round in uint8_t. */
#if defined(IS_INTEGER)
#define PARAMETER(i) (T)(int64_t) param[i]
#else
#define PARAMETER(i) (T) param[i]
#endif

/* What becomes of elements with gaps between them: functions of floats are long, and one copy of each is enough. */
#if defined(IS_FLOAT)
#define WITH_GAPS_1(name, OUT, IN, f)                                                              \
    in_pieces(MT_CAT(name##_loop, S), 1, (const int64_t[]){SIZE(OUT), SIZE(T)}, n, p, stride,      \
              param);
#else
#define WITH_GAPS_1(name, OUT, IN, f) EACH_1(OUT, IN, f, so *i, sa *i)
#endif

/* Whether and how a kind is computed in this type: DO(name, output type, type to load as, f). */
#if defined(IS_BOOL)
#define UNARY_SAME(DO, name, f)
#define UNARY_ROUND(DO, name, f)
#elif defined(IS_INTEGER)
#define UNARY_SAME(DO, name, f)  DO(name, T, T, f)
#define UNARY_ROUND(DO, name, f) DO(name, T, T, x)
#else
#define UNARY_SAME(DO, name, f)  DO(name, T, T, f)
#define UNARY_ROUND(DO, name, f) DO(name, T, T, f)
#endif
#if defined(IS_FLOAT)
#define UNARY_FLOAT(DO, name, f)  DO(name, T, T, f)
#define UNARY_NN(DO, name, f)     DO(name, T, T, f)
#define UNARY_PART(DO, name, f)   DO(name, T, T, f)
#define BINARY_FLOAT(DO, name, f) DO(name, T, T, f)
#define BINARY_GRAD(DO, name, f)  DO(name, T, T, f)
#define BINARY_PAIR(DO, name, f)  DO(name, T, T, f)
#define BINARY_REAL(DO, name, f)  DO(name, T, T, f)
#else
#define UNARY_FLOAT(DO, name, f)
#define UNARY_NN(DO, name, f)
#define UNARY_PART(DO, name, f)
#define BINARY_FLOAT(DO, name, f)
#define BINARY_GRAD(DO, name, f)
#define BINARY_PAIR(DO, name, f)
#define BINARY_REAL(DO, name, f)
#endif
#define UNARY_SAME_NN(DO, name, f)  UNARY_SAME(DO, name, f)
#define UNARY_ALL_NN(DO, name, f)   UNARY_SAME(DO, name, f)
#define UNARY_FLOAT_NN(DO, name, f) UNARY_FLOAT(DO, name, f)
#define UNARY_TEST(DO, name, f)     DO(name, bool, T, f)
#define BINARY_ARITH(DO, name, f)   DO(name, T, T, f)
#define BINARY_CHOICE(DO, name, f)  DO(name, T, T, f)
#define BINARY_COMPARE(DO, name, f) DO(name, bool, T, f)
/* Other types are cast to bool first: the loops would be the largest of all. */
#if defined(IS_BOOL)
#define BINARY_LOGIC(DO, name, f) DO(name, bool, bool, f)
#else
#define BINARY_LOGIC(DO, name, f)
#endif

LOOP_HEAD(lt);
LOOP_HEAD(le);

/* ---- the loops ------------------------------------------------------------------------------- */
#define UNARY(kind, name, f, ...)           UNARY_##kind(UNARY_LOOP, name, f)
#define UNARY_P(kind, name, schema, f, ...) UNARY_##kind(UNARY_P_LOOP, name, f)
#include "minitorch/unary.def"
#define BINARY(kind, name, f, ...) BINARY_##kind(BINARY_LOOP, name, f)
#include "minitorch/binary.def"
#if defined(IS_FLOAT) /* two powers */
UNARY_LOOP(cube, T, T, x * x * x)
UNARY_LOOP(inverse_square, T, T, 1 / (x * x))
#endif

/* p: out, condition, x, y. */
static void MT_CAT(where_loop, S)(int64_t n, char *const *p, const int64_t *stride,
                                  const double *param)
{
    (void)param;
    char *out = p[0];
    const char *c = p[1], *x = p[2], *y = p[3];
    const int64_t size = sizeof(T), so = stride[0], sc = stride[1], sx = stride[2], sy = stride[3];
    if (so == size && sc == 1 && sx == size && sy == size) {
        MT_INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            ((MEMORY *)out)[i] =
                ((const uint8_t *)c)[i] ? ((const MEMORY *)x)[i] : ((const MEMORY *)y)[i];
        return;
    }
    for (int64_t i = 0; i < n; i++, out += so, c += sc, x += sx, y += sy)
        *(MEMORY *)out = *(const uint8_t *)c ? *(const MEMORY *)x : *(const MEMORY *)y;
}

#if defined(IS_FLOAT)
/* p: out, x, y, z: x y + z. Often x is a number. */
static void MT_CAT(fma_loop, S)(int64_t n, char *const *p, const int64_t *stride,
                                const double *param)
{
    (void)param;
    char *out = p[0];
    const char *x = p[1], *y = p[2], *z = p[3];
    const int64_t size = sizeof(T), so = stride[0], sx = stride[1], sy = stride[2], sz = stride[3];
    if (so == size && sy == size && sz == size && (sx == 0 || sx == size)) {
        const T number = n ? *(const T *)x : 0;
        if (sx == 0) {
            MT_INDEPENDENT
            for (int64_t i = 0; i < n; i++)
                ((T *)out)[i] = FMA(number, ((const T *)y)[i], ((const T *)z)[i]);
        } else {
            MT_INDEPENDENT
            for (int64_t i = 0; i < n; i++)
                ((T *)out)[i] = FMA(((const T *)x)[i], ((const T *)y)[i], ((const T *)z)[i]);
        }
        return;
    }
    for (int64_t i = 0; i < n; i++, out += so, x += sx, y += sy, z += sz)
        *(T *)out = FMA(*(const T *)x, *(const T *)y, *(const T *)z);
}
#endif

/* ---- their places in the table --------------------------------------------------------------- */
static void MT_CAT(fill_rows, S)(mt_kernels *k)
{
#define UNARY_ENTRY(name, ...)    k->unary[MT_UNARY_##name][DTYPE] = MT_CAT(name##_loop, S);
#define UNARY(kind, name, f, ...) UNARY_##kind(UNARY_ENTRY, name, f)
#define UNARY_P(kind, name, schema, f, ...) UNARY_##kind(UNARY_ENTRY, name, f)
#include "minitorch/unary.def"
#define BINARY_ENTRY(name, ...)    k->binary[MT_BINARY_##name][DTYPE] = MT_CAT(name##_loop, S);
#define BINARY(kind, name, f, ...) BINARY_##kind(BINARY_ENTRY, name, f)
#include "minitorch/binary.def"
    k->where[DTYPE] = MT_CAT(where_loop, S);
#if defined(IS_FLOAT)
    k->fma[DTYPE] = MT_CAT(fma_loop, S);
#endif
}

#undef MEMORY
#undef PARAMETER
#undef WITH_GAPS_1
#undef UNARY_SAME
#undef UNARY_SAME_NN
#undef UNARY_ALL_NN
#undef UNARY_FLOAT_NN
#undef UNARY_ROUND
#undef UNARY_FLOAT
#undef UNARY_NN
#undef UNARY_PART
#undef UNARY_TEST
#undef UNARY_ENTRY
#undef BINARY_FLOAT
#undef BINARY_GRAD
#undef BINARY_PAIR
#undef BINARY_REAL
#undef BINARY_ARITH
#undef BINARY_CHOICE
#undef BINARY_COMPARE
#undef BINARY_LOGIC
#undef BINARY_ENTRY
#undef T
#undef S
#undef W
#undef DTYPE
#undef IS_FLOAT
#undef IS_INTEGER
#undef IS_BOOL
