# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab's place in the control groups: it goes with the lab, whoever is killed and whatever is lost."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import pytest
from conftest import Isola, existing, kill
from test_lab import lab  # noqa: F401
from test_lab_nodes import LIMITED, lab_cgroups, lab_id, leaves_nothing

MORE = LIMITED.replace('b: {}', 'b: {}\n    c: {memory: 16m}')


def state(isola, name='limited'):
    return json.loads(pathlib.Path(f'{isola.run_root}/labs/{name}/state.json').read_text())


def lose(isola, name='limited'):
    """Ends all of a lab and forgets it."""
    record = state(isola, name)
    for process in [record['fabric'], *record['nodes']]:
        kill(process['pid'])
    shutil.rmtree(f'{isola.run_root}/labs/{name}')
    for link in existing(f'{isola.run_root}/ids/*'):
        if os.readlink(link) == record['id']:
            link.unlink()
    return record['id']


@pytest.fixture
def neighbour(tmp_path):
    """Somebody else with state directories of his own."""
    isola = Isola(tmp_path)
    yield isola
    isola('lab', 'down', '--all')


@pytest.mark.parametrize('point', ['lab.begun', 'lab.placed', 'lab.nodes', 'lab.built', 'lab.limited', 'lab.recorded', 'lab.starting',
                                   'lab.exec', 'lab.started', 'lab.killed', 'lab.removed'])
def test_it_goes_whoever_is_killed(isola, lab, tmp_path, point):
    file = tmp_path / 'lab.yml'
    file.write_text(LIMITED.replace('b: {}', 'b: {exec: ["true"]}'))
    done = isola('lab', 'up', file, env={'ISOLA_FAULT': point}, code=None)
    begun = existing(f'{isola.run_root}/labs/limited/state.json')
    cgroup = lab_id(isola) if begun else 'any'
    if done.returncode == 0:
        done = isola('lab', 'down', env={'ISOLA_FAULT': point}, code=None)
    if done.returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    isola('lab', 'ls')
    isola('lab', 'down', 'limited', code=None)
    leaves_nothing(isola)
    assert lab_cgroups(cgroup) == []


@pytest.mark.parametrize('point', ['change.next', 'change.made', 'change.recorded', 'change.released', 'change.written'])
def test_it_goes_with_a_lab_whose_change_was_killed(isola, lab, tmp_path, point):
    lab(LIMITED)
    cgroup = lab_id(isola)
    file = tmp_path / 'lab.yml'
    file.write_text(MORE)
    if isola('lab', 'up', file, env={'ISOLA_FAULT': point}, code=None).returncode == 0:
        pytest.skip('this binary was built without -Dfault_points=true')
    stays = 'c' in isola.out('lab', 'ps', '-q').split()
    assert bool(existing(f'/sys/fs/cgroup/**/lab-{cgroup}/node-c')) == stays
    isola('lab', 'down', 'limited')
    assert lab_cgroups(cgroup) == []


def test_that_of_a_lab_whose_record_was_lost_is_found(isola, lab):
    lab(LIMITED)
    cgroup = lose(isola)
    assert lab_cgroups(cgroup)
    isola('lab', 'ls')
    assert lab_cgroups(cgroup) == []


def test_what_is_left_of_it_in_any_hierarchy_is_found(isola, lab):
    roots = [path.parent for path in existing('/sys/fs/cgroup/*/cgroup.procs')]
    if not roots:
        pytest.skip('there is one hierarchy only')
    left = [root / f'isola/lab-{"0" * 64}/node-x' for root in roots if root.name in ('cpu', 'unified')]
    for path in left:
        path.mkdir(parents=True)
    lab(LIMITED.replace('a: {memory: 32m, cpu: 0.5, pids: 20, cmd: sleep 1000}', 'a: {}'))
    assert lab_cgroups('0' * 64) == []


def test_those_of_others_that_live_stay(isola, neighbour):
    neighbour('lab', 'up', '-', input=LIMITED)
    before = lab_cgroups(lab_id(neighbour))
    assert before
    isola('lab', 'ls')
    assert lab_cgroups(lab_id(neighbour)) == before
    assert neighbour.out('lab', 'exec', 'a', 'echo', 'lives') == 'lives'


def test_labs_are_made_while_others_sweep(isola, neighbour):
    ended = threading.Event()

    def sweep():
        while not ended.is_set():
            isola('lab', 'ls')
    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in sweepers:
        thread.start()
    try:
        for _ in range(10):
            neighbour('lab', 'up', '-', input=LIMITED)
            cgroup = lab_id(neighbour)
            assert any('node-a' in str(path) for place in lab_cgroups(cgroup) for path in place.iterdir())
            neighbour('lab', 'down')
            assert lab_cgroups(cgroup) == []
    finally:
        ended.set()
        for thread in sweepers:
            thread.join()


def test_who_is_in_it_ends_with_the_lab(isola, lab):
    lab(LIMITED)
    cgroup = lab_id(isola)
    stranger = subprocess.Popen(['sleep', '1000'])
    for procs in existing(f'/sys/fs/cgroup/**/lab-{cgroup}/node-a/cgroup.procs'):
        procs.write_text(str(stranger.pid))
    isola('lab', 'down')
    assert stranger.wait(timeout=20) == -signal.SIGKILL
    assert lab_cgroups(cgroup) == []
