# SPDX-License-Identifier: GPL-2.0-or-later
"""The test host and what every integration test starts from.

Importing this file puts the whole pytest process (each xdist worker on its own)
into private mount, network, UTS and IPC namespaces: nothing that a test does to
networks, mounts or names reaches the machine.  `isola` is the real binary with
state directories of its own; ISOLA names it.

With ISOLA_TEST_USER=1 isola is run by an ordinary user, `joe`, whom only the test host
knows; with names of accounts, one for each worker, by those of the machine, each with his
own systemd.  The tests themselves are still root's.  Tests that cannot be run so say why:
`@pytest.mark.needs_root('reason')`, or `pytestmark` for a file.
"""
import ctypes
import errno
import glob
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tarfile
import tempfile
import time

import pytest

AS_USER = bool(os.environ.get('ISOLA_TEST_USER'))
SLOWNESS = float(os.environ.get('ISOLA_TEST_SLOWNESS', '1'))
KERNEL = tuple(int(n) for n in re.findall(r'\d+', os.uname().release)[:2])
BINARY = os.environ.get('ISOLA', str(pathlib.Path(__file__).resolve().parents[1] / 'build-check/src/isola'))


def enter_test_host():
    if os.geteuid() != 0:
        pytest.exit('the integration tests need root: they make network namespaces and mounts', 1)
    path = str(pathlib.Path(__file__).resolve().parent / 'testhost')
    loader = importlib.machinery.SourceFileLoader('testhost', path)
    testhost = importlib.util.module_from_spec(importlib.util.spec_from_loader('testhost', loader))
    loader.exec_module(testhost)
    testhost.enter()


