# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs: up, down, and what is in them."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from conftest import AS_USER, User, existing, kill, wait_until

TRIANGLE = '''
name: triangle
topology:
  nodes:
    h1: {}
    h2: {}
    r1: {kind: router}
    s1: {kind: bridge}
  links:
    - endpoints: [h1:eth1, s1:p1]
    - endpoints: [r1:eth1, s1:p2]
    - endpoints: [h2:eth1, r1:eth2]
'''


USUAL = {'lo', 'up0'}  # conftest.make_world() may have made that for another test of this process


def interfaces():
    links = json.loads(subprocess.run(['ip', '-j', 'link'], stdout=subprocess.PIPE, check=True).stdout)
    return [link['ifname'] for link in links]


@pytest.fixture
def lab(isola, tmp_path):
    """Brings labs up from texts, and takes them down."""
    def up(text, *options, code=0):
        file = tmp_path / 'lab.yml'
        file.write_text(text)
        return isola('lab', 'up', *options, file, code=code)
    yield up
    isola('lab', 'down', '--all')
    assert existing(f'{isola.run_root}/labs/*') == []
    # The kernel takes the cables of containers that are gone away in its own time.
    wait_until(lambda: set(interfaces()) <= USUAL, what='the end of all interfaces')


def ping(isola, source, target, code=0):
    """One answer, or none. The kernel may take a second to notice a carrier, and what is sent until then is lost."""
    words = 'lab', 'exec', source, 'busybox', 'ping', '-c', '1', '-W', '5', target
    if code == 0:
        return wait_until(lambda: (done := isola(*words, code=None)).returncode == 0 and done, what=f'an answer of {target}')
    return isola(*words, code=code)


def nodes(isola, *operands):
    return {node['Name']: node for node in isola.json('lab', 'inspect', *operands)[0]['Nodes']}


def test_nodes_reach_each_other_across_switch_and_router(isola, lab):
    out = lab(TRIANGLE).stdout
    assert out.startswith("lab 'triangle' is up: 4 nodes, 3 links, in ")
    ping(isola, 'h1', 'h2')
    ping(isola, 'h2', 'h1')
    address = nodes(isola)['h2']['Interfaces']['eth1']['Addresses'][1].split('/')[0]
    assert ':' in address
    isola('lab', 'exec', 'h1', 'busybox', 'ping', '-6', '-c', '1', '-W', '5', address)
    ports = isola.out('lab', 'exec', 's1', 'ip', '-br', 'link', 'show', 'master', 'br0')
    assert {line.split('@')[0] for line in ports.splitlines()} == {'p1', 'p2'}


def test_lists_and_shows(isola, lab):
    lab(TRIANGLE)
    assert isola.out('lab', 'ls', '--format', '{{.Name}} {{.Status}} {{.Nodes}}') == 'triangle running 4'
    assert isola.out('lab', 'ps', '-q').split() == ['h1', 'h2', 'r1', 's1']
    rows = [line.split() for line in isola.out('lab', 'ps').splitlines()]
    assert rows[0][:4] == ['NAME', 'KIND', 'STATUS', 'PID']
    assert rows[1][:3] == ['h1', 'host', 'running'] and rows[1][4] == '10.0.0.1/24'
    document = isola.json('lab', 'inspect')[0]
    assert [link['Name'] for link in document['Links']] == ['h1:eth1--s1:p1', 'r1:eth1--s1:p2', 'h2:eth1--r1:eth2']
    assert isola.out('lab', 'inspect', '-f', '{{.Name}} {{.Status}}', 'triangle') == 'triangle running'


def test_exec_is_in_the_node_and_has_its_code(isola, lab):
    lab(TRIANGLE)
    assert isola.out('lab', 'exec', 'h1', 'hostname') == 'h1'
    assert isola('lab', 'exec', 'h1', 'sh', '-c', 'exit 7', code=7)
    assert isola.out('lab', 'exec', '-e', 'A=b', '-w', '/tmp', 'h1', 'sh', '-c', 'echo $A; pwd').split() == ['b', '/tmp']
    assert isola('lab', 'exec', 'h1', 'cat', input='typed').stdout == 'typed'
    assert "node 'h1': cannot run 'nothing': No such file" in isola('lab', 'exec', 'h1', 'nothing', code=127).stderr
    assert "did you mean 'h1'?" in isola('lab', 'exec', 'h11', 'true', code=125).stderr
    assert isola.start('lab', 'sh', 'h2', stdin=subprocess.PIPE).communicate(b'hostname; exit 3\n')[0] == b'h2\n'


