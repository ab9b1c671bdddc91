#!/usr/bin/env python3
"""Writes src/text/unicode_data.cc from the Unicode Character Database (UAX #44).

Source: Debian's package unicode-data (/usr/share/unicode), or another folder with the same files.
Usage: tools/make_unicode_tables.py [--ucd FOLDER] [--out src/text/unicode_data.cc]
"""
import argparse
import pathlib
import re

CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So "
              "Zs Zl Zp Cc Cf Cs Co Cn").split()
SCRIPTS = ("Arabic Cyrillic Devanagari Greek Han Hangul Hebrew Hiragana Katakana Latin "
           "Thai").split()
LAST = 0x10FFFF


def fields(path):
    """The semicolon-separated fields of each line, comments removed."""
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line:
            yield [field.strip() for field in line.split(";")]


def code_points(text):
    first, _, last = text.partition("..")
    return range(int(first, 16), int(last or first, 16) + 1)


def property_set(path, name):
    return {c for row in fields(path) if row[1] == name for c in code_points(row[0])}


def ranges_of(code_point_set):
    out = []
    for c in sorted(code_point_set):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


class Ucd:
    def __init__(self, folder):
        self.category = ["Cn"] * (LAST + 1)
        self.ccc, self.lower, self.canonical, self.compatible = {}, {}, {}, {}
        first = None
        for row in fields(folder / "UnicodeData.txt"):
            c, name = int(row[0], 16), row[1]
            if name.endswith(", First>"):
                first = c
                continue
            span = range(first, c + 1) if name.endswith(", Last>") else [c]
            for each in span:
                self.category[each] = row[2]
            if row[3] != "0":
                self.ccc[c] = int(row[3])
            if row[13]:
                self.lower[c] = int(row[13], 16)
            if row[5]:
                target = [int(x, 16) for x in re.sub(r"<\w+> ?", "", row[5]).split()]
                (self.compatible if row[5][0] == "<" else self.canonical)[c] = target
        excluded = property_set(folder / "DerivedNormalizationProps.txt", "Full_Composition_Exclusion")
        self.compositions = sorted((*target, c) for c, target in self.canonical.items()
                                   if c not in excluded and len(target) == 2)
        self.white_space = property_set(folder / "PropList.txt", "White_Space")
        self.scripts = {s: property_set(folder / "Scripts.txt", s) for s in SCRIPTS}
        self.fold = {int(row[0], 16): int(row[2], 16)
                     for row in fields(folder / "CaseFolding.txt") if row[1] in "CS"}

    def expand(self, c, compatible):
        target = self.canonical.get(c) or (compatible and self.compatible.get(c))
        if not target:
            return [c]
        return [x for t in target for x in self.expand(t, compatible)]


def number_lines(numbers):
    line = " "
    for text in numbers:
        if len(line) + len(text) + 2 > 100:
            yield line
            line = " "
        line += " " + text + ","
    yield line


def array(declaration, numbers):
    return f"const {declaration} = {{\n" + "\n".join(number_lines(numbers)) + "\n};\n"


def sized(text, name, numbers):
    """An array of `text` and the constant that holds its length."""
    numbers = list(numbers)
    return array(f"{text} {name}[]", numbers) + f"const size_t {name}Size = {len(numbers)};\n"


def range_items(code_point_set):
    return [f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges_of(code_point_set)]


def decompositions(ucd):
    """Index rows {code point, offset, length, compatible} and the pool they point into."""
    rows, pool = [], []
    for compatible, keys in ((0, ucd.canonical), (1, {**ucd.compatible, **ucd.canonical})):
        for c in sorted(keys):
            target = ucd.expand(c, compatible)
            if compatible and target == ucd.expand(c, 0):
                continue
            rows.append((compatible, c, len(pool), len(target)))
            pool += target
    split = sum(1 for row in rows if row[0] == 0)
    index = [f"{{0x{c:X}, {offset}, {n}}}" for _, c, offset, n in rows]
    return index[:split], index[split:], [f"0x{c:X}" for c in pool]


def category_runs(ucd):
    runs, previous = [], None
    for c, name in enumerate(ucd.category):
        if name != previous:
            runs.append(f"0x{c << 5 | CATEGORIES.index(name):X}")
            previous = name
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--ucd", type=pathlib.Path, default=pathlib.Path("/usr/share/unicode"))
    parser.add_argument("--out", type=pathlib.Path, default=root / "src/text/unicode_data.cc")
    args = parser.parse_args()
    ucd = Ucd(args.ucd)
    version = re.search(r"Version ([\d.]+)", (args.ucd / "ReadMe.txt").read_text()).group(1)
    canonical, compatible, pool = decompositions(ucd)
    parts = [
        f"// Unicode {version} tables (UAX #44, UAX #15). Generated by tools/make_unicode_tables.py;\n"
        "// do not edit. Layouts are explained in unicode_data.h.\n"
        '#include "text/unicode_data.h"\n\nnamespace autoglm::unicode_data {\n\n// clang-format off\n',
        sized("uint32_t", "kCategoryRuns", category_runs(ucd)),
        sized("CodePointRange", "kWhiteSpace", range_items(ucd.white_space)),
    ]
    for script, members in ucd.scripts.items():
        parts.append(array(f"CodePointRange k{script}[]", range_items(members)))
    parts.append(array("Script kScripts[]",
                       [f'{{"{s}", k{s}, {len(ranges_of(m))}}}' for s, m in ucd.scripts.items()]))
    parts.append(f"const size_t kScriptsSize = {len(SCRIPTS)};\n")
    pairs = lambda table: [f"{{0x{a:X}, 0x{b:X}}}" for a, b in sorted(table.items())]
    parts += [
        sized("CodePointPair", "kSimpleFold", pairs(ucd.fold)),
        sized("CodePointPair", "kSimpleLower", pairs(ucd.lower)),
        sized("uint32_t", "kCombiningClass",
              [f"0x{c << 8 | n:X}" for c, n in sorted(ucd.ccc.items())]),
        sized("Decomposition", "kCanonical", canonical),
        sized("Decomposition", "kCompatible", compatible),
        sized("char32_t", "kDecompositionPool", pool),
        sized("Composition", "kCompositions",
              [f"{{0x{a:X}, 0x{b:X}, 0x{c:X}}}" for a, b, c in ucd.compositions]),
        "// clang-format on\n\n}  // namespace autoglm::unicode_data\n",
    ]
    args.out.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
