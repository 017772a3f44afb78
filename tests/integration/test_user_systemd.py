# SPDX-License-Identifier: GPL-2.0-or-later
"""An ordinary user beside a real systemd, whose manager for him gives control groups away."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import AS_USER, Isola, account_of_worker, existing, is_dead, kill, known_code, open_way, wait_until
from oci_bundle import APPLETS

ACCOUNTS = os.environ.get('ISOLA_TEST_ACCOUNTS')
pytestmark = pytest.mark.skipif(AS_USER or not ACCOUNTS, reason='there is no account with a systemd of its own (the virtual machine has some)')
# The test host's mounts are its own, and do not follow when the manager's directory is taken away and made anew.
OUTSIDE = ['nsenter', '--mount', '--target', '1']
TRAP = 'trap "echo stopped; exit 5" TERM; echo up; while :; do sleep 0.1; done'


@pytest.fixture(scope='module')
def member():
    """One of the machine's accounts, whose manager runs."""
    account = account_of_worker(ACCOUNTS)
    wait_for_manager(account)
    yield account
    account.remove()


def wait_for_manager(member):
    wait_until(lambda: os.path.exists(f'/proc/1/root/run/user/{member.uid}/systemd/private'), timeout=60, what="the user's systemd")


class MemberIsola(Isola):
    """Called by the member outside of the test host's mounts, with the usual run directory."""

    def __init__(self, directory, member):
        super().__init__(directory, user=member)
        self.become = [*OUTSIDE, *self.become]
        self.run_root = f'/run/user/{member.uid}/isola-test'

    def state(self, name):
        return json.loads(pathlib.Path(f"/proc/1/root{self.run_root}/containers/{self.inspect(name)['Id']}/state.json").read_text())


@pytest.fixture(scope='module')
def filled(member, rootfs_tar):
    """isola as the member, with the image busybox."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    isola = MemberIsola(directory, member)
    with open(rootfs_tar, 'rb') as archive:
        isola('image', 'import', '-', 'busybox', stdin=archive)
    yield isola
    shutil.rmtree(directory)


@pytest.fixture
def home(filled, member):
    yield filled
    filled.remove_all()
    wait_until(lambda: not units(member), what='the end of the last scope')


def as_member(member, *words, **options):
    return subprocess.run([*OUTSIDE, 'setpriv', f'--reuid={member.uid}', f'--regid={member.uid}', '--clear-groups', *map(str, words)],
                          env={'PATH': os.environ['PATH'], 'HOME': str(member.directory), **member.environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def systemctl(member, *words):
    done = as_member(member, 'systemctl', '--user', *words, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def units(member):
    """Scopes of isola's that there are, to systemd and on the tree."""
    listed = [line.split()[0] for line in systemctl(member, 'list-units', '--all', '--plain', '--no-legend', 'isola-*').splitlines()]
    return listed + [path.name for path in existing(member.slice / 'isola-*')]


def scope(member, home, name='a'):
    return member.slice / f"isola-{home.inspect(name)['Id']}.scope"


def place(member, home, name='a'):
    return scope(member, home, name) / 'container'


def procs(directory):
    return (directory / 'cgroup.procs').read_text().split()


def run(home, *options, command=('sleep', '1000'), name='a', **more):
    return home('run', '-d', '--name', name, '--network', 'none', *options, 'busybox', *command, **more)


def test_container_and_monitor_share_a_scope(home, member):
    run(home)
    state = home.state('a')
    assert procs(place(member, home)) == [str(state['Pid'])]
    assert procs(scope(member, home) / 'monitor') == [str(state['MonitorPid'])]
    shown = systemctl(member, 'show', scope(member, home).name, '-p', 'Description', '-p', 'Delegate', '-p', 'ActiveState')
    assert sorted(shown.splitlines()) == ['ActiveState=active', 'Delegate=yes', 'Description=isola container a']
    home('rm', '-f', 'a')
    wait_until(lambda: not units(member))