class User:
    """An ordinary user of the test host: nobody on the machine has his number, his range or his name."""
    uid = 20000 + os.getpid() % 40000  # his processes are his alone, whatever runs beside
    name = 'joe'
    first, count = 300000, 65536  # of /etc/subuid and /etc/subgid

    def __init__(self):
        self.directory = self.copy_programs()
        self.covered, self.environment = [], {}
        self.cover('/etc/passwd', pathlib.Path('/etc/passwd').read_text() + f'{self.name}:x:{self.uid}:{self.uid}::/:/bin/sh\n')
        for path in ('/etc/subuid', '/etc/subgid'):
            self.cover(path, f'{self.name}:{self.first}:{self.count}\n')

    def copy_programs(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-user-', dir='/var/tmp'))
        directory.chmod(0o755)
        for program in ('isola', 'isola-image', 'isola-registry'):  # a checkout may lie where others cannot go
            shutil.copy(pathlib.Path(BINARY).parent / program, directory / program)
        self.binary = str(directory / 'isola')
        return directory

    def cover(self, path, text):
        self.covered.append(path)
        file = self.directory / os.path.basename(path)
        file.write_text(text)
        subprocess.run(['mount', '--bind', file, path], check=True)

    def without_range(self):
        """He has his own id alone from now on, until the test ends that uncovers() again."""
        for path in ('/etc/subuid', '/etc/subgid'):
            (self.directory / os.path.basename(path)).write_text('')

    def with_range(self):
        for path in ('/etc/subuid', '/etc/subgid'):
            (self.directory / os.path.basename(path)).write_text(f'{self.name}:{self.first}:{self.count}\n')

    def become(self):
        """What subprocess needs to run something as him."""
        return {'user': self.uid, 'group': self.uid, 'extra_groups': []}

    def own(self, path):
        os.chown(path, self.uid, self.uid)
        return path

    def remove(self):
        for path in reversed(self.covered):
            subprocess.run(['umount', path], check=True)
        shutil.rmtree(self.directory, ignore_errors=True)


class Account(User):
    """One of the machine's, who may have a service manager (user@UID.service)."""

    def __init__(self, name):
        entry = pwd.getpwnam(name)
        self.name, self.uid = name, entry.pw_uid
        self.covered = []
        for line in pathlib.Path('/etc/subuid').read_text().splitlines():
            if line.startswith(f'{name}:'):
                self.first, self.count = map(int, line.split(':')[1:])
        self.directory = self.copy_programs()
        self.environment = {'XDG_RUNTIME_DIR': f'/run/user/{self.uid}'}

    @property
    def slice(self):
        """Where his manager has the control groups of what he runs."""
        return pathlib.Path(f'/sys/fs/cgroup/user.slice/user-{self.uid}.slice/user@{self.uid}.service/app.slice')


def account_of_worker(names):
    names = names.split(',')
    return Account(names[int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')) % len(names)])


@pytest.fixture(scope='session')
def world():
    yield from make_world()


def make_world():
    """A network namespace that the test host reaches by default routes of both families, with a name and a web page."""
    def ip(*words):
        subprocess.run(['ip', *words], check=True)
    # Another test host may run at the same time: what /run/netns has is everybody's, a process' namespace is not.
    process = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec sleep 100000'], stdout=subprocess.PIPE)
    process.stdout.readline()
    inside = ['nsenter', '-n', '-t', str(process.pid)]
    ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1', 'netns', str(process.pid))
    for address, options in (('192.0.2.2/24', []), ('2001:db8::2/64', ['nodad'])):
        ip('address', 'add', address, 'dev', 'up0', *options)
    ip('link', 'set', 'up0', 'up')
    for words in (['address', 'add', '192.0.2.1/24', 'dev', 'up1'], ['address', 'add', '2001:db8::1/64', 'dev', 'up1', 'nodad'],
                  ['address', 'add', '198.51.100.7/32', 'dev', 'lo'], ['link', 'set', 'up1', 'up'], ['link', 'set', 'lo', 'up']):
        subprocess.run([*inside, 'ip', *words], check=True)
    ip('route', 'add', 'default', 'via', '192.0.2.1')
    ip('-6', 'route', 'add', 'default', 'via', '2001:db8::1')
    yield inside
    process.kill()
    process.wait()
    subprocess.run(['ip', 'link', 'delete', 'up0'], check=False)


@pytest.fixture(scope='session')
def tun():
    yield from open_tun()


def open_tun():
    """What udev makes of /dev/net/tun: everybody may open it."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-tun-', dir='/var/tmp'))
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', directory], check=True)
    try:
        os.mknod(directory / 'tun', 0o666 | stat.S_IFCHR, os.makedev(10, 200))
        (directory / 'tun').chmod(0o666)
        if os.path.exists('/dev/net/tun'):
            subprocess.run(['mount', '--bind', directory / 'tun', '/dev/net/tun'], check=True)
            yield
            subprocess.run(['umount', '/dev/net/tun'], check=True)
        else:
            yield
    finally:
        subprocess.run(['umount', directory], check=True)
        directory.rmdir()


@pytest.fixture(scope='session')
def uplink(world, tun):
    """What a user's containers need to get out."""
    if not shutil.which('pasta'):
        pytest.skip('pasta is not there (package passt)')
    return world


@pytest.fixture(scope='session')
def joe():
    """An ordinary user with a range of ids."""
    if not shutil.which('newuidmap') or not os.path.exists('/etc/subuid') or not os.path.exists('/etc/subgid'):
        pytest.skip('newuidmap or /etc/subuid is not there (package uidmap)')
    names = os.environ.get('ISOLA_TEST_USER', '1')
    user = User() if names == '1' else account_of_worker(names)
    yield user
    user.remove()


@pytest.fixture(scope='session')
def account(request):
    """Who runs isola: None for root."""
    if not AS_USER:
        return None
    request.getfixturevalue('uplink')
    return request.getfixturevalue('joe')


def pytest_collection_modifyitems(items):
    for item in items:
        mark = item.get_closest_marker('needs_root')
        if AS_USER and mark:
            item.add_marker(pytest.mark.skip(reason=f'needs root: {mark.args[0]}'))


def open_way(path):
    """What pytest makes is for root alone."""
    for directory in (path, *path.parents):
        if directory == path or directory.name.startswith(('pytest-', 'popen-')):
            directory.chmod(0o755)


@pytest.fixture(autouse=AS_USER)
def reachable(request):
    """Directories of pytest's are root's alone; here the user may go in, and the test's own is his."""
    path = request.getfixturevalue('tmp_path')
    open_way(path)
    request.getfixturevalue('joe').own(path)


def pytest_configure(config):
    config.addinivalue_line('markers', 'needs_root(reason): cannot be run by an ordinary user, and why')
    # With xdist only the workers run tests; the controller stays where it is.
    if hasattr(config, 'workerinput') or not config.getoption('numprocesses', None):
        enter_test_host()


def scale_timeouts():
    """Every timeout of a test bounds a hang and measures nothing: in an emulated machine all are longer."""
    communicate, wait = subprocess.Popen.communicate, subprocess.Popen.wait

    def scaled_communicate(self, input=None, timeout=None):
        return communicate(self, input, timeout and timeout * SLOWNESS)

    def scaled_wait(self, timeout=None):
        return wait(self, timeout and timeout * SLOWNESS)
    subprocess.Popen.communicate, subprocess.Popen.wait = scaled_communicate, scaled_wait


if SLOWNESS != 1:
    scale_timeouts()


# What looks for leaks does not come to an end in a process that has joined a container.
SANITIZER = {'ASAN_OPTIONS': 'detect_leaks=0'}


class Isola:
    """The real binary with its own state directories."""

    def __init__(self, directory, binary=None, user=None):
        self.binary = binary or (user.binary if user else BINARY)
        # The same process, as if he had called it.
        self.become = [shutil.which('setpriv'), f'--reuid={user.uid}', f'--regid={user.uid}', '--clear-groups'] if user else []
        if user:
            user.own(directory)
        self.root = str(directory / 'data')
        self.run_root = str(directory / 'run')
        self.seen = set()  # ids of containers that a test has met
        self.environment = {'PATH': os.environ['PATH'], 'HOME': str(directory), 'TERM': 'xterm', **SANITIZER,
                            **(user.environment if user else {})}

    def command(self, *arguments):
        return [*self.become, self.binary, '--root', self.root, '--run-root', self.run_root, *map(str, arguments)]

    def __call__(self, *arguments, code=0, input=None, text=True, timeout=60, env=None, cwd=None, stdin=None):
        """Runs `isola ARGUMENTS`, expects the exit code (None: any) and returns the result."""
        streams = {'input': input} if input is not None else {'stdin': stdin or subprocess.DEVNULL}
        done = subprocess.run(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text,
                              timeout=timeout, env={**self.environment, **(env or {})}, cwd=cwd, **streams)
        if code is not None:
            assert done.returncode == code, (f'isola {" ".join(map(str, arguments))}: exit code {done.returncode}, '
                                             f'not {code}\nstdout: {done.stdout}\nstderr: {done.stderr}')
        return done

    def out(self, *arguments, **options):
        """Standard output without the last newline."""
        return self(*arguments, **options).stdout.rstrip('\n')

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, **options).stdout)

    def start(self, *arguments, env=None, **options):
        """Starts `isola ARGUMENTS` in the background; pipes unless told otherwise."""
        options = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **options}
        return subprocess.Popen(self.command(*arguments), env={**self.environment, **(env or {})}, **options)

    def inspect(self, name):
        document = self.json('inspect', name)[0]
        self.seen.add(document['Id'])
        return document

    def state(self, name):
        """What is kept of a container that runs."""
        path = pathlib.Path(self.run_root) / 'containers' / self.inspect(name)['Id'] / 'state.json'
        return json.loads(path.read_text())

    def pid(self, name):
        return self.inspect(name)['State']['Pid']

    def remove_all(self):
        ids = self('ps', '-aq', '--no-trunc', code=None).stdout.split()
        self.seen.update(ids)
        if ids:
            self('rm', '-f', '-v', *ids, code=None)

    def remove_state(self, directory):
        """After the last monitor has ended the user's pasta, which nobody finds without its note."""
        wait_until(lambda: not os.path.exists(os.path.join(self.run_root, 'rootless/pasta.pid')), what='the end of pasta')
        shutil.rmtree(directory, ignore_errors=True)


