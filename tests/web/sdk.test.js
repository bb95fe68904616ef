/** The client against a server in memory, with a clock that the test moves. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { connect, Lost, Passing, Refused, SignedOut } from "../../web/sdk/index.js";
import "../../web/sdk/lazy-browser.js"; // loaded now, so that settle() need not wait for files
import "../../web/sdk/lazy-calls.js";
import "../../web/sdk/lazy-files.js";
import "../../web/sdk/lazy-list.js";
import { answer, chat_message, jwt, memoryStorage, message, room as item, settle, sync, Wire } from "./fake.js";

const MINUTE = 60_000;
let wire;
let chats = [];

beforeEach(() => {
  wire = new Wire();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.parse("2026-06-01T00:00:00Z") });
});

afterEach(() => {
  for (const chat of chats) chat.end();
  chats = [];
  mock.timers.reset();
});

function start(options) {
  const chat = connect(wire.options(options));
  chats.push(chat);
  return chat;
}

async function pass(ms) {
  for (let left = ms; left > 0; left -= 500) {
    mock.timers.tick(Math.min(500, left));
    await settle();
  }
}

/** A room that is open, with these messages. */
async function opened(messages = [], options = {}, more = {}) {
  const chat = start(options);
  const room = chat.room(4);
  const snapshots = [];
  room.subscribe((snapshot) => snapshots.push(snapshot));
  await settle();
  wire.find(4).receive(sync(messages, more));
  await settle();
  mock.timers.tick(1); // what is asked for after the messages
  await settle();
  return { chat, room, snapshots, socket: wire.find(4) };
}

const sends = (socket) => socket.sent.filter(({ action }) => action === "send");
const store = (socket, frame, id) =>
  socket.receive(chat_message(message(id, { sender_id: 1, text: frame.message, client_id: frame.client_id })));

// ---------------------------------------------------------------- sending

test("a token may end with a line break", async () => {
  for (const login of [{ token: `${jwt(1)}\n` }, { token: undefined, getToken: async () => `${jwt(1)}\r\n` }]) {
    const { socket } = await opened([], login);
    assert.deepEqual(socket.protocols, ["Bearer", jwt(1)]);
    assert.equal(wire.asked("GET", "chat/me/").at(-1).headers.Authorization, `Bearer ${jwt(1)}`);
  }
});

test("a refusal belongs to the message that it names", async () => {
  const { chat, room, socket } = await opened();
  const refused = [];
  chat.on("refused", (one) => refused.push(one));
  const fine = room.send({ text: "fine" });
  const long = room.send({ text: "z".repeat(4100) });
  await settle();
  const [first, second] = sends(socket);
  socket.receive({ type: "error", action: "send", code: "too_long", message: "The text is too long.", client_id: second.client_id });
  store(socket, first, 1);
  await settle();
  assert.equal((await fine.stored).message_id, 1);
  assert.deepEqual([fine.state, long.state, long.error.code], ["stored", "refused", "too_long"]);
  assert.deepEqual(room.snapshot.outgoing, [long]);
  assert.deepEqual(refused.map(({ outgoing }) => outgoing), [long]);
  await assert.rejects(long.stored, Refused);
  assert.equal(room.snapshot.messages.length, 1);
});

test("an edit that is refused refuses no message", async () => {
  const { room, socket } = await opened([message(1, { sender_id: 1 })]);
  const one = room.send("hello");
  const edit = room.edit(1, "no");
  await settle();
  assert.equal(room.snapshot.messages[0].pending, "edit");
  socket.receive({ type: "error", action: "edit", code: "forbidden", message: "x", message_id: 1 });
  await assert.rejects(edit, (error) => error instanceof Refused && error.code === "forbidden");
  assert.equal(one.state, "sending");
  await settle();
  assert.equal(room.snapshot.messages[0].pending, null);
});

for (const code of ["unavailable", "storage_unavailable", "rate_limited"]) {
  test(`after ${code} the message is sent again under its client_id`, async () => {
    const { room, socket } = await opened();
    const one = room.send({ text: "hello" });
    await settle();
    const { client_id } = sends(socket)[0];
    socket.receive({ type: "error", action: "send", code, message: "x", client_id });
    await settle();
    assert.equal(one.state, "retrying");
    assert.ok(one.error instanceof Passing);
    await pass(1_000);
    assert.deepEqual(sends(socket).map((frame) => frame.client_id), [client_id, client_id]);
    store(socket, sends(socket)[1], 7);
    assert.equal((await one.stored).message_id, 7);
  });
}

test("what waits for a refusal that passes keeps its order", async () => {
  const { room, socket } = await opened();
  room.send("one");
  room.send("two");
  await settle();
  for (const { client_id } of sends(socket)) socket.receive({ type: "error", action: "send", code: "rate_limited", message: "", client_id });
  room.send("three");
  await settle();
  assert.equal(sends(socket).length, 2);
  await pass(2_000);
  assert.deepEqual(sends(socket).slice(2).map((frame) => frame.message), ["one", "two", "three"]);
});

test("a passing error without a name sends again what is on its way", async () => {
  const { room, socket } = await opened();
  room.send("one");
  await settle();
  socket.receive({ type: "error", code: "rate_limited", message: "" });
  await pass(1_000);
  assert.equal(sends(socket).length, 2);
  assert.equal(sends(socket)[0].client_id, sends(socket)[1].client_id);
});

test("try now, take back, send again", async () => {
  const { room, socket } = await opened();
  const one = room.send("one");
  await settle();
  socket.receive({ type: "error", action: "send", code: "unavailable", message: "", client_id: one.client_id });
  await settle();
  one.retry();
  await settle();
  assert.equal(sends(socket).length, 2);
  socket.receive({ type: "error", action: "send", code: "too_long", message: "", client_id: one.client_id });
  await settle();
  one.retry();
  await settle();
  assert.deepEqual([one.state, sends(socket).length], ["sending", 3]);
  one.cancel();
  await settle();
  assert.deepEqual([one.state, room.snapshot.outgoing], ["cancelled", []]);
  await assert.rejects(one.stored, { code: "cancelled" });
});

test("a message that was deleted before its confirmation came is no refusal", async () => {
  const { chat, room, socket } = await opened();
  const refused = [];
  chat.on("refused", (one) => refused.push(one));
  const one = room.send("one");
  await settle();
  socket.receive({ type: "error", action: "send", code: "not_found", message: "", client_id: one.client_id, message_id: 9 });
  await settle();
  assert.deepEqual([room.snapshot.outgoing, refused], [[], []]);
});

test("a small file travels in the frame, a large one by PUT", async () => {
  wire.routes["POST chat/attachments/"] = ({ body }) => ({ presigned_url: "http://site.example/bucket/x", file_path: `path/${body.name}`, headers: { "Content-Type": body.type, Host: "x" } });
  wire.routes["*"] = ({ method, body }) => (method === "PUT" && body.size === 70_000 ? answer(200, {}) : answer(500, {}));
  const { room, socket } = await opened();
  const states = [];
  room.subscribe(({ outgoing }) => states.push(outgoing[0]?.state));
  room.send({ files: [new File(["hi"], "a.txt", { type: "text/plain" }), new File([new Uint8Array(70_000)], "b.bin")] });
  await settle();
  assert.deepEqual(sends(socket)[0].files, [
    { name: "a.txt", size: 2, type: "text/plain", data: btoa("hi") },
    { file_path: "path/b.bin" },
  ]);
  assert.ok(states.includes("uploading"));
});

