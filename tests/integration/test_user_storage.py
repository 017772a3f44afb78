# SPDX-License-Identifier: GPL-2.0-or-later
"""Where an ordinary user's state lies, and what others can do to it: nothing."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest
from conftest import AS_USER, Isola, open_way, wait_until
from user_home import home, import_busybox, processes  # noqa: F401

pytestmark = pytest.mark.skipif(AS_USER, reason='makes its own users')

STRANGER = 54321


@pytest.fixture
def place(joe):
    """A directory of joe's, with others' eyes kept out of nothing by the way to it."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    directory.chmod(0o755)
    joe.own(directory)
    yield directory
    wait_until(lambda: not processes(joe), what='the end of the last monitor')
    shutil.rmtree(directory)


def as_user(joe, *words, env, stdin=subprocess.DEVNULL, binary=None):
    return subprocess.run([binary or joe.binary, *words], env={'PATH': os.environ['PATH'], **env}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=stdin, text=True, **joe.become())


@pytest.fixture
def run_user(joe):
    """/run/user/UID, as systemd-logind makes it."""
    os.makedirs('/run/user', exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run/user'], check=True)
    own = pathlib.Path(f'/run/user/{joe.uid}')
    own.mkdir(mode=0o700)
    joe.own(own)
    others = pathlib.Path('/run/user/0')
    others.mkdir(mode=0o700)
    yield own, others
    subprocess.run(['umount', '/run/user'], check=True)


# --- where it lies ---

def test_run_directory_is_the_one_of_the_login_even_where_nothing_says_so(joe, place, run_user):
    """What cron runs must find what the login runs."""
    own, others = run_user
    assert as_user(joe, 'ps', env={'HOME': str(place)}).stderr == ''
    assert (own / 'isola/version').exists() and (own / 'isola').stat().st_mode & 0o777 == 0o700
    assert not (place / '.local/share/isola/run').exists()


def test_run_directory_of_another_user_is_not_used(joe, place, run_user):
    """As `sudo -u joe` and `su` leave it behind."""
    own, others = run_user
    done = as_user(joe, 'ps', env={'HOME': str(place), 'XDG_RUNTIME_DIR': str(others)})
    assert done.returncode == 0 and f"$XDG_RUNTIME_DIR is '{others}', which is no directory of yours" in done.stderr
    assert (own / 'isola/version').exists() and not list(others.iterdir())


def test_run_directory_that_others_may_write_is_refused(joe, place, run_user):
    own, others = run_user
    own.chmod(0o777)
    for more in ({}, {'XDG_RUNTIME_DIR': str(own)}):
        done = as_user(joe, 'ps', env={'HOME': str(place), **more})
        assert done.returncode and f"'{own}' is writable by others (mode 0777)" in done.stderr and 'chmod 0700' in done.stderr
    assert not (own / 'isola').exists()


def test_without_a_run_directory_it_is_below_home(joe, place):
    assert as_user(joe, 'ps', env={'HOME': str(place)}).returncode == 0
    assert (place / '.local/share/isola/run/version').exists()


def test_home_is_looked_up(joe, place):
    passwd = joe.directory / 'passwd'
    before = passwd.read_text()
    passwd.write_text(before.replace(f'joe:x:{joe.uid}:{joe.uid}::/:', f'joe:x:{joe.uid}:{joe.uid}::{place}:'))
    try:
        assert as_user(joe, 'ps', env={}).returncode == 0
        assert (place / '.local/share/isola/version').exists()
        passwd.write_text(before.replace('joe:x:', 'jane:y:').replace(str(joe.uid), '77'))
        done = as_user(joe, 'ps', env={})
        assert done.returncode and '$HOME is not set' in done.stderr and '--root' in done.stderr
    finally:
        passwd.write_text(before)


def test_home_of_another_user_is_told(joe, place):
    """`sudo -u joe` with root's HOME."""
    roots = place / 'root'
    roots.mkdir(mode=0o700)
    done = as_user(joe, 'ps', env={'HOME': str(roots)})
    assert done.returncode and 'Permission denied' in done.stderr and 'sudo -i' in done.stderr


@pytest.mark.parametrize('options', ['noexec', 'nodev', 'nosuid', 'noexec,nodev,nosuid'])
def test_home_with_mount_options(joe, place, rootfs_tar, options):
    (place / 'context').mkdir()
    (place / 'context/Dockerfile').write_text('FROM busybox\nRUN --network=none rm /etc/group\n')
    (place / 'home').mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', place / 'home'], check=True)
    try:
        isola = Isola(place / 'home', user=joe)
        import_busybox(isola, rootfs_tar)
        isola('build', '-q', '-t', 'less', place / 'context')
        out = isola.out('run', '--rm', '--network', 'none', 'less', 'sh', '-c',
                        'ls /etc/group 2>&1; cp /bin/busybox /busybox; chmod 4755 /busybox; /busybox true && echo runs; head -c1 /dev/zero | wc -c')
        assert out.splitlines() == ['ls: /etc/group: No such file or directory', 'runs', '1']
        isola('rmi', '-f', 'less', 'busybox')
    finally:
        wait_until(lambda: not processes(joe))
        subprocess.run(['umount', place / 'home'], check=True)


def test_store_on_an_overlay_says_what_it_lacks(joe, place, rootfs_tar):
    for name in ('lower', 'upper', 'work', 'home'):
        joe.own((place / name).mkdir() or place / name)
    subprocess.run(['mount', '-t', 'overlay', 'o', '-o', f'lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work', place / 'home'],
                   check=True)
    try:
        isola = Isola(place / 'home', user=joe)
        import_busybox(isola, rootfs_tar)
        done = isola('run', '--rm', '--network', 'none', 'busybox', 'true', code=125)
        assert 'none can where --root lies on an overlay' in done.stderr
    finally:
        wait_until(lambda: not processes(joe))
        subprocess.run(['umount', place / 'home'], check=True)


def test_store_has_the_format_of_roots(home, joe):
    """With its owners counted from 0 again it is root's."""
    copy = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    try:
        shutil.rmtree(copy)
        subprocess.run(['cp', '-a', home.root, copy], check=True)
        for path in [copy, *copy.rglob('*')]:
            st = path.lstat()
            ids = [0 if number == joe.uid else number - joe.first + 1 for number in (st.st_uid, st.st_gid)]
            os.chown(path, *ids, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(st.st_mode & 0o7777)
        isola = Isola(copy.parent)
        isola.root, isola.run_root = str(copy), str(copy) + '-run'
        assert 'busybox' in isola.out('images')
        isola('store', 'check')
        assert isola.out('run', '--rm', '--network', 'none', 'busybox', 'stat', '-c', '%u', '/home/user') == '1000'
        wait_until(lambda: not os.listdir(f'{isola.run_root}/containers') and not os.listdir(f'{isola.root}/containers'))
    finally:
        shutil.rmtree(copy)
        shutil.rmtree(str(copy) + '-run', ignore_errors=True)


# --- what others can do ---

def test_what_images_have_cannot_be_run_by_others(home, joe):
    """A program with a set-id bit in a layer is joe's."""
    root = pathlib.Path(home.root)
    pathlib.Path(home.root).parent.chmod(0o755)
    for path in root.rglob('busybox'):
        if path.is_file():
            layer = path
    os.chmod(layer, 0o4755)
    root.chmod(0o755)
    steal = [str(layer), 'id', '-u']
    stranger = {'user': STRANGER, 'group': STRANGER, 'extra_groups': []}
    (root / 'layers').chmod(0o755)
    layer.parents[2].chmod(0o755)
    assert subprocess.run(steal, stdout=subprocess.PIPE, **stranger).returncode == 0  # so far anybody can
    home('ps')
    assert root.stat().st_mode & 0o777 == 0o700
    with pytest.raises(PermissionError):
        subprocess.run(steal, stdout=subprocess.PIPE, **stranger)


def test_only_the_owner_reaches_what_runs(home, joe, uplink):
    """Each of these works for joe himself, so that it would for others if nothing kept them."""
    pathlib.Path(home.root).parent.chmod(0o755)
    home('run', '-d', '--name', 'a', 'busybox', 'sleep', '1000')
    pid, monitor = home.pid('a'), home.state('a')['MonitorPid']
    pasta = (pathlib.Path(home.run_root) / 'rootless/pasta.pid').read_text().strip()
    run = pathlib.Path(home.run_root) / 'containers' / home.inspect('a')['Id']
    connect = f'import os, socket; os.chdir("{run}"); socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("attach.sock")'
    lock = 'import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)'
    ways = [
        ['ls', home.root], ['ls', home.run_root], ['ls', f'{home.root}/containers'], ['cat', f'{home.run_root}/rootless/userns.json'],
        ['cat', str(run / 'state.json')], ['touch', f'{home.run_root}/x'], ['touch', f'{home.root}/layers/x'],
        ['python3', '-c', connect],
        ['python3', '-c', lock, home.root], ['python3', '-c', lock, f'{home.run_root}/rootless'], ['python3', '-c', lock, str(run)],
        ['kill', '-0', str(pid)], ['kill', '-0', str(monitor)], ['kill', '-0', pasta],
        ['nsenter', '-U', '--preserve-credentials', '-t', str(pid), 'true'],
        ['nsenter', '-U', '-n', '--preserve-credentials', '-t', str(pid), 'true'],
        ['nsenter', '-U', '-m', '--preserve-credentials', '-t', str(pid), '-r', 'busybox', 'true'],
        [joe.binary, '--root', home.root, '--run-root', home.run_root, 'ps'],
        [joe.binary, '--root', home.root, '--run-root', home.run_root, 'exec', 'a', 'true'],
    ]
    for way in ways:
        way = ['/usr/bin/python3' if word == 'python3' else word for word in way]
        told = [subprocess.run(way, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={'PATH': os.environ['PATH'], 'HOME': '/'}, **who)
                for who in (joe.become(), {'user': STRANGER, 'group': STRANGER, 'extra_groups': []})]
        assert told[0].returncode == 0, (way, told[0].stdout)
        assert told[1].returncode != 0, way
        assert 'ermission denied' in told[1].stdout or 'not permitted' in told[1].stdout, (way, told[1].stdout)
    assert home.out('exec', 'a', 'id', '-u') == '0'
    for name in (f'{home.run_root}/x', f'{home.root}/layers/x'):
        os.unlink(name)


def test_monitors_memory_and_files_are_closed_even_to_its_user(home, joe):
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    for pid in (home.pid('a'), home.state('a')['MonitorPid']):
        for what in ('mem', 'environ'):
            done = subprocess.run(['head', '-c1', f'/proc/{pid}/{what}'], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  user=STRANGER, group=STRANGER, extra_groups=[])
            assert 'Permission denied' in done.stderr


def test_user_cannot_have_roots_state(isola, joe):
    pathlib.Path(isola.root).parent.chmod(0o755)
    done = as_user(joe, '--root', isola.root, '--run-root', isola.run_root, 'ps', env={'HOME': '/'})
    assert done.returncode and 'Permission denied' in done.stderr
    os.chmod(isola.root, 0o755)
    os.chmod(isola.run_root, 0o755)
    done = as_user(joe, '--root', isola.root, '--run-root', isola.run_root, 'ps', env={'HOME': '/'})
    assert done.returncode and 'belongs to user 0, not to you' in done.stderr
    isola('ps')
    assert os.stat(isola.root).st_mode & 0o777 == 0o700


def test_root_does_not_take_a_users_state(home, joe):
    root = Isola(pathlib.Path(home.root).parent)
    root.root, root.run_root = home.root, home.run_root
    assert f'belongs to user {joe.uid}, not to you' in root('ps', code=1).stderr


def test_links_in_place_of_directories(joe, place):
    """One's own may lead elsewhere; what another has laid there leads to nothing that can be lost."""
    real = place / 'real'
    real.mkdir(mode=0o700)
    joe.own(real)
    (place / 'link').symlink_to(real)
    run = str(place / 'run')
    assert as_user(joe, '--root', str(place / 'link'), '--run-root', run, 'ps', env={}).returncode == 0
    assert (real / 'version').exists()
    precious = place / 'precious'
    precious.mkdir(mode=0o700)
    joe.own(precious)
    (precious / 'letter').write_text('dear')
    (place / 'trap').symlink_to(precious)
    done = as_user(joe, '--root', str(place / 'trap'), '--run-root', run, 'ps', env={})
    assert done.returncode and 'holds other things than isola' in done.stderr
    assert [path.name for path in precious.iterdir()] == ['letter']
    open_to_all = place / 'open'
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    joe.own(open_to_all)
    done = as_user(joe, '--root', str(open_to_all), '--run-root', run, 'ps', env={})
    assert done.returncode and 'is writable by others' in done.stderr
    strangers = place / 'strangers'
    strangers.mkdir(mode=0o755)
    os.chown(strangers, STRANGER, STRANGER)
    for path in (strangers, place / 'to-strangers'):
        if not path.exists():
            path.symlink_to(strangers)
        done = as_user(joe, '--root', str(path), '--run-root', run, 'ps', env={})
        assert done.returncode and f'belongs to user {STRANGER}, not to you' in done.stderr
    assert not list(strangers.iterdir())


def test_nothing_is_made_in_tmp(home, joe, tmp_path):
    """With a /tmp that nobody can write everything works: no name in it can be guessed, for there is none."""
    (tmp_path / 'Dockerfile').write_text('FROM busybox\nRUN --network=none --mount=type=cache,target=/c touch /c/x\nCOPY Dockerfile /\n')
    open_way(tmp_path)
    context = shutil.copytree(tmp_path, pathlib.Path(home.root).parent / 'context')
    joe.own(context)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', '/tmp'], check=True)
    try:
        home('build', '-q', '-t', 'built', context)
        home('run', '-d', '--name', 'a', '--network', 'none', '--userns=keep-id', 'built', 'sleep', '1000')
        home('exec', 'a', 'true')
        archive = home('save', 'built', text=False).stdout
        home('load', input=archive, text=False)
        home('commit', 'a', 'again')
        home('cp', 'a:/Dockerfile', f'{home.root}/../context/copy')
    finally:
        subprocess.run(['umount', '/tmp'], check=True)


def test_published_port_shows_nothing_of_the_monitor(home, joe, uplink):
    """A hundred who call and say nothing keep nobody out who comes from elsewhere."""
    home('run', '-d', '--name', 'web', '-p', '18080:80', 'busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www')
    silent = []
    try:
        for _ in range(100):
            s = socket.create_connection(('127.0.0.1', 18080))
            silent.append(s)
        got = wait_until(lambda: subprocess.run(['wget', '-qO-', '-T', '10', '-t', '1', 'http://192.0.2.2:18080/'],
                                                stdout=subprocess.PIPE, text=True).stdout)
        assert got == 'hello from inside\n'
        assert home.out('exec', 'web', 'true') == ''
    finally:
        for s in silent:
            s.close()
