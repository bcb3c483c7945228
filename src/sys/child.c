#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Lanes have signals blocked and SIGPIPE ignored; a program starts with neither. */
static int spawn(const char *const argv[], int output, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, pipe_signal;
    int rc;

    (void)sigemptyset(&none);
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&how) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setpgroup(&how, 0);
    (void)posix_spawnattr_setsigmask(&how, &none);
    (void)posix_spawnattr_setsigdefault(&how, &pipe_signal);
    rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, output, 1);
    /* posix_spawnp takes texts that it never writes to. */
    rc = rc ? rc : posix_spawnp(pid, argv[0], &files, &how, (char *const *)argv, environ);
    (void)posix_spawnattr_destroy(&how);
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* Until it closes its output. */
static int take_output(int fd, int64_t deadline, size_t bytes_max, struct buf *out, struct err *err)
{
    for (;;) {
        int64_t left = deadline - now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        char *room;
        ssize_t got;

        if (left <= 0)
            return err_set(err, ERR_TIMEOUT, "no end within its time");
        if (poll(&wait, 1, (int)(left < 60000 ? left : 60000)) <= 0)
            continue;
        room = buf_reserve(out, 4096);
        if (!room || out->n > bytes_max)
            return err_set(err, ERR_LIMIT, "it prints more than %zu bytes", bytes_max);
        got = read(fd, room, 4096);
        if (got == 0)
            return 0;
        if (got > 0)
            out->n += (size_t)got;
        else if (errno != EINTR)
            return err_os(err, errno, "its output cannot be read");
    }
}

static int take_status(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* One that has closed its output may still run; it has the same deadline. */
static int wait_until(pid_t pid, int64_t deadline, struct err *err)
{
    for (;;) {
        siginfo_t info = {.si_pid = 0};

        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
            return err_os(err, errno, "cannot wait for it");
        if (info.si_pid == pid)
            return 0;
        if (now_ms() >= deadline)
            return err_set(err, ERR_TIMEOUT, "no end within its time");
        (void)poll(NULL, 0, 2);
    }
}

int child_run(const char *const argv[], int64_t timeout_ms, size_t bytes_max, struct buf *out,
              struct child_end *end, struct err *err)
{
    int64_t deadline = now_ms() + timeout_ms;
    int ends[2], rc, os;
    pid_t pid;

    *end = (struct child_end){.absent = false};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_os(err, errno, "no pipe for its output");
    os = spawn(argv, ends[1], &pid);
    (void)close(ends[1]);
    if (os != 0) {
        (void)close(ends[0]);
        end->absent = os == ENOENT || os == ENOTDIR;
        return end->absent ? 0 : err_os(err, os, "cannot be started");
    }
    rc = take_output(ends[0], deadline, bytes_max, out, err);
    (void)close(ends[0]);
    if (rc == 0)
        rc = wait_until(pid, deadline, err);
    if (rc < 0)
        (void)kill(-pid, SIGKILL);
    end->status = take_status(pid);
    return rc;
}
