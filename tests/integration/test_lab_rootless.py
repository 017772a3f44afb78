# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs of an ordinary user, who has a range of ids or his own alone."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import AS_USER, Isola, existing, kill, wait_until

pytestmark = pytest.mark.skipif(AS_USER, reason='makes its own users')

TRIANGLE = '''
name: triangle
topology:
  nodes:
    h1: {cmd: [sleep, "1000"]}
    h2: {sysctls: {net.ipv4.ip_default_ttl: "70"}}
    r1: {kind: router}
    s1: {kind: bridge}
  links:
    - endpoints: [h1:eth1, s1:p1]
    - endpoints: [r1:eth1, s1:p2]
    - endpoints: [h2:eth1, r1:eth2]
'''

PAIR = '''
name: pair
topology:
  nodes: {h1: {}, h2: {}}
  links:
    - {endpoints: [h1:eth1, h2:eth1], delay: 10ms}
'''


def processes(joe):
    return [path.name for path in pathlib.Path('/proc').glob('[0-9]*')
            if path.exists() and path.stat().st_uid == joe.uid and (path / 'stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z']


@pytest.fixture(params=['range', 'single'])
def user(joe, request):
    if request.param == 'single':
        joe.without_range()
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = Isola(directory, user=joe)
    isola.joe, isola.ids = joe, request.param
    yield isola
    isola('lab', 'down', '--all')
    assert existing(f'{isola.run_root}/labs/*') == []
    wait_until(lambda: not processes(joe), what="the end of the user's processes")
    shutil.rmtree(directory)
    joe.with_range()


@pytest.fixture
def tun(tmp_path):
    """A /dev/net/tun that everybody may open, as most distributions have it."""
    node = tmp_path / 'tun'
    os.mknod(node, 0o20666, os.makedev(10, 200))
    node.chmod(0o666)
    subprocess.run(['mount', '--bind', node, '/dev/net/tun'], check=True)
    yield
    subprocess.run(['umount', '/dev/net/tun'], check=True)


def up(user, text, *options, code=0):
    return user('lab', 'up', *options, '-', input=text, code=code)


def ping(user, source, target):
    return user('lab', 'exec', source, 'busybox', 'ping', '-c', '1', '-W', '5', target)


def test_a_lab_of_a_users_own(user):
    assert up(user, TRIANGLE).stdout.startswith("lab 'triangle' is up: 4 nodes, 3 links")
    ping(user, 'h1', 'h2')
    ping(user, 'h2', 'h1')
    node = {n['Name']: n for n in user.json('lab', 'inspect')[0]['Nodes']}['h2']
    ping(user, 'h1', node['Interfaces']['eth1']['Addresses'][1].split('/')[0])
    assert os.stat(f'/proc/{node["Pid"]}').st_uid == user.joe.uid
    assert user.out('lab', 'exec', 'h1', 'id', '-u') == '0'
    assert user.out('lab', 'exec', 'h2', 'cat', '/proc/sys/net/ipv4/ip_default_ttl') == '70'
    assert user.out('lab', 'exec', 'h2', 'ls', '/sys/class/net').split() == ['eth1', 'lo']
    assert user.out('lab', 'exec', 'h2', 'sh', '-c', 'echo x > /tmp/x; ls /tmp /run') == '/run:\nlock\n\n/tmp:\nx'
    assert user.out('lab', 'ps', '--format', '{{.Name}} {{.Status}}').split('\n')[0] == 'h1 running'
    assert 'Read-only' in user('lab', 'exec', 'h2', 'touch', '/etc/x', code=1).stderr


def test_it_is_measured_tested_and_changed_live(user):
    up(user, TRIANGLE + '\ntests:\n  - pingall: {}\n')
    assert '0.0' in user.out('lab', 'measure', 'ping', 'h1', 'h2', '--count', '3')
    assert 'ok' in user.out('lab', 'test')
    user('lab', 'link', 'set', 'h1:eth1', 'rate=10mbit', 'queue=50ms')
    assert 'rate=10mbit' in user.out('lab', 'link', 'ls')
    up(user, TRIANGLE.replace('s1: {kind: bridge}', 's1: {kind: bridge}\n    h3:') + '    - endpoints: [h3:eth1, s1:p3]\n')
    ping(user, 'h3', 'h1')


def test_emulated_links_want_the_tap_device(user):
    if os.stat('/dev/net/tun').st_mode & 0o006 == 0o006:
        pytest.skip('everybody may use it here')
    done = up(user, PAIR, code=1)
    assert "cannot open '/dev/net/tun': Permission denied" in done.stderr and 'hint: ' in done.stderr


def test_emulated_links(user, tun):
    up(user, PAIR)
    assert 'wire' in user.out('lab', 'link', 'ls')
    times = ping(user, 'h1', 'h2').stdout
    assert float(times.split('time=')[1].split()[0]) >= 20
    user('lab', 'link', 'set', 'h1:eth1', 'delay=1ms')
    user('lab', 'link', 'cut', 'h1:eth1')
    user('lab', 'link', 'restore', 'h1:eth1')
    ping(user, 'h1', 'h2')


@pytest.mark.parametrize('text, words', [
    ('name: x\ntopology:\n  nodes:\n    h1: {memory: 64m}\n', "standard input:4: node 'h1' is to be limited"),
    ('name: x\ntopology:\n  nodes:\n    h1: {image: busybox}\n', "standard input:4: node 'h1' is of an image"),
    ('name: x\ntopology: {nodes: {h1: {}}}\nuplinks:\n  - {kind: nat, node: h1, interface: eth0}\n',
     "standard input:4: an uplink of kind 'nat' at node 'h1' needs rights over the machine's network"),
    ('name: x\ntopology:\n  nodes:\n    h1: {ports: ["8080:80"]}\n',
     "standard input:4: to publish ports of node 'h1' needs rights over the machine's network"),
])
def test_what_a_user_cannot_have_is_refused_by_name(user, text, words):
    done = up(user, text, code=1)
    assert words in done.stderr and "hint: an ordinary user's labs" in done.stderr
    assert user.out('lab', 'ls', '-q') == ''


def test_a_management_network_stays_inside(user):
    text = 'name: x\nmgmt: {external-access: true}\ntopology:\n  nodes: {h1: {}, h2: {}}\n'
    done = up(user, text)
    assert "note: the management network does not lead out of an ordinary user's lab" in done.stderr
    ping(user, 'h1', 'h2.mgmt')
    assert 'as its file says' in up(user, text).stdout


def test_changes_are_held_to_the_same_and_a_killed_keeper_is_started_anew(user, tun):
    up(user, PAIR)
    assert "node 'h3' is of an image" in up(user, PAIR.replace('h2: {}', 'h2: {}, h3: {image: busybox}'), code=1).stderr
    state = json.loads(pathlib.Path(f'{user.run_root}/labs/pair/state.json').read_text())
    kill(state['keeper']['pid'])
    assert 'has been started anew' in user('lab', 'ls').stderr
    ping(user, 'h1', 'h2')
    up(user, PAIR.replace('h2: {}', 'h2: {}, h3: {}') + '    - {endpoints: [h2:eth2, h3:eth1], delay: 1ms}\n')
    ping(user, 'h3', 'h2')
    seen = user.out('lab', 'events', '-i', '-d', '10ms', '--format', '{{.Type}} {{.Action}} {{.Name}}').split('\n')
    assert {'lab up ', 'node create h3', 'keeper start '} <= set(seen)
