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
# Said beside the command, and no part of it.
_REASONS = {
    "en": ("I have a flight", "I'm in a hurry", "I'm tired", "it's late", "I can't do it now", "my hands are full",
           "I'm driving", "I almost forgot", "it's important", "I can't find it", "we're late",
           "it drains the battery", "it's urgent", "I have no time", "I need to save power", "the baby sleeps",
           "I want to sleep", "I'm at work", "it's getting dark", "I'm cooking", "you know how I am",
           "I keep forgetting", "I promised", "there's not much time", "I have work to do", "that would be great"),
    "zh": ("我要赶飞机", "我很急", "我累了", "太晚了", "我现在没空", "我手上拿着东西", "我在开车", "差点忘了", "很重要", "我找不到了",
           "要迟到了", "太费电了", "挺急的", "没时间了", "省点电", "孩子睡了", "我想睡了", "我在上班", "天快黑了", "我在做饭", "我老忘事",
           "我答应过的", "来不及了", "还有事要忙", "别弄错了", "辛苦了", "我记性不好", "不然又忘了"),
}
_TEXT_SLOTS = ("message", "note", "phrase", "query", "task", "title", "music")
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
    if rng.random() < 0.06:
        _add_reason(rng, language, pieces, ends_closed)
    if rng.random() < 0.12:
        _set_off_text(rng, language, pieces)
    _change_letters(rng, language, pieces)
    if rng.random() < 0.25:
        pieces.append(Piece(rng.choice(_MARKS[language])))


def _add_reason(rng, language, pieces, ends_closed):
    """A clause before the command, or behind it where no text can swallow it."""
    reason = rng.choice(_REASONS[language])
    comma = rng.choice(("，", "，", " ", ",") if language == "zh" else (", ", ", ", ". ", " "))
    if ends_closed and rng.random() < 0.7:
        pieces.append(Piece(comma + reason))
    else:
        pieces.insert(0, Piece(reason + comma))


def _set_off_text(rng, language, pieces):
    """A mark between the command and the text, as in "take a note: ..."."""
    before, piece = pieces[-2:] if len(pieces) > 1 else (pieces[0], pieces[0])
    if piece.slot in _TEXT_SLOTS and before.slot is None and before.text[-1] not in "，：:,":
        marks = ("，", "：", "，", "。") if language == "zh" else (": ", ", ", " - ", ". ")
        before.text = before.text.rstrip() + rng.choice(marks)


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
