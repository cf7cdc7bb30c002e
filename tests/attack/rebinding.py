#!/usr/bin/python3
"""Attack 53, within a network namespace in which it is root:

    unshare --map-root-user --mount --net tests/attack/rebinding.py BIN_DIR REBINDS

The system's resolver asks a DNS server of ours. A receiver listens at 127.0.0.1, which reboundd may
send to, and one at 127.0.0.3, which it may not: nothing ever connects to that one. Exits with 1 and
says what was wrong.
"""
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # these folders are sources

import deliveries
from rig import DEADLINE, Api, Protos, Server, Wrong, expect

ALLOWED, FORBIDDEN = '127.0.0.1', '127.0.0.3'
A, CNAME, AAAA = 1, 5, 28


class Dns:
    """Answers with what `zone[name]()` says: [(type, value)], or None for no answer at all."""

    def __init__(self, zone):
        self.zone = zone
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 53))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, whom = self.socket.recvfrom(4096)
            labels, at = [], 12
            while size := query[at]:
                labels.append(query[at + 1:at + 1 + size].decode())
                at += 1 + size
            kind = struct.unpack('>H', query[at + 1:at + 3])[0]
            name = '.'.join(labels).lower()
            records = self.zone[name](kind) if name in self.zone else []
            if records is None:
                continue
            body = b''
            for of, value in records:
                if of == CNAME:
                    data = b''.join(bytes([len(p)]) + p.encode() for p in value.split('.')) + b'\0'
                else:
                    family = socket.AF_INET6 if of == AAAA else socket.AF_INET
                    data = socket.inet_pton(family, value)
                owner = b'\xc0\x0c'
                if of != CNAME and records[0][0] == CNAME:  # of the alias's target
                    target = records[0][1].split('.')
                    owner = b''.join(bytes([len(p)]) + p.encode() for p in target) + b'\0'
                body += owner + struct.pack('>HHIH', of, 1, 0, len(data)) + data
            flags = 0x8180 if name in self.zone else 0x8183
            self.socket.sendto(query[:2] + struct.pack('>HHHHH', flags, 1, len(records), 0, 0) +
                               query[12:at + 5] + body, whom)


def always(*records):
    return lambda kind: [r for r in records if r[0] in (kind, CNAME)]


class Flipping:
    """At every other lookup it leads to the forbidden address, with a TTL of 0."""

    def __init__(self):
        self.lookups = 0

    def __call__(self, kind):
        if kind != A:
            return []
        self.lookups += 1
        return [(A, FORBIDDEN if self.lookups % 2 == 0 else ALLOWED)]


def main():
    bin_dir, rebinds = sys.argv[1], int(sys.argv[2])
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix='rebound-rebinding-'))
    (folder / 'resolv.conf').write_text('nameserver 127.0.0.1\n')
    subprocess.run(['mount', '--bind', str(folder / 'resolv.conf'), '/etc/resolv.conf'], check=True)
    flipping = Flipping()
    later = [ALLOWED]
    Dns({
        'good.test': always((A, ALLOWED)),
        'inner.test': always((A, FORBIDDEN)),
        'cname.test': always((CNAME, 'inner.test'), (A, FORBIDDEN)),
        'mixed.test': always((A, ALLOWED), (A, FORBIDDEN)),
        'mixed6.test': always((A, ALLOWED), (AAAA, '::1')),
        'mapped.test': always((AAAA, '::ffff:' + FORBIDDEN)),
        'metadata.test': always((A, '169.254.169.254')),
        'flipping.test': flipping,
        'later.test': lambda kind: [(A, later[0])] if kind == A else [],
        'hanging.test': lambda kind: None,
    })
    # Closed, so that each call looks the name up and connects anew.
    serve = deliveries.says(b'204 No\r\nConnection: close')
    good = deliveries.Receiver(serve, ALLOWED)
    bad = deliveries.Receiver(serve, FORBIDDEN, good.port)
    bad6 = socket.create_server(('::1', good.port), family=socket.AF_INET6)
    bad6.settimeout(0)

    db = str(folder / 'rebound.db')
    token = subprocess.run([f'{bin_dir}/reboundd', 'principal', 'add', '--db', db, '--name',
                            'admin', '--role', 'admin'], check=True, capture_output=True,
                           text=True).stdout.strip()
    server = Server(bin_dir, db, '--deliver-http', '--deliver-allow', ALLOWED + '/32')
    try:
        api = Api(Protos(), f'127.0.0.1:{server.port}', token)

        def endpoint(name):
            answer = deliveries.create(api, name, f'http://{name}:{good.port}/hook')
            expect(answer.code == 0, f'{name}: {answer}')
            return answer.message.endpoint.id

        def ping(name, endpoint_id):
            answer = api.call('DeliveryService/TestEndpoint', {'endpoint_id': endpoint_id})
            expect(answer.code == 0, f'{name}: {answer}')
            expect(bad.connections == 0, f'{name}: it connected to {FORBIDDEN}')
            return answer.message

        got = ping('good.test', endpoint('good.test'))
        expect(got.delivered, f'good.test: {got}')
        for name in ('inner.test', 'cname.test', 'mixed.test', 'mixed6.test', 'mapped.test',
                     'metadata.test', 'unknown.test'):
            taken = good.connections
            got = ping(name, endpoint(name))
            expect(not got.delivered and got.status == 0 and good.connections == taken,
                   f'{name}: expected nothing to be connected, but got {got}')
        # Of a delivery, too: the name leads elsewhere after the endpoint was made.
        later_id = endpoint('later.test')
        expect(ping('later.test', later_id).delivered, 'later.test: a ping while it is allowed')
        later[0] = FORBIDDEN
        submitted = api.call('ResponseService/SubmitResponse', {'request_id': 'low', 'response': {
            'program_id': 'touchpoint', 'score': 2,
            'customer_key': {'source_system': 'crm', 'external_id': 'li'}}})
        expect(submitted.code == 0, repr(submitted))
        end = time.monotonic() + DEADLINE
        while True:
            tried = [d for d in api.call('DeliveryService/ListDeliveries', {
                'endpoint_id': later_id}).message.deliveries if d.num_tries]
            if tried:
                break
            expect(time.monotonic() < end, 'later.test: nothing was tried')
        expect(tried[0].state == deliveries.PENDING and tried[0].last_status == 0 and
               'not allowed' in tried[0].last_answer and bad.connections == 0,
               f'later.test: expected TARGET_FORBIDDEN, but got {tried[0]}')
        api.call('DeliveryService/DisableEndpoint', {'request_id': 'off', 'endpoint_id': later_id})
        began = time.monotonic()
        got = ping('hanging.test', endpoint('hanging.test'))
        # Three seconds are the limit.
        expect(not got.delivered and time.monotonic() - began < 5,
               f'hanging.test: after {time.monotonic() - began:.1f} s, {got}')
        flips = endpoint('flipping.test')
        outcomes = [ping('flipping.test', flips).delivered for _ in range(rebinds)]
        expect(True in outcomes and False in outcomes,
               f'flipping.test: expected some of {rebinds} to arrive, but got {outcomes[:10]}')
        expect(flipping.lookups >= rebinds, f'{flipping.lookups} lookups for {rebinds} pings')
        try:
            bad6.accept()
            raise Wrong('it connected to ::1')
        except BlockingIOError:
            pass
    except Wrong as wrong:
        print(wrong)
        print(server.log[-1500:].decode(errors='replace'))
        return 1
    finally:
        server.stop()
        subprocess.run(['umount', '/etc/resolv.conf'], check=False)
        shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
