#include "cli/reload.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "sys/lanes.h"
#include "sys/loop.h"

struct fixture {
    struct loop *loop;
    struct lanes *lanes;
    struct reload *reload;
    sem_t gate;    /* each reading waits for it */
    sem_t reading; /* and says before that it has begun */
    atomic_int reads;
    int accepts, discards, refusals;
    size_t mistakes; /* each reading finds so many */
    size_t told, wanted, told_accepted;
    const char *fifo; /* not NULL: is read in place of the gate */
    char text[400];
};

static int read_it(void *arg, void **out, struct err **errors, size_t *errors_n)
{
    struct fixture *f = arg;

    atomic_fetch_add(&f->reads, 1);
    sem_post(&f->reading);
    if (f->fifo)
        (void)close(open(f->fifo, O_RDONLY | O_CLOEXEC)); /* waits for who writes */
    else
        while (sem_wait(&f->gate) < 0) {
        }
    if (f->mistakes > 0) {
        *errors = mem_new_array(struct err, f->mistakes);
        for (size_t i = 0; i < f->mistakes; i++)
            (void)err_set(&(*errors)[i], ERR_SYNTAX, "mistake %zu", i + 1);
        *errors_n = f->mistakes;
        return -1;
    }
    *out = mem_strdup("loaded");
    return 0;
}

static void accept(void *arg, void *loaded)
{
    struct fixture *f = arg;

    assert_string_equal(loaded, "loaded");
    mem_free(loaded);
    f->accepts++;
}

static void discard(void *arg, void *loaded)
{
    struct fixture *f = arg;

    mem_free(loaded);
    f->discards++;
    if (f->fifo)
        loop_stop(f->loop);
}

static void refuse(void *arg, const struct err *errors, size_t n)
{
    struct fixture *f = arg;

    f->refusals++;
    if (f->fifo)
        return;
    assert_int_equal(n, f->mistakes);
    assert_string_equal(errors[0].text, "mistake 1");
}

static void on_told(void *arg, bool accepted, struct str text)
{
    struct fixture *f = arg;

    assert_true(loop_is_here(f->loop));
    assert_true(text.n < sizeof f->text);
    memcpy(f->text, text.p ? text.p : "", text.n);
    f->text[text.n] = '\0';
    f->told_accepted += accepted;
    if (++f->told == f->wanted)
        loop_stop(f->loop);
}

static int set_up_with(void **state, int64_t hang_ms)
{
    struct fixture *f = mem_new(struct fixture);
    struct reload_context context = {
        .read = read_it, .accept = accept, .discard = discard, .refuse = refuse, .arg = f};
    struct err err;

    *state = f;
    if (loop_new(&f->loop, &err) < 0)
        return -1;
    context.loop = f->loop;
    context.what = "p.yml";
    context.hang_ms = hang_ms;
    f->lanes = context.lanes = lanes_new(f->loop);
    f->reload = reload_new(&context);
    sem_init(&f->gate, 0, 0);
    sem_init(&f->reading, 0, 0);
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 0);
}

static int set_up_impatient(void **state)
{
    return set_up_with(state, 1000);
}

static void end_lanes(struct fixture *f)
{
    assert_int_equal(lanes_free(f->lanes), 0);
    f->lanes = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->lanes)
        end_lanes(f);
    reload_free(f->reload);
    loop_free(f->loop);
    sem_destroy(&f->gate);
    sem_destroy(&f->reading);
    mem_free(f);
    return 0;
}

static void open_gate(struct fixture *f, int times)
{
    while (times-- > 0)
        sem_post(&f->gate);
}

static void what_was_read_is_handed_over_and_whoever_asked_is_told(void **state)
{
    struct fixture *f = *state;

    f->wanted = 1;
    open_gate(f, 1);
    reload_ask(f->reload, on_told, f);
    loop_run(f->loop);
    assert_int_equal(f->accepts, 1);
    assert_int_equal(f->told_accepted, 1);
    assert_string_equal(f->text, "");
}

