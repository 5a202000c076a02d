"""What must not be shown: values of variables whose names say that they are secret, and what URLs carry.

A value is masked where its name is known (`mask`), and wherever else it has got to by `${NAME}` (`conceal`): into a
directory, a socket's path, an error of the system.
"""

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"

SHORTEST: Final = 4
"""Characters of a value that `conceal` looks for: a shorter one would be found everywhere."""

_SECRET: Final = re.compile(
    r"KEY|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|DATABASE_URL"
    r"|(?:PASS|PWD|AUTH|DSN)(?![A-Z])"  # PASSENGER and AUTHOR are none
)
_SHELLS_OWN: Final = frozenset({"PWD", "OLDPWD"})
_USER: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#]*@")
_QUERY: Final = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s?#]*\?)([^\s#]+)")
_PARAMETER: Final = re.compile(r"[^&;]+")


def is_secret(name: str) -> bool:
    """Whether the value of a variable of this name must not be shown."""
    return name not in _SHELLS_OWN and _SECRET.search(name.upper()) is not None


def mask(name: str, value: str) -> str:
    """`value` as it may be shown: stars if a variable of this name holds a secret, else without what URLs carry.

    An empty value hides nothing and stays.
    """
    return MASK if value and is_secret(name) else hide_urls(value)


def hide_urls(text: str) -> str:
    """`text` without the users, passwords and query values of the URLs in it."""
    if "://" not in text:
        return text
    text = _USER.sub(rf"\1{MASK}@", text)
    return _QUERY.sub(lambda found: found[1] + _PARAMETER.sub(_without_value, found[2]), text)


def _without_value(parameter: re.Match[str]) -> str:
    name, equals, value = parameter[0].partition("=")
    return f"{name}={value and MASK}" if equals else MASK


def conceal(text: str, secrets: Iterable[str]) -> str:
    """`text` without these values, wherever they stand in it, and without what URLs carry."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        if secret in text and len(secret) >= SHORTEST:
            text = text.replace(secret, MASK)
    return hide_urls(text)
