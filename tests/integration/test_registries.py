# SPDX-License-Identifier: GPL-2.0-or-later
"""registries.conf: where else what a name means is had, mirrors, aliases, what is blocked; with two registries on loopback."""
import json
import pathlib
import re

import pytest
from registry_host import INDEX, Image, Proxy, Registry, digest_of, make_index, make_tar, proxy, registry  # noqa: F401


@pytest.fixture(scope='module')
def other(tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp('other'))
    yield registry
    registry.stop()


@pytest.fixture
def mirror(other):
    proxy = Proxy(other)
    yield proxy
    proxy.stop()


@pytest.fixture
def conf(fresh):
    """Writes the user's own registries.conf."""
    directory = pathlib.Path(fresh.environment['HOME']) / '.config/containers'
    directory.mkdir(parents=True, exist_ok=True)
    return lambda text, name='registries.conf': ((directory / name).parent.mkdir(exist_ok=True),
                                                 (directory / name).write_text(text))


def image_of(text):
    return Image(Image().tars[0], make_tar({'etc/where': text.encode()}))


def where(isola, name, *options):
    return isola.out('run', '--rm', '--pull', 'never', *options, name, 'cat', '/etc/where')


def test_a_location_stands_for_a_prefix(fresh, registry, other, conf):
    """What is named is kept under its name, and its contents come from elsewhere, also for run."""
    image_of('inside').push(other, 'copies/app', 'v1')
    conf(f'[[registry]]\nprefix = "company.example/team"\nlocation = "{other.host}/copies"\n')
    out = fresh.out('pull', 'company.example/team/app:v1').splitlines()
    assert out[-1] == 'company.example/team/app:v1'
    assert where(fresh, 'company.example/team/app:v1') == 'inside'
    fresh('rmi', 'company.example/team/app:v1')
    assert fresh.out('run', '--rm', '-q', 'company.example/team/app:v1', 'cat', '/etc/where') == 'inside'
    assert fresh.out('manifest', 'inspect', '--digest', 'company.example/team/app:v1') == image_of('inside').digest


def test_mirrors_come_first_and_what_they_lack_is_had_at_the_registry(fresh, registry, proxy, mirror, conf):
    image = image_of('m').push(mirror.registry, 'hub/team/app', 'v1')
    image.push(registry, 'team/app', 'v1')
    other = image_of('registry').push(registry, 'team/only', 'v1')
    conf(f'[[registry]]\nprefix = "{proxy.host}"\n[[registry.mirror]]\nlocation = "{mirror.host}/hub"\n')
    fresh('pull', f'{proxy.host}/team/app:v1')
    assert mirror.asked('GET', f'/v2/hub/team/app/blobs/{digest_of(image.layers[1])}') and not proxy.seen
    fresh('pull', f'{proxy.host}/team/only:v1')
    assert where(fresh, f'{proxy.host}/team/only:v1') == 'registry'
    assert proxy.asked('GET', digest_of(other.layers[1]))
    # Lists and pushes are the registry's own.
    mirror.seen.clear()
    assert fresh.out('search', '--list-tags', '--format', '{{.Tag}}', f'{proxy.host}/team/only') == 'v1'
    fresh('push', f'{proxy.host}/team/app:v1', f'{proxy.host}/team/pushed:v1')
    assert not mirror.seen and registry.manifest('team/pushed', 'v1') == image.manifest


@pytest.mark.parametrize('rule, by_tag, by_digest', [
    ('pull-from-mirror = "digest-only"', False, True), ('pull-from-mirror = "tag-only"', True, False),
    ('pull-from-mirror = "all"', True, True), ('mirror-by-digest-only = true', False, True)])
