# SPDX-License-Identifier: GPL-2.0-or-later
"""--format, the same for every list."""
import json
import re

import pytest

LISTS = [['ps', '-a'], ['images'], ['network', 'ls']]


@pytest.fixture
def web(isola, image):
    isola('create', '--name', 'web', '--label', 'com.example.the-team=net', image, 'true')


def still(text):
    """Without the times, which move on between two calls."""
    return re.sub(r'(About |Less than )?\w+ (second|minute)s? ago *', 'AGO ', text)


@pytest.mark.parametrize('command', LISTS)
def test_json_lines_have_the_fields_of_templates(isola, web, command):
    text = isola(*command, '--format', 'json').stdout
    assert still(isola(*command, '--format', '{{json .}}').stdout) == still(text)
    for field, value in json.loads(text.splitlines()[0]).items():
        if field == 'Size':  # ps measures it only where a template asks
            continue
        shown = isola(*command, '--format', '{{.' + field + '}}').stdout.split('\n')[0]
        assert still(shown) == still(str(value)), field


@pytest.mark.parametrize('command', LISTS)
def test_table_is_the_default(isola, web, command):
    assert still(isola(*command, '--format', 'table').stdout) == still(isola(*command).stdout)


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
