/**
 * The words of the elements in English: the list of keys, and what every other language falls back to.
 *
 * `{name}` stands for a value. A string that counts is an object with the plural forms that
 * `Intl.PluralRules` names for the language (English: one, other); `{n}` is the number, written in
 * the language's digits.
 *
 * @type {import("../elements/words.js").Strings}
 */
export const english = {
  // The list of conversations.
  chats: "Messages",
  search: "Search",
  all: "All",
  unread: "Unread",
  archived: "Archived",
  noChats: "No conversations yet",
  noUnread: "Nothing unread",
  noArchived: "Nothing archived",
  choose: "Choose a conversation",
  found: "In messages",
  nothing: "Nothing found",
  draft: "Draft: {text}",
  you: "You",
  someone: "Someone",
  photo: { one: "Photo", other: "{n} photos" },
  file: { one: "File", other: "{n} files" },
  count: { one: "{n} unread message", other: "{n} unread messages" },
  newChat: "New conversation",
  person: "Name",

  // The head of a conversation.
  back: "Back",
  close: "Close",
  more: "More",
  online: "online",
  seen: "last seen {when}",
  members: { one: "{n} member", other: "{n} members" },
  membersOnline: "{n} online",
  typing: "typing…",
  types: "{name} is typing…",
  typeMany: "{names} are typing…",
  muted: "Muted",

  // Messages.
  history: "Conversation",
  empty: "Say hello!",
  newLine: "New messages",
  newest: "To the newest message",
  fresh: { one: "{n} new message", other: "{n} new messages" },
  edited: "edited",
  sending: "Sending",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  readBy: "Read by {names}",
  waiting: "Not sent yet. Trying again…",
  now: "Try now",
  joined: "{name} joined the group.",
  left: "{name} is no longer in the group.",
  gone: "Message deleted",
  notFound: "This message is no longer there.",
  fold: "Show more",
  reply: "Reply",
  edit: "Edit",
  copy: "Copy",
  react: "React",
  delete: "Delete",
  report: "Report",
  date: "Go to date",

  // The composer.
  write: "Write a message",
  send: "Send",
  attach: "Attach files",
  emoji: "Emoji",
  save: "Save",
  replyTo: "Reply to {name}",
  drop: "Drop files here",
  cancel: "Cancel",
  tooBig: "Larger than {size}",
  badType: "This type of file is not accepted",
  badFile: "This file can't be read",
  tooMany: "Files per message: {n} at most",
  tooLong: "Too long by {n}",

  // What a conversation can do.
  details: "Details",
  mute: "Mute",
  unmute: "Unmute",
  archive: "Archive",
  unarchive: "Unarchive",
  markUnread: "Mark as unread",
  notify: "Turn on notifications",
  block: "Block {name}",
  unblock: "Unblock {name}",
  leave: "Leave group",
  deleteChat: "Delete conversation",
  title: "Group name",
  add: "Add",
  remove: "Remove {name}",
  export: "Download my data",
  erase: "Erase my data",

  // Questions and answers.
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

  // Pictures.
  previous: "Previous",
  next: "Next",
  download: "Download",

  // States and refusals.
  loading: "Loading…",
  connecting: "Connecting…",
  offline: "No connection. Your messages will be sent later.",
  signedOut: "You are signed out.",
  frozen: "This conversation is read-only.",
  blocked: "You blocked {name}.",
  roomGone: "This conversation is no longer there.",
  forbidden: "You can't do this.",
  conflict: "This was already answered.",
  busy: "That was too fast. Wait a moment.",
  failed: "That didn't work. Try again.",

  // The page.
  token: "Access token",
  enter: "Sign in",
  badToken: "This token is not valid or has expired.",
  signOut: "Sign out",
};
