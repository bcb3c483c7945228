#include "config/edit.h"

#include "base/err.h"
#include "base/test.h"

static const struct edit_addition host = {
    .section = "collect", .key = "host", .is_map = true, .text = "{}", .comment = "this host"};
static const struct edit_addition redis = {.section = "collect",
                                           .key = "redis",
                                           .text = "url: redis://127.0.0.1:6379\ninterval: 5s",
                                           .comment = "redis-server answered PING"};
static const struct edit_addition vllm = {
    .section = "packs", .text = "vllm: {url: 'http://127.0.0.1:8000'}", .comment = "vllm:"};

static struct buf add(const char *text, const struct edit_addition *additions, size_t n)
{
    struct buf out;
    struct err err = {0};

    buf_init(&out, 0);
    assert_ok(edit_add("e.yml", str_c(text), additions, n, &out, &err), err);
    return out;
}

static void check_added(const char *text, struct edit_addition addition, const char *expected)
{
    struct buf out = add(text, &addition, 1);

    assert_string_equal(out.p, expected);
    buf_fini(&out);
}

/* What comes back of it is the text, byte for byte. */
static void check_way_back(const char *text)
{
    const struct edit_addition all[] = {host, redis, vllm};
    struct edit_undone undone;
    struct buf there = add(text, all, ARRAY_LEN(all)), back;

    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_string_equal(back.p ? back.p : "", text);
    assert_int_equal(undone.taken, 3);
    assert_int_equal(undone.changed, 0);
    buf_fini(&there);
    buf_fini(&back);
}

static void an_empty_text_gets_keys_and_entries(void **state)
{
    (void)state;
    check_added("", redis,
                "collect: # earshot up\n"
                "  redis: # earshot up\n"
                "  # earshot up 44a74b32: redis-server answered PING\n"
                "  - url: redis://127.0.0.1:6379\n"
                "    interval: 5s\n");
}

static void an_entry_of_hosts_gets_what_is_there(void **state)
{
    static const char before[] = "hosts:\n"
                                 "  - name: near\n"
                                 "    ssh: me@near # over there\n"
                                 "    packs:\n"
                                 "      - host\n"
                                 "  - ssh: 'me@box:2222'\n"
                                 "    os: linux\n"
                                 "listen: a:1\n";
    const struct edit_addition all[] = {
        {.host = "near",
         .section = "packs",
         .text = "redis: {url: 'redis://127.0.0.1:6379'}",
         .comment = "x"},
        {.host = "box",
         .section = "collect",
         .key = "scrape",
         .text = "job_name: odd",
         .comment = "y"},
        {.host = "box", .section = "packs", .text = "host", .comment = "z"}};
    struct buf there = add(before, all, ARRAY_LEN(all)), back;
    struct edit_undone undone;

    (void)state;
    assert_string_equal(there.p, "hosts:\n"
                                 "  - name: near\n"
                                 "    ssh: me@near # over there\n"
                                 "    packs:\n"
                                 "      # earshot up 0f5772e2: x\n"
                                 "      - redis: {url: 'redis://127.0.0.1:6379'}\n"
                                 "      - host\n"
                                 "  - ssh: 'me@box:2222'\n"
                                 "    collect: # earshot up\n"
                                 "      scrape: # earshot up\n"
                                 "      # earshot up dd4b0156: y\n"
                                 "      - job_name: odd\n"
                                 "    packs: # earshot up\n"
                                 "    # earshot up ad29be0c: z\n"
                                 "    - host\n"
                                 "    os: linux\n"
                                 "listen: a:1\n");
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_string_equal(back.p, before);
    assert_int_equal(undone.taken, 3);
    buf_fini(&there);
    buf_fini(&back);
}

static const struct edit_addition host_of_box = {
    .host = "box", .section = "packs", .text = "host", .comment = "x"};

static void an_entry_of_hosts_may_be_the_last_line_without_an_end(void **state)
{
    static const char before[] = "hosts:\n- ssh: me@box";
    struct buf there = add(before, &host_of_box, 1), back;
    struct edit_undone undone;

    (void)state;
    assert_string_equal(there.p, "hosts:\n"
                                 "- ssh: me@box\n"
                                 "  packs: # earshot up, the line before had no end\n"
                                 "  # earshot up 8b897e00: x\n"
                                 "  - host\n");
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_string_equal(back.p, before);
    buf_fini(&there);
    buf_fini(&back);
}

