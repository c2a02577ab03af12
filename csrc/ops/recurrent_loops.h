/* One step of each recurrent layer for n rows, and the way back, for elements of type T: everything
 * but the matrix products. Included by recurrent.c once per type.
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
        NAME(sigmoid)(2 * H, a);
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
        for (int64_t j = 0; j < H; j++) {
            T s = dc[j] + dh[j] * o[j] * (1 - bent[j] * bent[j]);
            di[j] = s * g[j] * i[j] * (1 - i[j]);
            df[j] = s * before[j] * f[j] * (1 - f[j]);
            dg[j] = s * i[j] * (1 - g[j] * g[j]);
            d_o[j] = dh[j] * bent[j] * o[j] * (1 - o[j]);
            dc[j] = s * f[j];
        }
        a += 4 * H, da += 4 * H, before += H, bent += H, dh += H, dc += H;
    }
}

/* r, z = sigmoid; n = tanh(a_n + r (s_n + b_n)); h' = n + z (h - n). s: what the state contributed;
 * behind the three gates, `a` keeps s_n + b_n. bias: b_n, or NULL. */
static void NAME(gru_step)(const mt_recurrence *r, int64_t n, T *a, const T *s, const T *bias, T *h)
{
    for (int64_t b = 0; b < n; b++, a += 4 * H, s += 3 * H, h += H) {
        T *reset = a, *update = a + H, *fresh = a + 2 * H, *state = a + 3 * H;
        INDEPENDENT
        for (int64_t j = 0; j < 2 * H; j++) a[j] += s[j];
        NAME(sigmoid)(2 * H, a);
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            state[j] = s[2 * H + j] + (bias ? bias[j] : 0);
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
        INDEPENDENT
        for (int64_t j = 0; j < H; j++) {
            T slope = dh[j] * (1 - update[j]) * (1 - fresh[j] * fresh[j]);
            da[j] = ds[j] = slope * state[j] * reset[j] * (1 - reset[j]);
            da[H + j] = ds[H + j] = dh[j] * (before[j] - fresh[j]) * update[j] * (1 - update[j]);
            da[2 * H + j] = slope;
            ds[2 * H + j] = slope * reset[j];
            dh[j] *= update[j];
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
    INDEPENDENT
    for (int64_t j = 0; j < n * H; j++)
        da[j] = r->mode == MT_RNN_TANH ? dh[j] * (1 - a[j] * a[j]) : a[j] > 0 ? dh[j] : 0;
}

static void NAME(add_to)(int64_t n, T *to, const T *from)
{
    INDEPENDENT
    for (int64_t j = 0; j < n; j++) to[j] += from[j];
}

#undef H
