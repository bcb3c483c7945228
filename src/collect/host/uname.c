/* uname(2), or what /proc/sys/kernel has of it. */
#include <stdio.h>
#include <sys/utsname.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

/* False: without its kernel's name nothing is known. */
static bool read_far(struct host_run *r, struct utsname *u)
{
    const struct {
        const char *path;
        char *to;
        size_t size;
    } all[] = {
        {"sys/kernel/ostype", u->sysname, sizeof u->sysname},
        {"sys/kernel/osrelease", u->release, sizeof u->release},
        {"sys/kernel/version", u->version, sizeof u->version},
        {"sys/kernel/hostname", u->nodename, sizeof u->nodename},
        {"sys/kernel/domainname", u->domainname, sizeof u->domainname},
        {".machine", u->machine, sizeof u->machine},
    };

    *u = (struct utsname){.sysname = ""};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct str text;

        if (!host_read(r, FILES_PROC, all[i].path, &text))
            continue;
        text = str_trim(text);
        (void)snprintf(all[i].to, all[i].size, "%.*s", STR_ARGS(text));
    }
    return *u->sysname;
}

void uname_collect(struct host_run *r)
{
    struct utsname u;

    if (r->far ? !read_far(r, &u) : uname(&u) < 0)
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
