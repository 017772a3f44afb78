/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>

#include "base/auto.h"
#include "cli/format.h"
#include "test.h"

static const char document[] =
        "{\"Name\": \"web\", \"N\": 3, \"Pi\": 3.25, \"Yes\": true, \"Nothing\": null,"
        " \"State\": {\"Status\": \"running\", \"Pid\": 42},"
        " \"List\": [\"a\", \"b\", \"c\"], \"Empty\": [],"
        " \"Labels\": {\"x.y\": \"1\", \"b\": \"2\"},"
        " \"Mounts\": [{\"Type\": \"bind\", \"Source\": \"/a\"}, {\"Type\": \"tmpfs\", \"Source\": \"\"}]}";

static void expect_text(const char *template, const char *wanted) {
        json_t *value = json_loads(document, 0, NULL);
        autofree char *text = NULL;
        autoerr err = {};

        expect(value);
        if (template_render(template, value, &text, &err) < 0)
                printf("# %s: %s\n", template, err.message);
        expect_str(text, wanted);
        json_decref(value);
}

static void expect_error(const char *template, const char *sentence) {
        json_t *value = json_loads(document, 0, NULL);
        autofree char *text = NULL;
        autoerr err = {};

        if (template_render(template, value, &text, &err) >= 0)
                printf("# %s gives '%s'\n", template, text);
        expect_str(err.message, sentence);
        json_decref(value);
}

TEST(fields_and_literals) {
        expect_text("plain {text} }}", "plain {text} }}");
        expect_text("{{.Name}}/{{ .State.Status }}", "web/running");
        expect_text("{{.N}} {{.Pi}} {{.Yes}} {{.Nothing}}", "3 3.25 true <no value>");
        expect_text("{{.List}} {{.Empty}} {{.Labels}}", "[a b c] [] map[b:2 x.y:1]");
        expect_text("{{\"a\\tb\\u00e9\\x41\"}}{{`raw\\n`}}{{'a'}}{{0x10}}{{-5}}{{1e3}}",
                    "a\tb\xc3\xa9"
                    "Araw\\n9716-51000");
        expect_text("{{.Labels.none}} {{.Labels.b}} {{(index .Mounts 0).Type}}",
                    "<no value> 2 bind");
        expect_text("{{true}} {{1.5}} {{1e30}} {{0.00001}} {{1234567.0}} {{100000.0}}",
                    "true 1.5 1e+30 1e-05 1.234567e+06 100000");
}

TEST(conditions) {
        expect_text("{{if .Yes}}y{{else}}n{{end}}{{if .Nothing}}y{{else}}n{{end}}", "yn");
        expect_text("{{if eq .N 1}}1{{else if eq .N 3}}3{{else}}?{{end}}", "3");
        expect_text("{{with .State}}{{.Pid}} {{$.Name}}{{end}}{{with .Empty}}x{{else}}-{{end}}",
                    "42 web-");
        expect_text("{{with .Empty}}x{{else with .Name}}{{.}}{{end}}", "web");
        expect_text("{{if and .Yes (eq .State.Status \"running\")}}up{{end}}", "up");
        expect_text("{{or .Nothing \"\" .Name}} {{and .N 0 .Name}} {{not .N}}", "web 0 false");
        expect_text("{{if $x := .Name}}{{$x}}{{end}}", "web");
}

TEST(ranges) {
        expect_text("{{range .List}}<{{.}}>{{end}}", "<a><b><c>");
        expect_text("{{range $i, $e := .List}}{{if $i}},{{end}}{{$i}}={{$e}}{{end}}",
                    "0=a,1=b,2=c");
        expect_text("{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}", "b:2 x.y:1 ");
        expect_text("{{range .Empty}}x{{else}}none{{end}}{{range .Nothing}}x{{end}}", "none");
        expect_text("{{range .Mounts}}{{.Type}} {{end}}", "bind tmpfs ");
        expect_text("{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac");
        expect_text("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a");
        expect_text("{{range $i := 3}}{{$i}}{{end}}", "012");
        expect_text("{{$n := 0}}{{range .List}}{{$n = .}}{{end}}{{$n}}", "c");
}

TEST(whitespace_is_exact) {
        expect_text("a {{- .N -}} b\n{{- /* no */ -}}\n c", "a3bc");
        expect_text("a {{/* comment */}} b", "a  b");
        expect_text("{{ .N }}\n\n{{- 7}}", "37");
        expect_text("a {{-5}}", "a -5");
}

