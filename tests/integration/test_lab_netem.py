# SPDX-License-Identifier: GPL-2.0-or-later
"""Links that the kernel's netem gives their quality, where there is one (in the virtual machine: make check-vm)."""
import json
import re

import pytest
from test_lab_link import NETEM, lab, links, ping  # noqa: F401

pytestmark = pytest.mark.skipif(not NETEM, reason='this kernel has no netem')


def discipline(isola, node):
    return isola.out('lab', 'exec', node, 'tc', 'qdisc', 'show', 'dev', 'eth1')


def rtt(isola):
    out = isola.out('lab', 'exec', 'a', 'busybox', 'ping', '-c', '2', '-W', '10', 'b')
    return min(float(t) for t in re.findall(r'time=([0-9.]+)', out))


def test_a_delay_alone_is_netems(isola, lab, tmp_path):
    lab('a-to-b: {delay: 150ms}, b-to-a: {delay: 50ms}')
    assert [link['Engine'] for link in links(isola)] == ['netem', 'netem']
    assert 'netem' in discipline(isola, 'a') and 'delay 150ms' in discipline(isola, 'a')
    assert 'delay 50ms' in discipline(isola, 'b')
    assert rtt(isola) >= 200
    assert isola.out('lab', 'diff', tmp_path / 'lab.yml') == ''


def test_it_changes_live(isola, lab):
    lab('delay: 100ms')
    isola('lab', 'link', 'set', 'ab', 'delay=300ms')
    assert rtt(isola) >= 600
    assert [link['Quality'] for link in links(isola)] == ['delay=300ms'] * 2
    isola('lab', 'link', 'set', 'a:eth1', 'delay=none')
    assert 'netem' not in discipline(isola, 'a') and 300 <= rtt(isola)
    isola('lab', 'link', 'reset', 'ab')
    assert 'delay 100ms' in discipline(isola, 'a')
    assert 'netem has no corrupt' in isola('lab', 'link', 'set', 'ab', 'corrupt=1%', code=1).stderr


def test_what_is_random_is_netems_only_where_the_file_says_so(isola, lab):
    lab('engine: netem, a-to-b: {loss: 100%}, b-to-a: {loss: gemodel 1% 10% 90% 5%, duplicate: 50%}')
    assert [link['Engine'] for link in links(isola)] == ['netem', 'netem']
    assert 'loss 100%' in discipline(isola, 'a')
    assert 'gemodel p 1% r 10% 1-h 90% 1-k 5%' in discipline(isola, 'b') and 'duplicate 50%' in discipline(isola, 'b')
    isola('lab', 'exec', 'a', 'busybox', 'ping', '-c', '1', '-W', '2', 'b', code=1)


def test_jitter_and_reordering(isola, lab):
    lab('engine: netem, delay: 100ms, jitter: 20ms, order: free, reorder: 25%')
    assert re.search(r'delay 100ms +20ms', discipline(isola, 'a')) and 'reorder 25%' in discipline(isola, 'a')
    assert 'gap 1' in discipline(isola, 'a')
    assert 'netem has no jitter with order=keep' in isola('lab', 'link', 'set', 'ab', 'order=keep', code=1).stderr


def test_a_rate_behind_the_delay(isola, lab):
    lab('engine: netem, delay: 20ms, rate: 20mbit, queue: 100ms')
    assert 'netem' in discipline(isola, 'a') and 'tbf' in discipline(isola, 'a') and 'rate 20Mbit' in discipline(isola, 'a')
    result = json.loads(isola.out('lab', 'measure', 'tcp', 'a', 'b', '-t', '3s', '-r', '1', '--format', 'json'))
    assert result
    ping(isola)
    isola('lab', 'link', 'set', 'ab', 'rate=none', 'queue=none')
    assert 'tbf' not in discipline(isola, 'a') and 'delay 20ms' in discipline(isola, 'a')
    ping(isola)
