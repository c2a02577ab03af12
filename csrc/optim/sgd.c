/* Stochastic gradient descent, with momentum (B. Polyak, 1964; I. Sutskever et al., ICML 2013, for
 * Nesterov's).
 *
 *   g = grad (-grad to maximize) + weight_decay p
 *   b = g at first, later  momentum b + (1 - dampening) g
 *   d = g without momentum;  b;  g + momentum b with Nesterov's
 *   p = p - lr d
 *
 * The arithmetic is in kernels/optim.c. Read next: adam.c. */
#include "optim/optim.h"

#include "base/parallel.h"
#include "graph/inplace.h"
#include "optim/lanes.h"

typedef struct sgd_work {
    mt_lanes l;
    mt_sgd_step s;
} sgd_work;

static void sgd_range(int64_t begin, int64_t end, void *context)
{
    const sgd_work *w = context;
    const mt_lanes *l = &w->l;
    mt_k->sgd(l->dtype, end - begin, mt_lane_at(l, MT_LANE_PARAM, begin),
              mt_lane_at(l, MT_LANE_GRAD, begin), mt_lane_at(l, MT_LANE_STATE, begin), &w->s);
}

/* The usual case, without lanes: no momentum, and few elements that lie side by side. False: it is
 * not this case. */
static inline bool step_small(mt_tensor *p, const mt_tensor *grad, const mt_sgd_step *s)
{
    if (p->numel > MT_GRAIN_OPTIM || !mt_lane_is_ready(p) || !mt_lane_is_plain(p, grad))
        return false;
    mt_k->sgd((mt_dtype)p->dtype, p->numel, p->data, grad->data, NULL, s);
    mt_bump_version(p, NULL);
    return true;
}

/* Any other case. *momentum: NULL where there is no buffer yet; momentum NULL: none wanted. */
static __attribute__((noinline)) int step_lanes(mt_tensor *p, mt_tensor **momentum,
                                                const mt_sgd_step *s)
{
    sgd_work w = {.l = {.count = momentum ? 3 : 2}, .s = *s};
    w.l.tensor[MT_LANE_PARAM] = p;
    w.l.tensor[MT_LANE_GRAD] = p->grad;
    if (momentum) {
        w.s.first = !*momentum;
        if (w.s.first) *momentum = mt_empty_like(p->grad, (mt_dtype)p->dtype);
        if (!*momentum) return -1;
        w.l.tensor[MT_LANE_STATE] = *momentum;
    }
    if (mt_lanes_open(&w.l) < 0) return -1;
    mt_parallel_for(w.l.n, MT_GRAIN_OPTIM, sgd_range, &w);
    return mt_lanes_close(&w.l);
}

int mt_sgd_step_group(int n, mt_tensor *const *param, mt_tensor **momentum, const mt_sgd_step *s)
{
    for (int i = 0; i < n; i++) {
        mt_tensor *p = param[i];
        if (!p->grad || (!momentum && MT_LIKELY(step_small(p, p->grad, s)))) continue;
        if (step_lanes(p, momentum ? momentum + i : NULL, s) < 0) return -1;
    }
    return 0;
}
