/* A plain print for C programs: dtype, shape and values, nested by brackets. */
#include "tensor/tensor.h"

#include <inttypes.h>
#include <stdio.h>

static void print_element(mt_scalar s)
{
    if (s.kind == MT_SCALAR_COMPLEX)
        printf("%.6g%+.6gi", s.v.d, s.imag);
    else if (s.kind == MT_SCALAR_FLOAT)
        printf("%.6g", s.v.d);
    else if (s.kind == MT_SCALAR_INT)
        printf("%" PRId64, s.v.i);
    else
        fputs(s.v.b ? "true" : "false", stdout);
}

static void print_dim(const mt_tensor *t, int dim, int64_t offset)
{
    if (dim == t->ndim) {
        print_element(mt_item_at(t, offset));
        return;
    }
    putchar('[');
    for (int64_t i = 0; i < t->size[dim]; i++) {
        if (i) fputs(dim + 1 < t->ndim ? ",\n " : ", ", stdout);
        print_dim(t, dim + 1, offset + i * t->stride[dim]);
    }
    putchar(']');
}

void mt_print(const mt_tensor *t)
{
    char text[MT_SHAPE_TEXT];
    printf("tensor(%s, %s) ", mt_dtype_name((mt_dtype)t->dtype),
           mt_shape_text(t->ndim, t->size, text));
    print_dim(t, 0, 0);
    putchar('\n');
}
