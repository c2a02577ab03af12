/* The loops of gather and scatter: along.h says what they do. Two dimensions, the index's own and the last of the others,
 * make a sheet; the longer or later one of them is walked in one loop by type, the other one around it. Sheets are cut
 * for threads across the index's dimension only, since along it elements may meet. Strides here are in bytes, the
 * index's in elements. Relies on ops/along.h and base/parallel.h. */
#include "ops/along.h"

#include "base/parallel.h"

#include <string.h>

enum {
    FAR,
    NEAR,
    INDEX,
    OPERANDS,
    SHORT_LOOP = 16, /* elements: shorter ones are better walked the other way */
    SHORT_RUN = 32,  /* bytes: shorter ones are not worth a call */
    SLICE = 256,     /* columns of a sheet that a thread takes at least */
    UNIT = 16384     /* elements that it takes at least */
};

/* One loop: n elements, each a step from the one before; the index times `along` is added to far. */
typedef struct line {
    int64_t n, limit, along, step[OPERANDS];
    const int64_t *index;
    char *far, *near;
    mt_loop add; /* for lines of one index */
    size_t item;
} line;

typedef bool (*line_loop)(const line *l);

typedef uint8_t __attribute__((may_alias)) word_1;
typedef uint16_t __attribute__((may_alias)) word_2;
typedef uint32_t __attribute__((may_alias)) word_4;
typedef uint64_t __attribute__((may_alias)) word_8;

/* MOVE: from `near`, `cell` (the place in far). */
#define LINE(name, T, MOVE)                                                                        \
    static bool name(const line *l)                                                                \
    {                                                                                              \
        const int64_t sf = l->step[FAR], sn = l->step[NEAR], si = l->step[INDEX],                  \
                      along = l->along;                                                            \
        const uint64_t limit = (uint64_t)l->limit;                                                 \
        const int64_t *at = l->index;                                                              \
        char *far = l->far, *near = l->near;                                                       \
        for (int64_t i = l->n; i > 0; i--, at += si, far += sf, near += sn) {                      \
            if (MT_UNLIKELY((uint64_t)*at >= limit)) return false;                                 \
            T *cell = (T *)(void *)(far + *at * along), *own = (T *)(void *)near;                  \
            MOVE;                                                                                  \
        }                                                                                          \
        return true;                                                                               \
    }
