/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Steps: instructions that change files
 *
 * A step is first prepared, which reads what it depends on and gives its cache
 * key, and then carried out on a layer draft, unless the cache knows the key.
 */

#include <signal.h>

#include "builder/annotation.h"
#include "builder/build.h"
#include "builder/cache.h"
#include "builder/cache_place.h"
#include "builder/cdi.h"
#include "builder/config.h"
#include "builder/context.h"
#include "builder/git_source.h"
#include "builder/output.h"
#include "builder/run_mount.h"
#include "builder/secret.h"
#include "builder/stages.h"
#include "oci/spec.h"
#include "store/layer.h"
#include "transfer/cache_image.h"

typedef enum NamedContextKind {
        NAMED_DIRECTORY,
        NAMED_IMAGE,
        NAMED_LAYOUT,
        NAMED_URL,
        NAMED_REPOSITORY,
} NamedContextKind;

/* --build-context, see named_context.c. */
typedef struct NamedContext {
        char *name, *value;
        NamedContextKind kind;
        /* Once it is used: */
        char **images;     /* of a layout, "PLATFORM=ID" */
        Context *context;  /* or NULL, for images */
        LayerDraft *draft; /* what was fetched from a URL; or NULL */
        GitSource *git;    /* or NULL */
} NamedContext;

#define BUILD_ID_SHOWN 12

/* One build, for one platform.  Of several at once the first owns what all have in common. */
typedef struct Build {
        const Home *home;
        const BuildRequest *request;
        LayerDraft *scratch; /* what an archive of a context was unpacked into; or NULL */
        GitSource *git;      /* the repository that is the context; or NULL */
        char *text;          /* of the Dockerfile */
        Containerfile *file;
        BuildArguments arguments;
        Stages *plan;
        StageState *stages; /* one for each of plan's */
        Context *context;
        NamedContext *named;
        size_t n_named;
        BuildSecrets secrets;
        Outputs outputs;
        Annotations annotations;
        CachePlaces cache_from, cache_to;
        CacheImages cache_images; /* what registries have of --cache-from */
        char *label;              /* "linux/arm64" if it is one of several; or NULL */
        int64_t latest;           /* SOURCE_DATE_EPOCH, or TAR_NO_CLAMP */
        char *now;                /* created of what is made now */
        int account;     /* where a stage of its own process reports to, see account.h; or -EBADF */
        size_t n_echoed; /* steps announced so far */
        sigset_t ends;   /* the signals that end a build; blocked */
        bool to_terminal; /* what is said may be read by one */
} Build;

/* Opens the context that the request names; a Dockerfile from standard input becomes build->text.
 */
int build_open_context(Build *build, Err *err);
/* Reads the Dockerfile: the one named, or the first that is there of the usual names. */
int build_read_file(Build *build, Err *err);

/* The value of --build-arg for what the builder itself is told: "BUILDKIT_…"; NULL if none. */
const char *build_word(const Build *build, const char *name);

/* Fetches a URL into the draft: what an archive holds, or else the file "context". */
int build_fetch_files(const Build *build, const char *url, LayerDraft *draft, Err *err);

/* Whose files COPY --from and RUN --mount take. */
typedef struct Origin {
        Context *context; /* a directory's, or NULL: */
        char **lowers;    /* a stage's or an image's, topmost first; NULL without files */
        char chain[DIGEST_LENGTH + 1];
} Origin;

/**
 * origin_find() - find what a --from means
 * @before:	stages with a lower number are there
 * @what:	what errors begin with, such as "COPY --from="
 */
int origin_find(Build *build, size_t before, const char *from, const char *what, Origin *ret,
                Err *err);
void origin_clear(Origin *origin);

/* An image of the store, pulled where it is missing or --pull asks for it. */
int build_find_image(Build *build, const char *name, const OciPlatform *platform, Image **ret,
                     Err *err);

/* A line of the build's account. */
void build_say(const Build *build, const char *format, ...) printf_like(2, 3);

/* Reads --build-context. */
int named_contexts_read(Build *build, Err *err);
/* Opens those that the plan names, before stages are built side by side. */
int named_contexts_open(Build *build, Err *err);
/* @ret: opened; NULL if there is none of that name. */
int named_context_use(Build *build, const char *name, const NamedContext **ret, Err *err);
/* Reference or id, for one that is an image, of the build's platform; inside of it. */
const char *named_context_image(const Build *build, const NamedContext *named);
void named_contexts_clear(Build *build);

