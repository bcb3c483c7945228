/* The sections of metrics.def whose numbers this folder and those below it keep. */
#include "collect/push/push.h"
#include "collect/push/remote_write.h"
#include "collect/self.h"
#include "http/server.h"
#include "sys/lanes.h"

static void read_collect(void *arg, struct self_rows *rows)
{
    struct collect_stats stats = collect_stats(arg), *s = &stats;

#define COLLECT SELF_ROW
#include "collect/metrics.def"
}

void self_add_collect(struct self *self, struct collect *c)
{
    self_add(self, read_collect, c);
}

static void read_remote_write(void *arg, struct self_rows *rows)
{
    struct remote_write_stats stats = remote_write_stats(arg), *s = &stats;

#define REMOTE_WRITE SELF_ROW
#include "collect/metrics.def"
}

void self_add_remote_write(struct self *self, struct remote_write *rw)
{
    self_add(self, read_remote_write, rw);
}

static void read_push(void *arg, struct self_rows *rows)
{
    struct push_stats stats = push_stats(arg), *s = &stats;

#define PUSH SELF_ROW
#include "collect/metrics.def"
}

void self_add_push(struct self *self, struct push *p)
{
    self_add(self, read_push, p);
}

static void read_http(void *arg, struct self_rows *rows)
{
    struct http_stats stats = http_server_stats(arg), *s = &stats;

#define HTTP SELF_ROW
#include "collect/metrics.def"
}

void self_add_http(struct self *self, struct http_server *server)
{
    self_add(self, read_http, server);
}

static void read_lanes(void *arg, struct self_rows *rows)
{
    struct lanes_stats s[LANE_CLASSES];

    for (int class = 0; class < LANE_CLASSES; class ++)
        s[class] = lanes_stats(arg, (enum lane) class);
#define LANES SELF_ROW
#include "collect/metrics.def"
}

void self_add_lanes(struct self *self, struct lanes *lanes)
{
    self_add(self, read_lanes, lanes);
}
