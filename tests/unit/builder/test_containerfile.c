/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/containerfile.h"
#include "test.h"

static Containerfile *parse(const char *text) {
        Containerfile *file = NULL;
        autoerr err = {};

        if (containerfile_parse(text, strlen(text), "Dockerfile", &file, &err) < 0)
                printf("# %s\n", err.message);
        expect(file);
        return file;
}

static char *refusal(const char *text) {
        autoptr(Containerfile) file = NULL;
        autoerr err = {};

        expect(containerfile_parse(text, strlen(text), "Dockerfile", &file, &err) < 0);
        return strdup(err.message);
}

TEST(three_lines) {
        autoptr(Containerfile) file = parse("FROM scratch\nADD rootfs.tar /\nCMD [\"/bin/sh\"]\n");

        expect(file->n == 3);
        expect(file->instructions[0].kind == INSTRUCTION_FROM);
        expect_str(file->instructions[0].args[0], "scratch");
        expect(file->instructions[1].kind == INSTRUCTION_ADD);
        expect_str(file->instructions[1].args[0], "rootfs.tar");
        expect_str(file->instructions[1].args[1], "/");
        expect_str(file->instructions[2].text, "CMD [\"/bin/sh\"]");
        expect(file->instructions[2].json && file->instructions[2].line == 3);
}

TEST(lines_are_continued) {
        autoptr(Containerfile) file = parse("\xef\xbb\xbf# a comment\r\n"
                                            "  from scratch \r\n"
                                            "RUN a && \\  \n"
                                            "# inside\n"
                                            "   # indented\n"
                                            "\n"
                                            "    b \\\\\n"
                                            "env X=1 \\\n"
                                            "  Y=2");

        expect(file->n == 3);
        expect_str(file->instructions[0].text, "FROM scratch");
        expect_str(file->instructions[1].rest, "a &&     b \\\\");
        expect(file->instructions[1].line == 3);
        expect_str(file->instructions[2].args[3], "2");
        expect(file->instructions[2].line == 8);
}

TEST(directives) {
        autoptr(Containerfile) file = parse("# syntax=docker/dockerfile:1.7\n#escape = `\n"
                                            "FROM scratch\nRUN a\\\nCOPY a `\n b\n");
        autofree char *late = NULL, *twice = NULL, *odd = NULL, *foreign = NULL;

        expect(file->escape == '`');
        expect(file->n == 3);
        expect_str(file->instructions[1].rest, "a\\");
        late = refusal("# just words\n# escape=`\nFROM a\nCOPY a `\n b\n");
        expect_str(late, "Dockerfile:5: unknown instruction 'b'");
        twice = refusal("# escape=`\n# escape=`\nFROM a\n");
        expect_str(twice, "Dockerfile:2: only one 'escape' parser directive can be used");
        odd = refusal("# escape=x\nFROM a\n");
        expect(strstr(odd, "Dockerfile:1: invalid escape 'x'"));
        foreign = refusal("# syntax=evil/frontend\nFROM a\n");
        expect(strstr(foreign, "'evil/frontend' is not built in"));
}

TEST(forms) {
        autoptr(Containerfile) file = parse("FROM --platform=linux/amd64 debian AS base\n"
                                            "RUN [\"a b\", \"c\"]\n"
                                            "RUN ['a']\n"
                                            "CMD []\n"
                                            "COPY --chown='a b':c --chmod=755 [\"x y\", \"/z/\"]\n"
                                            "ENV old value with  blanks\n"
                                            "LABEL \"a b\"=\"c d\" e=f\\ g\n"
                                            "ARG a=\"1 2\" b\n"
                                            "HEALTHCHECK --interval=5s CMD curl -f x\n"
                                            "RUN -- --x\n");
        Instruction *i = file->instructions;

        expect_str(instruction_flag(&i[0], "platform"), "linux/amd64");
        expect_str(i[0].args[2], "base");
        expect(i[1].json && strv_length(i[1].args) == 2);
        expect(!i[2].json);
        expect_str(i[2].args[0], "['a']");
        expect(i[3].json && !i[3].args);
        expect_str(instruction_flag(&i[4], "chown"), "a b:c");
        expect(!instruction_flag(&i[4], "from"));
        expect_str(i[4].args[0], "x y");
        expect_str(i[5].args[1], "value with  blanks");
        expect_str(i[6].args[0], "\"a b\"");
        expect_str(i[6].args[1], "\"c d\"");
        expect_str(i[6].args[3], "f\\ g");
        expect_str(i[7].args[0], "a=\"1 2\"");
        expect_str(i[7].args[1], "b");
        expect_str(i[8].args[1], "curl -f x");
        expect_str(i[9].rest, "--x");
}

