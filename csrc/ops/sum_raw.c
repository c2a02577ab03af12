/* Sums of floats over strided tensors, in PyTorch's order.
 *
 * Which numbers are added first depends on how the input lies in memory: PyTorch puts the reduced
 * dims first and then sorts by strides (aten/src/ATen/TensorIterator.cpp), joins what follows on in
 * memory, and lets the kernel add up one tile after the other. The first two dims of that order are
 * the tile. What a tile adds up, kernels/sum_loops.h tells. Relies on kernels/reduce.c; read next:
 * ops/reduce_raw.c. */
#include "ops/reduce.h"

#include "base/alloc.h"
#include "base/parallel.h"

#include <string.h>

/* Elements that are worth a thread: fixed, so that threads do not change sums. */
#define CHUNK ((int64_t)65536)

/* One dim: byte strides; out is 0 where it is reduced. */
typedef struct axis {
    int64_t size, in, out;
} axis;

typedef struct job {
    const mt_sums *k;
    int64_t item;
    const char *in;
    char *out;
    axis row, column;                            /* of a tile */
    axis inner[MT_MAX_DIMS], outer[MT_MAX_DIMS]; /* reduced, kept: what is left, fastest first */
    int ninner, nouter;
    int64_t tiles; /* of one place of the kept dims */
    bool add;      /* its columns are one number */
    int power;     /* of a long sum, */
    char *parts;   /* its sums of blocks */
} job;

/* ---- the order of the dims ------------------------------------------------------------------- */

/* > 0: a comes after b; 0: they cannot be told apart. */
static int compare(const axis *a, const axis *b)
{
    if ((a->out == 0) != (b->out == 0)) return b->out == 0 ? 1 : -1;
    if (a->out && b->out) return a->out < b->out ? -1 : 1;
    if (a->in == 0 || b->in == 0) return 0;
    if (a->in != b->in) return a->in < b->in ? -1 : 1;
    return a->size > b->size;
}

/* An insertion sort that goes on past what cannot be told apart. */
static void sort(axis *axes, int n)
{
    for (int i = 1; i < n; i++)
        for (int moved = i, k = i - 1; k >= 0; k--) {
            const int order = compare(&axes[k], &axes[moved]);
            if (order < 0) break;
            if (order == 0) continue;
            const axis swapped = axes[k];
            axes[k] = axes[moved];
            axes[moved] = swapped;
            moved = k;
        }
}

/* Dims of which one goes on where the other ends become one. */
static int join(axis *axes, int n)
{
    int last = 0;
    for (int i = 1; i < n; i++) {
        axis *a = &axes[last];
        if (a->size * a->in == axes[i].in && a->size * a->out == axes[i].out)
            a->size *= axes[i].size;
        else
            axes[++last] = axes[i];
    }
    return n ? last + 1 : 0;
}

static int axes_of(const mt_tensor *x, const bool *mask, axis *axes)
{
    int64_t item = mt_itemsize(x), out = item;
    int n = 0;
    for (int d = x->ndim - 1; d >= 0; d--) {
        if (x->size[d] > 1) axes[n++] = (axis){x->size[d], x->stride[d] * item, mask[d] ? 0 : out};
        if (!mask[d]) out *= x->size[d];
    }
    sort(axes, n);
    return join(axes, n);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Moves on to element i of some dims. */
static void seek(const axis *axes, int n, int64_t i, const char **in, char **out)
{
    for (int d = 0; d < n; d++) {
        *in += i % axes[d].size * axes[d].in;
        *out += i % axes[d].size * axes[d].out;
        i /= axes[d].size;
    }
}

/* A place that is one number is added up beside the others: threads that store next to each other wait for it. */
static void run_outer(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const char *in = j->in;
        char *out = j->out, *place;
        double number = 0;
        seek(j->outer, j->nouter, i, &in, &out);
        place = j->column.out ? out : (char *)&number;
        for (int64_t t = 0; t < j->tiles; t++) {
            const char *tile = in;
            seek(j->inner, j->ninner, t, &tile, &out);
            j->k->tile(j->row.size, j->column.size, j->add || t, place, j->column.out, tile,
                       j->row.in, j->column.in);
        }
        if (!j->column.out) memcpy(out, &number, (size_t)j->item);
    }
}

