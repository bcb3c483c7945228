#include "collect/ssh/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/* Of the first version of Landlock, all that changes something, and starting programs. */
#define WRITES                                                                                     \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |  \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int forbid_writing(struct err *err)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs = WRITES};
    long rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

    int error = 0;

    if (rules < 0)
        return err_os(err, errno, "this kernel has no Landlock, or it is switched off");
    if (syscall(SYS_landlock_restrict_self, (int)rules, 0) < 0)
        error = errno;
    (void)close((int)rules);
    return error ? err_os(err, error, "Landlock does not take the rules") : 0;
}

int confine(struct err *err)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    return forbid_writing(err);
}
