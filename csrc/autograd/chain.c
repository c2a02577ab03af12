/* Chains of nodes. Relies on graph/node.h; read before: chain.h; read next: engine.c. */
#include "autograd/chain.h"

#include "base/alloc.h"
#include "tensor/scope.h"

#include <string.h>

#define ROOM   2048 /* bytes of a gradient that need no tensor */
#define INPUTS 4    /* of a node */

/* The gradient on its way: a contiguous array, and what it is the gradient of. */
typedef struct wave {
    mt_node *node; /* owned; NULL: the walk has ended */
    uint32_t out_nr;
    bool taken; /* takes(node) */
    int ndim;
    mt_dtype dtype;
    int64_t numel, size[MT_INLINE_DIMS];
    char *data;
    mt_tensor *owner; /* owned: whose memory data is; NULL: it lies in `room` */
    _Alignas(64) char room[ROOM + MT_PADDING];
} wave;

/* Nothing but its rule is to be run. */
static inline bool takes(const mt_node *n)
{
    return n->call.op->raw && !n->hooks && !n->released && n->call.nout == 1 &&
           n->call.nin <= INPUTS;
}

/* A new tensor, owned by the caller. */
static inline mt_tensor *fresh(const mt_dims *d)
{
    return mt_take(mt_empty(d->dtype, d->ndim, d->size));
}

/* The same for a leaf, which nearly always still has the shape that the call saw. */
static inline mt_tensor *fresh_for(const mt_tensor *leaf, const mt_dims *d)
{
    return MT_LIKELY(leaf->dtype == d->dtype &&
                     mt_shape_equal(leaf->ndim, leaf->size, d->ndim, d->size))
               ? mt_twin(leaf)
               : fresh(d);
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
    next->taken = takes(e->node);
    next->dtype = d->dtype;
    next->ndim = d->ndim;
    next->numel = d->numel;
    next->owner = NULL;
    memcpy(next->size, d->size, sizeof next->size); /* so many can be read: node.c */
    if (MT_LIKELY(next->taken && d->ndim <= MT_INLINE_DIMS &&
                  d->numel <= ROOM / (int64_t)sizeof(double)))
        return next->data = next->room;
    next->owner = fresh(d);
    return next->data = next->owner ? next->owner->data : NULL;
}

/* Gives up what n has kept, but for the reference to the next node, which the wave has now. */
static MT_INLINE void leave(mt_node *n, int nin, int inner, bool retain_graph)
{
    if (MT_UNLIKELY(retain_graph)) {
        if (inner >= 0) mt_node_retain(n->next[inner].node);
        mt_node_release(n);
        return;
    }
    mt_edge *onward = inner >= 0 ? &n->next[inner] : NULL;
    if (MT_LIKELY(n->refs == 1 && !n->host)) {
        if (onward) onward->node = NULL;
        mt_node_scrap(n, nin);
        return;
    }
    if (onward) mt_node_retain(onward->node); /* the wave's: n may stay whole */
    mt_node_finish(n);
    mt_node_release(n);
}

#define SEVERAL (-2)

/* The number of the one input whose gradient goes on, -1 if there is none; SEVERAL if this node is
 * not that simple. */
static MT_INLINE int find_inner(const mt_node *n, int nin)
{
    int inner = -1;
    MT_UNROLL
    for (int i = 0; i < nin; i++) {
        const mt_edge *e = &n->next[i];
        if (e->node) {
            if (inner >= 0) return SEVERAL;
            inner = i;
        } else if (e->leaf && MT_UNLIKELY(e->leaf->hooks != NULL)) {
            return SEVERAL;
        }
    }
    return inner;
}

/* Runs the rule of the wave's node, with nin inputs. 1: done, and `next` is the wave that goes on;
 * 0: this node is for the engine, nothing has happened; -1: error. */
static MT_INLINE int step_in(wave *w, wave *next, int nin, bool retain_graph)
{
    mt_node *n = w->node;
    void *place[INPUTS];
    mt_tensor *made[INPUTS];
    int inner = find_inner(n, nin), done = -1;
    if (inner == SEVERAL) return 0;
    if (mt_node_check_kept(n, nin, 1) < 0) return -1;
    next->node = NULL;
    next->owner = NULL;
    for (int i = 0; i < nin; i++) made[i] = NULL;
    MT_UNROLL
    for (int i = 0; i < nin; i++) {
        place[i] = NULL;
        if (i == inner)
            place[i] = place_for(next, &n->next[i], &n->in_dims[i]);
        else if (!n->next[i].leaf)
            continue;
        else if ((made[i] = fresh_for(n->next[i].leaf, &n->in_dims[i])))
            place[i] = made[i]->data;
        if (MT_UNLIKELY(!place[i])) goto undo;
    }
    done = n->call.op->raw(&n->call, w->data, place);
    if (MT_UNLIKELY(done <= 0)) goto undo;
    MT_UNROLL
    for (int i = 0; i < nin; i++) {
        if (!made[i]) continue;
        mt_tensor *g = made[i];
        made[i] = NULL;
        if (MT_UNLIKELY(give(n->next[i].leaf, g) < 0)) goto undo_given;
    }
    mt_release(w->owner);
    leave(n, nin, inner, retain_graph);
    return 1;
undo_given:
    done = -1;
undo:
    for (int i = 0; i < nin; i++) mt_release(made[i]);
    mt_release(next->owner);
    return done;
}

static int step(wave *w, wave *next, bool retain_graph)
{
    int nin = w->node->call.nin;
    if (nin == 1) return step_in(w, next, 1, retain_graph); /* as in mt_node_remember */
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
    w->taken = takes(c->node);
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
        if (mt_poll(until_poll, w->numel) < 0)
            status = -1;
        else
            status = MT_LIKELY(w->taken) ? step(w, next, retain_graph) : 0;
        if (status <= 0) break;
        old = w;
        w = next;
        next = old;
    }
    return finish(c, w, status);
}
