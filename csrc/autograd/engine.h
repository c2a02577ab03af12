/* The engine: walks remembered calls backwards, newest first.
 *
 * A max-heap on sequence numbers is already a topological order: no dependency count, no
 * recursion. What waits for a node lives in a table of this call, not in the node, so
 * two threads may walk one graph. */
#ifndef MT_AUTOGRAD_ENGINE_H
#define MT_AUTOGRAD_ENGINE_H

#include "graph/op.h"

/* y[i].backward(gy[i]); gy[i] NULL: a one-element y starts with 1 ("grad can be implicitly created
 * only for scalar outputs"). Gradients are added to leaves' grad. inputs (n_inputs, may be 0):
 * only into these. -1 on failure. */
int mt_backward(int n, mt_tensor **y, mt_tensor **gy, bool retain_graph, bool create_graph,
                int n_inputs, mt_tensor **inputs);
/* The gradients with respect to x[0..m), into gx (owned by the scope; NULL where unused, which is
 * an error unless allow_unused). Nothing is added to any leaf. */
int mt_grad(int n, mt_tensor **y, mt_tensor **gy, int m, mt_tensor **x, mt_tensor **gx,
            bool retain_graph, bool create_graph, bool allow_unused);

/* How many nodes hang on t, and the bytes they keep. */
int64_t mt_graph_size(mt_tensor *t, int64_t *bytes);

#endif
