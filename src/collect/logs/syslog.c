#include "collect/logs/syslog.h"

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "collect/logs/stamp.h"

#define PRIORITY_MAX   191
#define TAG_BYTES_MAX  64
#define HOST_BYTES_MAX 255
#define COUNT_MAX      (64u << 20) /* what says that it is longer does not count */
#define STAMP_LEAST    15          /* Mar  4 08:00:01 */

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_field(struct syslog_message *m, struct str name, struct str value, bool plain)
{
    if (value.n && !str_eq(value, STR("-")) && m->fields_n < LOG_FIELDS_MAX)
        m->fields[m->fields_n++] = (struct log_field){name, value, plain};
}

static void add_pid(struct syslog_message *m, struct str pid)
{
    bool plain = pid.n > 0;

    for (size_t i = 0; i < pid.n; i++)
        plain &= is_digit(pid.p[i]);
    add_field(m, STR("pid"), pid, plain);
}

/* <165> */
static bool take_priority(struct str *s, unsigned *out)
{
    size_t i = 1;

    *out = 0;
    if (!s->n || s->p[0] != '<')
        return false;
    for (; i < s->n && i < 4 && is_digit(s->p[i]); i++)
        *out = *out * 10 + (unsigned)(s->p[i] - '0');
    if (i == 1 || i == s->n || s->p[i] != '>' || *out > PRIORITY_MAX)
        return false;
    *s = str_skip(*s, i + 1);
    return true;
}

/* Up to the next blank, which is taken too. */
static struct str take_word(struct str *s)
{
    const char *blank = s->n ? memchr(s->p, ' ', s->n) : NULL;
    struct str word = blank ? str_take(*s, (size_t)(blank - s->p)) : *s;

    *s = str_skip(*s, word.n + 1);
    return word;
}

/* ---- RFC 5424 ---- */

/* "a \"b\" \] \\", from its first quote on. */
static bool take_value(struct str *s, struct arena *a, struct str *out)
{
    size_t end = 1, n = 0;
    struct err err; /* no memory: it is left out */
    char *p;

    if (!s->n || s->p[0] != '"')
        return false;
    while (end < s->n && s->p[end] != '"')
        end += s->p[end] == '\\' ? 2 : 1;
    if (end >= s->n)
        return false;
    *out = (struct str){s->p + 1, end - 1};
    if (memchr(out->p, '\\', out->n)) {
        p = arena_alloc(a, out->n, &err);
        for (size_t i = 0; p && i < out->n; i++) {
            if (out->p[i] == '\\' && i + 1 < out->n && memchr("\"\\]", out->p[i + 1], 3))
                i++;
            p[n++] = out->p[i];
        }
        *out = (struct str){p, n};
    }
    *s = str_skip(*s, end + 1);
    return true;
}

static size_t name_length(struct str s)
{
    size_t n = 0;

    while (n < s.n && (unsigned char)s.p[n] > ' ' && !memchr("=]\"", s.p[n], 3))
        n++;
    return n;
}

/* [id a="1" b="2"] */
static bool take_element(struct str *s, struct arena *a, struct syslog_message *m)
{
    struct str at = str_skip(*s, 1), id = str_take(at, name_length(at)), name, value, full;
    struct err err;

    if (!id.n)
        return false;
    at = str_skip(at, id.n);
    while (at.n && at.p[0] == ' ') {
        at = str_skip(at, 1);
        name = str_take(at, name_length(at));
        at = str_skip(at, name.n);
        if (!name.n || !at.n || at.p[0] != '=')
            return false;
        at = str_skip(at, 1);
        if (!take_value(&at, a, &value))
            return false;
        full.p = arena_printf(a, &err, "%.*s.%.*s", STR_ARGS(id), STR_ARGS(name));
        full.n = id.n + 1 + name.n;
        if (full.p)
            add_field(m, full, value, false);
    }
    if (!at.n || at.p[0] != ']')
        return false;
    *s = str_skip(at, 1);
    return true;
}

/* Data that is torn is part of the text. */
static void take_data(struct str *s, struct arena *a, struct syslog_message *m)
{
    struct str at = *s;
    size_t before = m->fields_n;

    if (at.n && at.p[0] == '-') {
        at = str_skip(at, 1);
    } else {
        while (at.n && at.p[0] == '[')
            if (!take_element(&at, a, m))
                break;
    }
    if (at.n && at.p[0] != ' ') {
        m->fields_n = before;
        return;
    }
    *s = str_skip(at, 1);
}

static void read_5424(struct str s, struct arena *a, struct syslog_message *m)
{
    m->time = take_word(&s);
    if (str_eq(m->time, STR("-")))
        m->time = STR("");
    add_field(m, STR("host"), take_word(&s), false);
    add_field(m, STR("app"), take_word(&s), false);
    add_pid(m, take_word(&s));
    add_field(m, STR("msgid"), take_word(&s), false);
    take_data(&s, a, m);
    if (str_starts(s, STR("\xef\xbb\xbf")))
        s = str_skip(s, 3);
    m->text = s;
}

