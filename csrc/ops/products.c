/* Products of vectors and matrices made of others: inner, vdot, kron, cross, multi_dot. Relies on ops/linalg.h. */
#include "ops/linalg.h"

#include "base/alloc.h"

#include <inttypes.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }
static int64_t columns(const mt_tensor *a) { return a->size[a->ndim - 1]; }

static int inner_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (x->ndim == 0 || y->ndim == 0) return mt_result_is(c, 0, mt_mul(x, y));
    if (columns(x) != columns(y))
        return mt_error(
            MT_RUNTIME,
            "inner() the last dimension must match on both input tensors but got shapes %s "
            "and %s",
            mt_shape_text(x->ndim, x->size, a), mt_shape_text(y->ndim, y->size, b));
    int64_t flat[2] = {columns(y) ? y->numel / columns(y) : 0, columns(y)}, size[MT_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < x->ndim - 1; d++) size[n++] = x->size[d];
    for (int d = 0; d < y->ndim - 1; d++) size[n++] = y->size[d];
    int64_t left[2] = {columns(x) ? x->numel / columns(x) : 0, columns(x)};
    mt_tensor *z = mt_mm(mt_reshape(x, 2, left), mt_t(mt_reshape(y, 2, flat)));
    return mt_result_is(c, 0, z ? mt_reshape(z, n, size) : NULL);
}
MT_OP(inner, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "inner(Tensor self, Tensor other) -> Tensor",
      .doc = "The sums of products over the last dimensions of both.");

static int vdot_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_dot(mt_conj(c->in[0]), c->in[1]));
}
MT_OP(vdot, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "vdot(Tensor self, Tensor other) -> Tensor",
      .doc = "The sum of products of two vectors.");
static int linalg_vecdot_forward(mt_call *c)
{
    int64_t dim = c->arg[0].i;
    return mt_result_is(c, 0, mt_sum_dim(mt_mul(mt_conj(c->in[0]), c->in[1]), 1, &dim, false));
}
MT_OP(linalg_vecdot, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
      .doc = "The sums of products along dim.");

static bool is_recorded(const mt_call *c)
{
    return mt_grad_enabled() && (mt_requires_grad(c->in[0]) || mt_requires_grad(c->in[1]));
}
/* Each element of self times all of other, in its place: (a0, b0, a1, b1, ...) merged. */
static int kron_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    int n = x->ndim > y->ndim ? x->ndim : y->ndim;
    int64_t a[MT_MAX_DIMS], b[MT_MAX_DIMS], size[MT_MAX_DIMS];
    if (2 * n > MT_MAX_DIMS) return mt_error(MT_RUNTIME, "kron: too many dimensions");
    for (int d = 0; d < n; d++) {
        int i = d - (n - x->ndim), j = d - (n - y->ndim);
        a[2 * d] = i < 0 ? 1 : x->size[i];
        b[2 * d + 1] = j < 0 ? 1 : y->size[j];
        a[2 * d + 1] = b[2 * d] = 1;
        size[d] = a[2 * d] * b[2 * d + 1];
    }
    x = mt_reshape(x, 2 * n, a);
    y = mt_reshape(y, 2 * n, b);
    if (n > 1 && !is_recorded(c)) { /* whole rows of the result from whole rows of both */
        a[2 * n - 1] = b[2 * n - 1];
        b[2 * n - 2] = a[2 * n - 2];
        x = x && y ? mt_contiguous(mt_expand(x, 2 * n, a)) : NULL;
        y = x ? mt_contiguous(mt_expand(y, 2 * n, b)) : NULL;
    }
    mt_tensor *z = mt_mul(x, y);
    return mt_result_is(c, 0, z ? mt_reshape(mt_contiguous(z), n, size) : NULL);
}
MT_OP(kron, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "kron(Tensor self, Tensor other) -> Tensor",
      .doc = "The Kronecker product: every element of self times all of other.");

/* x_1 y_2 - x_2 y_1 and so on: rolled by one and by two. */
static mt_tensor *rolled(mt_tensor *x, int64_t by, int64_t dim)
{
    mt_arg arg[2] = {mt_arg_ints(1, &by), mt_arg_ints(1, &dim)};
    return mt_call1a(&mt_op_roll, x, 2, arg);
}
static mt_tensor *cross(mt_tensor *x, mt_tensor *y, int64_t dim, const char *name)
{
    int64_t size[MT_MAX_DIMS];
    if (x->ndim != y->ndim)
        return mt_fail(MT_RUNTIME, "%s: inputs must have the same number of dimensions.", name);
    int d = mt_wrap_dim(dim, x->ndim);
    if (d < 0) return NULL;
    if (x->ndim == 0 || x->size[d] != 3 || y->size[d] != 3)
        return mt_fail(MT_RUNTIME,
                       "%s: inputs dimension %" PRId64 " must have length 3. Got %" PRId64
                       " and %" PRId64,
                       name, dim, x->ndim ? x->size[d] : 1, y->ndim ? y->size[d] : 1);
    int n = mt_shape_broadcast(x->ndim, x->size, y->ndim, y->size, size);
    if (n < 0 || !(x = mt_expand(x, n, size)) || !(y = mt_expand(y, n, size))) return NULL;
    return mt_sub(mt_mul(rolled(x, 2, d), rolled(y, 1, d)),
                  mt_mul(rolled(x, 1, d), rolled(y, 2, d)));
}
static int linalg_cross_forward(mt_call *c)
{
    return mt_result_is(c, 0, cross(c->in[0], c->in[1], c->arg[0].i, "linalg.cross"));
}
MT_OP(linalg_cross, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor",
      .doc = "The vector products of the vectors of three along dim.");
