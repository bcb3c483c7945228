#include "sys/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

static int read_stream(FILE *f, struct buf *out, struct err *err)
{
    char part[8192];
    struct stat st;
    size_t got;

    if (fstat(fileno(f), &st) < 0)
        return err_os(err, errno, "cannot be read");
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_SYNTAX, "is a folder, not a file");
    do {
        got = fread(part, 1, sizeof part, f);
        buf_add(out, (struct str){part, got});
    } while (got > 0 && !out->overflowed);
    if (out->overflowed)
        return err_set(err, ERR_LIMIT, "is larger than %zu kB", out->max_bytes >> 10);
    return ferror(f) ? err_os(err, errno, "cannot be read") : 0;
}

int whole_file_read(const char *path, struct buf *out, bool *absent, struct err *err)
{
    FILE *f = fopen(path, "rbe");
    int result;

    if (absent)
        *absent = !f && errno == ENOENT;
    if (!f)
        return absent && *absent ? 0 : err_os(err, errno, "cannot be opened");
    result = read_stream(f, out, err);
    (void)fclose(f);
    return result;
}
