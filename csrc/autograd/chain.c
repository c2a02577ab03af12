/* Chains of nodes. Relies on graph/node.h; read before: chain.h; read next: engine.c. */
#include "autograd/chain.h"

#include "base/alloc.h"
#include "tensor/scope.h"

#include <string.h>

#define ROOM 2048 /* bytes of a gradient that need no tensor */

/* The gradient on its way: a contiguous array, and what it is the gradient of. */
typedef struct wave {
    mt_node *node; /* owned; NULL: the walk has ended */
    uint32_t out_nr;
    int ndim;
    mt_dtype dtype;
    int64_t numel, size[MT_INLINE_DIMS];
    char *data;
    mt_tensor *owner; /* owned: whose memory data is; NULL: it lies in `room` */
    _Alignas(64) char room[ROOM + MT_PADDING];
} wave;

/* A new tensor, owned by the caller. */
static inline mt_tensor *fresh(const mt_dims *d)
{
    return mt_take(mt_empty(d->dtype, d->ndim, d->size));
}

/* The same for a leaf: what its last gradient lay in, if that has been given back. */
static inline mt_tensor *fresh_for(mt_tensor *leaf, const mt_dims *d)
{
    mt_tensor *spare = mt_take_spare(leaf, d->dtype, d->ndim, d->size);
    return MT_LIKELY(spare != NULL) ? spare : fresh(d);
}

static inline int give(mt_tensor *leaf, mt_tensor *g)
{
    if (MT_LIKELY(!leaf->grad && g->has_block && mt_is_contiguous(leaf))) {
        leaf->grad = g;
        return 0;
    }
    mt_scope scope = mt_scope_open();
    int status = mt_accumulate(leaf, g, false);
    mt_scope_close(scope);
    return status;
}

/* The place where the rule puts the gradient that goes on: the wave's room, or the memory of a
 * tensor where that is too small or the next node needs one. NULL: no memory. */
static MT_INLINE char *place_for(wave *next, const mt_edge *e, const mt_dims *d)
{
    next->node = e->node;
    next->out_nr = e->out_nr;
    next->dtype = d->dtype;
    next->ndim = d->ndim;
    next->numel = d->numel;
    next->owner = NULL;
    memcpy(next->size, d->size, sizeof next->size); /* so many can be read: node.c */
    if (MT_LIKELY(e->node->chained && d->ndim <= MT_INLINE_DIMS &&
                  d->numel <= ROOM / (int64_t)sizeof(double)))
        return next->data = next->room;
    next->owner = fresh(d);
    return next->data = next->owner ? next->owner->data : NULL;
}

/* The rule is done: gives the leaves what it made for them, and takes n, which nobody else has,
 * apart. The reference to the next node is the wave's now. -1: a gradient could not be added. */
static MT_INLINE int hand_out_and_scrap(mt_node *n, int nin, mt_tensor *const *made)
{
    int status = 0;
    const mt_edge *edge = n->next;
    mt_tensor **kept = n->call.in;
    MT_UNROLL
    for (int i = 0; i < nin; i++) {
        mt_tensor *leaf = edge[i].leaf;
        if (leaf) {
            if (MT_UNLIKELY(give(leaf, made[i]) < 0)) status = -1;
            mt_release(leaf);
        }
        mt_release(kept[i]);
    }
    mt_release(n->call.out[0]);
    if (MT_UNLIKELY(n->call.context != NULL) && n->call.op->release)
        n->call.op->release(n->call.context);
    mt_free(n, n->block_size);
    return status;
}

/* The same where n stays: others have it, or the graph is to be walked again. */
static MT_INLINE int hand_out_and_leave(mt_node *n, int nin, mt_tensor *const *made, int inner,
                                        bool retain_graph)
{
    int status = 0;
    MT_UNROLL
    for (int i = 0; i < nin; i++)
        if (made[i] && give(n->next[i].leaf, made[i]) < 0) status = -1;
    if (inner >= 0) mt_node_retain(n->next[inner].node);
    if (!retain_graph) mt_node_finish(n);
    mt_node_release(n);
    return status;
}

/* Runs the rule of the wave's node, with nin inputs. 1: done, and `next` is the wave that goes on;
 * 0: this node is for the engine, nothing has happened; -1: error. */
