/* What the engine keeps while it runs: tasks by node, newest first, and the
 * set of nodes worth visiting. */
#ifndef MT_AUTOGRAD_TASK_H
#define MT_AUTOGRAD_TASK_H

#include "graph/node.h"

/* The gradients that have arrived for a node's outputs (owned), or for a leaf
 * (node NULL, one gradient). */
typedef struct mt_task {
    mt_node *node; /* retained */
    mt_tensor *leaf;
    uint64_t sequence; /* the node's, plus 1; 0 of a leaf: leaves come last */
    int n;
    mt_tensor *one;           /* the gradient if n is 1 */
    mt_tensor **many;         /* a block of n of them otherwise */
    const mt_tensor *settled; /* a gradient among them in which no -0 stands: task.c */
} mt_task;

static inline mt_tensor **mt_task_grads(mt_task *t) { return t->n == 1 ? &t->one : t->many; }

#define MT_TASKS_FEW 8

/* The tasks by sequence. A few lie side by side and are looked through, which is all that most
 * graphs ever need; when more wait at once they move to a binary heap, in which a hash table
 * (open addressing) finds that of a node or leaf. */
typedef struct mt_tasks {
    int n, capacity;
    mt_task **heap; /* NULL: few[] */
    int table_size; /* a power of two */
    mt_task **table;
    mt_task few[MT_TASKS_FEW];
} mt_tasks;

void mt_tasks_init(mt_tasks *q);
int mt_tasks_add_slowly(mt_tasks *q, mt_node *node, mt_tensor *leaf, uint32_t out_nr, mt_tensor *g,
                        bool record);
/* Adds g (owned, given up even on failure) to what waits for output out_nr of node, or for leaf. */
static MT_INLINE int mt_tasks_add(mt_tasks *q, mt_node *node, mt_tensor *leaf, uint32_t out_nr,
                                  mt_tensor *g, bool record)
{
    if (MT_UNLIKELY(q->n || q->heap || !node || node->call.nout != 1))
        return mt_tasks_add_slowly(q, node, leaf, out_nr, g, record);
    q->few[q->n++] = (mt_task){mt_node_retain(node), NULL, node->sequence + 1, 1, g, NULL, NULL};
    return 0;
}
/* The same for what the rule of c, a select or slice, would make of g: g is added to a part of what waits. 1: done; 0:
 * it is not that simple, and nothing has happened; -1: error. */
int mt_tasks_add_part(mt_tasks *q, const mt_edge *e, const mt_call *c, mt_tensor *g);
/* The newest task, moved into *t; false if there is none. */
bool mt_tasks_take(mt_tasks *q, mt_task *t);
/* The one task that waits, if it is a node with one output: its parts,
 * without a copy of the record. */
static MT_INLINE bool mt_tasks_take_only(mt_tasks *q, mt_node **node, mt_tensor **g)
{
    const mt_task *t = &q->few[0];
    if (MT_UNLIKELY(q->n != 1 || q->heap || !t->node || t->n != 1)) return false;
    *node = t->node;
    *g = t->one;
    q->n = 0;
    return true;
}
void mt_task_clear(mt_task *t);
void mt_tasks_clear(mt_tasks *q);

/* Which nodes and leaves lie between the roots and the captured edges. */
typedef struct mt_needed mt_needed;
mt_needed *mt_needed_find(int n, mt_tensor **y, int m, const mt_edge *capture);
bool mt_needed_has(const mt_needed *s, const void *node_or_leaf);
bool mt_needed_inner(const mt_needed *s,
                     const void *node); /* some wanted thing lies behind this node */
void mt_needed_free(mt_needed *s);

#endif
