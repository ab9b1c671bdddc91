"""Tests of the generator. Run by ctest, or: python3 recipes/phone_actions/generate_test.py"""
import json
import pathlib
import random
import re
import unittest

import generate
import times_en
import times_zh
from actions import ACTIONS, write_action

HERE = pathlib.Path(__file__).resolve().parent
_STRING = r'"(?:[^"\\\n]|\\["\\n])*"'
_ANSWER = re.compile(r'do\(action="(\w+)"((?:, \w+=(?:%s|\d+))*)\)' % _STRING)
_ARGUMENT = re.compile(r", (\w+)=(%s|\d+)" % _STRING)
_COPIED = ("contact", "app", "place", "title", "text", "query")
_ENUMERATED = {
    "state": "on off", "command": "pause resume next previous stop repeat shuffle",
}


def read_action(test, answer):
    """(name, {parameter: value}), after checks of what every action must be like."""
    match = _ANSWER.fullmatch(answer)
    test.assertTrue(match, answer)
    name, arguments = match.groups()
    values = {key: json.loads(value) for key, value in _ARGUMENT.findall(arguments)}
    test.assertEqual(list(values), [p for p in ACTIONS[name] if p in values], answer)
    return name, values


def check_values(test, prompt, answer):
    name, values = read_action(test, answer)
    for parameter, value in values.items():
        if parameter in _COPIED:
            test.assertTrue(value and value in prompt or name == "Navigate", (prompt, answer))
        elif parameter in _ENUMERATED:
            test.assertIn(value, _ENUMERATED[parameter].split(), answer)
        elif parameter == "time":
            test.assertRegex(value, r"^([01]\d|2[0-3]):[0-5]\d$|^\+(\d+[hms])+$|^(morning|afternoon|evening)$")
        elif parameter == "duration":
            test.assertRegex(value, r"^(\d+[hms]){1,2}$")
        elif parameter == "day":
            test.assertRegex(value, r"^(today|tomorrow|day after tomorrow|weekend|weekdays|every day|"
                             r"next week|in \d days|((next|every) )?[a-z]+day|(\d\d-)?\d\d)$")
        elif parameter == "level":
            test.assertTrue(0 <= value <= 100, answer)
        elif parameter == "change":
            test.assertRegex(value, r"^(up|down|[+-]\d+)$")


class GeneratorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.splits = generate.generate(seed=3, n_train=4000, n_valid=200, n_test=1000)

    def test_the_same_seed_gives_the_same_sentences_and_another_seed_others(self):
        again = generate.generate(seed=3, n_train=500, n_valid=200, n_test=1000)
        self.assertEqual(again["test"], self.splits["test"])
        self.assertEqual(again["train"], self.splits["train"][:500])
        self.assertNotEqual(generate.generate(4, 500, 200, 1000)["train"], again["train"])

    def test_every_action_is_written_in_its_form_with_values_of_its_kind(self):
        names = set()
        for examples in self.splits.values():
            for prompt, answer in examples:
                self.assertEqual(prompt, prompt.strip())
                self.assertNotRegex(prompt, r"[{}\[\]|]")
                check_values(self, prompt, answer)
                names.add(read_action(self, answer)[0])
        self.assertEqual(names, set(ACTIONS))

    def test_copied_values_of_the_test_are_in_no_sentence_of_training(self):
        def values(split):
            found = set()
            for _, answer in self.splits[split]:
                name, arguments = read_action(self, answer)
                found |= {str(v).lower().replace("'", "").replace("\u2019", "")
                          for p, v in arguments.items() if p in _COPIED and name != "Navigate"}
            return found

        self.assertFalse(values("test") & (values("train") | values("valid")))

    def test_shared_templates_values_and_sentences_are_found(self):
        train, test = generate.make_generators(False), generate.make_generators(True)
        generate.check_disjoint(train, test, {"a"}, {"b"})
        with self.assertRaisesRegex(ValueError, "sentences"):
            generate.check_disjoint(train, test, {"a"}, {"a"})
        train[0].used_values.add("x")
        test[1].used_values.add("x")
        with self.assertRaisesRegex(ValueError, "values"):
            generate.check_disjoint(train, test, {"a"}, {"b"})
        with self.assertRaisesRegex(ValueError, "templates"):
            generate.check_disjoint(train, train, {"a"}, {"b"})

    def test_strings_are_escaped_as_python_does(self):
        answer = write_action("TakeNote", {"text": 'a "b" \\ c\nd', "day": "today"})
        self.assertEqual(answer, 'do(action="TakeNote", text="a \\"b\\" \\\\ c\\nd")')


class TimesTest(unittest.TestCase):
    def said(self, function, n=60000):
        rng = random.Random(1)
        return dict(function(rng) for _ in range(n))

    def test_english_times_and_durations_have_their_normal_form(self):
        clock = self.said(times_en.clock)
        for spoken, time in {"half past seven": "07:30", "quarter to eight": "07:45", "7 pm": "19:00",
                             "12 am": "00:00", "12 pm": "12:00", "noon": "12:00", "midnight": "00:00",
                             "seven thirty": "07:30", "9 in the evening": "21:00"}.items():
            self.assertEqual(clock[spoken], time, spoken)
        duration = self.said(times_en.duration)
        for spoken, normal in {"half an hour": "30m", "an hour and a half": "1h30m", "90 minutes": "90m",
                               "two and a half hours": "2h30m"}.items():
            self.assertEqual(duration[spoken], normal, spoken)

    def test_chinese_times_and_durations_have_their_normal_form(self):
        clock = self.said(times_zh.clock)
        for spoken, time in {"七点半": "07:30", "下午三点一刻": "15:15", "晚上十二点": "00:00", "中午一点": "13:00",
                             "晚上9点": "21:00", "两点": "02:00", "凌晨3点": "03:00"}.items():
            self.assertEqual(clock[spoken], time, spoken)
        duration = self.said(times_zh.duration)
        for spoken, normal in {"半小时": "30m", "一个半小时": "1h30m", "两分钟": "2m", "120秒": "120s"}.items():
            self.assertEqual(duration[spoken], normal, spoken)
        self.assertEqual(times_zh.number_words(120), "一百二十")
        self.assertEqual(times_zh.number_words(105), "一百零五")

    def test_numbers_in_words(self):
        self.assertEqual(times_en.number_words(45), "forty-five")
        self.assertEqual(times_en.number_words(120), "one hundred and twenty")


class FreeTest(unittest.TestCase):
    def test_the_sentences_written_by_hand_follow_the_rules(self):
        lines = (HERE / "free_test.jsonl").read_text(encoding="utf-8").splitlines()
        examples = [json.loads(line) for line in lines]
        self.assertGreaterEqual(len(examples), 300)
        self.assertEqual(len({e["prompt"] for e in examples}), len(examples))
        chinese = sum(any("\u4e00" <= c <= "\u9fff" for c in e["prompt"]) for e in examples)
        self.assertTrue(0.45 <= chinese / len(examples) <= 0.55, chinese)
        for example in examples:
            check_values(self, example["prompt"], example["answer"])
        names = {read_action(self, e["answer"])[0] for e in examples}
        self.assertEqual(names, set(ACTIONS))


if __name__ == "__main__":
    unittest.main()
