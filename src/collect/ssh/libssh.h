/* libssh: the library, loaded when the first tunnel is opened: whoever has no `hosts` needs none of
 * it. Used in the worker alone.
 */
#ifndef COLLECT_SSH_LIBSSH_H
#define COLLECT_SSH_LIBSSH_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/attr.h"

struct err;

#define LIBSSH_FUNCTIONS(F)                                                                        \
    F(ssh_channel_close)                                                                           \
    F(ssh_channel_free)                                                                            \
    F(ssh_channel_is_closed)                                                                       \
    F(ssh_channel_is_eof)                                                                          \
    F(ssh_channel_is_open)                                                                         \
    F(ssh_channel_new)                                                                             \
    F(ssh_channel_open_forward)                                                                    \
    F(ssh_channel_open_session)                                                                    \
    F(ssh_channel_read_nonblocking)                                                                \
    F(ssh_channel_request_exec)                                                                    \
    F(ssh_channel_send_eof)                                                                        \
    F(ssh_channel_window_size)                                                                     \
    F(ssh_channel_write)                                                                           \
    F(ssh_clean_pubkey_hash)                                                                       \
    F(ssh_connect)                                                                                 \
    F(ssh_disconnect)                                                                              \
    F(ssh_event_add_session)                                                                       \
    F(ssh_event_dopoll)                                                                            \
    F(ssh_event_free)                                                                              \
    F(ssh_event_new)                                                                               \
    F(ssh_event_remove_session)                                                                    \
    F(ssh_free)                                                                                    \
    F(ssh_get_error)                                                                               \
    F(ssh_get_fd)                                                                                  \
    F(ssh_get_fingerprint_hash)                                                                    \
    F(ssh_get_poll_flags)                                                                          \
    F(ssh_get_publickey_hash)                                                                      \
    F(ssh_get_server_publickey)                                                                    \
    F(ssh_init)                                                                                    \
    F(ssh_is_connected)                                                                            \
    F(ssh_key_free)                                                                                \
    F(ssh_key_type)                                                                                \
    F(ssh_key_type_to_char)                                                                        \
    F(ssh_new)                                                                                     \
    F(ssh_options_set)                                                                             \
    F(ssh_pki_import_privkey_file)                                                                 \
    F(ssh_remove_channel_callbacks)                                                                \
    F(ssh_send_keepalive)                                                                          \
    F(ssh_session_export_known_hosts_entry)                                                        \
    F(ssh_session_is_known_server)                                                                 \
    F(ssh_set_blocking)                                                                            \
    F(ssh_set_channel_callbacks)                                                                   \
    F(ssh_set_counters)                                                                            \
    F(ssh_string_free_char)                                                                        \
    F(ssh_userauth_publickey)                                                                      \
    F(ssh_userauth_publickey_auto)

/* Each under its own name: lib->ssh_connect(session). */
struct libssh {
#define F(name) __typeof__(&name) name;
    LIBSSH_FUNCTIONS(F)
#undef F
};

/* Stays loaded. ERR_LIMIT: it is not installed; the message names the package. */
MUST_USE int libssh_load(struct libssh *out, struct err *err);

#endif
