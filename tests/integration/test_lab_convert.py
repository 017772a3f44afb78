# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs in other formats: `isola lab convert`."""
import pathlib
import xml.etree.ElementTree

import pytest
import yaml

LAB = '''name: demo
seed: 7
topology:
  nodes:
    h1:
      image: alpine
      exec: ["echo $HOME"]
    r1:
      kind: router
    s1:
      kind: bridge
  links:
    - endpoints: ["h1:eth1", "r1:eth1"]
      mtu: 1400
      a-to-b:
        delay: 10ms
      b-to-a:
        loss: 1%
    - endpoints: ["r1:eth2", "s1:eth0"]
      rate: 10mbit
'''


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / 'lab.yml'
    path.write_text(LAB)
    return path


def test_lab_is_itself(isola, lab):
    done = isola('lab', 'convert', lab)
    assert done.stdout == LAB
    assert done.stderr == ''
    assert isola('lab', 'convert', '-', input=LAB).stdout == LAB


@pytest.mark.parametrize('form', ['dot', 'graphml'])
def test_graphs_and_back(isola, lab, tmp_path, form):
    done = isola('lab', 'convert', '--to', form, lab)
    assert 'has no exec: 1 node loses it' in done.stderr
    assert "has no 'seed'" in done.stderr
    (tmp_path / f'graph.{form}').write_text(done.stdout)
    back = yaml.safe_load(isola.out('lab', 'convert', '--name', 'demo', tmp_path / f'graph.{form}'))
    wanted = yaml.safe_load(LAB)
    del wanted['seed'], wanted['topology']['nodes']['h1']['exec']
    assert back == wanted


def test_graphml_is_xml_with_declared_keys(isola, lab):
    graph = xml.etree.ElementTree.fromstring(isola.out('lab', 'convert', '--to', 'graphml', lab))
    space = '{http://graphml.graphdrawing.org/xmlns}'
    declared = {(key.get('id'), key.get('for')) for key in graph.findall(f'{space}key')}
    for kind in ('node', 'edge'):
        used = {data.get('key') for data in graph.findall(f'.//{space}{kind}/{space}data')}
        assert used and {(key, kind) for key in used} <= declared
    # A link with two different directions is two edges.
    assert len(graph.findall(f'.//{space}edge')) == 3


def test_containerlab(isola, lab, tmp_path):
    done = isola('lab', 'convert', '--to', 'clab', '--image', 'frr', lab)
    clab = yaml.safe_load(done.stdout)
    host = clab['topology']['nodes']['h1']
    assert (host['kind'], host['image'], host['network-mode']) == ('linux', 'alpine', 'none')
    # The route to its only router was automatic, too.
    assert host['exec'][0].startswith('ip route add default via 10.')
    assert host['exec'][-1] == "sh -c 'echo $HOME'"
    assert clab['topology']['nodes']['r1']['image'] == 'frr'
    assert clab['topology']['nodes']['r1']['sysctls']['net.ipv4.ip_forward'] == 1
    first = clab['topology']['links'][0]
    assert (first['endpoints'], first['mtu']) == (['h1:eth1', 'r1:eth1'], 1400)
    assert len(first['ipv4']) == 2 and all('/' in address for address in first['ipv4'])
    assert 'mac' not in done.stdout
    assert 'Containerlab has no delay, rate, loss and so on: 2 links lose it' in done.stderr
    (tmp_path / 'demo.clab.yml').write_text(done.stdout)
    back = yaml.safe_load(isola.out('lab', 'convert', tmp_path / 'demo.clab.yml'))
    assert back['topology']['links'][0]['ipv4'] == first['ipv4']


EXAMPLES = sorted((pathlib.Path(__file__).resolve().parents[2] / 'examples' / 'labs').rglob('*.yml'))


@pytest.mark.parametrize('example', EXAMPLES, ids=lambda path: path.stem)
def test_examples_survive_every_format(isola, tmp_path, example):
    own = isola.out('lab', 'convert', example)
    assert isola.out('lab', 'convert', '-', input=own) == own
    links = [sorted(end.split(':')[0] for end in link['endpoints'])
             for link in yaml.safe_load(own)['topology']['links']]
    for form in ('clab', 'graphml', 'dot'):
        path = tmp_path / f'lab.{form}'
        path.write_text(isola.out('lab', 'convert', '--to', form, example))
        back = yaml.safe_load(isola.out('lab', 'convert', '--from', form, path))['topology']
        assert [sorted(end.split(':')[0] for end in link['endpoints']) for link in back['links']] == links


def test_a_drawing_is_read_back(isola, lab, tmp_path):
    (tmp_path / 'lab.dot').write_text(isola.out('lab', 'graph', '--dot', lab))
    back = yaml.safe_load(isola.out('lab', 'convert', tmp_path / 'lab.dot'))
    kinds = {name: (node or {}).get('kind', 'host') for name, node in back['topology']['nodes'].items()}
    assert kinds == {'h1': 'host', 'r1': 'router', 's1': 'bridge'}
    assert [[end.split(':')[0] for end in link['endpoints']] for link in back['topology']['links']] == [
        ['h1', 'r1'], ['r1', 's1']]


