"""Attacks 45-49: bytes of HTTP/1.1 at the gateway and at the front."""
import collections
import contextlib
import http.client
import re
import select
import socket
import threading
import time

from rig import DEADLINE, Attacks, Raw, Wrong, expect

attacks = Attacks()
PATH = '/rebound.v1.OperationsService/GetStatus'


def head(rig, extra='', path=PATH, length=2, content_type='application/json', method='POST'):
    return (f'{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n'
            f'Authorization: Bearer {rig.tokens["admin"]}\r\nContent-Length: {length}\r\n{extra}'
            '\r\n').encode()


def exchange(port, data, seconds=DEADLINE):
    """All that is answered until the connection closes."""
    with Raw(port) as raw:
        raw.send(data)
        return raw.read_all(seconds)


def statuses(answer):
    return [int(s) for s in re.findall(rb'HTTP/1\.[01] (\d{3}) ', answer)]


def post(rig, body, port=None, **kwargs):
    answer = exchange(port or rig.server.http_port,
                      head(rig, 'Connection: close\r\n', length=len(body), **kwargs) + body)
    expect(len(statuses(answer)) == 1, f'answers: {answer[:300]!r}')
    return statuses(answer)[0], answer


@attacks(45, 'calls by pages of other sites; framing; credentials in addresses', 'HTTP')
def cross_site(rig):
    port = rig.server.http_port

    def ask(headers, path=PATH):
        lines = ''.join(f'{name}: {value}\r\n' for name, value in headers.items())
        answer = exchange(port, (f'POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{lines}'
                                 'Connection: close\r\nContent-Length: 2\r\n\r\n{}').encode())
        expect(len(statuses(answer)) == 1, f'{answer[:300]!r}')
        return statuses(answer)[0], answer
    # A session that has ended: whoever gets as far as it is told so, with 401.
    cookie = {'Cookie': 'rebound=rbs_' + 'x' * 43, 'Content-Type': 'application/json'}
    page = {**cookie, 'X-Rebound-Csrf': '1', 'Origin': f'http://localhost:{port}'}
    expect(ask(page)[0] == 401, f'a page of this server: {ask(page)[1][:300]!r}')
    for name, headers in {
            'text/plain': {**cookie, 'Content-Type': 'text/plain'}, 'no header': cookie,
            'Origin: null': {**page, 'Origin': 'null'},
            'another origin': {**page, 'Origin': 'https://evil.example'},
            'another port': {**page, 'Origin': 'http://localhost:1'},
            'another site': {**page, 'Sec-Fetch-Site': 'cross-site'}}.items():
        status, answer = ask(headers)
        expect(status == 403 and b'CROSS_SITE_CALL' in answer, f'{name}: {answer[:300]!r}')
    status, answer = ask(page, PATH + '?access_token=' + rig.tokens['admin'])
    expect(status == 400 and b'CREDENTIAL_IN_URL' in answer, f'{answer[:300]!r}')
    answer = exchange(port, b'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(b"frame-ancestors 'none'" in answer, f'framing: {answer!r}')


def await_closed(opened, seconds, drip=b''):
    """What each of them sent until the other side closed it, `seconds` after it was opened at most.
    `opened`: pairs of a socket and when that was. `drip` is sent each second meanwhile."""
    poller, left, got = select.poll(), {}, {}
    for each, since in opened:
        each.setblocking(False)
        left[each.fileno()] = each, since
        got[each] = b''
        poller.register(each, select.POLLIN)
    next_drip = time.monotonic() + 1
    while left:
        for file, _ in poller.poll(200):
            each, since = left[file]
            try:
                more = each.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                more = b''
            got[each] += more
            if not more:
                poller.unregister(file)
                del left[file]
        now = time.monotonic()
        late = [s.getpeername()[1] for s, since in left.values() if now - since > seconds]
        expect(not late, f'{len(late)} of {len(opened)} are still open after {seconds} s, by port: '
               f'{collections.Counter(late)}')
        if drip and now > next_drip:
            next_drip = now + 1
            for each, _ in left.values():
                with contextlib.suppress(OSError):
                    each.send(drip)
    return list(got.values())


class Beside:
    """Calls one after the other on one kept connection, for as long as its block lasts."""

    def __init__(self, rig, port):
        self.rig, self.port = rig, port
        self.taken, self.wrong, self.over = [], None, False

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join(2 * DEADLINE)

    def run(self):
        headers = {'Content-Type': 'application/json',
                   'Authorization': 'Bearer ' + self.rig.tokens['admin']}
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=DEADLINE)
        try:
            # 20 without a crowd say what they take then.
            while not self.over or len(self.taken) < 20:
                started = time.monotonic()
                connection.request('POST', PATH, '{}', headers)
                answer = connection.getresponse()
                answer.read()
                self.taken.append(time.monotonic() - started)
                expect(answer.status == 200, f'a call beside the crowd: {answer.status}')
        except (OSError, Wrong, http.client.HTTPException) as error:
            self.wrong = error
        finally:
            connection.close()

    def p99(self):
        expect(self.wrong is None, f'calls at {self.port}: {self.wrong!r}')
        return sorted(self.taken)[(len(self.taken) * 99 + 99) // 100 - 1]


def expect_unharmed(rig, quiet, crowded):
    """Twice is what the list says; for short calls on a machine of two cores that others use, too,
    a turn of the scheduler is more than that."""
    for before, during in zip(quiet, crowded):
        print(f'     p99 {before.p99() * 1000:.1f} ms, {during.p99() * 1000:.1f} ms beside the '
              f'crowd ({len(during.taken)} calls)')
        expect(during.p99() < max(2 * before.p99(), rig.scaled(0.5, 0.1)),
               f'p99 {before.p99():.3f} s became {during.p99():.3f} s')


def measure(rig, ports):
    """The calls of one second at each port, one port after the other's."""
    done = []
    for port in ports:
        with Beside(rig, port) as calls:
            threading.Event().wait(1)
        done.append(calls)
    return done


@attacks(46, 'slowloris: heads and bodies that do not end', 'both')
def slowloris(rig):
    ports = (rig.server.http_port, rig.front.http_port)
    quiet = measure(rig, ports)
    opened = []
    try:
        for i in range(rig.scaled(100, 1000)):
            each = socket.create_connection(('127.0.0.1', ports[i % 2]), DEADLINE)
            opened.append((each, time.monotonic()))
            each.sendall(head(rig)[:-2] + b'X-' if i % 4 < 2 else head(rig, length=100) + b'{')
        with contextlib.ExitStack() as stack:
            crowded = [stack.enter_context(Beside(rig, port)) for port in ports]
            # Ten seconds are the limit; a byte each second does not make them more.
            answers = await_closed(opened, 12, b'a')
        for answer in answers:
            expect(statuses(answer) in ([], [400], [408]), f'{answer[:200]!r}')
        expect_unharmed(rig, quiet, crowded)
    finally:
        for each, _ in opened:
            each.close()


@attacks(46, 'slow readers: answers that nobody takes', 'both')
def slow_readers(rig):
    # Long answers, so that what the kernel keeps for a socket is full soon.
    asks = {rig.server.http_port: f'GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: '
                                  f'Bearer {rig.tokens["admin"]}\r\n\r\n'.encode() * 20,
            rig.front.http_port: (head(rig, path='/rebound.v1.ConfigService/GetLifecycle') +
                                  b'{}') * 20}
    quiet = measure(rig, asks)
    # file: the socket, its port, when the other side last took anything of it
    opened, poller, longest = {}, select.poll(), {port: 0 for port in asks}
    try:
        for i in range(rig.scaled(6, 200)):
            port = list(asks)[i % 2]
            each = socket.socket()
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            each.settimeout(DEADLINE)
            each.connect(('127.0.0.1', port))
            each.setblocking(False)
            opened[each.fileno()] = [each, port, time.monotonic()]
            poller.register(each, select.POLLOUT)
        waiting, end = set(opened), time.monotonic() + 4 * DEADLINE
        with contextlib.ExitStack() as stack:
            crowded = [stack.enter_context(Beside(rig, port)) for port in asks]
            while waiting and time.monotonic() < end:
                # They go on asking for as long as the server takes it, and read nothing.
                for file, what in poller.poll(200):
                    each, port, since = opened[file]
                    closed = what & (select.POLLERR | select.POLLHUP)
                    try:
                        if not closed and each.send(asks[port]):
                            opened[file][2] = time.monotonic()
                    except BlockingIOError:
                        pass
                    except ConnectionError:
                        closed = True
                    if closed:
                        poller.unregister(file)
                        waiting.discard(file)
                        longest[port] = max(longest[port], time.monotonic() - since)
        expect(not waiting, f'{len(waiting)} of {len(opened)} slow readers are still connected')
        print('     closed once nothing was taken for '
              f'{" and ".join(f"{seconds:.1f}" for seconds in longest.values())} s')
        # The server's ten; the front's eight and two, and what the kernel held until then.
        for (port, seconds), limit in zip(longest.items(), (12, 20)):
            expect(seconds < limit, f'{port}: closed only after {seconds:.1f} s')
        expect_unharmed(rig, quiet, crowded)
    finally:
        for each, _, _ in opened.values():
            each.close()


@attacks(47, 'request smuggling: two lengths, odd codings, broken heads', 'HTTP')
def smuggling(rig):
    start = f'POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    second = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    cases = {
        'CL and TE': start + 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'two CL': start + 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
        'TE xchunked': start + 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
        'TE twice': start + 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n',
        'chunk size overflow': start + 'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}',
        'negative chunk': start + 'Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n',
        'bare LF': start.replace('\r\n', '\n') + 'Content-Length: 2\n\n{}',
        'space before colon': start + 'Content-Length : 2\r\n\r\n{}',
        'folded': start + 'X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}',
        'NUL': start + 'X-A: b\0c\r\nContent-Length: 2\r\n\r\n{}',
        'no host': f'POST {PATH} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}',
        'two hosts': start + 'Host: other\r\nContent-Length: 2\r\n\r\n{}',
        'absolute form': 'GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
        'CL +2': start + 'Content-Length: +2\r\n\r\n{}',
        'CL beyond 64 bits': start + 'Content-Length: 18446744073709551618\r\n\r\n{}',
    }
    for name, text in cases.items():
        answer = exchange(rig.server.http_port, (text + second).encode())
        got = statuses(answer)
        expect(len(got) == 1 and got[0] in (400, 413, 501), f'{name}: {answer[:300]!r}')


