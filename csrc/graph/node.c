/* Nodes: remembered calls. Relies on inplace.h and hooks.h; read next: autograd/engine.c.
 *
 * Note [Kept outputs]
 * A node that held its own output would be a cycle: output -> node -> output. So what is kept is
 * its shadow, another look at the same storage without history, which the tensor and all nodes that
 * keep it share. Kept inputs are shadows too (an in-place write could otherwise give the kept
 * tensor a later node as history: again a cycle), except leaves that require grad, which nobody may
 * overwrite while recording. When a rule must itself be recorded, mt_node_unpack makes aliases that
 * have the history: an input's is the edge of the same number, an output's the node itself.
 *
 * Note [Sums of losses]
 * total += loss, step after step, hangs every step's node on one tensor, although backward() has
 * been there and nothing can come of it. So a node counts the longest way down from it to which
 * finished results have been added: the low bits of `spent` are that of its inputs, the highest
 * one says that an input is such a result itself. Nearly all nodes have 0. When a way gets long,
 * it is told once. */
#include "graph/remember.h"

#include "base/alloc.h"
#include "graph/hooks.h"
#include "graph/inplace.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- layout: one block, arrays of falling alignment behind the record ------------------------ */

static size_t argument_bytes(const mt_arg *a, uint8_t kind)
{
    if (!a->given || a->constant) return 0;
    if (kind == MT_ARG_INTS) return (size_t)a->ints.n * sizeof(int64_t);
    if (kind == MT_ARG_DOUBLES) return (size_t)a->doubles.n * sizeof(double);
    return kind == MT_ARG_TEXT ? (strlen(a->text) + 8) & ~(size_t)7 : 0;
}

static size_t payload_bytes(const mt_call *c, const mt_op_plan *plan)
{
    size_t bytes = 0;
    for (int i = 0; i < c->narg && i < MT_MAX_ARGS; i++)
        bytes += argument_bytes(&c->arg[i], plan->kind[i]);
    return bytes;
}

/* Arguments that point somewhere get their target copied behind the node. */
static void copy_payload(mt_call *to, const mt_op_plan *plan, char *payload)
{
    for (int i = 0; i < to->narg && i < MT_MAX_ARGS; i++) {
        mt_arg *a = &to->arg[i];
        size_t bytes = argument_bytes(a, plan->kind[i]);
        if (plan->kind[i] == MT_ARG_GENERATOR)
            *a = (mt_arg){.given = false};
        else if (!a->given || a->constant)
            continue;
        else if (plan->kind[i] == MT_ARG_INTS)
            a->ints.v = memcpy(payload, a->ints.v, bytes);
        else if (plan->kind[i] == MT_ARG_DOUBLES)
            a->doubles.v = memcpy(payload, a->doubles.v, bytes);
        else if (plan->kind[i] == MT_ARG_TEXT)
            a->text = memcpy(payload, a->text, strlen(a->text) + 1);
        payload += bytes;
    }
}

/* Sizes are copied four at a time: so many can be read from any tensor
 * (inline, or 2 * ndim in a block). */
static inline size_t size_room(const mt_tensor *t)
{
    return t->ndim <= MT_INLINE_DIMS ? MT_INLINE_DIMS : t->ndim;
}

/* Room for the call: head, arrays, arguments. sizes: places for the sizes of all inputs; *size gets
 * the first. The caller fills in[], out[], next[] and the shapes. */
