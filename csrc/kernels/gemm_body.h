/* The body of gemm.c for one element type: T with SUFFIX. Read first: kernels/gemm.c, Note [Five
 * loops]. From bottom to top: micro-kernels, packing, tiles and panels, the loops, vectors,
 * threads. */

#define VL   ((int)(VECTOR_BYTES / sizeof(T)))
#define NR   (NV * VL)
#define vec  NAME(vec)
#define quad NAME(quad)

typedef T vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef T quad __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));

/* ---- micro-kernels --------------------------------------------------------------------------- */
/* C (rows x vectors * VL) = A B [+ C] over k steps. Element (i, p) of A is a[i * a_row + p *
 * a_col], row p of B begins at b + p * b_row. rows and vectors are constants where this is inlined,
 * so that acc lives in registers. */
static inline __attribute__((always_inline)) void
NAME(tile)(int rows, int vectors, int64_t k, const T *a, int64_t a_row, int64_t a_col, const T *b,
           int64_t b_row, T *c, int64_t ldc, bool accumulate)
{
    vec acc[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) acc[i][v] = (vec){0};
    for (int64_t p = 0; p < k; p++) {
        vec row[NV];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) row[v] = *(const vec *)(b + v * VL);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            T element = a[i * a_row];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) acc[i][v] += row[v] * element;
        }
        a += a_col;
        b += b_row;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            vec *out = (vec *)(c + i * ldc + v * VL);
            if (accumulate) acc[i][v] += *out;
            *out = acc[i][v];
        }
}

typedef void (*NAME(kernel))(int64_t k, const T *a, int64_t a_row, int64_t a_col, const T *b,
                             int64_t b_row, T *c, int64_t ldc, bool accumulate);

/* Two of each: with A packed into tiles, and with A where it lies. */
#define KERNEL(rows, vectors)                                                                      \
    static void NAME(packed_##rows##x##vectors)(int64_t k, const T *a, int64_t a_row,              \
                                                int64_t a_col, const T *b, int64_t b_row, T *c,    \
                                                int64_t ldc, bool accumulate)                      \
    {                                                                                              \
        (void)a_row;                                                                               \
        (void)a_col;                                                                               \
        NAME(tile)(rows, vectors, k, a, 1, rows, b, b_row, c, ldc, accumulate);                    \
    }                                                                                              \
    static void NAME(strided_##rows##x##vectors)(int64_t k, const T *a, int64_t a_row,             \
                                                 int64_t a_col, const T *b, int64_t b_row, T *c,   \
                                                 int64_t ldc, bool accumulate)                     \
    {                                                                                              \
        NAME(tile)(rows, vectors, k, a, a_row, a_col, b, b_row, c, ldc, accumulate);               \
    }

#if NV == 2
#define ROW_KERNELS(rows) KERNEL(rows, 1) KERNEL(rows, 2)
#define ROW(kind, rows)   {NAME(kind##_##rows##x1), NAME(kind##_##rows##x2)},
#else
#define ROW_KERNELS(rows) KERNEL(rows, 1) KERNEL(rows, 2) KERNEL(rows, 3)
#define ROW(kind, rows) {NAME(kind##_##rows##x1), NAME(kind##_##rows##x2), NAME(kind##_##rows##x3)},
#endif
#define PACKED_ROW(rows)  ROW(packed, rows)
#define STRIDED_ROW(rows) ROW(strided, rows)

EACH_ROW_COUNT(ROW_KERNELS)
/* [rows - 1][vectors - 1] */
static const NAME(kernel) NAME(packed_kernels)[MR][NV] = {EACH_ROW_COUNT(PACKED_ROW)};
static const NAME(kernel) NAME(strided_kernels)[MR][NV] = {EACH_ROW_COUNT(STRIDED_ROW)};