@attacks(47, 'the same through the front: never two answers to one request', 'front')
def smuggling_front(rig):
    start = f'POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    hidden = 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    for name, text in {
            'CL and TE': start + 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'
                                 'Connection: close\r\n\r\n0\r\n\r\n',
            'two CL': start + 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
            'TE xchunked': start + 'Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n'
                                   'Connection: close\r\n\r\n{}',
            'space before colon': start + 'Content-Length : 2\r\n\r\n{}'}.items():
        got = statuses(exchange(rig.front.http_port, (text + hidden).encode()))
        expect(len(got) <= 1 and 200 not in got, f'{name}: {got}')


@attacks(47, 'URL of 64 KB, 1,000 headers, h2c upgrade, pipelining', 'HTTP')
def large_heads(rig):
    port = rig.server.http_port
    got = statuses(exchange(port, b'GET /' + b'a' * 65536 + b' HTTP/1.1\r\nHost: x\r\n\r\n'))
    expect(got and got[0] in (414, 431), f'URL: {got}')
    many = ''.join(f'X-{i}: v\r\n' for i in range(1000))
    expect(statuses(exchange(port, head(rig, many) + b'{}')) == [431], '1,000 headers')
    got = statuses(exchange(port, b'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, '
                            b'HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
                            b'\r\n'))
    expect(101 not in got and len(got) == 1, f'h2c: {got}')
    count = rig.scaled(1000, 10_000)
    one = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
    last = b'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    with Raw(port) as raw:
        import threading
        sender = threading.Thread(target=raw.send, args=(one * (count - 1) + last,))
        sender.start()
        got = statuses(raw.read_all(3 * DEADLINE))
        sender.join(DEADLINE)
    expect(len(got) == count and set(got) == {200}, f'pipelined: {len(got)} answers')


