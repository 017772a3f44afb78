# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs of an ordinary user, who has a range of ids or his own alone."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import AS_USER, BINARY, Isola, existing, kill, wait_until

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


def processes(isola):
    """The user's that his isola, with these state directories, has started; another test host may have one of his number."""
    home = f'HOME={isola.environment["HOME"]}'.encode()
    found = []
    for path in existing('/proc/[0-9]*'):
        try:
            if path.stat().st_uid == isola.joe.uid and home in (path / 'environ').read_bytes().split(b'\0'):
                found.append(path.name)
        except OSError:
            pass  # it has ended meanwhile
    return found


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
    isola.remove_all()
    wait_until(lambda: not processes(isola), what="the end of the user's processes")
    shutil.rmtree(directory)
    joe.with_range()


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
    ('name: x\ntopology:\n  nodes:\n    h1: {memory: 64m}\n', "cannot limit node 'h1': cannot set the memory limit: you have no control group"),
    ('name: x\ntopology: {nodes: {h1: {}}}\nuplinks:\n  - {kind: nic, node: h1, device: lo}\n',
     "standard input:4: an uplink of kind 'nic' at node 'h1' needs rights over the machine's network"),
    ('name: x\ntopology: {nodes: {h1: {}}}\nuplinks:\n  - {kind: macvlan, node: h1, device: lo}\n',
     "standard input:4: an uplink of kind 'macvlan' at node 'h1' needs rights over the machine's network"),
    ('name: x\ntopology: {nodes: {h1: {}}}\nuplinks:\n  - {kind: vxlan, node: h1, device: lo, remote: 192.0.2.9, vni: 1}\n',
     "standard input:4: 'device' of the uplink at node 'h1' needs rights over the machine's network"),
    ('name: x\ntopology: {nodes: {h1: {}}}\nuplinks:\n  - {kind: host, node: h1, bridge: br9}\n',
     "standard input:4: there is no interface 'br9'"),
    ('name: x\ntopology: {nodes: {h1: {ports: ["80:80"]}}}\nmgmt: {}\n', "cannot publish ports: node 'h1': cannot publish port"),
])
def test_what_a_user_cannot_have_is_refused_by_name(user, text, words):
    done = up(user, text, code=1)
    assert words in done.stderr and 'hint: ' in done.stderr
    assert user.out('lab', 'ls', '-q') == ''


def test_changes_are_held_to_the_same_and_a_killed_keeper_is_started_anew(user, tun):
    up(user, PAIR)
    assert 'you have no control group' in up(user, PAIR.replace('h2: {}', 'h2: {}, h3: {memory: 64m}'), code=1).stderr
    state = json.loads(pathlib.Path(f'{user.run_root}/labs/pair/state.json').read_text())
    kill(state['keeper']['pid'])
    assert 'has been started anew' in user('lab', 'ls').stderr
    ping(user, 'h1', 'h2')
    up(user, PAIR.replace('h2: {}', 'h2: {}, h3: {}') + '    - {endpoints: [h2:eth2, h3:eth1], delay: 1ms}\n')
    ping(user, 'h3', 'h2')
    seen = user.out('lab', 'events', '-i', '-d', '10ms', '--format', '{{.Type}} {{.Action}} {{.Name}}').split('\n')
    assert {'lab up ', 'node create h3', 'keeper start '} <= set(seen)


@pytest.fixture
def outer(uplink):
    """A web server in the world, which says who asks."""
    with tempfile.TemporaryDirectory(dir='/var/tmp') as directory:
        pathlib.Path(directory, 'cgi-bin').mkdir()
        script = pathlib.Path(directory, 'cgi-bin/who')
        script.write_text('#!/bin/sh\necho; echo $REMOTE_ADDR\n')
        script.chmod(0o755)
        os.chmod(directory, 0o755)
        server = subprocess.Popen([*uplink, 'busybox', 'httpd', '-f', '-p', '8000', '-h', directory])
        wait_until(lambda: fetch('http://198.51.100.7:8000/cgi-bin/who'), what='the server')
        yield 'http://198.51.100.7:8000/cgi-bin/who'
        server.kill()
        server.wait()


