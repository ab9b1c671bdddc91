#!/usr/bin/env python3
"""Writes tests/data/jinja/cases.json: small templates with what Python's Jinja2 renders.

The environment is that of Hugging Face chat templates. A case is [template, input] and gets
"expected" (the text) or "fails": true (any exception). Needs the Python package jinja2 (3.1).
Usage: tools/make_jinja_cases.py [--out tests/data/jinja/cases.json]
"""
import argparse
import datetime
import json
import pathlib
import random
import re

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2026, 1, 15, 12, 34, 56)
PEOPLE = {"people": [{"name": "bob", "age": 31, "tags": ["x", "y"]},
                     {"name": "Alice", "age": 25, "tags": []},
                     {"name": "carol", "age": 31, "tags": ["z"]},
                     {"name": "Dave", "age": None}]}
TEXT = {"s": "  Hello, World  ", "u": "Größe straße 你好 🙂 Ǆ", "e": "", "n": None, "i": 7, "f": 2.5,
        "t": True, "l": [3, 1, 2], "d": {"b": 1, "a": 2, "C": 3}, "m": "a\nb\r\nc\n", "w": "a b  c"}


class Generation(jinja2.ext.Extension):
    """{% generation %}: a scope of its own that prints its body."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_body")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols, jinja2.ext.do])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def expressions(*sources, **variables):
    return [["{{ " + source + " }}", variables] for source in sources]


def templates(*sources, **variables):
    return [[source, variables] for source in sources]


WHITESPACE = templates(
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}  \n  b\n  {% endif %}\nc",
    "a {%- if true %} b {%- endif %} c", "a {% if true -%} b {% endif -%} c",
    "a\n\n {%- if true -%}\n\n b \n{%- endif -%}\n c", "a\n  {%+ if true %}b{% endif %}",
    "a{% if true +%}\nb{% endif %}", "{# c #}\na", "  {# c #}  \na", "a {#- c -#} b", "a\n{# c +#}\nb",
    "{{- 'a' -}}  b", "a  {{- ' b' }}", "a {{+ 1 }}", "{{-1}}", "x {{ 'a' }}\n\ny\n", "a\n\n", "a\r\nb\rc\n",
    "{% raw %}{{ x }} {% if %}{% endraw %}", "a\n  {% raw %}\n b {% endraw %}\nc",
    "a  {%- raw -%}  {{ }}  {%- endraw -%}  b", "{%raw%}a{%endraw%}", "  {% set x = 1 %}\n  y",
    "\t{% set x = 1 %}\ty", "{% set x = 1 %}  {% set y = 2 %}\nz", "{{ 1 }}  {% set y = 2 %}\nz",
    "x{#-#}  y", "{% if true %}  {% endif %}", "a \u00a0{%- if 1 %}b{% endif %}", "{{ '}}' }}{{ '%}' }}",
    "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}}}", "{##}", "{# {{ x }} {% if %} #}y", "a{", "{ {", "a{b}c %} }} #}",
    "{%- set a = 1 -%}\n\n  x", "  {%- set a = 1 %}\n  x", "{{ 'x' -}}\n {%- if true %} y{% endif %}")

LITERALS = expressions(
    "1", "1.0", "1e3", "1.5e-7", "1e16", "123456789012345678", "1_000", "0x1F", "0b101", "0o17", "00", "1e400",
    "'a'", '"a"', "'a' 'b'", r"'\n\t\\\'\x41\u00e9\U0001F642\101\q'", "'\\\nx'", "'é'", "[]", "[1,]", "[1, 'a', none]", "()", "(1,)",
    "(1, 2)", "1, 2", "{}", "{'a': 1, 2: 'b', none: [1]}", "true", "True", "none", "None", "false", "[true, None]",
    "['it\\'s', 'say \"x\"', 'both \\' \"']", "['\\n', '\\x00', '\\x7f', '\\u200b', 'é', '🙂']", "[1.0, 1e22, 1e-5, 0.1, 100000.0]",
    "{'a': 1, 'a': 2}", "{1: 'a', 1.0: 'b', true: 'c'}", "(((1)))", "[[], {}, ()]", "0.1 + 0.2", "1e15", "1e15 * 10", "-0.0",
    "1.", ".5", "1.e3", "'a", "007", "1__0", "'\\N{DASH}'", "'\\x4'", "'\\u12'")

OPERATORS = expressions(
    "1 + 2 * 3", "(1 + 2) * 3", "7 // 2", "-7 // 2", "7 // -2", "7 % 3", "-7 % 3", "7 % -3", "7.5 // 2", "-7.5 // 2", "-7.5 % 2", "7.5 % -2",
    "7 / 2", "6 / 2", "2 ** 10", "2 ** -1", "2 ** 3 ** 2", "-2 ** 2", "2 ** 0.5", "0 ** 0", "1 / 0", "1 % 0", "1 // 0", "1.0 / 0",
    "0.0 ** -1", "-1 + 2", "- 1", "+1", "- - 1", "not true", "not not 1", "true + true", "true * 3", "-true", "'a' + 'b'", "'a' * 3", "3 * 'a'", "'a' * -1",
    "[1] + [2]", "[1] * 2", "(1,) + (2,)", "(1,) * 2", "'a' + 1", "1 + 'a'", "[1] + (2,)", "none + 1", "'a' - 'b'", "'a' ~ 1 ~ none ~ true ~ 1.5", "1 ~ 2 * 3",
    "1 + 2 ~ 3", "1 - 2 - 3", "2 * 3 % 4", "8 / 2 / 2", "1 < 2", "1 < 2 < 3", "3 > 2 > 2", "1 == 1.0", "1 == true", "'a' < 'b'", "'a' < 'B'", "[1, 2] < [1, 3]",
    "[1] < [1, 0]", "(1, 2) == (1, 2)", "[1] == (1,)", "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "1 < 'a'", "none < 1", "none == none", "1 != 2", "1 in [1, 2]",
    "3 not in [1, 2]", "'a' in 'cat'", "'' in 'cat'", "'a' in {'a': 1}", "1 in 'a'", "1 in 5", "[1] in [[1]]", "[] in {'a': 1}", "1 and 2", "0 and 2", "0 or 'x'", "'' or none or 5",
    "1 if true else 2", "1 if false else 2", "1 if false", "(1 if false) is defined", "1 if 0 else 2 if 0 else 3", "1 or 2 if 0 else 4", "not 1 == 2", "1 == 1 == 1", "1 < 3 > 2",
    "not 1 in [1]", "-1 | abs", "-'a'", "+'a'", "2 + 3 | string", "(2 + 3) | string", "'%s and %d' % ('a', 3)", "'%5.2f|%-5s|%05d|%x|%X|%o|%e|%g' % (3.14159, 'ab', 42, 255, 255, 8, 12345.678, 0.0001)",
    "'%s' % 5", "'%s' % [1, 2]", "'%s' % none", "'%(a)s-%(b)d' % {'a': 1, 'b': 2}", "'%d%%' % 50", "'%s %s' % ('a',)", "'%s' % ('a', 'b')", "'%d' % 'a'", "'%c%c' % ('a', 66)", "'%r' % 'a'",
    "'%+d % d' % (5, 5)", "'%10s|' % 'é'", "'%.2s' % 'héllo'", "'%*d' % (5, 42)", "'%#x %#o' % (255, 8)", "'%i %u' % (1, 2)", "'%d' % 3.99", "'%' % ()", "'%z' % 1", "'%.3d' % 5",
    "9223372036854775807 == 9223372036854775807.0", "9007199254740993 > 9007199254740992.0", "10 ** 18", "1e308 * 10", "1e308 * 10 - 1e308 * 10", "nan", "7 // 0.5", "0.3 // 0.1", "5 % 0.3", "3 * [none]",
    "[1, 2] == [1, 2.0]", "'a' == 1", "not none", "(1 < 2) == true", "1 is odd and 2 is even", "x.y", "x == y", "x is undefined and y is undefined", "x ~ 'a'", "x + 1", "x < 1", "x in [1]", "1 in x", "[x]", "not x", "x == none")

INDEXING = expressions(
    "l[0]", "l[-1]", "l[5]", "l[5] is defined", "l.0", "l[1:]", "l[:-1]", "l[::-1]", "l[::2]", "l[5:1]", "l[-2:]", "l[1:2][0]", "s[2]", "s[-3]", "s[2:7]", "s[::-1]", "s[99]", "u[1]", "u[0:3]", "u[-1]", "u[::2]",
    "u[5:]", "u | length", "d.a", "d['a']", "d['zz']", "d['zz'] is defined", "d.zz.y", "d[0]", "d.items()", "d.keys()", "d.values()", "d['items']", "d.get('a')", "d.get('q')", "d.get('q', 5)", "l['a']",
    "i.x", "i[0]", "n.x", "n[0]", "l[none]", "l[true]", "l[1.0]", "l['0']", "l[::0]", "d[1:2]", "(1, 2, 3)[1:]", "range(5)", "range(2, 8, 3)[1]", "range(10)[2:5]", "range(10)[::-1]", "range(10)[::3]", "range(3) | list",
    "range(5, 0, -2) | list", "range(0)", "range(1, 2, 0)", "range('a')", "range(100001)", "range(1.5)", "s.upper", "d.__class__", "l.append", "l.append(1)", "d.pop('a')", "d.update({})", "'a'['upper']()", "d.items() | list", "d.items()[0]",
    "(d.keys() | list)[0]", "'abc'[1:3:1]", "s[:]", "s[100:]", "s[-100:3]", "l[0:2, 1]", "l[:]", "d | length", "d.keys() | length", "{'items': 5}.items", "{'items': 5}['items']", "d.items().x", "''[0]", "l[-4]", "u[4:2:-1]", "l.count(1)", "l.index(2)", "l.index(9)", "(1, 1).count(1)",
    **TEXT)

METHODS = expressions(
    "s.strip()", "s.lstrip()", "s.rstrip()", "'xxaxx'.strip('x')", "'abcba'.strip('ab')", "'[a]'.strip('[]')", "s.upper()", "s.lower()", "u.upper()", "u.lower()", "u.title()", "'hello wORLD'.capitalize()", "'they\\'re bill\\'s'.title()",
    "'Abc'.swapcase()", "'ß'.upper()", "'ŉ'.upper()", "'ﬁx'.capitalize()", "'İ'.lower()", "'ǆ'.title()", "'a,b,,c'.split(',')", "'a,b,,c'.split(',', 1)", "'a,b,,c'.rsplit(',', 1)", "w.split()", "w.split(none, 1)", "w.rsplit(none, 1)", "' a b '.split(' ')", "'a b c'.split(maxsplit=1)",
    "''.split()", "''.split(',')", "'a'.split('')", "' a  b '.split(none, 1)", "' a  b '.rsplit(none, 1)", "m.splitlines()", "m.splitlines(true)", "'a\\x0bb\\x85c\\u2028d'.splitlines()", "s.startswith('  H')", "s.endswith(('x', '  '))", "s.startswith('H', 2)", "s.endswith('World', 0, 14)", "s.startswith(1)",
    "'aXbX'.replace('X', '-')", "'aXbX'.replace('X', '-', 1)", "'abc'.replace('', '-')", "'abc'.replace('', '-', 2)", "'éé'.replace('', '.')", "'abc'.find('c')", "'abc'.find('z')", "u.find('你')", "'abcabc'.rfind('b')", "'abc'.index('z')", "'abcabc'.find('a', 1)", "'abc'.find('', 9)", "'abc'.find('', 3)", "'abcabc'.count('bc')", "'aaa'.count('aa')", "'aaa'.count('')",
    "', '.join(['a', 'b'])", "''.join([])", "'-'.join('abc')", "','.join([1])", "'-'.join({'a': 1, 'b': 2})", "'12'.isdigit()", "'1a'.isdigit()", "''.isdigit()", "'²'.isdigit()", "'½'.isnumeric()", "'ab'.isalpha()", "'é你'.isalpha()", "'a1'.isalnum()", "' \\n'.isspace()", "'Ab'.islower()", "'AB1'.isupper()", "'Ab Cd'.istitle()", "'a\\x80'.isascii()",
    "'{} {}'.format(1, 'a')", "'{0} {1} {0}'.format(1, 2)", "'{a} {b.name}'.format(a=1, b={'name': 'x'})", "'{a[0]}'.format(a=[5])", "'{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd')", "'{:05d} {:+d} {:,} {:x} {:#b}'.format(42, 5, 1234567, 255, 5)", "'{:.2f} {:e} {:g} {:%}'.format(3.14159, 12345.6, 0.00001, 0.25)",
    "'{{}} {!r}'.format('a')", "'{:{w}}|'.format('a', w=5)", "'{}'.format()", "'{:d}'.format('a')", "'{:.3}'.format('héllo')", "'{:5}|{:5}'.format(1, true)", "'{'.format(1)", "'{:_}'.format(12345678)", "'{:.3}'.format(3.14159)", "'{:10.3f}|{:<10.3f}|{:=+10.2f}'.format(1.5, 1.5, 1.5)",
    "'abc'.removeprefix('ab')", "'abc'.removesuffix('bc')", "'42'.zfill(5)", "'-42'.zfill(5)", "'abc'.center(8)", "'abc'.center(8, '*')", "'abcd'.center(7, '*')", "'abc'.ljust(5, '.')", "'abc'.rjust(5)", "'a\\tb'.expandtabs(4)", "'a=b=c'.partition('=')", "'a=b=c'.rpartition('=')", "'abc'.partition('=')", "'abc'.casefold()",
    "'%s'.format(1)", "s.nope()", "s.nope", "i.bit_length()", "f.is_integer()", "d.copy()", "l.copy()", "l.sort()", "n.strip()", "'a' .upper()", "'a'.upper().lower().upper()", "u.split('ß')", "'x'.join(l | map('string'))", "'{a}'.format_map({'a': 1})", "'ÀÉ'.lower()", "'σς'.upper()", "'Straße'.casefold()", **TEXT)

FILTERS = expressions(
    "-5 | abs", "-5.5 | abs", "'a' | abs", "d | attr('a')", "d | attr('items')", "s | attr('upper')", "l | batch(2) | list", "l | batch(2, 'x') | list", "'hello world' | capitalize", "'a' | center(5)", "'abc' | center(6) ~ '|'", "x | default('q')", "e | default('q')", "e | default('q', true)", "n | d('q')", "n | d('q', boolean=true)", "x | default",
    "d | dictsort", "d | dictsort(true)", "d | dictsort(by='value')", "d | dictsort(reverse=true)", "d | dictsort(false, 'value', true)", "d | dictsort(by='x')", "'<a href=\"x\">&\\'' | escape", "'<' | e | e", "'<' | e ~ '<'", "('<' | e) + '<'", "'<' + ('<' | e)", "('<b>' | safe) + '<'", "('<b>%s' | safe) % '<'", "('<' | e).upper()", "('-' | safe).join(['<', '>'])", "['<', '>' | safe] | join('-')", "('<a>' | safe).replace('a', '<')", "[('<' | e)]",
    "l | first", "[] | first", "s | first", "d | first", "l | last", "[] | last", "s | last", "d | last", "'3.7' | float", "'x' | float", "'x' | float(1.5)", "n | float", "'1e3' | float", "'inf' | float", "' 1_0 ' | float", "'%s-%s' | format(1, 2)", "'%(a)s' | format(a=5)", "'a%s' | format", "'<' | forceescape", "10 | filesizeformat", "1 | filesizeformat", "1500 | filesizeformat", "1500000 | filesizeformat(true)", "1e30 | filesizeformat",
    "'a\\nb\\n\\nc' | indent", "'a\\nb\\n\\nc' | indent(2, true)", "'a\\nb\\n\\nc' | indent(2, blank=true)", "'a\\nb' | indent('>>')", "'a\\nb\\n' | indent(2)", "'' | indent", "5 | indent", "'42' | int", "'42.9' | int", "'x' | int", "'x' | int(7)", "'0x1f' | int(base=16)", "'0x1f' | int(0, 0)", "'101' | int(0, 2)", "3.99 | int", "-3.99 | int", "n | int", "true | int", "' 12 ' | int", "'1_000' | int", "'1__0' | int", "'-5' | int", "'+5' | int", "'--5' | int",
    "d | items | list", "x | items | list", "l | items | list", "l | join", "l | join('-')", "l | join(1)", "'abc' | join('.')", "[none, true, 1.5] | join(',')", "d | join(',')", "n | join", "x | join", "l | length", "d | count", "s | length", "n | length", "x | length", "i | length", "'abc' | list", "d | list", "(1, 2) | list", "u | upper", "u | lower", "5 | upper", "l | map('string') | list", "['a', 'b'] | map('upper') | join",
    "['1', '2'] | map('int') | sum", "[' a '] | map('trim') | list", "l | map('nope') | list", "l | map | list", "['a'] | map('replace', 'a', 'b') | list", "l | max", "l | min", "['b', 'A', 'c'] | max", "['b', 'A', 'c'] | min", "['b', 'A'] | min(case_sensitive=true)", "[] | max", "[1, 'a'] | max", "l | reject('odd') | list", "l | select('odd') | list", "[0, 1, '', 'a', none] | select | list", "[0, 1, ''] | reject | list", "l | select('greaterthan', 1) | list", "l | select('nope') | list", "l | select('divisibleby', 3) | list", "l | select('in', [1, 2]) | list",
    "'aaa' | replace('a', 'b')", "'aaa' | replace('a', 'b', 2)", "121 | replace(1, 3)", "l | reverse | list", "s | reverse", "u | reverse", "d | reverse | list", "2.5 | round", "3.5 | round", "2.567 | round(2)", "2.5 | round(method='floor')", "2.1 | round(method='ceil')", "2.675 | round(2)", "42 | round", "1234.5 | round(-2)", "1250 | round(-2)", "42.55 | round(1, 'floor')", "5 | round(1, 'ceil')", "'a' | round", "2.5 | round(1, 'x')",
    "range(7) | slice(3) | list", "range(7) | slice(3, 'x') | list", "l | slice(0) | list", "l | sort", "l | sort(reverse=true)", "['b', 'A', 'c'] | sort", "['b', 'A', 'c'] | sort(case_sensitive=true)", "['b', 'a', 'B', 'A'] | sort(true)", "[1, 'a'] | sort", "[[2, 1], [1, 2]] | sort", "5 | string", "n | string", "x | string", "1.50 | string", "'<p>a <b>b</b>  c</p><!-- x -->&amp;' | striptags", "l | sum", "[1.5, 2] | sum", "[] | sum", "[] | sum(start=5)", "['a'] | sum", "[[1], [2]] | sum(start=[])", "'hello wORLD-foo (bar' | title", "'they\\'re' | title", "u | title",
    "s | trim", "'xxaxx' | trim('x')", "5 | trim", "'foo bar baz qux' | truncate(9)", "'foo bar baz qux' | truncate(9, true)", "'foo bar baz qux' | truncate(11)", "'foo bar baz qux' | truncate(11, false, '...', 0)", "'foo bar baz' | truncate(2)", "u | truncate(6, true, '…', 0)", "[1, 1, 2, 1] | unique | list", "['a', 'A', 'b'] | unique | list", "['a', 'A'] | unique(true) | list", "[[1], [1]] | unique | list", "'a b/c?d=é&' | urlencode", "{'a b': 'c/d', 'e': 1} | urlencode", "[['a', 1]] | urlencode", "5 | urlencode", "'foo bar, baz_1 é' | wordcount", "{'class': 'a b', 'id': none, 'x': '<'} | xmlattr", "{'a b': 1} | xmlattr",
    "l | nope", "x | nope if false else 1", "s | upper | lower | trim", "l | join(', ') | upper", "s | trim('x', 'y')", "s | upper(1)", "l | join(nope=1)", "s | replace('a')", "l | select('odd') is sequence", "l | select('odd') is iterable", "l | select('odd') | length", "(l | map('string'))[0] is defined", "l | select('odd') | first", "1 if l | select('nothing' if false else 'odd') else 2", "1 if [] | map('upper') else 2", "l | map(attribute='x') | list", "[l] | map('map', 'string') | map('list') | list", "l | sort | reverse | first", "(l | sort)[0]", "' a ' | trim == 'a'", "d | tojson", "-2.5 | round | int", "'a\\u2028b' | indent", "1e17 | int", "'9' | int + 1", "l | sum + 1", **TEXT)

ATTRIBUTES = expressions(
    "people | map(attribute='name') | join(', ')", "people | map(attribute='tags.0') | list", "people | map(attribute='tags', default='none') | list", "people | map(attribute='zz', default='q') | list", "people | selectattr('age') | map(attribute='name') | list", "people | selectattr('age', 'equalto', 31) | list | length", "people | selectattr('age', '==', 31) | map(attribute='name') | list", "people | rejectattr('age', 'none') | map(attribute='age') | list", "people | selectattr('tags', 'defined') | list | length", "people | rejectattr('tags') | map(attribute='name') | list",
    "people | sort(attribute='name') | map(attribute='name') | list", "people[:3] | sort(attribute='age,name', reverse=true) | map(attribute='name') | list", "people | sort(attribute='age')", "people[:3] | groupby('age')", "people[:3] | groupby('age') | map(attribute='grouper') | list", "people[:3] | groupby('age') | map('list') | list | length", "people | groupby('tags.0', default='-') | map('first') | list", "people[:3] | sum(attribute='age')", "people[:3] | max(attribute='age')", "people | min(attribute='name') | tojson", "people | map(attribute='name') | map('lower') | sort | join", "people | unique(attribute='age') | map(attribute='name') | list", "people | join('; ', attribute='name')", "people | join(attribute='age')", "people | map(attribute='name', nope=1) | list", "people | selectattr | list", "people | map(attribute=0) | list", **PEOPLE)
ATTRIBUTES += templates("{% for age, group in people[:3] | groupby('age') %}{{ age }}={{ group | map(attribute='name') | join('+') }};{% endfor %}",
                        "{% for g in people[:3] | groupby('name') %}{{ g.grouper }}:{{ g.list | length }} {% endfor %}", **PEOPLE)

TESTS = expressions(
    *("%s is %s" % (value, test) for value in ("x", "n", "t", "i", "f", "s", "l", "d", "e", "(1,)", "range(2)", "d.items()", "d.keys()", "s.upper", "namespace()") for test in (
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence", "iterable", "callable", "escaped")),
    "3 is odd", "3 is even", "9 is divisibleby 3", "9 is divisibleby(4)", "1 is eq 1", "1 is equalto(1.0)", "1 is ne 2", "1 is lt 2", "2 is gt 1", "2 is ge 2", "2 is le 1", "1 is in [1]", "'a' is in 'abc'", "1 is not in [1]", "'a' is lower", "'A' is upper", "'1' is upper", "n is sameas none", "l is sameas l", "l is sameas [3, 1, 2]", "'upper' is filter", "'nope' is filter", "'odd' is test",
    "not 1 is odd", "1 is not odd", "1 is odd is true", "1 is nope", "'a' is odd", "x is odd", "1 is sameas 1", "1 is sameas true", "1 is string or 2 is integer", "s is string and s", "1 is not none", "i is defined and i > 3", "'a' is eq 'a' == true", "('<' | e) is escaped", "l is eq [3, 1, 2]", "1 is number is defined", **TEXT)

JSON = expressions(
    "d | tojson", "l | tojson", "u | tojson", "n | tojson", "t | tojson", "f | tojson", "1e22 | tojson", "'\"\\\\\\n\\t\\x01\\x7f/' | tojson", "u | tojson(ensure_ascii=true)", "d | tojson(indent=2)", "{'a': [1, {'b': []}], 'c': {}} | tojson(indent=4)", "l | tojson(indent=0)", "l | tojson(indent='--')", "d | tojson(separators=(',', ':'))", "d | tojson(sort_keys=true)", "d | tojson(indent=2, separators=(', ', ' = '))", "(1, 2) | tojson", "{1: 2, none: 3, true: 4, 1.5: 5} | tojson", "{(1, 2): 3} | tojson", "x | tojson", "[x] | tojson", "range(3) | tojson", "d.items() | tojson", "d.keys() | list | tojson", "'<b>' | tojson", "('<b>' | safe) | tojson", "1e400 | tojson", "[0.1, 1.0, -0.0] | tojson", "l | tojson | length", "l | map('string') | tojson", "{'a': {'b': {'c': [1, [2, [3]]]}}} | tojson", "'a\\u2028b🙂' | tojson(true)", "namespace() | tojson", **TEXT)

STATEMENTS = templates(
    "{% for x in [1, 2, 3] %}{{ x }}{% endfor %}", "{% for x in [] %}a{% else %}b{% endfor %}", "{% for x in [1, 2, 3] if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}", "{% for x in [1] if x > 1 %}a{% else %}b{% endfor %}", "{% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }};{% endfor %}", "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a + b + c }}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for c in 'héy' %}{{ c }}.{% endfor %}", "{% for x in none %}{% endfor %}", "{% for x in nope %}a{% else %}b{% endfor %}", "{% for x in 5 %}{% endfor %}",
    "{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}", "{% for x in 'abc' %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in 'ab' %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}", "{% for x in range(5) %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in [1] %}{{ loop }}{% endfor %}", "{% for x in [1] %}{{ loop.nope is defined }}{{ loop.nope }}{% endfor %}", "{{ loop is defined }}", "{% for x in [1] %}{{ loop.cycle() }}{% endfor %}",
    "{% for x in [1, 2, 3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% else %}e{% endfor %}", "{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}", "{% break %}", "{% for x in [1, 2] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in [1, 2] %}{% for y in [3] %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for n in t recursive %}{{ n.v }}{{ loop.depth }}{% if n.c %}[{{ loop(n.c) }}]{% endif %}{% endfor %}", "{% for x in [1] %}{{ loop([2]) }}{% endfor %}", "{% for x in [3, 1] | sort %}{{ x }}{% endfor %}", "{% for x in [1, 2] if loop is defined %}{{ x }}{% endfor %}", "{% for x in [1, 2, 3, 4] if x is odd recursive %}{{ x }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in ([1, 2] if true else []) %}{{ x }}{% endfor %}",
    "{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}", "{% if 0 %}a{% elif 2 %}b{% else %}c{% endif %}", "{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}", "{% if x %}a{% endif %}", "{% if x is defined and x.y %}a{% else %}b{% endif %}", "{% if [] or {} or '' or 0 or 0.0 or none %}a{% else %}b{% endif %}", "{% if nope|nope %}a{% endif %}", "{% if false %}{{ 1|nope }}{% endif %}ok",
    "{% set a = 1 %}{{ a }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1] %}", "{% set a %}x{{ 1 + 1 }}y{% endset %}{{ a }}", "{% set a | upper | trim %} x {% endset %}[{{ a }}]", "{% set a = 1 %}{% for i in [1, 2] %}{{ a }}{% set a = a + 1 %}{{ a }} {% endfor %}{{ a }}", "{% set a = 1 %}{% if true %}{% set a = 2 %}{% endif %}{{ a }}", "{% set ns = namespace(a=1) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}", "{% set ns = namespace() %}{% set ns.x, ns.y = 1, 2 %}{{ ns.x }}{{ ns.y }}{{ ns.z }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns['b'] }}{{ ns }}", "{% set ns.a = 1 %}", "{% set d.a = 1 %}", "{% set ns = namespace() %}{% set ns.a %}blk{% endset %}{{ ns.a }}", "{% set true = 1 %}", "{% set 'a' = 1 %}", "{% set a = 1, %}{{ a }}", "{% set a = [] %}{% set b = a %}{{ a is sameas b }}", "{% for i in [1] %}{% set z = i %}{% endfor %}{{ z is defined }}", "{% set loop = 5 %}{{ loop }}", "{% set x = x | default(3) %}{{ x }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=4, a=5) }} {{ m() }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(x=2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}", "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}x{% endcall %}", "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}+{{ b }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m(caller) %}{{ caller }}{% endmacro %}{{ m(3) }}", "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro m() %}{{ g }}{% endmacro %}{% set g = 5 %}{{ m() }}", "{% set g = 1 %}{% macro m() %}{% set g = 2 %}{{ g }}{% endmacro %}{{ m() }}{{ g }}", "{% macro m(x) %}  {{ x }}\n{% endmacro %}[{{ m(1) }}]", "{% macro m() %}a{% endmacro %}{{ m }}", "{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ m(1) }}{% macro m(a) %}{{ a }}{% endmacro %}", "{% macro m() %}{{ x }}{% endmacro %}{% for x in [1, 2] %}{{ m() }}{% endfor %}", "{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ [1, 2] | map('string') | map('upper') | join }}{{ m(*[7]) }}{{ m(**{'a': 8}) }}", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{{ m is defined }}{% macro m() %}{% endmacro %}{{ m is callable }}", "{% macro m() %}{% endmacro %}{{ m() | length }}", "{% macro m(a, a2=[]) %}{{ a2 }}{% endmacro %}{{ m(1) }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% set a = 5 %}{% with a = 1, b = a %}{{ b }}{% endwith %}", "{% with a, b = (1, 2) %}{{ a + b }}{% endwith %}", "{% filter upper %}a{{ 'b' }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aa{% endfilter %}", "{% filter nope %}a{% endfilter %}", "{% do 1 + 1 %}x", "{% do x.y %}", "{% print 1, 2 %}", "{% block b %}x{% endblock %}", "{% set v = 1 %}{% block b %}{{ v }}{% set v = 2 %}{% endblock %}{{ v }}", "{% generation %}a{{ 1 }}{% endgeneration %}", "{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}", "{%- generation -%}  a  {%- endgeneration -%}  b", "{% autoescape false %}<{{ '<' }}{% endautoescape %}", "{% for i in [1, 2] %}{% generation %}{{ i }}{{ loop.last }}{% endgeneration %}{% endfor %}", "{% if true: %}a{% endif %}", "{% for x in [1]: %}{{ x }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ = c.reset() %}{{ c.current }}", "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}c", "{{ dict(a=1, b=2) }}{{ dict({'a': 1}, c=3) }}{{ dict([('x', 1)]) }}", "{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %p %I %y') }}", "{{ strftime_now('%-d %-m %e|%U %W %V %G %u %w %% %F %T %D %R %C') }}", "{{ raise_exception('no') }}", "{{ range(3) | sum }}{{ range(1, 4) | list }}", "{{ namespace is callable }}", "{{ caller }}", "{{ 'a'() }}", "{{ nope() }}", "{{ d.nope() }}", "{{ d.a() }}", "{{ d.get() }}", "{{ f(1 }}",
    t=[{"v": 1, "c": [{"v": 2}, {"v": 3, "c": [{"v": 4}]}]}, {"v": 5}], d={"a": 1, "b": 2})

ERRORS = templates(
    "{{ 1 + }}", "{{ }}", "{% if %}{% endif %}", "{% if 1 %}", "{% for x in y %}", "{% endif %}", "{% else %}", "{% foo %}", "{{ a b }}", "{{ 1 }", "{{ [1 }}", "{{ (1] }}", "{{ ) }}", "{{ a | }}", "{{ a is }}", "{{ a. }}", "{{ a[ }}", "{{ a[] }}", "{# x", "{% raw %}x", "{{ 'a }}", "{% set %}", "{% set a %}", "{% set a = %}", "{% for %}{% endfor %}", "{% for x %}{% endfor %}", "{% for 1 in x %}{% endfor %}", "{% macro %}{% endmacro %}", "{% macro m %}{% endmacro %}", "{% macro m(1) %}{% endmacro %}", "{% call x %}{% endcall %}", "{% filter %}{% endfilter %}", "{{ a ? b }}", "{{ a & b }}", "{{ a ! b }}", "{{ @ }}", "{{ $ }}", "{{ f(a=1, 2) }}", "{{ f(*a, 1) }}", "{{ f(**a, b=1) }}", "{{ f(a=1, a=2) }}", "{{ a = 1 }}", "{{ {1} }}", "{{ {1: } }}", "{{ not }}", "{{ a in }}", "{{ a not b }}", "{% if a = 1 %}{% endif %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% from 'x' import y %}", "{{ 1 if }}", "{{ a is b is c }}", "{{ a..b }}", "{{ a;b }}", "{% with a %}{% endwith %}", "{% endfor %}", "{% for x in y %}{% endif %}", "{% block %}{% endblock %}", "{% if 1 %}{% else %}{% elif 2 %}{% endif %}", "{{ 1.2.3 }}", "{{ 'a' 'b' 1 }}", "{% set a.b.c = 1 %}", "{{ x.y.z }}", "{{ x['y']['z'] }}", "{{ none.foo.bar }}", "{{ 5 | list }}", "{{ {[]: 1} }}", "{{ {}[[]] }}")



class RandomExpressions:
    """Expressions of random shape over TEXT: wrong ones too, for both must refuse the same."""
    ATOMS = ("s u e n i f t l d w m nope 0 1 2 -1 3 0.5 2.0 true none '' 'a' 'b' 'Hello' ' x ' "
             "'é🙂' [] [1,2] ['b','a'] (1,) {} {'a':1} {'b':[1]} range(3) s[1:] "
             "l[::-1] u[:-1] w[1:2] u[::2] l[-2:] s[-8:2]").split(" ")
    ATOMS = [a for a in " ".join(ATOMS).replace("' x '", "'_x_'").split(" ") if a]
    BINARY = "+ - * / // % ** ~ == != < <= > >= in not_in and or".split()
    FILTERS = ("abs capitalize count default('q') e first float int items|list join join('-') last length list lower "
               "max min replace('a','b') reverse|list round safe sort string sum title tojson trim unique|list upper "
               "urlencode wordcount indent map('string')|list select|list reject|list batch(2)|list slice(2)|list dictsort center(5) "
               "truncate(3) sort(reverse=true) map('upper')|list tojson(indent=1) round(1) int(base=16)").split()
    TESTS = ("defined none string number integer float boolean mapping sequence iterable odd even true "
             "lower upper in([1,'a']) eq(1) divisibleby(2) gt(1) sameas(none)").split()
    METHODS = ("upper() lower() strip() split() split('a') join(['x','y']) items() keys() values() get('a') get(1,2) "
               "replace('a','bb') startswith('a') endswith('a') find('l') count('l') title() splitlines() "
               "rsplit('l',1) zfill(6) isdigit() format(1) index(1) lstrip('H') partition('l') swapcase()").split()
    ITEMS = "[0] [-1] ['a'] [none] ['upper'] [5] ['b'][0]".split()

    def __init__(self, seed):
        self.random = random.Random(seed)

    def make(self, depth):
        pick = self.random.choice
        kind = self.random.random() if depth > 0 else 1.0
        if kind < 0.25:
            op = pick(self.BINARY).replace("_", " ")
            return "(%s %s %s)" % (self.make(depth - 1), op, self.make(depth - 1))
        if kind < 0.50:
            return "(%s | %s)" % (self.make(depth - 1), pick(self.FILTERS))
        if kind < 0.62:
            return "(%s)%s" % (self.make(depth - 1), pick(self.ITEMS))
        if kind < 0.77:
            return "(%s).%s" % (self.make(depth - 1), pick(self.METHODS))
        if kind < 0.83:
            return "(%s is %s)" % (self.make(depth - 1), pick(self.TESTS))
        if kind < 0.88:
            return "(%s if %s else %s)" % tuple(self.make(depth - 1) for _ in range(3))
        if kind < 0.92:
            return "[%s, %s]" % (self.make(depth - 1), self.make(depth - 1))
        if kind < 0.95:
            return "(-%s)" % self.make(depth - 1)
        return pick(self.ATOMS)

    def cases(self, count):
        return [["{{ %s }}" % self.make(self.random.randint(1, 4)), TEXT] for _ in range(count)]


GROUPS = {"whitespace": WHITESPACE, "literals": LITERALS, "operators": OPERATORS, "indexing": INDEXING,
          "methods": METHODS, "filters": FILTERS, "attributes": ATTRIBUTES, "tests": TESTS, "json": JSON,
          "statements": STATEMENTS, "errors": ERRORS,
          "random": RandomExpressions(1).cases(600)}

# Texts that name addresses or Python's own types, perhaps changed by filters.
SKIPPED_OUTPUT = re.compile("0x[0-9a-f]{6}|<built-in|<bound|<generator|<class", re.I)


def render(env, source, variables):
    try:
        return {"expected": env.from_string(source).render(**variables)}
    except Exception:  # whatever Python raises, the template fails
        return {"fails": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/data/jinja/cases.json"))
    args = parser.parse_args()
    env = environment()
    lines = []
    for group, cases in GROUPS.items():
        for source, variables in cases:
            result = render(env, source, variables)
            if SKIPPED_OUTPUT.search(result.get("expected", "")):
                continue
            inputs = {k: v for k, v in variables.items() if k in source}
            lines.append(json.dumps({"group": group, "template": source, "input": inputs, **result},
                                    ensure_ascii=False))
    args.out.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
