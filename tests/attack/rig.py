"""A server and a front to attack, and clients that may do what no library lets them.

Every wait has a deadline (DEADLINE seconds); nothing sleeps.
"""
import os
import pathlib
import re
import resource
import select
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMPORTS = '/usr/share/gocode/src/github.com/gogo/googleapis'
DEADLINE = 20
MEGABYTE = 1 << 20
PAGE = '<!doctype html><title>the console</title>'
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
# Types of frames.
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)


class Wrong(Exception):
    """The answer was not the one that is asserted."""


class Skipped(Exception):
    """The attack cannot be made here, and why."""


def namespace(*kinds):
    """The beginning of a command that is root within namespaces of its own."""
    command = ['unshare', '--map-root-user', *(f'--{kind}' for kind in kinds)]
    done = subprocess.run([*command, 'true'], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skipped('no user namespaces: ' + done.stderr.strip())
    return command


def expect(holds, what):
    if not holds:
        raise Wrong(what)


class Protos:
    """The messages of the API, from the sources."""

    def __init__(self):
        with tempfile.NamedTemporaryFile() as out:
            files = sorted(str(f) for f in (ROOT / 'proto').rglob('*.proto'))
            subprocess.run(['protoc', f'-I{ROOT}/proto', f'-I{IMPORTS}', '--include_imports',
                            f'--descriptor_set_out={out.name}', *files,
                            f'{IMPORTS}/google/rpc/error_details.proto',
                            f'{IMPORTS}/google/rpc/status.proto'], check=True)
            files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)
        self.factory = message_factory.MessageFactory(self.pool)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))

    def method(self, name):
        service, method = name.split('/')
        return self.pool.FindServiceByName(f'rebound.v1.{service}').methods_by_name[method]

    def enum(self, name, value):
        return self.pool.FindEnumTypeByName('rebound.v1.' + name).values_by_name[value].number


class Answer:
    """Of one call: the message, or code, reason and fields of the refusal."""

    def __init__(self, message=None, code=0, reason='', fields=(), details=''):
        self.message, self.code, self.reason = message, code, reason
        self.fields, self.details = list(fields), details

    def __repr__(self):
        return f'code {self.code} {self.reason} {self.fields} {self.details[:200]}'


class Api:
    """Well-behaved calls, each on a connection of its own."""

    def __init__(self, protos, address, token, root=None):
        self.protos, self.address, self.token, self.root = protos, address, token, root

    def channel(self):
        options = [('grpc.use_local_subchannel_pool', 1), ('grpc.max_receive_message_length', -1),
                   ('grpc.max_send_message_length', -1), ('grpc.max_metadata_size', 1 << 20)]
        if self.root is None:
            return grpc.insecure_channel(self.address, options)
        return grpc.secure_channel(self.address, grpc.ssl_channel_credentials(self.root), options)

    def bytes(self, name, body, metadata=(), token=None, timeout=DEADLINE, **kwargs):
        """Sends bytes as they are. `name`: Service/Method, or a whole path with a slash first."""
        path = name if name.startswith('/') else '/rebound.v1.' + name
        token = self.token if token is None else token
        if token:
            metadata = [('authorization', 'Bearer ' + token), *metadata]
        with self.channel() as channel:
            try:
                return Answer(channel.unary_unary(path)(body, timeout=timeout, metadata=metadata,
                                                        **kwargs))
            except grpc.RpcError as error:
                return self.refusal(error)

    def call(self, name, fields=None, **kwargs):
        method = self.protos.method(name)
        request = self.protos.message(method.input_type.full_name)(**(fields or {}))
        answer = self.bytes(name, request.SerializeToString(), **kwargs)
        if answer.message is not None:
            answer.message = self.protos.message(
                method.output_type.full_name).FromString(answer.message)
        return answer

    def refusal(self, error):
        answer = Answer(code=error.code().value[0], details=error.details() or '')
        for key, value in error.trailing_metadata() or ():
            if key != 'grpc-status-details-bin':
                continue
            for detail in self.protos.message('google.rpc.Status').FromString(value).details:
                name = detail.type_url.split('/')[-1]
                message = self.protos.message(name).FromString(detail.value)
                if name == 'google.rpc.ErrorInfo':
                    answer.reason = message.reason
                elif name == 'google.rpc.BadRequest':
                    answer.fields = [v.field for v in message.field_violations]
        return answer


