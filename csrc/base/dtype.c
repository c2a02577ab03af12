/* Names, sizes and the promotion of element types. */
#include "base/dtype.h"

const uint8_t mt_dtype_sizes[MT_NUM_DTYPES] = {
#define SIZE(E, T, name, kind, Camel) sizeof(T),
    MT_DTYPES(SIZE)
#undef SIZE
};

static const char *const names[MT_NUM_DTYPES] = {
#define NAME(E, T, name, kind, Camel) name,
    MT_DTYPES(NAME)
#undef NAME
};

static const char *const camel_names[MT_NUM_DTYPES] = {
#define CAMEL(E, T, name, kind, Camel) Camel,
    MT_DTYPES(CAMEL)
#undef CAMEL
};

const char *mt_dtype_name(mt_dtype d) { return names[d]; }
const char *mt_dtype_camel(mt_dtype d) { return camel_names[d]; }

const char *mt_dtype_c(mt_dtype d)
{
    static const char *const c_names[MT_NUM_DTYPES] = {"unsigned char",
                                                       "signed char",
                                                       "short int",
                                                       "int",
                                                       "long int",
                                                       "float",
                                                       "double",
                                                       "bool",
                                                       "c10::Half",
                                                       "c10::BFloat16",
                                                       "c10::complex<float>",
                                                       "c10::complex<double>"};
    return c_names[d];
}

/* The smallest type that both fit, but integers never widen a float: int64 with float32 is float32.
 * Only uint8 with int8 needs a third type. Order as in MT_DTYPES. */
static const uint8_t promotions[MT_NUM_DTYPES][MT_NUM_DTYPES] = {
#define U1  MT_UINT8
#define I1  MT_INT8
#define I2  MT_INT16
#define I4  MT_INT32
#define I8  MT_INT64
#define F4  MT_FLOAT32
#define F8  MT_FLOAT64
#define B1  MT_BOOL
#define F2  MT_FLOAT16
#define G2  MT_BFLOAT16
#define C8  MT_COMPLEX64
#define C16 MT_COMPLEX128
    /*        u1  i1  i2  i4  i8  f4  f8  b1  f2  g2  c8  c16 */
    /* u1 */ {U1, I2, I2, I4, I8, F4, F8, U1, F2, G2, C8, C16},
    /* i1 */ {I2, I1, I2, I4, I8, F4, F8, I1, F2, G2, C8, C16},
    /* i2 */ {I2, I2, I2, I4, I8, F4, F8, I2, F2, G2, C8, C16},
    /* i4 */ {I4, I4, I4, I4, I8, F4, F8, I4, F2, G2, C8, C16},
    /* i8 */ {I8, I8, I8, I8, I8, F4, F8, I8, F2, G2, C8, C16},
    /* f4 */ {F4, F4, F4, F4, F4, F4, F8, F4, F4, F4, C8, C16},
    /* f8 */ {F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, C16, C16},
    /* b1 */ {U1, I1, I2, I4, I8, F4, F8, B1, F2, G2, C8, C16},
    /* f2 */ {F2, F2, F2, F2, F2, F4, F8, F2, F2, F4, C8, C16},
    /* g2 */ {G2, G2, G2, G2, G2, F4, F8, G2, F4, G2, C8, C16},
    /* c8 */ {C8, C8, C8, C8, C8, C8, C16, C8, C8, C8, C8, C16},
    /* c16 */ {C16, C16, C16, C16, C16, C16, C16, C16, C16, C16, C16, C16},
#undef U1
#undef I1
#undef I2
#undef I4
#undef I8
#undef F4
#undef F8
#undef B1
#undef F2
#undef G2
#undef C8
#undef C16
};

mt_dtype mt_promote(mt_dtype a, mt_dtype b) { return (mt_dtype)promotions[a][b]; }

mt_dtype mt_real_dtype(mt_dtype d)
{
    return d == MT_COMPLEX64 ? MT_FLOAT32 : d == MT_COMPLEX128 ? MT_FLOAT64 : d;
}

mt_dtype mt_complex_dtype(mt_dtype d)
{
    if (mt_is_complex(d)) return d;
    if (!mt_is_floating(d)) d = mt_default_dtype();
    return d == MT_FLOAT64 ? MT_COMPLEX128 : MT_COMPLEX64;
}

/* A cast may lose range or precision, not a whole category: complex to float, float to
 * integer, anything to bool. */
bool mt_can_cast(mt_dtype from, mt_dtype to)
{
    return mt_dtype_category(from) <= mt_dtype_category(to);
}

static mt_dtype default_dtype = MT_FLOAT32;

mt_dtype mt_default_dtype(void) { return default_dtype; }
void mt_set_default_dtype(mt_dtype d) { default_dtype = d; }
