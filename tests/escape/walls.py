# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks on the host from inside of containers: what the tests of this folder have in common.

Each test carries one attack out twice: against what a container has by default,
where it must come to nothing, and against a weakened run, where it must get
through, so that a test that attacks nothing fails.  Weakened is an option
(--privileged, --userns=host, ...), or ISOLA_WEAKEN, with which a binary built
with fault points leaves one wall out (base/fault.h), or a naive runtime: a few
lines of Python that do as runtimes did before the CVE.  The oracle is always the
host: a secret that is not to be read, a file that is not to change.
"""
import hashlib
import os
import pathlib
import subprocess

import pytest
from conftest import BINARY, Isola

SECRET = 'the host has a secret'


class Canary:
    """A directory of the host that no container has any business in."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        (path / 'secret').write_text(SECRET)
        (path / 'empty').mkdir()
        self.before = self.state()

    def state(self):
        found = {}
        for file in sorted(self.path.rglob('*')):
            status = file.lstat()
            found[str(file)] = (status.st_mode, status.st_uid, status.st_size,
                                file.read_bytes() if file.is_file() else None)
        return found

    def unharmed(self):
        return self.state() == self.before


@pytest.fixture
def canary(tmp_path_factory):
    made = Canary(tmp_path_factory.mktemp('host') / 'canary')
    yield made
    subprocess.run(['umount', '-R', str(made.path)], stderr=subprocess.DEVNULL, check=False)


@pytest.fixture
def weakened():
    """The environment that leaves a wall out; skips where the binary cannot."""
    def make(wall):
        if b'ISOLA_WEAKEN' not in pathlib.Path(BINARY).read_bytes():
            pytest.skip('the binary was built without fault points')
        return {'ISOLA_WEAKEN': wall}
    return make


@pytest.fixture
def run(isola, image, attack):
    """Runs a shell script in a container that has /attack; returns what it printed."""
    def go(script, *options, env=None, code=None):
        options = options if '--network' in options else ('--network', 'none', *options)
        done = isola('run', '--rm', '-v', f'{attack}:/attack:ro', *options, image, 'sh', '-c', script, env=env, code=code)
        return done.stdout + done.stderr
    return go


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@pytest.fixture
def copied(isola, tmp_path):
    """The binary as a copy that an attack may destroy, with the same state directories."""
    path = tmp_path / 'isola'
    path.write_bytes(pathlib.Path(BINARY).read_bytes())
    path.chmod(0o755)
    made = Isola(tmp_path, binary=str(path))
    made.root, made.run_root, made.seen = isola.root, isola.run_root, isola.seen
    made.environment = {**isola.environment, 'ISOLA_LIBEXEC': os.path.dirname(BINARY)}
    return made