static int cross_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t dim = c->arg[0].given ? c->arg[0].i : -1;
    for (int d = 0; !c->arg[0].given && dim < 0; d++) {
        if (d == x->ndim) return mt_error(MT_RUNTIME, "no dimension of size 3 in input");
        if (x->size[d] == 3) dim = d;
    }
    return mt_result_is(c, 0, cross(x, c->in[1], dim, "linalg.cross"));
}
MT_OP(cross, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
      .doc = "The vector products along dim, by default the first dimension of size 3.");

/* ==== multi_dot =========================================================================================================== */

static int check_chain(const mt_call *c)
{
    int n = c->nin;
    if (n < 2)
        return mt_error(MT_RUNTIME, "multi_dot(): expected at least 2 tensors but got %d", n);
    for (int i = 0; i < n; i++) {
        int ndim = c->in[i]->ndim;
        bool end = i == 0 || i == n - 1;
        if (ndim != 2 && !(end && ndim == 1))
            return mt_error(MT_RUNTIME, "multi_dot(): %s %d must be %s but got %dD",
                            end ? "the first or last tensor, number" : "tensor", i,
                            end ? "1D or 2D" : "2D", ndim);
        if (c->in[i]->dtype != c->in[0]->dtype)
            return mt_error(MT_RUNTIME,
                            "multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                            "%s and tensor %d is %s",
                            mt_dtype_camel(type_of(c->in[0])), i,
                            mt_dtype_camel(type_of(c->in[i])));
    }
    return 0;
}

/* The cheapest order (Cormen et al., Introduction to Algorithms, 15.2): cut[i * n + j] is where the product of the
 * matrices i to j is cut in two; matrix i is (size[i], size[i + 1]). */
static void best_cuts(int64_t n, const double *size, double *cost, int64_t *cut)
{
    for (int64_t i = 0; i < n; i++) cost[i * n + i] = 0;
    for (int64_t length = 1; length < n; length++)
        for (int64_t i = 0; i + length < n; i++) {
            int64_t j = i + length;
            cost[i * n + j] = -1;
            for (int64_t k = i; k < j; k++) {
                double price =
                    cost[i * n + k] + cost[(k + 1) * n + j] + size[i] * size[k + 1] * size[j + 1];
                if (cost[i * n + j] >= 0 && price >= cost[i * n + j]) continue;
                cost[i * n + j] = price;
                cut[i * n + j] = k;
            }
        }
}
static mt_tensor *chain(mt_tensor **in, int64_t n, const int64_t *cut, int64_t i, int64_t j)
{
    if (i == j) return in[i];
    int64_t k = cut[i * n + j];
    mt_tensor *left = chain(in, n, cut, i, k);
    return left ? mt_mm(left, chain(in, n, cut, k + 1, j)) : NULL;
}
static int linalg_multi_dot_forward(mt_call *c)
{
    if (check_chain(c) < 0) return -1;
    int64_t n = c->nin, bytes = (2 * n * n + 2 * n + 1) * (int64_t)sizeof(double);
    double *room = mt_malloc((size_t)bytes);
    if (!room) return -1;
    double *size = room, *cost = size + n + 1;
    int64_t *cut = (int64_t *)(void *)(cost + n * n);
    mt_tensor **in = (mt_tensor **)(void *)(cut + n * n);
    bool row = c->in[0]->ndim == 1, column = c->in[n - 1]->ndim == 1, fits = true;
    for (int64_t i = 0; i < n && fits; i++) {
        in[i] = i == 0 && row          ? mt_unsqueeze(c->in[i], 0)
                : i == n - 1 && column ? mt_unsqueeze(c->in[i], 1)
                                       : c->in[i];
        fits = in[i];
        if (fits) size[i] = (double)in[i]->size[0], size[i + 1] = (double)in[i]->size[1];
    }
    mt_tensor *y = NULL;
    if (fits) {
        best_cuts(n, size, cost, cut);
        y = chain(in, n, cut, 0, n - 1);
    }
    mt_free(room, (size_t)bytes);
    if (y && column) y = mt_squeeze_dim(y, 1);
    return mt_result_is(c, 0, y && row ? mt_squeeze_dim(y, 0) : y);
}
MT_OP(linalg_multi_dot, .kind = MT_COMPOSITE | MT_LINALG | MT_OUT,
      .schema = "multi_dot(Tensor[] tensors) -> Tensor",
      .doc = "The product of several matrices, multiplied in the cheapest order; the first and the "
             "last one may be vectors.");
