/* Reductions that choose or test: max, min, argmax, argmin, amax, amin, any, all. Relies on
 * ops/reduce.h. */
#include "ops/lines.h"
#include "ops/reduce.h"
#include "ops/rules.h"

#include <inttypes.h>
#include <string.h>

/* A reduction into result k of type d; there must be something to choose from unless empty_ok. */
static int choose(mt_call *c, int k, mt_reduction how, const mt_arg *dims, bool keepdim, mt_dtype d,
                  bool empty_ok)
{
    mt_tensor *x = c->in[0], *y;
    bool mask[MT_MAX_DIMS];
    int64_t size[MT_MAX_DIMS], n = 1;
    int name = (int)strcspn(c->op->schema, ".("); /* max, of max.dim(...) */
    if (mt_reduce_mask(x, dims, mask) < 0) return -1;
    for (int i = 0; i < x->ndim; i++) {
        n *= mask[i] ? x->size[i] : 1;
        if (mask[i] && x->size[i] == 0 && !empty_ok && dims && dims->given && dims->ints.n > 0)
            return mt_error(MT_INDEX, "%.*s(): Expected reduction dim %d to have non-zero size.",
                            name, c->op->schema, i);
    }
    if (n == 0 && !empty_ok) {
        bool index = c->op == &mt_op_argmax || c->op == &mt_op_argmin;
        return mt_error(index ? MT_INDEX : MT_RUNTIME,
                        "%.*s(): Expected reduction dim to be specified for input.numel() == 0.%s",
                        name, c->op->schema,
                        index ? "" : " Specify the reduction dim with the 'dim' argument.");
    }
    int ndim = mt_reduced_shape(x, mask, keepdim, size);
    return (y = mt_result(c, k, d, ndim, size)) ? mt_reduce_raw(how, x, mask, y) : -1;
}

/* One dim as a list of one. */
static mt_arg one_dim(const int64_t *dim) { return mt_arg_ints(1, dim); }

#define VALUES(T)                                                                                  \
    for (int64_t i = 0; i < y->numel; i++)                                                         \
        ((T *)(void *)y->data)[i] =                                                                \
            ((const T *)(const void *)x->data)[mt_line_start(&l, i, l.n) + place[i] * l.inner];

/* Places along one dim, and what stands there. */
static int choose_with_place(mt_call *c, mt_reduction how, int64_t dim, bool keepdim)
{
    mt_tensor *given = c->in[0], *x = mt_contiguous_raw(given, (mt_dtype)given->dtype), *y;
    mt_arg dims = one_dim(&dim);
    if (!x) return -1;
    c->in[0] = x;
    const int status = choose(c, 1, how, &dims, keepdim, MT_INT64, false);
    c->in[0] = given;
    if (status < 0) return -1;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, c->out[1]->ndim, c->out[1]->size))) return -1;
    const mt_lines l = mt_lines_of(x->ndim, x->size, mt_wrap_dim(dim, x->ndim));
    const int64_t *place = (const int64_t *)(const void *)c->out[1]->data;
    if (mt_itemsize(x) == 8)
        VALUES(int64_t)
    else if (mt_itemsize(x) == 4)
        VALUES(int32_t)
    else if (mt_itemsize(x) == 2)
        VALUES(int16_t)
    else
        VALUES(int8_t)
    return 0;
}
#undef VALUES

/* g shared among the elements that equal the extremum y. */
static mt_tensor *share_among_equal(const mt_call *c, mt_tensor *g, const mt_arg *dims,
                                    bool keepdim)
{
    const mt_dims *d = &c->in_dims[0];
    mt_tensor *x = c->in[0], *best = mt_unreduce(c->out[0], d, dims, keepdim),
              *mask = mt_to_dtype(mt_eq(x, best), d->dtype);
    bool all = !dims || !dims->given || dims->ints.n == 0;
    mt_tensor *count =
        all ? mt_sum(mask) : mt_sum_dim(mask, (int)dims->ints.n, dims->ints.v, keepdim);
    return mt_mul(mt_unreduce(mt_div(g, count), d, dims, keepdim), mask);
}

/* ==== max, min ================================================================================ */

static mt_dtype own(const mt_call *c) { return (mt_dtype)c->in[0]->dtype; }

static void extremum_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = share_among_equal(c, gout[0], NULL, false);
}

static void extremum_dim_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    int64_t dim = c->arg[0].i;
    mt_tensor *g = gout[0], *at = c->out[1];
    if (!gin[0] || !g) {
        gin[0] = NULL;
        return;
    }
    if (!c->arg[1].b && d->ndim) g = mt_unsqueeze(g, dim), at = mt_unsqueeze(at, dim);
    gin[0] = mt_scatter_add(mt_zeros_of(d), dim, at, g);
}

