"""Every error the node raises on purpose; each leaf says what happens next.

IchorError
├── BadUsage            the person at the keyboard mends it; exit code 2
│   ├── BadSettings     ichor.toml or an ICHOR__ variable is wrong
│   ├── NotInstalled    an extra or a program is missing
│   └── Unavailable     a port, a folder or a database cannot be used
├── Refused             the sender is told now, by a DIMSE status
│   ├── WrongIdentity   the data set is not what the command says
│   ├── Undecodable     the bytes are no data set, or not a whole one
│   ├── WrongClass      the SOP class does not fit the context or the data
│   ├── BadUid          a UID that breaks the rules of PS3.5 9.1
│   └── NoRoom          the disk is full
├── NotAnswered         whoever asks is told now, by a DIMSE status
│   ├── BadQuery        the identifier does not fit the query, or says nothing sensible
│   ├── Unintelligible  the identifier is no data set
│   └── TooBroad        more matches than the settings allow
├── NotReadable         the series ends as not_analysed with this reason
│   └── UndecodablePixels  this one slice cannot be decoded
├── RetryLater          the step is tried again after a pause
│   ├── StaleStudy      the study moved on while it was being concluded
│   ├── LeaseLost       another worker took the job over
│   ├── DestinationDown the peer did not answer or refused
│   └── NoticeRefused   the target did not take this notice; others may still pass
└── GaveUp              tried often enough; a person must look
"""

from __future__ import annotations


class IchorError(Exception):
    """Something the node knows how to talk about."""


class BadUsage(IchorError):
    """The person who started the command can mend this."""


class BadSettings(BadUsage):
    """The configuration cannot be used as it stands."""


class NotInstalled(BadUsage):
    """A part that this command needs is not installed."""


class Unavailable(BadUsage):
    """A port, folder or database cannot be used."""


class Refused(IchorError):
    """The sender is told at once; nothing was kept."""


class WrongIdentity(Refused):
    """The data set's UIDs differ from those of the command."""


class Undecodable(Refused):
    """The bytes are not a whole data set in the negotiated transfer syntax."""


class WrongClass(Refused):
    """The SOP class of the data set is not the one negotiated."""


class BadUid(Refused):
    """A UID that no file, row or report could carry on."""


class NoRoom(Refused):
    """The disk is full or nearly so."""


class NotAnswered(IchorError):
    """Whoever asks is told at once."""


class BadQuery(NotAnswered):
    """The identifier does not fit the query's SOP class."""


class Unintelligible(NotAnswered):
    """The identifier or the information of a request cannot be decoded."""


class TooBroad(NotAnswered):
    """More matches than one query may have."""


class NotReadable(IchorError):
    """The series cannot be read; the reason is shown in the worklist."""


class UndecodablePixels(NotReadable):
    """The pixels of a slice cannot be decoded."""


class RetryLater(IchorError):
    """Try this step again after a pause."""


class StaleStudy(RetryLater):
    """The study moved on while its verdict was being made."""


class LeaseLost(RetryLater):
    """The job belongs to another worker now."""


class DestinationDown(RetryLater):
    """The destination did not answer, or refused the objects."""


class NoticeRefused(RetryLater):
    """The target answered, and did not take this notice."""


class GaveUp(IchorError):
    """Tried as often as the settings allow."""
