# SPDX-License-Identifier: GPL-2.0-or-later
"""The store after a power cut: what was not flushed to the disk is lost, and another boot follows.

The store lies on an ext4 of its own whose disk is a file (a loop device).  A copy of that file, made while the command is
killed or stopped, has what the file system had written to its disk by then and nothing that only its page cache had: files
that were renamed but not synced come back empty, or not at all.  It is mounted in the place of the first one, and whatever
there tells of this boot is made to tell of an earlier one.
"""
import filecmp
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import pytest
from conftest import Isola, wait_until
from registry_host import Image, busybox_files, make_tar, registry  # noqa: F401
from test_injected import STRACE, WHOLE

pytestmark = pytest.mark.needs_root('mounts a disk')
FILE = 'FROM base\nCOPY f /f\nRUN --network=none echo a > /a\n'
BIG = random.Random(7).randbytes(2 << 20)


class Disk:
    """A file system on a file, mounted where the state is; cut() makes it what a power cut would leave."""

    def __init__(self, directory):
        self.file, self.mount = directory / 'disk', directory / 'mounted'
        self.mount.mkdir()
        subprocess.run(['truncate', '-s', '96M', self.file], check=True)
        subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-m', '0', '-E', 'lazy_itable_init=1', self.file], check=True)
        self.attach()

    def attach(self):
        if subprocess.run(['mount', '-o', 'loop', self.file, self.mount], stderr=subprocess.DEVNULL).returncode:
            pytest.skip('no loop device can be had here')

    def detach(self):
        subprocess.run(['umount', self.mount], check=True)

    def snapshot(self, to):
        """Copies until nothing was written meanwhile."""
        before = to.with_suffix('.before')
        for _ in range(20):
            for path in (before, to):
                subprocess.run(['cp', '--sparse=always', self.file, path], check=True)
            if filecmp.cmp(before, to, shallow=False):
                before.unlink()
                return
        raise AssertionError('the disk is never still')

    def new_boot(self):
        """The id itself cannot be covered: a /proc of which something is hidden may not be mounted in a container."""
        this = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()
        for path in [*self.mount.rglob('layer.json'), *self.mount.rglob('state.json')]:
            path.write_text(path.read_text().replace(this, str(uuid.UUID(int=0))))

    def become(self, snapshot):
        self.detach()
        shutil.move(snapshot, self.file)
        self.attach()
        self.new_boot()


class Machine:
    """A state on such a disk, with an image that was there long before."""

    def __init__(self, directory, registry):
        self.directory, self.disk = directory, Disk(directory)
        self.files = directory / 'files'
        self.files.mkdir()
        self.isola = Isola(self.disk.mount)
        self.isola.run_root = str(directory / 'run')
        base = make_tar(busybox_files())
        (self.files / 'base.tar').write_bytes(base)
        (self.files / 'context').mkdir()
        (self.files / 'context/f').write_text('text' * 1000)
        (self.files / 'context/Dockerfile').write_text(FILE)
        self.name = f'{registry.host}/power/app:v1'
        Image(base, make_tar({'etc/big': BIG, **{f'etc/{n}': bytes([n]) * 100 for n in range(200)}}), how='plain').push(registry, 'power/app', 'v1')
        self.isola('image', 'import', self.files / 'base.tar', 'base')
        self.isola('build', '-q', '-t', 'saved', self.files / 'context')
        self.isola('save', '-o', self.files / 'saved.tar', 'saved')
        self.isola('create', '--name', 'made', '--network', 'none', 'base', 'sh', '-c', 'echo x > /x')
        self.isola('start', '-a', 'made')
        self.isola('rmi', 'saved')
        os.sync()
        self.disk.snapshot(directory / 'first')
        self.words = {'pull': ('pull', '-q', self.name), 'build': ('build', '-q', '--no-cache', '-t', 'app', self.files / 'context'),
                      'load': ('load', '-q', '-i', self.files / 'saved.tar'), 'commit': ('commit', 'made', 'committed'), 'rmi': ('rmi', 'base2')}
        self.result = {'pull': self.name, 'build': 'app', 'load': 'saved', 'commit': 'committed'}

    def begin(self):
        """As it was in the beginning."""
        subprocess.run(['rm', '-rf', self.isola.run_root], check=True)
        shutil.copy(self.directory / 'first', self.directory / 'copy')
        self.disk.become(self.directory / 'copy')

    def cut(self):
        self.disk.snapshot(self.directory / 'cut')

    def boot(self):
        subprocess.run(['rm', '-rf', self.isola.run_root], check=True)
        self.disk.become(self.directory / 'cut')

    def check(self, verb, complete):
        """What was whole is whole; the same command goes through."""
        isola = self.isola
        done = isola('store', 'check', code=None)
        assert done.returncode == 0, done.stdout + done.stderr
        assert isola.out('run', '--rm', '--network', 'none', 'base', 'echo', 'yes') == 'yes'
        if complete:
            assert isola('image', 'inspect', self.result[verb], code=None).returncode == 0, 'it had said that it was done'
        isola(*self.words[verb])
        out = isola('run', '--rm', '--network', 'none', '--pull', 'never', self.result[verb], 'cat', *{'pull': ['/etc/big'], 'commit': ['/x']}.get(verb, ['/f']), text=False).stdout
        assert out == {'pull': BIG, 'commit': b'x\n'}.get(verb, b'text' * 1000)
        done = isola('store', 'check', code=None)
        assert done.returncode == 0, done.stdout + done.stderr
        isola('image', 'prune', '-f')
        isola('ps', '-aq')
        assert 'left over' not in isola('store', 'check').stdout


