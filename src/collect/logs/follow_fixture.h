/* follow_fixture: for tests: a folder with logs, and what following them tells.
 */
#ifndef COLLECT_LOGS_FOLLOW_FIXTURE_H
#define COLLECT_LOGS_FOLLOW_FIXTURE_H

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"
#include "collect/logs/follow.h"
#include "collect/logs/source.h"

struct fixture {
    char folder[64], path[128], pattern[128];
    struct follow_settings settings;
    struct follow *follow;
    struct manual_clock clock;
    struct buf told;  /* entries, each with a bar behind it */
    struct buf state; /* as it was after the first that settled */
};

/* For cmocka. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int set_up(void **state);
int tear_down(void **state);
const char *path_of(struct fixture *f, const char *name);
void append(struct fixture *f, const char *name, const char *text);
/* When it was last written, in seconds. */
void date(struct fixture *f, const char *name, int64_t seconds);
void move(struct fixture *f, const char *from, const char *to);
void start(struct fixture *f, const char *pattern);
void on_entry(void *arg, const struct log_entry *entry);
/* What a look tells, a while after the one before. */
const char *read_once(struct fixture *f, int64_t ms);
/* All that comes, until it has rested. */
const char *read_all(struct fixture *f);
/* The state of before the start names disks by numbers that they have no more. */
void renumber(json_t *root);
/* A new one that knows what this one has written down. */
void restart_with(struct fixture *f, void (*change)(json_t *root));
void restart(struct fixture *f);
/* As copytruncate does it. */
void copy_and_empty(struct fixture *f, const char *name, const char *copy, int64_t seconds);

#endif
