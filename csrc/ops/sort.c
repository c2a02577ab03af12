/* Sorting and selecting along a dimension: sort, argsort, topk, kthvalue, median, mode,
 * quantile. All order whole lines (ops/lines.h); values are gathered by their places, so the
 * gradient goes back to those places. */
#include "base/parallel.h"
#include "ops/lines.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    SHARES = 64,  /* threads, at most */
    SHARE = 16384 /* elements that are worth one */
};

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* Orders the line that has been read, and gives the place of the one element wanted. */
typedef int64_t (*pick_fn)(mt_order *o, const mt_call *c);

/* Results (values, places) of k elements of every line. */
typedef struct job {
    const mt_call *c;
    pick_fn fn;
    mt_dtype d;
    mt_lines l;
    int64_t k, item, shares;
    bool descending;
    const char *from;
    char *values;
    int64_t *places;
    mt_order *order; /* of each share of the lines */
} job;

#define TAKE(T)                                                                                    \
    for (int64_t j = 0; j < k; j++)                                                                \
        ((T *)(void *)values)[j * step] = ((const T *)(const void *)line)[place[j] * step];
static void take(const int64_t *place, int64_t k, int64_t step, int64_t item, char *values,
                 const char *line)
{
    if (item == 8)
        TAKE(uint64_t)
    else if (item == 4)
        TAKE(uint32_t)
    else if (item == 2)
        TAKE(uint16_t)
    else
        TAKE(uint8_t)
}
#undef TAKE

static void run_share(const job *j, int64_t share)
{
    const int64_t lines = j->l.outer * j->l.inner, step = j->l.inner;
    mt_order *o = &j->order[share];
    for (int64_t i = share * lines / j->shares; i < (share + 1) * lines / j->shares; i++) {
        const char *line = j->from + mt_line_start(&j->l, i, j->l.n) * j->item;
        const int64_t to = mt_line_start(&j->l, i, j->k);
        mt_order_read(o, j->d, line, step, j->descending);
        if (j->fn)
            o->place[0] = j->fn(o, j->c);
        else
            mt_order_sort(o, 0, j->k);
        take(o->place, j->k, step, j->item, j->values + to * j->item, line);
        for (int64_t n = 0; n < j->k; n++) j->places[to + n * step] = o->place[n];
    }
}
static void run_shares(int64_t begin, int64_t end, void *context)
{
    for (int64_t share = begin; share < end; share++) run_share(context, share);
}

/* Every thread has room of its own. */
static int run(job *j)
{
    mt_order order[SHARES];
    const int64_t lines = j->l.outer * j->l.inner, most = lines * j->l.n / SHARE + 1;
    int64_t begun = 0, threads = mt_get_num_threads();
    j->shares = threads < SHARES ? threads : SHARES;
    j->shares = j->shares < lines ? j->shares : lines;
    j->shares = j->shares < most ? j->shares : most;
    j->order = order;
    while (begun < j->shares && mt_order_begin(&order[begun], j->l.n) == 0) begun++;
    const bool ready = begun == j->shares;
    if (ready) mt_parallel_for(j->shares, 1, run_shares, j);
    while (begun > 0) mt_order_end(&order[--begun]);
    return ready ? 0 : -1;
}

/* Results (values, places) of k elements of every line along d, without that dimension
 * if k is 1 and keepdim false. */
static int pick(mt_call *c, int d, int64_t k, bool drop, bool descending, pick_fn fn)
{
    mt_tensor *x = mt_contiguous_raw(c->in[0], type_of(c->in[0])), *values, *places;
    int64_t size[MT_MAX_DIMS];
    int ndim = 0;
    if (!x) return -1;
    for (int i = 0; i < x->ndim; i++)
        if (i != d || !drop) size[ndim++] = i == d ? k : x->size[i];
    if (!(values = mt_result(c, 0, type_of(x), ndim, size)) ||
        !(places = mt_result(c, 1, MT_INT64, ndim, size)))
        return -1;
    if (values->numel == 0) return 0;
    return run(&(job){.c = c,
                      .fn = fn,
                      .d = type_of(x),
                      .l = mt_lines_of(x->ndim, x->size, d),
                      .k = k,
                      .item = mt_itemsize(x),
                      .descending = descending,
                      .from = x->data,
                      .values = values->data,
                      .places = (int64_t *)(void *)places->data});
}

