#include "http/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "http/client_settings.h"
#include "http/client_use.h"
#include "http/oauth2.h"
#include "http/place.h"
#include "http/proxy.h"

#define FILE_BYTES_MAX (4u << 20) /* a file of all certificates of a company */

struct client {
    atomic_uint refs;
    struct client_settings settings;
    struct client_oauth2 oauth2;
    struct oauth2_token token;
    void **owned; /* all that the settings point to */
    size_t owned_n, owned_cap;
};

/* ---- copies ---- */

static void *own(struct client *c, void *p)
{
    c->owned = mem_grow(c->owned, &c->owned_cap, c->owned_n + 1, sizeof(void *));
    c->owned[c->owned_n++] = p;
    return p;
}

static const char *text(struct client *c, const char *s)
{
    return s ? own(c, mem_strdup(s)) : NULL;
}

static struct client_secret secret(struct client *c, const struct client_secret *s)
{
    return (struct client_secret){text(c, s->text), text(c, s->file)};
}

static struct client_tls tls(struct client *c, const struct client_tls *t)
{
    struct client_tls copy = *t;

    copy.ca = secret(c, &t->ca);
    copy.cert = secret(c, &t->cert);
    copy.key = secret(c, &t->key);
    copy.server_name = text(c, t->server_name);
    return copy;
}

static const struct client_header *headers(struct client *c, const struct client_header *h,
                                           size_t n)
{
    struct client_header *copy;

    if (!n)
        return NULL;
    copy = own(c, mem_new_array(struct client_header, n));
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct client_header){text(c, h[i].name), secret(c, &h[i].value)};
    return copy;
}

static struct client_proxy proxy(struct client *c, const struct client_proxy *p)
{
    struct client_proxy copy = *p;

    copy.url = text(c, p->url);
    copy.no_proxy = text(c, p->no_proxy);
    copy.connect_headers = headers(c, p->connect_headers, p->connect_headers_n);
    return copy;
}

static void copy_oauth2(struct client *c, const struct client_oauth2 *o)
{
    struct client_param *params = own(c, mem_new_array(struct client_param, o->params_n + 1));

    c->oauth2 = *o;
    c->oauth2.client_id = text(c, o->client_id);
    c->oauth2.token_url = text(c, o->token_url);
    c->oauth2.client_secret = secret(c, &o->client_secret);
    c->oauth2.scopes = text(c, o->scopes);
    for (size_t i = 0; i < o->params_n; i++)
        params[i] = (struct client_param){text(c, o->params[i].name), text(c, o->params[i].value)};
    c->oauth2.params = params;
    c->oauth2.tls = tls(c, &o->tls);
    c->oauth2.proxy = proxy(c, &o->proxy);
    c->settings.oauth2 = &c->oauth2;
}

struct client *client_new(const struct client_settings *s)
{
    struct client *c = mem_new(struct client);

    atomic_init(&c->refs, 1);
    c->settings = *s;
    c->settings.username = secret(c, &s->username);
    c->settings.password = secret(c, &s->password);
    c->settings.login = secret(c, &s->login);
    c->settings.authorization_type = text(c, s->authorization_type);
    c->settings.authorization = secret(c, &s->authorization);
    c->settings.tls = tls(c, &s->tls);
    c->settings.proxy = proxy(c, &s->proxy);
    c->settings.headers = headers(c, s->headers, s->headers_n);
    if (s->oauth2)
        copy_oauth2(c, s->oauth2);
    return c;
}

struct client *client_ref(struct client *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void client_unref(struct client *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    oauth2_drop(&c->token);
    while (c->owned_n)
        mem_free(c->owned[--c->owned_n]);
    mem_free(c->owned);
    mem_free(c);
}

const struct client_settings *client_settings_of(const struct client *c)
{
    return &c->settings;
}

const char *client_auth_key(const struct client *c)
{
    if (!c)
        return NULL;
    if (c->settings.has_basic_auth)
        return "basic_auth";
    if (c->settings.authorization_type)
        return "authorization";
    return c->settings.oauth2 ? "oauth2" : NULL;
}

struct oauth2_token *client_token(struct client *c)
{
    return &c->token;
}

/* ---- secrets and files ---- */

void client_wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_fini(b);
    buf_init(b, 0);
}

