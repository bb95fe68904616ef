import type { Chat, InboxSnapshot, Options, Room, RoomSnapshot, UserId } from "@roomcast/client";
import type { BadgeAttributes, ChatAttributes, InboxAttributes, LauncherAttributes, RoomcastEvents } from "@roomcast/ui";
import type { App, ComputedRef, DefineComponent, HTMLAttributes, MaybeRefOrGetter, ShallowRef } from "vue";

export declare function isCustomElement(tag: string): boolean;
export declare const roomcast: { install(app: App, options?: Pick<Options, "server" | "token" | "getToken"> & { chat?: Chat }): void };
export declare function useChat(): Chat | null;
export declare function useInbox(): ShallowRef<InboxSnapshot | null>;
export declare function useRoom(which: MaybeRefOrGetter<number | { with: UserId; context?: string } | null>): {
  room: ComputedRef<Room | null>;
  snapshot: ShallowRef<RoomSnapshot | null>;
};
export declare function useUnread(): ComputedRef<number | null>;

type Pascal<Name extends string> = Name extends `${infer First}-${infer Rest}` ? `${Capitalize<First>}${Pascal<Rest>}` : Capitalize<Name>;
/** `@roomcast-signed-out` in a template is `onRoomcastSignedOut`. */
type Listeners = { [Name in keyof RoomcastEvents as `on${Pascal<Name>}`]?: (event: RoomcastEvents[Name]) => void };
type Tag<Attributes> = DefineComponent<Attributes & Listeners & Omit<HTMLAttributes, keyof Attributes>>;

declare module "vue" {
  interface GlobalComponents {
    "roomcast-inbox": Tag<InboxAttributes>;
    "roomcast-chat": Tag<ChatAttributes>;
    "roomcast-launcher": Tag<LauncherAttributes>;
    "roomcast-badge": Tag<BadgeAttributes>;
  }
}
