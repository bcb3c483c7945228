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

static void read_tsdb(void *db, struct self_rows *rows)
{
    struct db_stats stats = db_stats(db), *s = &stats;

#define TSDB SELF_ROW
#include "collect/metrics.def"
}

static void read_state(void *arg, struct self_rows *rows)
{
    struct serve_state *from = arg;
    const struct {
        struct state_stats state;
        struct events_stats events;
    } stats = {state_stats(from->state), events_stats(from->events)}, *s = &stats;

#define STATE SELF_ROW
#include "collect/metrics.def"
}

void serve_add_state(struct self *self, struct serve_state *state)
{
    self_add(self, read_state, state);
}

static void read_json(void *counts, struct self_rows *rows)
{
    const struct json_counts *s = counts;

#define JSON SELF_ROW
#include "collect/metrics.def"
}

static void read_logs(void *counts, struct self_rows *rows)
{
    const struct logs_counts *s = counts;

#define LOGS SELF_ROW
#include "collect/metrics.def"
}

static void read_gpu(void *counts, struct self_rows *rows)
{
    const struct gpu_counts *s = counts;

#define GPU SELF_ROW
#include "collect/metrics.def"
}

static void read_config(void *arg, struct self_rows *rows)
{
    const struct serve_config_state *s = arg;

#define CONFIG SELF_ROW
#include "collect/metrics.def"
}

static void read_api(void *api, struct self_rows *rows)
{
    struct api_stats stats = api_stats(api), *s = &stats;

#define API SELF_ROW
#include "collect/metrics.def"
}

void serve_add_api(struct self *self, struct api *api)
{
    self_add(self, read_api, api);
}

static void read_logstore(void *lines, struct self_rows *rows)
{
    struct logstore_stats stats = logstore_stats(lines), *s = &stats;

#define LOGSTORE SELF_ROW
#include "collect/metrics.def"
}

struct self *serve_new_self(struct db *db, struct logstore *lines,
                            struct serve_config_state *config)
{
    struct self *self = self_new(EARSHOT_VERSION);

    self_add(self, read_tsdb, db);
    self_add(self, read_config, config);
    self_add(self, read_json, &serve_json_counts);
    self_add(self, read_logs, &serve_logs.counts);
    self_add(self, read_logstore, lines);
    self_add(self, read_gpu, &serve_gpu_counts);
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
