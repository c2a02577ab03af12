/* Tasks of the engine: heap and hash table. Relies on graph/node.h; read next: needed.c. */
#include "autograd/task.h"

#include "base/alloc.h"
#include "base/parallel.h"
#include "ops/ops.h"

#include <string.h>

static const void *key_of(const mt_task *t)
{
    return t->node ? (const void *)t->node : (const void *)t->leaf;
}

static size_t slot_of(const mt_tasks *q, const void *key)
{
    return ((uintptr_t)key >> 6) * 0x9e3779b97f4a7c15u >> 20 & (size_t)(q->table_size - 1);
}

void mt_tasks_init(mt_tasks *q)
{
    q->n = 0;
    q->capacity = MT_TASKS_FEW;
    q->heap = NULL;
    q->table_size = 0;
    q->table = NULL;
}

/* ---- table ----------------------------------------------------------------------------------- */

static size_t find(const mt_tasks *q, const void *key)
{
    size_t i = slot_of(q, key), mask = (size_t)(q->table_size - 1);
    while (q->table[i] && key_of(q->table[i]) != key) i = (i + 1) & mask;
    return i;
}

/* Takes slot i out and moves later entries of its run up, so that no tombstones
 * are needed (Knuth, 6.4 R). */
static void table_remove(mt_tasks *q, size_t i)
{
    size_t mask = (size_t)(q->table_size - 1);
    for (size_t j = (i + 1) & mask; q->table[j]; j = (j + 1) & mask) {
        size_t home = slot_of(q, key_of(q->table[j]));
        if (((j - home) & mask) < ((j - i) & mask)) continue;
        q->table[i] = q->table[j];
        i = j;
    }
    q->table[i] = NULL;
}

/* ---- heap ------------------------------------------------------------------------------------ */

static void heap_push(mt_tasks *q, mt_task *t)
{
    int i = q->n++;
    for (; i > 0 && q->heap[(i - 1) / 2]->sequence < t->sequence; i = (i - 1) / 2)
        q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = t;
}

static mt_task *heap_pop(mt_tasks *q)
{
    mt_task *top = q->heap[0], *last = q->heap[--q->n];
    int i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= q->n) break;
        if (child + 1 < q->n && q->heap[child + 1]->sequence > q->heap[child]->sequence) child++;
        if (q->heap[child]->sequence <= last->sequence) break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    return top;
}

/* Puts t (copied) into heap and table; there is room in both. NULL: no memory. */
static mt_task *enter(mt_tasks *q, const mt_task *t)
{
    mt_task *entry = mt_malloc(sizeof *entry);
    if (!entry) return NULL;
    *entry = *t;
    q->table[find(q, key_of(entry))] = entry;
    heap_push(q, entry);
    return entry;
}

/* Makes heap and table larger, or makes them. */
static int grow(mt_tasks *q)
{
    int capacity = 2 * q->capacity;
    size_t heap_bytes = (size_t)capacity * sizeof *q->heap, table_bytes = 2 * heap_bytes;
    mt_task **heap = mt_malloc(heap_bytes), **table = heap ? mt_calloc(table_bytes) : NULL;
    if (!table) {
        mt_free(heap, heap_bytes);
        return -1;
    }
    if (q->heap) {
        memcpy(heap, q->heap, (size_t)q->n * sizeof *heap);
        mt_free(q->heap, (size_t)q->capacity * sizeof *heap);
        mt_free(q->table, (size_t)q->table_size * sizeof *table);
    }
    bool first = !q->heap;
    q->table = table;
    q->table_size = 2 * capacity;
    q->heap = heap;
    q->capacity = capacity;
    if (!first) {
        for (int i = 0; i < q->n; i++) table[find(q, key_of(heap[i]))] = heap[i];
        return 0;
    }
    int n = q->n, moved = 0;
    for (q->n = 0; moved < n && enter(q, &q->few[moved]); moved++) {
    }
    if (moved == n) return 0;
    for (; moved < n; moved++)
        mt_task_clear(&q->few[moved]); /* the walk fails: nobody waits for it */
    return -1;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static int task_init(mt_task *t, mt_node *node, mt_tensor *leaf)
{
    t->node = node;
    t->leaf = leaf;
    t->one = NULL;
    t->settled = NULL;
    t->n = node ? node->call.nout : 1;
    t->sequence = node ? node->sequence + 1 : 0;
    if (MT_UNLIKELY(t->n != 1) && !(t->many = mt_calloc((size_t)t->n * sizeof *t->many))) return -1;
    if (node)
        mt_node_retain(node);
    else
        mt_retain(leaf);
    return 0;
}

/* The task of node or leaf, new if there is none yet. NULL: no memory. */
static mt_task *task_of(mt_tasks *q, mt_node *node, mt_tensor *leaf)
{
    const void *key = node ? (const void *)node : (const void *)leaf;
    if (MT_LIKELY(!q->heap)) {
        for (int i = 0; i < q->n; i++)
            if (key_of(&q->few[i]) == key) return &q->few[i];
        if (q->n < MT_TASKS_FEW)
            return task_init(&q->few[q->n], node, leaf) < 0 ? NULL : &q->few[q->n++];
    } else if (q->table[find(q, key)]) {
        return q->table[find(q, key)];
    }
    mt_task made, *entry;
    if ((q->n == q->capacity && grow(q) < 0) || task_init(&made, node, leaf) < 0) return NULL;
    if (!(entry = enter(q, &made))) mt_task_clear(&made);
    return entry;
}

/* May what arrives be written into what has arrived? Where nobody else sees it. */
static bool is_ours(const mt_tensor *old)
{
    return old->refs == 1 && old->storage->refs == 1 && !old->host && !old->base &&
           mt_is_contiguous(old) && !old->storage->readonly;
}

/* The sum of what has arrived and what arrives now. */
static mt_tensor *sum_of(mt_tensor *old, mt_tensor *g, bool record)
{
    if (record || !is_ours(old) || !mt_same_shape(old, g)) return mt_add(old, g);
    mt_tensor *in[2] = {old, g};
    return mt_call_inplace(&mt_op_add, 2, in, 0, NULL);
}

static int add_to(mt_tensor **slot, mt_tensor *g, bool record)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *sum = sum_of(*slot, g, record);
    mt_release(g);
    if (sum && sum != *slot) {
        mt_take(sum);
        mt_release(*slot);
        *slot = sum;
    }
    mt_scope_close(scope);
    return sum ? 0 : -1;
}

