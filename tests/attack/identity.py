"""Attacks 41-44: tokens, certificates, roles and scopes."""
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import time

import grpc
import hpack
from http_gateway import exchange, statuses
from rig import (DATA, DEADLINE, HEADERS, ROOT, Api, Attacks, Raw, Server, Skipped, Wrong,
                 call_head, expect, frame, message, namespace)

attacks = Attacks()
STATUS = '/rebound.v1.OperationsService/GetStatus'


@attacks(41, 'no token, forged ones, 64 KB, two authorization headers', 'gRPC')
def tokens(rig):
    good = rig.tokens['admin']
    texts = set()
    for name, header in (('none', None), ('empty', ''), ('no scheme', good),
                         ('basic', 'Basic eDp5'), ('unknown', 'Bearer rbt_unknown'),
                         ('cut', 'Bearer ' + good[:-1]),
                         ('other case', 'Bearer ' + good.swapcase()), ('sql', "Bearer ' OR 1=1--"),
                         ('alg none', 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.')):
        metadata = [] if header is None else [('authorization', header)]
        answer = rig.api.call('OperationsService/GetStatus', token='', metadata=metadata)
        expect(answer.code == 16, f'{name}: {answer}')
        texts.add((answer.reason, answer.details))
    expect(len(texts) == 1, f'texts tell them apart: {texts}')
    for header in ('Bearer ' + 'x' * 65536, 'Bearer ' + 'x' * 12_000):
        answer = rig.api.call('OperationsService/GetStatus', token='',
                              metadata=[('authorization', header)])
        expect(answer.code in (8, 13, 16), repr(answer))
    for pair in ((good, good), (good, 'rbt_unknown'), ('rbt_unknown', good)):
        with Raw(rig.server.port).start_h2() as raw:
            head = call_head(STATUS, extra=[('authorization', 'Bearer ' + t) for t in pair])
            raw.send(frame(HEADERS, 4, 1, hpack.Encoder().encode(head)))
            raw.send(frame(DATA, 1, 1, message(b'')))
            kind, answer = raw.await_stream()
            expect(kind == 'headers' and answer.get('grpc-status') == '16', f'{kind} {answer}')
        for port in (rig.server.http_port, rig.front.http_port):
            lines = ''.join(f'Authorization: Bearer {token}\r\n' for token in pair)
            got = statuses(exchange(port, (
                f'POST {STATUS} HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n'
                'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}').encode()))
            expect(got == [401], f'two headers at {port}: {got}')


@attacks(41, 'id tokens of an OpenID provider: forged in each way', 'HTTP')
def id_tokens(rig):
    modules = ROOT / 'build/npm/node_modules/oidc-provider'
    if not modules.exists() or shutil.which('node') is None:
        raise Skipped(f'no node, or no {modules}: ./dev setup')
    done = subprocess.run([str(ROOT / 'tests/server/run_oidc.sh'), rig.bin], capture_output=True,
                          text=True, timeout=15 * DEADLINE)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if not line.startswith('ok ')]
    expect(done.returncode == 0 and not wrong, '\n'.join(wrong) + done.stderr[-3000:])
    kinds = [line for line in lines if line.startswith('ok    id token: ')]
    expect(len(kinds) >= 20, f'{len(kinds)} forms of id tokens were tried')


@attacks(41, 'refused attempts are in the audit', 'gRPC')
def audited(rig):
    page = rig.api.call('AuditService/ListAuditEntries', {
        'kind': rig.protos.enum('AuditKind', 'AUDIT_KIND_REFUSED'), 'page_size': 1000})
    expect(page.code == 0, repr(page))
    entries = [e for e in page.message.entries if e.outcome == 'UNAUTHENTICATED']
    expect(entries and all(not e.principal for e in entries), f'{len(entries)} entries')
    # A sort of attempts is counted, not written each: guesses do not fill the disk.
    expect(len(page.message.entries) < 200, f'{len(page.message.entries)} entries')


def new_user(rig, name, role='agent'):
    """The secret of a key of a new user, and the key's id."""
    made = rig.api.call('AccessService/CreateUser', {
        'request_id': 'user-' + name, 'user': {'name': name, 'role': role}})
    expect(made.code == 0, repr(made))
    key = rig.api.call('AccessService/CreateApiKey', {
        'request_id': 'key-' + name, 'user_name': name, 'description': 'attack',
        'end_time': {'seconds': int(time.time()) + 3600}})
    expect(key.code == 0, repr(key))
    return key.message.secret, key.message.api_key.id


@attacks(42, 'a revoked key', 'gRPC')
def revoked(rig):
    secret, key = new_user(rig, 'revoked')
    ask = lambda: rig.api.call('AccessService/WhoAmI', token=secret)
    expect(ask().code == 0, f'the key itself: {ask()}')
    done = rig.api.call('AccessService/RevokeApiKey', {'request_id': 'revoke', 'api_key_id': key})
    expect(done.code == 0, repr(done))
    expect(ask().code == 16, f'once revoked: {ask()}')


@attacks(42, 'guessing tokens, by a caller whom no limit holds for', 'front')
def guesses(rig):
    # Of this machine's own addresses: each guess is looked at, and none is right.
    with rig.front_api.channel() as channel:
        call = channel.unary_unary(STATUS)
        for i in range(rig.scaled(300, 10_000)):
            try:
                call(b'', timeout=DEADLINE, metadata=[('authorization', f'Bearer rbt_{i:043}')])
                raise Wrong('a guess was right')
            except grpc.RpcError as error:
                expect(error.code().value[0] == 16, str(error))


# There is no limit for each prefix of a key: keys hold 256 random bits, and whoever knows the
# prefix, which lists and the audit show, could lock the key's user out.
@attacks(42, 'guessing tokens: the limit of an address', 'front')
def limited_guesses(rig):
    command = namespace('net')
    script = pathlib.Path(__file__).with_name('guessing.py')
    done = subprocess.run([*command, sys.executable, str(script), rig.bin,
                           str(rig.scaled(500, 1_000_000))], capture_output=True, text=True,
                          timeout=rig.scaled(10, 360) * DEADLINE)
    expect(done.returncode == 0, (done.stdout + done.stderr)[-3000:])
    print('     ' + done.stdout.strip())


@attacks(42, 'the limit of an address that a proxy names, and forged ones', 'server')
def limited_by_address(rig):
    folder = pathlib.Path(rig.folder / 'limited')
    folder.mkdir(exist_ok=True)
    db = str(folder / 'rebound.db')
    # Two units are there at once, and one more a second; a token that is none leaves the address
    # with two less than nothing, so a guess within three seconds is not looked at.
    server = Server(rig.bin, db, '--rate-address', '1', '--trusted-proxy', '127.0.0.1')
    try:
        api = Api(rig.protos, f'127.0.0.1:{server.port}', 'rbt_unknown')

        def guess(forwarded):
            return api.call('OperationsService/GetStatus',
                            metadata=[('x-forwarded-for', forwarded)]).code
        codes = [guess(f'198.51.100.{i}, 203.0.113.9') for i in range(20)]
        expect(codes[0] == 16 and 8 in codes and set(codes) == {8, 16},
               f'guesses of one address: {codes}')
        expect(guess('203.0.113.9, 198.51.100.200') == 16, 'another address is not limited')
    finally:
        server.stop()


@attacks(43, 'TLS: older than 1.2, anonymous ciphers, another CA', 'front')
def tls_versions(rig):
    for name, options in (('1.1', {'maximum_version': ssl.TLSVersion.TLSv1_1}),
                          ('anonymous', {'ciphers': 'aNULL:@SECLEVEL=0'})):
        context = ssl._create_unverified_context()
        try:
            if 'ciphers' in options:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers(options['ciphers'])
            else:
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = options['maximum_version']
                context.set_ciphers('DEFAULT:@SECLEVEL=0')
        except ssl.SSLError:
            continue  # this OpenSSL cannot even offer it
        raw = socket.create_connection(('127.0.0.1', rig.front.tls), DEADLINE)
        try:
            context.wrap_socket(raw)
            raise Wrong(f'{name} was accepted')
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            raw.close()
    answer = rig.tls_api.call('OperationsService/GetStatus')
    expect(answer.code == 0, f'a call under TLS: {answer}')


@attacks(43, 'forged identity headers on every listener', 'both')
def forged_identity(rig):
    forged = [('x-client-cert-subject', '/CN=admin'), ('x-forwarded-user', 'admin'),
              ('rebound-peer-address', '127.0.0.1'), ('x-ssl-client-verify', 'SUCCESS')]
    for api in (rig.api, rig.front_api, rig.tls_api):
        answer = api.call('OperationsService/GetStatus', token='', metadata=forged)
        expect(answer.code == 16, f'{api.address}: {answer}')


@attacks(44, 'an agent calls what is for administrators', 'gRPC')
def roles(rig):
    for service, method in (('ConfigService', 'ApplyConfig'), ('AccessService', 'CreateUser'),
                            ('AccessService', 'ListUsers'), ('CustomerService', 'EraseCustomer'),
                            ('AuditService', 'ListAuditEntries')):
        if method not in rig.protos.pool.FindServiceByName(
                f'rebound.v1.{service}').methods_by_name:
            continue
        answer = rig.api.call(f'{service}/{method}', token=rig.tokens['agent'])
        expect(answer.code == 7, f'{method}: {answer}')


@attacks(44, "another scope's ids are as if they were not there", 'gRPC')
def scopes(rig):
    submitted = rig.submit('scope', external_id='scope')
    expect(submitted.code == 0, repr(submitted))
    case = submitted.message.response.paired_case_id
    token = rig.tokens['elsewhere']
    theirs = rig.api.call('CaseService/GetCase', {'case_id': case}, token=token)
    nobodys = rig.api.call('CaseService/GetCase', {'case_id': 'C-999999'}, token=token)
    expect(theirs.code == nobodys.code == 5, f'{theirs} {nobodys}')
    expect(theirs.reason == nobodys.reason, f'{theirs} {nobodys}')


@attacks(44, 'a user disabled while a stream is open', 'gRPC')
def disabled_meanwhile(rig):
    secret, _ = new_user(rig, 'leaving')
    request = rig.protos.message('rebound.v1.WatchRequest')(start={'preset': 1})
    with rig.api.channel() as channel:
        stream = channel.unary_stream('/rebound.v1.EventService/Watch')(
            request.SerializeToString(), timeout=DEADLINE,
            metadata=[('authorization', 'Bearer ' + secret)])
        next(stream)  # it has begun
        done = rig.api.call('AccessService/DisableUser', {'request_id': 'disable',
                                                          'user_name': 'leaving'})
        expect(done.code == 0, repr(done))
        started = time.monotonic()
        try:
            for _ in stream:
                pass
            raise Wrong('the stream ended well')
        except grpc.RpcError as error:
            expect(error.code() == grpc.StatusCode.UNAUTHENTICATED, str(error.code()))
        expect(time.monotonic() - started < 6, 'the stream went on for longer than 5 s')
