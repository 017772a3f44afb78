# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks: making, showing and removing them; who reaches whom; addresses."""
import concurrent.futures
import ipaddress
import json
import re
import socket
import subprocess
import threading
import urllib.request

import pytest

from conftest import SLOWNESS, wait_until


@pytest.fixture
def network(isola):
    """Makes networks and removes them again, after the containers that are in them."""
    names = []

    def make(name, *options, **keywords):
        identifier = isola.out('network', 'create', *options, name, **keywords)
        names.append(name)
        return identifier
    yield make
    isola.remove_all()
    for name in names:
        isola('network', 'rm', '-f', name)


def ip(*arguments):
    return json.loads(subprocess.run(['ip', '-j', *arguments], stdout=subprocess.PIPE, check=True).stdout or '[]')


def up(isola, image, name, *options):
    """Starts a container that says its name on port 80."""
    isola('run', '-d', '--name', name, *options, image, 'sh', '-c',
          f'echo {name} > /tmp/index.html; exec httpd -f -p 80 -h /tmp')
    isola('exec', name, 'sh', '-c', 'until wget -q -O- http://127.0.0.1/index.html; do sleep 0.02; done')
    return isola.inspect(name)['NetworkSettings']


def ask(isola, name, target, patience=20):
    """What a container hears from another's port 80; '' if nothing; patience in seconds."""
    target = f'[{target}]' if ':' in target else target
    return isola.out('exec', name, 'timeout', str(patience), 'wget', '-q', '-O-', f'http://{target}/index.html', code=None)


