/** Texts that are shown large: one to three emoji. */

const ONLY_EMOJI = /^(?:\s*(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2})(?:\p{Emoji_Modifier}|\ufe0f|\u20e3|\u200d\p{Extended_Pictographic})*){1,3}\s*$/u;

/** Whether a text is one to three emoji. @param {string} text */
export function isEmoji(text) {
  return text.length < 60 && ONLY_EMOJI.test(text);
}
