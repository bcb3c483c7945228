/* The entries of `hosts`, which schema_check has seen. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "collect/ssh/ssh_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "pack/pack_settings.h"

#define PORT             22
#define KEEPALIVE_MS     30000
#define KEEPALIVE_COUNT  3
#define KEEPALIVE_MIN_MS 100
#define KEEPALIVE_MAX_MS 3600000
#define KEEPALIVE_MOST   100

static bool read_port(struct str text, uint16_t *out)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || n > 65535)
            return false;
        n = n * 10 + (unsigned)(text.p[i] - '0');
    }
    *out = (uint16_t)n;
    return n > 0 && n <= 65535;
}

static bool is_address(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("/@[]\\\"'", s.p[i]))
            return false;
    return s.n > 0 && s.n < 256 && s.p[0] != '-';
}

/* "me@gpu-box:2222"; an IPv6 address stands in brackets where a port follows. */
static bool parse_place(struct str text, struct str *user, struct str *address, uint16_t *port)
{
    const char *at = text.n ? memrchr(text.p, '@', text.n) : NULL;
    struct str rest = text, digits = {NULL, 0};

    *user = (struct str){NULL, 0};
    if (at) {
        *user = (struct str){text.p, (size_t)(at - text.p)};
        rest = str_skip(text, user->n + 1);
    }
    if (str_starts(rest, STR("["))) {
        const char *end = memchr(rest.p, ']', rest.n);

        if (!end)
            return false;
        *address = (struct str){rest.p + 1, (size_t)(end - rest.p) - 1};
        rest = str_skip(rest, address->n + 2);
        if (rest.n && rest.p[0] != ':')
            return false;
        digits = rest.n ? str_skip(rest, 1) : digits;
    } else {
        const char *colon = rest.n ? memchr(rest.p, ':', rest.n) : NULL;

        *address = rest;
        if (colon && !memchr(colon + 1, ':', (size_t)(rest.p + rest.n - colon) - 1)) {
            *address = (struct str){rest.p, (size_t)(colon - rest.p)};
            digits = str_skip(rest, address->n + 1);
        }
    }
    *port = PORT;
    return (!at || is_address(*user)) && is_address(*address) &&
           (!digits.p || read_port(digits, port));
}

bool hosts_is_called(const struct yaml *entry, const char *name)
{
    const struct yaml *own = yaml_get(entry, "name"), *ssh = yaml_get(entry, "ssh");
    struct str user, address;
    uint16_t port;

    if (own && own->text.n)
        return str_eq(own->text, str_c(name));
    return ssh && parse_place(ssh->text, &user, &address, &port) && str_eq(address, str_c(name));
}

static void read_place(struct config_builder *b, const struct yaml *node, struct ssh_settings *s)
{
    const struct yaml *ssh = yaml_get(node, "ssh");
    struct str user, address;

    s->name = s->address = "";
    if (!ssh || !ssh->text.n) {
        yaml_error(&b->errors, ssh ? ssh : node,
                   "hosts: ssh is missing: user@host or "
                   "user@host:port");
        return;
    }
    if (!parse_place(ssh->text, &user, &address, &s->port)) {
        yaml_error(&b->errors, ssh, "ssh: expected user@host or user@host:port, found \"%.*s\"",
                   STR_ARGS(str_take(ssh->text, 100)));
        return;
    }
    s->user = user.n ? builder_copy(b, user) : NULL;
    s->address = builder_copy(b, address);
    s->name = builder_text(b, node, "name", s->address);
}

/* "~/" is the home of whoever runs earshot. */
static const char *read_path(struct config_builder *b, const struct yaml *node)
{
    const char *home = getenv("HOME"), *path;

    if (!node || !node->text.n)
        return NULL;
    if (!str_starts(node->text, STR("~/")) || !home)
        return builder_path(b, node);
    path = arena_printf(b->arena, &b->err, "%s%.*s", home, STR_ARGS(str_skip(node->text, 1)));
    b->failed |= !path;
    return path ? path : "";
}

static void read_keepalive(struct config_builder *b, const struct yaml *map, struct ssh_settings *s)
{
    s->keepalive_ms = KEEPALIVE_MS;
    s->keepalive_count = KEEPALIVE_COUNT;
    yaml_read_duration(yaml_get(map, "interval"), "", &s->keepalive_ms, &b->errors);
    yaml_read_i64(yaml_get(map, "count"), "keepalive.count", 1, KEEPALIVE_MOST, &s->keepalive_count,
                  &b->errors);
    if (s->keepalive_ms < KEEPALIVE_MIN_MS || s->keepalive_ms > KEEPALIVE_MAX_MS)
        yaml_error(&b->errors, yaml_get(map, "interval"), "keepalive.interval: 100ms to 1h");
}

