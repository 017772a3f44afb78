# SPDX-License-Identifier: GPL-2.0-or-later
"""isola as an ordinary user, who has a range of ids or his own alone."""
import fcntl
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest
from conftest import AS_USER, kill, open_way, wait_until
from registry_host import Image, registry  # noqa: F401
from user_home import CALLER, fetch, home, import_busybox, page, processes, single  # noqa: F401

pytestmark = pytest.mark.skipif(AS_USER, reason='makes its own users')


def userns(pid):
    return os.readlink(f'/proc/{pid}/ns/user')


def parent_userns(pid):
    """The namespace that a container's is in: that of all commands and monitors."""
    with open(f'/proc/{pid}/ns/user') as inner:
        parent = fcntl.ioctl(inner, 0xb702)  # NS_GET_PARENT
    try:
        return f'user:[{os.fstat(parent).st_ino}]'
    finally:
        os.close(parent)


def test_root_inside_is_the_user_outside(home, joe):
    assert home.out('run', '--rm', '--network', 'none', 'busybox', 'id', '-u') == '0'
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    assert os.stat(f'/proc/{home.pid("a")}').st_uid == joe.uid


def test_other_users_inside_have_ids_of_the_range(home, joe, tmp_path):
    shared = joe.own(tmp_path)
    open_way(tmp_path)
    home('run', '--rm', '--network', 'none', '-v', f'{shared}:/shared', 'busybox', 'sh', '-c',
         'touch /shared/root; mkdir /shared/d; chown 1000:33 /shared/d')
    made = os.stat(shared / 'd')
    assert os.stat(shared / 'root').st_uid == joe.uid
    assert (made.st_uid, made.st_gid) == (joe.first + 999, joe.first + 32)
    home('run', '--rm', '--network', 'none', '-u', 'user', '-v', f'{shared}:/shared', 'busybox', 'touch', '/shared/d/mine')
    assert os.stat(shared / 'd/mine').st_uid == joe.first + 999


def test_layers_belong_to_the_range(home, joe):
    diffs = list(pathlib.Path(home.root).glob('layers/*/*/diff')) + list(pathlib.Path(home.root).glob('layers/*/diff'))
    assert {os.stat(diff / 'home/user').st_uid for diff in diffs} == {joe.first + 999}
    assert {os.stat(diff / 'bin').st_uid for diff in diffs} == {joe.uid}


def test_life_of_a_detached_container(home):
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sh', '-c', 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done')
    wait_until(lambda: 'up' in home.out('logs', 'a'))
    assert home.out('ps', '--format', '{{.Names}} {{.State}}') == 'a running'
    assert home.out('exec', 'a', 'cat', '/proc/1/comm') == 'sh'
    assert home.out('exec', '-u', 'user', 'a', 'id', '-u') == '1000'
    home('stop', 'a')
    assert home.inspect('a')['State']['ExitCode'] == 5
    home('start', 'a')
    home('kill', 'a')
    home('rm', 'a')
    assert home.out('ps', '-aq') == ''


def test_what_a_container_wrote_stays_until_it_is_removed(home):
    home('run', '--name', 'a', '--network', 'none', 'busybox', 'sh', '-c', 'mkdir /d && echo text > /d/f && chown -R user /d')
    home('start', '-a', 'a', code=1)  # /d is there
    home('rm', 'a')
    assert list((pathlib.Path(home.root) / 'containers').iterdir()) == []


def test_host_network_is_the_hosts(home):
    own = os.readlink('/proc/self/ns/net')
    assert home.out('run', '--rm', '--network', 'host', 'busybox', 'readlink', '/proc/self/ns/net') == own
    assert home('run', '--rm', '--network', 'host', 'busybox', 'touch', '/sys/x', code=1).stderr.endswith('Read-only file system\n')


def test_build(home, tmp_path, joe):
    context = joe.own(tmp_path)
    (tmp_path / 'Dockerfile').write_text('FROM busybox\nRUN --network=none chown user /var/www && rm /etc/group\n'
                                         'COPY --chown=user Dockerfile /srv/\nUSER user\nCMD id -u\n')
    open_way(tmp_path)
    home('build', '-q', '-t', 'built', context)
    assert home.out('run', '--rm', '--network', 'none', 'built') == '1000'
    assert home.out('run', '--rm', '--network', 'none', 'built', 'stat', '-c', '%u', '/srv/Dockerfile', '/var/www') == '1000\n1000'
    assert home('run', '--rm', '--network', 'none', 'built', 'ls', '/etc/group', code=1)


