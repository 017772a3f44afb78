# SPDX-License-Identifier: GPL-2.0-or-later
"""The same inputs give the same bytes with SOURCE_DATE_EPOCH: tried from circumstances that must make no difference."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import BINARY

EPOCH = 1_700_000_000
FILE = '''FROM scratch AS base
COPY busybox /bin/busybox
RUN --network=none ["/bin/busybox", "--install", "-s", "/bin"]
FROM base AS a
RUN --network=none mkdir -p /a/b/c && touch /a/f /a/b/g && ln /a/f /a/b/h && ln /a/b/g /a/first && for i in 9 3 7 1 5; do echo $i > /a/b/c/$i; done
RUN --network=none umask > /a/umask; env | sort > /a/env; hostname > /a/host; date +%Z > /a/tz; id > /a/id; ulimit -a > /a/ulimit; cat /proc/self/limits > /a/limits
FROM base AS b
COPY ctx /ctx
COPY --chmod=755 ctx/one /x/one
WORKDIR /made/by/workdir
RUN --network=none mkfifo /p; touch -d '2001-01-01 00:00:00' /old; touch -d '2099-01-01 00:00:00' /new; rm /bin/vi; mv /ctx/sub /ctx/moved
FROM base
ADD files.tar /added
COPY --link --from=a /a /a
COPY --parents ctx/sub/three /parents/
COPY --from=b /ctx /ctx
COPY --from=b /p /old /new /y/
COPY <<END /here
text
END
RUN --network=none rm -r /ctx/moved /added && mkdir /added && echo again > /added/again
ENV Z=1
'''
NAMES = ['one', 'two', 'sub/three', 'sub/\N{LATIN SMALL LETTER A WITH DIAERESIS}', 'Zed', '.dot']


class Circumstances:
    """One build, on a store of its own."""

    def __init__(self, parent=None, umask=0o022, environment=None, backwards=False, before=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-same-', dir=parent))
        self.directory.chmod(0o755)
        self.umask, self.before = umask, list(before)
        self.environment = {'PATH': os.environ['PATH'], 'HOME': str(self.directory), 'SOURCE_DATE_EPOCH': str(EPOCH), **(environment or {})}
        self.write(backwards)

    def write(self, backwards):
        """The context; its files are made in another order, with other times that are all later."""
        context = self.directory / 'context'
        (context / 'ctx/sub').mkdir(parents=True)
        shutil.copy(shutil.which('busybox') or '/bin/busybox', context / 'busybox')
        for name in sorted(NAMES, reverse=backwards):
            (context / 'ctx' / name).write_text(name)
        subprocess.run(['tar', '-cf', context / 'files.tar', '--mtime=@1000000000', '--owner=0', '--group=0', '--mode=755', '--sort=name', '-C', context, 'ctx'],
                       check=True)
        (context / 'Dockerfile').write_text(FILE)
        for path in [context, *context.rglob('*')]:
            path.chmod(0o755 if path.is_dir() or path.name == 'busybox' else 0o644)
            os.utime(path, (EPOCH + 1000 + backwards, EPOCH + 1000 + backwards))

    def become(self, uid):
        for program in ('isola', 'isola-image', 'isola-registry'):
            shutil.copy(pathlib.Path(BINARY).parent / program, self.directory / program)
        subprocess.run(['chown', '-R', f'{uid}:{uid}', self.directory], check=True)
        self.before += [shutil.which('setpriv'), f'--reuid={uid}', f'--regid={uid}', '--clear-groups']
        return self

    def build(self, *options):
        """The digest of the image, written out as an archive."""
        own = self.directory / 'isola'
        to = self.directory / 'image.tar'
        command = [*self.before, own if own.exists() else BINARY, '--root', self.directory / 'data', '--run-root', self.directory / 'run', 'build', '-t', 'same:1',
                   '-o', f'type=oci,dest={to},compression=gzip', *options, self.directory / 'context']
        umask = self.umask
        done = subprocess.run(command, env=self.environment, preexec_fn=lambda: os.umask(umask), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        assert done.returncode == 0, done.stdout
        return hashlib.sha256(to.read_bytes()).hexdigest()

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def under():
    made = []

    def make(**keywords):
        made.append(Circumstances(**keywords))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize('options', [[], ['--squash'], ['--platform', 'linux/amd64,linux/386']])
def test_the_same_bytes(under, options):
    here = os.uname().nodename
    first = under().build(*options)
    others = {
        'a mask that hides all': under(umask=0o077),
        'a mask that hides nothing': under(umask=0),
        'another language and zone': under(environment={'LC_ALL': 'tr_TR.UTF-8', 'LANG': 'de_DE.UTF-8', 'TZ': 'Asia/Tokyo', 'USER': 'x', 'TMPDIR': '/var/tmp'}),
        'files in another order and with other times': under(backwards=True),
        'files in memory': under(parent='/dev/shm'),
        'one processor': under(before=['taskset', '-c', str(min(os.sched_getaffinity(0)))]),
    }
    if not options:  # one with a single id: the archive's owners are root, see docs/rootless.md
        others['an ordinary user'] = under().become(21042)
    assert {why: one.build(*options) for why, one in others.items()} == dict.fromkeys(others, first)
    subprocess.run(['hostname', 'elsewhere'], check=True)
    try:
        assert under().build(*options, '--no-cache') == first
    finally:
        subprocess.run(['hostname', here], check=True)
