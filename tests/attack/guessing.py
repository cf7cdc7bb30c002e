#!/usr/bin/python3
"""Attack 42, within a network namespace in which it is root:

    unshare --map-root-user --net tests/attack/guessing.py BIN_DIR GUESSES

Callers from addresses that are not this machine's own, which no limit holds for, by way of the
front. Exits with 1 and says what was wrong.
"""
import collections
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import hpack

sys.dont_write_bytecode = True  # these folders are sources

from rig import (DATA, DEADLINE, GOAWAY, HEADERS, RST, SETTINGS, Api, Front, Protos, Raw, Server,
                 Wrong, expect, frame)

GUESSER, NEIGHBOUR = '203.0.113.9', '203.0.113.10'
RATE, COST, THREADS = 20, 11, 2  # units a second, twice as many at once; of a token that is none
MANY = 10_000  # guesses, beyond which a connection has more under way at once


def literal(name, value):
    """A header field that no table keeps, RFC 7541 6.2.2; both are short."""
    return b'\0' + bytes([len(name)]) + name + bytes([len(value)]) + value


# Fields and frames by hand: a client of gRPC's takes as many minutes for a million.
HEAD = (b'\x83\x86' + literal(b':path', b'/rebound.v1.OperationsService/GetStatus') +
        literal(b':authority', b'localhost') + literal(b'content-type', b'application/grpc') +
        literal(b'te', b'trailers'))


def call(stream, i):
    """The frames of a call by a token that is none, which says that it comes from elsewhere."""
    head = HEAD + literal(b'authorization', b'Bearer rbt_%043d' % i) + literal(
        b'x-forwarded-for', b'198.51.%d.%d' % (i >> 8 & 255, i & 255))
    return frame(HEADERS, 4, stream, head) + frame(DATA, 1, stream, b'\0' * 5)


def guess(port, numbers, at_once):
    """How often each code was the answer."""
    codes, decoder, stream = collections.Counter(), hpack.Decoder(), 1
    with Raw(port, host=GUESSER).start_h2() as raw:
        frames = raw.frames(360 * DEADLINE)
        for first in range(0, len(numbers), at_once):
            left = numbers[first:first + at_once]
            raw.send(b''.join(call(stream + 2 * n, i) for n, i in enumerate(left)))
            stream += 2 * len(left)
            answered = 0
            while answered < len(left):
                kind, flags, _, payload = next(frames, (GOAWAY, 0, 0, b'closed'))
                expect(kind not in (GOAWAY, RST), f'frame {kind} in place of an answer: {payload}')
                if kind == SETTINGS and not flags & 1:
                    raw.send(frame(SETTINGS, 1, 0))
                if kind == HEADERS:
                    fields = dict(decoder.decode(payload, raw=True))
                    if flags & 1:
                        codes[int(fields[b'grpc-status'])] += 1
                        answered += 1
    return codes


def main():
    bin_dir, count = sys.argv[1], int(sys.argv[2])
    for command in (['link', 'set', 'lo', 'up'], ['addr', 'add', GUESSER + '/32', 'dev', 'lo'],
                    ['addr', 'add', NEIGHBOUR + '/32', 'dev', 'lo']):
        subprocess.run(['ip', *command], check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix='rebound-guessing-'))
    db = str(folder / 'rebound.db')
    token = subprocess.run([f'{bin_dir}/reboundd', 'principal', 'add', '--db', db, '--name',
                            'admin', '--role', 'admin'], check=True, capture_output=True,
                           text=True).stdout.strip()
    server = front = None
    try:
        server = Server(bin_dir, db, '--http', '127.0.0.1:0', '--trusted-proxy', '127.0.0.1',
                        '--rate-address', str(RATE))
        front = Front(folder, server, '0.0.0.0')
        at_once = 8 if count < MANY else 64
        protos, codes, began = Protos(), collections.Counter(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for done in pool.map(
                    lambda first: guess(front.port, range(first, count, THREADS), at_once),
                    range(THREADS)):
                codes += done
        took = time.monotonic() - began
        print(f'{count} guesses in {took:.0f} s: {dict(codes)}')
        expect(set(codes) <= {8, 16} and codes.total() == count, f'codes: {codes}')
        # A guess is let in while anything is left; all of those under way at once may be.
        looked_at = (2 * RATE + RATE * took) / COST + at_once * THREADS
        expect(0 < codes[16] <= looked_at,
               f'{codes[16]} tokens were looked at in {took:.1f} s, {looked_at:.0f} are allowed')
        # Nobody else pays for it, whoever they say they are.
        for who, code in ((token, 0), ('rbt_unknown', 16)):
            answer = Api(protos, f'{NEIGHBOUR}:{front.port}', who).call(
                'OperationsService/GetStatus', metadata=[('x-forwarded-for', GUESSER)])
            expect(answer.code == code, f'another address: expected {code}, but got {answer}')
    except Wrong as wrong:
        print(wrong)
        return 1
    finally:
        for process in (front, server):
            if process:
                process.stop()
        shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
