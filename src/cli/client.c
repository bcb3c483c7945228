#include "cli/client.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/args.h"
#include "text/json.h"

#define BODY_MAX   (256u << 20)
#define TIMEOUT_MS 130000L /* a query may run for two minutes */
#define CONNECT_MS 5000L
#define TOKEN_MAX  4096

const char *client_url(const struct args *args)
{
    const char *url = args_text(args, "url");

    return url ? url : "http://127.0.0.1:3277";
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;

    buf_add(body, (struct str){data, size * n});
    return body->overflowed ? 0 : size * n;
}

static void add_form(CURL *curl, const struct client_param params[], size_t n, struct buf *form)
{
    for (size_t i = 0; i < n; i++) {
        char *value;

        if (!params[i].value)
            continue;
        value = curl_easy_escape(curl, params[i].value, (int)strlen(params[i].value));
        buf_addf(form, "%s%s=%s", form->n ? "&" : "", params[i].name, value ? value : "");
        curl_free(value);
    }
}

static int read_token(const char *path, char header[TOKEN_MAX], struct err *err)
{
    FILE *f = fopen(path, "re");
    char token[TOKEN_MAX - 32];
    size_t n;

    if (!f)
        return err_set(err, ERR_SYNTAX, "--token-file %s cannot be opened", path);
    n = fread(token, 1, sizeof token - 1, f);
    (void)fclose(f);
    token[n] = '\0';
    token[strcspn(token, "\r\n")] = '\0';
    (void)snprintf(header, TOKEN_MAX, "Authorization: Bearer %s", token);
    return 0;
}

/* The words of an error the API gave; else the status. */
static int refused(long status, const struct buf *body, struct err *err)
{
    json_t *root = NULL;
    const char *text = NULL;

    if (json_read(buf_str(body), &root, NULL) == 0)
        text = json_string_value(json_object_get(root, "error"));
    if (text)
        (void)err_set(err, ERR_EVAL, "%s", text);
    else
        (void)err_set(err, ERR_EVAL, "the answer was HTTP %ld: %.*s", status,
                      STR_ARGS(str_take(str_trim(buf_str(body)), 200)));
    json_decref(root);
    return -1;
}

static int perform(CURL *curl, const char *url, struct buf *body, struct err *err)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;

    if (code == CURLE_WRITE_ERROR && body->overflowed)
        return err_set(err, ERR_LIMIT, "the answer is larger than 256 MiB");
    if (code != CURLE_OK)
        return err_set(err, ERR_OS, "earshot does not answer at %s: %s", url,
                       curl_easy_strerror(code));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status / 100 == 2 ? 0 : refused(status, body, err);
}

int client_ask(const struct args *args, const char *path, const struct client_param params[],
               size_t n, struct buf *body, struct err *err)
{
    const char *base = client_url(args), *token_file = args_text(args, "token-file");
    struct curl_slist *headers = NULL;
    SCOPED(buf_fini) struct buf url, form;
    char token[TOKEN_MAX];
    CURL *curl = curl_easy_init();
    int result = -1;

    buf_init(&url, 0);
    buf_init(&form, 0);
    if (!curl)
        return err_set(err, ERR_NOMEM, "out of memory");
    buf_addf(&url, "%.*s%s", (int)(strlen(base) - str_ends(str_c(base), STR("/"))), base, path);
    add_form(curl, params, n, &form);
    if (token_file && read_token(token_file, token, err) < 0)
        goto out;
    if (token_file)
        headers = curl_slist_append(headers, token);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url.p);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    if (n > 0)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form.n ? form.p : "");
    result = perform(curl, base, body, err);
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return result;
}

int client_json(const struct args *args, const char *path, const struct client_param params[],
                size_t n, struct json_t **out, struct err *err)
{
    SCOPED(buf_fini) struct buf body;
    json_t *root = NULL, *data;

    buf_init(&body, BODY_MAX);
    if (client_ask(args, path, params, n, &body, err) < 0)
        return -1;
    if (json_read(buf_str(&body), &root, err) < 0)
        return err_context(err, "%s%s", client_url(args), path);
    data = json_object_get(root, "data");
    *out = json_incref(data ? data : root);
    json_decref(root);
    return 0;
}

int client_failed(const struct err *err)
{
    (void)fprintf(stderr, "earshot: %s\n", err->text);
    return STATUS_FAILED;
}
