# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers that may write any frame do not get others' addresses through."""
import subprocess
import sys

FORGE = '''
import ipaddress, socket, struct, sys
kind, mac, mine, gateway, victim, mine6, victim6 = sys.argv[1:]
mac = bytes.fromhex(mac.replace(':', ''))
all_ones, other = b'\\xff' * 6, bytes.fromhex('02420a5800fe')
four = six = lambda address: ipaddress.ip_address(address).packed


def udp4(source):
    body = b'mark-' + kind.encode()
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28 + len(body), 1, 0, 64, 17, 0, four(source), four('255.255.255.255'))
    total = sum(struct.unpack('!10H', head))
    total = (total >> 16) + (total & 0xffff)
    head = head[:10] + struct.pack('!H', ~(total + (total >> 16)) & 0xffff) + head[12:]
    return head + struct.pack('!HHHH', 5, 6, 8 + len(body), 0) + body


def ip6(source, target, protocol, payload, options=b''):
    if options:
        payload, protocol = bytes([protocol, 0]) + options + payload, 0
    return struct.pack('!IHBB', 6 << 28, len(payload), protocol, 255) + six(source) + six(target) + payload


def icmp6(source, body, options=b''):
    target = 'ff02::1'
    pseudo = six(source) + six(target) + struct.pack('!II', len(body), 58)
    whole = pseudo + body
    total = sum(struct.unpack('!%dH' % (len(whole) // 2), whole))
    while total >> 16:
        total = (total >> 16) + (total & 0xffff)
    return ip6(source, target, 58, body[:2] + struct.pack('!H', ~total & 0xffff) + body[4:], options)


def advert(target):
    return struct.pack('!BBHI', 136, 0, 0, 0x20000000) + six(target) + b'\\x02\\x01' + mac


def arp(hardware, sender):
    return struct.pack('!HHBBH', 1, 0x0800, 6, 4, 2) + hardware + four(sender) + all_ones + four(gateway)


PAD = b'\\x01\\x04' + b'\\0' * 4
frames = {
    'own-ip4': (mac, 0x0800, udp4(mine)),
    'own-arp': (mac, 0x0806, arp(mac, mine)),
    'own-ip6': (mac, 0x86dd, ip6(mine6, 'ff02::1', 17, struct.pack('!HHHH', 5, 6, 20, 0) + b'mark-own-ip6')),
    'own-advert': (mac, 0x86dd, icmp6(mine6, advert(mine6))),
    'mac': (other, 0x0800, udp4(mine)),
    'ip4': (mac, 0x0800, udp4(victim)),
    'unspecified': (mac, 0x0800, udp4('0.0.0.0')),
    'arp': (mac, 0x0806, arp(mac, victim)),
    'arp-gateway': (mac, 0x0806, arp(mac, gateway)),
    'arp-mac': (mac, 0x0806, arp(other, mine)),
    'ip6': (mac, 0x86dd, ip6(victim6, 'ff02::1', 17, struct.pack('!HHHH', 5, 6, 20, 0) + b'mark-bad-ip6')),
    'advert': (mac, 0x86dd, icmp6(mine6, advert(victim6))),
    'advert-behind-options': (mac, 0x86dd, icmp6(mine6, advert(victim6), PAD)),
    'router': (mac, 0x86dd, icmp6(mine6, struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0))),
    'redirect': (mac, 0x86dd, icmp6(mine6, struct.pack('!BBHI', 137, 0, 0, 0) + six(victim6) + six(victim6))),
    # A receiver takes off tags of VLAN 0, one as well as two.
    'tagged': (mac, 0x8100, b'\\0\\0\\x08\\0' + udp4(victim)),
    'tagged-twice': (mac, 0x8100, b'\\0\\0\\x81\\0\\0\\0\\x08\\0' + udp4(victim)),
    'tagged-by-provider': (mac, 0x88a8, b'\\0\\0\\x88\\xa8\\0\\0\\x08\\0' + udp4(victim)),
}
end = (mac, 0x0800, udp4(mine).replace(b'mark-', b'end!-'))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for source, ethertype, packet in (frames[kind], end):
    frame = all_ones + source + struct.pack('!H', ethertype) + packet
    s.send(frame)
    print(frame[:12].hex(), packet[-20:].hex(), flush=True)
'''

# Prints the broadcast frames that come in by an interface.
LISTEN = '''
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 3))
s.settimeout(30)
print('ready', flush=True)
while True:
    frame, where = s.recvfrom(4096)
    if frame[:6] == b'\\xff' * 6:
        print(frame.hex(), flush=True)
'''

FORGED = ['mac', 'ip4', 'unspecified', 'arp', 'arp-gateway', 'arp-mac', 'ip6', 'advert', 'advert-behind-options', 'router',
          'redirect', 'tagged', 'tagged-twice', 'tagged-by-provider']
OWN = ['own-ip4', 'own-arp', 'own-ip6', 'own-advert']


def settings(isola, name):
    return next(iter(isola.inspect(name)['NetworkSettings']['Networks'].values()))


def bridge_of(isola, network):
    return isola.json('network', 'inspect', network)[0]['Options']['com.docker.network.bridge.name']


