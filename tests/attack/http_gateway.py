"""Attacks 45-49: bytes of HTTP/1.1 at the gateway and at the front."""
import collections
import contextlib
import http.client
import json
import os
import re
import select
import socket
import threading
import time

from rig import DEADLINE, PAGE, Attacks, Raw, Wrong, expect

attacks = Attacks()
PATH = '/rebound.v1.OperationsService/GetStatus'
SUBMIT = 'ResponseService/SubmitResponse'


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


def post(rig, body, port=None, extra='', **kwargs):
    answer = exchange(port or rig.server.http_port, head(
        rig, 'Connection: close\r\n' + extra, length=len(body), **kwargs) + body)
    expect(len(statuses(answer)) == 1, f'answers: {answer[:300]!r}')
    return statuses(answer)[0], answer


def expect_fault(rig, path, body, reason, field, port=None, **kwargs):
    """Refused with 400, for this reason, at this field, and at the byte where `body` has an @."""
    before, mark, after = body.partition(b'@')
    status, answer = post(rig, before + after, port, path='/rebound.v1.' + path, **kwargs)
    what = f'{body[:60]!r}: {answer[-900:]!r}'
    expect(status == 400, what)
    details = {detail['type']: detail['debug']
               for detail in json.loads(answer.partition(b'\r\n\r\n')[2])['details']}
    error = details['google.rpc.ErrorInfo']
    expect(error['reason'] == reason and error['metadata']['field'] == field,
           f'expected {reason} at {field!r}: {what}')
    expect(not mark or error['metadata']['offset'] == str(len(before)),
           f'expected byte {len(before)}: {what}')
    violations = details.get('google.rpc.BadRequest', {}).get('fieldViolations', ())
    expect([v['field'] for v in violations] == ([field] if field else []), what)


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
    # A program's call, which has its token and no cookie, is served; but a page of another site
    # must not read the answer, whatever it asks.
    origin = 'Origin: https://evil.example\r\nConnection: close\r\n'
    for data, status in ((head(rig, origin) + b'{}', 200),
                         (head(rig, origin, path='/rebound.v1.CaseService/GetCase') + b'{}', 400),
                         (head(rig, origin + 'Access-Control-Request-Method: POST\r\n', length=0,
                               method='OPTIONS'), 405),
                         (head(rig, origin, path='/index.html', length=0, method='GET'), 200),
                         (head(rig, origin, path='/metrics', length=0, method='GET'), 200)):
        answer = exchange(port, data)
        expect(statuses(answer) == [status] and b'access-control-' not in answer.lower(),
               f'CORS is off, and got {answer[:600]!r}')
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
        now = time.monotonic()
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
        for (port, seconds), limit in zip(longest.items(), (15, 20)):
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
    # Of fields that there are, or the name would be the fault.
    request, score = 'request_id', 'response.score'
    for body, field in ((b'{"requestId":"r",@"requestId":"s"}', request),
                        (b'{"requestId":"r",@"request_id":"s"}', request),
                        (b'{"requestId":"r",@}', ''), (b"{@'requestId':'r'}", ''),
                        (b'{@requestId:"r"}', ''), (b'{@/**/}', ''), (b'{}@//x', ''),
                        (b'{}@{}', ''), (b'{@', ''), (b'@', ''), (b'@\xef\xbb\xbf{}', ''),
                        (b'{"response":{"score":@1e999}}', score),
                        (b'{"response":{"score":@NaN}}', score),
                        (b'{"response":{"score":-0@x1}}', 'response'),
                        (b'{"response":{"score":@"NaN"}}', score),
                        (b'{"response":{"score":0@1}}', 'response'),
                        (b'{"response":{"score":@.5}}', score),
                        (b'{"requestId":"@\xff"}', ''), (b'{"requestId":"@\xc0\xaf"}', ''),
                        (b'{"requestId":"@\\ud800"}', request),
                        (b'{"requestId":"\\@x41"}', request),
                        (b'{"requestId":"@\n"}', request), (b'{"requestId":"r@', request),
                        (b'@' + b'[' * 100_000, ''), (b'{"requestId":@' + b'[' * 100_000, request),
                        (b'{"response":@' + b'[' * 100_000, 'response')):
        expect_fault(rig, SUBMIT, body, 'JSON_INVALID', field)
    deep = b'{"response":' * 101 + b'1' + b'}' * 101
    expect_fault(rig, SUBMIT, deep.replace(b'{"r', b'{@"r', 2).replace(b'@', b'', 1),
                 'FIELD_UNKNOWN', 'response.response')
    for kind in ('text/html', 'text/plain', 'application/xml', 'multipart/form-data',
                 'application/json; charset=gb18030'):
        status, answer = post(rig, b'{}', content_type=kind)
        expect(status == 415 and b'CONTENT_TYPE_UNSUPPORTED' in answer, f'{kind}: {answer!r}')
    got = statuses(exchange(rig.server.http_port, head(rig, length=100 << 20)))
    expect(got == [413], f'100 MB: {got}')


def ask_file(port, method, path, extra=''):
    """Status, head and body of one answer."""
    answer = exchange(port, f'{method} {path} HTTP/1.1\r\nHost: x\r\n{extra}Connection: close\r\n'
                      'Content-Length: 0\r\n\r\n'.encode())
    expect(len(statuses(answer)) == 1, f'{method} {path}: {answer[:200]!r}')
    expect(SECRET not in answer and b'root:' not in answer, f'{path} gave a file away')
    start, _, body = answer.partition(b'\r\n\r\n')
    return statuses(answer)[0], start.lower(), body


