/* Units of systemd and their states, asked over the system bus: those that failed, all, or those
 * that were named. Where there is no bus, or no systemd on it (most containers), there is nothing
 * to tell; it is looked for again in each pass, which costs a connect that fails.
 *
 * The type of a service (simple, oneshot ...) takes a call of its own, and does not change while
 * the unit is loaded: it is asked once, and remembered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/host/bus_lib.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"
#include "collect/host/units_settings.h"

#define SYSTEMD    "org.freedesktop.systemd1"
#define MANAGER    SYSTEMD ".Manager"
#define MANAGER_AT "/org/freedesktop/systemd1"
#define SERVICE    SYSTEMD ".Service"
#define UNITS_MAX  5000 /* told in one pass; the others are left out, which shows */
#define TYPES_MAX  10000
#define SLOW_NS    INT64_C(60000000000) /* after a type that was not told in time */
#define TYPE_BYTES 24
#define BUS        "run/dbus/system_bus_socket" /* for messages */

static const char *const states[] = {"active", "activating", "deactivating", "failed", "inactive"};

struct type {
    char text[TYPE_BYTES];
    char unit[];
};

struct systemd_state {
    struct bus_lib lib;
    struct sd_bus *bus; /* NULL: not connected */
    struct map types;   /* owned items; of services */
    bool absent;        /* the library is not there */
    int64_t types_ns;   /* not asked for before this, monotonic */
};

struct unit {
    struct str name, state, type;
};

/* One pass. */
struct asking {
    struct host_run *r;
    struct systemd_state *s;
    struct unit *units; /* [n] of UNITS_MAX, in scratch */
    size_t n, left_out;
};

static void forget_types(struct systemd_state *s)
{
    size_t at = 0;

    for (struct type *t; (t = map_next(&s->types, &at)) != NULL;)
        mem_free(t);
    map_fini(&s->types);
    map_init(&s->types);
}

void systemd_free(void *state)
{
    struct systemd_state *s = state;

    if (!s)
        return;
    if (s->bus)
        (void)s->lib.close(s->bus);
    bus_lib_close(&s->lib);
    forget_types(s);
    map_fini(&s->types);
    mem_free(s);
}

static void disconnect(struct systemd_state *s)
{
    s->bus = s->lib.close(s->bus);
    forget_types(s);
}

static uint64_t timeout_us(const struct host_run *r)
{
    return (uint64_t)r->answer_ms * 1000;
}

static bool connect_bus(struct host_run *r, struct systemd_state *s)
{
    struct err err;

    if (s->bus)
        return true;
    if (!s->lib.handle && !s->absent && bus_lib_open(&s->lib, &err) < 0)
        s->absent = true;
    if (s->absent || s->lib.open_system(&s->bus) < 0) {
        s->bus = NULL;
        return false;
    }
    (void)s->lib.set_timeout(s->bus, timeout_us(r));
    return true;
}

/* ---- the type of a service ---- */

static bool is_of(const void *item, const void *key)
{
    const struct type *t = item;
    const struct str *name = key;

    return str_eq(str_c(t->unit), *name);
}

static int64_t now_ns(const struct asking *a)
{
    return a->r->clock->mono_ns(a->r->clock);
}

/* NULL: it did not say in time. */
static const struct type *ask_type(struct asking *a, struct str name, const char *path)
{
    struct bus_error error = {0};
    char *text = NULL;
    int rc = a->s->lib.property(a->s->bus, SYSTEMD, path, SERVICE, "Type", &error, &text);
    struct type *t;

    a->s->lib.error_free(&error);
    if (rc == -ETIMEDOUT) {
        a->s->types_ns = now_ns(a) + SLOW_NS;
        return NULL;
    }
    t = mem_zalloc(sizeof *t + name.n + 1);
    memcpy(t->unit, name.p, name.n);
    if (rc >= 0 && text && strlen(text) < TYPE_BYTES)
        memcpy(t->text, text, strlen(text) + 1);
    free(text); /* the library's, from malloc */
    if (a->s->types.n >= TYPES_MAX)
        forget_types(a->s);
    map_put(&a->s->types, hash_str(name), t);
    return t;
}

static struct str type_of(struct asking *a, struct str name, const char *path)
{
    const struct type *t;

    if (!str_ends(name, STR(".service")))
        return STR("");
    t = map_get(&a->s->types, hash_str(name), &name, is_of);
    if (!t && now_ns(a) >= a->s->types_ns)
        t = ask_type(a, name, path);
    return t ? host_keep(a->r, str_c(t->text)) : STR("");
}

/* ---- the list of units ---- */

