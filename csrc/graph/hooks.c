/* Hooks on gradients. A leaf keeps its own; those of a non-leaf stay with the node that made it. */
#include "graph/hooks.h"

#include "base/alloc.h"
#include "graph/apply.h"
#include "graph/inplace.h"
#include "graph/node.h"

static uint64_t last_id;

static mt_hooks **hooks_of_node(mt_node *n)
{
    n->chained = false;
    return &n->hooks;
}

static mt_hooks **hooks_of(mt_tensor *t) { return t->node ? hooks_of_node(t->node) : &t->hooks; }

static int reserve(mt_hooks **slot)
{
    mt_hooks *h = *slot;
    if (!h) {
        if (!(h = mt_calloc(sizeof *h))) return -1;
        *slot = h;
    }
    if (h->n < h->capacity) return 0;
    int capacity = h->capacity ? 2 * h->capacity : 2;
    mt_hook *grown =
        mt_regrow(h->hook, (size_t)h->capacity * sizeof *grown, (size_t)capacity * sizeof *grown);
    if (!grown) return -1;
    h->hook = grown;
    h->capacity = capacity;
    return 0;
}

uint64_t mt_hook_add(mt_tensor *t, bool post, mt_hook_fn fn, void (*release)(void *), void *context)
{
    mt_edge edge;
    if (!mt_requires_grad(t)) {
        mt_fail(MT_RUNTIME, "cannot register a hook on a tensor that doesn't require gradient");
        return 0;
    }
    if (mt_edge_of(t, &edge) < 0) return 0;
    mt_hooks **slot = hooks_of(t);
    if (reserve(slot) < 0) return 0;
    (*slot)->hook[(*slot)->n++] = (mt_hook){++last_id, t->out_nr, post, fn, release, context};
    return last_id;
}

uint64_t mt_hook_add_to_node(mt_node *n, uint32_t out_nr, mt_hook_fn fn, void (*release)(void *),
                             void *context)
{
    if (reserve(hooks_of_node(n)) < 0) return 0;
    n->hooks->hook[n->hooks->n++] = (mt_hook){++last_id, out_nr, false, fn, release, context};
    return last_id;
}

static void remove_at(mt_hooks *h, int i)
{
    mt_hook gone = h->hook[i];
    for (h->n--; i < h->n; i++) h->hook[i] = h->hook[i + 1];
    if (gone.release) gone.release(gone.context);
}

void mt_hook_remove(mt_hooks **hooks, uint64_t id)
{
    for (int i = 0; *hooks && i < (*hooks)->n; i++) {
        if ((*hooks)->hook[i].id != id) continue;
        remove_at(*hooks, i);
        return;
    }
}

void mt_hooks_free(mt_hooks *hooks)
{
    for (int i = 0; i < hooks->n; i++)
        if (hooks->hook[i].release) hooks->hook[i].release(hooks->hook[i].context);
    mt_free(hooks->hook, (size_t)hooks->capacity * sizeof *hooks->hook);
    mt_free(hooks, sizeof *hooks);
}

/* A retained gradient is a hook whose context is the tensor, not owned: the
 * tensor removes it when it dies. */
static mt_tensor *store_grad(void *context, mt_tensor *grad)
{
    mt_tensor *t = context, *in[2] = {t->grad, grad};
    mt_tensor *sum = t->grad ? mt_calln(&mt_op_add, 2, in, 0, NULL) : grad;
    if (!sum) return NULL;
    mt_retain(sum);
    mt_release(t->grad);
    t->grad = sum;
    return grad;
}

int mt_retain_grad(mt_tensor *t)
{
    if (!mt_requires_grad(t))
        return mt_error(MT_RUNTIME, "can't retain_grad on Tensor that has requires_grad=False");
    if (!t->node || t->flags & MT_RETAIN_GRAD) return 0;
    if (!mt_hook_add(t, false, store_grad, NULL, t)) return -1;
    t->flags |= MT_RETAIN_GRAD;
    return 0;
}

int mt_retain_grad_moves(mt_tensor *t, mt_node *to, uint32_t out_nr)
{
    if (!t->node || !(t->flags & MT_RETAIN_GRAD) || t->node == to) return 0;
    if (reserve(hooks_of_node(to)) < 0) return -1;
    mt_hooks *from = t->node->hooks;
    for (int i = from ? from->n - 1 : -1; i >= 0; i--) {
        if (from->hook[i].fn != store_grad || from->hook[i].context != t) continue;
        to->hooks->hook[to->hooks->n] = from->hook[i];
        to->hooks->hook[to->hooks->n++].out_nr = out_nr;
        remove_at(from, i);
        break;
    }
    return 0;
}

/* What dies with a tensor beside its storage (mt_tensor_drop_history). */
static void drop_history(mt_tensor *t)
{
    if (t->flags & MT_RETAIN_GRAD && t->node && t->node->hooks) {
        mt_hooks *h = t->node->hooks;
        for (int i = h->n - 1; i >= 0; i--)
            if (h->hook[i].fn == store_grad && h->hook[i].context == t) remove_at(h, i);
    }
    if (t->hooks) mt_hooks_free(t->hooks);
    if (t->node) mt_node_release(t->node);
    mt_release(t->grad);
    mt_release(t->base);
    t->hooks = NULL;
    t->node = NULL;
    t->grad = t->base = NULL;
    t->flags &= ~MT_HAS_BASE;
}

static void drop_node(mt_node *n) { mt_node_release(n); }

void mt_hooks_init(void)
{
    mt_tensor_drop_history = drop_history;
    mt_tensor_drop_node = drop_node;
}
