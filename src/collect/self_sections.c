/* The sections of metrics.def whose numbers this folder and those below it keep. */
#include "collect/push/push.h"
#include "collect/push/remote_write.h"
#include "collect/self.h"
#include "http/server.h"
#include "sys/lanes.h"

static void read_collect(void *arg, double values[])
{
    struct collect_stats stats = collect_stats(arg), *s = &stats;
    size_t n = 0;

#define COLLECT(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric collect_metrics[] = {
#define COLLECT(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void self_add_collect(struct self *self, struct collect *c)
{
    self_add(self,
             &(struct self_section){collect_metrics, ARRAY_LEN(collect_metrics), read_collect, c});
}

static void read_remote_write(void *arg, double values[])
{
    struct remote_write_stats stats = remote_write_stats(arg), *s = &stats;
    size_t n = 0;

#define REMOTE_WRITE(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric remote_write_metrics[] = {
#define REMOTE_WRITE(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void self_add_remote_write(struct self *self, struct remote_write *rw)
{
    self_add(self, &(struct self_section){remote_write_metrics, ARRAY_LEN(remote_write_metrics),
                                          read_remote_write, rw});
}

static void read_push(void *arg, double values[])
{
    struct push_stats stats = push_stats(arg), *s = &stats;
    size_t n = 0;

#define PUSH(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric push_metrics[] = {
#define PUSH(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void self_add_push(struct self *self, struct push *p)
{
    self_add(self, &(struct self_section){push_metrics, ARRAY_LEN(push_metrics), read_push, p});
}

static void read_http(void *arg, double values[])
{
    struct http_stats stats = http_server_stats(arg), *s = &stats;
    size_t n = 0;

#define HTTP(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric http_metrics[] = {
#define HTTP(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void self_add_http(struct self *self, struct http_server *server)
{
    self_add(self,
             &(struct self_section){http_metrics, ARRAY_LEN(http_metrics), read_http, server});
}

static void read_lanes(void *arg, double values[])
{
    struct lanes_stats s[LANE_CLASSES];
    size_t n = 0;

    for (int class = 0; class < LANE_CLASSES; class ++)
        s[class] = lanes_stats(arg, (enum lane) class);
#define LANES(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric lanes_metrics[] = {
#define LANES(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void self_add_lanes(struct self *self, struct lanes *lanes)
{
    self_add(self,
             &(struct self_section){lanes_metrics, ARRAY_LEN(lanes_metrics), read_lanes, lanes});
}
