import { Badge, Chat, ChatProvider, useChat, useInbox, useRoom, useUnread } from "@roomcast/react";
import { Refused } from "@roomcast/client";
import type { RoomcastChat } from "@roomcast/ui";
import { StrictMode, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { getToken, server } from "./login";

function Conversation() {
  const [isRefused, setRefused] = useState(false);
  const chat = useChat();
  const element = useRef<RoomcastChat>(null);
  const { messages, room } = useRoom({ with: 2, context: "listing:55" }) ?? {};
  const rooms = useInbox()?.rooms;
  const refuse = () => chat?.request("GET", "chat/rooms/404/").catch((error: unknown) => setRefused(error instanceof Refused));
  return (
    <main>
      <button id="send" onClick={() => room?.send({ text: "Is it still there?" })}>Ask</button>
      <button id="refuse" onClick={refuse}>{isRefused && "Refused"}</button>
      <button id="share" onClick={(event) => (event.currentTarget.textContent = String(element.current?.session === chat))} />
      <button id="leave" onClick={() => chat?.signOut()}>Log out</button>
      <ul id="messages">{messages?.map((one) => <li key={one.message_id}>{one.text}</li>)}</ul>
      <p id="counts">{rooms?.length} {useUnread()}</p>
      <Chat elementRef={element} with={2} context="listing:55" quickReplies={["Yes"]} onSent={(event) => (document.title = event.detail.message.text)} />
      <Badge of="listing:55" />
    </main>
  );
}

function Site() {
  const [isShown, show] = useState(true);
  return (
    <ChatProvider server={server} getToken={() => getToken()}>
      <button id="toggle" onClick={() => show(!isShown)}>Show</button>
      {isShown && <Conversation />}
    </ChatProvider>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><Site /></StrictMode>);
