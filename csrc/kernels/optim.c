/* One step of SGD, Adam, AdamW and RMSprop over flat memory, in one pass.
 *
 * The order of operations and every rounding are those of PyTorch's default CPU implementation (one
 * tensor operation after the other), so that losses agree to the last bits over many epochs. Where
 * PyTorch's operators fuse a multiplication into an addition (add with alpha, addcmul, lerp), so
 * does FMA here, on every instruction set; factors such as 1 - beta or lr / (1 - beta^t) are
 * computed in double and rounded once to the element type. Read next: optim/optim.h for the
 * formulas. */
#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/roots.h"

/* start + w (end - start), from the nearer end. */
#define LERP(start, end, w)                                                                        \
    ((w) < (T)0.5 ? FMA(w, (end) - (start), start) : FMA((w) - 1, (end) - (start), end))

enum { PIECE = 64 }; /* elements between which roots are taken together */

#define T float
#define S f32
#include "kernels/optim_steps.h"

#define T double
#define S f64
#include "kernels/optim_steps.h"

static void sgd(mt_dtype d, int64_t n, void *param, const void *grad, void *momentum,
                const mt_sgd_step *s)
{
    if (d == MT_FLOAT32)
        sgd_f32(n, param, grad, momentum, s);
    else
        sgd_f64(n, param, grad, momentum, s);
}

static void adam(mt_dtype d, int64_t n, void *param, const void *grad, void *exp_avg,
                 void *exp_avg_sq, void *max_exp_avg_sq, const mt_adam_step *s)
{
    if (d == MT_FLOAT32)
        adam_f32(n, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, s);
    else
        adam_f64(n, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, s);
}

static void rmsprop(mt_dtype d, int64_t n, void *param, const void *grad, void *square_avg,
                    void *momentum, void *grad_avg, const mt_rmsprop_step *s)
{
    if (d == MT_FLOAT32)
        rmsprop_f32(n, param, grad, square_avg, momentum, grad_avg, s);
    else
        rmsprop_f64(n, param, grad, square_avg, momentum, grad_avg, s);
}

void MT_ISA_NAME(mt_fill_optim)(mt_kernels *k)
{
    find_out_about_roots();
    k->sgd = sgd;
    k->adam = adam;
    k->rmsprop = rmsprop;
}
