# SPDX-License-Identifier: GPL-2.0-or-later
"""The binary is out of reach of a container that has the host's ids."""
import os

import pytest


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
