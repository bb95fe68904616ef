/** A Vue plugin for the custom elements, and composables over the snapshots of the client. */

import { connect } from "@roomcast/client";
import { computed, inject, onScopeDispose, shallowRef, toValue, watch } from "vue";

const KEY = Symbol("roomcast");

/** `isCustomElement` for the compiler options of a bundler's Vue plugin. */
export const isCustomElement = (tag) => tag.startsWith("roomcast-");

/** `app.use(roomcast, { server, token, getToken })`, or `{ chat }`. */
export const roomcast = {
  install(app, { chat, ...options } = {}) {
    const known = app.config.compilerOptions.isCustomElement;
    app.config.compilerOptions.isCustomElement = (tag) => isCustomElement(tag) || Boolean(known?.(tag));
    if (typeof document === "undefined") return void app.provide(KEY, null);
    const made = chat ?? connect(options);
    app.provide(KEY, made);
    void import("@roomcast/ui").then(({ configure }) => chat || configure(options));
    if (!chat) app.onUnmount?.(() => made.end());
  },
};

/** The client: null while a server renders. */
export const useChat = () => inject(KEY, null);

/** A shallow ref with the snapshot of a model, which may be a ref; null without one. */
function useSnapshot(model) {
  const snapshot = shallowRef(null);
  let off = () => {};
  watch(
    () => toValue(model),
    (now) => {
      off();
      off = now?.subscribe((one) => (snapshot.value = one)) ?? (() => {});
    },
    { immediate: true },
  );
  onScopeDispose(() => off());
  return snapshot;
}

/** The rooms. */
export const useInbox = () => useSnapshot(useChat()?.inbox);

/** One room, by its id or `{ with, context }`, which may be a ref: `{ room, snapshot }`. */
export function useRoom(which) {
  const chat = useChat();
  const room = computed(() => {
    const one = toValue(which);
    return chat && one ? (typeof one === "number" ? chat.room(one) : chat.with(one.with, one)) : null;
  });
  return { room, snapshot: useSnapshot(room) };
}

/** How many messages are unread; null while that is not known. */
export function useUnread() {
  const snapshot = useSnapshot(useChat());
  return computed(() => snapshot.value?.unread ?? null);
}
