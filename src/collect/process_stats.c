#include "collect/process_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "text/number.h"

/* Fields of /proc/PID/stat by their number in proc(5), counted from the state, which is the third:
 * the second may hold blanks and brackets. */
enum { UTIME = 14, STIME = 15, THREADS = 20, START = 22, VSIZE = 23, RSS = 24, FIELDS = 25 };

void process_stats_parse(struct str stat, double ticks, double page_bytes, double boot_seconds,
                         struct process_stats *out)
{
    double fields[FIELDS] = {0};
    const char *bracket = stat.n ? memrchr(stat.p, ')', stat.n) : NULL;
    struct str left;

    if (!bracket)
        return;
    left = str_skip(stat, (size_t)(bracket - stat.p) + 2);
    for (int i = 3; i < FIELDS && left.p; i++) {
        struct str field = str_split(&left, ' ');

        if (!number_parse(field, &fields[i]))
            fields[i] = 0;
    }
    out->cpu_seconds = (fields[UTIME] + fields[STIME]) / ticks;
    out->threads = fields[THREADS];
    out->start_seconds = boot_seconds + fields[START] / ticks;
    out->virtual_bytes = fields[VSIZE];
    out->resident_bytes = fields[RSS] * page_bytes;
}

static struct str read_text(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(out, 1, size, f) : 0;

    if (f)
        (void)fclose(f);
    return (struct str){out, n};
}

/* "btime" of /proc/stat; far behind the counters of many processors. */
static double boot_seconds(void)
{
    FILE *f = fopen("/proc/stat", "re");
    char line[4096];
    double seconds = 0;

    while (f && fgets(line, sizeof line, f)) {
        struct str text = str_trim(str_c(line));

        if (str_starts(text, STR("btime ")) && number_parse(str_skip(text, 6), &seconds))
            break;
    }
    if (f)
        (void)fclose(f);
    return seconds;
}

static double open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double n = -1; /* the directory's own */

    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

struct process_stats process_stats(void)
{
    struct process_stats stats = {.open_fds = open_fds()};
    struct rlimit limit;
    char text[2048];

    process_stats_parse(read_text("/proc/self/stat", text, sizeof text),
                        (double)sysconf(_SC_CLK_TCK), (double)sysconf(_SC_PAGESIZE), boot_seconds(),
                        &stats);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        stats.max_fds = (double)limit.rlim_cur;
    return stats;
}
