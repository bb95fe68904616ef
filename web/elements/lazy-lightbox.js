/** Pictures over the whole window: arrows, swipes, zoom, download. Loaded with the first click. */

const LIGHTBOX_STYLE = `
[part=lightbox] { position: fixed; inset: 0; inline-size: 100vw; block-size: 100dvh; max-inline-size: none; max-block-size: none; margin: 0; padding: 0; border: 0; background: rgb(0 0 0 / 92%); color: #fff; }
[part=lightbox] .stage { position: absolute; inset: 0; display: grid; place-items: center; overflow: auto; touch-action: pan-y pinch-zoom; }
[part=lightbox] img { inline-size: min(var(--width) * 1px, 100vw, 100dvh * var(--ratio)); aspect-ratio: var(--ratio); max-inline-size: 100vw; max-block-size: 100dvh; object-fit: contain; cursor: zoom-in; background: #fff; }
[part=lightbox] .zoomed { place-items: start; }
[part=lightbox] .zoomed img { inline-size: calc(var(--width) * 1px); max-inline-size: none; max-block-size: none; cursor: zoom-out; }
[part=lightbox] header { position: absolute; inset-block-start: 0; inset-inline: 0; z-index: 1; display: flex; align-items: center; gap: .4rem; padding: .5rem .7rem; background: linear-gradient(rgb(0 0 0 / 70%), transparent); }
[part=lightbox] p { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
[part=lightbox] button { display: grid; place-items: center; inline-size: 44px; block-size: 44px; border: 0; border-radius: 50%; background: rgb(0 0 0 / 45%); color: #fff; }
[part=lightbox] button:focus-visible { outline: 2px solid #fff; }
[part=lightbox] .turn { position: absolute; z-index: 1; inset-block-start: calc(50% - 22px); }
[part=lightbox] .turn.before { left: .7rem; }
[part=lightbox] .turn.after { right: .7rem; }
[part=lightbox] svg { inline-size: 1.5rem; block-size: 1.5rem; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
`;
const SHAPES = { close: "M6 6l12 12M18 6L6 18", before: "M15 5l-7 7 7 7", after: "M9 5l7 7-7 7", save: "M12 4v11M7 11l5 5 5-5M5 20h14" };
const SWIPE = 50; // pixels of a horizontal move that turn the page

/**
 * @param {{ root: ShadowRoot, words: any, pictures: any[], index: number, from: HTMLElement, thumbnailOf: (file: any) => string }} about
 */
export function openLightbox({ root, words, pictures, index, from, thumbnailOf }) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LIGHTBOX_STYLE);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const box = document.createElement("dialog");
  box.setAttribute("part", "lightbox");
  const stage = document.createElement("div");
  stage.className = "stage";
  const picture = document.createElement("img");
  const name = document.createElement("p");
  name.setAttribute("role", "status");
  stage.append(picture);
  const isRtl = getComputedStyle(from).direction === "rtl";
  const button = (/** @type {keyof typeof SHAPES} */ shape, /** @type {string} */ key, /** @type {() => void} */ act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.title = words.say(key);
    made.setAttribute("aria-label", words.say(key));
    made.append(shapeOf(SHAPES[shape]));
    made.addEventListener("click", act);
    return made;
  };
  const turn = (/** @type {number} */ step) => {
    index = Math.max(0, Math.min(pictures.length - 1, index + step));
    show();
  };
  const before = button("before", isRtl ? "next" : "previous", () => turn(isRtl ? 1 : -1));
  const after = button("after", isRtl ? "previous" : "next", () => turn(isRtl ? -1 : 1));
  before.className = "turn before";
  after.className = "turn after";
  const head = document.createElement("header");
  head.append(name, button("save", "download", () => save(pictures[index])), button("close", "close", () => box.close()));
  box.append(head, before, after, stage);

  function show() {
    const file = pictures[index];
    stage.classList.remove("zoomed");
    const small = thumbnailOf(file);
    picture.src = small;
    picture.style.cssText = file.width && file.height ? `--width: ${file.width}; --ratio: ${file.width / file.height}` : "";
    if (small !== file.file_url) void sharpen(file);
    picture.alt = file.file_name;
    const place = pictures.length > 1 ? ` · ${words.number(index + 1)} / ${words.number(pictures.length)}` : "";
    name.textContent = file.file_name + place;
    const [first, last] = [index === 0, index === pictures.length - 1];
    before.hidden = isRtl ? last : first;
    after.hidden = isRtl ? first : last;
  }

  /** Puts the file itself in the place of its thumbnail, once it is loaded. @param {any} file */
  async function sharpen(file) {
    await picture.decode().catch(() => {});
    if (picture.naturalWidth >= file.width) return; // the server had no thumbnail
    const whole = new Image();
    whole.src = file.file_url;
    await whole.decode().catch(() => {});
    if (whole.naturalWidth && file === pictures[index]) picture.src = whole.src;
  }

  let startX = 0;
  stage.addEventListener("pointerdown", (event) => (startX = event.clientX));
  stage.addEventListener("pointerup", (event) => {
    const moved = event.clientX - startX;
    if (event.pointerType === "touch" && Math.abs(moved) > SWIPE && !stage.classList.contains("zoomed")) turn(moved < 0 !== isRtl ? 1 : -1);
  });
  stage.addEventListener("click", (event) => {
    if (event.target === picture) stage.classList.toggle("zoomed");
    else box.close();
  });
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowRight") turn(isRtl ? -1 : 1);
    if (event.key === "ArrowLeft") turn(isRtl ? 1 : -1);
  });
  box.addEventListener("close", () => {
    box.remove();
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((each) => each !== sheet);
    from.focus();
  });
  box.setAttribute("aria-label", words.say("photo", { n: pictures.length }));
  root.append(box);
  show();
  box.showModal();
}

/** Keeps a picture as a file: fetched, because another origin ignores `download`. @param {any} file */
async function save({ file_url, file_name }) {
  const link = document.createElement("a");
  link.download = file_name;
  const data = await fetch(file_url).then((answer) => answer.blob(), () => null);
  link.href = data ? URL.createObjectURL(data) : file_url;
  if (!data) link.target = "_blank";
  link.click();
  if (data) setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

/** @param {string} d */
function shapeOf(d) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", d);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}
