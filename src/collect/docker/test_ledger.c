/* What is counted of containers from cycle to cycle. */
#include "collect/docker/ledger.h"

#include "base/test.h"

#define NAME STR("web")

static struct container_line line_of(const char *id)
{
    return (struct container_line){.id = str_c(id), .name = NAME, .status = STR("Up")};
}

/* A cycle that sees the container with these facts; `kills` < 0: no control group tells. */
static struct member *see(struct ledger *l, const char *id, double started, uint64_t restarts,
                          int kills, bool oom)
{
    const struct container_line line = line_of(id);
    const struct container_facts facts = {
        .started_s = started, .restarts = restarts, .oom_killed = oom};
    struct member *m;

    ledger_begin(l, l->now_ns + INT64_C(15000000000));
    m = ledger_find(l, &line);
    ledger_learn(l, m, &line, &facts);
    if (kills >= 0)
        ledger_see_kills(l, m, (uint64_t)kills);
    ledger_settle(l, m);
    ledger_end(l);
    return m;
}

static void see_nobody(struct ledger *l, int64_t seconds)
{
    ledger_begin(l, l->now_ns + seconds * INT64_C(1000000000));
    ledger_end(l);
}

static int setup(void **state)
{
    static struct ledger l;

    ledger_init(&l);
    *state = &l;
    return 0;
}

static int teardown(void **state)
{
    ledger_fini(*state);
    return 0;
}

static void restarts_of_the_engine_are_its_own(void **state)
{
    assert_int_equal(see(*state, "a", 100, 2, 0, false)->restarts.shown, 2);
    assert_int_equal(see(*state, "a", 120, 5, 0, false)->restarts.shown, 5);
    assert_int_equal(see(*state, "a", 120, 5, 0, false)->restarts.shown, 5);
}

static void a_restart_by_hand_counts_although_the_engine_does_not_count_it(void **state)
{
    (void)see(*state, "a", 100, 2, 0, false);
    assert_int_equal(see(*state, "a", 120, 2, 0, false)->restarts.shown, 3);
    assert_int_equal(see(*state, "a", 130, 0, 0, false)->restarts.shown, 4); /* it counts anew */
}

static void a_container_made_anew_under_the_name_has_been_restarted(void **state)
{
    (void)see(*state, "a", 100, 2, 0, false);
    assert_int_equal(see(*state, "b", 0, 0, 0, false)->restarts.shown, 2);
    assert_int_equal(see(*state, "b", 130, 0, 0, false)->restarts.shown, 3);
    see_nobody(*state, 15);
    assert_int_equal(see(*state, "c", 160, 1, 0, false)->restarts.shown, 5);
}

static void a_first_start_is_no_restart(void **state)
{
    (void)see(*state, "a", 0, 0, -1, false);
    assert_int_equal(see(*state, "a", 100, 0, 0, false)->restarts.shown, 0);
}

static void what_comes_with_a_new_container_is_a_step_in_the_next_cycle(void **state)
{
    see_nobody(*state, 15);
    assert_int_equal(see(*state, "a", 100, 2, 1, false)->restarts.shown, 0);
    assert_int_equal(see(*state, "a", 100, 2, 1, false)->restarts.shown, 2);
    assert_int_equal(see(*state, "a", 100, 2, 1, false)->kills.shown, 1);
}

static void kills_of_all_runs_add_up(void **state)
{
    assert_int_equal(see(*state, "a", 100, 0, 1, false)->kills.shown, 1);
    assert_int_equal(see(*state, "a", 100, 0, 3, false)->kills.shown, 3);
    assert_int_equal(see(*state, "a", 120, 1, 1, false)->kills.shown, 4);
}

static void an_end_by_lack_of_memory_counts_once(void **state)
{
    (void)see(*state, "a", 100, 0, 0, false);
    assert_int_equal(see(*state, "a", 100, 0, -1, true)->kills.shown, 1);
    assert_int_equal(see(*state, "a", 100, 0, -1, true)->kills.shown, 1);
    (void)see(*state, "a", 120, 1, 0, false);
    assert_int_equal(see(*state, "a", 120, 1, 1, true)->kills.shown, 2); /* the group told it */
    assert_int_equal(see(*state, "a", 120, 1, -1, true)->kills.shown, 2);
}

static void who_is_gone_for_long_is_forgotten(void **state)
{
    (void)see(*state, "a", 100, 7, 0, false);
    see_nobody(*state, LEDGER_GONE_S - 100);
    assert_int_equal(see(*state, "a", 120, 7, 0, false)->restarts.shown, 8);
    see_nobody(*state, LEDGER_GONE_S + 1);
    assert_int_equal(((struct ledger *)*state)->members.n, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(restarts_of_the_engine_are_its_own),
        CASE(a_restart_by_hand_counts_although_the_engine_does_not_count_it),
        CASE(a_container_made_anew_under_the_name_has_been_restarted),
        CASE(a_first_start_is_no_restart),
        CASE(what_comes_with_a_new_container_is_a_step_in_the_next_cycle),
        CASE(kills_of_all_runs_add_up),
        CASE(an_end_by_lack_of_memory_counts_once),
        CASE(who_is_gone_for_long_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
