#!/usr/bin/env node
// Brings a low score to Rebound and follows its case to the end, over the Connect protocol and
// HTTP/1.1 (@connectrpc/connect-node).
//
//   follow_connect.js CUSTOMER ANSWER JOURNAL
//
// CUSTOMER and ANSWER are the CRM's own keys. Every event becomes one line of JSON in the file
// JOURNAL, once and in order, over restarts of the server and of this program: what is written
// there is done, and watching goes on from the cursor of its last line. REBOUND_HTTP is the
// server's address of --http, REBOUND_DESCRIPTORS a file that protoc made (see README.md).
"use strict";
const fs = require("node:fs");
const { createFileRegistry, fromBinary, toJson } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { createConnectTransport } = require("@connectrpc/connect-node");
const { Journal, withRetries } = require("./journal.js");

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, fs.readFileSync(process.env.REBOUND_DESCRIPTORS)),
);
const authorize = (next) => (request) => {
  request.header.set("authorization", "Bearer " + process.env.REBOUND_TOKEN);
  request.header.set("accept-language", "en");
  return next(request);
};
const transport = createConnectTransport({
  baseUrl: process.env.REBOUND_HTTP ?? "http://127.0.0.1:8080",
  httpVersion: "1.1",
  interceptors: [authorize],
});
const client = (name) => createClient(registry.getService(`rebound.v1.${name}Service`), transport);
const [customers, responses, events] = ["Customer", "Response", "Event"].map(client);
const detail = (error, name) => error.findDetails(registry.getMessage("google.rpc." + name))[0];

// One line on a refusal: its reason, the fields at fault, and the words for people.
function explain(error) {
  if (!(error instanceof ConnectError)) throw error; // ours
  const reason = detail(error, "ErrorInfo")?.reason;
  const fields = detail(error, "BadRequest")?.fieldViolations.map((violation) => violation.field);
  const words = detail(error, "LocalizedMessage")?.message ?? error.rawMessage;
  // Every refusal of Rebound's has a reason. Without one the error came from the way there.
  const isTransient =
    reason === undefined || reason === "REQUEST_IN_PROGRESS" ||
    [Code.Unavailable, Code.ResourceExhausted, Code.DeadlineExceeded].includes(error.code);
  const line = [Code[error.code], reason, ...(fields ?? [])].join(" ") + ": " + words;
  return { line, isTransient };
}

const call = (method, request) =>
  withRetries(() => method(request, { timeoutMs: 10_000 }), explain);

// Stores the customer and their score of 2; the id of the case that it opened.
async function bring(customer, answer) {
  const key = { sourceSystem: "crm", externalId: customer };
  await call(customers.upsertCustomer, {
    requestId: "upsert-" + customer,
    externalKey: key,
    customer: { displayName: "王小明", language: "zh-CN" },
    updateMask: { paths: ["display_name", "language"] },
  });
  const reply = await call(responses.submitResponse, {
    requestId: "answer-" + answer,
    response: {
      programId: "try-out",
      externalKey: { sourceSystem: "survey", externalId: answer },
      customerKey: key,
      score: 2n,
      reason: "等了一个小时",
    },
  });
  return reply.response.pairedCaseId;
}

// Follows the case from the journal's cursor until it is closed, or the stream ends.
async function follow(caseId, journal) {
  const earliest = { case: "preset", value: 2 }; // EVENT_PRESET_EARLIEST
  const position = journal.cursor ? { case: "cursor", value: journal.cursor } : earliest;
  const stop = new AbortController();
  const request = { start: { position }, filter: { caseIds: [caseId] } };
  try {
    for await (const { batch } of events.watch(request, { signal: stop.signal })) {
      for (const event of batch.events) {
        journal.add(toJson(registry.getMessage("rebound.v1.Event"), event));
        if (journal.isClosed) return;
      }
    }
  } finally {
    stop.abort(); // else the stream stays open
  }
}

async function main(customer, answer, journalPath) {
  if (!journalPath) throw new Error("usage: follow_connect.js CUSTOMER ANSWER JOURNAL");
  const journal = new Journal(journalPath);
  if (journal.isClosed) return;
  const caseId = await bring(customer, answer);
  while (!journal.isClosed) await withRetries(() => follow(caseId, journal), explain);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
