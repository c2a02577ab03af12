/* The body of slim_product.c for one element type T with suffix S. Read first: Note [Slim orders]. */
#define NAME(x) MT_CAT(x, S)
#define LANES   ((int64_t)(16 / sizeof(T)))
#define lanes   NAME(lanes)
#define VEC(p)  (*(const lanes *)(const void *)(p))

typedef T lanes __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));

/* The elements of a product from a row, or a column, on. */
#define A(p, i) ((const T *)(const void *)(p)->a + (i) * (p)->a_row)
#define B(p, j) ((const T *)(const void *)(p)->b + (j) * (p)->b_col)
#define C(p, i) ((T *)(void *)(p)->c + (i) * (p)->ldc)

/* ---- both factors along the sum: lanes ------------------------------------------------------- */

/* How many elements lie between p and the next multiple of 16 bytes. */
static inline int64_t NAME(head)(const T *p)
{
    return (int64_t)(-((uintptr_t)p / sizeof(T)) % (uintptr_t)LANES);
}

static inline int64_t NAME(head_or_all)(const T *p)
{
    const int64_t head = NAME(head)(p);
    return head ? head : LANES;
}

static inline T NAME(fold)(lanes v)
{
    return sizeof(T) == 4 ? (v[0] + v[2 % LANES]) + (v[1] + v[3 % LANES]) : v[0] + v[1];
}

/* The products of x with four lines, `step` apart. */
static inline void NAME(four_dots)(int64_t k, int64_t head, const T *x, const T *line, int64_t step,
                                   T *out)
{
    T s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const T *a = line, *b = a + step, *c = b + step, *d = c + step;
    int64_t l = 0;
    for (; l < head && l < k; l++)
        s0 += x[l] * a[l], s1 += x[l] * b[l], s2 += x[l] * c[l], s3 += x[l] * d[l];
    if (l + LANES <= k) {
        lanes v0 = {s0}, v1 = {s1}, v2 = {s2}, v3 = {s3};
        for (; l + LANES <= k; l += LANES) {
            const lanes u = VEC(x + l);
            v0 += u * VEC(a + l), v1 += u * VEC(b + l), v2 += u * VEC(c + l), v3 += u * VEC(d + l);
        }
        s0 = NAME(fold)(v0), s1 = NAME(fold)(v1), s2 = NAME(fold)(v2), s3 = NAME(fold)(v3);
    }
    for (; l < k; l++) s0 += x[l] * a[l], s1 += x[l] * b[l], s2 += x[l] * c[l], s3 += x[l] * d[l];
    out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
}

/* The product of x with one line, `vectors` (1, 2 or 4) in turn, eight elements at a time. */
static inline __attribute__((always_inline)) T NAME(one_dot)(int vectors, int64_t k, int64_t head,
                                                             const T *x, const T *y)
{
    T s = 0;
    int64_t l = 0;
    for (; l < head && l < k; l++) s += x[l] * y[l];
    if (l + 8 <= k) {
        lanes v[4] = {{s}};
        for (; l + 8 <= k; l += 8)
            _Pragma("GCC unroll 4") for (int64_t i = 0; i < 8 / LANES; i++) v[i % vectors] +=
                VEC(x + l + i * LANES) * VEC(y + l + i * LANES);
        if (vectors == 4) v[2] += v[3];
        if (vectors >= 2) v[0] += v[1];
        if (vectors == 4) v[0] += v[2];
        s = NAME(fold)(v[0]);
    }
    for (; l < k; l++) s += x[l] * y[l];
    return s;
}

static inline void NAME(put)(T *c, T sum, bool accumulate) { *c = accumulate ? *c + sum : sum; }

/* r: the columns if there are as few rows, else the rows. */
static void NAME(rows_by_rows)(const mt_product *p, range r)
{
    const range i_of = p->m <= ROWS ? (range){0, p->m} : r,
                j_of = p->m <= ROWS ? r : (range){0, p->n};
    const int64_t in_fours = j_of.end == p->n ? p->n / 4 * 4 : j_of.end;
    const int vectors = 8 / LANES;
    T out[4];
    for (int64_t i = i_of.begin; i < i_of.end; i++) {
        const T *a = A(p, i);
        const int64_t head = NAME(head)(a);
        T *c = C(p, i);
        for (int64_t j = j_of.begin; j < in_fours; j += 4) {
            NAME(four_dots)(p->k, head, a, B(p, j), p->b_col, out);
            for (int q = 0; q < 4; q++) NAME(put)(c + j + q, out[q], p->accumulate);
        }
        for (int64_t j = in_fours; j < j_of.end; j++)
            NAME(put)(c + j, NAME(one_dot)(vectors, p->k, head, a, B(p, j)), p->accumulate);
    }
}

