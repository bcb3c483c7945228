#include "collect/host/pid.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/host/files.h"
#include "collect/host/scan.h"

/* Of stat, as numbered in proc(5). */
#define FIRST_NUMBER  4
#define FIELDS_LEAST  24
#define FIELDS        52
#define KERNEL_THREAD 0x00200000u /* PF_KTHREAD */

static void copy_name(const char *from, size_t n, char out[PID_NAME_MAX])
{
    n = n < PID_NAME_MAX - 1 ? n : PID_NAME_MAX - 1;
    memcpy(out, from, n);
    out[n] = '\0';
    if (str_is_utf8(str_c(out)))
        return;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)out[i] < 0x80 ? out[i] : '?';
}

/* pid (comm) state ppid pgrp session tty tpgid flags ... : the name may hold blanks and brackets.
 */
bool pid_parse_stat(struct str text, struct pid_stat *out)
{
    const char *open = memchr(text.p, '(', text.n), *close = memrchr(text.p, ')', text.n);
    struct str rest, word;
    uint64_t fields[FIELDS + 1] = {0}; /* signed ones are not kept */
    int at = FIRST_NUMBER;

    if (!open || !close || close < open)
        return false;
    rest = str_trim(str_skip(text, (size_t)(close + 1 - text.p)));
    if (!scan_word(&rest, &word))
        return false;
    *out = (struct pid_stat){.state = word.p[0]};
    for (; at <= FIELDS && scan_word(&rest, &word); at++) {
        int64_t v;

        if (!scan_u64(word, &fields[at]) && !scan_i64(word, &v))
            return false;
    }
    if (at <= FIELDS_LEAST)
        return false;
    copy_name(open + 1, (size_t)(close - open) - 1, out->name);
    out->parent = fields[4];
    out->kernel = fields[9] & KERNEL_THREAD;
    out->minor_faults = fields[10];
    out->major_faults = fields[12];
    out->user_ticks = fields[14];
    out->system_ticks = fields[15];
    out->threads = (unsigned)fields[20];
    out->start = fields[22];
    out->virtual_bytes = fields[23];
    out->resident_pages = fields[24];
    out->stack = fields[28];
    out->exit_status = (int)(fields[52] & 0xffff);
    return true;
}

bool pid_parse_io(struct str text, uint64_t *read, uint64_t *written)
{
    struct str line;
    unsigned found = 0;

    while (scan_line(&text, &line)) {
        struct str key = str_split(&line, ':');
        uint64_t *out = str_eq(key, STR("read_bytes"))    ? read
                        : str_eq(key, STR("write_bytes")) ? written
                                                          : NULL;

        if (!out)
            continue;
        if (!scan_word_u64(&line, out))
            return false;
        found |= out == read ? 1 : 2;
    }
    return found == 3;
}

static int by_pid(const void *a, const void *b)
{
    uint64_t x = ((const struct pid_entry *)a)->pid, y = ((const struct pid_entry *)b)->pid;

    return (x > y) - (x < y);
}

int pid_list(struct files *f, int proc, struct arena *a, struct pid_entry **out, size_t *n,
             struct err *err)
{
    struct files_entry *entries;
    size_t entries_n, found = 0;
    struct pid_entry *list;

    if (files_list(f, proc, a, &entries, &entries_n, err) < 0)
        return -1;
    list = arena_new_array(a, struct pid_entry, entries_n, err);
    if (!list)
        return -1;
    for (size_t i = 0; i < entries_n; i++) {
        list[found].inode = entries[i].inode;
        found += scan_u64(str_c(entries[i].name), &list[found].pid);
    }
    if (found)
        qsort(list, found, sizeof *list, by_pid);
    *out = list;
    *n = found;
    return 0;
}

uint64_t pid_uptime(struct str text)
{
    struct str word;
    double seconds;

    if (!scan_word(&text, &word) || !scan_decimal(word, &seconds) || seconds < 0 || seconds > 1e12)
        return 0;
    return (uint64_t)(seconds * PID_TICKS_PER_SECOND);
}
