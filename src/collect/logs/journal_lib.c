#include "collect/logs/journal_lib.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

static const struct {
    const char *name;
    size_t at;
} functions[] = {
    {"sd_journal_open", offsetof(struct journal_lib, open)},
    {"sd_journal_open_directory", offsetof(struct journal_lib, open_directory)},
    {"sd_journal_close", offsetof(struct journal_lib, close)},
    {"sd_journal_has_runtime_files", offsetof(struct journal_lib, has_runtime_files)},
    {"sd_journal_has_persistent_files", offsetof(struct journal_lib, has_persistent_files)},
    {"sd_journal_get_fd", offsetof(struct journal_lib, get_fd)},
    {"sd_journal_process", offsetof(struct journal_lib, process)},
    {"sd_journal_set_data_threshold", offsetof(struct journal_lib, set_data_threshold)},
    {"sd_journal_add_match", offsetof(struct journal_lib, add_match)},
    {"sd_journal_add_disjunction", offsetof(struct journal_lib, add_disjunction)},
    {"sd_journal_seek_head", offsetof(struct journal_lib, seek_head)},
    {"sd_journal_seek_tail", offsetof(struct journal_lib, seek_tail)},
    {"sd_journal_seek_cursor", offsetof(struct journal_lib, seek_cursor)},
    {"sd_journal_test_cursor", offsetof(struct journal_lib, test_cursor)},
    {"sd_journal_next", offsetof(struct journal_lib, next)},
    {"sd_journal_previous", offsetof(struct journal_lib, previous)},
    {"sd_journal_get_cursor", offsetof(struct journal_lib, get_cursor)},
    {"sd_journal_get_realtime_usec", offsetof(struct journal_lib, get_realtime_usec)},
    {"sd_journal_get_cutoff_realtime_usec", offsetof(struct journal_lib, get_cutoff_realtime_usec)},
    {"sd_journal_get_data", offsetof(struct journal_lib, get_data)},
};

int journal_lib_open(struct journal_lib *out, struct err *err)
{
    struct journal_lib lib = {.handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL)};

    if (!lib.handle)
        return err_set(err, ERR_EVAL,
                       "the journal cannot be read: libsystemd.so.0 is missing (Debian package "
                       "libsystemd0)");
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *function = dlsym(lib.handle, functions[i].name);

        if (!function) {
            (void)dlclose(lib.handle);
            return err_set(err, ERR_EVAL, "the journal cannot be read: libsystemd.so.0 has no %s",
                           functions[i].name);
        }
        memcpy((char *)&lib + functions[i].at, &function, sizeof function);
    }
    *out = lib;
    return 0;
}

void journal_lib_close(struct journal_lib *lib)
{
    if (lib->handle)
        (void)dlclose(lib->handle);
    *lib = (struct journal_lib){0};
}
