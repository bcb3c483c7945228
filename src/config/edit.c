#include "config/edit.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "config/internal.h"
#include "text/yaml.h"

#define MARK        "# earshot up"
#define MARK_NO_END ", the line before had no end"
#define MARK_OPEN   " " MARK /* behind the bracket of a list, whose line was cut there */
#define OPEN_STEP   4        /* how far what stands in brackets is indented then */
#define DIGITS      8
#define BLOCK_MAX   200 /* lines of one entry */
#define MEMORY_MAX  (64u << 20)

const char edit_head[] =
    "# What `earshot up` found on this host. All of it is yours to change: it only ever adds, and\n"
    "# `earshot down` takes out what is still as it was written. Keys: docs/configuration.md\n";

/* ---- lines ---- */

static size_t indent_of(struct str line)
{
    size_t n = 0;

    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

static struct str trim_left(struct str line)
{
    return str_skip(line, indent_of(line));
}

/* "- x", and "-" alone; "-x" is a text. */
static bool is_item(struct str line)
{
    line = trim_left(line);
    return line.n > 0 && line.p[0] == '-' && (line.n == 1 || line.p[1] == ' ' || line.p[1] == '\r');
}

/* Where line `number` (1-based) ends, its newline included. */
static size_t end_of_line(struct str text, uint32_t number)
{
    size_t at = 0;

    while (number-- > 0) {
        const char *newline = memchr(text.p + at, '\n', text.n - at);

        if (!newline)
            return text.n;
        at = (size_t)(newline - text.p) + 1;
    }
    return at;
}

static struct str line_at(struct str text, uint32_t number)
{
    size_t from = end_of_line(text, number - 1), to = end_of_line(text, number);
    struct str line = {text.p + from, to - from};

    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    return line;
}

static void add_blanks(struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_addc(b, ' ');
}

/* ---- adding ---- */

static uint32_t checksum(struct str comment, struct str lines)
{
    return crc32c(crc32c(0, comment.p, comment.n), lines.p, lines.n);
}

static void add_marked(const struct edit_addition *a, size_t indent, struct str lines,
                       struct buf *out)
{
    add_blanks(out, indent);
    buf_addf(out, MARK " %08x: %s\n", checksum(str_c(a->comment), lines), a->comment);
    buf_add(out, lines);
}

/* The comment and the lines below it. */
static void add_block(const struct edit_addition *a, size_t indent, struct buf *out)
{
    SCOPED(buf_fini) struct buf lines;
    struct str rest = str_c(a->text);
    bool first = true;

    buf_init(&lines, 0);
    while (rest.p) {
        struct str line = str_split(&rest, '\n');

        add_blanks(&lines, indent);
        if (a->is_map)
            buf_addf(&lines, "%s%s", first ? a->key : "  ", first ? ": " : "");
        else
            buf_adds(&lines, first ? "- " : "  ");
        buf_add(&lines, line);
        buf_addc(&lines, '\n');
        first = false;
    }
    add_marked(a, indent, buf_str(&lines), out);
}

/* The same as an item of a list in brackets, on one line. */
static void add_bracketed(const struct edit_addition *a, size_t indent, struct buf *out)
{
    SCOPED(buf_fini) struct buf line;
    struct str rest = str_c(a->text);
    bool is_map = strstr(a->text, ": ") != NULL, first = true;

    buf_init(&line, 0);
    add_blanks(&line, indent);
    buf_adds(&line, is_map ? "{" : "");
    while (rest.p) {
        buf_adds(&line, first ? "" : ", ");
        buf_add(&line, str_split(&rest, '\n'));
        first = false;
    }
    buf_adds(&line, is_map ? "},\n" : ",\n");
    add_marked(a, indent, buf_str(&line), out);
}

static void add_key(const char *key, size_t indent, const char *mark, struct buf *out)
{
    add_blanks(out, indent);
    buf_addf(out, "%s: " MARK "%s\n", key, mark);
}

struct target {
    const char *file;
    struct str text;
};

/* Is the value of this key below it, and not on the same line in braces or behind an anchor? */
static int check_open(const struct target *t, const struct yaml *key, struct err *err)
{
    struct str line = trim_left(line_at(t->text, key->at.line)), rest;

    rest = str_skip(line, key->text.n);
    if (str_starts(line, key->text) && str_starts(rest, STR(":"))) {
        rest = str_trim(str_skip(rest, 1));
        if (rest.n == 0 || rest.p[0] == '#')
            return 0;
    }
    (void)err_at(err, ERR_TYPE, key->at,
                 "\"%.*s\" is written on one line, so nothing can be added without changing it: "
                 "write what it holds on lines of their own below it, then run earshot up again",
                 STR_ARGS(str_take(key->text, 60)));
    return err_in_file(err, t->file);
}

/* Does the value begin with its first key or item, and not with an anchor or a tag, which would
 * become that of what is added? */
static bool is_plain_block(const struct target *t, const struct yaml_pair *pair)
{
    uint32_t number = pair->key.at.line;
    size_t indent = pair->key.at.column - 1, at;

    do
        at = end_of_line(t->text, number++);
    while (at < t->text.n && (str_trim(line_at(t->text, number)).n == 0 ||
                              trim_left(line_at(t->text, number)).p[0] == '#'));
    if (pair->value.kind == YAML_NULL)
        return at == t->text.n || indent_of(line_at(t->text, number)) <= indent;
    if (pair->value.kind == YAML_LIST)
        return is_item(line_at(t->text, number));
    return pair->value.n > 0 && pair->value.pairs[0].key.at.line == number &&
           pair->value.pairs[0].key.at.column - 1 == indent_of(line_at(t->text, number));
}

/* Is the value of what we would add to? */
static int check_kind(const struct target *t, const struct yaml_pair *pair, enum yaml_kind kind,
                      struct err *err)
{
    if ((pair->value.kind == kind || pair->value.kind == YAML_NULL) && is_plain_block(t, pair))
        return 0;
    (void)err_at(err, ERR_TYPE, pair->key.at, "\"%.*s\": expected %s below it",
                 STR_ARGS(str_take(pair->key.text, 60)),
                 kind == YAML_MAP ? "a map of keys" : "a list");
    return err_in_file(err, t->file);
}

static const struct yaml_pair *pair_of(const struct yaml *map, const char *key)
{
    for (size_t i = 0; map->kind == YAML_MAP && i < map->n; i++)
        if (str_eq(map->pairs[i].key.text, str_c(key)))
            return &map->pairs[i];
    return NULL;
}

/* How far the keys below this one are indented. */
static size_t map_indent(const struct yaml_pair *pair)
{
    for (size_t i = 0; pair->value.kind == YAML_MAP && i < pair->value.n; i++)
        if (pair->value.pairs[i].key.at.line > pair->key.at.line)
            return pair->value.pairs[i].key.at.column - 1;
    return pair->key.at.column + 1;
}

static size_t list_indent(const struct target *t, const struct yaml_pair *pair)
{
    size_t from = end_of_line(t->text, pair->key.at.line);
    struct str rest = str_skip(t->text, from);

    while (pair->value.kind == YAML_LIST && rest.p) {
        struct str line = str_split(&rest, '\n');

        if (is_item(line))
            return indent_of(line);
    }
    return pair->key.at.column - 1;
}

static void insert(const struct target *t, size_t at, struct str piece, struct buf *out)
{
    buf_add(out, str_take(t->text, at));
    buf_add(out, piece);
    buf_add(out, str_skip(t->text, at));
}

/* Is `end` that of a last line without a newline? */
static bool has_no_end(struct str text, size_t end)
{
    return end > 0 && end == text.n && text.p[end - 1] != '\n';
}

/* Behind the last line. */
static void append(const struct target *t, const struct edit_addition *a, struct buf *out)
{
    bool no_end = has_no_end(t->text, t->text.n);

    buf_add(out, t->text);
    if (no_end)
        buf_addc(out, '\n');
    add_key(a->section, 0, no_end ? MARK_NO_END : "", out);
    if (a->key && !a->is_map)
        add_key(a->key, 2, "", out);
    add_block(a, a->key ? 2 : 0, out);
}

/* Where the items of a list in brackets begin. */
static bool find_bracket(const struct target *t, const struct yaml_pair *pair, size_t *behind)
{
    const struct span *at = &pair->value.at;
    size_t bracket;

    if (pair->value.kind != YAML_LIST || at->line == 0)
        return false;
    bracket = end_of_line(t->text, at->line - 1) + at->column - 1;
    *behind = bracket + 1;
    return bracket < t->text.n && t->text.p[bracket] == '[';
}

/* Has it nothing below one of its keys? */
static bool is_flat(struct str text)
{
    while (text.p) {
        struct str line = str_split(&text, '\n');

        if (!line.n || line.p[0] == ' ' || is_item(line) || line.p[line.n - 1] == ':')
            return false;
    }
    return true;
}

/* Before the items that are there. The line is cut behind its bracket, and what followed there goes
 * on in a line of its own, until all is taken back. */
static void add_in_brackets(const struct target *t, uint32_t number, size_t behind,
                            const struct edit_addition *a, struct buf *out)
{
    SCOPED(buf_fini) struct buf piece;
    size_t begin = end_of_line(t->text, number - 1), end = end_of_line(t->text, number);
    size_t indent = indent_of(str_skip(t->text, begin)) + OPEN_STEP;
    bool is_cut = str_eq((struct str){t->text.p + behind, end - behind}, STR(MARK_OPEN "\n"));

    buf_init(&piece, 0);
    if (!is_cut)
        buf_adds(&piece, MARK_OPEN "\n");
    add_bracketed(a, indent, &piece);
    if (!is_cut)
        add_blanks(&piece, indent);
    insert(t, is_cut ? end : behind, buf_str(&piece), out);
}

/* A last line without an end holds more than a key: check_open has refused it by then, but for a
 * key alone. */
static int check_end(const struct target *t, const struct yaml_pair *key, struct err *err)
{
    if (!has_no_end(t->text, end_of_line(t->text, key->key.at.line)))
        return 0;
    (void)err_at(err, ERR_TYPE, key->key.at, "the last line has no newline at its end");
    return err_in_file(err, t->file);
}

static int add_below(const struct target *t, const struct yaml_pair *pair,
                     const struct edit_addition *a, struct buf *out, struct err *err)
{
    SCOPED(buf_fini) struct buf piece;
    const struct yaml_pair *below = a->key ? pair_of(&pair->value, a->key) : pair;
    size_t at;

    buf_init(&piece, 0);
    if (a->key && (check_open(t, &pair->key, err) < 0 || check_kind(t, pair, YAML_MAP, err) < 0))
        return -1;
    if (below && !a->is_map && is_flat(str_c(a->text)) && find_bracket(t, below, &at)) {
        add_in_brackets(t, below->value.at.line, at, a, out);
        return 0;
    }
    if (below && (check_open(t, &below->key, err) < 0 ||
                  check_kind(t, below, a->is_map ? YAML_MAP : YAML_LIST, err) < 0))
        return -1;
    if (check_end(t, below ? below : pair, err) < 0)
        return -1;
    if (below) {
        add_block(a, list_indent(t, below), &piece);
        at = end_of_line(t->text, below->key.at.line);
    } else {
        size_t indent = map_indent(pair);

        if (!a->is_map)
            add_key(a->key, indent, "", &piece);
        add_block(a, indent, &piece);
        at = end_of_line(t->text, pair->key.at.line);
    }
    insert(t, at, buf_str(&piece), out);
    return 0;
}

/* ---- in an entry of `hosts` ---- */

static int fail_at(const struct target *t, const struct yaml *at, const char *name, struct err *err)
{
    (void)err_at(err, ERR_TYPE, at->at,
                 "the entry \"%.100s\" of hosts is written on one line, so nothing can be added "
                 "without changing it: write its keys on lines of their own, then run earshot up "
                 "again",
                 name);
    return err_in_file(err, t->file);
}

/* Its key `ssh` with a line of its own, behind which another key can stand. */
static const struct yaml_pair *anchor_of(const struct target *t, const struct yaml *entry)
{
    const struct yaml_pair *pair = pair_of(entry, "ssh");
    struct str line, before, behind;

    if (!pair)
        return NULL;
    line = line_at(t->text, pair->key.at.line);
    before = trim_left(str_take(line, pair->key.at.column - 1));
    behind = str_skip(line, pair->key.at.column - 1);
    if (before.n && !(before.p[0] == '-' && trim_left(str_skip(before, 1)).n == 0))
        return NULL;
    if (!str_starts(behind, STR("ssh:")) || pair->value.at.line != pair->key.at.line ||
        !memmem(behind.p, behind.n, pair->value.text.p, pair->value.text.n))
        return NULL;
    return pair;
}

static const struct yaml *find_entry(const struct yaml *root, const char *name)
{
    const struct yaml *hosts = yaml_get(root, "hosts");

    for (size_t i = 0; hosts && hosts->kind == YAML_LIST && i < hosts->n; i++)
        if (hosts->items[i].kind == YAML_MAP && hosts_is_called(&hosts->items[i], name))
            return &hosts->items[i];
    return NULL;
}

static int add_to_host(const struct target *t, const struct yaml *root,
                       const struct edit_addition *a, struct buf *out, struct err *err)
{
    const struct yaml *entry = find_entry(root, a->host);
    const struct yaml_pair *pair, *anchor;
    SCOPED(buf_fini) struct buf piece;
    size_t indent, end;
    bool no_end;

    buf_init(&piece, 0);
    if (!entry) {
        (void)err_set(err, ERR_TYPE, "no entry of hosts is called \"%.100s\" any more", a->host);
        return err_in_file(err, t->file);
    }
    anchor = anchor_of(t, entry);
    if (!anchor)
        return fail_at(t, entry, a->host, err);
    pair = pair_of(entry, a->section);
    if (pair)
        return add_below(t, pair, a, out, err);
    indent = anchor->key.at.column - 1;
    end = end_of_line(t->text, anchor->key.at.line);
    no_end = has_no_end(t->text, end);
    if (no_end)
        buf_addc(&piece, '\n');
    add_key(a->section, indent, no_end ? MARK_NO_END : "", &piece);
    if (a->key && !a->is_map)
        add_key(a->key, indent + 2, "", &piece);
    add_block(a, indent + (a->key ? 2 : 0), &piece);
    insert(t, end, buf_str(&piece), out);
    return 0;
}

static int add_one(struct arena *a, const struct target *t, const struct edit_addition *addition,
                   struct buf *out, struct err *err)
{
    const struct yaml *root;
    const struct yaml_pair *pair;

    if (yaml_parse(a, t->file, t->text, &root, err) < 0)
        return -1;
    if (root->kind != YAML_MAP && root->kind != YAML_NULL) {
        (void)err_at(err, ERR_TYPE, root->at, "expected a map of keys");
        return err_in_file(err, t->file);
    }
    if (addition->host)
        return add_to_host(t, root, addition, out, err);
    pair = pair_of(root, addition->section);
    if (!pair) {
        append(t, addition, out);
        return 0;
    }
    return add_below(t, pair, addition, out, err);
}

/* What was added is no use when it does not read as what it should be: a value that begins on a
 * later line (an anchor, a tag) took it for its own. */
static int check_result(struct arena *a, const char *file, struct str text, struct err *err)
{
    const struct yaml *root;

    if (yaml_parse(a, file, text, &root, err) == 0)
        return 0;
    return err_context(err, "nothing can be added to it as it is written");
}

static int add_and_check(const char *file, struct str text, const struct edit_addition *addition,
                         struct buf *out, struct err *err)
{
    struct target t = {file, text};
    struct budget budget;
    struct arena a;
    int result;

    budget_init(&budget, "the memory for earshot.yml", MEMORY_MAX, NULL);
    arena_init(&a, &budget);
    result = add_one(&a, &t, addition, out, err);
    if (result == 0)
        result = check_result(&a, file, buf_str(out), err);
    arena_fini(&a);
    return result;
}

int edit_add(const char *file, struct str text, const struct edit_addition additions[], size_t n,
             struct buf *out, struct err *err)
{
    struct buf from, to;
    int result = 0;

    buf_init(&from, 0);
    buf_add(&from, text);
    /* Each goes to the top of its list, so the last comes first. */
    for (size_t i = n; i-- > 0 && result == 0;) {
        buf_init(&to, 0);
        result = add_and_check(file, buf_str(&from), &additions[i], &to, err);
        if (result < 0) { /* the place in the person's text, without what others have added */
            buf_reset(&to);
            (void)add_and_check(file, text, &additions[i], &to, err);
        }
        buf_fini(&from);
        from = to;
    }
    buf_add(out, buf_str(&from));
    buf_fini(&from);
    return result;
}

/* ---- taking back ---- */

struct line {
    struct str text; /* without its newline */
    bool ended;      /* it has one */
    bool gone;
    size_t joins; /* the next one that stays goes on in this one, without so many blanks; 0: not */
};

struct lines {
    struct line *items; /* owned; [n] */
    size_t n, cap;
};

static void split_lines(struct str text, struct lines *out)
{
    while (text.n > 0) {
        const char *newline = memchr(text.p, '\n', text.n);
        size_t n = newline ? (size_t)(newline - text.p) : text.n;

        out->items = mem_grow(out->items, &out->cap, out->n + 1, sizeof *out->items);
        out->items[out->n++] = (struct line){{text.p, n}, newline != NULL, false, 0};
        text = str_skip(text, n + (newline != NULL));
    }
}

/* Of "# earshot up 5c1f09ab: why": the checksum and the comment. */
static bool read_mark(struct str line, uint32_t *sum, struct str *comment)
{
    uint32_t value = 0;

    line = trim_left(line);
    if (!str_starts(line, STR(MARK " ")))
        return false;
    line = str_skip(line, sizeof MARK);
    if (line.n < DIGITS + 2 || line.p[DIGITS] != ':' || line.p[DIGITS + 1] != ' ')
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        const char *digits = "0123456789abcdef", *d = memchr(digits, line.p[i], 16);

        if (!d)
            return false;
        value = value << 4 | (uint32_t)(d - digits);
    }
    *sum = value;
    *comment = str_skip(line, DIGITS + 2);
    return true;
}

