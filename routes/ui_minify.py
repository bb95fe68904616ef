"""Makes a joined module smaller, by its tokens: without a minifier and without a parser.

Comments, needless white space and signs are removed. Variables and `#private` members get short
names, and so do `_internal` properties (the same in all files, see `short_internals`).
"""

import itertools
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from .ui_names import short_names
from .ui_scopes import CLOSING, Module

TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>\#?[A-Za-z_$][\w$]*|\d[\w.]*)
    |(?P<sign>\.\.\.|=>|\?\.|\?\?|\+\+|--|.)""",
    re.DOTALL | re.VERBOSE,
)
PATTERN = re.compile(r"/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
TEMPLATE = re.compile(r"[`}](?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)", re.DOTALL)
INTERNAL = re.compile(r"(?<![\w$#\"])_[a-z]\w*")
LATER = re.compile(r"""(\bimport\(["']\./lazy-[\w-]+\.js)(["']\))""")
BEFORE_A_PATTERN = {"return", "typeof", "case", "in", "of", "await", "void", "else", "yield"}


LETTERS = string.ascii_letters


def minify(source: str, internals: dict[str, str] | None = None) -> str:
    """Return the module without comments and needless space."""
    tokens = _renamed(list(_tokens(source)), internals or {})
    return "".join(_packed(_without_needless_signs(tokens)))


def short_internals(sources: Iterable[str]) -> dict[str, str]:
    """Return short names for properties that begin with `_`, which files may share."""
    names = sorted({name for source in sources for name in INTERNAL.findall(source)})
    return {name: f"_{short}" for name, short in zip(names, _short_names(), strict=False)}


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


def _renamed(tokens: list[tuple[str, str]], internals: dict[str, str]) -> list[tuple[str, str]]:
    """Give short names to variables, private members and internal properties."""
    code = [at for at, (kind, _) in enumerate(tokens) if kind != "space"]
    module = Module([tokens[at] for at in code])
    found = {code[at]: name for at, name in short_names(module).items()}
    for start, end in module.classes():
        members = code[start:end]
        names = Counter(tokens[at][1] for at in members if tokens[at][1][0] == "#")
        short = dict(zip((name for name, _ in names.most_common()), _short_names(), strict=False))
        found |= {at: f"#{short[text]}" for at in members if (text := tokens[at][1]) in short}
    return [
        (kind, found.get(at) or internals.get(text, text)) for at, (kind, text) in enumerate(tokens)
    ]


def _without_needless_signs(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what ends a block or a list without need, and parentheses of one parameter."""
    code = [(at, text) for at, (kind, text) in enumerate(tokens) if kind != "space"]
    needless = set[int]()
    for (at, text), (_, after) in itertools.pairwise(code):
        if (text == ";" and after == "}") or (text == "," and after in CLOSING):
            needless.add(at)
    for (at, text), (_, name), (end, close), (_, arrow) in zip(
        code, code[1:], code[2:], code[3:], strict=False
    ):
        if text == "(" and close == ")" and arrow == "=>" and re.match(r"[\w$]+$", name):
            needless |= {at, end}
    return (token for at, token in enumerate(tokens) if at not in needless)


def _short_names() -> Iterator[str]:
    for size in itertools.count(1):
        for letters in itertools.product(LETTERS, repeat=size):
            yield "".join(letters)
