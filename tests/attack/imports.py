"""Attacks 56 and 57: files for `rebound import` that are broken, huge, or no CSV at all."""
import csv
import gzip
import io
import json
import lzma
import os
import pathlib
import re
import select
import signal
import subprocess
import time
import zipfile

from rig import DEADLINE, MEGABYTE, Attacks, Wrong, expect

attacks = Attacks()
HEADER = 'ID,CUST,SCORE,WHY\n'
MAPPING = '''version: 1
source_system: {source}
fields:
  program: {{const: touchpoint}}
  external_id: {{from: ID, required: true}}
  customer.external_id: CUST
  score: SCORE
  reason: WHY
'''
GB = '客户服务'.encode('gb18030')


class Done:
    """What a run of the program came to; memory: the most that it had, in bytes."""

    def __init__(self, code, out, err, memory, rejects):
        self.code, self.memory, self.rejects = code, memory, rejects
        self.err = json.loads(err)['message'] if err.startswith('{') else err
        self.summary = json.loads(out) if out else {}

    def counts(self):
        return tuple(self.summary.get(k) for k in ('rows', 'accepted', 'replayed', 'rejected'))

    def __repr__(self):
        return f'code {self.code} {self.summary} {self.err[:300]!r} {self.rejects[:5]}'


class Importer:
    """A folder of its own for the files of one attack."""

    def __init__(self, rig, name, verb='responses', mapping=None):
        self.rig, self.verb = rig, verb
        self.folder = rig.folder / f'import-{name}'
        self.folder.mkdir()
        self.map = self.folder / 'map.yaml'
        self.map.write_text(mapping or MAPPING.format(source=name))
        self.environment = {**os.environ, 'REBOUND_SERVER': f'127.0.0.1:{rig.server.port}',
                            'REBOUND_TOKEN': rig.tokens['integration']}

    def write(self, *parts, name='in.csv'):
        """The path of a file of these parts: bytes, text, or (bytes, how often)."""
        path = self.folder / name
        with path.open('wb') as out:
            for part in parts:
                block, times = part if isinstance(part, tuple) else (part, 1)
                block = block.encode() if isinstance(block, str) else block
                step = max(1, MEGABYTE // max(1, len(block)))
                for first in range(0, times, step):
                    out.write(block * min(step, times - first))
        return path

    def start(self, path, *arguments):
        return subprocess.Popen(
            [f'{self.rig.bin}/rebound', 'import', self.verb, str(path), '--map', str(self.map),
             '-o', 'json', *arguments], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, path, *arguments, seconds=6 * DEADLINE):
        rejects = self.folder / 'rejects.csv'
        rejects.unlink(missing_ok=True)
        if '--results' not in arguments:
            arguments = ('--rejects', str(rejects), *arguments)
        child = self.start(path, *arguments)
        # The outputs are short: no pipe is filled.
        end, memory = time.monotonic() + seconds, 0
        while child.poll() is None:
            if time.monotonic() > end:
                child.kill()
                child.communicate()
                expect(False, f'the import of {path} took over {seconds} s')
            # Not ru_maxrss, which counts what this process had when it forked.
            peak = re.search(r'VmHWM:\s+(\d+)',
                             pathlib.Path(f'/proc/{child.pid}/status').read_text())
            memory = max(memory, int(peak[1]) << 10 if peak else 0)
            select.select([], [], [], 0.005)
        with child.stdout, child.stderr:
            out, err = child.stdout.read().decode(), child.stderr.read().decode()
        rows = []
        if rejects.exists():
            rows = list(csv.reader(io.StringIO(rejects.read_text())))[1:]
        return Done(child.returncode, out, err, memory, rows)


def expect_rejects(done, counts, rejects, what):
    """`rejects`: (row, column, a part of the reason), in order."""
    expect(done.code == 0 and done.counts() == counts, f'{what}: expected {counts}, got {done}')
    got = [(int(row), column) for row, column, _ in done.rejects]
    expect(got == [(row, column) for row, column, _ in rejects], f'{what}: {done.rejects}')
    for (_, _, reason), (_, _, part) in zip(done.rejects, rejects):
        expect(part in reason, f'{what}: expected {part!r}, got {reason!r}')


def expect_refused(done, part, what):
    expect(done.code == 2 and part in done.err, f'{what}: expected {part!r}, got {done}')


@attacks(56, 'encodings: GB18030, UTF-16, mixed, NUL, open quote', 'import')
def broken_rows(rig):
    importer = Importer(rig, 'rows')
    good = 'a{},c,3,客户服务\n'
    utf16 = (HEADER + good.format(1) + 'a2,c,77,\n' + good.format(3))
    for name, data, counts, rejects in (
            ('UTF-8 with a mark', b'\xef\xbb\xbf' + utf16.encode(), (3, 2, 0, 1),
             [(3, 'SCORE', '77')]),
            ('GB18030', utf16.encode('gb18030'), (3, 0, 2, 1), [(3, 'SCORE', '77')]),
            ('UTF-16LE', b'\xff\xfe' + utf16.encode('utf-16-le'), (3, 0, 2, 1),
             [(3, 'SCORE', '77')]),
            ('UTF-16BE', b'\xfe\xff' + utf16.encode('utf-16-be'), (3, 0, 2, 1),
             [(3, 'SCORE', '77')]),
            ('half a UTF-16 pair', b'\xff\xfe' + (HEADER + 'h1,c,3,').encode('utf-16-le') +
             b'\x00\xd8' + '\nh2,c,3,x\n'.encode('utf-16-le'), (2, 1, 0, 1),
             [(2, 'WHY', 'UTF-16')]),
            ('GB18030 among UTF-8', (HEADER + good.format(4) + good.format(5)).encode() +
             b'a6,c,3,' + GB + b'\n' + good.format(7).encode(), (4, 3, 0, 1),
             [(4, 'WHY', 'expected UTF-8')]),
            ('UTF-8 among GB18030', (HEADER + good.format(8) + good.format(9)).encode('gb18030') +
             good.format(10).encode() + good.format(11).encode('gb18030'), (4, 3, 0, 1),
             [(4, 'WHY', 'got UTF-8')]),
            ('UTF-16 among UTF-8', (HEADER + good.format(12)).encode() +
             'a13,c,3,x\n'.encode('utf-16-le') + b'a14,c,3,x\n', (3, 1, 0, 2), None),
            ('NUL', (HEADER + 'a15,c,3,a\0b\na16,c,3,x\n').encode(), (2, 1, 0, 1),
             [(2, 'WHY', 'NUL')]),
            ('open quote', HEADER + 'a17,c,3,"open\na18,c,3,x\na19,c,3,"y"\n', (3, 2, 0, 1),
             [(2, 'WHY', 'doubled')]),
            ('open quote to the end', HEADER + 'a20,c,3,x\na21,c,3,"open\na22,c,3,y\n',
             (3, 2, 0, 1), [(3, 'WHY', 'closing quote')]),
            ('cells too many and too few', HEADER + 'a23,c,3,x,y,z\na24,c\na25,c,3,x\n',
             (3, 1, 0, 2), [(2, '', 'got 6'), (3, 'SCORE', 'got 2')]),
            ('scores', HEADER + ''.join(f's{i},c,{score},\n' for i, score in enumerate(
                ('11', '-1', '4294967305', '9.5', 'NaN', '1e999', '-0x1'))), (7, 0, 0, 7), None),
            ('ids', HEADER + f'{"x" * 10_000},c,3,\na/../b\x01,c,3,\n', (2, 0, 0, 2), None)):
        done = importer.run(importer.write(data))
        if rejects is None:
            expect(done.code == 0 and done.counts() == counts, f'{name}: {done}')
            expect(all(r[0] and r[2] for r in done.rejects), f'{name}: {done.rejects}')
        else:
            expect_rejects(done, counts, rejects, name)


@attacks(56, 'headers: duplicate, none, 10,000 columns, too many, /dev/zero', 'import')
def headers(rig):
    importer = Importer(rig, 'headers')
    wide = ','.join(f'c{i}' for i in range(10_000))
    for name, data, part in (
            ('duplicate', 'ID,CUST,SCORE,WHY,SCORE\n1,c,3,x,4\n', 'more than one column "SCORE"'),
            ('missing', 'ID,CUST,WHY\n1,c,x\n', 'no column "SCORE"'),
            ('empty', '', 'empty file'), ('blank', '\n' + HEADER, 'blank line'),
            ('open quote', 'ID,"CUST\n1,c,3,x\n', 'never closed'),
            ('NUL', 'ID,CU\0ST,SCORE,WHY\n', 'NUL'),
            ('UTF-16 without a mark', HEADER.encode('utf-16-le'), 'byte order mark'),
            ('too wide', ',' * 2_000_000 + '\n', '16384 columns'),
            ('too long', 'x' * 5_000_000 + '\n', 'at most')):
        expect_refused(importer.run(importer.write(data)), part, name)
    expect_refused(importer.run('/dev/zero'), 'at most', '/dev/zero')
    expect_refused(importer.run('/dev/zero', '--results', str(importer.folder / 'job')), '',
                   '/dev/zero as a job')
    expect_refused(importer.run(importer.folder), 'cannot read', 'a folder')
    done = importer.run(importer.write(
        f'ID,CUST,SCORE,WHY,{wide}\n', *(f'w{i},c,3,x{"," * 10_000}\n' for i in range(20))))
    expect_rejects(done, (20, 20, 0, 0), [], '10,000 columns')


@attacks(56, 'huge lines, wide rows, many rows: the memory of the program', 'import')
def memory(rig):
    importer = Importer(rig, 'memory')
    small = importer.run(importer.write(HEADER, 'm0,c,3,x\n'))
    expect_rejects(small, (1, 1, 0, 0), [], 'a small file')
    long_line = rig.scaled(32, 1024)
    nul_row = b'n,c,3,' + b'\0,' * 10_000 + b'\n'
    wide = ('ID,CUST,SCORE,WHY,' + ','.join(f'c{i}' for i in range(10_000)) + '\n').encode()
    for name, parts, counts in (
            ('a line of many megabytes',
             (HEADER, 'm1,c,3,', (b'x' * MEGABYTE, long_line), '\nm2,c,3,x\n'), (2, 1, 0, 1)),
            ('an open quote of many megabytes',
             (HEADER, 'm3,c,3,"', (b'x' * MEGABYTE, long_line), '\nm4,c,3,x\n'), (2, 1, 0, 1)),
            ('a line of many commas',
             (HEADER, (b',' * MEGABYTE, long_line), '\nm5,c,3,x\n'), (2, 1, 0, 1)),
            ('rows of nearly the limit',
             (HEADER, (b'm6,c,3,' + b'y' * (3 * MEGABYTE) + b'\n', rig.scaled(8, 400))), None),
            ('rows of NUL cells', (HEADER, (nul_row, rig.scaled(200, 5000))), None),
            ('rows of 10,000 broken columns',
             (wide, (b'm7,c,x,y' + b',' * 10_000 + b'\n', rig.scaled(150, 20_000))), None),
            ('many rows', (HEADER, (b'm8,c,3,=1+1\n', rig.scaled(30_000, 10_000_000))), None)):
        path = importer.write(*parts)
        for arguments in ((), ('--results', str(importer.folder / f'job-{name}'))):
            dry = () if counts else ('--dry-run',)
            done = importer.run(path, *arguments, *dry, seconds=rig.scaled(6, 180) * DEADLINE)
            expect(done.code == 0, f'{name}: {done}')
            if counts and not arguments:
                expect(done.counts() == counts, f'{name}: {done}')
            grown = done.memory - small.memory
            expect(grown < 64 * MEGABYTE, f'{name} {arguments[:1]}: {grown >> 20} MB more')
        path.unlink()


def rows_done(job):
    try:
        return json.loads(job.read_text())['rowsDone']
    except FileNotFoundError:
        return 0


class Kind:
    """Of the rows of an import whose columns are ID, MARK, MORE and TEXT. `good`, `more`: what row
    i has in MARK and in MORE; with `bad` in MARK the server refuses it. `known`: a row that comes
    again is known by its key, not by its request alone."""

    def __init__(self, verb, batch, fields, good, bad, more, history=True, known=True):
        self.verb, self.batch, self.good, self.bad, self.more = verb, batch, good, bad, more
        self.arguments, self.known = ('--history',) if history else (), known
        self.mapping = ('version: 1\nsource_system: cut\nzone: UTC\nfields:\n'
                        '  external_id: {from: ID, required: true}\n' +
                        ''.join(f'  {field}\n' for field in fields))


# The answers make the customers c0 to c49 whose behaviour comes after them.
KINDS = (
    Kind('responses', 500, ('program: {const: touchpoint}', 'customer.external_id: MORE',
                            'score: MARK', 'reason: TEXT'),
         lambda i: i % 11, 77, lambda i: f'c{i % 50}'),
    Kind('behaviours', 500, ('customer.external_id: MARK', 'occur_time: MORE',
                             'kind: {const: repurchase}'),
         lambda i: f'c{i % 50}', 'nobody', lambda i: '2026-01-05', history=False),
    Kind('customers', 500, ('time_zone: MARK', 'segment: MORE', 'name: TEXT'),
         lambda i: 'Asia/Shanghai', 'Mars/Base', lambda i: 'gold', history=False, known=False),
    Kind('complaints', 200, ('program: MARK', 'open_time: MORE', 'request: TEXT'),
         lambda i: 'touchpoint', 'nothing', lambda i: '2026-01-05'),
)


@attacks(56, 'cut at batch after batch by SIGKILL, then resumed: each row once', 'import')
def cut_and_resumed(rig):
    for kind in KINDS:
        try:
            cut_one(rig, kind)
        except Wrong as wrong:
            raise Wrong(f'{kind.verb}: {wrong}') from None


def cut_one(rig, kind):
    importer = Importer(rig, f'cut-{kind.verb}', kind.verb, kind.mapping)
    batches = rig.scaled(6, 40)
    rows = kind.batch * batches
    text = ''.join(f'r{i},{kind.bad if i % 100 == 7 else kind.good(i)},{kind.more(i)},=1+1\n'
                   for i in range(rows))
    path = importer.write('ID,MARK,MORE,TEXT\n' + text)
    results = importer.folder / 'job'
    arguments = (path, *kind.arguments, '--results', str(results), '--resume')
    kills = 0
    for _ in range(batches):
        before = rows_done(results / 'job.json')
        child = importer.start(*arguments)
        end = time.monotonic() + 2 * DEADLINE
        while child.poll() is None and rows_done(results / 'job.json') == before:
            expect(time.monotonic() < end, 'the import stands still')
            select.select([], [], [], 0.002)
        kills += child.poll() is None
        child.kill()
        child.communicate()
    done = importer.run(*arguments)
    bad = len([i for i in range(rows) if i % 100 == 7])
    expect(kills and done.code == 0, f'{kills} kills, {done}')
    expect(done.summary['rows'] == rows and done.summary['rejected'] == bad and
           done.summary['accepted'] + done.summary['replayed'] == rows - bad, repr(done))
    read = lambda name: list(csv.reader(io.StringIO((results / name).read_text('utf-8-sig'))))[1:]
    expect([r[0] for r in read('successful.csv')] ==
           [f'r{i}' for i in range(rows) if i % 100 != 7], 'successful.csv')
    expect([(r[0], r[4]) for r in read('failed.csv')] ==
           [(f'r{i}', str(i + 2)) for i in range(rows) if i % 100 == 7], 'failed.csv')
    again = importer.run(path, *kind.arguments)
    expect(again.counts() == ((rows, 0, rows - bad, bad) if kind.known else
                              (rows, rows - bad, 0, bad)), f'a second run: {again}')
    # What was failed is mended, as a spreadsheet would, and comes in.
    mended = importer.write((results / 'failed.csv').read_text().replace(
        f',{kind.bad},', f',{kind.good(7)},'))
    done = importer.run(mended, *kind.arguments)
    expect_rejects(done, (bad, bad, 0, 0), [], 'the mended file')


@attacks(56, 'interrupted by its user: what is left is a file', 'import')
def interrupted(rig):
    importer = Importer(rig, 'interrupt')
    rows = rig.scaled(20_000, 100_000)
    path = importer.write(HEADER + ''.join(f'i{i},c,3,\n' for i in range(rows)))
    results = importer.folder / 'job'
    child = importer.start(path, '--history', '--results', str(results))
    end = time.monotonic() + 2 * DEADLINE
    while child.poll() is None and rows_done(results / 'job.json') == 0:
        expect(time.monotonic() < end, 'the import stands still')
        select.select([], [], [], 0.002)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=2 * DEADLINE)
    expect(child.returncode == 130, f'{child.returncode} {err}')
    count = lambda name: (results / name).read_bytes().count(b'\n') - 1
    expect(count('successful.csv') + count('unprocessed.csv') == rows and count('unprocessed.csv'),
           f'{count("successful.csv")} + {count("unprocessed.csv")} of {rows}')