/* ---- packing --------------------------------------------------------------------------------- */
/* Copies n adjacent elements, 4 at a time; the last 4 may overlap the ones before. */
static inline void NAME(copy_line)(int64_t n, T *out, const T *in)
{
    if (n < 4) {
        for (int64_t i = 0; i < n; i++) out[i] = in[i];
        return;
    }
    for (int64_t i = 0; i + 4 < n; i += 4) *(quad *)(out + i) = *(const quad *)(in + i);
    *(quad *)(out + n - 4) = *(const quad *)(in + n - 4);
}

/* A 4 x 4 block: line i of `in` (ld_in apart) becomes column i of `out` (lines ld_out apart). */
static inline void NAME(transpose4)(T *out, int64_t ld_out, const T *in, int64_t ld_in)
{
    quad a = *(const quad *)in, b = *(const quad *)(in + ld_in);
    quad c = *(const quad *)(in + 2 * ld_in), d = *(const quad *)(in + 3 * ld_in);
    quad ab0 = SHUFFLE(a, b, 0, 4, 1, 5), ab1 = SHUFFLE(a, b, 2, 6, 3, 7);
    quad cd0 = SHUFFLE(c, d, 0, 4, 1, 5), cd1 = SHUFFLE(c, d, 2, 6, 3, 7);
    *(quad *)out = SHUFFLE(ab0, cd0, 0, 1, 4, 5);
    *(quad *)(out + ld_out) = SHUFFLE(ab0, cd0, 2, 3, 6, 7);
    *(quad *)(out + 2 * ld_out) = SHUFFLE(ab1, cd1, 0, 1, 4, 5);
    *(quad *)(out + 3 * ld_out) = SHUFFLE(ab1, cd1, 2, 3, 6, 7);
}

/* out[p * ld + i] = in[i * line + p] for n lines of k adjacent elements: a transpose in 4 x 4
 * blocks, a cache line along k at a time, so that lines whose addresses collide are read once. */
static void NAME(pack_lines)(int64_t n, int64_t k, T *out, int64_t ld, const T *in, int64_t line)
{
    enum { CACHE_LINE = 64 / sizeof(T) };
    int64_t whole = n < 4 ? 0 : k - k % 4;
    for (int64_t p0 = 0; p0 < whole; p0 += CACHE_LINE) {
        int64_t end = min64(p0 + CACHE_LINE, whole);
        for (int64_t i = 0; i < n; i += 4) {
            int64_t first = i + 4 <= n ? i : n - 4; /* the last block may overlap */
            for (int64_t p = p0; p < end; p += 4)
                NAME(transpose4)(out + p * ld + first, ld, in + first * line + p, line);
        }
    }
    for (int64_t p = whole; p < k; p++)
        for (int64_t i = 0; i < n; i++) out[p * ld + i] = in[i * line + p];
}

/* out[p * ld + i] = in[i * line + p * step] for i < n, p < k; zeros for n <= i < ld. A tile of A or
 * a panel of B. */
static void NAME(pack)(int64_t n, int64_t k, T *out, int64_t ld, const T *in, int64_t line,
                       int64_t step)
{
    if (n < ld)
        for (int64_t p = 0; p < k; p++) *(vec *)(out + p * ld + ld - VL) = (vec){0};
    if (line == 1 && n == NR)
        for (int64_t p = 0; p < k; p++)
            for (int v = 0; v < NV; v++)
                *(vec *)(out + p * ld + v * VL) = *(const vec *)(in + p * step + v * VL);
    else if (line == 1)
        for (int64_t p = 0; p < k; p++) NAME(copy_line)(n, out + p * ld, in + p * step);
    else if (step == 1)
        NAME(pack_lines)(n, k, out, ld, in, line);
    else
        for (int64_t p = 0; p < k; p++)
            for (int64_t i = 0; i < n; i++) out[p * ld + i] = in[i * line + p * step];
}

