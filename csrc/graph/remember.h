/* Remembering a call as nearly all are, in one pass: one new result; up to three inputs, their
 * number a constant, of few dimensions; arguments that stay where they are. All of it is inlined
 * into mt_apply. Relies on node.h; for any other call there is mt_node_remember (node.c), made of the same parts. */
#ifndef MT_GRAPH_REMEMBER_H
#define MT_GRAPH_REMEMBER_H

#include "base/alloc.h"
#include "graph/node.h"

#include <string.h>

/* Counts the edge to t, which requires grad, in, and puts n behind the node there. */
static MT_INLINE int mt_link_input(mt_node *n, mt_tensor *t, mt_edge *e)
{
    mt_node *p = t->node;
    if (!p) {
        e->leaf = mt_retain(t);
        return 0;
    }
    e->node = mt_node_retain(p);
    e->out_nr = t->out_nr;
    if (MT_UNLIKELY(p->sequence >= n->sequence)) n->sequence = p->sequence + 1;
    return MT_UNLIKELY(p->walked || p->spent) ? mt_node_count_spent(n, p) : 0;
}

/* A reference to keep: t itself if it is a leaf that requires grad, else its shadow. */
static MT_INLINE mt_tensor *mt_keep_input(mt_tensor *t)
{
    return !t->node && mt_requires_grad(t) && !t->base ? mt_retain(t) : mt_shadow(t);
}

/* The shape, edge and kept value of input i. */
static MT_INLINE int mt_remember_input(mt_node *n, mt_dims *d, mt_tensor *t, int i, bool kept,
                                       int64_t *size)
{
    mt_edge *e = &n->next[i];
    *e = (mt_edge){NULL, NULL, 0};
    n->call.in[i] = NULL;
    d->size = size;
    if (!t) {
        d->ndim = 0;
        d->dtype = MT_NO_DTYPE;
        return 0;
    }
    d->ndim = t->ndim;
    d->dtype = (mt_dtype)t->dtype;
    d->numel = t->numel;
    memcpy(size, t->dims, MT_INLINE_DIMS * sizeof *size);
    if (mt_requires_grad(t) && mt_link_input(n, t, e) < 0) return -1;
    if (!kept) return 0;
    n->version[i] = t->storage->version;
    return (n->call.in[i] = mt_keep_input(t)) ? 0 : -1;
}

/* The block's layout is known but for the arguments, which come last. */
static MT_INLINE int mt_remember_usual(const mt_call *c, int nin, uint32_t keeps)
{
    const size_t edges = sizeof(mt_node) + (size_t)(nin + 1) * sizeof(mt_tensor *),
                 dims = edges + (size_t)nin * sizeof(mt_edge),
                 sizes = dims + (size_t)nin * sizeof(mt_dims),
                 versions = sizes + (size_t)nin * MT_INLINE_DIMS * sizeof(int64_t),
                 args = versions + (((size_t)nin + 2) & ~(size_t)1) * sizeof(uint32_t);
    /* There is always room for one argument: the size of most blocks is a constant then. */
    const size_t one = args + sizeof(mt_arg);
    const size_t bytes = MT_LIKELY(c->narg <= 1) ? one : args + (size_t)c->narg * sizeof(mt_arg);
    mt_tensor *y = c->out[0];
    mt_node *n = MT_LIKELY(c->narg <= 1) ? mt_malloc(one) : mt_malloc(bytes);
    if (MT_UNLIKELY(!n)) {
        if (c->context && c->op->release) c->op->release(c->context);
        return -1;
    }
    char *block = (char *)n;
    mt_dims *d = (mt_dims *)(void *)(block + dims);
    int64_t *size = (int64_t *)(void *)(block + sizes);
    n->refs = 1;
    n->released = n->walked = false;
    n->chained = c->op->raw != NULL;
    n->spent = 0;
    n->sequence = mt_self.sequence;
    n->call.op = c->op;
    n->call.nin = nin;
    n->call.nout = 1;
    n->call.narg = c->narg;
    n->call.flags = c->flags;
    n->call.in = (mt_tensor **)(n + 1);
    n->call.out = (mt_tensor **)(n + 1) + nin;
    n->call.target = NULL;
    n->call.arg = (mt_arg *)(void *)(block + args);
    n->call.in_dims = d;
    n->call.context = c->context;
    n->next = (mt_edge *)(void *)(block + edges);
    n->version = (uint32_t *)(void *)(block + versions);
    n->hooks = NULL;
    n->host = NULL;
    n->block_size = bytes;
    for (int i = 0; i < c->narg; i++) n->call.arg[i] = c->arg[i];
    MT_UNROLL
    for (int i = 0; i < nin; i++)
        if (MT_UNLIKELY(mt_remember_input(n, d + i, c->in[i], i, keeps & MT_KEEP_IN(i),
                                          size + MT_INLINE_DIMS * i) < 0))
            return mt_node_abandon(n, i);
    n->call.out[0] = NULL;
    if (keeps & MT_KEEP_OUT(0)) {
        n->version[nin] = y->storage->version;
        if (MT_UNLIKELY(!(n->call.out[0] = mt_shadow(y)))) return mt_node_abandon(n, nin);
    }
    mt_self.sequence = n->sequence + 1;
    y->node = n;
    y->out_nr = 0;
    y->flags |= MT_REQUIRES_GRAD;
    return MT_UNLIKELY(mt_node_made != NULL) ? mt_node_made(n) : 0;
}

/* mt_node_remember of a call that was not in place; all: what its nin inputs (1 to 3) have in common. */
static MT_INLINE int mt_remember_few(const mt_call *c, int nin, mt_head all)
{
    uint32_t keeps = 0;
    const mt_tensor *y = c->out[0];
    if (MT_UNLIKELY(c->nout != 1 || c->flags & MT_CALL_LIST || !y || y->node ||
                    !mt_is_floating((mt_dtype)y->dtype) || all.ndim >= MT_INLINE_DIMS ||
                    (c->narg && !mt_node_arguments_stay(c))))
        return mt_node_remember(c, NULL);
    MT_UNROLL
    for (int i = 0; i < nin; i++)
        if (c->in[i] && mt_requires_grad(c->in[i])) keeps |= c->op->keeps[i];
    return mt_remember_usual(c, nin, keeps);
}

#endif
