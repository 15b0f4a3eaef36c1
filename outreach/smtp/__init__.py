"""The SMTP gateway: hands messages to a member's mail server over kept connections.

aiosmtplib connects, starts TLS, says EHLO and signs in (``opening``); the message transaction is our own
(``line``), since it must know to the byte how far a message came, and since aiosmtplib runs regular
expressions over every body. What replies mean is decided in ``delivery/replies.py``, without a socket.
:func:`deliver` spreads a batch over the connections.

Never twice: a message is ``LOST_AFTER`` as soon as its last dot may have left and no reply came.
"""

from outreach.smtp.account import Account, Mail, Security, SendingStoppedError
from outreach.smtp.batch import deliver, send_unrecorded
from outreach.smtp.ledger import Record
from outreach.smtp.visiting import Visited, check_sign_in, visit

__all__ = [
    "Account",
    "Mail",
    "Record",
    "Security",
    "SendingStoppedError",
    "Visited",
    "check_sign_in",
    "deliver",
    "send_unrecorded",
    "visit",
]
