# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors and directories of the host that leak in (CVE-2024-21626, CVE-2016-9962, CVE-2019-5736)."""
import os
import pathlib
import subprocess
import threading

import pytest
from conftest import wait_until
from oci_bundle import Bundle
from walls import SECRET, canary, copied, digest, run, weakened  # fixtures

FIND = 'cat secret ../secret ../../secret ../*/secret 2>/dev/null; true'


def sweep(isola, image, env):
    """Containers whose working directory is /proc/self/fd/N, with a secret beside their upper layer."""
    said = ''
    for number in range(3, 24):
        name = f'sweep{number}'
        done = isola('create', '--name', name, '--network', 'none', '-w', f'/proc/self/fd/{number}', image, 'sh', '-c',
                     FIND, code=None)
        if done.returncode == 0:
            directory = pathlib.Path(isola.root) / 'containers' / done.stdout.strip()
            isola.seen.add(done.stdout.strip())
            (directory / 'secret').write_text(SECRET)
            said += isola('start', '-a', name, env=env, code=None).stdout
            isola('rm', '-f', name)
    return said


def test_working_directory_leads_nowhere_outside(isola, image):
    assert SECRET not in sweep(isola, image, {})


def test_working_directory_would_lead_outside(isola, image, weakened):
    assert SECRET in sweep(isola, image, weakened('cwd'))


def test_working_directory_of_exec_leads_nowhere_outside(isola, image, canary):
    isola('run', '-d', '--name', 'target', '--network', 'none', image, 'sleep', '100')
    directory = os.open(canary.path, os.O_RDONLY)  # what a careless caller has open
    try:
        for number in range(3, directory + 4):
            done = subprocess.run(isola.command('exec', '-w', f'/proc/self/fd/{number}', 'target', 'sh', '-c', FIND),
                                  env=isola.environment, pass_fds=[directory], capture_output=True, text=True,
                                  check=False)
            assert SECRET not in done.stdout
        # The oracle works: the same program in that very directory finds it.
        assert SECRET in subprocess.run(['sh', '-c', FIND], cwd=f'/proc/self/fd/{directory}', pass_fds=[directory],
                                        capture_output=True, text=True, check=True).stdout
    finally:
        os.close(directory)


def test_working_directory_of_a_dockerfile_leads_nowhere_outside(isola, image, tmp_path, canary):
    directory = os.open(canary.path, os.O_RDONLY)
    try:
        for number in (3, 4, 5, 6, 7, 8, 9, directory):
            (tmp_path / 'Dockerfile').write_text(f'FROM {image}\nWORKDIR /proc/self/fd/{number}\nRUN {FIND}\n'
                                                 'RUN touch planted; true\n')
            done = subprocess.run(isola.command('build', '--no-cache', str(tmp_path)), env=isola.environment, text=True,
                                  pass_fds=[directory], capture_output=True, timeout=60, check=False)
            assert SECRET not in done.stdout + done.stderr
        assert canary.unharmed()
    finally:
        os.close(directory)


@pytest.mark.parametrize('preserved', [0, 1])
def test_open_directory_of_the_caller_is_not_inherited(isola, tmp_path, canary, preserved):
    """Inherited it is a way out, which --preserve-fds shows."""
    bundle = Bundle(isola, tmp_path / 'bundle')
    bundle.runs('for n in 3 4 5 6 7 8 9 10 11 12; do cat /proc/self/fd/$n/secret; done 2>/dev/null; true')
    directory = os.open(canary.path, os.O_RDONLY)
    try:
        def place():
            os.dup2(directory, 3)
        done = subprocess.run(isola.command('oci', 'run', '--bundle', str(bundle.path), '--preserve-fds', str(preserved),
                                            'c1'), env=isola.environment, capture_output=True, text=True, timeout=60,
                              preexec_fn=place, pass_fds=[3, directory], check=True)
    finally:
        os.close(directory)
        bundle.clean()
    assert (SECRET in done.stdout) == bool(preserved)


def executions(isola, name, n, env=None):
    for _ in range(n):
        try:
            isola('exec', name, 'true', env=env, code=None)
        except OSError:  # an attacker that has the program file open for writing: "text file busy"
            return


def start_attacker(isola, image, attack, verb, *options):
    """Starts a container in which an attacker watches who comes in, and returns when it does."""
    isola('run', '-d', '--name', 'watched', '--network', 'none', '-v', f'{attack}:/attack:ro', *options, image, 'sh',
          '-c', f'/attack {verb} > /dev/shm/said & touch /dev/shm/here; wait; touch /dev/shm/done; exec sleep 100')
    wait_until(lambda: isola('exec', 'watched', 'ls', '/dev/shm/here', code=None).returncode == 0)


def stop_attacker(isola):
    """What the attacker says when it is through."""
    isola('exec', 'watched', 'touch', '/dev/shm/stop')
    wait_until(lambda: isola('exec', 'watched', 'ls', '/dev/shm/done', code=None).returncode == 0)
    said = isola.out('exec', 'watched', 'cat', '/dev/shm/said')
    isola('rm', '-f', 'watched')
    return said


def watch_executions(isola, image, attack, verb, *options, entering=None, env=None, n=25):
    """An attacker watches while programs are put into its container; what it says when it is through."""
    start_attacker(isola, image, attack, verb, *options)
    executions(entering or isola, 'watched', n, env)
    return stop_attacker(isola)


@pytest.mark.parametrize('options', [[], ['--userns', 'host'], ['--privileged']])
def test_program_file_is_not_to_be_overwritten(isola, copied, image, attack, options):
    """CVE-2019-5736: a process of the container writes to /proc/PID/exe of whoever enters it."""
    before = digest(copied.binary)
    assert 'written' not in watch_executions(isola, image, attack, 'exe', *options, entering=copied)
    assert digest(copied.binary) == before


def test_program_file_would_be_overwritten(isola, copied, image, attack, weakened):
    before = digest(copied.binary)
    said = watch_executions(isola, image, attack, 'exe', '--privileged', entering=copied, env=weakened('seal'), n=60)
    assert 'written' in said and digest(copied.binary) != before


def test_process_that_enters_is_not_to_be_traced(isola, image, attack):
    """CVE-2016-9962: who enters still has descriptors of the host's."""
    assert 'traced' not in watch_executions(isola, image, attack, 'trace', '--cap-add', 'SYS_PTRACE')


def test_process_that_enters_would_be_traced(isola, image, attack, weakened):
    assert 'traced' in watch_executions(isola, image, attack, 'trace', '--cap-add', 'ALL', env=weakened('dumpable'),
                                        n=60)


def test_many_that_enter_at_once_are_not_to_be_traced(isola, image, attack):
    """The same while many programs enter at once."""
    start_attacker(isola, image, attack, 'trace', '--cap-add', 'SYS_PTRACE')
    threads = [threading.Thread(target=executions, args=(isola, 'watched', 5)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 'traced' not in stop_attacker(isola)
