import type { Chat } from "./types/sdk/chat.js";
import type { Message, RoomInfo, UserId } from "./types/sdk/types.js";

export interface Action {
  id: string;
  label: string;
  icon?: string;
  on: "message" | "room";
  when?: (target: Message | RoomInfo) => boolean;
}

/** What all elements share. */
export declare class RoomcastElement extends HTMLElement {
  server: string;
  token: string | null;
  getToken: (() => string | Promise<string>) | undefined;
  readonly session: Chat | null;
  readonly user: { user_id: UserId; name: string | null; picture: string | null } | null;
  readonly unread: number;
  strings: Record<string, unknown>;
  quickReplies: string[] | ((room: RoomInfo) => string[]);
  actions: Action[];
  renderers: Record<string, (message: Message, room: RoomInfo) => Node>;
  linkPolicy: ((url: string) => boolean) | undefined;
  beforeSend: ((draft: { text: string; files: File[] }) => unknown) | undefined;
  select(room: number | { with: UserId; context?: string }, options?: { message?: number }): Promise<boolean>;
  send(draft: { text?: string; files?: File[]; data?: Record<string, unknown> }): Promise<unknown>;
  insert(text: string): Promise<void>;
  focusComposer(): Promise<void>;
  find(words: string): Promise<void>;
  signOut(): Promise<void>;
}
export declare class RoomcastInbox extends RoomcastElement {}
export declare class RoomcastChat extends RoomcastElement {}
export declare class RoomcastLauncher extends RoomcastElement {
  open: boolean;
  show(): void;
  close(): void;
  toggle(): void;
}
export declare class RoomcastBadge extends RoomcastElement {}

type WholeNumber = number | `${number}`;

/** What the elements take as attributes, and as properties that are no methods. */
export interface RoomcastAttributes extends Partial<Pick<RoomcastElement, "getToken" | "strings" | "quickReplies" | "actions" | "renderers" | "linkPolicy" | "beforeSend">> {
  server?: string;
  token?: string;
  lang?: string;
  dir?: "ltr" | "rtl";
  theme?: "auto" | "light" | "dark";
  density?: "comfortable" | "compact";
  features?: string;
}
export interface ChatAttributes extends RoomcastAttributes {
  room?: WholeNumber;
  with?: UserId;
  context?: string;
  message?: WholeNumber;
  heading?: "auto" | "none";
  composer?: "auto" | "none" | "readonly";
  placeholder?: string;
  suggestion?: string;
  enter?: "send" | "newline";
  autofocus?: "smart" | "none";
}
export interface InboxAttributes extends RoomcastAttributes, Pick<ChatAttributes, "room" | "heading" | "composer" | "placeholder" | "suggestion" | "enter"> {
  filter?: "all" | "unread" | "archived";
  contextPrefix?: string;
  history?: "none" | "hash" | "query";
  search?: string;
  listOnly?: boolean;
}
export interface LauncherAttributes extends Omit<ChatAttributes, "autofocus">, Pick<InboxAttributes, "filter" | "contextPrefix" | "search"> {
  open?: boolean;
  position?: string;
  label?: string;
  for?: "inbox" | "chat";
  lazy?: boolean;
}
export interface BadgeAttributes extends RoomcastAttributes {
  of?: string | number;
  title?: string | boolean;
}

export declare function configure(options: {
  server?: string;
  token?: string;
  getToken?: () => string | Promise<string>;
}): void;

export interface RoomcastEvents {
  "roomcast-ready": CustomEvent<{ user: { user_id: UserId; name: string | null; picture: string | null } }>;
  "roomcast-unread": CustomEvent<{ total: number; rooms: { room_id: number; unread: number }[] }>;
  "roomcast-select": CustomEvent<{ room: number | { with: UserId; context?: string } }>;
  "roomcast-message": CustomEvent<{ room: number; message: Partial<Message> }>;
  "roomcast-send": CustomEvent<{ text: string; files: File[] }>;
  "roomcast-sent": CustomEvent<{ message: Message }>;
  "roomcast-refused": CustomEvent<{ code: string; text: string }>;
  "roomcast-action": CustomEvent<{ id: string; params?: object; message?: Message; room: RoomInfo }>;
  "roomcast-link": CustomEvent<{ url: string }>;
  "roomcast-file": CustomEvent<{ file: File }>;
  "roomcast-open": CustomEvent<unknown>;
  "roomcast-close": CustomEvent<unknown>;
  "roomcast-state": CustomEvent<{ state: string }>;
  "roomcast-signed-out": CustomEvent<{ why: string }>;
  "roomcast-notify": CustomEvent<{ room: number; message: Partial<Message> }>;
}

declare global {
  interface HTMLElementTagNameMap {
    "roomcast-inbox": RoomcastInbox;
    "roomcast-chat": RoomcastChat;
    "roomcast-launcher": RoomcastLauncher;
    "roomcast-badge": RoomcastBadge;
  }
  interface HTMLElementEventMap extends RoomcastEvents {}
}
