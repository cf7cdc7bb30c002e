"""Attacks 22-28: filters, pages, cursors, masks of fields, request ids."""
import base64
import contextlib
import json
import pathlib
import shutil
import sqlite3

import grpc
from rig import DEADLINE, Api, Attacks, Server, expect

attacks = Attacks()


def expect_refusal(answer, code, reason, what):
    expect(answer.code == code and (reason is None or answer.reason == reason),
           f'{what}: expected {code} {reason}, but got {answer}')


@attacks(22, 'filters: injection, unknown field, wrong type, 100 KB, parentheses', 'gRPC')
def filters(rig):
    bad = ["' OR 1=1--", 'no_such_field = 1', 'severity = "x" AND', 'severity = "high"',
           'queue = "' + 'x' * 100_000 + '"', '(' * 10_000 + 'severity = 1' + ')' * 10_000,
           '(' * 65 + 'severity = 1' + ')' * 65, 'severity = 1;DROP TABLE cases', 'a\0b = 1']
    for text in bad:
        answer = rig.api.call('CaseService/ListCases', {'filter': text})
        expect_refusal(answer, 3, 'FILTER_INVALID', text[:60])
        expect(answer.fields == ['filter'], repr(answer))
    for order in ('reason', 'customer_id; --', 'x' * 10_000, 'open_time sideways'):
        answer = rig.api.call('CaseService/ListCases', {'order_by': order})
        expect_refusal(answer, 3, None, f'order_by {order[:40]}')


@attacks(22, 'filters and orders on what is masked: none, for nobody', 'gRPC')
def masked_fields(rig):
    phone = '+8613800001234'
    stored = rig.api.call('CustomerService/UpsertCustomer', {
        'request_id': 'masked', 'external_key': {'source_system': 'crm', 'external_id': 'masked'},
        'customer': {'display_name': 'Li Masked',
                     'contact_points': [{'channel': 1, 'address': phone}]},
        'update_mask': {'paths': ['display_name', 'contact_points']}})
    expect(stored.code == 0, repr(stored))
    personal = ('display_name', 'name', 'phone', 'contact_points', 'contact_points.address',
                'contact_points[0].address', 'address', 'email', 'contact_person',
                'external_key.external_id', 'external_id', 'customer.display_name')
    texts = {}
    for who, value in (('admin', phone), ('agent', phone), ('agent', 'nobody')):
        for method in ('CaseService/ListCases', 'ResponseService/ListResponses',
                       'CustomerService/ListCustomers'):
            for field in personal:
                answer = rig.api.call(method, {'filter': f'{field} = "{value}"'},
                                      token=rig.tokens[who])
                expect_refusal(answer, 3, 'FILTER_INVALID', f'{who} {method} {field}')
                texts.setdefault((method, field), set()).add(answer.details)
    for what, each in texts.items():
        expect(len(each) == 1, f'{what}: the value or the caller changes the answer: {each}')
    for field in personal:
        answer = rig.api.call('CaseService/ListCases', {'order_by': field})
        expect_refusal(answer, 3, None, f'order_by {field}')
    # The same behind the other door to records.
    for kind in (1, 2, 3):
        method = rig.protos.method('ExportService/ExportRecords')
        request = rig.protos.message(method.input_type.full_name)(
            kind=kind, format=1, filter=f'display_name = "{phone}"')
        with rig.api.channel() as channel:
            stream = channel.unary_stream('/rebound.v1.ExportService/ExportRecords')(
                request.SerializeToString(), timeout=DEADLINE,
                metadata=[('authorization', 'Bearer ' + rig.tokens['admin'])])
            try:
                next(stream)
                expect(False, f'an export by a filter on a name began: kind {kind}')
            except grpc.RpcError as error:
                expect_refusal(rig.api.refusal(error), 3, 'FILTER_INVALID', f'export {kind}')


