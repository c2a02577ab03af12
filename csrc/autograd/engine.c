/* The engine. Relies on graph/node.h and hooks.h; read graph/apply.h before.
 *
 * What waits for a node is a task: the gradients of its outputs, so far. Tasks are taken
 * newest node first (task.h). Every consumer of a node is newer than the node (node.c), so
 * when a node is taken all its gradients have arrived. Leaves with hooks or captured
 * gradients are tasks too, of sequence 0.
 *
 * While a single node waits, mt_chain_walk (chain.c) goes on from it as far as it can. */
#include "autograd/engine.h"

#include "autograd/chain.h"
#include "autograd/task.h"
#include "graph/apply.h"
#include "graph/hooks.h"
#include "graph/node.h"
#include "graph/watch.h"
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

typedef struct run {
    mt_tasks tasks;
    bool retain_graph, create_graph, accumulate;
    int n_capture; /* tensors whose gradient is wanted by itself, or alone (backward's inputs) */
    mt_edge *capture;
    mt_tensor **captured; /* owned references */
    mt_needed *needed;    /* nodes that lead to a captured one; NULL: all */
    int until_poll;
} run;

static void run_init(run *r, bool retain_graph, bool create_graph, bool accumulate)
{
    mt_tasks_init(&r->tasks);
    r->retain_graph = retain_graph;
    r->create_graph = create_graph;
    r->accumulate = accumulate;
    r->n_capture = 0;
    r->capture = NULL;
    r->captured = NULL;
    r->needed = NULL;
}

/* ---- gradients into leaves ------------------------------------------------------------------- */

/* May the gradient itself become leaf->grad? Only if nobody else can see it
 * and it lies like the leaf. */
static inline bool can_steal(const mt_tensor *leaf, const mt_tensor *g)
{
    const mt_storage *s = g->storage;
    if (g->refs != 1 || s->refs != 1 || g->host || g->base || g->node) return false;
    if (MT_LIKELY(g->has_block && g->flags & leaf->flags & MT_CONTIGUOUS)) return true;
    return !s->release && mt_shape_equal(g->ndim, g->stride, leaf->ndim, leaf->stride) &&
           mt_is_dense(g) && s->nbytes == (size_t)(g->numel * mt_itemsize(g));
}

static mt_tensor *clone_like(const mt_tensor *leaf, mt_tensor *g)
{
    mt_tensor *copy = mt_empty_like(leaf, (mt_dtype)leaf->dtype);
    return copy && mt_copy_raw(copy, g) == 0 ? copy : NULL;
}

int mt_accumulate(mt_tensor *leaf, mt_tensor *g, bool create_graph)
{
    mt_tensor *sum = NULL;
    if (leaf->spare) mt_drop_spare(leaf); /* only chains write to it */
    if (!leaf->grad) {
        if (create_graph || can_steal(leaf, g)) {
            leaf->grad = g;
            return 0;
        }
        sum = clone_like(leaf, g);
    } else if (!create_graph) {
        mt_tensor *in[2] = {leaf->grad, g};
        sum = mt_call_inplace(&mt_op_add, 2, in, 0, NULL);
        mt_release(g);
        return sum ? 0 : -1;
    } else {
        sum = mt_add(leaf->grad, g);
    }
    mt_release(g);
    if (!sum) return -1;
    mt_take(sum);
    mt_release(leaf->grad);
    leaf->grad = sum;
    return 0;
}

/* ---- hooks and captures ---------------------------------------------------------------------- */

/* Runs the hooks of one output; *g (owned) may be replaced. */
static int run_hooks(const mt_hooks *hooks, bool post, uint32_t out_nr, mt_tensor **g)
{
    for (int i = 0; hooks && i < hooks->n; i++) {
        mt_hook h = hooks->hook[i];
        if (h.post != post || h.out_nr != out_nr) continue;
        mt_tensor *replaced = h.fn(h.context, *g);
        if (!replaced) return -1;
        if (replaced == *g) continue;
        mt_retain(replaced);
        mt_release(*g);
        *g = replaced;
    }
    return 0;
}

