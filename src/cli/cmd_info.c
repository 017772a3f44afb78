/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Docker's `info`: the same names where the thing is the same. */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "engine/container.h"
#include "kernel/cgroup.h"
#include "store/image.h"

#define OS_RELEASE_MAX 65536

typedef struct InfoOptions {
        const char *format;
} InfoOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", InfoOptions, format, "FORMAT",
                   "Print as json, or by a Go template"),
        {},
};

typedef struct Counts {
        int containers, running, paused, stopped, images;
} Counts;

static int count(const Home *home, Counts *ret, Err *err) {
        Container **containers = NULL;
        Image **images = NULL;
        size_t n = 0;
        int r;

        r = container_list(home, true, &containers, &n, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                ContainerStatus status = container_status(containers[i]);

                ret->containers++;
                ret->running += status == CONTAINER_RUNNING || status == CONTAINER_RESTARTING;
                ret->paused += status == CONTAINER_PAUSED;
        }
        ret->stopped = ret->containers - ret->running - ret->paused;
        container_list_free(containers, n);

        r = image_list(home, &images, &n, err);
        if (r < 0)
                return r;
        ret->images = (int) n;
        image_list_free(images, n);
        return 0;
}

/* PRETTY_NAME of os-release(5), or "Linux". */
static char *system_name(void) {
        autofree char *text = NULL;
        const char *key = "PRETTY_NAME=", *begin = NULL;

        if (file_read(AT_FDCWD, "/etc/os-release", OS_RELEASE_MAX, &text, NULL) < 0)
                return strdup("Linux");
        for (char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                begin = str_after(line, key);
                if (begin)
                        break;
        }
        if (!begin)
                return strdup("Linux");
        begin += *begin == '"';
        return strndup(begin, strcspn(begin, "\"\n"));
}

static const char *cgroup_version(void) {
        switch (cgroup_layout()) {
        case CGROUP_UNIFIED:
                return "2";
        case CGROUP_HYBRID:
                return "1+2";
        case CGROUP_LEGACY:
                return "1";
        case CGROUP_NONE:
                break;
        }
        return "none";
}

static json_t *describe(const Home *home, const Counts *c, const struct utsname *name) {
        autofree char *system = system_name();
        struct sysinfo memory = {};
        json_t *info;

        (void) sysinfo(&memory);
        info = json_pack("{s:i, s:i, s:i, s:i, s:i}", "Containers", c->containers,
                         "ContainersRunning", c->running, "ContainersPaused", c->paused,
                         "ContainersStopped", c->stopped, "Images", c->images);
        if (!info)
                return NULL;
        if (json_object_update_new(
                    info, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
                                    "ServerVersion", ISOLA_VERSION, "Driver", "overlay",
                                    "LoggingDriver", "json-file", "CgroupDriver", "cgroupfs",
                                    "CgroupVersion", cgroup_version(), "KernelVersion",
                                    name->release, "OperatingSystem", system ? system : "Linux",
                                    "OSType", "linux", "Architecture", name->machine, "Name",
                                    name->nodename, "RootDir", home->data, "RunDir", home->run)) <
                    0 ||
            json_object_update_new(info,
                                   json_pack("{s:i, s:I, s:[s, s, s, s]}", "NCPU",
                                             (int) sysconf(_SC_NPROCESSORS_ONLN), "MemTotal",
                                             (json_int_t) (memory.totalram * memory.mem_unit),
                                             "SecurityOptions", "name=seccomp,profile=builtin",
                                             "name=userns", "name=cgroupns", "name=timens")) < 0) {
                json_decref(info);
                return NULL;
        }
        return info;
}

static const char *text_of(json_t *info, const char *key) {
        const char *text = json_string_value(json_object_get(info, key));

        return text ? text : "";
}

static void print_plain(json_t *info, const Counts *c) {
        uint64_t memory = (uint64_t) json_integer_value(json_object_get(info, "MemTotal"));
        json_t *security = json_object_get(info, "SecurityOptions");
        autofree char *words = size_words(memory);

        printf("Containers: %d\n Running: %d\n Paused: %d\n Stopped: %d\nImages: %d\n",
               c->containers, c->running, c->paused, c->stopped, c->images);
        printf("Version: %s\nStorage Driver: %s\nLogging Driver: %s\n",
               text_of(info, "ServerVersion"), text_of(info, "Driver"),
               text_of(info, "LoggingDriver"));
        printf("Cgroup Driver: %s\nCgroup Version: %s\nSecurity Options:\n",
               text_of(info, "CgroupDriver"), text_of(info, "CgroupVersion"));
        for (size_t i = 0; i < json_array_size(security); i++) {
                const char *option = json_string_value(json_array_get(security, i));

                printf(" %s\n", str_after(option, "name="));
        }
        printf("Kernel Version: %s\nOperating System: %s\nOSType: %s\nArchitecture: %s\n",
               text_of(info, "KernelVersion"), text_of(info, "OperatingSystem"),
               text_of(info, "OSType"), text_of(info, "Architecture"));
        printf("CPUs: %d\nTotal Memory: %s\nName: %s\nRoot Dir: %s\nRun Dir: %s\n",
               (int) json_integer_value(json_object_get(info, "NCPU")), words ? words : "",
               text_of(info, "Name"), text_of(info, "RootDir"), text_of(info, "RunDir"));
}

static int cmd_info(const CommandInput *in, Err *err) {
        const InfoOptions *o = in->options;
        autofree char *text = NULL;
        struct utsname name;
        Counts counts = {};
        json_t *info;
        int r;

        if (uname(&name) < 0)
                return fail(err, errno, "cannot describe this machine");
        r = count(in->home, &counts, err);
        if (r < 0)
                return r;
        info = describe(in->home, &counts, &name);
        if (!info)
                return fail(err, ENOMEM, "cannot describe this machine");
        if (!o->format)
                print_plain(info, &counts);
        else {
                r = template_render(str_equal(o->format, "json") ? "{{json .}}" : o->format, info,
                                    &text, err);
                if (r >= 0)
                        puts(text);
        }
        json_decref(info);
        return r;
}

COMMAND(info) = {
        .name = "info",
        .group = "System",
        .synopsis = "[OPTION...]",
        .summary = "Show what is there: containers, images, this machine, where state is kept",
        .options = options,
        .options_size = sizeof(InfoOptions),
        .run = cmd_info,
};
