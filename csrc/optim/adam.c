/* Adam (D. Kingma and J. Ba, ICLR 2015), AMSGrad (S. Reddi et al., ICLR 2018) and AdamW (I.
 * Loshchilov and F. Hutter, ICLR 2019). With t the number of this step:
 *
 *   p = p (1 - lr weight_decay)               AdamW;  g = grad + weight_decay p  otherwise
 *   m = beta1 m + (1 - beta1) g               v = beta2 v + (1 - beta2) g g
 *   p = p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)      v: its maximum so far
 * with AMSGrad
 *
 * The arithmetic is in kernels/optim.c. Read next: rmsprop.c. */
#include "optim/optim.h"

#include "base/parallel.h"
#include "optim/lanes.h"

#include <math.h>

typedef struct adam_work {
    mt_lanes l;
    mt_adam_step s;
} adam_work;

static void adam_range(int64_t begin, int64_t end, void *context)
{
    const adam_work *w = context;
    const mt_lanes *l = &w->l;
    mt_k->adam(l->dtype, end - begin, mt_lane_at(l, MT_LANE_PARAM, begin),
               mt_lane_at(l, MT_LANE_GRAD, begin), mt_lane_at(l, MT_LANE_STATE, begin),
               mt_lane_at(l, MT_LANE_STATE + 1, begin), mt_lane_at(l, MT_LANE_STATE + 2, begin),
               &w->s);
}

int mt_adam_step_group(int n, mt_tensor *const *param, mt_tensor *const *exp_avg,
                       mt_tensor *const *exp_avg_sq, mt_tensor *const *max_exp_avg_sq,
                       mt_tensor *const *step, const mt_adam_step *s)
{
    adam_work w = {.l = {.count = MT_LANE_STATE + 3}, .s = *s};
    double t = 0;
    for (int i = 0; i < n; i++) {
        if (!param[i]->grad) continue;
        w.l.tensor[MT_LANE_PARAM] = param[i];
        w.l.tensor[MT_LANE_GRAD] = param[i]->grad;
        w.l.tensor[MT_LANE_STATE] = exp_avg[i];
        w.l.tensor[MT_LANE_STATE + 1] = exp_avg_sq[i];
        w.l.tensor[MT_LANE_STATE + 2] = max_exp_avg_sq ? max_exp_avg_sq[i] : NULL;
        if (mt_lanes_open(&w.l) < 0) return -1;
        double now = mt_optim_next_step(step[i]);
        if (mt_error_pending()) return -1;
        if (now != t) { /* nearly always the same for the whole group */
            t = now;
            w.s.correction1 = 1 - pow(s->beta1, t);
            w.s.correction2 = 1 - pow(s->beta2, t);
        }
        mt_parallel_for(w.l.n, MT_GRAIN_OPTIM, adam_range, &w);
        if (mt_lanes_close(&w.l) < 0) return -1;
    }
    return 0;
}
