# SPDX-License-Identifier: GPL-2.0-or-later
"""`isola ports` shows what `ss` shows, for every network namespace at once."""
import json
import os
import re
import socket
import subprocess

import pytest
from conftest import wait_until


def rows(isola, *options):
    return [json.loads(line) for line in isola.out('ports', '--format', 'json', *options).splitlines()]


def ss(*prefix):
    """{(proto, address, port)} of all listeners as ss sees them."""
    out = subprocess.run([*prefix, 'ss', '-Hnltu'], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = set()
    for line in out.splitlines():
        fields = line.split()
        address, port = fields[4].rsplit(':', 1)
        address = re.sub(r'%.*', '', address.strip('[]')).replace('*', '::')
        found.add((fields[0], address, port))
    return found


def own(found, netns):
    inode = str(os.stat(netns).st_ino)
    return [row for row in found if row['NetworkNamespace'] == inode]


def keys(found):
    return {(row['Proto'], row['Address'], row['Port']) for row in found}


@pytest.mark.needs_root('whose a socket of another user is, only root is told')
def test_it_agrees_with_ss(isola, image):
    isola('run', '-d', '--name', 'web', image, 'httpd', '-f', '-p', '80')
    pid = isola.pid('web')
    wait_until(lambda: ('tcp', '::', '80') in ss('nsenter', '-n', '-t', str(pid)), what='httpd')
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
            socket.socket(socket.AF_INET6) as six:
        tcp.bind(('127.0.0.1', 0))
        udp.bind(('0.0.0.0', 0))
        six.bind(('::1', 0))
        tcp.listen()
        six.listen()
        found = rows(isola)
        here = own(found, '/proc/self/ns/net')
        assert keys(here) == ss()
        assert {row['PID'] for row in here if row['Port'] == str(tcp.getsockname()[1])} == {str(os.getpid())}
    assert keys(own(found, f'/proc/{pid}/ns/net')) == ss('nsenter', '-n', '-t', str(pid))


def test_containers_are_named_and_so_is_what_leads_there(isola, image):
    isola('run', '-d', '--name', 'web', '-p', '8080:80', '-p', '127.0.0.1:8081:80', image, 'httpd', '-f', '-p', '80')
    row = wait_until(lambda: next((row for row in rows(isola, '--filter', 'container=web', '--filter', 'port=80/tcp')),
                                  None), what='httpd')
    assert (row['Proto'], row['Process'], row['Container']) == ('tcp', 'httpd', 'web')
    assert row['PID'] == str(isola.pid('web')) and row['PIDInside'] == '1'
    assert '0.0.0.0:8080' in row['Published'] and '127.0.0.1:8081' in row['Published']
    table = isola.out('ports').splitlines()
    assert re.match(r'PROTO +ADDRESS +PORT +PROCESS +PID +PID INSIDE +CONTAINER +PUBLISHED', table[0])
    assert isola.out('ports', '-q', '--filter', 'published=true').split() == [row['PID']]


def test_a_second_process_is_told_by_its_inner_pid(isola, image):
    isola('run', '-d', '--name', 'web', '--network', 'none', image, 'sh', '-c', 'httpd -f -p 81 & wait')
    row = wait_until(lambda: next(iter(rows(isola, '--filter', 'container=web', '--filter', 'port=81')), None))
    assert row['PIDInside'] == '2' and row['Published'] == ''


def test_connections_are_shown_with_all(isola):
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port = listener.getsockname()[1]
        client.connect(('127.0.0.1', port))
        assert [row['State'] for row in rows(isola, '--filter', f'port={port}')] == ['LISTEN']
        states = {row['State'] for row in rows(isola, '-a') if row['Peer'] == f'127.0.0.1:{port}'}
        assert states == {'ESTAB'}


@pytest.mark.parametrize('filter, words', [
    ('colour=blue', "there is no filter 'colour=blue'"),
    ('port', "there is no filter 'port'"),
    ('published=perhaps', "filter 'published=perhaps': neither true nor false"),
])
def test_wrong_filters_are_named(isola, filter, words):
    assert words in isola('ports', '--filter', filter, code=1).stderr
