/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/limit_spec.h"
#include "cli/option.h"

#define MEMORY_MIN    (6 << 20) /* below this Docker refuses: nothing starts */
#define NS_PER_SECOND 1000000000

/* setrlimit(2) has these; the names are those of Docker and prlimit(1). */
static const char *const ulimits[] = { "as",    "core",    "cpu",      "data",   "fsize",
                                       "locks", "memlock", "msgqueue", "nice",   "nofile",
                                       "nproc", "rss",     "rtprio",   "rttime", "sigpending",
                                       "stack", NULL };

static int bad_ulimit(const char *text, Err *err) {
        return err_hint(err, refuse(err, EINVAL, "limit '%s' is not NAME=SOFT[:HARD]", text),
                        "such as --ulimit nofile=1024:4096");
}

static int read_limit(const char *text, int64_t *ret) {
        if (str_equal(text, "unlimited")) {
                *ret = -1;
                return 0;
        }
        return parse_i64(text, ret) < 0 || *ret < -1 ? -EINVAL : 0;
}

int limit_ulimit(const char *text, HostConfig *host, Err *err) {
        autofree char *copy = strdup(text);
        char *value = copy ? strchr(copy, '=') : NULL, *hard;
        ContainerUlimit *limit;

        if (!copy)
                return fail(err, ENOMEM, "cannot read limit '%s'", text);
        if (!value)
                return bad_ulimit(text, err);
        *value++ = 0;
        if (!strv_has((char *const *) ulimits, copy)) {
                const char *near = nearest_name(copy, ulimits);
                int r = refuse(err, EINVAL, "there is no limit called '%s'", copy);

                return near ? err_hint(err, r, "did you mean '%s'?", near) : r;
        }

        limit = json_grow(&host->ulimits, &host->n_ulimits, sizeof *limit);
        if (!limit)
                return fail(err, ENOMEM, "cannot read limit '%s'", text);
        limit->name = strdup(copy);
        hard = strchr(value, ':');
        if (hard)
                *hard++ = 0;
        if (read_limit(value, &limit->soft) < 0 ||
            read_limit(hard ? hard : value, &limit->hard) < 0)
                return bad_ulimit(text, err);
        if (limit->hard != -1 && (limit->soft == -1 || limit->soft > limit->hard))
                return refuse(err, EINVAL, "limit '%s': the soft one is above the hard one", text);
        return 0;
}

static bool is_access(const char *text) {
        return *text && strspn(text, "rwm") == strlen(text);
}

int limit_device(const char *text, HostConfig *host, Err *err) {
        autostrv parts = NULL;
        ContainerDevice *device;
        const char *inside, *access;
        size_t n;

        if (strv_split(text, ":", false, &parts) < 0)
                return fail(err, ENOMEM, "cannot read device '%s'", text);
        n = strv_length(parts);
        access = n == 3 ? parts[2] : n == 2 && is_access(parts[1]) ? parts[1] : "rwm";
        inside = n > 1 && !(n == 2 && is_access(parts[1])) ? parts[1] : parts[0];
        if (n > 3 || *parts[0] != '/' || *inside != '/' || !is_access(access))
                return err_hint(
                        err,
                        refuse(err, EINVAL, "device '%s' is not PATH[:PATH-INSIDE][:rwm]", text),
                        "such as --device /dev/fuse or --device /dev/sda:/dev/disk:r");

        device = json_grow(&host->devices, &host->n_devices, sizeof *device);
        if (!device)
                return fail(err, ENOMEM, "cannot read device '%s'", text);
        device->path_on_host = strdup(parts[0]);
        device->path_in_container = strdup(inside);
        device->permissions = strdup(access);
        return device->path_on_host && device->path_in_container && device->permissions
                       ? 0
                       : fail(err, ENOMEM, "cannot read device '%s'", text);
}

