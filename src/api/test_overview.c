#include "api/overview.h"
#include "base/test.h"

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "promql/query.h"

#define GB 1e9

/* Answers queries from a table: the first row whose words are in the query. A series is its labels
 * as "name=value,..." and its values, one a step from the start. */
struct row {
    const char *words;
    const char *labels;
    double value, slope; /* each further step adds slope */
};

struct scripted {
    struct overview_ask ask;
    struct arena arena;
    const struct row *rows;
    size_t rows_n;
    bool failing;
    struct overview o;
    struct buf json;
};

static const struct labels *labels_of(struct arena *a, const char *text)
{
    struct label pairs[8];
    size_t n = 0;
    struct str rest = str_c(text);
    const struct labels *ls;
    struct err err;

    while (rest.n) {
        struct str v = str_split(&rest, ',');

        pairs[n].name = str_split(&v, '=');
        pairs[n++].value = v;
    }
    assert_ok(labels_build(a, pairs, n, &ls, &err), err);
    return ls;
}

static int answer(struct overview_ask *ask, struct str query, ts_ms start_ms, ts_ms end_ms,
                  int64_t step_ms, struct promql_result *out, struct err *err)
{
    struct scripted *s = CONTAINER_OF(ask, struct scripted, ask);
    size_t steps = step_ms ? (size_t)((end_ms - start_ms) / step_ms) + 1 : 1;

    if (s->failing)
        return err_set(err, ERR_TIMEOUT, "too slow");
    *out = (struct promql_result){.type = step_ms ? PROMQL_MATRIX : PROMQL_VECTOR};
    out->series = arena_new_array(&s->arena, struct promql_series, s->rows_n, err);
    for (size_t i = 0; i < s->rows_n; i++) {
        struct promql_series *series = &out->series[out->series_n];
        ts_ms *ts = arena_new_array(&s->arena, ts_ms, steps, err);
        double *values = arena_new_array(&s->arena, double, steps, err);

        if (!memmem(query.p, query.n, s->rows[i].words, strlen(s->rows[i].words)))
            continue;
        for (size_t k = 0; k < steps; k++) {
            ts[k] = start_ms + (ts_ms)k * step_ms;
            values[k] = s->rows[i].value + s->rows[i].slope * (double)k;
        }
        *series =
            (struct promql_series){labels_of(&s->arena, s->rows[i].labels), ts, values, steps};
        out->series_n++;
    }
    return 0;
}

static void begin(struct scripted *s, const struct row rows[], size_t n)
{
    struct err err;

    *s = (struct scripted){.rows = rows, .rows_n = n};
    arena_init(&s->arena, NULL);
    buf_init(&s->json, 0);
    s->ask = (struct overview_ask){.run = answer,
                                   .arena = &s->arena,
                                   .job = STR("node"),
                                   .host = STR("stu\"dio"),
                                   .now_ms = 1795300000000,
                                   .window_ms = 20000};
    assert_ok(overview_compute(&s->ask, &s->o, &err), err);
    overview_write(&s->o, &s->json);
}

static void end(struct scripted *s)
{
    arena_fini(&s->arena);
    buf_fini(&s->json);
}

static void assert_has(const struct scripted *s, const char *text)
{
    if (!strstr(s->json.p, text))
        fail_msg("%s is not in %s", text, s->json.p);
}

