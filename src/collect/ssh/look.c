#include "collect/ssh/look.h"

#include <string.h>

#include "base/err.h"
#include "collect/ssh/links.h"
#include "collect/ssh/snapshot.h"
#include "collect/ssh/tree.h"

#define ANSWER_MAX (32u << 20)

#define LINKS "links\n" /* the line between files and links */

/* Of links, only those that say something of a service. */
static const char script[] =
    "export LC_ALL=C\n"
    "PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH\n"
    "look() { grep -a '' /dev/null /proc/net/tcp /proc/net/tcp6 /proc/[0-9]*/stat "
    "/proc/[0-9]*/cmdline /proc/[0-9]*/cgroup\n"
    "grep '^Uid:' /dev/null /proc/[0-9]*/status\n"
    "echo links\n"
    "ls -l /proc/[0-9]*/exe /proc/[0-9]*/ns/net /proc/self/ns/net /proc/[0-9]*/fd | "
    "grep -E '^/proc/|/exe -> |/ns/net -> |-> socket:|access.*[.]log$'\n"
    "echo end; }\n"
    "look 2>/dev/null; exit\n";

static bool take_piece(struct ask *a, struct str piece)
{
    struct look *l = (struct look *)a;
    size_t n;

    buf_add(&l->answer, piece);
    return l->answer.overflowed || snapshot_is_whole(buf_str(&l->answer), &n);
}

int look_init(struct look *l, const char *shell_path, int64_t wait_ms, struct err *err)
{
    *l = (struct look){
        .ask = {.request = {script, sizeof script - 1}, .wait_ms = wait_ms, .got = take_piece}};
    buf_init(&l->answer, ANSWER_MAX);
    if (!ask_unix(str_c(shell_path), &l->ask.address))
        return err_set(err, ERR_LIMIT, "%.200s: the path is too long", shell_path);
    return 0;
}

/* Cuts *files in two; without the line there are no links. */
static struct str cut_links(struct str *files)
{
    const char *line = files->n ? memmem(files->p, files->n, "\n" LINKS, sizeof LINKS) : NULL;
    struct str links = STR("");

    if (line) {
        links = str_skip(*files, (size_t)(line - files->p) + sizeof LINKS);
        files->n = (size_t)(line - files->p) + 1;
    }
    return links;
}

static void put_links(struct tree *t, struct str text)
{
    struct links links = {.rest = text};
    struct link link;

    while (links_next(&links, &link)) {
        if (link.target.n)
            tree_put_link(t, str_c(link.path), link.target);
        else
            tree_put_folder(t, str_c(link.path));
    }
}

int look_tree(const struct look *l, struct tree **out, struct err *err)
{
    struct str rest = buf_str(&l->answer), path;
    SCOPED(buf_fini) struct buf content;
    struct tree *t;
    size_t n;

    buf_init(&content, 0);
    if (l->answer.overflowed)
        return err_set(err, ERR_LIMIT, "its shell prints more than %u MB", ANSWER_MAX >> 20);
    if (!snapshot_is_whole(rest, &n))
        return err_set(err, ERR_TIMEOUT,
                       l->ask.end == ASK_SILENT ? "its shell did not tell in time what runs there"
                                                : "it runs no POSIX shell for us (/bin/sh)");
    if (tree_new(&t, err) < 0)
        return -1;
    rest = str_take(rest, n);
    put_links(t, cut_links(&rest));
    while (snapshot_next(&rest, &path, &content))
        tree_put(t, path, buf_str(&content));
    if (tree_check(t, err) < 0) {
        tree_free(t);
        return -1;
    }
    *out = t;
    return 0;
}

void look_fini(struct look *l)
{
    buf_fini(&l->answer);
}
