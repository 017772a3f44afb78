# SPDX-License-Identifier: GPL-2.0-or-later
"""ps: its table, filters and fields."""
import json
import re

import pytest


@pytest.fixture
def three(isola, image):
    """web runs, job has ended with 3, idle was never started; oldest first."""
    ids = {'web': isola.out('run', '-d', '--name', 'web', '--label', 'team=net', '--label', 'x', '-p', '18080:80',
                            '--expose', '443', image, 'sleep', '1000')}
    isola('run', '--name', 'job', '--network', 'none', image, 'sh', '-c', 'exit 3', code=3)
    isola('create', '--name', 'idle', '-v', '/tmp:/mnt', '--label', 'team=lab', image, 'true')
    return ids


def names(isola, *filters, all=True):
    arguments = [word for f in filters for word in ('--filter', f)]
    return isola('ps', *(['-a'] if all else []), *arguments, '--format', '{{.Names}}').stdout.split()


def test_table_is_dockers(isola, three):
    head, line = isola('ps').stdout.splitlines()
    assert re.split(r' {2,}', head) == ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES']
    cells = re.split(r' {3,}', line)
    assert cells[0] == three['web'][:12]
    assert cells[1:3] == ['busybox', '"sleep 1000"']
    assert cells[3].endswith(' ago') and cells[4].startswith('Up ')
    assert cells[5] == '0.0.0.0:18080->80/tcp, [::]:18080->80/tcp, 443/tcp'
    assert cells[6] == 'web'
    assert line.index('busybox') == head.index('IMAGE')


def test_all_newest_first(isola, three):
    assert names(isola) == ['idle', 'job', 'web']
    assert names(isola, all=False) == ['web']
    states = isola('ps', '-a', '--format', '{{.State}}').stdout.split()
    assert states == ['created', 'exited', 'running']
    statuses = isola('ps', '-a', '--format', '{{.Status}}').stdout.splitlines()
    assert statuses[0] == 'Created'
    assert re.fullmatch(r'Exited \(3\) .* ago', statuses[1])


def test_quiet_prints_ids(isola, three):
    assert isola('ps', '-q').stdout == three['web'][:12] + '\n'
    assert isola('ps', '-q', '--no-trunc').stdout == three['web'] + '\n'
    assert len(isola('ps', '-aq').stdout.split()) == 3


def test_latest_and_last(isola, three):
    assert isola('ps', '-l', '--format', '{{.Names}}').stdout == 'idle\n'
    assert isola('ps', '-n', '2', '--format', '{{.Names}}').stdout == 'idle\njob\n'


@pytest.mark.parametrize('filters, wanted', [
    (['name=we'], ['web']),
    (['name=^/web$'], ['web']),
    (['name=^(job|web)$'], ['job', 'web']),
    (['label=team'], ['idle', 'web']),
    (['label=team=net'], ['web']),
    (['label=team', 'label=x'], ['web']),
    (['status=exited'], ['job']),
    (['status=exited', 'status=created'], ['idle', 'job']),
    (['exited=3'], ['job']),
    (['exited=4'], []),
    (['ancestor=busybox'], ['idle', 'job', 'web']),
    (['ancestor=nothing'], []),
    (['before=job'], ['web']),
    (['since=job'], ['idle']),
    (['network=none'], ['job']),
    (['network=bridge', 'status=running'], ['web']),
    (['publish=80'], ['web']),
    (['publish=443'], []),
    (['expose=443/tcp'], ['web']),
    (['volume=/mnt'], ['idle']),
    (['volume=/tmp'], ['idle']),
])
def test_filters(isola, three, filters, wanted):
    assert names(isola, *filters) == wanted


def test_filter_by_id(isola, three):
    assert names(isola, f'id={three["web"][:6]}') == ['web']


def test_status_filter_needs_no_all(isola, three):
    assert names(isola, 'status=exited', all=False) == ['job']


@pytest.mark.parametrize('filter, sentence', [
    ('nmae=x', "unknown filter 'nmae'; did you mean 'name'?"),
    ('status=gone', "filter 'status=gone': it is created"),
    ('name', "filter 'name' is not KEY=VALUE"),
    ('name=(', "filter 'name=(' is not a regular expression"),
    ('before=nobody', "filter 'before=nobody': there is no container 'nobody'"),
    ('exited=x', "filter 'exited=x' is not an exit code"),
])
def test_wrong_filters_are_refused(isola, filter, sentence):
    assert isola('ps', '--filter', filter, code=1).stderr.startswith(f'isola: {sentence}')


def test_json_and_sizes(isola, three):
    isola('exec', 'web', 'sh', '-c', 'dd if=/dev/zero of=/big bs=1000 count=50')
    row = json.loads(isola('ps', '-s', '--format', 'json').stdout)
    assert set(row) == {'Command', 'CreatedAt', 'ID', 'Image', 'Labels', 'LocalVolumes', 'Mounts', 'Names',
                        'Networks', 'Ports', 'RunningFor', 'Size', 'State', 'Status'}
    assert list(row) == sorted(row)
    assert row['Labels'] == 'team=net,x=' and row['Networks'] == 'bridge'
    assert re.fullmatch(r'5\dkB \(virtual .*\)|5\d\.\dkB \(virtual .*\)', row['Size'])
    assert 'SIZE' in isola('ps', '-s').stdout.splitlines()[0]


def test_long_commands_are_cut(isola, image):
    isola('create', image, 'echo', 'a "quoted" and long argument')
    assert isola('ps', '-a', '--format', '{{.Command}}').stdout == '"echo a \\"quoted\\" and…"\n'
    assert isola('ps', '-a', '--no-trunc', '--format', '{{.Command}}').stdout == (
        '"echo a \\"quoted\\" and long argument"\n')


@pytest.mark.needs_root('pausing needs a control group, which a user has only under systemd')
def test_paused_and_restarted_are_told(isola, image):
    isola('run', '-d', '--name', 'web', image, 'sleep', '1000')
    isola('pause', 'web')
    assert isola('ps', '--format', '{{.Status}}').stdout.strip().endswith('(Paused)')
    assert names(isola, 'status=paused') == ['web']
    isola('unpause', 'web')
    assert names(isola, 'status=running') == ['web']