static mt_node *node_new(const mt_call *c, int nin, int nout, size_t sizes, int64_t **size)
{
    size_t narg = (size_t)c->narg, tensors = (size_t)(nin + nout);
    const mt_op_plan *plan = narg && c->op->plan ? mt_op_get_plan(c->op) : NULL;
    if (plan && !plan->points) plan = NULL;
    size_t payload = plan ? payload_bytes(c, plan) : 0;
    size_t bytes = sizeof(mt_node) + (size_t)nin * (sizeof(mt_edge) + sizeof(mt_dims)) +
                   tensors * (sizeof(mt_tensor *) + sizeof(uint32_t)) + narg * sizeof(mt_arg) +
                   sizes * sizeof(int64_t) + payload;
    mt_node *n = mt_malloc(bytes);
    if (MT_UNLIKELY(!n)) return NULL;
    n->refs = 1;
    n->released = n->walked = false;
    n->chained = c->op->raw && nout == 1 && nin <= MT_CHAIN_INPUTS;
    n->spent = 0;
    n->sequence = mt_self.sequence;
    n->call = *c;
    n->call.flags = c->flags & ~MT_CALL_LIST;
    n->call.target = NULL;
    n->call.in = (mt_tensor **)(n + 1);
    n->call.out = n->call.in + nin;
    n->next = (mt_edge *)(n->call.out + nout);
    n->call.in_dims = (mt_dims *)(n->next + nin);
    n->call.arg = (mt_arg *)(n->call.in_dims + nin);
    *size = (int64_t *)(n->call.arg + narg);
    n->version = (uint32_t *)(void *)((char *)(*size + sizes) + payload);
    n->hooks = NULL;
    n->host = NULL;
    n->block_size = bytes;
    for (size_t i = 0; i < narg; i++) n->call.arg[i] = c->arg[i];
    if (plan) copy_payload(&n->call, plan, (char *)(*size + sizes));
    return n;
}

/* ---- remembering ----------------------------------------------------------------------------- */

/* The shape of t, copied to `size`; returns where the next goes. */
static int64_t *remember_dims(mt_dims *d, const mt_tensor *t, int64_t *size)
{
    d->size = size;
    d->ndim = t->ndim;
    d->dtype = (mt_dtype)t->dtype;
    d->numel = t->numel;
    memcpy(size, t->size, MT_INLINE_DIMS * sizeof *size);
    for (int k = MT_INLINE_DIMS; k < t->ndim; k++) size[k] = t->size[k];
    return size + size_room(t);
}

int mt_edge_of(mt_tensor *t, mt_edge *edge)
{
    *edge = (mt_edge){NULL, NULL, 0};
    if (MT_UNLIKELY(t->base && t->base_generation != t->base->generation) &&
        mt_regenerate_view(t) < 0)
        return -1;
    if (t->node)
        *edge = (mt_edge){t->node, NULL, t->out_nr};
    else if (mt_requires_grad(t))
        edge->leaf = t;
    return 0;
}

#define SPENT_INPUT   0x8000u
#define SPENT_TO_TELL 10000u

int mt_node_count_spent(mt_node *n, const mt_node *p)
{
    static bool told;
    uint32_t before = n->spent & ~SPENT_INPUT;
    uint32_t length = (p->spent & ~SPENT_INPUT) + (p->spent & SPENT_INPUT ? 1 : 0);
    if (length < before) length = before;
    if (length > SPENT_TO_TELL) length = SPENT_TO_TELL;
    n->spent = (uint16_t)(length | (n->spent & SPENT_INPUT) | (p->walked ? SPENT_INPUT : 0));
    if (length < SPENT_TO_TELL || told) return 0;
    told = true;
    return mt_warn("%u results whose backward() is done hang on one tensor, and its graph grows "
                   "with each. Hint: add up numbers, as in total += loss.item(), or tensors "
                   "without history, as in total += loss.detach().",
                   SPENT_TO_TELL);
}

/* Counts the edge to t in, and puts n behind the node there. */
static int refresh_and_link(mt_node *n, mt_tensor *t, mt_edge *e)
{
    if (MT_UNLIKELY(t->base && t->base_generation != t->base->generation) &&
        mt_regenerate_view(t) < 0)
        return -1;
    return mt_link_input(n, t, e);
}

