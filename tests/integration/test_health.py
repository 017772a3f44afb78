# SPDX-License-Identifier: GPL-2.0-or-later
"""Health checks of containers: HEALTHCHECK and --health-…"""
import os
import signal
import time

import pytest

QUICK = ('--health-interval', '100ms', '--health-retries', '2')


@pytest.fixture
def run(isola, image):
    names = []

    def start(name, *options, command=('sleep', '1000'), what=image):
        names.append(name)
        isola('run', '-d', '--name', name, '--network', 'none', *options, what, *command)

    yield start
    for name in names:
        isola('rm', '-f', name, code=None)


def build(isola, directory, name, text):
    (directory / 'Dockerfile').write_text(text)
    isola('build', '-q', '-t', name, directory)


def health(isola, name):
    return isola.inspect(name)['State'].get('Health')


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (got := condition()):
        assert time.monotonic() < end, 'it does not come'
        time.sleep(0.05)
    return got


def becomes(isola, name, status):
    until(lambda: health(isola, name)['Status'] == status)
    return health(isola, name)


def status_of(isola, name):
    return isola.out('ps', '-a', '--filter', f'name={name}', '--format', '{{.Status}}')


def test_it_is_starting_until_the_first_check(isola, run):
    run('slow', '--health-cmd', 'true', '--health-interval', '1h')
    assert health(isola, 'slow') == {'Status': 'starting', 'FailingStreak': 0, 'Log': []}
    assert status_of(isola, 'slow').endswith(' (health: starting)')


def test_one_success_makes_it_healthy_and_failures_in_a_row_unhealthy(isola, run):
    run('web', *QUICK, '--health-cmd', 'echo looked; test ! -e /tmp/broken')
    good = becomes(isola, 'web', 'healthy')
    assert good['FailingStreak'] == 0
    assert good['Log'][0]['ExitCode'] == 0 and good['Log'][0]['Output'] == 'looked\n'
    assert good['Log'][0]['Start'] < good['Log'][0]['End']
    assert status_of(isola, 'web').endswith(' (healthy)')
    assert isola.out('ps', '-q', '--filter', 'health=healthy', '--filter', 'name=web')
    assert not isola.out('ps', '-q', '--filter', 'health=unhealthy', '--filter', 'name=web')

    isola('exec', 'web', 'touch', '/tmp/broken')
    bad = becomes(isola, 'web', 'unhealthy')
    assert bad['FailingStreak'] >= 2 and bad['Log'][-1]['ExitCode'] == 1 and len(bad['Log']) <= 5
    assert status_of(isola, 'web').endswith(' (unhealthy)')

    isola('exec', 'web', 'rm', '/tmp/broken')
    assert becomes(isola, 'web', 'healthy')['FailingStreak'] == 0


def test_failures_within_the_start_period_do_not_count(isola, run):
    run('young', *QUICK, '--health-cmd', 'false', '--health-start-period', '1h', '--health-start-interval', '50ms')
    until(lambda: len(health(isola, 'young')['Log']) >= 4)
    assert health(isola, 'young')['Status'] == 'starting' and health(isola, 'young')['FailingStreak'] == 0


def test_a_check_that_takes_too_long_is_killed(isola, run):
    run('hung', *QUICK, '--health-timeout', '100ms', '--health-cmd', 'exec sleep 999')
    bad = becomes(isola, 'hung', 'unhealthy')
    assert bad['Log'][-1]['ExitCode'] == -1
    assert bad['Log'][-1]['Output'] == 'Health check exceeded timeout (100ms)'
    processes = isola.out('exec', 'hung', 'ps', '-o', 'args')
    assert processes.count('sleep 999') <= 1, 'killed ones are gone; one may just run'


def test_long_output_is_cut_and_what_the_check_left_behind_does_not_hold_it(isola, run):
    run('loud', *QUICK, '--health-cmd', 'sleep 500 & yes | head -c 100000')
    good = becomes(isola, 'loud', 'healthy')
    assert good['Log'][-1]['Output'] == 'y\n' * 2048


