#include "cli/ssh_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "pack/pack.h"
#include "sys/child.h"
#include "sys/whole_file.h"

#define FILE_MAX    (16u << 20)
#define RESOLVE_MS  5000
#define PRINTED_MAX 65536

/* ---- who is meant ---- */

static void copy(char *to, size_t size, struct str s)
{
    (void)snprintf(to, size, "%.*s", STR_ARGS(s));
}

static bool read_port(struct str s, uint16_t *out)
{
    unsigned long n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || n > 65535)
            return false;
        n = n * 10 + (unsigned long)(s.p[i] - '0');
    }
    *out = (uint16_t)n;
    return n > 0 && n <= 65535;
}

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("\"'\\#,{}[]", s.p[i]))
            return false;
    return s.n > 0 && s.n < 256 && s.p[0] != '-';
}

static int parse(struct str text, struct ssh_place *p, struct err *err)
{
    struct str rest = text, user = str_split(&rest, '@'), port;

    if (!rest.p) {
        rest = user;
        user = (struct str){"", 0};
    }
    port = rest;
    rest = str_split(&port, ':');
    *p = (struct ssh_place){.port = 0};
    if (!is_word(rest) || (user.n && !is_word(user)) || (port.p && !read_port(port, &p->port)))
        return err_set(err, ERR_SYNTAX, "expected USER@HOST or USER@HOST:PORT, found \"%.*s\"",
                       STR_ARGS(str_take(text, 100)));
    copy(p->name, sizeof p->name, rest);
    copy(p->address, sizeof p->address, rest);
    copy(p->user, sizeof p->user, user);
    return 0;
}

/* The first of several that is there. */
static void take_identity(struct str file, struct ssh_place *p)
{
    const char *home = getenv("HOME");
    char path[512];

    if (*p->identity_file)
        return;
    if (str_starts(file, STR("~/")) && home)
        (void)snprintf(path, sizeof path, "%.200s%.*s", home, STR_ARGS(str_skip(file, 1)));
    else
        copy(path, sizeof path, file);
    if (access(path, R_OK) == 0)
        copy(p->identity_file, sizeof p->identity_file, str_c(path));
}

int ssh_config_take(struct str printed, struct ssh_place *p, struct err *err)
{
    while (printed.p) {
        struct str value = str_split(&printed, '\n'), key = str_split(&value, ' ');

        if (!value.p)
            continue;
        value = str_trim(value);
        if (str_eq(key, STR("hostname")) && is_word(value))
            copy(p->address, sizeof p->address, value);
        else if (str_eq(key, STR("user")) && is_word(value) && !*p->user)
            copy(p->user, sizeof p->user, value);
        else if (str_eq(key, STR("port")) && !p->port)
            (void)read_port(value, &p->port);
        else if (str_eq(key, STR("identityfile")))
            take_identity(value, p);
        else if (str_eq(key, STR("proxyjump")) && !str_eq(value, STR("none")))
            copy(p->jump, sizeof p->jump, value);
        else if (str_eq(key, STR("proxycommand")) && !str_eq(value, STR("none")))
            return err_set(err, ERR_LIMIT,
                           "~/.ssh/config reaches %.100s through a program (proxycommand), which "
                           "earshot does not; a machine on the way is named by ProxyJump",
                           p->name);
    }
    return 0;
}

static int resolve_one(struct str text, struct ssh_place *p, struct err *err)
{
    SCOPED(buf_fini) struct buf printed;
    struct child_end end = {.absent = true};
    int rc = 0;

    buf_init(&printed, PRINTED_MAX);
    if (parse(text, p, err) < 0)
        return -1;
    const char *const argv[] = {"ssh", "-G", "--", p->name, NULL};

    if (child_run(argv, RESOLVE_MS, PRINTED_MAX, &printed, &end, NULL) == 0 && !end.absent &&
        end.status == 0)
        rc = ssh_config_take(buf_str(&printed), p, err);
    if (!p->port)
        p->port = 22;
    return rc;
}

/* Its key must be ours, as an entry has one for all of them. */
static int add_jump(struct ssh_place *p, const struct ssh_place *found, struct err *err)
{
    struct ssh_jump_place *jump = &p->jumps[p->jumps_n];

    if (*found->jump)
        return err_set(err, ERR_LIMIT,
                       "~/.ssh/config reaches %.100s through %.100s, and that through %.100s; name "
                       "all of them in the ProxyJump of %.100s, with commas in between",
                       p->name, found->name, found->jump, p->name);
    if (*found->identity_file && strcmp(found->identity_file, p->identity_file) != 0)
        return err_set(
            err, ERR_LIMIT,
            "the way to %.100s leads through %.100s, for which ~/.ssh/config has another "
            "key; add that one first (earshot ssh add %.100s), then write an entry with "
            "jump: %.100s",
            p->name, found->name, found->name, found->name);
    copy(jump->user, sizeof jump->user, str_c(found->user));
    copy(jump->address, sizeof jump->address, str_c(found->address));
    jump->port = found->port;
    p->jumps_n++;
    return 0;
}

