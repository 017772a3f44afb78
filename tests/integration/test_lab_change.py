# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs that are changed while they are up."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from conftest import existing, is_dead, kill, wait_until
from test_lab import lab, nodes, ping  # noqa: F401

BASE = '''
name: net
topology:
  nodes:
    a: {}
    b: {}
    s: {kind: bridge}
    r: {kind: router}
    far: {}
  links:
    - endpoints: [a:eth1, s:p1]
    - endpoints: [b:eth1, s:p2]
    - endpoints: [r:eth1, s:p3]
    - {endpoints: [r:eth2, far:eth1], delay: 1ms}
'''


def state(isola, name='net'):
    return json.loads(pathlib.Path(f'{isola.run_root}/labs/{name}/state.json').read_text())


def with_node(text, node, *links):
    """The same lab with one node more, before the others."""
    text = text.replace('  nodes:\n', f'  nodes:\n    {node}\n').replace('  links:\n', '  links:\n' + ''.join(
        f'    - {link}\n' for link in links))
    return text


def without(text, *words):
    return '\n'.join(line for line in text.split('\n') if not any(word in line for word in words))


MORE = with_node(BASE, 'new: {}', '{endpoints: [new:eth1, s:p9], delay: 1ms}', '{endpoints: [new:eth2, far:eth2]}')
LESS = without(BASE, 'far')

RECEIVER = '''
import socket
listener = socket.create_server(('0.0.0.0', 5000))
print('ready', flush=True)
connection = listener.accept()[0]
total = 0
while data := connection.recv(65536):
    total += len(data)
print(total, flush=True)
'''
SENDER = '''
import socket, sys
s = socket.create_connection((sys.argv[1], 5000))
print('connected', flush=True)
import threading
end = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), end.set()), daemon=True).start()
total = 0
while not end.is_set():
    total += s.send(bytes(4096))
    end.wait(0.001)
s.close()
print(total, flush=True)
'''


class Transfer:
    """A TCP connection from a to b that bytes go over all the time."""

    def __init__(self, isola):
        address = nodes(isola)['b']['Interfaces']['eth1']['Addresses'][0].split('/')[0]
        self.receiver = isola.start('lab', 'exec', 'b', 'python3', '-c', RECEIVER, text=True)
        assert self.receiver.stdout.readline() == 'ready\n'
        self.sender = isola.start('lab', 'exec', 'a', 'python3', '-c', SENDER, address, text=True, stdin=subprocess.PIPE)
        assert self.sender.stdout.readline() == 'connected\n'

    def end(self):
        sent = int(self.sender.communicate('', timeout=60)[0])
        received = int(self.receiver.communicate(timeout=60)[0])
        assert sent == received and sent > 0


def counter(isola, node, interface='eth1'):
    return int(isola.out('lab', 'exec', node, 'cat', f'/sys/class/net/{interface}/statistics/tx_packets'))


def pids(isola):
    return {name: node['Pid'] for name, node in nodes(isola).items()}


def test_a_connection_does_not_notice_that_others_come_and_go(isola, lab):
    lab(BASE)
    before, first = pids(isola), counter(isola, 'a')
    transfer = Transfer(isola)
    carried = [first]
    for text, changed in ((MORE, {'new'}), (LESS, {'new', 'far'}), (BASE, {'far'})):
        lab(text)
        after = pids(isola)
        assert {name: after[name] for name in 'abrs'} == {name: before[name] for name in 'abrs'}
        carried.append(counter(isola, 'a'))
    transfer.end()
    assert carried == sorted(carried) and carried[-1] > carried[0]
    ping(isola, 'a', 'far')
    ping(isola, 'far', 'b')


def test_what_is_done_is_said_and_diff_says_the_same(isola, lab, tmp_path):
    lab(BASE)
    (tmp_path / 'lab.yml').write_text(MORE)
    said = isola('lab', 'diff', tmp_path / 'lab.yml', code=1).stdout
    assert said.splitlines() == ['+ node new (host)', '+ link new:eth1 -- s:p9', '+ link new:eth2 -- far:eth2']
    assert lab(MORE).stdout == said
    assert isola('lab', 'diff', tmp_path / 'lab.yml').stdout == ''
    assert lab(MORE).stdout == "lab 'net' is up, and as its file says\n"
    assert lab(BASE, '-q').stdout == 'net\n'