TEST(functions) {
        expect_text("{{json .State}} {{.Name | json}} {{json .Labels}}",
                    "{\"Status\":\"running\",\"Pid\":42} \"web\" {\"x.y\":\"1\",\"b\":\"2\"}");
        expect_text("{{index .Labels \"x.y\"}}{{index .List 1}}{{index .Mounts 0 \"Source\"}}",
                    "1b/a");
        expect_text("{{join .List \", \"}} {{split \"a:b\" \":\"}} {{len .List}} {{len .Name}}",
                    "a, b, c [a b] 3 3");
        expect_text("{{upper .Name}} {{\"ABC\" | lower}} {{title \"hello world\"}}",
                    "WEB abc Hello World");
        expect_text(
                "[{{pad .Name 1 2}}] {{truncate .Name 2}} {{slice .Name 1 2}} {{slice .List 1}}",
                "[ web  ] we e [b c]");
        expect_text("{{print .N .Name 1 2}}|{{println .Name .N}}|{{print 1 2 \"x\"}}",
                    "3web1 2|web 3\n|1 2x");
        expect_text("{{len (slice .List 1)}}", "2");
}

TEST(printf_is_gos) {
        expect_text("{{printf \"%s=%d %05d|%-5s|%5s|%q\" .Name .N 42 \"a\" \"b\" \"c\\n\"}}",
                    "web=3 00042|a    |    b|\"c\\n\"");
        expect_text("{{printf \"%v %t %.2f %x %X %%\" .List true .Pi 255 \"hi\"}}",
                    "[a b c] true 3.25 ff 6869 %");
        expect_text("{{printf \"%d\" .Name}} {{printf \"%d\"}} {{printf \"x\" 1 \"a\"}}",
                    "%!d(string=web) %!d(MISSING) x%!(EXTRA int=1, string=a)");
        expect_text("{{printf \"%s\" 5}}", "%!s(int=5)");
        expect_text("{{.Name | printf \"%-6s|%s\" \"x\"}}", "x     |web");
}

TEST(comparisons) {
        expect_text("{{eq .N 1 2 3}} {{ne .Name \"web\"}} {{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} "
                    "{{ge 1.5 2.5}}",
                    "true false true true true false");
        expect_error(
                "{{eq .N .Name}}",
                "template: :1:2: executing \"\" at <eq .N .Name>: error calling eq: incompatible types "
                "for comparison");
        expect_error(
                "{{lt .Yes true}}",
                "template: :1:2: executing \"\" at <lt .Yes true>: error calling lt: invalid type for comparison");
}

TEST(what_go_would_not_parse_is_refused_in_its_words) {
        expect_error("{{foo}}", "template: :1: function \"foo\" not defined");
        expect_error("{{.Name", "template: :1: unclosed action");
        expect_error("a\n{{if .Name}}x", "template: :2: unexpected EOF");
        expect_error("{{end}}", "template: :1: unexpected {{end}}");
        expect_error("{{else}}", "template: :1: unexpected {{else}}");
        expect_error("{{}}", "template: :1: missing value for command");
        expect_error("{{if}}x{{end}}", "template: :1: missing value for if");
        expect_error("{{$x}}", "template: :1: undefined variable \"$x\"");
        expect_error("{{\"abc}}", "template: :1: unterminated quoted string");
        expect_error("{{(1}}", "template: :1: unclosed left paren");
        expect_error("{{nil}}", "template: :1: nil is not a command");
        expect_error("{{break}}", "template: :1: {{break}} outside {{range}}");
        expect_error("{{/* x}}", "template: :1: unclosed comment");
        expect_error("{{@}}", "template: :1: unexpected \"@\" in command");
        expect_error("{{.Name}", "template: :1: bad character U+007D '}'");
        expect_error(
                "{{upper 3}}",
                "template: :1:2: executing \"\" at <upper 3>: error calling upper: wrong type for value; expected string; got int");
        expect_error(
                "{{not}}",
                "template: :1:2: executing \"\" at <not>: wrong number of args for not: want 1 got 0");
        expect_error("{{1x}}", "template: :1: bad number syntax: \"1x\"");
        expect_error("{{define \"x\"}}{{end}}",
                     "template: :1: {{define}} is not supported: write it in place");
}

TEST(what_cannot_be_evaluated_is_refused_with_its_place) {
        expect_error("{{.Nmae}}", "template: :1:2: executing \"\" at <.Nmae>: map has no entry for "
                                  "key \"Nmae\"");
        expect_error("{{.Name.First}}", "template: :1:2: executing \"\" at <.Name.First>: can't "
                                        "evaluate field First in type string");
        expect_error("x\n y{{index .List 9}}",
                     "template: :2:4: executing \"\" at <index .List 9>: error "
                     "calling index: index out of range: 9");
        expect_error(
                "{{len 3}}",
                "template: :1:2: executing \"\" at <len 3>: error calling len: len of type int");
        expect_error("{{range .Name}}{{end}}", "template: :1:8: executing \"\" at <.Name>: range "
                                               "can't iterate over web");
        expect_error("{{.Name 1}}", "template: :1:2: executing \"\" at <.Name>: Name has arguments "
                                    "but cannot be invoked as function");
        expect_error("{{1 | 2}}", "template: :1: non executable command in pipeline stage 2");
}

TEST(depth_is_bounded) {
        char text[4000];

        memset(text, '(', sizeof text);
        memcpy(text, "{{", 2);
        text[sizeof text - 1] = 0;
        expect_error(text, "template: :1: too many parentheses");
}
