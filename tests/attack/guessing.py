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

import grpc

sys.dont_write_bytecode = True  # these folders are sources

from rig import DEADLINE, Api, Front, Protos, Server, Wrong, expect

GUESSER, NEIGHBOUR = '203.0.113.9', '203.0.113.10'
STATUS = '/rebound.v1.OperationsService/GetStatus'
RATE, COST, THREADS = 20, 11, 8  # units a second, twice as many at once; of a token that is none


def guess(port, numbers):
    """How often each code was the answer. Each guess says that it comes from elsewhere."""
    codes = collections.Counter()
    with grpc.insecure_channel(f'{GUESSER}:{port}',
                               [('grpc.use_local_subchannel_pool', 1)]) as channel:
        call = channel.unary_unary(STATUS)
        for i in numbers:
            try:
                call(b'', timeout=DEADLINE, metadata=[
                    ('authorization', f'Bearer rbt_{i:043}'),
                    ('x-forwarded-for', f'198.51.{i >> 8 & 255}.{i & 255}')])
                codes[0] += 1
            except grpc.RpcError as error:
                codes[error.code().value[0]] += 1
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
        protos, codes, began = Protos(), collections.Counter(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for done in pool.map(lambda first: guess(front.port, range(first, count, THREADS)),
                                 range(THREADS)):
                codes += done
        took = time.monotonic() - began
        print(f'{count} guesses in {took:.0f} s: {dict(codes)}')
        expect(set(codes) <= {8, 16} and codes.total() == count, f'codes: {codes}')
        # A guess is let in while anything is left; all of those under way at once may be.
        looked_at = (2 * RATE + RATE * took) / COST + 2 * THREADS
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
