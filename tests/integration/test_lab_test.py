# SPDX-License-Identifier: GPL-2.0-or-later
"""`isola lab test`: the tests of a lab's file."""
import pathlib
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import existing, wait_until

# Two ways between h1 and h2's networks; each router knows one.
SQUARE = '''
name: square
topology:
  nodes:
    h1: {{}}
    h2: {{}}
    r1: {{kind: router}}
    s1: {{kind: bridge}}
  links:
    - endpoints: [h1:eth1, s1:p1]
    - endpoints: [r1:eth1, s1:p2]
    - endpoints: [h2:eth1, r1:eth2]
tests:
{tests}
'''


@pytest.fixture
def lab(isola, tmp_path):
    """Writes a lab's file with some tests, and takes labs down afterwards."""
    file = tmp_path / 'lab.yml'

    def write(*tests):
        file.write_text(SQUARE.format(tests='\n'.join(f'  - {test}' for test in tests)))
        return str(file)
    yield write
    isola('lab', 'down', '--all')
    assert existing(f'{isola.run_root}/labs/*') == []


def test_what_holds_passes(isola, lab):
    file = lab('pingall: {within: 60s}',
               'pingall: {family: ipv6, within: 20s}',
               'reach: {from: [h1, h2], to: [h1, h2, r1]}',
               'ping: {from: h1, to: h2, count: 3, interval: 1ms, rtt: "< 10s"}',
               'tcp: {from: h2, to: h1, duration: 200ms, rate: 1kbit}',
               'udp: {from: h1, to: h2, duration: 100ms, loss: 50%}',
               'route: {node: h1, to: h2, via: r1, dev: eth1}',
               'exec: {node: h2, command: hostname, output: h2}')
    isola('lab', 'up', file)
    done = isola('lab', 'test', '-v')
    assert '8 passed, 0 failed, 0 skipped' in done.stdout
    assert 'to h2 via 10.0.' in done.stdout and 'it wrote: h2' in done.stdout


def test_what_does_not_hold_fails_with_its_reason(isola, lab):
    file = lab('reach: {from: h1, to: h2, expect: no}', 'exec: {node: h1, command: exit 3}',
               'ping: {from: h1, to: h2, count: 1, rtt: "> 10s", name: too quick}')
    isola('lab', 'up', file)
    done = isola('lab', 'test', code=1)
    assert 'h1 reaches h2 over IPv4, which it should not' in done.stdout
    assert 'its exit code is 3, wanted 0' in done.stdout
    assert 'FAILED  too quick' in done.stdout
    assert done.stdout.endswith('0 passed, 3 failed, 0 skipped\n')


def test_only_those_that_are_meant(isola, lab):
    file = lab('pingall: {within: 60s}', 'exec: {node: h1, command: "false", name: wrong}')
    isola('lab', 'up', file)
    assert '1 passed, 0 failed' in isola('lab', 'test', '--only', 'ping*').stdout
    isola('lab', 'test', '--only', 'wrong', code=1)
    assert 'no test is like' in isola('lab', 'test', '--only', 'x', code=1).stderr


def test_a_cut_link_is_restored_with_all_routes(isola, lab):
    file = lab('cut: {link: h2--r1, from: h1, to: h2, after: loss, duration: 200ms}',
               'pingall: {within: 20s}', 'pingall: {within: 20s, family: ipv6}')
    isola('lab', 'up', file)
    before = [isola.out('lab', 'exec', 'h2', 'ip', f, 'route', 'show', 'default') for f in ('-4', '-6')]
    assert all('via' in routes for routes in before)
    assert '3 passed' in isola('lab', 'test').stdout
    after = [isola.out('lab', 'exec', 'h2', 'ip', f, 'route', 'show', 'default') for f in ('-4', '-6')]
    assert after == before
    assert existing(f'{isola.run_root}/labs/square/cut-*') == []


def test_without_another_way_there_is_no_recovery(isola, lab):
    file = lab('cut: {link: h1--s1, from: h1, to: h2, recover: 200ms}')
    isola('lab', 'up', file)
    assert 'no answer after the link was cut' in isola('lab', 'test', code=1).stdout


def test_a_lab_only_for_its_tests(isola, lab):
    file = lab('pingall: {within: 60s}')
    assert '1 passed' in isola('lab', 'test', '--up', file).stdout
    assert isola.out('lab', 'ls', '-q') == ''
    isola('lab', 'test', '--up', lab('exec: {node: h1, command: "false"}'), code=1)
    assert isola.out('lab', 'ls', '-q') == ''