/* "me@bastion,inner:2222": machines to pass, the nearest first. */
static void read_jumps(struct config_builder *b, const struct yaml *node, struct ssh_settings *s)
{
    struct str rest = node ? node->text : (struct str){NULL, 0};
    struct ssh_jump *jumps;

    if (!rest.n)
        return;
    jumps = builder_array(b, SSH_JUMPS_MAX, sizeof *jumps);
    s->jumps = jumps;
    while (jumps && rest.p) {
        struct str one = str_trim(str_split(&rest, ',')), user, address;
        struct ssh_jump *jump = &jumps[s->jumps_n];

        if (s->jumps_n == SSH_JUMPS_MAX) {
            yaml_error(&b->errors, node, "jump: at most %d machines on the way", SSH_JUMPS_MAX);
            return;
        }
        if (!parse_place(one, &user, &address, &jump->port)) {
            yaml_error(&b->errors, node,
                       "jump: expected user@host or user@host:port, several with commas in "
                       "between, found \"%.*s\"",
                       STR_ARGS(str_take(one, 100)));
            return;
        }
        jump->user = user.n ? builder_copy(b, user) : NULL;
        jump->address = builder_copy(b, address);
        jump->identity_file = s->identity_file;
        jump->known_hosts = s->known_hosts;
        s->jumps_n++;
    }
}

static const struct ssh_settings *find_named(const struct config *c, const struct ssh_jump *jump)
{
    for (size_t i = 0; !jump->user && jump->port == PORT && i < c->hosts_n; i++)
        if (strcmp(c->hosts[i].name, jump->address) == 0)
            return &c->hosts[i];
    return NULL;
}

/* A name of another entry stands for all that this says of the machine. */
static void resolve_jumps(struct config_builder *b, const struct yaml *at, struct ssh_settings *s)
{
    struct ssh_jump *jumps = (struct ssh_jump *)(uintptr_t)s->jumps; /* ours */

    for (size_t i = 0; i < s->jumps_n; i++) {
        const struct ssh_settings *named = find_named(b->config, &jumps[i]);

        if (!named)
            continue;
        if (named == s || named->jumps_n > 0) {
            yaml_error(&b->errors, at,
                       named == s ? "jump: %.100s is this machine itself"
                                  : "jump: %.100s is reached through another "
                                    "machine itself; write all of them here, "
                                    "with commas in between",
                       named->name);
            return;
        }
        jumps[i] = (struct ssh_jump){.user = named->user,
                                     .address = named->address,
                                     .identity_file = named->identity_file,
                                     .known_hosts = named->known_hosts,
                                     .port = named->port};
        s->fingerprint = hash_mix(s->fingerprint, named->fingerprint);
    }
}

static void read_os(struct config_builder *b, const struct yaml *node, struct ssh_settings *s)
{
    static const char *const names[] = {
        [SSH_OS_AUTO] = "auto", [SSH_OS_LINUX] = "linux", [SSH_OS_WINDOWS] = "windows"};

    if (!node || !node->text.n)
        return;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!str_eq(node->text, str_c(names[i])))
            continue;
        s->os = (enum ssh_os)i;
        return;
    }
    yaml_error(&b->errors, node, "os: expected auto, linux or windows, found \"%.*s\"",
               STR_ARGS(str_take(node->text, 40)));
}

static bool is_forwarded(const struct config *c, size_t hosts_n, uint16_t port)
{
    for (size_t i = 0; i < hosts_n; i++)
        for (size_t k = 0; k < c->hosts[i].forward_n; k++)
            if (c->hosts[i].forward[k] == port)
                return true;
    return false;
}

static void read_forward(struct config_builder *b, const struct yaml *list, size_t hosts_n,
                         struct ssh_settings *s)
{
    uint16_t *ports;

    if (!list || list->kind != YAML_LIST)
        return;
    ports = builder_array(b, list->n, sizeof *ports);
    s->forward = ports;
    for (size_t i = 0; ports && i < list->n; i++) {
        uint16_t port;

        if (!read_port(list->items[i].text, &port))
            yaml_error(&b->errors, &list->items[i], "forward: expected ports, 1 to 65535");
        else if (is_forwarded(b->config, hosts_n + 1, port))
            yaml_error(&b->errors, &list->items[i],
                       "forward: port %u is opened for another already", port);
        else
            ports[s->forward_n++] = port;
    }
}

