# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways out of a lab.  Network namespaces play two machines, whose interfaces are cables to a bridge in a third."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import Isola, existing, kill, wait_until


class Machine(Isola):
    """A network namespace, held by a process, with state directories of its own."""

    def __init__(self, name):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
        super().__init__(self.directory)
        self.holder = subprocess.Popen(['unshare', '-n', 'sleep', 'infinity'])
        wait_until(lambda: pathlib.Path(f'/proc/{self.holder.pid}/comm').read_text() == 'sleep\n', what='a namespace')
        self.ip('link set lo up')

    def command(self, *arguments):
        return self.inside(*super().command(*arguments))

    def inside(self, *arguments):
        return ['nsenter', '-t', str(self.holder.pid), '-n', *map(str, arguments)]

    def run(self, *arguments, **options):
        return subprocess.run(self.inside(*arguments), stdout=subprocess.PIPE, text=True,
                              **{'check': True, 'timeout': 60, **options}).stdout

    def ip(self, arguments):
        return self.run('ip', *arguments.split())

    def links(self):
        return sorted(link['ifname'] for link in json.loads(self.ip('-j link')))

    def start_in(self, *arguments, **options):
        return subprocess.Popen(self.inside(*arguments), **options)

    def up(self, text, *options, code=0, env=None):
        file = self.directory / 'lab.yml'
        file.write_text(text)
        return self('lab', 'up', *options, file, code=code, env=env)

    def end(self):
        self('lab', 'down', '--all')
        assert existing(f'{self.run_root}/labs/*') == []
        self.holder.kill()
        self.holder.wait()
        shutil.rmtree(self.directory)


NIC = '''ip address add 10.9.0.{n}/24 dev nic
ip address add 192.168.77.{n}/28 dev nic label nic:x
ip address add fd09::{n}/64 dev nic nodad
ip link set nic mtu 1480 up
ip route add 10.99.0.0/16 via 10.9.0.250 proto static metric 77
ip route add 198.51.100.0/24 via 10.9.0.251 table 100
ip route add 203.0.113.0/24 via 172.31.0.1 dev nic onlink
ip -6 route add fd99::/48 via fd09::fa'''


# Between real machines a packet has its checksums, which a veth leaves out: ETHTOOL_STXCSUM (linux/ethtool.h).
CHECKSUMS_OFF = '''
import array, fcntl, socket, struct
value = array.array('B', struct.pack('II', 0x17, 0))
request = struct.pack('16sP16x', b'nic', value.buffer_info()[0])
fcntl.ioctl(socket.socket(), 0x8946, request)
'''


@pytest.fixture
def lan():
    """The network outside, with a host in it."""
    machine = Machine('lan')
    machine.ip('link add br0 type bridge')
    machine.ip('link set br0 up')
    machine.ip('address add 10.9.0.250/24 dev br0')
    machine.ip('address add fd09::fa/64 dev br0 nodad')
    yield machine
    machine.end()


@pytest.fixture
def machines(lan):
    """Two machines, each with an interface 'nic' to the same network, 'lan'."""
    pair = []
    for n in (1, 2):
        machine = Machine(f'm{n}')
        pair.append(machine)
        lan.ip(f'link add port{n} type veth peer name nic netns {machine.holder.pid}')
        lan.ip(f'link set port{n} mtu 1480 master br0 up')
        for line in NIC.format(n=n).splitlines():
            machine.run(*line.split())
        machine.run('/usr/bin/python3', '-c', CHECKSUMS_OFF)
    wait_until(lambda: 'LOWER_UP' in pair[1].ip('link show nic'), what='a carrier')
    yield pair
    for machine in pair:
        machine.end()


def state_of(machine):
    """All that is to be as before."""
    link = json.loads(machine.ip('-j link show nic'))[0]
    addresses = json.loads(machine.ip('-j address show nic'))[0]['addr_info']
    routes = [machine.ip(f'{family} route show table all dev nic') for family in ('-4', '-6')]
    return {
        'link': [link[key] for key in ('ifname', 'mtu', 'address')] + ['UP' in link['flags']],
        'addresses': sorted((a['local'], a['prefixlen'], a.get('label', '')) for a in addresses if a['scope'] == 'global'),
        'routes': [sorted(line.strip() for line in text.splitlines() if not line.startswith(('multicast', 'anycast')) and
                          'linkdown' not in line and 'fe80' not in line and 'ff00' not in line) for text in routes],
    }


def ping(machine, node, target, *options):
    """More than once: a bridge on the way takes a second to notice that a port has its cable again."""
    command = ['busybox', 'ping', '-6' if ':' in target else '-4', '-c', '1', '-W', '1', *options, target]
    wait_until(lambda: machine('lab', 'exec', node, *command, code=None).returncode == 0, what=f'an answer of {target}')


SERVE = '''
import socket, sys
s = socket.create_server((sys.argv[1], 7777), family=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
print('ready', flush=True)
c = s.accept()[0]
n = 0
while (data := c.recv(65536)):
    n += len(data)
c.sendall(b'%d' % n)
'''
SEND = '''
import socket, sys
s = socket.create_connection((sys.argv[1], 7777), timeout=30)
s.sendall(b'x' * 3000000)
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())
'''


