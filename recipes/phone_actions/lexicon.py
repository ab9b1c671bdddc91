"""Values of the slots: word lists, what is composed of them, and random words.

An open value (a name, a title, a text) belongs to the test split or to the others by a hash of its
letters, so that no value of the test was ever seen in training, composed ones included.
"""
import hashlib
import re

HELD_OUT_ONE_IN = 8
P_ANY_WORDS, P_ENDS_IN_ANY = 0.4, 0.15
_REFERENCE = re.compile(r"\{(?:(\w+):)?(\w+)\}")
_ARTICLE = re.compile(r"^(the|my|a|an) ", re.IGNORECASE)
# The first level of GB 2312: the 3755 characters in common use.
_COMMON_HAN = [
    bytes((high, low)).decode("gb2312")
    for high in range(0xB0, 0xD8)
    for low in range(0xA1, 0xFF)
    if (high, low) < (0xD7, 0xFA)
]
_ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kr pl qu sh sk sl st th tr x y".split()
_VOWELS = "a e i o u a e i o ai ea ee ia io oo ou y".split()
_CODAS = ["", "", "", "n", "r", "s", "l", "t", "m", "ck", "ng", "x", "nd", "st"]


def is_held_out(value):
    digest = hashlib.sha256(value.lower().replace("'", "").encode()).digest()
    return digest[0] % HELD_OUT_ONE_IN == 0


def read_lists(path):
    """{list: [entry, ...]} of a file of [list] headings and entries separated by commas."""
    lists, name = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("["):
            name = line.strip("[] \n")
            lists[name] = []
        else:
            lists[name] += [entry.strip() for entry in line.split(",") if entry.strip()]
    return lists