def test_all_commands_share_one_user_namespace(home):
    for name in ('a', 'b'):
        home('run', '-d', '--name', name, '--network', 'none', 'busybox', 'sleep', '1000')
    assert parent_userns(home.pid('a')) == parent_userns(home.pid('b'))
    assert userns(home.pid('a')) != userns(home.pid('b'))


def test_first_commands_at_the_same_time_share_one_user_namespace(home):
    running = [home.start('run', '-d', '--name', f'c{i}', '--network', 'none', 'busybox', 'sleep', '1000') for i in range(6)]
    for command in running:
        assert command.wait(60) == 0, command.communicate()
    assert len({parent_userns(home.pid(f'c{i}')) for i in range(6)}) == 1


def test_containers_are_found_again_when_every_monitor_was_killed(home):
    for name in ('a', 'b'):
        home('run', '-d', '--name', name, '--network', 'none', 'busybox', 'sleep', '1000')
    before = {name: (home.pid(name), parent_userns(home.pid(name))) for name in ('a', 'b')}
    for name in ('a', 'b'):
        kill(home.state(name)['MonitorPid'])
    assert home.out('exec', 'a', 'id', '-u') == '0'
    assert sorted(home.out('ps', '--format', '{{.Names}}').split()) == ['a', 'b']
    home('run', '-d', '--name', 'c', '--network', 'none', 'busybox', 'sleep', '1000')
    assert {name: (home.pid(name), parent_userns(home.pid(name))) for name in ('a', 'b')} == before
    assert parent_userns(home.pid('c')) == before['a'][1]
    home('stop', '-t', '0', 'a', 'b', 'c')


def test_nothing_runs_when_no_container_does(home, joe):
    home('run', '--rm', '--network', 'none', 'busybox', 'true')
    wait_until(lambda: not processes(joe))


def test_containers_reach_each_other_by_name(home, uplink):
    home('run', '-d', '--name', 'web', 'busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www')
    assert home.out('run', '--rm', 'busybox', 'wget', '-qO-', 'http://web/') == 'hello from inside'
    assert subprocess.run(['ip', '-j', 'link', 'show', 'type', 'bridge'], stdout=subprocess.PIPE, text=True).stdout.strip() in ('[]', '')


def test_containers_reach_the_world(home, page):
    for address in ('198.51.100.7', '[2001:db8::1]'):
        wait_until(lambda: home('run', '--rm', 'busybox', 'wget', '-qO-', f'http://{address}/hostname', code=None).stdout != '')


def test_networks(home, uplink):
    home('network', 'create', '--subnet', '10.99.0.0/24', 'lab')
    home('network', 'create', '--internal', 'shut')
    assert '10.99.0.0/24 dev eth0' in home.out('run', '--rm', '--network', 'lab', 'busybox', 'ip', 'route')
    assert 'default' not in home.out('run', '--rm', '--network', 'shut', 'busybox', 'ip', 'route')
    # One ends while the next starts: the table goes and comes.
    for _ in range(10):
        for name in ('lab', 'shut'):
            home('run', '--rm', '--network', name, 'busybox', 'true')
    home('network', 'rm', 'lab', 'shut')


def test_pasta_lives_as_long_as_it_is_needed(home, uplink, joe):
    def pastas():
        return [pid for pid in processes(joe) if (pathlib.Path('/proc') / pid / 'comm').read_text().startswith('pas')]
    home('run', '-d', '--name', 'a', 'busybox', 'sleep', '1000')
    home('run', '-d', '--name', 'b', 'busybox', 'sleep', '1000')
    one = pastas()
    assert len(one) == 1
    home('stop', '-t', '0', 'a')
    assert pastas() == one
    home('stop', '-t', '0', 'b')
    wait_until(lambda: not pastas())
    wait_until(lambda: not processes(joe))


