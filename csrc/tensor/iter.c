/* Strided iteration. Relies on tensor/tensor.h and base/parallel.h; read next: ops/pointwise.c. */
#include "tensor/iter.h"

#include "base/parallel.h"

#include <string.h>

void mt_iter_begin(mt_iter *it, int ndim, const int64_t *size)
{
    it->ndim = ndim;
    it->nops = 0;
    it->numel = 1;
    for (int d = 0; d < ndim; d++) {
        it->size[d] = size[d];
        it->numel *= size[d];
    }
}

void mt_iter_add(mt_iter *it, const mt_tensor *t)
{
    int op = it->nops++, offset = it->ndim - t->ndim;
    int64_t item = mt_itemsize(t);
    for (int d = 0; d < it->ndim; d++) {
        int k = d - offset;
        bool broadcast = k < 0 || (t->size[k] == 1 && it->size[d] != 1);
        it->stride[op][d] = broadcast ? 0 : t->stride[k] * item;
    }
    it->data[op] = t->data;
}

static void swap_dims(mt_iter *it, int a, int b)
{
    int64_t t = it->size[a];
    it->size[a] = it->size[b];
    it->size[b] = t;
    for (int k = 0; k < it->nops; k++) {
        t = it->stride[k][a];
        it->stride[k][a] = it->stride[k][b];
        it->stride[k][b] = t;
    }
}

/* Must dim a come before (outside) dim b? By the first operand that tells. */
static bool is_outer(const mt_iter *it, int a, int b)
{
    for (int k = 0; k < it->nops; k++) {
        int64_t x = it->stride[k][a], y = it->stride[k][b];
        if (x && y && x != y) return x > y;
    }
    return true;
}

/* Drops dimensions of size 1, sorts the rest by stride and merges neighbours that
 * every operand walks in one run. */
static void coalesce(mt_iter *it)
{
    int n = 0;
    for (int d = 0; d < it->ndim; d++) {
        if (it->size[d] == 1) continue;
        it->size[n] = it->size[d];
        for (int k = 0; k < it->nops; k++) it->stride[k][n] = it->stride[k][d];
        n++;
    }
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && !is_outer(it, j - 1, j); j--) swap_dims(it, j - 1, j);
    int m = 0;
    for (int d = 1; d < n; d++) {
        bool mergeable = true;
        for (int k = 0; k < it->nops; k++)
            mergeable &= it->stride[k][m] == it->stride[k][d] * it->size[d];
        if (!mergeable) m++;
        it->size[m] = mergeable ? it->size[m] * it->size[d] : it->size[d];
        for (int k = 0; k < it->nops; k++) it->stride[k][m] = it->stride[k][d];
    }
    it->ndim = n ? m + 1 : 0;
}

typedef struct job {
    const mt_iter *it;
    mt_loop loop;
    const double *param;
} job;

enum { LONG_ROW = 8192, PIECE = 64 };

/* Where a range that should end at `at` does: at the end of its row, or of a piece of a long one. A loop's
 * last few elements may have other digits than its vectors, so where rows are cut must not depend on threads. */
static int64_t cut(const mt_iter *it, int64_t at)
{
    int64_t row = it->size[it->ndim - 1], inside = at % row, end = row;
    if (inside == 0) return at;
    if (row > LONG_ROW) end = (inside + PIECE - 1) / PIECE * PIECE;
    return at - inside + (end < row ? end : row);
}

/* Elements [begin, end) in the order of the coalesced dimensions. */
static void run_range(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    const mt_iter *it = j->it;
    begin = cut(it, begin), end = cut(it, end);
    if (begin >= end) return;
    int last = it->ndim - 1;
    int64_t index[MT_MAX_DIMS], inner_stride[MT_ITER_OPERANDS];
    char *p[MT_ITER_OPERANDS];
    int64_t rest = begin;
    for (int k = 0; k < it->nops; k++) {
        p[k] = it->data[k];
        inner_stride[k] = it->stride[k][last];
    }
    for (int d = last; d >= 0; d--) {
        index[d] = rest % it->size[d];
        rest /= it->size[d];
        for (int k = 0; k < it->nops; k++) p[k] += index[d] * it->stride[k][d];
    }
    while (begin < end) {
        int64_t n = it->size[last] - index[last];
        if (n > end - begin) n = end - begin;
        j->loop(n, p, inner_stride, j->param);
        begin += n;
        if (begin >= end) return;
        for (int k = 0; k < it->nops; k++) p[k] -= index[last] * inner_stride[k];
        index[last] = 0;
        for (int d = last - 1; d >= 0; d--) {
            for (int k = 0; k < it->nops; k++) p[k] += it->stride[k][d];
            if (++index[d] < it->size[d]) break;
            for (int k = 0; k < it->nops; k++) p[k] -= it->size[d] * it->stride[k][d];
            index[d] = 0;
        }
    }
}

/* All of a coalesced iterator. */
static void run_all(mt_iter *it, mt_loop loop, const double *param, int64_t grain)
{
    if (it->ndim == 0) {
        int64_t stride[MT_ITER_OPERANDS] = {0};
        loop(1, it->data, stride, param);
        return;
    }
    job j = {it, loop, param};
    mt_parallel_for(it->numel, grain, run_range, &j);
}

void mt_iter_run(mt_iter *it, mt_loop loop, const double *param, int64_t grain)
{
    if (it->numel == 0) return;
    coalesce(it);
    run_all(it, loop, param, grain);
}

/* ---- copies ---------------------------------------------------------------------------------- */

enum { SHORT_ROW = 128, SHORT_LOOP = 16 }; /* bytes, elements */

/* Rows of `bytes` bytes by `unit`, the last one back from the end. */
static MT_INLINE void copy_rows_by(int unit, int64_t n, char *const *p, const int64_t *stride,
                                   int64_t bytes)
{
    char *to = p[0], *from = p[1];
    for (; n > 0; n--, to += stride[0], from += stride[1]) {
        for (int64_t i = 0; i < bytes - unit; i += unit) memcpy(to + i, from + i, (size_t)unit);
        memcpy(to + bytes - unit, from + bytes - unit, (size_t)unit);
    }
}

static void copy_rows(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    const int64_t bytes = (int64_t)*param;
    if (bytes < 16)
        copy_rows_by(8, n, p, stride, bytes);
    else
        copy_rows_by(16, n, p, stride, bytes);
}

void mt_iter_copy(mt_iter *it, mt_loop loop, int64_t item)
{
    if (it->numel == 0) return;
    coalesce(it);
    int64_t grain = MT_GRAIN_CHEAP;
    int last = it->ndim - 1;
    const int64_t n = last > 0 ? it->size[last] : 0;
    const double row = (double)(n * item);
    if (row >= 8 && row <= SHORT_ROW && it->stride[0][last] == item &&
        it->stride[1][last] == item) {
        it->ndim = last--;
        it->numel /= n;
        grain /= n;
        loop = copy_rows;
    }
    if (last > 0 && it->size[last] < SHORT_LOOP && it->size[last - 1] > it->size[last])
        swap_dims(it, last - 1, last);
    run_all(it, loop, &row, grain);
}
