# SPDX-License-Identifier: GPL-2.0-or-later
"""What nodes of a lab do once they are there: commands, waits, health."""
import json
import pathlib
import signal

import pytest

from conftest import existing, wait_until
from test_lab import lab  # noqa: F401

ORDER = '''
name: order
topology:
  nodes:
    late: {cmd: sh -c 'echo late', stages: {create: {wait-for: [{node: server, stage: healthy}]}}}
    server:
      cmd: sh -c 'sleep 0.2; touch /run/ready; exec sleep 1000'
      healthcheck: {test: [CMD, test, -e, /run/ready], interval: 20ms, start-period: 1h}
    last: {exec: ['echo last'], stages: {create: {wait-for: [{node: late, stage: exit}]}}}
'''


def written(isola, lab_name, what, node):
    return pathlib.Path(f'{isola.run_root}/labs/{lab_name}/{what}/{node}').read_text()


def rows(isola, *options):
    table = json.loads('[' + isola.out('lab', 'ps', '--format', 'json', *options).replace('\n', ',') + ']')
    return {row['Name']: row for row in table}


def leaves_nothing(isola):
    assert isola.out('lab', 'ls', '-q') == ''
    assert existing(f'{isola.run_root}/labs/*') == []
    assert existing(f'{isola.run_root}/ids/*') == []


def test_commands_of_exec_run_in_order_once_links_are_there(isola, lab):
    lab('''
name: setup
topology:
  nodes:
    a: {exec: ['ip route add 192.0.2.0/24 via 10.0.0.2', 'ip route del 192.0.2.0/24', 'echo $HOSTNAME; id -u']}
    b: {exec: ['busybox ping -c 1 -W 5 a >/dev/null && echo reached']}
  links:
    - endpoints: [a, b]
''')
    assert written(isola, 'setup', 'exec', 'a') == 'a\n0\n'
    assert written(isola, 'setup', 'exec', 'b') == 'reached\n'


def test_a_failing_command_undoes_all(isola, lab):
    done = lab('''
name: wrong
topology:
  nodes:
    a: {exec: ['echo fine', 'echo some; echo "no such thing" >&2; exit 3']}
    b: {exec: [true]}
''', code=1)
    assert done.stderr == ("isola: node 'a': 'echo some; echo \"no such thing\" >&2; exit 3' has ended with exit code 3: "
                           'no such thing\n')
    leaves_nothing(isola)


def test_nodes_wait_for_health_and_end_of_others(isola, lab):
    lab(ORDER)
    assert written(isola, 'order', 'logs', 'late') == 'late\n'
    assert written(isola, 'order', 'exec', 'last') == 'last\n'
    ps = rows(isola)
    assert ps['server']['Health'] == 'healthy' and ps['server']['Command'] == 'running'
    assert ps['late']['Health'] == '' and ps['late']['Command'] == 'ended (0)'
    isola('lab', 'exec', 'server', 'rm', '/run/ready')
    assert rows(isola)['server']['Health'] == 'unhealthy'
    assert rows(isola, '--no-health')['server']['Health'] == ''


def test_a_wait_for_configuration_comes_after_exec(isola, lab, tmp_path):
    (tmp_path / 'shared').mkdir()
    lab('''
name: stages
topology:
  defaults: {binds: ['shared:/mnt']}
  nodes:
    second: {exec: ['cat /mnt/first'], stages: {create: {wait-for: [{node: first, stage: configure}]}}}
    first: {exec: ['echo done >/mnt/first']}
''')
    assert written(isola, 'stages', 'exec', 'second') == 'done\n'


def test_a_command_waits_for_its_delay(isola, lab):
    lab('''
name: delayed
topology:
  nodes:
    a: {cmd: cat /proc/uptime, startup-delay: 500ms}
    b: {cmd: cat /proc/uptime}
''')
    wait_until(lambda: written(isola, 'delayed', 'logs', 'a'), what='the command')
    a, b = (float(written(isola, 'delayed', 'logs', node).split()[0]) for node in 'ab')
    assert a - b > 0.3


def test_what_others_wait_for_and_is_not_healthy_ends_up(isola, lab):
    text = ORDER.replace('start-period: 1h', 'retries: 2').replace('test, -e, /run/ready', 'sh, -c, "echo broken; exit 1"')
    assert "node 'server' is not healthy, and others wait for it: broken" in lab(text, code=1).stderr
    leaves_nothing(isola)
    text = text.replace('echo broken; exit 1', 'sleep 1000').replace('retries: 2', 'retries: 1, timeout: 100ms')
    assert "node 'server' is not healthy, and others wait for it: no answer in time" in lab(text, code=1).stderr
    leaves_nothing(isola)


@pytest.mark.parametrize('text, words', [
    ('a: {stages: {create: {wait-for: [{node: b, stage: create}]}}}\n'
     '    b: {stages: {create: {wait-for: [{node: c, stage: create}]}}}\n'
     '    c: {stages: {create: {wait-for: [{node: b, stage: configure}]}}}',
     "lab.yml:6: nodes wait for each other: 'b' waits for 'c', which waits for 'b'"),
    ('a: {stages: {create: {wait-for: [{node: b, stage: exit}]}}}\n    b: {}',
     "lab.yml:5: 'a' waits for the end of 'b', which has no command"),
    ('a: {stages: {create: {wait-for: [{node: b, stage: healthy}]}}}\n    b: {}',
     "lab.yml:5: 'a' waits for the health of 'b', which has no health check"),
    ('a: {stages: {create: {wait-for: [{node: b, stage: helthy}]}}}\n    b: {}',
     "lab.yml:5: there is no stage 'helthy'; did you mean 'healthy'?"),
])
def test_waits_that_cannot_come_are_refused(isola, lab, text, words):
    assert words in lab(f'name: waits\ntopology:\n  nodes:\n    {text}\n'.replace('name', '\nname', 1), code=1).stderr
    leaves_nothing(isola)


@pytest.mark.parametrize('point', ['lab.starting', 'lab.node-started', 'lab.exec', 'lab.started'])
def test_killed_while_nodes_start_it_is_undone(isola, lab, tmp_path, point):
    file = tmp_path / 'lab.yml'
    file.write_text(ORDER)
    done = isola('lab', 'up', file, env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    assert done.returncode == -signal.SIGKILL
    leaves_nothing(isola)
    lab(ORDER)