class Process:
    """Ends by stop(), by its process id alone. Its memory is watched from mark() on, which is
    called once it is ready, and before each attack."""

    all = []  # in the order of their starts

    def __init__(self, command, env=None, files=None):
        def limit():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        self.child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                      env={**os.environ, **(env or {})}, preexec_fn=limit)
        self.log = bytearray()  # which grows in its place: some log a million lines
        self.ended = False
        self.more = threading.Condition()
        # Always read: a server whose log nobody takes stands still.
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        self.name = pathlib.Path(command[0]).name
        self.peak = self.before = self.first = 0
        Process.all.append(self)

    def read_log(self):
        while data := os.read(self.child.stderr.fileno(), 65536):
            with self.more:
                self.log += data
                self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    def await_line(self, pattern, seconds=DEADLINE):
        """The first match of `pattern` in what it logged."""
        with self.more:
            found = self.more.wait_for(lambda: re.search(pattern.encode(), self.log) or self.ended,
                                       seconds)
            if not found or found is True:
                found = re.search(pattern.encode(), self.log)
            if not found:
                raise Wrong(f'no {pattern} in: {self.log[:300]!r} ... {self.log[-1500:]!r}')
            return found

    def memory(self, figure):
        """In bytes; 0 once it has ended."""
        try:
            text = pathlib.Path(f'/proc/{self.child.pid}/status').read_text()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        found = re.search(figure + r':\s+(\d+)', text)
        return int(found[1]) << 10 if found else 0

    def rss(self):
        return self.memory('VmRSS')

    def mark(self):
        if self.child.poll() is None:
            pathlib.Path(f'/proc/{self.child.pid}/clear_refs').write_text('5')  # the peak is now
        self.peak = self.before = self.rss()
        self.first = self.first or self.before

    def grown(self):
        """By how many bytes it was larger at most than at the last mark(), be it for a moment; 0
        before any."""
        if self.first:
            self.peak = max(self.peak, self.memory('VmHWM'))
        return self.peak - self.before

    def left(self):
        """By how many bytes it is larger than at the first mark()."""
        return self.rss() - self.first

    def cpu(self):
        fields = pathlib.Path(f'/proc/{self.child.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def stop(self):
        self.grown()
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.reader.join(DEADLINE)
        self.child.stderr.close()


class Server(Process):
    def __init__(self, bin_dir, db, *arguments, files=None):
        super().__init__([f'{bin_dir}/reboundd', '--db', db, '--config', f'{ROOT}/config',
                          '--listen', '127.0.0.1:0', *arguments], files=files)
        self.port = int(self.await_line(r'"msg":"listening".*"port":(\d+)')[1])
        self.http_port = 0
        if '--http' in arguments:
            self.http_port = int(self.await_line(r'"http_port":(\d+)')[1])
        self.mark()


def free_ports(count):
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Front(Process):
    """HAProxy with the shipped configuration."""

    def __init__(self, folder, server, plain='127.0.0.1'):
        if not (folder / 'front.pem').exists():
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                            '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
                            '-keyout', folder / 'key.pem', '-out', folder / 'cert.pem'],
                           check=True, stderr=subprocess.DEVNULL)
            (folder / 'front.pem').write_bytes((folder / 'cert.pem').read_bytes() +
                                               (folder / 'key.pem').read_bytes())
        self.root = (folder / 'cert.pem').read_bytes()
        self.tls, self.tls_http, self.port, self.http_port = free_ports(4)
        haproxy = shutil.which('haproxy', path=os.environ['PATH'] + ':/usr/sbin') or 'haproxy'
        super().__init__([haproxy, '-db', '-f', f'{ROOT}/config/haproxy.cfg'], env={
            'REBOUND_CERTIFICATE': str(folder / 'front.pem'),
            'REBOUND_FRONT_GRPC': f'127.0.0.1:{self.tls}',
            'REBOUND_FRONT_HTTP': f'127.0.0.1:{self.tls_http}',
            'REBOUND_PLAIN_GRPC': f'{plain}:{self.port}',
            'REBOUND_PLAIN_HTTP': f'127.0.0.1:{self.http_port}',
            'REBOUND_GRPC': f'127.0.0.1:{server.port}',
            'REBOUND_HTTP': f'127.0.0.1:{server.http_port}'})
        await_listener(self.port)
        await_listener(self.http_port)
        self.mark()


