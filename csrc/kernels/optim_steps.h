/* The steps for one element type: a template, included by optim.c for float and double; T and S as
 * in kernels/math.h. p is the parameter, g its gradient. State that a variant does not use may be
 * NULL. Options enter the loops as numbers, not as bools: comparing numbers vectorises. */

/* The gradient with its sign and the weight decay as a penalty: g + wd p. */
MT_INLINE T MT_CAT(gradient, S)(T g, T p, T weight_decay, T sign)
{
    g *= sign;
    return weight_decay != 0 ? FMA(p, weight_decay, g) : g;
}

/* The step that tiny networks take most: p -= lr g. */
MT_INLINE void MT_CAT(descend, S)(int64_t n, T *restrict param, const T *restrict grad, T step)
{
    for (int64_t i = 0; i < n; i++) param[i] = FMA(grad[i], step, param[i]);
}

/* b = momentum b + (1 - dampening) g;  p -= lr b, or with Nesterov p -= lr (g + momentum b). */
MT_INLINE void MT_CAT(sgd_loop, S)(int64_t n, T *restrict param, const T *restrict grad,
                                   T *restrict buffer, const mt_sgd_step *s, bool use_buffer)
{
    const T step = (T)-s->lr, wd = (T)s->weight_decay, momentum = (T)s->momentum;
    const T take = (T)(1 - s->dampening);
    const T sign = s->maximize ? -1 : 1, ahead = s->nesterov ? momentum : 0;
    const T begun = s->first ? 0 : (T)n; /* 0 or 1 would be taken for a bool */
    for (int64_t i = 0; i < n; i++) {
        T g = MT_CAT(gradient, S)(grad[i], param[i], wd, sign);
        if (use_buffer) {
            const T later = FMA(g, take, buffer[i] * momentum), b = begun != 0 ? later : g;
            buffer[i] = b;
            g = ahead != 0 ? FMA(b, ahead, g) : b;
        }
        param[i] = FMA(g, step, param[i]);
    }
}

static void MT_CAT(sgd, S)(int64_t n, T *param, const T *grad, T *buffer, const mt_sgd_step *s)
{
    if (s->momentum != 0)
        MT_CAT(sgd_loop, S)(n, param, grad, buffer, s, true);
    else if (s->weight_decay != 0 || s->maximize)
        MT_CAT(sgd_loop, S)(n, param, grad, NULL, s, false);
    else
        MT_CAT(descend, S)(n, param, grad, (T)-s->lr);
}

/* m = lerp(m, g, 1 - beta1);  v = beta2 v + (1 - beta2) g g;
 * p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps), with the largest v so far for
 * AMSGrad. AdamW shrinks p by 1 - lr wd before; Adam adds wd p to g. */
MT_INLINE void MT_CAT(adam_loop, S)(int64_t n, T *restrict param, const T *restrict grad,
                                    T *restrict exp_avg, T *restrict exp_avg_sq, T *restrict max_sq,
                                    const mt_adam_step *s, bool amsgrad)
{
    const T w1 = (T)(1 - s->beta1), beta2 = (T)s->beta2, w2 = (T)(1 - s->beta2), eps = (T)s->eps;
    const T step = (T) - (s->lr / s->correction1);
    const T correction = (T)sqrt(s->correction2);
    const T shrink = s->decoupled ? (T)(1 - s->lr * s->weight_decay) : 1;
    const T wd = s->decoupled ? 0 : (T)s->weight_decay;
    const T sign = s->maximize ? -1 : 1;
    T root[PIECE];
    for (; n > 0;
         n -= PIECE, param += PIECE, grad += PIECE, exp_avg += PIECE, exp_avg_sq += PIECE) {
        const int64_t some = n < PIECE ? n : PIECE;
        for (int64_t i = 0; i < some; i++) {
            const T g = MT_CAT(gradient, S)(grad[i], param[i] * shrink, wd, sign);
            T v = FMA(w2 * g, g, exp_avg_sq[i] * beta2);
            exp_avg[i] = LERP(exp_avg[i], g, w1);
            exp_avg_sq[i] = v;
            if (amsgrad) max_sq[i] = v = MAXIMUM(max_sq[i], v);
            root[i] = v;
        }
        MT_CAT(roots, S)(some, root, root);
        for (int64_t i = 0; i < some; i++) {
            const T denominator = root[i] / correction + eps;
            param[i] = param[i] * shrink + step * exp_avg[i] / denominator;
        }
        if (amsgrad) max_sq += PIECE;
    }
}

