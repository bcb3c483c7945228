/* earshot ssh add, trust, ls: machines under `hosts`, and their keys. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/ssh_config.h"
#include "cli/table.h"
#include "collect/ssh/known_hosts.h"
#include "collect/ssh/libssh.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/ssh/trunk.h"
#include "config/config.h"
#include "pack/pack.h"

#define GIVE_UP_MS 10000

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "earshot: %s\n", err->text);
    return STATUS_FAILED;
}

/* ---- ls ---- */

static struct str text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return str_c(text ? text : "");
}

static void add_row(const json_t *tunnel, struct table *t)
{
    table_add(t, text_of(tunnel, "host"));
    table_add(t, text_of(tunnel, "address"));
    table_add(t, text_of(tunnel, "state"));
    table_add(t, text_of(tunnel, "since"));
    table_add(t, text_of(tunnel, "words"));
}

int ssh_ls_run(const struct args *args)
{
    static const char *const heads[] = {"host", "address", "state", "since", "why"};
    json_t *data = NULL, *tunnels;
    struct err err = {0};
    struct table t;
    struct buf out;
    size_t down = 0, i;
    const json_t *tunnel;

    if (client_json(args, "/api/v1/targets", NULL, 0, &data, &err) < 0)
        return client_failed(&err);
    tunnels = json_object_get(data, "tunnels");
    table_init(&t, ARRAY_LEN(heads), 0);
    for (i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, str_c(heads[i]));
    json_array_foreach(tunnels, i, tunnel)
    {
        add_row(tunnel, &t);
        down += !json_is_true(json_object_get(tunnel, "up"));
    }
    buf_init(&out, 0);
    if (args_switch(args, "json")) {
        json_t *none = json_array();

        (void)json_dumpf(tunnels ? tunnels : none, stdout, JSON_INDENT(2));
        (void)printf("\n");
        json_decref(none);
    } else if (table_terminal_width()) {
        table_print(&t, table_terminal_width(), &out);
    } else {
        table_csv(&t, &out);
    }
    (void)fwrite(out.p ? out.p : "", 1, out.n, stdout);
    buf_fini(&out);
    table_fini(&t);
    json_decref(data);
    return down ? STATUS_FAILED : STATUS_OK;
}

/* ---- keys ---- */

static struct trunk_login login_of(const struct ssh_jump *from)
{
    return (struct trunk_login){.user = from->user ? from->user : "",
                                .address = from->address,
                                .identity_file = from->identity_file ? from->identity_file : "",
                                .known_hosts = from->known_hosts ? from->known_hosts : "",
                                .port = from->port};
}

static struct trunk_place place_of(const struct ssh_settings *s)
{
    struct trunk_place place = {
        .name = s->name,
        .login = login_of(
            &(struct ssh_jump){s->user, s->address, s->identity_file, s->known_hosts, s->port}),
        .jumps_n = s->jumps_n,
        .give_up_ms = GIVE_UP_MS};

    for (size_t i = 0; i < s->jumps_n; i++)
        place.jumps[i] = login_of(&s->jumps[i]);
    return place;
}

/* On a terminal only; --yes answers for a script, which must know what it does. */
static bool ask(const struct args *args, const char *question)
{
    char line[16];

    if (args_switch(args, "yes"))
        return true;
    if (!isatty(STDIN_FILENO)) {
        (void)fprintf(stderr, "earshot: nobody is there to be asked; compare the key and give "
                              "--yes\n");
        return false;
    }
    (void)printf("%s [y/N] ", question);
    (void)fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int put_key(const struct trunk *t, const struct trunk_place *place, struct err *err)
{
    char path[TRUNK_PATH_BYTES];
    char *entry = NULL;
    int rc;

    trunk_known_hosts(place, path);
    if (t->lib->ssh_session_export_known_hosts_entry(t->ssh, &entry) != SSH_OK)
        return err_set(err, ERR_EVAL, "the key cannot be written: %.200s",
                       t->lib->ssh_get_error(t->ssh));
    rc = known_hosts_put(path, place->login.address, place->login.port, str_c(entry), err);
    t->lib->ssh_string_free_char(entry);
    if (rc == 0)
        (void)printf("its key is in %s now\n", path);
    return rc;
}

/* `may_change`: a key that is another than before may be taken too. */
static int settle_key(const struct args *args, const struct trunk *t,
                      const struct trunk_place *place, const char *what, bool may_change)
{
    char finger[TRUNK_FINGER_BYTES];
    enum ssh_state state;
    struct err err = {0};

    if (trunk_check_key(t, place, &state, &err) == 0) {
        (void)printf("%s: its key is known already\n", what);
        return STATUS_OK;
    }
    trunk_fingerprint(t, finger);
    (void)printf("%s (%s port %u) shows the key\n    %s\n", what, place->login.address,
                 place->login.port, finger);
    if (state == SSH_HOST_KEY_CHANGED && !may_change)
        return fail(&err);
    if (state == SSH_HOST_KEY_CHANGED)
        (void)printf("which is ANOTHER than the one that is known. Either the machine was set up "
                     "anew, or somebody\nelse answers in its place: ask whoever runs it.\n");
    (void)printf("There, `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` (or ecdsa, rsa) shows "
                 "the same.\n");
    if (!ask(args, "Is it this key?")) {
        (void)printf("nothing was changed\n");
        return STATUS_FAILED;
    }
    return put_key(t, place, &err) < 0 ? fail(&err) : STATUS_OK;
}

/* Of the machines on the way: each is passed only when its key is known. */
static int settle_jumps(const struct args *args, const struct libssh *lib,
                        const struct trunk_place *place, bool may_change)
{
    int status = STATUS_OK;

    for (size_t i = 0; i < place->jumps_n && status == STATUS_OK; i++) {
        const struct trunk_place jump = trunk_jump(place, i);
        enum ssh_state state;
        struct err err = {0};
        struct trunk t;

        if (trunk_connect(lib, &jump, &t, &state, &err) < 0)
            return fail(&err);
        status = settle_key(args, &t, &jump, "the machine on the way", may_change);
        trunk_close(&t);
    }
    return status;
}

/* ---- trust ---- */

static int load(const char *path, struct config **out)
{
    struct err *errors = NULL;
    size_t n = 0;
    struct buf text;

    if (config_load(path, NULL, &packs_reader, out, &errors, &n) == 0)
        return STATUS_OK;
    buf_init(&text, 0);
    for (size_t i = 0; i < n; i++)
        config_print_error(&errors[i], &text);
    (void)fwrite(text.p, 1, text.n, stderr);
    buf_fini(&text);
    mem_free(errors);
    return STATUS_USAGE;
}

static const struct ssh_settings *find_host(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->hosts_n; i++)
        if (strcmp(c->hosts[i].name, name) == 0)
            return &c->hosts[i];
    return NULL;
}

