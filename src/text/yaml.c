#include "text/yaml.h"

#include <yaml.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"

#define DEPTH_MAX         64
#define ANCHORS_MAX       1000
#define ALIASED_NODES_MAX 100000
#define BYTES_MAX         (16u << 20)

/* What a node stands for, with all below it; aliases counted as if written out. */
struct weight {
    size_t nodes, bytes;
};

struct anchor {
    struct str name;
    struct yaml node;
    struct weight weight;
    bool open; /* its node is not finished: an alias to it would be a cycle */
};

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    const char *file;
    struct str text;
    struct anchor *anchors;
    size_t anchors_n, anchors_cap;
    struct weight seen, aliased;
    struct err *err;
};

struct yaml_pairs {
    struct yaml_pair *items;
    size_t n, cap;
};

static struct span span_of(yaml_mark_t start, yaml_mark_t end)
{
    struct span at = {(uint32_t)start.line + 1, (uint32_t)start.column + 1, 0};

    if (end.line == start.line && end.column > start.column)
        at.length = (uint32_t)(end.column - start.column);
    return at;
}

static int fail_at(struct reader *r, struct span at, enum err_kind kind, const char *text)
{
    (void)err_at(r->err, kind, at, "%s", text);
    return err_in_file(r->err, r->file);
}

/* --- what libyaml refuses ----------------------------------------------------------------------
 */

/* Line and column of byte `offset`. */
static struct span span_of_offset(struct str text, size_t offset)
{
    struct span at = {1, 1, 1};

