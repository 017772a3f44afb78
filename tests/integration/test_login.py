# SPDX-License-Identifier: GPL-2.0-or-later
"""Who we are at a registry: login, logout, auth files, credential helpers, certificates."""
import base64
import json
import os
import pathlib
import subprocess

import pytest
from registry_host import Image, Registry, registry_program


@pytest.fixture(scope='module')
def locked(tmp_path_factory):
    """A registry that wants TLS and a password."""
    registry = Registry(tmp_path_factory.mktemp('locked'), tls=True, auth=('anna', 'se:cret'))
    Image().push(registry, 'team/app', 'v1')
    yield registry
    registry.stop()


def coded(pair):
    return base64.b64encode(pair.encode()).decode()


def docker_file(isola):
    return pathlib.Path(isola.environment['HOME']) / '.docker/config.json'


def test_login_pull_logout(fresh, locked):
    name = f'{locked.host}/team/app:v1'
    said = fresh('pull', '--cacert', locked.ca, name, code=1).stderr
    assert f"the registry '{locked.host}' denies access" in said and f'isola login {locked.host}' in said
    out = fresh.out('login', '--cacert', locked.ca, '-u', 'anna', '--password-stdin', locked.host, input='se:cret\n')
    assert out.startswith('Login Succeeded')
    kept = docker_file(fresh)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text()) == {'auths': {locked.host: {'auth': coded('anna:se:cret')}}}
    assert fresh.out('login', '--get-login', locked.host) == 'anna'
    fresh('pull', '--cacert', locked.ca, name)
    fresh('push', '--cacert', locked.ca, name, f'{locked.host}/team/other:v1')
    assert 'Removing login credentials' in fresh.out('logout', locked.host)
    assert json.loads(kept.read_text()) == {'auths': {}}
    assert fresh.out('logout', locked.host) == f'Not logged in to {locked.host}'
    fresh('pull', '--cacert', locked.ca, f'{locked.host}/team/app:v1', code=1)


def test_wrong_password_is_not_kept(fresh, locked):
    said = fresh('login', '--cacert', locked.ca, '-u', 'anna', '-p', 'wrong', locked.host, code=1).stderr
    assert f"isola: cannot log in to '{locked.host}': the registry '{locked.host}' does not know that name and password" in said
    assert not docker_file(fresh).exists()


def test_skopeo_takes_what_login_kept(fresh, locked):
    fresh('login', '--cacert', locked.ca, '-u', 'anna', '-p', 'se:cret', '--authfile', f'{fresh.root}-auth.json', locked.host)
    subprocess.run(['skopeo', 'inspect', '--authfile', f'{fresh.root}-auth.json', '--tls-verify=false',
                    f'docker://{locked.host}/team/app:v1'], check=True, stdout=subprocess.DEVNULL)
    fresh('pull', '--cacert', locked.ca, '--authfile', f'{fresh.root}-auth.json', f'{locked.host}/team/app:v1')


@pytest.mark.parametrize('where', ['config', 'runtime', 'environment'])
def test_containers_files(fresh, locked, tmp_path, where):
    home = pathlib.Path(fresh.environment['HOME'])
    path, env = {'config': (home / '.config/containers/auth.json', {}),
                 'runtime': (tmp_path / 'containers/auth.json', {'XDG_RUNTIME_DIR': str(tmp_path)}),
                 'environment': (tmp_path / 'x.json', {'REGISTRY_AUTH_FILE': str(tmp_path / 'x.json')})}[where]
    path.parent.mkdir(parents=True, exist_ok=True)
    # The longest entry that fits counts.
    path.write_text(json.dumps({'auths': {locked.host: {'auth': coded('nobody:x')},
                                          f'{locked.host}/team': {'auth': coded('anna:se:cret')}}}))
    fresh('pull', '--cacert', locked.ca, f'{locked.host}/team/app:v1', env=env)


