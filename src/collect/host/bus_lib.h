/* bus_lib: what of libsystemd is used to ask systemd over the system bus, loaded when it is first
 * asked, so that the program starts where it is not installed. Names and meanings: sd-bus(3).
 *
 * Threads: a connection is used by one thread at a time.
 */
#ifndef COLLECT_HOST_BUS_LIB_H
#define COLLECT_HOST_BUS_LIB_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct sd_bus;
struct sd_bus_message;

struct bus_error { /* sd_bus_error */
    const char *name, *message;
    int need_free;
};

/* All that return int give a negative errno on failure. */
struct bus_lib {
    void *handle;
    int (*open_system)(struct sd_bus **out);
    struct sd_bus *(*close)(struct sd_bus *bus); /* sd_bus_close_unref */
    int (*set_timeout)(struct sd_bus *bus, uint64_t us);
    int (*new_call)(struct sd_bus *bus, struct sd_bus_message **out, const char *to,
                    const char *path, const char *interface, const char *member);
    int (*set_auto_start)(struct sd_bus_message *m, int flag);
    int (*append_strings)(struct sd_bus_message *m, char **list); /* NULL ends it */
    int (*call)(struct sd_bus *bus, struct sd_bus_message *m, uint64_t us, struct bus_error *error,
                struct sd_bus_message **reply);
    int (*enter)(struct sd_bus_message *m, char type, const char *contents);
    int (*read)(struct sd_bus_message *m, const char *types, ...); /* 0: no more */
    struct sd_bus_message *(*unref)(struct sd_bus_message *m);     /* NULL is fine */
    int (*property)(struct sd_bus *bus, const char *to, const char *path, const char *interface,
                    const char *member, struct bus_error *error, char **out); /* malloc */
    void (*error_free)(struct bus_error *error);
};

/* ERR_EVAL: it is not installed. */
MUST_USE int bus_lib_open(struct bus_lib *out, struct err *err);
void bus_lib_close(struct bus_lib *lib);

#endif
