"""The browser of run_oidc.sh, and what it must see.

    oidc_browser.py SERVER PROVIDER TOKEN PROVIDER_PID

SERVER and PROVIDER: http://127.0.0.1:PORT; TOKEN: of an administrator.
"""
import html
import http.client
import json
import os
import re
import signal
import sys
import urllib.parse

SERVER, PROVIDER, TOKEN = sys.argv[1:4]
PROVIDER_PID = int(sys.argv[4])
TIMEOUT = 15
PASSWORD = 'eine ganz lange Phrase 17'
failed = False


def check(what, condition, got=''):
    global failed
    print(f'ok    {what}' if condition else f'WRONG {what}: {got}')
    failed = failed or not condition


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode('utf-8', 'replace')
        self.location = response.headers.get('location')


class Browser:
    """Keeps cookies by host and port and path; follows nothing by itself."""

    def __init__(self):
        self.jar = {}

    def go(self, url, form=None, headers=None, body=None):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
        sent = dict(headers or {})
        cookies = [f'{name}={value}' for (place, path, name), value in self.jar.items()
                   if place == parts.netloc and parts.path.startswith(path)]
        if cookies:
            sent['cookie'] = '; '.join(cookies)
        if form is not None:
            body = urllib.parse.urlencode(form)
            sent['content-type'] = 'application/x-www-form-urlencoded'
        target = parts.path or '/'
        if parts.query:
            target += '?' + parts.query
        connection.request('GET' if body is None else 'POST', target, body, sent)
        answer = Answer(connection.getresponse())
        connection.close()
        for line in answer.headers.get_all('set-cookie') or []:
            pair, *attributes = [part.strip() for part in line.split(';')]
            name, value = pair.split('=', 1)
            lower = [attribute.lower() for attribute in attributes]
            path = next((a[5:] for a in attributes if a.lower().startswith('path=')), '/')
            gone = 'max-age=0' in lower or any('expires=thu, 01 jan 1970' in a for a in lower)
            if gone or not value:
                self.jar.pop((parts.netloc, path, name), None)
            else:
                self.jar[parts.netloc, path, name] = value
        return answer

    def call(self, method, request, headers=None):
        answer = self.go(f'{SERVER}/rebound.v1.{method}', body=json.dumps(request), headers={
            'content-type': 'application/json', 'connect-protocol-version': '1',
            **(headers or {})})
        return answer.status, json.loads(answer.text)

    def to_callback(self, name):
        """Signs in at the provider; the address by which it leads back."""
        answer = self.go(f'{SERVER}/sign-in/oidc')
        if answer.status != 303:
            raise RuntimeError(f'{answer.status} {answer.text}')
        url = answer.location
        for _ in range(12):
            answer = self.go(url)
            while answer.location:
                url = urllib.parse.urljoin(url, answer.location)
                if url.startswith(SERVER):
                    return url
                answer = self.go(url)
            action = html.unescape(re.search(r'action="([^"]+)"', answer.text).group(1))
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text).group(1)
            form = {'prompt': prompt}
            if prompt == 'login':
                form.update(login=name, password='any')
            url = urllib.parse.urljoin(url, action)
            answer = self.go(url, form=form)
            url = urllib.parse.urljoin(url, answer.location)
        raise RuntimeError('the provider does not lead back')

    def sign_in(self, name):
        return self.go(self.to_callback(name))

    def who(self):
        status, answer = self.call('AccessService/WhoAmI', {})
        return answer['identity']['name'] if status == 200 else status


def admin(method, request):
    status, answer = Browser().call(method, request, {'authorization': f'Bearer {TOKEN}'})
    if status != 200:
        raise RuntimeError(f'{method}: {status} {answer}')
    return answer


def control(what):
    return json.loads(Browser().go(f'{PROVIDER}/test/{what}').text)


def is_refusal(answer, status, reason):
    return (answer.status == status and reason in answer.text and answer.location is None and
            'rebound=' not in str(answer.headers) and 'eyJ' not in answer.text)


for number, name in enumerate(('anna', 'Bea', 'gone')):
    made = admin('AccessService/CreateUser', {
        'requestId': f'user-{number}', 'user': {'name': name, 'role': 'agent'},
        'withLink': name == 'anna'})
    if name == 'anna':
        admin('AccessService/RedeemLink', {'token': made['linkToken'], 'password': PASSWORD})
admin('AccessService/DisableUser', {'requestId': 'gone', 'userName': 'gone'})

# The good way.
anna = Browser()
check('nobody before the sign-in', anna.who() == 401)
back = anna.to_callback('anna')
answer = anna.go(back)
cookie = ' '.join(answer.headers.get_all('set-cookie') or [])
check('the callback leads to the console', answer.status == 303 and answer.location == '/',
      f'{answer.status} {answer.text}')
