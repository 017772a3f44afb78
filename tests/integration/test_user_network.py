# SPDX-License-Identifier: GPL-2.0-or-later
"""An ordinary user's ways to the world: a pasta of a container's own, and what becomes of it and of the shared one."""
import contextlib
import os
import pathlib
import socket
import struct
import subprocess
import threading

import pytest
from conftest import AS_USER, is_dead, kill, wait_until
from user_home import CALLER, fetch, home, page, processes  # noqa: F401

pytestmark = pytest.mark.skipif(AS_USER, reason='makes its own users')

OWN = ('--network', 'pasta')


def pastas(joe):
    return [int(pid) for pid in processes(joe) if (pathlib.Path('/proc') / pid / 'comm').read_text().startswith('pas')]


def own_pasta(home, name):
    return int((pathlib.Path(home.run_root) / 'containers' / home.inspect(name)['Id'] / 'pasta.pid').read_text())


@contextlib.contextmanager
def covered(path, text, tmp_path):
    file = tmp_path / os.path.basename(path)
    file.write_text(text)
    file.chmod(0o644)
    subprocess.run(['mount', '--bind', file, path], check=True)
    try:
        yield
    finally:
        subprocess.run(['umount', path], check=True)


@pytest.fixture
def resolver(tmp_path):
    """A name server that only the machine reaches, at 127.0.0.1: every name is 198.51.100.9."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, covered('/etc/resolv.conf', 'nameserver 127.0.0.1\n', tmp_path):
        s.bind(('127.0.0.1', 53))

        def serve():
            while True:
                query, peer = s.recvfrom(4096)
                if query == b'end':
                    return
                end = query.index(b'\0', 12) + 5
                a = query[end - 4:end - 2] == b'\0\x01'
                answer = b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 60, 4) + socket.inet_aton('198.51.100.9') if a else b''
                s.sendto(query[:2] + struct.pack('>HHHHH', 0x8180, 1, int(a), 0, 0) + query[12:end] + answer, peer)
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b'end', ('127.0.0.1', 53))
        thread.join(5)


def test_pasta_of_its_own_has_the_machines_addresses(home, page):
    # With it the gateway's address is the machine's own loopback.
    home('run', '-d', '--name', 'a', '--network', 'pasta:--no-map-gw', 'busybox', 'sleep', '1000')
    addresses = home.out('exec', 'a', 'ip', 'address')
    assert 'inet 192.0.2.2/24' in addresses and 'inet6 2001:db8::2/64' in addresses
    for address in ('198.51.100.7', '[2001:db8::1]'):
        wait_until(lambda: home('exec', 'a', 'timeout', '5', 'wget', '-qO-', f'http://{address}/hostname', code=None).stdout != '')
    assert os.readlink(f'/proc/{home.pid("a")}/ns/net') != os.readlink('/proc/self/ns/net')


def test_pasta_of_its_own_ends_with_its_container(home, uplink, joe):
    assert home.out('run', '--rm', *OWN, 'busybox', 'echo', 'hi') == 'hi'
    wait_until(lambda: not processes(joe))
    home('run', '-d', '--name', 'a', *OWN, 'busybox', 'sleep', '1000')
    one = own_pasta(home, 'a')
    kill(home.state('a')['MonitorPid'])
    home('exec', 'a', 'true')
    assert not is_dead(one)
    kill(home.state('a')['MonitorPid'])
    kill(home.pid('a'))
    home('ps')
    wait_until(lambda: is_dead(one))
    home('start', 'a')
    two = own_pasta(home, 'a')
    assert two != one
    home('rm', '-f', 'a')
    wait_until(lambda: is_dead(two) and not processes(joe))


def test_pasta_that_dies_comes_back(home, page, joe):
    home('run', '-d', '--name', 'a', *OWN, '-p', '18080:80', 'busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www')
    home('run', '-d', '--name', 'b', 'busybox', 'sleep', '1000')
    wait_until(lambda: fetch('http://192.0.2.2:18080/') == 'hello from inside')
    own, shared = own_pasta(home, 'a'), int((pathlib.Path(home.run_root) / 'rootless/pasta.pid').read_text())
    wait_until(lambda: home('exec', 'b', 'timeout', '5', 'wget', '-qO-', 'http://198.51.100.7/hostname', code=None).stdout)
    threading.Event().wait(1.1)  # one that dies sooner is given up
    kill(own)
    kill(shared)
    wait_until(lambda: fetch('http://192.0.2.2:18080/') == 'hello from inside')
    wait_until(lambda: home('exec', 'b', 'timeout', '5', 'wget', '-qO-', 'http://198.51.100.7/hostname', code=None).stdout)
    assert len(pastas(joe)) == 2 and own not in pastas(joe) and shared not in pastas(joe)


def test_ports_of_a_pasta_of_its_own(home, uplink):
    home('run', '-d', '--name', 'a', *OWN, '-p', '18080:80', '-p', '127.0.0.1:18081:80', '-p', '80', 'busybox', 'sh', '-c', CALLER)
    free = home.out('port', 'a', '80/tcp').splitlines()[-1].rsplit(':', 1)[1]
    wait_until(lambda: fetch('http://192.0.2.2:18080/cgi-bin/who', uplink) == '192.0.2.1')
    wait_until(lambda: fetch('http://[2001:db8::2]:18080/cgi-bin/who', uplink) == '2001:db8::1')  # its address is being tried first
    assert fetch('http://127.0.0.1:18081/cgi-bin/who') != ''
    assert fetch('http://192.0.2.2:18081/cgi-bin/who', uplink) == ''
    assert fetch(f'http://192.0.2.2:{free}/cgi-bin/who', uplink) == '192.0.2.1'
    taken = home('run', '--rm', *OWN, '-p', '18080:80', 'busybox', 'true', code=125).stderr
    assert "port 18080/tcp is already published by container 'a'" in taken
    taken = home('run', '--rm', '-p', '18080:80', 'busybox', 'true', code=125).stderr
    assert "port 18080/tcp is already published by container 'a'" in taken
    low = home('run', '--rm', *OWN, '-p', '80:80', 'busybox', 'true', code=125).stderr
    assert 'net.ipv4.ip_unprivileged_port_start=80' in low
    home('rm', '-f', 'a')
    home('run', '--rm', *OWN, '-p', '18080:80', 'busybox', 'true')


def test_nothing_of_the_machines_loopback_is_in_it_unasked(home, uplink):
    with socket.socket() as server:
        server.bind(('127.0.0.1', 18099))
        server.listen()
        assert home('run', '--rm', *OWN, 'busybox', 'nc', '-w', '2', '127.0.0.1', '18099', code=1)


def test_machine_has_a_name(home, uplink):
    with subprocess.Popen(['busybox', 'httpd', '-f', '-p', '127.0.0.1:18090', '-h', '/etc']) as server:
        try:
            got = wait_until(lambda: home('run', '--rm', *OWN, 'busybox', 'timeout', '5', 'wget', '-qO-',
                                          'http://host.containers.internal:18090/hostname', code=None).stdout)
            assert got.strip() == pathlib.Path('/etc/hostname').read_text().strip()
            assert '192.0.2.1\tm' in home.out('run', '--rm', *OWN, '--add-host', 'm:host-gateway', 'busybox', 'cat', '/etc/hosts')
        finally:
            server.kill()


@pytest.mark.parametrize('network', ['pasta', 'bridge'])
def test_names_are_asked_of_a_resolver_that_only_the_machine_reaches(home, uplink, resolver, network):
    out = home('run', '--rm', '--network', network, 'busybox', 'nslookup', 'example.org', code=None)
    assert '198.51.100.9' in out.stdout, out


@pytest.mark.parametrize('network', ['pasta', 'bridge'])
def test_without_a_resolver_names_fail_at_once(home, uplink, tmp_path, network):
    with covered('/etc/resolv.conf', '', tmp_path):
        done = home('run', '--rm', '--network', network, 'busybox', 'timeout', '4', 'nslookup', 'example.org', code=1)
    assert ('refused' if network == 'pasta' else 'example.org') in done.stdout + done.stderr, done


def test_options_are_pastas(home, uplink):
    assert 'mtu 1400' in home.out('run', '--rm', '--network', 'pasta:--mtu,1400,-4', 'busybox', 'ip', 'link')
    out = home.out('run', '--rm', '--network', 'pasta:-a,10.7.7.7,-n,24,-g,10.7.7.1', 'busybox', 'sh', '-c', 'ip -4 address; cat /etc/hosts')
    assert 'inet 10.7.7.7/24' in out and '10.7.7.1\thost.containers.internal' in out


@pytest.mark.parametrize('network, told', [
    ('pasta:--pid,/tmp/x', "'--pid' of 'pasta' is not for --network"),
    ('pasta:-P,/tmp/x', "'--pid' of 'pasta' is not for --network"),
    ('pasta:--netns=/proc/1/ns/net', "'--netns' of 'pasta' is not for --network"),
    ('pasta:mtu=3', "'mtu=3' is not an option of 'pasta'"),
    ('slirp4netns', '--network pasta does the same'),
    ('slirp4netns:port_handler=x', '--network pasta does the same'),
])
def test_what_is_not_for_pasta_is_refused(home, network, told):
    assert told in home('create', '--network', network, 'busybox', 'true', code=125).stderr


def test_option_that_pasta_does_not_know_is_told(home, uplink, joe):
    done = home('run', '--rm', '--network', 'pasta:--colour,blue', 'busybox', 'true', code=125)
    assert "'pasta' failed" in done.stderr
    wait_until(lambda: not processes(joe))


def test_root_has_networks_without_it(isola):
    assert '--network pasta is for ordinary users' in isola('create', '--network', 'pasta', 'busybox', 'true', code=125).stderr


@pytest.mark.parametrize('network', ['bridge', 'lab', 'pasta'])
def test_ports_with_every_network(home, uplink, network):
    if network == 'lab':
        home('network', 'create', 'lab')
    home('run', '-d', '--name', 'a', '--network', network, '-p', '18080:80', '-p', '[::1]:18082:80', 'busybox', 'sh', '-c', CALLER)
    wait_until(lambda: fetch('http://127.0.0.1:18080/cgi-bin/who'))
    assert fetch('http://[::1]:18080/cgi-bin/who') and fetch('http://[::1]:18082/cgi-bin/who')
    home('run', '-d', '--name', 'b', '--network', 'container:a', 'busybox', 'httpd', '-f', '-p', '81', '-h', '/var/www')
    wait_until(lambda: home('exec', 'a', 'wget', '-qO-', 'http://127.0.0.1:81/', code=None).stdout == 'hello from inside\n')
    home('rm', '-f', 'b', 'a')


@pytest.mark.parametrize('network, told', [('none', 'no port can be published'), ('host', 'published ports are discarded'),
                                           ('container:a', 'no port can be published')])
def test_ports_without_a_network_are_refused_or_said_to_be_discarded(home, network, told):
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    assert told in home('run', '--rm', '--network', network, '-p', '18080:80', 'busybox', 'true', code=None).stderr


def test_ten_at_once(home, page, joe):
    """Of each kind five, in the moment in which there is no namespace and no pasta yet."""
    running = [home.start('run', '-d', '--name', f'c{i}', '--network', 'pasta' if i % 2 else 'bridge', '-p', f'{18100 + i}:80',
                          'busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www') for i in range(10)]
    for command in running:
        assert command.wait(120) == 0, command.communicate()
    for i in range(10):
        wait_until(lambda: fetch(f'http://192.0.2.2:{18100 + i}/') == 'hello from inside')
        wait_until(lambda: home('exec', f'c{i}', 'timeout', '5', 'wget', '-qO-', 'http://198.51.100.7/hostname', code=None).stdout)
    assert len(pastas(joe)) == 6
    home('rm', '-f', *(f'c{i}' for i in range(10)))
    wait_until(lambda: not processes(joe))


@pytest.mark.parametrize('point', ['uplink.started', 'own_network.started', 'monitor.connected', 'uplink.ended'])
def test_pasta_of_a_killed_monitor_is_not_left(home, uplink, joe, point):
    network = 'pasta' if point.startswith('own') else 'bridge'
    home('run', '--rm', '--network', network, 'busybox', 'true', env={'ISOLA_FAULT': point}, code=None)
    home('ps')
    wait_until(lambda: not processes(joe), what='the end of pasta')
    assert home.out('run', '--rm', '--network', network, 'busybox', 'echo', 'on') == 'on'


def test_pasta_of_a_lost_namespace_is_not_left(home, uplink, joe):
    home('run', '-d', '--name', 'a', 'busybox', 'sleep', '1000')
    one = pastas(joe)
    (pathlib.Path(home.run_root) / 'rootless/network.json').unlink()
    home('run', '-d', '--name', 'b', 'busybox', 'sleep', '1000')
    two = pastas(joe)
    assert len(one) == len(two) == 1 and one != two
    home('rm', '-f', 'a', 'b')
    wait_until(lambda: not processes(joe))
