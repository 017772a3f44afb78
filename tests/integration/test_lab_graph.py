# SPDX-License-Identifier: GPL-2.0-or-later
"""Drawings of labs: `isola lab graph`."""
import os
import pty
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import browser

SVG = '{http://www.w3.org/2000/svg}'
LAB = '''
name: office
topology:
  nodes:
    pc: {kind: host, labels: {note: "</script><script>evil=1</script>\\"'<b>&"}, env: {PASSWORD: secret}}
    server: {kind: host, image: "docker.io/library/nginx:1.25"}
    sw: {kind: bridge}
    gw: {kind: router}
  links:
    - {endpoints: ["pc:eth0", "sw:p1"]}
    - {endpoints: ["sw:p2", "gw:lan"]}
    - {endpoints: ["gw:wan", "server:eth0"], delay: 10ms, rate: 5mbit}
'''


@pytest.fixture
def lab(tmp_path):
    path = tmp_path / 'lab.yml'
    path.write_text(LAB)
    return path


def graph(isola, *arguments, **options):
    return isola('lab', 'graph', *arguments, **options).stdout


def texts(svg):
    return [text.text for text in svg.iter(f'{SVG}text')]


def test_a_picture_is_well_formed_and_has_everything(isola, lab):
    svg = ElementTree.fromstring(graph(isola, lab))
    nodes = [g for g in svg.iter(f'{SVG}g') if 'node' in g.get('class', '').split()]
    links = [g for g in svg.iter(f'{SVG}g') if 'link' in g.get('class', '').split()]
    assert len(nodes) == 4 and len(links) == 3
    assert {'pc', 'server', 'sw', 'gw', 'nginx:1.25', '10ms 5mbit'} <= set(texts(svg))
    assert [text for text in texts(svg) if text.startswith('eth0 10.')]
    assert svg.find(f'{SVG}title').text == 'office'
    assert graph(isola, lab) == graph(isola, '--svg', lab)
    assert graph(isola, cwd=lab.parent) == graph(isola, lab)


@pytest.mark.parametrize('words', [['single', '1'], ['linear', '30', '3'], ['tree', '3', '3'], ['torus', '5', '5'],
                                   ['ring', '12'], ['star', '30'], ['mesh', '9'], ['fat-tree', '6'],
                                   ['clos', '4', '9', '3'], ['tree', '4', '5']])
def test_generated_labs_are_on_the_paper(isola, words):
    made = isola.out('lab', 'gen', *words)
    svg = ElementTree.fromstring(graph(isola, '-', input=made))
    width, height = (float(word) for word in svg.get('viewBox').split()[2:])
    places = [re.match(r'translate\((\S+) ([^)]+)\)', g.get('transform')).groups()
              for g in svg.iter(f'{SVG}g') if 'node' in g.get('class', '').split()]
    assert len(set(places)) == len(places) == len(re.findall(r'^    \S+:', made, re.M))
    assert all(0 < float(x) < width and 0 < float(y) < height for x, y in places)


def test_labels_and_title_are_chosen(isola, lab):
    svg = ElementTree.fromstring(graph(isola, '--labels', 'nodes', '--title', 'Figure <3>', lab))
    assert sorted(texts(svg)) == ['gw', 'nginx:1.25', 'pc', 'server', 'sw']
    assert svg.find(f'{SVG}title').text == 'Figure <3>'
    assert texts(ElementTree.fromstring(graph(isola, '--labels', 'nothing', lab))) == []
    assert any(text.startswith('fd') for text in texts(ElementTree.fromstring(graph(isola, '--labels', 'all', lab))))


def test_places_that_are_given_are_kept(isola, tmp_path):
    (tmp_path / 'places.dot').write_text('graph { a [pos="0,0"] b [pos="100,0"] c [pos="100,50"] a -- b -- c }')
    found = re.findall(r'translate\(([\d.]+) ([\d.]+)\)"><title>(\w)', graph(isola, tmp_path / 'places.dot'))
    at = {name: (float(x), float(y)) for x, y, name in found}
    assert at['a'][1] == pytest.approx(at['b'][1]) and at['c'][0] == pytest.approx(at['b'][0])
    assert at['b'][0] - at['a'][0] == pytest.approx(2 * (at['b'][1] - at['c'][1]), abs=0.3)


