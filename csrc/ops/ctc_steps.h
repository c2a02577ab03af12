/* One sample of ctc_loss: a template, included by ctc.c for float and double; T and S as in kernels/math.h, EXP and LOG
 * the C library's. Everything is rounded as PyTorch does it. */

/* log(e^a + e^b + e^c): the powers of 0 and of -inf are known. */
static T MT_CAT(power, S)(T x) { return x == 0 ? 1 : x == (T)-INFINITY ? 0 : EXP(x); }
static T MT_CAT(log_sum, S)(T a, T b, T c)
{
    T m = a;
    if (b > m) m = b;
    if (c > m) m = c;
    if (m == (T)-INFINITY) return m;
    const T sum = MT_CAT(power, S)(a - m) + MT_CAT(power, S)(b - m) + MT_CAT(power, S)(c - m);
    return (sum == 1 ? 0 : LOG(sum)) + m;
}

/* The logarithms of the probabilities of all beginnings, row by row of time; row t is number t % kept of alpha. The
 * loss. */
static T MT_CAT(forward, S)(const ctc_sample *p, const T *x, T *alpha, int64_t kept)
{
    const int64_t n = 2 * p->labels + 1;
    const T none = (T)-INFINITY;
    if (p->steps == 0) return p->labels ? (T)INFINITY : (T)-0.0;
    for (int64_t s = 0; s < n; s++) alpha[s] = s < 2 ? x[label(p, s)] : none;
    const T *now = alpha;
    for (int64_t t = 1; t < p->steps; t++) {
        const T *row = x + t * p->stride, *before = now;
        T *next = alpha + t % kept * n;
        for (int64_t s = 0; s < n; s++)
            next[s] = MT_CAT(log_sum, S)(before[s], s ? before[s - 1] : none,
                                         skips(p, s) ? before[s - 2] : none) +
                      row[label(p, s)];
        now = next;
    }
    if (p->labels == 0) return -now[0];
    return -MT_CAT(log_sum, S)(now[n - 1], now[n - 2], none);
}

/* gx for every step and class: (e^x - the probability of being there) g. beta: two rows. */
static void MT_CAT(backward, S)(const ctc_sample *p, T *gx, const T *x, T *alpha, T *beta, T g,
                                bool zero_infinity)
{
    const int64_t n = 2 * p->labels + 1;
    const T none = (T)-INFINITY, loss = MT_CAT(forward, S)(p, x, alpha, p->steps);
    if (zero_infinity && loss == (T)INFINITY) return;
    for (int64_t t = p->steps - 1; t >= 0; t--) {
        const T *row = x + t * p->stride, *after = beta + (t + 1) % 2 * n;
        T *now = beta + t % 2 * n, *to = gx + t * p->stride;
        for (int64_t c = 0; c < p->classes; c++) to[c] = none;
        for (int64_t s = n - 1; s >= 0; s--) {
            const int64_t class = label(p, s);
            T sum = s >= n - 2 ? 0 : none;
            if (t + 1 < p->steps)
                sum = MT_CAT(log_sum, S)(after[s], s + 1 < n ? after[s + 1] : none,
                                         s + 2 < n && skips(p, s + 2) ? after[s + 2] : none);
            now[s] = sum + row[class];
            const T both = alpha[t * n + s] + now[s];
            to[class] = to[class] == none ? both : MT_CAT(log_sum, S)(to[class], both, none);
        }
        for (int64_t c = 0; c < p->classes; c++)
            to[c] = (EXP(row[c]) - MT_CAT(power, S)(to[c] + loss - row[c])) * g;
    }
}

#undef T
#undef S
#undef EXP
#undef LOG
