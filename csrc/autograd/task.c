/* Tasks of the engine: heap and hash table. Relies on graph/node.h; read next: needed.c. */
#include "autograd/task.h"

#include "base/alloc.h"
#include "ops/ops.h"

#include <string.h>

static const void *key_of(const mt_task *t)
{
    return t->node ? (const void *)t->node : (const void *)t->leaf;
}

static uint64_t sequence_of(const mt_task *t) { return t->node ? t->node->sequence + 1 : 0; }

static size_t slot_of(const mt_tasks *q, const void *key)
{
    return ((uintptr_t)key >> 6) * 0x9e3779b97f4a7c15u >> 20 & (size_t)(q->table_size - 1);
}

void mt_tasks_init(mt_tasks *q)
{
    q->n = 0;
    q->capacity = MT_TASKS_INLINE;
    q->heap = q->inline_heap;
    q->table_size = 0;
    q->table = NULL;
}

/* ---- table ---------------------------------------------------------------------------------------------- */

static size_t find(const mt_tasks *q, const void *key)
{
    size_t i = slot_of(q, key), mask = (size_t)(q->table_size - 1);
    while (q->table[i] && key_of(q->table[i]) != key) i = (i + 1) & mask;
    return i;
}

/* Takes slot i out and moves later entries of its run up, so that no tombstones are needed (Knuth, 6.4 R). */
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

/* The task of a node or leaf, NULL if there is none yet. */
static mt_task *look_up(const mt_tasks *q, const void *key)
{
    if (MT_UNLIKELY(q->table != NULL)) return q->table[find(q, key)];
    for (int i = 0; i < q->n; i++)
        if (key_of(q->heap[i]) == key) return q->heap[i];
    return NULL;
}

/* Room for one more task in heap and table. */
static int grow(mt_tasks *q)
{
    if (q->n < q->capacity) return 0;
    int capacity = 2 * q->capacity;
    size_t heap_bytes = (size_t)capacity * sizeof *q->heap, table_bytes = 2 * heap_bytes;
    mt_task **heap = mt_malloc(heap_bytes), **table = heap ? mt_calloc(table_bytes) : NULL;
    if (!table) {
        mt_free(heap, heap_bytes);
        return -1;
    }
    memcpy(heap, q->heap, (size_t)q->n * sizeof *heap);
    if (q->heap != q->inline_heap) mt_free(q->heap, (size_t)q->capacity * sizeof *heap);
    mt_free(q->table, (size_t)q->table_size * sizeof *table);
    q->table = table;
    q->table_size = 2 * capacity;
    for (int i = 0; i < q->n; i++) table[find(q, key_of(heap[i]))] = heap[i];
    q->heap = heap;
    q->capacity = capacity;
    return 0;
}

/* ---- heap ----------------------------------------------------------------------------------------------- */

static void heap_push(mt_tasks *q, mt_task *t)
{
    int i = q->n++;
    uint64_t s = sequence_of(t);
    for (; i > 0 && sequence_of(q->heap[(i - 1) / 2]) < s; i = (i - 1) / 2)
        q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = t;
}

static mt_task *heap_pop(mt_tasks *q)
{
    mt_task *top = q->heap[0], *last = q->heap[--q->n];
    uint64_t s = sequence_of(last);
    int i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= q->n) break;
        if (child + 1 < q->n && sequence_of(q->heap[child + 1]) > sequence_of(q->heap[child]))
            child++;
        if (sequence_of(q->heap[child]) <= s) break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    return top;
}

/* ---- tasks ---------------------------------------------------------------------------------------------- */

static mt_task *task_new(mt_node *node, mt_tensor *leaf)
{
    mt_task *t = mt_malloc(sizeof *t);
    if (!t) return NULL;
    t->n = node ? node->call.nout : 1;
    t->one[0] = NULL;
    t->grad = t->one;
    if (t->n > 1 && !(t->grad = mt_calloc((size_t)t->n * sizeof *t->grad))) {
        mt_free(t, sizeof *t);
        return NULL;
    }
    t->node = node ? mt_node_retain(node) : NULL;
    t->leaf = leaf ? mt_retain(leaf) : NULL;
    return t;
}

/* The sum of what has arrived and what arrives now; written into the first where nobody else sees it. */
static mt_tensor *sum_of(mt_tensor *old, mt_tensor *g, bool record)
{
    bool ours = !record && old->refs == 1 && old->storage->refs == 1 && !old->host && !old->base &&
                mt_is_contiguous(old);
    if (!ours || !mt_same_shape(old, g) || old->storage->readonly) return mt_add(old, g);
    mt_tensor *in[2] = {old, g};
    return mt_call_inplace(&mt_op_add, 2, in, 0, NULL);
}

int mt_tasks_add(mt_tasks *q, mt_node *node, mt_tensor *leaf, uint32_t out_nr, mt_tensor *g,
                 bool record)
{
    const void *key = node ? (const void *)node : (const void *)leaf;
    mt_task *t = look_up(q, key);
    if (!t) {
        t = grow(q) < 0 ? NULL : task_new(node, leaf);
        if (!t) {
            mt_release(g);
            return -1;
        }
        if (q->table) q->table[find(q, key)] = t;
        heap_push(q, t);
    }
    mt_tensor **slot = &t->grad[out_nr];
    if (!*slot) {
        *slot = g;
        return 0;
    }
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

bool mt_tasks_take(mt_tasks *q, mt_task *t)
{
    if (q->n == 0) return false;
    mt_task *top = heap_pop(q);
    if (q->table) table_remove(q, find(q, key_of(top)));
    *t = *top;
    if (top->grad == top->one) t->grad = t->one;
    mt_free(top, sizeof *top);
    return true;
}

void mt_task_clear(mt_task *t)
{
    for (int k = 0; k < t->n; k++) mt_release(t->grad[k]);
    if (t->n > 1) mt_free(t->grad, (size_t)t->n * sizeof *t->grad);
    if (t->node) mt_node_release(t->node);
    mt_release(t->leaf);
}

void mt_tasks_clear(mt_tasks *q)
{
    mt_task t;
    while (mt_tasks_take(q, &t)) mt_task_clear(&t);
    if (q->heap == q->inline_heap) return;
    mt_free(q->heap, (size_t)q->capacity * sizeof *q->heap);
    mt_free(q->table, (size_t)q->table_size * sizeof *q->table);
    mt_tasks_init(q);
}
