/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define NS_PER_US     1000
#define NS_PER_SEC    INT64_C(1000000000)
#define PAGE_SIZE_MAX 24
#define STAT_MAX      (1 << 20)

static void clear_io(CgroupIo *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(list[i].op);
        free(list);
}

void cgroup_usage_clear(CgroupUsage *u) {
        free(u->cpu_each);
        for (size_t i = 0; i < u->n_memory_counts; i++)
                free(u->memory_counts[i].name);
        free(u->memory_counts);
        clear_io(u->io_bytes, u->n_io_bytes);
        clear_io(u->io_operations, u->n_io_operations);
        for (size_t i = 0; i < u->n_pages; i++)
                free(u->pages[i].size);
        free(u->pages);
        *u = (CgroupUsage){};
}

/* Reads one number; "max" is UINT64_MAX; 0 where there is no such file. */
static uint64_t read_number(int dir, const char *file) {
        autofree char *text = NULL;
        uint64_t value = 0;

        if (dir < 0 || file_read_line(dir, file, &text) < 0)
                return 0;
        if (str_equal(text, "max"))
                return UINT64_MAX;
        return parse_u64(text, &value) < 0 ? 0 : value;
}

static uint64_t read_key(int dir, const char *file, const char *key) {
        uint64_t value = 0;

        return dir < 0 || cgroup_read_key(dir, file, key, &value) < 0 ? 0 : value;
}

/* --- processors --- */

static int read_each_cpu(int dir, CgroupUsage *u) {
        autofree char *text = NULL;
        char *save = NULL;

        if (file_read(dir, "cpuacct.usage_percpu", STAT_MAX, &text, NULL) < 0)
                return 0;
        for (char *word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
                int64_t *ns = json_grow(&u->cpu_each, &u->n_cpu_each, sizeof *ns);

                if (!ns)
                        return -ENOMEM;
                (void) parse_i64(word, ns);
        }
        return 0;
}

static char *read_text(int dir, const char *file) {
        char *text = NULL;

        return dir < 0 || file_read(dir, file, STAT_MAX, &text, NULL) < 0 ? NULL : text;
}

static uint64_t find_key(const char *text, const char *key) {
        uint64_t value = 0;

        return cgroup_find_key(text, key, &value) < 0 ? 0 : value;
}

/* Each file is read once, so that its numbers are of one moment. */
static int read_cpu(const Cgroup *c, CgroupUsage *u) {
        int v1 = c->v1[CGROUP_CPU], accounts = c->v1[CGROUP_CPUACCT];
        autofree char *v2_stat = read_text(c->v2, "cpu.stat"), *v1_stat = read_text(v1, "cpu.stat");
        const char *stat = v1 >= 0 ? v1_stat : v2_stat;

        /* The processors' time is counted in every v2 directory, also without the controller. */
        if (c->v2 >= 0) {
                u->cpu_total = NS_PER_US * find_key(v2_stat, "usage_usec");
                u->cpu_user = NS_PER_US * find_key(v2_stat, "user_usec");
                u->cpu_kernel = NS_PER_US * find_key(v2_stat, "system_usec");
        } else if (accounts >= 0) {
                uint64_t tick = (uint64_t) (NS_PER_SEC / sysconf(_SC_CLK_TCK));
                autofree char *spent = read_text(accounts, "cpuacct.stat");

                u->cpu_total = read_number(accounts, "cpuacct.usage");
                u->cpu_user = tick * find_key(spent, "user");
                u->cpu_kernel = tick * find_key(spent, "system");
        }
        u->periods = find_key(stat, "nr_periods");
        u->throttled_periods = find_key(stat, "nr_throttled");
        u->throttled_time = v1 >= 0 ? find_key(stat, "throttled_time")
                                    : NS_PER_US * find_key(stat, "throttled_usec");
        return accounts < 0 ? 0 : read_each_cpu(accounts, u);
}

/* --- memory --- */

static int read_counts(int dir, CgroupUsage *u) {
        autofree char *text = NULL;
        char *save = NULL;
        int r;

        r = file_read(dir, "memory.stat", STAT_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *space = strchr(line, ' ');
                CgroupCount *count;
                uint64_t value;

                if (!space || parse_u64(space + 1, &value) < 0)
                        continue;
                *space = 0;
                count = json_grow(&u->memory_counts, &u->n_memory_counts, sizeof *count);
                if (!count || !(count->name = strdup(line)))
                        return -ENOMEM;
                count->value = value;
                if (str_equal(line, "cache") || str_equal(line, "file"))
                        u->cache = value;
        }
        return 0;
}

