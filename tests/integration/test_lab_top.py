# SPDX-License-Identifier: GPL-2.0-or-later
"""Watching a lab: `isola lab top`."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import SLOWNESS, kill, wait_until

LAB = '''
name: watched
topology:
  nodes: {a: {}, b: {}, c: {}, s: {kind: bridge}}
  links:
    - {endpoints: ["a:eth1", "s:p1"], loss: 100%}
    - {endpoints: ["b:eth1", "s:p2"], rate: 10mbit, queue: 20ms}
    - {endpoints: ["c:eth1", "s:p3"]}
'''


@pytest.fixture
def lab(isola, tmp_path):
    (tmp_path / 'lab.yml').write_text(LAB)
    isola('lab', 'up', tmp_path / 'lab.yml')
    yield
    isola('lab', 'down', '--all')


def tables(text):
    """The cells of each table's lines, after its heading."""
    return [[re.split(r' {3,}', line) for line in table.splitlines()] for table in text.split('\n\n')]


def look(isola, *more):
    head, nodes, links = tables(isola.out('lab', 'top', '-n', '1', '-d', '300ms', *more))
    assert nodes[0] == ['NODE', 'KIND', 'CPU %', 'MEMORY', 'PROCESSES']
    assert links[0] == ['FROM', 'TO', 'MBIT/S', 'PACKETS/S', 'DROPPED/S', 'USE', 'STATE', 'QUALITY']
    return head[0][0], {row[0]: row for row in nodes[1:]}, {row[0]: row for row in links[1:]}


def test_traffic_and_processes_are_seen(isola, lab):
    command = isola.command('lab', 'exec', 'b', 'busybox', 'ping', '-4', '-s', '1400', '-i', '0.01', 'c')
    with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
        assert busy.stdout.readline() and busy.stdout.readline()  # the first answer
        head, nodes, links = look(isola)
        busy.terminate()
    assert head == 'lab watched: 4 of 4 nodes run, 3 links'
    assert [nodes[name][1] for name in ('a', 'b', 'c', 's')] == ['host', 'host', 'host', 'bridge']
    assert int(nodes['b'][4]) == int(nodes['c'][4]) + 1
    assert all(re.fullmatch(r'[\d.]+[kM]?B', row[3]) for row in nodes.values())
    assert float(links['b:eth1'][2]) > 0.05 and int(links['b:eth1'][3]) > 0
    assert float(links['a:eth1'][2]) < 0.05
    assert links['b:eth1'][5].endswith('%') and links['c:eth1'][5] == '-'
    assert links['b:eth1'][7] == 'rate=10mbit queue=20ms' and links['c:eth1'][7] == '-'


def test_processor_time_is_seen_where_it_is_spent(isola, lab):
    command = isola.command('lab', 'exec', 'c', 'busybox', 'sh', '-c', 'echo; while :; do :; done')
    with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
        busy.stdout.readline()
        _, nodes, _ = look(isola)
        busy.kill()
    assert float(nodes['c'][2]) > 1 and float(nodes['b'][2]) < float(nodes['c'][2])
    assert list(nodes)[0] == 'c'
    assert list(look(isola, '--sort', 'name')[1]) == ['a', 'b', 'c', 's']


def test_what_was_cut_or_has_ended_is_told(isola, lab):
    isola('lab', 'link', 'cut', 'c:eth1')
    kill(int(isola.out('lab', 'ps', '--format', '{{if eq .Name "b"}}{{.PID}}{{end}}')))
    wait_until(lambda: 'ended' in look(isola)[1]['b'])
    head, nodes, links = look(isola, 'watched')
    assert nodes['b'] == ['b', 'host', '-', '-', 'ended']
    assert head.startswith('lab watched: 3 of 4 nodes run')
    assert links['c:eth1'][6] == 'cut' and links['b:eth1'][6] == 'ended' and links['b:eth1'][2] == '-'


def test_looks_are_counted_and_signals_end_them(isola, lab):
    assert isola.out('lab', 'top', '-n', '3', '-d', '20ms').count('lab watched:') == 3
    with subprocess.Popen(isola.command('lab', 'top', '-d', '20ms'), stdout=subprocess.PIPE, text=True) as top:
        assert top.stdout.readline().startswith('lab watched')
        top.send_signal(signal.SIGINT)
        top.communicate(timeout=60)
    assert top.returncode == 0


def test_refusals(isola, lab):
    assert "no lab 'wached'" in isola('lab', 'top', 'wached', code=1).stderr
    assert "'load' or 'name'" in isola('lab', 'top', '--sort', 'size', code=1).stderr
    isola('lab', 'down', 'watched')
    assert 'no lab is up' in isola('lab', 'top', code=1).stderr


def read_until(terminal, what, seen=b''):
    end = time.monotonic() + 60 * SLOWNESS
    while what not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, seen
        seen += os.read(terminal, 65536)
    return seen


def test_on_a_terminal_it_takes_the_screen_and_gives_it_back(isola, lab):
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack('HHHH', 9, 40, 0, 0))
    before = termios.tcgetattr(other)
    with subprocess.Popen(isola.command('lab', 'top', '-d', '50ms'), stdin=other, stdout=other) as top:
        seen = read_until(terminal, b'\x1b[J')
        assert termios.tcgetattr(other) != before
        os.write(terminal, b'xq')
        seen = read_until(terminal, b'\x1b[?1049l', seen)
        assert top.wait(timeout=60) == 0
    assert seen.startswith(b'\x1b[?1049h') and termios.tcgetattr(other) == before
    os.close(other)
    os.close(terminal)
    # Nine lines of forty columns: half of them are left for links.
    lines = [re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', line) for line in seen.decode().split('\x1b[J')[0].split('\r\n')]
    assert all(len(line) <= 40 for line in lines) and len([line for line in lines if line]) <= 8
    assert any(line.startswith('NODE') for line in lines) and any(line.startswith('FROM') for line in lines)
