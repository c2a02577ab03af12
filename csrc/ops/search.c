/* Where numbers would stand among ordered ones: searchsorted, bucketize; and how often each occurs. Relies on
 * ops/ops.h. */
#include "ops/search.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <string.h>

static mt_dtype type_of(const mt_tensor *x) { return (mt_dtype)x->dtype; }

/* ==== counting ================================================================================ */

/* Two tables in turn: an element that equals the one before does not wait for it. */
void mt_count_raw(int64_t n, const int64_t *x, int64_t most, int64_t *count)
{
    int64_t other[1024] = {0}, i = 0;
    if (most <= 1024) {
        for (; i + 2 <= n; i += 2) {
            count[x[i]]++;
            other[x[i + 1]]++;
        }
        for (int64_t v = 0; v < most; v++) count[v] += other[v];
    }
    for (; i < n; i++) count[x[i]]++;
}

/* ==== searchsorted, bucketize ================================================================= */

typedef struct job {
    const char *sorted, *x;
    const int64_t *sorter; /* or NULL */
    int64_t *to;
    int64_t n, m; /* elements of a sorted line, and of x for each of them */
    bool right;
} job;

enum { TOGETHER = 8, GRAIN = 2048 };

/* The first place whose element is not below v (left), or above v (right). NaN is above all. */
#define BOUND(name, T)                                                                             \
    static int64_t name##_one(const T *line, const int64_t *sorter, int64_t n, T v, bool right)    \
    {                                                                                              \
        int64_t low = 0, high = n;                                                                 \
        while (low < high) {                                                                       \
            const int64_t mid = low + (high - low) / 2;                                            \
            const T e = line[sorter ? sorter[mid] : mid];                                          \
            const bool before = right ? e <= v || v != v : e < v || (v != v && e == e);            \
            if (before)                                                                            \
                low = mid + 1;                                                                     \
            else                                                                                   \
                high = mid;                                                                        \
        }                                                                                          \
        return low;                                                                                \
    }
/* Several searches side by side without a branch, as all have as many steps. x[0 .. TOGETHER) without NaN. */
#define SEARCH(name, T)                                                                            \
    BOUND(name, T)                                                                                 \
    static MT_INLINE void name##_together(const T *line, int64_t n, const T *x, int64_t *to,       \
                                          const bool right)                                        \
    {                                                                                              \
        int64_t at[TOGETHER] = {0};                                                                \
        for (int64_t left = n; left > 0;) {                                                        \
            const int64_t half = (left + 1) / 2;                                                   \
            _Pragma("GCC unroll 8") for (int k = 0; k < TOGETHER; k++)                             \
            {                                                                                      \
                const T e = line[at[k] + half - 1];                                                \
                at[k] += half & -(int64_t)((e < x[k]) | (right & (e == x[k])));                    \
            }                                                                                      \
            left -= half;                                                                          \
        }                                                                                          \
        memcpy(to, at, sizeof at);                                                                 \
    }                                                                                              \
    static void name(int64_t begin, int64_t end, void *context)                                    \
    {                                                                                              \
        const job *j = context;                                                                    \
        const T *x = (const T *)(const void *)j->x;                                                \
        for (int64_t i = begin, some; i < end; i += some) {                                        \
            const int64_t line = i / j->m, left = (line + 1) * j->m - i;                           \
            const T *sorted = (const T *)(const void *)j->sorted + line * j->n;                    \
            const int64_t *sorter = j->sorter ? j->sorter + line * j->n : NULL;                    \
            bool alone = sorter != NULL;                                                           \
            T v[TOGETHER];                                                                         \
            int64_t to[TOGETHER];                                                                  \
            some = left < end - i ? left : end - i;                                                \
            some = some < TOGETHER ? some : TOGETHER;                                              \
            for (int k = 0; k < TOGETHER; k++) v[k] = x[i + (k < some ? k : 0)];                   \
            for (int k = 0; k < TOGETHER; k++) alone |= v[k] != v[k];                              \
            if (!alone) name##_together(sorted, j->n, v, to, j->right);                            \
            for (int64_t k = 0; k < some; k++)                                                     \
                j->to[i + k] = alone ? name##_one(sorted, sorter, j->n, v[k], j->right) : to[k];   \
        }                                                                                          \
    }
SEARCH(search_f32, float)
SEARCH(search_f64, double)
SEARCH(search_i64, int64_t)
#undef SEARCH
#undef BOUND

