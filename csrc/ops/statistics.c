/* Statistics made of other reductions: nansum, nanmean, var_mean, aminmax, cov, corrcoef; and counting: histc, bincount,
 * isin. Relies on ops/lines.h and ops/moments.c. */
#include "ops/lines.h"
#include "ops/search.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* Runs another operator's forward with the same arguments. */
static mt_tensor *forward_to(const mt_op *op, mt_tensor *x, const mt_call *c, int narg)
{
    return x ? mt_calln(op, 1, &x, narg, c->arg) : NULL;
}

static mt_tensor *sum_over(mt_tensor *x, const mt_arg *dims, bool keepdim)
{
    bool all = !dims->given || dims->ints.n == 0;
    if (!all) return x ? mt_sum_dim(x, (int)dims->ints.n, dims->ints.v, keepdim) : NULL;
    int64_t every[MT_MAX_DIMS];
    for (int d = 0; x && d < x->ndim; d++) every[d] = d;
    return x && x->ndim && keepdim ? mt_sum_dim(x, x->ndim, every, true) : mt_sum(x);
}

/* ==== nansum, nanmean ===================================================================================================== */

static mt_tensor *without_nan(mt_tensor *x)
{
    return x && mt_is_float(type_of(x)) ? mt_where(mt_isnan(x), mt_number(0), x) : x;
}
/* A sum in which there is no NaN is one of elements among which there is none. */
static bool has_nan(mt_tensor *sum)
{
    mt_tensor *y = sum ? mt_contiguous_raw(sum, MT_FLOAT64) : NULL;
    const double *v = y ? (const double *)(const void *)y->data : NULL;
    for (int64_t i = 0; y && i < y->numel; i++)
        if (v[i] != v[i]) return true;
    return !y;
}
static mt_tensor *sum_without_nan(mt_tensor *x, const mt_arg *dims, bool keepdim)
{
    mt_tensor *y = sum_over(x, dims, keepdim);
    const bool whole = !y || !mt_is_float(type_of(y)) || !has_nan(y);
    return whole ? y : sum_over(without_nan(x), dims, keepdim);
}
static int nansum_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (c->arg[2].given) x = mt_to_dtype(x, (mt_dtype)c->arg[2].i);
    mt_tensor *y = sum_without_nan(x, &c->arg[0], c->arg[1].b);
    if (y && c->arg[2].given) y = mt_to_dtype(y, (mt_dtype)c->arg[2].i);
    return mt_result_is(c, 0, y);
}
MT_OP(nansum, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema =
          "nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) "
          "-> Tensor",
      .doc = "The sum of what is not NaN, of all or along dim.");
/* The mean of neighbours among which there is no NaN is their sum over their count; NULL where there may be one. Others
 * would be added up in another order than when they are copied without NaN; more ones than these round. */
static mt_tensor *mean_without_nan(mt_tensor *x, const mt_arg *dims, bool keepdim)
{
    const int64_t exact = INT64_C(1) << 24;
    mt_tensor *y = mt_is_contiguous(x) ? sum_over(x, dims, keepdim) : NULL;
    const int64_t each = y && y->numel ? x->numel / y->numel : 0;
    const bool whole = each > 0 && each <= exact && mt_is_float(type_of(y)) && !has_nan(y);
    return whole ? mt_div(y, mt_number((double)each)) : NULL;
}
static int nanmean_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_RUNTIME,
                        "nanmean(): expected input to have floating point or complex dtype but got "
                        "%s",
                        mt_dtype_camel(type_of(x)));
    if (c->arg[2].given) x = mt_to_dtype(x, (mt_dtype)c->arg[2].i);
    mt_tensor *whole = x ? mean_without_nan(x, &c->arg[0], c->arg[1].b) : NULL;
    if (whole || mt_error_pending()) return mt_result_is(c, 0, whole);
    mt_tensor *n = x ? sum_over(mt_to_dtype(mt_logical_not(mt_isnan(mt_detach(x))), type_of(x)),
                                &c->arg[0], c->arg[1].b)
                     : NULL;
    return mt_result_is(c, 0, mt_div(sum_over(without_nan(x), &c->arg[0], c->arg[1].b), n));
}
MT_OP(nanmean, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? "
                "dtype=None) -> Tensor",
      .doc = "The mean of what is not NaN, of all or along dim.");

