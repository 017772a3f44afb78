/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "store/layer.h"
#include "test.h"

static Home *home_here(void) {
        autoptr(Home) home = NULL;

        expect(mount("none", "/mnt", "tmpfs", 0, "mode=700") == 0);
        expect_ok(home_open("/mnt/data", "/mnt/run", &home, NULL));
        return take_ptr(home);
}

static Layer *layer_with(const Home *home, const char *text, const char *parent) {
        autoptr(LayerDraft) draft = NULL;
        autofree char *path = NULL;
        autoptr(Layer) layer = NULL;

        expect_ok(layer_draft(home, &draft, NULL));
        path = str_format("%s/file", draft->diff);
        expect_ok(file_create(AT_FDCWD, path, text, strlen(text), 0644));
        expect(utimensat(AT_FDCWD, path, (struct timespec[2]){ { 1 }, { 1 } }, 0) == 0);
        expect_ok(layer_commit(draft, parent, &layer, NULL));
        return take_ptr(layer);
}

static size_t count_layers(const Home *home) {
        autostrv names = NULL;

        expect_ok(dir_list(home->data_fd, "layers", &names));
        return strv_length(names) - strv_has(names, ".lock");
}

TEST_IN(the_same_files_are_one_layer, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Layer) one = layer_with(home, "x", NULL);
        autoptr(Layer) two = layer_with(home, "x", NULL);
        autoptr(Layer) three = layer_with(home, "x", one->chain_id);
        autofree char *file = str_format("%s/file", one->diff);

        expect_str(one->chain_id, two->chain_id);
        expect_str(one->diff_id, three->diff_id);
        expect(strcmp(one->chain_id, three->chain_id) != 0);
        expect(count_layers(home) == 2);
        expect(access(file, R_OK) == 0);
}

TEST_IN(a_layer_is_found_again, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Layer) one = layer_with(home, "x", NULL);
        autoptr(Layer) found = NULL;
        char *const ids[] = { one->chain_id, NULL };
        autoerr err = {};

        expect_ok(layer_make_durable(home, ids, NULL));
        expect_ok(layer_load(home, one->chain_id, &found, NULL));
        expect_str(found->diff, one->diff);
        expect(found->size == one->size && found->size > 0);
        expect_ok(layer_bury(home, one->chain_id, NULL));
        layer_remove_dead(home);
        expect(layer_load(home, one->chain_id, &found, &err) == -ENOENT);
        expect(count_layers(home) == 0);
}

/* Makes an unsynced layer one of another boot. */
static void pretend_reboot(const Layer *layer) {
        autofree char *record = str_format("%s/../layer.json", layer->diff);
        autofree char *text = NULL;
        char *boot;

        expect_ok(file_read(AT_FDCWD, record, 4096, &text, NULL));
        boot = strstr(text, "unsyncedInBoot\":\"");
        expect(boot);
        boot[17] = '~';
        expect_ok(file_replace(AT_FDCWD, record, text, strlen(text), 0600, false));
}

TEST_IN(an_unsynced_layer_of_another_boot_is_none, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Layer) one = layer_with(home, "x", NULL);
        autoptr(Layer) found = NULL;
        autoptr(Layer) again = NULL;

        pretend_reboot(one);
        expect(layer_load(home, one->chain_id, &found, NULL) == -ENOENT);

        again = layer_with(home, "x", NULL);
        expect_ok(layer_load(home, again->chain_id, &found, NULL));
        expect(count_layers(home) == 1);
}

TEST_IN(unsynced_layers_go_with_the_first_draft_of_a_boot, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Layer) one = layer_with(home, "x", NULL);
        autoptr(Layer) two = layer_with(home, "y", NULL);
        autoptr(LayerDraft) draft = NULL;
        char *const ids[] = { two->chain_id, NULL };

        expect_ok(layer_make_durable(home, ids, NULL));
        pretend_reboot(one);
        expect_ok(layer_draft(home, &draft, NULL));
        expect(count_layers(home) == 3);
        draft = layer_draft_free(draft);
        expect(unlinkat(home->run_fd, "layers-swept", 0) == 0);
        expect_ok(layer_draft(home, &draft, NULL));
        expect(count_layers(home) == 2);
        expect(access(two->diff, F_OK) == 0 && access(one->diff, F_OK) < 0);
}

TEST_IN(a_dead_draft_goes_with_the_next_one, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(LayerDraft) draft = NULL;
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                LayerDraft *dying = NULL;

                _exit(layer_draft(home, &dying, NULL) < 0);
        }
        expect(waitpid(pid, &status, 0) == pid && status == 0);
        expect(count_layers(home) == 1);
        expect_ok(layer_draft(home, &draft, NULL));
        expect(count_layers(home) == 1);
        draft = layer_draft_free(draft);
        expect(count_layers(home) == 0);
}

TEST(chain_ids_are_those_of_the_specification) {
        static const char one[] =
                "sha256:0000000000000000000000000000000000000000000000000000000000000001";
        char chain[DIGEST_LENGTH + 1], wanted[DIGEST_LENGTH + 1];
        autofree char *text = str_format("%s %s", one, one);

        layer_chain_id(NULL, one, chain);
        expect_str(chain, one);
        layer_chain_id(chain, one, chain);
        digest_of(text, strlen(text), wanted);
        expect_str(chain, wanted);
}
