# SPDX-License-Identifier: GPL-2.0-or-later
"""isola cp: files out of containers and into them, running or not."""
import glob
import io
import os
import stat
import subprocess
import tarfile

import pytest

from conftest import leftovers, wait_until


@pytest.fixture(params=['running', 'paused', 'stopped', 'created'])
def box(request, isola, image, account):
    """A container in each of the states in which it has files."""
    if request.param == 'created':
        isola('create', '--name', 'box', image, 'sleep', '100')
    else:
        isola('run', '-d', '--name', 'box', image, 'sleep', '100')
    if request.param == 'paused':
        if account:
            pytest.skip('an ordinary user has no control group here')
        isola('pause', 'box')
    if request.param == 'stopped':
        isola('stop', '-t', '0', 'box')
    return 'box'


@pytest.fixture
def here(tmp_path, account):
    directory = tmp_path / 'here'
    directory.mkdir()
    if account:
        account.own(directory)
    return directory


@pytest.fixture
def tree(here, account):
    top = here / 'tree'
    (top / 'sub').mkdir(parents=True)
    (top / 'file').write_text('text')
    (top / 'file').chmod(0o640)
    os.utime(top / 'file', (1, 1234567890))
    os.link(top / 'file', top / 'sub' / 'again')
    (top / 'link').symlink_to('file')
    os.mkfifo(top / 'pipe')
    for path in (top, *top.rglob('*')) if account else ():
        os.chown(path, account.uid, account.uid, follow_symlinks=False)
    return top


