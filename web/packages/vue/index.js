/** A Vue plugin for the custom elements, and composables over the snapshots of the client. */

import "@roomcast/ui"; // known before a template sets properties: Vue makes attributes of them otherwise
import { configure, FrameworkClient } from "@roomcast/ui/frameworks";
import { computed, inject, onScopeDispose, shallowRef, toValue, watch } from "vue";

const KEY = Symbol("roomcast");

/** `isCustomElement` for the compiler options of a bundler's Vue plugin. */
export const isCustomElement = (tag) => tag.startsWith("roomcast-");

/** `app.use(roomcast, { server, token, getToken })`, or `{ chat }`: a client of the site's own, beside that of the elements. */
export const roomcast = {
  install(app, { chat, ...options } = {}) {
    const known = app.config.compilerOptions.isCustomElement;
    app.config.compilerOptions.isCustomElement = (tag) => isCustomElement(tag) || Boolean(known?.(tag));
    const shown = shallowRef(chat ?? null);
    app.provide(KEY, shown);
    if (typeof document === "undefined") return;
    if (!chat) {
      configure(options);
      const client = new FrameworkClient(options);
      const follow = () => (shown.value = client.chat);
      follow();
      const release = client.hold(follow);
      app.onUnmount?.(release);
    }
  },
};

const useClient = () => inject(KEY, null) ?? shallowRef(null);

/** The client: null while a server renders, and after a sign-out. */
export const useChat = () => useClient().value;

/** A shallow ref with the snapshot of a model, which may be a ref; null without one. */
function useSnapshot(model) {
  const snapshot = shallowRef(null);
  let off = () => {};
  watch(
    () => toValue(model),
    (now) => {
      off();
      snapshot.value = null;
      off = now?.subscribe((one) => (snapshot.value = one)) ?? (() => {});
    },
    { immediate: true },
  );
  onScopeDispose(() => off());
  return snapshot;
}

/** The rooms. */
export function useInbox() {
  const client = useClient();
  return useSnapshot(() => client.value?.inbox);
}

/** One room, by its id or `{ with, context }`, which may be a ref: `{ room, snapshot }`. */
export function useRoom(which) {
  const client = useClient();
  const room = computed(() => {
    const [chat, one] = [client.value, toValue(which)];
    return chat && one ? (typeof one === "number" ? chat.room(one) : chat.with(one.with, one)) : null;
  });
  return { room, snapshot: useSnapshot(room) };
}

/** How many messages are unread; null while that is not known. */
export function useUnread() {
  const snapshot = useSnapshot(useClient());
  return computed(() => snapshot.value?.unread ?? null);
}