/* y = A x; a: m lines of A, `line` apart, whose elements are neighbours, as those of x are. */
static void NAME(lines_by_vector)(int64_t m, int64_t k, const T *a, int64_t line, const T *x, T *y,
                                  int64_t y_step, bool accumulate)
{
    T out[4];
    int64_t i = 0, rest = m % 4;
    for (; i + 4 <= m; i += 4, a += 4 * line) {
        NAME(four_dots)(k, NAME(head_or_all)(a + 3 * line), x, a, line, out);
        for (int q = 0; q < 4; q++) NAME(put)(y + (i + q) * y_step, out[q], accumulate);
    }
    const int64_t head = NAME(head_or_all)(x);
    for (int64_t q = 0; q < rest; q++, a += line)
        out[q] = q == 1 ? NAME(one_dot)(1, k, head, x, a) : NAME(one_dot)(2, k, head, x, a);
    for (int64_t q = 0; q < rest; q++) NAME(put)(y + (i + q) * y_step, out[q], accumulate);
}

/* The product of two vectors, in four lanes vectors in turn; the head is that of y, and starts and ends
 * in lane 0. */
static T NAME(dot)(int64_t k, const T *x, const T *y)
{
    T first = 0;
    int64_t l = 0;
    for (const int64_t head = NAME(head)(y); l < head && l < k; l++) first += x[l] * y[l];
    lanes v[4] = {{first}};
    for (; l + 4 * LANES <= k; l += 4 * LANES)
        _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) v[i] +=
            VEC(x + l + i * LANES) * VEC(y + l + i * LANES);
    if (LANES == 4 && l + 8 <= k) {
        v[0] += VEC(x + l) * VEC(y + l);
        v[1] += VEC(x + l + 4) * VEC(y + l + 4);
        l += 8;
    }
    for (; l + LANES <= k; l += LANES) v[0] += VEC(x + l) * VEC(y + l);
    for (; l < k; l++) v[0][0] += x[l] * y[l];
    return NAME(fold)(((v[0] + v[1]) + v[2]) + v[3]);
}

/* ---- else: term by term ---------------------------------------------------------------------- */

/* Element (i, j) where four of every eight terms are added up by themselves. */
static T NAME(in_eights)(const mt_product *p, int64_t i, int64_t j)
{
    const T *a = A(p, i), *b = B(p, j);
    const int64_t down = p->b_row, along = p->a_col;
    T sum = p->accumulate ? C(p, i)[j] : 0;
    int64_t l = 0;
    for (; l + 8 <= p->k; l += 8) {
        for (int64_t q = l; q < l + 4; q++) sum += a[q * along] * b[q * down];
        T four = a[(l + 4) * along] * b[(l + 4) * down];
        for (int64_t q = l + 5; q < l + 8; q++) four += a[q * along] * b[q * down];
        sum += four;
    }
    for (; l < p->k; l++) sum += a[l * along] * b[l * down];
    return sum;
}

/* How many elements at the start of row i are in eights. */
static inline int64_t NAME(before_vectors)(const mt_product *p, int64_t i)
{
    const int64_t head = NAME(head)(C(p, i));
    return p->n - head >= LANES ? head : 0;
}

/* sum[j][i] += a[i] b[j] over all terms, for i < some and j < p->n; four terms at a time, one by one. */
static inline __attribute__((always_inline)) void
NAME(add_terms)(const mt_product *p, int64_t some, const T *a, int64_t a_row, T *sum, int64_t width)
{
    const int64_t s = p->a_col;
    int64_t l = 0;
    for (; l + 4 <= p->k; l += 4, a += 4 * s)
        for (int64_t j = 0; j < p->n; j++) {
            const T *b = B(p, j) + l * p->b_row;
            const T b0 = b[0], b1 = b[p->b_row], b2 = b[2 * p->b_row], b3 = b[3 * p->b_row];
            T *to = sum + j * width;
            for (int64_t i = 0; i < some; i++) {
                const T *from = a + i * a_row;
                to[i] =
                    (((to[i] + from[0] * b0) + from[s] * b1) + from[2 * s] * b2) + from[3 * s] * b3;
            }
        }
    for (; l < p->k; l++, a += s)
        for (int64_t j = 0; j < p->n; j++) {
            const T b = B(p, j)[l * p->b_row];
            for (int64_t i = 0; i < some; i++) sum[j * width + i] += a[i * a_row] * b;
        }
}

