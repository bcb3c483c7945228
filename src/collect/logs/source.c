#include "collect/logs/source.h"

#include "base/clock.h"
#include "collect/logs/container.h"
#include "collect/logs/follow.h"
#include "collect/logs/journal.h"
#include "collect/logs/logs_settings.h"
#include "collect/logs/received.h"

bool source_pass_is_over(const struct source_pass *pass)
{
    return (pass->stop && atomic_load_explicit(pass->stop, memory_order_relaxed)) ||
           pass->clock->mono_ns(pass->clock) >= pass->until_ns;
}

/* ---- files ---- */

static int read_files(void *arg, const struct source_pass *pass, struct err *err)
{
    return follow_read(arg, pass, err);
}

static struct source_counts counts_of_files(const void *arg)
{
    return follow_counts(arg);
}

static void write_files(const void *arg, struct json_writer *w)
{
    follow_write(arg, w);
}

static void load_files(void *arg, const struct json_t *root)
{
    follow_load(arg, root);
}

static void free_files(void *arg)
{
    follow_free(arg);
}

/* ---- the journal ---- */

static int read_journal(void *arg, const struct source_pass *pass, struct err *err)
{
    return journal_read(arg, pass, err);
}

static struct source_counts counts_of_journal(const void *arg)
{
    return journal_counts(arg);
}

static void write_journal(const void *arg, struct json_writer *w)
{
    journal_write(arg, w);
}

static void load_journal(void *arg, const struct json_t *root)
{
    journal_load(arg, root);
}

static void free_journal(void *arg)
{
    journal_free(arg);
}

/* ---- containers ---- */

static int read_container(void *arg, const struct source_pass *pass, struct err *err)
{
    return container_read(arg, pass, err);
}

static struct source_counts counts_of_container(const void *arg)
{
    return container_counts(arg);
}

static void write_container(const void *arg, struct json_writer *w)
{
    container_write(arg, w);
}

static void load_container(void *arg, const struct json_t *root)
{
    container_load(arg, root);
}

static void free_container(void *arg)
{
    container_free(arg);
}

/* ---- syslog ---- */

static int read_received(void *arg, const struct source_pass *pass, struct err *err)
{
    return received_read(arg, pass, err);
}

static struct source_counts counts_of_received(const void *arg)
{
    return received_counts(arg);
}

static void free_received(void *arg)
{
    received_free(arg);
}

void source_make(const struct logs_settings *s, const struct regex *begins,
                 struct receiver *receiver, struct log_source *out)
{
    static const struct log_source kinds[] = {
        [LOGS_FILES] = {read_files, counts_of_files, write_files, load_files, free_files, NULL},
        [LOGS_JOURNAL] = {read_journal, counts_of_journal, write_journal, load_journal,
                          free_journal, NULL},
        [LOGS_CONTAINER] = {read_container, counts_of_container, write_container, load_container,
                            free_container, NULL},
        [LOGS_SYSLOG] = {read_received, counts_of_received, NULL, NULL, free_received, NULL},
    };
    const char *folder = s->path.n ? s->path.p : NULL;

    *out = kinds[s->kind];
    switch (s->kind) {
    case LOGS_FILES:
        out->arg = follow_new(&(struct follow_settings){.path = folder,
                                                        .begins = begins,
                                                        .line_max = s->line_max,
                                                        .from_beginning = s->from_beginning});
        break;
    case LOGS_JOURNAL:
        out->arg = journal_new(&(struct journal_settings){.folder = folder,
                                                          .unit = s->place,
                                                          .begins = begins,
                                                          .line_max = s->line_max,
                                                          .from_beginning = s->from_beginning});
        break;
    case LOGS_CONTAINER:
        out->arg = container_new(&(struct container_settings){.folder = folder,
                                                              .name = s->place,
                                                              .begins = begins,
                                                              .line_max = s->line_max,
                                                              .from_beginning = s->from_beginning});
        break;
    case LOGS_SYSLOG:
        out->arg = received_new(s->name, receiver, s->line_max, s->zone);
        break;
    }
}