    for (size_t i = 0; i < offset && i < text.n; i++) {
        if (text.p[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

/* The byte at a 1-based line and column of characters; NUL when there is none. */
static char byte_at(struct str text, struct span at)
{
    struct str line = {NULL, 0};
    size_t column = 0;

    for (uint32_t i = 0; i < at.line && text.p; i++)
        line = str_split(&text, '\n');
    for (size_t i = 0; i < line.n; i++) {
        column += ((unsigned char)line.p[i] & 0xc0) != 0x80;
        if (column == at.column)
            return line.p[i];
    }
    return '\0';
}

static int libyaml_failed(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "cannot be read";
    struct span at = span_of(p->problem_mark, p->problem_mark);

    if (p->error == YAML_MEMORY_ERROR)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    if (p->error == YAML_READER_ERROR) {
        at = span_of_offset(r->text, p->problem_offset);
        (void)err_at(r->err, ERR_SYNTAX, at, "%s (the file must be UTF-8 text)", problem);
        return err_in_file(r->err, r->file);
    }
    at.length = 1;
    if (byte_at(r->text, at) == '\t')
        return fail_at(r, at, ERR_SYNTAX, "a tab cannot indent in YAML: use blanks");
    if (p->context && p->context_mark.line != p->problem_mark.line)
        (void)err_at(r->err, ERR_SYNTAX, at, "%s %s that begins in line %zu", problem, p->context,
                     p->context_mark.line + 1);
    else if (p->context)
        (void)err_at(r->err, ERR_SYNTAX, at, "%s %s", problem, p->context);
    else
        (void)err_at(r->err, ERR_SYNTAX, at, "%s", problem);
    return err_in_file(r->err, r->file);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : libyaml_failed(r);
}

/* --- anchors and aliases -----------------------------------------------------------------------
 */

/* Remembers where the anchor's node begins; *index is ANCHORS_MAX when there is no anchor. */
static int anchor_begin(struct reader *r, const yaml_char_t *name, struct span at, size_t *index)
{
    struct anchor *a;

    *index = ANCHORS_MAX;
    if (!name)
        return 0;
    if (r->anchors_n == ANCHORS_MAX)
        return fail_at(r, at, ERR_LIMIT, "more than 1000 anchors");
    if (arena_grow(r->arena, (void **)&r->anchors, &r->anchors_cap, r->anchors_n + 1,
                   sizeof *r->anchors, r->err) < 0)
        return -1;
    a = &r->anchors[r->anchors_n];
    *a = (struct anchor){.open = true, .weight = r->seen};
    a->name = arena_str(r->arena, str_c((const char *)name), r->err);
    if (!a->name.p)
        return -1;
    *index = r->anchors_n++;
    return 0;
}

static void anchor_end(struct reader *r, size_t index, const struct yaml *node)
{
    struct anchor *a;

    if (index == ANCHORS_MAX)
        return;
    a = &r->anchors[index];
    a->node = *node;
    a->open = false;
    a->weight.nodes = r->seen.nodes - a->weight.nodes;
    a->weight.bytes = r->seen.bytes - a->weight.bytes;
}

static int take_alias(struct reader *r, const yaml_event_t *event, struct span at, struct yaml *out)
{
    struct str name = str_c((const char *)event->data.alias.anchor);

    for (size_t i = r->anchors_n; i-- > 0;) {
        const struct anchor *a = &r->anchors[i];

        if (!str_eq(a->name, name))
            continue;
        if (a->open)
            return fail_at(r, at, ERR_SYNTAX, "an alias inside of what it stands for");
        r->seen.nodes += a->weight.nodes;
        r->seen.bytes += a->weight.bytes;
        r->aliased.nodes += a->weight.nodes;
        r->aliased.bytes += a->weight.bytes;
        if (r->aliased.nodes > ALIASED_NODES_MAX || r->aliased.bytes > BYTES_MAX)
            return fail_at(
                r, at, ERR_LIMIT,
                "aliases stand for more than 100000 nodes or 16 MiB: write less of them");
        *out = a->node;
        out->at = at; /* a mistake is shown where the value is used */
        return 0;
    }
    (void)err_at(r->err, ERR_SYNTAX, at, "alias *%.*s: there is no anchor &%.*s above it",
                 STR_ARGS(str_take(name, 60)), STR_ARGS(str_take(name, 60)));
    return err_in_file(r->err, r->file);
}

/* --- nodes -------------------------------------------------------------------------------------
 */

static int check_tag(struct reader *r, const yaml_char_t *tag, struct span at)
{
    static const char *const known[] = {"str",  "int", "float", "bool",
                                        "null", "map", "seq",   "timestamp"};
    struct str text = str_c((const char *)tag), prefix = STR("tag:yaml.org,2002:");

    if (!tag || str_eq(text, STR("!")))
        return 0;
    for (size_t i = 0; str_starts(text, prefix) && i < ARRAY_LEN(known); i++) {
        if (str_eq(str_skip(text, prefix.n), str_c(known[i])))
            return 0;
    }
    (void)err_at(r->err, ERR_SYNTAX, at, "tag %.*s is not read here: write the value as plain text",
                 STR_ARGS(str_take(text, 100)));
    return err_in_file(r->err, r->file);
}

static bool is_null_word(struct str s)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(s, str_c(words[i])))
            return true;
    }
    return false;
}

static int take_scalar(struct reader *r, const yaml_event_t *event, struct yaml *out)
{
    const char *tag = (const char *)event->data.scalar.tag;
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};

    if (check_tag(r, event->data.scalar.tag, out->at) < 0)
        return -1;
    out->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                  (tag && strcmp(tag, YAML_STR_TAG) == 0);
    out->kind = !out->quoted && is_null_word(text) ? YAML_NULL : YAML_SCALAR;
    out->text = arena_str(r->arena, text, r->err);
    r->seen.bytes += text.n;
    return out->text.p ? 0 : -1;
}

static int take_node(struct reader *r, const yaml_event_t *event, unsigned depth, struct yaml *out);

