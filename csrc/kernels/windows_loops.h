/* Sliding windows for one element type: a template, included by windows.c; T and S as in
 * kernels/math.h, IS_NAN and LOWEST for the largest of a window. */

/* One line of outputs, at input places start, start + stride, ...: 0 outside the line. */
static inline void MT_CAT(take_line, S)(int64_t n, T *restrict out, const T *restrict in,
                                        int64_t start, int64_t stride, int64_t size)
{
    int64_t lo, hi;
    inside(n, start, stride, size, &lo, &hi);
    for (int64_t o = 0; o < lo; o++) out[o] = 0;
    if (stride == 1) {
        for (int64_t o = lo; o < hi; o++) out[o] = in[start + o];
    } else {
        for (int64_t o = lo; o < hi; o++) out[o] = in[start + o * stride];
    }
    for (int64_t o = hi; o < n; o++) out[o] = 0;
}

static inline void MT_CAT(add_line, S)(int64_t n, T *restrict in, const T *restrict out,
                                       int64_t start, int64_t stride, int64_t size)
{
    int64_t lo, hi;
    inside(n, start, stride, size, &lo, &hi);
    if (stride == 1) {
        for (int64_t o = lo; o < hi; o++) in[start + o] = ADD(in[start + o], out[o]);
    } else {
        for (int64_t o = lo; o < hi; o++)
            in[start + o * stride] = ADD(in[start + o * stride], out[o]);
    }
}

/* The line of the image that line l of the outputs meets at depth kd and height kh of the window:
 * its offset, or -1 where it lies in the padding. */
static inline int64_t MT_CAT(line_of, S)(const mt_windows *w, int64_t l, int64_t kd, int64_t kh)
{
    const int64_t d = l / w->out[1] * w->stride[0] - w->pad[0] + kd * w->dilation[0];
    const int64_t h = l % w->out[1] * w->stride[1] - w->pad[1] + kh * w->dilation[1];
    if (d < 0 || d >= w->in[0] || h < 0 || h >= w->in[1]) return -1;
    return (d * w->in[1] + h) * w->in[2];
}

/* Rows of the columns for channels c0..c1: for every place (kd, kh, kw) of the window, the channels. */
static T *MT_CAT(im2col_block, S)(const mt_windows *w, int64_t c0, int64_t c1, int64_t from,
                                  int64_t to, T *columns, const T *image)
{
    const int64_t n = w->out[2], plane = w->in[0] * w->in[1] * w->in[2];
    const int64_t area = w->kernel[1] * w->kernel[2], places = w->kernel[0] * area;
    for (int64_t p = 0; p < places; p++) {
        const int64_t kd = p / area, kh = p % area / w->kernel[2];
        const int64_t start = p % w->kernel[2] * w->dilation[2] - w->pad[2];
        const int64_t first = MT_CAT(line_of, S)(w, from, kd, kh);
        for (int64_t c = c0; c < c1; c++)
            for (int64_t l = from; l < to; l++, columns += n) {
                const int64_t at = l == from ? first : MT_CAT(line_of, S)(w, l, kd, kh);
                MT_CAT(take_line, S)
                (n, columns, image + c * plane + (at < 0 ? 0 : at), start, w->stride[2],
                 at < 0 ? 0 : w->in[2]);
            }
    }
    return columns;
}

static void MT_CAT(im2col, S)(const mt_windows *w, int64_t from, int64_t to, T *columns,
                              const T *image)
{
    for (int64_t c = 0; c < w->channels; c += w->block) {
        const int64_t end = w->channels - c < w->block ? w->channels : c + w->block;
        columns = MT_CAT(im2col_block, S)(w, c, end, from, to, columns, image);
    }
}

/* Row r of the columns is channel r / (kd kh kw) and window place (kd, kh, kw). */
static void MT_CAT(col2im, S)(const mt_windows *w, int64_t from, int64_t to, T *image,
                              const T *columns)
{
    const int64_t n = w->out[2], plane = w->in[0] * w->in[1] * w->in[2];
    const int64_t area = w->kernel[1] * w->kernel[2], places = w->kernel[0] * area;
    for (int64_t r = 0; r < w->channels * places; r++) {
        T *to_plane = image + r / places * plane;
        const int64_t kd = r % places / area, kh = r % area / w->kernel[2], kw = r % w->kernel[2];
        const int64_t start = kw * w->dilation[2] - w->pad[2];
        for (int64_t l = from; l < to; l++, columns += n) {
            const int64_t at = MT_CAT(line_of, S)(w, l, kd, kh);
            if (at < 0) continue;
            MT_CAT(add_line, S)(n, to_plane + at, columns, start, w->stride[2], w->in[2]);
        }
    }
}

