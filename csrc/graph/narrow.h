/* Operators on narrow floats: float16 and bfloat16. */
#ifndef MT_GRAPH_NARROW_H
#define MT_GRAPH_NARROW_H

#include "graph/op.h"

/* Runs a call with narrow inputs, or with a narrow dtype among its arguments, in float32. As
 * mt_apply, which calls this. */
mt_tensor *mt_apply_narrow(mt_call *c);

#endif
