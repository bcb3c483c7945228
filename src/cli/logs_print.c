#include "cli/logs_print.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

#define END "\033[0m"
#define DIM "\033[2m"

static const char *colour_of(const char *level)
{
    static const char *const colours[][2] = {
        {"critical", "\033[1;31m"}, {"error", "\033[31m"}, {"warning", "\033[33m"}, {"debug", DIM}};

    for (size_t i = 0; i < ARRAY_LEN(colours); i++)
        if (strcmp(level, colours[i][0]) == 0)
            return colours[i][1];
    return "";
}

/* Bytes that drive a terminal: C0, DEL, and C1 as UTF-8. Newlines and tabs are the caller's. */
static size_t control_at(const unsigned char *p, size_t n)
{
    if (p[0] < ' ' || p[0] == 0x7f)
        return 1;
    return p[0] == 0xc2 && n > 1 && p[1] < 0xa0 ? 2 : 0;
}

static void add_safe(struct buf *out, struct str s, const char *newline)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = control_at((const unsigned char *)s.p + i, s.n - i);

        if (s.p[i] == '\n' || s.p[i] == '\t') {
            buf_adds(out, s.p[i] == '\n' ? newline : "\t");
            i++;
        } else if (n == 0) {
            buf_addc(out, s.p[i++]);
        } else {
            for (; n > 0; n--)
                buf_addf(out, "\\x%02x", (unsigned char)s.p[i++]);
        }
    }
}

static struct str text_of(const json_t *line, const char *key)
{
    const json_t *v = json_object_get(line, key);

    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR("");
}

/* In this host's time. */
static void add_time(struct buf *out, struct str text)
{
    struct tm tm = {0};
    char shown[40];
    time_t seconds;

    if (text.n < 20 || !strptime(text.p, "%Y-%m-%dT%H:%M:%S", &tm)) {
        add_safe(out, text, " ");
        return;
    }
    seconds = timegm(&tm);
    (void)strftime(shown, sizeof shown, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
    buf_adds(out, shown);
    add_safe(out, str_take(str_skip(text, 19), 4), " "); /* .204 */
}

static void add_field(struct buf *out, const char *name, const json_t *value, const char *dim)
{
    char *text = NULL;

    buf_addf(out, "  %s", dim);
    add_safe(out, str_c(name), " ");
    buf_addc(out, '=');
    if (json_is_string(value))
        add_safe(out, (struct str){json_string_value(value), json_string_length(value)}, " ");
    else
        add_safe(out, str_c(text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))),
                 " ");
    free(text);
    buf_adds(out, *dim ? END : "");
}

void logs_print(const json_t *line, bool source, bool colours, struct buf *out)
{
    const char *level = json_string_value(json_object_get(line, "level"));
    const char *colour = colours ? colour_of(level ? level : "") : "", *dim = colours ? DIM : "";
    json_t *fields = json_object_get(line, "fields"), *value;
    struct str event = text_of(line, "event");
    const char *name;

    buf_adds(out, dim);
    add_time(out, text_of(line, "time"));
    buf_adds(out, *dim ? END : "");
    if (source) {
        buf_addc(out, ' ');
        add_safe(out, text_of(line, "source"), " ");
    }
    buf_addf(out, " %s", colour);
    for (const char *p = level; p && *p; p++)
        buf_addc(out, (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p));
    buf_addc(out, ' ');
    add_safe(out, text_of(line, "message"), "\n    ");
    buf_adds(out, *colour ? END : "");
    if (event.n)
        add_field(out, "event", json_object_get(line, "event"), dim);
    json_object_foreach(fields, name, value) add_field(out, name, value, dim);
    buf_addc(out, '\n');
}
