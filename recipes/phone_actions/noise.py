"""What people do to a sentence: politeness, fillers, typos, lost capitals and punctuation.

A sentence is a list of Piece. Values are changed only in ways in which the action's values change
with them (capitals, apostrophes): a value is always copied as it stands in the sentence.
"""

_BEFORE_IMPERATIVE = {
    "en": ("please ", "please ", "can you ", "could you ", "can you please ", "could you please ",
           "would you ", "will you ", "would you please ", "I want you to ", "I'd like you to ",
           "I need you to ", "go ahead and ", "just ", "quickly ", "now ", "kindly ", "you can ",
           "can u ", "pls ", "do me a favor and ", "be so kind and "),
    "zh": ("请", "请你", "麻烦", "麻烦你", "帮我", "请帮我", "麻烦帮我", "帮忙", "给我", "能不能", "能帮我", "能不能帮我",
           "可以帮我", "可不可以", "可以", "你帮我", "快", "快点", "我想让你", "我要你", "你给我", "帮我快点", "替我", "你能帮我", "现在"),
}
_BEFORE = {
    "en": ("hey ", "hey, ", "ok ", "okay, ", "um ", "uh, ", "so ", "well ", "hi, ", "hello, ",
           "hey phone, ", "ok phone ", "hey assistant, ", "hi there, ", "listen, ", "hey glm ",
           "yo ", "alright, ", "oh and ", "sorry, ", "hey buddy ", "computer, ", "Glim, ",
           "good morning, "),
    "zh": ("嘿", "嘿，", "那个", "嗯", "嗯，", "喂", "喂，", "你好", "你好，", "小智", "小智，", "小智小智，", "手机，", "嘿手机，",
           "小助手，", "哎", "哎，", "就是", "呃，", "在吗，", "好的，", "那", "小爱", "听着，", "不好意思，", "早上好，"),
}
_AFTER = {
    "en": (" please", ", please", " thanks", ", thanks", " for me", " now", " right now", " ok",
           " will you", " thank you", ", would you", " if you can", " quickly", " asap", " pls"),
    "zh": ("吧", "谢谢", "，谢谢", "好吗", "，好吗", "可以吗", "行吗", "呗", "啊", "哦", "，麻烦了", "，快点", "谢谢啦", "，可以吗", "哈"),
}
_MARKS = {"en": (".", ".", "!", "?", "..."), "zh": ("。", "。", "！", "？", "~")}
# The slots whose values are short and closed, so that what follows is surely none of them.
_CLOSED = ("clock", "at", "at_when", "for_when", "when", "when_clock", "day", "duration", "level",
           "amount_up", "amount_down", "lang", "home_or_work", "contact", "app", "place", "city")


class Piece:
    """A part of a sentence. `parameter`: of the action, where it is an open value; else None."""

    def __init__(self, text, slot=None, parameter=None, value=None):
        self.text, self.slot, self.parameter, self.value = text, slot, parameter, value

    def change(self, function):
        self.text = function(self.text)
        if self.parameter is not None:
            self.value = function(self.value)


def _misspell(rng, word):
    """A slip of the fingers in a word of four letters or more."""
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind == 1:
        return word[:i] + word[i + 1:]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[i + 1:]


def _add_typo(rng, language, pieces, typos):
    literal = [piece for piece in pieces if piece.slot is None and piece.text.strip()]
    if not literal:
        return
    piece = rng.choice(literal)
    known = [typo for typo in typos if typo[0] in piece.text]
    if known and (language == "zh" or rng.random() < 0.5):
        piece.text = piece.text.replace(*rng.choice(known), 1)
    elif language == "en":
        words = piece.text.split(" ")
        long = [i for i, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
        if long:
            i = rng.choice(long)
            words[i] = _misspell(rng, words[i])
            piece.text = " ".join(words)


def add_noise(rng, language, pieces, is_imperative, typos):
    """Changes `pieces`. `typos`: [(right, wrong), ...]."""
    if rng.random() < 0.12:
        _add_typo(rng, language, pieces, typos)
    if is_imperative and rng.random() < 0.35:
        pieces.insert(0, Piece(rng.choice(_BEFORE_IMPERATIVE[language])))
    if rng.random() < 0.15:
        pieces.insert(0, Piece(rng.choice(_BEFORE[language])))
    ends_closed = pieces[-1].slot is None or pieces[-1].slot in _CLOSED
    if ends_closed and rng.random() < 0.15:
        pieces.append(Piece(rng.choice(_AFTER[language])))
    _change_letters(rng, language, pieces)
    if rng.random() < 0.25:
        pieces.append(Piece(rng.choice(_MARKS[language])))


def _change_letters(rng, language, pieces):
    if language == "zh":
        if rng.random() < 0.25:  # as a speech recognizer writes: no marks, spaces in their place
            filler = rng.choice(("", " "))
            for piece in pieces:
                if piece.slot is None:
                    piece.text = piece.text.replace("，", filler).replace("：", filler)
        elif rng.random() < 0.3:
            for piece in pieces:
                if piece.slot is None:
                    piece.text = piece.text.replace("，", ",").replace("：", ":")
        return
    draw = rng.random()
    if draw < 0.35:
        for piece in pieces:
            piece.change(str.lower)
    elif draw < 0.38:
        for piece in pieces:
            piece.change(str.upper)
    elif draw < 0.75 and pieces[0].slot is None:
        pieces[0].text = pieces[0].text[:1].upper() + pieces[0].text[1:]
    if rng.random() < 0.1:
        for piece in pieces:
            piece.change(lambda text: text.replace("'", ""))
    elif rng.random() < 0.05:
        for piece in pieces:
            piece.change(lambda text: text.replace("'", "\u2019"))
