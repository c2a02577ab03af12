/* Singular values and vectors of bidiagonal matrices, by divide and conquer: Gu and Eisenstat, A Divide-and-Conquer
 * Algorithm for the Bidiagonal SVD, SIAM J. Matrix Anal. Appl. 16(1), 1995; Golub & Van Loan, Matrix Computations (4th
 * ed.), 8.6.4 and 8.4.3.
 *
 * A row (alpha at column k, beta at k + 1) cuts an upper bidiagonal matrix into two; with the singular vectors of both,
 * what is left is the same row in their coordinates, z, over their singular values d: a matrix M with M^T M =
 * diag(d)^2 + z z^T, d_0 = 0. Its singular values are the roots of the secular equation 1 + sum z_j^2 / (d_j^2 - x^2) = 0,
 * one between each two neighbours of d, and its vectors are known quotients. The vectors of the whole are products of
 * matrices, where nearly all the work is. Rows of `u` and `v` are singular vectors; a matrix of n rows may have one column
 * more, and then v has a row n that it maps to 0.
 * Relies on kernels/gemm.c. Read next: ops/condense.c. */
#include "ops/matrices.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/parallel.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* All but these loops is compiled for size. */
#define FAST __attribute__((optimize("O3")))

/* What is smaller, of a matrix whose largest element is 1, counts as 0: as in LAPACK's dlasd2. */
#define TOLERANCE (4 * DBL_EPSILON)

/* The parts of the matrix that a vector of M is made of: its rows above the one that cuts, below it, or both. */
enum { ABOVE, BOTH, BELOW, GROUPS };

typedef struct pieces {
    int64_t n;
    const double *diagonal, *above;
    double *s, *u,
        *v;       /* u (n, n) or NULL; v (n, n), or (n, 2): the first and the last element of all */
    bool ends;    /* v has only those */
    double *rows; /* (n, n): vectors on their way into a product */
    double *gaps, *factor; /* (n, n) each: d_j^2 - x_i^2, then z_j over that; vectors of M */
    double *d, *z, *better, *root; /* of M: n each */
    int64_t *order,
        *place; /* the rows by size, those that count first; their places in a product */
    unsigned char *group;
} pieces;

/* ---- the secular equation --------------------------------------------------------------------------------------------- */

typedef struct secular {
    int64_t k;
    const double *d, *z;
    double *gaps, *better, *root;
} secular;

typedef double lanes __attribute__((vector_size(16), aligned(8), may_alias));

/* The sum of z_j^2 / gap_j from .. to - 1, and its slope. */
static FAST double terms(int64_t from, int64_t to, const double *z, const double *gap,
                         double *slope)
{
    lanes s0 = {0}, s1 = {0}, t0 = {0}, t1 = {0};
    int64_t j = from;
    for (; j + 4 <= to; j += 4) {
        const lanes z0 = *(const lanes *)(z + j), z1 = *(const lanes *)(z + j + 2);
        const lanes q0 = z0 / *(const lanes *)(gap + j), q1 = z1 / *(const lanes *)(gap + j + 2);
        s0 += z0 * q0, s1 += z1 * q1, t0 += q0 * q0, t1 += q1 * q1;
    }
    s0 += s1, t0 += t1;
    double sum = s0[0] + s0[1], squares = t0[0] + t0[1];
    for (; j < to; j++) sum += z[j] * z[j] / gap[j], squares += z[j] / gap[j] * (z[j] / gap[j]);
    *slope = squares;
    return sum;
}

/* gap_j = d_j^2 - x^2 of x = d_origin + step, each to a few units of its last digit if d_origin is the pole next to x. */
static FAST void make_gaps(const secular *q, int64_t origin, double step, double *gap)
{
    const double near = q->d[origin];
    for (int64_t j = 0; j < q->k; j++) gap[j] = (q->d[j] - near - step) * (q->d[j] + near + step);
}

/* How far x^2 is from the root of c + s / (below - x^2) + t / (above - x^2), which has the value and slopes of the sums of
 * both sides: Bunch, Nielsen and Sorensen, Rank-one Modification of the Symmetric Eigenproblem, Numer. Math. 31, 1978. */
