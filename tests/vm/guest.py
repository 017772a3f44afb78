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
UNIT_TIMEOUT = 20  # seconds on a real machine


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
    results.send(kernel=os.uname().release, boot_seconds=float(pathlib.Path('/proc/uptime').read_text().split()[0]))
    say(f"{len(plan['unit'])} unit test programs")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: unit_program(name, UNIT_TIMEOUT * slowness), plan['unit']))
    if plan['integration']:
        say(f"integration tests: {' '.join(plan['integration'])}")
        done = subprocess.run([sys.executable, '-m', 'pytest', '-p', 'results', '-p', 'no:cacheprovider', '-q', '-n', '2',
                               '--dist', 'loadfile', '--tb=short', '--color=no', *plan['integration']], stdin=subprocess.DEVNULL)
        if done.returncode not in (0, 1):
            results.send(suite='pytest', name='exit_code', outcome='failed', why=f'pytest ended with {done.returncode}')
    kernel_is_well()
    results.send(end=True)


main()
