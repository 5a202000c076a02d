"""Private modules of Python may be missing or look different in the next one: what is used then does the same."""

import ctypes
import importlib.util
import signal
import sys
from types import ModuleType

import pytest

from minisup.host import libc
from minisup.host.start import as_user
from minisup.receivers.inotify import Inotify

WITHOUT = [None, ModuleType("_ctypes")]
"""No such module, and one that has none of the functions."""


@pytest.mark.parametrize("module", WITHOUT)
def test_the_c_library_is_called_through_ctypes_where_what_is_underneath_is_not_known(monkeypatch, module):
    called = []
    real = ctypes.CDLL
    monkeypatch.setattr(ctypes, "CDLL", lambda name: called.append(name) or real(name))
    monkeypatch.setitem(sys.modules, "_ctypes", module)
    assert libc.call("getppid") > 0
    assert called == [None]


def test_a_function_that_cannot_be_called_at_all_has_failed(monkeypatch):
    monkeypatch.setitem(sys.modules, "_ctypes", None)
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert libc.call("getppid") == libc.FAILED


@pytest.mark.parametrize("module", WITHOUT)
def test_a_receiver_looks_where_it_cannot_be_told(monkeypatch, tmp_path, module):
    monkeypatch.setitem(sys.modules, "_ctypes", module)
    watch = Inotify({})
    assert watch.descriptor == -1
    assert not watch.watch(bytes(tmp_path), names=True)


def test_a_run_as_another_user_resets_signals_with_the_public_functions_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "_signal", None)
    spec = importlib.util.spec_from_file_location("as_user_with_signal", as_user.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module._signal is signal
    assert (module._EVERY, module._DEFAULT) == (as_user._EVERY, as_user._DEFAULT)
    before, mask = signal.signal(signal.SIGUSR1, signal.SIG_IGN), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    wakeup = signal.set_wakeup_fd(-1)
    try:
        module._clear_signals([signal.SIGUSR1])
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.set_wakeup_fd(wakeup)
