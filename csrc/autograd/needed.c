/* Which part of the graph leads from the roots to the tensors asked for; and how large a graph is.
 * Walks without recursion: a stack of (node, next input) on the heap. */
#include "autograd/task.h"

#include "autograd/engine.h"
#include "base/alloc.h"

#include <string.h>

enum { SEEN = 1, NEEDED = 2, INNER = 4 };

typedef struct entry {
    const void *key;
    int state;
} entry;

struct mt_needed {
    size_t used, size; /* a power of two */
    entry *table;
};

static size_t find(const mt_needed *s, const void *key)
{
    size_t mask = s->size - 1, i = ((uintptr_t)key >> 6) * 0x9e3779b97f4a7c15u >> 20 & mask;
    while (s->table[i].key && s->table[i].key != key) i = (i + 1) & mask;
    return i;
}

static int *state_of(mt_needed *s, const void *key)
{
    if (2 * s->used >= s->size) {
        mt_needed bigger = {.used = s->used, .size = 2 * s->size};
        if (!(bigger.table = mt_calloc(bigger.size * sizeof(entry)))) return NULL;
        for (size_t i = 0; i < s->size; i++)
            if (s->table[i].key) bigger.table[find(&bigger, s->table[i].key)] = s->table[i];
        mt_free(s->table, s->size * sizeof(entry));
        *s = bigger;
    }
    size_t i = find(s, key);
    if (!s->table[i].key) {
        s->table[i].key = key;
        s->used++;
    }
    return &s->table[i].state;
}

static mt_needed *needed_new(void)
{
    mt_needed *s = mt_malloc(sizeof *s);
    if (!s) return NULL;
    *s = (mt_needed){.used = 0, .size = 64};
    if ((s->table = mt_calloc(s->size * sizeof(entry)))) return s;
    mt_free(s, sizeof *s);
    return NULL;
}

void mt_needed_free(mt_needed *s)
{
    if (!s) return;
    mt_free(s->table, s->size * sizeof(entry));
    mt_free(s, sizeof *s);
}

bool mt_needed_has(const mt_needed *s, const void *key)
{
    return s->table[find(s, key)].state & NEEDED;
}

bool mt_needed_inner(const mt_needed *s, const void *key)
{
    return s->table[find(s, key)].state & INNER;
}

/* ---- the walk -------------------------------------------------------------------------------- */

typedef struct frame {
    const mt_node *node;
    int next;
} frame;

typedef struct stack {
    size_t n, capacity;
    frame *frame;
} stack;

static int push(stack *k, const mt_node *node)
{
    if (k->n == k->capacity) {
        size_t capacity = k->capacity ? 2 * k->capacity : 64;
        frame *grown = mt_regrow(k->frame, k->capacity * sizeof *grown, capacity * sizeof *grown);
        if (!grown) return -1;
        k->frame = grown;
        k->capacity = capacity;
    }
    k->frame[k->n++] = (frame){node, 0};
    return 0;
}

/* Marks node as leading somewhere if its input i does. */
static int mark_from(mt_needed *s, const mt_node *node, const void *input)
{
    if (!mt_needed_has(s, input)) return 0;
    int *state = state_of(s, node);
    if (!state) return -1;
    *state |= NEEDED | INNER;
    return 0;
}

static int walk(mt_needed *s, stack *k, const mt_node *root)
{
    int *state = state_of(s, root);
    if (!state) return -1;
    if (*state & SEEN) return 0;
    *state |= SEEN;
    if (push(k, root) < 0) return -1;
    while (k->n) {
        frame *f = &k->frame[k->n - 1];
        const mt_node *node = f->node;
        if (f->next > 0) { /* the input before has been walked */
            const mt_edge *e = &node->next[f->next - 1];
            if (mark_from(s, node, e->node ? (const void *)e->node : (const void *)e->leaf) < 0)
                return -1;
        }
        if (node->released || f->next == node->call.nin) {
            k->n--;
            continue;
        }
        const mt_node *child = node->next[f->next++].node;
        if (!child) continue;
        if (!(state = state_of(s, child))) return -1;
        if (*state & SEEN) continue;
        *state |= SEEN;
        if (push(k, child) < 0) return -1;
    }
    return 0;
}

mt_needed *mt_needed_find(int n, mt_tensor **y, int m, const mt_edge *capture)
{
    mt_needed *s = needed_new();
    stack k = {0, 0, NULL};
    int status = s ? 0 : -1;
    for (int i = 0; i < m && status == 0; i++) {
        int *state = state_of(s, capture[i].node ? (const void *)capture[i].node
                                                 : (const void *)capture[i].leaf);
        if (state)
            *state |= NEEDED;
        else
            status = -1;
    }
    for (int i = 0; i < n && status == 0; i++) {
        mt_edge e;
        status = mt_edge_of(y[i], &e);
        if (status == 0 && e.node) status = walk(s, &k, e.node);
    }
    mt_free(k.frame, k.capacity * sizeof *k.frame);
    if (status == 0) return s;
    mt_needed_free(s);
    return NULL;
}

int64_t mt_graph_size(mt_tensor *t, int64_t *bytes)
{
    mt_edge e;
    int64_t nodes = 0;
    *bytes = 0;
    if (mt_edge_of(t, &e) < 0) return -1;
    if (!e.node) return 0;
    mt_needed *s = needed_new();
    stack k = {0, 0, NULL};
    int status = s ? walk(s, &k, e.node) : -1;
    for (size_t i = 0; status == 0 && i < s->size; i++) {
        if (!s->table[i].key || !(s->table[i].state & SEEN)) continue;
        const mt_node *n = s->table[i].key;
        nodes++;
        *bytes += (int64_t)n->block_size;
        for (int j = 0; j < n->call.nin + n->call.nout; j++) {
            const mt_tensor *kept = j < n->call.nin ? n->call.in[j] : n->call.out[j - n->call.nin];
            if (kept) *bytes += (int64_t)sizeof *kept + kept->numel * mt_itemsize(kept);
        }
    }
    mt_free(k.frame, k.capacity * sizeof *k.frame);
    mt_needed_free(s);
    return status < 0 ? -1 : nodes;
}