def test_addresses_of_others_stay_and_all_know_the_new_one(isola, lab):
    lab(BASE)
    before = {name: node['Interfaces'] for name, node in nodes(isola).items()}
    lab(MORE)
    after = {name: node['Interfaces'] for name, node in nodes(isola).items()}
    assert {name: after[name] for name in 'abr'} == {name: before[name] for name in 'abr'}
    ping(isola, 'a', 'new')
    ping(isola, 'new', 'a')
    ping(isola, 'far', 'new')
    assert 'new' in isola.out('lab', 'exec', 'b', 'cat', '/etc/hosts')
    lab(BASE)
    assert 'new' not in isola.out('lab', 'exec', 'b', 'cat', '/etc/hosts')


@pytest.mark.parametrize('old, new, node, command, words', [
    ('a:eth1, s:p1]', 'a:eth1, s:p1], ipv4: [10.0.0.77/24]', 'a', 'ip address', '10.0.0.77/24'),
    ('a: {}', 'a: {routes: [192.0.2.0/24 via 10.0.0.3]}', 'a', 'ip route', '192.0.2.0/24 via 10.0.0.3'),
    ('a: {}', 'a: {sysctls: {net.ipv4.ip_default_ttl: 33, kernel.msgmax: 4000}}', 'a',
     'cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax', '33\n4000'),
    ('a: {}', 'a: {env: {GREETING: hello}}', 'a', 'sh -c "echo $GREETING"', 'hello'),
    ('a: {}', 'a: {exec: [touch /run/done]}', 'a', 'ls /run/done', '/run/done'),
    ('delay: 1ms', 'delay: 1ms, mtu: 1300', 'far', 'ip link show eth1', 'mtu 1300'),
    ('b:eth1, s:p2]', 'b:eth1, s:p2], mtu: 1300', 'b', 'ip link show eth1', 'mtu 1300'),
])
def test_that_changes_in_place(isola, lab, tmp_path, old, new, node, command, words):
    base = BASE.replace('- endpoints: [a:eth1, s:p1]', '- {endpoints: [a:eth1, s:p1]}').replace(
        '- endpoints: [b:eth1, s:p2]', '- {endpoints: [b:eth1, s:p2]}')
    lab(base)
    before = pids(isola)
    lab(base.replace(old, new))
    assert pids(isola) == before
    assert words in isola.out('lab', 'exec', node, 'sh', '-c', command)
    ping(isola, 'a', 'b')
    if 'routes' not in new:  # then the default one is not given
        ping(isola, 'a', 'far')
    lab(base)
    ping(isola, 'a', 'far')
    assert isola.out('lab', 'diff', tmp_path / 'lab.yml') == ''
    if 'sysctls' not in new:
        assert pids(isola) == before
    if 'touch' not in new and 'ipv4: [' not in new:  # what the file leaves to us stays what it is
        assert words not in isola('lab', 'exec', node, 'sh', '-c', command, code=None).stdout


def test_limits_change_in_place(isola, lab):
    lab(BASE.replace('b: {}', 'b: {memory: 100mb}'))
    before = pids(isola)
    script = 'cat /sys/fs/cgroup/memory.max 2>/dev/null || true'
    lab(BASE.replace('b: {}', 'b: {memory: 50mb, pids: 30}'))
    assert pids(isola) == before
    place = f"isola/lab-{state(isola)['id']}/node-b"
    files = existing(f'/sys/fs/cgroup/**/{place}/pids.max')
    assert files and {file.read_text().strip() for file in files} == {'30'}, script
    lab(BASE.replace('b: {}', 'b: {memory: 50mb}'))
    assert pids(isola) == before
    assert {file.read_text().strip() for file in files} == {'max'}


def test_what_cannot_change_in_place_is_made_anew_alone(isola, lab):
    lab(BASE)
    before = pids(isola)
    out = lab(BASE.replace('b: {}', 'b: {cmd: sleep 1000}')).stdout
    assert out == '~ node b: cmd: nothing, then sleep 1000 (made anew)\n'
    after = pids(isola)
    assert {name for name in after if after[name] != before[name]} == {'b'}
    ping(isola, 'a', 'b')
    ping(isola, 'b', 'far')
    assert isola.out('lab', 'exec', 'b', 'pgrep', 'sleep')
    lab(BASE.replace('r: {kind: router}', 'r: {kind: host}'))
    ping(isola, 'a', 'far', code=1)
    lab(BASE)
    ping(isola, 'a', 'far')