test("an upload that fails is tried again with a new address", async () => {
  let puts = 0;
  wire.routes["POST chat/attachments/"] = () => ({ presigned_url: "http://site.example/bucket/x", file_path: `path/${puts}` });
  wire.routes["*"] = ({ method }) => answer(method === "PUT" && ++puts > 1 ? 200 : 403, {});
  const { room, socket } = await opened();
  const one = room.send({ files: [new File([new Uint8Array(70_000)], "b.bin")] });
  await settle();
  assert.equal(one.state, "retrying");
  await pass(1_000);
  assert.deepEqual(sends(socket)[0].files, [{ file_path: "path/1" }]);
});

// ---------------------------------------------------------------- the connection

test("a cookie needs no subprotocol, a token is one", async () => {
  start({ token: undefined }).room(4).subscribe(() => {});
  await settle();
  assert.equal(wire.socket.protocols, undefined);
  assert.equal(wire.requests[0].headers.Authorization, undefined);
  const token = jwt(1);
  start({ token }).room(4).subscribe(() => {});
  await settle();
  assert.deepEqual(wire.socket.protocols, ["Bearer", token]);
  assert.equal(wire.socket.url.pathname, "/chat/ws/chat/");
});

test("a connection that comes back goes on where it was, and learns what it missed", async () => {
  const { room, socket } = await opened([message(1, { sender_id: 1 }), message(2), message(3, { reply_to: { message_id: 2, sender_id: 2, text: "text 2" } })]);
  socket.receive(chat_message(message(4)));
  await settle();
  socket.drop();
  await settle();
  assert.equal(room.snapshot.state, "waiting");
  assert.ok(room.snapshot.retryAt > Date.now());
  await pass(1_000);
  const next = wire.find(4);
  assert.deepEqual([next.query.after, next.query.epoch, next.query.receipts], ["4", "e1", "manual,compact"]);
  const receipts = [{ user_id: 1, delivered: 4, read: 4 }, { user_id: 2, delivered: 3, read: 1 }];
  next.receive({ type: "sync", epoch: "e1", version: 8, messages: [message(3, { text: "edited", version: 6, reply_to: { message_id: 2, sender_id: 2, text: "text 2" } }), message(5, { version: 7 })], deleted: [2], receipts, reset: false });
  await settle();
  const { messages, readBy } = room.snapshot;
  assert.deepEqual(messages.map((one) => one.message_id), [1, 3, 4, 5]);
  assert.deepEqual([messages[0].status, messages[1].text, messages[1].reply_to.text], ["read", "edited", null]);
  assert.deepEqual(readBy, receipts);
});

test("another epoch drops what was known", async () => {
  const { room, socket } = await opened([message(1), message(2)]);
  socket.drop(1012);
  await pass(1_000);
  wire.find(4).receive(sync([message(90, { version: 1 })], { epoch: "e2" }));
  await settle();
  assert.deepEqual(room.snapshot.messages.map((one) => one.message_id), [90]);
  wire.find(4).drop(1012);
  await pass(1_000);
  assert.deepEqual([wire.find(4).query.after, wire.find(4).query.epoch], ["1", "e2"]);
});

test("being offline is noticed at once, and so is the way back", async () => {
  const network = new EventTarget();
  globalThis.addEventListener = network.addEventListener.bind(network);
  try {
    const { room, socket, chat } = await opened();
    network.dispatchEvent(new Event("offline"));
    await settle();
    assert.deepEqual([room.snapshot.state, chat.state, socket.isClosed], ["waiting", "waiting", true]);
    const one = room.send("later");
    await settle();
    assert.equal(one.state, "waiting");
    network.dispatchEvent(new Event("online"));
    await settle();
    wire.find(4).receive(sync([]));
    await settle();
    assert.equal(sends(wire.find(4)).length, 1);
  } finally {
    delete globalThis.addEventListener;
  }
});

test("a server that is silent after a send is given up within ten seconds", async () => {
  const { room, socket } = await opened();
  wire.answersPings = false;
  room.send("anybody?");
  for (let i = 0; i < 50 && !sends(socket).length; i++) await settle(); // what sends is loaded first
  await pass(10_000);
  assert.notEqual(wire.find(4), socket);
  assert.ok(socket.isClosed);
  assert.equal(socket.sent.filter(({ action }) => action === "ping").length, 1);
});

test("a server that answers is left alone", async () => {
  const { room, socket } = await opened();
  await pass(2 * MINUTE);
  assert.equal(wire.find(4), socket);
  assert.equal(room.snapshot.state, "open");
});

for (const [code, error] of [[4003, "forbidden"], [4004, "not_found"], [4000, "invalid_frame"]]) {
  test(`after ${code} the room has ended`, async () => {
    const { room, socket } = await opened();
    const one = room.send("hello");
    await settle();
    socket.drop(code);
    await pass(MINUTE);
    assert.deepEqual([room.snapshot.state, room.snapshot.error.code, one.state, one.error.code], ["ended", error, "refused", error]);
    assert.equal(wire.sockets.length, 1);
  });
}

// ---------------------------------------------------------------- who the user is

test("a token is renewed on the open socket a minute before it expires", async () => {
  const tokens = [0, 1, 2].map((hour) => jwt(1, Date.now() / 1000 + (hour + 1) * 3600));
  let asked = 0;
  const { socket } = await opened([], { token: undefined, getToken: async () => tokens[asked++] });
  assert.equal(asked, 1);
  await pass(59 * MINUTE - 1_000);
  assert.equal(asked, 1);
  await pass(2_000);
  assert.deepEqual(socket.sent.filter(({ action }) => action === "auth"), [{ action: "auth", token: tokens[1] }]);
  socket.drop();
  await pass(1_000);
  assert.deepEqual(wire.find(4).protocols, ["Bearer", tokens[1]]);
});

test("a refused token is asked for again once, then the user is signed out", async () => {
  let asked = 0;
  const chat = start({ token: undefined, getToken: () => jwt(1, ++asked) });
  const events = [];
  chat.on("signedout", ({ error }) => events.push(error));
  chat.room(4).subscribe(() => {});
  await settle();
  wire.socket.drop(4001);
  await settle();
  assert.deepEqual([asked, wire.sockets.length, events], [2, 2, []]);
  wire.socket.drop(4001);
  await pass(MINUTE);
  assert.equal(asked, 2);
  assert.equal(wire.sockets.length, 2);
  assert.ok(events.length === 1 && events[0] instanceof SignedOut && events[0].code === "unauthenticated");
  assert.equal(chat.state, "signedout");
  chat.retry();
  await settle();
  assert.deepEqual([asked, wire.sockets.length, chat.state], [3, 3, "connecting"]);
});