def tcp(server, server_node, client, client_node, address):
    """Three megabytes from node to node."""
    serve = server.start('lab', 'exec', server_node, '/usr/bin/python3', '-c', SERVE, address)
    assert serve.stdout.readline() == b'ready\n'
    assert client.out('lab', 'exec', client_node, '/usr/bin/python3', '-c', SEND, address) == '3000000'
    serve.communicate(timeout=60)


NIC_LAB = '''
name: {name}
topology:
  nodes: {{h: {{}}, r: {{kind: router}}}}
  links: [{{endpoints: [h:eth1, r:eth1]}}]
uplinks:
  - {{kind: nic, node: r, interface: wan, device: nic}}
'''


def test_a_nic_goes_into_a_node_and_comes_back_as_it_was(machines):
    one, two = machines
    before = state_of(one)
    assert len(before['addresses']) == 3 and len(before['routes'][0]) >= 5
    one.up(NIC_LAB.format(name='moved'))
    assert one.links() == ['lo']
    out = one.out('lab', 'exec', 'r', 'ip', '-br', 'address', 'show', 'wan')
    assert '10.9.0.1/24' in out and 'fd09::1/64' in out and ' UP ' in out
    assert '203.0.113.0/24' in one.out('lab', 'exec', 'r', 'ip', 'route')
    ping(one, 'r', '10.9.0.2')
    ping(one, 'r', 'fd09::2')
    one('lab', 'down')
    assert state_of(one) == before


def test_a_nic_with_addresses_of_its_own_and_a_gateway(machines):
    one, two = machines
    before = state_of(one)
    one.up(NIC_LAB.format(name='own').replace(
        'device: nic', 'device: nic, ipv4: 10.9.0.77/24, ipv6: [fd09::77/64], gateway: [10.9.0.2, "fd09::2"], '
        'mac: "02:00:00:00:00:77", mtu: 1400'))
    out = one.out('lab', 'exec', 'r', 'ip', 'address', 'show', 'wan')
    assert '10.9.0.77/24' in out and '10.9.0.1/24' not in out and '02:00:00:00:00:77' in out and 'mtu 1400' in out
    assert 'default via 10.9.0.2 dev wan' in one.out('lab', 'exec', 'r', 'ip', 'route')
    ping(one, 'r', '10.9.0.2')
    one('lab', 'down')
    assert state_of(one) == before


def test_a_node_that_renames_its_nic_loses_it_all_the_same(machines):
    one, _ = machines
    before = state_of(one)
    one.up(NIC_LAB.format(name='renamed'))
    one('lab', 'exec', 'r', 'sh', '-c', 'ip link set wan down && ip link set wan name mine && ip link set mine mtu 900')
    one('lab', 'down')
    assert state_of(one) == before


def test_hosts_behind_switches_of_two_machines_meet(machines):
    """The interface becomes a port of the switch."""
    lab = '''
name: bridged{n}
topology:
  nodes: {{h: {{}}, s: {{kind: bridge}}}}
  links: [{{endpoints: [h:eth1, s:p1], ipv4: [10.44.0.{n}/24, ~], ipv6: ["fd44::{n}/64", ~]}}]
uplinks: [{{kind: nic, node: s, interface: p9, device: nic}}]
'''
    before = [state_of(machine) for machine in machines]
    for n, machine in enumerate(machines, 1):
        machine.up(lab.format(n=n))
    one, two = machines
    ping(one, 'h', '10.44.0.2')
    ping(two, 'h', 'fd44::1')
    tcp(two, 'h', one, 'h', '10.44.0.2')
    # The interface takes packets of 1480 bytes: so do the links behind it.
    assert 'mtu 1480' in one.out('lab', 'exec', 'h', 'ip', 'link', 'show', 'eth1')
    for machine in machines:
        machine('lab', 'down')
    assert [state_of(machine) for machine in machines] == before


@pytest.mark.parametrize('kind', ['macvlan', 'macvtap'])
def test_another_interface_on_the_hosts(machines, kind):
    one, two = machines
    before = state_of(one)
    one.up(f'''
name: upper
topology: {{nodes: {{h: {{}}}}}}
uplinks: [{{kind: {kind}, node: h, interface: up0, device: nic, ipv4: 10.9.0.50/24, ipv6: "fd09::50/64", mode: bridge}}]
''')
    assert one.links() == ['lo', 'nic'] and state_of(one) == before
    ping(one, 'h', '10.9.0.2')
    ping(one, 'h', 'fd09::2')
    assert kind in one.out('lab', 'exec', 'h', 'ip', '-d', 'link', 'show', 'up0')
    one('lab', 'down')
    assert state_of(one) == before


def test_tcp_by_macvlan(machines):
    lab = '''
name: mac{n}
topology: {{nodes: {{h: {{}}}}}}
uplinks: [{{kind: macvlan, node: h, device: nic, ipv4: 10.9.0.5{n}/24}}]
'''
    for n, machine in enumerate(machines, 1):
        machine.up(lab.format(n=n))
    tcp(machines[1], 'h', machines[0], 'h', '10.9.0.52')


