"""Who a user is, for people to read. From the file alone: a directory service could keep the loop waiting."""

USERS = "/etc/passwd"


def user_name(uid: int, users: str = USERS) -> str:
    """The name of a user, `uid 1000` if the file has none."""
    try:
        with open(users, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if rest.partition(":")[2].partition(":")[0] == str(uid) and name.isprintable() and name:
                    return name
    except OSError:
        pass
    return f"uid {uid}"
