"""Changed files, with real processes: `up --watch` reloads, programs that watch files restart when their runs end."""

import os
import re
import shutil
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, holds_for, pause, program, sh, wait_until

LONG = program("long", "sleep 1000", stop=AT_ONCE)
QUICK_SERVICE = {"kind": "service", "stop": {"timeout": "2s"}, "min_runtime": "100ms"}
WRITTEN = 0x2
"""In the mask of an inotify watch: whether writing is told."""
SERVICE = sh("echo $MINISUP_SLOT >> begun; exec sleep 1000")


def up(stage: Stage, *programs: str, **keys: object) -> Daemon:
    """`up --watch`, once its files are watched."""
    daemon = stage.up(*programs, args=["--watch"], **keys)
    until_it_watches(daemon)
    return daemon


def until_it_watches(daemon: Daemon) -> None:
    """Until the thread that watches has everything: inotify says how many directories."""
    wait_until(lambda: watched(daemon), SOON, "files are watched")
    before = -1
    while before != (before := watched(daemon)):
        pause(0.3)


def watched(daemon: Daemon) -> int:
    """The number of directories that the daemon waits in."""
    count = 0
    for path in Path(f"/proc/{daemon.pid}/fdinfo").iterdir():
        try:
            text = path.read_text()
        except OSError:
            continue
        masks = [int(mask, 16) for mask in re.findall(r"^inotify wd:.* mask:([0-9a-f]+)", text, re.MULTILINE)]
        count += sum(mask & WRITTEN != 0 for mask in masks)  # minisup's own files are watched for their end alone
    return count


def runs(daemon: Daemon, name: str) -> None:
    """Until a slot that may not be there yet has a run."""

    def slots() -> set[str]:
        programs = daemon.status()["programs"]
        return {slot["name"] for program in programs for slot in program["slots"] if slot["pid"]}

    wait_until(lambda: name in slots(), SOON, f"{name} runs, not only {slots()}; it says:\n{daemon.stderr}")


def says(daemon: Daemon, text: str, times: int = 1) -> None:
    wait_until(lambda: daemon.stderr.count(text) >= times, SOON, f"it says {text!r}, and not only:\n{daemon.stderr}")


def test_a_changed_configuration_counts_and_a_bad_one_is_refused_once(stage: Stage) -> None:
    daemon = up(stage, LONG)
    pid = daemon.running_pid("long:0")
    stage.config(LONG + "numprocs = 2\n")
    runs(daemon, "long:1")
    says(daemon, "reloaded by --watch: changed: long")
    path = stage.path("minisup.toml")
    good = path.read_text()
    path.write_text(good + "numprocz = 3\nmin_runtim = 2\n")  # as a shell writes: in place
    says(daemon, "cannot reload (--watch), the old configuration still counts")
    daemon.says("did you mean numprocs?")
    daemon.says("did you mean min_runtime?")
    os.utime(path)
    holds_for(lambda: daemon.stderr.count("cannot reload") == 1, 1.5, "it is said once")
    stage.write("minisup.toml", good.replace("numprocs = 2", "numprocs = 3"))  # as an editor writes: by a rename
    runs(daemon, "long:2")
    assert daemon.slot("long:0")["pid"] == pid, "no run was touched"
    wait_until(lambda: daemon.stderr.count("reloaded by") == 2, SOON, "both are told")


def test_a_file_that_is_deleted_and_made_anew(stage: Stage) -> None:
    daemon = up(stage, LONG)
    path = stage.path("minisup.toml")
    text = path.read_text()
    path.unlink()
    says(daemon, "cannot be read: No such file or directory")
    path.write_text(text + "numprocs = 2\n")
    runs(daemon, "long:1")


def test_a_mounted_configuration_that_is_swapped_by_a_link(stage: Stage) -> None:
    """As Kubernetes mounts a ConfigMap: minisup.toml -> ..data/minisup.toml, ..data -> ..2026_1."""
    mount = stage.path("mount")
    text = stage.config(LONG).read_text()

    def provide(version: str, text: str) -> None:
        (mount / version).mkdir(parents=True)
        (mount / version / "minisup.toml").write_text(text)
        (mount / "..data_tmp").symlink_to(version)
        (mount / "..data_tmp").rename(mount / "..data")

    provide("..2026_1", text)
    (mount / "minisup.toml").symlink_to("..data/minisup.toml")
    daemon = stage.up_file(mount / "minisup.toml", args=["--watch"])
    until_it_watches(daemon)
    for number in (2, 3):  # what it watches after the first swap is the new directory
        provide(f"..2026_{number}", text + f"numprocs = {number}\n")
        shutil.rmtree(mount / f"..2026_{number - 1}")
        runs(daemon, f"long:{number - 1}")


