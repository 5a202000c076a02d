"""Functions of the C library that Python does not offer, without the price of `ctypes` where that can be had."""

import os

FAILED = -1


def call(name: str, *arguments: int | bytes) -> int:
    """What the function returns, as a C int; -1 also when it cannot be called on this system.

    Bytes are passed as a pointer to them and must not be written to. `ctypes` costs 0.4 MiB and up to 10 ms, what is
    underneath it half of that and 1 ms.
    """
    try:
        import _ctypes  # noqa: PLC0415 - loaded where it is needed, at start

        function = _ctypes.dlsym(_ctypes.dlopen(None, os.RTLD_NOW), name)  # type: ignore[arg-type] # None: this program
        return int(_ctypes.call_function(function, arguments))
    except (ImportError, AttributeError, TypeError, OSError):
        pass
    try:
        from ctypes import CDLL  # noqa: PLC0415 - as above

        return int(CDLL(None)[name](*arguments))
    except (ImportError, AttributeError, TypeError, OSError):
        return FAILED
