/** A server renders the tags, and the hooks have nothing yet: there is no DOM. */
import { Chat, ChatProvider, Launcher, useChat, useInbox, useRoom, useUnread } from "@roomcast/react";
import * as inVue from "@roomcast/vue";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { createSSRApp, h } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";

const Hooks = () => createElement("p", null, JSON.stringify([useChat(), useInbox(), useRoom({ with: 7 }), useUnread()]));
const elements = [createElement(Chat, { key: 1, with: 7, quickReplies: ["Yes"], onSent: () => {} }), createElement(Launcher, { key: 2 })];
console.log(renderToString(createElement(ChatProvider, { server: "/chat/", getToken: () => "" }, createElement(Hooks), elements)));

const app = createSSRApp({
  setup() {
    const [chat, inbox, unread] = [inVue.useChat(), inVue.useInbox(), inVue.useUnread()];
    const { snapshot } = inVue.useRoom({ with: 7 });
    return () => h("p", JSON.stringify([chat, inbox.value, snapshot.value, unread.value]));
  },
});
console.log(await renderVue(app.use(inVue.roomcast, { server: "/chat/" })));