static double way_to_root(double below, double above, double c, double s, double t, double value)
{
    const double a = c * (below + above) + s + t, b = below * above * value;
    const double root = sqrt(fmax(a * a - 4 * b * c, 0));
    return a <= 0 ? (a - root) / (2 * c) : 2 * b / (a + root);
}

/* Root i, between d_i and d_(i + 1); its gaps stay. */
static double find_root(const secular *q, int64_t i, double *gap)
{
    enum { STEPS = 80 };
    const double *d = q->d, *z = q->z;
    const bool last = i == q->k - 1;
    double low = 0, high, step, sum[2], slope[2] = {0, 0};
    int64_t origin = i;
    if (last) {
        double squares = 0;
        for (int64_t j = 0; j < q->k; j++) squares += z[j] * z[j];
        high = squares / (d[i] + sqrt(d[i] * d[i] + squares)) * (1 + 4 * DBL_EPSILON);
    } else {
        high = (d[i + 1] - d[i]) / 2;
    }
    step = high;
    for (int tried = 0; tried < STEPS; tried++) {
        make_gaps(q, origin, step, gap);
        sum[0] = terms(0, i + 1, z, gap, &slope[0]);
        sum[1] = terms(i + 1, q->k, z, gap, &slope[1]);
        const double value = 1 + sum[0] + sum[1];
        if (fabs(value) <= DBL_EPSILON * (1 + fabs(sum[0]) + fabs(sum[1]))) break;
        if (tried == 0 && value < 0 && !last) { /* the root is nearer to the pole above */
            origin = i + 1;
            low = step = -high;
            high = 0;
        } else if (value < 0) {
            low = step;
        } else {
            high = step;
        }
        const double x = d[origin] + step, below = gap[i], above = last ? 0 : gap[i + 1];
        const double s = slope[0] * below * below, t = slope[1] * above * above;
        const double c = 1 + sum[0] - slope[0] * below + sum[1] - slope[1] * above;
        const double way = last ? below + s / c : way_to_root(below, above, c, s, t, value);
        double next = step + way / (x + sqrt(fmax(x * x + way, 0)));
        if (!(next > low && next < high))
            next = low == 0 ? high / 1024 : high == 0 ? low / 1024 : low + (high - low) / 2;
        if (fabs(next - step) <= DBL_EPSILON * fabs(next) || next == low || next == high) break;
        step = next;
    }
    make_gaps(q, origin, step, gap);
    return d[origin] + step;
}

static void find_roots(int64_t begin, int64_t end, void *context)
{
    const secular *q = context;
    for (int64_t i = begin; i < end; i++) q->root[i] = find_root(q, i, q->gaps + i * q->k);
}

/* The z of which the roots found are the exact ones (Loewner's formula): with them the vectors are orthogonal, however near
 * to each other the roots are. better_j^2 = prod (x_i^2 - d_j^2) / prod over i != j of (d_i^2 - d_j^2). */
static FAST void better_terms(int64_t begin, int64_t end, void *context)
{
    const secular *q = context;
    const double *d = q->d;
    double *y = q->better;
    for (int64_t j = begin; j < end; j++) y[j] = 1;
    for (int64_t i = 0; i < q->k; i++) {
        const double *gap = q->gaps + i * q->k;
        const int64_t cut = i + 1 < begin ? begin : i + 1 < end ? i + 1 : end;
        if (i == q->k - 1)
            for (int64_t j = begin; j < end; j++) y[j] *= -gap[j];
        else
            for (int64_t j = begin; j < cut; j++)
                y[j] *= gap[j] / ((d[j] - d[i + 1]) * (d[j] + d[i + 1]));
        for (int64_t j = cut; j < end; j++) y[j] *= gap[j] / ((d[j] - d[i]) * (d[j] + d[i]));
    }
    for (int64_t j = begin; j < end; j++) y[j] = copysign(sqrt(fabs(y[j])), q->z[j]);
}

