/* The library's start. */
#include "minitorch.h"

#include "graph/hooks.h"
#include "graph/narrow.h"
#include "kernels/kernels.h"
#include "ops/complex.h"

int mt_init(void)
{
    static bool done;
    if (done) return 0;
    mt_parallel_init();
    mt_kernels_init();
    mt_hooks_init();
    mt_run_complex = mt_apply_complex;
    if (!mt_default_generator()) return -1;
    done = true;
    return 0;
}

mt_tensor *mt_parameter(mt_tensor *t)
{
    if (!t) return NULL;
    if (!mt_is_inexact((mt_dtype)t->dtype))
        return mt_fail(MT_RUNTIME, "only Tensors of floating point dtype can require gradients");
    t->flags = (t->flags | MT_REQUIRES_GRAD) & ~MT_WRAPPED_NUMBER;
    return mt_retain(t);
}
