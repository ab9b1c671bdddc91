"""The actions and the form in which they are written: do(action="SetAlarm", time="07:00")."""

# Parameters in the order in which they are written. What is not said is left out.
ACTIONS = {
    "SetAlarm": ("time", "day"),
    "SetTimer": ("duration",),
    "SetReminder": ("text", "time", "day"),
    "AddEvent": ("title", "time", "day"),
    "Call": ("contact",),
    "SendMessage": ("contact", "text"),
    "OpenApp": ("app",),
    "Navigate": ("place",),
    "GetWeather": ("place", "day"),
    "PlayMusic": ("query",),
    "MusicControl": ("command",),
    "SetVolume": ("level", "change"),
    "SetBrightness": ("level", "change"),
    "Flashlight": ("state",),
    "Wifi": ("state",),
    "Bluetooth": ("state",),
    "AirplaneMode": ("state",),
    "TakePhoto": (),
    "Screenshot": (),
    "Search": ("query",),
    "Translate": ("text", "language"),
    "TakeNote": ("text",),
    "BatteryStatus": (),
    "None": (),
}


def quote(text):
    """`text` as a Python literal in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def write_action(name, values):
    """The text of one action. `values`: parameter -> str or int; others than the action's own are
    left out (what is said of the hour does not matter to the weather)."""
    arguments = ['action="%s"' % name]
    for parameter in ACTIONS[name]:
        value = values.get(parameter)
        if value is not None:
            written = str(value) if isinstance(value, int) else quote(value)
            arguments.append("%s=%s" % (parameter, written))
    return "do(%s)" % ", ".join(arguments)
