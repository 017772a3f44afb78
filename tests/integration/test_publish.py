# SPDX-License-Identifier: GPL-2.0-or-later
"""Published ports: from other hosts, from this one, from containers; conflicts; what is left."""
import json
import os
import socket
import subprocess
import sys

import pytest

from conftest import SLOWNESS, kill, wait_until

pytestmark = pytest.mark.needs_root('looks at rules of the machine; a user\'s ports are in test_rootless.py')

SERVER = 'echo {} > /tmp/index.html; exec httpd -f -p 80 -h /tmp'


@pytest.fixture
def neighbour():
    """Another host on a wire to this one: 203.0.113.9, while this one is 203.0.113.1."""
    holder = subprocess.Popen(['unshare', '-n', 'sleep', '1000'])
    wait_until(lambda: os.readlink(f'/proc/{holder.pid}/ns/net') != os.readlink('/proc/self/ns/net'))
    enter = f'nsenter -t {holder.pid} -n '
    subprocess.run('ip link add wan type veth peer name eth0 netns {0} && ip link set wan up && '
                   'ip addr add 203.0.113.1/24 dev wan && ip addr add 2001:db8:1::1/64 dev wan nodad && '
                   '{1} ip link set eth0 up && {1} ip addr add 203.0.113.9/24 dev eth0 && '
                   '{1} ip addr add 2001:db8:1::9/64 dev eth0 nodad'.format(holder.pid, enter), shell=True, check=True)
    yield enter.split()
    holder.kill()
    holder.wait()
    subprocess.run(['ip', 'link', 'del', 'wan'], check=False, stderr=subprocess.DEVNULL)


CLIENT = '''
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])).read().decode())
except OSError:
    pass
'''


def get(url, *prefix, patience=20):
    """What a URL gives, '' if nothing; patience in seconds, little for what is not to arrive."""
    done = subprocess.run([*prefix, sys.executable, '-c', CLIENT, url, str(patience * SLOWNESS)], stdout=subprocess.PIPE,
                          text=True, check=True)
    return done.stdout.strip()


def serve(isola, image, name, *options, text='hi'):
    isola('run', '-d', '--name', name, *options, image, 'sh', '-c', SERVER.format(text))
    address = isola.inspect(name)['NetworkSettings']['IPAddress']
    if address:
        wait_until(lambda: get(f'http://{address}/index.html') == text)
    return address


RELAYED = '''
import hashlib, socket, sys, threading
size, patience = int(sys.argv[1]), float(sys.argv[2])
block = bytes(range(256)) * 4096
with socket.create_connection(('::1', 8080), timeout=patience) as s:
    def send():
        for i in range(size):
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
    threading.Thread(target=send).start()
    sent, got = hashlib.sha256(), hashlib.sha256()
    for i in range(size):
        sent.update(block)
    while data := s.recv(1 << 16):
        got.update(data)
print(sent.digest() == got.digest())
'''