/* ---- RFC 3164 ---- */

static bool is_of_tag(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && memchr("-_./@", c, 5));
}

/* "su[77]: " or "su: ". */
static bool take_tag(struct str *s, bool needs_pid, struct syslog_message *m)
{
    size_t n = 0, end;
    struct str pid = {"", 0};

    while (n < s->n && is_of_tag(s->p[n]))
        n++;
    end = n;
    if (n < s->n && s->p[n] == '[') {
        while (end < s->n && s->p[end] != ']' && s->p[end] != ' ')
            end++;
        if (end == s->n || s->p[end] != ']')
            return false;
        pid = (struct str){s->p + n + 1, end - n - 1};
        end++;
    }
    if (!n || n > TAG_BYTES_MAX || end == s->n || s->p[end] != ':' || (needs_pid && !pid.n) ||
        (end + 1 < s->n && s->p[end + 1] != ' '))
        return false;
    add_field(m, STR("app"), str_take(*s, n), false);
    add_pid(m, pid);
    *s = str_skip(*s, end + 2);
    return true;
}

/* Behind a time there may be a host; a word that is a tag is none. */
static void read_3164(struct str s, struct syslog_message *m)
{
    size_t stamp = s.n && s.p[0] != '[' ? stamp_read(s, &m->time) : 0;
    struct str rest, host;

    if (stamp < STAMP_LEAST) {
        m->time = STR("");
        (void)take_tag(&s, true, m);
        m->text = s;
        return;
    }
    m->yearless = !is_digit(m->time.p[0]) && m->time.p[m->time.n - 5] != ' ';
    s = str_skip(s, stamp);
    while (s.n && (s.p[0] == ' ' || s.p[0] == ':'))
        s = str_skip(s, 1);
    rest = s;
    if (!take_tag(&rest, false, m)) {
        host = take_word(&rest);
        if (host.n <= HOST_BYTES_MAX && rest.n)
            add_field(m, STR("host"), host, false);
        else
            rest = s;
        (void)take_tag(&rest, false, m);
    }
    m->text = rest;
}

void syslog_read(struct str raw, struct arena *a, struct syslog_message *m)
{
    unsigned priority;

    while (raw.n && memchr("\n\r", raw.p[raw.n - 1], 3)) /* and the NUL that some send */
        raw.n--;
    m->text = raw;
    m->time = STR("");
    m->yearless = false;
    m->level = SEVERITY_NONE;
    m->fields_n = 0;
    if (!take_priority(&raw, &priority))
        return;
    m->level = severity_of_priority(priority % 8);
    add_field(m, STR("facility"), str_c(facilities[priority / 8]), false);
    if (str_starts(raw, STR("1 ")))
        read_5424(str_skip(raw, 2), a, m);
    else
        read_3164(raw, m);
}

/* ---- connections ---- */

static void end_message(struct syslog_frames *f)
{
    if (f->part.n)
        f->message(f->arg, buf_str(&f->part));
    buf_reset(&f->part);
    f->at = FRAMES_BETWEEN;
}

static void add(struct syslog_frames *f, struct str bytes)
{
    buf_add(&f->part, str_take(bytes, f->bytes_max - f->part.n));
}

/* How many bytes of `s` were taken, 1 at least unless the state changes. */
static size_t feed_some(struct syslog_frames *f, struct str s)
{
    char c = s.p[0];
    size_t n = 0;

    switch (f->at) {
    case FRAMES_BETWEEN:
        if (memchr("\n\r ", c, 4))
            return 1;
        f->left = 0;
        f->at = c >= '1' && c <= '9' ? FRAMES_COUNT : FRAMES_LINE;
        return 0;
    case FRAMES_COUNT:
        if (is_digit(c) && f->left <= COUNT_MAX) {
            f->left = f->left * 10 + (size_t)(c - '0');
            add(f, str_take(s, 1));
            return 1;
        }
        if (c != ' ' || f->left > COUNT_MAX) {
            f->at = FRAMES_LINE; /* that begins with a number */
            return 0;
        }
        buf_reset(&f->part);
        f->at = FRAMES_COUNTED;
        return 1;
    case FRAMES_COUNTED:
        s = str_take(s, f->left);
        add(f, s);
        f->left -= s.n;
        if (f->left == 0)
            end_message(f);
        return s.n;
    case FRAMES_LINE:
        while (n < s.n && s.p[n] != '\n' && s.p[n] != '\0')
            n++;
        add(f, str_take(s, n));
        if (n == s.n)
            return n;
        end_message(f);
        return n + 1;
    }
    return s.n;
}

void syslog_frames_feed(struct syslog_frames *f, struct str bytes)
{
    while (bytes.n)
        bytes = str_skip(bytes, feed_some(f, bytes));
}

void syslog_frames_end(struct syslog_frames *f)
{
    end_message(f);
}
