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


class Endless:
    """Sends `head`, then `more` for as long as it is taken, and counts the bytes. Buffers of the
    system hold few: what is sent and not read is not much more than what is read."""

    def __init__(self, head, more):
        self.head, self.more, self.sent = head, more, 0
        self.ended = threading.Event()

    def __call__(self, taken):
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            taken.sendall(self.head)
            while True:
                self.sent += taken.send(self.more)
        finally:
            self.ended.set()


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

    def __init__(self, rig, retry='0s,1h,1h'):
        self.bin, self.retry, self.protos = rig.bin, retry, rig.protos
        self.db = str(rig.folder / f'sender-{time.monotonic_ns()}.db')
        self.token = subprocess.run([f'{rig.bin}/reboundd', 'principal', 'add', '--db', self.db,
                                     '--name', 'admin', '--role', 'admin'], check=True,
                                    capture_output=True, text=True).stdout.strip()
        self.receivers = {}
        self.start('--deliver-allow', '127.0.0.0/8')

    def start(self, *options):
        self.server = Server(self.bin, self.db, '--deliver-http', '--deliver-timeout', '2s',
                             '--deliver-retry', self.retry, *options)
        self.api = Api(self.protos, f'127.0.0.1:{self.server.port}', self.token)

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

    def await_try(self, name, endpoint_id, state=None):
        """The delivery (in that state) that was tried first, once it was."""
        end = time.monotonic() + DEADLINE
        while True:
            tried = [d for d in self.deliveries(endpoint_id)
                     if d.num_tries > 0 and state in (None, d.state)]
            if tried:
                return tried[-1]
            expect(time.monotonic() < end, f'{name}: nothing was tried within {DEADLINE} s')

    def await_all(self, name, endpoint_id, holds):
        """Until it has deliveries, and `holds` of each."""
        end = time.monotonic() + DEADLINE
        while not (found := self.deliveries(endpoint_id)) or not all(map(holds, found)):
            expect(time.monotonic() < end, f'{name}: {found}')


@attacks(54, 'receivers: endless, dripping, packed, resetting: each is cut off', 'webhooks')
def bad_receivers(rig):
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(bytes(rig.scaled(50, 1000) * MEGABYTE)) + bomb.flush()
    serves = {
        # name: (how it answers, whether the ping may count as delivered, the status that is told)
        'endless body': (Endless(b'HTTP/1.1 200 OK\r\n\r\n', b'a' * 4096), True, 200),
        'endless head': (Endless(b'HTTP/1.1 200 OK\r\n', b'X-A: ' + b'a' * 4089 + b'\r\n'),
                         True, 200),
        'endless interim answers': (endless_interim, False, None),
        'one byte a second': (drip, False, 200),
        'gzip bomb': (says(b'200 OK\r\nContent-Encoding: gzip', packed), True, 200),
        'reset': (reset, False, 0),
        'no HTTP': (lambda taken: taken.sendall(b'SSH-2.0-a\r\n'), False, 0),
        'redirect to metadata': (
            says(b'302 Found\r\nLocation: http://169.254.169.254/latest/'), False, 302),
        'Retry-After: 10^9': (says(b'429 Slow\r\nRetry-After: 1000000000'), False, 429),
    }
    most = 256 << 10  # 64 KiB, and what libcurl and the sockets hold
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
            if isinstance(serve, Endless):
                expect(serve.ended.wait(DEADLINE), f'{name}: the connection is still open')
                expect(serve.sent < most, f'{name}: {serve.sent} bytes were taken, not {most}')
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


def wait_of(delivery):
    """Seconds from the try to the next one."""
    last, following = delivery.last_try_time, delivery.next_try_time
    return following.seconds - last.seconds + (following.nanos - last.nanos) / 1e9


@attacks(54, 'receivers: Retry-After of 10^9 s, 410, 302: what is tried again', 'webhooks')
def what_is_kept(rig):
    # The schedule alone says a second and up to a fifth more: what is longer was asked for.
    with Sender(rig, '0s' + ',1s' * 20) as sender:
        ids = {name: sender.endpoint(name, says(head)) for name, head in (
            ('slow', b'503 Busy\r\nRetry-After: 1000000000'),
            ('slower', b'429 Slow\r\nRetry-After: 20'), ('gone', b'410 Gone'),
            ('moved', b'302 Found\r\nLocation: http://169.254.169.254/'), ('good', b'204 No'))}
        sender.submit('kept')
        for name, status, least, most in (('slow', 503, 3600, 3600), ('slower', 429, 20, 20)):
            slow = sender.await_try(name, ids[name])
            expect(slow.state == PENDING and slow.last_status == status and slow.num_tries == 1,
                   f'{name}: {slow}')
            expect(least <= wait_of(slow) <= most,
                   f'{name}: expected {least} to {most} s, but got {wait_of(slow)}')
        moved = sender.await_try('moved', ids['moved'])
        expect(moved.state == PENDING and moved.last_status == 302 and
               1 <= wait_of(moved) <= 1.2, f'302: {moved}')
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


@attacks(52, 'webhooks to this machine: deliveries, once it is forbidden', 'webhooks')
def stored_target(rig):
    with Sender(rig) as sender:
        endpoint_id = sender.endpoint('forbidden', says(b'204 No\r\nConnection: close'))
        receiver = sender.receivers['forbidden']
        sender.submit('allowed')
        sender.await_all('while it is allowed', endpoint_id, lambda d: d.state == DELIVERED)
        sender.server.stop()
        taken = receiver.connections
        sender.start()
        sender.submit('forbidden')
        late = sender.await_try('forbidden', endpoint_id, PENDING)
        expect(late.last_status == 0 and 'not allowed' in late.last_answer,
               f'expected TARGET_FORBIDDEN, but got {late}')
        expect(receiver.connections == taken, 'it connected although it is forbidden')


@attacks(53, 'names that lead elsewhere: mixed, rebound, by CNAME, or hang', 'webhooks')
def rebinding(rig):
    # A network and a resolver of its own.
    command = namespace('mount', 'net')
    script = pathlib.Path(__file__).with_name('rebinding.py')
    done = subprocess.run([*command, sys.executable, str(script), rig.bin,
                           str(rig.scaled(40, 1000))], capture_output=True, text=True,
                          timeout=20 * DEADLINE)
    expect(done.returncode == 0, (done.stdout + done.stderr)[-3000:])
