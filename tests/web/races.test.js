/** What arrives in an unlucky order: pages and frames that overtake each other. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { connect } from "../../web/sdk/index.js";
import "../../web/sdk/lazy-browser.js"; // loaded now, so that settle() need not wait for files
import "../../web/sdk/lazy-calls.js";
import "../../web/sdk/lazy-list.js";
import { UnreadSocket } from "../../web/elements/lazy-unread.js";
import { chat_message, memoryStorage, message, room as item, settle, sync, Wire } from "./fake.js";

let wire;
let chat;

beforeEach(() => {
  wire = new Wire();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.parse("2026-06-01T00:00:00Z") });
});

afterEach(() => {
  chat?.end();
  mock.timers.reset();
});

async function pass(ms) {
  for (let left = ms; left > 0; left -= 500) {
    mock.timers.tick(Math.min(500, left));
    await settle();
  }
}

/** A room that is open, with these messages. */
async function opened(messages = [], options = {}) {
  chat = connect(wire.options(options));
  const room = chat.room(4);
  room.subscribe(() => {});
  await pass(500);
  wire.find(4).receive(sync(messages));
  await pass(500);
  return room;
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));
const pageOf = (from, to, more = {}) => ({ messages: range(from, to), has_more: from > 1, has_newer: to < 200, ...more });
const idsOf = (room) => room.snapshot.messages.map(({ message_id }) => message_id);
const isWhole = (ids) => ids.every((id, i) => i === 0 || id === ids[i - 1] + 1);

/** Requests for pages of messages that the test answers one by one, in its own order. */
function heldPages() {
  const asked = [];
  wire.routes["GET chat/rooms/4/messages/"] = ({ query }) => new Promise((resolve) => asked.push({ query, resolve }));
  return asked;
}

test("an older page that comes after a jump elsewhere makes no hole in the window", async () => {
  const room = await opened(range(151, 200));
  const asked = heldPages();
  const older = room.older();
  await settle();
  const jump = room.around(30);
  await settle();
  asked[1].resolve(pageOf(5, 55));
  assert.equal(await jump, true);
  asked[0].resolve(pageOf(101, 150));
  await older;
  assert.deepEqual(idsOf(room), idsOf({ snapshot: { messages: range(5, 55) } }));
  assert.deepEqual([room.snapshot.hasNewer, room.snapshot.hasOlder, room.snapshot.loading], [true, true, null]);
});

test("an older page that comes after the room was begun anew makes no hole in the window", async () => {
  const room = await opened(range(51, 100));
  const asked = heldPages();
  const older = room.older();
  await settle();
  wire.find(4).drop(1012);
  await pass(1_000);
  wire.find(4).receive(sync(range(151, 200)));
  await settle();
  asked[0].resolve(pageOf(1, 50));
  await older;
  assert.equal(isWhole(idsOf(room)), true);
  assert.deepEqual([idsOf(room)[0], idsOf(room).at(-1), room.snapshot.hasOlder], [151, 200, true]);
});

test("of two jumps the last one holds, whichever is answered first", async () => {
  const room = await opened(range(151, 200));
  const asked = heldPages();
  const jump = room.around(30);
  await settle();
  const end = room.latest();
  const again = room.around(80);
  await settle();
  asked.at(-1).resolve(pageOf(60, 100));
  assert.equal(await again, true);
  for (const { query, resolve } of asked.slice(0, -1)) resolve(query.around ? pageOf(5, 55) : pageOf(151, 200));
  await Promise.all([jump, end]);
  assert.deepEqual([idsOf(room)[0], idsOf(room).at(-1), room.snapshot.hasNewer], [60, 100, true]);
});

test("what is notified while the list is on its way is in the list", async () => {
  let answer;
  wire.routes["GET chat/receive/"] = () => new Promise((resolve) => (answer = resolve));
  wire.routes["GET chat/rooms/9/"] = () => item(9, { unread: 1 });
  const notice = (room_id, unread, at) => ({ room_id, counter_by_room: unread, last_message: `news ${at}`, status: "send", sender_id: 2, created_at: at });
  chat = connect(wire.options());
  chat.inbox.subscribe(() => {});
  await pass(500);
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  wire.find().receive({ type: "notify", counter: 2, messages: [notice(4, 1, "2026-03-01"), notice(9, 1, "2026-03-02")] });
  await settle();
  answer({ next: null, results: [item(4), item(5)] }); // as it was before
  await settle();
  const shown = () => chat.inbox.snapshot.rooms.map((one) => [one.room_id, one.unread, one.last_message?.content ?? null]);
  assert.deepEqual(shown().find(([id]) => id === 4), [4, 1, "news 2026-03-01"]);
  assert.deepEqual(shown().map(([id]) => id).sort(), [4, 5, 9]);
  const reload = chat.inbox.reload();
  await settle();
  wire.find().receive({ type: "notify", counter: 3, messages: [notice(5, 3, "2026-03-03")] });
  await settle();
  answer({ next: null, results: [item(4, { unread: 1 }), item(5), item(9)] });
  await reload;
  await settle();
  assert.deepEqual(shown().map(([id, unread]) => [id, unread]).sort(), [[4, 0], [5, 3], [9, 0]]);
  assert.deepEqual(shown().find(([id]) => id === 5), [5, 3, "news 2026-03-03"]);
});

