/* In-place writes: who may, and what they do to history. PyTorch's rules, all in one place.
 *
 * A write raises the storage's version. If the write is recorded, the written tensor gets the new
 * node; if it is a view, its base gets "the base with this slice replaced" as history, and every
 * other view of that base finds its own history anew when it is next asked (mt_edge_of), because
 * the base's generation has moved on. */
#ifndef MT_GRAPH_INPLACE_H
#define MT_GRAPH_INPLACE_H

#include "graph/op.h"

/* May t be written to now? recording: some input requires grad (or t does) and grad mode is on. -1
 * with PyTorch's error: leaf that requires grad, view of such a leaf, view made in no_grad, one of
 * several views, read-only memory, more than one element at one address. */
int mt_check_writable(mt_tensor *t, bool recording);
/* The same but for memory written more than once: for operators that are MT_IDEMPOTENT. */
int mt_check_history(mt_tensor *t, bool recording);
/* t's memory has been written by op. */
static inline void mt_bump_version(mt_tensor *t, const mt_op *op)
{
    t->storage->version++;
    t->storage->writer = op;
}
/* After mt_node_remember gave the view t its node: rewrites the history of
 * its base. -1: no memory. */
int mt_rebase_history(mt_tensor *t);
/* A view whose base was written through another tensor finds its history
 * again: as_strided of the base. */
int mt_regenerate_view(mt_tensor *t);

/* The operators that history is rewritten with; their stanzas are in ops/view.c and ops/copy.c. */
extern const mt_op mt_op_as_strided, mt_op_as_strided_scatter, mt_op_copy, mt_op_clone, mt_op_add;
/* target.copy_(source), recorded. */
mt_tensor *mt_copy_recorded(mt_tensor *target, mt_tensor *source);
mt_tensor *mt_clone_recorded(mt_tensor *t);

#endif
