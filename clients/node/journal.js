// What both clients share: the file of what was done, and trying again.
"use strict";
const fs = require("node:fs");
const timers = require("node:timers/promises");

// A file of events, one line of JSON each. A line is written at once, with the event's id and its
// cursor: what stands there is done, and following goes on from there.
class Journal {
  constructor(path) {
    this.file = fs.openSync(path, "a+");
    let text = fs.readFileSync(path);
    text = text.subarray(0, text.lastIndexOf(0x0a) + 1); // a line cut short was not done
    fs.ftruncateSync(this.file, text.length);
    const events = text.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line));
    this.ids = new Set(events.map((event) => event.id));
    this.cursor = events.at(-1)?.cursor;
    this.isClosed = events.at(-1)?.type === "CaseClosed";
  }

  // Does nothing with an event that came before.
  add(event) {
    if (this.ids.has(event.id)) return;
    fs.writeSync(this.file, JSON.stringify(event) + "\n");
    fs.fsyncSync(this.file);
    this.ids.add(event.id);
    this.cursor = event.cursor;
    this.isClosed = event.type === "CaseClosed";
    console.log(event.caseNumber, event.type, event.status ?? "");
  }
}

// Runs attempt() until it is answered. It sends the same request_id each time, so that what was
// done although its answer got lost is not done twice. explain(error) gives {line, isTransient}.
async function withRetries(attempt, explain) {
  for (let pause = 100; ; pause = Math.min(pause * 2, 2000)) {
    try {
      return await attempt();
    } catch (error) {
      const { line, isTransient } = explain(error);
      console.error(line);
      if (!isTransient) process.exit(1);
    }
    await timers.setTimeout(pause * (0.5 + Math.random() / 2));
  }
}

module.exports = { Journal, withRetries };
