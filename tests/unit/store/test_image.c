/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "libexec.h"
#include "store/image.h"
#include "store/layer.h"
#include "test.h"

static Home *home_here(void) {
        autoptr(Home) home = NULL;

        expect(mount("none", "/mnt", "tmpfs", 0, "mode=700") == 0);
        expect_ok(home_open("/mnt/data", "/mnt/run", &home, NULL));
        return take_ptr(home);
}

/* Makes an image of one layer that holds @text. */
static Image *image_with(const Home *home, const char *text, const char *name) {
        char *const names[] = { (char *) name, NULL };
        autoptr(LayerDraft) draft = NULL;
        autofree char *path = NULL;
        autoptr(Layer) layer = NULL;
        autoptr(Image) image = NULL;
        OciImage config = { .author = strdup(text) };
        char *layers[2] = {};

        expect_ok(layer_draft(home, &draft, NULL));
        path = str_format("%s/file", draft->diff);
        expect_ok(file_create(AT_FDCWD, path, text, strlen(text), 0644));
        expect_ok(layer_commit(draft, NULL, &layer, NULL));
        layers[0] = layer->chain_id;
        expect_ok(image_create(home, &config, layers, name ? names : NULL, &image, NULL));
        json_clear(&oci_image_type, &config);
        return take_ptr(image);
}

static void found_as(const Home *home, const char *name, const Image *wanted) {
        autoptr(Image) image = NULL;

        expect_ok(image_load(home, name, &image, NULL));
        expect_str(image->id, wanted->id);
        expect_str(image->lowers[0], wanted->lowers[0]);
        expect_str(image->config.author, wanted->config.author);
}

static size_t count(const Home *home) {
        Image **list = NULL;
        size_t n = 0;

        expect_ok(image_list(home, &list, &n, NULL));
        image_list_free(list, n);
        return n;
}

TEST_IN(an_image_is_found_by_name_id_and_beginning, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "team/web");
        char prefix[13] = "";

        memcpy(prefix, digest_hex(web->id), 12);
        found_as(home, "team/web", web);
        found_as(home, "team/web:latest", web);
        found_as(home, web->id, web);
        found_as(home, digest_hex(web->id), web);
        found_as(home, prefix, web);
}

TEST_IN(a_missing_image_has_a_hint, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "sistema");
        autoptr(Image) none = NULL;
        autoerr err = {};

        expect(web);
        expect(image_load(home, "sistem", &none, &err) == -ENOENT);
        expect_str(err.message, "there is no image 'sistem'");
        expect_str(err.hint, "did you mean 'sistema:latest'?");
        err_clear(&err);
        expect(image_load(home, "Sistema", &none, &err) == -EINVAL);
        expect_str(err.message, "image name 'Sistema' must be lower case");
}

TEST_IN(the_cache_is_made_again_from_the_layout, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");

        use_helper();
        expect_ok(tree_remove(home->data_fd, "images"));
        found_as(home, "web", web);
        expect(faccessat(home->data_fd, "images/names/web:latest", F_OK, 0) == 0);
        found_as(home, "web", web);
}

TEST_IN(a_name_that_moves_leaves_a_nameless_image, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) old = image_with(home, "old", "web");
        autoptr(Image) new = image_with(home, "new", "web");
        autoptr(Image) loaded = NULL;

        found_as(home, "web", new);
        expect(count(home) == 2);
        expect_ok(image_load(home, old->id, &loaded, NULL));
        expect_ok(image_load_names(home, loaded, NULL));
        expect(!loaded->names);
        expect_ok(image_tag(home, old->id, "web:old", NULL));
        found_as(home, "web:old", old);
        expect(count(home) == 2);
}

static char *never(const char *id, void *context) {
        return NULL;
}

static char *always(const char *id, void *context) {
        return strdup("box");
}

TEST_IN(the_last_name_takes_the_image_along, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");
        autostrv log = NULL;
        autofree char *wanted = str_format("Deleted: %s", web->id);

        expect_ok(image_tag(home, "web", "other:1", NULL));
        expect_ok(image_remove(home, "web", false, never, NULL, &log, NULL));
        expect(strv_length(log) == 1);
        expect_str(log[0], "Untagged: web:latest");
        log = strv_free(log);
        expect_ok(image_remove(home, "other:1", false, never, NULL, &log, NULL));
        expect(strv_length(log) == 3);
        expect_str(log[0], "Untagged: other:1");
        expect_str(log[1], wanted);
        expect(count(home) == 0);
        expect(access(web->lowers[0], F_OK) < 0);
}

