"""Whether the lines of a crontab name a user before the command, as those of /etc/crontab and /etc/cron.d do."""

import os
import pwd
import re
import shutil
from collections.abc import Sequence
from typing import Final

from minisup.config.text.wording import show
from minisup.convert.known_commands import CLIENTS, SERVERS, words
from minisup.convert.wrappers import FRONTS

_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}\$?")
_USUAL: Final = words(
    """
    root www-data nobody apache nginx www wwwrun http httpd ubuntu debian centos ec2-user vagrant forge deploy deployer
    laravel django webapp webmaster app appuser application postgres jenkins nextcloud magento wordpress
    """
)
"""Accounts whose names are no commands."""

_SURE: Final = words(
    """
    apt apt-get artisan aws bash bundle cd certbot chmod chown chronic composer cp curl dash date df docker
    docker-compose du echo find flock gzip head java kill kubectl ln logrotate ls make mkdir mv mysqldump nice npm npx
    perl pg_dump php pkill printf python python2 python3 rails rake restic rm rsync ruby run-one run-parts sed sh sort
    systemctl tar test timeout touch true wget wp yarn zsh
    """
)
"""Commands whose names no account has."""

_COMMANDS: Final = (
    _SURE
    | words(
        """
        aide anacron backup borg cronitor dnf drush freshclam fstrim git ionice killall lockrun lynis mail mailx mysql
        node ntpdate ps rkhunter sa-update sendmail service setlock sleep sqlite3 svn sync updatedb uptime yum
        """
    )
    | CLIENTS
    | SERVERS
    | FRONTS.keys()
) - _USUAL
_BUILTINS: Final = frozenset({"cd", "[", ".", "source", "export", "umask", "ulimit", "if", "for", "while", "("})
"""What a shell alone can run: the word before it is no command."""

_PLACES: Final = re.compile(r"/(\S*/)?(s?bin|libexec|scripts?|cron[^/]*)/\S+|/\S+\.(sh|php|py|pl|rb)")
_ENOUGH: Final = 2
"""Lines that begin with the same word."""


def user_before(commands: Sequence[str]) -> tuple[int, str] | None:
    """The number of the first of these commands that begins with a user, and the user; None: none does."""
    heads = [(*command.split(None, 2), "", "")[:2] for command in commands]
    for number, (first, second) in enumerate(heads):
        if _USER.fullmatch(first) and second and _is_user(first, second):
            return number, first
    names = {first for first, _ in heads}
    same = names.pop() if len(names) == 1 else ""
    if len(heads) >= _ENOUGH and _USER.fullmatch(same) and not _is_command(same):
        return (0, same) if all(_begins_command(second) for _, second in heads) else None
    return None


def not_a_user(user: str) -> str:
    """Why `user` is no user, in words; empty: it may be one."""
    if user.isdecimal() or (_USER.fullmatch(user) and user not in _SURE):
        return ""
    return f"expected a user before the command, got {show(user)}; leave out --system if the lines name none"


def home_of(user: str) -> str:
    """The home of a user; empty: this machine does not know it."""
    if user in {"root", "0"}:
        return "/root"
    try:
        return pwd.getpwnam(user).pw_dir
    except (KeyError, ValueError, UnicodeEncodeError):
        return ""


def _is_user(first: str, second: str) -> bool:
    if first in _USUAL:
        return _begins_command(second) or first == "root" or shutil.which(first) is None
    if second in _BUILTINS and first not in _COMMANDS:
        return True
    return _is_account(first) and _begins_command(second) and first not in _SURE


def _begins_command(word: str) -> bool:
    return _PLACES.match(word) is not None or word in _BUILTINS or _is_command(word)


def _is_command(word: str) -> bool:
    return os.path.basename(word) in _COMMANDS or ("\0" not in word and shutil.which(word) is not None)


def _is_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError, UnicodeEncodeError):
        return False
    return True