int mt_tasks_add_slowly(mt_tasks *q, mt_node *node, mt_tensor *leaf, uint32_t out_nr, mt_tensor *g,
                        bool record)
{
    mt_task *t = task_of(q, node, leaf);
    if (MT_UNLIKELY(!t)) {
        mt_release(g);
        return -1;
    }
    mt_tensor **slot = &mt_task_grads(t)[out_nr];
    if (*slot) {
        const bool settled = t->settled == *slot;
        const int status = add_to(slot, g, record);
        if (settled) t->settled = *slot; /* it may be another tensor now */
        return status;
    }
    *slot = g;
    return 0;
}

/* ---- parts of a gradient ---------------------------------------------------------------------
 * The gradient that a slice hands on is zeros but for the part it shows. To what waits already the part alone is added,
 * for the zeros change nothing but a -0, which becomes 0. Where none stands none will: it takes two to make one. */

typedef uint32_t __attribute__((may_alias)) word;
typedef struct zero_search {
    const word *in;
    int64_t n;
    bool found;
} zero_search;

enum { PIECE = 8192 };

/* By words of four bytes: where half a double looks like one, that counts as well. */
static void search_pieces(int64_t begin, int64_t end, void *context)
{
    zero_search *s = context;
    for (; begin < end && !__atomic_load_n(&s->found, __ATOMIC_RELAXED); begin++) {
        const int64_t from = begin * PIECE, to = from + PIECE < s->n ? from + PIECE : s->n;
        word any = 0;
        for (int64_t i = from; i < to; i++) any |= s->in[i] == 0x80000000u;
        if (any) __atomic_store_n(&s->found, true, __ATOMIC_RELAXED);
    }
}

static bool has_minus_zero(const mt_tensor *t)
{
    zero_search s = {(const word *)(const void *)t->data, t->numel * mt_itemsize(t) / 4, false};
    mt_parallel_for((s.n + PIECE - 1) / PIECE, 8, search_pieces, &s);
    return s.found;
}

/* The task of e's node or leaf, NULL if there is none. */
static mt_task *waiting_for(mt_tasks *q, const mt_edge *e)
{
    const void *key = e->node ? (const void *)e->node : (const void *)e->leaf;
    if (q->heap) return q->table[find(q, key)];
    for (int i = 0; i < q->n; i++)
        if (key_of(&q->few[i]) == key) return &q->few[i];
    return NULL;
}

int mt_tasks_add_part(mt_tasks *q, const mt_edge *e, const mt_call *c, mt_tensor *g)
{
    const mt_dims *d = &c->in_dims[0];
    mt_task *t = waiting_for(q, e);
    mt_tensor *old = t ? mt_task_grads(t)[e->node ? e->out_nr : 0] : NULL, *in[2];
    if (!old || g->dtype != old->dtype || g->dtype != d->dtype || !is_ours(old) ||
        mt_dtype_size(g->dtype) < 4 || !mt_shape_equal(old->ndim, old->size, d->ndim, d->size))
        return 0;
    if (t->settled != old) {
        if (has_minus_zero(old)) return 0;
        t->settled = old;
    }
    if (!(in[0] = mt_part_shown(c, old))) return -1;
    in[1] = g;
    if (!mt_same_shape(in[0], g)) return 0;
    return mt_call_inplace(&mt_op_add, 2, in, 0, NULL) ? 1 : -1;
}

bool mt_tasks_take(mt_tasks *q, mt_task *t)
{
    if (q->n == 0) return false;
    if (MT_LIKELY(!q->heap)) {
        int newest = 0;
        for (int i = 1; i < q->n; i++)
            if (q->few[i].sequence > q->few[newest].sequence) newest = i;
        *t = q->few[newest];
        if (newest != --q->n) q->few[newest] = q->few[q->n];
        return true;
    }
    mt_task *top = heap_pop(q);
    table_remove(q, find(q, key_of(top)));
    *t = *top;
    mt_free(top, sizeof *top);
    return true;
}

void mt_task_clear(mt_task *t)
{
    if (MT_LIKELY(t->n == 1)) {
        mt_release(t->one);
    } else {
        for (int k = 0; k < t->n; k++) mt_release(t->many[k]);
        mt_free(t->many, (size_t)t->n * sizeof *t->many);
    }
    if (t->node) mt_node_release(t->node);
    mt_release(t->leaf);
}

void mt_tasks_clear(mt_tasks *q)
{
    mt_task t;
    while (mt_tasks_take(q, &t)) mt_task_clear(&t);
    if (!q->heap) return;
    mt_free(q->heap, (size_t)q->capacity * sizeof *q->heap);
    mt_free(q->table, (size_t)q->table_size * sizeof *q->table);
    mt_tasks_init(q);
}