static void check_name(struct config_builder *b, const struct yaml *node, size_t n)
{
    const struct ssh_settings *hosts = b->config->hosts;

    for (size_t i = 0; i < n; i++)
        if (strcmp(hosts[i].name, hosts[n].name) == 0 && *hosts[n].name)
            yaml_error(&b->errors, yaml_get(node, "name") ? yaml_get(node, "name") : node,
                       b->use ? "ssh: \"%.100s\" is reached in another way already; put one entry "
                                "under hosts and the packs into its list packs"
                              : "hosts: two are called \"%.100s\"; give one another name",
                       hosts[n].name);
}

/* Of what the tunnel is made of; what is collected through it has its own. */
static uint64_t fingerprint(const struct yaml *node)
{
    uint64_t hash = hash_str(builder_folder(node));

    for (size_t i = 0; i < node->n; i++)
        if (!str_eq(node->pairs[i].key.text, STR("collect")) &&
            !str_eq(node->pairs[i].key.text, STR("packs")))
            hash = job_hash_tree(hash_mix(hash, hash_str(node->pairs[i].key.text)),
                                 &node->pairs[i].value);
    return hash;
}

/* What is read from the machine's own files. */
static void read_machine(struct config_builder *b, const struct yaml *collect,
                         const struct ssh_settings *s)
{
    const struct yaml *host = yaml_get(collect, "host"), *process = yaml_get(collect, "process");
    const struct yaml *own = host ? host : process;

    if (own && s->os == SSH_OS_WINDOWS) {
        yaml_error(&b->errors, b->use ? b->use->at : own,
                   "hosts: host and process read /proc, which Windows does not have; scrape a "
                   "windows_exporter there");
        return;
    }
    if (host && !b->config->host_of[s - b->config->hosts].enabled) /* the first one counts */
        config_read_host(b, host, &b->config->host_of[s - b->config->hosts]);
    for (size_t i = 0; process && process->kind == YAML_LIST && i < process->n; i++)
        if (yaml_get(&process->items[i], "pid_file"))
            yaml_error(&b->errors, yaml_get(&process->items[i], "pid_file"),
                       "pid_file: is not read over SSH; give match, exe, unit or user");
}

/* Without what is not read over SSH: a GPU of vLLM's is none of what it is asked for. NULL: nothing
 * is left. */
static const struct yaml *readable_part(struct config_builder *b, const struct pack_use *use)
{
    struct yaml *part = builder_array(b, 1, sizeof *part);
    struct yaml_pair *pairs = builder_array(b, use->collect->n, sizeof *pairs);

    if (!part || !pairs)
        return NULL;
    *part = *use->collect;
    part->pairs = pairs;
    part->n = 0;
    for (size_t i = 0; i < use->collect->n; i++) {
        const struct yaml_pair *pair = &use->collect->pairs[i];

        if (!schema_is_refused(&schema_hosts_collect, pair->key.text))
            pairs[part->n++] = *pair;
        else
            yaml_error(&b->warnings, use->at,
                       "the pack %s: %.*s is not read over SSH, and is left "
                       "out for %s",
                       use->name, STR_ARGS(pair->key.text), b->host);
    }
    if (part->n > 0)
        return part;
    yaml_error(&b->errors, use->at, "the pack %s: nothing of it is read over SSH", use->name);
    return NULL;
}

/* Beside those of `packs`, for whoever asks which packs are in use. */
static void note_packs(struct config_builder *b, const struct pack_uses *uses)
{
    struct pack_uses *all = &b->config->packs;
    struct pack_use *items = builder_array(b, all->n + uses->n, sizeof *items);

    if (!items)
        return;
    if (all->n)
        memcpy(items, all->items, all->n * sizeof *items);
    for (size_t i = 0; i < uses->n; i++) {
        items[all->n + i] = uses->items[i];
        items[all->n + i].host_name = b->host;
    }
    all->items = items;
    all->n += uses->n;
}

