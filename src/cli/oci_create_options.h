/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options that `oci create` and `oci run` have in common. */

#include "cli/oci.h"

typedef struct OciCreateOptions {
        const char *bundle, *config, *pid_file, *console_socket, *pidfd_socket;
        bool no_pivot, no_new_keyring, detach, keep, no_subreaper;
        int preserve_fds;
} OciCreateOptions;

#define OCI_CREATE_OPTIONS                                                                \
        OPT_STRING('b', "bundle", OciCreateOptions, bundle, "DIR",                        \
                   "The bundle's directory (the current one)", "dir"),                    \
                OPT_STRING('f', "config", OciCreateOptions, config, "FILE",               \
                           "Its configuration (config.json)", "file"),                    \
                OPT_STRING(0, "console-socket", OciCreateOptions, console_socket, "PATH", \
                           "Send the terminal's master to this socket", "file"),          \
                OPT_STRING(0, "pid-file", OciCreateOptions, pid_file, "FILE",             \
                           "Write the container's pid to FILE", "file"),                  \
                OPT_STRING(0, "pidfd-socket", OciCreateOptions, pidfd_socket, "PATH",     \
                           "Send the container's pidfd to this socket", "file"),          \
                OPT_FLAG(0, "no-pivot", OciCreateOptions, no_pivot,                       \
                         "Leave the old root by chroot(2) (for an initramfs)"),           \
                OPT_FLAG(0, "no-new-keyring", OciCreateOptions, no_new_keyring,           \
                         "Stay in the caller's session keyring"),                         \
                OPT_INT(0, "preserve-fds", OciCreateOptions, preserve_fds, "N",           \
                        "Pass N more descriptors on, from 3")

/* Loads the bundle, which the caller frees, and completes @ret, which borrows from it. */
int oci_create_options(const CommandInput *in, const OciCreateOptions *o, Bundle **ret_bundle,
                       OciCreate *ret, Err *err);
