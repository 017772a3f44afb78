# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor: restarts, memory, and what happens when it or the container is killed."""
import json
import os
import pathlib
import signal
import time

import pytest
from conftest import kill, known_code, wait_until


def kill_monitor(isola, name):
    monitor = isola.state(name)['MonitorPid']
    kill(monitor)
    return monitor


def test_killed_monitor_is_replaced_and_nothing_of_the_output_is_lost(isola, image):
    isola('run', '-d', '--name', 'left', image, 'sh', '-c',
          'i=0; while [ ! -e /stop ]; do i=$((i+1)); echo $i; sleep 0.02; done; exit 9')
    wait_until(lambda: isola.out('logs', 'left'))
    pid = isola.pid('left')
    old = kill_monitor(isola, 'left')
    time.sleep(0.3)
    assert isola.pid('left') == pid
    assert isola.state('left')['MonitorPid'] != old
    isola('exec', 'left', 'touch', '/stop', code=None)
    isola('wait', 'left')
    assert isola.inspect('left')['State']['ExitCode'] == known_code(isola, 9)
    lines = [int(line) for line in isola.out('logs', 'left').splitlines()]
    assert lines == list(range(1, len(lines) + 1))


def test_container_is_stopped_and_removed_without_its_monitor(isola, image):
    isola('run', '-d', '--name', 'alone', image, 'sleep', '100')
    kill_monitor(isola, 'alone')
    isola('stop', '-t', '0', 'alone')
    assert isola.inspect('alone')['State']['ExitCode'] == known_code(isola, 137)
    isola('rm', 'alone')


def test_rm_force_works_at_once_after_the_monitor_was_killed(isola, image):
    isola('run', '-d', '--name', 'gone', image, 'sleep', '100')
    kill_monitor(isola, 'gone')
    isola('rm', '-f', 'gone')
    assert isola.out('ps', '-aq') == ''


def test_killed_first_process_is_a_normal_end(isola, image):
    isola('run', '-d', '--name', 'shot', image, 'sleep', '100')
    os.kill(isola.pid('shot'), signal.SIGKILL)
    wait_until(lambda: isola.inspect('shot')['State']['Status'] == 'exited')
    assert isola.inspect('shot')['State']['ExitCode'] == 137


def test_both_killed_is_noticed_by_the_next_command(isola, image):
    isola('run', '-d', '--name', 'both', image, 'sleep', '100')
    pid = isola.pid('both')
    kill_monitor(isola, 'both')
    kill(pid)
    assert isola.out('ps', '-q') == ''
    state = isola.inspect('both')['State']
    assert state['Status'] == 'exited'
    assert state['ExitCode'] == 255
    assert 'exit code not known' in state['Error']
    isola('start', 'both')
    assert isola.inspect('both')['State']['Running'] is True


def test_both_killed_with_rm_leaves_nothing(isola, image):
    isola('run', '-d', '--rm', '--name', 'both', image, 'sleep', '100')
    pid = isola.pid('both')
    kill_monitor(isola, 'both')
    kill(pid)
    assert isola.out('ps', '-aq') == ''


def test_after_a_reboot_it_is_exited(isola, image):
    isola('run', '-d', '--name', 'old', image, 'sleep', '100')
    container, pid = isola.inspect('old')['Id'], isola.pid('old')
    kill_monitor(isola, 'old')
    kill(pid)
    for place in (isola.run_root, isola.root):
        record = pathlib.Path(place) / 'containers' / container / 'state.json'
        state = json.loads(record.read_text())
        state['BootId'] = '00000000-0000-0000-0000-000000000000'
        record.write_text(json.dumps(state))
    state = isola.inspect('old')['State']
    assert state['Status'] == 'exited'
    assert 'started anew' in state['Error']


def test_always_restarts_until_it_is_stopped(isola, image):
    isola('run', '-d', '--name', 'phoenix', '--restart', 'always', image, 'sh', '-c', 'echo x; exit 1')
    wait_until(lambda: isola.inspect('phoenix')['RestartCount'] >= 2)
    isola('stop', '-t', '0', 'phoenix')
    assert isola.inspect('phoenix')['State']['Status'] == 'exited'
    lines = len(isola.out('logs', 'phoenix').splitlines())
    time.sleep(1)
    assert len(isola.out('logs', 'phoenix').splitlines()) == lines


def test_on_failure_counts_its_restarts(isola, image):
    isola('run', '-d', '--name', 'twice', '--restart', 'on-failure:2', image, 'sh', '-c', 'echo x; exit 1')
    wait_until(lambda: isola.inspect('twice')['State']['Status'] == 'exited')
    assert isola.out('logs', 'twice').splitlines() == ['x'] * 3
    assert isola.inspect('twice')['RestartCount'] == 2


def test_on_failure_leaves_success_alone(isola, image):
    isola('run', '-d', '--name', 'fine', '--restart', 'on-failure', image, 'true')
    wait_until(lambda: isola.inspect('fine')['State']['Status'] == 'exited')
    assert isola.inspect('fine')['RestartCount'] == 0


def test_rm_force_ends_a_restarting_container(isola, image):
    isola('run', '-d', '--name', 'loop', '--restart', 'always', image, 'false')
    wait_until(lambda: isola.inspect('loop')['RestartCount'] >= 1)
    isola('rm', '-f', 'loop')
    assert isola.out('ps', '-aq') == ''


@pytest.mark.needs_root('the size is that of root\'s: a user\'s holds a namespace, too')
def test_monitor_is_small_and_holds_nothing_of_the_caller(isola, image):
    secret = os.open('/etc/passwd', os.O_RDONLY)
    os.set_inheritable(secret, True)
    isola.start('run', '-d', '--name', 'small', image, 'sleep', '100', close_fds=False).wait()
    os.close(secret)
    monitor = isola.state('small')['MonitorPid']
    rollup = pathlib.Path(f'/proc/{monitor}/smaps_rollup').read_text()
    dirty = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith('Private_Dirty:'))
    assert dirty < 250
    links = [os.readlink(f'/proc/{monitor}/fd/{fd}') for fd in os.listdir(f'/proc/{monitor}/fd')]
    assert '/etc/passwd' not in links
    assert pathlib.Path(f'/proc/{monitor}/cmdline').read_text().startswith('isola: monitor small')
    assert os.readlink(f'/proc/{monitor}/cwd') == '/'
    assert os.getsid(monitor) == monitor


def test_name_of_a_container_that_is_gone_is_swept(isola, image):
    isola('create', '--name', 'stays', image, 'true')
    stale = pathlib.Path(isola.root) / 'names' / 'nobody'
    stale.symlink_to('0' * 63 + 'a')
    isola('ps', '-a')
    assert not stale.is_symlink()
    assert isola.inspect('stays')['Name'] == '/stays'


def test_run_directory_of_a_start_that_was_killed_is_swept(isola, image):
    container = isola.out('create', image, 'true')
    run = pathlib.Path(isola.run_root) / 'containers' / container
    run.mkdir(parents=True)
    isola('ps')
    assert not run.exists()
