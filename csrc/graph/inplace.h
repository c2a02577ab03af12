/* In-place writes: who may, and what they do to history. PyTorch's rules, all in one place.
 *
 * A write raises the storage's version. If the write is recorded, the written tensor gets the new node; if it is a
 * view, its base gets "the base with this slice replaced" as history, and every other view of that base finds its
 * own history anew when it is next asked (mt_edge_of), because the base's generation has moved on. */
#ifndef MT_GRAPH_INPLACE_H
#define MT_GRAPH_INPLACE_H

#include "graph/op.h"

/* May t be written to now? recording: some input requires grad (or t does) and grad mode is on. -1 with PyTorch's
 * error: leaf that requires grad, view of such a leaf, view made in no_grad, one of several views, read-only
 * memory, more than one element at one address. */
int mt_check_writable(mt_tensor *t, bool recording);
/* t's memory has been written by op. */
void mt_bump_version(mt_tensor *t, const mt_op *op);
/* After mt_node_remember gave the view t its node: rewrites the history of its base. -1: no memory. */
int mt_rebase_history(mt_tensor *t);
/* For C code that writes tensors outside operators (optimizers, copy from the host). */
#endif
