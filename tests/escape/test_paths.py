# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths in images, volumes and Dockerfiles that point at the host."""
import io
import pathlib
import shutil
import subprocess
import tarfile
import threading

import pytest
from walls import SECRET, canary, run, weakened  # fixtures


def hostile_image(isola, tmp_path, rootfs_tar, links, name='hostile'):
    """The busybox image with some directories replaced by symbolic links."""
    path = tmp_path / f'{name}.tar'
    with tarfile.open(rootfs_tar) as source, tarfile.open(path, 'w') as made:
        gone = tuple('./' + link.strip('/') for link in links)
        for entry in source:
            if entry.name not in gone:
                made.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
        for link, target in links.items():
            entry = tarfile.TarInfo('./' + link.strip('/'))
            entry.type, entry.linkname = tarfile.SYMTYPE, str(target)
            made.addfile(entry)
    isola('image', 'import', str(path), name)
    return name


STANDARD = ['/dev', '/proc', '/sys', '/etc', '/dev/shm', '/proc/self', '/tmp']


@pytest.mark.parametrize('where', STANDARD)
@pytest.mark.parametrize('how', ['absolute', 'relative', 'proc'])
def test_image_whose_standard_directory_is_a_link(isola, tmp_path, rootfs_tar, canary, where, how):
    """CVE-2019-18837, CVE-2026-47766, CVE-2026-41579, CVE-2025-54867: nodes and directories made on the host."""
    target = {'absolute': canary.path, 'relative': '../' * 20 + str(canary.path).lstrip('/'),
              'proc': f'/proc/self/root{canary.path}'}[how]
    image = hostile_image(isola, tmp_path, rootfs_tar, {where: target})
    done = isola('run', '--rm', '--network', 'none', '--tmpfs', f'{where}/planted', image, 'cat', f'{where}/secret',
                 f'{canary.path}/secret', code=None)
    assert SECRET not in done.stdout and canary.unharmed()
    isola('rmi', '-f', image)


def test_link_in_an_image_would_lead_to_the_host(isola, tmp_path, rootfs_tar, canary, weakened):
    """What resolves as the machine would puts directories there: the link is of the kind that bites."""
    image = hostile_image(isola, tmp_path, rootfs_tar, {'/tmp': canary.path})
    isola('run', '--rm', '--network', 'none', '--userns', 'host', '--tmpfs', '/tmp/planted', image, 'true', code=None,
          env=weakened('resolve'))
    assert not canary.unharmed()
    isola('rmi', '-f', image)


def test_program_runs_in_spite_of_dangling_links(isola, tmp_path, rootfs_tar):
    image = hostile_image(isola, tmp_path, rootfs_tar, {'/tmp': '/nonexistent/elsewhere'})
    assert isola.out('run', '--rm', '--network', 'none', image, 'echo', 'runs') == 'runs'
    isola('rmi', '-f', image)


# --- volumes ---

@pytest.mark.parametrize('place', ['/v/link', '/v/link/made', '/v/link/made/deep'])
def test_mount_below_a_link_in_a_volume_stays_inside(isola, image, tmp_path, canary, place):
    """CVE-2021-30465, CVE-2024-45310: the place of a mount is made where the link points, on the host."""
    volume, source = tmp_path / 'volume', tmp_path / 'source'
    volume.mkdir()
    source.mkdir()
    (volume / 'link').symlink_to(canary.path)
    isola('run', '--rm', '--network', 'none', '-v', f'{volume}:/v', '-v', f'{source}:{place}', image, 'true', code=None)
    assert canary.unharmed()


def test_mount_below_a_link_in_a_volume_would_lead_outside(isola, image, tmp_path, canary, weakened):
    volume, source = tmp_path / 'volume', tmp_path / 'source'
    volume.mkdir()
    source.mkdir()
    (volume / 'link').symlink_to(canary.path)
    isola('run', '--rm', '--network', 'none', '--userns', 'host', '-v', f'{volume}:/v', '-v',
          f'{source}:/v/link/made', image, 'true', code=None, env=weakened('resolve'))
    assert not canary.unharmed()


