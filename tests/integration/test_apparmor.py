# SPDX-License-Identifier: GPL-2.0-or-later
"""AppArmor profiles: for engines through config.json, for people through --security-opt."""
import pathlib
import shutil
import subprocess
import uuid

import pytest
from conftest import leftovers
from oci_bundle import bundle  # fixture

ENABLED = pathlib.Path('/sys/module/apparmor/parameters/enabled')
CURRENT = '/proc/self/attr/apparmor/current'
PROFILE = '''
profile NAME flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  mount,
  signal,
  deny /tmp/forbidden w,
}
'''
TRY = f'cat {CURRENT}; touch /tmp/allowed && echo one; touch /tmp/forbidden 2>/dev/null || echo two'


def has_apparmor():
    return ENABLED.exists() and ENABLED.read_text().strip() == 'Y'


@pytest.fixture(scope='module')
def profile():
    """A loaded profile that forbids one file."""
    if not has_apparmor():
        pytest.skip('this kernel has no AppArmor')
    if not shutil.which('apparmor_parser'):
        pytest.skip('apparmor_parser is not installed')
    name = f'isola-test-{uuid.uuid4().hex[:8]}'
    text = PROFILE.replace('NAME', name)
    subprocess.run(['apparmor_parser', '--skip-cache', '--add'], input=text, text=True, check=True)
    yield name
    subprocess.run(['apparmor_parser', '--skip-cache', '--remove'], input=text, text=True, check=True)


def test_a_profile_confines_a_container(isola, image, profile):
    out = isola.out('run', '--rm', '--network', 'none', '--security-opt', f'apparmor={profile}', image, 'sh', '-c', TRY)
    assert out.splitlines() == [f'{profile} (enforce)', 'one', 'two']


def test_a_profile_confines_what_exec_starts(isola, image, profile):
    isola('run', '-d', '--name', 'confined', '--network', 'none', '--security-opt', f'apparmor={profile}', image, 'sleep', '1000')
    assert isola.out('exec', 'confined', 'cat', CURRENT) == f'{profile} (enforce)'


def test_unconfined_is_no_profile(isola, image, profile):
    assert isola.out('run', '--rm', '--network', 'none', '--security-opt', 'apparmor=unconfined', image, 'cat',
                     CURRENT) == 'unconfined'


def test_a_profile_that_is_not_loaded_is_refused(isola, image, profile):
    done = isola('run', '--rm', '--name', 'none', '--network', 'none', '--security-opt', 'apparmor=isola-test-no-such', image,
                 'true', code=125)
    assert "there is no AppArmor profile 'isola-test-no-such'" in done.stderr
    assert leftovers(isola) == []


def test_a_profile_of_config_json_confines_create_and_exec(bundle, isola, profile):
    bundle.config['process']['apparmorProfile'] = profile
    bundle.runs(TRY)
    assert bundle.run().stdout.splitlines() == [f'{profile} (enforce)', 'one', 'two']
    bundle.config['process']['apparmorProfile'] = 'isola-test-no-such'
    bundle.save()
    assert "there is no AppArmor profile 'isola-test-no-such'" in bundle.run(code=1).stderr


@pytest.mark.skipif(has_apparmor(), reason='this kernel has AppArmor')
def test_a_kernel_without_apparmor_is_named(isola, image):
    assert isola('run', '--rm', '--security-opt', 'apparmor=some', image, 'true',
                 code=125).stderr == "isola: AppArmor profile 'some': this kernel has no AppArmor\n"
    assert isola.out('run', '--rm', '--network', 'none', '--security-opt', 'apparmor=unconfined', image, 'echo', 'on') == 'on'


def test_inspect_tells_the_profile(isola, image):
    isola('create', '--name', 'said', '--security-opt', 'apparmor=unconfined', image, 'true')
    isola('create', '--name', 'silent', image, 'true')
    assert isola.inspect('said')['AppArmorProfile'] == 'unconfined'
    assert isola.inspect('silent')['AppArmorProfile'] == ''
