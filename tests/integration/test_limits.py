# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits that really limit, and system calls that are really refused."""
import json
import pathlib
import subprocess
import time

import pytest
from conftest import existing


def cgroup_files(identity, name):
    """A container's limit file, in whichever hierarchy holds it."""
    return [path / name for pattern in (f'isola/{identity}', f'isola-{identity}.scope/container') for path in existing(f'/sys/fs/cgroup/**/{pattern}')
            if (path / name).exists()]


def test_memory_that_is_too_much_is_not_had(isola, image):
    # The shell's dd wants a buffer four times as large as the limit.
    done = isola('run', '--name', 'hungry', '--network', 'none', '-m', '16m', image,
                 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1', code=None)
    assert done.returncode == 137, done
    assert isola.inspect('hungry')['State']['OOMKilled'] is True


def test_memory_within_the_limit_is_had(isola, image):
    isola('run', '--rm', '--network', 'none', '-m', '64m', image,
          'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=8M', 'count=1')


def test_processes_beyond_the_limit_are_not_had(isola, image):
    done = isola('run', '--rm', '--network', 'none', '--pids-limit', '5', image, 'sh', '-c',
                 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all', code=None)
    assert 'all' not in done.stdout and "can't fork" in done.stderr


def test_each_user_has_a_limit_of_processes(isola, image):
    show = ['grep', 'Max processes', '/proc/self/limits']

    def limit(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
        assert done.stderr == ''
        return done.stdout.split()[2:4]
    run = isola.command('run', '--rm', '--network', 'none')
    isola('run', '-d', '--name', 'any', '--network', 'none', image, 'sleep', '300')
    assert limit(*run, image, *show) == limit(*isola.command('exec', 'any', *show)) == ['4096', '4096']
    assert limit('prlimit', '--nproc=30000:30000', *run, '--pids-limit', '-1', image, *show) == ['30000', '30000']
    # The caller's own is not raised, also not tried to.
    assert limit('prlimit', '--nproc=1000:1000', *run, image, *show) == ['1000', '1000']


def test_processor_time_is_divided(isola, image):
    # Half a processor: half a second of work takes about a second.
    loop = 'i=0; while [ $i -lt 1000000000 ]; do i=$((i+1)); done'
    isola('run', '-d', '--name', 'busy', '--network', 'none', '--cpus', '0.2', image, 'sh', '-c', loop)
    pid = isola.pid('busy')
    def ticks():
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before, begin = ticks(), time.monotonic()
    time.sleep(1)
    used = (ticks() - before) / 100 / (time.monotonic() - begin)
    assert used < 0.4, used


@pytest.mark.needs_root('systemd passes no cpuset on to users')
def test_processors_are_chosen(isola, image):
    text = isola.out('run', '--rm', '--network', 'none', '--cpuset-cpus', '0', image, 'grep', 'Cpus_allowed_list',
                     '/proc/self/status')
    assert text.split() == ['Cpus_allowed_list:', '0']


def test_limit_that_cannot_be_is_an_error_without_residue(isola, image):
    before = set(existing('/sys/fs/cgroup/*/isola/*'))
    done = isola('run', '--rm', '--network', 'none', '--pids-limit', '99999999', image, 'true', code=125)
    assert 'cannot set' in done.stderr and 'pids.max' in done.stderr
    mine = {path for path in set(existing('/sys/fs/cgroup/*/isola/*')) - before if path.name in isola.seen}
    assert not mine


def test_paused_and_killed_with_limits(isola, image):
    isola('run', '-d', '--name', 'held', '--network', 'none', '-m', '64m', image, 'sleep', '1000')
    identity = isola.inspect('held')['Id']
    assert cgroup_files(identity, 'cgroup.procs')
    isola('pause', 'held')
    assert isola.inspect('held')['State']['Status'] == 'paused'
    isola('rm', '-f', 'held')
    assert not cgroup_files(identity, 'cgroup.procs')


@pytest.mark.parametrize('command', [
    ['unshare', '-m', 'true'],
    ['mount', '-t', 'tmpfs', 'none', '/tmp'],
    ['umount', '/proc'],
    ['nsenter', '-t', '1', '-m', 'true'],
    ['hostname', 'other'],
    ['date', '-s', '2030-01-01'],
])
def test_calls_of_the_powerful_are_refused(isola, image, command):
    done = isola('run', '--rm', '--network', 'none', image, *command, code=None)
    assert 'not permitted' in done.stderr or 'denied' in done.stderr, done  # busybox's date exits with 0


def test_capability_opens_its_calls(isola, image):
    isola('run', '--rm', '--network', 'none', '--cap-add', 'SYS_ADMIN', image, 'mount', '-t', 'tmpfs', 'none', '/tmp')


def test_profile_of_the_users_own(isola, image, tmp_path):
    profile = tmp_path / 'profile.json'
    profile.write_text(json.dumps({'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [
        {'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28}]}))
    done = isola('run', '--rm', '--network', 'none', '--security-opt', f'seccomp={profile}', image, 'mkdir', '/x',
                 code=1)
    assert 'No space left on device' in done.stderr
    profile.write_text('{"defaultAction": "SCMP_ACT_PERHAPS"}')
    done = isola('run', '--rm', '--network', 'none', '--security-opt', f'seccomp={profile}', image, 'true', code=125)
    assert "'SCMP_ACT_PERHAPS' is not an action" in done.stderr
    done = isola('run', '--rm', '--security-opt', 'seccomp=/nonexistent', image, 'true', code=125)
    assert "cannot read seccomp profile '/nonexistent'" in done.stderr


def test_filter_holds_for_exec_too(isola, image):
    isola('run', '-d', '--name', 'filtered', '--network', 'none', image, 'sleep', '1000')
    status = isola.out('exec', 'filtered', 'grep', 'Seccomp:', '/proc/self/status')
    assert status.split() == ['Seccomp:', '2']
    assert isola('exec', 'filtered', 'mount', '-t', 'tmpfs', 'none', '/tmp', code=None).returncode != 0


def test_thrown_away_overlay_is_not_synced(isola, image):
    def options(*more):
        isola('run', '-d', '--name', 'look', '--network', 'none', *more, image, 'sleep', '1000')
        line = next(line for line in isola.out('exec', 'look', 'cat', '/proc/mounts').splitlines()
                    if line.split()[1] == '/')
        isola('rm', '-f', 'look')
        return line.split()[3]
    assert 'volatile' in options('--rm')  # "fsync=volatile" on newer kernels
    assert 'volatile' not in options()
