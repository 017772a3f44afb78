# SPDX-License-Identifier: GPL-2.0-or-later
"""`isola lab measure` and `isola lab report`: figures, files, what they do not support."""
import csv
import gzip
import io
import json
import os
import pathlib
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
    one = record(isola, 'lab', 'measure', 'sweep', '--sizes', '64,512', '-b', '1mbit', '-t', '100ms',
                 '--tolerance', '50%', 'h1', 'h2')
    assert one['columns'][0] == 'frame B' and [row[0] for row in one['rows']] == ['64', '512']
    assert figures(one)['rate at 64 B'] > 0


def test_matrix(isola, pair):
    def reached():
        one = record(isola, 'lab', 'measure', 'matrix')
        return one if figures(one)['reached'] == 100 else None
    # A switch that has just come up may swallow what neighbours ask first.
    one = wait_until(reached, timeout=60, what='answer')
    assert figures(one)['pairs'] == 2
    assert one['columns'] == ['ms', 'h1', 'h2'] and one['rows'][0][1] == ''
    assert 'h1' in isola('lab', 'measure', 'matrix', 'h1', 'h2').stdout


def test_more_pairs_than_the_neighbour_table_has_room_for(isola, tmp_path):
    """All network namespaces share 1024 entries; 40 hosts behind one switch need 1560."""
    file = tmp_path / 'many.yml'
    hosts = [f'h{i}' for i in range(40)]
    file.write_text('name: many\ntopology:\n  nodes:\n    s1: {kind: bridge}\n'
                    + ''.join(f'    {h}: {{}}\n' for h in hosts) + '  links:\n'
                    + ''.join(f'    - endpoints: [{h}:eth1, s1:{h}]\n' for h in hosts)
                    + 'tests:\n  - pingall: {within: 60s}\n')
    try:
        assert '1 passed' in isola('lab', 'test', '--up', file).stdout
    finally:
        isola('lab', 'down', '--all')


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
    assert flent['version'] == 4 and flent['metadata']['NAME'] == 'tcp_upload'
    assert {'TCP upload', 'Ping (ms) ICMP'} <= flent['results'].keys()
    assert all(len(series) == len(flent['x_values']) for series in flent['results'].values())
    page = ElementTree.fromstring((tmp_path / 'x.html').read_text())
    assert page.tag.endswith('html') and len(page.findall('.//{http://www.w3.org/2000/svg}svg')) >= 5


def test_flent_itself_reads_what_is_written_for_it(isola, pair, tmp_path):
    places = ['/usr/share/flent', pathlib.Path(isola.binary).resolve().parents[1] / 'flent/usr/share/flent']
    flent = next((str(place) for place in places if pathlib.Path(place, 'flent/resultset.py').exists()), None)
    if not flent:
        pytest.skip('flent is neither installed nor unpacked (tools/unpack)')
    isola('lab', 'measure', 'ping', '-c', '20', '-i', '20ms', '--flent', tmp_path / 'p', 'h1', 'h2')
    reader = """
import json, sys
from flent import resultset
r = resultset.load(sys.argv[1])
print(json.dumps({'name': r.meta('NAME'), 'host': r.meta('HOST'), 'year': r.meta('TIME').year, 'x': r.x_values,
                  'ping': r.series('Ping (ms) ICMP'), 'raw': r.raw_values['Ping (ms) ICMP']}))
"""
    done = subprocess.run(['/usr/bin/python3', '-c', reader, tmp_path / 'p.flent.gz'], capture_output=True, text=True,
                          env={'PYTHONPATH': flent, 'PATH': os.environ['PATH'], 'HOME': str(tmp_path)})
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert read['name'] == 'ping' and read['host'] == 'h1 to h2' and read['year'] >= 2026
    assert len(read['ping']) == len(read['x']) and len(read['raw']) == 20
    assert all(0 < point['val'] < 10000 for point in read['raw'])


def test_stopped_it_has_what_it_has(isola, pair, tmp_path):
    running = isola.start('lab', 'measure', 'tcp', '-t', '1000s', '--save', tmp_path / 'x.json', 'h1', 'h2')
    wait_until(lambda: ' 01 ' in isola.out('lab', 'exec', 'h1', 'cat', '/proc/net/tcp'), what='connection')
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    records = json.loads((tmp_path / 'x.json').read_text())['records']
    assert records == [] or 'it was stopped before its end' in records[0]['cautions']


MEASUREMENTS = '''
measurements:
  - ping: {from: h1, to: h2, count: 25, interval: 1ms}
  - tcp: {from: h1, to: h2, duration: 200ms, congestion: reno, name: with Reno}
  - tcp: {from: h1, to: h2, duration: 200ms, congestion: cubic, name: with CUBIC}
'''
SVG = '{http://www.w3.org/2000/svg}svg'
HTML = '{http://www.w3.org/1999/xhtml}'


@pytest.fixture
def measured(isola, tmp_path):
    """The same lab with measurements in its file, up."""
    file = tmp_path / 'measured.yml'
    file.write_text(LAB.replace('pair', 'measured') + MEASUREMENTS)
    isola('lab', 'up', file)
    yield file
    isola('lab', 'down', '--all')


