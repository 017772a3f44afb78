# SPDX-License-Identifier: GPL-2.0-or-later
"""A bundle for the tests of the OCI runtime: a root of busybox and a config.json that they change."""
import array
import json
import pathlib
import shutil
import socket
import subprocess

import pytest
from conftest import existing, wait_until

APPLETS = ('sh', 'cat', 'echo', 'env', 'false', 'grep', 'head', 'hostname', 'id', 'ls', 'mkdir', 'mount', 'pwd', 'ps',
           'readlink', 'sleep', 'stat', 'stty', 'test', 'touch', 'true', 'tty', 'wc', 'dd', 'kill', 'umask', 'trap')


class Bundle:
    """A bundle directory; `config` is what its config.json will say when a command is called."""

    def __init__(self, isola, directory):
        self.isola = isola
        self.path = pathlib.Path(directory)
        (self.path / 'rootfs/bin').mkdir(parents=True)
        for name in ('proc', 'sys', 'dev', 'tmp', 'etc', 'work'):
            (self.path / 'rootfs' / name).mkdir()
        shutil.copy(shutil.which('busybox') or '/bin/busybox', self.path / 'rootfs/bin/busybox')
        for applet in APPLETS:
            (self.path / 'rootfs/bin' / applet).symlink_to('busybox')
        isola('oci', 'spec', '--bundle', self.path)
        self.config = json.loads((self.path / 'config.json').read_text())
        self.config['process']['terminal'] = False
        self.config['root']['readonly'] = False

    def save(self):
        (self.path / 'config.json').write_text(json.dumps(self.config))
        return self

    def runs(self, *words):
        """Sets the program; a single string is a line for the shell."""
        self.config['process']['args'] = list(words) if len(words) > 1 else ['sh', '-c', words[0]]
        return self.save()

    def cgroup(self, name='c1'):
        """The container's directory in each hierarchy that has one."""
        record = json.loads((pathlib.Path(self.isola.run_root) / 'oci' / name / 'state.json').read_text())
        return existing(f"/sys/fs/cgroup/**/{record['cgroup']}")

    def run(self, *options, name='c1', **more):
        return self.isola('oci', 'run', '--bundle', self.path, *options, name, **more)

    def create(self, *options, name='c1', **more):
        return self.to_file('oci', 'create', '--bundle', self.path, *options, name, **more)

    def to_file(self, *words, env=None):
        """Calls isola with a file for its output, which what stays inherits: a pipe would never be seen to end."""
        with open(self.path / 'output', 'ab') as output:
            process = subprocess.run(self.isola.command(*words), stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, env={**self.isola.environment, **(env or {})},
                                     timeout=60, check=False)
        return process.returncode

    def output(self):
        return (self.path / 'output').read_text()

    def status(self, name='c1'):
        return self.isola.json('oci', 'state', name)['status']

    def pid(self, name='c1'):
        return self.isola.json('oci', 'state', name)['pid']

    def wait_for(self, status, name='c1'):
        wait_until(lambda: self.status(name) == status, what=f'status {status}')

    def clean(self):
        """Ends every container; nothing is kept of any."""
        for name in self.isola.out('oci', 'list', '-q').split():
            self.isola('oci', 'delete', '--force', name, code=None)
        assert list((pathlib.Path(self.isola.run_root) / 'oci').glob('[!.]*')) == []


@pytest.fixture
def bundle(isola, tmp_path):
    made = Bundle(isola, tmp_path / 'bundle')
    yield made
    made.clean()


class ConsoleSocket:
    """Receives a terminal's master as conmon and containerd do."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def receive(self):
        self.listener.settimeout(20)
        connection, _ = self.listener.accept()
        size = array.array('i').itemsize
        name, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(size))
        connection.close()
        assert name, 'the message has no bytes'
        return array.array('i', ancillary[0][2][:size])[0]

