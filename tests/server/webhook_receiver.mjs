#!/usr/bin/env node
// A receiver of webhooks that fails about half its calls. Checks signatures with standardwebhooks
// (Ed25519, which it does not know, with node's crypto) and bodies with cloudevents, and writes a
// line for each call, before it answers, into FOLDER/calls.jsonl.
//
//   webhook_receiver.mjs FOLDER PORT [HANGS]
//
// FOLDER/keys.json: {endpoint: [keys, newest first]}; read again when a signature fits none. The
// path names the endpoint: /hmac. /gone answers 410. Of HANGS calls to /hmac, each of another case,
// none is ever answered. PORT 0: any; "listening PORT" goes to stdout.
//
// How often a delivery fails before it is taken, and how, follows from its id alone: a failed run
// can be done again. What was taken counts over a restart.
import {createHash, createPublicKey, verify} from 'node:crypto';
import {appendFileSync, existsSync, readFileSync} from 'node:fs';
import http from 'node:http';
import {createRequire} from 'node:module';

const require = createRequire(new URL('../../build/npm/package.json', import.meta.url));
const {Webhook} = require('standardwebhooks');
const {HTTP} = require('cloudevents');

const [folder, port, hangs = '0'] = process.argv.slice(2);
const journal = `${folder}/calls.jsonl`;
const tries = new Map();  // of each webhook-id
if (existsSync(journal)) {
  for (const line of readFileSync(journal, 'utf8').split('\n').filter(Boolean)) {
    const {id} = JSON.parse(line);
    tries.set(id, (tries.get(id) ?? 0) + 1);
  }
}
let hangsLeft = Number(hangs);
let pausesLeft = 2;
const hungCases = new Set();

let keys = {};
const readKeys = () => { keys = JSON.parse(readFileSync(`${folder}/keys.json`, 'utf8')); };

// DER of a public key (RFC 8410) up to its 32 bytes.
const spki = Buffer.from('302a300506032b6570032100', 'hex');

function fits(key, headers, body) {
  if (key.startsWith('whsec_')) {
    try {
      new Webhook(key).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  }
  const publicKey = createPublicKey({
    key: Buffer.concat([spki, Buffer.from(key.replace('whpk_', ''), 'base64')]),
    format: 'der',
    type: 'spki',
  });
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  return headers['webhook-signature'].split(' ').some((signature) => {
    const [version, value] = signature.split(',');
    return version === 'v1a' && verify(null, signed, publicKey, Buffer.from(value, 'base64'));
  });
}

// The numbers of the keys that signed: [0] the newest.
function signers(endpoint, headers, body) {
  const all = () => (keys[endpoint] ?? []).flatMap((key, i) => (fits(key, headers, body) ? i : []));
  let found = all();
  if (found.length === 0 || found.length !== headers['webhook-signature'].split(' ').length) {
    readKeys();
    found = all();
  }
  return found;
}

// How the call ends: 'taken', or a failure; 'lost' is taken, but the answer does not arrive.
function plan(id, attempt) {
  const digest = createHash('sha256').update(id).digest();
  let failures = 0;
  while (failures < 4 && digest[0] & (1 << failures)) ++failures;
  if (attempt >= failures) return 'taken';
  const kinds = ['500', '500', '500', '503', 'reset', 'reset', 'lost', 'lost', '302'];
  const kind = digest[1 + attempt] % 64;
  return kind === 0 ? '429' : kinds[kind % kinds.length];
}

function look(request, body) {
  const endpoint = request.url.slice(1);
  const headers = request.headers;
  const call = {endpoint, id: headers['webhook-id'], at: Date.now(), wrong: []};
  const wrong = (what) => call.wrong.push(what);
  if (request.method !== 'POST') wrong(`the method is ${request.method}`);
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    if (!headers[name]) wrong(`there is no header ${name}`);
  }
  if (Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) > 60) {
    wrong(`webhook-timestamp is ${headers['webhook-timestamp']}`);
  }
  if (call.wrong.length > 0) return call;
  call.signatures = headers['webhook-signature'].split(' ').length;
  call.signers = signers(endpoint, headers, body);
  // A key that was made just now signs before we are told of it.
  const told = Math.min(call.signatures, keys[endpoint]?.length ?? 0);
  if (call.signers.length === 0) {
    wrong('no signature fits');
  } else if (call.signers.length < told) {
    wrong(`of ${call.signatures} signatures only ${call.signers.length} fit`);
  }
  try {
    const event = HTTP.toEvent({headers, body});
    event.validate();
    Object.assign(call, {event: event.id, type: event.type, source: event.source});
    call.case = event.data?.caseId ?? '';
    if (event.data?.id !== event.id) wrong(`the id of the data is ${event.data?.id}`);
    if (event.data?.cursor) wrong('the data have a cursor');
  } catch (error) {
    wrong(`cloudevents: ${error.message}`);
  }
  return call;
}

function answer(call, request, response) {
  const attempt = tries.get(call.id) ?? 0;
  tries.set(call.id, attempt + 1);
  call.try = attempt + 1;
  if (call.type === 'io.rebound.ping.v1') {
    call.how = 'taken';
  } else if (call.endpoint === 'gone') {
    call.how = '410';
  } else if (call.endpoint === 'hmac' && hangsLeft > 0 && !hungCases.has(call.case)) {
    --hangsLeft;
    hungCases.add(call.case);
    call.how = 'hang';
  } else {
    call.how = plan(call.id, attempt);
  }
  appendFileSync(journal, JSON.stringify(call) + '\n');
  switch (call.how) {
    case 'taken': return response.writeHead(204).end();
    case 'hang': return undefined;
    case 'reset':
    case 'lost': return request.socket.resetAndDestroy();
    case '302': return response.writeHead(302, {location: '/trap'}).end();
    case '429':
      // A second each time would be a pause of the whole endpoint, again and again.
      return response.writeHead(429, {'retry-after': pausesLeft-- > 0 ? '1' : '0'}).end();
    default: return response.writeHead(Number(call.how)).end('not now');
  }
}

readKeys();
const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('error', () => {});
  request.on('end', () => {
    answer(look(request, Buffer.concat(parts).toString('utf8')), request, response);
  });
});
server.keepAliveTimeout = 60_000;
server.requestTimeout = 0;
server.listen(Number(port), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