/* Edges, shapes and kept values of the inputs. original: see mt_node_remember. */
static int remember_inputs(mt_node *n, const mt_call *c, int nin, mt_tensor *original,
                           uint32_t keeps, int64_t *size)
{
    mt_dims *dims = (mt_dims *)n->call.in_dims; /* being filled in */
    for (int i = 0; i < nin; i++) {
        mt_tensor *t = c->in[i];
        if (!t) {
            dims[i] = (mt_dims){.dtype = MT_NO_DTYPE, .size = size};
            continue;
        }
        size = remember_dims(&dims[i], t, size);
        if (mt_requires_grad(t) && refresh_and_link(n, t, &n->next[i]) < 0) return -1;
        if (!(keeps & MT_KEEP_IN(i < 8 ? i : 7))) continue;
        if (MT_UNLIKELY(i == 0 && original)) t = original;
        if (MT_UNLIKELY(!(n->call.in[i] = mt_keep_input(t)))) return -1;
        /* What was just overwritten through in[0] is not what the call read: the
         * rule must find that out. */
        bool spoilt = original && t != original && t->storage == c->out[0]->storage;
        n->version[i] = t->storage->version - (spoilt ? 1 : 0);
    }
    return 0;
}

static int keep_outputs(mt_node *n, const mt_call *c, int nin, int nout, uint32_t keeps)
{
    for (int k = 0; k < nout && k < 8; k++) {
        mt_tensor *t = c->out[k];
        if (!t || !(keeps & MT_KEEP_OUT(k))) continue;
        if (MT_UNLIKELY(!(n->call.out[k] = mt_shadow(t)))) return -1;
        n->version[nin + k] = t->storage->version;
    }
    return 0;
}

static int give_node(mt_node *n, mt_tensor *t, int k)
{
    if (MT_UNLIKELY(t->node != NULL)) { /* in place: the old history lives on through n's edges */
        if (t->flags & MT_RETAIN_GRAD && mt_retain_grad_moves(t, n, (uint32_t)k) < 0) return -1;
        mt_node_release(t->node);
    }
    t->node = mt_node_retain(n);
    t->out_nr = (uint16_t)k;
    t->flags |= MT_REQUIRES_GRAD;
    return 0;
}

/* The new node becomes the history of the results. */
static int give_to_results(mt_node *n, const mt_call *c, int nout)
{
    mt_self.sequence = n->sequence + 1;
    for (int k = 0; k < nout; k++) {
        mt_tensor *t = c->out[k];
        if (!t) continue;
        if (MT_UNLIKELY(!mt_is_inexact((mt_dtype)t->dtype)))
            t->flags |= MT_FROM_INTEGERS;
        else if (give_node(n, t, k) < 0)
            return -1;
    }
    return 0;
}

int mt_node_remember(const mt_call *c, mt_tensor *original)
{
    int nin = c->nin, nout = c->nout;
    size_t sizes = 0;
    uint32_t keeps = 0;
    int64_t *size;
    for (int i = 0; i < nin; i++) {
        const mt_tensor *t = c->in[i];
        if (!t) continue;
        sizes += size_room(t);
        if (mt_requires_grad(t)) keeps |= c->op->keeps[i < MT_KEEP_SLOTS ? i : MT_KEEP_SLOTS - 1];
    }
    mt_node *n = node_new(c, nin, nout, sizes, &size);
    if (MT_UNLIKELY(!n)) {
        if (c->context && c->op->release) c->op->release(c->context);
        return -1;
    }
    for (int i = 0; i < nin; i++) n->call.in[i] = NULL;
    for (int k = 0; k < nout; k++) n->call.out[k] = NULL;
    for (int i = 0; i < nin; i++) n->next[i] = (mt_edge){NULL, NULL, 0};
    int status = remember_inputs(n, c, nin, original, keeps, size);
    if (status == 0) status = keep_outputs(n, c, nin, nout, keeps);
    if (status == 0) status = give_to_results(n, c, nout);
    if (MT_UNLIKELY(mt_node_made != NULL) && status == 0) status = mt_node_made(n);
    mt_node_release(n);
    return status;
}