def test_a_node_is_kept_from_the_host(isola, lab):
    lab(TRIANGLE)
    script = '''id -u; touch /etc/x 2>&1; mount -o remount,rw / 2>&1; echo 1 >/proc/sys/kernel/panic
                ls /proc | grep -c '^[0-9]'; mknod /tmp/disk b 254 0 2>&1; ls /sys/class/net; kill -9 1; echo survived'''
    out = isola('lab', 'exec', 'h1', 'sh', '-c', script).stdout
    assert out.startswith("0\ntouch: cannot touch '/etc/x': Read-only file system\n")
    assert 'mount: /' in out and 'Operation not permitted' in out and 'eth1' in out and out.endswith('survived\n')
    pid = nodes(isola)['h1']['Pid']
    outside = int(pathlib.Path(f'/proc/{pid}/status').read_text().split('Uid:')[1].split()[0])
    assert outside == User.uid if AS_USER else outside >= 0x10000000
    for kind in ('user', 'mnt', 'net', 'pid', 'uts', 'ipc', 'cgroup'):
        assert os.readlink(f'/proc/{pid}/ns/{kind}') != os.readlink(f'/proc/self/ns/{kind}')


def test_commands_binds_environment_and_sysctls(isola, lab, tmp_path):
    (tmp_path / 'shared').mkdir()
    (tmp_path / 'shared').chmod(0o777)
    (tmp_path / 'shared/file').write_text('bound')
    lab('''
name: full
topology:
  nodes:
    a:
      cmd: sh -c 'echo $GREETING; exec sleep 1000'
      env: {GREETING: hello}
      binds: ['shared:/mnt']
      sysctls: {net.ipv4.ip_default_ttl: 77}
    b: {binds: ['shared:/mnt:ro']}
''')
    wait_until(lambda: isola('lab', 'exec', 'a', 'pgrep', 'sleep', code=None).returncode == 0, what='the command')
    assert pathlib.Path(f'{isola.run_root}/labs/full/logs/a').read_text() == 'hello\n'
    assert isola.out('lab', 'exec', 'a', 'cat', '/mnt/file', '/proc/sys/net/ipv4/ip_default_ttl') == 'bound77'
    isola('lab', 'exec', 'a', 'touch', '/mnt/written')
    assert (tmp_path / 'shared/written').stat().st_uid == (User.uid if AS_USER else 0)
    assert 'Read-only' in isola('lab', 'exec', 'b', 'touch', '/mnt/more', code=1).stderr


def test_labs_of_one_file_do_not_meet(isola, lab, tmp_path):
    lab(TRIANGLE)
    lab(TRIANGLE, '--name', 'other', '-q')
    assert isola.out('lab', 'ls', '-q').split() == ['other', 'triangle']
    assert "2 labs are up" in isola('lab', 'ps', code=1).stderr
    assert lab(TRIANGLE).stdout == "lab 'triangle' is up, and as its file says\n"
    first, second = nodes(isola, 'triangle'), nodes(isola, 'other')
    assert first['h1']['Pid'] != second['h1']['Pid']
    assert first['h1']['Interfaces']['eth1']['MacAddress'] != second['h1']['Interfaces']['eth1']['MacAddress']
    assert isola.out('lab', 'down', 'other') == 'other'
    isola('lab', 'exec', '--lab', tmp_path / 'lab.yml', 'h1', 'true')


def test_unknown_labs_have_the_nearest_name(isola, lab):
    assert "no lab is up" in isola('lab', 'ps', code=1).stderr
    lab(TRIANGLE)
    assert isola('lab', 'ps', 'triangel', code=1).stderr == (
        "isola: there is no lab 'triangel'\nhint: did you mean 'triangle'?\n")
    assert isola('lab', 'down', 'x', 'triangle', code=1).stdout == 'triangle\n'


