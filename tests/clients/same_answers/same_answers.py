#!/usr/bin/python3
"""Makes the calls of a file with every client and compares the answers, in one form, byte by byte.

  same_answers.py CALLS.json BUF WORK_DIR
"""
import base64
import importlib
import json
import os
import pathlib
import subprocess
import sys

import grpc
from google.protobuf import json_format, symbol_database
from google.rpc import error_details_pb2, status_pb2  # known from here on

SERVER, HTTP = os.environ["REBOUND_SERVER"], os.environ["REBOUND_HTTP"]
PASSES = {"elapsed", "elapsedWall", "slack"}  # what clocks show is that of the instant
HERE = pathlib.Path(__file__).parent
TYPES = symbol_database.Default()


def method_of(call):
    service, method = call["method"].split("/")
    stem = "".join("_" + c.lower() if c.isupper() else c for c in service)[1:]
    module = importlib.import_module(f"rebound.v1.{stem}_pb2")
    return module.DESCRIPTOR.services_by_name[service].methods_by_name[method]


def message(descriptor, encoded):
    return TYPES.GetPrototype(descriptor).FromString(base64.b64decode(encoded + "=="))


def still(value):
    """The value without what changes from one instant to the next."""
    if isinstance(value, list):
        return [still(item) for item in value]
    if isinstance(value, dict):
        return {key: "passes" if key in PASSES else still(item) for key, item in value.items()}
    return value


def canonical(call, answer):
    """The answer as text: replies and details decoded, keys sorted."""
    def plain(decoded):
        return still(json_format.MessageToDict(decoded, including_default_value_fields=True))
    if "replies" in answer:
        output = method_of(call).output_type
        replies = [message(output, reply) if isinstance(reply, str) else
                   json_format.ParseDict(reply, TYPES.GetPrototype(output)())
                   for reply in answer["replies"]]
        form = {"replies": [plain(reply) for reply in replies]}
    else:
        details = answer.get("details", [])
        if "status" in answer:  # gRPC's trailer
            status = status_pb2.Status.FromString(base64.b64decode(answer["status"]))
            details = [{"type": any_.TypeName(), "value": base64.b64encode(any_.value).decode()}
                       for any_ in status.details]
        form = {"code": answer["code"], "message": answer["message"], "details": [
            [detail["type"], plain(message(TYPES.pool.FindMessageTypeByName(detail["type"]),
                                           detail["value"]))] for detail in details]}
    return json.dumps(form, ensure_ascii=False, sort_keys=True, indent=1)


def headers(call):
    return ["-H", "authorization: Bearer " + call["token"], "-H", "accept-language: zh-CN"]


def via_grpcio(call):
    rpc = method_of(call)
    path = f"/rebound.v1.{call['method']}"
    codecs = {"request_serializer": lambda request: request.SerializeToString(),
              "response_deserializer": TYPES.GetPrototype(rpc.output_type).FromString}
    request = message(rpc.input_type, call["bytes"])
    options = {"timeout": 10, "metadata": [("authorization", "Bearer " + call["token"]),
                                           ("accept-language", "zh-CN")]}
    with grpc.insecure_channel(SERVER) as channel:
        try:
            if call.get("stream"):
                replies = list(channel.unary_stream(path, **codecs)(request, **options))
            else:
                replies = [channel.unary_unary(path, **codecs)(request, **options)]
            return {"replies": [base64.b64encode(reply.SerializeToString()).decode()
                                for reply in replies]}
        except grpc.RpcError as error:
            status = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
            return {"code": error.code().name.lower(), "message": error.details(),
                    "status": base64.b64encode(status).decode()}


def via_buf(call, buf, protocol):
    flags = ["--protocol", protocol, "--schema", os.environ["REBOUND_DESCRIPTORS"]]
    url = HTTP if protocol == "connect" else "http://" + SERVER
    if protocol == "grpc":
        flags.append("--http2-prior-knowledge")
    run = subprocess.run([buf, "curl", *flags, *headers(call), "-d", json.dumps(call["request"]),
                          f"{url}/rebound.v1.{call['method']}"], capture_output=True, timeout=30)
    if run.returncode != 0:
        return json.loads(run.stderr)
    replies, text, read = [], run.stdout.decode().strip(), json.JSONDecoder().raw_decode
    while text:  # one value after the other
        reply, end = read(text)
        replies.append(reply)
        text = text[end:].lstrip()
    return {"replies": replies}


def via_curl(call):
    body, kind = json.dumps(call["request"]).encode(), "application/json"
    if call.get("stream"):
        body = b"\0" + len(body).to_bytes(4, "big") + body
        kind = "application/connect+json"
    reply = subprocess.run(["curl", "-sS", "-H", "content-type: " + kind, *headers(call),
                            "--data-binary", "@-", f"{HTTP}/rebound.v1.{call['method']}"],
                           input=body, capture_output=True, timeout=30, check=True).stdout
    if not call.get("stream"):
        answer = json.loads(reply)
        return answer if "code" in answer else {"replies": [answer]}
    replies = []
    while reply:
        flags, length = reply[0], int.from_bytes(reply[1:5], "big")
        frame, reply = json.loads(reply[5:5 + length]), reply[5 + length:]
        if flags & 2:
            return frame.get("error") or {"replies": replies}
        replies.append(frame)
    raise ValueError("the stream has no end")


def main():
    table, buf, work = sys.argv[1:]
    text = pathlib.Path(table).read_text()
    calls = json.loads(text.replace("@RESPONSE", os.environ["RESPONSE_ID"]))
    for call in calls:
        call.setdefault("token", os.environ["REBOUND_TOKEN"])
        call["service"], method = call["method"].split("/")
        request = TYPES.GetPrototype(method_of(call).input_type)()
        json_format.ParseDict(call["request"], request)
        call["bytes"] = base64.b64encode(request.SerializeToString()).decode()
    for_node = pathlib.Path(work, "calls.json")
    for_node.write_text(json.dumps(
        [{**call, "method": call["method"].split("/")[1]} for call in calls]))
    run = subprocess.run(["node", HERE / "call.js", for_node], stdout=subprocess.PIPE, timeout=60,
                         check=True)
    answers = json.loads(run.stdout)
    answers["grpcio"] = [via_grpcio(call) for call in calls]
    answers["buf curl, gRPC"] = [via_buf(call, buf, "grpc") for call in calls]
    answers["buf curl, Connect"] = [via_buf(call, buf, "connect") for call in calls]
    answers["curl, Connect"] = [via_curl(call) for call in calls]
    failed = False
    for index, call in enumerate(calls):
        forms = {name: canonical(call, given[index]) for name, given in answers.items()}
        first = json.loads(forms["grpcio"])
        code, replies = first.get("code", "ok"), first.get("replies", [])
        expected, least = call["code"], call.get("leastReplies", 0)
        whole = not least or len(replies) >= least and replies[-1]["complete"]
        if len(set(forms.values())) == 1 and code == expected and whole:
            print(f"ok    {call['name']}: {code}, {len(forms)} clients alike")
            continue
        failed = True
        print(f"WRONG {call['name']}: expected {expected}, the same for each client, and of a "
              f"stream {least} messages or more with its end, but got")
        for name, form in forms.items():
            print(f"{name}: {form[:4000]}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
