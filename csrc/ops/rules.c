/* Derivative rules made of differentiable operators. Relies on ops.h. */
#include "ops/rules.h"

#include <math.h>

/* An exponent that is one number, known without looking at a whole tensor. */
static bool is_number(const mt_tensor *y, double value)
{
    if (y->numel != 1 || y->ndim || mt_requires_grad(y)) return false;
    mt_scalar s = mt_item_at(y, 0);
    return mt_scalar_to_double(s) == value && s.imag == 0;
}

/* d x^y / dx = y x^(y-1), and 0 where y is 0 (x^-1 may be infinite there). */
mt_tensor *mt_pow_backward_self(mt_tensor *g, mt_tensor *x, mt_tensor *y)
{
    if (is_number(y, 0)) return mt_mul(g, mt_number(0));
    if (is_number(y, 1)) return g;
    if (is_number(y, 2)) return mt_mul(g, mt_mul(x, mt_number(2)));
    if (y->ndim == 0 && !mt_requires_grad(y) &&
        !mt_is_complex((mt_dtype)y->dtype)) { /* in double precision, whatever x has */
        double n = mt_scalar_to_double(mt_item_at(y, 0));
        return mt_mul(g, mt_mul(mt_pow(x, mt_number(n - 1)), mt_number(n)));
    }
    mt_tensor *slope = mt_mul(y, mt_pow(x, mt_sub(y, mt_number(1))));
    return mt_where(mt_eq(y, mt_number(0)), mt_number(0), mt_mul(g, slope));
}

/* d x^y / dy = x^y log x, and 0 where x is 0 and y is not negative. */
mt_tensor *mt_pow_backward_exponent(mt_tensor *g, mt_tensor *x, mt_tensor *y, mt_tensor *z)
{
    if (x->ndim == 0 && !mt_requires_grad(x) && !mt_is_complex((mt_dtype)x->dtype)) {
        const double base = mt_scalar_to_double(mt_item_at(x, 0));
        if (base > 0) return mt_mul(g, mt_mul(z, mt_number(log(base))));
    }
    mt_tensor *flat = mt_logical_and(mt_eq(x, mt_number(0)), mt_ge(mt_real(y), mt_number(0)));
    return mt_where(flat, mt_number(0), mt_mul(g, mt_mul(z, mt_log(x))));
}

mt_tensor *mt_no_floor_divide(const mt_call *c)
{
    return mt_fail(MT_RUNTIME, "derivative for aten::floor_divide%s is not implemented",
                   c->flags & MT_CALL_INPLACE ? "_" : "");
}

mt_tensor *mt_xlogy_backward_self(mt_tensor *g, mt_tensor *x, mt_tensor *y)
{
    mt_tensor *flat = mt_logical_and(mt_eq(x, mt_number(0)), mt_le(y, mt_number(0)));
    return mt_where(flat, mt_number(0), mt_mul(g, mt_log(y)));
}

mt_tensor *mt_copysign_backward(mt_tensor *g, mt_tensor *x, mt_tensor *z)
{
    mt_tensor *zero = mt_eq(x, mt_number(0)), *safe = mt_where(zero, mt_number(1), x);
    return mt_where(zero, mt_number(0), mt_mul(g, mt_div(z, safe)));
}

mt_tensor *mt_extremum_backward(mt_tensor *g, mt_tensor *x, mt_tensor *y)
{
    mt_tensor *shared = mt_where(mt_eq(x, y), mt_mul(g, mt_number(0.5)), g);
    return mt_where(mt_lt(x, y), mt_number(0), shared);
}

mt_tensor *mt_unreduce(mt_tensor *g, const mt_dims *input, const mt_arg *dims, bool keepdim)
{
    bool mask[MT_MAX_DIMS];
    int64_t size[MT_MAX_DIMS];
    bool all = !dims || !dims->given;
    if (!g ||
        mt_wrap_dims(all ? -1 : dims->ints.n, all ? NULL : dims->ints.v, input->ndim, mask) < 0)
        return NULL;
    if (!keepdim) {
        for (int d = 0; d < input->ndim; d++) size[d] = mask[d] ? 1 : input->size[d];
        g = mt_reshape(g, input->ndim, size);
    }
    return mt_expand(g, input->ndim, input->size);
}

mt_tensor *mt_zeros_of(const mt_dims *d) { return mt_zeros_raw(d->dtype, d->ndim, d->size); }

mt_tensor *mt_sum_to_size(mt_tensor *g, int ndim, const int64_t *size)
{
    int64_t dims[MT_MAX_DIMS];
    int n = 0, extra = g->ndim - ndim;
    for (int d = 0; d < g->ndim; d++)
        if (d < extra || (size[d - extra] == 1 && g->size[d] != 1)) dims[n++] = d;
    if (n) g = mt_sum_dim(g, n, dims, true);
    return g && extra ? mt_view(g, ndim, size) : g;
}
