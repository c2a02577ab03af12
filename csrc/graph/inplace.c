/* In-place writes. Relies on node.h; the rules are PyTorch's (autograd/variable.h, "View + inplace
 * update on base tensor"), the mechanism is ours: see inplace.h. */
#include "graph/inplace.h"

#include "graph/apply.h"
#include "graph/hooks.h"
#include "graph/node.h"

#include <string.h>

static bool is_of_parts(const mt_tensor *t) { return t->dtype != t->base->dtype; }

static int fail_parts(void)
{
    return mt_error(MT_NOT_IMPLEMENTED,
                    "a view of the parts of complex numbers (real, imag, view_as_real) or of real "
                    "numbers as complex ones, which belongs to a graph, cannot be written to, nor "
                    "be used after its base was. Hint: clone() it first, and put complex numbers "
                    "together with torch.complex().");
}

static int check_view(const mt_tensor *t)
{
    if (is_of_parts(t)) return fail_parts();
    const char *what =
        t->flags & MT_VIEW_MULTI
            ? "and is being modified inplace. This view is the output of a function that returns "
              "multiple views. Such functions do not allow the output views to be modified "
              "inplace. You should replace the inplace operation by an out-of-place one."
            : "and its base or another view of its base has been modified inplace.";
    if (t->flags & MT_VIEW_MULTI && mt_requires_grad(t->base))
        return mt_error(MT_RUNTIME,
                        "Output 0 of a function that returns several views is a view %s", what);
    if (t->flags & MT_VIEW_NO_GRAD)
        return mt_error(
            MT_RUNTIME,
            "A view was created in no_grad mode and is being modified inplace with grad mode "
            "enabled. Given that this use case is ambiguous and error-prone, it is forbidden. You "
            "can clarify your code by moving both the view and the inplace either both inside the "
            "no_grad block (if you don't want the inplace to be tracked) or both outside (if you "
            "want the inplace to be tracked).");
    return 0;
}

static int fail_function_view(const mt_tensor *t)
{
    char name[64] = "a Function";
    if (t->node) mt_node_name(t->node, name);
    char *suffix = strstr(name, "Backward");
    if (suffix) *suffix = '\0';
    return mt_error(
        MT_RUNTIME,
        "Output %d of %s is a view and is being modified inplace. This view was created "
        "inside a custom Function (or because an input was returned as-is) and the "
        "autograd logic to handle view+inplace would override the custom backward "
        "associated with the custom Function, leading to incorrect gradients. This "
        "behavior is forbidden. You can fix this by cloning the output of the custom "
        "Function.",
        t->out_nr, name);
}

int mt_check_history(mt_tensor *t, bool recording)
{
    if (t->storage->readonly)
        return mt_error(MT_RUNTIME,
                        "cannot write to a tensor whose memory is read-only: it was made from a "
                        "read-only array. Use clone() to get a copy that can be written.");
    if (mt_self.no_grad) return 0;
    if (MT_UNLIKELY(t->flags & MT_FUNCTION_VIEW && t->node)) return fail_function_view(t);
    bool lost = t->flags & MT_VIEW_NO_GRAD && t->base && mt_requires_grad(t->base);
    if (lost) return check_view(t);
    if (t->base && !t->node && mt_requires_grad(t->base) && !t->base->node &&
        t->base->generation == 0)
        return mt_error(
            MT_RUNTIME,
            "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    bool below_leaf =
        t->base && t->node && !mt_requires_grad(t->base); /* the leaf is a view itself */
    if (below_leaf || (t->base && mt_requires_grad(t->base) && !t->base->node))
        return mt_error(
            MT_RUNTIME,
            "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    if (mt_requires_grad(t) && !t->node)
        return mt_error(MT_RUNTIME,
                        "a leaf Variable that requires grad is being used in an in-place "
                        "operation. Hint: update parameters inside `with torch.no_grad():`.");
    if (recording && t->base) return check_view(t);
    return 0;
}

int mt_check_writable(mt_tensor *t, bool recording)
{
    if (mt_has_internal_overlap(t))
        return mt_error(
            MT_RUNTIME,
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation.");
    return mt_check_history(t, recording);
}

int mt_regenerate_view(mt_tensor *t)
{
    mt_tensor *base = t->base, *in[1] = {base}, *out[1] = {t};
    if (!mt_requires_grad(base)) {
        t->base_generation = base->generation;
        return 0;
    }
    if (is_of_parts(t)) return fail_parts();
    mt_arg arg[5] = {mt_arg_ints(t->ndim, t->size), mt_arg_ints(t->ndim, t->stride),
                     mt_arg_int(t->offset), mt_arg_ints(base->ndim, base->stride),
                     mt_arg_int(base->offset)};
    mt_call c = {
        .op = &mt_op_as_strided, .nin = 1, .nout = 1, .narg = 5, .in = in, .out = out, .arg = arg};
    if (mt_node_remember(&c, NULL) < 0) return -1;
    t->base_generation = base->generation;
    return 0;
}

/* base' = base with the view's elements replaced by the view's new value. */
int mt_rebase_history(mt_tensor *t)
{
    mt_tensor *base = t->base, *in[2] = {base, t}, *out[1] = {base};
    mt_arg arg[4] = {mt_arg_ints(t->ndim, t->stride), mt_arg_int(t->offset - base->offset),
                     mt_arg_bool(false), mt_arg_ints(base->ndim, base->stride)};
    mt_call c = {.op = &mt_op_as_strided_scatter,
                 .nin = 2,
                 .nout = 1,
                 .narg = 4,
                 .in = in,
                 .out = out,
                 .arg = arg};
    t->base_generation =
        base->generation; /* t's node is right for this call; found anew afterwards */
    if (mt_node_remember(&c, NULL) < 0) return -1;
    base->generation++;
    return mt_regenerate_view(t);
}

mt_tensor *mt_copy_recorded(mt_tensor *target, mt_tensor *source)
{
    mt_tensor *in[2] = {target, source};
    return mt_call_inplace(&mt_op_copy, 2, in, 0, NULL);
}

mt_tensor *mt_clone_recorded(mt_tensor *t) { return mt_calln(&mt_op_clone, 1, &t, 0, NULL); }
