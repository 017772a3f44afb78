/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <netinet/in.h>

#include "engine/publish.h"
#include "test.h"

static void collect(const char *port, const char *ip, const char *host_port, PublishedPort **ret,
                    size_t *n) {
        PortBinding binding = { (char *) ip, (char *) host_port };
        PortMap map = { (char *) port, &binding, 1 };
        Container c = { .host.port_bindings = &map, .host.n_port_bindings = 1 };

        expect_ok(publish_collect(&c, ret, n, NULL));
}

TEST(one_port_is_taken_as_said) {
        PublishedPort *ports;
        size_t n;

        collect("80/tcp", "127.0.0.1", "8080", &ports, &n);
        expect(n == 1 && ports->port == 80 && ports->host_port == 8080);
        expect(ports->protocol == IPPROTO_TCP && ports->reserved == -EBADF);
        expect_str(ports->host_ip, "127.0.0.1");
        published_ports_free(ports, n);
}

TEST(ranges_are_paired) {
        PublishedPort *ports;
        size_t n;

        collect("80-82/udp", "", "8080-8082", &ports, &n);
        expect(n == 3 && ports[2].port == 82 && ports[2].host_port == 8082);
        expect(ports[2].protocol == IPPROTO_UDP && !ports[2].host_ip);
        published_ports_free(ports, n);
}

TEST(ranges_of_different_length_are_refused) {
        PortBinding binding = { NULL, (char *) "8080-8081" };
        PortMap map = { (char *) "80-82/tcp", &binding, 1 };
        Container c = { .host.port_bindings = &map, .host.n_port_bindings = 1 };
        PublishedPort *ports;
        autoerr err = {};
        size_t n;

        expect(publish_collect(&c, &ports, &n, &err) == -EINVAL);
        expect_str(err.message, "the port ranges '8080-8081' and '80-82/tcp' differ in length");
}

TEST(all_exposed_ports_are_published_once) {
        PortBinding binding = { NULL, (char *) "8080" };
        PortMap map = { (char *) "80/tcp", &binding, 1 };
        char *exposed[] = { (char *) "80/tcp", (char *) "53/udp", NULL };
        Container c = { .host.port_bindings = &map,
                        .host.n_port_bindings = 1,
                        .host.publish_all_ports = true,
                        .config.exposed_ports = exposed };
        PublishedPort *ports;
        size_t n;

        expect_ok(publish_collect(&c, &ports, &n, NULL));
        expect(n == 2 && ports[1].port == 53 && ports[1].host_port == 0);
        published_ports_free(ports, n);
}

TEST(port_on_every_ipv4_address_is_not_read_back_as_one_on_ipv6) {
        PublishedPort given = { IPPROTO_TCP, (char *) "0.0.0.0", 8080, 0, 80, -EBADF, -EBADF };
        ContainerState state = {};
        PublishedPort *ports = NULL;
        size_t n = 0;

        expect_ok(publish_report(&given, 1, &state.ports, &state.n_ports));
        expect_ok(publish_recall(&state, &ports, &n));
        expect(n == 1);
        expect_str(ports[0].host_ip, "0.0.0.0");
        published_ports_free(ports, n);
        json_clear(&container_state_type, &state);
}

TEST(report_is_read_back_as_it_was) {
        PublishedPort given[] = { { IPPROTO_TCP, NULL, 8080, 0, 80, -EBADF, -EBADF },
                                  { IPPROTO_UDP, (char *) "10.0.0.1", 53, 0, 53, -EBADF, -EBADF } };
        ContainerState state = {};
        PublishedPort *ports = NULL;
        size_t n = 0;

        expect_ok(publish_report(given, 2, &state.ports, &state.n_ports));
        expect(state.n_ports == 2 && state.ports[0].n_bindings == 2);
        expect_str(state.ports[0].port, "80/tcp");
        expect_str(state.ports[0].bindings[0].host_ip, "0.0.0.0");

        expect_ok(publish_recall(&state, &ports, &n));
        expect(n == 2 && !ports[0].host_ip && ports[0].host_port == 8080);
        expect(ports[1].protocol == IPPROTO_UDP);
        expect_str(ports[1].host_ip, "10.0.0.1");
        published_ports_free(ports, n);
        json_clear(&container_state_type, &state);
}
