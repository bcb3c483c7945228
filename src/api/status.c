/* What the server says of itself: health and status/.... */
#include <sys/resource.h>
#include <unistd.h>

#include "api/internal.h"
#include "config/config.h"
#include "sys/lanes.h"
#include "text/duration.h"
#include "tsdb/db.h"

#define PROMETHEUS_VERSION "3.14.0"

static void handle_healthy(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply(r, 200, "text/plain; charset=utf-8", STR("earshot is healthy.\n"));
}

static void handle_ready(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply(r, 200, "text/plain; charset=utf-8", STR("earshot is ready.\n"));
}

static void pair(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_cstr(w, value);
}

static void handle_buildinfo(struct http_request *r, void *arg)
{
    struct buf out;
    struct json_writer w;

    (void)arg;
    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    /* Clients compare it to find what a Prometheus can do: the version whose API and PromQL these
     * are, and our own as semantic versioning's build metadata. */
    pair(&w, "version", PROMETHEUS_VERSION "+earshot." EARSHOT_VERSION);
    pair(&w, "revision", EARSHOT_REVISION);
    pair(&w, "branch", "");
    pair(&w, "buildUser", "");
    pair(&w, "buildDate", "");
    pair(&w, "goVersion", ""); /* clients of Prometheus' API expect the key */
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static void handle_flags(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct buf out;
    struct json_writer w;

    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    for (size_t i = 0; i < api->c.flags_n; i++)
        pair(&w, api->c.flags[i].name, api->c.flags[i].value);
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static void handle_config(struct http_request *r, void *arg)
{
    struct api *api = arg;
    const struct config *config = api->c.config;
    struct buf out;
    struct json_writer w;

    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    pair(&w, "yaml", config->prometheus_text ? config->prometheus_text : "");
    json_end_object(&w);
    if (config->warnings_n) {
        json_key(&w, "warnings");
        json_begin_array(&w);
        for (size_t i = 0; i < config->warnings_n; i++) {
            char text[sizeof config->warnings[i].text + sizeof config->warnings[i].file + 32];

            json_cstr(&w, err_format(&config->warnings[i], text, sizeof text));
        }
        json_end_array(&w);
    }
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static void handle_runtimeinfo(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct db_stats stats = db_stats(api->c.db);
    struct rlimit files;
    struct lanes_stats queries = lanes_stats(api->c.lanes, LANE_QUERY);
    char cwd[512], retention[32];
    struct buf out;
    struct json_writer w;

    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    json_key(&w, "startTime");
    api_write_rfc3339(&w, api->c.start_ms);
    pair(&w, "CWD", getcwd(cwd, sizeof cwd) ? cwd : "");
    pair(&w, "hostname", api->c.host_name);
    json_key(&w, "serverTime");
    api_write_rfc3339(&w, api->c.clock->wall_ms(api->c.clock));
    json_key(&w, "reloadConfigSuccess");
    json_bool(&w, !api->reload_refused);
    json_key(&w, "lastConfigTime");
    api_write_rfc3339(&w, api->config_ms);
    json_key(&w, "corruptionCount");
    json_i64(&w, (int64_t)(stats.corrupt_records + stats.corrupt_blocks + stats.corrupt_pages +
                           stats.corrupt_tombstones));
    /* What Go's run time says of itself: its nearest of ours, or nothing. */
    json_key(&w, "goroutineCount");
    json_i64(&w, (int64_t)queries.running);
    json_key(&w, "GOMAXPROCS");
    json_i64(&w, sysconf(_SC_NPROCESSORS_ONLN));
    json_key(&w, "GOMEMLIMIT");
    json_i64(&w, (int64_t)api->c.budget->max_bytes);
    pair(&w, "GOGC", "");
    pair(&w, "GODEBUG", "");
    json_key(&w, "fileDescriptorLimit");
    json_i64(&w, getrlimit(RLIMIT_NOFILE, &files) == 0 ? (int64_t)files.rlim_cur : 0);
    pair(&w, "storageRetention",
         api->c.config->retention_ms ? duration_print(api->c.config->retention_ms, retention)
                                     : "unlimited");
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static void handle_walreplay(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct db_stats stats = db_stats(api->c.db);
    struct buf out;
    struct json_writer w;

    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    json_key(&w, "min");
    json_i64(&w, 0);
    json_key(&w, "max");
    json_i64(&w, (int64_t)stats.wal_segments);
    json_key(&w, "current");
    json_i64(&w, (int64_t)stats.wal_segments);
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static void write_block(struct json_writer *w, const struct db_block *b)
{
    json_begin_object(w);
    pair(w, "ulid", b->ulid);
    json_key(w, "minTime");
    json_i64(w, b->mint);
    json_key(w, "maxTime");
    json_i64(w, b->maxt + 1); /* exclusive, as Prometheus has it */
    json_key(w, "stats");
    json_begin_object(w);
    json_key(w, "numSamples");
    json_i64(w, (int64_t)b->samples);
    json_key(w, "numFloatSamples");
    json_i64(w, (int64_t)b->samples);
    json_key(w, "numSeries");
    json_i64(w, (int64_t)b->series);
    json_end_object(w);
    json_key(w, "compaction");
    json_begin_object(w);
    json_key(w, "level");
    json_i64(w, b->compacted ? 2 : 1);
    json_key(w, "sources");
    json_begin_array(w);
    json_cstr(w, b->ulid);
    json_end_array(w);
    json_end_object(w);
    json_key(w, "version");
    json_i64(w, 1);
    json_end_object(w);
}

static void handle_blocks(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct db_block *blocks;
    size_t n;
    struct err err;
    struct buf out;
    struct json_writer w;

    if (db_blocks(api->c.db, r->arena, &blocks, &n, &err) < 0) {
        api_reply_err(r, &err);
        return;
    }
    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    json_key(&w, "blocks");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++)
        write_block(&w, &blocks[i]);
    json_end_array(&w);
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

void api_status_routes(struct api *api)
{
    api_route(api, "/-/healthy", HTTP_GET, handle_healthy);
    api_route(api, "/-/ready", HTTP_GET, handle_ready);
    api_route(api, "/api/v1/status/buildinfo", HTTP_GET, handle_buildinfo);
    api_route(api, "/api/v1/status/config", HTTP_GET, handle_config);
    api_route(api, "/api/v1/status/flags", HTTP_GET, handle_flags);
    api_route(api, "/api/v1/status/runtimeinfo", HTTP_GET, handle_runtimeinfo);
    api_route(api, "/api/v1/status/walreplay", HTTP_GET, handle_walreplay);
    api_route(api, "/api/v1/status/tsdb", HTTP_GET, api_status_tsdb);
    api_route(api, "/api/v1/status/tsdb/blocks", HTTP_GET, handle_blocks);
}
