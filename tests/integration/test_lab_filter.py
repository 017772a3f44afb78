# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters at the ports of a lab: the shipped ones, and one of a user's own."""
import json
import pathlib
import shutil
import signal
import subprocess

import pytest

from conftest import BINARY, wait_until
from test_lab import lab  # noqa: F401

OBJECTS = pathlib.Path(BINARY).resolve().parents[1]
SHIPPED = OBJECTS / 'share/filters'
HEADERS = pathlib.Path(__file__).resolve().parents[2] / 'share/filters'
STAR = '''
name: star
topology:
  nodes:
    h1: {}
    h2: {}
    h3: {}
    s1: {kind: bridge}
  links:
    - endpoints: [h1:eth1, s1:p1]
    - endpoints: [h2:eth1, s1:p2]
    - endpoints: [h3:eth1, s1:p3]
'''
TELNET = '''
#include "isola_filter.h"

ISOLA_PARAM(u16, port) = 23;

ISOLA_FILTER(telnet) {
        return p->protocol == ISOLA_TCP && p->dport == port ? ISOLA_MATCH : ISOLA_PASS;
}
'''


@pytest.fixture
def star(isola, lab):
    """A lab with a switch and three hosts."""
    if not (SHIPPED / 'count.o').exists():
        pytest.skip('clang was not there when isola was built, so no filters are')
    lab(STAR)


@pytest.fixture
def compiled(tmp_path):
    """Compiles a filter as its author would."""
    if not shutil.which('clang'):
        pytest.skip('needs clang, to compile filters')

    def compile(name, text):
        source, result = tmp_path / f'{name}.c', tmp_path / f'{name}.o'
        source.write_text(text)
        subprocess.run(['clang', '-Wall', '-Wextra', '-Werror', '-O2', '-g', '-target', 'bpf', '-I', HEADERS, '-c', source, '-o', result], check=True)
        return result
    return compile


def ping(isola, source, target, *options, code=0):
    isola('lab', 'exec', source, 'busybox', 'ping', '-4', '-c', '1', '-W', '2', *options, target, code=code)


def shipped(name):
    return SHIPPED / f'{name}.o'


def stats(isola, *operands):
    rows = isola('lab', 'filter', 'stats', '--format', 'json', *operands).stdout.splitlines()
    return {(row['Port'], row['Side'], row['Filter']): row for row in map(json.loads, rows)}


def entries(isola, *words):
    return [json.loads(line) for line in isola('lab', 'filter', 'map', 'dump', '--format', 'json', *words).stdout.splitlines()]


def serve(isola, node):
    """Has a node answer on port 80."""
    isola('lab', 'exec', node, 'sh', '-c', 'mkdir -p /tmp/www; echo page >/tmp/www/index.html; busybox httpd -p 80 -h /tmp/www')
    wait_until(lambda: isola('lab', 'exec', node, 'busybox', 'wget', '-q', '-O-', 'http://127.0.0.1', code=None).stdout == 'page\n',
               what='the web server')


def fetch(isola, node, target, patience=5):
    done = isola('lab', 'exec', node, 'busybox', 'timeout', str(patience), 'busybox', 'wget', '-q', '-O-', f'http://{target}', code=None)
    return done.stdout


@pytest.mark.usefixtures('star')
def test_count_and_drop(isola):
    isola('lab', 'filter', 'attach', '--set', 'protocol=1', shipped('count'), 's1:p1', 's1:p2')
    ping(isola, 'h1', 'h2')
    rows = stats(isola)
    assert rows['s1:p1', 'in', 'count']['Counted'] == rows['s1:p2', 'in', 'count']['Counted'] == '1'
    assert rows['s1:p1', 'in', 'count']['CountedBytes'] == '98'
    assert isola('lab', 'filter', 'stats', '--format', '{{.Port}} {{.Priority}} {{.Action}}', 's1:p2').stdout == 's1:p2 10 count\n'

    isola('lab', 'filter', 'attach', '-n', 'stop', '-a', 'drop', '-p', '5', '--side', 'out', '-s', 'protocol=1',
          shipped('count'), 's1:p2')
    ping(isola, 'h1', 'h2', code=1)
    ping(isola, 'h1', 'h3')
    assert int(stats(isola, 's1')['s1:p2', 'out', 'stop']['Dropped']) >= 1
    assert int(stats(isola, 's1')['s1:p2', 'out', 'stop']['DroppedBytes']) >= 98
    isola('lab', 'filter', 'detach', 'stop')
    ping(isola, 'h1', 'h2')
    assert {key[2] for key in stats(isola)} == {'count'}
    isola('lab', 'filter', 'stats', '--reset')
    assert stats(isola)['s1:p1', 'in', 'count']['Counted'] == '0'
    isola('lab', 'filter', 'detach', '--side', 'out', 'count', code=1)
    isola('lab', 'filter', 'detach', 'count', 's1:p1')
    assert list(stats(isola)) == [('s1:p2', 'in', 'count')]
    isola('lab', 'filter', 'detach', 'count', 's1')
    assert isola.out('lab', 'filter', 'ls').split() == \
        'PORT SIDE PRIORITY FILTER ACTION PACKETS BYTES MATCHED BYTES DROPPED'.split()


