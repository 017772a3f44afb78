/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "measure/sweep.h"
#include "pair.h"

TEST_IN(a_rate_without_loss_is_found_at_once, CLONE_NEWNET) {
        SweepResult result;
        SweepOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET6, &a, &b);
        o = sweep_defaults(&a, &b);
        o.sizes[0] = 64;
        o.sizes[1] = 512;
        o.max_bps = 1e6;
        o.trial_ns = 50 * NS_PER_MS;
        o.tolerance = 0.5;
        expect_well(sweep(&o, &result, &err), err);
        expect(result.n == 2 && !result.stopped);
        /* No frame of IPv6 with our 16 bytes is that small. */
        expect(result.points[0].frame == 82 && result.points[1].frame == 512);
        expect(result.points[0].trials >= 1 && result.points[0].rate_bps > 0);
}

TEST_IN(an_impossible_frame_is_refused, CLONE_NEWNET) {
        SweepResult result;
        SweepOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = sweep_defaults(&a, &b);
        o.sizes[0] = 60;
        expect(sweep(&o, &result, &err) == -EINVAL);
        expect(strstr(err.message, "64 to 9018 bytes, not 60"));
}
