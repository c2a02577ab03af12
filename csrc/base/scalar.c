/* Numbers with their kind, and how they become elements.
 *
 * C leaves the conversion of a float to an integer that cannot hold it undefined. Here it
 * is what x86 does and PyTorch therefore shows there: NaN and what is out of range give
 * the most negative int64 or, for all narrower types, int32, of which the low bits are
 * kept. Relies on: base/error.h. */
#include "base/scalar.h"
#include "base/error.h"
#include "base/narrow.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define TWO_TO_63 9223372036854775808.0

static int64_t to_int64(double d)
{
    return d >= -TWO_TO_63 && d < TWO_TO_63 ? (int64_t)d : INT64_MIN;
}

static int32_t to_int32(double d)
{
    return d > -2147483649.0 && d < 2147483648.0 ? (int32_t)d : INT32_MIN;
}

double mt_scalar_to_double(mt_scalar s)
{
    switch (s.kind) {
    case MT_SCALAR_BOOL:
        return s.v.b;
    case MT_SCALAR_INT:
        return (double)s.v.i;
    default:
        return s.v.d;
    }
}

int64_t mt_scalar_to_int(mt_scalar s)
{
    switch (s.kind) {
    case MT_SCALAR_BOOL:
        return s.v.b;
    case MT_SCALAR_INT:
        return s.v.i;
    default:
        if (isnan(s.v.d)) return 0;
        if (s.v.d >= TWO_TO_63) return INT64_MAX;
        return s.v.d < -TWO_TO_63 ? INT64_MIN : (int64_t)s.v.d;
    }
}

mt_dtype mt_scalar_dtype(mt_scalar s)
{
    switch (s.kind) {
    case MT_SCALAR_BOOL:
        return MT_BOOL;
    case MT_SCALAR_INT:
        return MT_INT64;
    case MT_SCALAR_COMPLEX:
        return mt_complex_dtype(mt_default_dtype());
    default:
        return mt_default_dtype();
    }
}

/* The integer that s becomes on its way to type d. */
static int64_t as_integer(mt_scalar s, mt_dtype d)
{
    if (s.kind < MT_SCALAR_FLOAT) return mt_scalar_to_int(s);
    return d == MT_INT64 ? to_int64(s.v.d) : to_int32(s.v.d);
}

void mt_scalar_store(mt_scalar s, mt_dtype d, void *p)
{
    /* Narrowing casts of integers keep the low bits (gcc and clang define it so). memcpy, since p
     * may point into a byte buffer. */
#define STORE(T, value)                                                                            \
    do {                                                                                           \
        T element = (T)(value);                                                                    \
        memcpy(p, &element, sizeof element);                                                       \
    } while (0)
    switch (d) {
    case MT_UINT8:
        STORE(uint8_t, (uint64_t)as_integer(s, d));
        break;
    case MT_INT8:
        STORE(int8_t, (uint8_t)as_integer(s, d));
        break;
    case MT_INT16:
        STORE(int16_t, (uint16_t)as_integer(s, d));
        break;
    case MT_INT32:
        STORE(int32_t, (uint32_t)as_integer(s, d));
        break;
    case MT_INT64:
        STORE(int64_t, as_integer(s, d));
        break;
    case MT_FLOAT32:
        STORE(float, mt_scalar_to_double(s));
        break;
    case MT_FLOAT64:
        STORE(double, mt_scalar_to_double(s));
        break;
    case MT_FLOAT16:
        STORE(uint16_t, mt_half_of_float((float)mt_scalar_to_double(s)));
        break;
    case MT_BFLOAT16:
        STORE(uint16_t, mt_bfloat16_of_float((float)mt_scalar_to_double(s)));
        break;
    case MT_COMPLEX64:
        memcpy(p, (float[]){(float)mt_scalar_to_double(s), (float)s.imag}, 2 * sizeof(float));
        break;
    case MT_COMPLEX128:
        memcpy(p, (double[]){mt_scalar_to_double(s), s.imag}, 2 * sizeof(double));
        break;
    default:
        STORE(bool, s.kind == MT_SCALAR_INT ? s.v.i != 0 : mt_scalar_to_double(s) || s.imag);
    }
#undef STORE
}

static mt_scalar load_half(uint16_t h) { return mt_scalar_float(mt_float_of_half(h)); }
typedef struct two_floats {
    float part[2];
} two_floats;
typedef struct two_doubles {
    double part[2];
} two_doubles;
static mt_scalar load_floats(two_floats z) { return mt_scalar_complex(z.part[0], z.part[1]); }
static mt_scalar load_doubles(two_doubles z) { return mt_scalar_complex(z.part[0], z.part[1]); }
static mt_scalar load_bfloat16(uint16_t b) { return mt_scalar_float(mt_float_of_bfloat16(b)); }

