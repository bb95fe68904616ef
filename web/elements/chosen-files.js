/** The files that go with the next message: checked when chosen, each with its reason when refused. */

import { h, icon, iconButton } from "./dom.js";
import { fileLabel, isPicture, previewOf } from "./files.js";
import { sizeIn } from "./later-words.js";

export class ChosenFiles {
  /** @type {File[]} */
  files = [];

  /** @param {any} words @param {() => any} limits @param {() => void} changed */
  constructor(words, limits, changed) {
    this.words = words;
    this.limits = limits;
    this.changed = changed;
    this.box = h("ul", { className: "chosen", role: "list", "aria-label": words.say("attach"), hidden: true });
  }

  /** @param {Iterable<File>} files */
  add(files) {
    this.set([...this.files, ...files]);
  }

  /** @param {File[]} files */
  set(files) {
    this.files = files;
    this.render();
    this.changed();
  }

  /** Those that the server will take. */
  get accepted() {
    return this.files.filter((file) => !this.#troubleOf(file));
  }

  render() {
    this.box.hidden = !this.files.length;
    this.box.replaceChildren(...this.files.map((file) => this.#chip(file)));
  }

  /** Why a file can't be sent; "" where it can. @param {File} file */
  #troubleOf(file) {
    const { types, max_size, max_files } = this.limits();
    if (max_size && file.size > max_size) return this.words.say("tooBig", { size: sizeIn(this.words, max_size) });
    if (types?.length && !isAccepted(types, file)) return this.words.say("badType");
    if (max_files && this.files.indexOf(file) >= max_files) return this.words.say("tooMany", { n: max_files });
    return "";
  }

  /** @param {File} file */
  #chip(file) {
    const trouble = this.#troubleOf(file);
    const sign = isPicture(file.type) ? h("img", { src: previewOf(file), alt: "" }) : icon("file");
    const remove = () => this.set(this.files.filter((other) => other !== file));
    const label = this.words.say("remove", { name: file.name });
    const about = trouble ? { className: "bad" } : {};
    return h("li", about, sign, fileLabel(file.name, file.size, this.words, trouble), iconButton("close", label, remove));
  }
}

/** A type that the browser doesn't know is left to the server. @param {string[]} types @param {File} file */
function isAccepted(types, file) {
  const type = file.type.split(";")[0];
  if (!type || type === "application/octet-stream" || type === "application/x-zip-compressed") return true;
  return types.some((each) => each === type || each === "*/*" || (each.endsWith("/*") && type.startsWith(each.slice(0, -1))));
}