def test_dot_is_read_back(isola, lab, tmp_path):
    text = graph(isola, '--dot', lab)
    (tmp_path / 'lab.dot').write_text(text)
    again = graph(isola, '--mermaid', '--labels', 'nodes', tmp_path / 'lab.dot')
    assert again == graph(isola, '--mermaid', '--labels', 'nodes', lab).replace('<br/>nginx#58;1.25', '') \
        .replace(':::container', ':::host')
    if shutil.which('dot'):
        done = subprocess.run(['dot', '-Tsvg'], input=text, capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == '' and 'server' in done.stdout


def test_mermaid_names_every_node_and_link(isola, lab):
    lines = graph(isola, '--mermaid', lab).splitlines()
    assert lines[0] == 'flowchart TB'
    assert '  n0["pc"]:::host' in lines and '  n2[["sw"]]:::bridge' in lines
    assert len([line for line in lines if ' ---|' in line]) == 3


def test_secrets_and_markup_of_a_file_stay_out(isola, lab):
    for form in ('--svg', '--html', '--dot', '--mermaid'):
        text = graph(isola, form, lab)
        assert 'secret' not in text and '<script>evil' not in text


def test_refusals(isola, lab, tmp_path):
    assert 'one of --html' in isola('lab', 'graph', '--html', '--dot', lab, code=1).stderr
    assert "did you mean 'nodes'?" in isola('lab', 'graph', '--labels', 'node', lab, code=1).stderr
    assert 'there is no lab' in isola('lab', 'graph', tmp_path.parent / 'nowhere', code=1).stderr.replace(
        'cannot read', 'there is no lab')
    lab.write_text(LAB.replace('kind: router', 'kind: ruoter'))
    done = isola('lab', 'graph', lab, code=1)
    assert 'lab.yml:8' in done.stderr and done.stdout == ''


def test_a_terminal_gets_no_picture(isola, lab):
    terminal, other = pty.openpty()
    done = subprocess.run(isola.command('lab', 'graph', '--html', lab), stdin=other, stdout=other,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(other)
    os.close(terminal)
    assert done.returncode == 1 and 'is a terminal' in done.stderr and '> lab.html' in done.stderr


LIVE = '''
name: live
topology:
  nodes: {a: {}, b: {}, c: {}, s: {kind: bridge}}
  links:
    - {endpoints: ["a:eth1", "s:p1"], loss: 100%}
    - {endpoints: ["b:eth1", "s:p2"], rate: 10mbit, queue: 20ms}
    - {endpoints: ["c:eth1", "s:p3"]}
'''


@pytest.fixture
def live(isola, tmp_path):
    (tmp_path / 'live.yml').write_text(LIVE)
    isola('lab', 'up', tmp_path / 'live.yml')
    yield lambda *arguments: ElementTree.fromstring(graph(isola, *arguments, 'live'))
    isola('lab', 'down', '--all')


def titles(svg):
    return {title.text.split(':')[0]: title.text for title in svg.iter(f'{SVG}title') if ' — ' in title.text}


def ping(isola, source, target, *more):
    isola('lab', 'exec', source, 'busybox', 'ping', '-4', '-c', '5', '-i', '0.05', '-W', '1', *more, target, code=None)


def test_a_lab_that_is_up_is_coloured_by_its_counters(isola, live):
    ping(isola, 'a', 'b')
    ping(isola, 'b', 'c')
    loss = live('--colour', 'loss')
    assert 'loss 100 %' in titles(loss)['a'] and 'loss 0 %' in titles(loss)['c']
    assert {'loss', '0 %', '100 %'} <= set(texts(loss))
    assert titles(live('--color', 'loss'))['a'] == titles(loss)['a']
    quiet = titles(live('--colour', 'use', '--interval', '50ms'))
    assert 'use ' in quiet['b'] and 'use' not in quiet['c'].split('\n', 1)[-1]  # a cable has no rate
    assert 'Mbit/s' in titles(live('--colour', 'traffic', '--interval', '50ms'))['c']


def test_traffic_is_of_the_interval(isola, live):
    command = isola.command('lab', 'exec', 'b', 'busybox', 'ping', '-4', '-s', '1400', '-i', '0.01', 'c')
    with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
        assert busy.stdout.readline() and busy.stdout.readline()  # the first answer
        told = titles(live('--colour', 'traffic', '--interval', '300ms'))
        busy.terminate()
    assert float(re.search(r'traffic (\S+) Mbit/s', told['b'])[1]) > 0.05
    assert float(re.search(r'traffic (\S+) Mbit/s', told['a'])[1]) < 0.05


def test_a_lab_that_is_up_is_drawn_as_it_is_now(isola, live):
    isola('lab', 'link', 'set', 'a:eth1', 'delay=7ms')
    isola('lab', 'link', 'cut', 'c:eth1')
    svg = live()
    assert 'from a: delay=7ms loss=100%' in titles(svg)['a'] and 'from s: loss=100%' in titles(svg)['a']
    assert titles(svg)['c'].endswith('\ncut')
    assert [g.get('data-link') for g in svg.iter(f'{SVG}g') if g.get('class') == 'link cut'] == ['2']


def test_colours_are_refused_where_there_are_none(isola, live, lab):
    assert "did you mean 'loss'?" in isola('lab', 'graph', '--colour', 'los', 'live', code=1).stderr
    assert 'its links are not up' in isola('lab', 'graph', '--colour', 'loss', lab, code=1).stderr
    done = isola('lab', 'graph', 'lvie', code=1)
    assert "there is no lab 'lvie'" in done.stderr and done.stdout == ''


@pytest.fixture(scope='module')
def window():
    if not browser.PROGRAM:
        pytest.skip('no Chromium is installed that could show the page')
    with browser.Browser() as window:
        yield window


@pytest.fixture
def page(window, isola, lab, tmp_path):
    (tmp_path / 'lab.html').write_text(graph(isola, '--html', lab))
    window.show(tmp_path / 'lab.html')
    yield window
    assert window.errors == []


PANEL = 'document.querySelector("aside").innerText'


def test_page_needs_nothing_else_and_runs_nothing_of_the_file(page):
    assert page('document.title') == 'office'
    assert page('document.querySelector("header").innerText').startswith('office')
    assert 'router' in page(PANEL)
    assert [url for url in page.requests if not url.startswith('file:')] == [] and len(page.requests) == 1
    assert page('typeof evil') == 'undefined'


def test_page_tells_what_is_clicked(page):
    page.click(*page.middle('g.node[data-node="0"] use'))
    told = page(PANEL)
    assert told.startswith('pc\n') and 'eth0' in told and '10.0.' in told and '</script><script>evil' in told
    page.click(*page.middle('aside button.jump'))
    assert page(PANEL).startswith('pc:eth0--sw:p1')
    assert page('document.querySelectorAll("svg .lit").length') == 3
    page.click(*page.middle('g.node[data-node="1"] use'))
    assert 'docker.io/library/nginx:1.25' in page(PANEL) and 'evil' not in page(PANEL)
    page.key('Escape', 27)
    assert page('document.querySelectorAll("svg .lit").length') == 0


def test_page_lets_nodes_be_moved(page):
    course = 'document.querySelector("g.link[data-link=\\"0\\"] path:not(.reach)").getAttribute("d")'
    label = 'document.querySelector("g.link[data-link=\\"0\\"] g.label").getAttribute("transform")'
    before, x, y = page(course), *page.middle('g.node[data-node="0"] use')
    turned = page(label)
    page.drag((x, y), (x + 60, y + 120))
    after = page.middle('g.node[data-node="0"] use')
    assert after[0] == pytest.approx(x + 60, abs=2) and after[1] == pytest.approx(y + 120, abs=2)
    assert page(course) != before and page(label) != turned
    assert page(PANEL).startswith('office')  # it was no click
    # The link still begins in the node's middle.
    place = page('document.querySelector("g.node[data-node=\\"0\\"]").getAttribute("transform")')
    assert re.findall(r'[\d.-]+', place)[:2] == re.findall(r'[\d.-]+', page(course))[:2]


def test_page_pans_and_zooms(page):
    view = 'document.querySelector("main svg").getAttribute("viewBox").split(" ").map(Number)'
    x, y, width, height = page(view)
    page.drag((20, 700), (120, 640))
    moved = page(view)
    assert moved[0] < x and moved[1] > y and moved[2] == width
    node = page.middle('g.node[data-node="3"] use')
    page.mouse('mouseWheel', *node, deltaX=0, deltaY=-120)
    page.wait(f'{view}[2] < {width}')
    assert page.middle('g.node[data-node="3"] use') == pytest.approx(node, abs=2)  # it zooms about the pointer
    page.click(*page.middle('#fit'))
    assert page(view) == pytest.approx([x, y, width, height], abs=2)


def test_page_finds_nodes(page):
    page.click(*page.middle('#search'))
    page.type('nginx')
    assert page('[...document.querySelectorAll("g.node.lit")].map(g => g.dataset.node)') == ['1']
    assert '1 node found' in page(PANEL)
    page.key('Enter', 13)
    assert page(PANEL).startswith('server')


def test_page_is_light_or_dark(page):
    colour = 'getComputedStyle(document.body).backgroundColor'
    page.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'light'}])
    light = page(colour)
    page.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'dark'}])
    dark = page(colour)
    assert light == 'rgb(255, 255, 255)' and dark != light
    page.click(*page.middle('#theme'))
    assert page(colour) == light
    page.click(*page.middle('#theme'))
    assert page(colour) == dark