test("a user whom the site has disconnected is signed out", async () => {
  const { chat, room, socket } = await opened();
  socket.drop(4005);
  await pass(MINUTE);
  assert.deepEqual([chat.state, room.snapshot.error.code, wire.sockets.length], ["signedout", "disconnected", 1]);
});

test("HTTP has the same error classes, with codes and no sentences", async () => {
  const chat = start();
  wire.routes["GET refused"] = () => answer(403, { detail: "You may not.", code: "forbidden" });
  wire.routes["GET busy"] = () => answer(429, { detail: "Slow down.", code: "rate_limited" }, { "Retry-After": "7" });
  wire.routes["GET proxy"] = () => new Response("<html>", { status: 502 });
  wire.routes["GET broken"] = () => { throw new TypeError("Failed to fetch"); };
  wire.routes["GET out"] = () => answer(401, { detail: "x", code: "unauthenticated" });
  const caught = async (path) => chat.request("GET", path).catch((error) => error);
  const refused = await caught("refused");
  assert.ok(refused instanceof Refused);
  assert.deepEqual([refused.message, refused.code, refused.status, refused.detail], ["forbidden", "forbidden", 403, "You may not."]);
  const busy = await caught("busy");
  assert.deepEqual([busy.constructor, busy.retryAfter], [Passing, 7]);
  assert.deepEqual([(await caught("proxy")).constructor, (await caught("broken")).constructor], [Passing, Lost]);
  assert.equal((await caught("out")).constructor, SignedOut);
});

test("a request can be aborted by who made it", async () => {
  const chat = start();
  await chat.ready;
  wire.routes["GET slow"] = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const controller = new AbortController();
  const slow = chat.request("GET", "slow", { signal: controller.signal });
  await settle();
  controller.abort();
  await assert.rejects(slow, { name: "AbortError" });
});

test("a request that nobody answers is given up", async (context) => {
  const chat = start();
  await chat.ready;
  wire.routes["GET slow"] = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const patience = new AbortController();
  context.mock.method(AbortSignal, "timeout", () => patience.signal);
  const slow = chat.request("GET", "slow");
  await settle();
  patience.abort();
  await assert.rejects(slow, { code: "timeout" });
});

// ---------------------------------------------------------------- what a room shows

test("an unchanged message stays the same object", async () => {
  const { room, socket, snapshots } = await opened([message(1, { sender_id: 1 }), message(2)]);
  const [one, two] = room.snapshot.messages;
  assert.ok(Object.isFrozen(room.snapshot) && Object.isFrozen(one));
  const events = [];
  room.on("messages", (event) => events.push(event));
  socket.receive({ type: "receipt", room_id: 4, user_id: 2, delivered: 1, read: 1 });
  socket.receive(chat_message(message(3)));
  const count = snapshots.length;
  await settle();
  assert.equal(snapshots.length, count + 1);
  const after = room.snapshot.messages;
  assert.equal(after[1], two);
  assert.deepEqual([after[0].status, one.status, after[0].mine], ["read", "send", true]);
  assert.deepEqual([events[0].added, events[0].changed, events[0].removed], [[after[2]], [after[0]], []]);
});

test("reactions are shown as they will be, and a wish is sent until it holds", async () => {
  const { room, socket } = await opened([message(1, { reactions: [{ emoji: "👍", count: 1, user_ids: [2] }] })]);
  const done = room.react(1, "👍");
  await settle();
  assert.deepEqual(room.snapshot.messages[0].reactions, [{ emoji: "👍", count: 2, user_ids: [2, 1], mine: true }]);
  socket.drop();
  await pass(1_000);
  wire.find(4).receive(sync([], { reset: false, version: 1 }));
  await settle();
  assert.deepEqual(wire.find(4).actions, [{ action: "react", message_id: 1, emoji: "👍", on: true }]);
  wire.find(4).receive({ type: "message_reacted", message_id: 1, version: 2, reactions: [{ emoji: "👍", count: 2, user_ids: [2, 1] }] });
  await done;
  const off = room.react(1, "👍");
  await settle();
  assert.deepEqual(room.snapshot.messages[0].reactions, [{ emoji: "👍", count: 1, user_ids: [2], mine: false }]);
  assert.equal(wire.find(4).actions.at(-1).on, false);
  wire.find(4).receive({ type: "message_deleted", message_id: 1, version: 3 });
  await off;
  await settle();
  assert.deepEqual(room.snapshot.messages, []);
});

test("typing, presence, receipts, the first unread", async () => {
  wire.routes["GET chat/rooms/4/"] = () => item(4, { can: ["send"] });
  const { room, socket } = await opened([message(1), message(2)], {}, { receipts: [{ user_id: 1, delivered: 2, read: 1 }, { user_id: 2, delivered: 2, read: 2 }] });
  assert.deepEqual([room.snapshot.mark, room.snapshot.firstUnread, room.snapshot.can], [1, 2, ["send"]]);
  assert.equal(room.snapshot.with.user_id, 2);
  socket.receive({ type: "typing", user_id: 2, room_id: 4 });
  socket.receive({ type: "presence", user_id: 2, online: true, last_seen: null });
  await settle();
  assert.deepEqual([room.snapshot.typing, room.snapshot.with.online], [[2], true]);
  room.read(2);
  room.read(1);
  room.typing();
  room.typing();
  await settle();
  assert.deepEqual([room.snapshot.mark, room.snapshot.firstUnread], [2, null]);
  assert.deepEqual(socket.actions, [{ action: "read", message_id: 2 }, { action: "typing" }]);
  await pass(6_500);
  assert.deepEqual(room.snapshot.typing, []);
});

const pageOf = (from, to, more) => ({ messages: Array.from({ length: to - from + 1 }, (_, i) => message(from + i)), ...more });

test("a window goes back, jumps, and finds the end again", async () => {
  const { room, socket } = await opened(pageOf(151, 200).messages);
  assert.ok(room.snapshot.hasOlder);
  wire.routes["GET chat/rooms/4/messages/"] = ({ query }) => {
    if (query.before) return pageOf(query.before - 50, query.before - 1, { has_more: true });
    if (query.around) return pageOf(75, 125, { has_more: true, has_newer: true });
    if (query.after) return pageOf(Number(query.after) + 1, Math.min(201, Number(query.after) + 50), { has_more: query.after < 150, has_newer: query.after < 150 });
    return pageOf(152, 201, { has_more: true });
  };
  assert.equal(await room.older(), true);
  assert.deepEqual([room.snapshot.messages.length, room.snapshot.messages[0].message_id], [100, 101]);
  assert.equal(await room.around(150), true);
  assert.equal(wire.asked("GET", "chat/rooms/4/messages/").length, 1);
  assert.equal(await room.around(90), true);
  assert.deepEqual([room.snapshot.messages[0].message_id, room.snapshot.hasNewer, room.snapshot.messages.length], [75, true, 51]);
  socket.receive(chat_message(message(201)));
  await settle();
  assert.deepEqual([room.snapshot.messages.at(-1).message_id, room.snapshot.missed, room.snapshot.newest], [125, 1, 201]);
  assert.equal(await room.newer(), true);
  assert.equal(await room.newer(), false);
  assert.deepEqual([room.snapshot.messages.at(-1).message_id, room.snapshot.missed, room.snapshot.messages.length], [201, 0, 127]);
  await room.around(20);
  await room.latest();
  assert.deepEqual([room.snapshot.messages.at(-1).message_id, room.snapshot.hasNewer, room.snapshot.hasOlder], [201, false, true]);
});