static MT_INLINE int step_in(wave *w, wave *next, int nin, bool retain_graph)
{
    mt_node *n = w->node;
    void *place[MT_CHAIN_INPUTS];
    mt_tensor *made[MT_CHAIN_INPUTS];
    int inner = -1, done = -1; /* inner: the one input whose gradient goes on */
    next->node = NULL;
    next->owner = NULL;
    for (int i = 0; i < nin; i++) made[i] = NULL;
    if (mt_node_check_kept(n, nin, 1) < 0) return -1;
    MT_UNROLL
    for (int i = 0; i < nin; i++) {
        const mt_edge *e = &n->next[i];
        place[i] = NULL;
        if (e->node) {
            if (MT_UNLIKELY(inner >= 0)) goto decline;
            inner = i;
            place[i] = place_for(next, e, &n->call.in_dims[i]);
        } else if (e->leaf) {
            if (MT_UNLIKELY(e->leaf->hooks != NULL)) goto decline;
            made[i] = fresh_for(e->leaf, &n->call.in_dims[i]);
            place[i] = made[i] ? made[i]->data : NULL;
        } else {
            continue;
        }
        if (MT_UNLIKELY(!place[i])) goto undo;
    }
    done = n->call.op->raw(&n->call, w->data, place);
    if (MT_UNLIKELY(done <= 0)) goto undo;
    mt_release(w->owner);
    if (MT_LIKELY(n->refs == 1 && !n->host && !retain_graph))
        done = hand_out_and_scrap(n, nin, made);
    else
        done = hand_out_and_leave(n, nin, made, inner, retain_graph);
    if (MT_LIKELY(done == 0)) return 1;
    w->node = next->node; /* n is done with */
    w->owner = next->owner;
    return -1;
decline: /* not that simple */
    done = 0;
undo:
    for (int i = 0; i < nin; i++) mt_release(made[i]);
    mt_release(next->owner);
    return done;
}

static int step(wave *w, wave *next, bool retain_graph)
{
    int nin = w->node->call.nin;
    if (nin == 1) return step_in(w, next, 1, retain_graph); /* as in mt_apply */
    if (nin == 2) return step_in(w, next, 2, retain_graph);
    if (nin == 3) return step_in(w, next, 3, retain_graph);
    return step_in(w, next, nin, retain_graph);
}

/* What has come of the walk, for the engine. */
static int finish(mt_chain *c, wave *w, int status)
{
    c->node = w->node;
    c->out_nr = w->out_nr;
    c->grad = w->owner;
    if (status >= 0 && w->node && !c->grad) {
        const mt_dims d = {w->ndim, w->dtype, w->size, w->numel};
        if ((c->grad = fresh(&d)))
            memcpy(c->grad->data, w->data, (size_t)(w->numel * mt_dtype_size(w->dtype)));
        else
            status = -1;
    }
    if (MT_LIKELY(status >= 0)) return 0;
    if (c->node) mt_node_release(c->node);
    mt_release(c->grad);
    c->node = NULL;
    c->grad = NULL;
    return -1;
}

/* Fills in the wave that stands at c->node. */
static void start(wave *w, const mt_chain *c)
{
    const mt_tensor *like = c->grad ? c->grad : c->root;
    w->node = c->node;
    w->out_nr = c->out_nr;
    w->ndim = like->ndim;
    w->dtype = (mt_dtype)like->dtype;
    w->numel = like->numel;
    w->owner = c->grad;
    memcpy(w->size, like->size, sizeof w->size);
    if (c->grad)
        w->data = c->grad->data;
    else if (w->dtype == MT_FLOAT32)
        *(float *)(void *)(w->data = w->room) = 1;
    else
        *(double *)(void *)(w->data = w->room) = 1;
}

int mt_chain_walk(mt_chain *c, bool retain_graph, int *until_poll)
{
    const mt_tensor *like = c->grad ? c->grad : c->root;
    wave waves[2], *w = waves, *next = waves + 1, *old;
    int status = 1;
    if (like->ndim > MT_INLINE_DIMS || !mt_is_float((mt_dtype)like->dtype) ||
        !mt_is_contiguous(like))
        return 0;
    start(w, c);
    while (w->node) {
        if (mt_poll(until_poll, w->numel) < 0) /* anything may happen to the node meanwhile */
            status = -1;
        else
            status = MT_LIKELY(w->node->chained) ? step(w, next, retain_graph) : 0;
        if (status <= 0) break;
        old = w;
        w = next;
        next = old;
    }
    return finish(c, w, status);
}