/* ---- tiles and panels ------------------------------------------------------------------------ */
/* What a multiplication is about: pointers to the first elements, strides in elements. */
typedef struct NAME(problem) {
    int64_t m, n, k;
    const T *a;
    int64_t a_row, a_col;
    const T *b;
    int64_t b_row, b_col;
    T *c;
    int64_t ldc;
    bool accumulate, one_sum;
} NAME(problem);
#define problem NAME(problem)

/* m rows of A times one panel of n <= NR columns. B's rows hold whole vectors (zeros beyond n). A
 * is packed into tiles if a_packed is given, which is where they lie. */
static void NAME(panel)(int64_t m, int64_t n, int64_t k, const problem *p, const T *a,
                        const T *a_packed, const T *b, int64_t b_row, T *c, bool accumulate)
{
    T edge[MR * NR];
    int64_t tiles = ceil_div(m, MR), i = 0;
    int vectors = (int)ceil_div(n, VL);
    bool whole = n == (int64_t)vectors * VL;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t rows = m / tiles + (t < m % tiles);
        NAME(kernel)
        kernel = a_packed ? NAME(packed_kernels)[rows - 1][vectors - 1]
                          : NAME(strided_kernels)[rows - 1][vectors - 1];
        const T *a_tile = a_packed ? a_packed + i * k : a + i * p->a_row;
        T *out = c + i * p->ldc;
        if (whole) {
            kernel(k, a_tile, p->a_row, p->a_col, b, b_row, out, p->ldc, accumulate);
        } else {
            kernel(k, a_tile, p->a_row, p->a_col, b, b_row, edge, NR, false);
            for (int64_t r = 0; r < rows; r++)
                if (accumulate)
                    for (int64_t j = 0; j < n; j++) out[r * p->ldc + j] += edge[r * NR + j];
                else
                    NAME(copy_line)(n, out + r * p->ldc, edge + r * NR);
        }
        i += rows;
    }
}

/* Packs a block of A into the tiles that panel() goes through. */
static void NAME(pack_a)(int64_t m, int64_t k, T *out, const problem *p, const T *a)
{
    int64_t tiles = ceil_div(m, MR), i = 0;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t rows = m / tiles + (t < m % tiles);
        NAME(pack)(rows, k, out + i * k, rows, a + i * p->a_row, p->a_row, p->a_col);
        i += rows;
    }
}

/* ---- the loops ------------------------------------------------------------------------------- */
/* How much of k is added up before it goes to C. As PyTorch's library (MKL) cuts it, so that the digits
 * are the same; what is left over comes last. */
static int64_t NAME(k_step)(const problem *p)
{
    if (p->one_sum) return min64(p->k, MT_GEMM_MOST);
    return p->k <= KC ? p->k : p->k < 2 * KC ? p->k / 2 : KC;
}

/* How one multiplication is blocked, and what is packed. */
typedef struct NAME(plan) {
    int64_t kc, m_blocks, nc;
    bool pack_a, pack_b;
    bool b_at_once; /* all panels of a block of B are packed before use, as several blocks of A use
                       them */
    size_t a_size, b_size; /* elements of the buffers */
} NAME(plan);
#define plan NAME(plan)

static plan NAME(make_plan)(const problem *p)
{
    plan q = {.kc = NAME(k_step)(p), .m_blocks = ceil_div(p->m, MC)};
    int64_t kc = q.kc, mc = ceil_div(p->m, q.m_blocks);
    bool small_b = p->b_row * kc * (int64_t)sizeof(T) <= 16384 && p->b_row >= 0;
    q.pack_a = p->n > 2 * NR || aliases(p->a_row, sizeof(T)) || aliases(p->a_col, sizeof(T));
    q.pack_b = p->b_col != 1 || (p->m > 2 * MR && !small_b);
    q.b_at_once = q.pack_b && q.m_blocks > 1;
    q.nc = q.b_at_once ? min64(p->n, NC) : p->n;
    q.a_size = q.pack_a ? (size_t)(mc * kc) : 0;
    q.b_size = (size_t)(kc * (q.b_at_once ? ceil_div(q.nc, NR) * NR : NR));
    if (!q.pack_b && p->n % VL == 0) q.b_size = 0;
    return q;
}

