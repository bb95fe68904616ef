import type { Chat as Client, InboxSnapshot, Options, RoomSnapshot, UserId } from "@roomcast/client";
import type { RoomcastBadge, RoomcastChat, RoomcastElement, RoomcastEvents, RoomcastInbox, RoomcastLauncher } from "@roomcast/ui";
import type { CSSProperties, ReactElement, ReactNode, Ref } from "react";

type Handler<Name extends keyof RoomcastEvents> = (event: RoomcastEvents[Name]) => void;

export interface CommonProps<Element> extends Partial<Pick<RoomcastElement, "getToken" | "strings" | "quickReplies" | "actions" | "renderers" | "linkPolicy" | "beforeSend">> {
  server?: string;
  token?: string;
  lang?: string;
  dir?: "ltr" | "rtl";
  theme?: "auto" | "light" | "dark";
  density?: "comfortable" | "compact";
  features?: string;
  id?: string;
  slot?: string;
  className?: string;
  style?: CSSProperties;
  children?: ReactNode;
  elementRef?: Ref<Element>;
  onReady?: Handler<"roomcast-ready">;
  onUnread?: Handler<"roomcast-unread">;
  onSelect?: Handler<"roomcast-select">;
  onMessage?: Handler<"roomcast-message">;
  onSend?: Handler<"roomcast-send">;
  onSent?: Handler<"roomcast-sent">;
  onRefused?: Handler<"roomcast-refused">;
  onAction?: Handler<"roomcast-action">;
  onLink?: Handler<"roomcast-link">;
  onFile?: Handler<"roomcast-file">;
  onOpen?: Handler<"roomcast-open">;
  onClose?: Handler<"roomcast-close">;
  onState?: Handler<"roomcast-state">;
  onSignedOut?: Handler<"roomcast-signed-out">;
  onNotify?: Handler<"roomcast-notify">;
}

export interface ChatProps extends CommonProps<RoomcastChat> {
  room?: number;
  with?: UserId;
  context?: string;
  message?: number;
  heading?: "auto" | "none";
  composer?: "auto" | "none" | "readonly";
  placeholder?: string;
  suggestion?: string;
  enter?: "send" | "newline";
  autofocus?: "smart" | "none";
}
export interface InboxProps extends CommonProps<RoomcastInbox>, Pick<ChatProps, "heading" | "composer" | "placeholder" | "suggestion" | "enter"> {
  room?: number;
  filter?: "all" | "unread" | "archived";
  contextPrefix?: string;
  history?: "none" | "hash" | "query";
  search?: string;
  listOnly?: boolean;
}
export interface LauncherProps extends Omit<ChatProps, "elementRef" | "autofocus">, Pick<InboxProps, "filter" | "contextPrefix" | "search"> {
  elementRef?: Ref<RoomcastLauncher>;
  open?: boolean;
  position?: string;
  label?: string;
  for?: "inbox" | "chat";
  lazy?: boolean;
}
export interface BadgeProps extends CommonProps<RoomcastBadge> {
  of?: string | number;
  title?: string | boolean;
}

export declare function Inbox(props: InboxProps): ReactElement;
export declare function Chat(props: ChatProps): ReactElement;
export declare function Launcher(props: LauncherProps): ReactElement;
export declare function Badge(props: BadgeProps): ReactElement;

/** With `chat`, a client of the site's own; else that of the elements of this `server`. */
export declare function ChatProvider(props: Pick<Options, "server" | "token" | "getToken"> & { chat?: Client; children?: ReactNode }): ReactElement;
export declare function useChat(): Client | null;
export declare function useInbox(): (InboxSnapshot & { inbox: Client["inbox"] }) | null;
export declare function useRoom(which: number | { with: UserId; context?: string } | null): (RoomSnapshot & { room: ReturnType<Client["room"]> }) | null;
export declare function useUnread(): number | null;

/** The elements themselves, which React takes from version 19 on: attributes by their own names, events as `onroomcast-sent`. */
type Bare<Element, Props> = Omit<Props, keyof RoomcastEvents | "elementRef" | `on${string}`> & {
  [Name in keyof RoomcastEvents as `on${Name}`]?: Handler<Name>;
} & { ref?: Ref<Element>; key?: string | number; "context-prefix"?: string; "list-only"?: boolean };

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "roomcast-inbox": Bare<RoomcastInbox, InboxProps>;
      "roomcast-chat": Bare<RoomcastChat, ChatProps>;
      "roomcast-launcher": Bare<RoomcastLauncher, LauncherProps>;
      "roomcast-badge": Bare<RoomcastBadge, BadgeProps>;
    }
  }
}
