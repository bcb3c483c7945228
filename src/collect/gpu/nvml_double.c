/* nvml_double: a library with the name and the binary interface of NVIDIA's, for tests: two cards
 * and what they do in an order that never changes.
 *
 * It declares the interface for itself, so that a mistake in nvml_abi.h does not hide.
 * NVML_DOUBLE: "mismatch" (cannot be used), "no-driver", "lost" (card 1 has fallen off the bus),
 * "gone" (no card answers). NVML_DOUBLE_PID: a process that holds memory of card 0.
 */
#include <stdlib.h>
#include <string.h>

typedef int result;
typedef struct card *card;

struct card {
    unsigned number, readings;
};
static struct card cards[2] = {{0, 0}, {1, 0}};
static int events; /* how often they were asked for */

static int is(const char *what)
{
    const char *now = getenv("NVML_DOUBLE");

    return now && strcmp(now, what) == 0;
}

#define EXPORT(...)                                                                                \
    result __VA_ARGS__;                                                                            \
    result __VA_ARGS__

EXPORT(nvmlInit_v2(void))
{
    if (is("no-driver"))
        return 9;
    events = 0;
    return is("mismatch") ? 18 : 0;
}

EXPORT(nvmlShutdown(void))
{
    return 0;
}

const char *nvmlErrorString(result r);
const char *nvmlErrorString(result r)
{
    return r == 18 ? "Driver/library version mismatch" : r == 15 ? "GPU is lost" : "Unknown Error";
}

EXPORT(nvmlDeviceGetCount_v2(unsigned *n))
{
    *n = 2;
    return 0;
}

EXPORT(nvmlDeviceGetHandleByIndex_v2(unsigned i, card *out))
{
    if (i > 1)
        return 2;
    if (is("gone") || (is("lost") && i == 1))
        return 15;
    *out = &cards[i];
    return 0;
}

static result put(const char *text, char *out, unsigned n)
{
    size_t bytes = strlen(text) + 1;

    if (bytes > n)
        return 7;
    memcpy(out, text, bytes);
    return 0;
}

EXPORT(nvmlDeviceGetUUID(card c, char *out, unsigned n))
{
    return put(c->number ? "GPU-bbbb" : "GPU-aaaa", out, n);
}

EXPORT(nvmlDeviceGetName(card c, char *out, unsigned n))
{
    return put(c->number ? "NVIDIA RTX A6000" : "NVIDIA GeForce RTX 4090", out, n);
}

EXPORT(nvmlDeviceGetMinorNumber(card c, unsigned *out))
{
    *out = 1 - c->number; /* not always the index */
    return 0;
}

struct memory {
    unsigned long long total, free, used;
};

EXPORT(nvmlDeviceGetMemoryInfo(card c, struct memory *m))
{
    (void)c;
    *m = (struct memory){48ull << 30, 30ull << 30, 18ull << 30};
    return 0;
}

struct memory_v2 {
    unsigned int version;
    unsigned long long total, reserved, free, used;
};

EXPORT(nvmlDeviceGetMemoryInfo_v2(card c, struct memory_v2 *m))
{
    if (m->version != (sizeof *m | (2u << 24)))
        return 25;
    if (c->number)
        return 3;
    m->total = 24ull << 30;
    m->reserved = 512ull << 20;
    m->used = 6ull << 30;
    m->free = m->total - m->used - m->reserved;
    return 0;
}

struct rates {
    unsigned gpu, memory;
};

EXPORT(nvmlDeviceGetUtilizationRates(card c, struct rates *u))
{
    *u = (struct rates){c->number ? 0 : 79, c->number ? 0 : 26};
    return 0;
}

EXPORT(nvmlDeviceGetTemperature(card c, int sensor, unsigned *t))
{
    *t = c->number ? 45 : 58;
    return sensor == 0 ? 0 : 2;
}

struct field {
    unsigned id, scope;
    long long at, took;
    int type;
    result rc;
    unsigned long long value;
};

EXPORT(nvmlDeviceGetFieldValues(card c, int n, struct field *f))
{
    for (int i = 0; i < n; i++) {
        f[i].rc = f[i].id == 82 && c->number ? 0 : 3;
        f[i].type = 1;
        f[i].value = 77;
    }
    return 0;
}

