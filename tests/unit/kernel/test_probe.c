/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"
#include "kernel/probe.h"
#include "test.h"

static int says_yes(const ProbePlace *place, char detail[]) {
        strcpy(detail, "well");
        return 3;
}

static int says_no(const ProbePlace *place, char detail[]) {
        return -ENOSYS;
}

static int dies(const ProbePlace *place, char detail[]) {
        raise(SIGKILL);
        return 0;
}

static ProbeResult run(ProbeTrial trial) {
        ProbeFeature feature = { "Tests", "test", false, "nothing", trial };
        ProbePlace place = { .data = -EBADF };
        ProbeResult result;

        probe_run(&feature, &place, &result);
        return result;
}

TEST(trial_answers_with_words) {
        ProbeResult result = run(says_yes);

        expect(result.answer == 0);
        expect_str(result.detail, "well");
}

TEST(refusal_keeps_its_reason) {
        expect(run(says_no).answer == -ENOSYS);
}

TEST(trial_that_dies_is_a_no) {
        expect(run(dies).answer == -EIO);
}

TEST(every_trial_ends_and_leaves_nothing) {
        char directory[] = "/var/tmp/isola-test-XXXXXX";
        ProbePlace place = { .data = -EBADF };
        const ProbeFeature *features;
        char **names = NULL;
        size_t n;

        expect(mkdtemp(directory));
        place.data = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        features = probe_kernel_features(&n);
        for (size_t i = 0; i < n; i++) {
                ProbeResult result;

                probe_run(&features[i], &place, &result);
                expect(result.answer <= 0 && result.answer != -EIO);
                expect(features[i].without && *features[i].without);
        }
        expect_ok(dir_list(place.data, ".", &names));
        expect(!names || !*names);
        rmdir(directory);
        /* Found by trying, so this must agree with trying it here. */
        expect(strcmp(features[0].name, "mount") == 0);
}