@pytest.mark.parametrize('text, words', [
    (TRIANGLE.replace('kind: router', 'kind: rooter'), "lab.yml:7: there is no kind 'rooter'; did you mean 'router'?"),
    (TRIANGLE + '    - endpoints: [h1:eth1, h2:eth7]\n', "lab.yml:13: 'h1:eth1' is an endpoint of two links"),
    (TRIANGLE.replace('h1: {}', 'h1: {routes: [default via 1.2.3.4]}'),
     "cannot make node 'h1': route 'default via 1.2.3.4' leads nowhere"),
    (TRIANGLE.replace('h1: {}', 'h1: {binds: ["/nowhere:/mnt"]}'), "lab.yml:5: node 'h1': cannot bind '/nowhere': No such file"),
    (TRIANGLE.replace('h1: {}', 'h1: {binds: ["/etc:/nowhere"]}'), "lab.yml:5: cannot make node 'h1': cannot bind '/nowhere'"),
    (TRIANGLE + 'uplinks:\n  - {kind: nick, node: r1}\n', "lab.yml:14: 'nick' is no kind of uplink"),
    (TRIANGLE.replace('h1: {}', 'h1: {sysctls: {net.ipv4.nothing: 1}}'), "cannot make node 'h1': cannot set"),
])
def test_what_cannot_be_is_refused_and_leaves_nothing(isola, lab, text, words):
    assert words in lab(text, code=1).stderr
    assert isola.out('lab', 'ls', '-q') == ''
    assert existing(f'{isola.run_root}/labs/*') == []
    assert existing(f'{isola.run_root}/ids/*') == []


def test_a_lab_whose_nodes_end_is_broken_and_can_be_taken_down(isola, lab):
    lab(TRIANGLE)
    kill(nodes(isola)['h1']['Pid'])
    assert isola.out('lab', 'ls', '--format', '{{.Status}}') == 'broken (3 of 4 nodes)'
    assert "node 'h1' does not run" in isola('lab', 'exec', 'h1', 'true', code=125).stderr
    isola('lab', 'exec', 'h2', 'true')


@pytest.mark.parametrize('point', ['lab.begun', 'lab.nodes', 'lab.links', 'lab.built', 'lab.recorded', 'lab.killed',
                                   'lab.removed'])
