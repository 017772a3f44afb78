/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/account.h"

#define RECORD_MAX (1u << 20)

typedef struct RecordHead {
        uint32_t kind, n;
} RecordHead;

/* Nobody who reads it any more is no reason to stop. */
static void put(const Build *build, AccountRecord kind, const void *bytes, size_t n) {
        RecordHead head = { (uint32_t) kind, (uint32_t) (n < RECORD_MAX ? n : RECORD_MAX) };
        autostr record = {};

        str_put_bytes(&record, &head, sizeof head);
        str_put_bytes(&record, bytes, head.n);
        if (!record.failed)
                (void) fd_write_all(build->account, record.text, record.length);
}

int account_read(const char *text, size_t length, size_t *at, AccountRecord *ret,
                 const char **ret_bytes, size_t *ret_n) {
        RecordHead head;

        if (length - *at < sizeof head)
                return 0;
        memcpy(&head, text + *at, sizeof head);
        if (head.kind >= ACCOUNT_RECORDS || head.n > RECORD_MAX)
                return -EBADMSG;
        if (length - *at - sizeof head < head.n)
                return 0;
        *ret = (AccountRecord) head.kind;
        *ret_bytes = text + *at + sizeof head;
        *ret_n = head.n;
        *at += sizeof head + head.n;
        return 1;
}

/* Where plain lines go: standard output may belong to a result. */
static FILE *stream(const Build *build) {
        return outputs_use_stdout(&build->outputs) ? stderr : stdout;
}

static void print(const Build *build, const char *text) {
        autofree char *safe = build->to_terminal ? str_printable_lines(text) : NULL;
        FILE *to = stream(build);

        fputs(safe ? safe : text, to);
        fflush(to); /* what a RUN writes comes through another way */
}

/* The ids of what is not finished yet are for plain lines only. */
static void say_to_display(const Build *build, const char *text) {
        if (str_after(text, " ---> "))
                return;
        if (build->account >= 0)
                put(build, ACCOUNT_LINE, text, strlen(text));
        else if (build->request->progress == PROGRESS_TERMINAL)
                print(build, text);
}

void build_say(const Build *build, const char *format, ...) {
        autofree char *text = NULL;
        va_list ap;

        if (build->request->progress == PROGRESS_QUIET)
                return;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        if (!text)
                return;
        if (build->request->progress == PROGRESS_PLAIN)
                print(build, text);
        else
                say_to_display(build, text);
}

void account_step(const Build *build, const Instruction *instruction, size_t number, size_t of) {
        /* A URL may hold a password. */
        autofree char *shown = url_redact(instruction->text);
        autostr text = {};

        if (!shown)
                return;
        if (build->request->progress == PROGRESS_PLAIN) {
                build_say(build, "Step %zu/%zu : %s\n", build->n_echoed, build->plan->n_steps,
                          shown);
                return;
        }
        if (build->account < 0)
                return;
        str_printf(&text, "%zu/%zu", number, of);
        str_put_char(&text, 0);
        str_put(&text, shown);
        if (!text.failed)
                put(build, ACCOUNT_BEGIN, text.text, text.length);
}

void account_cached(const Build *build) {
        if (build->account >= 0)
                put(build, ACCOUNT_CACHED, "", 0);
        else
                build_say(build, " ---> Using cache\n");
}

void account_output(const Build *build, bool error, const char *bytes, size_t n) {
        if (build->account >= 0)
                put(build, error ? ACCOUNT_ERRORS : ACCOUNT_OUTPUT, bytes, n);
        else if (error)
                (void) fd_write_all(STDERR_FILENO, bytes, n);
        else if (build->request->progress != PROGRESS_QUIET)
                (void) fd_write_all(fileno(stream(build)), bytes, n);
}