def test_a_cable_to_the_host(machines):
    one, _ = machines
    one.up('''
name: cabled
topology: {nodes: {h: {}}}
uplinks:
  - {kind: host, node: h, interface: out, device: tolab, ipv4: 10.70.0.2/30, host-ipv4: 10.70.0.1/30,
     ipv6: "fd70::2/64", host-ipv6: "fd70::1/64", gateway: [10.70.0.1, "fd70::1"]}
''')
    assert one.links() == ['lo', 'nic', 'tolab']
    ping(one, 'h', '10.70.0.1')
    ping(one, 'h', '10.9.0.1')
    one.run('busybox', 'ping', '-6', '-c', '1', '-W', '10', 'fd70::2')
    one('lab', 'down')
    assert one.links() == ['lo', 'nic']
    # Again at once: the kernel must not have kept the name.
    one.up('{name: cabled, topology: {nodes: {h: {}}}, uplinks: [{kind: host, node: h, device: tolab}]}')


def test_a_port_of_a_bridge_of_the_host(machines):
    one, two = machines
    one.ip('link add hostbr type bridge')
    one.ip('link set hostbr up')
    one.ip('address flush dev nic')
    one.ip('link set nic master hostbr')
    one.up('''
name: ported
topology: {nodes: {h: {}}}
uplinks: [{kind: host, node: h, bridge: hostbr, ipv4: 10.9.0.60/24}]
''')
    ping(one, 'h', '10.9.0.2')
    assert 'mtu 1480' in one.out('lab', 'exec', 'h', 'ip', 'link', 'show', 'eth0')
    refused = one.up('{name: x, topology: {nodes: {h: {}}}, uplinks: [{kind: nic, node: h, device: nic}]}', code=1)
    assert "the interface 'nic' is a port of another of the host's" in refused.stderr and "'bridge'" in refused.stderr


VXLAN = '''
name: tunnel{n}
topology:
  nodes: {{h: {{}}, s: {{kind: bridge}}}}
  links: [{{endpoints: [h:eth1, s:p1], ipv4: [10.45.0.{n}/24, ~], ipv6: ["fd45::{n}/64", ~]}}]
uplinks: [{{kind: {kind}, node: s, remote: "{remote}", vni: 42}}]
'''


@pytest.mark.parametrize('net, overhead', [('10.9.0.', 50), ('fd09::', 70)])
@pytest.mark.parametrize('kinds', [('vxlan', 'vxlan'), ('udp', 'udp'), ('vxlan', 'udp')], ids='-'.join)
def test_a_tunnel_between_two_machines(machines, kinds, net, overhead):
    """The kernel's, the emulator's, and one of each: they speak the same."""
    for n, machine in enumerate(machines, 1):
        machine.up(VXLAN.format(n=n, kind=kinds[n - 1], remote=f'{net}{3 - n}'))
    one, two = machines
    ping(one, 'h', '10.45.0.2')
    ping(two, 'h', 'fd45::1')
    tcp(two, 'h', one, 'h', '10.45.0.2')
    tcp(one, 'h', two, 'h', 'fd45::1')
    assert f'mtu {1480 - overhead}' in one.out('lab', 'exec', 'h', 'ip', 'link', 'show', 'eth1')
    # A packet of the whole MTU passes, and is not cut up outside.
    size = 1480 - overhead - 28
    ping(one, 'h', '10.45.0.2', '-s', size)
    for file in ('snmp', 'snmp6'):
        assert not re.search(r'FragCreates\s+[1-9]', one.run('cat', f'/proc/net/{file}'))
    assert one.run('awk', '/^Ip: [0-9]/ {print $20}', '/proc/net/snmp') == '0\n'
    assert one.links() == ['lo', 'nic']
    one('lab', 'down')
    one.up(VXLAN.format(n=1, kind=kinds[0], remote=f'{net}2'))
    ping(one, 'h', '10.45.0.2')


def test_a_tunnel_that_the_emulator_carries_has_a_quality(machines):
    one, two = machines
    text = VXLAN.format(n=1, kind='udp', remote='10.9.0.2')
    one.up(text.replace('vni: 42', 'vni: 42, delay: 100ms'))
    two.up(VXLAN.format(n=2, kind='udp', remote='10.9.0.1'))
    ping(one, 'h', '10.45.0.2')
    out = one.out('lab', 'exec', 'h', 'busybox', 'ping', '-c', '3', '-A', '10.45.0.2')
    assert float(re.search(r'= ([0-9.]+)/', out).group(1)) >= 200


def test_tunnels_are_kept_apart(machines):
    """By number and by machine: what comes from elsewhere is nobody's."""
    one, two = machines
    one.up(VXLAN.format(n=1, kind='udp', remote='10.9.0.2'))
    two.up(VXLAN.format(n=2, kind='udp', remote='10.9.0.1').replace('vni: 42', 'vni: 43'))
    assert one('lab', 'exec', 'h', 'busybox', 'ping', '-c', '2', '-W', '1', '10.45.0.2', code=1)
    refused = one.up(VXLAN.format(n=1, kind='udp', remote='10.9.0.2').replace('tunnel1', 'another'), code=1)
    assert 'cannot receive at 0.0.0.0, port 4789 of UDP: Address already in use' in refused.stderr
    assert one.out('lab', 'ls', '-q') == 'tunnel1'


def test_a_keeper_that_was_killed_is_followed_by_another_with_its_tunnels(machines):
    one, two = machines
    for n, machine in enumerate(machines, 1):
        machine.up(VXLAN.format(n=n, kind='udp', remote=f'10.9.0.{3 - n}'))
    ping(one, 'h', '10.45.0.2')
    kill(json.loads(pathlib.Path(f'{one.run_root}/labs/tunnel1/state.json').read_text())['keeper']['pid'])
    ping(one, 'h', '10.45.0.2')
    tcp(two, 'h', one, 'h', '10.45.0.2')