bool mt_node_arguments_stay(const mt_call *c)
{
    if (!c->op->plan) return true;
    const mt_op_plan *plan = mt_op_get_plan(c->op);
    if (!plan->points) return true;
    for (int i = 0; i < c->narg && i < MT_MAX_ARGS; i++)
        if (plan->kind[i] == MT_ARG_GENERATOR || argument_bytes(&c->arg[i], plan->kind[i]))
            return false;
    return true;
}

int mt_node_abandon(mt_node *n, int i)
{
    for (int k = i + 1; k < n->call.nin; k++) {
        n->next[k] = (mt_edge){NULL, NULL, 0};
        n->call.in[k] = NULL;
    }
    n->call.out[0] = NULL;
    mt_node_release(n);
    return -1;
}

/* ---- release --------------------------------------------------------------------------------- */

static MT_INLINE void drop(mt_node *n, int nin, int nout)
{
    n->released = true;
    n->chained = false;
    MT_UNROLL
    for (int i = 0; i < nin; i++) {
        mt_edge e = n->next[i];
        mt_tensor *t = n->call.in[i];
        n->call.in[i] = NULL;
        n->next[i].node = NULL;
        n->next[i].leaf = NULL;
        if (t) mt_release(t);
        if (e.leaf) mt_release(e.leaf);
        if (e.node) mt_node_release(e.node);
    }
    for (int k = 0; k < nout; k++) {
        mt_tensor *t = n->call.out[k];
        n->call.out[k] = NULL;
        if (t) mt_release(t);
    }
    if (MT_UNLIKELY(n->call.context != NULL) && n->call.op->release) {
        n->call.op->release(n->call.context);
        n->call.context = NULL;
    }
}

void mt_node_drop(mt_node *n)
{
    int nin = n->call.nin, nout = n->call.nout;
    if (n->released) return;
    if (MT_LIKELY(nout == 1)) { /* as in mt_apply */
        if (nin == 1) return drop(n, 1, 1);
        if (nin == 2) return drop(n, 2, 1);
        if (nin == 3) return drop(n, 3, 1);
    }
    drop(n, nin, nout);
}

static bool keeps_values(const mt_node *n)
{
    const mt_call *c = &n->call;
    if (c->context && c->op->release) return true; /* else it is a name: mt_node_rename */
    if (c->op->kind & MT_PACKED) return true;
    for (int i = 0; i < c->nin; i++)
        if (c->in[i]) return true;
    for (int k = 0; k < c->nout; k++)
        if (c->out[k]) return true;
    return false;
}

void mt_node_finish(mt_node *n)
{
    n->walked = true;
    if (keeps_values(n)) mt_node_drop(n);
}

/* A chain of a million nodes must not recurse: nodes that die while another is being
 * taken apart wait in a list. */
static MT_TLS mt_node *dead_nodes;
static MT_TLS bool draining;

void mt_node_free(mt_node *n)
{
    if (MT_LIKELY(n->released && !n->hooks && !n->host)) { /* nothing hangs on it */
        mt_free(n, n->block_size);
        return;
    }
    n->dead = dead_nodes;
    dead_nodes = n;
    if (draining) return;
    draining = true;
    while ((n = dead_nodes)) {
        dead_nodes = n->dead;
        mt_node_drop(n);
        if (n->hooks) mt_hooks_free(n->hooks);
        if (n->host && mt_node_host_dies) mt_node_host_dies(n);
        mt_free(n, n->block_size);
    }
    draining = false;
}

void (*mt_node_host_dies)(mt_node *n);
int (*mt_node_made)(mt_node *n);

/* ---- unpacking ------------------------------------------------------------------------------- */

