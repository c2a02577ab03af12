/* Watching operators. One record for the process, which belongs to the thread that started it: only
 * that one has mt_self.watch set. Relies on base/alloc.h for the count of live bytes. */
#include "graph/watch.h"

#include "base/alloc.h"
#include "base/error.h"
#include "graph/apply.h"
#include "graph/node.h"

#include <string.h>
#include <time.h>

static struct {
    bool busy, keeps_shapes;
    mt_event *event;
    int32_t n, capacity;
    int32_t open; /* the innermost event that has not ended, -1: none */
    int64_t *size;
    int32_t sizes, sizes_capacity;
} seen = {.open = -1};

int64_t mt_watch_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of everything but the record itself. */
static int64_t live_bytes(void)
{
    const size_t own = (size_t)seen.capacity * sizeof *seen.event +
                       (size_t)seen.sizes_capacity * sizeof *seen.size;
    return mt_alloc_get_stats().live_bytes - (int64_t)own;
}

/* ---- room: what finds none is not kept, and nobody fails for it ------------------------------ */

/* The list with room for `more` after the `used` elements it has, or NULL: no memory, no error. */
static void *with_room(void *list, int32_t used, int32_t more, int32_t *capacity, size_t item)
{
    if (used <= *capacity - more) return list;
    const int32_t wanted = *capacity > INT32_MAX / 4 ? 0 : 2 * *capacity + more + 1024;
    void *grown = wanted ? mt_regrow(list, (size_t)*capacity * item, (size_t)wanted * item) : NULL;
    if (grown)
        *capacity = wanted;
    else
        mt_error_clear();
    return grown;
}

static void keep_shapes(mt_event *e, mt_tensor *const *in, int nin)
{
    int32_t more = 1;
    for (int i = 0; i < nin; i++) more += 1 + (in[i] ? in[i]->ndim : 0);
    int64_t *size = with_room(seen.size, seen.sizes, more, &seen.sizes_capacity, sizeof *size);
    if (!size) return;
    seen.size = size;
    e->shapes = seen.sizes;
    seen.size[seen.sizes++] = nin;
    for (int i = 0; i < nin; i++) {
        seen.size[seen.sizes++] = in[i] ? in[i]->ndim : -1;
        for (int d = 0; in[i] && d < in[i]->ndim; d++) seen.size[seen.sizes++] = in[i]->size[d];
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static mt_event *open_event(mt_event_kind kind)
{
    mt_event *all = with_room(seen.event, seen.n, 1, &seen.capacity, sizeof *all), *e;
    if (!all) return NULL;
    seen.event = all;
    e = &all[seen.n];
    *e = (mt_event){.parent = seen.open, .shapes = -1, .kind = kind};
    seen.open = seen.n++;
    return e;
}

/* As late as possible before what is timed. */
static int32_t begin(mt_event *e)
{
    e->bytes = -live_bytes();
    e->start = mt_watch_clock();
    return (int32_t)(e - seen.event);
}

int32_t mt_watch_open(int32_t label)
{
    mt_event *e = mt_self.watch ? open_event(MT_EVENT_HOST) : NULL;
    if (!e) return -1;
    e->label = label;
    return begin(e);
}

void mt_watch_close(int32_t event)
{
    const int64_t now = mt_watch_clock();
    if (!mt_self.watch || event < 0 || event >= seen.n || seen.event[event].end) return;
    /* What an exception left open inside of it ends with it. */
    for (int32_t i = seen.open; i > event; i = seen.event[i].parent) {
        seen.event[i].end = now;
        seen.event[i].bytes += live_bytes();
    }
    seen.event[event].end = now;
    seen.event[event].bytes += live_bytes();
    seen.open = seen.event[event].parent;
}

/* The operator's name as programs call it: the schema's, with `_` if it writes in place. */
static void name_operator(mt_event *e, const mt_call *c)
{
    size_t length = strcspn(c->op->schema, ".(");
    if (length > sizeof e->name - 2) length = sizeof e->name - 2;
    memcpy(e->name, c->op->schema, length);
    if (c->flags & MT_CALL_INPLACE && length && e->name[length - 1] != '_') e->name[length] = '_';
}

mt_tensor *mt_watch_apply(mt_call *c)
{
    int32_t event = -1;
    mt_event *e = open_event(MT_EVENT_OPERATOR);
    if (e) {
        name_operator(e, c);
        if (seen.keeps_shapes) keep_shapes(e, c->in, c->nin);
        event = begin(e);
    }
    mt_self.watch = MT_WATCH_OPENED;
    mt_tensor *t = mt_apply(c);
    if (mt_self.watch) mt_self.watch = MT_WATCH_ON;
    mt_watch_close(event);
    return t;
}

int32_t mt_watch_open_rule(const mt_node *n, mt_tensor *const *gout)
{
    char name[64];
    mt_event *e = open_event(MT_EVENT_RULE);
    if (!e) return -1;
    memcpy(e->name, mt_node_name(n, name), sizeof e->name - 1);
    if (seen.keeps_shapes) keep_shapes(e, gout, n->call.nout);
    return begin(e);
}

/* ---- start and stop -------------------------------------------------------------------------- */

int mt_watch_start(bool shapes)
{
    if (seen.busy && !mt_self.watch)
        return mt_error(MT_RUNTIME, "another thread is being profiled already");
    seen.busy = true;
    seen.keeps_shapes = shapes;
    seen.n = seen.sizes = 0;
    seen.open = -1;
    mt_self.watch = MT_WATCH_ON;
    return 0;
}

void mt_watch_stop(void)
{
    while (mt_self.watch && seen.open >= 0) mt_watch_close(seen.open);
    if (mt_self.watch) seen.busy = false;
    mt_self.watch = MT_WATCH_OFF;
}

const mt_event *mt_watch_events(int32_t *n)
{
    *n = seen.n;
    return seen.event;
}

const int64_t *mt_watch_shapes(void) { return seen.size; }