/* ---- pools: one plane (d, h, w) -------------------------------------------------------------- */

/* The place of the largest element of a window. A NaN wins, the last of
 * several; among equals the first. */
MT_INLINE int64_t MT_CAT(largest_at, S)(const mt_pool *p, const T *in, const int64_t *s0,
                                        const int64_t *s1, const int64_t *s2)
{
    int64_t best = (s0[0] * p->in[1] + s1[0]) * p->in[2] + s2[0];
    T y = LOWEST;
    for (int64_t i0 = s0[0]; i0 < s0[1]; i0 += p->step[0])
        for (int64_t i1 = s1[0]; i1 < s1[1]; i1 += p->step[1]) {
            const int64_t line = (i0 * p->in[1] + i1) * p->in[2];
            for (int64_t i = line + s2[0]; i < line + s2[1]; i += p->step[2]) {
                const T x = in[i];
                /* Seldom, in a large window: a branch does not wait for the element before. */
                if (__builtin_expect(!(x <= y), 0) && (x > y || IS_NAN(x))) y = x, best = i;
            }
        }
    return best;
}

#ifndef MT_ISA_BELOW /* Note [What AVX-512 leaves to AVX2] */
/* index: NULL where nobody asks for it. */
static void MT_CAT(max_windows, S)(const mt_pool *p, T *out, int64_t *index, const T *in)
{
    for (int64_t o0 = 0; o0 < p->out[0]; o0++)
        for (int64_t o1 = 0; o1 < p->out[1]; o1++)
            for (int64_t o2 = 0; o2 < p->out[2]; o2++) {
                const int64_t at = MT_CAT(largest_at, S)(p, in, &p->span[0][2 * o0],
                                                         &p->span[1][2 * o1], &p->span[2][2 * o2]);
                if (index) *index++ = at;
                *out++ = in[at];
            }
}
#endif

MT_INLINE T MT_CAT(sum_window, S)(const mt_pool *p, const T *in, const int64_t *s0,
                                  const int64_t *s1, const int64_t *s2)
{
    T sum = 0;
    for (int64_t i0 = s0[0]; i0 < s0[1]; i0++)
        for (int64_t i1 = s1[0]; i1 < s1[1]; i1++) {
            const T *line = in + (i0 * p->in[1] + i1) * p->in[2];
            for (int64_t i2 = s2[0]; i2 < s2[1]; i2++) sum = ADD(sum, line[i2]);
        }
    return sum;
}

MT_INLINE void MT_CAT(add_window, S)(const mt_pool *p, T *in, T share, const int64_t *s0,
                                     const int64_t *s1, const int64_t *s2)
{
    for (int64_t i0 = s0[0]; i0 < s0[1]; i0++)
        for (int64_t i1 = s1[0]; i1 < s1[1]; i1++) {
            T *line = in + (i0 * p->in[1] + i1) * p->in[2];
            for (int64_t i2 = s2[0]; i2 < s2[1]; i2++) line[i2] = ADD(line[i2], share);
        }
}

MT_INLINE T MT_CAT(share_of, S)(const mt_pool *p, T sum, int64_t o0, int64_t o1, int64_t o2)
{
    const int64_t n = p->divisor ? p->divisor : p->count[0][o0] * p->count[1][o1] * p->count[2][o2];
    return n ? (T)(sum / (T)n) : 0;
}

static void MT_CAT(mean_windows, S)(const mt_pool *p, T *out, const T *in)
{
    for (int64_t o0 = 0; o0 < p->out[0]; o0++)
        for (int64_t o1 = 0; o1 < p->out[1]; o1++)
            for (int64_t o2 = 0; o2 < p->out[2]; o2++) {
                const T sum = MT_CAT(sum_window, S)(p, in, &p->span[0][2 * o0], &p->span[1][2 * o1],
                                                    &p->span[2][2 * o2]);
                *out++ = MT_CAT(share_of, S)(p, sum, o0, o1, o2);
            }
}

/* in (zeros to begin with) += the transpose of mean_windows, applied to out. */
static void MT_CAT(mean_windows_back, S)(const mt_pool *p, T *in, const T *out)
{
    for (int64_t o0 = 0; o0 < p->out[0]; o0++)
        for (int64_t o1 = 0; o1 < p->out[1]; o1++)
            for (int64_t o2 = 0; o2 < p->out[2]; o2++) {
                const T share = MT_CAT(share_of, S)(p, *out++, o0, o1, o2);
                MT_CAT(add_window, S)
                (p, in, share, &p->span[0][2 * o0], &p->span[1][2 * o1], &p->span[2][2 * o2]);
            }
}

#undef T
#undef S
#undef W
#undef IS_NAN
#undef LOWEST
