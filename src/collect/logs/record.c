#include "collect/logs/record.h"

#include "base/attr.h"
#include "collect/logs/fields.h"
#include "collect/logs/stamp.h"

/* A level stands behind the time, with a logger's or thread's name or two before it at most. */
#define LEVEL_WORDS 3

static const char *const time_names[] = {"timestamp", "time",     "ts",     "@timestamp",
                                         "t",         "datetime", "asctime"};
static const char *const level_names[] = {
    "level",    "severity",  "levelname",         "lvl",
    "loglevel", "log.level", "record.level.name", "level.name"};
static const char *const message_names[] = {"message", "msg",      "event",
                                            "log",     "@message", "record.message"};

static enum severity level_of(const struct log_reading *reading, struct str word)
{
    for (size_t i = 0; i < reading->words_n; i++)
        if (str_eq(reading->words[i].word, word))
            return reading->words[i].severity;
    return severity_of(word);
}

struct str log_record_field(const struct log_record *r, struct str name)
{
    for (size_t i = 0; i < r->fields_n; i++)
        if (str_eq(r->fields[i].name, name))
            return r->fields[i].value;
    return (struct str){NULL, 0};
}

static struct str first_of(const struct log_record *r, const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str value = log_record_field(r, str_c(names[i]));

        if (value.p)
            return value;
    }
    return (struct str){NULL, 0};
}

static void read_structured(const struct log_reading *reading, struct log_record *out)
{
    struct str message = first_of(out, message_names, ARRAY_LEN(message_names));

    out->structured = true;
    out->time = log_record_field(out, reading->time);
    if (!out->time.p)
        out->time = first_of(out, time_names, ARRAY_LEN(time_names));
    out->level = level_of(reading, first_of(out, level_names, ARRAY_LEN(level_names)));
    if (message.p)
        out->message = message;
}

/* ---- text ---- */

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '|' || c == '-' || c == ':';
}

static struct str skip_between(struct str s)
{
    while (s.n && is_between(s.p[0]))
        s = str_skip(s, 1);
    return s;
}

static struct str take_word(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
        n++;
    return str_take(s, n);
}

/* Whether it is meant as a level: in capitals (INFO/MainProcess too), in brackets, or with a colon
 * or bar behind it. Of
 * "error opening file" the first word is part of the message. */
static enum severity marked_level(const struct log_reading *reading, struct str word, size_t *used)
{
    bool bracket = word.p[0] == '[' || word.p[0] == '<' || word.p[0] == '(', capitals = true;
    size_t start = bracket, end = start;

    while (end < word.n && ((word.p[end] >= 'A' && word.p[end] <= 'Z') ||
                            (word.p[end] >= 'a' && word.p[end] <= 'z'))) {
        capitals &= word.p[end] <= 'Z';
        end++;
    }
    *used = end;
    if (end == start ||
        (end < word.n && !memchr("]>):|", word.p[end], 5) && !(capitals && word.p[end] == '/')))
        return SEVERITY_NONE;
    if (!capitals && end == word.n)
        return SEVERITY_NONE;
    *used = end < word.n ? end + 1 : end;
    return level_of(reading, (struct str){word.p + start, end - start});
}

static void read_text(const struct log_reading *reading, struct str line, struct log_record *out)
{
    size_t stamp = stamp_read(line, &out->time);
    struct str rest = stamp ? skip_between(str_skip(line, stamp)) : line, at = rest;

    if (!stamp && !stamp_find(line, &out->time))
        out->time = (struct str){NULL, 0};
    out->message = rest;
    for (size_t i = 0; i < (stamp ? LEVEL_WORDS : 1) && at.n; i++) {
        struct str word = take_word(at);
        size_t used;

        if (word.n == 0)
            break;
        out->level = marked_level(reading, word, &used);
        if (out->level != SEVERITY_NONE) {
            out->message = skip_between(str_skip(at, used));
            return;
        }
        at = skip_between(str_skip(at, word.n));
    }
}

/* Its first word has a =, and it says a level, a message or a time. */
static bool is_logfmt(const struct log_reading *reading, const struct log_record *r)
{
    return r->fields_n >= 2 && (log_record_field(r, reading->time).p ||
                                first_of(r, level_names, ARRAY_LEN(level_names)).p ||
                                first_of(r, message_names, ARRAY_LEN(message_names)).p ||
                                first_of(r, time_names, ARRAY_LEN(time_names)).p);
}

static bool begins_with_pair(struct str line)
{
    struct str word = take_word(line);

    return word.n && word.p[0] != '=' && memchr(word.p, '=', word.n);
}

static bool read_fields(const struct log_reading *reading, struct str line, struct str text,
                        struct arena *a, struct log_record *out)
{
    bool any = reading->format == LOG_AUTO;

    if ((any || reading->format == LOG_JSON) && line.n && line.p[0] == '{')
        return fields_read_json(text, a, out) || fields_read_json(line, a, out);
    if (reading->format == LOG_LOGFMT)
        return fields_read_logfmt(line, a, out);
    return any && begins_with_pair(line) && fields_read_logfmt(line, a, out) &&
           is_logfmt(reading, out);
}

void log_record_read(const struct log_reading *reading, struct str text, struct arena *a,
                     struct log_record *out)
{
    struct str left = text, line = str_trim(str_split(&left, '\n'));

    out->time = (struct str){NULL, 0};
    out->level = SEVERITY_NONE;
    out->structured = false;
    out->message = line;
    out->text = text;
    out->fields_n = 0;
    if (read_fields(reading, line, text, a, out)) {
        read_structured(reading, out);
        return;
    }
    out->fields_n = 0;
    if (reading->format == LOG_AUTO || reading->format == LOG_TEXT)
        read_text(reading, line, out);
}
