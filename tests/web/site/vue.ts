import { isCustomElement, roomcast, useInbox, useUnread } from "@roomcast/vue";
import { createApp, h } from "vue";

/** The same site in Vue, beside the one in React. */
export function showInVue(server: string, getToken: () => string): void {
  const Count = {
    setup() {
      const [inbox, unread] = [useInbox(), useUnread()];
      return () => h("p", { id: "vue" }, `${inbox.value?.rooms.length} ${unread.value} ${isCustomElement("roomcast-chat")}`);
    },
  };
  const app = createApp(Count);
  app.use(roomcast, { server, getToken });
  app.mount("#vue-root");
}
