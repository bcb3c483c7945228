/* journal_lib: what of libsystemd is used, loaded when a journal is first read, so that the program
 * starts where it is not installed. Names and meanings: sd-journal(3).
 *
 * Threads: a journal is used by one thread at a time.
 */
#ifndef COLLECT_LOGS_JOURNAL_LIB_H
#define COLLECT_LOGS_JOURNAL_LIB_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct sd_journal;

#define JOURNAL_LOCAL_ONLY 1 /* of this machine */

/* All return a negative errno on failure. */
struct journal_lib {
    void *handle;
    int (*open)(struct sd_journal **out, int flags);
    int (*open_directory)(struct sd_journal **out, const char *path, int flags);
    void (*close)(struct sd_journal *j);
    int (*has_runtime_files)(struct sd_journal *j);
    int (*has_persistent_files)(struct sd_journal *j);
    int (*get_fd)(struct sd_journal *j);
    int (*process)(struct sd_journal *j);
    int (*set_data_threshold)(struct sd_journal *j, size_t bytes);
    int (*add_match)(struct sd_journal *j, const void *data, size_t bytes);
    int (*add_disjunction)(struct sd_journal *j);
    int (*seek_head)(struct sd_journal *j);
    int (*seek_tail)(struct sd_journal *j);
    int (*seek_cursor)(struct sd_journal *j, const char *cursor);
    int (*test_cursor)(struct sd_journal *j, const char *cursor);
    int (*next)(struct sd_journal *j);
    int (*previous)(struct sd_journal *j);
    int (*get_cursor)(struct sd_journal *j, char **out); /* malloc */
    int (*get_realtime_usec)(struct sd_journal *j, uint64_t *out);
    int (*get_cutoff_realtime_usec)(struct sd_journal *j, uint64_t *from, uint64_t *to);
    int (*get_data)(struct sd_journal *j, const char *field, const void **data, size_t *bytes);
};

/* ERR_EVAL: it is not installed. */
MUST_USE int journal_lib_open(struct journal_lib *out, struct err *err);
void journal_lib_close(struct journal_lib *lib);

#endif