static int set_swap(const char *swap, HostConfig *host, Err *err) {
        uint64_t bytes;

        if (str_equal(swap, "-1")) {
                host->memory_swap = -1;
                return 0;
        }
        if (size_parse(swap, &bytes) < 0 || bytes > INT64_MAX)
                return refuse(err, EINVAL, "memory and swap '%s' is not a size such as 1g, or -1",
                              swap);
        host->memory_swap = (int64_t) bytes;
        if (bytes == 0)
                return 0;
        if (host->memory == 0)
                return err_hint(err, refuse(err, EINVAL, "--memory-swap needs --memory too"),
                                "it is the sum of both: -m 512m --memory-swap 1g leaves 512m of "
                                "swap");
        if (host->memory_swap < host->memory)
                return refuse(err, EINVAL,
                              "--memory-swap is the sum of memory and swap, and '%s' is less than "
                              "--memory",
                              swap);
        return 0;
}

/* Reads "3" or "0-2" and moves behind it and a comma; -EINVAL. */
static int take_range(const char **list, long *ret_first, long *ret_last) {
        char *end;

        if (!isdigit((unsigned char) **list))
                return -EINVAL;
        *ret_first = *ret_last = strtol(*list, &end, 10);
        if (*end == '-' && isdigit((unsigned char) end[1]))
                *ret_last = strtol(end + 1, &end, 10);
        if (*ret_last < *ret_first || (*end && (*end != ',' || !end[1])))
                return -EINVAL;
        *list = end + (*end == ',');
        return 0;
}

static bool list_has(const char *list, long number) {
        long first, last;

        while (*list && take_range(&list, &first, &last) >= 0)
                if (number >= first && number <= last)
                        return true;
        return false;
}

int limit_set(const char *option, const char *what, const char *list, const char *available,
              Err *err) {
        const char *rest = list;
        long first, last;

        do {
                if (take_range(&rest, &first, &last) < 0)
                        return refuse(err, EINVAL,
                                      "option '--%s': '%s' is not a list such as 0-2,4", option,
                                      list);
                for (long n = first; available && n <= last; n++)
                        if (!list_has(available, n))
                                return refuse(err, EINVAL,
                                              "option '--%s': requested %s are not available: "
                                              "requested %s, available %s",
                                              option, what, list, available);
        } while (*rest);
        return 0;
}

/* @file: lists what the machine has, see Documentation/ABI/stable/sysfs-devices-*. */
static int check_machine_set(const char *option, const char *what, const char *list,
                             const char *file, Err *err) {
        autofree char *available = NULL;

        if (!list)
                return 0;
        (void) file_read_line(AT_FDCWD, file, &available);
        return limit_set(option, what, list, available, err);
}

int limit_processors(const char *list, Err *err) {
        return check_machine_set("cpuset-cpus", "CPUs", list, "/sys/devices/system/cpu/online",
                                 err);
}

int limit_memory_nodes(const char *list, Err *err) {
        return check_machine_set("cpuset-mems", "memory nodes", list,
                                 "/sys/devices/system/node/online", err);
}

int limit_shares(int shares, HostConfig *host, Err *err) {
        host->cpu_shares = shares;
        return shares < 0 || shares > 262144 || shares == 1
                       ? refuse(err, EINVAL, "option '--cpu-shares' is 2 to 262144")
                       : 0;
}

int limit_cpus(double cpus, long available, HostConfig *host, Err *err) {
        host->nano_cpus = cpus > 0 && cpus < 1e9 ? (int64_t) (cpus * NS_PER_SECOND + 0.5) : 0;
        if (cpus == 0 || (host->nano_cpus >= NS_PER_SECOND / 100 && cpus <= (double) available))
                return 0;
        return refuse(
                err, EINVAL,
                "option '--cpus': the range of CPUs is from 0.01 to %ld.00, as there are only "
                "%ld CPUs available",
                available, available);
}