/* Groups of columns of the only tile. */
static void run_columns(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    const int64_t wide = MT_SUM_ROW / j->item, first = begin * wide;
    const int64_t last = end * wide < j->column.size ? end * wide : j->column.size;
    j->k->tile(j->row.size, last - first, false, j->out + first * j->column.out, j->column.out,
               j->in + first * j->column.in, j->row.in, j->column.in);
}

static void run_blocks(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    const int64_t rows = INT64_C(1) << 2 * j->power;
    for (int64_t b = begin; b < end; b++)
        j->k->rows(rows, j->power, j->parts + b * MT_SUM_ROW, j->in + b * rows * MT_SUM_ROW);
}

#define ADD_ROW(T)                                                                                 \
    for (size_t i = 0; i < MT_SUM_ROW / sizeof(T); i++) ((T *)into)[i] += ((const T *)from)[i]
static void add_row(mt_dtype d, void *into, const void *from)
{
    if (d == MT_FLOAT32)
        ADD_ROW(float);
    else
        ADD_ROW(double);
}

/* Many neighbours to one number: the sums of blocks of two levels, then the third and the last. */
static int run_long(job *j, mt_dtype d)
{
    const int64_t n = j->row.size, rows = n / (MT_SUM_ROW / j->item);
    j->power = mt_sum_power(rows);
    const int64_t blocks = rows >> 2 * j->power, left = rows - (blocks << 2 * j->power);
    const size_t bytes = (size_t)(blocks + 3) * MT_SUM_ROW;
    if (!(j->parts = mt_malloc(bytes))) return -1;
    char *third = j->parts + blocks * MT_SUM_ROW, *last = third + MT_SUM_ROW,
         *sum = last + MT_SUM_ROW;
    memset(third, 0, (size_t)2 * MT_SUM_ROW);
    mt_parallel_for(blocks, CHUNK / (n / (blocks + 1) + 1) + 1, run_blocks, j);
    for (int64_t b = 0; b < blocks; b++) {
        add_row(d, third, j->parts + b * MT_SUM_ROW);
        if ((b + 1) & ((INT64_C(1) << j->power) - 1)) continue;
        add_row(d, last, third);
        memset(third, 0, MT_SUM_ROW);
    }
    j->k->rows(left, j->power, sum, j->in + (rows - left) * MT_SUM_ROW);
    add_row(d, sum, third);
    add_row(d, sum, last);
    j->k->close(n, j->out, sum, j->in);
    mt_free(j->parts, bytes);
    return 0;
}

int mt_sum_raw(const mt_tensor *x, const bool *mask, mt_tensor *out)
{
    axis axes[MT_MAX_DIMS];
    job j = {.k = &mt_k->sums[x->dtype],
             .item = mt_itemsize(x),
             .in = x->data,
             .out = out->data,
             .row = {1, 0, 0},
             .column = {1, 0, 0},
             .tiles = 1};
    int n = axes_of(x, mask, axes), next = 0;
    int64_t places = 1;
    if (next < n && !axes[next].out) j.row = axes[next++];
    if (next < n) j.column = axes[next++];
    for (; next < n && !axes[next].out; next++) {
        j.tiles *= axes[next].size;
        j.inner[j.ninner++] = axes[next];
    }
    for (; next < n; next++) {
        places *= axes[next].size;
        j.outer[j.nouter++] = axes[next];
    }
    j.add = j.column.size > 1 && !j.column.out;
    if (x->numel == 0 || j.add) memset(out->data, 0, (size_t)(out->numel * j.item));
    if (x->numel == 0) return 0;
    if (n == 1 && j.row.in == j.item && j.row.size > 2 * CHUNK)
        return run_long(&j, (mt_dtype)x->dtype);
    if (places == 1 && j.column.out) {
        const int64_t wide = MT_SUM_ROW / j.item;
        mt_parallel_for((j.column.size + wide - 1) / wide, CHUNK / (j.row.size * wide) + 1,
                        run_columns, &j);
    } else {
        mt_parallel_for(places, CHUNK / (x->numel / places + 1) + 1, run_outer, &j);
    }
    return 0;
}
