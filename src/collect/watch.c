#include "collect/watch.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/labels.h"
#include "state/events.h"

#define NO_SLOT UINT32_MAX
#define A_MINUTE_MAX                                                                               \
    60 /* events of one target: a service that starts over and over is no flood                    \
        */
#define MINUTE_MS   60000
#define WORD_MAX    60 /* bytes of a state */
#define SUBJECT_MAX 200

enum watch_kind { WATCH_START, WATCH_BOOT, WATCH_KILLS, WATCH_EXITS, WATCH_STATE, WATCH_PRESENT };

struct watched {
    enum watch_kind kind;
    struct labels *labels; /* owned; of the series, without its name */
    double jitter;         /* of the kind */
    const char *subject;   /* a label's name: what the event is about */
    const char *event;     /* of a state: its kind */
    uint32_t slot;         /* NO_SLOT: not seen since slots were handed out anew */
    bool seen;             /* a value was, at least once */
    bool present;          /* in the last good cycle */
    double value;          /* the last */
};

/* Which series are watched: the name, or its end where `ends`. Clients work a start out of uptime
 * and clock, anew each time; when the clock is set soon after a boot, the kernel's moves along. Our
 * own collector of processes does not waver. */
static const struct {
    const char *name;
    bool ends;
    enum watch_kind kind;
    const char *subject;
    double jitter;     /* seconds: of a start */
    const char *event; /* of a state */
} kinds[] = {
    {"process_start_time_seconds", false, WATCH_START, "job", 1.5, NULL},
    {"container_start_time_seconds", false, WATCH_START, "name", 1.5, NULL},
    {"namedprocess_namegroup_oldest_start_time_seconds", false, WATCH_START, "groupname", .5, NULL},
    {"node_boot_time_seconds", false, WATCH_BOOT, "instance", 60, NULL},
    {"node_vmstat_oom_kill", false, WATCH_KILLS, "instance", 0, NULL},
    {"container_oom_events_total", false, WATCH_KILLS, "name", 0, NULL},
    {"earshot_process_exits_total", false, WATCH_EXITS, "groupname", 0, NULL},
    {"_model_state", true, WATCH_STATE, "model", 0, "model"},
    {"earshot_container_health", false, WATCH_STATE, "name", 0, "health"},
    {"ollama_model_size_bytes", false, WATCH_PRESENT, "model", 0, NULL},
};

void watch_init(struct watch *w, struct events *events)
{
    *w = (struct watch){.events = events};
}

void watch_fini(struct watch *w)
{
    for (size_t i = 0; i < w->n; i++)
        mem_free(w->items[i].labels);
    mem_free(w->items);
    *w = (struct watch){.events = NULL};
}

/* ---- which ---- */

static int kind_of(const struct labels *series)
{
    struct str name = labels_get(series, STR("__name__"));

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct str is = str_c(kinds[i].name);

        if (kinds[i].ends ? str_ends(name, is) : str_eq(name, is))
            return (int)i;
    }
    return -1;
}

/* Of the reasons why a process ended only these are worth telling. */
static bool is_told_reason(const struct labels *series)
{
    struct str reason = labels_get(series, STR("reason"));

    return str_eq(reason, STR("oom")) || str_eq(reason, STR("crash"));
}

static struct watched *find(struct watch *w, const struct labels *labels, enum watch_kind kind)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i].kind == kind && labels_equal(w->items[i].labels, labels))
            return &w->items[i];
    return NULL;
}

/* One that is gone gives its place to one that comes. */
static struct watched *find_room(struct watch *w)
{
    if (w->n < WATCHED_MAX) {
        w->items = mem_grow(w->items, &w->cap, w->n + 1, sizeof *w->items);
        w->items[w->n] = (struct watched){.labels = NULL};
        return &w->items[w->n++];
    }
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i].seen && !w->items[i].present && w->primed) {
            mem_free(w->items[i].labels);
            return &w->items[i];
        }
    return NULL;
}

