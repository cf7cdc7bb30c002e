// Makes the calls of a file with grpc-js, connect-node over Connect and connect-node over gRPC, and
// prints {client: [{code, message, details} or {replies}]}; see same_answers.py.
//
//   call.js CALLS.json
"use strict";
const fs = require("node:fs");
const { createFileRegistry, fromBinary, toBinary } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
const connect = require("@connectrpc/connect");
const { createConnectTransport, createGrpcTransport } = require("@connectrpc/connect-node");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const descriptors = fs.readFileSync(process.env.REBOUND_DESCRIPTORS);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const definitions = protoLoader.loadFileDescriptorSetFromBuffer(descriptors, {
  longs: String,
  enums: String,
});

async function viaConnect(transport, { service, method, bytes, token }) {
  const desc = registry.getService("rebound.v1." + service);
  const rpc = desc.methods.find((candidate) => candidate.name === method);
  const client = connect.createClient(desc, transport);
  const request = fromBinary(rpc.input, Buffer.from(bytes, "base64"));
  const headers = { authorization: "Bearer " + token, "accept-language": "zh-CN" };
  try {
    const replies = [];
    if (rpc.methodKind === "unary") {
      replies.push(await client[rpc.localName](request, { headers }));
    } else {
      for await (const reply of client[rpc.localName](request, { headers })) replies.push(reply);
    }
    return { replies: replies.map((reply) => base64(toBinary(rpc.output, reply))) };
  } catch (error) {
    if (!(error instanceof connect.ConnectError)) throw error;
    const details = error.details.map(({ type, value }) => ({ type, value: base64(value) }));
    const code = connect.Code[error.code].replace(/(?<=.)([A-Z])/g, "_$1").toLowerCase();
    return { code, message: error.rawMessage, details };
  }
}

const channel = new grpc.Client(process.env.REBOUND_SERVER, grpc.credentials.createInsecure());
function viaGrpc({ service, method, bytes, token }) {
  const rpc = definitions["rebound.v1." + service][method];
  const metadata = new grpc.Metadata();
  metadata.set("authorization", "Bearer " + token);
  metadata.set("accept-language", "zh-CN");
  const request = rpc.requestDeserialize(Buffer.from(bytes, "base64"));
  const codecs = [rpc.path, rpc.requestSerialize, rpc.responseDeserialize, request, metadata];
  return new Promise((resolve) => {
    const failed = (error) => {
      const status = error.metadata.get("grpc-status-details-bin")[0];
      const code = grpc.status[error.code].toLowerCase();
      resolve({ code, message: error.details, status: base64(status ?? "") });
    };
    const encoded = (reply) => base64(rpc.responseSerialize(reply));
    if (!rpc.responseStream) {
      channel.makeUnaryRequest(...codecs, (error, reply) =>
        error ? failed(error) : resolve({ replies: [encoded(reply)] }),
      );
      return;
    }
    const replies = [];
    const stream = channel.makeServerStreamRequest(...codecs);
    stream.on("data", (reply) => replies.push(encoded(reply)));
    stream.on("end", () => resolve({ replies }));
    stream.on("error", failed);
  });
}

async function main(file) {
  const clients = {
    "grpc-js": viaGrpc,
    "connect-node, Connect": viaConnect.bind(
      null, createConnectTransport({ baseUrl: process.env.REBOUND_HTTP, httpVersion: "1.1" })),
    "connect-node, gRPC": viaConnect.bind(
      null, createGrpcTransport({ baseUrl: "http://" + process.env.REBOUND_SERVER })),
  };
  const answers = {};
  for (const [name, client] of Object.entries(clients)) {
    answers[name] = [];
    for (const call of JSON.parse(fs.readFileSync(file))) answers[name].push(await client(call));
  }
  fs.writeSync(1, JSON.stringify(answers));
  process.exit(); // idle connections stay open
}

main(process.argv[2]);