def test_mirrors_by_digest_or_tag(fresh, registry, proxy, mirror, conf, rule, by_tag, by_digest):
    image = image_of('m').push(mirror.registry, 'team/when', 'v1')
    image.push(registry, 'team/when', 'v1')
    own = rule if rule.startswith('mirror') else ''
    conf(f'[[registry]]\nprefix = "{proxy.host}"\n{own}\n[[registry.mirror]]\nlocation = "{mirror.host}"\n{"" if own else rule}\n')
    for reference, used in ((f':v1', by_tag), (f'@{image.digest}', by_digest)):
        mirror.seen.clear(), proxy.seen.clear()
        fresh('pull', f'{proxy.host}/team/when{reference}')
        assert bool(mirror.seen) == used and bool(proxy.seen) == (not used), reference
        fresh('rmi', '-f', image.id)


def test_a_mirror_never_sees_the_registrys_credentials(fresh, registry, proxy, mirror, conf, tmp_path):
    """Neither those on the command line nor those of the file, also where the mirror asks for some."""
    image_of('secret').push(registry, 'team/secret', 'v1')
    asks = lambda request: 'Authorization' not in request.headers and (  # noqa: E731
        request.answer(401, b'', {'WWW-Authenticate': 'Basic realm="x"'}) or True)
    proxy.rules.append(asks)
    mirror.rules.append(asks)
    conf(f'[[registry]]\nprefix = "{proxy.host}"\n[[registry.mirror]]\nlocation = "{mirror.host}"\n')
    name = f'{proxy.host}/team/secret:v1'
    fresh('pull', '--creds', 'anna:secret', name)
    (tmp_path / 'auth.json').write_text(json.dumps({'auths': {proxy.host: {'auth': 'YW5uYTpzZWNyZXQ='}}}))
    fresh('rmi', name)
    fresh('pull', '--authfile', tmp_path / 'auth.json', name)
    assert any('Authorization' in headers for _, _, headers in proxy.seen)
    assert mirror.seen and not any('Authorization' in headers for _, _, headers in mirror.seen)
    # Its own it gets.
    (tmp_path / 'auth.json').write_text(json.dumps({'auths': {proxy.host: {'auth': 'YW5uYTpzZWNyZXQ='},
                                                             mirror.host: {'auth': 'Ym9iOmhpcw=='}}}))
    fresh('rmi', name)
    fresh('pull', '--authfile', tmp_path / 'auth.json', name)
    assert {headers['Authorization'] for _, _, headers in mirror.seen if 'Authorization' in headers} == {'Basic Ym9iOmhpcw=='}


def test_another_location_never_sees_the_registrys_credentials(fresh, mirror, conf):
    image_of('x').push(mirror.registry, 'team/x', 'v1')
    mirror.rules.append(lambda request: 'Authorization' not in request.headers and (
        request.answer(401, b'', {'WWW-Authenticate': 'Basic realm="x"'}) or True))
    conf(f'[[registry]]\nprefix = "company.example"\nlocation = "{mirror.host}"\n')
    fresh('pull', '--creds', 'anna:secret', 'company.example/team/x:v1', code=1)
    assert mirror.seen and not any('Authorization' in headers for _, _, headers in mirror.seen)


def test_blocked(fresh, registry, conf):
    image_of('x').push(registry, 'team/blocked', 'v1')
    image_of('x').push(registry, 'team/free', 'v1')
    conf(f'[[registry]]\nprefix = "{registry.host}/team/blocked"\nblocked = true\n')
    name = f'{registry.host}/team/blocked'
    assert f"'{name}' is blocked in registries.conf" in fresh('pull', f'{name}:v1', code=1).stderr
    fresh('pull', f'{registry.host}/team/free:v1')
    assert 'is blocked in registries.conf' in fresh('push', f'{registry.host}/team/free:v1', f'{name}:v2', code=1).stderr
    (pathlib.Path(fresh.environment['HOME']) / 'isola.conf').write_text(f'[registry {registry.host}]\nblocked = yes\n')
    conf(f'[[registry]]\nprefix = "company.example"\nlocation = "{registry.host}"\n')
    said = fresh('pull', 'company.example/team/free:v1', code=1, env={'ISOLA_CONFIG': f'{fresh.environment["HOME"]}/isola.conf'}).stderr
    assert f"the registry '{registry.host}' is blocked in isola.conf" in said
    conf('[[registry]]\nprefix = "*.example.com"\nblocked = true\n')
    assert "'*.example.com' is blocked" in fresh('pull', 'a.b.example.com/x', code=1).stderr


