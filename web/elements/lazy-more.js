/** Menus and dialogs of a view. Loaded when the first of them is opened. */

import { Dialog } from "./dialog.js";
import { ListMenu } from "./list-menu.js";
import { Menu } from "./menu.js";
import { MessageMenu } from "./message-menu.js";
import { RoomMenu } from "./room-menu.js";
import { dialogStyle } from "./style-dialog.js";

/** One menu and one dialog for each view. */
export class More {
  /** @param {any} shell the view */
  constructor(shell) {
    const { host, words } = shell;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(dialogStyle);
    host.root.adoptedStyleSheets.push(sheet);
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

  /** @param {HTMLElement} from */
  openListMenu(from) {
    new ListMenu(this.shell, this).open(from);
  }

  startChat() {
    return new ListMenu(this.shell, this).startChat();
  }
}
