# SPDX-License-Identifier: GPL-2.0-or-later
"""stop, start, restart, kill, pause, wait and rm."""
import time

import pytest
from conftest import wait_until

TRAP = 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done'


def run_ready(isola, image, name, script, *options):
    isola('run', '-d', '--name', name, *options, image, 'sh', '-c', script)
    wait_until(lambda: 'ready' in isola.out('logs', name))


def test_stop_sends_term_and_keeps_the_exit_code(isola, image):
    run_ready(isola, image, 'polite', TRAP)
    assert isola.out('stop', 'polite') == 'polite'
    assert isola.inspect('polite')['State']['ExitCode'] == 3


def test_stop_kills_after_the_timeout(isola, image):
    isola('run', '-d', '--name', 'deaf', '--stop-timeout', '1000', image, 'sleep', '1000')
    before = time.monotonic()
    isola('stop', '-t', '1', 'deaf')
    assert 0.9 < time.monotonic() - before
    assert isola.inspect('deaf')['State']['ExitCode'] == 137


def test_stop_uses_the_containers_signal(isola, image):
    run_ready(isola, image, 'usr', 'trap "exit 4" USR1; echo ready; while :; do sleep 0.05; done',
              '--stop-signal', 'SIGUSR1')
    isola('stop', 'usr')
    assert isola.inspect('usr')['State']['ExitCode'] == 4


def test_stopping_what_is_stopped_is_fine(isola, image):
    isola('run', '--name', 'over', image, 'true')
    assert isola.out('stop', 'over') == 'over'


def test_start_runs_it_again_with_its_files(isola, image):
    isola('run', '--name', 'again', image, 'sh', '-c', 'echo x >> /count; wc -l < /count')
    done = isola('start', '-a', 'again')
    assert done.stdout.split()[-1] == '2'


def test_starting_what_runs_is_fine(isola, image):
    isola('run', '-d', '--name', 'on', image, 'sleep', '100')
    pid = isola.pid('on')
    assert isola.out('start', 'on') == 'on'
    assert isola.pid('on') == pid


def test_restart_makes_a_new_process(isola, image):
    isola('run', '-d', '--name', 'anew', image, 'sleep', '100')
    pid = isola.pid('anew')
    isola('restart', '-t', '0', 'anew')
    assert isola.pid('anew') not in (0, pid)


def test_kill_of_a_stopped_container_is_refused(isola, image):
    isola('create', '--name', 'idle', image, 'true')
    done = isola('kill', 'idle', code=1)
    assert "container 'idle' is not running" in done.stderr


@pytest.mark.needs_root('pausing needs a control group, which a user has only under systemd')
def test_pause_stops_time_for_it_and_unpause_lets_it_go_on(isola, image):
    run_ready(isola, image, 'ice', 'echo ready; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done')
    isola('pause', 'ice')
    assert isola.inspect('ice')['State']['Status'] == 'paused'
    first = isola.out('logs', '--tail', '1', 'ice')
    time.sleep(0.2)
    assert isola.out('logs', '--tail', '1', 'ice') == first
    assert 'already paused' in isola('pause', 'ice', code=1).stderr
    assert 'is paused' in isola('exec', 'ice', 'true', code=None).stderr
    isola('unpause', 'ice')
    wait_until(lambda: isola.out('logs', '--tail', '1', 'ice') != first)


@pytest.mark.needs_root('pausing needs a control group, which a user has only under systemd')
def test_stop_of_a_paused_container_works(isola, image):
    run_ready(isola, image, 'frozen', TRAP)
    isola('pause', 'frozen')
    isola('stop', '-t', '5', 'frozen')
    assert isola.inspect('frozen')['State']['ExitCode'] == 3


def test_wait_prints_the_exit_code(isola, image):
    isola('run', '-d', '--name', 'soon', image, 'sh', '-c', 'sleep 0.3; exit 6')
    assert isola.out('wait', 'soon') == '6'
    assert isola.out('wait', 'soon') == '6'


def test_wait_knows_the_exit_code_of_one_that_removes_itself(isola, image):
    isola('run', '-d', '--rm', '--name', 'fleeting', image, 'sh', '-c', 'sleep 0.5; exit 6')
    assert isola.out('wait', 'fleeting') == '6'


def test_rm_refuses_what_runs_without_force(isola, image):
    isola('run', '-d', '--name', 'busy', image, 'sleep', '100')
    done = isola('rm', 'busy', code=1)
    assert done.stderr.splitlines()[0] == "isola: container 'busy' is running"
    assert '--force' in done.stderr
    assert isola.out('rm', '-f', 'busy') == 'busy'
    assert isola.out('ps', '-aq') == ''


@pytest.mark.needs_root('pausing needs a control group, which a user has only under systemd')
def test_rm_force_of_a_paused_container_works(isola, image):
    isola('run', '-d', '--name', 'stiff', image, 'sleep', '100')
    isola('pause', 'stiff')
    isola('rm', '-f', 'stiff')
    assert isola.out('ps', '-aq') == ''


def test_many_commands_on_one_container_agree(isola, image):
    isola('create', '--name', 'shared', image, 'sleep', '100')
    starts = [isola.start('start', 'shared') for _ in range(8)]
    assert [start.wait(30) for start in starts] == [0] * 8
    assert isola.inspect('shared')['State']['Running'] is True
    removes = [isola.start('rm', '-f', 'shared') for _ in range(8)]
    codes = [remove.wait(30) for remove in removes]
    assert 0 in codes and set(codes) <= {0, 1}
    assert isola.out('ps', '-aq') == ''


def test_restart_keeps_a_container_that_goes_when_it_ends(isola, image):
    isola('run', '-d', '--rm', '--name', 'brief', '-p', '8080:80', image, 'sh', '-c', 'echo once >>/count; sleep 1000')
    wait_until(lambda: isola('exec', 'brief', 'cat', '/count', code=None).stdout == 'once\n')
    before = isola.inspect('brief')
    for times in (2, 3):
        assert isola.out('restart', '-t', '0', 'brief') == 'brief'
        wait_until(lambda: isola('exec', 'brief', 'cat', '/count', code=None).stdout == 'once\n' * times)
    after = isola.inspect('brief')
    assert after['Id'] == before['Id'] and after['State']['Pid'] != before['State']['Pid']
    isola('stop', '-t', '0', 'brief')
    assert isola.out('ps', '-aq') == ''


def test_restart_ends_the_command_that_waits_for_a_container(isola, image):
    run = isola.start('run', '--rm', '--name', 'brief', image, 'sleep', '1000')
    wait_until(lambda: isola('inspect', 'brief', code=None).returncode == 0 and isola.pid('brief'))
    isola('restart', '-t', '0', 'brief')
    assert run.wait(20) == 137
    assert isola.inspect('brief')['State']['Running']
    isola('kill', 'brief')
    assert isola.out('ps', '-aq') == ''