@pytest.mark.parametrize('victims', ['pasta', 'monitors'])
def test_network_outlives_its_holders(home, page, joe, victims):
    home('run', '-d', '--name', 'web', 'busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www')
    home('run', '-d', '--name', 'b', 'busybox', 'sleep', '1000')
    if victims == 'pasta':
        kill(int((pathlib.Path(home.run_root) / 'rootless/pasta.pid').read_text()))
    else:
        for name in ('web', 'b'):
            kill(home.state(name)['MonitorPid'])
    assert home.out('run', '--rm', 'busybox', 'wget', '-qO-', 'http://web/') == 'hello from inside'
    assert home('exec', 'b', 'wget', '-qO-', 'http://198.51.100.7/hostname').stdout
    home('rm', '-f', 'web', 'b')
    wait_until(lambda: not processes(joe))


def test_published_ports_show_who_calls(home, uplink):
    home('run', '-d', '--name', 'web', '-p', '18080:80', '-p', '127.0.0.1:18081:80', 'busybox', 'sh', '-c', CALLER)
    gateway = home.inspect('web')['NetworkSettings']['Gateway']
    wait_until(lambda: fetch('http://127.0.0.1:18080/cgi-bin/who') == gateway)
    for address in ('192.0.2.2', '[2001:db8::2]'):
        assert fetch(f'http://{address}:18080/cgi-bin/who') == address.strip('[]')
    assert fetch('http://192.0.2.2:18080/cgi-bin/who', uplink) == '192.0.2.1'
    assert fetch('http://[2001:db8::2]:18080/cgi-bin/who', uplink) == '2001:db8::1'
    assert fetch('http://[::1]:18080/cgi-bin/who') != ''
    assert fetch('http://127.0.0.1:18081/cgi-bin/who') == gateway
    assert fetch('http://192.0.2.2:18081/cgi-bin/who') == ''
    # From containers: at the machine's address, and at the name that stands for its loopback.
    assert '192.0.2.2' in home.out('run', '--rm', 'busybox', 'wget', '-qO-', 'http://192.0.2.2:18080/cgi-bin/who')
    assert home.out('run', '--rm', '--add-host', 'host:host-gateway', 'busybox', 'wget', '-qO-', 'http://host:18080/cgi-bin/who')
    assert home.out('run', '--rm', 'busybox', 'wget', '-qO-', 'http://host.containers.internal:18080/cgi-bin/who')


def test_published_ports_carry_much(home, uplink):
    home('run', '-d', '--name', 'web', '-p', '18080:80', 'busybox', 'sh', '-c',
         'mkdir /w; dd if=/dev/urandom of=/w/f bs=1M count=20 2>/dev/null; md5sum < /w/f > /w/sum; exec httpd -f -p 80 -h /w')
    wait_until(lambda: fetch('http://127.0.0.1:18080/sum'))
    got = subprocess.run('wget -qO- http://192.0.2.2:18080/f | md5sum', shell=True, stdout=subprocess.PIPE, text=True).stdout
    assert got.strip() == fetch('http://127.0.0.1:18080/sum')
    many = [subprocess.Popen(['wget', '-qO-', 'http://192.0.2.2:18080/sum'], stdout=subprocess.PIPE) for _ in range(40)]
    assert {p.communicate()[0].decode().strip() for p in many} == {got.strip()}


WHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', 7))
print('ready', flush=True)
while True:
    data, peer = s.recvfrom(1 << 16)
    s.sendto(data + peer[0].encode(), peer)