def test_credential_helper(fresh, locked, tmp_path):
    kept = tmp_path / 'kept'
    (tmp_path / 'docker-credential-test').write_text(f'''#!/bin/sh
case $1 in
store) cat > {kept} ;;
get) [ -e {kept} ] && cat {kept} || {{ echo "credentials not found in native keychain"; exit 1; }} ;;
erase) rm -f {kept} ;;
esac
''')
    (tmp_path / 'docker-credential-test').chmod(0o755)
    env = {'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
    docker_file(fresh).parent.mkdir()
    docker_file(fresh).write_text(json.dumps({'credHelpers': {locked.host: 'test'}, 'other': 1}))
    fresh('pull', '--cacert', locked.ca, f'{locked.host}/team/app:v1', code=1, env=env)
    fresh('login', '--cacert', locked.ca, '-u', 'anna', '-p', 'se:cret', locked.host, env=env)
    assert json.loads(kept.read_text()) == {'ServerURL': locked.host, 'Username': 'anna', 'Secret': 'se:cret'}
    assert 'se:cret' not in docker_file(fresh).read_text() and json.loads(docker_file(fresh).read_text())['other'] == 1
    fresh('pull', '--cacert', locked.ca, f'{locked.host}/team/app:v1', env=env)
    fresh('logout', locked.host, env=env)
    assert not kept.exists()
    (tmp_path / 'docker-credential-test').unlink()
    said = fresh('pull', '--cacert', locked.ca, f'{locked.host}/team/app:v1', code=1, env=env).stderr
    assert "cannot run the credential helper 'docker-credential-test'" in said


def test_unknown_authority_is_refused(fresh, locked):
    """Not on this machine's own names, where Docker's rule is to take any."""
    name = f'registry.test:{locked.port}/team/app:v1'
    pathlib.Path('/etc/hosts').read_text()
    hosts = pathlib.Path(fresh.environment['HOME']) / 'hosts'
    hosts.write_text('127.0.0.1 localhost registry.test\n')
    subprocess.run(['mount', '--bind', hosts, '/etc/hosts'], check=True)
    try:
        said = fresh('pull', '--creds', 'anna:se:cret', name, code=1).stderr
        assert 'certificate' in said and f'/etc/containers/certs.d/registry.test:{locked.port}/ca.crt' in said
        fresh('pull', '--creds', 'anna:se:cret', '--tls-verify=false', name)
        fresh('pull', '--creds', 'anna:se:cret', '--cacert', locked.ca, name)
        own = pathlib.Path(fresh.environment['HOME']) / f'.config/containers/certs.d/registry.test:{locked.port}'
        own.mkdir(parents=True)
        (own / 'ca.crt').write_text(pathlib.Path(locked.ca).read_text())
        fresh('pull', '--creds', 'anna:se:cret', name)
        conf = pathlib.Path(fresh.environment['HOME']) / 'isola.conf'
        (own / 'ca.crt').unlink()
        conf.write_text(f'[registry registry.test:{locked.port}]\nca = {locked.ca}\n')
        fresh('pull', '--creds', 'anna:se:cret', name, env={'ISOLA_CONFIG': str(conf)})
    finally:
        subprocess.run(['umount', '/etc/hosts'], check=True)


def test_machine_without_authorities(fresh, locked):
    """As a minimal installation is: the package ca-certificates is missing."""
    name = f'registry.test:{locked.port}/team/app:v1'
    home = pathlib.Path(fresh.environment['HOME'])
    (home / 'hosts').write_text('127.0.0.1 localhost registry.test\n')
    (home / 'none').mkdir()
    covers = {'/etc/hosts': home / 'hosts', '/etc/ssl': home / 'none'}
    for place, file in covers.items():
        subprocess.run(['mount', '--bind', file, place], check=True)
    try:
        said = fresh('pull', '--creds', 'anna:se:cret', name, code=1).stderr
        assert 'certificate' in said and 'trusts no authority at all (package ca-certificates)' in said
        fresh('pull', '--creds', 'anna:se:cret', '--cacert', locked.ca, name)
        fresh('pull', '--creds', 'anna:se:cret', '--tls-verify=false', name)
    finally:
        for place in covers:
            subprocess.run(['umount', place], check=True)


def test_plain_http_only_where_allowed(fresh, tmp_path):
    registry = Registry(tmp_path / 'plain')
    Image().push(registry, 'a/b', 'v1')
    hosts = tmp_path / 'hosts'
    hosts.write_text('127.0.0.1 localhost plain.test\n')
    subprocess.run(['mount', '--bind', hosts, '/etc/hosts'], check=True)
    try:
        name = f'plain.test:{registry.port}/a/b:v1'
        said = fresh('pull', name, code=1).stderr
        assert '--tls-verify=false' in said and 'isola.conf' in said
        (tmp_path / 'conf').write_text(f'[registry plain.test:{registry.port}]\ninsecure = yes\n')
        fresh('pull', name, env={'ISOLA_CONFIG': str(tmp_path / 'conf')})
        (tmp_path / 'conf').write_text(f'[registry plain.test:{registry.port}]\nblocked = yes\n')
        assert 'is blocked in isola.conf' in fresh('pull', name, code=1, env={'ISOLA_CONFIG': str(tmp_path / 'conf')}).stderr
    finally:
        subprocess.run(['umount', '/etc/hosts'], check=True)
        registry.stop()


@pytest.mark.parametrize('text, words', [
    ('x = 1', "conf:1: no section is open for 'x'"),
    ('[registries]\nparallel = 99', "conf:2: 1 to 32 can be parallel, not '99'"),
    ('[nonsense]', "conf:1: there is no section 'nonsense'"),
    ('[registry a.b]\nmirror = x', "conf:2: this is no URL: 'x'"),
])
def test_faults_in_the_configuration(fresh, tmp_path, text, words):
    (tmp_path / 'conf').write_text(text)
    assert words in fresh('pull', 'localhost:1/x', code=1, env={'ISOLA_CONFIG': str(tmp_path / 'conf')}).stderr
