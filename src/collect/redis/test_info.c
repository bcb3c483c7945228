#include "collect/redis/info.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/findings.h"
#include "model/expo.h"

static const char *corpus; /* the folder */

struct fixture {
    struct arena arena;
    struct findings findings;
    struct info_options options;
    struct info_facts facts;
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;

    arena_init(&f.arena, NULL);
    findings_init(&f.findings, &f.arena);
    buf_init(&f.out, 4u << 20);
    f.options = (struct info_options){true, true, 1731900400};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    buf_fini(&f->out);
    arena_fini(&f->arena);
    return 0;
}

static void emit(struct fixture *f)
{
    struct expo_writer writer;
    struct err err;

    buf_reset(&f->out);
    buf_adds(&f->out, "\n");
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    assert_ok(findings_emit(&f->findings, &writer.emit, &err), err);
}

static void read(struct fixture *f, const char *text)
{
    info_read(str_c(text), &f->options, &f->findings, &f->facts);
    emit(f);
}

static void assert_told(const struct fixture *f, const char *line)
{
    if (!strstr(f->out.p, line))
        fail_msg("\"%s\" is not in:\n%s", line, f->out.p);
}

static void assert_untold(const struct fixture *f, const char *word)
{
    if (strstr(f->out.p, word))
        fail_msg("\"%s\" is in:\n%s", word, f->out.p);
}

static void what_redis_7_says_is_told_with_type_and_labels(void **state)
{
    struct fixture *f = *state;
    static char text[65536];
    char path[300];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/redis7", corpus);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 1000);
    (void)fclose(file);
    read(f, text);
    assert_true(f->facts.known);
    assert_false(f->facts.cluster);
    assert_true(f->facts.db_seen[1]);
    assert_false(f->facts.db_seen[2]);
    assert_told(f, "\nredis_memory_used_bytes 1.16388e+06\n");
    assert_told(f, "\nredis_connected_clients 1\n");
    assert_told(f, "# TYPE redis_commands_processed_total counter\n"
                   "redis_commands_processed_total 14\n");
    assert_told(f, "\nredis_keyspace_hits_total 0\n");
    assert_told(f, "\nredis_keyspace_misses_total 0\n");
    assert_told(f, "\nredis_rdb_last_bgsave_status 1\n");
    assert_told(f, "\nredis_commands_total{cmd=\"client|setname\"} 1\n");
    assert_told(f, "\nredis_commands_duration_seconds_total{cmd=\"info\"} 0.00019\n");
    assert_told(f, "\nredis_latency_percentiles_usec{cmd=\"set\",quantile=\"99.9\"} 10.047\n"
                   "redis_latency_percentiles_usec_sum{cmd=\"set\"} 25\n"
                   "redis_latency_percentiles_usec_count{cmd=\"set\"} 3\n");
    assert_told(f, "\nredis_db_keys{db=\"db0\"} 6\nredis_db_keys{db=\"db1\"} 1\n");
    assert_told(f, "\nredis_db_avg_ttl_seconds{db=\"db0\"} 899.388\n");
    assert_told(f, "\nredis_start_time_seconds 1.731900398e+09\n");
    assert_told(f, "redis_version=\"7.0.15\"");
    assert_told(f, "\nredis_cluster_enabled 0\n");
}

static void commandstats_and_latency_can_be_off(void **state)
{
    struct fixture *f = *state;

    f->options.commandstats = f->options.latency = false;
    read(f, "redis_version:7\r\n# Commandstats\r\ncmdstat_get:calls=1,usec=2,usec_per_call=2\r\n"
            "# Latencystats\r\nlatency_percentiles_usec_get:p50=1\r\n");
    assert_untold(f, "cmd=");
}

static void percentiles_do_not_need_commandstats_to_be_told(void **state)
{
    struct fixture *f = *state;

    f->options.commandstats = false;
    read(f, "redis_version:7\r\n# Commandstats\r\ncmdstat_get:calls=1,usec=2,usec_per_call=2\r\n"
            "# Latencystats\r\nlatency_percentiles_usec_get:p50=1\r\n");
    assert_untold(f, "redis_commands_total");
    assert_told(f, "\nredis_latency_percentiles_usec{cmd=\"get\",quantile=\"50\"} 1\n");
}

static void a_redis_before_6_2_has_no_rejected_calls(void **state)
{
    struct fixture *f = *state;

    read(f, "redis_version:5.0.14\r\n# Commandstats\r\n"
            "cmdstat_get:calls=21,usec=175,usec_per_call=8.33\r\n");
    assert_told(f, "\nredis_commands_total{cmd=\"get\"} 21\n");
    assert_untold(f, "rejected");
}

static void a_replica_tells_of_its_master(void **state)
{
    struct fixture *f = *state;

    read(f, "redis_version:7.0.15\r\n# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\n"
            "master_port:6379\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\n"
            "master_sync_in_progress:0\r\nslave_repl_offset:42\r\nslave_priority:100\r\n"
            "slave_read_only:1\r\nconnected_slaves:0\r\n");
    assert_told(f, "\nredis_master_link_up{master_host=\"10.0.0.1\",master_port=\"6379\"} 0\n");
    assert_told(f, "\nredis_slave_repl_offset{master_host=\"10.0.0.1\",master_port=\"6379\"} 42\n");
    assert_told(f, "\nredis_slave_priority 100\n");
    assert_told(f, "\nredis_connected_slaves 0\n");
    assert_told(f,
                "redis_slave_info{master_host=\"10.0.0.1\",master_port=\"6379\",read_only=\"1\"}");
}

