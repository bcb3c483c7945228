#include "collect/postgres/address.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/postgres_settings.h"
#include "http/client_use.h"
#include "text/url.h"

#define PORT         5432
#define KEYWORDS_MAX 48

struct keywords {
    struct arena *a;
    const char **keywords, **values; /* [KEYWORDS_MAX + 1] */
    size_t n;
};

/* libpq takes the last of a keyword that is given twice. */
static int add(struct keywords *k, const char *keyword, const char *value, struct err *err)
{
    if (k->n == KEYWORDS_MAX)
        return err_set(err, ERR_LIMIT, "the URL has more than %d parameters", KEYWORDS_MAX - 8);
    k->keywords[k->n] = keyword;
    k->values[k->n++] = value;
    return 0;
}

static int add_part(struct keywords *k, const char *keyword, struct str part, struct err *err)
{
    const char *value;

    if (part.n == 0)
        return 0;
    return url_decode(k->a, part, &value, err) < 0 ? -1 : add(k, keyword, value, err);
}

static int add_params(struct keywords *k, struct str query, struct err *err)
{
    struct str key, value;

    while (url_next_param(&query, &key, &value)) {
        const char *keyword;

        if (url_decode(k->a, key, &keyword, err) < 0 || add_part(k, keyword, value, err) < 0)
            return -1;
    }
    return 0;
}

/* GSSAPI is not tried unasked: it may look up names and wait for other servers. */
static int add_place(struct keywords *k, const struct url *u, struct err *err)
{
    const char *port = arena_printf(k->a, err, "%u", (unsigned)(u->port ? u->port : PORT));

    if (!port || add(k, "gssencmode", "disable", err) < 0 || add_part(k, "host", u->host, err) < 0)
        return -1;
    if (u->host.n == 0 && add(k, "host", "localhost", err) < 0)
        return -1;
    if (add(k, "port", port, err) < 0 || add_part(k, "user", u->user, err) < 0 ||
        add(k, "dbname", "postgres", err) < 0 || add_part(k, "dbname", u->path, err) < 0)
        return -1;
    return add_params(k, u->query, err);
}

/* That of its own key, else that of the URL. */
static int read_password(struct arena *a, const struct postgres_settings *s, const struct url *u,
                         const char **out, struct err *err)
{
    struct buf b;
    bool set;
    int rc;

    buf_init(&b, 0);
    rc = client_read_secret(&s->password, "password", &b, &set, err);
    if (rc == 0 && set) {
        *out = arena_cstr(a, buf_str(&b), err);
        rc = *out ? 0 : -1;
    } else if (rc == 0 && u->password.n) {
        rc = url_decode(a, u->password, out, err);
    }
    client_wipe(&b);
    return rc;
}

/* To libpq, a Unix socket is a folder and a port. */
static int add_socket(struct keywords *k, const char *socket_path, struct err *err)
{
    const char *name = strstr(socket_path, "/.s.PGSQL."), *folder, *port;

    if (!name)
        return 0;
    folder = arena_cstr(k->a, (struct str){socket_path, (size_t)(name - socket_path)}, err);
    port = arena_cstr(k->a, str_c(name + sizeof "/.s.PGSQL." - 1), err);
    if (!folder || !port || add(k, "host", folder, err) < 0)
        return -1;
    return add(k, "port", port, err);
}

static int fill(struct arena *a, const struct postgres_settings *s, const char *socket_path,
                struct str address, const char *database, struct backend_address *out,
                struct err *err)
{
    struct keywords k = {.a = a,
                         .keywords = arena_new_array(a, const char *, KEYWORDS_MAX + 1, err),
                         .values = arena_new_array(a, const char *, KEYWORDS_MAX + 1, err)};
    const char *password = NULL;
    struct url u, shown;

    if (!k.keywords || !k.values || url_split(address, &u, err) < 0)
        return -1;
    shown = u;
    url_take_place(&shown);
    out->shown = url_place(a, &shown, "localhost", PORT, err);
    if (!out->shown || read_password(a, s, &u, &password, err) < 0 || add_place(&k, &u, err) < 0)
        return -1;
    out->password = password;
    if (add_socket(&k, socket_path, err) < 0)
        return -1;
    if ((password && add(&k, "password", password, err) < 0) ||
        (database && add(&k, "dbname", database, err) < 0) ||
        add(&k, "application_name", "earshot", err) < 0 ||
        add(&k, "client_encoding", "UTF8", err) < 0)
        return -1;
    out->keywords = k.keywords;
    out->values = k.values;
    return 0;
}

int address_make(struct arena *a, const struct postgres_settings *s, const char *socket_path,
                 const char *database, struct backend_address *out, struct err *err)
{
    struct buf address;
    bool set;
    int rc;

    *out = (struct backend_address){.password = NULL};
    buf_init(&address, 0);
    rc = client_read_secret(&s->url, "url", &address, &set, err);
    if (rc == 0)
        rc = fill(a, s, socket_path, buf_str(&address), database, out, err);
    client_wipe(&address);
    return rc;
}

const char *address_shown(struct arena *a, const struct postgres_settings *s, struct err *err)
{
    const char *shown = NULL;
    struct buf address;
    struct url u;
    bool set;

    buf_init(&address, 0);
    if (client_read_secret(&s->url, "url", &address, &set, err) == 0 &&
        url_split(buf_str(&address), &u, err) == 0) {
        url_take_place(&u);
        shown = url_place(a, &u, "localhost", PORT, err);
    }
    client_wipe(&address);
    return shown;
}

void address_wipe(struct backend_address *place)
{
    if (place->password)
        explicit_bzero((char *)place->password, strlen(place->password));
}
