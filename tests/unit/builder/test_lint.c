/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/lint.h"
#include "test.h"

/* Returns "Rule:line Rule:line". */
static char *found(const char *text, const char *ignored, bool *fails, char **ret_first) {
        autoptr(Containerfile) file = NULL;
        autoptr(Ignore) ignore = NULL;
        BuildArguments arguments = {};
        Lint lint = {};
        autostr s = {};
        autoerr err = {};

        expect_ok(containerfile_parse(text, strlen(text), "Dockerfile", &file, &err));
        expect_ok(build_arguments_init(&arguments, NULL, NULL, &err));
        if (ignored)
                expect_ok(ignore_parse(ignored, ".dockerignore", &ignore, &err));
        if (lint_check(&(LintInput){ .file = file, .arguments = &arguments, .ignore = ignore },
                       &lint, &err) < 0)
                str_put(&s, err.message);
        for (size_t i = 0; i < lint.n_warnings; i++)
                str_printf(&s, "%s%s:%d", i ? " " : "", lint.warnings[i].rule,
                           lint.warnings[i].line);
        if (fails)
                *fails = lint.fails;
        if (ret_first)
                *ret_first = lint.n_warnings ? strdup(lint.warnings[0].message) : NULL;
        lint_clear(&lint);
        build_arguments_clear(&arguments);
        return str_take(&s);
}

static const struct {
        const char *text, *found, *first;
} rows[] = {
        { "FROM scratch\nCOPY a /\nCMD [\"/a\"]\n", "", NULL },
        { "FROM scratch AS Base\n", "StageNameCasing:1", "Stage name 'Base' should be lowercase" },
        { "FROM scratch as base\n", "FromAsCasing:1",
          "'as' and 'FROM' keywords' casing do not match" },
        { "from scratch as base\n", "", NULL },
        { "FROM scratch\nCOPY a \\\n\n /\n", "NoEmptyContinuation:4", "Empty continuation line" },
        { "FROM scratch\nCopy a /\nEXPOSE 80\n", "ConsistentInstructionCasing:2",
          "Command 'Copy' should match the case of the command majority (uppercase)" },
        { "from scratch\ncopy a /\nEXPOSE 80\n", "ConsistentInstructionCasing:3",
          "Command 'EXPOSE' should match the case of the command majority (lowercase)" },
        { "FROM scratch AS a\nFROM scratch AS a\n", "DuplicateStageName:2",
          "Duplicate stage name \"a\", stage names should be unique" },
        { "FROM x AS scratch\n", "ReservedStageName:1",
          "Stage name should not use the same name as reserved stage \"scratch\"" },
        { "FROM scratch\nENTRYPOINT run me\n", "JSONArgsRecommended:2",
          "JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS "
          "signals" },
        { "FROM scratch\nSHELL [\"/bin/sh\", \"-c\"]\nCMD run\n", "", NULL },
        { "FROM scratch\nMAINTAINER me\n", "MaintainerDeprecated:2",
          "Maintainer instruction is deprecated in favor of using label" },
        { "ARG VARIANT=1\nFROM a:1${VARIAN}\n", "UndefinedArgInFrom:2",
          "FROM argument 'VARIAN' is not declared (did you mean VARIANT?)" },
        { "FROM --platform=$BUILDPLATFORM scratch\n", "", NULL },
        { "FROM scratch\nWORKDIR app\nWORKDIR sub\n", "WorkdirRelativePath:2",
          "Relative workdir \"app\" can have unexpected results if the base image changes" },
        { "FROM scratch\nWORKDIR /app\nWORKDIR sub\n", "", NULL },
        { "FROM scratch\nARG FOLDER=a\nCOPY $FODLER /\n", "UndefinedVar:3",
          "Usage of undefined variable '$FODLER' (did you mean $FOLDER?)" },
        { "FROM scratch AS a\nENV X=1\nFROM a\nLABEL l=$X n=$PATH\n", "", NULL },
        { "FROM scratch\nLABEL m=${Y:-none}${Y+some}\n", "UndefinedVar:2",
          "Usage of undefined variable '$Y'" },
        { "FROM some-image\nLABEL l=$WHO_KNOWS\n", "", NULL },
        { "FROM scratch\nCMD [\"a\"]\nCMD [\"b\"]\n", "MultipleInstructionsDisallowed:2",
          "Multiple CMD instructions should not be used in the same stage because only the last one "
          "will be used" },
        { "FROM scratch\nENV a b\n", "LegacyKeyValueFormat:2",
          "\"ENV key=value\" should be used instead of legacy \"ENV key value\" format" },
        { "FROM --platform=$TARGETPLATFORM scratch\n", "RedundantTargetPlatform:1",
          "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the "
          "default behavior" },
        { "FROM --platform=linux/amd64 scratch\n", "FromPlatformFlagConstDisallowed:1",
          "FROM --platform flag should not use constant value \"linux/amd64\"" },
        { "FROM scratch\nARG MY_PASSWORD=x\nENV PUBLIC_KEY=1 AWS_SECRET_ID=2\n",
          "SecretsUsedInArgOrEnv:2 SecretsUsedInArgOrEnv:3",
          "Do not use ARG or ENV instructions for sensitive data (ARG \"MY_PASSWORD\")" },
        { "ARG TAG\nFROM busybox:${TAG}\n", "InvalidDefaultArgInFrom:2",
          "Default value for ARG busybox:${TAG} results in empty or invalid base image name" },
        { "ARG TAG\nFROM busybox:${TAG:-latest}\n", "", NULL },
        { "FROM busybox:${TAG:-latest}\n", "UndefinedArgInFrom:1",
          "FROM argument 'TAG' is not declared" },
        { "FROM scratch\nCOPY secret.txt keep.txt /d/\n", "CopyIgnoredFile:2",
          "Attempting to Copy file \"secret.txt\" that is excluded by .dockerignore" },
        { "FROM scratch\nEXPOSE 80/TCP 127.0.0.1:80:80\n",
          "ExposeInvalidFormat:2 ExposeProtoCasing:2",
          "EXPOSE instruction should not define an IP address or host-port mapping, found "
          "'127.0.0.1:80:80'" },
        { "# other words\nFROM scratch AS base\n", "", NULL },
        { "# check=experimental=all\n# other words\nFROM scratch AS base\n# a what it is\nARG a\n",
          "InvalidDefinitionDescription:3",
          "Comment for FROM should follow the format: `# base <description>`" },
        { "# check=skip=JSONArgsRecommended\nFROM scratch\nCMD a\nMAINTAINER b\n",
          "MaintainerDeprecated:4", NULL },
        { "# check=skip=all\nFROM scratch\nCMD a\nMAINTAINER b\n", "", NULL },
        { "FROM scratch\n# check=skip=JSONArgsRecommended\nCMD a\n", "", NULL },
        { "# check=skip=NotThereYet,JSONArgsRecommended\nFROM scratch\nCMD a\n", "", NULL },
        { "FROM scratch\n# check = skip=JSONArgsRecommended // why\nCMD a\n", "", NULL },
        { "FROM scratch\n# check=skip=StageNameCasing\n# check=skip=all\nCMD a\n",
          "JSONArgsRecommended:4", NULL },
        { "FROM scratch\n# check=colour=red\nCMD a\n", "JSONArgsRecommended:3", NULL },
        { "# check=skip=all;experimental=all\n# x\nFROM scratch AS base\n",
          "InvalidDefinitionDescription:3", NULL },
        { "# check=experimental=all\n# b what\nARG a b\n# other\n\nARG c=1 d=2\n# base\nFROM scratch "
          "AS Base\n#\nARG e\n",
          "InvalidDefinitionDescription:6 StageNameCasing:8",
          "Comment for ARG should follow the format: `# <arg_key> <description>`" },
        { "From scratch as base\n", "ConsistentInstructionCasing:1", NULL },
        { "from scratch AS base\n", "FromAsCasing:1",
          "'AS' and 'from' keywords' casing do not match" },
        { "FROM x AS SCRATCH\n", "ReservedStageName:1 StageNameCasing:1",
          "Stage name should not use the same name as reserved stage \"scratch\"" },
        { "from scratch\ncmd a\n", "JSONArgsRecommended:2",
          "JSON arguments recommended for cmd to prevent unintended behavior related to OS signals" },
        { "FROM --platform=linux/arm64 scratch AS for-arm64\n", "", NULL },
        { "FROM --platform=linux/arm64 scratch AS for-amd64\n", "FromPlatformFlagConstDisallowed:1",
          NULL },
        { "FROM scratch\nARG PASSWORD_FILE KEY_VERSION\nENV AUTH=1\n", "SecretsUsedInArgOrEnv:3",
          NULL },
        { "FROM a:b:c\n", "InvalidDefaultArgInFrom:1", NULL },
        { "FROM scratch\nADD secret.txt https://h/secret.x git@h:secret.x /d/\n",
          "CopyIgnoredFile:2",
          "Attempting to Add file \"secret.txt\" that is excluded by .dockerignore" },
        { "FROM scratch\nCOPY . /a\nCOPY / /b\nCOPY *.txt secret.* /d/\n", "CopyIgnoredFile:4",
          "Attempting to Copy file \"secret.*\" that is excluded by .dockerignore" },
        { "# check=colour=red\nFROM scratch\n", "Dockerfile: invalid check option 'colour=red'",
          NULL },
};

