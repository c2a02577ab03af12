/* Hooks: functions that see (and may replace) a gradient on its way. */
#ifndef MT_GRAPH_HOOKS_H
#define MT_GRAPH_HOOKS_H

#include "graph/op.h"

/* Returns the gradient to go on with: `grad` itself or another one
 * (owned by the scope), or NULL on an error. */
typedef mt_tensor *(*mt_hook_fn)(void *context, mt_tensor *grad);

typedef struct mt_hook {
    uint64_t id;
    uint32_t out_nr;
    bool post; /* leaf: after the gradient was added (register_post_accumulate_grad_hook) */
    mt_hook_fn fn;
    void (*release)(void *context);
    void *context;
} mt_hook;

typedef struct mt_hooks {
    int n, capacity;
    mt_hook *hook;
} mt_hooks;

/* Adds a hook to the gradient of t (which must require grad); returns its id, 0 on failure
 * (release is then not called). Owner of context: the hook. */
uint64_t mt_hook_add(mt_tensor *t, bool post, mt_hook_fn fn, void (*release)(void *),
                     void *context);
/* The same for output out_nr of a node. */
uint64_t mt_hook_add_to_node(struct mt_node *n, uint32_t out_nr, mt_hook_fn fn,
                             void (*release)(void *), void *context);
/* Removes it wherever it is: on the tensor or its node. */
void mt_hook_remove(mt_hooks **hooks, uint64_t id);
void mt_hooks_free(mt_hooks *hooks);
int mt_retain_grad(mt_tensor *t); /* like t.retain_grad() */
/* t is about to get another node (an in-place write): the retained gradient is that of
 * the new value. -1: no memory. */
int mt_retain_grad_moves(mt_tensor *t, struct mt_node *to, uint32_t out_nr);
void mt_hooks_init(void); /* once, by mt_init */

#endif