/* One block of A (m x k at a) by one block of B (k x n at b) into c. */
static void NAME(block)(const problem *p, const plan *q, int64_t m, int64_t n, int64_t k,
                        const T *a, const T *b, T *c, T *a_buffer, T *b_buffer, bool accumulate)
{
    if (q->pack_a) NAME(pack_a)(m, k, a_buffer, p, a);
    for (int64_t j = 0; j < n; j += NR) {
        int64_t columns = min64(NR, n - j), width = ceil_div(columns, VL) * VL;
        const T *panel = b + j * p->b_col;
        int64_t panel_row = p->b_row;
        if (q->b_at_once) {
            panel = b_buffer + j * k;
            panel_row = width;
        } else if (q->pack_b || columns != width) {
            NAME(pack)(columns, k, b_buffer, width, panel, p->b_col, p->b_row);
            panel = b_buffer;
            panel_row = width;
        }
        NAME(panel)(m, columns, k, p, a, q->pack_a ? a_buffer : NULL, panel, panel_row, c + j,
                    accumulate);
    }
}

static void NAME(loops)(const problem *p, const plan *q, T *a_buffer, T *b_buffer)
{
    for (int64_t j = 0; j < p->n; j += q->nc) {
        int64_t n = min64(q->nc, p->n - j);
        for (int64_t k0 = 0; k0 < p->k; k0 += q->kc) {
            int64_t k = min64(q->kc, p->k - k0);
            const T *b = p->b + k0 * p->b_row + j * p->b_col;
            for (int64_t r = 0; q->b_at_once && r < n; r += NR) {
                int64_t columns = min64(NR, n - r);
                NAME(pack)(columns, k, b_buffer + r * k, ceil_div(columns, VL) * VL,
                           b + r * p->b_col, p->b_col, p->b_row);
            }
            for (int64_t mb = 0; mb < q->m_blocks; mb++) {
                int64_t i = part_start(p->m, q->m_blocks, mb);
                int64_t m = part_start(p->m, q->m_blocks, mb + 1) - i;
                NAME(block)(p, q, m, n, k, p->a + i * p->a_row + k0 * p->a_col, b,
                            p->c + i * p->ldc + j, a_buffer, b_buffer, p->accumulate || k0 > 0);
            }
        }
    }
}

/* One thread, any shape. False: no memory for the buffers. */
static bool NAME(serial)(const problem *p)
{
    plan q = NAME(make_plan)(p);
    size_t size = (q.a_size + q.b_size) * sizeof(T);
    T *buffer = NULL;
    if (size > 0 && !(buffer = mt_malloc(size))) return false;
    NAME(loops)(p, &q, buffer, size > 0 ? buffer + q.a_size : NULL);
    mt_free(buffer, size);
    return true;
}

/* A few rows and columns: B, if it must be packed at all, goes to the stack. */
static void NAME(tiny)(const problem *p)
{
    T buffer[TINY_B];
    int64_t width = ceil_div(p->n, VL) * VL, b_row = p->b_row;
    const T *b = p->b;
    if (p->b_col != 1 || width != p->n) {
        NAME(pack)(p->n, p->k, buffer, width, b, p->b_col, p->b_row);
        b = buffer;
        b_row = width;
    }
    NAME(panel)(p->m, p->n, p->k, p, p->a, NULL, b, b_row, p->c, p->accumulate);
}

/* ---- matrix by vector ------------------------------------------------------------------------ */
/* y[i * y_step] = sum over p of A[i, p] x[p * x_step] [+ y]. A and y as in the problem that it
 * comes from; either may be its transpose. */
typedef struct NAME(product) {
    int64_t m, k;
    const T *a;
    int64_t a_row, a_col;
    const T *x;
    int64_t x_step;
    T *y;
    int64_t y_step;
    bool accumulate;
} NAME(product);
#define product NAME(product)