static void add(struct watch *w, const struct labels *series, size_t which, uint32_t slot)
{
    static const struct str name[] = {STR("__name__")};
    SCOPED(arena_fini) struct arena a;
    const struct labels *labels;
    struct watched *item;

    arena_init(&a, NULL); /* a label set, which is bounded */
    if (labels_without(&a, series, name, 1, &labels, NULL) < 0)
        return;
    item = find(w, labels, kinds[which].kind);
    if (item) {
        item->slot = slot;
        return;
    }
    item = find_room(w);
    if (!item) {
        w->unwatched++;
        return;
    }
    *item = (struct watched){.kind = kinds[which].kind,
                             .labels = labels_dup(labels),
                             .jitter = kinds[which].jitter,
                             .subject = kinds[which].subject,
                             .event = kinds[which].event,
                             .slot = slot};
}

void watch_add(struct watch *w, const struct labels *series, uint32_t slot)
{
    int which = w->events ? kind_of(series) : -1;

    if (which >= 0 && (kinds[which].kind != WATCH_EXITS || is_told_reason(series)))
        add(w, series, (size_t)which, slot);
}

void watch_forget_slots(struct watch *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->items[i].slot = NO_SLOT;
}

/* ---- telling ---- */

bool watch_may_tell(struct watch *w, ts_ms ts)
{
    if (ts / MINUTE_MS != w->minute) {
        w->minute = ts / MINUTE_MS;
        w->told = 0;
    }
    if (w->told++ < A_MINUTE_MAX)
        return true;
    events_drop_busy(w->events, 1);
    return false;
}

static void tell(struct watch *w, const struct watched *item, const char *kind, ts_ms at, ts_ms ts,
                 int64_t same_ms, const char *text)
{
    if (watch_may_tell(w, ts))
        events_tell(w->events,
                    &(struct event_told){{kind, at, at, false, item->labels, text}, NULL, same_ms});
}

static struct str subject(const struct watched *item)
{
    struct str s = labels_get(item->labels, str_c(item->subject));

    return str_take(s.n ? s : labels_get(item->labels, STR("job")), SUBJECT_MAX);
}

static char *put(char *p, struct str s)
{
    memcpy(p, s.p, s.n);
    return p + s.n;
}

/* "SUBJECT WORDS", cut where it is too long. */
static const char *say(char out[EVENT_TEXT_MAX + 1], const struct watched *item, const char *words)
{
    struct str about = subject(item);
    size_t n = strnlen(words, EVENT_TEXT_MAX - about.n);

    memcpy(out, about.p, about.n);
    memcpy(out + about.n, words, n);
    out[about.n + n] = '\0';
    return out;
}

/* A clock that is wrong over there does not misdate what was seen to change here. */
static ts_ms moment(double seconds, ts_ms ts, bool first)
{
    double ms = seconds * 1000;

    if (!isfinite(ms) || ms <= 0 || ms > (double)ts + MINUTE_MS)
        return first ? 0 : ts;
    return (ts_ms)ms;
}

static void look_start(struct watch *w, const struct watched *item, double value, ts_ms ts)
{
    bool boot = item->kind == WATCH_BOOT;
    ts_ms at = moment(value, ts, !item->seen);
    const char *words = boot         ? item->seen ? " was rebooted" : " booted"
                        : item->seen ? " restarted"
                                     : " started";
    char text[EVENT_TEXT_MAX + 1];

    if (value <= 0 || !at || (item->seen && fabs(value - item->value) <= item->jitter))
        return; /* 0: the group has no process */
    tell(w, item, boot ? "reboot" : "restart", at, ts,
         item->seen ? 0 : (int64_t)(item->jitter * 2000), say(text, item, words));
}

static void look_kills(struct watch *w, const struct watched *item, double value, ts_ms ts)
{
    char text[EVENT_TEXT_MAX + 1];

    if (!item->seen || !(value > item->value))
        return;
    tell(w, item, "oom", ts, ts, 0,
         say(text, item,
             value - item->value > 1 ? ": the kernel killed processes for lack of memory"
                                     : ": the kernel killed a process for lack of memory"));
}