"""


def test_published_datagrams(home, uplink):
    home('run', '-d', '--name', 'echo', '-p', '18053:7/udp', 'busybox', 'sleep', '1000')
    gateway = home.inspect('echo')['NetworkSettings']['Gateway']
    with subprocess.Popen(['nsenter', '-n', '-t', str(home.pid('echo')), sys.executable, '-c', WHO], stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        for address, seen in (('127.0.0.1', gateway), ('192.0.2.2', '192.0.2.2'), ('127.0.0.1', gateway)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(20)
                s.connect((address, 18053))
                for size in (1, 1400, 9000):
                    s.send(b'x' * size)
                    assert s.recv(1 << 16) == b'x' * size + seen.encode()
        server.kill()


def test_ports_that_cannot_be_published_say_why(home, uplink):
    low = home('run', '--rm', '-p', '80:80', 'busybox', 'true', code=125).stderr
    assert 'cannot publish port 80/tcp: Permission denied' in low and 'net.ipv4.ip_unprivileged_port_start=80' in low
    home('run', '-d', '--name', 'web', '-p', '18080:80', 'busybox', 'sleep', '1000')
    assert "port 18080/tcp is already published by container 'web'" in home('run', '--rm', '-p', '18080:80', 'busybox', 'true', code=125).stderr
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('0.0.0.0', 18081))
        other.listen()
        assert 'already in use' in home('run', '--rm', '-p', '18081:80', 'busybox', 'true', code=125).stderr


def test_ports_are_served_again_after_the_monitor_was_killed(home, uplink):
    home('run', '-d', '--name', 'web', '-p', '18080:80', 'busybox', 'sh', '-c', CALLER)
    wait_until(lambda: fetch('http://192.0.2.2:18080/cgi-bin/who'))
    kill(home.state('web')['MonitorPid'])
    home('ps')
    assert wait_until(lambda: fetch('http://192.0.2.2:18080/cgi-bin/who')) == '192.0.2.2'


def test_restarted_container_without_network_has_one_of_its_own(home):
    own = os.readlink('/proc/self/ns/net')
    home('run', '-d', '--name', 'a', '--network', 'none', '--restart', 'on-failure:1', 'busybox', 'sh', '-c',
         'readlink /proc/self/ns/net; ip -o link show up | grep -c lo:; exit 1')
    wait_until(lambda: home.inspect('a')['State']['Status'] == 'exited')
    first, up, second, again = home.out('logs', 'a').split()
    assert own not in (first, second) and (up, again) == ('1', '1')
    home('run', '-d', '--name', 'b', '--network', 'none', 'busybox', 'sleep', '1000')
    assert os.readlink(f'/proc/{home.state("b")["MonitorPid"]}/ns/net') == own


def test_without_pasta_a_warning_says_what_is_missing(home, tmp_path):
    for program in ('newuidmap', 'newgidmap'):
        (tmp_path / program).symlink_to(shutil.which(program))
    open_way(tmp_path)
    (tmp_path / 'none').write_text('')
    covered = [path for path in {shutil.which('pasta')} if path]
    for path in covered:
        subprocess.run(['mount', '--bind', tmp_path / 'none', path], check=True)
    try:
        done = home('run', '--rm', 'busybox', 'ip', 'route')
    finally:
        for path in covered:
            subprocess.run(['umount', path], check=True)
    assert 'containers reach nothing outside of their networks' in done.stderr and 'default via' in done.stdout


def test_limits_are_refused_by_name(home):
    for option, name in (('--memory=20m', 'memory limit'), ('--cpus=1', 'processor time'), ('--pids-limit=10', 'process')):
        done = home('run', '--rm', '--network', 'none', option, 'busybox', 'true', code=125)
        assert name.lower() in done.stderr.lower() and 'you have no control group to divide' in done.stderr, done.stderr
    assert 'hint: log in through systemd-logind' in done.stderr


def test_pause_says_what_it_lacks(home):
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    assert 'it has no control group' in home('pause', 'a', code=1).stderr


def test_single_id_runs_images(single):
    assert '1 files belong to ids that you have not got' in single.told
    assert single.out('run', '--rm', '--network', 'none', 'busybox', 'id', '-u') == '0'
    single('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    assert single.out('exec', 'a', 'id', '-u') == '0'
    kill(single.state('a')['MonitorPid'])
    assert single.out('exec', 'a', 'id', '-u') == '0'
    assert single.out('run', '--rm', '-t', '--network', 'none', 'busybox', 'tty').strip() == '/dev/pts/0'


def test_single_id_says_what_it_lacks(single):
    done = single('run', '--rm', '--network', 'none', '-u', 'user', 'busybox', 'true', code=125)
    assert 'without a range in /etc/subuid' in done.stderr


def test_privileged_is_sealed_and_finds_its_state(home):
    assert home.out('run', '--rm', '--network', 'none', '--privileged', 'busybox', 'id', '-u') == '0'


def test_xdg_directories(joe, rootfs_tar):
    directory = pathlib.Path(tempfile.mkdtemp(prefix='isola-test-', dir='/var/tmp'))
    joe.own(directory)
    runtime = directory / 'runtime'
    runtime.mkdir(mode=0o700)
    joe.own(runtime)
    environment = {'PATH': os.environ['PATH'], 'HOME': str(directory), 'XDG_RUNTIME_DIR': str(runtime)}

    def isola(*words, **more):
        return subprocess.run([joe.binary, *words], env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=open(rootfs_tar), text=True, **joe.become())
    try:
        assert isola('image', 'import', '-', 'busybox').returncode == 0
        assert isola('run', '--rm', '--privileged', '--network', 'none', 'busybox', 'echo', 'here').stdout == 'here\n'
        assert (directory / '.local/share/isola/layers').is_dir() and (runtime / 'isola/containers').is_dir()
        assert (directory / '.local/share/isola').stat().st_mode & 0o777 == 0o700
        assert isola('images', '-q', XDG_DATA_HOME=str(directory / 'elsewhere')).stdout == ''
        assert (directory / 'elsewhere/isola').is_dir()
    finally:
        wait_until(lambda: not processes(joe))
        shutil.rmtree(directory)


def test_state_of_others_is_refused(home, joe):
    data = pathlib.Path(home.root)
    data.chmod(0o777)
    assert 'is writable by others' in home('ps', code=1).stderr
    data.chmod(0o700)
    os.chown(data, 54321, 54321)
    done = home('ps', code=1)
    assert 'belongs to user 54321, not to you' in done.stderr or 'Permission denied' in done.stderr
    joe.own(data)
    home('ps')


def test_others_cannot_reach_a_users_containers(home, joe):
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    pid, monitor = home.pid('a'), home.state('a')['MonitorPid']
    stranger = {'user': 54321, 'group': 54321, 'extra_groups': []}

    def denied(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **stranger)
        return done.returncode != 0 and ('denied' in done.stdout or 'not permitted' in done.stdout), done.stdout
    for command in (['ls', home.root], ['ls', home.run_root], ['cat', f'{home.run_root}/rootless/userns.json'],
                    ['kill', str(pid)], ['kill', str(monitor)], ['nsenter', '-U', '-t', str(pid), 'true'],
                    ['ls', f'/proc/{monitor}/fd/'], ['flock', '-n', home.root, 'true'],
                    [joe.binary, '--root', home.root, '--run-root', home.run_root, 'ps']):
        result, told = denied(*command)
        assert result, (command, told)
    assert home.out('exec', 'a', 'id', '-u') == '0'


def test_namespace_of_a_killed_maker_is_not_missed(home, joe):
    # A record that leads nowhere, with the number of a namespace that is not ours.
    record = pathlib.Path(home.run_root) / 'rootless/userns.json'
    home('ps')
    false = json.loads(record.read_text())
    false['userns'], false['pid'] = os.stat('/proc/self/ns/user').st_ino, os.getpid()
    record.write_text(json.dumps(false))
    assert home.out('run', '--rm', '--network', 'none', 'busybox', 'id', '-u') == '0'
    record.unlink()  # or one would be found: processes that nobody has waited for yet are in it still
    assert home('run', '--rm', '--network', 'none', 'busybox', 'true', env={'ISOLA_FAULT': 'rootless.made'}, code=None).returncode == -9
    assert home.out('run', '--rm', '--network', 'none', 'busybox', 'id', '-u') == '0'


@pytest.fixture
def delegated(joe):
    """A control group of version 2 that is joe's, with a place in it to begin from."""
    roots = [pathlib.Path(path) for path in ('/sys/fs/cgroup/unified', '/sys/fs/cgroup') if os.path.exists(path + '/cgroup.procs')]
    if not roots:
        pytest.skip('there are no control groups of version 2')
    top = roots[0] / f'isola-test-{os.getpid()}'
    begin = top / 'begin'
    begin.mkdir(parents=True)
    for directory in (top, begin):
        for path in (directory, *(directory / name for name in ('cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'))):
            joe.own(path)
    yield top
    wait_until(lambda: not list((top).glob('isola*')))
    begin.rmdir()
    top.rmdir()


