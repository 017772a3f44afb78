/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "cli/port_words.h"
#include "engine/port_spec.h"
#include "test.h"

static void clear(Container *c) {
        json_clear(&container_type, c);
}
#define autocontainer __attribute__((__cleanup__(clear))) Container

/* Reads ports and compares them with the list that `ps` would show once they are published. */
static void expect_ports(const char *text, const char *wanted) {
        autocontainer c = {};
        autofree char *words = NULL;
        autoerr err = {};

        expect_ok(port_publish(text, &c.config, &c.host, &err));
        words = port_words(c.host.port_bindings, c.host.n_port_bindings, c.config.exposed_ports);
        expect_str(words, wanted);
}

static void expect_refused(const char *text, const char *sentence) {
        autocontainer c = {};
        autoerr err = {};

        expect(port_publish(text, &c.config, &c.host, &err) == -EINVAL);
        expect_str(err.message, sentence);
}

TEST(every_form_is_read) {
        expect_ports("8080:80", "0.0.0.0:8080->80/tcp");
        expect_ports("127.0.0.1:8080:80", "127.0.0.1:8080->80/tcp");
        expect_ports("[::1]:8080:80/tcp", "[::1]:8080->80/tcp");
        expect_ports("53:5353/udp", "0.0.0.0:53->5353/udp");
        expect_ports("8000-8002:80-82", "0.0.0.0:8000-8002->80-82/tcp");
        expect_ports("80", "0.0.0.0:0->80/tcp");
        expect_ports("127.0.0.1::80", "127.0.0.1:0->80/tcp");
}

TEST(a_range_for_one_port_is_a_choice) {
        autocontainer c = {};

        expect_ok(port_publish("8000-8010:80", &c.config, &c.host, NULL));
        expect(c.host.n_port_bindings == 1 && c.host.port_bindings[0].n_bindings == 1);
        expect_str(c.host.port_bindings[0].bindings[0].host_port, "8000-8010");
        expect_str(c.host.port_bindings[0].port, "80/tcp");
        expect_str(c.config.exposed_ports[0], "80/tcp");
}

TEST(what_is_no_port_is_refused) {
        expect_refused("80:x", "port '80:x' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]");
        expect_refused("0:80", "port '0:80' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]");
        expect_refused("80:70000", "port '80:70000' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]");
        expect_refused("", "port '' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]");
        expect_refused("82-80:1-3", "port '82-80:1-3' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]");
        expect_refused("8000-8001:80-82",
                       "port '8000-8001:80-82': the two ranges are not of the same length");
        expect_refused("host:1:2", "port 'host:1:2': 'host' is not an IP address");
        expect_refused("80/sctp", "port '80/sctp': 'sctp' is not a protocol; it is tcp or udp");
}

TEST(exposed_ports_come_last_and_once) {
        char ip[] = "0.0.0.0", port[] = "8080", name[] = "80/tcp";
        PortBinding binding = { ip, port };
        PortMap map = { .port = name, .bindings = &binding, .n_bindings = 1 };
        autocontainer c = {};
        autofree char *words = NULL;

        expect_ok(port_expose("443-444", &c.config, NULL));
        expect_ok(port_expose("80", &c.config, NULL));
        words = port_words(&map, 1, c.config.exposed_ports);
        expect_str(words, "0.0.0.0:8080->80/tcp, 443-444/tcp");
}
