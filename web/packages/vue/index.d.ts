import type { Chat, InboxSnapshot, Options, Room, RoomSnapshot, UserId } from "@roomcast/client";
import type { RoomcastBadge, RoomcastChat, RoomcastInbox, RoomcastLauncher } from "@roomcast/ui";
import type { App, ComputedRef, DefineComponent, MaybeRefOrGetter, ShallowRef } from "vue";

export declare function isCustomElement(tag: string): boolean;
export declare const roomcast: { install(app: App, options?: Pick<Options, "server" | "token" | "getToken"> & { chat?: Chat }): void };
export declare function useChat(): Chat | null;
export declare function useInbox(): ShallowRef<InboxSnapshot | null>;
export declare function useRoom(which: MaybeRefOrGetter<number | { with: UserId; context?: string } | null>): {
  room: ComputedRef<Room | null>;
  snapshot: ShallowRef<RoomSnapshot | null>;
};
export declare function useUnread(): ComputedRef<number | null>;

declare module "vue" {
  interface GlobalComponents {
    "roomcast-inbox": DefineComponent<Partial<RoomcastInbox>>;
    "roomcast-chat": DefineComponent<Partial<RoomcastChat>>;
    "roomcast-launcher": DefineComponent<Partial<RoomcastLauncher>>;
    "roomcast-badge": DefineComponent<Partial<RoomcastBadge>>;
  }
}
