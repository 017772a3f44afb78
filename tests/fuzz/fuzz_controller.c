/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a switch, or whoever reaches the socket, says to the controller: any messages, in any order.
 */

#include "base/log.h"
#include "fuzz.h"
#include "openflow/controller_internal.h"

/* Whatever was said, the answers are whole messages one after the other. */
static void must_be_whole(const Str *out) {
        OfHeader header;
        size_t at = 0;

        for (; at < out->length; at += header.length)
                must(of_header(out->text + at, out->length - at, &header) == 0);
        must(at == out->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        OfController controller = { .options = { .versions = OF_VERSIONS, .idle_timeout = 60 } };
        Switch s = { .controller = &controller, .name = (char *) "s1" };
        OfHeader header;
        int r;

        log_setup(LOG_LEVEL_NONE, false, "fuzz");
        s.stations = mac_table_new(0);
        must(s.stations && switch_begin(&s) >= 0);
        for (size_t at = 0; of_header(data + at, size - at, &header) >= 0; at += header.length) {
                r = switch_message(&s, (const char *) data + at, header.length);
                must(!s.channel.out.failed);
                must_be_whole(&s.channel.out);
                if (r < 0 || s.ended)
                        break;
        }
        must(mac_table_size(s.stations) <= controller.packets);
        must(controller.flows <= controller.packets);
        mac_table_free(s.stations);
        str_clear(&s.channel.out);
        return 0;
}
