// A socket whose frames have the types that modelina has generated: sends a message, and is sent it.
import WebSocket from "ws";
import type { MessageSent } from "./modelina/MessageSent";
import type { Send } from "./modelina/Send";

const [base, token, room] = process.argv.slice(2);
const address = `${base.replace("http", "ws")}/ws/chat/?room_id=${room}&after=0`;
const socket = new WebSocket(address, ["Bearer", token]);
const sent: Send = { action: "send" as Send["action"], message: "by modelina", client_id: "one" };
socket.on("open", () => socket.send(JSON.stringify(sent)));
socket.on("error", (error) => {
  throw error;
});
socket.on("message", (data) => {
  const frame = JSON.parse(String(data)) as { type: string };
  if (frame.type !== "chat_message") return;
  const { message } = frame as unknown as MessageSent;
  if (message.client_id !== sent.client_id) return;
  console.log(message.text);
  socket.close();
});
