# SPDX-License-Identifier: GPL-2.0-or-later
"""In the virtual machine: results as they come, one JSON object a line, to the host.

Used by guest.py for unit tests, and by pytest as a plugin (-p results) for the
integration tests.  A record is {"suite", "name", "outcome", "why"} with outcome
passed, failed or skipped.  What is on the host when the machine is stopped
counts, so that one test that hangs does not take the others' results away.
"""
import fcntl
import glob
import json
import os
import pathlib
import signal

WHY_MAX = 20000
TEST_TIMEOUT = int(os.environ.get('ISOLA_TEST_TIMEOUT', '0'))  # seconds for one test, 0: any


def port():
    """The device file of the virtio port that the host named "isola.results"."""
    for name in glob.glob('/sys/class/virtio-ports/*/name'):
        if pathlib.Path(name).read_text().strip() == 'isola.results':
            return '/dev/' + name.split('/')[-2]
    raise FileNotFoundError('no virtio port isola.results')


def send(**record):
    """Only one process can have a virtio port open: writers take turns with a lock file."""
    if 'why' in record:
        record['why'] = record['why'][-WHY_MAX:]
    with open('/run/isola-results.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(port(), 'wb', buffering=0) as out:
            data = json.dumps(record).encode() + b'\n'
            while data:
                data = data[out.write(data):]


def pytest_runtest_logreport(report):
    if os.environ.get('PYTEST_XDIST_WORKER'):
        return  # its controller sees the report, too
    suite, _, name = report.nodeid.partition('::')
    suite = os.environ.get('ISOLA_TEST_SUITE', '') + pathlib.Path(suite).stem
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        send(suite=suite, name=name, outcome='skipped', why=why.removeprefix('Skipped: '))
    elif report.failed:
        send(suite=suite, name=name if report.when == 'call' else f'{name} ({report.when})', outcome='failed',
             why='\n'.join([*(text for _, text in report.sections), report.longreprtext]))
    elif report.when == 'call':
        send(suite=suite, name=name, outcome='passed', seconds=round(report.duration, 1))


def pytest_collectreport(report):
    if report.failed and not os.environ.get('PYTEST_XDIST_WORKER'):
        send(suite=report.nodeid, name='collection', outcome='failed', why=report.longreprtext)


def too_long(*_):
    raise TimeoutError(f'the test took more than {TEST_TIMEOUT} s')


def pytest_runtest_setup(item):
    if TEST_TIMEOUT:
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(TEST_TIMEOUT)


def pytest_runtest_teardown(item):
    signal.alarm(0)