/* ---- vectors of M ------------------------------------------------------------------------------------------------------ */

typedef struct vectors {
    const pieces *p;
    int64_t k;
    bool left;
} vectors;

/* Rows of `factor`: z_j / (d_j^2 - x^2), or on the left -1 and d_j times that, of length 1; elements in their places. */
static FAST void make_vectors(int64_t begin, int64_t end, void *context)
{
    const vectors *w = context;
    const pieces *p = w->p;
    for (int64_t i = begin; i < end; i++) {
        double *q = p->gaps + i * w->k, *to = p->factor + i * w->k, squares = 0;
        for (int64_t j = 0; j < w->k; j++) {
            if (w->left)
                q[j] = j ? q[j] * p->d[j] : -1;
            else
                q[j] = p->better[j] / q[j];
            squares += q[j] * q[j];
        }
        const double by = 1 / sqrt(squares);
        for (int64_t j = 0; j < w->k; j++) to[p->place[j]] = q[j] * by;
    }
}

/* ---- one step --------------------------------------------------------------------------------------------------------- */

/* Rows `at` .. of a matrix of singular vectors, from its column `first` on: `above` columns that belong to the piece
 * above, then `below`. */
typedef struct part {
    double *at;
    int64_t width, above, below;
} part;

/* x and y become c x + s y and c y - s x. */
static FAST void turn(int64_t n, double *x, double *y, double c, double s)
{
    for (int64_t j = 0; j < n; j++) {
        const double a = x[j], b = y[j];
        x[j] = c * a + s * b;
        y[j] = c * b - s * a;
    }
}

static void turn_rows(const part *p, int64_t x, int64_t y, double c, double s)
{
    if (p->at) turn(p->above + p->below, p->at + x * p->width, p->at + y * p->width, c, s);
}

/* Indices 1 .. n - 1 of order by s, ascending: a heap (Knuth, The Art of Computer Programming 3, 5.2.3). */
static void sort(int64_t n, int64_t *order, const double *s)
{
    int64_t *a = order + 1;
    for (int64_t left = (n - 1) / 2, right = n - 1; right > 1 || left > 0;) {
        int64_t moved;
        if (left > 0) {
            moved = a[--left];
        } else {
            moved = a[--right];
            a[right] = a[0];
        }
        int64_t hole = left;
        for (int64_t child; (child = 2 * hole + 1) < right; hole = child) {
            if (child + 1 < right && s[a[child + 1]] > s[a[child]]) child++;
            if (!(s[a[child]] > s[moved])) break;
            a[hole] = a[child];
        }
        a[hole] = moved;
    }
}

/* Drops from M what counts as 0: elements of z, and one of two values that lie together, after a rotation that leaves only
 * the other in z. The number of rows that are left; they stand first in p->order. */
static int64_t deflate(const pieces *p, int64_t n, double *s, double *z, const part *u,
                       const part *v)
{
    int64_t *order = p->order, kept = 1, dropped = n;
    sort(n, order, s);
    if (!(fabs(z[order[0]]) > TOLERANCE)) z[order[0]] = z[order[0]] < 0 ? -TOLERANCE : TOLERANCE;
    int64_t *rest = p->place; /* of use later */
    for (int64_t i = 1; i < n; i++) {
        const int64_t j = order[i], before = order[kept - 1];
        if (fabs(z[j]) <= TOLERANCE) {
            rest[--dropped] = j;
        } else if (kept > 1 && s[j] - s[before] <= TOLERANCE) {
            const double r = hypot(z[j], z[before]), c = z[j] / r, by = z[before] / r;
            turn_rows(u, j, before, c, by);
            turn_rows(v, j, before, c, by);
            z[j] = r;
            if (p->group[j] != p->group[before]) p->group[j] = p->group[before] = BOTH;
            rest[--dropped] = before;
            order[kept - 1] = j;
        } else {
            order[kept++] = j;
        }
    }
    for (int64_t i = kept; i < n; i++) order[i] = rest[i];
    return kept;
}