static void capture(run *r, const void *where, uint32_t out_nr, mt_tensor *g)
{
    for (int i = 0; i < r->n_capture; i++) {
        const mt_edge *e = &r->capture[i];
        const void *wanted = e->node ? (const void *)e->node : (const void *)e->leaf;
        if (wanted != where || (e->node && e->out_nr != out_nr)) continue;
        mt_release(r->captured[i]);
        r->captured[i] = mt_retain(g);
    }
}

static int finish_leaf(run *r, mt_tensor *leaf, mt_tensor *g)
{
    if (run_hooks(leaf->hooks, false, 0, &g) < 0) {
        mt_release(g);
        return -1;
    }
    capture(r, leaf, 0, g);
    if (!r->accumulate) {
        mt_release(g);
        return 0;
    }
    if (mt_accumulate(leaf, g, r->create_graph) < 0) return -1;
    for (int i = 0; leaf->hooks && i < leaf->hooks->n; i++) {
        mt_hook h = leaf->hooks->hook[i];
        if (h.post && !h.fn(h.context, leaf)) return -1;
    }
    return 0;
}

/* ---- one node -------------------------------------------------------------------------------- */

/* Undoes broadcasting and promotion: what arrives at an input has the input's shape and type. */
static __attribute__((noinline)) mt_tensor *refit(const mt_node *n, int i, mt_tensor *g)
{
    const mt_dims *d = &n->call.in_dims[i];
    char got[MT_SHAPE_TEXT], want[MT_SHAPE_TEXT], name[64];
    if (MT_UNLIKELY(!mt_shape_equal(g->ndim, g->size, d->ndim, d->size))) {
        if (!mt_shape_expandable(d->ndim, d->size, g->ndim, g->size))
            return mt_fail(MT_RUNTIME,
                           "Function %s returned an invalid gradient at index %d - got %s but "
                           "expected shape compatible with %s",
                           mt_node_name(n, name), i, mt_shape_text(g->ndim, g->size, got),
                           mt_shape_text(d->ndim, d->size, want));
        g = mt_sum_to_size(g, d->ndim, d->size);
    }
    if (g && MT_UNLIKELY(g->dtype != d->dtype))
        g = mt_to_dtype(mt_is_complex(d->dtype) ? g : mt_real(g), d->dtype);
    return g;
}

static MT_INLINE mt_tensor *fit_gradient(const mt_node *n, int i, mt_tensor *g)
{
    const mt_dims *d = &n->call.in_dims[i];
    if (MT_LIKELY(g->dtype == d->dtype && mt_shape_equal(g->ndim, g->size, d->ndim, d->size)))
        return g;
    return refit(n, i, g);
}

/* Hands g (the caller's reference, given up) on along an edge. */
static int deliver(run *r, const mt_edge *e, mt_tensor *g)
{
    if (e->node) return mt_tasks_add(&r->tasks, e->node, NULL, e->out_nr, g, r->create_graph);
    if (e->leaf->hooks || r->n_capture)
        return mt_tasks_add(&r->tasks, NULL, e->leaf, 0, g, r->create_graph);
    return mt_accumulate(e->leaf, g, r->create_graph);
}

static bool is_needed(const run *r, const mt_edge *e)
{
    return mt_needed_has(r->needed, e->node ? (const void *)e->node : (const void *)e->leaf);
}

/* What stands in gin[] where a gradient is wanted: anything but NULL. */
#define WANTED(n) ((mt_tensor *)(void *)(n))

static int fail_released(const mt_node *n)
{
    char name[64];
    return mt_error(
        MT_RUNTIME,
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        "calling backward. Hint: the walk reached %s again. Usual causes: a hidden state kept "
        "between steps (detach() it), or a loss that was not computed anew.",
        mt_node_name(n, name));
}

