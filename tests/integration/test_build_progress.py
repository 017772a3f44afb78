# SPDX-License-Identifier: GPL-2.0-or-later
"""What a build shows while it goes on: on terminals of all sizes, as plain lines, as JSON."""
import base64
import json
import os

import pytest
from conftest import wait_until
from dockerfiles import build  # noqa: F401
from terminal import Terminal

FILE = ('ARG X=1\nFROM busybox AS tools\nENV A=1\n'
        'RUN --network=none for i in 1 2 3 4 5; do echo "line $i of tools"; sleep 0.2; done; touch /x\n'
        'FROM busybox\nCOPY --from=tools /x /x\nRUN --network=none echo last; true\nCMD ["sh"]\n')
STEPS = ['[tools 1/3] FROM busybox AS tools', '[tools 2/3] ENV A=1', '[tools 3/3] RUN --network=none for i', '[stage-1 1/4] FROM busybox',
         '[stage-1 2/4] COPY --from=tools /x /x', '[stage-1 3/4] RUN --network=none echo last; true', '[stage-1 4/4] CMD ["sh"]']


def on_terminal(build, file, *options, columns=80, rows=24, env=None, no_cache=True):
    build.write('Dockerfile', file)
    options = [*(['--no-cache'] if no_cache else []), *options]
    return Terminal(build.isola.command('build', '-t', 'shown', *options, build.directory), columns, rows,
                    {**build.isola.environment, 'TERM': 'xterm-256color', **(env or {})})


def test_every_step_stays(build):
    terminal = on_terminal(build, FILE)
    terminal.wait_for(' => => # line 2 of tools')
    assert terminal.screen.text()[-1].startswith('[+] Building (2/7)')
    lines = terminal.finish()
    for step in STEPS:
        assert sum(step in line and line.startswith(' => [') and line.endswith('s') for line in lines) == 1, lines
    assert any(line.startswith('[+] Building (7/7) FINISHED') for line in lines)
    assert not any('line 2 of tools' in line for line in lines)
    assert lines[-2].startswith('Successfully tagged shown') or lines[-1].startswith('Successfully tagged shown')


def test_a_picture_is_one_write_over_the_one_before(build):
    """No flicker: nothing is erased before what replaces it is there."""
    terminal = on_terminal(build, FILE)
    terminal.finish()
    pictures = terminal.raw.split('\x1b[?2026h')[1:]
    assert len(pictures) > 10
    for picture in pictures:
        drawn = picture.split('\x1b[?2026l')[0]
        assert drawn.endswith('\x1b[J') and drawn.count('\x1b[J') == 1 and '\x1b[2J' not in drawn


def test_cached_steps_say_so(build):
    on_terminal(build, FILE).finish()
    lines = on_terminal(build, FILE, no_cache=False).finish()
    assert sum(line.startswith(' => CACHED [') for line in lines) == 3, lines


@pytest.mark.parametrize('columns,rows', [(30, 6), (12, 3), (4, 2), (1, 1), (200, 60)])
def test_small_and_large_terminals(build, columns, rows):
    terminal = on_terminal(build, FILE, columns=columns, rows=rows)
    lines = terminal.finish()
    assert terminal.screen.most <= columns
    if columns >= 12:
        assert sum(line.startswith(' => [') for line in lines) == 7, lines
        assert sum(line.startswith('[+] Build') for line in lines) == 1, lines


@pytest.mark.parametrize('columns', [50, 120])
def test_another_size_while_it_runs(build, columns):
    terminal = on_terminal(build, FILE)
    terminal.wait_for('line 1 of tools')
    terminal.resize(columns, 24)
    lines = terminal.finish()
    assert sum(line.startswith('[+] Building') for line in lines) == 1, lines
    assert not any('# line' in line for line in lines), lines


def test_what_failed(build):
    lines = on_terminal(build, 'FROM busybox\nRUN --network=none echo one; echo two >&2; exit 7\n').finish(code=1)
    assert any(line.startswith(' => ERROR [stage-0 2/2] RUN') for line in lines), lines
    at = lines.index('------')
    assert lines[at + 1].startswith(' > [stage-0 2/2] RUN') and lines[at + 2:at + 5] == ['one', 'two', '------']
    assert any('[+] Building (1/2) FAILED' in line for line in lines)
    assert "isola: Dockerfile:2: the command 'echo one; echo two >&2; exit 7' returned a non-zero code: 7" in ''.join(lines)


