/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/commit.h"
#include "builder/config.h"
#include "engine/userns.h"
#include "kernel/process.h"
#include "oci/reference.h"
#include "store/layer.h"

/* "…/layers/HEX/diff" says the chain id; topmost first become lowest first. */
static int chains_of(const Container *c, char ***ret, Err *err) {
        for (size_t i = strv_length(c->lowers); i-- > 0;) {
                const char *hex = strstr(c->lowers[i], "/layers/");

                if (!hex || strlen(hex) < strlen("/layers/") + DIGEST_HEX_LENGTH)
                        return refuse(err, EINVAL, "'%s' is no layer of the store", c->lowers[i]);
                if (strv_addf(ret, "sha256:%.*s", DIGEST_HEX_LENGTH, hex + strlen("/layers/")) < 0)
                        return fail(err, ENOMEM, "cannot commit");
        }
        return 0;
}

/* Copies what the container has written, as a layer's tar does it, into a draft. */
static int copy_upper(const Container *c, const LayerDraft *draft, Err *err) {
        autofree char *upper = str_format("%s/containers/%s/upper", c->home->data, c->id);
        TreeView view = { .upper = draft->diff, .work = draft->work };
        Layer written = { .latest = TAR_NO_CLAMP, .diff = upper };
        autoclose int stream = -EBADF, writer = -EBADF, userns = -EBADF;
        TreeReport report;
        int r;

        if (!upper)
                return fail(err, ENOMEM, "cannot commit");
        r = userns_open(c, &userns, err);
        if (r < 0)
                return r;
        stream = layer_open_tar(&written, userns, &writer, err);
        if (stream < 0)
                return stream;
        r = tree_unpack(&view, stream, UNPACK_LAYER, "/", 0, &report, err);
        stream = close_fd(stream);
        process_kill_and_reap(writer);
        return r;
}

/* Whether a layer has nothing in it. */
static bool is_empty(const LayerDraft *draft) {
        autostrv names = NULL;

        return dir_list(AT_FDCWD, draft->diff, &names) == 0 && !names;
}

static int add_layer(Container *c, bool pause, StageState *state, Err *err) {
        bool paused = pause && container_status(c) == CONTAINER_RUNNING;
        autoptr(LayerDraft) draft = NULL;
        autoptr(Layer) layer = NULL;
        size_t n = strv_length(state->layers);
        int r;

        r = layer_draft(c->home, &draft, err);
        if (r < 0)
                return r;
        if (paused) {
                r = container_pause(c, true, err);
                if (r == -EOPNOTSUPP) {
                        log_warn("container '%s' goes on while it is committed: it has no control "
                                 "group to be stopped with",
                                 c->name);
                        paused = false;
                        if (err)
                                err_clear(err);
                } else if (r < 0)
                        return r;
        }
        r = copy_upper(c, draft, err);
        fault_point("commit.copied");
        if (paused && container_pause(c, false, NULL) < 0)
                log_warn("container '%s' is still paused", c->name);
        if (r < 0)
                return r;
        if (n > 0 && is_empty(draft))
                return 0;
        r = layer_commit(draft, n ? state->layers[n - 1] : NULL, &layer, err);
        if (r < 0)
                return r;
        return strv_add(&state->layers, layer->chain_id) < 0 ? fail(err, ENOMEM, "cannot commit")
                                                             : 1;
}

static int copy_word(char **to, const char *from) {
        return str_empty(from) ? 0 : str_set(to, from);
}

static int copy_words(char ***to, char *const *from) {
        strv_free(*to);
        *to = NULL;
        return strv_copy(from, to);
}

