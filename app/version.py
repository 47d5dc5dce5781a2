"""The API's version, as getServerInfo tells it; pyproject.toml has the same."""

VERSION = "0.1.0"
