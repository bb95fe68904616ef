/** The client while what is loaded after the first messages can't be loaded: nothing is lost, nothing doubled. */

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, mock, test } from "node:test";

import { chat_message, memoryStorage, message, room as item, settle, sync, Wire } from "./fake.js";

let folder;
let number = 0;
let wire;
let chat;

before(async () => (folder = await mkdtemp(join(tmpdir(), "roomcast-"))));
after(() => rm(folder, { recursive: true }));

/**
 * A client of its own, which can't load its later parts until `load` is called. As in Firefox, what could not be
 * loaded once stays so at this address.
 */
async function enter(storage = null) {
  const own = join(folder, String(number++));
  await cp(new URL("../../web/sdk", import.meta.url), own, { recursive: true });
  const late = join(own, "lazy-calls.js");
  await import(join(own, "lazy-browser.js")); // now, so that settle() need not wait for files
  await import(join(own, "lazy-list.js"));
  const code = await readFile(late, "utf8");
  await writeFile(late, "throw new TypeError(`error loading dynamically imported module: ${import.meta.url}`);");
  const { connect } = await import(join(own, "index.js"));
  chat = connect(wire.options({ storage }));
  await chat.ready;
  return async () => {
    await writeFile(`${late}.new`, code);
    await rename(`${late}.new`, late);
    await import(`${late}?now`); // so that settle() need not wait for its parts
  };
}

beforeEach(() => {
  wire = new Wire();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.parse("2026-06-01T00:00:00Z") });
});

afterEach(() => {
  chat.end();
  mock.timers.reset();
});

/** Moves the clock, at most so far as it takes; files take their own time. */
async function pass(ms, isDone) {
  for (let left = ms; left > 0 && !isDone?.(); left -= 100) {
    mock.timers.tick(100);
    await settle();
  }
  const late = performance.now() + 20_000;
  while (isDone && !isDone() && performance.now() < late) await settle();
}

const sends = () => wire.sockets.flatMap(({ sent }) => sent.filter(({ action }) => action === "send"));

test("messages are shown, and what is written waits in memory until it can be sent", async () => {
  const storage = memoryStorage();
  const load = await enter(storage);
  const room = chat.room(4);
  const told = [];
  room.on("messages", ({ added }) => told.push(...added.map(({ message_id }) => message_id)));
  room.subscribe(() => {});
  await settle();
  const one = room.send("one");
  const two = room.send("two");
  const three = room.send("three");
  wire.find(4).receive(sync([message(1), message(2)]));
  room.read(2);
  await settle();
  assert.deepEqual(room.snapshot.messages.map(({ message_id }) => message_id), [1, 2]);
  assert.deepEqual(room.snapshot.outgoing.map(({ text, state }) => [text, state]), [["one", "waiting"], ["two", "waiting"], ["three", "waiting"]]);
  two.cancel();
  assert.equal(two.state, "cancelled");
  await assert.rejects(two.stored, { code: "cancelled" });
  assert.deepEqual(room.snapshot.outgoing, [one, three]);
  await pass(1_000, () => room.snapshot.state === "waiting");
  assert.equal(room.snapshot.state, "waiting"); // or it would miss what happens meanwhile
  await load();
  await pass(2_000, () => wire.sockets.length > 1);
  assert.equal(wire.find(4).query.after, "2");
  wire.find(4).receive(sync([], { reset: false, version: 2 }));
  await pass(1_000, () => sends().length === 2);
  assert.deepEqual(sends().map((frame) => frame.message), ["one", "three"]);
  assert.deepEqual(wire.find(4).actions.filter(({ action }) => action === "read"), [{ action: "read", message_id: 2 }]);
  assert.equal(storage.keys("").filter((key) => key.includes(" outbox ")).length, 2);
  for (const [index, frame] of sends().entries()) {
    wire.find(4).receive(chat_message(message(3 + index, { sender_id: 1, text: frame.message, client_id: frame.client_id })));
  }
  await settle();
  assert.deepEqual([(await one.stored).message_id, (await three.stored).message_id], [3, 4]);
  assert.deepEqual([room.snapshot.outgoing, told], [[], [1, 2, 3, 4]]);
  assert.deepEqual(storage.keys("").filter((key) => key.includes(" outbox ")), []);
});

