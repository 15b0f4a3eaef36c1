"""A private Postfix: it accepts for ``.example`` and ``.test`` only, and hands all mail to Dovecot.

Which domain does what:

* any other: an address without a mailbox is refused at RCPT (550 5.1.1);
* ``late.example`` and below it: every address is accepted, one without a mailbox comes back as a delivery
  report (RFC 3464) when Dovecot refuses it;
* ``busy.example`` and below: refused for now at RCPT (450 4.2.1);
* ``blocked.example`` and below: refused for good at RCPT by policy (550 5.7.1);
* ``full.example`` and below: the same, and an address with a mailbox comes back because it is full (5.2.2);
* ``utf8.example``: mail goes straight into Dovecot's folders, since its LMTP server takes no address with
  letters beyond ASCII before the @ (RFC 6531);
* ``away.example`` and below: delivered without the headers by which an answering machine can tell that no person
  wrote (RFC 3834, section 2). Sieve heeds them and stays silent, many others do not look.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.servers.dovecot import Dovecot
from tests.servers.process import Certificates, ServersError, free_ports, listens, program, run, wait_until

_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/postfix.log
maillog_file_prefixes = {root}
multi_instance_name = postfix-outreach-tests
multi_instance_enable = no
syslog_name = outreach-tests
myhostname = mx.outreach.test
mydomain = outreach.test
myorigin = outreach.test
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = yes
biff = no
alias_maps =
alias_database =
local_recipient_maps =
recipient_delimiter = +
message_size_limit = 31457280
mailbox_size_limit = 0
virtual_mailbox_limit = 0

# Nothing leaves this machine.
relayhost =
default_transport = error:5.1.2 nothing leaves this machine
disable_dns_lookups = yes
smtp_host_lookup = native
lmtp_host_lookup = native

virtual_mailbox_domains = regexp:{root}/strict-domains
virtual_mailbox_maps = {map_type}:{root}/mailboxes
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
transport_maps = regexp:{root}/transports
virtual_mailbox_base = {mail}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
relay_domains = regexp:{root}/late-domains
relay_recipient_maps =
relay_transport = lmtp:inet:127.0.0.1:{lmtp_port}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:{root}/access
smtpd_peername_lookup = no
smtpd_delay_reject = yes
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000

smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth_port}
smtpd_sasl_security_options = noanonymous

minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
notify_classes =
in_flow_delay = 0
default_destination_rate_delay = 0
lmtp_destination_concurrency_limit = 10
"""

