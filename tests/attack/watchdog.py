"""Attack 5 to its end (CVE-2023-4785): descriptors run out, and a listener never accepts again."""
import socket

from rig import DEADLINE, Attacks, Raw, Server, Wrong, expect

attacks = Attacks()
FILES = 64
PERIOD = 1


def flood(port):
    """More connections than the process has descriptors for, then none of them."""
    opened = []
    for _ in range(200):
        try:
            opened.append(socket.create_connection(('127.0.0.1', port), 1))
        except OSError:
            break
    # The server accepts what it can on its own thread: it is over once one of the last was refused
    # or nothing more comes.
    for each in opened[:20]:
        each.settimeout(1)
        try:
            each.recv(1)
        except OSError:
            pass
    for each in opened:
        each.close()


def answers(port, seconds):
    """Whether a new connection is answered with HTTP/2's first frame."""
    try:
        with Raw(port).start_h2() as raw:
            return bool(raw.read(seconds))
    except (Wrong, OSError):
        return False


@attacks(5, 'descriptors run out: it hangs, and nobody looks (watchdog off)', 'server')
def hang(rig):
    server = Server(rig.bin, str(rig.folder / 'hang.db'), '--watchdog', '0', files=FILES)
    try:
        flood(server.port)
        # gRPC 1.51 (Debian 12) hangs. One that does not has no need of the watchdog: then this
        # fails, and both go.
        expect(not answers(server.port, rig.scaled(3, 30)), 'served after the flood: no hang')
        expect(server.child.poll() is None, 'the server ended by itself')
    finally:
        if server.child.poll() is None:
            server.child.kill()
        server.stop()


@attacks(5, 'descriptors run out: the watchdog ends it, its supervisor restarts it', 'server')
def restart(rig):
    db = str(rig.folder / 'watched.db')
    server = Server(rig.bin, db, '--watchdog', str(PERIOD), files=FILES)
    try:
        flood(server.port)
        expect(not answers(server.port, 2 * PERIOD), 'served after the flood: no hang')
        # Three looks of two periods each, at most, and one to begin with.
        server.await_line(r'a listener takes no new connections', 8 * PERIOD + DEADLINE)
        expect(server.child.wait(DEADLINE) == 4, f'ended with {server.child.returncode}')
        server.stop()
        server = Server(rig.bin, db, '--watchdog', str(PERIOD), files=FILES)
        expect(answers(server.port, DEADLINE), 'restarted, and does not answer')
    finally:
        server.stop()