static int take_list(struct reader *r, unsigned depth, struct yaml *out)
{
    size_t cap = 0;

    out->kind = YAML_LIST;
    for (;;) {
        SCOPED(yaml_event_delete) yaml_event_t event;
        struct yaml item = {0};

        if (next_event(r, &event) < 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (take_node(r, &event, depth, &item) < 0 ||
            arena_grow(r->arena, (void **)&out->items, &cap, out->n + 1, sizeof item, r->err) < 0)
            return -1;
        out->items[out->n++] = item;
    }
}

static bool pair_has_key(const void *item, const void *key)
{
    return str_eq(((const struct yaml_pair *)item)->key.text, *(const struct str *)key);
}

static int duplicate_key(struct reader *r, const struct yaml *key, const struct yaml_pair *first)
{
    (void)err_at(r->err, ERR_SYNTAX, key->at, "key \"%.*s\" is given twice, first in line %u",
                 STR_ARGS(str_take(key->text, 100)), first->key.at.line);
    return err_in_file(r->err, r->file);
}

static bool is_merge(const struct yaml_pair *pair)
{
    return !pair->key.quoted && str_eq(pair->key.text, STR("<<"));
}

static int push_pair(struct reader *r, struct yaml_pairs *pairs, const struct yaml_pair *pair)
{
    if (arena_grow(r->arena, (void **)&pairs->items, &pairs->cap, pairs->n + 1, sizeof *pair,
                   r->err) < 0)
        return -1;
    pairs->items[pairs->n++] = *pair;
    return 0;
}

/* The pairs of `from` whose keys are not in yet; for a list of maps, the first one wins. */
static int merge_from(struct reader *r, const struct yaml *from, struct map *by_key,
                      struct yaml_pairs *out)
{
    if (from->kind == YAML_LIST) {
        for (size_t i = 0; i < from->n; i++) {
            if (from->items[i].kind != YAML_MAP)
                return fail_at(r, from->at, ERR_SYNTAX, "<< wants a map or a list of maps");
            if (merge_from(r, &from->items[i], by_key, out) < 0)
                return -1;
        }
        return 0;
    }
    if (from->kind != YAML_MAP)
        return fail_at(r, from->at, ERR_SYNTAX, "<< wants a map or a list of maps");
    for (size_t i = 0; i < from->n; i++) {
        struct yaml_pair *pair = &from->pairs[i];
        uint64_t hash = hash_str(pair->key.text);

        if (map_get(by_key, hash, &pair->key.text, pair_has_key))
            continue;
        if (push_pair(r, out, pair) < 0)
            return -1;
        map_put(by_key, hash, pair);
    }
    return 0;
}

/* Refuses duplicate keys and follows merge keys. */
static int finish_map(struct reader *r, const struct yaml_pairs *pairs, struct map *by_key,
                      struct yaml *out)
{
    struct yaml_pairs own = {0};
    size_t merges = 0;

    for (size_t i = 0; i < pairs->n; i++) {
        struct yaml_pair *pair = &pairs->items[i];
        uint64_t hash = hash_str(pair->key.text);
        struct yaml_pair *first;

        if (is_merge(pair)) {
            merges++;
            continue;
        }
        first = map_get(by_key, hash, &pair->key.text, pair_has_key);
        if (first)
            return duplicate_key(r, &pair->key, first);
        map_put(by_key, hash, pair);
    }
    out->pairs = pairs->items;
    out->n = pairs->n;
    if (merges == 0)
        return 0;
    for (size_t i = 0; i < pairs->n; i++) {
        if (!is_merge(&pairs->items[i]) && push_pair(r, &own, &pairs->items[i]) < 0)
            return -1;
    }
    for (size_t i = 0; i < pairs->n; i++) {
        if (is_merge(&pairs->items[i]) && merge_from(r, &pairs->items[i].value, by_key, &own) < 0)
            return -1;
    }
    out->pairs = own.items;
    out->n = own.n;
    return 0;
}

static int take_pair(struct reader *r, const yaml_event_t *key_event, unsigned depth,
                     struct yaml_pair *out)
{
    SCOPED(yaml_event_delete) yaml_event_t event = {0};

    if (take_node(r, key_event, depth, &out->key) < 0)
        return -1;
    if (out->key.kind == YAML_LIST || out->key.kind == YAML_MAP)
        return fail_at(r, out->key.at, ERR_SYNTAX, "a key must be a word, not a list or a map");
    if (out->key.text.n == 0)
        return fail_at(r, out->key.at, ERR_SYNTAX, "a key must not be empty");
    out->key.kind = YAML_SCALAR; /* `null: x` has the key "null" */
    if (next_event(r, &event) < 0)
        return -1;
    return take_node(r, &event, depth, &out->value);
}

static int take_map(struct reader *r, unsigned depth, struct yaml *out)
{
    SCOPED(map_fini) struct map by_key;
    struct yaml_pairs pairs = {0};

    out->kind = YAML_MAP;
    map_init(&by_key);
    for (;;) {
        SCOPED(yaml_event_delete) yaml_event_t event;
        struct yaml_pair pair = {0};

        if (next_event(r, &event) < 0)
            return -1;
        if (event.type == YAML_MAPPING_END_EVENT)
            return finish_map(r, &pairs, &by_key, out);
        if (take_pair(r, &event, depth, &pair) < 0 || push_pair(r, &pairs, &pair) < 0)
            return -1;
    }
}

static int take_node(struct reader *r, const yaml_event_t *event, unsigned depth, struct yaml *out)
{
    struct span at = span_of(event->start_mark, event->end_mark);
    struct yaml node = {.at = at, .file = r->file};
    size_t anchor;
    int result;

    if (depth > DEPTH_MAX)
        return fail_at(r, at, ERR_LIMIT, "nested deeper than 64 levels");
    r->seen.nodes++;
    if (event->type == YAML_ALIAS_EVENT)
        return take_alias(r, event, at, out);
    if (event->type == YAML_SCALAR_EVENT) {
        if (anchor_begin(r, event->data.scalar.anchor, at, &anchor) < 0)
            return -1;
        result = take_scalar(r, event, &node);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        if (anchor_begin(r, event->data.sequence_start.anchor, at, &anchor) < 0 ||
            check_tag(r, event->data.sequence_start.tag, at) < 0)
            return -1;
        result = take_list(r, depth + 1, &node);
    } else {
        if (anchor_begin(r, event->data.mapping_start.anchor, at, &anchor) < 0 ||
            check_tag(r, event->data.mapping_start.tag, at) < 0)
            return -1;
        result = take_map(r, depth + 1, &node);
    }
    if (result < 0)
        return -1;
    anchor_end(r, anchor, &node);
    *out = node;
    return 0;
}

/* --- the document ------------------------------------------------------------------------------
 */

static int take_document(struct reader *r, struct yaml *out)
{
    bool have = false;

    for (;;) {
        SCOPED(yaml_event_delete) yaml_event_t event;

        if (next_event(r, &event) < 0)
            return -1;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            return 0;
        case YAML_DOCUMENT_START_EVENT:
            if (have)
                return fail_at(r, span_of(event.start_mark, event.end_mark), ERR_SYNTAX,
                               "a second document (---) in one file: only one is read");
            have = true;
            break;
        default:
            if (take_node(r, &event, 0, out) < 0)
                return -1;
        }
    }
}