static void an_entry_of_hosts_on_one_line_is_left_to_a_person(void **state)
{
    static const char *const bad[] = {"hosts: [{ssh: me@box}]\n",
                                      "hosts:\n- {ssh: me@box}\n",
                                      "hosts:\n- name: box\n  ssh:\n    me@elsewhere\n",
                                      "hosts:\n- ssh: me@box\n  packs: {}\n",
                                      "hosts:\n- ssh: me@box\n  packs: # none yet",
                                      "hosts:\n- ssh: me@other\n"};
    static const char *const why[] = {"on one line", "on one line",
                                      "on one line", "on one line",
                                      "no newline",  "no entry of hosts is called \"box\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        SCOPED(buf_fini) struct buf out;
        struct err err = {0};

        buf_init(&out, 0);
        assert_fails(edit_add("e.yml", str_c(bad[i]), &host_of_box, 1, &out, &err), err, ERR_TYPE,
                     why[i]);
    }
}

static void an_entry_takes_the_indentation_of_its_list(void **state)
{
    (void)state;
    check_added("collect:\n    redis:\n        - {name: a}\n    host: {}\n", redis,
                "collect:\n    redis:\n"
                "        # earshot up ac62a332: redis-server answered PING\n"
                "        - url: redis://127.0.0.1:6379\n"
                "          interval: 5s\n"
                "        - {name: a}\n    host: {}\n");
}

static void a_comment_stays_with_the_entry_below_it(void **state)
{
    struct buf out = add("collect:\n  # mine\n  host: {}\n", &redis, 1);

    (void)state;
    assert_non_null(strstr(out.p, "  # mine\n  host: {}\n"));
    buf_fini(&out);
}

static void what_was_there_comes_back_byte_for_byte(void **state)
{
    (void)state;
    check_way_back("");
    check_way_back("# a comment");
    check_way_back("listen: 127.0.0.1:1\n\n\n");
    check_way_back("listen: 127.0.0.1:1");
    check_way_back("collect:\n  redis: # two\n  - {name: a}\n\n# end");
    check_way_back("collect:\n    scrape:\n\n    - {job_name: a}\npacks:\n  - soundbox\n");
    check_way_back("packs:\n- soundbox\ncollect:\n");
    check_way_back("---\ncollect:\n  redis:\n    -\n      name: a\n");
    check_way_back("packs: [host, gpu]\nlisten: 127.0.0.1:1\n");
    check_way_back("packs: []");
    check_way_back("packs: [ host, # mine\r\n  {soundbox: {url: 'http://a:1'}} ]\r\n\r\n");
    check_way_back("packs:\n  [\n    host\n  ]\ncollect:\n  redis: [{name: a}] # two\n");
}

static void a_list_in_brackets_is_cut_behind_the_first(void **state)
{
    const struct edit_addition all[] = {
        redis, vllm, {.section = "packs", .text = "gpu", .comment = "nvml"}};
    struct edit_undone undone;
    struct buf there = add("collect:\n  redis: [{name: a}]\npacks: [host]\n", all, 3), back;

    (void)state;
    assert_string_equal(there.p, "collect:\n"
                                 "  redis: [ # earshot up\n"
                                 "      # earshot up 64a6d2df: redis-server answered PING\n"
                                 "      {url: redis://127.0.0.1:6379, interval: 5s},\n"
                                 "      {name: a}]\n"
                                 "packs: [ # earshot up\n"
                                 "    # earshot up 4ac47587: vllm:\n"
                                 "    {vllm: {url: 'http://127.0.0.1:8000'}},\n"
                                 "    # earshot up 789a3308: nvml\n"
                                 "    gpu,\n"
                                 "    host]\n");
    *strstr(there.p, "6379,") =
        '7'; /* what a person has changed stays, and its line is not whole */
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_int_equal(undone.changed, 1);
    assert_non_null(strstr(back.p, "redis: [ # earshot up\n      # earshot up"));
    assert_non_null(strstr(back.p, "\npacks: [host]\n"));
    buf_fini(&there);
    buf_fini(&back);
}

static void what_does_not_fit_into_brackets_is_refused(void **state)
{
    static const struct edit_addition nested = {
        .section = "collect", .key = "json", .text = "url: a\nmetrics:\n  b: c", .comment = "x"};
    SCOPED(buf_fini) struct buf out;
    struct err err;

    (void)state;
    buf_init(&out, 0);
    assert_fails(edit_add("e.yml", STR("collect:\n  json: []\n"), &nested, 1, &out, &err), err,
                 ERR_TYPE, "\"json\" is written on one line");
}

