/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/fds.h"
#include "base/str.h"
#include "base/stream.h"
#include "runtime/agent.h"

#define OCI_VERSION "1.2.0" /* the first with all that is said here */

typedef struct ContainerState {
        char *oci_version, *id, *status, *bundle;
        int pid;
        char **annotations;
} ContainerState;

typedef struct ProcessState {
        char *oci_version, *metadata;
        char **fds; /* names of the descriptors that come along */
        int pid;
        ContainerState state;
} ProcessState;

static const JsonField state_fields[] = {
        JSON_STRING(ContainerState, oci_version, "ociVersion"),
        JSON_STRING(ContainerState, id, "id", JSON_ALWAYS),
        JSON_STRING(ContainerState, status, "status"),
        JSON_INT(ContainerState, pid, "pid"),
        JSON_STRING(ContainerState, bundle, "bundle", JSON_ALWAYS),
        JSON_PAIRS(ContainerState, annotations, "annotations"),
        {},
};
static const JsonType state_type = { sizeof(ContainerState), state_fields };

static const JsonField process_fields[] = {
        JSON_STRING(ProcessState, oci_version, "ociVersion"),
        JSON_STRINGS(ProcessState, fds, "fds"),
        JSON_INT(ProcessState, pid, "pid"),
        JSON_STRING(ProcessState, metadata, "metadata"),
        JSON_STRUCT(ProcessState, state, ContainerState, "state", &state_type),
        {},
};
static const JsonType process_type = { sizeof(ProcessState), process_fields };

RuntimeAgent runtime_agent(const OciSpec *spec, const char *id, const char *bundle) {
        const OciSeccomp *seccomp = spec->linux_ ? spec->linux_->seccomp : NULL;

        return (RuntimeAgent){
                .path = seccomp ? seccomp->listener_path : NULL,
                .metadata = seccomp ? seccomp->listener_metadata : NULL,
                .id = id,
                .bundle = bundle,
                .annotations = spec->annotations,
        };
}

int agent_connect(const RuntimeAgent *agent, Err *err) {
        int s;

        if (!agent || str_empty(agent->path))
                return refuse(err, EINVAL, "a system call filter asks an agent, but none is named");
        s = stream_connect_unix(agent->path);
        if (s < 0)
                return refuse(err, ECONNREFUSED, "cannot reach the seccomp agent at '%s': %s",
                              agent->path, strerror(-s));
        return s;
}

/* The struct borrows everything, so it is never cleared. */
static char *document(const RuntimeAgent *agent, pid_t pid) {
        char *fds[] = { (char *) "seccompFd", NULL };
        pid_t init = agent->init ? agent->init : pid;
        const ProcessState process = {
                .oci_version = (char *) OCI_VERSION,
                .metadata = (char *) agent->metadata,
                .fds = fds,
                .pid = pid ? pid : init,
                .state = { .oci_version = (char *) OCI_VERSION,
                           .id = (char *) agent->id,
                           .status = (char *) (agent->status ? agent->status : "creating"),
                           .bundle = (char *) agent->bundle,
                           .pid = init,
                           .annotations = (char **) agent->annotations },
        };

        return json_text(&process_type, &process);
}

int agent_send(const RuntimeAgent *agent, int connection, int listener, pid_t pid, Err *err) {
        autofree char *text = document(agent, pid);
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot tell the seccomp agent of the container");
        r = fds_send(connection, text, strlen(text), &listener, 1);
        if (r < 0)
                return fail(err, r, "cannot hand the listener to the seccomp agent at '%s'",
                            agent->path);
        return 0;
}
