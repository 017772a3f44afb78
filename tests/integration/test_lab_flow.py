# SPDX-License-Identifier: GPL-2.0-or-later
"""Switches of Open vSwitch in labs, and their flows."""
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess

import pytest

from conftest import existing, wait_until

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") for program in ('ovsdb-server', 'ovs-vswitchd')),
    reason='Open vSwitch is not installed')

LAB = '''
name: of
topology:
  nodes:
    h1: {{}}
    h2: {{}}
    h3: {{}}
    s1: {{kind: ovs-bridge{s1}}}
    switch-with-a-long-name: {{kind: ovs-bridge, dpid: "00000000000000aa"}}
  links:
    - {{endpoints: ["h1:eth1", "s1:p1"]}}
    - {{endpoints: ["h2:eth1", "s1:p2"], delay: 1ms}}
    - {{endpoints: ["s1:p3", "switch-with-a-long-name:p1"]}}
    - {{endpoints: ["h3:eth1", "switch-with-a-long-name:p2"], rate: 10mbit, queue: 20ms}}
'''


@pytest.fixture
def lab(isola, tmp_path):
    def up(s1='', code=0):
        file = tmp_path / 'lab.yml'
        file.write_text(LAB.format(s1=s1 and f', {s1}'))
        return isola('lab', 'up', file, code=code)
    yield up
    isola('lab', 'down', '--all')
    assert existing(f'{isola.run_root}/labs/*') == []


def reaches(isola, source, target):
    return isola('lab', 'exec', source, 'busybox', 'ping', '-4', '-c', '1', '-W', '1', target, code=None).returncode == 0


def test_switches_learn_by_themselves(isola, lab):
    lab()
    for target in ('h2', 'h3'):
        wait_until(lambda target=target: reaches(isola, 'h1', target), what=f'an answer of {target}')
    assert len(isola.out('lab', 'link', 'show').splitlines()) == 9
    assert 'rate 10Mbit' in isola.out('lab', 'exec', 'switch-with-a-long-name', 'tc', 'qdisc')


def test_the_learning_controller_installs_flows(isola, lab):
    lab('controllers: [learning], fail-mode: secure')
    wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')
    assert 'cookie=0x69736f6c61' in isola.out('lab', 'flow', 'ls', 's1')
    record = pathlib.Path(f'{isola.run_root}/labs/of/ovs/control.pcapng')
    assert record.stat().st_mode & 0o777 == 0o600
    recorded = record.read_bytes()
    assert recorded.startswith(b'\x0a\x0d\x0d\x0a') and b'\x04\x00\x00\x10' in recorded  # both said hello


RING = '''
name: ring
topology:
  nodes:
    h1: {{}}
    h2: {{}}
    s1: {{kind: ovs-bridge, stp: true{more}}}
    s2: {{kind: ovs-bridge, stp: true{more}}}
    s3: {{kind: ovs-bridge, stp: true{more}}}
  links:
    - {{endpoints: ["h1:eth1", "s1:p1"]}}
    - {{endpoints: ["h2:eth1", "s2:p1"]}}
    - {{endpoints: ["s1:p2", "s2:p2"]}}
    - {{endpoints: ["s2:p3", "s3:p2"]}}
    - {{endpoints: ["s3:p3", "s1:p3"]}}
'''


HUB = pathlib.Path(__file__).resolve().parent / 'hub_controller.py'


