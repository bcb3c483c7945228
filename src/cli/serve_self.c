/* earshot's own metrics: what only cli may know (the store, the configuration) joins the rest. */
#include "api/api.h"
#include "base/arena.h"
#include "base/err.h"
#include "cli/serve.h"
#include "cli/serve_entries.h"
#include "cli/version.h"
#include "collect/collect.h"
#include "collect/gpu/gpu.h"
#include "collect/json/collector.h"
#include "collect/logs/collector.h"
#include "collect/self.h"
#include "logstore/logstore.h"
#include "model/labels.h"
#include "state/events.h"
#include "tsdb/db.h"

#define INTERVAL_MS 15000

static void read_tsdb(void *db, double values[])
{
    struct db_stats stats = db_stats(db), *s = &stats;
    size_t n = 0;

#define TSDB(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric tsdb_metrics[] = {
#define TSDB(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

static void read_state(void *arg, double values[])
{
    struct serve_state *from = arg;
    const struct {
        struct state_stats state;
        struct events_stats events;
    } stats = {state_stats(from->state), events_stats(from->events)}, *s = &stats;
    size_t n = 0;

#define STATE(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric state_metrics[] = {
#define STATE(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void serve_add_state(struct self *self, struct serve_state *state)
{
    self_add(self,
             &(struct self_section){state_metrics, ARRAY_LEN(state_metrics), read_state, state});
}

static void read_json(void *counts, double values[])
{
    const struct json_counts *s = counts;
    size_t n = 0;

#define JSON(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric json_metrics[] = {
#define JSON(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

static void read_logs(void *counts, double values[])
{
    const struct logs_counts *s = counts;
    size_t n = 0;

#define LOGS(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric logs_metrics[] = {
#define LOGS(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

static void read_gpu(void *counts, double values[])
{
    const struct gpu_counts *s = counts;
    size_t n = 0;

#define GPU(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric gpu_metrics[] = {
#define GPU(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

static void read_config(void *arg, double values[])
{
    const struct serve_config_state *s = arg;
    size_t n = 0;

#define CONFIG(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric config_metrics[] = {
#define CONFIG(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

static void read_api(void *api, double values[])
{
    struct api_stats stats = api_stats(api), *s = &stats;
    size_t n = 0;

#define API(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric api_metrics[] = {
#define API(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

void serve_add_api(struct self *self, struct api *api)
{
    self_add(self, &(struct self_section){api_metrics, ARRAY_LEN(api_metrics), read_api, api});
}

static void read_logstore(void *lines, double values[])
{
    struct logstore_stats stats = logstore_stats(lines), *s = &stats;
    size_t n = 0;

#define LOGSTORE(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static const struct self_metric logstore_metrics[] = {
#define LOGSTORE(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

struct self *serve_new_self(struct db *db, struct logstore *lines,
                            struct serve_config_state *config)
{
    struct self *self = self_new(EARSHOT_VERSION);

    self_add(self, &(struct self_section){tsdb_metrics, ARRAY_LEN(tsdb_metrics), read_tsdb, db});
    self_add(self, &(struct self_section){config_metrics, ARRAY_LEN(config_metrics), read_config,
                                          config});
    self_add(self, &(struct self_section){json_metrics, ARRAY_LEN(json_metrics), read_json,
                                          &serve_json_counts});
    self_add(self, &(struct self_section){logs_metrics, ARRAY_LEN(logs_metrics), read_logs,
                                          &serve_logs.counts});
    self_add(self, &(struct self_section){logstore_metrics, ARRAY_LEN(logstore_metrics),
                                          read_logstore, lines});
    self_add(self, &(struct self_section){gpu_metrics, ARRAY_LEN(gpu_metrics), read_gpu,
                                          &serve_gpu_counts});
    return self;
}

int serve_add_self(struct collect *collect, struct self *self, const char *instance,
                   struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct label pairs[] = {{STR("instance"), str_c(instance)}, {STR("job"), STR("earshot")}};
    struct target_settings s = {.job = "earshot",
                                .interval_ms = INTERVAL_MS,
                                .timeout_ms = INTERVAL_MS,
                                .collector = self_collector(self)};

    arena_init(&a, NULL);
    if (labels_build_sorted(&a, pairs, 2, &s.labels, err) < 0)
        return -1;
    s.discovered = s.labels;
    return collect_add(collect, &s, err);
}
