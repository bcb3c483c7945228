#include "http/oauth2.h"

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/client_settings.h"
#include "http/client_use.h"
#include "text/json.h"

#define EARLY_S 10 /* a token is not used up to its last second */

bool oauth2_is_valid(const struct oauth2_token *t, int64_t now_ns)
{
    return t->value && now_ns < t->until_ns;
}

void oauth2_drop(struct oauth2_token *t)
{
    if (t->value)
        explicit_bzero(t->value, strlen(t->value));
    mem_free(t->value);
    t->value = NULL;
}

/* ---- the question ---- */

static void encode(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c && strchr("-._~", c)))
            buf_addc(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

static void add(struct buf *form, const char *name, struct str value)
{
    if (form->n)
        buf_addc(form, '&');
    encode(form, str_c(name));
    buf_addc(form, '=');
    encode(form, value);
}

int oauth2_form(const struct client_oauth2 *o, const struct oauth2_token *t, struct buf *form,
                struct client_settings *out, struct err *err)
{
    struct buf secret;
    bool set;

    *out = (struct client_settings){.tls = o->tls, .proxy = o->proxy};
    add(form, "grant_type", STR("client_credentials"));
    if (o->scopes)
        add(form, "scope", str_c(o->scopes));
    for (size_t i = 0; i < o->params_n; i++)
        add(form, o->params[i].name, str_c(o->params[i].value));
    if (!t->secret_in_form) {
        out->has_basic_auth = true;
        out->username.text = o->client_id;
        out->password = o->client_secret;
        return 0;
    }
    buf_init(&secret, 0);
    if (client_read_secret(&o->client_secret, "oauth2.client_secret", &secret, &set, err) < 0) {
        client_wipe(&secret);
        return -1;
    }
    add(form, "client_id", str_c(o->client_id));
    if (set)
        add(form, "client_secret", buf_str(&secret));
    client_wipe(&secret);
    return 0;
}

/* ---- the answer ---- */

static int take_value(struct oauth2_token *t, const json_t *root, int64_t now_ns, struct err *err)
{
    const char *value = json_string_value(json_object_get(root, "access_token"));
    const json_t *life = json_object_get(root, "expires_in");
    double seconds =
        json_is_string(life) ? strtod(json_string_value(life), NULL) : json_number_value(life);

    if (!value || !*value)
        return err_set(err, ERR_EVAL, "oauth2: the answer of token_url holds no access_token");
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return err_set(err, ERR_EVAL, "oauth2: the token holds a control character or blank");
    oauth2_drop(t);
    t->value = mem_strdup(value);
    t->until_ns = INT64_MAX;
    if (seconds > 0 && seconds < 1e9)
        t->until_ns =
            now_ns + (int64_t)((seconds > 2 * EARLY_S ? seconds - EARLY_S : seconds / 2) * 1e9);
    return 0;
}

int oauth2_take(struct oauth2_token *t, int status, struct str body, int64_t now_ns, bool *again,
                struct err *err)
{
    json_t *root = NULL;
    int rc;

    *again = false;
    if ((status == 400 || status == 401) && !t->secret_in_form) {
        t->secret_in_form = *again = true;
        return 0;
    }
    if (status != 200) {
        t->secret_in_form = false;
        return err_set(err, ERR_EVAL, "oauth2: token_url answered with HTTP status %d%s", status,
                       status == 400 || status == 401 ? "; check client_id and client_secret" : "");
    }
    if (json_read(body, &root, err) < 0 || !json_is_object(root))
        rc = err_set(err, ERR_EVAL, "oauth2: the answer of token_url is not a JSON object");
    else
        rc = take_value(t, root, now_ns, err);
    json_decref(root);
    return rc;
}