@pytest.mark.usefixtures('star')
def test_mirror_and_redirect(isola):
    isola('lab', 'filter', 'attach', '-a', 'mirror:p3', '--set', 'protocol=1', shipped('count'), 's1:p1')
    isola('lab', 'filter', 'attach', '-n', 'seen', '--side', 'out', '--set', 'protocol=1', shipped('count'), 's1:p3')
    ping(isola, 'h1', 'h2')
    rows = stats(isola)
    assert rows['s1:p1', 'in', 'count']['Mirrored'] == '1' and rows['s1:p1', 'in', 'count']['Action'] == 'mirror:p3'
    assert rows['s1:p3', 'out', 'seen']['Counted'] == '1'
    isola('lab', 'filter', 'detach', 'count')
    isola('lab', 'filter', 'attach', '-a', 'redirect:p3', '--set', 'protocol=1', shipped('count'), 's1:p1')
    ping(isola, 'h1', 'h2', code=1)
    assert int(stats(isola)['s1:p3', 'out', 'seen']['Counted']) >= 2
    assert "cannot find interface 'p9'" in isola('lab', 'filter', 'attach', '-a', 'mirror:p9', shipped('count'), 's1:p2', code=1).stderr


@pytest.mark.usefixtures('star')
def test_stateful_firewall(isola):
    serve(isola, 'h1')
    serve(isola, 'h2')
    assert fetch(isola, 'h2', 'h1') == 'page\n'
    isola('lab', 'filter', 'attach', '--side', 'both', shipped('stateful'), 's1:p1')
    assert fetch(isola, 'h1', 'h2') == 'page\n'
    assert fetch(isola, 'h2', 'h1', patience=1) == ''
    assert int(stats(isola)['s1:p1', 'out', 'stateful']['Dropped']) >= 1
    flows = [flow for flow in entries(isola, 'stateful', 'flows') if flow['key']['protocol'] == 6]
    assert [(flow['key']['dport'], flow['value']['answered']) for flow in flows] == [(80, True)]
    maps = isola.out('lab', 'filter', 'map', 'ls', '--format', '{{.Map}} {{.ID}}', 'stateful').splitlines()
    assert len({line for line in maps if line.startswith('flows')}) == 1  # both sides have the same


@pytest.mark.usefixtures('star')
def test_firewall_rules_are_written_by_name(isola):
    serve(isola, 'h1')
    isola('lab', 'filter', 'attach', '--side', 'out', shipped('firewall'), 's1:p1')
    isola('lab', 'filter', 'map', 'set', 'firewall', 'rules', 'key=0', 'value.protocol=6', 'value.first_port=1',
          'value.last_port=79', 'value.verdict=drop')
    assert fetch(isola, 'h2', 'h1') == 'page\n'
    isola('lab', 'filter', 'map', 'set', 'firewall', 'rules', 'key=0', 'value.last_port=80')
    assert fetch(isola, 'h2', 'h1', patience=1) == ''
    line = isola('lab', 'filter', 'map', 'get', 'firewall', 'rules', 'key=0').stdout
    assert line == ('key=0 value.source=::/0 value.destination=::/0 value.first_port=1 value.last_port=80 value.protocol=6 '
                    'value.verdict=ISOLA_DROP\n')
    # What is shown is what sets it.
    isola('lab', 'filter', 'map', 'set', 'firewall', 'rules', 'key=1', *line.split()[1:])
    shown = isola('lab', 'filter', 'map', 'get', '--format', '{{.value.verdict}}', 'firewall', 'rules', 'key=1').stdout
    assert shown == 'ISOLA_DROP\n'
    assert len(entries(isola, 'firewall', 'rules')) == 64
    isola('lab', 'filter', 'map', 'set', 'firewall', 'rules', 'key=0', 'value.verdict=pass')
    isola('lab', 'filter', 'map', 'set', 'firewall', 'rules', 'key=1', 'value.verdict=0')
    assert fetch(isola, 'h2', 'h1') == 'page\n'
    assert 'entries of map' in isola('lab', 'filter', 'map', 'rm', 'firewall', 'rules', 'key=0', code=1).stderr


