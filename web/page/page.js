/** The page at `/` and at `/embed/`: a thin file around the elements. */

import { defineElements } from "../elements/base.js";
import { RoomcastChat } from "../elements/chat.js";
import { RoomcastInbox } from "../elements/inbox.js";
import { languageFor, stringsFor } from "../elements/languages.js";
import { configure, sessionOf, useViews } from "../elements/session.js";
import { InboxView, openChat, SingleView, wordsOf } from "../elements/views.js";
import { Entry } from "./entry.js";
import { pageStyle } from "./style-page.js";
import { takeToken, keepToken, forgetToken } from "./token.js";

/** @typedef {{ name: string, logo: string, accent: string, root: string, login: "token" | "site", view: "inbox" | "embed", language: string }} PageSettings */

const STORAGE_WAIT = 100; // ms that the views wait for the storage of the browser
const EMBED_ATTRIBUTES = ["room", "with", "context", "message", "theme", "density", "heading", "composer", "features"];

/** @returns {PageSettings} */
function pageSettings() {
  const meta = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=roomcast]"));
  return JSON.parse(meta.content);
}

/** Colours and sizes of the page, with the accent of the settings. @param {string} accent */
function dress(accent) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(pageStyle);
  document.adoptedStyleSheets = [sheet];
  if (!accent) return;
  const own = new CSSStyleSheet();
  own.insertRule(":root {}");
  /** @type {CSSStyleRule} */ (own.cssRules[0]).style.setProperty("--roomcast-accent", accent);
  document.adoptedStyleSheets = [sheet, own];
}

/** The words of the page, in this language or in English. @param {string} tag */
async function speak(tag) {
  document.documentElement.lang = languageFor(tag) === "en" && !/^en\b/i.test(tag) ? "en" : tag; // elements look for it
  const words = wordsOf(tag, await stringsFor(tag));
  document.documentElement.lang = words.tag;
  document.documentElement.dir = /^(ar|fa|he)\b/.test(words.tag) ? "rtl" : "ltr";
  return words;
}

/** The logo of the operator, if there is one. @param {string} src */
function logoOf(src) {
  const logo = document.createElement("img");
  Object.assign(logo, { slot: "list-start", src, alt: "", className: "logo" });
  logo.addEventListener("error", () => logo.remove());
  return logo;
}

/** All conversations, or the sign-in where there is no token. @param {PageSettings} settings @param {Promise<any>} speaking @param {string} token */
function showInbox(settings, speaking, token) {
  const inbox = /** @type {any} */ (document.createElement("roomcast-inbox"));
  inbox.setAttribute("history", "hash");
  inbox.strings = { chats: settings.name };
  if (settings.logo) inbox.append(logoOf(settings.logo));
  const main = document.createElement("main");
  const heading = document.createElement("h1");
  Object.assign(heading, { className: "unseen", textContent: settings.name });
  main.append(heading);
  document.body.append(main);
  titled(inbox, settings.name);
  const entering = speaking.then((words) => signIn(settings, words, inbox, main));
  if (token || settings.login === "site") main.append(inbox);
  else void entering.then((entry) => entry.show(""));
}

/** The sign-in beside the conversations. @param {PageSettings} settings @param {any} words @param {any} inbox @param {HTMLElement} main */
function signIn(settings, words, inbox, main) {
  const isByToken = settings.login === "token";
  const entry = new Entry(settings, words, (token) => {
    keepToken(token);
    configure({ token });
    if (!inbox.isConnected) main.append(inbox);
  });
  main.firstElementChild?.after(entry.box);
  inbox.menuItems = isByToken ? [{ id: "signOut", icon: "leave", label: words.say("signOut"), act: () => void inbox.signOut() }] : [];
  const leave = (/** @type {string} */ why) => {
    forgetToken();
    if (why === "left") forgetRoom(inbox);
    entry.show(why === "left" ? "" : words.say(isByToken ? "badToken" : "signedOut"));
  };
  inbox.addEventListener("roomcast-ready", () => entry.hide());
  inbox.addEventListener("roomcast-signed-out", (/** @type {CustomEvent} */ { detail }) => leave(detail.why));
  if (inbox.link?.state === "signedout") leave("unauthenticated"); // before the words were there
  return entry;
}

/** The next user is not led to the conversation of this one. @param {HTMLElement} inbox */
function forgetRoom(inbox) {
  inbox.remove();
  inbox.removeAttribute("room");
  history.replaceState(null, "", `${location.pathname}${location.search}`);
}

/** "(3) Name" while something is unread. @param {any} inbox @param {string} name */
function titled(inbox, name) {
  const tell = (/** @type {number} */ total) => (document.title = total ? `(${total}) ${name}` : name);
  inbox.addEventListener("roomcast-unread", (/** @type {CustomEvent} */ event) => tell(event.detail.total));
  inbox.addEventListener("roomcast-signed-out", () => tell(0));
}

/** One conversation in a frame of another page, which is told what is unread and how tall it is. */
function showEmbedded() {
  const query = new URLSearchParams(location.search);
  const isChat = query.has("room") || query.has("with");
  const element = /** @type {any} */ (document.createElement(isChat ? "roomcast-chat" : "roomcast-inbox"));
  for (const name of EMBED_ATTRIBUTES) if (query.has(name)) element.setAttribute(name, query.get(name));
  document.body.append(element);
  const tell = () => parent.postMessage({ type: "roomcast", unread: element.unread, height: document.documentElement.scrollHeight }, "*");
  element.addEventListener("roomcast-unread", tell);
  element.addEventListener("roomcast-ready", tell);
}

/**
 * Asks for the messages of the room in the address before the views are made, which takes a phone as
 * long as the answer. Resolves once the socket is on its way.
 * @param {string} server
 * @param {number} room
 */
async function hasten(server, room) {
  const chat = await sessionOf(server).whole();
  const stop = chat.room(room).subscribe(() => {});
  chat.ready.finally(() => setTimeout(stop, 5_000)).catch(() => {}); // by then the view has it, or nobody wants it
  const isAsked = chat._vault("isFilled"); // the room asks this too, before its socket
  await Promise.race([isAsked, new Promise((resolve) => setTimeout(resolve, STORAGE_WAIT))]);
}

async function startPage() {
  const settings = pageSettings();
  const server = new URL(settings.root, document.baseURI).href;
  const token = takeToken();
  const isEmbedded = settings.view === "embed";
  const query = new URLSearchParams(isEmbedded ? location.search : location.hash.slice(1));
  const room = Number(query.get("room"));
  defineElements({ inbox: RoomcastInbox, chat: RoomcastChat });
  useViews({ InboxView, openChat, SingleView, wordsOf });
  configure({ server, ...(token && { token }) });
  if (room && (token || settings.login === "site")) await hasten(server, room);
  dress(settings.accent);
  const speaking = speak(new URLSearchParams(location.search).get("lang") || settings.language || navigator.language);
  if (isEmbedded) showEmbedded();
  else showInbox(settings, speaking, token);
  setTimeout(() => speaking.then((words) => words.time(new Date())), 0); // the first format takes a phone 100 ms: made before the messages come
}

void startPage();
