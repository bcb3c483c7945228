/* process_settings: the groups of collect.process, as config reads them.
 *
 * All entries are one set of groups, in their order: the first that matches takes a process. Those
 * that have job, instance and labels in common are one target, `set`: they are read in one pass.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_PROCESS_PROCESS_SETTINGS_H
#define COLLECT_PROCESS_PROCESS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of what is given (not NULL), all must hold. */
struct process_group_settings {
    const char *name;
    const char *match;     /* RE2, found anywhere in the command line */
    const char *exe;       /* the program's base name or, with a slash, its path */
    const char *unit;      /* of systemd; ".service" may be left out */
    const char *container; /* name or id, or the first 12 digits and more of it */
    const char *user;      /* name or number */
    const char *pid_file;
    bool children;  /* what a process of the group starts is in it too */
    int64_t expect; /* processes there should be at least; 0: any number is fine */
    size_t set;
};

struct process_groups {
    struct process_group_settings *items; /* [n] */
    size_t n, cap;
};

struct process_settings {
    const struct process_groups *groups; /* all, of other targets too */
    size_t set;                          /* the groups that this target shows */
};

#endif
