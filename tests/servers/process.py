"""Starting and stopping the servers' programs, and the few things each of them needs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES_REMEDY = (
    "Install them with: sh .ci/packages postfix dovecot-imapd dovecot-lmtpd dovecot-sieve opendkim "
    "(or `make test`)."
)


class ServersError(Exception):
    """A server of the tests cannot be started: the sentence says why and what to do."""


def program(name: str) -> str:
    """The path of a server's program, also where ``PATH`` leaves out ``/usr/sbin``."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise ServersError(f"The program {name} is not here. {PACKAGES_REMEDY}")
    return found


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 10.0) -> None:
    """Return once ``condition`` holds; raise ``TimeoutError`` naming ``what`` after ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {timeout:g} s: {what}")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(*command: str, input_text: str | None = None) -> str:
    """Run a program to its end and return what it printed; raise with its complaint when it fails."""
    done = subprocess.run(command, input=input_text, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise ServersError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Certificates:
    """A private certificate authority and a certificate of it for ``localhost`` and 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key, request = folder / "ca.key", folder / "server.csr"
        openssl = program("openssl")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        run(openssl, "req", "-x509", *curve, "-keyout", str(ca_key), "-out", str(self.ca_file), "-days", "2",
            "-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
        run(openssl, "req", *curve, "-keyout", str(self.key), "-out", str(request), "-subj", "/CN=localhost")
        extensions = folder / "server.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        run(openssl, "x509", "-req", "-in", str(request), "-CA", str(self.ca_file), "-CAkey", str(ca_key),
            "-CAcreateserial", "-days", "2", "-extfile", str(extensions),
            "-out", str(self.certificate))  # fmt: skip
        self.key.chmod(0o644)  # read by the servers' own users; it protects nothing