def test_files_for_programs(isola, lab, tmp_path):
    file = lab('pingall: {within: 60s}', 'exec: {node: h1, command: echo "<&>"; exit 1}')
    isola('lab', 'up', file)
    isola('lab', 'test', '--junit', tmp_path / 'j.xml', '--tap', tmp_path / 't.tap', code=1)
    suite = ElementTree.parse(tmp_path / 'j.xml').getroot()
    assert suite.get('tests') == '2' and suite.get('failures') == '1' and suite.get('name') == 'square'
    assert [case.get('line') for case in suite] == ['14', '15']
    assert suite[1].find('failure').text == 'its exit code is 1, wanted 0'
    assert 'it wrote: <&>' in suite[1].find('system-out').text
    tap = (tmp_path / 't.tap').read_text().splitlines()
    assert tap[:3] == ['TAP version 13', '1..2', 'ok 1 - pingall'] and tap[3].startswith('not ok 2 - exec')
    assert isola('lab', 'test', '--format', 'tap', code=1).stdout.splitlines()[0] == 'TAP version 13'
    assert 'formats are' in isola('lab', 'test', '--format', 'xml', code=1).stderr


def test_a_wrong_test_builds_nothing(isola, lab):
    for words, reason, hint in (('pinagll', "there is no test 'pinagll'", "'pingall'"),
                                ('ping: {from: h1, to: h3}', "to: 'h3' is no node", "'h1'"),
                                ('ping: {from: h1, to: h2, rt: 5ms}', "has no 'rt'", "'rtt'")):
        file = lab(words)
        for verb in (('up',), ('test', '--up')):
            stderr = isola('lab', *verb, file, code=1).stderr
            assert f'{file}:14: ' in stderr and reason in stderr and hint in stderr
    assert isola.out('lab', 'ls', '-q') == ''


def test_tests_may_change_while_the_lab_is_up(isola, lab):
    file = lab('pingall: {within: 60s}')
    isola('lab', 'up', file)
    lab('exec: {node: h1, command: "true"}')
    assert 'exec node=h1' in isola('lab', 'test').stdout
    pathlib.Path(file).unlink()
    assert 'pingall' in isola('lab', 'test').stdout


def test_stopped_it_says_what_was_not_tested(isola, lab):
    file = lab('exec: {node: h1, command: "false", within: 600s}', 'pingall')
    isola('lab', 'up', file)
    running = isola.start('lab', 'test')
    # It takes signals once its first test has begun, which has children then.
    wait_until(lambda: pathlib.Path(f'/proc/{running.pid}/status').read_text().split('SigBlk:\t')[1][:16]
               != '0' * 16, what='test')
    running.send_signal(signal.SIGINT)
    out = running.communicate(timeout=60)[0].decode()
    assert running.returncode == 1 and '0 passed, 0 failed, 2 skipped' in out


def test_without_tests_it_says_so(isola, lab, tmp_path):
    file = tmp_path / 'plain.yml'
    file.write_text('name: plain\ntopology: {nodes: {h1: {}}}\n')
    isola('lab', 'up', file)
    assert "lab 'plain' has no tests" in isola('lab', 'test', 'plain', code=1).stderr


@pytest.mark.skipif(not shutil.which('prove'), reason="perl's prove is not installed")
def test_perls_harness_agrees_with_the_tap(isola, tmp_path):
    (tmp_path / 'lab.yml').write_text('''
name: tap
topology: {nodes: {h1: {}}}
tests:
  - exec: {node: h1, command: "true # TODO not yet"}
  - exec: {node: h1, command: "false # TODO not yet"}
  - exec: {node: h1, command: "false # SKIP it"}
  - exec: {node: h1, command: "printf 'a\\\\nok 9 - b\\\\n'; exit 1"}
''')
    isola('lab', 'test', '--up', '--tap', tmp_path / 't.tap', tmp_path / 'lab.yml', code=1)
    done = subprocess.run(['prove', '-e', 'cat', tmp_path / 't.tap'], capture_output=True, text=True, cwd=tmp_path)
    assert 'Failed tests:  2-4' in done.stdout + done.stderr, done.stdout + done.stderr
    assert 'Tests=4' in done.stdout and 'Parse errors' not in done.stdout + done.stderr
