/* Lines along one dimension, and the order of the elements of a line: what
 * sorting and selecting share. */
#ifndef MT_OPS_LINES_H
#define MT_OPS_LINES_H

#include "ops/ops.h"

/* A contiguous tensor as (outer, n, inner) around dim: line k starts at mt_line_start(l, k) and
 * its elements are `inner` apart. */
typedef struct mt_lines {
    int64_t outer, n, inner;
} mt_lines;

mt_lines mt_lines_of(int ndim, const int64_t *size, int dim);
static inline int64_t mt_line_start(const mt_lines *l, int64_t k, int64_t n)
{
    return k / l->inner * n * l->inner + k % l->inner;
}

/* Room for sorting lines of n elements: keys that compare as unsigned numbers, and places. */
typedef struct mt_order {
    int64_t n;
    uint64_t nan; /* the key of NaN */
    uint64_t *key, *word, *other;
    int64_t *place;
    void *block;
    size_t bytes;
} mt_order;

int mt_order_begin(mt_order *o, int64_t n);
void mt_order_end(mt_order *o);
/* key[0 .. n) of the elements data[0], data[step], ...; NaN is the largest number. step in elements of type d. */
void mt_order_read(mt_order *o, mt_dtype d, const char *data, int64_t step, bool descending);
/* place[0 .. last - first) = those of the elements with the ranks first to last in order, equal ones as they stand.
 * The keys stay where they are if all are asked for. */
void mt_order_sort(mt_order *o, int64_t first, int64_t last);

#endif
