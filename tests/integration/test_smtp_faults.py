"""The gateway against a scripted server on loopback: every way a transaction can go wrong, at every stage."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator, Sequence

import aiosmtplib
import pytest

from outreach.errors import InputError, RefusedError, SettingsError
from outreach.model.states import OutcomeKind as K
from outreach.model.values import Outcome
from outreach.smtp import Account, Mail, Security, SendingStoppedError, check_sign_in, deliver
from tests.servers.scripted import ScriptedServer


@pytest.fixture(params=["one by one", "pipelining"])
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedServer]:
    """Every fault comes twice: to a client that waits for each reply, and to one that does not."""
    scripted = ScriptedServer()
    scripted.extensions = "PIPELINING" if request.param == "pipelining" else "HELP"
    yield scripted
    scripted.stop()


class Outbox:
    """Stands for the database: what was marked, and what came of it."""

    def __init__(self, count: int = 1, *, data: bytes = b"Subject: x\r\n\r\nhello\r\n") -> None:
        self.mails = [Mail(n, "out@a.example", f"to{n}@b.example", data) for n in range(1, count + 1)]
        self.marked: list[int] = []
        self.outcomes: dict[int, Outcome] = {}
        self.lost_claims: set[int] = set()
        self.drawn: list[int] = []

    def draw(self) -> Iterator[Mail]:
        for mail in self.mails:
            self.drawn.append(mail.id)
            yield mail

    def record(self, handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        assert not set(handing_over) & set(self.marked), "handed over twice"
        assert not dict(finished).keys() & self.outcomes.keys(), "an outcome twice"
        held = [id_ for id_ in handing_over if id_ not in self.lost_claims]
        self.marked += held
        self.outcomes.update(finished)
        return held

    def send(self, server: ScriptedServer, connections: int = 1, **options: object) -> Outbox:
        account = Account(
            "127.0.0.1",
            server.port,
            Security.PLAIN,
            local_hostname="me.example",
            timeout=1.0,
            final_timeout=1.0,
        )
        deliver(
            account,
            self.draw(),
            record=self.record,
            connections=connections,
            reconnect_wait=0.0,
            **options,  # type: ignore[arg-type]
        )
        return self

    @property
    def kinds(self) -> list[K]:
        return [self.outcomes[n].kind for n in sorted(self.outcomes)]


def test_messages_go_over_one_kept_connection(server: ScriptedServer) -> None:
    outbox = Outbox(5).send(server)
    assert outbox.kinds == [K.ACCEPTED] * 5
    assert len(server.commands) == 1
    assert server.commands[0][:4] == [
        "EHLO me.example",
        "MAIL FROM:<out@a.example> SIZE=21",
        "RCPT TO:<to1@b.example>",
        "DATA",
    ]
    assert server.commands[0][-1] == "QUIT"
    assert server.accepted == [b"Subject: x\r\n\r\nhello\r\n"] * 5


def test_dots_are_doubled_on_the_wire(server: ScriptedServer) -> None:
    Outbox(data=b"Subject: x\r\n\r\n.\r\n.a\r\n").send(server)
    assert server.accepted == [b"Subject: x\r\n\r\n..\r\n..a\r\n"]


@pytest.mark.parametrize(
    ("verb", "reply", "kind", "stage"),
    [
        ("MAIL", "451 4.3.0 later", K.DEFERRED, "mail"),
        ("MAIL", "450 4.7.1 too fast", K.THROTTLED, "mail"),
        ("RCPT", "450 4.2.0 greylisted", K.DEFERRED, "rcpt"),
        ("RCPT", "550 5.1.1 unknown", K.REFUSED, "rcpt"),
        ("RCPT", "550-5.1.1 un\r\n550 5.1.1 known", K.REFUSED, "rcpt"),
        ("DATA", "451 4.3.0 later", K.DEFERRED, "data"),
        ("DATA", "554 5.7.1 no", K.REFUSED, "data"),
        ("END", "451 4.3.0 later", K.DEFERRED, "end_of_data"),
        ("END", "554 5.7.1 spam", K.REFUSED, "end_of_data"),
        ("END", "432 4.3.2 concurrent connections", K.THROTTLED, "end_of_data"),
    ],
)
def test_a_refusal_concerns_one_message_and_the_connection_goes_on(
    server: ScriptedServer, verb: str, reply: str, kind: K, stage: str
) -> None:
    server.script[verb] = ["250 ok" if verb != "DATA" else "354 go", reply]
    outbox = Outbox(3).send(server)
    assert outbox.kinds == [K.ACCEPTED, kind, K.ACCEPTED]
    outcome = outbox.outcomes[2]
    assert (outcome.stage, outcome.code) == (stage, int(reply[:3]))
    assert len(server.commands) == 1
    assert len(server.accepted) == 2
    assert outbox.marked == ([1, 2, 3] if verb == "END" else [1, 3])
    if verb != "END":
        assert server.commands[0].count("RSET") == 1


def test_a_server_that_takes_data_for_nobody_gets_no_empty_mail(server: ScriptedServer) -> None:
    """RFC 2920, section 3.1, has a lone dot there; should the server be wrong, somebody had an empty mail."""
    server.takes_any_data = True
    server.script["RCPT"] = ["250 ok", "550 5.1.1 unknown", "250 ok", "550 5.1.1 unknown"]
    outbox = Outbox(6).send(server)
    assert outbox.kinds == [K.ACCEPTED, K.REFUSED, K.ACCEPTED, K.REFUSED, K.ACCEPTED, K.ACCEPTED]
    assert len(server.accepted) == 4
    assert all(server.accepted)
    contents = [commands.count("<content>") for commands in server.commands]
    # To a client that pipelines it happens once: then DATA waits for the reply to RCPT.
    assert contents == ([1, 3] if server.extensions == "PIPELINING" else [4])


def test_the_next_message_goes_behind_the_content_of_the_one_before(server: ScriptedServer) -> None:
    outbox = Outbox(20)
    drawn_at_end: list[int] = []
    server.script["END"] = ["250 ok"]

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        drawn_at_end.extend(len(outbox.drawn) - id_ for id_ in handing_over)
        return outbox.record(handing_over, finished)

    account = Account("127.0.0.1", server.port, Security.PLAIN, local_hostname="me", timeout=1)
    deliver(account, outbox.draw(), record=record, connections=1)
    assert outbox.kinds == [K.ACCEPTED] * 20
    behind = 1 if server.extensions == "PIPELINING" else 0
    assert drawn_at_end == [behind] * 19 + [0]


@pytest.mark.parametrize("reply", ["421 4.3.2 enough for one connection|close", "close"])
def test_what_was_begun_behind_another_goes_over_the_next_connection(
    server: ScriptedServer, reply: str
) -> None:
    server.script["MAIL"] = ["250 ok", "250 ok", reply]
    outbox = Outbox(5).send(server)
    # One that waits learns of it before it has begun anything else; 421 is then about this very message.
    waits = server.extensions != "PIPELINING" and reply != "close"
    assert outbox.kinds == [K.ACCEPTED, K.ACCEPTED, K.THROTTLED if waits else K.ACCEPTED, *[K.ACCEPTED] * 2]
    assert len(server.commands) == 2


BREAKS = [
    ("MAIL", "mail", K.LOST_BEFORE),
    ("RCPT", "rcpt", K.LOST_BEFORE),
    ("DATA", "data", K.LOST_BEFORE),
    ("END", "end_of_data", K.LOST_AFTER),
]


@pytest.mark.parametrize(("verb", "stage", "kind"), BREAKS)
@pytest.mark.parametrize(
    "how", ["close", "silence", "hello, I am a web server", "250-begun|close", "2|silence", "354-x\r\n250 y"]
)
def test_a_break_at_each_stage(server: ScriptedServer, verb: str, stage: str, kind: K, how: str) -> None:
    server.script[verb] = [how]
    outbox = Outbox(2).send(server)
    assert outbox.kinds == [kind, K.ACCEPTED]
    assert outbox.outcomes[1].stage == stage
    assert outbox.outcomes[1].text
    assert len(server.commands) == 2  # the second message went over a new connection
    assert len(server.accepted) == 1


@pytest.mark.parametrize(("verb", "stage", "kind"), BREAKS)
def test_421_in_the_middle(server: ScriptedServer, verb: str, stage: str, kind: K) -> None:
    server.script[verb] = ["421 4.3.2 going down|close"]
    outbox = Outbox(2).send(server)
    assert outbox.kinds == [K.THROTTLED, K.ACCEPTED]  # after the end of DATA too: 421 says it was not taken
    assert outbox.outcomes[1].stage == stage
    assert len(server.commands) == 2


@pytest.mark.parametrize("reply", ["354 again", "123 what", "999 what", "250x"])
def test_a_strange_answer_to_the_end_of_data_is_uncertain(server: ScriptedServer, reply: str) -> None:
    server.script["END"] = [reply]
    outbox = Outbox(2).send(server)
    assert outbox.kinds == [K.LOST_AFTER, K.ACCEPTED]


def test_an_accepted_message_stays_accepted_when_the_server_then_goes(server: ScriptedServer) -> None:
    server.script["END"] = ["250 queued|close", "250 queued\r\n421 bye|close"]
    outbox = Outbox(4).send(server)
    assert outbox.kinds == [K.ACCEPTED] * 4
    assert len(server.accepted) == 4


def test_a_reply_nobody_asked_for_is_not_taken_for_the_next(server: ScriptedServer) -> None:
    # The second 250 would otherwise answer DATA's content before it was sent.
    server.script["RCPT"] = ["250 ok\r\n354 early\r\n250 earlier"]
    outbox = Outbox(2).send(server)
    assert outbox.kinds == [K.LOST_BEFORE, K.ACCEPTED]
    assert len(server.accepted) == 1


def test_a_server_that_stops_reading_has_not_taken_the_message(server: ScriptedServer) -> None:
    server.script["CONTENT"] = ["silence"]
    server.usual["EHLO"] = "250 here"
    outbox = Outbox(data=b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n" * 4_000_000).send(server)
    assert outbox.kinds == [K.LOST_BEFORE]
    assert outbox.outcomes[1].stage == "data"
    assert "stopped reading" in outbox.outcomes[1].text


def test_a_large_message_goes_whole(server: ScriptedServer) -> None:
    server.usual["EHLO"] = "250 here"
    data = b"Subject: x\r\n\r\n" + (b"y" * 74 + b"\r\n") * 100_000
    assert Outbox(2, data=data).send(server).kinds == [K.ACCEPTED] * 2
    assert server.accepted == [data] * 2


def test_a_lost_claim_sends_nothing(server: ScriptedServer) -> None:
    outbox = Outbox(4)
    outbox.lost_claims = {2}
    outbox.send(server)
    assert sorted(outbox.outcomes) == [1, 3, 4]
    assert len(server.accepted) == 3
    # After DATA a message can only be left out by going away: the next ones go over another connection.
    assert [commands.count("<content>") for commands in server.commands] == [1, 2]


def test_connections_are_renewed_after_so_many_messages(server: ScriptedServer) -> None:
    assert Outbox(5).send(server, messages_per_connection=2).kinds == [K.ACCEPTED] * 5
    assert [c.count("DATA") for c in server.commands] == [2, 2, 1]
    assert all(c[-1] == "QUIT" for c in server.commands)


def test_a_connection_closed_while_idle_costs_no_outcome(server: ScriptedServer) -> None:
    server.script["END"] = ["250 ok|close"]
    waits = iter([0.0, 0.1, 0.0, 0.0])
    outbox = Outbox(2).send(server, pace=lambda: next(waits))
    assert outbox.kinds == [K.ACCEPTED] * 2
    assert len(server.commands) == 2


def test_several_connections_share_the_work(server: ScriptedServer) -> None:
    outbox = Outbox(40).send(server, connections=4)
    assert outbox.kinds == [K.ACCEPTED] * 40
    assert len(server.commands) == 4
    assert len(server.accepted) == 40


def test_one_message_opens_one_connection(server: ScriptedServer) -> None:
    assert Outbox(1).send(server, connections=10).kinds == [K.ACCEPTED]
    assert len(server.commands) == 1


def test_nothing_to_send_is_no_error(server: ScriptedServer) -> None:
    assert Outbox(0).send(server).kinds == []


def test_a_server_that_allows_fewer_connections_is_used_with_those(server: ScriptedServer) -> None:
    server.script["GREETING"] = ["220 hi"] + ["421 4.7.0 too many connections|close"] * 3
    outbox = Outbox(20).send(server, connections=4)
    assert outbox.kinds == [K.ACCEPTED] * 20
    assert sorted(outbox.marked) == outbox.drawn == list(range(1, 21))


@pytest.mark.parametrize("greeting", ["554 no service", "421 busy|close", "close", "silence", "nonsense"])
def test_a_server_that_does_not_greet_touches_no_message(server: ScriptedServer, greeting: str) -> None:
    server.script["GREETING"] = [greeting]
    outbox = Outbox(3)
    with pytest.raises(SendingStoppedError) as caught:
        outbox.send(server)
    assert outbox.drawn == []
    assert outbox.outcomes == {}
    assert caught.value.outcome.kind is K.UNUSABLE
    assert caught.value.remedy
    assert f"127.0.0.1:{server.port}" in caught.value.message


def test_refusing_ehlo_and_helo_stops(server: ScriptedServer) -> None:
    server.script["EHLO"] = ["550 go away"]
    server.script["HELO"] = ["550 go away"]
    with pytest.raises(SendingStoppedError, match="550 go away"):
        Outbox(1).send(server)


def test_an_old_server_that_knows_only_helo(server: ScriptedServer) -> None:
    server.script["EHLO"] = ["502 what"]
    assert Outbox(1).send(server).kinds == [K.ACCEPTED]
    assert "MAIL FROM:<out@a.example>" in server.commands[0]


def test_a_refused_sender_stops_the_sender_and_burns_one_try(server: ScriptedServer) -> None:
    server.script["MAIL"] = ["250 ok", "553 5.7.1 not your address"]
    outbox = Outbox(5)
    with pytest.raises(SendingStoppedError, match="does not let this account send"):
        outbox.send(server)
    assert outbox.kinds == [K.ACCEPTED, K.UNUSABLE]
    assert len(server.accepted) == 1


def test_losing_the_connection_again_and_again_stops(server: ScriptedServer) -> None:
    server.script["DATA"] = ["close"] * 100
    outbox = Outbox(20)
    with pytest.raises(SendingStoppedError, match="3 times in a row"):
        outbox.send(server)
    assert outbox.kinds == [K.LOST_BEFORE] * 3
    assert len(outbox.drawn) == 3


def test_a_server_that_goes_away_for_good_leaves_the_rest_untouched(server: ScriptedServer) -> None:
    server.script["END"] = ["250 ok", "close"]
    server.script["GREETING"] = ["220 hi", *["421 gone|close"] * 10]
    outbox = Outbox(5)
    with pytest.raises(SendingStoppedError, match="421 gone"):
        outbox.send(server)
    assert outbox.kinds == [K.ACCEPTED, K.LOST_AFTER]
    assert outbox.marked == [1, 2]


def test_a_failing_callback_ends_the_batch_with_its_error(server: ScriptedServer) -> None:
    class DiskFullError(Exception):
        pass

    outbox = Outbox(300)
    full = True

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        nonlocal full
        if len(outbox.outcomes) > 5 and full:
            full = False
            raise DiskFullError
        return outbox.record(handing_over, finished)

    account = Account("127.0.0.1", server.port, Security.PLAIN, local_hostname="me", timeout=1)
    with pytest.raises(DiskFullError):
        deliver(account, outbox.draw(), record=record, connections=3)
    # whatever was begun has its outcome: nothing hangs between
    unmarked = outbox.outcomes.keys() - set(outbox.marked)
    assert {outbox.outcomes[id_].kind for id_ in unmarked} <= {K.LOST_BEFORE}
    assert outbox.outcomes.keys() == unmarked | set(outbox.marked)
    assert len(server.accepted) == len(outbox.marked) < 300


def test_an_interruption_lets_messages_under_way_come_to_their_end(server: ScriptedServer) -> None:
    outbox = Outbox(300)
    interrupted: list[bool] = []

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        if not interrupted and len(outbox.outcomes) >= 5:
            interrupted.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return outbox.record(handing_over, finished)

    account = Account("127.0.0.1", server.port, Security.PLAIN, local_hostname="me", timeout=1)
    with pytest.raises(KeyboardInterrupt):
        deliver(account, outbox.draw(), record=record, connections=3)
    assert sorted(outbox.outcomes) == sorted(outbox.marked) == sorted(outbox.drawn)
    assert set(outbox.kinds) == {K.ACCEPTED}
    assert len(server.accepted) == len(outbox.marked) < 300


def test_the_same_bytes_as_the_library_sends(server: ScriptedServer) -> None:
    data = b"Subject: x\r\n\r\n.one\r\n..two\r\nthree\r\n.\r\n"
    Outbox(1, data=data).send(server)

    async def reference() -> None:
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=server.port, local_hostname="me.example", start_tls=False
        )
        async with client:
            await client.sendmail("out@a.example", ["to1@b.example"], data)

    asyncio.run(reference())
    ours, theirs = server.commands
    assert [c.lower() for c in ours] == [c.lower() for c in theirs]
    assert server.accepted[0] == server.accepted[1]


@pytest.mark.parametrize(
    ("verb", "reply"),
    [
        ("MAIL", "451 4.3.0 not now"),
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "450-4.2.1 busy\r\n450 4.2.1 try later"),
        ("DATA", "554 5.7.1 no"),
        ("END", "552 5.2.2 full"),
        ("END", "250 2.0.0 taken as 7"),
    ],
)
def test_the_same_outcome_as_the_library_reports(server: ScriptedServer, verb: str, reply: str) -> None:
    server.script[verb] = [reply, reply]
    data = b"Subject: x\r\n\r\nhello\r\n"
    ours = Outbox(1, data=data).send(server).outcomes[1]

    async def reference() -> tuple[int, str]:
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=server.port, local_hostname="me.example", start_tls=False
        )
        async with client:
            try:
                _, said = await client.sendmail("out@a.example", ["to1@b.example"], data)
                return 250, said
            except aiosmtplib.SMTPRecipientsRefused as refused:
                return refused.recipients[0].code, refused.recipients[0].message
            except aiosmtplib.SMTPResponseException as refused:
                return refused.code, refused.message

    assert (ours.code, ours.text) == asyncio.run(reference())


def test_a_claim_that_cannot_be_marked_sends_nothing(server: ScriptedServer) -> None:
    outbox = Outbox(3)

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        if handing_over:
            raise RuntimeError("database is locked")
        return outbox.record(handing_over, finished)

    account = Account("127.0.0.1", server.port, Security.PLAIN, local_hostname="me", timeout=1)
    with pytest.raises(RuntimeError, match="locked"):
        deliver(account, outbox.draw(), record=record, connections=1)
    assert outbox.kinds == [K.LOST_BEFORE]
    assert "<content>" not in server.commands[0]


def test_the_pace_can_end_the_batch(server: ScriptedServer) -> None:
    turns = iter([0.0, 0.0, None])
    outbox = Outbox(5).send(server, pace=lambda: next(turns))
    assert outbox.drawn == [1, 2]
    assert outbox.kinds == [K.ACCEPTED] * 2


@pytest.mark.parametrize(
    ("recipient", "data", "why"),
    [
        ("δήμος@b.example", b"x\r\n", "SMTPUTF8"),
        ("to@b.example", "ü\r\n".encode(), "8BITMIME"),
        ("to@b.example", b"x" * 2000, "2,002 bytes"),
        ("not an address", b"x\r\n", "cannot be used"),
        ("to@b.example> SIZE=1 <x@y.example", b"x\r\n", "cannot be used"),
    ],
)
def test_what_the_server_cannot_take_is_refused_here(
    server: ScriptedServer, recipient: str, data: bytes, why: str
) -> None:
    server.script["EHLO"] = ["250-here\r\n250 SIZE 1000"]
    outbox = Outbox(2)
    outbox.mails[0] = Mail(1, "out@a.example", recipient, data)
    outbox.send(server)
    assert outbox.kinds == [K.REFUSED, K.ACCEPTED]
    assert why in outbox.outcomes[1].text
    assert outbox.outcomes[1].code is None
    assert outbox.marked == [2]


def test_smtputf8_where_it_is_offered(server: ScriptedServer) -> None:
    server.script["EHLO"] = ["250-here\r\n250-8BITMIME\r\n250 SMTPUTF8"]
    outbox = Outbox(1)
    outbox.mails[0] = Mail(1, "out@a.example", "δήμος@δήμος.example", "To: δήμος\r\n\r\n".encode())
    outbox.send(server)
    assert outbox.kinds == [K.ACCEPTED]
    assert server.commands[0][1] == "MAIL FROM:<out@a.example> BODY=8BITMIME SMTPUTF8"
    assert server.commands[0][2] == "RCPT TO:<δήμος@xn--jxalzmp.example>"


@pytest.mark.parametrize("extension", ["8BITMIME", "HELP"])
def test_a_mail_is_made_as_the_server_takes_it(server: ScriptedServer, extension: str) -> None:
    server.script["EHLO"] = [f"250-here\r\n250 {extension}"]
    told: list[bool] = []

    def made(eight_bit: bool) -> bytes:
        told.append(eight_bit)
        return ("ü" if eight_bit else "=C3=BC").encode() + b"\r\n"

    outbox = Outbox(3)
    outbox.mails[1] = Mail(2, "out@a.example", "to2@b.example", made)
    outbox.send(server)
    assert outbox.kinds == [K.ACCEPTED] * 3
    assert told == [extension == "8BITMIME"]
    assert server.accepted[1] == ("ü\r\n" if told[0] else "=C3=BC\r\n").encode()


def test_a_mail_that_cannot_be_made_is_refused_alone(server: ScriptedServer) -> None:
    def made(eight_bit: bool) -> bytes:
        raise InputError("The address 'x' cannot be used.")

    outbox = Outbox(3)
    outbox.mails[1] = Mail(2, "out@a.example", "to2@b.example", made)
    outbox.send(server)
    assert outbox.kinds == [K.ACCEPTED, K.REFUSED, K.ACCEPTED]
    assert outbox.marked == [1, 3]


def test_what_keeps_all_mails_from_being_made_ends_the_batch(server: ScriptedServer) -> None:
    def made(eight_bit: bool) -> bytes:
        raise RefusedError("The text is gone.")

    outbox = Outbox(5)
    outbox.mails[2] = Mail(3, "out@a.example", "to3@b.example", made)
    with pytest.raises(RefusedError, match="gone"):
        outbox.send(server)
    assert outbox.kinds == [K.ACCEPTED] * 2, "those under way came to their end"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SendingStoppedError, match="Nothing listens"):
        check_sign_in(Account("127.0.0.1", port, Security.PLAIN, timeout=1))


def test_plain_only_to_this_machine() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        Account(host, 25, Security.PLAIN)
    for host in ("mail.example", "192.0.2.1", "localhost.example"):
        with pytest.raises(SettingsError, match="without encryption"):
            Account(host, 25, Security.PLAIN)


def test_secrets_are_not_shown() -> None:
    assert "geheim" not in repr(Account("localhost", 25, username="u", password="geheim"))
