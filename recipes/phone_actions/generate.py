#!/usr/bin/env python3
"""Writes what the bundled model learns from: sentences that people say to a phone, and the action
that each of them asks for, as JSON lines {"prompt": ..., "answer": ...}.

    python3 recipes/phone_actions/generate.py --out DIR [--train N] [--valid N] [--test N] [--seed S]

The same arguments give the same files. test.jsonl is made of templates and of values (names,
titles, texts) that train.jsonl and valid.jsonl do not have; this is checked before anything is
written. README.md beside this file says what the actions mean.
"""
import argparse
import json
import os
import pathlib
import random
import re
import sys

import noise
import times_en
import times_zh
from actions import ACTIONS, write_action
from lexicon import Lexicon, is_held_out, read_lists
from noise import Piece
from templates import read_templates

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = ("en", "zh")
TIMES = {"en": times_en, "zh": times_zh}
# How often each action comes, against the others: those with more to learn come more often.
WEIGHTS = {
    "SetAlarm": 8, "SetTimer": 4, "SetReminder": 10, "AddEvent": 9, "Call": 5, "SendMessage": 11,
    "OpenApp": 5, "Navigate": 6, "GetWeather": 6, "PlayMusic": 6, "MusicControl": 4, "SetVolume": 5,
    "SetBrightness": 4, "Flashlight": 2, "Wifi": 2, "Bluetooth": 2, "AirplaneMode": 2,
    "TakePhoto": 2, "Screenshot": 2, "Search": 6, "Translate": 6, "TakeNote": 6, "BatteryStatus": 2,
    "None": 12,
}
# Open slots: the lexicon's method that draws a value, and the parameter that it is.
OPEN_SLOTS = {
    "contact": ("contact", "contact"), "app": ("app", "app"), "place": ("place", "place"),
    "city": ("city", "place"), "music": ("music", "query"), "title": ("title", "title"),
    "task": ("task", "text"), "task_noun": ("task_noun", "text"), "message": ("message", "text"),
    "note": ("note", "text"), "query": ("query", "query"), "phrase": ("phrase", "text"),
}
# Open slots whose values are entries of a list as they stand.
LIST_SLOTS = {"question": "text", "order": "text", "song": "query", "artist": "query", "genre": "query"}
PARAMETER_OF_TITLE = {"SetReminder": "text"}
MAX_DRAWS = 1000


class Generator:
    """Sentences of one language. `for_test`: of held-out templates and values, else of the others."""

    def __init__(self, language, lexicon, templates, for_test):
        self.language, self.lexicon, self.times = language, lexicon, TIMES[language]
        self.for_test = for_test
        self.typos = [tuple(entry.split("=")) for entry in lexicon.lists["typo"]]
        self.templates = {action: [] for action in ACTIONS}
        for template in templates:
            if template.is_test == for_test:
                self.templates[template.action].append(template)
        self.used_values = set()

    def example(self, rng, action):
        """(prompt, answer)"""
        template = rng.choice(self.templates[action])
        values, pieces = {}, []
        for is_slot, text in template.expand(rng):
            pieces.append(self._slot(rng, template, text, values) if is_slot else Piece(text))
        values.update({k: int(v) if v.isdigit() else v for k, v in template.said.items()})
        pieces = _tidy(pieces)
        noise.add_noise(rng, self.language, pieces, template.is_imperative, self.typos)
        for piece in pieces:
            if piece.parameter is not None:
                values[piece.parameter] = piece.value
        prompt = re.sub(" +", " ", "".join(piece.text for piece in pieces)).strip()
        return prompt, write_action(action, values)

    def _slot(self, rng, template, slot, values):
        """The piece that fills a slot; what it says in normal form goes into `values`."""
        times = self.times
        if slot in OPEN_SLOTS or slot in LIST_SLOTS or slot == "song_by":
            return self._open_slot(rng, template, slot)
        if slot.endswith("_free"):
            return Piece(self.lexicon.part(rng, slot.removesuffix("_free")), slot)
        if slot == "random_words":
            return Piece(self.lexicon.random_text(rng, rng.randint(1, 4)), slot)
        if slot == "number":
            return Piece(self.lexicon.part(rng, "number"), slot)
        if slot == "home_or_work":
            text, place = rng.choice((("home", "home"), ("back home", "home"), ("to work", "work"),
                                      ("to school", "school"), ("to the office", "office")))
            said = {"place": place}
        elif slot in ("clock", "at"):
            text, time = times.clock(rng)
            text, said = "at " * (slot == "at" and self.language == "en") + text, {"time": time}
        elif slot in ("at_when", "for_when", "when_clock"):
            preposition = () if self.language == "zh" else ("" if slot == "for_when" else "at ",)
            text, said = times.when_clock(rng, *preposition)
        elif slot == "when":
            text, said = times.when(rng)
        elif slot == "day":
            text, said = self._day(rng, template.action)
        elif slot == "duration":
            text, normal = times.duration(rng)
            said = {"time": "+" + normal} if template.is_relative else {"duration": normal}
        elif slot == "level":
            text, n = times.level(rng)
            said = {"level": n}
        elif slot in ("amount_up", "amount_down"):
            text, n = times.amount(rng)
            said = {"change": "%s%d" % ("+" if slot == "amount_up" else "-", n)}
        elif slot == "lang":
            text, normal = self.lexicon.language_name(rng)
            said = {"language": normal}
        else:
            raise ValueError("unknown slot {%s} in: %s" % (slot, template.source))
        values.update(said)
        return Piece(text, slot)

    def _day(self, rng, action):
        if action == "GetWeather" and rng.random() < 0.2:
            return self.times.part_of_day(rng)
        text, normal = self.times.day(rng)
        return text, {"day": normal}

    def _open_slot(self, rng, template, slot):
        for _ in range(MAX_DRAWS):
            if slot in OPEN_SLOTS:
                method, parameter = OPEN_SLOTS[slot]
                text, value = getattr(self.lexicon, method)(rng)
            elif slot == "song_by":
                song, artist = (self.lexicon.entry(rng, name) for name in ("song", "artist"))
                text, parameter = song + " by " + artist, "query"
                value = text
            else:
                text, parameter = self.lexicon.entry(rng, slot), LIST_SLOTS[slot]
                value = text
            if is_held_out(value) == self.for_test:
                break
        else:
            raise ValueError("no value for {%s}" % slot)
        if slot == "title":
            parameter = PARAMETER_OF_TITLE.get(template.action, parameter)
            if parameter == "text":
                value = text
        self.used_values.add(value.lower().replace("'", ""))
        if parameter not in ACTIONS[template.action]:
            return Piece(text, slot)
        return Piece(text, slot, parameter, value)


