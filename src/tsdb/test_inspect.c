#include "tsdb/inspect.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "model/matcher.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/block_fixture.h"

static struct err err;

static int gather(void *arg, struct str text, struct err *e)
{
    (void)e;
    buf_add(arg, text);
    return 0;
}

static size_t lines(const struct buf *text)
{
    size_t n = 0;

    for (size_t i = 0; i < text->n; i++)
        n += text->p[i] == '\n';
    return n;
}

static void stat_lists_what_is_there_and_verify_finds_damage(void **state)
{
    struct block_fixture f;
    struct inspect_report report;
    unsigned char *bytes;
    size_t n;

    (void)state;
    block_fixture_init(&f, 4, 50, 3, 100);
    block_fixture_write(&f, 1, false);
    fs_fault_put(f.fs, "other", "x", 1);
    assert_ok(inspect_stat(f.fs, &f.arena, &report, &err), err);
    assert_int_equal(report.blocks_n, 1);
    assert_string_equal(report.blocks[0].name, f.name);
    assert_int_equal(report.blocks[0].series, f.series_n);
    assert_int_equal(report.blocks[0].groups, 3);
    assert_int_equal(report.blocks[0].maxt, f.maxt);
    assert_true(report.blocks[0].section_bytes[1] > 0);
    assert_int_equal(report.timestamp_bytes, report.blocks[0].section_bytes[0]);
    assert_true(report.value_bytes > report.blocks[0].section_bytes[1]);
    assert_true(report.label_bytes > 0);
    assert_true(report.timestamp_bytes + report.value_bytes + report.label_bytes <
                report.block_bytes);
    assert_int_equal(report.damaged, 0);
    assert_ok(inspect_verify(f.fs, &f.arena, &report, &err), err);
    assert_int_equal(report.damaged, 0);
    bytes = fs_fault_bytes(f.fs, f.name, &n);
    bytes[n / 2] ^= 4;
    assert_ok(inspect_verify(f.fs, &f.arena, &report, &err), err);
    assert_int_equal(report.damaged, 1);
    assert_non_null(strstr(report.blocks[0].error, "bad checksum"));
    fs_fault_put(f.fs, "b-1-2-9.ear", "short", 5);
    assert_ok(inspect_stat(f.fs, &f.arena, &report, &err), err);
    assert_int_equal(report.blocks_n, 2);
    assert_int_equal(report.damaged, 1);
    block_fixture_fini(&f);
}

static void dump_prints_each_sample_once_as_openmetrics(void **state)
{
    SCOPED(buf_fini) struct buf text = {0};
    struct block_fixture f;
    struct block_meta meta = {.generation = 2, .uuid = {2}};
    struct matcher m;
    size_t samples = 0, stale = 0;
    char twice[80];

    (void)state;
    block_fixture_init(&f, 4, 20, 2, 60);
    block_fixture_write(&f, 1, false);
    /* The same samples again in another block: printed once. */
    assert_ok(block_fixture_try_write(&f, f.fs, &meta, twice, &err), err);
    for (size_t i = 0; i < f.series_n; i++) {
        samples += f.series[i].samples_n;
        for (size_t j = 0; j < f.series[i].samples_n; j++)
            stale += value_is_stale(f.series[i].samples[j].value);
    }
    assert_ok(inspect_dump(f.fs, NULL, 0, INT64_MIN, INT64_MAX, gather, &text, &err), err);
    assert_true(str_ends(buf_str(&text), STR("# EOF\n")));
    assert_int_equal(lines(&text), samples - stale + 1);
    buf_reset(&text);
    assert_ok(matcher_init(&m, &f.arena, MATCH_EQ, STR("cpu"), STR("none"), &err), err);
    assert_ok(inspect_dump(f.fs, &m, 1, INT64_MIN, INT64_MAX, gather, &text, &err), err);
    assert_string_equal(text.p, "# EOF\n");
    matcher_fini(&m);
    block_fixture_fini(&f);
}

static void a_dump_without_a_block_that_is_damaged_does_not_pass_for_whole(void **state)
{
    SCOPED(buf_fini) struct buf text = {0};
    struct block_fixture f;

    (void)state;
    block_fixture_init(&f, 4, 20, 2, 60);
    block_fixture_write(&f, 1, false);
    fs_fault_put(f.fs, "b-1-2-9.ear", "short", 5);
    assert_fails(inspect_dump(f.fs, NULL, 0, INT64_MIN, INT64_MAX, gather, &text, &err), err,
                 ERR_CORRUPT, "1 block(s) cannot be read");
    assert_true(lines(&text) > 100);
    assert_false(str_ends(buf_str(&text), STR("# EOF\n")));
    block_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_lists_what_is_there_and_verify_finds_damage),
        cmocka_unit_test(dump_prints_each_sample_once_as_openmetrics),
        cmocka_unit_test(a_dump_without_a_block_that_is_damaged_does_not_pass_for_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