def pings(isola, name, address, patience=10):
    """Busybox's ping wants a raw socket, which a container does not get: so from the outside."""
    return subprocess.run(['nsenter', '-t', str(isola.pid(name)), '-n', 'busybox', 'ping', '-c', '1', '-W', str(patience), address],
                          stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_default_networks_are_always_there(isola):
    rows = [json.loads(line) for line in isola.out('network', 'ls', '--format', 'json').splitlines()]
    assert [(row['Name'], row['Driver'], row['Scope']) for row in rows[:3]] == \
        [('bridge', 'bridge', 'local'), ('host', 'host', 'local'), ('none', 'null', 'local')]
    table = isola.out('network', 'ls').splitlines()
    assert table[0].split() == ['NETWORK', 'ID', 'NAME', 'DRIVER', 'SCOPE']
    for name in ('bridge', 'host', 'none'):
        done = isola('network', 'rm', name, code=1)
        assert done.stderr == f"isola: network '{name}' is predefined and cannot be removed\n"


def test_create_list_inspect_remove(isola, network):
    identifier = network('lab', '--subnet', '10.99.0.0/24', '--gateway', '10.99.0.254', '--label', 'tier=front',
                         '--opt', 'com.docker.network.driver.mtu=1400')
    assert len(identifier) == 64
    document = isola.json('network', 'inspect', 'lab')[0]
    assert document['Id'] == identifier
    assert document['IPAM']['Config'] == [{'Subnet': '10.99.0.0/24', 'Gateway': '10.99.0.254'}]
    assert document['Labels'] == {'tier': 'front'}
    assert not document['Internal'] and not document['EnableIPv6'] and document['Containers'] == {}
    assert isola.out('network', 'ls', '-q', '--no-trunc', '--filter', 'label=tier=front') == identifier
    assert isola.out('network', 'ls', '-q', '--filter', 'type=custom') == identifier[:12]
    assert isola.out('network', 'ls', '--format', '{{.Name}}:{{.Label "tier"}}', '-f', 'name=la') == 'lab:front'
    assert isola.json('network', 'inspect', identifier[:8])[0]['Name'] == 'lab'
    assert isola.out('network', 'rm', 'lab') == 'lab'
    done = isola('network', 'inspect', 'lab', code=1)
    assert done.stderr.startswith("isola: no such network: 'lab'\n")


@pytest.mark.parametrize('arguments, words', [
    (['--subnet', '10.99.0.0', 'x'], "'10.99.0.0' is not a subnet"),
    (['--subnet', '10.99.0.0/31', 'x'], "subnet '10.99.0.0/31' is too small: its length must be from /8 to /30"),
    (['--subnet', '10.99.0.0/24', '--subnet', '10.98.0.0/24', 'x'],
     "a network has one IPv4 subnet, not '10.99.0.0/24' and '10.98.0.0/24'"),
    (['--subnet', '127.0.0.0/8', 'x'], "subnet '127.0.0.0/8' is not for hosts"),
    (['--subnet', '224.1.0.0/16', 'x'], "subnet '224.1.0.0/16' is not for hosts"),
    (['--subnet', 'fe80::/64', 'x'], "subnet 'fe80::/64' is not for hosts"),
    (['--subnet', '10.99.0.0/24', '--gateway', '10.98.0.1', 'x'],
     "gateway '10.98.0.1' is not a host of subnet '10.99.0.0/24'"),
    (['--gateway', '10.98.0.1', 'x'], "gateway '10.98.0.1' needs a subnet"),
    (['--driver', 'overlay', 'x'], "network driver 'overlay' is not known"),
    (['--opt', 'foo=bar', 'x'], "network option 'foo' is not known"),
    (['--opt', 'isola.forgery=perhaps', 'x'], "'perhaps' is neither allow nor stop"),
    (['--opt', 'com.docker.network.driver.mtu=1', 'x'], "'1' is no MTU: it must be from 1280 to 65535"),
    (['host'], "network name 'host' is predefined"),
    (['a/b'], "'a/b' is not a name for a network"),
])
def test_wrong_wishes_are_refused(isola, arguments, words):
    done = isola('network', 'create', *arguments, code=1)
    assert done.stdout == ''
    assert done.stderr.splitlines()[0] == f'isola: {words}'
    assert isola.out('network', 'ls', '-q', '--filter', 'type=custom') == ''


def test_taken_name_and_subnet_are_refused(isola, network):
    network('one', '--subnet', '10.99.0.0/24')
    assert "network 'one' already exists" in isola('network', 'create', 'one', code=1).stderr
    done = isola('network', 'create', '--subnet', '10.99.0.128/25', 'two', code=1)
    assert "subnet '10.99.0.128/25' overlaps with network 'one'" in done.stderr
    subprocess.run(['ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire2'], check=True)
    try:
        subprocess.run('ip addr add 10.97.0.1/24 dev wire && ip link set wire up', shell=True, check=True)
        done = isola('network', 'create', '--subnet', '10.97.0.0/16', 'two', code=1)
        assert "overlaps with this host's route through interface 'wire'" in done.stderr
    finally:
        subprocess.run(['ip', 'link', 'del', 'wire'], check=True)


def test_container_gets_address_route_and_lo(isola, image):
    settings = up(isola, image, 'web')
    pid = isola.pid('web')
    inside = json.loads(subprocess.run(['nsenter', '-t', str(pid), '-n', 'ip', '-j', 'addr'], stdout=subprocess.PIPE,
                                       check=True).stdout)
    links = {link['ifname']: link for link in inside}
    assert set(links) == {'lo', 'eth0'} and 'UP' in links['lo']['flags'] and 'UP' in links['eth0']['flags']
    assert links['eth0']['address'] == settings['MacAddress']
    addresses = {entry['local']: entry for entry in links['eth0']['addr_info']}
    assert addresses[settings['IPAddress']]['prefixlen'] == settings['IPPrefixLen'] == 16
    assert 'tentative' not in addresses[settings['GlobalIPv6Address']]
    routes = json.loads(subprocess.run(['nsenter', '-t', str(pid), '-n', 'ip', '-j', 'route'],
                                       stdout=subprocess.PIPE, check=True).stdout)
    assert [r['gateway'] for r in routes if r['dst'] == 'default'] == [settings['Gateway']]
    assert pings(isola, 'web', settings['Gateway'])
    assert pings(isola, 'web', settings['IPv6Gateway'])


def test_containers_of_a_network_find_each_other(isola, image, network):
    network('front', '--ipv6')
    up(isola, image, 'one', '--network', 'front')
    up(isola, image, 'two', '--network', 'front', '--network-alias', 'deux')
    assert ask(isola, 'one', 'two') == 'two'
    assert ask(isola, 'one', 'deux') == 'two'
    document = isola.json('network', 'inspect', 'front')[0]
    assert sorted(entry['Name'] for entry in document['Containers'].values()) == ['one', 'two']
    two = isola.inspect('two')
    entry = document['Containers'][two['Id']]
    settings = two['NetworkSettings']['Networks']['front']
    assert entry['IPv4Address'] == f"{settings['IPAddress']}/{settings['IPPrefixLen']}"
    assert entry['IPv6Address'] == f"{settings['GlobalIPv6Address']}/{settings['GlobalIPv6PrefixLen']}"
    assert entry['MacAddress'] == settings['MacAddress']


def test_networks_are_apart(isola, image, network):
    network('red')
    network('blue')
    up(isola, image, 'one', '--network', 'red')
    two = up(isola, image, 'two', '--network', 'blue')['Networks']['blue']
    assert ask(isola, 'one', 'two', patience=1) == ''
    assert ask(isola, 'one', two['IPAddress'], patience=1) == ''
    assert ask(isola, 'two', two['IPAddress']) == 'two'


@pytest.mark.needs_root('looks at bridges and rules of the machine, where a user has none')
def test_used_network_is_not_removed(isola, image, network):
    network('busy')
    up(isola, image, 'one', '--network', 'busy')
    bridge = isola.out('network', 'inspect', '-f',
                       '{{index .Options "com.docker.network.bridge.name"}}', 'busy')
    assert bridge in [link['ifname'] for link in ip('link', 'show', 'type', 'bridge')]
    done = isola('network', 'rm', 'busy', code=1)
    assert done.stderr.splitlines()[0] == "isola: network 'busy' is used by container 'one'"
    isola('rm', '-f', 'one')
    isola('network', 'rm', 'busy')
    assert bridge not in [link['ifname'] for link in ip('link')]


@pytest.mark.needs_root('looks at bridges and rules of the machine, where a user has none')
def test_internal_network_has_no_way_out(isola, image, network):
    network('inner', '--internal')
    settings = up(isola, image, 'one', '--network', 'inner')['Networks']['inner']
    assert 'default' not in isola.out('exec', 'one', 'ip', 'route')
    assert not pings(isola, 'one', '192.0.2.1', patience=1)
    with urllib.request.urlopen(f"http://{settings['IPAddress']}/index.html", timeout=20 * SLOWNESS) as answer:
        assert answer.read() == b'one\n'
    done = isola('run', '--rm', '--network', 'inner', '-p', '8080:80', image, 'true', code=125)
    assert "network 'inner' is internal" in done.stderr


def test_ports_with_the_hosts_network_are_worth_a_warning(isola, image):
    done = isola('run', '--rm', '--network', 'host', '-p', '8080:80', image, 'true')
    assert done.stderr.startswith('isola: warning: published ports are discarded with --network host')


def test_host_none_and_container_networks(isola, image):
    names = isola.out('run', '--rm', '--network', 'none', image, 'ls', '/sys/class/net').split()
    assert names == ['lo']
    assert 'LOOPBACK,UP' in isola.out('run', '--rm', '--network', 'none', image, 'ip', 'link')
    host = sorted(link['ifname'] for link in ip('link') if not link['ifname'].startswith('veth'))
    assert isola.out('run', '--rm', '--network', 'host', image, 'hostname') == socket.gethostname()
    assert isola.out('run', '--rm', '--network', 'host', '--hostname', 'own', image, 'hostname') == 'own'
    inside = isola.out('run', '--rm', '--network', 'host', image, 'sh', '-c', 'cat /proc/net/dev')
    assert all(name + ':' in inside for name in host)
    settings = up(isola, image, 'one')
    assert settings['IPAddress'] in isola.out('run', '--rm', '--network', 'container:one', image, 'ip', 'addr')


def test_unknown_network_is_refused(isola, image):
    done = isola('run', '--rm', '--network', 'nosuch', image, 'true', code=125)
    assert "no such network: 'nosuch'" in done.stderr


@pytest.mark.parametrize('address, words', [
    ('10.99.0.1', "address '10.99.0.1' is the gateway of network 'lab'"),
    ('10.98.0.5', "address '10.98.0.5' is not in subnet '10.99.0.0/24' of network 'lab'"),
    ('10.99.0.9', "address '10.99.0.9' is already used by container 'one'"),
])
def test_wanted_address(isola, image, network, address, words):
    network('lab', '--subnet', '10.99.0.0/24')
    settings = up(isola, image, 'one', '--network', 'lab', '--ip', '10.99.0.9')
    assert settings['Networks']['lab']['IPAddress'] == '10.99.0.9'
    done = isola('run', '--rm', '--network', 'lab', '--ip', address, image, 'true', code=125)
    assert words in done.stderr


def test_fifty_at_once_get_different_addresses(isola, image):
    def run(_):
        return isola.out('run', '--rm', image, 'hostname', '-i', timeout=120)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        addresses = list(pool.map(run, range(50)))
    found = [next(a for a in text.split() if ipaddress.ip_address(a).version == 4) for text in addresses]
    assert len(set(found)) == 50


def test_interface_and_address_go_with_the_container(isola, image):
    def cables():
        return [link['ifname'] for link in ip('link') if link['ifname'].startswith('veth')]
    before = cables()
    isola('run', '--rm', image, 'true')
    wait_until(lambda: set(cables()) <= set(before), what='the interface going')


@pytest.mark.needs_root('looks at bridges and rules of the machine, where a user has none')
def test_bridge_and_rules_come_back_after_being_removed(isola, image):
    isola('run', '--rm', image, 'true')
    bridge = isola.out('network', 'inspect', '-f',
                       '{{index .Options "com.docker.network.bridge.name"}}', 'bridge')
    subprocess.run(['ip', 'link', 'del', bridge], check=True)
    subprocess.run(['nft', 'flush', 'ruleset'], check=True)
    settings = up(isola, image, 'web')
    assert pings(isola, 'web', settings['Gateway'])
    subprocess.run(['nft', 'list', 'table', 'inet', 'isola'], stdout=subprocess.DEVNULL, check=True)


def bridges():
    return {link['ifname'] for link in ip('link', 'show', 'type', 'bridge')}


def table():
    """What `nft list table` says; '' if there is none."""
    return subprocess.run(['nft', 'list', 'table', 'inet', 'isola'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


@pytest.mark.needs_root('looks at bridges and rules of the machine, where a user has none')
def test_bridge_and_table_go_with_the_last_container(isola, image, network):
    network('lab')
    up(isola, image, 'one')
    up(isola, image, 'two', '--network', 'lab')
    assert len(bridges()) == 2
    own = isola.json('network', 'inspect', 'lab')[0]['Options']['com.docker.network.bridge.name']
    isola('rm', '-f', 'one')
    assert bridges() == {own} and own in table()
    assert re.search(r'set bridges {[^}]*elements = { "' + own + '" }', table())
    isola('stop', '-t', '0', 'two')
    assert bridges() == set() and table() == ''
    isola('start', 'two')
    assert bridges() == {own}
    wait_until(lambda: isola('exec', 'two', 'wget', '-q', '-O-', '127.0.0.1/index.html', code=None).stdout == 'two\n')
    isola('kill', 'two')
    assert bridges() == set() and table() == ''


@pytest.mark.parametrize('command', [['ps'], ['ps', '-a'], ['network', 'ls']])
def test_bridge_of_containers_that_ended_goes_with_the_next_list(isola, image, command):
    isola('run', '--rm', image, 'true')
    isola(*command)
    assert bridges() == set() and table() == ''


@pytest.mark.needs_root('looks at bridges and rules of the machine, where a user has none')
@pytest.mark.parametrize('point', ['sweep.forgotten', 'sweep.bridge'])
def test_interrupted_removal_of_a_bridge_is_gone_on_with(isola, image, point):
    isola('run', '--rm', image, 'true')
    isola('ps', env={'ISOLA_FAULT': point}, code=-9)
    # A container that comes first finds what it needs all the same.
    settings = up(isola, image, 'one')
    assert pings(isola, 'one', settings['Gateway']) and settings['IPAddress'].split('.')[0] in table()
    isola('rm', '-f', 'one')
    isola('run', '--rm', image, 'true')
    isola('ps', env={'ISOLA_FAULT': point}, code=-9)
    isola('ps')
    assert bridges() == set() and table() == ''


def test_containers_start_while_bridges_are_removed(isola, image):
    stop = threading.Event()

    def sweep():
        while not stop.is_set():
            isola('ps')

    def run(_):
        return isola.out('run', '--rm', '-p', '80', image, 'sh', '-c', 'ip route | grep -c default', timeout=120)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sweepers = [pool.submit(sweep) for _ in range(2)]
        try:
            assert list(pool.map(run, range(30))) == ['1'] * 30
        finally:
            stop.set()
        for each in sweepers:
            each.result()
    isola('ps')
    assert bridges() == set() and table() == ''


@pytest.mark.needs_root('looks at bridges and rules of the machine, where a user has none')
def test_table_stays_for_another_home(isola, image, fresh, rootfs_tar):
    fresh('image', 'import', rootfs_tar, 'busybox')
    settings = up(fresh, image, 'theirs', '-p', '8080:80')
    theirs = bridges()
    up(isola, image, 'ours')
    isola('rm', '-f', 'ours')
    assert bridges() == theirs and '8080' in table()
    assert pings(fresh, 'theirs', settings['Gateway'])
    fresh('rm', '-f', 'theirs')
    assert bridges() == set() and table() == ''