test("what is read while the room is asked for stays read in the list", async () => {
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4, { unread: 3 })] });
  let answer;
  wire.routes["GET chat/rooms/4/"] = () => new Promise((resolve) => (answer = resolve));
  chat = connect(wire.options());
  chat.inbox.subscribe(() => {});
  await pass(500);
  const room = chat.room(4);
  room.subscribe(() => {});
  await pass(500);
  wire.find(4).receive(sync(range(1, 3)));
  await pass(500);
  room.read(3);
  await settle();
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  await settle();
  wire.find(4).receive(chat_message(message(4)));
  await settle();
  answer(item(4, { unread: 3, can: ["send"], title: "new" })); // as it was before
  await settle();
  const [row] = chat.inbox.snapshot.rooms;
  assert.deepEqual([row.unread, row.title, row.last_message.message_id, room.snapshot.can], [0, "new", 4, ["send"]]);
});

test("two messages in a row in a new room are both in its row", async () => {
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4)] });
  const answers = [];
  wire.routes["GET chat/rooms/9/"] = () => new Promise((resolve) => answers.push(resolve));
  const notice = (unread) => ({ room_id: 9, counter_by_room: unread, last_message: `news ${unread}`, status: "send", sender_id: 2, created_at: `2026-03-0${unread}` });
  chat = connect(wire.options());
  chat.inbox.subscribe(() => {});
  await pass(500);
  for (const messages of [[], [notice(1)], [notice(2)]]) wire.find().receive({ type: "notify", counter: messages.length, messages });
  await settle();
  const old = { content: "news 1", created_at: "2026-03-01", from_this_user: false, message_id: 1, sender_id: 2, status: "send" };
  for (const answer of answers) answer(item(9, { unread: 1, last_message: old }));
  await settle();
  const row = () => chat.inbox.snapshot.rooms.find(({ room_id }) => room_id === 9);
  assert.deepEqual([row().unread, row().last_message.content], [2, "news 2"]);
});

test("of two edits of a message the second is sent until it holds", async () => {
  const room = await opened([message(1, { sender_id: 1 })]);
  const first = room.edit(1, "one");
  const second = room.edit(1, "two");
  await settle();
  wire.find(4).receive({ type: "message_edited", message_id: 1, text: "one", version: 2, message: message(1, { sender_id: 1, text: "one", version: 2 }) });
  await first;
  wire.find(4).drop(1006); // the server died before the second
  await pass(1_000);
  assert.equal(room.snapshot.messages[0].pending, "edit");
  wire.find(4).receive(sync([message(1, { sender_id: 1, text: "one", version: 2 })], { reset: false }));
  await settle();
  const edits = wire.find(4).actions.filter(({ action }) => action === "edit");
  assert.deepEqual(edits, [{ action: "edit", message_id: 1, text: "two" }]);
  wire.find(4).receive({ type: "message_edited", message_id: 1, text: "two", version: 3, message: message(1, { sender_id: 1, text: "two", version: 3 }) });
  await second;
  assert.equal(room.snapshot.messages[0].pending, null);
});

test("an edit that was stored is not undone by the one before it", async () => {
  const room = await opened([message(1, { sender_id: 1 })]);
  const edits = [room.edit(1, "one"), room.edit(1, "two")];
  await settle();
  wire.find(4).drop(1006); // both are stored, and the answers are lost
  await pass(1_000);
  wire.find(4).receive(sync([message(1, { sender_id: 1, text: "two", version: 3 })], { reset: false }));
  await Promise.all(edits);
  assert.deepEqual(wire.find(4).actions, []);
});

test("a frame that was too long once refuses nothing that is sent later", async () => {
  const room = await opened();
  const long = room.send("z".repeat(9_000));
  await settle();
  wire.find(4).drop(1009);
  await settle();
  assert.deepEqual([long.state, long.error.code], ["refused", "too_long"]);
  await pass(1_000);
  wire.find(4).receive(sync([], { reset: false }));
  await settle();
  const fine = room.send("fine");
  await settle();
  wire.answersPings = false;
  await pass(12_000); // the server is silent: the client gives up by itself
  assert.deepEqual([fine.state, wire.sockets.length > 2], ["sending", true]);
});

test("after another epoch new messages are new, read and shown, whatever ids they have", async () => {
  const room = await opened(range(51, 100));
  const told = [];
  chat.on("message", ({ message: one }) => told.push(one.message_id));
  room.read(100);
  wire.find(4).receive({ type: "message_deleted", message_id: 60, version: 101 });
  await settle();
  wire.find(4).drop(1012);
  await pass(1_000);
  wire.find(4).receive(sync([message(1), message(60)], { epoch: "e2" }));
  await settle();
  assert.deepEqual([idsOf(room), room.snapshot.newest], [[1, 60], 60]);
  assert.deepEqual(wire.find(4).actions.filter(({ action }) => action === "read"), []); // nothing of it was seen
  wire.find(4).receive(chat_message(message(61)));
  await settle();
  room.read(61);
  await settle();
  assert.deepEqual(told, [61]);
  assert.deepEqual(wire.find(4).actions.filter(({ action }) => action === "read"), [{ action: "read", message_id: 61 }]);
});