@attacks(48, 'JSON that only lenient parsers take', 'HTTP')
def lenient_json(rig):
    deep = b'{"a":' * 101 + b'1' + b'}' * 101
    for body in (b'{"a":1,"a":2}', b'{"a":1,}', b"{'a':1}", b'{a:1}', b'{/**/}', b'{}//x',
                 b'\xef\xbb\xbf{}', b'{"a":1e999}', deep, b'{"a":NaN}', b'{', b'', b'{}{}',
                 b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":01}', b'[' * 100_000):
        status, answer = post(rig, body)
        expect(status == 400, f'{body[:60]!r}: {answer[-300:]!r}')
    for kind in ('text/html', 'text/plain', 'application/xml', 'multipart/form-data'):
        expect(post(rig, b'{}', content_type=kind)[0] == 415, kind)
    got = statuses(exchange(rig.server.http_port, head(rig, length=100 << 20)))
    expect(got == [413], f'100 MB: {got}')


@attacks(49, 'paths: .., %2f, %00, //, dot files, maps; TRACE, PUT, CONNECT, Range', 'HTTP')
def paths(rig):
    def ask(method, path, extra=''):
        answer = exchange(rig.server.http_port, f'{method} {path} HTTP/1.1\r\nHost: x\r\n{extra}'
                          'Connection: close\r\nContent-Length: 0\r\n\r\n'.encode())
        expect(len(statuses(answer)) == 1, f'{method} {path}: {answer[:200]!r}')
        expect(b'root:' not in answer, f'{path} gave a file away')
        return statuses(answer)[0]
    for path in ('/..%2f..%2fetc/passwd', '/../../etc/passwd', '/%00', '//etc/passwd',
                 '/.git/config', '/.env', '/app.js.map', '/%2e%2e/%2e%2e/etc/passwd',
                 '/..\\..\\etc'):
        expect(ask('GET', path) in (400, 404), f'{path}: {ask("GET", path)}')
    for method in ('TRACE', 'PUT', 'DELETE', 'PROPFIND'):
        expect(ask(method, '/healthz') in (400, 404, 405, 501), method)
    expect(ask('CONNECT', 'example.org:443') in (400, 404, 405), 'CONNECT')
    huge = 'Range: bytes=' + ','.join('0-' for _ in range(1000)) + '\r\n'
    expect(ask('GET', '/healthz', huge) in (200, 416, 431), 'Range')
