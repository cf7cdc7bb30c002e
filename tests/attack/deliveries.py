"""Attacks 52-55: where webhooks are sent to, and receivers that mean ill."""
import contextlib
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import zlib

from rig import DEADLINE, MEGABYTE, Api, Attacks, Server, expect, namespace

attacks = Attacks()
WEBHOOK = 1  # ENDPOINT_KIND_WEBHOOK
DISABLED, GONE = 2, 2
PENDING, DELIVERED = 1, 2


def create(api, name, url, **endpoint):
    return api.call('DeliveryService/CreateEndpoint', {
        'request_id': 'create-' + re.sub('[^A-Za-z0-9]', '-', name)[:50], 'endpoint': {'kind': WEBHOOK, 'url': url, **endpoint}})


@attacks(52, 'webhooks to this machine, its neighbours, odd spellings: at save', 'gRPC')
def targets(rig):
    hosts = ['127.0.0.1', '0.0.0.0', '169.254.169.254', '10.0.0.1', '172.16.0.1', '192.168.0.1',
             '100.64.0.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '[::1]', '[fc00::1]',
             '[fe80::1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]',
             '2130706433', '0177.1', '0x7f.1', '127。0。0。1', '127.0.0.1.', 'localhost']
    urls = [f'https://{host}/' for host in hosts]
    urls += ['https://user@example.com/', 'https://example.com#@127.0.0.1/',
             'https://example.com:22/', 'https://example.com:25/', 'https://example.com:6379/',
             f'https://127.0.0.1:{rig.server.port}/', 'http://example.com/', 'file:///etc/passwd',
             'gopher://127.0.0.1:25/', 'https://example.com/\r\nHost: a', 'x' * 10_000]
    for i, url in enumerate(urls):
        answer = create(rig.api, f'target-{i}', url)
        expect(answer.code == 3 and answer.reason == 'TARGET_FORBIDDEN',
               f'{url[:60]!r}: expected code 3 TARGET_FORBIDDEN, but got {answer}')


@attacks(55, 'headers of webhooks: CR LF, Host, webhook-signature, 1,000 of them', 'gRPC')
def headers(rig):
    bad = [{'X-A': 'b\r\nHost: c'}, {'X-A\r\nHost': 'c'}, {'Host': 'a'}, {'webhook-signature': 'a'},
           {'Content-Length': '0'}, {'Transfer-Encoding': 'chunked'}, {'X-A': 'b\0'}, {'': 'a'},
           {f'X-{i}': 'a' for i in range(1000)}, {'X-A': 'b' * 10_000}]
    for i, value in enumerate(bad):
        answer = create(rig.api, f'header-{i}', 'https://crm.example.com/', headers=value)
        expect(answer.code == 3,
               f'{str(value)[:60]}: expected code 3, but got {answer}')