SWAP = '''
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir(sys.argv[1])
while not os.path.exists("stop"):
    libc.renameat2(-100, b"a", -100, b"b", 2)
'''


def race(isola, image, tmp_path, n, *options, env=None, until=lambda: False):
    """Starts containers with a mount below a name in a volume that is a directory and a link by turns."""
    volume, source = tmp_path / 'volume', tmp_path / 'source'
    racer = subprocess.Popen(['/usr/bin/python3', '-c', SWAP, str(volume)])
    try:
        for _ in range(n):
            isola('run', '--rm', '--network', 'none', *options, '-v', f'{volume}:/v', '-v', f'{source}:/v/a/made',
                  image, 'true', env=env, code=None)
            if until():
                return
    finally:
        (volume / 'stop').touch()
        racer.wait()


@pytest.fixture
def swapped(tmp_path, canary):
    for name in ('volume/a', 'source'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'volume/b').symlink_to(canary.path)


def test_link_that_is_swapped_while_containers_start_leads_nowhere(isola, image, tmp_path, canary, swapped):
    """CVE-2021-30465, CVE-2023-27561, CVE-2025-52881: a directory when it is looked at, then a link."""
    race(isola, image, tmp_path, 40)
    assert canary.unharmed()


def test_link_that_is_swapped_would_lead_outside(isola, image, tmp_path, canary, swapped, weakened):
    race(isola, image, tmp_path, 200, '--userns', 'host', env=weakened('resolve'), until=lambda: not canary.unharmed())
    assert not canary.unharmed()


@pytest.mark.parametrize('place', ['/proc', '/proc/self', '/proc/sys/kernel', '/sys', '/sys/fs/cgroup', '/proc/../proc'])
def test_volume_over_the_kernels_own_files_gains_nothing(isola, image, tmp_path, place):
    """CVE-2019-16884, CVE-2019-19921: what is written to /proc at the start went into a file of the attacker's."""
    fake = tmp_path / 'fake'
    (fake / 'self/attr').mkdir(parents=True)
    for name in ('self/attr/exec', 'self/uid_map', 'core_pattern', 'hostname'):
        (fake / name).parent.mkdir(parents=True, exist_ok=True)
        (fake / name).write_text('untouched')
    done = isola('run', '--rm', '--network', 'none', '-v', f'{fake}:{place}', '--hostname', 'attacker', image, 'true',
                 code=None)
    assert done.returncode in (0, 1, 125, 126, 127)
    assert all(file.read_text() == 'untouched' for file in fake.rglob('*') if file.is_file())


@pytest.mark.parametrize('name', ['kcore', 'kallsyms', 'keys'])
def test_masks_hold_though_the_image_brings_its_own_dev_null(isola, tmp_path, rootfs_tar, name):
    """CVE-2025-31133: /dev/null of the image, a link, was bound over what is to be hidden."""
    image = hostile_image(isola, tmp_path, rootfs_tar, {'/dev/null': f'/proc/{name}'})
    out = isola.out('run', '--rm', '--network', 'none', image, 'sh', '-c', f'head -c 20 /proc/{name} | wc -c; '
                    'stat -c %t:%T /dev/null')
    assert out.split() == ['0', '1:3']
    isola('rmi', '-f', image)


def test_console_is_the_containers_own_terminal(isola, tmp_path, rootfs_tar):
    """CVE-2025-52565: /dev/pts/N replaced by a link, and the link's target bound to /dev/console."""
    image = hostile_image(isola, tmp_path, rootfs_tar, {'/dev/pts': '/proc', '/dev/console': '/proc/kcore'})
    out = isola.out('run', '--rm', '-t', '--network', 'none', image, 'stat', '-c', '%t', '/dev/console')
    assert 136 <= int(out, 16) <= 143
    isola('rmi', '-f', image)


