/* self: earshot's own metrics: a native collector, and the text of /metrics.
 *
 * What there is stands in metrics.def, in sections; whoever owns the numbers of a section adds it.
 * cli does it for the store, which this folder may not know:
 *
 *   static void read_tsdb(void *db, struct self_rows *rows)
 *   {
 *       struct db_stats stats = db_stats(db), *s = &stats;
 *
 *   #define TSDB SELF_ROW
 *   #include "collect/metrics.def"
 *   }
 *   self_add(self, read_tsdb, db);
 *
 * Threads: the loop's; self_collector's `collect` runs on a lane and sees the numbers its `prepare`
 * read on the loop.
 */
#ifndef COLLECT_SELF_H
#define COLLECT_SELF_H

#include <stddef.h>

#include "collect/collect.h"
#include "model/expo.h"
#include "model/metadata.h"

struct buf;
struct http_request;
struct http_server;
struct lanes;
struct push;
struct remote_write;
struct self;

struct self_row {
    const char *name;
    enum metric_type type;
    const char *help;       /* borrowed, as all its texts */
    const char *label, *is; /* NULL: no label */
    double value;
};

struct self_rows {
    struct self_row *items; /* owned */
    size_t n, cap;
};
void self_row_add(struct self_rows *rows, const struct self_row *row);
void self_rows_fini(struct self_rows *rows);

/* What a section's macro is while `rows` are read. */
#define SELF_ROW(name, type, help, label, is, value)                                               \
    self_row_add(rows, &(struct self_row){#name, METRIC_##type, help, label, is, (double)(value)});

/* Families whose series come and go, one for each of something. */
struct self_table {
    void *(*snapshot)(void *arg); /* on the loop: what is to be told, heap */
    MUST_USE int (*emit)(const void *taken, struct emit *emit, struct err *err); /* on a lane */
    void (*drop)(void *taken);                                                   /* NULL is fine */
    void *arg;
};

/* Holds earshot_build_info with this version and the process_* section from the start. */
struct self *self_new(const char *version);
void self_free(struct self *self);
/* A section; before use. `read`, on the loop, adds its rows, those of a family together. */
void self_add(struct self *self, void (*read)(void *arg, struct self_rows *rows), void *arg);

void self_add_table(struct self *self, const struct self_table *table); /* copied; before use */

void self_add_collect(struct self *self, struct collect *c);
void self_add_costs(struct self *self, struct collect *c);
void self_add_remote_write(struct self *self, struct remote_write *rw);
void self_add_push(struct self *self, struct push *p);
void self_add_http(struct self *self, struct http_server *server);
void self_add_lanes(struct self *self, struct lanes *lanes);

/* For collect_add, job "earshot". Does not own `self`. */
struct collector self_collector(struct self *self);
/* The same as text, read anew. */
MUST_USE int self_write(struct self *self, enum expo_format format, struct buf *out,
                        struct err *err);
/* http_handler of /metrics; arg is self. OpenMetrics when the client asks for it. */
void self_handle(struct http_request *r, void *self);

#endif