def test_control_group_that_is_the_users_is_used(home, delegated):
    def isola(*words):
        line = ['sh', '-c', f'echo $$ > {delegated}/begin/cgroup.procs; exec "$@"', 'sh', *home.command(*words)]
        return subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=60)
    try:
        assert isola('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000').returncode == 0
        group = delegated / 'isola' / home.inspect('a')['Id']
        assert str(home.pid('a')) in (group / 'cgroup.procs').read_text().split()
        assert isola('pause', 'a').returncode == 0
        assert home.out('ps', '--format', '{{.Status}}').endswith('(Paused)')
        assert isola('unpause', 'a').returncode == 0
        assert isola('exec', 'a', 'true').returncode == 0
    finally:
        isola('rm', '-f', 'a')
    wait_until(lambda: not group.exists())


def test_images_from_registries(home, registry, tmp_path):
    """Network process and helpers are the user's own then, as locked in as root's."""
    image = Image(docker=True).push(registry, 'rootless/app', 'v1')
    name = f'{registry.host}/rootless/app:v1'
    home('pull', name)
    assert home.out('run', '--rm', name, 'echo', 'hi') == 'hi'
    home('push', name, f'{registry.host}/rootless/copy:v1')
    assert registry.manifest('rootless/copy', 'v1') == image.manifest
    data = home('save', name, text=False).stdout
    home('rmi', name)
    assert home('load', input=data, text=False).stdout.decode().strip() == f'Loaded image: {name}'