def test_the_default_route_is_not_taken_away(machines):
    one, _ = machines
    one.ip('route add default via 10.9.0.2')
    before = state_of(one)
    refused = one.up(NIC_LAB.format(name='default'), code=1)
    assert re.search(r"lab.yml:7: the interface 'nic' carries the host's default route", refused.stderr)
    assert 'macvlan and nat' in refused.stderr
    one.ip('route del default')
    one.ip('-6 route add default via fd09::2')
    assert "default route" in one.up(NIC_LAB.format(name='default'), code=1).stderr
    one.ip('-6 route del default')
    one.ip('route add default via 10.9.0.2')
    assert state_of(one) == before and existing(f'{one.run_root}/labs/*') == []


@pytest.mark.parametrize('line, words', [
    ('{kind: nic, node: r, device: nik}', "there is no interface 'nik'"),
    ('{kind: nic, node: r, device: lo}', "the interface 'lo' is no Ethernet's"),
    ('{kind: nic, node: r}', 'has a device'),
    ('{kind: nick, node: r}', "'nick' is no kind of uplink; did you mean 'nic'?"),
    ('{kind: nic, node: r, devise: nic}', "has no key 'devise'; did you mean 'device'?"),
    ('{kind: nic, node: q, device: nic}', "there is no node 'q'"),
    ('{kind: vxlan, node: r, remote: 10.9.0.2}', 'a vni'),
    ('{kind: vxlan, node: r, remote: 10.9.0.2, vni: 16777216}', "'vni' of an uplink is a number from 1 to 16777215"),
    ('{kind: vxlan, node: r, remote: 192.0.2.1, vni: 1}', 'cannot find a route to 192.0.2.1'),
    ('{kind: macvlan, node: r, device: nic, delay: 5ms}', "has no key 'delay'"),
    ('{kind: macvlan, node: r, device: nic, ipv4: 10.9.0.5/24, gateway: 10.8.0.1}', 'the gateway 10.8.0.1 is in no'),
    ('{kind: macvlan, node: r, device: nic, interface: eth1}', "'r:eth1' cannot be an uplink"),
    ('{kind: host, node: r, bridge: nic}', "the interface 'nic' is no bridge"),
])
def test_what_cannot_be_is_refused_before_anything_is_built(machines, line, words):
    one, _ = machines
    text = NIC_LAB.format(name='wrong').replace('{kind: nic, node: r, interface: wan, device: nic}', line)
    assert words in one.up(text, code=1).stderr
    assert one.links() == ['lo', 'nic'] and existing(f'{one.run_root}/labs/*') == []


POINTS = ['uplink.recorded', 'uplink.added', 'uplink.settled']


@pytest.mark.parametrize('point', POINTS)
def test_up_that_is_killed_gives_the_nic_back(machines, point):
    one, _ = machines
    before = state_of(one)
    done = one.up(NIC_LAB.format(name='killed'), env={'ISOLA_FAULT': point}, code=None)
    assert done.returncode == -signal.SIGKILL
    assert one.out('lab', 'ls', '-q') == ''
    assert state_of(one) == before
    # And the same command succeeds.
    one.up(NIC_LAB.format(name='killed'))
    ping(one, 'r', '10.9.0.2')


@pytest.mark.parametrize('point', ['uplink.returned', 'uplink.restored', 'lab.killed', 'lab.removed'])
def test_down_that_is_killed_is_finished_by_the_next_command(machines, point):
    one, _ = machines
    before = state_of(one)
    one.up(NIC_LAB.format(name='killed'))
    done = one('lab', 'down', env={'ISOLA_FAULT': point}, code=None)
    assert done.returncode == -signal.SIGKILL
    assert one.out('lab', 'ls', '-q') == ''
    assert state_of(one) == before


def test_down_from_another_network_namespace(machines):
    one, two = machines
    before = state_of(one)
    one.up(NIC_LAB.format(name='elsewhere'))
    down = [one.binary, '--root', one.root, '--run-root', one.run_root, 'lab', 'down']
    subprocess.run(two.inside(*down), check=True, timeout=60)
    assert state_of(one) == before and two.links() == ['lo', 'nic']


def test_a_name_that_is_taken_meanwhile_costs_the_nic_only_its_name(machines):
    one, _ = machines
    one.up(NIC_LAB.format(name='named'))
    one.ip('link add nic type veth peer name other')
    done = one('lab', 'down')
    assert "another interface of the host is called 'nic' now" in done.stderr and "as 'wan'" in done.stderr
    assert one.links() == ['lo', 'nic', 'other', 'wan']
    assert '10.9.0.1/24' in one.ip('-br address show wan')


def test_a_nodes_command_starts_when_the_uplink_is_there(machines):
    one, _ = machines
    one.up(NIC_LAB.format(name='held').replace('kind: router', 'kind: router, cmd: sh -c "ip -br address show wan; sleep 99"'))
    wait_until(lambda: '10.9.0.1/24' in one.out('lab', 'logs', 'r'), what='the command')


# ---- to the world, and back ----

