/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From what a container is (container.h) to what the runtime needs (oci/spec.h)
 *
 * Pure but for reading the user's seccomp profile and writing the small files
 * (hosts, resolv.conf, hostname) that are mounted into the container.
 */

#include "engine/container.h"
#include "engine/spec_security.h"
#include "runtime/runtime.h"
#include "store/mapped.h"

typedef struct SetupInput {
        const Endpoint *endpoint; /* NULL without a network of its own */
        uint64_t userns_base;     /* from idrange_take(); unused with --userns=host */
        const char *upper, *work; /* NULL: the container's own */
        const char
                *files; /* directory for hosts, resolv.conf, hostname; NULL: $RUN/containers/<id> */
} SetupInput;

/* What one run of a container needs; everything in it lives until setup_free(). */
typedef struct ContainerSetup {
        OciSpec *spec;
        RuntimeOptions options; /* complete but for cgroup and stdio */
        CgroupLimits limits;
        SecurityFilter filter;
        char *upper, *work;
        MappedLayers layers; /* what options.root shows in place of the container's own */
        const char *lower[2];
} ContainerSetup;

/* @c must outlive the setup. */
int container_setup(const Container *c, const SetupInput *in, ContainerSetup **ret, Err *err);
ContainerSetup *container_setup_free(ContainerSetup *s);
DEFINE_AUTOPTR(ContainerSetup, container_setup_free)

/* What one more process in a running container needs: RuntimeExec complete but for pidfd, cgroup,
 * stdio. */
typedef struct ExecSetup {
        OciProcess *process;
        RuntimeExec exec;
        SecurityFilter filter;
} ExecSetup;

int exec_setup(const Container *c, const ExecRequest *request, ExecSetup **ret, Err *err);
ExecSetup *exec_setup_free(ExecSetup *s);
DEFINE_AUTOPTR(ExecSetup, exec_setup_free)

/* What its control group is to keep it to; borrows from @h. */
void container_limits(const HostConfig *h, CgroupLimits *ret);

/* True if it gets a user namespace of its own (not --userns=host, not --privileged). */
bool container_has_userns(const Container *c);
/* True if it gets a network namespace of its own. */
bool container_has_netns(const Container *c);
/* The network's name if it is connected to one, else NULL (host, none, container:, process:). */
const char *container_network(const Container *c);
/* True if its network namespace is another container's or some process's. */
bool container_joins_netns(const Container *c);