_MASTER = """\
127.0.0.1:{smtp_port} inet n - n - 50 smtpd
127.0.0.1:{smtps_port} inet n - n - 50 smtpd -o smtpd_tls_wrappermode=yes
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
lmtp      unix - - n - - lmtp
unmarked  unix - - n - - lmtp -o lmtp_header_checks=regexp:{root}/marks
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

_LATE = r"(^|\.)(late|full)\.example$"
_ROOT_REMEDY = (
    "Postfix can only be started by root, and sudo asks for a password or is not here: "
    "run the tests as root (sudo .venv/bin/python -m pytest), or type `sudo -v` first."
)


class Postfix:
    """The SMTP side of a :class:`tests.servers.host.MailHost`."""

    def __init__(self, root: Path, certificates: Certificates) -> None:
        self.root = root
        self.smtp_port, self.smtps_port = free_ports(2)
        self._certificates = certificates
        self._mailboxes: dict[str, str] = {}  # address -> the folder of its mail
        self._as_root: list[str] = []
        self._map_type = "hash"

    def start(self, dovecot: Dovecot) -> None:
        """Return when its port answers; raise :class:`ServersError` with the log when it does not."""
        postfix = program("postfix")
        if os.geteuid() != 0:
            if not _sudo_works():
                raise ServersError(_ROOT_REMEDY)
            self._as_root = ["sudo", "-n"]
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "queue").mkdir()
        self._map_type = run(program("postconf"), "-d", "-h", "default_database_type").strip()
        values = {
            "root": self.root,
            "map_type": self._map_type,
            "certificate": self._certificates.certificate,
            "key": self._certificates.key,
            "lmtp_port": dovecot.lmtp_port,
            "auth_port": dovecot.auth_port,
            "smtp_port": self.smtp_port,
            "smtps_port": self.smtps_port,
            "mail": dovecot.mail,
            "uid": dovecot.mail.stat().st_uid,
            "gid": dovecot.mail.stat().st_gid,
        }
        files = {
            "main.cf": _MAIN.format(**values),
            "master.cf": _MASTER.format(**values),
            "late-domains": f"/{_LATE}/ OK\n",
            "strict-domains": f"if !/{_LATE}/\n/\\.(example|test)$/ OK\nendif\n",
            "transports": (
                "/[@.]utf8\\.example$/ virtual:\n"
                f"/[@.]away\\.example$/ unmarked:inet:127.0.0.1:{dovecot.lmtp_port}\n"
            ),
            "marks": "/^(Auto-Submitted|Precedence|List-[A-Za-z-]+|X-Auto-Response-Suppress):/ IGNORE\n",
            "access": (
                "/[@.]busy\\.example$/ 450 4.2.1 The mailbox is being moved, try again later\n"
                "/[@.]blocked\\.example$/ 550 5.7.1 Refused by the policy of this domain\n"
            ),
        }
        for name, text in files.items():
            (self.root / name).write_text(text)
            os.utime(self.root / name, (0, 0))  # Postfix waits until its configuration is older than now
        self._write_mailboxes()
        if not self._as_root:
            self._lay_out_queue()
        try:
            run(*self._as_root, postfix, "-c", str(self.root), "start")
            wait_until(
                lambda: listens(self.smtp_port) and listens(self.smtps_port), "Postfix does not listen"
            )
        except (ServersError, TimeoutError) as error:
            raise ServersError(f"Postfix did not start: {error}\n{self.log()}") from error

    def stop(self) -> None:
        """Stop it and all it started."""
        pid_file = self.root / "queue" / "pid" / "master.pid"
        if not pid_file.exists():
            return
        if not self._as_root:  # at once, where `postfix stop` sleeps a second
            master = int(pid_file.read_text())
            with contextlib.suppress(ProcessLookupError):
                os.kill(master, signal.SIGTERM)
            wait_until(lambda: not _runs(master), "Postfix does not stop")
        else:
            run(*self._as_root, program("postfix"), "-c", str(self.root), "stop")

    def remove(self) -> None:
        """Delete its folder, which holds files of Postfix's own user."""
        run(*self._as_root, "rm", "-rf", str(self.root))

    def add_mailbox(self, address: str, mailbox: str | None = None) -> None:
        """Accept mail for ``address`` from now on; that of ``utf8.example`` goes to ``mailbox``."""
        name, _, domain = (mailbox or address).lower().partition("@")
        self._mailboxes[address.lower()] = f"{domain}/{name}/Maildir/"
        self._write_mailboxes()

    def queued(self) -> list[dict[str, object]]:
        """What waits in the queue: Postfix's own description, one object a message."""
        lines = run(*self._as_root, program("postqueue"), "-c", str(self.root), "-j").splitlines()
        return [json.loads(line) for line in lines]

    def flush(self) -> None:
        """Try everything in the queue now."""
        run(*self._as_root, program("postqueue"), "-c", str(self.root), "-f")

    def set(self, name: str, value: str) -> None:
        """Give a setting of ``main.cf`` another value, from now on."""
        run(program("postconf"), "-c", str(self.root), "-e", f"{name} = {value}")
        run(*self._as_root, program("postfix"), "-c", str(self.root), "reload")

    def log(self) -> str:
        """What Postfix said so far."""
        file = self.root / "postfix.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _lay_out_queue(self) -> None:
        """Make the queue's folders, and let `postfix start` skip two seconds of checking them."""
        queue = self.root / "queue"
        (queue / "pid").mkdir()
        (queue / "quick-start").touch()
        queues = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"]
        for name in (*queues, "private", "saved", "trace"):
            (queue / name).mkdir(mode=0o700)
            shutil.chown(queue / name, "postfix")
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (queue / name).mkdir()
            (queue / name).chmod(mode)
            shutil.chown(queue / name, "postfix", "postdrop")
        (self.root / "data").mkdir(mode=0o700)
        shutil.chown(self.root / "data", "postfix")

    def _write_mailboxes(self) -> None:
        file = self.root / "mailboxes"
        file.write_text("".join(f"{address} {folder}\n" for address, folder in self._mailboxes.items()))
        run(program("postmap"), "-c", str(self.root), f"{self._map_type}:{file}")
        # Postfix opens a table again when its time has changed, by whole seconds: give each its own.
        os.utime(file, (0, 0))
        for table in self.root.glob("mailboxes.*"):
            os.utime(table, (len(self._mailboxes), len(self._mailboxes)))


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _sudo_works() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