@pytest.fixture
def kathara(tmp_path):
    directory = tmp_path / 'kathara'
    files = {
        'lab.conf': 'LAB_NAME="Two PCs"\npc1[0]="A"\npc2[0]="A"\nr1[0]="A"\nr1[1]="B"\nr2[0]="B"\n'
                    'r1[image]="kathara/frr"\nr2[bridged]="true"\n',
        'pc1.startup': 'ip addr add 10.0.0.1/24 dev eth0\n',
        'pc1/etc/passwd': 'hello\n',
        'r1/etc/frr/daemons': 'zebra=yes\n',
        'lab.dep': 'pc1: r1\n',
    }
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def test_kathara(isola, kathara):
    done = isola('lab', 'convert', kathara)
    lab = yaml.safe_load(done.stdout)
    nodes = lab['topology']['nodes']
    assert (lab['name'], lab['addresses']) == ('Two-PCs', 'none')
    assert {name: node['kind'] for name, node in nodes.items()} == {
        'pc1': 'router', 'pc2': 'router', 'r1': 'router', 'r2': 'router', 'A': 'bridge'}
    assert nodes['pc1']['exec'] == ['ip addr add 10.0.0.1/24 dev eth0\n']
    assert nodes['pc1']['binds'] == [f'{kathara}/pc1/etc/passwd:/etc/passwd:ro']
    assert nodes['r1']['binds'] == [f'{kathara}/r1:/hostlab/r1:ro']
    assert nodes['r1']['exec'] == ['cp -rf /hostlab/r1/. /']
    assert [link['endpoints'] for link in lab['topology']['links']][-1] == ['r1:eth1', 'r2:eth0']
    assert lab['uplinks'] == [{'kind': 'nat', 'node': 'r2', 'interface': 'eth1'}]
    assert 'where Kathará takes its own default image: 3' in done.stderr
    assert isola.out('lab', 'convert', kathara / 'lab.conf') == done.stdout.rstrip('\n')


def test_a_kathara_lab_comes_up_unchanged(isola, tmp_path):
    directory = tmp_path / 'net'
    directory.mkdir()
    (directory / 'lab.conf').write_text('pc1[0]=A\nr1[0]=A\nr1[1]=B\npc2[0]=B\n')
    (directory / 'pc1.startup').write_text('ip addr add 10.1.0.2/24 dev eth0\nip route add default via 10.1.0.1\n')
    (directory / 'pc2.startup').write_text('ip addr add 10.2.0.2/24 dev eth0\nip route add default via 10.2.0.1\n')
    (directory / 'r1.startup').write_text('for i in 0 1; do\n  ip addr add 10.$((i+1)).0.1/24 dev eth$i\ndone\n')
    (directory / 'pc1' / 'etc').mkdir(parents=True)
    (directory / 'pc1' / 'etc' / 'passwd').write_text('mine\n')
    isola('lab', 'up', directory)
    try:
        isola('lab', 'exec', 'pc1', 'busybox', 'ping', '-c', '1', '-W', '5', '10.2.0.2')
        assert isola.out('lab', 'exec', 'pc1', 'cat', '/etc/passwd') == 'mine'
    finally:
        isola('lab', 'down', 'net')


def test_kathara_with_lab_ext(isola, kathara):
    (kathara / 'lab.ext').write_text('A enp0s3\n')
    done = isola('lab', 'convert', kathara, code=1)
    assert 'lab.ext: it joins collision domains to the host' in done.stderr
    assert "hint: take it away" in done.stderr


def test_fibre(isola, tmp_path):
    path = tmp_path / 'n.dot'
    path.write_text('graph { a [latitude=48.2, longitude=16.4]; b [latitude=48.2, longitude=17.4]; a -- b -- c }')
    done = isola('lab', 'convert', '--fibre', path)
    links = yaml.safe_load(done.stdout)['topology']['links']
    assert 365 < int(links[0]['delay'].removesuffix('us')) < 375  # 74 km
    assert 'delay' not in links[1]
    assert 'no coordinates' in done.stderr


@pytest.mark.parametrize('name, text, reason', [
    ('lab.yml', 'topology: {nodes: {a: {imgae: x}}}', "lab.yml:1: a node has no key 'imgae'; did you mean 'image'?"),
    ('x.dot', 'graph {\na -> b\n}', "x.dot:2: edges of a graph are '--'"),
    ('x.graphml', '<graphml>\n<graph>', 'x.graphml:2: no element found'),
    ('x.gv', 'graph { a -- b [delay=soon] }', "x.gv:1: 'soon' is no delay"),
    ('lab.conf', 'pc1[0]=\n', "lab.conf:1: a collision domain has no name"),
    ('x.dot', 'graph { }', 'there are no nodes'),
])
def test_what_cannot_be_read(isola, tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    done = isola('lab', 'convert', tmp_path / name, code=1)
    assert reason in done.stderr
    assert done.stdout == ''


def test_wrong_words(isola, lab):
    assert "'dto' is no format to convert to; did you mean 'dot'?" in isola(
        'lab', 'convert', '--to', 'dto', lab, code=1).stderr
    assert "'yml' is no format of labs" in isola('lab', 'convert', '--from', 'yml', lab, code=1).stderr
    assert 'cannot read' in isola('lab', 'convert', '/nonexistent', code=1).stderr
    assert pathlib.Path(lab).read_text() == LAB
