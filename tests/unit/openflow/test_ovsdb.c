/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"
#include "ovs_host.h"

/* Feeds the bytes one by one; the length that was found, or negative errno. */
static long frame_of(const char *bytes) {
        OvsdbFrame frame = {};
        size_t length, size = strlen(bytes);

        for (size_t n = 1; n <= size; n++) {
                int r = ovsdb_frame(&frame, bytes, n, &length);

                if (r != -EAGAIN)
                        return r < 0 ? r : (long) length;
        }
        return -EAGAIN;
}

TEST(message_ends_where_its_braces_close) {
        expect(frame_of("{}") == 2);
        expect(frame_of(" \n{\"a\": [{}, {\"b\": []}]}{\"next\": 1}") == 24);
        expect(frame_of("{\"a\": \"}\\\"}\\\\\"}") == 15);
        expect(frame_of("{\"a\": \"}") == -EAGAIN);
}

TEST(what_is_no_object_is_no_message) {
        autofree char *deep = malloc(OVSDB_DEPTH_MAX + 2);

        expect(frame_of("[1]") == -EBADMSG);
        expect(frame_of("HTTP/1.1 400") == -EBADMSG);
        memset(deep, '{', OVSDB_DEPTH_MAX + 1);
        deep[OVSDB_DEPTH_MAX + 1] = 0;
        expect(frame_of(deep) == -EBADMSG);
        deep[OVSDB_DEPTH_MAX] = 0;
        expect(frame_of(deep) == -EAGAIN);
}

static int read_reply(const char *text, Err *err) {
        json_t *results = NULL;
        int r = ovsdb_read_reply(text, strlen(text), 3, 2, &results, err);

        ovsdb_drop(results);
        return r;
}

TEST(replies_are_told_apart) {
        autoerr err = {};

        expect(read_reply("{\"id\":3,\"error\":null,\"result\":[{},{\"rows\":[]}]}", &err) == 1);
        expect(read_reply("{\"id\":2,\"error\":null,\"result\":[{},{}]}", &err) == 0);
        expect(read_reply("{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}", &err) == 0);
        expect(read_reply("{\"id\":3,\"method\":\"update\",\"params\":[]}", &err) == 0);
}

static void expect_answer(const char *text, int code, const char *words) {
        autoerr err = {};

        expect(read_reply(text, &err) == code);
        printf("# %s\n", err.message);
        expect(strstr(err.message, words));
}

TEST(refusals_and_nonsense_are_told_apart) {
        expect_answer("{\"id\":3,\"error\":null,\"result\":[{},{\"error\":\"timed out\"}]}", -ETIME,
                      "timed out");
        expect_answer("{\"id\":3,\"error\":null,\"result\":[{\"error\":\"constraint violation\","
                      "\"details\":\"twice\\u001b\"},null]}",
                      -EEXIST, "constraint violation: twice?");
        expect_answer("{\"id\":3,\"error\":{\"error\":\"unknown database\"},\"result\":null}",
                      -EREMOTEIO, "unknown database");
        expect_answer("{\"id\":3,\"error\":7,\"result\":null}", -EBADMSG, "no object");
        expect_answer("{\"id\":3,\"error\":null,\"result\":[{}]}", -EBADMSG, "too few results");
        expect_answer("{\"id\":3,\"error\":null,\"result\":[{},1]}", -EBADMSG, "no object");
        expect_answer("{\"id\":3,\"error\":null,\"result\":{}}", -EBADMSG, "no list");
        expect_answer("{\"id\":3,\"id\":3}", -EBADMSG, "no JSON object");
        expect_answer("{\"id\":3", -EBADMSG, "no JSON object");
}

static json_t *parsed(const char *text) {
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

        expect(json);
        return json;
}

TEST(values_are_read_from_sets_and_maps) {
        json_t *set = parsed("[\"set\",[4,5]]"), *none = parsed("[\"set\",[]]"),
               *one = parsed("[\"set\",[6]]"), *bare = parsed("7"), *text = parsed("\"x\""),
               *map = parsed("[\"map\",[[\"a\",\"1\"],[\"b\",2],3]]"),
               *uuid = parsed("[\"uuid\",\"u\"]");

        expect(json_integer_value(ovsdb_element(set, 1)) == 5 && !ovsdb_element(set, 2));
        expect(ovsdb_integer(set, -9) == -9 && ovsdb_integer(none, -9) == -9);
        expect(ovsdb_integer(one, -9) == 6 && ovsdb_integer(bare, -9) == 7);
        expect_str(ovsdb_text(text), "x");
        expect(!ovsdb_text(none) && !ovsdb_text(NULL) && ovsdb_integer(NULL, -9) == -9);
        expect_str(ovsdb_map_get(map, "a"), "1");
        expect(!ovsdb_map_get(map, "b") && !ovsdb_map_get(map, "c") && !ovsdb_map_get(set, "a"));
        expect_str(ovsdb_uuid(uuid), "u");
        expect(!ovsdb_uuid(set));
        json_decref(set);
        json_decref(none);
        json_decref(one);
        json_decref(bare);
        json_decref(text);
        json_decref(map);
        json_decref(uuid);
}