/* ==== var_mean, std_mean ================================================================================================== */

static int with_mean(mt_call *c, const mt_op *op, int narg, const mt_arg *dims, bool keepdim)
{
    mt_tensor *x = c->in[0], *y = forward_to(op, x, c, narg), *mean;
    bool all = !dims || !dims->given || dims->ints.n == 0;
    int64_t ones[MT_MAX_DIMS];
    if (mt_result_is(c, 0, y) < 0) return -1;
    mean = all ? mt_mean(x) : mt_mean_dim(x, (int)dims->ints.n, dims->ints.v, keepdim);
    for (int d = 0; d < x->ndim; d++) ones[d] = 1;
    if (mean && all && keepdim) mean = mt_reshape(mean, x->ndim, ones);
    return mt_result_is(c, 1, mean);
}
#define WITH_MEAN(id, word)                                                                        \
    static int id##_mean_forward(mt_call *c)                                                       \
    {                                                                                              \
        return with_mean(c, &mt_op_##id, 3, &c->arg[0], c->arg[2].b);                              \
    }                                                                                              \
    MT_OP(id##_mean, .kind = MT_COMPOSITE | MT_FUNCTION,                                           \
          .schema = #id "_mean(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "   \
                        "keepdim=False) -> (Tensor, Tensor)",                                      \
          .doc = "The " word " and the mean, of all elements or along dim.");                      \
    static int id##_mean_unbiased_forward(mt_call *c)                                              \
    {                                                                                              \
        return with_mean(c, &mt_op_##id##_unbiased, 1, NULL, false);                               \
    }                                                                                              \
    MT_OP(id##_mean_unbiased, .kind = MT_COMPOSITE | MT_FUNCTION,                                  \
          .schema = #id "_mean.unbiased(Tensor self, bool unbiased=True) -> (Tensor, Tensor)",     \
          .doc = "");                                                                              \
    static int id##_mean_dim_forward(mt_call *c)                                                   \
    {                                                                                              \
        return with_mean(c, &mt_op_##id##_dim, 3, &c->arg[0], c->arg[2].b);                        \
    }                                                                                              \
    MT_OP(id##_mean_dim, .kind = MT_COMPOSITE | MT_FUNCTION,                                       \
          .schema = #id "_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool "            \
                        "keepdim=False) -> (Tensor, Tensor)",                                      \
          .doc = "");
WITH_MEAN(var, "variance")
WITH_MEAN(std, "standard deviation")

/* ==== aminmax ============================================================================================================= */

static int aminmax_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t dim = c->arg[0].i;
    mt_arg arg[2] = {c->arg[0].given ? mt_arg_ints(1, &dim) : mt_arg_ints(0, &dim), c->arg[1]};
    if (x->numel == 0 && !c->arg[0].given)
        return mt_error(
            MT_RUNTIME,
            "aminmax(): cannot compute aminmax over an empty dimension as the operation "
            "has no identity.");
    if (c->arg[0].given && x->ndim) {
        int d = mt_wrap_dim(dim, x->ndim);
        if (d < 0) return -1;
        if (x->size[d] == 0)
            return mt_error(MT_INDEX, "aminmax: Expected reduction dim %d to have non-zero size.",
                            d);
    }
    if (mt_result_is(c, 0, mt_calln(&mt_op_amin, 1, &x, 2, arg)) < 0) return -1;
    return mt_result_is(c, 1, mt_calln(&mt_op_amax, 1, &x, 2, arg));
}
MT_OP(aminmax, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor "
                "max)",
      .doc = "The smallest and the largest element, of all or along dim.");

/* ==== cov, corrcoef ======================================================================================================== */

/* The weights checked, as a vector of x's type. */
static int check_weights(const mt_tensor *w, int64_t n, const char *name, bool integral)
{
    if (w->ndim > 1)
        return mt_error(
            MT_RUNTIME,
            "cov(): expected %s to have one or fewer dimensions but got %s with %d dimensions",
            name, name, w->ndim);
    if (mt_is_integral(type_of(w)) != integral || type_of(w) == MT_BOOL)
        return mt_error(MT_RUNTIME, "cov(): expected %s to have %s dtype but got %s with %s dtype",
                        name, integral ? "integral" : "floating point", name,
                        mt_dtype_name(type_of(w)));
    if (w->numel != n)
        return mt_error(MT_RUNTIME,
                        "cov(): expected %s to have the same numel as there are observations in "
                        "the input but got %" PRId64 " != %" PRId64,
                        name, w->numel, n);
    for (int64_t i = 0; i < w->numel; i++)
        if (mt_scalar_to_double(mt_item_at(w, w->ndim ? i * w->stride[0] : 0)) < 0)
            return mt_error(MT_RUNTIME, "cov(): %s cannot be negative", name);
    return 0;
}
/* sum w (x - mean)(x - mean)^T / normalizer, rows are variables. */
static mt_tensor *covariance(mt_tensor *x, double correction, mt_tensor *f, mt_tensor *a)
{
    int64_t one_row[2] = {1, x->numel}, last = 1, all;
    if (x->ndim > 2)
        return mt_fail(
            MT_RUNTIME,
            "cov(): expected input to have two or fewer dimensions but got an input with "
            "%d dimensions",
            x->ndim);
    if (type_of(x) == MT_BOOL)
        return mt_fail(MT_RUNTIME, "cov(): bool dtype is not supported for input");
    if (x->ndim < 2) x = mt_reshape(x, 2, one_row);
    if (!x) return NULL;
    all = x->size[1];
    if (f && check_weights(f, all, "fweights", true) < 0) return NULL;
    if (a && check_weights(a, all, "aweights", false) < 0) return NULL;
    mt_tensor *w = f && a ? mt_mul(f, a) : f ? f : a, *mean, *norm, *wsum = NULL;
    mt_dtype d = mt_is_inexact(type_of(x)) ? type_of(x) : mt_default_dtype();
    if (w) {
        if (!(w = mt_reshape(w, 1, &all))) return NULL;
        wsum = mt_sum(w);
        mean = mt_div(mt_sum_dim(mt_mul(x, w), 1, &last, true), wsum);
    } else {
        mean = mt_div(mt_sum_dim(x, 1, &last, true), mt_number((double)all));
    }
    if (!w)
        norm = mt_number((double)all - correction);
    else if (!a || correction == 0)
        norm = mt_sub(wsum, mt_number(correction));
    else
        norm = mt_sub(wsum, mt_mul(mt_div(mt_sum(mt_mul(w, a)), wsum), mt_number(correction)));
    norm = mt_clamp(norm, mt_number(0), NULL);
    mt_tensor *centred = mt_to_dtype(mt_sub(x, mean), d), *weighted;
    weighted = w ? mt_to_dtype(mt_mul(centred, w), d) : centred;
    mt_tensor *y = mt_div(mt_mm(centred, mt_conj(mt_t(weighted))), norm);
    return y && y->numel == 1 ? mt_reshape(y, 0, NULL) : y;
}
static int cov_forward(mt_call *c)
{
    return mt_result_is(c, 0, covariance(c->in[0], (double)c->arg[0].i, c->in[1], c->in[2]));
}
MT_OP(
    cov, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
    .schema = "cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) "
              "-> Tensor",
    .doc = "The covariances of the rows of a matrix, columns being observations: counted fweights "
           "times, weighted by aweights.");
static int corrcoef_forward(mt_call *c)
{
    if (c->in[0]->ndim > 2)
        return mt_error(
            MT_RUNTIME,
            "corrcoef(): expected input to have two or fewer dimensions but got an input "
            "with %d dimensions",
            c->in[0]->ndim);
    mt_tensor *y = covariance(c->in[0], 1, NULL, NULL);
    if (!y) return -1;
    if (y->ndim == 0) return mt_result_is(c, 0, mt_div(y, y));
    mt_tensor *deviation = mt_sqrt(mt_real(mt_diagonal(y, 0, 0, 1))), *lo = mt_number(-1),
              *hi = mt_number(1);
    y = mt_div(mt_div(y, mt_unsqueeze(deviation, 1)), mt_unsqueeze(deviation, 0));
    if (y && mt_is_complex(type_of(y)))
        y = mt_complex(mt_clamp(mt_real(y), lo, hi), mt_clamp(mt_imag(y), lo, hi));
    else
        y = mt_clamp(y, lo, hi);
    return mt_result_is(c, 0, y);
}
MT_OP(corrcoef, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "corrcoef(Tensor self) -> Tensor",
      .doc = "The correlations of the rows of a matrix, columns being observations.");

/* ==== bincount, histc ====================================================================================================== */

static int bincount_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *w = c->in[1], *y;
    int64_t least = c->arg[0].i, n = least;
    if (x->ndim != 1)
        return mt_error(MT_RUNTIME, "bincount only supports 1-d non-negative integral inputs.");
    if (!mt_is_integral(type_of(x)) && x->numel)
        return mt_error(MT_NOT_IMPLEMENTED, "\"bincount_cpu\" not implemented for '%s'",
                        mt_dtype_camel(type_of(x)));
    if (least < 0) return mt_error(MT_RUNTIME, "minlength should be >= 0");
    if (w && (w->ndim != 1 || w->numel != x->numel))
        return mt_error(MT_RUNTIME, "weights should be 1-d and have the same length as input");
    if (!(x = mt_contiguous_raw(x, MT_INT64))) return -1;
    const int64_t *v = (const int64_t *)(const void *)x->data;
    int64_t low = 0, high = -1;
    if (x->numel) {
        mt_k->reduce[MT_REDUCE_min][MT_INT64](x->numel, (char *)&low, x->data, sizeof low);
        mt_k->reduce[MT_REDUCE_max][MT_INT64](x->numel, (char *)&high, x->data, sizeof high);
    }
    if (low < 0)
        return mt_error(MT_RUNTIME, "bincount only supports 1-d non-negative integral inputs.");
    if (high >= n) n = high + 1;
    mt_dtype d = !w ? MT_INT64 : type_of(w) == MT_FLOAT32 ? MT_FLOAT32 : MT_FLOAT64;
    if (!(y = mt_result(c, 0, d, 1, &n)) || mt_fill_raw(y, mt_scalar_int(0)) < 0) return -1;
    if (w && !(w = mt_contiguous_raw(w, d))) return -1;
    if (!w) mt_count_raw(x->numel, v, n, (int64_t *)(void *)y->data);
    for (int64_t i = 0; w && i < x->numel; i++) {
        if (d == MT_FLOAT32)
            ((float *)(void *)y->data)[v[i]] += ((const float *)(const void *)w->data)[i];
        else
            ((double *)(void *)y->data)[v[i]] += ((const double *)(const void *)w->data)[i];
    }
    return 0;
}
MT_OP(bincount, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD,
      .schema = "bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
      .doc = "How often each number 0, 1, ... occurs in a vector, or the sum of its weights.");

/* Equal bins from low to high, the last one closed; what lies outside is not counted. */
static int histc_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    int64_t bins = c->arg[0].i;
    double low = mt_scalar_to_double(c->arg[1].s), high = mt_scalar_to_double(c->arg[2].s);
    mt_dtype d = type_of(x);
    if (bins <= 0)
        return mt_error(MT_RUNTIME,
                        "torch.histogram(): bins must be > 0, but got %" PRId64 " for dimension 0",
                        bins);
    if (!mt_is_float(d))
        return mt_error(MT_NOT_IMPLEMENTED, "\"histogram_cpu\" not implemented for '%s'",
                        mt_dtype_camel(d));
    if (!(y = mt_result(c, 0, d, 1, &bins)) || mt_fill_raw(y, mt_scalar_int(0)) < 0 ||
        !(x = mt_contiguous_raw(x, MT_FLOAT64)))
        return -1;
    const double *v = (const double *)(const void *)x->data;
    if (low == high && x->numel) {
        low = INFINITY, high = -INFINITY;
        for (int64_t i = 0; i < x->numel; i++) {
            low = v[i] < low || v[i] != v[i] ? v[i] : low;
            high = v[i] > high || v[i] != v[i] ? v[i] : high;
        }
    }
    if (low == high) low -= 1, high += 1;
    if (!isfinite(low) || !isfinite(high))
        return mt_error(MT_RUNTIME, "range of [%g, %g] is not finite", low, high);
    if (low > high) return mt_error(MT_RUNTIME, "max must be larger than min");
    for (int64_t i = 0; i < x->numel; i++) {
        if (!(v[i] >= low && v[i] <= high)) continue;
        int64_t bin = (int64_t)((v[i] - low) * (double)bins / (high - low));
        bin = bin < bins ? bin : bins - 1;
        if (d == MT_FLOAT32)
            ((float *)(void *)y->data)[bin]++;
        else
            ((double *)(void *)y->data)[bin]++;
    }
    return 0;
}
MT_OP(histc, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
      .doc = "How many elements lie in each of `bins` equal bins between min and max (if these are "
             "equal, the smallest and largest element).");

