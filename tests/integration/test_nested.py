# SPDX-License-Identifier: GPL-2.0-or-later
"""isola in a container of isola's: root's and a user's, root's and users' inside."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from conftest import AS_USER, KERNEL, Isola, wait_until
from inner_life import LIFE, LIVED

pytestmark = pytest.mark.skipif(AS_USER, reason='makes its own users')
SERVER = '''import socket
s = socket.create_server(("", 9000))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.recv(65536)
    c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nout there\\n")
    c.close()
'''
PRIVILEGED = ['--privileged']
WITHOUT_NET_ADMIN = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined', '--security-opt', 'systempaths=unconfined']


@pytest.fixture(scope='module')
def served(world):
    server = subprocess.Popen([*world, sys.executable, '-c', SERVER], stdout=subprocess.PIPE)
    server.stdout.readline()
    yield
    server.kill()
    server.wait()


@pytest.fixture(params=['root', 'user'])
def outer(request, joe, uplink, rootfs_tar):
    """isola outside, root's or a user's, which shows its program and an archive to the one inside."""
    user = joe if request.param == 'user' else None
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = Isola(directory, user=user)
    with open(rootfs_tar, 'rb') as archive:
        isola('image', 'import', '-', 'busybox', stdin=archive)
    shown = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    shown.chmod(0o755)
    shutil.copy(rootfs_tar, shown / 'rootfs.tar')
    (shown / 'rootfs.tar').chmod(0o644)
    (shown / 'Dockerfile').write_text('FROM b\nRUN id -u > /who && chown 1000 /who\nCMD echo $(cat /who) $(stat -c %u /who)\n')
    isola.shows = ['-v', f'{joe.directory}:/isola:ro', '-v', f'{shown}:/in:ro']
    yield isola
    isola.remove_all()
    wait_until(lambda: isola.out('ps', '-aq') == '')
    isola.remove_state(directory)
    shutil.rmtree(shown)


def inside(outer, options, script, **more):
    return outer('run', '--rm', *options, *outer.shows, '-v', 'inner:/var/lib/isola', 'busybox', 'sh', '-c', script, timeout=120, **more)


@pytest.mark.parametrize('options', [PRIVILEGED, WITHOUT_NET_ADMIN], ids=['privileged', 'sys_admin'])
def test_life_inside(outer, options):
    """Without CAP_NET_ADMIN inside, as with it: then networks are in a namespace of one's own."""
    assert inside(outer, options, LIFE).stdout.splitlines() == LIVED


def test_the_world_is_reached_from_inside(outer, served):
    script = '/isola/isola image import /in/rootfs.tar b >/dev/null; /isola/isola run --rm b wget -q -O - http://192.0.2.1:9000/'
    assert inside(outer, PRIVILEGED, script).stdout == 'out there\n'


@pytest.mark.skipif(KERNEL < (6, 6), reason='a tmpfs keeps no user.* attributes before Linux 6.6')
def test_ordinary_user_inside(outer):
    """He has no range of ids there, and no root's rights."""
    script = ('set -e; export HOME=/home/user; /isola/isola image import /in/rootfs.tar b >/dev/null 2>&1; '
              '/isola/isola run --rm --network none b id -u; id -u')
    assert inside(outer, [*PRIVILEGED, '-u', '1000:1000', '--tmpfs', '/home/user:mode=1777'], script).stdout.split() == ['0', '1000']


def test_what_is_missing_is_said(outer):
    done = inside(outer, [], '/isola/isola image import /in/rootfs.tar b', code=None)
    assert 'cannot make a user namespace' in done.stderr and 'the container around us forbids it' in done.stderr
    done = inside(outer, WITHOUT_NET_ADMIN[:4], '/isola/isola image import /in/rootfs.tar b >/dev/null; '
                  '/isola/isola run --rm --network none b true', code=None)
    assert 'systempaths=unconfined' in done.stderr
    done = outer('run', '--rm', *PRIVILEGED, *outer.shows, 'busybox', 'sh', '-c', '/isola/isola image import /in/rootfs.tar b >/dev/null; '
                 '/isola/isola run --rm --network none b true', code=None)
    assert done.returncode != 0 and 'volume' in done.stderr, done.stderr


@pytest.mark.parametrize('options', [PRIVILEGED, WITHOUT_NET_ADMIN], ids=['privileged', 'sys_admin'])
def test_isola_is_the_first_process(outer, options):
    """Nobody else keeps the mount namespace that it leaves, and by which its helpers are found."""
    inside(outer, options, 'exec /isola/isola image import /in/rootfs.tar b')
    assert inside(outer, options, 'exec /isola/isola run --rm --network none b id -u').stdout == '0\n'


def test_inner_containers_end_with_the_outer(outer):
    script = ('/isola/isola image import /in/rootfs.tar b >/dev/null; /isola/isola run -d --network none b sleep 31415 >/dev/null; exec sleep 1000')
    outer('run', '-d', '--name', 'o', *PRIVILEGED, *outer.shows, '-v', 'inner:/var/lib/isola', 'busybox', 'sh', '-c', script)
    wait_until(lambda: outer.out('exec', 'o', '/isola/isola', 'ps', '-q', code=None))
    outer('rm', '-f', 'o')
    assert subprocess.run(['pgrep', '-f', '^sleep 31415$'], stdout=subprocess.PIPE).stdout == b''
    done = outer('run', '--rm', *PRIVILEGED, *outer.shows, '-v', 'inner:/var/lib/isola', 'busybox', '/isola/isola', 'ps', '-a', '--format',
                 '{{.State}}')
    assert done.stdout == 'exited\n'
