"""Makes a joined module smaller, by its tokens: without a minifier and without a parser.

Comments and needless white space are removed. Names are shortened if that can't change the code:
`#private` ones, `_internal` ones (the same in all files, see `short_internals`), and variables
whose name no property has, so that every occurrence can be renamed.
"""

import itertools
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>\#?[A-Za-z_$][\w$]*|\d[\w.]*)
    |(?P<sign>\.\.\.|=>|\?\.|\+\+|--|.)""",
    re.DOTALL | re.VERBOSE,
)
PATTERN = re.compile(r"/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
TEMPLATE = re.compile(r"[`}](?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)", re.DOTALL)
INTERNAL = re.compile(r"(?<![\w$#\"])_[a-z]\w*")
LATER = re.compile(r"""(\bimport\(["']\./lazy-[\w-]+\.js)(["']\))""")
BEFORE_A_PATTERN = {"return", "typeof", "case", "in", "of", "await", "void", "else", "yield"}


def _names(listed: str) -> set[str]:
    return set(listed.split())


KEYWORDS = _names(
    "as async await break case catch class const continue default delete do else export extends"
    " false finally for from function get if import in instanceof let new null of return set"
    " static super switch this throw true try typeof undefined var void while yield"
)
GLOBALS = _names(
    "addEventListener alert arguments atob btoa caches close closed confirm console crypto"
    " customElements document event external fetch find focus frames globalThis history"
    " indexedDB innerHeight innerWidth isNaN length localStorage location matchMedia name"
    " navigator open opener origin parent performance print prompt queueMicrotask screen scroll"
    " scrollX scrollY self sessionStorage setTimeout clearTimeout setInterval clearInterval"
    " requestAnimationFrame cancelAnimationFrame requestIdleCallback status stop structuredClone"
    " top window encodeURIComponent decodeURIComponent parseInt parseFloat"
)
LETTERS = string.ascii_letters
DECLARING = {"const", "let", "class", "function"}
NOT_HEADS = {"if", "for", "while", "switch", "function", "catch"}
FIELD_AFTER = {"{", "}", ";", "static"}
OPENING, CLOSING = set("([{"), set(")]}")


def minify(source: str, internals: dict[str, str] | None = None) -> str:
    """Return the module without comments and needless space."""
    tokens = list(_tokens(source))
    renamed = _renamed(tokens) | (internals or {})
    return "".join(_packed((kind, renamed.get(text, text)) for kind, text in tokens))


def short_internals(sources: Iterable[str]) -> dict[str, str]:
    """Return short names for properties that begin with `_`, which files may share."""
    names = sorted({name for source in sources for name in INTERNAL.findall(source)})
    return {name: f"_{short}" for name, short in zip(names, _short_names(set()), strict=False)}


def minified(
    files: Iterable[tuple[str, Callable[[], bytes]]], sources: Iterable[str], version: str = ""
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Return the files of `source_files`, each minified when it is read."""
    internals = short_internals(sources)

    def smaller(read: Callable[[], bytes]) -> bytes:
        return with_version(minify(read().decode(), internals), version).encode()

    return ((name, partial(smaller, read)) for name, read in files)


def with_version(module: str, version: str) -> str:
    """Add the version to imports that are loaded later, so that no cache has an older one."""
    return LATER.sub(rf"\1?{version}\2", module) if version else module


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    """Yield kinds and texts. Literals are `text`, also the parts of a template around values."""
    at, depths, before = 0, [0], ""  # depths of braces: in the module, and in values of templates
    while at < len(source):
        ends_value = source[at] == "}" and len(depths) > 1 and not depths[-1]
        if source[at] == "`" or ends_value:
            if ends_value:
                depths.pop()
            kind, text = "text", _matched(TEMPLATE, source, at)
            if text.endswith("${"):
                depths.append(0)
        elif (found := PATTERN.match(source, at)) and _may_begin(before):
            kind, text = "text", found[0]
        else:
            found = TOKEN.match(source, at)
            assert found, "the last alternative takes anything"
            kind, text = str(found.lastgroup), found[0]
            depths[-1] += (text == "{") - (text == "}")
        at += len(text)
        before = before if kind == "space" else text
        yield kind, text


def _matched(pattern: re.Pattern[str], source: str, at: int) -> str:
    found = pattern.match(source, at)
    if found is None:
        raise ValueError(f"A literal does not end: {source[at : at + 40]!r}")
    return found[0]


def _may_begin(before: str) -> bool:
    """Return whether a slash after this begins a regular expression and is no division."""
    return before in BEFORE_A_PATTERN or not (before and re.match(r"[\w$)\]}\"'`]", before[-1]))


def _packed(tokens: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Return the tokens with only the white space that they need."""
    before, space = ";", ""
    for kind, text in tokens:
        if kind == "space":
            space = "\n" if "\n" in text else " "
            continue
        if space:
            yield _between(before, text, space)
        yield text
        before, space = text, ""
    yield "\n"


def _between(before: str, after: str, space: str) -> str:
    if space == "\n" and not (before[-1] in "{;,([=&|?:>" or after[0] in "}),;?:.&|=]"):
        return "\n"
    is_word = re.compile(r"[\w$#]").match
    if is_word(before[-1]) and is_word(after[0]):
        return " "
    return " " if before[-1] == after[0] and after[0] in "+-/" else ""


def _renamed(tokens: list[tuple[str, str]]) -> dict[str, str]:
    """Return short names for private members, and for variables that are no property's name."""
    code = [(kind, text) for kind, text in tokens if kind != "space"]
    words = Counter(text for kind, text in code if kind == "word")
    private = [name for name, _ in words.most_common() if name[0] == "#"]
    found = dict(zip(private, (f"#{short}" for short in _short_names(set())), strict=False))
    declared = _declared(code) - _properties(code) - KEYWORDS - GLOBALS
    variables = [name for name, _ in words.most_common() if name in declared and len(name) > 1]
    return found | dict(zip(variables, _short_names(set(words) | KEYWORDS), strict=False))


def _declared(code: list[tuple[str, str]]) -> set[str]:
    """Return declared names, except those that are taken out of objects."""
    found, opened = set[str](), list[int]()
    words = [text for _, text in code]
    for at, text in enumerate(words):
        after = words[at + 1 : at + 2]
        if text in DECLARING or (after == ["=>"] and code[at][0] == "word"):
            found.add(words[at + (text in DECLARING)])
        if text == "(":
            opened.append(at)
        elif text == ")":
            start = opened.pop()
            if after == ["=>"] or (after == ["{"] and words[start - 1] not in NOT_HEADS):
                found |= _parameters(words[start : at + 1])
    return {name for name in found if re.fullmatch(r"[A-Za-z$][\w$]*", name)}


def _parameters(head: list[str]) -> set[str]:
    """Return the plain names between commas in `(a, b = 1, { c }, ...d)`: `a`, `b`, `d`."""
    found, depth = set(), 0
    for before, text, after in zip(head, head[1:], head[2:], strict=False):
        if depth == 0 and before in {"(", ",", "..."} and after in {",", ")", "="}:
            found.add(text)
        depth += (text in OPENING) - (text in CLOSING)
    return found


def _properties(code: list[tuple[str, str]]) -> set[str]:
    """Return names that a property may have: none of these is renamed."""
    found, scopes, is_class = set(), [""], False
    words = ["", *(text for _, text in code), "", ""]
    heads = _method_heads(words)
    for at, (kind, text) in enumerate(code, 1):
        before, after = words[at - 1], words[at + 1]
        if kind == "word":
            is_class |= text == "class"
            in_braces = scopes[-1] in {"{", "class"}
            is_key = before in {"{", ","} and after in {":", ",", "}", "="}
            is_field = scopes[-1] == "class" and before in FIELD_AFTER and after in {"=", ";"}
            if before in {".", "?."} or at in heads or (in_braces and (is_key or is_field)):
                found.add(text)
        elif text in OPENING:
            scopes.append("class" if text == "{" and is_class else text)
            is_class &= text != "{"
        elif text in CLOSING:
            scopes.pop()
    return found


def _method_heads(words: list[str]) -> set[int]:
    """Find the names of methods: those before parentheses that are followed by a body."""
    found, opened = set(), list[int]()
    for at, text in enumerate(words):
        if text == "(":
            opened.append(at)
        elif text == ")":
            start = opened.pop()
            is_function = words[start - 2] == "function" or words[start - 1] in NOT_HEADS
            if words[at + 1] == "{" and not is_function:
                found.add(start - 1)
    return found


def _short_names(taken: set[str]) -> Iterator[str]:
    for size in itertools.count(1):
        for letters in itertools.product(LETTERS, repeat=size):
            if (name := "".join(letters)) not in taken:
                yield name