def test_includes_that_come_and_go_and_env_files(stage: Stage) -> None:
    stage.path("conf.d").mkdir()
    job = program("mail", sh("echo $COLOUR >> colours; exec sleep 1000"), env_file="mail.env", **QUICK_SERVICE)
    stage.write("conf.d/mail.env", "COLOUR=red\n")
    daemon = up(stage, LONG, supervisor='shutdown_timeout = "4s"\ninclude = ["conf.d/*.toml", "late/*.toml"]')
    stage.write("conf.d/mail.toml", job)
    wait_until(lambda: stage.lines("colours") == ["red"], SOON, "the new program runs")
    stage.write("conf.d/mail.env", "COLOUR=blue\n")
    wait_until(lambda: stage.lines("colours") == ["red", "blue"], SOON, "it runs with the new environment")
    stage.path("late").mkdir()
    stage.write("late/late.toml", program("late", "sleep 1000", stop=AT_ONCE))
    runs(daemon, "late:0")
    stage.path("late/late.toml").unlink()
    says(daemon, "reloaded by --watch: draining away: late")


def test_what_keeps_a_configuration_from_counting_is_watched_too(stage: Stage) -> None:
    daemon = up(stage, LONG)
    stage.write("new.toml", "no toml")
    stage.config(LONG, supervisor='include = ["new.toml"]')
    says(daemon, "not TOML")
    stage.write("new.toml", program("new", "sleep 1000", stop=AT_ONCE))
    runs(daemon, "new:0")
    stage.config(LONG + 'env_file = "none/.env"\n', supervisor='include = ["new.toml"]')
    says(daemon, "none/.env: No such file or directory")
    stage.path("none").mkdir()
    stage.write("none/.env", "A=1\n")
    says(daemon, "reloaded by --watch: changed: long")


def test_without_the_option_the_configuration_is_not_watched(stage: Stage) -> None:
    daemon = stage.up(LONG)
    daemon.running_pid("long:0")
    stage.config(LONG + "numprocs = 2\n")
    holds_for(lambda: len(daemon.program("long")["slots"]) == 1, 1.0, "nothing is reloaded")
    assert watched(daemon) == 0


def test_jobs_finish_before_the_next_run_and_500_files_are_one_restart(stage: Stage) -> None:
    stage.path("app/Mail").mkdir(parents=True)
    job = sh("echo begin >> begun; while ! test -e go; do sleep 0.02; done; echo end >> ended")
    daemon = stage.up(program("email", job, numprocs=2, watch=["app/**/*.php"], max_runtime="60s"))
    until_it_watches(daemon)
    wait_until(lambda: len(stage.lines("begun")) == 2, SOON, "both are at work")
    for number in range(250):
        stage.path(f"app/Job{number:03}.php").write_text("<?php")
        stage.path(f"app/Mail/Mail{number:03}.php").write_text("<?php")
    says(daemon, "restart of email: app/Job000.php and 499 more files changed\n")
    assert daemon.program("email")["phases"] == {"draining": 2}
    assert stage.lines("ended") == []
    said = stage.command("why", "email").stdout
    assert "  Watch     app/Job000.php and 499 more files changed " in said
    assert " ago: a restart; 2 runs from before may finish.\n" in said
    stage.write("go", "")
    wait_until(lambda: len(stage.lines("begun")) >= 4, SOON, "fresh runs have begun")
    daemon.says("restart of email")
    assert daemon.stderr.count("restart of email") == 1
    facts = daemon.ask("events", lines=50)["events"]
    [fact] = [fact for fact in facts if fact.get("fact") == "files_changed"]
    assert fact["fields"] == {"program": "email", "file": "app/Job000.php", "files": 500}


