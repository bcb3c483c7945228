#include "collect/host/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "collect/host/scan.h"

#define BYTES_MAX      16384u /* the kernel refuses to hand out a record to less than it needs */
#define FACILITY_SHIFT 3      /* the lower bits are the level; facility 0 is the kernel */

void kernel_log_open(struct kernel_log *l, int root)
{
    *l = (struct kernel_log){.fd = openat(root, "dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (l->fd < 0)
        return;
    l->buf = mem_realloc(NULL, BYTES_MAX);
    (void)lseek(l->fd, 0, SEEK_END);
}

void kernel_log_close(struct kernel_log *l)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    mem_free(l->buf);
    *l = (struct kernel_log){.fd = -1};
}

static bool take_number(struct str *s, uint64_t *out)
{
    size_t n = 0;
    bool ok;

    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    ok = scan_u64(str_take(*s, n), out);
    *s = str_skip(*s, n);
    return ok;
}

/* What stands behind `mark`; p NULL: it is not there. */
static struct str behind(struct str text, struct str mark)
{
    const char *p = text.n ? memmem(text.p, text.n, mark.p, mark.n) : NULL;

    return p ? str_skip(text, (size_t)(p - text.p) + mark.n) : (struct str){NULL, 0};
}

static void add_kilobytes(struct str text, struct str mark, uint64_t *bytes)
{
    uint64_t v;

    text = behind(text, mark);
    if (text.p && take_number(&text, &v) && v < UINT64_MAX / 4096)
        *bytes += v * 1024;
}

static void copy_name(struct str name, char out[KERNEL_NAME_MAX])
{
    name = str_take(name, KERNEL_NAME_MAX - 1);
    for (size_t i = 0; i < name.n; i++)
        out[i] = name.p[i] >= ' ' && name.p[i] < 0x7f ? name.p[i] : '?';
    out[name.n] = '\0';
}

/* ...: Killed process 812 (python3) total-vm:9kB, anon-rss:5kB, file-rss:1kB, shmem-rss:0kB, ...
 * The name may hold anything, brackets too. */
bool kernel_log_parse(struct str line, struct kernel_kill *out)
{
    struct str text = line, sizes, name;
    uint64_t priority;

    if (!take_number(&text, &priority) || priority >> FACILITY_SHIFT)
        return false;
    text = behind(text, STR(";"));
    if (text.p)
        text = behind(text, STR("Killed process "));
    *out = (struct kernel_kill){.pid = 0};
    if (!text.p || !take_number(&text, &out->pid) || !str_starts(text, STR(" (")))
        return false;
    name = str_skip(text, 2);
    sizes = behind(name, STR(") total-vm:"));
    if (!sizes.p)
        sizes = behind(name, STR(")"));
    if (!sizes.p)
        return false;
    name.n = (size_t)(sizes.p - name.p);
    while (name.p[name.n - 1] != ')')
        name.n--;
    name.n--;
    copy_name(name, out->name);
    add_kilobytes(sizes, STR("anon-rss:"), &out->resident_bytes);
    add_kilobytes(sizes, STR("file-rss:"), &out->resident_bytes);
    add_kilobytes(sizes, STR("shmem-rss:"), &out->resident_bytes);
    return true;
}

/* One record a read. False: there is none for now. */
static bool read_more(struct kernel_log *l)
{
    ssize_t n;

    if (l->n == BYTES_MAX) {
        l->n = 0;
        l->skipping = true;
    }
    do
        n = read(l->fd, l->buf + l->n, BYTES_MAX - l->n);
    while (n < 0 && (errno == EINTR || errno == EPIPE)); /* EPIPE: some were overwritten unread */
    if (n <= 0)
        return false;
    l->n += (size_t)n;
    return true;
}

bool kernel_log_next(struct kernel_log *l, struct kernel_kill *out)
{
    while (l->fd >= 0) {
        struct str text = {l->buf, l->n}, line;
        bool whole = scan_line(&text, &line), found;

        if (!whole) {
            if (!read_more(l))
                return false;
            continue;
        }
        found = !l->skipping && kernel_log_parse(line, out);
        l->skipping = false;
        l->n = text.n;
        memmove(l->buf, text.p, text.n);
        if (found)
            return true;
    }
    return false;
}
