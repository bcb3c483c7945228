/* An entry of collect.docker. */
#include "collect/docker/docker_settings.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "config/schema.h"

#define SOCKET_PATH_MAX 107 /* bytes: what the kernel takes */

const void *entry_read_docker(struct config_builder *b, const struct yaml *node,
                              struct entry_settings *entry)
{
    struct docker_settings *s = builder_array(b, 1, sizeof *s);
    const struct yaml *socket = yaml_get(node, "socket");
    struct yaml path;

    entry->name = "docker";
    if (!s || !schema_gives(node, "socket") || socket->kind != YAML_SCALAR)
        return s;
    path = *socket;
    if (str_starts(path.text, STR("unix://"))) /* as DOCKER_HOST has it */
        path.text = str_skip(path.text, strlen("unix://"));
    s->socket = entry->name = builder_path(b, &path);
    if (!str_starts(str_c(s->socket), STR("/")))
        yaml_error(&b->errors, socket,
                   "collect.docker: socket: expected an absolute path, as "
                   "/run/podman/podman.sock");
    else if (strlen(s->socket) > SOCKET_PATH_MAX)
        yaml_error(&b->errors, socket,
                   "collect.docker: socket: the path of a Unix socket has at most %d bytes",
                   SOCKET_PATH_MAX);
    return s;
}