test("what happens while a page is on its way is in the page", async () => {
  const { room, socket } = await opened(pageOf(51, 100).messages);
  let answerPage;
  wire.routes["GET chat/rooms/4/messages/"] = () => new Promise((resolve) => (answerPage = resolve));
  const older = room.older();
  await settle();
  socket.receive({ type: "message_deleted", message_id: 10, version: 101 });
  socket.receive({ type: "message_edited", message_id: 11, text: "new", version: 102, message: message(11, { text: "new", version: 102 }) });
  socket.receive({ type: "message_reacted", message_id: 12, version: 103, reactions: [{ emoji: "👍", count: 1, user_ids: [2] }] });
  answerPage(pageOf(1, 50, { has_more: false }));
  assert.equal(await older, false);
  const byId = new Map(room.snapshot.messages.map((one) => [one.message_id, one]));
  assert.deepEqual([byId.has(10), byId.get(11).text, byId.get(12).reactions.length, byId.size], [false, "new", 1, 99]);
});

test("a message that is stored long since makes no hole in the window", async () => {
  const { room, socket } = await opened(pageOf(51, 100).messages);
  const one = room.send("old");
  await settle();
  socket.receive(chat_message(message(3, { sender_id: 1, text: "old", client_id: one.client_id, version: 3 })));
  await one.stored;
  await settle();
  assert.equal(room.snapshot.messages[0].message_id, 51);
});

test("a room that is not made yet names the other one, where a newer room does", async () => {
  wire.routes["GET chat/receive/"] = ({ query }) => ({ next: null, results: "context" in query ? [] : [item(3)] });
  const chat = start();
  const [known, unknown] = [2, "nobody"].map((user) => chat.with(user, { context: "listing:55" }));
  for (const room of [known, unknown]) room.subscribe(() => {});
  await settle();
  assert.deepEqual([known.snapshot.with.name, known.snapshot.info], ["user 2", null]);
  assert.deepEqual([unknown.snapshot.with.user_id, unknown.snapshot.with.name], ["nobody", null]);
});

test("a page of an origin that is not allowed names the setting, once", async () => {
  const said = mock.method(console, "warn", () => {});
  globalThis.location = { origin: "http://shop.example" };
  try {
    const fetch = async () => {
      throw new TypeError("Failed to fetch");
    };
    const chat = start({ fetch });
    chat.inbox.reload().catch(() => {});
    chat.with(2).subscribe(() => {});
    await settle();
    assert.equal(said.mock.callCount(), 1);
    assert.match(said.mock.calls[0].arguments[0], /server\.allowed_origins must contain "http:\/\/shop\.example"/);
    globalThis.location = { origin: "http://site.example" };
    start({ fetch }).with(2).subscribe(() => {});
    await settle();
    assert.equal(said.mock.callCount(), 1);
  } finally {
    delete globalThis.location;
    said.mock.restore();
  }
});

test("a room with somebody is made with the first message", async () => {
  wire.routes["GET chat/receive/"] = () => ({ count: 1, next: null, previous: null, results: [item(3, { context: "listing:5" })] });
  wire.routes["POST chat/create/"] = () => answer(201, { id: 4, room_id: 4, members: [1, 2] });
  wire.routes["GET chat/rooms/4/"] = () => item(4, { context: "listing:55", can: ["send"] });
  const chat = start();
  chat.inbox.subscribe(() => {});
  const there = chat.with(2, { context: "listing:5" });
  const room = chat.with(2, { context: "listing:55" });
  there.subscribe(() => {});
  room.subscribe(() => {});
  await settle();
  assert.deepEqual([there.snapshot.id, room.snapshot.id, room.snapshot.loaded], [3, null, true]);
  assert.deepEqual(wire.requests.find(({ query }) => query.context).query, { context: "listing:5", page_size: "100" });
  const sent = room.send("Is it still there?");
  await settle();
  assert.deepEqual(wire.asked("POST", "chat/create/").map(({ body }) => body), [{ second_user: 2, context: "listing:55" }]);
  wire.find(4).receive(sync([]));
  await settle();
  store(wire.find(4), sends(wire.find(4))[0], 1);
  await sent.stored;
  await settle();
  assert.equal(room.id, 4);
  assert.deepEqual(chat.inbox.snapshot.rooms.map((one) => one.last_message?.content ?? null).sort(), ["Is it still there?", null]);
});

test("a room that the other one makes is found", async () => {
  let rooms = [];
  wire.routes["GET chat/receive/"] = () => ({ count: 1, next: null, previous: null, results: rooms });
  const chat = start();
  const room = chat.with(2, { context: "listing:55" });
  room.subscribe(() => {});
  await settle();
  assert.equal(room.id, null);
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  rooms = [item(8, { context: "listing:55" })];
  wire.find().receive({ type: "notify", counter: 1, messages: [notice(8, 1, "2026-02-02")] });
  await settle();
  wire.find(8).receive(sync([message(1, { room_id: 8 })]));
  await settle();
  assert.deepEqual([room.id, room.snapshot.messages.length], [8, 1]);
  const events = [];
  chat.on("message", ({ live }) => events.push(live));
  wire.find(8).receive(chat_message(message(2, { room_id: 8 })));
  wire.find().receive({ type: "notify", counter: 2, messages: [notice(8, 2, "2026-02-03")] });
  await settle();
  assert.deepEqual(events, [true]);
});

/** A room that a page shows by its id and by who it is with; what both have told. */
async function twice({ storage = null, isMade = true, isFirst = true } = {}) {
  const listing = item(4, { context: "listing:55", can: ["send"] });
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: isMade ? [listing] : [] });
  wire.routes["GET chat/rooms/4/"] = () => listing;
  wire.routes["POST chat/create/"] = () => ({ room_id: 4 });
  const chat = start({ storage });
  const byUser = () => chat.with(2, { context: "listing:55" });
  const rooms = isFirst ? [chat.room(4), byUser()] : [byUser(), chat.room(4)].reverse();
  const events = rooms.map(() => []);
  for (const [index, room] of rooms.entries()) {
    for (const name of ["messages", "typing", "sent", "refused"]) room.on(name, (detail) => events[index].push([name, detail]));
  }
  const offs = rooms.map((room) => room.subscribe(() => {}));
  const ready = async () => {
    await settle();
    wire.find(4).receive(sync([message(1)]));
    await settle();
  };
  return { chat, rooms, events, offs, ready, sockets: () => wire.sockets.filter(({ query }) => query.room_id) };
}