/* Marks in gin[] the inputs that want a gradient; false if none does. */
static MT_INLINE bool mark_wanted(const run *r, const mt_node *n, int nin, mt_tensor **gin)
{
    bool any = false;
    for (int i = 0; i < nin; i++) {
        const mt_edge *e = &n->next[i];
        bool wanted = (e->node || e->leaf) && (MT_LIKELY(!r->needed) || is_needed(r, e));
        gin[i] = wanted ? WANTED(n) : NULL;
        any |= wanted;
    }
    return any;
}

enum { FEW_INPUTS = 4 };

/* A reference to gin[i] to hand on: the scope's own where it can be had. A second one would keep a
 * leaf from taking the gradient as it is (can_steal), and cost a copy of it. A rule leaves its
 * results in any order on the scope, so a few are searched, down to where the rule began; a
 * gradient that serves a later input too stays with the scope. */
static MT_INLINE mt_tensor *take_gradient(mt_tensor *g, mt_tensor *const *gin, int i, int nin,
                                          int mark)
{
    if (nin > FEW_INPUTS) return mt_take(g);
    for (int j = i + 1; j < nin; j++)
        if (gin[j] == g) return mt_retain(g);
    mt_tensor **owned = mt_self.scope;
    for (int k = mt_self.scope_top - 1; k >= mark; k--) {
        if (owned[k] != g) continue;
        owned[k] = owned[--mt_self.scope_top];
        return g;
    }
    return mt_retain(g);
}

/* The gradients that the rule left in gin[] go on, in the inputs' shapes. */
static MT_INLINE int deliver_all(run *r, mt_node *n, int nin, mt_tensor **gin, int mark)
{
    for (int i = 0; i < nin; i++) {
        const mt_edge *e = &n->next[i];
        if (!gin[i] || gin[i] == WANTED(n) || (!e->node && !e->leaf)) continue;
        if (MT_UNLIKELY(r->needed != NULL) && !is_needed(r, e)) continue;
        mt_tensor *g = fit_gradient(n, i, gin[i]);
        if (!g || deliver(r, e, take_gradient(g, gin, i, nin, mark)) < 0) return -1;
    }
    return 0;
}

/* Gradients of several parts of one tensor: 1 if that of n has been added to another, 0 if n is to go the usual way, -1
 * on error. */
static __attribute__((noinline)) int add_part(run *r, const mt_node *n, mt_tensor *g)
{
    const mt_op *op = n->call.op;
    if ((op != &mt_op_slice && op != &mt_op_select) || !g) return 0;
    return mt_tasks_add_part(&r->tasks, &n->next[0], &n->call, g);
}

/* room: for nin gradients, and as many inputs and outputs. */
static MT_INLINE int run_rule_in(run *r, mt_node *n, int nin, mt_tensor **gout, mt_tensor **room)
{
    const mt_op *op = n->call.op;
    mt_tensor **gin = room;
    int mark = mt_self.scope_top;
    if (!mark_wanted(r, n, nin, gin)) return 0;
    if (mt_node_check_kept(n, nin, n->call.nout) < 0) return -1;
    if (nin == 1 && MT_UNLIKELY(op->kind & MT_VIEW) && !r->create_graph) {
        int added = add_part(r, n, gout[0]);
        if (added) return added < 0 ? -1 : 0;
    }
    if (MT_LIKELY(!r->create_graph)) {
        (op->fused ? op->fused : op->backward)(&n->call, gout, gin);
    } else {
        mt_call c; /* the kept values with their history */
        if (mt_node_unpack(n, &c, gin + nin, gin + 2 * nin) < 0) return -1;
        op->backward(&c, gout, gin);
    }
    return mt_self.error ? -1 : deliver_all(r, n, nin, gin, mark);
}

/* Runs the rule of n on gout (borrowed) and hands the gradients on. The
 * caller has opened a scope. */
