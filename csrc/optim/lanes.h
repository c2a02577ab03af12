/* Lanes: a parameter, its gradient and its state as flat arrays that run side by side.
 *
 * Kernels want contiguous memory of one type. Tensors that share one memory order without gaps are
 * used where they lie, whatever that order is: a step treats every element alike. Anything else
 * goes through contiguous copies. */
#ifndef MT_OPTIM_LANES_H
#define MT_OPTIM_LANES_H

#include "tensor/tensor.h"

#define MT_MAX_LANES  5
#define MT_LANE_PARAM 0
#define MT_LANE_GRAD  1
#define MT_LANE_STATE 2

/* Elements per chunk of a step that runs on several threads. */
#define MT_GRAIN_OPTIM 32768

typedef struct mt_lanes {
    mt_dtype dtype;
    int count;
    bool copied; /* some data[i] is a copy's */
    int64_t n;   /* elements */
    int64_t itemsize;
    char *data[MT_MAX_LANES]; /* NULL where there is no such lane */
    mt_tensor *tensor[MT_MAX_LANES], *flat[MT_MAX_LANES];
} mt_lanes;

/* May p be written to where it lies, without further questions? */
static inline bool mt_lane_is_ready(const mt_tensor *p)
{
    return mt_is_contiguous(p) && mt_is_float((mt_dtype)p->dtype) && !p->storage->readonly;
}

/* Contiguous, and of the parameter's type and shape: what nearly every lane is. */
static inline bool mt_lane_is_plain(const mt_tensor *p, const mt_tensor *t)
{
    return mt_is_contiguous(t) && t->dtype == p->dtype && mt_same_shape(p, t);
}

/* Lays out tensor[0 .. count), of which [0] is the parameter, [1] its gradient, and later ones may
 * be NULL. Checks that they fit together and may be written. -1 on failure. */
int mt_lanes_open(mt_lanes *l);
/* Copies back what went through copies, and raises the versions of all but the gradient. -1: no
 * memory. */
int mt_lanes_close(mt_lanes *l);

/* Element i of lane k; NULL if there is no such lane. */
static inline void *mt_lane_at(const mt_lanes *l, int k, int64_t i)
{
    return l->data[k] ? l->data[k] + i * l->itemsize : NULL;
}

/* Adds 1 to the single element of `step` and returns it; 0 with an error if it is no floating-point
 * number. */
double mt_optim_next_step(mt_tensor *step);

#endif
