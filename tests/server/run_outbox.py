#!/usr/bin/python3
"""E-mails and group robots from end to end: Debian's aiosmtpd takes the mails, and a robot of each
vendor checks body and signature by the vendor's recipe. What fails is tried again, what is refused
is dead, and what was under way when reboundd was killed arrives under the same id, once.

    tests/server/run_outbox.py BIN_DIR

Needs python3-aiosmtpd. Every wait has a deadline; nothing sleeps.
"""
import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import logging
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True  # these folders are sources
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'attack'))

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from rig import Api, Protos, Server, Wrong, expect, free_ports

DEADLINE = 60  # a robot that takes 20 messages a minute gets one in three seconds
USER, PASSWORD = 'rebound', 'a password: with + and %'
SENDER = 'rebound@example.com'
SECRETS = {'dingtalk': 'SECdingtalk0123456789', 'feishu': 'feishu0123456789'}
WRITTEN = 'the driver threw my parcel over the fence'
EMAIL, WECOM, DINGTALK, FEISHU = 2, 3, 4, 5
PENDING, DELIVERED, DEAD = 1, 2, 3
# What a vendor that is busy answers, and what it answers to a wrong signature: (status, body).
BUSY = {'wecom': (200, {'errcode': -1, 'errmsg': 'system busy'}), 'dingtalk': (502, None),
        'feishu': (200, {'code': 50000, 'msg': 'internal error'})}
OK = {'wecom': {'errcode': 0, 'errmsg': 'ok'}, 'dingtalk': {'errcode': 0, 'errmsg': 'ok'},
      'feishu': {'code': 0, 'msg': 'success', 'data': {}}}
UNSIGNED = {'dingtalk': {'errcode': 310000, 'errmsg': 'sign not match'},
            'feishu': {'code': 19021, 'msg': 'sign match fail or timestamp is not within one hour'}}


class Journal:
    """What came, of all receivers, and how the next one of each is to end."""

    def __init__(self):
        self.changed = threading.Condition()
        self.calls = []  # (where, text, id or None, how)
        self.plans = {}  # where -> ['busy' or 'held', ...]: of the next ones; then 'taken'

    def plan(self, where):
        with self.changed:
            plans = self.plans.get(where)
            return plans.pop(0) if plans else 'taken'

    def note(self, where, text, name, how):
        with self.changed:
            self.calls.append((where, text, name, how))
            self.changed.notify_all()

    def of(self, where, how):
        with self.changed:
            return [(text, name) for at, text, name, end in self.calls if (at, how) == (where, end)]

    def wait(self, where, how, count):
        """Until `count` of them ended so; gives them."""
        with self.changed:
            self.changed.wait_for(
                lambda: sum(c[0] == where and c[3] == how for c in self.calls) >= count, DEADLINE)
            got = self.of(where, how)
            expect(len(got) >= count,
                   f'{where}: expected {count} {how} in {DEADLINE} s, but got {self.calls}')
            return got


class Postbox:
    """The handler of aiosmtpd."""

    def __init__(self, journal):
        self.journal = journal

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('nobody@'):
            return '550 5.1.1 <nobody@example.com>: no such user'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        wrong = []
        if session.ssl is None or not session.authenticated:
            wrong.append('without TLS or sign-in')
        if envelope.mail_from != SENDER:
            wrong.append(f'from {envelope.mail_from}')
        to = ['li@example.com', 'wang@example.com']
        if envelope.rcpt_tos != to or [a.addr_spec for a in mail['To'].addresses] != to:
            wrong.append(f'to {envelope.rcpt_tos}, {mail["To"]}')
        if mail['Auto-Submitted'] != 'auto-generated' or mail.get_content_type() != 'text/plain':
            wrong.append(f'headers {mail.items()}')
        if mail.defects or b'\r\n' not in envelope.original_content:
            wrong.append(f'defects {mail.defects}')
        text = f'{mail["Subject"]}\n{mail.get_content()}'
        how = 'wrong: ' + '; '.join(wrong) if wrong else self.journal.plan('mail')
        self.journal.note('mail', text, mail['Message-ID'], how)
        if how == 'held':
            await asyncio.Event().wait()  # until the other side is gone
        return '451 4.3.0 try again later' if how == 'busy' else '250 OK'


def signed(vendor, query, body):
    """By the vendors' recipes; both hold for an hour."""
    secret = SECRETS[vendor]
    if vendor == 'dingtalk':
        at, given = query.get('timestamp', [''])[0], query.get('sign', [''])[0]
        key, message, now = secret, f'{at}\n{secret}', time.time() * 1000
        span = 3_600_000
    else:
        at, given = body.get('timestamp', ''), body.get('sign', '')
        key, message, now = f'{at}\n{secret}', '', time.time()
        span = 3_600
    made = base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest())
    return given == made.decode() and at.isdigit() and abs(now - int(at)) < span


