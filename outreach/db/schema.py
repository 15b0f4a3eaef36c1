"""The tables as SQLAlchemy Core sees them, for statements."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import SQLModel

from outreach.model import tables

_TABLES = SQLModel.metadata.tables

municipality = _TABLES["municipality"]
contact = _TABLES["contact"]
contact_import = _TABLES["contact_import"]
contact_change = _TABLES["contact_change"]
place_question = _TABLES["place_question"]
list_columns = _TABLES["list_columns"]
campaign = _TABLES["campaign"]
content = _TABLES["content"]
recipient = _TABLES["recipient"]
message = _TABLES["message"]
attempt = _TABLES["attempt"]
sender_pause = _TABLES["sender_pause"]
sender_window = _TABLES["sender_window"]
sender_line = _TABLES["sender_line"]
domain_use = _TABLES["domain_use"]
inbound_message = _TABLES["inbound_message"]
verdict = _TABLES["verdict"]
inbound_match = _TABLES["inbound_match"]
engagement = _TABLES["engagement"]
effect = _TABLES["effect"]
proposal = _TABLES["proposal"]
registration = _TABLES["registration"]
attendance_list = _TABLES["attendance_list"]
attendance = _TABLES["attendance"]
cost = _TABLES["cost"]
suppression = _TABLES["suppression"]
report_stale = _TABLES["report_stale"]
report_place = _TABLES["report_place"]
report_number = _TABLES["report_number"]
mailbox_cursor = _TABLES["mailbox_cursor"]
audit = _TABLES["audit"]
digest = _TABLES["digest"]

#: What waits, and what is being sent, in the words of the indexes on them.
WAITING = sa.text(f"message.{tables.WAITING}")
SENDING = sa.text(f"message.{tables.SENDING}")

#: What stands in place of an address that was erased, followed by a number: rows that counts need are kept.
ERASED = "erased:"

#: Mails of the sequence, in its order: neither answers to answers nor mails around a session.
IS_STEP = sa.and_(message.c.answers_id.is_(None), message.c.for_session.is_(sa.false()))
