#!/usr/bin/env node
// Brings a low score to Rebound and follows its case to the end, over gRPC (@grpc/grpc-js).
//
//   follow_grpc.js CUSTOMER ANSWER JOURNAL
//
// CUSTOMER and ANSWER are the CRM's own keys. Every event becomes one line of JSON in the file
// JOURNAL, once and in order, over restarts of the server and of this program: what is written
// there is done, and the cursor is committed to a subscription on the server after that.
"use strict";
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");
const { Journal, withRetries } = require("./journal.js");

const proto = path.join(__dirname, "../../proto");
const includeDirs = [proto, "/usr/share/gocode/src/github.com/gogo/googleapis"];
const api = grpc.loadPackageDefinition(
  protoLoader.loadSync(
    ["customer", "response", "event"].map((name) => `rebound/v1/${name}_service.proto`),
    { includeDirs, longs: String, enums: String },
  ),
).rebound.v1;

// grpc-js leaves the details of errors as bytes.
const root = new protobuf.Root();
root.resolvePath = (_, target) =>
  target.startsWith("google/protobuf/") ? target : path.join(includeDirs[1], target);
root.loadSync(["google/rpc/status.proto", "google/rpc/error_details.proto"]);

// One line on a refusal: its reason, the fields at fault, and the words for people.
function explain(error) {
  if (error.code === undefined) throw error; // ours
  let [reason, fields, words] = ["", [], error.details];
  const bytes = error.metadata?.get("grpc-status-details-bin")[0];
  for (const any of bytes ? root.lookupType("google.rpc.Status").decode(bytes).details : []) {
    const type = any.type_url.split("/").pop();
    if (!/ErrorInfo|BadRequest|LocalizedMessage/.test(type)) continue;
    const detail = root.lookupType(type).decode(any.value);
    reason = detail.reason || reason;
    words = detail.message || words;
    fields = detail.fieldViolations?.map((violation) => violation.field) ?? fields;
  }
  const isTransient =
    [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED, grpc.status.DEADLINE_EXCEEDED]
      .includes(error.code) || reason === "REQUEST_IN_PROGRESS";
  const line = [grpc.status[error.code], reason, ...fields].join(" ") + ": " + words;
  return { line, isTransient };
}

const metadata = new grpc.Metadata();
metadata.set("authorization", "Bearer " + process.env.REBOUND_TOKEN);
metadata.set("accept-language", "en");
const server = process.env.REBOUND_SERVER ?? "127.0.0.1:50061";
// Pings notice a server that went away without a word.
const options = { "grpc.keepalive_time_ms": 30000, "grpc.max_reconnect_backoff_ms": 2000 };
const clients = Object.fromEntries(
  ["Customer", "Response", "Event"].map((name) => [
    name, new api[name + "Service"](server, grpc.credentials.createInsecure(), options),
  ]),
);

function call(service, method, request) {
  const attempt = () =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + 10_000;
      clients[service][method](request, metadata, { deadline }, (error, reply) =>
        error ? reject(error) : resolve(reply),
      );
    });
  return withRetries(attempt, explain);
}

// Stores the customer and their score of 2; the id of the case that it opened.
async function bring(customer, answer) {
  const key = { sourceSystem: "crm", externalId: customer };
  await call("Customer", "UpsertCustomer", {
    requestId: "upsert-" + customer,
    externalKey: key,
    customer: { displayName: "王小明", language: "zh-CN" },
    updateMask: { paths: ["display_name", "language"] },
  });
  const reply = await call("Response", "SubmitResponse", {
    requestId: "answer-" + answer,
    response: {
      programId: "try-out",
      externalKey: { sourceSystem: "survey", externalId: answer },
      customerKey: key,
      score: 2,
      reason: "等了一个小时",
    },
  });
  return reply.response.pairedCaseId;
}

// Follows the case from the subscription until it is closed, or the stream ends.
function follow(caseId, journal) {
  return new Promise((resolve, reject) => {
    const stream = clients.Event.Subscribe(metadata);
    stream.on("error", reject);
    stream.on("end", resolve);
    stream.on("data", ({ batch }) => {
      for (const event of batch.events ?? []) {
        if (!journal.isClosed) journal.add(event);
      }
      if (journal.isClosed) {
        stream.removeAllListeners("error").on("error", () => {}); // of the cancelling
        stream.cancel();
        return resolve();
      }
      // What is in the journal need not be sent again, and makes room for as many events.
      const numRequested = batch.events?.length ?? 0;
      stream.write({ more: { numRequested, commitCursor: batch.latestCursor } });
    });
    stream.write({
      start: {
        start: { subscriptionId: "case-" + caseId },
        filter: { caseIds: [caseId] },
        numRequested: 20,
      },
    });
  });
}

async function main(customer, answer, journalPath) {
  if (!journalPath) throw new Error("usage: follow_grpc.js CUSTOMER ANSWER JOURNAL");
  const journal = new Journal(journalPath);
  if (journal.isClosed) return;
  const caseId = await bring(customer, answer);
  const subscriptionId = "case-" + caseId;
  await call("Event", "CreateSubscription", {
    requestId: "follow-" + caseId,
    subscriptionId,
    start: { preset: "EVENT_PRESET_EARLIEST" },
  });
  while (!journal.isClosed) await withRetries(() => follow(caseId, journal), explain);
  await call("Event", "DeleteSubscription", { requestId: "unfollow-" + caseId, subscriptionId });
}

main(...process.argv.slice(2))
  .finally(() => Object.values(clients).forEach((client) => client.close()))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