def test_killed_there_it_is_undone_or_can_be(isola, lab, tmp_path, point):
    file = tmp_path / 'lab.yml'
    file.write_text(TRIANGLE)
    done = isola('lab', 'up', file, env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0 and point not in ('lab.killed', 'lab.removed'):
        pytest.skip('this binary was built without -Dfault_points=true')
    if done.returncode == 0:
        assert isola('lab', 'down', env={'ISOLA_FAULT': point}, code=None).returncode == -signal.SIGKILL
    isola('lab', 'ls')
    isola('lab', 'down', 'triangle', code=None)
    assert existing(f'{isola.run_root}/labs/*') == []
    wait_until(lambda: not existing(f'{isola.run_root}/ids/*'), what='the return of the user ids')
    lab(TRIANGLE)
    ping(isola, 'h1', 'h2')


def test_fifty_nodes(isola, lab):
    text = ['name: many', 'topology:', '  nodes:', '    s1: {kind: bridge}', *(f'    h{i}:' for i in range(50)), '  links:',
            *(f'    - endpoints: [h{i}, s1]' for i in range(50))]
    lab('\n'.join(text))
    ping(isola, 'h0', 'h49')
    assert len(isola.out('lab', 'ps', '-q').split()) == 51


@pytest.mark.needs_root("a user's nodes have files of their own from the start")
def test_a_node_has_files_of_its_own_when_it_is_entered(isola, lab):
    lab(TRIANGLE)
    script = 'echo $$ > /tmp/mine; readlink /proc/self > /dev/null && ls /sys/class/net && sleep 0.2 && ls /tmp /run/lock'
    entered = [isola.start('lab', 'exec', 'h1', 'sh', '-c', script) for _ in range(8)]
    for process in entered:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0 and b'eth1' in out and b'mine' in out
    mounts = isola.out('lab', 'exec', 'h1', 'cat', '/proc/self/mountinfo').splitlines()
    assert [line.split()[4] for line in mounts].count('/proc') == 1
    assert 'mine' not in isola.out('lab', 'exec', 'h2', 'ls', '/tmp')
    assert isola.out('lab', 'exec', 'h2', 'hostname') == 'h2'


def test_memory_that_is_shared_by_name_is_a_nodes_own(isola, lab):
    lab(TRIANGLE)
    isola('lab', 'exec', 'h1', 'sh', '-c', 'echo x > /dev/shm/mine')
    assert isola.out('lab', 'exec', 'h1', 'ls', '/dev/shm') == 'mine'
    assert isola.out('lab', 'exec', 'h2', 'ls', '/dev/shm') == ''


@pytest.mark.needs_root("a user's nodes share no memory")
def test_nobody_in_a_node_sees_the_memory_that_idle_nodes_share(isola, lab):
    lab(TRIANGLE)
    for file in 'mem', 'maps', 'environ':
        done = isola('lab', 'exec', 'h1', 'head', '-c', '1', f'/proc/1/{file}', code=1)
        assert 'Permission denied' in done.stderr


def test_an_idle_node_reaps_and_ends_when_it_is_asked_to(isola, lab):
    lab(TRIANGLE)
    isola('lab', 'exec', 'h1', 'sh', '-c', '(sleep 0.1 &) ; true')
    wait_until(lambda: 'sleep' not in isola.out('lab', 'exec', 'h1', 'ps', '-eo', 'comm'), what='the end of an orphan')
    os.kill(nodes(isola)['h1']['Pid'], signal.SIGTERM)
    wait_until(lambda: 'h1 ended' in isola.out('lab', 'ps', '--format', '{{.Name}} {{.Status}}'), what='the end of the node')
    ping(isola, 'r1', 'h2')


HEAD = 'name: wrong\ntopology:\n  nodes:\n    h1: {}\n    h2: {}\n'


@pytest.mark.parametrize('text, words, hint', [
    ('  links:\n    - {endpoints: [h1, h2], delay: 10ms, engine: kernel}\n', "lab.yml:7: link 'h1:eth0--h2:eth0': the kernel's", ''),
    ('  links:\n    - {endpoints: [h1, h2], trace: none.csv}\n', 'lab.yml:7: cannot read the trace', ''),
    ('  links:\n    - {endpoints: [h1, h2], loss: pattern none.txt}\n', 'lab.yml:7: cannot read', ''),
    ('    c1: {image: nothing}\n', "lab.yml:6: node 'c1': there is no image 'nothing'", ''),
    ('    c1: {cmd: slepe 100}\n', "lab.yml:6: node 'c1': there is no program 'slepe'", "did you mean 'sleep'?"),
    ('    c1: {cmd: /usr/bin/there-is-none}\n', "lab.yml:6: node 'c1': there is no program", ''),
    ('    c1: {binds: ["/there/is/none:/mnt"]}\n', "lab.yml:6: node 'c1': cannot bind '/there/is/none'", ''),
])
def test_what_is_needed_and_not_there_is_told_with_its_line_and_nothing_is_built(isola, lab, text, words, hint):
    stderr = lab(HEAD + text, code=1).stderr
    assert words in stderr and hint in stderr
    assert isola.out('lab', 'ls', '-q') == '' and existing(f'{isola.run_root}/labs/*/state.json') == []


def test_a_program_that_a_bind_or_the_node_brings_is_not_looked_for(isola, lab, tmp_path):
    (tmp_path / 'tools').mkdir()
    lab(HEAD + '    a: {cmd: /mnt/later, binds: ["tools:/mnt"]}\n    b: {cmd: later, env: {PATH: "/mnt:/bin"}, '
        'binds: ["tools:/mnt"]}\n    c: {cmd: /run/later}\n')
    assert isola.out('lab', 'ls', '-q') == 'wrong'


def test_without_the_right_to_look_at_hidden_memory_nodes_have_their_own(isola, lab, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(TRIANGLE)
    without = ['setpriv', '--bounding-set', '-sys_ptrace', '--inh-caps', '-sys_ptrace']
    for words in (['lab', 'up', file], ['lab', 'exec', 'h1', 'busybox', 'ping', '-c', '1', '-W', '5', 'h2']):
        done = subprocess.run([*without, *isola.command(*words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=isola.environment, check=False)
        assert done.returncode == 0, done.stderr