def test_without_a_sessions_variables_the_manager_is_found(home, member):
    del home.environment['XDG_RUNTIME_DIR']
    try:
        run(home)
    finally:
        home.environment.update(member.environment)
    assert procs(place(member, home)) == [str(home.pid('a'))]


def test_limits_are_set_and_stay(home, member):
    run(home, '-m', '64m', '--pids-limit', '50', '--cpus', '0.5')
    group = place(member, home)
    wanted = {'memory.max': '67108864', 'pids.max': '50', 'cpu.max': '50000 100000'}
    assert {file: (group / file).read_text().strip() for file in wanted} == wanted
    systemctl(member, 'daemon-reload')
    assert {file: (group / file).read_text().strip() for file in wanted} == wanted


def test_memory_that_is_too_much_is_not_had(home):
    run(home, '-m', '16m', command=('dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'))
    assert home.out('wait', 'a') == '137'
    assert home.inspect('a')['State']['OOMKilled'] is True


def test_what_is_executed_later_is_limited_too(home, member):
    """From outside of the manager's tree, where only systemd can put a process in."""
    run(home, '--pids-limit', '5')
    assert str(member.uid) not in pathlib.Path('/proc/self/cgroup').read_text()
    home('exec', '-d', 'a', 'sleep', '999')
    wait_until(lambda: len(procs(place(member, home))) == 2)
    assert "can't fork" in home('exec', 'a', 'sh', '-c', 'for i in 1 2 3 4 5 6 7; do sleep 9 & done', code=None).stderr
    assert home.out('exec', '-u', 'user', 'a', 'cat', '/proc/self/cgroup') == '0::/'


def test_limit_that_the_manager_has_not_is_refused_by_name(home, member):
    done = run(home, '--cpuset-cpus', '0', code=125)
    assert 'cpuset' in done.stderr and 'Delegate=' in done.stderr
    home('rm', '-f', 'a')
    wait_until(lambda: not units(member))


def test_pause(home):
    run(home)
    home('pause', 'a')
    assert home.out('ps', '--format', '{{.State}}') == 'paused'
    home('unpause', 'a')
    assert home.out('exec', 'a', 'echo', 'awake') == 'awake'


def test_restarted_container_has_its_limits(home, member):
    script = 'echo x >> /count; [ $(wc -l < /count) -gt 2 ] || exit 1; exec sleep 1000'
    run(home, '-m', '64m', '--restart', 'always', command=('sh', '-c', script))
    try:
        wait_until(lambda: home.inspect('a')['RestartCount'] >= 2)
    except AssertionError:
        raise AssertionError(home.inspect('a')['State']) from None
    home('stop', 'a')
    home('start', 'a')
    assert (place(member, home) / 'memory.max').read_text() == '67108864\n'
    assert procs(place(member, home)) == [str(home.pid('a'))]


def test_build(home, member, tmp_path):
    (tmp_path / 'Dockerfile').write_text('FROM busybox\nRUN --network=none cat /proc/self/cgroup > /place\n')
    open_way(tmp_path)
    home('build', '-q', '-t', 'built', member.own(tmp_path))
    home('rmi', 'built')