static const struct row healthy[] = {
    /* Also shows that the host's name is quoted. */
    {"instance=\"stu\\\"dio\"}[20000ms]))", "", .75, 0},
    {"node_load1|", "__name__=node_load1", .5, 0},
    {"node_load1|", "__name__=node_load15", .4, 0},
    {"node_load1|", "__name__=node_os_info,pretty_name=Example OS", 1, 0},
    {"node_load1|", "__name__=node_memory_MemTotal_bytes", 8 * GB, 0},
    {"node_load1|", "__name__=node_memory_MemAvailable_bytes", 6 * GB, 0},
    {"node_boot_time_seconds", "", 3600, 0},
    {"count(node_cpu", "", 4, 0},
    {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/,device=sda", 100 * GB,
     0},
    {"filesystem_(size", "__name__=node_filesystem_avail_bytes,mountpoint=/,device=sda", 60 * GB,
     0},
    {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/a/b,device=sda", 100 * GB,
     0},
    {"filesystem_(size", "__name__=node_filesystem_avail_bytes,mountpoint=/a/b,device=sda", 60 * GB,
     0},
    {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/dead,device=nfs", 1, 0},
    {"receive_bytes", "device=eth0", 1000, 0},
    {"transmit_bytes", "device=eth0", 200, 0},
    {"earshot_top_", "__name__=earshot_top_cpu_ratio,pid=12,name=a", .1, 0},
    {"earshot_top_", "__name__=earshot_top_cpu_ratio,pid=34,name=b", .5, 0},
    {"earshot_top_", "__name__=earshot_top_resident_bytes,pid=34,name=b", 4096, 0},
    {"earshot_top_", "__name__=earshot_top_resident_bytes,pid=}{,name=bad", 4096, 0},
    {"count(up)", "", 2, 0},
};

static void a_healthy_host_is_fine_and_its_figures_are_told(void **state)
{
    struct scripted s;

    (void)state;
    begin(&s, healthy, ARRAY_LEN(healthy));
    assert_has(&s, "{\"verdict\":\"ok\",\"sentence\":\"Everything is fine.\",\"host\":{\"name\":"
                   "\"stu\\\"dio\",\"os\":\"Example OS\",\"uptime_s\":3600,\"cpu_ratio\":0.25,"
                   "\"load1\":0.5,\"cores\":4,");
    assert_has(&s, "\"memory_used_bytes\":2000000000,");
    assert_has(&s, "\"swap_total_bytes\":null");
    assert_has(&s, "\"disks\":[{\"mountpoint\":\"/\",\"device\":\"sda\",\"size_bytes\":"
                   "100000000000,\"free_bytes\":60000000000,\"full_in_s\":null,\"readonly\":false,"
                   "\"state\":\"ok\"}]");
    assert_has(&s, "\"nets\":[{\"device\":\"eth0\",\"receive_bytes_per_second\":1000,"
                   "\"transmit_bytes_per_second\":200}]");
    assert_has(&s, "\"top\":[{\"pid\":34,\"name\":\"b\",\"cpu_ratio\":0.5,\"rss_bytes\":4096,"
                   "\"io_bytes_per_second\":null},{\"pid\":12,");
    assert_null(strstr(s.json.p, "bad"));
    end(&s);
}

static void a_store_without_anything_says_so(void **state)
{
    struct scripted s;

    (void)state;
    begin(&s, NULL, 0);
    assert_has(&s, "{\"verdict\":\"ok\",\"sentence\":\"Nothing is measured yet.\",\"host\":null,"
                   "\"top\":[],");
    end(&s);
}

static void a_disk_that_fills_is_told_with_its_time(void **state)
{
    static const struct row rows[] = {
        {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/srv,device=sdb",
         100 * GB, 0},
        {"filesystem_(size", "__name__=node_filesystem_avail_bytes,mountpoint=/srv,device=sdb",
         30 * GB, 0},
        {"node_load1|", "__name__=node_load1", .5, 0},
        /* 24 slices of 15 min, 250 MB each: 1 GB an hour. */
        {"max_over_time(node_filesystem", "mountpoint=/srv,device=sdb", 36 * GB, -.25 * GB},
        {"count(up)", "", 1, 0},
    };
    struct scripted s;

    (void)state;
    begin(&s, rows, ARRAY_LEN(rows));
    assert_has(&s, "{\"verdict\":\"warning\",\"sentence\":\"One thing needs a look. Disk /srv is "
                   "full in about 1 d 6 h, 30 GB free.\"");
    assert_has(&s, "\"full_in_s\":108000,\"readonly\":false,\"state\":\"warning\"");
    end(&s);
}

static void full_disks_short_memory_and_load_are_judged_by_their_rules(void **state)
{
    static const struct row rows[] = {
        {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/a,device=a", 100 * GB,
         0},
        {"filesystem_(size", "__name__=node_filesystem_avail_bytes,mountpoint=/a,device=a", 8 * GB,
         0},
        {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/b,device=b", 100 * GB,
         0},
        {"filesystem_(size", "__name__=node_filesystem_avail_bytes,mountpoint=/b,device=b", 2 * GB,
         0},
        {"filesystem_(size", "__name__=node_filesystem_size_bytes,mountpoint=/cd,device=c", 1 * GB,
         0},
        {"filesystem_(size", "__name__=node_filesystem_avail_bytes,mountpoint=/cd,device=c", 0, 0},
        {"filesystem_(size", "__name__=node_filesystem_readonly,mountpoint=/cd,device=c", 1, 0},
        {"node_load1|", "__name__=node_load15", 41, 0},
        {"node_load1|", "__name__=node_memory_MemTotal_bytes", 34359738368, 0},
        {"node_load1|", "__name__=node_memory_MemAvailable_bytes", 1288490189, 0},
        {"count(node_cpu", "", 8, 0},
        {"pressure_memory_waiting", "", .2, 0},
        {"pressure_cpu_waiting", "", .9, 0},
        {"oom_kill", "", 1, 0},
    };
    struct scripted s;

    (void)state;
    begin(&s, rows, ARRAY_LEN(rows));
    assert_has(&s, "\"sentence\":\"Five things need a look, four are urgent. The kernel killed a "
                   "process for lack of memory within 10 min. Memory is short: 1.2 GB of 32 GB "
                   "left. Load 41 on 8 cores. And two more.\"");
    assert_has(&s, "\"mountpoint\":\"/a\",\"device\":\"a\",\"size_bytes\":100000000000,"
                   "\"free_bytes\":8000000000,\"full_in_s\":null,\"readonly\":false,\"state\":"
                   "\"warning\"");
    assert_has(&s, "\"readonly\":true,\"state\":\"ok\"");
    assert_has(&s, "\"memory_state\":\"critical\",\"load_state\":\"critical\"");
    end(&s);
}

static void busy_is_not_ill(void **state)
{
    static const struct row rows[] = {
        {"node_load1|", "__name__=node_load15", 41, 0},
        {"node_load1|", "__name__=node_memory_MemTotal_bytes", 100 * GB, 0},
        {"node_load1|", "__name__=node_memory_MemAvailable_bytes", 1 * GB, 0},
        {"count(node_cpu", "", 8, 0},
        {"pressure_memory_waiting", "", .01, 0},
        {"pressure_cpu_waiting", "", .1, 0},
        {"count(up)", "", 1, 0},
    };
    struct scripted s;

    (void)state;
    begin(&s, rows, ARRAY_LEN(rows));
    assert_has(&s, "Everything is fine.");
    end(&s);
}

static void a_target_that_is_down_is_told_in_its_collectors_words(void **state)
{
    static const struct row rows[] = {
        {"up == 0", "__name__=up,job=api,instance=old-nas:80", 0, 0},
        {"up == 0", "__name__=up,job=db,instance=db:1", 0, 0},
        {"up == 0", "__name__=up,job=db,instance=db:1,collector=slow", 0, 0}, /* the same cause */
        {"max_over_time(up", "job=db", 0, 0},
        {"count(up)", "", 3, 0},
    };
    static const struct overview_fault faults[] = {
        {STR("api"), STR("old-nas:80"), STR("nothing listens on old-nas:80")},
    };
    struct scripted s;
    struct err err;

    (void)state;
    begin(&s, rows, ARRAY_LEN(rows));
    s.o = (struct overview){0};
    s.ask.faults = faults;
    s.ask.faults_n = 1;
    assert_ok(overview_compute(&s.ask, &s.o, &err), err);
    buf_reset(&s.json);
    overview_write(&s.o, &s.json);
    assert_has(&s, "{\"verdict\":\"critical\",\"sentence\":\"Two things need a look, one is urgent."
                   " db:1 (db) does not answer. old-nas:80: nothing listens on old-nas:80.\"");
    end(&s);
}

static void a_query_that_fails_fails_the_whole(void **state)
{
    struct scripted s;
    struct err err;

    (void)state;
    begin(&s, NULL, 0);
    s.failing = true;
    assert_fails(overview_compute(&s.ask, &s.o, &err), err, ERR_TIMEOUT, "too slow");
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_host_is_fine_and_its_figures_are_told),
        cmocka_unit_test(a_store_without_anything_says_so),
        cmocka_unit_test(a_disk_that_fills_is_told_with_its_time),
        cmocka_unit_test(full_disks_short_memory_and_load_are_judged_by_their_rules),
        cmocka_unit_test(busy_is_not_ill),
        cmocka_unit_test(a_target_that_is_down_is_told_in_its_collectors_words),
        cmocka_unit_test(a_query_that_fails_fails_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
