# SPDX-License-Identifier: GPL-2.0-or-later
"""How a transfer looks on a terminal: what a user sees on terminals of several sizes, that are resized, and on none."""
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time

import pytest
from registry_host import Image, Proxy, digest_of, make_tar, proxy, registry  # noqa: F401


class Screen:
    """A terminal: what is shown and what has left it at its top.  Knows what progress lines need of ECMA-48, and fails
    for anything else; counts lines that broke because they were too long."""

    def __init__(self, rows, columns):
        self.rows, self.columns, self.broken = rows, columns, 0
        self.lines, self.row, self.column = [''], 0, 0  # from the oldest on; what is visible is the last .rows of them
        self.rest = ''

    def top(self):
        return max(0, len(self.lines) - self.rows)

    def resize(self, columns):
        """Breaks what has become too long, as terminals do that reflow."""
        lines, row = [], 0
        for number, line in enumerate(self.lines):
            if number == self.row:
                row = len(lines)
            lines += [line[i:i + columns] for i in range(0, len(line), columns)] or ['']
        self.lines, self.row, self.columns = lines, row, columns

    def feed(self, data):
        text = self.rest + data
        self.rest = ''
        i = 0
        while i < len(text):
            c = text[i]
            if c == '\x1b':
                control = re.match(r'\x1b\[(\d*)([AJ])', text[i:])
                if not control:
                    assert len(text) - i < 8, f'unknown control {text[i:i + 8]!r}'
                    self.rest = text[i:]
                    return
                if control[2] == 'A':
                    self.row = max(self.top(), self.row - int(control[1] or 1))
                else:
                    self.lines[self.row] = self.lines[self.row][:self.column]
                    del self.lines[self.row + 1:]
                i += len(control[0])
                continue
            if c == '\r':
                self.column = 0
            elif c == '\n':
                self.down()
            else:
                if self.column == self.columns:
                    self.broken += 1
                    self.down()
                    self.column = 0
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + c + line[self.column + 1:]
                self.column += 1
            i += 1

    def down(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append('')


def watch(isola, screen, *arguments, at=None, env=None):
    """Runs a command on that terminal; @at: called with the screen and the terminal's descriptor after each piece."""
    master, slave = pty.openpty()

    def size(columns):
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('4H', screen.rows, columns, 0, 0))
    size(screen.columns)
    process = isola.start(*arguments, stdout=slave, stderr=subprocess.STDOUT, env=env)
    seen = ''
    while True:
        ready = select.select([master], [], [], 0.05)[0]
        if not ready:
            if process.poll() is not None:
                break
            continue
        piece = os.read(master, 65536).decode()
        seen += piece
        screen.feed(piece.replace('\r\n', '\r\n'))
        if at:
            at(screen, size)
    os.close(slave)
    os.close(master)
    return process.returncode, seen


def slow(proxy, pieces=8, pause=0.12):
    """Blobs come in pieces."""
    def rule(request):
        if request.command != 'GET' or '/blobs/' not in request.path:
            return False
        answer, data = request.fetch()
        if len(data) < 4000:
            return False
        request.answer(answer.status, b'', answer.headers, length=len(data))
        step = len(data) // pieces + 1
        for at in range(0, len(data), step):
            request.wfile.write(data[at:at + step])
            request.wfile.flush()
            time.sleep(pause)
        return True
    proxy.rules.append(rule)


@pytest.fixture(scope='module')
def many(registry):
    """Thirty layers, more than most of the terminals here have rows."""
    layers = [make_tar({f'f{n}': os.urandom(30000 + 1000 * n)}) for n in range(30)]
    return Image(*layers, how='plain').push(registry, 'progress/many', 'v1')


def once_each(screen, image, word):
    """Every layer has its last line, once; nothing of what was drawn over is left."""
    lines = [line for line in screen.lines if re.match(r'[0-9a-f]{12}: ', line)]
    assert sorted(lines) == sorted(f'{digest_of(layer)[7:19]}: {word}' for layer in image.layers), '\n'.join(screen.lines)
    assert not [line for line in screen.lines if re.search(r'/s|\[=|\d%$', line)], '\n'.join(screen.lines)


@pytest.mark.parametrize('rows, columns', [(24, 80), (8, 50), (5, 30), (40, 200), (3, 16)])
def test_sizes(fresh, many, proxy, rows, columns):
    slow(proxy, pieces=3, pause=0.1)
    screen = Screen(rows, columns)
    heights, bars = [], []

    def look(screen, _):
        live = [line for line in screen.lines if re.search(r'B/s|\[[=> ]+\]|\d%$', line)]
        heights.append(len(live))
        bars.extend(live)
    code, _ = watch(fresh, screen, 'pull', f'{proxy.host}/progress/many:v1', at=look)
    assert code == 0
    once_each(screen, many, 'Pull complete') if columns >= 30 else None
    assert max(heights) <= rows - 1
    if columns >= 50:
        assert screen.broken == 0 or columns < 60  # the name of the image may be longer than the terminal
        assert any(re.fullmatch(r'\d+ of 30, [\d.]+[kM]?B/s(, \d+s left)?', line) for line in bars)
        assert any(re.fullmatch(r'[0-9a-f]{12}: \[=*>? *\] [\d.]+[kM]?B/[\d.]+kB', line) for line in bars)
    elif columns >= 30:
        assert any(re.fullmatch(r'[0-9a-f]{12}: \d+%', line) for line in bars)