def test_missing_program_is_a_failure_with_its_reason(isola, run, image, tmp_path):
    build(isola, tmp_path, 'nocheck', f'FROM {image}\nHEALTHCHECK --interval=100ms --retries=1 CMD ["/no/such"]\n')
    run('lost', what='nocheck')
    bad = becomes(isola, 'lost', 'unhealthy')
    assert bad['Log'][0]['ExitCode'] == 127 and '/no/such' in bad['Log'][0]['Output']


def test_image_and_user_each_say_a_part(isola, run, image, tmp_path):
    build(isola, tmp_path, 'checked', f'FROM {image}\nHEALTHCHECK --interval=100ms --retries=7 CMD test -e /etc/passwd\n')
    run('own', '--health-retries', '5', what='checked')
    check = isola.inspect('own')['Config']['Healthcheck']
    assert check['Test'] == ['CMD-SHELL', 'test -e /etc/passwd'] and check['Retries'] == 5
    assert check['Interval'] == 100_000_000
    becomes(isola, 'own', 'healthy')
    run('without', '--no-healthcheck', what='checked')
    assert health(isola, 'without') is None
    assert 'health' not in status_of(isola, 'without')
    assert isola.out('ps', '-q', '--filter', 'health=none', '--filter', 'name=without')


def test_checks_run_as_the_containers_user(isola, run):
    run('user', *QUICK, '-u', '1000:1000', '--health-cmd', 'id -u')
    assert becomes(isola, 'user', 'healthy')['Log'][-1]['Output'] == '1000\n'


@pytest.mark.needs_root('a container is paused by its control group, which a user has not')
def test_paused_container_is_left_alone(isola, run):
    run('still', *QUICK, '--health-cmd', 'true')
    becomes(isola, 'still', 'healthy')
    isola('pause', 'still')
    time.sleep(0.3)  # a check under way ends or waits with the others
    seen = health(isola, 'still')['Log'][-1]['Start']
    time.sleep(0.5)
    assert health(isola, 'still')['Log'][-1]['Start'] == seen and health(isola, 'still')['Status'] == 'healthy'
    isola('unpause', 'still')
    until(lambda: health(isola, 'still')['Log'][-1]['Start'] > seen)


def test_restarted_container_is_starting_anew(isola, run):
    run('again', '--restart', 'always', '--health-interval', '300ms', '--health-cmd', 'true',
        command=('sh', '-c', 'test -e /once && exec sleep 1000; touch /once; sleep 1'))
    becomes(isola, 'again', 'healthy')
    until(lambda: isola.inspect('again')['RestartCount'] == 1 and health(isola, 'again'))
    becomes(isola, 'again', 'healthy')


def test_new_monitor_goes_on_checking(isola, run):
    run('orphan', *QUICK, '--health-cmd', 'true')
    becomes(isola, 'orphan', 'healthy')
    os.kill(isola.state('orphan')['MonitorPid'], signal.SIGKILL)
    before = until(lambda: health(isola, 'orphan'))['Log'][-1]['Start']
    until(lambda: health(isola, 'orphan')['Log'][-1]['Start'] > before)


def test_nothing_is_left_when_it_ends_during_a_check(isola, run):
    run('short', *QUICK, '--health-cmd', 'exec sleep 998', '--rm')
    until(lambda: 'sleep 998' in isola.out('exec', 'short', 'ps', '-o', 'args'))
    isola('kill', 'short')
    until(lambda: not isola.out('ps', '-aq', '--filter', 'name=short'))


@pytest.mark.parametrize('options, words', [
    (('--health-interval', '5'), None),
    (('--health-interval', 'soon'), "option '--health-interval': 'soon' is no span of at least 1ms"),
    (('--health-timeout', '1us'), "option '--health-timeout': '1us' is no span of at least 1ms"),
    (('--health-retries', '-1'), "option '--health-retries': '-1' is no number"),
    (('--no-healthcheck', '--health-cmd', 'true'), '--no-healthcheck and --health-… cannot be used together'),
])
def test_bad_options(isola, image, options, words):
    done = isola('run', '--rm', '--network', 'none', *options, image, 'true', code=125 if words else 0)
    assert not words or done.stderr.startswith(f'isola: {words}\n')
