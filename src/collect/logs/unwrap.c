#include "collect/logs/unwrap.h"

#include "base/arena.h"
#include "base/mem.h"
#include "collect/logs/fields.h"
#include "collect/logs/record.h"
#include "text/iso_time.h"

/* A line of the file, taken apart. */
struct part {
    struct str text; /* without the newline */
    size_t stream;
    bool last;
    int64_t time_ms;
};

/* A line that has not ended. */
struct open {
    struct buf text;
    bool is, cut;
    int64_t time_ms;
};

void unwrap_init(struct unwrap *u, size_t line_max)
{
    *u = (struct unwrap){.line_max = line_max};
}

void unwrap_fini(struct unwrap *u)
{
    buf_fini(&u->text);
    mem_free(u->lines);
    *u = (struct unwrap){.line_max = u->line_max};
}

static int64_t time_of(struct str text)
{
    struct iso_time t;

    if (!iso_time_parse(text, &t) || !t.has_zone)
        return 0;
    return (t.seconds - t.offset) * 1000 + t.nanos / 1000000;
}

static struct str without_return(struct str s)
{
    return s.n && s.p[s.n - 1] == '\r' ? str_take(s, s.n - 1) : s;
}

static bool read_json(struct str line, struct arena *a, struct log_record *r, struct part *out)
{
    struct str text;

    r->fields_n = 0;
    if (line.n == 0 || line.p[0] != '{' || !fields_read_json(line, a, r))
        return false;
    text = log_record_field(r, STR("log"));
    if (!text.p)
        return false;
    out->last = str_ends(text, STR("\n"));
    out->text = out->last ? str_take(text, text.n - 1) : text;
    out->stream = str_eq(log_record_field(r, STR("stream")), STR("stderr"));
    out->time_ms = time_of(log_record_field(r, STR("time")));
    return true;
}

/* TIME stdout F text */
static bool read_words(struct str line, struct part *out)
{
    struct str left = line, time = str_split(&left, ' '), stream, tag;

    if (!left.p)
        return false;
    stream = str_split(&left, ' ');
    if (!left.p || !(str_eq(stream, STR("stdout")) || str_eq(stream, STR("stderr"))))
        return false;
    tag = str_split(&left, ' ');
    out->time_ms = time_of(time);
    /* Further tags stand behind a colon. */
    if (out->time_ms == 0 || tag.n == 0 || (tag.p[0] != 'F' && tag.p[0] != 'P') ||
        (tag.n > 1 && tag.p[1] != ':'))
        return false;
    out->last = tag.p[0] == 'F';
    out->text = left.p ? left : STR("");
    out->stream = str_eq(stream, STR("stderr"));
    return true;
}

/* The lines that have not ended, and which parts are passed over. */
struct reading {
    struct open open[UNWRAP_STREAMS];
    bool drop[UNWRAP_STREAMS];
    uint64_t known; /* lines that come next and have been told */
};

static void put_line(struct unwrap *u, const struct open *line)
{
    u->lines = mem_grow(u->lines, &u->cap, u->n + 1, sizeof *u->lines);
    for (size_t i = 0; i < line->text.n; i++)
        if (line->text.p[i] == '\n')
            line->text.p[i] = ' '; /* one line is one line */
    buf_add(&u->text, without_return(buf_str(&line->text)));
    buf_addc(&u->text, '\n');
    u->lines[u->n++] =
        (struct unwrap_line){.end = u->text.n, .time_ms = line->time_ms, .cut = line->cut};
}

static void add_part(const struct unwrap *u, struct open *line, const struct part *part)
{
    size_t room = u->line_max - line->text.n;

    if (!line->is)
        line->time_ms = part->time_ms;
    line->is = true;
    line->cut |= part->text.n > room;
    buf_add(&line->text, str_take(part->text, room));
}

static void end_line(struct unwrap *u, struct reading *r, size_t stream)
{
    struct open *line = &r->open[stream];

    if (r->known > 0)
        r->known--;
    else
        put_line(u, line);
    u->at.ahead++;
    buf_reset(&line->text);
    line->is = line->cut = false;
}

/* Nothing is open: `at` is a place. */
static void note_place(struct unwrap *u, struct reading *r, size_t at)
{
    u->raw_end = at;
    u->at.ahead = r->known = 0;
    memcpy(u->at.drop, r->drop, sizeof r->drop);
}

static void take_part(struct unwrap *u, struct reading *r, const struct part *part)
{
    if (r->drop[part->stream]) {
        r->drop[part->stream] = !part->last;
        return;
    }
    add_part(u, &r->open[part->stream], part);
    if (part->last)
        end_line(u, r, part->stream);
}

static size_t take_lines(struct unwrap *u, struct reading *r, struct str raw, enum unwrap_end end)
{
    SCOPED(arena_fini) struct arena a;
    struct log_record *record = mem_new(struct log_record);
    size_t at = 0;

    arena_init(&a, NULL); /* a line's size bounds it */
    while (at < raw.n) {
        struct str rest = str_skip(raw, at), line;
        const char *newline = memchr(rest.p, '\n', rest.n);
        struct part part = {.last = true};
        size_t before = u->n;

        if (!newline && (end == UNWRAP_MORE || (end == UNWRAP_FULL && at > 0)))
            break;
        line = newline ? str_take(rest, (size_t)(newline - rest.p)) : rest;
        at += line.n + (newline ? 1 : 0);
        if (!read_json(line, &a, record, &part) && !read_words(line, &part))
            part.text = line;
        take_part(u, r, &part);
        if (!r->open[0].is && !r->open[1].is)
            note_place(u, r, at);
        if (u->n > before) {
            u->lines[before].raw_end = u->raw_end;
            u->lines[before].at = u->at;
        }
        if (a.total_bytes)
            arena_reset(&a);
    }
    mem_free(record);
    return at;
}

void unwrap_read(struct unwrap *u, struct str raw, const struct unwrap_at *from,
                 enum unwrap_end end)
{
    struct reading r = {.known = from->ahead};
    size_t at, before;

    memcpy(r.drop, from->drop, sizeof r.drop);
    buf_reset(&u->text);
    u->n = 0;
    u->raw_end = 0;
    u->at = *from;
    u->at.ahead = 0;
    at = take_lines(u, &r, raw, end);
    before = u->n;
    for (size_t i = 0; i < UNWRAP_STREAMS; i++) {
        if (end != UNWRAP_MORE && r.open[i].is) {
            end_line(u, &r, i);
            r.drop[i] = true;
        }
        buf_fini(&r.open[i].text);
    }
    if (end != UNWRAP_MORE)
        note_place(u, &r, at);
    for (size_t i = before; i < u->n; i++) {
        u->lines[i].raw_end = u->raw_end;
        u->lines[i].at = u->at;
    }
}