/* Few columns: blocks of rows beside each other, those of r. turned: q is the transpose of `whole`. */
static void NAME(by_terms)(const mt_product *whole, const mt_product *q, range r, bool turned,
                           bool eights)
{
    T sum[SUMS];
    const int64_t width = SUMS / q->n, c_row = turned ? 1 : whole->ldc,
                  c_col = turned ? whole->ldc : 1;
    const bool after = whole->accumulate && whole->b_col != 1 && whole->m > 1 && whole->n > 1;
    for (int64_t first = r.begin; first < r.end; first += width) {
        const int64_t some = r.end - first < width ? r.end - first : width;
        const T *a = A(q, first);
        T *c = C(whole, 0) + first * c_row;
        for (int64_t j = 0; j < q->n; j++) {
            memset(sum + j * width, 0, (size_t)some * sizeof *sum);
            if (!whole->accumulate || after) continue;
            for (int64_t i = 0; i < some; i++) sum[j * width + i] = c[i * c_row + j * c_col];
        }
        if (q->a_row == 1)
            NAME(add_terms)(q, some, a, 1, sum, width);
        else
            NAME(add_terms)(q, some, a, q->a_row, sum, width);
        for (int64_t i = 0; eights && !turned && i < some; i++)
            for (int64_t j = 0, n = NAME(before_vectors)(whole, first + i); j < n; j++)
                sum[j * width + i] = NAME(in_eights)(whole, first + i, j);
        for (int64_t j = 0; eights && turned && first == 0 && j < q->n; j++)
            for (int64_t i = 0, n = NAME(before_vectors)(whole, j); i < n; i++)
                sum[j * width + i] = NAME(in_eights)(whole, j, i);
        for (int64_t j = 0; j < q->n; j++) {
            const T *from = sum + j * width;
            if (c_row == 1 && !after)
                memcpy(c + j * c_col, from, (size_t)some * sizeof *c);
            else
                for (int64_t i = 0; i < some; i++)
                    NAME(put)(c + i * c_row + j * c_col, from[i], after);
        }
    }
}

static void NAME(term_by_term)(const mt_product *p, range r)
{
    const mt_product q = transposed(p);
    const bool eights = p->k >= 8 && p->m > 1 && p->n > 1 && p->b_col == 1;
    if (p->n <= COLUMNS && p->m > ROWS)
        NAME(by_terms)(p, p, r, false, eights);
    else
        NAME(by_terms)(p, &q, r, true, eights);
}

/* ---- which way ------------------------------------------------------------------------------- */

/* The lines r of a matrix by a vector. */
static void NAME(by_vector)(range r, int64_t k, const T *a, int64_t line, const T *x, int64_t step,
                            T *y, int64_t y_step, bool accumulate)
{
    _Alignas(16) T copy[VECTOR];
    if (step != 1) {
        for (int64_t l = 0; l < k; l++) copy[l] = x[l * step];
        x = copy;
    }
    NAME(lines_by_vector)(r.end - r.begin, k, a + r.begin * line, line, x, y + r.begin * y_step,
                          y_step, accumulate);
}

static void NAME(slim)(const mt_product *p, range r)
{
    const bool rows = p->a_col == 1, columns = p->b_row == 1 && (p->b_col != 1 || p->k == 1);
    if (p->n == 1 && p->m > 1 && rows && (p->b_row == 1 || p->k <= VECTOR))
        NAME(by_vector)(p->m > ROWS ? r : (range){0, p->m}, p->k, A(p, 0), p->a_row, B(p, 0),
                        p->b_row, C(p, 0), p->ldc, p->accumulate);
    else if (p->m == 1 && columns && (rows || p->k <= VECTOR))
        NAME(by_vector)(r, p->k, B(p, 0), p->b_col, A(p, 0), p->a_col, C(p, 0), 1, p->accumulate);
    else if (p->m > 1 && p->n > 1 && rows && columns)
        NAME(rows_by_rows)(p, r);
    else
        NAME(term_by_term)(p, r);
}

#undef NAME
#undef LANES
#undef lanes
#undef VEC
#undef A
#undef B
#undef C
