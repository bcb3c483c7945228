#include "collect/postgres/libpq.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

#define LIBRARY "libpq.so.5"

static int find(void *library, const char *name, void *function, struct err *err)
{
    void *found = dlsym(library, name);

    if (!found)
        return err_set(err, ERR_LIMIT, LIBRARY " has no %s: it is older than PostgreSQL 11", name);
    memcpy(function, &found, sizeof found); /* ISO C has no cast from an object to a function */
    return 0;
}

int libpq_load(struct libpq *out, struct err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return err_set(err, ERR_LIMIT,
                       "PostgreSQL's client library " LIBRARY
                       " cannot be loaded; install the package libpq5 (%.200s)",
                       dlerror());
#define F(name)                                                                                    \
    if (find(library, #name, &out->name, err) < 0)                                                 \
        return -1;
    LIBPQ_FUNCTIONS(F)
#undef F
    return 0;
}
