/* collect_fixture: for tests: the manager on a real loop with real lanes; fetches and store are
 * scripted.
 */
#ifndef COLLECT_COLLECT_FIXTURE_H
#define COLLECT_COLLECT_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/scripted_sink.h"
#include "sys/lanes.h"
#include "sys/loop.h"

#define INTERVAL_MS 20

struct fixture {
    struct scripted_sink sink;
    struct arena arena;
    struct loop *loop;
    struct lanes *lanes;
    struct loop_timer *patience;
    struct collect *collect;
    const struct labels *labels;
    atomic_size_t commits_wanted;
    struct loop_message enough;
    atomic_bool stop_posted;
    bool gone;
    void (*store)(struct sink *s, struct sink_batch *batch); /* the scripted one */
    struct err err;
};

/* For cmocka. */
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

void stop_loop(void *loop);
/* Of a target that was removed: notes it in the fixture, and stops the loop. */
void on_gone(void *fixture);
/* Until so many cycles were committed since the start. */
void run_until(struct fixture *f, size_t commits);
/* Of the only target. */
struct target_status status(struct fixture *f);
/* Removes, and runs until it is gone; what was committed meanwhile. */
const char *remove_it(struct fixture *f, struct cycle *cycle, int64_t wait_ms);

#endif