for (const isFirst of [true, false]) {
  test(`a room that is shown ${isFirst ? "by its id and then" : "first"} by who it is with has one socket`, async () => {
    const { rooms, events, offs, ready, sockets } = await twice({ isFirst });
    await ready();
    const [byId, byUser] = rooms;
    assert.equal(sockets().length, 1);
    assert.deepEqual(byUser.snapshot, byId.snapshot);
    assert.deepEqual([byUser.id, byUser.snapshot.messages.length, byUser.snapshot.can], [4, 1, ["send"]]);
    const one = byUser.send("from the one");
    const two = byId.send("from the other");
    byUser.read(1);
    byUser.setDraft({ text: "half a thou" });
    await settle();
    assert.deepEqual(sockets()[0].actions.map(({ action, message: text }) => text ?? action).sort(), ["from the one", "from the other", "read"]);
    for (const room of rooms) assert.deepEqual([room.snapshot.outgoing, room.snapshot.draft.text, room.snapshot.mark], [[one, two], "half a thou", 1]);
    for (const [index, frame] of sends(sockets()[0]).entries()) store(sockets()[0], frame, 2 + index);
    sockets()[0].receive({ type: "typing", user_id: 2, room_id: 4 });
    await settle();
    assert.deepEqual([(await one.stored).message_id, (await two.stored).message_id], [2, 3]);
    for (const of of events) {
      assert.deepEqual(of.map(([name]) => name).filter((name) => name !== "messages").sort(), ["sent", "sent", "typing"]);
      assert.deepEqual(of.flatMap(([, { added = [] }]) => added.map(({ message_id }) => message_id)), [1, 2, 3]);
      assert.deepEqual(of.flatMap(([, { changed = [] }]) => changed.map(({ status }) => status)), ["read"]); // by this user
    }
    offs[0]();
    await pass(2_000);
    assert.equal(sockets()[0].isClosed, undefined);
    offs[1]();
    await pass(2_000);
    assert.deepEqual([sockets().length, sockets()[0].isClosed], [1, true]);
    rooms[1].subscribe(() => {});
    await settle();
    assert.deepEqual([sockets().length, sockets()[1].query.after], [2, "3"]);
  });
}

test("what was written before it was known which room it is goes out once, and its draft is that room's", async () => {
  const storage = memoryStorage();
  storage.set("http://site.example/chat/ 1 draft with%202%20listing%3A55", { text: "and this?" });
  storage.set("http://site.example/chat/ 1 draft 4", { text: "half a thou" });
  const { rooms, ready, sockets } = await twice({ storage });
  const [byId, byUser] = rooms;
  const early = [byUser.send("early"), byUser.send("taken back")];
  await settle();
  early[1].cancel();
  await ready();
  const late = byId.send("late");
  await settle();
  assert.deepEqual([sockets().length, sends(sockets()[0]).map((frame) => frame.message)], [1, ["early", "late"]]);
  assert.deepEqual(rooms.map(({ snapshot }) => snapshot.outgoing), [[early[0], late], [early[0], late]]);
  assert.deepEqual(rooms.map(({ snapshot }) => snapshot.draft.text), ["half a thou\nand this?", "half a thou\nand this?"]);
  const kept = () => storage.keys("").filter((key) => key.includes(" outbox ")).length;
  assert.equal(kept(), 2);
  for (const [index, frame] of sends(sockets()[0]).entries()) store(sockets()[0], frame, 2 + index);
  await settle();
  assert.deepEqual([early[0].state, late.state, kept()], ["stored", "stored", 0]);
  assert.deepEqual(storage.keys("").filter((key) => key.includes(" draft ")), ["http://site.example/chat/ 1 draft 4"]);
});

test("a room that is open by its id is found by who it is with once it is made", async () => {
  const { chat, rooms, ready, sockets } = await twice({ isMade: false });
  const [byId, byUser] = rooms;
  await ready();
  assert.deepEqual([byUser.id, byUser.snapshot.loaded], [null, true]);
  await pass(100); // what the room is
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4, { context: "listing:55" })] });
  byId.send("hello");
  await settle();
  store(sockets()[0], sends(sockets()[0])[0], 2);
  await settle();
  assert.deepEqual([byUser.id, byUser.snapshot.messages.length, sockets().length], [4, 2, 1]);
  assert.equal(chat.room(4), byId);
});

test("the user is a member of a room that they make", async () => {
  wire.routes["POST chat/create/"] = () => ({ room_id: 9 });
  const chat = start();
  for (const members of [[2, 3], [3, "1"]]) assert.equal((await chat.open({ members, title: "us" })).id, 9);
  assert.deepEqual(wire.asked("POST", "chat/create/").map(({ body }) => body), [{ members: [1, 2, 3], title: "us" }, { members: [3, "1"], title: "us" }]);
});

test("rooms are closed when nobody looks and all is sent", async () => {
  const chat = start();
  const room = chat.room(4);
  const off = room.subscribe(() => {});
  await settle();
  const socket = wire.find(4);
  socket.receive(sync([]));
  const sent = room.send("bye");
  await settle();
  off();
  await pass(2_000);
  assert.ok(!socket.isClosed);
  store(socket, sends(socket)[0], 1);
  await sent.stored;
  await pass(2_000);
  assert.deepEqual([socket.isClosed, room.snapshot.state], [true, "closed"]);
  room.subscribe(() => {});
  await settle();
  assert.equal(wire.find(4).query.after, "1");
});

// ---------------------------------------------------------------- the inbox

const notice = (room_id, count, at, more = {}) => ({ room_id, counter_by_room: count, last_message: `news ${at}`, status: "send", sender_id: 2, sender_status: "online", created_at: at, updated_at: at, ...more });

test("the list is fed by notifications, without a request for each message", async () => {
  const last = { content: "old", created_at: "2026-01-02", from_this_user: true, message_id: 5, sender_id: 1, status: "send" };
  wire.routes["GET chat/receive/"] = ({ query }) =>
    query.cursor ? { count: 3, next: null, results: [item(6)] } : { count: 3, next: "http://elsewhere.example/x?cursor=abc", results: [item(5), item(4, { last_message: last })] };
  wire.routes["GET chat/rooms/9/"] = () => item(9, { last_message: { ...last, created_at: "2026-02-09" } });
  const chat = start();
  const messages = [];
  const totals = [];
  chat.on("message", (one) => messages.push(one));
  chat.on("unread", ({ total }) => totals.push(total));
  chat.inbox.subscribe(() => {});
  await settle();
  const { query } = wire.find();
  assert.equal(query.format, "flat");
  assert.deepEqual(chat.inbox.snapshot.rooms.map((one) => one.room_id), [4, 5]);
  wire.find().receive({ type: "notify", counter: 1, messages: [notice(5, 1, "2026-02-01")] });
  await settle();
  assert.deepEqual([messages, chat.unread], [[], 1]);
  const before = wire.requests.length;
  const { rooms } = chat.inbox.snapshot;
  wire.find().receive({ type: "notify", counter: 2, messages: [notice(5, 2, "2026-02-02")] });
  await settle();
  assert.equal(wire.requests.length, before);
  const now = chat.inbox.snapshot.rooms;
  assert.deepEqual([now[0].room_id, now[0].unread, now[0].last_message.content], [5, 2, "news 2026-02-02"]);
  assert.equal(now[1], rooms.find((one) => one.room_id === 4));
  assert.deepEqual(messages.map(({ room_id, live }) => [room_id, live]), [[5, false]]);
  wire.find().receive({ type: "notify", counter: 1, messages: [notice(9, 1, "2026-02-09")] });
  await settle();
  assert.deepEqual(chat.inbox.snapshot.rooms.map((one) => [one.room_id, one.unread]), [[9, 0], [5, 0], [4, 0]]);
  assert.deepEqual(totals, [1, 2, 1]);
  await chat.inbox.more();
  assert.deepEqual([chat.inbox.snapshot.rooms.length, chat.inbox.snapshot.hasMore], [4, false]);
});