mt_scalar mt_scalar_load(mt_dtype d, const void *p)
{
#define LOAD(T, make)                                                                              \
    do {                                                                                           \
        T element;                                                                                 \
        memcpy(&element, p, sizeof element);                                                       \
        return make(element);                                                                      \
    } while (0)
    switch (d) {
    case MT_UINT8:
        LOAD(uint8_t, mt_scalar_int);
    case MT_INT8:
        LOAD(int8_t, mt_scalar_int);
    case MT_INT16:
        LOAD(int16_t, mt_scalar_int);
    case MT_INT32:
        LOAD(int32_t, mt_scalar_int);
    case MT_INT64:
        LOAD(int64_t, mt_scalar_int);
    case MT_FLOAT32:
        LOAD(float, mt_scalar_float);
    case MT_FLOAT64:
        LOAD(double, mt_scalar_float);
    case MT_FLOAT16:
        LOAD(uint16_t, load_half);
    case MT_BFLOAT16:
        LOAD(uint16_t, load_bfloat16);
    case MT_COMPLEX64:
        LOAD(two_floats, load_floats);
    case MT_COMPLEX128:
        LOAD(two_doubles, load_doubles);
    default:
        return mt_scalar_bool(*(const uint8_t *)p != 0);
    }
#undef LOAD
}

static bool int_fits(int64_t i, mt_dtype d)
{
    switch (d) {
    case MT_UINT8:
        return i >= -255 && i <= 255; /* negative numbers may wrap: a - b is a + 255 b */
    case MT_INT8:
        return i >= INT8_MIN && i <= INT8_MAX;
    case MT_INT16:
        return i >= INT16_MIN && i <= INT16_MAX;
    case MT_INT32:
        return i >= INT32_MIN && i <= INT32_MAX;
    default:
        return true;
    }
}

static bool float_fits(double f, mt_dtype d)
{
    switch (d) {
    case MT_UINT8:
        return f >= 0 && f <= 255;
    case MT_INT8:
        return f >= INT8_MIN && f <= INT8_MAX;
    case MT_INT16:
        return f >= INT16_MIN && f <= INT16_MAX;
    case MT_INT32:
        return f >= INT32_MIN && f <= INT32_MAX;
    case MT_INT64:
        return f >= -TWO_TO_63 && f < TWO_TO_63;
    case MT_FLOAT32:
        return !isfinite(f) || (f >= -FLT_MAX && f <= FLT_MAX);
    case MT_FLOAT16:
        return !isfinite(f) || (f >= -65504 && f <= 65504);
    case MT_BFLOAT16:
        return !isfinite(f) || (f >= -0x1.fep127 && f <= 0x1.fep127);
    default:
        return true;
    }
}

static bool fits(mt_scalar s, mt_dtype d)
{
    if (s.kind == MT_SCALAR_COMPLEX && !mt_is_complex(d)) {
        if (s.imag != 0) return false;
        s.kind = MT_SCALAR_FLOAT;
    }
    if (d == MT_COMPLEX64 && s.kind == MT_SCALAR_COMPLEX)
        return float_fits(s.v.d, MT_FLOAT32) && float_fits(s.imag, MT_FLOAT32);
    if (s.kind == MT_SCALAR_FLOAT) return float_fits(s.v.d, d);
    return s.kind == MT_SCALAR_BOOL || int_fits(s.v.i, d);
}

static const char overflow_text[] = "value cannot be converted to type %s without overflow";

int mt_scalar_check_fits(mt_scalar s, mt_dtype d)
{
    /* tensor(1e300, dtype=float32) is inf, with no complaint */
    bool real = s.kind != MT_SCALAR_COMPLEX || s.imag == 0;
    if ((real && (d == MT_FLOAT32 || mt_is_narrow(d))) || d == MT_COMPLEX64 || fits(s, d)) return 0;
    return mt_error(MT_RUNTIME, overflow_text, mt_dtype_name(d));
}

int mt_scalar_check_fill(mt_scalar s, mt_dtype d)
{
    static const char *const c_names[MT_NUM_DTYPES] = {"uint8_t",
                                                       "int8_t",
                                                       "int16_t",
                                                       "int",
                                                       "int64_t",
                                                       "float",
                                                       "double",
                                                       "bool",
                                                       "c10::Half",
                                                       "c10::BFloat16",
                                                       "c10::complex<float>",
                                                       "c10::complex<double>"};
    if (fits(s, d)) return 0;
    return mt_error(MT_RUNTIME, overflow_text, c_names[d]);
}
