/** A real `roomcast serve` on data of its own, and tokens for it. */

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SECRET = "a secret that only the tests know, 32 bytes and more";
const COMMAND = process.env.ROOMCAST_COMMAND ?? fileURLToPath(new URL("../../.venv/bin/roomcast", import.meta.url));
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT of this user; `life` in seconds. */
export function token(user, life = 3600) {
  const exp = Math.floor(Date.now() / 1000) + life;
  const claims = { sub: user, name: `user ${user}`, exp };
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export class Server {
  static async start(settings = {}) {
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), "roomcast-web-"));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}/`;
    server.settings = settings;
    await server.launch();
    return server;
  }

  async launch() {
    const plain = Object.entries(process.env).filter(([name]) => !name.startsWith("ROOMCAST_"));
    const env = {
      ...Object.fromEntries(plain),
      ROOMCAST_DATABASE_URL: `sqlite:///${this.folder}/chat.db`,
      ROOMCAST_ATTACHMENTS_URL: `file:${this.folder}/attachments`,
      ROOMCAST_AUTH_SECRET: SECRET,
      ...this.settings,
    };
    const options = { cwd: this.folder, env, stdio: "ignore" };
    this.process = spawn(COMMAND, ["serve", "--host", "127.0.0.1", "--port", String(this.port)], options);
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    for (;;) {
      if (this.process.exitCode !== null) throw new Error("the server ended at start");
      const answer = await fetch(`${this.url}healthz`).catch(() => null);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 30)); // there is nothing to wait for but the port
    }
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async end() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async api(user, method, path, body) {
    const headers = { Authorization: `Bearer ${token(user)}`, "Content-Type": "application/json" };
    const answer = await fetch(`${this.url}api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
    return answer.status === 204 ? undefined : answer.json();
  }
}