/* The rows of p become the products of `factor` (k, k) with the first k of order, and the rest of them as it is. */
static int multiply(const pieces *q, int64_t n, int64_t k, const int64_t *count, const part *p)
{
    const int64_t all = p->above + p->below;
    for (int64_t i = 0; i < n; i++) {
        const int64_t to = i < k ? q->place[i] : i;
        memcpy(q->rows + to * all, p->at + q->order[i] * p->width, (size_t)all * sizeof(double));
    }
    const int64_t not_below = count[ABOVE] + count[BOTH], not_above = k - count[ABOVE];
    if (mt_k->gemm_f64(k, p->above, not_below, q->factor, k, 1, q->rows, all, 1, p->at, p->width,
                       0) < 0 ||
        mt_k->gemm_f64(k, p->below, not_above, q->factor + count[ABOVE], k, 1,
                       q->rows + count[ABOVE] * all + p->above, all, 1, p->at + p->above, p->width,
                       0) < 0)
        return -1;
    for (int64_t i = k; i < n; i++)
        memcpy(p->at + i * p->width, q->rows + i * all, (size_t)all * sizeof(double));
    return 0;
}

/* Singular values and vectors of M, whose z and s are in the order of rows. */
static int solve_middle(const pieces *p, int64_t n, int64_t k, double *s, const part *u,
                        const part *v)
{
    enum { GRAIN = 8192 }; /* terms */
    int64_t count[GROUPS] = {0}, place[GROUPS];
    for (int64_t i = 0; i < k; i++) {
        p->d[i] = i ? s[p->order[i]] : 0;
        p->better[i] = p->z[p->order[i]];
        count[p->group[p->order[i]]]++;
    }
    if (k > 1 && p->d[1] < TOLERANCE / 2) p->d[1] = TOLERANCE / 2;
    place[ABOVE] = 0, place[BOTH] = count[ABOVE], place[BELOW] = k - count[BELOW];
    for (int64_t i = 0; i < k; i++) p->place[i] = place[p->group[p->order[i]]]++;
    memcpy(p->z, p->better, (size_t)k * sizeof *p->z);
    secular q = {k, p->d, p->z, p->gaps, p->better, p->root};
    const int64_t grain = GRAIN / k + 1;
    mt_parallel_for(k, grain, find_roots, &q);
    mt_parallel_for(k, grain, better_terms, &q);
    for (int64_t i = k; i < n; i++) p->root[i] = s[p->order[i]];
    memcpy(s, p->root, (size_t)n * sizeof *s);
    vectors w = {p, k, false};
    mt_parallel_for(k, grain, make_vectors, &w);
    if (multiply(p, n, k, count, v) < 0) return -1;
    if (!u->at) return 0;
    w.left = true;
    mt_parallel_for(k, grain, make_vectors, &w);
    if (multiply(p, n, k, count, u) < 0) return -1;
    /* The row that cuts is a coordinate of its own, which only the first row of M has. */
    double *middle = u->at + u->above;
    for (int64_t i = 0; i < k; i++) middle[i * u->width] = p->factor[i * k + p->place[0]];
    return 0;
}

