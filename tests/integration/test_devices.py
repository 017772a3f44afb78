# SPDX-License-Identifier: GPL-2.0-or-later
"""Which devices a container has, and which it may open."""


def run(isola, *arguments):
    return isola.out('run', '--rm', '--network', 'none', *arguments)


def test_device_belongs_to_the_containers_root_and_opens(isola):
    seen = run(isola, '--device', '/dev/net/tun', '@host', 'sh', '-c',
               'stat -c %u:%t:%T /dev/net/tun; : < /dev/net/tun && echo opened')
    assert seen == '0:a:c8\nopened'


def test_root_without_user_namespace_cannot_open_the_machines_disks(isola):
    script = 'mknod /x b 254 0; (: < /x) 2>&1; mknod /y c 1 3 && echo z > /y && echo null'
    seen = run(isola, '--userns=host', '--cap-add', 'MKNOD', '@host', 'sh', '-c', script)
    assert 'Operation not permitted' in seen
    assert seen.endswith('null')


def test_given_device_opens_without_user_namespace(isola):
    script = ': < /dev/net/tun && echo opened'
    assert run(isola, '--userns=host', '--device', '/dev/net/tun', '@host', 'sh', '-c', script) == 'opened'


def test_privileged_container_sees_the_machines_devices(isola):
    assert run(isola, '--privileged', '@host', 'sh', '-c', 'test -b /dev/vda -o -b /dev/sda -o -c /dev/kmsg; echo $?') == '0'


def test_what_is_no_device_is_refused(isola):
    refused = isola('run', '--rm', '--device', '/etc/passwd', '@host', 'true', code=125)
    assert "'/etc/passwd' is not a device" in refused.stderr