/* A pipe or a device would make the net thread wait: regular files only. */
static int read_file(const char *path, const char *key, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    ssize_t got = 1;

    if (fd < 0)
        return err_os(err, errno, "%s: cannot open %.200s", key, path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
        (void)close(fd);
        return err_set(err, ERR_TYPE, "%s: %.200s is not a file of at most %u MB", key, path,
                       FILE_BYTES_MAX >> 20);
    }
    while (got > 0 && out->n <= FILE_BYTES_MAX) {
        char *room = buf_reserve(out, 4096);

        got = room ? read(fd, room, 4096) : 0;
        if (got > 0)
            out->n += (size_t)got;
    }
    (void)close(fd);
    if (got < 0)
        return err_os(err, errno, "%s: cannot read %.200s", key, path);
    return 0;
}

int client_read_secret(const struct client_secret *s, const char *key, struct buf *out, bool *set,
                       struct err *err)
{
    struct str trimmed;

    *set = s->text || s->file;
    if (s->text)
        buf_adds(out, s->text);
    if (!s->file || s->text)
        return 0;
    if (read_file(s->file, key, out, err) < 0)
        return err_context(err, "file of");
    trimmed = str_trim(buf_str(out));
    if (trimmed.n)
        memmove(out->p, trimmed.p, trimmed.n);
    out->n = trimmed.n;
    buf_addc(out, '\0'); /* so that it is text for curl; not counted */
    out->n--;
    return 0;
}

static bool is_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

/* As text for a header or a password; `b` is empty before. */
static int read_line(const struct client_secret *s, const char *key, struct buf *b, struct err *err)
{
    bool set;

    if (client_read_secret(s, key, b, &set, err) < 0)
        return -1;
    if (!is_clean(buf_str(b)))
        return err_set(err, ERR_SYNTAX, "%s holds a line end or control character", key);
    return 0;
}

/* ---- one request ---- */

void client_use_init(struct client_use *u)
{
    *u = (struct client_use){.headers = NULL};
    buf_init(&u->ca, 0);
    buf_init(&u->cert, 0);
    buf_init(&u->key, 0);
}

static void free_list(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

void client_use_fini(struct client_use *u)
{
    free_list(u->headers);
    free_list(u->proxy_headers);
    curl_slist_free_all(u->connect_to);
    client_wipe(&u->ca);
    client_wipe(&u->cert);
    client_wipe(&u->key);
    client_use_init(u);
}

static int add_line(struct curl_slist **list, const char *line, struct err *err)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        return err_set(err, ERR_NOMEM, "no memory for a request");
    *list = longer;
    return 0;
}

/* "Name: prefix value" */
static int add_header(struct curl_slist **list, const char *name, const char *prefix,
                      const struct client_secret *value, const char *key, struct err *err)
{
    struct buf line, read;
    int rc;

    buf_init(&line, 0);
    buf_init(&read, 0);
    rc = read_line(value, key, &read, err);
    if (rc == 0) {
        /* curl: "Name;" is a header without a value, "Name:" would take one away. */
        buf_addf(&line, *prefix || read.n ? "%s: %s" : "%s;", name, prefix);
        buf_add(&line, buf_str(&read));
        rc = add_line(list, line.p, err);
    }
    client_wipe(&line);
    client_wipe(&read);
    return rc;
}

static int apply_login(const struct client_settings *s, CURL *easy, struct err *err)
{
    struct buf login;
    int rc;

    buf_init(&login, 0);
    rc = read_line(&s->login, "login", &login, err);
    if (rc == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERPWD, login.p ? login.p : "");
    }
    client_wipe(&login);
    return rc;
}

