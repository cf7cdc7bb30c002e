#!/usr/bin/python3
"""Attacks from RELIABILITY section 3 against a real server and the shipped HAProxy front.

    tests/attack/run_attacks.py BIN_DIR [--full] [--only N]

Each attack asserts its answer; that neither the server nor the front, nor a server of the attack's
own, was at any time 64 MB larger than before; that the server is soon less than 64 MB larger than
at its start; and that the next good call on a new connection is served. --full: as large as the
list says; else seconds.
"""
import argparse
import sys
import time
import traceback

sys.dont_write_bytecode = True  # these folders are sources

import certificates
import deliveries
import http_gateway
import identity
import imports
import queries
import rig as rig_module
import watchdog
import wire

LEFT = 64  # MB


def run_one(rig, attack):
    """None, or what was wrong."""
    number, name, where, memory, function = attack
    started, others = time.monotonic(), len(rig_module.Process.all)
    for process in (rig.server, rig.front):
        process.mark()
    wrong = None
    try:
        function(rig)
        rig.expect_good_call()
        for process in watched(rig, others):
            rig_module.expect(process.grown() < memory << 20, f'{process.name} was larger by '
                              f'{process.grown() >> 20} MB, {memory} are allowed')
        # What was freed goes back to the system after ten seconds or so.
        end = time.monotonic() + rig_module.DEADLINE
        while (left := rig.server.left()) >= LEFT << 20:
            rig_module.expect(time.monotonic() < end, f'{left >> 20} MB are not given back')
            rig.expect_good_call()
    except rig_module.Skipped as why:
        print(f'{number:>3}  {name:<62} {where:<10} SKIPPED: {why}', flush=True)
        rig.skipped += 1
        return None
    except rig_module.Wrong as failure:
        wrong = str(failure)
    except Exception:  # the attack's own mistake, or an answer nobody thought of
        wrong = traceback.format_exc()
    grown = ' '.join(f'{p.name} {p.grown() / rig_module.MEGABYTE:+.1f}'
                     for p in watched(rig, others))
    print(f'{number:>3}  {name:<62} {where:<10} {"ok" if wrong is None else "WRONG":<6}'
          f'{time.monotonic() - started:6.1f} s  MB: {grown}, left '
          f'{rig.server.left() / rig_module.MEGABYTE:+.1f}', flush=True)
    if wrong:
        print('     ' + wrong.strip().replace('\n', '\n     '), flush=True)
    return wrong


def watched(rig, others):
    """The server, the front, and what the attack started itself."""
    return [rig.server, rig.front, *rig_module.Process.all[others:]]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    arguments.add_argument('bin_dir', help='the folder that holds reboundd')
    arguments.add_argument('--full', action='store_true', help='as large as the list says')
    arguments.add_argument('--only', type=int, help='the attacks of one number; 3 is the watchdog, '
                           'too')
    arguments = arguments.parse_args()
    attacks = [a for module in (wire, queries, identity, certificates, http_gateway, deliveries,
                                imports, watchdog)
               for a in module.attacks.all if arguments.only in (None, a[0])]
    if not attacks:
        print(f'no attack has number {arguments.only}', file=sys.stderr)
        return 2
    rig = rig_module.Rig(arguments.bin_dir, arguments.full)
    failed = rig.skipped = 0
    try:
        for attack in attacks:
            if rig.server.child.poll() is not None:
                print(f'the server ended with {rig.server.child.returncode}', file=sys.stderr)
                return 1
            failed += run_one(rig, attack) is not None
    finally:
        rig.stop()
    print(f'{len(attacks)} attacks, {failed} wrong, {rig.skipped} skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
