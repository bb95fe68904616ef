/** The language around the elements may change while they are shown: loaded after the first messages or rows. */

/** Shows the elements of a session again, each in the language around it, when that has changed. @param {any} link the session */
export function watchLanguage(link) {
  if (!link || link.isWatched) return;
  link.isWatched = true;
  const seen = new WeakMap(); // the languages of the elements
  const follow = () => {
    for (const one of link.holders) {
      const { language, shownIn } = one;
      if (!language || seen.get(one) === language) continue;
      seen.set(one, language);
      if (shownIn && shownIn !== language) one.rebuild();
      one.counted(); // the label of a button or a badge
    }
  };
  new MutationObserver(follow).observe(document, { subtree: true, attributeFilter: ["lang"] });
}