/* The values came from the places: their gradient goes there. arg_dim says where the
 * dim stands, -1 that it went. */
static mt_tensor *to_places(const mt_call *c, mt_tensor *g, int64_t dim, bool dropped)
{
    const mt_dims *d = &c->in_dims[0];
    mt_tensor *at = c->out[1];
    if (!g) return NULL;
    if (dropped && d->ndim) g = mt_unsqueeze(g, dim), at = mt_unsqueeze(at, dim);
    return mt_scatter_add(mt_zeros_of(d), dim, at, g);
}

/* ==== sort, argsort =========================================================================== */

static int sort_along(mt_call *c, int64_t dim, bool descending)
{
    mt_tensor *x = c->in[0];
    int d = mt_wrap_dim(dim, x->ndim);
    return d < 0 ? -1 : pick(c, d, x->ndim ? x->size[d] : 1, false, descending, NULL);
}
static int sort_forward(mt_call *c) { return sort_along(c, c->arg[0].i, c->arg[1].b); }
static void sort_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = to_places(c, gout[0], c->arg[0].i, false);
}
MT_OP(sort, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},
      .backward = sort_backward, .rule = "zeros.scatter_add(dim, indices, g)",
      .schema =
          "sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
      .doc = "The elements in order along dim, and where they stood. Equal ones keep their order; "
             "NaN counts as the largest.");
static int sort_stable_forward(mt_call *c) { return sort_along(c, c->arg[1].i, c->arg[2].b); }
static void sort_stable_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = to_places(c, gout[0], c->arg[1].i, false);
}
MT_OP(sort_stable, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},
      .backward = sort_stable_backward, .grad_name = "SortBackward0",
      .schema = "sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> "
                "(Tensor values, Tensor indices)",
      .doc = "");
static int order_of(mt_call *c, mt_tensor *x, int64_t dim, bool descending)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_bool(descending)};
    mt_tensor *in[1] = {x}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call inner = {
        .op = &mt_op_sort, .nin = 1, .narg = 2, .nout = 2, .in = in, .out = out, .arg = arg};
    return mt_apply(&inner) ? mt_result_is(c, 0, out[1]) : -1;
}
static int argsort_forward(mt_call *c) { return order_of(c, c->in[0], c->arg[0].i, c->arg[1].b); }
MT_OP(argsort, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD,
      .schema = "argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
      .doc = "Where the elements stand that sort() puts in order.");
static int argsort_stable_forward(mt_call *c)
{
    return order_of(c, c->in[0], c->arg[1].i, c->arg[2].b);
}
MT_OP(
    argsort_stable, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD,
    .schema =
        "argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
    .doc = "");
static int msort_forward(mt_call *c) { return mt_result_is(c, 0, mt_sort(c->in[0], 0, false)); }
MT_OP(msort, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "msort(Tensor self) -> Tensor", .doc = "The elements in order along dim 0.");
mt_tensor *mt_sort(mt_tensor *x, int64_t dim, bool descending)
{
    mt_arg arg[2] = {mt_arg_int(dim), mt_arg_bool(descending)};
    mt_tensor *in[1] = {x}, *out[MT_MAX_TARGETS] = {NULL};
    mt_call c = {
        .op = &mt_op_sort, .nin = 1, .narg = 2, .nout = 2, .in = in, .out = out, .arg = arg};
    return x ? mt_apply(&c) : NULL;
}

/* ==== topk, kthvalue ========================================================================== */

static int topk_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t k = c->arg[0].i;
    int d = mt_wrap_dim(c->arg[1].i, x->ndim);
    if (d < 0) return -1;
    if (k < 0 || k > (x->ndim ? x->size[d] : 1))
        return mt_error(MT_RUNTIME, "selected index k out of range");
    return pick(c, d, k, false, c->arg[2].b, NULL);
}
static void topk_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = to_places(c, gout[0], c->arg[1].i, false);
}
MT_OP(topk, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},
      .backward = topk_backward, .rule = "zeros.scatter_add(dim, indices, g)",
      .schema = "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> "
                "(Tensor values, Tensor indices)",
      .doc = "The k largest (or smallest) elements along dim in order, and where they stand.");

