"""A disk of its own for a Hermes home, which can be filled."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

#: The size of the disk: enough for all that these turns leave there.
SIZE = "64m"


class Disk:
    """A small file system in memory, where this user may mount one.

    Elsewhere, the processes that write may write no file beyond the size that the largest one has:
    the errors are as real, only that their number is another one.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._filler = path / "filler"
        line = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(path)]
        self.mounted = (
            os.geteuid() == 0 and not subprocess.run(line, capture_output=True).returncode
        )

    def fill(self, writers: Iterable[psutil.Process]) -> None:
        """Leave no room."""
        if not self.mounted:
            sizes = [file.stat().st_size for file in self.path.rglob("*") if file.is_file()]
            self._limit(writers, max(sizes, default=0))
            return
        with self._filler.open("ab", buffering=0) as filler:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        filler.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self, writers: Iterable[psutil.Process]) -> None:
        """Make room again."""
        if not self.mounted:
            self._limit(writers, resource.RLIM_INFINITY)
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away, with all that is on it."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def _limit(self, writers: Iterable[psutil.Process], size: int) -> None:
        for process in writers:
            process.rlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