static const struct {
        const char *text, *message;
} mistakes[] = {
        { "", "Dockerfile: the file is empty: there is nothing to build" },
        { "# only a comment\n", "Dockerfile: the file is empty: there is nothing to build" },
        { "FROM a\n\nCOYP a b\n",
          "Dockerfile:3: unknown instruction 'COYP'; did you mean 'COPY'?" },
        { "FRM a\n", "Dockerfile:1: unknown instruction 'FRM'; did you mean 'FROM'?" },
        { "FROM a\nFOOBARBAZ\n", "Dockerfile:2: unknown instruction 'FOOBARBAZ'" },
        { "RUN a\nFROM b\n", "Dockerfile:1: no build stage yet: 'RUN' stands before FROM" },
        { "ARG a\n", "Dockerfile:1: there is no FROM instruction" },
        { "FROM\n", "Dockerfile:1: FROM needs an image, or `image AS name`" },
        { "FROM a\nCOPY a\n", "Dockerfile:2: COPY needs at least one source and a destination" },
        { "FROM a\nENV a\n", "Dockerfile:2: ENV 'a' has no value: write NAME=VALUE" },
        { "FROM a\nENV a=1 b\n", "Dockerfile:2: 'b' is not of the form NAME=VALUE" },
        { "FROM a\nENV =1\n", "Dockerfile:2: '=1' has no name before the '='" },
        { "FROM a\nRUN [1]\n", "Dockerfile:2: the JSON list holds something else than strings" },
        { "FROM a\nSHELL sh\n",
          "Dockerfile:2: SHELL wants a JSON list: [\"program\", \"argument\"]" },
        { "FROM a\nCOPY --chwon=1 a b\n",
          "Dockerfile:2: COPY has no flag '--chwon'; did you mean '--chown'?" },
        { "FROM a\nCOPY --colour=1 a b\n", "Dockerfile:2: COPY has no flag '--colour'" },
        { "FROM a\nCOPY --chown a b\n", "Dockerfile:2: COPY --chown needs a value" },
        { "FROM a\nCOPY --chown=1 --chown=2 a b\n", "Dockerfile:2: COPY --chown is given twice" },
        { "FROM a\nRUN cat <<EOF\nhello\n",
          "Dockerfile:2: the here-document 'EOF' is not ended by a line 'EOF'" },
        { "FROM a\nCOPY a <<EOF\nEOF\n",
          "Dockerfile:2: COPY: a here-document cannot be the destination" },
        { "FROM a\nHEALTHCHECK curl\n",
          "Dockerfile:2: HEALTHCHECK has no type 'curl': use NONE or CMD" },
        { "FROM a\nONBUILD FROM b\n", "Dockerfile:2: FROM is not allowed as an ONBUILD trigger" },
        { "FROM a\nONBUILD COYP b\n",
          "Dockerfile:2: ONBUILD: unknown instruction 'COYP'; did you mean 'COPY'?" },
        { "FROM a\nWORKDIR\n", "Dockerfile:2: WORKDIR needs a path" },
};

TEST(mistakes) {
        for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
                autofree char *message = refusal(mistakes[i].text);

                expect_str(message, mistakes[i].message);
        }
}

TEST(heredocs) {
        autoptr(Containerfile) file = parse("FROM a\n"
                                            "RUN 3<<A cat <<-'B C' >x\n"
                                            "# no comment \\\n"
                                            "A\n"
                                            "\t\ttab\n"
                                            "\tB C\n"
                                            "COPY <<one <<\"two\" /to/\r\n"
                                            "$a\r\none\n"
                                            "two\n"
                                            "ONBUILD RUN <<EOF\n"
                                            "x\n"
                                            "EOF\n"
                                            "USER u\n");
        Instruction *i = file->instructions;
        autofree char *tabs = NULL;

        expect(file->n == 5);
        expect(i[1].n_heredocs == 2 && i[1].line == 2 && i[1].last_line == 6);
        expect_str(i[1].heredocs[0].name, "A");
        expect_str(i[1].heredocs[0].content, "# no comment \\\n");
        expect(i[1].heredocs[0].expand && i[1].heredocs[0].descriptor == 3);
        expect_str(i[1].heredocs[1].name, "B C");
        expect_str(i[1].heredocs[1].content, "\t\ttab\n");
        expect(!i[1].heredocs[1].expand && i[1].heredocs[1].chomp);
        tabs = heredoc_text(&i[1].heredocs[1]);
        expect_str(tabs, "tab\n");
        expect_str(i[2].heredocs[0].content, "$a\r\n");
        expect(instruction_heredoc(&i[2], "<<two", '\\') == &i[2].heredocs[1]);
        expect(!instruction_heredoc(&i[2], "<<three", '\\'));
        expect_str(i[2].heredocs[1].content, "");
        expect_str(i[3].args[0], "RUN <<EOF\nx\nEOF");
        expect(i[4].line == 14);
}