/* The n rows from `low` on, of `more` (0 or 1) columns more: s, and the rows of u and v. */
static int divide(const pieces *p, int64_t low, int64_t n, int more)
{
    const int64_t cut = n / 2, after = n - cut - 1;
    const int64_t width = p->ends ? 2 : p->n;
    double *rows = p->v + low * width + (p->ends ? 0 : low);
    if (n == 0) {
        if (more) rows[0] = 1;
        if (more && p->ends) rows[1] = 1;
        return 0;
    }
    if (divide(p, low, cut, 1) < 0 || divide(p, low + cut + 1, after, more) < 0) return -1;
    if (n >= 256 && mt_check_interrupted() < 0) return -1;
    const bool whole = after + more == 0; /* nothing below: the first piece has both ends */
    const part v = {rows, width, p->ends ? 1 + whole : cut + 1, p->ends ? !whole : after + more};
    const part u = {p->u ? p->u + low * (p->n + 1) : NULL, p->n, cut, after + 1};
    const int64_t last = p->ends ? 1 : cut, first = p->ends ? 0 : cut + 1; /* where both meet */
    double *s = p->s + low, *z = p->z;
    const double alpha = p->diagonal[low + cut], beta = whole ? 0 : p->above[low + cut];
    const double other = more ? beta * rows[n * width + first] : 0;
    for (int64_t i = 0; i < n; i++) {
        z[i] = i <= cut ? alpha * rows[i * width + last] : beta * rows[i * width + first];
        p->group[i] = i <= cut ? ABOVE : BELOW;
        p->order[i] = i;
    }
    p->order[0] = cut;
    p->order[cut] = 0;
    s[cut] = 0;
    for (int64_t i = 0; i < n + more && p->ends && !whole; i++) rows[2 * i + (i <= cut)] = 0;
    if (more) { /* both pieces map a vector to 0: of these two, turned, one is mapped to 0 by all */
        const double r = hypot(z[cut], other);
        if (r > 0) turn_rows(&v, cut, n, z[cut] / r, other / r);
        z[cut] = r;
        p->group[cut] = BOTH;
    }
    return solve_middle(p, n, deflate(p, n, s, z, &u, &v), s, &u, &v);
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

/* Rows of x (n, width) in the order given, the last one first. */
static void arrange(const pieces *p, double *x, int64_t width)
{
    if (!x) return;
    for (int64_t i = 0; i < p->n; i++)
        memcpy(p->rows + i * width, x + p->order[p->n - 1 - i] * width, (size_t)width * sizeof *x);
    memcpy(x, p->rows, (size_t)(p->n * width) * sizeof *x);
}

static void descending(const pieces *p, double by)
{
    const int64_t n = p->n;
    for (int64_t i = 0; i < n; i++) {
        p->order[i] = i;
        p->d[i] = p->s[i];
    }
    sort(n + 1, p->order - 1, p->s);
    for (int64_t i = 0; i < n; i++) p->s[i] = p->d[p->order[n - 1 - i]] * by;
    arrange(p, p->u, n);
    if (!p->ends) arrange(p, p->v, n);
}

int mt_bidiagonal_svd(int64_t n, double *diagonal, double *above, double *s, double *u, double *v)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fmax(fabs(diagonal[i]), i < n - 1 ? fabs(above[i]) : 0));
    const double by = largest > 0 ? ldexp(1, ilogb(largest)) : 1;
    for (int64_t i = 0; i < n; i++) {
        diagonal[i] /= by;
        if (i < n - 1) above[i] /= by;
    }
    const int64_t square = n * n, ends = v ? 0 : 2 * n;
    const size_t bytes = (size_t)(3 * square + ends + 4 * n) * sizeof(double) +
                         (size_t)(2 * n + 1) * sizeof(int64_t) + (size_t)n;
    double *room = mt_malloc(bytes);
    if (!room) return -1;
    pieces p = {.n = n, .diagonal = diagonal, .above = above, .s = s, .u = u, .ends = !v};
    p.rows = room;
    p.gaps = p.rows + square;
    p.factor = p.gaps + square;
    p.v = v ? v : p.factor + square;
    p.d = p.factor + square + ends;
    p.z = p.d + n;
    p.better = p.z + n;
    p.root = p.better + n;
    p.order = (int64_t *)(void *)(p.root + n) + 1;
    p.place = p.order + n;
    p.group = (unsigned char *)(p.place + n);
    if (u) memset(u, 0, (size_t)square * sizeof *u);
    if (v) memset(v, 0, (size_t)square * sizeof *v);
    int status = 0;
    if (largest > 0) {
        status = divide(&p, 0, n, 0);
        if (status == 0) descending(&p, by);
    } else {
        for (int64_t i = 0; i < n; i++) {
            s[i] = 0;
            if (u) u[i * n + i] = 1;
            if (v) v[i * n + i] = 1;
        }
    }
    mt_free(room, bytes);
    return status;
}