@pytest.mark.usefixtures('star')
def test_token_buckets(isola):
    isola('lab', 'filter', 'attach', '--set', 'rate=1', '--set', 'burst=5000', shipped('tokenbucket'), 's1:p1', 's1:p2')
    ping(isola, 'h1', 'h3')
    ping(isola, 'h1', 'h3', '-s', '1400')
    isola('lab', 'exec', 'h1', 'busybox', 'ping', '-4', '-c', '10', '-i', '0.01', '-W', '1', '-s', '1400', 'h3')
    sources = {entry['key']: entry['value'] for entry in entries(isola, 'tokenbucket', 'sources')}
    assert sources['10.0.0.1']['matched_bytes'] > 0 and sources['10.0.0.1']['passed_bytes'] <= 5000
    assert '10.0.0.2' not in sources
    isola('lab', 'filter', 'map', 'rm', 'tokenbucket', 'sources', 'key=10.0.0.1')
    assert 'has no such key' in isola('lab', 'filter', 'map', 'get', 'tokenbucket', 'sources', 'key=10.0.0.1', code=1).stderr
    ping(isola, 'h1', 'h3')
    # Parameters are each port's own.
    assert 'say which with --at' in isola('lab', 'filter', 'map', 'dump', 'tokenbucket', 'rodata', code=1).stderr
    assert isola('lab', 'filter', 'map', 'dump', '--at', 's1:p1', 'tokenbucket', 'rodata').stdout == 'value.rate=1 value.burst=5000\n'
    assert 'cannot be changed' in isola('lab', 'filter', 'map', 'set', '--at', 's1:p1', 'tokenbucket', 'rodata', 'value.rate=2', code=1).stderr


@pytest.mark.usefixtures('star')
def test_heavy_hitters_are_sorted(isola):
    isola('lab', 'filter', 'attach', '--set', 'threshold=500', '--set', 'by_source=true', shipped('heavyhitters'), 's1:p1', 's1:p2')
    for node, size in ('h1', '500'), ('h2', '1400'):
        ping(isola, node, 'h3', '-c', '2', '-i', '0.01', '-s', size)
    found = entries(isola, '--sort', 'value.bytes', 'heavyhitters', 'hitters')
    assert [entry['key']['saddr'] for entry in found] == ['10.0.0.2', '10.0.0.1']
    assert len(entries(isola, '--sort', 'value.bytes', '-n', '1', 'heavyhitters', 'hitters')) == 1
    assert "no number 'value.size'" in isola('lab', 'filter', 'map', 'dump', '--sort', 'value.size', 'heavyhitters', 'hitters', code=1).stderr


@pytest.mark.usefixtures('star')
def test_syn_fingerprints_and_round_trip_times(isola):
    serve(isola, 'h2')
    isola('lab', 'filter', 'attach', shipped('synprint'), 's1:p1')
    isola('lab', 'filter', 'attach', '--side', 'both', shipped('rtt'), 's1:p1')
    assert fetch(isola, 'h1', '10.0.0.2') == 'page\n'
    prints = entries(isola, 'synprint', 'prints')
    assert len(prints) == 1 and prints[0]['key']['ttl'] == 64 and prints[0]['key']['options'] == 'MSTNW'
    assert prints[0]['value']['source'] == '10.0.0.1'
    times = {entry['key']['saddr']: entry['value'] for entry in entries(isola, 'rtt', 'times')}
    assert set(times) == {'10.0.0.1', '10.0.0.2'}
    assert all(value['samples'] >= 1 and 0 < value['least'] <= value['most'] < 10**10 for value in times.values())


