/* A number with its kind: what Python passes for `alpha`, `value`, `min`. */
#ifndef MT_BASE_SCALAR_H
#define MT_BASE_SCALAR_H

#include "base/dtype.h"

typedef enum mt_scalar_kind {
    MT_SCALAR_BOOL,
    MT_SCALAR_INT,
    MT_SCALAR_FLOAT,
    MT_SCALAR_COMPLEX
} mt_scalar_kind;

typedef struct mt_scalar {
    mt_scalar_kind kind;
    union {
        bool b;
        int64_t i;
        double d; /* of a complex number the real part */
    } v;
    double imag;
} mt_scalar;

static inline mt_scalar mt_scalar_bool(bool b) { return (mt_scalar){MT_SCALAR_BOOL, {.b = b}, 0}; }
static inline mt_scalar mt_scalar_int(int64_t i) { return (mt_scalar){MT_SCALAR_INT, {.i = i}, 0}; }
static inline mt_scalar mt_scalar_float(double d)
{
    return (mt_scalar){MT_SCALAR_FLOAT, {.d = d}, 0};
}
static inline mt_scalar mt_scalar_complex(double re, double im)
{
    return (mt_scalar){MT_SCALAR_COMPLEX, {.d = re}, im};
}

double mt_scalar_to_double(mt_scalar s); /* of a complex number the real part */
int64_t mt_scalar_to_int(mt_scalar s);   /* floats truncate; out of range saturates, NaN is 0 */
/* The dtype a Python number has by itself: bool, int64, the default float or complex type. */
mt_dtype mt_scalar_dtype(mt_scalar s);
/* Writes s as one element of type d to p (C casts; NaN and out-of-range floats are defined: see
 * .c). */
void mt_scalar_store(mt_scalar s, mt_dtype d, void *p);
mt_scalar mt_scalar_load(mt_dtype d, const void *p);
/* -1 with PyTorch's "value cannot be converted to type int8 without overflow" if s does not fit;
 * what tensor(s, dtype=d) checks. Floats beyond float32 become inf. */
int mt_scalar_check_fits(mt_scalar s, mt_dtype d);
/* The check of fill_, full and operators with a number: the text has C's names ("int8_t", "int"),
 * and what is beyond float32 fails too. */
int mt_scalar_check_fill(mt_scalar s, mt_dtype d);

#endif
