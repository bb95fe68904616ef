"use client";

/** React components and hooks: the custom elements, and the snapshots of the client. */

import { FrameworkClient } from "@roomcast/ui/frameworks";
import { createContext, createElement, useContext, useEffect, useLayoutEffect, useMemo, useReducer, useRef } from "react";

const ChatContext = createContext({ chat: null, server: undefined });
const useEarlyEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;
const isEvent = (name) => /^on[A-Z]/.test(name);

/** `onSignedOut` listens to `roomcast-signed-out`. */
const eventOf = (name) => `roomcast-${name.slice(2).replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}`;
const attributeOf = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Strings, numbers and booleans become attributes; functions named on… listen; the rest are properties. */
function wrap(tag) {
  function Wrapped({ children, elementRef, ...given }) {
    const own = useRef(null);
    const { server } = useContext(ChatContext);
    const events = Object.keys(given).filter(isEvent).join();
    const latest = useRef(given);
    latest.current = given;
    const stable = useRef({}); // a function that is written in the markup is another one with each rendering
    const attributes = server ? { server } : {}; // of the provider, where the element names none
    for (const [name, value] of Object.entries(given)) {
      if (["className", "style", "slot", "id"].includes(name)) attributes[name === "className" ? "class" : name] = value;
      else if (value === true) attributes[attributeOf(name)] = "";
      else if (value === false && name === "lazy") attributes.lazy = "false"; // the attribute's own word
      else if (typeof value === "string" || typeof value === "number") attributes[attributeOf(name)] = String(value);
    }
    useEarlyEffect(() => {
      const element = own.current;
      const handlers = events ? events.split(",").map((name) => [eventOf(name), (event) => latest.current[name]?.(event)]) : [];
      for (const [name, run] of handlers) element.addEventListener(name, run);
      return () => handlers.forEach(([name, run]) => element.removeEventListener(name, run));
    }, [events]);
    useEarlyEffect(() => {
      for (const [name, value] of Object.entries(given)) {
        const isProperty = typeof value === "function" || (typeof value === "object" && value !== null);
        if (!isProperty || isEvent(name) || name === "style") continue;
        const passed = typeof value === "function" ? (stable.current[name] ??= (...call) => latest.current[name]?.(...call)) : value;
        if (own.current[name] !== passed) own.current[name] = passed;
      }
    });
    useEffect(() => void import("@roomcast/ui"), []);
    const ref = (element) => {
      own.current = element;
      if (typeof elementRef === "function") elementRef(element);
      else if (elementRef) elementRef.current = element;
    };
    return createElement(tag, { ...attributes, ref, suppressHydrationWarning: true }, children);
  }
  Wrapped.displayName = tag;
  return Wrapped;
}

export const Inbox = wrap("roomcast-inbox");
export const Chat = wrap("roomcast-chat");
export const Launcher = wrap("roomcast-launcher");
export const Badge = wrap("roomcast-badge");

/** The client of everything below: that of the elements of the same `server`, or the given `chat`. */
export function ChatProvider({ chat, children, ...options }) {
  const [, draw] = useReducer((count) => count + 1, 0);
  const latest = useRef(options);
  latest.current = options;
  const client = useMemo(() => {
    if (chat || typeof document === "undefined") return null;
    const getToken = options.getToken && (() => latest.current.getToken());
    return new FrameworkClient({ ...options, getToken });
  }, [chat, options.server, !options.getToken]);
  useEffect(() => client?.hold(draw), [client]);
  const used = useRef(options.token);
  useEffect(() => {
    if (options.token !== used.current) client?.login({ token: options.token });
    used.current = options.token;
  }, [client, options.token]);
  const value = chat ?? client?.chat ?? null;
  const context = useMemo(() => ({ chat: value, server: options.server }), [value, options.server]);
  return createElement(ChatContext.Provider, { value: context }, children);
}

/** The client: null while a server renders, and after a sign-out. */
export const useChat = () => useContext(ChatContext).chat;

/** The snapshot of a model, drawn again at each change; null without one. */
function useSnapshot(model) {
  const [, draw] = useReducer((count) => count + 1, 0);
  useEffect(() => model?.subscribe(draw), [model]);
  return model?.snapshot ?? null;
}

/** The rooms: a snapshot of the inbox, with the inbox itself as `inbox`. */
export function useInbox() {
  const chat = useChat();
  const snapshot = useSnapshot(chat?.inbox);
  return snapshot && { ...snapshot, inbox: chat.inbox };
}

/** One room, by its id or `{ with, context }`: its snapshot, with the room itself as `room`. */
export function useRoom(which) {
  const chat = useChat();
  const isId = typeof which === "number";
  const key = isId ? which : JSON.stringify(which);
  const room = useMemo(() => chat && which && (isId ? chat.room(which) : chat.with(which.with, which)), [chat, key]);
  const snapshot = useSnapshot(room);
  return snapshot && { ...snapshot, room };
}

/** How many messages are unread; null while that is not known. */
export const useUnread = () => useSnapshot(useChat())?.unread ?? null;
