"""Sends alerts about incidents: by mail, to chat services, to PagerDuty and ntfy, and to any URL.

Takes rows that incidents have queued, and leaves their results in them. Everything that it sends goes through the guard
and the transport of ``dispatch``, mail included, and nothing of it is in the way of a delivery. Also writes mail for
people: invitations, lost passwords, changed addresses. Run by ``app``.
"""