def test_container_outlives_the_session_that_made_it(home, member):
    unit = 'isola-test-session'
    words = [f'--uid={member.name}', '--wait', '--pipe', '--quiet', f'--unit={unit}', f'--setenv=HOME={home.environment["HOME"]}']
    command = home.command('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    subprocess.run(['systemd-run', *words, *command[len(home.become):]], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    assert home.inspect('a')['State']['Running']
    assert not is_dead(home.state('a')['MonitorPid'])


def test_scope_that_systemd_ends_is_a_container_that_is_stopped(home, member):
    run(home, '--restart', 'always', command=('sh', '-c', TRAP))
    wait_until(lambda: 'up' in home.out('logs', 'a'))
    systemctl(member, 'stop', scope(member, home).name)
    state = home.inspect('a')['State']
    assert (state['Status'], state['ExitCode']) == ('exited', 5)
    assert home.out('logs', 'a').splitlines() == ['up', 'stopped']


def test_stop_signal_and_time_are_the_containers_own(home, member):
    run(home, '--stop-signal', 'USR1', '--stop-timeout', '3', command=('sh', '-c', 'trap "" TERM; trap "echo asked" USR1; echo up; '
                                                                      'while :; do sleep 0.1; done'))
    wait_until(lambda: 'up' in home.out('logs', 'a'))
    systemctl(member, 'stop', scope(member, home).name)
    assert home.inspect('a')['State']['ExitCode'] == 137
    assert home.out('logs', 'a').splitlines() == ['up', 'asked']


def test_killed_monitor_is_replaced_in_the_scope(home, member):
    run(home)
    kill(home.state('a')['MonitorPid'])
    assert home.out('ps', '--format', '{{.Names}}') == 'a'
    assert procs(scope(member, home) / 'monitor') == [str(home.state('a')['MonitorPid'])]
    assert procs(place(member, home)) == [str(home.pid('a'))]


@pytest.mark.parametrize('fault', ['monitor.placed', 'monitor.cgroup', 'monitor.spawned', 'monitor.recorded', 'monitor.started',
                                   'monitor.ended', 'release.network', 'release.cgroup'])
def test_nothing_is_left_of_what_was_killed(home, member, fault):
    home('run', '--name', 'a', '--network', 'none', '-m', '64m', 'busybox', 'true', code=None, env={'ISOLA_FAULT': fault})
    home('ps', '-a')
    home('rm', '-f', 'a', code=None)
    wait_until(lambda: not units(member))
    assert home.out('run', '--rm', '--network', 'none', '-m', '64m', 'busybox', 'echo', 'next') == 'next'


def test_end_of_the_manager_stops_containers_in_order(home, member):
    """Who has logged out and does not linger, and a machine that is shut down: state is gone as after a reboot."""
    run(home, '--restart', 'always', command=('sh', '-c', TRAP))
    run(home, name='b')
    run(home, '--rm', name='c')
    wait_until(lambda: 'up' in home.out('logs', 'a'))
    assert (monitor := home.state('b')['MonitorPid'])
    subprocess.run(['systemctl', 'stop', f'user@{member.uid}.service'], check=True)
    try:
        wait_until(lambda: is_dead(monitor))
        wait_until(lambda: not os.path.exists(f'/proc/1/root/run/user/{member.uid}'), what='the end of the run directory')
    finally:
        subprocess.run(['systemctl', 'start', f'user@{member.uid}.service'], check=True)
        wait_for_manager(member)
    states = {c['Names']: c['State'] for c in map(json.loads, home.out('ps', '-a', '--format', 'json').splitlines())}
    assert states == {'a': 'exited', 'b': 'exited'}
    assert home.inspect('a')['State']['ExitCode'] == 5
    assert home.out('logs', 'a').splitlines() == ['up', 'stopped']
    home('start', 'a')
    assert procs(place(member, home)) != []


def test_manager_that_was_killed_is_found_as_a_reboot(home, member):
    run(home, '--restart', 'always')
    pids = [home.pid('a'), home.state('a')['MonitorPid']]
    subprocess.run(['systemctl', 'kill', '-s', 'KILL', f'user@{member.uid}.service'], check=True)
    try:
        wait_until(lambda: all(map(is_dead, pids)))
        wait_until(lambda: not os.path.exists(f'/proc/1/root/run/user/{member.uid}'), what='the end of the run directory')
    finally:
        subprocess.run(['systemctl', 'start', f'user@{member.uid}.service'], check=True)
        wait_for_manager(member)
    state = home.inspect('a')['State']
    assert (state['Status'], state['ExitCode']) == ('exited', 255)
    home('start', 'a')
    assert home.inspect('a')['State']['Running']


def test_group_of_a_delegated_scope_is_divided_by_hand(home, member):
    script = ('own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); mkdir $own/begin; echo $$ > $own/begin/cgroup.procs; exec "$@"')
    words = home.command('run', '-d', '--name', 'a', '--network', 'none', '-m', '64m', 'busybox', 'sleep', '1000')[len(home.become):]
    done = as_member(member, 'systemd-run', '--user', '--scope', '-p', 'Delegate=yes', '--unit=by-hand.scope', 'sh', '-c', script, 'sh', *words)
    assert done.returncode == 0, done.stdout
    group = member.slice / 'by-hand.scope/isola' / home.inspect('a')['Id']
    assert procs(group) == [str(home.pid('a'))]
    assert (group / 'memory.max').read_text() == '67108864\n'
    home('rm', '-f', 'a')
    wait_until(lambda: not (member.slice / 'by-hand.scope').exists())


class MemberBundle:
    """A bundle of the member's, for isola-oci."""

    def __init__(self, member):
        self.member = member
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='isola-user-', dir='/var/tmp'))
        self.path = self.home / 'bundle'
        for name in ('bin', 'proc', 'sys', 'dev', 'tmp', 'etc'):
            (self.path / 'rootfs' / name).mkdir(parents=True)
        shutil.copy(shutil.which('busybox'), self.path / 'rootfs/bin/busybox')
        for applet in APPLETS:
            (self.path / 'rootfs/bin' / applet).symlink_to('busybox')
        for directory, _, files in os.walk(self.home):
            for path in [directory, *(os.path.join(directory, name) for name in files)]:
                os.chown(path, member.uid, member.uid, follow_symlinks=False)
        assert self('spec', '--rootless', '--bundle', self.path).returncode == 0
        self.config = json.loads((self.path / 'config.json').read_text())
        self.config['process'].update(terminal=False, args=['sleep', '1000'])
        self.config['linux']['resources'] = {'memory': {'limit': 67108864}, 'pids': {'limit': 50}}
        (self.path / 'config.json').write_text(json.dumps(self.config))

    def __call__(self, *words):
        with tempfile.TemporaryFile('w+') as output:  # what stays holds it; a pipe would not be seen to end
            done = subprocess.run([*OUTSIDE, 'setpriv', f'--reuid={self.member.uid}', f'--regid={self.member.uid}', '--clear-groups', self.member.binary,
                                   '--run-root', self.home / 'run', 'oci', *words], stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, cwd=self.home,
                                  env={'PATH': os.environ['PATH'], 'HOME': str(self.home), **self.member.environment})
            output.seek(0)
            done.stdout = output.read()
        return done


