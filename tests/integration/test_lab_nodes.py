# SPDX-License-Identifier: GPL-2.0-or-later
"""What nodes of a lab do once they are there: commands, waits, health."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from conftest import existing, kill, wait_until
from test_lab import lab, nodes  # noqa: F401

ORDER = '''
name: order
topology:
  nodes:
    late: {cmd: sh -c 'echo late', stages: {create: {wait-for: [{node: server, stage: healthy}]}}}
    server:
      cmd: sh -c 'sleep 0.2; touch /run/ready; exec sleep 1000'
      healthcheck: {test: [CMD, test, -e, /run/ready], interval: 20ms, start-period: 1h}
    last: {exec: ['echo last'], stages: {create: {wait-for: [{node: late, stage: exit}]}}}
'''


def written(isola, lab_name, what, node):
    return pathlib.Path(f'{isola.run_root}/labs/{lab_name}/{what}/{node}').read_text()


def rows(isola, *options):
    table = json.loads('[' + isola.out('lab', 'ps', '--format', 'json', *options).replace('\n', ',') + ']')
    return {row['Name']: row for row in table}


def leaves_nothing(isola):
    assert isola.out('lab', 'ls', '-q') == ''
    assert existing(f'{isola.run_root}/labs/*') == []
    assert existing(f'{isola.run_root}/ids/*') == []


def test_commands_of_exec_run_in_order_once_links_are_there(isola, lab):
    lab('''
name: setup
topology:
  nodes:
    a: {exec: ['ip route add 192.0.2.0/24 via 10.0.0.2', 'ip route del 192.0.2.0/24', 'echo $HOSTNAME; id -u']}
    b: {exec: ['busybox ping -c 1 -W 5 a >/dev/null && echo reached']}
  links:
    - endpoints: [a, b]
''')
    assert written(isola, 'setup', 'exec', 'a') == 'a\n0\n'
    assert written(isola, 'setup', 'exec', 'b') == 'reached\n'


def test_programs_of_a_light_node_have_nothing_of_the_makers_environment(isola, lab):
    isola.environment['SECRET'] = 'of the maker'
    try:
        lab('''
name: environment
topology:
  nodes:
    a: {cmd: env, env: {COLOUR: red}, exec: [env]}
''')
    finally:
        del isola.environment['SECRET']
    wait_until(lambda: len(written(isola, 'environment', 'logs', 'a').splitlines()) >= 4)
    standard = {'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'HOSTNAME=a', 'COLOUR=red'}
    assert set(written(isola, 'environment', 'logs', 'a').splitlines()) == standard
    assert set(written(isola, 'environment', 'exec', 'a').splitlines()) - {'TERM=xterm', 'PWD=/'} == standard


def test_routers_forward_ipv6_at_once(isola, lab):
    lab('''
name: forwards
topology:
  nodes:
    a: {exec: ['busybox ping -6 -c 1 -W 1 fd00:2::2']}
    r: {kind: router}
    b: {}
  links:
    - {endpoints: [a, r], ipv6: ['fd00:1::2/64', 'fd00:1::1/64']}
    - {endpoints: [b, r], ipv6: ['fd00:2::2/64', 'fd00:2::1/64']}
''')
    assert 'tentative' not in isola.out('lab', 'exec', 'r', 'ip', 'address')


def test_a_failing_command_undoes_all(isola, lab):
    done = lab('''
name: wrong
topology:
  nodes:
    a: {exec: ['echo fine', 'echo some; echo "no such thing" >&2; exit 3']}
    b: {exec: [true]}
''', code=1)
    assert done.stderr == ("isola: node 'a': 'echo some; echo \"no such thing\" >&2; exit 3' has ended with exit code 3: "
                           'no such thing\n')
    leaves_nothing(isola)


def test_nodes_wait_for_health_and_end_of_others(isola, lab):
    lab(ORDER)
    assert written(isola, 'order', 'logs', 'late') == 'late\n'
    assert written(isola, 'order', 'exec', 'last') == 'last\n'
    ps = rows(isola)
    assert ps['server']['Health'] == 'healthy' and ps['server']['Command'] == 'running'
    assert ps['late']['Health'] == '' and ps['late']['Command'] == 'ended (0)'
    isola('lab', 'exec', 'server', 'rm', '/run/ready')
    assert rows(isola)['server']['Health'] == 'unhealthy'
    assert rows(isola, '--no-health')['server']['Health'] == ''


def test_a_wait_for_configuration_comes_after_exec(isola, lab, tmp_path):
    (tmp_path / 'shared').mkdir()
    (tmp_path / 'shared').chmod(0o777)
    lab('''
name: stages
topology:
  defaults: {binds: ['shared:/mnt']}
  nodes:
    second: {exec: ['cat /mnt/first'], stages: {create: {wait-for: [{node: first, stage: configure}]}}}
    first: {exec: ['echo done >/mnt/first']}
''')
    assert written(isola, 'stages', 'exec', 'second') == 'done\n'


def test_a_command_waits_for_its_delay(isola, lab):
    lab('''
name: delayed
topology:
  nodes:
    a: {cmd: cat /proc/uptime, startup-delay: 500ms}
    b: {cmd: cat /proc/uptime}
''')
    wait_until(lambda: written(isola, 'delayed', 'logs', 'a'), what='the command')
    a, b = (float(written(isola, 'delayed', 'logs', node).split()[0]) for node in 'ab')
    assert a - b > 0.3


def test_what_is_not_carried_out_is_told(isola, lab):
    done = lab("name: unused\ntopology: {nodes: {a: {ports: ['80:80'], network-mode: none, user: nobody, dns: {servers: [192.0.2.1]}}}}\n")
    assert done.stderr == ("note: 'ports' of node 'a' is not carried out: it is not in the management network\n"
                           "note: 'user' of node 'a' is not carried out: it has no image\n"
                           "note: 'dns' of node 'a' is not carried out: it has no image\n")


def test_what_others_wait_for_and_is_not_healthy_ends_up(isola, lab):
    text = ORDER.replace('start-period: 1h', 'retries: 2').replace('test, -e, /run/ready', 'sh, -c, "echo broken; exit 1"')
    assert "node 'server' is not healthy, and others wait for it: broken" in lab(text, code=1).stderr
    leaves_nothing(isola)
    text = text.replace('echo broken; exit 1', 'sleep 1000').replace('retries: 2', 'retries: 1, timeout: 100ms')
    assert "node 'server' is not healthy, and others wait for it: no answer in time" in lab(text, code=1).stderr
    leaves_nothing(isola)


@pytest.mark.parametrize('text, words', [
    ('a: {stages: {create: {wait-for: [{node: b, stage: create}]}}}\n'
     '    b: {stages: {create: {wait-for: [{node: c, stage: create}]}}}\n'
     '    c: {stages: {create: {wait-for: [{node: b, stage: configure}]}}}',
     "lab.yml:6: nodes wait for each other: 'b' waits for 'c', which waits for 'b'"),
    ('a: {stages: {create: {wait-for: [{node: b, stage: exit}]}}}\n    b: {}',
     "lab.yml:5: 'a' waits for the end of 'b', which has no command"),
    ('a: {stages: {create: {wait-for: [{node: b, stage: healthy}]}}}\n    b: {}',
     "lab.yml:5: 'a' waits for the health of 'b', which has no health check"),
    ('a: {stages: {create: {wait-for: [{node: b, stage: helthy}]}}}\n    b: {}',
     "lab.yml:5: there is no stage 'helthy'; did you mean 'healthy'?"),
])
def test_waits_that_cannot_come_are_refused(isola, lab, text, words):
    assert words in lab(f'name: waits\ntopology:\n  nodes:\n    {text}\n'.replace('name', '\nname', 1), code=1).stderr
    leaves_nothing(isola)


@pytest.mark.parametrize('point', ['lab.starting', 'lab.node-started', 'lab.exec', 'lab.started'])
def test_killed_while_nodes_start_it_is_undone(isola, lab, tmp_path, point):
    file = tmp_path / 'lab.yml'
    file.write_text(ORDER)
    done = isola('lab', 'up', file, env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert done.returncode == -signal.SIGKILL
    leaves_nothing(isola)
    lab(ORDER)


MIXED = '''
name: mixed
topology:
  nodes:
    web: {image: busybox, cmd: httpd -f -p 80 -h /var/www, healthcheck: {test: [wget, -q, -O, /dev/null, 'http://127.0.0.1/'], interval: 20ms, start-period: 1h}}
    rt: {image: busybox, kind: router, cmd: sleep 1000, cap-add: [NET_ADMIN], exec: ['ip route add 192.0.2.0/24 via 10.0.0.1']}
    client: {exec: ['busybox wget -q -O- http://web/'], stages: {create: {wait-for: [{node: web, stage: healthy}]}}}
  links:
    - endpoints: [web, rt]
    - endpoints: [rt, client]
'''


def containers(isola):
    return set(isola.out('ps', '-a', '--format', '{{.Names}}').split())


def nothing_of_containers(isola):
    leaves_nothing(isola)
    assert containers(isola) == set()
    assert existing(f'{isola.root}/labs/*') == []


def test_containers_and_light_nodes_meet(isola, lab, image):
    lab(MIXED)
    assert written(isola, 'mixed', 'exec', 'client') == 'hello from inside\n'
    assert '192.0.2.0/24 via 10.0.0.1' in isola.out('lab', 'exec', 'rt', 'ip', 'route')
    assert isola.out('lab', 'exec', '-e', 'A=b', 'web', 'sh', '-c', 'hostname; echo $A').split() == ['web', 'b']
    assert isola('lab', 'exec', 'web', 'sh', '-c', 'exit 7', code=7)
    assert isola('lab', 'exec', 'web', 'cat', input='typed').stdout == 'typed'
    assert "node 'web': " in isola('lab', 'exec', 'web', 'nothing', code=127).stderr
    assert isola.start('lab', 'sh', 'web', stdin=subprocess.PIPE).communicate(b'hostname; exit 3\n')[0] == b'web\n'
    assert containers(isola) == {'mixed-web', 'mixed-rt'}
    labels = isola.inspect('mixed-web')['Config']['Labels']
    assert labels['isola.lab'] == 'mixed' and labels['isola.lab.node'] == 'web'
    ps = rows(isola)
    assert ps['web']['Health'] == 'healthy' and ps['web']['Command'] == 'running'
    assert int(ps['web']['PID']) == isola.pid('mixed-web')
    assert isola.out('lab', 'down') == 'mixed'
    nothing_of_containers(isola)


def test_a_container_that_is_started_again_has_its_links(isola, lab, image):
    lab(MIXED)
    isola('stop', '-t', '0', 'mixed-web')
    assert rows(isola)['web']['Command'] == 'ended (137)'
    assert isola.out('lab', 'ls', '--format', '{{.Status}}') == 'broken (2 of 3 nodes)'
    assert "is not running" in isola('lab', 'exec', 'web', 'true', code=125).stderr
    isola('start', 'mixed-web')
    wait_until(lambda: isola('lab', 'exec', 'client', 'busybox', 'wget', '-q', '-O-', 'http://web/', code=None).stdout
               == 'hello from inside\n', what='an answer of the server')


@pytest.mark.needs_root('limits need a control group to divide')
def test_what_a_container_is_told(isola, lab, image, tmp_path):
    (tmp_path / 'shared').mkdir(mode=0o755)
    (tmp_path / 'shared/file').write_text('bound\n')
    lab('''
name: told
topology:
  nodes:
    a:
      image: busybox
      entrypoint: sh -c
      cmd: ['echo $GREETING; id -u; pwd; cat /mnt/file /proc/sys/net/ipv4/ip_default_ttl; exec sleep 1000']
      env: {GREETING: hello}
      user: '1000'
      workdir: /var/www
      binds: ['shared:/mnt:ro']
      sysctls: {net.ipv4.ip_default_ttl: 77}
      labels: {mine: yes}
      memory: 64m
      cpu: 0.5
      pids: 50
''')
    wait_until(lambda: isola.out('logs', 'told-a').count('\n') == 4, what='the output')
    assert isola.out('logs', 'told-a').split() == ['hello', '1000', '/var/www', 'bound', '77']
    document = isola.inspect('told-a')
    assert document['HostConfig']['Memory'] == 64 << 20 and document['HostConfig']['NanoCpus'] == 500000000
    assert document['HostConfig']['PidsLimit'] == 50 and document['Config']['Labels']['mine'] == 'yes'


@pytest.mark.parametrize('text, words', [
    (MIXED.replace('busybox, cmd', 'nothing, cmd'), "node 'web': there is no image 'nothing'"),
    (MIXED.replace('httpd -f', 'httpt -f'), "node 'web': "),
    (MIXED.replace('exec: [\'ip route', 'binds: ["/nowhere:/mnt"], exec: [\'ip route'), "node 'rt': cannot mount '/nowhere'"),
])
def test_containers_that_cannot_be_started_undo_all(isola, lab, image, text, words):
    assert words in lab(text, code=1).stderr
    nothing_of_containers(isola)


def test_a_name_that_is_taken_undoes_all_but_its_owner(isola, lab, image):
    isola('run', '-d', '--network', 'none', '--name', 'mixed-rt', 'busybox', 'sleep', '1000')
    assert "'mixed-rt'" in lab(MIXED, code=1).stderr
    assert containers(isola) == {'mixed-rt'}
    isola('rm', '-f', 'mixed-rt')


@pytest.mark.parametrize('point', ['lab.starting', 'create.recorded', 'lab.container-created', 'lab.node-started',
                                   'lab.node-started:2', 'lab.exec', 'monitor.recorded', 'lab.started'])
def test_an_up_with_containers_killed_there_is_undone(isola, lab, image, tmp_path, point):
    file = tmp_path / 'lab.yml'
    file.write_text(MIXED)
    done = isola('lab', 'up', file, env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    nothing_of_containers(isola)
    lab(MIXED)


@pytest.mark.parametrize('point', ['lab.container-removed', 'lab.killed', 'lab.removed'])
def test_a_down_with_containers_killed_there_is_finished(isola, lab, image, point):
    lab(MIXED)
    done = isola('lab', 'down', env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert done.returncode == -signal.SIGKILL
    nothing_of_containers(isola)


def test_containers_of_a_lab_that_a_reboot_took_are_removed(isola, lab, image):
    lab(MIXED)
    state = json.loads(pathlib.Path(f'{isola.run_root}/labs/mixed/state.json').read_text())
    for name in containers(isola):
        kill(isola.pid(name))
    for process in [state['fabric'], *state['nodes']]:
        kill(process['pid'])
    shutil.rmtree(f'{isola.run_root}/labs/mixed')
    for link in existing(f'{isola.run_root}/ids/*'):
        if os.readlink(link) == state['id']:
            link.unlink()
    assert containers(isola) == {'mixed-web', 'mixed-rt'}
    nothing_of_containers(isola)


LIMITED = '''
name: limited
topology:
  nodes:
    a: {memory: 32m, cpu: 0.5, pids: 20, cmd: sleep 1000}
    b: {}
  links:
    - endpoints: [a, b]
'''


def lab_id(isola, name='limited'):
    return json.loads(pathlib.Path(f'{isola.run_root}/labs/{name}/state.json').read_text())['id']


def lab_cgroups(lab_id):
    return existing(f'/sys/fs/cgroup/isola/lab-{lab_id}') + existing(f'/sys/fs/cgroup/*/isola/lab-{lab_id}')


@pytest.mark.needs_root('limits need a control group to divide')
def test_light_nodes_have_limits_and_nothing_stays(isola, lab):
    lab(LIMITED)
    eat = ['sh', '-c', 'x=$(head -c 64m /dev/zero | tr "\\0" x); echo ${#x}']
    assert isola('lab', 'exec', 'a', *eat, code=None).stdout != '67108864\n'
    assert isola('lab', 'exec', 'b', *eat).stdout == '67108864\n'
    fork = ['sh', '-c', 'for i in $(seq 30); do sleep 1000 >/dev/null 2>&1 & done; echo all']
    assert isola('lab', 'exec', 'a', *fork, code=None).stdout == ''
    assert isola('lab', 'exec', 'b', *fork).stdout == 'all\n'
    cgroup = lab_id(isola)
    assert lab_cgroups(cgroup)
    isola('lab', 'down')
    assert lab_cgroups(cgroup) == []


def test_a_limit_that_cannot_be_undoes_all(isola, lab):
    assert "cannot limit node 'a'" in lab(LIMITED.replace('pids: 20', "cpu-set: '4000'"), code=1).stderr
    leaves_nothing(isola)


def test_logs_of_light_nodes_and_containers(isola, lab, image):
    lab('''
name: logs
topology:
  nodes:
    light: {cmd: sh -c 'until test -p /run/go; do sleep 0.1; done; seq 1 2000; read x </run/go; echo end', exec: ['mkfifo /run/go', 'echo done']}
    boxed: {image: busybox, cmd: sh -c 'seq 1 5; exec sleep 1000'}
    silent: {}
''')
    lines = [str(i) for i in range(1, 2001)]
    wait_until(lambda: isola.out('lab', 'logs', 'light').split() == lines, what='the output')
    assert isola.out('lab', 'logs', '-n', '2', 'light').split() == ['1999', '2000']
    assert isola.out('lab', 'logs', '-n', '1500', 'light').split() == lines[500:]
    assert isola.out('lab', 'logs', '--tail', '0', 'light') == '' and isola.out('lab', 'logs', 'silent') == ''
    assert isola.out('lab', 'logs', '--exec', 'light') == 'done'
    wait_until(lambda: isola.out('lab', 'logs', '-n', '2', 'boxed').split() == ['4', '5'], what='the output')
    follower = isola.start('lab', 'logs', '-f', '-n', '1', 'light')
    assert follower.stdout.readline() == b'2000\n'
    isola('lab', 'exec', 'light', 'sh', '-c', 'echo >/run/go')
    assert follower.communicate(timeout=20)[0] == b'end\n' and follower.returncode == 0
    assert "did you mean 'light'?" in isola('lab', 'logs', 'lihgt', code=1).stderr
    assert 'neither a number' in isola('lab', 'logs', '-n', 'x', 'light', code=1).stderr


MANAGED = '''
name: managed
mgmt: {ipv4-subnet: 192.0.2.0/24}
topology:
  nodes:
    a: {mgmt-ipv4: 192.0.2.3}
    b: {kind: router}
    c: {}
    away: {network-mode: none}
    s: {kind: bridge}
  links:
    - endpoints: [a, s]
    - endpoints: [away, s]
'''


def test_the_management_network_reaches_all_that_are_in_it(isola, lab):
    lab(MANAGED)
    addresses = {name: node['Management'].get('Addresses') for name, node in nodes(isola).items()}
    assert addresses['b'][0] == '192.0.2.2/24' and addresses['a'][0] == '192.0.2.3/24' and addresses['c'][0] == '192.0.2.4/24'
    assert rows(isola)['b']['IPv4'] == '192.0.2.2/24'
    assert addresses['away'] is None and addresses['s'] is None
    for target in ('a.mgmt', 'b', '192.0.2.1', addresses['a'][1].split('/')[0]):
        isola('lab', 'exec', 'c', 'busybox', 'ping', '-c', '1', '-W', '5', target)
    assert '192.0.2.3/24' in isola.out('lab', 'exec', 'a', 'ip', 'address', 'show', 'mgmt0')
    isola('lab', 'exec', 'away', 'ip', 'link', 'show', 'mgmt0', code=1)
    isola('lab', 'exec', 'b', 'busybox', 'ping', '-c', '1', '-W', '1', 'away', code=1)


def test_containers_are_managed_and_containerlab_calls_it_eth0(isola, tmp_path, lab, image):
    file = tmp_path / 'c.clab.yml'
    file.write_text('''
name: managed
topology:
  nodes:
    a: {kind: linux, image: busybox, cmd: sleep 1000}
    b: {kind: linux}
  links:
    - endpoints: ['a:eth1', 'b:eth1']
''')
    isola('lab', 'up', file)
    assert '172.20.20.2/24' in isola.out('lab', 'exec', 'a', 'ip', 'address', 'show', 'eth0')
    isola('lab', 'exec', 'b', 'busybox', 'ping', '-c', '1', '-W', '5', '172.20.20.2')


@pytest.mark.parametrize('text, words', [
    (MANAGED.replace('b: {kind', 'b: {mgmt-ipv4: 192.0.2.3, kind'), "'a' and 'b' both have the management address 192.0.2.3"),
    (MANAGED.replace('192.0.2.3', '192.0.3.3'), "lab.yml:6: 'a' cannot have the management address 192.0.3.3: it is not in the"),
    (MANAGED.replace('192.0.2.3', '192.0.2.1'), "cannot have the management address 192.0.2.1: it is the network's own"),
    (MANAGED.replace('[a, s]', "['a:mgmt0', s]"), "lab.yml:12: 'a:mgmt0' cannot be an end of a link"),
    (MANAGED.replace('192.0.2.0/24', '192.0.2.0/30').replace('{mgmt-ipv4: 192.0.2.3}', '{}'), 'there are not enough IPv4 addresses'),
    (MANAGED.replace('192.0.2.0/24', '10.0.0.0/8').replace('{mgmt-ipv4: 192.0.2.3}', '{}'), 'overlaps the management network'),
])
def test_a_management_network_that_cannot_be_is_refused(isola, lab, text, words):
    assert words in lab(text, code=1).stderr
    leaves_nothing(isola)


@pytest.mark.needs_root("copies root's files")
@pytest.mark.parametrize('node', ['light', 'boxed'])
def test_files_are_copied_into_nodes_and_out(isola, lab, image, tmp_path, node):
    lab('''
name: files
topology:
  nodes:
    light: {}
    boxed: {image: busybox, cmd: sleep 1000, user: '1000'}
''')
    tree = tmp_path / 'tree'
    (tree / 'sub').mkdir(parents=True)
    (tree / 'sub/big').write_bytes(os.urandom(300000))
    (tree / 'run').write_text('#!/bin/sh\n')
    (tree / 'run').chmod(0o750)
    (tree / 'link').symlink_to('/etc/passwd')
    isola('lab', 'cp', tree, f'{node}:/tmp')
    isola('lab', 'cp', f'{node}:/tmp/tree', tmp_path / 'back')
    back = tmp_path / 'back'
    assert (back / 'sub/big').read_bytes() == (tree / 'sub/big').read_bytes()
    assert (back / 'run').stat().st_mode & 0o777 == 0o750 and (back / 'run').stat().st_uid == 0
    assert os.readlink(back / 'link') == '/etc/passwd'
    isola('lab', 'cp', tree / 'run', f'{node}:/tmp/tree/sub/big')
    isola('lab', 'cp', f'{node}:tmp/tree/sub/big', tmp_path)
    assert (tmp_path / 'big').read_text() == '#!/bin/sh\n'
    assert f"node '{node}': cannot write into '/nowhere'" in isola('lab', 'cp', tree, f'{node}:/nowhere/x', code=1).stderr
    assert "cannot open '/nothing': No such file" in isola('lab', 'cp', f'{node}:/nothing', tmp_path, code=1).stderr
    assert 'is a device or a socket' in isola('lab', 'cp', f'{node}:/dev/null', tmp_path, code=1).stderr
    assert 'has to be in a node' in isola('lab', 'cp', tree, tmp_path, code=1).stderr


def test_a_link_in_a_node_leads_nobody_out(isola, lab, tmp_path):
    lab('name: links\ntopology: {nodes: {a: {}}}\n')
    secret = tmp_path / 'secret'
    secret.write_text('host')
    isola('lab', 'exec', 'a', 'sh', '-c', f'mkdir /tmp/d; ln -s {secret} /tmp/d/file; ln -s {tmp_path} /tmp/d/dir; ln -s {tmp_path} /tmp/out')
    isola('lab', 'cp', 'a:/tmp/d', tmp_path / 'd')
    assert os.readlink(tmp_path / 'd/file') == str(secret)
    assert 'cannot write into' in isola('lab', 'cp', secret, 'a:/tmp/out/x', code=1).stderr
    (tmp_path / 'd/file').unlink()
    (tmp_path / 'd/file').symlink_to(secret)
    isola('lab', 'exec', 'a', 'sh', '-c', 'rm /tmp/d/file; echo node >/tmp/d/file')
    isola('lab', 'cp', 'a:/tmp/d', tmp_path)
    assert (tmp_path / 'd/file').read_text() == 'node\n' and not (tmp_path / 'd/file').is_symlink()
    assert secret.read_text() == 'host'
