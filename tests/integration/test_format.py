# SPDX-License-Identifier: GPL-2.0-or-later
"""--format, the same for every list."""
import json
import re

import pytest

LISTS = [['ps', '-a'], ['images'], ['network', 'ls']]


@pytest.fixture
def web(isola, image):
    isola('create', '--name', 'web', '--label', 'com.example.the-team=net', image, 'true')


@pytest.mark.parametrize('command', LISTS)
def test_json_lines_have_the_fields_of_templates(isola, web, command):
    rows = [json.loads(line) for line in isola(*command, '--format', 'json').stdout.splitlines()]
    assert rows and isola(*command, '--format', '{{json .}}').stdout == isola(*command, '--format', 'json').stdout
    for field, value in rows[0].items():
        if field == 'Size':  # ps measures it only where a template asks
            continue
        assert isola(*command, '--format', '{{.' + field + '}}').stdout.split('\n')[0] == str(value)


@pytest.mark.parametrize('command', LISTS)
def test_table_is_the_default(isola, web, command):
    def cells(*more):
        # "3 seconds ago" may be 4 the second time.
        return re.sub(r'(About )?\w+ (second|minute)s? ago *', 'AGO ', isola(*command, *more).stdout)
    assert cells('--format', 'table') == cells()


def test_table_with_a_template(isola, web):
    text = isola('ps', '-a', '--format', 'table {{.Names}}\\t{{.Image}}\\t{{.Label "com.example.the-team"}}').stdout
    assert text == 'NAMES     IMAGE     the team\nweb       busybox   net\n'


def test_template_prints_a_line_for_each(isola, web):
    assert isola('ps', '-a', '--format', '{{.Names}}: {{.Status}}\\t{{upper .State}}').stdout == (
        'web: Created\tCREATED\n')
    assert isola('ps', '-a', '--format', '{{if eq .State "created"}}new{{else}}old{{end}}').stdout == 'new\n'
    assert isola('ps', '-a', '--format', '{{printf "%-6s|" .Names}}{{/* quiet */}}').stdout == 'web   |\n'


@pytest.mark.parametrize('template, sentence', [
    ('{{.Nmaes}}', 'template: :1:2: executing "" at <.Nmaes>: map has no entry for key "Nmaes"'),
    ('{{foo}}', 'template: :1: function "foo" not defined'),
    ('{{.Names', 'template: :1: unclosed action'),
    ('{{if .Names}}', 'template: :1: unexpected EOF'),
])
def test_wrong_templates_print_nothing(isola, web, template, sentence):
    done = isola('ps', '-a', '--format', template, code=1)
    assert done.stdout == ''
    assert done.stderr.splitlines()[0] == f'isola: cannot use this --format: {sentence}'