/* How many lines below the mark at `at` belong to it; 0: they are no longer as they were. */
static size_t block_of(const struct lines *l, size_t at, uint32_t sum, struct str comment)
{
    uint32_t crc = crc32c(0, comment.p, comment.n);

    for (size_t n = 1; n <= BLOCK_MAX && at + n < l->n; n++) {
        const struct line *line = &l->items[at + n];

        crc = crc32c(crc, line->text.p, line->text.n);
        if (!line->ended)
            break;
        crc = crc32c(crc, "\n", 1);
        if (crc == sum)
            return n;
    }
    return 0;
}

static bool is_key_of_ours(struct str line)
{
    const char *mark = memmem(line.p, line.n, ": " MARK, strlen(": " MARK));
    struct str behind;

    if (!mark || trim_left(line).p[0] == '#')
        return false;
    behind = str_skip(line, (size_t)(mark - line.p) + strlen(": " MARK));
    return behind.n == 0 || str_eq(behind, STR(MARK_NO_END));
}

/* Nothing is left below the key at `at`. */
static bool is_bare(const struct lines *l, size_t at)
{
    size_t indent = indent_of(l->items[at].text);

    for (size_t i = at + 1; i < l->n; i++) {
        struct str line = l->items[i].text;

        if (l->items[i].gone || str_trim(line).n == 0 || trim_left(line).p[0] == '#')
            continue;
        return indent_of(line) < indent || (indent_of(line) == indent && !is_item(line));
    }
    return true;
}

