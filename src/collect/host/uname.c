/* uname(2). */
#include <sys/utsname.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

void uname_collect(struct host_run *r)
{
    struct utsname u;

    if (uname(&u) < 0)
        return;
    r->present = true;
    host_family(r, METRIC_GAUGE, "node_uname_info",
                "Labeled system information as provided by the uname system call.");
    host_sample(r, 1,
                (struct label[]){{STR("domainname"), str_c(u.domainname)},
                                 {STR("machine"), str_c(u.machine)},
                                 {STR("nodename"), str_c(u.nodename)},
                                 {STR("release"), str_c(u.release)},
                                 {STR("sysname"), str_c(u.sysname)},
                                 {STR("version"), str_c(u.version)}},
                6);
}