# The rectangles of names and symbols, as fonts and the browser make them.
RECTANGLES = '''[...document.querySelectorAll("text.name, g.node use")].map(e => {
    const r = e.getBoundingClientRect();
    return [r.x, r.y, r.x + r.width, r.y + r.height];
})'''


@pytest.mark.parametrize('words', [['linear', '6'], ['ring', '8'], ['fat-tree', '4'], ['clos', '2', '4', '2'],
                                   ['tree', '3', '2'], ['star', '8']])
def test_nothing_lies_over_another_in_the_browser(window, isola, tmp_path, words):
    (tmp_path / 'lab.html').write_text(graph(isola, '--html', '-', input=isola.out('lab', 'gen', *words)))
    window.show(tmp_path / 'lab.html')
    rectangles = window(RECTANGLES)
    screen = window('(r => [r.x, r.y, r.right, r.bottom])(document.querySelector("main").getBoundingClientRect())')
    slack = 1
    for i, (left, top, right, bottom) in enumerate(rectangles):
        assert screen[0] <= left and right <= screen[2] and screen[1] <= top and bottom <= screen[3]
        for other in rectangles[:i]:
            assert left + slack > other[2] or other[0] + slack > right or \
                top + slack > other[3] or other[1] + slack > bottom, (rectangles[i], other)


def test_without_an_operand_it_is_the_lab_that_is_up(isola, tmp_path):
    assert "there is no lab in '.', and no lab is up" in isola('lab', 'graph', '--dot', cwd=tmp_path, code=1).stderr
    isola('lab', 'up', '-', input='name: only\ntopology: {nodes: {here: {}, there: {}}, links: [{endpoints: [here, there]}]}\n')
    try:
        assert graph(isola, '--dot', cwd=tmp_path) == graph(isola, '--dot', 'only')
        (tmp_path / 'lab.yml').write_text('name: file\ntopology: {nodes: {elsewhere: {}}}\n')
        assert 'elsewhere' in graph(isola, '--dot', cwd=tmp_path)
        assert 'here' in graph(isola, '--dot', '--colour', 'use', '--interval', '10ms', cwd=tmp_path)
    finally:
        isola('lab', 'down', 'only')
