/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "measure/cpu.h"
#include "measure/host.h"
#include "test.h"

TEST(between_two_marks_time_has_passed) {
        CpuMark before, after;
        volatile unsigned work = 0;
        CpuUse use;

        expect_ok(cpu_mark(&before));
        do {
                for (int i = 0; i < 1000000; i++)
                        work += (unsigned) i;
                expect_ok(cpu_mark(&after));
        } while (after.own - before.own < 0.05 || after.total - before.total < 0.1);
        use = cpu_between(&before, &after);
        expect(use.own_s > 0 && use.busy_s > 0);
        expect(use.busy_share > 0 && use.busy_share <= 1);
        expect(use.stolen_share >= 0 && use.stolen_share <= 1);
}

TEST(shares_of_known_marks) {
        const CpuMark before = { 10, 1, 100, 2 }, after = { 13, 2, 110, 3 };
        CpuUse use = cpu_between(&before, &after);

        expect(fabs(use.busy_share - 0.3) < 1e-9 && fabs(use.stolen_share - 0.1) < 1e-9);
        expect(fabs(cpu_per_gbit(&use, 2e9) - 1.5) < 1e-9);
        expect(isnan(cpu_per_gbit(&use, 0)));
        use = cpu_between(&before, &before);
        expect(use.busy_share <= 0);
}

TEST(the_host_is_known) {
        autohost h = {};

        expect_ok(host_look(&h));
        expect(strncmp(h.kernel, "Linux ", 6) == 0 && h.cpus > 0 && h.memory > 0);
        expect(*h.name && *h.machine && h.cpu);
        expect(cpu_load() >= 0);
}
