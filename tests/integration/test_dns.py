# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers on one network find each other by name; other names are asked of the host's resolvers."""
import contextlib
import socket
import struct
import subprocess
import threading

import pytest
from conftest import kill, wait_until


def lookup(isola, image, name, *options, kind='a'):
    """Addresses of a name as a container sees them, in the order given."""
    done = isola('run', '--rm', *options, image, 'nslookup', f'-type={kind}', name, code=None)
    lines = done.stdout.splitlines()[2:]
    return [line.split(': ')[1] for line in lines if line.startswith('Address')], done.stdout


def address(isola, name, family='IPAddress'):
    networks = isola.inspect(name)['NetworkSettings']['Networks']
    return next(iter(networks.values()))[family]


@pytest.fixture
def lab(isola):
    isola('network', 'create', 'lab')
    yield 'lab'
    isola.remove_all()
    isola('network', 'rm', 'lab')


def serve(isola, image, name, *options):
    isola('run', '-d', '--name', name, *options, image, 'sleep', '1000')


def test_containers_find_each_other_by_name(isola, image):
    serve(isola, image, 'web')
    assert lookup(isola, image, 'web')[0] == [address(isola, 'web')]
    assert lookup(isola, image, 'WEB')[0] == [address(isola, 'web')]
    assert isola.out('run', '--rm', '--cap-add', 'NET_RAW', image, 'ping', '-c1', '-W2', 'web')


def test_names_are_of_one_network_only(isola, image, lab):
    serve(isola, image, 'inside', '--network', lab, '--network-alias', 'alias')
    serve(isola, image, 'outside')
    assert lookup(isola, image, 'inside', '--network', lab)[0] == [address(isola, 'inside')]
    assert lookup(isola, image, 'alias', '--network', lab)[0] == [address(isola, 'inside')]
    assert lookup(isola, image, 'inside.lab', '--network', lab)[0] == [address(isola, 'inside')]
    assert lookup(isola, image, 'outside', '--network', lab)[0] == []
    assert lookup(isola, image, 'inside')[0] == []


def test_one_alias_has_several_addresses_in_turn(isola, image, lab):
    for name in ('one', 'two', 'three'):
        serve(isola, image, name, '--network', lab, '--network-alias', 'pool')
    wanted = sorted(address(isola, name) for name in ('one', 'two', 'three'))
    script = 'for i in 1 2 3; do nslookup -type=a pool | grep Address: | sed -n 2p; done'
    firsts = isola.out('run', '--rm', '--network', lab, image, 'sh', '-c', script).splitlines()
    assert sorted(line.split()[1] for line in firsts) == wanted
    assert sorted(lookup(isola, image, 'pool', '--network', lab)[0]) == wanted


def test_a_stopped_container_has_no_name_any_more(isola, image):
    serve(isola, image, 'web')
    assert lookup(isola, image, 'web')[0]
    isola('stop', '-t', '0', 'web')
    assert lookup(isola, image, 'web')[0] == []
    isola('start', 'web')
    assert lookup(isola, image, 'web')[0] == [address(isola, 'web')]


def test_addresses_have_names(isola, image):
    serve(isola, image, 'web')
    out = isola.out('run', '--rm', image, 'nslookup', address(isola, 'web'))
    assert 'name = web.bridge' in out


def test_ipv6_is_answered(isola, image):
    isola('network', 'create', '--ipv6', 'six')
    try:
        serve(isola, image, 'web', '--network', 'six')
        six = address(isola, 'web', 'GlobalIPv6Address')
        assert six
        assert lookup(isola, image, 'web', '--network', 'six', kind='aaaa')[0] == [six]
    finally:
        isola.remove_all()
        isola('network', 'rm', 'six')


def answer(query, code=0, address=None, cut=False):
    """A resolver's answer to a query."""
    end = 12
    while query[end]:
        end += query[end] + 1
    end += 5
    flags = 0x8180 | code | (0x0200 if cut else 0)
    message = query[:2] + struct.pack('!5H', flags, 1, 1 if address else 0, 0, 0) + query[12:end]
    if address:
        message += struct.pack('!HHHIH', 0xc00c, 1, 1, 60, 4) + socket.inet_aton(address)
    return message