/* ==== histogram =========================================================================================================== */

/* The bin of v between ascending edges, the last one closed; -1 outside. */
static int64_t bin_of(const double *edge, int64_t n, double v)
{
    int64_t low = 0, high = n;
    if (n < 1 || !(v >= edge[0] && v <= edge[n])) return -1;
    while (high - low > 1) {
        int64_t mid = low + (high - low) / 2;
        if (v >= edge[mid])
            low = mid;
        else
            high = mid;
    }
    return low;
}

static int histogram(mt_call *c, mt_tensor *edges, mt_tensor *weight, bool density)
{
    mt_tensor *x = c->in[0], *y;
    mt_dtype d = type_of(x);
    if (!edges) return -1;
    int64_t n = edges->numel - 1;
    if (weight && !mt_same_shape(weight, x))
        return mt_error(MT_RUNTIME,
                        "torch.histogram(): if weight tensor is provided it should have "
                        "the same shape as the input tensor excluding its innermost "
                        "dimension");
    mt_tensor *count = mt_zeros_raw(MT_FLOAT64, 1, &n),
              *wide = mt_contiguous_raw(edges, MT_FLOAT64);
    if (!count || !wide || !(x = mt_contiguous_raw(x, MT_FLOAT64)) ||
        (weight && !(weight = mt_contiguous_raw(weight, MT_FLOAT64))))
        return -1;
    double *to = (double *)(void *)count->data, total = 0;
    const double *edge = (const double *)(const void *)wide->data;
    for (int64_t i = 0; i < x->numel; i++) {
        int64_t bin = bin_of(edge, n, ((const double *)(const void *)x->data)[i]);
        double w = weight ? ((const double *)(const void *)weight->data)[i] : 1;
        if (bin >= 0) to[bin] += w, total += w;
    }
    for (int64_t i = 0; density && i < n; i++) to[i] /= total * (edge[i + 1] - edge[i]);
    if (!(y = mt_result(c, 0, d, 1, &n)) || mt_copy_raw(y, count) < 0) return -1;
    return mt_result_is(c, 1, edges);
}
static int check_histogram(const mt_tensor *x, int64_t bins)
{
    if (!mt_is_float(type_of(x)))
        return mt_error(MT_NOT_IMPLEMENTED, "\"histogramdd\" not implemented for '%s'",
                        mt_dtype_camel(type_of(x)));
    if (bins > 0) return 0;
    return mt_error(MT_RUNTIME,
                    "torch.histogram(): bins must be > 0, but got %" PRId64 " for dimension 0",
                    bins);
}
static int histogram_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *edges = c->in[1];
    if (check_histogram(x, 1) < 0) return -1;
    if (edges->ndim != 1 || edges->numel < 1)
        return mt_error(MT_RUNTIME,
                        "torch.histogram(): bins tensor should have one dimension, but got %d "
                        "dimensions in the bins tensor for dimension 0",
                        edges->ndim);
    if (edges->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "torch.histogram(): input tensor and bins tensors should have the same "
                        "dtype, but got input with dtype %s and bins for dimension 0 with dtype %s",
                        mt_dtype_c(type_of(x)), mt_dtype_c(type_of(edges)));
    return histogram(c, mt_clone(edges), c->in[2], c->arg[0].b);
}
MT_OP(
    histogram, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
    .schema = "histogram(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) -> "
              "(Tensor hist, Tensor bin_edges)",
    .doc = "How many elements (or how much weight) lie between each two neighbouring edges, which "
           "are given, or follow from the number of bins and their range; as a density, divided by "
           "all and by the bins' widths.");