/* The most frequent line, an index of its own for each of many neighbours, without the steps. */
#define PICK_AND_PLACE(bytes)                                                                      \
    LINE(pick_any_##bytes, word_##bytes, *own = *cell)                                             \
    LINE(place_##bytes, word_##bytes, *cell = *own)                                                \
    static bool pick_##bytes(const line *l)                                                        \
    {                                                                                              \
        const int64_t n = l->n, *at = l->index;                                                    \
        const uint64_t limit = (uint64_t)l->limit;                                                 \
        const word_##bytes *far = (const word_##bytes *)(const void *)l->far;                      \
        word_##bytes *near = (word_##bytes *)(void *)l->near;                                      \
        if (l->step[FAR] || l->step[NEAR] != (bytes) || l->step[INDEX] != 1 ||                     \
            l->along != (bytes))                                                                   \
            return pick_any_##bytes(l);                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            if (MT_UNLIKELY((uint64_t)at[i] >= limit)) return false;                               \
            near[i] = far[at[i]];                                                                  \
        }                                                                                          \
        return true;                                                                               \
    }
PICK_AND_PLACE(1)
PICK_AND_PLACE(2)
PICK_AND_PLACE(4)
PICK_AND_PLACE(8)
/* Integers wrap: their unsigned twins are added. */
LINE(add_f32, float, *cell += *own)
LINE(add_f64, double, *cell += *own)
LINE(add_1, word_1, *cell = (uint8_t)(*cell + *own))
LINE(add_2, word_2, *cell = (uint16_t)(*cell + *own))
LINE(add_4, word_4, *cell += *own)
LINE(add_8, word_8, *cell += *own)
LINE(add_bool, word_1, *cell = (*cell | *own) != 0)

static line_loop loop_of(mt_along_how how, mt_dtype d)
{
    static const line_loop pick[9] = {[1] = pick_1, [2] = pick_2, [4] = pick_4, [8] = pick_8},
                           place[9] = {[1] = place_1, [2] = place_2, [4] = place_4, [8] = place_8},
                           add[9] = {[1] = add_1, [2] = add_2, [4] = add_4, [8] = add_8};
    if (how == MT_PICK) return pick[mt_dtype_size(d)];
    if (how == MT_PLACE) return place[mt_dtype_size(d)];
    return d == MT_FLOAT32   ? add_f32
           : d == MT_FLOAT64 ? add_f64
           : d == MT_BOOL    ? add_bool
                             : add[mt_dtype_size(d)];
}

/* Lines of neighbours that have one index. */
static bool pick_run(const line *l)
{
    if ((uint64_t)*l->index >= (uint64_t)l->limit) return false;
    memcpy(l->near, l->far + *l->index * l->along, (size_t)l->n * l->item);
    return true;
}
static bool place_run(const line *l)
{
    if ((uint64_t)*l->index >= (uint64_t)l->limit) return false;
    memcpy(l->far + *l->index * l->along, l->near, (size_t)l->n * l->item);
    return true;
}
static bool add_run(const line *l)
{
    const int64_t item = (int64_t)l->item;
    if ((uint64_t)*l->index >= (uint64_t)l->limit) return false;
    char *to = l->far + *l->index * l->along;
    l->add(l->n, (char *[]){to, to, l->near}, (int64_t[]){item, item, item}, NULL);
    return true;
}

/* ==== dimensions ============================================================================== */

typedef struct dimension {
    int64_t size, step[OPERANDS];
    bool own; /* the index's */
} dimension;

/* The dimensions without those of size 1, neighbours that all walk in one run as one; how many. */
static int simplify(const mt_along *a, dimension *d)
{
    const int64_t item = mt_dtype_size(a->dtype);
    int n = 0;
    for (int k = 0; k < a->ndim; k++) {
        const dimension next = {a->size[k],
                                {[FAR] = k == a->dim ? 0 : a->far_stride[k] * item,
                                 [NEAR] = a->near_stride[k] * item,
                                 [INDEX] = a->index_stride[k]},
                                k == a->dim};
        if (next.size == 1 && !next.own) continue;
        bool one_run = n > 0 && !next.own && !d[n - 1].own;
        for (int j = 0; j < OPERANDS && one_run; j++)
            one_run = d[n - 1].step[j] == next.step[j] * next.size;
        if (!one_run) {
            d[n++] = next;
            continue;
        }
        d[n - 1].size *= next.size;
        memcpy(d[n - 1].step, next.step, sizeof next.step);
    }
    return n;
}

typedef struct sheets {
    const mt_along *a;
    line_loop loop;
    mt_loop add;
    dimension inner, outer, rest[MT_ALONG_DIMS];
    int num_rest;
    bool cut_inner;
    int64_t width, cuts; /* of each sheet */
    bool bad;
} sheets;

/* d: n dimensions. The one behind goes inside, unless it is short. */
static void lay_out(sheets *s, const dimension *d, int n)
{
    int own = 0, other = -1;
    for (int k = 0; k < n; k++) {
        if (d[k].own)
            own = k;
        else
            other = k;
    }
    s->inner = d[own];
    s->outer = (dimension){.size = 1};
    if (other >= 0) {
        const dimension *late = &d[own > other ? own : other],
                        *early = &d[own > other ? other : own];
        const bool turn = late->size < SHORT_LOOP && early->size > late->size;
        s->inner = turn ? *early : *late;
        s->outer = turn ? *late : *early;
    }
    for (int k = 0; k < n; k++)
        if (k != own && k != other) s->rest[s->num_rest++] = d[k];
}

static void choose_loop(sheets *s)
{
    const mt_along *a = s->a;
    const dimension *in = &s->inner;
    const int64_t item = mt_dtype_size(a->dtype);
    const bool run = !in->own && in->step[INDEX] == 0 && in->step[FAR] == item &&
                     in->step[NEAR] == item && in->size * item >= SHORT_RUN;
    s->add = mt_k->binary[MT_BINARY_add][a->dtype];
    if (run && a->how == MT_PICK)
        s->loop = pick_run;
    else if (run && a->how == MT_PLACE)
        s->loop = place_run;
    else if (run && s->add && a->dtype != MT_BOOL)
        s->loop = add_run;
    else
        s->loop = loop_of(a->how, a->dtype);
}

/* How many pieces for threads. */
static int64_t cut(sheets *s)
{
    s->cut_inner = s->a->how != MT_PICK && s->outer.own;
    const int64_t whole = s->cut_inner ? s->inner.size : s->outer.size,
                  across = s->cut_inner ? s->outer.size : s->inner.size,
                  least = s->cut_inner ? SLICE : 1;
    int64_t pieces = 1;
    s->width = UNIT / across > least ? UNIT / across : least;
    s->cuts = (whole + s->width - 1) / s->width;
    for (int k = 0; k < s->num_rest; k++) pieces *= s->rest[k].size;
    return pieces * s->cuts;
}

/* ==== running ================================================================================= */

static void move_by(line *l, const int64_t *step, int64_t times)
{
    l->far += times * step[FAR];
    l->near += times * step[NEAR];
    l->index += times * step[INDEX];
}

static bool run_piece(const sheets *s, int64_t piece)
{
    const mt_along *a = s->a;
    int64_t begin = piece % s->cuts * s->width, at = piece / s->cuts, rows = s->outer.size;
    line l = {.n = s->inner.size,
              .limit = a->n,
              .along = a->far_stride[a->dim] * mt_dtype_size(a->dtype),
              .index = a->index,
              .far = a->far,
              .near = a->near,
              .add = s->add,
              .item = (size_t)mt_dtype_size(a->dtype)};
    memcpy(l.step, s->inner.step, sizeof l.step);
    for (int k = s->num_rest - 1; k >= 0; at /= s->rest[k--].size)
        move_by(&l, s->rest[k].step, at % s->rest[k].size);
    int64_t *whole = s->cut_inner ? &l.n : &rows;
    move_by(&l, s->cut_inner ? s->inner.step : s->outer.step, begin);
    *whole = *whole - begin < s->width ? *whole - begin : s->width;
    for (; rows > 0; rows--, move_by(&l, s->outer.step, 1))
        if (!s->loop(&l)) return false;
    return true;
}

static void run_pieces(int64_t begin, int64_t end, void *context)
{
    sheets *s = context;
    for (; begin < end && !__atomic_load_n(&s->bad, __ATOMIC_RELAXED); begin++)
        if (!run_piece(s, begin)) __atomic_store_n(&s->bad, true, __ATOMIC_RELAXED);
}

bool mt_along_run(const mt_along *a)
{
    dimension d[MT_ALONG_DIMS];
    for (int k = 0; k < a->ndim; k++)
        if (a->size[k] == 0) return true;
    sheets s; /* large: what is not used is not cleared */
    s.a = a;
    s.num_rest = 0;
    s.bad = false;
    lay_out(&s, d, simplify(a, d));
    choose_loop(&s);
    mt_parallel_for(cut(&s), 1, run_pieces, &s);
    return !s.bad;
}

void mt_along_strides(const mt_tensor *t, int ndim, int64_t *stride)
{
    for (int k = 0; k < ndim; k++) stride[k] = k < t->ndim ? t->stride[k] : 0;
}

bool mt_all_within(int64_t n, const int64_t *index, int64_t limit)
{
    uint64_t outside = 0; /* its sign bit: below 0, or above limit - 1 */
    for (int64_t i = 0; i < n; i++)
        outside |= (uint64_t)index[i] | ((uint64_t)limit - 1 - (uint64_t)index[i]);
    return !(outside >> 63);
}
