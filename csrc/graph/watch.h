/* Watching operators: what ran in this thread, when, inside what, and how much memory it left. For
 * profilers. Nothing is paid for it while nobody watches: mt_apply looks at mt_self.unusual anyway.
 * Read next: watch.c. */
#ifndef MT_GRAPH_WATCH_H
#define MT_GRAPH_WATCH_H

#include "graph/op.h"

struct mt_node;

/* mt_self.watch */
enum { MT_WATCH_OFF, MT_WATCH_ON, MT_WATCH_OPENED /* the next mt_apply has its event already */ };

typedef enum mt_event_kind { MT_EVENT_OPERATOR, MT_EVENT_RULE, MT_EVENT_HOST } mt_event_kind;

typedef struct mt_event {
    char name[48];      /* "addmm", "AddmmBackward0"; of the host's: empty */
    int64_t start, end; /* ns of the monotonic clock; end 0: still open */
    int64_t bytes;      /* live at its end minus live at its start */
    int32_t parent;     /* the event it is inside of, -1: none */
    int32_t label;      /* of the host's: which */
    int32_t shapes;     /* where in the list of sizes its inputs' shapes begin, -1: not kept */
    mt_event_kind kind;
} mt_event;

/* Begins anew, in the calling thread only. shapes: keep those of inputs too. -1: another thread
 * watches, or no memory. */
int mt_watch_start(bool shapes);
/* Ends it; what was seen stays until the next start. */
void mt_watch_stop(void);
/* All events in order of their start; *n of them. */
const mt_event *mt_watch_events(int32_t *n);
/* For each event with shapes: number of inputs, then for each its dimensions and sizes (-1
 * dimensions: no tensor). */
const int64_t *mt_watch_shapes(void);
int64_t mt_watch_clock(void); /* the clock of start and end */

/* The host's own events. The event's number, -1 if nobody watches. */
int32_t mt_watch_open(int32_t label);
void mt_watch_close(int32_t event);

/* For mt_apply and the engine. */
mt_tensor *mt_watch_apply(mt_call *c);
int32_t mt_watch_open_rule(const struct mt_node *n, mt_tensor *const *gout);

#endif
