#include "collect/logs/record.h"

#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "collect/logs/fields.h"
#include "collect/logs/stamp.h"

/* A level stands behind the time, with a logger's or thread's name or two before it at most. */
#define LEVEL_WORDS 3
#define BRACKET_MAX 40

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

/* pino and bunyan: 10 is trace, 60 fatal. */
static enum severity severity_of_number(struct str value)
{
    static const enum severity levels[] = {SEVERITY_DEBUG,   SEVERITY_DEBUG, SEVERITY_INFO,
                                           SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRITICAL};

    return value.n == 2 && value.p[1] == '0' && value.p[0] >= '1' && value.p[0] <= '6'
               ? levels[value.p[0] - '1']
               : SEVERITY_NONE;
}

static void read_structured(const struct log_reading *reading, struct log_record *out)
{
    struct str message = first_of(out, message_names, ARRAY_LEN(message_names));
    struct str level = first_of(out, level_names, ARRAY_LEN(level_names));

    out->structured = true;
    out->time = log_record_field(out, reading->time);
    if (!out->time.p)
        out->time = first_of(out, time_names, ARRAY_LEN(time_names));
    out->level = level_of(reading, level);
    if (out->level == SEVERITY_NONE)
        out->level = severity_of_number(level);
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

static size_t letters_of(struct str s, bool *capitals)
{
    size_t n = 0;

    *capitals = true;
    while (n < s.n && ((s.p[n] >= 'A' && s.p[n] <= 'Z') || (s.p[n] >= 'a' && s.p[n] <= 'z')))
        *capitals &= s.p[n++] <= 'Z';
    return n;
}

/* [error    ] as structlog and Elasticsearch fill it up, [core:error] of Apache. */
static enum severity bracketed_level(const struct log_reading *reading, struct str line,
                                     size_t *used)
{
    const char *close = line.p[0] == '[' ? memchr(line.p, ']', line.n) : NULL;
    struct str inside, module;

    if (!close || close - line.p > BRACKET_MAX)
        return SEVERITY_NONE;
    *used = (size_t)(close + 1 - line.p);
    inside = str_trim((struct str){line.p + 1, *used - 2});
    module = inside;
    (void)str_split(&module, ':');
    return level_of(reading, module.n ? module : inside);
}

/* Whether the line goes on with what is meant as a level: in capitals (INFO/MainProcess too), in
 * brackets, or with a colon or bar behind it. Of "error opening file" the first word is part of the
 * message. */
static enum severity marked_level(const struct log_reading *reading, struct str line, size_t *used)
{
    struct str word = take_word(line);
    size_t start = word.p[0] == '[' || word.p[0] == '<' || word.p[0] == '(', end;
    bool capitals;

    end = start + letters_of(str_skip(word, start), &capitals);
    if (end == start)
        return SEVERITY_NONE;
    if (end == word.n ? capitals && start == 0
                      : memchr("]>):|", word.p[end], 5) || (capitals && word.p[end] == '/')) {
        enum severity level = level_of(reading, (struct str){word.p + start, end - start});

        *used = end < word.n ? end + 1 : end;
        if (level != SEVERITY_NONE)
            return level;
    }
    return bracketed_level(reading, line, used);
}

/* What programs write for a terminal also where there is none: ESC [ 1 ; 32 m. The line itself when
 * it has none. */
static struct str without_colours(struct str line, struct arena *a)
{
    const char *escape = line.n ? memchr(line.p, 27, line.n) : NULL;
    struct err no_memory;
    char *out;
    size_t n, at;

    out = escape ? arena_alloc(a, line.n, &no_memory) : NULL;
    if (!out)
        return line;
    n = at = (size_t)(escape - line.p);
    memcpy(out, line.p, n);
    while (at < line.n) {
        size_t end = at + 2;

        while (end < line.n && (line.p[end] == ';' || (line.p[end] >= '0' && line.p[end] <= '9')))
            end++;
        if (line.p[at] == 27 && end < line.n && line.p[at + 1] == '[' && line.p[end] == 'm')
            at = end + 1;
        else
            out[n++] = line.p[at++];
    }
    return str_trim((struct str){out, n});
}

/* W1127 10:00:01.204123 12 socket.cpp:12] text, as glog and klog write it. */
static bool read_glog(struct str line, struct log_record *out)
{
    static const char letters[] = "IWEF";
    static const enum severity levels[] = {SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR,
                                           SEVERITY_CRITICAL};
    struct str at = str_skip(line, line.n && line.p[0] == '[');
    const char *letter = at.n && at.p[0] ? strchr(letters, at.p[0]) : NULL, *close;

    if (!letter || !stamp_read_glog(str_skip(at, 1), &out->time))
        return false;
    out->level = levels[letter - letters];
    close = memchr(at.p, ']', at.n);
    out->message = close ? str_trim(str_skip(at, (size_t)(close + 1 - at.p))) : line;
    return true;
}

/* "(EngineCore_0 pid=12) INFO ..." of vLLM */
static struct str behind_process(struct str line)
{
    const char *close = line.n && line.p[0] == '(' ? memchr(line.p, ')', line.n) : NULL;
    size_t n = close ? (size_t)(close + 1 - line.p) : 0;

    if (!n || n > BRACKET_MAX || !memmem(line.p, n, " pid=", 5))
        return line;
    return str_trim(str_skip(line, n));
}

static void read_text(const struct log_reading *reading, struct str whole, struct log_record *out)
{
    size_t stamp;
    struct str line, rest, at;

    if (read_glog(whole, out))
        return;
    line = behind_process(whole);
    stamp = stamp_read(line, &out->time);
    at = rest = stamp ? skip_between(str_skip(line, stamp)) : line;
    if (!stamp && !stamp_find(line, &out->time))
        out->time = (struct str){NULL, 0};
    out->message = line.p == whole.p ? rest : whole;
    for (size_t i = 0; i < (stamp ? LEVEL_WORDS : 1) && at.n; i++) {
        struct str word = take_word(at);
        size_t used;

        if (word.n == 0)
            break;
        out->level = marked_level(reading, at, &used);
        if (out->level != SEVERITY_NONE) {
            if (line.p == whole.p) /* else it says which process */
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
        read_text(reading, without_colours(line, a), out);
}