@pytest.mark.parametrize('options', [['--privileged'], ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined', '--security-opt',
                                                         'systempaths=unconfined']])
def test_isola_in_isola(home, joe, rootfs_tar, tmp_path, options):
    shutil.copy(rootfs_tar, tmp_path / 'rootfs.tar')
    joe.own(tmp_path / 'rootfs.tar')
    open_way(tmp_path)
    inner = ('run', '--rm', '--network', 'none', *options, '-v', 'inner:/var/lib/isola', '-v', f'{joe.directory}:/isola:ro',
             '-v', f'{tmp_path}:/in:ro', 'busybox', 'sh', '-c')
    home(*inner, '/isola/isola image import /in/rootfs.tar b')
    assert home.out(*inner, '/isola/isola run --rm --network none b id -u; /isola/isola run -d --name x --network none b sleep 100 >/dev/null; '
                            '/isola/isola exec x hostname | wc -c; /isola/isola rm -f x') == '0\n13\nx'


def test_check_says_what_a_user_has(home, uplink):
    rows = dict(line.split(': ', 1) for line in home.out('check', '--format', '{{.Feature}}: {{.Status}} {{.Detail}}', code=None).splitlines())
    assert rows['range of ids'] == 'yes 65537' and rows['pasta'].startswith('yes')
    assert rows['overlay in a user namespace'].startswith('yes')


def test_check_says_what_a_single_id_lacks(single):
    line = next(line for line in single.out('check', code=None).splitlines() if 'range of ids' in line)
    assert 'your own alone' in line and 'programs that give up root fail' in line


def test_audit_finds_nothing_open(home):
    home('run', '-d', '--name', 'a', '--network', 'none', 'busybox', 'sleep', '1000')
    told = home.out('audit', 'a')
    assert 'root inside is its user outside' in told and ' open ' not in told


def test_image_cannot_be_mounted_where_nobody_sees_it(home):
    told = home('image', 'mount', 'busybox', code=1).stderr
    assert 'an ordinary user cannot mount an image' in told and 'isola cp' in told


@pytest.mark.parametrize('options', [['--pid', 'host'], ['--pid', 'host', '--userns', 'host'], ['--ipc', 'host'], ['--uts', 'host'],
                                     ['--cgroupns', 'host'], ['--userns', 'host', '--ipc', 'host']])
def test_namespaces_of_the_machine_can_be_shared(home, options):
    assert home.out('run', '--rm', '--network', 'none', *options, 'busybox', 'sh', '-c', 'test -d /proc/1 && echo yes') == 'yes'


def test_single_id_has_no_others(single, tmp_path):
    open_way(tmp_path)
    (tmp_path / 'roots').write_text('x')
    (tmp_path / 'roots').chmod(0o644)
    done = single('run', '--rm', '--network', 'none', '-v', f'{tmp_path}:/b', 'busybox', 'sh', '-c',
                  'stat -c %u /b/roots /home/user; cat /b/roots; chown 1000 /home/user; su user -c true', code=1)
    assert done.stdout.split() == ['65534', '0', 'x']
    assert 'chown: /home/user: Invalid argument' in done.stderr and "su: can't set groups: Operation not permitted" in done.stderr
