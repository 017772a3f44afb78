/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a switch sends, and flows as text. */

#include "fuzz.h"
#include "openflow/flow.h"

static bool is_known(const OfFlow *flow) {
        for (size_t i = 0; i < flow->actions.n; i++)
                if (flow->actions.list[i].kind >= OF_ACTION_OTHER)
                        return false;
        return !flow->match.unknown;
}

/* A flow that was read says the same when its match is written and read again. */
static void again(const OfFlow *flow, OfVersion version) {
        autostr bytes = {}, first = {}, second = {};
        autofree char *text = of_flow_text(flow);
        OfMatch match;
        OfReader r;

        must(text);
        if (of_match_encode(&flow->match, version, &bytes, NULL) < 0)
                return;
        r = of_reader(bytes.text, bytes.length);
        must(of_match_decode(&r, version, &match) >= 0 && r.left == 0);
        str_put(&first, ".");
        str_put(&second, ".");
        of_match_text(&flow->match, &first);
        of_match_text(&match, &second);
        must(strcmp(first.text, second.text) == 0);
}

static void flows(const uint8_t *data, size_t size) {
        OfFlow *list = NULL;
        OfHeader header;
        size_t n = 0;
        bool more;
        int r = of_get_flows(data, size, &list, &n, &more);

        if (r >= 0)
                must(of_header(data, size, &header) >= 0);
        for (size_t i = 0; i < n; i++) {
                if (r >= 0 && is_known(&list[i]))
                        again(&list[i], (OfVersion) header.version);
                of_flow_clear(&list[i]);
        }
        free(list);
}

static void others(const uint8_t *data, size_t size) {
        OfFeatures features;
        OfPort port, *ports = NULL;
        OfPortChange change;
        OfPortStats *stats = NULL;
        OfPacketIn packet;
        size_t n_ports = 0, n_stats = 0;
        bool more;
        autostr echo = {};
        autofree char *words = of_error_words(data, size);

        must(words);
        if (of_get_features(data, size, &features) >= 0)
                of_features_clear(&features);
        if (of_get_port_status(data, size, &change, &port) >= 0)
                must(strlen(port.name) <= 16);
        if (of_get_packet_in(data, size, &packet) >= 0)
                must(packet.data >= data && packet.data + packet.size <= data + size);
        (void) of_get_ports(data, size, &ports, &n_ports, &more);
        (void) of_get_port_stats(data, size, &stats, &n_stats, &more);
        if (of_put_echo_reply(&echo, data, size) >= 0)
                must(echo.length <= size);
        must(of_negotiate(data, size, OF_VERSIONS) <= OF_13);
        free(ports);
        free(stats);
}

/* A flow as text is one that can be written as text, or an error with a sentence. */
static void text(const uint8_t *data, size_t size) {
        autofree char *copy = strndup((const char *) data, size), *line = NULL;
        autoflow flow = {};
        autostr old = {}, new = {};
        autoerr err = {};
        int r = of_flow_parse(copy, OF_USE_FLOW, &flow, &err);

        must_agree(r, &err);
        if (r < 0)
                return;
        line = of_flow_text(&flow);
        must(line);
        for (int version = OF_10; version <= OF_13; version += OF_13 - OF_10) {
                autoerr why = {};
                Str *out = version == OF_10 ? &old : &new;

                r = of_put_flow_mod(out, (OfVersion) version, OF_ADD, &flow, OF_NO_BUFFER, 1, &why);
                must_agree(r, &why);
                must((r >= 0) == (out->length > 0));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        flows(data, size);
        others(data, size);
        text(data, size);
        return 0;
}
