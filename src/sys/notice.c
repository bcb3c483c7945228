#include "sys/notice.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/watch.h"

#define CHANGES                                                                                    \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |       \
     IN_MOVE_SELF)

struct notice {
    int fd;
    struct watch *watch;
    void (*fire)(void *arg);
    void *arg;
};

/* What changed does not matter, only that something did. */
static void on_events(void *arg, unsigned events)
{
    struct notice *n = arg;
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool some = false;

    (void)events;
    while (read(n->fd, buf, sizeof buf) > 0)
        some = true;
    if (some)
        n->fire(n->arg);
}

int notice_new(struct loop *l, void (*fire)(void *arg), void *arg, struct notice **out,
               struct err *err)
{
    struct notice *n;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd < 0)
        return err_os(err, errno,
                      "changes of files cannot be noticed (see "
                      "fs.inotify.max_user_instances)");
    n = mem_new(struct notice);
    n->fd = fd;
    n->fire = fire;
    n->arg = arg;
    if (watch_new(l, fd, on_events, n, &n->watch, err) < 0) {
        (void)close(fd);
        mem_free(n);
        return -1;
    }
    watch_set(n->watch, WATCH_READ);
    *out = n;
    return 0;
}

int notice_folder(struct notice *n, const char *folder, struct err *err)
{
    if (inotify_add_watch(n->fd, folder, CHANGES | IN_ONLYDIR) < 0)
        return err_os(err, errno, "changes in %.200s cannot be noticed", folder);
    return 0;
}

void notice_free(struct notice *n)
{
    if (!n)
        return;
    watch_free(n->watch);
    (void)close(n->fd);
    mem_free(n);
}
