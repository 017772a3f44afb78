# SPDX-License-Identifier: GPL-2.0-or-later
"""start, stop, restart, kill, rm, wait, pause, exec, attach, port: Docker's words and exit codes."""
import time

import pytest
from conftest import wait_until


@pytest.fixture
def web(isola, image):
    """Ends at once when it is told to."""
    isola('run', '-d', '--name', 'web', '-p', '18082:80', '-p', '18083:53/udp', image, 'sh', '-c',
          'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done')
    wait_until(lambda: isola.out('logs', 'web') == 'ready')
    return 'web'


def status(isola, name):
    return isola.inspect(name)['State']['Status']


def test_stop_prints_names_as_typed(isola, web):
    assert isola('stop', 'web').stdout == 'web\n'
    state = isola.inspect('web')['State']
    assert (state['Status'], state['ExitCode']) == ('exited', 5)
    assert isola('stop', 'web').stdout == 'web\n'


def test_stop_kills_after_the_timeout(isola, image):
    isola('run', '-d', '--name', 'deaf', '--stop-timeout', '1000', image, 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done')
    begin = time.monotonic()
    isola('stop', '-t', '1', 'deaf')
    assert 0.9 < time.monotonic() - begin
    assert isola.inspect('deaf')['State']['ExitCode'] == 137


def test_many_are_stopped_at_once(isola, image, tmp_path):
    # Each ends when all have been told to, so that it must be killed if it is told and waited for alone.
    names = [f'friend{i}' for i in range(6)]
    for name in names:
        isola('run', '-d', '--name', name, '--network', 'none', '-v', f'{tmp_path}:/told', image, 'sh', '-c',
              f'trap "touch /told/{name}" TERM; touch /told/ready-{name}; '
              'while [ $(ls /told | grep -c "^friend") -lt 6 ]; do sleep 0.05; done; exit 7')
    wait_until(lambda: len(list(tmp_path.glob('ready-*'))) == 6)
    assert isola('stop', '-t', '20', *names).stdout.split() == names
    assert [isola.inspect(name)['State']['ExitCode'] for name in names] == [7] * 6


def test_start_and_restart(isola, web):
    first = isola.pid('web')
    assert isola('restart', '-t', '3', 'web').stdout == 'web\n'
    second = isola.pid('web')
    assert second and second != first
    isola('stop', 'web')
    assert isola('start', 'web').stdout == 'web\n'
    assert isola('start', 'web').stdout == 'web\n'
    assert status(isola, 'web') == 'running'


def test_start_tells_why_not(isola, image):
    isola('create', '--name', 'bad', image, 'nosuch')
    isola('create', '--name', 'good', image, 'true')
    assert isola('start', 'bad', code=127).stderr.startswith("isola: cannot run 'nosuch'")
    assert isola('start', 'nobody', code=125).stderr.startswith("isola: there is no container 'nobody'")
    assert isola('start', 'nobody', 'good', code=125).stdout == 'good\n'
    assert isola('start', '-a', 'bad', code=127).stdout == ''


def test_start_attached_gives_output_and_code(isola, image):
    isola('create', '--name', 'job', image, 'sh', '-c', 'echo out; echo err >&2; exit 4')
    done = isola('start', '-a', 'job', code=4)
    assert (done.stdout, done.stderr) == ('out\n', 'err\n')


def test_kill_sends_the_signal(isola, web):
    assert isola('kill', '-s', 'TERM', 'web').stdout == 'web\n'
    assert isola('wait', 'web').stdout == '5\n'
    done = isola('kill', 'web', code=1)
    assert done.stderr.startswith("isola: container 'web' is not running")
    assert isola('kill', '-s', 'NOPE', 'web', code=1).stderr.startswith("isola: 'NOPE' is not a signal\nhint: ")


def test_rm(isola, web):
    done = isola('rm', 'web', code=1)
    assert done.stderr.startswith("isola: container 'web' is running\nhint: stop it first, or use --force")
    assert isola('rm', '-f', 'web').stdout == 'web\n'
    assert isola('rm', 'web', code=1).stderr.startswith("isola: there is no container 'web'\nhint: ")
    assert isola('rm', '-f', 'web').stdout == ''


def test_it_goes_on_after_an_error(isola, image):
    isola('create', '--name', 'a', image, 'true')
    isola('create', '--name', 'b', image, 'true')
    done = isola('rm', 'a', 'nobody', 'b', code=1)
    assert done.stdout == 'a\nb\n' and "'nobody'" in done.stderr
    assert isola('ps', '-aq').stdout == ''


def test_wait_prints_codes_in_order(isola, image):
    for name, code in (('x', 3), ('y', 0)):
        isola('run', '-d', '--name', name, image, 'sh', '-c', f'sleep 0.3; exit {code}')
    assert isola('wait', 'x', 'y').stdout == '3\n0\n'
    assert isola('wait', 'nobody', code=1).stdout == ''


@pytest.mark.needs_root('pausing needs a control group, which a user has only under systemd')
def test_pause_and_unpause(isola, web):
    assert isola('pause', 'web').stdout == 'web\n'
    assert status(isola, 'web') == 'paused'
    assert 'already paused' in isola('pause', 'web', code=1).stderr
    assert isola('unpause', 'web').stdout == 'web\n'
    assert status(isola, 'web') == 'running'
    assert 'not paused' in isola('unpause', 'web', code=1).stderr


def test_port(isola, web):
    assert set(isola('port', 'web').stdout.splitlines()) == {
        '80/tcp -> 0.0.0.0:18082', '80/tcp -> [::]:18082', '53/udp -> 0.0.0.0:18083', '53/udp -> [::]:18083'}
    assert isola('port', 'web', '80').stdout.splitlines()[0] == '0.0.0.0:18082'
    assert isola('port', 'web', '53/udp').stdout.splitlines()[0] == '0.0.0.0:18083'
    done = isola('port', 'web', '81', code=1)
    assert done.stderr.startswith("isola: port '81/tcp' of container 'web' is not published\nhint: ")


def test_exec(isola, web):
    assert isola('exec', 'web', 'sh', '-c', 'echo $A; pwd; exit 7', code=7).stdout == '\n/\n'
    assert isola('exec', '-e', 'A=1', '-w', '/tmp', 'web', 'sh', '-c', 'echo $A; pwd').stdout == '1\n/tmp\n'
    assert isola('exec', '-u', 'user', 'web', 'id', '-un').stdout == 'user\n'
    assert isola('exec', '-i', 'web', 'cat', input='through\n').stdout == 'through\n'
    assert isola('exec', 'web', 'echo', '-i', '--user').stdout == '-i --user\n'
    assert isola('exec', 'web', 'nosuch', code=127).stderr.startswith('isola: ')
    assert isola('exec', 'web', '/etc/passwd', code=126).stderr.startswith('isola: ')
    assert isola('exec', 'nobody', 'true', code=125).stderr.startswith("isola: there is no container 'nobody'")
    assert isola('exec', '-w', 'tmp', 'web', 'true', code=125).stderr.startswith('isola: the working directory')


def test_exec_needs_a_running_container(isola, image):
    isola('create', '--name', 'idle', image, 'true')
    assert 'not running' in isola('exec', 'idle', 'true', code=125).stderr


def test_detached_exec_returns_at_once(isola, web):
    isola('exec', '-d', 'web', 'sh', '-c', 'sleep 0.2; touch /done')
    assert isola('exec', 'web', 'sh', '-c', 'while [ ! -e /done ]; do sleep 0.1; done; echo yes').stdout == 'yes\n'


def test_attach_hears_what_comes_and_the_end(isola, image):
    isola('run', '-d', '-i', '--name', 'echo', image, 'sh', '-c', 'read x; echo "got $x"; exit 6')
    done = isola('attach', 'echo', input='word\n', code=6)
    assert done.stdout == 'got word\n'
    assert 'not running' in isola('attach', 'echo', code=1).stderr
