/* /proc/sys/fs/file-nr: allocated, free (always 0), maximum. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

void filefd_collect(struct host_run *r)
{
    struct str text, line;
    uint64_t allocated, unused, maximum;

    if (!host_read(r, FILES_PROC, "sys/fs/file-nr", &text))
        return;
    if (!scan_line(&text, &line) || !scan_word_u64(&line, &allocated) ||
        !scan_word_u64(&line, &unused) || !scan_word_u64(&line, &maximum)) {
        host_broken(r, FILES_PROC, "sys/fs/file-nr", "not three numbers");
        return;
    }
    host_value(r, METRIC_GAUGE, "node_filefd_allocated", "File descriptor statistics: allocated.",
               (double)allocated);
    host_value(r, METRIC_GAUGE, "node_filefd_maximum", "File descriptor statistics: maximum.",
               (double)maximum);
}
