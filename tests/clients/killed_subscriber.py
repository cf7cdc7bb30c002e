"""What run_killed_subscriber.sh runs: `drive BIN_DIR JOURNAL`, which starts and kills `follow
JOURNAL`.

The follower is the integration of clients/python, over all events instead of one case's. What it
has done is in its journal and in the subscription on the server, nowhere else. REBOUND_KILLS: how
often it is killed; each time 500 events and more are written.
"""
import json
import os
import queue
import random
import select
import subprocess
import sys
import threading

import grpc
from rebound.v1 import case_service_pb2, case_service_pb2_grpc
from rebound.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc
from rebound.v1 import operations_service_pb2, operations_service_pb2_grpc
from rebound.v1 import response_service_pb2, response_service_pb2_grpc

import follow as client

DEADLINE = 120  # seconds for what takes one or two
EVENTS_OF_A_KILL = 500
ANSWERS_OF_A_BATCH = 20


def new_channel():
    return grpc.insecure_channel(os.environ["REBOUND_SERVER"])


def follow(path):
    journal, lines = client.open_journal(path)
    done = {line["id"] for line in lines}
    with new_channel() as channel:
        events = event_service_pb2_grpc.EventServiceStub(channel)
        create = event_service_pb2.CreateSubscriptionRequest(
            request_id="killed", subscription_id="killed")
        create.start.preset = event_pb2.EVENT_PRESET_EARLIEST
        client.with_retries(
            lambda: events.CreateSubscription(create, metadata=client.METADATA, timeout=10))
        start = event_service_pb2.SubscribeStart(num_requested=client.CREDITS)
        start.start.subscription_id = "killed"
        while not client.with_retries(
                lambda: client.follow(channel, start, journal, done, lambda event: False)):
            pass


class Load(threading.Thread):
    """For each more(): cases that open, and those from just before that are assigned."""

    def __init__(self):
        super().__init__(daemon=True)
        self.targets = queue.Queue()  # the sequences to be reached; None: no more of them
        self.target = 0
        self.wrong = "it is not ready"
        self.batches = 0

    def more(self):
        self.target += EVENTS_OF_A_KILL
        self.targets.put(self.target)

    def end(self):
        """Returns once all that was asked for is written."""
        self.targets.put(None)
        self.join(DEADLINE)
        if self.wrong:
            sys.exit(f"WRONG the load did not come to its end: {self.wrong}")

    def run(self):
        try:
            with new_channel() as channel:
                self.responses = response_service_pb2_grpc.ResponseServiceStub(channel)
                self.cases = case_service_pb2_grpc.CaseServiceStub(channel)
                self.operations = operations_service_pb2_grpc.OperationsServiceStub(channel)
                self.write()
            self.wrong = None
        except BaseException as wrong:
            self.wrong = wrong

    def write(self):
        opened = []
        for target in iter(self.targets.get, None):
            while self.last_sequence() < target:
                self.assign(opened)
                opened = self.submit()

    def call(self, method, request):
        return client.with_retries(lambda: method(request, metadata=client.METADATA, timeout=30))

    def last_sequence(self):
        return self.call(self.operations.GetStatus,
                         operations_service_pb2.GetStatusRequest()).last_sequence

    def submit(self):
        """The ids of the cases that opened."""
        self.batches += 1
        batch = response_service_pb2.BatchSubmitResponsesRequest(
            request_id=f"answers-{self.batches}")
        for i in range(ANSWERS_OF_A_BATCH):
            response = batch.responses.add(program_id="touchpoint", score=2)
            for key in (response.external_key, response.customer_key):
                key.source_system = "killed"
                key.external_id = f"{self.batches}-{i}"
        reply = self.call(self.responses.BatchSubmitResponses, batch)
        return [result.response.paired_case_id for result in reply.results]

    def assign(self, cases):
        if not cases:
            return
        bulk = case_service_pb2.BulkCasesRequest(request_id=f"assign-{self.batches}",
                                                 case_ids=cases)
        bulk.assign.owner = "agent"
        for result in self.call(self.cases.BulkCases, bulk).results:
            if result.HasField("error"):
                raise RuntimeError(result.error.message)


class Follower:
    """A process of its own, which prints a line for each event that it has written down."""

    def __init__(self, journal):
        self.child = subprocess.Popen([sys.executable, "-B", __file__, "follow", journal],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.pending = 0

    def await_events(self, count):
        pipe = self.child.stdout.fileno()
        while self.pending < count:
            if not select.select([pipe], [], [], DEADLINE)[0]:
                sys.exit(f"WRONG {self.pending} of {count} events within {DEADLINE} s")
            text = os.read(pipe, 1 << 16)
            if not text:
                sys.exit(f"WRONG the follower ended with {self.child.wait()}")
            self.pending += text.count(b"\n")

    def kill(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def read_journal(path):
    """What is in it, without a line that was cut short."""
    if not os.path.exists(path):
        return []
    with open(path, "rb") as journal:
        text = journal.read()
    return [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]


def drive(bin_dir, path):
    kills = int(os.environ.get("REBOUND_KILLS", "10"))
    places = random.Random(7)
    load = Load()
    load.start()
    load.more()
    for kill in range(kills):
        place = kill * EVENTS_OF_A_KILL + places.randrange(EVENTS_OF_A_KILL)
        missing = place - len(read_journal(path))
        follower = Follower(path)
        try:
            follower.await_events(1)
            load.more()  # writes while this one follows and is killed
            follower.await_events(missing)
        finally:
            follower.kill()
    load.end()
    log = json.loads(subprocess.run([f"{bin_dir}/rebound", "events", "list", "--all", "-o", "json"],
                                    check=True, stdout=subprocess.PIPE).stdout)
    follower = Follower(path)
    try:
        follower.await_events(len(log) - len(read_journal(path)))
    finally:
        follower.kill()

    events = read_journal(path)[:len(log)]  # more may have come since
    by_case = {}
    for event in events:
        by_case.setdefault(event.get("caseId"), []).append(event["id"])
    expected = {}
    for event in log:
        expected.setdefault(event.get("caseId"), []).append(event["id"])
    twice = len(events) - len({event["id"] for event in events})
    wrong = [case for case in expected if by_case.get(case) != expected[case]]
    if twice or wrong or len(log) < kills * EVENTS_OF_A_KILL:
        sys.exit(f"WRONG {len(events)} of {len(log)} events, {twice} of them twice; cases whose "
                 f"events are missing or out of order: {wrong[:5]}")
    cases = len([case for case in expected if case])
    print(f"ok    {kills} kills, {len(log)} events of {cases} cases: each once, in order")


if __name__ == "__main__":
    drive(*sys.argv[2:]) if sys.argv[1] == "drive" else follow(sys.argv[2])
