# SPDX-License-Identifier: GPL-2.0-or-later
"""In the virtual machine: runs the tests that /isola/plan.json names and sends their results."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

import results

ISOLA = pathlib.Path('/isola')
UNIT_TIMEOUT = 60  # seconds on a real machine
WORKERS = 2


def say(text):
    print(f'vm: {text}', flush=True)


def unit_program(name, timeout):
    """Runs one test program; each of its TAP lines is a result."""
    suite = name.removeprefix('test_')
    try:
        done = subprocess.run([ISOLA / 'tests/testhost', ISOLA / 'build/tests' / name], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
                              timeout=timeout)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as e:
        output, code = (e.stdout or b'').decode(errors='replace'), f'none: it took more than {timeout} s'
    notes, failed = [], 0
    for line in output.splitlines():
        match = re.match(r'(not )?ok \d+ (\S+)( # SKIP)?', line)
        if not match:
            notes.append(line.removeprefix('# '))
            continue
        outcome = 'failed' if match[1] else 'skipped' if match[3] else 'passed'
        failed += outcome == 'failed'
        results.send(suite=suite, name=match[2], outcome=outcome, why='\n'.join(notes))
        notes = []
    if code != 0 and not failed:
        results.send(suite=suite, name='program', outcome='failed', why=f'{output}exit code {code}')


def make_account(number):
    """An ordinary user with a range of ids, whose systemd runs although nobody has logged in."""
    name, uid, first = f'isola{number}', 5000 + number, 500000 + number * 100000
    for words in (['useradd', '--create-home', '--shell', '/bin/sh', '--uid', str(uid), name],
                  ['usermod', '--add-subuids', f'{first}-{first + 65535}', '--add-subgids', f'{first}-{first + 65535}', name],
                  ['loginctl', 'enable-linger', name]):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            say(f"{' '.join(words)}: {done.stdout.strip()}")
    return name


def integration_tests(files, suite, environment):
    """Both workers of pytest over these files; the suite's name tells runs of one file apart."""
    say(f"{suite}tests: {' '.join(files)}")
    done = subprocess.run([sys.executable, '-m', 'pytest', '-p', 'results', '-p', 'no:cacheprovider', '-q', '-n', str(WORKERS),
                           '--dist', 'loadfile', '--tb=short', '--color=no', *files], stdin=subprocess.DEVNULL,
                          env=dict(os.environ, ISOLA_TEST_SUITE=suite, **environment))
    if done.returncode not in (0, 1):
        results.send(suite='pytest', name='exit_code', outcome='failed', why=f'pytest ended with {done.returncode}')


def kernel_is_well():
    """A kernel that complains of itself while isola runs is a finding."""
    log = subprocess.run(['dmesg'], stdout=subprocess.PIPE, text=True, errors='replace').stdout
    for line in log.splitlines():
        if 'type=1326' in line:  # a call that a filter ended a process for (audit.h: AUDIT_SECCOMP)
            say(line)
    complaints = [line for line in log.splitlines() if re.search(r'\bBUG:|\bOops\b|WARNING: CPU|blocked for more than', line)]
    results.send(suite='kernel', name='does_not_complain', outcome='failed' if complaints else 'passed',
                 why='\n'.join(complaints))


def main():
    plan = json.loads((ISOLA / 'plan.json').read_text())
    slowness = plan['slowness']
    os.environ.update(ISOLA=str(ISOLA / 'build/src/isola'), ISOLA_BUILD=str(ISOLA / 'build'), ISOLA_TEST_SLOWNESS=str(slowness),
                      ISOLA_TEST_TIMEOUT=str(plan['test_timeout']), PYTHONPATH=str(ISOLA / 'tests/vm'))
    os.chdir(ISOLA)
    subprocess.run(['modprobe', '-q', '-a', *plan['modules']])
    # Else a module that a test has loaded puts devices into every network namespace (admin-guide/sysctl/net.rst).
    pathlib.Path('/proc/sys/net/core/fb_tunnels_only_for_init_net').write_text('2')
    results.send(kernel=os.uname().release, boot_seconds=float(pathlib.Path('/proc/uptime').read_text().split()[0]))
    say(f"{len(plan['unit'])} unit test programs")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: unit_program(name, UNIT_TIMEOUT * slowness), plan['unit']))
    accounts = ','.join(make_account(number) for number in range(WORKERS))
    if plan['integration']:
        integration_tests(plan['integration'], '', {'ISOLA_TEST_ACCOUNTS': accounts})
    if plan['as_user']:
        directory = pathlib.Path('/var/tmp/isola-user-tests')  # pytest closes the usual one to others whenever it starts
        directory.mkdir(mode=0o755)
        integration_tests(plan['as_user'], 'user:', {'ISOLA_TEST_USER': accounts, 'PYTEST_DEBUG_TEMPROOT': str(directory)})
    kernel_is_well()
    results.send(end=True)


main()
