/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/network_internal.h"

void network_release(const Home *home, const char *container, const Endpoint *endpoint,
                     const PublishedPort *ports, size_t n) {
        if (endpoint)
                network_release_address(home, container, endpoint);
}