test("what was done on another device is in the list when the window is looked at again", async () => {
  const window = new EventTarget();
  globalThis.addEventListener = window.addEventListener.bind(window);
  try {
    const last = (created_at, content) => ({ content, created_at, from_this_user: true, message_id: 5, sender_id: 1, status: "send" });
    let results = [item(6, { last_message: last("2026-03-06", "six") }), item(5, { last_message: last("2026-03-05", "five") })];
    wire.routes["GET chat/receive/"] = () => ({ count: 9, next: "http://elsewhere.example/x?cursor=abc", results });
    const { inbox } = start();
    inbox.subscribe(() => {});
    await settle();
    const look = async (name = "focus") => {
      window.dispatchEvent(new Event(name));
      await settle();
      return inbox.snapshot.rooms.map((one) => one.last_message.content);
    };
    results = [item(9, { last_message: last("2026-03-09", "begun elsewhere") }), item(6, { last_message: last("2026-03-07", "answered elsewhere") })];
    assert.deepEqual(await look(), ["six", "five"], "it was asked for a moment ago");
    await pass(11_000);
    assert.deepEqual(await look(), ["begun elsewhere", "answered elsewhere", "five"]);
    results = [item(9, { last_message: last("2026-03-09", "begun elsewhere") }), item(5, { last_message: last("2026-03-05", "five") })];
    await pass(11_000);
    assert.deepEqual(await look("visibilitychange"), ["begun elsewhere", "five"], "one was deleted elsewhere"); // a phone tells this alone
    assert.equal(inbox.snapshot.hasMore, true);
  } finally {
    delete globalThis.addEventListener;
  }
});

test("a list that could not be loaded for now is asked for again by itself", async () => {
  let answers = [answer(503, { code: "unavailable", detail: "" }), answer(503, { code: "unavailable", detail: "" }), { next: null, results: [item(4)] }];
  wire.routes["GET chat/receive/"] = () => answers.shift();
  const { inbox } = start();
  inbox.subscribe(() => {});
  await settle();
  assert.equal(inbox.snapshot.error.code, "unavailable");
  await pass(10_000);
  assert.deepEqual([inbox.snapshot.error, inbox.snapshot.rooms.length], [null, 1]);
  answers = [answer(403, { code: "forbidden", detail: "" })];
  await assert.rejects(inbox.reload(), { code: "forbidden" });
  await pass(30_000);
  assert.equal(wire.asked("GET", "chat/receive/").length, 4);
});

test("a filter takes the place of the last one", async () => {
  const slow = [];
  wire.routes["GET chat/receive/"] = ({ query, signal }) =>
    query.q === "a" ? new Promise((_, reject) => signal.addEventListener("abort", () => slow.push(reject(signal.reason)))) : { count: 1, next: null, results: [item(query.q ? 5 : 4)] };
  const { inbox } = start();
  inbox.subscribe(() => {});
  await settle();
  const first = inbox.filter({ q: "a" });
  await settle();
  assert.ok(inbox.snapshot.loading);
  await inbox.filter({ q: "ab", unread: true, context_prefix: "listing:" });
  await first;
  assert.equal(slow.length, 1);
  assert.deepEqual(inbox.snapshot.rooms.map((one) => one.room_id), [5]);
  assert.deepEqual(wire.requests.at(-1).query, { q: "ab", unread: "1", context_prefix: "listing:" });
});

test("the socket of a room that is shown goes before that of the notifications", async () => {
  const chat = start();
  chat.inbox.subscribe(() => {});
  chat.room(4).subscribe(() => {});
  await settle();
  assert.deepEqual(wire.sockets.map(({ query }) => query.room_id ?? query.format), ["4", "flat"]);
});

test("what is opened after the user was signed out is opened again with the next token", async () => {
  const chat = start();
  chat.session.signOut("unauthenticated");
  chat.on("unread", () => {});
  await settle();
  assert.deepEqual([wire.sockets.length, chat.state], [0, "signedout"]);
  chat.setToken(jwt(1));
  await settle();
  assert.equal(wire.sockets.length, 1);
});

test("who the user is, the rooms tell before it is asked for", async () => {
  let answerMe;
  wire.routes["GET chat/me/"] = () => new Promise((done) => (answerMe = done));
  const rooms = [item(4, { last_message: { content: "hi", sender_id: 2, from_this_user: false } }), item(5)];
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: rooms });
  const chat = start();
  const found = chat.with(2);
  found.subscribe(() => {});
  chat.inbox.subscribe(() => {});
  await settle();
  assert.deepEqual(chat.inbox.snapshot.rooms.map((one) => one.with?.user_id), [2, 2]);
  wire.find(4).receive(sync([message(1, { sender_id: 1 }), message(2)]));
  await settle();
  assert.deepEqual(found.snapshot.messages.map(({ mine }) => mine), [true, false]);
  assert.deepEqual([found.snapshot.loaded, found.snapshot.with.user_id, chat.me], [true, 2, null]);
  answerMe({ user_id: 1, name: "Ada", picture: null, expires_at: null });
  assert.equal((await chat.ready).name, "Ada");
});

test("what does not tell who the user is waits for it", async () => {
  let answerMe;
  wire.routes["GET chat/me/"] = () => new Promise((done) => (answerMe = done));
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(5)] });
  const chat = start();
  chat.inbox.subscribe(() => {});
  const room = chat.room(4);
  room.subscribe(() => {});
  await settle();
  wire.find(4).receive(sync([message(1, { sender_id: 1 })]));
  await settle();
  assert.deepEqual([room.snapshot.loaded, chat.inbox.snapshot.loading], [false, true]);
  answerMe({ user_id: 1, name: "Ada", picture: null, expires_at: null });
  await settle();
  assert.deepEqual([room.snapshot.loaded, room.snapshot.messages[0].mine, chat.inbox.snapshot.rooms[0].with.user_id], [true, true, 2]);
});

test("where it can't be asked who the user is, a room is shown all the same", async () => {
  wire.routes["GET chat/me/"] = () => Promise.reject(new TypeError("refused"));
  const { room } = await opened([message(1)]);
  assert.deepEqual([room.snapshot.loaded, room.snapshot.messages[0].mine], [true, false]);
});

test("rooms of the same moment keep the order of the server", async () => {
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [9, 5, 7].map((id) => item(id)) });
  const chat = start();
  chat.inbox.subscribe(() => {});
  await settle();
  assert.deepEqual(chat.inbox.snapshot.rooms.map((one) => one.room_id), [9, 5, 7]);
});

