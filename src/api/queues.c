/* /api/earshot/v1/queues: what stands first in queues (collect.redis' `first`). */
#include <stdio.h>

#include "api/internal.h"
#include "collect/redis/first.h"

static const char *age_of(enum first_age by)
{
    static const char *const words[] = {"seen", "score", "id"};

    return words[by];
}

static void write_entry(struct json_writer *w, const struct first_entry *e, ts_ms at)
{
    json_begin_object(w);
    json_key(w, "value");
    json_str(w, e->value);
    json_key(w, "cut");
    json_bool(w, e->cut);
    json_key(w, "score");
    if (e->scored)
        json_double(w, e->score);
    else
        json_put_null(w);
    json_key(w, "ageSeconds");
    json_double(w, (double)(at - e->since) / 1000);
    json_key(w, "ageFrom");
    json_cstr(w, age_of(e->by));
    json_end_object(w);
}

static void write_queue(struct json_writer *w, const struct first_queue *q)
{
    char db[16];

    (void)snprintf(db, sizeof db, "db%u", q->db);
    json_begin_object(w);
    json_key(w, "instance");
    json_cstr(w, q->instance);
    if (q->host) {
        json_key(w, "host");
        json_cstr(w, q->host);
    }
    json_key(w, "db");
    json_cstr(w, db);
    json_key(w, "key");
    json_cstr(w, q->key);
    json_key(w, "type");
    json_cstr(w, q->type);
    json_key(w, "size");
    json_double(w, q->size);
    json_key(w, "time");
    if (q->at)
        api_write_rfc3339(w, q->at);
    else
        json_put_null(w);
    if (q->error) {
        json_key(w, "error");
        json_cstr(w, q->error);
    }
    json_key(w, "entries");
    json_begin_array(w);
    for (size_t i = 0; i < q->n; i++)
        write_entry(w, &q->entries[i], q->at);
    json_end_array(w);
    json_end_object(w);
}

static void handle_queues(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct first_queue *queues;
    struct api_params p;
    struct json_writer w;
    struct str key, instance;
    struct err err;
    struct buf out;
    size_t n;

    if (api_params_read(r, &p) < 0)
        return;
    if (redis_firsts_copy(api->c.firsts, r->arena, &queues, &n, &err) < 0) {
        api_reply_err(r, &err);
        return;
    }
    key = api_param(&p, "key");
    instance = api_param(&p, "instance");
    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++)
        if ((!key.n || str_eq(key, str_c(queues[i].key))) &&
            (!instance.n || str_eq(instance, str_c(queues[i].instance))))
            write_queue(&w, &queues[i]);
    json_end_array(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

void api_queue_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/queues", HTTP_GET, handle_queues);
}