def await_listener(port):
    end = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), DEADLINE).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            select.select([], [], [], 0.02)


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        '>I', stream) + payload


class Raw:
    """A socket that sends any bytes and takes the answer apart."""

    def __init__(self, port, tls=False, host='127.0.0.1', alpn='h2'):
        self.socket = socket.create_connection((host, port), DEADLINE)
        if tls:
            context = ssl._create_unverified_context()
            context.set_alpn_protocols([alpn])
            self.socket = context.wrap_socket(self.socket)
        self.buffer = b''
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False: the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError, socket.timeout):
            return False

    def read(self, seconds=DEADLINE):
        """Some bytes; b'' at the end. Raises Wrong when nothing comes in time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            return self.socket.recv(65536)
        except socket.timeout:
            raise Wrong(f'no answer within {seconds:.0f} s') from None
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            return b''

    def read_all(self, seconds=DEADLINE):
        """Everything until the other side closes."""
        end = time.monotonic() + seconds
        data = b''
        while more := self.read(end - time.monotonic()):
            data += more
        return data

    def start_h2(self, settings=b''):
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))
        return self

    def frames(self, seconds=DEADLINE):
        """(kind, flags, stream, payload), until the other side closes."""
        end = time.monotonic() + seconds
        while True:
            while len(self.buffer) >= 9:
                size = int.from_bytes(self.buffer[:3], 'big')
                if len(self.buffer) < 9 + size:
                    break
                kind, flags = self.buffer[3], self.buffer[4]
                stream = int.from_bytes(self.buffer[5:9], 'big') & 0x7FFFFFFF
                payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
                yield kind, flags, stream, payload
            more = self.read(end - time.monotonic())
            if not more:
                self.closed = True
                return
            self.buffer += more

    def await_end(self, seconds=DEADLINE):
        """The error code of GOAWAY, or None; returns once the connection is closed or told to."""
        for kind, flags, _, payload in self.frames(seconds):
            if kind == GOAWAY:
                return int.from_bytes(payload[4:8], 'big')
            if kind == SETTINGS and not flags & 1:
                self.send(frame(SETTINGS, 1, 0))
        return None

    def await_stream(self, stream=1, seconds=DEADLINE, decoder=None, body=b''):
        """The headers of the answer to one stream: ('headers', dict), ('reset', code) or
        ('goaway', code) or ('closed', None). `body` ends the request; it goes out as the windows
        let it, as far as it gets before the answer."""
        import hpack
        decoder = decoder or hpack.Decoder()
        headers = {}
        window, windows, body = 65535, {0: 65535, stream: 65535}, memoryview(body)

        def send_more():
            nonlocal body
            while body and (size := min(16384, len(body), *windows.values())) > 0:
                part, body = body[:size], body[size:]
                if not self.send(frame(DATA, 0 if body else 1, stream, bytes(part))):
                    return  # what was answered is still to be read
                for each in windows:
                    windows[each] -= size
        send_more()
        for kind, flags, of, payload in self.frames(seconds):
            if kind == GOAWAY:
                return 'goaway', int.from_bytes(payload[4:8], 'big')
            if kind == SETTINGS and not flags & 1:
                self.send(frame(SETTINGS, 1, 0))
                for i in range(0, len(payload), 6):
                    if payload[i:i + 2] == b'\0\4':
                        first = int.from_bytes(payload[i + 2:i + 6], 'big')
                        windows[stream] += first - window
                        window = first
                send_more()
            if kind == WINDOW and of in windows:
                windows[of] += int.from_bytes(payload, 'big')
                send_more()
            if kind == RST and of == stream:
                if headers:
                    return 'headers', headers
                return 'reset', int.from_bytes(payload, 'big')
            if kind == HEADERS:
                fields = decoder.decode(payload, raw=True)
                if of == stream:
                    headers.update({k.decode(): v.decode('latin-1') for k, v in fields})
                    if flags & 1:
                        return 'headers', headers
            if kind == DATA and of == stream and flags & 1:
                return 'headers', headers
        return ('headers', headers) if headers else ('closed', None)


def call_head(path, token='', extra=()):
    """The header fields of a gRPC call."""
    fields = [(':method', 'POST'), (':scheme', 'http'), (':path', path),
              (':authority', 'localhost'), ('content-type', 'application/grpc'), ('te', 'trailers')]
    if token:
        fields.append(('authorization', 'Bearer ' + token))
    return fields + list(extra)


def message(body):
    return b'\0' + struct.pack('>I', len(body)) + body


class Rig:
    """What the attacks get: server, front, tokens, and how large they are to be."""

    def __init__(self, bin_dir, full=False):
        self.bin, self.full = bin_dir, full
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='rebound-attack-'))
        self.db = str(self.folder / 'rebound.db')
        self.protos = Protos()
        self.tokens = {name: self.new_token(name, *arguments) for name, *arguments in (
            ('admin', '--role', 'admin'), ('agent', '--role', 'agent'),
            ('viewer', '--role', 'viewer'), ('integration', '--role', 'integration'),
            ('elsewhere', '--role', 'agent', '--queue', 'elsewhere'))}
        self.server = self.front = None
        # Of the console; an attack may put more there.
        self.files = self.folder / 'files'
        self.files.mkdir()
        (self.files / 'index.html').write_text(PAGE)
        self.server = Server(self.bin, self.db, '--http', '127.0.0.1:0', '--trusted-proxy',
                             '127.0.0.1', '--watchdog', '2', '--http-files', str(self.files))
        self.front = Front(self.folder, self.server)
        self.api = Api(self.protos, f'127.0.0.1:{self.server.port}', self.tokens['admin'])
        self.front_api = Api(self.protos, f'127.0.0.1:{self.front.port}', self.tokens['admin'])
        self.tls_api = Api(self.protos, f'localhost:{self.front.tls}', self.tokens['admin'],
                           self.front.root)

    def new_token(self, name, *arguments, db=None):
        return subprocess.run([f'{self.bin}/reboundd', 'principal', 'add', '--db', db or self.db,
                               '--name', name, *arguments], check=True, capture_output=True,
                              text=True).stdout.strip()

    def other_server(self):
        """The API of another installation, with an administrator of its own; stop() ends it."""
        db = str(self.folder / 'elsewhere.db')
        token = self.new_token('admin', '--role', 'admin', db=db)
        server = Server(self.bin, db)
        api = Api(self.protos, f'127.0.0.1:{server.port}', token)
        api.stop = server.stop
        return api

    def scaled(self, quick, full):
        return full if self.full else quick

    def submit(self, request_id, score=2, external_id='li', api=None, **kwargs):
        return (api or self.api).call('ResponseService/SubmitResponse', {
            'request_id': request_id, 'response': {
                'program_id': 'touchpoint', 'score': score,
                'customer_key': {'source_system': 'crm', 'external_id': external_id}}}, **kwargs)

    def expect_good_call(self):
        """The next good calls, on new connections: served, directly and by way of the front."""
        for api in (self.api, self.front_api):
            answer = api.call('OperationsService/GetStatus')
            expect(answer.code == 0, f'the next good call at {api.address}: {answer}')

    def stop(self):
        for process in (self.front, self.server):
            if process:
                process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Attacks:
    """Collects the attacks of a file: @attacks(number, name, where)."""

    def __init__(self):
        self.all = []

    def __call__(self, number, name, where, memory=64):
        def add(function):
            self.all.append((number, name, where, memory, function))
            return function
        return add
