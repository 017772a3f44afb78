/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>

#include "base/signal_name.h"
#include "test.h"

TEST(names_are_read_with_and_without_sig) {
        expect(signal_parse("SIGTERM") == SIGTERM);
        expect(signal_parse("term") == SIGTERM);
        expect(signal_parse("9") == SIGKILL);
        expect(signal_parse("Usr1") == SIGUSR1);
}

TEST(realtime_signals_count_from_either_end) {
        expect(signal_parse("RTMIN") == SIGRTMIN);
        expect(signal_parse("SIGRTMIN+3") == SIGRTMIN + 3);
        expect(signal_parse("RTMAX-1") == SIGRTMAX - 1);
}

TEST(what_is_no_signal_is_refused) {
        const char *const wrong[] = { "",      "0",       "65",      "-1",       "SIG",
                                      "TERMS", "RTMIN-1", "RTMAX+1", "RTMIN+99", "9x" };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                expect(signal_parse(wrong[i]) == -EINVAL);
}
