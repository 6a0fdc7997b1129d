"""Serve real git repositories over HTTP on the loopback: `git http-backend`, with what a forge adds of hooks and tokens."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECONDS = 60


class Server:
    """A server of the bare repositories in one folder; `token` is the password that it asks for, none where it is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = ""
        self.requests: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._thread.join(SECONDS)
        self._http.server_close()

    def url(self, name: str = "origin", user: str = "") -> str:
        """Return a repository's address, with a user and password where one is given."""
        return f"http://{user + '@' if user else ''}127.0.0.1:{self._http.server_port}/{name}.git"

    def create(self, name: str = "origin", source: Path | None = None) -> Path:
        """Make an empty bare repository, or a copy of one, that takes pushes and gives parts."""
        path = self.folder / f"{name}.git"
        made = ["clone", "-q", "--bare", str(source)] if source else ["init", "-q", "--bare", "-b", "main"]
        subprocess.run(["git", *made, str(path)], check=True, capture_output=True)
        for setting in ("http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            subprocess.run(["git", "-C", str(path), "config", setting, "true"], check=True)
        return path

    def hook(self, name: str, script: str, repository: str = "origin") -> None:
        """Install a hook, as shell."""
        path = self.folder / f"{repository}.git" / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def refuse(self, ref: str, text: str, repository: str = "origin") -> None:
        """Protect a ref: every push to it is refused with a text."""
        told = f"echo {shlex.quote(text)} >&2; exit 1"
        self.hook(
            "pre-receive", f'while read old new ref; do [ "$ref" = {ref} ] && {{ {told}; }}; done; exit 0', repository
        )


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            server.requests.append(format % args)

        def _answer(self) -> None:
            if server.token and not self._allowed():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            path, _mark, query = self.path.partition("?")
            done = subprocess.run(
                ["git", "http-backend"],
                input=b"".join(self._body()),
                env=self._environment(path, query),
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
            head, _blank, body = done.stdout.partition(b"\r\n\r\n")
            rows = [line.partition(b": ")[::2] for line in head.split(b"\r\n")]
            fields = {name.decode(): value.decode() for name, value in rows}
            self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _allowed(self) -> bool:
            from base64 import b64decode

            _scheme, _space, given = self.headers.get("Authorization", "").partition(" ")
            return b64decode(given).decode().partition(":")[2] == server.token

        def _body(self) -> Iterator[bytes]:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
                return
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()

        def _environment(self, path: str, query: str) -> dict[str, str]:
            return {
                **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_USER": "somebody",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }

    return Handler