def test_round_trip_times_have_the_delay_of_the_link(isola, lab):
    if not (SHIPPED / 'rtt.o').exists():
        pytest.skip('clang was not there when isola was built, so no filters are')
    lab(STAR.replace('[h1:eth1, s1:p1]', '[h1:eth1, s1:p1]\n      delay: 10ms'))
    serve(isola, 'h1')
    isola('lab', 'filter', 'attach', '--side', 'both', shipped('rtt'), 's1:p1', 's1:p2')
    assert fetch(isola, 'h2', '10.0.0.1') == 'page\n'
    times = {entry['key']['saddr']: entry['value'] for entry in entries(isola, 'rtt', 'times')}
    # What h2 sent went there and back; both ports have it only once.
    assert times['10.0.0.2']['samples'] >= 1 and times['10.0.0.2']['least'] >= 20_000_000
    assert sum(times['10.0.0.2']['histogram']) == times['10.0.0.2']['samples']


@pytest.mark.usefixtures('star')
def test_a_filter_of_ones_own(isola, compiled):
    serve(isola, 'h1')
    telnet = compiled('telnet', TELNET)
    shown = json.loads(isola('lab', 'filter', 'load', telnet).stdout)[0]
    assert shown['parameters'] == {'port': 23} and shown['action'] == 'count' and shown['programs'][0]['name'] == 'telnet'
    isola('lab', 'filter', 'attach', '-a', 'drop', '--side', 'out', telnet, 's1:p1')
    assert fetch(isola, 'h2', 'h1') == 'page\n'
    isola('lab', 'filter', 'detach', 'telnet')
    isola('lab', 'filter', 'attach', '-a', 'drop', '--side', 'out', '-s', 'port=80', telnet, 's1:p1')
    assert fetch(isola, 'h2', 'h1', patience=1) == ''
    mixed = compiled('mixed', '#include <stdbool.h>\n#include <stddef.h>' + TELNET.replace('(telnet)', '(mixed)'))
    isola('lab', 'filter', 'attach', mixed, 's1:p2')
    wrong = compiled('wrong', '#include "isola_filter.h"\nISOLA_HASH(m, u32, u64, 4);\nISOLA_FILTER(wrong) {\n'
                              '        u32 key = p->length;\n        return *isola_get(&m, &key) ? ISOLA_MATCH : ISOLA_PASS;\n}\n')
    error = isola('lab', 'filter', 'load', wrong, code=1).stderr
    assert "the kernel's verifier says '" in error and 'hint: it was at: return *isola_get' in error


@pytest.mark.usefixtures('star')
def test_what_cannot_be_done_is_said(isola):
    def refused(*words):
        return isola('lab', 'filter', *words, code=1).stderr
    count = shipped('count')
    assert 'node \'s1\' has p1, p2, p3' in refused('attach', count, 's1:eth1')
    assert "lab 'star' has no node 's2'" in refused('attach', count, 's2:p1')
    assert "'s1' names no interface" in refused('attach', count, 's1')
    assert "'sideways' is no side" in refused('attach', '--side', 'sideways', count, 's1:p1')
    assert "'eat' is not what can be done" in refused('attach', '-a', 'eat', count, 's1:p1')
    assert 'No such file' in refused('attach', '/nonexistent.o', 's1:p1')
    assert 'is no filter' in refused('attach', '/bin/true', 's1:p1')
    assert 'it has protocol' in refused('attach', '-s', 'speed=1', count, 's1:p1')
    assert "priority: it is from 1 to 65535" in refused('attach', '-p', '65536', count, 's1:p1')
    isola('lab', 'filter', 'attach', count, 's1:p2')
    # All or none.
    assert "there is a filter 'count' already" in refused('attach', '--side', 'both', count, 's1:p1', 's1:p2')
    assert list(stats(isola)) == [('s1:p2', 'in', 'count')]
    assert "there is no filter 'cont'" in refused('detach', 'cont')
    assert 'there is count' in refused('map', 'dump', 'cont', 'flows')
    assert "the filter has no map 'flows'" in refused('map', 'dump', 'count', 'flows')


@pytest.fixture
def ovs(isola, lab):
    """The same with a switch of Open vSwitch, in user space."""
    if not (SHIPPED / 'count.o').exists():
        pytest.skip('clang was not there when isola was built, so no filters are')
    done = lab(STAR.replace('{kind: bridge}', '{kind: ovs-bridge}'), code=None)
    if 'Open vSwitch' in done.stderr:
        pytest.skip(f'there is no Open vSwitch: {done.stderr}')
    assert done.returncode == 0, done.stderr
    if 'master' in isola.out('lab', 'exec', 's1', 'ip', 'link', 'show', 's1-p1'):
        pytest.skip('Open vSwitch has its kernel module here')
    wait_until(lambda: isola('lab', 'exec', 'h1', 'busybox', 'ping', '-4', '-c', '1', '-W', '1', 'h2', code=None).returncode == 0,
               what='the switch')