def _tidy(pieces):
    """Without the double spaces that options leave."""
    kept, ends_in_space = [], True
    for piece in pieces:
        if piece.slot is None:
            piece.text = re.sub(" +", " ", piece.text)
            if ends_in_space:
                piece.text = piece.text.lstrip(" ")
        if piece.text:
            kept.append(piece)
            ends_in_space = piece.text.endswith(" ")
    if kept[-1].slot is None:
        kept[-1].text = kept[-1].text.rstrip(" ")
        if not kept[-1].text:
            kept.pop()
    return kept


def make_lexicons():
    lexicons = {name: Lexicon(name, read_lists(HERE / "words" / (name + ".txt"))) for name in LANGUAGES}
    for lexicon in lexicons.values():
        lexicon.others = lexicons
    return lexicons


def make_generators(for_test):
    lexicons = make_lexicons()
    return [Generator(name, lexicons[name], read_templates(HERE / "templates" / (name + ".txt")),
                      for_test) for name in LANGUAGES]


def draw(rng, generators, n, avoid, distinct):
    """n examples whose prompts are not in `avoid`; `distinct`: nor twice."""
    actions, weights = zip(*WEIGHTS.items())
    examples, seen, n_vain = [], set(), 0
    while len(examples) < n:
        generator = generators[len(examples) % len(generators)]
        action = rng.choices(actions, weights)[0]
        prompt, answer = generator.example(rng, action)
        if prompt in avoid or (distinct and prompt in seen):
            n_vain += 1
            if n_vain > 100 * n + MAX_DRAWS:
                raise ValueError("there are no %d different sentences" % n)
            continue
        seen.add(prompt)
        examples.append((prompt, answer))
    return examples


def check_disjoint(train, test, train_prompts, test_prompts):
    """Raises ValueError where the test shares a template, a value or a sentence with training."""
    for a, b in zip(train, test):
        shared = {t.source for ts in a.templates.values() for t in ts} & {
            t.source for ts in b.templates.values() for t in ts}
        if shared:
            raise ValueError("templates in both splits: %s" % sorted(shared))
        for action in ACTIONS:
            if not a.templates[action] or not b.templates[action]:
                raise ValueError("%s: %s needs templates for both splits" % (a.language, action))
    shared = set().union(*(g.used_values for g in train)) & set().union(
        *(g.used_values for g in test))
    if shared:
        raise ValueError("values in both splits: %s" % sorted(shared)[:10])
    if train_prompts & test_prompts:
        raise ValueError("sentences in both splits")


def generate(seed, n_train, n_valid, n_test):
    """{"train": [(prompt, answer), ...], "valid": ..., "test": ...}"""
    train, test = make_generators(False), make_generators(True)
    held_out = draw(random.Random("%d test" % seed), test, n_test, set(), distinct=True)
    test_prompts = {prompt for prompt, _ in held_out}
    valid = draw(random.Random("%d valid" % seed), train, n_valid, test_prompts, distinct=True)
    avoid = test_prompts | {prompt for prompt, _ in valid}
    examples = draw(random.Random("%d train" % seed), train, n_train, avoid, distinct=False)
    check_disjoint(train, test, {prompt for prompt, _ in examples + valid}, test_prompts)
    return {"train": examples, "valid": valid, "test": held_out}


def write_lines(path, examples):
    temporary = path.with_suffix(".part")
    with open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for prompt, answer in examples:
            file.write(json.dumps({"prompt": prompt, "answer": answer}, ensure_ascii=False) + "\n")
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write into")
    parser.add_argument("--train", type=int, default=400000, help="sentences to learn from")
    parser.add_argument("--valid", type=int, default=2000)
    parser.add_argument("--test", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    splits = generate(options.seed, options.train, options.valid, options.test)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, examples in splits.items():
        write_lines(options.out / (name + ".jsonl"), examples)
        print("%s: %d sentences" % (options.out / (name + ".jsonl"), len(examples)), file=sys.stderr)


if __name__ == "__main__":
    main()
