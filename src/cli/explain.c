#include "cli/explain.h"

#include <jansson.h>
#include <stdio.h>

#include "cli/table.h"
#include "text/number.h"

static void add_safe(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else
            buf_addc(out, s.p[i]);
    }
}

/* Lines after the first are indented, too. */
static void add_code(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        buf_addc(out, s.p[i]);
        if (s.p[i] == '\n')
            buf_adds(out, "    ");
    }
}

static struct str text_of(const json_t *object, const char *key)
{
    return str_c(json_string_value(json_object_get(object, key)));
}

static size_t number_of(const json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));

    return v > 0 ? (size_t)v : 0;
}

/* The line of the expression that holds byte `at`, and where it begins. */
static struct str line_at(struct str expr, size_t at, size_t *begin)
{
    size_t end;

    at = at < expr.n ? at : expr.n;
    for (*begin = at; *begin > 0 && expr.p[*begin - 1] != '\n'; (*begin)--)
        ;
    for (end = at; end < expr.n && expr.p[end] != '\n'; end++)
        ;
    return (struct str){expr.p + *begin, end - *begin};
}

/* As wide as the characters it stands below; a tab stays one. */
static void add_caret(struct buf *out, struct str line, size_t from, size_t to)
{
    for (size_t i = 0; i < line.n && i < to; i++) {
        if ((line.p[i] & 0xc0) == 0x80)
            continue;
        if (i < from)
            buf_addc(out, line.p[i] == '\t' ? '\t' : ' ');
        else
            buf_addc(out, i == from ? '^' : '~');
    }
}

static void add_finding(struct buf *out, const json_t *finding, struct str expr)
{
    size_t start = number_of(finding, "start"), end = number_of(finding, "end"), begin;
    struct str line = line_at(expr, start, &begin), suggestion = text_of(finding, "suggestion");

    buf_addf(out, "\n%zu:%zu: ", number_of(finding, "line"), number_of(finding, "column"));
    add_safe(out, text_of(finding, "text"));
    buf_adds(out, "\n    ");
    buf_add(out, line);
    buf_adds(out, "\n    ");
    add_caret(out, line, start - begin, end - begin);
    buf_addc(out, '\n');
    if (!suggestion.n)
        return;
    buf_adds(out, "    try: ");
    add_code(out, suggestion);
    buf_addc(out, '\n');
}

static void add_parts(struct buf *out, const json_t *parts, size_t width)
{
    struct table t;
    const json_t *part;
    size_t i;

    table_init(&t, 3, 1);
    table_add(&t, STR("series"));
    table_add(&t, STR("part of the expression"));
    table_add(&t, STR("what happened"));
    json_array_foreach(parts, i, part)
    {
        SCOPED(buf_fini) struct buf cell = {0};
        char number[NUMBER_TEXT_MAX];
        size_t depth = number_of(part, "depth");
        bool counted = json_is_integer(json_object_get(part, "series"));

        table_add(
            &t, counted ? (struct str){number,
                                       number_print_i64((int64_t)number_of(part, "series"), number)}
                        : STR(""));
        while (depth--)
            buf_adds(&cell, "  ");
        buf_add(&cell, text_of(part, "text"));
        table_add(&t, buf_str(&cell));
        buf_reset(&cell);
        buf_adds(&cell, json_is_true(json_object_get(part, "dies")) ? "ends here: " : "");
        buf_add(&cell, text_of(part, "note"));
        table_add(&t, buf_str(&cell));
    }
    buf_addc(out, '\n');
    table_print(&t, width, out);
    table_fini(&t);
}

void explain_text(const json_t *data, struct str expr, size_t width, struct buf *out)
{
    const json_t *findings = json_object_get(data, "findings"), *finding;
    struct str mended = text_of(data, "mended"), stopped = text_of(data, "stopped");
    size_t i;

    add_safe(out, text_of(data, "summary"));
    buf_addc(out, '\n');
    json_array_foreach(findings, i, finding) add_finding(out, finding, expr);
    add_parts(out, json_object_get(data, "parts"), width);
    if (mended.n && !(json_array_size(findings) == 1 &&
                      str_eq(mended, text_of(json_array_get(findings, 0), "suggestion")))) {
        buf_adds(out, "\nAll mended:\n    ");
        add_code(out, mended);
        buf_addc(out, '\n');
    }
    if (stopped.n) {
        buf_adds(out, "\nThe rest was not looked at: ");
        add_safe(out, stopped);
        buf_addc(out, '\n');
    }
}
