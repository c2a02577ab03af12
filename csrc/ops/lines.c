/* Ordering a line: every type becomes an unsigned key of 64 bits, then one stable sort serves all.
 * Relies on lines.h; read next: ops/sort.c. */
#include "ops/lines.h"

#include "base/alloc.h"

#include <string.h>

mt_lines mt_lines_of(int ndim, const int64_t *size, int dim)
{
    mt_lines l = {1, 1, 1};
    for (int d = 0; d < ndim; d++) *(d < dim ? &l.outer : d > dim ? &l.inner : &l.n) *= size[d];
    return l;
}

int mt_order_begin(mt_order *o, int64_t n)
{
    int64_t bytes;
    *o = (mt_order){.n = n};
    if (__builtin_mul_overflow(n ? n : 1, (int64_t)(4 * sizeof(int64_t)), &bytes))
        return mt_error(MT_RUNTIME, "sort: too many elements");
    o->bytes = (size_t)bytes;
    if (!(o->block = mt_malloc(o->bytes))) return -1;
    o->key = o->block;
    o->other_key = o->key + n;
    o->place = (int64_t *)o->other_key + n;
    o->other_place = o->place + n;
    return 0;
}

void mt_order_end(mt_order *o) { mt_free(o->block, o->bytes); }

/* Floats compare like their bits if negative ones are turned round; -0.0 is
 * 0.0, any NaN comes last. */
static uint64_t float_key(double x)
{
    uint64_t bits;
    if (x != x) return UINT64_MAX;
    x = x == 0 ? 0 : x;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t key_of(mt_dtype d, const char *p)
{
    if (d == MT_FLOAT64) return float_key(*(const double *)(const void *)p);
    if (d == MT_FLOAT32) return float_key((double)*(const float *)(const void *)p);
    if (d == MT_BOOL) return *(const bool *)p;
    return (uint64_t)mt_scalar_load(d, p).v.i ^ (uint64_t)1 << 63;
}

static void insertion_sort(mt_order *o)
{
    for (int64_t i = 1; i < o->n; i++) {
        uint64_t key = o->key[i];
        int64_t place = o->place[i], j = i;
        for (; j > 0 && o->key[j - 1] > key; j--)
            o->key[j] = o->key[j - 1], o->place[j] = o->place[j - 1];
        o->key[j] = key;
        o->place[j] = place;
    }
}

static void swap_buffers(mt_order *o)
{
    uint64_t *key = o->key;
    int64_t *place = o->place;
    o->key = o->other_key;
    o->place = o->other_place;
    o->other_key = key;
    o->other_place = place;
}

/* Byte after byte from the lowest, each pass keeping the order of the one before; bytes
 * that all keys share are skipped. */
static void radix_sort(mt_order *o)
{
    for (int shift = 0; shift < 64; shift += 8) {
        int64_t count[257] = {0};
        for (int64_t i = 0; i < o->n; i++) count[(o->key[i] >> shift & 255) + 1]++;
        if (count[(o->key[0] >> shift & 255) + 1] == o->n) continue;
        for (int b = 0; b < 256; b++) count[b + 1] += count[b];
        for (int64_t i = 0; i < o->n; i++) {
            int64_t to = count[o->key[i] >> shift & 255]++;
            o->other_key[to] = o->key[i];
            o->other_place[to] = o->place[i];
        }
        swap_buffers(o);
    }
}

void mt_order_line(mt_order *o, mt_dtype d, const char *data, int64_t step, bool descending)
{
    step *= mt_dtype_size(d);
    for (int64_t i = 0; i < o->n; i++) {
        uint64_t key = key_of(d, data + i * step);
        o->key[i] = descending ? ~key : key;
        o->place[i] = i;
    }
    if (o->n < 48)
        insertion_sort(o);
    else
        radix_sort(o);
}