def test_a_command_does_not_rule_the_terminal(build):
    """Colours, carriage returns and what else a command writes: the screen of the test refuses other sequences."""
    file = ('FROM busybox\nRUN --network=none printf "\\033[2J\\033]0;title\\007\\033[31mred\\033[0m\\nprogress 1\\rprogress 2\\r"; sleep 1; '
            'printf "\\n\\tdone\\033[5A\\n"; sleep 0.5\n')
    terminal = on_terminal(build, file)
    terminal.wait_for('# progress 2')
    terminal.wait_for('red')
    terminal.finish()


def test_interrupted(build):
    terminal = on_terminal(build, 'FROM busybox\nRUN --network=none sleep 300\n')
    wait_until(lambda: build.isola.out('ps', '-q') != '', what='the command')
    os.write(terminal.master, b'\x03')
    terminal.process.send_signal(2)
    lines = terminal.finish(code=None)
    assert any('FAILED' in line for line in lines) and any('interrupted' in line for line in lines), lines
    assert build.isola.out('ps', '-aq') == ''


def test_without_colours(build):
    terminal = on_terminal(build, FILE, env={'NO_COLOR': '1'})
    terminal.finish()
    assert '\x1b[34m' not in terminal.raw and '\x1b[0m' not in terminal.raw


@pytest.mark.parametrize('options,env', [(['--progress=plain'], {}), ([], {'TERM': 'dumb'}), ([], {'BUILDKIT_PROGRESS': 'plain'})])
def test_plain_on_a_terminal(build, options, env):
    lines = on_terminal(build, FILE, *options, env=env).finish()
    assert 'Step 2/8 : FROM busybox AS tools' in lines and 'line 2 of tools' in lines


def test_without_a_terminal(build):
    assert 'Step 2/8 : FROM busybox AS tools' in build(FILE).stdout
    said = build.isola('build', '--progress=tty', build.directory, code=1).stderr
    assert '--progress=tty needs a terminal' in said
    assert build.isola('build', '--progress=quiet', build.directory).stdout.startswith('sha256:')
    said = build.isola('build', '--progress=tyt', build.directory, code=1).stderr
    assert "'tyt' is no value of --progress" in said and 'it can be auto, plain' in said


def test_json(build):
    done = build(FILE, '--progress=rawjson', '--no-cache')
    assert done.stdout == ''
    said = [json.loads(line) for line in done.stderr.splitlines()]
    vertexes = [vertex for document in said for vertex in document.get('vertexes', [])]
    ended = {vertex['digest']: vertex for vertex in vertexes if 'completed' in vertex}
    assert len(ended) == 7 and {vertex['digest'] for vertex in vertexes} == set(ended)
    for step in STEPS:
        assert any(vertex['name'].startswith(step) for vertex in ended.values())
    logs = [log for document in said for log in document.get('logs', [])]
    text = b''.join(base64.b64decode(log['data']) for log in logs if ended[log['vertex']]['name'].startswith('[tools 3/3]'))
    assert text.decode() == ''.join(f'line {i} of tools\n' for i in range(1, 6))
    done = build('FROM busybox\nRUN --network=none echo no >&2; exit 3\n', '--progress=rawjson', '--no-cache', code=1)
    documents = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{')]
    assert [log['stream'] for document in documents for log in document.get('logs', [])] == [2]
    assert any('non-zero code: 3' in vertex.get('error', '') for document in documents for vertex in document.get('vertexes', []))
    cached = build(FILE, '--progress=rawjson').stderr
    assert cached.count('"cached":true') == 3


def test_platforms_are_told_apart(build):
    file = 'FROM --platform=$BUILDPLATFORM busybox\nARG TARGETARCH\nRUN --network=none echo $TARGETARCH > /a\n'
    lines = on_terminal(build, file, '--platform', 'linux/amd64,linux/arm64').finish()
    assert any(line.startswith(' => [linux/arm64 stage-0 3/3] RUN') for line in lines), lines
    assert any(line.startswith('[+] Building (6/6) FINISHED') for line in lines)