static void take_blocks(struct lines *l, struct edit_undone *undone, struct buf *told)
{
    for (size_t i = 0; i < l->n; i++) {
        struct str comment;
        uint32_t sum;
        size_t n;

        if (!read_mark(l->items[i].text, &sum, &comment))
            continue;
        n = block_of(l, i, sum, comment);
        if (n == 0) {
            undone->changed++;
            continue;
        }
        for (size_t k = i; k <= i + n; k++)
            l->items[k].gone = true;
        if (told) {
            buf_add(told, comment);
            buf_addc(told, '\n');
        }
        undone->taken++;
        i += n;
    }
}

/* From the last to the first, so that a key goes before the one that it is below. */
static void take_keys(struct lines *l)
{
    for (size_t i = l->n; i-- > 0;)
        if (!l->items[i].gone && is_key_of_ours(l->items[i].text) && is_bare(l, i))
            l->items[i].gone = true;
}

/* Lines that were cut behind a bracket, when nothing of ours is left there. */
static void join_lines(struct lines *l)
{
    for (size_t i = 0; i < l->n; i++) {
        size_t next = i + 1, blanks = indent_of(l->items[i].text) + OPEN_STEP;
        struct str comment;
        uint32_t sum;

        if (l->items[i].gone || !str_ends(l->items[i].text, STR("[" MARK_OPEN)))
            continue;
        while (next < l->n && l->items[next].gone)
            next++;
        if (next < l->n && !read_mark(l->items[next].text, &sum, &comment) &&
            indent_of(l->items[next].text) >= blanks)
            l->items[i].joins = blanks;
    }
}