static int64_t at_rank(mt_order *o, int64_t rank)
{
    mt_order_sort(o, rank, rank + 1);
    return o->place[0];
}
static int64_t kth(mt_order *o, const mt_call *c) { return at_rank(o, c->arg[0].i - 1); }
static int need_elements(const mt_tensor *x, int d, const char *name)
{
    if (x->ndim == 0 || x->size[d] > 0) return 0;
    return mt_error(MT_INDEX, "%s(): Expected reduction dim %d to have non-zero size.", name, d);
}
static int kthvalue_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int d = mt_wrap_dim(c->arg[1].i, x->ndim);
    if (d < 0 || need_elements(x, d, "kthvalue") < 0) return -1;
    if (c->arg[0].i < 1 || c->arg[0].i > (x->ndim ? x->size[d] : 1))
        return mt_error(MT_RUNTIME, "kthvalue(): selected number k out of range for dimension %d",
                        d);
    return pick(c, d, 1, !c->arg[2].b, false, kth);
}
static void kthvalue_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = to_places(c, gout[0], c->arg[1].i, !c->arg[2].b);
}
MT_OP(kthvalue, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},
      .backward = kthvalue_backward, .rule = "zeros.scatter_add(dim, indices, g)",
      .schema = "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, "
                "Tensor indices)",
      .doc = "The kth smallest element along dim, counted from 1, and where it stands.");

/* ==== median, nanmedian, mode ================================================================= */

/* The lower one of the two middle elements; a NaN (the first of all) wins over all, or counts for nothing. */
static int64_t middle(mt_order *o, const mt_call *c)
{
    const bool ignore = c->op->name[0] == 'n';
    int64_t nan = 0;
    if (mt_is_float(type_of(c->in[0])))
        for (int64_t i = 0; i < o->n; i++) nan += o->key[i] == o->nan;
    if (nan && (!ignore || nan == o->n)) return at_rank(o, o->n - nan);
    return at_rank(o, (o->n - nan - 1) / 2);
}
/* The value that occurs most, the smallest of such; the last of its places. */
static int64_t most_frequent(mt_order *o, const mt_call *c)
{
    int64_t best = 0, place = 0;
    (void)c;
    mt_order_sort(o, 0, o->n);
    for (int64_t i = 0, run = 0; i < o->n; i++) {
        run = i && o->key[o->place[i]] == o->key[o->place[i - 1]] ? run + 1 : 1;
        if (run > best) best = run, place = o->place[i];
    }
    return place;
}

static int one_of_line(mt_call *c, pick_fn fn)
{
    mt_tensor *x = c->in[0];
    int d = mt_wrap_dim(c->arg[0].i, x->ndim), name = (int)strcspn(c->op->schema, ".(");
    char text[24];
    memcpy(text, c->op->schema, (size_t)name);
    text[name] = '\0';
    if (d < 0 || need_elements(x, d, text) < 0) return -1;
    return pick(c, d, 1, !c->arg[1].b, false, fn);
}
static void one_of_line_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = to_places(c, gout[0], c->arg[0].i, !c->arg[1].b);
}
#define ONE_OF_LINE(id, schema_name, fn, text)                                                     \
    static int id##_forward(mt_call *c) { return one_of_line(c, fn); }                             \
    MT_OP(id, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_OUT(1)},                 \
          .backward = one_of_line_rule, .rule = "zeros.scatter_add(dim, indices, g)",              \
          .schema = schema_name " -> (Tensor values, Tensor indices)", .doc = text);
ONE_OF_LINE(median_dim, "median.dim(Tensor self, int dim, bool keepdim=False)", middle, "")
ONE_OF_LINE(nanmedian_dim, "nanmedian.dim(Tensor self, int dim, bool keepdim=False)", middle, "")
ONE_OF_LINE(mode, "mode(Tensor self, int dim=-1, bool keepdim=False)", most_frequent,
            "The value that occurs most along dim, the smallest of such, and a place of it.")

