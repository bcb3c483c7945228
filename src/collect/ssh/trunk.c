#include "collect/ssh/trunk.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "collect/ssh/jump.h"
#include "collect/ssh/libssh.h"

/* ---- the connection ---- */

static int wait_connected(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0, n;
    socklen_t size = sizeof error;

    do
        n = poll(&p, 1, TRUNK_WAIT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return ETIMEDOUT;
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return errno;
    return error;
}

/* 0, or errno. */
static int connect_to(const struct sockaddr *address, socklen_t size, int *fd)
{
    int error = 0;

    *fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return errno;
    if (connect(*fd, address, size) < 0)
        error = errno == EINPROGRESS ? wait_connected(*fd) : errno;
    if (error)
        (void)close(*fd);
    return error;
}

/* Sooner than the kernel would by itself, which tries for a quarter of an hour. */
static void set_options(int fd, int64_t give_up_ms)
{
    unsigned ms = (unsigned)give_up_ms;
    int yes = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static enum ssh_state state_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
        return SSH_REFUSED;
    case ETIMEDOUT:
        return SSH_TIMEOUT;
    default:
        return SSH_UNREACHABLE;
    }
}

static int explain_connect(const struct trunk_place *place, int error, struct err *err)
{
    switch (error) {
    case ECONNREFUSED:
        return err_set(err, ERR_OS, "connection refused: no SSH server listens on %.200s port %u",
                       place->login.address, place->login.port);
    case ETIMEDOUT:
        return err_set(err, ERR_TIMEOUT, "%.200s does not answer", place->login.address);
    case EHOSTUNREACH:
    case ENETUNREACH:
        return err_set(err, ERR_OS, "no route to %.200s", place->login.address);
    default:
        return err_os(err, error, "cannot connect to %.200s port %u", place->login.address,
                      place->login.port);
    }
}

static int connect_any(const struct trunk_place *place, int *fd, enum ssh_state *state,
                       struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    int rc, error = EHOSTUNREACH;

    (void)snprintf(port, sizeof port, "%u", place->login.port);
    rc = getaddrinfo(place->login.address, port, &hints, &found);
    if (rc != 0) {
        *state = SSH_UNREACHABLE;
        return err_set(err, ERR_OS, "the name %.200s is not known (%s)", place->login.address,
                       gai_strerror(rc));
    }
    for (struct addrinfo *a = found; a && error; a = a->ai_next)
        error = connect_to(a->ai_addr, a->ai_addrlen, fd);
    freeaddrinfo(found);
    if (!error) {
        set_options(*fd, place->give_up_ms);
        return 0;
    }
    *state = state_of(error);
    return explain_connect(place, error, err);
}

/* ---- the session ---- */

static void user_of(const struct trunk_place *place, char out[256])
{
    const struct passwd *self = *place->login.user ? NULL : getpwuid(geteuid());

    (void)snprintf(out, 256, "%s", self ? self->pw_name : place->login.user);
}

void trunk_known_hosts(const struct trunk_place *place, char out[TRUNK_PATH_BYTES])
{
    const char *home = getenv("HOME");
    const struct passwd *self = home && *home ? NULL : getpwuid(geteuid());

    if (*place->login.known_hosts)
        (void)snprintf(out, TRUNK_PATH_BYTES, "%s", place->login.known_hosts);
    else
        (void)snprintf(out, TRUNK_PATH_BYTES, "%s/.ssh/known_hosts",
                       self   ? self->pw_dir
                       : home ? home
                              : "");
}

static int set(const struct trunk *s, enum ssh_options_e option, const void *value)
{
    return s->lib->ssh_options_set(s->ssh, option, value);
}

static int configure(const struct trunk *s, const struct trunk_place *place, struct err *err)
{
    const long seconds = TRUNK_WAIT_MS / 1000;
    const unsigned port = place->login.port;
    const bool no = false;
    char known_hosts[TRUNK_PATH_BYTES], user[256];

    trunk_known_hosts(place, known_hosts);
    user_of(place, user);
    if (set(s, SSH_OPTIONS_HOST, place->login.address) < 0 || set(s, SSH_OPTIONS_PORT, &port) < 0 ||
        set(s, SSH_OPTIONS_USER, user) < 0 || set(s, SSH_OPTIONS_KNOWNHOSTS, known_hosts) < 0 ||
        set(s, SSH_OPTIONS_TIMEOUT, &seconds) < 0 || set(s, SSH_OPTIONS_PROCESS_CONFIG, &no) < 0 ||
        set(s, SSH_OPTIONS_FD, &s->fd) < 0)
        return err_set(err, ERR_TYPE, "the SSH library does not take the settings: %.200s",
                       s->lib->ssh_get_error(s->ssh));
    return 0;
}