@attacks(23, 'rules: (a+)+$, a{1000000000}, 1 MB of words: words, never patterns', 'gRPC')
def patterns(rig):
    folder = pathlib.Path(__file__).parents[2] / 'config'
    files = {path.name: path.read_text() for path in folder.glob('*.yaml')}
    assert 'contains_any: [injured,' in files['alerts.yaml']
    evil = '(a+)+$'

    def alerts(words):
        changed = files['alerts.yaml'].replace('contains_any: [injured,', f'{words}, injured,', 1)
        return [{'name': name, 'text': changed if name == 'alerts.yaml' else text}
                for name, text in files.items()]
    other = rig.other_server()
    try:
        for words, is_good in (('contains_any: [' + json.dumps(evil), True),
                               ('contains_any: ["a{1000000000}"', True),
                               ('contains_any: [' + json.dumps('a' * 900_000), False),
                               ('contains_any: [' + ', '.join(f'"a{i}"' for i in range(60_000)),
                                False),
                               ('matches: [' + json.dumps(evil), False)):
            answer = other.call('ConfigService/ValidateConfig', {'files': alerts(words)})
            faults = [] if answer.code else [fault.message for fault in answer.message.faults]
            expect((answer.code == 0 and not faults) if is_good else (answer.code == 3 or faults),
                   f'{words[:60]}: code {answer.code} {answer.reason}, {str(faults)[:200]}')
        for text in (f'reason =~ "{evil}"', f'reason matches "{evil}"', f'reason ~ "{evil}"'):
            answer = other.call('CaseService/ListCases', {'filter': text})
            expect_refusal(answer, 3, 'FILTER_INVALID', text)
        applied = other.call('ConfigService/ApplyConfig', {
            'request_id': 'evil', 'files': alerts('contains_any: [' + json.dumps(evil))})
        expect(applied.code == 0, repr(applied)[:300])
        # What a backtracking engine would take for ever to refuse; and the words themselves.
        for name, reason, is_alert in (('long', 'a' * 2000 + '!', False),
                                       ('words', f'it says {evil}!', True)):
            answer = other.call('ResponseService/SubmitResponse', {
                'request_id': name, 'response': {'program_id': 'touchpoint', 'score': 10,
                                                 'reason': reason, 'customer_key': {
                                                     'source_system': 'crm', 'external_id': name}}})
            expect(answer.code == 0, f'{name}: {answer}')
            expect(bool(answer.message.response.paired_case_id) == is_alert, f'{name}: {answer}')
    finally:
        other.stop()


@attacks(24, 'page sizes -1, 0, 2^31-1', 'gRPC')
def page_sizes(rig):
    call = lambda size: rig.api.call('CaseService/ListCases', {'page_size': size})
    expect_refusal(call(-1), 3, 'PAGE_SIZE_INVALID', '-1')
    expect(call(0).code == 0, 'page size 0')
    expect(call(2**31 - 1).code == 0, 'page size 2^31-1')