TEST_IN(a_shared_layer_stays, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) one = image_with(home, "same", "one");
        char *layers[] = { one->top_chain_id, NULL }, *const names[] = { (char *) "two", NULL };
        OciImage config = { .author = strdup("other") };
        autoptr(Image) two = NULL;
        autostrv log = NULL;

        expect_ok(image_create(home, &config, layers, names, &two, NULL));
        json_clear(&oci_image_type, &config);
        expect_ok(image_remove(home, "one", false, never, NULL, &log, NULL));
        found_as(home, "two", two);
        expect(access(two->lowers[0], F_OK) == 0);
}

TEST_IN(an_image_in_use_loses_only_its_name, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");
        autostrv log = NULL;
        autoerr err = {};

        expect(image_remove(home, "web", false, always, NULL, &log, &err) == -EBUSY);
        expect_str(err.message, "image 'web' is used by container 'box'");
        found_as(home, "web", web);
        expect_ok(image_remove(home, "web", true, always, NULL, &log, NULL));
        expect(strv_length(log) == 1);
        found_as(home, web->id, web);
        expect(count(home) == 1);
}

TEST_IN(layers_stay_while_somebody_holds_them, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");
        autoptr(Image) other = image_with(home, "other", "other");
        autoclose int hold = expect_ok(image_hold(home));
        autostrv log = NULL;

        expect_ok(image_remove(home, "web", false, never, NULL, &log, NULL));
        expect(count(home) == 1 && access(web->lowers[0], F_OK) == 0);
        hold = close_fd(hold);
        log = strv_free(log);
        expect_ok(image_remove(home, "other", false, never, NULL, &log, NULL));
        expect(access(web->lowers[0], F_OK) < 0 && access(other->lowers[0], F_OK) < 0);
}

/* A container that was made of an image at the moment of its removal. */
static char *late(const char *id, void *context) {
        int *asked = context;

        return (*asked)++ ? strdup("box") : NULL;
}

TEST_IN(a_container_made_meanwhile_keeps_its_layers, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");
        autoptr(Image) other = image_with(home, "other", "other");
        autostrv log = NULL;
        int asked = 0;

        expect_ok(image_remove(home, "web", false, late, &asked, &log, NULL));
        expect(asked == 2 && access(web->lowers[0], F_OK) == 0);
        log = strv_free(log);
        expect_ok(image_remove(home, "other", false, never, NULL, &log, NULL));
        expect(access(web->lowers[0], F_OK) < 0 && access(other->lowers[0], F_OK) < 0);
}

TEST_IN(several_names_need_force, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");
        autostrv log = NULL;
        autoerr err = {};

        expect_ok(image_tag(home, "web", "b", NULL));
        expect(image_remove(home, web->id, false, never, NULL, &log, &err) == -EBUSY);
        expect_ok(image_remove(home, web->id, true, never, NULL, &log, NULL));
        expect(count(home) == 0);
}

TEST_IN(a_removal_that_was_killed_is_finished_by_the_next, CLONE_NEWNS) {
        autoptr(Home) home = home_here();
        autoptr(Image) web = image_with(home, "web", "web");
        autoptr(Image) other = image_with(home, "other", "other");
        autofree char *record = str_format("images/%s.json", digest_hex(web->id));
        autofree char *grave = str_format("images/.dead-%s.json", digest_hex(web->id));
        autostrv log = NULL;

        use_helper();
        expect(other);
        /* Killed after the burial, before the index: the image is still there. */
        expect(renameat(home->data_fd, record, home->data_fd, grave) == 0);
        expect(unlinkat(home->data_fd, "images/names/web:latest", 0) == 0);
        found_as(home, "web", web);
        expect_ok(image_remove(home, "other", false, never, NULL, &log, NULL));
        found_as(home, "web", web);
        expect(faccessat(home->data_fd, grave, F_OK, 0) < 0);
}
