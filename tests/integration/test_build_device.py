# SPDX-License-Identifier: GPL-2.0-or-later
"""RUN --device: what descriptions of the Container Device Interface give to a command."""
import json
import subprocess

import pytest
from dockerfiles import build, fresh_build  # noqa: F401

CLASS, AUTO = 'org.mobyproject.buildkit.device.class', 'org.mobyproject.buildkit.device.autoallow'


@pytest.fixture
def describe(tmp_path_factory):
    """Puts a description into the /etc/cdi that this test sees."""
    etc = tmp_path_factory.mktemp('etc')
    (etc / 'cdi').mkdir()
    (etc / 'buildkit/cdi').mkdir(parents=True)
    subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir={etc}:/etc', '/etc'], check=True)

    def write(name, document, place='cdi'):
        (etc / place / name).write_text(document if isinstance(document, str) else json.dumps(document))
    yield write
    subprocess.run(['umount', '/etc'], check=True)


def spec(*devices, kind='vendor1.com/device', **more):
    return {'cdiVersion': '0.6.0', 'kind': kind, 'devices': list(devices), **more}


def variables(name, *env, **annotations):
    return {'name': name, 'containerEdits': {'env': list(env)}, 'annotations': annotations}


def see(build, command):
    return build.isola.out('run', '--rm', '--network', 'none', build.name, 'sh', '-c', command)


NAMED = spec(variables('foo', 'FOO=injected'), variables('bar', 'BAR=injected', **{CLASS: 'class1'}),
             variables('baz', 'BAZ=injected', **{CLASS: 'class1'}), containerEdits={'env': ['ALL=yes']})


@pytest.mark.parametrize('name, found', [
    ('vendor1.com/device=foo', 'ALL FOO'), ('vendor1.com/device', 'ALL FOO'), ('vendor1.com/device=*', 'ALL BAR BAZ FOO'),
    ('class1', 'ALL BAR BAZ'), ('name=vendor1.com/device=bar,required', 'ALL BAR'), ('vendor1.com/device=foo,required=true', 'ALL FOO')])
def test_names(build, describe, name, found):
    describe('a.json', NAMED)
    build(f'FROM busybox\nRUN --device={name} env | grep -E "^(ALL|FOO|BAR|BAZ)=" | cut -d= -f1 | sort | tr "\\n" " " > /found\n',
          '--allow', 'device')
    assert see(build, 'cat /found').split() == found.split()
    assert not [pair for pair in build.config()['Env'] if 'injected' in pair], 'it is no part of the image'


def test_nodes_mounts_and_groups(build, describe, tmp_path_factory):
    driver = tmp_path_factory.mktemp('driver')
    driver.chmod(0o755)
    (driver / 'lib.so').write_text('driver')
    describe('a.json', spec({'name': 'all', 'containerEdits': {
        'deviceNodes': [{'path': '/dev/my-null', 'hostPath': '/dev/null'}],
        'mounts': [{'hostPath': str(driver), 'containerPath': '/opt/driver', 'options': ['ro', 'bind']}],
        'additionalGids': [44]}}, kind='vendor.org/gpu'))
    build('FROM busybox\nRUN --device=vendor.org/gpu=all echo x > /dev/my-null && stat -c %F /dev/my-null > /found; '
          'cat /opt/driver/lib.so >> /found; ! touch /opt/driver/x 2>/dev/null && id -G >> /found\n', '--allow', 'device=vendor.org/gpu=all')
    lines = see(build, 'cat /found').split('\n')
    assert lines[0] == 'character special file' and lines[1].startswith('driver') and '44' in lines[1].split()
    assert build.files() == ['found'], 'places for it leave no trace'


def test_it_has_to_be_allowed(build, describe):
    describe('a.json', spec(variables('foo', 'FOO=1'), variables('free', 'FREE=1', **{AUTO: 'true'})))
    file = 'FROM busybox\nRUN --device=vendor1.com/device={} env\n'
    said = build.fails(file.format('foo'))
    assert 'Dockerfile:2: RUN --device=vendor1.com/device=foo is not allowed' in said and '--allow device=vendor1.com/device=foo' in said
    assert 'is not allowed' in build.fails(file.format('foo'), '--allow', 'device=vendor1.com/device=free')
    for allow in ('device', 'device=vendor1.com/device', 'device=vendor1.com/device=foo'):
        assert 'FOO=1' in build(file.format('foo'), '--no-cache', '--allow', allow).stdout
    assert 'FREE=1' in build(file.format('free'), '--no-cache').stdout
    assert "is no value of --allow" in build.fails(file, '--allow', 'devices')


def test_what_nobody_describes(build, describe):
    out = build('FROM busybox\nRUN --device=vendor1.com/none echo fine\n', '--no-cache')
    assert 'fine' in out.stdout and "no device 'vendor1.com/none' is described here" in out.stderr
    said = build.fails('FROM busybox\nRUN --device=vendor1.com/none,required true\n')
    assert "Dockerfile:2: no device 'vendor1.com/none' is described here" in said
    describe('b.yaml', 'cdiVersion: "0.6.0"\n')
    assert 'descriptions in YAML are not read' in build.fails('FROM busybox\nRUN --device=vendor1.com/none,required true\n')


def test_the_last_description_counts(build, describe):
    describe('a.json', spec(variables('foo', 'FOO=1')))
    describe('b.json', spec(variables('foo', 'FOO=2')))
    describe('c.json', spec(variables('foo', 'FOO=3')), place='buildkit/cdi')
    assert 'FOO=3' in build('FROM busybox\nRUN --device=vendor1.com/device=foo env\n', '--no-cache', '--allow', 'device').stdout


@pytest.mark.parametrize('flag, message', [
    ('vendor1.com/device=foo,name=other', "RUN --device names 'vendor1.com/device=foo' and 'other'"),
    ('vendor1.com/device=foo,required=maybe', 'required=maybe is neither true nor false'),
    ('vendor1.com/device=foo,requird=true', "has no key 'requird'; did you mean 'required'?"),
    ('required', 'names no device'),
    ('vendor1.com/device=hooked', "wants programs run on this machine ('/bin/evil')"),
    ('vendor1.com/device=wired', 'wants an interface of this machine (netDevices)'),
    ('vendor1.com/device=classed', "wants a class of Intel's Resource Director (intelRdt)")])
def test_mistakes(build, describe, flag, message):
    describe('a.json', spec({'name': 'hooked', 'containerEdits': {'hooks': [{'hookName': 'createRuntime', 'path': '/bin/evil'}]}},
                            {'name': 'wired', 'containerEdits': {'netDevices': [{'hostInterfaceName': 'eth0', 'name': 'e'}]}},
                            {'name': 'classed', 'containerEdits': {'intelRdt': {'closID': 'x'}}}))
    assert message in build.fails(f'FROM busybox\nRUN --device={flag} true\n', '--allow', 'device')
    describe('b.json', '{"cdiVersion": 1}')
    assert '/etc/cdi/b.json' in build.fails('FROM busybox\nRUN --device=x true\n', '--allow', 'device')
