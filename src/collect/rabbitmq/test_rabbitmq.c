/* Answers of a RabbitMQ 3.10, until they are samples. */
#include "collect/rabbitmq/rabbitmq.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/collect.h"
#include "collect/rabbitmq/rabbitmq_settings.h"
#include "model/expo.h"

struct fixture {
    struct rabbitmq_settings settings;
    struct buf out;
    struct err err;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.settings = {.queues = STR(".*"), .vhost = STR(".*")}};
    buf_init(&f.out, 1u << 20);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    buf_fini(&((struct fixture *)*state)->out);
    return 0;
}

static enum parsed read_body(struct fixture *f, int status, const char *body)
{
    SCOPED(arena_fini) struct arena scratch;
    struct collector collector;
    struct expo_writer writer;
    enum parsed parsed;

    arena_init(&scratch, NULL);
    buf_reset(&f->out);
    buf_adds(&f->out, "\n");
    err_clear(&f->err);
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    assert_ok(rabbitmq_collector_of(&f->settings, &collector, &f->err), f->err);
    parsed = collector.parse(collector.arg, status, str_c(body), &writer.emit, &scratch, &f->err);
    collector.free(collector.arg);
    return parsed;
}

static void assert_told(const struct fixture *f, const char *line)
{
    if (!strstr(f->out.p, line))
        fail_msg("\"%s\" is not in:\n%s", line, f->out.p);
}

static const char queues[] = "[{\"consumers\":0,\"messages_ready\":3,\"messages_unacknowledged\":1,"
                             "\"name\":\"mail\",\"vhost\":\"/\"},"
                             "{\"consumers\":2,\"messages_ready\":40,\"messages_unacknowledged\":4,"
                             "\"name\":\"celery\",\"vhost\":\"/\"},"
                             "{\"consumers\":1,\"messages_ready\":5,\"messages_unacknowledged\":2,"
                             "\"name\":\"celery\",\"vhost\":\"two\"},"
                             "{\"name\":\"down\",\"vhost\":\"/\"}]";

static void queues_have_the_names_of_the_plug_in(void **state)
{
    struct fixture *f = *state;

    f->settings.part = RABBITMQ_QUEUES;
    assert_int_equal(read_body(f, 200, queues), PARSED);
    assert_told(f, "\nrabbitmq_queue_messages_ready{queue=\"mail\",vhost=\"/\"} 3\n");
    assert_told(f, "\nrabbitmq_queue_messages_unacked{queue=\"mail\",vhost=\"/\"} 1\n");
    assert_told(f, "\nrabbitmq_queue_consumers{queue=\"mail\",vhost=\"/\"} 0\n");
    assert_null(strstr(f->out.p, "\"down\""));
}

static void only_queues_and_vhosts_that_are_asked_for_are_told(void **state)
{
    struct fixture *f = *state;

    f->settings.part = RABBITMQ_QUEUES;
    f->settings.queues = STR("cel.*");
    f->settings.vhost = STR("two");
    assert_int_equal(read_body(f, 200, queues), PARSED);
    assert_told(f, "\nrabbitmq_queue_messages_ready{queue=\"celery\",vhost=\"two\"} 5\n");
    assert_null(strstr(f->out.p, "\"/\""));
    f->settings.part = RABBITMQ_PLUGIN;
    assert_int_equal(read_body(f, 200,
                               "# TYPE rabbitmq_queue_messages_ready gauge\n"
                               "rabbitmq_queue_messages_ready{vhost=\"/\",queue=\"mail\"} 3\n"
                               "rabbitmq_queue_messages_ready{vhost=\"two\",queue=\"celery\"} 5\n"
                               "# TYPE rabbitmq_connections gauge\nrabbitmq_connections 7\n"),
                     PARSED);
    assert_null(strstr(f->out.p, "mail"));
    assert_told(f, "\nrabbitmq_queue_messages_ready{vhost=\"two\",queue=\"celery\"} 5\n");
    assert_told(f, "\nrabbitmq_connections 7\n");
}

static void queues_of_a_celery_are_0_when_they_are_gone(void **state)
{
    static const char *const names[] = {"celery", "gone"};
    struct fixture *f = *state;

    f->settings.part = RABBITMQ_CELERY;
    f->settings.celery = names;
    f->settings.celery_n = 2;
    assert_int_equal(read_body(f, 200, queues), PARSED);
    assert_told(f, "\ncelery_queue_length{queue_name=\"celery\"} 45\n"
                   "celery_queue_length{queue_name=\"gone\"} 0\n");
    assert_told(f, "\ncelery_queue_unacked 6\n");
    f->settings.vhost = STR("\\Qtwo\\E");
    assert_int_equal(read_body(f, 200, queues), PARSED);
    assert_told(f, "\ncelery_queue_length{queue_name=\"celery\"} 5\n");
}

static void a_queue_whose_length_is_not_known_is_not_0(void **state)
{
    static const char *const names[] = {"down"};
    struct fixture *f = *state;

    f->settings.part = RABBITMQ_CELERY;
    f->settings.celery = names;
    f->settings.celery_n = 1;
    assert_int_equal(read_body(f, 200, queues), PARSED);
    assert_null(strstr(f->out.p, "celery_queue"));
}

static void alarms_and_connections_are_told(void **state)
{
    struct fixture *f = *state;

    f->settings.part = RABBITMQ_NODES;
    assert_int_equal(
        read_body(f, 200, "[{\"mem_alarm\":true,\"disk_free_alarm\":false,\"name\":\"rabbit@a\"}]"),
        PARSED);
    assert_told(f, "\nrabbitmq_alarms_memory_used_watermark{rabbitmq_node=\"rabbit@a\"} 1\n");
    assert_told(f, "\nrabbitmq_alarms_free_disk_space_watermark{rabbitmq_node=\"rabbit@a\"} 0\n");
    f->settings.part = RABBITMQ_OVERVIEW;
    assert_int_equal(
        read_body(f, 200, "{\"object_totals\":{\"channels\":0,\"connections\":2,\"queues\":1}}"),
        PARSED);
    assert_told(f, "\nrabbitmq_connections 2\n");
}

static void another_answer_is_said_to_be_one(void **state)
{
    struct fixture *f = *state;

    for (unsigned part = RABBITMQ_QUEUES; part <= RABBITMQ_CELERY; part++) {
        f->settings.part = part;
        assert_int_equal(read_body(f, 200, "{\"error\":\"x\"}"), PARSED_NOT);
        assert_int_equal(f->err.kind, ERR_SYNTAX);
        assert_int_equal(read_body(f, 200, "<html>"), PARSED_NOT);
        assert_int_equal(read_body(f, 401, "{\"error\":\"not_authorised\"}"), PARSED);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queues_have_the_names_of_the_plug_in),
        TEST(only_queues_and_vhosts_that_are_asked_for_are_told),
        TEST(queues_of_a_celery_are_0_when_they_are_gone),
        TEST(a_queue_whose_length_is_not_known_is_not_0),
        TEST(alarms_and_connections_are_told),
        TEST(another_answer_is_said_to_be_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