def robots(journal):
    class Robot(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_POST(self):
            url = urllib.parse.urlsplit(self.path)
            query = urllib.parse.parse_qs(url.query)
            vendor = url.path.strip('/')
            body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            how, text = 'taken', ''
            if vendor == 'feishu':
                right = body.get('msg_type') == 'text' and list(body.get('content', {})) == ['text']
                text = body['content']['text'] if right else ''
            else:
                right = body.get('msgtype') == 'text' and list(body) == ['msgtype', 'text']
                text = body['text']['content'] if right else ''
            if not right or self.headers['Content-Type'] != 'application/json; charset=utf-8':
                how = f'wrong: {body}, {self.headers["Content-Type"]}'
            elif query.get('key', query.get('access_token')) != ['k']:
                how = f'wrong: {self.path}'
            elif vendor in SECRETS and not signed(vendor, query, body):
                how = 'unsigned'
            else:
                how = journal.plan(vendor)
            journal.note(vendor, text, None, how)
            if how == 'held':
                self.connection.settimeout(DEADLINE)
                self.connection.recv(1)  # until the other side is gone
                self.close_connection = True
                return
            status, answer = {'busy': BUSY[vendor], 'taken': (200, OK[vendor]),
                              'unsigned': (200, UNSIGNED.get(vendor))}.get(how, (400, None))
            data = b'' if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Robot)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def mail_server(journal, folder):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder / 'key.pem',
                    '-out', folder / 'cert.pem'], check=True, stderr=subprocess.DEVNULL)
    logging.getLogger('mail.log').setLevel(logging.ERROR)  # it warns of what it does itself
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / 'cert.pem', folder / 'key.pem')

    def sign_in(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (
            USER.encode(), PASSWORD.encode()))

    controller = Controller(Postbox(journal), hostname='127.0.0.1', port=free_ports(1)[0],
                            tls_context=context, require_starttls=True, auth_required=True,
                            authenticator=sign_in)
    controller.start()
    return controller


class Outbox:
    """The server, and what it sends to."""

    def __init__(self, bin_dir, folder):
        self.bin, self.folder, self.journal = bin_dir, folder, Journal()
        self.protos = Protos()
        self.robots, self.mail = robots(self.journal), mail_server(self.journal, folder)
        (folder / 'password').write_text(PASSWORD + '\n')
        self.db, self.server, self.logs = str(folder / 'db'), None, b''
        self.token = subprocess.run([f'{bin_dir}/reboundd', 'principal', 'add', '--db', self.db,
                                     '--name', 'admin', '--role', 'admin'], check=True,
                                    capture_output=True, text=True).stdout.strip()
        self.start()

    def start(self):
        self.server = Server(
            self.bin, self.db, '--deliver-http', '--deliver-allow', '127.0.0.0/8',
            '--deliver-retry', ','.join(['0s'] + ['100ms'] * 20), '--deliver-timeout', '60s',
            '--deliver-ca-file', str(self.folder / 'cert.pem'),
            '--smtp', f'smtp://127.0.0.1:{self.mail.port}', '--smtp-from', SENDER,
            '--smtp-user', USER, '--smtp-password-file', str(self.folder / 'password'))
        self.api = Api(self.protos, f'127.0.0.1:{self.server.port}', self.token)

    def kill(self):
        self.server.child.kill()
        self.server.child.wait()
        self.end()

    def end(self):
        if self.server:
            self.server.stop()
            self.logs += bytes(self.server.log)
            self.server = None

    def call(self, method, fields):
        answer = self.api.call(method, fields)
        expect(answer.code == 0, f'{method}: {answer}')
        return answer.message

    def endpoint(self, name, kind, path='', recipients=(), secret=''):
        url = f'http://127.0.0.1:{self.robots.server_address[1]}{path}' if path else ''
        return self.call('DeliveryService/CreateEndpoint', {
            'request_id': 'make-' + name, 'robot_secret': secret, 'endpoint': {
                'kind': kind, 'url': url, 'recipients': recipients,
                'filter': {'types': ['CaseOpened']}, 'language': 'en'}}).endpoint.id

    def submit(self, name):
        """The number of the case that a low score opens, as messages show it."""
        response = self.call('ResponseService/SubmitResponse', {'request_id': name, 'response': {
            'program_id': 'touchpoint', 'score': 2, 'reason': WRITTEN,
            'customer_key': {'source_system': 'crm', 'external_id': 'customer-' + name}}}).response
        case = self.call('CaseService/GetCase', {'case_id': response.paired_case_id}).case
        return f'[{case.number}]'

    def deliveries(self, endpoint_id):
        return list(self.call('DeliveryService/ListDeliveries',
                              {'endpoint_id': endpoint_id}).deliveries)

    def await_ended(self, name, endpoint_id, count):
        """Its deliveries, once that many are there and none is pending; newest first."""
        end = time.monotonic() + DEADLINE
        while True:
            got = self.deliveries(endpoint_id)
            if len(got) >= count and all(d.state != PENDING for d in got):
                return got
            expect(time.monotonic() < end, f'{name}: still pending: {got}')

    def stop(self):
        self.end()
        self.mail.stop()
        self.robots.shutdown()


