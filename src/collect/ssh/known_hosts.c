#include "collect/ssh/known_hosts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/whole_file.h"

#define FILE_MAX   (16u << 20)
#define PATH_BYTES 1100
#define SHA1_BYTES 20

/* False: it is no base64 of so many bytes. */
static bool decode(struct str text, unsigned char out[SHA1_BYTES])
{
    unsigned char bytes[32];

    if (text.n != 28 || EVP_DecodeBlock(bytes, (const unsigned char *)text.p, (int)text.n) != 21)
        return false;
    memcpy(out, bytes, SHA1_BYTES);
    return true;
}

/* "|1|salt|hash": HMAC-SHA1 of the name with the salt as key. */
static bool is_hash_of(struct str pattern, struct str name)
{
    unsigned char salt[SHA1_BYTES], hash[SHA1_BYTES], got[EVP_MAX_MD_SIZE];
    struct str rest = str_skip(pattern, 3), first = str_split(&rest, '|');
    unsigned n = 0;

    return rest.p && decode(first, salt) && decode(rest, hash) &&
           HMAC(EVP_sha1(), salt, sizeof salt, (const unsigned char *)name.p, name.n, got, &n) &&
           n == sizeof hash && memcmp(got, hash, sizeof hash) == 0;
}

bool known_hosts_is_for(struct str line, const char *address, uint16_t port)
{
    struct str rest = str_trim(line), names;
    char name[300];

    if (!rest.n || rest.p[0] == '#' || rest.p[0] == '@')
        return false;
    (void)snprintf(name, sizeof name, port == 22 ? "%s" : "[%s]:%u", address, port);
    names = (struct str){rest.p, 0};
    while (names.n < rest.n && rest.p[names.n] != ' ' && rest.p[names.n] != '\t')
        names.n++;
    while (names.p) {
        struct str one = str_split(&names, ',');

        if (str_eq(one, str_c(name)) ||
            (str_starts(one, STR("|1|")) && is_hash_of(one, str_c(name))))
            return true;
    }
    return false;
}

void known_hosts_change(struct str text, const char *address, uint16_t port, struct str entry,
                        struct buf *out)
{
    while (text.p && text.n) {
        struct str line = str_split(&text, '\n');

        if (known_hosts_is_for(line, address, port))
            continue;
        buf_add(out, line);
        buf_addc(out, '\n');
    }
    buf_add(out, str_trim(entry));
    buf_addc(out, '\n');
}

static int write_file(const char *path, struct str text, struct err *err)
{
    char beside[PATH_BYTES];
    FILE *f;
    bool whole;

    (void)snprintf(beside, sizeof beside, "%.1080s.earshot", path);
    (void)unlink(beside);
    f = fopen(beside, "wxe");
    if (!f)
        return err_os(err, errno, "%s cannot be written", beside);
    (void)fchmod(fileno(f), 0600);
    whole = fwrite(text.p, 1, text.n, f) == text.n && fflush(f) == 0 && fsync(fileno(f)) == 0;
    whole = fclose(f) == 0 && whole;
    if (whole && rename(beside, path) == 0)
        return 0;
    (void)err_os(err, errno, "%s cannot be written", path);
    (void)unlink(beside);
    return -1;
}

int known_hosts_put(const char *path, const char *address, uint16_t port, struct str entry,
                    struct err *err)
{
    SCOPED(buf_fini) struct buf before;
    SCOPED(buf_fini) struct buf after;
    const char *slash = strrchr(path, '/');
    char folder[PATH_BYTES];
    bool absent;

    buf_init(&before, FILE_MAX);
    buf_init(&after, 0);
    if (slash && slash > path) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        (void)mkdir(folder, 0700); /* what fails, fails again at the file */
    }
    if (whole_file_read(path, &before, &absent, err) < 0)
        return err_in_file(err, path);
    known_hosts_change(buf_str(&before), address, port, entry, &after);
    return write_file(path, buf_str(&after), err);
}
