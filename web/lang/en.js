/**
 * The words of the elements in English: the list of keys, and what every other language falls back to.
 * `english` is what a conversation shows at first; the others are loaded with what they are for.
 *
 * `{name}` stands for a value. A string that counts is an object with the plural forms that
 * `Intl.PluralRules` names for the language (English: one, other); `{n}` is the number, written in
 * the language's digits.
 *
 * @type {import("../elements/words.js").Strings}
 */
export const english = {
  // Names, and what stands in many places.
  chats: "Messages",
  nothing: "Nothing found",
  you: "You",
  someone: "Someone",
  photo: { one: "Photo", other: "{n} photos" },
  file: { one: "File", other: "{n} files" },

  // The head of a conversation.
  back: "Back",
  more: "More",
  online: "online",
  typing: "typing…",
  muted: "Muted",

  // Messages.
  history: "Conversation",
  empty: "Say hello!",
  newLine: "New messages",
  today: "today",
  yesterday: "yesterday",
  edited: "edited",
  sending: "Sending",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  now: "Try now",
  gone: "Message deleted",

  // States and refusals.
  loading: "Loading…",
  connecting: "Connecting…",
  offline: "No connection. Your messages will be sent later.",
  signedOut: "You are signed out.",
  failed: "That didn't work. Try again.",
};

/** What is said beside the messages, and why something is refused: with each part that is loaded after them. @type {import("../elements/words.js").Strings} */
export const restEnglish = {
  // The head of a conversation.
  seen: "last seen {when}",
  members: { one: "{n} member", other: "{n} members" },
  membersOnline: "{n} online",
  types: "{name} is typing…",
  typeMany: "{names} are typing…",

  // Messages.
  newest: "To the newest message",
  fresh: { one: "{n} new message", other: "{n} new messages" },
  waiting: "Not sent yet. Trying again…",
  joined: "{name} joined the group.",
  left: "{name} is no longer in the group.",
  notFound: "This message is no longer there.",
  fold: "Show more",
  reply: "Reply",
  edit: "Edit",
  delete: "Delete",

  // Controls, and files that are refused.
  close: "Close",
  save: "Save",
  emoji: "Emoji",
  cancel: "Cancel",
  tooBig: "Larger than {size}",
  badType: "This type of file is not accepted",
  badFile: "This file can't be read",
  unblock: "Unblock {name}",
  remove: "Remove {name}",

  // States and refusals.
  frozen: "This conversation is read-only.",
  blocked: "You blocked {name}.",
  roomGone: "This conversation is no longer there.",
  forbidden: "You can't do this.",
  conflict: "This was already answered.",
  busy: "That was too fast. Wait a moment.",
};

/** The list of conversations. @type {import("../elements/words.js").Strings} */
export const listEnglish = {
  search: "Search",
  all: "All",
  unread: "Unread",
  archived: "Archived",
  noChats: "No conversations yet",
  noUnread: "Nothing unread",
  noArchived: "Nothing archived",
  choose: "Choose a conversation",
  draft: "Draft: {text}",
  count: { one: "{n} unread message", other: "{n} unread messages" },
};

/** What the list has once it is used. @type {import("../elements/words.js").Strings} */
export const listRestEnglish = {
  found: "In messages",
  newChat: "New conversation",
};

/** The composer. @type {import("../elements/words.js").Strings} */
export const writeEnglish = {
  drop: "Drop files here",
  write: "Write a message",
  send: "Send",
  attach: "Attach files",
  replyTo: "Reply to {name}",
  tooMany: "Files per message: {n} at most",
  tooLong: "Too long by {n}",
};

/** Menus, what they ask, and what is answered. @type {import("../elements/words.js").Strings} */
export const menuEnglish = {
  person: "Name",
  readBy: "Read by {names}",
  copy: "Copy",
  react: "React",
  report: "Report",
  date: "Go to date",
  details: "Details",
  mute: "Mute",
  unmute: "Unmute",
  archive: "Archive",
  unarchive: "Unarchive",
  markUnread: "Mark as unread",
  notify: "Turn on notifications",
  block: "Block {name}",
  leave: "Leave group",
  deleteChat: "Delete conversation",
  title: "Group name",
  add: "Add",
  export: "Download my data",
  erase: "Erase my data",
  askDelete: "Delete this message for everyone?",
  askDeleteChat: "Delete this conversation for everyone? Its messages and files are lost.",
  askLeave: "Leave this group? You will no longer see its messages.",
  askRemove: "Remove {name} from this group?",
  askBlock: "Block {name}? They can no longer write to you.",
  askErase: "Erase all your messages and files, for everyone? This can't be undone.",
  askReport: "What is wrong with this message?",
  spam: "Spam",
  abuse: "Insult or threat",
  fraud: "Fraud",
  other: "Something else",
  thanks: "Thank you for your report.",
};

/** Pictures. @type {import("../elements/words.js").Strings} */
export const pictureEnglish = {
  previous: "Previous",
  next: "Next",
  download: "Download",
};

/** The page. @type {import("../elements/words.js").Strings} */
export const pageEnglish = {
  token: "Access token",
  enter: "Sign in",
  badToken: "This token is not valid or has expired.",
  signOut: "Sign out",
};