static void MT_CAT(adam, S)(int64_t n, T *param, const T *grad, T *exp_avg, T *exp_avg_sq,
                            T *max_exp_avg_sq, const mt_adam_step *s)
{
    if (s->amsgrad)
        MT_CAT(adam_loop, S)(n, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, s, true);
    else
        MT_CAT(adam_loop, S)(n, param, grad, exp_avg, exp_avg_sq, NULL, s, false);
}

/* v = alpha v + (1 - alpha) g g;  d = sqrt(v) + eps, centered: sqrt(v - a a) + eps with the mean
 * gradient a = lerp(a, g, 1 - alpha);  p -= lr g / d, or with b = momentum b + g / d: p -= lr b. */
MT_INLINE void MT_CAT(rmsprop_loop, S)(int64_t n, T *restrict param, const T *restrict grad,
                                       T *restrict square_avg, T *restrict buffer,
                                       T *restrict grad_avg, const mt_rmsprop_step *s,
                                       bool use_buffer, bool centered)
{
    const T alpha = (T)s->alpha, w = (T)(1 - s->alpha), eps = (T)s->eps, step = (T)-s->lr;
    const T wd = (T)s->weight_decay, momentum = (T)s->momentum;
    const T sign = s->maximize ? -1 : 1;
    T root[PIECE];
    for (; n > 0; n -= PIECE, param += PIECE, grad += PIECE, square_avg += PIECE) {
        const int64_t some = n < PIECE ? n : PIECE;
        for (int64_t i = 0; i < some; i++) {
            const T g = MT_CAT(gradient, S)(grad[i], param[i], wd, sign);
            const T v = FMA(w * g, g, square_avg[i] * alpha);
            square_avg[i] = root[i] = v;
            if (centered) {
                const T a = LERP(grad_avg[i], g, w);
                grad_avg[i] = a;
                root[i] = FMA(-a, a, v);
            }
        }
        MT_CAT(roots, S)(some, root, root);
        for (int64_t i = 0; i < some; i++) {
            const T p = param[i], g = MT_CAT(gradient, S)(grad[i], p, wd, sign);
            const T denominator = root[i] + eps;
            if (use_buffer) {
                const T b = buffer[i] * momentum + g / denominator;
                buffer[i] = b;
                param[i] = FMA(b, step, p);
            } else {
                param[i] = p + step * g / denominator;
            }
        }
        if (use_buffer) buffer += PIECE;
        if (centered) grad_avg += PIECE;
    }
}

static void MT_CAT(rmsprop, S)(int64_t n, T *param, const T *grad, T *square_avg, T *buffer,
                               T *grad_avg, const mt_rmsprop_step *s)
{
    const bool use_buffer = s->momentum > 0;
    if (use_buffer && s->centered)
        MT_CAT(rmsprop_loop, S)(n, param, grad, square_avg, buffer, grad_avg, s, true, true);
    else if (use_buffer)
        MT_CAT(rmsprop_loop, S)(n, param, grad, square_avg, buffer, NULL, s, true, false);
    else if (s->centered)
        MT_CAT(rmsprop_loop, S)(n, param, grad, square_avg, NULL, grad_avg, s, false, true);
    else
        MT_CAT(rmsprop_loop, S)(n, param, grad, square_avg, NULL, NULL, s, false, false);
}

#undef T
#undef S
