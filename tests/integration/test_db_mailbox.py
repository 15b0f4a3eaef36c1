"""What came in, on real databases: kept once, and the cursor with it or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from outreach.db import campaigns, inbox, mailbox, schema
from outreach.db.engine import Database
from outreach.errors import IllegalMoveError, RefusedError
from outreach.model.states import (
    CampaignState,
    EngagementKind,
    InboxState,
    MessageState,
    RegistrationState,
    SuppressionReason,
    SuppressionScope,
)
from tests import databases, histories
from tests.histories import NOW, state_of

database = databases.fixture()


def _inbound(uid: int = 1, **values: Any) -> dict[str, Any]:
    row = {
        "sender": "mine",
        "folder": "INBOX",
        "uidvalidity": 7,
        "uid": uid,
        "digest": f"digest {uid}",
        "state": InboxState.OPEN,
        "subject": "Re: An invitation",
        "received_at": NOW,
        "raw": b"Subject: Re\r\n\r\nYes",
    }
    return row | values


def _answered(connection: sa.Connection, message_id: int, sender: str = "mine") -> mailbox.Answered:
    column = schema.message.c
    token = connection.execute(sa.select(column.token).where(column.id == message_id)).scalar_one()
    return mailbox.messages_by(connection, sender, "token", [token])[0]


class TestReading:
    def test_the_cursor_moves_with_the_message_or_not_at_all(self, database: Database) -> None:
        with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
            mailbox.add_inbound(connection, _inbound(5))
            mailbox.move_cursor(connection, "mine", "INBOX", 7, 5, NOW)
            _ = 1 / 0
        with database.write() as connection:
            assert mailbox.cursor(connection, "mine", "INBOX") is None
            assert not mailbox.is_known(connection, "mine", "digest 5")
            assert mailbox.add_inbound(connection, _inbound(5)) is not None
            mailbox.move_cursor(connection, "mine", "INBOX", 7, 5, NOW)
        with database.write() as connection:
            assert mailbox.cursor(connection, "mine", "INBOX") == mailbox.Cursor(7, 5)
            assert mailbox.is_known(connection, "mine", "digest 5")
            mailbox.move_cursor(connection, "mine", "INBOX", 2**32 - 1, 1, NOW)
            assert mailbox.cursor(connection, "mine", "INBOX") == mailbox.Cursor(2**32 - 1, 1)
            assert mailbox.cursor(connection, "mine", "Junk") is None

    def test_a_message_is_kept_once_by_place_and_known_by_its_bytes(self, database: Database) -> None:
        with database.write() as connection:
            assert mailbox.add_inbound(connection, _inbound()) is not None
            assert mailbox.add_inbound(connection, _inbound(digest="another")) is None
            assert mailbox.add_inbound(connection, _inbound(uidvalidity=8)) is not None
            assert mailbox.is_known(connection, "mine", "digest 1")
            assert not mailbox.is_known(connection, "mine", "another")
            assert not mailbox.is_known(connection, "other", "digest 1")

    def test_a_suppression_stands_with_its_first_reason(self, database: Database) -> None:
        def suppress(reason: SuppressionReason) -> bool:
            with database.write() as connection:
                return mailbox.suppress(
                    connection,
                    key="k",
                    scope=SuppressionScope.ADDRESS,
                    address="info@town.example",
                    reason=reason,
                    source="inbox 1",
                    now=NOW,
                )

        assert suppress(SuppressionReason.UNSUBSCRIBED)
        assert not suppress(SuppressionReason.BOUNCED)
        with database.read() as connection:
            row = connection.execute(sa.select(schema.suppression)).one()
        assert (row.reason, row.address) == (SuppressionReason.UNSUBSCRIBED, "info@town.example")


class TestMatching:
    def test_only_mails_of_the_sender_that_may_have_arrived_are_found(self, database: Database) -> None:
        with database.write() as connection:
            ids = {state: histories.add_messages(connection, 1, state=state)[0] for state in MessageState}
            tokens = connection.execute(sa.select(schema.message.c.token)).scalars().all()
            found = mailbox.messages_by(connection, "mine", "token", tokens)
            assert mailbox.messages_by(connection, "other", "token", tokens) == []
            assert mailbox.messages_by(connection, "mine", "token", []) == []
        assert {one.message_id for one in found} == {
            ids[state] for state in (MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN)
        }

    def test_the_latest_mail_first_and_running_campaigns_before_others(self, database: Database) -> None:
        with database.write() as connection:
            finished = histories.add_campaign(connection, "a-be", state=CampaignState.FINISHED)
            running = histories.add_campaign(connection, "b-be")
            place = histories.add_municipality(connection)
            found = []
            for campaign_id, hour, email in ((finished, 3, "x"), (running, 1, "y"), (running, 2, "z")):
                recipient = histories.add_recipient(connection, campaign_id, place, f"{email}@town.example")
                found.append(
                    histories.add_message(
                        connection,
                        recipient,
                        state=MessageState.SENT,
                        handed_at=NOW + timedelta(hours=hour),
                    )
                )
            answers = mailbox.messages_to_domain(connection, "mine", "Town.example")
            assert [one.message_id for one in answers] == [found[2], found[1], found[0]]
            for domain in ("own.example", "t_wn.example", "%", ""):
                assert mailbox.messages_to_domain(connection, "mine", domain) == []

    def test_a_bounce_settles_an_uncertain_mail_and_leaves_others_alone(self, database: Database) -> None:
        with database.write() as connection:
            for state, after in (
                (MessageState.SENT, MessageState.BOUNCED),
                (MessageState.UNCERTAIN, MessageState.BOUNCED),
                (MessageState.QUEUED, MessageState.QUEUED),
                (MessageState.FAILED, MessageState.FAILED),
            ):
                id_ = histories.add_messages(connection, 1, state=state, handed_at=NOW)[0]
                mailbox.mark_bounced(connection, id_, "5.1.1")
                mailbox.mark_bounced(connection, id_, "5.1.1")
                assert state_of(connection, id_) is after

    def test_an_answer_settles_an_uncertain_mail_once(self, database: Database) -> None:
        with database.write() as connection:
            id_ = histories.add_messages(connection, 1, state=MessageState.UNCERTAIN, handed_at=NOW)[0]
            assert mailbox.settle_uncertain(connection, id_, "an answer names it")
            assert not mailbox.settle_uncertain(connection, id_, "an answer names it")
            row = connection.execute(sa.select(schema.message)).one()
        assert (row.state, row.sent_at) == (MessageState.SENT, NOW)

    def test_one_place_a_municipality_that_can_change(self, database: Database) -> None:
        with database.write() as connection:
            id_ = histories.add_messages(connection, 1, state=MessageState.SENT)[0]
            answered = _answered(connection, id_)
            assert mailbox.registration_of(connection, answered) is None
            for state in (RegistrationState.REGISTERED, RegistrationState.CANCELLED):
                mailbox.register(
                    connection, answered, state, name="Ann", email="a@b.example", inbound_id=None, now=NOW
                )
                assert mailbox.registration_of(connection, answered) is state
            count = sa.select(sa.func.count()).select_from(schema.registration)
            assert connection.execute(count).scalar_one() == 1


class TestInbox:
    def test_open_ones_with_their_last_verdict(self, database: Database) -> None:
        with database.write() as connection:
            id_ = histories.add_messages(connection, 1, state=MessageState.SENT)[0]
            inbound_id = mailbox.add_inbound(connection, _inbound())
            done = mailbox.add_inbound(connection, _inbound(2, state=InboxState.DONE))
            assert inbound_id
            assert done
            mailbox.add_match(connection, inbound_id, id_, "token", "in the body")
            mailbox.add_match(connection, inbound_id, id_, "token", "in the body")
            for confidence in (0.4, 0.9):
                mailbox.add_verdict(
                    connection,
                    {
                        "inbound_id": inbound_id,
                        "at": NOW,
                        "by": "outreach",
                        "kind": "reply",
                        "intent": "question",
                        "language": "nl",
                        "confidence": confidence,
                        "detector": "replies",
                        "evidence": ["vraag"],
                        "text": "Een vraag",
                        "details": {},
                    },
                )
            (row,) = inbox.open_inbox(connection, [InboxState.OPEN])
            assert (row["id"], row["confidence"], row["evidence"], row["message_id"]) == (
                inbound_id,
                0.9,
                ["vraag"],
                id_,
            )
            assert inbox.resolve(connection, inbound_id, "ann", "answered by telephone", NOW)
            assert not inbox.resolve(connection, inbound_id, "bob", "again", NOW)
            assert not inbox.resolve(connection, done, "bob", "again", NOW)
            assert inbox.open_inbox(connection, [InboxState.OPEN]) == []
            kept = inbox.inbound(connection, inbound_id)
            assert kept is not None
            assert kept["resolved_by"] == "ann"
            assert inbox.inbound(connection, 999) is None


class TestCampaigns:
    def test_a_check_that_saw_an_older_state_does_not_take_a_launch_back(self, database: Database) -> None:
        values: dict[str, Any] = {
            "slug": "lordimas",
            "country": "BE",
            "sender": "mine",
            "title": "t",
            "definition": "{}",
            "digest": "d",
            "now": NOW,
        }
        with database.write() as connection:
            campaigns.save_check(connection, name="lordimas-be", passed=False, **values)
            campaigns.save_check(connection, name="lordimas-be", passed=True, **values)
            seen = campaigns.get(connection, "lordimas-be")
            campaigns.move(connection, seen, CampaignState.RUNNING, launched_at=NOW)
            with pytest.raises(RefusedError, match="somebody else"):
                campaigns.move(connection, seen, CampaignState.RUNNING)
            with pytest.raises(IllegalMoveError):
                campaigns.save_check(connection, name="lordimas-be", passed=True, **values)
            assert campaigns.get(connection, "lordimas-be").state is CampaignState.RUNNING

    def test_follow_ups_only_where_the_last_mail_arrived_and_nobody_answered(
        self, database: Database
    ) -> None:
        with database.write() as connection:
            campaign_id = histories.add_campaign(connection)
            expected = []
            for state in (*MessageState, MessageState.SENT):
                place = histories.add_municipality(connection)
                recipients = [histories.add_recipient(connection, campaign_id, place) for _ in range(2)]
                histories.add_message(connection, recipients[0], state=state, sent_at=NOW)
                histories.add_message(connection, recipients[1], state=MessageState.SENT, sent_at=NOW)
                expected += [recipients[1]] if state is not MessageState.SENT else recipients
            silent = expected[:-2]
            histories.add(
                connection,
                schema.engagement,
                at=NOW,
                kind=EngagementKind.DECLINED,
                campaign_id=campaign_id,
                municipality_id=place,
                recipient_id=recipients[0],
                detail="",
            )
            found = campaigns.follow_ups(connection, campaign_id, "invitation", "reminder")
            assert [one.recipient_id for one in found] == silent
            histories.add_message(connection, silent[0], "reminder")
            found = campaigns.follow_ups(connection, campaign_id, "invitation", "reminder")
            assert [one.recipient_id for one in found] == silent[1:]
