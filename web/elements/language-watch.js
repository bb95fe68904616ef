/** The language around the elements may change while they are shown: loaded after the first messages or rows. */

/** Shows the elements of a session again, each in the language around it, when that has changed. @param {any} link the session */
export function watchLanguage(link) {
  if (!link || link.isWatched) return;
  link.isWatched = true;
  const follow = () => {
    for (const one of link.holders) {
      if (one.shownIn && one.shownIn !== one.language) one.rebuild();
      else one.counted?.(); // the label of a button or a badge
    }
  };
  new MutationObserver(follow).observe(document, { subtree: true, attributeFilter: ["lang"] });
}