static void read_v1_amount(int dir, const char *kind, CgroupAmount *ret) {
        char file[CGROUP_FILE_MAX];

        (void) snprintf(file, sizeof file, "memory.%susage_in_bytes", kind);
        ret->usage = read_number(dir, file);
        (void) snprintf(file, sizeof file, "memory.%smax_usage_in_bytes", kind);
        ret->max = read_number(dir, file);
        (void) snprintf(file, sizeof file, "memory.%sfailcnt", kind);
        ret->fail_count = read_number(dir, file);
        (void) snprintf(file, sizeof file, "memory.%slimit_in_bytes", kind);
        ret->limit = read_number(dir, file);
}

CgroupAmount cgroup_memory(const Cgroup *c) {
        CgroupAmount memory = {};

        if (c->v1[CGROUP_MEMORY] >= 0)
                read_v1_amount(c->v1[CGROUP_MEMORY], "", &memory);
        else if (c->v2 >= 0)
                memory = (CgroupAmount){ .usage = read_number(c->v2, "memory.current"),
                                         .max = read_number(c->v2, "memory.peak"),
                                         .fail_count = read_key(c->v2, "memory.events", "max"),
                                         .limit = read_number(c->v2, "memory.max") };
        return memory;
}

static int read_memory(const Cgroup *c, CgroupUsage *u) {
        int v1 = c->v1[CGROUP_MEMORY];

        u->memory = cgroup_memory(c);
        if (v1 >= 0) {
                read_v1_amount(v1, "memsw.", &u->swap);
                read_v1_amount(v1, "kmem.", &u->kernel);
                read_v1_amount(v1, "kmem.tcp.", &u->kernel_tcp);
                return read_counts(v1, u);
        }
        if (c->v2 < 0)
                return 0;
        if (file_access(c->v2, "memory.swap.current", F_OK) == 0) {
                uint64_t limit = read_number(c->v2, "memory.swap.max");

                u->swap.usage = read_number(c->v2, "memory.swap.current") + u->memory.usage;
                u->swap.limit = limit == UINT64_MAX || u->memory.limit == UINT64_MAX
                                        ? UINT64_MAX
                                        : limit + u->memory.limit;
        }
        return read_counts(c->v2, u);
}

static int read_pids(const Cgroup *c, CgroupUsage *u) {
        int dir = c->v1[CGROUP_PIDS] >= 0 ? c->v1[CGROUP_PIDS] : c->v2;
        autofree pid_t *pids = NULL;
        size_t n = 0;
        int r;

        u->pids_limit = read_number(dir, "pids.max");
        if (u->pids_limit == UINT64_MAX)
                u->pids_limit = 0;
        if (dir >= 0 && file_access(dir, "pids.current", F_OK) == 0) {
                u->pids = read_number(dir, "pids.current");
                return 0;
        }
        r = cgroup_pids(c, &pids, &n);
        u->pids = n;
        return r;
}

/* --- block devices --- */

