/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Dockerfiles: every instruction has its line and its words, can be printed and checked. */

#include "builder/containerfile.h"
#include "builder/lint.h"
#include "fuzz.h"

static void describe(const Containerfile *file) {
        BuildArguments arguments = {};
        autofree char *tree = containerfile_json(file);
        autoerr err = {};
        Lint lint = {};
        int r;

        must(tree);
        must(build_arguments_init(&arguments, NULL, NULL, NULL) >= 0);
        r = lint_check(&(LintInput){ .file = file, .arguments = &arguments }, &lint, &err);
        must_agree(r, &err);
        for (size_t i = 0; i < lint.n_warnings; i++)
                must(lint.warnings[i].line > 0 && lint.warnings[i].message);
        lint_clear(&lint);
        build_arguments_clear(&arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autoptr(Containerfile) file = NULL;
        autoerr err = {};
        int r, line = 0;

        r = containerfile_parse((const char *) data, size, "Dockerfile", &file, &err);
        must_agree(r, &err);
        for (size_t i = 0; r >= 0 && i < file->n; i++) {
                must(file->instructions[i].line > line && file->instructions[i].text);
                line = file->instructions[i].line;
                must(file->instructions[i].last_line >= line && file->instructions[i].word);
                for (size_t j = 0; j < file->instructions[i].n_heredocs; j++)
                        must(file->instructions[i].heredocs[j].content);
        }
        if (r >= 0)
                describe(file);
        return 0;
}