static int run_rule(run *r, mt_node *n, mt_tensor **gout)
{
    mt_tensor *few[24], **room = few;
    int nin = n->call.nin, nout = n->call.nout, status;
    size_t bytes = (size_t)(2 * nin + nout) * sizeof *room;
    if (nout == 1 && nin == 1) return run_rule_in(r, n, 1, gout, few); /* as in mt_apply */
    if (nout == 1 && nin == 2) return run_rule_in(r, n, 2, gout, few);
    if (nout == 1 && nin == 3) return run_rule_in(r, n, 3, gout, few);
    if (2 * nin + nout > 24 && !(room = mt_malloc(bytes))) return -1;
    status = run_rule_in(r, n, nin, gout, room);
    if (room != few) mt_free(room, bytes);
    return status;
}

/* What has arrived for n's outputs: to hooks, which may replace it, and to
 * those who want it for itself. */
static int show_gradients(run *r, mt_node *n, mt_tensor **grad)
{
    for (int k = 0; k < n->call.nout; k++) {
        if (!grad[k]) continue;
        if (n->hooks && run_hooks(n->hooks, false, (uint32_t)k, &grad[k]) < 0) return -1;
        if (r->n_capture) capture(r, n, (uint32_t)k, grad[k]);
    }
    return 0;
}

/* Hooks, captures and the rule of n. grad (owned by the caller): what has arrived, nout of them. */
static MT_INLINE int run_node(run *r, mt_node *n, mt_tensor **grad)
{
    int status = -1;
    int32_t event; /* a profiler's */
    bool ran = false;
    mt_scope scope = mt_scope_open();
    if (MT_UNLIKELY(n->hooks || r->n_capture) && show_gradients(r, n, grad) < 0) goto done;
    if (r->needed && !mt_needed_inner(r->needed, n)) {
        status = 0; /* captured here, and nothing wanted lies behind it */
        goto done;
    }
    if (n->released) {
        fail_released(n);
        goto done;
    }
    event = MT_UNLIKELY(mt_self.watch) ? mt_watch_open_rule(n, grad) : -1;
    status = run_rule(r, n, grad);
    if (MT_UNLIKELY(event >= 0)) mt_watch_close(event);
    ran = status == 0;
done:
    mt_scope_close(scope);
    if (ran && !r->retain_graph) mt_node_finish(n); /* what was only captured can be walked again */
    return status;
}

static int run_leaf(run *r, mt_task *t)
{
    mt_tensor *g = t->one;
    t->one = NULL;
    mt_scope scope = mt_scope_open();
    int status = finish_leaf(r, t->leaf, g);
    mt_scope_close(scope);
    return status;
}

/* A task of any kind. Its gradients are given up. */
static __attribute__((noinline)) int run_task(run *r, mt_task *t)
{
    int64_t numel = 0;
    int status = 0;
    mt_tensor **grad = mt_task_grads(t);
    for (int k = 0; k < t->n; k++) numel += grad[k] ? grad[k]->numel : 0;
    if (t->node) status = mt_poll(&r->until_poll, numel);
    if (status == 0) status = t->node ? run_node(r, t->node, grad) : run_leaf(r, t);
    mt_task_clear(t);
    return status;
}

/* A node that waits alone, with its gradient (both owned, given up; c->grad may be missing, see
 * mt_chain): along the chain that begins there, then what the chain has stopped at. */
static MT_INLINE int run_alone(run *r, mt_chain *c)
{
    int status = 0;
    if (MT_LIKELY(!r->create_graph && !r->n_capture && !mt_self.watch))
        status = mt_chain_walk(c, r->retain_graph, &r->until_poll);
    else
        status = mt_poll(&r->until_poll, c->grad->numel);
    if (MT_LIKELY(!c->node)) return status;
    if (status == 0 && c->node->call.nout != 1) {
        status = mt_tasks_add(&r->tasks, c->node, NULL, c->out_nr, c->grad, r->create_graph);
    } else {
        if (status == 0) status = run_node(r, c->node, &c->grad);
        mt_release(c->grad);
    }
    mt_node_release(c->node);
    return status;
}