@pytest.fixture(scope='module')
def machine(registry):  # noqa: F811
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    made = Machine(directory, registry)
    try:
        yield made
    finally:
        subprocess.run(['umount', '-l', made.disk.mount], check=True)
        shutil.rmtree(directory)


POINTS = {'pull': ['layer.placed', 'pull.layers', 'pull.kept', 'image.adopted', 'image.unnamed', 'image.indexed', 'image.record'],
          'load': ['ingest.kept', 'layer.placed', 'image.indexed'],
          'build': ['layer.hashed', 'layer.placed', 'image.blobs', 'image.unnamed', 'image.indexed', 'image.record'],
          'commit': ['layer.placed', 'image.blobs', 'image.indexed']}
CASES = [(verb, point) for verb, points in POINTS.items() for point in points]
SAMPLE = [('pull', 'pull.kept'), ('pull', 'image.indexed'), ('build', 'layer.placed'), ('build', 'image.indexed'), ('load', 'layer.placed')]


@pytest.mark.parametrize('verb, point', CASES if WHOLE else SAMPLE)
def test_power_cut_at(machine, verb, point):
    machine.begin()
    done = machine.isola(*machine.words[verb], code=None, env={'ISOLA_FAULT': point})
    if done.returncode == 0:
        pytest.skip('built without -Dfault_points=true, or the point is not passed')
    assert done.returncode == -signal.SIGKILL, done.stderr
    machine.cut()
    machine.boot()
    machine.check(verb, False)


@pytest.mark.parametrize('verb', POINTS)
def test_power_cut_after_the_end(machine, verb):
    """Who was told that it is done finds it."""
    machine.begin()
    machine.isola(*machine.words[verb])
    machine.cut()
    machine.boot()
    machine.check(verb, True)


@pytest.mark.parametrize('verb, n', [(verb, n) for verb in ('pull', 'build') for n in range(12 if WHOLE else 1)])
def test_power_cut_at_any_time(machine, verb, n):
    machine.begin()
    process = machine.isola.start(*machine.words[verb], start_new_session=True)
    time.sleep(random.Random(f'{verb} {n}').random() * 0.5)
    try:
        os.killpg(process.pid, signal.SIGSTOP)
        complete = process.poll() == 0
        machine.cut()
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        complete = process.wait() == 0
        machine.cut()
    process.communicate()
    wait_until(lambda: not subprocess.run(['fuser', '-s', '-m', machine.disk.mount], stdin=subprocess.DEVNULL).returncode == 0
               if shutil.which('fuser') else True, what='the end of all that use the disk')
    machine.boot()
    machine.check(verb, complete)


@pytest.mark.skipif(not STRACE, reason='strace is not installed')
def test_what_is_not_flushed_is_lost(machine):
    """The same without its flushes, so that these tests could find one that is missing."""
    machine.begin()
    flushes = 'fsync,fdatasync,syncfs'
    subprocess.run([STRACE, '-f', '-qq', '-o', '/dev/null', '-e', f'trace={flushes}', '-e', f'inject={flushes}:retval=0',
                    *machine.isola.command(*machine.words['pull'])], env=machine.isola.environment, check=True, stdout=subprocess.DEVNULL)
    machine.cut()
    machine.boot()
    with pytest.raises(AssertionError):
        machine.check('pull', True)
