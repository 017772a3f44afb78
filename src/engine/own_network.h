/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --network pasta: a container of an ordinary user with a pasta(1) of its own
 *
 * Its network namespace is no part of the user's networks (uplink.h): it has the machine's
 * addresses and routes, or those that the options say, and nobody by name.  Published ports are
 * pasta's.  $RUN/containers/ID has its number and its log; it is ended with the container by
 * whoever takes back what that held.
 */

#include "engine/container.h"

/* Whether @mode is "pasta" or "pasta:OPTIONS". */
bool own_network_is(const char *mode);
/* Refuses options that would have pasta run elsewhere. */
int own_network_check(const char *mode, Err *err);

/* How the container calls the machine's resolver; NULL: as the machine does. */
const char *own_network_resolver(const Container *c);
/* The machine's loopback as the container sees it, owned by the caller; NULL if it does not. */
char *own_network_host(const Container *c);

/**
 * own_network_open() - connect a network namespace
 * @ports:	what is to be published; ports that are to be chosen are
 *
 * Return: 0; negative errno with pasta's reason.
 */
int own_network_open(const Container *c, int netns, PublishedPort *ports, size_t n, Err *err);
/* A pidfd of the process, or negative. */
int own_network_find(const Container *c);
/* Ends it, if there is one. */
void own_network_end(const Container *c);
