# SPDX-License-Identifier: GPL-2.0-or-later
"""isola check, info and version."""
import json
import os
import platform
import re
import subprocess

import pytest
from conftest import existing


def rows(fresh):
    return [json.loads(line) for line in fresh('check', '--format', 'json').stdout.splitlines()]


def test_check_tells_every_feature_and_what_is_done_without_it(fresh):
    found = rows(fresh)
    assert {row['Group'] for row in found} == {'Namespaces', 'Files', 'Processes', 'Control groups', 'Security', 'Users',
                                               'Network'}
    namespaces = {row['Feature'] for row in found if row['Group'] == 'Namespaces'}
    assert namespaces == {'mount', 'pid', 'network', 'ipc', 'uts', 'cgroup', 'time', 'user'}
    for row in found:
        assert row['Status'] in ('yes', 'no', 'MISSING')
        assert (row['Without'] == '') == (row['Status'] == 'yes'), row


def test_check_prints_a_table(fresh):
    lines = fresh('check').stdout.splitlines()
    assert lines[0].split() == ['GROUP', 'FEATURE', 'STATUS', 'DETAIL', 'WITHOUT', 'IT']
    assert len(lines) == len(rows(fresh)) + 1
    names = fresh.out('check', '--format', '{{.Feature}}').splitlines()
    assert 'overlay in a user namespace' in names


@pytest.mark.needs_root('newuidmap cannot change ids without new privileges')
def test_check_fails_where_something_indispensable_is_missing(fresh):
    # A filter that takes fsopen() away: nothing can be mounted.
    fsopen = 430  # on every architecture
    script = f"""
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, jump, ret = 0x20, 0x15, 0x06
code = [(load, 0, 0, 0), (jump, 0, 1, {fsopen}), (ret, 0, 0, 0x50000 | 38), (ret, 0, 0, 0x7fff0000)]
raw = b''.join(struct.pack('HBBI', *i) for i in code)
buffer = ctypes.create_string_buffer(raw)
class Program(ctypes.Structure):
    _fields_ = [('n', ctypes.c_ushort), ('code', ctypes.c_void_p)]
program = Program(len(code), ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program)) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
    done = subprocess.run(['python3', '-c', script, *fresh.command('check')], capture_output=True, text=True)
    assert done.returncode == 1
    assert 'MISSING' in done.stdout
    assert '1 feature that containers cannot do without is missing' in done.stderr
    line = next(line for line in done.stdout.splitlines() if 'mounts by descriptor' in line)
    assert 'Function not implemented' in line and 'no container starts' in line


def test_check_leaves_nothing(fresh):
    with fresh.start('check') as check:
        check.communicate(timeout=60)
    # Other test hosts have the same control groups.
    assert [str(path) for path in existing(f'/sys/fs/cgroup/**/isola-check/{check.pid}')] == []
    assert [name for name in os.listdir(fresh.root) if name.startswith('isola-check')] == []


def test_check_refuses_operands(fresh):
    assert 'check' in fresh('check', 'this', code=None).stderr


def test_version_names_isola_kernel_and_specifications(fresh):
    text = fresh.out('version')
    assert platform.release() in text
    assert re.search(f"Runtime spec: *{json.loads(fresh('oci', 'features').stdout)['ociVersionMax']}", text)
    document = fresh.json('version', '--format', 'json')
    assert document['Client']['KernelVersion'] == platform.release()
    assert fresh.out('version', '--format', '{{.Client.Version}}') == document['Client']['Version']


def test_version_refuses_a_bad_template(fresh):
    done = fresh('version', '--format', '{{.Client', code=1)
    assert done.stderr.startswith('isola: ') and done.stdout == ''


def test_info_counts_and_says_where_state_is(fresh):
    text = fresh.out('info')
    assert 'Containers: 0' in text and f'Root Dir: {fresh.root}' in text
    document = fresh.json('info', '--format', 'json')
    assert document['Images'] == 0 and document['KernelVersion'] == platform.release()
    assert fresh.out('info', '-f', '{{.NCPU}}') == str(os.cpu_count())


def test_info_counts_containers_by_state(isola, image):
    before = isola.json('info', '--format', 'json')
    isola('run', '-d', '--network', 'none', image, 'sleep', '1000')
    isola('create', '--network', 'none', image, 'true')
    after = isola.json('info', '--format', 'json')
    assert after['ContainersRunning'] == before['ContainersRunning'] + 1
    assert after['ContainersStopped'] == before['ContainersStopped'] + 1
    assert after['Images'] >= 1
