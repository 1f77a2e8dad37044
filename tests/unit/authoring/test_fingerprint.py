from __future__ import annotations

import functools
import linecache
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether_nb.authoring.fingerprint import combined, fingerprint, source_of, tree_of

_n = iter(range(10_000))


def defined(text, name="f"):
    """The function, as a notebook defines it: with source under a made-up file name."""
    text = textwrap.dedent(text)
    file = f"<cell {next(_n)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return sourceless(text, name, file)


def sourceless(text, name="f", file="<nowhere>"):
    space = {"deco": lambda f: f, "functools": functools}
    exec(compile(textwrap.dedent(text), file, "exec"), space)
    return space[name]


PLAIN = "def f(a, b=1):\n    return a + b\n"


def test_comments_formatting_docstrings_and_decorators_do_not_count():
    dressed = """
        @deco
        # a word
        def f(a,
              b = 1):
            '''What it does.'''
            return (a +
                    b)  # the sum
    """
    assert fingerprint(defined(PLAIN)) == fingerprint(defined(dressed))


def test_code_defaults_and_constants_of_another_type_do_count():
    prints = {
        fingerprint(defined(PLAIN.replace(*edit)))
        for edit in [("+", "-"), ("1", "2"), ("1", "True"), ("1", "'1'")]
    }
    assert len(prints | {fingerprint(defined(PLAIN))}) == 5


def test_inner_decorators_and_async_count():
    inner = "def f():\n    {}\n    def g(): return 1\n    return g\n"
    assert fingerprint(defined(inner.format("@deco"))) != fingerprint(defined(inner.format("")))
    assert fingerprint(defined("async " + PLAIN)) != fingerprint(defined(PLAIN))


def test_without_source_the_compiled_code_is_compared():
    one, same = sourceless(PLAIN), sourceless("\n\n" + PLAIN)
    assert fingerprint(one).startswith("py3.")
    assert fingerprint(one) == fingerprint(same) != fingerprint(sourceless(PLAIN.replace("+", "-")))


def test_without_source_a_set_of_constants_has_no_order():
    text = "def f(a):\n    return a in {{'{}', '{}', 'c'}}\n"
    assert fingerprint(sourceless(text.format("a", "b"))) == fingerprint(sourceless(text.format("b", "a")))


def test_what_has_no_code_is_unknown():
    for odd in (print, 3, None, functools.partial(print)):
        assert fingerprint(odd) == ""
        assert source_of(odd) == ""


def test_source_begins_at_the_def():
    text = "@deco\nasync def f(x):\n    # why\n    return x\n"
    assert source_of(defined(text)) == text.removeprefix("@deco\n")
    assert source_of(sourceless(text)) == ""


def test_line_numbers_are_those_of_the_cell():
    assert tree_of(defined("\n\n@deco\ndef f(x):\n    return x\n")).body[0].lineno == 5


def test_wrappers_and_callable_objects_have_the_code_inside():
    f = defined(PLAIN)
    wrapped = functools.wraps(f)(lambda a: [f(a)])
    assert fingerprint(wrapped) == fingerprint(functools.partial(f, 1)) == fingerprint(f)

    class Adder:
        def __call__(self, a):
            return a

    assert fingerprint(Adder())


@given(st.text(max_size=200))
def test_nothing_in_a_cell_makes_it_raise(text):
    f = sourceless(PLAIN, file=f"<odd {next(_n)}>")
    linecache.cache[f.__code__.co_filename] = (len(text), None, text.splitlines(keepends=True), "odd")
    fingerprint(f)
    source_of(f)


KEPT = {
    "plain": (PLAIN, "ca2a6f4ed6f123a1d9c7aea5244489fb"),
    "empty fields": (
        "def f():\n    class A: pass\n    return f(), {}, [], A\n",
        "ac89fbffbb3b8d7199f0ff49a4a2fdbe",
    ),
    "a format with braces": (
        "def f(x, w, p):\n    return f'a{x:{w}.{p}}b{x!r:>{w}}{x:}{x = :{w}}'\n",
        "73bb993c53871d6e1b24ff7b0342fcb9",
    ),
    "texts side by side": (
        "def f(x):\n    return '' f'{x}' 'a' f'b{x}' ''\n",
        "4344453c885b3aa75c63e94e8b10d11f",
    ),
    "a character of Unicode 15": (
        "def f():\n    return '\U0001fae8 é', b'\\xff', u'a'\n",
        "39338b68d9c9db9892828873888d25fd",
    ),
    "documented inside": (
        "def f():\n    def g():\n        '''Doc.\n\n        More.'''\n    return g\n",
        "6e9b5e70eef81069d06c5d462d474f4d",
    ),
    "statements": (
        (
            "async def f(a, /, *b: int, c: list[int] = None, **d) -> None:\n"
            "    async with a as x, b:\n        y = [i async for i in x if (z := i) is not ...]\n"
            "    match y:\n        case [1, *_] | {'a': -1j}: raise A from None\n"
            "    try: global G\n    except* B as e: del e\n    else: return lambda: y[1:, 1e22]\n"
        ),
        "36223ceed6c95dfcbdd8701b8ff69ada",
    ),
}
"""Sources with the fingerprints that runs have kept of them."""


@pytest.mark.parametrize(("text", "kept"), KEPT.values(), ids=KEPT)
def test_a_source_has_the_same_fingerprint_on_every_python(text, kept):
    assert fingerprint(defined(text)) == kept


def test_several_make_one_and_one_unknown_makes_it_unknown():
    assert combined({"a": "1", "b": "2"}) == combined({"b": "2", "a": "1"}) != combined({"a": "2", "b": "1"})
    assert combined({"a": "1", "b": ""}) == combined({}) == ""