/* The container's own configuration wins over its image's, as with Docker. */
static int begin(const Container *c, StageState *state, Err *err) {
        OciImageConfig *config = &state->image.config;
        const ContainerConfig *own = &c->config;
        autoptr(Image) image = NULL;
        int r;

        r = image_load(c->home, c->image, &image, NULL);
        r = r >= 0 ? config_begin_image(state, &image->config)
                   : config_begin_scratch(
                             state, &(OciPlatform){ .architecture = (char *) oci_architecture() });
        if (r >= 0)
                r = copy_words(&config->env, own->env);
        if (r >= 0)
                r = copy_words(&config->cmd, own->cmd);
        if (r >= 0)
                r = copy_words(&config->entrypoint, own->entrypoint);
        if (r >= 0)
                r = copy_words(&config->labels, own->labels);
        if (r >= 0)
                r = copy_words(&config->exposed_ports, own->exposed_ports);
        if (r >= 0)
                r = copy_words(&config->volumes, own->volumes);
        if (r >= 0)
                r = copy_word(&config->user, own->user);
        if (r >= 0)
                r = copy_word(&config->working_dir, own->working_dir);
        if (r >= 0)
                r = copy_word(&config->stop_signal, own->stop_signal);
        if (r >= 0)
                r = copy_words(&state->variables, config->env);
        return r < 0 ? fail(err, r, "cannot commit") : 0;
}

static int apply_change(StageState *state, const char *text, Err *err) {
        static const InstructionKind allowed[] = {
                INSTRUCTION_CMD,        INSTRUCTION_ENTRYPOINT,  INSTRUCTION_ENV,
                INSTRUCTION_EXPOSE,     INSTRUCTION_LABEL,       INSTRUCTION_ONBUILD,
                INSTRUCTION_USER,       INSTRUCTION_VOLUME,      INSTRUCTION_WORKDIR,
                INSTRUCTION_STOPSIGNAL, INSTRUCTION_HEALTHCHECK,
        };
        __attribute__((__cleanup__(build_arguments_clear))) BuildArguments arguments = {};
        autoptr(Containerfile) file = NULL;
        autofree char *said = NULL;
        bool fits = false;
        int r;

        r = containerfile_parse_trigger(text, &file, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                fits |= file->instructions[0].kind == allowed[i];
        if (!fits)
                return refuse(err, EINVAL, "%s cannot be applied to a container that was made",
                              file->instructions[0].name);
        r = config_apply(state, &arguments, file->instructions, '\\', &said, err);
        return r < 0 ? r : 0;
}

static int finish(const Container *c, const CommitRequest *request, StageState *state, bool added,
                  Image **ret, Err *err) {
        char *const names[] = { (char *) request->name, NULL };
        autofree char *command = strv_join(c->config.cmd, " ");
        OciImage *image = &state->image;
        OciHistory *entry;

        if (!command || config_add_history(state, command, !added) < 0)
                return fail(err, ENOMEM, "cannot commit");
        entry = &image->history[image->n_history - 1];
        free(take_ptr(image->created));
        image->created = clock_rfc3339(clock_now_ns());
        if (!image->created || str_set(&entry->created, image->created) < 0 ||
            str_set(&entry->author, request->author) < 0 ||
            str_set(&entry->comment, request->message) < 0 ||
            (request->author && str_set(&image->author, request->author) < 0))
                return fail(err, ENOMEM, "cannot commit");
        return image_create(c->home, image, state->layers, request->name ? names : NULL, ret, err);
}

int container_commit(Container *c, const CommitRequest *request, Image **ret, Err *err) {
        autoclose int hold = image_hold(c->home);
        autoptr(Reference) reference = NULL;
        autostage state = {};
        int r = 0, added;

        if (request->name) {
                r = reference_parse(request->name, &reference, err);
                if (r < 0)
                        return r;
        }
        if (!c->lowers && str_equal(c->image, "@host"))
                return refuse(err, EINVAL, "container '%s' has the machine's own files", c->name);
        r = begin(c, &state, err);
        strv_foreach(change, request->changes)
                if (r >= 0)
                        r = apply_change(&state, *change, err);
        if (r >= 0)
                r = chains_of(c, &state.layers, err);
        if (r < 0)
                return r;
        added = add_layer(c, request->pause, &state, err);
        return added < 0 ? added : finish(c, request, &state, added > 0, ret, err);
}
