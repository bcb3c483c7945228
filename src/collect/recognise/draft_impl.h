/* draft_impl: what the files that make drafts share.
 *
 *   draft.c            texts, this host, the order in which all is shown
 *   draft_databases.c  Redis, PostgreSQL, Celery
 *   draft_docker.c     Docker, Podman
 *   draft_web.c        who answers HTTP, workers without a port, nginx
 *
 * What cannot be kept for lack of memory sets d->failed; texts are "" then.
 */
#ifndef COLLECT_RECOGNISE_DRAFT_IMPL_H
#define COLLECT_RECOGNISE_DRAFT_IMPL_H

#include "collect/recognise/draft.h"

#define DRAFT_ENTRY_MAX 16384

struct spot;
struct survey_process;
struct survey_socket;

struct drafts {
    const struct recognise_context *context;
    const struct spots *spots;
    const struct survey *survey;
    const char *behind; /* the entry of `hosts`; NULL: this machine */
    struct arena *arena;
    struct scan *scan;
    size_t cap;
    bool redis_in, postgres_in; /* one is there and can be collected */
    const struct spot *flower;  /* that the entry of a Celery asks; NULL: none */
    struct err *err;
    bool failed;
};

/* A line of our own making; what program_clean finds in what others said becomes '?'. */
const char *draft_line(struct drafts *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *draft_keep(struct drafts *d, const struct buf *b);
const char *draft_place(struct drafts *d, const struct survey_socket *s);
/* "redis-server (pid 812, redis.service)" */
const char *draft_who(struct drafts *d, const struct survey_process *p);
/* "redis-server (pid 812) listens on 127.0.0.1:6379" */
const char *draft_listens(struct drafts *d, const struct spot *s);
/* A scalar of YAML that holds any text. */
void draft_quote(struct buf *b, struct str text);
/* Fit to stand in quotes: a control character there is no YAML, or another text. */
bool draft_is_plain(struct str text);
/* "url: '...'" */
const char *draft_entry(struct drafts *d, const char *key, const char *value);
/* NULL: no memory. */
struct found *draft_add(struct drafts *d, const char *id, const char *pack, const char *title);
const char *draft_id(struct drafts *d, const char *what, const struct survey_socket *s);
void draft_set_place(struct drafts *d, struct found *f, const struct survey_socket *s);
bool draft_is_listed(const struct str names[], size_t n, struct str name);

const char *draft_redis_url(struct drafts *d, const struct survey_socket *s);
bool draft_is_connected(const struct survey_process *p, uint16_t port);
void draft_databases(struct drafts *d);
/* Workers of a Celery whose broker is elsewhere. */
void draft_lost_workers(struct drafts *d);

void draft_http(struct drafts *d, const struct spot *s);
void draft_workers(struct drafts *d);
void draft_nginx(struct drafts *d);
void draft_docker(struct drafts *d);

#endif
