/* The configuration as it may be shown: written anew from the tree, as Prometheus does, since
 * cutting a secret out of text that may be folded or escaped is easily done wrong. */
#include "config/internal.h"
#include "text/json.h"

#define MASKED "<secret>"

static bool contains(struct str s, const char *word)
{
    return s.n && memmem(s.p, s.n, word, strlen(word));
}

/* By its name: password, bearer_token, client_secret, ..., but not what only points at one. */
static bool is_secret(struct str key)
{
    static const char *const parts[] = {"password", "passphrase", "secret", "token", "credentials"};
    static const char *const pointers[] = {"_file", "_url", "_id", "_ref", "_configs"};

    for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
        if (str_ends(key, str_c(pointers[i])))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (contains(key, parts[i]))
            return true;
    }
    /* `headers` of an entry under `collect` may hold any. */
    return str_eq(key, STR("key")) || str_eq(key, STR("login")) ||
           str_eq(key, STR("flower_auth")) || str_eq(key, STR("headers")) ||
           str_ends(key, STR("_key")) || str_eq(key, STR("proxy_connect_header"));
}

static void print_quoted(struct str text, struct buf *out)
{
    buf_addc(out, '"');
    json_escape(out, text); /* JSON's escapes are YAML's */
    buf_addc(out, '"');
}

/* Only what no reader of YAML could take for anything else goes without quotes. */
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '/' || (i > 0 && (c == '-' || c == '.'))))
            return false;
    }
    return text.n > 0;
}

/* Where the password of http://user:password@host is; n 0: there is none. */
static struct str find_password(struct str text)
{
    const char *start = text.n ? memmem(text.p, text.n, "://", 3) : NULL;
    const char *end = text.p + text.n, *host_end, *at, *colon;

    if (!start)
        return (struct str){NULL, 0};
    start += 3;
    host_end = memchr(start, '/', (size_t)(end - start));
    at = memrchr(start, '@', (size_t)((host_end ? host_end : end) - start));
    colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
    return colon ? (struct str){colon + 1, (size_t)(at - colon - 1)} : (struct str){NULL, 0};
}

static void print_text(const struct yaml *node, struct buf *out)
{
    struct str text = node->text, password = find_password(text);

    if (!node->quoted && is_plain(text)) {
        buf_add(out, text);
        return;
    }
    if (password.n == 0) {
        print_quoted(text, out);
        return;
    }
    buf_addc(out, '"');
    json_escape(out, (struct str){text.p, (size_t)(password.p - text.p)});
    buf_adds(out, MASKED);
    json_escape(out, str_skip(text, (size_t)(password.p - text.p) + password.n));
    buf_addc(out, '"');
}

const char *mask_url(struct arena *a, struct str url, struct err *err)
{
    struct str password = find_password(url);
    size_t before;

    if (password.n == 0)
        return arena_cstr(a, url, err);
    before = (size_t)(password.p - url.p);
    return arena_printf(a, err, "%.*s" MASKED "%.*s", STR_ARGS(str_take(url, before)),
                        STR_ARGS(str_skip(url, before + password.n)));
}

static void indent(struct buf *out, unsigned depth)
{
    buf_addc(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_adds(out, "  ");
}

static void print_node(const struct yaml *node, unsigned depth, bool secret, struct buf *out)
{
    switch (node->kind) {
    case YAML_NULL:
        buf_adds(out, " null");
        return;
    case YAML_SCALAR:
        buf_addc(out, ' ');
        if (secret)
            buf_adds(out, MASKED);
        else
            print_text(node, out);
        return;
    case YAML_LIST:
        if (node->n == 0)
            buf_adds(out, " []");
        for (size_t i = 0; i < node->n; i++) {
            indent(out, depth);
            buf_addc(out, '-');
            print_node(&node->items[i], depth + 1, secret, out);
        }
        return;
    case YAML_MAP:
        if (node->n == 0)
            buf_adds(out, " {}");
        for (size_t i = 0; i < node->n; i++) {
            const struct yaml *key = &node->pairs[i].key;

            indent(out, depth);
            if (is_plain(key->text))
                buf_add(out, key->text);
            else
                print_quoted(key->text, out);
            buf_addc(out, ':');
            print_node(&node->pairs[i].value, depth + 1, secret || is_secret(key->text), out);
        }
        return;
    }
}

const char *mask_print(struct arena *a, const struct yaml *root, struct err *err)
{
    SCOPED(buf_fini) struct buf out;
    struct str text;

    buf_init(&out, 64u << 20);
    if (root->kind != YAML_NULL)
        print_node(root, 0, false, &out);
    buf_addc(&out, '\n');
    if (out.overflowed) {
        (void)err_set(err, ERR_LIMIT, "the configuration is too large to be shown");
        return NULL;
    }
    text = buf_str(&out);
    if (text.n > 1 && text.p[0] == '\n')
        text = str_skip(text, 1);
    return arena_cstr(a, text, err);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Some key: of the line is that of a secret. */
static bool has_secret_key(struct str line)
{
    for (size_t i = 0; i < line.n; i++) {
        size_t end = i, colon;

        while (end < line.n && is_word_char(line.p[end]))
            end++;
        if (end == i)
            continue;
        colon = end;
        while (colon < line.n && memchr("\"' ", line.p[colon], 3))
            colon++;
        if (colon < line.n && line.p[colon] == ':' && is_secret((struct str){line.p + i, end - i}))
            return true;
        i = end - 1;
    }
    return false;
}

bool mask_may_be_shown(struct str line)
{
    const char *scheme = line.n ? memmem(line.p, line.n, "://", 3) : NULL;

    /* Also of a URL that cannot be read, since its password holds a '/'. */
    if (scheme && memchr(scheme, '@', (size_t)(line.p + line.n - scheme)))
        return false;
    return !has_secret_key(line);
}
