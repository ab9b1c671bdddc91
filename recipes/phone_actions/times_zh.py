"""中文里时间、日期、时长和级别的说法，以及它们的规范形式。"""

DIGITS = "零一二三四五六七八九"
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def number_words(n):
    if n < 10:
        return DIGITS[n]
    if n < 100:
        tens, one = divmod(n, 10)
        return ("" if tens == 1 else DIGITS[tens]) + "十" + (DIGITS[one] if one else "")
    hundreds, rest = divmod(n, 100)
    head = DIGITS[hundreds] + "百"
    if rest == 0:
        return head
    if rest < 10:
        return head + "零" + DIGITS[rest]
    return head + DIGITS[rest // 10] + "十" + (DIGITS[rest % 10] if rest % 10 else "")


def number(rng, n, before_measure=False):
    """数字或汉字；量词前的二说成两。"""
    if rng.random() < 0.45:
        return str(n)
    return "两" if n == 2 and before_measure else number_words(n)


# (说法, 可用的钟点 0 到 23, 单独说时的规范形式)
_PARTS = (("早上", range(5, 11), "morning"), ("早晨", range(5, 10), "morning"), ("上午", range(8, 12), "morning"),
          ("凌晨", range(0, 6), "morning"), ("中午", range(11, 14), "12:00"), ("下午", range(13, 19), "afternoon"),
          ("傍晚", range(17, 20), "evening"), ("晚上", range(18, 24), "evening"), ("夜里", range(21, 24), "evening"))


def _minute(rng):
    return rng.choice((0, 0, 0, 0, 30, 30, 15, 45, rng.randrange(0, 60, 5), rng.randrange(60)))


def _bare_clock(rng, hour, minute):
    """hour: 说出来的钟点。"""
    h = number(rng, hour, before_measure=True)
    if minute == 0:
        return rng.choice((h + "点", h + "点", h + "点", h + "点钟", h + "点整", "%d:00" % hour))
    if rng.random() < 0.2:
        return rng.choice(("%d:%02d", "%d：%02d")) % (hour, minute)
    forms = []
    if minute == 30:
        forms = [h + "点半"] * 4
    elif minute in (15, 45):
        forms = [h + "点" + {15: "一刻", 45: "三刻"}[minute]] * 2
    elif minute >= 50 and hour < 23:
        after = number(rng, hour + 1, before_measure=True)
        forms = ["差%s分%s点" % (number(rng, 60 - minute, before_measure=True), after)]
    if h.isdigit():
        zero = "零" if minute < 10 and rng.random() < 0.5 else ""
        forms += ["%s点%d分" % (h, minute), "%s点%s%d" % (h, zero, minute) if minute >= 10 or zero
                  else "%s点0%d" % (h, minute)]
    else:
        zero = "零" if minute < 10 else ""
        words = zero + number_words(minute)
        forms += [h + "点" + words + "分", h + "点" + words]
    return rng.choice(forms)


def _written(hour, minute):
    return "%02d:%02d" % (hour % 24, minute)


def _in_part(rng, hours):
    """一天某一部分里的钟点：(说法, "HH:MM")。"""
    hour, minute = rng.choice(hours), _minute(rng)
    said = hour if hour <= 12 else hour - 12
    if hour == 0:
        said = rng.choice((12, 0))
    return _bare_clock(rng, said, minute), _written(hour, minute)


def clock(rng):
    """(说法, "HH:MM")：没有说上午下午时按字面。"""
    draw = rng.random()
    if draw < 0.4:
        hour, minute = rng.randint(1, 12), _minute(rng)
        return _bare_clock(rng, hour, minute), _written(hour, minute)
    if draw < 0.5:
        hour, minute = rng.randint(13, 23), _minute(rng)
        return _bare_clock(rng, hour, minute), _written(hour, minute)
    if draw < 0.53:
        return rng.choice((("正午", "12:00"), ("中午12点", "12:00"), ("晚上12点", "00:00"), ("半夜十二点", "00:00"),
                           ("晚上十二点", "00:00"), ("零点", "00:00"), ("中午十二点", "12:00")))
    part, hours, _ = rng.choice(_PARTS)
    spoken, time = _in_part(rng, hours)
    return part + spoken, time


def _weekday(rng):
    i = rng.randrange(7)
    name = rng.choice(("周", "周", "星期", "礼拜")) + ("一二三四五六" + rng.choice("日天"))[i]
    return name, DAYS[i]


def day(rng):
    """(说法, 规范形式)。"""
    draw = rng.random()
    if draw < 0.38:
        return rng.choice(("明天", "明天", "明天", "明儿", "明日")), "tomorrow"
    if draw < 0.48:
        return rng.choice(("今天", "今天", "今儿", "今日")), "today"
    if draw < 0.58:
        return "后天", "day after tomorrow"
    if draw < 0.62:
        return "大后天", "in 3 days"
    if draw < 0.74:
        spoken, name = _weekday(rng)
        return rng.choice(("", "", "这", "本")) + spoken, name
    if draw < 0.82:
        spoken, name = _weekday(rng)
        return rng.choice(("下", "下", "下个")) + spoken, "next " + name
    if draw < 0.85:
        n = rng.randint(2, 9)
        return number(rng, n, True) + rng.choice(("天后", "天之后", "天以后")), "in %d days" % n
    if draw < 0.88:
        return rng.choice((("下周", "next week"), ("下星期", "next week"), ("周末", "weekend"), ("这周末", "weekend")))
    n, suffix = rng.randint(1, 28), rng.choice("号号日")
    if draw < 0.92:
        return number(rng, n) + "号", "%02d" % n
    month = rng.randint(1, 12)
    if rng.random() < 0.5:
        return "%d月%d%s" % (month, n, suffix), "%02d-%02d" % (month, n)
    return number_words(month) + "月" + number_words(n) + suffix, "%02d-%02d" % (month, n)


def repeated(rng):
    spoken, name = _weekday(rng)
    return rng.choice((("每天", "every day"), ("每日", "every day"), ("天天", "every day"), ("工作日", "weekdays"),
                       ("周一到周五", "weekdays"), ("每个工作日", "weekdays"), ("每" + spoken, "every " + name)))


def _with_part(rng):
    """日子、时段和钟点：(说法, time, day)。"""
    draw = rng.random()
    if draw < 0.45:
        said, normal, hours = rng.choice((
            ("明早", "tomorrow", range(5, 11)), ("明晚", "tomorrow", range(18, 24)), ("今晚", "today", range(18, 24)),
            ("今早", "today", range(5, 11)), ("明儿早上", "tomorrow", range(5, 11)), ("后天早上", "day after tomorrow", range(5, 11))))
    else:
        spoken, normal = day(rng)
        part, hours, _ = rng.choice(_PARTS)
        said = spoken + part
    spoken, time = _in_part(rng, hours)
    return said + spoken, {"time": time, "day": normal}


def when_clock(rng):
    """钟点，多半带日子。"""
    draw = rng.random()
    if draw < 0.3:
        spoken, time = clock(rng)
        return spoken, {"time": time}
    if draw < 0.7:
        return _with_part(rng)
    said, normal = repeated(rng) if draw < 0.78 else day(rng)
    spoken, time = clock(rng)
    return said + rng.choice(("", "", "", "的")) + spoken, {"time": time, "day": normal}


def when(rng):
    """钟点、日子、两者、时段，或离现在多久。"""
    draw = rng.random()
    if draw < 0.5:
        return when_clock(rng)
    if draw < 0.7:
        said, normal = day(rng)
        return said, {"day": normal}
    if draw < 0.85:
        return part_of_day(rng)
    spoken, normal = duration(rng)
    after = rng.choice(("后", "后", "以后", "之后"))
    return rng.choice(("", "", "过")) + spoken + after, {"time": "+" + normal}


def part_of_day(rng):
    if rng.random() < 0.5:
        return rng.choice((("今晚", {"time": "evening", "day": "today"}), ("明早", {"time": "morning", "day": "tomorrow"}),
                           ("明晚", {"time": "evening", "day": "tomorrow"}), ("今早", {"time": "morning", "day": "today"})))
    spoken, normal = day(rng)
    part, _, time = rng.choice(_PARTS)
    return spoken + part, {"time": time, "day": normal}


def duration(rng):
    """(说法, "1h30m")：数字照说的，半和刻化开。"""
    draw = rng.random()
    if draw < 0.2:
        return rng.choice((("半小时", "30m"), ("半个小时", "30m"), ("半个钟头", "30m"), ("一刻钟", "15m"), ("一个小时", "1h"),
                           ("一小时", "1h"), ("一分钟", "1m"), ("半分钟", "30s"), ("一个半小时", "1h30m"), ("三刻钟", "45m"),
                           ("一分半钟", "1m30s"), ("一个钟头", "1h"), ("1个半小时", "1h30m"), ("一分半", "1m30s")))
    if draw < 0.6:
        n = rng.choice((rng.randint(2, 15), rng.choice((5, 10, 15, 20, 25, 30, 40, 45, 50, 60, 90)), rng.randint(2, 120)))
        return number(rng, n, True) + rng.choice(("分钟", "分钟", "分钟", "分")), "%dm" % n
    if draw < 0.72:
        n = rng.choice((rng.choice((10, 15, 20, 30, 45, 60, 90)), rng.randint(2, 120)))
        return number(rng, n, True) + rng.choice(("秒", "秒", "秒钟")), "%ds" % n
    if draw < 0.82:
        n = rng.randint(2, 12)
        return number(rng, n, True) + rng.choice(("小时", "个小时", "个钟头")), "%dh" % n
    n, m = rng.randint(1, 6), rng.choice((rng.randint(1, 59), rng.randrange(5, 60, 5)))
    if draw < 0.88:
        n = max(n, 2)
        said, normal = rng.choice((("个半小时", "%dh30m"), ("分半钟", "%dm30s")))
        return number(rng, n, True) + said, normal % n
    big, small, normal = rng.choice((("小时", "分钟", "%dh%dm"), ("个小时", "分钟", "%dh%dm"), ("分钟", "秒", "%dm%ds"),
                                     ("分", "秒", "%dm%ds"), ("小时零", "分", "%dh%dm")))
    return number(rng, n, True) + big + number(rng, m, True) + small, normal % (n, m)


def level(rng):
    """(说法, 0 到 100)。"""
    if rng.random() < 0.2:
        return rng.choice((("一半", 50), ("最大", 100), ("最高", 100), ("百分之百", 100), ("最低", 0), ("最小", 0), ("零", 0)))
    n = rng.choice((rng.randrange(0, 101, 10), rng.randrange(0, 101, 5), rng.randrange(101)))
    return rng.choice((number(rng, n), "%d%%" % n, "百分之" + number(rng, n), "%d％" % n)), n


def amount(rng):
    n = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, rng.randint(1, 50)))
    return rng.choice((number(rng, n), "%d%%" % n, "百分之" + number(rng, n))), n
