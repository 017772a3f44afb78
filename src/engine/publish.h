/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From what `-p` and `-P` say (Docker's PortBindings and ExposedPorts) to the
 * ports that network_publish() takes, and back to Docker's words once the host
 * ports are chosen.
 */

#include "engine/container.h"

void published_port_clear(PublishedPort *p);
void published_ports_free(PublishedPort *ports, size_t n);

/* The ports a container wants; @ret is freed with published_ports_free(). */
int publish_collect(const Container *c, PublishedPort **ret, size_t *ret_n, Err *err);

/* What is published where, for state.json: one map entry for each container port; quiet. */
int publish_report(const PublishedPort *ports, size_t n, PortMap **ret, size_t *ret_n);

/* The same list again from state.json, for whoever takes them back. */
int publish_recall(const ContainerState *state, PublishedPort **ret, size_t *ret_n);
