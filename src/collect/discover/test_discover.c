/* Discoveries against files in a folder of the test and answers of a fake fetcher. */
#include "collect/discover/discover.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "collect/discover/groups.h"
#include "collect/fake_fetch.h"
#include "collect/scrape_settings.h"
#include "http/client_settings.h"
#include "sys/clock.h"

struct fixture {
    struct loop *loop;
    struct lanes *lanes;
    struct collect_context context;
    struct discover_stats stats;
    struct discover *d;
    char folder[40];
    char found[1000]; /* "source address,address;" or "source gone;" in the order told */
    char places[400]; /* all that the last of them says about where it is from */
    size_t settled, wanted;
    bool ended;
};

static void on_found(void *arg, struct discover *d, const char *source,
                     struct target_groups *groups)
{
    struct fixture *f = arg;
    const char *name = strrchr(source, '/');
    char *at = f->found + strlen(f->found), *end = f->found + sizeof f->found;

    (void)d;
    at += snprintf(at, (size_t)(end - at), "%s", name ? name + 1 : source);
    for (size_t i = 0; groups && i < groups->n; i++) {
        const struct target_group *g = &groups->items[i];

        (void)snprintf(f->places, sizeof f->places, "%s %s %.*s", source, g->source,
                       STR_ARGS(labels_get(g->labels, STR("__meta_url"))));
        for (size_t k = 0; k < g->targets_n; k++) {
            struct str address = labels_get(g->targets[k], STR("__address__"));

            at += snprintf(at, (size_t)(end - at), " %.*s", STR_ARGS(address));
        }
    }
    (void)snprintf(at, (size_t)(end - at), "%s;", groups ? "" : " gone");
    target_groups_unref(groups);
}

static void on_settled(void *arg, struct discover *d)
{
    struct fixture *f = arg;

    (void)d;
    if (++f->settled == f->wanted)
        loop_stop(f->loop);
}

static struct discover_common common(struct fixture *f)
{
    return (struct discover_common){&f->context, &f->stats, "j", {on_found, on_settled, f}};
}

/* Until so many looks are over. */
static const char *looks(struct fixture *f, size_t n)
{
    f->found[0] = '\0';
    f->wanted = f->settled + n;
    loop_run(f->loop);
    return f->found;
}

static void on_ended(void *arg)
{
    struct fixture *f = arg;

    f->ended = true;
    loop_stop(f->loop);
}

