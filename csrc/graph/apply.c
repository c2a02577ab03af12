/* Running an operator and remembering the call. Relies on node.h, remember.h
 * and inplace.h; read next: graph/remember.h, then graph/node.c. */
#include "graph/apply.h"

#include "graph/inplace.h"
#include "graph/narrow.h"
#include "graph/remember.h"
#include "graph/watch.h"

#include <string.h>

/* ---- results --------------------------------------------------------------------------------- */

static int check_cast(const mt_tensor *target, mt_dtype d)
{
    if (mt_can_cast(d, (mt_dtype)target->dtype)) return 0;
    return mt_error(MT_RUNTIME, "result type %s can't be cast to the desired output type %s",
                    mt_dtype_camel(d), mt_dtype_camel((mt_dtype)target->dtype));
}

/* Gives an out= target the shape of the result; one that already has elements is resized with
 * PyTorch's blessing only as long as it is not a view of shared memory that is too small. */
static int fit_out(mt_tensor *target, int ndim, const int64_t *size)
{
    if (mt_shape_equal(target->ndim, target->size, ndim, size)) return 0;
    int64_t numel = mt_shape_numel(ndim, size, mt_itemsize(target));
    if (numel < 0) return -1;
    int64_t bytes = (target->offset + numel) * mt_itemsize(target);
    if ((size_t)bytes > target->storage->nbytes) {
        mt_storage *grown = mt_storage_new((size_t)bytes);
        if (!grown) return -1;
        mt_tensor_set_storage(target, grown);
    }
    return mt_tensor_set_shape(target, ndim, size, NULL, target->offset);
}

static int fit_target(mt_call *c, mt_tensor *target, mt_dtype d, int ndim, const int64_t *size)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (c->flags & MT_CALL_OUT) return check_cast(target, d) < 0 ? -1 : fit_out(target, ndim, size);
    if (mt_shape_equal(target->ndim, target->size, ndim, size)) return check_cast(target, d);
    return mt_error(MT_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
                    mt_shape_text(target->ndim, target->size, a), mt_shape_text(ndim, size, b));
}

/* Could writing `target` element by element spoil an input that is still to be read? */
static int check_overlap(const mt_call *c, const mt_tensor *target, bool *clash)
{
    *clash = false;
    for (int i = 0; i < c->nin; i++) {
        if (!c->in[i] || c->in[i] == target) continue;
        int overlap = mt_overlap(target, c->in[i]);
        if (overlap == 2)
            return mt_error(MT_RUNTIME,
                            "unsupported operation: some elements of the input tensor and the "
                            "written-to tensor refer to a single memory location. Please clone() "
                            "the tensor before performing the operation.");
        if (overlap) *clash = true;
    }
    return 0;
}

/* elementwise: the kernel reads an element of in[0] before it writes the
 * same element of the result. */
static mt_tensor *result(mt_call *c, int k, mt_dtype d, int ndim, const int64_t *size,
                         const mt_tensor *like, bool elementwise)
{
    mt_tensor *target = c->target ? c->target[k] : NULL;
    if (target) {
        bool clash = false;
        if (fit_target(c, target, d, ndim, size) < 0) return NULL;
        if (elementwise && check_overlap(c, target, &clash) < 0) return NULL;
        if (!elementwise)
            for (int i = 0; i < c->nin; i++) clash |= c->in[i] && mt_overlap(target, c->in[i]) != 0;
        if (target->dtype == d && !clash && (elementwise || mt_is_contiguous(target)))
            return c->out[k] = target;
    }
    return c->out[k] = like ? mt_empty_like(like, d) : mt_empty(d, ndim, size);
}

mt_tensor *mt_result(mt_call *c, int k, mt_dtype d, int ndim, const int64_t *size)
{
    if (MT_LIKELY(!c->target)) return c->out[k] = mt_empty(d, ndim, size);
    return result(c, k, d, ndim, size, NULL, false);
}

mt_tensor *mt_result_like(mt_call *c, int k, mt_dtype d, const mt_tensor *like)
{
    if (MT_LIKELY(!c->target)) return c->out[k] = mt_empty_like(like, d);
    return result(c, k, d, like->ndim, like->size, like, true);
}

mt_tensor *mt_result_view(mt_call *c, int k, int ndim, const int64_t *size, const int64_t *stride,
                          int64_t offset)
{
    return mt_result_look(c, k, mt_alias_as(c->in[0], ndim, size, stride, offset));
}