def test_oci_runtime_asks_the_users_manager(member):
    bundle = MemberBundle(member)
    name = f'm{os.getpid()}'
    try:
        done = bundle('--systemd-cgroup', 'create', '--bundle', bundle.path, name)
        assert done.returncode == 0, done.stdout
        pid = str(json.loads(bundle('state', name).stdout)['pid'])
        [group] = existing(f'/sys/fs/cgroup/user.slice/user-{member.uid}.slice/user@{member.uid}.service/**/isola-{name}.scope')
        assert procs(group) == [pid]
        assert (group / 'memory.max').read_text() == '67108864\n'
        assert bundle('start', name).returncode == 0
        done = bundle('exec', '--detach', name, 'sleep', '999')
        assert done.returncode == 0, done.stdout
        assert len(procs(group)) == 2
        assert bundle('update', '--pids-limit', '33', name).returncode == 0
        assert (group / 'pids.max').read_text() == '33\n'
        assert bundle('pause', name).returncode == 0
        assert json.loads(bundle('state', name).stdout)['status'] == 'paused'
        assert bundle('resume', name).returncode == 0
    finally:
        bundle('delete', '--force', name)
    wait_until(lambda: not group.exists())
    shutil.rmtree(bundle.home)


def test_exit_code_after_a_monitor_was_killed(home):
    run(home, command=('sh', '-c', TRAP))
    wait_until(lambda: 'up' in home.out('logs', 'a'))
    kill(home.state('a')['MonitorPid'])
    home('ps')
    home('stop', 'a')
    assert home.inspect('a')['State']['ExitCode'] == known_code(home, 5)