static inline T NAME(sum)(vec v)
{
    T lane[VECTOR_BYTES / sizeof(T) + 4]; /* VL may be 2: then two zeros make a quad */
    *(quad *)(lane + VL) = (quad){0};
    *(vec *)lane = v;
    quad q = *(const quad *)lane;
    for (int i = 4; i < VL; i += 4) q += *(const quad *)(lane + i);
    return (q[0] + q[1]) + (q[2] + q[3]);
}

/* out[0..rows) = the products of rows adjacent lines of A with x, k adjacent elements each. Named
 * accumulators, two a row: with an array of them gcc 12 keeps them in memory. */
static inline __attribute__((always_inline)) void NAME(dots)(int rows, int64_t k, T *out,
                                                             const T *a, int64_t line, const T *x)
{
    vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
    const T *a1 = a + line, *a2 = a1 + line, *a3 = a2 + line;
    int64_t p = 0;
#define LOAD(from) (*(const vec *)(from))
    for (; p + 2 * VL <= k; p += 2 * VL) {
        vec u = LOAD(x + p), v = LOAD(x + p + VL);
        s0 += LOAD(a + p) * u, t0 += LOAD(a + p + VL) * v;
        if (rows == 1) continue;
        s1 += LOAD(a1 + p) * u, t1 += LOAD(a1 + p + VL) * v;
        s2 += LOAD(a2 + p) * u, t2 += LOAD(a2 + p + VL) * v;
        s3 += LOAD(a3 + p) * u, t3 += LOAD(a3 + p + VL) * v;
    }
    if (p + VL <= k) {
        vec u = LOAD(x + p);
        s0 += LOAD(a + p) * u;
        if (rows > 1) s1 += LOAD(a1 + p) * u, s2 += LOAD(a2 + p) * u, s3 += LOAD(a3 + p) * u;
        p += VL;
    }
#undef LOAD
    out[0] = p ? NAME(sum)(s0 + t0) : 0;
    if (rows == 4) {
        out[1] = p ? NAME(sum)(s1 + t1) : 0;
        out[2] = p ? NAME(sum)(s2 + t2) : 0;
        out[3] = p ? NAME(sum)(s3 + t3) : 0;
    }
    for (; p < k; p++)
        for (int i = 0; i < rows; i++) out[i] += a[i * line + p] * x[p];
}

static inline void NAME(put)(const product *g, int64_t i, T value)
{
    T *y = g->y + i * g->y_step;
    *y = g->accumulate ? *y + value : value;
}

/* Rows [begin, end) when the elements of a row are adjacent, and those of x. */
static void NAME(by_rows)(int64_t begin, int64_t end, const product *g, const T *x)
{
    T out[4];
    int64_t i = begin;
    for (; i + 4 <= end; i += 4) {
        NAME(dots)(4, g->k, out, g->a + i * g->a_row, g->a_row, x);
        for (int r = 0; r < 4; r++) NAME(put)(g, i + r, out[r]);
    }
    for (; i < end; i++) {
        NAME(dots)(1, g->k, out, g->a + i * g->a_row, 0, x);
        NAME(put)(g, i, out[0]);
    }
}

/* Rows [begin, end) when the elements of a column are adjacent: adds four columns at a time. */
static void NAME(by_columns)(int64_t begin, int64_t end, const product *g)
{
    enum { BLOCK = 1024 };
    T y[BLOCK];
    for (int64_t i0 = begin; i0 < end; i0 += BLOCK) {
        int64_t n = min64(BLOCK, end - i0), p = 0, s = g->a_col;
        memset(y, 0, (size_t)n * sizeof *y);
        for (; p + 4 <= g->k; p += 4) {
            const T *a = g->a + i0 + p * s, *x = g->x + p * g->x_step;
            T x0 = x[0], x1 = x[g->x_step], x2 = x[2 * g->x_step], x3 = x[3 * g->x_step];
            for (int64_t i = 0; i < n; i++)
                y[i] += a[i] * x0 + a[i + s] * x1 + a[i + 2 * s] * x2 + a[i + 3 * s] * x3;
        }
        for (; p < g->k; p++)
            for (int64_t i = 0; i < n; i++) y[i] += g->a[i0 + i + p * s] * g->x[p * g->x_step];
        for (int64_t i = 0; i < n; i++) NAME(put)(g, i0 + i, y[i]);
    }
}

