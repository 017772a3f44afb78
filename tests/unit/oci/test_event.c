/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/auto.h"
#include "oci/event.h"
#include "test.h"

TEST(out_of_memory_is_two_words) {
        OciEvent event = { .type = (char *) "oom", .id = (char *) "c1" };
        autofree char *text = json_text(&oci_event_type, &event);

        expect_str(text, "{\"type\":\"oom\",\"id\":\"c1\"}\n");
}

TEST(usage_has_the_names_that_clients_decode) {
        CgroupCount counts[] = { { (char *) "anon", 5 } };
        CgroupIo io[] = { { 8, 0, (char *) "Read", 6 } };
        CgroupPages pages[] = { { (char *) "2MB", 7, 0, 0 } };
        int64_t each[] = { 1, 2 };
        CgroupUsage usage = { .cpu_total = 3,
                              .cpu_each = each,
                              .n_cpu_each = 2,
                              .periods = 4,
                              .memory = { .limit = UINT64_MAX, .usage = 9 },
                              .memory_counts = counts,
                              .n_memory_counts = 1,
                              .pids = 1,
                              .io_bytes = io,
                              .n_io_bytes = 1,
                              .pages = pages,
                              .n_pages = 1 };
        OciEvent event = { (char *) "stats", (char *) "c1", &usage };
        autofree char *text = json_text(&oci_event_type, &event);

        expect_str(text,
                   "{\"type\":\"stats\",\"id\":\"c1\",\"data\":{\"cpu\":{\"usage\":{\"total\":3,"
                   "\"percpu\":[1,2],\"kernel\":0,\"user\":0},\"throttling\":{\"periods\":4}},"
                   "\"memory\":{\"usage\":{\"limit\":18446744073709551615,\"usage\":9,"
                   "\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0},\"kernel\":{\"limit\":0,"
                   "\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},\"raw\":{\"anon\":5}},"
                   "\"pids\":{\"current\":1},\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,"
                   "\"op\":\"Read\",\"value\":6}]},\"hugetlb\":{\"2MB\":{\"usage\":7,"
                   "\"failcnt\":0}}}}\n");
}
