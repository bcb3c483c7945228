#include "collect/gpu/nvml.h"

#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/gpu/grouping.h"
#include "collect/gpu/nvml_abi.h"
#include "collect/gpu/owner.h"
#include "collect/gpu/report.h"

#define PART        "gpu"
#define DEVICES_MAX 64
#define PROCESSES   64   /* room at first, of each kind */
#define LISTED_MAX  4096 /* processes of a card that are looked at */
#define EVENTS_MAX  100  /* taken a reading */
#define MIB         1048576.0

/* What is remembered of a card from one reading to the next. */
struct device {
    nvml_device handle;
    unsigned long long used_until_us; /* uses of processes were read up to here */
    double xid;                       /* of the last error; NaN: they cannot be heard of */
    bool silent;                      /* did not answer; has been logged */
};

struct nvml {
    void *library;
#define MEMBER(member, symbol, arguments) int(*member) arguments;
    NVML_NEEDED(MEMBER)
    NVML_OPTIONAL(MEMBER)
#undef MEMBER
    const char *(*error)(int result);
    nvml_events events; /* NULL: none */
    struct device devices[DEVICES_MAX];
};

/* ISO C has no cast from an object to a function. */
static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static int load(struct nvml *n, struct err *err)
{
    if (!find(n->library, "nvmlErrorString", &n->error))
        return err_set(err, ERR_LIMIT, NVML_LIBRARY " has no nvmlErrorString");
#define NEED(member, symbol, arguments)                                                            \
    if (!find(n->library, #symbol, &n->member))                                                    \
        return err_set(err, ERR_LIMIT,                                                             \
                       NVML_LIBRARY " has no " #symbol ": its driver is older than 450");
    NVML_NEEDED(NEED)
#undef NEED
#define MAY(member, symbol, arguments) (void)find(n->library, #symbol, &n->member);
    NVML_OPTIONAL(MAY)
#undef MAY
    return 0;
}

static int say(const struct nvml *n, int result, const char *what, struct err *err)
{
    const char *words = n->error(result);

    return err_set(err, ERR_EVAL, NVML_LIBRARY ": %s: %s", what, words ? words : "unknown error");
}

int nvml_open(struct nvml **out, struct err *err)
{
    void *library = dlopen(NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    struct nvml *n;
    unsigned count = 0;
    int rc;

    *out = NULL;
    if (!library)
        return 0;
    n = mem_new(struct nvml);
    n->library = library;
    if (load(n, err) < 0) {
        (void)dlclose(library);
        mem_free(n);
        return -1;
    }
    rc = n->init();
    if (rc != NVML_OK) {
        bool none = rc == NVML_DRIVER_NOT_LOADED || rc == NVML_GPU_NOT_FOUND;

        rc = none ? 0 : say(n, rc, "cannot be used", err);
        (void)dlclose(library);
        mem_free(n);
        return rc;
    }
    rc = n->count(&count);
    if (rc != NVML_OK || count == 0) {
        rc = rc == NVML_OK ? 0 : say(n, rc, "cards cannot be counted", err);
        nvml_close(n);
        return rc;
    }
    if (n->events_new && n->events_free && n->events_wait && n->events_register &&
        n->events_new(&n->events) != NVML_OK)
        n->events = NULL;
    *out = n;
    return 0;
}

void nvml_close(struct nvml *n)
{
    if (!n)
        return;
    if (n->events)
        (void)n->events_free(n->events);
    (void)n->shutdown();
    (void)dlclose(n->library);
    mem_free(n);
}

/* ---- one card ---- */

#define ASK(member, ...) (n->member && n->member(__VA_ARGS__) == NVML_OK)

static void read_memory(struct nvml *n, nvml_device d, double values[])
{
    struct nvml_memory_v2 v2 = {.version = NVML_MEMORY_V2};
    struct nvml_memory v1;

    if (ASK(memory_v2, d, &v2)) {
        values[GPU_VALUE_FB_USED] = (double)v2.used / MIB;
        values[GPU_VALUE_FB_FREE] = (double)v2.free / MIB;
        values[GPU_VALUE_FB_RESERVED] = (double)v2.reserved / MIB;
    } else if (n->memory(d, &v1) == NVML_OK) { /* its "used" has what the driver keeps */
        values[GPU_VALUE_FB_USED] = (double)v1.used / MIB;
        values[GPU_VALUE_FB_FREE] = (double)v1.free / MIB;
    }
}

static void read_memory_temperature(struct nvml *n, nvml_device d, double values[])
{
    struct nvml_field f = {.id = NVML_FIELD_MEMORY_TEMP};

    /* Cards without the sensor say 0. */
    if (ASK(fields, d, 1, &f) && f.result == NVML_OK && f.type == NVML_TYPE_UINT &&
        f.value.as_uint > 0)
        values[GPU_VALUE_MEMORY_TEMP] = f.value.as_uint;
}

static void read_work(struct nvml *n, nvml_device d, double values[])
{
    struct nvml_utilization u;
    unsigned v;

    if (ASK(utilization, d, &u)) {
        values[GPU_VALUE_GPU_UTIL] = u.gpu;
        values[GPU_VALUE_MEM_COPY_UTIL] = u.memory;
    }
    if (ASK(temperature, d, NVML_SENSOR_GPU, &v))
        values[GPU_VALUE_GPU_TEMP] = v;
    if (ASK(clock, d, NVML_CLOCK_SM, &v))
        values[GPU_VALUE_SM_CLOCK] = v;
    if (ASK(clock, d, NVML_CLOCK_MEM, &v))
        values[GPU_VALUE_MEM_CLOCK] = v;
    if (ASK(fan, d, &v))
        values[GPU_VALUE_FAN_SPEED] = v;
}

static void read_power(struct nvml *n, nvml_device d, double values[])
{
    unsigned milliwatts;
    unsigned long long millijoules;

    if (ASK(power, d, &milliwatts))
        values[GPU_VALUE_POWER_USAGE] = milliwatts / 1000.0;
    if (ASK(power_limit, d, &milliwatts))
        values[GPU_VALUE_POWER_LIMIT] = milliwatts / 1000.0;
    if (ASK(energy, d, &millijoules))
        values[GPU_VALUE_ENERGY] = (double)millijoules;
}

static void read_health(struct nvml *n, nvml_device d, double values[])
{
    unsigned long long reasons, errors;
    unsigned replays;

    if (ASK(replays, d, &replays))
        values[GPU_VALUE_PCIE_REPLAY] = replays;
    if (ASK(ecc, d, NVML_CORRECTED, NVML_SINCE_LOAD, &errors))
        values[GPU_VALUE_ECC_CORRECTED] = (double)errors;
    if (ASK(ecc, d, NVML_UNCORRECTED, NVML_SINCE_LOAD, &errors))
        values[GPU_VALUE_ECC_UNCORRECTED] = (double)errors;
    if (ASK(reasons, d, &reasons) || ASK(reasons_old, d, &reasons)) {
        values[GPU_VALUE_SW_POWER_CAP] = (reasons & NVML_SW_POWER_CAP) != 0;
        values[GPU_VALUE_HW_SLOWDOWN] = (reasons & NVML_HW_SLOWDOWN) != 0;
        values[GPU_VALUE_SW_THERMAL] = (reasons & NVML_SW_THERMAL) != 0;
        values[GPU_VALUE_HW_THERMAL] = (reasons & NVML_HW_THERMAL) != 0;
        values[GPU_VALUE_HW_POWER_BRAKE] = (reasons & NVML_HW_POWER_BRAKE) != 0;
    }
}

/* ---- processes ---- */

struct holder {
    unsigned pid;
    double bytes; /* NaN: the driver does not say */
    double busy;  /* sum over samples; NaN: it cannot be told on this card */
    unsigned samples;
};

struct holders {
    struct holder *items;
    size_t n, cap;
};

static struct holder *holder_of(struct holders *h, unsigned pid)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->items[i].pid == pid)
            return &h->items[i];
    return NULL;
}

/* A process may stand in several lists, each time with all that it holds. */
static int add_holder(struct holders *h, const struct nvml_process *p, struct arena *scratch,
                      struct err *err)
{
    double bytes = p->bytes == NVML_BYTES_UNKNOWN ? NAN : (double)p->bytes;
    struct holder *known = holder_of(h, p->pid);

    if (known) {
        if (!(known->bytes >= bytes))
            known->bytes = bytes;
        return 0;
    }
    if (arena_grow(scratch, (void **)&h->items, &h->cap, h->n + 1, sizeof *h->items, err) < 0)
        return -1;
    h->items[h->n++] = (struct holder){.pid = p->pid, .bytes = bytes};
    return 0;
}

typedef int list_fn(nvml_device d, unsigned *n, struct nvml_process *items);

static int list_holders(list_fn *list, nvml_device d, struct holders *h, struct arena *scratch,
                        struct err *err)
{
    unsigned room = PROCESSES;

    while (list) {
        unsigned n = room;
        struct nvml_process *items = arena_new_array(scratch, struct nvml_process, room, err);
        int rc;

        if (!items)
            return -1;
        rc = list(d, &n, items);
        if (rc == NVML_INSUFFICIENT_SIZE && room < LISTED_MAX) {
            room *= 4; /* more start meanwhile: what it says is needed may be too little */
            continue;
        }
        for (unsigned i = 0; rc == NVML_OK && i < n && i < room; i++)
            if (add_holder(h, &items[i], scratch, err) < 0)
                return -1;
        break;
    }
    return 0;
}

/* How busy each was since the last reading; those that the driver does not name were not. */
static int read_uses(struct nvml *n, struct device *d, struct holders *h, struct arena *scratch,
                     struct err *err)
{
    unsigned room = 0;
    struct nvml_use *uses;
    int rc = n->uses ? n->uses(d->handle, NULL, &room, d->used_until_us) : NVML_NOT_SUPPORTED;

    if (rc != NVML_INSUFFICIENT_SIZE || room == 0 || room > LISTED_MAX) {
        bool none = rc == NVML_OK || rc == NVML_NOT_FOUND;

        for (size_t i = 0; i < h->n; i++)
            h->items[i].busy = none ? 0 : NAN;
        return 0;
    }
    uses = arena_new_array(scratch, struct nvml_use, room, err);
    if (!uses)
        return -1;
    rc = n->uses(d->handle, uses, &room, d->used_until_us);
    for (unsigned i = 0; rc == NVML_OK && i < room; i++) {
        struct holder *of = holder_of(h, uses[i].pid);

        if (uses[i].at_us > d->used_until_us)
            d->used_until_us = uses[i].at_us;
        if (!of || uses[i].sm > 100)
            continue;
        of->busy += uses[i].sm / 100.0;
        of->samples++;
    }
    return 0;
}

static int read_processes(struct nvml *n, struct device *d, struct str index, struct files *files,
                          struct report *out, struct err *err)
{
    struct holders h = {.n = 0};

    if (list_holders(n->compute, d->handle, &h, out->scratch, err) < 0 ||
        list_holders(n->graphics, d->handle, &h, out->scratch, err) < 0 ||
        list_holders(n->mps, d->handle, &h, out->scratch, err) < 0 ||
        read_uses(n, d, &h, out->scratch, err) < 0)
        return -1;
    for (size_t i = 0; i < h.n; i++) {
        const struct holder *p = &h.items[i];
        struct str group = grouping_of(out->grouping, p->pid);
        char name[OWNER_BYTES];

        if (!group.n)
            group = owner_of(files, p->pid, name);
        if (report_add_process(out, index, group, p->bytes,
                               p->samples ? p->busy / p->samples : p->busy, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- all cards ---- */

static void begin_events(struct nvml *n, struct device *d)
{
    d->xid =
        n->events && n->events_register(d->handle, NVML_EVENT_XID, n->events) == NVML_OK ? 0 : NAN;
}

static void take_events(struct nvml *n)
{
    struct nvml_event e;

    for (int taken = 0; n->events && taken < EVENTS_MAX; taken++) {
        if (n->events_wait(n->events, &e, 0) != NVML_OK)
            return;
        for (size_t i = 0; i < DEVICES_MAX && (e.type & NVML_EVENT_XID); i++)
            if (n->devices[i].handle && n->devices[i].handle == e.device)
                n->devices[i].xid = (double)e.data;
    }
}

static bool get_handle(struct nvml *n, unsigned i, struct log *log)
{
    struct device *d = &n->devices[i];
    nvml_device handle = NULL;
    int rc = n->handle(i, &handle);

    if (rc != NVML_OK) {
        const char *words = n->error(rc);

        if (!d->silent)
            log_warn(log, PART, "GPU %u does not answer: %s", i, words ? words : "unknown error");
        d->silent = true;
        return false;
    }
    d->silent = false;
    if (d->handle != handle) {
        d->handle = handle;
        d->used_until_us = 0;
        begin_events(n, d);
    }
    return true;
}

static int read_device(struct nvml *n, unsigned i, struct files *files, struct report *out,
                       struct err *err)
{
    struct device *d = &n->devices[i];
    char index[12], uuid[96] = "", model[96] = "", device[32] = "";
    struct gpu_reading *g;
    unsigned minor;

    if (n->uuid(d->handle, uuid, sizeof uuid) != NVML_OK)
        uuid[0] = '\0';
    if (n->name(d->handle, model, sizeof model) != NVML_OK)
        model[0] = '\0';
    (void)snprintf(index, sizeof index, "%u", i);
    if (ASK(minor, d->handle, &minor))
        (void)snprintf(device, sizeof device, "nvidia%u", minor);
    if (report_add(out, &(struct gpu_name){str_c(index), str_c(uuid), str_c(device), str_c(model)},
                   &g, err) < 0)
        return -1;
    if (!g)
        return 0;
    read_memory(n, d->handle, g->values);
    read_memory_temperature(n, d->handle, g->values);
    read_work(n, d->handle, g->values);
    read_power(n, d->handle, g->values);
    read_health(n, d->handle, g->values);
    g->values[GPU_VALUE_XID_ERRORS] = d->xid;
    if (!out->settings->per_process)
        return 0;
    return read_processes(n, d, g->name.index, files, out, err);
}

int nvml_read(struct nvml *n, struct files *files, struct log *log, struct report *out,
              struct err *err)
{
    unsigned count = 0, read = 0;
    int rc = n->count(&count);

    if (rc != NVML_OK)
        return say(n, rc, "cards cannot be counted", err);
    take_events(n);
    for (unsigned i = 0; i < count && i < DEVICES_MAX; i++) {
        if (!get_handle(n, i, log))
            continue;
        read++;
        if (read_device(n, i, files, out, err) < 0)
            return -1;
    }
    return read ? 0 : err_set(err, ERR_EVAL, "none of %u GPUs answers", count);
}