def test_a_link_goes_from_the_kernel_to_the_emulator_and_back(isola, lab):
    text = BASE.replace('    - endpoints: [a:eth1, s:p1]', '    - {endpoints: [a:eth1, s:p1], QUALITY}')
    lab(text.replace(', QUALITY', ''))
    before = pids(isola)
    for quality, engine in (('delay: 1ms', 'wire'), ('rate: 10mbit, queue: 20ms', 'kernel'), ('engine: wire', 'wire')):
        lab(text.replace('QUALITY', quality))
        link = json.loads(isola.out('lab', 'link', 'show', '--format', 'json', 'a:eth1').splitlines()[0])
        assert link['Engine'] == engine
        ping(isola, 'a', 'b')
        ping(isola, 'a', 'far')
    assert pids(isola) == before


def test_ends_of_links_are_exchanged(isola, lab):
    lab(BASE)
    lab(BASE.replace('a:eth1, s:p1', 'a:eth1, s:p2').replace('b:eth1, s:p2', 'b:eth1, s:p1'))
    ping(isola, 'a', 'b')
    lab(BASE.replace('r:eth2, far:eth1', 'r:eth2, far:eth7'))
    ping(isola, 'a', 'far')
    assert 'eth1' not in isola.out('lab', 'exec', 'far', 'ip', '-br', 'link')


def test_nodes_that_have_ended_are_made_anew(isola, lab, tmp_path):
    lab(BASE)
    before = pids(isola)
    kill(before['far'])
    assert isola('lab', 'diff', tmp_path / 'lab.yml', code=1).stdout == '~ node far: it does not run (made anew)\n'
    lab(BASE)
    after = pids(isola)
    assert {name for name in after if after[name] != before[name]} == {'far'}
    ping(isola, 'a', 'far')
    assert isola.out('lab', 'ls', '--format', '{{.Status}}') == 'running'


@pytest.mark.parametrize('node, words', [
    ('new: {exec: [false]}', "node 'new': 'false' has ended with exit code 1"),
    ('new: {binds: ["/etc:/nowhere"]}', "cannot bind '/nowhere'"),
    ('new: {routes: [default via 192.0.2.1]}', "route 'default via 192.0.2.1' leads nowhere"),
    ('new: {sysctls: {net.ipv4.nothing: 1}}', "cannot set 'net.ipv4.nothing=1'"),
])
def test_a_change_that_fails_is_undone(isola, lab, tmp_path, node, words):
    lab(BASE)
    before = pids(isola)
    text = with_node(without(BASE, 'far'), node, '{endpoints: [new:eth1, s:p9], delay: 1ms}')
    done = lab(text, code=1)
    assert words in done.stderr and "cannot change lab 'net', which is as it was: " in done.stderr
    after = pids(isola)
    assert {name: after[name] for name in 'abrs'} == {name: before[name] for name in 'abrs'} and 'new' not in after
    ping(isola, 'a', 'far')
    ping(isola, 'far', 'b')
    (tmp_path / 'lab.yml').write_text(BASE)
    assert isola.out('lab', 'diff', tmp_path / 'lab.yml') == ''
    assert 'p9' not in isola.out('lab', 'exec', 's', 'ip', '-br', 'link')


@pytest.mark.parametrize('text, words', [
    ('seed: 9\n' + BASE, 'seed: 0, then 9'),
])
def test_what_cannot_be_changed_is_refused_by_name(isola, lab, text, words):
    lab(BASE)
    done = lab(text, code=1)
    assert 'this cannot be changed while the lab is up' in done.stderr and words in done.stderr
    assert "hint: 'isola lab down net', then up" in done.stderr
    ping(isola, 'a', 'far')


POINTS = ['change.next', 'change.begun', 'change.unlaid', 'change.ended', 'change.made', 'keeper.started',
          'keeper.recorded', 'change.laid', 'change.laid:2', 'change.network', 'change.network:3', 'change.recorded',
          'change.released', 'lab.exec', 'change.started', 'change.written', 'change.committed']


@pytest.mark.parametrize('point, again', [(point, None) for point in POINTS] + [
    (point, again) for point in ('change.unlaid', 'change.network:3', 'change.started')
    for again in ('change.begun', 'change.ended', 'change.made', 'change.network', 'change.written')])