int limit_memory(uint64_t memory, uint64_t reservation, const char *swap, HostConfig *host,
                 Err *err) {
        if (memory > INT64_MAX || reservation > INT64_MAX)
                return refuse(err, EINVAL, "the memory limit is too large");
        if (memory > 0 && memory < MEMORY_MIN)
                return refuse(err, EINVAL, "a memory limit below 6m lets nothing start");
        host->memory = (int64_t) memory;
        host->memory_reservation = (int64_t) reservation;
        if (reservation > 0 && reservation < MEMORY_MIN)
                return refuse(err, EINVAL, "a memory reservation below 6m lets nothing start");
        if (memory && reservation > memory)
                return refuse(err, EINVAL, "--memory-reservation is above --memory");
        return swap ? set_swap(swap, host, err) : 0;
}

int restart_policy(const char *text, HostConfig *host, Err *err) {
        static const char *const names[] = { "no", "always", "unless-stopped", "on-failure", NULL };
        size_t n = strcspn(text, ":");
        RestartPolicy *policy = &host->restart_policy;

        free(policy->name);
        *policy = (RestartPolicy){ .name = strndup(text, n) };
        if (!policy->name)
                return fail(err, ENOMEM, "cannot read restart policy '%s'", text);
        if (!strv_has((char *const *) names, policy->name) ||
            (text[n] && (!str_equal(policy->name, "on-failure") ||
                         parse_int(text + n + 1, 0, INT32_MAX, &policy->maximum_retry_count) < 0)))
                return refuse(err, EINVAL,
                              "restart policy '%s' is not no, always, unless-stopped or "
                              "on-failure[:N]",
                              text);
        return 0;
}

static int check_log_option(const char *option, Err *err) {
        const char *size = str_after(option, "max-size="), *files = str_after(option, "max-file=");
        uint64_t bytes;
        int n;

        if (size && !str_equal(size, "-1") && size_parse(size, &bytes) < 0)
                return refuse(err, EINVAL, "log option '%s': not a size such as 10m", option);
        if (files && parse_int(files, 1, 1000, &n) < 0)
                return refuse(err, EINVAL, "log option '%s': not a number of files", option);
        if (!size && !files)
                return err_hint(err, refuse(err, EINVAL, "log option '%s' is not known", option),
                                "known are max-size=SIZE and max-file=N");
        return 0;
}

int log_config(const char *driver, const char *const *options, HostConfig *host, Err *err) {
        LogConfig *log = &host->log_config;

        if (driver && !str_equal(driver, "json-file") && !str_equal(driver, "none"))
                return refuse(err, EINVAL, "log driver '%s' is not json-file or none", driver);
        strv_foreach(option, options) {
                int r = check_log_option(*option, err);

                if (r < 0)
                        return r;
        }
        log->type = driver ? strdup(driver) : NULL;
        if ((driver && !log->type) || strv_extend(&log->config, (char *const *) options) < 0)
                return fail(err, ENOMEM, "cannot read the log options");
        return 0;
}

int time_offset(const char *text, HostConfig *host, Err *err) {
        autostrv parts = NULL;

        if (strv_split(text, ",", true, &parts) < 0)
                return fail(err, ENOMEM, "cannot read clock offset '%s'", text);
        strv_foreach(part, parts) {
                const char *monotonic = str_after(*part, "monotonic=");
                const char *boottime = str_after(*part, "boottime=");
                const char *span = monotonic ? monotonic : boottime;

                if (!span ||
                    span_parse(span, NS_PER_SECOND,
                               monotonic ? &host->time_monotonic_ns : &host->time_boottime_ns) < 0)
                        return err_hint(err,
                                        refuse(err, EINVAL,
                                               "clock offset '%s' is not monotonic=SPAN or "
                                               "boottime=SPAN",
                                               *part),
                                        "such as --time-offset monotonic=30d,boottime=-1h");
        }
        if (!parts)
                return refuse(err, EINVAL, "--time-offset says no clock");
        host->has_time_offset = true;
        return 0;
}
