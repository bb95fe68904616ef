"""Finds the variables of a joined module by its tokens: where each is declared and used.

It knows the statements that the modules under `web/` are written in, not all of ECMAScript: no
`var`, no labels, no `with`, and a semicolon after every statement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

OPENING, CLOSING = set("([{"), set(")]}")
WORDS = """
as async await break case catch class const continue default delete do else export extends false
finally for from function get if import in instanceof let new null of return set static super switch
this throw true try typeof undefined var void while yield
"""
KEYWORDS = set(WORDS.split())
CONTEXTUAL = {
    "as",
    "async",
    "from",
    "get",
    "of",
    "set",
}  # may name a variable, which keeps its name
CONTROL = {"if", "for", "while", "switch", "catch", "await"}
BEFORE_A_BLOCK = {")", "=>", ";", "{", "}", "else", "try", "finally", "do", "catch", "static"}
MODIFIERS = {"static", "async", "get", "set", "*"}


@dataclass(eq=False)
class Variable:
    """One variable, with the places where it is named."""

    name: str
    short: str = ""
    places: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Scope:
    """A function, a block or the module: tokens from `start` to `end`, and what they declare."""

    start: int
    end: int
    parent: "Scope | None" = None
    variables: dict[str, Variable] = field(default_factory=dict)
    used: set[Variable] = field(default_factory=set)  # here and in the scopes within
    foreign: set[str] = field(default_factory=set)  # names of what no scope declares

    def chain(self) -> Iterator["Scope"]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope:
            yield scope
            scope = scope.parent


class Module:
    """The tokens of a module without white space, with their brackets and scopes."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self.kinds = [kind for kind, _ in tokens]
        self.words = [text for _, text in tokens] + ["", "", ""]
        self.match: dict[int, int] = {}  # brackets by their partners, both ways
        self.inside: list[int] = []  # the bracket around each token; -1: none
        self.braces: dict[int, str] = {}  # "class", "object", "names" or "block"
        self._pair()
        self.top = Scope(0, len(tokens))
        self.scope_at = [self.top] * (len(tokens) + 1)
        for start, end in sorted(self._ranges(), key=lambda each: (each[0], -each[1])):
            scope = Scope(start, end, self.scope_at[start])
            self.scope_at[start : end + 1] = [scope] * (end + 1 - start)
        self._declare()
        self._refer()

    def is_name(self, at: int) -> bool:
        """Return whether the token may name a variable."""
        text = self.words[at]
        return (
            self.kinds[at] == "word"
            and not text[0].isdigit()
            and text[0] != "#"
            and (text not in KEYWORDS or text in CONTEXTUAL)
        )

    def classes(self) -> Iterator[tuple[int, int]]:
        """Yield where the bodies of classes begin and end."""
        return ((at, self.match[at]) for at, kind in self.braces.items() if kind == "class")

    # ------------------------------------------------------------ brackets

    def _pair(self) -> None:
        opened, is_class = [-1], False
        for at, (kind, text) in enumerate(zip(self.kinds, self.words, strict=False)):
            opens = text in OPENING if kind != "text" else text.endswith("${")
            if text in CLOSING if kind != "text" else text[0] == "}":
                self.match[at] = opened.pop()
                self.match[self.match[at]] = at
            self.inside.append(opened[-1])
            is_class |= text == "class" and self.words[at + 1] != ":" and self.words[at - 1] != "."
            if opens:
                opened.append(at)
            if text == "{" and kind != "text":
                self.braces[at] = "class" if is_class else self._kind_of_brace(at)
                is_class = False

    def _kind_of_brace(self, at: int) -> str:
        before = self.words[at - 1] if at else ";"
        if before in {"import", "export"}:
            return "names"
        is_block = before in BEFORE_A_BLOCK and self.kinds[at - 1] != "text" if at else True
        return "block" if is_block else "object"

    def _skip(self, at: int, ends: set[str], limit: int) -> int:
        """Return the first of the words after `at`, outside of brackets; or the limit."""
        while at < limit and self.words[at] not in ends:
            end = self.match.get(at, at)
            is_between = end > at and self.match[end] > end  # two values of a template
            at = end if is_between else max(at, end) + 1
        return at

    # ------------------------------------------------------------ scopes

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Yield where scopes begin and end."""
        for at, kind in self.braces.items():
            if kind == "block" and not self._is_body(at):
                yield at, self.match[at]
        for at, text in enumerate(self.words[:-3]):
            if self.kinds[at] == "text":
                continue
            if text == "(" and self._is_head(at):
                yield at, self._end_of_body(self.match[at] + 1)
            elif text == "(" and (self.words[at - 1] == "for" or self._is_catch(at)):
                yield at, self._end_of_statement(self.match[at] + 1)
            elif self.words[at + 1] == "=>" and self.is_name(at):
                yield at, self._end_of_body(at + 1)

    def _is_body(self, at: int) -> bool:
        """Return whether the block is that of a function: it can't declare its parameters again."""
        before = self.match.get(at - 1, at)
        has_names = self._is_head(before) or self._is_catch(before)
        return self.words[at - 1] == "=>" or (self.words[at - 1] == ")" and has_names)

    def _is_catch(self, at: int) -> bool:
        """Return whether these parentheses hold what a statement catches, not a method's call."""
        return self.words[at - 1] == "catch" and self.words[at - 2] != "."

    def _is_head(self, at: int) -> bool:
        """Return whether these parentheses hold the parameters of a function."""
        after = self.words[self.match[at] + 1]
        return after == "=>" or (after == "{" and self.words[at - 1] not in CONTROL)

    def _end_of_body(self, at: int) -> int:
        if self.words[at] == "=>":
            at += 1
        if self.words[at] == "{":
            return self.match[at]
        depth = 0  # of conditions: a colon may belong to one around the function
        while True:
            at = self._skip(at, {",", ";", "?", ":", *CLOSING}, len(self.kinds))
            text = self.words[at]
            if (text not in "?:") or (text == ":" and not depth) or at >= len(self.kinds):
                return at - 1
            depth += 1 if text == "?" else -1
            at += 1

    def _end_of_statement(self, at: int) -> int:
        if self.words[at] == "{":
            return self.match[at]
        if self.words[at] in {"if", "for", "while"}:
            end = self._end_of_statement(self.match[at + 1] + 1)
            is_else = self.words[end + 1] == "else"
            return self._end_of_statement(end + 2) if is_else else end
        return self._skip(at, {";", "}"}, len(self.kinds))

    # ------------------------------------------------------------ declarations

    def _declare(self) -> None:
        for at, text in enumerate(self.words[:-3]):
            if text == "(" and (self._is_head(at) or self._is_catch(at)):
                self._declare_all(at + 1, self.match[at])
            elif text == "{" and self.braces.get(at) == "names" and self.words[at - 1] == "import":
                for name in range(at + 1, self.match[at], 2):
                    self._bind(name, self.top)
            elif self.kinds[at] == "word" and not self._is_key(at):
                self._declare_after(at)

    def _declare_after(self, at: int) -> None:
        """Declare what a keyword declares, or the only parameter of a function."""
        text, after = self.words[at], self.words[at + 1]
        if text in {"const", "let"}:
            self._declare_all(at + 1, len(self.kinds))
        elif text in {"class", "function"}:
            name = at + 1 + (after == "*")
            if self.is_name(name):
                self._bind(name, self.scope_at[at])
        elif after == "=>" and self.is_name(at):
            self._bind(at, self.scope_at[at])

    def _declare_all(self, at: int, limit: int) -> None:
        """Declare what stands between commas, each maybe with a default."""
        while at < limit:
            at = self._target(at)
            at = self._skip(at, {",", ";", "of", "in", *CLOSING}, limit)
            if self.words[at] != ",":
                return
            at += 1

    def _target(self, at: int) -> int:
        """Declare a name, or the names in a pattern; return what comes after."""
        at += self.words[at] == "..."
        if self.words[at] not in {"{", "["}:
            if self.is_name(at):
                self._bind(at, self.scope_at[at])
            return at + 1
        place, end = at + 1, self.match[at]
        while place < end:
            is_keyed = self.words[at] == "{" and self.words[place + 1] == ":"
            place = self._target(place + 2 if is_keyed else place)
            place = self._skip(place, {","}, end) + 1
        return end + 1

    def _bind(self, at: int, scope: Scope) -> None:
        name = self.words[at]
        scope.variables.setdefault(name, Variable(name))

    # ------------------------------------------------------------ references

    def _refer(self) -> None:
        for at in range(len(self.kinds)):
            if not self.is_name(at) or self._is_key(at):
                continue
            name = self.words[at]
            passed = []
            for scope in self.scope_at[at].chain():
                passed.append(scope)
                if variable := scope.variables.get(name):
                    variable.places.append(at)
                    for each in passed:
                        each.used.add(variable)
                    break
            else:
                for each in passed:
                    each.foreign.add(name)

    def _is_key(self, at: int) -> bool:
        """Return whether the name is that of a property, and no variable besides."""
        before, after = self.words[at - 1], self.words[at + 1]
        if at and before in {".", "?."}:
            return True
        kind = self.braces.get(self.inside[at])
        first = at
        while kind in {"class", "object"} and self.words[first - 1] in MODIFIERS:
            first -= 1
        if kind == "class":
            return self.words[first - 1] in {"{", ";", "}"} and after in {"(", "=", ";", "}"}
        return kind == "object" and self.words[first - 1] in {"{", ","} and after in {":", "("}
