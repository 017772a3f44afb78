# SPDX-License-Identifier: GPL-2.0-or-later
"""isola run: streams, exit codes, what is left afterwards."""
import hashlib
import os
import subprocess

from conftest import wait_until


def test_output_and_error_stay_apart(isola, image):
    done = isola('run', '--rm', image, 'sh', '-c', 'echo out; echo err >&2')
    assert (done.stdout, done.stderr) == ('out\n', 'err\n')


def test_exit_code_is_the_programs(isola, image):
    isola('run', '--rm', image, 'sh', '-c', 'exit 7', code=7)


def test_exit_code_of_a_signal_is_128_and_its_number(isola, image):
    isola('run', '--rm', image, 'sh', '-c', 'trap - TERM; (sleep 1 & wait); kill -9 $$', code=None)
    isola('run', '-d', '--name', 'killed', image, 'sleep', '100')
    isola('kill', 'killed')
    assert isola.out('wait', 'killed') == '137'


def test_missing_program_is_127_and_leaves_nothing_with_rm(isola, image):
    done = isola('run', '--rm', image, 'nonesuch', code=127)
    assert done.stderr.startswith("isola: ") and "'nonesuch'" in done.stderr
    assert isola.out('ps', '-aq') == ''


def test_program_that_cannot_be_executed_is_126(isola, image):
    isola('run', '--rm', image, '/etc/passwd', code=126)


def test_failed_start_keeps_the_container_and_says_why(isola, image):
    isola('create', '--name', 'broken', image, 'nonesuch')
    isola('start', 'broken', code=127)
    isola('start', '-a', 'broken', code=127)
    state = isola.inspect('broken')['State']
    assert state['Status'] == 'created'
    assert state['ExitCode'] == 127
    assert 'nonesuch' in state['Error']


def test_detached_run_prints_the_id_and_returns(isola, image):
    container = isola.out('run', '-d', image, 'sleep', '100')
    assert len(container) == 64
    assert isola.inspect(container)['State']['Running'] is True


def test_standard_input_is_forwarded_to_its_end(isola, image):
    done = isola('run', '--rm', '-i', image, 'sh', '-c', 'cat; echo end', input='one\ntwo\n')
    assert done.stdout == 'one\ntwo\nend\n'


def test_without_interactive_there_is_no_input(isola, image):
    assert isola('run', '--rm', image, 'cat', input='unread').stdout == ''


def test_megabytes_pass_unchanged_both_ways(isola, image):
    data = os.urandom(3 << 20)
    done = isola('run', '--rm', '-i', image, 'cat', input=data, text=False)
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_slow_reader_loses_nothing(isola, image):
    command = ' '.join(isola.command('run', '--rm', image, 'seq', '200000'))
    done = subprocess.run(['sh', '-c', f'{command} | (sleep 1; sha256sum)'], stdout=subprocess.PIPE, text=True,
                          env=isola.environment, timeout=60)
    wanted = hashlib.sha256(''.join(f'{n}\n' for n in range(1, 200001)).encode()).hexdigest()
    assert done.stdout.split()[0] == wanted


def test_program_that_does_not_read_its_input_ends(isola, image):
    isola('run', '--rm', '-i', image, 'true', input=b'x' * (1 << 20), text=False)


def test_reader_that_goes_away_ends_a_run_with_rm(isola, image):
    command = ' '.join(isola.command('run', '--rm', image, 'yes'))
    done = subprocess.run(['bash', '-c', f'{command} | head -1; echo ${{PIPESTATUS[0]}}'], stdout=subprocess.PIPE,
                          text=True, env=isola.environment, timeout=60)
    assert done.stdout == 'y\n141\n'
    assert isola.out('ps', '-aq') == ''


def test_signals_are_passed_on(isola, image):
    run = isola.start('run', '--rm', '--name', 'trap', image, 'sh', '-c',
                      'trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.1; done')
    assert run.stdout.readline() == b'ready\n'
    run.terminate()
    assert run.wait(20) == 5
    assert run.stdout.read() == b'got\n'


def test_container_goes_on_when_the_command_is_killed(isola, image):
    run = isola.start('run', '--name', 'orphan', image, 'sh', '-c',
                      'echo ready; sleep 1; echo later; sleep 100')
    assert run.stdout.readline() == b'ready\n'
    run.kill()
    run.wait()
    wait_until(lambda: 'later' in isola.out('logs', 'orphan'))
    assert isola.inspect('orphan')['State']['Running'] is True


def test_output_reaches_the_log_as_well(isola, image):
    isola('run', '--name', 'logged', image, 'sh', '-c', 'echo out; echo err >&2; printf half')
    done = isola('logs', 'logged')
    assert done.stdout == 'out\nhalf'
    assert done.stderr == 'err\n'


def test_descriptors_of_the_caller_do_not_get_in(isola, image):
    secret = os.open('/etc/passwd', os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        run = isola.start('run', '--rm', image, 'sh', '-c', 'ls /proc/self/fd | wc -l', close_fds=False)
        assert run.communicate(timeout=20)[0].strip() == b'4'  # 0, 1, 2 and ls's own
    finally:
        os.close(secret)


def test_standard_streams_can_be_opened_by_name_as_any_user(isola, image):
    for user in ('root', 'user'):
        done = isola('run', '--rm', '-u', user, image, 'sh', '-c', 'echo out > /dev/stdout; echo err > /dev/stderr')
        assert (done.stdout, done.stderr) == ('out\n', 'err\n')


def test_closed_standard_streams_do_no_harm(isola, image):
    command = ' '.join(isola.command('run', '--rm', image, 'sh', '-c', '"echo out; cat; exit 3"'))
    for closed in ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'):
        done = subprocess.run(['sh', '-c', f'{command} {closed}'], env=isola.environment, timeout=30)
        assert done.returncode == 3
    assert isola.out('ps', '-aq') == ''


def test_terminal_for_what_is_none_is_refused(isola, image):
    for verb in (['run', '--rm', '-it', image, 'cat'], ['exec', '-it', 'nobody', 'cat']):
        done = isola(*verb, input='hi\n', code=125)
        assert done.stderr == ('isola: standard input is not a terminal\n'
                               'hint: leave out -t to pass on a file or a pipe\n')
    assert isola.out('ps', '-aq') == ''
