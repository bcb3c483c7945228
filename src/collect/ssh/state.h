/* state: how a tunnel is, in the words of the series earshot_ssh_state. */
#ifndef COLLECT_SSH_STATE_H
#define COLLECT_SSH_STATE_H

enum ssh_state {
    SSH_CONNECTED,
    SSH_CONNECTING,       /* for the first time, or since it was cut; nothing is known yet */
    SSH_REFUSED,          /* the machine is there, but no SSH server that talks with us */
    SSH_UNREACHABLE,      /* no way to it, or its name is not known */
    SSH_AUTH_FAILED,      /* it takes none of our keys */
    SSH_HOST_KEY_UNKNOWN, /* not tried again until known_hosts is another */
    SSH_HOST_KEY_CHANGED, /* the same */
    SSH_TIMEOUT,          /* no answer, or none any more */
    SSH_STATES
};

const char *ssh_state_name(enum ssh_state s);

#endif
