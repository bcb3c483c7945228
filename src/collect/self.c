#include "collect/self.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/process_stats.h"
#include "http/server.h"
#include "model/emit.h"

#define SECTIONS_MAX 16u
#define TABLES_MAX   4u
#define TEXT_MAX     (1u << 20)

struct section {
    void (*read)(void *arg, struct self_rows *rows);
    void *arg;
};

struct table {
    struct self_table is;
    void *taken; /* owned; by prepare, emitted on the lane */
};

struct self {
    struct table tables[TABLES_MAX];
    size_t tables_n;
    struct section sections[SECTIONS_MAX];
    size_t sections_n;
    struct self_rows rows; /* read by prepare, emitted on the lane */
    char *version;         /* owned */
};

void self_row_add(struct self_rows *rows, const struct self_row *row)
{
    rows->items = mem_grow(rows->items, &rows->cap, rows->n + 1, sizeof *rows->items);
    rows->items[rows->n++] = *row;
}

void self_rows_fini(struct self_rows *rows)
{
    mem_free(rows->items);
    *rows = (struct self_rows){0};
}

static void read_process(void *arg, struct self_rows *rows)
{
    struct process_stats stats = process_stats(), *s = &stats;

    (void)arg;
#define PROCESS SELF_ROW
#include "collect/metrics.def"
}

struct self *self_new(const char *version)
{
    struct self *self = mem_new(struct self);

    self->version = mem_strdup(version);
    self_add(self, read_process, NULL);
    return self;
}

void self_free(struct self *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->tables_n; i++)
        self->tables[i].is.drop(self->tables[i].taken);
    self_rows_fini(&self->rows);
    mem_free(self->version);
    mem_free(self);
}

void self_add(struct self *self, void (*read)(void *arg, struct self_rows *rows), void *arg)
{
    if (self->sections_n == SECTIONS_MAX)
        abort(); /* ours: each section is added once, at start */
    self->sections[self->sections_n++] = (struct section){read, arg};
}

void self_add_table(struct self *self, const struct self_table *table)
{
    if (self->tables_n == TABLES_MAX)
        abort(); /* as above */
    self->tables[self->tables_n++] = (struct table){*table, NULL};
}

static void read_all(const struct self *self, struct self_rows *rows)
{
    rows->n = 0;
    for (size_t i = 0; i < self->sections_n; i++)
        self->sections[i].read(self->sections[i].arg, rows);
}

static int emit_build_info(const struct self *self, struct emit *emit, struct err *err)
{
    struct metadata family = {.family = STR("earshot_build_info"),
                              .type = METRIC_GAUGE,
                              .help = STR("1, with the version as a label.")};
    struct label version = {STR("version"), str_c(self->version)};
    struct emit_sample sample = {
        .name = family.family, .labels = &version, .labels_n = 1, .value = 1};

    if (emit->family(emit, &family, err) < 0)
        return -1;
    return emit->sample(emit, &sample, err);
}

static int emit_all(const struct self *self, const struct self_rows *rows, struct emit *emit,
                    struct err *err)
{
    if (emit_build_info(self, emit, err) < 0)
        return -1;
    for (size_t i = 0; i < rows->n; i++) {
        const struct self_row *m = &rows->items[i];
        struct metadata family = {
            .family = str_c(m->name), .type = m->type, .help = str_c(m->help)};
        struct label label = {str_c(m->label), str_c(m->is)};
        struct emit_sample sample = {.name = family.family,
                                     .labels = &label,
                                     .labels_n = m->label != NULL,
                                     .value = m->value};

        if ((!i || strcmp(m->name, m[-1].name) != 0) && emit->family(emit, &family, err) < 0)
            return -1;
        if (emit->sample(emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}

static void prepare(void *arg)
{
    struct self *self = arg;

    read_all(self, &self->rows);
    for (size_t i = 0; i < self->tables_n; i++) {
        struct table *t = &self->tables[i];

        t->is.drop(t->taken);
        t->taken = t->is.snapshot(t->is.arg);
    }
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    const struct self *self = arg;

    (void)scratch;
    if (emit_all(self, &self->rows, emit, err) < 0)
        return -1;
    for (size_t i = 0; i < self->tables_n; i++)
        if (self->tables[i].is.emit(self->tables[i].taken, emit, err) < 0)
            return -1;
    return 0;
}

struct collector self_collector(struct self *self)
{
    return (struct collector){
        .name = "earshot", .collect = collect, .prepare = prepare, .arg = self};
}

int self_write(struct self *self, enum expo_format format, struct buf *out, struct err *err)
{
    SCOPED(self_rows_fini) struct self_rows rows = {0};
    struct expo_writer writer;

    /* Into rows of its own: the lane may be at work on the others. */
    read_all(self, &rows);
    expo_writer_init(&writer, format, out);
    if (emit_all(self, &rows, &writer.emit, err) < 0)
        return -1;
    for (size_t i = 0; i < self->tables_n; i++) {
        const struct self_table *t = &self->tables[i].is;
        void *taken = t->snapshot(t->arg);
        int rc = t->emit(taken, &writer.emit, err);

        t->drop(taken);
        if (rc < 0)
            return -1;
    }
    expo_writer_end(&writer);
    return 0;
}

void self_handle(struct http_request *r, void *self)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = TEXT_MAX};
    struct str accept = http_header(r, "accept");
    enum expo_format format = EXPO_TEXT;
    struct str body = {NULL, 0};
    struct err err = {.kind = ERR_NONE};

    if (accept.n && memmem(accept.p, accept.n, "application/openmetrics-text", 28))
        format = EXPO_OPENMETRICS;
    if (self_write(self, format, &text, &err) == 0)
        body = arena_str(r->arena, buf_str(&text), &err);
    if (body.p)
        http_reply(r, 200, expo_content_type(format), body);
    else
        http_reply_error(r, 500, NULL);
}
