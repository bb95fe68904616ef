"""Joined modules are made smaller by their tokens, and still mean the same."""

import pytest
from roomcast.routes.ui_minify import minify, short_internals, with_version


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("let x = 1; // why\n/* a\n b */ let y = x + +x;\n", "let A=1;let B=A+ +A;\n"),
        ("a = `x  //${ b ? `{ ${c} }` : {} } /*`;\n", "a=`x  //${b?`{ ${c} }`:{}} /*`;\n"),
        ("a = b / c / d;\nreturn /[/ ]\"/g .test(x);\n", 'a=b/c/d;return/[/ ]"/g.test(x);\n'),
        ("a()\n++b\n(c)\n", "a()\n++b\n(c)\n"),
        ("use([\n  1,\n  2,\n], (x) => 3);", "use([1,2],a=>3);\n"),
        ("class A {\n  #long = 1;\n  get() {\n    return this.#long;\n  }\n}\n",
         "class A{#a=1;get(){return this.#a}}\n"),
        ("class A {\n  #one = 1;\n}\nclass B {\n  #two = 2;\n}\n",
         "class A{#a=1}\nclass B{#a=2}\n"),
    ],
)  # fmt: skip
def test_comments_white_space_and_signs_go(source: str, expected: str) -> None:
    assert minify(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("const long = 1;\nuse(long);", "const A=1;use(A);\n"),
        ("const long = 1;\nuse({ long, x: long });", "const A=1;use({long:A,x:A});\n"),
        ("const long = 1;\nuse({ long: 2 }, it.long);", "const A=1;use({long:2},it.long);\n"),
        ("const long = 1;\nclass B {\n  long() {}\n}", "const A=1;class B{long(){}}\n"),
        ("const long = 1;\nclass C {\n  long = long;\n}", "const A=1;class B{long=A}\n"),
        ("f((long, ...rest) => `${long}${rest}`);", "f((a,...b)=>`${a}${b}`);\n"),
        ("f(({ long, other: o = long }) => o);", "f(({long:a,other:b=a})=>b);\n"),
        ("f(x ? (long) => long ?? 1 : y, long);", "f(x?a=>a??1:y,long);\n"),
        ("for (const x of all) use(x);\nuse(x);", "for(const a of all)use(a);use(x);\n"),
        ("function f(long) {\n  if (long) {\n    const x = 1;\n    use(x, long);\n  }\n}",
         "function A(a){if(a){const b=1;use(b,a)}}\n"),
        ("function f(x) {\n  const y = x;\n  return y;\n}", "function A(a){const b=a;return b}\n"),
        ("try {\n  f();\n} catch (long) {\n  use(long);\n}", "try{f()}catch(a){use(a)}\n"),
        ("const long = 1;\nf.catch(long);", "const A=1;f.catch(A);\n"),
        ("f((a) => b);\nconst c = 1;\ng(c);", "f(a=>b);const A=1;g(A);\n"),
        ("f((x) => a(x));", "f(b=>a(b));\n"),
        ('import { h } from "./views.js";\nconst x = h;\nexport { x };',
         'import{h as A}from"./views.js";const B=A;export{B as x};\n'),
    ],
)  # fmt: skip
def test_variables_get_short_names_and_properties_keep_theirs(source: str, expected: str) -> None:
    assert minify(source) == expected


def test_internal_properties_are_called_the_same_in_all_files() -> None:
    internals = short_internals(["this._open()", "chat._name, chat._open, wire.user_id"])
    assert internals == {"_name": "_a", "_open": "_b"}
    assert minify("chat._open(wire.user_id);", internals) == "chat._b(wire.user_id);\n"


def test_what_is_loaded_later_is_of_the_same_version() -> None:
    loaded = 'import("./lazy-a.js");import("./views.js")'
    assert with_version(loaded, "1f") == 'import("./lazy-a.js?1f");import("./views.js")'
