/** Menus and dialogs of a view. Loaded when the first of them is opened. */

import { menuEnglish, restEnglish } from "../lang/en.js";
import { loadModule } from "../sdk/loading.js";
import { Dialog } from "./dialog.js";
import { stringsFor } from "./languages.js";
import { ListMenu } from "./list-menu.js";
import { Menu } from "./menu.js";
import { MessageMenu } from "./message-menu.js";
import { RoomMenu } from "./room-menu.js";
import { addSheet } from "./sheets.js";
import { dialogStyle } from "./style-dialog.js";

/** The menus of a view, once their strings are there. @param {any} shell the view */
export async function openMore(shell) {
  const { words } = shell;
  words.learn((await stringsFor(words.tag, "-menu")) ?? {});
  words.learn({ ...restEnglish, ...menuEnglish });
  return new More(shell);
}

/** One menu and one dialog for each view. */
class More {
  /** @param {any} shell the view */
  constructor(shell) {
    const { host, words } = shell;
    addSheet(host.root, dialogStyle);
    this.shell = shell;
    this.menu = new Menu(host.root);
    this.dialog = new Dialog(words);
    host.root.append(this.menu.box, this.dialog.box);
  }

  /** @param {any} view of the conversation @param {HTMLElement} from */
  openRoomMenu(view, from) {
    new RoomMenu(view, this).open(from);
  }

  /** @param {any} history @param {any} row @param {HTMLElement} opener @param {{ x: number, y: number, height: number }} [point] */
  openMessageMenu(history, row, opener, point) {
    new MessageMenu(history, this).open(row, opener, point);
  }

  /** Searches the messages of a conversation. @param {any} view @param {string} words */
  find(view, words) {
    return this.shell.use(loadModule(() => import("./lazy-find.js")), (/** @type {any} */ { openFind }) => openFind(view, this.dialog, words));
  }

  /** Asks, then deletes. @param {any} history @param {number} message_id */
  async deleteMessage(history, message_id) {
    const agrees = await this.dialog.confirm(history.words.say("askDelete"), history.words.say("delete"));
    history.rowOf(message_id)?.box.focus(); // what had the focus is gone with the menu
    if (agrees) void history.enriched.then((/** @type {any} */ { tools }) => tools.attempt(history.model.delete(message_id)));
  }

  /** Actions of the site for a room, or for a message in it. @param {any} room @param {any} [message] */
  siteActions(room, message) {
    const { host } = this.shell;
    const on = message ? "message" : "room";
    const fits = (/** @type {any} */ action) => action.on === on && (!action.when || action.when(message ?? room, room));
    return (host.actions ?? []).filter(fits).map((/** @type {any} */ { id, label, icon, params }) => ({
      id,
      label,
      icon,
      act: () => host.emit("action", { id, params, message, room }),
    }));
  }

  /** @param {HTMLElement} from */
  openListMenu(from) {
    new ListMenu(this.shell, this).open(from);
  }

  startChat() {
    return new ListMenu(this.shell, this).startChat();
  }
}
