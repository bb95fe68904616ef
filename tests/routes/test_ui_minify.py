"""Joined modules are made smaller by their tokens, and still mean the same."""

import pytest
from roomcast.routes.ui_minify import minify, short_internals, with_version


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("let x = 1; // why\n/* a\n b */ let y = x + +x;\n", "let x=1;let y=x+ +x;\n"),
        ("a = `x  //${ b ? `{ ${c} }` : {} } /*`;\n", "a=`x  //${b?`{ ${c} }`:{}} /*`;\n"),
        ("a = b / c / d;\nreturn /[/ ]\"/g .test(x);\n", 'a=b/c/d;return/[/ ]"/g.test(x);\n'),
        ("a()\n++b\n(c)\n", "a()\n++b\n(c)\n"),
        ("class A {\n  #long = 1;\n  get() {\n    return this.#long;\n  }\n}\n",
         "class A{#a=1;get(){return this.#a;}}\n"),
    ],
)  # fmt: skip
def test_comments_and_white_space_go(source: str, expected: str) -> None:
    assert minify(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("const long = 1;\nuse(long);", "const a=1;use(a);\n"),
        ("const long = 1;\nuse({ long });", "const long=1;use({long});\n"),
        ("const long = 1;\nuse({ long: 2 }, it.long);", "const long=1;use({long:2},it.long);\n"),
        ("const long = 1;\nclass B {\n  long() {}\n}", "const long=1;class B{long(){}}\n"),
        ("const long = 1;\nclass B {\n  long = long;\n}", "const long=1;class B{long=long;}\n"),
        ("const status = 1;\nuse(status);", "const status=1;use(status);\n"),
        ("const a = (long, ...rest) => `${long}${rest}`;", "const a=(b,...c)=>`${b}${c}`;\n"),
        ("const long = x ? long : 2;", "const a=x?a:2;\n"),
    ],
)
def test_a_variable_is_renamed_unless_a_property_is_called_so(source: str, expected: str) -> None:
    assert minify(source) == expected


def test_internal_properties_are_called_the_same_in_all_files() -> None:
    internals = short_internals(["this._open()", "chat._name, chat._open, wire.user_id"])
    assert internals == {"_name": "_a", "_open": "_b"}
    assert minify("chat._open(wire.user_id);", internals) == "chat._b(wire.user_id);\n"


def test_what_is_loaded_later_is_of_the_same_version() -> None:
    loaded = 'import("./lazy-a.js");import("./views.js")'
    assert with_version(loaded, "1f") == 'import("./lazy-a.js?1f");import("./views.js")'