static int histogram_count_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const mt_arg *range = &c->arg[1];
    double low = 0, high = 1;
    if (check_histogram(x, c->arg[0].i) < 0) return -1;
    if (range->given && range->doubles.n != 2)
        return mt_error(MT_RUNTIME,
                        "torch.histogramdd(): for a 1-dimensional histogram range should have 2 "
                        "elements, but got %" PRId64,
                        range->doubles.n);
    if (range->given) {
        low = range->doubles.v[0], high = range->doubles.v[1];
    } else if (x->numel) {
        int64_t all = x->numel, d = 0;
        mt_tensor *flat = mt_reshape(mt_detach(x), 1, &all), *most = mt_amax(flat, 1, &d, false),
                  *least = mt_neg(mt_amax(mt_neg(flat), 1, &d, false));
        if (!most || !least) return -1;
        low = mt_scalar_to_double(mt_item_at(least, 0));
        high = mt_scalar_to_double(mt_item_at(most, 0));
    }
    if (!isfinite(low) || !isfinite(high))
        return mt_error(MT_RUNTIME, "torch.histogram(): dimension 0's range [%g, %g] is not finite",
                        low, high);
    if (low > high)
        return mt_error(MT_RUNTIME,
                        "torch.histogram(): min should not exceed max, but got min %g max %g for "
                        "dimension 0",
                        low, high);
    if (low == high) low -= 0.5, high += 0.5;
    mt_arg arg[2] = {mt_arg_int(c->arg[0].i + 1), mt_arg_dtype(type_of(x))};
    return histogram(c, mt_call2a(&mt_op_linspace, mt_number(low), mt_number(high), 2, arg),
                     c->in[1], c->arg[2].b);
}
MT_OP(histogram_count, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "histogram.bin_ct(Tensor self, int bins=100, *, float[]? range=None, Tensor? "
                "weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
      .doc = "");

/* ==== isin ================================================================================================================ */

static int isin_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *set = c->in[1];
    int64_t all = set->numel, last = x->ndim;
    bool invert = c->arg[1].b;
    mt_tensor *equal = mt_eq(mt_unsqueeze(x, x->ndim), mt_reshape(set, 1, &all));
    mt_arg arg[2] = {mt_arg_ints(1, &last), mt_arg_bool(false)};
    mt_tensor *y = equal ? mt_call1a(&mt_op_any_dim, equal, 2, arg) : NULL;
    return mt_result_is(c, 0, y && invert ? mt_logical_not(y) : y);
}
MT_OP(isin, .kind = MT_NODIFF | MT_FUNCTION | MT_OUT,
      .schema = "isin(Number elements, Number test_elements, *, bool assume_unique=False, bool "
                "invert=False) -> Tensor",
      .doc = "True where an element is among test_elements.");