/* node_exporter leaves these out, and so do people who ask for all. */
static bool is_wanted(struct str name)
{
    static const char *const unwanted[] = {".automount", ".device", ".mount", ".scope", ".slice"};

    for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
        if (str_ends(name, str_c(unwanted[i])))
            return false;
    return true;
}

static int read_units(struct asking *a, struct sd_bus_message *reply)
{
    const struct bus_lib *lib = &a->s->lib;
    const char *name, *about, *loaded, *active, *sub, *followed, *path, *job_type, *job_path;
    uint32_t job;
    int rc = lib->enter(reply, 'a', "(ssssssouso)");

    while (rc >= 0 && (rc = lib->read(reply, "(ssssssouso)", &name, &about, &loaded, &active, &sub,
                                      &followed, &path, &job, &job_type, &job_path)) > 0) {
        struct unit unit = {.name = str_c(name), .state = str_c(active)};

        if (a->r->units->mode == UNITS_ALL &&
            (strcmp(loaded, "loaded") != 0 || !is_wanted(unit.name)))
            continue;
        if (a->n == UNITS_MAX) {
            a->left_out++;
            continue;
        }
        unit.name = host_keep(a->r, unit.name);
        unit.state = host_keep(a->r, unit.state);
        unit.type = type_of(a, unit.name, path);
        a->units[a->n++] = unit;
    }
    return rc;
}

/* ListUnitsFiltered takes states, no state is any; ListUnitsByNames names. NULL ends them. */
static const char **filter_of(struct asking *a)
{
    const struct host_units *units = a->r->units;
    const char **list = host_new_array(a->r, const char *, units->n + 2);

    if (list && units->mode == UNITS_FAILED)
        list[0] = "failed";
    if (list && units->mode == UNITS_NAMED)
        memcpy(list, units->names, units->n * sizeof *list);
    return list;
}

static int ask(struct asking *a, const char **filter, struct bus_error *error)
{
    const struct bus_lib *lib = &a->s->lib;
    bool by_name = a->r->units->mode == UNITS_NAMED;
    struct sd_bus_message *call = NULL, *reply = NULL;
    int rc = lib->new_call(a->s->bus, &call, SYSTEMD, MANAGER_AT, MANAGER,
                           by_name ? "ListUnitsByNames" : "ListUnitsFiltered");

    /* Where no systemd is on the bus, none is to be started. */
    if (rc >= 0)
        rc = lib->set_auto_start(call, 0);
    if (rc >= 0)
        rc = lib->append_strings(call, (char **)filter);
    if (rc >= 0)
        rc = lib->call(a->s->bus, call, timeout_us(a->r), error, &reply);
    if (rc >= 0)
        rc = read_units(a, reply);
    lib->unref(reply);
    lib->unref(call);
    return rc;
}

static void tell(struct host_run *r, const struct unit *units, size_t n)
{
    if (n == 0)
        return;
    host_family(r, METRIC_GAUGE, "node_systemd_unit_state", "Systemd unit");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(states); k++) {
            struct label labels[] = {{STR("name"), units[i].name},
                                     {STR("state"), str_c(states[k])},
                                     {STR("type"), units[i].type}};

            host_sample(r, str_eq(units[i].state, str_c(states[k])), labels, ARRAY_LEN(labels));
        }
    }
}

/* No systemd is there, or none that may be asked. */
static bool is_absence(const struct bus_error *error)
{
    static const char *const names[] = {
        "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.UnknownMethod"};

    for (size_t i = 0; error->name && i < ARRAY_LEN(names); i++)
        if (strcmp(error->name, names[i]) == 0)
            return true;
    return false;
}

void systemd_collect(struct host_run *r)
{
    struct asking a = {.r = r, .s = *r->state};
    struct bus_error error = {0};
    const char **filter;
    int rc;

    if (r->far || !r->units || r->units->mode == UNITS_NONE)
        return;
    if (!a.s) {
        *r->state = a.s = mem_new(struct systemd_state);
        map_init(&a.s->types);
    }
    a.units = host_new_array(r, struct unit, UNITS_MAX);
    filter = filter_of(&a);
    if (!a.units || !filter || !connect_bus(r, a.s))
        return;
    rc = ask(&a, filter, &error);
    r->present = rc >= 0 || !is_absence(&error);
    if (rc < 0) {
        if (r->present)
            host_broken(r, FILES_ROOT, BUS,
                        error.message ? error.message : "systemd does not answer");
        disconnect(a.s);
    } else {
        if (a.left_out)
            host_broken(r, FILES_ROOT, BUS,
                        "systemd has more than " STRINGIFY(UNITS_MAX) " units that are wanted");
        tell(r, a.units, a.n);
    }
    a.s->lib.error_free(&error);
}
