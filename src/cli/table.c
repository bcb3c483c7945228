#include "cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

void table_init(struct table *t, size_t columns, unsigned right)
{
    *t = (struct table){.columns = columns, .right = right};
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->n; i++)
        mem_free(t->cells[i]);
    mem_free(t->cells);
    *t = (struct table){0};
}

static void add_shown(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < ' ' || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else
            buf_addc(out, (char)c);
    }
}

void table_add(struct table *t, struct str cell)
{
    struct buf text;

    buf_init(&text, 0);
    add_shown(&text, str_is_utf8(cell) ? cell : STR("(not UTF-8)"));
    t->cells = mem_grow(t->cells, &t->cap, t->n + 1, sizeof *t->cells);
    t->cells[t->n++] = mem_strdup(text.p ? text.p : "");
    buf_fini(&text);
}

/* Columns that a text takes; characters that are wide or combine are counted as one. */
static size_t width_of(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void add_cut(struct buf *out, const char *s, size_t width)
{
    size_t n = 0;

    if (width_of(s) <= width) {
        buf_adds(out, s);
        return;
    }
    for (; *s; s++) {
        n += ((unsigned char)*s & 0xc0) != 0x80;
        if (n >= width)
            break;
        buf_addc(out, *s);
    }
    buf_adds(out, "\xe2\x80\xa6"); /* an ellipsis */
}

void table_print(const struct table *t, size_t width, struct buf *out)
{
    size_t *widths = mem_new_array(size_t, t->columns);

    for (size_t i = 0; i < t->n; i++) {
        size_t w = width_of(t->cells[i]), column = i % t->columns;

        widths[column] = w > widths[column] ? w : widths[column];
    }
    for (size_t row = 0; row + t->columns <= t->n; row += t->columns) {
        size_t used = 0;

        for (size_t c = 0; c < t->columns; c++) {
            const char *cell = t->cells[row + c];
            size_t w = width_of(cell), pad = widths[c] - w;
            bool last = c + 1 == t->columns;

            if (t->right >> c & 1)
                buf_addf(out, "%*s", (int)pad, "");
            if (last && width > used + 8)
                add_cut(out, cell, width - used);
            else
                buf_adds(out, cell);
            if (!last)
                buf_addf(out, "%*s", (int)((t->right >> c & 1 ? 0 : pad) + 2), "");
            used += widths[c] + 2;
        }
        buf_addc(out, '\n');
    }
    mem_free(widths);
}

/* RFC 4180, with LF. A text that a spreadsheet would take for a formula is quoted and stays. */
static void add_csv(struct buf *out, const char *cell)
{
    if (!cell[strcspn(cell, ",\"\n\r")]) {
        buf_adds(out, cell);
        return;
    }
    buf_addc(out, '"');
    for (; *cell; cell++) {
        if (*cell == '"')
            buf_addc(out, '"');
        buf_addc(out, *cell);
    }
    buf_addc(out, '"');
}

void table_csv(const struct table *t, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        add_csv(out, t->cells[i]);
        buf_addc(out, i % t->columns + 1 == t->columns ? '\n' : ',');
    }
}

size_t table_terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}