static void NAME(product_rows)(int64_t begin, int64_t end, void *context)
{
    const product *g = context;
    enum { X_BLOCK = 1024 };
    T x[X_BLOCK];
    if (g->a_col == 1 && g->x_step == 1) {
        NAME(by_rows)(begin, end, g, g->x);
        return;
    }
    if (g->a_col == 1 && g->k <= X_BLOCK && g->k > 4) {
        for (int64_t p = 0; p < g->k; p++) x[p] = g->x[p * g->x_step];
        NAME(by_rows)(begin, end, g, x);
        return;
    }
    if (g->a_row == 1 && g->m > 4) { /* not end - begin, which depends on the threads */
        NAME(by_columns)(begin, end, g);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        T sum = 0;
        for (int64_t p = 0; p < g->k; p++)
            sum += g->a[i * g->a_row + p * g->a_col] * g->x[p * g->x_step];
        NAME(put)(g, i, sum);
    }
}

static void NAME(multiply_vector)(product g)
{
    if (2 * g.m * g.k < SERIAL_FLOPS)
        NAME(product_rows)(0, g.m, &g);
    else
        mt_parallel_for(g.m, ceil_div(SERIAL_FLOPS / 8 / g.k + 1, 4) * 4, NAME(product_rows), &g);
}

/* Row i of C (or, if `columns`, column i) is a product of a matrix with a vector. */
static void NAME(vectors)(const problem *p, bool columns)
{
    for (int64_t i = 0; i < (columns ? p->n : p->m); i++) {
        product g = {p->n,     p->k,
                     p->b,     p->b_col,
                     p->b_row, p->a + i * p->a_row,
                     p->a_col, p->c + i * p->ldc,
                     1,        p->accumulate};
        if (columns)
            g = (product){p->m,     p->k,     p->a,   p->a_row,     p->a_col, p->b + i * p->b_col,
                          p->b_row, p->c + i, p->ldc, p->accumulate};
        NAME(multiply_vector)(g);
    }
}

/* ---- threads --------------------------------------------------------------------------------- */
typedef struct NAME(job) {
    const problem *p;
    grid g;
    T *partial; /* split_k: one m x n matrix for each part of k */
    int failed;
} NAME(job);
#define job NAME(job)

/* A worker's failure to allocate is the caller's to report. */
static void NAME(run)(job *j, const problem *p)
{
    if (NAME(serial)(p)) return;
    mt_error_clear();
    __atomic_store_n(&j->failed, 1, __ATOMIC_RELAXED);
}

static void NAME(rectangles)(int64_t begin, int64_t end, void *context)
{
    job *j = context;
    for (int64_t r = begin; r < end; r++) {
        problem p = *j->p;
        int64_t i = r % j->g.rows, c = r / j->g.rows, column_tiles = ceil_div(p.n, NR);
        int64_t top = part_start(p.m, j->g.rows, i);
        int64_t left = part_start(column_tiles, j->g.columns, c) * NR;
        p.m = part_start(p.m, j->g.rows, i + 1) - top;
        p.n = min64(part_start(column_tiles, j->g.columns, c + 1) * NR, p.n) - left;
        p.a += top * p.a_row;
        p.b += left * p.b_col;
        p.c += top * p.ldc + left;
        NAME(run)(j, &p);
    }
}