/* Before what the test has given it goes out of scope. */
static void end(struct fixture *f)
{
    discover_end(take(f->d), on_ended, f);
    if (!f->ended)
        loop_run(f->loop);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err;

    *state = f;
    assert_ok(loop_new(&f->loop, &err), err);
    f->lanes = lanes_new(f->loop);
    f->context = (struct collect_context){.loop = f->loop,
                                          .lanes = f->lanes,
                                          .fetcher = (struct fetcher *)f->loop,
                                          .clock = clock_real(),
                                          .dns_servers = "127.0.0.1:1"};
    (void)strcpy(f->folder, "/tmp/earshot-test-sd-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    fake_fetch_silent = fake_fetch_refuses = false;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[80];

    assert_int_equal(lanes_free(f->lanes), 0);
    loop_drain(f->loop);
    assert_true(f->ended);
    assert_int_equal(f->stats.failing[0] + f->stats.failing[1] + f->stats.failing[2], 0);
    assert_int_equal(fake_fetch_alive, 0);
    loop_free(f->loop);
    (void)snprintf(command, sizeof command, "rm -r %s", f->folder);
    assert_int_equal(system(command), 0);
    mem_free(f);
    return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    char path[80];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void delete_file(const struct fixture *f, const char *name)
{
    char path[80];

    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    assert_int_equal(unlink(path), 0);
}

static void files_are_read_again_when_they_change_and_a_bad_one_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char glob[80];
    const char *globs[] = {glob};
    const struct file_discovery settings = {globs, 1, 3600000};
    const struct discover_common c = common(f);

    (void)snprintf(glob, sizeof glob, "%s/*.json", f->folder);
    write_file(f, "a.json", "[{\"targets\":[\"a:1\",\"a:2\"]}]");
    write_file(f, "b.txt", "[{\"targets\":[\"x:1\"]}]");
    f->d = discover_file_new(&c, &settings);
    assert_string_equal(looks(f, 1), "a.json a:1 a:2;");
    write_file(f, "b.json", "[{\"targets\":[\"b:1\"]}]");
    assert_string_equal(looks(f, 1), "b.json b:1;"); /* a.json is as it was */
    write_file(f, "a.json", "[{\"targets\":[");
    assert_string_equal(looks(f, 1), "");
    assert_non_null(strstr(f->d->error, "/a.json:1:"));
    assert_non_null(strstr(f->d->error, "not JSON"));
    assert_int_equal(f->stats.failures[DISCOVER_FILE], 1);
    assert_int_equal(f->stats.failing[DISCOVER_FILE], 1);
    write_file(f, "a.json", "[{\"targets\":[\"a:1\",\"a:2\"]}]");
    assert_string_equal(looks(f, 1), "a.json a:1 a:2;");
    assert_string_equal(f->d->error, "");
    assert_int_equal(f->stats.failing[DISCOVER_FILE], 0);
    delete_file(f, "b.json");
    assert_string_equal(looks(f, 1), "b.json gone;");
    assert_int_equal(f->stats.looks[DISCOVER_FILE], 5);
    end(f);
}

static void files_are_also_read_each_refresh_interval(void **state)
{
    struct fixture *f = *state;
    char glob[80];
    const char *globs[] = {"/nowhere/at/all/*.yml", glob};
    const struct file_discovery settings = {globs, 2, 10};
    const struct discover_common c = common(f);

    (void)snprintf(glob, sizeof glob, "%s/t.yml", f->folder);
    write_file(f, "t.yml", "- targets: ['t:1']\n");
    f->d = discover_file_new(&c, &settings);
    assert_string_equal(looks(f, 3), "t.yml t:1;");
    assert_string_equal(f->d->error, "");
    end(f);
}

static void an_ending_in_capitals_is_json_too(void **state)
{
    struct fixture *f = *state;
    char glob[80];
    const char *globs[] = {glob};
    const struct file_discovery settings = {globs, 1, 3600000};
    const struct discover_common c = common(f);

    (void)snprintf(glob, sizeof glob, "%s/*.JSON", f->folder);
    write_file(f, "A.JSON", "[\n\t{\"targets\":[\"a:1\"]}\n]"); /* a tab: no YAML */
    f->d = discover_file_new(&c, &settings);
    assert_string_equal(looks(f, 1), "A.JSON a:1;");
    end(f);
}

static void answer(int status, const char *type, const char *body)
{
    fake_fetch_answer =
        (struct fetch_result){.status = status, .content_type = str_c(type), .body = str_c(body)};
}

static void a_server_is_asked_again_and_what_it_said_stays_while_it_fails(void **state)
{
    struct fixture *f = *state;
    const struct client_settings client = {.follow_redirects = true};
    const struct http_discovery settings = {"http://u:geheim@sd/x", "http://u:<secret>@sd/x", 10,
                                            &client};
    const struct discover_common c = common(f);

    answer(200, "application/json; charset=utf-8", "[{\"targets\":[\"a:1\"]}]");
    f->d = discover_http_new(&c, &settings);
    assert_string_equal(looks(f, 1), "x a:1;");
    assert_string_equal(fake_fetch_request, "http://u:geheim@sd/x\nAccept: application/json\n"
                                            "X-Prometheus-Refresh-Interval-Seconds: 0.01");
    answer(500, "application/json", "[]");
    assert_string_equal(looks(f, 1), "");
    assert_string_equal(f->d->error, "the server answered with HTTP status 500");
    answer(200, "text/html", "[]");
    assert_string_equal(looks(f, 1), "");
    assert_non_null(strstr(f->d->error, "the answer's type is \"text/html\""));
    answer(200, "application/json", "[{\"targets\":1}]");
    assert_string_equal(looks(f, 1), "");
    assert_non_null(strstr(f->d->error, "targets is not a list"));
    fake_fetch_answer = (struct fetch_result){.status = 0};
    (void)err_set(&fake_fetch_answer.err, ERR_OS, "connection refused");
    assert_string_equal(looks(f, 1), "");
    assert_string_equal(f->d->error, "connection refused");
    assert_int_equal(f->stats.failures[DISCOVER_HTTP], 4);
    answer(200, "application/json", "[]");
    assert_string_equal(looks(f, 1), "x;");
    assert_string_equal(f->d->error, "");
    end(f);
}

/* Nobody who reads labels may learn it. */
static void the_password_of_a_server_is_in_no_label(void **state)
{
    struct fixture *f = *state;
    const struct client_settings client = {.follow_redirects = true};
    const struct http_discovery settings = {"http://u:geheim@sd/x", "http://u:<secret>@sd/x", 10,
                                            &client};
    const struct discover_common c = common(f);

    answer(200, "application/json", "[{\"targets\":[\"a:1\"]}]");
    f->d = discover_http_new(&c, &settings);
    assert_string_equal(looks(f, 1), "x a:1;");
    assert_string_equal(f->places, "http://u:<secret>@sd/x http://u:<secret>@sd/x:0 "
                                   "http://u:<secret>@sd/x");
    end(f);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void a_discovery_ends_while_its_question_is_out(void **state)
{
    struct loop_timer *timer;
    struct fixture *f = *state;
    const struct client_settings client = {.follow_redirects = true};
    const struct http_discovery settings = {"http://u:geheim@sd/x", "http://u:<secret>@sd/x", 10,
                                            &client};
    const struct discover_common c = common(f);

    fake_fetch_silent = true;
    f->d = discover_http_new(&c, &settings);
    timer = loop_timer_new(f->loop, 10, 0, stop, f->loop);
    loop_run(f->loop);
    loop_timer_free(timer);
    assert_int_equal(fake_fetch_alive, 1);
    end(f);
    assert_int_equal(fake_fetch_alive, 0);
}

static void a_name_that_cannot_be_looked_up_is_told(void **state)
{
    struct fixture *f = *state;
    const char *names[] = {"a.test"};
    const struct dns_discovery settings = {names, 1, DNS_SRV, 0, 3600000};
    const struct discover_common c = common(f);

    f->d = discover_dns_new(&c, &settings); /* nothing answers on port 1 */
    assert_string_equal(looks(f, 1), "");
    assert_non_null(strstr(f->d->error, "cannot look up the SRV records of a.test"));
    assert_int_equal(f->stats.failures[DISCOVER_DNS], 1);
    end(f);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_are_read_again_when_they_change_and_a_bad_one_changes_nothing),
        TEST(files_are_also_read_each_refresh_interval),
        TEST(an_ending_in_capitals_is_json_too),
        TEST(a_server_is_asked_again_and_what_it_said_stays_while_it_fails),
        TEST(the_password_of_a_server_is_in_no_label),
        TEST(a_discovery_ends_while_its_question_is_out),
        TEST(a_name_that_cannot_be_looked_up_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