# --- copies into volumes ---

def test_volume_is_filled_with_links_and_not_with_what_they_point_at(isola, tmp_path, rootfs_tar, canary):
    image = hostile_image(isola, tmp_path, rootfs_tar, {'/var/www': canary.path, '/root/link': canary.path / 'secret'})
    for place in ('/var/www', '/root'):
        isola('run', '--rm', '--network', 'none', '-v', f'filled:{place}', image, 'true', code=None)
        volume = pathlib.Path(isola.root) / 'volumes/filled'
        found = [file for file in volume.rglob('*') if file.is_file() and not file.is_symlink()] if volume.exists() else []
        assert [file for file in found if SECRET in file.read_text(errors='replace')] == []
        isola('volume', 'rm', 'filled', code=None)
        shutil.rmtree(volume, ignore_errors=True)
    assert canary.unharmed()
    # A naive copy takes the secret along.
    shutil.copytree(tmp_path, tmp_path.parent / 'naive', symlinks=False, ignore_dangling_symlinks=True,
                    dirs_exist_ok=True)
    (tmp_path / 'link').symlink_to(canary.path / 'secret')
    assert SECRET in pathlib.Path(shutil.copy(tmp_path / 'link', tmp_path / 'copied')).read_text()
    isola('rmi', '-f', image)


# --- Dockerfiles ---

@pytest.mark.parametrize('steps', [
    ['COPY secret /out'],                                   # a link in the context
    ['COPY link/ /out/'], ['COPY . /out/'],
    ['RUN ln -s {canary} /plant', 'COPY file /plant/file'],
    ['RUN ln -s {canary} /plant', 'WORKDIR /plant/made', 'RUN touch here'],
    ['RUN rm -rf /etc && ln -s {canary} /etc', 'USER user', 'RUN true'],
    ['RUN ln -sf {canary}/secret /tmp/f', 'COPY file /tmp/f'],
    ['COPY ../../../../../../..{canary}/secret /out'],
])
def test_dockerfile_reaches_neither_out_of_its_context_nor_out_of_its_root(isola, image, tmp_path, canary, steps):
    """CVE-2024-1753, CVE-2024-9675, CVE-2024-23651, CVE-2025-9566 and their kind."""
    context = tmp_path / 'context'
    context.mkdir()
    (context / 'file').write_text('planted')
    (context / 'secret').symlink_to(canary.path / 'secret')
    (context / 'link').symlink_to(canary.path)
    text = '\n'.join([f'FROM {image}', *steps, 'RUN cat /out /out/* /out/*/* /plant/* 2>/dev/null; true'])
    (context / 'Dockerfile').write_text(text.replace('{canary}', str(canary.path)) + '\n')
    done = isola('build', '--no-cache', '-t', 'attacked', str(context), code=None)
    assert SECRET not in done.stdout + done.stderr
    assert canary.unharmed()
    isola('rmi', '-f', 'attacked', code=None)


# --- archives ---

def evil_tar(path, canary):
    """Entries that write outside of where they are unpacked, each in its own way."""
    def file(name, **more):
        entry = tarfile.TarInfo(name)
        entry.size = 7
        for key, value in more.items():
            setattr(entry, key, value)
        return entry
    outside = str(canary.path)
    with tarfile.open(path, 'w', format=tarfile.PAX_FORMAT) as made:
        made.addfile(file('../' * 30 + outside.lstrip('/') + '/dotdot'), io.BytesIO(b'planted'))
        made.addfile(file(outside + '/absolute'), io.BytesIO(b'planted'))
        made.addfile(file('way', type=tarfile.SYMTYPE, linkname=outside, size=0))
        made.addfile(file('way/through'), io.BytesIO(b'planted'))
        made.addfile(file('hard', type=tarfile.LNKTYPE, linkname=outside + '/secret', size=0))
        made.addfile(file('hard'), io.BytesIO(b'planted'))


