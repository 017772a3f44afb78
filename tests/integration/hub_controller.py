# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody else's controller: lets every switch flood (OpenFlow 1.0).  Usage: hub_controller.py PORT"""
import select
import socket
import struct
import sys

HELLO, ECHO_REQUEST, ECHO_REPLY, FLOW_MOD = 0, 2, 3, 14
ALL, ADD, NO_BUFFER, NO_PORT, FLOOD = 0x3fffff, 0, 0xffffffff, 0xffff, 0xfffb


def message(kind, body=b'', xid=1):
    return struct.pack('!BBHI', 1, kind, 8 + len(body), xid) + body


def flood_everything():
    match = struct.pack('!I36x', ALL)
    output = struct.pack('!HHHH', 0, 8, FLOOD, 0)
    return message(FLOW_MOD, match + struct.pack('!QHHHHIHH', 0xc0ffee, ADD, 0, 0, 1, NO_BUFFER, NO_PORT, 0) + output)


listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
waiting = {listener: b''}
print('listening', flush=True)
while True:
    for ready in select.select(list(waiting), [], [])[0]:
        if ready is listener:
            switch = listener.accept()[0]
            switch.sendall(message(HELLO) + flood_everything())
            waiting[switch] = b''
            continue
        data = ready.recv(65536)
        if not data:
            del waiting[ready]
            continue
        waiting[ready] += data
        while len(waiting[ready]) >= 8:
            kind, size, xid = struct.unpack('!xBHI', waiting[ready][:8])
            if len(waiting[ready]) < size:
                break
            if kind == ECHO_REQUEST:
                ready.sendall(message(ECHO_REPLY, waiting[ready][8:size], xid))
            waiting[ready] = waiting[ready][size:]