def test_a_terminal_that_is_resized(fresh, many, proxy):
    """Narrower and wider again while it is drawn: nothing is left behind, nothing is drawn over that is to stay."""
    slow(proxy, pieces=6)
    screen = Screen(24, 100)
    widths = iter([100, 45, 45, 70, 33, 120] * 100)

    def shrink(screen, size):
        if any('B/s' in line for line in screen.lines):
            columns = next(widths)
            if columns != screen.columns:
                screen.resize(columns)
                size(columns)
    code, _ = watch(fresh, screen, 'pull', f'{proxy.host}/progress/many:v1', at=shrink)
    assert code == 0
    once_each(screen, many, 'Pull complete')


def test_what_resumed_and_what_is_there(fresh, registry, proxy):
    """The bar begins where the last command ended; the rate counts what comes now."""
    image = Image(Image().tars[0], make_tar({'big': os.urandom(3 << 20)}), how='plain').push(registry, 'progress/resume', 'v1')
    digest = digest_of(image.layers[1])

    def breaks(request):
        if digest not in request.path or request.command != 'GET':
            return False
        answer, data = request.fetch()
        request.answer(answer.status, data[:2 << 20], answer.headers, length=len(data))
        request.wfile.flush()
        time.sleep(1)  # a reset takes away what has not been read
        request.reset()
        return True
    proxy.rules.append(breaks)
    conf = f'{fresh.root}.conf'
    with open(conf, 'w') as file:
        file.write('[registries]\nretries = 0\n')
    screen = Screen(24, 80)
    code, _ = watch(fresh, screen, 'pull', f'{proxy.host}/progress/resume:v1', env={'ISOLA_CONFIG': conf})
    assert code == 1
    shown = '\n'.join(screen.lines)
    assert 'isola: cannot pull' in shown and '[=' not in shown and 'B/s' not in shown, shown
    part = (pathlib.Path(fresh.root) / f'ingest/{digest[7:]}.part').stat().st_size
    assert 0 < part <= 2 << 20
    proxy.rules.clear()
    slow(proxy)
    screen, bars = Screen(24, 80), []
    code, _ = watch(fresh, screen, 'pull', f'{proxy.host}/progress/resume:v1',
                    at=lambda screen, _: bars.extend(line for line in screen.lines if line.startswith(digest[7:19])))
    assert code == 0
    first = re.search(r'\] ([\d.]+)([kM])B/', next(line for line in bars if '[' in line))
    assert float(first[1]) * {'k': 1e3, 'M': 1e6}[first[2]] >= 0.99 * part, (bars[0], part)
    lines = screen.lines
    assert f'{digest_of(image.layers[0])[7:19]}: Already exists' in lines or f'{digest_of(image.layers[0])[7:19]}: Pull complete' in lines
    assert f'{digest[7:19]}: Pull complete' in lines


def test_a_warning_does_not_land_in_the_bars(fresh, many, proxy):
    def warns(request):
        if request.command != 'GET' or '/blobs/' not in request.path:
            return False
        answer, data = request.fetch()
        request.answer(answer.status, data, {**dict(answer.headers), 'Warning': '299 - "old"'})
        return True
    proxy.rules.append(warns)
    screen = Screen(24, 80)
    code, _ = watch(fresh, screen, 'pull', f'{proxy.host}/progress/many:v1')
    assert code == 0
    once_each(screen, many, 'Pull complete')
    assert [line for line in screen.lines if 'says: old' in line] == [f"isola: warning: the registry '{proxy.host}' says: old"]


def test_a_push_shows_what_goes(fresh, registry, proxy, many):
    fresh('pull', f'{registry.host}/progress/many:v1')

    def slowly(request):
        if request.command == 'PATCH':
            time.sleep(0.1)
        return False
    proxy.rules.append(slowly)
    screen = Screen(10, 60)
    code, seen = watch(fresh, screen, 'push', f'{registry.host}/progress/many:v1', f'{proxy.host}/progress/pushed:v1')
    assert code == 0
    pushed = [line for line in screen.lines if line.endswith(': Pushed')]
    assert len(pushed) == 31 and len(set(pushed)) == 31
    assert re.search(r'\d+ of 31, [\d.]+[kM]?B/s', seen)


def test_a_terminal_that_cannot_draw(fresh, many, registry):
    screen = Screen(24, 80)
    code, seen = watch(fresh, screen, 'pull', f'{registry.host}/progress/many:v1', env={'TERM': 'dumb'})
    assert code == 0 and '\x1b' not in seen
    once_each(screen, many, 'Pull complete')


def test_elsewhere_lines(fresh, many, registry):
    out = fresh.out('pull', f'{registry.host}/progress/many:v1')
    assert '\x1b' not in out and '\r' not in out
    assert len([line for line in out.splitlines() if line.endswith(': Pull complete')]) == 30
