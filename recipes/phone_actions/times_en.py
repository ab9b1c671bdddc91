"""Times, days, durations and levels as they are said in English, with their normal forms."""

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen").split()
TENS = "x x twenty thirty forty fifty sixty seventy eighty ninety".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
MONTHS = ("january february march april may june july august september october november "
          "december").split()
ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}


def number_words(n):
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("" if n % 10 == 0 else "-" + ONES[n % 10])
    rest = "" if n % 100 == 0 else " and " + number_words(n % 100)
    return ONES[n // 100] + " hundred" + rest


def number(rng, n):
    """Digits, or the words of it."""
    if rng.random() < 0.6:
        return str(n)
    words = number_words(n)
    return words.replace("-", " ") if rng.random() < 0.7 else words


def _hour12(hour):
    return (hour - 1) % 12 + 1


def _bare_clock(rng, hour, minute):
    """hour (1 to 12) and minute without am or pm."""
    h = number(rng, hour)
    if minute == 0:
        return rng.choice((h, h, h + " o'clock", "%d:00" % hour))
    if rng.random() < 0.45:
        return "%d:%02d" % (hour, minute)
    after = _hour12(hour + 1)
    m = number(rng, minute)
    forms = []
    if minute == 30:
        forms = ["half past " + h] * 3
    elif minute == 15:
        forms = ["quarter past " + h, "a quarter past " + h]
    elif minute == 45:
        forms = ["quarter to " + number(rng, after), "a quarter to " + number(rng, after)]
    elif minute % 5 == 0 and minute < 30:
        forms = ["%s past %s" % (m, h), "%s minutes past %s" % (m, h)]
    elif minute % 5 == 0:
        forms = ["%s to %s" % (number(rng, 60 - minute), number(rng, after))]
    zero = "oh " if minute < 10 else ""
    forms += [number_words(hour) + " " + zero + number_words(minute).replace("-", " "),
              "%d %02d" % (hour, minute), "%d.%02d" % (hour, minute)]
    return rng.choice(forms)


def _minute(rng):
    return rng.choice((0, 0, 0, 0, 30, 30, 15, 45, rng.randrange(0, 60, 5), rng.randrange(60)))


def _written(hour, minute):
    return "%02d:%02d" % (hour, minute)


def clock(rng):
    """(spoken, "HH:MM"): without a part of the day it is meant as it is said."""
    draw, minute = rng.random(), _minute(rng)
    if draw < 0.05:
        return rng.choice((("noon", "12:00"), ("midnight", "00:00"), ("midday", "12:00")))
    if draw < 0.12:
        hour = rng.randint(13, 23)
        return "%d:%02d" % (hour, minute), _written(hour, minute)
    hour = rng.randrange(24)
    twelve = _hour12(hour)
    if draw < 0.45:
        return _bare_clock(rng, twelve, minute), _written(twelve, minute)
    suffix = "am" if hour < 12 else "pm"
    if rng.random() < 0.75:
        written = suffix if rng.random() < 0.7 else rng.choice(
            (suffix.upper(), "%s.m." % suffix[0], " ".join(suffix)))
        if rng.random() < 0.6 or minute:
            said = "%d" % twelve if minute == 0 else "%d:%02d" % (twelve, minute)
            if minute and rng.random() < 0.4:
                said = number_words(twelve) + " " + ("oh " if minute < 10 else "") + number_words(
                    minute).replace("-", " ")
        else:
            said = number_words(twelve)
        glue = rng.choice(("", " ")) if said[-1].isdigit() else " "
        return said + glue + written, _written(hour, minute)
    part = ("in the morning" if 4 <= hour < 12 else "in the afternoon" if 12 <= hour < 18
            else "in the evening" if 18 <= hour < 22 else "at night")
    return _bare_clock(rng, twelve, minute) + " " + part, _written(hour, minute)


def day(rng):
    """(as an adverb: "on Friday", normal form)."""
    draw = rng.random()
    if draw < 0.4:
        return "tomorrow", "tomorrow"
    if draw < 0.5:
        return "today", "today"
    if draw < 0.56:
        return rng.choice(("the day after tomorrow", "day after tomorrow")), "day after tomorrow"
    name = rng.choice(DAYS)
    spoken = name.capitalize()
    if draw < 0.72:
        return rng.choice(("on ", "on ", "", "this ")) + spoken, name
    if draw < 0.8:
        return "next " + spoken, "next " + name
    if draw < 0.83:
        n = rng.randint(2, 9)
        return "in %s days" % number(rng, n), "in %d days" % n
    if draw < 0.86:
        return rng.choice((("next week", "next week"), ("this weekend", "weekend"),
                           ("on the weekend", "weekend")))
    return _date(rng)


def _date(rng):
    n = rng.randint(1, 28)
    tens, one = n // 10 * 10, n % 10
    word = (ORDINALS.get(n) or (TENS[n // 10][:-1] + "ieth" if one == 0 and n > 10 else
                                TENS[n // 10] + " " + (ORDINALS.get(one) or ONES[one] + "th")
                                if tens >= 20 else ONES[n] + "th"))
    suffix = "th" if 11 <= n <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(one, "th")
    ordinal = "%d%s" % (n, suffix) if rng.random() < 0.6 else word
    if rng.random() < 0.3:
        return "on the " + ordinal, "%02d" % n
    month = rng.randrange(12)
    name = MONTHS[month].capitalize()
    spoken = rng.choice(("on %s %s" % (name, ordinal), "on the %s of %s" % (ordinal, name),
                         "on %s %d" % (name, n), "%s %s" % (name, ordinal), "on %d %s" % (n, name)))
    return spoken, "%02d-%02d" % (month + 1, n)


def repeated(rng):
    """A repeated day."""
    name = rng.choice(DAYS)
    return rng.choice((("every day", "every day"), ("every morning", "every day"), ("daily", "every day"),
                       ("on weekdays", "weekdays"), ("every weekday", "weekdays"),
                       ("on weekends", "weekend"), ("every " + name.capitalize(), "every " + name)))


_PARTS = (("morning", range(4, 12)), ("afternoon", range(12, 18)), ("evening", range(17, 22)),
          ("night", range(19, 24)))


def _with_part(rng):
    """A day with its part and an hour in it: (first half, hour as said, time, day)."""
    part, hours = rng.choice(_PARTS)
    hour, minute = rng.choice(hours), _minute(rng)
    draw = rng.random()
    if draw < 0.3:
        said = "tonight" if part == "night" else "this " + part
        normal = "today"
    elif draw < 0.75:
        said, normal = "tomorrow " + part, "tomorrow"
    else:
        normal = rng.choice(DAYS)
        said = rng.choice(("on ", "")) + normal.capitalize() + " " + part
    return said, _bare_clock(rng, _hour12(hour), minute), _written(hour, minute), normal


def when_clock(rng, preposition):
    """A time, often with a day. `preposition`: "at " or ""."""
    draw = rng.random()
    if draw < 0.4:
        spoken, time = clock(rng)
        return preposition + spoken, {"time": time}
    if draw < 0.65:
        said, spoken, time, normal = _with_part(rng)
        order = (said + " at " + spoken, preposition + spoken + " " + said)
        return rng.choice(order), {"time": time, "day": normal}
    spoken, time = clock(rng)
    said, normal = repeated(rng) if draw < 0.72 else day(rng)
    order = [preposition + spoken + " " + said, said + " at " + spoken]
    if said.istitle() or said == "tomorrow":
        order.append(said + " " + spoken)
    return rng.choice(order), {"time": time, "day": normal}


def when(rng):
    """A time, a day, both, a part of a day, or a distance from now."""
    draw = rng.random()
    if draw < 0.5:
        return when_clock(rng, "at ")
    if draw < 0.7:
        said, normal = day(rng)
        return said, {"day": normal}
    if draw < 0.85:
        return part_of_day(rng)
    spoken, normal = duration(rng)
    return "in " + spoken, {"time": "+" + normal}


def part_of_day(rng):
    """A part of a day without an hour."""
    part = rng.choice(("morning", "afternoon", "evening", "night"))
    normal = "evening" if part == "night" else part
    draw = rng.random()
    if draw < 0.35:
        said = "tonight" if part == "night" else "this " + part
        return said, {"time": normal, "day": "today"}
    if draw < 0.8:
        return "tomorrow " + part, {"time": normal, "day": "tomorrow"}
    name = rng.choice(DAYS)
    return "on %s %s" % (name.capitalize(), part), {"time": normal, "day": name}


def duration(rng):
    """(spoken, "1h30m"): numbers as they are said, halves and quarters resolved."""
    draw = rng.random()
    if draw < 0.12:
        return rng.choice((("half an hour", "30m"), ("a quarter of an hour", "15m"), ("an hour", "1h"),
                           ("a minute", "1m"), ("half a minute", "30s"), ("one hour", "1h"),
                           ("an hour and a half", "1h30m"), ("one and a half hours", "1h30m"),
                           ("a minute and a half", "1m30s"), ("three quarters of an hour", "45m")))
    if draw < 0.6:
        n = rng.choice((rng.randint(2, 15), rng.choice((5, 10, 15, 20, 25, 30, 40, 45, 50, 60, 90)),
                        rng.randint(2, 120)))
        unit = rng.choice(("minutes", "minutes", "minutes", "min", "mins"))
        return number(rng, n) + " " + unit, "%dm" % n
    if draw < 0.72:
        n = rng.choice((rng.choice((10, 15, 20, 30, 45, 60, 90)), rng.randint(2, 120)))
        return number(rng, n) + rng.choice((" seconds", " seconds", " secs")), "%ds" % n
    if draw < 0.82:
        n = rng.randint(2, 12)
        return number(rng, n) + " hours", "%dh" % n
    n, m = rng.randint(1, 6), rng.choice((rng.randint(1, 59), rng.randrange(5, 60, 5)))
    if draw < 0.87:
        n = max(n, 2)
        unit, normal = rng.choice(((" hours", "%dh30m"), (" minutes", "%dm30s")))
        return number(rng, n) + " and a half" + unit, normal % n
    big, small, normal = rng.choice((("hour", "minutes", "%dh%dm"), ("minute", "seconds", "%dm%ds")))
    first = "an" if n == 1 and big == "hour" and rng.random() < 0.4 else number(rng, n)
    spoken = "%s %s%s%s%s %s" % (first, big, "s" if n > 1 else "", rng.choice((" ", " and ")),
                                 number(rng, m), small if m > 1 else small[:-1])
    return spoken, normal % (n, m)


def level(rng):
    """(spoken, 0 to 100)."""
    if rng.random() < 0.2:
        return rng.choice((("half", 50), ("maximum", 100), ("max", 100), ("full", 100), ("minimum", 0),
                           ("the max", 100), ("the maximum", 100), ("zero", 0), ("the lowest", 0)))
    n = rng.choice((rng.randrange(0, 101, 10), rng.randrange(0, 101, 5), rng.randrange(101)))
    spoken = number(rng, n)
    return rng.choice((spoken, spoken + " percent", "%d%%" % n, spoken + " per cent")), n


def amount(rng):
    """How much a level changes: (spoken, 1 to 50)."""
    n = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, rng.randint(1, 50)))
    spoken = number(rng, n)
    return rng.choice((spoken, spoken + " percent", "%d%%" % n)), n
