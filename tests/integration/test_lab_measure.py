# SPDX-License-Identifier: GPL-2.0-or-later
"""`isola lab measure` and `isola lab report`: figures, files, what they do not support."""
import csv
import gzip
import io
import json
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import existing, wait_until

LAB = '''
name: pair
topology:
  nodes:
    h1: {}
    h2: {}
    s1: {kind: bridge}
  links:
    - endpoints: [h1:eth1, s1:p1]
    - endpoints: [h2:eth1, s1:p2]
'''


@pytest.fixture
def pair(isola, tmp_path):
    """A lab of two hosts and a switch, up."""
    file = tmp_path / 'lab.yml'
    file.write_text(LAB)
    isola('lab', 'up', file)
    yield 'pair'
    isola('lab', 'down', '--all')
    assert existing(f'{isola.run_root}/labs/*') == []


def record(isola, *arguments):
    """The only record of a measurement that is asked for as JSON."""
    report = isola.json(*arguments[:3], '--format', 'json', *arguments[3:])
    assert report['isolaReport'] == 1 and report['host']['cpus'] >= 1
    assert len(report['records']) == 1
    return report['records'][0]


def figures(record):
    return {figure['name']: figure['value'] for figure in record['figures']}


def test_ping(isola, pair):
    text = isola('lab', 'measure', 'ping', '-c', '30', '-i', '1ms', 'h1', 'h2').stdout
    assert text.startswith('ping h1 to h2\n') and 'rtt median' in text
    one = record(isola, 'lab', 'measure', 'ping', '-c', '30', '-i', '1ms', '-6', 'h1', 'h2')
    assert figures(one)['sent'] == 30 and figures(one)['received'] == 30
    assert one['series'][0]['name'] == 'rtt' and len(one['series'][0]['values']) == 30
    assert 'family=ipv6' in one['settings'] and 'count=30' in one['settings']


def test_one_way_delay(isola, pair):
    for options in ((), ('--reverse',)):
        one = figures(record(isola, 'lab', 'measure', 'owd', '-i', '2ms', '-t', '100ms', *options, 'h1', 'h2'))
        assert one['received'] == 50 and 0 < one['delay median']


def test_udp(isola, pair):
    one = figures(record(isola, 'lab', 'measure', 'udp', '-b', '5mbit', '-t', '300ms', 'h1', 'h2'))
    assert one['sent'] > 100 and one['throughput'] > 0 and one['jitter'] is not None


def test_tcp(isola, pair):
    one = record(isola, 'lab', 'measure', 'tcp', '-P', '2', '-t', '350ms', '-C', 'reno', 'h1', 'h2')
    assert figures(one)['goodput'] > 1 and 0 < figures(one)['fairness'] <= 1
    assert 'congestion=reno' in one['settings'] and len([s for s in one['settings'] if 'congestion' in s]) == 1
    names = {series['name'] for series in one['series']}
    assert {'goodput', 'flow 1 cwnd', 'flow 2 rtt', 'flow 2 delivery rate'} <= names


def test_load(isola, pair):
    one = record(isola, 'lab', 'measure', 'load', '-t', '400ms', '--idle', '200ms', '-i', '10ms', 'h1', 'h2')
    assert figures(one)['idle rtt median'] > 0 and figures(one)['loaded rtt median'] > 0
    assert figures(one)['responsiveness'] > 0
    assert {'idle rtt', 'loaded rtt'} <= {series['name'] for series in one['series']}


def test_sweep(isola, pair):
    one = record(isola, 'lab', 'measure', 'sweep', '--sizes', '64,512', '-b', '1mbit', '-t', '100ms', '--tolerance', '50%', 'h1', 'h2')
    assert one['columns'][0] == 'frame B' and [row[0] for row in one['rows']] == ['64', '512']
    assert figures(one)['rate at 64 B'] > 0


def test_matrix(isola, pair):
    one = record(isola, 'lab', 'measure', 'matrix')
    assert figures(one)['pairs'] == 2 and figures(one)['reached'] == 100
    assert one['columns'] == ['ms', 'h1', 'h2'] and one['rows'][0][1] == ''
    assert 'h1' in isola('lab', 'measure', 'matrix', 'h1', 'h2').stdout


def test_wrong_words_name_the_right_one(isola, pair):
    for arguments, reason, hint in ((('ping', 'h1', 'h3'), "to: 'h3' is no node", "'h1'"),
                                    (('ping', 'h1', 'h2:et1'), "has no interface 'et1'", "'eth1'"),
                                    (('tcp', '-t', 'soon', 'h1', 'h2'), "'soon' is no value of duration", 'a span'),
                                    (('tcp', '-C', 'cubik', 'h1', 'h2'), "'cubik'", 'available'),
                                    (('udp', '-b', 'fast', 'h1', 'h2'), "rate: 'fast' is no rate", 'bits'),
                                    (('ping', 'h1', 'h1'), None, None),
                                    (('sweep', '--sizes', '7', 'h1', 'h2'), 'a frame has 64', None)):
        if reason:
            stderr = isola('lab', 'measure', *arguments, code=1).stderr
            assert reason in stderr and (hint or '') in stderr and '.yml' not in stderr
    assert 'exclude' in isola('lab', 'measure', 'ping', '-4', '-6', 'h1', 'h2', code=1).stderr
    assert 'formats are' in isola('lab', 'measure', 'ping', '--format', 'xml', 'h1', 'h2', code=1).stderr


def test_files(isola, pair, tmp_path):
    isola('lab', 'measure', 'load', '-t', '300ms', '--idle', '100ms', '--repeat', '3', '--save', tmp_path / 'x.json',
          '--html', tmp_path / 'x.html', '--csv', tmp_path / 'x.csv', '--series', tmp_path / 's.csv',
          '--flent', tmp_path / 'x', 'h1', 'h2')
    assert len(json.loads((tmp_path / 'x.json').read_text())['records']) == 3
    rows = list(csv.DictReader(io.StringIO((tmp_path / 'x.csv').read_text())))
    assert {row['repetition'] for row in rows} == {'1', '2', '3'} and rows[0]['lab'] == 'pair'
    values = list(csv.DictReader(io.StringIO((tmp_path / 's.csv').read_text())))
    assert {'loaded rtt', 'goodput'} <= {row['series'] for row in values}
    flent = json.loads(gzip.decompress((tmp_path / 'x-2.flent.gz').read_bytes()))
    assert flent['version'] == 3 and flent['metadata']['NAME'] == 'tcp_upload'
    assert {'TCP upload', 'Ping (ms) ICMP'} <= flent['results'].keys()
    assert all(len(series) == len(flent['x_values']) for series in flent['results'].values())
    page = ElementTree.fromstring((tmp_path / 'x.html').read_text())
    assert page.tag.endswith('html') and len(page.findall('.//{http://www.w3.org/2000/svg}svg')) >= 5


def test_stopped_it_has_what_it_has(isola, pair, tmp_path):
    running = isola.start('lab', 'measure', 'tcp', '-t', '1000s', '--save', tmp_path / 'x.json', 'h1', 'h2')
    wait_until(lambda: ' 01 ' in isola.out('lab', 'exec', 'h1', 'cat', '/proc/net/tcp'), what='connection')
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    records = json.loads((tmp_path / 'x.json').read_text())['records']
    assert records == [] or 'it was stopped before its end' in records[0]['cautions']