def test_report_of_a_lab(isola, measured, tmp_path):
    page = tmp_path / 'page.html'
    done = isola('lab', 'report', '-o', page, '--save', tmp_path / 'all.json', '--title', 'A <title> & more')
    assert done.stdout.startswith(f'{page}: 9 runs\n')
    tree = ElementTree.fromstring(page.read_text())
    assert tree.find(f'.//{HTML}h1').text == 'A <title> & more'
    headings = [heading.text for heading in tree.findall(f'.//{HTML}h2')]
    assert headings == ['What these figures do not support', 'ping', 'tcp']
    assert {'with Reno', 'with CUBIC'} <= {cell.text for cell in tree.findall(f'.//{HTML}th')}
    # The topology is an image inside of the page; nothing is fetched.
    images = [image.get('src') for image in tree.findall(f'.//{HTML}img')]
    assert images and all(image.startswith('data:image/svg+xml;base64,') for image in images)
    assert 'http' not in page.read_text().replace('http://www.w3.org/', '')
    records = json.loads((tmp_path / 'all.json').read_text())['records']
    # Measurements take turns.
    assert [record['label'] for record in records] == ['h1 to h2', 'with Reno', 'with CUBIC'] * 3


def test_report_of_files(isola, measured, tmp_path):
    for number in range(2):
        isola('lab', 'measure', 'ping', '-c', '25', '-i', '1ms', '--save', tmp_path / f'{number}.json', 'h1', 'h2')
    text = isola('lab', 'report', '-o', tmp_path / 'page.html', tmp_path / '0.json', tmp_path / '1.json').stdout
    assert ': 2 runs\n' in text and 'caution: ping h1 to h2 was measured twice' in text
    (tmp_path / 'bad.json').write_text('{"isolaReport": 1, "records": [{}]}')
    assert 'bad.json: this is no record' in isola('lab', 'report', tmp_path / 'bad.json', code=1).stderr
    assert 'cannot read' in isola('lab', 'report', tmp_path / 'none.json', code=1).stderr


def test_without_measurements_it_says_so(isola, pair, tmp_path):
    assert "lab 'pair' has no measurements" in isola('lab', 'report', '-o', tmp_path / 'x.html', code=1).stderr
    assert not (tmp_path / 'x.html').exists()


def test_a_wrong_measurement_builds_nothing(isola, tmp_path):
    file = tmp_path / 'wrong.yml'
    file.write_text(LAB + 'measurements:\n  - pnig: {from: h1, to: h2}\n')
    stderr = isola('lab', 'up', file, code=1).stderr
    assert "wrong.yml:12: there is no measurement 'pnig'" in stderr and "'ping'" in stderr
    assert isola.out('lab', 'ls', '-q') == ''