static int add_io(CgroupIo **list, size_t *n, uint64_t major, uint64_t minor, const char *op,
                  uint64_t value) {
        CgroupIo *io = json_grow(list, n, sizeof *io);

        if (!io || !(io->op = strdup(op)))
                return -ENOMEM;
        io->major = major;
        io->minor = minor;
        io->value = value;
        return 0;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static int read_v2_io(int dir, CgroupUsage *u) {
        static const struct {
                const char *key, *op;
                bool bytes;
        } keys[] = { { "rbytes=", "Read", true },    { "wbytes=", "Write", true },
                     { "dbytes=", "Discard", true }, { "rios=", "Read", false },
                     { "wios=", "Write", false },    { "dios=", "Discard", false } };
        autofree char *text = NULL;
        char *save = NULL;
        int r;

        r = file_read(dir, "io.stat", STAT_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                uint64_t major, minor;

                if (sscanf(line, "%" SCNu64 ":%" SCNu64, &major, &minor) != 2)
                        continue;
                for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                        const char *found = strstr(line, keys[i].key);
                        uint64_t value =
                                found ? strtoull(found + strlen(keys[i].key), NULL, 10) : 0;

                        if (!found || found[-1] != ' ')
                                continue;
                        r = keys[i].bytes ? add_io(&u->io_bytes, &u->n_io_bytes, major, minor,
                                                   keys[i].op, value)
                                          : add_io(&u->io_operations, &u->n_io_operations, major,
                                                   minor, keys[i].op, value);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* "8:0 Read 1", and at the end "Total 1" */
static int read_v1_io(int dir, const char *file, CgroupIo **list, size_t *n) {
        autofree char *text = NULL;
        char *save = NULL;
        int r;

        r = file_read(dir, file, STAT_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                uint64_t major, minor, value;
                char op[16];

                if (sscanf(line, "%" SCNu64 ":%" SCNu64 " %15s %" SCNu64, &major, &minor, op,
                           &value) != 4)
                        continue;
                r = add_io(list, n, major, minor, op, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_io(const Cgroup *c, CgroupUsage *u) {
        /* BFQ's own counters, if it schedules the devices; else what passes the throttle. */
        static const char *const bytes[] = { "blkio.bfq.io_service_bytes_recursive",
                                             "blkio.throttle.io_service_bytes_recursive" },
                                 *const operations[] = { "blkio.bfq.io_serviced_recursive",
                                                         "blkio.throttle.io_serviced_recursive" };
        int dir = c->v1[CGROUP_IO], r = 0;

        if (dir < 0)
                return c->v2 < 0 ? 0 : read_v2_io(c->v2, u);
        for (size_t i = 0; i < 2 && r >= 0 && u->n_io_bytes == 0; i++) {
                r = read_v1_io(dir, bytes[i], &u->io_bytes, &u->n_io_bytes);
                if (r >= 0)
                        r = read_v1_io(dir, operations[i], &u->io_operations, &u->n_io_operations);
        }
        return r;
}

/* --- huge pages --- */

/* "hugepages-2048kB" is "2MB" in the names of files. */
static bool page_size(const char *name, char size[PAGE_SIZE_MAX]) {
        uint64_t kilobytes;

        if (sscanf(name, "hugepages-%" SCNu64 "kB", &kilobytes) != 1 || kilobytes == 0)
                return false;
        if (kilobytes % (1 << 20) == 0)
                (void) snprintf(size, PAGE_SIZE_MAX, "%" PRIu64 "GB", kilobytes >> 20);
        else if (kilobytes % (1 << 10) == 0)
                (void) snprintf(size, PAGE_SIZE_MAX, "%" PRIu64 "MB", kilobytes >> 10);
        else
                (void) snprintf(size, PAGE_SIZE_MAX, "%" PRIu64 "KB", kilobytes);
        return true;
}

static int read_pages(const Cgroup *c, CgroupUsage *u) {
        int v1 = c->v1[CGROUP_HUGETLB], dir = v1 >= 0 ? v1 : c->v2;
        autostrv names = NULL;

        if (dir < 0 || dir_list(AT_FDCWD, "/sys/kernel/mm/hugepages", &names) < 0)
                return 0;
        strv_foreach(name, names) {
                char size[PAGE_SIZE_MAX], usage[CGROUP_FILE_MAX], other[CGROUP_FILE_MAX];
                CgroupPages *pages;

                if (!page_size(*name, size))
                        continue;
                (void) snprintf(usage, sizeof usage, "hugetlb.%s.%s", size,
                                v1 >= 0 ? "usage_in_bytes" : "current");
                if (file_access(dir, usage, F_OK) < 0)
                        continue;
                pages = json_grow(&u->pages, &u->n_pages, sizeof *pages);
                if (!pages || !(pages->size = strdup(size)))
                        return -ENOMEM;
                pages->usage = read_number(dir, usage);
                (void) snprintf(other, sizeof other, "hugetlb.%s.%s", size,
                                v1 >= 0 ? "failcnt" : "events");
                pages->fail_count = v1 >= 0 ? read_number(dir, other) : read_key(dir, other, "max");
                (void) snprintf(other, sizeof other, "hugetlb.%s.max_usage_in_bytes", size);
                pages->max = v1 >= 0 ? read_number(dir, other) : 0;
        }
        return 0;
}

int cgroup_usage(const Cgroup *c, CgroupUsage *ret) {
        autousage u = {};
        int r;

        r = read_cpu(c, &u);
        if (r >= 0)
                r = read_memory(c, &u);
        if (r >= 0)
                r = read_pids(c, &u);
        if (r >= 0)
                r = read_io(c, &u);
        if (r >= 0)
                r = read_pages(c, &u);
        if (r < 0)
                return r;
        *ret = u;
        u = (CgroupUsage){};
        return 0;
}