static void NAME(k_parts)(int64_t begin, int64_t end, void *context)
{
    job *j = context;
    for (int64_t part = begin; part < end; part++) {
        problem p = *j->p;
        int64_t k0 = part_start(p.k, j->g.rows, part);
        p.k = part_start(p.k, j->g.rows, part + 1) - k0;
        p.a += k0 * p.a_col;
        p.b += k0 * p.b_row;
        p.c = j->partial + part * p.m * p.n;
        p.ldc = p.n;
        p.accumulate = false;
        NAME(run)(j, &p);
    }
}

/* A long k over a small C: parts of k into matrices of their own, then their sum in order. */
static int NAME(split_k)(const problem *p, int64_t parts)
{
    size_t size = (size_t)(parts * p->m * p->n) * sizeof(T);
    job j = {.p = p, .g = {parts, 1}, .partial = mt_malloc(size)};
    if (!j.partial) return -1;
    mt_parallel_for(parts, 1, NAME(k_parts), &j);
    for (int64_t part = 0; part < parts && !j.failed; part++)
        for (int64_t i = 0; i < p->m; i++) {
            const T *from = j.partial + (part * p->m + i) * p->n;
            T *to = p->c + i * p->ldc;
            bool add = part > 0 || p->accumulate;
            for (int64_t c = 0; c < p->n; c++) to[c] = add ? to[c] + from[c] : from[c];
        }
    mt_free(j.partial, size);
    return j.failed ? (mt_fail_memory(), -1) : 0;
}

static int NAME(large)(const problem *p)
{
    double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    if (p->k >= 2 * LONG_K && ceil_div(p->m, MR) * ceil_div(p->n, NR) <= 8 &&
        flops >= 2 * CHUNK_FLOPS)
        return NAME(split_k)(p, min64(p->k / LONG_K, 16));
    int threads = mt_in_parallel() ? 1 : mt_get_num_threads();
    if (flops < SERIAL_FLOPS || threads == 1) return NAME(serial)(p) ? 0 : -1;
    int64_t wanted =
        threads *
        (flops > (double)CHUNK_FLOPS * threads * RECTANGLES_PER_THREAD ? RECTANGLES_PER_THREAD : 1);
    job j = {.p = p, .g = choose_grid(p->m, p->n, min64(wanted, MAX_RECTANGLES), MR, NR)};
    mt_parallel_for(j.g.rows * j.g.columns, 1, NAME(rectangles), &j);
    return j.failed ? (mt_fail_memory(), -1) : 0;
}

static int NAME(gemm)(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_row, int64_t a_col,
                      const T *b, int64_t b_row, int64_t b_col, T *c, int64_t ldc, int how)
{
    const bool accumulate = how & MT_GEMM_ADD, one_sum = how & MT_GEMM_ONE_SUM;
    const bool slice = how & MT_GEMM_SLICE;
    if (m <= 0 || n <= 0) return 0;
    if (k <= 0) {
        for (int64_t i = 0; i < m && !accumulate; i++)
            memset(c + i * ldc, 0, (size_t)n * sizeof(T));
        return 0;
    }
    if (k == 1) a_col = b_row = 1; /* strides nobody takes should not look like bad ones */
    problem p = {m, n, k, a, a_row, a_col, b, b_row, b_col, c, ldc, accumulate, one_sum};
    if (!slice && (m == 1 || (m <= 3 && k >= 32 && b_row == 1 && b_col != 1)))
        NAME(vectors)(&p, false);
    else if (!slice && (n == 1 || (n <= 3 && k >= 32 && a_col == 1)))
        NAME(vectors)(&p, true);
    else if (m <= 16 && n <= NR && k * ceil_div(n, VL) * VL <= TINY_B)
        NAME(tiny)(&p);
    else if (slice)
        return NAME(serial)(&p) ? 0 : -1;
    else
        return NAME(large)(&p);
    return 0;
}

#undef VL
#undef NR
#undef vec
#undef quad
#undef KERNEL
#undef ROW_KERNELS
#undef ROW
#undef PACKED_ROW
#undef STRIDED_ROW
#undef problem
#undef plan
#undef product
#undef job