static int fail_version(const mt_node *n, const mt_tensor *t, uint32_t kept, bool output, int nr)
{
    char shape[MT_SHAPE_TEXT], maker[64], self[64], times[64] = "1 time";
    const mt_op *writer = t->storage->writer;
    uint32_t writes = t->storage->version - kept;
    if (writes != 1) snprintf(times, sizeof times, "(the last of %" PRIu32 " writes)", writes);
    mt_node_name(n, self);
    const mt_node *made_by = output ? n : n->next[nr].node;
    if (made_by) {
        mt_node_name(made_by, maker);
        char *suffix = strstr(maker, "Backward"); /* "output 0 of Exp" */
        if (suffix) *suffix = '\0';
    } else {
        snprintf(maker, sizeof maker, "a leaf");
    }
    return mt_error(MT_RUNTIME,
                    "one of the variables needed for gradient computation has been modified by an "
                    "inplace operation: [torch.%sTensor %s], which is output %d of %s, is at "
                    "version %u; expected version %u instead. Hint: %s kept this tensor for its "
                    "gradient at version %u; since then %s%s changed it %s. Use the "
                    "out-of-place form of that operation, or clone() the tensor first.",
                    mt_dtype_camel((mt_dtype)t->dtype), mt_shape_text(t->ndim, t->size, shape),
                    output    ? nr
                    : made_by ? (int)n->next[nr].out_nr
                              : 0,
                    maker, t->storage->version, kept, self, kept, writer ? writer->name : "a write",
                    writer ? "_()" : "", times);
}

/* An alias that carries history, so that a recorded rule can go on from it. */
static mt_tensor *with_edge(mt_tensor *t, mt_node *node, uint32_t out_nr)
{
    mt_tensor *a = mt_alias(t);
    if (!a) return NULL;
    a->node = mt_node_retain(node);
    a->out_nr = (uint16_t)out_nr;
    a->flags |= MT_REQUIRES_GRAD;
    return a;
}

int mt_node_fail_stale(const mt_node *n, int i)
{
    bool output = i >= n->call.nin;
    return fail_version(n, n->call.in[i], n->version[i], output, output ? i - n->call.nin : i);
}

int mt_node_unpack(mt_node *n, mt_call *c, mt_tensor **in, mt_tensor **out)
{
    *c = n->call;
    c->in = in;
    c->out = out;
    for (int i = 0; i < c->nin; i++) {
        mt_tensor *t = in[i] = n->call.in[i], *leaf = n->next[i].leaf;
        if (!t) continue;
        /* A leaf that is a view was kept as its shadow. */
        if (leaf && !leaf->node && leaf->data == t->data) in[i] = leaf;
        if (!n->next[i].node) continue;
        if (!(in[i] = with_edge(t, n->next[i].node, n->next[i].out_nr))) return -1;
    }
    for (int k = 0; k < c->nout; k++) {
        mt_tensor *t = out[k] = n->call.out[k];
        if (t && !(out[k] = with_edge(t, n, (uint32_t)k))) return -1;
    }
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The context of an operator that has none to release is free for it. */
void mt_node_rename(const mt_call *composite)
{
    const mt_op *op = composite->op;
    const char *name = op->grad_name_of ? op->grad_name_of(composite) : op->grad_name;
    for (int k = 0; k < composite->nout && name; k++) {
        mt_node *n = composite->out[k] ? composite->out[k]->node : NULL;
        if (n && !n->call.op->release) n->call.context = (void *)(uintptr_t)name;
    }
}

const char *mt_node_name(const mt_node *n, char *buffer)
{
    const mt_op *op = n->call.op;
    const char *fixed = op->grad_name_of ? op->grad_name_of(&n->call) : op->grad_name;
    if (n->call.context && !op->release) fixed = n->call.context;
    if (fixed) {
        snprintf(buffer, 64, "%s", fixed);
        return buffer;
    }
    size_t used = 0;
    bool upper = true;
    for (const char *p = op->name; *p && used < 48; p++) {
        if (*p == '_') {
            upper = true;
            continue;
        }
        buffer[used++] = (char)(upper ? toupper((unsigned char)*p) : *p);
        upper = false;
    }
    snprintf(buffer + used, 64 - used, "Backward0");
    return buffer;
}