def test_killed_there_it_is_what_it_was(isola, lab, tmp_path, point, again):
    old = BASE.replace(', delay: 1ms', '')
    new = with_node(without(BASE, 'far').replace('b: {}', 'b: {cmd: sleep 1000}'), 'new: {exec: [true]}',
                    '{endpoints: [new:eth1, s:p9], delay: 1ms}')
    lab(old)
    before = pids(isola)
    (tmp_path / 'lab.yml').write_text(new)
    done = isola('lab', 'up', tmp_path / 'lab.yml', env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert done.returncode == -signal.SIGKILL
    if again:
        isola('lab', 'ls', env={'ISOLA_FAULT': again}, code=None)
    isola('lab', 'ls')
    after = pids(isola)
    finished = point in ('change.written', 'change.committed')
    expected = new if finished else old
    assert {name: after[name] for name in 'ars'} == {name: before[name] for name in 'ars'}
    assert isola.out('lab', 'ls', '--format', '{{.Status}}') == 'running'
    (tmp_path / 'lab.yml').write_text(expected)
    assert isola.out('lab', 'diff', tmp_path / 'lab.yml') == ''
    assert not pathlib.Path(f'{isola.run_root}/labs/net/next.yml').exists() or not state(isola).get('changing')
    ping(isola, 'a', 'new' if finished else 'far')
    ping(isola, 'b', 'a')
    ends = isola.out('lab', 'exec', 's', 'ip', '-br', 'link')
    assert ('p9' in ends) == finished
    lab(new)
    ping(isola, 'a', 'new')


def test_a_cable_that_is_cut_stays_so(isola, lab):
    lab(BASE)
    isola('lab', 'link', 'cut', 'a:eth1')
    lab(MORE)
    ping(isola, 'b', 'new')
    assert isola('lab', 'exec', 'b', 'busybox', 'ping', '-c', '1', '-W', '1', 'a', code=None).returncode == 1
    isola('lab', 'link', 'restore', 'a:eth1')
    ping(isola, 'b', 'a')


FULL = """
mount -t tmpfs -o size=2m,mode=755 tmpfs {run}
{isola} lab up {one} || exit 1
head -c 4m /dev/zero >{run}/filler 2>/dev/null
{isola} lab up {two} && exit 2
{isola} lab up {other} && exit 3
{isola} lab exec a true || exit 4
rm {run}/filler
{isola} lab diff {one} || exit 5
{isola} lab exec a busybox ping -c 1 -W 5 far || exit 6
{isola} lab up {two} || exit 7
{isola} lab exec a busybox ping -c 1 -W 5 new || exit 8
head -c 4m /dev/zero >{run}/filler 2>/dev/null
{isola} lab down net || exit 9
ls {run}/labs
"""


def test_a_full_disk_costs_nothing_but_the_change(isola, tmp_path):
    files = {'one': BASE, 'two': MORE, 'other': BASE.replace('name: net', 'name: other')}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / 'run').mkdir()
    command = ' '.join([isola.binary, '--root', str(tmp_path / 'root'), '--run-root', str(tmp_path / 'run')])
    script = FULL.format(run=tmp_path / 'run', isola=command, **{name: tmp_path / name for name in files})
    done = subprocess.run(['unshare', '-m', 'sh', '-c', script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=100)
    assert done.returncode == 0 and done.stdout.endswith('net\n'), done.stdout + done.stderr
    assert 'No space left on device' in done.stderr and 'which is as it was' in done.stderr


def test_two_at_once_do_not_meet(isola, lab, tmp_path):
    lab(BASE)
    for name, text in (('one', MORE), ('two', LESS)):
        (tmp_path / f'{name}.yml').write_text(text)
    ups = [isola.start('lab', 'up', tmp_path / f'{name}.yml') for name in ('one', 'two', 'one', 'two')]
    assert [up.wait(timeout=60) for up in ups] == [0] * 4, [up.stderr.read() for up in ups]
    assert len(pids(isola)) in (4, 6)
    lab(BASE)
    ping(isola, 'a', 'far')


def test_down_waits_for_a_change_and_takes_all(isola, lab, tmp_path):
    lab(BASE)
    (tmp_path / 'more.yml').write_text(MORE.replace('new: {}', 'new: {exec: [sleep 1]}'))
    up = isola.start('lab', 'up', tmp_path / 'more.yml')
    wait_until(lambda: state(isola).get('changing'), what='the beginning of the change')
    assert isola.out('lab', 'exec', 'a', 'hostname') == 'a'
    isola('lab', 'down', 'net')
    assert up.wait(timeout=60) == 0
    assert existing(f'{isola.run_root}/labs/*') == []


# ---- the keeper ----

def keeper(isola):
    return state(isola)['keeper']['pid']


def test_a_killed_keeper_is_started_anew_and_links_are_as_they_were(isola, lab):
    lab(BASE)
    before = nodes(isola)
    isola('lab', 'link', 'set', 'far:eth1', 'delay=3ms')
    kill(keeper(isola))
    first = keeper(isola)
    done = isola('lab', 'ls')
    assert "the process that emulates the links of lab 'net' was killed, and has been started anew" in done.stderr
    assert keeper(isola) != first
    ping(isola, 'a', 'far')
    after = nodes(isola)
    assert after == before
    shown = [json.loads(line) for line in isola.out('lab', 'link', 'show', '--format', 'json', 'far:eth1').splitlines()]
    assert [link['Quality'] for link in shown] == ['delay=3ms']
    assert isola.out('lab', 'ls', '--format', '{{.Status}}') == 'running'
    isola('lab', 'link', 'reset', 'far:eth1')
    assert '1ms' in isola.out('lab', 'link', 'show', '--format', '{{.Quality}}', 'far:eth1')
    lab(BASE.replace('delay: 1ms', 'delay: 2ms'))
    ping(isola, 'a', 'far')


def test_a_cut_link_stays_cut_without_its_keeper(isola, lab):
    lab(BASE)
    isola('lab', 'link', 'cut', 'far:eth1')
    kill(keeper(isola))
    isola('lab', 'exec', 'a', 'true')
    assert {json.loads(line)['State'] for line in
            isola.out('lab', 'link', 'show', '--format', 'json', 'far:eth1').splitlines()} == {'cut'}
    isola('lab', 'link', 'restore', 'far:eth1')
    ping(isola, 'a', 'far')


def test_a_measurement_says_that_the_keeper_was_killed_meanwhile(isola, lab):
    lab(BASE)
    first = keeper(isola)
    measure = isola.start('lab', 'measure', 'ping', '--format', 'json', '-c', '40', '-i', '50ms', 'a', 'far', text=True)
    wait_until(lambda: counter(isola, 'far') > 8, what='some packets')
    kill(first)
    isola('lab', 'ls')
    record = json.loads(measure.communicate(timeout=60)[0])['records'][0]
    assert any('was killed and started anew meanwhile' in caution for caution in record['cautions'])


@pytest.mark.parametrize('point', ['keeper.started', 'keeper.recorded'])
def test_killed_while_the_keeper_is_started_the_next_one_does_it(isola, lab, point):
    lab(BASE)
    kill(keeper(isola))
    if isola('lab', 'ls', env={'ISOLA_FAULT': point}, code=None).returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    ping(isola, 'a', 'far')
    def own(pid):
        try:
            return os.readlink(f'/proc/{pid}/ns/net') == os.readlink(f"/proc/{state(isola)['fabric']['pid']}/ns/net")
        except OSError:
            return False
    keepers = [pid for pid in os.listdir('/proc') if pid.isdigit() and own(pid)]
    assert len(keepers) == 2  # it and the fabric


# ---- the management network ----

def test_the_management_network_comes_changes_and_goes(isola, lab):
    managed = BASE.replace('topology:', 'mgmt: {network: m}\ntopology:')
    lab(BASE)
    before = pids(isola)
    lab(managed)
    assert isola.out('lab', 'exec', 'a', 'ip', '-br', '-4', 'address', 'show', 'mgmt0').split()[2].startswith('172.20.20.')
    isola('lab', 'exec', 'a', 'busybox', 'ping', '-c', '1', '-W', '5', 'far.mgmt')
    lab(with_node(managed, 'new: {}'))
    isola('lab', 'exec', 'a', 'busybox', 'ping', '-c', '1', '-W', '5', 'new.mgmt')
    lab(BASE.replace('topology:', 'mgmt: {network: m, ipv4-subnet: 192.0.2.0/24}\ntopology:'))
    assert '192.0.2.' in isola.out('lab', 'exec', 'a', 'ip', '-br', '-4', 'address', 'show', 'mgmt0')
    assert '172.20' not in isola.out('lab', 'exec', 'a', 'ip', '-br', '-4', 'address', 'show', 'mgmt0')
    isola('lab', 'exec', 'a', 'busybox', 'ping', '-c', '1', '-W', '5', 'far.mgmt')
    lab(BASE)
    assert 'mgmt0' not in isola.out('lab', 'exec', 'a', 'ip', '-br', 'link')
    assert pids(isola) == before


# ---- containers ----

IMAGES = '''
name: net
topology:
  nodes:
    a: {{}}
    c: {{image: {image}, cmd: sleep 1000{more}}}
  links:
    - endpoints: [a:eth1, c:eth1]
'''


def test_a_container_is_started_anew_where_its_links_are(isola, lab, image):
    lab(IMAGES.format(image=image, more=''))
    holder, pid = {node['name']: node['pid'] for node in state(isola)['nodes']}, pids(isola)['c']
    out = lab(IMAGES.format(image=image, more=', env: {X: y}')).stdout
    assert out == '~ node c: env: nothing, then X=y (started anew)\n'
    assert {node['name']: node['pid'] for node in state(isola)['nodes']} == holder and pids(isola)['c'] != pid
    assert isola.out('lab', 'exec', 'c', 'sh', '-c', 'echo $X') == 'y'
    ping(isola, 'a', 'c')
    lab(with_node(IMAGES.format(image=image, more=', env: {X: y}'), f'd: {{image: {image}, cmd: sleep 1000}}', 'endpoints: [a:eth2, d:eth1]'))
    assert pids(isola)['c'] and pids(isola)['d']
    ping(isola, 'a', 'd')
    assert '\td\n' in isola.out('lab', 'exec', 'c', 'cat', '/etc/hosts') + '\n'
    lab(without(IMAGES.format(image=image, more=''), 'c:'))
    assert isola.out('ps', '-q') == ''


# ---- Open vSwitch ----

SWITCHED = '''
name: net
topology:
  nodes:
    a: {}
    b: {}
    s1: {kind: ovs-bridge}
  links:
    - endpoints: [a:eth1, s1:p1]
    - endpoints: [b:eth1, s1:p2]
'''


@pytest.mark.skipif(not all(shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
                            for program in ('ovsdb-server', 'ovs-vswitchd')), reason='Open vSwitch is not installed')
def test_switches_of_open_vswitch_get_and_lose_ports_live(isola, lab):
    def reaches(source, target):
        return isola('lab', 'exec', source, 'busybox', 'ping', '-4', '-c', '1', '-W', '1', target, code=None).returncode == 0
    lab(SWITCHED)
    wait_until(lambda: reaches('a', 'b'), what='an answer')
    transfer = Transfer(isola)
    more = SWITCHED.replace('topology:\n  nodes:', 'topology:\n  nodes:\n    s2: {kind: ovs-bridge}\n    c: {}') + (
        '    - endpoints: [s1:p3, s2:p1]\n    - {endpoints: [c:eth1, s2:p2], delay: 1ms}\n')
    lab(more)
    wait_until(lambda: reaches('a', 'c'), what='an answer')
    ports = isola.out('lab', 'flow', 'stats', 's1', '--format', '{{.Port}}').split()
    lab(SWITCHED)
    transfer.end()
    assert reaches('a', 'b') and len(isola.out('lab', 'flow', 'stats', 's1', '--format', '{{.Port}}').split()) == len(ports) - 1
    lab(SWITCHED.replace('s1: {kind: ovs-bridge}', 's1: {kind: ovs-bridge, controllers: [learning], fail-mode: secure}'))
    wait_until(lambda: reaches('a', 'b'), what='an answer')
    assert 'cookie=0x69736f6c61' in isola.out('lab', 'flow', 'ls', 's1')
    lab(without(SWITCHED, 's1'))
    assert not pathlib.Path(f'{isola.run_root}/labs/net/ovs/ovs-vswitchd.pid').exists()


def test_a_node_more_is_the_only_difference_wherever_it_stands(isola, lab):
    text = ['name: net', 'topology:', '  nodes:', '    s: {kind: bridge}', *(f'    h{i}:' for i in range(100)), '  links:',
            *(f'    - endpoints: [h{i}, s]' for i in range(100))]
    lab('\n'.join(text))
    before = pids(isola)
    done = lab('\n'.join(text).replace('  nodes:\n', '  nodes:\n    first: {}\n').replace('  links:\n', '  links:\n    - endpoints: [first, s]\n'))
    assert done.stdout == '+ node first (host)\n+ link first:eth0 -- s:eth100\n'
    after = pids(isola)
    assert {name: after[name] for name in before} == before
    ping(isola, 'first', 'h99')
