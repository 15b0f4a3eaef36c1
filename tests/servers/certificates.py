"""Certificates of a test run."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Certificates:
    """Self-signed certificates for this test run, one for each thing that can be wrong."""

    def __init__(self, folder: Path) -> None:
        self.key = folder / "key.pem"
        self.good = folder / "good.pem"
        self.other_name = folder / "other.pem"
        self.expired = folder / "expired.pem"
        self.stranger = folder / "stranger.pem"
        self._openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=here",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.good,
        )  # fmt: skip
        self._openssl(
            "req -x509 -days 2 -subj /CN=there -addext subjectAltName=DNS:mail.other.example",
            "-key", self.key, "-out", self.other_name,
        )  # fmt: skip
        self._openssl(
            "req -x509 -days 2 -subj /CN=stranger -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-key", self.key, "-out", self.stranger,
        )  # fmt: skip
        request = folder / "request.pem"
        self._openssl(
            "req -new -subj /CN=here -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-key", self.key, "-out", request,
        )  # fmt: skip
        signing = ("-in", request, "-signkey", self.key, "-out", self.expired)
        try:
            self._openssl("x509 -req -days -1 -copy_extensions copy", *signing)
        except subprocess.CalledProcessError:  # newer releases name the days instead
            dates = "-not_before 20200101000000Z -not_after 20200201000000Z"
            self._openssl(f"x509 -req {dates} -copy_extensions copy", *signing)

    @staticmethod
    def _openssl(words: str, *more: str | Path) -> None:
        subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)

    def context(self, certificate: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self.key)
        return context
