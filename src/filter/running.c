/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "filter/field.h"
#include "filter/program.h"
#include "filter/running.h"

#define PREFIX "isola:"
/* A program with more is not isola_filter.h's: the verifier's own limit is 64. */
#define MAPS_MAX 64

void running_set_name(ClsactFilter *filter, const char *name) {
        snprintf(filter->name, sizeof filter->name, PREFIX "%s", name);
}

const char *running_name(const ClsactFilter *filter) {
        const char *name = str_after(filter->name, PREFIX);

        return name && *name && strlen(name) <= FILTER_NAME_MAX ? name : NULL;
}

int running_processors(void) {
        return libbpf_num_possible_cpus();
}

int running_each_map(uint32_t program,
                     int (*each)(int fd, const struct bpf_map_info *info, void *context),
                     void *context) {
        autoclose int fd = bpf_prog_get_fd_by_id(program);
        uint32_t ids[MAPS_MAX], size = sizeof(struct bpf_prog_info);
        struct bpf_prog_info info = {};
        int r = 0;

        if (fd < 0)
                return -errno;
        info.nr_map_ids = MAPS_MAX;
        info.map_ids = (uint64_t) (uintptr_t) ids;
        if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
                return -errno;
        for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX && r == 0; i++) {
                autoclose int map = bpf_map_get_fd_by_id(ids[i]);
                struct bpf_map_info about = {};
                uint32_t about_size = sizeof about;

                if (map < 0 || bpf_obj_get_info_by_fd(map, &about, &about_size) < 0)
                        return -errno;
                r = each(map, &about, context);
        }
        return r;
}

typedef struct Wanted {
        const char *name;
        int fd;
} Wanted;

static int take_wanted(int fd, const struct bpf_map_info *info, void *context) {
        Wanted *wanted = context;

        if (!str_equal(info->name, wanted->name))
                return 0;
        wanted->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return wanted->fd < 0 ? -errno : 1;
}

int running_open_map(uint32_t program, const char *name) {
        Wanted wanted = { name, -ENOENT };
        int r;

        r = running_each_map(program, take_wanted, &wanted);
        return r < 0 ? r : wanted.fd;
}

/* Whether a map is as isola_filter.h has it: the kernel copies as much as the map says. */
static int check_map(int map, uint32_t type, uint32_t value_size, uint32_t entries) {
        struct bpf_map_info info = {};
        uint32_t size = sizeof info;

        if (bpf_obj_get_info_by_fd(map, &info, &size) < 0)
                return -errno;
        return info.type == type && info.key_size == sizeof(uint32_t) &&
                               (value_size == 0 || info.value_size == value_size) &&
                               info.max_entries >= entries
                       ? 0
                       : -EUCLEAN;
}

static int check_stats(int map) {
        return check_map(map, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(FilterCounter), FILTER_VERDICTS);
}

/* A struct isola_config, by the names of its members. */
static int read_config(int map, Filter *ret) {
        autofree void *data = NULL;
        struct bpf_map_info info = {};
        uint32_t size = sizeof info, key = 0;
        uint64_t action = 0, target = 0;
        FieldType type = { NULL, 0, "setting" };
        struct btf *btf;
        int r;

        r = check_map(map, BPF_MAP_TYPE_ARRAY, 0, 1);
        if (r < 0)
                return r;
        if (bpf_obj_get_info_by_fd(map, &info, &size) < 0)
                return -errno;
        data = malloc(info.value_size);
        if (!data)
                return -ENOMEM;
        if (bpf_map_lookup_elem(map, &key, data) < 0)
                return -errno;
        btf = btf__load_from_kernel_by_id(info.btf_id);
        if (!btf)
                return -errno;
        type.btf = btf;
        type.id = info.btf_value_type_id;
        r = field_number(&type, data, info.value_size, "isola_config.action", &action);
        if (r >= 0)
                r = field_number(&type, data, info.value_size, "isola_config.target", &target);
        btf__free(btf);
        if (r < 0)
                return r;
        ret->action = action < FILTER_VERDICTS ? (FilterVerdict) action : FILTER_COUNT;
        ret->target = (uint32_t) target;
        return 0;
}

static int read_counters(int map, FilterCounter counters[FILTER_VERDICTS]) {
        int n = running_processors(), r = check_stats(map);
        autofree FilterCounter *values = n > 0 ? calloc((size_t) n, sizeof *values) : NULL;

        if (!values || r < 0)
                return r < 0 ? r : n < 0 ? n : -ENOMEM;
        for (uint32_t verdict = 0; verdict < FILTER_VERDICTS; verdict++) {
                if (bpf_map_lookup_elem(map, &verdict, values) < 0)
                        return -errno;
                for (int i = 0; i < n; i++) {
                        counters[verdict].packets += values[i].packets;
                        counters[verdict].bytes += values[i].bytes;
                }
        }
        return 0;
}

int running_reset(uint32_t program) {
        autoclose int map = running_open_map(program, FILTER_STATS_MAP);
        int n = running_processors();
        autofree FilterCounter *zeros = n > 0 ? calloc((size_t) n, sizeof *zeros) : NULL;

        int r = map < 0 ? map : check_stats(map);

        if (r < 0 || !zeros)
                return r < 0 ? r : n < 0 ? n : -ENOMEM;
        for (uint32_t verdict = 0; verdict < FILTER_VERDICTS; verdict++)
                if (bpf_map_update_elem(map, &verdict, zeros, BPF_ANY) < 0)
                        return -errno;
        return 0;
}

static int read_function(uint32_t program, Filter *ret) {
        autoclose int fd = bpf_prog_get_fd_by_id(program);
        struct bpf_prog_info info = {};
        uint32_t size = sizeof info;

        if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
                return -errno;
        snprintf(ret->function, sizeof ret->function, "%s", info.name);
        return 0;
}

int running_read(const ClsactFilter *filter, Filter *ret, Err *err) {
        autoclose int config = running_open_map(filter->program, FILTER_CONFIG_MAP);
        autoclose int stats = running_open_map(filter->program, FILTER_STATS_MAP);
        const char *name = running_name(filter);
        int r = 0;

        *ret = (Filter){
                .egress = filter->egress,
                .priority = filter->priority,
                .program = filter->program,
        };
        snprintf(ret->name, sizeof ret->name, "%s", name ? name : "");
        if (config < 0 || stats < 0)
                r = config < 0 ? config : stats;
        if (r >= 0)
                r = read_function(filter->program, ret);
        if (r >= 0)
                r = read_config(config, ret);
        if (r >= 0)
                r = read_counters(stats, ret->counters);
        if (r < 0)
                return fail(err, r, "cannot read filter '%s'", ret->name);
        return 0;
}