def wait_until(condition, timeout=20, what='it'):
    """Polls a condition; for what the kernel does on its own time."""
    end = time.monotonic() + timeout * SLOWNESS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f'{what} did not happen within {timeout * SLOWNESS:g} s')


def is_dead(pid):
    """Whether a process has ended, waited for or not."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] in 'ZX'
    except OSError:
        return True


def kill(pid):
    """Kills a process for good: before it has ended, the next command would take it for alive."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_dead(pid), what=f'death of process {pid}')


def existing(pattern):
    """Paths that match, of directories that may vanish meanwhile (pathlib's glob() raises then)."""
    return [pathlib.Path(path) for path in glob.glob(str(pattern), recursive=True)]


def known_code(isola, code):
    """The exit code that is told of a container whose monitor was killed: the kernel knows since Linux 6.15."""
    features = isola.out('check', '--format', '{{.Feature}}: {{.Status}}', code=None).splitlines()
    return code if 'exit status by pidfd: yes' in features else 255


def holders(name):
    """Other processes that have a file open, or a pipe by the name that /proc has for it."""
    found = set()
    for path in existing('/proc/[0-9]*/fd/*'):
        try:
            if os.readlink(path) == str(name):
                found.add(int(path.parts[2]))
        except OSError:
            pass
    return found - {os.getpid()}


