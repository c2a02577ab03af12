/* Elements that an index names along one dimension, beside others in order: what gather, scatter,
 * index_select, index_add and their like do once they have checked their arguments. */
#ifndef MT_OPS_ALONG_H
#define MT_OPS_ALONG_H

#include "ops/ops.h"

/* For all positions p of `size`, f being p with the index there in the place of coordinate dim:
 *   MT_PICK    near[p]  = far[f]
 *   MT_PLACE   far[f]   = near[p]
 *   MT_ADD     far[f]  += near[p]
 * Whatever meets in one place of far does so in the order of dim, whatever the threads. */
typedef enum mt_along_how { MT_PICK, MT_PLACE, MT_ADD } mt_along_how;

#define MT_ALONG_DIMS (MT_MAX_DIMS + 1) /* the index's may be one more than far has */

typedef struct mt_along {
    mt_along_how how;
    mt_dtype dtype;
    int ndim, dim; /* at least one dimension */
    int64_t size[MT_ALONG_DIMS];
    int64_t index_stride[MT_ALONG_DIMS], far_stride[MT_ALONG_DIMS], near_stride[MT_ALONG_DIMS];
    int64_t n; /* the size of far along dim */
    const int64_t *index;
    char *far, *near;
} mt_along;

/* False if an index is not in [0, n): then anything may have been moved. */
bool mt_along_run(const mt_along *a);
/* Are all n indices in [0, limit)? */
bool mt_all_within(int64_t n, const int64_t *index, int64_t limit);
/* The strides of t, 0 where it has not as many dimensions. */
void mt_along_strides(const mt_tensor *t, int ndim, int64_t *stride);

#endif
