# SPDX-License-Identifier: GPL-2.0-or-later
"""Links of labs: their quality, and changing it live."""
import json
import os
import pathlib
import resource
import signal
import socket
import struct
import subprocess

import pytest

from conftest import existing, kill, wait_until

NETEM = subprocess.run(['unshare', '-n', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'],
                       stderr=subprocess.DEVNULL, check=False).returncode == 0
PAIR = '''
name: pair
seed: 7
topology:
  nodes: {{a: {{}}, b: {{}}}}
  links:
    - {{endpoints: [a:eth1, b:eth1], name: ab{quality}}}
'''


@pytest.fixture
def lab(isola, tmp_path):
    def up(quality='', code=0, text=None):
        file = tmp_path / 'lab.yml'
        file.write_text(text or PAIR.format(quality=quality and f', {quality}'))
        return isola('lab', 'up', file, code=code)
    yield up
    isola('lab', 'down', '--all')
    assert existing(f'{isola.run_root}/labs/*') == []


def test_what_the_kernels_queue_drops_is_counted(isola, lab):
    lab('rate: 1mbit, queue: 20ms')
    row = json.loads(isola.out('lab', 'link', 'show', '--format', 'json').splitlines()[0])
    assert row['Engine'] == 'kernel' and row['Dropped'] == '0'
    one = json.loads(isola.out('lab', 'measure', 'udp', '-b', '8mbit', '-t', '500ms', '--format', 'json', 'a', 'b'))['records'][0]
    figures = {figure['name']: figure['value'] for figure in one['figures']}
    lost = figures['sent'] - figures['received']
    rows = [json.loads(line) for line in isola.out('lab', 'link', 'show', '--format', 'json').splitlines()]
    assert lost > 50 and int(rows[0]['Dropped']) == lost and rows[1]['Dropped'] == '0'


def ping(isola, source='a', target='b', count=1, wait=5, code=0):
    return isola('lab', 'exec', source, 'busybox', 'ping', '-4', '-c', count, '-i', '0.05', '-W', wait, target, code=code)


def links(isola, *operands):
    return [json.loads(line) for line in isola.out('lab', 'link', 'show', '--format', 'json', *operands).splitlines()]


@pytest.mark.parametrize('quality, engine', [
    ('', 'cable'), ('delay: 10ms', 'netem' if NETEM else 'wire'), ('delay: 10ms, loss: 1%', 'wire'), ('rate: 10mbit', 'wire'), ('rate: 10mbit, queue: 20ms', 'kernel'),
    ('rate: 10mbit, queue: 64kb', 'kernel'), ('rate: 10mbit, queue: 20ms, loss: 1%', 'wire'), ('engine: wire', 'wire'),
    ('rate: 10mbit, engine: kernel', 'kernel'), ('seed: 3', 'cable'), ('a-to-b: {delay: 1ms}', 'netem' if NETEM else 'wire')])
def test_the_engine_that_is_exact_is_taken(isola, lab, quality, engine):
    lab(quality)
    assert [link['Engine'] for link in links(isola)] == [engine, engine]
    ping(isola)


@pytest.mark.parametrize('quality, words', [
    ('delay: 1ms, engine: kernel', "link 'ab': the kernel's engine has no delay"),
    ('engine: netem, trace: nowhere', "netem has no trace" if NETEM else "link 'ab': this kernel has no netem"),
    ('loss: pattern nowhere', 'nowhere'), ('trace: nowhere', 'nowhere')])
def test_what_an_engine_has_not_is_refused(isola, lab, quality, words):
    assert words in lab(quality, code=1).stderr
    assert isola.out('lab', 'ls', '-q') == ''


def test_the_kernels_rate_is_where_it_belongs(isola, lab):
    lab('a-to-b: {rate: 10mbit, queue: 20ms}')
    assert 'tbf' in isola.out('lab', 'exec', 'a', 'tc', 'qdisc', 'show', 'dev', 'eth1')
    assert 'rate 10Mbit' in isola.out('lab', 'exec', 'a', 'tc', 'qdisc', 'show', 'dev', 'eth1')
    assert 'tbf' not in isola.out('lab', 'exec', 'b', 'tc', 'qdisc', 'show', 'dev', 'eth1')
    isola('lab', 'link', 'set', 'ab', 'rate=2mbit', 'queue=20ms')
    for node in 'ab':
        assert 'rate 2Mbit' in isola.out('lab', 'exec', node, 'tc', 'qdisc', 'show', 'dev', 'eth1')
    assert [link['Quality'] for link in links(isola)] == ['rate=2mbit queue=20ms'] * 2
    isola('lab', 'link', 'set', 'b:eth1', 'rate=none', 'queue=none')
    assert 'tbf' not in isola.out('lab', 'exec', 'b', 'tc', 'qdisc', 'show', 'dev', 'eth1')
    isola('lab', 'link', 'reset', 'ab')
    assert [link['Quality'] for link in links(isola)] == ['rate=10mbit queue=20ms', '']
    assert "which has no more than a rate" in isola('lab', 'link', 'set', 'ab', 'loss=1%', code=1).stderr


def test_the_emulators_quality_changes_live(isola, lab):
    lab('engine: wire')
    ping(isola)
    isola('lab', 'link', 'set', 'a:eth1', 'loss=100%')
    assert [link['Quality'] for link in links(isola)] == ['loss=100%', '']
    ping(isola, wait=1, code=1)
    lost = links(isola, 'a:eth1')[0]
    assert lost['Stats']['Lost'] > 0 and lost['From'] == 'a:eth1' and int(lost['Dropped']) == lost['Stats']['Lost']
    isola('lab', 'link', 'reset', 'ab')
    ping(isola)
    isola('lab', 'link', 'set', 'a--b', 'delay=20ms', 'jitter=1ms')
    assert [link['Quality'] for link in links(isola)] == ['delay=20ms jitter=1ms'] * 2
    for setting, words in (('dealy=1ms', "no property 'dealy'; did you mean 'delay'?"), ('delay=x', "'x' is no delay"),
                           ('jitter=1s', 'the jitter is larger than the delay'), ('delay', 'is not KEY=VALUE')):
        assert words in isola('lab', 'link', 'set', 'ab', setting, code=1).stderr
    assert [link['Quality'] for link in links(isola)] == ['delay=20ms jitter=1ms'] * 2


@pytest.mark.parametrize('quality, ends', [('engine: wire', 'ab'), ('', 'b'), ('rate: 10mbit, queue: 20ms', 'b')])
def test_a_cable_is_cut_and_restored(isola, lab, quality, ends):
    lab(quality)
    ping(isola)
    isola('lab', 'link', 'cut', 'ab')
    for node in ends:
        wait_until(lambda node=node: 'NO-CARRIER' in isola.out('lab', 'exec', node, 'ip', 'link', 'show', 'eth1'), what='no carrier')
    assert {link['State'] for link in links(isola)} == {'cut'}
    ping(isola, wait=1, code=1)
    isola('lab', 'link', 'restore', 'ab')
    wait_until(lambda: 'NO-CARRIER' not in isola.out('lab', 'exec', 'b', 'ip', 'link', 'show', 'eth1'), what='carrier')
    assert {link['State'] for link in links(isola)} == {'up'}
    ping(isola)


def test_a_cable_that_was_cut_has_its_routes_again(isola, lab):
    """Also one to a gateway that is in no network of the interface's."""
    lab()
    for node in 'ab':
        isola('lab', 'exec', node, 'ip', 'route', 'add', '10.98.0.0/16', 'via', '192.0.2.1', 'dev', 'eth1', 'onlink')
    before = [isola.out('lab', 'exec', node, 'ip', 'route') for node in 'ab']
    assert all('10.98.0.0/16 via 192.0.2.1 dev eth1 onlink' in routes for routes in before)
    isola('lab', 'link', 'cut', 'ab')
    isola('lab', 'link', 'restore', 'ab')
    wait_until(lambda: [isola.out('lab', 'exec', node, 'ip', 'route') for node in 'ab'] == before, what='the routes')


def test_counters_of_a_cable_are_the_interfaces(isola, lab):
    lab()
    ping(isola, count=5)
    there, back = links(isola)
    assert int(there['Packets']) >= 5 and int(back['Packets']) >= 5
    assert there['Late'] == '' and there['From'] == 'a:eth1'


def lost_ones(isola, lab):
    """Which of 200 packets of one kind are lost."""
    lab('loss: 20%')
    script = '''
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5000)); s.settimeout(2)
seen = set()
try:
    while True: seen.add(int(s.recv(100)))
except TimeoutError: pass
print(*sorted(seen))
'''
    sender = '''
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(200): s.sendto(b"%d" % i, ("10.0.0.2", 5000)); time.sleep(0.001)
'''
    # Nothing else is sent: no address resolution, no router solicitations.
    for node, other in (('a', 'b'), ('b', 'a')):
        isola('lab', 'exec', node, 'sh', '-c', f'echo 1 >/proc/sys/net/ipv6/conf/eth1/disable_ipv6; '
              f'ip neigh replace 10.0.0.{1 if other == "a" else 2} lladdr '
              f'{isola.json("lab", "inspect")[0]["Nodes"][0 if other == "a" else 1]["Interfaces"]["eth1"]["MacAddress"]} dev eth1')
    first = links(isola, 'a:eth1')[0]['Stats']['Arrived']
    receiver = isola.start('lab', 'exec', 'b', 'python3', '-c', script)
    wait_until(lambda: '5000' in isola.out('lab', 'exec', 'b', 'ss', '-Hlun'), what='the receiver')
    isola('lab', 'exec', 'a', 'python3', '-c', sender)
    seen = {int(word) for word in receiver.communicate(timeout=60)[0].split()}
    isola('lab', 'down', 'pair')
    return first, set(range(200)) - seen


def test_the_same_seed_loses_the_same_packets(isola, lab):
    (a, lost), (b, again) = lost_ones(isola, lab), lost_ones(isola, lab)
    if a != b:
        pytest.skip(f'the kernel had sent {a} packets by itself the first time, {b} the second')
    assert lost == again and 10 < len(lost) < 80


def test_the_keeper_is_nobody_on_the_host(isola, lab):
    lab('delay: 1ms')
    pid = json.loads(pathlib.Path(f'{isola.run_root}/labs/pair/state.json').read_text())['keeper']['pid']
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    assert int(status.split('Uid:')[1].split()[0]) >= 0x10000000
    assert pathlib.Path(f'/proc/{pid}/ns/user').readlink() != pathlib.Path('/proc/self/ns/user').readlink()


@pytest.mark.parametrize('packet', [b'', b'{', b'{}', b'{"verb":"set","link":0}', b'{"verb":"x","link":0}',
                                    b'{"verb":"stats","link":77}', b'{"verb":"stats","link":-1}', b'x' * 60000,
                                    b'{"verb":"capture","link":0}'])
def test_the_keeper_survives_bad_requests(isola, lab, packet, monkeypatch):
    lab('delay: 1ms')
    monkeypatch.chdir(f'{isola.run_root}/labs/pair')
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect('keeper.sock')
        s.send(packet)
        answer = s.recv(65536)
    if packet:
        assert b'"code":-' in answer or b'"directions"' in answer
    assert len(links(isola)) == 2


def test_unknown_links_are_told(isola, lab):
    lab()
    assert "there is no link 'x'" in isola('lab', 'link', 'show', 'x', code=1).stderr
    assert isola('lab', 'link', 'set', 'a:eth9', 'delay=1ms', code=1).stderr.startswith("isola: there is no link 'a:eth9'\nhint: ")


def test_a_changed_file_is_carried_out_live(isola, lab, tmp_path):
    lab('delay: 1ms')
    before = isola.json('lab', 'inspect')[0]['Nodes']
    isola('lab', 'link', 'set', 'ab', 'loss=1%')
    out = lab('delay: 2ms, a-to-b: {loss: 100%}').stdout
    assert out == ('~ link a:eth1 -> b:eth1: delay=1ms, then delay=2ms loss=100%\n'
                   '~ link b:eth1 -> a:eth1: delay=1ms, then delay=2ms\n')
    assert [link['Quality'] for link in links(isola)] == ['delay=2ms loss=100%', 'delay=2ms']
    isola('lab', 'link', 'set', 'ab', 'delay=none')
    isola('lab', 'link', 'reset', 'ab')
    assert [link['Quality'] for link in links(isola)] == ['delay=2ms loss=100%', 'delay=2ms']
    assert isola.json('lab', 'inspect')[0]['Nodes'] == before
    assert isola.out('lab', 'diff', tmp_path / 'lab.yml') == ''


def test_a_changed_rate_of_the_kernels_is_carried_out_live(isola, lab):
    lab('rate: 10mbit, queue: 20ms')
    isola('lab', 'link', 'set', 'ab', 'rate=1mbit')
    lab('rate: 5mbit, queue: 20ms')
    assert 'rate 5Mbit' in isola.out('lab', 'exec', 'a', 'tc', 'qdisc', 'show', 'dev', 'eth1')
    assert [link['Quality'] for link in links(isola)] == ['rate=5mbit queue=20ms'] * 2


def test_other_changes_are_shown_and_carried_out(isola, lab, tmp_path):
    lab('delay: 1ms')
    text = PAIR.format(quality=', delay: 1ms').replace('b: {}', 'b: {kind: router}, c: {}')
    (tmp_path / 'lab.yml').write_text(text)
    said = isola('lab', 'diff', tmp_path / 'lab.yml', code=1).stdout
    assert said.splitlines() == [
        '~ node a: routes: nothing, then default via 10.0.0.2 default via ' + isola.json('lab', 'inspect')[0]['Nodes'][1]
        ['Interfaces']['eth1']['Addresses'][1].split('/')[0], '~ node b: kind: host, then router (made anew)',
        '+ node c (host)']
    assert lab(text=text).stdout == said
    ping(isola)
    lab('')
    assert [link['Engine'] for link in links(isola)] == ['cable'] * 2
    ping(isola)


def blocks(data):
    """(type, body) of each block of a pcapng file (draft-ietf-opsawg-pcapng)."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from('<II', data, at)
        assert length == struct.unpack_from('<I', data, at + length - 4)[0]
        yield kind, data[at + 8:at + length - 4]
        at += length


@pytest.mark.parametrize('quality, interfaces, times', [('engine: wire', 2, 2), ('', 1, 1)])
def test_a_link_is_captured(isola, lab, tmp_path, quality, interfaces, times):
    lab(quality)
    ping(isola)
    file = tmp_path / 'x.pcapng'
    capture = isola.start('lab', 'capture', 'ab', '-w', file)
    wait_until(lambda: file.exists() and file.stat().st_size > 0, what='the beginning of the file')
    ping(isola, count=3)
    wait_until(lambda: len([kind for kind, _ in blocks(file.read_bytes()) if kind == 6]) >= 6 * times or None,
               what='the packets') if quality == '' else None
    capture.send_signal(signal.SIGINT)
    assert capture.wait(timeout=30) == 0, capture.stderr.read()
    found = list(blocks(file.read_bytes()))
    assert found[0][0] == 0x0A0D0D0A and len([kind for kind, _ in found if kind == 1]) == interfaces
    frames = [body[20:] for kind, body in found if kind == 6]
    requests = [frame for frame in frames if frame[12:14] == b'\x08\x00' and frame[23] == 1 and frame[34] == 8]
    assert len(requests) == 3 * times
    isola('lab', 'capture', '-d', '10ms', '-w', file, 'ab')


def test_a_capture_ends_with_its_reader(isola, lab):
    lab('engine: wire')
    capture = isola.start('lab', 'capture', 'ab')
    capture.stdout.read(4)
    assert "'ab' is being captured already" in isola('lab', 'capture', '-w', '/dev/null', 'ab', code=1).stderr
    kill(capture.pid)
    capture.wait()
    ping(isola)
    wait_until(lambda: isola('lab', 'capture', '-d', '1ms', '-w', '/dev/null', 'ab', code=None).returncode == 0,
               what='the end of the first capture')


def test_there_are_as_many_links_as_the_hard_limit_of_descriptors_allows(isola, lab, tmp_path):
    ends = '\n'.join(f'    - {{endpoints: [a:e{i}, b:e{i}], engine: wire}}' for i in range(100))
    file = tmp_path / 'many.yml'
    file.write_text(f'name: many\ntopology:\n  nodes: {{a: {{}}, b: {{}}}}\n  links:\n{ends}\n')
    up = isola.start('lab', 'up', file, text=True,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096)))
    stdout, stderr = up.communicate(timeout=60)
    assert up.returncode == 0, stderr
    assert len(links(isola)) == 200


def test_files_are_those_of_the_current_directory(isola, lab, tmp_path):
    lab('engine: wire')
    (tmp_path / 'losses').write_text('1\n')
    isola('lab', 'link', 'set', 'a:eth1', 'loss=pattern losses', cwd=tmp_path)
    assert links(isola)[0]['Quality'] == f'loss=pattern {tmp_path}/losses'
    ping(isola, code=1, wait=1)
    isola('lab', 'link', 'set', 'a:eth1', 'loss=none', 'trace=none', cwd=tmp_path)
    ping(isola)
    assert f"'{tmp_path}/nowhere'" in isola('lab', 'link', 'set', 'ab', 'trace=nowhere', code=1, cwd=tmp_path).stderr
    assert "'loss' is not KEY=VALUE" in isola('lab', 'link', 'set', 'ab', 'loss', code=1).stderr


def test_links_are_emulated_with_real_time_priority_if_wanted(isola, lab, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(PAIR.format(quality=', delay: 1ms'))
    up = isola('lab', 'up', '--realtime', file, code=None)
    if up.returncode != 0:
        assert 'cannot take real-time priority' in up.stderr and 'CAP_SYS_NICE' in up.stderr
        pytest.skip('there is no real-time priority for us here')
    keeper = json.loads(pathlib.Path(f'{isola.run_root}/labs/pair/state.json').read_text())['keeper']['pid']
    threads = [int(thread.name) for thread in pathlib.Path(f'/proc/{keeper}/task').iterdir()]
    policies = {thread == keeper: os.sched_getscheduler(thread) for thread in threads}
    assert policies == {True: os.SCHED_OTHER, False: os.SCHED_FIFO}
    ping(isola)
