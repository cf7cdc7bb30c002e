#!/usr/bin/python3
"""Brings a low score to Rebound and follows its case to the end, over gRPC.

  PYTHONPATH=FOLDER follow.py CUSTOMER ANSWER JOURNAL

CUSTOMER and ANSWER are the CRM's own keys. Every event becomes one line of JSON in the file
JOURNAL, once and in order, over restarts of the server and of this program: what is written there is
done, and the cursor is committed to a subscription on the server after that.
"""
import json
import os
import queue
import random
import sys
import time

import grpc
from google.protobuf import field_mask_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from rebound.v1 import customer_service_pb2, customer_service_pb2_grpc
from rebound.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc
from rebound.v1 import response_service_pb2, response_service_pb2_grpc

ONCE_MORE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
CREDITS = 20
METADATA = [("authorization", "Bearer " + os.environ["REBOUND_TOKEN"]), ("accept-language", "en")]


def explain(error):
    """The reason of a refusal, and one line on it: fields at fault, and the words for people."""
    reason, fields = "", []
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    words = error.details()
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        localized = error_details_pb2.LocalizedMessage()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad_request):
            fields = [violation.field for violation in bad_request.field_violations]
        elif detail.Unpack(localized):
            words = localized.message
    return reason, " ".join([error.code().name, reason, *fields]) + ": " + words


def with_retries(attempt):
    """Runs attempt() until it is answered. It sends the same request_id each time, so that what was
    done although its answer got lost is not done twice."""
    pause = 0.1
    while True:
        try:
            return attempt()
        except grpc.RpcError as error:
            reason, line = explain(error)
            print(line, file=sys.stderr)
            if error.code() not in ONCE_MORE and reason != "REQUEST_IN_PROGRESS":
                sys.exit(1)
        time.sleep(pause * random.uniform(0.5, 1))
        pause = min(pause * 2, 2)


def bring(channel, customer, answer):
    """Stores the customer and their score of 2; the id of the case that it opened."""
    customers = customer_service_pb2_grpc.CustomerServiceStub(channel)
    upsert = customer_service_pb2.UpsertCustomerRequest(
        request_id="upsert-" + customer,
        update_mask=field_mask_pb2.FieldMask(paths=["display_name", "language"]))
    upsert.external_key.source_system = "crm"
    upsert.external_key.external_id = customer
    upsert.customer.display_name = "王小明"
    upsert.customer.language = "zh-CN"
    with_retries(lambda: customers.UpsertCustomer(upsert, metadata=METADATA, timeout=10))

    responses = response_service_pb2_grpc.ResponseServiceStub(channel)
    submit = response_service_pb2.SubmitResponseRequest(request_id="answer-" + answer)
    submit.response.program_id = "try-out"
    submit.response.external_key.source_system = "survey"
    submit.response.external_key.external_id = answer
    submit.response.customer_key.CopyFrom(upsert.external_key)
    submit.response.score = 2
    submit.response.reason = "等了一个小时"
    reply = with_retries(lambda: responses.SubmitResponse(submit, metadata=METADATA, timeout=10))
    return reply.response.paired_case_id


def open_journal(path):
    """The journal, open for appending, and the events in it. A line that was cut short was not
    done."""
    journal = open(path, "a+b")
    journal.seek(0)
    text = journal.read()
    text = text[:text.rfind(b"\n") + 1]
    journal.truncate(len(text))
    return journal, [json.loads(line) for line in text.splitlines()]


def follow(channel, start, journal, done, is_last):
    """Follows from the subscription that `start` names. True once an event came that is_last()."""
    more = queue.Queue()  # what is to be sent; None: nothing comes any more
    more.put(event_service_pb2.SubscribeRequest(start=start))
    stub = event_service_pb2_grpc.EventServiceStub(channel)
    stream = stub.Subscribe(iter(more.get, None), metadata=METADATA)
    try:
        for message in stream:
            for event in message.batch.events:
                if event.id not in done:
                    journal.write((json_format.MessageToJson(event, indent=None) + "\n").encode())
                    journal.flush()
                    os.fsync(journal.fileno())
                    done.add(event.id)
                    print(event.case_number, event.type, event.status, flush=True)
                if is_last(event):
                    return True
            # What is in the journal need not be sent again, and makes room for as many events.
            more.put(event_service_pb2.SubscribeRequest(more=event_service_pb2.SubscribeMore(
                num_requested=len(message.batch.events),
                commit_cursor=message.batch.latest_cursor)))
        return False
    finally:
        more.put(None)
        stream.cancel()


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: follow.py CUSTOMER ANSWER JOURNAL")
    customer, answer, journal_path = sys.argv[1:]
    journal, lines = open_journal(journal_path)
    if lines and lines[-1]["type"] == "CaseClosed":
        return
    # Pings notice a server that went away without a word.
    options = [("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 2_000)]
    server = os.environ.get("REBOUND_SERVER", "127.0.0.1:50061")
    with grpc.insecure_channel(server, options) as channel:
        case = bring(channel, customer, answer)
        events = event_service_pb2_grpc.EventServiceStub(channel)
        create = event_service_pb2.CreateSubscriptionRequest(
            request_id="follow-" + case, subscription_id="case-" + case)
        create.start.preset = event_pb2.EVENT_PRESET_EARLIEST
        with_retries(lambda: events.CreateSubscription(create, metadata=METADATA, timeout=10))
        start = event_service_pb2.SubscribeStart(num_requested=CREDITS)
        start.start.subscription_id = "case-" + case
        start.filter.case_ids.append(case)
        done = {line["id"] for line in lines}
        while not with_retries(lambda: follow(channel, start, journal, done,
                                              lambda event: event.type == "CaseClosed")):
            pass
        delete = event_service_pb2.DeleteSubscriptionRequest(
            request_id="unfollow-" + case, subscription_id="case-" + case)
        with_retries(lambda: events.DeleteSubscription(delete, metadata=METADATA, timeout=10))


if __name__ == "__main__":
    main()
