# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs by rule: `isola lab gen`."""
import json

import pytest
import yaml


def gen(isola, *arguments, **options):
    return yaml.safe_load(isola.out('lab', 'gen', *arguments, **options))


def kinds(lab):
    """How many nodes there are of each kind."""
    found = {}
    for node in lab['topology']['nodes'].values():
        kind = (node or {}).get('kind', 'host')
        found[kind] = found.get(kind, 0) + 1
    return found


@pytest.mark.parametrize('words, nodes, links', [
    (['single', '3'], {'bridge': 1, 'host': 3}, 3),
    (['linear,4,2'], {'bridge': 4, 'host': 8}, 11),
    (['linear', '4', '2'], {'bridge': 4, 'host': 8}, 11),
    (['tree', '2', '3'], {'bridge': 4, 'host': 9}, 12),
    (['torus'], {'bridge': 9, 'host': 9}, 27),
    (['ring', '3'], {'bridge': 3, 'host': 3}, 6),
    (['star'], {'bridge': 5, 'host': 4}, 8),
    (['mesh', '3'], {'bridge': 3, 'host': 3}, 6),
    (['fat-tree', '4'], {'bridge': 20, 'host': 16}, 48),
    (['clos', '2', '3', '1'], {'bridge': 5, 'host': 3}, 9),
])
def test_every_kind(isola, words, nodes, links):
    lab = gen(isola, *words)
    assert lab['name'] == words[0].split(',')[0]
    assert kinds(lab) == nodes
    assert len(lab['topology']['links']) == links
    ends = [end for link in lab['topology']['links'] for end in link['endpoints']]
    assert len(set(ends)) == len(ends)
    assert {end.split(':')[0] for end in ends} == set(lab['topology']['nodes'])


def test_kinds_are_listed(isola):
    heading, *lines = isola.out('lab', 'gen').splitlines()
    assert heading.split() == ['KIND', 'PARAMETERS', 'IS']
    assert [line.split()[0] for line in lines] == ['single', 'linear', 'tree', 'torus', 'ring', 'star', 'mesh',
                                                   'fat-tree', 'clos', 'graphml', 'dot']


def test_options(isola):
    lab = gen(isola, '--name', 'dc', '--image', 'alpine', '--switch', 'ovs-bridge', '--kind', 'router', '--seed', '7',
              '--no-addresses', '--link', 'delay=5ms,rate=10mbit', '--link', 'mtu=1400', '--trunk', 'rate=1gbit',
              'linear', '2')
    assert (lab['name'], lab['seed'], lab['addresses']) == ('dc', 7, 'none')
    assert lab['topology']['nodes']['h1'] == {'kind': 'router', 'image': 'alpine'}
    assert lab['topology']['nodes']['s1'] == {'kind': 'ovs-bridge'}
    rates = {tuple(link['endpoints']): link['rate'] for link in lab['topology']['links']}
    assert rates == {('h1:eth0', 's1:eth0'): '10mbit', ('h2:eth0', 's2:eth0'): '10mbit',
                     ('s2:eth1', 's1:eth1'): '1gbit'}
    assert all(link['delay'] == '5ms' and link['mtu'] == 1400 for link in lab['topology']['links'])


def test_loops_get_spanning_trees(isola):
    assert all(node.get('stp') for node in gen(isola, 'ring', '3')['topology']['nodes'].values() if node)
    assert not any('stp' in (node or {}) for node in gen(isola, 'star')['topology']['nodes'].values())
    done = isola('lab', 'gen', '--switch', 'ovs-bridge', 'ring')
    assert 'stp' not in done.stdout
    assert 'their controller has to break them' in done.stderr


GRAPH = '''<graphml><key id="n" for="node" attr.name="label"/><key id="x" for="node" attr.name="Longitude"/>
<key id="y" for="node" attr.name="Latitude"/><graph edgedefault="undirected">
<node id="0"><data key="n">Wien</data><data key="x">16.37</data><data key="y">48.21</data></node>
<node id="1"><data key="n">Graz</data><data key="x">15.44</data><data key="y">47.07</data></node>
<node id="2"><data key="n">?</data></node>
<edge source="0" target="1"/><edge source="1" target="2"/></graph></graphml>'''


def test_graphs_get_hosts(isola, tmp_path):
    (tmp_path / 'zoo.graphml').write_text(GRAPH)
    done = isola('lab', 'gen', '--fibre', 'graphml', tmp_path / 'zoo.graphml', '2')
    lab = yaml.safe_load(done.stdout)
    assert lab['name'] == 'zoo'
    assert kinds(lab) == {'bridge': 3, 'host': 6}
    first, second = [link for link in lab['topology']['links'] if '-h' not in str(link)]
    assert first['endpoints'] == ['Wien:eth0', 'Graz:eth0']
    assert 700 < int(first['delay'].removesuffix('us')) < 730  # 144 km
    assert 'delay' not in second
    assert 'no coordinates' in done.stderr
    (tmp_path / 'ring.dot').write_text('graph ring { a -- b -- c -- a }')
    assert kinds(gen(isola, 'dot', tmp_path / 'ring.dot')) == {'bridge': 3, 'host': 3}


@pytest.mark.parametrize('words, reason', [
    (['liner'], "there is no topology 'liner'; did you mean 'linear'?"),
    (['linear', '0'], "parameter 1 of 'linear' is at least 1, not 0"),
    (['linear', 'x'], "'x' is no number from 0 to 1000000"),
    (['single', '1', '2'], "'single' takes at most 1 parameter, not 2"),
    (['linear,1,2,3,4'], 'there are more than 3 parameters'),
    (['linear', '--link', 'dealy=1ms'], "a link has no property 'dealy'; did you mean 'delay'?"),
    (['linear', '--link', 'delay'], "'delay' is not KEY=VALUE"),
    (['linear', '--link', 'mtu=1'], "an MTU is a number from 68 to 65535, not '1'"),
    (['linear', '--link', 'jitter=1ms'], 'the jitter is larger than the delay'),
    (['linear', '--kind', 'bridge'], "'bridge' is no kind of hosts: host or router"),
    (['linear', '--switch', 'host'], "'host' is no kind of switches: bridge, ovs-bridge or router"),
    (['linear', '--seed', 'x'], "the seed must be a whole number, not 'x'"),
    (['linear', '--name', 'a b'], "'a b' is no name of a lab"),
    (['dot'], "'dot' needs a file"),
    (['dot', '/nonexistent'], "cannot read '/nonexistent'"),
    (['mesh', '1000000'], 'a topology has at most 1000000 nodes and as many links'),
])
def test_wrong_words(isola, words, reason):
    done = isola('lab', 'gen', *words, code=1)
    assert reason in done.stderr
    assert done.stdout == ''


def test_what_is_generated_comes_up(isola):
    isola('lab', 'up', '-', input=isola.out('lab', 'gen', 'linear', '2', '2', '--name', 'pipe'))
    try:
        isola('lab', 'exec', 'h1s1', 'busybox', 'ping', '-c', '1', '-W', '5', 'h2s2')
    finally:
        isola('lab', 'down', 'pipe')


def test_help_and_completion(isola):
    assert 'lab gen' in isola.out('--help')
    proposals = isola.out('__complete', '--', 'lab', 'gen', 'f').split()
    assert 'fat-tree' in proposals
    assert json.dumps(gen(isola, 'single')) == json.dumps(gen(isola, 'single'))