def guard():
    """The guard's table as nft shows it; '' if there is none."""
    return subprocess.run(['nft', 'list', 'table', 'bridge', 'isola'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


def which_pass(isola, kinds, interface, *enter):
    """The kinds of frames from 'forger' that arrive at an interface."""
    me, victim = settings(isola, 'forger'), settings(isola, 'victim')
    addresses = [me['MacAddress'], me['IPAddress'], me['Gateway'], victim['IPAddress'], me['GlobalIPv6Address'],
                 victim['GlobalIPv6Address']]
    arrived = []
    with subprocess.Popen([*enter, sys.executable, '-c', LISTEN, interface], stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout.readline() == 'ready\n'
        for kind in kinds:
            sent = subprocess.check_output(['nsenter', '-t', str(isola.pid('forger')), '-n', sys.executable, '-c', FORGE,
                                            kind, *addresses], text=True).splitlines()
            forged, last = (line.split() for line in sent)  # addresses and end: tags between them go on the way
            seen = ['']
            while not (seen[-1].startswith(last[0]) and seen[-1].endswith(last[1])):
                seen.append(listener.stdout.readline().strip())
                assert seen[-1], f'{kind}: the last frame, which is not forged, did not arrive'
            if any(frame.startswith(forged[0]) and frame.endswith(forged[1]) for frame in seen):
                arrived.append(kind)
        listener.kill()
    return arrived


def start(isola, image, name, *options):
    isola('run', '-d', '--name', name, *options, image, 'sleep', '300')
    return ['nsenter', '-t', str(isola.pid(name)), '-n']


def test_only_own_frames_leave_a_container_that_could_forge(isola, image):
    inside = start(isola, image, 'victim')
    start(isola, image, 'forger', '--cap-add', 'NET_RAW')
    assert which_pass(isola, OWN + FORGED, 'eth0', *inside) == OWN
    assert which_pass(isola, OWN + FORGED, bridge_of(isola, 'bridge')) == OWN


def test_guard_is_built_anew_after_a_flush(isola, image):
    inside = start(isola, image, 'victim')
    start(isola, image, 'forger', '--cap-add', 'NET_ADMIN')
    subprocess.run(['nft', 'flush', 'ruleset'], check=True)
    assert which_pass(isola, OWN + FORGED, 'eth0', *inside) == OWN + FORGED
    isola('run', '--rm', image, 'true')
    assert which_pass(isola, OWN + FORGED, 'eth0', *inside) == OWN


def test_changed_addresses_lead_nowhere(isola, image):
    """From the inside, with the container's own means."""
    start(isola, image, 'victim')
    start(isola, image, 'forger', '--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW')
    gateway, victim = settings(isola, 'forger')['Gateway'], settings(isola, 'victim')['IPAddress']

    def pings(*options, patience='10'):
        return isola('exec', 'forger', 'ping', '-c', '1', '-W', patience, *options, gateway, code=None).returncode == 0
    assert pings()
    isola('exec', 'forger', 'ip', 'addr', 'add', f'{victim}/32', 'dev', 'eth0')
    assert not pings('-I', victim, patience='1') and pings()
    mac = isola.out('exec', 'forger', 'cat', '/sys/class/net/eth0/address')
    isola('exec', 'forger', 'ip', 'link', 'set', 'eth0', 'address', '02:42:00:00:00:99')
    assert not pings(patience='1')
    isola('exec', 'forger', 'ip', 'link', 'set', 'eth0', 'address', mac)
    assert pings()


def test_guard_is_there_for_those_who_need_it_only(isola, image):
    start(isola, image, 'plain', '-p', '8080:80')
    assert guard() == ''
    start(isola, image, 'master', '--privileged')
    assert guard() == ''
    start(isola, image, 'host-ids', '--userns', 'host')
    interface = isola.inspect('host-ids')['NetworkSettings']['Networks']['bridge'].get('HostInterface')
    assert guard().count('"veth') == 5 and (not interface or interface in guard())
    isola('rm', '-f', 'host-ids')
    assert '"veth' not in guard()
    isola('rm', '-f', 'plain', 'master')
    assert guard() == ''


def test_network_can_do_without_guard(isola, image):
    isola('network', 'create', '--ipv6', '--opt', 'isola.forgery=allow', 'free')
    inside = start(isola, image, 'victim', '--network', 'free')
    start(isola, image, 'forger', '--cap-add', 'NET_RAW', '--network', 'free')
    assert which_pass(isola, OWN + FORGED, 'eth0', *inside) == OWN + FORGED
    isola('rm', '-f', 'forger', 'victim')
    isola('network', 'rm', 'free')


def test_guard_of_a_container_without_ipv6(isola, image):
    isola('network', 'create', 'only4')
    start(isola, image, 'one', '--cap-add', 'NET_RAW', '--network', 'only4')
    assert guard().count('"veth') == 4
    assert isola('exec', 'one', 'ping', '-c', '1', '-W', '10', settings(isola, 'one')['Gateway']).returncode == 0
    isola('kill', 'one')
    assert guard() == ''
    isola('rm', 'one')
    isola('network', 'rm', 'only4')
