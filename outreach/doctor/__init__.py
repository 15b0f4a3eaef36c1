"""`outreach doctor`: what stands in the way of mail that goes out, is trusted, and brings answers back.

``spf``, ``dmarc`` and ``dkim`` read records and only compute; ``names`` asks the DNS; ``machine``, ``domain``,
``servers`` and ``probe`` look and tell what they found; ``examination`` is the order they come in.
"""

from outreach.doctor.examination import Wishes, examine
from outreach.doctor.findings import Finding, Severity

__all__ = ["Finding", "Severity", "Wishes", "examine"]