EXPORT(nvmlDeviceGetPowerUsage(card c, unsigned *mw))
{
    *mw = 328600;
    return c->number ? 3 : 0;
}

EXPORT(nvmlDeviceGetEnforcedPowerLimit(card c, unsigned *mw))
{
    *mw = c->number ? 300000 : 450000;
    return 0;
}

EXPORT(nvmlDeviceGetTotalEnergyConsumption(card c, unsigned long long *mj))
{
    *mj = 1ull << 40;
    return c->number ? 3 : 0;
}

EXPORT(nvmlDeviceGetClockInfo(card c, int kind, unsigned *mhz))
{
    (void)c;
    *mhz = kind == 1 ? 2520 : kind == 2 ? 10501 : 1;
    return 0;
}

EXPORT(nvmlDeviceGetFanSpeed(card c, unsigned *percent))
{
    *percent = 30;
    return c->number ? 3 : 0;
}

EXPORT(nvmlDeviceGetPcieReplayCounter(card c, unsigned *n))
{
    *n = 4 + c->number;
    return 0;
}

EXPORT(nvmlDeviceGetTotalEccErrors(card c, int kind, int since, unsigned long long *n))
{
    *n = kind == 1 ? 2 : 12;
    return c->number && since == 0 ? 0 : 3;
}

EXPORT(nvmlDeviceGetCurrentClocksThrottleReasons(card c, unsigned long long *reasons))
{
    *reasons = c->number ? 0x1 : 0x40 | 0x4;
    return 0;
}

struct process {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};

static unsigned held_by(void)
{
    const char *pid = getenv("NVML_DOUBLE_PID");

    return pid ? (unsigned)atoi(pid) : 4242;
}

/* 100 of them on card 1: more than there is room for at first. */
EXPORT(nvmlDeviceGetComputeRunningProcesses_v3(card c, unsigned *n, struct process *out))
{
    unsigned have = c->number ? 100 : 1, room = *n;

    *n = have;
    if (room < have)
        return 7;
    for (unsigned i = 0; i < have; i++)
        out[i] = (struct process){c->number ? 9000 + i : held_by(),
                                  c->number ? 1ull << 20 : 5ull << 30, ~0u, ~0u};
    return 0;
}

/* The same process draws, too; another does not say what it holds. */
EXPORT(nvmlDeviceGetGraphicsRunningProcesses_v3(card c, unsigned *n, struct process *out))
{
    if (c->number) {
        *n = 0;
        return 0;
    }
    if (*n < 2)
        return 7;
    *n = 2;
    out[0] = (struct process){held_by(), 5ull << 30, ~0u, ~0u};
    out[1] = (struct process){4343, ~0ull, ~0u, ~0u};
    return 0;
}

struct use {
    unsigned pid;
    unsigned long long at;
    unsigned sm, memory, encoder, decoder;
};

/* 50 % at first, 37.5 % from the second reading on. */
EXPORT(nvmlDeviceGetProcessUtilization(card c, struct use *out, unsigned *n,
                                       unsigned long long since))
{
    if (c->number)
        return 3;
    if (!out) {
        *n = 2;
        return 7;
    }
    *n = 2;
    out[0] = (struct use){held_by(), since + 1000, since ? 25 : 40, 1, 0, 0};
    out[1] = (struct use){held_by(), since + 2000, since ? 50 : 60, 1, 0, 0};
    return 0;
}

EXPORT(nvmlEventSetCreate(void **set))
{
    *set = &events;
    return 0;
}

EXPORT(nvmlEventSetFree(void *set))
{
    (void)set;
    return 0;
}

EXPORT(nvmlDeviceRegisterEvents(card c, unsigned long long types, void *set))
{
    return set == &events && types == 8 && !c->number ? 0 : 3;
}

struct event {
    card c;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};

/* Card 0 has error 79 between the first reading and the second. */
EXPORT(nvmlEventSetWait_v2(void *set, struct event *e, unsigned ms))
{
    (void)set, (void)ms;
    if (++events != 2)
        return 10;
    *e = (struct event){&cards[0], 8, 79, ~0u, ~0u};
    return 0;
}
