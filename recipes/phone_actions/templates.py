"""Templates of sentences: (a|b) one of, [a|b] one of or nothing, {slot} a value."""
import re

_TOKEN = re.compile(r"\{(\w+)\}|([()\[\]|])|([^{}()\[\]|]+)")


class Template:
    """One line of a template file."""

    def __init__(self, action, line):
        self.action = action
        self.is_test = line.startswith("test:")
        line = line.removeprefix("test:").strip()
        self.is_imperative = not line.startswith("~")
        self.source = line.removeprefix("~")
        pattern, _, said = self.source.partition("=>")
        self.said = dict(pair.strip().split("=") for pair in said.split(",") if "=" in pair)
        self.is_relative = said.strip() == "relative"
        tokens = [m.groups() for m in _TOKEN.finditer(pattern.strip())]
        self._choices, rest = _parse(tokens)
        if rest:
            raise ValueError("unbalanced brackets: " + line)

    def expand(self, rng):
        """[(is_slot, text or the slot's name), ...]"""
        out = []
        _expand(self._choices, rng, out)
        return out


def _parse(tokens, closing=None):
    """A list of alternatives, each a list of parts, up to `closing`; and the tokens behind it."""
    alternatives = [[]]
    while tokens:
        (slot, mark, text), tokens = tokens[0], tokens[1:]
        if slot:
            alternatives[-1].append(("slot", slot))
        elif text:
            alternatives[-1].append(("text", text))
        elif mark == "|":
            alternatives.append([])
        elif mark in "([":
            inner, tokens = _parse(tokens, ")" if mark == "(" else "]")
            alternatives[-1].append(("choice" if mark == "(" else "option", inner))
        elif mark == closing:
            return alternatives, tokens
        else:
            raise ValueError("unexpected '%s'" % mark)
    if closing:
        raise ValueError("'%s' is missing" % closing)
    return alternatives, tokens


def _expand(alternatives, rng, out):
    for kind, value in rng.choice(alternatives):
        if kind in ("slot", "text"):
            out.append((kind == "slot", value))
        elif kind == "choice" or rng.random() < 0.5:
            _expand(value, rng, out)


def read_templates(path):
    """The templates of a file, in its order."""
    templates, action = [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if re.fullmatch(r"\[\w+\]", line):
            action = line[1:-1]
        else:
            templates.append(Template(action, line))
    return templates
