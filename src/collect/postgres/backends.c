#include "collect/postgres/backends.h"

#include <string.h>

#include "base/mem.h"
#include "collect/postgres/address.h"
#include "collect/postgres/backend.h"

void backends_init(struct backends *c, const struct libpq *pq,
                   const struct postgres_settings *settings, const char *socket_path)
{
    *c = (struct backends){.pq = pq, .settings = settings, .socket_path = socket_path};
}

static void empty(struct backends_slot *slot)
{
    backend_close(slot->backend);
    mem_free(slot->database);
    *slot = (struct backends_slot){.backend = NULL};
}

void backends_fini(struct backends *c)
{
    for (size_t i = 0; i < BACKENDS_KEPT; i++)
        empty(&c->slots[i]);
}

int backends_begin(struct backends *c, struct arena *a, struct str *server, struct err *err)
{
    const char *shown = address_shown(a, c->settings, err);

    for (size_t i = 0; i < BACKENDS_KEPT; i++)
        c->slots[i].used = false;
    *server = str_c(shown);
    return shown ? 0 : -1;
}

void backends_end(struct backends *c, bool keep)
{
    for (size_t i = 0; i < BACKENDS_KEPT; i++)
        if (!keep || !c->slots[i].used || !backend_is_open(c->slots[i].backend))
            empty(&c->slots[i]);
}

static struct backend *open_one(struct backends *c, const char *database,
                                const struct backend_deadline *deadline, struct arena *a,
                                struct err *err)
{
    struct backend_address place;
    struct backend *backend = NULL;

    if (address_make(a, c->settings, c->socket_path, database, &place, err) == 0)
        if (backend_open(c->pq, &place, deadline, &backend, err) < 0)
            backend = NULL;
    address_wipe(&place);
    return backend;
}

/* The one that is to this database, else one that is free; NULL: neither. */
static struct backends_slot *find_slot(struct backends *c, const char *database)
{
    struct backends_slot *free_one = NULL;

    for (size_t i = 1; i < BACKENDS_KEPT; i++) {
        struct backends_slot *slot = &c->slots[i];

        if (slot->database && strcmp(slot->database, database) == 0)
            return slot;
        if (!slot->database && !free_one)
            free_one = slot;
    }
    return free_one;
}

struct backend *backends_get(struct backends *c, const char *database,
                             const struct backend_deadline *deadline, struct arena *a,
                             struct err *err)
{
    struct backends_slot *slot = &c->slots[0];

    if (database) {
        slot = find_slot(c, database);
        if (!slot)
            return open_one(c, database, deadline, a, err);
    }
    if (!backend_is_open(slot->backend)) {
        empty(slot);
        slot->backend = open_one(c, database, deadline, a, err);
        slot->database = slot->backend && database ? mem_strdup(database) : NULL;
    }
    slot->used = slot->backend != NULL;
    return slot->backend;
}

void backends_put(struct backends *c, struct backend *backend)
{
    for (size_t i = 1; i < BACKENDS_KEPT; i++) {
        if (c->slots[i].backend != backend)
            continue;
        if (!backend_is_open(backend))
            empty(&c->slots[i]);
        return;
    }
    backend_close(backend);
}

bool backends_has_own(const struct backends *c)
{
    return backend_is_open(c->slots[0].backend);
}
