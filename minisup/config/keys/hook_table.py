"""What a hook of `[supervisor]` is: a command or a URL, and how it may be shown."""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from minisup.config.text.masking import MASK
from minisup.config.text.shell_words import word


class HookCommand(NamedTuple):
    """What a hook calls, with its variables filled in, and how it is shown: secrets masked, of a URL only its host."""

    words: tuple[str, ...]
    shown: str

    @property
    def url(self) -> str:
        """Where an object is posted to; empty: it is a command."""
        return self.words[0] if is_url(self.words[0]) else ""


Hook = Annotated[HookCommand, "hook"]
"""Words of a command, or a URL; in the file also a string, split as a shell does."""

HOOKS: Final = ("on_drain", "on_failing", "on_give_up", "on_recovered")
"""The keys of `[supervisor]` that are hooks."""

_SCHEMES: Final = ("http://", "https://")


def is_url(text: str) -> bool:
    """Whether the first word of a hook is a URL."""
    return text.lower().startswith(_SCHEMES)


def read_hook(words: Sequence[str], masked: Sequence[str]) -> HookCommand:
    """The hook of these words, and of the same with secrets masked. ValueError, with a sentence: it cannot be."""
    if not is_url(words[0]):
        return HookCommand(tuple(words), " ".join(map(word, masked)))
    if len(words) > 1:
        raise ValueError("has a URL and more; a URL stands alone, a command begins with a program as curl")
    _check(words[0])
    return HookCommand(tuple(words), _host_of(masked[0]))


def _check(url: str) -> None:
    from urllib.parse import urlsplit  # noqa: PLC0415 - for those who have such a hook

    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("is a URL with characters that a URL cannot have; write them as %XX")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is a URL whose host or port cannot be understood") from None
    if not host or port == 0:
        raise ValueError('is a URL without a host; write "https://host/path"')
    if parts.username is not None:
        raise ValueError("is a URL with a user; put a token into the path, or let a command as curl send it")


def _host_of(masked: str) -> str:
    """What of a URL may be shown: the rest often is a secret."""
    if not is_url(masked):
        return MASK
    scheme, _, rest = masked.partition("://")
    host, slash, path = rest.replace("#", "?").partition("/")
    host, question, _ = host.partition("?")
    return f"{scheme}://{host}{'/' if slash else ''}{MASK if path or question else ''}"
