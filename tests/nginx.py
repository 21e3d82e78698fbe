"""A real nginx before a server: as the documents say, or as somebody else has set it up."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port, wait_until_open

_DOCUMENT = Path(__file__).parent.parent / "docs" / "proxies.md"

#: The documents' example of a prefix.
PREFIX = "/lab-of/ada/"

#: What the documents tell an administrator.
(DOCUMENTED,) = re.findall(r"^```nginx\n(.*?)^```", _DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


def plain(*more: str) -> str:
    """What nginx does by itself, buffering all and speaking HTTP/1.0, but for some directives."""
    location = " ".join(["proxy_pass http://127.0.0.1:8888;", *more])
    return f"server {{ listen 80; location {PREFIX} {{ {location} }} }}"


_AROUND = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


class Nginx:
    """An nginx that may be stopped and started, on a port of its own.

    Args:
        folder: for its files.
        upstream: the server's port.
        prefix: of the addresses that are handed on, decoded, with a slash at both ends.
    """

    def __init__(self, folder: Path, upstream: int, prefix: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._here = {
            "listen 80;": f"listen 127.0.0.1:{self.port};",
            "127.0.0.1:8888": f"127.0.0.1:{upstream}",
            PREFIX: prefix,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, site: str) -> None:
        """Serve a site that is as the documents have it, but for what is different here."""
        for example, here in self._here.items():
            assert example in site
            site = site.replace(example, here)
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "nginx.conf"
        config.write_text(_AROUND.format(folder=self._folder, site=site))
        command = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        assert command, "These tests need nginx: apt-get install nginx"
        self._process = subprocess.Popen([command, "-c", str(config), "-e", "stderr"])
        wait_until_open(self.port, 20)

    def stop(self) -> None:
        """End, and cut what is open."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


@contextmanager
def run_nginx(folder: Path, site: str, upstream: int, prefix: str = PREFIX) -> Iterator[Nginx]:
    """Run one until the block ends."""
    nginx = Nginx(folder, upstream, prefix)
    try:
        nginx.start(site)
        yield nginx
    finally:
        nginx.stop()