def fetch(url, via=()):
    """What is there; '' without an answer."""
    done = subprocess.run([*via, 'wget', '-T', '10', '-t', '1', '-qO-', url], stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().strip('[]').removeprefix('::ffff:')


def fetch_from(user, node, url):
    text = wait_until(lambda: user('lab', 'exec', node, 'wget', '-T', '10', '-t', '1', '-qO-', url, code=None).stdout.strip(),
                      what=f'an answer of {url}')
    return text.strip('[]').removeprefix('::ffff:')


NAT = '''
name: nat
topology:
  nodes:
    h1: {}
    r1: {kind: router}
  links:
    - endpoints: [h1:eth1, r1:eth1]
uplinks:
  - {kind: nat, node: r1}
'''

PORTS = '''
name: ports
topology:
  nodes:
    web: {ports: ["18080:80"], cmd: "busybox httpd -f -p 80 -h /etc"}
    other: {}
  links:
    - endpoints: [web, other]
'''


def test_a_way_out_without_a_right_over_the_machines_network(user, outer):
    assert 'forwarding' not in up(user, NAT).stderr
    assert fetch_from(user, 'h1', outer) == '192.0.2.2'
    assert fetch_from(user, 'r1', outer) == '192.0.2.2'
    assert user.out('lab', 'ls', '--format', '{{.Status}}') == 'running'
    user('lab', 'down')
    assert not os.path.exists(f'{user.run_root}/rootless/pasta.pid')
    assert existing(f'{user.run_root}/guests/*') == []


def test_the_management_network_leads_out(user, outer):
    up(user, 'name: x\nmgmt: {external-access: true}\ntopology:\n  nodes: {h1: {}, h2: {}}\n')
    assert fetch_from(user, 'h1', outer) == '192.0.2.2'
    ping(user, 'h1', 'h2.mgmt')
    assert 'as its file says' in up(user, 'name: x\nmgmt: {external-access: true}\ntopology:\n  nodes: {h1: {}, h2: {}}\n').stdout


@pytest.mark.parametrize('victims', [['pasta'], ['porter'], ['pasta', 'porter']])
def test_a_way_out_outlives_who_holds_it(user, outer, victims):
    up(user, NAT.replace('    h1: {}', '    h1: {ports: ["18080:80"], cmd: "busybox httpd -f -p 80 -h /etc"}'))
    wait_until(lambda: fetch('http://192.0.2.2:18080/hostname'))
    record = json.loads(pathlib.Path(f'{user.run_root}/labs/nat/state.json').read_text())
    pids = {'porter': record['porter']['pid'], 'pasta': int(pathlib.Path(f'{user.run_root}/rootless/pasta.pid').read_text())}
    for victim in victims:
        kill(pids[victim])
    assert ('has been started anew' in user('lab', 'ps').stderr) == ('porter' in victims)
    assert fetch_from(user, 'h1', outer) == '192.0.2.2'
    wait_until(lambda: fetch('http://192.0.2.2:18080/hostname'))
    assert user.out('lab', 'ls', '--format', '{{.Status}}') == 'running'


def test_ports_of_nodes_are_published_on_the_machine(user, uplink):
    up(user, PORTS)
    name = pathlib.Path('/etc/hostname').read_text().strip()
    for url in ('http://127.0.0.1:18080', 'http://[::1]:18080', 'http://192.0.2.2:18080'):
        wait_until(lambda url=url: fetch(f'{url}/hostname') == name, what=url)
    assert fetch('http://192.0.2.2:18080/hostname', uplink) == name
    other = PORTS.replace('ports', 'second', 1)
    assert "port 18080/tcp is already published by lab 'ports'" in up(user, other, code=1).stderr
    up(user, PORTS.replace('18080', '18081'))
    wait_until(lambda: fetch('http://127.0.0.1:18081/hostname') == name)
    assert fetch('http://127.0.0.1:18080/hostname') == ''


def tunnel(name, node, kind, local, remote):
    return (f'name: {name}\ntopology: {{nodes: {{{node}: {{}}}}}}\nuplinks:\n'
            f'  - {{kind: {kind}, node: {node}, local: 127.0.0.{local}, remote: 127.0.0.{remote}, vni: 42, ipv4: 10.9.0.{local}/24}}\n')


def test_tunnels_are_carried_by_the_keeper(user, tun):
    assert "note: the tunnel of node 'h1' is carried by the lab's keeper" in up(user, tunnel('one', 'h1', 'vxlan', 1, 2)).stderr
    up(user, tunnel('two', 'h2', 'udp', 2, 1))
    wait_until(lambda: user('lab', 'exec', '-l', 'one', 'h1', 'busybox', 'ping', '-c', '1', '-W', '1', '10.9.0.2', code=None).returncode == 0)
    assert 'as its file says' in up(user, tunnel('one', 'h1', 'vxlan', 1, 2)).stdout
    kill(json.loads(pathlib.Path(f'{user.run_root}/labs/one/state.json').read_text())['keeper']['pid'])
    user('lab', 'ls')
    wait_until(lambda: user('lab', 'exec', '-l', 'two', 'h2', 'busybox', 'ping', '-c', '1', '-W', '1', '10.9.0.1', code=None).returncode == 0)


@pytest.fixture
def busybox(user, rootfs_tar):
    with open(rootfs_tar, 'rb') as archive:
        user('image', 'import', '-', 'busybox', stdin=archive)
    return 'busybox'


def test_nodes_and_containers_meet_where_containers_are(user, busybox):
    user('run', '-d', '--name', 'web', 'busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www')
    bridge = user.json('network', 'inspect', 'bridge')[0]['Options']['com.docker.network.bridge.name']
    up(user, f'name: x\ntopology: {{nodes: {{h1: {{}}}}}}\nuplinks:\n  - {{kind: host, node: h1, bridge: {bridge}, ipv4: 10.88.0.99/16}}\n')
    address = user.inspect('web')['NetworkSettings']['IPAddress']
    assert fetch_from(user, 'h1', f'http://{address}/') == 'hello from inside'


def test_nodes_of_an_image(user, busybox):
    up(user, '''
name: mixed
topology:
  nodes:
    web: {image: busybox, cmd: httpd -f -p 80 -h /var/www, healthcheck: {test: [wget, -q, -O, /dev/null, 'http://127.0.0.1/'], interval: 20ms, start-period: 1h}}
    rt: {image: busybox, kind: router, cmd: sleep 1000, cap-add: [NET_ADMIN], exec: ['ip route add 192.0.2.0/24 via 10.0.0.1']}
    client: {exec: ['wget -qO- http://web/'], stages: {create: {wait-for: [{node: web, stage: healthy}]}}}
  links:
    - endpoints: [web, rt]
    - endpoints: [rt, client]
''')
    assert pathlib.Path(f'{user.run_root}/labs/mixed/exec/client').read_text() == 'hello from inside\n'
    assert '192.0.2.0/24' in user.out('lab', 'exec', 'rt', 'ip', 'route')
    assert user.out('lab', 'exec', 'web', 'hostname') == 'web'
    assert {'mixed-web', 'mixed-rt'} == set(user.out('ps', '--format', '{{.Names}}').split())
    user('lab', 'down')
    assert user.out('ps', '-aq') == ''


def test_filters_say_whose_they_are(user):
    up(user, TRIANGLE)
    done = user('lab', 'filter', 'attach', pathlib.Path(user.binary).parents[0] / 'count.o', 's1:p1', code=None)
    assert done.returncode != 0
    shipped = pathlib.Path(BINARY).parents[1] / 'share/filters/count.o'
    if shipped.exists():
        filters = user.joe.directory / 'count.o'
        shutil.copy(shipped, filters)
        assert 'hint: BPF programs are loaded by root of the machine' in user('lab', 'filter', 'attach', filters, 's1:p1', code=1).stderr
    ping(user, 'h1', 'h2')


def test_limits_of_files_and_processes_are_said_or_raised(user):
    """What an ordinary user may have of both is little on many machines."""
    def limited(limit, n, node):
        many = 'name: many\ntopology:\n  nodes: {' + ', '.join(f'n{i}: {{{node}}}' for i in range(n)) + '}\n'
        shell = [*user.command('lab', 'up', '-')]
        shell = [*shell[:4], 'sh', '-c', f'{limit} && exec "$@"', 'sh', *shell[4:]]
        return subprocess.run(shell, input=many, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=user.environment)
    done = limited('ulimit -n 100', 100, 'cmd: sleep 1000')
    assert done.returncode == 1 and 'needs 264 open files for logs and binds while it is made, and you may have 100' in done.stderr
    assert limited('ulimit -Sn 100', 100, 'cmd: sh -c "ulimit -n; exec sleep 1000"').returncode == 0
    wait_until(lambda: user.out('lab', 'logs', 'n99') == '100')
    user('lab', 'down')
    # The last, as the user namespace that is made then keeps the limit.
    def count():
        """With those that nobody has waited for yet, which count."""
        return len(subprocess.run(['ps', '-o', 'pid=', '-u', str(user.joe.uid)], stdout=subprocess.PIPE, text=True).stdout.split())
    wait_until(lambda: count() < 40, what='the end of the nodes')
    most = count() + 20
    done = limited(f'prlimit --pid $$ --nproc={most}:{most}', 100, '')
    assert done.returncode == 1 and 'Resource temporarily unavailable' in done.stderr
    assert f'hint: each node is a process, and a user may have {most} (ulimit -u)' in done.stderr
    assert existing(f'{user.run_root}/labs/*/state.json') == []