WEB = '''
import http.server, socket, sys
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.client_address[0].encode().ljust(300000, b'.')
        self.send_response(200)
        self.send_header('Content-Length', len(body))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
server = Server((sys.argv[1], int(sys.argv[2])), Handler)
print('ready', flush=True)
server.serve_forever()
'''


@pytest.fixture
def web(lan):
    """Web servers outside, which answer with the address that they were asked from."""
    servers = [lan.start_in('/usr/bin/python3', '-c', WEB, address, '80', stdout=subprocess.PIPE)
               for address in ('10.9.0.250', 'fd09::fa')]
    for server in servers:
        assert server.stdout.readline() == b'ready\n'
    yield
    for server in servers:
        server.kill()
        server.wait()


GET = ['/usr/bin/python3', '-c', 'import sys, urllib.request\n'
       'print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode(), end="")']


def download(machine, node, address):
    """Who the web server outside takes the node for."""
    host = f'[{address}]' if ':' in address else address
    body = machine.out('lab', 'exec', node, *GET, f'http://{host}/')
    assert len(body) == 300000
    return body.rstrip('.')


def rules(machine):
    return machine.run('nft', 'list', 'ruleset')


def forwarding(machine):
    return machine.run('cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding').split()


HOST_RULES = 'add table ip mine; add chain ip mine c { type filter hook forward priority 0; }; add rule ip mine c accept'

NAT_LAB = '''
name: natted
topology:
  nodes: {h: {}, r: {kind: router}}
  links: [{endpoints: [h:eth1, r:eth1]}]
uplinks: [{kind: nat, node: r, interface: wan}]
'''


def test_a_lab_behind_a_router_downloads_with_the_hosts_address(machines, web):
    one, _ = machines
    one.run('nft', HOST_RULES)
    before = rules(one)
    assert forwarding(one) == ['0', '0']
    done = one.up(NAT_LAB)
    assert 'note: forwarding was switched on for the lab on this host (net.ipv4.ip_forward, net.ipv6' in done.stderr
    assert forwarding(one) == ['1', '1']
    for node in ('h', 'r'):
        assert download(one, node, '10.9.0.250') == '10.9.0.1'
        assert download(one, node, 'fd09::fa') == 'fd09::1'
    # Nobody outside reaches in.
    inside = one.out('lab', 'exec', 'r', 'ip', '-4', '-br', 'address', 'show', 'wan').split()[2].split('/')[0]
    assert 'mtu 1480' not in one.out('lab', 'exec', 'h', 'ip', 'link', 'show', 'eth1')
    one('lab', 'down')
    assert rules(one) == before and forwarding(one) == ['0', '0'] and one.links() == ['lo', 'nic']
    assert inside.startswith('10.89.')


def test_hosts_at_a_switch_download_with_the_hosts_address(machines, web):
    one, _ = machines
    one.up('''
name: switched
addresses: {ipv4: 10.50.0.0/16}
topology:
  nodes: {h1: {}, h2: {}, s: {kind: bridge}}
  links: [{endpoints: [h1:eth1, s:p1]}, {endpoints: [h2:eth1, s:p2]}]
uplinks: [{kind: nat, node: s}]
''')
    assert 'default via 10.50.0.3' in one.out('lab', 'exec', 'h1', 'ip', 'route')
    for node in ('h1', 'h2'):
        assert download(one, node, '10.9.0.250') == '10.9.0.1'
        assert download(one, node, 'fd09::fa') == 'fd09::1'
    ping(one, 'h1', 'h2')
    one('lab', 'diff', one.directory / 'lab.yml')


def test_the_management_network_leads_out_if_told_to(machines, web):
    one, _ = machines
    lab = '''
name: managed
mgmt: {external-access: %s}
topology:
  nodes: {h: {}, r: {kind: router}}
  links: [{endpoints: [h:eth1, r:eth1]}]
'''
    one.up(lab % 'true')
    assert download(one, 'r', '10.9.0.250') == '10.9.0.1'
    assert download(one, 'r', 'fd09::fa') == 'fd09::1'
    # The lab's own default route comes first.
    assert one.out('lab', 'exec', 'h', 'ip', 'route', 'get', '10.9.0.250').split()[2] == '10.0.0.2'
    one('lab', 'down')
    one.up(lab % 'false')
    assert one.links() == ['lo', 'nic'] and forwarding(one) == ['0', '0']


def test_two_labs_share_what_the_host_does_for_them(machines, web):
    one, _ = machines
    one.up(NAT_LAB)
    one.up(NAT_LAB.replace('natted', 'other'))
    one('lab', 'down', 'natted')
    assert forwarding(one) == ['1', '1']
    assert download(one, 'h', '10.9.0.250') == '10.9.0.1'
    # A firewall that is flushed is built anew by the next who needs it.
    one.run('nft', 'flush', 'ruleset')
    one.up(NAT_LAB)
    one('lab', 'down', 'natted')
    assert download(one, 'h', '10.9.0.250') == '10.9.0.1'
    one('lab', 'down')
    assert forwarding(one) == ['0', '0'] and rules(one) == ''


PORTS_LAB = '''
name: {name}
topology:
  nodes:
    w: {{cmd: [/usr/bin/python3, -c, {web}, "::", "80"], ports: {ports}}}
    r: {{kind: router}}
  links: [{{endpoints: [w:eth1, r:eth1]}}]
'''
# Listens on IPv4 and IPv6.
WEB_BOTH = WEB.replace("print('ready'", "sys.stdout.write(''); print('ready'")