def leftovers(isola):
    """What is still there although no container is: cgroups, interfaces, processes, state."""
    found = []
    records = pathlib.Path(isola.root) / 'containers'
    known = {entry.name for entry in records.iterdir()} if records.is_dir() else set()
    for directory in existing('/sys/fs/cgroup/isola/*') + existing('/sys/fs/cgroup/*/isola/*'):
        if directory.is_dir() and directory.name in isola.seen - known:
            found.append(f'cgroup {directory}')
    for directory in existing('/sys/fs/cgroup/user.slice/*/*/app.slice/isola-*.scope'):
        if directory.name.removesuffix('.scope').rpartition('-')[2] in isola.seen - known:
            found.append(f'cgroup {directory}')
    links = json.loads(subprocess.run(['ip', '-j', 'link'], stdout=subprocess.PIPE, check=True).stdout)
    found += [f"interface {link['ifname']}" for link in links if link['ifname'].startswith(('veth', 'isola'))]
    tables = subprocess.run(['nft', 'list', 'tables'], stdout=subprocess.PIPE, text=True, check=True).stdout
    found += [line for line in tables.splitlines() if line.endswith(' isola')]
    for kind in ('ids', 'ports', 'containers'):
        directory = pathlib.Path(isola.run_root) / kind
        if directory.is_dir():
            found += [f'{kind}/{entry.name}' for entry in directory.iterdir()]
    for network in existing(f'{isola.run_root}/networks/*/address/*'):
        if network.name not in ('cursor', '.cursor', '.lock'):
            found.append(f'address {network.name}')
    found += [f'mount {line}' for line in pathlib.Path('/proc/self/mountinfo').read_text().splitlines()
              if isola.root in line or isola.run_root in line]
    return found


