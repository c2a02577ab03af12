/* Operators on types that kernels do not compute with: float16, bfloat16, complex numbers. */
#ifndef MT_GRAPH_NARROW_H
#define MT_GRAPH_NARROW_H

#include "graph/op.h"

/* Runs a call with narrow inputs, or with a narrow dtype among its arguments, in float32. As
 * mt_apply, which calls this. */
mt_tensor *mt_apply_narrow(mt_call *c);

/* The same for calls with complex inputs or arguments. Set by mt_init: operators on complex numbers
 * stand a layer above. */
extern mt_tensor *(*mt_run_complex)(mt_call *c);

#endif