@attacks(57, 'archives and workbooks instead of CSV; nothing is unpacked', 'import')
def archives(rig):
    importer = Importer(rig, 'archives')
    small = importer.run(importer.write(HEADER, 'z0,c,3,x\n'))
    zeros = b'\0' * MEGABYTE

    def zipped(names, content):
        out = io.BytesIO()
        with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, content)
        return out.getvalue()
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode='wb') as out:
        for _ in range(rig.scaled(64, 10_240)):
            out.write(zeros)
    text = (HEADER + 'z1,c,3,x\n').encode()
    link = zipfile.ZipInfo('link')
    link.external_attr = 0o120777 << 16
    for name, data, part in (
            ('gzip', gzip.compress(text), 'gzip'), ('gzip bomb', bomb.getvalue(), 'gzip'),
            ('gzip in gzip', gzip.compress(gzip.compress(text)), 'gzip'),
            ('zip', zipped(['in.csv'], text), 'zip'),
            ('zip bomb', zipped(['in.csv'], zeros * rig.scaled(16, 1024)), 'zip'),
            ('zip of ../', zipped(['../../etc/passwd', '/etc/passwd'], text), 'zip'),
            ('zip of a link', zipped([link], '/etc/passwd'), 'zip'),
            ('zip of many', zipped([str(i) for i in range(rig.scaled(1000, 100_000))], ''), 'zip'),
            ('zip of zips', zipped(['a.zip'], zipped(['b.csv'], text)), 'zip'),
            ('XLSX', zipped(['[Content_Types].xml', 'xl/workbook.xml'], '<x/>'), 'XLSX'),
            ('xz', lzma.compress(text), 'xz'), ('empty zip', zipped([], ''), 'zip'),
            ('half a gzip', gzip.compress(text)[:12], 'gzip')):
        for more in ((), ('--results', str(importer.folder / 'job'))):
            done = importer.run(importer.write(data, name='in.csv'), *more)
            expect_refused(done, part, name)
            expect(done.memory - small.memory < 64 * MEGABYTE, f'{name}: {done.memory >> 20} MB')
        expect(not (importer.folder / 'job').exists(), f'{name}: a job was begun')
    # Behind a good header it is text that is none.
    done = importer.run(importer.write(HEADER, gzip.compress(text), b'\nz2,c,3,x\n'))
    expect(done.code == 0 and done.summary['accepted'] == 1 and done.summary['rejected'] >= 1,
           repr(done))