def test_boot(isola, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(LAB)
    report = isola.json('lab', 'measure', 'boot', '--repeat', '2', '--format', 'json', file)
    assert [record['repetition'] for record in report['records']] == [1, 2]
    one = figures(report['records'][0])
    assert one['up'] > 0 and one['down'] > 0 and one['nodes'] == 3 and one['memory per node'] > 0
    assert isola.out('lab', 'ls', '-q') == ''
    isola('lab', 'measure', 'boot', tmp_path / 'none.yml', code=1)


def groups_of(report):
    labels = {}
    for one in report['records']:
        labels.setdefault(one['label'], []).append(one)
    return labels


FAKE = '''#!/bin/sh
# Stands in for an engine: containers are processes whose pids are files.
echo "$@" >>{log}
case $1 in
run) shift; while [ "$1" != --name ]; do shift; done
        [ "$3" = busybox ] || { echo "some words"; echo "there is no image $3"; exit 125; } >&2
        [ ! -e {log}.full ] || [ "$(ls {log}.d | wc -l)" -lt 2 ] || { echo "too many" >&2; exit 1; }
        sleep 1000000 & echo $! >{log}.d/$2 ;;
inspect) cat {log}.d/$4 ;;
rm) shift 2; for name; do kill $(cat {log}.d/$name); rm {log}.d/$name; done ;;
esac
'''


@pytest.fixture
def engine(isola, tmp_path):
    """A program 'podman' in PATH, and the directory of its containers."""
    log = tmp_path / 'log'
    (tmp_path / 'log.d').mkdir()
    (tmp_path / 'bin').mkdir()
    program = tmp_path / 'bin/podman'
    program.write_text(FAKE.replace('{log}', str(log)))
    program.chmod(0o755)
    path, isola.environment['PATH'] = isola.environment['PATH'], f"{tmp_path}/bin:{isola.environment['PATH']}"
    yield log
    isola.environment['PATH'] = path
    assert list((tmp_path / 'log.d').iterdir()) == []


def test_boot_beside_an_engine(isola, image, engine, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(LAB)
    report = isola.json('lab', 'measure', 'boot', '-r', '3', '--beside', 'light', '--beside', 'image', '--beside', 'podman',
                        '--format', 'json', file)
    groups = groups_of(report)
    assert {label: len(records) for label, records in groups.items()} == {
        'pair': 3, 'pair, light nodes': 3, 'pair, image nodes': 3, '2 containers of podman': 3}
    # They take turns.
    assert [record['repetition'] for record in report['records']] == [1] * 4 + [2] * 4 + [3] * 4
    for label, records in groups.items():
        one = figures(records[0])
        assert one['up'] > 0 and one['down'] > 0 and one['memory per node'] > 0, label
        assert one['nodes'] == (2 if 'podman' in label else 3)
    said = engine.read_text().splitlines()
    assert sum(line.startswith('run --detach --network none --name isola-boot-') for line in said) == 6
    assert sum(line.startswith('rm --force isola-boot-') for line in said) == 3


def test_boot_removes_what_an_engine_started_before_it_failed(isola, image, engine, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(LAB.replace('h2: {}', 'h2: {}\n    h3: {}').replace('links:', 'links:\n    - endpoints: [h3, s1]'))
    pathlib.Path(f'{engine}.full').write_text('')
    assert "'podman' ended with 1: too many" in isola('lab', 'measure', 'boot', '--beside', 'podman', file, code=1).stderr
    assert "ended with 125: there is no image other" in isola('lab', 'measure', 'boot', '--beside', 'podman', '--image',
                                                              'other', file, code=1).stderr


@pytest.mark.skipif(not shutil.which('runc') and not os.path.exists('/usr/sbin/runc'), reason='runc is not installed')
def test_boot_beside_runc(isola, image, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(LAB)
    done = isola('lab', 'measure', 'boot', '--beside', 'runc', '--format', 'json', file)
    one = figures(groups_of(json.loads(done.stdout))['2 containers of runc'][0])
    assert one['up'] > 0 and one['down'] > 0 and 100 < one['memory per node'] < 100000
    assert existing('/tmp/isola-boot-*') == [] and existing('/sys/fs/cgroup/*/isola-boot*') == []


def test_boot_beside_what_is_not_there(isola, tmp_path):
    file = tmp_path / 'lab.yml'
    file.write_text(LAB)
    refused = isola('lab', 'measure', 'boot', '--beside', 'lxc', file, code=1).stderr
    assert "'lxc' is no runtime to measure" in refused and 'crun, runc, podman and docker' in refused
    path, isola.environment['PATH'] = isola.environment['PATH'], str(tmp_path)
    try:
        assert "'podman' is not installed" in isola('lab', 'measure', 'boot', '--beside', 'podman', file, code=1).stderr
    finally:
        isola.environment['PATH'] = path
    assert isola.out('lab', 'ls', '-q') == ''


@pytest.mark.skipif(not shutil.which('chromium'), reason='chromium is not installed')
def test_page_in_a_browser(isola, measured, tmp_path):
    page = tmp_path / 'page.html'
    isola('lab', 'report', '--repeat', '1', '-o', page)
    chromium = ['chromium', '--headless', '--no-sandbox', '--disable-gpu', f'--user-data-dir={tmp_path}/profile',
                '--window-size=1200,2000']
    done = subprocess.run([*chromium, f'--screenshot={tmp_path}/page.png', page.as_uri()], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / 'page.png').stat().st_size > 20000
    dom = subprocess.run([*chromium, '--dump-dom', page.as_uri()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, timeout=120).stdout
    assert dom.count('<svg') >= 5 and 'What these figures do not support' in dom


def test_what_the_emulator_adds_is_measured(isola, tmp_path):
    file = tmp_path / 'slow.yml'
    file.write_text('name: slow\ntopology:\n  nodes: {h1: {}, h2: {}}\n  links:\n'
                    '    - {endpoints: [h1:eth1, h2:eth1], delay: 5ms, rate: 10mbit, queue: 50ms}\n'
                    'measurements:\n  - load: {from: h1, to: h2, duration: 500ms, idle: 300ms}\n'
                    'tests:\n  - ping: {from: h1, to: h2, count: 5, rtt: ">= 10ms"}\n'
                    '  - cut: {link: h1--h2, from: h1, to: h2, after: loss, duration: 200ms}\n')
    isola('lab', 'up', file)
    try:
        one = figures(record(isola, 'lab', 'measure', 'ping', '-c', '20', '-i', '5ms', 'h1', 'h2'))
        assert one['rtt min'] >= 10
        delay = figures(record(isola, 'lab', 'measure', 'owd', '-i', '5ms', '-t', '200ms', 'h1', 'h2'))
        assert delay['delay min'] >= 5
        assert '2 passed' in isola('lab', 'test').stdout
        isola('lab', 'report', '--repeat', '1', '-o', tmp_path / 'page.html', '--save', tmp_path / 'all.json')
        loaded = figures(json.loads((tmp_path / 'all.json').read_text())['records'][0])
        assert loaded['goodput'] < 10 and loaded['loaded rtt median'] > loaded['idle rtt median']
    finally:
        isola('lab', 'down', '--all')
