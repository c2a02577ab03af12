/* Laying out tensors for the optimizer kernels, and what all optimizers share.
 *
 * Relies on tensor/tensor.h for copies and on graph/inplace.h for who may be written to. Read next:
 * sgd.c. */
#include "optim/lanes.h"

#include "graph/inplace.h"
#include "optim/optim.h"
#include "tensor/scope.h"

#include <string.h>

/* Same strides wherever a stride matters. */
static bool same_order(const mt_tensor *a, const mt_tensor *b)
{
    for (int d = 0; d < a->ndim; d++)
        if (a->size[d] != 1 && a->stride[d] != b->stride[d]) return false;
    return true;
}

static int check_lane(const mt_lanes *l, int k)
{
    const mt_tensor *p = l->tensor[MT_LANE_PARAM], *t = l->tensor[k];
    if (!mt_same_shape(p, t)) {
        int64_t common[MT_MAX_DIMS];
        if (mt_shape_broadcast(p->ndim, p->size, t->ndim, t->size, common) < 0) return -1;
        char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
        return mt_error(MT_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
                        mt_shape_text(p->ndim, p->size, a), mt_shape_text(t->ndim, t->size, b));
    }
    if (k != MT_LANE_GRAD && t->dtype != p->dtype)
        return mt_error(MT_RUNTIME, "expected dtype %s for an optimizer's state but got dtype %s",
                        mt_dtype_name((mt_dtype)p->dtype), mt_dtype_name((mt_dtype)t->dtype));
    return 0;
}

static int check_param(mt_tensor *p)
{
    if (mt_is_complex((mt_dtype)p->dtype))
        return mt_error(
            MT_NOT_IMPLEMENTED,
            "optimizers take no complex parameters. Hint: keep torch.view_as_real(p) as "
            "the parameter, and compute with torch.view_as_complex() of it.");
    if (!mt_is_floating((mt_dtype)p->dtype))
        return mt_error(
            MT_RUNTIME,
            "For integral input tensors, argument alpha must not be a floating point number.");
    /* A step is no recorded write, whatever the mode around it: leaves may be written to. */
    bool before = mt_self.no_grad;
    mt_self.no_grad = true;
    int status = mt_check_writable(p, false);
    mt_self.no_grad = before;
    return status;
}

/* The general case of mt_lanes_open: some lane is not contiguous, of another type, or narrow. */
static int open_copies(mt_lanes *l)
{
    const mt_tensor *p = l->tensor[MT_LANE_PARAM];
    bool in_place = mt_is_dense(p) && p->dtype == l->dtype;
    for (int k = 1; k < l->count && in_place; k++)
        if (l->tensor[k]) in_place = l->tensor[k]->dtype == p->dtype && same_order(p, l->tensor[k]);
    for (int k = 0; k < l->count; k++) {
        mt_tensor *t = l->tensor[k];
        if (!t) continue;
        l->flat[k] = in_place ? t : mt_contiguous_raw(t, l->dtype);
        if (!l->flat[k]) return -1;
        l->data[k] = l->flat[k]->data;
    }
    l->copied = !in_place;
    return 0;
}

int mt_lanes_open(mt_lanes *l)
{
    mt_tensor *p = l->tensor[MT_LANE_PARAM];
    bool plain = mt_lane_is_ready(p);
    if (MT_UNLIKELY(!plain) && check_param(p) < 0) return -1;
    l->dtype = mt_is_narrow((mt_dtype)p->dtype) ? MT_FLOAT32 : (mt_dtype)p->dtype;
    l->n = p->numel;
    l->itemsize = mt_dtype_size(l->dtype);
    l->copied = false;
    l->data[0] = p->data;
    for (int k = 1; k < l->count; k++) {
        mt_tensor *t = l->tensor[k];
        l->data[k] = t ? t->data : NULL;
        if (!t || MT_LIKELY(mt_lane_is_plain(p, t))) continue;
        if (check_lane(l, k) < 0) return -1;
        plain = false;
    }
    return MT_LIKELY(plain) ? 0 : open_copies(l);
}

int mt_lanes_close(mt_lanes *l)
{
    for (int k = 0; k < l->count; k++) {
        mt_tensor *t = l->tensor[k];
        if (!t || k == MT_LANE_GRAD) continue;
        if (l->copied && l->flat[k] != t && mt_copy_raw(t, l->flat[k]) < 0) return -1;
        mt_bump_version(t, NULL);
    }
    return 0;
}

double mt_optim_next_step(mt_tensor *step)
{
    if (step->numel != 1 || !mt_is_float((mt_dtype)step->dtype)) {
        mt_error(MT_RUNTIME, "`state_steps` argument must contain singleton tensors");
        return 0;
    }
    mt_bump_version(step, NULL);
    if (step->dtype == MT_FLOAT32) return *(float *)step->data += 1.0f;
    return *(double *)step->data += 1.0;
}

void mt_zero_grad_group(int n, mt_tensor *const *param)
{
    for (int i = 0; i < n; i++) mt_drop_grad(param[i]);
}

mt_tensor *mt_optim_state(const mt_tensor *p)
{
    mt_tensor *t = mt_empty_like(p, (mt_dtype)p->dtype);
    if (t)
        memset(t->data, 0,
               (size_t)(t->numel * mt_itemsize(t))); /* dense: numel elements from data on */
    return t;
}
