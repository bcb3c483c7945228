#include "collect/process/exits.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"

const char *exit_reason_name(enum exit_reason reason)
{
    static const char *const names[EXIT_REASONS] = {
        [EXIT_EXIT] = "exit", [EXIT_CRASH] = "crash",     [EXIT_SIGNAL] = "signal",
        [EXIT_OOM] = "oom",   [EXIT_UNKNOWN] = "unknown",
    };

    return names[reason];
}

int exits_watch(uint64_t pid)
{
    return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
}

/* The first version of the kernel's struct pidfd_info; Debian 12's headers do not have it. */
struct exit_info {
    uint64_t mask, cgroup;
    uint32_t pid, group, parent, users[8];
    int32_t status;
};
_Static_assert(sizeof(struct exit_info) == 64, "the kernel's layout");

#define GET_INFO  _IOWR(0xff, 11, struct exit_info)
#define INFO_EXIT (UINT64_C(1) << 3)

bool exits_status(int fd, int *out)
{
    struct exit_info info = {.mask = INFO_EXIT};

    if (fd < 0 || ioctl(fd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
        return false;
    *out = info.status;
    return true;
}

static bool is_of_a_mistake(int sig)
{
    switch (sig) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
    case SIGTRAP:
    case SIGSYS:
        return true;
    default:
        return false;
    }
}

/* 0: by itself. */
static int signal_of(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return WEXITSTATUS(status) > 128 && WEXITSTATUS(status) <= 128 + SIGSYS
               ? WEXITSTATUS(status) - 128
               : 0;
}

enum exit_reason exits_judge(int status)
{
    int sig = signal_of(status);

    if (sig)
        return is_of_a_mistake(sig) ? EXIT_CRASH : EXIT_SIGNAL;
    return WEXITSTATUS(status) ? EXIT_CRASH : EXIT_EXIT;
}

bool exits_was_killed(int status)
{
    return signal_of(status) == SIGKILL;
}
