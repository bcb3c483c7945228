#include "base/test.h"

#include "base/err.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/help.h"

static struct args parsed(size_t n, const char *const words[])
{
    struct args args;
    struct err err = {0};

    assert_ok(args_parse(&args, n, (char *const *)words, &err), err);
    return args;
}

#define PARSED(...)                                                                                \
    parsed(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void assert_mistake(size_t n, const char *const words[], const char *expected)
{
    struct args args;
    struct err err = {0};

    assert_fails(args_parse(&args, n, (char *const *)words, &err), err, ERR_SYNTAX, expected);
}

#define MISTAKE(expected, ...)                                                                     \
    assert_mistake(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                         \
                   (const char *[]){__VA_ARGS__}, expected)

static void flags_take_their_value_with_or_without_an_equals_sign(void **state)
{
    struct args a = PARSED("serve", "--listen", "127.0.0.1:1", "--data=/x=y", "--enable-admin-api");

    (void)state;
    assert_string_equal(a.command->name, "serve");
    assert_string_equal(args_text(&a, "listen"), "127.0.0.1:1");
    assert_string_equal(args_text(&a, "data"), "/x=y");
    assert_null(args_text(&a, "config"));
    assert_true(args_switch(&a, "enable-admin-api"));
    assert_false(args_switch(&a, "enable-lifecycle"));
}

static void words_and_flags_may_be_mixed(void **state)
{
    struct args a = PARSED("query", "--at", "5", "up", "--url=http://x");

    (void)state;
    assert_int_equal(a.words_n, 1);
    assert_string_equal(a.words[0], "up");
    assert_string_equal(args_text(&a, "url"), "http://x");
    a = PARSED("query", "--", "--x");
    assert_string_equal(a.words[0], "--x");
    a = PARSED("query", "-1"); /* an expression */
    assert_string_equal(a.words[0], "-1");
}

static void mistakes_come_with_a_suggestion(void **state)
{
    (void)state;
    MISTAKE("unknown command \"serv\" (did you mean \"serve\"?)", "serv");
    MISTAKE("unknown command \"zzzzzzzz\" (earshot --help lists them)", "zzzzzzzz");
    MISTAKE("serve: unknown flag --lisen (did you mean --listen?)", "serve", "--lisen", "x");
    MISTAKE("query: unknown flag --ur (did you mean --url?)", "query", "--ur=x");
    MISTAKE("--listen wants a value: --listen ADDRESS:PORT", "serve", "--listen");
    MISTAKE("--enable-admin-api takes no value", "serve", "--enable-admin-api=1");
    MISTAKE("tsdb: a second word is missing: stat, verify, dump", "tsdb");
    MISTAKE("tsdb: a second word is missing: stat, verify, dump", "tsdb", "--help");
    MISTAKE("unknown command \"tsdb foo\" (after tsdb: stat, verify, dump)", "tsdb", "foo");
    MISTAKE("query: EXPR is missing", "query");
    MISTAKE("query: one word too many: \"b\"", "query", "a", "b");
}

static void help_is_taken_anywhere(void **state)
{
    (void)state;
    assert_true(PARSED("query", "--help").help);
    assert_true(PARSED("query", "up", "-h").help);
    assert_false(PARSED("query", "up").help);
}

/* A flag or command that were missing from one of the texts would be a flag nobody finds. */
static void every_flag_is_in_help_man_page_and_completion(void **state)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    struct err err = {0};
    struct buf man;

    (void)state;
    buf_init(&man, 0);
    help_man(&man);
    for (size_t i = 0; i < commands_n; i++) {
        struct buf help;

        buf_init(&help, 0);
        help_command(&commands[i], &help);
        assert_non_null(strstr(man.p, commands[i].name));
        for (size_t k = 0; k < commands[i].flags_n; k++)
            assert_non_null(strstr(help.p, commands[i].flags[k].name));
        buf_fini(&help);
    }
    buf_fini(&man);
    for (size_t s = 0; s < ARRAY_LEN(shells); s++) {
        struct buf script;

        buf_init(&script, 0);
        assert_ok(help_completion(shells[s], &script, &err), err);
        for (size_t i = 0; i < commands_n; i++) {
            for (size_t k = 0; k < commands[i].flags_n; k++)
                assert_non_null(strstr(script.p, commands[i].flags[k].name));
        }
        buf_fini(&script);
    }
    {
        struct buf none;

        buf_init(&none, 0);
        assert_fails(help_completion("csh", &none, &err), err, ERR_SYNTAX, "bash, zsh, fish");
        buf_fini(&none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_take_their_value_with_or_without_an_equals_sign),
        cmocka_unit_test(words_and_flags_may_be_mixed),
        cmocka_unit_test(mistakes_come_with_a_suggestion),
        cmocka_unit_test(help_is_taken_anywhere),
        cmocka_unit_test(every_flag_is_in_help_man_page_and_completion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
