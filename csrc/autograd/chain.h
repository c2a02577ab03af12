/* Chains: the way back through nodes that follow one another, without tensors in between.
 *
 * Where a rule has one gradient to hand on and the others go into leaves, which is how nearly all
 * of a network looks, what is handed on need be no tensor: its numbers lie in one of two small
 * arrays on the C stack, and op->raw turns the one into the other. What is written to leaves is
 * bit for bit what the engine's own way gives; whatever is not that simple goes that way. */
#ifndef MT_AUTOGRAD_CHAIN_H
#define MT_AUTOGRAD_CHAIN_H

#include "graph/node.h"

/* Where a walk stands: at `node` (owned), with the gradient of its output out_nr. `grad` (owned) is
 * that; NULL at the start: a single one, in the shape and type of `root`. */
typedef struct mt_chain {
    mt_node *node; /* NULL: the chain has ended in leaves */
    uint32_t out_nr;
    mt_tensor *grad;
    const mt_tensor *root; /* of one element, float32 or float64 */
} mt_chain;

/* Walks on as far as that goes. What is left in *c is the engine's, both references included. Has
 * no use for a scope of its own. -1: error, nothing is left. */
int mt_chain_walk(mt_chain *c, bool retain_graph, int *until_poll);

/* Adds g (owned by the caller, given up) to leaf->grad; recorded with create_graph. engine.c */
int mt_accumulate(mt_tensor *leaf, mt_tensor *g, bool create_graph);

/* How many small nodes run between two looks for Ctrl-C, and what is not small. */
#define MT_POLL_EVERY 64
#define MT_POLL_NUMEL 100000
static inline int mt_poll(int *until_poll, int64_t numel)
{
    if (MT_LIKELY(--*until_poll > 0 && numel <= MT_POLL_NUMEL)) return 0;
    *until_poll = MT_POLL_EVERY;
    return mt_check_interrupted();
}

#endif
