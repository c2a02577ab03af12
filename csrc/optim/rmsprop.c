/* RMSprop (T. Tieleman and G. Hinton, Coursera lecture 6e, 2012); centred as in A. Graves,
 * arXiv:1308.0850 (2013).
 *
 *   g = grad + weight_decay p            v = alpha v + (1 - alpha) g g
 *   centred: a = alpha a + (1 - alpha) g,  s = sqrt(v - a a) + eps;  otherwise  s = sqrt(v) + eps
 *   p = p - lr g / s;  with momentum  b = momentum b + g / s,  p = p - lr b
 *
 * The arithmetic is in kernels/optim.c. */
#include "optim/optim.h"

#include "base/parallel.h"
#include "optim/lanes.h"

typedef struct rmsprop_work {
    mt_lanes l;
    mt_rmsprop_step s;
} rmsprop_work;

static void rmsprop_range(int64_t begin, int64_t end, void *context)
{
    const rmsprop_work *w = context;
    const mt_lanes *l = &w->l;
    mt_k->rmsprop(l->dtype, end - begin, mt_lane_at(l, MT_LANE_PARAM, begin),
                  mt_lane_at(l, MT_LANE_GRAD, begin), mt_lane_at(l, MT_LANE_STATE, begin),
                  mt_lane_at(l, MT_LANE_STATE + 1, begin), mt_lane_at(l, MT_LANE_STATE + 2, begin),
                  &w->s);
}

int mt_rmsprop_step_group(int n, mt_tensor *const *param, mt_tensor *const *square_avg,
                          mt_tensor *const *momentum, mt_tensor *const *grad_avg,
                          mt_tensor *const *step, const mt_rmsprop_step *s)
{
    rmsprop_work w = {.l = {.count = MT_LANE_STATE + 3}, .s = *s};
    for (int i = 0; i < n; i++) {
        if (!param[i]->grad) continue;
        w.l.tensor[MT_LANE_PARAM] = param[i];
        w.l.tensor[MT_LANE_GRAD] = param[i]->grad;
        w.l.tensor[MT_LANE_STATE] = square_avg[i];
        w.l.tensor[MT_LANE_STATE + 1] = momentum ? momentum[i] : NULL;
        w.l.tensor[MT_LANE_STATE + 2] = grad_avg ? grad_avg[i] : NULL;
        if (mt_lanes_open(&w.l) < 0) return -1;
        mt_optim_next_step(step[i]);
        if (mt_error_pending()) return -1;
        mt_parallel_for(w.l.n, MT_GRAIN_OPTIM, rmsprop_range, &w);
        if (mt_lanes_close(&w.l) < 0) return -1;
    }
    return 0;
}