def make_busybox_tar(path):
    """A small root file system: busybox-static and a few users."""
    busybox = shutil.which('busybox') or '/bin/busybox'
    with tempfile.TemporaryDirectory() as directory:
        tree = pathlib.Path(directory)
        tree.chmod(0o755)
        for name in ('bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'home/user', 'var/www', 'usr/bin', 'sbin'):
            (tree / name).mkdir(parents=True)
        (tree / 'tmp').chmod(0o1777)
        shutil.copy(busybox, tree / 'bin/busybox')
        applets = subprocess.run([busybox, '--list'], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        for applet in applets:
            if applet != 'busybox':
                (tree / 'bin' / applet).symlink_to('busybox')
        (tree / 'etc/passwd').write_text('root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n'
                                         'www-data:x:33:33::/var/www:/bin/false\n')
        (tree / 'etc/group').write_text('root:x:0:\nuser:x:1000:\nwww-data:x:33:\nstaff:x:50:user\n')
        (tree / 'var/www/index.html').write_text('hello from inside\n')

        def owner(entry):
            entry.uid, entry.gid = (1000, 1000) if entry.name.startswith('./home/user') else (0, 0)
            entry.uname = entry.gname = ''
            return entry
        with tarfile.open(path, 'w') as tar:
            tar.add(tree, '.', filter=owner)


@pytest.fixture(scope='session')
def rootfs_tar(tmp_path_factory):
    path = tmp_path_factory.mktemp('rootfs') / 'rootfs.tar'
    make_busybox_tar(path)
    if AS_USER:
        open_way(path.parent)
    return str(path)


def maps_owners():
    """Linux 5.12 and newer; before, there are no images (docs/kernels.md), but OCI bundles there are."""
    mount_setattr = 442
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(mount_setattr, -1, b'', 0, None, 0) == 0 or ctypes.get_errno() != errno.ENOSYS


@pytest.fixture(scope='session')
def state(rootfs_tar, account):
    """State directories that hold the image `busybox`, shared by a worker's tests."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = Isola(directory, user=account)
    if maps_owners():
        with open(rootfs_tar, 'rb') as archive:
            isola('image', 'import', '-', 'busybox', stdin=archive)
    yield isola
    isola.remove_all()
    isola.remove_state(directory)


@pytest.fixture
def isola(state):
    """The binary; every container is removed after the test and nothing may be left behind."""
    yield state
    state.remove_all()

    def clean():
        # The bridge of a container that ended by itself goes with the next command.
        return not leftovers(state) or (state('ps') and not leftovers(state))
    try:
        wait_until(clean, timeout=60)
    except AssertionError:
        raise AssertionError(f'left behind: {leftovers(state)}') from None


@pytest.fixture(scope='session')
def attack():
    """Path of the static program that tries walls from inside (tests/escape/attack.c)."""
    return str(pathlib.Path(BINARY).parents[1] / 'tests/attack')


@pytest.fixture
def image():
    if not maps_owners():
        pytest.skip("this kernel cannot map owners, so there are no images")
    return 'busybox'


@pytest.fixture
def fresh(account):
    """The binary with empty state directories of its own, for tests of the store."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = Isola(directory, user=account)
    yield isola
    isola.remove_all()
    isola.remove_state(directory)


ROUTERS = '/usr/lib/frr/zebra', '/usr/lib/frr/ospfd', '/usr/lib/frr/bgpd', '/usr/bin/vtysh', '/usr/sbin/bird', '/usr/sbin/birdc'


def add_users_of_frr(directory):
    """What installing the package would have added."""
    directory.mkdir()
    for name, lines in {'passwd': ['frr:x:989:989::/nonexistent:/usr/sbin/nologin'],
                        'group': ['frr:x:989:', 'frrvty:x:988:frr']}.items():
        (directory / name).write_text(''.join(line + '\n' for line in [*pathlib.Path('/etc', name).read_text().splitlines(),
                                                                       *lines]))


@pytest.fixture
def routers(tmp_path):
    """FRRouting and BIRD where they would be installed; what tools/unpack fetched is laid over this test host's files."""
    if all(map(os.path.exists, ROUTERS)):
        yield
        return
    unpacked = pathlib.Path(BINARY).resolve().parents[1] / 'routers'
    if not (unpacked / 'complete').exists():
        pytest.skip('FRRouting and BIRD are neither installed nor unpacked (tools/unpack)')
    add_users_of_frr(tmp_path / 'etc')
    covered = []
    try:
        for place, layers in {'/usr': [f'{unpacked}/usr', '/usr'],
                              '/etc': [tmp_path / 'etc', f'{unpacked}/etc', '/etc']}.items():
            subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', 'lowerdir=' + ':'.join(map(str, layers)), place],
                           check=True)
            covered.append(place)
        yield
    finally:
        for place in covered:
            subprocess.run(['umount', '-l', place], check=True)