def test_services_restart_one_after_another(stage: Stage) -> None:
    stage.write("conf", "1")
    daemon = stage.up(program("web", SERVICE, numprocs=3, watch=["conf"], **{**QUICK_SERVICE, "min_runtime": "500ms"}))
    until_it_watches(daemon)
    wait_until(lambda: len(stage.lines("begun")) == 3, SOON, "all run")
    stage.write("conf", "2")
    says(daemon, "restart of web: conf changed")
    holds_for(lambda: daemon.program("web")["running"] >= 2, 1.0, "two of three run at any time")
    wait_until(lambda: len(stage.lines("begun")) == 6, SOON, "all have been restarted")
    assert sorted(stage.lines("begun")) == ["0", "0", "1", "1", "2", "2"]


def test_what_is_off_or_paused_is_left_alone(stage: Stage) -> None:
    watch = {"watch": ["conf"], "stop": AT_ONCE}
    daemon = stage.up(program("off", "sleep 1000", autostart=False, **watch), program("job", "sleep 1000", **watch))
    until_it_watches(daemon)
    daemon.running_pid("job:0")
    daemon.ask("pause", ["job"], now=True, wait=True)
    stage.write("conf", "2")
    holds_for(lambda: "restart of" not in daemon.stderr, 1.5, "nothing is said")
    assert (daemon.program("off")["state"], daemon.program("job")["state"]) == ("off", "paused")


def test_a_reload_changes_what_is_watched(stage: Stage) -> None:
    stage.write("one", "")
    stage.write("two", "")
    daemon = stage.up(program("web", SERVICE, watch=["one"], **QUICK_SERVICE))
    until_it_watches(daemon)
    wait_until(lambda: len(stage.lines("begun")) == 1, SOON, "it runs")
    stage.config(program("web", SERVICE, watch=["two"], **QUICK_SERVICE))
    assert daemon.ask("reload")["changes"][0]["key"] == "watch"
    says(daemon, "reloaded by root: changed: web" if os.geteuid() == 0 else ": changed: web")
    until_it_watches(daemon)
    stage.write("one", "changed")
    holds_for(lambda: len(stage.lines("begun")) == 1, 1.0, "nobody watches it any more")
    stage.write("two", "changed")
    wait_until(lambda: len(stage.lines("begun")) == 2, SOON, "this one is watched")
    stage.config(program("web", SERVICE, **QUICK_SERVICE))
    daemon.ask("reload")
    wait_until(lambda: not watched(daemon), SOON, "nothing is watched")


def test_new_directories_replaced_ones_and_a_deploy_by_link(stage: Stage) -> None:
    """`current` is a link to a release, and a deploy lets it point to the next one."""

    def release(number: int) -> None:
        (stage.path(f"releases/{number}/app/Mail")).mkdir(parents=True)
        stage.write(f"releases/{number}/app/Job.php", str(number))
        stage.path("next").symlink_to(f"releases/{number}")
        stage.path("next").rename(stage.path("current"))

    release(1)
    daemon = stage.up(program("web", SERVICE, watch=["current/app/**/*.php"], **QUICK_SERVICE))
    until_it_watches(daemon)
    expected = 1
    wait_until(lambda: len(stage.lines("begun")) == expected, SOON, "it runs")
    shutil.move(stage.path("releases/1/app"), stage.path("releases/1/old"))
    shutil.copytree(stage.path("releases/1/old"), stage.path("releases/1/app"))
    steps = [
        lambda: None,
        lambda: release(2),
        lambda: stage.write("releases/2/app/Mail/New.php", ""),
        lambda: stage.path("current/app/Deep/er").mkdir(parents=True),
        lambda: stage.write("current/app/Deep/er/Late.php", ""),
    ]
    for number, step in enumerate(steps):
        step()
        if number != 3:  # an empty directory is no change
            expected += 1
            wait_until(lambda: len(stage.lines("begun")) >= expected, SOON, f"step {number} restarts it")  # noqa: B023
    says(daemon, "restart of web: current/app/Deep/er/Late.php changed")
    assert len(stage.lines("begun")) == expected


def test_what_jobs_write_beside_the_watched_files_restarts_nothing(stage: Stage) -> None:
    stage.path("app").mkdir()
    job = sh("while true; do echo line >> app/laravel.log; echo x > app/cache.$$; rm app/cache.$$; sleep 0.05; done")
    daemon = stage.up(program("email", job, watch=["app/**/*.php"], stop=AT_ONCE))
    until_it_watches(daemon)
    pid = daemon.running_pid("email:0")
    holds_for(lambda: daemon.slot("email:0")["pid"] == pid, 2.0, "it goes on")
    assert "restart of" not in daemon.stderr