TEST(a_trigger_is_one_instruction) {
        autoptr(Containerfile) file = NULL;
        autoptr(Containerfile) other = NULL;
        autoerr err = {};

        expect_ok(containerfile_parse_trigger("RUN <<EOF\nx\nEOF", &file, &err));
        expect(file->n == 1 && file->instructions[0].n_heredocs == 1);
        expect_str(file->instructions[0].heredocs[0].content, "x\n");
        expect(containerfile_parse_trigger("RUN a\nRUN b", &other, &err) == -EINVAL);
}

TEST(flags) {
        autoptr(Containerfile) file = parse("FROM a\n"
                                            "RUN --mount=type=cache,target=/a --mount=target=/b x\n"
                                            "COPY --link --parents=false --exclude=*.o a b\n"
                                            "COPY --link=maybe a b\n");
        Instruction *i = file->instructions;
        autostrv mounts = NULL;
        autoerr err = {};

        expect_ok(instruction_flags(&i[1], "mount", &mounts));
        expect(strv_length(mounts) == 2);
        expect_str(mounts[1], "target=/b");
        expect(instruction_flag_is_set(&i[2], "link", &err) == 1);
        expect(instruction_flag_is_set(&i[2], "parents", &err) == 0);
        expect(instruction_flag_is_set(&i[1], "link", &err) == 0);
        expect(instruction_flag_is_set(&i[3], "link", &err) == -EINVAL);
        expect_str(err.message, "COPY --link=maybe is neither true nor false");
}

TEST(comments_and_empty_lines_are_noted) {
        autoptr(Containerfile) file = parse("# check=skip=all\n# of nothing\n#\n# far\n\nFROM a\n"
                                            "# one\n#two\nRUN a \\\n\n b\nrun c\n");
        Instruction *i = file->instructions;

        expect_str(file->check, "skip=all");
        expect(strv_length(i[0].comments) == 1 && !i[0].empty_lines);
        expect_str(i[0].comments[0], "far");
        expect(strv_length(i[1].comments) == 2 && i[1].empty_lines);
        expect_str(i[1].comments[1], "two");
        expect_str(i[2].word, "run");
        expect(!i[2].comments);
}

TEST(syntax_is_found_where_others_write_it) {
        autofree char *slashes = refusal("// syntax=evil/a\nFROM a\n");
        autofree char *json = refusal("{\"syntax\":\"evil/b\"}");
        autofree char *shebang = refusal("#!/usr/bin/evil\n# syntax = evil/c\nFROM a\n");

        expect(strstr(slashes, "syntax 'evil/a' is not built in"));
        expect(strstr(json, "is not built in"));
        expect(strstr(shebang, "syntax 'evil/c' is not built in"));
}

TEST(json_of_a_file) {
        autoptr(Containerfile) file =
                parse("# escape=`\nFROM a\nRUN --mount=target=/x <<E\nb\nE\n");
        autofree char *json = containerfile_json(file);

        expect(strstr(json, "{\"escape\":\"`\",\"instructions\":[{\"instruction\":\"FROM\","
                            "\"startLine\":2,\"endLine\":2"));
        expect(strstr(json, "\"flags\":[\"mount=target=/x\"]"));
        expect(strstr(json, "{\"name\":\"E\",\"content\":\"b\\n\",\"expand\":true"));
}

TEST(shift_is_no_heredoc) {
        autoptr(Containerfile) file = parse("FROM a\nRUN echo $((1 << 2)) $((1<<2)) '<<X'\n"
                                            "RUN [\"cat\", \"<<EOF\"]\n");

        expect(file->n == 3);
}

TEST(nul_and_long_lines_are_refused) {
        autoptr(Containerfile) file = NULL;
        autoerr err = {};
        autostr text = {};

        expect(containerfile_parse("FROM a\0b\n", 9, "D", &file, &err) == -EINVAL);
        err_clear(&err);
        str_put(&text, "FROM a\nRUN ");
        for (int i = 0; i < 70000; i++)
                str_put_char(&text, 'x');
        expect(containerfile_parse(text.text, text.length, "D", &file, &err) == -EINVAL);
        expect(strstr(err.message, "D:2: the line is longer"));
}
