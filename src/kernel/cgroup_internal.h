/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Between cgroup.c (places), cgroup_directory.c, cgroup_process.c, cgroup_limits.c (numbers),
 * cgroup_v1.c and cgroup_v2.c
 *
 * A limit is turned into settings first, by pure functions: which file of which
 * controller gets which text.  Placing the files is the same for both versions
 * then; what differs is how a controller's directory comes to be.
 */

#include <dirent.h>

#include "kernel/cgroup.h"
#include "kernel/cgroup_usage.h"

/* What limits and counters need; the freezer stands for "all processes" on legacy machines and the
 * service manager's own hierarchy counts as a controller. */
typedef enum CgroupController {
        CGROUP_MEMORY,
        CGROUP_CPU,
        CGROUP_CPUACCT,
        CGROUP_CPUSET,
        CGROUP_PIDS,
        CGROUP_IO,
        CGROUP_HUGETLB,
        CGROUP_RDMA,
        CGROUP_NET_CLS,
        CGROUP_NET_PRIO,
        CGROUP_DEVICES,
        CGROUP_SYSTEMD,
        CGROUP_FREEZER,
        CGROUP_N_CONTROLLERS,
} CgroupController;
/* In version 1 words: "blkio". */
const char *cgroup_controller_name(CgroupController controller);

struct Cgroup {
        char *name;                   /* below the root of every hierarchy */
        int root;                     /* of the v2 hierarchy, or -EBADF */
        int v2;                       /* its directory there, or -EBADF */
        int v1[CGROUP_N_CONTROLLERS]; /* its directories, or -EBADF */
        unsigned v1_mounted;          /* bits: which controllers have a v1 hierarchy, once known */
        bool knows_v1;
        /* How much of the name the topmost directory has that we made; 0: none is ours. */
        size_t v2_made, v1_made[CGROUP_N_CONTROLLERS];
        int keeper;         /* pidfd, or -EBADF */
        CgroupMover move;   /* or NULL */
        bool has_late_pids; /* pids.max, written when the first process is in */
        int64_t late_pids;
};

#define CGROUP_FILE_MAX 64 /* CGROUP_FILE_NAME_MAX in the kernel's cgroup-internal.h */

typedef struct CgroupSetting {
        CgroupController controller; /* says where it goes on a v1 machine; else see v2_only */
        const char *limit;           /* in words */
        char file[CGROUP_FILE_MAX];  /* "" if this version has nothing of the kind */
        const char *text;            /* what to write, borrowed, or NULL for owned or number */
        char *owned;
        char number[64];
        bool wish;        /* what the kernel lacks is skipped */
        bool alternative; /* the next one is for kernels without this file */
        bool v2_only;     /* in the v2 directory, wherever its controller is */
} CgroupSetting;

typedef struct CgroupSettings {
        CgroupSetting *items;
        size_t n;
        bool failed; /* memory ran out */
} CgroupSettings;

void cgroup_settings_clear(CgroupSettings *settings);
#define autosettings __attribute__((__cleanup__(cgroup_settings_clear))) CgroupSettings

/* Appends one; NULL without memory, which .failed remembers. */
CgroupSetting *cgroup_settings_add(CgroupSettings *settings, CgroupController controller,
                                   const char *limit, const char *file);
const char *cgroup_setting_text(const CgroupSetting *s);

/* Fill @settings in the order in which they are to be written; -EINVAL for a limit that contradicts
 * itself, -ENOMEM. */
int cgroup_v1_settings(const CgroupLimits *limits, CgroupSettings *settings, Err *err);
int cgroup_v2_settings(const CgroupLimits *limits, CgroupSettings *settings, Err *err);
/* Of both: block devices, huge pages, rdma. */
void cgroup_io_settings(const CgroupLimits *limits, bool v2, CgroupSettings *settings);

/* io.weight (1 to 10000) for blkio.weight (10 to 1000). */
unsigned cgroup_io_weight(unsigned weight);

