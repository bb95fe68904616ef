/** The client against a real server that dies, and two tabs of one user. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { connect } from "../../web/sdk/index.js";
import { memoryStorage } from "./fake.js";
import { Server, token } from "./server.js";

let server;
const chats = [];

before(async () => {
  server = await Server.start();
});

after(() => server.end());

function enter(user, options = {}) {
  const chat = connect({ server: server.url, getToken: () => token(user), storage: null, ...options });
  chats.push(chat);
  return chat;
}

/** A socket class that notes what goes over a room's connections: the checker of the fault tests reads it. */
function noting(connections) {
  const now = () => (performance.timeOrigin + performance.now()) / 1000;
  return class extends WebSocket {
    #log;

    constructor(url, protocols) {
      super(url, protocols);
      this.#log = { after: Number(new URL(url).searchParams.get("after")), sent: [], received: [] };
    }

    set onmessage(run) {
      super.onmessage = run && ((event) => {
        if (this.#log.received.push([now(), JSON.parse(event.data)]) === 1) connections.push(this.#log);
        run(event);
      });
    }

    send(text) {
      this.#log.sent.push([now(), JSON.parse(text)]);
      super.send(text);
    }
  };
}

/** Resolves with the first snapshot that is so. */
function until(model, isSo) {
  return new Promise((resolve) => {
    const off = model.subscribe((snapshot) => {
      if (!isSo(snapshot)) return;
      queueMicrotask(() => off());
      resolve(snapshot);
    });
  });
}

async function roomOf(...members) {
  const { room_id } = await server.api(members[0], "POST", "chat/create/", { members, context: String(Math.random()) });
  return room_id;
}

test.afterEach(() => {
  for (const chat of chats.splice(0)) chat.end();
});

test("two people talk", { timeout: 30_000 }, async () => {
  const [ada, bob] = [enter(1), enter(2)];
  const listing = `listing:${Math.random()}`;
  const theirs = ada.with(2, { context: listing });
  theirs.subscribe(() => {});
  const sent = await theirs.send({ text: "Is it still there?" }).stored;
  await until(bob.inbox, ({ rooms }) => rooms.some((one) => one.context === listing && one.unread === 1 && one.with.user_id === 1));
  const mine = bob.with(1, { context: listing });
  await until(mine, ({ messages }) => messages.length === 1);
  assert.equal(mine.id, theirs.id);
  mine.read(sent.message_id);
  await until(theirs, ({ messages }) => messages[0].status === "read");
  await mine.react(sent.message_id, "👍");
  await until(theirs, ({ messages }) => messages[0].reactions[0]?.user_ids[0] === 2);
  const answer = await mine.send({ text: "Yes.", replyTo: sent.message_id }).stored;
  await mine.edit(answer.message_id, "Yes!");
  await until(theirs, ({ messages }) => messages[1]?.text === "Yes!" && messages[1].reply_to.message_id === sent.message_id);
  await theirs.delete(sent.message_id);
  await until(mine, ({ messages }) => messages.length === 1 && messages[0].reply_to.text === null);
  await until(bob.inbox, ({ rooms, unread }) => unread === 0 && rooms.find((one) => one.context === listing).unread === 0);
});

test("a file of each kind arrives whole", { timeout: 30_000 }, async () => {
  const id = await roomOf(1, 2);
  const room = enter(1).room(id);
  room.subscribe(() => {});
  const files = [new File(["small"], "a.txt", { type: "text/plain" }), new File(["x".repeat(100_000)], "b.txt", { type: "text/plain" })];
  const { attachments } = await room.send({ text: "both", files }).stored;
  const bodies = await Promise.all(attachments.map(async ({ file_url }) => (await (await fetch(file_url)).text()).length));
  assert.deepEqual(bodies, [5, 100_000]);
});

test("a window jumps to a message, to a time, and back to the end", { timeout: 60_000 }, async () => {
  const chat = enter(1);
  const id = await roomOf(1, 2);
  const writer = chat.room(id);
  writer.subscribe(() => {});
  const stored = [];
  for (let i = 0; i < 3; i++) stored.push(...(await Promise.all(Array.from({ length: 50 }, (_, k) => writer.send(`${50 * i + k}`).stored))));
  const reader = enter(2).room(id);
  await until(reader, ({ loaded }) => loaded);
  const off = reader.subscribe(() => {});
  assert.deepEqual([reader.snapshot.messages.length, reader.snapshot.hasOlder, reader.snapshot.hasNewer], [50, true, false]);
  assert.equal(await reader.around(stored[40].message_id), true);
  const { messages, hasNewer } = reader.snapshot;
  assert.ok(messages.some(({ text }) => text === "40") && hasNewer);
  await writer.send("while away").stored;
  await until(reader, ({ missed }) => missed === 1);
  while (await reader.newer());
  assert.deepEqual([reader.snapshot.messages.at(-1).text, reader.snapshot.hasNewer], ["while away", false]);
  while (await reader.older());
  assert.deepEqual(reader.snapshot.messages.map(({ text }) => text), [...stored.keys()].map(String).concat("while away"));
  await reader.at(stored[60].created_at);
  assert.ok(reader.snapshot.messages.some(({ text }) => text === "60"));
  await reader.latest();
  assert.deepEqual([reader.snapshot.messages.at(-1).text, reader.snapshot.messages.length], ["while away", 50]);
  const found = await chat.search("away", { room: id });
  assert.equal(found.results.length, 1);
  assert.ok((await chat.config()).limits);
  assert.equal((await chat.ready).user_id, 1);
  off();
});

test("what a server refuses is given back with its code", { timeout: 30_000 }, async () => {
  const room = enter(1).room(await roomOf(1, 2));
  room.subscribe(() => {});
  const [fine, long] = [room.send("fine"), room.send("z".repeat(4100))];
  await fine.stored;
  await assert.rejects(long.stored, { code: "too_long" });
  assert.deepEqual(room.snapshot.outgoing, [long]);
  const stranger = enter(9).room(room.id);
  const { error } = await until(stranger, ({ state }) => state === "ended");
  assert.equal(error.code, "forbidden");
});

test("a token that expires is renewed without a closed socket", { timeout: 30_000 }, async () => {
  let asked = 0;
  const room = enter(1, { getToken: () => token(1, ++asked === 1 ? 2 : 3600) }).room(await roomOf(1, 2));
  const states = new Set();
  await until(room, ({ state }) => state === "open");
  room.subscribe(({ state }) => states.add(state));
  const started = Date.now();
  while (Date.now() < started + 2_500) await room.send("still here").stored.then(() => new Promise((next) => setTimeout(next, 250)));
  assert.deepEqual([...states], ["open"]);
  assert.equal(asked, 2);
});

test("the server is killed at any moment: nothing is lost, nothing doubled", { timeout: 120_000 }, async () => {
  const id = await roomOf(1, 2);
  const storage = memoryStorage();
  const histories = [1, 2, 1].map((user_id) => ({ user_id, connections: [] })); // the first has two tabs
  const people = histories.map(({ user_id, connections }) =>
    enter(user_id, { storage: user_id === 1 ? storage : null, WebSocket: noting(connections) }));
  const rooms = people.map((chat) => chat.room(id));
  for (const room of rooms) room.subscribe(() => {});
  await Promise.all(rooms.map((room) => until(room, ({ state }) => state === "open")));
  const expected = [];
  for (let round = 0; round < 2; round++) {
    const killed = new Promise((done) => setTimeout(() => done(server.kill()), 100 + 60 * round));
    for (let i = 0; i < 45; i++) {
      const [who, text] = [i % 3, `${round}.${i}`];
      rooms[who].send(text);
      expected.push(text);
      if (i % 4 === 0) await new Promise((next) => setTimeout(next, 10));
    }
    await killed;
    await server.launch();
    for (const chat of people) chat.retry();
  }
  const isAll = ({ messages, outgoing, hasOlder }) => !outgoing.length && (hasOlder || messages.length >= expected.length);
  await Promise.all(rooms.map((room) => until(room, isAll)));
  for (const room of rooms) while (room.snapshot.hasOlder) await room.older();
  const seen = rooms.map((room) => room.snapshot.messages.map((one) => one.message_id).join());
  assert.equal(seen[1], seen[0]);
  assert.equal(seen[2], seen[0]);
  const texts = rooms[0].snapshot.messages.map(({ text }) => text);
  assert.deepEqual([...texts].sort(), [...expected].sort());
  const { version } = await server.api(1, "GET", `chat/rooms/${id}/`);
  const stored = [];
  for (let more = true; more; ) {
    const after = stored.at(-1)?.message_id ?? 0;
    const page = await server.api(1, "GET", `chat/rooms/${id}/messages/?limit=100&after=${after}`);
    stored.push(...page.messages);
    more = page.has_more;
  }
  if (process.env.HISTORIES) await writeFile(process.env.HISTORIES, JSON.stringify({ histories, stored, version }));
});
