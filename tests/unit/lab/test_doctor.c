/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>

#include "base/str.h"
#include "lab/doctor_internal.h"
#include "test.h"

TEST(all_trials_end_and_the_shared_ones_are_found) {
        autodiagnosis d = {};
        size_t shared = 0;
        int data = open("/var/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        expect(data >= 0);
        expect(doctor_examine(data, 10, &d) == 0);
        for (size_t i = 0; i < d.n_findings; i++) {
                const Finding *f = &d.findings[i];

                shared += str_equal(f->group, "Files") || str_equal(f->group, "Control groups") ||
                          str_equal(f->group, "Network");
                expect((f->status == FINDING_YES) == !*f->without);
        }
        /* As many as doctor.c names of other layers' trials: none was renamed. */
        expect(shared == 10);
}

TEST(findings_of_a_group_stand_together) {
        autodiagnosis d = {};

        expect(diagnosis_add(&d, &(Finding){ .group = "a", .name = "1" }) == 0);
        expect(diagnosis_add(&d, &(Finding){ .group = "b", .name = "2" }) == 0);
        expect(diagnosis_add(&d,
                             &(Finding){ .group = "a", .name = "3", .status = FINDING_MISSING }) ==
               0);
        expect_str(d.findings[1].name, "3");
        expect_str(d.findings[2].name, "2");
        expect(d.hopeless);
}

TEST(limit_is_low_from_the_first_node_that_does_not_fit) {
        autodiagnosis few = {}, many = {};

        expect(doctor_add_limits(&few, 1) == 0);
        expect(!few.low);
        expect(doctor_add_limits(&many, 1000000000) == 0);
        expect(many.low);
}