static void a_refusal_tells_every_mistake_and_hands_nothing_over(void **state)
{
    struct fixture *f = *state;

    f->mistakes = 2;
    f->wanted = 1;
    open_gate(f, 1);
    reload_ask(f->reload, on_told, f);
    loop_run(f->loop);
    assert_int_equal(f->accepts, 0);
    assert_int_equal(f->refusals, 1);
    assert_int_equal(f->told_accepted, 0);
    assert_string_equal(f->text, "failed to reload config: mistake 1\nmistake 2\n");
}

static void who_asks_while_files_are_read_shares_one_later_reading(void **state)
{
    struct fixture *f = *state;

    f->wanted = 3;
    reload_ask(f->reload, on_told, f);
    while (sem_wait(&f->reading) < 0) {
    }
    reload_ask(f->reload, on_told, f);
    reload_ask(f->reload, NULL, NULL);
    reload_ask(f->reload, on_told, f);
    assert_int_equal(atomic_load(&f->reads), 1);
    open_gate(f, 2);
    loop_run(f->loop);
    assert_int_equal(atomic_load(&f->reads), 2);
    assert_int_equal(f->accepts, 2);
    assert_int_equal(f->told_accepted, 3);
}

static void at_the_end_nothing_is_taken_over_any_more_and_all_are_told(void **state)
{
    struct fixture *f = *state;

    reload_ask(f->reload, on_told, f);
    while (sem_wait(&f->reading) < 0) {
    }
    reload_ask(f->reload, on_told, f);
    reload_stop(f->reload);
    open_gate(f, 1);
    end_lanes(f);
    assert_int_equal(f->discards, 1);
    assert_int_equal(f->accepts, 0);
    assert_int_equal(atomic_load(&f->reads), 1);
    assert_int_equal(f->told, 2);
    assert_int_equal(f->told_accepted, 0);
    assert_string_equal(f->text, "failed to reload config: the server is shutting down\n");
    reload_ask(f->reload, on_told, f);
    assert_int_equal(f->told, 3);
}

static void a_file_that_hangs_refuses_all_until_it_comes_and_then_it_works(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/test-reload-XXXXXX", fifo[64];

    assert_non_null(mkdtemp(folder));
    (void)snprintf(fifo, sizeof fifo, "%s/p.yml", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    f->fifo = fifo;
    f->wanted = 2;
    reload_ask(f->reload, on_told, f);
    while (sem_wait(&f->reading) < 0) {
    }
    reload_ask(f->reload, on_told, f); /* waits for another reading */
    loop_run(f->loop);
    assert_int_equal(f->told_accepted, 0);
    assert_non_null(strstr(f->text, "hangs, for more than 1 s: p.yml, or a file that it names"));
    reload_ask(f->reload, on_told, f);
    assert_int_equal(f->told, 3); /* at once */
    reload_ask(f->reload, NULL, NULL);
    assert_int_equal(f->refusals, 4);
    assert_int_equal(atomic_load(&f->reads), 1);
    (void)close(open(fifo, O_WRONLY | O_CLOEXEC));
    loop_run(f->loop);
    assert_int_equal(f->discards, 1); /* it is too old */
    f->fifo = NULL;
    f->wanted = 4;
    open_gate(f, 1);
    reload_ask(f->reload, on_told, f);
    loop_run(f->loop);
    assert_int_equal(f->told_accepted, 1);
    assert_int_equal(f->accepts, 1);
    (void)unlink(fifo);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_is_handed_over_and_whoever_asked_is_told,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_tells_every_mistake_and_hands_nothing_over,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_while_files_are_read_shares_one_later_reading,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_file_that_hangs_refuses_all_until_it_comes_and_then_it_works, set_up_impatient,
            tear_down),
        cmocka_unit_test_setup_teardown(at_the_end_nothing_is_taken_over_any_more_and_all_are_told,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
