#include "collect/ssh/libssh.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

#define LIBRARY "libssh.so.4"

static int find(void *library, const char *name, void *function, struct err *err)
{
    void *found = dlsym(library, name);

    if (!found)
        return err_set(err, ERR_LIMIT, LIBRARY " has no %s: it is older than libssh 0.9", name);
    memcpy(function, &found, sizeof found); /* ISO C has no cast from an object to a function */
    return 0;
}

int libssh_load(struct libssh *out, struct err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return err_set(err, ERR_LIMIT,
                       "the SSH library " LIBRARY
                       " cannot be loaded; install the package libssh-4 (%.200s)",
                       dlerror());
#define F(name)                                                                                    \
    if (find(library, #name, &out->name, err) < 0)                                                 \
        return -1;
    LIBSSH_FUNCTIONS(F)
#undef F
    if (out->ssh_init() != SSH_OK)
        return err_set(err, ERR_LIMIT, LIBRARY " cannot be used: its cryptography does not start");
    return 0;
}
