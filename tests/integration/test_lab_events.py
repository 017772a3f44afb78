# SPDX-License-Identifier: GPL-2.0-or-later
"""`isola lab events`: what happens in labs, as it happens."""
import json
import pathlib
import queue
import signal
import threading

import pytest

from conftest import kill, wait_until
from test_lab import lab, nodes  # noqa: F401

LAB = '''
name: watched
topology:
  nodes:
    h1: {cmd: "sh -c 'while [ ! -e /run/end ]; do sleep 0.01; done; exit 3'"}
    h2: {healthcheck: {test: [CMD, test, '!', -e, /run/ill], interval: 50ms, retries: 1}}
    s1: {kind: bridge}
  links:
    - {endpoints: [h1:eth1, s1:p1], delay: 1ms}
    - endpoints: [h2:eth1, s1:p2]
'''


class Events:
    def __init__(self, isola, *options):
        self.process = isola.start('lab', 'events', '--format', 'json', *options, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True).start()
        self.seen = []

    def next(self):
        event = json.loads(self.lines.get(timeout=30))
        self.seen.append((event['Type'], event['Action'], event['Name']))
        return event

    def until(self, *wanted):
        """Reads until there was one of that type, action and name, and returns it."""
        while True:
            event = self.next()
            if (event['Type'], event['Action'], event['Name']) == wanted:
                return event

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        assert self.process.wait(timeout=30) == 0, self.process.stderr.read()


@pytest.fixture
def events(isola, lab):
    started = []

    def start(*options):
        started.append(Events(isola, *options))
        return started[-1]
    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


def test_a_lab_comes_up_and_goes_down(isola, lab, events):
    watch = events('watched')
    wait_until(lambda: pathlib.Path(f'/proc/{watch.process.pid}/fdinfo').exists() and any(
        'inotify wd' in path.read_text() for path in pathlib.Path(f'/proc/{watch.process.pid}/fdinfo').iterdir()), what='the watch')
    lab(LAB)
    up = watch.until('lab', 'up', '')
    assert up['Lab'] == 'watched' and up['Attributes'] == {'nodes': '3', 'links': '2'} and up['Time'].endswith('Z')
    assert watch.seen[0] == ('lab', 'create', '')
    assert watch.until('node', 'create', 'h1')['Attributes']['pid'] == str(nodes(isola)['h1']['Pid'])
    watch.until('node', 'create', 's1')
    watch.until('keeper', 'start', '')
    isola('lab', 'down', 'watched')
    watch.until('node', 'die', 'h2')
    watch.until('lab', 'down', '')
    assert watch.process.wait(timeout=30) == 0


def test_commands_and_health(isola, lab, events):
    lab(LAB)
    watch = events('-i')
    watch.until('node', 'start', 'h1')
    watch.until('node', 'health_status: healthy', 'h2')
    isola('lab', 'exec', 'h1', 'touch', '/run/end')
    assert watch.until('node', 'exit', 'h1')['Attributes'] == {'exitCode': '3'}
    isola('lab', 'exec', 'h2', 'touch', '/run/ill')
    assert watch.until('node', 'health_status: unhealthy', 'h2')['Attributes'] == {'why': 'exit code 1'}
    isola('lab', 'exec', 'h2', 'rm', '/run/ill')
    watch.until('node', 'health_status: healthy', 'h2')
    kill(nodes(isola)['h2']['Pid'])
    watch.until('node', 'die', 'h2')
    watch.end()


def test_links(isola, lab, events):
    lab(LAB)
    watch = events('-i', '-f', 'type=link', '-f', 'type=lab')
    watch.until('lab', 'up', '')
    isola('lab', 'link', 'set', 'h1:eth1', 'loss=1%')
    assert watch.until('link', 'set', 'h1:eth1--s1:p1')['Attributes'] == {'from': 'h1:eth1', 'delay': '1ms', 'loss': '1%'}
    isola('lab', 'link', 'reset', 'h1:eth1')
    watch.until('link', 'reset', 'h1:eth1--s1:p1')
    isola('lab', 'link', 'cut', 'h1:eth1')
    watch.until('link', 'cut', 'h1:eth1--s1:p1')
    watch.until('link', 'down', 's1:p1')
    isola('lab', 'link', 'restore', 'h1:eth1')
    watch.until('link', 'up', 's1:p1')
    isola('lab', 'exec', 'h2', 'ip', 'link', 'set', 'eth1', 'down')
    watch.until('link', 'down', 'h2:eth1')
    assert {kind for kind, _, _ in watch.seen} == {'link', 'lab'}
    watch.end(signal.SIGTERM)


def test_changes(isola, lab, events):
    lab(LAB)
    watch = events('-i')
    watch.until('keeper', 'start', '')
    lab(LAB.replace('    h2:', '    h3: {}\n    h2:').replace('  links:\n', '  links:\n    - endpoints: [h3:eth1, s1:p3]\n'))
    watch.until('lab', 'change', '')
    watch.until('lab', 'changed', '')
    assert {('link', 'create', 'h3:eth1--s1:p3'), ('node', 'create', 'h3')} <= set(watch.seen)
    assert not [event for event in watch.seen if event[1] == 'destroy']
    lab('\n'.join(line for line in LAB.split('\n') if 'h1' not in line))
    watch.until('node', 'die', 'h1')
    watch.until('lab', 'changed', '')
    assert {('node', 'destroy', 'h1'), ('node', 'destroy', 'h3'), ('link', 'destroy', 'h1:eth1--s1:p1'),
            ('keeper', 'die', '')} <= set(watch.seen)
    watch.end()


def test_who_watches_starts_the_keeper_anew(isola, lab, events):
    lab(LAB)
    watch = events('-i', '-f', 'type=keeper')
    first = int(watch.next()['Attributes']['pid'])
    kill(first)
    assert watch.next()['Attributes']['pid'] == str(first)
    second = watch.next()
    assert second['Action'] == 'start' and second['Attributes']['starts'] == '1'
    isola('lab', 'exec', 'h2', 'true')
    watch.end()


def test_text_templates_and_filters(isola, lab):
    lab(LAB)
    lines = isola('lab', 'events', '-i', '-d', '10ms', '-f', 'name=h*', '-f', 'action=create').stdout.splitlines()
    assert [line.split(' ', 1)[1] for line in lines] == [
        f'node create watched {name} (kind=host, pid={nodes(isola)[name]["Pid"]})' for name in ('h1', 'h2')]
    assert isola.out('lab', 'events', '-i', '-d', '10ms', '-f', 'type=lab', '--format', '{{.Lab}} {{.Action}}') == 'watched up'
    assert "'colour=x' is no filter" in isola('lab', 'events', '-f', 'colour=x', code=1).stderr
    assert isola('lab', 'events', '-d', '10ms', '-f', 'type=lab', 'watched').stdout == ''


def test_containers(isola, lab, image, events):
    lab(f'name: watched\ntopology:\n  nodes:\n    c: {{image: {image}, cmd: sleep 1000}}\n')
    watch = events('-i')
    watch.until('node', 'start', 'c')
    isola('kill', 'watched-c')
    watch.until('node', 'exit', 'c')
    isola('start', 'watched-c')
    watch.until('node', 'start', 'c')
    watch.end()
