/* Running results along a dimension, for the operators of moments.c and cumulative.c. */
#ifndef MT_OPS_SCAN_H
#define MT_OPS_SCAN_H

#include "ops/ops.h"

typedef enum mt_scan { MT_SCAN_SUM, MT_SCAN_PROD, MT_SCAN_LOGSUM } mt_scan;

/* y (contiguous; float32, float64 or int64, where sums of logarithms need floats) = x, of the same shape and any
 * type, run along dim; backwards: from the last element to the first. y may be x. -1: no memory. */
int mt_scan_raw(mt_scan how, mt_tensor *y, mt_tensor *x, int dim, bool backwards);
/* The running maximum (or minimum) of a contiguous x and its places, all contiguous: a later equal one
 * takes over, and so does NaN, which then stays. */
void mt_scan_extremum(bool largest, mt_tensor *y, mt_tensor *places, const mt_tensor *x, int dim);

#endif
