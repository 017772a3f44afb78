# SPDX-License-Identifier: GPL-2.0-or-later
"""run and create: every option reaches the container, every wrong value is refused without residue."""
import json
import os

import pytest

CPUS = os.sysconf('SC_NPROCESSORS_ONLN')


def run(isola, image, options, *command, **more):
    return isola('run', '--rm', '--network', 'none', *options, image, *command, **more).stdout


@pytest.mark.parametrize('options, command, wanted', [
    (['-e', 'A=1', '-e', 'B=x y'], 'echo $A $B', '1 x y\n'),
    (['-w', '/tmp'], 'pwd', '/tmp\n'),
    (['-u', '1000:50'], 'id -u; id -g', '1000\n50\n'),
    (['-u', 'user'], 'id -un', 'user\n'),
    (['-u', 'user', '--group-add', '50'], 'id -Gn', 'user staff\n'),
    (['-u', '7:7', '--group-add', 'staff'], 'id -G', '7 50\n'),
    (['--hostname', 'box'], 'hostname', 'box\n'),
    (['-h', 'box'], 'cat /proc/sys/kernel/hostname', 'box\n'),
    (['--read-only'], 'touch /x 2>/dev/null || echo no', 'no\n'),
    (['--read-only', '--tmpfs', '/tmp'], 'touch /tmp/x && echo yes', 'yes\n'),
    (['--tmpfs', '/t:size=64k,mode=700'], 'df -k /t | tail -1 | awk "{print \\$2}"; stat -c %a /t', '64\n700\n'),
    (['--mount', 'type=tmpfs,target=/t,tmpfs-mode=750'], 'stat -c %a /t', '750\n'),
    (['--shm-size', '1m'], 'df -k /dev/shm | tail -1 | awk "{print \\$2}"', '1024\n'),
    (['--ulimit', 'nofile=64:128'], 'ulimit -Sn; ulimit -Hn', '64\n128\n'),
    (['--sysctl', 'net.ipv4.ip_unprivileged_port_start=7'], 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start', '7\n'),
    (['--cap-drop', 'ALL'], 'grep CapEff /proc/self/status', 'CapEff:\t0000000000000000\n'),
    (['--cap-drop', 'ALL', '--cap-add', 'net_admin'], 'grep CapEff /proc/self/status', 'CapEff:\t0000000000001000\n'),
    (['--security-opt', 'no-new-privileges'], 'grep NoNewPrivs /proc/self/status', 'NoNewPrivs:\t1\n'),
    (['--security-opt', 'seccomp=unconfined'], 'grep Seccomp: /proc/self/status', 'Seccomp:\t0\n'),
    (['--init'], 'cat /proc/1/cmdline | grep -qv "^sh" && echo init', 'init\n'),
    (['--add-host', 'db:10.1.2.3'], 'grep db /etc/hosts', '10.1.2.3\tdb\n'),
    (['--entrypoint', 'echo'], None, 'a b\n'),
    (['--oom-score-adj', '300'], 'cat /proc/self/oom_score_adj', '300\n'),
    (['-v', '/tmp:/mnt:ro'], 'touch /mnt/x 2>/dev/null || echo no', 'no\n'),
    (['--device', '/dev/null:/dev/nothing'], 'echo x > /dev/nothing && echo yes', 'yes\n'),
])
def test_option_reaches_the_container(isola, image, options, command, wanted):
    words = ['a', 'b'] if command is None else ['sh', '-c', command]
    assert run(isola, image, options, *words) == wanted


def test_files_of_variables_and_labels(isola, image, tmp_path):
    (tmp_path / 'env').write_text('# comment\nA=from file\nPASSED\n')
    (tmp_path / 'labels').write_text('a=1\nb\n')
    text = run(isola, image, ['--env-file', tmp_path / 'env', '-e', 'B=2'], 'sh', '-c', 'echo $A $B $PASSED',
               env={'PASSED': 'on'})
    assert text == 'from file 2 on\n'
    isola('create', '--name', 'x', '--label-file', tmp_path / 'labels', '-l', 'c=3', image, 'true')
    assert isola.inspect('x')['Config']['Labels'] == {'a': '1', 'b': '', 'c': '3'}


def test_clocks_are_put_ahead(isola, image):
    up = float(run(isola, image, ['--time-offset', 'boottime=30d'], 'cat', '/proc/uptime').split()[0])
    with open('/proc/uptime') as file:
        here = float(file.read().split()[0])
    assert abs(up - here - 30 * 86400) < 60


def test_named_and_anonymous_volumes(isola, image):
    run(isola, image, ['-v', 'keep:/data'], 'sh', '-c', 'echo kept > /data/file')
    assert run(isola, image, ['-v', 'keep:/data'], 'cat', '/data/file') == 'kept\n'
    isola('create', '--name', 'x', '-v', '/cache', image, 'true')
    mount = isola.inspect('x')['Mounts'][0]
    assert mount['Type'] == 'volume' and mount['Destination'] == '/cache' and len(mount['Name']) == 64


def test_create_keeps_everything_for_inspect(isola, image):
    isola('create', '--name', 'x', '--memory', '64m', '--memory-swap', '128m', '--cpus', '1.5', '--cpu-shares', '512',
          '--pids-limit', '50', '--restart', 'on-failure:3', '--stop-signal', 'HUP', '--stop-timeout', '7', '--dns',
          '1.1.1.1', '--dns-search', 'example.com', '--log-opt', 'max-size=1m', '--expose', '9/udp', '-P', '--init',
          '--cgroupns', 'host', '--ip', '10.88.1.2', '--network-alias', 'y', image, 'true')
    host = isola.inspect('x')['HostConfig']
    assert host['Memory'] == 64 << 20 and host['MemorySwap'] == 128 << 20
    assert host['NanoCpus'] == 1500000000 and host['CpuShares'] == 512 and host['PidsLimit'] == 50
    assert host['RestartPolicy'] == {'Name': 'on-failure', 'MaximumRetryCount': 3}
    assert host['Dns'] == ['1.1.1.1'] and host['DnsSearch'] == ['example.com']
    assert host['LogConfig'] == {'Type': 'json-file', 'Config': {'max-size': '1m'}}
    assert host['PublishAllPorts'] is True and host['Init'] is True and host['CgroupnsMode'] == 'host'
    config = isola.inspect('x')['Config']
    assert config['StopSignal'] == 'HUP' and config['StopTimeout'] == 7
    assert '9/udp' in config['ExposedPorts']


@pytest.mark.parametrize('options, sentence', [
    (['-p', '80:x'], "port '80:x' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]"),
    (['-p', 'host:80:80'], "port 'host:80:80': 'host' is not an IP address"),
    (['-v', '/a:b'], "mount '/a:b': target 'b' is not an absolute path"),
    (['-v', 'a/b:/c'], "'a/b' is neither an absolute path nor a volume's name"),
    (['--mount', 'type=nfs,target=/x'], "--mount: type 'nfs' is not bind, volume or tmpfs"),
    (['--tmpfs', 'x'], "mount 'x': target 'x' is not an absolute path"),
    (['--name', 'a/b'], "'a/b' cannot be a container's name"),
    (['-w', 'tmp'], "the working directory 'tmp' is not an absolute path"),
    (['-m', '1m'], 'a memory limit below 6m lets nothing start'),
    (['--memory-swap', '1g'], '--memory-swap needs --memory too'),
    (['-m', '6g', '--memory-swap', '5g'], "--memory-swap is the sum of memory and swap, and '5g' is less than --memory"),
    (['--memory-reservation', '1m'], 'a memory reservation below 6m lets nothing start'),
    (['--cpus', '-1'], f"option '--cpus': the range of CPUs is from 0.01 to {CPUS}.00, as there are only {CPUS} CPUs"),
    (['--cpus', '0.001'], f"option '--cpus': the range of CPUs is from 0.01 to {CPUS}.00, as there are only {CPUS} CPUs"),
    (['--cpus', f'{CPUS}.5'], f"option '--cpus': the range of CPUs is from 0.01 to {CPUS}.00, as there are only {CPUS} CPUs available"),
    (['--cpus', '1e300'], f"option '--cpus': the range of CPUs is from 0.01 to {CPUS}.00, as there are only {CPUS} CPUs available"),
    (['--cpuset-cpus', '0,9999'], "option '--cpuset-cpus': requested CPUs are not available: requested 0,9999, available 0"),
    (['--cpuset-cpus', '1-0'], "option '--cpuset-cpus': '1-0' is not a list such as 0-2,4"),
    (['--cpuset-mems', '0-999'], "option '--cpuset-mems': requested memory nodes are not available"),
    (['--cpuset-cpus', 'a'], "option '--cpuset-cpus': 'a' is not a list such as 0-2,4"),
    (['--ulimit', 'nofiles=1'], "there is no limit called 'nofiles'"),
    (['--cap-add', 'FLY'], "'FLY' is not a capability"),
    (['--security-opt', 'sekkomp=x'], "security option 'sekkomp=x' is not known"),
    (['--sysctl', 'x'], "kernel parameter 'x' is not NAME=VALUE"),
    (['--device', 'fuse'], "device 'fuse' is not PATH[:PATH-INSIDE][:rwm]"),
    (['--restart', 'often'], "restart policy 'often' is not no, always, unless-stopped or on-failure[:N]"),
    (['--restart', 'always', '--rm'], '--restart and --rm cannot be used together'),
    (['--time-offset', 'realtime=1h'], "clock offset 'realtime=1h' is not monotonic=SPAN or boottime=SPAN"),
    (['--pid', 'shared'], "option '--pid': 'shared' is not private, container:NAME or host"),
    (['--pid', 'container:nobody'], "there is no container 'nobody'"),
    (['--network', 'none', '-p', '1:1'], 'no port can be published with --network none'),
    (['--network', 'host', '--ip', '10.0.0.1'], '--network host has no addresses and names to give'),
    (['--ip', '10.0.0'], "'10.0.0' is not an IPv4 address"),
    (['--dns', 'x'], "name server 'x' is not an IP address"),
    (['--add-host', 'x'], "host 'x' is not NAME:ADDRESS"),
    (['--pull', 'sometimes'], "pull policy 'sometimes' is not missing, always or never"),
    (['--platform', 'linux//vax'], "'linux//vax' is no platform"),
    (['--log-driver', 'syslog'], "log driver 'syslog' is not json-file or none"),
    (['--env-file', '/nonexistent'], "cannot read '/nonexistent': No such file or directory"),
    (['-e', '=1'], "variable '=1' has no name"),
    (['--hostname', 'a b'], "host name 'a b' has other characters than letters, digits, '.', '_' and '-'"),
    (['--hostname', 'x/y'], "host name 'x/y' has other characters than letters, digits, '.', '_' and '-'"),
    (['--hostname', 'x', '--uts', 'host'], '--hostname and --uts=host cannot be used together'),
    (['--stop-signal', 'XX'], "'XX' is not a signal"),
    (['--stop-timeout', 'soon'], "stop timeout 'soon' is not a number of seconds"),
    (['--stop-timeout', '0'], 'a stop timeout of 0 cannot be kept'),
    (['-a', 'stdfoo'], "'stdfoo' is not stdin, stdout or stderr"),
])
@pytest.mark.parametrize('verb', ['run', 'create'])
def test_wrong_value_is_refused_without_residue(isola, image, verb, options, sentence):
    done = isola(verb, *options, image, 'true', code=125)
    assert done.stderr.splitlines()[0].startswith(f'isola: {sentence}')
    assert done.stdout == '' and isola('ps', '-aq').stdout == ''


def test_unknown_image_and_taken_name(isola, image):
    said = isola('run', 'nosuch', code=125).stderr.splitlines()
    assert said[0] == "Unable to find image 'nosuch:latest' locally"
    assert said[2].startswith("isola: there is no image 'nosuch' here, and it cannot be pulled: ")
    said = isola('run', '--pull', 'never', 'nosuch', code=125).stderr
    assert said.startswith("isola: there is no image 'nosuch'\nhint: ")
    isola('create', '--name', 'x', image, 'true')
    assert "'x'" in isola('run', '--name', 'x', image, 'true', code=125).stderr
    assert len(isola('ps', '-aq').stdout.split()) == 1


@pytest.mark.parametrize('command, code', [('nosuch', 127), ('/etc/passwd', 126), ('/etc', 126)])
def test_program_that_cannot_run_leaves_nothing(isola, image, command, code):
    for options in ([], ['-d'], ['--rm']):
        done = isola('run', *options, image, command, code=code)
        assert command in done.stderr and done.stderr.startswith('isola: ')
        assert isola('ps', '-aq').stdout == ''


def test_cidfile_is_written_once(isola, image, tmp_path):
    path = tmp_path / 'id'
    id = isola.out('create', '--cidfile', path, image, 'true')
    assert path.read_text() == id
    done = isola('create', '--cidfile', path, image, code=125)
    assert done.stderr.startswith(f"isola: file '{path}' is there already")
    failed = tmp_path / 'failed'
    isola('create', '--cidfile', failed, 'nosuch', code=125)
    assert not failed.exists()


def test_options_end_at_the_image(isola, image):
    assert run(isola, image, [], 'echo', '-e', '--rm') == '--rm\n'


def test_detached_run_prints_the_id(isola, image):
    id = isola.out('run', '-d', '--name', 'x', image, 'sleep', '1000')
    assert json.loads(isola('inspect', 'x').stdout)[0]['Id'] == id