class Receiver:
    """Gives each connection, once the request's head has come, to `serve(socket)`, on a thread of
    its own, and counts them."""

    def __init__(self, serve, host='127.0.0.1', port=0):
        self.serve, self.connections, self.open = serve, 0, []
        self.listener = socket.create_server((host, port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                taken, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(taken)
            threading.Thread(target=self.one, args=(taken,), daemon=True).start()

    def one(self, taken):
        with contextlib.suppress(OSError), taken:
            taken.settimeout(DEADLINE)
            head = b''
            while b'\r\n\r\n' not in head:
                more = taken.recv(65536)
                if not more:
                    return
                head += more
            self.serve(taken)

    def stop(self):
        # Ends the accept, too.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for taken in self.open:
            taken.close()


def says(head, body=b''):
    """Answers that, and waits for the other side to close."""
    def serve(taken):
        taken.sendall(b'HTTP/1.1 ' + head + b'\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
        while taken.recv(65536):
            pass
    return serve


def endless_body(taken):
    taken.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
    while True:
        taken.sendall(b'a' * 65536)


def endless_head(taken):
    taken.sendall(b'HTTP/1.1 200 OK\r\n')
    while True:
        taken.sendall(b'X-A: ' + b'a' * 8192 + b'\r\n')


def endless_interim(taken):
    while True:
        taken.sendall(b'HTTP/1.1 100 Continue\r\n\r\n' * 100)


def drip(taken):
    taken.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
    closed = False
    while not closed:  # a byte a second, for as long as the other side is there
        taken.sendall(b'a')
        taken.settimeout(1)
        with contextlib.suppress(socket.timeout):
            closed = not taken.recv(1)


def reset(taken):
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')


class Sender:
    """A server that may send to this machine, and receivers; ends with its block."""

    def __init__(self, rig):
        self.db = str(rig.folder / f'sender-{time.monotonic_ns()}.db')
        token = subprocess.run([f'{rig.bin}/reboundd', 'principal', 'add', '--db', self.db,
                                '--name', 'admin', '--role', 'admin'], check=True,
                               capture_output=True, text=True).stdout.strip()
        self.server = Server(rig.bin, self.db, '--deliver-http', '--deliver-allow', '127.0.0.0/8',
                             '--deliver-timeout', '2s', '--deliver-retry', '0s,1h,1h')
        self.api = Api(rig.protos, f'127.0.0.1:{self.server.port}', token)
        self.receivers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        for receiver in self.receivers.values():
            receiver.stop()

    def endpoint(self, name, serve, scheme='http'):
        """The id of an endpoint at a receiver of its own."""
        self.receivers[name] = Receiver(serve)
        answer = create(self.api, name, f'{scheme}://127.0.0.1:{self.receivers[name].port}/hook')
        expect(answer.code == 0, f'{name}: the endpoint is made: {answer}')
        return answer.message.endpoint.id

    def ping(self, endpoint_id):
        answer = self.api.call('DeliveryService/TestEndpoint', {'endpoint_id': endpoint_id})
        expect(answer.code == 0, f'a ping is answered: {answer}')
        return answer.message

    def submit(self, name):
        answer = self.api.call('ResponseService/SubmitResponse', {
            'request_id': name, 'response': {
                'program_id': 'touchpoint', 'score': 2,
                'customer_key': {'source_system': 'crm', 'external_id': name}}})
        expect(answer.code == 0, repr(answer))

    def deliveries(self, endpoint_id):
        answer = self.api.call('DeliveryService/ListDeliveries', {'endpoint_id': endpoint_id})
        expect(answer.code == 0, repr(answer))
        return list(answer.message.deliveries)

    def await_try(self, name, endpoint_id):
        """The delivery that was tried first, once it was."""
        end = time.monotonic() + DEADLINE
        while True:
            tried = [d for d in self.deliveries(endpoint_id) if d.num_tries > 0]
            if tried:
                return tried[-1]
            expect(time.monotonic() < end, f'{name}: nothing was tried within {DEADLINE} s')


@attacks(54, 'receivers: endless, dripping, packed, resetting: each is cut off', 'webhooks')
def bad_receivers(rig):
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(bytes(rig.scaled(50, 1000) * MEGABYTE)) + bomb.flush()
    serves = {
        # name: (how it answers, whether the ping may count as delivered, the status that is told)
        'endless body': (endless_body, True, 200),
        'endless head': (endless_head, True, 200),
        'endless interim answers': (endless_interim, False, None),
        'one byte a second': (drip, False, 200),
        'gzip bomb': (says(b'200 OK\r\nContent-Encoding: gzip', packed), True, 200),
        'reset': (reset, False, 0),
        'no HTTP': (lambda taken: taken.sendall(b'SSH-2.0-a\r\n'), False, 0),
        'redirect to metadata': (
            says(b'302 Found\r\nLocation: http://169.254.169.254/latest/'), False, 302),
        'Retry-After: 10^9': (says(b'429 Slow\r\nRetry-After: 1000000000'), False, 429),
    }
    with Sender(rig) as sender:
        before = sender.server.rss()
        for name, (serve, may_count, status) in serves.items():
            began = time.monotonic()
            got = sender.ping(sender.endpoint(name, serve))
            what = f'{name}: delivered {got.delivered}, status {got.status}, {got.answer[:100]!r}'
            expect(may_count or not got.delivered, what)
            expect(status is None or got.status == status, f'expected {status}, but {what}')
            expect(len(got.answer) <= 4096, what)
            expect(time.monotonic() - began < 10, f'{what}: not cut off after 2 s')
        # A redirect leads nowhere, not even to where the server might go.
        trap = Receiver(says(b'200 OK'))
        sender.receivers['trap'] = trap
        to_trap = says(b'307 Moved\r\nLocation: http://127.0.0.1:%d/' % trap.port)
        got = sender.ping(sender.endpoint('redirect', to_trap))
        expect(got.status == 307 and not got.delivered and trap.connections == 0,
               f'redirect: status {got.status}, {trap.connections} connections to its target')
        # Nobody vouches for this one.
        tls = Receiver(says(b'200 OK'))
        sender.receivers['no TLS'] = tls
        answer = create(sender.api, 'tls', f'https://127.0.0.1:{tls.port}/')
        expect(answer.code == 0, repr(answer))
        got = sender.ping(answer.message.endpoint.id)
        expect(not got.delivered and got.status == 0, f'no TLS at https: {got}')
        grown = sender.server.rss() - before
        expect(grown < 64 * MEGABYTE, f'memory grew by {grown >> 20} MB')
        good = sender.ping(sender.endpoint('good', says(b'204 No')))
        expect(good.delivered and good.status == 204, f'the next good receiver: {good}')


@attacks(54, 'receivers: Retry-After of 10^9 s, 410, 302: what is tried again', 'webhooks')
def what_is_kept(rig):
    with Sender(rig) as sender:
        ids = {name: sender.endpoint(name, says(head)) for name, head in (
            ('slow', b'503 Busy\r\nRetry-After: 1000000000'), ('gone', b'410 Gone'),
            ('moved', b'302 Found\r\nLocation: http://169.254.169.254/'), ('good', b'204 No'))}
        sender.submit('kept')
        slow = sender.await_try('slow', ids['slow'])
        wait = slow.next_try_time.seconds - slow.last_try_time.seconds
        expect(slow.state == PENDING and slow.last_status == 503 and wait <= 1.3 * 3600,
               f'Retry-After: expected an hour at most, but got {wait} s; {slow}')
        moved = sender.await_try('moved', ids['moved'])
        expect(moved.state == PENDING and moved.last_status == 302, f'302: {moved}')
        end = time.monotonic() + DEADLINE
        while True:
            answer = sender.api.call('DeliveryService/GetEndpoint', {'endpoint_id': ids['gone']})
            gone = answer.message.endpoint
            if gone.state == DISABLED:
                break
            expect(time.monotonic() < end, f'410: the endpoint is not disabled: {gone}')
        expect(gone.disabled_cause == GONE, f'410: {gone}')
        # The others' trouble is none of this one's.
        good = sender.await_try('good', ids['good'])
        expect(good.state == DELIVERED, f'the next good receiver: {good}')
        good = create(sender.api, 'kept-good', 'http://127.0.0.1:1/')
        expect(good.code == 3, f'port 1 of this machine: {good}')


@attacks(53, 'names that lead elsewhere: mixed, rebound, by CNAME, or hang', 'webhooks')
def rebinding(rig):
    # A network and a resolver of its own.
    command = namespace('mount', 'net')
    script = pathlib.Path(__file__).with_name('rebinding.py')
    done = subprocess.run([*command, sys.executable, str(script), rig.bin,
                           str(rig.scaled(40, 1000))], capture_output=True, text=True,
                          timeout=20 * DEADLINE)
    expect(done.returncode == 0, (done.stdout + done.stderr)[-3000:])
