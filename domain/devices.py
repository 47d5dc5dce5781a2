"""What a user agent says about a device, in few words that a person recognises."""

LONGEST_READ = 512

_BROWSERS = (  # more telling marks first: Edge and Opera also call themselves Chrome, Chrome also Safari
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("okhttp/", "Android app"),
    ("CFNetwork/", "Apple app"),
    ("Dart/", "Flutter app"),
    ("python", "Python client"),
    ("node", "Node.js client"),
)
_SYSTEMS = (  # an iPhone also says Mac OS X, Android also says Linux
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str | None) -> str | None:
    """E.g. "Firefox on Linux"; None when the user agent names neither. Holds nothing of its text."""
    if not user_agent:
        return None
    read = user_agent[:LONGEST_READ]
    browser = next((name for mark, name in _BROWSERS if mark in read), None)
    system = next((name for mark, name in _SYSTEMS if mark in read), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system
