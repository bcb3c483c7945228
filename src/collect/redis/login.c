#include "collect/redis/login.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/session.h"
#include "http/client_use.h"
#include "sys/talk.h"
#include "sys/tls.h"
#include "text/redis_url.h"

#define WORDS_MAX 160

const char *login_words(struct arena *a, const struct resp *reply)
{
    struct err err;
    char *text = arena_cstr(a, str_take(reply->text, WORDS_MAX), &err);

    for (char *p = text; p && *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return text ? text : "";
}

/* ---- settings with their files read ---- */

struct secrets {
    struct buf url, username, password, ca, cert, key;
};

static void wipe_secrets(struct secrets *s)
{
    client_wipe(&s->url);
    client_wipe(&s->username);
    client_wipe(&s->password);
    client_wipe(&s->ca);
    client_wipe(&s->cert);
    client_wipe(&s->key);
}

static int read_secrets(const struct redis_access *access, struct secrets *s, struct err *err)
{
    const struct {
        const struct client_secret *from;
        const char *key;
        struct buf *to;
    } all[] = {
        {&access->url, "url", &s->url},
        {&access->username, "username", &s->username},
        {&access->password, "password", &s->password},
        {&access->tls.ca, "tls_config.ca", &s->ca},
        {&access->tls.cert, "tls_config.cert", &s->cert},
        {&access->tls.key, "tls_config.key", &s->key},
    };
    bool set;

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        buf_init(all[i].to, 0); /* client_read_secret bounds it */
        if (client_read_secret(all[i].from, all[i].key, all[i].to, &set, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- logging in ---- */

static bool begins(const struct resp *reply, const char *word)
{
    return str_starts(reply->text, str_c(word));
}

/* Before it looks at any command: too many clients, or protected mode. */
static bool is_turned_away(const struct resp *reply)
{
    return reply->kind == RESP_ERROR &&
           (begins(reply, "DENIED") || begins(reply, "ERR max number"));
}

static int turned_away(struct arena *a, const struct resp *reply, struct err *err)
{
    return err_set(err, ERR_EVAL, "Redis refuses the connection: %s", login_words(a, reply));
}

static int refused(struct arena *a, const struct resp *reply, struct err *err)
{
    if (is_turned_away(reply))
        return turned_away(a, reply, err);
    return err_set(err, ERR_EVAL,
                   "Redis refuses the password (%s); mend username, password or "
                   "password_file",
                   login_words(a, reply));
}

static int authenticate(struct session *s, const struct secrets *secrets,
                        const struct redis_url *url, struct arena *scratch, struct login *out,
                        struct err *err)
{
    struct str user = secrets->username.n ? buf_str(&secrets->username) : str_c(url->username);
    struct str password = secrets->password.n ? buf_str(&secrets->password) : str_c(url->password);
    const struct str args[] = {STR("AUTH"), user, password};
    const struct str old[] = {STR("AUTH"), password}; /* before Redis 6 */
    const struct resp *reply;

    if (password.n == 0)
        return user.n == 0 ? 0
                           : err_set(err, ERR_TYPE,
                                     "a username without a password; set password or "
                                     "password_file");
    if ((user.n ? session_ask(s, args, 3, err) : session_ask(s, old, 2, err)) < 0 ||
        session_answer(s, "AUTH", &reply, err) < 0)
        return -1;
    if (reply->kind != RESP_ERROR)
        return 0;
    if (begins(reply, "ERR Client sent AUTH") || begins(reply, "ERR AUTH <password> called")) {
        out->refusal = login_words(scratch, reply); /* open to all: that is not down */
        return 0;
    }
    return refused(scratch, reply, err);
}

static int enter(struct session *s, const struct secrets *secrets, const struct redis_url *url,
                 const struct clock *clock, struct arena *scratch, struct login *out,
                 struct err *err)
{
    const struct resp *reply;
    int64_t start;

    if (authenticate(s, secrets, url, scratch, out, err) < 0)
        return -1;
    start = clock->mono_ns(clock);
    if (session_say(s, err, "PING") < 0 || session_answer(s, "PING", &reply, err) < 0)
        return -1;
    out->ping_s = (double)(clock->mono_ns(clock) - start) / 1e9;
    if (reply->kind == RESP_ERROR && begins(reply, "NOAUTH"))
        return err_set(err, ERR_EVAL,
                       "Redis wants a password; set it in the URL, or by password or "
                       "password_file");
    if (is_turned_away(reply))
        return turned_away(scratch, reply, err);
    /* For CLIENT LIST; what it answers makes no difference. */
    if (session_say(s, err, "CLIENT", "SETNAME", "earshot") < 0 ||
        session_answer(s, "CLIENT SETNAME", &reply, err) < 0)
        return -1;
    return 0;
}

static int open_session(const struct redis_access *access, const char *socket_path,
                        const struct secrets *secrets, const struct redis_url *url,
                        const struct clock *clock, int64_t deadline_ns, struct arena *scratch,
                        struct session **out, struct err *err)
{
    const struct tls_settings tls = {
        .ca = buf_str(&secrets->ca),
        .cert = buf_str(&secrets->cert),
        .key = buf_str(&secrets->key),
        .server_name =
            access->tls.server_name || !*socket_path ? access->tls.server_name : url->host,
        .min_version = access->tls.min == TLS_DEFAULT ? 2 : (unsigned)(access->tls.min - TLS_1_0),
        .max_version = access->tls.max == TLS_DEFAULT ? 0 : (unsigned)(access->tls.max - TLS_1_0),
        .insecure = access->tls.insecure_skip_verify};
    const struct talk_place place = *socket_path
                                        ? (struct talk_place){.path = socket_path}
                                        : (struct talk_place){url->host, url->port, url->path};
    const struct session_settings session = {.place = &place,
                                             .tls = url->tls ? &tls : NULL,
                                             .clock = clock,
                                             .deadline_ns = deadline_ns,
                                             .budget = scratch->budget};

    return session_open(&session, out, err);
}

static int open_with(const struct redis_access *access, const char *socket_path,
                     const struct secrets *secrets, const struct clock *clock, int64_t deadline_ns,
                     struct arena *scratch, struct login *out, struct err *err)
{
    int64_t start = clock->mono_ns(clock);
    struct session *s = NULL;
    struct redis_url url;

    if (redis_url_parse(scratch, buf_str(&secrets->url), &url, err) < 0)
        return err_context(err, "url");
    out->place = redis_url_place(scratch, &url, err);
    out->db = url.db;
    if (!out->place)
        return -1;
    if (open_session(access, socket_path, secrets, &url, clock, deadline_ns, scratch, &s, err) < 0)
        return err_context(err, "%s", out->place);
    out->connect_s = (double)(clock->mono_ns(clock) - start) / 1e9;
    if (enter(s, secrets, &url, clock, scratch, out, err) < 0) {
        session_close(s);
        return err_context(err, "%s", out->place);
    }
    out->session = s;
    return 0;
}

int login_open(const struct redis_access *access, const char *socket_path,
               const struct clock *clock, int64_t deadline_ns, struct arena *scratch,
               struct login *out, struct err *err)
{
    SCOPED(wipe_secrets) struct secrets secrets = {.url = {NULL, 0, 0, 0, false}};

    *out = (struct login){.session = NULL};
    if (read_secrets(access, &secrets, err) < 0)
        return -1;
    return open_with(access, socket_path, &secrets, clock, deadline_ns, scratch, out, err);
}