check('the session is a cookie no script reads',
      'rebound=rbs_' in cookie and 'HttpOnly' in cookie and 'SameSite=Strict' in cookie, cookie)
check('with it anna calls', anna.who() == 'anna')

# Replays.
answer = anna.go(back)
check('the same address again', is_refusal(answer, 401, 'PROVIDER_SIGN_IN_ENDED'), answer.text)
code = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)['code'][0]
thief = Browser()
state = urllib.parse.parse_qs(urllib.parse.urlsplit(
    thief.go(f'{SERVER}/sign-in/oidc').location).query)['state'][0]
answer = thief.go(f'{SERVER}/sign-in/oidc/callback?' +
                  urllib.parse.urlencode({'code': code, 'state': state}))
check('a used code under another state', is_refusal(answer, 401, 'PROVIDER_SIGN_IN_REFUSED'),
      answer.text)
thief = Browser()
answer = thief.go(anna.to_callback('anna'))
check("another browser's address", is_refusal(answer, 401, 'PROVIDER_SIGN_IN_ENDED'), answer.text)
fresh = Browser()
back = fresh.to_callback('anna')
parts = urllib.parse.urlsplit(back)
query = dict(urllib.parse.parse_qsl(parts.query))
query['state'] = 'A' * 43
forged = f'{SERVER}{parts.path}?{urllib.parse.urlencode(query)}'
answer = fresh.go(forged)
check('a forged state', is_refusal(answer, 401, 'PROVIDER_SIGN_IN_ENDED'), answer.text)
check('which does not end the one under way', fresh.go(back).status == 303)
answer = fresh.go(f'{SERVER}/sign-in/oidc/callback')
check('nothing at all', is_refusal(answer, 401, 'PROVIDER_SIGN_IN_ENDED'), answer.text)
mixed = Browser()
back = mixed.to_callback('anna')
answer = mixed.go(re.sub('iss=[^&]*', 'iss=https%3A%2F%2Felsewhere.example', back))
check('another issuer (RFC 9207)', is_refusal(answer, 401, 'PROVIDER_SIGN_IN_REFUSED'), answer.text)

# Who may.
for name in ('nobody', 'gone', 'bea', 'admin'):
    answer = Browser().sign_in(name)
    check(f'{name} may not', is_refusal(answer, 403, 'PROVIDER_USER_UNKNOWN'), answer.text)
bea = Browser()
check('Bea may', bea.sign_in('Bea').status == 303 and bea.who() == 'Bea')

# A new key at the provider. Only now: tokens that name keys which nobody has make the server look
# for new ones too, and between two such looks a minute passes.
control('rotate')
check('a new key at the provider', Browser().sign_in('anna').status == 303)
answer = Browser().go(f'{SERVER}/sign-in/oidc', form={})
check('GET only', answer.status >= 400 and answer.location is None, answer.status)

# Attack 41.
texts = set()
for kind in control('kinds'):
    control(f'forge?kind={kind}')
    answer = Browser().sign_in('anna')
    texts.add(answer.text)
    check(f'id token: {kind}', is_refusal(answer, 401, 'PROVIDER_SIGN_IN_REFUSED'), answer.text)
control('forge?kind=')
check('one text for all of them', len(texts) == 1, texts)
check('nothing was fetched because of a token', control('asked')['asked'] == 0)
check('the next good one is served', Browser().sign_in('anna').status == 303)

# The audit.
entries = admin('AuditService/ListAuditEntries', {'method': 'sign-in oidc', 'pageSize': 200})
entries = entries['entries']
signed_in = [e for e in entries if e['outcome'] == 'OK']
check('sign-ins are audited', {e.get('principal') for e in signed_in} == {'anna', 'Bea'}, entries)
refused = {e['reason'] for e in entries if e['outcome'] != 'OK'}
check('refused ones too', refused == {'PROVIDER_SIGN_IN_ENDED', 'PROVIDER_SIGN_IN_REFUSED',
                                      'PROVIDER_USER_UNKNOWN'}, refused)

# Without the provider.
under_way = Browser()
back = under_way.to_callback('anna')
os.kill(PROVIDER_PID, signal.SIGKILL)
answer = under_way.go(back)
check('the provider is down', is_refusal(answer, 503, 'PROVIDER_UNAVAILABLE'), answer.text)
check('in both languages', 'OpenID' in answer.text and '身份提供方' in answer.text)
check('who has a session is served', anna.who() == 'anna')
status, answer = Browser().call('AccessService/SignIn', {'userName': 'anna', 'password': PASSWORD})
check('and passwords are', status == 200 and answer['identity']['name'] == 'anna', answer)
sys.exit(1 if failed else 0)