@attacks(25, 'page tokens: each bit flipped, cut, of others', 'gRPC')
def page_tokens(rig):
    for i in range(3):
        answer = rig.submit(f'page-{i}', external_id=f'page-{i}')
        expect(answer.code == 0, repr(answer))
    page = rig.api.call('CaseService/ListCases', {'page_size': 1})
    token = page.message.next_page_token
    expect(token, 'no second page')
    ask = lambda text, **more: rig.api.call('CaseService/ListCases',
                                            {'page_size': 1, 'page_token': text, **more.pop(
                                                'fields', {})}, **more)
    expect(ask(token).code == 0, 'the token itself')
    texts = set()

    def refused(answer, what):
        expect_refusal(answer, 3, 'PAGE_TOKEN_INVALID', what)
        texts.add(answer.details)
    raw = bytearray(base64.urlsafe_b64decode(token + '=' * (-len(token) % 4)))
    step = rig.scaled(11, 1)
    for bit in range(0, 8 * len(raw), step):
        raw[bit // 8] ^= 1 << bit % 8
        flipped = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip('=')
        raw[bit // 8] ^= 1 << bit % 8
        refused(ask(flipped), f'bit {bit}')
    refused(ask(token[:-4]), 'cut')
    refused(ask('x' * 10_000), 'long')
    refused(ask("' OR 1=1"), 'no token')
    refused(ask(token, token=rig.tokens['agent']), "another user's")
    refused(ask(token, fields={'filter': 'severity >= 1'}), "another query's")
    expect(len(texts) == 1, f'texts tell them apart: {texts}')


@attacks(26, 'cursors: forged, cut, each bit flipped, of another server', 'gRPC')
def cursors(rig):
    for text in ('x', 'A' * 43, "' OR 1=1", 'x' * 10_000):
        answer = rig.api.call('EventService/ListEvents', {'start': {'cursor': text}})
        expect_refusal(answer, 3, 'CURSOR_INVALID', text[:40])
    rig.submit('cursor', external_id='cursor')
    page = rig.api.call('EventService/ListEvents', {'start': {'preset': 2}, 'page_size': 1})
    expect(page.code == 0, repr(page))
    cursor = page.message.batch.latest_cursor
    ask = lambda text: rig.api.call('EventService/ListEvents', {'start': {'cursor': text}})
    expect(ask(cursor).code == 0, 'the cursor itself')
    raw = bytearray(base64.urlsafe_b64decode(cursor + '=' * (-len(cursor) % 4)))
    for bit in range(0, 8 * len(raw), rig.scaled(11, 1)):
        raw[bit // 8] ^= 1 << bit % 8
        flipped = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip('=')
        raw[bit // 8] ^= 1 << bit % 8
        expect_refusal(ask(flipped), 3, 'CURSOR_INVALID', f'bit {bit}')
    other = rig.other_server()
    try:
        answer = other.call('EventService/ListEvents', {'start': {'cursor': cursor}})
        expect_refusal(answer, 3, 'CURSOR_INVALID', "another installation's")
    finally:
        other.stop()


@attacks(26, "cursors: another user's, expired, beyond the end, of a lost timeline", 'gRPC')
def cursors_elsewhere(rig):
    db, copy = rig.folder / 'timeline.db', rig.folder / 'timeline-copy.db'
    db_arguments = (rig.bin, str(db), '--event-retention-days', '1')
    tokens = {name: rig.new_token(name, '--role', 'admin', db=str(db)) for name in ('li', 'wang')}
    server = None

    def restart(change):
        """Changes the database while nobody has it open."""
        nonlocal server, api
        if server:
            server.stop()
        change()
        server = Server(*db_arguments)
        api = Api(rig.protos, f'127.0.0.1:{server.port}', tokens['li'])

    def submit(name):
        answer = rig.submit(name, external_id=name, api=api)
        expect(answer.code == 0, repr(answer))

    def page(start, **kwargs):
        """Of at most three events, and where it ends."""
        answer = api.call('EventService/ListEvents', {'start': start, 'page_size': 3}, **kwargs)
        expect(answer.code == 0, repr(answer))
        return list(answer.message.batch.events), answer.message.batch.latest_cursor

    def refused(cursor, code, reason, what, token=None):
        """Behind each of the three doors to events."""
        start = {'cursor': cursor}
        answer = api.call('EventService/ListEvents', {'start': start}, token=token)
        expect_refusal(answer, code, reason, what)
        expect(answer.fields == ['start.cursor'], f'{what}: {answer}')
        for method, fields in (('Watch', {'start': start}),
                               ('Subscribe', {'start': {'start': start, 'num_requested': 1}})):
            descriptor = rig.protos.method('EventService/' + method)
            request = rig.protos.message(descriptor.input_type.full_name)(
                **fields).SerializeToString()
            path = '/rebound.v1.EventService/' + method
            with api.channel() as channel:
                metadata = [('authorization', 'Bearer ' + (token or api.token))]
                stream = channel.unary_stream(path)(
                    request, timeout=DEADLINE, metadata=metadata) if method == 'Watch' else (
                        channel.stream_stream(path)(iter([request]), timeout=DEADLINE,
                                                    metadata=metadata))
                try:
                    for _ in stream:
                        expect(False, f'{what}: {method} gave something')
                    expect(False, f'{what}: {method} ended well')
                except grpc.RpcError as error:
                    expect_refusal(api.refusal(error), code, reason, f'{what}: {method}')
    api = None
    earliest = {'preset': 2}
    try:
        restart(lambda: None)
        submit('old')
        (first, *_), _ = page(earliest)
        _, end = page(earliest)
        refused(end, 3, 'CURSOR_INVALID', "another user's", tokens['wang'])

        def age():
            with contextlib.closing(sqlite3.connect(db)) as file, file:
                file.execute('UPDATE events SET recorded_ms = recorded_ms - 3 * 24 * 3600 * 1000')
        restart(age)
        refused(first.cursor, 11, 'CURSOR_EXPIRED', 'from before what is given out')

        restart(lambda: shutil.copyfile(db, copy))
        submit('lost')
        _, end = page(earliest)
        while (more := page({'cursor': end}))[0]:
            end = more[1]
        restart(lambda: shutil.copyfile(copy, db))
        refused(end, 11, 'CURSOR_AHEAD', 'beyond the end')
        # The copy goes its own way, and past the place.
        for name in ('other', 'ways'):
            submit(name)
        refused(end, 10, 'CURSOR_FROM_LOST_TIMELINE', 'of a lost timeline')
    finally:
        if server:
            server.stop()


@attacks(27, 'update masks: *, server-owned, unknown, twice, 10,000 paths', 'gRPC')
def update_masks(rig):
    key = {'source_system': 'crm', 'external_id': 'mask'}
    for name, paths in (('all', ['*']), ('empty', []), ('tenant', ['tenant']), ('state', ['state']),
                        ('etag', ['etag']), ('unknown', ['no_such']),
                        ('many', ['display_name', 'no_such'] * 5000)):
        answer = rig.api.call('CustomerService/UpsertCustomer', {
            'request_id': 'mask-' + name, 'external_key': key, 'customer': {'display_name': 'Li'},
            'update_mask': {'paths': paths}})
        expect(answer.code == 3 and answer.reason in ('UPDATE_MASK_INVALID', 'FIELD_VIOLATIONS') and
               set(answer.fields) == {'update_mask'}, f'{name}: {answer}')


@attacks(28, 'request ids: other body, another user, empty, 300 characters', 'gRPC')
def request_ids(rig):
    first = rig.submit('twice', external_id='twice')
    expect(first.code == 0 and not first.message.replayed, repr(first))
    again = rig.submit('twice', external_id='twice')
    expect(again.code == 0 and again.message.replayed, repr(again))
    expect_refusal(rig.submit('twice', score=3, external_id='twice'), 6, 'REQUEST_ID_REUSED',
                   'another body')
    other = rig.submit('twice', external_id='other', token=rig.tokens['integration'])
    expect(other.code == 0 and not other.message.replayed, f'another user: {other}')
    for bad in ('', 'x' * 300, 'a b', '\x00', '请'):
        expect_refusal(rig.submit(bad), 3, 'REQUEST_ID_INVALID', bad[:20])
