/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola login: who we are at a registry. */

#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/transfer_options.h"
#include "transfer/auth.h"

#define SECRET_MAX (64u << 10)

typedef struct LoginOptions {
        TransferOptions transfer;
        const char *username, *password;
        bool password_stdin, get_login;
} LoginOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG(0, "get-login", LoginOptions, get_login, "Print who we are there already"),
        OPT_STRING('p', "password", LoginOptions, password, "PASSWORD",
                   "The password; others see it in the list of processes"),
        OPT_FLAG(0, "password-stdin", LoginOptions, password_stdin,
                 "Read the password from standard input"),
        OPT_STRING('u', "username", LoginOptions, username, "NAME", "The name"),
        TRANSFER_OPTIONS(LoginOptions),
        {},
};

static char *read_line(FILE *in) {
        char *line = NULL;
        size_t room = 0;
        ssize_t n = getline(&line, &room, in);

        if (n < 0) {
                free(line);
                return NULL;
        }
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
                line[--n] = 0;
        return line;
}

/* Without showing what is typed. */
static char *ask_secret(void) {
        struct termios before, quiet;
        bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
        char *secret;

        fputs("Password: ", stderr);
        if (terminal) {
                quiet = before;
                quiet.c_lflag &= ~(tcflag_t) ECHO;
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        }
        secret = read_line(stdin);
        if (terminal) {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
                fputc('\n', stderr);
        }
        return secret;
}

static int take_secret(const LoginOptions *o, char **ret, Err *err) {
        if (o->password && o->password_stdin)
                return refuse(err, EINVAL, "--password and --password-stdin exclude each other");
        if (o->password) {
                *ret = strdup(o->password);
        } else if (o->password_stdin) {
                char *text = calloc(1, SECRET_MAX + 1);
                ssize_t n = text ? fd_read_all(STDIN_FILENO, text, SECRET_MAX) : -ENOMEM;

                if (n < 0) {
                        free(text);
                        return fail(err, (int) n, "cannot read the password");
                }
                while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
                        text[--n] = 0;
                *ret = text;
        } else {
                *ret = ask_secret();
        }
        return *ret ? 0 : refuse(err, EINVAL, "no password was given");
}

/* What the registry says to it is what counts. */
static int try_them(const LoginOptions *o, const char *registry, const char *user,
                    const char *secret, Err *err) {
        autofree char *pair = str_format("%s:%s", user, secret);
        NetOp op = { .kind = (char *) "ping" };
        autoptr(Remote) remote = NULL;
        PlaceOptions place = {};
        NetReply reply = {};
        int r;

        r = pair ? transfer_place(&o->transfer, &place, err) : fail(err, ENOMEM, "cannot log in");
        if (r < 0)
                return r;
        place.credentials = pair;
        r = place_open(registry, "", NULL, &place, &remote, err);
        if (r >= 0)
                r = remote_call(remote, &op, -EBADF, NULL, NULL, &reply, err);
        json_clear(&net_reply_type, &reply);
        return r;
}

static int log_in(const LoginOptions *o, const char *registry, Err *err) {
        autofree char *user = o->username ? strdup(o->username) : NULL;
        autofree char *secret = NULL, *where = NULL;
        int r;

        if (!user) {
                if (o->password_stdin)
                        return refuse(err, EINVAL, "--password-stdin needs --username");
                fputs("Username: ", stderr);
                user = read_line(stdin);
        }
        if (str_empty(user))
                return refuse(err, EINVAL, "no name was given");
        if (strchr(user, ':'))
                return refuse(err, EINVAL, "a name holds no colon");
        r = take_secret(o, &secret, err);
        if (r >= 0)
                r = try_them(o, registry, user, secret, err);
        if (r >= 0)
                r = auth_store(registry, o->transfer.authfile, user, secret, &where, err);
        if (r >= 0)
                printf("Login Succeeded\nkept in %s\n", where);
        return r;
}

static int cmd_login(const CommandInput *in, Err *err) {
        const LoginOptions *o = in->options;
        const char *registry = in->n_args ? in->args[0] : "docker.io";
        autocredentials known = {};
        int r;

        if (!o->get_login) {
                r = log_in(o, registry, err);
                return r < 0 ? err_prefix(err, r, "cannot log in to '%s'", registry) : 0;
        }
        r = auth_find(registry, "", o->transfer.authfile, &known, err);
        if (r < 0)
                return r;
        if (r == 0 || !known.user)
                return refuse(err, ENOENT, "nobody is logged in to '%s'", registry);
        puts(known.user);
        return 0;
}

COMMAND(login) = {
        .name = "login",
        .group = "Images",
        .synopsis = "[OPTION...] [REGISTRY]",
        .summary = "Say who you are to a registry",
        .options = options,
        .options_size = sizeof(LoginOptions),
        .max_args = 1,
        .run = cmd_login,
};
