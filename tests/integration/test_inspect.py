# SPDX-License-Identifier: GPL-2.0-or-later
"""inspect: Docker's documents and templates over them."""
import ipaddress
import json

import pytest

pytestmark = pytest.mark.needs_root('its container has a memory limit')


@pytest.fixture
def web(isola, image):
    isola('run', '-d', '--name', 'web', '-e', 'A=1', '-p', '127.0.0.1:18081:80', '-v', '/tmp:/mnt:ro', '--label',
          'team=net', '-m', '64m', '--stop-timeout', '1', image, 'sh', '-c', 'trap exit TERM; sleep 1000 & wait')
    return isola.inspect('web')


def test_document_has_dockers_shape(isola, web, image):
    assert web['Name'] == '/web' and len(web['Id']) == 64
    assert web['Path'] == 'sh' and web['Args'][0] == '-c'
    assert web['State']['Status'] == 'running' and web['State']['Running'] is True
    assert web['State']['Pid'] > 0 and web['State']['FinishedAt'].startswith('0001-01-01')
    assert web['Config']['Image'] == image and 'A=1' in web['Config']['Env']
    assert web['Config']['Labels'] == {'team': 'net'}
    assert web['HostConfig']['Memory'] == 64 << 20
    assert web['HostConfig']['PortBindings'] == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '18081'}]}
    assert web['NetworkSettings']['Ports'] == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '18081'}]}
    subnet = isola.json('network', 'inspect', 'bridge')[0]['IPAM']['Config'][0]['Subnet']
    assert ipaddress.ip_address(web['NetworkSettings']['Networks']['bridge']['IPAddress']) in ipaddress.ip_network(subnet)
    mount = web['Mounts'][0]
    assert (mount['Type'], mount['Source'], mount['Destination'], mount['RW']) == ('bind', '/tmp', '/mnt', False)
    assert web['Image'].startswith('sha256:')


@pytest.mark.parametrize('template, wanted', [
    ('{{.Name}}', '/web'),
    ('{{.State.Status}} {{.State.Running}}', 'running true'),
    ('{{json .Config.Labels}}', '{"team":"net"}'),
    ('{{index .Config.Labels "team"}}', 'net'),
    ('{{range .Mounts}}{{.Source}}->{{.Destination}}{{end}}', '/tmp->/mnt'),
    ('{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{(index $b 0).HostPort}}{{end}}', '80/tcp=18081'),
    ('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', '18081'),
    ('{{if .State.Running}}up{{else}}down{{end}}', 'up'),
    ('{{len .Mounts}} {{.HostConfig.Memory}}', '1 67108864'),
    ('{{join .Config.Cmd "|"}}', 'sh|-c|trap exit TERM; sleep 1000 & wait'),
    ('{{.Config.Labels.none}}', '<no value>'),
    ('{{printf "%.4s" .Id | len}}', '4'),
])
def test_templates(isola, web, template, wanted):
    assert isola('inspect', '-f', template, 'web').stdout == wanted + '\n'


def test_mistyped_field_is_an_error(isola, web):
    done = isola('inspect', '-f', '{{.Satte.Pid}}', 'web', code=1)
    assert done.stdout == ''
    assert done.stderr.startswith('isola: cannot use this --format: template: :1:2: executing "" at <.Satte.Pid>: '
                                  'map has no entry for key "Satte"\nhint: fields are: ')


def test_json_format_is_one_line(isola, web):
    text = isola('inspect', '--format', 'json', 'web').stdout
    assert text.count('\n') == 1 and json.loads(text)['Name'] == '/web'


def test_by_id_and_beginning_of_id(isola, web):
    for name in (web['Id'], web['Id'][:12], web['Id'][:5], '/web'):
        assert isola('inspect', '-f', '{{.Id}}', name).stdout.strip() == web['Id']


def test_missing_ones_are_complained_of_and_the_others_shown(isola, web):
    done = isola('inspect', 'nobody', 'web', code=1)
    assert done.stderr.startswith("isola: there is no container, image, network or volume 'nobody'")
    assert [d['Name'] for d in json.loads(done.stdout)] == ['/web']
    assert isola('inspect', 'nobody', code=1).stdout == '[]\n'


def test_images_and_networks_are_found_too(isola, image):
    assert isola.json('inspect', image)[0]['RepoTags'] == [f'{image}:latest']
    assert isola.json('inspect', '--type', 'image', image)[0]['Id'].startswith('sha256:')
    assert isola.json('inspect', 'bridge')[0]['Driver'] == 'bridge'
    assert isola('inspect', '--type', 'container', image, code=1).stderr.startswith('isola: there is no container')
    assert isola('inspect', '--type', 'volumes', image, code=1).stderr.startswith("isola: type 'volumes' is not")


def test_size(isola, web):
    assert isola.json('inspect', '-s', 'web')[0]['SizeRootFs'] > 0
    assert 'SizeRw' not in isola.json('inspect', 'web')[0]


def test_exit_is_told_after_the_end(isola, web):
    isola('stop', 'web')
    state = isola.inspect('web')['State']
    assert state['Status'] == 'exited' and state['Pid'] == 0 and not state['Running']
    assert not state['FinishedAt'].startswith('0001')
