# SPDX-License-Identifier: GPL-2.0-or-later
"""What containers write is kept, capped, and shown again."""
import json
import pathlib
import re
import subprocess
import time

from conftest import wait_until


def run(isola, image, script, *options, name='talker'):
    return isola.out('run', '-d', '--name', name, *options, image, 'sh', '-c', script)


def log_file(isola, name):
    return pathlib.Path(isola.root) / 'containers' / isola.inspect(name)['Id'] / 'log'


def test_streams_are_told_apart_and_written_as_docker_does(isola, image):
    run(isola, image, r'echo out; echo "<error>" >&2; printf "no\001end"')
    isola('wait', 'talker')
    done = isola('logs', 'talker')
    assert done.stdout == 'out\nno\x01end'
    assert done.stderr == '<error>\n'
    text = log_file(isola, 'talker').read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line['log'], line['stream']) for line in sorted(lines, key=lambda line: line['stream'])] == \
        [('<error>\n', 'stderr'), ('out\n', 'stdout'), ('no\x01end', 'stdout')]
    assert r'\u003cerror\u003e\n' in text
    assert all(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z', line['time']) for line in lines)


def test_tail_timestamps_and_times(isola, image):
    run(isola, image, 'for i in $(seq 1 100); do echo $i; done; sleep 1; echo last')
    isola('wait', 'talker')
    assert isola.out('logs', '--tail', '2', 'talker') == '100\nlast'
    assert isola.out('logs', '-n', 'all', 'talker').count('\n') == 100
    assert isola.out('logs', '-n', '0', 'talker') == ''
    stamped = isola.out('logs', '-t', '-n', '1', 'talker')
    stamp, text = stamped.split(' ')
    assert text == 'last' and re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z', stamp)
    assert isola.out('logs', '--since', stamp, 'talker') == 'last'
    assert isola.out('logs', '--until', stamp, '-n', '3', 'talker') == '99\n100\nlast'
    assert isola.out('logs', '--since', '1h', '--until', '30m', 'talker') == ''


def test_following_ends_with_the_container(isola, image):
    run(isola, image, 'for i in $(seq 1 20); do echo $i; sleep 0.05; done')
    follower = isola.start('logs', '-f', 'talker')
    out, _ = follower.communicate(timeout=20)
    assert follower.returncode == 0
    assert out.decode().split() == [str(i) for i in range(1, 21)]


def test_following_goes_on_across_rotation(isola, image):
    run(isola, image, 'sleep 0.3; for i in $(seq 1 3000); do echo line number $i; done',
        '--log-opt', 'max-size=20k', '--log-opt', 'max-file=3')
    follower = isola.start('logs', '-f', 'talker')
    out, _ = follower.communicate(timeout=30)
    lines = out.decode().splitlines()
    # A burst may outrun any reader of three small files; but what is shown is in order and ends at the end.
    numbers = [int(line.split()[-1]) for line in lines]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 3000
    directory = log_file(isola, 'talker').parent
    assert sorted(f.name for f in directory.glob('log*')) == ['log', 'log.1', 'log.2']
    assert all(f.stat().st_size <= 20480 for f in directory.glob('log*'))


def test_following_a_slow_writer_misses_nothing(isola, image):
    talker = isola.start('run', '-i', '--name', 'talker', '--log-opt', 'max-size=2k', '--log-opt', 'max-file=2', image,
                         'cat', stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_until(lambda: isola.out('ps', '-q'), what='the container')  # one that does not run is not followed
    follower = isola.start('logs', '-f', 'talker')
    for number in range(300):
        line = b'line number %d\n' % number
        talker.stdin.write(line)
        talker.stdin.flush()
        assert follower.stdout.readline() == line
    talker.stdin.close()
    assert talker.wait(20) == follower.wait(20) == 0
    assert follower.stdout.read() == b''


def test_following_stops_when_nobody_reads(isola, image):
    run(isola, image, 'echo hello; sleep 60')
    wait_until(lambda: isola.out('logs', 'talker') == 'hello', what='the first line')
    follower = isola.start('logs', '-f', 'talker')
    assert follower.stdout.readline() == b'hello\n'
    follower.stdout.close()
    assert follower.wait(timeout=10) is not None
    follower.stderr.close()


def test_until_ends_following(isola, image):
    run(isola, image, 'while :; do echo x; sleep 0.1; done')
    wait_until(lambda: isola.out('logs', 'talker'), what='the first line')
    soon = str(time.time() + 1)
    assert isola('logs', '-f', '--until', soon, 'talker').stdout
    isola('rm', '-f', 'talker')


def test_wrong_input_is_named(isola, image):
    done = isola('logs', 'nobody', code=1)
    assert 'nobody' in done.stderr
    run(isola, image, 'true')
    done = isola('logs', '--tail', 'many', 'talker', code=1)
    assert done.stderr.startswith("isola: --tail 'many' is neither a number of lines nor 'all'")
    done = isola('logs', '--since', 'yesterday', 'talker', code=1)
    assert "--since 'yesterday' is not a time" in done.stderr and 'hint:' in done.stderr


def test_no_log_can_be_asked_for(isola, image):
    run(isola, image, 'echo hello', '--log-driver', 'none')
    isola('wait', 'talker')
    assert 'keeps no log' in isola('logs', 'talker', code=1).stderr
    assert not log_file(isola, 'talker').exists()


def test_a_binary_stream_survives(isola, image):
    isola('run', '--name', 'talker', image, 'sh', '-c', r'printf "\xc3\xa9\xf0\x9f\x98\x80\t\x1b[1m\\\"\n"')
    done = subprocess.run(isola.command('logs', 'talker'), stdout=subprocess.PIPE, env=isola.environment, check=True)
    assert done.stdout == 'é😀\t\x1b[1m\\"\n'.encode()