static void a_master_tells_of_its_replicas(void **state)
{
    struct fixture *f = *state;

    read(f, "redis_version:7.0.15\r\n# Replication\r\nrole:master\r\nconnected_slaves:1\r\n"
            "slave0:ip=10.0.0.2,port=6380,state=online,offset=1751844676,lag=1\r\n");
    assert_told(f, "redis_connected_slave_lag_seconds{slave_ip=\"10.0.0.2\",slave_port=\"6380\","
                   "slave_state=\"online\"} 1\n");
    assert_told(f, "redis_connected_slave_offset_bytes{slave_ip=\"10.0.0.2\",slave_port=\"6380\","
                   "slave_state=\"online\"} 1.751844676e+09\n");
    assert_untold(f, "slave_info");
}

static void a_cluster_tells_its_state(void **state)
{
    struct fixture *f = *state;

    info_read(STR("redis_version:7\r\n# Cluster\r\ncluster_enabled:1\r\n"), &f->options,
              &f->findings, &f->facts);
    info_read_cluster(STR("cluster_state:ok\r\ncluster_slots_ok:16384\r\n"
                          "cluster_stats_messages_sent:7\r\n"),
                      &f->findings);
    emit(f);
    assert_true(f->facts.cluster);
    assert_told(f, "\nredis_cluster_state 1\n");
    assert_told(f, "\nredis_cluster_slots_ok 16384\n");
    assert_told(f, "\nredis_cluster_messages_sent_total 7\n");
}

static void errors_are_counted_by_their_first_word(void **state)
{
    struct fixture *f = *state;

    read(f, "redis_version:7\r\n# Errorstats\r\nerrorstat_ERR:count=4\r\n");
    assert_told(f, "\nredis_errors_total{err=\"ERR\"} 4\n");
}

static void lines_that_say_nothing_are_passed_over(void **state)
{
    struct fixture *f = *state;

    read(f, "\r\n:\r\n#\r\nx\r\nused_memory:\r\nused_memory:lots\r\nredis_version:7\r\n"
            "# Keyspace\r\ndb0:keys=,expires=1\r\ndb:keys=1\r\n# Commandstats\r\ncmdstat_:\r\n"
            "cmdstat_x:calls\r\n# Latencystats\r\nlatency_percentiles_usec_x:p50\r\n");
    assert_true(f->facts.known);
    assert_untold(f, "redis_memory");
    assert_untold(f, "db=");
    assert_untold(f, "cmd=");
}

static void what_is_no_utf8_fails_whole(void **state)
{
    struct fixture *f = *state;
    struct expo_writer writer;
    struct err err;

    info_read(STR("redis_version:7\r\n# Errorstats\r\nerrorstat_\xff:count=4\r\n"), &f->options,
              &f->findings, &f->facts);
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    assert_fails(findings_emit(&f->findings, &writer.emit, &err), err, ERR_SYNTAX, "no UTF-8");
}

static void more_samples_than_the_bound_fail_whole(void **state)
{
    struct fixture *f = *state;
    struct expo_writer writer;
    struct buf text;
    struct err err;

    buf_init(&text, 0);
    buf_adds(&text, "redis_version:7\r\n# Errorstats\r\n");
    for (int i = 0; i <= FINDINGS_MAX; i++)
        buf_addf(&text, "errorstat_%d:count=1\r\n", i);
    info_read(buf_str(&text), &f->options, &f->findings, &f->facts);
    buf_fini(&text);
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    assert_fails(findings_emit(&f->findings, &writer.emit, &err), err, ERR_LIMIT,
                 "more than 50000 samples");
}

/* ---- docs/redis-collector.md ---- */

static const char *const names[] = {
#define FIELD(key_, name_, type_, scale_, help_) "`redis_" #name_ "`",
#include "collect/redis/fields.def"
#undef FIELD
};

static const char *docs; /* the file */

static void every_field_stands_in_the_docs(void **state)
{
    static char text[1 << 17];
    FILE *file = fopen(docs, "re");

    (void)state;
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strstr(text, names[i]))
            fail_msg("%s is not in %s", names[i], docs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_redis_7_says_is_told_with_type_and_labels),
        TEST(commandstats_and_latency_can_be_off),
        TEST(percentiles_do_not_need_commandstats_to_be_told),
        TEST(a_redis_before_6_2_has_no_rejected_calls),
        TEST(a_replica_tells_of_its_master),
        TEST(a_master_tells_of_its_replicas),
        TEST(a_cluster_tells_its_state),
        TEST(errors_are_counted_by_their_first_word),
        TEST(lines_that_say_nothing_are_passed_over),
        TEST(what_is_no_utf8_fails_whole),
        TEST(more_samples_than_the_bound_fail_whole),
        cmocka_unit_test(every_field_stands_in_the_docs),
    };

    if (argc != 3)
        return 2;
    corpus = argv[1];
    docs = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
