#include "collect/logs/splitter.h"

#include "text/regex.h"

#define TRACEBACK "Traceback (most recent call last):"

/* Where in an entry with a traceback its last line stands. */
enum place { PLACE_PLAIN, PLACE_HEAD, PLACE_FRAMES, PLACE_NAMED };

static bool is_blank(struct str line)
{
    return str_trim(line).n == 0;
}

static bool begins_with_space(struct str line)
{
    return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

static bool is_traceback(struct str line)
{
    return line.n && line.p[line.n - 1] == ':' && str_ends(line, STR(TRACEBACK));
}

/* app.services.LlmError: [Errno 111], KeyboardInterrupt */
static bool is_exception_name(struct str line)
{
    size_t n = 0;

    while (n < line.n &&
           ((line.p[n] >= 'a' && line.p[n] <= 'z') || line.p[n] == '_' || line.p[n] == '.' ||
            (line.p[n] >= 'A' && line.p[n] <= 'Z') || (line.p[n] >= '0' && line.p[n] <= '9')))
        n++;
    return n > 0 && !(line.p[0] >= '0' && line.p[0] <= '9') && (n == line.n || line.p[n] == ':');
}

static bool is_chained(struct str line)
{
    return str_starts(line, STR("Traceback")) || str_starts(line, STR("During handling")) ||
           str_starts(line, STR("Caused by")) || str_starts(line, STR("The above exception"));
}

static enum place place_of(struct str line, enum place before)
{
    if (is_traceback(line))
        return PLACE_HEAD;
    if (is_blank(line))
        return before;
    if (begins_with_space(line))
        return before == PLACE_HEAD || before == PLACE_FRAMES ? PLACE_FRAMES : before;
    return before == PLACE_FRAMES && is_exception_name(line) ? PLACE_NAMED : PLACE_PLAIN;
}

static bool belongs(const struct splitter *s, struct str line, enum place before)
{
    if (s->begins)
        return !regex_matches(s->begins, line);
    if (line.n == 0 || (unsigned char)line.p[0] <= ' ')
        return true;
    if (is_traceback(line))
        return true;
    switch (line.p[0]) {
    case 'T':
    case 'D':
    case 'C':
        if (is_chained(line))
            return true;
        break;
    default:
        break;
    }
    return before == PLACE_FRAMES && is_exception_name(line);
}

/* A program that goes on where it was in a file that was emptied leaves a hole in front of its next
 * line, and a crash of the machine does: nobody wrote these NULs. */
static struct str behind_hole(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] == 0)
        n++;
    return str_skip(s, n);
}

static struct str without_return(struct str line)
{
    return line.n && line.p[line.n - 1] == '\r' ? str_take(line, line.n - 1) : line;
}

/* The line that begins at `at`; false: it has not ended. */
static bool line_at(struct str bytes, size_t at, enum splitter_end end, struct str *line,
                    size_t *next)
{
    struct str rest = str_skip(bytes, at);
    const char *newline = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;

    if (!newline && end != SPLITTER_ENDED)
        return false;
    *line = newline ? str_take(rest, (size_t)(newline - rest.p)) : rest;
    *next = at + line->n + (newline ? 1 : 0);
    *line = behind_hole(without_return(*line));
    return true;
}

/* ---- what is cut ---- */

/* Bytes of the rest of a line or entry. *done: none is left. */
static size_t pass_over(struct splitter *s, struct str bytes, enum splitter_end end, bool *done)
{
    size_t at = 0, next;
    struct str line;

    *done = false;
    if (s->skip == SPLITTER_REST_OF_LINE) {
        if (!line_at(bytes, 0, end, &line, &next))
            return bytes.n;
        s->skip = SPLITTER_REST_OF_ENTRY;
        at = next;
    }
    while (s->skip == SPLITTER_REST_OF_ENTRY) {
        bool left = at < bytes.n, whole = left && line_at(bytes, at, end, &line, &next);

        if (left ? !whole && bytes.n - at <= s->line_max : end == SPLITTER_MORE)
            return at;
        if (whole && belongs(s, line, PLACE_FRAMES))
            at = next;
        else
            s->skip = SPLITTER_WHOLE; /* a line that is too long is an entry of its own */
    }
    *done = true;
    return at;
}

static bool cut(struct splitter *s, struct str text, size_t next, enum splitter_skip skip,
                struct str *entry, size_t *used)
{
    s->cut++;
    s->skip = skip;
    *entry = text;
    *used += next;
    return true;
}

/* ---- entries ---- */

bool splitter_next(struct splitter *s, struct str bytes, enum splitter_end end, struct str *entry,
                   size_t *used)
{
    enum place place = PLACE_PLAIN;
    size_t next, text_end, lines = 1;
    struct str line, hole;
    bool done = true;

    *used = 0;
    *entry = (struct str){bytes.p, 0};
    if (s->skip != SPLITTER_WHOLE)
        *used = pass_over(s, bytes, end, &done);
    hole = str_skip(bytes, *used);
    bytes = done ? behind_hole(hole) : hole;
    *used += hole.n - bytes.n;
    *entry = (struct str){bytes.p, 0};
    if (!done || bytes.n == 0)
        return false;
    if (!line_at(bytes, 0, end, &line, &next)) {
        if (bytes.n <= s->line_max)
            return false;
        return cut(s, str_take(bytes, s->line_max), s->line_max, SPLITTER_REST_OF_LINE, entry,
                   used);
    }
    if (line.n > s->line_max)
        return cut(s, str_take(bytes, s->line_max), next, SPLITTER_REST_OF_ENTRY, entry, used);
    place = place_of(line, PLACE_PLAIN);
    text_end = line.n;
    for (;;) {
        size_t after;

        if (next == bytes.n && end == SPLITTER_MORE)
            return false;
        if (next == bytes.n)
            break;
        if (next > 4 * s->line_max || lines >= SPLITTER_LINES_MAX)
            return cut(s, str_take(bytes, text_end), next, SPLITTER_REST_OF_ENTRY, entry, used);
        if (!line_at(bytes, next, end, &line, &after)) {
            line = str_skip(bytes, next);
            if (end == SPLITTER_MORE && line.n <= s->line_max)
                return false;
            /* A line that has not ended for a while may tell by how it begins. */
            if (!behind_hole(line).n || !belongs(s, behind_hole(line), place))
                break;
            if (line.n <= s->line_max)
                return false;
            return cut(s, str_take(bytes, text_end), next, SPLITTER_REST_OF_ENTRY, entry, used);
        }
        if (!belongs(s, line, place))
            break;
        place = place_of(line, place);
        if (!is_blank(line))
            text_end = (size_t)(line.p + line.n - bytes.p);
        next = after;
        lines++;
    }
    *entry = str_take(bytes, text_end);
    *used += next;
    return true;
}
