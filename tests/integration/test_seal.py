# SPDX-License-Identifier: GPL-2.0-or-later
"""The binary is out of reach of a container that has the host's ids."""
import os
import shutil
import subprocess

import pytest
from oci_bundle import bundle  # noqa: F401  pylint: disable=unused-import


@pytest.mark.parametrize('option', ['--privileged', '--userns=host'])
def test_binary_is_read_only_for_a_container_with_the_hosts_ids(isola, option):
    isola('run', '-d', '--name', 'sealed', '--network', 'none', '--init', option, '@host', 'sleep', '100')
    pid = isola.inspect('sealed')['State']['Pid']
    assert os.statvfs(f'/proc/{pid}/exe').f_flag & os.ST_RDONLY
    refused = isola.out('exec', 'sealed', 'sh', '-c', '(: >> /proc/1/exe) 2>&1; true')
    assert any(why in refused for why in ('Read-only file system', 'Permission denied', 'Text file busy'))
    isola('rm', '-f', 'sealed')


def test_init_shows_its_own_name(isola):
    shown = isola.out('run', '--rm', '--network', 'none', '--init', '@host', 'cat', '/proc/1/cmdline')
    assert shown.startswith('isola-init')
    assert 'monitor' not in shown


def own_userns(config, first):
    config['linux']['namespaces'].append({'type': 'user'})
    ids = [{'containerID': 0, 'hostID': first, 'size': 1000}]
    config['linux'].update(uidMappings=ids, gidMappings=ids)


@pytest.mark.parametrize('first', [None, 0])
def test_first_process_of_a_bundle_runs_from_a_read_only_file(bundle, first):
    """With the host's ids, be it that a user namespace maps them."""
    if first is not None:
        own_userns(bundle.config, first)
    assert bundle.runs('/proc/self/exe', '--version').create() == 0, bundle.output()
    assert os.statvfs(f'/proc/{bundle.pid()}/exe').f_flag & os.ST_RDONLY


def test_first_process_would_run_from_the_file_itself(bundle):
    assert bundle.runs('true').to_file('oci', 'create', '--bundle', bundle.path, 'c1', env={'ISOLA_WEAKEN': 'seal'}) == 0
    assert os.path.samefile(f'/proc/{bundle.pid()}/exe', bundle.isola.binary)
    assert not os.statvfs(f'/proc/{bundle.pid()}/exe').f_flag & os.ST_RDONLY


def test_second_execution_comes_before_libc(bundle, tmp_path):
    """Or it costs as much as a whole start (docs/performance.md)."""
    if not shutil.which('strace'):
        pytest.skip('strace is not installed')
    trace = tmp_path / 'trace'
    bundle.runs('true')
    subprocess.run(['strace', '-o', str(trace), *bundle.isola.command('oci', 'run', '--bundle', bundle.path, 'c1')],
                   env=bundle.isola.environment, timeout=60, check=True)
    calls = [line.split('(')[0] for line in trace.read_text().splitlines()]
    assert calls.count('execveat') == 1 and calls.index('execveat') < calls.index('brk')