static int trust(const struct args *args, const struct ssh_settings *host)
{
    const struct trunk_place place = place_of(host);
    struct libssh lib;
    struct trunk t;
    enum ssh_state state;
    struct err err = {0};
    int status;

    if (libssh_load(&lib, &err) < 0)
        return fail(&err);
    status = settle_jumps(args, &lib, &place, true);
    if (status != STATUS_OK)
        return status;
    if (trunk_connect(&lib, &place, &t, &state, &err) < 0)
        return fail(&err);
    status = settle_key(args, &t, &place, place.name, true);
    trunk_close(&t);
    if (status == STATUS_OK)
        (void)printf("earshot connects within a few seconds\n");
    return status;
}

int ssh_trust_run(const struct args *args)
{
    const char *path = args_text(args, "config");
    const struct ssh_settings *host;
    struct config *config = NULL;
    int status;

    if (!path) {
        (void)fprintf(stderr, "earshot: which configuration? give --config FILE\n");
        return STATUS_USAGE;
    }
    status = load(path, &config);
    if (status != STATUS_OK)
        return status;
    host = find_host(config, args->words[0]);
    if (host) {
        status = trust(args, host);
    } else {
        (void)fprintf(stderr, "earshot: no entry of hosts in %s is called \"%s\"\n", path,
                      args->words[0]);
        status = STATUS_USAGE;
    }
    config_free(config);
    return status;
}

/* ---- add ---- */

static struct trunk_place place_found(const struct ssh_place *found)
{
    struct trunk_place place = {
        .name = found->name,
        .login = {found->user, found->address, found->identity_file, "", found->port},
        .jumps_n = found->jumps_n,
        .give_up_ms = GIVE_UP_MS};

    for (size_t i = 0; i < found->jumps_n; i++)
        place.jumps[i] = (struct trunk_login){found->jumps[i].user, found->jumps[i].address,
                                              found->identity_file, "", found->jumps[i].port};
    return place;
}

static int add(const struct args *args, const struct ssh_place *found, const char *path)
{
    const struct trunk_place place = place_found(found);
    struct libssh lib;
    struct trunk t;
    enum ssh_state state;
    struct err err = {0};
    int status;

    if (libssh_load(&lib, &err) < 0)
        return fail(&err);
    status = settle_jumps(args, &lib, &place, false);
    if (status != STATUS_OK)
        return status;
    if (trunk_connect(&lib, &place, &t, &state, &err) < 0)
        return fail(&err);
    status = settle_key(args, &t, &place, place.name, false);
    if (status == STATUS_OK && trunk_log_in(&t, &place, &state, &err) < 0)
        status = fail(&err);
    trunk_close(&t);
    if (status != STATUS_OK)
        return status;
    if (ssh_config_add(path, found, &err) < 0)
        return fail(&err);
    (void)printf("%s is in %s now; say under its `collect` what to read there, then reload "
                 "(SIGHUP)\n",
                 found->name, path);
    return STATUS_OK;
}

int ssh_add_run(const struct args *args)
{
    const char *path = args_text(args, "config"), *identity = args_text(args, "identity-file");
    struct ssh_place found;
    struct err err = {0};

    if (!path) {
        (void)fprintf(stderr, "earshot: which configuration? give --config FILE\n");
        return STATUS_USAGE;
    }
    if (ssh_config_resolve(args->words[0], &found, &err) < 0) {
        (void)fprintf(stderr, "earshot: %s\n", err.text);
        return STATUS_USAGE;
    }
    if (args_text(args, "name"))
        (void)snprintf(found.name, sizeof found.name, "%s", args_text(args, "name"));
    if (identity)
        (void)snprintf(found.identity_file, sizeof found.identity_file, "%s", identity);
    return add(args, &found, path);
}
