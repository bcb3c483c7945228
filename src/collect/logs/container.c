#include "collect/logs/container.h"

#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/engines.h"
#include "collect/logs/follow.h"
#include "collect/logs/journal.h"

struct container {
    struct container_settings settings;
    struct engines *engines; /* owned, as all */
    struct follow *follow;
    struct journal *journal;
};

struct container *container_new(const struct container_settings *settings)
{
    struct container *c = mem_new(struct container);
    const struct follow_settings files = {.begins = settings->begins,
                                          .line_max = settings->line_max,
                                          .from_beginning = settings->from_beginning,
                                          .wrapped = true};
    const struct journal_settings journal = {.folder = settings->folder,
                                             .container = settings->name,
                                             .begins = settings->begins,
                                             .line_max = settings->line_max,
                                             .from_beginning = settings->from_beginning};

    c->settings = *settings;
    c->engines = engines_new(settings->name, settings->folder);
    c->follow = follow_new(&files);
    c->journal = journal_new(&journal);
    return c;
}

void container_free(struct container *c)
{
    if (!c)
        return;
    engines_free(c->engines);
    follow_free(c->follow);
    journal_free(c->journal);
    mem_free(c);
}

int container_read(struct container *c, const struct source_pass *pass, struct err *err)
{
    struct engines_found found;
    struct err why, none;
    int files, journal = -1;

    engines_look(c->engines, &found);
    follow_look_at(c->follow, found.paths, found.n);
    files = follow_read(c->follow, pass, &why);
    if (found.journal || found.n == 0)
        journal = journal_read(c->journal, pass, &none);
    if (journal == 0 || files == 0)
        return 0;
    if (found.n > 0) {
        *err = why;
        return -1;
    }
    if (found.unreadable)
        return err_os(err, found.os, "no container %s is seen: cannot read %s", c->settings.name,
                      found.unreadable);
    return err_set(
        err, ERR_EVAL,
        "there is no container %s that Docker or Podman keeps a file of, nor a line of it "
        "in the journal",
        c->settings.name);
}

struct source_counts container_counts(const struct container *c)
{
    struct source_counts files = follow_counts(c->follow), journal = journal_counts(c->journal);

    return (struct source_counts){.bytes = files.bytes + journal.bytes,
                                  .cut = files.cut + journal.cut,
                                  .lost_files = files.lost_files + journal.lost_files,
                                  .left_out_files = files.left_out_files,
                                  .unread_files = files.unread_files};
}

void container_write(const struct container *c, struct json_writer *w)
{
    follow_write(c->follow, w);
    journal_write(c->journal, w);
}

void container_load(struct container *c, const struct json_t *root)
{
    follow_load(c->follow, root);
    journal_load(c->journal, root);
}
