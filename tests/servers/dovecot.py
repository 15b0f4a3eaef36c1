"""A private Dovecot: IMAP, IMAPS, LMTP, Sieve vacation, and sign-in for Postfix.

It runs wholly as one ordinary user (``nobody`` when the tests run as root), so it needs no system users.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from tests.servers.process import Certificates, ServersError, free_ports, listens, program, wait_until

# Named in another language on purpose: only its special use (RFC 6154) tells that it is the Sent folder.
SENT_FOLDER = "Éléments envoyés"

_CONFIGURATION = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
instance_name = outreach-tests
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_fsync = never
mail_location = maildir:~/Maildir
recipient_delimiter = +
hostname = mx.outreach.test
postmaster_address = postmaster@outreach.test
submission_host = 127.0.0.1:{smtp_port}
login_trusted_networks = 127.0.0.0/8
mail_max_userip_connections = 100
stats_writer_socket_path =
shutdown_clients = yes

passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {users}/%Lu
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {users}/%Lu
  override_fields = home={root}/mail/%d/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox {sent} {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Entwürfe {{
    special_use = \\Drafts
  }}
}}
service anvil {{
  chroot =
  # No growing delays after wrong passwords.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service imap {{
  process_min_avail = 1
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service auth {{
  inet_listener postfix {{
    port = {auth_port}
  }}
}}
protocol lmtp {{
  mail_plugins = sieve quota
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  sieve = file:~/sieve;active=~/active.sieve
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
  sieve_vacation_send_from_recipient = yes
}}
"""


class Dovecot:
    """The IMAP and LMTP side of a :class:`tests.servers.host.MailHost`."""

    def __init__(self, root: Path, certificates: Certificates, smtp_port: int) -> None:
        self.root = root
        self.imap_port, self.imaps_port, self.lmtp_port, self.auth_port = free_ports(4)
        self.users = root / "users"  # a file each: one for all would be read again only once a second
        self._certificates = certificates
        self._smtp_port = smtp_port
        self._user, self._group = ("nobody", "nogroup") if os.geteuid() == 0 else (None, None)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when all ports answer; raise :class:`ServersError` with the log when they do not."""
        dovecot = program("dovecot")
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("run", "state", "mail", "users"):
            self._own(self.root / name)
        configuration = self.root / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                root=self.root,
                user=self._user or _name_of_user(),
                group=self._group or _name_of_group(),
                certificate=self._certificates.certificate,
                key=self._certificates.key,
                users=self.users,
                sent=f'"{SENT_FOLDER}"',
                smtp_port=self._smtp_port,
                imap_port=self.imap_port,
                imaps_port=self.imaps_port,
                lmtp_port=self.lmtp_port,
                auth_port=self.auth_port,
            )
        )
        (self.root / "dovecot.log").touch(mode=0o666)
        (self.root / "dovecot.log").chmod(0o666)
        account = {"user": self._user, "group": self._group, "extra_groups": []} if self._user else {}
        with (self.root / "dovecot.err").open("wb") as complaints:
            self._process = subprocess.Popen(
                [dovecot, "-c", str(configuration), "-F"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,
                **account,  # type: ignore[call-overload]
            )
        ports = (self.imap_port, self.imaps_port, self.lmtp_port, self.auth_port)
        try:
            wait_until(lambda: self._dead() or all(map(listens, ports)), "Dovecot does not listen")
        except TimeoutError as error:
            self.stop()
            raise ServersError(f"{error}\n{self.log()}") from error
        if self._dead():
            raise ServersError(f"Dovecot did not start:\n{self.log()}")

    def stop(self) -> None:
        """Stop it and all it started, at once: what it holds is thrown away."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=5)
            self._process = None

    def add_mailbox(self, address: str, password: str, full: bool = False) -> None:
        """A mailbox for ``address``; known from now on, to IMAP and to LMTP; ``full``: without room."""
        quota = ":userdb_quota_rule=*:bytes=1" if full else ":"
        line = f"{address.lower()}:{{PLAIN}}{password}:::::{quota}\n"
        (self.users / address.lower()).write_text(line, encoding="utf-8")
        self._own(self.home(address))

    def add_sieve(self, address: str, script: str) -> None:
        """Let ``script`` (RFC 5228) run on each message that arrives for ``address``."""
        file = self.home(address) / "active.sieve"
        file.write_text(script, encoding="utf-8")
        compiled = file.with_suffix(".svbin")
        compiled.unlink(missing_ok=True)
        self._own(self.home(address) / "sieve")

    def remove_sieve(self, address: str) -> None:
        """Undo :meth:`add_sieve`."""
        for name in ("active.sieve", "active.svbin"):
            (self.home(address) / name).unlink(missing_ok=True)

    def home(self, address: str) -> Path:
        """The folder that holds the mailbox."""
        name, _, domain = address.lower().partition("@")
        return self.mail / domain / name

    @property
    def mail(self) -> Path:
        """The folder above all mailboxes, which belongs to the user Dovecot runs as."""
        return self.root / "mail"

    def log(self) -> str:
        """What Dovecot said so far."""
        names = ("dovecot.err", "dovecot.log")
        files = [self.root / name for name in names]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _own(self, folder: Path) -> None:
        """Make the folder, and it and its parents up to ours belong to the user Dovecot runs as."""
        folder.mkdir(parents=True, exist_ok=True)
        while self._user and folder != self.root and folder.is_relative_to(self.root):
            shutil.chown(folder, self._user, self._group)
            folder = folder.parent


def _name_of_user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _name_of_group() -> str:
    return grp.getgrgid(os.getegid()).gr_name