def read(isola, path):
    """What is in the container's file, whether it runs or not."""
    done = subprocess.run(isola.command('cp', f'box:{path}', '-'), stdout=subprocess.PIPE, timeout=60,
                          env=isola.environment, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return archive.extractfile(archive.getmembers()[0]).read().decode()


def test_a_tree_goes_in_and_comes_out_the_same(isola, box, tree, here):
    isola('cp', tree, f'{box}:/srv')
    isola('cp', f'{box}:/srv', here / 'back')
    back = here / 'back'
    assert sorted(p.relative_to(back).as_posix() for p in back.rglob('*')) == [
        'file', 'link', 'pipe', 'sub', 'sub/again']
    assert (back / 'file').read_text() == 'text'
    about = (back / 'file').stat()
    assert (stat.S_IMODE(about.st_mode), about.st_mtime, about.st_nlink) == (0o640, 1234567890, 2)
    assert os.readlink(back / 'link') == 'file' and stat.S_ISFIFO((back / 'pipe').stat().st_mode)


def test_what_it_is_called_is_as_with_docker(isola, box, tree, here):
    isola('cp', tree / 'file', f'{box}:/new')               # a new name
    isola('cp', tree / 'file', f'{box}:tmp')                # into a directory; relative to "/"
    isola('cp', tree, f'{box}:/tmp')                        # a directory into a directory
    isola('cp', f'{tree}/.', f'{box}:/tmp/in')              # what is in it, into a new one
    isola('cp', f'{tree}/.', f'{box}:/tmp/in')              # and into one that is there
    for path in ('/new', '/tmp/file', '/tmp/tree/file', '/tmp/in/file', '/tmp/in/sub/again'):
        assert read(isola, path) == 'text'
    assert "no directory '/none/'" in isola('cp', tree / 'file', f'{box}:/none/', code=1).stderr
    assert 'No such file' in isola('cp', tree / 'file', f'{box}:/none/x', code=1).stderr
    assert 'is no directory' in isola('cp', tree, f'{box}:/new', code=1).stderr
    assert "cannot open '/none'" in isola('cp', f'{box}:/none', here, code=1).stderr
    assert 'is a device' in isola('cp', f'{box}:/dev/null', here, code=1).stderr


@pytest.mark.needs_root('files of several owners')
def test_owners_are_the_writers_or_kept(isola, box, tree):
    os.chown(tree / 'file', 1000, 1001)
    (tree / 'file').chmod(0o4755)
    isola('cp', tree / 'file', f'{box}:/plain')
    isola('cp', '-a', tree / 'file', f'{box}:/kept')
    done = subprocess.run(isola.command('cp', f'{box}:/', '-'), stdout=subprocess.PIPE, timeout=60,
                          env=isola.environment, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        about = {m.name: (m.uid, m.gid, m.mode) for m in archive.getmembers()}
    assert 'proc' in about and not [name for name in about if name.startswith(('proc/', 'sys/'))]
    assert about['plain'] == (0, 0, 0o755)
    assert about['kept'] == (1000, 1001, 0o4755)


def test_an_archive_can_be_the_source(isola, box, here):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w:gz') as archive:
        entry = tarfile.TarInfo('a/b')
        entry.size = 2
        archive.addfile(entry, io.BytesIO(b'hi'))
    isola('cp', '-', f'{box}:/tmp', input=data.getvalue(), text=False)
    assert read(isola, '/tmp/a/b') == 'hi'
    done = isola('cp', '-', f'{box}:/none', input=data.getvalue(), text=False, code=1)
    assert b"cannot write into '/none'" in done.stderr
    done = isola('cp', '-', f'{box}:/tmp', input=b'no archive at all' * 100, text=False, code=1)
    assert b'archive' in done.stderr


def test_links_are_followed_only_inside(isola, image, here):
    """CVE-2018-15664: what a container's link says is a path of the container's."""
    (here / 'secret').write_text('of the host')
    isola('run', '-d', '--name', 'box', image, 'sh', '-c',
          f'mkdir -p {here}; echo inside >{here}/secret; ln -s {here}/secret /link; ln -s {here} /dir; '
          'ln -s /../../../../../../etc /up; touch /ready; sleep 100')
    wait_until(lambda: 'ready' in isola.out('exec', 'box', 'ls', '/'))
    isola('cp', '-L', 'box:/link', here / 'got')
    assert (here / 'got').read_text() == 'inside\n'
    isola('cp', 'box:/link', here / 'as-link')
    assert os.readlink(here / 'as-link') == f'{here}/secret'
    isola('cp', here / 'got', 'box:/dir/new')
    assert not (here / 'new').exists()
    assert isola.out('exec', 'box', 'cat', f'{here}/new') == 'inside'
    isola('cp', here / 'got', 'box:/up/isola-cp-test')
    assert not os.path.exists('/etc/isola-cp-test')
    assert isola.out('exec', 'box', 'cat', '/etc/isola-cp-test') == 'inside'


def test_mounts_are_seen(isola, box_with_volume, here):
    """What the container's programs see at a path is what is copied, also when it does not run."""
    (here / 'file').write_text('text')
    isola('cp', here / 'file', 'box:/vol/in')
    isola('start', 'box')
    assert isola.out('exec', 'box', 'cat', '/vol/in') == 'text'
    isola('stop', '-t', '0', 'box')
    isola('cp', 'box:/vol/in', here / 'out')
    assert (here / 'out').read_text() == 'text'


@pytest.fixture
def box_with_volume(isola, image):
    isola('create', '--name', 'box', '-v', 'vol:/vol', image, 'sleep', '100')
    yield
    isola('rm', '-f', 'box')
    isola('volume', 'rm', 'vol')


def test_from_one_container_to_another(isola, image, here):
    isola('create', '--name', 'one', image, 'true')
    isola('run', '-d', '--name', 'two', image, 'sleep', '100')
    (here / 'file').write_text('text')
    isola('cp', here / 'file', 'one:/file')
    isola('cp', 'one:/file', 'two:/tmp')
    assert isola.out('exec', 'two', 'cat', '/tmp/file') == 'text'
    isola('cp', 'two:/tmp/file', 'two:/tmp/again')
    assert isola.out('exec', 'two', 'cat', '/tmp/again') == 'text'
    assert 'does not run' in isola('cp', 'one:/file', 'one:/again', code=1).stderr


def test_a_read_only_container_stays_so(isola, image, here):
    (here / 'file').write_text('text')
    isola('run', '-d', '--name', 'box', '--read-only', image, 'sleep', '100')
    assert 'Read-only file system' in isola('cp', here / 'file', 'box:/x', code=1).stderr
    isola('stop', '-t', '0', 'box')
    assert 'Read-only file system' in isola('cp', here / 'file', 'box:/x', code=1).stderr


def test_a_running_program_is_replaced_and_a_link_is_not_written_through(isola, image, here):
    isola('run', '-d', '--name', 'box', image, 'sh', '-c',
          'mkdir /d; cp /bin/busybox /d/sleep; echo old >/old; ln -s /old /d/link; touch /ready; exec /d/sleep 100')
    wait_until(lambda: 'ready' in isola.out('exec', 'box', 'ls', '/'))
    (here / 'sleep').write_text('new')
    (here / 'link').write_text('new')
    isola('cp', f'{here}/.', 'box:/d')
    assert isola.out('exec', 'box', 'cat', '/d/sleep', '/d/link', '/old') == 'newnewold'
    assert isola.inspect('box')['State']['Running']


def test_devices_and_sockets_are_left_out_with_a_word(isola, image, here):
    isola('run', '-d', '--name', 'box', image, 'sleep', '100')
    done = isola('cp', 'box:/dev', here)
    assert "'null' is left out: it is a device or a socket" in done.stderr
    assert os.readlink(here / 'dev' / 'stdin') == '/proc/self/fd/0' and not (here / 'dev' / 'null').exists()


def test_operands_are_checked(isola, image, here):
    assert 'is in a container' in isola('cp', here, here / 'x', code=1).stderr
    assert 'nobody' in isola('cp', 'nobody:/x', here, code=1).stderr


def test_one_that_is_killed_leaves_nothing(isola, image, here):
    isola('create', '--name', 'box', image, 'true')
    read_end, write_end = os.pipe()
    run = subprocess.Popen(isola.command('cp', '-', 'box:/tmp'), stdin=read_end, env=isola.environment)
    os.close(read_end)
    wait_until(lambda: glob.glob(f'{isola.run_root}/containers/*'))
    run.kill()
    run.wait()
    os.close(write_end)
    isola('ps')
    assert isola.out('start', '-a', 'box') == ''
    isola('cp', __file__, 'box:/tmp')


@pytest.mark.parametrize('point', ['inside.ids', 'inside.spawned'])
def test_killed_on_its_way_into_one_that_does_not_run(fresh, rootfs_tar, here, point):
    isola = fresh
    isola('image', 'import', rootfs_tar, 'busybox')
    if 'fault point: create.named' not in isola('create', '--name', 'box', 'busybox', 'true', env={'ISOLA_FAULT': '?'}).stderr:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert isola('cp', 'box:/bin', here, env={'ISOLA_FAULT': point}, code=None).returncode == -9
    isola('ps', '-a')
    isola('cp', 'box:/bin', here)
    assert (here / 'bin').is_dir()
    isola('rm', 'box')
    wait_until(lambda: not leftovers(isola))


@pytest.mark.needs_root('ids of its own choice')
def test_one_whose_ids_were_chosen(isola, image, here):
    (here / 'file').write_text('text')
    isola('create', '--name', 'box', '--uidmap', '0:500000:65536', '--gidmap', '0:500000:65536', image, 'stat', '-c', '%u:%g', '/new', '/bin')
    isola('cp', here / 'file', 'box:/new')
    assert isola.out('start', '-a', 'box').splitlines() == ['0:0', '0:0']