/* One RUN --mount, and what it shows. */
typedef struct StepMount {
        RunMount mount;
        Origin origin;               /* of bind, and of a cache's first content */
        Selection selection;         /* what of a context */
        char key[DIGEST_LENGTH + 1]; /* under which the cache knows a bind's files */
} StepMount;

typedef struct Step Step;

struct Step {
        Build *build;
        StageState *state;
        const Instruction *instruction;
        char *created_by; /* for the history */
        char key[DIGEST_LENGTH + 1];
        int (*carry_out)(Step *step, const LayerDraft *draft, Err *err);

        /* COPY, ADD, WORKDIR */
        Origin origin; /* where files come from */
        Selection selection;
        char **sources;     /* expanded */
        TreeItem *contents; /* here-documents */
        size_t n_contents;
        char **urls;              /* ADD from the network */
        char *checksum;           /* what is there must have this digest; or NULL */
        GitSource **repositories; /* of ADD */
        size_t n_repositories;
        LayerDraft *fetched; /* holds what was fetched, by name */
        TreeItem *downloads; /* those files; one for each URL, once they are fetched */
        size_t n_downloads;
        char *dest; /* absolute, cleaned */
        bool dest_is_dir;
        bool link, parents, unpack;
        char **exclude;
        char *owner; /* NULL for 0:0 */
        char *mode;  /* NULL for as it is */

        /* RUN */
        StepMount *mounts;
        size_t n_mounts;
        char **command, **environment;
        bool insecure;              /* --security=insecure */
        RunDevices devices;         /* --device */
        char *script, *script_path; /* a here-document that is a program, and where it is seen */
        char *network;
};

void step_clear(Step *step);
static inline void step_auto(Step *step) {
        step_clear(step);
}
#define autostep __attribute__((__cleanup__(step_auto))) Step

/* The chain id of the layers so far, "" without. */
const char *stage_chain(const StageState *state);
/* Begins a key with what every step depends on. */
void step_begin_key(const Step *step, CacheKey *key, const char *operation);
/* Expands a word with what the stage knows. */
int step_expand(const Step *step, const char *word, char **ret, Err *err);

/* @step: build, state and instruction are set. */
int step_prepare_copy(Step *step, Err *err); /* COPY and ADD */
int step_prepare_run(Step *step, Err *err);
/* Fetches what ADD takes from the network, if that was not done yet; checks it. */
int step_fetch(Step *step, Err *err);
/* Adds to a key what is at the URLs: what the step says it must be, or what was fetched now. */
int step_add_downloads(Step *step, CacheKey *key, Err *err);
/*
 * A source of ADD that is a repository.
 * Return: 1; 0 if it is none.
 */
int step_add_repository(Step *step, const char *source, Err *err);
/* Copies the repositories' files. */
int step_copy_repositories(Step *step, const TreeView *view, Err *err);
/* Copies all of the step's context to "/". */
int step_prepare_root(Step *step, Err *err);
/* Reads --mount, and adds what of it makes a difference to the key. */
int step_mounts_prepare(Step *step, CacheKey *key, Err *err);
void step_mounts_clear(Step *step);

/* Reads --device, and finds what is described (cdi.h). */
int step_devices_prepare(Step *step, Err *err);
/* Gives nodes and groups to the command's container. */
int step_devices_give(const Step *step, HostConfig *to);
/* Adds the mounts that devices ask for. */
int step_devices_mount(const Step *step, OciSpec *spec, Err *err);

/* What the mounts of a running command hold: locks, copies, helpers. */
typedef struct MountsHeld MountsHeld;

/**
 * step_mounts_begin() - put a RUN's mounts into its specification
 * @run_dir:	of its container, absolute, in memory
 * @owner:	the host's id of its root; 0 if that is the machine's
 */
int step_mounts_begin(Step *step, const char *run_dir, uid_t owner, OciSpec *spec, MountsHeld **ret,
                      Err *err);
MountsHeld *step_mounts_end(MountsHeld *held);

/* --squash, see squash.c. */
int build_squash(const Build *build, StageState *state, Err *err);

/* Removes the containers of builds that were killed before their command ran. */
void step_run_sweep(const Home *home);
/* Makes the working directory that the configuration names now. */
int step_prepare_workdir(Step *step, Err *err);
