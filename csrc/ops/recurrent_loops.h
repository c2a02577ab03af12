/* One step of each recurrent layer for n rows, and the way back, for elements of type T: everything
 * but the matrix products. Included by recurrent.c once per type. Every expression is rounded where
 * PyTorch's operators end: the gates of sigmoids as g (1 - y) y, those of tanh by its own kernel.
 *
 * The loops read and write different arrays (INDEPENDENT), or the same elements of one.
 *
 * Forward: `a` holds what the input and, for all but GRU, the state contributed to each gate; it is
 * replaced by the activations. h, c are the states, before and after. */

#define H (r->hidden)

/* i, f, g, o = sigmoid, sigmoid, tanh, sigmoid; c' = f c + i g; h' = o tanh(c'). */
static void NAME(lstm_step)(const mt_recurrence *r, int64_t n, T *a, T *c, T *before, T *bent, T *h)
{
    for (int64_t b = 0; b < n; b++, a += 4 * H, c += H, before += H, bent += H, h += H) {
        NAME(sigmoid)(H, a);
        NAME(sigmoid)(H, a + H);
        NAME(tanh)(H, a + 2 * H);
        NAME(sigmoid)(H, a + 3 * H);
        const T *i = a, *f = a + H, *g = a + 2 * H, *o = a + 3 * H;
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            before[j] = c[j];
            bent[j] = c[j] = f[j] * c[j] + i[j] * g[j];
        }
        NAME(tanh)(H, bent);
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) h[j] = o[j] * bent[j];
    }
}

/* dh: the gradient of o tanh(c'); dc: that of c', becomes that of c; da: that before the gates. */
static void NAME(lstm_step_back)(const mt_recurrence *r, int64_t n, const T *a, const T *before,
                                 const T *bent, const T *dh, T *dc, T *da)
{
    for (int64_t b = 0; b < n; b++) {
        const T *i = a, *f = a + H, *g = a + 2 * H, *o = a + 3 * H;
        T *di = da, *df = da + H, *dg = da + 2 * H, *d_o = da + 3 * H;
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) dg[j] = dh[j] * o[j];
        run_tanh_backward(DTYPE, H, dg, bent);
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            T s = dc[j] + dg[j];
            di[j] = s * g[j] * (1 - i[j]) * i[j];
            df[j] = s * before[j] * (1 - f[j]) * f[j];
            dg[j] = s * i[j];
            d_o[j] = dh[j] * bent[j] * (1 - o[j]) * o[j];
            dc[j] = s * f[j];
        }
        run_tanh_backward(DTYPE, H, dg, g);
        a += 4 * H, da += 4 * H, before += H, bent += H, dh += H, dc += H;
    }
}

/* r, z = sigmoid; n = tanh(a_n + r s_n); h' = (h - n) z + n. s: what the state contributed; behind
 * the three gates, `a` keeps s_n. */
static void NAME(gru_step)(const mt_recurrence *r, int64_t n, T *a, const T *s, T *h)
{
    for (int64_t b = 0; b < n; b++, a += 4 * H, s += 3 * H, h += H) {
        T *reset = a, *update = a + H, *fresh = a + 2 * H, *state = a + 3 * H;
        INDEPENDENT
        for (int64_t j = 0; j < 2 * H; j++) a[j] += s[j];
        NAME(sigmoid)(H, a);
        NAME(sigmoid)(H, a + H);
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            state[j] = s[2 * H + j];
            fresh[j] += reset[j] * state[j];
        }
        NAME(tanh)(H, fresh);
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) h[j] = fresh[j] + update[j] * (h[j] - fresh[j]);
    }
}

/* dh: the gradient of h', becomes what goes straight to h; da, ds: those of both contributions. */
static void NAME(gru_step_back)(const mt_recurrence *r, int64_t n, const T *a, const T *before,
                                T *dh, T *da, T *ds)
{
    for (int64_t b = 0; b < n; b++) {
        const T *reset = a, *update = a + H, *fresh = a + 2 * H, *state = a + 3 * H;
        T *slope = da + 2 * H;
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            T to_state = dh[j] * update[j];
            slope[j] = dh[j] - to_state;
            da[H + j] = ds[H + j] = dh[j] * (before[j] - fresh[j]) * (1 - update[j]) * update[j];
            dh[j] = to_state;
        }
        run_tanh_backward(DTYPE, H, slope, fresh);
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            da[j] = ds[j] = slope[j] * state[j] * (1 - reset[j]) * reset[j];
            ds[2 * H + j] = slope[j] * reset[j];
        }
        a += 4 * H, da += 3 * H, ds += 3 * H, before += H, dh += H;
    }
}

/* h' = tanh(a) or max(a, 0). */
static void NAME(rnn_step)(const mt_recurrence *r, int64_t n, T *a, T *h)
{
    if (r->mode == MT_RNN_TANH)
        NAME(tanh)(n * H, a);
    else
        for (int64_t j = 0; j < n * H; j++) a[j] = a[j] < 0 ? 0 : a[j];
    memcpy(h, a, (size_t)(n * H) * sizeof(T));
}

static void NAME(rnn_step_back)(const mt_recurrence *r, int64_t n, const T *a, const T *dh, T *da)
{
    if (r->mode == MT_RNN_TANH) {
        memcpy(da, dh, (size_t)(n * H) * sizeof(T));
        run_tanh_backward(DTYPE, n * H, da, a);
        return;
    }
    INDEPENDENT
    for (int64_t j = 0; j < n * H; j++) da[j] = a[j] > 0 ? dh[j] : 0;
}

static __attribute__((noinline)) void NAME(add_to)(int64_t n, T *to, const T *from)
{
    INDEPENDENT
    for (int64_t j = 0; j < n; j++) to[j] += from[j];
}

#undef H