mt_tensor *mt_result_look(mt_call *c, int k, mt_tensor *v)
{
    mt_tensor *in = c->in[0];
    if (!v) return NULL;
    v->base = mt_retain(in->base ? in->base : in);
    v->base_generation = v->base->generation;
    v->flags |= MT_HAS_BASE | (in->flags & (MT_VIEW_NO_GRAD | MT_VIEW_MULTI | MT_INFERENCE));
    if (mt_self.no_grad && !mt_self.inference) v->flags |= MT_VIEW_NO_GRAD;
    return c->out[k] = v;
}

int mt_result_is(mt_call *c, int k, mt_tensor *t)
{
    if (!t) return -1;
    if (c->target && c->target[k] && c->target[k] != t &&
        fit_target(c, c->target[k], (mt_dtype)t->dtype, t->ndim, t->size) < 0)
        return -1;
    c->out[k] = t;
    return 0;
}

int mt_result_list(mt_call *c, int n)
{
    size_t bytes = (size_t)n * sizeof *c->out;
    mt_tensor **list = mt_malloc(bytes ? bytes : 1);
    if (!list) return -1;
    memset(list, 0, bytes);
    c->out = list;
    c->nout = n;
    c->flags |= MT_CALL_LIST;
    return 0;
}

void mt_call_free_list(mt_call *c)
{
    if (!(c->flags & MT_CALL_LIST)) return;
    size_t bytes = (size_t)c->nout * sizeof *c->out;
    mt_free(c->out, bytes ? bytes : 1);
    c->out = NULL;
    c->flags &= ~MT_CALL_LIST;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Copies temporaries into given targets and makes those the results. */
static int deliver_targets(mt_call *c)
{
    for (int k = 0; k < c->nout; k++) {
        mt_tensor *target = c->target[k];
        if (!target || !c->out[k]) continue;
        if (c->out[k] != target && mt_copy_raw(target, c->out[k]) < 0) return -1;
        mt_bump_version(target, c->op);
        c->out[k] = target;
    }
    return 0;
}

#define NARROW_BIT 8u /* only the narrow and the complex types have it */
_Static_assert(MT_BOOL < NARROW_BIT && MT_FLOAT16 == NARROW_BIT && MT_NUM_DTYPES <= 2 * NARROW_BIT,
               "a type that kernels do not compute with is told by one bit");

/* Marks results that have no history although something they come from asked for one: the reason is
 * told when somebody calls backward() on them. */
static __attribute__((noinline)) void mark_reason(const mt_call *c, uint32_t flags, bool recorded)
{
    uint32_t reason = flags & MT_REASONS;
    if (flags & MT_REQUIRES_GRAD) reason = recorded ? MT_FROM_NODIFF : MT_FROM_NO_GRAD;
    for (int k = 0; k < c->nout; k++) {
        mt_tensor *t = c->out[k];
        if (t && t != c->in[0] && !(t->flags & MT_IS_DETACHED)) t->flags |= reason;
    }
}

/* An operator whose rule needs the old value of what it overwrites keeps a copy of it. */
static mt_tensor *copy_if_kept(const mt_call *c)
{
    uint32_t keeps = 0;
    for (int i = 0; i < c->nin; i++)
        if (c->in[i] && mt_requires_grad(c->in[i]))
            keeps |= c->op->keeps[i < MT_KEEP_SLOTS ? i : MT_KEEP_SLOTS - 1];
    if (!(keeps & MT_KEEP_IN(0))) return c->in[0];
    mt_tensor *copy = mt_empty_like(c->in[0], (mt_dtype)c->in[0]->dtype);
    return copy && mt_copy_raw(copy, c->in[0]) == 0 ? copy : NULL;
}

/* In-place and out= calls: everything that can go wrong with a given target stands here. */
static mt_tensor *apply_to_target(mt_call *c, bool record)
{
    mt_tensor *inplace_target[MT_MAX_TARGETS] = {NULL}, *original = NULL;
    if (c->flags & MT_CALL_INPLACE) {
        inplace_target[0] = c->in[0];
        c->target = inplace_target;
    } else if (record) {
        return mt_fail(MT_RUNTIME,
                       "%s(): functions with out=... arguments don't support automatic "
                       "differentiation, but one of the arguments requires grad.",
                       c->op->name);
    }
    for (int k = 0; k < c->nout && k < MT_MAX_TARGETS; k++)
        if (c->target[k] && (c->op->kind & MT_IDEMPOTENT ? mt_check_history : mt_check_writable)(
                                c->target[k], record) < 0)
            return NULL;
    if (record && !(original = copy_if_kept(c))) return NULL;

    bool composite = c->op->kind & MT_COMPOSITE, recorded = !mt_self.no_grad;
    mt_tensor *spared[1];
    if (composite && record && c->flags & MT_CALL_INPLACE && c->nin > 0) {
        /* What the composed operators keep must not be what is overwritten at the end. */
        if (!(spared[0] = mt_clone_recorded(c->in[0]))) return NULL;
        c->in[0] = spared[0];
    }
    if (!composite) mt_self.no_grad = true;
    int failed = c->op->forward(c) < 0 || mt_self.error;
    if (composite && !failed && record && c->out[0] != c->target[0]) {
        /* The composed result has a history; it must flow into the target. */
        mt_self.no_grad = !recorded;
        mt_tensor *done = mt_copy_recorded(c->target[0], c->out[0]);
        c->out[0] = c->target[0];
        if (done && !done->base) mt_node_rename(c);
        return done;
    }
    failed = failed || deliver_targets(c) < 0;
    mt_self.no_grad = !recorded;
    if (failed) return NULL;
    if (record && !composite && !(c->op->kind & MT_NODIFF)) {
        if (mt_node_remember(c, original) < 0) return NULL;
        if (!c->out[0]->base)
            c->out[0]->generation++; /* its views find their history anew */
        else if (mt_rebase_history(c->out[0]) < 0)
            return NULL;
    }
    return c->out[0];
}

/* forward has failed. NULL. */
static __attribute__((noinline)) mt_tensor *fail_call(const mt_call *c)
{
    if (c->context && c->op->release) c->op->release(c->context);
    return NULL;
}

/* forward is done, and no node comes of it: the result. */
static mt_tensor *leave_unrecorded(const mt_call *c, uint32_t flags, bool recorded)
{
    if (MT_UNLIKELY(c->context != NULL) && c->op->release) c->op->release(c->context);
    if (MT_UNLIKELY(flags & (MT_REASONS | MT_REQUIRES_GRAD))) mark_reason(c, flags, recorded);
    return c->nout ? c->out[0] : NULL;
}

/* Runs a call in the given mode, and remembers it. nin: its inputs, a constant of 1 to 3; 0: any. */
static MT_INLINE mt_tensor *run_plain(mt_call *c, mt_head all, bool no_grad, int nin)
{
    bool recorded = !mt_self.no_grad;
    c->target = NULL;
    mt_self.no_grad = no_grad;
    int failed = c->op->forward(c);
    mt_self.no_grad = !recorded;
    if (MT_UNLIKELY(failed < 0 || mt_self.error)) return fail_call(c);
    if (!recorded || !(all.flags & MT_REQUIRES_GRAD) || c->op->kind & MT_NODIFF)
        return leave_unrecorded(c, all.flags, recorded);
    if (MT_UNLIKELY((nin ? mt_remember_few(c, nin, all) : mt_node_remember(c, NULL)) < 0))
        return NULL;
    return c->nout ? c->out[0] : NULL;
}

/* What the inputs have in common. A view whose base was written with a history has not heard of it
 * yet: it asks now. */
static __attribute__((noinline)) mt_head look_at_inputs(const mt_call *c)
{
    mt_head all = {.bits = 0};
    for (int i = 0; i < c->nin; i++) {
        mt_tensor *t = c->in[i];
        if (!t) continue;
        if (MT_UNLIKELY(t->base && t->base_generation != t->base->generation))
            mt_regenerate_view(t);
        all.bits |= t->head.bits;
    }
    return all;
}

/* Any call that is not plain. */
static __attribute__((noinline)) mt_tensor *apply_any(mt_call *c, mt_head all)
{
    bool recorded = !mt_self.no_grad, record = recorded && all.flags & MT_REQUIRES_GRAD;
    if (MT_UNLIKELY(all.dtype & NARROW_BIT || c->flags & MT_CALL_NARROW) &&
        !(c->op->kind & (MT_VIEW | MT_ANY_DTYPE)))
        return mt_apply_narrow(c);
    if (MT_UNLIKELY(c->flags & (MT_CALL_INPLACE | MT_CALL_OUT))) return apply_to_target(c, record);
    c->target = NULL;
    if (c->op->kind & MT_COMPOSITE) {
        if (c->op->forward(c) < 0 || mt_self.error) return NULL;
        if (MT_UNLIKELY(c->op->grad_name || c->op->grad_name_of) && record) mt_node_rename(c);
        return c->out[0];
    }
    /* A view's flags depend on the mode, so views run in the caller's mode:
     * they call nothing recorded. */
    return run_plain(c, all, !recorded || !(c->op->kind & MT_VIEW), 0);
}

/* mt_apply with nin inputs, a constant of 1 to 3: nearly all calls there are. */
static MT_INLINE mt_tensor *apply_few(mt_call *c, int nin)
{
    mt_head all = {.bits = 0};
    MT_UNROLL
    for (int i = 0; i < nin; i++)
        if (c->in[i]) all.bits |= c->in[i]->head.bits;
    c->context = NULL;
    if (MT_UNLIKELY(all.flags & MT_HAS_BASE)) all = look_at_inputs(c);
    if (MT_UNLIKELY(all.dtype & NARROW_BIT ||
                    c->flags & (MT_CALL_NARROW | MT_CALL_INPLACE | MT_CALL_OUT) ||
                    c->op->kind & (MT_COMPOSITE | MT_VIEW)))
        return apply_any(c, all);
    return run_plain(c, all, true, nin);
}

mt_tensor *mt_apply(mt_call *c)
{
    if (MT_UNLIKELY(mt_self.unusual)) {
        if (mt_self.error) return NULL;
        if (mt_self.watch != MT_WATCH_OPENED) return mt_watch_apply(c);
        mt_self.watch = MT_WATCH_ON;
    }
    if (MT_LIKELY(c->nin == 2)) return apply_few(c, 2);
    if (c->nin == 1) return apply_few(c, 1);
    if (c->nin == 3) return apply_few(c, 3);
    c->context = NULL;
    return apply_any(c, look_at_inputs(c));
}

/* ---- typed wrappers -------------------------------------------------------------------------- */

mt_tensor *mt_calln(const mt_op *op, int nin, mt_tensor **in, int narg, mt_arg *arg)
{
    mt_tensor *out[MT_MAX_TARGETS] = {NULL};
    mt_call c = {
        .op = op, .nin = nin, .narg = (int16_t)narg, .nout = 1, .in = in, .out = out, .arg = arg};
    return mt_apply(&c);
}

mt_tensor *mt_call_inplace(const mt_op *op, int nin, mt_tensor **in, int narg, mt_arg *arg)
{
    mt_tensor *out[MT_MAX_TARGETS] = {NULL};
    mt_call c = {.op = op,
                 .nin = nin,
                 .narg = (int16_t)narg,
                 .nout = 1,
                 .in = in,
                 .out = out,
                 .arg = arg,
                 .flags = MT_CALL_INPLACE};
    return mt_apply(&c);
}

mt_tensor *mt_call0(const mt_op *op, int narg, mt_arg *arg)
{
    return mt_calln(op, 0, NULL, narg, arg);
}

/* A required tensor that is NULL: an error is pending below, which the caller is being told. */
mt_tensor *mt_call1a(const mt_op *op, mt_tensor *a, int narg, mt_arg *arg)
{
    return a ? mt_calln(op, 1, &a, narg, arg) : NULL;
}

mt_tensor *mt_call2a(const mt_op *op, mt_tensor *a, mt_tensor *b, int narg, mt_arg *arg)
{
    mt_tensor *in[2] = {a, b};
    return a ? mt_calln(op, 2, in, narg, arg) : NULL;
}

mt_tensor *mt_call3a(const mt_op *op, mt_tensor *a, mt_tensor *b, mt_tensor *c, int narg,
                     mt_arg *arg)
{
    mt_tensor *in[3] = {a, b, c};
    return a ? mt_calln(op, 3, in, narg, arg) : NULL;
}

mt_tensor *mt_call1(const mt_op *op, mt_tensor *a) { return mt_call1a(op, a, 0, NULL); }

mt_tensor *mt_call2(const mt_op *op, mt_tensor *a, mt_tensor *b)
{
    return a && b ? mt_call2a(op, a, b, 0, NULL) : NULL;
}

mt_tensor *mt_call3(const mt_op *op, mt_tensor *a, mt_tensor *b, mt_tensor *c)
{
    return mt_call3a(op, a, b, c, 0, NULL);
}
