# SPDX-License-Identifier: GPL-2.0-or-later
"""An SSH server on the test host's loopback, and an agent that holds the key for it."""
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import BINARY, wait_until

ACCOUNT = 'builder'


def find_sshd():
    unpacked = pathlib.Path(BINARY).resolve().parents[1] / 'sshd/usr/sbin'
    program = shutil.which('sshd', path=os.pathsep.join([str(unpacked), os.environ['PATH'], '/usr/sbin']))
    if not program or not shutil.which('ssh-agent'):
        pytest.skip('sshd is neither installed nor unpacked (tools/unpack), or there is no ssh-agent')
    return program


def make_key(path):
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True)
    return path


class SshHost:
    """.account@localhost may be logged in to with the key of the agent at .agent."""
    account = ACCOUNT

    def __init__(self, directory):
        self.directory, self.covered, self.made = directory, [], False
        directory.chmod(0o755)
        self.key, host_key = make_key(directory / 'key'), make_key(directory / 'host_key')
        shutil.copy(directory / 'key.pub', directory / 'authorized')
        (directory / 'config').write_text(
            f'Port 22\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\nStrictModes no\n'
            f'PasswordAuthentication no\nAuthorizedKeysFile {directory}/authorized\n')
        # What installing the server would have added, and an account that may use git.
        self.cover('/etc/passwd', ['sshd:x:64997:65534::/run/sshd:/usr/sbin/nologin', f'{ACCOUNT}:x:0:0::{directory}:/bin/sh'])
        self.cover('/etc/shadow', [f'{ACCOUNT}:*:19000:0:99999:7:::', 'sshd:!:19000::::::'])
        if not os.path.isdir('/run/sshd'):
            os.mkdir('/run/sshd', 0o755)
            self.made = True
        self.server = subprocess.Popen([find_sshd(), '-D', '-e', '-f', directory / 'config'], stderr=open(directory / 'log', 'w'))
        wait_until(lambda: 'listening on' in (directory / 'log').read_text(), what='the SSH server')
        self.agent = str(directory / 'agent')
        self.holder = subprocess.Popen(['ssh-agent', '-D', '-a', self.agent], stdout=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.agent), what='the SSH agent')
        subprocess.run(['ssh-add', '-q', self.key], env={**os.environ, 'SSH_AUTH_SOCK': self.agent}, check=True)

    def cover(self, path, lines):
        file = self.directory / pathlib.Path(path).name
        file.write_text(''.join(f'{line}\n' for line in [*pathlib.Path(path).read_text().splitlines(), *lines]))
        subprocess.run(['mount', '--bind', file, path], check=True)
        self.covered.append(path)

    def stop(self):
        for process in (self.server, self.holder):
            process.terminate()
            process.wait()
        for path in self.covered:
            subprocess.run(['umount', path], check=True)
        if self.made:
            os.rmdir('/run/sshd')


@pytest.fixture
def ssh_host(tmp_path_factory):
    find_sshd()
    host = SshHost(tmp_path_factory.mktemp('ssh'))
    yield host
    host.stop()
