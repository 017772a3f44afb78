# SPDX-License-Identifier: GPL-2.0-or-later
"""isola of an ordinary user: fixtures for tests that are root's and look at him from outside."""
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import Isola, wait_until


@pytest.fixture
def home(joe, rootfs_tar):
    """isola as joe, with the image busybox, in directories of its own."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = Isola(directory, user=joe)
    import_busybox(isola, rootfs_tar)
    yield isola
    isola.remove_all()
    wait_until(lambda: not processes(joe), what='the end of the last monitor')
    shutil.rmtree(directory)


@pytest.fixture
def single(joe, rootfs_tar):
    """The same of a user to whom nobody has given a range."""
    joe.without_range()
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = Isola(directory, user=joe)
    isola.told = import_busybox(isola, rootfs_tar)
    yield isola
    isola.remove_all()
    wait_until(lambda: not processes(joe), what='the end of the last monitor')
    shutil.rmtree(directory)
    joe.with_range()


def processes(joe):
    """Of joe's, those that live."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if path.stat().st_uid == joe.uid and (path / 'stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z':
                found.append(path.name)
        except OSError:
            pass
    return found


def import_busybox(isola, rootfs_tar):
    with open(rootfs_tar, 'rb') as archive:
        return isola('image', 'import', '-', 'busybox', stdin=archive).stderr


@pytest.fixture
def page(uplink):
    """A server in the world."""
    server = subprocess.Popen([*uplink, 'busybox', 'httpd', '-f', '-p', '80', '-h', '/etc'])
    yield
    server.kill()
    server.wait()


CALLER = ('mkdir -p /w/cgi-bin; printf "#!/bin/sh\\necho; echo \\$REMOTE_ADDR\\n" > /w/cgi-bin/who; chmod +x /w/cgi-bin/who; '
          'exec httpd -f -p 80 -h /w')


def fetch(url, via=()):
    done = subprocess.run([*via, 'wget', '-T', '10', '-t', '1', '-qO-', url], stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().strip('[]').removeprefix('::ffff:')
