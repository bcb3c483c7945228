#include "collect/ssh/state.h"

const char *ssh_state_name(enum ssh_state s)
{
    static const char *const names[SSH_STATES] = {
        [SSH_CONNECTED] = "connected",
        [SSH_CONNECTING] = "connecting",
        [SSH_REFUSED] = "refused",
        [SSH_UNREACHABLE] = "unreachable",
        [SSH_AUTH_FAILED] = "auth_failed",
        [SSH_HOST_KEY_UNKNOWN] = "host_key_unknown",
        [SSH_HOST_KEY_CHANGED] = "host_key_changed",
        [SSH_TIMEOUT] = "timeout",
    };

    return names[s];
}