/* What the library says of a handshake that failed. */
static int explain_handshake(const struct trunk *s, const struct trunk_place *place,
                             enum ssh_state *state, struct err *err)
{
    const char *words = s->lib->ssh_get_error(s->ssh);

    if (strcasestr(words, "timeout") || strcasestr(words, "timed out")) {
        *state = SSH_TIMEOUT;
        return err_set(err, ERR_TIMEOUT, "%.200s port %u took the connection and then said nothing",
                       place->login.address, place->login.port);
    }
    *state = SSH_REFUSED;
    return err_set(err, ERR_EVAL, "%.200s port %u does not speak SSH with us: %.150s",
                   place->login.address, place->login.port, words);
}

/* Of a connection, on its own or through the machine before it: then `s` has both. */
static int begin(struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                 struct err *err)
{
    s->ssh = s->lib->ssh_new();
    *state = SSH_REFUSED;
    if (!s->ssh)
        return err_set(err, ERR_NOMEM, "no memory for an SSH session");
    if (configure(s, place, err) < 0)
        return -1;
    if (s->lib->ssh_connect(s->ssh) == SSH_OK)
        return 0;
    return explain_handshake(s, place, state, err);
}

/* ---- the machine's key ---- */

void trunk_fingerprint(const struct trunk *s, char out[TRUNK_FINGER_BYTES])
{
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t n = 0;
    char *text = NULL;

    (void)snprintf(out, TRUNK_FINGER_BYTES, "?");
    if (s->lib->ssh_get_server_publickey(s->ssh, &key) != SSH_OK)
        return;
    if (s->lib->ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n) == 0)
        text = s->lib->ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
    if (text)
        (void)snprintf(out, TRUNK_FINGER_BYTES, "%s %s",
                       s->lib->ssh_key_type_to_char(s->lib->ssh_key_type(key)), text);
    s->lib->ssh_string_free_char(text);
    if (hash)
        s->lib->ssh_clean_pubkey_hash(&hash);
    s->lib->ssh_key_free(key);
}

int trunk_check_key(const struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                    struct err *err)
{
    char finger[TRUNK_FINGER_BYTES], known_hosts[TRUNK_PATH_BYTES];
    enum ssh_known_hosts_e known = s->lib->ssh_session_is_known_server(s->ssh);

    if (known == SSH_KNOWN_HOSTS_OK)
        return 0;
    trunk_fingerprint(s, finger);
    trunk_known_hosts(place, known_hosts);
    if (known == SSH_KNOWN_HOSTS_CHANGED || known == SSH_KNOWN_HOSTS_OTHER) {
        *state = SSH_HOST_KEY_CHANGED;
        return err_set(err, ERR_EVAL,
                       "its key is another than the one in %.150s (now %.100s): a machine set up "
                       "anew, or one that only says it is this one; when you know why: earshot ssh "
                       "trust %.60s",
                       known_hosts, finger, place->name);
    }
    *state = SSH_HOST_KEY_UNKNOWN;
    return err_set(err, ERR_EVAL,
                   "its key (%.100s) is not in %.150s; accept it with: earshot ssh trust %.60s",
                   finger, known_hosts, place->name);
}

/* ---- ours ---- */

static int log_in_with(const struct trunk *s, const char *file, int *rc, struct err *err)
{
    ssh_key key = NULL;
    int imported = s->lib->ssh_pki_import_privkey_file(file, NULL, NULL, NULL, &key);

    if (imported == SSH_EOF)
        return err_set(err, ERR_OS, "identity_file %.200s: it is not there, or cannot be read",
                       file);
    if (imported != SSH_OK)
        return err_set(err, ERR_EVAL,
                       "identity_file %.200s: it is no private key, or has a passphrase; use one "
                       "without, or an agent",
                       file);
    *rc = s->lib->ssh_userauth_publickey(s->ssh, NULL, key);
    s->lib->ssh_key_free(key);
    return 0;
}