test("a badge needs no list", async () => {
  const chat = start();
  chat.subscribe(() => {});
  await settle();
  wire.find().receive({ type: "notify", counter: 3, messages: [notice(5, 3, "2026-02-01")] });
  await settle();
  assert.equal(chat.snapshot.unread, 3);
  assert.deepEqual(wire.requests.map(({ path }) => path), ["chat/me/"]);
});

test("an open room tells of its messages itself", async () => {
  const { chat, socket } = await opened();
  const messages = [];
  chat.on("message", (one) => messages.push(one));
  await settle();
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  socket.receive(chat_message(message(1)));
  wire.find().receive({ type: "notify", counter: 1, messages: [notice(4, 1, "2026-02-01")] });
  await settle();
  assert.deepEqual(messages.map(({ live, message: { text } }) => [live, text]), [[true, "text 1"]]);
});

// ---------------------------------------------------------------- what survives the page

test("unsent messages, drafts and the last messages survive the page", async () => {
  const storage = memoryStorage();
  const first = await opened([message(1), message(2)], { storage });
  first.room.setDraft({ text: "half a thou" });
  const lost = first.room.send("one");
  first.room.send("two");
  await pass(1_000);
  first.chat.end(); // the tab is closed; the answers never came
  wire.sockets = [];
  const chat = start({ storage });
  const room = chat.room(4);
  room.subscribe(() => {});
  await settle();
  assert.deepEqual(room.snapshot.messages.map((one) => one.message_id), [1, 2]);
  assert.deepEqual([room.snapshot.loaded, room.snapshot.draft.text, room.snapshot.state], [true, "half a thou", "connecting"]);
  assert.deepEqual([wire.find(4).query.after, wire.find(4).query.epoch], ["2", "e1"]);
  wire.find(4).receive(sync([], { reset: false, version: 2 }));
  await settle();
  assert.deepEqual(sends(wire.find(4)).map((frame) => frame.message), ["one", "two"]);
  assert.equal(sends(wire.find(4))[0].client_id, lost.client_id);
  store(wire.find(4), sends(wire.find(4))[0], 3);
  store(wire.find(4), sends(wire.find(4))[1], 4);
  await pass(1_000);
  assert.deepEqual(storage.keys("").filter((key) => key.includes(" outbox ")), []);
  await chat.signOut();
  assert.deepEqual(storage.keys(""), []);
});

test("unsent messages are sent by the next page, also in rooms that it does not show", async () => {
  const storage = memoryStorage();
  wire.routes["GET chat/receive/"] = () => ({ results: [], next: null });
  const before = start({ storage });
  await before.ready;
  before.room(4).send("one");
  before.with(7, { context: "listing:55" }).send("two");
  await settle();
  before.end();
  wire.sockets = [];
  wire.routes["POST chat/create/"] = ({ body }) => ({ room_id: body.second_user === "7" && body.context === "listing:55" ? 8 : 0 });
  const chat = start({ storage });
  chat.subscribe(() => {});
  await settle();
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  await pass(1_000);
  for (const [id, text] of [[4, "one"], [8, "two"]]) {
    wire.find(id).receive(sync());
    await settle();
    assert.deepEqual(sends(wire.find(id)).map((frame) => frame.message), [text]);
    store(wire.find(id), sends(wire.find(id))[0], 1);
  }
  await pass(2_000);
  assert.deepEqual(storage.keys("").filter((key) => key.includes(" outbox ")), []);
  assert.deepEqual([4, 8].map((id) => wire.find(id).isClosed), [true, true]);
});

test("a draft belongs to the room, whichever way the page names it", async () => {
  const storage = memoryStorage();
  wire.routes["GET chat/receive/"] = () => ({ results: [{ ...item(4), context: "listing:55" }], next: null });
  const draftOf = async (find) => {
    const chat = start({ storage });
    const room = find(chat);
    room.subscribe(() => {});
    await pass(1_000);
    const { draft } = room.snapshot;
    room.setDraft({ text: `${draft.text}+` });
    await settle();
    chat.end();
    return draft.text;
  };
  storage.set("http://site.example/chat/ 1 draft with%202%20listing%3A55", { text: "old" });
  const byUser = (chat) => chat.with(2, { context: "listing:55" });
  const byId = (chat) => chat.room(4);
  const seen = [];
  for (const find of [byUser, byId, byUser, byId]) seen.push(await draftOf(find));
  assert.deepEqual(seen, ["old", "old+", "old++", "old+++"]);
  assert.deepEqual(storage.keys("").filter((key) => key.includes(" draft ")), ["http://site.example/chat/ 1 draft 4"]);
});

test("after a sign-out no tab stores anything of the user", async () => {
  const storage = memoryStorage();
  const tabs = [await opened([message(1)], { storage }), await opened([message(1)], { storage })];
  await pass(1_000);
  const { chat } = tabs[1];
  for (const { socket } of tabs) socket.receive(chat_message(message(2))); // stored a moment later
  await tabs[0].chat.signOut();
  for (let i = 0; i < 50 && chat.state !== "signedout"; i++) await settle();
  for (const { room } of tabs) room.setDraft({ text: "late" });
  await pass(3_000);
  assert.deepEqual([chat.state, chat.session.signedOut.code, storage.keys("")], ["signedout", "left", []]);
});

test("a sign-out before it is known who the user is leaves nothing of this server", async () => {
  const storage = memoryStorage();
  storage.set("http://other.example/ 1 draft 4", { text: "of another server" });
  const { chat: before, room } = await opened([message(1)], { storage });
  room.setDraft({ text: "half a thou" });
  await pass(1_000);
  before.end();
  wire.routes["GET chat/me/"] = () => new Promise(() => {});
  const chat = start({ storage });
  const leaving = chat.signOut();
  await pass(2_000);
  await leaving;
  assert.deepEqual([chat.state, storage.keys("")], ["ended", ["http://other.example/ 1 draft 4"]]);
});

test("a sign-out right after the start tells the user's other tabs, and leaves what is another user's", async () => {
  const storage = memoryStorage();
  const { chat: other } = await opened([message(1)], { storage });
  await pass(1_000);
  storage.set("http://site.example/chat/ 2 draft 4", { text: "of somebody else" });
  await start({ storage }).signOut();
  for (let i = 0; i < 50 && other.state !== "signedout"; i++) await settle();
  assert.deepEqual([other.state, storage.keys("")], ["signedout", ["http://site.example/chat/ 2 draft 4"]]);
});

test("a storage that never answers is waited for two seconds", async () => {
  const silent = () => new Promise(() => {});
  const storage = { get: silent, set: silent, delete: silent, keys: silent };
  wire.routes["GET chat/receive/"] = () => ({ next: null, results: [item(4)] });
  const chat = start({ storage });
  const room = chat.room(4);
  room.subscribe(() => {});
  chat.inbox.subscribe(() => {});
  await pass(2_500);
  wire.find(4).receive(sync([message(1)]));
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  room.setDraft({ text: "x" });
  const one = room.send("hello");
  await settle();
  store(wire.find(4), sends(wire.find(4))[0], 2);
  assert.equal((await one.stored).message_id, 2);
  assert.equal(chat.inbox.snapshot.rooms.length, 1);
  const leaving = chat.signOut();
  await pass(6_000);
  await leaving;
  assert.equal(chat.state, "ended");
});

