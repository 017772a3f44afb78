# SPDX-License-Identifier: GPL-2.0-or-later
"""isola lab doctor: what the machine can do for labs."""
import json
import os
import pathlib
import subprocess

from conftest import existing


def findings(fresh, *options, environment=None, code=0):
    command = fresh.command('lab', 'doctor', '--format', 'json', *options)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == code, done.stderr
    return {row['Feature']: row for row in map(json.loads, done.stdout.splitlines())}


def test_every_finding_that_is_no_yes_has_consequence_and_remedy(fresh):
    found = findings(fresh)
    assert {row['Group'] for row in found.values()} == {
        'Nodes', 'Links', 'Measuring', 'Files', 'Control groups', 'Network', 'Switches', 'Interconnection', 'In nodes',
        'Programs', 'Limits'}
    for row in found.values():
        assert row['Status'] in ('yes', 'no', 'low')
        assert (row['Without'] == '') == (row['Status'] == 'yes'), row
        assert (row['Remedy'] == '') == (row['Status'] == 'yes'), row
    assert found["a light node's namespaces"]['Status'] == 'yes'
    assert existing(f'{fresh.run_root}/labs/*') == []


def test_interfaces_are_what_ip_can_make(fresh):
    found = findings(fresh)
    # The oracle makes the same in a network of its own.
    for feature, arguments in {'VLAN interfaces': 'link lo name x type vlan id 5', 'VRF': 'name x type vrf table 5',
                               'WireGuard': 'name x type wireguard', 'dummy interfaces': 'name x type dummy',
                               'VXLAN': 'name x type vxlan id 5 dstport 4789',
                               'bridge that knows VLANs': 'name x type bridge vlan_filtering 1'}.items():
        made = subprocess.run(['unshare', '-n', 'ip', 'link', 'add', *arguments.split()], capture_output=True)
        assert found[feature]['Status'] == ('yes' if made.returncode == 0 else 'no'), feature


def test_text_has_groups_and_remedies(fresh):
    lines = fresh.out('lab', 'doctor').splitlines()
    assert lines[0] == 'Nodes'
    assert lines.count('Links') == 1
    assert any(line.startswith('  yes      virtual cables (veth)') for line in lines)


def test_program_that_is_not_there_or_does_not_run(fresh, tmp_path):
    broken = tmp_path / 'clang'
    broken.write_text('#!/bin/sh\necho cannot open shared object file\nexit 127\n')
    broken.chmod(0o755)
    environment = dict(os.environ, PATH=str(tmp_path))
    found = findings(fresh, environment=environment)
    assert found['clang']['Status'] == 'no'
    assert found['clang']['Detail'] == 'cannot open shared object file'
    assert found['clang']['Remedy'] == 'apt-get install clang'
    broken.write_text('#!/bin/sh\necho clang version 99\n')
    found = findings(fresh, environment=environment)
    assert (found['clang']['Status'], found['clang']['Detail']) == ('yes', 'clang version 99')


def test_limits_for_so_many_nodes(fresh):
    pid_max = int(pathlib.Path('/proc/sys/kernel/pid_max').read_text())
    many = min(pid_max, 1000000)
    found = findings(fresh, '--nodes', str(many), code=1)
    low = found['process numbers']
    assert low['Status'] == 'low' and f'{many} nodes need {2 * many}' in low['Detail']
    assert low['Remedy'].startswith('sysctl -w kernel.pid_max=')
    assert int(low['Remedy'].split('=')[1]) >= 2 * many
    done = fresh('lab', 'doctor', '--nodes', str(many), code=1)
    assert f'can have no lab of {many} nodes' in done.stderr
    assert 'a lab has 1 to' in fresh('lab', 'doctor', '--nodes', '-1', code=1).stderr


def test_without_namespaces_there_are_no_labs(fresh):
    script = 'ulimit -n 64; echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"'
    # In a user namespace of its own, whose limit is its own.
    done = subprocess.run(['unshare', '-U', '-r', 'sh', '-c', script, 'sh', *fresh.command('lab', 'doctor')],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert "  MISSING  a light node's namespaces: No space left on device" in done.stdout
    assert 'remedy: run as root, or allow user namespaces' in done.stdout
    assert 'this machine can have no labs' in done.stderr
