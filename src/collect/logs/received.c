#include "collect/logs/received.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/logs/receiver.h"
#include "collect/logs/syslog.h"
#include "collect/logs/when.h"

#define BATCH_BYTES (256u << 10)

struct received {
    const char *name;
    struct receiver *receiver;
    size_t line_max;
    struct when when;
    struct source_counts counts;
    bool told; /* that messages are dropped */
    struct syslog_message message;
};

struct received *received_new(const char *name, struct receiver *receiver, size_t line_max,
                              const struct zone *zone)
{
    struct received *r = mem_new(struct received);

    r->name = name;
    r->receiver = receiver;
    r->line_max = line_max;
    r->when.zone = zone;
    return r;
}

void received_free(struct received *r)
{
    mem_free(r);
}

static void tell(struct received *r, struct str raw, int64_t time_ms, struct arena *a,
                 const struct source_pass *pass)
{
    const struct syslog_message *m = &r->message;

    r->counts.bytes += raw.n;
    r->counts.cut += raw.n > r->line_max;
    syslog_read(str_take(raw, r->line_max), a, &r->message);
    if (m->time.n)
        time_ms = m->yearless ? when_read_nearest(&r->when, m->time) : when_read(&r->when, m->time);
    if (m->text.n || m->fields_n)
        pass->entry(pass->arg, &(struct log_entry){.text = m->text,
                                                   .time_ms = time_ms,
                                                   .level = m->level,
                                                   .fields = m->fields,
                                                   .fields_n = m->fields_n});
}

/* Once is enough: the counters go on. */
static void note_losses(struct received *r, const struct receiver_losses *l, struct log *log)
{
    r->counts.lost_messages += l->messages;
    r->counts.refused_connections += l->connections;
    if (r->told || (!l->messages && !l->connections))
        return;
    r->told = true;
    if (l->messages)
        log_warn(log, "logs",
                 "%s: messages of syslog were dropped: more came than %u MB between two readings; "
                 "a shorter interval helps. earshot_logs_syslog_dropped_total counts them",
                 r->name, RECEIVER_BYTES_MAX >> 20);
    else
        log_warn(log, "logs", "%s: connections of syslog were refused: %u are open", r->name,
                 RECEIVER_PEERS_MAX);
}

int received_read(struct received *r, const struct source_pass *pass, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    SCOPED(arena_fini) struct arena a;
    struct receiver_losses losses;
    struct str rest, raw;
    int64_t time_ms;
    int rc;

    arena_init(&a, NULL); /* a message's size bounds it */
    when_begin(&r->when, pass->clock->wall_ms(pass->clock));
    while (receiver_take(r->receiver, BATCH_BYTES, &text)) {
        rest = buf_str(&text);
        for (raw = receiver_next(&rest, &time_ms); raw.n; raw = receiver_next(&rest, &time_ms)) {
            tell(r, raw, time_ms, &a, pass);
            if (a.total_bytes)
                arena_reset(&a);
        }
        buf_reset(&text);
        if (pass->settled)
            pass->settled(pass->arg);
        if (source_pass_is_over(pass))
            break;
    }
    rc = receiver_state(r->receiver, &losses, err);
    note_losses(r, &losses, pass->log);
    return rc;
}

struct source_counts received_counts(const struct received *r)
{
    return r->counts;
}