/* The median of all: of the elements in one line, without elements NaN. */
static int middle_of_all(mt_call *c, const mt_op *op)
{
    mt_tensor *x = c->in[0], *in[1], *out[MT_MAX_TARGETS] = {NULL};
    int64_t all = x->numel;
    if (all == 0) {
        mt_scalar none = mt_is_float(type_of(x)) ? mt_scalar_float(NAN) : mt_scalar_int(INT64_MIN);
        return mt_result_is(c, 0, mt_full(type_of(x), 0, NULL, none));
    }
    mt_arg arg[2] = {mt_arg_int(0), mt_arg_bool(false)};
    if (!(in[0] = mt_reshape(x, 1, &all))) return -1;
    mt_call inner = {.op = op, .nin = 1, .narg = 2, .nout = 2, .in = in, .out = out, .arg = arg};
    return mt_result_is(c, 0, mt_apply(&inner));
}
static int median_forward(mt_call *c) { return middle_of_all(c, &mt_op_median_dim); }
MT_OP(median, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "median(Tensor self) -> Tensor",
      .doc = "The middle element in order, of two the lower one; with dim, those along it and "
             "their places. NaN wins.");
static int nanmedian_forward(mt_call *c) { return middle_of_all(c, &mt_op_nanmedian_dim); }
MT_OP(nanmedian, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "nanmedian(Tensor self) -> Tensor",
      .doc = "The middle element in order of those that are not NaN; with dim, those along it and "
             "their places.");

/* ==== quantile ================================================================================ */

/* Element q (n - 1) of the order, between its neighbours as `interpolation` says. With
 * ignore, n counts what is not NaN; else a NaN makes the result NaN. x has the lines in its
 * last dimension, q is a vector (m). */
static mt_tensor *quantile_lines(mt_tensor *x, mt_tensor *q, const char *how, bool ignore)
{
    int64_t n = x->size[x->ndim - 1], last = x->ndim - 1, size[MT_MAX_DIMS];
    mt_tensor *sorted = mt_sort(x, -1, false), *nan = mt_isnan(x), *rank;
    mt_tensor *top = mt_number((double)(n - 1));
    if (!sorted || !nan) return NULL;
    if (ignore) {
        mt_tensor *count = mt_sum_dim(mt_to_dtype(mt_logical_not(nan), type_of(x)), 1, &last, true);
        rank = mt_mul(q, mt_clamp(mt_sub(count, mt_number(1)), mt_number(0), NULL));
    } else {
        mt_arg arg[2] = {mt_arg_ints(1, &last), mt_arg_bool(true)};
        mt_tensor *bad = mt_call1a(&mt_op_any_dim, nan, 2, arg);
        rank = mt_where(bad, top, mt_mul(q, top));
    }
    if (!rank) return NULL;
    if (!strcmp(how, "lower")) rank = mt_floor(rank);
    if (!strcmp(how, "higher")) rank = mt_ceil(rank);
    if (!strcmp(how, "nearest")) rank = mt_round(rank);
    memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
    size[last] = q->numel;
    mt_tensor *below = mt_to_dtype(mt_detach(rank), MT_INT64);
    below = below ? mt_expand(below, x->ndim, size) : NULL;
    mt_tensor *low = mt_gather(sorted, -1, below);
    if (!strcmp(how, "lower") || !strcmp(how, "higher") || !strcmp(how, "nearest")) return low;
    mt_tensor *above = mt_to_dtype(mt_ceil(mt_detach(rank)), MT_INT64);
    above = above ? mt_expand(above, x->ndim, size) : NULL;
    mt_tensor *high = mt_gather(sorted, -1, above);
    mt_tensor *weight =
        !strcmp(how, "midpoint") ? mt_number(0.5) : mt_sub(rank, mt_to_dtype(below, type_of(x)));
    return mt_add(low, mt_mul(weight, mt_sub(high, low)));
}