/* Everything that waits; first what hangs on `alone`, unless that is NULL. */
static int run_all(run *r, mt_chain *alone)
{
    mt_task t;
    mt_chain c = {.node = NULL};
    bool recording = !mt_self.no_grad;
    int status = 0;
    mt_self.no_grad = !r->create_graph;
    r->until_poll = MT_POLL_EVERY;
    if (alone) status = run_alone(r, alone);
    while (status == 0) {
        if (MT_LIKELY(mt_tasks_take_only(&r->tasks, &c.node, &c.grad)))
            status = run_alone(r, &c);
        else if (mt_tasks_take(&r->tasks, &t))
            status = run_task(r, &t);
        else
            break;
    }
    mt_self.no_grad = !recording;
    mt_tasks_clear(&r->tasks);
    return status;
}

/* ---- roots ----------------------------------------------------------------------------------- */

static const char *why_no_grad(const mt_tensor *y)
{
    if (y->flags & MT_FROM_NO_GRAD)
        return " Hint: it, or something it was computed from, was computed under no_grad() or "
               "inference_mode().";
    if (y->flags & MT_FROM_NODIFF)
        return " Hint: an operation without a derivative (such as argmax or a comparison) stands "
               "on the way from what requires grad.";
    if (y->flags & MT_FROM_INTEGERS)
        return " Hint: it was computed from integers, and a cast to integers has no gradient.";
    if (y->flags & MT_IS_DETACHED)
        return " Hint: it, or something it was computed from, was cut off from its history by "
               "detach() or .data.";
    return " Hint: none of the tensors it was computed from requires grad.";
}

/* dy/dy = 1 for a y of one element. */
static mt_tensor *one_for(mt_tensor *y)
{
    mt_tensor *g = mt_empty_like(y, (mt_dtype)y->dtype);
    if (g) mt_scalar_store(mt_scalar_float(1), (mt_dtype)g->dtype, g->data);
    return g;
}

static int add_root(run *r, int i, mt_tensor *y, mt_tensor *gy)
{
    mt_edge e;
    bool given = gy != NULL;
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (!mt_requires_grad(y))
        return mt_error(
            MT_RUNTIME,
            "element %d of tensors does not require grad and does not have a grad_fn.%s", i,
            why_no_grad(y));
    if (mt_edge_of(y, &e) < 0) return -1;
    if (!gy) {
        if (y->numel != 1)
            return mt_error(
                MT_RUNTIME,
                "grad can be implicitly created only for scalar outputs. Hint: this one has shape "
                "%s; reduce it with sum() or mean(), or pass its gradient to backward().",
                mt_shape_text(y->ndim, y->size, a));
        if (mt_is_complex((mt_dtype)y->dtype))
            return mt_error(
                MT_RUNTIME,
                "grad can be implicitly created only for real scalar outputs but got torch.%s. "
                "Hint: take abs(), real() or imag(), or pass its gradient to backward().",
                mt_dtype_name((mt_dtype)y->dtype));
        gy = one_for(y);
        if (!gy) return -1;
    } else if (!mt_same_shape(y, gy)) {
        return mt_error(MT_RUNTIME,
                        "Mismatch in shape: grad_output[%d] has a shape of torch.Size(%s) and "
                        "output[%d] has a shape of torch.Size(%s).",
                        i, mt_shape_text(gy->ndim, gy->size, a), i,
                        mt_shape_text(y->ndim, y->size, b));
    }
    if (gy->dtype != y->dtype && !(gy = mt_to_dtype(gy, (mt_dtype)y->dtype))) return -1;
    if (e.node && e.node->released) return fail_released(e.node);
    return deliver(r, &e, given ? mt_retain(gy) : mt_take(gy));
}

static int run_roots(run *r, int n, mt_tensor **y, mt_tensor **gy)
{
    mt_scope scope = mt_scope_open();
    bool recording = !mt_self.no_grad;
    int status = 0;
    mt_self.no_grad = !r->create_graph;
    for (int i = 0; i < n && status == 0; i++) status = add_root(r, i, y[i], gy ? gy[i] : NULL);
    mt_self.no_grad = !recording;
    if (status == 0) status = run_all(r, NULL);
    mt_tasks_clear(&r->tasks);
    mt_scope_close(scope);
    return status;
}

