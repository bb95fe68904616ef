import { Badge, Chat, ChatProvider, useInbox, useRoom, useUnread } from "@roomcast/react";
import "@roomcast/ui";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { showInVue } from "./vue";

const query = new URLSearchParams(location.search);
const server = query.get("server") ?? "/";
const getToken = () => query.get("token") ?? "";

function Conversation() {
  const room = useRoom({ with: 2, context: "listing:55" });
  const inbox = useInbox();
  const unread = useUnread();
  return (
    <main>
      <button id="send" onClick={() => room?.room.send({ text: "Is it still there?" })}>Ask</button>
      <ul id="messages">{room?.messages.map((one) => <li key={one.message_id}>{one.text}</li>)}</ul>
      <p id="unread">{unread}</p>
      <p id="rooms">{inbox?.rooms.length}</p>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
  <ChatProvider server={server} getToken={getToken}>
    <Conversation />
    <Chat server={server} getToken={getToken} with={2} context="listing:55" onSent={(event) => (document.title = event.detail.message.text)} />
    <Badge server={server} getToken={getToken} />
    <roomcast-launcher id="bare" server={server} getToken={getToken} context-prefix="listing:" onroomcast-open={() => (document.body.id = "opened")} />
  </ChatProvider>
  </StrictMode>,
);
showInVue(server, getToken);