@contextlib.contextmanager
def resolver(ip, reply, port=53):
    """A name server of the host on UDP; reply(query) gives the answer, or None for silence."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((ip, port))
    asked = []

    def run():
        while True:
            query, sender = server.recvfrom(4096)
            if not query:
                return
            asked.append((query, sender))
            message = reply(query)
            if message:
                server.sendto(message, sender)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield asked
    finally:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', (ip, port))
        thread.join()
        server.close()


@pytest.fixture
def resolv_conf(tmp_path):
    """Mounts a resolv.conf of the test's own over the test host's."""
    file = tmp_path / 'resolv.conf'
    file.write_text('')
    subprocess.run(['mount', '--bind', file, '/etc/resolv.conf'], check=True)
    yield file
    subprocess.run(['umount', '/etc/resolv.conf'], check=True)


def test_other_names_are_asked_of_the_hosts_resolver(isola, image, resolv_conf):
    resolv_conf.write_text('nameserver 127.0.0.53\n')
    with resolver('127.0.0.53', lambda query: answer(query, address='192.0.2.7')) as asked:
        assert lookup(isola, image, 'www.example.com')[0] == ['192.0.2.7']
        assert lookup(isola, image, 'single')[0] == ['192.0.2.7']
    ports = {sender[1] for _, sender in asked}
    assert len(ports) == len(asked)


def test_a_changed_resolv_conf_is_noticed(isola, image, resolv_conf):
    resolv_conf.write_text('nameserver 127.0.0.53\n')
    with resolver('127.0.0.53', lambda query: answer(query, address='192.0.2.1')), \
            resolver('127.0.0.54', lambda query: answer(query, address='192.0.2.2')):
        serve(isola, image, 'web')
        assert '192.0.2.1' in isola.out('exec', 'web', 'nslookup', '-type=a', 'www.example.com')
        resolv_conf.write_text('nameserver 127.0.0.54\n')
        assert '192.0.2.2' in isola.out('exec', 'web', 'nslookup', '-type=a', 'www.example.com')


def test_a_silent_resolver_is_followed_by_the_next(isola, image, resolv_conf):
    resolv_conf.write_text('nameserver 127.0.0.53\nnameserver 127.0.0.54\n')
    with resolver('127.0.0.53', lambda query: None) as silent, \
            resolver('127.0.0.54', lambda query: answer(query, address='192.0.2.2')):
        assert lookup(isola, image, 'www.example.com')[0] == ['192.0.2.2']
        assert silent


def test_given_name_servers_are_asked_instead(isola, image):
    with resolver('127.0.0.55', lambda query: answer(query, address='192.0.2.5')):
        assert lookup(isola, image, 'www.example.com', '--dns', '127.0.0.55')[0] == ['192.0.2.5']


def test_without_a_resolver_the_answer_is_quick(isola, image, resolv_conf):
    done = isola('run', '--rm', image, 'nslookup', '-type=a', 'www.example.com', code=None)
    assert 'SERVFAIL' in done.stdout + done.stderr


def test_an_internal_network_asks_nobody(isola, image, resolv_conf):
    resolv_conf.write_text('nameserver 127.0.0.53\n')
    isola('network', 'create', '--internal', 'closed')
    try:
        with resolver('127.0.0.53', lambda query: answer(query, address='192.0.2.7')) as asked:
            serve(isola, image, 'web', '--network', 'closed')
            assert lookup(isola, image, 'web', '--network', 'closed')[0] == [address(isola, 'web')]
            out = lookup(isola, image, 'www.example.com', '--network', 'closed')[1]
            assert '192.0.2.7' not in out
        assert not asked
    finally:
        isola.remove_all()
        isola('network', 'rm', 'closed')


def test_names_are_found_again_after_the_monitor_was_killed(isola, image):
    serve(isola, image, 'web')
    serve(isola, image, 'asker')
    kill(isola.state('asker')['MonitorPid'])
    isola('ps')  # adopts it
    wait_until(lambda: isola('exec', 'asker', 'nslookup', '-type=a', 'web', code=None).returncode == 0)
    assert address(isola, 'web') in isola.out('exec', 'asker', 'nslookup', '-type=a', 'web')