/* y.backward() of one number, the usual case. 1: it is another case. */
static int run_single(run *r, mt_tensor *y)
{
    if (!y->node || y->numel != 1 || y->base || y->node->released || y->node->call.nout != 1 ||
        y->ndim > MT_INLINE_DIMS || !mt_is_contiguous(y) || !mt_is_float((mt_dtype)y->dtype))
        return 1;
    mt_chain c = {.node = mt_node_retain(y->node), .root = y};
    mt_scope scope = mt_scope_open();
    int status = run_all(r, &c);
    mt_scope_close(scope);
    return status;
}

/* Fills r->capture and the nodes that lead there. */
static int prepare_capture(run *r, int n, mt_tensor **y, int m, mt_tensor **x)
{
    for (int i = 0; i < m; i++) {
        if (!mt_requires_grad(x[i]))
            return mt_error(MT_RUNTIME, "One of the differentiated Tensors does not require grad");
        if (mt_edge_of(x[i], &r->capture[i]) < 0) return -1;
        r->captured[i] = NULL;
    }
    r->n_capture = m;
    r->needed = mt_needed_find(n, y, m, r->capture);
    return r->needed ? 0 : -1;
}

int mt_backward(int n, mt_tensor **y, mt_tensor **gy, bool retain_graph, bool create_graph,
                int n_inputs, mt_tensor **inputs)
{
    run r;
    run_init(&r, retain_graph, create_graph, true);
    if (MT_LIKELY(n == 1 && !gy && !create_graph && !n_inputs && !mt_self.watch)) {
        int status = run_single(&r, y[0]);
        if (MT_LIKELY(status <= 0)) return status;
    }
    if (n_inputs == 0) return run_roots(&r, n, y, gy);

    /* Only into these: captured, then added by hand, so that no other leaf is touched. */
    size_t bytes = (size_t)n_inputs * (sizeof *r.capture + sizeof *r.captured);
    int status = -1;
    r.accumulate = false;
    r.capture = mt_calloc(bytes);
    if (!r.capture) return -1;
    r.captured = (mt_tensor **)(r.capture + n_inputs);
    status = prepare_capture(&r, n, y, n_inputs, inputs);
    if (status == 0) status = run_roots(&r, n, y, gy);
    bool recording = !mt_self.no_grad;
    mt_self.no_grad = !create_graph;
    mt_scope scope = mt_scope_open();
    for (int i = 0; i < n_inputs; i++) {
        if (status == 0 && r.captured[i])
            status = mt_accumulate(inputs[i], r.captured[i], create_graph);
        else
            mt_release(r.captured[i]);
    }
    mt_scope_close(scope);
    mt_self.no_grad = !recording;
    mt_needed_free(r.needed);
    mt_free(r.capture, bytes);
    return status;
}

int mt_grad(int n, mt_tensor **y, mt_tensor **gy, int m, mt_tensor **x, mt_tensor **gx,
            bool retain_graph, bool create_graph, bool allow_unused)
{
    run r;
    size_t bytes = (size_t)(m ? m : 1) * sizeof *r.capture;
    int status = -1;
    run_init(&r, retain_graph, create_graph, false);
    r.captured = gx;
    for (int i = 0; i < m; i++) gx[i] = NULL;
    r.capture = mt_calloc(bytes);
    if (!r.capture) return -1;
    status = prepare_capture(&r, n, y, m, x);
    if (status == 0) status = run_roots(&r, n, y, gy);
    for (int i = 0; i < m; i++) {
        if (status == 0 && !gx[i] && !allow_unused)
            status =
                mt_error(MT_RUNTIME,
                         "The differentiated Tensor at index %d appears to not have been used in "
                         "the graph. Set allow_unused=True if this is the desired behavior.",
                         i);
        if (gx[i]) gx[i] = mt_own(gx[i]);
    }
    mt_needed_free(r.needed);
    mt_free(r.capture, bytes);
    return status;
}