/* Numbers of two kinds go through double. */
static int search(mt_call *c, mt_tensor *sorted, mt_tensor *x, mt_tensor *sorter, bool narrow,
                  bool right)
{
    mt_tensor *y = mt_result(c, 0, narrow ? MT_INT32 : MT_INT64, x->ndim, x->size), *to;
    const bool exact = !mt_is_inexact(type_of(sorted)) && !mt_is_inexact(type_of(x));
    const bool single = sorted->dtype == MT_FLOAT32 && x->dtype == MT_FLOAT32;
    const mt_dtype d = exact ? MT_INT64 : single ? MT_FLOAT32 : MT_FLOAT64;
    if (!y || !(to = narrow ? mt_empty(MT_INT64, x->ndim, x->size) : y) ||
        !(sorted = mt_contiguous_raw(sorted, d)) || !(x = mt_contiguous_raw(x, d)) ||
        (sorter && !(sorter = mt_contiguous_raw(sorter, MT_INT64))))
        return -1;
    if (x->numel == 0) return 0;
    job j = {.sorted = sorted->data,
             .x = x->data,
             .sorter = sorter ? (const int64_t *)(const void *)sorter->data : NULL,
             .to = (int64_t *)(void *)to->data,
             .n = sorted->size[sorted->ndim - 1],
             .m = sorted->ndim == 1 ? x->numel
                  : x->ndim         ? x->size[x->ndim - 1]
                                    : 1,
             .right = right};
    mt_parallel_for(x->numel, GRAIN, exact ? search_i64 : single ? search_f32 : search_f64, &j);
    return to == y ? 0 : mt_copy_raw(y, to);
}
static int searchsorted_forward(mt_call *c)
{
    mt_tensor *sorted = c->in[0], *x = c->in[1], *sorter = c->in[2];
    bool narrow = c->arg[0].b, right = c->arg[1].b;
    const char *side = c->arg[2].given ? c->arg[2].text : NULL;
    if (side && strcmp(side, "left") && strcmp(side, "right"))
        return mt_error(MT_RUNTIME,
                        "torch.searchsorted(): side can only be 'left' or 'right' but got %s",
                        side);
    if (side && right && !strcmp(side, "left"))
        return mt_error(MT_RUNTIME,
                        "torch.searchsorted(): side and right can't be set to opposites, "
                        "got side of left while right was True");
    if (sorted->ndim == 0)
        return mt_error(MT_RUNTIME,
                        "torch.searchsorted(): input value can be a scalar only when "
                        "boundaries tensor dimension is 1, but we got boundaries tensor "
                        "dim(0) and input value's dim(%d) numel(%" PRId64 ")",
                        x->ndim, x->numel);
    bool fits = sorted->ndim == 1 || sorted->ndim == x->ndim;
    for (int d = 0; fits && sorted->ndim > 1 && d < x->ndim - 1; d++)
        fits = x->size[d] == sorted->size[d];
    if (!fits)
        return mt_error(MT_RUNTIME,
                        "torch.searchsorted(): boundaries tensor should be 1 dimension or "
                        "the first N-1 dimensions of boundaries tensor and input value "
                        "tensor must match");
    if (!(x->flags & MT_WRAPPED_NUMBER) && sorted->dtype != x->dtype)
        return mt_error(MT_RUNTIME,
                        "torch.searchsorted(): boundary tensor and input value tensor "
                        "should have same dtype, but got boundaries tensor dtype %s and "
                        "input value tensor dtype %s",
                        mt_dtype_camel(type_of(sorted)), mt_dtype_camel(type_of(x)));
    if (sorter && !mt_same_shape(sorter, sorted))
        return mt_error(MT_RUNTIME, "torch.searchsorted(): boundary and sorter must have the same "
                                    "size");
    return search(c, sorted, x, sorter, narrow, right || (side && !strcmp(side, "right")));
}
MT_OP(searchsorted, .kind = MT_NODIFF | MT_FUNCTION | MT_OUT,
      .schema = "searchsorted(Tensor sorted_sequence, Number self, *, bool out_int32=False, bool "
                "right=False, str? side=None, Tensor? sorter=None) -> Tensor",
      .doc =
          "Where each element would have to be put into the ordered sequence (its last dimension) "
          "to keep it in order: before equal ones, or behind them with right.");
static int bucketize_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *edges = c->in[1];
    if (edges->ndim != 1)
        return mt_error(
            MT_RUNTIME,
            "torch.searchsorted(): boundaries tensor must be 1 dimension, but got dim(%d)",
            edges->ndim);
    return search(c, edges, x, NULL, c->arg[0].b, c->arg[1].b);
}
MT_OP(bucketize, .kind = MT_NODIFF | MT_FUNCTION | MT_OUT,
      .schema =
          "bucketize(Number self, Tensor boundaries, *, bool out_int32=False, bool right=False) "
          "-> Tensor",
      .doc = "The number of the bucket between ordered boundaries that each element lies in.");