SECRET = b'nobody may read this'


@attacks(49, 'files: .., %2f, %00, //, dot files, maps, links, pipes', 'both')
def paths(rig):
    """Beside good files lies what must not be given out, under each name that is asked for."""
    outside = rig.folder / 'outside'
    outside.mkdir()
    for path in (outside / 'secret.txt', rig.folder / 'above.txt', rig.files / '.env',
                 rig.files / 'app.js.map', rig.files / '.git' / 'config',
                 rig.files / '.well-known' / 'security.txt'):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(SECRET)
    (rig.files / 'assets').mkdir()
    (rig.files / 'app.js').write_text('app()')
    (rig.files / 'assets' / 'a.css').write_text('a {}')
    (rig.files / 'link.txt').symlink_to(outside / 'secret.txt')
    (rig.files / 'inner.js').symlink_to('app.js')
    (rig.files / 'out').symlink_to(outside)
    (rig.files / 'assets' / 'up').symlink_to('../..')
    os.mkfifo(rig.files / 'pipe.txt')
    page = PAGE.encode()
    for port in (rig.server.http_port, rig.front.http_port):
        for path, kind, body in (('/', b'text/html', page), ('/index.html', b'text/html', page),
                                 ('/cases/C-1', b'text/html', page),
                                 ('/app.js', b'text/javascript', b'app()'),
                                 ('/assets/a.css?v=1', b'text/css', b'a {}'),
                                 ('/%61pp.js', b'text/javascript', b'app()')):
            status, start, got = ask_file(port, 'GET', path)
            expect((status, got) == (200, body) and b'content-type: ' + kind in start,
                   f'{path}: {status} {start!r} {got[:100]!r}')
            expect(b'x-content-type-options: nosniff' in start, f'{path}: {start!r}')
            expect(ask_file(port, 'HEAD', path)[::2] == (200, b''), f'HEAD {path}')
    # Answers of the front's own are dressed like the server's; and browsers keep to its TLS.
    for path, code in (('/metrics', 404), ('/', 200)):
        with Raw(rig.front.tls_http, tls=True, alpn='http/1.1') as raw:
            raw.send(f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
            answer = raw.read_all()
        start = answer.partition(b'\r\n\r\n')[0].lower() + b'\r\n'
        expect(statuses(answer) == [code], f'{path}: {start!r}')
        for header in (b'strict-transport-security: max-age=', b'x-content-type-options: nosniff',
                       b'content-security-policy: default-src'):
            expect(start.count(b'\r\n' + header) == 1, f'{path}: {header!r} in {start!r}')
    for port in (rig.server.http_port, rig.front.http_port):
        for path in ('/.env', '/app.js.map', '/.git/config', '/.well-known/security.txt', '/%2eenv',
                     '/link.txt', '/inner.js', '/out/secret.txt', '/assets/up/above.txt',
                     '/assets/up/outside/secret.txt', '/pipe.txt', '/../above.txt',
                     '/assets/../app.js', '/..%2fabove.txt', '/%2e%2e/above.txt',
                     '/%2e%2e%2fabove.txt', '/%252e%252e/above.txt', '/..\\above.txt',
                     '/..%5cabove.txt', '/%00', '/app.js%00', '/app.js%00.css', '/app.js%0a',
                     '//app.js', '//etc/passwd', '/..%2f..%2fetc/passwd', '/../../etc/passwd',
                     '/..%c0%afabove.txt', '/%', '/%zz', '/app.js/', '/app.js/x', '/absent.js',
                     '/' + 'a/' * 2000 + 'x.js'):
            status, _, body = ask_file(port, 'GET', path)
            expect(status in (400, 404) and body not in (page, b'app()'),
                   f'{path[:60]}: {status} {body[:100]!r}')
        # Links and folders outside are not there: for a path without a dot the console's page is.
        for path in ('/out', '/out/', '/assets/up', '/assets/up/outside'):
            status, _, body = ask_file(port, 'GET', path)
            expect(status == 404 or body == page, f'{path}: {status} {body[:100]!r}')


@attacks(49, 'files: TRACE, PUT, DELETE, CONNECT; a range of a thousand parts', 'both')
def methods_and_ranges(rig):
    for port in (rig.server.http_port, rig.front.http_port):
        for path in ('/index.html', '/', '/healthz', '/absent.js'):
            for method in ('TRACE', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'OPTIONS'):
                status, start, _ = ask_file(port, method, path, 'X-Secret: echo\r\n')
                expect(status in (404, 405, 501), f'{method} {path}: {status}')
                expect(status != 405 or b'allow: get, head' in start, f'{method}: {start!r}')
                expect(b'echo' not in start, f'{method} {path} is echoed: {start!r}')
        expect(ask_file(port, 'CONNECT', 'example.org:443')[0] in (400, 404, 405), 'CONNECT')
        # Ranges are not for us: the whole, once, or a refusal of the head.
        page = PAGE.encode()
        for ranges in ('0-0', '-1', f'{1 << 63}-', '0-,' * 1000 + '0-', '5-1', 'x'):
            status, start, body = ask_file(port, 'GET', '/index.html',
                                           f'Range: bytes={ranges}\r\n')
            expect((status == 200 and body == page) or status in (416, 431),
                   f'{ranges[:30]}: {status} {len(body)} bytes')
            expect(b'multipart' not in start, f'{ranges[:30]}: {start!r}')
    expect((rig.files / 'index.html').read_text() == PAGE, 'a file was written or deleted')