/* What they stand for is read like what stands under `collect`. */
static void read_own_packs(struct config_builder *b, const struct yaml *packs,
                           const struct ssh_settings *s)
{
    struct schema_check check = {&b->errors, &b->warnings, false};
    struct pack_uses uses = {.items = NULL};
    const struct yaml *collect;

    if (!packs || packs->kind == YAML_NULL)
        return;
    if (!b->packs) {
        yaml_error(&b->errors, packs, "packs: there are none in this program");
        return;
    }
    if (b->packs->expand(b->arena, packs, &b->errors, &b->warnings, &uses, &b->err) < 0)
        b->failed = true;
    for (size_t i = 0; i < uses.n; i++) {
        size_t before = b->errors.n;

        if (uses.items[i].host) {
            yaml_error(&b->errors, uses.items[i].at,
                       "the pack %s: is behind this host already; leave ssh out",
                       uses.items[i].name);
            continue;
        }
        if (!uses.items[i].collect) {
            yaml_error(&b->errors, uses.items[i].at,
                       "the pack %s: collects nothing; name it in packs at the top of the file",
                       uses.items[i].name);
            continue;
        }
        collect = readable_part(b, &uses.items[i]);
        if (collect)
            schema_check(&schema_hosts_collect, collect, &check);
        if (!collect || b->errors.n > before)
            continue;
        b->use = &uses.items[i];
        used_packs_note(b, b->use, s->name);
        read_machine(b, collect, s);
        entries_read(b, collect);
    }
    b->use = NULL;
    note_packs(b, &uses);
}

static void read_what_is_behind(struct config_builder *b, const struct yaml *node,
                                const struct ssh_settings *s)
{
    b->host = s->name;
    read_machine(b, yaml_get(node, "collect"), s);
    config_read_jobs(b, yaml_get(yaml_get(node, "collect"), "scrape"));
    entries_read(b, yaml_get(node, "collect"));
    read_own_packs(b, yaml_get(node, "packs"), s);
    b->host = NULL;
}

static void read_host(struct config_builder *b, const struct yaml *node)
{
    size_t n = b->config->hosts_n;
    struct ssh_settings *s = &b->config->hosts[n];

    read_place(b, node, s);
    check_name(b, node, n);
    s->identity_file = read_path(b, yaml_get(node, "identity_file"));
    s->known_hosts = read_path(b, yaml_get(node, "known_hosts"));
    read_keepalive(b, yaml_get(node, "keepalive"), s);
    read_jumps(b, yaml_get(node, "jump"), s);
    read_os(b, yaml_get(node, "os"), s);
    read_forward(b, yaml_get(node, "forward"), n, s);
    s->of_pack = b->use != NULL;
    s->fingerprint = fingerprint(node);
    b->config->hosts_n++;
    read_what_is_behind(b, node, s);
}

static const struct ssh_settings *host_alike(const struct config *c, size_t from, uint64_t print)
{
    for (size_t i = from; i < c->hosts_n; i++)
        if (c->hosts[i].fingerprint == print)
            return &c->hosts[i];
    return NULL;
}

/* Where packs are that are reached over SSH. Those that say the same of the way share the host. */
static void read_packs(struct config_builder *b)
{
    const struct pack_uses uses = b->config->packs; /* those of hosts come behind them */
    size_t listed = b->config->hosts_n;

    for (size_t i = 0; i < uses.n; i++) {
        const struct yaml *node = uses.items[i].host;
        const struct ssh_settings *alike;
        size_t before = b->errors.n;

        if (!node)
            continue;
        b->use = &uses.items[i];
        alike = host_alike(b->config, listed, fingerprint(node));
        if (alike) {
            read_what_is_behind(b, node, alike);
        } else {
            read_host(b, node);
            alike = &b->config->hosts[b->config->hosts_n - 1];
        }
        b->config->packs.items[i].host_name = alike->name;
        used_packs_note(b, b->use, alike->name);
        used_packs_relocate(b, before, b->use);
    }
    b->use = NULL;
}

void hosts_read(struct config_builder *b, const struct yaml *list)
{
    size_t listed = list && list->kind == YAML_LIST ? list->n : 0;
    size_t n = listed + b->config->packs.n;

    b->config->hosts = builder_array(b, n, sizeof *b->config->hosts);
    b->config->host_of = builder_array(b, n, sizeof *b->config->host_of);
    if (!b->config->hosts || !b->config->host_of)
        return;
    for (size_t i = 0; i < listed; i++)
        if (list->items[i].kind == YAML_MAP)
            read_host(b, &list->items[i]);
    read_packs(b);
    for (size_t i = 0, at = 0; i < listed; i++)
        if (list->items[i].kind == YAML_MAP)
            resolve_jumps(b, yaml_get(&list->items[i], "jump"), &b->config->hosts[at++]);
}