int trunk_log_in(const struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                 struct err *err)
{
    char user[256];
    int rc = SSH_AUTH_ERROR;

    *state = SSH_AUTH_FAILED;
    user_of(place, user);
    if (!*place->login.identity_file)
        rc = s->lib->ssh_userauth_publickey_auto(s->ssh, NULL, NULL);
    else if (log_in_with(s, place->login.identity_file, &rc, err) < 0)
        return -1;
    if (rc == SSH_AUTH_SUCCESS)
        return 0;
    if (rc == SSH_AUTH_ERROR && !s->lib->ssh_is_connected(s->ssh))
        return explain_handshake(s, place, state, err);
    if (rc == SSH_AUTH_PARTIAL)
        return err_set(
            err, ERR_EVAL,
            "the key is taken, but the server wants more than that (a password, a code)");
    if (*place->login.identity_file)
        return err_set(err, ERR_EVAL,
                       "the server does not take the key for user %.60s; let it in with: "
                       "ssh-copy-id -i %.150s %.60s@%.100s",
                       user, place->login.identity_file, user, place->login.address);
    return err_set(err, ERR_EVAL,
                   "the server takes none of the keys (agent, ~/.ssh/id_*) for user %.60s; let one "
                   "in with ssh-copy-id %.60s@%.100s, or set identity_file",
                   user, user, place->login.address);
}

static int settle(const struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                  struct err *err)
{
    return trunk_check_key(s, place, state, err) < 0 ? -1 : trunk_log_in(s, place, state, err);
}

/* ---- the way ---- */

struct trunk_place trunk_jump(const struct trunk_place *place, size_t i)
{
    struct trunk_place jump = *place;

    jump.login = place->jumps[i];
    jump.jumps_n = i;
    return jump;
}

/* From here to the first machine, or from the one that `s` is open to, to the next. */
static int reach(struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                 struct err *err)
{
    struct trunk next = {.lib = s->lib, .fd = -1};

    if (!s->ssh)
        return connect_any(place, &s->fd, state, err);
    next.way = jump_new(s, place->login.address, place->login.port, &next.fd, state, err);
    if (!next.way)
        return -1;
    *s = next;
    return 0;
}

static int fail_at(const struct trunk_login *jump, struct err *err)
{
    return err_context(err, "jump host %.200s", jump->address);
}

static int pass(struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                struct err *err)
{
    for (size_t i = 0; i < place->jumps_n; i++) {
        const struct trunk_place jump = trunk_jump(place, i);

        if (reach(s, &jump, state, err) < 0) /* the one before does not let through */
            return fail_at(&place->jumps[i > 0 ? i - 1 : 0], err);
        if (begin(s, &jump, state, err) < 0 || settle(s, &jump, state, err) < 0)
            return fail_at(&place->jumps[i], err);
    }
    if (reach(s, place, state, err) == 0)
        return 0;
    return place->jumps_n > 0 ? fail_at(&place->jumps[place->jumps_n - 1], err) : -1;
}

int trunk_connect(const struct libssh *lib, const struct trunk_place *place, struct trunk *out,
                  enum ssh_state *state, struct err *err)
{
    struct trunk s = {.lib = lib, .fd = -1};

    if (pass(&s, place, state, err) == 0 && begin(&s, place, state, err) == 0) {
        *out = s;
        return 0;
    }
    trunk_close(&s);
    return -1;
}

int trunk_open(const struct libssh *lib, const struct trunk_place *place, struct trunk *out,
               enum ssh_state *state, struct err *err)
{
    struct trunk s = {.lib = lib};

    if (trunk_connect(lib, place, &s, state, err) < 0)
        return -1;
    if (settle(&s, place, state, err) < 0) {
        trunk_close(&s);
        return -1;
    }
    *state = SSH_CONNECTED;
    *out = s;
    return 0;
}

bool trunk_lost(const struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                char *out, size_t size)
{
    const struct jump *way = s->way;
    bool lost = false;

    for (size_t i = place->jumps_n; way && i-- > 0; way = jump_trunk(way)->way) {
        const char *words = jump_end(way, state);

        if (words) /* of the nearest: those behind it ended with it */
            (void)snprintf(out, size, "jump host %.60s: %s", place->jumps[i].address, words);
        lost |= words != NULL;
    }
    return lost;
}

/* The library closes the socket, but where it never came to use it. */
void trunk_close(struct trunk *s)
{
    if (s->ssh) {
        s->lib->ssh_disconnect(s->ssh);
        s->lib->ssh_free(s->ssh);
    }
    if (s->fd >= 0)
        (void)close(s->fd); /* EBADF: it did */
    jump_free(s->way);
    s->ssh = NULL;
    s->way = NULL;
    s->fd = -1;
}