def test_drop_ins(fresh, other, conf):
    image_of('drop').push(other, 'team/drop', 'v1')
    conf('[[registry]]\nprefix = "company.example"\nblocked = true\n')
    conf(f'[[registry]]\nprefix = "company.example"\nlocation = "{other.host}"\n', 'registries.conf.d/10-x.conf')
    conf('nonsense', 'registries.conf.d/README')
    fresh('pull', 'company.example/team/drop:v1')


def test_aliases(fresh, other, conf, tmp_path):
    """Said when it is used; the image has its whole name, and the short one finds it."""
    image_of('alias').push(other, 'team/short', 'v1', 'latest')
    conf(f'[aliases]\n"thing" = "{other.host}/team/short"\n')
    full = f'{other.host}/team/short'
    out = fresh.out('pull', 'thing').splitlines()
    assert out[0] == f"Resolved 'thing' to '{full}' (an alias in registries.conf)" and out[-1] == f'{full}:latest'
    done = fresh('run', '--rm', 'thing', 'cat', '/etc/where')
    assert done.stdout == 'alias' and 'Pulling' not in done.stderr and done.stderr.startswith('Resolved')
    assert fresh.out('run', '--rm', '-q', 'thing:v1', 'cat', '/etc/where') == 'alias'
    fresh('rmi', '-f', f'{full}:latest', f'{full}:v1')
    (tmp_path / 'Dockerfile').write_text('FROM thing:v1\nRUN echo > /x\n')
    fresh('build', '-t', 'built', tmp_path)
    # What is here under the short name itself is meant first.
    fresh('tag', 'built', 'thing')
    done = fresh('run', '--rm', 'thing', 'ls', '/x')
    assert done.stdout == '/x\n' and done.stderr == ''


def test_registries_that_are_searched(fresh, other, conf):
    image_of('search').push(other, 'team/found', 'v1')
    conf(f'unqualified-search-registries = ["{other.host}"]\n')
    assert fresh.out('pull', '-q', 'team/found:v1') == f'{other.host}/team/found:v1'
    assert fresh.out('run', '--rm', '-q', 'team/found:v1', 'cat', '/etc/where') == 'search'
    conf(f'unqualified-search-registries = ["{other.host}", "docker.io"]\n')
    for verb in ('pull', 'run'):
        said = fresh(verb, 'team/other:v1', code=None).stderr
        assert f"'team/other:v1' names no registry, and registries.conf searches several: {other.host}, docker.io" in said
        assert f'hint: write {other.host}/team/other:v1, or make an alias' in said


def test_what_is_wrong_in_it(fresh, conf, tmp_path):
    conf('[[registry]]\nprefix = "a.b"\nblockd = true\n')
    said = fresh('pull', 'localhost:1/x', code=1).stderr
    assert re.search(r"registries.conf: \[\[registry\]\] has no 'blockd'", said)
    conf('unknown = 1\n')
    assert "registries.conf: 'unknown' is not known and has no effect" in fresh('pull', 'localhost:1/x', code=1).stderr
    (tmp_path / 'named').write_text('a = ')
    said = fresh('pull', 'localhost:1/x', code=1, env={'CONTAINERS_REGISTRIES_CONF': str(tmp_path / 'named')}).stderr
    assert 'named:1: a value is missing' in said


def test_all_platforms_by_a_mirror(fresh, other, conf):
    """Every document and blob is asked for under the name that it has there."""
    images = [Image(platform=('linux', 'arm64', 'v8')), Image()]
    for image in images:
        image.push(other, 'deep/er/idx')
    other.put_manifest('deep/er/idx', 'v1', make_index(images), INDEX)
    conf(f'[[registry]]\nprefix = "company.example/a/b"\nlocation = "{other.host}/deep/er/idx"\n')
    fresh('pull', '--all-platforms', 'company.example/a/b:v1')
    assert fresh.json('image', 'inspect', 'company.example/a/b:v1')[0]['Id'] == images[1].id
