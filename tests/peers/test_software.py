# SPDX-License-Identifier: GPL-2.0-or-later
"""Well-known software in a Debian image, under the default and the strict profile."""
import contextlib
import hashlib
import pathlib
import shutil
import subprocess
import tempfile
import urllib.request

import pytest
from conftest import PEERS, integration

POSTGRES = ('install -d -o postgres /run/postgresql; exec setpriv --reuid postgres --regid postgres --init-groups '
            '/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main '
            '-c config_file=/etc/postgresql/15/main/postgresql.conf')


@pytest.fixture(scope='module')
def isola():
    archive = PEERS / 'debian.tar'
    if not archive.exists():
        pytest.skip('build-peers/debian.tar is not there: tools/peers makes it')
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-software-', dir='/var/tmp'))
    binary = integration.Isola(directory)
    binary('image', 'import', archive, 'debian')
    yield binary
    binary.remove_all()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=['default', 'strict'])
def start(isola, request):
    """Starts a service; the profile is the parameter."""
    options = ('--security-opt', 'strict') if request.param == 'strict' else ()

    def call(*words):
        isola('run', '-d', '--name', 'service', *options, *words)
        return 'service'
    yield call
    isola('rm', '-f', 'service')


def answers(isola, *words):
    """What a client in the container gets, once the service is there."""
    return integration.wait_until(lambda: isola('exec', *words, code=None).stdout.strip(), what='an answer')


def test_nginx_serves_pages(start):
    start('-p', '8077:80', 'debian', 'nginx', '-g', 'daemon off;')

    def page():
        with contextlib.suppress(OSError):
            with urllib.request.urlopen('http://127.0.0.1:8077/', timeout=5) as reply:
                return reply.read().decode()
        return None
    assert 'Welcome to nginx' in integration.wait_until(page, what='a page')


def test_redis_keeps_values(isola, start):
    name = start('debian', 'redis-server', '--save', '')
    assert answers(isola, name, 'redis-cli', 'set', 'key', 'value') == 'OK'
    assert answers(isola, name, 'redis-cli', 'get', 'key') == 'value'


def test_postgres_keeps_tables(isola, start):
    name = start('debian', 'sh', '-c', POSTGRES)
    query = 'create temporary table t (n int); insert into t values (42); select n from t'
    client = ('-u', 'postgres', name, 'psql', '-qAtc')
    assert answers(isola, *client, query) == '42'


@pytest.fixture
def repository(tmp_path):
    """A repository of one small package."""
    package = tmp_path / 'package'
    (package / 'DEBIAN').mkdir(parents=True)
    (package / 'usr/bin').mkdir(parents=True)
    control = ('Package: island-hello\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\n'
               'Description: says hello\n')
    (package / 'DEBIAN/control').write_text(control)
    (package / 'usr/bin/island-hello').write_text('#!/bin/sh\necho hello\n')
    (package / 'usr/bin/island-hello').chmod(0o755)
    folder = tmp_path / 'repository'
    folder.mkdir()
    archive = folder / 'island-hello.deb'
    subprocess.run(['dpkg-deb', '--root-owner-group', '-b', package, archive], check=True, stdout=subprocess.DEVNULL)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / 'Packages').write_text(f'{control}Filename: ./island-hello.deb\nSize: {archive.stat().st_size}\n'
                                     f'SHA256: {digest}\n')
    for path in (tmp_path, folder):
        path.chmod(0o755)
    return folder


def test_apt_installs_packages(isola, repository):
    script = ('rm -f /etc/apt/sources.list.d/*; echo "deb [trusted=yes] file:/repository ./" >/etc/apt/sources.list; '
              'apt-get update -q && apt-get install -qy island-hello && island-hello')
    done = isola('run', '--rm', '-v', f'{repository}:/repository:ro', 'debian', 'sh', '-c', script, timeout=120)
    assert done.stdout.splitlines()[-1] == 'hello'
