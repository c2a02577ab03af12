/* Element types, the X-macro over them, and PyTorch's promotion rules. */
#ifndef MT_BASE_DTYPE_H
#define MT_BASE_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

/* X(ENUM, C type, name, NumPy-like kind, PyTorch's CamelCase name). What kernels do not compute with
 * comes last: narrow floats are kept and converted as bits (base/narrow.h) and computed with in
 * float32 (graph/narrow.c); complex numbers have ops/complex.c. */
#define MT_DTYPES(X)                                                                               \
    X(UINT8, uint8_t, "uint8", 'u', "Byte")                                                        \
    X(INT8, int8_t, "int8", 'i', "Char")                                                           \
    X(INT16, int16_t, "int16", 'i', "Short")                                                       \
    X(INT32, int32_t, "int32", 'i', "Int")                                                         \
    X(INT64, int64_t, "int64", 'i', "Long")                                                        \
    X(FLOAT32, float, "float32", 'f', "Float")                                                     \
    X(FLOAT64, double, "float64", 'f', "Double")                                                   \
    X(BOOL, bool, "bool", 'b', "Bool")                                                             \
    X(FLOAT16, uint16_t, "float16", 'f', "Half")                                                   \
    X(BFLOAT16, uint16_t, "bfloat16", 'B', "BFloat16")                                             \
    X(COMPLEX64, float _Complex, "complex64", 'c', "ComplexFloat")                                 \
    X(COMPLEX128, double _Complex, "complex128", 'c', "ComplexDouble")

typedef enum mt_dtype {
#define MT_DTYPE_ENUM(E, T, name, kind, Camel) MT_##E,
    MT_DTYPES(MT_DTYPE_ENUM)
#undef MT_DTYPE_ENUM
        MT_NUM_DTYPES
} mt_dtype;

#define MT_NO_DTYPE MT_NUM_DTYPES /* "not given" where a dtype is optional */

extern const uint8_t mt_dtype_sizes[MT_NUM_DTYPES];
static inline int64_t mt_dtype_size(mt_dtype d) { return mt_dtype_sizes[d]; }
const char *mt_dtype_name(mt_dtype d);  /* "float32" */
const char *mt_dtype_camel(mt_dtype d); /* "Float", as error texts say */
const char *mt_dtype_c(mt_dtype d);     /* "long int", as some of them say */

/* The floats that kernels compute with. */
static inline bool mt_is_float(mt_dtype d) { return d == MT_FLOAT32 || d == MT_FLOAT64; }
static inline bool mt_is_narrow(mt_dtype d) { return d == MT_FLOAT16 || d == MT_BFLOAT16; }
/* Any of the four. */
static inline bool mt_is_floating(mt_dtype d) { return mt_is_float(d) || mt_is_narrow(d); }
static inline bool mt_is_complex(mt_dtype d) { return d == MT_COMPLEX64 || d == MT_COMPLEX128; }
/* What may require grad. */
static inline bool mt_is_inexact(mt_dtype d) { return mt_is_floating(d) || mt_is_complex(d); }
static inline bool mt_is_integral(mt_dtype d) { return d <= MT_INT64; } /* without bool */
/* 0 bool, 1 integral, 2 floating, 3 complex: PyTorch's categories, which decide what a 0-d operand
 * changes. */
static inline int mt_dtype_category(mt_dtype d)
{
    return d == MT_BOOL ? 0 : mt_is_integral(d) ? 1 : d < MT_COMPLEX64 ? 2 : 3;
}
/* The type of the real and imaginary parts; the complex type with parts of a type (narrow floats
 * have none, and give that of float32). Other types: themselves; that of the default float. */
mt_dtype mt_real_dtype(mt_dtype d);
mt_dtype mt_complex_dtype(mt_dtype d);

mt_dtype mt_promote(mt_dtype a, mt_dtype b);
/* May a result of type `from` be stored in `to`? (torch.can_cast) */
bool mt_can_cast(mt_dtype from, mt_dtype to);

/* The dtype of floating tensors made without one: float32, or what mt_set_default_dtype said. */
mt_dtype mt_default_dtype(void);
void mt_set_default_dtype(mt_dtype d);

#endif
