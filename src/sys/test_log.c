#include "sys/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"
#include "sys/clock.h"

#define AT_MS INT64_C(1795301961123)
#define HEAD  "time=2026-11-21T22:59:21.123Z level=warn part=scrape msg=\""

static void assert_line(const char *text, const char *wanted)
{
    struct buf line;
    char whole[512];

    buf_init(&line, 0);
    log_format(&line, AT_MS, LOG_WARN, "scrape", text);
    (void)snprintf(whole, sizeof whole, HEAD "%s\"\n", wanted);
    assert_string_equal(line.p, whole);
    buf_fini(&line);
}

static void a_line_is_logfmt(void **state)
{
    (void)state;
    assert_line("target is down", "target is down");
    assert_line("Grüße, 日本, \xf0\x9f\x8e\xb5", "Grüße, 日本, \xf0\x9f\x8e\xb5");
}

static void no_message_forges_a_line_or_drives_a_terminal(void **state)
{
    (void)state;
    assert_line("a\nlevel=error", "a\\nlevel=error");
    assert_line("say \"x\" \\", "say \\\"x\\\" \\\\");
    assert_line("\x1b[2J\x7f\t", "\\x1b[2J\\x7f\\x09");
    assert_line("\xc2\x9b"
                "2J",
                "\\xc2\\x9b2J");
    assert_line("\xe2\x80\xae"
                "gpj",
                "\\xe2\\x80\\xaegpj");
    assert_line("\xff\xc3", "\\xff\\xc3");
    assert_line("\xf0\x9f\x8e", "\\xf0\\x9f\\x8e");
}

static void user_and_password_in_a_url_are_hidden(void **state)
{
    (void)state;
    assert_line("GET http://me:pa@ss@host:1/x@y failed", "GET http://<secret>@host:1/x@y failed");
    assert_line("redis://:geheim@127.0.0.1/0", "redis://<secret>@127.0.0.1/0");
    assert_line("http://host/a@b me@host", "http://host/a@b me@host");
}

static void lines_below_the_level_are_not_written_and_a_lost_one_is_counted(void **state)
{
    struct log_writer w;
    int ends[2];
    char text[256];
    ssize_t n;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_writer_init(&w, ends[1], LOG_INFO, clock_real());
    log_debug(&w.log, "http", "unseen");
    log_info(&w.log, "http", "seen %d", 1);
    n = read(ends[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "level=info part=http msg=\"seen 1\"\n"));
    assert_int_equal(atomic_load(&w.lost_lines), 0);
    (void)close(ends[1]);
    log_info(&w.log, "http", "nobody reads");
    assert_int_equal(atomic_load(&w.lost_lines), 1);
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_logfmt),
        cmocka_unit_test(no_message_forges_a_line_or_drives_a_terminal),
        cmocka_unit_test(user_and_password_in_a_url_are_hidden),
        cmocka_unit_test(lines_below_the_level_are_not_written_and_a_lost_one_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
