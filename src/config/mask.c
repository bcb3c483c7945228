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
    return str_eq(key, STR("key")) || str_ends(key, STR("_key"));
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

/* A password in a URL: http://user:password@host. */
static void print_text(const struct yaml *node, struct buf *out)
{
    struct str text = node->text;
    const char *scheme = text.n ? memmem(text.p, text.n, "://", 3) : NULL;
    const char *end = text.p + text.n;
    const char *host_end, *at, *colon;

    if (!node->quoted && is_plain(text)) {
        buf_add(out, text);
        return;
    }
    if (scheme) {
        scheme += 3;
        host_end = memchr(scheme, '/', (size_t)(end - scheme));
        at = memrchr(scheme, '@', (size_t)((host_end ? host_end : end) - scheme));
        colon = at ? memchr(scheme, ':', (size_t)(at - scheme)) : NULL;
        if (colon) {
            buf_addc(out, '"');
            json_escape(out, (struct str){text.p, (size_t)(colon + 1 - text.p)});
            buf_adds(out, MASKED);
            json_escape(out, (struct str){at, (size_t)(end - at)});
            buf_addc(out, '"');
            return;
        }
    }
    print_quoted(text, out);
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