class Lexicon:
    """Draws values of one language. `other`: the lexicon that {en:...} and {zh:...} refer to."""

    def __init__(self, language, lists):
        self.language, self.lists, self.others = language, lists, {language: self}
        names = {"en": ("grocery", "thing", "noun", "animal", "city", "first_name"),
                 "zh": ("grocery", "thing", "noun", "animal", "city", "task", "road")}[language]
        self._words = [w for name in names for w in lists[name] if "{" not in w]

    def entry(self, rng, name):
        """An entry of a list, with all that it refers to filled in."""
        return self.fill(rng, rng.choice(self.lists[name]))

    def fill(self, rng, text):
        def value(match):
            language, name = match.groups()
            lexicon = self.others[language] if language else self
            return lexicon.part(rng, name)

        while "{" in text:
            text = _REFERENCE.sub(value, text)
        return text

    def part(self, rng, name):
        """What {name} stands for inside an entry."""
        if name == "number":
            return str(rng.choice((rng.randint(1, 12), rng.randint(1, 60), rng.randint(10, 999))))
        if name == "code":
            letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVXYZ") for _ in range(rng.randint(1, 3)))
            return letters + str(rng.randint(10, 9999))
        if name == "word":
            return self.random_word(rng)
        if name == "person":
            return self.person(rng)
        return self.entry(rng, name)

    def person(self, rng):
        if self.language == "en":
            draw = rng.random()
            if draw < 0.5:
                return self.entry(rng, "first_name")
            relation = self.entry(rng, "relation")
            return relation if draw < 0.7 and relation in ("mom", "dad", "mum") else "my " + relation
        return self.name(rng) if rng.random() < 0.5 else self.entry(rng, "relation")

    def name(self, rng):
        """A person's name."""
        if self.language == "en":
            first = self.entry(rng, "first_name")
            return first if rng.random() < 0.6 else first + " " + self.entry(rng, "last_name")
        given = self.entry(rng, "given")
        if len(given) == 2 and rng.random() < 0.25:
            return given
        if rng.random() < 0.15:
            return self.entry(rng, "surname") + self.random_han(rng, 1, 2)
        return self.entry(rng, "surname") + given

    def random_han(self, rng, least, most):
        return "".join(rng.choice(_COMMON_HAN) for _ in range(rng.randint(least, most)))

    def random_word(self, rng):
        """A word that is in no list, so that words are copied and not remembered."""
        if self.language == "zh":
            return self.random_han(rng, 2, 4)
        syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
                     for _ in range(rng.randint(1, 3))]
        return "".join(syllables)

    def random_text(self, rng, n_words):
        words = []
        for _ in range(n_words):
            known = rng.random() < 0.6
            words.append(rng.choice(self._words) if known else self.random_word(rng))
        return ("" if self.language == "zh" else " ").join(words)

    def any_words(self, rng, n_words):
        words = []
        for _ in range(n_words):
            draw = rng.random()
            words.append(rng.choice(self.lists["common"]) if draw < 0.6 else
                         rng.choice(self._words) if draw < 0.85 else
                         self.part(rng, "number") if draw < 0.89 else self.random_word(rng))
        return ("" if self.language == "zh" else " ").join(words)

    # The slots. Each returns (as spoken, as written into the action).

    def contact(self, rng):
        draw = rng.random()
        if draw < 0.08:
            word = self.random_word(rng)
            return self._without_article(word.capitalize())
        if draw < 0.55:
            return self._without_article(self.name(rng))
        if draw < 0.8:
            relation = self.entry(rng, "relation")
            mine = self.language == "en" and rng.random() < 0.6
            return self._without_article("my " + relation if mine else relation)
        return self._without_article(self.entry(rng, "contact_other"))

    def app(self, rng):
        if rng.random() < 0.08:
            return self._without_article(self.random_word(rng).capitalize())
        spoken = self.entry(rng, "app")
        if self.language == "en" and spoken.islower() and rng.random() < 0.4:
            spoken = "the " + spoken
        return self._without_article(spoken)

    def place(self, rng):
        draw = rng.random()
        if draw < 0.12:
            return self._without_article(self.random_text(rng, rng.randint(1, 3)))
        spoken = self.entry(rng, "place")
        if self.language == "en" and spoken.split()[0].islower() and spoken not in ("home", "work", "school"):
            spoken = ("my " if "'s " in spoken and spoken[0].islower() else "the ") + spoken
        return self._without_article(spoken)

    def city(self, rng):
        spoken = self.random_word(rng) if rng.random() < 0.08 else self.entry(rng, "city")
        spoken = spoken[:1].upper() + spoken[1:]
        return spoken, spoken

    def music(self, rng):
        """A piece, a performer, both, or a kind of music, as a query."""
        draw = rng.random()
        if draw < 0.25:
            query = self.entry(rng, "song")
        elif draw < 0.45:
            query = self.entry(rng, "artist")
        elif draw < 0.65:
            song, artist = self.entry(rng, "song"), self.entry(rng, "artist")
            query = song + " by " + artist if self.language == "en" else artist + "的" + song
        elif draw < 0.8:
            query = self.entry(rng, "genre")
        else:
            query = self.any_words(rng, rng.randint(1, 4))
        return query, query

    def title(self, rng):
        return self._without_article(self._text(rng, "event"))

    def task(self, rng):
        return self._same(self._text(rng, "task"))

    def task_noun(self, rng):
        return self._same(self.entry(rng, "task_noun" if self.language == "en" else "event"))

    def message(self, rng):
        return self._same(self._text(rng, "message"))

    def note(self, rng):
        return self._same(self._text(rng, "note"))

    def query(self, rng):
        return self._same(self._text(rng, "query"))

    def phrase(self, rng):
        return self._same(self._text(rng, "phrase"))

    def language_name(self, rng):
        spoken, _, normal = rng.choice(self.lists["language"]).partition("=")
        return spoken, normal

    def _text(self, rng, name):
        """An entry; or any words, so that a text is known by its place and not by its words."""
        draw = rng.random()
        if draw < P_ANY_WORDS:
            return self.any_words(rng, rng.randint(1, 7))
        if draw < P_ANY_WORDS + P_ENDS_IN_ANY:
            space = "" if self.language == "zh" else " "
            return self.entry(rng, name) + space + self.any_words(rng, rng.randint(1, 3))
        text = self.entry(rng, name)
        if self.language == "en" and name == "message" and rng.random() < 0.1:
            text += " " + rng.choice(("ok", "please", "love you", "see you", "thanks", "bye"))
        return text

    def _same(self, text):
        return text, text

    def _without_article(self, spoken):
        """Articles and "my" are spoken, but no part of a name."""
        return spoken, _ARTICLE.sub("", spoken) if self.language == "en" else spoken