TEST(rules) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *first = NULL;
                autofree char *got = found(rows[i].text, "secret.*\n", NULL, &first);

                expect_str(got, rows[i].found);
                if (rows[i].first)
                        expect_str(first, rows[i].first);
        }
}

TEST(what_leaves_all_out) {
        static const char file[] = "FROM scratch\nCOPY . /\nCOPY a /\n";
        autofree char *all = found(file, "*\n", NULL, NULL);
        autofree char *some = found(file, "**\n!a\n", NULL, NULL);
        autofree char *dots = found(file, ".*\n", NULL, NULL);

        expect_str(all, "CopyIgnoredFile:2 CopyIgnoredFile:3");
        expect_str(some, "");
        expect_str(dots, "");
}

TEST(warnings_may_be_errors) {
        bool fails = false;
        autofree char *got = found("# check=skip=StageNameCasing;error=true\nFROM scratch\nCMD a\n",
                                   NULL, &fails, NULL);

        expect_str(got, "JSONArgsRecommended:3");
        expect(fails);
}

TEST(report_shows_the_lines) {
        const char text[] = "FROM scratch\nCOPY a /\nEXPOSE 1\nCMD a \\\n b\n";
        LintWarning warning = { (char *) "JSONArgsRecommended", (char *) "what it is", 4, 5 };
        const Lint lint = { &warning, 1, false };
        autofree char *report = lint_report(&lint, "Dockerfile", text);
        autofree char *json = lint_json(&lint);

        expect_str(report, "Check complete, 1 warning has been found!\n\n"
                           "WARNING: JSONArgsRecommended - "
                           "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
                           "what it is\nDockerfile:4\n--------------------\n"
                           "   3 |     EXPOSE 1\n   4 | >>> CMD a \\\n   5 | >>>  b\n   6 |     \n"
                           "--------------------\n");
        expect_str(json,
                   "{\"warnings\":[{\"ruleName\":\"JSONArgsRecommended\",\"detail\":\"what it "
                   "is\",\"startLine\":4,\"endLine\":5}]}\n");
}
