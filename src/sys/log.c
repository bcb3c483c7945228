#include "sys/log.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define LINE_BYTES_MAX 8192

static size_t utf8_length(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* U+0080..9F drive terminals; U+200E..200F, 202A..202E, 2066..2069 turn the direction of text. */
static bool steers(struct str c)
{
    const unsigned char *p = (const unsigned char *)c.p;

    if (c.n == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    if (c.n != 3 || p[0] != 0xe2)
        return false;
    return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
           (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* Appends the first character of `s`, escaped where needed; returns its length in bytes. */
static size_t add_character(struct buf *line, struct str s)
{
    unsigned char c = (unsigned char)s.p[0];
    struct str whole = str_take(s, utf8_length(c));

    if (c == '"' || c == '\\') {
        buf_addf(line, "\\%c", c);
        return 1;
    }
    if (c == '\n') {
        buf_adds(line, "\\n");
        return 1;
    }
    if (c < 0x20 || c == 0x7f || !str_is_utf8(whole)) {
        buf_addf(line, "\\x%02x", c);
        return 1;
    }
    if (steers(whole)) {
        for (size_t i = 0; i < whole.n; i++)
            buf_addf(line, "\\x%02x", (unsigned char)whole.p[i]);
        return whole.n;
    }
    buf_add(line, whole);
    return whole.n;
}

/* Length of "user:password" when `s` stands behind "://" and holds one, else 0. */
static size_t credentials_length(struct str s)
{
    size_t last = 0;

    for (size_t i = 0; i < s.n && !strchr("/?# \"'<>\n", s.p[i]); i++)
        if (s.p[i] == '@')
            last = i;
    return last;
}

void log_format(struct buf *line, int64_t wall_ms, enum log_level level, const char *part,
                const char *text)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    time_t seconds = (time_t)(wall_ms / 1000);
    struct str rest = str_c(text);
    struct tm tm;

    (void)gmtime_r(&seconds, &tm);
    buf_addf(line, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ level=%s part=%s msg=\"",
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(wall_ms % 1000), levels[level], part);
    while (rest.n) {
        size_t secret;

        if (str_starts(rest, STR("://")) && (secret = credentials_length(str_skip(rest, 3)))) {
            buf_adds(line, "://<secret>");
            rest = str_skip(rest, 3 + secret);
            continue;
        }
        rest = str_skip(rest, add_character(line, rest));
    }
    buf_adds(line, "\"\n");
}

static void write_line(struct log *log, enum log_level level, const char *part, const char *text)
{
    struct log_writer *w = (struct log_writer *)log;
    struct buf line;
    ssize_t n;

    buf_init(&line, LINE_BYTES_MAX);
    log_format(&line, w->clock->wall_ms(w->clock), level, part, text);
    do
        n = write(w->fd, line.p, line.n);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)line.n)
        atomic_fetch_add_explicit(&w->lost_lines, 1, memory_order_relaxed);
    buf_fini(&line);
}

_Static_assert(offsetof(struct log_writer, log) == 0, "cast from struct log");

void log_writer_init(struct log_writer *w, int fd, enum log_level level_min,
                     const struct clock *clock)
{
    w->log = (struct log){write_line, level_min};
    w->clock = clock;
    w->fd = fd;
    atomic_init(&w->lost_lines, 0);
}
