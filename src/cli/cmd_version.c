/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "oci/state.h"

#define IMAGE_SPEC_VERSION "1.1.0" /* of the documents that isola reads and writes */

typedef struct VersionOptions {
        const char *format;
} VersionOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", VersionOptions, format, "FORMAT",
                   "Print as json, or by a Go template"),
        {},
};

static json_t *describe(const struct utsname *name) {
        return json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "Client", "Version",
                         ISOLA_VERSION, "Os", "linux", "Arch", name->machine, "KernelVersion",
                         name->release, "RuntimeSpecVersion", OCI_VERSION, "ImageSpecVersion",
                         IMAGE_SPEC_VERSION, "Compiler", __VERSION__);
}

static int print_formatted(const char *format, const struct utsname *name, Err *err) {
        json_t *version = describe(name);
        autofree char *text = NULL;
        int r;

        r = version ? template_render(str_equal(format, "json") ? "{{json .}}" : format, version,
                                      &text, err)
                    : fail(err, ENOMEM, "cannot print the version");
        json_decref(version);
        if (r >= 0)
                puts(text);
        return r;
}

static int cmd_version(const CommandInput *in, Err *err) {
        const VersionOptions *o = in->options;
        struct utsname name;

        if (uname(&name) < 0)
                return fail(err, errno, "cannot tell the kernel's version");
        if (o->format)
                return print_formatted(o->format, &name, err);
        printf("isola:        %s\n"
               "Kernel:       %s (%s)\n"
               "Runtime spec: %s\n"
               "Image spec:   %s\n"
               "Compiler:     %s\n",
               ISOLA_VERSION, name.release, name.machine, OCI_VERSION, IMAGE_SPEC_VERSION,
               __VERSION__);
        return 0;
}

COMMAND(version) = {
        .name = "version",
        .group = "System",
        .synopsis = "[OPTION...]",
        .summary = "Show isola's version, the kernel's and those of the specifications",
        .options = options,
        .options_size = sizeof(VersionOptions),
        .no_home = true,
        .run = cmd_version,
};
