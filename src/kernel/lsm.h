/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What AppArmor or SELinux make of a program (apparmor(7), selinux(8))
 *
 * The wish is written by the process itself and holds from its next execve(2)
 * on.  It is written below a descriptor of a /proc that the caller trusts: one
 * of the container's could be anything (CVE-2019-16884).
 */

#include <stdbool.h>

bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);

/*
 * @proc: "/proc" of the host or of any pid namespace above ours.
 * -ENOENT for a profile that is not loaded, -EINVAL for a label that the policy does not know,
 * -EACCES if what confines us already forbids it.
 */
int lsm_set_exec_profile(int proc, const char *profile);
int lsm_set_exec_label(int proc, const char *label);

/* Labels the root of a mount, which fsmount(2) has made. */
int lsm_label_mount(int mount, const char *label);
