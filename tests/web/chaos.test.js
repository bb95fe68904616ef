/** Lost connections at any moment: nothing is lost, nothing doubled, and each writer's order holds. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { connect } from "../../web/sdk/index.js";
import "../../web/sdk/lazy-browser.js"; // loaded now, so that settle() need not wait for files
import "../../web/sdk/lazy-calls.js";
import { answer, memoryStorage, settle, Wire } from "./fake.js";

const MESSAGES = 12;

/** Small, and the same numbers for the same seed. */
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One room with the rules of the protocol, on a network that fails. */
class RoomServer {
  version = 0;
  messages = [];

  constructor(random, calm, refuses) {
    this.refuses = refuses;
    this.random = random;
    this.calm = calm;
    this.live = new Set();
  }

  fails(share) {
    return !this.calm.now && this.random() < share;
  }

  connect(socket, user) {
    socket.user = user;
    setTimeout(() => {
      if (socket.isClosed) return;
      if (this.fails(0.2)) return socket.drop(1006);
      const after = Number(socket.query.after);
      const isReset = socket.query.epoch !== "e1";
      const messages = this.messages.filter((one) => isReset || one.version > after);
      const receipts = [1, 2].map((user_id) => ({ user_id, delivered: 0, read: 0 }));
      this.live.add(socket);
      socket.receive({ type: "sync", epoch: "e1", version: this.version, messages, deleted: [], receipts, reset: isReset });
      const frames = []; // in their order: timers of one time run in any
      socket.onFrame = (frame) => setTimeout(() => this.take(socket, frames.shift()), frames.push(frame) && 30);
    }, this.random() * 200);
  }

  take(socket, frame) {
    if (socket.isClosed || frame.action !== "send") return;
    if (this.fails(0.15)) return this.drop(socket); // before it was stored
    if (this.refuses && this.fails(0.1)) return this.refuse(socket, frame, "unavailable");
    const known = this.messages.find((one) => one.client_id === frame.client_id && one.sender_id === socket.user);
    if (known) return socket.receive({ type: "chat_message", message: known, version: known.version });
    const at = new Date().toISOString();
    const message = {
      message_id: ++this.version, version: this.version, room_id: 4, sender_id: socket.user, text: frame.message,
      client_id: frame.client_id, status: "send", attachments: [], created_at: at, updated_at: at,
    };
    this.messages.push(message);
    if (this.refuses && this.fails(0.1)) return this.refuse(socket, frame, "unavailable"); // stored, and not known to be
    if (this.fails(0.15)) this.drop(socket); // stored, and the answer is lost
    for (const one of this.live) {
      if (this.fails(0.05)) this.drop(one);
      else one.receive({ type: "chat_message", message, version: message.version });
    }
  }

  refuse(socket, { client_id }, code) {
    socket.receive({ type: "error", action: "send", code, message: "", client_id });
    const stored = this.messages.find((one) => one.client_id === client_id);
    if (stored) for (const one of this.live) one.receive({ type: "chat_message", message: stored, version: stored.version });
  }

  drop(socket) {
    this.live.delete(socket);
    socket.drop(1006);
  }
}

for (let seed = 1; seed <= 16; seed++) {
  test(`a network that fails at any moment, seed ${seed}`, async () => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_780_000_000_000 });
    const random = dice(seed);
    const calm = { now: false };
    const server = new RoomServer(random, calm, seed % 2);
    const storages = [memoryStorage(), memoryStorage()];
    const enter = (user) => {
      const wire = new Wire();
      wire.onSocket = (socket) => server.connect(socket, user);
      wire.routes = { "GET chat/me/": () => ({ user_id: user, name: null, picture: null, expires_at: null }), "*": () => answer(404, {}) };
      const chat = connect(wire.options({ storage: storages[user - 1] }));
      const room = chat.room(4);
      room.subscribe(() => {});
      return { chat, room };
    };
    const pass = async (ms) => {
      for (let left = ms; left > 0; left -= 100) {
        mock.timers.tick(100);
        await settle();
      }
    };
    const people = [enter(1), enter(2)];
    await pass(500);
    for (let i = 0; i < MESSAGES; i++) {
      for (const user of [1, 2]) {
        people[user - 1].room.send(`${user}: ${i}`);
        await pass(random() * 300);
        if (random() < 0.1) {
          people[user - 1].chat.end(); // a reload, with messages on their way
          people[user - 1] = enter(user);
          await settle();
        }
      }
    }
    calm.now = true;
    await pass(60_000);
    for (const { room } of people) {
      const { messages, outgoing } = room.snapshot;
      assert.deepEqual(outgoing, []);
      assert.deepEqual(messages.map((one) => one.message_id), server.messages.map((one) => one.message_id));
    }
    for (const user of [1, 2]) {
      const texts = server.messages.filter((one) => one.sender_id === user).map((one) => one.text);
      const sent = Array.from({ length: MESSAGES }, (_, i) => `${user}: ${i}`);
      // What is refused for a while is stored behind what was on its way meanwhile.
      if (seed % 2) assert.deepEqual(texts.sort(), sent.sort());
      else assert.deepEqual(texts, sent);
    }
    for (const { chat } of people) chat.end();
    mock.timers.reset();
  });
}
