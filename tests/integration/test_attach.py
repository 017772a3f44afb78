# SPDX-License-Identifier: GPL-2.0-or-later
"""isola attach without a terminal."""
import subprocess

from conftest import wait_until

TICK = 'while [ ! -e /go ]; do echo tick; sleep 0.02; done'  # for a client to see that it is attached


def test_output_from_now_on_and_the_exit_code(isola, image):
    isola('run', '-d', '--name', 'talk', image, 'sh', '-c', f'echo before; {TICK}; echo out; echo err >&2; exit 5')
    wait_until(lambda: 'tick' in isola.out('logs', 'talk'))
    attach = isola.start('attach', 'talk')
    assert attach.stdout.readline() == b'tick\n'
    isola('exec', 'talk', 'touch', '/go', code=None)  # which may be killed with the container
    out, err = attach.communicate(timeout=20)
    assert (out.replace(b'tick\n', b''), err, attach.returncode) == (b'out\n', b'err\n', 5)


def test_input_is_written_by_the_client(isola, image):
    isola('run', '-di', '--name', 'mirror', image, 'cat')
    attach = isola.start('attach', 'mirror', stdin=subprocess.PIPE)
    attach.stdin.write(b'through\n')
    attach.stdin.flush()
    assert attach.stdout.readline() == b'through\n'
    attach.stdin.close()
    isola('kill', 'mirror')
    assert attach.wait(20) == 137


def test_slow_client_is_dropped_and_the_container_goes_on(isola, image):
    isola('run', '-d', '--name', 'fast', '--log-opt', 'max-size=1m', image, 'sh', '-c',
          f'{TICK}; dd if=/dev/zero bs=64k count=200 2>/dev/null | tr "\\0" x; touch /done; sleep 100')
    attach = isola.start('attach', 'fast')
    assert attach.stdout.readline() == b'tick\n'
    isola('exec', 'fast', 'touch', '/go')
    wait_until(lambda: isola('exec', 'fast', 'test', '-e', '/done', code=None).returncode == 0)
    attach.stdout.read()
    assert attach.wait(20) != 0
    assert b'connection' in attach.stderr.read()


def test_client_that_is_killed_changes_nothing(isola, image):
    isola('run', '-d', '--name', 'steady', image, 'sh', '-c', 'while :; do echo x; sleep 0.01; done')
    attach = isola.start('attach', 'steady')
    attach.stdout.readline()
    attach.kill()
    attach.wait()
    assert isola.inspect('steady')['State']['Running'] is True


def test_signals_are_passed_on(isola, image):
    isola('run', '-d', '--name', 'trap', image, 'sh', '-c',
          'trap "echo got; exit 3" TERM; while :; do echo x; sleep 0.05; done')
    attach = isola.start('attach', 'trap')
    attach.stdout.readline()
    attach.terminate()
    assert attach.wait(20) == 3


def test_without_signal_proxy_the_container_stays(isola, image):
    isola('run', '-d', '--name', 'safe', image, 'sh', '-c', 'while :; do echo x; sleep 0.05; done')
    attach = isola.start('attach', '--sig-proxy=false', 'safe')
    attach.stdout.readline()
    attach.terminate()
    assert attach.wait(20) == -15
    assert isola.inspect('safe')['State']['Running'] is True


def test_stopped_container_is_refused(isola, image):
    isola('create', '--name', 'idle', image, 'true')
    done = isola('attach', 'idle', code=1)
    assert "container 'idle' is not running" in done.stderr


def test_run_in_the_background_of_a_pipeline(isola, image):
    command = ' '.join(isola.command('run', '--rm', image, 'echo', 'x'))
    done = subprocess.run(['sh', '-c', f'{command} & wait'], stdout=subprocess.PIPE, env=isola.environment, timeout=30)
    assert done.stdout == b'x\n'