#define EXTREMUM(id, Name, arg_reduction, verb)                                                    \
    static int id##_forward(mt_call *c)                                                            \
    {                                                                                              \
        return choose(c, 0, MT_REDUCE_##id, NULL, false, own(c), false);                           \
    }                                                                                              \
    MT_OP(id, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)}, \
          .backward = extremum_rule, .grad_name = Name "Backward1",                                \
          .rule = "g shared among the elements equal to y",                                        \
          .schema = #id "(Tensor self) -> Tensor",                                                 \
          .doc = "The " verb " element; with dim, the " verb                                       \
                 " elements along it and their places; with another tensor, the " verb             \
                 " of both, element by element. NaN wins.");                                       \
    static int id##_dim_forward(mt_call *c)                                                        \
    {                                                                                              \
        return choose_with_place(c, arg_reduction, c->arg[0].i, c->arg[1].b);                      \
    }                                                                                              \
    MT_OP(id##_dim, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},           \
          .backward = extremum_dim_rule, .grad_name = Name "Backward0",                            \
          .schema = #id                                                                            \
          ".dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",     \
          .doc = "");                                                                              \
    static int id##_other_forward(mt_call *c)                                                      \
    {                                                                                              \
        return mt_result_is(c, 0, mt_##id##imum(c->in[0], c->in[1]));                              \
    }                                                                                              \
    MT_OP(id##_other, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,                     \
          .schema = #id ".other(Tensor self, Tensor other) -> Tensor", .doc = "");
EXTREMUM(max, "Max", MT_REDUCE_argmax, "largest")
EXTREMUM(min, "Min", MT_REDUCE_argmin, "smallest")

/* ==== argmax, argmin, amax, amin ============================================================== */

static int arg_of(mt_call *c, mt_reduction how)
{
    int64_t dim = c->arg[0].i;
    mt_arg dims = one_dim(&dim);
    if (own(c) == MT_BOOL)
        return mt_error(MT_RUNTIME, "%s(): does not support bool input", c->op->name);
    if (c->arg[0].given) return choose(c, 0, how, &dims, c->arg[1].b, MT_INT64, false);
    return choose(c, 0, how, NULL, c->arg[1].b, MT_INT64, false);
}

static int argmax_forward(mt_call *c) { return arg_of(c, MT_REDUCE_argmax); }
MT_OP(argmax, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
      .doc = "The place of the largest element, counted through all elements or along dim; the "
             "first of several, NaN before all.");
static int argmin_forward(mt_call *c) { return arg_of(c, MT_REDUCE_argmin); }
MT_OP(argmin, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
      .doc = "The place of the smallest element, counted through all elements or along dim; the "
             "first of several, NaN before all.");

static void among_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_arg none = mt_arg_none();
    const mt_arg *dims = c->arg[0].ints.n ? &c->arg[0] : &none;
    if (gin[0]) gin[0] = share_among_equal(c, gout[0], dims, c->arg[1].b);
}

static int amax_forward(mt_call *c)
{
    return choose(c, 0, MT_REDUCE_max, &c->arg[0], c->arg[1].b, own(c), false);
}
MT_OP(amax, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = among_rule, .rule = "g shared among the elements equal to y",
      .schema = "amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
      .doc = "The largest elements along the dims (all by default). The gradient is shared among "
             "equals.");
static int amin_forward(mt_call *c)
{
    return choose(c, 0, MT_REDUCE_min, &c->arg[0], c->arg[1].b, own(c), false);
}
MT_OP(amin, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(0) | MT_KEEP_OUT(0)},
      .backward = among_rule, .rule = "g shared among the elements equal to y",
      .schema = "amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
      .doc = "The smallest elements along the dims (all by default). The gradient is shared among "
             "equals.");

/* ==== any, all ================================================================================ */

/* uint8 was PyTorch's bool once, and stays uint8 here. */
static int test(mt_call *c, mt_reduction how, const mt_arg *dims, bool keepdim)
{
    mt_tensor *x = c->in[0], *in[1] = {x}, *out[MT_MAX_TARGETS] = {NULL}, *y;
    if (own(c) != MT_UINT8) return choose(c, 0, how, dims, keepdim, MT_BOOL, true);
    mt_call inner = {.op = c->op, .nin = 1, .nout = 1, .in = in, .out = out};
    if (choose(&inner, 0, how, dims, keepdim, MT_BOOL, true) < 0) return -1;
    y = mt_result(c, 0, MT_UINT8, out[0]->ndim, out[0]->size);
    return y ? mt_copy_raw(y, out[0]) : -1;
}

/* dim=(): over no dimension, so that each element stands for itself. */
static int test_each(mt_call *c)
{
    mt_tensor *x = c->in[0], *each = mt_ne(x, mt_number_of(mt_scalar_int(0)));
    return mt_result_is(c, 0, own(c) == MT_UINT8 ? mt_to_dtype(each, MT_UINT8) : each);
}

#define TEST(id, text)                                                                             \
    static int id##_forward(mt_call *c) { return test(c, MT_REDUCE_##id, NULL, false); }           \
    MT_OP(id, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,                                \
          .schema = #id "(Tensor self) -> Tensor", .doc = text);                                   \
    static int id##_dim_forward(mt_call *c)                                                        \
    {                                                                                              \
        if (c->arg[0].given && c->arg[0].ints.n == 0) return test_each(c);                         \
        return test(c, MT_REDUCE_##id, c->arg[0].given ? &c->arg[0] : NULL, c->arg[1].b);          \
    }                                                                                              \
    MT_OP(id##_dim, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,                          \
          .schema = #id ".dim(Tensor self, int[1]? dim, bool keepdim=False) -> Tensor",            \
          .doc = "");
TEST(any, "Is any element (along dim) true, or not zero?")
TEST(all, "Are all elements (along dim) true, or not zero?")

mt_tensor *mt_amax(mt_tensor *self, int n, const int64_t *dims, bool keepdim)
{
    mt_arg arg[2] = {mt_arg_ints(n, dims), mt_arg_bool(keepdim)};
    return mt_call1a(&mt_op_amax, self, 2, arg);
}
