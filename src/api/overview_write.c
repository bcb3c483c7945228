/* The overview as JSON. */
#include <math.h>

#include "api/overview.h"
#include "text/json.h"

static void number(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_double(w, v); /* NaN: null */
}

static void text(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    if (s.n)
        json_str(w, s);
    else
        json_put_null(w);
}

static void write_disks(struct json_writer *w, const struct overview *o)
{
    json_key(w, "disks");
    json_begin_array(w);
    for (size_t i = 0; i < o->disks_n; i++) {
        const struct overview_disk *d = &o->disks[i];

        json_begin_object(w);
        text(w, "mountpoint", d->mountpoint);
        text(w, "device", d->device);
        number(w, "size_bytes", d->size_bytes);
        number(w, "free_bytes", d->free_bytes);
        number(w, "full_in_s", round(d->full_in_s));
        json_key(w, "readonly");
        json_bool(w, d->readonly);
        json_key(w, "state");
        json_cstr(w, verdict_word(d->level));
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_nets(struct json_writer *w, const struct overview *o)
{
    json_key(w, "nets");
    json_begin_array(w);
    for (size_t i = 0; i < o->nets_n; i++) {
        json_begin_object(w);
        text(w, "device", o->nets[i].device);
        number(w, "receive_bytes_per_second", o->nets[i].receive_bytes_per_second);
        number(w, "transmit_bytes_per_second", o->nets[i].transmit_bytes_per_second);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_host(struct json_writer *w, const struct overview *o)
{
    json_key(w, "host");
    if (!o->has_host) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    text(w, "name", o->name);
    text(w, "os", o->os);
    number(w, "uptime_s", o->uptime_s);
    number(w, "cpu_ratio", o->cpu_ratio);
    number(w, "load1", o->load1);
    number(w, "cores", o->cores);
    number(w, "memory_used_bytes", o->memory_total_bytes - o->memory_available_bytes);
    number(w, "memory_total_bytes", o->memory_total_bytes);
    number(w, "swap_used_bytes", o->swap_total_bytes - o->swap_free_bytes);
    number(w, "swap_total_bytes", o->swap_total_bytes);
    json_key(w, "memory_state");
    json_cstr(w, verdict_word(o->memory_level));
    json_key(w, "load_state");
    json_cstr(w, verdict_word(o->load_level));
    write_disks(w, o);
    write_nets(w, o);
    json_end_object(w);
}

static void write_top(struct json_writer *w, const struct overview *o)
{
    json_key(w, "top");
    json_begin_array(w);
    for (size_t i = 0; i < o->top_n; i++) {
        json_begin_object(w);
        json_key(w, "pid");
        json_raw(w, o->top[i].pid); /* digits: checked when the list was made */
        text(w, "name", o->top[i].name);
        number(w, "cpu_ratio", o->top[i].cpu_ratio);
        number(w, "rss_bytes", o->top[i].rss_bytes);
        number(w, "io_bytes_per_second", o->top[i].io_bytes_per_second);
        json_end_object(w);
    }
    json_end_array(w);
}

void overview_write(const struct overview *o, struct buf *out)
{
    struct json_writer w;
    struct buf sentence;

    buf_init(&sentence, 0);
    if (o->measured || o->verdict.n)
        verdict_sentence(&o->verdict, &sentence);
    else
        buf_adds(&sentence, "Nothing is measured yet.");
    json_begin(&w, out);
    json_begin_object(&w);
    json_key(&w, "verdict");
    json_cstr(&w, verdict_word(verdict_level(&o->verdict)));
    json_key(&w, "sentence");
    json_str(&w, buf_str(&sentence));
    buf_fini(&sentence);
    write_host(&w, o);
    write_top(&w, o);
    json_key(&w, "self");
    json_begin_object(&w);
    number(&w, "rss_bytes", o->self_rss_bytes);
    number(&w, "cpu_ratio", o->self_cpu_ratio);
    number(&w, "data_bytes", o->data_bytes);
    number(&w, "oldest_ts", o->oldest_s);
    number(&w, "series", o->series);
    number(&w, "samples", o->samples);
    json_end_object(&w);
    json_end_object(&w);
}