@pytest.mark.usefixtures('ovs')
def test_ports_of_open_vswitch_have_filters_by_name(isola):
    isola('lab', 'filter', 'attach', '-n', 'seen', '--side', 'out', '-s', 'protocol=1', shipped('count'), 's1:p2', 's1:p3')
    isola('lab', 'filter', 'attach', '-a', 'mirror:p3', '-s', 'protocol=1', shipped('count'), 's1:p1')
    ping(isola, 'h1', 'h2')
    rows = stats(isola)
    assert rows['s1:p1', 'in', 'count']['Action'] == 'mirror:p3' and rows['s1:p1', 'in', 'count']['Mirrored'] == '1'
    assert rows['s1:p2', 'out', 'seen']['Counted'] == rows['s1:p3', 'out', 'seen']['Counted'] == '1'
    assert len(rows) == 3 and len(stats(isola, 's1')) == 3 and len(stats(isola, 's1:p3')) == 1

    isola('lab', 'filter', 'attach', '-n', 'stop', '-a', 'drop', '--side', 'out', '-s', 'protocol=1', shipped('count'), 's1:p2')
    ping(isola, 'h1', 'h2', code=1)
    isola('lab', 'filter', 'detach', 'stop')
    ping(isola, 'h1', 'h2')
    assert "node 's1' has no interface 'p9'" in isola('lab', 'filter', 'attach', shipped('count'), 's1:p9', code=1).stderr
    isola('lab', 'filter', 'detach', 'count', 's1:p1')
    isola('lab', 'filter', 'detach', 'seen', 's1')
    assert stats(isola) == {}


@pytest.mark.usefixtures('ovs')
def test_what_open_vswitch_receives_is_not_held_back_silently(isola):
    error = isola('lab', 'filter', 'attach', '-a', 'drop', shipped('count'), 's1:p1', code=1).stderr
    assert "port 's1:p1': what Open vSwitch receives without its kernel module cannot be held back" in error
    isola('lab', 'filter', 'attach', '-a', 'count', shipped('count'), 's1:p1')
    # The way that the hint tells: the other end of the link.
    isola('lab', 'filter', 'attach', '-a', 'drop', '--side', 'out', '-s', 'protocol=1', shipped('count'), 'h1:eth1')
    ping(isola, 'h1', 'h2', code=1)


@pytest.mark.usefixtures('star')
@pytest.mark.parametrize('point', ['loaded', 'clsact', 'attached', 'detached'])
def test_a_killed_command_leaves_nothing_in_the_way(isola, point):
    fault = {'ISOLA_FAULT': f'filter.{point}'}
    port = 's1:p1', 'in', 'count'
    if point == 'detached':
        isola('lab', 'filter', 'attach', shipped('count'), 's1:p1')
        done = isola('lab', 'filter', 'detach', 'count', env=fault, code=None)
    else:
        done = isola('lab', 'filter', 'attach', shipped('count'), 's1:p1', env=fault, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert done.returncode == -signal.SIGKILL
    assert (port in stats(isola)) == (point == 'attached')
    isola('lab', 'filter', 'attach', shipped('count'), 's1:p1', code=1 if point == 'attached' else 0)
    ping(isola, 'h1', 'h2')
    assert int(stats(isola)[port]['Packets']) > 0
    isola('lab', 'filter', 'detach', 'count')
    assert stats(isola) == {}
    assert 'clsact' not in isola.out('lab', 'exec', 's1', 'tc', 'qdisc', 'show', 'dev', 'p1')


@pytest.mark.usefixtures('star')
def test_filters_end_with_their_lab(isola, lab):
    isola('lab', 'filter', 'attach', shipped('count'), 's1:p1', 'h1:eth1')
    program = int(stats(isola)['s1:p1', 'in', 'count']['Program'])
    isola('lab', 'down', 'star')
    lab(STAR)
    assert stats(isola) == {}
    isola('lab', 'filter', 'attach', shipped('count'), 's1:p1')
    assert int(stats(isola)['s1:p1', 'in', 'count']['Program']) > program
