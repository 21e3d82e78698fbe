"""The doctor's checks of the Hermes home: its folder, its database, its disk, who else uses it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from ..core import store_file
from ..core.errors import Hint
from .check import Check

#: Bytes below which a disk is about to be full: a long conversation has some tens of MB.
ENOUGH = 200 * 1024 * 1024

#: File systems of other machines, whose locks SQLite cannot rely on.
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "lustre", "gpfs", "beegfs")

#: Begins the name of what is written to find out whether anything can be.
_TRIAL = ".hermes-jupyter-"


def folder(home: Path) -> Check:
    """Whether the home is a folder that this person can use, and nobody else can read."""
    title = "Hermes home"
    try:
        if not home.exists():
            return Check("home", title, "ok", f"{home} is made at the first start.")
        about = home.stat()
        if not stat.S_ISDIR(about.st_mode):
            fix: Hint = {"text": f"Move {home} away, or set `HermesExtension.hermes_home`."}
            return Check("home", title, "error", f"{home} is no folder.", fix)
        with tempfile.TemporaryFile(dir=home, prefix=_TRIAL) as trial:
            trial.write(b"x" * 4096)
    except OSError as error:
        fix = {"text": f"Make {home} readable and writable for yourself, and see to its disk."}
        return Check("home", title, "error", f"{home} cannot be used: {error.strerror}.", fix)
    if hasattr(os, "getuid") and about.st_uid != os.getuid():
        reason = f"{home} belongs to the user {about.st_uid}, and you are {os.getuid()}."
        fix = {"text": "Use a home of your own: two persons in one share all their chats and keys."}
        return Check("home", title, "warning", reason, fix)
    if os.name == "posix" and about.st_mode & 0o077:
        reason = f"Others on this machine may look into {home}, which holds keys and chats."
        fix = {"text": "Take that away.", "command": f"chmod 700 {home}"}
        return Check("home", title, "warning", reason, fix)
    return Check("home", title, "ok", f"{home} is yours and can be written.")


def database(home: Path) -> Check:
    """Whether the agent's database can be read."""
    title, path = "Chats on disk", home / "state.db"
    try:
        if not path.exists():
            return Check("database", title, "ok", "There are none yet.")
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2) as db:
            # The agent makes the file before its tables.
            made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").fetchone()
            count = db.execute("SELECT count(*) FROM sessions").fetchone()[0] if made else 0
        db.close()
    except (OSError, sqlite3.Error) as error:
        fix: Hint = {"text": f"Look at {path}; Hermes keeps copies of it in {home / 'backups'}."}
        return Check("database", title, "error", f"{path} cannot be read: {error}.", fix)
    return Check("database", title, "ok", f"{count} sessions can be read.")


def store(home: Path) -> Check:
    """Whether what the server keeps beside the chats can be read, and was never set aside."""
    title, path = "What the server keeps", home / "jupyter" / store_file.NAME
    try:
        version = 0
        if path.exists():
            with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                db.execute("SELECT count(*) FROM questions")
            db.close()
    except (OSError, sqlite3.Error) as error:
        fix: Hint = {
            "text": "If it is locked, end the program that holds it. If it is damaged, restart the "
            "Jupyter server: it sets the file aside and begins a new one."
        }
        return Check("store", title, "error", f"{path} cannot be read: {error}.", fix)
    if version > store_file.VERSION:
        reason = f"{path} was written by a newer version of hermes-jupyter."
        return Check("store", title, "error", reason, store_file.NEWER)
    aside = sorted(path.parent.glob(store_file.ASIDE))
    if aside:
        reason = (
            f"It was damaged, and set aside as {', '.join(map(str, aside))}: questions that nobody "
            "had answered, pins and read marks in it are not shown. The chats are all there."
        )
        fix = {
            "text": "See to the disk, or to who else writes there. What can be read of it, SQLite "
            "gets out; then delete it.",
            "command": f'sqlite3 "{aside[-1]}" .recover',
        }
        return Check("store", title, "warning", reason, fix)
    return Check("store", title, "ok", "It can be read." if path.exists() else "Nothing yet.")


def file_system(home: Path, mounts: Path = Path("/proc/mounts")) -> Check:
    """Whether the home is on this machine's own disk.

    Args:
        mounts: what is mounted where, as Linux tells it; other systems do not.
    """
    title = "File system"
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return Check("file_system", title, "unknown", "This system does not tell.")
    kind, place = "", ""
    for line in lines:
        _, mounted, type_ = line.split()[:3]
        mounted = mounted.replace("\\040", " ")
        if home.is_relative_to(mounted) and len(mounted) >= len(place):
            kind, place = type_, mounted
    if kind.removeprefix("fuse.") in REMOTE or kind == "fuse.sshfs":
        reason = f"{place} is {kind}, where the locks of SQLite may fail: chats could be damaged."
        fix: Hint = {
            "text": "Put the Hermes home on a local disk (`HermesExtension.hermes_home`), or make "
            "sure that no second machine uses it at the same time."
        }
        return Check("file_system", title, "warning", reason, fix)
    return Check("file_system", title, "ok", f"{place} is {kind}.")


def space(home: Path, enough: int = ENOUGH) -> Check:
    """Whether there is room for what is said next."""
    title = "Room on the disk"
    there = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(there).free
    reason = f"{free // 2**20} MB are free in {there}."
    fix: Hint = {"text": "Make room: what cannot be written until a restart is lost with it."}
    if free < enough // 100:
        return Check("space", title, "error", f"The disk is full: {reason}", fix)
    if free < enough:
        return Check("space", title, "warning", reason, fix)
    return Check("space", title, "ok", reason)


def other_servers(leases: Sequence[Path]) -> Check:
    """Whether other servers have conversations of this home open.

    Args:
        leases: the files of all servers but our own; of one that is gone, nobody holds it.
    """
    title = "Other servers"
    held = [path for path in leases if _held(path)]
    if not held:
        return Check("other_servers", title, "ok", "No other server uses this Hermes home.")
    count = "Another server uses" if len(held) == 1 else f"{len(held)} other servers use"
    reason = f"{count} this Hermes home. Each keeps to what it has open; nothing is taken over."
    fix: Hint = {"text": "Hold one conversation in one of them at a time."}
    return Check("other_servers", title, "warning", reason, fix)


def _held(lease: Path) -> bool:
    lock = FileLock(lease, mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        return False  # It is gone, or not ours to look at.
    lock.release()
    return False


def clock(epoch: str) -> Check:
    """Whether this machine's clock goes on from where it was.

    Args:
        epoch: of this run, in milliseconds as hexadecimal digits: above those before it.
    """
    title = "Clock"
    ahead = int(epoch, 16) / 1000 - time.time()
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if ahead > 1:
        reason = f"It says {now}, and was {ahead:.0f} s ahead of that before."
        fix: Hint = {
            "text": "Let the machine set its clock by the network; nothing is lost meanwhile."
        }
        return Check("clock", title, "warning", reason, fix)
    return Check("clock", title, "ok", f"It says {now}.")