/* "the memory limit", "'memory.high'". */
#define CGROUP_WORDS_MAX (CGROUP_FILE_MAX + 8)
const char *cgroup_setting_words(const CgroupSetting *s, char words[CGROUP_WORDS_MAX]);
/* Says why a setting was not taken.  ENOENT never leaves as itself: callers of a runtime look for
 * its words and take them for a missing program. */
int cgroup_cannot_set(const CgroupSetting *s, int code, Err *err);

/* Whether a directory's entry is a cgroup below it; a container may give it any name, ".x" too. */
bool cgroup_is_child(const struct dirent *entry);

/* What memory is used; all 0 where no hierarchy of the place counts it. */
CgroupAmount cgroup_memory(const Cgroup *c);

/* What cgroup.kill does, for Linux before 5.14: signals again and again until none is left. */
int cgroup_kill_each(const Cgroup *c);

/* Where hierarchies usually are: version 2 alone, or each of version 1 below it by the name of its
 * controller, and version 2 beside them. */
#define CGROUP_MOUNTS       "/sys/fs/cgroup"
#define CGROUP_V2_BESIDE_V1 CGROUP_MOUNTS "/unified"
#define OPEN_DIRECTORY      (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
/* Opens the root of a hierarchy, wherever it is mounted; -ENOENT.
 * @type: "cgroup" or "cgroup2"; @option: one that the mount must have, such as "cpu", or NULL */
int cgroup_find_mounted(const char *type, const char *option);
/* True if a list with commas, which may end with a line, has the word. */
bool cgroup_list_has(const char *list, const char *word);
/* Whether a directory is of the v2 hierarchy. */
bool cgroup_v2_is_at(const char *path);
/* Opens the root of the v2 hierarchy; -ENOENT if there is none. */
int cgroup_v2_root(void);
/* Bits: which controllers have a v1 hierarchy, mounted or not; none where there is no /proc. */
int cgroup_v1_mounted(unsigned *ret);
/* Opens the root of a controller's v1 hierarchy; -ENOENT if there is none. */
int cgroup_v1_root(CgroupController controller);
/* Opens a place in one v1 hierarchy; -ENOENT. */
int cgroup_v1_open(CgroupController controller, const char *name);

/* mkdir -p, safe against cgroup_remove() of a neighbour taking an empty parent away.  -EEXIST.
 * @made: NULL, or where the length of the shortest part of the name goes that was not there. */
int cgroup_make_directory(int root, const char *name, size_t *made);
/* Takes back what that made; what is in use stays. */
void cgroup_unmake_directory(int root, const char *name, size_t made);
/* rmdir, children first, waiting for processes to be gone; with @parents those that are empty go
 * too. */
int cgroup_remove_directory(int root, const char *name, bool parents, int timeout_ms);

/* Makes the place in one v1 hierarchy and opens it; 1 if it was there. */
int cgroup_v1_make(Cgroup *c, CgroupController controller);
/* Writes one file; 0 if it is no more than a wish and not there, -ENOENT (without words) if the
 * next one is for kernels that do not have it. */
int cgroup_v1_write(const Cgroup *c, const CgroupSetting *setting, Err *err);
int cgroup_v1_freeze(const Cgroup *c, bool frozen, int timeout_ms);
int cgroup_v1_is_frozen(const Cgroup *c);

/* The same, enabling the file's controller down the path if need be. */
int cgroup_v2_write(const Cgroup *c, const CgroupSetting *setting, Err *err);
/* Enables those of the common controllers that the root offers; what cannot be is left out. */
int cgroup_v2_enable_all(const Cgroup *c);
/* Finds "key N" among lines; @text ends with NUL or is NULL; -ENOENT. */
int cgroup_find_key(const char *text, const char *key, uint64_t *ret);
/* Reads "key N" out of cgroup.events and the like; -ENOENT if there is no such key. */
int cgroup_read_key(int dir, const char *file, const char *key, uint64_t *ret);
/* Waits until cgroup.events says so; -ETIMEDOUT. */
int cgroup_v2_wait(int dir, const char *key, uint64_t wanted, int timeout_ms);
