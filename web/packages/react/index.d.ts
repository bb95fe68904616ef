import type { Chat as Client, InboxSnapshot, Options, RoomSnapshot, UserId } from "@roomcast/client";
import type {
  BadgeAttributes, ChatAttributes, InboxAttributes, LauncherAttributes, RoomcastBadge, RoomcastChat, RoomcastEvents, RoomcastInbox, RoomcastLauncher,
} from "@roomcast/ui";
import type { CSSProperties, ReactElement, ReactNode, Ref } from "react";

type Handler<Name extends keyof RoomcastEvents> = (event: RoomcastEvents[Name]) => void;

export interface CommonProps<Element> {
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

export interface ChatProps extends ChatAttributes, CommonProps<RoomcastChat> {}
export interface InboxProps extends InboxAttributes, CommonProps<RoomcastInbox> {}
export interface LauncherProps extends LauncherAttributes, CommonProps<RoomcastLauncher> {}
export interface BadgeProps extends BadgeAttributes, CommonProps<RoomcastBadge> {}

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