static int apply_basic_auth(const struct client_settings *s, CURL *easy, struct err *err)
{
    struct buf user, password;
    int rc = -1;

    buf_init(&user, 0);
    buf_init(&password, 0);
    if (read_line(&s->username, "basic_auth.username", &user, err) == 0 &&
        read_line(&s->password, "basic_auth.password", &password, err) == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, user.p ? user.p : "");
        curl_easy_setopt(easy, CURLOPT_PASSWORD, password.p ? password.p : "");
        rc = 0;
    }
    client_wipe(&user);
    client_wipe(&password);
    return rc;
}

static int apply_credentials(struct client *c, CURL *easy, struct client_use *use, struct err *err)
{
    const struct client_settings *s = &c->settings;
    const struct client_secret token = {c->token.value, NULL};
    char prefix[128];

    if (s->has_basic_auth && (s->login.text || s->login.file))
        return apply_login(s, easy, err);
    if (s->has_basic_auth)
        return apply_basic_auth(s, easy, err);
    if (s->authorization_type) {
        (void)snprintf(prefix, sizeof prefix, "%s ", s->authorization_type);
        return add_header(&use->headers, "Authorization", prefix, &s->authorization,
                          "authorization.credentials", err);
    }
    if (s->oauth2)
        return add_header(&use->headers, "Authorization", "Bearer ", &token, "oauth2", err);
    return 0;
}

static int apply_headers(const struct client_settings *s, struct client_use *use, struct err *err)
{
    for (size_t i = 0; i < s->headers_n; i++) {
        char key[100];

        (void)snprintf(key, sizeof key, "http_headers.%.60s", s->headers[i].name);
        if (add_header(&use->headers, s->headers[i].name, "", &s->headers[i].value, key, err) < 0)
            return -1;
    }
    return 0;
}

static void set_blob(CURL *easy, CURLoption option, const struct buf *b)
{
    struct curl_blob blob = {b->p, b->n, CURL_BLOB_NOCOPY};

    curl_easy_setopt(easy, option, &blob);
}

static int read_pem(const struct client_secret *s, const char *key, struct buf *kept,
                    struct err *err)
{
    bool set;

    if (client_read_secret(s, key, kept, &set, err) < 0)
        return -1;
    if (set && kept->n == 0)
        return err_set(err, ERR_SYNTAX, "%s is empty", key);
    return 0;
}

static int apply_certificate(const struct client_tls *t, CURL *easy, struct client_use *use,
                             struct err *err)
{
    if (read_pem(&t->cert, "tls_config.cert", &use->cert, err) < 0 ||
        read_pem(&t->key, "tls_config.key", &use->key, err) < 0)
        return -1;
    if (use->cert.n && use->key.n)
        /* curl lends a connection, or a TLS session, to whoever has the same certificate, whatever
         * the key. Behind the certificate PEM has room for a remark. */
        buf_addf(&use->cert, "\nkey %016" PRIx64 "\n", hash_str(buf_str(&use->key)));
    if (use->cert.n)
        set_blob(easy, CURLOPT_SSLCERT_BLOB, &use->cert);
    if (use->key.n)
        set_blob(easy, CURLOPT_SSLKEY_BLOB, &use->key);
    return 0;
}

/* curl asks for and checks the name in the URL: so the URL gets the name that is wanted, and
 * CONNECT_TO the place that it had. */
static int apply_server_name(const char *name, CURL *easy, const char *url, struct client_use *use,
                             struct err *err)
{
    struct place p;
    CURLU *u = curl_url();
    char line[2 * PLACE_HOST_BYTES + 64], *changed = NULL;
    int rc = -1;

    if (place_of(url, &p) == 0 && u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_HOST, name, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_URL, &changed, 0) == CURLUE_OK)
        rc = 0;
    else
        (void)err_set(err, ERR_SYNTAX, "tls_config.server_name is not a name of a host");
    if (rc == 0) {
        curl_easy_setopt(easy, CURLOPT_URL, changed);
        (void)snprintf(line, sizeof line, "%.250s:%s:%s:%s", name, p.port, p.host, p.port);
        rc = add_line(&use->connect_to, line, err);
    }
    if (rc == 0) {
        bool usual = strcmp(p.port, "443") == 0;

        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, use->connect_to);
        (void)snprintf(line, sizeof line, "Host: %s%s%s", p.host, usual ? "" : ":",
                       usual ? "" : p.port);
        rc = add_line(&use->headers, line, err);
    }
    curl_free(changed);
    curl_url_cleanup(u);
    return rc;
}