int ssh_config_resolve(const char *text, struct ssh_place *p, struct err *err)
{
    struct str rest;

    if (resolve_one(str_c(text), p, err) < 0)
        return -1;
    rest = *p->jump ? str_c(p->jump) : (struct str){NULL, 0};
    while (rest.p) {
        struct ssh_place found;

        if (p->jumps_n == SSH_JUMPS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d machines are on the way to %.100s",
                           SSH_JUMPS_MAX, p->name);
        if (resolve_one(str_trim(str_split(&rest, ',')), &found, err) < 0 ||
            add_jump(p, &found, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the configuration ---- */

static void write_place(const char *user, const char *address, uint16_t port, struct buf *out)
{
    bool bare = !strchr(address, ':');

    buf_addf(out, "%s%s%s%s%s:%u", user, *user ? "@" : "", bare ? "" : "[", address,
             bare ? "" : "]", port);
}

static void write_entry(const struct ssh_place *p, const char *indent, struct buf *out)
{
    buf_addf(out, "%s- ssh: '", indent);
    write_place(p->user, p->address, p->port, out);
    buf_adds(out, "'\n");
    for (size_t i = 0; i < p->jumps_n; i++) {
        if (i == 0)
            buf_addf(out, "%s  jump: '", indent);
        write_place(p->jumps[i].user, p->jumps[i].address, p->jumps[i].port, out);
        buf_adds(out, i + 1 < p->jumps_n ? "," : "'\n");
    }
    if (strcmp(p->name, p->address) != 0)
        buf_addf(out, "%s  name: '%s'\n", indent, p->name);
    if (*p->identity_file)
        buf_addf(out, "%s  identity_file: '%s'\n", indent, p->identity_file);
}

static size_t blanks_of(struct str line)
{
    size_t n = 0;

    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

static bool is_empty(struct str line)
{
    line = str_trim(line);
    return !line.n || line.p[0] == '#';
}

/* Right after the line `hosts:`, before its first item and with its indentation. */
static int insert_after(struct str rest, const struct ssh_place *p, struct buf *out,
                        struct err *err)
{
    struct str look = rest, line = {"", 0};
    char indent[64];
    size_t n;

    while (look.p && is_empty(line))
        line = str_split(&look, '\n');
    n = blanks_of(line);
    if (is_empty(line) || (n == 0 && !str_starts(line, STR("-"))))
        n = 2; /* there is no item */
    else if (!str_starts(str_skip(line, n), STR("- ")) || n >= sizeof indent)
        return err_set(err, ERR_SYNTAX, "hosts: is not a list of items, a line each");
    memset(indent, ' ', n);
    indent[n] = '\0';
    write_entry(p, indent, out);
    buf_add(out, rest);
    return 0;
}

int ssh_config_insert(struct str text, const struct ssh_place *p, struct buf *out, struct err *err)
{
    struct str rest = text;

    while (rest.p && rest.n) {
        struct str line = str_split(&rest, '\n');

        buf_add(out, line);
        buf_addc(out, '\n');
        if (!str_starts(line, STR("hosts:")))
            continue;
        if (!is_empty(str_skip(line, 6)))
            return err_set(err, ERR_SYNTAX,
                           "hosts is written in one line; put the new entry there by hand");
        return insert_after(rest.p ? rest : STR(""), p, out, err);
    }
    buf_adds(out, text.n ? "\nhosts:\n" : "hosts:\n");
    write_entry(p, "  ", out);
    return 0;
}

/* A configuration that the server would refuse is not put in place. */
static int check(const char *path, struct err *err)
{
    struct config *config = NULL;
    struct err *errors = NULL;
    size_t n = 0;

    if (config_load(path, NULL, &packs_reader, &config, &errors, &n) == 0) {
        config_free(config);
        return 0;
    }
    *err = errors[0];
    mem_free(errors);
    return err_context(err, "the configuration with the new entry is refused, and was left as it "
                            "is");
}

int ssh_config_add(const char *path, const struct ssh_place *p, struct err *err)
{
    SCOPED(buf_fini) struct buf before;
    SCOPED(buf_fini) struct buf after;
    char beside[1100];
    struct stat st;
    FILE *f;
    bool whole, absent;

    buf_init(&before, FILE_MAX);
    buf_init(&after, 0);
    if (whole_file_read(path, &before, &absent, err) < 0)
        return err_in_file(err, path);
    if (ssh_config_insert(buf_str(&before), p, &after, err) < 0)
        return -1;
    (void)snprintf(beside, sizeof beside, "%.1080s.earshot", path);
    (void)unlink(beside);
    f = fopen(beside, "wxe");
    if (!f)
        return err_os(err, errno, "%s cannot be written", beside);
    (void)fchmod(fileno(f), stat(path, &st) == 0 ? st.st_mode & 0777 : 0600);
    whole = fwrite(after.p, 1, after.n, f) == after.n && fflush(f) == 0;
    whole = fclose(f) == 0 && whole;
    if (!whole)
        (void)err_os(err, errno, "%s cannot be written", beside);
    else if (check(beside, err) == 0) {
        if (rename(beside, path) == 0)
            return 0;
        (void)err_os(err, errno, "%s cannot be written", path);
    }
    (void)unlink(beside);
    return -1;
}
