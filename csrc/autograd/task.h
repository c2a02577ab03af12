/* What the engine keeps while it runs: tasks by node, newest first, and the set of nodes worth visiting. */
#ifndef MT_AUTOGRAD_TASK_H
#define MT_AUTOGRAD_TASK_H

#include "graph/node.h"

/* The gradients that have arrived for a node's outputs (owned), or for a leaf (node NULL, one gradient). */
typedef struct mt_task {
    mt_node *node; /* retained */
    mt_tensor *leaf;
    int n;
    mt_tensor **grad; /* n of them: `one`, or a block of their own */
    mt_tensor *one[1];
} mt_task;

#define MT_TASKS_INLINE 16

/* A binary heap of tasks by sequence. While it fits the inline room a task is found by looking through it; beyond,
 * by a hash table (open addressing) from node or leaf to task. */
typedef struct mt_tasks {
    int n, capacity;
    mt_task **heap;
    int table_size;  /* a power of two */
    mt_task **table; /* NULL: inline */
    mt_task *inline_heap[MT_TASKS_INLINE];
} mt_tasks;

void mt_tasks_init(mt_tasks *q);
/* Adds g (owned, given up even on failure) to what waits for output out_nr of node, or for leaf. */
int mt_tasks_add(mt_tasks *q, mt_node *node, mt_tensor *leaf, uint32_t out_nr, mt_tensor *g,
                 bool record);
/* The newest task, moved into *t; false if there is none. */
bool mt_tasks_take(mt_tasks *q, mt_task *t);
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
