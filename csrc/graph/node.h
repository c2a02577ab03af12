/* Nodes: remembered calls, their kept values, and release without recursion. */
#ifndef MT_GRAPH_NODE_H
#define MT_GRAPH_NODE_H

#include "graph/op.h"

/* Before a loop over inputs where their number is a constant of 1 to 3: no loop is left. */
#define MT_UNROLL _Pragma("GCC unroll 4")

#define MT_CHAIN_INPUTS 4 /* of a node that is run by op->raw, at most */

/* Where the gradient of an input goes: to output out_nr of a node, or into a
 * leaf. Both NULL: nowhere. */
typedef struct mt_edge {
    struct mt_node *node;
    mt_tensor *leaf;
    uint32_t out_nr;
} mt_edge;

typedef struct mt_node {
    int32_t refs;
    bool released; /* kept values and edges are gone */
    bool walked; /* backward without retain_graph has been here; what keeps no values stays whole */
    bool chained;   /* op->raw is all that is to be run: autograd/chain.h */
    uint16_t spent; /* Note [Sums of losses] in node.c */
    uint64_t
        sequence;  /* grows with time: an order in which every consumer comes after its producer */
    mt_call call;  /* in[], out[]: what is kept, NULL elsewhere */
    mt_edge *next; /* nin of them */
    uint32_t *version;      /* nin + nout: the storage's version when it was kept */
    struct mt_hooks *hooks; /* tensor hooks and retained gradients by output, NULL if none */
    void *host;             /* the host language's grad_fn object, borrowed */
    size_t block_size;      /* of this one allocation, arrays included */
    struct mt_node *dead;   /* link while being released */
} mt_node;

/* Remembers the finished call: makes the node, gives it to c->out[*] and marks them as requiring
 * grad. -1: no memory. Kept is what op->keeps asks for, given which inputs want a gradient.
 * original: in an in-place call, what in[0] was before the write (else NULL). */
int mt_node_remember(const mt_call *c, mt_tensor *original);
/* For graph/remember.h. Do the arguments point to nothing that must be copied? */
bool mt_node_arguments_stay(const mt_call *c);
/* The input's node p is finished, or hangs on such. -1: the warning became an error. */
int mt_node_count_spent(mt_node *n, const mt_node *p);
/* Remembering failed at input i: what has not been filled in yet is cleared. -1. */
int mt_node_abandon(mt_node *n, int i);

static MT_INLINE mt_node *mt_node_retain(mt_node *n)
{
    mt_count_up(&n->refs);
    return n;
}
void mt_node_free(mt_node *n); /* refs has reached 0 */
static MT_INLINE void mt_node_release(mt_node *n)
{
    if (mt_count_down(&n->refs)) mt_node_free(n);
}
/* Set by the binding: a node that still has a host object dies. */
extern void (*mt_node_host_dies)(mt_node *n);
/* Set by the binding while it wants to see every new node; -1: the call fails. NULL otherwise. */
extern int (*mt_node_made)(mt_node *n);
/* Drops kept values and edges (after backward without retain_graph). */
void mt_node_drop(mt_node *n);
/* What backward without retain_graph does to a node: mt_node_drop, but to one that keeps no values
 * nothing, for it can be walked again (PyTorch's rule). */
void mt_node_finish(mt_node *n);

/* The history of t as an edge (borrowed): its node (regenerated first if t is a view whose base has
 * changed since), or the leaf itself, or nothing if t does not require grad. -1 on failure. */
int mt_edge_of(mt_tensor *t, mt_edge *edge);

/* The results of a composite bear its name ("StdBackward0"), not that of their
 * last step, if it has one. */
void mt_node_rename(const mt_call *composite);
/* The name grad_fn prints: "AddBackward0". buffer of 64 bytes. */
const char *mt_node_name(const mt_node *n, char *buffer);

/* Was kept value i (inputs first, outputs after them) written to since? */
static MT_INLINE bool mt_node_stale(const mt_node *n, int i)
{
    const mt_tensor *t = n->call.in[i]; /* out[] lies behind in[] */
    return t && t->storage->version != n->version[i];
}
int mt_node_fail_stale(const mt_node *n, int i); /* -1 with PyTorch's error */
/* Is all that n, which has nin inputs and nout outputs, keeps as it was? -1 if not. */
static MT_INLINE int mt_node_check_kept(const mt_node *n, int nin, int nout)
{
    MT_UNROLL
    for (int i = 0; i < nin + nout; i++)
        if (MT_UNLIKELY(mt_node_stale(n, i))) return mt_node_fail_stale(n, i);
    return 0;
}
/* c: n's call with kept values that have their history, owned by the scope, in the given arrays. */
int mt_node_unpack(mt_node *n, mt_call *c, mt_tensor **in, mt_tensor **out);

#endif