/* A server that says one thing to whoever connects, and keeps what it is told. */
static pid_t serve(const char *path, const char *words, bool stay) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
        char heard[4096];
        pid_t pid;

        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        expect(s >= 0 && bind(s, (struct sockaddr *) &address, sizeof address) == 0);
        expect(listen(s, 1) == 0);
        pid = fork();
        if (pid > 0) {
                close(s);
                return pid;
        }
        c = accept(s, NULL, NULL);
        if (read(c, heard, sizeof heard) <= 0 || write(c, words, strlen(words)) < 0)
                _exit(1);
        if (stay)
                while (read(c, heard, sizeof heard) > 0)
                        ;
        _exit(0);
}

static void expect_failure(const char *words, bool stay, int timeout_ms, int code) {
        char directory[64];
        autofree char *path = NULL;
        autoptr(Ovsdb) db = NULL;
        autoerr err = {};
        pid_t pid;
        int status;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0 || errno == EEXIST);
        path = str_format("%s/s", directory);
        unlink(path);
        pid = serve(path, words, stay);
        expect_well(ovsdb_open(path, timeout_ms, &db, &err), err);
        expect(ovsdb_transact(db, json_pack("[{s:s}]", "op", "abort"), NULL, &err) == code);
        printf("# %s\n", err.message);
        db = ovsdb_free(db);
        expect(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(server_that_is_silent_or_ends_or_babbles_is_given_up) {
        expect_failure("{\"id\":1", true, 50, -ETIMEDOUT);
        expect_failure("{\"id\":1", false, HOST_MS, -ECONNRESET);
        expect_failure("SSH-2.0", true, HOST_MS, -EBADMSG);
        expect_failure("{\"id\":7,\"result\":[],\"error\":null}{\"id\":1,\"result\":[]}", true,
                       HOST_MS, -EBADMSG);
}

TEST(server_that_asks_whether_we_are_there_is_answered) {
        char directory[64], heard[256];
        autofree char *path = NULL;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int s = socket(AF_UNIX, SOCK_STREAM, 0), c, status;
        static const char echo[] = "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[\"x\"]}",
                          reply[] = "{\"id\":1,\"error\":null,\"result\":[{}]}";
        pid_t pid;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0);
        path = str_format("%s/s", directory);
        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        expect(bind(s, (struct sockaddr *) &address, sizeof address) == 0 && listen(s, 1) == 0);
        pid = fork();
        if (pid == 0) {
                autoptr(Ovsdb) db = NULL;

                close(s);
                expect_ok(ovsdb_open(path, HOST_MS, &db, NULL));
                expect_ok(ovsdb_transact(db, json_pack("[{s:s}]", "op", "x"), NULL, NULL));
                _exit(0);
        }
        c = accept(s, NULL, NULL);
        expect(read(c, heard, sizeof heard) > 0);
        expect(write(c, echo, strlen(echo)) > 0);
        memset(heard, 0, sizeof heard);
        expect(read(c, heard, sizeof heard - 1) > 0);
        printf("# %s\n", heard);
        expect(strstr(heard, "\"result\":[\"x\"]") && strstr(heard, "\"id\":\"echo\""));
        expect(write(c, reply, strlen(reply)) > 0);
        expect(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST_IN(real_database_answers_and_refuses, CLONE_NEWNET) {
        char directory[64];
        autoptr(Ovsdb) db = host_start(directory);
        json_t *results = NULL;
        autoerr err = {};

        expect_well(ovsdb_transact(db,
                                   json_pack("[{s:s, s:s, s:[], s:[s]}]", "op", "select", "table",
                                             "Open_vSwitch", "where", "columns", "other_config"),
                                   &results, &err),
                    err);
        expect_str(ovsdb_map_get(
                           json_object_get(
                                   json_array_get(
                                           json_object_get(json_array_get(results, 0), "rows"), 0),
                                   "other_config"),
                           "userspace-tso-enable"),
                   "true");
        ovsdb_drop(results);
        expect(ovsdb_transact(db, json_pack("[{s:s, s:s}]", "op", "select", "table", "None"), NULL,
                              &err) == -EREMOTEIO);
        printf("# %s\n", err.message);
}