static void look_exits(struct watch *w, const struct watched *item, double value, ts_ms ts)
{
    bool oom = str_eq(labels_get(item->labels, STR("reason")), STR("oom"));
    double before = item->seen ? item->value : 0; /* it begins with the first of its kind */
    char text[EVENT_TEXT_MAX + 1];

    if ((!item->seen && !w->primed) || !(value > before))
        return;
    tell(w, item, oom ? "oom" : "crash", ts, ts, 0,
         say(text, item, oom ? ": killed for lack of memory" : ": crashed"));
}

static bool is_in(const struct watched *item, const uint64_t present[])
{
    return item->slot != NO_SLOT && present[item->slot / 64] >> item->slot % 64 & 1;
}

/* The state that the same one leaves in this cycle; {NULL, 0}: none is known. */
static struct str left_state(struct watch *w, const struct watched *item, const double values[],
                             const uint64_t present[])
{
    struct str name = subject(item);

    for (size_t i = 0; i < w->n; i++) {
        const struct watched *o = &w->items[i];

        if (o == item || o->kind != WATCH_STATE || strcmp(o->event, item->event) != 0 || !o->seen ||
            o->value != 1 || !str_eq(subject(o), name))
            continue;
        if (!is_in(o, present) || values[o->slot] != 1)
            return labels_get(o->labels, STR("state"));
    }
    return (struct str){NULL, 0};
}

/* Of a check only what makes people look, and that it is over. */
static bool is_told_state(const struct watched *item, struct str state, struct str left)
{
    static const struct str ill = STR("unhealthy");

    return strcmp(item->event, "health") != 0 || str_eq(state, ill) || str_eq(left, ill);
}

static void look_state(struct watch *w, const struct watched *item, ts_ms ts, const double values[],
                       const uint64_t present[])
{
    struct str state = str_take(labels_get(item->labels, STR("state")), WORD_MAX), left;
    char words[2 * WORD_MAX + 20], text[EVENT_TEXT_MAX + 1];
    char *at = words;

    if (values[item->slot] != 1 || (item->seen ? item->value == 1 : !w->primed))
        return;
    left = str_take(left_state(w, item, values, present), WORD_MAX);
    if (!is_told_state(item, state, left))
        return;
    at = put(put(at, STR(": ")), state);
    if (left.n)
        at = put(put(at, STR(", was ")), left);
    *at = '\0';
    tell(w, item, item->event, ts, ts, 0, say(text, item, words));
}

static void look_present(struct watch *w, const struct watched *item, bool present, ts_ms ts)
{
    char text[EVENT_TEXT_MAX + 1];

    if (!w->primed || present == item->present)
        return;
    tell(w, item, "model", ts, ts, 0, say(text, item, present ? " was loaded" : " was unloaded"));
}

static void look_at(struct watch *w, struct watched *item, ts_ms ts, double value)
{
    switch (item->kind) {
    case WATCH_START:
    case WATCH_BOOT:
        look_start(w, item, value, ts);
        if (value <= 0)
            return; /* when the group last started stays known */
        break;
    case WATCH_KILLS:
        look_kills(w, item, value, ts);
        break;
    case WATCH_EXITS:
        look_exits(w, item, value, ts);
        break;
    case WATCH_STATE:
    case WATCH_PRESENT:
        break; /* looked at by themselves */
    }
    item->seen = true;
    item->value = value;
}

void watch_look(struct watch *w, ts_ms ts, const double values[], const uint64_t present[])
{
    /* First, since what a model leaves is known only until it is looked at. */
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i].kind == WATCH_STATE && is_in(&w->items[i], present))
            look_state(w, &w->items[i], ts, values, present);
    for (size_t i = 0; i < w->n; i++) {
        struct watched *item = &w->items[i];
        bool is = is_in(item, present);

        if (item->kind == WATCH_PRESENT)
            look_present(w, item, is, ts);
        if (is && (!item->seen || values[item->slot] != item->value))
            look_at(w, item, ts, values[item->slot]);
        item->present = is;
    }
    w->primed |= w->events != NULL;
}
