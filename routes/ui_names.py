"""Short names for the variables of a module: the same ones in many scopes, which packs well."""

import itertools
import string
from collections.abc import Iterator

from .ui_scopes import CONTEXTUAL, KEYWORDS, Module, Scope, Variable

LOCAL = string.ascii_lowercase
GLOBAL = string.ascii_uppercase


def short_names(module: Module) -> dict[int, str]:
    """Return what stands at each place of a variable instead of its name."""
    scopes = {id(scope): scope for scope in module.scope_at}.values()  # those around come first
    for scope in scopes:
        _give_names(scope, is_top=scope is module.top)
    variables = {variable for scope in scopes for variable in scope.used}
    return {at: _written(module, at, each) for each in variables for at in each.places}


def _give_names(scope: Scope, *, is_top: bool) -> None:
    mine = sorted(scope.variables.values(), key=lambda each: -len(each.places))
    for each in mine:
        if each.name in CONTEXTUAL:
            each.short = each.name
    taken = scope.foreign | {each.short for each in scope.used if each.short}
    names = (name for name in _names(is_top=is_top) if name not in taken)
    for each in mine:
        each.short = each.short or next(names)


def _written(module: Module, at: int, variable: Variable) -> str:
    """Return the short name, after the long one where an object or a list of names has it."""
    short, long = variable.short, variable.name
    around = module.inside[at]
    kind = module.braces.get(around)
    before, after = module.words[at - 1], module.words[at + 1]
    if short == long or before not in {"{", ","}:
        return short
    if kind == "names":
        is_import = module.words[around - 1] == "import"
        return f"{long} as {short}" if is_import else f"{short} as {long}"
    return f"{long}:{short}" if kind == "object" and after in {",", "}", "="} else short


def _names(*, is_top: bool) -> Iterator[str]:
    letters = GLOBAL + LOCAL if is_top else LOCAL + GLOBAL
    for size in itertools.count(1):
        for each in itertools.product(letters, repeat=size):
            if (name := "".join(each)) not in KEYWORDS:
                yield name