test("what comes while it is loaded keeps its order", async () => {
  const load = await enter();
  await load();
  const room = chat.room(4);
  room.subscribe(() => {});
  await settle();
  const socket = wire.find(4);
  socket.receive(sync([message(1)]));
  socket.receive(chat_message(message(2)));
  socket.receive({ type: "message_edited", message_id: 2, text: "new", version: 3, message: message(2, { text: "new", version: 3 }) });
  socket.receive({ type: "message_deleted", message_id: 1, version: 4 });
  await settle();
  assert.deepEqual(room.snapshot.messages.map(({ message_id }) => message_id), [1]);
  await pass(1_000, () => room.snapshot.messages[0].message_id === 2);
  assert.deepEqual(room.snapshot.messages.map(({ text }) => text), ["new"]);
  assert.equal(wire.sockets.length, 1);
});

test("what is written, typed and drafted without it is no error, and is made good once it is loaded", async () => {
  const storage = memoryStorage();
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4)] });
  const load = await enter(storage);
  chat.inbox.subscribe(() => {});
  const room = chat.room(4);
  room.subscribe(() => {});
  await settle();
  await pass(500, () => wire.find(4));
  wire.find(4).receive(sync([message(1)]));
  room.setDraft({ text: "not sent" });
  room.typing(); // nobody catches what it may throw
  await pass(1_000, () => room.snapshot.state === "waiting");
  await load();
  const { length } = wire.sockets;
  await pass(2_000, () => wire.sockets.length > length && wire.find(4).query.after === "1");
  wire.find(4).receive(sync([], { reset: false, version: 1 }));
  await pass(1_000, () => storage.keys("").some((key) => key.endsWith(" draft 4")));
  assert.equal(storage.get(storage.keys("").find((key) => key.endsWith(" draft 4"))).text, "not sent");
  assert.equal(chat.inbox.snapshot.rooms[0].draft, "not sent");
});

test("a user signs out without it", async () => {
  const storage = memoryStorage();
  await enter(storage);
  storage.set("http://site.example/chat/ 1 draft 4", { text: "mine" });
  const room = chat.room(4);
  room.subscribe(() => {});
  await settle();
  let isOut = false;
  void chat.signOut().then(() => (isOut = true));
  await pass(1_000, () => isOut);
  await settle();
  assert.deepEqual([isOut, chat.state, wire.find(4).isClosed, storage.keys("")], [true, "ended", true, []]);
});

test("a live message that can't be handled yet comes with the next connection", async () => {
  const load = await enter();
  const room = chat.room(4);
  room.subscribe(() => {});
  await settle();
  wire.find(4).receive(sync([message(1)]));
  wire.find(4).receive(chat_message(message(2)));
  await pass(1_000, () => room.snapshot.state === "waiting");
  await load();
  await pass(2_000, () => wire.sockets.length > 1);
  assert.equal(wire.find(4).query.after, "1");
  wire.find(4).receive(sync([message(2)], { reset: false }));
  await settle();
  assert.deepEqual(room.snapshot.messages.map(({ message_id }) => message_id), [1, 2]);
});

test("what can't be loaded for long is asked for more and more rarely", async () => {
  await enter();
  const room = chat.room(4);
  room.subscribe(() => {});
  for (let i = 0; i < 6; i++) {
    await pass(20_000, () => wire.sockets.length > i);
    wire.find(4).receive(sync([message(1)]));
    await pass(500, () => room.snapshot.state === "waiting");
  }
  assert.ok(room.snapshot.retryAt - Date.now() > 7_000, `${room.snapshot.retryAt - Date.now()} ms`);
  assert.equal(room.snapshot.messages.length, 1);
});

test("the list is shown, and notices that it missed are made good by the next connection", async () => {
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4)] });
  const load = await enter();
  const totals = [];
  chat.on("unread", ({ total }) => totals.push(total));
  chat.inbox.subscribe(() => {});
  await pass(500, () => chat.inbox.snapshot.rooms.length);
  assert.equal(chat.inbox.snapshot.rooms.length, 1);
  const notice = { room_id: 4, counter_by_room: 1, last_message: "new", status: "send", sender_id: 2, created_at: "2026-02-01" };
  wire.find().receive({ type: "notify", counter: 1, messages: [notice] });
  await pass(500);
  assert.deepEqual([chat.unread, totals], [1, [1]]);
  await load();
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4, { unread: 1, last_message: { content: "new", created_at: "2026-02-01" } })] });
  wire.find().drop();
  await pass(2_000, () => wire.sockets.length > 1);
  wire.find().receive({ type: "notify", counter: 1, messages: [notice] });
  await settle();
  assert.deepEqual([chat.inbox.snapshot.rooms[0].unread, chat.inbox.snapshot.rooms[0].last_message.content], [1, "new"]);
});