static int check_text(struct reader *r)
{
    const char *nul = r->text.n ? memchr(r->text.p, '\0', r->text.n) : NULL;

    if (r->text.n > BYTES_MAX)
        return fail_at(r, (struct span){0}, ERR_LIMIT, "larger than 16 MiB");
    if (nul)
        return fail_at(r, span_of_offset(r->text, (size_t)(nul - r->text.p)), ERR_SYNTAX,
                       "a NUL byte: this is not a text file");
    return 0;
}

int yaml_parse(struct arena *a, const char *file, struct str text, const struct yaml **out,
               struct err *err)
{
    struct reader r = {.arena = a, .file = file, .text = text, .err = err};
    struct yaml *root;
    int result;

    if (check_text(&r) < 0)
        return -1;
    root = arena_new(a, struct yaml, err);
    if (!root)
        return -1;
    root->file = file;
    root->at = (struct span){1, 1, 0};
    if (!yaml_parser_initialize(&r.parser))
        return err_set(err, ERR_NOMEM, "out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
    result = take_document(&r, root);
    yaml_parser_delete(&r.parser);
    if (result < 0)
        return -1;
    *out = root;
    return 0;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        if (str_eq(map->pairs[i].key.text, str_c(key)))
            return &map->pairs[i].value;
    }
    return NULL;
}