def run(outbox):
    journal = outbox.journal
    ids = {'mail': outbox.endpoint('mail', EMAIL, recipients=['li@example.com',
                                                             'wang@example.com']),
           'wecom': outbox.endpoint('wecom', WECOM, '/wecom?key=k'),
           'dingtalk': outbox.endpoint('dingtalk', DINGTALK, '/dingtalk?access_token=k',
                                       secret=SECRETS['dingtalk']),
           'feishu': outbox.endpoint('feishu', FEISHU, '/feishu?key=k', secret=SECRETS['feishu'])}
    refused = {
        'a recipient that nobody knows': (550, outbox.endpoint(
            'nobody', EMAIL, recipients=['nobody@example.com'])),
        'a secret that is not the robot\'s': (200, outbox.endpoint(
            'unsigned', FEISHU, '/feishu?key=k', secret='another'))}

    for name, endpoint_id in ids.items():
        got = outbox.call('DeliveryService/TestEndpoint', {'endpoint_id': endpoint_id})
        expect(got.delivered and got.status == (250 if name == 'mail' else 200), f'{name}: {got}')
        expect('This is a test of Rebound' in journal.wait(name, 'taken', 1)[0][0],
               f'{name}: {journal.calls}')
    print('ok    a ping arrives at each')

    # Each is busy at first, and gets it at the second try.
    journal.plans = {name: ['busy'] for name in ids}
    first = outbox.submit('first')
    for name, endpoint_id in ids.items():
        journal.wait(name, 'taken', 2)
        ended = outbox.await_ended(name, endpoint_id, 1)
        expect([(d.state, d.num_tries) for d in ended] == [(DELIVERED, 2)], f'{name}: {ended}')
    for what, (status, endpoint_id) in refused.items():
        ended = outbox.await_ended(what, endpoint_id, 1)
        expect([(d.state, d.num_tries, d.last_status) for d in ended] == [(DEAD, 1, status)],
               f'{what}: {ended}')
    print('ok    a low score is told of to each; who was busy is asked again; refusals are dead')

    # Killed while nobody has answered. That the mail server does not answer holds up no robot.
    journal.plans = {name: ['held'] for name in ids}
    second = outbox.submit('second')
    for name in ids:
        journal.wait(name, 'held', 1)
    outbox.kill()
    outbox.start()
    third = outbox.submit('third')
    for name, endpoint_id in ids.items():
        ended = outbox.await_ended(name, endpoint_id, 3)
        expect(all(d.state == DELIVERED for d in ended), f'{name}: {ended}')
        texts = [text for text, _ in journal.of(name, 'taken')]
        for case in (first, second, third):
            expect(sum(case in text for text in texts) == 1,
                   f'{name}: expected {case} once, but got {texts}')
        expect(len(texts) == 4, f'{name}: expected the ping and three more, but got {texts}')
    held = journal.of('mail', 'held') + journal.of('mail', 'busy')
    taken = dict(journal.of('mail', 'taken'))
    expect(all(taken.get(text) == name for text, name in held),
           f'expected each mail to keep its Message-ID, but got {held} and {taken}')
    print('ok    over a SIGKILL each message arrives once, a mail under the same Message-ID')

    ends = {how for _, _, _, how in journal.calls}
    expect(ends == {'taken', 'busy', 'held', 'unsigned'}, f'calls: {journal.calls}')
    texts = ''.join(text for _, text, _, _ in journal.calls)
    expect(WRITTEN not in texts and 'customer-' not in texts, f'a customer is told of: {texts}')
    outbox.end()
    for secret in (PASSWORD, *SECRETS.values(), 'li@example.com', 'nobody@example.com', WRITTEN):
        expect(secret.encode() not in outbox.logs, f'the log holds {secret!r}')
    subprocess.run([f'{outbox.bin}/reboundd', 'verify', '--db', outbox.db], check=True,
                   stdout=subprocess.DEVNULL)
    print('ok    no text, address or secret in messages or log; the file is whole')


def main():
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1], 'reboundd').exists():
        print(__doc__)
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix='rebound-outbox-'))
    outbox = None
    try:
        outbox = Outbox(str(pathlib.Path(sys.argv[1]).resolve()), folder)
        run(outbox)
    except Wrong as wrong:
        print('WRONG', wrong)
        if outbox:
            outbox.end()
            print(outbox.logs[-1500:].decode(errors='replace'))
        return 1
    finally:
        if outbox:
            outbox.stop()
        shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