def ports_lab(name, ports):
    return PORTS_LAB.format(name=name, ports=json.dumps(ports), web=json.dumps(WEB_BOTH))


def fetch(machine, url):
    return subprocess.run(machine.inside(*GET, url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout.rstrip('.')


def test_ports_are_published_for_everybody(machines, lan, rootfs_tar):
    one, two = machines
    one.up(ports_lab('doors', ['8080:80', '127.0.0.1:8081:80', '[fd09::1]:8082:80', '5300:53/udp', '80']))
    wait_until(lambda: fetch(one, 'http://127.0.0.1:8080/'), what='the web server')
    gateway = ('::ffff:172.20.20.1', '3fff:172:20:20::1')
    for machine, url in ((one, 'http://127.0.0.1:8080/'), (one, 'http://[::1]:8080/'), (one, 'http://10.9.0.1:8080/'),
                         (two, 'http://10.9.0.1:8080/'), (two, 'http://[fd09::1]:8080/'), (lan, 'http://10.9.0.1:8080/'),
                         (one, 'http://127.0.0.1:8081/'), (two, 'http://[fd09::1]:8082/')):
        assert fetch(machine, url) in gateway, url
    assert fetch(two, 'http://10.9.0.1:8081/') == '' and fetch(two, 'http://10.9.0.1:8082/') == ''

    ports = one.json('lab', 'inspect')[0]['Nodes'][0]['Ports']
    assert ports['53/udp'] == [{'HostIp': '0.0.0.0', 'HostPort': '5300'}, {'HostIp': '::', 'HostPort': '5300'}]
    chosen = [binding['HostPort'] for binding in ports['80/tcp'] if int(binding['HostPort']) > 49152]
    assert fetch(two, f'http://10.9.0.1:{chosen[0]}/') in gateway

    # UDP, both ways.
    serve = one.start('lab', 'exec', 'w', '/usr/bin/python3', '-c', '''
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', 53))
print('ready', flush=True)
while True:
    data, peer = s.recvfrom(100)
    s.sendto(data[::-1], peer)''')
    assert serve.stdout.readline() == b'ready\n'
    for address in ('10.9.0.1', 'fd09::1'):
        assert two.run('/usr/bin/python3', '-c', f'''
import socket
s = socket.socket(socket.AF_INET6 if ':' in '{address}' else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(b'abc', ('{address}', 5300))
print(s.recv(100).decode())''') == 'cba\n'
    serve.kill()

    # The same port for another lab, for a container, for another program.
    refused = one.up(ports_lab('rival', ['8080:80']), code=1).stderr
    assert "node 'w': port 8080/tcp is already published by lab 'doors'" in refused
    assert one.out('lab', 'ls', '-q') == 'doors'
    one('image', 'import', rootfs_tar, 'busybox')
    refused = one('run', '--rm', '-p', '8080:80', 'busybox', 'true', code=125).stderr
    assert "port 8080/tcp is already published by lab 'doors'" in refused
    one('ps')  # which looks for what the dead have left
    assert fetch(two, 'http://10.9.0.1:8080/') in gateway

    one('lab', 'down')
    assert existing(f'{one.run_root}/ports/*') == [] and existing(f'{one.run_root}/guests/*') == []
    one('run', '--rm', '-p', '8080:80', 'busybox', 'true')
    one('ps')
    wait_until(lambda: one.links() == ['lo', 'nic'], what='the end of the bridge')
    assert rules(one) == ''


def test_a_porter_that_is_killed_costs_the_reservation_alone_until_the_next_command(machines, rootfs_tar):
    one, two = machines
    one('image', 'import', rootfs_tar, 'busybox')
    one.up(ports_lab('doors', ['8080:80']))
    wait_until(lambda: fetch(two, 'http://10.9.0.1:8080/'), what='the web server')
    kill(json.loads(pathlib.Path(f'{one.run_root}/labs/doors/state.json').read_text())['porter']['pid'])
    assert fetch(two, 'http://10.9.0.1:8080/')
    seen = one('lab', 'ls', '--format', '{{.Status}}')
    assert seen.stdout == 'running\n' and "the process that publishes the ports of lab 'doors' was killed" in seen.stderr
    assert fetch(two, 'http://10.9.0.1:8080/')
    assert 'port 8080/tcp is already published' in one('run', '--rm', '-p', '8080:80', 'busybox', 'true', code=125).stderr
    one('lab', 'down')
    assert fetch(two, 'http://10.9.0.1:8080/') == '' and existing(f'{one.run_root}/ports/*') == []


@pytest.mark.parametrize('point', ['nat.noted', 'nat.laid', 'nat.management', 'guest.noted', 'guest.connected',
                                   'guest.connected:2', 'porter.published', 'porter.recorded'])
def test_an_up_that_is_killed_leaves_the_host_as_it_was(machines, web, point):
    one, _ = machines
    text = NAT_LAB.replace('h: {}', 'h: {ports: ["8080:80"]}')
    one.up(text, env={'ISOLA_FAULT': point}, code=None)
    one('lab', 'ls')
    assert rules(one) == '' and forwarding(one) == ['0', '0'] and one.links() == ['lo', 'nic']
    assert existing(f'{one.run_root}/ports/*') == [] and existing(f'{one.run_root}/guests/*') == []
    one.up(text)
    assert download(one, 'h', '10.9.0.250') == '10.9.0.1'


@pytest.mark.parametrize('point', ['guest.released', 'guest.forgotten', 'guest.forgotten:2', 'guest.removed'])
def test_a_down_that_is_killed_leaves_the_host_as_it_was(machines, point):
    one, _ = machines
    one.up(NAT_LAB.replace('h: {}', 'h: {ports: ["8080:80"]}'))
    done = one('lab', 'down', env={'ISOLA_FAULT': point}, code=None)
    assert done.returncode == -signal.SIGKILL
    one('lab', 'ls')
    assert rules(one) == '' and forwarding(one) == ['0', '0'] and one.links() == ['lo', 'nic']
    assert existing(f'{one.run_root}/ports/*') == [] and existing(f'{one.run_root}/guests/*') == []


def test_a_management_network_that_the_host_has_is_refused(machines):
    one, _ = machines
    refused = one.up('{name: x, mgmt: {ipv4-subnet: 10.9.0.0/24, external-access: true}, topology: {nodes: {h: {}}}}', code=1)
    assert "subnet '10.9.0.0/24' overlaps with this host's route through interface 'nic'" in refused.stderr
    assert rules(one) == '' and existing(f'{one.run_root}/labs/*') == []


# ---- while the lab is up ----

def test_a_changed_file_attaches_and_detaches(machines, web):
    one, two = machines
    before = state_of(one)
    text = NIC_LAB.format(name='live')
    one.up(text)
    assert 'as its file says' in one.up(text).stdout
    pid = one.out('lab', 'inspect', '-f', '{{(index .Nodes 1).Pid}}')
    # The interface goes home, and NAT takes its place.
    nat = text.replace('kind: nic, node: r, interface: wan, device: nic', 'kind: nat, node: r, interface: out')
    lines = one.up(nat).stdout.splitlines()
    assert lines == ['- uplink r:wan', '+ uplink r:out (nat)']
    assert state_of(one) == before
    assert download(one, 'h', '10.9.0.250') == '10.9.0.1'
    # And back.
    file = one.directory / 'lab.yml'
    file.write_text(text)
    assert one('lab', 'diff', file, code=1).stdout.splitlines() == ['- uplink r:out', '+ uplink r:wan (nic)']
    one.up(text)
    assert rules(one) == '' and one.links() == ['lo'] and forwarding(one) == ['0', '0']
    ping(one, 'r', '10.9.0.2')
    assert one.out('lab', 'inspect', '-f', '{{(index .Nodes 1).Pid}}') == pid
    # A node that is made anew has its uplink again.
    one.up(text.replace('kind: router', 'kind: router, cmd: sleep 1000'))
    assert one.out('lab', 'inspect', '-f', '{{(index .Nodes 1).Pid}}') != pid
    ping(one, 'r', '10.9.0.2')
    one('lab', 'down')
    assert state_of(one) == before


@pytest.mark.parametrize('point', ['change.detached', 'uplink.recorded', 'uplink.added', 'uplink.settled', 'change.attached',
                                   'change.written', 'change.committed'])
def test_a_change_of_uplinks_that_is_killed_is_undone(machines, point):
    one, _ = machines
    before = state_of(one)
    text = NIC_LAB.format(name='live')
    one.up(text)
    moved = text.replace('node: r, interface: wan', 'node: h, interface: lan')
    one.up(moved, env={'ISOLA_FAULT': point}, code=-signal.SIGKILL)
    where = json.loads(one('lab', 'inspect').stdout)[0]['Uplinks'][0]['Node']
    ping(one, where, '10.9.0.2')
    assert where == ('h' if point in ('change.written', 'change.committed') else 'r')
    one('lab', 'down')
    assert state_of(one) == before


def test_an_uplink_that_cannot_be_leaves_the_lab_as_it_was(machines):
    one, _ = machines
    text = NIC_LAB.format(name='live')
    one.up(text)
    refused = one.up(text.replace('device: nic', 'device: nothing'), code=1)
    assert "there is no interface 'nothing'" in refused.stderr
    ping(one, 'r', '10.9.0.2')


def test_ports_are_changed_while_the_lab_is_up(machines):
    one, two = machines
    one.up(ports_lab('doors', ['8080:80']))
    wait_until(lambda: fetch(two, 'http://10.9.0.1:8080/'), what='the web server')
    one.up(ports_lab('doors', ['8085:80']))
    assert fetch(two, 'http://10.9.0.1:8085/') and not fetch(two, 'http://10.9.0.1:8080/')
    assert one.out('lab', 'ls', '--format', '{{.Status}}').startswith('running')
    refused = one.up(ports_lab('doors', []), code=1)
    assert 'cannot be changed while the lab is up' in refused.stderr
    assert fetch(two, 'http://10.9.0.1:8085/')


def test_inspect_and_graph_show_uplinks(machines):
    one, _ = machines
    one.up(NIC_LAB.format(name='shown') + '  - {kind: nat, node: r}\n')
    nic, nat = one.json('lab', 'inspect')[0]['Uplinks']
    assert {key: nic[key] for key in ('Node', 'Interface', 'Kind', 'State', 'Mtu', 'Settings')} == {
        'Node': 'r', 'Interface': 'wan', 'Kind': 'nic', 'State': 'up', 'Mtu': 1480,
        'Settings': {'device': 'nic', 'mtu': '1480'}}
    assert '10.9.0.1/24' in nic['Addresses'] and 'fd09::1/64' in nic['Addresses']
    assert nat['Interface'] == 'eth2' and any(address.startswith('10.89.') for address in nat['Addresses'])
    for form in ('--dot', '--mermaid', '--svg'):
        out = one.out('lab', 'graph', form, 'shown')
        assert 'nic' in out and 'nat' in out, form
    one('lab', 'exec', 'r', 'ip', 'link', 'set', 'wan', 'down')
    assert one.json('lab', 'inspect')[0]['Uplinks'][0]['State'] == 'down'


def test_the_example_of_two_machines(machines):
    examples = pathlib.Path(__file__).resolve().parents[2] / 'examples/labs/two-machines'
    for n, (machine, half) in enumerate(zip(machines, ('left', 'right')), 1):
        machine.ip(f'address add 192.0.2.{n}/24 dev nic')
        machine('lab', 'up', examples / f'{half}.yml')
    for machine, half in zip(machines, ('left', 'right')):
        assert '2 passed, 0 failed' in machine.out('lab', 'test', half)


def test_containerlabs_ways_out(machines):
    one, two = machines
    file = one.directory / 'c.clab.yml'
    file.write_text('''
name: clab
mgmt: {external-access: false}
topology:
  nodes: {a: {kind: linux}, b: {kind: linux}, c: {kind: linux}}
  links:
    - {endpoints: ["a:eth1", "macvlan:nic"], ipv4: [10.9.0.41/24]}
    - {endpoints: ["b:eth1", "host:tob"], ipv4: [10.71.0.2/24, 10.71.0.1/24]}
    - {type: vxlan-stitch, endpoint: {node: c, interface: eth1, ipv4: 10.72.0.1/24}, remote: 10.9.0.2, vni: 9}
''')
    one('lab', 'up', file)
    assert one.links() == ['lo', 'nic', 'tob']
    two.up('{name: peer, topology: {nodes: {c: {}}}, uplinks: [{kind: udp, node: c, remote: 10.9.0.1, vni: 9, port: 14789, '
           'ipv4: 10.72.0.2/24}]}')
    ping(one, 'a', '10.9.0.2')
    ping(one, 'b', '10.71.0.1')
    ping(one, 'c', '10.72.0.2')


# ---- while the lab is up ----

CHANGED = '''
name: changed
topology:
  nodes:
    a: {}
    b: {}
    s: {kind: bridge}
  links: [{endpoints: [a, s]}, {endpoints: [b, s]}]
'''
WITH_NIC = CHANGED + 'uplinks: [{kind: nic, node: a, interface: out, device: nic}]\n'


def pids(machine):
    return {node['Name']: node['Pid'] for node in machine.json('lab', 'inspect')[0]['Nodes']}


def test_uplinks_come_and_go_while_the_lab_is_up(machines):
    machine, other = machines
    before = state_of(machine)
    machine.up(CHANGED)
    processes = pids(machine)
    assert machine.up(WITH_NIC).stdout == '+ uplink a:out (nic)\n'
    assert 'nic' not in machine.links()
    ping(machine, 'a', '10.9.0.2')
    machine.up(WITH_NIC.replace('    a: {}', '    first: {}\n    a: {}'))  # its place is another one
    ping(machine, 'a', '10.9.0.2')
    machine.up(WITH_NIC.replace('node: a', 'node: s'))
    assert 'out' in machine.out('lab', 'exec', 's', 'ip', '-br', 'link', 'show', 'master', 'br0')
    assert 'out' not in machine.out('lab', 'exec', 'a', 'ip', '-br', 'link')
    machine.up(CHANGED)
    assert pids(machine) == processes and state_of(machine) == before


def test_a_node_that_is_made_anew_has_its_uplink_again(machines):
    machine, other = machines
    before = state_of(machine)
    machine.up(WITH_NIC)
    machine.up(WITH_NIC.replace('a: {}', 'a: {cmd: sleep 1000}'))
    ping(machine, 'a', '10.9.0.2')
    machine('lab', 'down')
    assert state_of(machine) == before


@pytest.mark.parametrize('point', ['change.begun', 'change.detached', 'change.made', 'uplink.recorded', 'uplink.added',
                                   'uplink.settled', 'change.attached', 'change.written'])
@pytest.mark.parametrize('old, new', [(CHANGED, WITH_NIC), (WITH_NIC, WITH_NIC.replace('node: a', 'node: b'))])
def test_nics_of_a_change_that_is_killed_are_where_they_were(machines, point, old, new):
    machine, other = machines
    before = state_of(machine)
    machine.up(old)
    done = machine.up(new, env={'ISOLA_FAULT': point}, code=None)
    # Nothing is made, and where nothing was attached, nothing is detached.
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    machine('lab', 'ls')
    if done.returncode != 0 and point != 'change.written':
        assert ('nic' in machine.links()) == (old == CHANGED)
        if old == CHANGED:
            assert state_of(machine) == before
        else:
            ping(machine, 'a', '10.9.0.2')
    machine('lab', 'down')
    assert state_of(machine) == before