void edit_take_back(struct str text, struct buf *out, struct edit_undone *undone, struct buf *told)
{
    struct lines l = {.n = 0};
    size_t last = SIZE_MAX, blanks = 0;
    bool had_no_end = false;

    *undone = (struct edit_undone){.taken = 0};
    split_lines(text, &l);
    take_blocks(&l, undone, told);
    if (undone->taken > 0) {
        take_keys(&l);
        join_lines(&l);
    }
    for (size_t i = 0; i < l.n; i++) {
        if (l.items[i].gone) {
            had_no_end |= str_ends(l.items[i].text, STR(MARK_NO_END));
            continue;
        }
        had_no_end = false; /* something follows: the newline parts them */
        last = i;
    }
    for (size_t i = 0; i < l.n; i++) {
        const struct line *line = &l.items[i];

        if (line->gone)
            continue;
        buf_add(out, str_take(str_skip(line->text, blanks),
                              line->text.n - blanks - (line->joins ? strlen(MARK_OPEN) : 0)));
        if (line->ended && !line->joins && !(i == last && had_no_end))
            buf_addc(out, '\n');
        blanks = line->joins;
    }
    undone->was_ours = undone->taken > 0 && str_eq(buf_str(out), str_c(edit_head));
    mem_free(l.items);
}