static void apply_tls_versions(const struct client_tls *t, CURL *easy)
{
    static const long least[] = {[TLS_DEFAULT] = CURL_SSLVERSION_TLSv1_2,
                                 [TLS_1_0] = CURL_SSLVERSION_TLSv1_0,
                                 [TLS_1_1] = CURL_SSLVERSION_TLSv1_1,
                                 [TLS_1_2] = CURL_SSLVERSION_TLSv1_2,
                                 [TLS_1_3] = CURL_SSLVERSION_TLSv1_3};
    static const long most[] = {[TLS_DEFAULT] = CURL_SSLVERSION_MAX_DEFAULT,
                                [TLS_1_0] = CURL_SSLVERSION_MAX_TLSv1_0,
                                [TLS_1_1] = CURL_SSLVERSION_MAX_TLSv1_1,
                                [TLS_1_2] = CURL_SSLVERSION_MAX_TLSv1_2,
                                [TLS_1_3] = CURL_SSLVERSION_MAX_TLSv1_3};

    curl_easy_setopt(easy, CURLOPT_SSLVERSION, least[t->min] | most[t->max]);
}

static int apply_tls(const struct client_tls *t, CURL *easy, const char *url, bool home,
                     struct client_use *use, struct err *err)
{
    apply_tls_versions(t, easy);
    if (t->insecure_skip_verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (read_pem(&t->ca, "tls_config.ca", &use->ca, err) < 0)
        return -1;
    if (use->ca.n)
        set_blob(easy, CURLOPT_CAINFO_BLOB, &use->ca);
    if (!home)
        return 0;
    if (apply_certificate(t, easy, use, err) < 0)
        return -1;
    return t->server_name ? apply_server_name(t->server_name, easy, url, use, err) : 0;
}

static int apply_proxy(const struct client_proxy *p, CURL *easy, const char *url,
                       struct client_use *use, struct err *err)
{
    const char *through = proxy_of(p, url);

    use->proxied = through;
    curl_easy_setopt(easy, CURLOPT_PROXY, through ? through : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* decided already */
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    for (size_t i = 0; through && i < p->connect_headers_n; i++)
        if (add_header(&use->proxy_headers, p->connect_headers[i].name, "",
                       &p->connect_headers[i].value, "proxy_connect_header", err) < 0)
            return -1;
    if (use->proxy_headers) {
        curl_easy_setopt(easy, CURLOPT_PROXYHEADER, use->proxy_headers);
        /* They may be what opens the tunnel, and curl would lend it to who has others, or none. */
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    return 0;
}

int client_apply(struct client *c, CURL *easy, const char *url, const struct curl_slist *plain,
                 bool home, struct client_use *use, struct err *err)
{
    static const struct client_settings nothing = {.proxy = {.from_environment = true}};
    const struct client_settings *s = c ? &c->settings : &nothing;
    struct place place;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    for (; plain; plain = plain->next)
        if (add_line(&use->headers, plain->data, err) < 0)
            return -1;
    if (home && c && (apply_credentials(c, easy, use, err) < 0 || apply_headers(s, use, err) < 0))
        return -1;
    if (place_of(url, &place) == 0 && place.https &&
        apply_tls(&s->tls, easy, url, home, use, err) < 0)
        return -1;
    if (apply_proxy(&s->proxy, easy, url, use, err) < 0)
        return -1;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, use->headers);
    return 0;
}

bool client_is_home(const char *from, const char *to)
{
    struct place a, b;

    if (place_of(from, &a) < 0 || place_of(to, &b) < 0 || strcasecmp(a.host, b.host) != 0)
        return false;
    return a.https == b.https ? strcmp(a.port, b.port) == 0 : b.https;
}
