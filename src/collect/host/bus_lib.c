#include "collect/host/bus_lib.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

static const struct {
    const char *name;
    size_t at;
} functions[] = {
    {"sd_bus_open_system", offsetof(struct bus_lib, open_system)},
    {"sd_bus_close_unref", offsetof(struct bus_lib, close)},
    {"sd_bus_set_method_call_timeout", offsetof(struct bus_lib, set_timeout)},
    {"sd_bus_message_new_method_call", offsetof(struct bus_lib, new_call)},
    {"sd_bus_message_set_auto_start", offsetof(struct bus_lib, set_auto_start)},
    {"sd_bus_message_append_strv", offsetof(struct bus_lib, append_strings)},
    {"sd_bus_call", offsetof(struct bus_lib, call)},
    {"sd_bus_message_enter_container", offsetof(struct bus_lib, enter)},
    {"sd_bus_message_read", offsetof(struct bus_lib, read)},
    {"sd_bus_message_unref", offsetof(struct bus_lib, unref)},
    {"sd_bus_get_property_string", offsetof(struct bus_lib, property)},
    {"sd_bus_error_free", offsetof(struct bus_lib, error_free)},
};

int bus_lib_open(struct bus_lib *out, struct err *err)
{
    struct bus_lib lib = {.handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL)};

    if (!lib.handle)
        return err_set(err, ERR_EVAL, "libsystemd.so.0 is missing (Debian package libsystemd0)");
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *function = dlsym(lib.handle, functions[i].name);

        if (!function) {
            (void)dlclose(lib.handle);
            return err_set(err, ERR_EVAL, "libsystemd.so.0 has no %s", functions[i].name);
        }
        memcpy((char *)&lib + functions[i].at, &function, sizeof function);
    }
    *out = lib;
    return 0;
}

void bus_lib_close(struct bus_lib *lib)
{
    if (lib->handle)
        (void)dlclose(lib->handle);
    *lib = (struct bus_lib){0};
}
