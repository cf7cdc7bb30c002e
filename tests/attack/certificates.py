"""Attack 43 against a server that takes client certificates, on both of its listeners."""
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import types

import grpc
from rig import DEADLINE, Api, Attacks, Front, Server, Wrong, expect

attacks = Attacks()
WHO = '/rebound.v1.AccessService/WhoAmI'
ROOT = 'URI:rebound:user:root'
FORGED = {'rebound-peer-certificate': '9999999999999 rebound:user:root',
          'x-forwarded-client-cert': 'URI=rebound:user:root', 'x-client-cert-subject': '/CN=root',
          'x-ssl-client-verify': 'SUCCESS', 'x-ssl-client-s-dn': 'CN=root',
          'x-ssl-client-cert': 'rebound:user:root', 'ssl-client-verify': 'SUCCESS',
          'ssl-client-subject-dn': 'CN=root', 'x-user': 'root', 'x-forwarded-user': 'root'}


class Files:
    """Certificates by the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def openssl(self, *arguments):
        subprocess.run(['openssl', *map(str, arguments)], check=True, cwd=self.folder,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def authority(self, name):
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                     '-nodes', '-days', '2', '-subj', f'/CN={name}', '-keyout', f'{name}.key',
                     '-out', f'{name}.pem')

    def signed(self, name, authority, names='', common_name='root', days=2, usage='clientAuth'):
        """The names of chain and key. A negative count of days: ended."""
        self.openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                     '-subj', f'/CN={common_name}', '-keyout', f'{name}.key', '-out',
                     f'{name}.csr')
        text = f'extendedKeyUsage={usage}\n'
        if names:
            text += f'subjectAltName={names}\n'
        (self.folder / f'{name}.cnf').write_text(text)
        self.openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{authority}.pem', '-CAkey',
                     f'{authority}.key', '-days', days, '-extfile', f'{name}.cnf', '-out',
                     f'{name}.pem')
        return self.pair(name)

    def pair(self, name):
        return str(self.folder / f'{name}.pem'), str(self.folder / f'{name}.key')

    def text(self, name):
        return (self.folder / name).read_bytes()


class Doors:
    """A server with both listeners under TLS that asks for certificates; ends with its block."""

    def __init__(self, rig):
        self.rig, self.files = rig, Files(rig.folder / 'certificates')
        files = self.files
        for name in ('clients', 'strangers'):
            if not (files.folder / f'{name}.pem').exists():
                files.authority(name)
        if not (files.folder / 'own.pem').exists():
            files.authority('own-ca')
            files.signed('own', 'own-ca', 'DNS:localhost,IP:127.0.0.1', 'localhost',
                         usage='serverAuth')
        certificate, key = files.pair('own')
        clients = str(files.folder / 'clients.pem')
        self.db = str(files.folder / 'rebound.db')
        self.admin = subprocess.run(
            [f'{rig.bin}/reboundd', 'principal', 'add', '--db', self.db, '--name', 'operator',
             '--role', 'admin'], check=True, capture_output=True, text=True).stdout.strip()
        self.server = Server(rig.bin, self.db, '--grpc-certificate', certificate, '--grpc-key', key,
                             '--grpc-client-ca', clients, '--http', '127.0.0.1:0',
                             '--http-certificate', certificate, '--http-key', key,
                             '--http-client-ca', clients)
        self.api = Api(rig.protos, f'localhost:{self.server.port}', self.admin,
                       files.text('own-ca.pem'))
        made = self.api.call('AccessService/CreateUser', {
            'request_id': 'root', 'user': {'name': 'root', 'role': 'admin'}})
        expect(made.code == 0 or made.reason == 'USER_EXISTS', repr(made))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def context(self, pair=None):
        context = ssl.create_default_context(cafile=str(self.files.folder / 'own-ca.pem'))
        if pair:
            context.load_cert_chain(*pair)
        return context

    def by_http(self, pair=None, headers=None, context=None):
        """Status and answer, or None, None when there is no handshake."""
        connection = http.client.HTTPSConnection(
            'localhost', self.server.http_port, timeout=DEADLINE,
            context=context or self.context(pair))
        try:
            connection.request('POST', WHO, '{}',
                               {'content-type': 'application/json', **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return None, None
        finally:
            connection.close()

    def by_grpc(self, pair=None, headers=None):
        """The code, UNAVAILABLE (14) when there is no handshake, and the name or the words."""
        files = (None, None)
        if pair:
            files = (open(pair[1], 'rb').read(), open(pair[0], 'rb').read())
        credentials = grpc.ssl_channel_credentials(self.files.text('own-ca.pem'), *files)
        with grpc.secure_channel(f'localhost:{self.server.port}', credentials,
                                 [('grpc.use_local_subchannel_pool', 1)]) as channel:
            try:
                answer = channel.unary_unary(WHO)(b'', timeout=DEADLINE,
                                                  metadata=list((headers or {}).items()))
            except grpc.RpcError as error:
                return error.code().value[0], error.details()
        message = self.rig.protos.message('rebound.v1.WhoAmIResponse').FromString(answer)
        return 0, message.identity.name

    def expect_refused(self, what, pair, headers=None):
        """Handshake done, and nobody."""
        status, answer = self.by_http(pair, headers)
        expect(status == 401, f'{what} over HTTP: {status} {answer}')
        code, text = self.by_grpc(pair, headers)
        expect(code == 16, f'{what} over gRPC: {code} {text}')

    def expect_no_handshake(self, what, pair):
        status, answer = self.by_http(pair)
        expect(status is None, f'{what} over HTTP: {status} {answer}')
        code, text = self.by_grpc(pair)
        expect(code == 14, f'{what} over gRPC: {code} {text}')

    def expect_good_calls(self, pair):
        status, answer = self.by_http(pair)
        expect(status == 200 and answer['identity']['name'] == 'root', f'{status} {answer}')
        expect(self.by_grpc(pair) == (0, 'root'), f'{self.by_grpc(pair)}')
        status, answer = self.by_http(headers={'authorization': 'Bearer ' + self.admin})
        expect(status == 200 and answer['identity']['name'] == 'operator', f'{status} {answer}')


@attacks(43, 'mTLS: other CA, ended, self-signed, for servers only', 'gRPC, HTTP')
def strangers(rig):
    with Doors(rig) as doors:
        files = doors.files
        good = files.signed('root', 'clients', ROOT)
        doors.expect_good_calls(good)
        doors.expect_no_handshake('another CA', files.signed('other', 'strangers', ROOT))
        doors.expect_no_handshake('ended', files.signed('ended', 'clients', ROOT, days=-1))
        doors.expect_no_handshake('for servers', files.signed('server', 'clients', ROOT,
                                                              usage='serverAuth'))
        files.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                      '-nodes', '-days', '2', '-subj', '/CN=clients', '-addext',
                      f'subjectAltName={ROOT}', '-keyout', 'self.key', '-out', 'self.pem')
        doors.expect_no_handshake('self-signed', files.pair('self'))
        # A client of the CA signs for others: it may not.
        files.signed('forged', 'root', ROOT)
        chain = files.text('forged.pem') + files.text('root.pem')
        (files.folder / 'chain.pem').write_bytes(chain)
        doors.expect_no_handshake('signed by a client', (str(files.folder / 'chain.pem'),
                                                         files.pair('forged')[1]))
        doors.expect_good_calls(good)


@attacks(43, 'mTLS: no name, others, two, nobody; forged headers', 'gRPC, HTTP')
def names(rig):
    with Doors(rig) as doors:
        files = doors.files
        good = files.signed('root', 'clients', ROOT)
        doors.expect_refused('none', None)
        doors.expect_refused('no SAN', files.signed('none', 'clients'))
        for i, san in enumerate(('DNS:root,email:root@example.com', 'URI:rebound:user:ROOT',
                                 'URI:rebound:user:nobody', 'URI:rebound:user:operator',
                                 'URI:rebound:key:00000000000000000000000000', 'URI:rebound:user:',
                                 'URI:rebound:user:%', f'{ROOT},URI:rebound:user:other',
                                 'URI:rebound:user:%00root')):
            doors.expect_refused(san, files.signed(f'san-{i}', 'clients', san))
        doors.expect_refused('forged headers', None, FORGED)
        doors.expect_refused('forged headers, no SAN', files.pair('none'), FORGED)
        for token in ('Bearer rbt_unknown', 'Bearer rebound:user:root', 'x'):
            doors.expect_refused(f'{token} beside root', good, {'authorization': token})
        status, answer = doors.by_http(good, {'origin': 'https://evil.example'})
        expect(status == 403, f'a page of another site: {status} {answer}')
        doors.expect_good_calls(good)
        page = doors.api.call('AuditService/ListAuditEntries', {
            'kind': rig.protos.enum('AuditKind', 'AUDIT_KIND_REFUSED'), 'page_size': 1000})
        expect(page.code == 0, repr(page))
        refused = [e for e in page.message.entries
                   if e.outcome == 'UNAUTHENTICATED' and e.method.endswith('WhoAmI')]
        expect(refused and all(not e.principal for e in refused), f'{len(refused)} entries')


@attacks(43, 'mTLS: older than 1.2, anonymous ciphers', 'gRPC, HTTP')
def versions(rig):
    with Doors(rig) as doors:
        for port in (doors.server.port, doors.server.http_port):
            for version, ciphers in ((ssl.TLSVersion.TLSv1, 'DEFAULT:@SECLEVEL=0'),
                                     (ssl.TLSVersion.TLSv1_1, 'DEFAULT:@SECLEVEL=0'),
                                     (ssl.TLSVersion.TLSv1_2, 'aNULL:@SECLEVEL=0')):
                context = ssl._create_unverified_context()
                context.minimum_version = context.maximum_version = version
                context.set_ciphers(ciphers)
                with socket.create_connection(('127.0.0.1', port), DEADLINE) as raw:
                    try:
                        context.wrap_socket(raw)
                    except (ssl.SSLError, ConnectionError):
                        continue
                    raise Wrong(f'{version.name} with {ciphers} was accepted')
        doors.expect_good_calls(doors.files.signed('root', 'clients', ROOT))


@attacks(43, 'mTLS: sessions taken up again, a user who is disabled', 'HTTP')
def afterwards(rig):
    with Doors(rig) as doors:
        good = doors.files.signed('root', 'clients', ROOT)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = doors.context(good)
            context.minimum_version = context.maximum_version = version
            with context.wrap_socket(
                    socket.create_connection(('127.0.0.1', doors.server.http_port), DEADLINE),
                    server_hostname='localhost') as first:
                first.sendall(b'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
                expect(first.recv(4096).startswith(b'HTTP/1.1 200'), 'a page')
                session = first.session
            with context.wrap_socket(
                    socket.create_connection(('127.0.0.1', doors.server.http_port), DEADLINE),
                    server_hostname='localhost', session=session) as second:
                expect(not second.session_reused, f'{version.name}: nothing is verified again')
        made = doors.api.call('AccessService/CreateUser', {
            'request_id': 'leaving', 'user': {'name': 'leaving', 'role': 'agent'}})
        expect(made.code == 0, repr(made))
        pair = doors.files.signed('leaving', 'clients', 'URI:rebound:user:leaving')
        open_connection = http.client.HTTPSConnection(
            'localhost', doors.server.http_port, timeout=DEADLINE, context=doors.context(pair))

        def ask():
            open_connection.request('POST', WHO, '{}', {'content-type': 'application/json'})
            answer = open_connection.getresponse()
            answer.read()
            return answer.status
        expect(ask() == 200, 'before')
        done = doors.api.call('AccessService/DisableUser', {'request_id': 'disable',
                                                            'user_name': 'leaving'})
        expect(done.code == 0, repr(done))
        expect(ask() == 401, 'disabled, on the same connection')
        open_connection.close()
        doors.expect_good_calls(good)


@attacks(43, 'forged certificates by header through every listener of the front', 'front')
def through_the_front(rig):
    metadata = list(FORGED.items())
    for api in (rig.api, rig.front_api, rig.tls_api):
        answer = api.call('OperationsService/GetStatus', token='', metadata=metadata)
        expect(answer.code == 16, f'{api.address}: {answer}')
    for port, tls in ((rig.server.http_port, False), (rig.front.http_port, False),
                      (rig.front.tls_http, True)):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=DEADLINE)
        if tls:
            connection = http.client.HTTPSConnection('127.0.0.1', port, timeout=DEADLINE,
                                                     context=ssl._create_unverified_context())
        connection.request('POST', WHO, '{}', {'content-type': 'application/json', **FORGED})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        expect(answer.status == 401, f'{port}: {answer.status} {text}')


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the names of the fields that came."""
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.rfile.read(int(self.headers.get('content-length', 0)))
        body = json.dumps([name.lower() for name in self.headers]).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@attacks(43, 'the front passes on no header that claims a certificate', 'front')
def deleted(rig):
    backend = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Echo)
    thread = threading.Thread(target=backend.serve_forever, daemon=True)
    thread.start()
    folder = rig.folder / 'echo'
    folder.mkdir(exist_ok=True)
    port = backend.server_address[1]
    front = Front(folder, types.SimpleNamespace(port=port, http_port=port))
    try:
        connection = http.client.HTTPConnection('127.0.0.1', front.http_port, timeout=DEADLINE)
        connection.request('POST', '/', '{}', {**FORGED, 'rebound-admitted': 'reads',
                                               'authorization': 'Bearer t'})
        answer = connection.getresponse()
        came = set(json.loads(answer.read()))
        connection.close()
        expect('authorization' in came, f'{came}')
        expect(not came & {*FORGED, 'rebound-admitted'}, f'{came}')
    finally:
        front.stop()
        backend.shutdown()
        backend.server_close()