static void what_cannot_be_added_to_is_refused_with_its_place(void **state)
{
    static const char *const texts[] = {"\ncollect: {host: {}}\n", "\ncollect: &a\n  host: {}\n",
                                        "\n\"collect\":\n  host: {}\n"};
    struct err err;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_init(&out, 0);
        assert_fails(edit_add("e.yml", str_c(texts[i]), &redis, 1, &out, &err), err, ERR_TYPE,
                     "\"collect\" is written on one line");
        assert_int_equal(err.at.line, 2);
        buf_fini(&out);
    }
    buf_init(&out, 0);
    assert_fails(edit_add("e.yml", STR("- a\n"), &redis, 1, &out, &err), err, ERR_TYPE,
                 "a map of keys");
    assert_fails(edit_add("e.yml", STR("collect:\n- a\n"), &redis, 1, &out, &err), err, ERR_TYPE,
                 "\"collect\": expected a map of keys below it");
    assert_fails(edit_add("e.yml", STR("collect:\n  redis:\n    a: b\n"), &redis, 1, &out, &err),
                 err, ERR_TYPE, "\"redis\": expected a list below it");
    assert_fails(edit_add("e.yml", STR("collect:"), &redis, 1, &out, &err), err, ERR_TYPE,
                 "no newline");
    buf_fini(&out);
}

static void the_place_is_that_of_the_persons_text_whatever_else_is_added(void **state)
{
    const struct edit_addition all[] = {redis, vllm};
    SCOPED(buf_fini) struct buf out;
    struct err err;

    (void)state;
    buf_init(&out, 0);
    assert_fails(
        edit_add("e.yml", STR("packs:\n- a\ncollect:\n  redis: null\n"), all, 2, &out, &err), err,
        ERR_TYPE, "\"redis\" is written on one line");
    assert_int_equal(err.at.line, 4);
}

static void an_entry_that_a_person_changed_stays_with_its_keys(void **state)
{
    const struct edit_addition all[] = {host, redis};
    struct edit_undone undone;
    struct buf there = add("", all, ARRAY_LEN(all)), back;
    char *at = strstr(there.p, "5s");

    (void)state;
    at[0] = '9';
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_int_equal(undone.taken, 1);
    assert_int_equal(undone.changed, 1);
    assert_null(strstr(back.p, "host"));
    assert_non_null(strstr(back.p, "collect: # earshot up\n  redis: # earshot up\n  # earshot up"));
    buf_fini(&there);
    buf_fini(&back);
}

static void a_key_with_something_of_a_person_below_it_stays(void **state)
{
    struct edit_undone undone;
    struct buf there = add("", &redis, 1), back;

    (void)state;
    buf_adds(&there, "  - {name: mine}\n");
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_string_equal(back.p, "collect: # earshot up\n  redis: # earshot up\n"
                                "  - {name: mine}\n");
    buf_fini(&there);
    buf_fini(&back);
}

static void a_file_that_was_ours_alone_is_known(void **state)
{
    struct edit_undone undone;
    struct buf there = add(edit_head, &redis, 1), back;

    (void)state;
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_true(undone.was_ours);
    buf_fini(&back);
    buf_adds(&there, "listen: 127.0.0.1:1\n");
    buf_init(&back, 0);
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert_false(undone.was_ours);
    buf_fini(&there);
    buf_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_gets_keys_and_entries),
        cmocka_unit_test(an_entry_of_hosts_gets_what_is_there),
        cmocka_unit_test(an_entry_of_hosts_may_be_the_last_line_without_an_end),
        cmocka_unit_test(an_entry_of_hosts_on_one_line_is_left_to_a_person),
        cmocka_unit_test(an_entry_takes_the_indentation_of_its_list),
        cmocka_unit_test(a_comment_stays_with_the_entry_below_it),
        cmocka_unit_test(what_was_there_comes_back_byte_for_byte),
        cmocka_unit_test(a_list_in_brackets_is_cut_behind_the_first),
        cmocka_unit_test(what_does_not_fit_into_brackets_is_refused),
        cmocka_unit_test(what_cannot_be_added_to_is_refused_with_its_place),
        cmocka_unit_test(the_place_is_that_of_the_persons_text_whatever_else_is_added),
        cmocka_unit_test(an_entry_that_a_person_changed_stays_with_its_keys),
        cmocka_unit_test(a_key_with_something_of_a_person_below_it_stays),
        cmocka_unit_test(a_file_that_was_ours_alone_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