def test_a_directory_that_is_missing_is_one_warning(stage: Stage) -> None:
    daemon = stage.up(program("web", SERVICE, watch=["src/app/**/*.php"], **QUICK_SERVICE))
    says(daemon, f"warning: web: watch: there is no directory {stage.root}/src: nothing can change there until")
    stage.path("src/app/deep").mkdir(parents=True)
    stage.write("src/app/deep/Job.php", "")
    says(daemon, "restart of web: src/app/deep/Job.php changed")
    daemon.says("there is no directory")
    assert daemon.stderr.count("there is no directory") == 1


def test_polling_when_it_is_asked_for(stage: Stage) -> None:
    stage.write("conf", "1")
    daemon = stage.up(
        program("web", SERVICE, watch=["conf"], **QUICK_SERVICE), env={"WATCHFILES_FORCE_POLLING": "true"}
    )
    wait_until(lambda: len(stage.lines("begun")) == 1, SOON, "it runs")
    pause(1.0)  # it has looked for the first time
    stage.write("conf", "2")
    says(daemon, "restart of web: conf changed")
    assert "warning" not in daemon.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a user's inotify a limit of its own")
def test_no_inotify_left_is_one_warning_and_polling(stage: Stage) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    limit = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'
    before = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
    if stage.popen([*before, "true"]).wait(SOON):
        pytest.skip("no user namespaces here")
    stage.write("conf", "1")
    daemon = stage.up_file(
        stage.config(program("web", SERVICE, watch=["conf"], **QUICK_SERVICE)), args=["--watch"], before=before
    )
    says(daemon, "warning: inotify refuses (")
    daemon.says("raise fs.inotify.max_user_watches or fs.inotify.max_user_instances (sysctl)")
    daemon.says("WATCHFILES_FORCE_POLLING=1 does that")
    pause(1.0)
    stage.write("conf", "2")
    says(daemon, "restart of web: conf changed")
    daemon.says("warning")
    assert daemon.stderr.count("warning") == 1


def sleeps_of_the_loop(daemon: Daemon) -> int:
    """How often the daemon's first thread has gone to sleep."""
    text = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/status").read_text()
    return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_the_end_is_not_delayed_and_waiting_costs_little(stage: Stage) -> None:
    daemon = up(stage, program("long", "sleep 1000", watch=["conf"], stop={"drain": 0, "timeout": "2s"}))
    daemon.running_pid("long:0")
    before, watch = sleeps_of_the_loop(daemon), Stopwatch()
    wait_until(lambda: watch.seconds > 2.0, SOON, "two seconds have passed")
    assert sleeps_of_the_loop(daemon) - before <= 2, "only the thread that watches wakes up"
    watch = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert watch.seconds < 2.0
    assert "internal error" not in daemon.stderr


def test_the_guide_says_what_is_so(stage: Stage) -> None:
    """The example of docs/how-to/watch.md, with a `php` that only waits."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "watch.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0]
    for name in ("app/Mail", "config", "bin"):
        stage.path(name).mkdir(parents=True)
    stage.script("bin/php", "trap 'exit 0' TERM; while ! test -e go; do sleep 0.05; done; echo $2 >> ended; sleep 1")
    env = {"PATH": f"{stage.path('bin')}:{os.environ['PATH']}"}
    checked = stage.run("check", "-c", stage.config(example), env=stage.environ(**env)).stdout
    assert f"    watch     {stage.root}/app/**/*.php: no file today\n" in checked
    daemon = up(stage, example, env=env)
    until_it_watches(daemon)
    wait_until(lambda: daemon.program("horizon")["running"], SOON, "the service runs")
    for number in range(11):
        stage.path(f"app/Mail/Zone{number}.php").write_text("<?php")
    stage.path("app/Mail/Welcome.php").write_text("<?php")
    says(daemon, next(line for line in page.splitlines() if line.startswith("restart of email")))
    says(daemon, "restart of horizon: app/Mail/Welcome.php and 11 more files changed")
    assert daemon.program("email")["phases"] == {"draining": 2}
    assert "files_changed" in stage.command("events", "--json").stdout
    stage.config(example.replace("numprocs = 2", "numproc = 2"))
    says(daemon, page.partition("has 1 problem\n")[2].split("  ")[3].split("\n")[0])
    stage.write("go", "")
