#!/usr/bin/env node
// What webhook_receiver.mjs wrote, against the log that should have been delivered.
//
//   webhook_check.mjs FOLDER taken ENDPOINT          prints how many deliveries were taken
//   webhook_check.mjs FOLDER check LOG ENDPOINT...   LOG: the events in order, as `rebound events
//                                                    list -o json` prints them
//
// check: each event was taken once after dedupe by webhook-id, which is the same in every try;
// those of one case (else entry, else customer) arrived in order; all signatures and bodies held;
// about half the calls failed; nobody followed a redirect.
import {readFileSync} from 'node:fs';

const [folder, what, ...rest] = process.argv.slice(2);
const lines = readFileSync(`${folder}/calls.jsonl`, 'utf8').split('\n').filter(Boolean);
const calls = lines.map((line) => JSON.parse(line));
const isTaken = (call) => call.how === 'taken' || call.how === 'lost';
const of = (endpoint) => calls.filter(
    (call) => call.endpoint === endpoint && call.type !== 'io.rebound.ping.v1');

if (what === 'taken') {
  console.log(new Set(of(rest[0]).filter(isTaken).map((call) => call.id)).size);
  process.exit(0);
}

const [logFile, ...endpoints] = rest;
const log = JSON.parse(readFileSync(logFile, 'utf8'));
const placeOf = new Map(log.map((event, i) => [event.id, i]));
const keyOf = ({caseId, entryId, customerId}) => caseId || entryId || customerId || '-';
let failed = false;

// The first five of what is wrong.
function tell(endpoint, title, wrong) {
  if (wrong.length === 0) return;
  failed = true;
  console.log(`WRONG ${endpoint}: ${title}: ${wrong.length} times, such as`);
  for (const one of wrong.slice(0, 5)) console.log(`      ${one}`);
}

for (const endpoint of endpoints) {
  const got = of(endpoint);
  const before = failed;
  tell(endpoint, 'a call is not as it should be',
      got.filter((call) => call.wrong.length > 0)
          .map((call) => `${call.id}, try ${call.try}: ${call.wrong.join('; ')}`));
  tell(endpoint, 'an event that the log does not have', got
      .filter((call) => call.event && !placeOf.has(call.event))
      .map((call) => `${call.type} ${call.event}`));

  const idsOf = new Map();
  const eventsOf = new Map();
  const note = (map, key, value) => map.set(key, (map.get(key) ?? new Set()).add(value));
  for (const call of got) {
    note(idsOf, call.event, call.id);
    note(eventsOf, call.id, call.event);
  }
  tell(endpoint, 'an event with more than one webhook-id',
      [...idsOf].filter(([, ids]) => ids.size > 1).map(([event, ids]) => `${event}: ${[...ids]}`));
  tell(endpoint, 'a webhook-id with more than one event', [...eventsOf]
      .filter(([, events]) => events.size > 1).map(([id, events]) => `${id}: ${[...events]}`));

  const taken = new Set(got.filter(isTaken).map((call) => call.event));
  tell(endpoint, 'an event was never taken', log.filter((event) => !taken.has(event.id)).map(
      (event) => `${event.type} of ${event.caseNumber ?? keyOf(event)}, ${event.id}; calls: ` +
          got.filter((call) => call.event === event.id).map((call) => call.how)));

  const last = new Map();
  const early = [];
  const crossed = [];
  const done = new Set();
  for (const call of got) {
    const place = placeOf.get(call.event);
    if (place === undefined) continue;
    const key = keyOf(log[place]);
    const before = last.get(key);
    if (before !== undefined && before.place > place) {
      crossed.push(`${log[place].caseNumber ?? key}: ${call.type} after ${before.type}`);
    } else if (before !== undefined && before.place < place && !done.has(before.event)) {
      early.push(`${log[place].caseNumber ?? key}: ${call.type} before ${before.type} was taken`);
    }
    last.set(key, {place, type: call.type, event: call.event});
    if (isTaken(call)) done.add(call.event);
  }
  tell(endpoint, 'an event arrived after a later one of its case', crossed);
  tell(endpoint, 'an event was sent before the one before it was taken', early);

  const bad = got.filter((call) => call.how !== 'taken').length;
  if (bad < got.length * 0.3 || bad > got.length * 0.7) {
    tell(endpoint, 'the receiver did not fail half its calls', [`${bad} of ${got.length}`]);
  }
  if (failed !== before) continue;
  const repeats = got.filter(isTaken).length - taken.size;
  console.log(`ok    ${endpoint}: ${log.length} events, each once and in order, from ` +
      `${got.length} calls, of which ${bad} failed; ${repeats} were taken again and dropped`);
}
const strangers = calls.filter((call) => call.endpoint === 'trap' || call.wrong.length > 0 &&
    !endpoints.includes(call.endpoint));
tell('other', 'a call that nobody should have made, or a wrong one',
    strangers.map((call) => `/${call.endpoint}: ${call.wrong.join('; ')}`));
process.exit(failed ? 1 : 0);