def python(code, *arguments):
    done = subprocess.run([sys.executable, '-c', code, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize('options', [[], ['--network', 'only4']])
@pytest.mark.parametrize('where', ['', '[::1]:'])
def test_port_is_reached_at_ipv6_loopback(isola, image, options, where):
    if options:
        isola('network', 'create', 'only4', code=None)
    serve(isola, image, 'web', '-p', f'{where}8080:80', *options)
    assert get('http://[::1]:8080/index.html') == 'hi'
    assert (get('http://127.0.0.1:8080/index.html') == 'hi') is (where == '')
    with pytest.raises(OSError):
        socket.create_server(('::1', 8080), family=socket.AF_INET6)
    isola('rm', '-f', 'web')
    # Connections that have just ended do not keep the port.
    serve(isola, image, 'web', '-p', f'{where}8080:80', *options)
    assert get('http://[::1]:8080/index.html') == 'hi'
    isola('rm', '-f', 'web')
    if options:
        isola('network', 'rm', 'only4')


def test_ipv6_loopback_is_not_served_for_a_port_on_other_addresses(isola, image):
    serve(isola, image, 'web', '-p', '127.0.0.1:8080:80', '-p', '0.0.0.0:8081:80')
    for port in (8080, 8081):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(('::1', port), timeout=5)


ECHO = '''
import socket, sys, threading
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
def back(peer):
    with peer:
        while data := peer.recv(1 << 16):
            peer.sendall(data)
def datagrams():
    while True:
        data, peer = u.recvfrom(1 << 16)
        u.sendto(data, peer)
u = socket.socket(family, socket.SOCK_DGRAM)
s = socket.socket(family)
for each in (u, s):
    if family == socket.AF_INET6:
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    each.bind((sys.argv[1], 7))
s.listen(256)
threading.Thread(target=datagrams, daemon=True).start()
print('ready', flush=True)
while True:
    threading.Thread(target=back, args=s.accept()[:1], daemon=True).start()
'''


@pytest.fixture(params=['0.0.0.0', '::'])
def echo(isola, image, request):
    """Port 8080 of this host leads to a server, inside, of one family, that sends back what it gets."""
    isola('run', '-d', '--name', 'echo', '-p', '8080:7', '-p', '8080:7/udp', image, 'sleep', '300')
    enter = ['nsenter', '-t', str(isola.pid('echo')), '-n']
    with subprocess.Popen([*enter, sys.executable, '-c', ECHO, request.param], stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        yield
        server.kill()


def test_ipv6_loopback_passes_bytes_both_ways(echo):
    assert python(RELAYED, 64, 20 * SLOWNESS) == 'True'


def test_ipv6_loopback_lets_those_wait_whom_it_cannot_serve(echo):
    many = [socket.create_connection(('::1', 8080), timeout=20 * SLOWNESS) for _ in range(200)]
    for one in many:
        one.sendall(b'x')
    for one in many:
        with one:
            assert one.recv(1) == b'x'


def test_ipv6_loopback_resets_where_nobody_listens(isola, image):
    isola('run', '-d', '--name', 'deaf', '-p', '8081:7', image, 'sleep', '300')
    with pytest.raises(ConnectionResetError), socket.create_connection(('::1', 8081), timeout=20 * SLOWNESS) as connection:
        connection.recv(1)


def test_ipv6_loopback_serves_datagrams(echo):
    def ask(s, what):
        s.send(what)
        try:
            return s.recv(1 << 16) == what
        except OSError:
            return False
    for _ in range(100):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(('::1', 8080))
            # The first may meet the family on which nobody listens.
            assert ask(s, b'hello') or ask(s, b'hello')
            assert ask(s, b'y' * 60000)


def test_ipv6_loopback_outlives_the_monitor(isola, image):
    serve(isola, image, 'web', '-p', '8080:80')
    kill(isola.state('web')['MonitorPid'])
    isola('ps')
    assert get('http://[::1]:8080/index.html') == 'hi'


def test_other_ipv6_addresses_do_not_pass_the_relay(isola, image, neighbour):
    serve(isola, image, 'web', '-p', '8080:80')
    subprocess.run(['nft', 'delete', 'table', 'inet', 'isola'], check=True)
    assert get('http://[2001:db8:1::1]:8080/index.html', *neighbour, patience=1) == ''
    assert get('http://[2001:db8:1::1]:8080/index.html', patience=1) == ''
    assert get('http://[::1]:8080/index.html') == 'hi'


def elements(name):
    """What is in one of the firewall's maps; nothing if there is no table."""
    done = subprocess.run(['nft', '-j', 'list', 'map', 'inet', 'isola', name], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        assert 'table inet isola' not in subprocess.check_output(['nft', 'list', 'tables'], text=True)
        return []
    maps = [entry['map'] for entry in json.loads(done.stdout)['nftables'] if 'map' in entry]
    return maps[0].get('elem', [])


def test_port_is_reached_from_everywhere(isola, image, neighbour):
    serve(isola, image, 'web', '-p', '8080:80')
    isola('run', '-d', '--name', 'client', image, 'sleep', '300')
    assert get('http://127.0.0.1:8080/index.html') == 'hi'
    assert get('http://localhost:8080/index.html') == 'hi'
    assert get('http://203.0.113.1:8080/index.html') == 'hi'
    assert get('http://203.0.113.1:8080/index.html', *neighbour) == 'hi'
    assert get('http://[2001:db8:1::1]:8080/index.html', *neighbour) == 'hi'
    for who in ('client', 'web'):
        for where in ('203.0.113.1', '[2001:db8:1::1]'):
            assert isola.out('exec', who, 'timeout', '20', 'wget', '-q', '-O-', f'http://{where}:8080/index.html') == 'hi'


def test_container_port_is_not_reached_past_the_published_one(isola, image, neighbour):
    address = serve(isola, image, 'web', '-p', '127.0.0.1:8080:80')
    subprocess.run([*neighbour, 'ip', 'route', 'add', 'default', 'via', '203.0.113.1'], check=True)
    assert get(f'http://{address}/index.html', *neighbour, patience=1) == ''
    assert get('http://203.0.113.1:8080/index.html', *neighbour, patience=1) == ''
    assert get('http://203.0.113.1:8080/index.html', patience=1) == ''
    assert get('http://127.0.0.1:8080/index.html') == 'hi'


SAY_PEER = '''
import socket
server = socket.create_server(('203.0.113.9', 7000))
server.settimeout(60)
print('ready', flush=True)
peer, address = server.accept()
peer.sendall(address[0].encode())
'''


def test_outgoing_connections_have_the_hosts_address(isola, image, neighbour):
    with subprocess.Popen([*neighbour, sys.executable, '-c', SAY_PEER], stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        assert isola.out('run', '--rm', image, 'timeout', '20', 'nc', '203.0.113.9', '7000') == '203.0.113.1'


def test_udp_range_and_chosen_ports(isola, image):
    isola('run', '-d', '--name', 'many', '-p', '8000-8003:80-83', '-p', '5353:53/udp', '-p', '90', image, 'sleep', '300')
    wanted = {(f'tcp', 8000 + i, 80 + i) for i in range(4)} | {('udp', 5353, 53)}
    found = {(key['concat'][0], key['concat'][1], value['concat'][1]) for key, value in elements('ports4')}
    assert wanted < found
    chosen = [entry for entry in found - wanted]
    assert len(chosen) == 1 and chosen[0][2] == 90 and chosen[0][1] >= 49153
    lines = isola.out('port', 'many').splitlines()
    assert '53/udp -> 0.0.0.0:5353' in lines and '80/tcp -> [::]:8000' in lines
    assert f'90/tcp -> 0.0.0.0:{chosen[0][1]}' in lines
    isola('rm', '-f', 'many')
    assert elements('ports4') == [] and elements('ports6') == []


def test_any_port_of_a_range_will_do(isola, image):
    """Several host ports for one inside: the first that is free."""
    with socket.create_server(('127.0.0.1', 8100)):
        for name, port in (('a', 8101), ('b', 8102)):
            isola('run', '-d', '--name', name, '-p', '8100-8102:80', image, 'sleep', '300')
            assert isola.out('port', name, '80').splitlines()[0] == f'0.0.0.0:{port}'
        done = isola('run', '--rm', '-p', '8100-8102:80', image, 'true', code=125)
        assert done.stderr == "isola: port 8102/tcp is already published by container 'b'\n"
    isola('run', '--rm', '-p', '8100-8102:80', image, 'true')


def test_taken_port_is_refused_with_its_owners_name(isola, image):
    serve(isola, image, 'web', '-p', '8080:80')
    done = isola('run', '--rm', '-p', '8080:80', image, 'true', code=125)
    assert "port 8080/tcp is already published by container 'web'" in done.stderr
    done = isola('run', '--rm', '-p', '127.0.0.1:8080:80', image, 'true', code=125)
    assert "port 8080/tcp is already published by container 'web'" in done.stderr
    with socket.create_server(('127.0.0.1', 9000)):
        done = isola('run', '--rm', '-p', '9000:80', image, 'true', code=125)
        assert f'(pid {os.getpid()})' in done.stderr and 'port 9000/tcp is already in use by process' in done.stderr
    done = isola('run', '--rm', '-p', '9001:80', '-p', '9001:81', image, 'true', code=125)
    assert 'port 9001/tcp is published twice' in done.stderr
    assert get('http://127.0.0.1:8080/index.html') == 'hi'
    isola('run', '--rm', '-p', '9000:80', image, 'true')


def test_host_cannot_take_a_published_port(isola, image):
    serve(isola, image, 'web', '-p', '8080:80')
    with pytest.raises(OSError):
        socket.create_server(('127.0.0.1', 8080))
    isola('rm', '-f', 'web')
    socket.create_server(('127.0.0.1', 8080)).close()


def test_published_again_after_restart(isola, image):
    serve(isola, image, 'web', '-p', '8080:80')
    isola('restart', '-t', '0', 'web')
    wait_until(lambda: get('http://127.0.0.1:8080/index.html') == 'hi')


@pytest.mark.parametrize('where', ['', '0.0.0.0:', '127.0.0.1:'])
def test_port_outlives_the_monitor_and_goes_with_the_container(isola, image, where):
    serve(isola, image, 'web', '-p', f'{where}8080:80')
    kill(isola.state('web')['MonitorPid'])
    assert get('http://127.0.0.1:8080/index.html') == 'hi'
    isola('ps')
    with pytest.raises(OSError):
        socket.create_server(('127.0.0.1', 8080))
    isola('rm', '-f', 'web')
    assert elements('ports4') == [] and elements('ports4_at') == []
    socket.create_server(('127.0.0.1', 8080)).close()


def test_ports_come_back_after_a_flush(isola, image):
    serve(isola, image, 'web', '-p', '8080:80')
    subprocess.run(['nft', 'flush', 'ruleset'], check=True)
    isola('run', '--rm', image, 'true')
    assert get('http://127.0.0.1:8080/index.html') == 'hi'


def test_other_tables_are_left_alone(isola, image):
    subprocess.run('nft add table inet theirs; nft add chain inet theirs c', shell=True, check=True)
    serve(isola, image, 'web', '-p', '8080:80')
    tables = subprocess.check_output(['nft', 'list', 'tables'], text=True)
    isola('rm', '-f', 'web')
    later = subprocess.check_output(['nft', 'list', 'tables'], text=True)
    subprocess.run(['nft', 'delete', 'table', 'inet', 'theirs'], check=True)
    assert sorted(tables.splitlines()) == ['table inet isola', 'table inet theirs']
    assert later.splitlines() == ['table inet theirs']