def test_archive_writes_nowhere_outside(isola, tmp_path, canary):
    """CVE-2014-9356, CVE-2026-17106; the same entries get out of a naive unpacker."""
    evil_tar(tmp_path / 'evil.tar', canary)
    isola('image', 'import', str(tmp_path / 'evil.tar'), 'evil', code=None)
    assert canary.unharmed()
    isola('rmi', '-f', 'evil', code=None)
    (tmp_path / 'naive').mkdir()
    with tarfile.open(tmp_path / 'evil.tar') as archive:
        for entry in archive:
            try:
                archive.extract(entry, tmp_path / 'naive')
            except OSError:
                continue
    assert not canary.unharmed()


# --- users ---

NOT_ROOT = ['1000', 'user', '1000:1000', 'user:staff', '2147483647', '65535', '33', 'www-data']
REFUSED = ['-1', '4294967295', '4294967296', '18446744073709551616', '1e3', '0x0', '0:0:0', ':', '1000:', ' 0', '+0',
           '0 ', '1000;0', 'nobody-there', '٠', '65536', '2147483648', '4294967294', '00x', 'user:', ':user']


@pytest.mark.parametrize('verb', ['run', 'exec'])
def test_users_are_read_whole_or_not_at_all(isola, tmp_path, rootfs_tar, verb):
    """CVE-2016-3697 (a number that is somebody's name), CVE-2024-40635 (wraps to 0), CVE-2026-30892 (bad parse)."""
    path = tmp_path / 'named.tar'
    with tarfile.open(rootfs_tar) as source, tarfile.open(path, 'w') as made:
        for entry in source:
            data = source.extractfile(entry) if entry.isreg() else None
            if entry.name == './etc/passwd':
                text = data.read() + b'1000:x:0:0::/root:/bin/sh\n2147483647:x:0:0::/:/bin/sh\n33:x:0:0::/:/bin/sh\n'
                entry.size, data = len(text), io.BytesIO(text)
            made.addfile(entry, data)
    isola('image', 'import', str(path), 'named')
    isola('run', '-d', '--name', 'users', '--network', 'none', 'named', 'sleep', '100')

    def identity(user):
        words = ['exec', '-u', user, 'users'] if verb == 'exec' else ['run', '--rm', '--network', 'none', '-u', user,
                                                                      'named']
        return isola(*words, 'id', '-u', code=None)
    assert identity('0').stdout.strip() == identity('root').stdout.strip() == '0'  # the oracle tells root
    for user in NOT_ROOT:
        assert identity(user).stdout.strip() not in ('0', None), user
    for user in REFUSED:
        done = identity(user)
        assert done.returncode != 0 and done.stdout == '', (user, done)
    isola('rm', '-f', 'users')
    isola('rmi', '-f', 'named')


def test_user_database_of_any_size_is_no_burden(isola, tmp_path, rootfs_tar):
    """CVE-2026-47262, CVE-2024-9676: a sparse or endless /etc/passwd."""
    image = hostile_image(isola, tmp_path, rootfs_tar, {'/etc/passwd': '/dev/zero', '/etc/group': '/dev/zero'})
    done = isola('run', '--rm', '--network', 'none', '-u', 'user', image, 'id', code=None, timeout=20)
    assert done.returncode == 125
    isola('rmi', '-f', image)


def test_environment_of_one_container_is_not_anothers(isola, image):
    """CVE-2020-14370."""
    said = []

    def start(number):
        said.append(isola.out('run', '--rm', '--network', 'none', '-e', f'MINE={number}', image, 'env'))
    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mine = [[line for line in env.splitlines() if line.startswith('MINE=')] for env in said]
    assert sorted(mine) == [[f'MINE={number}'] for number in range(8)]