test("a storage that was late is read again", async () => {
  const storage = memoryStorage();
  storage.set("http://site.example/chat/ 1 draft 4", { text: "half a thou" });
  const { keys } = storage;
  storage.keys = (prefix) => new Promise((resolve) => setTimeout(() => resolve(keys(prefix)), storage.takes));
  storage.takes = 3_000;
  const chat = start({ storage });
  chat.room(5).subscribe(() => {});
  await pass(4_000);
  storage.takes = 100;
  const room = chat.room(4);
  room.subscribe(() => {});
  await pass(3_000);
  assert.equal(room.snapshot.draft.text, "half a thou");
});

test("what one user has stored is not shown to another", async () => {
  const storage = memoryStorage();
  const { chat } = await opened([message(1)], { storage });
  await pass(1_000);
  chat.end();
  wire.routes["GET chat/me/"] = () => ({ user_id: 2, name: null, picture: null, expires_at: null });
  const room = start({ storage }).room(4);
  room.subscribe(() => {});
  await settle();
  assert.deepEqual([room.snapshot.messages, wire.find(4).query.epoch], [[], "none"]);
});

test("a storage that fails stops nothing", async () => {
  const broken = () => Promise.reject(new Error("QuotaExceededError"));
  const { room, socket } = await opened([message(1)], { storage: { get: broken, set: broken, delete: broken, keys: broken } });
  room.setDraft({ text: "x" });
  const one = room.send("hello");
  await settle();
  store(socket, sends(socket)[0], 2);
  assert.equal((await one.stored).message_id, 2);
});

test("drafts are in the list", async () => {
  wire.routes["GET chat/receive/"] = () => ({ count: 1, next: null, results: [item(4)] });
  const storage = memoryStorage();
  const chat = start({ storage });
  await chat.ready;
  chat.room(4).setDraft({ text: "later" });
  await settle();
  const next = start({ storage });
  next.inbox.subscribe(() => {});
  await settle();
  assert.equal(next.inbox.snapshot.rooms[0].draft, "later");
});

test("what a room received while the list was on its way is in the list", async () => {
  wire.routes["GET chat/receive/"] = () => ({ count: 1, next: null, results: [item(4)] });
  const { chat } = await opened([message(7)]);
  chat.inbox.subscribe(() => {});
  await settle();
  assert.equal(chat.inbox.snapshot.rooms[0].last_message?.message_id, 7);
});

test("two tabs: what one takes back the other does not send", async () => {
  const storage = memoryStorage();
  const first = await opened([], { storage });
  const one = first.room.send("oops");
  await settle();
  const second = await opened([], { storage });
  await settle();
  assert.deepEqual(second.room.snapshot.outgoing.map(({ client_id }) => client_id), [one.client_id]);
  one.cancel();
  for (let i = 0; i < 50 && second.room.snapshot.outgoing.length; i++) await settle();
  assert.deepEqual(second.room.snapshot.outgoing, []);
});

test("two tabs: a conversation begun in one is in the list of the other", async () => {
  wire.routes["GET chat/receive/"] = () => ({ results: [], next: null });
  wire.routes["GET chat/blocks/"] = () => ({ results: [] });
  const other = start();
  other.inbox.subscribe(() => {});
  await settle();
  wire.find().receive({ type: "notify", counter: 0, messages: [] });
  await settle();
  assert.deepEqual(other.inbox.snapshot.rooms, []);
  wire.routes["GET chat/rooms/4/"] = () => item(4);
  const { room, socket } = await opened();
  room.send("hello");
  await settle();
  store(socket, sends(socket)[0], 1);
  for (let i = 0; i < 50 && !other.inbox.snapshot.rooms.length; i++) await settle();
  assert.deepEqual(other.inbox.snapshot.rooms.map(({ room_id, last_message }) => [room_id, last_message.content]), [[4, "hello"]]);
});

test("a look for a message can be given up", async () => {
  const { room } = await opened([message(90)]);
  let asked;
  wire.routes["GET chat/rooms/4/messages/"] = (request) => new Promise((_, reject) => {
    asked = request;
    request.signal.addEventListener("abort", () => reject(request.signal.reason));
  });
  const giving = new AbortController();
  const looking = room.around(5, { signal: giving.signal });
  await settle();
  assert.equal(asked.query.around, "5");
  assert.equal(room.snapshot.loading, "around");
  giving.abort();
  await assert.rejects(looking, { name: "AbortError" });
  assert.equal(room.snapshot.loading, null);
  const another = new AbortController();
  const day = room.at("2026-01-02T00:00:00Z", { signal: another.signal });
  await settle();
  assert.equal(asked.query.at, "2026-01-02T00:00:00.000Z");
  another.abort();
  await assert.rejects(day, { name: "AbortError" });
  assert.deepEqual(room.snapshot.messages.map(({ message_id }) => message_id), [90]);
});

test("a handler that throws does not stop the others", async () => {
  const { room, socket } = await opened();
  const seen = [];
  room.on("messages", () => { throw new Error("mine"); });
  room.on("messages", ({ added }) => seen.push(added.length));
  socket.receive(chat_message(message(1)));
  await settle();
  assert.deepEqual(seen, [1]);
  assert.throws(() => mock.timers.tick(1), /mine/);
});

test("a new message in a room of 5,000 costs little", async () => {
  const { room, socket } = await opened(pageOf(1, 5_000).messages);
  const spans = [];
  for (let id = 5_001; id <= 5_020; id++) {
    const started = performance.now();
    socket.receive(chat_message(message(id)));
    assert.equal(room.snapshot.messages.length, id);
    spans.push(performance.now() - started);
  }
  assert.ok(spans.sort((a, b) => a - b)[5] < 50, `${spans[5]} ms`);
});

// ---------------------------------------------------------------- what a room is

test("what the server leaves out of a room is not so any more", async () => {
  const shown = { ...item(4), can: ["read"], frozen: true, muted: true, about: { title: "City bike" } };
  wire.routes["GET chat/rooms/4/"] = () => shown;
  const { room, socket } = await opened();
  await settle();
  assert.equal(room.snapshot.info.frozen, true);
  wire.routes["GET chat/rooms/4/"] = () => ({ ...item(4), can: ["read", "send"] });
  socket.receive({ type: "room_changed" });
  await settle();
  const { info, can } = room.snapshot;
  assert.deepEqual([info.frozen, info.muted, info.about, can], [false, false, undefined, ["read", "send"]]);
});

test("a room that was marked as unread is read again when it is opened again", async () => {
  wire.routes["GET chat/rooms/4/"] = () => ({ ...item(4), can: ["read"] });
  wire.routes["PATCH chat/rooms/4/"] = () => ({ ...item(4), can: ["read"], marked_unread: true });
  const { room, socket } = await opened([message(7, { sender_id: 2 })]);
  room.read(7);
  await room.update({ marked_unread: true });
  room.read(7);
  assert.equal(socket.sent.filter(({ action }) => action === "read").length, 1);
  room.subscribe(() => {})();
  room.start();
  room.read(7);
  assert.equal(socket.sent.filter(({ action }) => action === "read").length, 2);
});
