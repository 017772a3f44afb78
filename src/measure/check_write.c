/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Results of tests, for people and for the programs that collect them. */

#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "measure/check.h"
#include "measure/markup.h"

static const char *const words[] = { [CHECK_PASSED] = "ok",
                                     [CHECK_FAILED] = "FAILED",
                                     [CHECK_ERROR] = "ERROR",
                                     [CHECK_SKIPPED] = "skipped" };

static size_t count(const CheckOutcome *outcomes, size_t n, CheckStatus status) {
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
                found += outcomes[i].status == status;
        return found;
}

void check_write_text(const CheckOutcome *outcomes, size_t n, bool verbose, Str *out) {
        size_t failed = count(outcomes, n, CHECK_FAILED) + count(outcomes, n, CHECK_ERROR);

        for (size_t i = 0; i < n; i++) {
                const CheckOutcome *o = &outcomes[i];
                bool bad = o->status == CHECK_FAILED || o->status == CHECK_ERROR;

                str_printf(out, "%-7s %s (%.2f s%s)\n", words[o->status], o->name, o->seconds,
                           o->tries > 1 ? ", more than one try" : "");
                if (bad && o->reason)
                        str_printf(out, "        %s\n", o->reason);
                if (bad || verbose)
                        strv_foreach(detail, o->details)
                                str_printf(out, "        %s\n", *detail);
        }
        str_printf(out, "%zu passed, %zu failed, %zu skipped\n", count(outcomes, n, CHECK_PASSED),
                   failed, count(outcomes, n, CHECK_SKIPPED));
}

static void put_case(Str *out, const CheckOutcome *o, const char *lab, const char *file) {
        str_put(out, "  <testcase classname=\"");
        markup_put(out, lab);
        str_put(out, "\" name=\"");
        markup_put(out, o->name);
        str_printf(out, "\" time=\"%.3f\"", o->seconds);
        if (file && o->line > 0) {
                str_put(out, " file=\"");
                markup_put(out, file);
                str_printf(out, "\" line=\"%d\"", o->line);
        }
        str_put(out, ">\n");
        if (o->status == CHECK_SKIPPED)
                str_put(out, "    <skipped/>\n");
        if (o->status == CHECK_FAILED || o->status == CHECK_ERROR) {
                const char *element = o->status == CHECK_FAILED ? "failure" : "error";

                str_printf(out, "    <%s message=\"", element);
                markup_put(out, o->reason ? o->reason : "");
                str_printf(out, "\" type=\"%s\">", o->kind);
                markup_put(out, o->reason ? o->reason : "");
                str_printf(out, "</%s>\n", element);
        }
        if (o->details) {
                str_put(out, "    <system-out>");
                strv_foreach(detail, o->details) {
                        markup_put(out, *detail);
                        str_put_char(out, '\n');
                }
                str_put(out, "</system-out>\n");
        }
        str_put(out, "  </testcase>\n");
}

void check_write_junit(const CheckOutcome *outcomes, size_t n, const char *lab, const char *file,
                       Str *out) {
        double seconds = 0;

        for (size_t i = 0; i < n; i++)
                seconds += outcomes[i].seconds;
        str_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
        markup_put(out, lab);
        str_printf(out,
                   "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" "
                   "time=\"%.3f\">\n",
                   n, count(outcomes, n, CHECK_FAILED), count(outcomes, n, CHECK_ERROR),
                   count(outcomes, n, CHECK_SKIPPED), seconds);
        for (size_t i = 0; i < n; i++)
                put_case(out, &outcomes[i], lab, file);
        str_put(out, "</testsuite>\n");
}

/* A text in one line; a number sign would begin a directive. */
static void put_tap(Str *out, const char *text) {
        for (; *text; text++) {
                if (*text == '#' || *text == '\\')
                        str_put_char(out, '\\');
                str_put_char(out, *text == '\n' || *text == '\r' ? ' ' : *text);
        }
}

/* As a YAML scalar in double quotes. */
static void put_quoted(Str *out, const char *text) {
        str_put_char(out, '"');
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        str_put_char(out, '\\');
                if (*text == '\n')
                        str_put(out, "\\n");
                else if ((unsigned char) *text >= ' ')
                        str_put_char(out, *text);
        }
        str_put_char(out, '"');
}

void check_write_tap(const CheckOutcome *outcomes, size_t n, Str *out) {
        str_printf(out, "TAP version 13\n1..%zu\n", n);
        for (size_t i = 0; i < n; i++) {
                const CheckOutcome *o = &outcomes[i];
                bool bad = o->status == CHECK_FAILED || o->status == CHECK_ERROR;

                str_printf(out, "%sok %zu - ", bad ? "not " : "", i + 1);
                put_tap(out, o->name);
                str_put(out, o->status == CHECK_SKIPPED ? " # SKIP stopped\n" : "\n");
                if (!bad)
                        continue;
                str_put(out, "  ---\n  message: ");
                put_quoted(out, o->reason ? o->reason : "");
                str_put(out, "\n  details:\n");
                strv_foreach(detail, o->details) {
                        str_put(out, "    - ");
                        put_quoted(out, *detail);
                        str_put_char(out, '\n');
                }
                str_put(out, "  ...\n");
        }
}