@pytest.fixture
def hub():
    """A controller that somebody else wrote, at port 7653 of the test host."""
    running = subprocess.Popen(['/usr/bin/python3', HUB, '7653'], stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == 'listening\n'
    yield running
    running.kill()
    running.wait()


def test_a_controller_of_the_host_is_reached_and_recorded(isola, lab, hub):
    lab('controllers: ["tcp:127.0.0.1:7653"], fail-mode: secure')
    wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')
    assert 'cookie=0xc0ffee' in isola.out('lab', 'flow', 'ls', 's1')
    record = pathlib.Path(f'{isola.run_root}/labs/of/ovs/control-1.pcapng').read_bytes()
    # The interface's name, and the flow that the controller has sent.
    assert b's1' in record and struct.pack('!Q', 0xc0ffee) in record
    here = os.readlink('/proc/self/ns/net')
    pids = []
    for state in pathlib.Path(f'{isola.run_root}/labs/of').glob('state.json'):
        pids += [one['pid'] for one in json.loads(state.read_text())['controllers']]
    pids = [pid for pid in pids if os.readlink(f'/proc/{pid}/ns/net') == here]
    assert pids, 'the relay is in the network that the lab was made in'
    for pid in pids:
        assert pathlib.Path(f'/proc/{pid}/status').read_text().split('Uid:')[1].split()[0] != '0'


def test_a_controller_runs_in_a_node_and_goes(isola, tmp_path):
    (tmp_path / 'lab.yml').write_text(f'''
name: of
topology:
  nodes:
    h1: {{}}
    h2: {{}}
    c0: {{cmd: "/usr/bin/python3 /mnt/{HUB.name} 6653", binds: ["{HUB.parent}:/mnt"]}}
    s1: {{kind: ovs-bridge, controllers: ["tcp:c0", learning], fail-mode: secure}}
  links: [{{endpoints: [h1, s1]}}, {{endpoints: [h2, s1]}}]
''')
    try:
        isola('lab', 'up', tmp_path / 'lab.yml')
        wait_until(lambda: 'cookie=0xc0ffee' in isola.out('lab', 'flow', 'ls', 's1'), what="the controller's flow")
        wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')
        files = {pathlib.Path(path).name for path in existing(f'{isola.run_root}/labs/of/ovs/*.pcapng')}
        assert files == {'control.pcapng', 'control-1.pcapng'}
    finally:
        isola('lab', 'down', '--all')


def test_controllers_of_a_running_lab_are_changed(isola, lab, hub):
    lab('controllers: [learning]')
    wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')
    lab('controllers: ["tcp:127.0.0.1:7653"]')
    wait_until(lambda: 'cookie=0xc0ffee' in isola.out('lab', 'flow', 'ls', 's1'), timeout=60, what="the hub's flow")
    lab('')
    lab('controllers: [learning], fail-mode: secure')
    wait_until(lambda: 'cookie=0x69736f6c61' in isola.out('lab', 'flow', 'ls', 's1'), timeout=60, what="isola's flow")


def test_a_controller_that_is_not_there_is_no_reason_not_to_come_up(isola, lab):
    lab('controllers: ["tcp:127.0.0.1:7654"]')
    log = pathlib.Path(f'{isola.run_root}/labs/of/ovs/control-1.log')
    wait_until(lambda: 'Connection refused' in log.read_text(), what='a warning')
    # Standalone: it switches by itself.
    wait_until(lambda: reaches(isola, 'h1', 'h2'), timeout=90, what='an answer')


def test_what_the_controller_warns_of_is_in_its_log(isola, lab):
    lab('controllers: [learning]')
    directory = pathlib.Path(f'{isola.run_root}/labs/of/ovs')
    with socket.socket(socket.AF_UNIX) as other:
        descriptor = os.open(directory, os.O_PATH)
        other.connect(f'/proc/self/fd/{descriptor}/s1.controller')  # a path as an address may have 107 bytes
        os.close(descriptor)
        other.sendall(bytes(8))  # a length that cannot be
        wait_until(lambda: "switch 's1' is let go" in (directory / 'control.log').read_text(), what='a warning')
    wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')


@pytest.mark.parametrize('more', ['', ', controllers: [learning], fail-mode: secure'])
def test_a_ring_is_broken_where_it_says_stp(isola, tmp_path, more):
    (tmp_path / 'lab.yml').write_text(RING.format(more=more))
    try:
        isola('lab', 'up', tmp_path / 'lab.yml')
        wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')
        sent = [int(line) for line in isola.out('lab', 'flow', 'stats', 's3', '--format', '{{.TxPackets}}').splitlines()]
        assert sum(sent) < 2000  # a broadcast that goes round does so for ever
    finally:
        isola('lab', 'down', '--all')


def test_flows_are_added_listed_and_removed(isola, lab):
    lab('fail-mode: secure')
    isola('lab', 'flow', 'del', '--all', 's1')
    assert not reaches(isola, 'h1', 'h2')
    isola('lab', 'flow', 'add', 's1', 'in_port=1,actions=output:2', 'in_port=2,actions=output:1')
    wait_until(lambda: reaches(isola, 'h1', 'h2'), what='an answer')
    assert 'in_port=1' in isola.out('lab', 'flow', 'ls', 's1', 'in_port=1')
    assert len(isola.out('lab', 'flow', 'ls', 's1').splitlines()) == 2
    ports = isola.out('lab', 'flow', 'stats', 's1', '--format', '{{.Port}} {{.RxPackets}}').splitlines()
    assert int(dict(line.split(' ') for line in ports)['1']) > 0
    isola('lab', 'flow', 'del', 's1', 'in_port=1')
    assert not reaches(isola, 'h1', 'h2')


def test_what_cannot_be_is_told(isola, lab):
    for s1, words in (('dpid: xyz', "'xyz' is no dpid"), ('fail-mode: open', "'open' is no fail-mode"),
                      ('controllers: [udp:1]', "'udp:1' is no controller"),
                      ('controllers: ["tcp:h4:6653"]', "lab.yml:8: 'tcp:h4:6653' is no controller"),
                      ('controllers: ["tcp:h4:6653"]', "there is a node 'h1'"),
                      ('controllers: ["tcp:h1:many"]', "'tcp:h1:many' is no controller"),
                      ('controllers: ["tcp:s1"]', "'s1' is a switch")):
        assert words in lab(s1, code=1).stderr
    lab()
    assert "node 'h1' is no switch of Open vSwitch" in isola('lab', 'flow', 'ls', 'h1', code=1).stderr
    assert isola('lab', 'flow', 'add', 's1', 'in_prot=1,actions=drop', code=1).stderr.startswith('isola: ')
    assert "name a match" in isola('lab', 'flow', 'del', 's1', code=1).stderr


def test_nothing_of_it_is_left(isola, lab):
    lab('controllers: [learning]')
    pids = [int(path.read_text()) for path in existing(f'{isola.run_root}/labs/of/ovs/*.pid')]
    assert len(pids) == 2
    isola('lab', 'down')
    for pid in pids:
        wait_until(lambda pid=pid: not pathlib.Path(f'/proc/{pid}/exe').exists() or not (pathlib.Path(
            f'/proc/{pid}/cmdline').read_bytes()), what='the end of the daemons')


@pytest.mark.parametrize('point', ['lab.recorded', 'lab.starting', 'lab.started'])
def test_killed_there_the_switches_go(isola, lab, point, tmp_path):
    (tmp_path / 'lab.yml').write_text(LAB.format(s1=', controllers: [learning]'))
    if isola('lab', 'up', tmp_path / 'lab.yml', env={'ISOLA_FAULT': point}, code=None).returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    isola('lab', 'ls')
    assert existing(f'{isola.run_root}/labs/*') == []
    lab()