test("a row follows the deletion of the only message", async () => {
  const last = { content: "text 1", created_at: "2026-01-02", from_this_user: false, message_id: 1, sender_id: 2, status: "send" };
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4, { last_message: last })] });
  const room = await opened([message(1)]);
  chat.inbox.subscribe(() => {});
  await pass(500);
  assert.equal(chat.inbox.snapshot.rooms[0].last_message.content, "text 1");
  wire.find(4).receive({ type: "message_deleted", message_id: 1, version: 2 });
  await settle();
  assert.deepEqual([idsOf(room), chat.inbox.snapshot.rooms[0].last_message], [[], null]);
});

test("a token that is never answered is asked for again", async () => {
  let asked = 0;
  chat = connect(wire.options({ token: undefined, getToken: () => (asked++ ? "h.e30.s" : new Promise(() => {})) }));
  const room = chat.room(4);
  room.subscribe(() => {});
  await pass(40_000);
  assert.ok(asked > 1);
  assert.ok(wire.find(4));
});

test("a draft that another tab has written is in the list once its room is shown", async () => {
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4), item(5)] });
  const storage = memoryStorage();
  const other = connect(wire.options({ storage }));
  await pass(500);
  chat = connect(wire.options({ storage }));
  chat.inbox.subscribe(() => {});
  await pass(500);
  other.room(5).setDraft({ text: "not sent" });
  await settle();
  other.end();
  const room = chat.room(5);
  room.subscribe(() => {});
  await settle();
  const row = chat.inbox.snapshot.rooms.find(({ room_id }) => room_id === 5);
  assert.deepEqual([room.snapshot.draft.text, row.draft], ["not sent", "not sent"]);
});

test("a badge has one socket, also where the network comes back while a token is asked for", async () => {
  const window = new EventTarget();
  const { addEventListener, removeEventListener, WebSocket } = globalThis;
  for (const name of ["addEventListener", "removeEventListener"]) globalThis[name] = window[name].bind(window);
  globalThis.WebSocket = wire.WebSocket;
  try {
    const answers = [];
    let isRefusing = true;
    const getToken = () => {
      if (isRefusing) throw new Error("no session"); // at once, not by a promise
      return new Promise((resolve) => answers.push(resolve));
    };
    const light = new UnreadSocket("http://site.example/chat/", { getToken }, { unread() {}, state() {} });
    await settle();
    isRefusing = false;
    await pass(1_000);
    assert.equal(answers.length, 1);
    window.dispatchEvent(new Event("online"));
    await settle();
    for (const answer of answers) answer("h.e30.s");
    await settle();
    assert.deepEqual([answers.length, wire.sockets.length], [2, 1]);
    wire.socket.drop(1006);
    await pass(30_000); // this one is never answered
    assert.ok(answers.length > 3);
    light.close();
  } finally {
    Object.assign(globalThis, { addEventListener, removeEventListener, WebSocket });
  }
});

test("who is online, and what may be done, is asked for again by each connection", async () => {
  const members = (online) => item(4).members.map((one) => ({ ...one, online }));
  wire.routes["GET chat/rooms/4/"] = () => item(4, { members: members(true), can: ["send"] });
  const room = await opened([message(1)]);
  assert.deepEqual([room.snapshot.with.online, room.snapshot.can], [true, ["send"]]);
  wire.find(4).drop(1006);
  wire.routes["GET chat/rooms/4/"] = () => item(4, { members: members(false), can: [], frozen: true }); // no frame tells of it
  await pass(1_000);
  wire.find(4).receive(sync([], { reset: false, version: 1 }));
  await pass(500);
  assert.deepEqual([room.snapshot.with.online, room.snapshot.can, room.snapshot.info.frozen], [false, [], true]);
});

test("who comes while the room is asked for is there", async () => {
  const answers = [];
  wire.routes["GET chat/rooms/4/"] = () => new Promise((resolve) => answers.push(resolve));
  const room = await opened([message(1)]);
  const { length } = wire.asked("GET", "chat/rooms/4/");
  assert.equal(length, 1);
  wire.find(4).receive({ type: "presence", user_id: 2, online: true, last_seen: null });
  await settle();
  answers[0](item(4, { can: ["send"] })); // as it was before
  await settle();
  assert.equal(room.snapshot.with.online, true);
  wire.find(4).drop(1006);
  await pass(1_000);
  wire.find(4).receive(sync([], { reset: false, version: 1 }));
  await pass(500);
  answers[1](item(4, { can: ["send"] }));
  await settle();
  assert.equal(room.snapshot.with.online, false);
});