static int quantile_check(const mt_tensor *x, const mt_tensor *q, const char *how)
{
    static const char *const ways[] = {"linear", "lower", "higher", "midpoint", "nearest"};
    bool known = false;
    for (int i = 0; i < 5; i++) known |= !strcmp(how, ways[i]);
    if (x->numel == 0) return mt_error(MT_RUNTIME, "quantile() input tensor must be non-empty");
    if (q->ndim > 1) return mt_error(MT_RUNTIME, "quantile() q must be a scalar or 1D tensor");
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME, "quantile() input tensor must be either float or double dtype");
    if (q->dtype != x->dtype)
        return mt_error(MT_RUNTIME, "quantile() q tensor must be same dtype as the input tensor");
    if (!known)
        return mt_error(MT_RUNTIME,
                        "quantile() interpolation must be one of linear, lower, higher, midpoint "
                        "or nearest, but got %s",
                        how);
    for (int64_t i = 0; i < q->numel; i++) {
        double v = mt_scalar_to_double(mt_item_at(q, q->ndim ? i * q->stride[0] : 0));
        if (!(v >= 0 && v <= 1))
            return mt_error(MT_RUNTIME, "quantile() q values must be in the range [0, 1]");
    }
    return 0;
}

/* args: dim, keepdim, interpolation. Several quantiles come in a first dimension. */
static int quantile_of(mt_call *c, mt_tensor *q, bool ignore)
{
    mt_tensor *x = c->in[0];
    int64_t all = x->numel, one = 1;
    bool keepdim = c->arg[1].b, whole = !c->arg[0].given;
    const char *how = c->arg[2].text;
    if (!q || quantile_check(x, q, how) < 0) return -1;
    int ndim = x->ndim, d = whole ? 0 : mt_wrap_dim(c->arg[0].i, ndim);
    if (d < 0) return -1;
    mt_tensor *lines = whole || ndim == 0 ? mt_reshape(x, 1, &all) : mt_transpose(x, d, -1);
    if (!lines) return -1;
    mt_tensor *y = quantile_lines(lines, q->ndim ? q : mt_reshape(q, 1, &one), how, ignore);
    if (!y) return -1;
    if (whole) { /* (m): all dims go, or stay as 1 */
        int64_t ones[MT_MAX_DIMS + 1];
        for (int i = 0; i <= ndim; i++) ones[i] = i ? 1 : q->numel;
        y = keepdim ? mt_reshape(y, ndim + 1, ones) : y;
        return mt_result_is(c, 0, !y || q->ndim ? y : mt_select(y, 0, 0));
    }
    if (ndim == 0) return mt_result_is(c, 0, q->ndim ? y : mt_select(y, 0, 0));
    /* (..., m where dim was) to (m, ..., 1, ...) */
    const int64_t first = 0, behind = d + 1;
    y = mt_movedim(mt_unsqueeze(mt_transpose(y, d, -1), 0), 1, &behind, &first);
    y = y ? mt_movedim(y, 1, (const int64_t[]){1}, &behind) : NULL;
    if (y && !keepdim) y = mt_squeeze_dim(y, d + 1);
    return mt_result_is(c, 0, !y || q->ndim ? y : mt_select(y, 0, 0));
}

#define QUANTILE(id, ignore, text)                                                                 \
    static int id##_forward(mt_call *c) { return quantile_of(c, c->in[1], ignore); }               \
    MT_OP(id, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,                             \
          .schema = #id "(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str "       \
                        "interpolation=\"linear\") -> Tensor",                                     \
          .doc = text);                                                                            \
    static int id##_scalar_forward(mt_call *c)                                                     \
    {                                                                                              \
        mt_tensor *q = mt_full(type_of(c->in[0]), 0, NULL, mt_scalar_float(c->arg[0].d));          \
        mt_arg *all = c->arg;                                                                      \
        if (!(c->arg[0].d >= 0 && c->arg[0].d <= 1))                                               \
            return mt_error(MT_RUNTIME, "quantile() q must be in the range [0, 1] but got %g",     \
                            c->arg[0].d);                                                          \
        c->arg = all + 1;                                                                          \
        int status = quantile_of(c, q, ignore);                                                    \
        c->arg = all;                                                                              \
        return status;                                                                             \
    }                                                                                              \
    MT_OP(id##_scalar, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,                    \
          .schema = #id ".scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str " \
                        "interpolation=\"linear\") -> Tensor",                                     \
          .doc = "");
QUANTILE(quantile, false,
         "The values below which the share q of the elements lies, of all or along dim; between "
         "two elements as interpolation says. Several q give a first dimension.")
QUANTILE(nanquantile, true, "quantile() of what is not NaN.")
